//! What couriers are asked: one row for each waybill, due when it is to be asked, with the outcome of the last time.

use super::engine::{Row, Tx};
use super::leases;
use crate::error::Result;
use crate::params;

/// A waybill that a courier is asked about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// Its id.
    pub id: i64,
    /// The courier.
    pub courier_id: i64,
    /// Its centre.
    pub centre_id: i64,
    /// The carrier, for a courier that speaks for several; else empty.
    pub carrier: String,
    /// The waybill.
    pub tracking_id: String,
    /// When it is due; none when nothing is to be asked.
    pub due_ms: Option<i64>,
    /// The lease's count.
    pub epoch: i64,
    /// Claims since it was last answered.
    pub attempts: i64,
    /// When it was last answered, or given up.
    pub asked_ms: Option<i64>,
    /// What came of it, a line for people.
    pub outcome: String,
}

macro_rules! columns {
    () => {
        "id, courier_id, centre_id, carrier, tracking_id, due_ms, epoch, attempts, asked_ms, outcome"
    };
}

fn from_row(row: &Row) -> Result<Ask> {
    Ok(Ask {
        id: row.int(0)?,
        courier_id: row.int(1)?,
        centre_id: row.int(2)?,
        carrier: row.text(3)?,
        tracking_id: row.text(4)?,
        due_ms: row.opt_int(5)?,
        epoch: row.int(6)?,
        attempts: row.int(7)?,
        asked_ms: row.opt_int(8)?,
        outcome: row.text(9)?,
    })
}

/// A waybill about to be asked about.
#[derive(Clone, Copy, Debug)]
pub struct NewAsk<'a> {
    /// The id if it is new.
    pub id: i64,
    /// The courier.
    pub courier_id: i64,
    /// Its centre.
    pub centre_id: i64,
    /// The carrier.
    pub carrier: &'a str,
    /// The waybill.
    pub tracking_id: &'a str,
}

/// Has a waybill asked about now. An answer that is on its way at this moment was asked for before, so that its epoch is
/// made old and the question is asked again.
pub fn ask(tx: &mut Tx<'_>, new: &NewAsk<'_>, now_ms: i64) -> Result<()> {
    tx.run(
        "INSERT INTO courier_ask (id, courier_id, centre_id, carrier, tracking_id, due_ms, lease_owner, epoch, attempts, \
         asked_ms, outcome) VALUES (?1, ?2, ?3, ?4, ?5, ?6, '', 0, 0, NULL, '') \
         ON CONFLICT (courier_id, tracking_id, carrier) DO UPDATE SET due_ms = excluded.due_ms, \
         epoch = courier_ask.epoch + 1, attempts = 0, given_up = 0",
        params![new.id, new.courier_id, new.centre_id, new.carrier, new.tracking_id, now_ms],
    )
}

/// Takes up to `limit` rows that are due, under a lease until `until_ms`: id and epoch.
pub fn claim(tx: &mut Tx<'_>, owner: &str, now_ms: i64, until_ms: i64, limit: i64) -> Result<Vec<(i64, i64)>> {
    leases::COURIER_ASKS.take(tx, owner, now_ms, until_ms, limit)
}

/// One row.
pub fn get(tx: &mut Tx<'_>, id: i64) -> Result<Option<Ask>> {
    let row = tx.query_opt(concat!("SELECT ", columns!(), " FROM courier_ask WHERE id = ?1"), params![id])?;
    row.as_ref().map(from_row).transpose()
}

/// What is asked of a waybill, of whatever courier.
pub fn of_waybill(tx: &mut Tx<'_>, tracking_id: &str) -> Result<Vec<Ask>> {
    let rows = tx.query(
        concat!("SELECT ", columns!(), " FROM courier_ask WHERE tracking_id = ?1 ORDER BY id LIMIT 100"),
        params![tracking_id],
    )?;
    rows.iter().map(from_row).collect()
}

/// Questions of a centre that were given up, the latest first.
pub fn given_up(tx: &mut Tx<'_>, centre_id: i64, limit: i64) -> Result<Vec<Ask>> {
    let rows = tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM courier_ask WHERE centre_id = ?1 AND given_up = 1 ORDER BY asked_ms DESC, id DESC LIMIT ?2"
        ),
        params![centre_id, limit],
    )?;
    rows.iter().map(from_row).collect()
}

/// Asks anew what was given up; false if it was not.
pub fn again(tx: &mut Tx<'_>, id: i64, centre_id: i64, now_ms: i64) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE courier_ask SET due_ms = ?3, epoch = epoch + 1, attempts = 0, given_up = 0 \
         WHERE id = ?1 AND centre_id = ?2 AND given_up = 1",
        params![id, centre_id, now_ms],
    )?;
    Ok(changed > 0)
}

/// What came of a question.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// When it is asked again.
    pub due_ms: Option<i64>,
    /// Whether it got no answer and is not asked again by itself.
    pub given_up: bool,
    /// A line for people.
    pub outcome: &'a str,
}

/// Records what came of a question; false if the lease is lost.
pub fn record(tx: &mut Tx<'_>, id: i64, epoch: i64, asked: &Asked<'_>, now_ms: i64) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE courier_ask SET due_ms = ?3, outcome = ?5, given_up = ?6, \
         attempts = CASE WHEN CAST(?3 AS BIGINT) IS NULL THEN 0 ELSE attempts END, \
         asked_ms = CASE WHEN CAST(?3 AS BIGINT) IS NULL THEN ?4 ELSE asked_ms END WHERE id = ?1 AND epoch = ?2",
        params![id, epoch, asked.due_ms, now_ms, asked.outcome, i64::from(asked.given_up)],
    )?;
    Ok(changed > 0)
}

/// Which parcels of a courier were silent for too long.
#[derive(Clone, Copy, Debug)]
pub struct Silent {
    /// The courier.
    pub courier_id: i64,
    /// Nothing was heard and nobody was asked since then, UTC milliseconds.
    pub since_ms: i64,
    /// The lowest id of that time.
    pub since_id: i64,
    /// One that did not change since then is given up.
    pub not_before_ms: i64,
}

/// Waybills under way of which nothing was heard for too long, the longest first, with the carrier where one was named.
pub fn silent(tx: &mut Tx<'_>, which: &Silent, limit: i64) -> Result<Vec<(String, String)>> {
    let rows = tx.query(
        "SELECT p.tracking_id, COALESCE(a.carrier, '') FROM parcel p \
         LEFT JOIN courier_ask a ON a.courier_id = p.courier_id AND a.tracking_id = p.tracking_id \
         WHERE p.courier_id = ?1 AND p.state NOT IN ('delivered', 'returned') AND p.changed_ms > ?4 AND p.changed_ms <= ?2 \
         AND p.tracking_id <> '' AND (a.id IS NULL OR (a.due_ms IS NULL AND COALESCE(a.asked_ms, 0) <= ?2)) \
         AND NOT EXISTS (SELECT 1 FROM parcel_event e WHERE e.parcel_id = p.id AND e.id >= ?3) \
         ORDER BY p.changed_ms LIMIT ?5",
        params![which.courier_id, which.since_ms, which.since_id, which.not_before_ms, limit],
    )?;
    rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
}

/// Takes away what was asked last before a time and is not to be asked now.
pub fn forget(tx: &mut Tx<'_>, before_ms: i64, limit: i64) -> Result<u64> {
    tx.execute(
        "DELETE FROM courier_ask WHERE id IN (SELECT id FROM courier_ask WHERE due_ms IS NULL AND asked_ms < ?1 LIMIT ?2)",
        params![before_ms, limit],
    )
}
