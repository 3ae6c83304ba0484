//! Couriers at a hub: each built-in profile with a good and a bad signature, unknown words, hints that are asked about, and the
//! clock that asks about parcels nobody heard of.

use std::path::Path;

use axum::http::StatusCode;
use dure::clock::Clock;
use dure::command::simulate::courier::{Caller, Happened};
use dure::command::simulate::courier_script::{Answers, Script};
use dure::config::Config;
use dure::jobs::ask_couriers;
use dure::model::id::InterchangeId;
use dure::model::secret::Secret;
use dure::pipeline::courier::ask;
use dure::pipeline::worker;
use dure::store::courier_asks;
use dure::transport::courier::{Couriers, Profile, sign};
use serde_json::{Value, json};

use crate::harness::{Answer, Harness, NOON};

const WAYBILL: &str = "5712-0034-1189";

/// A hub with a courier of that profile, and a parcel on its way.
async fn hub(profile: &Profile, config: Config) -> Harness {
    let harness = Harness::with(config).await;
    harness.whole_trade().await;
    let party = json!({"type": "Party", "id": profile.name, "name": profile.title, "roles": ["courier"]});
    harness.accepted(harness.org("centre"), party).await;
    let agreed = json!({"type": "Agreement", "id": format!("{}-in", profile.name), "party": profile.name, "direction": "in",
        "document_type": "TransportationStatus", "format": "dure-json"});
    harness.accepted(harness.org("centre"), agreed).await;
    harness
}

/// Calls in a body that is signed with that secret for that time; it is decided when this returns.
async fn call(harness: &Harness, profile: &Profile, secret: &str, at_ms: i64, body: &str) -> Answer {
    let (path, headers) = sign(profile, &Secret::new(secret), "call-1", body.as_bytes(), at_ms).unwrap();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = harness.call("POST", &path, &headers, body.to_owned()).await;
    worker::run_once(&harness.hub).await.unwrap();
    answer
}

async fn count(harness: &Harness, transport: &'static str) -> i64 {
    let sql = "SELECT COUNT(*) FROM interchange WHERE transport = ?1";
    harness.hub.store.read(move |tx| tx.query(sql, dure::params![transport])?[0].int(0)).await.unwrap()
}

/// State and events of the parcel.
async fn parcel(harness: &Harness) -> (String, Vec<String>) {
    let found = harness.hub.store.read(|tx| {
        let parcel = dure::store::parcels::by_tracking(tx, WAYBILL)?.remove(0);
        let events = dure::store::parcels::events(tx, parcel.id)?;
        Ok((parcel.state, events.into_iter().map(|event| event.courier_code).collect()))
    });
    found.await.unwrap()
}

async fn decided(harness: &Harness, answer: &Answer) -> (String, String, String) {
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let id: InterchangeId = answer.json()["interchange"].as_str().unwrap().parse().unwrap();
    harness.state(id.0).await
}

/// A good call is taken, one with another secret and, where calls are stamped, a stale one leave a count and nothing else.
async fn check_signature(harness: &Harness, profile: &Profile, secret: &str, stamped: bool, body: &str) {
    harness.put_secret(&format!("courier:{}", profile.name), &Secret::new(secret)).await;
    assert_eq!(call(harness, profile, "not-the-secret-of-anybody", NOON, body).await.problem(), "unauthenticated");
    let mut refused = 1;
    if stamped {
        assert_eq!(call(harness, profile, secret, NOON - 301_000, body).await.problem(), "unauthenticated");
        refused += 1;
    }
    assert_eq!(count(harness, "courier").await, 0);
    let metrics = harness.hub.metrics_text().await.unwrap();
    assert!(
        metrics.contains(&format!("dure_receipts_refused_total{{outcome=\"signature\"}} {refused}\n")),
        "{metrics}"
    );
    let taken = decided(harness, &call(harness, profile, secret, NOON, body).await).await;
    assert_eq!(taken.1, "accepted", "{taken:?}");
}

#[tokio::test]
async fn korean_carriers() {
    let couriers = Couriers::load(&[]).unwrap();
    let profile = couriers.get("korea").unwrap();
    let harness = hub(profile, Config::default()).await;
    let body = |carrier: &str, code: &str, text: &str, time: &str| {
        json!({"report_no": format!("K-{time}"), "parcels": [{"carrier": carrier, "invoice_no": WAYBILL, "events": [
            {"code": code, "text": text, "time": time, "branch": "대전HUB"}]}]})
        .to_string()
    };
    // 41 is a transfer here, and a delivery at Lotte.
    check_signature(&harness, profile, "열쇠-0451", true, &body("kr.cjlogistics", "41", "", "20261124090000")).await;
    assert_eq!(parcel(&harness).await.0, "in-transit");
    let say = async |carrier: &str, code: &str, text: &str, time: &str| {
        let said = call(&harness, profile, "열쇠-0451", NOON, &body(carrier, code, text, time)).await;
        (decided(&harness, &said).await, parcel(&harness).await.0)
    };
    let (said, state) = say("kr.hanjin", "", "배송완료 예정입니다", "20261124100000").await;
    assert!(said.2.contains("배송완료 예정입니다") && said.2.contains("unknown-code"), "{said:?}");
    assert_eq!(state, "in-transit", "words that nobody knows are no progress");
    let metrics = harness.hub.metrics_text().await.unwrap();
    assert!(metrics.contains("dure_courier_unknown_wordings_total{courier=\"korea\"} 1\n"), "{metrics}");
    assert_eq!(say("kr.lotte", "41", "배달완료", "20261124110000").await.1, "delivered");
    assert_eq!(parcel(&harness).await.1, ["41", "배송완료 예정입니다", "41"]);
}

