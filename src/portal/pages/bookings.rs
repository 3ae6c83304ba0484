//! Bookings and questions to couriers that wait for a person: what was refused, given up, or sent without anybody knowing what
//! came of it; and asking again.

use askama::Template;
use axum::extract::{Path, Query};

use super::Said;
use crate::model::id::{AccountId, AskId, BookingId, TradeId};
use crate::portal::chip::{Chip, Tone};
use crate::portal::form::Posted;
use crate::portal::frame::{Answer, Failure, Frame, page, redirect};
use crate::portal::language::{Words, fill};
use crate::portal::session::Seat;
use crate::portal::show::{Link, Moment};
use crate::store::{bookings, courier_asks, parcels, trades};

/// Rows shown of each.
const MOST: i64 = 200;

struct Row {
    /// Where the form goes.
    again: String,
    what: String,
    trade: Link,
    courier: Link,
    producer: Link,
    state: Chip,
    cause: String,
    at: Moment,
}

#[derive(Template)]
#[template(path = "bookings.html")]
struct List {
    f: Frame,
    sections: Vec<Section>,
}

struct Section {
    title: &'static str,
    button: &'static str,
    none: &'static str,
    rows: Vec<Row>,
}

/// A booking's state, in words.
pub(in crate::portal) fn state(w: &'static Words, state: &str) -> Chip {
    match state {
        "open" => Chip::new(w.booking_open, Tone::Waiting),
        "booked" => Chip::new(w.booking_booked, Tone::Good),
        "refused" => Chip::new(w.booking_refused, Tone::Bad),
        "unsure" => Chip::new(w.booking_unsure, Tone::Bad),
        _ => Chip::new(w.booking_given_up, Tone::Bad),
    }
}

/// Shows the list.
pub(in crate::portal) async fn list(seat: Seat, Query(said): Query<Said>) -> Answer {
    let mut f = seat.frame(seat.title("/bookings")).await?;
    f.said = said.sentence(seat.w);
    let centre_id = seat.viewer.centre_id;
    let found = seat.portal.hub.store.read(move |tx| {
        let mut rows = Vec::new();
        for booking in bookings::wrong(tx, centre_id, MOST)? {
            let Some(despatch) = parcels::despatch(tx, booking.despatch_id)? else { continue };
            let parcel = if booking.parcel_id == 0 { None } else { parcels::get(tx, booking.parcel_id)? };
            let trade = trades::get(tx, despatch.trade_id)?;
            rows.push((booking, despatch, parcel.map(|parcel| parcel.position), trade));
        }
        Ok((rows, courier_asks::given_up(tx, centre_id, MOST)?))
    });
    let (rows, asks) = found.await?;
    let w = seat.w;
    let bookings = rows.into_iter().map(|(booking, despatch, position, trade)| {
        let parcel = position.map(|position| fill(w.parcel_n, &[&position.to_string()]));
        let parcel = parcel.map_or(String::new(), |parcel| format!(" · {parcel}"));
        Row {
            again: format!("/bookings/{}/again", BookingId(booking.id)),
            what: format!("{}{parcel}", despatch.number),
            trade: trade
                .map_or_else(Link::default, |trade| Link::to(format!("/trades/{}", TradeId(trade.id)), trade.number)),
            courier: seat.organisation(booking.courier_id),
            producer: seat.organisation(despatch.producer_id),
            state: state(w, &booking.state),
            cause: booking.outcome,
            at: f.moment(booking.changed_ms),
        }
    });
    let bookings =
        Section { title: w.bookings_waiting, button: w.book_again, none: w.no_bookings, rows: bookings.collect() };
    let asks = asks.into_iter().map(|ask| Row {
        again: format!("/bookings/{}/ask", AskId(ask.id)),
        what: fill(w.waybill_n, &[&ask.tracking_id]),
        trade: Link::default(),
        courier: seat.organisation(ask.courier_id),
        producer: Link::default(),
        state: Chip::new(w.booking_given_up, Tone::Bad),
        cause: ask.outcome,
        at: f.moment(ask.asked_ms.unwrap_or_default()),
    });
    let asks = Section { title: w.asks_waiting, button: w.ask_again, none: w.no_asks, rows: asks.collect() };
    page(&List { sections: vec![bookings, asks], f })
}

/// Books again.
pub(in crate::portal) async fn again(seat: Seat, Path(id): Path<String>, _posted: Posted) -> Answer {
    let id = id.parse::<BookingId>().map_err(|()| Failure::NotFound)?.0;
    let actor = AccountId(seat.account.id).to_string();
    let begun = seat.portal.hub.book_again(id, seat.viewer.centre_id, &actor).await?;
    if begun { Ok(redirect("/bookings?said=booked-again")) } else { Err(Failure::NotFound) }
}

/// Asks again.
pub(in crate::portal) async fn ask(seat: Seat, Path(id): Path<String>, _posted: Posted) -> Answer {
    let id = id.parse::<AskId>().map_err(|()| Failure::NotFound)?.0;
    let begun = seat.portal.hub.ask_again(id, seat.viewer.centre_id).await?;
    if begun { Ok(redirect("/bookings?said=asked-again")) } else { Err(Failure::NotFound) }
}
