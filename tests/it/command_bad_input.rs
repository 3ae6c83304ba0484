//! What bad input gets, at a real hub over real connections: a finding or a problem with its place, kept as it came where
//! the sender is known and it is not too large, and nothing else disturbed.

use dure::transport::trust;
use serde_json::{Value, json};

use crate::command_market::Market;

/// The most that the hub of this test takes, bytes.
const CAP: usize = 2_000_000;

/// Calls a hub as a partner's system does.
#[derive(Clone)]
struct Caller {
    http: reqwest::Client,
    url: String,
}

/// What the hub answers.
#[derive(Debug)]
struct Said {
    status: u16,
    body: Value,
}

impl Caller {
    fn new(url: &str) -> Caller {
        let tls = trust::client_config(std::path::Path::new("")).unwrap();
        // A connection a call.
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls).pool_max_idle_per_host(0);
        Caller { http: http.build().unwrap(), url: url.to_owned() }
    }

    async fn post(&self, key: &str, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Said {
        let mut request = self.http.post(format!("{}/v1/interchanges", self.url)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.header("authorization", format!("Bearer {key}")).send().await.unwrap();
        let status = answer.status().as_u16();
        Said { status, body: serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap() }
    }

    /// Posts and waits for the decision.
    async fn decided(&self, key: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Said {
        self.post(key, &[("content-type", content_type), ("prefer", "wait=20")], body).await
    }

    async fn get(&self, key: &str, path: &str) -> bytes::Bytes {
        let request = self.http.get(format!("{}{path}", self.url)).header("authorization", format!("Bearer {key}"));
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path} {}", answer.status());
        answer.bytes().await.unwrap()
    }

    async fn json(&self, key: &str, path: &str) -> Value {
        serde_json::from_slice(&self.get(key, path).await).unwrap()
    }

    /// How many interchanges there are.
    async fn kept(&self) -> u64 {
        let text = self.http.get(format!("{}/metrics", self.url)).send().await.unwrap().text().await.unwrap();
        let lines = text.lines().filter(|line| line.starts_with("dure_interchanges_received_total"));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }
}

/// A UBL order like the sample, with another number.
fn order(number: &str) -> String {
    include_str!("../../samples/demo/order.xml").replacen("PO-2026-1124", number, 1)
}

/// An order as EDIFACT, from a sender, with a UNZ that counts so many messages.
fn edifact(sender: &str, number: &str, messages: &str) -> String {
    format!(
        "UNB+UNOC:3+{sender}:14+8801234500067:14+261124:0900+77'UNH+1+ORDERS:D:96A:UN'BGM+220+{number}+9'\
         DTM+137:20261124:102'NAD+BY+8801234500012::9'NAD+SU+8801234500043::9'CUX+2:KRW:9'\
         LIN+1++8801234560078:EN'QTY+21:5:EA'PRI+AAA:189000'UNS+S'CNT+2:1'UNT+12+1'UNZ+{messages}+77'"
    )
}

/// What one piece of bad input is.
struct Bad {
    name: &'static str,
    content_type: &'static str,
    bytes: Vec<u8>,
    /// The finding that must be there, and what its place must have.
    code: &'static str,
    place: &'static [(&'static str, u64)],
    path: &'static str,
}

