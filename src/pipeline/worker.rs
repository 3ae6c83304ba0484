//! The worker: claims interchanges that are due, reads and decides them. Wake-ups are hints; the row is the truth.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::SemaphorePermit;

use ring::rand::SystemRandom;

use super::claims::{self, Lease, Queue};
use super::commit::{Decided, Work};
use super::hub::{Happened, Hub};
use super::metrics::label;
use super::read::{self, ReadInterchange};
use crate::clock::Stopwatch;
use crate::error::{Error, Kind, Result};
use crate::model::disposition::{Cause, Disposition, InterchangeState};
use crate::model::finding::{Code, Finding, Place};
use crate::model::id::InterchangeId;
use crate::model::secret::Secret;
use crate::store::interchanges::{self, CHUNK_BYTES, Decision, Interchange};

/// Interchanges claimed at once.
const CLAIM: i64 = 64;
/// How long a claim holds; a large catalogue renews it.
pub(super) const LEASE_MS: i64 = 60_000;
/// Payload of the interchanges that are in memory at a time, KiB; a large one is read in pieces and counts as half of it.
pub(super) const READING_KIB: usize = 4096;
/// Tries before an interchange that keeps failing by our fault is held.
const MOST_ATTEMPTS: i64 = 5;

/// Runs until the hub stops, then lets what was claimed finish.
pub async fn run(hub: Arc<Hub>) {
    let queue = Queue { what: "interchanges", at_a_time: hub.config.workers.interchanges, wake: |hub| &hub.received };
    claims::run(hub, queue, claim, process).await;
}

/// Works through everything that is due once, for the command line and tests; gives how many were processed.
pub async fn run_once(hub: &Arc<Hub>) -> Result<usize> {
    claims::run_once(hub, claim, process).await
}

/// A row under our lease, with its bytes where they are at hand.
type Claimed = (Interchange, Option<Vec<u8>>);

async fn claim(hub: Arc<Hub>) -> Result<Vec<Claimed>> {
    let (take, get) = (interchanges::claim, interchanges::get_with_payload);
    claims::claim(hub, Lease { take, get, epoch: |(row, _)| row.epoch, most: CLAIM, lease_ms: LEASE_MS }).await
}

/// Reads and decides one interchange. Whatever goes wrong concerns this one alone.
async fn process(hub: Arc<Hub>, (interchange, payload): Claimed) {
    let hub = &hub;
    let watch = Stopwatch::start();
    let id = InterchangeId(interchange.id);
    let happened = Happened {
        interchange_id: interchange.id,
        organisation_id: interchange.organisation_id,
        centre_id: interchange.centre_id,
    };
    let (epoch, attempts) = (interchange.epoch, interchange.attempts);
    match read_and_decide(hub, interchange, payload).await {
        Ok(decided) if decided.lost => tracing::info!(%id, "the lease was lost; another worker has this interchange"),
        Ok(decided) => {
            for disposition in &decided.dispositions {
                hub.metrics.documents.get_or_create(&label("disposition", disposition.as_str())).inc();
            }
            let duration_ms = watch.elapsed_us() / 1000;
            tracing::info!(%id, documents = decided.dispositions.len(), deliveries = decided.deliveries, duration_ms,
                "interchange {id} decided: {}", words(&decided));
            if decided.directory_changed
                && let Err(error) = hub.refresh_directory().await
            {
                tracing::error!(%error, "the directory could not be read again; the next look will");
            }
            if decided.deliveries > 0 {
                hub.scheduled.notify_one();
            }
            if decided.asked {
                hub.asked.notify_one();
            }
            if decided.booked {
                hub.booked.notify_one();
            }
            if decided.woken || decided.directory_changed {
                hub.received.notify_one();
            }
        }
        Err(error) if error.is_temporary() && attempts < MOST_ATTEMPTS => {
            tracing::warn!(%id, %error, "deciding failed; trying again");
            let due_ms = hub.clock.now_ms() + 1000 * attempts;
            let released = hub.store.write(move |tx| interchanges::release(tx, id.0, epoch, due_ms)).await;
            if let Err(error) = released {
                tracing::warn!(%id, %error, "giving the interchange back failed; its lease will run out");
            }
        }
        Err(error) => {
            tracing::error!(%id, %error, "interchange {id} is held: we failed");
            hold(hub, id.0, epoch).await;
        }
    }
    hub.metrics.decide_seconds.observe(seconds(watch));
    hub.tell(happened);
}

fn words(decided: &Decided) -> String {
    let words: Vec<&str> = decided.dispositions.iter().map(|disposition| disposition.as_str()).collect();
    if words.is_empty() { "no document".to_owned() } else { words.join(", ") }
}

