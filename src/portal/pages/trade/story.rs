//! The line of time: documents with what they caused, couriers' events and money, one entry each, newest first. A
//! milestone stands only where its document is not the viewer's to see.

use std::collections::HashSet;

use serde_json::Value;

use super::part;
use crate::model::disposition::{Disposition, Transport};
use crate::model::id::DocumentId;
use crate::model::parcel_status::ParcelStatus;
use crate::portal::chip::Chip;
use crate::portal::fields::{label, value as word};
use crate::portal::findings::{self, FindingView};
use crate::portal::frame::Frame;
use crate::portal::language::fill;
use crate::portal::names::{delivery_path, document_path};
use crate::portal::session::Seat;
use crate::portal::show::{Link, Moment, amount, figure, message};
use crate::store::deliveries::Delivery;
use crate::store::view::{DocumentKey, DocumentRow, DocumentView, MilestoneView, ParcelView, TradeView, What};

/// Where something went, or how it came.
pub(super) struct Way {
    pub(super) arrow: &'static str,
    pub(super) who: Link,
    pub(super) how: Link,
    pub(super) note: String,
    pub(super) tone: &'static str,
}

/// Something that happened.
pub(super) struct Event {
    pub(super) at: Moment,
    pub(super) tone: &'static str,
    pub(super) title: Link,
    pub(super) tag: String,
    pub(super) state: Option<Chip>,
    pub(super) text: String,
    pub(super) ways: Vec<Way>,
    pub(super) findings: Vec<FindingView>,
}

/// All of it, newest first.
pub(super) fn story(seat: &Seat, f: &Frame, trade: &TradeView, contents: &[DocumentView]) -> Vec<Event> {
    let shown: HashSet<i64> = trade
        .timeline
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Document(row) => Some(row.key.number()),
            _ => None,
        })
        .collect();
    let reported: HashSet<i64> =
        trade.parcels.iter().flat_map(|parcel| &parcel.events).map(|event| event.document_id).collect();
    let sent: Vec<&Delivery> = trade
        .timeline
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Delivery(delivery) => Some(delivery.as_ref()),
            _ => None,
        })
        .collect();
    let has_events = trade.parcels.iter().any(|parcel| !parcel.events.is_empty());
    let was_ordered = sent.iter().any(|delivery| delivery.document_type == "Order");
    let mut timed: Vec<(i64, Event)> = Vec::new();
    for entry in &trade.timeline {
        let event = match &entry.what {
            What::Document(row) if reported.contains(&row.key.number()) => None,
            What::Document(row) => {
                let view = contents.iter().find(|view| view.row.key == row.key);
                Some(document(seat, f, row, view, &sent))
            }
            What::Delivery(delivery) if delivery.document_id.is_some_and(|id| shown.contains(&id)) => None,
            What::Delivery(delivery) if delivery.document_id.is_some_and(|id| reported.contains(&id)) => None,
            What::Delivery(delivery) => Some(delivered(seat, f, delivery)),
            What::Milestone(milestone) => {
                let told = milestone.document_id.is_some_and(|id| shown.contains(&id));
                let forwarded = milestone.kind == "forwarded" && was_ordered;
                let parcel = ParcelStatus::from_word(&milestone.kind).is_some() && has_events;
                (!told && !forwarded && !parcel).then(|| happened(seat, f, entry.at_ms, milestone))
            }
        };
        timed.extend(event.map(|event| (entry.at_ms, event)));
    }
    let several = trade.parcels.len();
    for parcel in &trade.parcels {
        for event in &parcel.events {
            let status = ParcelStatus::from_word(&event.status).unwrap_or(ParcelStatus::Unknown);
            timed.push((event.at_ms, on_the_way(seat, f, parcel, several, event, status)));
        }
    }
    // Stable: what happened at one moment stays in its order, seen from the end.
    timed.sort_by_key(|(at_ms, _)| *at_ms);
    timed.into_iter().rev().map(|(_, event)| event).collect()
}

fn tone_of(disposition: &str) -> &'static str {
    match Disposition::from_word(disposition) {
        Some(Disposition::Accepted) => "ok",
        Some(Disposition::Rejected) => "bad",
        Some(Disposition::Duplicate) | None => "plain",
        Some(_) => "wait",
    }
}

