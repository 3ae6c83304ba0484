//! A trade through the pipeline, step by step, with our own JSON: registration, catalogue, order, split, response,
//! despatch, delivery, statement.

use std::sync::{Arc, Mutex};

use dure::clock::Clock;
use dure::config::Config;
use dure::jobs::close_day;
use dure::model::disposition::Transport;
use dure::model::seal::Sealer;
use dure::pipeline::hub::Hub;
use dure::pipeline::outbound::{Outbound, Outgoing, Sent};
use dure::pipeline::receive::{Receipt, Received};
use dure::pipeline::{dispatch, worker};
use dure::store::{Store, StoreConfig, documents, interchanges};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

const NOON: i64 = 1_795_489_200_000;

/// What was sent, kept.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<(String, String)>>>);

impl Outbound for Kept {
    fn scheme(&self) -> &'static [&'static str] {
        &["http", "mailto"]
    }

    fn send<'a>(&'a self, out: &'a Outgoing) -> BoxFuture<'a, Sent> {
        let body = String::from_utf8_lossy(&out.body).into_owned();
        self.0.lock().unwrap().push((out.address.clone(), body));
        Box::pin(async { Sent::Delivered { receipt: "200".into(), answer: None } })
    }
}

struct Bench {
    hub: Arc<Hub>,
    kept: Kept,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(NOON);
        let store = Store::open(&StoreConfig::sqlite(folder.path().join("dure.db")).with_clock(clock.clone())).unwrap();
        let kept = Kept::default();
        let sealer = Sealer::new(&[zeroize::Zeroizing::new([7; 32])], ring::rand::SystemRandom::new()).unwrap();
        let hub = Hub::new(Config::default(), store, clock, sealer, vec![Box::new(kept.clone())]).await.unwrap();
        let bench = Bench { hub, kept, _folder: folder };
        bench.accepted(0, json!({"type": "Party", "id": "centre", "name": "충청 표본센터", "roles": ["centre"]})).await;
        for (id, roles, gln) in [
            ("buyer", "buyer", "8801234500012"),
            ("maker-a", "producer", "8801234500029"),
            ("maker-b", "producer", "8801234500036"),
            ("shop", "seller", "8801234500043"),
            ("courier", "courier", "8801234500050"),
        ] {
            let party = json!({"type": "Party", "id": id, "name": id, "roles": [roles],
                "identifiers": [format!("gln:{gln}")], "contact": {"electronic_mail": format!("{id}@sample.example")}});
            bench.accepted(bench.org("centre"), party).await;
        }
        for (party, direction, kind) in [
            ("buyer", "in", "Order"),
            ("buyer", "out", "OrderResponse"),
            ("buyer", "out", "DespatchAdvice"),
            ("maker-a", "in", "Catalogue"),
            ("maker-a", "in", "OrderResponse"),
            ("maker-a", "in", "DespatchAdvice"),
            ("maker-a", "out", "Order"),
            ("maker-b", "in", "Catalogue"),
            ("maker-b", "in", "OrderResponse"),
            ("maker-b", "out", "Order"),
            ("courier", "in", "TransportationStatus"),
            ("shop", "out", "Statement"),
        ] {
            let mut agreement = json!({"type": "Agreement", "id": format!("{party}-{direction}-{kind}"), "party": party,
                "direction": direction, "document_type": kind, "format": "dure-json", "seller_share_percent": "12.5"});
            if direction == "out" {
                agreement["address"] = json!(format!("http://{party}.example/in"));
            }
            bench.accepted(bench.org("centre"), agreement).await;
        }
        bench
    }

    fn org(&self, short: &str) -> i64 {
        self.hub.directory().by_short(short).map_or(0, |organisation| organisation.id)
    }

    async fn hand_in(&self, organisation_id: i64, body: &Value) -> i64 {
        let centre_id = self.hub.directory().centre().map_or(0, |centre| centre.id);
        let receipt = Receipt {
            organisation_id,
            centre_id,
            transport: if organisation_id == 0 { Transport::Internal } else { Transport::Http },
            transport_id: None,
            content_type: "application/json".into(),
            charset: String::new(),
            file_name: String::new(),
            account_id: None,
            answers_delivery_id: None,
        };
        let received = self.hub.receive(receipt, body.to_string().into()).await.unwrap();
        assert!(matches!(received, Received::New(_)));
        worker::run_once(&self.hub).await.unwrap();
        received.id()
    }

    async fn state(&self, id: i64) -> (String, String, String) {
        let found = self
            .hub
            .store
            .read(move |tx| {
                let interchange = interchanges::get(tx, id)?.unwrap();
                let documents = documents::of_interchange(tx, id)?;
                Ok((interchange, documents))
            })
            .await
            .unwrap();
        let findings: Vec<String> = found.1.iter().map(|document| document.findings.clone()).collect();
        (found.0.state, found.0.disposition.unwrap_or_default(), format!("{:?} {findings:?}", found.0.findings))
    }

    async fn accepted(&self, organisation_id: i64, body: Value) -> i64 {
        let id = self.hand_in(organisation_id, &body).await;
        let (state, disposition, findings) = self.state(id).await;
        assert_eq!((state.as_str(), disposition.as_str()), ("decided", "accepted"), "{body} {findings}");
        id
    }

    async fn sent(&self) -> Vec<(String, Value)> {
        dispatch::run_once(&self.hub).await.unwrap();
        let sent = std::mem::take(&mut *self.kept.0.lock().unwrap());
        sent.into_iter().map(|(to, body)| (to, serde_json::from_str(&body).unwrap_or(Value::String(body)))).collect()
    }
}

