//! A courier's answer to a booking: it has the parcel, under this waybill number, or it does not take it.

use super::{ParcelEvent, TransportationStatus};
use crate::document::despatch_advice::{DespatchAdvice, Shipment};
use crate::document::effect::Cx;
use crate::error::{Error, Result};
use crate::model::document_type::DocumentType;
use crate::model::finding::Code;
use crate::model::id::ParcelId;
use crate::store::parcels::{self, DespatchRow, ParcelRow};
use crate::store::{deliveries, orders};

/// The word of a parcel that the courier does not take.
pub const REFUSED: &str = "refused";

/// The parcel by our name for it, if it is this courier's.
fn named(event: &ParcelEvent, cx: &mut Cx<'_, '_>) -> Result<Option<ParcelRow>> {
    let Ok(id) = event.reference.parse::<ParcelId>() else { return Ok(None) };
    let courier_id = cx.header.issuer_id;
    let found = parcels::get(cx.tx, id.0)?;
    Ok(found.filter(|parcel| parcel.courier_id == courier_id && cx.is_own(parcel.centre_id)))
}

/// What is wrong with the answer, before it has any effect.
pub(super) fn check(event: &ParcelEvent, index: usize, cx: &mut Cx<'_, '_>) -> Result<()> {
    let path = |field: &str| format!("events[{}].{field}", index + 1);
    let Some(parcel) = named(event, cx)? else {
        cx.error(Code::UnknownParcel, path("reference"), &event.reference, "");
        return Ok(());
    };
    if event.status == REFUSED {
        return Ok(());
    }
    if event.tracking_id.is_empty() {
        cx.error(Code::Missing, path("tracking_id"), "", "tracking_id");
    } else if !parcel.tracking_id.is_empty() && parcel.tracking_id != event.tracking_id {
        // Booked twice: a person has to cancel one of them.
        cx.error(Code::BadValue, path("tracking_id"), &event.tracking_id, &parcel.tracking_id);
    }
    Ok(())
}

impl TransportationStatus {
    /// Takes the answer to a booking: the waybill number becomes a key of the trade, so that what the courier reports of it
    /// finds the parcel. Whether there is an event to be taken.
    pub(super) fn answer_to_booking(&self, event: &ParcelEvent, path: &str, cx: &mut Cx<'_, '_>) -> Result<bool> {
        let Some(parcel) = named(event, cx)? else { return Ok(false) };
        let Some(despatch) = parcels::despatch(cx.tx, parcel.despatch_id)? else { return Ok(false) };
        cx.trade_id = Some(parcel.trade_id);
        if event.status == REFUSED {
            let courier = cx.directory.organisation(parcel.courier_id).map_or("", |courier| courier.name.as_str());
            cx.warning(Code::CourierRefused, path, event.notes.join(" "), courier);
            cx.deliver(despatch.producer_id, DocumentType::TransportationStatus, &self.id, &self.only(event.clone()))?;
            return Ok(false);
        }
        let buyer_id = orders::get(cx.tx, despatch.order_id)?.map_or(0, |order| order.buyer_id);
        if parcel.tracking_id.is_empty() {
            parcels::set_tracking(cx.tx, parcel.id, &event.tracking_id, cx.now_ms)?;
            cx.key("waybill", &event.tracking_id, &[despatch.producer_id, buyer_id, parcel.courier_id])?;
            cx.wake("waybill", event.tracking_id.clone());
            self.tell_buyer(event, &despatch, &parcel, buyer_id, cx)?;
            let view = self.only(event.clone());
            cx.deliver(despatch.producer_id, DocumentType::TransportationStatus, &self.id, &view)?;
        }
        Ok(true)
    }

    fn only(&self, event: ParcelEvent) -> TransportationStatus {
        TransportationStatus { events: vec![event], unmapped: Vec::new(), ..self.clone() }
    }

    /// The buyer's shipping notice gets the number; with the last one it goes out. What the courier charges, and what its
    /// label says, is not the buyer's.
    fn tell_buyer(
        &self,
        event: &ParcelEvent,
        despatch: &DespatchRow,
        parcel: &ParcelRow,
        buyer_id: i64,
        cx: &mut Cx<'_, '_>,
    ) -> Result<()> {
        let own = ParcelEvent { price: None, routing: String::new(), label: String::new(), ..event.clone() };
        cx.deliver(buyer_id, DocumentType::TransportationStatus, &self.id, &self.only(own))?;
        let Some(delivery) = deliveries::carrying(cx.tx, buyer_id, despatch.document_id)? else { return Ok(()) };
        let unreadable = || Error::store("a stored shipping notice cannot be read");
        let mut notice: DespatchAdvice =
            serde_json::from_str(&delivery.content).map_err(|error| unreadable().caused_by(error))?;
        let shipment = notice.shipment.get_or_insert_with(Shipment::default);
        let place = usize::try_from(parcel.position - 1).ok();
        match place.and_then(|place| shipment.packages.get_mut(place)) {
            Some(package) => package.tracking_id.clone_from(&event.tracking_id),
            None => shipment.tracking_id.clone_from(&event.tracking_id),
        }
        let content = serde_json::to_string(&notice)
            .map_err(|error| Error::bug("writing a shipping notice as JSON").caused_by(error))?;
        deliveries::rewrite(cx.tx, delivery.id, &content)?;
        if parcels::of_despatch(cx.tx, despatch.id)?.iter().all(|parcel| !parcel.tracking_id.is_empty()) {
            deliveries::hold(cx.tx, buyer_id, despatch.document_id, cx.now_ms)?;
            cx.deliveries += 1;
        }
        Ok(())
    }
}
