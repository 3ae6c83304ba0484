//! Channels that the hub keeps open by itself: the operator is told once when one fails, with the cause, and once when it
//! works again (log, metric, and the state in the store, which pages show).

use futures_util::future::BoxFuture;

use super::courier::Signing;
use super::hub::Hub;
use super::metrics::label;
use crate::error::Result;
use crate::store::{channels, leases};

/// A success is noted at most so often while nothing changes, milliseconds.
const NOTE_EVERY_MS: i64 = 60_000;
/// Characters of a cause that are kept.
const LONGEST_CAUSE: usize = 500;

/// A channel that somebody may ask to be tried.
pub trait Channel: Send + Sync {
    /// Its name among channels: `mailbox:NAME`, `folder:NAME`, `mail-out`.
    fn name(&self) -> &str;

    /// Where it leads, in a line: a host, a folder.
    fn place(&self) -> String;

    /// Short name of the partner whose channel it is; none where it is the hub's.
    fn partner(&self) -> Option<&str> {
        None
    }

    /// Tries whether it works, without taking or sending anything: why not, if it does not. Bounded in time.
    fn probe<'a>(&'a self, hub: &'a Hub) -> BoxFuture<'a, Result<(), String>>;

    /// How calls to `/callbacks/NAME` are signed, if the other side calls to say what became of something.
    fn signing(&self) -> Option<&Signing> {
        None
    }

    /// Such a call as a document of the channel's partner, in our own JSON; or why it is none.
    fn reported(&self, _body: &[u8]) -> Result<String, String> {
        Err("nobody calls about this channel".to_owned())
    }
}

impl Hub {
    /// Tries a channel and notes what came of it; none if there is no such channel.
    pub async fn try_channel(&self, name: &str) -> Result<Option<bool>> {
        let Some(channel) = self.channels().iter().find(|channel| channel.name() == name) else { return Ok(None) };
        match channel.probe(self).await {
            Ok(()) => self.channel_works(name).await.map(|()| Some(true)),
            Err(cause) => self.channel_failed(name, &cause, true).await.map(|()| Some(false)),
        }
    }

    /// A channel works.
    pub async fn channel_works(&self, name: &str) -> Result<()> {
        let (channel, now_ms) = (name.to_owned(), self.clock.now_ms());
        let known = self.store.read(move |tx| channels::get(tx, &channel)).await?;
        let lately = |at: Option<i64>| at.is_some_and(|at| now_ms - at < NOTE_EVERY_MS);
        self.metrics.channels.get_or_create(&label("channel", name)).set(1);
        if known.is_some_and(|known| known.state == "up" && known.failures == 0 && lately(known.succeeded_ms)) {
            return Ok(());
        }
        let channel = name.to_owned();
        let down_since = self.store.write(move |tx| channels::up(tx, &channel, now_ms)).await?;
        if let Some(since_ms) = down_since {
            let minutes = (now_ms - since_ms) / 60_000;
            tracing::warn!(channel = name, minutes, "channel {name} works again");
        }
        Ok(())
    }

    /// Takes a channel for this hub alone, or keeps it for longer; the epoch of the lease, none if another hub has it.
    pub async fn take_channel(&self, name: &str, lease_ms: i64) -> Result<Option<i64>> {
        // By the hub's number, not by its process: one that was killed goes on where it was as soon as it is back. Should two
        // hubs have one channel after all, what came twice is still known as such.
        let (name, owner) = (name.to_owned(), format!("hub-{}", self.config.hub));
        self.store.write(move |tx| leases::acquire(tx, &name, &owner, lease_ms)).await
    }

    /// Gives a channel back.
    pub async fn release_channel(&self, name: &str, epoch: i64) -> Result<()> {
        let name = name.to_owned();
        self.store.write(move |tx| leases::release(tx, &name, epoch)).await
    }

    /// How far a channel was read, in its own words; empty at first.
    pub async fn channel_position(&self, name: &str) -> Result<String> {
        let name = name.to_owned();
        self.store.read(move |tx| channels::position(tx, &name)).await
    }

    /// Notes how far a channel was read.
    pub async fn set_channel_position(&self, name: &str, position: String) -> Result<()> {
        let (name, now_ms) = (name.to_owned(), self.clock.now_ms());
        self.store.write(move |tx| channels::set_position(tx, &name, &position, now_ms)).await
    }

    /// A channel failed. It counts as down if that is `certain`; a connection that was cut off and comes back is no news.
    pub async fn channel_failed(&self, name: &str, cause: &str, certain: bool) -> Result<()> {
        let cause: String = cause.chars().filter(|c| !c.is_control()).take(LONGEST_CAUSE).collect();
        let (channel, kept, now_ms) = (name.to_owned(), cause.clone(), self.clock.now_ms());
        let news = self.store.write(move |tx| channels::failed(tx, &channel, &kept, certain, now_ms)).await?;
        self.metrics.channel_failures.get_or_create(&label("channel", name)).inc();
        if certain {
            self.metrics.channels.get_or_create(&label("channel", name)).set(0);
        }
        if news {
            tracing::error!(channel = name, cause, "channel {name} is down: {cause}");
        } else {
            tracing::debug!(channel = name, cause, "channel {name} failed");
        }
        Ok(())
    }
}
