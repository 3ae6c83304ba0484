//! A trade through the pipeline, step by step, with our own JSON: registration, catalogue, order, split, response,
//! despatch, delivery, statement.

use dure::jobs::close_day;
use dure::pipeline::worker;
use serde_json::json;

use crate::harness::{Harness, catalogue, despatch, event, item, order, response};

#[tokio::test]
async fn a_whole_trade() {
    let bench = Harness::new().await;
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

    bench.accepted(a, response("R-1", "PO-1107/1", "1", "8")).await;
    bench.accepted(b, response("R-2", "PO-1107/2", "2", "16")).await;
    let sent = bench.sent().await;
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].1["response_code"], "received", "one producer has not answered");
    assert_eq!(sent[1].1["response_code"], "changed");
    assert_eq!(sent[1].1["lines"].as_array().unwrap().len(), 2, "the second answer is the whole order");

    // A callback before the waybill is known waits and is woken.
    let courier = bench.org("courier");
    let early = bench.hand_in(courier, &event("5712-0034-1178", "picked-up", "2026-11-24T11:00:00+09:00")).await;
    assert_eq!(bench.state(early).await.0, "waiting");
    bench.accepted(a, despatch("DA-1", "PO-1107/1")).await;
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
    let bench = Harness::new().await;
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

#[test]
fn a_contrl_is_read_as_an_answer() {
    let controls: &str = "UNB+UNOC:3+8801234500029:14+8801234500012:14+261124:0930+77'UNH+1+CONTRL:3:1:UN'\
        UCI+0K3ABCDEFGHJK+8801234500012:14+8801234500029:14+7'UCM+1+ORDERS:D:96A:UN+4'UCS+7+13'UNT+5+1'UNZ+1+77'";
    let read = dure::pipeline::read::stateless(controls.into(), &dure::format::Hint::default()).unwrap();
    assert!(read.findings.is_empty(), "{:?}", read.findings);
    let message = &read.messages[0];
    assert!(message.findings.is_empty(), "{:?}", message.findings);
    let answer: serde_json::Value = serde_json::from_str(&message.content).unwrap();
    assert_eq!(answer["responses"][0]["reference_id"], "0K3ABCDEFGHJK");
    assert_eq!(answer["responses"][0]["response_code"], "acknowledged");
    assert_eq!(answer["responses"][1]["response_code"], "rejected", "the message was refused");
    assert_eq!(answer["responses"][1]["lines"][0]["line_id"], "7");
}

#[tokio::test]
async fn who_sees_the_whole_centre_belongs_to_it() {
    let harness = Harness::new().await;
    let centre = harness.org("centre");
    let account = |id: &str, role: &str, party: &str| serde_json::json!({"type": "Account", "id": id, "role": role, "party": party});
    for role in ["operator", "administrator"] {
        let id = harness.hand_in(centre, &account(role, role, "buyer")).await;
        let (_, disposition, findings) = harness.state(id).await;
        assert_eq!(disposition, "rejected", "{role} of a partner");
        assert!(findings.contains("bad-value"), "{findings}");
        harness.accepted(centre, account(role, role, "centre")).await;
    }
    harness.accepted(centre, account("kim", "buyer", "buyer")).await;
}
