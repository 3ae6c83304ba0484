//! Booking parcels: claim what is due, look first where it may be booked already, book once, hand the answer in as an interchange of
//! that courier, record.
//!
//! The booking is a row written in the commit of the shipping notice. Before the courier is asked to book, the row says so;
//! whatever happens after that, the next attempt looks the parcel up by our reference (`[booking.find]`) or makes the same request
//! under the same key, so that a parcel is never booked twice. A courier that can do neither is not asked again: a person
//! decides. An answer that comes twice names the same waybill, and its document is a repeat.

use std::sync::Arc;

use bytes::Bytes;

use super::booked::{self, Reply, Said};
use super::booking::{About, Booking};
use super::profile::Profile;
use super::signing::Signing;
use crate::document::consignment::Consignment;
use crate::document::directory::Organisation;
use crate::error::{Error, Result};
use crate::model::disposition::Transport;
use crate::model::id::BookingId;
use crate::model::secret::Secret;
use crate::pipeline::claims::{self, Lease, Queue};
use crate::pipeline::hub::Hub;
use crate::pipeline::metrics::label;
use crate::pipeline::outbound::{Answer, Answered, Question};
use crate::pipeline::receive::Receipt;
use crate::store::audit;
use crate::store::bookings::{self, Attempted, Booking as Row};

/// Bookings claimed at once, and made at a time: a courier's service is not ours to overload.
const CLAIM: i64 = 16;
const AT_A_TIME: usize = 4;
/// How long a claim holds: longer than a look and a booking may take.
const LEASE_MS: i64 = 300_000;
/// Seconds until each retry; then a person decides.
const RETRY_S: &[i64] = &[10, 60, 600, 3600, 14_400];

/// Runs until the hub stops, then lets bookings under way finish.
pub async fn run(hub: Arc<Hub>) {
    let queue = Queue { what: "bookings", at_a_time: AT_A_TIME, wake: |hub| &hub.booked };
    claims::run(hub, queue, claim, work).await;
}

/// Books everything that is due once, for tests; gives how many attempts there were.
pub async fn run_once(hub: &Arc<Hub>) -> Result<usize> {
    claims::run_once(hub, claim, work).await
}

async fn claim(hub: Arc<Hub>) -> Result<Vec<Row>> {
    let (take, get) = (bookings::claim, bookings::get);
    claims::claim(hub, Lease { take, get, epoch: |row| row.epoch, most: CLAIM, lease_ms: LEASE_MS }).await
}

/// What came of an attempt.
struct Outcome {
    /// For the metrics: `booked`, `refused`, `failed`, `unsure`, `given-up`.
    word: &'static str,
    line: String,
    /// Whether the courier certainly did not book it.
    not_booked: bool,
    wait_ms: i64,
}

fn outcome(word: &'static str, line: impl Into<String>) -> Outcome {
    Outcome { word, line: line.into(), not_booked: false, wait_ms: 0 }
}

async fn work(hub: Arc<Hub>, row: Row) {
    let hub = &hub;
    let mut came = match attempt(hub, &row).await {
        Ok(Some(came)) => came,
        Ok(None) => return tracing::info!("the lease of a booking was lost; another hub has it"),
        Err(error) => outcome("failed", error.to_string()),
    };
    let now_ms = hub.clock.now_ms();
    let pause_s = usize::try_from(row.attempts - 1).ok().and_then(|index| RETRY_S.get(index)).copied();
    let due_ms = pause_s.filter(|_| came.word == "failed").map(|pause_s| now_ms + came.wait_ms.max(pause_s * 1000));
    if came.word == "failed" && due_ms.is_none() {
        came.word = "given-up";
    }
    hub.metrics.bookings.get_or_create(&label("outcome", came.word)).inc();
    let parcel = row.reference();
    match came.word {
        "booked" => tracing::info!(%parcel, "{parcel} is booked: {}", came.line),
        "failed" => tracing::warn!(%parcel, "booking {parcel} failed and is tried again: {}", came.line),
        _ => tracing::warn!(%parcel, "booking {parcel} waits for a person: {}", came.line),
    }
    let state = if came.word == "failed" { "open" } else { came.word };
    let recorded = hub.store.write(move |tx| {
        let attempted = Attempted { state, due_ms, not_booked: came.not_booked, outcome: &came.line };
        bookings::record(tx, row.id, row.epoch, &attempted, now_ms)
    });
    if let Err(error) = recorded.await {
        tracing::warn!(%error, "recording a booking failed; its lease will run out and it is looked up");
    }
}

