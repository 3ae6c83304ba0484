//! One connection to a mailbox: sign in, take what is new, wait for more.

use std::fmt::Debug;
use std::time::Duration;

use async_imap::Client;
use async_imap::error::Error as Imap;
use async_imap::extensions::idle::IdleResponse;
use bytes::Bytes;
use futures_util::TryStreamExt;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Settings;
use crate::error::{Error, Kind, Result};
use crate::transport::keeper::{self, Ended};
use crate::transport::mail::intake::Intake;
use crate::transport::mail_client::Protection;
use crate::transport::smtp::Envelope;
use crate::transport::trust;

/// For how long an IDLE is left alone before the connection is tried (RFC 2177 says less than 30 minutes).
const LONGEST_IDLE: Duration = Duration::from_secs(300);

/// A connection, plain or TLS.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Debug> Stream for T {}

type Signed = async_imap::Session<Box<dyn Stream>>;

/// One connection to a mailbox.
pub(super) struct Session<'s> {
    intake: &'s Intake,
    name: &'s str,
    channel: &'s str,
    settings: &'s Settings,
    read: bool,
}

/// How far a mailbox was read: everything up to a UID, as long as the server keeps its numbering (RFC 3501 section 2.3.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Position {
    validity: u32,
    uid: u32,
}

impl Position {
    fn parse(text: &str) -> Option<Position> {
        let (validity, uid) = text.split_once(':')?;
        Some(Position { validity: validity.parse().ok()?, uid: uid.parse().ok()? })
    }
}

impl keeper::Session for Session<'_> {
    async fn run(&mut self) -> Ended {
        match self.read_on().await {
            Ok(never) => match never {},
            Err(ended) => ended,
        }
    }

    fn was_read(&self) -> bool {
        self.read
    }
}