fn document(seat: &Seat, f: &Frame, row: &DocumentRow, view: Option<&DocumentView>, sent: &[&Delivery]) -> Event {
    let language = seat.viewer.language;
    let id = row.key.number();
    let mut ways = Vec::new();
    if let Some(issuer) = row.issuer_id {
        ways.push(Way {
            arrow: "",
            who: seat.organisation(issuer),
            how: Link::plain(message(&row.message_type)),
            note: String::new(),
            tone: "",
        });
    }
    ways.extend(sent.iter().filter(|delivery| delivery.document_id == Some(id)).map(|delivery| way(seat, delivery)));
    let disposition = Disposition::from_word(&row.disposition).unwrap_or(Disposition::Held);
    let failed = ways.iter().any(|way| way.tone == "bad");
    let content = view.map_or("", |view| view.content.as_str());
    Event {
        at: f.moment(row.at_ms),
        tone: if failed { "bad" } else { tone_of(&row.disposition) },
        title: Link::to(document_path(row.key), seat.document_name(&row.document_type, "")),
        tag: row.number.clone(),
        state: (disposition != Disposition::Accepted).then(|| Chip::disposition(disposition, language)),
        text: summary(seat, &row.document_type, content),
        ways,
        findings: view.map_or(Vec::new(), |view| findings::shown(&findings::stored(&view.findings), seat.w, language)),
    }
}

fn way(seat: &Seat, delivery: &Delivery) -> Way {
    let (w, language) = (seat.w, seat.viewer.language);
    let state = Chip::delivery(&delivery.state, language);
    let note = match (delivery.acknowledged.as_str(), delivery.reason.as_str()) {
        ("", "") => state.text.clone(),
        ("", reason) => format!("{} · {reason}", state.text),
        (word, _) => crate::portal::pages::acknowledged(w, word).to_owned(),
    };
    let how = match delivery.kind.as_str() {
        "notice" => format!("{} {}", w.notice, Transport::Mail.title(language)),
        _ => message(&delivery.message_type),
    };
    let tone = match (delivery.state.as_str(), delivery.acknowledged.as_str()) {
        ("dead", _) | (_, "rejected") => "bad",
        ("delivered", _) => "",
        _ => "wait",
    };
    Way {
        arrow: "→",
        who: seat.organisation(delivery.organisation_id),
        how: Link::to(delivery_path(delivery.id), how),
        note,
        tone,
    }
}

/// What the viewer was sent, where the document behind it is not its own to see.
fn delivered(seat: &Seat, f: &Frame, delivery: &Delivery) -> Event {
    Event {
        at: f.moment(delivery.created_ms),
        tone: match delivery.state.as_str() {
            "delivered" => "ok",
            "dead" => "bad",
            _ => "wait",
        },
        title: Link::to(
            document_path(DocumentKey::Delivery(delivery.id)),
            seat.document_name(&delivery.document_type, ""),
        ),
        tag: delivery.number.clone(),
        state: None,
        text: summary(seat, &delivery.document_type, &delivery.content),
        ways: vec![way(seat, delivery)],
        findings: Vec::new(),
    }
}

fn happened(seat: &Seat, f: &Frame, at_ms: i64, milestone: &MilestoneView) -> Event {
    let (w, language) = (seat.w, seat.viewer.language);
    let title = match milestone.kind.as_str() {
        "ordered" => w.step_ordered.to_owned(),
        "forwarded" => w.forwarded.to_owned(),
        "confirmed" => w.step_confirmed.to_owned(),
        "despatched" => w.step_despatched.to_owned(),
        "settled" => w.step_settled.to_owned(),
        word => ParcelStatus::from_word(word)
            .map_or_else(|| label(word, language).into_owned(), |status| status.title(language).to_owned()),
    };
    let href = milestone.document_id.map(|id| format!("/documents/{}", DocumentId(id)));
    let who = milestone.organisation_id.map_or(Link::plain(part(w, &milestone.part)), |id| seat.organisation(id));
    Event {
        at: f.moment(at_ms),
        tone: "ok",
        title: Link { href: href.unwrap_or_default(), text: title },
        tag: String::new(),
        state: None,
        text: String::new(),
        ways: vec![Way { arrow: "", who, how: Link::default(), note: String::new(), tone: "" }],
        findings: Vec::new(),
    }
}

