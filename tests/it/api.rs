//! Every route of the HTTP interface: good, wrong, too much, again.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use dure::config::Config;
use dure::params;
use dure::transport::tls::ClientCertificate;
use futures_util::StreamExt;
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::harness::{Answer, Harness, NOON, catalogue, event, item, order, signature};

const SEND: &str = "/v1/interchanges";

async fn send(harness: &Harness, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    harness.call("POST", SEND, headers, body).await
}

fn id_of(answer: &Answer) -> String {
    answer.json()["interchange"].as_str().unwrap().to_owned()
}

/// How many rows a table has.
async fn count(harness: &Harness, sql: &'static str) -> i64 {
    harness.hub.store.write(move |tx| tx.query_one(sql, params![])?.int(0)).await.unwrap()
}

const CHUNKS: &str = "SELECT COUNT(*) FROM payload_chunk";
const INTERCHANGES: &str = "SELECT COUNT(*) FROM interchange";

#[tokio::test]
async fn bytes_are_taken_and_read_again() {
    let harness = Harness::new().await;
    let (_, key) = harness.key("buyer").await;
    let headers = [
        ("authorization", key.as_str()),
        ("content-type", "Text/XML; charset=EUC-KR"),
        ("content-disposition", "attachment; filename=\"a.xml\""),
    ];
    let sent = send(&harness, &headers, "<a/>").await;
    assert_eq!(sent.status, StatusCode::ACCEPTED);
    let id = id_of(&sent);
    assert_eq!(sent.json(), json!({"interchange": id, "status": format!("/v1/interchanges/{id}")}));
    assert_eq!(sent.header("location"), format!("/v1/interchanges/{id}"));

    let read = harness.get(sent.header("location"), &key).await;
    assert_eq!(read.status, StatusCode::OK);
    let read = read.json();
    assert_eq!(read["from"], "buyer");
    assert_eq!(read["state"], "received");
    assert_eq!(read["size_bytes"], 4);
    assert_eq!(
        (&read["content_type"], &read["charset"], &read["file_name"]),
        (&json!("text/xml"), &json!("EUC-KR"), &json!("a.xml"))
    );
    assert_eq!(read["received_at"], "2026-11-24T03:00:00.000Z");
    assert_eq!(read["sha256"].as_str().unwrap().len(), 64);

    let payload = harness.get(&format!("/v1/interchanges/{id}/payload"), &key).await;
    assert_eq!((payload.status, payload.text().as_str()), (StatusCode::OK, "<a/>"));
    assert_eq!(payload.header("content-type"), "text/xml; charset=EUC-KR");
    assert_eq!(payload.header("content-disposition"), "attachment");
    assert_eq!(payload.header("content-length"), "4");
}

#[tokio::test]
async fn who_calls_is_known_by_a_key() {
    let harness = Harness::new().await;
    let (id, bearer) = harness.key("buyer").await;
    let (other, _) = harness.key("maker-a").await;
    let key = bearer.strip_prefix("Bearer ").unwrap();
    let basic = |user: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{key}")));
    for good in [bearer.clone(), format!("bearer  {key}"), basic(&id.to_string())] {
        assert_eq!(send(&harness, &[("authorization", &good)], "x").await.status, StatusCode::ACCEPTED, "{good}");
    }
    let wrong = [
        format!("{bearer}x"),
        "Bearer dk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        "Bearer".to_owned(),
        "Digest x".to_owned(),
        basic("buyer"),
        basic(&other.to_string()),
        basic(""),
    ];
    let none = send(&harness, &[], "x").await;
    assert_eq!(none.problem(), "unauthenticated");
    let offered: Vec<_> = none.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(offered, ["Bearer realm=\"dure\"", "Basic realm=\"dure\", charset=\"UTF-8\""]);
    for header in &wrong {
        assert_eq!(send(&harness, &[("authorization", header)], "x").await, none, "{header}");
    }
    harness.end_key(id).await;
    assert_eq!(send(&harness, &[("authorization", &bearer)], "x").await, none, "a key that ended");
    assert_eq!(count(&harness, "SELECT COUNT(*) FROM interchange WHERE state = 'received'").await, 3);
    assert!(
        harness.hub.metrics_text().await.unwrap().contains("dure_receipts_refused_total{outcome=\"credential\"} 8")
    );
}

