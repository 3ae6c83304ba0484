//! Waiting for a decision: bounded, woken by hints, decided by the row.

use std::time::Duration;

use super::hub::Hub;
use crate::error::Result;
use crate::model::disposition::InterchangeState;
use crate::store::interchanges::{self, Interchange};

/// Longest time between looks at the row: another hub may decide, and a hint may be lost.
const LOOK_MS: u64 = 500;

impl Hub {
    /// The interchange once it is decided, or held for a person, which this cannot wait for; none if that did not happen in
    /// time. What waits for its counterpart is waited for.
    pub async fn wait_decided(&self, interchange_id: i64, timeout_ms: u64) -> Result<Option<Interchange>> {
        // Before the first look, so that nothing is missed between the two.
        let mut hints = self.listen();
        let end = tokio::time::Instant::now() + Duration::from_millis(timeout_ms);
        loop {
            let found = self.store.read(move |tx| interchanges::get(tx, interchange_id)).await?;
            let settled = [InterchangeState::Decided, InterchangeState::Held].map(InterchangeState::as_str);
            if let Some(row) = found.filter(|row| settled.contains(&row.state.as_str())) {
                return Ok(Some(row));
            }
            let now = tokio::time::Instant::now();
            if now >= end {
                return Ok(None);
            }
            let look = end.min(now + Duration::from_millis(LOOK_MS));
            let hinted = async {
                // Closed or lagged counts as a hint: the row is read again.
                while hints.recv().await.is_ok_and(|happened| happened.interchange_id != interchange_id) {}
            };
            // Running out of time is no error here: the row is looked at once more.
            drop(tokio::time::timeout_at(look, hinted).await);
        }
    }
}
