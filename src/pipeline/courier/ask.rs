//! Asking a courier: claim what is due, ask once, hand the answer in as an interchange of that courier, record.
//!
//! The question is a row written in the commit of the hint that caused it (or by the clock), so that a crash at any point asks
//! again; an answer that comes twice says the same events, which are kept once.

use std::sync::Arc;

use super::says_something;
use crate::error::{Error, Result};
use crate::model::disposition::Transport;
use crate::pipeline::claims::{self, Lease, Queue};
use crate::pipeline::hub::Hub;
use crate::pipeline::metrics::label;
use crate::pipeline::outbound::Answered;
use crate::pipeline::receive::Receipt;
use crate::store::courier_asks::{self, Ask, Asked};

/// Questions claimed at once, and asked at a time: a courier's service is not ours to overload.
const CLAIM: i64 = 16;
const AT_A_TIME: usize = 4;
/// How long a claim holds: longer than any question may take.
const LEASE_MS: i64 = 180_000;
/// Seconds until each retry; then the question is given up, and the clock asks later.
const RETRY_S: &[i64] = &[10, 60, 600, 3600, 14_400];

/// Runs until the hub stops, then lets questions under way finish.
pub async fn run(hub: Arc<Hub>) {
    let queue = Queue { what: "questions to couriers", at_a_time: AT_A_TIME, wake: |hub| &hub.asked };
    claims::run(hub, queue, claim, work).await;
}

/// Asks everything that is due once, for tests; gives how many questions there were.
pub async fn run_once(hub: &Arc<Hub>) -> Result<usize> {
    claims::run_once(hub, claim, work).await
}

impl Hub {
    /// Asks anew what was given up; false if there is no such question.
    pub async fn ask_again(&self, id: i64, centre_id: i64) -> Result<bool> {
        let now_ms = self.clock.now_ms();
        let begun = self.store.write(move |tx| courier_asks::again(tx, id, centre_id, now_ms)).await?;
        if begun {
            self.asked.notify_one();
        }
        Ok(begun)
    }
}

async fn claim(hub: Arc<Hub>) -> Result<Vec<Ask>> {
    let (take, get) = (courier_asks::claim, courier_asks::get);
    claims::claim(hub, Lease { take, get, epoch: |row| row.epoch, most: CLAIM, lease_ms: LEASE_MS }).await
}

/// What came of it: a word for the metrics, a line for people, whether to ask again and when the courier allows it.
struct Outcome {
    word: &'static str,
    line: String,
    again: bool,
    wait_ms: i64,
}

fn outcome(word: &'static str, line: impl Into<String>, again: bool) -> Outcome {
    Outcome { word, line: line.into(), again, wait_ms: 0 }
}

async fn work(hub: Arc<Hub>, ask: Ask) {
    let hub = &hub;
    let came = match put(hub, &ask).await {
        Ok(came) => came,
        Err(error) => outcome("failed", error.to_string(), true),
    };
    hub.metrics.courier_asks.get_or_create(&label("outcome", came.word)).inc();
    let now_ms = hub.clock.now_ms();
    let pause_s = usize::try_from(ask.attempts - 1).ok().and_then(|index| RETRY_S.get(index)).copied();
    let due_ms = pause_s.filter(|_| came.again).map(|pause_s| now_ms + came.wait_ms.max(pause_s * 1000));
    let waybill = &ask.tracking_id;
    match came.word {
        "answered" => tracing::info!(%waybill, "a courier was asked about {waybill}: {}", came.line),
        "nothing" => tracing::info!(%waybill, "a courier has nothing to say of {waybill} yet"),
        _ => tracing::warn!(%waybill, again = due_ms.is_some(), "asking about {waybill} failed: {}", came.line),
    }
    let (id, epoch, line) = (ask.id, ask.epoch, came.line);
    let given_up = due_ms.is_none() && matches!(came.word, "failed" | "refused");
    let recorded = hub.store.write(move |tx| {
        let asked = Asked { due_ms, given_up, outcome: &line };
        courier_asks::record(tx, id, epoch, &asked, now_ms)
    });
    let recorded = recorded.await;
    if let Err(error) = recorded {
        tracing::warn!(%error, "recording an answer failed; its lease will run out and it is asked again");
    }
}

async fn put(hub: &Arc<Hub>, ask: &Ask) -> Result<Outcome> {
    let directory = hub.directory();
    let courier = directory.organisation(ask.courier_id).filter(|courier| courier.active);
    let Some((courier, profile)) = courier.and_then(|courier| Some((courier, hub.couriers.get(&courier.short)?)))
    else {
        return Ok(outcome("refused", "the courier has no profile any more, or is not active", false));
    };
    let Some(fetch) = &profile.fetch else {
        return Ok(outcome("refused", format!("the profile of {} has no [fetch]", courier.short), false));
    };
    let name = format!("courier:{}:fetch", courier.short);
    let secret = if fetch.needs_secret() { hub.secret(&name)? } else { None };
    let question = fetch.question(&ask.tracking_id, &ask.carrier, secret.as_ref());
    let scheme = question.address.split(':').next().unwrap_or("");
    let outbound = hub.outbound.iter().find(|outbound| outbound.scheme().contains(&scheme));
    let outbound = outbound.ok_or_else(|| Error::bug(format!("nothing speaks {scheme}")))?;
    let answer = match outbound.ask(&question).await {
        Answered::Body(answer) => answer,
        Answered::Temporary { reason, retry_after_ms, .. } => {
            return Ok(Outcome { wait_ms: retry_after_ms.unwrap_or(0), ..outcome("failed", reason, true) });
        }
        // A number that is not known yet, a secret that is being changed: both pass, so it is asked again all the same.
        Answered::Refused { reason, .. } => return Ok(outcome("refused", reason, true)),
    };
    if !says_something(profile, &answer.body) {
        return Ok(outcome("nothing", "no events yet", false));
    }
    let receipt = Receipt {
        organisation_id: courier.id,
        centre_id: courier.centre_id,
        transport: Transport::CourierAnswer,
        transport_id: Some(format!("ask:{}:{}", ask.id, ask.epoch)),
        content_type: answer.content_type,
        charset: String::new(),
        file_name: String::new(),
        account_id: None,
        answers_delivery_id: None,
        mail_id: None,
    };
    let received = hub.receive(receipt, answer.body).await?;
    hub.received.notify_one();
    Ok(outcome("answered", crate::model::id::InterchangeId(received.id()).to_string(), false))
}
