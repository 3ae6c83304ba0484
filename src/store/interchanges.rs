//! What came in: receipts, payloads, claims and verdicts of interchanges.

use super::engine::{Row, Tx};
use super::leases;
use crate::error::Result;
use crate::model::disposition::{Cause, Disposition, InterchangeState, Transport};
use crate::params;

/// Bytes of a payload that are written in one row; larger ones go in chunks.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// A receipt about to be written.
#[derive(Clone, Debug)]
pub struct NewInterchange {
    /// Its id.
    pub id: i64,
    /// The centre it belongs to.
    pub centre_id: i64,
    /// Who handed it in.
    pub organisation_id: i64,
    /// How.
    pub transport: Transport,
    /// What makes it the same call when it is made again, within one partner.
    pub transport_id: Option<String>,
    /// Media type as stated.
    pub content_type: String,
    /// Character set as stated, else empty.
    pub charset: String,
    /// File name, else empty.
    pub file_name: String,
    /// SHA-256 of the bytes.
    pub digest: [u8; 32],
    /// How many bytes.
    pub size_bytes: i64,
    /// When, UTC milliseconds.
    pub received_ms: i64,
    /// The person who sent it by the portal.
    pub account_id: Option<i64>,
    /// The delivery whose answer body this is.
    pub answers_delivery_id: Option<i64>,
    /// The mail it came in.
    pub mail_id: Option<i64>,
}

/// An interchange as stored, without its payload.
#[derive(Clone, Debug)]
pub struct Interchange {
    /// Its id.
    pub id: i64,
    /// The centre it belongs to.
    pub centre_id: i64,
    /// Who handed it in.
    pub organisation_id: i64,
    /// How.
    pub transport: String,
    /// Media type as stated.
    pub content_type: String,
    /// Character set as stated.
    pub charset: String,
    /// File name.
    pub file_name: String,
    /// SHA-256 of the bytes.
    pub digest: Vec<u8>,
    /// How many bytes.
    pub size_bytes: i64,
    /// When, UTC milliseconds.
    pub received_ms: i64,
    /// The person who sent it by the portal.
    pub account_id: Option<i64>,
    /// The delivery whose answer body this is.
    pub answers_delivery_id: Option<i64>,
    /// Where it is on its way.
    pub state: String,
    /// The lease's count; whoever has an old one has lost it.
    pub epoch: i64,
    /// How often it was claimed.
    pub attempts: i64,
    /// The worst of its documents.
    pub disposition: Option<String>,
    /// Whose fault.
    pub cause: Option<String>,
    /// Which format was recognised.
    pub format: Option<String>,
    /// UNB 0020 and its like.
    pub control_reference: Option<String>,
    /// What its envelope says.
    pub sender: Option<String>,
    /// What its envelope says.
    pub receiver: Option<String>,
    /// How many documents it had.
    pub documents: i64,
    /// Findings that belong to no document, JSON.
    pub findings: Option<String>,
    /// When it was decided.
    pub decided_ms: Option<i64>,
    /// Whether a person said that it is a new one, not the same again.
    pub confirmed: bool,
    /// The mail it came in.
    pub mail_id: Option<i64>,
    /// The interchange that it corrects, in answer to our findings about that.
    pub revises_id: Option<i64>,
}

macro_rules! columns {
    () => {
        "id, centre_id, organisation_id, transport, content_type, charset, file_name, digest, size_bytes, received_ms, \
         account_id, answers_delivery_id, state, epoch, attempts, disposition, cause, format, control_reference, sender, \
         receiver, documents, findings, decided_ms, confirmed, mail_id, revises_id"
    };
}