/// Where the courier reports to.
fn callback(hub: &Hub, profile: &Profile) -> Result<String> {
    let address = format!("{}/callbacks/{}", hub.config.url(), profile.name);
    match profile.signing {
        Signing::Path => {
            let secret = hub.secret(&format!("courier:{}", profile.name))?;
            Ok(format!("{address}/{}", secret.as_ref().map_or("", Secret::expose)))
        }
        _ => Ok(address),
    }
}

/// One attempt; none if the lease was lost.
async fn attempt(hub: &Arc<Hub>, row: &Row) -> Result<Option<Outcome>> {
    let directory = hub.directory();
    let courier = directory.organisation(row.courier_id).filter(|courier| courier.active);
    let known = courier.and_then(|courier| Some((courier, hub.couriers.get(&courier.short)?)));
    let Some((courier, profile, booking)) =
        known.and_then(|(courier, profile)| Some((courier, profile, profile.booking.as_ref()?)))
    else {
        return Ok(Some(outcome("given-up", "the courier has no profile with [booking] any more, or is not active")));
    };
    let (known, despatch_id) = (Arc::clone(&directory), row.despatch_id);
    let consignment = hub.store.read(move |tx| Consignment::load(tx, &known, despatch_id)).await?;
    let Some(consignment) = consignment else { return Ok(Some(outcome("given-up", "the shipping notice is gone"))) };
    let open = |piece: &&crate::document::consignment::Piece| {
        piece.tracking_id.is_empty()
            && piece.courier_id == row.courier_id
            && (row.parcel_id == 0 || row.parcel_id == piece.id)
    };
    let parcels: Vec<_> = consignment.parcels.iter().filter(open).collect();
    if parcels.is_empty() {
        return Ok(Some(outcome("booked", "it has its waybill number")));
    }
    let secret = if booking.needs_secret() { hub.secret(&format!("courier:{}:booking", courier.short))? } else { None };
    let about = About {
        reference: row.reference(),
        key: row.key(),
        callback: callback(hub, profile)?,
        consignment: &consignment,
        parcels,
        secret: secret.as_ref(),
    };
    let asking = Asking { hub, row, courier, booking };
    if row.sent_ms.is_some() {
        match &booking.find {
            Some(find) => {
                let came = asking.put(booking.look(find, &about), &about, true).await?;
                // Only what the courier does not know is booked anew.
                if came.word != "nothing" {
                    return Ok(Some(came));
                }
            }
            None if booking.may_repeat() => {}
            None => {
                let line = format!("{} may have booked it, and cannot be asked: {}", courier.name, row.outcome);
                return Ok(Some(outcome("unsure", line)));
            }
        }
    }
    let (id, epoch, now_ms) = (row.id, row.epoch, hub.clock.now_ms());
    if !hub.store.write(move |tx| bookings::sending(tx, id, epoch, now_ms)).await? {
        return Ok(None);
    }
    asking.put(booking.create(&about), &about, false).await.map(Some)
}

impl Hub {
    /// Begins a booking anew that waits for a person; false if there is none. What may be booked already is looked up first.
    pub async fn book_again(&self, id: i64, centre_id: i64, actor: &str) -> Result<bool> {
        let (now_ms, audit_id, actor) = (self.clock.now_ms(), self.next_id(), actor.to_owned());
        let begun = self.store.write(move |tx| {
            let begun = bookings::again(tx, id, centre_id, now_ms)?;
            if begun {
                audit::note(tx, audit_id, now_ms, &actor, "book-again", &BookingId(id).to_string(), None)?;
            }
            Ok(begun)
        });
        let begun = begun.await?;
        if begun {
            self.booked.notify_one();
        }
        Ok(begun)
    }
}

