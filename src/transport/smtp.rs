//! The server's side of SMTP (RFC 5321) and LMTP (RFC 2033): EHLO with SIZE (RFC 1870), 8BITMIME, SMTPUTF8, PIPELINING,
//! enhanced status codes (RFC 2034), AUTH PLAIN where asked for, STARTTLS (RFC 3207) or TLS from the first byte.
//!
//! What becomes of a mail is the taker's matter; the conversation only bounds it: length of lines, size of mails, recipients,
//! commands that make no sense, and time. A mail ends with a dot between two CRLF and nothing else, so that no second mail can
//! be smuggled into it. Left out: VRFY, EXPN, CHUNKING, delivery status notifications.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Bytes of a command line; RFC 5321 demands 512, extensions some more.
const LONGEST_LINE: u64 = 4 << 10;
/// Commands that make no sense before we hang up.
const MOST_MISTAKES: usize = 20;
/// Pause after the system refused to accept, usually because files have run out.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);

/// Which of the two is spoken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// A mail is answered for each of its recipients.
    Lmtp,
    /// A mail is answered once.
    Smtp,
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

/// How a server speaks.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Its name in greetings.
    pub name: String,
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// Bytes of one mail.
    pub mail_bytes: usize,
    /// Recipients of one mail.
    pub recipients: usize,
    /// Whether AUTH PLAIN is offered.
    pub sign_in: bool,
    /// For one command, and for a pause inside a mail.
    pub patience: Duration,
    /// For one mail in all.
    pub mail_patience: Duration,
    /// Connections at a time.
    pub connections: usize,
}

/// The envelope of a mail.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Envelope {
    /// Return path; empty for none.
    pub from: String,
    /// Recipients.
    pub to: Vec<String>,
    /// Who signed in; empty for nobody.
    pub user: String,
}

/// Whoever takes mails; answers are lines such as `250 2.0.0 kept`.
pub trait Taker: Send + Sync + 'static {
    /// Whether mail for that address is taken.
    fn recipient(&self, address: &str) -> String;
    /// Whether that user may sign in.
    fn sign_in(&self, user: &str, password: &str) -> bool;
    /// Takes a mail; it is answered as soon as this is done.
    fn take(&self, envelope: Envelope, mail: Bytes) -> BoxFuture<'_, String>;
}

/// Accepts and serves connections until it is dropped.
pub async fn serve(listener: TcpListener, tls: impl Fn() -> Tls + Send, terms: Terms, taker: Arc<dyn Taker>) {
    let room = Arc::new(Semaphore::new(terms.connections));
    let mut conversations = JoinSet::new();
    loop {
        while conversations.try_join_next().is_some() {}
        let mut stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!("no mail can be accepted: {error}");
                tokio::time::sleep(REFUSED_PAUSE).await;
                continue;
            }
        };
        let (tls, terms, taker, permit) = (tls(), terms.clone(), taker.clone(), room.clone().try_acquire_owned());
        conversations.spawn(async move {
            let ended = match permit {
                Ok(_permit) => converse_with(stream, tls, &terms, &*taker).await,
                Err(_) => stream.write_all(b"421 4.3.2 too many connections\r\n").await,
            };
            if let Err(error) = ended {
                tracing::debug!("a conversation about mail ended: {error}");
            }
        });
    }
}

async fn converse_with(stream: TcpStream, tls: Tls, terms: &Terms, taker: &dyn Taker) -> io::Result<()> {
    let accept = |config, stream| timeout(terms.patience, TlsAcceptor::from(config).accept(stream));
    match tls {
        Tls::None => converse(stream, false, true, terms, taker).await.map(drop),
        Tls::Implicit(config) => {
            let stream = accept(config, stream).await??;
            converse(stream, false, true, terms, taker).await.map(drop)
        }
        Tls::Starttls(config) => match converse(stream, true, true, terms, taker).await? {
            None => Ok(()),
            Some(stream) => {
                let stream = timeout(terms.patience, TlsAcceptor::from(config).accept(stream)).await??;
                converse(stream, false, false, terms, taker).await.map(drop)
            }
        },
    }
}

/// What a conversation knows.
#[derive(Default)]
struct Talk {
    from: Option<String>,
    to: Vec<String>,
    user: String,
    greeted: bool,
    mistakes: usize,
}

/// What comes next.
enum Next {
    Say(String),
    Mail,
    Tls,
    Bye,
}

