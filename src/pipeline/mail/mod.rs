//! Mails: each is kept as it came, its documents become interchanges, and it is answered when all of them are settled.
//!
//! A mail is known again by its Message-ID and its documents, in whichever mailbox and however often it comes: nothing of it
//! is taken twice. What was seen that may prove its sender is kept with it; whether it does is for the agreement to say when
//! a document is decided (`draft`).

mod answer;
mod draft;
mod marked;
pub(super) mod revision;

pub(super) use marked::marked;

use bytes::Bytes;
use ring::digest::{SHA256, digest};

use super::hub::Hub;
use super::receive::{Receipt, Received};
use crate::error::{Error, Result};
use crate::model::disposition::Transport;
use crate::model::id::DeliveryId;
use crate::model::mail::{Evidence, LeftOut, Released};
use crate::store::interchanges::CHUNK_BYTES;
use crate::store::mails::{self, NewMail};
use crate::store::{audit, deliveries, is_unique_violation};

/// A file of a mail that is a document of some format.
#[derive(Clone, Debug)]
pub struct MailFile {
    /// Its name.
    pub name: String,
    /// Media type as stated.
    pub content_type: String,
    /// Character set as stated.
    pub charset: String,
    /// Its bytes.
    pub body: Bytes,
}

/// A mail as the transport read it.
#[derive(Clone, Debug, Default)]
pub struct ArrivedMail {
    /// `listener`, or the name of the mailbox it lay in.
    pub channel: String,
    /// Message-ID without brackets.
    pub message_id: String,
    /// SHA-256 over its documents' digests.
    pub documents_digest: [u8; 32],
    /// The one address in From, lower case; empty if there is not exactly one.
    pub sender: String,
    /// From as people see it.
    pub sender_shown: String,
    /// Return path; empty for none.
    pub return_path: String,
    /// Recipients of the envelope.
    pub recipients: Vec<String>,
    /// Subject.
    pub subject: String,
    /// Message ids of its thread, the latest last.
    pub thread: Vec<String>,
    /// Why it must not be answered: `answer`, `bounce`, `list`, or empty.
    pub automatic: &'static str,
    /// What was seen that may prove the sender.
    pub evidence: Evidence,
    /// Its documents, each once.
    pub files: Vec<MailFile>,
    /// Files that were not taken.
    pub left_out: Vec<LeftOut>,
    /// The whole mail.
    pub raw: Bytes,
}

/// A mail that is durable, with all of its documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenMail {
    /// Its id.
    pub id: i64,
    /// Whether it was there before.
    pub repeat: bool,
    /// Interchanges that are new.
    pub interchanges: Vec<i64>,
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    <[u8; 32]>::try_from(digest(&SHA256, bytes).as_ref()).unwrap_or_default()
}

/// The delivery of ours that a thread belongs to: our Message-IDs are made of delivery ids. The latest counts.
fn answered_delivery(thread: &[String]) -> Option<DeliveryId> {
    thread.iter().rev().find_map(|id| id.split('@').next()?.parse().ok())
}

impl Hub {
    /// Keeps a mail and its documents; when this returns they are on disk. A mail that was there already is only completed,
    /// if we fell before all of its documents were kept.
    pub async fn receive_mail(&self, mail: ArrivedMail) -> Result<TakenMail> {
        let directory = self.directory();
        let centre = directory.centre().ok_or_else(|| Error::config("there is no centre yet, so no mail is taken"))?;
        // The centre does not write to itself: whoever takes its address is nobody.
        let known = directory.by_address(&mail.sender).filter(|found| found.active && found.id != found.centre_id);
        let (centre_id, organisation_id) = known.map_or((centre.id, centre.id), |known| (known.centre_id, known.id));
        let new = self.new_mail(&mail, centre_id, organisation_id, known.is_some())?;
        let (kept, repeat) = self.keep_mail(new, &mail.raw).await?;
        let (id, organisation_id) = (kept.id, kept.organisation_id);
        let present: Vec<Vec<u8>> =
            self.store.read(move |tx| Ok(mails::parts(tx, id)?.into_iter().map(|part| part.digest).collect())).await?;
        let mut interchanges = Vec::new();
        for file in &mail.files {
            let digest = sha256(&file.body);
            if present.iter().any(|known| known.as_slice() == digest) {
                continue;
            }
            let receipt = Receipt {
                organisation_id,
                centre_id: kept.centre_id,
                transport: Transport::Mail,
                transport_id: Some(format!("mail:{}:{}", mail.message_id, super::hex(&digest))),
                content_type: file.content_type.clone(),
                charset: file.charset.clone(),
                file_name: file.name.clone(),
                account_id: None,
                answers_delivery_id: None,
                mail_id: Some(id),
            };
            match self.receive(receipt, file.body.clone()).await? {
                Received::New(interchange) => interchanges.push(interchange),
                // Taken by another hub at the same time. A conflict cannot be: the id holds the digest.
                Received::Repeat(_) | Received::Conflict(_) => {}
            }
        }
        if mail.files.is_empty() && !repeat {
            self.answer_empty(id).await?;
        }
        Ok(TakenMail { id, repeat, interchanges })
    }

