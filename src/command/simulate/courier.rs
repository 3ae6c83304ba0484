//! `dure simulate courier`: a courier's system that reports what happens to parcels, written and signed as a courier profile
//! says, in its words.

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use reqwest::StatusCode;
use serde_json::json;

use super::courier_desk::{Desk, Manner};
use super::courier_script::{self, Script, Step};
use crate::clock::Clock;
use crate::command::call::Call;
use crate::command::client::usual_url;
use crate::command::out::Outcome;
use crate::document::transportation_status::{ParcelEvent, TransportationStatus};
use crate::error::{Error, Kind, Result};
use crate::model::parcel_status::ParcelStatus;
use crate::model::secret::Secret;
use crate::transport::courier::{self, Couriers, Profile};
use crate::transport::trust;

/// Report what happens to parcels, as a courier's system would
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  dure simulate courier --secret whsec_… 681234560016\n  \
    dure simulate courier --secret whsec_… --status out-for-delivery --status attempt-failed 681234560016\n  \
    dure simulate courier --secret whsec_… --script lost-callback --listen 127.0.0.1:2590 681234560016\n  \
    dure simulate courier --secret whsec_… --script ordinary --listen 127.0.0.1:2590 --book\n\n\
    The hub knows the secret as courier:NAME (`dure secret set courier:sample-courier`) and the courier by its short name. \
    Without --status and --script a parcel is picked up, on its way, out for delivery and delivered. A script plays an hour: \
    ordinary, lost-callback (nobody hears of the end), out-of-order, wrong-delivery, return.")]
pub struct Courier {
    /// Waybill numbers
    #[arg(required_unless_present = "book")]
    waybills: Vec<String>,
    /// The courier's name, by which the hub knows it
    #[arg(long, default_value = "sample-courier")]
    name: String,
    /// The secret with which it signs: whsec_…, or what its profile wants
    #[arg(long, value_name = "SECRET", env = "DURE_COURIER_SECRET", hide_env_values = true)]
    secret: String,
    /// What happened; several in order
    #[arg(long = "status", value_name = "WORD", value_parser = status)]
    statuses: Vec<ParcelStatus>,
    /// A story to play instead
    #[arg(long, value_enum, conflicts_with = "statuses")]
    script: Option<Script>,
    /// Where it then answers what it is asked about these parcels, until it is stopped
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<std::net::SocketAddr>,
    /// Take bookings there as well, and play the script for each parcel that is booked
    #[arg(long, requires = "listen")]
    book: bool,
    /// How bookings are taken
    #[arg(long, value_enum, default_value = "take", requires = "book")]
    desk: Manner,
    /// The first waybill number of bookings, eleven digits
    #[arg(long, value_name = "NUMBER", default_value_t = 68_223_456_001, requires = "book")]
    first_waybill: u64,
    /// Who took the parcel when it was delivered
    #[arg(long, default_value = "")]
    received_by: String,
    /// Where
    #[arg(long, default_value = "")]
    place: String,
    /// Make each call twice, as couriers do whose first answer got lost
    #[arg(long)]
    twice: bool,
    /// The hub's address [default: the hub that runs on the data folder, or the one the configuration says]
    #[arg(long, value_name = "URL", env = "DURE_URL", hide_env_values = true)]
    url: Option<String>,
}

fn status(text: &str) -> Result<ParcelStatus, String> {
    let words: Vec<_> = ParcelStatus::ALL.iter().map(|status| status.as_str()).collect();
    ParcelStatus::from_word(text).ok_or_else(|| format!("there are {}", words.join(", ")))
}

impl Courier {
    pub(super) async fn run(self, call: &Call) -> Result<Outcome> {
        let url = match &self.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => usual_url(call).await?,
        };
        let steps = match self.script {
            Some(script) => script.steps(),
            None if self.statuses.is_empty() => courier_script::at_once(courier_script::USUAL),
            None => courier_script::at_once(&self.statuses),
        };
        let couriers = Couriers::load(&call.config()?.couriers)?;
        let profile = couriers.get(&self.name).ok_or_else(|| {
            let names: Vec<_> = couriers.iter().map(|profile| profile.name.clone()).collect();
            Error::config(format!("there is no profile of a courier {}; there are {}", self.name, names.join(", ")))
        })?;
        let caller = Caller::new(url, Secret::new(self.secret.clone()), Clock::System)?;
        let answers = courier_script::Answers::new(profile.clone());
        let playing = Playing { courier: &self, call, profile, caller: &caller, answers: &answers, steps: &steps };
        let mut good = true;
        for waybill in &self.waybills {
            good &= playing.play(waybill, "").await?;
        }
        if let Some(address) = self.listen {
            let desk = self.book.then(|| Desk::new(profile.clone(), self.desk, self.first_waybill));
            let serving = match &desk {
                Some(desk) => answers.clone().with_desk(desk.clone()),
                None => answers.clone(),
            };
            let answering = serving.start(address).await?;
            call.out.line(format!("answers at http://{}/status/WAYBILL", answering.address))?;
            match &desk {
                Some(desk) => tokio::select! {
                    stopped = super::until_stopped() => stopped?,
                    played = playing.play_booked(desk) => good &= played?,
                },
                None => super::until_stopped().await?,
            }
        }
        Ok(Outcome::good_if(good))
    }
}

/// A story that is being played.
struct Playing<'a> {
    courier: &'a Courier,
    call: &'a Call,
    profile: &'a Profile,
    caller: &'a Caller,
    answers: &'a courier_script::Answers,
    steps: &'a [Step],
}

