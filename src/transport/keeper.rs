//! Channels that one hub at a time keeps open by itself: under a lease, again and again after failures, less and less often.
//! The operator is told once when one fails for certain, and once more when it works again.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

use crate::pipeline::hub::Hub;

/// For how long a hub has a channel without renewing, milliseconds.
const LEASE_MS: i64 = 60_000;
/// How often it renews, and how often another hub asks.
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// Failures in a row that make it certain.
const CERTAIN: u32 = 2;

/// How a session ended.
pub(super) enum Ended {
    /// Because we wanted it.
    Stopped,
    /// The other side, the network or we failed.
    Failed {
        /// Why, for the operator.
        cause: String,
        /// Whether trying again at once cannot help.
        certain: bool,
    },
}

impl Ended {
    /// Something broke that may be whole again.
    pub(super) fn broken(cause: impl Into<String>) -> Ended {
        Ended::Failed { cause: cause.into(), certain: false }
    }

    /// Something that a person has to mend.
    pub(super) fn certain(cause: impl Into<String>) -> Ended {
        Ended::Failed { cause: cause.into(), certain: true }
    }
}

/// One connection, or one look after the other.
pub(super) trait Session {
    /// Works until something fails.
    fn run(&mut self) -> impl Future<Output = Ended> + Send;

    /// Whether everything that was new has been taken at least once.
    fn was_read(&self) -> bool;
}

/// Keeps a channel open until the hub stops. `longest` is the longest pause after failures.
pub(super) async fn keep<S: Session>(hub: &Hub, channel: &str, longest: Duration, begin: impl Fn() -> S) {
    let mut failures = 0;
    while !hub.is_stopping() {
        let pause = match hub.take_channel(channel, LEASE_MS).await {
            Ok(None) => RENEW_EVERY,
            Err(error) => {
                tracing::warn!(channel, %error, "the lease of a channel could not be taken");
                RENEW_EVERY
            }
            Ok(Some(epoch)) => {
                let mut session = begin();
                let work = AssertUnwindSafe(session.run()).catch_unwind();
                let ended = tokio::select! {
                    ended = work => ended.unwrap_or_else(|_| Ended::broken("a bug: reading it panicked, the log says where")),
                    () = lease_lost(hub, channel, epoch) => Ended::Stopped,
                    () = hub.stopping() => Ended::Stopped,
                };
                if let Err(error) = hub.release_channel(channel, epoch).await {
                    tracing::warn!(channel, %error, "the lease of a channel runs out by itself");
                }
                // One that was read to the end before it broke starts counting anew.
                failures = if session.was_read() { 0 } else { failures };
                match ended {
                    Ended::Stopped => RENEW_EVERY,
                    Ended::Failed { cause, certain } => {
                        failures += 1;
                        let certain = certain || failures >= CERTAIN;
                        if let Err(error) = hub.channel_failed(channel, &cause, certain).await {
                            tracing::error!(channel, %error, cause, "the failure of a channel could not be noted");
                        }
                        // At once after the first break, then less and less often.
                        Duration::from_secs(1_u64 << failures.saturating_sub(1).min(10)).min(longest)
                    }
                }
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = hub.stopping() => return,
        }
    }
}

async fn lease_lost(hub: &Hub, channel: &str, epoch: i64) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        match hub.take_channel(channel, LEASE_MS).await {
            Ok(Some(renewed)) if renewed == epoch => {}
            Ok(_) => return,
            Err(error) => tracing::warn!(channel, %error, "the lease of a channel could not be renewed"),
        }
    }
}
