//! Lists of the portal: narrowed, paged, and with a word of what is in each.

use super::bounded;
use crate::error::Result;
use crate::model::viewer::Viewer;
use crate::store::Tx;
use crate::store::deliveries::{self, Delivery};
use crate::store::documents::{self, Head};
use crate::store::interchanges::{self, Interchange};

/// Documents of an interchange that a list names.
const NAMED: i64 = 3;

/// What a list of interchanges is narrowed by. Empty text and 0 mean any.
#[derive(Clone, Debug, Default)]
pub struct InterchangeNarrow {
    /// Who handed them in; for who sees the centre.
    pub organisation_id: i64,
    /// A state that is not `decided`, or the disposition of what is.
    pub standing: String,
    /// How they came.
    pub transport: String,
    /// Only ids below this one; 0 for the newest.
    pub before: i64,
    /// At most so many.
    pub limit: i64,
}

/// What a list of deliveries is narrowed by. Empty text and 0 mean any.
#[derive(Clone, Debug, Default)]
pub struct DeliveryNarrow {
    /// To whom; for who sees the centre.
    pub organisation_id: i64,
    /// Where they stand.
    pub state: String,
    /// `document`, `acknowledgement` or `notice`.
    pub kind: String,
    /// Only ids below this one; 0 for the newest.
    pub before: i64,
    /// At most so many.
    pub limit: i64,
}

/// An interchange in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The interchange.
    pub interchange: Interchange,
    /// Its first documents.
    pub heads: Vec<Head>,
}

fn below(before: i64) -> i64 {
    if before > 0 { before } else { i64::MAX }
}

/// Interchanges, newest first, and where the next page starts if there may be more.
pub fn interchange_list(
    tx: &mut Tx<'_>,
    viewer: &Viewer,
    narrow: &InterchangeNarrow,
) -> Result<(Vec<Listed>, Option<i64>)> {
    let narrow = interchanges::Narrow {
        centre_id: viewer.centre_id,
        organisation_id: viewer.scope().unwrap_or(narrow.organisation_id),
        standing: narrow.standing.clone(),
        transport: narrow.transport.clone(),
        before: below(narrow.before),
        limit: bounded(narrow.limit),
    };
    let (rows, next) = interchanges::narrowed(tx, &narrow)?;
    let mut listed = Vec::with_capacity(rows.len());
    for interchange in rows {
        let heads = documents::heads(tx, interchange.id, NAMED)?;
        listed.push(Listed { interchange, heads });
    }
    Ok((listed, next))
}

/// Deliveries, newest first, and where the next page starts if there may be more.
pub fn delivery_list(
    tx: &mut Tx<'_>,
    viewer: &Viewer,
    narrow: &DeliveryNarrow,
) -> Result<(Vec<Delivery>, Option<i64>)> {
    let narrow = deliveries::Narrow {
        centre_id: viewer.centre_id,
        organisation_id: viewer.scope().unwrap_or(narrow.organisation_id),
        state: narrow.state.clone(),
        kind: narrow.kind.clone(),
        before: below(narrow.before),
        limit: bounded(narrow.limit),
    };
    deliveries::narrowed(tx, &narrow)
}

/// How much waits for somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Open {
    /// Interchanges that a person has to decide.
    pub held: i64,
    /// Interchanges whose counterpart is not there yet.
    pub waiting: i64,
    /// Deliveries that nobody tries any more by itself.
    pub dead: i64,
}

/// How much waits in what the viewer may see.
pub fn open(tx: &mut Tx<'_>, viewer: &Viewer) -> Result<Open> {
    let (held, waiting) = interchanges::open_counts(tx, viewer.centre_id, viewer.scope())?;
    let dead = deliveries::dead_count(tx, viewer.centre_id, viewer.scope())?;
    Ok(Open { held, waiting, dead })
}