#[tokio::test]
async fn easypost() {
    let couriers = Couriers::load(&[]).unwrap();
    let profile = couriers.get("easypost").unwrap();
    let harness = hub(profile, Config::default()).await;
    let detail = |status: &str, datetime: &str, message: &str| {
        json!({"object": "TrackingDetail", "message": message, "status": status, "datetime": datetime, "source": "FedEx",
            "tracking_location": {"object": "TrackingLocation", "city": "KENLY", "country": "US"}})
    };
    let body = |details: Vec<Value>| {
        json!({"description": "tracker.updated", "id": format!("evt_{}", details.len()), "object": "Event", "result": {
            "id": "trk_1", "object": "Tracker", "tracking_code": WAYBILL, "status": "in_transit", "weight": 614.4,
            "signed_by": null, "tracking_details": details}})
        .to_string()
    };
    let first = detail("pre_transit", "2026-11-24T01:00:00Z", "Shipment information sent to FedEx");
    let second = detail("in_transit", "2026-11-24T02:00:00Z", "Picked up");
    let third = detail("delivered", "2026-11-24T02:30:00Z", "Delivered");
    check_signature(&harness, profile, "sécret", false, &body(vec![first.clone(), second.clone()])).await;
    assert_eq!(parcel(&harness).await, ("in-transit".into(), vec!["pre_transit".into(), "in_transit".into()]));
    call(&harness, profile, "sécret", NOON, &body(vec![first, second, third])).await;
    assert_eq!(parcel(&harness).await.0, "delivered");
    let other = r#"{"description":"batch.created","id":"evt_9","result":{"object":"Batch"}}"#;
    let other = call(&harness, profile, "sécret", NOON, other).await;
    assert_eq!(decided(&harness, &other).await.1, "rejected");
}

/// A built-in profile that is asked at a local address, under a hub that may ask there.
async fn asked_at(folder: &Path, name: &str, address: &str) -> (Profile, Config) {
    let built_in = std::fs::read_to_string(format!("{}/mappings/couriers/{name}.toml", env!("CARGO_MANIFEST_DIR")));
    // The first address is where it is asked.
    let built_in = built_in.unwrap();
    let (head, rest) = built_in.split_once("address = ").unwrap();
    let text = format!("{head}address = \"{address}\"\n{}", rest.split_once('\n').unwrap().1);
    let file = folder.join(format!("{name}.toml"));
    std::fs::write(&file, &text).unwrap();
    let mut config = Config { couriers: vec![file], ..Config::default() };
    config.http_out.allow_private = vec!["127.0.0.1".parse().unwrap()];
    (Profile::parse(&text).unwrap(), config)
}

/// What the simulated courier knows after a story; the callbacks that are not lost.
fn played(profile: &Profile, answers: &Answers, script: Script) -> Vec<String> {
    let caller = Caller::new("http://127.0.0.1:1".into(), Secret::new("x"), Clock::fixed(NOON)).unwrap();
    let mut bodies = Vec::new();
    for step in script.steps() {
        let happened = Happened {
            waybill: WAYBILL,
            status: step.status,
            sequence: step.sequence,
            place: "대전",
            received_by: "",
            minutes_ago: step.minutes_ago,
        };
        answers.note(caller.event(profile, &happened));
        if !step.lost {
            bodies.push(String::from_utf8(caller.report(profile, &happened).body.to_vec()).unwrap());
        }
    }
    bodies
}

