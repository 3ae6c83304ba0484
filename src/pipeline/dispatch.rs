//! The way out: *prepare* once (bytes kept), *send* (network only), *record*.

use std::sync::Arc;

use bytes::Bytes;
use ring::digest::{SHA256, digest};

use super::claims::{self, Lease, Queue};
use super::hub::{Happened, Hub};
use super::metrics::label;
use super::outbound::{Answer, Attachment, Outgoing, Sent};
use super::prepare;
use super::read;
use super::receive::Receipt;
use super::worker::seconds;
use crate::clock::Stopwatch;
use crate::error::{Error, Result};
use crate::format::Hint;
use crate::model::disposition::Transport;
use crate::model::document_type::DocumentType;
use crate::model::id::{DeliveryId, DocumentId, InterchangeId};
use crate::store::deliveries::{self, Attempt, Delivery};

/// Deliveries claimed at once.
const CLAIM: i64 = 64;
/// How long a claim holds: longer than any attempt may take.
const LEASE_MS: i64 = 180_000;
/// Seconds until each retry when the agreement does not say: from seconds to a day, two days in all.
const RETRY_S: &[u32] = &[5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 86_400];
/// Longest that a partner's Retry-After is honoured.
const LONGEST_RETRY_AFTER_MS: i64 = 3_600_000;

/// Runs until the hub stops, then lets attempts under way finish.
pub async fn run(hub: Arc<Hub>) {
    let queue = Queue { what: "deliveries", at_a_time: hub.config.workers.deliveries, wake: |hub| &hub.scheduled };
    claims::run(hub, queue, claim, dispatch).await;
}

/// Sends everything that is due once, for the command line and tests; gives how many attempts were made.
pub async fn run_once(hub: &Arc<Hub>) -> Result<usize> {
    claims::run_once(hub, claim, dispatch).await
}

/// A row under our lease, with its bytes where they are at hand.
type Claimed = (Delivery, Option<Vec<u8>>);

async fn claim(hub: Arc<Hub>) -> Result<Vec<Claimed>> {
    let (take, get) = (deliveries::claim, deliveries::get_with_body);
    claims::claim(hub, Lease { take, get, epoch: |(row, _)| row.epoch, most: CLAIM, lease_ms: LEASE_MS }).await
}

async fn dispatch(hub: Arc<Hub>, (delivery, body): Claimed) {
    let hub = &hub;
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
    let attached = attached(hub, &delivery).await?;
    let sent = match outgoing(hub, &delivery, body) {
        Ok(mut out) => {
            out.attachments = attached;
            send(hub, &out).await
        }
        Err(error) => Sent::Dead { reason: error.to_string() },
    };
    let answer = match &sent {
        // Systems say `{"ok":true}` as well, which is nothing to keep.
        Sent::Delivered { answer: Some(answer), .. } if read::is_document(answer.body.clone(), &hint_of(answer)) => {
            Some((answer.content_type.clone(), answer.body.clone()))
        }
        _ => None,
    };
    // The answer first: if we fall between the two, the delivery is sent again and its answer comes again as a repeat.
    if let Some((content_type, body)) = answer {
        let receipt = Receipt {
            organisation_id: delivery.organisation_id,
            centre_id: delivery.centre_id,
            transport: Transport::Http,
            // With its digest: sent again by hand, a delivery may be answered otherwise, and that is to be kept as well.
            transport_id: Some(format!("answer:{id}:{}", super::hex(digest(&SHA256, &body).as_ref()))),
            content_type,
            charset: String::new(),
            file_name: String::new(),
            account_id: None,
            answers_delivery_id: Some(delivery.id),
            mail_id: None,
        };
        hub.receive(receipt, body).await?;
    }
    record(hub, &delivery, sent, at_ms, watch).await
}

/// The files that were prepared with a notice.
async fn attached(hub: &Hub, delivery: &Delivery) -> Result<Vec<Attachment>> {
    if delivery.kind != "notice" {
        return Ok(Vec::new());
    }
    let id = delivery.id;
    let files = hub.store.read(move |tx| deliveries::attachments(tx, id)).await?;
    let attachment = |file: deliveries::Attachment| Attachment {
        name: file.name,
        content_type: file.content_type,
        body: Bytes::from(file.bytes),
    };
    Ok(files.into_iter().map(attachment).collect())
}

/// What an answer says of itself.
fn hint_of(answer: &Answer) -> Hint {
    Hint { content_type: Some(answer.content_type.clone()), ..Hint::default() }
}

