//! Channels that the hub keeps open by itself: the operator is told once when one fails, with the cause, and once when it
//! works again (log, metric, and the state in the store, which pages show).

use super::hub::Hub;
use super::metrics::label;
use crate::error::Result;
use crate::store::channels;

/// A success is noted at most so often while nothing changes, milliseconds.
const NOTE_EVERY_MS: i64 = 60_000;
/// Characters of a cause that are kept.
const LONGEST_CAUSE: usize = 500;

impl Hub {
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
