//! Numbered steps that bring the tables up to date, forward only.
//!
//! A step is `migrations/NNNN_name.sql`, compiled in and named in [`STEPS`]. An applied step never changes: its digest is
//! kept beside its number. Each runs in a transaction of its own; on PostgreSQL hubs that start together take turns.

use crate::error::{Context, Error, Result};
use crate::params;

use super::engine::{Engine, Tx, migration_for_postgres, migration_for_sqlite};

/// One step.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Counts from 1 without gaps.
    pub number: i64,
    /// The words of its file name.
    pub name: &'static str,
    /// Its statements, with `{id}` for the type of a row id.
    pub sql: &'static str,
}

/// Every step in order.
pub const STEPS: &[Step] = &[
    Step { number: 1, name: "leases", sql: include_str!("migrations/0001_leases.sql") },
    Step { number: 2, name: "hub", sql: include_str!("migrations/0002_hub.sql") },
    Step { number: 3, name: "jobs", sql: include_str!("migrations/0003_jobs.sql") },
    Step { number: 4, name: "mail", sql: include_str!("migrations/0004_mail.sql") },
    Step { number: 5, name: "channels", sql: include_str!("migrations/0005_channels.sql") },
    Step { number: 6, name: "courier_asks", sql: include_str!("migrations/0006_courier_asks.sql") },
    Step { number: 7, name: "attachments", sql: include_str!("migrations/0007_attachments.sql") },
    Step { number: 8, name: "conversations", sql: include_str!("migrations/0008_conversations.sql") },
    Step { number: 9, name: "bookings", sql: include_str!("migrations/0009_bookings.sql") },
];

/// Applies what is missing. `transact` runs a closure in a transaction.
pub(super) fn apply(transact: impl FnMut(&mut dyn FnMut(&mut Tx<'_>) -> Result<bool>) -> Result<bool>) -> Result<()> {
    apply_steps(STEPS, transact)
}

fn apply_steps(
    steps: &[Step],
    mut transact: impl FnMut(&mut dyn FnMut(&mut Tx<'_>) -> Result<bool>) -> Result<bool>,
) -> Result<()> {
    for _ in 0..=steps.len() {
        if !transact(&mut |tx| next(tx, steps)).context(|| "bringing the database up to date")? {
            return Ok(());
        }
    }
    Err(Error::bug("the migrations do not come to an end"))
}

/// Applies the first step that is missing; whether there was one.
fn next(tx: &mut Tx<'_>, steps: &[Step]) -> Result<bool> {
    if tx.engine() == Engine::Postgres {
        // A number of ours: "dure" in ASCII.
        tx.query("SELECT 1 FROM (SELECT pg_advisory_xact_lock(1685418597)) AS held", params![])?;
    }
    tx.batch(
        "CREATE TABLE IF NOT EXISTS migration (number BIGINT PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, \
         applied_at BIGINT NOT NULL)",
    )?;
    let applied = tx.query("SELECT number, name, digest FROM migration ORDER BY number", params![])?;
    let mut steps = steps.iter();
    for row in applied {
        let (number, name) = (row.int(0)?, row.text_ref(1)?);
        let Some(step) = steps.next() else {
            return Err(Error::config(format!(
                "the database is newer than this program: it has step {number} ({name}); use the newer program, or restore \
                 the backup from before the update"
            )));
        };
        if step.number != number || row.text_ref(2)? != digest(step.sql) {
            return Err(Error::config(format!(
                "step {number} ({name}) of the database is not step {} ({}) of this program: the database was made by \
                 another build; use that build, or restore a backup made by a release",
                step.number, step.name
            )));
        }
    }
    let Some(step) = steps.next() else { return Ok(false) };
    let sql = match tx.engine() {
        Engine::Sqlite => migration_for_sqlite(step.sql),
        Engine::Postgres => migration_for_postgres(step.sql),
    };
    tx.batch(&sql).context(|| format!("step {} ({})", step.number, step.name))?;
    let now_ms = tx.now_ms()?;
    tx.execute(
        "INSERT INTO migration (number, name, digest, applied_at) VALUES (?1, ?2, ?3, ?4)",
        params![step.number, step.name, &digest(step.sql), now_ms],
    )?;
    Ok(true)
}

/// SHA-256 of a step, in hexadecimal.
fn digest(sql: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, sql.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
