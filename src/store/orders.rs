//! Orders, the parts that producers were sent, and their lines.

use super::engine::{Row, Tx};
use crate::error::Result;
use crate::params;

/// An order as stored.
#[derive(Clone, Debug)]
pub struct OrderRow {
    /// Its id.
    pub id: i64,
    /// The centre.
    pub centre_id: i64,
    /// Its trade.
    pub trade_id: i64,
    /// The order document.
    pub document_id: i64,
    /// The buyer's number.
    pub number: String,
    /// The buyer.
    pub buyer_id: i64,
    /// The seller.
    pub seller_id: i64,
    /// ISO 4217.
    pub currency: String,
    /// Issue date.
    pub issue_date: String,
    /// How many parts it was split into.
    pub parts: i64,
    /// How many responses the buyer was sent.
    pub responses: i64,
    /// `ordered`, `confirmed`, `changed`, `rejected`.
    pub state: String,
}

macro_rules! order_columns {
    () => {
        "o.id, o.centre_id, o.trade_id, o.document_id, o.number, o.buyer_id, o.seller_id, o.currency, o.issue_date, o.parts, \
         o.responses, o.state"
    };
}

fn order_from(row: &Row) -> Result<OrderRow> {
    Ok(OrderRow {
        id: row.int(0)?,
        centre_id: row.int(1)?,
        trade_id: row.int(2)?,
        document_id: row.int(3)?,
        number: row.text(4)?,
        buyer_id: row.int(5)?,
        seller_id: row.int(6)?,
        currency: row.text(7)?,
        issue_date: row.text(8)?,
        parts: row.int(9)?,
        responses: row.int(10)?,
        state: row.text(11)?,
    })
}

/// Writes an order.
pub fn insert(tx: &mut Tx<'_>, new: &OrderRow, now_ms: i64) -> Result<()> {
    tx.run(
        "INSERT INTO purchase_order (id, centre_id, trade_id, document_id, number, buyer_id, seller_id, currency, issue_date, \
         parts, responses, state, changed_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            new.id,
            new.centre_id,
            new.trade_id,
            new.document_id,
            &new.number,
            new.buyer_id,
            new.seller_id,
            &new.currency,
            &new.issue_date,
            new.parts,
            new.responses,
            &new.state,
            now_ms
        ],
    )
}

/// One order.
pub fn get(tx: &mut Tx<'_>, id: i64) -> Result<Option<OrderRow>> {
    let row =
        tx.query_opt(concat!("SELECT ", order_columns!(), " FROM purchase_order o WHERE o.id = ?1"), params![id])?;
    row.as_ref().map(order_from).transpose()
}

/// The order of a trade.
pub fn of_trade(tx: &mut Tx<'_>, trade_id: i64) -> Result<Option<OrderRow>> {
    let row = tx.query_opt(
        concat!("SELECT ", order_columns!(), " FROM purchase_order o WHERE o.trade_id = ?1 ORDER BY o.id LIMIT 1"),
        params![trade_id],
    )?;
    row.as_ref().map(order_from).transpose()
}

/// Sets where an order stands and counts one more response to the buyer; gives the count.
pub fn answered(tx: &mut Tx<'_>, id: i64, state: &str, now_ms: i64) -> Result<i64> {
    tx.query_one(
        "UPDATE purchase_order SET state = ?2, responses = responses + 1, changed_ms = ?3 WHERE id = ?1 RETURNING responses",
        params![id, state, now_ms],
    )?
    .int(0)
}

/// The part of an order that one producer was sent.
#[derive(Clone, Debug)]
pub struct PartRow {
    /// Its id.
    pub id: i64,
    /// The centre.
    pub centre_id: i64,
    /// The order.
    pub order_id: i64,
    /// The trade.
    pub trade_id: i64,
    /// Which part, from 1.
    pub part: i64,
    /// The number the producer knows it by.
    pub number: String,
    /// The producer.
    pub producer_id: i64,
    /// `sent`, `accepted`, `changed`, `rejected`.
    pub state: String,
}

fn part_from(row: &Row) -> Result<PartRow> {
    Ok(PartRow {
        id: row.int(0)?,
        centre_id: row.int(1)?,
        order_id: row.int(2)?,
        trade_id: row.int(3)?,
        part: row.int(4)?,
        number: row.text(5)?,
        producer_id: row.int(6)?,
        state: row.text(7)?,
    })
}

/// Writes a part.
pub fn insert_part(tx: &mut Tx<'_>, new: &PartRow) -> Result<()> {
    tx.run(
        "INSERT INTO order_part (id, centre_id, order_id, trade_id, part, number, producer_id, state) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![new.id, new.centre_id, new.order_id, new.trade_id, new.part, &new.number, new.producer_id, &new.state],
    )
}

/// The part that a producer knows by that number.
pub fn part_by_number(tx: &mut Tx<'_>, producer_id: i64, number: &str) -> Result<Option<PartRow>> {
    let row = tx.query_opt(
        "SELECT id, centre_id, order_id, trade_id, part, number, producer_id, state FROM order_part \
         WHERE producer_id = ?1 AND number = ?2",
        params![producer_id, number],
    )?;
    row.as_ref().map(part_from).transpose()
}

