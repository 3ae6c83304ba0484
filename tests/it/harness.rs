//! A hub for tests: temporary SQLite, a fixed clock, what is sent kept instead of sent, a centre with its partners and
//! agreements, keys, a whole trade, and calls to its router without a network.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use dure::clock::Clock;
use dure::config::Config;
use dure::jobs::close_day;
use dure::model::disposition::Transport;
use dure::model::id::{DeliveryId, DocumentId, InterchangeId, KeyId, TradeId};
use dure::model::seal::Sealer;
use dure::model::secret::Secret;
use dure::pipeline::hub::Hub;
use dure::pipeline::outbound::{Answered, Outbound, Outgoing, Question, Sent};
use dure::pipeline::receive::{Receipt, Received};
use dure::pipeline::{dispatch, worker};
use dure::store::parties::{self, CredentialRow};
use dure::store::{Store, StoreConfig, deliveries, documents, interchanges};
use dure::transport::http_client::HttpClient;
use dure::transport::webhook::{self, SigningKey};
use dure::transport::{http, keys};
use futures_util::future::BoxFuture;
use ring::rand::SystemRandom;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tower::ServiceExt;

/// Where the tests' time stands: 24 November 2026, 12:00 in Seoul.
pub(crate) const NOON: i64 = 1_795_489_200_000;

/// What was sent, kept.
#[derive(Clone, Default)]
struct Kept {
    sent: Arc<Mutex<Vec<(String, String)>>>,
    mails: Arc<Mutex<Vec<SentMail>>>,
    /// Asks for real, where a test has couriers of its own.
    asks: Option<Arc<HttpClient>>,
}

impl Outbound for Kept {
    fn scheme(&self) -> &'static [&'static str] {
        &["http", "mailto"]
    }

    fn send<'a>(&'a self, out: &'a Outgoing) -> BoxFuture<'a, Sent> {
        let body = String::from_utf8_lossy(&out.body).into_owned();
        if out.address.starts_with("mailto:") {
            let files = out.attachments.iter().map(|file| (file.name.clone(), file.body.to_vec())).collect();
            let mail =
                SentMail { delivery: out.delivery.to_string(), to: out.address.clone(), text: body.clone(), files };
            self.mails.lock().unwrap().push(mail);
        }
        self.sent.lock().unwrap().push((out.address.clone(), body));
        Box::pin(async { Sent::Delivered { receipt: "200".into(), answer: None } })
    }

    fn ask<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Answered> {
        match &self.asks {
            Some(client) => client.ask(question),
            None => Box::pin(async { Answered::Refused { reason: "nobody is asked".into(), said: None } }),
        }
    }
}

/// A mail that was sent.
#[derive(Clone, Debug)]
pub(crate) struct SentMail {
    /// The delivery that it is.
    pub(crate) delivery: String,
    /// Its address.
    pub(crate) to: String,
    /// Its text.
    pub(crate) text: String,
    /// What was attached: names and bytes.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

/// A hub with its partners: a centre, two buyers, two makers, a seller, a courier.
pub(crate) struct Harness {
    /// The hub.
    pub(crate) hub: Arc<Hub>,
    kept: Kept,
    router: Router,
    working: JoinSet<()>,
    _folder: tempfile::TempDir,
}

/// An answer, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    /// Status.
    pub(crate) status: StatusCode,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header, empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The last part of a problem's type.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        problem["type"].as_str().unwrap().strip_prefix("urn:dure:problem:").unwrap().to_owned()
    }
}

impl Harness {
    /// With the usual configuration.
    pub(crate) async fn new() -> Harness {
        Harness::with(Config::default()).await
    }

    /// With another configuration.
    pub(crate) async fn with(config: Config) -> Harness {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(NOON);
        let store = Store::open(&StoreConfig::sqlite(folder.path().join("dure.db")).with_clock(clock.clone())).unwrap();
        let asks = (!config.couriers.is_empty())
            .then(|| Arc::new(HttpClient::new(config.http_out.clone(), clock.clone()).unwrap()));
        let kept = Kept { asks, ..Kept::default() };
        let sealer = Sealer::new(&[zeroize::Zeroizing::new([7; 32])], SystemRandom::new()).unwrap();
        let hub = Hub::new(config, store, clock, sealer, vec![Box::new(kept.clone())]).await.unwrap();
        let router = dure::serve::router(&hub);
        let harness = Harness { hub, kept, router, working: JoinSet::new(), _folder: folder };
        harness.register().await;
        harness
    }

