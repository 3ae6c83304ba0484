//! `POST /v1/interchanges`: bytes come in and are durable before they are answered. `GET …/{id}`: what became of them;
//! `GET …/{id}/payload`: the bytes.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use futures_util::FutureExt;

use super::call::{Query, json, reading};
use super::object::{findings, join};
use super::problem::{Answer, Kind, Problem, SharedHub};
use super::{prefer, shape};
use crate::error::Result;
use crate::model::disposition::{Disposition, InterchangeState, Transport};
use crate::model::id::InterchangeId;
use crate::model::viewer::Viewer;
use crate::pipeline::hub::Hub;
use crate::pipeline::receive::{LargeReceipt, Receipt, Received};
use crate::store::interchanges::CHUNK_BYTES;
use crate::store::view::{self, InterchangeView};
use crate::transport::authenticate::{Caller, authenticate};
use crate::transport::http::{BodyReader, described, whole};

/// Longest `Idempotency-Key`, bytes.
const LONGEST_KEY: usize = 255;

pub(super) async fn post(State(hub): SharedHub, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    take_in(&hub, &parts, body).await.unwrap_or_else(|problem| problem.answer(&parts.headers))
}

async fn take_in(hub: &Arc<Hub>, parts: &Parts, body: Body) -> Answer {
    let signed = parts.headers.contains_key("webhook-signature");
    let query = if signed { Some(Query::of(parts)) } else { None };
    let named_key = query.as_ref().map(|query| query.text("key")).transpose()?.filter(|key| !key.is_empty());
    match authenticate(hub, parts, named_key)? {
        Caller::Known(viewer) => {
            let language = viewer.language;
            known_sender(hub, parts, body, viewer).await.map_err(|problem| problem.speaking(language))
        }
        Caller::Signed(signed) => {
            // Who sends is known only when all of it was read, so it is held in memory and bounded by that.
            let limits = &hub.config.limits;
            let limit = limits.receive_bytes.min(limits.whole_document_bytes);
            let bytes = whole(&parts.headers, body, limit, limits.body_timeout_ms).await;
            let bytes = bytes.map_err(|unread| Problem::unread(unread, limit))?;
            let viewer = signed.verify(hub, &bytes)?;
            let receipt = receipt(parts, &viewer, Some(signed.id().to_owned()));
            let answer = async { received(hub, parts, &viewer, hub.receive(receipt, bytes).await?).await };
            answer.await.map_err(|problem| problem.speaking(viewer.language))
        }
    }
}

fn receipt(parts: &Parts, viewer: &Viewer, transport_id: Option<String>) -> Receipt {
    let described = described(&parts.headers);
    Receipt {
        organisation_id: viewer.organisation_id,
        centre_id: viewer.centre_id,
        transport: Transport::Http,
        transport_id,
        content_type: described.content_type,
        charset: described.charset,
        file_name: described.file_name,
        account_id: None,
        answers_delivery_id: None,
        mail_id: None,
    }
}

/// `Idempotency-Key`, with or without the quotes of a structured field.
fn transport_id(parts: &Parts) -> Result<Option<String>, Problem> {
    let Some(stated) = parts.headers.get("idempotency-key") else { return Ok(None) };
    let text = stated.to_str().ok().map(|text| text.trim().trim_matches('"'));
    match text.filter(|text| !text.is_empty() && text.len() <= LONGEST_KEY) {
        Some(text) => Ok(Some(text.to_owned())),
        None => Err(Problem::parameter("Idempotency-Key", &format!("1..{LONGEST_KEY} ASCII"))),
    }
}

async fn known_sender(hub: &Arc<Hub>, parts: &Parts, body: Body, viewer: Viewer) -> Answer {
    let receipt = receipt(parts, &viewer, transport_id(parts)?);
    let limits = &hub.config.limits;
    let unread = |unread| Problem::unread(unread, limits.receive_bytes);
    let reader = BodyReader::begin(&parts.headers, body, limits.receive_bytes, limits.body_timeout_ms);
    let mut reader = reader.map_err(unread)?;
    let (first, all) = reader.up_to(CHUNK_BYTES).await.map_err(unread)?;
    if all {
        let outcome = hub.receive(receipt, first).await?;
        return received(hub, parts, &viewer, outcome).await;
    }
    let mut large = Large { hub, receipt: Some(hub.begin_large()) };
    large.push(&first).await?;
    drop(first);
    let outcome = loop {
        match reader.next().await {
            Ok(Some(piece)) => large.push(&piece).await?,
            Ok(None) => break large.finish(receipt).await?,
            Err(why) => {
                large.abandon().await;
                return Err(unread(why));
            }
        }
    };
    received(hub, parts, &viewer, outcome).await
}

/// A large receipt under way. When the call is dropped because the connection is gone, its chunks go as well.
struct Large<'h> {
    hub: &'h Arc<Hub>,
    receipt: Option<LargeReceipt>,
}

impl Large<'_> {
    async fn push(&mut self, piece: &[u8]) -> Result<()> {
        match &mut self.receipt {
            Some(receipt) => receipt.push(self.hub, piece).await,
            None => Ok(()),
        }
    }

    async fn finish(mut self, about: Receipt) -> Result<Received> {
        match self.receipt.take() {
            Some(receipt) => receipt.finish(self.hub, about).await,
            None => Err(crate::error::Error::bug("a large receipt was finished twice")),
        }
    }

    async fn abandon(mut self) {
        if let Some(receipt) = self.receipt.take() {
            receipt.abandon(self.hub).await;
        }
    }
}

