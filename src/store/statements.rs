//! Statement lines: one per parcel and order line that arrived, and the statements they went into.

use super::engine::{Row, Tx};
use crate::error::Result;
use crate::params;

/// A line as stored. Amounts in ISO 4217 minor units of `currency`; invoiced = seller + rest.
#[derive(Clone, Debug)]
pub struct StatementLineRow {
    /// Its id.
    pub id: i64,
    /// The centre.
    pub centre_id: i64,
    /// Whom it is for.
    pub seller_id: i64,
    /// Who made the goods.
    pub producer_id: i64,
    /// Who bought them.
    pub buyer_id: i64,
    /// The trade.
    pub trade_id: i64,
    /// The order line.
    pub order_line_id: i64,
    /// The parcel that is the evidence.
    pub parcel_id: i64,
    /// How much arrived.
    pub quantity: String,
    /// The buyer's unit price.
    pub price: String,
    /// ISO 4217.
    pub currency: String,
    /// Quantity times price.
    pub invoiced_minor: i64,
    /// The seller's share.
    pub seller_minor: i64,
    /// What is left of it.
    pub rest_minor: i64,
    /// The rate, percent.
    pub share_percent: String,
    /// How it was rounded.
    pub rounding: String,
    /// The agreement that says so.
    pub agreement_id: i64,
    /// The day it arrived.
    pub delivered_on: String,
    /// The document that said that it arrived.
    pub document_id: i64,
    /// The statement it went into.
    pub statement_id: Option<i64>,
}

macro_rules! columns {
    () => {
        "id, centre_id, seller_id, producer_id, buyer_id, trade_id, order_line_id, parcel_id, quantity, price, currency, \
         invoiced_minor, seller_minor, rest_minor, share_percent, rounding, agreement_id, delivered_on, document_id, statement_id"
    };
}

fn from_row(row: &Row) -> Result<StatementLineRow> {
    Ok(StatementLineRow {
        id: row.int(0)?,
        centre_id: row.int(1)?,
        seller_id: row.int(2)?,
        producer_id: row.int(3)?,
        buyer_id: row.int(4)?,
        trade_id: row.int(5)?,
        order_line_id: row.int(6)?,
        parcel_id: row.int(7)?,
        quantity: row.text(8)?,
        price: row.text(9)?,
        currency: row.text(10)?,
        invoiced_minor: row.int(11)?,
        seller_minor: row.int(12)?,
        rest_minor: row.int(13)?,
        share_percent: row.text(14)?,
        rounding: row.text(15)?,
        agreement_id: row.int(16)?,
        delivered_on: row.text(17)?,
        document_id: row.int(18)?,
        statement_id: row.opt_int(19)?,
    })
}

/// Writes a line once per parcel and order line; false if it was there.
pub fn insert_line(tx: &mut Tx<'_>, new: &StatementLineRow) -> Result<bool> {
    let count = tx.execute(
        concat!(
            "INSERT INTO statement_line (",
            columns!(),
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, NULL) \
             ON CONFLICT (parcel_id, order_line_id) DO NOTHING"
        ),
        params![
            new.id,
            new.centre_id,
            new.seller_id,
            new.producer_id,
            new.buyer_id,
            new.trade_id,
            new.order_line_id,
            new.parcel_id,
            &new.quantity,
            &new.price,
            &new.currency,
            new.invoiced_minor,
            new.seller_minor,
            new.rest_minor,
            &new.share_percent,
            &new.rounding,
            new.agreement_id,
            &new.delivered_on,
            new.document_id
        ],
    )?;
    Ok(count == 1)
}

/// Takes back lines of a parcel that turned out not to have arrived, as long as no statement has them; gives how many.
pub fn take_back(tx: &mut Tx<'_>, parcel_id: i64) -> Result<u64> {
    tx.execute("DELETE FROM statement_line WHERE parcel_id = ?1 AND statement_id IS NULL", params![parcel_id])
}