fn from_row(row: &Row) -> Result<Interchange> {
    Ok(Interchange {
        id: row.int(0)?,
        centre_id: row.int(1)?,
        organisation_id: row.int(2)?,
        transport: row.text(3)?,
        content_type: row.text(4)?,
        charset: row.text(5)?,
        file_name: row.text(6)?,
        digest: row.bytes(7)?,
        size_bytes: row.int(8)?,
        received_ms: row.int(9)?,
        account_id: row.opt_int(10)?,
        answers_delivery_id: row.opt_int(11)?,
        state: row.text(12)?,
        epoch: row.int(13)?,
        attempts: row.int(14)?,
        disposition: row.opt_text(15)?,
        cause: row.opt_text(16)?,
        format: row.opt_text(17)?,
        control_reference: row.opt_text(18)?,
        sender: row.opt_text(19)?,
        receiver: row.opt_text(20)?,
        documents: row.int(21)?,
        findings: row.opt_text(22)?,
        decided_ms: row.opt_int(23)?,
        confirmed: row.flag(24)?,
        mail_id: row.opt_int(25)?,
        revises_id: row.opt_int(26)?,
    })
}

/// Writes a receipt. Insert only, so that receipts can be grouped; a transport id that is there already is a unique
/// violation.
pub fn insert(tx: &mut Tx<'_>, new: &NewInterchange, payload: Option<&[u8]>) -> Result<()> {
    tx.run(
        "INSERT INTO interchange (id, centre_id, organisation_id, transport, transport_id, content_type, charset, file_name, \
         digest, size_bytes, received_ms, account_id, answers_delivery_id, mail_id, state, due_ms, epoch, attempts, confirmed, \
         documents) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 'received', ?11, 0, 0, 0, 0)",
        params![
            new.id,
            new.centre_id,
            new.organisation_id,
            new.transport.as_str(),
            new.transport_id.as_deref(),
            &new.content_type,
            &new.charset,
            &new.file_name,
            new.digest.as_slice(),
            new.size_bytes,
            new.received_ms,
            new.account_id,
            new.answers_delivery_id,
            new.mail_id
        ],
    )?;
    if let Some(bytes) = payload {
        tx.run("INSERT INTO payload (interchange_id, bytes) VALUES (?1, ?2)", params![new.id, bytes])?;
    }
    Ok(())
}

/// Writes one chunk of a large payload, before its interchange.
pub fn insert_chunk(tx: &mut Tx<'_>, id: i64, number: i64, bytes: &[u8]) -> Result<()> {
    tx.run("INSERT INTO payload_chunk (interchange_id, number, bytes) VALUES (?1, ?2, ?3)", params![id, number, bytes])
}

/// Drops the chunks of a payload that never became an interchange.
pub fn delete_chunks(tx: &mut Tx<'_>, id: i64) -> Result<()> {
    tx.run("DELETE FROM payload_chunk WHERE interchange_id = ?1", params![id])
}

/// The interchange that came with that transport id before: id and digest.
pub fn by_transport_id(tx: &mut Tx<'_>, organisation_id: i64, transport_id: &str) -> Result<Option<(i64, Vec<u8>)>> {
    let row = tx.query_opt(
        "SELECT id, digest FROM interchange WHERE organisation_id = ?1 AND transport_id = ?2",
        params![organisation_id, transport_id],
    )?;
    row.map(|row| Ok((row.int(0)?, row.bytes(1)?))).transpose()
}

/// One interchange.
pub fn get(tx: &mut Tx<'_>, id: i64) -> Result<Option<Interchange>> {
    let row = tx.query_opt(concat!("SELECT ", columns!(), " FROM interchange WHERE id = ?1"), params![id])?;
    row.as_ref().map(from_row).transpose()
}

/// A payload of one chunk, or chunk `number` (from 0) of a larger one.
pub fn payload_part(tx: &mut Tx<'_>, id: i64, number: i64) -> Result<Option<Vec<u8>>> {
    if number == 0
        && let Some(row) = tx.query_opt("SELECT bytes FROM payload WHERE interchange_id = ?1", params![id])?
    {
        return Ok(Some(row.bytes(0)?));
    }
    let row =
        tx.query_opt("SELECT bytes FROM payload_chunk WHERE interchange_id = ?1 AND number = ?2", params![id, number])?;
    row.map(|row| row.bytes(0)).transpose()
}

/// Several claimed interchanges with their small payloads at once.
pub fn get_with_payload(tx: &mut Tx<'_>, id: i64) -> Result<Option<(Interchange, Option<Vec<u8>>)>> {
    let Some(interchange) = get(tx, id)? else { return Ok(None) };
    let bytes = if interchange.size_bytes <= CHUNK_BYTES as i64 { payload_part(tx, id, 0)? } else { None };
    Ok(Some((interchange, bytes)))
}