    async fn register(&self) {
        self.accepted(0, json!({"type": "Party", "id": "centre", "name": "충청 표본센터", "roles": ["centre"]})).await;
        for (id, roles, gln) in [
            ("buyer", "buyer", "8801234500012"),
            ("buyer-2", "buyer", "8801234500067"),
            ("maker-a", "producer", "8801234500029"),
            ("maker-b", "producer", "8801234500036"),
            ("shop", "seller", "8801234500043"),
            ("courier", "courier", "8801234500050"),
        ] {
            let party = json!({"type": "Party", "id": id, "name": id, "roles": [roles],
                "identifiers": [format!("gln:{gln}")], "contact": {"electronic_mail": format!("{id}@sample.example")}});
            self.accepted(self.org("centre"), party).await;
        }
        for (party, direction, kind) in [
            ("buyer", "in", "Order"),
            ("buyer", "out", "OrderResponse"),
            ("buyer", "out", "DespatchAdvice"),
            ("buyer-2", "in", "Order"),
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
            self.accepted(self.org("centre"), agreement).await;
        }
    }

    /// The id of an organisation by its short name; 0 if there is none.
    pub(crate) fn org(&self, short: &str) -> i64 {
        self.hub.directory().by_short(short).map_or(0, |organisation| organisation.id)
    }

    /// Hands a document in and has it decided; gives the interchange.
    pub(crate) async fn hand_in(&self, organisation_id: i64, body: &Value) -> i64 {
        let directory = self.hub.directory();
        let sender = directory.organisation(organisation_id).or(directory.centre());
        let centre_id = sender.map_or(0, |sender| sender.centre_id);
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
            mail_id: None,
        };
        let received = self.hub.receive(receipt, body.to_string().into()).await.unwrap();
        assert!(matches!(received, Received::New(_)));
        worker::run_once(&self.hub).await.unwrap();
        received.id()
    }

    /// State, disposition and findings of an interchange.
    pub(crate) async fn state(&self, id: i64) -> (String, String, String) {
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

    /// Hands a document in that is accepted; gives the interchange.
    pub(crate) async fn accepted(&self, organisation_id: i64, body: Value) -> i64 {
        let id = self.hand_in(organisation_id, &body).await;
        let (state, disposition, findings) = self.state(id).await;
        assert_eq!((state.as_str(), disposition.as_str()), ("decided", "accepted"), "{body} {findings}");
        id
    }

    /// What was sent since the last look, after everything that is due was: address and body.
    pub(crate) async fn sent(&self) -> Vec<(String, Value)> {
        dispatch::run_once(&self.hub).await.unwrap();
        let sent = std::mem::take(&mut *self.kept.sent.lock().unwrap());
        sent.into_iter().map(|(to, body)| (to, serde_json::from_str(&body).unwrap_or(Value::String(body)))).collect()
    }

    /// Mails that were sent since the last look.
    #[cfg(feature = "peers")]
    pub(crate) async fn sent_mails(&self) -> Vec<SentMail> {
        dispatch::run_once(&self.hub).await.unwrap();
        self.kept.sent.lock().unwrap().clear();
        std::mem::take(&mut *self.kept.mails.lock().unwrap())
    }

    /// A worker runs from now on.
    pub(crate) fn work(&mut self) {
        self.working.spawn(worker::run(Arc::clone(&self.hub)));
    }

    /// A new credential of an organisation, with a secret for signed requests if wanted.
    async fn credential(&self, short: &str, kind: &str, digest: [u8; 32], secret_name: String) -> KeyId {
        let id = self.hub.next_id();
        let row = CredentialRow {
            id,
            organisation_id: self.org(short),
            kind: kind.to_owned(),
            digest: digest.to_vec(),
            label: "test".to_owned(),
            secret_name,
            created_ms: NOON,
            ended_ms: None,
        };
        self.hub
            .store
            .write(move |tx| {
                parties::put_credential(tx, &row)?;
                parties::raise_version(tx)
            })
            .await
            .unwrap();
        self.hub.refresh_directory().await.unwrap();
        KeyId(id)
    }

    /// A new API key: its id and what is shown in `Authorization`.
    pub(crate) async fn key(&self, short: &str) -> (KeyId, String) {
        let (key, digest) = keys::new_api_key(&SystemRandom::new()).unwrap();
        let id = self.credential(short, "key", digest, String::new()).await;
        (id, format!("Bearer {}", key.expose()))
    }

    /// A client certificate of an organisation, by its fingerprint.
    pub(crate) async fn certificate(&self, short: &str, fingerprint: [u8; 32]) {
        self.credential(short, "certificate", fingerprint, String::new()).await;
    }

    /// A new sealed secret under a name.
    pub(crate) async fn secret(&self, name: &str) -> SigningKey {
        let secret = webhook::new_secret(&SystemRandom::new()).unwrap();
        self.put_secret(name, &secret).await;
        SigningKey::parse(&secret).unwrap()
    }

    /// Seals a secret under a name.
    pub(crate) async fn put_secret(&self, name: &str, secret: &Secret) {
        let sealed = self.hub.sealer.seal(name, secret).unwrap();
        let place = name.to_owned();
        self.hub
            .store
            .write(move |tx| {
                parties::put_secret(tx, &place, &sealed, NOON)?;
                parties::raise_version(tx)
            })
            .await
            .unwrap();
        self.hub.refresh_directory().await.unwrap();
    }

    /// A key for signed requests.
    pub(crate) async fn signing_key(&self, short: &str) -> (KeyId, SigningKey) {
        let name = format!("key:{short}");
        let signing = self.secret(&name).await;
        let (_, digest) = keys::new_api_key(&SystemRandom::new()).unwrap();
        (self.credential(short, "key", digest, name).await, signing)
    }

    /// Ends a key.
    pub(crate) async fn end_key(&self, id: KeyId) {
        self.hub
            .store
            .write(move |tx| {
                parties::end_credential(tx, id.0, NOON)?;
                parties::raise_version(tx)
            })
            .await
            .unwrap();
        self.hub.refresh_directory().await.unwrap();
    }

    /// A call with these headers.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request.body(body.into()).unwrap()).await
    }

    /// A request as it is; the body of the answer is still to be read.
    pub(crate) async fn open(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Hands bytes in over the API with a new key of that organisation; nobody decides them yet.
    pub(crate) async fn call_as(&self, short: &str, content_type: &str, body: impl Into<Body>) -> Answer {
        let (_, key) = self.key(short).await;
        self.call("POST", "/v1/interchanges", &[("authorization", &key), ("content-type", content_type)], body).await
    }

    /// A request as it is.
    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.open(request).await.into_parts();
        let body = http::whole(&HeaderMap::new(), body, 64 << 20, 60_000).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// `GET` with a key.
    pub(crate) async fn get(&self, path: &str, key: &str) -> Answer {
        self.call("GET", path, &[("authorization", key)], Body::empty()).await
    }
}