fn item(number: &str, gtin: &str, name: &str, price: &str) -> Value {
    json!({"id": number, "orderable_unit": "EA", "item": {"name": name, "sellers_item_id": {"value": number},
        "standard_item_id": {"value": gtin, "scheme": "0160"}}, "price": {"amount": {"value": price, "currency": "KRW"}}})
}

fn order(number: &str) -> Value {
    let line = |id: &str, gtin: &str, quantity: &str, price: &str| {
        json!({"id": id, "quantity": {"value": quantity, "unit": "EA"}, "item": {"standard_item_id": {"value": gtin}},
            "price": {"amount": {"value": price, "currency": "KRW"}}})
    };
    json!({"type": "Order", "id": number, "issue_date": "2026-11-24", "document_currency_code": "KRW",
        "buyer": {"id": "gln:8801234500012"}, "seller": {"id": "gln:8801234500043"},
        "lines": [line("1", "08801234500011", "8", "540000"), line("2", "08801234500028", "20", "25000")]})
}

#[tokio::test]
async fn a_whole_trade() {
    let bench = Bench::new().await;
    let catalogue =
        |id: &str, line: Value| json!({"type": "Catalogue", "id": id, "issue_date": "2026-11-24", "lines": [line]});
    let (a, b) = (bench.org("maker-a"), bench.org("maker-b"));
    bench.accepted(a, catalogue("CAT-A", item("LM-40", "08801234500011", "레이저 거리계 LM-40", "540000"))).await;
    bench.accepted(b, catalogue("CAT-B", item("T-2", "08801234500028", "교정용 타깃 T-2", "24000"))).await;

    let buyer = bench.org("buyer");
    bench.accepted(buyer, order("PO-1107")).await;
    let sent = bench.sent().await;
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].0, "http://maker-a.example/in");
    assert_eq!(sent[0].1["id"], "PO-1107/1");
    assert_eq!(sent[1].1["lines"][0]["price"]["amount"]["value"], "24000", "a producer sees its own price");
    assert_eq!(sent[1].1["lines"].as_array().unwrap().len(), 1, "and its own lines only");

    // The same again changes nothing; other content under the number is held.
    let again = bench.hand_in(buyer, &order("PO-1107")).await;
    assert_eq!(bench.state(again).await.1, "duplicate");
    let mut other = order("PO-1107");
    other["lines"][0]["quantity"]["value"] = json!("9");
    let conflict = bench.hand_in(buyer, &other).await;
    assert_eq!(bench.state(conflict).await.0, "held");
    assert!(bench.sent().await.is_empty());

    let response = |id: &str, order: &str, line: &str, quantity: &str| {
        json!({"type": "OrderResponse", "id": id, "issue_date": "2026-11-24", "order_reference": {"id": {"value": order}},
            "response_code": "accepted", "lines": [{"id": line, "order_line_id": line, "status": "accepted",
            "quantity": {"value": quantity, "unit": "EA"}}]})
    };
    bench.accepted(a, response("R-1", "PO-1107/1", "1", "8")).await;
    bench.accepted(b, response("R-2", "PO-1107/2", "2", "16")).await;
    let sent = bench.sent().await;
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].1["response_code"], "received", "one producer has not answered");
    assert_eq!(sent[1].1["response_code"], "changed");
    assert_eq!(sent[1].1["lines"].as_array().unwrap().len(), 2, "the second answer is the whole order");

    let despatch = json!({"type": "DespatchAdvice", "id": "DA-1", "issue_date": "2026-11-24",
        "order_references": [{"id": {"value": "PO-1107/1"}}], "despatch_party": {"id": "gln:8801234500029"},
        "shipment": {"packages": [
            {"id": {"value": "388012345000000017"}, "tracking_id": "5712-0034-1178", "contents": [
                {"line_id": "1", "quantity": {"value": "5", "unit": "EA"}, "serial_ids": ["S1", "S2", "S3", "S4", "S5"]}]},
            {"id": {"value": "388012345000000024"}, "tracking_id": "5712-0034-1189", "contents": [
                {"line_id": "1", "quantity": {"value": "3", "unit": "EA"}, "serial_ids": ["S6", "S7", "S8"]}]}]},
        "lines": [{"id": "1", "delivered_quantity": {"value": "8", "unit": "EA"},
            "order_line_references": [{"line_id": "1"}]}]});
    // A callback before the waybill is known waits and is woken.
    let courier = bench.org("courier");
    let event = |waybill: &str, status: &str, at: &str| {
        json!({"type": "TransportationStatus", "id": format!("{waybill}-{status}"), "courier": "sample",
            "events": [{"tracking_id": waybill, "status": status, "occurred_at": at}]})
    };
    let early = bench.hand_in(courier, &event("5712-0034-1178", "picked-up", "2026-11-24T11:00:00+09:00")).await;
    assert_eq!(bench.state(early).await.0, "waiting");
    bench.accepted(a, despatch).await;
    assert_eq!(bench.state(early).await.0, "decided", "the despatch woke it");
    assert_eq!(bench.sent().await[0].1["order_references"][0]["id"]["value"], "PO-1107");

    bench.accepted(courier, event("5712-0034-1178", "delivered", "2026-11-24T12:00:00+09:00")).await;
    bench.accepted(courier, event("5712-0034-1178", "in-transit", "2026-11-24T11:30:00+09:00")).await;
    assert_eq!(close_day::run(&bench.hub, "2026-11-24").await.unwrap(), 1);
    worker::run_once(&bench.hub).await.unwrap();
    let sent = bench.sent().await;
    let statement = &sent.iter().find(|(to, _)| to.starts_with("http")).unwrap().1;
    assert_eq!(statement["lines"].as_array().unwrap().len(), 1, "the delivered line and no other");
    assert_eq!(statement["total_balance_amount"]["value"], "337500", "5 x 540,000 x 12.5 %");
    assert!(
        sent.iter().any(|(to, body)| to == "mailto:shop@sample.example" && body.as_str().unwrap().contains("337500"))
    );
    assert_eq!(close_day::run(&bench.hub, "2026-11-24").await.unwrap(), 0, "nothing is settled twice");
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let bench = Bench::new().await;
    let buyer = bench.org("buyer");
    // No catalogue: every line is unknown, each at its place.
    let unknown = bench.hand_in(buyer, &order("PO-1")).await;
    let (_, disposition, findings) = bench.state(unknown).await;
    assert_eq!(disposition, "rejected");
    assert!(findings.contains("unknown-item") && findings.contains("08801234500028"), "{findings}");
    // No agreement for the type: held, and released by the agreement.
    let seller = bench.org("shop");
    let held = bench.hand_in(seller, &order("PO-2")).await;
    let (_, disposition, findings) = bench.state(held).await;
    assert_eq!(disposition, "rejected", "a seller may not order, whatever is agreed: {findings}");
    let status = json!({"type": "ApplicationResponse", "id": "X", "responses": []});
    let held = bench.hand_in(seller, &status).await;
    assert_eq!(bench.state(held).await.0, "held");
    let agreement = json!({"type": "Agreement", "id": "late", "party": "shop", "direction": "in",
        "document_type": "ApplicationResponse", "format": "dure-json"});
    bench.accepted(bench.org("centre"), agreement).await;
    worker::run_once(&bench.hub).await.unwrap();
    assert_eq!(bench.state(held).await, ("decided".into(), "accepted".into(), "None [\"\"]".into()));
    // Somebody else's name.
    let mut foreign = order("PO-3");
    foreign["buyer"]["id"] = json!("gln:8801234500029");
    let id = bench.hand_in(buyer, &foreign).await;
    assert!(bench.state(id).await.2.contains("sender-mismatch") || bench.state(id).await.1 == "rejected");
}
