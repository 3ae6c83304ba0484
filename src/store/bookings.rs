//! Parcels that are booked with their courier: one row for each parcel or, where the courier takes all of a despatch in one
//! request, for the despatch; due when it is to be booked, with the outcome of the last time.

use super::engine::{Row, Tx};
use super::leases;
use crate::error::Result;
use crate::model::id::{DespatchId, ParcelId};
use crate::params;

/// A booking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Booking {
    /// Its id.
    pub id: i64,
    /// The courier.
    pub courier_id: i64,
    /// The centre.
    pub centre_id: i64,
    /// The despatch.
    pub despatch_id: i64,
    /// The parcel; 0: all of the despatch.
    pub parcel_id: i64,
    /// `open`, `booked`, `refused`, `unsure` (sent, and nobody knows what came of it) or `given-up`.
    pub state: String,
    /// When it is due; none when nothing is to be done.
    pub due_ms: Option<i64>,
    /// The lease's count.
    pub epoch: i64,
    /// Claims of this round.
    pub attempts: i64,
    /// How often it was begun anew after a refusal.
    pub round: i64,
    /// Since when the courier may have it.
    pub sent_ms: Option<i64>,
    /// When it last changed.
    pub changed_ms: i64,
    /// What came of it, a line for people.
    pub outcome: String,
}

impl Booking {
    /// Our name for it, which the courier is given.
    pub fn reference(&self) -> String {
        if self.parcel_id == 0 {
            DespatchId(self.despatch_id).to_string()
        } else {
            ParcelId(self.parcel_id).to_string()
        }
    }

    /// What makes it the same request when it is made again. After a refusal it is another one.
    pub fn key(&self) -> String {
        match self.round {
            0 => self.reference(),
            round => format!("{}-{}", self.reference(), round + 1),
        }
    }
}

macro_rules! columns {
    () => {
        "id, courier_id, centre_id, despatch_id, parcel_id, state, due_ms, epoch, attempts, round, sent_ms, changed_ms, outcome"
    };
}

fn from_row(row: &Row) -> Result<Booking> {
    Ok(Booking {
        id: row.int(0)?,
        courier_id: row.int(1)?,
        centre_id: row.int(2)?,
        despatch_id: row.int(3)?,
        parcel_id: row.int(4)?,
        state: row.text(5)?,
        due_ms: row.opt_int(6)?,
        epoch: row.int(7)?,
        attempts: row.int(8)?,
        round: row.int(9)?,
        sent_ms: row.opt_int(10)?,
        changed_ms: row.int(11)?,
        outcome: row.text(12)?,
    })
}

/// A booking about to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewBooking {
    /// Its id.
    pub id: i64,
    /// The courier.
    pub courier_id: i64,
    /// The centre.
    pub centre_id: i64,
    /// The despatch.
    pub despatch_id: i64,
    /// The parcel; 0: all of the despatch.
    pub parcel_id: i64,
}

/// Has a parcel booked now; one that is there already stays as it is.
pub fn insert(tx: &mut Tx<'_>, new: &NewBooking, now_ms: i64) -> Result<()> {
    tx.run(
        "INSERT INTO courier_booking (id, courier_id, centre_id, despatch_id, parcel_id, state, due_ms, lease_owner, epoch, \
         attempts, round, sent_ms, changed_ms, outcome) VALUES (?1, ?2, ?3, ?4, ?5, 'open', ?6, '', 0, 0, 0, NULL, ?6, '') \
         ON CONFLICT (despatch_id, parcel_id) DO NOTHING",
        params![new.id, new.courier_id, new.centre_id, new.despatch_id, new.parcel_id, now_ms],
    )
}

/// Takes up to `limit` rows that are due, under a lease until `until_ms`: id and epoch.
pub fn claim(tx: &mut Tx<'_>, owner: &str, now_ms: i64, until_ms: i64, limit: i64) -> Result<Vec<(i64, i64)>> {
    leases::COURIER_BOOKINGS.take(tx, owner, now_ms, until_ms, limit)
}

/// One booking.
pub fn get(tx: &mut Tx<'_>, id: i64) -> Result<Option<Booking>> {
    let row = tx.query_opt(concat!("SELECT ", columns!(), " FROM courier_booking WHERE id = ?1"), params![id])?;
    row.as_ref().map(from_row).transpose()
}

/// Bookings of a despatch.
pub fn of_despatch(tx: &mut Tx<'_>, despatch_id: i64) -> Result<Vec<Booking>> {
    let rows = tx.query(
        concat!("SELECT ", columns!(), " FROM courier_booking WHERE despatch_id = ?1 ORDER BY id LIMIT 1000"),
        params![despatch_id],
    )?;
    rows.iter().map(from_row).collect()
}

/// Bookings of a centre that wait for a person, the latest first.
pub fn wrong(tx: &mut Tx<'_>, centre_id: i64, limit: i64) -> Result<Vec<Booking>> {
    let rows = tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM courier_booking WHERE centre_id = ?1 AND state IN ('refused', 'unsure', 'given-up') \
             ORDER BY changed_ms DESC, id DESC LIMIT ?2"
        ),
        params![centre_id, limit],
    )?;
    rows.iter().map(from_row).collect()
}

/// Notes that the courier is asked to book from now on: whatever comes, it may have done so. False if the lease is lost.
pub fn sending(tx: &mut Tx<'_>, id: i64, epoch: i64, now_ms: i64) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE courier_booking SET sent_ms = COALESCE(sent_ms, ?3) WHERE id = ?1 AND epoch = ?2",
        params![id, epoch, now_ms],
    )?;
    Ok(changed > 0)
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug)]
pub struct Attempted<'a> {
    /// As in [`Booking`].
    pub state: &'a str,
    /// When it is tried again.
    pub due_ms: Option<i64>,
    /// Whether it is certain that the courier did not book it.
    pub not_booked: bool,
    /// A line for people.
    pub outcome: &'a str,
}

/// Records an attempt; false if the lease is lost.
pub fn record(tx: &mut Tx<'_>, id: i64, epoch: i64, attempted: &Attempted<'_>, now_ms: i64) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE courier_booking SET state = ?3, due_ms = ?4, outcome = ?6, changed_ms = ?7, \
         sent_ms = CASE WHEN CAST(?5 AS BIGINT) = 1 THEN NULL ELSE sent_ms END WHERE id = ?1 AND epoch = ?2",
        params![
            id,
            epoch,
            attempted.state,
            attempted.due_ms,
            i64::from(attempted.not_booked),
            attempted.outcome,
            now_ms
        ],
    )?;
    Ok(changed > 0)
}

/// Begins a booking anew that waits for a person; false if it does not. After a refusal it is another request.
pub fn again(tx: &mut Tx<'_>, id: i64, centre_id: i64, now_ms: i64) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE courier_booking SET round = round + CASE WHEN state = 'refused' THEN 1 ELSE 0 END, state = 'open', \
         due_ms = ?3, epoch = epoch + 1, attempts = 0, changed_ms = ?3 \
         WHERE id = ?1 AND centre_id = ?2 AND state IN ('refused', 'unsure', 'given-up')",
        params![id, centre_id, now_ms],
    )?;
    Ok(changed > 0)
}
