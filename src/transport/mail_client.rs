//! Mail out: documents and notices handed to a relay by SMTP (RFC 5321), for addresses `mailto:name@host`.
//!
//! A body with a file name travels as an attachment in base64, byte for byte; without one it is the text of the mail. The
//! Message-ID is made of the delivery id, so that every attempt at a delivery is the same mail, and every mail says that a
//! machine wrote it (RFC 3834). Left out: header fields in the address (RFC 6068), DKIM, which the relay signs.

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use lettre::address::{AddressError, Envelope};
use lettre::message::header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde::{Deserialize, Serialize};

use super::trust;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::model::secret::Secret;
use crate::pipeline::channel::Channel;
use crate::pipeline::hub::Hub;
use crate::pipeline::outbound::{Outbound, Outgoing, Sent};

/// The relay's name among channels.
const CHANNEL: &str = "mail-out";
/// Recipients of one delivery.
const MOST_RECIPIENTS: usize = 20;

/// How the connection to the relay is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// Not at all; for a relay on the same machine.
    None,
    /// TLS after STARTTLS, required (RFC 3207).
    Starttls,
}

/// Its part of the configuration, `[mail_out]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Host name of the relay; empty: no mail leaves.
    pub relay: String,
    /// Its port; 0 for the usual one of the protection: 465, 25, 587.
    pub port: u16,
    /// `implicit`, `none` or `starttls`.
    pub protection: Protection,
    /// Who we are to the relay; empty: it does not ask.
    pub user: String,
    /// The password for it.
    pub password: Secret,
    /// PEM file with certificate authorities trusted besides the system's; empty for none.
    pub roots: PathBuf,
    /// The sender of our mails.
    pub from: String,
    /// From connecting to the relay's last reply, milliseconds.
    pub timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            relay: String::new(),
            port: 0,
            protection: Protection::Starttls,
            user: String::new(),
            password: Secret::default(),
            roots: PathBuf::new(),
            from: "dure@localhost".to_owned(),
            timeout_ms: 30_000,
        }
    }
}

/// Hands mails to the relay.
pub struct MailClient {
    /// None as long as no relay is configured.
    relay: Option<AsyncSmtpTransport<Tokio1Executor>>,
    from: Mailbox,
    timeout: Duration,
    clock: Clock,
}

impl MailClient {
    /// A client by the configuration.
    pub fn new(settings: &Settings, clock: Clock) -> Result<MailClient> {
        let wrong = |error: AddressError| Error::config(format!("mail_out.from {:?}", settings.from)).caused_by(error);
        let from: Mailbox = settings.from.parse().map_err(wrong)?;
        let timeout = Duration::from_millis(settings.timeout_ms);
        let relay = if settings.relay.is_empty() { None } else { Some(relay(settings, from.email.domain(), timeout)?) };
        Ok(MailClient { relay, from, timeout, clock })
    }

    async fn attempt(&self, out: &Outgoing) -> Sent {
        let Some(relay) = &self.relay else {
            return again("no mail relay is configured (mail_out.relay)".to_owned());
        };
        let mail = match recipients(&out.address).and_then(|to| self.write(out, to)) {
            Ok(mail) => mail,
            Err(reason) => return Sent::Dead { reason },
        };
        match tokio::time::timeout(self.timeout, relay.send(mail)).await {
            Err(_) => Sent::Unreachable { reason: "the relay did not finish in time".to_owned() },
            Ok(Ok(reply)) => {
                let said: Vec<_> = reply.message().collect();
                Sent::Delivered { receipt: format!("SMTP {} {}", reply.code(), said.join(" ")), answer: None }
            }
            Ok(Err(error)) => failed(&error),
        }
    }

