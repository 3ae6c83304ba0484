//! Statements and their lines as their viewer may see them: a seller its own share, the centre all, nobody else any.

use super::bounded;
use crate::error::Result;
use crate::model::viewer::Viewer;
use crate::params;
use crate::store::statements::{self, StatementLineRow, StatementRow};
use crate::store::{Row, Tx};

/// One thing owed. Amounts in ISO 4217 minor units of `currency`.
#[derive(Clone, Debug)]
pub struct StatementLineView {
    /// Its id.
    pub id: i64,
    /// The trade.
    pub trade_id: i64,
    /// Whom it is for.
    pub seller_id: i64,
    /// Who made the goods; for the centre.
    pub producer_id: Option<i64>,
    /// Who bought them.
    pub buyer_id: i64,
    /// The order line.
    pub order_line_id: i64,
    /// The parcel that is the evidence.
    pub parcel_id: i64,
    /// How much arrived, decimal.
    pub quantity: String,
    /// The buyer's unit price, decimal.
    pub price: String,
    /// ISO 4217.
    pub currency: String,
    /// Quantity times price.
    pub invoiced_minor: i64,
    /// The seller's share.
    pub seller_minor: i64,
    /// What is left of it; for the centre.
    pub rest_minor: Option<i64>,
    /// The rate, percent.
    pub share_percent: String,
    /// How it was rounded: `half-up`, `half-even`, `down`.
    pub rounding: String,
    /// The day it arrived.
    pub delivered_on: String,
    /// The statement it went into.
    pub statement_id: Option<i64>,
}

/// Lines that the viewer may see.
pub(super) fn shown(viewer: &Viewer, rows: Vec<StatementLineRow>) -> Vec<StatementLineView> {
    let all = viewer.sees_the_centre();
    let rows = rows
        .into_iter()
        .filter(|row| if all { row.centre_id == viewer.centre_id } else { row.seller_id == viewer.organisation_id });
    rows.map(|row| StatementLineView {
        id: row.id,
        trade_id: row.trade_id,
        seller_id: row.seller_id,
        producer_id: all.then_some(row.producer_id),
        buyer_id: row.buyer_id,
        order_line_id: row.order_line_id,
        parcel_id: row.parcel_id,
        quantity: row.quantity,
        price: row.price,
        currency: row.currency,
        invoiced_minor: row.invoiced_minor,
        seller_minor: row.seller_minor,
        rest_minor: all.then_some(row.rest_minor),
        share_percent: row.share_percent,
        rounding: row.rounding,
        delivered_on: row.delivered_on,
        statement_id: row.statement_id,
    })
    .collect()
}

fn statement_from(row: &Row) -> Result<StatementRow> {
    Ok(StatementRow {
        id: row.int(0)?,
        centre_id: row.int(1)?,
        organisation_id: row.int(2)?,
        document_id: row.int(3)?,
        number: row.text(4)?,
        period: row.text(5)?,
        currency: row.text(6)?,
        total_minor: row.int(7)?,
    })
}

/// Statements, newest first, with ids below `before`.
pub fn statements(tx: &mut Tx<'_>, viewer: &Viewer, before: i64, limit: i64) -> Result<Vec<StatementRow>> {
    let rows = tx.query(
        "SELECT id, centre_id, organisation_id, document_id, number, period, currency, total_minor FROM statement \
         WHERE centre_id = ?1 AND (?2 = 0 OR organisation_id = ?2) AND id < ?3 ORDER BY id DESC LIMIT ?4",
        params![viewer.centre_id, viewer.scope().unwrap_or(0), before, bounded(limit)],
    )?;
    rows.iter().map(statement_from).collect()
}

/// One statement with its lines.
pub fn statement(tx: &mut Tx<'_>, viewer: &Viewer, id: i64) -> Result<Option<(StatementRow, Vec<StatementLineView>)>> {
    let row = tx.query_opt(
        "SELECT id, centre_id, organisation_id, document_id, number, period, currency, total_minor FROM statement \
         WHERE id = ?1 AND centre_id = ?2 AND (?3 = 0 OR organisation_id = ?3)",
        params![id, viewer.centre_id, viewer.scope().unwrap_or(0)],
    )?;
    let Some(row) = row else { return Ok(None) };
    let lines = statements::of_statement(tx, id)?;
    Ok(Some((statement_from(&row)?, shown(viewer, lines))))
}

/// Lines that no statement has yet, oldest first.
pub fn open_statement_lines(tx: &mut Tx<'_>, viewer: &Viewer, limit: i64) -> Result<Vec<StatementLineView>> {
    let rows = statements::open_of(tx, viewer.centre_id, viewer.scope(), bounded(limit))?;
    Ok(shown(viewer, rows))
}
