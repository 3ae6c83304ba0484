//! What operators' tools ask: `/healthz`, `/readyz`, `/metrics`.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, StatusCode};

use super::call::json;
use super::problem::{Answer, Kind, Problem, SharedHub};
use crate::pipeline::hub::Hub;
use crate::store::parties;
use crate::transport::authenticate::{authenticate, known};

/// Longest time the store may take to answer before the hub is not ready.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// The process answers.
pub(super) async fn healthz() -> Response<Body> {
    json("{\"status\":\"ok\"}".to_owned())
}

/// The store answers and the hub is not stopping: it may be sent work.
pub(super) async fn readyz(State(hub): SharedHub) -> Response<Body> {
    let answered = tokio::time::timeout(READY_WITHIN, hub.store.read(parties::version)).await;
    let (status, word) = match answered {
        _ if hub.is_stopping() => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        Ok(Ok(_)) => (StatusCode::OK, "ready"),
        Ok(Err(_)) | Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "store"),
    };
    let mut answer = json(format!("{{\"status\":\"{word}\"}}"));
    *answer.status_mut() = status;
    answer
}

/// Counters, as OpenMetrics text: from the machine itself, or with a key of the centre.
pub(super) async fn metrics(State(hub): SharedHub, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    counted(&hub, &parts).await.unwrap_or_else(|problem| problem.answer(&parts.headers))
}

async fn counted(hub: &Hub, parts: &Parts) -> Answer {
    if !is_local(parts) {
        let viewer = authenticate(hub, parts, None).and_then(|caller| known(hub, caller))?;
        if !viewer.sees_the_centre() {
            return Err(Problem::new(Kind::Forbidden).speaking(viewer.language));
        }
    }
    let mut answer = Response::new(Body::from(hub.metrics_text().await?));
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(answer)
}

/// Whether the caller is on this machine and does not call for somebody else.
fn is_local(parts: &Parts) -> bool {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let forwarded =
        ["forwarded", "x-forwarded-for", "x-real-ip", "via"].iter().any(|name| parts.headers.contains_key(*name));
    !forwarded && peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback())
}
