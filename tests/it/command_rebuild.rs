//! All documents folded again give the same tables: revisions, what waited, what was taken back, a large catalogue.

use dure::jobs::{close_day, sweep};
use dure::params;
use dure::pipeline::{fold, worker};
use dure::store::{Durability, Store, StoreConfig};
use serde_json::json;

use crate::harness::{Harness, catalogue, despatch, event, item, order};

/// What differs, and how many documents were folded.
fn prove(harness: &Harness) -> (Vec<fold::Wrong>, u64) {
    let folder = tempfile::tempdir().unwrap();
    let settings = StoreConfig::sqlite(folder.path().join("scratch.sqlite"));
    let scratch = Store::open(&StoreConfig { durability: Durability::LosesOnPowerCut, ..settings }).unwrap();
    let mut wrong = Vec::new();
    let zone = harness.hub.config.zone;
    let proved = fold::prove(&harness.hub.store, &scratch, zone, &mut |one| wrong.push(one), &mut |_, _| {});
    (wrong, proved.unwrap().0)
}

/// A UBL catalogue of that many items, made of the sample.
fn large(number: &str, count: usize) -> String {
    let sample = include_str!("../../samples/demo/catalogue-precision.xml");
    let (head, rest) = sample.split_once("<cac:CatalogueLine>").unwrap();
    let (line, _) = rest.split_once("</cac:CatalogueLine>").unwrap();
    let line = line.replace("8801234560078", "");
    let lines: String = (0..count)
        .map(|n| format!("<cac:CatalogueLine>{}</cac:CatalogueLine>", line.replace("LM-40", &format!("X-{n}"))))
        .collect();
    format!("{}{lines}</Catalogue>", head.replace("CAT-2026-11", number))
}

#[tokio::test]
async fn whatever_the_order_of_things_was() {
    let harness = Harness::new().await;
    harness.whole_trade().await;
    let centre = harness.org("centre");
    // Versions of what has a name.
    let account = |role: &str| json!({"type": "Account", "id": "kim", "role": role, "party": "buyer"});
    harness.accepted(centre, account("buyer")).await;
    harness
        .accepted(centre, json!({"type": "Account", "id": "kim", "name": "김", "role": "buyer", "party": "buyer"}))
        .await;
    let shop = json!({"type": "Party", "id": "shop", "name": "새 이름", "roles": ["seller", "buyer"], "language": "en",
        "identifiers": ["gln:8801234500043"], "contact": {"electronic_mail": "new@sample.example"}});
    harness.accepted(centre, shop).await;
    let agreement = json!({"type": "Agreement", "id": "shop-out-Statement", "party": "shop", "direction": "out",
        "document_type": "Statement", "format": "ubl-2.1", "address": "http://shop.example/new", "seller_share_percent": "7"});
    harness.accepted(centre, agreement).await;

    // What waits has no effect until its counterpart is there; then all of it.
    let (maker, buyer, courier) = (harness.org("maker-a"), harness.org("buyer"), harness.org("courier"));
    let mut waits = event("W-9", "delivered", "2026-11-24T12:00:00+09:00");
    waits["events"]
        .as_array_mut()
        .unwrap()
        .push(event("5712-0034-1189", "in-transit", "2026-11-24T12:30:00+09:00")["events"][0].clone());
    let waiting = harness.hand_in(courier, &waits).await;
    assert_eq!(harness.state(waiting).await.0, "waiting");
    harness.accepted(buyer, order("PO-2")).await;
    let mut second = despatch("DA-2", "PO-2/1");
    second["shipment"]["packages"][0]["tracking_id"] = json!("W-9");
    second["shipment"]["packages"][1]["tracking_id"] = json!("W-10");
    harness.accepted(maker, second).await;
    assert_eq!(harness.state(waiting).await.1, "accepted");
    // The same events again, one of them new; and one that takes the delivery back.
    let mut again = waits.clone();
    again["id"] = json!("again");
    again["events"]
        .as_array_mut()
        .unwrap()
        .push(event("W-9", "wrong-delivery", "2026-11-24T13:00:00+09:00")["events"][0].clone());
    harness.accepted(courier, again).await;
    harness.accepted(courier, event("5712-0034-1189", "delivered", "2026-11-24T13:00:00+09:00")).await;
    assert_eq!(close_day::run(&harness.hub, "2026-11-24").await.unwrap(), 1);
    worker::run_once(&harness.hub).await.unwrap();

    // Catalogues that replace each other; what is in force no more is swept away.
    let maker_b = harness.org("maker-b");
    harness.accepted(maker_b, catalogue("CAT-B2", item("T-2", "08801234500028", "교정용 타깃 T-2", "26000"))).await;
    let mut more = catalogue("CAT-B3", item("T-3", "08801234500035", "새 타깃", "1000"));
    more["action_code"] = json!("Add");
    harness.accepted(maker_b, more).await;
    let sent = harness.call_as("maker-a", "application/xml", large("CAT-LARGE", 3000)).await;
    assert!(sent.status.is_success(), "{}", sent.text());
    worker::run_once(&harness.hub).await.unwrap();
    let count =
        harness.hub.store.read(|tx| tx.query_one("SELECT COUNT(*) FROM item", params![])?.int(0)).await.unwrap();
    assert!(count > 3000, "{count}");
    sweep::run(&harness.hub).await.unwrap();

    // What was rejected, held or repeated made nothing.
    harness.hand_in(buyer, &order("PO-1107")).await;
    harness.hand_in(maker, &order("PO-3")).await;
    let (wrong, documents) = prove(&harness);
    assert_eq!(wrong, []);
    assert!(documents > 40, "{documents}");

    // The proof can fail: a document whose content was changed is told of, and so is what came of it.
    let changed = "UPDATE document SET content = replace(content, '\"8\"', '\"7\"') WHERE document_type = 'Order' AND number = 'PO-2'";
    harness.hub.store.write(move |tx| tx.execute(changed, params![])).await.unwrap();
    let (wrong, _) = prove(&harness);
    assert!(
        wrong.iter().any(|one| matches!(one, fold::Wrong::Document(one) if one.wrong.contains("would be rejected"))),
        "{wrong:?}"
    );
    assert!(wrong.iter().any(|one| matches!(one, fold::Wrong::Row(one) if one.table == "order_line")), "{wrong:?}");
}