/// Speaks until the other side quits; gives the stream back when TLS is to start.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    offer_tls: bool,
    greet: bool,
    terms: &Terms,
    taker: &dyn Taker,
) -> io::Result<Option<S>> {
    let mut stream = BufReader::new(stream);
    let mut talk = Talk::default();
    if greet {
        let word = if terms.protocol == Protocol::Lmtp { "LMTP" } else { "ESMTP" };
        say(&mut stream, terms, &format!("220 {} {word} dure", terms.name)).await?;
    }
    while let Some(line) = read_line(&mut stream, terms).await? {
        let text = String::from_utf8_lossy(&line);
        match talk.command(text.trim_end(), offer_tls, terms, taker) {
            Next::Say(answer) => say(&mut stream, terms, &answer).await?,
            Next::Mail => {
                say(&mut stream, terms, "354 end with a dot").await?;
                let Some(answer) = talk.mail(&mut stream, terms, taker).await? else { return Ok(None) };
                say(&mut stream, terms, &answer).await?;
            }
            Next::Tls => {
                say(&mut stream, terms, "220 2.0.0 go ahead").await?;
                // What was sent too early is thrown away with the buffer (RFC 3207 section 4.2).
                return Ok(Some(stream.into_inner()));
            }
            Next::Bye => {
                say(&mut stream, terms, "221 2.0.0 good bye").await?;
                return Ok(None);
            }
        }
        if talk.mistakes > MOST_MISTAKES {
            say(&mut stream, terms, "421 4.7.0 too many mistakes").await?;
            return Ok(None);
        }
    }
    Ok(None)
}

impl Talk {
    fn command(&mut self, text: &str, offer_tls: bool, terms: &Terms, taker: &dyn Taker) -> Next {
        let verb = text.split([' ', ':']).next().unwrap_or("").to_ascii_uppercase();
        let lmtp = terms.protocol == Protocol::Lmtp;
        let answer = match verb.as_str() {
            "EHLO" if !lmtp => return Next::Say(self.hello(offer_tls, terms)),
            "LHLO" if lmtp => return Next::Say(self.hello(offer_tls, terms)),
            "HELO" if !lmtp => {
                self.greeted = true;
                format!("250 {}", terms.name)
            }
            "STARTTLS" if offer_tls => return Next::Tls,
            "AUTH" if terms.sign_in => match plain(text) {
                Some((user, password)) if taker.sign_in(&user, &password) => {
                    self.user = user;
                    "235 2.7.0 welcome".to_owned()
                }
                Some(_) => self.mistake("535 5.7.8 this user cannot sign in"),
                None => self.mistake("504 5.5.4 only AUTH PLAIN with its answer in the same line"),
            },
            "MAIL" if !self.greeted => self.mistake("503 5.5.1 say hello first"),
            "MAIL" => {
                let size: Option<usize> = text
                    .to_ascii_uppercase()
                    .split_whitespace()
                    .find_map(|word| word.strip_prefix("SIZE=")?.parse().ok());
                self.from = path(text);
                self.to.clear();
                match (&self.from, size) {
                    (None, _) => self.mistake("501 5.1.7 MAIL FROM:<…>"),
                    (Some(_), Some(size)) if size > terms.mail_bytes => {
                        self.from = None;
                        format!("552 5.3.4 mails may have {} bytes", terms.mail_bytes)
                    }
                    (Some(_), _) => "250 2.1.0 sender noted".to_owned(),
                }
            }
            "RCPT" => match path(text).filter(|address| !address.is_empty()) {
                _ if self.from.is_none() => self.mistake("503 5.5.1 MAIL first"),
                None => self.mistake("501 5.1.3 RCPT TO:<…>"),
                Some(_) if self.to.len() >= terms.recipients => "452 4.5.3 too many recipients".to_owned(),
                Some(address) => {
                    let answer = taker.recipient(&address);
                    if answer.starts_with('2') {
                        self.to.push(address);
                    } else {
                        self.mistakes += 1;
                    }
                    answer
                }
            },
            "DATA" if self.to.is_empty() => self.mistake("503 5.5.1 RCPT first"),
            "DATA" => return Next::Mail,
            "RSET" => {
                (self.from, self.to) = (None, Vec::new());
                "250 2.0.0 forgotten".to_owned()
            }
            "NOOP" => "250 2.0.0 still here".to_owned(),
            "QUIT" => return Next::Bye,
            _ => self.mistake("502 5.5.1 not known here"),
        };
        Next::Say(answer)
    }

