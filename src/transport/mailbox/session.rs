//! One connection to a mailbox: sign in, take what is new, wait for more.

use std::time::Duration;

use async_imap::error::Error as Imap;
use async_imap::extensions::idle::IdleResponse;
use bytes::Bytes;
use futures_util::TryStreamExt;
use tokio::time::timeout;

use super::Settings;
use super::door::{Door, Signed};
use crate::error::Result;
use crate::transport::keeper::{self, Ended};
use crate::transport::mail::intake::Intake;
use crate::transport::smtp::Envelope;

/// For how long an IDLE is left alone before the connection is tried (RFC 2177 says less than 30 minutes).
const LONGEST_IDLE: Duration = Duration::from_secs(300);

/// One connection to a mailbox.
pub(super) struct Session<'s> {
    intake: &'s Intake,
    name: &'s str,
    door: Door<'s>,
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
        Session { intake, name, door: Door { hub: intake.hub(), channel, settings }, read: false }
    }

    async fn read_on(&mut self) -> std::result::Result<std::convert::Infallible, Ended> {
        let mut session = self.door.sign_in().await?;
        let capabilities = self.door.bounded("ask what the server can", session.capabilities()).await?;
        let (idles, moves) = (capabilities.has_str("IDLE"), capabilities.has_str("MOVE"));
        let (folder, done) = (&self.door.settings.folder, &self.door.settings.done_folder);
        if !done.is_empty() {
            // That it is there already is the ordinary case; if it cannot be made, moving says so.
            match timeout(self.door.patience(), session.create(done)).await {
                Ok(Ok(()) | Err(Imap::No(_))) => {}
                Ok(Err(error)) => return Err(Ended::broken(format!("make the folder {done}: {error}"))),
                Err(_) => return Err(Ended::broken(format!("make the folder {done}: no answer in time"))),
            }
        }
        let selected = timeout(self.door.patience(), session.select(folder)).await;
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
            self.noted(self.intake.hub().channel_works(self.door.channel).await)?;
            session = self.wait(session, idles).await?;
        }
    }

    /// A failure of ours, not of the server.
    fn noted<T>(&self, done: Result<T>) -> std::result::Result<T, Ended> {
        done.map_err(|error| Ended::broken(error.to_string()))
    }

    async fn position(&self) -> std::result::Result<Option<Position>, Ended> {
        let text = self.noted(self.intake.hub().channel_position(self.door.channel).await)?;
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
        let found = self.door.bounded("look for new mails", session.uid_search(query)).await?;
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
        self.noted(self.intake.hub().set_channel_position(self.door.channel, text).await)
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
        self.door
            .bounded(what, async {
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
        let flags = if self.door.settings.done_folder.is_empty() || moves {
            r"+FLAGS.SILENT (\Seen)"
        } else {
            r"+FLAGS.SILENT (\Seen \Deleted)"
        };
        let what = format!("put mail {uid} away");
        if !self.door.settings.done_folder.is_empty() && !moves {
            self.door.bounded(&what, session.uid_copy(&set, &self.door.settings.done_folder)).await?;
        }
        self.door
            .bounded(&what, async { session.uid_store(&set, flags).await?.try_for_each(|_| async { Ok(()) }).await })
            .await?;
        if !self.door.settings.done_folder.is_empty() {
            if moves {
                self.door.bounded(&what, session.uid_mv(&set, &self.door.settings.done_folder)).await?;
            } else {
                self.door
                    .bounded(&what, async { session.uid_expunge(&set).await?.try_for_each(|_| async { Ok(()) }).await })
                    .await?;
            }
        }
        Ok(())
    }

    /// Waits until there may be something new.
    async fn wait(&self, mut session: Signed, idles: bool) -> std::result::Result<Signed, Ended> {
        if !idles {
            tokio::time::sleep(Duration::from_secs(self.door.settings.poll_s)).await;
            self.door.bounded("ask for news", session.noop()).await?;
            return Ok(session);
        }
        let mut idle = session.idle();
        self.door.bounded("wait for news", idle.init()).await?;
        let (waiting, _interrupt) = idle.wait_with_timeout(LONGEST_IDLE);
        // The library's own time-out starts again with each sign of life; ours does not.
        match timeout(LONGEST_IDLE * 2, waiting).await {
            Ok(Ok(IdleResponse::ManualInterrupt)) => {
                return Err(Ended::broken("the connection was closed while waiting"));
            }
            Ok(Err(error)) => return Err(Ended::broken(format!("wait for news: {error}"))),
            Ok(Ok(IdleResponse::Timeout | IdleResponse::NewData(_))) | Err(_) => {}
        }
        self.door.bounded("wait for news", idle.done()).await
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
