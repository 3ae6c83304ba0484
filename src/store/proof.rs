//! Questions whose answer should be nothing: what `dure verify` asks of the tables. Each is bounded; rows come in the
//! order of their ids, so that a large store is walked in steps.

use super::engine::Tx;
use crate::error::Result;
use crate::params;

/// An interchange as far as it is proved.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its id.
    pub id: i64,
    /// SHA-256 as noted at the receipt.
    pub digest: Vec<u8>,
    /// How many bytes.
    pub size_bytes: i64,
    /// Where it is on its way.
    pub state: String,
    /// The worst of its documents.
    pub disposition: Option<String>,
    /// Why it is not decided.
    pub cause: Option<String>,
    /// When it is looked at again by itself.
    pub due_ms: Option<i64>,
    /// How many documents it says it had.
    pub documents: i64,
    /// How many there are.
    pub documents_found: i64,
}

/// Interchanges after an id.
pub fn interchanges_after(tx: &mut Tx<'_>, after: i64, limit: i64) -> Result<Vec<Kept>> {
    let rows = tx.query(
        "SELECT i.id, i.digest, i.size_bytes, i.state, i.disposition, i.cause, i.due_ms, i.documents, \
         (SELECT COUNT(*) FROM document d WHERE d.interchange_id = i.id) \
         FROM interchange i WHERE i.id > ?1 ORDER BY i.id LIMIT ?2",
        params![after, limit],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Kept {
                id: row.int(0)?,
                digest: row.bytes(1)?,
                size_bytes: row.int(2)?,
                state: row.text(3)?,
                disposition: row.opt_text(4)?,
                cause: row.opt_text(5)?,
                due_ms: row.opt_int(6)?,
                documents: row.int(7)?,
                documents_found: row.int(8)?,
            })
        })
        .collect()
}

/// How many interchanges there are.
pub fn interchange_count(tx: &mut Tx<'_>) -> Result<i64> {
    tx.query_one("SELECT COUNT(*) FROM interchange", params![])?.int(0)
}

/// When the newest interchange came, UTC milliseconds.
pub fn newest_ms(tx: &mut Tx<'_>) -> Result<Option<i64>> {
    let row = tx.query_opt("SELECT received_ms FROM interchange ORDER BY id DESC LIMIT 1", params![])?;
    row.map(|row| row.int(0)).transpose()
}

/// A question, the kind of id that it answers with, and its words.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// What is proved, in a few words.
    pub name: &'static str,
    /// What an id of the answer belongs to: `doc`, `dlv`, `ix`, `trd`, or empty for ids that nobody sees.
    pub prefix: &'static str,
    /// What is wrong with a row of the answer.
    pub wrong: &'static str,
    sql: &'static str,
}

