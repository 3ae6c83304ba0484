//! Our documents as decided: content, verdict, business keys, who may see them.

use super::engine::{Row, Tx};
use crate::error::Result;
use crate::model::disposition::{Disposition, Identity};
use crate::params;

/// A document about to be written.
#[derive(Clone, Debug)]
pub struct NewDocument<'a> {
    /// Its id.
    pub id: i64,
    /// The centre it belongs to.
    pub centre_id: i64,
    /// The interchange it came in.
    pub interchange_id: i64,
    /// Which one of it, from 1.
    pub ordinal: i64,
    /// What it is.
    pub document_type: &'a str,
    /// Its number.
    pub number: &'a str,
    /// Who issued it.
    pub issuer_id: i64,
    /// The message it was, `ubl/2.1/Order`.
    pub message_type: &'a str,
    /// UNH 0062.
    pub message_reference: &'a str,
    /// The mapping that read it, with its version.
    pub mapping: &'a str,
    /// The agreement under which it came.
    pub agreement_id: Option<i64>,
    /// Whether we have seen it before.
    pub identity: Identity,
    /// The document it repeats, revises or conflicts with.
    pub same_as: Option<i64>,
    /// What became of it.
    pub disposition: Disposition,
    /// Findings, JSON.
    pub findings: &'a str,
    /// Canonical JSON; empty for a document applied line by line.
    pub content: &'a str,
    /// SHA-256 of the canonical content.
    pub content_digest: &'a [u8],
    /// The trade it belongs to.
    pub trade_id: Option<i64>,
    /// When its interchange was received.
    pub received_ms: i64,
    /// When it was decided.
    pub decided_ms: i64,
}

/// A document as stored.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its id.
    pub id: i64,
    /// The centre it belongs to.
    pub centre_id: i64,
    /// The interchange it came in.
    pub interchange_id: i64,
    /// Which one of it, from 1.
    pub ordinal: i64,
    /// What it is.
    pub document_type: String,
    /// Its number.
    pub number: String,
    /// Who issued it.
    pub issuer_id: i64,
    /// The message it was.
    pub message_type: String,
    /// UNH 0062.
    pub message_reference: String,
    /// The mapping that read it.
    pub mapping: String,
    /// Whether we had seen it before.
    pub identity: String,
    /// The document it repeats, revises or conflicts with.
    pub same_as: Option<i64>,
    /// What became of it.
    pub disposition: String,
    /// Findings, JSON.
    pub findings: String,
    /// Canonical JSON; empty for a document applied line by line.
    pub content: String,
    /// SHA-256 of the canonical content.
    pub content_digest: Vec<u8>,
    /// The trade it belongs to.
    pub trade_id: Option<i64>,
    /// When its interchange was received.
    pub received_ms: i64,
    /// When it was decided.
    pub decided_ms: i64,
}

macro_rules! columns {
    () => {
        "d.id, d.centre_id, d.interchange_id, d.ordinal, d.document_type, d.number, d.issuer_id, d.message_type, \
         d.message_reference, d.mapping, d.identity, d.same_as, d.disposition, d.findings, d.content, d.content_digest, \
         d.trade_id, d.received_ms, d.decided_ms"
    };
}

fn from_row(row: &Row) -> Result<Document> {
    Ok(Document {
        id: row.int(0)?,
        centre_id: row.int(1)?,
        interchange_id: row.int(2)?,
        ordinal: row.int(3)?,
        document_type: row.text(4)?,
        number: row.text(5)?,
        issuer_id: row.int(6)?,
        message_type: row.text(7)?,
        message_reference: row.text(8)?,
        mapping: row.text(9)?,
        identity: row.text(10)?,
        same_as: row.opt_int(11)?,
        disposition: row.text(12)?,
        findings: row.text(13)?,
        content: row.text(14)?,
        content_digest: row.bytes(15)?,
        trade_id: row.opt_int(16)?,
        received_ms: row.int(17)?,
        decided_ms: row.int(18)?,
    })
}

/// Writes a document. One that stood at the same place of the same interchange and was not in effect is replaced.
pub fn insert(tx: &mut Tx<'_>, new: &NewDocument<'_>) -> Result<()> {
    tx.run(
        "INSERT INTO document (id, centre_id, interchange_id, ordinal, document_type, number, issuer_id, message_type, \
         message_reference, mapping, agreement_id, identity, same_as, disposition, findings, content, content_digest, trade_id, \
         received_ms, decided_ms) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
        params![
            new.id,
            new.centre_id,
            new.interchange_id,
            new.ordinal,
            new.document_type,
            new.number,
            new.issuer_id,
            new.message_type,
            new.message_reference,
            new.mapping,
            new.agreement_id,
            new.identity.as_str(),
            new.same_as,
            new.disposition.as_str(),
            new.findings,
            new.content,
            new.content_digest,
            new.trade_id,
            new.received_ms,
            new.decided_ms
        ],
    )
}