/// Seconds as the histograms want them.
#[expect(clippy::float_arithmetic, reason = "a measurement, not a quantity")]
pub(super) fn seconds(watch: Stopwatch) -> f64 {
    watch.elapsed_us() as f64 / 1_000_000.0
}

/// Waits for room to read an interchange, under its lease.
async fn room<'h>(hub: &'h Arc<Hub>, interchange: &Interchange) -> Result<Option<SemaphorePermit<'h>>> {
    let kib = usize::try_from(interchange.size_bytes / 1024).unwrap_or(READING_KIB) + 1;
    let kib = u32::try_from(kib.min(READING_KIB / 2)).unwrap_or(1);
    loop {
        let waited = tokio::time::timeout(Duration::from_millis(LEASE_MS as u64 / 3), hub.reading.acquire_many(kib));
        match waited.await {
            // The semaphore is never closed.
            Ok(permit) => return Ok(permit.ok()),
            Err(_) => {
                let (id, epoch, until_ms) = (interchange.id, interchange.epoch, hub.clock.now_ms() + LEASE_MS);
                if !hub.store.write(move |tx| interchanges::renew(tx, id, epoch, until_ms)).await? {
                    return Ok(None);
                }
            }
        }
    }
}

async fn read_and_decide(hub: &Arc<Hub>, interchange: Interchange, payload: Option<Vec<u8>>) -> Result<Decided> {
    let Some(_room) = room(hub, &interchange).await? else { return Ok(Decided { lost: true, ..Decided::default() }) };
    // Before the look at the directory: agreements that were made after it wake what is held by them.
    let directory = hub.directory();
    let today = hub.today();
    let source = read::Source {
        hub: Arc::clone(hub),
        directory: Arc::clone(&directory),
        interchange: interchange.clone(),
        today: today.clone(),
    };
    let large = interchange.size_bytes > CHUNK_BYTES as i64;
    let read: Result<ReadInterchange> = if large {
        let task = tokio::task::spawn_blocking(move || read::large(&source));
        task.await.unwrap_or_else(|panic| Err(panicked(hub, &panic.to_string())))
    } else {
        let bytes = payload.ok_or_else(|| Error::store("the payload of an interchange is missing"))?;
        let read = std::panic::catch_unwind(AssertUnwindSafe(|| read::whole(&source, bytes.into())));
        read.unwrap_or_else(|panic| Err(panicked(hub, panic_words(&panic))))
    };
    // Outside of the transaction, which may be run twice.
    let link = interchange.mail_id.map(|_| Secret::generate("", &SystemRandom::new())).transpose()?;
    let read = read?;
    let unknown = read.unknown_wordings();
    // The name in the directory: what a document says of its sender could be anything.
    let courier = directory.organisation(interchange.organisation_id).map_or(String::new(), |one| one.short.clone());
    let work = Work { hub: Arc::clone(hub), directory, interchange, read, today, link };
    let decided = Arc::new(work).decide().await?;
    let taken = |one: &Disposition| matches!(one, Disposition::Accepted | Disposition::AcceptedWithErrors);
    if !decided.lost && decided.dispositions.iter().any(taken) {
        alarm(hub, &courier, &unknown);
    }
    Ok(decided)
}

/// Tells the operator of couriers' words that no table has: such an event is kept and moves nothing.
fn alarm(hub: &Hub, courier: &str, unknown: &[String]) {
    for code in unknown {
        hub.metrics.unknown_wordings.get_or_create(&label("courier", courier)).inc();
        let code: String = code.chars().take(60).collect();
        tracing::warn!(%courier, %code, "courier {courier} says {code:?}, which its profile does not know");
    }
}

fn panicked(hub: &Hub, words: &str) -> Error {
    hub.metrics.panics.inc();
    Error::new(Kind::Bug, format!("a panic while reading: {words}"))
}

fn panic_words(panic: &Box<dyn std::any::Any + Send>) -> &str {
    panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("?")
}

/// Holds an interchange that we failed on, for a person.
async fn hold(hub: &Arc<Hub>, id: i64, epoch: i64) {
    let finding = Finding::error(Code::HubTrouble, Place::default());
    let findings = serde_json::to_string(&[finding]).unwrap_or_default();
    let now_ms = hub.clock.now_ms();
    let held = hub
        .store
        .write(move |tx| {
            let decision = Decision {
                state: InterchangeState::Held,
                disposition: Some(Disposition::Held),
                cause: Some(Cause::Hub),
                format: "",
                control_reference: "",
                sender: "",
                receiver: "",
                documents: 0,
                findings: &findings,
                due_ms: None,
            };
            interchanges::decide(tx, id, epoch, &decision, now_ms)
        })
        .await;
    if let Err(error) = held {
        tracing::error!(%error, "holding the interchange failed; its lease will run out and it is tried again");
    }
}
