//! The line of time: documents with what they caused, couriers' events and money, one entry each, newest first. A
//! milestone stands only where nothing else of the line says it, and an acknowledgement stands with what it acknowledges.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::part;
use crate::document::reading::figures::{amount, capital, figure};
use crate::document::reading::words::value as word;
use crate::model::disposition::{Disposition, Transport};
use crate::model::id::DocumentId;
use crate::model::parcel_status::ParcelStatus;
use crate::portal::chip::Chip;
use crate::portal::findings::{self, FindingView};
use crate::portal::frame::Frame;
use crate::portal::language::fill;
use crate::portal::names::{delivery_path, document_path};
use crate::portal::session::Seat;
use crate::portal::show::{Link, Moment, message};
use crate::store::deliveries::Delivery;
use crate::store::view::{DocumentKey, DocumentRow, DocumentView, MilestoneView, ParcelView, TradeView, What};

/// Where something went, or how it came.
pub(super) struct Way {
    pub(super) arrow: &'static str,
    pub(super) who: Link,
    pub(super) how: Link,
    pub(super) note: Link,
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
    let acknowledging = acknowledging(trade, contents);
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
    let parcels = parcel_numbers(trade);
    let mut timed: Vec<(i64, Event)> = Vec::new();
    for entry in &trade.timeline {
        let event = match &entry.what {
            What::Document(row) if reported.contains(&row.key.number()) => None,
            What::Document(row) if acknowledging.values().any(|other| *other == row.key) => None,
            What::Document(row) => {
                let view = contents.iter().find(|view| view.row.key == row.key);
                Some(document(seat, f, row, view, &sent, &acknowledging))
            }
            What::Delivery(delivery) if delivery.document_id.is_some_and(|id| shown.contains(&id)) => None,
            What::Delivery(delivery) if delivery.document_id.is_some_and(|id| reported.contains(&id)) => None,
            What::Delivery(delivery) => Some(delivered(seat, f, delivery, &acknowledging)),
            What::Milestone(milestone) => {
                // Those who see parcels see their events, those who see the order see where it went.
                let forwarded = milestone.kind == "forwarded" && was_ordered;
                let parcel = ParcelStatus::from_word(&milestone.kind).is_some() && has_events;
                (!milestone.told && !forwarded && !parcel).then(|| happened(seat, f, trade, entry.at_ms, milestone))
            }
        };
        timed.extend(event.map(|event| (entry.at_ms, event)));
    }
    for (parcel, number) in trade.parcels.iter().zip(&parcels) {
        for event in &parcel.events {
            let status = ParcelStatus::from_word(&event.status).unwrap_or(ParcelStatus::Unknown);
            timed.push((event.at_ms, on_the_way(seat, f, parcel, number, event, status)));
        }
    }
    // Stable: what happened at one moment stays in its order, seen from the end.
    timed.sort_by_key(|(at_ms, _)| *at_ms);
    timed.into_iter().rev().map(|(_, event)| event).collect()
}

/// What parcels are called in a trade: despatches count theirs from 1 each, so they are counted through.
pub(super) fn parcel_numbers(trade: &TradeView) -> Vec<String> {
    let all = trade.parcels.len();
    (1..=all).map(|number| if all > 1 { format!("{number}/{all}") } else { number.to_string() }).collect()
}

/// Acknowledgements that answer a delivery of this line of time, by that delivery.
fn acknowledging(trade: &TradeView, contents: &[DocumentView]) -> HashMap<i64, DocumentKey> {
    let mut found = HashMap::new();
    for view in contents.iter().filter(|view| view.row.document_type == "ApplicationResponse") {
        let Ok(answer) = serde_json::from_str::<Value>(&view.content) else { continue };
        let mut references: Vec<&str> = Vec::new();
        for response in answer.get("responses").and_then(Value::as_array).into_iter().flatten() {
            references.extend(response.get("reference_id").and_then(Value::as_str));
            let documents = response.get("documents").and_then(Value::as_array).into_iter().flatten();
            references.extend(documents.filter_map(|document| document.pointer("/id/value")?.as_str()));
        }
        for entry in &trade.timeline {
            let What::Delivery(delivery) = &entry.what else { continue };
            let named = !delivery.control_reference.is_empty()
                && references.contains(&delivery.control_reference.as_str())
                && view.row.issuer_id.is_none_or(|issuer| issuer == delivery.organisation_id);
            if named && !delivery.acknowledged.is_empty() {
                found.insert(delivery.id, view.row.key);
            }
        }
    }
    found
}

fn tone_of(disposition: &str) -> &'static str {
    match Disposition::from_word(disposition) {
        Some(Disposition::Accepted) => "ok",
        Some(Disposition::Rejected) => "bad",
        Some(Disposition::Duplicate) | None => "plain",
        Some(_) => "wait",
    }
}

fn document(
    seat: &Seat,
    f: &Frame,
    row: &DocumentRow,
    view: Option<&DocumentView>,
    sent: &[&Delivery],
    acknowledging: &HashMap<i64, DocumentKey>,
) -> Event {
    let language = seat.viewer.language;
    let id = row.key.number();
    let mut ways = Vec::new();
    if let Some(issuer) = row.issuer_id {
        ways.push(Way {
            arrow: "",
            who: seat.organisation(issuer),
            // What the hub makes itself has no form of its own.
            how: Link::plain(if issuer == seat.viewer.centre_id { String::new() } else { message(&row.message_type) }),
            note: Link::default(),
            tone: "",
        });
    }
    let caused = sent.iter().filter(|delivery| delivery.document_id == Some(id));
    ways.extend(caused.map(|delivery| way(seat, delivery, acknowledging)));
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
        findings: view.map_or(Vec::new(), |view| findings::shown(&findings::stored(&view.findings), language)),
    }
}

