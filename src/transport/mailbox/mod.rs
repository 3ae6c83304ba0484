//! Mailboxes that are read over IMAP (RFC 9051, 3501): TLS by rustls, IDLE (RFC 2177) where it is offered, polled where not.
//!
//! A mail is marked as seen, or moved to another folder, only when it and its documents are on disk; how far a mailbox was read
//! is kept in the store. Should we fall in between, the mail is fetched again and known by its Message-ID. One hub at a time
//! reads a mailbox, under a lease. A server that cannot be reached, a password that is refused or a connection that keeps
//! breaking is told to the operator once, and once more when it works again.

mod door;
mod session;

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use self::door::Door;
use self::session::Session;
use super::keeper;
use super::mail::intake::Intake;
use super::mail_client::Protection;
use crate::pipeline::channel::Channel;
use crate::pipeline::hub::Hub;

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

/// A mailbox as a channel that can be tried.
pub struct MailboxChannel {
    channel: String,
    settings: Settings,
}

impl MailboxChannel {
    /// Of a part of the configuration.
    pub fn new(name: &str, settings: &Settings) -> MailboxChannel {
        MailboxChannel { channel: channel_name(name), settings: settings.clone() }
    }
}

impl Channel for MailboxChannel {
    fn name(&self) -> &str {
        &self.channel
    }

    fn place(&self) -> String {
        format!("{}, {}, {}", self.settings.host, self.settings.user, self.settings.folder)
    }

    fn probe<'a>(&'a self, hub: &'a Hub) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { Door { hub, channel: &self.channel, settings: &self.settings }.probe().await })
    }
}

/// Reads a mailbox until the hub stops.
pub async fn run(intake: Intake, name: String, settings: Settings) {
    let channel = channel_name(&name);
    let longest = Duration::from_secs(settings.poll_s.max(1));
    keeper::keep(intake.hub(), &channel, longest, || Session::new(&intake, &name, &channel, &settings)).await;
}