/// A line of a catalogue.
pub(crate) fn item(number: &str, gtin: &str, name: &str, price: &str) -> Value {
    json!({"id": number, "orderable_unit": "EA", "item": {"name": name, "sellers_item_id": {"value": number},
        "standard_item_id": {"value": gtin, "scheme": "0160"}}, "price": {"amount": {"value": price, "currency": "KRW"}}})
}

/// An order of `buyer` over one item of each maker.
pub(crate) fn order(number: &str) -> Value {
    order_of("8801234500012", number)
}

/// An order of the buyer with that GLN.
pub(crate) fn order_of(gln: &str, number: &str) -> Value {
    let line = |id: &str, gtin: &str, quantity: &str, price: &str| {
        json!({"id": id, "quantity": {"value": quantity, "unit": "EA"}, "item": {"standard_item_id": {"value": gtin}},
            "price": {"amount": {"value": price, "currency": "KRW"}}})
    };
    json!({"type": "Order", "id": number, "issue_date": "2026-11-24", "document_currency_code": "KRW",
        "buyer": {"id": format!("gln:{gln}")}, "seller": {"id": "gln:8801234500043"},
        "lines": [line("1", "08801234500011", "8", "540000"), line("2", "08801234500028", "20", "25000")]})
}

/// A catalogue of one line.
pub(crate) fn catalogue(id: &str, line: Value) -> Value {
    json!({"type": "Catalogue", "id": id, "issue_date": "2026-11-24", "lines": [line]})
}

/// A maker's answer to one line of its part.
pub(crate) fn response(id: &str, order: &str, line: &str, quantity: &str) -> Value {
    json!({"type": "OrderResponse", "id": id, "issue_date": "2026-11-24", "order_reference": {"id": {"value": order}},
        "response_code": "accepted", "lines": [{"id": line, "order_line_id": line, "status": "accepted",
        "quantity": {"value": quantity, "unit": "EA"}}]})
}

