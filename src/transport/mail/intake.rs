//! From the bytes of a mail to its durable documents: read, looked at for what proves it, kept. The listener and the mailboxes
//! hand their mails in here.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::letter::{self, Letter};
use super::parts::Limits;
use super::proof::Prover;
use crate::error::{Error, Result};
use crate::model::mail::{Evidence, LeftOut, Why};
use crate::pipeline::hub::Hub;
use crate::pipeline::mail::{ArrivedMail, MailFile, TakenMail};
use crate::transport::smtp::Envelope;

/// Its part of the configuration, `[mail_in]`: how mails are read, and where they are taken by SMTP or LMTP.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where mails are taken; none: nowhere.
    #[serde(with = "address")]
    pub listen: Option<SocketAddr>,
    /// `smtp` or `lmtp`.
    pub protocol: Protocol,
    /// Our name in greetings; empty: the host of `public_url`.
    pub name: String,
    /// Addresses that mail is taken for, `name@host` or `@host`.
    pub recipients: Vec<String>,
    /// Bytes of one mail.
    pub mail_bytes: u64,
    /// Bytes of all documents of a mail and of what is unpacked of it.
    pub unpacked_bytes: u64,
    /// Connections at a time.
    pub connections: usize,
    /// For one command, and for a pause inside a mail, milliseconds.
    pub timeout_ms: u64,
    /// Name server that knows the keys of DKIM signatures; none: the system's.
    #[serde(with = "address")]
    pub name_server: Option<SocketAddr>,
}

/// Which of the two is spoken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// From a mail server of ours, which is answered for each recipient (RFC 2033).
    Lmtp,
    /// RFC 5321.
    Smtp,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            listen: None,
            protocol: Protocol::Smtp,
            name: String::new(),
            recipients: Vec::new(),
            mail_bytes: 32 << 20,
            unpacked_bytes: 128 << 20,
            connections: 50,
            timeout_ms: 60_000,
            name_server: None,
        }
    }
}

/// An address and port as text; empty for none.
mod address {
    use std::net::SocketAddr;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(address: &Option<SocketAddr>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&address.map_or(String::new(), |address| address.to_string()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(None);
        }
        let wrong = |_| serde::de::Error::custom(format!("{text} is no address with a port, such as 127.0.0.1:2525"));
        text.parse().map(Some).map_err(wrong)
    }
}

/// Reads mails and hands them to the hub.
#[derive(Clone)]
pub struct Intake {
    hub: Arc<Hub>,
    prover: Prover,
    limits: Limits,
    mail_bytes: usize,
}

impl Intake {
    /// By the configuration.
    pub fn new(hub: &Arc<Hub>, settings: &Settings) -> Result<Intake> {
        let unpacked_bytes = usize::try_from(settings.unpacked_bytes).unwrap_or(usize::MAX);
        let limits = Limits { unpacked_bytes, ..Limits::default() };
        let mail_bytes = usize::try_from(settings.mail_bytes).unwrap_or(usize::MAX);
        Ok(Intake { hub: Arc::clone(hub), prover: Prover::new(settings.name_server)?, limits, mail_bytes })
    }

    /// The hub that keeps what is taken.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Bytes of one mail.
    pub fn mail_bytes(&self) -> usize {
        self.mail_bytes
    }

    /// Keeps the head of a mail that is too large to be taken.
    pub async fn take_head(&self, channel: &str, head: Bytes, size_bytes: usize) -> Result<TakenMail> {
        let mut letter = self.read(head.clone(), false).await?;
        letter.documents.clear();
        letter.left_out = vec![LeftOut { name: String::new(), size_bytes, why: Why::TooLarge }];
        self.hand_in(channel, letter, Evidence::default(), Envelope::default(), head).await
    }

    /// Takes a mail in; when this returns, it and every document in it are on disk.
    pub async fn take(&self, channel: &str, envelope: Envelope, null_return: bool, raw: Bytes) -> Result<TakenMail> {
        let letter = self.read(raw.clone(), null_return).await?;
        let evidence = self.prover.look(&raw, &letter.from).await;
        self.hand_in(channel, letter, evidence, envelope, raw).await
    }

    async fn hand_in(
        &self,
        channel: &str,
        letter: Letter,
        evidence: Evidence,
        envelope: Envelope,
        raw: Bytes,
    ) -> Result<TakenMail> {
        let files = letter.documents.into_iter().map(|file| MailFile {
            name: file.name,
            content_type: file.content_type,
            charset: file.charset,
            body: file.body,
        });
        let subject = letter.subject.clone();
        let taken = self
            .hub
            .receive_mail(ArrivedMail {
                channel: channel.to_owned(),
                message_id: letter.message_id,
                documents_digest: letter.digest,
                sender: letter.from,
                sender_shown: letter.from_shown,
                return_path: envelope.from,
                recipients: envelope.to,
                subject: letter.subject,
                thread: letter.references,
                automatic: letter.automatic.map_or("", letter::Automatic::as_str),
                evidence,
                files: files.collect(),
                left_out: letter.left_out,
                raw,
            })
            .await?;
        tracing::info!(
            channel,
            documents = taken.interchanges.len(),
            repeat = taken.repeat,
            "a mail was taken, \"{}\"",
            subject.chars().take(60).collect::<String>()
        );
        Ok(taken)
    }

    /// Off the async threads, as archives are unpacked; a panic is a bug that costs this mail's documents, not the mailbox.
    async fn read(&self, raw: Bytes, null_return: bool) -> Result<Letter> {
        let (limits, whole) = (self.limits, raw.clone());
        let read = move || std::panic::catch_unwind(AssertUnwindSafe(|| letter::read(&raw, null_return, &limits)));
        let ended = tokio::task::spawn_blocking(read).await;
        let ended = ended.map_err(|error| Error::bug("reading a mail").caused_by(error))?;
        Ok(ended.unwrap_or_else(|_| {
            self.hub.metrics.panics.inc();
            tracing::error!("a bug: reading a mail panicked; it is kept without its documents");
            letter::unreadable(&whole, Why::Damaged)
        }))
    }
}
