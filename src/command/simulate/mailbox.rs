//! A mail server that keeps what it is sent in memory and shows it: SMTP (RFC 5321) with EHLO, SIZE (RFC 1870), 8BITMIME,
//! SMTPUTF8, AUTH PLAIN and, with a certificate, STARTTLS or TLS from the first byte. It never passes anything on.
//!
//! Some recipients make it refuse, so that failures can be tried: `full@…` is 452, `nobody@…` is 550, and the user `locked`
//! cannot sign in (535). Left out: VRFY, EXPN, chunking, pipelining.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mail_parser::{MessageParser, MimeHeaders};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::clock::Clock;
use crate::error::{Context, Result};

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
/// Bytes of one line; RFC 5321 demands 1,000.
const LONGEST_LINE: u64 = 64 << 10;
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

/// How TLS is offered.
#[derive(Clone)]
pub enum Tls {
    /// Not at all.
    None,
    /// From the first byte.
    Implicit(Arc<rustls::ServerConfig>),
    /// When asked.
    Starttls(Arc<rustls::ServerConfig>),
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
        tasks.spawn(accept(listener, tls, kept.clone()));
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

async fn accept(listener: TcpListener, tls: Tls, kept: Arc<Kept>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut conversations = JoinSet::new();
    loop {
        while conversations.try_join_next().is_some() {}
        let mut stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!("the mailbox cannot accept: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (tls, kept, permit) = (tls.clone(), kept.clone(), room.clone().try_acquire_owned());
        conversations.spawn(async move {
            let ended = match permit {
                Ok(_permit) => serve(stream, tls, &kept).await,
                Err(_) => stream.write_all(b"421 too many connections\r\n").await,
            };
            if let Err(error) = ended {
                tracing::debug!("a conversation of the mailbox ended: {error}");
            }
        });
    }
}

async fn serve(stream: TcpStream, tls: Tls, kept: &Kept) -> io::Result<()> {
    match tls {
        Tls::None => converse(stream, false, true, kept).await.map(|_| ()),
        Tls::Implicit(config) => {
            let stream = timeout(PATIENCE, TlsAcceptor::from(config).accept(stream)).await??;
            converse(stream, false, true, kept).await.map(|_| ())
        }
        Tls::Starttls(config) => match converse(stream, true, true, kept).await? {
            None => Ok(()),
            Some(stream) => {
                let stream = timeout(PATIENCE, TlsAcceptor::from(config).accept(stream)).await??;
                converse(stream, false, false, kept).await.map(|_| ())
            }
        },
    }
}

/// Speaks until the other side quits; gives the stream back when TLS is to start.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    offer_tls: bool,
    greet: bool,
    kept: &Kept,
) -> io::Result<Option<S>> {
    let mut stream = BufReader::new(stream);
    let (mut from, mut to, mut user) = (None::<String>, Vec::<String>::new(), String::new());
    if greet {
        say(&mut stream, "220 mailbox.invalid ESMTP dure simulate").await?;
    }
    while let Some(line) = read_line(&mut stream).await? {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        let verb = text.split([' ', ':']).next().unwrap_or("").to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => {
                let starttls = if offer_tls { "250-STARTTLS\r\n" } else { "" };
                format!(
                    "250-mailbox.invalid\r\n250-SIZE {LARGEST_MAIL}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n{starttls}250 AUTH PLAIN"
                )
            }
            "HELO" => "250 mailbox.invalid".to_owned(),
            "STARTTLS" if offer_tls => {
                say(&mut stream, "220 go ahead").await?;
                // What was sent too early is thrown away with the buffer (RFC 3207 section 4.2).
                return Ok(Some(stream.into_inner()));
            }
            "AUTH" => match sign_in(text) {
                Some(name) if name != "locked" => {
                    user = name;
                    "235 2.7.0 welcome".to_owned()
                }
                Some(_) => "535 5.7.8 this user cannot sign in".to_owned(),
                None => "504 5.5.4 only AUTH PLAIN with its answer in the same line".to_owned(),
            },
            "MAIL" => {
                from = path(text);
                to.clear();
                if from.is_some() {
                    "250 2.1.0 sender noted".to_owned()
                } else {
                    "501 5.1.7 MAIL FROM:<…>".to_owned()
                }
            }
            "RCPT" => match path(text) {
                _ if from.is_none() => "503 5.5.1 MAIL first".to_owned(),
                None => "501 5.1.3 RCPT TO:<…>".to_owned(),
                Some(address) if address.starts_with("full@") => "452 4.2.2 the mailbox is full".to_owned(),
                Some(address) if address.starts_with("nobody@") => "550 5.1.1 there is no such mailbox".to_owned(),
                Some(_) if to.len() >= MOST_RECIPIENTS => "452 4.5.3 too many recipients".to_owned(),
                Some(address) => {
                    to.push(address);
                    "250 2.1.5 recipient noted".to_owned()
                }
            },
            "DATA" if to.is_empty() => "503 5.5.1 RCPT first".to_owned(),
            "DATA" => {
                say(&mut stream, "354 end with a dot").await?;
                match read_mail(&mut stream).await? {
                    None => "552 5.3.4 the mail is too large".to_owned(),
                    Some(raw) => {
                        let sender = from.take().unwrap_or_default();
                        let number = kept.keep(sender, std::mem::take(&mut to), user.clone(), raw);
                        format!("250 2.0.0 kept as {number}")
                    }
                }
            }
            "RSET" => {
                (from, to) = (None, Vec::new());
                "250 2.0.0 forgotten".to_owned()
            }
            "NOOP" => "250 2.0.0 still here".to_owned(),
            "QUIT" => {
                say(&mut stream, "221 2.0.0 good bye").await?;
                return Ok(None);
            }
            _ => "502 5.5.1 not known here".to_owned(),
        };
        say(&mut stream, &answer).await?;
    }
    Ok(None)
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, line: &str) -> io::Result<()> {
    // One write, so that the end of the line does not wait for an acknowledgement of its beginning.
    timeout(PATIENCE, async {
        stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        stream.flush().await
    })
    .await?
}