    fn write(&self, out: &Outgoing, to: Vec<Address>) -> std::result::Result<Message, String> {
        let now_ms = u64::try_from(self.clock.now_ms()).unwrap_or(0);
        let subject = one_line(&out.subject);
        let domain = self.from.email.domain();
        let mut builder = Message::builder()
            .from(self.from.clone())
            .date(UNIX_EPOCH + Duration::from_millis(now_ms))
            .message_id(Some(format!("<{}@{domain}>", out.delivery)))
            .header(AutoSubmitted(if out.automatic_answer { "auto-replied" } else { "auto-generated" }))
            .subject(&subject);
        if let Some(answered) = out.thread.last() {
            builder = builder.in_reply_to(format!("<{}>", one_line(answered)));
            let all: Vec<String> = out.thread.iter().map(|id| format!("<{}>", one_line(id))).collect();
            builder = builder.references(all.join(" "));
        }
        if out.automatic_answer {
            // Nothing that comes back of it may be answered again (RFC 3834 section 3.3).
            let envelope = Envelope::new(None, to.clone());
            builder = builder.envelope(envelope.map_err(|error| format!("the mail cannot be addressed: {error}"))?);
        }
        for address in to {
            builder = builder.to(Mailbox::new(None, address));
        }
        let content_type = ContentType::parse(&out.content_type)
            .map_err(|_| format!("the media type cannot be {:?}", out.content_type))?;
        let written = if out.file_name.is_empty() {
            let text =
                String::from_utf8(out.body.to_vec()).map_err(|_| "the text of the mail is not UTF-8".to_owned())?;
            let text = SinglePart::builder().header(content_type).body(text);
            if out.attachments.is_empty() {
                builder.singlepart(text)
            } else {
                let mut parts = MultiPart::mixed().singlepart(text);
                for file in &out.attachments {
                    parts = parts.singlepart(attached(&file.name, &file.body, &file.content_type)?);
                }
                builder.multipart(parts)
            }
        } else {
            let name = one_line(&out.file_name);
            let text = format!("{subject}\r\n\r\n첨부 문서 · Attached document: {name}\r\n");
            let file = attached(&out.file_name, &out.body, &out.content_type)?;
            builder.multipart(MultiPart::mixed().singlepart(SinglePart::plain(text)).singlepart(file))
        };
        written.map_err(|error| format!("the mail cannot be written: {error}"))
    }
}

/// A file as part of a mail.
fn attached(name: &str, body: &[u8], content_type: &str) -> std::result::Result<SinglePart, String> {
    // Base64, because line ends of other encodings change on the way and with them the digest.
    let body = Body::new_with_encoding(body.to_vec(), ContentTransferEncoding::Base64)
        .map_err(|_| "the document cannot be written in base64".to_owned())?;
    let content_type =
        ContentType::parse(content_type).map_err(|_| format!("the media type cannot be {content_type:?}"))?;
    Ok(Attachment::new(one_line(name)).body(body, content_type))
}

/// The relay as a channel that can be tried; it is made anew for that.
pub struct RelayChannel {
    settings: Settings,
    clock: Clock,
}

impl RelayChannel {
    /// Of the configuration; none if there is no relay.
    pub fn new(settings: &Settings, clock: Clock) -> Option<RelayChannel> {
        (!settings.relay.is_empty()).then(|| RelayChannel { settings: settings.clone(), clock })
    }
}

impl Channel for RelayChannel {
    fn name(&self) -> &str {
        CHANNEL
    }

    fn place(&self) -> String {
        self.settings.relay.clone()
    }

    fn probe<'a>(&'a self, _: &'a Hub) -> BoxFuture<'a, std::result::Result<(), String>> {
        Box::pin(async move {
            let client = MailClient::new(&self.settings, self.clock.clone()).map_err(|error| error.to_string())?;
            let Some(relay) = &client.relay else { return Ok(()) };
            match tokio::time::timeout(client.timeout, relay.test_connection()).await {
                Err(_) => Err("the relay did not answer in time".to_owned()),
                Ok(Ok(true)) => Ok(()),
                Ok(Ok(false)) => Err("the relay answers, but not to NOOP".to_owned()),
                Ok(Err(error)) => match failed(&error) {
                    Sent::Dead { reason }
                    | Sent::Rejected { reason, .. }
                    | Sent::Unreachable { reason }
                    | Sent::Temporary { reason, .. } => Err(reason),
                    Sent::Delivered { .. } => Ok(()),
                },
            }
        })
    }
}

impl Outbound for MailClient {
    fn scheme(&self) -> &'static [&'static str] {
        &["mailto"]
    }

    fn channel(&self, _: &Outgoing) -> Option<&str> {
        self.relay.is_some().then_some(CHANNEL)
    }

    fn send<'a>(&'a self, out: &'a Outgoing) -> BoxFuture<'a, Sent> {
        Box::pin(self.attempt(out))
    }
}

