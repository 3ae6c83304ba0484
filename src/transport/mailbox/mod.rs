//! Mailboxes that are read over IMAP (RFC 9051, 3501): TLS by rustls, IDLE (RFC 2177) where it is offered, polled where not.
//!
//! A mail is marked as seen, or moved to another folder, only when it and its documents are on disk; how far a mailbox was read
//! is kept in the store. Should we fall in between, the mail is fetched again and known by its Message-ID. One hub at a time
//! reads a mailbox, under a lease. A server that cannot be reached, a password that is refused or a connection that keeps
//! breaking is told to the operator once, and once more when it works again.

mod session;

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde::{Deserialize, Serialize};

use self::session::{Ended, Session};
use super::mail::intake::Intake;
use super::mail_client::Protection;
use crate::pipeline::hub::Hub;

/// For how long a hub has a mailbox without renewing, milliseconds.
const LEASE_MS: i64 = 60_000;
/// How often it renews, and how often another hub asks.
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// Failures in a row that make it certain.
const CERTAIN: u32 = 2;

/// A mailbox, `[mailbox.NAME]`. Its password is the sealed secret `mailbox:NAME`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Host name of the server.
    pub host: String,
    /// Its port; 0 for the usual one of the protection: 993, 143.
    pub port: u16,
    /// `implicit`, `none` or `starttls`.
    pub protection: Protection,
    /// Who we are to the server.
    pub user: String,
    /// PEM file with certificate authorities trusted besides the system's; empty for none.
    pub roots: PathBuf,
    /// The folder that is read.
    pub folder: String,
    /// The folder that mails are moved to when they are taken; empty: they stay and are marked as seen.
    pub done_folder: String,
    /// Seconds between looks where the server does not offer IDLE, and at most between tries after failures.
    pub poll_s: u64,
    /// For one command, milliseconds.
    pub timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            host: String::new(),
            port: 0,
            protection: Protection::Implicit,
            user: String::new(),
            roots: PathBuf::new(),
            folder: "INBOX".to_owned(),
            done_folder: String::new(),
            poll_s: 60,
            timeout_ms: 60_000,
        }
    }
}

/// The name of a mailbox among channels, leases and secrets.
fn channel_name(name: &str) -> String {
    format!("mailbox:{name}")
}

/// Reads a mailbox until the hub stops.
pub async fn run(intake: Intake, name: String, settings: Settings) {
    let hub = Arc::clone(intake.hub());
    let channel = channel_name(&name);
    let mut failures = 0;
    while !hub.is_stopping() {
        let pause = match hub.take_channel(&channel, LEASE_MS).await {
            Ok(None) => RENEW_EVERY,
            Err(error) => {
                tracing::warn!(channel, %error, "the lease of a mailbox could not be taken");
                RENEW_EVERY
            }
            Ok(Some(epoch)) => {
                let mut session = Session::new(&intake, &name, &channel, &settings);
                let work = AssertUnwindSafe(session.run()).catch_unwind();
                let ended = tokio::select! {
                    ended = work => ended.unwrap_or_else(|_| Ended::broken("a bug: reading it panicked, the log says where")),
                    () = lease_lost(&hub, &channel, epoch) => Ended::Stopped,
                    () = hub.stopping() => Ended::Stopped,
                };
                if let Err(error) = hub.release_channel(&channel, epoch).await {
                    tracing::warn!(channel, %error, "the lease of a mailbox runs out by itself");
                }
                // One that was read to the end before it broke starts counting anew.
                failures = if session.was_read() { 0 } else { failures };
                match ended {
                    Ended::Stopped => RENEW_EVERY,
                    Ended::Failed { cause, certain } => {
                        failures += 1;
                        let certain = certain || failures >= CERTAIN;
                        if let Err(error) = hub.channel_failed(&channel, &cause, certain).await {
                            tracing::error!(channel, %error, cause, "the failure of a mailbox could not be noted");
                        }
                        // At once after the first break, then less and less often.
                        let seconds = 1_u64 << failures.saturating_sub(1).min(10);
                        Duration::from_secs(seconds.min(settings.poll_s.max(1)))
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
            Err(error) => tracing::warn!(channel, %error, "the lease of a mailbox could not be renewed"),
        }
    }
}
