//! Mails as they came in: whose they are, what may prove it, who released them. Their documents are interchanges.

use super::engine::{Row, Tx};
use crate::error::Result;
use crate::params;

/// A mail about to be written.
#[derive(Clone, Debug)]
pub struct NewMail {
    /// Its id.
    pub id: i64,
    /// The centre.
    pub centre_id: i64,
    /// Whom the address in From belongs to; the centre if nobody has it.
    pub organisation_id: i64,
    /// Whether somebody has it.
    pub known: bool,
    /// `listener`, or the name of the mailbox it lay in.
    pub channel: String,
    /// Message-ID without brackets.
    pub message_id: String,
    /// SHA-256 over its documents' digests; with the message id it is the same mail again.
    pub documents_digest: [u8; 32],
    /// The address in From, lower case; empty if there is not exactly one.
    pub sender: String,
    /// From as people see it.
    pub sender_shown: String,
    /// Return path; empty for none.
    pub return_path: String,
    /// Recipients of the envelope, spaces between.
    pub recipients: String,
    /// Subject.
    pub subject: String,
    /// Message ids of its thread, the latest last.
    pub thread: Vec<String>,
    /// Why it must not be answered: `answer`, `bounce`, `list`, or empty.
    pub automatic: &'static str,
    /// What was seen that may prove the sender, JSON.
    pub evidence: String,
    /// How many documents it has.
    pub documents: i64,
    /// Files that were not taken, JSON.
    pub left_out: String,
    /// The delivery of ours that it answers.
    pub answers_delivery_id: Option<i64>,
    /// SHA-256 of the whole mail.
    pub digest: [u8; 32],
    /// Its size.
    pub size_bytes: i64,
    /// When it came, UTC milliseconds.
    pub received_ms: i64,
}

/// A mail as stored, without its bytes.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Its id.
    pub id: i64,
    /// The centre.
    pub centre_id: i64,
    /// Whom the address in From belongs to; the centre if nobody has it.
    pub organisation_id: i64,
    /// Whether somebody has it.
    pub known: bool,
    /// `listener`, or the name of the mailbox it lay in.
    pub channel: String,
    /// Message-ID without brackets.
    pub message_id: String,
    /// The address in From, lower case; empty if there is not exactly one.
    pub sender: String,
    /// From as people see it.
    pub sender_shown: String,
    /// Return path; empty for none.
    pub return_path: String,
    /// Recipients of the envelope, spaces between.
    pub recipients: String,
    /// Subject.
    pub subject: String,
    /// Message ids of its thread, one a line, the latest last.
    pub thread: String,
    /// Why it must not be answered, or empty.
    pub automatic: String,
    /// What was seen that may prove the sender, JSON.
    pub evidence: String,
    /// Who released it: `link`, `operator`, or empty.
    pub released: String,
    /// Until when a link to release it works; none if none was sent.
    pub link_until_ms: Option<i64>,
    /// How many documents it has.
    pub documents: i64,
    /// Files that were not taken, JSON.
    pub left_out: String,
    /// The delivery of ours that it answers.
    pub answers_delivery_id: Option<i64>,
    /// SHA-256 of the whole mail.
    pub digest: Vec<u8>,
    /// Its size.
    pub size_bytes: i64,
    /// When it came, UTC milliseconds.
    pub received_ms: i64,
}

macro_rules! columns {
    () => {
        "id, centre_id, organisation_id, known, channel, message_id, sender, sender_shown, return_path, recipients, subject, \
         thread, automatic, evidence, released, link_until_ms, documents, left_out, answers_delivery_id, digest, size_bytes, \
         received_ms"
    };
}

fn from_row(row: &Row) -> Result<Mail> {
    Ok(Mail {
        id: row.int(0)?,
        centre_id: row.int(1)?,
        organisation_id: row.int(2)?,
        known: row.flag(3)?,
        channel: row.text(4)?,
        message_id: row.text(5)?,
        sender: row.text(6)?,
        sender_shown: row.text(7)?,
        return_path: row.text(8)?,
        recipients: row.text(9)?,
        subject: row.text(10)?,
        thread: row.text(11)?,
        automatic: row.text(12)?,
        evidence: row.text(13)?,
        released: row.text(14)?,
        link_until_ms: row.opt_int(15)?,
        documents: row.int(16)?,
        left_out: row.text(17)?,
        answers_delivery_id: row.opt_int(18)?,
        digest: row.bytes(19)?,
        size_bytes: row.int(20)?,
        received_ms: row.int(21)?,
    })
}

