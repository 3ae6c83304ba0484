//! `dure simulate`: counterparts that speak the real protocols. They talk to a hub only over its real channels.

pub mod answer;
pub mod courier;
pub mod courier_desk;
pub mod courier_script;
pub mod mailbox;
mod mailbox_pages;
pub mod partner;
pub mod sms;

use std::net::SocketAddr;

use clap::{Args, Subcommand};

use super::call::Call;
use super::out::Outcome;
use crate::clock::Clock;
use crate::error::Result;

/// Counterparts to try a hub with: partner, courier, mailbox, sms
#[derive(Subcommand, Debug)]
pub(super) enum Simulate {
    Courier(courier::Courier),
    Mailbox(MailboxArgs),
    Partner(partner::Partner),
    Sms(sms::Sms),
}

/// Take mail and show it, passing nothing on
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  dure simulate mailbox\n  DURE_MAIL_OUT__RELAY=127.0.0.1 DURE_MAIL_OUT__PORT=2525 \
    DURE_MAIL_OUT__PROTECTION=none dure serve\n\n\
    full@… is refused for now (452), nobody@… for good (550), and the user locked cannot sign in (535).")]
pub(super) struct MailboxArgs {
    /// Where mail is taken
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:2525")]
    smtp: SocketAddr,
    /// Where it is shown
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:2580")]
    pages: SocketAddr,
}

impl Simulate {
    /// Runs it.
    pub(super) async fn run(self, call: &Call) -> Result<Outcome> {
        match self {
            Simulate::Courier(verb) => verb.run(call).await,
            Simulate::Mailbox(verb) => verb.run(call).await,
            Simulate::Partner(verb) => verb.run(call).await,
            Simulate::Sms(verb) => verb.run(call).await,
        }
    }
}

impl MailboxArgs {
    async fn run(self, call: &Call) -> Result<Outcome> {
        let mailbox = mailbox::Mailbox::start(self.smtp, Some(self.pages), mailbox::Tls::None, Clock::System).await?;
        let pages = mailbox.pages.unwrap_or(self.pages);
        call.out.line(format!("smtp://{}  http://{pages}", mailbox.smtp))?;
        until_stopped().await?;
        Ok(Outcome::Good)
    }
}

/// Waits for SIGTERM or SIGINT.
pub(super) async fn until_stopped() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        done = tokio::signal::ctrl_c() => Ok(done?),
    }
}
