//! Callbacks over HTTP for every body and every way to sign: a good one is 202 and moves the parcel, a bad one is 401 and leaves a
//! count and nothing else.

use std::path::PathBuf;

use axum::body::Body;
use axum::http::Request;
use dure::config::Config;
use dure::model::secret::Secret;
use dure::pipeline::worker;
use dure::transport::courier::{Couriers, sign};
use dure::transport::tls::ClientCertificate;
use serde_json::json;

use crate::harness::{Answer, Harness, NOON};

const WAYBILL: &str = "5712-0034-1189";
const EVENT: &str = "[event]\nwaybill = \"/no\"\ncode = \"/code\"\ntime = \"/at\"\n[codes]\nDONE = \"delivered\"\n";
const JSON: &str = r#"{"no": "5712-0034-1189", "code": "DONE", "at": "2026-11-24T11:00:00+09:00"}"#;
const XML: &str =
    "<?xml version=\"1.0\"?><r><no>5712-0034-1189</no><code>DONE</code><at>2026-11-24T11:00:00+09:00</at></r>";
const FORM: &str = "no=5712-0034-1189&code=DONE&at=2026-11-24T11%3A00%3A00%2B09%3A00";

/// A hub with a courier of that profile and a parcel on its way.
async fn hub(folder: &std::path::Path, profile: &str) -> Harness {
    let file: PathBuf = folder.join("kurir.toml");
    // In XML everything stands in the root element.
    let event = if profile.contains("\"xml\"") { EVENT.replace("= \"/", "= \"/r/") } else { EVENT.to_owned() };
    std::fs::write(&file, format!("name = \"kurir\"\n{profile}{event}")).unwrap();
    let harness = Harness::with(Config { couriers: vec![file], ..Config::default() }).await;
    harness.whole_trade().await;
    let centre = harness.org("centre");
    harness.accepted(centre, json!({"type": "Party", "id": "kurir", "name": "Kurir", "roles": ["courier"]})).await;
    let agreed = json!({"type": "Agreement", "id": "kurir-in", "party": "kurir", "direction": "in",
        "document_type": "TransportationStatus", "format": "dure-json"});
    harness.accepted(centre, agreed).await;
    harness
}

async fn state(harness: &Harness) -> String {
    worker::run_once(&harness.hub).await.unwrap();
    let found = harness.hub.store.read(|tx| Ok(dure::store::parcels::by_tracking(tx, WAYBILL)?.remove(0).state));
    found.await.unwrap()
}

/// How many callbacks were kept, and how many refused.
async fn kept(harness: &Harness) -> (i64, String) {
    let sql = "SELECT COUNT(*) FROM interchange WHERE transport = 'courier'";
    let count = harness.hub.store.read(move |tx| tx.query(sql, dure::params![])?[0].int(0)).await.unwrap();
    let metrics = harness.hub.metrics_text().await.unwrap();
    let refused = metrics.lines().find(|line| line.contains("dure_receipts_refused_total{outcome=\"signature\"}"));
    (count, refused.and_then(|line| line.rsplit(' ').next()).unwrap_or("0").to_owned())
}

/// A call that is refused, then one that is taken.
async fn check(harness: &Harness, bad: Answer, good: impl Future<Output = Answer>) {
    assert_eq!((bad.status.as_u16(), bad.problem().as_str()), (401, "unauthenticated"));
    assert_eq!(kept(harness).await, (0, "1".to_owned()), "a count and nothing else");
    assert_eq!(state(harness).await, "registered");
    let good = good.await;
    assert_eq!(good.status, 202, "{}", good.text());
    assert_eq!(state(harness).await, "delivered");
    assert_eq!(kept(harness).await, (1, "1".to_owned()));
}

async fn call(harness: &Harness, path: &str, headers: &[(String, String)], body: &str, media: &str) -> Answer {
    let mut all: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    all.push(("content-type", media));
    harness.call("POST", path, &all, body.to_owned()).await
}

/// Every body under every way to sign that knows a secret.
async fn signed(format: &str, body: &str, media: &str, signing: &str, secret: &str, other: &str) {
    let folder = tempfile::tempdir().unwrap();
    let harness = hub(folder.path(), &format!("body = \"{format}\"\n{signing}\n")).await;
    harness.put_secret("courier:kurir", &Secret::new(secret)).await;
    let couriers = Couriers::load(&harness.hub.config.couriers).unwrap();
    let profile = couriers.get("kurir").unwrap();
    let by = |secret: &str| sign(profile, &Secret::new(secret), "call-1", body.as_bytes(), NOON).unwrap();
    let (path, headers) = by(other);
    let bad = call(&harness, &path, &headers, body, media).await;
    let (path, headers) = by(secret);
    check(&harness, bad, call(&harness, &path, &headers, body, media)).await;
}

const WAYS: &[(&str, &str, &str)] = &[
    (
        "signing = \"standard-webhooks\"",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ),
    ("signing = { kind = \"hmac-sha256\", header = \"X-Sig\" }", "열쇠", "아무것"),
    (
        "signing = { kind = \"hmac-sha256\", header = \"X-Sig\", encoding = \"base64\", timestamp_header = \"X-Time\", \
         id_header = \"X-Id\", signed = \"{id}.{timestamp}.{method}{path}{body}\" }",
        "key",
        "other",
    ),
    ("signing = \"basic\"", "kurir:비밀", "kurir:other"),
    ("signing = \"path\"", "in-the-path", "guessed"),
];

#[tokio::test]
async fn json_bodies() {
    for (signing, secret, other) in WAYS {
        signed("json", JSON, "application/json", signing, secret, other).await;
    }
}

#[tokio::test]
async fn xml_bodies() {
    for (signing, secret, other) in WAYS {
        signed("xml", XML, "application/xml", signing, secret, other).await;
    }
}

#[tokio::test]
async fn form_bodies() {
    for (signing, secret, other) in WAYS {
        signed("form", FORM, "application/x-www-form-urlencoded", signing, secret, other).await;
    }
}

#[tokio::test]
async fn client_certificates() {
    for (format, body) in [("json", JSON), ("xml", XML), ("form", FORM)] {
        let folder = tempfile::tempdir().unwrap();
        let harness = hub(folder.path(), &format!("body = \"{format}\"\nsigning = \"certificate\"\n")).await;
        harness.certificate("kurir", [7; 32]).await;
        harness.certificate("courier", [8; 32]).await;
        let shown = async |fingerprint: Option<String>| {
            let mut request = Request::post("/callbacks/kurir").body(Body::from(body)).unwrap();
            if let Some(fingerprint) = fingerprint {
                request.extensions_mut().insert(ClientCertificate { fingerprint_hex: fingerprint.into() });
            }
            harness.ask(request).await
        };
        // That of another courier, a secret in its place, and none at all.
        let bad = shown(Some("08".repeat(32))).await;
        check(&harness, bad, shown(Some("07".repeat(32)))).await;
        assert_eq!(shown(None).await.status, 401);
        let guessed = harness.call("POST", "/callbacks/kurir", &[("authorization", "Basic YTpi")], body).await;
        assert_eq!(guessed.status, 401);
        assert_eq!(kept(&harness).await, (1, "3".to_owned()));
    }
}