fn way(seat: &Seat, delivery: &Delivery, acknowledging: &HashMap<i64, DocumentKey>) -> Way {
    let (w, language) = (seat.w, seat.viewer.language);
    let state = Chip::delivery(&delivery.state, language);
    let note = match (delivery.acknowledged.as_str(), delivery.reason.as_str()) {
        ("", "") => Link::plain(state.text),
        ("", reason) => Link::plain(format!("{} · {reason}", state.text)),
        (word, _) => {
            let href = acknowledging.get(&delivery.id).map_or(String::new(), |key| document_path(*key));
            Link { href, text: crate::portal::pages::acknowledged(w, word).text }
        }
    };
    let how = match delivery.kind.as_str() {
        "notice" => format!("{} ({})", w.notice, Transport::Mail.title(language)),
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
fn delivered(seat: &Seat, f: &Frame, delivery: &Delivery, acknowledging: &HashMap<i64, DocumentKey>) -> Event {
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
        ways: vec![way(seat, delivery, acknowledging)],
        findings: Vec::new(),
    }
}

/// A milestone of a leg that is not the viewer's: what happened and by which part, no more.
fn happened(seat: &Seat, f: &Frame, trade: &TradeView, at_ms: i64, milestone: &MilestoneView) -> Event {
    let (w, language) = (seat.w, seat.viewer.language);
    let status = ParcelStatus::from_word(&milestone.kind);
    let title = match milestone.kind.as_str() {
        "ordered" => w.step_ordered.to_owned(),
        "forwarded" => w.forwarded.to_owned(),
        "confirmed" => w.step_confirmed.to_owned(),
        "despatched" => w.step_despatched.to_owned(),
        "settled" => w.step_settled.to_owned(),
        word => status.map_or_else(|| word.to_owned(), |status| capital(status.title(language))),
    };
    // What was counted: lines that were passed on or promised, parcels that were sent.
    let text = match (milestone.kind.as_str(), milestone.detail.as_str()) {
        (_, "") => String::new(),
        ("forwarded" | "confirmed", count) => fill(w.lines_n, &[count]),
        ("despatched", count) => fill(w.parcels_n, &[count]),
        _ => String::new(),
    };
    // The seller's parcels have their places only: of several despatches the number says too little.
    let several = trade.parcels.iter().filter(|parcel| parcel.position.to_string() == milestone.detail).count();
    let tag = match status {
        Some(_) if several == 1 => fill(w.parcel_n, &[&milestone.detail]),
        _ => String::new(),
    };
    let href = milestone.document_id.map(|id| format!("/documents/{}", DocumentId(id)));
    let who =
        milestone.organisation_id.map_or(Link::plain(capital(part(w, &milestone.part))), |id| seat.organisation(id));
    Event {
        at: f.moment(at_ms),
        tone: status.map_or("ok", |status| Chip::parcel(status, language).tone),
        title: Link { href: href.unwrap_or_default(), text: title },
        tag,
        state: None,
        text,
        ways: vec![Way { arrow: "", who, how: Link::default(), note: Link::default(), tone: "" }],
        findings: Vec::new(),
    }
}

fn on_the_way(
    seat: &Seat,
    f: &Frame,
    parcel: &ParcelView,
    number: &str,
    event: &crate::store::parcels::EventRow,
    status: ParcelStatus,
) -> Event {
    let language = seat.viewer.language;
    let chip = Chip::parcel(status, language);
    let href =
        if event.document_id == 0 { String::new() } else { format!("/documents/{}", DocumentId(event.document_id)) };
    let name = fill(seat.w.parcel_n, &[number]);
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
            note: Link::default(),
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
            let stated = text(&document, "/anticipated_monetary_total/payable_amount/value");
            let currency = text(&document, "/document_currency_code");
            let (stated, sum) = (stated.parse().ok(), sum_of(lines));
            // With tax and charges it is another sum than that of the lines.
            let sentence = if stated.is_some() && stated != sum { w.to_pay_n } else { w.total_n };
            let total = stated.or(sum).map(|total| format!("{} {currency}", amount(total, &currency)));
            parts.extend(total.map(|total| fill(sentence, &[&total])));
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
                let mut parts = vec![quantity(line, "quantity"), word("status", &status, language).into_owned()];
                if !date.is_empty() {
                    parts.push(fill(w.promised_for, &[&date]));
                }
                parts.retain(|part| !part.is_empty());
                format!("{}: {}", fill(w.line_n, &[&text(line, "/order_line_id")]), parts.join(", "))
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
        "Statement" => {
            let credit = text(&document, "/total_credit_amount/value");
            let currency = text(&document, "/document_currency_code");
            let mut parts = vec![count(lines.len())];
            let credit = credit.parse().ok().map(|credit| format!("{} {currency}", amount(credit, &currency)));
            parts.extend(credit.map(|credit| fill(w.total_n, &[&credit])));
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
