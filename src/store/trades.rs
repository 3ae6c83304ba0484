//! Trades: what ties every document of an order together, the keys it is found by, and its milestones.

use super::engine::{Row, Tx};
use crate::error::Result;
use crate::params;

/// A trade as stored.
#[derive(Clone, Debug)]
pub struct Trade {
    /// Its id.
    pub id: i64,
    /// The centre.
    pub centre_id: i64,
    /// The buyer's order number.
    pub number: String,
    /// Name of the first item and how many more.
    pub title: String,
    /// The buyer.
    pub buyer_id: i64,
    /// The seller.
    pub seller_id: i64,
    /// `ordered`, `confirmed`, `despatched`, `delivered`, `settled`, `rejected`.
    pub state: String,
    /// When it began.
    pub created_ms: i64,
    /// When it last changed.
    pub changed_ms: i64,
}

macro_rules! columns {
    () => {
        "t.id, t.centre_id, t.number, t.title, t.buyer_id, t.seller_id, t.state, t.created_ms, t.changed_ms"
    };
}

fn from_row(row: &Row) -> Result<Trade> {
    Ok(Trade {
        id: row.int(0)?,
        centre_id: row.int(1)?,
        number: row.text(2)?,
        title: row.text(3)?,
        buyer_id: row.int(4)?,
        seller_id: row.int(5)?,
        state: row.text(6)?,
        created_ms: row.int(7)?,
        changed_ms: row.int(8)?,
    })
}

/// How an identifier is compared: without spaces, hyphens and case.
pub fn normalise(value: &str) -> String {
    value.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_lowercase).take(100).collect()
}

/// Begins a trade.
pub fn insert(tx: &mut Tx<'_>, new: &Trade) -> Result<()> {
    tx.run(
        "INSERT INTO trade (id, centre_id, number, title, buyer_id, seller_id, state, created_ms, changed_ms) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            new.id,
            new.centre_id,
            &new.number,
            &new.title,
            new.buyer_id,
            new.seller_id,
            &new.state,
            new.created_ms,
            new.changed_ms
        ],
    )
}

/// One trade.
pub fn get(tx: &mut Tx<'_>, id: i64) -> Result<Option<Trade>> {
    let row = tx.query_opt(concat!("SELECT ", columns!(), " FROM trade t WHERE t.id = ?1"), params![id])?;
    row.as_ref().map(from_row).transpose()
}

/// Sets where a trade stands.
pub fn set_state(tx: &mut Tx<'_>, id: i64, state: &str, now_ms: i64) -> Result<()> {
    tx.run("UPDATE trade SET state = ?2, changed_ms = ?3 WHERE id = ?1", params![id, state, now_ms])
}

/// Names an organisation that has a part in the trade.
pub fn add_party(tx: &mut Tx<'_>, trade_id: i64, organisation_id: i64, part: &str) -> Result<()> {
    tx.run(
        "INSERT INTO trade_party (organisation_id, trade_id, part) VALUES (?1, ?2, ?3) \
         ON CONFLICT (organisation_id, trade_id, part) DO NOTHING",
        params![organisation_id, trade_id, part],
    )
}

/// Who has a part: organisation and part.
pub fn parties(tx: &mut Tx<'_>, trade_id: i64) -> Result<Vec<(i64, String)>> {
    let rows =
        tx.query("SELECT organisation_id, part FROM trade_party WHERE trade_id = ?1 ORDER BY part", params![trade_id])?;
    rows.iter().map(|row| Ok((row.int(0)?, row.text(1)?))).collect()
}

/// Whether an organisation has a part in the trade.
pub fn is_party(tx: &mut Tx<'_>, trade_id: i64, organisation_id: i64) -> Result<bool> {
    let row = tx.query_opt(
        "SELECT 1 FROM trade_party WHERE organisation_id = ?1 AND trade_id = ?2 LIMIT 1",
        params![organisation_id, trade_id],
    )?;
    Ok(row.is_some())
}

/// Adds an identifier by which an organisation finds the trade.
pub fn add_key(tx: &mut Tx<'_>, trade_id: i64, kind: &str, value: &str, organisation_id: i64) -> Result<()> {
    let value = normalise(value);
    if value.is_empty() {
        return Ok(());
    }
    tx.run(
        "INSERT INTO trade_key (value, kind, trade_id, organisation_id) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (value, kind, trade_id, organisation_id) DO NOTHING",
        params![&value, kind, trade_id, organisation_id],
    )
}

