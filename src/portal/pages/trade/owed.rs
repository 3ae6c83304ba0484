//! Where a trade stands, and what is owed next and by whom: computed from its lines, parcels and shares as far as the
//! viewer may know them.

use rust_decimal::Decimal;

use super::part;
use super::story::parcel_numbers;
use crate::document::reading::figures::{capital, figure, money};
use crate::model::parcel_status::ParcelStatus;
use crate::portal::chip::{Chip, Tone};
use crate::portal::frame::Frame;
use crate::portal::language::fill;
use crate::portal::names::delivery_path;
use crate::portal::session::Seat;
use crate::store::view::{LineView, ParcelView, TradeView, What};

/// One step of the way of a trade.
pub(super) struct Step {
    pub(super) name: &'static str,
    /// `done`, `now`, `bad` or empty.
    pub(super) class: &'static str,
    pub(super) text: String,
}

/// Something that somebody owes.
pub(super) struct Owed {
    pub(super) who: Chip,
    pub(super) name: String,
    pub(super) text: String,
    pub(super) small: String,
    pub(super) href: String,
}

pub(super) fn number(text: &str) -> Decimal {
    text.parse().unwrap_or_default()
}

fn status(parcel: &ParcelView) -> ParcelStatus {
    ParcelStatus::from_word(&parcel.state).unwrap_or(ParcelStatus::Unknown)
}