/// Takes up to `limit` interchanges that are due under a lease until `until_ms`: id and epoch. An empty answer does not mean
/// that there is no work.
pub fn claim(tx: &mut Tx<'_>, owner: &str, now_ms: i64, until_ms: i64, limit: i64) -> Result<Vec<(i64, i64)>> {
    leases::INTERCHANGES.take(tx, owner, now_ms, until_ms, limit)
}

/// What is written when an interchange was decided.
#[derive(Clone, Debug)]
pub struct Decision<'a> {
    /// Where it is now.
    pub state: InterchangeState,
    /// The worst of its documents.
    pub disposition: Option<Disposition>,
    /// Whose fault, when it is not accepted.
    pub cause: Option<Cause>,
    /// Which format was recognised.
    pub format: &'a str,
    /// UNB 0020 and its like.
    pub control_reference: &'a str,
    /// What its envelope says.
    pub sender: &'a str,
    /// What its envelope says.
    pub receiver: &'a str,
    /// How many documents it had.
    pub documents: i64,
    /// Findings that belong to no document, JSON; empty if none.
    pub findings: &'a str,
    /// When it should be looked at again by itself.
    pub due_ms: Option<i64>,
}

/// Writes the decision if the lease is still ours; false if it is not. What was rejected gives its transport id free.
pub fn decide(tx: &mut Tx<'_>, id: i64, epoch: i64, decision: &Decision<'_>, now_ms: i64) -> Result<bool> {
    let some = |text| if str::is_empty(text) { None } else { Some(text) };
    let count = tx.execute(
        "UPDATE interchange SET state = ?3, disposition = ?4, cause = ?5, format = ?6, control_reference = ?7, sender = ?8, \
         receiver = ?9, documents = ?10, findings = ?11, due_ms = ?12, decided_ms = ?13, lease_owner = NULL, \
         transport_id = CASE WHEN ?4 = 'rejected' THEN NULL ELSE transport_id END WHERE id = ?1 AND epoch = ?2",
        params![
            id,
            epoch,
            decision.state.as_str(),
            decision.disposition.map(Disposition::as_str),
            decision.cause.map(Cause::as_str),
            some(decision.format),
            some(decision.control_reference),
            some(decision.sender),
            some(decision.receiver),
            decision.documents,
            some(decision.findings),
            decision.due_ms,
            now_ms
        ],
    )?;
    Ok(count == 1)
}

/// Whether the lease under that epoch still holds.
pub fn holds_lease(tx: &mut Tx<'_>, id: i64, epoch: i64) -> Result<bool> {
    let row = tx.query_opt("SELECT 1 FROM interchange WHERE id = ?1 AND epoch = ?2", params![id, epoch])?;
    Ok(row.is_some())
}

/// Gives a claimed interchange back for another try.
pub fn release(tx: &mut Tx<'_>, id: i64, epoch: i64, due_ms: i64) -> Result<()> {
    tx.run(
        "UPDATE interchange SET due_ms = ?3, lease_owner = NULL WHERE id = ?1 AND epoch = ?2",
        params![id, epoch, due_ms],
    )
}

/// Makes an interchange due again, for replay; a running lease loses its epoch.
pub fn make_due(tx: &mut Tx<'_>, id: i64, now_ms: i64) -> Result<bool> {
    again(tx, id, false, now_ms)
}

/// The same, with a person's word that it is a new document and not the same again.
pub fn again(tx: &mut Tx<'_>, id: i64, confirmed: bool, now_ms: i64) -> Result<bool> {
    let count = tx.execute(
        "UPDATE interchange SET state = 'received', due_ms = ?2, lease_owner = NULL, epoch = epoch + 1, \
         decided_ms = NULL, confirmed = CASE WHEN ?3 = 1 THEN 1 ELSE confirmed END WHERE id = ?1",
        params![id, now_ms, confirmed],
    )?;
    Ok(count == 1)
}

