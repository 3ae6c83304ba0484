//! Who may see what (rules.md 6): every route, every object of a whole trade, as every partner, as another centre and as a
//! stranger. What is not the caller's is answered byte for byte like what does not exist.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use dure::model::finding::Language;
use dure::model::id::InterchangeId;
use dure::model::role::Role;
use dure::model::viewer::Viewer;
use dure::store::view::{self, DocumentFilter, DocumentKey, What};
use serde_json::{Value, json};

use crate::harness::{Answer, Harness, PARTNERS, Trade};

/// An address, and who may read it.
struct Object {
    path: String,
    readers: BTreeSet<&'static str>,
}

/// Who calls, and the headers that prove it: a key here, a session's cookie for pages.
struct Caller {
    name: &'static str,
    headers: Vec<(&'static str, String)>,
}

impl Caller {
    async fn get(&self, harness: &Harness, path: &str) -> Answer {
        let headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        harness.call("GET", path, &headers, Body::empty()).await
    }
}

/// Reads every object as every caller. `unknown` is an address of the same kind that leads nowhere. Gives what each caller
/// was shown.
async fn walk(
    harness: &Harness,
    callers: &[Caller],
    objects: &[Object],
    unknown: &str,
) -> BTreeMap<&'static str, String> {
    let mut shown: BTreeMap<&'static str, String> = BTreeMap::new();
    for caller in callers {
        let nothing = caller.get(harness, unknown).await;
        assert_eq!(nothing.status, 404, "{} {unknown}", caller.name);
        for object in objects {
            let answer = caller.get(harness, &object.path).await;
            if object.readers.contains(caller.name) {
                assert_eq!(answer.status, 200, "{} {} {}", caller.name, object.path, answer.text());
                shown.entry(caller.name).or_default().push_str(&answer.text());
            } else {
                assert_eq!(answer, nothing, "{} {}", caller.name, object.path);
            }
        }
    }
    shown
}

/// Interchanges, payloads, documents, deliveries and the trade itself, with who may read them.
fn objects(trade: &Trade) -> BTreeMap<&'static str, (Vec<Object>, &'static str)> {
    let mut all = BTreeMap::new();
    let object = |path: String, readers: &[&'static str]| Object {
        path,
        readers: readers.iter().copied().chain(["centre"]).collect(),
    };
    let interchanges = |ending: &str| -> Vec<Object> {
        let mine = trade.interchanges.iter();
        mine.map(|(who, id)| object(format!("/v1/interchanges/{id}{ending}"), &[*who])).collect()
    };
    all.insert("/v1/interchanges/{id}", (interchanges(""), "/v1/interchanges/ix_0000000000001"));
    all.insert(
        "/v1/interchanges/{id}/payload",
        (interchanges("/payload"), "/v1/interchanges/ix_0000000000001/payload"),
    );
    let mut documents = Vec::new();
    for (sender, kind, id) in &trade.documents {
        let mut readers = vec![*sender];
        if kind == "Order" {
            // The seller is named by it.
            readers.push("shop");
        }
        // Who was sent something made from it reads that.
        readers.extend(trade.deliveries.iter().filter(|(.., from)| from == id).map(|(to, ..)| *to));
        documents.push(object(format!("/v1/documents/{id}"), &readers));
    }
    documents.extend(trade.deliveries.iter().map(|(to, _, id, _)| object(format!("/v1/documents/{id}"), &[*to])));
    all.insert("/v1/documents/{id}", (documents, "/v1/documents/doc_0000000000001"));
    let parts = ["buyer", "shop", "maker-a", "maker-b", "courier"];
    let trades = vec![object(format!("/v1/trades/{}", trade.trade), &parts)];
    all.insert("/v1/trades/{id}", (trades, "/v1/trades/trd_0000000000001"));
    all
}

/// A partner's words that nobody may read who is not on its leg.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("buyer", &["maker-a", "maker-b", "8801234500029", "8801234500036", "513700", "24000", "12.5", "337500"]),
    (
        "shop",
        &[
            "maker-a",
            "maker-b",
            "8801234500029",
            "8801234500036",
            "513700",
            "24000",
            "388012345",
            "\"S1\"",
            "courier\":\"courier",
        ],
    ),
    (
        "maker-a",
        &[
            "maker-b",
            "8801234500036",
            "shop",
            "8801234500043",
            "540000",
            "25000",
            "24000",
            "T-2",
            "08801234500028",
            "12.5",
            "337500",
        ],
    ),
    (
        "maker-b",
        &[
            "maker-a",
            "8801234500029",
            "shop",
            "8801234500043",
            "540000",
            "25000",
            "513700",
            "LM-40",
            "5712",
            "388012345",
            "12.5",
        ],
    ),
    (
        "courier",
        &[
            "buyer\":\"buyer",
            "maker",
            "shop",
            "gln:",
            "0880123",
            "540000",
            "25000",
            "513700",
            "24000",
            "LM-40",
            "T-2",
            "\"S1\"",
            "12.5",
        ],
    ),
];

