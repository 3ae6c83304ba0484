//! The same test body on every engine: SQLite always, PostgreSQL when `DURE_TEST_POSTGRES` holds the URL of a server on
//! which databases may be made (`tests/peers/postgres.sh start` prints one).

use std::sync::atomic::{AtomicU32, Ordering};

use dure::clock::Clock;
use dure::store::{Store, StoreConfig};
use tokio_postgres::NoTls;

/// Where the tests' time begins, UTC milliseconds.
pub(crate) const NOW_MS: i64 = 1_800_000_000_000;

/// A fresh database that goes away with it.
pub(crate) struct Fresh {
    /// How to open it; the clock is fixed.
    pub(crate) config: StoreConfig,
    /// Its file's folder or its name and server.
    place: Place,
}

enum Place {
    Folder { _folder: tempfile::TempDir },
    Server { url: String, name: String },
}

impl Fresh {
    /// An empty SQLite file.
    pub(crate) fn sqlite() -> Fresh {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig::sqlite(folder.path().join("dure.db")).with_clock(Clock::fixed(NOW_MS));
        Fresh { config, place: Place::Folder { _folder: folder } }
    }

    /// An empty database on the server of `DURE_TEST_POSTGRES`.
    fn postgres(url: &str) -> Fresh {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("dure_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        on_server(url, &format!("CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"));
        let mut own = url::Url::parse(url).unwrap();
        own.set_path(&name);
        let mut config = StoreConfig::postgres(own).with_clock(Clock::fixed(NOW_MS));
        // Tests run side by side, and a server has a hundred connections.
        (config.receipt_connections, config.readers) = (2, 2);
        Fresh { config, place: Place::Server { url: url.to_owned(), name } }
    }

    /// Opens it.
    pub(crate) fn open(&self) -> Store {
        Store::open(&self.config).unwrap()
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Place::Server { url, name } = &self.place {
            on_server(url, &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

/// Executes a statement on a server.
pub(crate) fn on_server(url: &str, sql: &str) {
    block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::select! {
            done = client.batch_execute(sql) => done.unwrap(),
            ended = connection => ended.unwrap(),
        }
    });
}

/// The server for tests, if there is one.
pub(crate) fn server() -> Option<String> {
    std::env::var("DURE_TEST_POSTGRES").ok().filter(|url| !url.is_empty())
}

/// Runs a body on a fresh database of each engine.
pub(crate) fn each(body: impl Fn(&Fresh)) {
    body(&Fresh::sqlite());
    if let Some(url) = server() {
        body(&Fresh::postgres(&url));
    }
}

/// Runs a future to its end on a runtime of its own.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}
