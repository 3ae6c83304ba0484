//! Trades as their viewer may see them: what it sent and received, its own lines, parcels and share, and milestones of all
//! legs. Who sees the centre sees everything.

use std::collections::{HashMap, HashSet};

use super::document::{self, DocumentKey, DocumentRow, DocumentView};
use super::money::{self, StatementLineView};
use super::{bounded, may_see};
use crate::error::Result;
use crate::model::viewer::Viewer;
use crate::store::bookings;
use crate::store::deliveries::{self, Delivery};
use crate::store::orders::{self, LineRow};
use crate::store::parcels::{self, EventRow, ParcelRow};
use crate::store::trades::{self, Milestone, Trade};
use crate::store::{Tx, statements};

/// A trade in a list, in the words of its viewer: a producer reads the number of its own part and the name of its own
/// first item.
#[derive(Clone, Debug)]
pub struct TradeRow {
    /// Its id.
    pub id: i64,
    /// The order's number as the viewer knows it.
    pub number: String,
    /// Name of the first item the viewer may know, and how many more.
    pub title: String,
    /// The viewer's parts: `buyer`, `seller`, `producer`, `courier`; empty for who sees the centre without one.
    pub parts: Vec<String>,
    /// The buyer, for who may know.
    pub buyer_id: Option<i64>,
    /// The seller, for who may know.
    pub seller_id: Option<i64>,
    /// `ordered`, `confirmed`, `despatched`, `delivered`, `settled`, `rejected`.
    pub state: String,
    /// When it began, UTC milliseconds.
    pub created_ms: i64,
    /// When it last changed, UTC milliseconds.
    pub changed_ms: i64,
}

/// A trade with everything its viewer may know.
#[derive(Clone, Debug)]
pub struct TradeView {
    /// What stands in lists.
    pub row: TradeRow,
    /// What happened, in order.
    pub timeline: Vec<Entry>,
    /// Order lines.
    pub lines: Vec<LineView>,
    /// Parcels.
    pub parcels: Vec<ParcelView>,
    /// What is owed.
    pub statement_lines: Vec<StatementLineView>,
    /// Identifiers by which the viewer knows it: kind and normalised value.
    pub keys: Vec<(String, String)>,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When, UTC milliseconds.
    pub at_ms: i64,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// A document came that the viewer sent or is named by.
    Document(Box<DocumentRow>),
    /// Something was sent to the viewer (for who sees the centre: to anybody).
    Delivery(Box<Delivery>),
    /// Something that everybody with a part may know.
    Milestone(MilestoneView),
}

/// A milestone.
#[derive(Clone, Debug)]
pub struct MilestoneView {
    /// `ordered`, `forwarded`, `confirmed`, `despatched`, a parcel status word, `settled`, …
    pub kind: String,
    /// Who acted, as a part: `buyer`, `seller`, `producer`, `courier`, `centre`.
    pub part: String,
    /// Who acted, for who may know the name.
    pub organisation_id: Option<i64>,
    /// The document behind it, for who may see it.
    pub document_id: Option<i64>,
    /// Whether a document or a delivery of the same time line says it already.
    pub told: bool,
    /// A count.
    pub detail: String,
}

/// An order line; quantities and prices are decimals as text.
#[derive(Clone, Debug)]
pub struct LineView {
    /// Its id.
    pub id: i64,
    /// Which line of the order, from 1.
    pub position: i64,
    /// The buyer's line number.
    pub line: String,
    /// The producer; for the centre and the producer itself.
    pub producer_id: Option<i64>,
    /// Name of the item.
    pub name: String,
    /// Ordered.
    pub quantity: String,
    /// UN/ECE unit.
    pub unit: String,
    /// Unit price: for the producer what its own order says, for buyer, seller and centre the buyer's.
    pub price: Option<String>,
    /// ISO 4217.
    pub currency: String,
    /// Promised by the producer.
    pub confirmed: String,
    /// Sent.
    pub despatched: String,
    /// Arrived.
    pub delivered: String,
    /// When it is promised, a date or empty.
    pub promised_date: String,
    /// `ordered`, `accepted`, `changed`, `rejected`, `back-ordered`.
    pub state: String,
    /// What the producer said.
    pub note: String,
}

