//! Wires everything, starts and stops it.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use ring::rand::SystemRandom;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower_http::catch_panic::CatchPanicLayer;

use crate::clock::Clock;
use crate::config::{Config, Database};
use crate::error::{Context, Error, Kind, Result};
use crate::jobs;
use crate::pipeline::channel::Channel;
use crate::pipeline::hub::Hub;
use crate::pipeline::outbound::Outbound;
use crate::pipeline::{courier, dispatch, worker};
use crate::store::{Address, Store, StoreConfig};
use crate::transport::connector::{ConnectorOut, Connectors};
use crate::transport::folder::{self, FolderChannel, FolderOut};
use crate::transport::http_client::HttpClient;
use crate::transport::keys;
use crate::transport::listen::Serving;
use crate::transport::mail::intake::Intake;
use crate::transport::mail::listener as mail_listener;
use crate::transport::mail_client::{MailClient, RelayChannel};
use crate::transport::mailbox::{self, MailboxChannel};
use crate::transport::tls::TlsFiles;

/// How long what is under way may take when the hub stops.
const GRACE_MS: u64 = 10_000;
/// How often the directory is looked at for changes another hub made.
const DIRECTORY_EVERY: Duration = Duration::from_secs(1);

/// The lock of a data folder: one process at a time. Held until it is dropped.
#[derive(Debug)]
pub struct FolderLock(#[expect(dead_code, reason = "its lock is what counts")] File);

/// Takes the lock of a data folder, making the folder if it is not there. An error if another process has it.
pub fn lock_folder(folder: &Path) -> Result<FolderLock> {
    let taken = || Error::config(format!("another dure is using the data folder {}", folder.display()));
    try_lock_folder(folder)?.ok_or_else(taken)
}

/// Takes the lock of a data folder, making the folder if it is not there; none if another process has it.
pub fn try_lock_folder(folder: &Path) -> Result<Option<FolderLock>> {
    if !folder.is_dir() {
        // Keys and everybody's documents will be in it.
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .context(|| format!("making the data folder {}", folder.display()))?;
    }
    let path = folder.join("dure.lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .context(|| format!("opening {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(FolderLock(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::from(error).context(format!("locking {}", path.display()))),
    }
}

/// The store's configuration of a hub's configuration.
pub fn store_config(config: &Config, clock: &Clock) -> StoreConfig {
    let address = match &config.database {
        Database::Sqlite => Address::Sqlite(config.sqlite_file()),
        Database::Postgres(url) => Address::Postgres(url.expose().to_owned()),
    };
    StoreConfig {
        readers: config.workers.readers,
        write_connections: config.workers.connections,
        ..StoreConfig::at(address).with_clock(clock.clone())
    }
}

/// A hub without workers and listener, for the command line: its caller holds the folder's lock.
pub async fn open_hub(config: Config, clock: Clock) -> Result<Arc<Hub>> {
    open(config, clock).await.map(|(hub, _)| hub)
}

async fn open(config: Config, clock: Clock) -> Result<(Arc<Hub>, Arc<Connectors>)> {
    let connectors = Connectors::load(&config.connectors, &config.connector, &config.http_out, &clock)?;
    let connectors = Arc::new(connectors);
    let sealer = keys::open_sealer(&config.sealing_key_file(), &config.keys.sealing_key, SystemRandom::new())?;
    let settings = store_config(&config, &clock);
    let store = tokio::task::spawn_blocking(move || Store::open(&settings))
        .await
        .map_err(|panic| Error::bug(format!("opening the store: {panic}")))??;
    let outbound: Vec<Box<dyn Outbound>> = vec![
        Box::new(HttpClient::new(config.http_out.clone(), clock.clone())?),
        Box::new(FolderOut::new(config.folder.clone())),
        Box::new(ConnectorOut::new(Arc::clone(&connectors))),
        Box::new(MailClient::new(&config.mail_out, clock.clone())?),
    ];
    let hub = Hub::new(config, store, clock, sealer, outbound).await?;
    connectors.join(&hub);
    hub.set_channels(channels(&hub, &connectors));
    Ok((hub, connectors))
}

/// The channels that the page of the channels shows.
fn channels(hub: &Hub, connectors: &Connectors) -> Vec<Box<dyn Channel>> {
    let config = &hub.config;
    let mut channels = connectors.channels();
    for (name, settings) in &config.folder {
        channels.push(Box::new(FolderChannel::new(name, settings)));
    }
    for (name, settings) in &config.mailbox {
        channels.push(Box::new(MailboxChannel::new(name, settings)));
    }
    if let Some(relay) = RelayChannel::new(&config.mail_out, hub.clock.clone()) {
        channels.push(Box::new(relay));
    }
    channels
}

/// A hub that runs.
pub struct Running {
    hub: Arc<Hub>,
    address: SocketAddr,
    mail_address: Option<SocketAddr>,
    tasks: JoinSet<()>,
    _lock: Option<FolderLock>,
}

/// Which parts of a hub run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parts {
    /// All.
    All,
    /// It listens and keeps what it is handed; nothing is worked on.
    ReceiveOnly,
}

/// Starts a hub: store, workers, jobs, listener. Port 0 takes a free one.
pub async fn start(config: Config, clock: Clock) -> Result<Running> {
    start_parts(config, clock, Parts::All).await
}

/// Starts a hub, or only its receiving end.
pub async fn start_parts(config: Config, clock: Clock, parts: Parts) -> Result<Running> {
    // Hubs on PostgreSQL share the database; the folder is still one's own.
    let lock = lock_folder(&config.data)?;
    let tls = TlsFiles::open(&config.tls)?.map(Arc::new);
    let plan = jobs::runner::plan(jobs::JOBS, &config)?;
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| Error::new(Kind::Io, format!("listening on {}", config.listen)).caused_by(error))?;
    let address = listener.local_addr()?;
    let mut config = config;
    config.listen = address;
    let serving = Serving {
        listener,
        tls: tls.clone(),
        connections: config.limits.connections,
        header_timeout_ms: config.limits.header_timeout_ms,
        stall_timeout_ms: config.limits.body_timeout_ms,
        grace_ms: GRACE_MS,
    };
    let mail = bind_mail(&config).await?;
    let mail_address = match &mail {
        Some(listener) => Some(listener.local_addr()?),
        None => None,
    };
    let (hub, connectors) = open(config, clock).await?;

    let mut tasks = JoinSet::new();
    if let Some(listener) = mail {
        let (intake, stopping) = (Intake::new(&hub, &hub.config.mail_in)?, Arc::clone(&hub));
        let (settings, name, tls) = (hub.config.mail_in.clone(), mail_name(&hub.config), tls.clone());
        supervise(&mut tasks, &hub, "mail listener", async move {
            mail_listener::run(listener, settings, name, tls, intake, stopping.stopping()).await;
        });
    }
    if parts == Parts::All {
        for (name, settings) in hub.config.folder.clone() {
            supervise(&mut tasks, &hub, "folder", folder::run(Arc::clone(&hub), name, settings));
        }
        for (name, settings) in hub.config.mailbox.clone() {
            let intake = Intake::new(&hub, &hub.config.mail_in)?;
            supervise(&mut tasks, &hub, "mailbox", mailbox::run(intake, name, settings));
        }
        for poll in connectors.polls(&hub) {
            supervise(&mut tasks, &hub, "connector", poll);
        }
        supervise(&mut tasks, &hub, "worker", worker::run(Arc::clone(&hub)));
        supervise(&mut tasks, &hub, "dispatch", dispatch::run(Arc::clone(&hub)));
        supervise(&mut tasks, &hub, "courier questions", courier::ask::run(Arc::clone(&hub)));
        supervise(&mut tasks, &hub, "bookings", courier::book::run(Arc::clone(&hub)));
        supervise(&mut tasks, &hub, "jobs", jobs::runner::run(Arc::clone(&hub), plan));
    }
    supervise(&mut tasks, &hub, "directory", watch_directory(Arc::clone(&hub)));
    if let Some(tls) = tls {
        let stopping = Arc::clone(&hub);
        supervise(&mut tasks, &hub, "certificates", async move {
            tokio::select! {
                () = tls.watch() => {}
                () = stopping.stopping() => {}
            }
        });
    }
    let (router, stopping) = (router(&hub), Arc::clone(&hub));
    supervise(&mut tasks, &hub, "listener", async move { serving.run(router, stopping.stopping()).await });
    tracing::info!(%address, "dure listens on {}", hub.config.url());
    Ok(Running { hub, address, mail_address, tasks, _lock: lock.into() })
}

async fn bind_mail(config: &Config) -> Result<Option<TcpListener>> {
    let Some(address) = config.mail_in.listen else { return Ok(None) };
    let listener = TcpListener::bind(address).await;
    let failed = |error| Error::new(Kind::Io, format!("listening for mail on {address}")).caused_by(error);
    listener.map(Some).map_err(failed)
}

/// Our name among mail servers.
fn mail_name(config: &Config) -> String {
    let host = url::Url::parse(&config.url()).ok().and_then(|url| url.host_str().map(str::to_owned));
    if config.mail_in.name.is_empty() {
        host.unwrap_or_else(|| "localhost".to_owned())
    } else {
        config.mail_in.name.clone()
    }
}

/// Starts a task that lives until the hub stops. One that ends before takes the hub down: half a hub would accept
/// documents that nobody works on.
fn supervise(
    tasks: &mut JoinSet<()>,
    hub: &Arc<Hub>,
    name: &'static str,
    task: impl Future<Output = ()> + Send + 'static,
) {
    let hub = Arc::clone(hub);
    tasks.spawn(async move {
        let ended = std::panic::AssertUnwindSafe(task);
        let ended = futures_util::FutureExt::catch_unwind(ended).await;
        if !hub.is_stopping() {
            tracing::error!(panicked = ended.is_err(), "{name} ended by itself; the hub stops");
            hub.stop();
        }
    });
}

async fn watch_directory(hub: Arc<Hub>) {
    while !hub.is_stopping() {
        tokio::select! {
            () = tokio::time::sleep(DIRECTORY_EVERY) => {}
            () = hub.stopping() => return,
        }
        if let Err(error) = hub.refresh_directory().await {
            tracing::warn!(%error, "the directory could not be read again");
        }
    }
}

/// Everything that is served.
pub fn router(hub: &Arc<Hub>) -> Router {
    crate::api::router(Arc::clone(hub))
        .merge(crate::portal::router(Arc::clone(hub)))
        // A panic is a bug: whoever asked is told 500, and the log says where.
        .layer(CatchPanicLayer::new())
}

impl Running {
    /// The hub.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it takes mail, if it does.
    pub fn mail_address(&self) -> Option<SocketAddr> {
        self.mail_address
    }

    /// Waits for SIGTERM or SIGINT, or until the hub stops by itself, then stops in good order. An error if a part failed.
    pub async fn wait(self) -> Result<()> {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        let asked = tokio::select! {
            _ = terminate.recv() => true,
            interrupted = tokio::signal::ctrl_c() => interrupted.is_ok(),
            () = self.hub.stopping() => false,
        };
        self.stop().await?;
        if asked { Ok(()) } else { Err(Error::bug("a part of the hub ended by itself; the log says which")) }
    }

    /// Stops: no new work, what is under way finishes.
    pub async fn stop(mut self) -> Result<()> {
        tracing::info!("stopping");
        self.hub.stop();
        while self.tasks.join_next().await.is_some() {}
        tracing::info!("stopped");
        Ok(())
    }
}
