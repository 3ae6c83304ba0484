//! `POST /callbacks/{courier}`: a courier reports. The raw body is kept as an interchange before it is answered; whether it
//! says something is found out later. A call that is not signed with the courier's secret leaves only a count.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::Response;
use axum::http::request::Parts;

use super::interchanges::accepted;
use super::problem::{Answer, Kind, Problem, SharedHub};
use crate::model::disposition::Transport;
use crate::pipeline::hub::Hub;
use crate::pipeline::receive::{Receipt, Received};
use crate::transport::authenticate::signed_with;
use crate::transport::http::{described, whole};

/// Longest report, bytes.
const LONGEST_REPORT: u64 = 1 << 20;

pub(super) async fn post(State(hub): SharedHub, Path(courier): Path<String>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    take_in(&hub, &courier, &parts, body).await.unwrap_or_else(|problem| problem.answer(&parts.headers))
}

async fn take_in(hub: &Arc<Hub>, name: &str, parts: &Parts, body: Body) -> Answer {
    let directory = hub.directory();
    let courier = directory.by_short(name).filter(|courier| courier.active && courier.is("courier"));
    let courier = courier.ok_or_else(|| Problem::new(Kind::NotFound))?;
    let limits = &hub.config.limits;
    let limit = limits.receive_bytes.min(LONGEST_REPORT);
    let bytes = whole(&parts.headers, body, limit, limits.body_timeout_ms).await;
    let bytes = bytes.map_err(|unread| Problem::unread(unread, limit))?;
    let secret = match hub.secret(&format!("courier:{name}")) {
        Ok(secret) => secret.unwrap_or_default(),
        Err(error) => {
            tracing::warn!(%error, "reports of courier {name} cannot be checked");
            return Err(Problem::new(Kind::Unauthenticated));
        }
    };
    if let Err(refused) = signed_with(hub, &secret, &parts.headers, &bytes) {
        tracing::debug!("a report of courier {name} is refused: {refused}");
        return Err(Problem::new(Kind::Unauthenticated));
    }
    let described = described(&parts.headers);
    let receipt = Receipt {
        organisation_id: courier.id,
        centre_id: courier.centre_id,
        transport: Transport::Courier,
        transport_id: parts.headers.get("webhook-id").and_then(|id| id.to_str().ok()).map(str::to_owned),
        content_type: described.content_type,
        charset: described.charset,
        file_name: String::new(),
        account_id: None,
        answers_delivery_id: None,
    };
    match hub.receive(receipt, bytes).await? {
        Received::New(id) | Received::Repeat(id) => Ok(accepted(id)),
        Received::Conflict(id) => Err(Problem::new(Kind::TransportIdConflict).about(id)),
    }
}
