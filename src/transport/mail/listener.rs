//! Mail in by SMTP or LMTP: 250 only when the mail and every document in it are on disk. Mail for other addresses than ours is
//! refused, so that nobody relays through us; who sent a mail is found out later.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;

use super::intake::{self, Intake, Settings};
use crate::transport::smtp::{self, Envelope, Protocol, Taker, Terms, Tls};
use crate::transport::tls::TlsFiles;

/// Recipients of one mail.
const MOST_RECIPIENTS: usize = 100;
/// For one mail in all.
const MAIL_PATIENCE: Duration = Duration::from_secs(600);

struct Listener {
    intake: Intake,
    recipients: Vec<String>,
}

/// Whether mail for an address is ours; a tag behind `+` does not matter.
fn is_ours(recipients: &[String], address: &str) -> bool {
    let address = address.to_lowercase();
    let Some((local, host)) = address.rsplit_once('@') else { return false };
    let local = local.split('+').next().unwrap_or(local);
    recipients.iter().any(|known| {
        let known = known.to_lowercase();
        known == format!("{local}@{host}") || known == format!("@{host}")
    })
}

impl Taker for Listener {
    fn recipient(&self, address: &str) -> String {
        if is_ours(&self.recipients, address) {
            "250 2.1.5 recipient noted".to_owned()
        } else {
            "550 5.7.1 mail for that address is not taken here".to_owned()
        }
    }

    fn sign_in(&self, _: &str, _: &str) -> bool {
        false
    }

    fn take(&self, envelope: Envelope, mail: Bytes) -> BoxFuture<'_, String> {
        let null_return = envelope.from.is_empty();
        async move {
            match self.intake.take("listener", envelope, null_return, mail).await {
                Ok(taken) if taken.repeat => "250 2.0.0 kept before".to_owned(),
                Ok(_) => "250 2.0.0 kept".to_owned(),
                // Whatever it is, it is ours and not the sender's: the mail comes again.
                Err(error) => {
                    tracing::warn!(%error, "a mail could not be kept; its sender tries again");
                    "451 4.3.0 it cannot be kept now".to_owned()
                }
            }
        }
        .boxed()
    }
}

/// Takes mails until `stop` is ready. What is under way then is not answered, so it comes again.
pub async fn run(
    listener: TcpListener,
    settings: Settings,
    name: String,
    tls: Option<Arc<TlsFiles>>,
    intake: Intake,
    stop: impl Future<Output = ()>,
) {
    let terms = Terms {
        name,
        protocol: match settings.protocol {
            intake::Protocol::Lmtp => Protocol::Lmtp,
            intake::Protocol::Smtp => Protocol::Smtp,
        },
        mail_bytes: usize::try_from(settings.mail_bytes).unwrap_or(usize::MAX),
        recipients: MOST_RECIPIENTS,
        sign_in: false,
        patience: Duration::from_millis(settings.timeout_ms),
        mail_patience: MAIL_PATIENCE,
        connections: settings.connections,
    };
    let taker = Arc::new(Listener { intake, recipients: settings.recipients });
    let tls = move || tls.as_ref().map_or(Tls::None, |files| Tls::Starttls(files.current()));
    tokio::select! {
        () = smtp::serve(listener, tls, terms, taker) => {}
        () = stop => {}
    }
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn whose_mail_is_taken() {
        let ours = ["orders@hub.example".to_owned(), "@edi.hub.example".to_owned()];
        let check = |address: &str, expected| assert_eq!(is_ours(&ours, address), expected, "{address}");
        check("Orders@Hub.Example", true);
        check("orders+buyer-a@hub.example", true);
        check("anybody@edi.hub.example", true);
        check("other@hub.example", false);
        check("orders@hub.example.evil.example", false);
        check("orders", false);
    }
}