/// Interchanges for a list: newest first, before an id. `organisation_id` none means all of the centre.
pub fn list(
    tx: &mut Tx<'_>,
    centre_id: i64,
    organisation_id: Option<i64>,
    before: i64,
    limit: i64,
) -> Result<Vec<Interchange>> {
    let rows = match organisation_id {
        Some(organisation_id) => tx.query(
            concat!(
                "SELECT ",
                columns!(),
                " FROM interchange WHERE organisation_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"
            ),
            params![organisation_id, before, limit],
        )?,
        None => tx.query(
            concat!(
                "SELECT ",
                columns!(),
                " FROM interchange WHERE centre_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"
            ),
            params![centre_id, before, limit],
        )?,
    };
    rows.iter().map(from_row).collect()
}

/// What a list of interchanges is narrowed by. Empty text and 0 mean any.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    /// The centre.
    pub centre_id: i64,
    /// Who handed them in.
    pub organisation_id: i64,
    /// Where they stand: a state that is not `decided`, or the disposition of what is decided.
    pub standing: String,
    /// How they came.
    pub transport: String,
    /// Only ids below this one.
    pub before: i64,
    /// At most so many.
    pub limit: i64,
}

/// Interchanges that one page of a narrowed list looks back over, so that a rare kind costs no more than a bound.
pub const LOOK_BACK: i64 = 20_000;

/// A narrowed list, newest first, and where the next page starts if there may be more.
pub fn narrowed(tx: &mut Tx<'_>, narrow: &Narrow) -> Result<(Vec<Interchange>, Option<i64>)> {
    let floor = tx
        .query_opt(
            "SELECT id FROM interchange WHERE centre_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3",
            params![narrow.centre_id, narrow.before, LOOK_BACK],
        )?
        .map(|row| row.int(0))
        .transpose()?;
    let rows = tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM interchange WHERE centre_id = ?1 AND id < ?2 AND id >= ?3 AND (?4 = 0 OR organisation_id = ?4) \
             AND (?5 = '' OR state = ?5 OR (state = 'decided' AND disposition = ?5)) AND (?6 = '' OR transport = ?6) \
             ORDER BY id DESC LIMIT ?7"
        ),
        params![
            narrow.centre_id,
            narrow.before,
            floor.unwrap_or(0),
            narrow.organisation_id,
            &narrow.standing,
            &narrow.transport,
            narrow.limit
        ],
    )?;
    let rows: Vec<Interchange> = rows.iter().map(from_row).collect::<Result<_>>()?;
    let full = rows.len() as i64 >= narrow.limit;
    let next = if full { rows.last().map(|row| row.id) } else { floor };
    Ok((rows, next))
}

/// How many of a centre, or of one organisation of it, are held and how many wait.
pub fn open_counts(tx: &mut Tx<'_>, centre_id: i64, organisation_id: Option<i64>) -> Result<(i64, i64)> {
    let row = tx.query_one(
        "SELECT CAST(COALESCE(SUM(CASE WHEN state = 'held' THEN 1 ELSE 0 END), 0) AS BIGINT), \
         CAST(COALESCE(SUM(CASE WHEN state = 'waiting' THEN 1 ELSE 0 END), 0) AS BIGINT) FROM interchange \
         WHERE state <> 'decided' AND state <> 'received' AND centre_id = ?1 AND (?2 = 0 OR organisation_id = ?2)",
        params![centre_id, organisation_id.unwrap_or(0)],
    )?;
    Ok((row.int(0)?, row.int(1)?))
}

/// Interchanges that wait for a person, oldest first. `organisation_id` none means all of the centre.
pub fn list_held(
    tx: &mut Tx<'_>,
    centre_id: i64,
    organisation_id: Option<i64>,
    limit: i64,
) -> Result<Vec<Interchange>> {
    let rows = tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM interchange WHERE state <> 'decided' AND state <> 'received' AND centre_id = ?1 \
             AND (?2 = 0 OR organisation_id = ?2) ORDER BY id LIMIT ?3"
        ),
        params![centre_id, organisation_id.unwrap_or(0), limit],
    )?;
    rows.iter().map(from_row).collect()
}