#[tokio::test]
async fn an_organisation_that_ended_is_nobody() {
    let harness = Harness::new().await;
    let (_, key) = harness.key("shop").await;
    assert_eq!(harness.get("/v1/trades", &key).await.status, StatusCode::OK);
    let ended = json!({"type": "Party", "id": "shop", "name": "shop", "roles": ["seller"], "status": "ended"});
    harness.accepted(harness.org("centre"), ended).await;
    harness.hub.refresh_directory().await.unwrap();
    assert_eq!(harness.get("/v1/trades", &key).await.problem(), "unauthenticated");
}

#[tokio::test]
async fn who_calls_is_known_by_a_certificate() {
    let harness = Harness::new().await;
    let (known, unknown) = (CertificateDer::from(vec![1, 2, 3]), CertificateDer::from(vec![4]));
    let digest = ring::digest::digest(&ring::digest::SHA256, &known);
    harness.certificate("buyer", digest.as_ref().try_into().unwrap()).await;
    let ask = async |certificate: &CertificateDer<'_>| {
        let mut request = Request::builder().uri("/v1/trades").body(Body::empty()).unwrap();
        request.extensions_mut().insert(ClientCertificate::of(certificate));
        harness.ask(request).await.status
    };
    assert_eq!(ask(&known).await, StatusCode::OK);
    assert_eq!(ask(&unknown).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn signed_requests() {
    let harness = Harness::new().await;
    let (id, signing) = harness.signing_key("buyer").await;
    let named = id.to_string();
    let call = async |path: &str, headers: &[(&'static str, String)], key: Option<&str>, body: &'static str| {
        let mut all: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        all.extend(key.map(|key| ("dure-key", key)));
        harness.call("POST", path, &all, body).await
    };
    let good = signature(&signing, "msg_1", b"x");
    let first = call(SEND, &good, Some(&named), "x").await;
    assert_eq!(first.status, StatusCode::ACCEPTED);
    // The same again, the key named the other way.
    let again = call(&format!("{SEND}?key={named}"), &good, None, "x").await;
    assert_eq!((again.status, again.body), (first.status, first.body.clone()));
    // The id again for other bytes.
    let other = call(SEND, &signature(&signing, "msg_1", b"y"), Some(&named), "y").await;
    assert_eq!(other.problem(), "transport-id-conflict");
    assert_eq!(other.json()["interchange"], first.json()["interchange"]);

    let before = count(&harness, INTERCHANGES).await;
    let mut old = good.clone();
    old[1].1 = (NOON / 1000 - 301).to_string();
    for (headers, key, body) in [
        (&good[..], Some(named.as_str()), "z"),
        (&old[..], Some(&named), "x"),
        (&good[..2], Some(&named), "x"),
        (&good[1..], Some(&named), "x"),
        (&good[..], None, "x"),
        (&good[..], Some("key_0000000000001"), "x"),
        (&good[..], Some("buyer"), "x"),
    ] {
        assert_eq!(call(SEND, headers, key, body).await.problem(), "unauthenticated", "{headers:?} {key:?} {body}");
    }
    assert_eq!(count(&harness, INTERCHANGES).await, before);
    // A reading call signs an empty body.
    let empty = signature(&signing, "msg_2", b"");
    let mut headers: Vec<(&str, &str)> = empty.iter().map(|(name, value)| (*name, value.as_str())).collect();
    headers.push(("dure-key", &named));
    assert_eq!(harness.call("GET", "/v1/trades", &headers, "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn repeats_and_conflicts() {
    let harness = Harness::new().await;
    let (_, key) = harness.key("buyer").await;
    let (_, other_key) = harness.key("maker-a").await;
    let with = async |key: &str, id: &str, body: &'static str| {
        send(&harness, &[("authorization", key), ("idempotency-key", id)], body).await
    };
    let first = with(&key, "a-1", "x").await;
    assert_eq!(first.status, StatusCode::ACCEPTED);
    assert_eq!(with(&key, "a-1", "x").await, first);
    assert_eq!(with(&key, "\"a-1\"", "x").await, first, "as a structured field");
    let conflict = with(&key, "a-1", "y").await;
    assert_eq!((conflict.status.as_u16(), conflict.problem().as_str()), (422, "transport-id-conflict"));
    assert_eq!(id_of(&conflict), id_of(&first));
    assert_ne!(id_of(&with(&other_key, "a-1", "x").await), id_of(&first), "another partner's ids are its own");
    assert_ne!(id_of(&with(&key, "a-2", "x").await), id_of(&first));
    let long = "k".repeat(256);
    for wrong in ["", "\"\"", long.as_str()] {
        let refused = with(&key, wrong, "x").await;
        assert_eq!(refused.problem(), "bad-request", "{wrong}");
    }
}

#[tokio::test]
async fn too_large_is_refused_and_leaves_nothing() {
    let mut config = Config::default();
    config.limits.receive_bytes = 600_000;
    let harness = Harness::with(config).await;
    let (_, key) = harness.key("buyer").await;
    let before = count(&harness, INTERCHANGES).await;
    // By its length, before a byte of it is read.
    let never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
    let stated = send(&harness, &[("authorization", &key), ("content-length", "600001")], never).await;
    assert_eq!((stated.status.as_u16(), stated.problem().as_str()), (413, "too-large"));
    // Without a length, when too much of it has come.
    let endless = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 100_000])));
    let streamed = send(&harness, &[("authorization", &key)], Body::from_stream(endless)).await;
    assert_eq!(streamed.problem(), "too-large");
    assert_eq!((count(&harness, CHUNKS).await, count(&harness, INTERCHANGES).await), (0, before));
    let coded = send(&harness, &[("authorization", &key), ("content-encoding", "gzip")], "x").await;
    assert_eq!(coded.problem(), "content-coding");
    // Nobody without a key gets that far.
    assert_eq!(send(&harness, &[("content-length", "600001")], "x").await.problem(), "unauthenticated");
}

