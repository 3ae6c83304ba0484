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
use crate::model::secret::Secret;
use crate::pipeline::hub::Hub;
use crate::pipeline::metrics::label;
use crate::pipeline::receive::{Receipt, Received};
use crate::transport::authenticate::organisation_of;
use crate::transport::courier::{Call, Signing, verify};
use crate::transport::http::{described, whole};
use crate::transport::tls::ClientCertificate;

/// Longest report, bytes.
const LONGEST_REPORT: u64 = 1 << 20;

pub(super) async fn post(State(hub): SharedHub, Path(courier): Path<String>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    take_in(&hub, &courier, None, &parts, body).await.unwrap_or_else(|problem| problem.answer(&parts.headers))
}

/// `POST /callbacks/{courier}/{secret}`: of couriers that take nothing but an address.
pub(super) async fn post_to_secret(
    State(hub): SharedHub,
    Path((courier, secret)): Path<(String, String)>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let secret = Secret::new(secret);
    take_in(&hub, &courier, Some(&secret), &parts, body).await.unwrap_or_else(|problem| problem.answer(&parts.headers))
}

async fn take_in(hub: &Arc<Hub>, name: &str, secret: Option<&Secret>, parts: &Parts, body: Body) -> Answer {
    let directory = hub.directory();
    let channel = format!("connector:{name}");
    let channel = hub.channels().iter().find(|known| known.name() == channel && known.signing().is_some());
    let partner = channel.and_then(|channel| directory.by_short(channel.partner()?)).filter(|partner| partner.active);
    let courier = directory.by_short(name).filter(|courier| courier.active && courier.is("courier"));
    let courier = partner.or(courier);
    let courier = courier.ok_or_else(|| Problem::new(Kind::NotFound))?;
    let limits = &hub.config.limits;
    let limit = limits.receive_bytes.min(LONGEST_REPORT);
    let bytes = whole(&parts.headers, body, limit, limits.body_timeout_ms).await;
    let bytes = bytes.map_err(|unread| Problem::unread(unread, limit))?;
    let profiled = || hub.couriers.get(name).map(|profile| &profile.signing);
    let signing = channel.filter(|_| partner.is_some()).and_then(|channel| channel.signing()).or_else(profiled);
    // One without a profile speaks our words and signs as partners do.
    let signing = signing.unwrap_or(&Signing::StandardWebhooks);
    let certificate = parts.extensions.get::<ClientCertificate>();
    let call = Call {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        headers: &parts.headers,
        body: &bytes,
        path_secret: secret,
        certified: certificate.and_then(|shown| organisation_of(hub, shown)) == Some(courier.id),
    };
    let secrets = if *signing == Signing::Certificate { Vec::new() } else { secrets(hub, name, partner.is_some())? };
    let call_id = verify(signing, &call, &secrets, hub.clock.now_ms()).map_err(|refused| {
        hub.metrics.refused.get_or_create(&label("outcome", "signature")).inc();
        tracing::debug!("a report of courier {name} is refused: {refused}");
        Problem::new(Kind::Unauthenticated)
    })?;
    let described = described(&parts.headers);
    // A connector's script says which document of its partner a call is.
    let (bytes, transport) = match channel.filter(|_| partner.is_some()) {
        Some(channel) => {
            let document = channel.reported(&bytes).map_err(|reason| {
                tracing::warn!("a call of connector {name} says nothing: {reason}");
                Problem::new(Kind::BadRequest)
            })?;
            (document.into(), Transport::Connector)
        }
        None => (bytes, Transport::Courier),
    };
    let receipt = Receipt {
        organisation_id: courier.id,
        centre_id: courier.centre_id,
        transport,
        transport_id: call_id,
        content_type: described.content_type,
        charset: described.charset,
        file_name: String::new(),
        account_id: None,
        answers_delivery_id: None,
        mail_id: None,
    };
    match hub.receive(receipt, bytes).await? {
        Received::New(id) | Received::Repeat(id) => Ok(accepted(id)),
        Received::Conflict(id) => Err(Problem::new(Kind::TransportIdConflict).about(id)),
    }
}

/// The courier's or connector's secret, and the one before it while they change (`courier:NAME:old`).
fn secrets(hub: &Hub, name: &str, connector: bool) -> Result<Vec<Secret>, Problem> {
    let mut secrets = Vec::with_capacity(2);
    let directory = hub.directory();
    let place = if connector { format!("connector:{name}:callback") } else { format!("courier:{name}") };
    for place in [place.clone(), format!("{place}:old")] {
        if directory.sealed_secret(&place).is_some() {
            secrets.extend(hub.secret(&place)?);
        }
    }
    if secrets.is_empty() {
        tracing::warn!("reports of {name} cannot be checked: there is no secret {place}");
    }
    Ok(secrets)
}