async fn callers(harness: &Harness) -> Vec<Caller> {
    let other = json!({"type": "Party", "id": "centre-2", "name": "다른 센터", "roles": ["centre"]});
    harness.accepted(harness.org("centre"), other).await;
    harness.hub.refresh_directory().await.unwrap();
    let mut callers = Vec::new();
    for name in PARTNERS.iter().copied().chain(["centre-2"]) {
        let (_, key) = harness.key(name).await;
        callers.push(Caller { name, headers: vec![("authorization", key)] });
    }
    callers
}

#[tokio::test]
async fn every_route_as_every_partner() {
    let harness = Harness::new().await;
    let trade = harness.whole_trade().await;
    let callers = callers(&harness).await;
    let stranger = Caller { name: "stranger", headers: vec![("authorization", "Bearer dk_guessed".to_owned())] };
    let nobody = Caller { name: "nobody", headers: Vec::new() };
    let mut objects = objects(&trade);
    let mut shown: BTreeMap<&str, String> = BTreeMap::new();

    let description: Value = serde_json::from_str(dure::api::DESCRIPTION).unwrap();
    for (path, item) in description["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let route = format!("{method} {path}");
            match route.as_str() {
                "get /v1/interchanges/{id}"
                | "get /v1/interchanges/{id}/payload"
                | "get /v1/documents/{id}"
                | "get /v1/trades/{id}" => {
                    let (objects, unknown) = objects.remove(path.as_str()).unwrap();
                    for (who, text) in walk(&harness, &callers, &objects, unknown).await {
                        shown.entry(who).or_default().push_str(&text);
                    }
                    for object in &objects {
                        for caller in [&stranger, &nobody] {
                            let answer = caller.get(&harness, &object.path).await;
                            assert_eq!(answer, caller.get(&harness, unknown).await, "{route}");
                            assert_eq!(answer.problem(), "unauthenticated");
                        }
                    }
                }
                "get /v1/documents" | "get /v1/trades" => {
                    for caller in &callers {
                        let answer = caller.get(&harness, &format!("{path}?limit=200&content=1")).await;
                        assert_eq!(answer.status, 200);
                        shown.entry(caller.name).or_default().push_str(&answer.text());
                        let list = answer.json();
                        let empty = list["documents"].as_array().or(list["trades"].as_array()).unwrap().is_empty();
                        let expected = matches!(caller.name, "buyer-2" | "centre-2");
                        assert!(!expected || empty, "{} {route} {list}", caller.name);
                    }
                    for caller in [&stranger, &nobody] {
                        assert_eq!(caller.get(&harness, path).await.problem(), "unauthenticated");
                    }
                }
                "post /v1/interchanges" | "post /v1/check" | "post /v1/convert" => {
                    for caller in [&stranger, &nobody] {
                        let headers: Vec<(&str, &str)> =
                            caller.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                        let answer = harness.call("POST", path, &headers, "{}").await;
                        assert_eq!(answer.problem(), "unauthenticated", "{route}");
                    }
                }
                "post /callbacks/{courier}" => {
                    // A key of a partner, and of the courier itself, proves nothing here.
                    for caller in callers.iter().chain([&stranger, &nobody]) {
                        let headers: Vec<(&str, &str)> =
                            caller.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                        let answer = harness.call("POST", "/callbacks/courier", &headers, "{}").await;
                        assert_eq!(answer.problem(), "unauthenticated", "{route}");
                    }
                }
                "get /metrics" => {
                    for caller in callers.iter().chain([&stranger, &nobody]) {
                        let answer = caller.get(&harness, path).await;
                        let expected = match caller.name {
                            "centre" | "centre-2" => 200,
                            "stranger" | "nobody" => 401,
                            _ => 403,
                        };
                        assert_eq!(answer.status, expected, "{route} {}", caller.name);
                    }
                }
                // Open to all, and say nothing of anybody.
                "get /healthz" | "get /readyz" | "get /openapi.json" => {
                    assert_eq!(nobody.get(&harness, path).await.status, 200);
                }
                new => panic!("{new} is a new route: say here who may read what"),
            }
        }
    }
    assert!(objects.is_empty(), "every object was walked");
    // A seller's statement names the parcel that is its evidence; in the trade it reads statuses only.
    let shop = callers.iter().find(|caller| caller.name == "shop").unwrap();
    let seen = shop.get(&harness, &format!("/v1/trades/{}", trade.trade)).await.json();
    assert_eq!((&seen["parcels"][0]["state"], &seen["parcels"][0]["tracking_id"]), (&json!("delivered"), &json!("")));
    for (who, words) in FORBIDDEN {
        let text = &shown[who];
        assert!(text.len() > 500, "{who} was shown something");
        for word in *words {
            let place = text.find(word).map(|at| text.get(at.saturating_sub(300)..at + 60).unwrap_or(""));
            assert_eq!(place, None, "{who} reads {word}");
        }
    }
}