fn bad() -> Vec<Bad> {
    let xml = "application/xml";
    let case = |name, bytes: Vec<u8>, code, place| Bad { name, content_type: xml, bytes, code, place, path: "" };
    let whole = order("PO-BAD").into_bytes();
    let (korean, _, _) = encoding_rs::EUC_KR.encode(include_str!("../../samples/demo/order.xml"));
    let inside =
        |text: &str| order("PO-BAD").replacen("<cbc:ID>PO-BAD", &format!("{text}<cbc:ID>PO-BAD"), 1).into_bytes();
    let deep = format!("{}{}", "<cbc:Note>".repeat(200), "</cbc:Note>".repeat(200));
    let many: String = (0..100_000).map(|n| format!(" a{n}=\"\"")).collect();
    let entity = order("&bad;").into_bytes();
    let declared = order("PO-BAD").replacen("<Order", "<!DOCTYPE Order [<!ENTITY bad \"x\">]>\n<Order", 1).into_bytes();
    let external =
        order("PO-BAD").replacen("<Order", "<!DOCTYPE Order SYSTEM \"http://127.0.0.1:9/x.dtd\">\n<Order", 1);
    vec![
        case("not XML at all", b"Please send 5 pieces of LM-40.".to_vec(), "syntax", &[("line", 1), ("column", 1)]),
        case("truncated", whole[..whole.len() / 2].to_vec(), "truncated", &[("line", 101), ("column", 18)]),
        case("wrong encoding", korean.into_owned(), "encoding", &[("line", 2)]),
        case("DTD", external.into_bytes(), "doctype-refused", &[("line", 3), ("column", 1)]),
        case("entities declared", declared, "doctype-refused", &[("line", 3), ("column", 1)]),
        case("an entity", entity, "entity-refused", &[("line", 7)]),
        case("200 levels", inside(&deep), "too-deep", &[("line", 7)]),
        case("100,000 attributes", inside(&format!("<cbc:Note{many}/>")), "too-many-attributes", &[("line", 7)]),
        Bad {
            path: "/Order/cac:OrderLine[1]",
            ..case(
                "unknown item",
                order("PO-BAD").replace("8801234560078", "8801234560993").replace("LM-40", "XX-9").into_bytes(),
                "unknown-item",
                &[("line", 108)],
            )
        },
        Bad {
            path: "/UNB/S002/0004",
            content_type: "application/EDIFACT",
            ..case(
                "sender of the envelope",
                edifact("8801234500029", "PO-BAD", "1").into_bytes(),
                "sender-mismatch",
                &[("line", 1), ("column", 12), ("element", 2)],
            )
        },
        Bad {
            path: "/UNZ/0036",
            content_type: "application/EDIFACT",
            ..case(
                "wrong UNZ count",
                edifact("8801234500012", "PO-BAD", "2").into_bytes(),
                "wrong-count",
                &[("line", 1), ("element", 1)],
            )
        },
        Bad {
            path: "/Order/cac:BuyerCustomerParty",
            ..case(
                "sender of the document",
                order("PO-BAD").replace("8801234500012", "8801234500029").into_bytes(),
                "sender-mismatch",
                &[],
            )
        },
    ]
}