/// Takes away what an earlier try left at that place, unless it is in effect. Gives the disposition of one that is.
pub fn clear_place(tx: &mut Tx<'_>, interchange_id: i64, ordinal: i64) -> Result<Option<(i64, Disposition)>> {
    let row = tx.query_opt(
        "SELECT id, disposition FROM document WHERE interchange_id = ?1 AND ordinal = ?2",
        params![interchange_id, ordinal],
    )?;
    let Some(row) = row else { return Ok(None) };
    let (id, disposition) = (row.int(0)?, row.text(1)?);
    match Disposition::from_word(&disposition) {
        Some(done @ (Disposition::Accepted | Disposition::AcceptedWithErrors | Disposition::Duplicate)) => {
            Ok(Some((id, done)))
        }
        _ => {
            tx.run("DELETE FROM document_party WHERE document_id = ?1", params![id])?;
            tx.run("DELETE FROM document WHERE id = ?1", params![id])?;
            Ok(None)
        }
    }
}

/// Names an organisation that may see the document.
pub fn add_party(tx: &mut Tx<'_>, document_id: i64, organisation_id: i64, part: &str) -> Result<()> {
    tx.run(
        "INSERT INTO document_party (organisation_id, document_id, part) VALUES (?1, ?2, ?3) \
         ON CONFLICT (organisation_id, document_id, part) DO NOTHING",
        params![organisation_id, document_id, part],
    )
}

/// Whether an organisation sent, received or is named by the document.
pub fn is_party(tx: &mut Tx<'_>, document_id: i64, organisation_id: i64) -> Result<bool> {
    let row = tx.query_opt(
        "SELECT 1 FROM document_party WHERE organisation_id = ?1 AND document_id = ?2 LIMIT 1",
        params![organisation_id, document_id],
    )?;
    Ok(row.is_some())
}

/// The accepted document that occupies a business key: id, content digest, when it was received.
pub fn by_business_key(
    tx: &mut Tx<'_>,
    document_type: &str,
    issuer_id: i64,
    number: &str,
) -> Result<Option<(i64, Vec<u8>, i64)>> {
    let row = tx.query_opt(
        "SELECT d.id, d.content_digest, d.received_ms FROM business_key k JOIN document d ON d.id = k.document_id \
         WHERE k.document_type = ?1 AND k.issuer_id = ?2 AND k.number = ?3",
        params![document_type, issuer_id, number],
    )?;
    row.map(|row| Ok((row.int(0)?, row.bytes(1)?, row.int(2)?))).transpose()
}

/// Lets an accepted document occupy its business key; a revision takes it over.
pub fn occupy_key(tx: &mut Tx<'_>, document_type: &str, issuer_id: i64, number: &str, document_id: i64) -> Result<()> {
    tx.run(
        "INSERT INTO business_key (document_type, issuer_id, number, document_id) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (document_type, issuer_id, number) DO UPDATE SET document_id = excluded.document_id",
        params![document_type, issuer_id, number, document_id],
    )
}

/// When an equal document without a number came last from that sender since a time.
pub fn seen_since(
    tx: &mut Tx<'_>,
    issuer_id: i64,
    document_type: &str,
    digest: &[u8],
    since_ms: i64,
) -> Result<Option<(i64, i64)>> {
    let row = tx.query_opt(
        "SELECT document_id, seen_ms FROM content_seen WHERE issuer_id = ?1 AND document_type = ?2 AND content_digest = ?3 \
         AND seen_ms >= ?4 ORDER BY seen_ms DESC LIMIT 1",
        params![issuer_id, document_type, digest, since_ms],
    )?;
    row.map(|row| Ok((row.int(0)?, row.int(1)?))).transpose()
}

/// Notes that a document without a number came.
pub fn note_seen(
    tx: &mut Tx<'_>,
    issuer_id: i64,
    document_type: &str,
    digest: &[u8],
    document_id: i64,
    now_ms: i64,
) -> Result<()> {
    tx.run(
        "INSERT INTO content_seen (issuer_id, document_type, content_digest, document_id, seen_ms) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (issuer_id, document_type, content_digest, document_id) DO NOTHING",
        params![issuer_id, document_type, digest, document_id, now_ms],
    )
}

