//! What goes out: the outbox, bodies once prepared, attempts, control numbers.

use super::documents::Filter;
use super::engine::{Row, Tx};
use super::leases;
use crate::error::Result;
use crate::params;

/// A delivery about to be written to the outbox.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// Its id; also the webhook-id of every attempt.
    pub id: i64,
    /// The centre it belongs to.
    pub centre_id: i64,
    /// To whom.
    pub organisation_id: i64,
    /// Under which agreement; 0 for notices.
    pub agreement_id: i64,
    /// The document it carries or was made from.
    pub document_id: Option<i64>,
    /// The interchange that caused it.
    pub interchange_id: i64,
    /// The trade it belongs to.
    pub trade_id: Option<i64>,
    /// `document`, `acknowledgement` or `notice`.
    pub kind: &'static str,
    /// What is sent.
    pub document_type: String,
    /// Its number.
    pub number: String,
    /// The message to be written, `edifact/d96a/ORDERS`.
    pub message_type: String,
    /// Where to.
    pub address: String,
    /// Canonical JSON to be written in that message.
    pub content: String,
    /// When.
    pub due_ms: i64,
    /// When it was caused.
    pub created_ms: i64,
}

/// A delivery as stored.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its id.
    pub id: i64,
    /// The centre it belongs to.
    pub centre_id: i64,
    /// To whom.
    pub organisation_id: i64,
    /// Under which agreement.
    pub agreement_id: i64,
    /// The document it carries or was made from.
    pub document_id: Option<i64>,
    /// The interchange that caused it.
    pub interchange_id: i64,
    /// The trade it belongs to.
    pub trade_id: Option<i64>,
    /// `document`, `acknowledgement` or `notice`.
    pub kind: String,
    /// What is sent.
    pub document_type: String,
    /// Its number.
    pub number: String,
    /// The message.
    pub message_type: String,
    /// Where to.
    pub address: String,
    /// Canonical JSON.
    pub content: String,
    /// Where it is on its way.
    pub state: String,
    /// When it is due.
    pub due_ms: Option<i64>,
    /// The lease's count.
    pub epoch: i64,
    /// How often it was tried.
    pub attempts: i64,
    /// Whether its body was prepared.
    pub prepared: bool,
    /// Media type of the body.
    pub content_type: String,
    /// Control reference of the body.
    pub control_reference: String,
    /// What could not be carried, JSON.
    pub findings: String,
    /// Why the last attempt failed.
    pub reason: String,
    /// What the partner answered.
    pub receipt: String,
    /// When it was caused.
    pub created_ms: i64,
    /// When it last changed.
    pub changed_ms: i64,
    /// What the partner's functional acknowledgement said: empty, `accepted`, `rejected`, `partly`, `received`.
    pub acknowledged: String,
}

macro_rules! columns {
    () => {
        "id, centre_id, organisation_id, agreement_id, document_id, interchange_id, trade_id, kind, document_type, number, \
         message_type, address, content, state, due_ms, epoch, attempts, prepared, content_type, control_reference, findings, \
         reason, receipt, created_ms, changed_ms, acknowledged"
    };
}

fn from_row(row: &Row) -> Result<Delivery> {
    Ok(Delivery {
        id: row.int(0)?,
        centre_id: row.int(1)?,
        organisation_id: row.int(2)?,
        agreement_id: row.int(3)?,
        document_id: row.opt_int(4)?,
        interchange_id: row.int(5)?,
        trade_id: row.opt_int(6)?,
        kind: row.text(7)?,
        document_type: row.text(8)?,
        number: row.text(9)?,
        message_type: row.text(10)?,
        address: row.text(11)?,
        content: row.text(12)?,
        state: row.text(13)?,
        due_ms: row.opt_int(14)?,
        epoch: row.int(15)?,
        attempts: row.int(16)?,
        prepared: row.int(17)? != 0,
        content_type: row.text(18)?,
        control_reference: row.text(19)?,
        findings: row.text(20)?,
        reason: row.text(21)?,
        receipt: row.text(22)?,
        created_ms: row.int(23)?,
        changed_ms: row.int(24)?,
        acknowledged: row.text(25)?,
    })
}

/// Puts a delivery into the outbox.
pub fn insert(tx: &mut Tx<'_>, new: &NewDelivery) -> Result<()> {
    tx.run(
        "INSERT INTO delivery (id, centre_id, organisation_id, agreement_id, document_id, interchange_id, trade_id, kind, \
         document_type, number, message_type, address, content, state, due_ms, epoch, attempts, prepared, content_type, \
         control_reference, findings, reason, receipt, created_ms, changed_ms, acknowledged) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 'scheduled', ?14, 0, 0, 0, '', '', '', '', '', ?15, \
         ?15, '')",
        params![
            new.id,
            new.centre_id,
            new.organisation_id,
            new.agreement_id,
            new.document_id,
            new.interchange_id,
            new.trade_id,
            new.kind,
            &new.document_type,
            &new.number,
            &new.message_type,
            &new.address,
            &new.content,
            new.due_ms,
            new.created_ms
        ],
    )
}