impl<'s> Session<'s> {
    pub(super) fn new(intake: &'s Intake, name: &'s str, channel: &'s str, settings: &'s Settings) -> Session<'s> {
        Session { intake, name, channel, settings, read: false }
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(self.settings.timeout_ms)
    }

    /// One command, bounded.
    async fn bounded<T>(
        &self,
        what: &str,
        doing: impl Future<Output = std::result::Result<T, Imap>>,
    ) -> std::result::Result<T, Ended> {
        match timeout(self.patience(), doing).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(Ended::broken(format!("{what}: {error}"))),
            Err(_) => Err(Ended::broken(format!("{what}: no answer in time"))),
        }
    }

    async fn read_on(&mut self) -> std::result::Result<std::convert::Infallible, Ended> {
        let mut session = self.sign_in().await?;
        let capabilities = self.bounded("ask what the server can", session.capabilities()).await?;
        let (idles, moves) = (capabilities.has_str("IDLE"), capabilities.has_str("MOVE"));
        let (folder, done) = (&self.settings.folder, &self.settings.done_folder);
        if !done.is_empty() {
            // That it is there already is the ordinary case; if it cannot be made, moving says so.
            match timeout(self.patience(), session.create(done)).await {
                Ok(Ok(()) | Err(Imap::No(_))) => {}
                Ok(Err(error)) => return Err(Ended::broken(format!("make the folder {done}: {error}"))),
                Err(_) => return Err(Ended::broken(format!("make the folder {done}: no answer in time"))),
            }
        }
        let selected = timeout(self.patience(), session.select(folder)).await;
        let mailbox = match selected {
            Ok(Ok(mailbox)) => mailbox,
            Ok(Err(Imap::No(said))) => return Err(Ended::certain(format!("open the folder {folder}: {said}"))),
            Ok(Err(error)) => return Err(Ended::broken(format!("open the folder {folder}: {error}"))),
            Err(_) => return Err(Ended::broken(format!("open the folder {folder}: no answer in time"))),
        };
        let (validity, next_uid) = (mailbox.uid_validity.unwrap_or(0), mailbox.uid_next.unwrap_or(1));
        loop {
            self.take_new(&mut session, validity, next_uid, moves).await?;
            self.read = true;
            self.noted(self.intake.hub().channel_works(self.channel).await)?;
            session = self.wait(session, idles).await?;
        }
    }

    /// A failure of ours, not of the server.
    fn noted<T>(&self, done: Result<T>) -> std::result::Result<T, Ended> {
        done.map_err(|error| Ended::broken(error.to_string()))
    }

    async fn connect(&self) -> Result<Box<dyn Stream>> {
        let settings = self.settings;
        let implicit = settings.protection == Protection::Implicit;
        let port = match settings.port {
            0 if implicit => 993,
            0 => 143,
            port => port,
        };
        let at = || format!("connect to {}:{port}", settings.host);
        let failed = |error: std::io::Error| Error::new(Kind::Transport, at()).caused_by(error).temporary();
        let stream = timeout(self.patience(), TcpStream::connect((settings.host.as_str(), port))).await;
        let late = |_| Error::new(Kind::Transport, format!("{}: no answer in time", at())).temporary();
        let stream = stream.map_err(late)?.map_err(failed)?;
        if implicit { self.encrypt(Box::new(stream)).await } else { Ok(Box::new(stream)) }
    }

    async fn encrypt(&self, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>> {
        let host = &self.settings.host;
        let failed = || Error::new(Kind::Transport, format!("set up TLS with {host}"));
        let config = trust::client_config(&self.settings.roots)?;
        let server = ServerName::try_from(host.clone()).map_err(|error| failed().caused_by(error))?;
        let connecting = TlsConnector::from(std::sync::Arc::new(config)).connect(server, stream);
        let late = |_| Error::new(Kind::Transport, format!("set up TLS with {host}: no answer in time")).temporary();
        let stream = timeout(self.patience(), connecting).await.map_err(late)?;
        Ok(Box::new(stream.map_err(|error| failed().caused_by(error).temporary())?))
    }

    async fn sign_in(&self) -> std::result::Result<Signed, Ended> {
        let certain = |error: Error| Ended::Failed { certain: !error.is_temporary(), cause: error.to_string() };
        let password = self.intake.hub().secret(self.channel).map_err(certain)?;
        let mut client = Client::new(self.connect().await.map_err(certain)?);
        let greeting = timeout(self.patience(), client.read_response()).await;
        if !matches!(greeting, Ok(Ok(Some(_)))) {
            return Err(Ended::broken("the server does not greet"));
        }
        if self.settings.protection == Protection::Starttls {
            let asked = timeout(self.patience(), client.run_command_and_check_ok("STARTTLS", None)).await;
            match asked {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(Ended::certain(format!("ask for TLS: {error}"))),
                Err(_) => return Err(Ended::broken("ask for TLS: no answer in time")),
            }
            // What came in before is thrown away with the client (RFC 3501 section 6.2.1).
            client = Client::new(self.encrypt(client.into_inner()).await.map_err(certain)?);
        }
        let password = password.unwrap_or_default();
        match timeout(self.patience(), client.login(&self.settings.user, password.expose())).await {
            Ok(Ok(session)) => Ok(session),
            Ok(Err((Imap::No(said), _))) => Err(Ended::certain(format!("sign in as {}: {said}", self.settings.user))),
            Ok(Err((error, _))) => Err(Ended::broken(format!("sign in as {}: {error}", self.settings.user))),
            Err(_) => Err(Ended::broken("sign in: no answer in time")),
        }
    }

    async fn position(&self) -> std::result::Result<Option<Position>, Ended> {
        let text = self.noted(self.intake.hub().channel_position(self.channel).await)?;
        Ok(Position::parse(&text))
    }

    /// Takes everything that is new. At the very first look that is what nobody has seen, later what came since.
    async fn take_new(
        &self,
        session: &mut Signed,
        validity: u32,
        next_uid: u32,
        moves: bool,
    ) -> std::result::Result<(), Ended> {
        let known = self.position().await?;
        let from = known.filter(|known| known.validity == validity).map_or(0, |known| known.uid);
        let query = match known {
            None => "UNSEEN".to_owned(),
            Some(_) => format!("UID {}:*", from.saturating_add(1)),
        };
        let found = self.bounded("look for new mails", session.uid_search(query)).await?;
        // A range that ends with * holds the last mail even if that lies before it.
        let mut new: Vec<u32> = found.into_iter().filter(|uid| *uid > from).collect();
        new.sort_unstable();
        let last = new.last().copied();
        for uid in new {
            self.take_one(session, uid).await?;
            self.put_away(session, uid, moves).await?;
            // The first look goes by what is seen: a position would pass over nothing, but take what others have read.
            if known.is_some() {
                self.keep(Position { validity, uid }).await?;
            }
        }
        match known {
            None => self.keep(Position { validity, uid: next_uid.saturating_sub(1).max(last.unwrap_or(0)) }).await,
            Some(known) if known.validity != validity && last.is_none() => {
                self.keep(Position { validity, uid: next_uid.saturating_sub(1) }).await
            }
            Some(_) => Ok(()),
        }
    }

    async fn keep(&self, position: Position) -> std::result::Result<(), Ended> {
        let text = format!("{}:{}", position.validity, position.uid);
        self.noted(self.intake.hub().set_channel_position(self.channel, text).await)
    }

    /// Fetches a mail and has it taken. One that is gone meanwhile is nothing.
    async fn take_one(&self, session: &mut Signed, uid: u32) -> std::result::Result<(), Ended> {
        let most = self.intake.mail_bytes();
        let what = format!("fetch mail {uid}");
        let size = self.fetch(session, uid, "(UID RFC822.SIZE)", &what).await?;
        let Some(size) = size.and_then(|fetched| fetched.size) else { return Ok(()) };
        if size as usize > most {
            // Its head is kept, so that somebody sees that it came.
            let Some(fetched) = self.fetch(session, uid, "(UID BODY.PEEK[HEADER])", &what).await? else {
                return Ok(());
            };
            let head = Bytes::copy_from_slice(fetched.header().unwrap_or_default());
            self.noted(self.intake.take_head(self.name, head, size as usize).await)?;
            return Ok(());
        }
        let Some(fetched) = self.fetch(session, uid, "(UID BODY.PEEK[])", &what).await? else { return Ok(()) };
        let Some(body) = fetched.body() else { return Err(Ended::broken(format!("{what}: the server gave no bytes"))) };
        let raw = Bytes::copy_from_slice(body);
        self.noted(self.intake.take(self.name, Envelope::default(), false, raw).await)?;
        Ok(())
    }

    async fn fetch(
        &self,
        session: &mut Signed,
        uid: u32,
        query: &str,
        what: &str,
    ) -> std::result::Result<Option<async_imap::types::Fetch>, Ended> {
        self.bounded(what, async {
            let mut answers = session.uid_fetch(uid.to_string(), query).await?;
            let mut ours = None;
            while let Some(fetched) = answers.try_next().await? {
                if fetched.uid == Some(uid) {
                    ours = Some(fetched);
                }
            }
            Ok(ours)
        })
        .await
    }

    /// Marks a mail that was taken, or moves it away.
    async fn put_away(&self, session: &mut Signed, uid: u32, moves: bool) -> std::result::Result<(), Ended> {
        let set = uid.to_string();
        let flags = if self.settings.done_folder.is_empty() || moves {
            r"+FLAGS.SILENT (\Seen)"
        } else {
            r"+FLAGS.SILENT (\Seen \Deleted)"
        };
        let what = format!("put mail {uid} away");
        if !self.settings.done_folder.is_empty() && !moves {
            self.bounded(&what, session.uid_copy(&set, &self.settings.done_folder)).await?;
        }
        self.bounded(&what, async { session.uid_store(&set, flags).await?.try_for_each(|_| async { Ok(()) }).await })
            .await?;
        if !self.settings.done_folder.is_empty() {
            if moves {
                self.bounded(&what, session.uid_mv(&set, &self.settings.done_folder)).await?;
            } else {
                self.bounded(&what, async {
                    session.uid_expunge(&set).await?.try_for_each(|_| async { Ok(()) }).await
                })
                .await?;
            }
        }
        Ok(())
    }

    /// Waits until there may be something new.
    async fn wait(&self, mut session: Signed, idles: bool) -> std::result::Result<Signed, Ended> {
        if !idles {
            tokio::time::sleep(Duration::from_secs(self.settings.poll_s)).await;
            self.bounded("ask for news", session.noop()).await?;
            return Ok(session);
        }
        let mut idle = session.idle();
        self.bounded("wait for news", idle.init()).await?;
        let (waiting, _interrupt) = idle.wait_with_timeout(LONGEST_IDLE);
        // The library's own time-out starts again with each sign of life; ours does not.
        match timeout(LONGEST_IDLE * 2, waiting).await {
            Ok(Ok(IdleResponse::ManualInterrupt)) => {
                return Err(Ended::broken("the connection was closed while waiting"));
            }
            Ok(Err(error)) => return Err(Ended::broken(format!("wait for news: {error}"))),
            Ok(Ok(IdleResponse::Timeout | IdleResponse::NewData(_))) | Err(_) => {}
        }
        self.bounded("wait for news", idle.done()).await
    }
}

#[cfg(test)]
mod tests {
    use super::Position;

    #[test]
    fn positions_come_back() {
        assert_eq!(Position::parse("7:42"), Some(Position { validity: 7, uid: 42 }));
        for text in ["", "7", "7:x", "x:7", "-1:2"] {
            assert_eq!(Position::parse(text), None, "{text}");
        }
    }
}