fn findings(body: &Value) -> Vec<Value> {
    body["findings"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn each_gets_its_finding_and_disturbs_nothing() {
    let market = Market::with(&[("DURE_LIMITS__RECEIVE_BYTES", &CAP.to_string())]).stocked();
    let caller = Caller::new(&market.url);
    let good = async |number: &str| {
        let said = caller.decided(&market.buyer, "application/xml", order(number)).await;
        assert_eq!((said.status, &said.body["disposition"]), (200, &json!("accepted")), "{said:?}");
    };
    good("PO-1").await;
    for Bad { name, content_type, bytes, code, place, path } in bad() {
        let before = caller.kept().await;
        let said = caller.decided(&market.buyer, content_type, bytes.clone()).await;
        assert_eq!(said.status, 422, "{name}: {said:?}");
        assert_eq!(said.body["type"], "urn:dure:problem:rejected", "{name}: {said:?}");
        let found = findings(&said.body);
        let finding = found.iter().find(|finding| finding["code"] == code);
        let finding = finding.unwrap_or_else(|| panic!("{name}: {said:?}"));
        for (what, number) in place {
            assert_eq!(finding["place"][*what], *number, "{name}: {finding}");
        }
        assert!(finding["place"]["path"].as_str().unwrap_or("").starts_with(path), "{name}: {finding}");
        assert!(finding["place"].as_object().is_some_and(|place| !place.is_empty()), "{name}: {finding}");
        for language in ["ko", "en"] {
            assert!(!finding["text"][language].as_str().unwrap().is_empty(), "{name}: {finding}");
        }
        // It is kept as it came, and shown to its sender.
        let id = said.body["interchange"].as_str().unwrap();
        assert_eq!(caller.get(&market.buyer, &format!("/v1/interchanges/{id}/payload")).await, bytes, "{name}");
        assert_eq!(caller.kept().await, before + 1, "{name}");
    }
    // A number that was rejected is free.
    good("PO-BAD").await;

    // Not so far: neither kept nor looked at.
    let before = caller.kept().await;
    let said = caller.post(&market.buyer, &[], vec![b'x'; CAP + 1]).await;
    assert_eq!((said.status, &said.body["type"]), (413, &json!("urn:dure:problem:too-large")), "{said:?}");
    for key in [format!("{}x", market.buyer), "dk_none".to_owned()] {
        let said = caller.post(&key, &[], order("PO-2")).await;
        assert_eq!((said.status, &said.body["type"]), (401, &json!("urn:dure:problem:unauthenticated")), "{said:?}");
    }
    assert_eq!(caller.kept().await, before);

    // The number again with other content.
    let said = caller.decided(&market.buyer, "application/xml", order("PO-1").replacen(">5<", ">6<", 1)).await;
    assert_eq!(said.status, 202, "{said:?}");
    let shown = caller.json(&market.buyer, said.body["status"].as_str().unwrap()).await;
    assert_eq!(
        (&shown["state"], &shown["documents"][0]["identity"]),
        (&json!("held"), &json!("conflict")),
        "{shown:#}"
    );
    let conflict = &shown["documents"][0]["findings"][0];
    assert_eq!((&conflict["code"], &conflict["found"]), (&json!("conflict"), &json!("PO-1")), "{shown:#}");
    assert!(conflict["place"]["line"].is_u64(), "{conflict}");
    assert!(shown["documents"][0]["same_as"].is_string(), "both can be laid side by side: {shown:#}");

    good("PO-3").await;
    assert_eq!(market.place.run(&["verify", "--json"]).code(0).json()["problems"], json!([]));
    assert!(!market.place.log().contains("ERROR"), "{}", market.place.log());
}

#[tokio::test]
async fn what_is_not_agreed_is_held_until_it_is() {
    let market = Market::new();
    let caller = Caller::new(&market.url);
    let table = include_bytes!("../../samples/demo/catalogue-electronics.csv");
    let said = caller.decided(&market.electronics, "text/csv", &table[..]).await;
    assert_eq!(said.status, 202, "{said:?}");
    let place = said.body["status"].as_str().unwrap();
    for key in [&market.electronics, &market.place.run(&["key", "add", "centre"]).code(0).out.trim().to_owned()] {
        let shown = caller.json(key, place).await;
        assert_eq!((&shown["state"], &shown["cause"]), (&json!("held"), &json!("not-yet")), "{shown:#}");
        assert_eq!(shown["documents"][0]["findings"][0]["code"], "no-agreement", "{shown:#}");
    }
    market.agree("jeonja", "--in", "Catalogue", "csv", &[]);
    let watch = dure::clock::Stopwatch::start();
    let shown = loop {
        let shown = caller.json(&market.electronics, place).await;
        if shown["state"] == "decided" {
            break shown;
        }
        assert!(watch.elapsed_us() < 30_000_000, "{shown:#}");
    };
    assert_eq!(shown["disposition"], "accepted", "{shown:#}");
    assert_eq!(shown["documents"][0]["findings"], json!([]), "what held it is no more");
}

#[tokio::test]
async fn the_same_order_twice_at_once() {
    let market = Market::new().stocked();
    for party in ["jeongmil", "jeonja"] {
        market.agree(party, "--out", "Order", "ubl-2.1", &["--address", "http://127.0.0.1:1/", "--retry", "3600"]);
    }
    let caller = Caller::new(&market.url);
    let (once, kind) = (order("PO-TWICE"), "application/xml");
    for round in 0..10 {
        let body = order(&format!("PO-{round}"));
        let (first, second) = tokio::join!(
            caller.decided(&market.buyer, kind, body.clone()),
            caller.decided(&market.buyer, kind, body.clone())
        );
        let mut words = [&first, &second].map(|said| said.body["disposition"].as_str().unwrap_or("").to_owned());
        words.sort();
        assert_eq!(words, ["accepted", "duplicate"], "{first:?} {second:?}");
        // Under one transport id they are one call.
        let named = format!("call-{round}");
        let headers = [("content-type", kind), ("idempotency-key", named.as_str())];
        let body = order(&format!("PO-{round}-B"));
        let (first, second) = tokio::join!(
            caller.post(&market.buyer, &headers, body.clone()),
            caller.post(&market.buyer, &headers, body)
        );
        assert_eq!((first.status, second.status), (202, 202), "{first:?} {second:?}");
        assert_eq!(first.body, second.body);
    }
    caller.decided(&market.buyer, kind, once).await;
    // What was answered 202 without waiting may be decided after the last one.
    let mut orders = json!(null);
    let mut counted = (0, 0);
    for _ in 0..100 {
        orders = caller.json(&market.buyer, "/v1/documents?type=Order&limit=200").await;
        let listed = orders["documents"].as_array().unwrap();
        counted = (listed.iter().filter(|one| one["disposition"] == "accepted").count(), listed.len());
        if counted == (21, 31) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(counted, (21, 31), "{orders:#}");
    // Each part went out once.
    for key in [&market.precision, &market.electronics] {
        let parts = caller.json(key, "/v1/trades?limit=200").await;
        assert_eq!(parts["trades"].as_array().unwrap().len(), 21);
    }
    assert_eq!(market.place.run(&["verify", "--json"]).code(0).json()["problems"], json!([]));
}
