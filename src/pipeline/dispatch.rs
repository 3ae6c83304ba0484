//! The way out: *prepare* once (bytes kept), *send* (network only), *record*.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::hub::{Happened, Hub};
use super::metrics::label;
use super::outbound::{Answer, Outgoing, Sent};
use super::prepare;
use super::receive::Receipt;
use super::worker::seconds;
use crate::clock::Stopwatch;
use crate::error::{Error, Result};
use crate::model::disposition::Transport;
use crate::model::id::{DeliveryId, DocumentId, InterchangeId};
use crate::store::deliveries::{self, Attempt, Delivery};

/// Deliveries claimed at once.
const CLAIM: i64 = 64;
/// How long a claim holds: longer than any attempt may take.
const LEASE_MS: i64 = 180_000;
/// Longest pause between looks at the outbox.
const IDLE_MS: u64 = 500;
/// Seconds until each retry when the agreement does not say: from seconds to a day, two days in all.
const RETRY_S: &[u32] = &[5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 86_400];
/// Longest that a partner's Retry-After is honoured.
const LONGEST_RETRY_AFTER_MS: i64 = 3_600_000;

/// Runs until the hub stops, then lets attempts under way finish.
pub async fn run(hub: Arc<Hub>) {
    let room = Arc::new(Semaphore::new(hub.config.workers.deliveries.max(1)));
    let mut running = JoinSet::new();
    while !hub.is_stopping() {
        while running.try_join_next().is_some() {}
        let claimed = match claim(&hub).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(%error, "claiming deliveries failed; trying again");
                Vec::new()
            }
        };
        if claimed.is_empty() {
            let pause = std::time::Duration::from_millis(IDLE_MS);
            tokio::select! {
                () = hub.scheduled.notified() => {}
                () = hub.stopping() => {}
                () = tokio::time::sleep(pause) => {}
            }
            continue;
        }
        for (delivery, body) in claimed {
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
            let hub = Arc::clone(&hub);
            running.spawn(async move {
                dispatch(&hub, delivery, body).await;
                drop(permit);
            });
        }
    }
    while running.join_next().await.is_some() {}
}

/// Sends everything that is due once, for the command line and tests; gives how many attempts were made.
pub async fn run_once(hub: &Arc<Hub>) -> Result<usize> {
    let mut count = 0;
    loop {
        let claimed = claim(hub).await?;
        if claimed.is_empty() {
            return Ok(count);
        }
        for (delivery, body) in claimed {
            dispatch(hub, delivery, body).await;
            count += 1;
        }
    }
}

type Claimed = Vec<(Delivery, Option<Vec<u8>>)>;

async fn claim(hub: &Arc<Hub>) -> Result<Claimed> {
    let owner = hub.owner.clone();
    let ids = hub
        .store
        .compare_and_set(move |tx| {
            let now_ms = tx.now_ms()?;
            deliveries::claim(tx, &owner, now_ms, now_ms + LEASE_MS, CLAIM)
        })
        .await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    hub.store
        .read(move |tx| {
            let mut claimed = Vec::with_capacity(ids.len());
            for (id, epoch) in &ids {
                if let Some(found) = deliveries::get_with_body(tx, *id)?
                    && found.0.epoch == *epoch
                {
                    claimed.push(found);
                }
            }
            Ok(claimed)
        })
        .await
}

async fn dispatch(hub: &Arc<Hub>, delivery: Delivery, body: Option<Vec<u8>>) {
    let id = DeliveryId(delivery.id);
    let happened = Happened {
        interchange_id: delivery.interchange_id,
        organisation_id: delivery.organisation_id,
        centre_id: delivery.centre_id,
    };
    if let Err(error) = attempt(hub, delivery, body).await {
        // The lease runs out and it is tried again; the receiver knows a repeat by its id.
        tracing::error!(%id, %error, "a delivery attempt could not be recorded");
    }
    hub.tell(happened);
}

async fn attempt(hub: &Arc<Hub>, mut delivery: Delivery, body: Option<Vec<u8>>) -> Result<()> {
    let id = DeliveryId(delivery.id);
    let at_ms = hub.clock.now_ms();
    let watch = Stopwatch::start();
    let body = match body {
        Some(body) => body,
        None => match prepare::prepare(hub, &mut delivery).await {
            Ok(Some(body)) => body,
            Ok(None) => {
                tracing::info!(%id, "the lease was lost; another hub has this delivery");
                return Ok(());
            }
            Err(error) if error.is_temporary() => {
                return record(
                    hub,
                    &delivery,
                    Sent::Temporary { reason: error.to_string(), retry_after_ms: None },
                    at_ms,
                    watch,
                )
                .await;
            }
            Err(error) => return record(hub, &delivery, Sent::Dead { reason: error.to_string() }, at_ms, watch).await,
        },
    };
    let sent = match outgoing(hub, &delivery, body) {
        Ok(out) => send(hub, &out).await,
        Err(error) => Sent::Dead { reason: error.to_string() },
    };
    let answer = match &sent {
        Sent::Delivered { answer: Some(Answer { content_type, body }), .. } => {
            Some((content_type.clone(), body.clone()))
        }
        _ => None,
    };
    // The answer first: if we fall between the two, the delivery is sent again and its answer comes again as a repeat.
    if let Some((content_type, body)) = answer {
        let receipt = Receipt {
            organisation_id: delivery.organisation_id,
            centre_id: delivery.centre_id,
            transport: Transport::Http,
            transport_id: Some(format!("answer:{id}")),
            content_type,
            charset: String::new(),
            file_name: String::new(),
            account_id: None,
            answers_delivery_id: Some(delivery.id),
        };
        hub.receive(receipt, body).await?;
    }
    record(hub, &delivery, sent, at_ms, watch).await
}