fn viewer(harness: &Harness, organisation: &str, role: Option<Role>) -> Viewer {
    let id = harness.org(organisation);
    let directory = harness.hub.directory();
    let centre_id = directory.organisation(id).unwrap().centre_id;
    Viewer { centre_id, organisation_id: id, role, account_id: None, language: Language::Ko }
}

#[tokio::test]
async fn every_listing_as_every_role() {
    let harness = Harness::new().await;
    let trade = harness.whole_trade().await;
    callers(&harness).await;
    let ids: Vec<InterchangeId> = trade.interchanges.iter().map(|(_, id)| *id).collect();
    let (trade_id, ids) = (trade.trade.0, ids);
    let mut roles: Vec<Option<Role>> = Role::ALL.iter().copied().map(Some).collect();
    roles.push(None);
    for organisation in PARTNERS.iter().copied().chain(["centre-2"]) {
        for role in &roles {
            let who = viewer(&harness, organisation, *role);
            let all = who.sees_the_centre();
            let (own, centre, ids) = (who.organisation_id, who.centre_id, ids.clone());
            let case = format!("{organisation} {role:?}");
            let read = move |tx: &mut dure::store::Tx<'_>| {
                let mine = |row_centre: i64, organisation: i64| {
                    assert_eq!(row_centre, centre);
                    assert!(all || organisation == own);
                };
                for row in view::interchanges(tx, &who, i64::MAX, 200)?.iter().chain(&view::held(tx, &who, 200)?) {
                    mine(row.centre_id, row.organisation_id);
                }
                for row in
                    view::deliveries(tx, &who, i64::MAX, 200)?.iter().chain(&view::dead_deliveries(tx, &who, 200)?)
                {
                    mine(row.centre_id, row.organisation_id);
                    assert!(view::delivery(tx, &who, row.id)?.is_some());
                }
                for id in &ids {
                    let found = view::interchange(tx, &who, id.0)?;
                    assert_eq!(found.is_some(), view::payload(tx, &who, id.0)?.is_some());
                    assert_eq!(found.is_some(), view::payload_part(tx, &who, id.0, 0)?.is_some());
                    if let Some(found) = found {
                        mine(found.interchange.centre_id, found.interchange.organisation_id);
                        found
                            .deliveries
                            .iter()
                            .for_each(|one| mine(one.delivery.centre_id, one.delivery.organisation_id));
                    }
                }
                for document in view::documents(tx, &who, &DocumentFilter { limit: 200, ..DocumentFilter::default() })?
                {
                    assert!(view::document(tx, &who, document.row.key)?.is_some());
                    if let DocumentKey::Delivery(_) = document.row.key {
                        assert!(!all);
                    }
                }
                for row in view::statements(tx, &who, i64::MAX, 200)? {
                    mine(row.centre_id, row.organisation_id);
                    let (_, lines) = view::statement(tx, &who, row.id)?.unwrap();
                    assert_eq!(lines.len(), 1);
                    assert_eq!(lines[0].rest_minor.is_some(), all);
                }
                for line in view::open_statement_lines(tx, &who, 200)? {
                    assert!(all || line.seller_id == own);
                }
                for item in view::items(tx, &who, 200)? {
                    assert_eq!(item.centre_id, centre);
                    assert_eq!(item.price.is_empty(), !all && item.producer_id != own);
                }
                let listed = view::trades(tx, &who, None, 200)?;
                let found = view::trade(tx, &who, trade_id)?;
                assert_eq!(found.is_some(), listed.iter().any(|row| row.id == trade_id));
                Ok(found)
            };
            let found = harness.hub.store.read(read).await;
            let found = found.unwrap_or_else(|error| panic!("{case}: {error}"));
            let expected = match organisation {
                "centre-2" | "buyer-2" => all && organisation == "buyer-2",
                "centre" => all,
                _ => true,
            };
            assert_eq!(found.is_some(), expected, "{case}");
            let Some(found) = found else { continue };
            let shown = |name: &str| all || organisation == name;
            assert_eq!(
                found.lines.len(),
                if shown("buyer") || shown("shop") { 2 } else { usize::from(organisation != "courier") }
            );
            assert_eq!(found.statement_lines.len(), usize::from(shown("shop")), "{case}");
            assert_eq!(found.row.seller_id.is_some(), shown("buyer") || shown("shop"), "{case}");
            let parcels = if organisation == "courier" && !all { 1 } else { 2 };
            assert_eq!(found.parcels.len(), if organisation == "maker-b" && !all { 0 } else { parcels }, "{case}");
            for entry in &found.timeline {
                match &entry.what {
                    What::Delivery(row) => assert!(all || row.organisation_id == harness.org(organisation)),
                    What::Milestone(milestone) => {
                        assert!(["buyer", "producer", "courier", "centre"].contains(&milestone.part.as_str()));
                        assert!(!all || milestone.organisation_id.is_some());
                    }
                    What::Document(_) => {}
                }
            }
        }
    }
}
