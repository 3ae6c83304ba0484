//! The engine under the tables: threads that own connections, and closures that are sent to them.
//!
//! Async code sends a closure and awaits; the closure gets a [`Tx`], is synchronous and *is* the transaction. It may be
//! run more than once, so it has no effect but its SQL. What it gives back is answered only after COMMIT has returned.

mod backup;
mod fault;
mod flight;
mod placeholder;
mod postgres;
mod queue;
mod session;
mod sqlite;
mod tls;
mod tx;
mod value;
mod wire;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::error::{Error, Result};

pub use backup::BackupProgress;
pub use fault::{Class, Fault, fault_of, is_unique_violation};
pub(in crate::store) use placeholder::{migration_for_postgres, migration_for_sqlite};
pub use tx::{MOST_ROWS, Tx};
pub use value::{Param, Row, Value};

use queue::{Lane, Lanes, Work, stopped};
use session::Session;

/// Which engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    /// The embedded one.
    Sqlite,
    /// The server.
    Postgres,
}

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// A file of ours. Who opens it holds the folder's lock.
    Sqlite(PathBuf),
    /// A server, by URL: `postgresql://user:password@host:port/database`, or with a folder of a Unix socket as host
    /// (`%2Frun%2Fpostgresql`).
    Postgres(String),
}

impl fmt::Debug for Address {
    /// Without the password that a URL may hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Sqlite(path) => write!(f, "Sqlite({})", path.display()),
            Address::Postgres(_) => f.write_str("Postgres(..)"),
        }
    }
}

/// What a commit promises.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// What was answered survives a power cut.
    Full,
    /// It does not (`synchronous=NORMAL`). Only for the test that shows that the power-cut test can fail.
    LosesOnPowerCut,
}

/// What PostgreSQL's transactions see of each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Isolation {
    /// Nothing: as if they ran one after the other.
    Serializable,
    /// What was committed meanwhile (READ COMMITTED). Only for the test that shows that the write-skew test can fail.
    AllowsWriteSkew,
}

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Where.
    pub address: Address,
    /// The hub's clock.
    pub clock: Clock,
    /// SQLite: pages of 4 KiB in the write-ahead log that cause a checkpoint. 10,000; 50,000 for large stores.
    pub checkpoint_pages: u32,
    /// Connections that only read.
    pub readers: usize,
    /// PostgreSQL: connections for receipts.
    pub receipt_connections: usize,
    /// PostgreSQL: connections for everything else that writes.
    pub write_connections: usize,
    /// PostgreSQL elsewhere: whose certificates hold.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// What a commit promises.
    pub durability: Durability,
    /// What PostgreSQL's transactions see of each other.
    pub isolation: Isolation,
}

impl StoreConfig {
    /// The defaults for a file.
    pub fn sqlite(path: impl Into<PathBuf>) -> StoreConfig {
        StoreConfig::at(Address::Sqlite(path.into()))
    }

    /// The defaults for a server.
    pub fn postgres(url: impl Into<String>) -> StoreConfig {
        StoreConfig::at(Address::Postgres(url.into()))
    }

    /// The defaults.
    pub fn at(address: Address) -> StoreConfig {
        StoreConfig {
            address,
            clock: Clock::System,
            checkpoint_pages: 10_000,
            readers: 4,
            receipt_connections: 4,
            write_connections: 6,
            tls: None,
            durability: Durability::Full,
            isolation: Isolation::Serializable,
        }
    }

    /// With that clock.
    pub fn with_clock(mut self, clock: Clock) -> StoreConfig {
        self.clock = clock;
        self
    }
}