fn on_the_way(
    seat: &Seat,
    f: &Frame,
    parcel: &ParcelView,
    several: usize,
    event: &crate::store::parcels::EventRow,
    status: ParcelStatus,
) -> Event {
    let language = seat.viewer.language;
    let chip = Chip::parcel(status, language);
    let href =
        if event.document_id == 0 { String::new() } else { format!("/documents/{}", DocumentId(event.document_id)) };
    let name = fill(seat.w.parcel_n, &[&format!("{}/{several}", parcel.position)]);
    let by = (!event.received_by.is_empty()).then(|| fill(seat.w.received_by, &[&event.received_by]));
    let parts = [Some(event.location.clone()), by, Some(event.note.clone())];
    let text: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    Event {
        at: f.moment(event.at_ms),
        tone: chip.tone,
        title: Link { href, text: chip.text },
        tag: name,
        state: None,
        text: text.join(" · "),
        ways: vec![Way {
            arrow: "",
            who: parcel.courier_id.map_or(Link::plain(seat.w.part_courier), |id| seat.organisation(id)),
            how: Link::plain(fill(seat.w.waybill_n, &[&parcel.tracking_id])),
            note: String::new(),
            tone: "",
        }],
        findings: Vec::new(),
    }
}

/// What a document says, in a sentence.
fn summary(seat: &Seat, document_type: &str, content: &str) -> String {
    let (w, language) = (seat.w, seat.viewer.language);
    let Ok(document) = serde_json::from_str::<Value>(content) else { return String::new() };
    let lines = document.get("lines").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or("").to_owned();
    let quantity = |line: &Value, field: &str| {
        let value = text(line, &format!("/{field}/value"));
        format!("{} {}", figure(&value), text(line, &format!("/{field}/unit"))).trim().to_owned()
    };
    let count = |n: usize| fill(w.lines_n, &[&n.to_string()]);
    match document_type {
        "Order" => {
            let mut parts = vec![count(lines.len())];
            let total = text(&document, "/anticipated_monetary_total/payable_amount/value");
            let currency = text(&document, "/document_currency_code");
            let stated = total.parse().ok();
            let total = stated.or_else(|| sum_of(lines));
            parts.extend(total.map(|total| fill(w.total_n, &[&format!("{} {currency}", amount(total, &currency))])));
            let wish = text(&document, "/deliveries/0/requested_period/end_date");
            if !wish.is_empty() {
                parts.push(fill(w.wished_for, &[&wish]));
            }
            parts.join(" · ")
        }
        "OrderResponse" => {
            let said = lines.iter().take(6).map(|line| {
                let status = text(line, "/status");
                let date = text(line, "/deliveries/0/promised_period/end_date");
                let mut parts = vec![
                    fill(w.line_n, &[&text(line, "/order_line_id")]),
                    word("status", &status, language).into_owned(),
                    quantity(line, "quantity"),
                    date,
                ];
                parts.retain(|part| !part.is_empty());
                parts.join(" ")
            });
            let said: Vec<String> = said.collect();
            let code = text(&document, "/response_code");
            if said.is_empty() { word("response_code", &code, language).into_owned() } else { said.join(" · ") }
        }
        "DespatchAdvice" => {
            let packages = document.pointer("/shipment/packages").and_then(Value::as_array).map_or(0, Vec::len);
            let mut parts = vec![count(lines.len())];
            if packages > 0 {
                parts.push(fill(w.parcels_n, &[&packages.to_string()]));
            }
            parts.join(" · ")
        }
        "ApplicationResponse" => {
            word("response_code", &text(&document, "/responses/0/response_code"), language).into_owned()
        }
        _ => String::new(),
    }
}

/// The sum of the lines of an order; none if one of them has no price.
fn sum_of(lines: &[Value]) -> Option<rust_decimal::Decimal> {
    let number = |value: Option<&Value>| value.and_then(Value::as_str)?.parse::<rust_decimal::Decimal>().ok();
    lines.iter().try_fold(rust_decimal::Decimal::ZERO, |sum, line| {
        let amount = match number(line.pointer("/line_extension_amount/value")) {
            Some(amount) => amount,
            None => {
                let base = number(line.pointer("/price/base_quantity/value")).unwrap_or(rust_decimal::Decimal::ONE);
                let quantity = number(line.pointer("/quantity/value"))?;
                quantity.checked_mul(number(line.pointer("/price/amount/value"))?)?.checked_div(base)?
            }
        };
        sum.checked_add(amount)
    })
}