#[tokio::test]
async fn a_large_body_comes_back_as_it_was() {
    let harness = Harness::new().await;
    let (_, key) = harness.key("buyer").await;
    for size in [262_144, 262_145, 700_000] {
        let bytes: Vec<u8> = (0..size).map(|place: u32| (place % 251) as u8).collect();
        let pieces: Vec<_> =
            bytes.chunks(50_000).map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece))).collect();
        let sent =
            send(&harness, &[("authorization", &key)], Body::from_stream(futures_util::stream::iter(pieces))).await;
        assert_eq!(sent.status, StatusCode::ACCEPTED);
        let payload = harness.get(&format!("/v1/interchanges/{}/payload", id_of(&sent)), &key).await;
        assert_eq!(payload.body, bytes, "{size}");
        // The digest is compared whatever the size: the same again is a repeat, another a conflict.
        let once =
            send(&harness, &[("authorization", &key), ("idempotency-key", &size.to_string())], bytes.clone()).await;
        let again = send(&harness, &[("authorization", &key), ("idempotency-key", &size.to_string())], bytes).await;
        assert_eq!(again, once);
    }
}

/// 600,000 bytes, then what the last stream gives.
fn half_a_body(rest: impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static) -> Body {
    let pieces = (0..6).map(|_| Ok(Bytes::from(vec![b'x'; 100_000])));
    Body::from_stream(futures_util::stream::iter(pieces).chain(rest))
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing() {
    let harness = Harness::new().await;
    let (_, key) = harness.key("buyer").await;
    let before = count(&harness, INTERCHANGES).await;
    let gone = futures_util::stream::iter([Err(std::io::Error::other("gone"))]);
    let broken = send(&harness, &[("authorization", &key)], half_a_body(gone)).await;
    assert_eq!((broken.status.as_u16(), broken.problem().as_str()), (400, "incomplete-body"));
    assert_eq!((count(&harness, CHUNKS).await, count(&harness, INTERCHANGES).await), (0, before));
    let small =
        Body::from_stream(futures_util::stream::iter([Ok(Bytes::from("x")), Err(std::io::Error::other("gone"))]));
    assert_eq!(send(&harness, &[("authorization", &key)], small).await.problem(), "incomplete-body");
    assert_eq!(count(&harness, INTERCHANGES).await, before);
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_nothing() {
    let harness = Harness::new().await;
    let (_, key) = harness.key("buyer").await;
    let before = count(&harness, INTERCHANGES).await;
    let read = Arc::new(Notify::new());
    let reached = Arc::clone(&read);
    let rest = futures_util::stream::poll_fn(move |_| {
        reached.notify_one();
        std::task::Poll::Pending
    });
    let headers = [("authorization", key.as_str())];
    tokio::select! {
        answer = send(&harness, &headers, half_a_body(rest)) => panic!("{answer:?}"),
        () = read.notified() => {}
    }
    assert_eq!((count(&harness, CHUNKS).await, count(&harness, INTERCHANGES).await), (0, before));
}

#[tokio::test]
async fn a_slow_body_is_not_waited_for() {
    let mut config = Config::default();
    config.limits.body_timeout_ms = 20;
    let harness = Harness::with(config).await;
    let (_, key) = harness.key("buyer").await;
    let slow = send(&harness, &[("authorization", &key)], half_a_body(futures_util::stream::pending())).await;
    assert_eq!((slow.status.as_u16(), slow.problem().as_str()), (408, "body-timeout"));
    assert_eq!(count(&harness, CHUNKS).await, 0);
}

#[tokio::test]
async fn waiting_for_the_decision() {
    let mut harness = Harness::new().await;
    let (_, maker) = harness.key("maker-a").await;
    let (_, key) = harness.key("buyer").await;
    // Nobody works yet: the wait ends without a decision.
    let body = catalogue("CAT-A", item("LM-40", "08801234500011", "LM-40", "513700")).to_string();
    let headers = [
        ("authorization", maker.as_str()),
        ("content-type", "application/json"),
        ("idempotency-key", "c"),
        ("prefer", "wait=1"),
    ];
    let waited = send(&harness, &headers, body.clone()).await;
    assert_eq!(waited.status, StatusCode::ACCEPTED);
    assert_eq!(waited.header("preference-applied"), "wait=1");
    harness.work();
    // A repeat gets the decision of the first.
    let decided = send(&harness, &[headers[0], headers[1], headers[2], ("prefer", "wait=600")], body).await;
    assert_eq!((decided.status, decided.header("preference-applied")), (StatusCode::OK, "wait=30"));
    assert_eq!(decided.header("content-location"), waited.header("location"));
    let decided = decided.json();
    assert_eq!((&decided["state"], &decided["disposition"]), (&json!("decided"), &json!("accepted")));
    assert_eq!(decided["interchange"], waited.json()["interchange"]);
    assert_eq!(
        (&decided["documents"][0]["type"], &decided["documents"][0]["number"]),
        (&json!("Catalogue"), &json!("CAT-A"))
    );
    assert!(decided.get("partly").is_none());

    let wait = [("authorization", key.as_str()), ("content-type", "application/json"), ("prefer", "wait=20")];
    let refused = send(&harness, &wait, order("PO-1").to_string()).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (422, "rejected"));
    let refused = refused.json();
    let unknown =
        refused["findings"].as_array().unwrap().iter().find(|finding| finding["code"] == "unknown-item").unwrap();
    assert_eq!((&unknown["severity"], &unknown["place"]["path"]), (&json!("error"), &json!("lines[2].item")));
    assert_eq!(unknown["text"]["en"], "the item 08801234500028 is not in the catalogue");
    assert_eq!(refused["documents"][0]["disposition"], "rejected");
    // What is no document at all.
    let nonsense = send(&harness, &wait, "nonsense").await;
    assert_eq!(nonsense.problem(), "rejected");
    assert!(nonsense.json()["findings"].as_array().is_some_and(|findings| !findings.is_empty()));
    // What is held for a person is not waited for.
    let mut held = event("1", "delivered", "2026-11-24T12:00:00+09:00");
    held["id"] = json!("X");
    let (_, shop) = harness.key("shop").await;
    let ours = json!({"type": "ApplicationResponse", "id": "X", "responses": []});
    let held = send(&harness, &[("authorization", &shop), wait[1], wait[2]], ours.to_string()).await;
    assert_eq!(held.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn some_of_it_rejected() {
    let mut harness = Harness::new().await;
    harness.accepted(harness.org("maker-a"), catalogue("A", item("LM-40", "08801234500011", "LM-40", "513700"))).await;
    harness.accepted(harness.org("maker-b"), catalogue("B", item("T-2", "08801234500028", "T-2", "24000"))).await;
    let (_, key) = harness.key("buyer").await;
    harness.work();
    let mut bad = order("PO-2");
    bad["lines"][0]["item"]["standard_item_id"]["value"] = json!("08801234599990");
    let both = json!([order("PO-1"), bad]).to_string();
    let headers = [("authorization", key.as_str()), ("content-type", "application/json"), ("prefer", "wait=20")];
    let partly = send(&harness, &headers, both).await;
    assert_eq!(partly.status, StatusCode::OK, "{}", partly.text());
    let partly = partly.json();
    assert_eq!(partly["partly"], true);
    let dispositions: Vec<_> =
        partly["documents"].as_array().unwrap().iter().map(|one| one["disposition"].clone()).collect();
    assert_eq!(dispositions, ["accepted", "rejected"]);
}

#[tokio::test]
async fn secrets_are_shown_to_their_sender_only() {
    let harness = Harness::new().await;
    let (_, buyer) = harness.key("buyer").await;
    let (_, centre) = harness.key("centre").await;
    let padding = "한".repeat(120_000);
    for filler in ["", padding.as_str()] {
        let body = format!("<cXML><a>{filler}</a><SharedSecret>open sesame</SharedSecret></cXML>");
        let sent = send(&harness, &[("authorization", &buyer), ("content-type", "text/xml")], body.clone()).await;
        let path = format!("/v1/interchanges/{}/payload", id_of(&sent));
        assert_eq!(harness.get(&path, &buyer).await.text(), body);
        let masked = harness.get(&path, &centre).await;
        assert_eq!(masked.text(), body.replace("open sesame", "***"));
        assert_eq!(masked.header("content-length"), "");
    }
}

#[tokio::test]
async fn routes_that_are_not_there() {
    let harness = Harness::new().await;
    for path in
        ["/v1", "/v1/", "/v1/nothing", "/v1/interchanges/", "/v1/trades/x/y", "/as2", "/callbacks", "/callbacks/"]
    {
        for method in ["GET", "POST", "DELETE"] {
            let answer = harness.call(method, path, &[], "").await;
            assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (404, "not-found"), "{method} {path}");
        }
    }
    for (path, methods) in dure::api::paths() {
        let path = path.replace("{id}", "x").replace("{courier}", "courier").replace("{secret}", "x");
        for method in ["GET", "POST", "PUT", "DELETE"].iter().filter(|m| !methods.contains(&m.to_lowercase().as_str()))
        {
            let answer = harness.call(method, &path, &[], "").await;
            assert_eq!(
                (answer.status.as_u16(), answer.problem().as_str()),
                (405, "method-not-allowed"),
                "{method} {path}"
            );
            let allow = answer.header("allow").to_lowercase();
            assert!(methods.iter().all(|method| allow.contains(method)), "{path}: {allow}");
        }
    }
    let korean = harness.call("GET", "/v1/x", &[], "").await;
    let english = harness.call("GET", "/v1/x", &[("accept-language", "fr, en-US;q=0.8")], "").await;
    assert_eq!((korean.header("content-language"), english.header("content-language")), ("ko", "en"));
    assert_eq!(english.json()["title"], "there is nothing here");
}

#[tokio::test]
async fn operators_routes() {
    let harness = Harness::new().await;
    assert_eq!(harness.call("GET", "/healthz", &[], "").await.json(), json!({"status": "ok"}));
    assert_eq!(harness.call("GET", "/readyz", &[], "").await.json(), json!({"status": "ready"}));
    let described = harness.call("GET", "/openapi.json", &[], "").await;
    assert_eq!(described.json()["openapi"], "3.1.0");

    let from = async |peer: &str, headers: &[(&str, &str)]| {
        let mut request = Request::builder().uri("/metrics");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        harness.ask(request).await
    };
    let local = from("127.0.0.1:9", &[]).await;
    assert_eq!(local.status, StatusCode::OK);
    assert!(local.header("content-type").starts_with("application/openmetrics-text"));
    assert!(local.text().contains("dure_interchanges_received_total") && local.text().ends_with("# EOF\n"));
    assert_eq!(from("[::ffff:127.0.0.1]:9", &[]).await.status, StatusCode::OK);
    assert_eq!(from("192.0.2.1:9", &[]).await.problem(), "unauthenticated");
    assert_eq!(from("127.0.0.1:9", &[("x-forwarded-for", "192.0.2.1")]).await.problem(), "unauthenticated");
    let (_, centre) = harness.key("centre").await;
    let (_, buyer) = harness.key("buyer").await;
    assert_eq!(from("192.0.2.1:9", &[("authorization", &centre)]).await.status, StatusCode::OK);
    assert_eq!(from("192.0.2.1:9", &[("authorization", &buyer)]).await.problem(), "forbidden");

    harness.hub.stop();
    let stopping = harness.call("GET", "/readyz", &[], "").await;
    assert_eq!((stopping.status.as_u16(), stopping.json()), (503, json!({"status": "stopping"})));
}

#[tokio::test]
async fn check_and_convert_keep_nothing() {
    let mut config = Config::default();
    config.limits.whole_document_bytes = 50_000;
    let harness = Harness::with(config).await;
    let (_, key) = harness.key("buyer").await;
    let before = count(&harness, INTERCHANGES).await;
    let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
    let good = harness.call("POST", "/v1/check", &headers, order("PO-1").to_string()).await;
    assert_eq!(good.status, StatusCode::OK, "{}", good.text());
    assert_eq!(
        (&good.json()["disposition"], &good.json()["messages"][0]["number"]),
        (&json!("accepted"), &json!("PO-1"))
    );
    let bad = harness.call("POST", "/v1/check", &headers, "{").await;
    assert_eq!((bad.status, &bad.json()["disposition"]), (StatusCode::OK, &json!("rejected")));

    let back = harness.call("POST", "/v1/convert?to=dure-json", &headers, order("PO-1").to_string()).await;
    assert_eq!(back.status, StatusCode::OK, "{}", back.text());
    assert_eq!(back.json()["id"], "PO-1");
    assert!(back.header("content-type").contains("json") && !back.header("dure-findings").is_empty());
    for (path, body, problem) in [
        ("/v1/convert", order("PO-1").to_string(), "bad-request"),
        ("/v1/convert?to=nothing-1", order("PO-1").to_string(), "not-convertible"),
        ("/v1/convert?to=csv", "{".to_owned(), "not-convertible"),
        ("/v1/check", "x".repeat(50_001), "too-large"),
    ] {
        let answer = harness.call("POST", path, &headers, body).await;
        assert_eq!(answer.problem(), problem, "{path}");
        assert_eq!(answer.json().get("findings").is_some(), problem == "not-convertible");
    }
    assert_eq!(harness.call("POST", "/v1/check", &[], "x").await.problem(), "unauthenticated");
    assert_eq!(count(&harness, INTERCHANGES).await, before);
}

#[tokio::test]
async fn couriers_call_back() {
    let harness = Harness::new().await;
    let signing = harness.secret("courier:courier").await;
    let body = r#"{"waybill":"1"}"#;
    let call = async |path: &str, headers: &[(&'static str, String)], body: &'static str| {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        harness.call("POST", path, &headers, body).await
    };
    let good = signature(&signing, "cb_1", body.as_bytes());
    let first = call("/callbacks/courier", &good, body).await;
    assert_eq!(first.status, StatusCode::ACCEPTED);
    assert_eq!(call("/callbacks/courier", &good, body).await, first, "again");
    let kept = "SELECT COUNT(*) FROM interchange WHERE transport = 'courier'";
    assert_eq!(count(&harness, kept).await, 1);
    for (headers, body) in [(&good[..], "{}"), (&good[..2], body), (&[], body)] {
        assert_eq!(call("/callbacks/courier", headers, body).await.problem(), "unauthenticated");
    }
    for unknown in ["/callbacks/nobody", "/callbacks/buyer", "/callbacks/centre"] {
        assert_eq!(call(unknown, &good, body).await.problem(), "not-found");
    }
    assert_eq!(count(&harness, kept).await, 1);
    assert!(harness.hub.metrics_text().await.unwrap().contains("dure_receipts_refused_total{outcome=\"signature\"} 3"));
}

#[tokio::test]
async fn a_courier_in_its_own_words() {
    let harness = Harness::new().await;
    let trade = harness.whole_trade().await;
    let party = json!({"type": "Party", "id": "sample-courier", "name": "샘플택배", "roles": ["courier"]});
    harness.accepted(harness.org("centre"), party).await;
    let agreed = json!({"type": "Agreement", "id": "sample-courier-in", "party": "sample-courier", "direction": "in",
        "document_type": "TransportationStatus", "format": "dure-json"});
    harness.accepted(harness.org("centre"), agreed).await;
    let (old, new) =
        (harness.secret("courier:sample-courier:old").await, harness.secret("courier:sample-courier").await);
    let call = async |signing: &dure::transport::webhook::SigningKey, id: &str, body: &Value| {
        let body = body.to_string();
        let headers = signature(signing, id, body.as_bytes());
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = harness.call("POST", "/callbacks/sample-courier", &headers, body).await;
        dure::pipeline::worker::run_once(&harness.hub).await.unwrap();
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        harness.state(id_of(&answer).parse::<dure::model::id::InterchangeId>().unwrap().0).await
    };
    let report = |code: &str, at: &str| json!({"events": [{"waybill": "5712-0034-1189", "status": {"code": code}, "at": at, "receiver": "박누리"}]});
    let picked_up = report("20", "2026-11-24T10:00:00+09:00");
    assert_eq!(call(&old, "c1", &picked_up).await.1, "accepted", "the secret before this one still holds");
    assert_eq!(call(&new, "c2", &picked_up).await.1, "duplicate", "the same events in another call");
    assert_eq!(call(&new, "c3", &report("50", "2026-11-24T11:00:00+09:00")).await.1, "accepted");
    let nonsense = call(&new, "c4", &json!({"events": [{"waybill": "1"}]})).await;
    assert!(nonsense.1 == "rejected" && nonsense.2.contains("events[1].status.code"), "{nonsense:?}");
    let (_, key) = harness.key("sample-courier").await;
    let seen = harness.get(&format!("/v1/trades/{}", trade.trade), &key).await.json();
    let parcels = seen["parcels"].as_array().unwrap();
    assert_eq!((parcels.len(), &parcels[0]["state"]), (1, &json!("delivered")));
    let codes: Vec<_> =
        parcels[0]["events"].as_array().unwrap().iter().map(|event| event["courier_code"].clone()).collect();
    assert_eq!(codes, ["20", "50"]);
}

#[tokio::test]
async fn documents_in_pages() {
    let harness = Harness::new().await;
    harness.whole_trade().await;
    let (_, centre) = harness.key("centre").await;
    let (_, buyer) = harness.key("buyer").await;
    let numbers = async |path: &str, key: &str| {
        let (mut numbers, mut next) = (Vec::new(), path.to_owned());
        while !next.is_empty() {
            let page = harness.get(&next, key).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.text());
            let page = page.json();
            let documents = page["documents"].as_array().unwrap();
            numbers.extend(documents.iter().map(|one| one["number"].as_str().unwrap().to_owned()));
            next = page["next"].as_str().unwrap_or("").to_owned();
        }
        numbers
    };
    let all = numbers("/v1/documents", &centre).await;
    assert_eq!(numbers("/v1/documents?limit=1", &centre).await, all);
    assert_eq!(numbers("/v1/documents?limit=3&content=1", &centre).await, all);
    assert!(all.len() > 20);
    assert_eq!(numbers("/v1/documents?type=order", &centre).await, ["PO-1107"]);
    assert_eq!(numbers("/v1/documents?partner=maker-b", &centre).await, ["R-2", "CAT-B"]);
    assert_eq!(numbers("/v1/documents?partner=gln:8801234500036&type=Catalogue", &centre).await, ["CAT-B"]);
    assert_eq!(numbers("/v1/documents?number=DA-1", &centre).await, ["DA-1"]);
    assert!(numbers("/v1/documents?since=2026-11-25", &centre).await.is_empty());
    assert_eq!(numbers("/v1/documents?since=2026-11-24T12:00:00%2B09:00", &centre).await, all);
    assert!(numbers("/v1/documents?partner=nobody", &centre).await.is_empty());
    // What the buyer sent and what it was sent.
    let own = numbers("/v1/documents?limit=2", &buyer).await;
    assert_eq!(own, ["DA-1", "PO-1107-R2", "PO-1107-R1", "PO-1107"]);
    let content = harness.get("/v1/documents?type=DespatchAdvice&content=true", &buyer).await.json();
    assert_eq!(content["documents"][0]["content"]["order_references"][0]["id"]["value"], "PO-1107");
    assert_eq!(content["documents"][0]["side"], "received");
    for wrong in [
        "limit=0",
        "limit=201",
        "limit=x",
        "type=Nothing",
        "since=now",
        "before=ix_0000000000001",
        "number=%00",
        "partner=a%00",
    ] {
        assert_eq!(harness.get(&format!("/v1/documents?{wrong}"), &buyer).await.problem(), "bad-request", "{wrong}");
    }
}

#[tokio::test]
async fn trades_by_what_the_caller_knows() {
    let harness = Harness::new().await;
    let trade = harness.whole_trade().await;
    harness.accepted(harness.org("buyer"), order("PO-1108")).await;
    let find = async |short: &str, query: &str| {
        let (_, key) = harness.key(short).await;
        let answer = harness.get(&format!("/v1/trades{query}"), &key).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let found = answer.json();
        let rows = found["trades"].as_array().unwrap().iter().map(|one| one["number"].as_str().unwrap().to_owned());
        (rows.collect::<Vec<_>>(), found["next"].as_str().unwrap_or("").to_owned())
    };
    let none: Vec<String> = Vec::new();
    for (who, key, expected) in [
        ("buyer", "PO-1107", "PO-1107"),
        ("buyer", "po%201107", "PO-1107"),
        ("buyer", "5712-0034-1178", "PO-1107"),
        ("shop", "PO-1107", "PO-1107"),
        ("maker-a", "PO-1107/1", "PO-1107/1"),
        ("courier", "571200341178", "571200341178"),
        ("centre", "PO-1107/2", "PO-1107"),
        ("maker-a", "PO-1107", ""),
        ("maker-a", "PO-1107/2", ""),
        ("shop", "5712-0034-1178", ""),
        ("courier", "PO-1107", ""),
        ("buyer-2", "PO-1107", ""),
        ("buyer", "nothing", ""),
    ] {
        let (found, _) = find(who, &format!("?key={key}")).await;
        if expected.is_empty() {
            assert_eq!(found, none, "{who} {key}");
        } else {
            assert_eq!(found, [expected], "{who} {key}");
        }
    }
    let (first, next) = find("buyer", "?limit=1").await;
    assert_eq!(first, ["PO-1108"]);
    let (second, next) = find("buyer", next.strip_prefix("/v1/trades").unwrap()).await;
    assert_eq!(second, ["PO-1107"]);
    let (third, next) = find("buyer", next.strip_prefix("/v1/trades").unwrap()).await;
    assert_eq!((third, next.as_str()), (none, ""));

    let (_, key) = harness.key("buyer").await;
    let whole = harness.get(&format!("/v1/trades/{}", trade.trade), &key).await.json();
    let list = |name: &str| -> Vec<Value> { whole[name].as_array().unwrap().clone() };
    let happened: Vec<String> = list("timeline")
        .iter()
        .map(|entry| {
            format!(
                "{} {}",
                entry["what"].as_str().unwrap(),
                entry["type"].as_str().or(entry["kind"].as_str()).unwrap()
            )
        })
        .collect();
    assert_eq!(
        happened,
        [
            "milestone picked-up",
            "document Order",
            "milestone ordered",
            "milestone forwarded",
            "milestone forwarded",
            "milestone confirmed",
            "milestone confirmed",
            "milestone despatched",
            "milestone delivered",
            "milestone settled",
            "delivery OrderResponse",
            "delivery OrderResponse",
            "delivery DespatchAdvice"
        ]
    );
    assert_eq!(list("lines").len(), 2);
    assert_eq!((&list("lines")[0]["price"], &list("lines")[0]["delivered"]), (&json!("540000"), &json!("5")));
    assert_eq!(list("parcels").len(), 2);
    assert_eq!(list("parcels")[0]["contents"][0]["serial_ids"][0], "S1");
    assert_eq!(list("parcels")[0]["events"][1]["status"], "delivered");
    assert!(list("statement_lines").is_empty());
}