struct Asking<'a> {
    hub: &'a Arc<Hub>,
    row: &'a Row,
    courier: &'a Organisation,
    booking: &'a Booking,
}

impl Asking<'_> {
    /// Makes a request, and takes in what is answered if it says anything that counts.
    async fn put(&self, question: Question, about: &About<'_>, found: bool) -> Result<Outcome> {
        let hub = self.hub;
        let scheme = question.address.split(':').next().unwrap_or("");
        let outbound = hub.outbound.iter().find(|outbound| outbound.scheme().contains(&scheme));
        let outbound = outbound.ok_or_else(|| Error::bug(format!("nothing speaks {scheme}")))?;
        let channel = format!("courier:{}", self.courier.short);
        let (status, answer) = match outbound.ask(&question).await {
            Answered::Body(answer) => (200, answer),
            Answered::Temporary { reason, retry_after_ms, heard } => {
                hub.channel_failed(&channel, &reason, true).await?;
                let not_booked = !heard && !found && self.row.sent_ms.is_none();
                return Ok(Outcome { not_booked, wait_ms: retry_after_ms.unwrap_or(0), ..outcome("failed", reason) });
            }
            Answered::Refused { said: Some((status, answer)), .. } if self.booking.refused.contains(&status) => {
                (status, answer)
            }
            // A secret that is being changed, a way that is closed for now: they pass.
            Answered::Refused { reason, .. } => {
                hub.channel_failed(&channel, &reason, true).await?;
                let not_booked = !found && self.row.sent_ms.is_none();
                return Ok(Outcome { not_booked, ..outcome("failed", reason) });
            }
        };
        hub.channel_works(&channel).await?;
        let reply = Reply { reference: about.reference.clone(), round: self.row.round, status, found };
        let said = booked::read(self.booking, &reply, &answer.body);
        let mut numbers = Vec::new();
        let (mut refused, mut again, mut nothing) = (None, None, false);
        for piece in &about.parcels {
            match booked::of(&said, &about.reference, piece.id) {
                Some(Said::Booked(waybill)) => numbers.push(waybill.number.as_str()),
                Some(Said::Refused(_, reason)) => refused = Some(reason.clone()),
                Some(Said::Again(reason)) => again = Some(reason.clone()),
                Some(Said::Nothing) => nothing = true,
                None if found => nothing = true,
                None => again = Some("the answer does not name every parcel".to_owned()),
            }
        }
        let line = numbers.join(", ");
        if !numbers.is_empty() || refused.is_some() {
            self.take_in(&reply, answer).await?;
        }
        Ok(match (again, refused) {
            (Some(reason), _) => outcome("failed", reason),
            (None, Some(reason)) => Outcome { not_booked: numbers.is_empty(), ..outcome("refused", reason) },
            (None, None) if nothing && numbers.is_empty() => outcome("nothing", "not known to the courier"),
            (None, None) if nothing => outcome("failed", format!("only {line} is known to the courier")),
            (None, None) => outcome("booked", line),
        })
    }

    async fn take_in(&self, reply: &Reply, answer: Answer) -> Result<()> {
        let name = reply.name();
        // An interchange has bytes; a refusal may come without any.
        let body = if answer.body.is_empty() { Bytes::from(format!("HTTP {}", reply.status)) } else { answer.body };
        let receipt = Receipt {
            organisation_id: self.courier.id,
            centre_id: self.courier.centre_id,
            transport: Transport::CourierBooking,
            transport_id: Some(format!("{name}-{}", self.row.epoch)),
            content_type: answer.content_type,
            charset: String::new(),
            file_name: name,
            account_id: None,
            answers_delivery_id: None,
            mail_id: None,
        };
        self.hub.receive(receipt, body).await?;
        Ok(())
    }
}
