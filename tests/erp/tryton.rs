//! Tryton as `tests/peers/tryton.sh` starts it: what a clerk does there, and a wire between it and the hub that can be cut.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// The password of the hub's account.
pub(crate) const PASSWORD: &str = "gateway-pass-1";

/// Its base address.
pub(crate) fn address() -> String {
    std::env::var("DURE_TEST_TRYTON").expect("tests/peers/tryton.sh start prints the address for DURE_TEST_TRYTON")
}

/// A number that no other test and no other run has.
pub(crate) fn fresh() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let run = dure::clock::Clock::System.now_ms() % 10_000_000_000;
    format!("PO-{run}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Posts to Tryton: status and body.
fn post(authorization: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let address = address();
    let rest = address.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nAuthorization: {authorization}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let status = String::from_utf8_lossy(&answer[9..12]).parse().unwrap();
    (status, answer[end + 4..].to_vec())
}

/// A call of a clerk.
pub(crate) fn call(method: &str, mut params: Vec<Value>) -> Value {
    static SESSION: OnceLock<(String, Value)> = OnceLock::new();
    let ask = |authorization: &str, method: &str, params: &[Value]| {
        let body = json!({"id": 1, "method": method, "params": params}).to_string();
        let (status, answer) = post(authorization, body.as_bytes());
        assert_eq!(status, 200, "{method}");
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    };
    let (session, context) = SESSION.get_or_init(|| {
        let signed_in = ask("", "common.db.login", &[json!("gateway"), json!({"password": PASSWORD}), json!("en")]);
        let token = format!("gateway:{}:{}", signed_in[0], signed_in[1].as_str().unwrap());
        let session = format!("Session {}", STANDARD.encode(token));
        let context = ask(&session, "model.res.user.get_preferences", &[json!(true), json!({})]);
        (session, context)
    });
    params.push(context.clone());
    ask(session, method, &params)
}

/// A GTIN that Tryton does not know.
pub(crate) fn unknown_gtin() -> &'static str {
    static GTIN: OnceLock<String> = OnceLock::new();
    GTIN.get_or_init(|| {
        let digits = format!("88012{:07}", dure::clock::Clock::System.now_ms() / 1000 % 10_000_000);
        let sum: u32 = digits.bytes().enumerate().map(|(at, digit)| u32::from(digit - b'0') * [1, 3][at % 2]).sum();
        format!("{digits}{}", (10 - sum % 10) % 10)
    })
}

/// A clerk makes a product of that GTIN.
pub(crate) fn add_product(gtin: &str) {
    let identifier = json!([["create", [{"type": "ean", "code": gtin}]]]);
    let product = json!([["create", [{"suffix_code": format!("NEW-{gtin}"), "identifiers": identifier}]]]);
    let template = json!([{"name": gtin, "default_uom": 1, "sale_uom": 1, "type": "goods", "salable": true, "account_category": 1,
        "list_price": {"__class__": "Decimal", "decimal": "100"}, "products": product}]);
    call("model.product.template.create", vec![template]);
}

/// The sales of an order, with their lines.
pub(crate) fn sales(order: &str) -> Vec<Value> {
    let fields = json!([
        "number",
        "state",
        "party.rec_name",
        "untaxed_amount",
        "tax_amount",
        "shipments",
        "lines.quantity",
        "lines.product.code",
        "lines.unit_price",
        "lines.note"
    ]);
    let domain = json!([["reference", "=", order]]);
    let found = call("model.sale.sale.search_read", vec![domain, json!(0), json!(10), Value::Null, fields]);
    found.as_array().unwrap().clone()
}

/// Picks, packs and ships what a sale has waiting.
pub(crate) fn ship(sale: &Value) {
    for shipment in sale["shipments"].as_array().unwrap() {
        for button in ["wait", "assign_force", "pick", "pack", "done"] {
            call(&format!("model.stock.shipment.out.{button}"), vec![json!([shipment])]);
        }
    }
}

/// What happens to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// It does not get there, and nothing is answered.
    Lost,
    /// It is done, and nothing is answered.
    Unanswered,
    /// It is done, and the answer breaks off.
    BrokenOff,
    /// A page of a proxy instead.
    Unavailable,
}

#[derive(Default)]
struct Wire {
    methods: Vec<String>,
    /// The request that meets a fault, from 1; 0: every one.
    at: usize,
    fault: Option<Fault>,
}

/// A wire to Tryton.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    wire: Arc<Mutex<Wire>>,
    met: Arc<Notify>,
}

impl Proxy {
    /// One that nobody answers at yet.
    pub(crate) fn new() -> Proxy {
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Proxy { address, wire: Arc::default(), met: Arc::default() }
    }

    /// From now on it is there.
    pub(crate) async fn up(&self) {
        let listener = tokio::net::TcpListener::bind(self.address).await.unwrap();
        let router = Router::new().fallback(pass).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
    }

    /// From now on the request with that number, counted from now, meets a fault; 0: every one.
    pub(crate) fn fault(&self, at: usize, fault: Fault) {
        *self.wire.lock().unwrap() = Wire { methods: Vec::new(), at, fault: Some(fault) };
    }

    /// From now on everything passes.
    pub(crate) fn mend(&self) {
        *self.wire.lock().unwrap() = Wire::default();
    }

    /// What was asked since the last change.
    pub(crate) fn methods(&self) -> Vec<String> {
        self.wire.lock().unwrap().methods.clone()
    }

    /// Waits until a request met the fault.
    pub(crate) async fn met(&self) {
        self.met.notified().await;
    }
}

async fn pass(State(proxy): State<Proxy>, headers: HeaderMap, body: Bytes) -> Response {
    let fault = {
        let mut wire = proxy.wire.lock().unwrap();
        let asked: Value = serde_json::from_slice(&body).unwrap();
        wire.methods.push(asked["method"].as_str().unwrap().to_owned());
        wire.fault.filter(|_| wire.at == 0 || wire.at == wire.methods.len())
    };
    let authorization = headers.get("authorization").map_or("", |value| value.to_str().unwrap()).to_owned();
    let forever = async || {
        proxy.met.notify_one();
        tokio::time::sleep(Duration::from_secs(600)).await;
    };
    match fault {
        Some(Fault::Lost) => forever().await,
        Some(Fault::Unavailable) => {
            let page = Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).header("content-type", "text/html");
            return page.body(Body::from("<h1>down</h1>")).unwrap();
        }
        _ => {}
    }
    let (status, answer) = tokio::task::spawn_blocking(move || post(&authorization, &body)).await.unwrap();
    if fault == Some(Fault::Unanswered) {
        forever().await;
    }
    let response = Response::builder().status(status).header("content-type", "application/json");
    if fault == Some(Fault::BrokenOff) {
        let half = answer[..answer.len() / 2].to_vec();
        let pieces = [Ok(half), Err(std::io::Error::other("cut"))];
        return response.body(Body::from_stream(futures_util::stream::iter(pieces))).unwrap();
    }
    response.body(Body::from(answer)).unwrap()
}
