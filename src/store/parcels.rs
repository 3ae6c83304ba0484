//! Despatches, parcels with what is in them, and what couriers reported.

use super::engine::{Row, Tx};
use crate::error::Result;
use crate::params;

/// A despatch about to be written.
#[derive(Clone, Debug)]
pub struct NewDespatch<'a> {
    /// Its id.
    pub id: i64,
    /// The centre.
    pub centre_id: i64,
    /// The trade.
    pub trade_id: i64,
    /// The order.
    pub order_id: i64,
    /// The part.
    pub part_id: i64,
    /// The despatch advice.
    pub document_id: i64,
    /// Its number.
    pub number: &'a str,
    /// Who shipped.
    pub producer_id: i64,
    /// When.
    pub despatched_ms: i64,
}

/// Writes a despatch.
pub fn insert_despatch(tx: &mut Tx<'_>, new: &NewDespatch<'_>) -> Result<()> {
    tx.run(
        "INSERT INTO despatch (id, centre_id, trade_id, order_id, part_id, document_id, number, producer_id, despatched_ms) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            new.id,
            new.centre_id,
            new.trade_id,
            new.order_id,
            new.part_id,
            new.document_id,
            new.number,
            new.producer_id,
            new.despatched_ms
        ],
    )
}

/// A despatch as stored.
#[derive(Clone, Debug)]
pub struct DespatchRow {
    /// Its id.
    pub id: i64,
    /// The centre.
    pub centre_id: i64,
    /// The trade.
    pub trade_id: i64,
    /// The order.
    pub order_id: i64,
    /// The despatch advice.
    pub document_id: i64,
    /// Its number.
    pub number: String,
    /// Who shipped.
    pub producer_id: i64,
    /// When, UTC milliseconds.
    pub despatched_ms: i64,
}

macro_rules! despatch_columns {
    () => {
        "id, centre_id, trade_id, order_id, document_id, number, producer_id, despatched_ms"
    };
}

fn despatch_from(row: &Row) -> Result<DespatchRow> {
    Ok(DespatchRow {
        id: row.int(0)?,
        centre_id: row.int(1)?,
        trade_id: row.int(2)?,
        order_id: row.int(3)?,
        document_id: row.int(4)?,
        number: row.text(5)?,
        producer_id: row.int(6)?,
        despatched_ms: row.int(7)?,
    })
}

/// One despatch.
pub fn despatch(tx: &mut Tx<'_>, id: i64) -> Result<Option<DespatchRow>> {
    let row = tx.query_opt(concat!("SELECT ", despatch_columns!(), " FROM despatch WHERE id = ?1"), params![id])?;
    row.as_ref().map(despatch_from).transpose()
}

/// The despatch that a document of that trade told of.
pub fn despatch_by_document(tx: &mut Tx<'_>, trade_id: i64, document_id: i64) -> Result<Option<DespatchRow>> {
    let row = tx.query_opt(
        concat!("SELECT ", despatch_columns!(), " FROM despatch WHERE trade_id = ?1 AND document_id = ?2"),
        params![trade_id, document_id],
    )?;
    row.as_ref().map(despatch_from).transpose()
}

/// Despatches of a trade: id and who shipped.
pub fn despatches_of(tx: &mut Tx<'_>, trade_id: i64) -> Result<Vec<(i64, i64)>> {
    let rows =
        tx.query("SELECT id, producer_id FROM despatch WHERE trade_id = ?1 ORDER BY id LIMIT 1000", params![trade_id])?;
    rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?))).collect()
}

/// A parcel as stored.
#[derive(Clone, Debug)]
pub struct ParcelRow {
    /// Its id.
    pub id: i64,
    /// The centre.
    pub centre_id: i64,
    /// The trade.
    pub trade_id: i64,
    /// The despatch.
    pub despatch_id: i64,
    /// Which one of its despatch, from 1.
    pub position: i64,
    /// The number on it.
    pub sscc: String,
    /// Waybill number.
    pub tracking_id: String,
    /// The courier; 0 until it is known.
    pub courier_id: i64,
    /// Status word.
    pub state: String,
    /// When it last changed.
    pub changed_ms: i64,
}

macro_rules! columns {
    () => {
        "id, centre_id, trade_id, despatch_id, position, sscc, tracking_id, courier_id, state, changed_ms"
    };
}

fn from_row(row: &Row) -> Result<ParcelRow> {
    Ok(ParcelRow {
        id: row.int(0)?,
        centre_id: row.int(1)?,
        trade_id: row.int(2)?,
        despatch_id: row.int(3)?,
        position: row.int(4)?,
        sscc: row.text(5)?,
        tracking_id: row.text(6)?,
        courier_id: row.int(7)?,
        state: row.text(8)?,
        changed_ms: row.int(9)?,
    })
}

/// Writes a parcel.
pub fn insert(tx: &mut Tx<'_>, new: &ParcelRow) -> Result<()> {
    tx.run(
        "INSERT INTO parcel (id, centre_id, trade_id, despatch_id, position, sscc, tracking_id, courier_id, state, summary, \
         changed_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, '', ?10)",
        params![
            new.id,
            new.centre_id,
            new.trade_id,
            new.despatch_id,
            new.position,
            &new.sscc,
            &new.tracking_id,
            new.courier_id,
            &new.state,
            new.changed_ms
        ],
    )
}