    fn hello(&mut self, offer_tls: bool, terms: &Terms) -> String {
        self.greeted = true;
        let mut offers = vec![terms.name.clone(), format!("SIZE {}", terms.mail_bytes)];
        offers.extend(["8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING", "SMTPUTF8"].map(str::to_owned));
        offers.extend(offer_tls.then(|| "STARTTLS".to_owned()));
        offers.extend(terms.sign_in.then(|| "AUTH PLAIN".to_owned()));
        let last = offers.len() - 1;
        let line = |(index, offer): (usize, &String)| format!("250{}{offer}", if index == last { ' ' } else { '-' });
        offers.iter().enumerate().map(line).collect::<Vec<_>>().join("\r\n")
    }

    fn mistake(&mut self, answer: &str) -> String {
        self.mistakes += 1;
        answer.to_owned()
    }

    /// Reads a mail and has it taken; none when we hang up.
    async fn mail<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut BufReader<S>,
        terms: &Terms,
        taker: &dyn Taker,
    ) -> io::Result<Option<String>> {
        let envelope = Envelope {
            from: self.from.take().unwrap_or_default(),
            to: std::mem::take(&mut self.to),
            user: self.user.clone(),
        };
        let recipients = if terms.protocol == Protocol::Lmtp { envelope.to.len() } else { 1 };
        let answer = match timeout(terms.mail_patience, read_mail(stream, terms)).await?? {
            Read::Mail(mail) => taker.take(envelope, mail).await,
            Read::TooLarge { ended } => {
                let answer = format!("552 5.3.4 mails may have {} bytes", terms.mail_bytes);
                if !ended {
                    say(stream, terms, &answer).await?;
                    return Ok(None);
                }
                answer
            }
        };
        Ok(Some(vec![answer; recipients].join("\r\n")))
    }
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, terms: &Terms, line: &str) -> io::Result<()> {
    // One write, so that the end of the line does not wait for an acknowledgement of its beginning.
    timeout(terms.patience, async {
        stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        stream.flush().await
    })
    .await?
}

/// A line with its end; none at the end of the stream.
async fn read_line<S: AsyncBufRead + Unpin>(stream: &mut S, terms: &Terms) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    timeout(terms.patience, (&mut *stream).take(LONGEST_LINE).read_until(b'\n', &mut line)).await??;
    if line.len() as u64 >= LONGEST_LINE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"));
    }
    Ok(line.ends_with(b"\n").then_some(line))
}

/// What came of reading a mail.
enum Read {
    Mail(Bytes),
    /// It is larger than allowed; whether its end was read.
    TooLarge {
        ended: bool,
    },
}

/// Where the reader stands behind the last line break.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Inside a line.
    Text,
    /// Behind a CR.
    Cr,
    /// At the beginning of a line.
    Start,
    /// Behind a dot at the beginning of a line.
    Dot,
    /// Behind that dot and a CR.
    DotCr,
}

/// The mail up to the lone dot, with doubled dots undone (RFC 5321 section 4.5.2).
async fn read_mail<S: AsyncBufRead + Unpin>(stream: &mut S, terms: &Terms) -> io::Result<Read> {
    let mut mail = Vec::new();
    let (mut read, mut too_large) = (0_usize, false);
    let mut at = At::Start;
    loop {
        let piece = timeout(terms.patience, stream.fill_buf()).await??;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (mut used, mut ended) = (0, false);
        for &byte in piece {
            used += 1;
            // Where we stand behind it, and what of it and of what was held back belongs to the mail.
            let (next, kept): (At, &[u8]) = match (at, byte) {
                (At::DotCr, b'\n') => {
                    ended = true;
                    break;
                }
                (At::Start, b'.') => (At::Dot, b""),
                (At::Dot, b'\r') => (At::DotCr, b""),
                (At::DotCr, b'\r') => (At::Cr, b"\r\r"),
                (At::DotCr, _) => (At::Text, b"\r"),
                (At::Cr, b'\n') => (At::Start, b"\n"),
                (_, b'\r') => (At::Cr, b"\r"),
                _ => (At::Text, b""),
            };
            at = next;
            if !too_large {
                mail.extend_from_slice(kept);
                if next == At::Text {
                    mail.push(byte);
                }
            }
        }
        stream.consume(used);
        read += used;
        if mail.len() > terms.mail_bytes {
            (mail, too_large) = (Vec::new(), true);
        }
        match (ended, too_large) {
            (true, false) => return Ok(Read::Mail(mail.into())),
            (true, true) => return Ok(Read::TooLarge { ended: true }),
            // A mail without end is not read for as long as it takes.
            (false, true) if read > terms.mail_bytes.saturating_mul(2).saturating_add(1 << 20) => {
                return Ok(Read::TooLarge { ended: false });
            }
            (false, _) => {}
        }
    }
}