fn outgoing(hub: &Hub, delivery: &Delivery, body: Vec<u8>) -> Result<Outgoing> {
    let directory = hub.directory();
    let terms = directory.agreement_by_id(delivery.agreement_id).map(|agreed| &agreed.terms);
    let secret = |name: Option<&String>| hub.secret(name.map_or("", String::as_str));
    let mut out = Outgoing {
        delivery: DeliveryId(delivery.id),
        interchange: Some(InterchangeId(delivery.interchange_id)),
        document: delivery.document_id.map(DocumentId),
        // The agreement as it is now: a partner that moved is reached by sending again.
        address: terms.map_or_else(|| delivery.address.clone(), |terms| terms.address.clone()),
        content_type: delivery.content_type.clone(),
        file_name: prepare::file_name(delivery),
        subject: format!("{} {}", delivery.document_type, delivery.number),
        body: Bytes::from(body),
        signing_secret: secret(terms.map(|terms| &terms.signing_secret))?,
        credential: secret(terms.map(|terms| &terms.credential))?,
    };
    if delivery.kind == "notice" {
        let notice: crate::document::notice::Notice = serde_json::from_str(&delivery.content)
            .map_err(|error| Error::store("the stored notice cannot be read").caused_by(error))?;
        out.subject = notice.subject;
        out.file_name = String::new();
    }
    Ok(out)
}

async fn send(hub: &Hub, out: &Outgoing) -> Sent {
    let scheme = out.address.split(':').next().unwrap_or("").to_ascii_lowercase();
    match hub.outbound.iter().find(|outbound| outbound.scheme().contains(&scheme.as_str())) {
        Some(outbound) => outbound.send(out).await,
        None => Sent::Dead { reason: format!("no transport of this hub takes {scheme}: addresses") },
    }
}

async fn record(hub: &Arc<Hub>, delivery: &Delivery, sent: Sent, at_ms: i64, watch: Stopwatch) -> Result<()> {
    let id = DeliveryId(delivery.id);
    let now_ms = hub.clock.now_ms();
    let (outcome, reason, due_ms) = match sent {
        Sent::Delivered { receipt, .. } => ("delivered", receipt, None),
        Sent::Temporary { reason, retry_after_ms } => {
            let due = next_due(hub, delivery, retry_after_ms, now_ms);
            ("temporary", reason, due)
        }
        Sent::Dead { reason } => ("dead", reason, None),
    };
    let duration_us = watch.elapsed_us();
    let duration_ms = i64::try_from(duration_us / 1000).unwrap_or(i64::MAX);
    hub.metrics.attempts.get_or_create(&label("outcome", outcome)).inc();
    hub.metrics.attempt_seconds.observe(seconds(watch));
    let reason: String = reason.chars().take(500).collect();
    match outcome {
        "delivered" => {
            tracing::info!(%id, number = %delivery.number, duration_ms, "{} {} delivered", delivery.document_type, delivery.number)
        }
        "temporary" if due_ms.is_some() => {
            tracing::warn!(%id, number = %delivery.number, duration_ms, reason, "{} {} not delivered; trying again", delivery.document_type, delivery.number);
        }
        _ => {
            tracing::error!(%id, number = %delivery.number, duration_ms, reason, "{} {} is dead and waits for a person", delivery.document_type, delivery.number);
        }
    }
    let (delivery_id, epoch) = (delivery.id, delivery.epoch);
    let recorded = hub
        .store
        .write(move |tx| {
            let attempt = Attempt { outcome, reason: &reason, at_ms, duration_ms, due_ms };
            deliveries::record(tx, delivery_id, epoch, &attempt, now_ms)
        })
        .await?;
    if !recorded {
        tracing::info!(%id, "the lease was lost; this attempt is not counted");
    }
    Ok(())
}

/// When it is tried again: the schedule with up to a fifth of jitter, a partner's own wish if that is later; none when the
/// schedule is used up.
fn next_due(hub: &Hub, delivery: &Delivery, retry_after_ms: Option<i64>, now_ms: i64) -> Option<i64> {
    let directory = hub.directory();
    let agreed = directory.agreement_by_id(delivery.agreement_id).map(|agreed| agreed.terms.retry_s.as_slice());
    let schedule = agreed.filter(|schedule| !schedule.is_empty()).unwrap_or(RETRY_S);
    let step_ms = i64::from(*schedule.get(usize::try_from(delivery.attempts).ok()?)?) * 1000;
    // Spread by the delivery's own number, so that a partner that comes back is not met by all at once.
    let spread = delivery.id.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64).rem_euclid(1000);
    let jitter = step_ms * spread / 5000;
    Some(now_ms + (step_ms + jitter).max(retry_after_ms.unwrap_or(0).min(LONGEST_RETRY_AFTER_MS)))
}
