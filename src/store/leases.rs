//! Leases: who works on what, and for how long.
//!
//! A claim is one UPDATE that compares and sets. Its condition stands inside, to find rows, *and* outside, because on
//! PostgreSQL an UPDATE that waited for another looks again only at its own WHERE; with the condition inside alone every row
//! would be handed out several times. A claim raises the row's epoch; whoever records under an old epoch drops its work.
//! A claimed row is due again when its lease ends. No rows means only that none were free at that moment.
//!
//! A named lease (table `lease`) is for what one hub at a time may do, like a cron job.

use super::engine::{Row, Store, Tx};
use crate::error::Result;
use crate::params;

/// A row that is ours for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The row.
    pub id: i64,
    /// Under which it may be recorded.
    pub epoch: i64,
}

/// The lease statements of a table with the columns id, due_ms, lease_owner, lease_until_ms and epoch.
#[derive(Clone, Copy, Debug)]
pub struct Leased {
    claim: &'static str,
    renew: &'static str,
    holds: &'static str,
    next_due: &'static str,
}

/// Whether a row is free at `?2`. `due_ms` is null when there is nothing to do.
macro_rules! free {
    () => {
        "due_ms <= ?2 AND (lease_until_ms IS NULL OR lease_until_ms <= ?2)"
    };
}

/// The statements of a table. `also` is more to be set at a claim and begins with a comma, or is empty.
macro_rules! leased {
    ($table:literal, $also:literal) => {
        Leased {
            claim: concat!(
                "UPDATE ",
                $table,
                " SET lease_owner = ?1, lease_until_ms = ?3, due_ms = ?3, epoch = epoch + 1",
                $also,
                " WHERE ",
                free!(),
                " AND id IN (SELECT id FROM ",
                $table,
                " WHERE ",
                free!(),
                " ORDER BY due_ms, id LIMIT ?4{skip_locked}) RETURNING id, epoch"
            ),
            renew: concat!("UPDATE ", $table, " SET lease_until_ms = ?3, due_ms = ?3 WHERE id = ?1 AND epoch = ?2"),
            holds: concat!("SELECT 1 FROM ", $table, " WHERE id = ?1 AND epoch = ?2"),
            next_due: concat!("SELECT MIN(due_ms) FROM ", $table, " WHERE due_ms IS NOT NULL"),
        }
    };
}

/// Interchanges that wait to be worked on.
pub const INTERCHANGES: Leased = leased!("interchange", ", attempts = attempts + 1");
/// Deliveries that wait to be sent.
pub const DELIVERIES: Leased = leased!("delivery", "");

impl Leased {
    /// Claims up to `most` rows that are due, for `lease_ms` milliseconds; in the order of their ids.
    ///
    /// It is one statement, so on PostgreSQL it runs outside of the serializable transactions and does not conflict with them.
    pub async fn claim(self, store: &Store, owner: &str, lease_ms: i64, most: i64) -> Result<Vec<Claim>> {
        let owner = owner.to_owned();
        store.compare_and_set(move |tx| self.claim_in(tx, &owner, lease_ms, most)).await
    }

    /// [`Leased::claim`] inside a transaction.
    pub fn claim_in(self, tx: &mut Tx<'_>, owner: &str, lease_ms: i64, most: i64) -> Result<Vec<Claim>> {
        let now_ms = tx.now_ms()?;
        let rows = tx.query(self.claim, params![owner, now_ms, now_ms.saturating_add(lease_ms), most])?;
        let claim = |row: &Row| Ok(Claim { id: row.int(0)?, epoch: row.int(1)? });
        let mut claims = rows.iter().map(claim).collect::<Result<Vec<_>>>()?;
        claims.sort_unstable_by_key(|claim| claim.id);
        Ok(claims)
    }

    /// Makes a lease end `lease_ms` from now; false if it was lost.
    pub fn renew(self, tx: &mut Tx<'_>, claim: Claim, lease_ms: i64) -> Result<bool> {
        let now_ms = tx.now_ms()?;
        Ok(tx.execute(self.renew, params![claim.id, claim.epoch, now_ms.saturating_add(lease_ms)])? == 1)
    }

    /// Whether the row is still ours. In the transaction that records the work it stays so until the commit.
    pub fn holds(self, tx: &mut Tx<'_>, claim: Claim) -> Result<bool> {
        Ok(tx.query_opt(self.holds, params![claim.id, claim.epoch])?.is_some())
    }

    /// When the next row is due or its lease ends, UTC milliseconds; may be past.
    pub fn next_due(self, tx: &mut Tx<'_>) -> Result<Option<i64>> {
        tx.query_one(self.next_due, params![])?.opt_int(0)
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
