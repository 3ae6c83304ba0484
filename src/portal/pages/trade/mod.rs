//! One trade: what it is, where it stands, what is owed next and by whom; then everything that happened, in one line of
//! time, and the sums.

mod owed;
mod story;
mod sums;

use askama::Template;
use axum::extract::Path;

use crate::document::reading::figures::capital;
use crate::model::id::TradeId;
use crate::portal::chip::Chip;
use crate::portal::frame::{Answer, Failure, Frame, page};
use crate::portal::language::{Words, fill};
use crate::portal::session::Seat;
use crate::portal::show::{Link, Moment};
use crate::store::trades::normalise;
use crate::store::view::{self, DocumentKey, TradeView, What};

/// Documents whose content is read for the line of time.
const MOST_DOCUMENTS: usize = 200;

#[derive(Template)]
#[template(path = "trade.html")]
struct Shown {
    f: Frame,
    number: String,
    title: String,
    state: Chip,
    parties: Vec<(String, Vec<Link>)>,
    since: Moment,
    steps: Vec<owed::Step>,
    owed: Vec<owed::Owed>,
    story: Vec<story::Event>,
    lines: sums::Lines,
    parcels: Vec<sums::Parcel>,
    settlement: Option<sums::Settlement>,
    keys: Vec<(&'static str, Vec<String>)>,
    /// Whether parcels have more than a state for this viewer.
    inside: bool,
}

/// A part in a trade, in words.
pub(in crate::portal) fn part(w: &'static Words, part: &str) -> &'static str {
    match part {
        "buyer" => w.part_buyer,
        "seller" => w.part_seller,
        "producer" => w.part_producer,
        "courier" => w.part_courier,
        _ => w.part_centre,
    }
}

/// The title of a trade: `LM-40 +1` is the first item and one more.
pub(in crate::portal) fn title(w: &Words, title: &str) -> String {
    match title.rsplit_once(" +") {
        Some((first, more)) if more.parse::<u32>().is_ok() => format!("{first} {}", fill(w.and_n_items, &[more])),
        _ => title.to_owned(),
    }
}

/// Keys as people write them: the store keeps them without hyphens and case. One entry for each kind.
fn keys(w: &'static Words, trade: &TradeView) -> Vec<(&'static str, Vec<String>)> {
    let parcels = trade.parcels.iter().flat_map(|parcel| [&parcel.tracking_id, &parcel.sscc]);
    let numbers = trade.timeline.iter().filter_map(|entry| match &entry.what {
        What::Document(row) => Some(&row.number),
        What::Delivery(delivery) => Some(&delivery.number),
        What::Milestone(_) => None,
    });
    let written: Vec<&String> = parcels.chain(numbers).chain([&trade.row.number]).collect();
    let spelled = |value: &str| {
        let found = written.iter().find(|text| normalise(text) == value);
        found.map_or_else(|| value.to_owned(), |text| (*text).clone())
    };
    let kinds = [
        ("order", w.key_order),
        ("response", w.key_response),
        ("despatch", w.key_despatch),
        ("waybill", w.key_waybill),
        ("sscc", w.key_sscc),
        ("statement", w.key_statement),
    ];
    let known = |kind: &str| kinds.iter().any(|(name, _)| *name == kind);
    let of = |wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
        let mine = trade.keys.iter().filter(|(kind, _)| wanted(kind));
        mine.map(|(_, value)| spelled(value)).collect()
    };
    let mut named: Vec<_> = kinds.iter().map(|(name, label)| (*label, of(&|kind| kind == *name))).collect();
    named.push((w.key_other, of(&|kind| !known(kind))));
    named.retain(|(_, values)| !values.is_empty());
    named
}

/// Who takes part, as far as the viewer may know: buyer, the producers of the lines, seller.
fn parties(seat: &Seat, trade: &TradeView) -> Vec<(String, Vec<Link>)> {
    let w = seat.w;
    let mut makers: Vec<i64> = Vec::new();
    if seat.viewer.sees_the_centre() {
        for id in trade.lines.iter().filter_map(|line| line.producer_id) {
            if !makers.contains(&id) {
                makers.push(id);
            }
        }
    }
    let all = [
        (w.part_buyer, trade.row.buyer_id.into_iter().collect()),
        (w.part_producer, makers),
        (w.part_seller, trade.row.seller_id.into_iter().collect::<Vec<i64>>()),
    ];
    let named = all.into_iter().filter(|(_, ids)| !ids.is_empty());
    named.map(|(part, ids)| (capital(part), ids.into_iter().map(|id| seat.organisation(id)).collect())).collect()
}

/// Shows the page.
pub(in crate::portal) async fn show(seat: Seat, Path(id): Path<String>) -> Answer {
    let id = id.parse::<TradeId>().map_err(|()| Failure::NotFound)?.0;
    let viewer = seat.viewer.clone();
    let found = seat
        .portal
        .hub
        .store
        .read(move |tx| {
            let Some(trade) = view::trade(tx, &viewer, id)? else { return Ok(None) };
            let mut contents = Vec::new();
            let keys = trade.document_keys().into_iter().filter(|key| matches!(key, DocumentKey::Document(_)));
            for key in keys.take(MOST_DOCUMENTS) {
                contents.extend(view::document(tx, &viewer, key)?);
            }
            Ok(Some((trade, contents)))
        })
        .await?;
    let (trade, contents) = found.ok_or(Failure::NotFound)?;
    let w = seat.w;
    let heading = format!("{} · {}", trade.row.number, title(w, &trade.row.title));
    let f = seat.frame(heading).await?;
    page(&Shown {
        number: trade.row.number.clone(),
        title: title(w, &trade.row.title),
        state: Chip::trade(&trade.row.state, w),
        parties: parties(&seat, &trade),
        since: f.moment(trade.row.created_ms),
        steps: owed::steps(&f, &trade),
        owed: owed::owed(&seat, &trade),
        story: story::story(&seat, &f, &trade, &contents),
        lines: sums::lines(&seat, &trade),
        parcels: sums::parcels(&seat, &f, &trade),
        settlement: sums::settlement(&seat, &trade),
        keys: keys(w, &trade),
        inside: trade.parcels.iter().any(|parcel| parcel.courier_id.is_some() || !parcel.contents.is_empty()),
        f,
    })
}
