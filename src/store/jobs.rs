//! What the clock starts: for which time each job ran last, and how it went. Who may run one is a named lease.

use super::engine::{Row, Tx};
use crate::error::Result;
use crate::params;

/// A job as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobRow {
    /// Its name.
    pub name: String,
    /// The scheduled time of the run that is done, UTC milliseconds; before any, when the job was first seen.
    pub scheduled_ms: i64,
    /// When it started last.
    pub started_ms: Option<i64>,
    /// When that ended; none while it runs.
    pub ended_ms: Option<i64>,
    /// Runs that failed in a row, up to the last.
    pub failures: i64,
    /// What came of it, a line for people.
    pub outcome: String,
}

macro_rules! columns {
    () => {
        "name, scheduled_ms, started_ms, ended_ms, failures, outcome"
    };
}

fn from_row(row: &Row) -> Result<JobRow> {
    Ok(JobRow {
        name: row.text(0)?,
        scheduled_ms: row.int(1)?,
        started_ms: row.opt_int(2)?,
        ended_ms: row.opt_int(3)?,
        failures: row.int(4)?,
        outcome: row.text(5)?,
    })
}

/// A job, if it was ever seen.
pub fn get(tx: &mut Tx<'_>, name: &str) -> Result<Option<JobRow>> {
    tx.query_opt(concat!("SELECT ", columns!(), " FROM job WHERE name = ?1"), params![name])?
        .as_ref()
        .map(from_row)
        .transpose()
}

/// Every job that was ever seen, by name.
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<JobRow>> {
    let rows = tx.query(concat!("SELECT ", columns!(), " FROM job ORDER BY name LIMIT 200"), params![])?;
    rows.iter().map(from_row).collect()
}

/// Notes a job that was not seen before: what was due earlier is not caught up.
pub fn first_seen(tx: &mut Tx<'_>, name: &str, now_ms: i64) -> Result<()> {
    tx.run(
        "INSERT INTO job (name, scheduled_ms, failures, outcome) VALUES (?1, ?2, 0, '') ON CONFLICT (name) DO NOTHING",
        params![name, now_ms],
    )
}

/// Notes that a run starts.
pub fn started(tx: &mut Tx<'_>, name: &str, now_ms: i64) -> Result<()> {
    tx.run("UPDATE job SET started_ms = ?2, ended_ms = NULL WHERE name = ?1", params![name, now_ms])
}

/// Notes that the run for a scheduled time ended.
pub fn ended(tx: &mut Tx<'_>, name: &str, scheduled_ms: i64, now_ms: i64, failed: bool, outcome: &str) -> Result<()> {
    tx.run(
        "UPDATE job SET scheduled_ms = ?2, ended_ms = ?3, outcome = ?5, \
         failures = CASE WHEN ?4 = 1 THEN failures + 1 ELSE 0 END WHERE name = ?1",
        params![name, scheduled_ms, now_ms, i64::from(failed), outcome],
    )
}
