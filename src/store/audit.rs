//! Who did what, written in the transaction that did it.

use super::engine::Tx;
use crate::error::Result;
use crate::params;

/// Writes an audit row: `actor` did `action` to `object`; `digest` of what was involved.
pub fn note(
    tx: &mut Tx<'_>,
    id: i64,
    at_ms: i64,
    actor: &str,
    action: &str,
    object: &str,
    digest: Option<&[u8]>,
) -> Result<()> {
    tx.run(
        "INSERT INTO audit (id, at_ms, actor, action, object, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![id, at_ms, actor, action, object, digest],
    )
}

/// The latest rows: when, actor, action, object.
pub fn latest(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<(i64, String, String, String)>> {
    let rows = tx.query("SELECT at_ms, actor, action, object FROM audit ORDER BY id DESC LIMIT ?1", params![limit])?;
    rows.iter().map(|row| Ok((row.int(0)?, row.text(1)?, row.text(2)?, row.text(3)?))).collect()
}