/// A line with its end; none at the end of the stream.
async fn read_line<S: AsyncBufRead + Unpin>(stream: &mut S) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    timeout(PATIENCE, (&mut *stream).take(LONGEST_LINE).read_until(b'\n', &mut line)).await??;
    if line.len() as u64 >= LONGEST_LINE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"));
    }
    Ok(line.ends_with(b"\n").then_some(line))
}

/// The mail up to the lone dot, with doubled dots undone (RFC 5321 section 4.5.2); none if it is too large.
async fn read_mail<S: AsyncBufRead + Unpin>(stream: &mut S) -> io::Result<Option<Bytes>> {
    let mut mail = Vec::new();
    let mut fits = true;
    while let Some(line) = read_line(stream).await? {
        if line == b".\r\n" {
            return Ok(fits.then(|| mail.into()));
        }
        let line = line.strip_prefix(b".").unwrap_or(&line);
        fits = fits && mail.len() + line.len() <= LARGEST_MAIL;
        if fits {
            mail.extend_from_slice(line);
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// The address in angle brackets.
fn path(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('<')?;
    let (address, _) = rest.split_once('>')?;
    Some(address.to_owned())
}

/// The user of `AUTH PLAIN base64(identity NUL user NUL password)` (RFC 4616).
fn sign_in(text: &str) -> Option<String> {
    let mut words = text.split_whitespace().skip(1);
    if !words.next()?.eq_ignore_ascii_case("plain") {
        return None;
    }
    let plain = STANDARD.decode(words.next()?).ok()?;
    let user = plain.split(|byte| *byte == 0).nth(1)?;
    String::from_utf8(user.to_vec()).ok()
}