/// What is in a parcel.
#[derive(Clone, Debug)]
pub struct ParcelContent {
    /// The order line.
    pub order_line_id: i64,
    /// Which line of the order, from 1.
    pub position: i64,
    /// How much, decimal.
    pub quantity: String,
    /// Serial numbers.
    pub serial_ids: Vec<String>,
}

/// A parcel. The seller reads only its position and status.
#[derive(Clone, Debug)]
pub struct ParcelView {
    /// Its id.
    pub id: i64,
    /// Which one of its despatch, from 1.
    pub position: i64,
    /// Status word.
    pub state: String,
    /// When it last changed, UTC milliseconds.
    pub changed_ms: i64,
    /// The number on it.
    pub sscc: String,
    /// Waybill number.
    pub tracking_id: String,
    /// The courier, once known.
    pub courier_id: Option<i64>,
    /// Who shipped it; for the centre and the producer itself.
    pub producer_id: Option<i64>,
    /// How far its booking is, if it was booked here; for the centre and the producer itself.
    pub booking: Option<BookingView>,
    /// Whether the viewer may see its label.
    pub label: bool,
    /// What is in it; not for the courier.
    pub contents: Vec<ParcelContent>,
    /// What the courier reported, by time. Which document did, only for the courier and the centre (else 0).
    pub events: Vec<EventRow>,
}

/// How far the booking of a parcel is.
#[derive(Clone, Debug)]
pub struct BookingView {
    /// `open`, `booked`, `refused`, `unsure`, `given-up`.
    pub state: String,
    /// Why, where the courier refused; what else went wrong is for the centre.
    pub cause: String,
}

/// The parts a viewer has in a trade, and what follows from them.
struct Parts {
    parts: Vec<String>,
    centre: bool,
}

impl Parts {
    fn has(&self, part: &str) -> bool {
        self.parts.iter().any(|mine| mine == part)
    }

    /// The buyer's leg: the order as a whole at the buyer's prices.
    fn whole(&self) -> bool {
        self.centre || self.has("buyer") || self.has("seller")
    }
}

/// One trade.
pub fn trade(tx: &mut Tx<'_>, viewer: &Viewer, id: i64) -> Result<Option<TradeView>> {
    let Some((trade, parts, parties)) = seen(tx, viewer, id)? else { return Ok(None) };
    let documents = document::of_trade(tx, viewer, id)?;
    let mut sent = deliveries::of_trade(tx, id)?;
    sent.retain(|row| may_see(viewer, row.centre_id, row.organisation_id));
    let keys = trades::keys(tx, id, viewer.scope())?;
    let rows = order_lines(tx, id)?;
    let positions: HashMap<i64, i64> = rows.iter().map(|row| (row.id, row.position)).collect();
    let lines = lines(viewer, &parts, rows, &sent);
    let row = row(viewer, &trade, &parts, &lines, &sent, &keys);
    let parcels = parcels(tx, viewer, &parts, id, &positions)?;
    let statement_lines = money::shown(viewer, statements::of_trade(tx, id)?);
    let milestones = trades::milestones(tx, id)?;
    let timeline = timeline(viewer, &parts, &parties, documents, sent, milestones, &parcels);
    Ok(Some(TradeView { row, timeline, lines, parcels, statement_lines, keys }))
}

/// A trade, the viewer's parts in it and all parties, if the viewer may see it.
#[expect(clippy::type_complexity, reason = "three things that are read together and go different ways")]
fn seen(tx: &mut Tx<'_>, viewer: &Viewer, id: i64) -> Result<Option<(Trade, Parts, Vec<(i64, String)>)>> {
    if let Some(own) = viewer.scope()
        && !trades::is_party(tx, id, own)?
    {
        return Ok(None);
    }
    let Some(trade) = trades::get(tx, id)?.filter(|trade| trade.centre_id == viewer.centre_id) else {
        return Ok(None);
    };
    let parties = trades::parties(tx, id)?;
    let mine = parties.iter().filter(|(organisation, _)| *organisation == viewer.organisation_id);
    let parts = Parts { parts: mine.map(|(_, part)| part.clone()).collect(), centre: viewer.sees_the_centre() };
    Ok(Some((trade, parts, parties)))
}

