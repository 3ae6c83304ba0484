//! Trades, last changed first; and the search that goes straight to one.

use askama::Template;
use axum::extract::Query;

use crate::model::id::{DeliveryId, DocumentId, InterchangeId, TradeId};
use crate::model::party_id::PartyId;
use crate::portal::chip::Chip;
use crate::portal::frame::{Answer, Frame, page, redirect};
use crate::portal::names::{document_path, trade_path};
use crate::portal::session::Seat;
use crate::portal::show::{Link, Moment};
use crate::store::view::{self, DocumentFilter, DocumentRow, TradeRow};

/// Rows of one page.
const ROWS: i64 = 50;

/// Where a page of the list starts.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(in crate::portal) struct Asked {
    before: String,
}

/// What is looked for.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(in crate::portal) struct Sought {
    q: String,
}

/// A trade in a list.
pub(in crate::portal) struct Row {
    pub(in crate::portal) at: Moment,
    pub(in crate::portal) link: Link,
    pub(in crate::portal) title: String,
    pub(in crate::portal) parties: Vec<Link>,
    pub(in crate::portal) state: Chip,
}

/// A document in a list of what was found.
struct Found {
    at: Moment,
    link: Link,
    issuer: Link,
}

#[derive(Template)]
#[template(path = "trades.html")]
struct List {
    f: Frame,
    rows: Vec<Row>,
    documents: Vec<Found>,
    sought: bool,
    first: bool,
    older: String,
}

/// A trade as a row.
pub(in crate::portal) fn row(seat: &Seat, f: &Frame, trade: TradeRow) -> Row {
    let parties = [trade.buyer_id, trade.seller_id].into_iter().flatten();
    Row {
        at: f.moment(trade.changed_ms),
        link: Link::to(trade_path(trade.id), trade.number),
        title: super::trade::title(seat.w, &trade.title),
        parties: parties.map(|id| seat.organisation(id)).collect(),
        state: Chip::trade(&trade.state, seat.w),
    }
}

/// Shows the list.
pub(in crate::portal) async fn show(seat: Seat, Query(asked): Query<Asked>) -> Answer {
    let f = seat.frame(seat.title("/trades")).await?;
    let before =
        asked.before.split_once('.').and_then(|(ms, id)| Some((ms.parse().ok()?, id.parse::<TradeId>().ok()?.0)));
    let viewer = seat.viewer.clone();
    let rows = seat.portal.hub.store.read(move |tx| view::trades(tx, &viewer, before, ROWS)).await?;
    let older = match rows.last() {
        Some(last) if rows.len() as i64 >= ROWS => format!("/trades?before={}.{}", last.changed_ms, TradeId(last.id)),
        _ => String::new(),
    };
    page(&List {
        rows: rows.into_iter().map(|trade| row(&seat, &f, trade)).collect(),
        documents: Vec::new(),
        sought: false,
        first: before.is_none(),
        older,
        f,
    })
}

/// The page of something of ours by its id.
fn by_id(text: &str) -> Option<String> {
    if text.parse::<TradeId>().is_ok() {
        Some(format!("/trades/{text}"))
    } else if text.parse::<InterchangeId>().is_ok() {
        Some(format!("/interchanges/{text}"))
    } else if text.parse::<DeliveryId>().is_ok() {
        Some(format!("/deliveries/{text}"))
    } else if text.parse::<DocumentId>().is_ok() {
        Some(format!("/documents/{text}"))
    } else {
        None
    }
}

/// Goes to what an identifier names: one trade at once, several as a list; else a document by its number, else a partner.
pub(in crate::portal) async fn find(seat: Seat, Query(sought): Query<Sought>) -> Answer {
    let text: String = sought.q.trim().chars().take(100).collect();
    if text.is_empty() {
        return Ok(redirect("/trades"));
    }
    if let Some(path) = by_id(&text.to_lowercase()) {
        return Ok(redirect(&path));
    }
    let (viewer, key) = (seat.viewer.clone(), text.clone());
    let (trades, documents) = seat
        .portal
        .hub
        .store
        .read(move |tx| {
            let trades = view::find_trades(tx, &viewer, &key)?;
            let documents = if trades.is_empty() {
                view::documents(
                    tx,
                    &viewer,
                    &DocumentFilter { number: key.clone(), limit: ROWS, ..DocumentFilter::default() },
                )?
            } else {
                Vec::new()
            };
            Ok((trades, documents))
        })
        .await?;
    match (trades.as_slice(), documents.as_slice()) {
        ([only], _) => return Ok(redirect(&trade_path(only.id))),
        ([], [only]) => {
            let row = &only.row;
            return Ok(redirect(&row.trade_id.map_or_else(|| document_path(row.key), trade_path)));
        }
        ([], []) => {
            if let Some(path) = partner(&seat, &text) {
                return Ok(redirect(&path));
            }
        }
        _ => {}
    }
    let mut f = seat.frame(seat.w.found).await?;
    f.sought = text;
    let found = |row: &DocumentRow| Found {
        at: f.moment(row.at_ms),
        link: Link::to(document_path(row.key), seat.document_name(&row.document_type, &row.number)),
        issuer: row.issuer_id.map_or(Link::default(), |id| seat.organisation(id)),
    };
    page(&List {
        documents: documents.iter().map(|view| found(&view.row)).collect(),
        rows: trades.into_iter().map(|trade| row(&seat, &f, trade)).collect(),
        sought: true,
        first: true,
        older: String::new(),
        f,
    })
}

/// The page of the one partner with that short name, name or identifier, for who may open it.
fn partner(seat: &Seat, text: &str) -> Option<String> {
    let directory = seat.portal.hub.directory();
    let id: PartyId = text.parse().unwrap_or_default();
    let plain = PartyId::new("", text);
    let found = directory
        .by_short(text)
        .or_else(|| directory.by_identifier(&id))
        .or_else(|| directory.by_identifier(&plain))
        .or_else(|| ["brn", "gln"].iter().find_map(|scheme| directory.by_identifier(&PartyId::new(scheme, text))))
        .map(|found| found.id)
        .or_else(|| {
            let mut named = directory.organisations().into_iter().filter(|found| found.name == text);
            named.next().map(|found| found.id)
        })?;
    let link = seat.organisation(found);
    (!link.href.is_empty()).then_some(link.href)
}
