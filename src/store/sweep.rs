//! Taking away what nobody needs any more, in bounded steps.

use super::engine::Tx;
use crate::error::Result;
use crate::params;

/// Chunks of payloads below an id that never became interchanges.
pub fn orphan_chunks(tx: &mut Tx<'_>, below_id: i64, limit: i64) -> Result<u64> {
    tx.execute(
        "DELETE FROM payload_chunk WHERE interchange_id IN (SELECT c.interchange_id FROM payload_chunk c \
         WHERE c.number = 0 AND c.interchange_id < ?1 \
         AND NOT EXISTS (SELECT 1 FROM interchange i WHERE i.id = c.interchange_id) LIMIT ?2)",
        params![below_id, limit],
    )
}

/// Pieces of mails below an id that never became mails.
pub fn orphan_mail_chunks(tx: &mut Tx<'_>, below_id: i64, limit: i64) -> Result<u64> {
    tx.execute(
        "DELETE FROM mail_chunk WHERE mail_id IN (SELECT c.mail_id FROM mail_chunk c WHERE c.number = 0 AND c.mail_id < ?1 \
         AND NOT EXISTS (SELECT 1 FROM mail m WHERE m.id = c.mail_id) LIMIT ?2)",
        params![below_id, limit],
    )
}

/// Catalogue rows of documents below an id that are not in force. Order lines keep what they need of them.
pub fn dead_items(tx: &mut Tx<'_>, below_document_id: i64, limit: i64) -> Result<u64> {
    let rows = tx.query(
        "SELECT i.id FROM item i WHERE i.document_id < ?1 AND NOT EXISTS (SELECT 1 FROM catalogue_live l \
         WHERE l.producer_id = i.producer_id AND l.document_id = i.document_id) LIMIT ?2",
        params![below_document_id, limit],
    )?;
    for row in &rows {
        let id = row.int(0)?;
        tx.run("DELETE FROM item_identifier WHERE item_id = ?1", params![id])?;
        tx.run("DELETE FROM item WHERE id = ?1", params![id])?;
    }
    Ok(rows.len() as u64)
}

/// Transport ids of interchanges received before a time.
pub fn old_transport_ids(tx: &mut Tx<'_>, before_ms: i64, limit: i64) -> Result<u64> {
    tx.execute(
        "UPDATE interchange SET transport_id = NULL WHERE id IN (SELECT id FROM interchange \
         WHERE transport_id IS NOT NULL AND received_ms < ?1 ORDER BY id LIMIT ?2)",
        params![before_ms, limit],
    )
}
