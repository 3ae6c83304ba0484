//! Stories that the simulated courier plays, and what it answers when it is asked about them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use clap::ValueEnum;
use tokio::task::JoinSet;

use super::courier_desk::Desk;
use crate::document::transportation_status::{ParcelEvent, TransportationStatus};
use crate::error::{Error, Kind, Result};
use crate::model::parcel_status::ParcelStatus::{self, *};
use crate::transport::courier::{self, Profile};
use crate::transport::http;

/// What happens to a parcel unless something else is asked for.
pub const USUAL: &[ParcelStatus] = &[PickedUp, InTransit, OutForDelivery, Delivered];

/// Events that are remembered for questions.
const MOST_EVENTS: usize = 10_000;
/// Longest question, bytes.
const LONGEST_QUESTION: u64 = 64 << 10;

/// A story, an hour long.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Script {
    /// Picked up, on its way, out for delivery, delivered.
    Ordinary,
    /// The same, but nobody hears of the last two; whoever asks is told.
    LostCallback,
    /// The same, told backwards and partly twice.
    OutOfOrder,
    /// Delivered to somebody else, fetched back and delivered.
    WrongDelivery,
    /// Nobody took it twice, so it goes back.
    Return,
}

/// One event of a story.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// What happened.
    pub status: ParcelStatus,
    /// The courier's count, by time.
    pub sequence: u32,
    /// How long ago, minutes.
    pub minutes_ago: i64,
    /// Whether its callback gets lost.
    pub lost: bool,
}

/// All of it happened just now.
pub fn at_once(statuses: &[ParcelStatus]) -> Vec<Step> {
    let step =
        |(sequence, status): (u32, &ParcelStatus)| Step { status: *status, sequence, minutes_ago: 0, lost: false };
    (1..).zip(statuses).map(step).collect()
}

impl Script {
    /// Its events, in the order in which they are told.
    pub fn steps(self) -> Vec<Step> {
        let statuses: &[ParcelStatus] = match self {
            Script::Ordinary | Script::LostCallback | Script::OutOfOrder => USUAL,
            Script::WrongDelivery => {
                &[PickedUp, InTransit, OutForDelivery, Delivered, WrongDelivery, OutForDelivery, Delivered]
            }
            Script::Return => &[
                PickedUp,
                InTransit,
                OutForDelivery,
                AttemptFailed,
                OutForDelivery,
                AttemptFailed,
                Returning,
                Returned,
            ],
        };
        let mut steps = at_once(statuses);
        let count = i64::try_from(steps.len()).unwrap_or(1).max(1);
        for step in &mut steps {
            step.minutes_ago = (count - i64::from(step.sequence)) * 60 / count;
        }
        match self {
            Script::LostCallback => steps.iter_mut().skip(2).for_each(|step| step.lost = true),
            Script::OutOfOrder => {
                steps.reverse();
                steps.extend_from_within(1..3);
            }
            Script::Ordinary | Script::WrongDelivery | Script::Return => {}
        }
        steps
    }
}

/// A courier that answers what it is asked: an address or a body that names a waybill is told everything of it.
#[derive(Clone)]
pub struct Answers {
    profile: Arc<Profile>,
    desk: Option<Desk>,
    events: Arc<Mutex<Vec<ParcelEvent>>>,
}

impl Answers {
    /// Of a courier that has seen nothing yet.
    pub fn new(profile: Profile) -> Answers {
        Answers { profile: Arc::new(profile), desk: None, events: Arc::default() }
    }

    /// It takes bookings as well.
    pub fn with_desk(self, desk: Desk) -> Answers {
        Answers { desk: Some(desk), ..self }
    }

    /// It knows of this from now on.
    pub fn note(&self, event: ParcelEvent) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() < MOST_EVENTS {
            events.push(event);
        }
    }

    /// What it says to a question; none if it names no parcel that it knows.
    fn say(&self, question: &str) -> Option<String> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let waybill = &events.iter().find(|event| question.contains(&event.tracking_id))?.tracking_id;
        let mut events: Vec<_> = events.iter().filter(|event| event.tracking_id == *waybill).cloned().collect();
        events.sort_by_key(|event| event.sequence);
        events.dedup();
        let said = TransportationStatus { events, ..TransportationStatus::default() };
        Some(self.profile.body.write(&courier::write_answer(&self.profile, &said)))
    }

    /// Answers at an address, or with port 0 at a free one, until what this gives is dropped.
    pub async fn start(self, address: SocketAddr) -> Result<Answering> {
        let failed = |error| Error::new(Kind::Io, format!("listening on {address}")).caused_by(error);
        let listener = tokio::net::TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let router = axum::Router::new().fallback(answer).with_state(self);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the simulated courier stopped answering");
            }
        });
        Ok(Answering { address, _serving: serving })
    }
}

/// A courier that is answering.
#[derive(Debug)]
pub struct Answering {
    /// Where.
    pub address: SocketAddr,
    _serving: JoinSet<()>,
}

async fn answer(State(answers): State<Answers>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = http::whole(&parts.headers, body, LONGEST_QUESTION, 10_000).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if let Some(desk) = &answers.desk
        && let Some(said) = desk.serve(&parts.method, &parts.uri.to_string(), &parts.headers, &body).await
    {
        return said;
    }
    match answers.say(&format!("{} {}", parts.uri, String::from_utf8_lossy(&body))) {
        Some(said) => ([(CONTENT_TYPE, answers.profile.body.media_type())], said).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parcel_status::{Event, state};

    #[test]
    fn how_the_stories_end() {
        let check = |script: Script, told: ParcelStatus, known: ParcelStatus| {
            let event = |step: &Step| Event {
                status: step.status,
                at_ms: -step.minutes_ago,
                sequence: i64::from(step.sequence),
            };
            let steps = script.steps();
            let heard: Vec<_> = steps.iter().filter(|step| !step.lost).map(event).collect();
            let all: Vec<_> = steps.iter().map(event).collect();
            assert_eq!((state(&heard).status(), state(&all).status()), (told, known), "{script:?}");
        };
        check(Script::Ordinary, Delivered, Delivered);
        check(Script::LostCallback, InTransit, Delivered);
        check(Script::OutOfOrder, Delivered, Delivered);
        check(Script::WrongDelivery, Delivered, Delivered);
        check(Script::Return, Returned, Returned);
    }
}