/// The address in angle brackets, without a source route.
fn path(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('<')?;
    let (address, _) = rest.rsplit_once('>')?;
    let address = if address.starts_with('@') { address.rsplit(':').next().unwrap_or(address) } else { address };
    (address.len() <= 254 && !address.chars().any(|c| c.is_control() || c.is_whitespace())).then(|| address.to_owned())
}

/// User and password of `AUTH PLAIN base64(identity NUL user NUL password)` (RFC 4616).
fn plain(text: &str) -> Option<(String, String)> {
    let mut words = text.split_whitespace().skip(1);
    if !words.next()?.eq_ignore_ascii_case("plain") {
        return None;
    }
    let plain = STANDARD.decode(words.next()?).ok()?;
    let mut parts = plain.split(|byte| *byte == 0).skip(1);
    let text = |part: Option<&[u8]>| String::from_utf8(part?.to_vec()).ok();
    Some((text(parts.next())?, text(parts.next())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Terms {
        Terms {
            name: "test".to_owned(),
            protocol: Protocol::Smtp,
            mail_bytes: 40,
            recipients: 2,
            sign_in: false,
            patience: Duration::from_secs(5),
            mail_patience: Duration::from_secs(5),
            connections: 1,
        }
    }

    async fn check(text: &str, expected: Option<&str>) {
        // In pieces of every size, so that no state depends on where the network cuts.
        for size in [1, 2, 3, 1000] {
            let mut stream = BufReader::with_capacity(size, text.as_bytes());
            let found = read_mail(&mut stream, &terms()).await;
            let found = match found {
                Ok(Read::Mail(mail)) => Some(String::from_utf8(mail.to_vec()).unwrap()),
                Ok(Read::TooLarge { ended }) => Some(format!("too large {ended}")),
                Err(_) => None,
            };
            assert_eq!(found.as_deref(), expected, "{text:?} by {size}");
        }
    }

    #[tokio::test]
    async fn a_mail_ends_with_a_lone_dot_and_nothing_else() {
        check("a\r\n..b\r\n.\r\n", Some("a\r\n.b\r\n")).await;
        check(".\r\n", Some("")).await;
        check(".x\r\n.\r\r\n.\r\nrest", Some("x\r\n\r\r\n")).await;
        check("a\n.\nMAIL FROM:<x>\r\n.\r\n", Some("a\n.\nMAIL FROM:<x>\r\n")).await;
        check("a\n.\r\nb\r\n.\r\n", Some("a\n.\r\nb\r\n")).await;
        check("a\r\n.\nb\r\n.\r\n", Some("a\r\n\nb\r\n")).await;
        check("a\r.\r\n.\r\n", Some("a\r.\r\n")).await;
        check("a\r\n.\rb\r\n.\r\n", Some("a\r\n\rb\r\n")).await;
        check("a\r\n.", None).await;
        check(&format!("{}\r\n.\r\n", "x".repeat(38)), Some(&format!("{}\r\n", "x".repeat(38)))).await;
        check(&format!("{}\r\n.\r\n", "x".repeat(39)), Some("too large true")).await;
        check(&"x".repeat(3 << 20), Some("too large false")).await;
    }

    #[test]
    fn addresses() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(path(text).as_deref(), expected, "{text}");
        check("MAIL FROM:<>", Some(""));
        check("MAIL FROM:<a@x.example> SIZE=3", Some("a@x.example"));
        check("RCPT TO:<@relay.example:a@x.example>", Some("a@x.example"));
        check("RCPT TO:<a b@x.example>", None);
        check("RCPT TO:a@x.example", None);
    }

    #[test]
    fn signing_in() {
        assert_eq!(plain("AUTH PLAIN AGh1YgBwYXNz"), Some(("hub".to_owned(), "pass".to_owned())));
        assert_eq!(plain("AUTH PLAIN ?"), None);
        assert_eq!(plain("AUTH LOGIN AGh1YgBwYXNz"), None);
    }
}
