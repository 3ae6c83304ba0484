//! Conversations of several steps with partners' systems: which steps are done, and what was kept of their answers.

use super::engine::Tx;
use crate::error::Result;
use crate::params;

/// Steps of one conversation that are read.
const MOST_STEPS: i64 = 100_000;

/// A step as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Its name in the script.
    pub step: String,
    /// The line it is about, from 1; 0: the whole document.
    pub line: i64,
    /// Whether it is done; else it was begun, and nobody knows what came of it.
    pub done: bool,
    /// What was kept of its answer, JSON.
    pub kept: String,
    /// When, UTC milliseconds.
    pub at_ms: i64,
}

/// The steps of a delivery.
pub fn of_delivery(tx: &mut Tx<'_>, delivery_id: i64) -> Result<Vec<Step>> {
    let rows = tx.query(
        "SELECT step, line, state, kept, at_ms FROM conversation_step WHERE delivery_id = ?1 LIMIT ?2",
        params![delivery_id, MOST_STEPS],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Step {
                step: row.text(0)?,
                line: row.int(1)?,
                done: row.text_ref(2)? == "done",
                kept: row.text(3)?,
                at_ms: row.int(4)?,
            })
        })
        .collect()
}

/// Notes a step; a later note of the same step takes its place.
pub fn note(tx: &mut Tx<'_>, delivery_id: i64, step: &Step) -> Result<()> {
    let state = if step.done { "done" } else { "begun" };
    tx.run(
        "INSERT INTO conversation_step (delivery_id, step, line, state, kept, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (delivery_id, step, line) DO UPDATE SET state = excluded.state, kept = excluded.kept, \
         at_ms = excluded.at_ms",
        params![delivery_id, &step.step, step.line, state, &step.kept, step.at_ms],
    )
}

/// Takes away steps from before a time.
pub fn forget(tx: &mut Tx<'_>, before_ms: i64, limit: i64) -> Result<u64> {
    tx.execute(
        "DELETE FROM conversation_step WHERE (delivery_id, step, line) IN (SELECT delivery_id, step, line \
         FROM conversation_step WHERE at_ms < ?1 LIMIT ?2)",
        params![before_ms, limit],
    )
}