/// The five steps, with how far each is.
pub(super) fn steps(f: &Frame, trade: &TradeView) -> Vec<Step> {
    let w = f.w;
    let lines = &trade.lines;
    let latest = |kinds: &[&str]| {
        let found = trade.timeline.iter().rev().find(|entry| match &entry.what {
            What::Milestone(milestone) => kinds.contains(&milestone.kind.as_str()),
            _ => false,
        });
        found.map_or(String::new(), |entry| f.moment(entry.at_ms).short)
    };
    let rank = ["ordered", "confirmed", "despatched", "delivered", "settled"];
    let reached = rank.iter().position(|state| *state == trade.row.state).unwrap_or(0);
    let answered = lines.iter().filter(|line| line.state != "ordered").count();
    let refused =
        !lines.is_empty() && lines.iter().all(|line| line.state == "rejected") || trade.row.state == "rejected";
    let promised: Vec<&LineView> = lines.iter().filter(|line| number(&line.confirmed) > Decimal::ZERO).collect();
    let sent = promised.iter().filter(|line| number(&line.despatched) >= number(&line.confirmed)).count();
    let there = trade.parcels.iter().filter(|parcel| status(parcel) == ParcelStatus::Delivered).count();
    let of = |sentence: &str, one: usize, all: usize| match one {
        0 => String::new(),
        _ => fill(sentence, &[&one.to_string(), &all.to_string()]),
    };
    // Without lines (a courier) the state of the trade is all there is to go by.
    let by_state = |step: usize| (reached >= step, String::new());
    let confirmed = match lines.len() {
        0 => by_state(1),
        all => (answered == all, of(w.lines_of, answered, all)),
    };
    let despatched = match (lines.len(), promised.len()) {
        (0, _) => by_state(2),
        (_, 0) => (false, String::new()),
        (_, all) => (sent == all && confirmed.0, of(w.lines_of, sent, all)),
    };
    let delivered = match trade.parcels.len() {
        0 => by_state(3),
        all => (there == all && despatched.0, of(w.parcels_of, there, all)),
    };
    let settled = match trade.statement_lines.len() {
        0 => by_state(4),
        all => {
            let done = trade.statement_lines.iter().filter(|line| line.statement_id.is_some()).count();
            let text = if done == all { w.settled_what_arrived.to_owned() } else { of(w.n_of_n, done, all) };
            (done == all && delivered.0, text)
        }
    };
    let all = [
        (w.step_ordered, (true, String::new()), f.moment(trade.row.created_ms).short),
        (w.step_confirmed, confirmed, latest(&["confirmed"])),
        (w.step_despatched, despatched, latest(&["despatched"])),
        (w.step_delivered, delivered, latest(&["delivered"])),
        (w.step_settled, settled, latest(&["settled"])),
    ];
    let mut open = true;
    let step = |(index, (name, (done, count), at)): (usize, (&'static str, (bool, String), String))| {
        let now = open && !done;
        open &= done;
        let class = match (done, now) {
            _ if refused && index == 1 => "bad",
            (true, _) => "done",
            (_, true) if !refused => "now",
            _ => "",
        };
        Step { name, class, text: if done || count.is_empty() { at } else { count } }
    };
    all.into_iter().enumerate().map(step).collect()
}

/// What is owed next, the most pressing first.
pub(super) fn owed(seat: &Seat, trade: &TradeView) -> Vec<Owed> {
    let w = seat.w;
    let mut list = Vec::new();
    let mine = |word: &str, id: Option<i64>| {
        id == Some(seat.viewer.organisation_id) || (word == "centre" && seat.viewer.sees_the_centre())
    };
    let mut add = |word: &str, id: Option<i64>, late: bool, text: String, small: String, href: String| {
        let tone = match (late, mine(word, id)) {
            (true, _) => Tone::Bad,
            (false, true) => Tone::Waiting,
            (false, false) => Tone::Plain,
        };
        let name = id.map_or(String::new(), |id| seat.organisation(id).text);
        list.push(Owed { who: Chip::new(part(w, word), tone), name, text: capital(&text), small, href });
    };
    let dead = trade.timeline.iter().filter_map(|entry| match &entry.what {
        What::Delivery(delivery) if delivery.state == "dead" => Some(delivery),
        _ => None,
    });
    if seat.viewer.sees_the_centre() {
        for delivery in dead {
            let name = seat.document_name(&delivery.document_type, &delivery.number);
            let text = fill(w.owed_resend, &[&name]);
            add("centre", None, true, text, delivery.reason.clone(), delivery_path(delivery.id));
        }
    }
    let mut makers: Vec<Option<i64>> = Vec::new();
    for line in &trade.lines {
        if !makers.contains(&line.producer_id) {
            makers.push(line.producer_id);
        }
    }
    let today = seat.portal.hub.today();
    for maker in makers {
        let theirs = || trade.lines.iter().filter(move |line| line.producer_id == maker);
        let unanswered = theirs().filter(|line| line.state == "ordered").count();
        if unanswered > 0 {
            let text = fill(w.owed_response, &[&unanswered.to_string()]);
            add("producer", maker, false, text, String::new(), String::new());
        }
        for line in theirs().filter(|line| line.state != "rejected") {
            let open = number(&line.confirmed) - number(&line.despatched);
            if open > Decimal::ZERO {
                let quantity = format!("{} {}", figure(&open.to_string()), line.unit);
                let late = !line.promised_date.is_empty() && line.promised_date < today;
                let until =
                    if line.promised_date.is_empty() { String::new() } else { fill(w.until, &[&line.promised_date]) };
                add("producer", maker, late, fill(w.owed_despatch, &[&line.name, &quantity]), until, String::new());
            }
        }
    }
    for (parcel, number) in trade.parcels.iter().zip(parcel_numbers(trade)) {
        use ParcelStatus::*;
        let status = status(parcel);
        let name = fill(w.parcel_n, &[&number]);
        let stuck = parcel.booking.as_ref();
        if let Some(booking) = stuck.filter(|booking| !matches!(booking.state.as_str(), "open" | "booked")) {
            let href = if seat.viewer.sees_the_centre() { "/bookings" } else { "" };
            add("centre", None, true, fill(w.owed_booking, &[&name]), booking.cause.clone(), href.to_owned());
        }
        let waybill = (!parcel.tracking_id.is_empty()).then(|| fill(w.waybill_n, &[&parcel.tracking_id]));
        match status {
            Delivered | Returned => {}
            AttemptFailed | WrongDelivery | Lost | Returning => {
                let text = format!("{name}: {}", status.title(seat.viewer.language));
                add("centre", None, true, text, waybill.unwrap_or_default(), String::new());
            }
            Registered | PickedUp | InTransit | OutForDelivery | Unknown => {
                let text = fill(w.owed_delivery, &[&name]);
                let small = [Some(status.title(seat.viewer.language).to_owned()), waybill];
                let small: Vec<String> = small.into_iter().flatten().collect();
                add("courier", parcel.courier_id, false, text, small.join(" · "), String::new());
            }
        }
    }
    for line in trade.statement_lines.iter().filter(|line| line.statement_id.is_none()) {
        let amount = format!("{} {}", money(line.seller_minor, &line.currency), line.currency);
        add("centre", None, false, fill(w.owed_settlement, &[&amount]), w.at_closing.to_owned(), String::new());
    }
    list
}