fn outgoing(hub: &Hub, delivery: &Delivery, body: Vec<u8>) -> Result<Outgoing> {
    let directory = hub.directory();
    let terms = directory.agreement_now(delivery.agreement_id, &hub.today()).map(|agreed| &agreed.terms);
    let partner = directory.organisation(delivery.organisation_id);
    let kind = delivery.document_type.parse::<DocumentType>().ok();
    let title = kind.map_or(delivery.document_type.as_str(), |kind| {
        kind.title(partner.map(|partner| partner.language).unwrap_or_default())
    });
    let secret = |name: Option<&String>| hub.secret(name.map_or("", String::as_str));
    let mut out = Outgoing {
        delivery: DeliveryId(delivery.id),
        interchange: Some(InterchangeId(delivery.interchange_id)),
        document: delivery.document_id.map(DocumentId),
        partner: partner.map_or(String::new(), |found| found.short.clone()),
        // The agreement as it is now: a partner that moved is reached by sending again.
        address: terms.map_or_else(|| delivery.address.clone(), |terms| terms.address.clone()),
        content_type: delivery.content_type.clone(),
        file_name: prepare::file_name(delivery),
        subject: format!("{title} {}", delivery.number),
        thread: Vec::new(),
        automatic_answer: false,
        body: Bytes::from(body),
        attachments: Vec::new(),
        signing_secret: secret(terms.map(|terms| &terms.signing_secret))?,
        credential: secret(terms.map(|terms| &terms.credential))?,
    };
    if delivery.kind == "notice" {
        let notice: crate::document::notice::Notice = serde_json::from_str(&delivery.content)
            .map_err(|error| Error::store("the stored notice cannot be read").caused_by(error))?;
        out.subject = notice.subject;
        out.thread = notice.thread;
        out.automatic_answer = notice.automatic_answer.unwrap_or(false);
        out.file_name = String::new();
    }
    Ok(out)
}

async fn send(hub: &Hub, out: &Outgoing) -> Sent {
    let scheme = out.address.split(':').next().unwrap_or("").to_ascii_lowercase();
    match hub.outbound.iter().find(|outbound| outbound.scheme().contains(&scheme.as_str())) {
        Some(outbound) => {
            let sent = outbound.send(out).await;
            if let Some(channel) = outbound.channel(out) {
                note(hub, channel, &sent).await;
            }
            sent
        }
        None => Sent::Dead { reason: format!("no transport of this hub takes {scheme}: addresses") },
    }
}

/// Notes whether the way worked, whatever came of the delivery.
async fn note(hub: &Hub, channel: &str, sent: &Sent) {
    let noted = match sent {
        Sent::Unreachable { reason } => hub.channel_failed(channel, reason, true).await,
        _ => hub.channel_works(channel).await,
    };
    if let Err(error) = noted {
        tracing::warn!(channel, %error, "the state of a channel could not be noted");
    }
}

async fn record(hub: &Arc<Hub>, delivery: &Delivery, sent: Sent, at_ms: i64, watch: Stopwatch) -> Result<()> {
    let id = DeliveryId(delivery.id);
    let now_ms = hub.clock.now_ms();
    let mut said = String::new();
    let (outcome, reason, due_ms) = match sent {
        Sent::Delivered { receipt, .. } => ("delivered", receipt, None),
        Sent::Temporary { reason, retry_after_ms } => {
            let due = next_due(hub, delivery, retry_after_ms, now_ms);
            ("temporary", reason, due)
        }
        Sent::Unreachable { reason } => {
            let due = next_due(hub, delivery, None, now_ms);
            ("temporary", reason, due)
        }
        Sent::Dead { reason } => ("dead", reason, None),
        Sent::Rejected { reason, findings } => {
            said = serde_json::to_string(&findings)
                .map_err(|error| Error::bug("writing findings as JSON").caused_by(error))?;
            ("dead", reason, None)
        }
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
            let recorded = deliveries::record(tx, delivery_id, epoch, &attempt, now_ms)?;
            if recorded && !said.is_empty() {
                deliveries::set_findings(tx, delivery_id, &said)?;
            }
            Ok(recorded)
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
    let agreed = directory.agreement_now(delivery.agreement_id, &hub.today());
    let agreed = agreed.map(|agreed| agreed.terms.retry_s.as_slice());
    let schedule = agreed.filter(|schedule| !schedule.is_empty()).unwrap_or(RETRY_S);
    let step_ms = i64::from(*schedule.get(usize::try_from(delivery.attempts).ok()?)?) * 1000;
    // Spread by the delivery's own number, so that a partner that comes back is not met by all at once.
    let spread = delivery.id.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64).rem_euclid(1000);
    let jitter = step_ms * spread / 5000;
    Some(now_ms + (step_ms + jitter).max(retry_after_ms.unwrap_or(0).min(LONGEST_RETRY_AFTER_MS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_answers_are_documents() {
        let check = |content_type: &str, body: &'static str, expected| {
            let answer = Answer { content_type: content_type.to_owned(), body: Bytes::from_static(body.as_bytes()) };
            assert_eq!(read::is_document(answer.body.clone(), &hint_of(&answer)), expected, "{body}");
        };
        check("application/json", r#"{"ok":true}"#, false);
        check("application/json", r#"{"type":"OrderResponse","id":"R-1"}"#, true);
        check("application/xml", "<response>ok</response>", false);
        check("text/xml", "<html><body>thanks</body></html>", false);
        check(
            "application/xml",
            "<OrderResponse xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:OrderResponse-2\"/>",
            true,
        );
        check("application/EDIFACT", "UNB+UNOC:3+A+B+261124:0930+77'UNH+1+CONTRL:3:1:UN'", true);
        check("application/EDIFACT", "UNB+UNOC", true);
    }
}