impl Drop for Large<'_> {
    fn drop(&mut self) {
        if let Some(receipt) = self.receipt.take() {
            // The first poll hands the deletion to the store; nobody is left to wait for its answer.
            let _unfinished = receipt.abandon(self.hub).now_or_never();
        }
    }
}

/// The answer to bytes that are durable.
async fn received(hub: &Arc<Hub>, parts: &Parts, viewer: &Viewer, received: Received) -> Answer {
    let id = received.id();
    if matches!(received, Received::Conflict(_)) {
        return Err(Problem::new(Kind::TransportIdConflict).about(id));
    }
    let Some(wait_s) = prefer::wait_s(&parts.headers) else { return Ok(accepted(id)) };
    let wait_ms = wait_s.saturating_mul(1000).min(hub.config.limits.wait_most_ms);
    let decided = hub.wait_decided(id, wait_ms).await?;
    let mut answer = match decided.filter(|row| row.state == InterchangeState::Decided.as_str()) {
        Some(_) => decided_answer(hub, parts, viewer, id).await?,
        None => accepted(id),
    };
    if let Ok(applied) = HeaderValue::from_str(&format!("wait={}", wait_ms / 1000)) {
        answer.headers_mut().insert(HeaderName::from_static("preference-applied"), applied);
    }
    Ok(answer)
}

/// 202: the bytes are durable, and where to ask what becomes of them.
pub(super) fn accepted(id: i64) -> Response<Body> {
    let id = InterchangeId(id);
    let place = format!("/v1/interchanges/{id}");
    let mut answer = json(format!("{{\"interchange\":\"{id}\",\"status\":\"{place}\"}}"));
    *answer.status_mut() = StatusCode::ACCEPTED;
    if let Ok(place) = HeaderValue::from_str(&place) {
        answer.headers_mut().insert(LOCATION, place);
    }
    answer
}

/// 200 if a document was not rejected, else 422.
async fn decided_answer(hub: &Arc<Hub>, parts: &Parts, viewer: &Viewer, id: i64) -> Answer {
    let who = viewer.clone();
    let found = hub.store.read(move |tx| view::interchange(tx, &who, id)).await?;
    let Some(view) = found else { return Err(Problem::new(Kind::NotFound)) };
    let rejected = Disposition::Rejected.as_str();
    let count = view.documents.iter().filter(|document| document.row.disposition == rejected).count();
    let none_left = if view.documents.is_empty() {
        view.interchange.disposition.as_deref() == Some(rejected)
    } else {
        count == view.documents.len()
    };
    let mut shown = shape::interchange(&view, &hub.directory());
    if none_left {
        let problem = Problem::new(Kind::Rejected).about(id).member("findings", all_findings(&view));
        let problem = problem.member(
            "documents",
            super::object::list(
                view.documents.iter().map(|document| shape::document_of(document, &hub.directory(), false)),
            ),
        );
        return Ok(problem.speaking(viewer.language).answer(&parts.headers));
    }
    if count > 0 {
        shown.put("partly", &true);
    }
    let mut answer = json(shown.end());
    if let Ok(place) = HeaderValue::from_str(&format!("/v1/interchanges/{}", InterchangeId(id))) {
        answer.headers_mut().insert(CONTENT_LOCATION, place);
    }
    Ok(answer)
}

fn all_findings(view: &InterchangeView) -> String {
    let own = view.interchange.findings.as_deref().unwrap_or("");
    join(std::iter::once(own).chain(view.documents.iter().map(|document| document.findings.as_str())).map(findings))
}

fn id_of(text: &str) -> Result<i64, Problem> {
    text.parse::<InterchangeId>().map(|id| id.0).map_err(|()| Problem::new(Kind::NotFound))
}

pub(super) async fn get(State(hub): SharedHub, Path(id): Path<String>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    reading(&hub, &parts, async |viewer| {
        let id = id_of(&id)?;
        let found = hub.store.read(move |tx| view::interchange(tx, &viewer, id)).await?;
        let view = found.ok_or_else(|| Problem::new(Kind::NotFound))?;
        Ok(json(shape::interchange(&view, &hub.directory()).end()))
    })
    .await
}

pub(super) async fn payload(State(hub): SharedHub, Path(id): Path<String>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    reading(&hub, &parts, async |viewer| {
        let found = hub.payload(&viewer, id_of(&id)?).await?.ok_or_else(|| Problem::new(Kind::NotFound))?;
        let mut answer = Response::new(Body::from_stream(found.pieces));
        let stated = found.interchange.content_type.as_str();
        let stated = if found.interchange.charset.is_empty() {
            stated.to_owned()
        } else {
            format!("{stated}; charset={}", found.interchange.charset)
        };
        let binary = HeaderValue::from_static("application/octet-stream");
        let content_type = HeaderValue::from_str(&stated).ok().filter(|value| !value.is_empty()).unwrap_or(binary);
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, content_type);
        // A partner chose type and bytes: no browser is to show them as a page of ours.
        headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if found.exact {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(found.interchange.size_bytes));
        }
        Ok(answer)
    })
    .await
}
