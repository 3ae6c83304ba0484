//! What is recorded of conversations with partners' systems: each step before the next.

use super::hub::Hub;
use crate::error::Result;
use crate::store::conversations;

pub use crate::store::conversations::Step;

impl Hub {
    /// The steps of a delivery that are recorded.
    pub async fn conversation(&self, delivery_id: i64) -> Result<Vec<Step>> {
        self.store.read(move |tx| conversations::of_delivery(tx, delivery_id)).await
    }

    /// Records a step of a delivery; when this returns it is on disk.
    pub async fn note_step(&self, delivery_id: i64, step: Step) -> Result<()> {
        self.store.write(move |tx| conversations::note(tx, delivery_id, &step)).await
    }
}