/// Writes one piece of a mail's bytes, before the mail.
pub fn insert_chunk(tx: &mut Tx<'_>, id: i64, number: i64, bytes: &[u8]) -> Result<()> {
    tx.run("INSERT INTO mail_chunk (mail_id, number, bytes) VALUES (?1, ?2, ?3)", params![id, number, bytes])
}

/// Drops the pieces of a mail that was there already.
pub fn delete_chunks(tx: &mut Tx<'_>, id: i64) -> Result<()> {
    tx.run("DELETE FROM mail_chunk WHERE mail_id = ?1", params![id])
}

/// Piece `number` (from 0) of a mail's bytes; none after the last.
pub fn chunk(tx: &mut Tx<'_>, id: i64, number: i64) -> Result<Option<Vec<u8>>> {
    let row = tx.query_opt("SELECT bytes FROM mail_chunk WHERE mail_id = ?1 AND number = ?2", params![id, number])?;
    row.map(|row| row.bytes(0)).transpose()
}

/// Writes a mail; one with that message id and those documents is a unique violation.
pub fn insert(tx: &mut Tx<'_>, new: &NewMail) -> Result<()> {
    tx.run(
        "INSERT INTO mail (id, centre_id, organisation_id, known, channel, message_id, documents_digest, sender, sender_shown, \
         return_path, recipients, subject, thread, automatic, evidence, released, documents, left_out, answers_delivery_id, \
         digest, size_bytes, received_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, '', ?16, \
         ?17, ?18, ?19, ?20, ?21)",
        params![
            new.id,
            new.centre_id,
            new.organisation_id,
            new.known,
            &new.channel,
            &new.message_id,
            new.documents_digest.as_slice(),
            &new.sender,
            &new.sender_shown,
            &new.return_path,
            &new.recipients,
            &new.subject,
            &new.thread.join("\n"),
            new.automatic,
            &new.evidence,
            new.documents,
            &new.left_out,
            new.answers_delivery_id,
            new.digest.as_slice(),
            new.size_bytes,
            new.received_ms
        ],
    )
}

/// The mail that came before with that message id and those documents.
pub fn same(tx: &mut Tx<'_>, message_id: &str, documents_digest: &[u8]) -> Result<Option<Mail>> {
    let row = tx.query_opt(
        concat!("SELECT ", columns!(), " FROM mail WHERE message_id = ?1 AND documents_digest = ?2"),
        params![message_id, documents_digest],
    )?;
    row.as_ref().map(from_row).transpose()
}

/// One mail.
pub fn get(tx: &mut Tx<'_>, id: i64) -> Result<Option<Mail>> {
    let row = tx.query_opt(concat!("SELECT ", columns!(), " FROM mail WHERE id = ?1"), params![id])?;
    row.as_ref().map(from_row).transpose()
}

/// Mails, newest first, before an id. `organisation_id` none means all of the centre.
pub fn list(
    tx: &mut Tx<'_>,
    centre_id: i64,
    organisation_id: Option<i64>,
    before: i64,
    limit: i64,
) -> Result<Vec<Mail>> {
    let rows = tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM mail WHERE centre_id = ?1 AND (?2 = 0 OR organisation_id = ?2) AND id < ?3 ORDER BY id DESC LIMIT ?4"
        ),
        params![centre_id, organisation_id.unwrap_or(0), before, limit],
    )?;
    rows.iter().map(from_row).collect()
}

/// An interchange of a mail, as far as its answer needs it.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its id.
    pub interchange_id: i64,
    /// Name of the file.
    pub file_name: String,
    /// SHA-256 of the bytes.
    pub digest: Vec<u8>,
    /// Its size.
    pub size_bytes: i64,
    /// Where it is on its way.
    pub state: String,
    /// The worst of its documents.
    pub disposition: Option<String>,
    /// Which format was recognised.
    pub format: Option<String>,
    /// Findings that belong to no document, JSON.
    pub findings: Option<String>,
    /// The disposition that the sender was told last.
    pub told: Option<String>,
}