fn relay(settings: &Settings, domain: &str, timeout: Duration) -> Result<AsyncSmtpTransport<Tokio1Executor>> {
    let wrong = |what: &str| Error::new(Kind::Config, format!("mail_out: {what}"));
    let tls = || {
        let mut tls = TlsParameters::builder(settings.relay.clone());
        for root in trust::certificates(&settings.roots)? {
            let root = Certificate::from_der(root.to_vec());
            tls = tls.add_root_certificate(root.map_err(|error| wrong("take in mail_out.roots").caused_by(error))?);
        }
        tls.build_rustls().map_err(|error| wrong("set up TLS").caused_by(error))
    };
    let (usual_port, tls) = match settings.protection {
        Protection::Implicit => (465, Tls::Wrapper(tls()?)),
        Protection::None => (25, Tls::None),
        Protection::Starttls => (587, Tls::Required(tls()?)),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.relay.as_str())
        .port(if settings.port == 0 { usual_port } else { settings.port })
        .tls(tls)
        .hello_name(ClientId::Domain(domain.to_owned()))
        .timeout(Some(timeout));
    if !settings.user.is_empty() {
        builder = builder.credentials(Credentials::new(settings.user.clone(), settings.password.expose().to_owned()));
    }
    Ok(builder.build())
}

/// The recipients of `mailto:a@x.example,b@y.example`.
fn recipients(address: &str) -> std::result::Result<Vec<Address>, String> {
    let list = address.strip_prefix("mailto:").ok_or("the address does not begin with mailto:")?;
    if list.contains(['?', '%']) {
        return Err("write the address as mailto:name@host, without header fields and escapes".to_owned());
    }
    let to = list.split(',').map(|one| one.trim().parse::<Address>().map_err(|error| format!("{one}: {error}")));
    let to: Vec<_> = to.take(MOST_RECIPIENTS + 1).collect::<std::result::Result<_, _>>()?;
    if to.len() > MOST_RECIPIENTS { Err(format!("more than {MOST_RECIPIENTS} recipients")) } else { Ok(to) }
}

/// 5xx is final, except where the relay does not know us or has no TLS: that is ours to mend (RFC 4954 section 6, RFC 3207).
fn failed(error: &lettre::transport::smtp::Error) -> Sent {
    let code = error.status().map(u16::from);
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !reason.contains(&text) {
            reason = format!("{reason}: {text}");
        }
        cause = inner.source();
    }
    let reason = one_line(&reason);
    let ours = matches!(code, Some(421 | 432 | 454 | 530 | 534 | 535 | 538));
    match code {
        Some(_) if !ours && error.is_permanent() => Sent::Dead { reason },
        Some(_) if !ours => again(reason),
        // It does not know us, or there was no answer at all.
        _ => Sent::Unreachable { reason },
    }
}

fn again(reason: String) -> Sent {
    Sent::Temporary { reason, retry_after_ms: None }
}

/// Without line ends and other controls, so that it stays one header field.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `Auto-Submitted` (RFC 3834 section 5): `auto-generated`, or `auto-replied` for an answer.
#[derive(Clone)]
struct AutoSubmitted(&'static str);

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> std::result::Result<AutoSubmitted, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted("auto-generated"))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(AutoSubmitted::name(), self.0.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expected: std::result::Result<&[&str], &str>) {
        match (recipients(address), expected) {
            (Ok(found), Ok(expected)) => {
                assert_eq!(found.iter().map(Address::to_string).collect::<Vec<_>>(), expected);
            }
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{address}: {found}"),
            (found, _) => panic!("{address}: {found:?}"),
        }
    }

    #[test]
    fn addresses() {
        check("mailto:a@x.example", Ok(&["a@x.example"]));
        check("mailto:a+b@x.example, c@y.example", Ok(&["a+b@x.example", "c@y.example"]));
        check("mailto:", Err(""));
        check("mailto:nobody", Err("nobody"));
        check("https://x.example", Err("mailto:"));
        check("mailto:a@x.example?bcc=b@x.example", Err("without header fields"));
        check("mailto:a%40b@x.example", Err("without header fields"));
        check("mailto:a@x.example\r\nRCPT TO:<b@x.example>", Err(""));
        check(&format!("mailto:{}", ["a@x.example"; 21].join(",")), Err("more than 20"));
    }

    #[test]
    fn a_wrong_sender_is_a_configuration_error() {
        let settings = Settings { from: "nobody".to_owned(), ..Settings::default() };
        let error = MailClient::new(&settings, Clock::System).err().unwrap();
        assert!(error.to_string().contains("mail_out.from"), "{error}");
    }
}
