//! One delivery: the bytes that are sent at every attempt, the attempts, what could not be carried, and what the partner
//! said to it.

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::header;
use axum::response::IntoResponse;

use super::Said;
use crate::document::reading::words;
use crate::model::finding::{Code, Finding};
use crate::model::id::{AccountId, DeliveryId};
use crate::pipeline::again::Again;
use crate::portal::bytes::{self, MOST_BYTES, Text};
use crate::portal::chip::{Chip, Tone};
use crate::portal::findings::{self, FindingView};
use crate::portal::form::Posted;
use crate::portal::frame::{Answer, Failure, Frame, page, redirect};
use crate::portal::names::{delivery_path, document_path, interchange_path, trade_path};
use crate::portal::session::Seat;
use crate::portal::show::{Link, Moment, message};
use crate::store::view::{self, Attempt, DocumentKey};

/// An attempt as it is read.
struct Tried {
    at: Moment,
    number: i64,
    state: Chip,
    reason: String,
    took: String,
}

#[derive(Template)]
#[template(path = "delivery.html")]
struct Shown {
    f: Frame,
    heading: String,
    state: Chip,
    to: Link,
    written: String,
    at: Moment,
    open: bool,
    reason: String,
    acknowledged: Option<Chip>,
    may_resend: bool,
    path: String,
    delivered: bool,
    findings: Vec<FindingView>,
    /// What the format has no place for: where it stood in our document, and what it says.
    lost: Vec<(String, String)>,
    text: Option<Text>,
    attempts: Vec<Tried>,
    next: Option<Moment>,
    links: Vec<(&'static str, Link)>,
    pairs: Vec<(&'static str, String)>,
}

fn tried(seat: &Seat, f: &Frame, attempt: Attempt) -> Tried {
    let (text, tone) = match attempt.outcome.as_str() {
        "delivered" => (seat.w.outcome_delivered, Tone::Good),
        "temporary" => (seat.w.outcome_temporary, Tone::Waiting),
        _ => (seat.w.outcome_dead, Tone::Bad),
    };
    Tried {
        at: f.moment(attempt.at_ms),
        number: attempt.number,
        state: Chip::new(text, tone),
        reason: attempt.reason,
        took: format!("{} ms", attempt.duration_ms),
    }
}

/// Shows the page.
pub(in crate::portal) async fn show(seat: Seat, Path(id): Path<String>, Query(said): Query<Said>) -> Answer {
    let id = id.parse::<DeliveryId>().map_err(|()| Failure::NotFound)?.0;
    let viewer = seat.viewer.clone();
    let found = seat.portal.hub.store.read(move |tx| view::delivery(tx, &viewer, id)).await?;
    let found = found.ok_or(Failure::NotFound)?;
    let body = seat.portal.hub.delivered(&seat.viewer, id).await?.map(|(_, bytes)| bytes);
    let (w, language, centre) = (seat.w, seat.viewer.language, seat.viewer.sees_the_centre());
    let delivery = found.delivery;
    let heading = seat.document_name(&delivery.document_type, &delivery.number);
    let mut f = seat.frame(heading.clone()).await?;
    f.said = said.sentence(w);
    let (lost, findings): (Vec<Finding>, Vec<Finding>) =
        findings::stored(&delivery.findings).into_iter().partition(|finding| finding.code == Code::NotCarried);
    let lost = lost.into_iter().map(|finding| {
        let place = finding.place.path.as_deref().unwrap_or("");
        (words::path(place, language), finding.found)
    });
    let text = body.map(|bytes| {
        let shown = bytes.get(..MOST_BYTES).unwrap_or(&bytes);
        let charset = delivery.content_type.split("charset=").nth(1).unwrap_or("").trim();
        bytes::text(shown, charset, shown.len() < bytes.len(), &[], language)
    });
    let acknowledged = (!delivery.acknowledged.is_empty()).then(|| super::acknowledged(w, &delivery.acknowledged));
    let mut links = vec![(w.content, Link::to(document_path(DocumentKey::Delivery(id)), heading.clone()))];
    if delivery.kind == "notice" {
        links.clear();
    }
    // Of what made it only the centre is told where it is.
    if centre && delivery.interchange_id != 0 {
        links.push((w.caused_by, Link::to(interchange_path(delivery.interchange_id), w.interchange)));
    }
    if let Some(trade) = delivery.trade_id {
        links.push((w.trade, Link::to(trade_path(trade), w.to_the_trade)));
    }
    let pairs = [
        (w.id, DeliveryId(id).to_string()),
        (w.address, delivery.address.clone()),
        (w.content_type, delivery.content_type.clone()),
        (w.control_reference, delivery.control_reference.clone()),
        (w.receipt, delivery.receipt.clone()),
        (w.created, f.moment(delivery.created_ms).full),
        (w.changed, f.moment(delivery.changed_ms).full),
    ];
    page(&Shown {
        heading,
        state: Chip::delivery(&delivery.state, language),
        to: seat.organisation(delivery.organisation_id),
        written: message(&delivery.message_type),
        at: f.moment(delivery.created_ms),
        open: matches!(delivery.state.as_str(), "scheduled" | "in-transit"),
        reason: delivery.reason,
        acknowledged,
        may_resend: centre && delivery.state != "in-transit",
        path: delivery_path(id),
        delivered: delivery.state == "delivered",
        findings: findings::shown(&findings, language),
        lost: lost.collect(),
        text,
        attempts: found.attempts.into_iter().map(|attempt| tried(&seat, &f, attempt)).collect(),
        next: delivery.due_ms.filter(|_| delivery.state == "scheduled").map(|at| f.moment(at)),
        links,
        pairs: pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
        f,
    })
}

/// Gives the bytes.
pub(in crate::portal) async fn body(seat: Seat, Path(id): Path<String>) -> Answer {
    let id = id.parse::<DeliveryId>().map_err(|()| Failure::NotFound)?;
    let (delivery, bytes) = seat.portal.hub.delivered(&seat.viewer, id.0).await?.ok_or(Failure::NotFound)?;
    let format = delivery.message_type.split('/').next().unwrap_or("").to_owned();
    let ending = super::ending(&format, &delivery.content_type);
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.{ending}\"")),
    ];
    Ok((headers, bytes).into_response())
}

/// Sends it again.
pub(in crate::portal) async fn resend(seat: Seat, Path(id): Path<String>, _posted: Posted) -> Answer {
    let id = id.parse::<DeliveryId>().map_err(|()| Failure::NotFound)?;
    let viewer = seat.viewer.clone();
    if seat.portal.hub.store.read(move |tx| view::delivery(tx, &viewer, id.0)).await?.is_none() {
        return Err(Failure::NotFound);
    }
    let actor = AccountId(seat.account.id).to_string();
    match seat.portal.hub.resend(id, &actor).await? {
        Again::Unknown => Err(Failure::NotFound),
        Again::Yes | Again::InEffect => Ok(redirect(&format!("{}?said=resent", delivery_path(id.0)))),
    }
}
