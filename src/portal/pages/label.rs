//! The label of a parcel, 100 by 150 mm: who sends it to whom, what sorting reads, waybill number and SSCC as Code 128.

use askama::Template;
use axum::extract::Path;

use crate::document::consignment::{Consignment, Piece, Side};
use crate::document::reading::figures::figure;
use crate::document::transportation_status::TransportationStatus;
use crate::format::code128::Bars;
use crate::model::id::ParcelId;
use crate::portal::frame::{Answer, Failure, Frame, page};
use crate::portal::language::fill;
use crate::portal::session::Seat;
use crate::store::{documents, parcels, trades, view};

/// Height of the bars, modules.
const HEIGHT: u32 = 60;

/// A number as bars.
struct Code {
    label: &'static str,
    number: String,
    /// Width of the picture, modules; no bars where it is 0.
    width: u32,
    path: String,
}

#[derive(Template)]
#[template(path = "label.html")]
struct Label {
    f: Frame,
    courier: String,
    routing: String,
    courier_label: String,
    number: String,
    sender: Side,
    receiver: Side,
    goods: String,
    facts: Vec<(&'static str, String)>,
    codes: Vec<Code>,
    back: String,
    height: u32,
}

fn code(label: &'static str, number: &str, bars: Option<Bars>) -> Option<Code> {
    (!number.is_empty()).then(|| Code {
        label,
        number: number.to_owned(),
        width: bars.as_ref().map_or(0, Bars::width),
        path: bars.map_or(String::new(), |bars| bars.path(HEIGHT)),
    })
}

/// Shows the label.
pub(in crate::portal) async fn show(seat: Seat, Path(id): Path<String>) -> Answer {
    let id = id.parse::<ParcelId>().map_err(|()| Failure::NotFound)?.0;
    let (viewer, directory) = (seat.viewer.clone(), seat.portal.hub.directory());
    let known = std::sync::Arc::clone(&directory);
    let found = seat.portal.hub.store.read(move |tx| {
        let Some(parcel) = view::labelled(tx, &viewer, id)? else { return Ok(None) };
        let Some(consignment) = Consignment::load(tx, &known, parcel.despatch_id)? else { return Ok(None) };
        let mut told = TransportationStatus::default();
        for event in parcels::events(tx, parcel.id)?.into_iter().filter(|event| event.status == "registered") {
            let document = documents::get(tx, event.document_id)?;
            told = document.and_then(|document| serde_json::from_str(&document.content).ok()).unwrap_or(told);
        }
        let trade = trades::get(tx, parcel.trade_id)?;
        Ok(Some((parcel, consignment, told, trade)))
    });
    let (parcel, consignment, told, trade) = found.await?.ok_or(Failure::NotFound)?;
    let w = seat.w;
    let reference = ParcelId(parcel.id).to_string();
    let booked = told.events.into_iter().find(|event| event.reference == reference).unwrap_or_default();
    let count = consignment.parcels.len();
    let piece = consignment.parcels.iter().find(|piece| piece.id == parcel.id).cloned().unwrap_or_default();
    let number = if count > 1 { format!("{}/{count}", parcel.position) } else { parcel.position.to_string() };
    let mut facts = vec![(w.key_despatch, consignment.number.clone()), (w.key_order, consignment.order.clone())];
    facts.push((w.day, consignment.date.clone()));
    facts.extend(piece.weight_kg.map(|kg| (w.weight, format!("{} kg", figure(&kg.to_string())))));
    let cash = consignment.cash_on_delivery.as_ref().filter(|_| parcel.position == 1);
    facts.extend(
        cash.map(|cash| (w.cash_on_delivery, format!("{} {}", figure(&cash.value.to_string()), cash.currency))),
    );
    facts.retain(|(_, text)| !text.is_empty());
    let codes = [
        code(w.key_waybill, &parcel.tracking_id, Bars::of(&parcel.tracking_id)),
        code(w.key_sscc, &parcel.sscc, Bars::of_sscc(&parcel.sscc).or_else(|| Bars::of(&parcel.sscc))),
    ];
    let courier = directory.organisation(parcel.courier_id).map_or(String::new(), |courier| courier.name.clone());
    let back = trade.map_or(String::new(), |trade| format!("/trades/{}", crate::model::id::TradeId(trade.id)));
    let f = seat.frame(format!("{} {}", w.label, fill(w.parcel_n, &[&number]))).await?;
    page(&Label {
        courier,
        routing: booked.routing,
        courier_label: booked.label,
        number,
        goods: goods(&seat, &piece),
        sender: consignment.sender,
        receiver: consignment.receiver,
        facts,
        codes: codes.into_iter().flatten().collect(),
        back,
        height: HEIGHT,
        f,
    })
}

fn goods(seat: &Seat, piece: &Piece) -> String {
    let first = match piece.goods.more {
        0 => piece.goods.first.clone(),
        more => format!("{} {}", piece.goods.first, fill(seat.w.and_n_items, &[&more.to_string()])),
    };
    let quantity = figure(&piece.goods.quantity.to_string());
    format!("{first} · {quantity} {}", piece.goods.unit).trim().to_owned()
}