fn order_lines(tx: &mut Tx<'_>, trade_id: i64) -> Result<Vec<LineRow>> {
    match orders::of_trade(tx, trade_id)? {
        Some(order) => orders::lines(tx, order.id),
        None => Ok(Vec::new()),
    }
}

fn row(
    viewer: &Viewer,
    trade: &Trade,
    parts: &Parts,
    lines: &[LineView],
    sent: &[Delivery],
    keys: &[(String, String)],
) -> TradeRow {
    let whole = parts.whole();
    let title = match lines {
        _ if whole => trade.title.clone(),
        [] => String::new(),
        [only] => only.name.clone(),
        [first, rest @ ..] => format!("{} +{}", first.name, rest.len()),
    };
    let own_number = || {
        let order =
            sent.iter().find(|row| row.document_type == "Order" && row.organisation_id == viewer.organisation_id);
        order.map(|row| row.number.clone()).or_else(|| keys.first().map(|(_, value)| value.clone())).unwrap_or_default()
    };
    TradeRow {
        id: trade.id,
        number: if whole { trade.number.clone() } else { own_number() },
        title,
        parts: parts.parts.clone(),
        buyer_id: (whole || parts.has("producer")).then_some(trade.buyer_id),
        seller_id: whole.then_some(trade.seller_id),
        state: trade.state.clone(),
        created_ms: trade.created_ms,
        changed_ms: trade.changed_ms,
    }
}

/// The lines the viewer may see. A producer's prices are read from what it was sent, never from the buyer's line.
fn lines(viewer: &Viewer, parts: &Parts, rows: Vec<LineRow>, sent: &[Delivery]) -> Vec<LineView> {
    let whole = parts.whole();
    let prices = if whole { HashMap::new() } else { told_prices(viewer, sent) };
    let mine = |row: &LineRow| whole || row.producer_id == viewer.organisation_id;
    rows.into_iter()
        .filter(mine)
        .map(|row| {
            let told = prices.get(&row.line).cloned();
            let (price, currency) = match (whole, told) {
                (true, _) => (Some(row.price), row.currency),
                (false, Some((price, currency))) => (Some(price), currency),
                (false, None) => (None, String::new()),
            };
            LineView {
                id: row.id,
                position: row.position,
                line: row.line,
                producer_id: (parts.centre || row.producer_id == viewer.organisation_id).then_some(row.producer_id),
                name: row.name,
                quantity: row.quantity,
                unit: row.unit,
                price,
                currency,
                confirmed: row.confirmed,
                despatched: row.despatched,
                delivered: row.delivered,
                promised_date: row.promised_date,
                state: row.state,
                note: row.note,
            }
        })
        .collect()
}

/// Line numbers with price and currency of the orders that the viewer was sent.
fn told_prices(viewer: &Viewer, sent: &[Delivery]) -> HashMap<String, (String, String)> {
    let orders =
        sent.iter().filter(|row| row.document_type == "Order" && row.organisation_id == viewer.organisation_id);
    let mut prices = HashMap::new();
    for order in orders {
        let Ok(content) = serde_json::from_str::<serde_json::Value>(&order.content) else { continue };
        for line in content.get("lines").and_then(|lines| lines.as_array()).into_iter().flatten() {
            let text = |pointer: &str| match line.pointer(pointer) {
                Some(serde_json::Value::String(text)) => Some(text.clone()),
                Some(serde_json::Value::Number(number)) => Some(number.to_string()),
                _ => None,
            };
            if let (Some(id), Some(price)) = (text("/id"), text("/price/amount/value")) {
                prices.insert(id, (price, text("/price/amount/currency").unwrap_or_default()));
            }
        }
    }
    prices
}

