//! The hub: what every stage shares.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use tokio::sync::{Notify, Semaphore, broadcast, watch};

use super::channel::Channel;
use super::courier::Couriers;
use super::metrics::Metrics;
use super::outbound::Outbound;
use crate::clock::Clock;
use crate::config::Config;
use crate::document::directory::Directory;
use crate::document::effect::day_of;
use crate::error::{Error, Kind, Result};
use crate::model::id::IdSource;
use crate::model::seal::Sealer;
use crate::model::secret::Secret;
use crate::store::{Store, parties};

/// Something happened that a page or a waiting caller may want to know; only a hint, the row is the truth.
#[derive(Clone, Copy, Debug)]
pub struct Happened {
    /// What it happened to.
    pub interchange_id: i64,
    /// Who handed it in.
    pub organisation_id: i64,
    /// Its centre.
    pub centre_id: i64,
}

/// What every stage shares. One per process, behind an `Arc`.
pub struct Hub {
    /// The machine's configuration.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// Seals secrets at rest, each under its name.
    pub sealer: Sealer,
    /// The time.
    pub clock: Clock,
    /// What couriers say, by their names.
    pub couriers: Couriers,
    /// Makes ids.
    pub ids: IdSource,
    /// What is counted.
    pub metrics: Metrics,
    /// The transports that take deliveries out.
    pub outbound: Vec<Box<dyn Outbound>>,
    /// Wakes the worker.
    pub received: Notify,
    /// Wakes the dispatcher.
    pub scheduled: Notify,
    /// Wakes what asks couriers.
    pub asked: Notify,
    /// Wakes what books parcels.
    pub booked: Notify,
    /// Room for payloads that are read, KiB.
    pub(super) reading: Semaphore,
    /// Who this hub is in leases.
    pub owner: String,
    channels: OnceLock<Vec<Box<dyn Channel>>>,
    happened: broadcast::Sender<Happened>,
    directory: ArcSwap<Directory>,
    stop: watch::Sender<bool>,
    recent: super::receive::Recent,
    last_id_ms: AtomicI64,
}

impl Hub {
    /// A hub on an open store.
    pub async fn new(
        config: Config,
        store: Store,
        clock: Clock,
        sealer: Sealer,
        outbound: Vec<Box<dyn Outbound>>,
    ) -> Result<Arc<Hub>> {
        let directory = store.read(Directory::load).await?;
        let couriers = Couriers::load(&config.couriers)?;
        let ids = IdSource::new(config.hub);
        let owner = format!("hub-{}-{}", config.hub, ids.next(clock.now_ms()));
        Ok(Arc::new(Hub {
            config,
            store,
            sealer,
            couriers,
            ids,
            metrics: Metrics::default(),
            outbound,
            received: Notify::new(),
            scheduled: Notify::new(),
            asked: Notify::new(),
            booked: Notify::new(),
            reading: Semaphore::new(super::worker::READING_KIB),
            owner,
            channels: OnceLock::new(),
            happened: broadcast::channel(1024).0,
            directory: ArcSwap::from_pointee(directory),
            stop: watch::channel(false).0,
            recent: super::receive::Recent::default(),
            last_id_ms: AtomicI64::new(clock.now_ms()),
            clock,
        }))
    }

    /// Channels that can be tried; none before they are set up.
    pub fn channels(&self) -> &[Box<dyn Channel>] {
        self.channels.get().map_or(&[], Vec::as_slice)
    }

    /// Sets up the channels that can be tried, once.
    pub fn set_channels(&self, channels: Vec<Box<dyn Channel>>) {
        drop(self.channels.set(channels));
    }

    /// The next id. Time that goes backwards does not take ids back.
    pub fn next_id(&self) -> i64 {
        let now = self.clock.now_ms();
        let last = self.last_id_ms.fetch_max(now, Ordering::Relaxed).max(now);
        self.ids.next(last)
    }

    /// Who is who, now.
    pub fn directory(&self) -> Arc<Directory> {
        self.directory.load_full()
    }

    /// Reads the directory again if its version was raised; rights act at once.
    pub async fn refresh_directory(&self) -> Result<()> {
        let known = self.directory.load().version;
        let newer = self
            .store
            .read(move |tx| if parties::version(tx)? == known { Ok(None) } else { Directory::load(tx).map(Some) })
            .await?;
        if let Some(directory) = newer {
            // Two readers may finish in the other order: the newer one stays.
            self.directory
                .rcu(|now| if now.version < directory.version { Arc::new(directory.clone()) } else { Arc::clone(now) });
        }
        Ok(())
    }

    /// Today in the hub's zone, `YYYY-MM-DD`.
    pub fn today(&self) -> String {
        day_of(self.config.zone, self.clock.now_ms())
    }

    /// A secret by its name.
    pub fn secret(&self, name: &str) -> Result<Option<Secret>> {
        if name.is_empty() {
            return Ok(None);
        }
        match self.directory.load().sealed_secret(name) {
            Some(sealed) => self.sealer.open(name, sealed).map(Some),
            None => Err(Error::new(Kind::Crypto, format!("there is no secret called {name}"))),
        }
    }

    /// Tells whoever listens.
    pub fn tell(&self, happened: Happened) {
        // Nobody listening is the ordinary case.
        drop(self.happened.send(happened));
    }

    /// Listens.
    pub fn listen(&self) -> broadcast::Receiver<Happened> {
        self.happened.subscribe()
    }

    /// Asks everything to stop taking new work.
    pub fn stop(&self) {
        self.stop.send_replace(true);
        self.received.notify_waiters();
        self.scheduled.notify_waiters();
    }

    /// Whether the hub is stopping.
    pub fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Resolves when the hub is asked to stop.
    pub async fn stopping(&self) {
        let mut stop = self.stop.subscribe();
        // The sender lives as long as the hub, so this ends only with true.
        drop(stop.wait_for(|stop| *stop).await);
    }

    /// Recent transport ids, a hint.
    pub(super) fn recent(&self) -> &super::receive::Recent {
        &self.recent
    }
}