/// One delivery.
pub fn get(tx: &mut Tx<'_>, id: i64) -> Result<Option<Delivery>> {
    let row = tx.query_opt(concat!("SELECT ", columns!(), " FROM delivery WHERE id = ?1"), params![id])?;
    row.as_ref().map(from_row).transpose()
}

/// One delivery with its body, if that was prepared.
pub fn get_with_body(tx: &mut Tx<'_>, id: i64) -> Result<Option<(Delivery, Option<Vec<u8>>)>> {
    let Some(delivery) = get(tx, id)? else { return Ok(None) };
    let bytes = if delivery.prepared { body(tx, id)? } else { None };
    Ok(Some((delivery, bytes)))
}

/// The bytes that are sent at every attempt.
pub fn body(tx: &mut Tx<'_>, id: i64) -> Result<Option<Vec<u8>>> {
    let row = tx.query_opt("SELECT bytes FROM delivery_body WHERE delivery_id = ?1", params![id])?;
    row.map(|row| row.bytes(0)).transpose()
}

/// Takes up to `limit` deliveries that are due under a lease until `until_ms`: id and epoch. An empty answer does not mean
/// that there is no work.
pub fn claim(tx: &mut Tx<'_>, owner: &str, now_ms: i64, until_ms: i64, limit: i64) -> Result<Vec<(i64, i64)>> {
    leases::DELIVERIES.take(tx, owner, now_ms, until_ms, limit)
}

/// Keeps the prepared body, once, under our lease; false if the lease is lost.
pub fn prepared(
    tx: &mut Tx<'_>,
    id: i64,
    epoch: i64,
    bytes: &[u8],
    content_type: &str,
    control_reference: &str,
    findings: &str,
) -> Result<bool> {
    let count = tx.execute(
        "UPDATE delivery SET prepared = 1, content_type = ?3, control_reference = ?4, findings = ?5 \
         WHERE id = ?1 AND epoch = ?2 AND prepared = 0",
        params![id, epoch, content_type, control_reference, findings],
    )?;
    if count == 1 {
        tx.run("INSERT INTO delivery_body (delivery_id, bytes) VALUES (?1, ?2)", params![id, bytes])?;
    }
    Ok(count == 1)
}

/// A file that goes with the text of a notice.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Keeps the files of a delivery, in the transaction that keeps its body.
pub fn attach(tx: &mut Tx<'_>, id: i64, files: &[Attachment]) -> Result<()> {
    for (number, file) in (1i64..).zip(files) {
        tx.run(
            "INSERT INTO delivery_attachment (delivery_id, number, name, content_type, bytes) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id, number, &file.name, &file.content_type, file.bytes.as_slice()],
        )?;
    }
    Ok(())
}

/// The files that go with a delivery, in order.
pub fn attachments(tx: &mut Tx<'_>, id: i64) -> Result<Vec<Attachment>> {
    let rows = tx.query(
        "SELECT name, content_type, bytes FROM delivery_attachment WHERE delivery_id = ?1 ORDER BY number LIMIT 100",
        params![id],
    )?;
    let file = |row: &Row| Ok(Attachment { name: row.text(0)?, content_type: row.text(1)?, bytes: row.bytes(2)? });
    rows.iter().map(file).collect()
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub struct Attempt<'a> {
    /// `delivered`, `temporary` or `dead`.
    pub outcome: &'a str,
    /// Why, or what the partner answered.
    pub reason: &'a str,
    /// When it started.
    pub at_ms: i64,
    /// How long it took.
    pub duration_ms: i64,
    /// When it is tried again.
    pub due_ms: Option<i64>,
}

/// Records an attempt under our lease; false if the lease is lost.
pub fn record(tx: &mut Tx<'_>, id: i64, epoch: i64, attempt: &Attempt<'_>, now_ms: i64) -> Result<bool> {
    let state = match attempt.outcome {
        "delivered" => "delivered",
        "temporary" if attempt.due_ms.is_some() => "scheduled",
        _ => "dead",
    };
    let row = tx.query_opt(
        "UPDATE delivery SET state = ?3, due_ms = ?4, attempts = attempts + 1, lease_owner = NULL, \
         reason = CASE WHEN ?3 = 'delivered' THEN '' ELSE ?5 END, receipt = CASE WHEN ?3 = 'delivered' THEN ?5 ELSE receipt END, \
         changed_ms = ?6 WHERE id = ?1 AND epoch = ?2 RETURNING attempts",
        params![id, epoch, state, attempt.due_ms, attempt.reason, now_ms],
    )?;
    let Some(row) = row else { return Ok(false) };
    tx.run(
        "INSERT INTO delivery_attempt (delivery_id, number, at_ms, outcome, reason, duration_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![id, row.int(0)?, attempt.at_ms, attempt.outcome, attempt.reason, attempt.duration_ms],
    )?;
    Ok(true)
}

