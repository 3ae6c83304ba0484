//! A parcel's label: for who sent it, for its courier, and for the centre. It shows where the parcel goes, so for nobody else.

use crate::error::Result;
use crate::model::viewer::Viewer;
use crate::store::Tx;
use crate::store::parcels::{self, ParcelRow};

/// A parcel whose label the viewer may see.
pub fn labelled(tx: &mut Tx<'_>, viewer: &Viewer, id: i64) -> Result<Option<ParcelRow>> {
    let Some(parcel) = parcels::get(tx, id)?.filter(|parcel| parcel.centre_id == viewer.centre_id) else {
        return Ok(None);
    };
    let Some(own) = viewer.scope() else { return Ok(Some(parcel)) };
    if parcel.courier_id == own {
        return Ok(Some(parcel));
    }
    let maker = parcels::despatch(tx, parcel.despatch_id)?.map(|despatch| despatch.producer_id);
    Ok((maker == Some(own)).then_some(parcel))
}