fn parcels(
    tx: &mut Tx<'_>,
    viewer: &Viewer,
    parts: &Parts,
    trade_id: i64,
    positions: &HashMap<i64, i64>,
) -> Result<Vec<ParcelView>> {
    let makers: HashMap<i64, i64> = parcels::despatches_of(tx, trade_id)?.into_iter().collect();
    let mut shown = Vec::new();
    for parcel in parcels::of_trade(tx, trade_id)? {
        let maker = makers.get(&parcel.despatch_id).copied();
        let made = maker == Some(viewer.organisation_id);
        let carried = parcel.courier_id == viewer.organisation_id;
        if parts.centre || parts.has("buyer") || made || carried {
            let inside = parts.centre || parts.has("buyer") || made;
            let contents = if inside { contents(tx, parcel.id, positions)? } else { Vec::new() };
            let mut events = parcels::events(tx, parcel.id)?;
            if !parts.centre && !carried {
                events.iter_mut().for_each(|event| event.document_id = 0);
            }
            let producer_id = if parts.centre || made { maker } else { None };
            let booking = if parts.centre || made { booking(tx, parts.centre, &parcel)? } else { None };
            let label = parts.centre || made || carried;
            let courier_id = (parcel.courier_id != 0).then_some(parcel.courier_id);
            shown.push(ParcelView {
                courier_id,
                producer_id,
                booking,
                label,
                contents,
                events,
                ..status_only(&parcel, true)
            });
        } else if parts.has("seller") {
            shown.push(status_only(&parcel, false));
        }
    }
    Ok(shown)
}

fn booking(tx: &mut Tx<'_>, centre: bool, parcel: &ParcelRow) -> Result<Option<BookingView>> {
    let found = bookings::of_despatch(tx, parcel.despatch_id)?;
    let own = found.into_iter().find(|row| row.parcel_id == parcel.id || row.parcel_id == 0);
    Ok(own.map(|row| {
        let told = centre || row.state == "refused";
        BookingView { cause: if told { row.outcome } else { String::new() }, state: row.state }
    }))
}

fn status_only(parcel: &ParcelRow, numbers: bool) -> ParcelView {
    let shown = |text: &String| if numbers { text.clone() } else { String::new() };
    ParcelView {
        id: parcel.id,
        position: parcel.position,
        state: parcel.state.clone(),
        changed_ms: parcel.changed_ms,
        sscc: shown(&parcel.sscc),
        tracking_id: shown(&parcel.tracking_id),
        courier_id: None,
        producer_id: None,
        booking: None,
        label: false,
        contents: Vec::new(),
        events: Vec::new(),
    }
}

fn contents(tx: &mut Tx<'_>, parcel_id: i64, positions: &HashMap<i64, i64>) -> Result<Vec<ParcelContent>> {
    let lines = parcels::lines(tx, parcel_id)?;
    let content = |(order_line_id, quantity, serials): (i64, String, String)| ParcelContent {
        order_line_id,
        position: positions.get(&order_line_id).copied().unwrap_or(0),
        quantity,
        serial_ids: serials.lines().map(str::to_owned).collect(),
    };
    Ok(lines.into_iter().map(content).collect())
}