/// Puts some of an order line into a parcel.
pub fn insert_line(
    tx: &mut Tx<'_>,
    parcel_id: i64,
    order_line_id: i64,
    quantity: &str,
    serial_ids: &str,
) -> Result<()> {
    tx.run(
        "INSERT INTO parcel_line (parcel_id, order_line_id, quantity, serial_ids) VALUES (?1, ?2, ?3, ?4)",
        params![parcel_id, order_line_id, quantity, serial_ids],
    )
}

/// Parcels with that waybill number, newest first.
pub fn by_tracking(tx: &mut Tx<'_>, tracking_id: &str) -> Result<Vec<ParcelRow>> {
    let rows = tx.query(
        concat!("SELECT ", columns!(), " FROM parcel WHERE tracking_id = ?1 ORDER BY id DESC LIMIT 20"),
        params![tracking_id],
    )?;
    rows.iter().map(from_row).collect()
}

/// Parcels of a trade.
pub fn of_trade(tx: &mut Tx<'_>, trade_id: i64) -> Result<Vec<ParcelRow>> {
    let rows = tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM parcel WHERE despatch_id IN (SELECT id FROM despatch WHERE trade_id = ?1) ORDER BY id LIMIT 1000"
        ),
        params![trade_id],
    )?;
    rows.iter().map(from_row).collect()
}

/// Parcels of a despatch, in their order.
pub fn of_despatch(tx: &mut Tx<'_>, despatch_id: i64) -> Result<Vec<ParcelRow>> {
    let rows = tx.query(
        concat!("SELECT ", columns!(), " FROM parcel WHERE despatch_id = ?1 ORDER BY position LIMIT 1000"),
        params![despatch_id],
    )?;
    rows.iter().map(from_row).collect()
}

/// Gives a parcel its waybill number.
pub fn set_tracking(tx: &mut Tx<'_>, id: i64, tracking_id: &str, now_ms: i64) -> Result<()> {
    tx.run("UPDATE parcel SET tracking_id = ?2, changed_ms = ?3 WHERE id = ?1", params![id, tracking_id, now_ms])
}

/// What is in a parcel: order line, quantity, serial numbers (one a line).
pub fn lines(tx: &mut Tx<'_>, parcel_id: i64) -> Result<Vec<(i64, String, String)>> {
    let rows = tx.query(
        "SELECT order_line_id, quantity, serial_ids FROM parcel_line WHERE parcel_id = ?1 ORDER BY order_line_id",
        params![parcel_id],
    )?;
    rows.iter().map(|row| Ok((row.int(0)?, row.text(1)?, row.text(2)?))).collect()
}

/// Sets a parcel's status.
pub fn set_state(tx: &mut Tx<'_>, id: i64, state: &str, courier_id: i64, now_ms: i64) -> Result<()> {
    tx.run(
        "UPDATE parcel SET state = ?2, courier_id = ?3, changed_ms = ?4 WHERE id = ?1",
        params![id, state, courier_id, now_ms],
    )
}

/// An event as stored.
#[derive(Clone, Debug)]
pub struct EventRow {
    /// The document that reported it.
    pub document_id: i64,
    /// When it happened, UTC milliseconds.
    pub at_ms: i64,
    /// The courier's sequence number, else 0.
    pub sequence: i64,
    /// Status word.
    pub status: String,
    /// The courier's own code.
    pub courier_code: String,
    /// Where.
    pub location: String,
    /// Who took it.
    pub received_by: String,
    /// Remark.
    pub note: String,
}

/// Whether a parcel has that event already.
pub fn has_event(tx: &mut Tx<'_>, parcel_id: i64, event: &EventRow) -> Result<bool> {
    let row = tx.query_opt(
        "SELECT 1 FROM parcel_event WHERE parcel_id = ?1 AND at_ms = ?2 AND sequence = ?3 AND status = ?4 AND courier_code = ?5",
        params![parcel_id, event.at_ms, event.sequence, &event.status, &event.courier_code],
    )?;
    Ok(row.is_some())
}

/// Writes an event that is not there yet; the second of two at once is left out.
pub fn insert_event(tx: &mut Tx<'_>, id: i64, parcel_id: i64, event: &EventRow) -> Result<()> {
    tx.run(
        "INSERT INTO parcel_event (id, parcel_id, document_id, at_ms, sequence, status, courier_code, location, received_by, note) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
         ON CONFLICT (parcel_id, at_ms, sequence, status, courier_code) DO NOTHING",
        params![
            id,
            parcel_id,
            event.document_id,
            event.at_ms,
            event.sequence,
            &event.status,
            &event.courier_code,
            &event.location,
            &event.received_by,
            &event.note
        ],
    )
}

/// Events of a parcel by time.
pub fn events(tx: &mut Tx<'_>, parcel_id: i64) -> Result<Vec<EventRow>> {
    let rows = tx.query(
        "SELECT document_id, at_ms, sequence, status, courier_code, location, received_by, note FROM parcel_event \
         WHERE parcel_id = ?1 ORDER BY at_ms, sequence, id LIMIT 1000",
        params![parcel_id],
    )?;
    rows.iter()
        .map(|row| {
            Ok(EventRow {
                document_id: row.int(0)?,
                at_ms: row.int(1)?,
                sequence: row.int(2)?,
                status: row.text(3)?,
                courier_code: row.text(4)?,
                location: row.text(5)?,
                received_by: row.text(6)?,
                note: row.text(7)?,
            })
        })
        .collect()
}

/// One parcel.
pub fn get(tx: &mut Tx<'_>, id: i64) -> Result<Option<ParcelRow>> {
    let row = tx.query_opt(concat!("SELECT ", columns!(), " FROM parcel WHERE id = ?1"), params![id])?;
    row.as_ref().map(from_row).transpose()
}