/// The interchanges of a mail, in order.
pub fn parts(tx: &mut Tx<'_>, mail_id: i64) -> Result<Vec<Part>> {
    let rows = tx.query(
        "SELECT id, file_name, digest, state, disposition, format, findings, told, size_bytes FROM interchange \
         WHERE mail_id = ?1 ORDER BY id LIMIT 1000",
        params![mail_id],
    )?;
    let part = |row: &Row| {
        Ok(Part {
            interchange_id: row.int(0)?,
            file_name: row.text(1)?,
            digest: row.bytes(2)?,
            state: row.text(3)?,
            disposition: row.opt_text(4)?,
            format: row.opt_text(5)?,
            findings: row.opt_text(6)?,
            told: row.opt_text(7)?,
            size_bytes: row.int(8)?,
        })
    };
    rows.iter().map(part).collect()
}

/// Notes what the sender was told of an interchange.
pub fn told(tx: &mut Tx<'_>, interchange_id: i64, disposition: &str) -> Result<()> {
    tx.run("UPDATE interchange SET told = ?2 WHERE id = ?1", params![interchange_id, disposition])
}

/// Keeps the digest of a link that releases the mail, once; false if one was sent before.
pub fn put_link(tx: &mut Tx<'_>, id: i64, digest: &[u8], until_ms: i64) -> Result<bool> {
    let count = tx.execute(
        "UPDATE mail SET link_digest = ?2, link_until_ms = ?3 WHERE id = ?1 AND link_digest IS NULL",
        params![id, digest, until_ms],
    )?;
    Ok(count == 1)
}

/// The mail that a link releases.
pub fn by_link(tx: &mut Tx<'_>, digest: &[u8]) -> Result<Option<Mail>> {
    let row = tx.query_opt(concat!("SELECT ", columns!(), " FROM mail WHERE link_digest = ?1"), params![digest])?;
    row.as_ref().map(from_row).transpose()
}

/// How many links were sent to an address since a time.
pub fn links_since(tx: &mut Tx<'_>, organisation_id: i64, since_ms: i64) -> Result<i64> {
    tx.query_one(
        "SELECT COUNT(*) FROM mail WHERE link_digest IS NOT NULL AND organisation_id = ?1 AND received_ms >= ?2",
        params![organisation_id, since_ms],
    )?
    .int(0)
}

/// Releases a mail and makes what of it is held due; how many interchanges that are.
pub fn release(tx: &mut Tx<'_>, id: i64, released: &str, now_ms: i64) -> Result<u64> {
    tx.run("UPDATE mail SET released = ?2 WHERE id = ?1", params![id, released])?;
    again(tx, id, now_ms)
}

fn again(tx: &mut Tx<'_>, id: i64, now_ms: i64) -> Result<u64> {
    tx.execute(
        "UPDATE interchange SET state = 'received', due_ms = ?2, lease_owner = NULL, epoch = epoch + 1, decided_ms = NULL \
         WHERE mail_id = ?1 AND state = 'held'",
        params![id, now_ms],
    )
}

/// Mails whose address nobody has: id and address, oldest first.
pub fn unknown(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<(i64, String)>> {
    let rows = tx.query("SELECT id, sender FROM mail WHERE known = 0 ORDER BY sender, id LIMIT ?1", params![limit])?;
    rows.iter().map(|row| Ok((row.int(0)?, row.text(1)?))).collect()
}

/// Gives a mail to the organisation that has its address now, and makes what of it is held due.
pub fn adopt(tx: &mut Tx<'_>, id: i64, organisation_id: i64, now_ms: i64) -> Result<u64> {
    tx.run("UPDATE mail SET known = 1, organisation_id = ?2 WHERE id = ?1", params![id, organisation_id])?;
    // Under another sender its calls are not known again; the mail itself is.
    tx.run(
        "UPDATE interchange SET organisation_id = ?2, transport_id = NULL WHERE mail_id = ?1",
        params![id, organisation_id],
    )?;
    again(tx, id, now_ms)
}
