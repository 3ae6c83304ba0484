//! Where the simulated courier takes bookings: idempotent by the key of the profile, or by our names of the parcels; a script may
//! refuse, be slow, cut the line after booking, or lose the answer. What is booked can be looked up and reported of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use clap::ValueEnum;
use rust_decimal::Decimal;
use tokio::sync::Notify;

use super::answer::waybill;
use crate::model::parts::Amount;
use crate::transport::courier::booked::{Said, Waybill};
use crate::transport::courier::{Booking, Profile, desk};

/// Parcels that are remembered.
const MOST_BOOKED: usize = 100_000;
/// How long a slow courier takes, and one whose answer is lost.
const SLOW: Duration = Duration::from_secs(3);
const LOST: Duration = Duration::from_secs(600);

/// How the desk works.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Manner {
    /// Every parcel is taken at once.
    #[default]
    Take,
    /// No parcel is taken.
    Refuse,
    /// Every parcel is taken after three seconds.
    Slow,
    /// A parcel is taken and the line cut before the answer is through; who asks again is answered.
    Cut,
    /// A parcel is taken and nobody answers; who asks again is answered.
    Lose,
    /// Too busy at first; who asks again is served.
    Busy,
}

/// A parcel that was booked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Booked {
    /// Our name for it.
    pub reference: String,
    /// Its waybill number.
    pub waybill: String,
    /// Where its events are to be reported to; empty if nobody said.
    pub callback: String,
}

#[derive(Default)]
struct Ledger {
    booked: Vec<Booked>,
    /// Answers by the key of their request.
    answered: HashMap<String, Vec<(String, Said)>>,
    seen: HashMap<String, u32>,
    requests: Vec<String>,
}

/// The desk.
#[derive(Clone)]
pub struct Desk {
    profile: Arc<Profile>,
    manner: Arc<Mutex<Manner>>,
    first_waybill: u64,
    ledger: Arc<Mutex<Ledger>>,
    news: Arc<Notify>,
}

impl Desk {
    /// Of a courier that has booked nothing yet. Its waybill numbers count from that one, eleven digits.
    pub fn new(profile: Profile, manner: Manner, first_waybill: u64) -> Desk {
        let manner = Arc::new(Mutex::new(manner));
        Desk { profile: Arc::new(profile), manner, first_waybill, ledger: Arc::default(), news: Arc::default() }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works otherwise from now on.
    pub fn set_manner(&self, manner: Manner) {
        *self.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// Everything that was booked, in order.
    pub fn booked(&self) -> Vec<Booked> {
        self.ledger().booked.clone()
    }

    /// Bodies of all requests to book, in order.
    pub fn requests(&self) -> Vec<String> {
        self.ledger().requests.clone()
    }

    /// Waits for something to be booked.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// Answers a request that is for the desk; none if it is not.
    pub(super) async fn serve(&self, method: &Method, uri: &str, headers: &HeaderMap, body: &[u8]) -> Option<Response> {
        let booking = self.profile.booking.as_ref()?;
        let path = uri.split('?').next().unwrap_or("");
        if matches!(*method, Method::POST | Method::PUT) && fits(&booking.address, path) {
            return Some(self.book(booking, headers, body).await);
        }
        let find = booking.find.as_ref().filter(|find| fits(&find.address, path))?;
        let question = format!("{uri} {}", String::from_utf8_lossy(body));
        let found: Vec<(String, Said)> = {
            let ledger = self.ledger();
            let known = ledger.answered.values().flatten();
            known.filter(|(reference, _)| question.contains(reference.as_str())).cloned().collect()
        };
        if found.is_empty() {
            return Some(StatusCode::NOT_FOUND.into_response());
        }
        let layout = find.answer.as_ref().unwrap_or(&booking.answer);
        Some(self.say(
            booking,
            true,
            StatusCode::OK,
            &found,
            layout.body.unwrap_or(booking.layout(true).1).media_type(),
        ))
    }

    fn say(
        &self,
        booking: &Booking,
        found: bool,
        status: StatusCode,
        said: &[(String, Said)],
        media: &str,
    ) -> Response {
        (status, [(CONTENT_TYPE, media.to_owned())], desk::answer(booking, found, said)).into_response()
    }

    async fn book(&self, booking: &Booking, headers: &HeaderMap, body: &[u8]) -> Response {
        let Some(wanted) = desk::wanted(booking, body) else { return StatusCode::BAD_REQUEST.into_response() };
        let named = headers.get(booking.key_header.to_ascii_lowercase()).and_then(|value| value.to_str().ok());
        let key = named.map(str::to_owned).or(wanted.key).unwrap_or_else(|| wanted.references.join(" "));
        let manner = *self.manner.lock().unwrap_or_else(PoisonError::into_inner);
        let (said, again) = {
            let mut ledger = self.ledger();
            ledger.requests.push(String::from_utf8_lossy(body).into_owned());
            let again = ledger.seen.get(&key).is_some_and(|count| *count > 0);
            *ledger.seen.entry(key.clone()).or_default() += 1;
            if manner == Manner::Busy && !again {
                return (StatusCode::SERVICE_UNAVAILABLE, "busy").into_response();
            }
            let said = match ledger.answered.get(&key) {
                Some(said) => said.clone(),
                None if manner == Manner::Refuse || wanted.references.is_empty() => {
                    let refused = |reference: &String| {
                        let why = "받는 곳 주소를 찾을 수 없습니다 (unknown address)".to_owned();
                        (reference.clone(), Said::Refused("ADDRESS".to_owned(), why))
                    };
                    wanted.references.iter().map(refused).collect()
                }
                None => {
                    let mut said = Vec::new();
                    for reference in wanted.references.iter().take(MOST_BOOKED.saturating_sub(ledger.booked.len())) {
                        let count = ledger.booked.len() as u64;
                        let number = waybill(self.first_waybill.wrapping_add(count));
                        let (reference, callback) = (reference.clone(), wanted.callback.clone());
                        ledger.booked.push(Booked { reference: reference.clone(), waybill: number.clone(), callback });
                        let price = Amount { value: Decimal::from(3500), currency: "KRW".to_owned() };
                        let routing = format!("D{}-{:02}", count % 9 + 1, count % 40 + 11);
                        let waybill = Waybill { number, routing, label: String::new(), price: Some(price) };
                        said.push((reference, Said::Booked(waybill)));
                    }
                    ledger.answered.insert(key, said.clone());
                    said
                }
            };
            (said, again)
        };
        self.news.notify_one();
        let refused = said.iter().all(|(_, said)| matches!(said, Said::Refused(..)));
        let status = if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::CREATED };
        let media = booking.layout(false).1.media_type();
        match manner {
            Manner::Slow => tokio::time::sleep(SLOW).await,
            Manner::Lose if !again => tokio::time::sleep(LOST).await,
            Manner::Cut if !again => {
                let cut = futures_util::stream::once(async { Err::<&[u8], _>(std::io::Error::other("cut")) });
                return ([(CONTENT_TYPE, media)], Body::from_stream(cut)).into_response();
            }
            _ => {}
        }
        self.say(booking, false, status, &said, media)
    }
}

/// Whether a path is that of an address with names in braces.
fn fits(address: &str, path: &str) -> bool {
    let behind = address.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let wanted = behind.split('?').next().unwrap_or("");
    match wanted.split_once('{') {
        Some((before, _)) => path.trim_start_matches('/').starts_with(before),
        None => path.trim_start_matches('/') == wanted,
    }
}