/// maker-a ships line 1 of a part in two parcels.
pub(crate) fn despatch(id: &str, order: &str) -> Value {
    json!({"type": "DespatchAdvice", "id": id, "issue_date": "2026-11-24",
        "order_references": [{"id": {"value": order}}], "despatch_party": {"id": "gln:8801234500029"},
        "shipment": {"packages": [
            {"id": {"value": "388012345000000017"}, "tracking_id": "5712-0034-1178", "contents": [
                {"line_id": "1", "quantity": {"value": "5", "unit": "EA"}, "serial_ids": ["S1", "S2", "S3", "S4", "S5"]}]},
            {"id": {"value": "388012345000000024"}, "tracking_id": "5712-0034-1189", "contents": [
                {"line_id": "1", "quantity": {"value": "3", "unit": "EA"}, "serial_ids": ["S6", "S7", "S8"]}]}]},
        "lines": [{"id": "1", "delivered_quantity": {"value": "8", "unit": "EA"},
            "order_line_references": [{"line_id": "1"}]}]})
}

/// A courier's report, in our own words.
pub(crate) fn event(waybill: &str, status: &str, at: &str) -> Value {
    json!({"type": "TransportationStatus", "id": format!("{waybill}-{status}"), "courier": "sample",
        "events": [{"tracking_id": waybill, "status": status, "occurred_at": at}]})
}

/// A trade from catalogue to statement, and what is left of it in the store.
pub(crate) struct Trade {
    /// The trade.
    pub(crate) trade: TradeId,
    /// Interchanges: who sent it, and which.
    pub(crate) interchanges: Vec<(&'static str, InterchangeId)>,
    /// Documents: the interchange's sender, type, and which.
    pub(crate) documents: Vec<(&'static str, String, DocumentId)>,
    /// Deliveries that carry a document: to whom, type, which, and the document it was made from.
    pub(crate) deliveries: Vec<(&'static str, String, DeliveryId, DocumentId)>,
}

/// Everybody in the harness.
pub(crate) const PARTNERS: &[&str] = &["centre", "buyer", "buyer-2", "maker-a", "maker-b", "shop", "courier"];

impl Harness {
    /// A whole trade: two catalogues, an order of both makers' items, two answers, a despatch, a delivery, a statement. The
    /// makers' prices are 513,700 and 24,000, the buyer's 540,000 and 25,000.
    pub(crate) async fn whole_trade(&self) -> Trade {
        let mut interchanges = Vec::new();
        let steps = [
            ("maker-a", catalogue("CAT-A", item("LM-40", "08801234500011", "레이저 거리계 LM-40", "513700"))),
            ("maker-b", catalogue("CAT-B", item("T-2", "08801234500028", "교정용 타깃 T-2", "24000"))),
            ("buyer", order("PO-1107")),
            ("maker-a", response("R-1", "PO-1107/1", "1", "8")),
            ("maker-b", response("R-2", "PO-1107/2", "2", "16")),
            ("maker-a", despatch("DA-1", "PO-1107/1")),
            ("courier", event("5712-0034-1178", "picked-up", "2026-11-24T11:00:00+09:00")),
            ("courier", event("5712-0034-1178", "delivered", "2026-11-24T12:00:00+09:00")),
        ];
        for (who, body) in steps {
            interchanges.push((who, InterchangeId(self.accepted(self.org(who), body).await)));
        }
        assert_eq!(close_day::run(&self.hub, "2026-11-24").await.unwrap(), 1);
        worker::run_once(&self.hub).await.unwrap();
        self.sent().await;
        let known: Vec<i64> = interchanges.iter().map(|(_, id)| id.0).collect();
        let (all, sent) = self
            .hub
            .store
            .read(move |tx| {
                let mut all = Vec::new();
                let mut sent = Vec::new();
                for id in &known {
                    all.extend(documents::of_interchange(tx, *id)?);
                    sent.extend(deliveries::of_interchange(tx, *id)?);
                }
                Ok((all, sent))
            })
            .await
            .unwrap();
        let short = |id: i64| *PARTNERS.iter().find(|short| self.org(short) == id).unwrap();
        let sender = |id: i64| interchanges.iter().find(|(_, interchange)| interchange.0 == id).unwrap().0;
        let trade = TradeId(all.iter().find(|document| document.document_type == "Order").unwrap().trade_id.unwrap());
        let documents =
            all.iter().map(|row| (sender(row.interchange_id), row.document_type.clone(), DocumentId(row.id)));
        let deliveries = sent.iter().filter(|row| row.kind == "document").map(|row| {
            let made_from = DocumentId(row.document_id.unwrap());
            (short(row.organisation_id), row.document_type.clone(), DeliveryId(row.id), made_from)
        });
        Trade { trade, documents: documents.collect(), deliveries: deliveries.collect(), interchanges }
    }
}

/// A request signed at the harness's time.
pub(crate) fn signature(key: &SigningKey, id: &str, body: &[u8]) -> [(&'static str, String); 3] {
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", (NOON / 1000).to_string()),
        ("webhook-signature", key.sign(id, NOON, body)),
    ]
}