/// Interchanges that came as the answer to a delivery.
pub fn answers(tx: &mut Tx<'_>, delivery_id: i64) -> Result<Vec<Interchange>> {
    let rows = tx.query(
        concat!("SELECT ", columns!(), " FROM interchange WHERE answers_delivery_id = ?1 ORDER BY id LIMIT 100"),
        params![delivery_id],
    )?;
    rows.iter().map(from_row).collect()
}

/// Notes which interchange one corrects.
pub fn revises(tx: &mut Tx<'_>, id: i64, revises_id: i64) -> Result<()> {
    tx.run("UPDATE interchange SET revises_id = ?2 WHERE id = ?1", params![id, revises_id])
}

/// Interchanges that correct one, oldest first.
pub fn revised_by(tx: &mut Tx<'_>, id: i64) -> Result<Vec<Interchange>> {
    let rows = tx.query(
        concat!("SELECT ", columns!(), " FROM interchange WHERE revises_id = ?1 ORDER BY id LIMIT 100"),
        params![id],
    )?;
    rows.iter().map(from_row).collect()
}

/// Ids of everything held for want of an agreement of that partner, so that a new one releases them.
pub fn held_of(tx: &mut Tx<'_>, organisation_id: i64, limit: i64) -> Result<Vec<i64>> {
    let rows = tx.query(
        "SELECT id FROM interchange WHERE state = 'held' AND cause = 'not-yet' AND organisation_id = ?1 ORDER BY id LIMIT ?2",
        params![organisation_id, limit],
    )?;
    rows.iter().map(|row| row.int(0)).collect()
}

/// How many are in each state that is not decided. Both queries are answered by their partial index alone.
pub fn counts(tx: &mut Tx<'_>) -> Result<Vec<(String, i64)>> {
    let rows = tx.query(
        "SELECT state, COUNT(*) FROM interchange WHERE state <> 'decided' AND state <> 'received' GROUP BY state",
        params![],
    )?;
    let mut counts: Vec<(String, i64)> =
        rows.iter().map(|row| Ok((row.text(0)?, row.int(1)?))).collect::<Result<_>>()?;
    // What is due was received, or it waits.
    let due = tx.query_one("SELECT COUNT(*) FROM interchange WHERE due_ms IS NOT NULL", params![])?.int(0)?;
    let waiting: i64 = counts.iter().filter(|(state, _)| state == "waiting").map(|(_, count)| count).sum();
    if due > waiting {
        counts.push(("received".to_owned(), due - waiting));
    }
    Ok(counts)
}

/// Notes that an interchange waits for a key.
pub fn wait_for(tx: &mut Tx<'_>, id: i64, kind: &str, value: &str, until_ms: i64) -> Result<()> {
    tx.run(
        "INSERT INTO waiting (kind, value, interchange_id, until_ms) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (kind, value, interchange_id) DO NOTHING",
        params![kind, value, id, until_ms],
    )
}

/// When the patience with an interchange that waits ends, if it was waiting before.
pub fn waiting_until(tx: &mut Tx<'_>, id: i64) -> Result<Option<i64>> {
    let row =
        tx.query_opt("SELECT CAST(MIN(until_ms) AS BIGINT) FROM waiting WHERE interchange_id = ?1", params![id])?;
    row.map_or(Ok(None), |row| row.opt_int(0))
}

/// Forgets what an interchange waited for.
pub fn stop_waiting(tx: &mut Tx<'_>, id: i64) -> Result<()> {
    tx.run("DELETE FROM waiting WHERE interchange_id = ?1", params![id])
}

/// Wakes what waits for a key: makes those interchanges due.
pub fn wake(tx: &mut Tx<'_>, kind: &str, value: &str, now_ms: i64) -> Result<u64> {
    tx.execute(
        "UPDATE interchange SET due_ms = ?3 WHERE state = 'waiting' AND id IN \
         (SELECT interchange_id FROM waiting WHERE kind = ?1 AND value = ?2)",
        params![kind, value, now_ms],
    )
}

/// Holds the lease for longer; false if it is lost.
pub fn renew(tx: &mut Tx<'_>, id: i64, epoch: i64, until_ms: i64) -> Result<bool> {
    Ok(tx.execute("UPDATE interchange SET due_ms = ?3 WHERE id = ?1 AND epoch = ?2", params![id, epoch, until_ms])?
        == 1)
}