    fn new_mail(&self, mail: &ArrivedMail, centre_id: i64, organisation_id: i64, known: bool) -> Result<NewMail> {
        let json = |error: serde_json::Error| Error::bug("writing what is known of a mail").caused_by(error);
        Ok(NewMail {
            id: self.next_id(),
            centre_id,
            organisation_id,
            known,
            channel: mail.channel.clone(),
            message_id: mail.message_id.clone(),
            documents_digest: mail.documents_digest,
            sender: mail.sender.clone(),
            sender_shown: mail.sender_shown.clone(),
            return_path: mail.return_path.clone(),
            recipients: mail.recipients.join(" "),
            subject: mail.subject.clone(),
            thread: mail.thread.clone(),
            automatic: mail.automatic,
            evidence: serde_json::to_string(&mail.evidence).map_err(json)?,
            documents: mail.files.len() as i64,
            left_out: serde_json::to_string(&mail.left_out).map_err(json)?,
            answers_delivery_id: answered_delivery(&mail.thread).map(|id| id.0),
            digest: sha256(&mail.raw),
            size_bytes: mail.raw.len() as i64,
            received_ms: self.clock.now_ms(),
        })
    }

    /// Writes the mail unless it is there; the row, and whether it was there.
    async fn keep_mail(&self, mut new: NewMail, raw: &Bytes) -> Result<(mails::Mail, bool)> {
        let (message_id, documents) = (new.message_id.clone(), new.documents_digest);
        let same = move |tx: &mut crate::store::Tx<'_>| mails::same(tx, &message_id, &documents);
        if let Some(kept) = self.store.read(same.clone()).await? {
            return Ok((kept, true));
        }
        let id = new.id;
        let pieces: Vec<Bytes> = raw.chunks(CHUNK_BYTES).map(|piece| raw.slice_ref(piece)).collect();
        let last = pieces.len().saturating_sub(1);
        for (number, piece) in pieces.iter().take(last).cloned().enumerate() {
            self.store.write(move |tx| mails::insert_chunk(tx, id, number as i64, &piece)).await?;
        }
        let piece = pieces.last().cloned().unwrap_or_default();
        let written = self
            .store
            .write(move |tx| {
                // A thread may name a delivery that was never ours.
                if let Some(delivery) = new.answers_delivery_id
                    && deliveries::get(tx, delivery)?.is_none()
                {
                    new.answers_delivery_id = None;
                }
                mails::insert_chunk(tx, id, last as i64, &piece)?;
                mails::insert(tx, &new)
            })
            .await;
        match written {
            Ok(()) => {
                let kept = self.store.read(move |tx| mails::get(tx, id)).await?;
                Ok((kept.ok_or_else(|| Error::store("a mail that was just kept is missing"))?, false))
            }
            Err(error) if is_unique_violation(&error) => {
                self.store.write(move |tx| mails::delete_chunks(tx, id)).await?;
                Ok((self.store.read(same).await?.ok_or(error)?, true))
            }
            Err(error) => Err(error),
        }
    }

    /// Releases a mail by the word of a person of the centre: what of it is held is decided again. False if there is no such
    /// mail, or nobody has its address yet.
    pub async fn release_mail(&self, id: i64, actor: &str) -> Result<bool> {
        let (now_ms, audit_id, actor) = (self.clock.now_ms(), self.next_id(), actor.to_owned());
        let released = self
            .store
            .write(move |tx| {
                let Some(mail) = mails::get(tx, id)?.filter(|mail| mail.known) else { return Ok(false) };
                mails::release(tx, id, Released::ByOperator.as_str(), now_ms)?;
                let object = format!("mail {}", mail.message_id);
                audit::note(tx, audit_id, now_ms, &actor, "release-mail", &object, None)?;
                Ok(true)
            })
            .await?;
        if released {
            self.received.notify_one();
        }
        Ok(released)
    }

    /// The mail that a link of ours releases, if it does not wait for too long already.
    pub async fn mail_of_link(&self, link: &str) -> Result<Option<mails::Mail>> {
        let (digest, now_ms) = (sha256(link.as_bytes()), self.clock.now_ms());
        let found = self.store.read(move |tx| mails::by_link(tx, &digest)).await?;
        Ok(found.filter(|mail| mail.link_until_ms.is_some_and(|until| until > now_ms)))
    }

    /// Releases the mail of a link. False if the link is unknown or too old.
    pub async fn confirm_mail(&self, link: &str) -> Result<bool> {
        let Some(mail) = self.mail_of_link(link).await? else { return Ok(false) };
        let (now_ms, audit_id) = (self.clock.now_ms(), self.next_id());
        self.store
            .write(move |tx| {
                // A person of the centre may have been faster; that word stays.
                let released = mails::get(tx, mail.id)?.is_some_and(|now| !now.released.is_empty());
                if !released {
                    mails::release(tx, mail.id, Released::ByLink.as_str(), now_ms)?;
                    let object = format!("mail {}", mail.message_id);
                    audit::note(tx, audit_id, now_ms, &mail.sender, "confirm-mail", &object, None)?;
                }
                Ok(())
            })
            .await?;
        self.received.notify_one();
        Ok(true)
    }
}