/// Open lines of all sellers that arrived on or before a day, by seller and currency.
pub fn open_until(tx: &mut Tx<'_>, day: &str, limit: i64) -> Result<Vec<StatementLineRow>> {
    let rows = tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM statement_line WHERE statement_id IS NULL AND delivered_on <= ?1 ORDER BY seller_id, currency, id LIMIT ?2"
        ),
        params![day, limit],
    )?;
    rows.iter().map(from_row).collect()
}

/// One line.
pub fn line(tx: &mut Tx<'_>, id: i64) -> Result<Option<StatementLineRow>> {
    let row = tx.query_opt(concat!("SELECT ", columns!(), " FROM statement_line WHERE id = ?1"), params![id])?;
    row.as_ref().map(from_row).transpose()
}

/// Lines of a trade.
pub fn of_trade(tx: &mut Tx<'_>, trade_id: i64) -> Result<Vec<StatementLineRow>> {
    let rows = tx.query(
        concat!("SELECT ", columns!(), " FROM statement_line WHERE trade_id = ?1 ORDER BY id LIMIT 1000"),
        params![trade_id],
    )?;
    rows.iter().map(from_row).collect()
}

/// Lines that went into a statement.
pub fn of_statement(tx: &mut Tx<'_>, statement_id: i64) -> Result<Vec<StatementLineRow>> {
    let rows = tx.query(
        concat!("SELECT ", columns!(), " FROM statement_line WHERE statement_id = ?1 ORDER BY id LIMIT 50000"),
        params![statement_id],
    )?;
    rows.iter().map(from_row).collect()
}

/// Open lines of a centre or of one seller, oldest first.
pub fn open_of(tx: &mut Tx<'_>, centre_id: i64, seller_id: Option<i64>, limit: i64) -> Result<Vec<StatementLineRow>> {
    let rows = tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM statement_line WHERE statement_id IS NULL AND centre_id = ?1 AND (?2 = 0 OR seller_id = ?2) \
             ORDER BY id LIMIT ?3"
        ),
        params![centre_id, seller_id.unwrap_or(0), limit],
    )?;
    rows.iter().map(from_row).collect()
}

/// Puts an open line into a statement; false if another has it.
pub fn settle(tx: &mut Tx<'_>, line_id: i64, statement_id: i64) -> Result<bool> {
    let count = tx.execute(
        "UPDATE statement_line SET statement_id = ?2 WHERE id = ?1 AND statement_id IS NULL",
        params![line_id, statement_id],
    )?;
    Ok(count == 1)
}

/// A statement as stored.
#[derive(Clone, Debug)]
pub struct StatementRow {
    /// Its id.
    pub id: i64,
    /// The centre.
    pub centre_id: i64,
    /// Whom it is for.
    pub organisation_id: i64,
    /// The statement document.
    pub document_id: i64,
    /// Its number.
    pub number: String,
    /// The period, `2026-11-24` or `2026-11-24/2`.
    pub period: String,
    /// ISO 4217.
    pub currency: String,
    /// What the party is owed.
    pub total_minor: i64,
}

/// Writes a statement.
pub fn insert(tx: &mut Tx<'_>, new: &StatementRow) -> Result<()> {
    tx.run(
        "INSERT INTO statement (id, centre_id, organisation_id, document_id, number, period, currency, total_minor) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            new.id,
            new.centre_id,
            new.organisation_id,
            new.document_id,
            &new.number,
            &new.period,
            &new.currency,
            new.total_minor
        ],
    )
}

/// How many statements an organisation has for a day and currency, whatever their running number.
pub fn count_of_day(tx: &mut Tx<'_>, organisation_id: i64, day: &str, currency: &str) -> Result<i64> {
    tx.query_one(
        "SELECT COUNT(*) FROM statement WHERE organisation_id = ?1 AND currency = ?3 AND (period = ?2 OR period LIKE ?2 || '/%')",
        params![organisation_id, day, currency],
    )?
    .int(0)
}