/// Notes what the partner's system found wrong, JSON.
pub fn set_findings(tx: &mut Tx<'_>, id: i64, findings: &str) -> Result<()> {
    tx.run("UPDATE delivery SET findings = ?2 WHERE id = ?1", params![id, findings])
}

/// Makes a delivery due now, by hand. One in transit keeps its lease.
pub fn resend(tx: &mut Tx<'_>, id: i64, now_ms: i64) -> Result<bool> {
    let count = tx.execute(
        "UPDATE delivery SET state = 'scheduled', due_ms = ?2, epoch = epoch + 1, lease_owner = NULL, \
         changed_ms = ?2 WHERE id = ?1 AND state IN ('dead', 'delivered', 'scheduled')",
        params![id, now_ms],
    )?;
    Ok(count == 1)
}

/// Lets what was made from a document and is not due yet, or was never tried, wait until a time.
pub fn hold(tx: &mut Tx<'_>, organisation_id: i64, document_id: i64, until_ms: i64) -> Result<()> {
    tx.run(
        "UPDATE delivery SET due_ms = ?3 WHERE document_id = ?2 AND organisation_id = ?1 AND kind = 'document' \
         AND state = 'scheduled' AND attempts = 0",
        params![organisation_id, document_id, until_ms],
    )
}

/// Writes what a delivery says anew. What was prepared for sending stays as it is.
pub fn rewrite(tx: &mut Tx<'_>, id: i64, content: &str) -> Result<()> {
    tx.run("UPDATE delivery SET content = ?2 WHERE id = ?1", params![id, content])
}

/// Deliveries that an interchange caused.
pub fn of_interchange(tx: &mut Tx<'_>, interchange_id: i64) -> Result<Vec<Delivery>> {
    let rows = tx.query(
        concat!("SELECT ", columns!(), " FROM delivery WHERE interchange_id = ?1 ORDER BY id LIMIT 1000"),
        params![interchange_id],
    )?;
    rows.iter().map(from_row).collect()
}

/// Deliveries of a trade.
pub fn of_trade(tx: &mut Tx<'_>, trade_id: i64) -> Result<Vec<Delivery>> {
    let rows = tx.query(
        concat!("SELECT ", columns!(), " FROM delivery WHERE trade_id = ?1 ORDER BY id LIMIT 1000"),
        params![trade_id],
    )?;
    rows.iter().map(from_row).collect()
}

/// The latest document that a partner was sent and that was made from that one.
pub fn carrying(tx: &mut Tx<'_>, organisation_id: i64, document_id: i64) -> Result<Option<Delivery>> {
    let row = tx.query_opt(
        concat!(
            "SELECT ",
            columns!(),
            " FROM delivery WHERE document_id = ?2 AND organisation_id = ?1 AND kind = 'document' ORDER BY id DESC LIMIT 1"
        ),
        params![organisation_id, document_id],
    )?;
    row.as_ref().map(from_row).transpose()
}

/// Documents that a partner was sent, newest first; the filter's issuer and organisation are not looked at.
pub fn documents_to(tx: &mut Tx<'_>, organisation_id: i64, filter: &Filter) -> Result<Vec<Delivery>> {
    let rows = tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM delivery WHERE organisation_id = ?1 AND kind = 'document' AND (?2 = '' OR document_type = ?2) \
             AND (?3 = '' OR number = ?3) AND created_ms >= ?4 AND id < ?5 ORDER BY id DESC LIMIT ?6"
        ),
        params![organisation_id, &filter.document_type, &filter.number, filter.since_ms, filter.before, filter.limit],
    )?;
    rows.iter().map(from_row).collect()
}

/// Deliveries for a list: newest first, before an id. `organisation_id` none means all of the centre.
pub fn list(
    tx: &mut Tx<'_>,
    centre_id: i64,
    organisation_id: Option<i64>,
    before: i64,
    limit: i64,
) -> Result<Vec<Delivery>> {
    let rows = match organisation_id {
        Some(organisation_id) => tx.query(
            concat!(
                "SELECT ",
                columns!(),
                " FROM delivery WHERE organisation_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"
            ),
            params![organisation_id, before, limit],
        )?,
        None => tx.query(
            concat!("SELECT ", columns!(), " FROM delivery WHERE centre_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"),
            params![centre_id, before, limit],
        )?,
    };
    rows.iter().map(from_row).collect()
}

