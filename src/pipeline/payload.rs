//! Bytes of an interchange or a delivery for whom may see them: exactly for the sender or receiver, with secrets masked for
//! who sees the centre.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};

use super::hub::Hub;
use crate::error::{Error, Result};
use crate::format::mask::{Mask, mask};
use crate::model::viewer::Viewer;
use crate::store::deliveries::Delivery;
use crate::store::interchanges::Interchange;
use crate::store::view;

/// An interchange's bytes, piece by piece.
pub struct PayloadBytes {
    /// The interchange.
    pub interchange: Interchange,
    /// Whether these are the bytes as received; else secrets are masked and the length may differ.
    pub exact: bool,
    /// The bytes.
    pub pieces: BoxStream<'static, Result<Bytes>>,
}

struct Walk {
    hub: Arc<Hub>,
    viewer: Viewer,
    id: i64,
    number: i64,
    left_bytes: i64,
    mask: Option<Mask>,
}

impl Hub {
    /// The payload of an interchange, if the viewer may see it.
    pub async fn payload(self: &Arc<Self>, viewer: &Viewer, id: i64) -> Result<Option<PayloadBytes>> {
        let who = viewer.clone();
        let Some(found) = self.store.read(move |tx| view::payload(tx, &who, id)).await? else { return Ok(None) };
        let walk = Walk {
            hub: Arc::clone(self),
            viewer: viewer.clone(),
            id,
            number: 0,
            left_bytes: found.interchange.size_bytes,
            mask: (!found.exact).then(Mask::default),
        };
        let pieces = stream::try_unfold(Some(walk), step).boxed();
        Ok(Some(PayloadBytes { interchange: found.interchange, exact: found.exact, pieces }))
    }

    /// What a delivery sends, once it is prepared, if the viewer may see it.
    pub async fn delivered(&self, viewer: &Viewer, id: i64) -> Result<Option<(Delivery, Bytes)>> {
        let who = viewer.clone();
        let found = self.store.read(move |tx| view::delivery_body(tx, &who, id)).await?;
        Ok(found.map(|(delivery, bytes, exact)| (delivery, Bytes::from(if exact { bytes } else { mask(&bytes) }))))
    }
}

async fn step(walk: Option<Walk>) -> Result<Option<(Bytes, Option<Walk>)>> {
    let Some(mut walk) = walk else { return Ok(None) };
    if walk.left_bytes <= 0 {
        let held = walk.mask.take().map(Mask::finish).unwrap_or_default();
        return Ok(Some((Bytes::from(held), None)));
    }
    let (viewer, id, number) = (walk.viewer.clone(), walk.id, walk.number);
    let part = walk.hub.store.read(move |tx| view::payload_part(tx, &viewer, id, number)).await?;
    let part = part.filter(|part| !part.is_empty());
    let part = part.ok_or_else(|| Error::store(format!("chunk {number} of a payload is missing")))?;
    walk.number += 1;
    walk.left_bytes -= part.len() as i64;
    let part = match &mut walk.mask {
        Some(mask) => mask.push(&part),
        None => part,
    };
    Ok(Some((Bytes::from(part), Some(walk))))
}
