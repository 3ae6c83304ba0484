//! A mail server that keeps what it is sent in memory and shows it; it never passes anything on.
//!
//! Some recipients make it refuse, so that failures can be tried: `full@…` is 452, `nobody@…` is 550, and the user `locked`
//! cannot sign in (535).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use mail_parser::{MessageParser, MimeHeaders};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::error::{Context, Result};
pub use crate::transport::smtp::Tls;
use crate::transport::smtp::{self, Envelope, Protocol, Taker, Terms};

/// Mails kept; older ones are dropped.
const MOST_MAILS: usize = 1000;
/// Bytes kept in all.
const MOST_BYTES: usize = 64 << 20;
/// Bytes of one mail.
const LARGEST_MAIL: usize = 16 << 20;
/// Recipients of one mail.
const MOST_RECIPIENTS: usize = 100;
/// Connections at a time.
const MOST_CONNECTIONS: usize = 50;
/// For one command or line.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mail as it came in.
#[derive(Debug)]
pub struct Mail {
    /// Counted from 1.
    pub number: usize,
    /// When it came, UTC milliseconds.
    pub received_ms: i64,
    /// Return path; empty for none.
    pub from: String,
    /// Recipients of the envelope.
    pub to: Vec<String>,
    /// Who signed in; empty for nobody.
    pub user: String,
    /// The mail itself.
    pub raw: Bytes,
}

/// A file that came with a mail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl Mail {
    fn parsed(&self) -> Option<mail_parser::Message<'_>> {
        MessageParser::default().parse(self.raw.as_ref())
    }

    /// Its subject, decoded.
    pub fn subject(&self) -> String {
        self.parsed().and_then(|mail| mail.subject().map(str::to_owned)).unwrap_or_default()
    }

    /// A header, decoded; empty if it is not there.
    pub fn header(&self, name: &str) -> String {
        self.parsed()
            .and_then(|mail| mail.header_raw(name.to_owned()).map(|value| value.trim().to_owned()))
            .unwrap_or_default()
    }

    /// Its text, decoded.
    pub fn text(&self) -> String {
        self.parsed().and_then(|mail| mail.body_text(0).map(|text| text.into_owned())).unwrap_or_default()
    }

    /// Its files.
    pub fn attachments(&self) -> Vec<Attachment> {
        let Some(mail) = self.parsed() else { return Vec::new() };
        mail.attachments()
            .map(|part| {
                let kind = part.content_type();
                let main = kind.map_or("application", |kind| kind.ctype());
                let sub = kind.and_then(|kind| kind.subtype()).unwrap_or("octet-stream");
                let name = part.attachment_name().unwrap_or("").to_owned();
                Attachment { name, content_type: format!("{main}/{sub}"), body: part.contents().to_vec() }
            })
            .collect()
    }
}

/// What is kept, shared by connections and pages.
pub(super) struct Kept {
    mails: Mutex<VecDeque<Arc<Mail>>>,
    count: watch::Sender<usize>,
    clock: Clock,
}

impl Kept {
    pub(super) fn list(&self) -> Vec<Arc<Mail>> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Mail>>> {
        self.mails.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn keep(&self, from: String, to: Vec<String>, user: String, raw: Bytes) -> usize {
        let received_ms = self.clock.now_ms();
        let mut mails = self.lock();
        let number = *self.count.borrow() + 1;
        mails.push_back(Arc::new(Mail { number, received_ms, from, to, user, raw }));
        let mut bytes: usize = mails.iter().map(|mail| mail.raw.len()).sum();
        while mails.len() > MOST_MAILS || bytes > MOST_BYTES {
            bytes -= mails.pop_front().map_or(bytes, |old| old.raw.len());
        }
        self.count.send_replace(number);
        number
    }
}

/// A running server; it ends when this is dropped.
pub struct Mailbox {
    /// Where it takes mail.
    pub smtp: SocketAddr,
    /// Where it shows mail, if it does.
    pub pages: Option<SocketAddr>,
    kept: Arc<Kept>,
    _tasks: JoinSet<()>,
}

impl Mailbox {
    /// Starts on these addresses; port 0 is any free one.
    pub async fn start(smtp: SocketAddr, pages: Option<SocketAddr>, tls: Tls, clock: Clock) -> Result<Mailbox> {
        let listener = TcpListener::bind(smtp).await.context(|| format!("listen for mail on {smtp}"))?;
        let smtp = listener.local_addr()?;
        let kept = Arc::new(Kept { mails: Mutex::default(), count: watch::Sender::new(0), clock });
        let mut tasks = JoinSet::new();
        let terms = Terms {
            name: "mailbox.invalid".to_owned(),
            protocol: Protocol::Smtp,
            mail_bytes: LARGEST_MAIL,
            recipients: MOST_RECIPIENTS,
            sign_in: true,
            patience: PATIENCE,
            mail_patience: PATIENCE,
            connections: MOST_CONNECTIONS,
        };
        tasks.spawn(smtp::serve(listener, move || tls.clone(), terms, kept.clone()));
        let mut shown = None;
        if let Some(address) = pages {
            let listener = TcpListener::bind(address).await.context(|| format!("show mails on {address}"))?;
            shown = Some(listener.local_addr()?);
            let router = super::mailbox_pages::router(kept.clone());
            tasks.spawn(async move {
                if let Err(error) = axum::serve(listener, router).await {
                    tracing::warn!("the pages of the mailbox ended: {error}");
                }
            });
        }
        Ok(Mailbox { smtp, pages: shown, kept, _tasks: tasks })
    }

    /// What is kept, oldest first.
    pub fn mails(&self) -> Vec<Arc<Mail>> {
        self.kept.list()
    }

    /// What is kept as soon as so many mails have come in all, or as it is after that time.
    pub async fn wait_for(&self, count: usize, within: Duration) -> Vec<Arc<Mail>> {
        let mut counter = self.kept.count.subscribe();
        match timeout(within, counter.wait_for(|so_far| *so_far >= count)).await {
            // In time, too late, or closed: what is there is given in any case.
            Ok(_) | Err(_) => self.mails(),
        }
    }
}

impl Taker for Kept {
    fn recipient(&self, address: &str) -> String {
        match address.split('@').next() {
            Some("full") => "452 4.2.2 the mailbox is full".to_owned(),
            Some("nobody") => "550 5.1.1 there is no such mailbox".to_owned(),
            _ => "250 2.1.5 recipient noted".to_owned(),
        }
    }

    fn sign_in(&self, user: &str, _: &str) -> bool {
        user != "locked"
    }

    fn take(&self, envelope: Envelope, mail: Bytes) -> BoxFuture<'_, String> {
        let number = self.keep(envelope.from, envelope.to, envelope.user, mail);
        Box::pin(async move { format!("250 2.0.0 kept as {number}") })
    }
}