impl Playing<'_> {
    /// Plays it for every parcel that is booked, where a story was asked for.
    async fn play_booked(&self, desk: &Desk) -> Result<bool> {
        let mut played = 0;
        loop {
            for parcel in desk.booked().into_iter().skip(played) {
                played += 1;
                self.call.out.line(format!("{} booked as {}", parcel.reference, parcel.waybill))?;
                // The hub has read the answer before anything happens.
                tokio::time::sleep(Duration::from_millis(500)).await;
                if self.courier.script.is_some() || !self.courier.statuses.is_empty() {
                    self.play(&parcel.waybill, &parcel.callback).await?;
                }
            }
            desk.news().await;
        }
    }

    /// Plays it for one parcel; whether the hub took all of it.
    async fn play(&self, waybill: &str, callback: &str) -> Result<bool> {
        let (courier, out) = (self.courier, &self.call.out);
        let mut good = true;
        for step in self.steps {
            let status = step.status;
            let happened = Happened {
                waybill,
                status,
                sequence: step.sequence,
                place: &courier.place,
                received_by: if status == ParcelStatus::Delivered { &courier.received_by } else { "" },
                minutes_ago: step.minutes_ago,
            };
            self.answers.note(self.caller.event(self.profile, &happened));
            if step.lost {
                if !out.json {
                    out.line(format!("{waybill} {status} lost"))?;
                }
                continue;
            }
            let report = self.caller.report(self.profile, &happened);
            let mut said = self.caller.call_at(self.profile, &report, callback).await?;
            if courier.twice {
                said = self.caller.call_at(self.profile, &report, callback).await?;
            }
            good &= said.status.is_success();
            let line = json!({ "waybill": waybill, "status": status.as_str(), "http": said.status.as_u16(),
                "interchange": said.interchange });
            if out.json {
                out.json(&line)?;
            } else {
                out.line(format!("{waybill} {status} {} {}", said.status.as_u16(), said.interchange))?;
            }
        }
        Ok(good)
    }
}

/// Something that happened to a parcel.
#[derive(Clone, Copy, Debug)]
pub struct Happened<'a> {
    /// Its waybill number.
    pub waybill: &'a str,
    /// What happened.
    pub status: ParcelStatus,
    /// The courier's count.
    pub sequence: u32,
    /// Where.
    pub place: &'a str,
    /// Who took it.
    pub received_by: &'a str,
    /// How long ago it happened, minutes.
    pub minutes_ago: i64,
}

/// What the hub said to a call.
#[derive(Clone, Debug)]
pub struct Said {
    /// HTTP status.
    pub status: StatusCode,
    /// The interchange; empty if it was not taken.
    pub interchange: String,
}

/// A report ready to be called in, any number of times.
#[derive(Clone, Debug)]
pub struct Report {
    /// The id of the call.
    pub id: String,
    /// Its body.
    pub body: Bytes,
}

/// Calls a hub back.
pub struct Caller {
    http: reqwest::Client,
    url: String,
    secret: Secret,
    clock: Clock,
}

impl Caller {
    /// Of the hub at that address.
    pub fn new(url: String, secret: Secret, clock: Clock) -> Result<Caller> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(trust::client_config(std::path::Path::new(""))?)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .build()
            .map_err(|error| Error::new(Kind::Config, "set up HTTP").caused_by(error))?;
        Ok(Caller { http, url, secret, clock })
    }

    /// What happened, as an event of ours.
    pub fn event(&self, profile: &Profile, happened: &Happened<'_>) -> ParcelEvent {
        let at_ms = self.clock.now_ms() - happened.minutes_ago * 60_000;
        let now = chrono::DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
        ParcelEvent {
            tracking_id: happened.waybill.to_owned(),
            status: happened.status.as_str().to_owned(),
            occurred_at: now.with_timezone(&profile.event.zone).to_rfc3339(),
            sequence: Some(happened.sequence),
            location: happened.place.to_owned(),
            received_by: happened.received_by.to_owned(),
            ..ParcelEvent::default()
        }
    }

    /// A report of one event, in the courier's own words.
    pub fn report(&self, profile: &Profile, happened: &Happened<'_>) -> Report {
        let id = format!("{}-{}", happened.waybill, happened.sequence);
        let events = vec![self.event(profile, happened)];
        let said = TransportationStatus { id: id.clone(), events, ..TransportationStatus::default() };
        Report { id, body: profile.body.write(&courier::write(profile, &said)).into() }
    }

    /// Calls.
    pub async fn call(&self, profile: &Profile, report: &Report) -> Result<Said> {
        self.call_at(profile, report, "").await
    }

    /// Calls at the address that was given with the booking, if one was.
    pub async fn call_at(&self, profile: &Profile, report: &Report, callback: &str) -> Result<Said> {
        let now_ms = self.clock.now_ms();
        let (path, headers) = courier::sign(profile, &self.secret, &report.id, &report.body, now_ms)?;
        let failed = |error: reqwest::Error| {
            Error::new(Kind::Transport, format!("reach the hub at {}", self.url)).caused_by(error.without_url())
        };
        let address = if callback.is_empty() { format!("{}{path}", self.url) } else { callback.to_owned() };
        let mut request = self.http.post(address).header("content-type", profile.body.media_type());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = request.body(report.body.clone()).send().await.map_err(failed)?;
        let status = response.status();
        let body: serde_json::Value =
            serde_json::from_slice(&response.bytes().await.map_err(failed)?).unwrap_or_default();
        let interchange = body.get("interchange").and_then(serde_json::Value::as_str).unwrap_or("").to_owned();
        Ok(Said { status, interchange })
    }
}
