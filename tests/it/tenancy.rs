//! Who may see what (rules.md 6): every route and every page, every object of a whole trade, as every partner and every role
//! at it, as another centre and as a stranger. What is not the caller's is answered byte for byte like what does not exist.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use dure::model::finding::Language;
use dure::model::id::{AccountId, AgreementId, DeliveryId, InterchangeId};
use dure::model::role::Role;
use dure::model::viewer::Viewer;
use dure::portal::rights::{Method, Scope};
use dure::store::parties::{self, AgreementRow};
use dure::store::view::{self, DocumentFilter, DocumentKey, What};
use serde_json::{Value, json};

use crate::harness::{Answer, Harness, NOON, PARTNERS, Trade};

/// An address, and who may read it.
struct Object {
    path: String,
    readers: BTreeSet<&'static str>,
}

/// Who calls, and the headers that prove it: a key, or a session's cookie for pages.
struct Caller {
    name: &'static str,
    /// The role of a person; none for a partner's system.
    role: Option<Role>,
    headers: Vec<(&'static str, String)>,
}

impl Caller {
    async fn get(&self, harness: &Harness, path: &str) -> Answer {
        let headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        harness.call("GET", path, &headers, Body::empty()).await
    }
}

/// Reads every object as every caller. `unknown` is an address of the same kind that leads nowhere, `may` says who may be
/// shown something of this kind at all. Gives what each caller was shown.
async fn walk(
    harness: &Harness,
    callers: &[Caller],
    objects: &[Object],
    unknown: &str,
    may: impl Fn(&Caller, &Object) -> bool,
) -> BTreeMap<&'static str, String> {
    let mut shown: BTreeMap<&'static str, String> = BTreeMap::new();
    for caller in callers {
        let nothing = caller.get(harness, unknown).await;
        assert_eq!(nothing.status, 404, "{} {unknown}", caller.name);
        for object in objects {
            let answer = caller.get(harness, &object.path).await;
            if object.readers.contains(caller.name) && may(caller, object) {
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
        callers.push(Caller { name, role: None, headers: vec![("authorization", key)] });
    }
    callers
}

#[tokio::test]
async fn every_route_as_every_partner() {
    let harness = Harness::new().await;
    let trade = harness.whole_trade().await;
    let callers = callers(&harness).await;
    let stranger =
        Caller { name: "stranger", role: None, headers: vec![("authorization", "Bearer dk_guessed".to_owned())] };
    let nobody = Caller { name: "nobody", role: None, headers: Vec::new() };
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
                    for (who, text) in walk(&harness, &callers, &objects, unknown, |_, _| true).await {
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
                "post /callbacks/{courier}/{secret}" => {
                    // This courier signs otherwise, and a secret that is none proves nothing.
                    let answer = harness.call("POST", "/callbacks/courier/guessed", &[], "{}").await;
                    assert_eq!(answer.problem(), "unauthenticated", "{route}");
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

/// Objects of the pages by the page that shows them, and an address of the same kind that leads nowhere. Who keeps the
/// centre reads all of them.
fn page_objects(
    harness: &Harness,
    trade: &Trade,
    statement: DeliveryId,
) -> BTreeMap<&'static str, (Vec<Object>, String)> {
    let readers = |readers: &[&'static str]| readers.iter().copied().chain(["centre"]).collect::<BTreeSet<_>>();
    let mut all: BTreeMap<&'static str, (Vec<Object>, String)> = BTreeMap::new();
    let mut add = |page: &'static str, kind: &str, objects: Vec<(String, BTreeSet<&'static str>)>| {
        let at = |id: &str| page.replace("{id}", id).replace("{short}", id);
        let unknown = at(&format!("{kind}_0000000000001"));
        all.insert(
            page,
            (objects.into_iter().map(|(id, readers)| Object { path: at(&id), readers }).collect(), unknown),
        );
    };
    for page in ["/interchanges/{id}", "/interchanges/{id}/payload"] {
        add(page, "ix", trade.interchanges.iter().map(|(who, id)| (id.to_string(), readers(&[who]))).collect());
    }
    for page in ["/deliveries/{id}", "/deliveries/{id}/body"] {
        let mut objects: Vec<_> =
            trade.deliveries.iter().map(|(to, _, id, _)| (id.to_string(), readers(&[to]))).collect();
        objects.push((statement.to_string(), readers(&["shop"])));
        add(page, "dlv", objects);
    }
    for page in ["/documents/{id}", "/documents/{id}/json"] {
        let mut objects: Vec<_> =
            trade.deliveries.iter().map(|(to, _, id, _)| (id.to_string(), readers(&[to]))).collect();
        objects.push((statement.to_string(), readers(&["shop"])));
        for (sender, kind, id) in &trade.documents {
            let mut who = readers(&[sender]);
            // The seller is named by the order; who was sent something made from a document reads that.
            who.extend((kind == "Order").then_some("shop"));
            who.extend(trade.deliveries.iter().filter(|(.., from)| from == id).map(|(to, ..)| *to));
            objects.push((id.to_string(), who));
        }
        add(page, "doc", objects);
    }
    let id = trade.trade.0;
    let parcels = harness.hub.store.read_blocking(move |tx| dure::store::parcels::of_trade(tx, id)).unwrap();
    let label = |parcel: &dure::store::parcels::ParcelRow| {
        (dure::model::id::ParcelId(parcel.id).to_string(), readers(&["maker-a", "courier"]))
    };
    add("/parcels/{id}/label", "pcl", parcels.iter().map(label).collect());
    let parts = ["buyer", "shop", "maker-a", "maker-b", "courier"];
    add("/trades/{id}", "trd", vec![(trade.trade.to_string(), readers(&parts))]);
    let named = |name: &&'static str| ((*name).to_owned(), readers(&[name]));
    for page in ["/partners/{short}", "/partners/{short}/edit"] {
        add(page, "none", PARTNERS.iter().map(named).collect());
    }
    let directory = harness.hub.directory();
    let agreements = directory.agreements();
    let ids = agreements.iter().map(|agreed| (AgreementId(agreed.id).to_string(), readers(&[]))).collect();
    add("/agreements/{id}", "agr", ids);
    all
}

/// What nobody may read on a page who is not on its leg: names of organisations, prices, shares, numbers of others. Figures
/// as pages write them and as documents do.
const FORBIDDEN_ON_PAGES: &[(&str, &[&str])] = &[
    (
        "buyer",
        &[
            "maker-a",
            "maker-b",
            "8801234500029",
            "8801234500036",
            "513,700",
            "513700",
            "24,000",
            "24000",
            "12.5",
            "337,500",
            "337500",
            "540,000 KRW</td></tr>\n<tr class=\"total\"",
        ],
    ),
    ("buyer-2", &["maker", "shop", "PO-1107", "LM-40", "540,000", "513,700", "gln:88012345000"]),
    (
        "shop",
        &[
            "maker-a",
            "maker-b",
            "8801234500029",
            "8801234500036",
            "513,700",
            "513700",
            "24,000",
            "24000",
            "388012345",
            ">S1<",
            "courier</a>",
            "2,362,500",
            "2362500",
        ],
    ),
    (
        "maker-a",
        &[
            "maker-b",
            "8801234500036",
            "shop",
            "8801234500043",
            "540,000",
            "540000",
            "25,000",
            "25000",
            "24,000",
            "24000",
            "08801234500028",
            "교정용",
            "12.5",
            "337,500",
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
            "540,000",
            "540000",
            "25,000",
            "25000",
            "513,700",
            "513700",
            "LM-40",
            "5712-0034",
            "388012345",
            "12.5",
            "337,500",
            "337500",
        ],
    ),
];

#[tokio::test]
async fn every_page_as_every_role_of_everybody() {
    let harness = Harness::new().await;
    let trade = harness.whole_trade().await;
    let other = json!({"type": "Party", "id": "centre-2", "name": "다른 센터", "roles": ["centre"]});
    harness.accepted(harness.org("centre"), other).await;
    harness.hub.refresh_directory().await.unwrap();
    let mut callers = Vec::new();
    let mut tokens = Vec::new();
    for name in ["buyer", "buyer-2", "maker-a", "maker-b", "shop", "centre", "centre-2"] {
        for &role in Role::ALL {
            // Who sees a whole centre belongs to it.
            if role.sees_the_centre() && !name.starts_with("centre") {
                continue;
            }
            let person = harness.person(&format!("{role:?}-{name}"), role, name, "ko").await;
            let headers = vec![("cookie", person.cookie)];
            callers.push(Caller { name, role: Some(role), headers });
            tokens.push(person.csrf);
        }
    }
    let scope = |caller: &Caller, page: &dure::portal::rights::Page| page.rights.of(caller.role.unwrap());
    let mut objects = page_objects(&harness, &trade, crate::pages_people::statement(&harness).await);
    let mut shown: BTreeMap<&str, String> = BTreeMap::new();
    let mut lists = 0;
    for page in dure::portal::PAGES.iter().filter(|page| page.method == Method::Get && page.path != "/live") {
        // Objects: theirs to those whose page it is and who are on their leg, to nobody else. Of the centre only those
        // who keep it see more than itself.
        let may = |caller: &Caller, object: &Object| match scope(caller, page) {
            Scope::Nothing => false,
            Scope::Own => caller.name != "centre" || object.path == "/partners/centre",
            Scope::Centre => true,
        };
        if let Some((objects, unknown)) = objects.remove(page.path) {
            for (who, text) in walk(&harness, &callers, &objects, &unknown, may).await {
                shown.entry(who).or_default().push_str(&text);
            }
            continue;
        }
        // Lists and forms: whatever they show is looked at for what they must not. Accounts are tried below.
        assert!(!page.path.contains("{short}"), "{page:?} is new: say here who may read what");
        if page.path == "/accounts/{id}" {
            continue;
        }
        for caller in &callers {
            let path = if page.path == "/find" { "/find?q=1107" } else { page.path };
            let answer = caller.get(&harness, path).await;
            let expected = if scope(caller, page) == Scope::Nothing { 404 } else { 200 };
            assert_eq!(answer.status, expected, "{} {:?} {path}", caller.name, caller.role);
            if expected == 200 {
                shown.entry(caller.name).or_default().push_str(&answer.text());
                lists += 1;
            }
        }
    }
    assert!(objects.is_empty() && lists > 100, "every object and list was walked");
    for (who, words) in FORBIDDEN_ON_PAGES {
        let mut text = shown[who].clone();
        tokens.iter().for_each(|token| text = text.replace(token.as_str(), ""));
        assert!(text.len() > 2_000, "{who} was shown something");
        for word in *words {
            let around = text.split_once(word).map(|(before, _)| before.chars().rev().take(300).collect::<String>());
            let around = around.map(|reversed| reversed.chars().rev().collect::<String>());
            assert_eq!(around, None, "{who} reads {word}");
        }
    }
    // The seller's statement names the waybill that is its evidence; on the page of the trade it reads statuses only.
    let seller = callers.iter().find(|caller| caller.name == "shop" && caller.role == Some(Role::Seller)).unwrap();
    let page = seller.get(&harness, &format!("/trades/{}", trade.trade)).await.text();
    assert!(page.contains("배송 완료") && !page.contains("5712") && !page.contains("courier"), "{page}");
    // Another centre has pages of its own and nothing of this one's.
    for word in ["PO-1107", "LM-40", "buyer", "maker-a", "shop", "8801234500012", "충청"] {
        let pages = shown["centre-2"].replace("/buyer", "");
        assert!(
            !pages.contains(&format!(">{word}<")) && !pages.contains(&format!("/{word}")),
            "another centre reads {word}"
        );
    }
    // A stranger is led to the door from wherever he comes, known or not.
    for page in dure::portal::PAGES.iter().filter(|page| page.method == Method::Get) {
        for headers in [vec![], vec![("cookie", "dure=guessed")]] {
            let answer = harness.call("GET", &page.path.replace("{id}", "x"), &headers, Body::empty()).await;
            assert_eq!(answer.status, 303, "{page:?}");
            assert!(answer.header("location").starts_with("/sign-in") && answer.body.is_empty(), "{page:?}");
        }
    }
}

#[tokio::test]
async fn what_changes_something_does_so_for_whom_it_is() {
    let harness = Harness::new().await;
    let trade = harness.whole_trade().await;
    let other = json!({"type": "Party", "id": "centre-2", "name": "다른 센터", "roles": ["centre"]});
    harness.accepted(harness.org("centre"), other).await;
    harness.hub.refresh_directory().await.unwrap();
    let (key, _) = harness.key("buyer").await;
    let victim = harness.person("victim", Role::Operator, "centre", "ko").await;
    let interchange = trade.interchanges[0].1;
    let delivery = trade.deliveries[0].2;
    let agreement = harness.hub.directory().agreements().iter().map(|agreed| AgreementId(agreed.id)).next().unwrap();
    let before = harness.hub.directory().organisations().len();
    let posts = dure::portal::PAGES
        .iter()
        .filter(|page| page.method == Method::Post && !["/account", "/sign-out"].contains(&page.path));
    let posts: Vec<_> = posts.collect();
    for (name, role) in [
        ("buyer", Role::Buyer),
        ("maker-a", Role::Producer),
        ("shop", Role::Seller),
        ("centre", Role::Reviewer),
        ("centre-2", Role::Operator),
        ("centre-2", Role::Administrator),
    ] {
        let person = harness.person(&format!("{role:?}-{name}"), role, name, "ko").await;
        for page in &posts {
            let id = match page.path.split('/').nth(1).unwrap() {
                "interchanges" => interchange.to_string(),
                "deliveries" => delivery.to_string(),
                "accounts" => AccountId(victim.id).to_string(),
                _ => agreement.to_string(),
            };
            let path = page.path.replace("{id}", &id).replace("{short}", "buyer").replace("{key}", &key.to_string());
            if page.path.starts_with("/new/") && page.rights.of(role) != Scope::Nothing {
                // What a centre makes is its own: tried with what is another's below.
                continue;
            }
            let answer = person.post(&harness, &path, &[("id", "mallory"), ("name", "x"), ("status", "ended")]).await;
            assert_eq!(answer.status, 404, "{name} {role:?} {path}");
        }
    }
    assert_eq!(harness.hub.directory().organisations().len(), before);
    assert!(harness.sent().await.is_empty(), "nothing was sent again");
    assert_eq!(victim.get(&harness, "/").await.status, 200, "the account and its session stay");

    // Another centre's documents do not reach into this one, even where it may send them.
    let theirs = harness.org("centre-2");
    for kind in ["Account", "Party", "Agreement"] {
        let terms =
            json!({"id": format!("theirs-{kind}"), "party": "centre-2", "direction": "in", "document_type": kind});
        let row = AgreementRow {
            id: harness.hub.next_id(),
            centre_id: theirs,
            organisation_id: theirs,
            name: format!("theirs-{kind}"),
            version: 0,
            direction: "in".to_owned(),
            document_type: kind.to_owned(),
            valid_from: String::new(),
            valid_to: String::new(),
            status: "active".to_owned(),
            body: terms.to_string(),
        };
        let write = move |tx: &mut dure::store::Tx<'_>| {
            parties::put_agreement(tx, &row, NOON)?;
            parties::raise_version(tx)
        };
        harness.hub.store.write(write).await.unwrap();
    }
    harness.hub.refresh_directory().await.unwrap();
    for document in [
        json!({"type": "Account", "id": "victim", "role": "operator", "party": "centre-2"}),
        json!({"type": "Account", "id": "spy", "role": "operator", "party": "centre"}),
        json!({"type": "Account", "id": "spy", "role": "buyer", "party": "buyer"}),
        json!({"type": "Party", "id": "buyer", "name": "theirs now", "roles": ["buyer"]}),
        json!({"type": "Agreement", "id": "spying", "party": "buyer", "direction": "out", "document_type": "OrderResponse",
            "format": "dure-json", "address": "http://spy.example/"}),
        json!({"type": "Agreement", "id": "buyer-out-OrderResponse", "party": "buyer", "direction": "out",
            "document_type": "OrderResponse", "format": "dure-json", "address": "http://spy.example/"}),
    ] {
        let id = harness.hand_in(theirs, &document).await;
        assert_eq!(harness.state(id).await.1, "rejected", "{document} {}", harness.state(id).await.2);
    }
    assert_eq!(victim.get(&harness, "/").await.status, 200);
    assert_eq!(harness.hub.directory().by_short("buyer").unwrap().name, "buyer");
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
