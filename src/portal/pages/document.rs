//! One document as the hub understands it: head, lines, totals.

use askama::Template;
use axum::extract::Path;
use axum::http::header;
use axum::response::IntoResponse;

use crate::document::reading::content::{Content, content};
use crate::model::disposition::{Disposition, Identity};
use crate::model::id::{DeliveryId, DocumentId};
use crate::portal::chip::Chip;
use crate::portal::findings::{self, FindingView};
use crate::portal::frame::{Answer, Failure, Frame, page};
use crate::portal::names::{delivery_path, document_path, interchange_path, trade_path};
use crate::portal::session::Seat;
use crate::portal::show::{Link, Moment, message};
use crate::store::view::{self, DocumentKey, DocumentView, Side};

#[derive(Template)]
#[template(path = "document_page.html")]
struct Shown {
    f: Frame,
    heading: String,
    state: Chip,
    identity: Option<Chip>,
    issuer: Link,
    written: String,
    at: Moment,
    path: String,
    findings: Vec<FindingView>,
    content: Content,
    links: Vec<(&'static str, Link)>,
}

fn key(id: &str) -> Result<DocumentKey, Failure> {
    let document = id.parse::<DocumentId>().map(|id| DocumentKey::Document(id.0));
    document
        .or_else(|()| id.parse::<DeliveryId>().map(|id| DocumentKey::Delivery(id.0)))
        .map_err(|()| Failure::NotFound)
}

async fn find(seat: &Seat, id: &str) -> Result<DocumentView, Failure> {
    let (key, viewer) = (key(id)?, seat.viewer.clone());
    let found = seat.portal.hub.store.read(move |tx| view::document(tx, &viewer, key)).await?;
    found.ok_or(Failure::NotFound)
}

/// Shows the page.
pub(in crate::portal) async fn show(seat: Seat, Path(id): Path<String>) -> Answer {
    let found = find(&seat, &id).await?;
    let (w, language) = (seat.w, seat.viewer.language);
    let row = &found.row;
    let heading = seat.document_name(&row.document_type, &row.number);
    let f = seat.frame(heading.clone()).await?;
    let mut links = Vec::new();
    match row.key {
        DocumentKey::Document(_) => {
            links.extend(row.interchange_id.map(|id| (w.came_in, Link::to(interchange_path(id), w.interchange))));
        }
        DocumentKey::Delivery(id) => links.push((w.went_out, Link::to(delivery_path(id), w.delivery))),
    }
    links.extend(row.trade_id.map(|id| (w.trade, Link::to(trade_path(id), w.to_the_trade))));
    if let Some(other) = row.same_as {
        links.push((w.the_one_before, Link::to(document_path(DocumentKey::Document(other)), w.document)));
    }
    let state = match Disposition::from_word(&row.disposition) {
        Some(disposition) if row.side != Side::Received => Chip::disposition(disposition, language),
        _ => Chip::delivery(&row.disposition, language),
    };
    let identity = Identity::from_word(&row.identity).filter(|identity| *identity != Identity::New);
    page(&Shown {
        state,
        identity: identity.map(|identity| Chip::identity(identity, language)),
        issuer: row.issuer_id.map_or(Link::default(), |id| seat.organisation(id)),
        written: message(&row.message_type),
        at: f.moment(row.at_ms),
        path: document_path(row.key),
        findings: findings::shown(&findings::stored(&found.findings), language),
        content: content(&row.document_type, &found.content, language),
        links,
        heading,
        f,
    })
}

/// Gives its canonical JSON.
pub(in crate::portal) async fn json(seat: Seat, Path(id): Path<String>) -> Answer {
    let found = find(&seat, &id).await?;
    let name = match found.row.key {
        DocumentKey::Document(id) => DocumentId(id).to_string(),
        DocumentKey::Delivery(id) => DeliveryId(id).to_string(),
    };
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.json\"")),
    ];
    Ok((headers, found.content).into_response())
}
