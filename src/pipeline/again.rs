//! By hand: an interchange is processed again, a delivery is sent again.

use super::hub::Hub;
use crate::error::Result;
use crate::model::disposition::{Disposition, InterchangeState};
use crate::model::id::{DeliveryId, InterchangeId};
use crate::store::{audit, deliveries, interchanges};

/// What became of the wish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Again {
    /// It is under way.
    Yes,
    /// There is no such thing.
    Unknown,
    /// It is in effect already; replay never applies twice. Its deliveries can be sent again.
    InEffect,
}

impl Hub {
    /// Processes an interchange again from its stored bytes: one that is held, waits, was rejected or failed.
    /// `confirmed` is a person's word that it is a new document, not the same again.
    pub async fn replay(&self, id: InterchangeId, confirmed: bool, actor: &str) -> Result<Again> {
        let (now_ms, audit_id, actor) = (self.clock.now_ms(), self.next_id(), actor.to_owned());
        let outcome = self
            .store
            .write(move |tx| {
                let Some(interchange) = interchanges::get(tx, id.0)? else { return Ok(Again::Unknown) };
                let word = interchange.disposition.as_deref().and_then(Disposition::from_word);
                let done = matches!(
                    word,
                    Some(Disposition::Accepted | Disposition::AcceptedWithErrors | Disposition::Duplicate)
                );
                if done && interchange.state == InterchangeState::Decided.as_str() {
                    return Ok(Again::InEffect);
                }
                interchanges::stop_waiting(tx, id.0)?;
                interchanges::again(tx, id.0, confirmed, now_ms)?;
                audit::note(tx, audit_id, now_ms, &actor, "replay", &id.to_string(), None)?;
                Ok(Again::Yes)
            })
            .await?;
        if outcome == Again::Yes {
            self.received.notify_one();
        }
        Ok(outcome)
    }

    /// Sends a delivery again, with the same bytes and the same id.
    pub async fn resend(&self, id: DeliveryId, actor: &str) -> Result<Again> {
        let (now_ms, audit_id, actor) = (self.clock.now_ms(), self.next_id(), actor.to_owned());
        let outcome = self
            .store
            .write(move |tx| {
                if deliveries::get(tx, id.0)?.is_none() {
                    return Ok(Again::Unknown);
                }
                deliveries::resend(tx, id.0, now_ms)?;
                audit::note(tx, audit_id, now_ms, &actor, "resend", &id.to_string(), None)?;
                Ok(Again::Yes)
            })
            .await?;
        if outcome == Again::Yes {
            self.scheduled.notify_one();
        }
        Ok(outcome)
    }
}