/// One document.
pub fn get(tx: &mut Tx<'_>, id: i64) -> Result<Option<Document>> {
    let row = tx.query_opt(concat!("SELECT ", columns!(), " FROM document d WHERE d.id = ?1"), params![id])?;
    row.as_ref().map(from_row).transpose()
}

/// Documents of an interchange, in order.
pub fn of_interchange(tx: &mut Tx<'_>, interchange_id: i64) -> Result<Vec<Document>> {
    let rows = tx.query(
        concat!("SELECT ", columns!(), " FROM document d WHERE d.interchange_id = ?1 ORDER BY d.ordinal"),
        params![interchange_id],
    )?;
    rows.iter().map(from_row).collect()
}

/// What a list says of a document.
#[derive(Clone, Debug)]
pub struct Head {
    /// Its id.
    pub id: i64,
    /// What it is.
    pub document_type: String,
    /// Its number.
    pub number: String,
    /// The trade it belongs to.
    pub trade_id: Option<i64>,
}

/// The first documents of an interchange, without their content.
pub fn heads(tx: &mut Tx<'_>, interchange_id: i64, limit: i64) -> Result<Vec<Head>> {
    let rows = tx.query(
        "SELECT id, document_type, number, trade_id FROM document WHERE interchange_id = ?1 ORDER BY ordinal LIMIT ?2",
        params![interchange_id, limit],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Head { id: row.int(0)?, document_type: row.text(1)?, number: row.text(2)?, trade_id: row.opt_int(3)? })
        })
        .collect()
}

/// Dispositions of an interchange's documents.
pub fn dispositions(tx: &mut Tx<'_>, interchange_id: i64) -> Result<Vec<Disposition>> {
    let rows = tx.query("SELECT disposition FROM document WHERE interchange_id = ?1", params![interchange_id])?;
    rows.iter().map(|row| Ok(Disposition::from_word(&row.text(0)?).unwrap_or(Disposition::Held))).collect()
}

/// Documents of a trade, oldest first.
pub fn of_trade(tx: &mut Tx<'_>, trade_id: i64) -> Result<Vec<Document>> {
    let rows = tx.query(
        concat!("SELECT ", columns!(), " FROM document d WHERE d.trade_id = ?1 ORDER BY d.id LIMIT 1000"),
        params![trade_id],
    )?;
    rows.iter().map(from_row).collect()
}

/// What a list of documents is narrowed by. Empty text means any.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The viewer's organisation; none for who sees the whole centre.
    pub organisation_id: Option<i64>,
    /// The centre.
    pub centre_id: i64,
    /// Document type.
    pub document_type: String,
    /// Number.
    pub number: String,
    /// Issuer; 0 for any.
    pub issuer_id: i64,
    /// Received at or after.
    pub since_ms: i64,
    /// Only ids below this one.
    pub before: i64,
    /// At most so many.
    pub limit: i64,
}

/// Documents that a viewer may see, newest first.
pub fn list(tx: &mut Tx<'_>, filter: &Filter) -> Result<Vec<Document>> {
    let rows = match filter.organisation_id {
        Some(organisation_id) => tx.query(
            concat!(
                "SELECT ",
                columns!(),
                " FROM document d WHERE d.id IN (SELECT document_id FROM document_party WHERE organisation_id = ?1) \
                 AND (?2 = '' OR d.document_type = ?2) AND (?3 = '' OR d.number = ?3) AND (?4 = 0 OR d.issuer_id = ?4) \
                 AND d.received_ms >= ?5 AND d.id < ?6 ORDER BY d.id DESC LIMIT ?7"
            ),
            params![
                organisation_id,
                &filter.document_type,
                &filter.number,
                filter.issuer_id,
                filter.since_ms,
                filter.before,
                filter.limit
            ],
        )?,
        None => tx.query(
            concat!(
                "SELECT ",
                columns!(),
                " FROM document d WHERE d.centre_id = ?1 \
                 AND (?2 = '' OR d.document_type = ?2) AND (?3 = '' OR d.number = ?3) AND (?4 = 0 OR d.issuer_id = ?4) \
                 AND d.received_ms >= ?5 AND d.id < ?6 ORDER BY d.id DESC LIMIT ?7"
            ),
            params![
                filter.centre_id,
                &filter.document_type,
                &filter.number,
                filter.issuer_id,
                filter.since_ms,
                filter.before,
                filter.limit
            ],
        )?,
    };
    rows.iter().map(from_row).collect()
}