/// Dead deliveries, oldest first.
pub fn dead(tx: &mut Tx<'_>, centre_id: i64, limit: i64) -> Result<Vec<Delivery>> {
    let rows = tx.query(
        concat!("SELECT ", columns!(), " FROM delivery WHERE state = 'dead' AND centre_id = ?1 ORDER BY id LIMIT ?2"),
        params![centre_id, limit],
    )?;
    rows.iter().map(from_row).collect()
}

/// What a list of deliveries is narrowed by. Empty text and 0 mean any.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    /// The centre.
    pub centre_id: i64,
    /// To whom.
    pub organisation_id: i64,
    /// Where they stand.
    pub state: String,
    /// `document`, `acknowledgement` or `notice`.
    pub kind: String,
    /// Only ids below this one.
    pub before: i64,
    /// At most so many.
    pub limit: i64,
}

/// A narrowed list, newest first, and where the next page starts if there may be more. Looks back over a bounded number.
pub fn narrowed(tx: &mut Tx<'_>, narrow: &Narrow) -> Result<(Vec<Delivery>, Option<i64>)> {
    let floor = tx
        .query_opt(
            "SELECT id FROM delivery WHERE centre_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3",
            params![narrow.centre_id, narrow.before, super::interchanges::LOOK_BACK],
        )?
        .map(|row| row.int(0))
        .transpose()?;
    let rows = tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM delivery WHERE centre_id = ?1 AND id < ?2 AND id >= ?3 AND (?4 = 0 OR organisation_id = ?4) \
             AND (?5 = '' OR state = ?5) AND (?6 = '' OR kind = ?6) ORDER BY id DESC LIMIT ?7"
        ),
        params![
            narrow.centre_id,
            narrow.before,
            floor.unwrap_or(0),
            narrow.organisation_id,
            &narrow.state,
            &narrow.kind,
            narrow.limit
        ],
    )?;
    let rows: Vec<Delivery> = rows.iter().map(from_row).collect::<Result<_>>()?;
    let full = rows.len() as i64 >= narrow.limit;
    let next = if full { rows.last().map(|row| row.id) } else { floor };
    Ok((rows, next))
}

/// How many dead deliveries a centre, or one organisation of it, has.
pub fn dead_count(tx: &mut Tx<'_>, centre_id: i64, organisation_id: Option<i64>) -> Result<i64> {
    tx.query_one(
        "SELECT COUNT(*) FROM delivery WHERE state = 'dead' AND centre_id = ?1 AND (?2 = 0 OR organisation_id = ?2)",
        params![centre_id, organisation_id.unwrap_or(0)],
    )?
    .int(0)
}

/// Attempts of a delivery: number, when, outcome, reason, duration in milliseconds.
#[expect(clippy::type_complexity, reason = "a row, named in the comment")]
pub fn attempts(tx: &mut Tx<'_>, id: i64) -> Result<Vec<(i64, i64, String, String, i64)>> {
    let rows = tx.query(
        "SELECT number, at_ms, outcome, reason, duration_ms FROM delivery_attempt WHERE delivery_id = ?1 ORDER BY number LIMIT 200",
        params![id],
    )?;
    rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?, row.text(2)?, row.text(3)?, row.int(4)?))).collect()
}

/// The delivery to a partner that carried a control reference, or, where the answer names a document, its number.
pub fn by_reference(tx: &mut Tx<'_>, organisation_id: i64, reference: &str) -> Result<Option<i64>> {
    let row = tx.query_opt(
        "SELECT id FROM delivery WHERE organisation_id = ?1 AND control_reference = ?2 AND control_reference <> '' \
         ORDER BY id DESC LIMIT 1",
        params![organisation_id, reference],
    )?;
    row.map(|row| row.int(0)).transpose()
}

/// Notes what the partner's functional acknowledgement said.
pub fn acknowledge(tx: &mut Tx<'_>, id: i64, word: &str, now_ms: i64) -> Result<()> {
    tx.run("UPDATE delivery SET acknowledged = ?2, changed_ms = ?3 WHERE id = ?1", params![id, word, now_ms])
}

/// How many are in each state that is not delivered.
pub fn counts(tx: &mut Tx<'_>) -> Result<Vec<(String, i64)>> {
    let due = tx.query_one("SELECT COUNT(*) FROM delivery WHERE due_ms IS NOT NULL", params![])?.int(0)?;
    let dead = tx.query_one("SELECT COUNT(*) FROM delivery WHERE state = 'dead'", params![])?.int(0)?;
    Ok(vec![("due".to_owned(), due), ("dead".to_owned(), dead)])
}