#[tokio::test]
async fn a_hint_is_asked_about() {
    let couriers = Couriers::load(&[]).unwrap();
    let answers = Answers::new(couriers.get("tracker-delivery").unwrap().clone());
    let answering = answers.clone().start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (profile, config) =
        asked_at(folder.path(), "tracker-delivery", &format!("http://{}/graphql", answering.address)).await;
    let harness = hub(&profile, config).await;
    let hint = json!({"carrierId": "kr.lotte", "trackingNumber": WAYBILL}).to_string();
    check_signature(&harness, &profile, "in-the-address", false, &hint).await;
    // Without a secret the question fails, and is asked again later.
    assert_eq!(ask::run_once(&harness.hub).await.unwrap(), 1);
    harness.put_secret("courier:tracker-delivery:fetch", &Secret::new("id:secret")).await;
    let row = async || {
        let rows = harness.hub.store.read(|tx| courier_asks::of_waybill(tx, WAYBILL)).await.unwrap();
        assert_eq!(rows.len(), 1);
        rows.into_iter().next().unwrap()
    };
    let failed = row().await;
    assert!(failed.due_ms > Some(NOON) && failed.outcome.contains("courier:tracker-delivery:fetch"), "{failed:?}");
    assert_eq!(ask::run_once(&harness.hub).await.unwrap(), 0);
    // The courier does not know it yet; a hint that comes now asks at once.
    call(&harness, &profile, "in-the-address", NOON, &hint).await;
    assert_eq!(ask::run_once(&harness.hub).await.unwrap(), 1);
    assert!(row().await.outcome.contains("404"), "{:?}", row().await);
    assert_eq!((count(&harness, "courier").await, count(&harness, "courier-answer").await), (2, 0));
    // Then it does. The answer is the document, the hints are kept beside it.
    played(&profile, &answers, Script::Ordinary);
    call(&harness, &profile, "in-the-address", NOON, &hint).await;
    assert_eq!(ask::run_once(&harness.hub).await.unwrap(), 1);
    assert_eq!((row().await.due_ms, row().await.asked_ms), (None, Some(NOON)));
    worker::run_once(&harness.hub).await.unwrap();
    assert_eq!(parcel(&harness).await.0, "delivered");
    assert_eq!(count(&harness, "courier-answer").await, 1);
    let metrics = harness.hub.metrics_text().await.unwrap();
    assert!(metrics.contains("dure_courier_asks_total{outcome=\"answered\"} 1\n"), "{metrics}");
    // A body that names no parcel is told of.
    let nothing = call(&harness, &profile, "in-the-address", NOON, "{\"carrierId\":\"kr.lotte\"}").await;
    assert_eq!(decided(&harness, &nothing).await.1, "rejected");
}

#[tokio::test]
async fn a_question_outlives_a_crash() {
    let couriers = Couriers::load(&[]).unwrap();
    let answers = Answers::new(couriers.get("tracker-delivery").unwrap().clone());
    let answering = answers.clone().start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (profile, config) =
        asked_at(folder.path(), "tracker-delivery", &format!("http://{}/graphql", answering.address)).await;
    let harness = hub(&profile, config).await;
    harness.put_secret("courier:tracker-delivery:fetch", &Secret::new("id:secret")).await;
    played(&profile, &answers, Script::Ordinary);
    let hint = json!({"carrierId": "kr.lotte", "trackingNumber": WAYBILL}).to_string();
    check_signature(&harness, &profile, "in-the-address", false, &hint).await;
    // A hub takes the question and is gone before it asks.
    let taken = harness.hub.store.compare_and_set(|tx| courier_asks::claim(tx, "gone", NOON, NOON + 1000, 9)).await;
    assert_eq!(taken.unwrap().len(), 1);
    assert_eq!(ask::run_once(&harness.hub).await.unwrap(), 0);
    harness.hub.clock.advance_ms(1000);
    assert_eq!(ask::run_once(&harness.hub).await.unwrap(), 1);
    worker::run_once(&harness.hub).await.unwrap();
    assert_eq!(parcel(&harness).await.0, "delivered");
}

#[tokio::test]
async fn the_clock_asks_about_a_lost_callback() {
    let couriers = Couriers::load(&[]).unwrap();
    let answers = Answers::new(couriers.get("sample-courier").unwrap().clone());
    let answering = answers.clone().start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (profile, config) =
        asked_at(folder.path(), "sample-courier", &format!("http://{}/{{waybill}}", answering.address)).await;
    let harness = hub(&profile, config).await;
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    harness.put_secret("courier:sample-courier", &Secret::new(secret)).await;
    for body in played(&profile, &answers, Script::LostCallback) {
        let id = format!("call-{}", count(&harness, "courier").await);
        let (path, headers) = sign(&profile, &Secret::new(secret), &id, body.as_bytes(), NOON).unwrap();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(harness.call("POST", &path, &headers, body.clone()).await.status, StatusCode::ACCEPTED);
        worker::run_once(&harness.hub).await.unwrap();
    }
    assert_eq!(parcel(&harness).await.0, "in-transit");
    harness.hub.clock.advance_ms(23 * 3_600_000);
    assert_eq!(ask_couriers::run(&harness.hub).await.unwrap(), 0, "not silent for long");
    harness.hub.clock.advance_ms(2 * 3_600_000);
    assert_eq!(ask_couriers::run(&harness.hub).await.unwrap(), 1);
    assert_eq!(ask_couriers::run(&harness.hub).await.unwrap(), 0, "asked for already");
    assert_eq!(ask::run_once(&harness.hub).await.unwrap(), 1);
    worker::run_once(&harness.hub).await.unwrap();
    assert_eq!(parcel(&harness).await, ("delivered".into(), vec!["20".into(), "30".into(), "40".into(), "50".into()]));
    harness.hub.clock.advance_ms(100 * 86_400_000);
    assert_eq!(ask_couriers::run(&harness.hub).await.unwrap(), 0, "it arrived");
    let rows = harness.hub.store.read(|tx| courier_asks::of_waybill(tx, WAYBILL)).await.unwrap();
    assert!(rows.is_empty(), "forgotten: {rows:?}");
}
