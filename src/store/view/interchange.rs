//! Interchanges and deliveries as their viewer may see them.

use super::document::{DocumentView, of_interchange};
use super::{bounded, may_see};
use crate::error::Result;
use crate::model::viewer::Viewer;
use crate::store::Tx;
use crate::store::deliveries::{self, Delivery};
use crate::store::interchanges::{self, Interchange};

/// An interchange with all that came of it, as far as its viewer may know: of the deliveries only those to the viewer.
#[derive(Clone, Debug)]
pub struct InterchangeView {
    /// The interchange.
    pub interchange: Interchange,
    /// Its documents in order, with findings.
    pub documents: Vec<DocumentView>,
    /// What it caused to be sent.
    pub deliveries: Vec<DeliveryView>,
    /// Interchanges that came back as answers to those deliveries.
    pub answers: Vec<Interchange>,
    /// The interchange that it corrects.
    pub revises: Option<Interchange>,
    /// Interchanges that correct it.
    pub revised_by: Vec<Interchange>,
}

/// One attempt at a delivery.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Which one, from 1.
    pub number: i64,
    /// When it started, UTC milliseconds.
    pub at_ms: i64,
    /// `delivered`, `temporary` or `dead`.
    pub outcome: String,
    /// Why, or what the partner answered.
    pub reason: String,
    /// How long it took, milliseconds.
    pub duration_ms: i64,
}

/// A delivery with its attempts.
#[derive(Clone, Debug)]
pub struct DeliveryView {
    /// The delivery.
    pub delivery: Delivery,
    /// Attempts in order.
    pub attempts: Vec<Attempt>,
}

/// One interchange.
pub fn interchange(tx: &mut Tx<'_>, viewer: &Viewer, id: i64) -> Result<Option<InterchangeView>> {
    let Some(interchange) = seen(tx, viewer, id)? else { return Ok(None) };
    let documents = of_interchange(tx, viewer, id)?;
    let mut shown = Vec::new();
    let mut answers = Vec::new();
    for delivery in deliveries::of_interchange(tx, id)? {
        if may_see(viewer, delivery.centre_id, delivery.organisation_id) {
            for answer in interchanges::answers(tx, delivery.id)? {
                if may_see(viewer, answer.centre_id, answer.organisation_id) {
                    answers.push(answer);
                }
            }
            shown.push(with_attempts(tx, delivery)?);
        }
    }
    let revises = match interchange.revises_id {
        Some(earlier) => seen(tx, viewer, earlier)?,
        None => None,
    };
    let mut revised_by = interchanges::revised_by(tx, id)?;
    revised_by.retain(|row| may_see(viewer, row.centre_id, row.organisation_id));
    Ok(Some(InterchangeView { interchange, documents, deliveries: shown, answers, revises, revised_by }))
}

fn seen(tx: &mut Tx<'_>, viewer: &Viewer, id: i64) -> Result<Option<Interchange>> {
    let found = interchanges::get(tx, id)?;
    Ok(found.filter(|row| may_see(viewer, row.centre_id, row.organisation_id)))
}

fn with_attempts(tx: &mut Tx<'_>, delivery: Delivery) -> Result<DeliveryView> {
    let attempts = deliveries::attempts(tx, delivery.id)?
        .into_iter()
        .map(|(number, at_ms, outcome, reason, duration_ms)| Attempt { number, at_ms, outcome, reason, duration_ms })
        .collect();
    Ok(DeliveryView { delivery, attempts })
}

/// Interchanges, newest first, with ids below `before` (`i64::MAX` for the first page).
pub fn interchanges(tx: &mut Tx<'_>, viewer: &Viewer, before: i64, limit: i64) -> Result<Vec<Interchange>> {
    interchanges::list(tx, viewer.centre_id, viewer.scope(), before, bounded(limit))
}

/// Interchanges that wait for a person, oldest first; of the viewer's own only.
pub fn held(tx: &mut Tx<'_>, viewer: &Viewer, limit: i64) -> Result<Vec<Interchange>> {
    let mut rows = interchanges::list_held(tx, viewer.centre_id, viewer.scope(), bounded(limit))?;
    rows.retain(|row| may_see(viewer, row.centre_id, row.organisation_id));
    Ok(rows)
}

/// What is needed to answer with an interchange's bytes.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The interchange.
    pub interchange: Interchange,
    /// Whether the viewer's organisation sent it: then it gets the bytes as received, else secrets are masked.
    pub exact: bool,
}

/// The payload of an interchange: what it is and whether it is shown as received. [`payload_part`] reads its bytes.
pub fn payload(tx: &mut Tx<'_>, viewer: &Viewer, id: i64) -> Result<Option<Payload>> {
    let exact = |row: &Interchange| row.organisation_id == viewer.organisation_id;
    Ok(seen(tx, viewer, id)?.map(|interchange| Payload { exact: exact(&interchange), interchange }))
}

/// Chunk `number` (from 0) of a payload; none after the last.
pub fn payload_part(tx: &mut Tx<'_>, viewer: &Viewer, id: i64, number: i64) -> Result<Option<Vec<u8>>> {
    match seen(tx, viewer, id)? {
        Some(_) => interchanges::payload_part(tx, id, number),
        None => Ok(None),
    }
}

/// One delivery.
pub fn delivery(tx: &mut Tx<'_>, viewer: &Viewer, id: i64) -> Result<Option<DeliveryView>> {
    let found = deliveries::get(tx, id)?.filter(|row| may_see(viewer, row.centre_id, row.organisation_id));
    found.map(|delivery| with_attempts(tx, delivery)).transpose()
}

/// The bytes of a delivery as they are sent, once prepared, and whether they are shown exactly ([`Payload::exact`]).
pub fn delivery_body(tx: &mut Tx<'_>, viewer: &Viewer, id: i64) -> Result<Option<(Delivery, Vec<u8>, bool)>> {
    let Some((delivery, Some(bytes))) = deliveries::get_with_body(tx, id)? else { return Ok(None) };
    let exact = delivery.organisation_id == viewer.organisation_id;
    let shown = may_see(viewer, delivery.centre_id, delivery.organisation_id);
    Ok(shown.then_some((delivery, bytes, exact)))
}

/// Deliveries, newest first, with ids below `before`.
pub fn deliveries(tx: &mut Tx<'_>, viewer: &Viewer, before: i64, limit: i64) -> Result<Vec<Delivery>> {
    deliveries::list(tx, viewer.centre_id, viewer.scope(), before, bounded(limit))
}

/// Deliveries that nobody tries any more by itself, oldest first.
pub fn dead_deliveries(tx: &mut Tx<'_>, viewer: &Viewer, limit: i64) -> Result<Vec<Delivery>> {
    let mut rows = deliveries::dead(tx, viewer.centre_id, bounded(limit))?;
    rows.retain(|row| may_see(viewer, row.centre_id, row.organisation_id));
    Ok(rows)
}