/// The database. What was sent to it is done, also when nobody waits for the answer any more. Clones share it; the last one stops its threads when it is dropped, after what waits is done.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    config: StoreConfig,
    lanes: Arc<Lanes>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Store {
    /// Opens the database and brings its tables up to date. Blocks.
    pub fn open(config: &StoreConfig) -> Result<Store> {
        let lanes = Arc::new(Lanes::default());
        let store = Store {
            shared: Arc::new(Shared { config: config.clone(), lanes: Arc::clone(&lanes), threads: Mutex::default() }),
        };
        match &config.address {
            Address::Sqlite(path) => store.start_sqlite(path)?,
            Address::Postgres(url) => store.start_postgres(url)?,
        }
        Ok(store)
    }

    fn start_sqlite(&self, path: &Path) -> Result<()> {
        let config = &self.shared.config;
        let lanes = &self.shared.lanes;
        let connection = sqlite::open(path, config)?;
        super::migrate::apply(|step| sqlite::transact(&connection, &config.clock, step))?;
        let writer = sqlite::Writer::new(connection, Arc::clone(lanes), config)?;
        self.start("store-writer".to_owned(), move || writer.run())?;
        for number in 0..config.readers.max(1) {
            let connection = sqlite::open_reader(path, config)?;
            let (lanes, clock) = (Arc::clone(lanes), config.clock.clone());
            self.start(format!("store-read-{number}"), move || sqlite::read(&connection, &lanes, &clock))?;
        }
        Ok(())
    }

    fn start_postgres(&self, url: &str) -> Result<()> {
        let config = &self.shared.config;
        let server = postgres::server(url, config.tls.as_ref())?;
        let (first, clock) = (server.clone(), config.clock.clone());
        // On a thread of its own, because the caller may be a task.
        let preparing = std::thread::Builder::new().name("store-open".to_owned()).spawn(move || {
            let mut session = Session::new(first, 0)?;
            postgres::refuse_unfit(&mut session)?;
            super::migrate::apply(|step| postgres::transact(&mut session, &clock, step))
        })?;
        preparing.join().map_err(|_| Error::bug("opening the database panicked"))??;
        let isolation = config.isolation;
        let counts = [
            (Lane::Receipt, config.receipt_connections),
            (Lane::Write, config.write_connections),
            (Lane::Read, config.readers),
        ];
        for (lane, count) in counts {
            for number in 0..count.max(1) {
                let mut session = Session::new(server.clone(), number)?;
                let (lanes, clock) = (Arc::clone(&self.shared.lanes), config.clock.clone());
                self.start(format!("store-{}-{number}", lane.name()), move || match lane {
                    Lane::Receipt => postgres::receipts(&mut session, &lanes, &clock),
                    Lane::Write => postgres::writes(&mut session, &lanes, &clock, isolation),
                    Lane::Read => postgres::reads(&mut session, &lanes, &clock),
                })?;
            }
        }
        Ok(())
    }

    fn start(&self, name: String, body: impl FnOnce() + Send + 'static) -> Result<()> {
        let thread = std::thread::Builder::new().name(name).spawn(body)?;
        self.shared.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        match self.shared.config.address {
            Address::Sqlite(_) => Engine::Sqlite,
            Address::Postgres(_) => Engine::Postgres,
        }
    }

    /// Stores a receipt: a closure that only inserts. Receipts go before everything else and share commits.
    pub async fn receive<T, F>(&self, closure: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.send(Lane::Receipt, false, closure).await
    }

    /// Runs a closure that reads and writes, alone or as if it were.
    pub async fn write<T, F>(&self, closure: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.send(Lane::Write, false, closure).await
    }

    /// Runs a closure whose one statement that writes compares and sets, and so is right at any isolation: a claim. On
    /// PostgreSQL it then meets no conflict with the serializable transactions of everybody else.
    pub async fn compare_and_set<T, F>(&self, closure: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.send(Lane::Write, true, closure).await
    }

    /// Runs a closure that only reads, on one snapshot.
    pub async fn read<T, F>(&self, closure: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.send(Lane::Read, false, closure).await
    }

    /// [`Store::write`] for a thread that may stand still: the command line.
    pub fn write_blocking<T, F>(&self, closure: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.send_blocking(Lane::Write, closure)
    }

    /// [`Store::read`] for a thread that may stand still: the command line.
    pub fn read_blocking<T, F>(&self, closure: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.send_blocking(Lane::Read, closure)
    }

    async fn send<T, F>(&self, lane: Lane, compares_and_sets: bool, closure: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.ask(lane, compares_and_sets, closure)?.await.unwrap_or_else(|_| Err(stopped()))
    }

    fn send_blocking<T, F>(&self, lane: Lane, closure: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        stand_still(self.ask(lane, false, closure)?).unwrap_or_else(|_| Err(stopped()))
    }

    fn ask<T, F>(&self, lane: Lane, compares_and_sets: bool, closure: F) -> Result<oneshot::Receiver<Result<T>>>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (answer, waiting) = oneshot::channel();
        self.push(lane, Work::boxed(lane, compares_and_sets, closure, answer))?;
        Ok(waiting)
    }

    fn push(&self, lane: Lane, job: Box<dyn queue::Job>) -> Result<()> {
        // On SQLite the one writer serves both lanes and waits in one place.
        let waker = match (self.engine(), lane) {
            (Engine::Sqlite, Lane::Receipt) => Lane::Write,
            (_, lane) => lane,
        };
        self.shared.lanes.push(lane, waker, job)
    }
}

/// Stands still until there is an answer, on whatever thread.
fn stand_still<F: Future>(waiting: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    // On a thread of a runtime a future that used up its turn is woken when the thread goes on, which it does not.
    let mut waiting = std::pin::pin!(tokio::task::unconstrained(waiting));
    loop {
        match waiting.as_mut().poll(&mut cx) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::park(),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.lanes.close();
        let threads = std::mem::take(self.threads.get_mut().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // The last clone may have been in a closure; a thread does not wait for itself.
            if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
                tracing::error!("a store thread had panicked");
            }
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.shared.config.address).finish()
    }
}