/// Everything in order: a document before what it caused at the same moment.
fn timeline(
    viewer: &Viewer,
    parts: &Parts,
    parties: &[(i64, String)],
    documents: Vec<DocumentView>,
    sent: Vec<Delivery>,
    milestones: Vec<Milestone>,
    parcels: &[ParcelView],
) -> Vec<Entry> {
    let visible: HashSet<i64> = documents.iter().map(|view| view.row.key.number()).collect();
    let mut telling = visible.clone();
    telling.extend(sent.iter().filter(|row| row.kind == "document").filter_map(|row| row.document_id));
    let part_of = |id: i64| parties.iter().filter(move |(other, _)| *other == id).map(|(_, part)| part.as_str());
    // Whose name the viewer may know: its own, its counterparts on its own leg, and couriers of parcels it sees.
    let known = |id: i64| {
        parts.centre
            || id == viewer.organisation_id
            || parcels.iter().any(|parcel| parcel.courier_id == Some(id))
            || part_of(id).any(|part| match part {
                "buyer" => parts.has("seller") || parts.has("producer"),
                "seller" => parts.has("buyer"),
                _ => false,
            })
    };
    let mut entries = Vec::with_capacity(documents.len() + sent.len() + milestones.len());
    for view in documents {
        entries.push(Entry { at_ms: view.row.at_ms, what: What::Document(Box::new(view.row)) });
    }
    for milestone in milestones {
        let usual = match milestone.kind.as_str() {
            "ordered" => "buyer",
            "forwarded" | "confirmed" | "despatched" => "producer",
            _ => "courier",
        };
        let mut theirs: Vec<&str> = part_of(milestone.organisation_id).collect();
        theirs.sort_by_key(|part| *part != usual);
        let view = MilestoneView {
            part: theirs.first().map_or("centre", |part| part).to_owned(),
            organisation_id: known(milestone.organisation_id).then_some(milestone.organisation_id),
            document_id: milestone.document_id.filter(|id| parts.centre || visible.contains(id)),
            told: milestone.document_id.is_some_and(|id| telling.contains(&id)),
            kind: milestone.kind,
            detail: milestone.detail,
        };
        entries.push(Entry { at_ms: milestone.at_ms, what: What::Milestone(view) });
    }
    for delivery in sent {
        entries.push(Entry { at_ms: delivery.created_ms, what: What::Delivery(Box::new(delivery)) });
    }
    // Stable: at the same moment documents, then milestones, then deliveries.
    entries.sort_by_key(|entry| entry.at_ms);
    entries
}

/// Trades, last changed first. `before` is change time and id of the last one of the page before.
pub fn trades(tx: &mut Tx<'_>, viewer: &Viewer, before: Option<(i64, i64)>, limit: i64) -> Result<Vec<TradeRow>> {
    let before = before.unwrap_or((i64::MAX, i64::MAX));
    let found = trades::list(tx, viewer.centre_id, viewer.scope(), before, bounded(limit))?;
    rows(tx, viewer, found)
}

/// Trades that an identifier names, if the viewer knows it by that; newest first, bounded.
pub fn find_trades(tx: &mut Tx<'_>, viewer: &Viewer, key: &str) -> Result<Vec<TradeRow>> {
    let found = trades::find(tx, key, viewer.centre_id, viewer.scope())?;
    rows(tx, viewer, found)
}

fn rows(tx: &mut Tx<'_>, viewer: &Viewer, found: Vec<Trade>) -> Result<Vec<TradeRow>> {
    let mut shown = Vec::with_capacity(found.len());
    for found in found {
        let Some((trade, parts, _)) = seen(tx, viewer, found.id)? else { continue };
        if parts.whole() {
            shown.push(row(viewer, &trade, &parts, &[], &[], &[]));
            continue;
        }
        let mut sent = deliveries::of_trade(tx, trade.id)?;
        sent.retain(|row| may_see(viewer, row.centre_id, row.organisation_id));
        let keys = trades::keys(tx, trade.id, viewer.scope())?;
        let lines = lines(viewer, &parts, order_lines(tx, trade.id)?, &sent);
        shown.push(row(viewer, &trade, &parts, &lines, &sent, &keys));
    }
    Ok(shown)
}

impl TradeView {
    /// The documents of the timeline that can be asked for, in order.
    pub fn document_keys(&self) -> Vec<DocumentKey> {
        let key = |entry: &Entry| match &entry.what {
            What::Document(row) => Some(row.key),
            What::Delivery(delivery) => Some(DocumentKey::Delivery(delivery.id)),
            What::Milestone(_) => None,
        };
        self.timeline.iter().filter_map(key).collect()
    }
}