/// Trades that an identifier names, if the viewer knows it. `organisation_id` none means who sees the whole centre.
pub fn find(tx: &mut Tx<'_>, key: &str, centre_id: i64, organisation_id: Option<i64>) -> Result<Vec<Trade>> {
    let key = normalise(key);
    let rows = tx.query(
        concat!(
            "SELECT DISTINCT ",
            columns!(),
            " FROM trade_key k JOIN trade t ON t.id = k.trade_id WHERE k.value = ?1 AND t.centre_id = ?2 \
             AND (?3 = 0 OR k.organisation_id = ?3) ORDER BY t.id DESC LIMIT 50"
        ),
        params![&key, centre_id, organisation_id.unwrap_or(0)],
    )?;
    rows.iter().map(from_row).collect()
}

/// Keys of a trade that the viewer knows: kind and value.
pub fn keys(tx: &mut Tx<'_>, trade_id: i64, organisation_id: Option<i64>) -> Result<Vec<(String, String)>> {
    let rows = tx.query(
        "SELECT DISTINCT kind, value FROM trade_key WHERE trade_id = ?1 AND (?2 = 0 OR organisation_id = ?2) \
         ORDER BY kind, value LIMIT 500",
        params![trade_id, organisation_id.unwrap_or(0)],
    )?;
    rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
}

/// Trades for a list, last changed first. `before` is change time and id of the last one of the page before.
pub fn list(
    tx: &mut Tx<'_>,
    centre_id: i64,
    organisation_id: Option<i64>,
    before: (i64, i64),
    limit: i64,
) -> Result<Vec<Trade>> {
    let (before_ms, before_id) = before;
    let rows = match organisation_id {
        None => tx.query(
            concat!(
                "SELECT ",
                columns!(),
                " FROM trade t WHERE t.centre_id = ?1 AND t.changed_ms <= ?2 AND (t.changed_ms < ?2 OR t.id < ?3) \
                 ORDER BY t.changed_ms DESC, t.id DESC LIMIT ?4"
            ),
            params![centre_id, before_ms, before_id, limit],
        )?,
        Some(organisation_id) => tx.query(
            concat!(
                "SELECT ",
                columns!(),
                " FROM trade t WHERE t.id IN (SELECT trade_id FROM trade_party WHERE organisation_id = ?1) \
                 AND t.changed_ms <= ?2 AND (t.changed_ms < ?2 OR t.id < ?3) \
                 ORDER BY t.changed_ms DESC, t.id DESC LIMIT ?4"
            ),
            params![organisation_id, before_ms, before_id, limit],
        )?,
    };
    rows.iter().map(from_row).collect()
}

/// Something that everybody with a part in the trade may know happened.
#[derive(Clone, Debug)]
pub struct Milestone {
    /// When, UTC milliseconds.
    pub at_ms: i64,
    /// `ordered`, `forwarded`, `confirmed`, `despatched`, a parcel status word, `settled`, …
    pub kind: String,
    /// Who did it.
    pub organisation_id: i64,
    /// The document behind it; shown only to those it names.
    pub document_id: Option<i64>,
    /// A number without secrets of other legs, such as a line or parcel count.
    pub detail: String,
}

/// Adds a milestone.
pub fn add_milestone(tx: &mut Tx<'_>, id: i64, trade_id: i64, milestone: &Milestone) -> Result<()> {
    tx.run(
        "INSERT INTO milestone (id, trade_id, at_ms, kind, organisation_id, document_id, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            id,
            trade_id,
            milestone.at_ms,
            &milestone.kind,
            milestone.organisation_id,
            milestone.document_id,
            &milestone.detail
        ],
    )
}

/// Milestones of a trade in order.
pub fn milestones(tx: &mut Tx<'_>, trade_id: i64) -> Result<Vec<Milestone>> {
    let rows = tx.query(
        "SELECT at_ms, kind, organisation_id, document_id, detail FROM milestone WHERE trade_id = ?1 ORDER BY at_ms, id LIMIT 1000",
        params![trade_id],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Milestone {
                at_ms: row.int(0)?,
                kind: row.text(1)?,
                organisation_id: row.int(2)?,
                document_id: row.opt_int(3)?,
                detail: row.text(4)?,
            })
        })
        .collect()
}
