//! The hub against Tryton: an order becomes a sale, what becomes of the sale comes back, and what breaks: the hub killed at every
//! step, Tryton down, slow, cut off, a wrong password, a product that it does not know.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::string_slice, reason = "a test of its own process")]

mod setting;
mod tryton;

use std::io::{Read, Write};
use std::sync::Arc;

use dure::clock::Clock;
use dure::pipeline::dispatch;
use dure::store::conversations;
use serde_json::{Value, json};

use setting::{Setting, channel, delivered, delivery, hand_in, key, order, put_secret, usual};
use tryton::{Fault, PASSWORD, fresh, sales, unknown_gtin};

/// One sale, as the usual order says.
fn check_sale(order: &str) -> Value {
    let found = sales(order);
    let [sale] = found.as_slice() else { panic!("{} sales of {order}", found.len()) };
    assert_eq!(
        (sale["state"].as_str(), &sale["party."]["rec_name"]),
        (Some("processing"), &json!("Mirae Mart")),
        "{sale}"
    );
    let lines: Vec<Value> = sale["lines."]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| json!([line["note"], line["product."]["code"], line["quantity"], line["unit_price"]["decimal"]]))
        .collect();
    assert_eq!(json!(lines), json!([["10", "SKU-1", 3.0, "1250"], ["20", "SKU-2", 20.0, "800"]]));
    assert_eq!((&sale["untaxed_amount"]["decimal"], &sale["tax_amount"]["decimal"]), (&json!("19750"), &json!("1975")));
    sale.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_step_there_is_one_sale() {
    let setting = Setting::new(30_000).await;
    let mut now_ms = Clock::System.now_ms();
    for fault in [Fault::Lost, Fault::Unanswered] {
        let mut at = 1;
        loop {
            let number = fresh();
            now_ms += 10_000;
            let hub = setting.open(Clock::fixed(now_ms)).await;
            hand_in(&hub, "buyer", usual(&number)).await;
            setting.proxy.fault(at, fault);
            let sending = tokio::spawn({
                let hub = Arc::clone(&hub);
                async move { dispatch::run_once(&hub).await }
            });
            let met = tokio::select! {
                () = setting.proxy.met() => true,
                () = async { while !sending.is_finished() { tokio::time::sleep(std::time::Duration::from_millis(10)).await } } => false,
            };
            sending.abort();
            drop(hub);
            setting.proxy.mend();
            // Later, as soon as the lease of the one that fell has run out.
            now_ms += 600_000;
            let hub = setting.open(Clock::fixed(now_ms)).await;
            dispatch::run_once(&hub).await.unwrap();
            let row = delivery(&hub, &number).await.unwrap();
            assert_eq!(row.state, "delivered", "{fault:?} at {at}: {}", row.reason);
            assert!(row.receipt.starts_with("sale ") && row.receipt.ends_with(", processing"), "{}", row.receipt);
            let sale = check_sale(&number);
            assert_eq!(row.receipt, format!("sale {}, processing", sale["number"].as_str().unwrap()));
            if !met {
                break;
            }
            at += 1;
        }
        // Signing in (2), look, party, currency, two products, create, quote, confirm, read.
        assert_eq!(at, 12, "every step was met once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_are_recorded_without_secrets_and_not_asked_again() {
    let setting = Setting::new(30_000).await;
    let hub = setting.open(Clock::System).await;
    let number = fresh();
    hand_in(&hub, "buyer", usual(&number)).await;
    setting.proxy.mend();
    dispatch::run_once(&hub).await.unwrap();
    let row = delivery(&hub, &number).await.unwrap();
    let steps = hub.store.read(move |tx| conversations::of_delivery(tx, row.id)).await.unwrap();
    assert!(steps.len() >= 8 && steps.iter().all(|step| step.done), "{steps:?}");
    let text = format!("{steps:?}");
    for hidden in ["gateway-pass-1", "session", "token"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
    // Sent again by hand: everything is known.
    let before = setting.proxy.methods();
    let id = row.id;
    assert!(hub.store.write(move |tx| dure::store::deliveries::resend(tx, id, 0)).await.unwrap());
    dispatch::run_once(&hub).await.unwrap();
    assert_eq!(delivery(&hub, &number).await.unwrap().state, "delivered");
    assert_eq!(setting.proxy.methods(), before);
    check_sale(&number);
}

/// Posts a document as the buyer.
fn post(address: std::net::SocketAddr, key: &str, body: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /v1/interchanges HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {key}\r\nContent-Type: application/xml\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_becomes_a_sale_and_its_answers_come_back() {
    let setting = Setting::new(30_000).await;
    let running = setting.start().await;
    let hub = running.hub();
    let number = fresh();
    let key = key(hub).await;
    let answer = post(running.address(), &key, &usual(&number));
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    delivered(hub, &number, "delivered").await;
    let sale = check_sale(&number);
    let response = setting.sent("OrderResponse", &number).await;
    assert_eq!(
        (&response["response_code"], &response["order_reference"]["id"]["value"]),
        (&json!("accepted"), &json!(number))
    );
    let lines: Vec<Value> = response["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| json!([line["order_line_id"], line["status"], line["quantity"]["value"]]))
        .collect();
    assert_eq!(json!(lines), json!([["10", "accepted", "3"], ["20", "accepted", "20"]]));
    tryton::ship(&sale);
    let number_of_shipment = {
        let fields = json!(["number"]);
        tryton::call("model.stock.shipment.out.read", vec![sale["shipments"].clone(), fields])[0]["number"].clone()
    };
    let despatch = setting.sent("DespatchAdvice", number_of_shipment.as_str().unwrap()).await;
    assert_eq!(despatch["order_references"][0]["id"]["value"], json!(number));
    let lines: Vec<Value> = despatch["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| json!([line["order_line_references"][0]["line_id"], line["delivered_quantity"]]))
        .collect();
    assert_eq!(json!(lines), json!([["10", {"value": "3", "unit": "EA"}], ["20", {"value": "20", "unit": "EA"}]]));
    // Asked again and again, it is told once.
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    assert_eq!(setting.sent_count(), 2);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_down_is_told_once_and_nothing_is_lost() {
    let setting = Setting::down(30_000).await;
    let running = setting.start().await;
    let hub = running.hub();
    let number = fresh();
    hand_in(hub, "buyer", usual(&number)).await;
    let down = channel(hub, "down").await;
    assert!(down.cause.contains("no connection"), "{}", down.cause);
    assert_eq!(hub.try_channel("connector:erp").await.unwrap(), Some(false));
    let again = channel(hub, "down").await;
    assert_eq!(again.since_ms, down.since_ms, "told once");
    setting.proxy.up().await;
    delivered(hub, &number, "delivered").await;
    let up = channel(hub, "up").await;
    assert_eq!(hub.try_channel("connector:erp").await.unwrap(), Some(true));
    assert!(up.since_ms > down.since_ms);
    check_sale(&number);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_told_and_mended() {
    let setting = Setting::new(30_000).await;
    let running = setting.start().await;
    let hub = running.hub();
    put_secret(hub, "connector:erp:password", "wrong-pass-9").await;
    // What is signed in already stays so; a hub that starts anew has to sign in.
    running.stop().await.unwrap();
    let running = setting.start().await;
    let hub = running.hub();
    let number = fresh();
    hand_in(hub, "buyer", usual(&number)).await;
    let down = channel(hub, "down").await;
    assert!(
        down.cause.contains("signing in is refused: HTTP 401") && !down.cause.contains("wrong-pass-9"),
        "{}",
        down.cause
    );
    let waiting = delivery(hub, &number).await.unwrap().state;
    assert!(["scheduled", "in-transit"].contains(&waiting.as_str()), "{waiting}");
    put_secret(hub, "connector:erp:password", PASSWORD).await;
    delivered(hub, &number, "delivered").await;
    channel(hub, "up").await;
    check_sale(&number);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_cut_and_unavailable_there_is_one_sale() {
    for (fault, cause) in
        [(Fault::Unanswered, "no answer within"), (Fault::BrokenOff, "broke off"), (Fault::Unavailable, "HTTP 503")]
    {
        let setting = Setting::new(2000).await;
        let number = fresh();
        // The clock stands; each attempt is later by more than a sale takes to settle.
        let clock = Clock::fixed(Clock::System.now_ms());
        let hub = setting.open(clock.clone()).await;
        hand_in(&hub, "buyer", usual(&number)).await;
        // At creating it: signing in, look, party, currency, two products are before it.
        setting.proxy.fault(8, fault);
        dispatch::run_once(&hub).await.unwrap();
        assert_eq!(setting.proxy.methods().last().unwrap(), "model.sale.sale.create");
        setting.proxy.mend();
        let row = delivery(&hub, &number).await.unwrap();
        assert!(row.state == "scheduled" && row.reason.contains(cause), "{}", row.reason);
        assert_eq!(channel(&hub, "down").await.state, "down");
        // Too early: it may still be under way.
        clock.advance_ms(2000);
        dispatch::run_once(&hub).await.unwrap();
        assert!(delivery(&hub, &number).await.unwrap().reason.contains("waiting before looking"));
        assert_eq!(setting.proxy.methods(), Vec::<String>::new());
        clock.advance_ms(60_000);
        dispatch::run_once(&hub).await.unwrap();
        assert_eq!(delivery(&hub, &number).await.unwrap().state, "delivered", "{fault:?}");
        assert_eq!(channel(&hub, "up").await.state, "up");
        assert_eq!(setting.proxy.methods()[0], "model.sale.sale.search_read", "it is looked for first");
        check_sale(&number);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_tryton_does_not_know_is_a_finding_until_it_does() {
    let setting = Setting::new(30_000).await;
    let hub = setting.open(Clock::System).await;
    let number = fresh();
    let lines = [("08801234560016", "3", "1250"), (unknown_gtin(), "2", "100")];
    hand_in(&hub, "buyer", order(&number, &lines)).await;
    dispatch::run_once(&hub).await.unwrap();
    let row = delivery(&hub, &number).await.unwrap();
    assert_eq!(row.state, "dead");
    assert_eq!(row.reason, format!("lines[2].item: Tryton does not know the item {}", unknown_gtin()));
    let findings: Value = serde_json::from_str(&row.findings).unwrap();
    assert_eq!(
        (&findings[0]["code"], &findings[0]["place"]["path"]),
        (&json!("item-unknown-there"), &json!("lines[2].item"))
    );
    assert_eq!(findings[0]["text"]["ko"], json!(format!("Tryton에 {} 품목이 없습니다", unknown_gtin())));
    assert!(sales(&number).is_empty());
    tryton::add_product(unknown_gtin());
    let id = row.id;
    assert!(hub.store.write(move |tx| dure::store::deliveries::resend(tx, id, 0)).await.unwrap());
    dispatch::run_once(&hub).await.unwrap();
    assert_eq!(delivery(&hub, &number).await.unwrap().state, "delivered");
    assert_eq!(sales(&number).len(), 1);
}