/// Every question that one statement can ask.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "business keys",
        prefix: "doc",
        wrong: "a business key names a document that is not there, was not accepted, or has another number",
        sql: "SELECT k.document_id FROM business_key k LEFT JOIN document d ON d.id = k.document_id \
              WHERE d.id IS NULL OR d.disposition NOT IN ('accepted', 'accepted-with-errors') \
              OR d.document_type <> k.document_type OR d.issuer_id <> k.issuer_id OR d.number <> k.number \
              ORDER BY k.document_id LIMIT ?1",
    },
    Question {
        name: "accepted documents",
        prefix: "doc",
        wrong: "an accepted document has no business key",
        sql: "SELECT d.id FROM document d WHERE d.disposition IN ('accepted', 'accepted-with-errors') AND NOT EXISTS \
              (SELECT 1 FROM business_key k WHERE k.document_type = d.document_type AND k.issuer_id = d.issuer_id \
              AND k.number = d.number) ORDER BY d.id LIMIT ?1",
    },
    Question {
        name: "documents",
        prefix: "doc",
        wrong: "a document belongs to no interchange",
        sql: "SELECT d.id FROM document d WHERE NOT EXISTS (SELECT 1 FROM interchange i WHERE i.id = d.interchange_id) \
              ORDER BY d.id LIMIT ?1",
    },
    Question {
        name: "mails",
        prefix: "ix",
        wrong: "an interchange came in a mail that is not there",
        sql: "SELECT i.id FROM interchange i WHERE i.mail_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM mail m \
              WHERE m.id = i.mail_id) ORDER BY i.id LIMIT ?1",
    },
    Question {
        name: "deliveries",
        prefix: "dlv",
        wrong: "a delivery was prepared or delivered and its bytes are not there",
        sql: "SELECT d.id FROM delivery d WHERE (d.prepared <> 0 OR d.state = 'delivered') AND NOT EXISTS \
              (SELECT 1 FROM delivery_body b WHERE b.delivery_id = d.id) ORDER BY d.id LIMIT ?1",
    },
    Question {
        name: "outbox",
        prefix: "dlv",
        wrong: "a delivery is open and will not be tried",
        sql: "SELECT id FROM delivery WHERE state IN ('scheduled', 'in-transit') AND due_ms IS NULL ORDER BY id LIMIT ?1",
    },
    Question {
        name: "bodies",
        prefix: "dlv",
        wrong: "bytes were kept for a delivery that is not there",
        sql: "SELECT b.delivery_id FROM delivery_body b WHERE NOT EXISTS (SELECT 1 FROM delivery d WHERE d.id = b.delivery_id) \
              ORDER BY b.delivery_id LIMIT ?1",
    },
    Question {
        name: "trades",
        prefix: "trd",
        wrong: "a trade has no order",
        sql: "SELECT t.id FROM trade t WHERE NOT EXISTS (SELECT 1 FROM purchase_order o WHERE o.trade_id = t.id) \
              ORDER BY t.id LIMIT ?1",
    },
    Question {
        name: "statement lines",
        prefix: "",
        wrong: "the shares of a statement line do not add up to what is invoiced",
        sql: "SELECT id FROM statement_line WHERE invoiced_minor <> seller_minor + rest_minor ORDER BY id LIMIT ?1",
    },
    Question {
        name: "statements",
        prefix: "",
        wrong: "the lines of a statement do not add up to its total",
        sql: "SELECT s.id FROM statement s WHERE s.total_minor <> (SELECT CAST(COALESCE(SUM(l.seller_minor), 0) AS BIGINT) \
              FROM statement_line l WHERE l.statement_id = s.id) ORDER BY s.id LIMIT ?1",
    },
    Question {
        name: "settled lines",
        prefix: "",
        wrong: "a statement line is settled by a statement that is not there, or is of another party or currency",
        sql: "SELECT l.id FROM statement_line l LEFT JOIN statement s ON s.id = l.statement_id \
              WHERE l.statement_id IS NOT NULL AND (s.id IS NULL OR s.organisation_id <> l.seller_id \
              OR s.currency <> l.currency) ORDER BY l.id LIMIT ?1",
    },
    Question {
        name: "delivered parcels",
        prefix: "",
        wrong: "a parcel is delivered and a line of it is in no statement line",
        sql: "SELECT p.id FROM parcel p JOIN parcel_line c ON c.parcel_id = p.id WHERE p.state = 'delivered' AND NOT EXISTS \
              (SELECT 1 FROM statement_line l WHERE l.parcel_id = p.id AND l.order_line_id = c.order_line_id) \
              ORDER BY p.id LIMIT ?1",
    },
];

/// Mails after an id: id, SHA-256 as noted when it came, size in bytes.
pub fn mails_after(tx: &mut Tx<'_>, after: i64, limit: i64) -> Result<Vec<(i64, Vec<u8>, i64)>> {
    let rows =
        tx.query("SELECT id, digest, size_bytes FROM mail WHERE id > ?1 ORDER BY id LIMIT ?2", params![after, limit])?;
    rows.iter().map(|row| Ok((row.int(0)?, row.bytes(1)?, row.int(2)?))).collect()
}

/// The ids of what is wrong.
pub fn ask(tx: &mut Tx<'_>, question: &Question, limit: i64) -> Result<Vec<i64>> {
    let rows = tx.query(question.sql, params![limit])?;
    rows.iter().map(|row| row.int(0)).collect()
}

/// An order line with its quantities and what its parcels hold.
#[derive(Clone, Debug)]
pub struct Quantities {
    /// Its id.
    pub id: i64,
    /// The order's number and its own.
    pub name: String,
    /// Ordered.
    pub quantity: String,
    /// Confirmed.
    pub confirmed: String,
    /// Despatched.
    pub despatched: String,
    /// Delivered.
    pub delivered: String,
    /// What is in each of its parcels, with the parcel's state.
    pub parcels: Vec<(String, String)>,
}

/// Order lines after an id.
pub fn quantities_after(tx: &mut Tx<'_>, after: i64, limit: i64) -> Result<Vec<Quantities>> {
    let rows = tx.query(
        "SELECT l.id, o.number, l.line, l.quantity, l.confirmed, l.despatched, l.delivered FROM order_line l \
         JOIN purchase_order o ON o.id = l.order_id WHERE l.id > ?1 ORDER BY l.id LIMIT ?2",
        params![after, limit],
    )?;
    let mut lines = Vec::with_capacity(rows.len());
    for row in &rows {
        let id = row.int(0)?;
        let parcels = tx.query(
            "SELECT c.quantity, p.state FROM parcel_line c JOIN parcel p ON p.id = c.parcel_id WHERE c.order_line_id = ?1 \
             ORDER BY p.id LIMIT 10000",
            params![id],
        )?;
        lines.push(Quantities {
            id,
            name: format!("{} {}", row.text(1)?, row.text(2)?),
            quantity: row.text(3)?,
            confirmed: row.text(4)?,
            despatched: row.text(5)?,
            delivered: row.text(6)?,
            parcels: parcels.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect::<Result<_>>()?,
        });
    }
    Ok(lines)
}