/// Whether a producer was sent a part of that number; used to give another one when two buyers use the same.
pub fn parts_of(tx: &mut Tx<'_>, order_id: i64) -> Result<Vec<PartRow>> {
    let rows = tx.query(
        "SELECT id, centre_id, order_id, trade_id, part, number, producer_id, state FROM order_part WHERE order_id = ?1 ORDER BY part",
        params![order_id],
    )?;
    rows.iter().map(part_from).collect()
}

/// Sets where a part stands.
pub fn set_part_state(tx: &mut Tx<'_>, id: i64, state: &str) -> Result<()> {
    tx.run("UPDATE order_part SET state = ?2 WHERE id = ?1", params![id, state])
}

/// A line as stored; quantities and prices are decimals as text.
#[derive(Clone, Debug)]
pub struct LineRow {
    /// Its id.
    pub id: i64,
    /// The centre.
    pub centre_id: i64,
    /// The order.
    pub order_id: i64,
    /// The part it went into.
    pub part_id: i64,
    /// Which line of the order, from 1.
    pub position: i64,
    /// The buyer's line number.
    pub line: String,
    /// The item row it was resolved to.
    pub item_id: i64,
    /// Who makes it.
    pub producer_id: i64,
    /// Who sells it.
    pub seller_id: i64,
    /// Name of the item.
    pub name: String,
    /// Ordered.
    pub quantity: String,
    /// UN/ECE unit.
    pub unit: String,
    /// The buyer's unit price.
    pub price: String,
    /// ISO 4217.
    pub currency: String,
    /// Promised by the producer.
    pub confirmed: String,
    /// Sent.
    pub despatched: String,
    /// Arrived.
    pub delivered: String,
    /// When it is promised.
    pub promised_date: String,
    /// `ordered`, `accepted`, `changed`, `rejected`, `back-ordered`.
    pub state: String,
    /// What the producer said.
    pub note: String,
}

macro_rules! line_columns {
    () => {
        "id, centre_id, order_id, part_id, position, line, item_id, producer_id, seller_id, name, quantity, unit, price, \
         currency, confirmed, despatched, delivered, promised_date, state, note"
    };
}

fn line_from(row: &Row) -> Result<LineRow> {
    Ok(LineRow {
        id: row.int(0)?,
        centre_id: row.int(1)?,
        order_id: row.int(2)?,
        part_id: row.int(3)?,
        position: row.int(4)?,
        line: row.text(5)?,
        item_id: row.int(6)?,
        producer_id: row.int(7)?,
        seller_id: row.int(8)?,
        name: row.text(9)?,
        quantity: row.text(10)?,
        unit: row.text(11)?,
        price: row.text(12)?,
        currency: row.text(13)?,
        confirmed: row.text(14)?,
        despatched: row.text(15)?,
        delivered: row.text(16)?,
        promised_date: row.text(17)?,
        state: row.text(18)?,
        note: row.text(19)?,
    })
}

/// Writes a line.
pub fn insert_line(tx: &mut Tx<'_>, new: &LineRow) -> Result<()> {
    tx.run(
        concat!(
            "INSERT INTO order_line (",
            line_columns!(),
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)"
        ),
        params![
            new.id,
            new.centre_id,
            new.order_id,
            new.part_id,
            new.position,
            &new.line,
            new.item_id,
            new.producer_id,
            new.seller_id,
            &new.name,
            &new.quantity,
            &new.unit,
            &new.price,
            &new.currency,
            &new.confirmed,
            &new.despatched,
            &new.delivered,
            &new.promised_date,
            &new.state,
            &new.note
        ],
    )
}

/// Lines of an order, in order.
pub fn lines(tx: &mut Tx<'_>, order_id: i64) -> Result<Vec<LineRow>> {
    let rows = tx.query(
        concat!("SELECT ", line_columns!(), " FROM order_line WHERE order_id = ?1 ORDER BY position"),
        params![order_id],
    )?;
    rows.iter().map(line_from).collect()
}

/// One line.
pub fn line(tx: &mut Tx<'_>, id: i64) -> Result<Option<LineRow>> {
    let row = tx.query_opt(concat!("SELECT ", line_columns!(), " FROM order_line WHERE id = ?1"), params![id])?;
    row.as_ref().map(line_from).transpose()
}

/// Writes what changes in a line: promises, progress, state.
pub fn update_line(tx: &mut Tx<'_>, line: &LineRow) -> Result<()> {
    tx.run(
        "UPDATE order_line SET confirmed = ?2, despatched = ?3, delivered = ?4, promised_date = ?5, state = ?6, note = ?7 \
         WHERE id = ?1",
        params![
            line.id,
            &line.confirmed,
            &line.despatched,
            &line.delivered,
            &line.promised_date,
            &line.state,
            &line.note
        ],
    )
}
