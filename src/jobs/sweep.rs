//! Takes away what nobody needs any more: chunks of receipts and mails that were never finished, rows of catalogues that never
//! went live or were replaced, transport ids older than the window in which a call is known again, steps of
//! conversations of more than a year ago.

use std::sync::Arc;

use crate::error::Result;
use crate::pipeline::hub::Hub;
use crate::store::{conversations, sweep};

/// How long a call is known again by its transport id: 30 days.
const TRANSPORT_ID_MS: i64 = 30 * 86_400_000;
/// How old chunks without an interchange must be: a day.
const ORPHAN_MS: i64 = 86_400_000;
/// How long the steps of a conversation are kept: a year, in which a delivery may be sent again by hand.
const CONVERSATION_MS: i64 = 365 * 86_400_000;
/// Rows taken away in one transaction.
const AT_ONCE: i64 = 1000;
/// Transactions of one run; what is left goes in the next.
const MOST_STEPS: usize = 1000;

/// Runs until there is nothing left or the run's share is done; gives how many rows went.
pub async fn run(hub: &Arc<Hub>) -> Result<u64> {
    let now_ms = hub.clock.now_ms();
    let floor = hub.ids.floor(now_ms - ORPHAN_MS);
    let mut gone = 0;
    for _ in 0..MOST_STEPS {
        let step = hub
            .store
            .write(move |tx| {
                Ok(sweep::orphan_chunks(tx, floor, AT_ONCE)?
                    + sweep::orphan_mail_chunks(tx, floor, AT_ONCE)?
                    + sweep::dead_items(tx, floor, AT_ONCE)?
                    + conversations::forget(tx, now_ms - CONVERSATION_MS, AT_ONCE)?
                    + sweep::old_transport_ids(tx, now_ms - TRANSPORT_ID_MS, AT_ONCE)?)
            })
            .await?;
        gone += step;
        if step == 0 || hub.is_stopping() {
            break;
        }
    }
    Ok(gone)
}
