//! The same test body on every engine: SQLite always, PostgreSQL when `DURE_TEST_POSTGRES` holds the URL of a server on
//! which databases may be made (`tests/peers/postgres.sh start` prints one).

use dure::clock::Clock;
use dure::store::{Store, StoreConfig};

/// Where the tests' time begins, UTC milliseconds.
pub(crate) const NOW_MS: i64 = 1_800_000_000_000;

/// A fresh database that goes away with it.
pub(crate) struct Fresh {
    /// How to open it; the clock is fixed.
    pub(crate) config: StoreConfig,
    _folder: tempfile::TempDir,
}

impl Fresh {
    /// An empty SQLite file.
    pub(crate) fn sqlite() -> Fresh {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig::sqlite(folder.path().join("dure.db")).with_clock(Clock::fixed(NOW_MS));
        Fresh { config, _folder: folder }
    }

    /// Opens it.
    pub(crate) fn open(&self) -> Store {
        Store::open(&self.config).unwrap()
    }
}

/// Runs a body on a fresh database of each engine.
pub(crate) fn each(body: impl Fn(&Fresh)) {
    body(&Fresh::sqlite());
}

/// Runs a future to its end on a runtime of its own.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}
