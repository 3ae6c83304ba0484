//! Leases: who works on what, and for how long.
//!
//! A claim is one UPDATE that compares and sets. Its condition stands inside, to find rows, *and* outside, because on
//! PostgreSQL an UPDATE that waited for another looks again only at its own WHERE; with the condition inside alone every row
//! would be handed out several times. A claim raises the row's epoch; whoever records under an old epoch drops its work.
//! A claimed row is due again when its lease ends. No rows means only that none were free at that moment. It is right at
//! any isolation, so it goes through [`super::Store::compare_and_set`].
//!
//! A named lease (table `lease`) is for what one hub at a time may do, like a cron job.

use super::engine::Tx;
use crate::error::Result;
use crate::params;

/// The claim of a table with the columns id, due_ms (null when there is nothing to do), lease_owner and epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim(&'static str);

/// `also` is more to be set at a claim and begins with a comma.
macro_rules! claim {
    ($table:literal, $also:literal) => {
        Claim(concat!(
            "UPDATE ",
            $table,
            " SET lease_owner = ?1, due_ms = ?3, epoch = epoch + 1",
            $also,
            " WHERE due_ms <= ?2 AND id IN (SELECT id FROM ",
            $table,
            " WHERE due_ms <= ?2 ORDER BY due_ms LIMIT ?4{skip_locked}) RETURNING id, epoch"
        ))
    };
}

/// Questions to couriers that are to be asked.
pub(super) const COURIER_ASKS: Claim = claim!("courier_ask", ", attempts = attempts + 1");
/// Parcels that are to be booked.
pub(super) const COURIER_BOOKINGS: Claim = claim!("courier_booking", ", attempts = attempts + 1");
/// Interchanges that wait to be worked on.
pub(super) const INTERCHANGES: Claim = claim!("interchange", ", attempts = attempts + 1");
/// Deliveries that wait to be sent.
pub(super) const DELIVERIES: Claim = claim!("delivery", ", state = 'in-transit'");

impl Claim {
    /// Takes up to `most` rows that are due, under a lease until `until_ms`: id and epoch, in the order of the ids.
    pub(super) fn take(
        self,
        tx: &mut Tx<'_>,
        owner: &str,
        now_ms: i64,
        until_ms: i64,
        most: i64,
    ) -> Result<Vec<(i64, i64)>> {
        let rows = tx.query(self.0, params![owner, now_ms, until_ms, most])?;
        let mut taken = rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?))).collect::<Result<Vec<_>>>()?;
        taken.sort_unstable();
        Ok(taken)
    }
}

/// Takes a named lease for `lease_ms` milliseconds, or makes ours last longer. Its epoch, or none if another hub has it.
pub fn acquire(tx: &mut Tx<'_>, name: &str, owner: &str, lease_ms: i64) -> Result<Option<i64>> {
    let now_ms = tx.now_ms()?;
    // One that lasted until now keeps its epoch; one that ran out is taken anew, even by its last owner.
    let row = tx.query_opt(
        "INSERT INTO lease (name, owner, until_ms, epoch) VALUES (?1, ?2, ?3, 1) \
         ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until_ms = excluded.until_ms, \
         epoch = lease.epoch + CASE WHEN lease.until_ms > ?4 THEN 0 ELSE 1 END \
         WHERE lease.until_ms <= ?4 OR lease.owner = excluded.owner RETURNING epoch",
        params![name, owner, now_ms.saturating_add(lease_ms), now_ms],
    )?;
    row.map(|row| row.int(0)).transpose()
}

/// Whether a named lease is still ours, so that what it guards may be recorded.
pub fn held(tx: &mut Tx<'_>, name: &str, epoch: i64) -> Result<bool> {
    let now_ms = tx.now_ms()?;
    let row = tx.query_opt(
        "SELECT 1 FROM lease WHERE name = ?1 AND epoch = ?2 AND until_ms > ?3",
        params![name, epoch, now_ms],
    )?;
    Ok(row.is_some())
}

/// Gives a named lease back. One that was lost stays with whoever has it.
pub fn release(tx: &mut Tx<'_>, name: &str, epoch: i64) -> Result<()> {
    tx.run("UPDATE lease SET until_ms = 0 WHERE name = ?1 AND epoch = ?2", params![name, epoch])
}
