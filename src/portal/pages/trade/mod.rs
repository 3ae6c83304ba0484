//! One trade: what it is, where it stands, what is owed next and by whom; then everything that happened, in one line of
//! time, and the sums.

mod owed;
mod story;
mod sums;

use askama::Template;
use axum::extract::Path;

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
    parties: Vec<(&'static str, Link)>,
    since: Moment,
    steps: Vec<owed::Step>,
    owed: Vec<owed::Owed>,
    story: Vec<story::Event>,
    lines: sums::Lines,
    parcels: Vec<sums::Parcel>,
    settlement: Option<sums::Settlement>,
    keys: Vec<(&'static str, String)>,
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

/// Keys as people write them: the store keeps them without hyphens and case.
fn keys(w: &'static Words, trade: &TradeView) -> Vec<(&'static str, String)> {
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
    let named = trade.keys.iter().map(|(kind, value)| {
        let label = match kind.as_str() {
            "order" => w.key_order,
            "despatch" => w.key_despatch,
            "waybill" => w.key_waybill,
            "response" => w.key_response,
            "sscc" => w.key_sscc,
            "statement" => w.key_statement,
            _ => w.key_other,
        };
        (label, spelled(value))
    });
    named.collect()
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
    let parties = [(w.part_buyer, trade.row.buyer_id), (w.part_seller, trade.row.seller_id)];
    let parties = parties.into_iter().filter_map(|(part, id)| Some((part, seat.organisation(id?))));
    page(&Shown {
        number: trade.row.number.clone(),
        title: title(w, &trade.row.title),
        state: Chip::trade(&trade.row.state, w),
        parties: parties.collect(),
        since: f.moment(trade.row.created_ms),
        steps: owed::steps(&f, &trade),
        owed: owed::owed(&seat, &trade),
        story: story::story(&seat, &f, &trade, &contents),
        lines: sums::lines(&seat, &trade),
        parcels: sums::parcels(&seat, &f, &trade),
        settlement: sums::settlement(&seat, &trade),
        keys: keys(w, &trade),
        f,
    })
}
