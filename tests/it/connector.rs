//! Connectors against servers of our own that answer as Odoo's and ERPNext's public documentation says; neither was tried against
//! the real one. (Tryton, which was, has a test binary of its own.)

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use dure::clock::Clock;
use dure::model::id::DeliveryId;
use dure::model::secret::Secret;
use dure::pipeline::outbound::{Outbound, Outgoing, Sent};
use dure::store::interchanges;
use dure::transport::connector::{ConnectorOut, Connectors, Settings};
use dure::transport::http_client;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Harness, NOON};

/// What a server has in memory.
#[derive(Default)]
struct Erp {
    sales: Vec<Value>,
    /// Requests that are done and not answered from now on; each takes one away.
    cut: Vec<&'static str>,
    asked: Vec<String>,
}

#[derive(Clone)]
struct Server {
    erp: Arc<Mutex<Erp>>,
    answer: fn(&mut Erp, &Call) -> (u16, Value),
}

struct Call {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    authorization: String,
    body: Value,
}

async fn serve(State(server): State<Server>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let query = url::form_urlencoded::parse(uri.query().unwrap_or("").as_bytes()).into_owned().collect();
    let call = Call {
        method: method.to_string(),
        path: uri.path().to_owned(),
        query,
        authorization: headers.get("authorization").map_or("", |value| value.to_str().unwrap()).to_owned(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    let (status, answer, cut) = {
        let mut erp = server.erp.lock().unwrap();
        let (status, answer) = (server.answer)(&mut erp, &call);
        let last = erp.asked.last().cloned().unwrap_or_default();
        let cut = erp.cut.iter().position(|what| *what == last);
        if let Some(at) = cut {
            erp.cut.remove(at);
        }
        (status, answer, cut.is_some())
    };
    let status = StatusCode::from_u16(status).unwrap();
    if cut {
        let pieces = [Ok("{"), Err(std::io::Error::other("cut"))];
        return Response::new(Body::from_stream(futures_util::stream::iter(pieces)));
    }
    Response::builder().status(status).body(Body::from(answer.to_string())).unwrap()
}

/// A hub, a connector of maker-a to a server.
struct Setting {
    harness: Harness,
    connectors: Arc<Connectors>,
    out: ConnectorOut,
    erp: Arc<Mutex<Erp>>,
    _serving: JoinSet<()>,
}

impl Setting {
    async fn new(
        script: &str,
        values: &[(&str, &str)],
        secrets: &[(&str, &str)],
        answer: fn(&mut Erp, &Call) -> (u16, Value),
    ) -> Setting {
        let harness = Harness::new().await;
        let erp = Arc::new(Mutex::new(Erp::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(serve).with_state(Server { erp: Arc::clone(&erp), answer });
        let mut serving = JoinSet::new();
        serving.spawn(async move { drop(axum::serve(listener, router).await) });
        for (name, value) in secrets {
            harness.put_secret(&format!("connector:erp:{name}"), &Secret::new(*value)).await;
        }
        let settings = Settings {
            script: script.to_owned(),
            address: format!("http://{address}/"),
            partner: "maker-a".to_owned(),
            values: values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            poll_s: 1,
            ..Settings::default()
        };
        let http = http_client::Settings { allow_private: vec!["127.0.0.1".parse().unwrap()], ..Default::default() };
        let bound = BTreeMap::from([("erp".to_owned(), settings)]);
        let connectors = Arc::new(Connectors::load(&[], &bound, &http, &Clock::fixed(NOON)).unwrap());
        connectors.join(&harness.hub);
        let out = ConnectorOut::new(Arc::clone(&connectors));
        Setting { harness, connectors, out, erp, _serving: serving }
    }

    async fn send(&self, delivery: i64, body: &Value) -> Sent {
        let out = Outgoing {
            delivery: DeliveryId(delivery),
            interchange: None,
            document: None,
            partner: "maker-a".to_owned(),
            address: "connector:erp".to_owned(),
            content_type: "application/json".to_owned(),
            file_name: String::new(),
            subject: String::new(),
            thread: Vec::new(),
            automatic_answer: false,
            attachments: Vec::new(),
            body: Bytes::from(body.to_string()),
            signing_secret: None,
            credential: None,
        };
        self.out.send(&out).await
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.erp.lock().unwrap().asked)
    }

    /// What the connector hands in, once there are as many; and that there are no more then.
    async fn told(&self, count: usize) -> Vec<Value> {
        let mut polls = JoinSet::new();
        for poll in self.connectors.polls(&self.harness.hub) {
            polls.spawn(poll);
        }
        let centre = self.harness.org("centre");
        let read = move |tx: &mut dure::store::Tx<'_>| {
            let rows = interchanges::list(tx, centre, None, i64::MAX, 100)?;
            let rows = rows.iter().filter(|row| row.transport == "connector");
            rows.map(|row| interchanges::payload_part(tx, row.id, 0)).collect::<dure::error::Result<Vec<_>>>()
        };
        let mut found = Vec::new();
        for round in 0..100 {
            found = self.harness.hub.store.read(read).await.unwrap();
            // Two rounds more: what is seen again is not told again.
            if found.len() >= count && round > 25 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        drop(polls);
        let mut told: Vec<Value> =
            found.into_iter().map(|body| serde_json::from_slice(&body.unwrap()).unwrap()).collect();
        told.sort_by_key(|body| body["type"].as_str().unwrap().to_owned());
        assert_eq!(told.len(), count, "{told:?}");
        told
    }
}

/// A part as the hub forwards it.
fn part(number: &str, gtin: &str) -> Value {
    json!({"type": "Order", "id": number, "issue_date": "2026-11-24", "document_currency_code": "KRW",
        "buyer": {"id": "gln:8801234500012", "names": ["Mirae \"Mart\""]}, "lines": [{"id": "10", "quantity": {"value": "3", "unit": "EA"},
            "item": {"name": "Barley tea", "standard_item_id": {"value": gtin}}, "price": {"amount": {"value": "1250", "currency": "KRW"}}}]})
}

fn receipt(sent: Sent) -> String {
    match sent {
        Sent::Delivered { receipt, .. } => receipt,
        other => panic!("{other:?}"),
    }
}

/// Odoo: `common.login`, `object.execute_kw`; errors as `{"error": {"data": {"name", "message"}}}`.
fn odoo(erp: &mut Erp, call: &Call) -> (u16, Value) {
    assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/jsonrpc"));
    let params = &call.body["params"];
    let args = params["args"].as_array().unwrap();
    if params["service"] == "common" {
        erp.asked.push("login".to_owned());
        let good = args[..] == [json!("hanbat"), json!("dure"), json!("api-key-1")];
        return (200, json!({"jsonrpc": "2.0", "id": 1, "result": if good { json!(7) } else { json!(false) }}));
    }
    assert_eq!(args[..3], [json!("hanbat"), json!(7), json!("api-key-1")]);
    let what = format!("{}.{}", args[3].as_str().unwrap(), args[4].as_str().unwrap());
    erp.asked.push(what.clone());
    let domain = args[5][0].to_string();
    let sale = |id: &Value| usize::try_from(id.as_u64().unwrap() - 1).unwrap();
    let result = match what.as_str() {
        "sale.order.search_read" if domain.contains("write_date") => {
            let list = erp.sales.iter().filter(|sale| sale["state"] == "sale");
            list.map(|sale| {
                json!({"id": sale["id"], "name": sale["name"], "client_order_ref": sale["client_order_ref"],
                "date_order": sale["date_order"], "currency_id": [3, "KRW"], "write_date": "2026-11-24 03:00:01"})
            })
            .collect()
        }
        "sale.order.search_read" => {
            erp.sales.iter().filter(|sale| domain.contains(&sale["client_order_ref"].to_string())).cloned().collect()
        }
        "res.partner.search_read" if domain.contains("8801234500012") => json!([{"id": 4, "name": "Mirae Mart"}]),
        "product.product.search_read" if domain.contains("\"8801234560016\"") => {
            json!([{"id": 11, "display_name": "Barley tea", "uom_id": [1, "Units"]}])
        }
        "product.product.search_read" | "res.partner.search_read" => json!([]),
        "sale.order.create" => {
            let id = erp.sales.len() + 1;
            let mut sale = args[5][0].clone();
            sale["id"] = json!(id);
            sale["name"] = json!(format!("S0000{id}"));
            sale["state"] = json!("draft");
            erp.sales.push(sale);
            json!(id)
        }
        "sale.order.read" => json!([erp.sales[sale(&args[5][0][0])]]),
        "sale.order.action_confirm" => {
            let sale = &mut erp.sales[sale(&args[5][0][0])];
            if sale["state"] == "sale" {
                let data = json!({"name": "odoo.exceptions.UserError", "message": "Some orders are not in a state requiring confirmation."});
                return (
                    200,
                    json!({"jsonrpc": "2.0", "id": 1, "error": {"code": 200, "message": "Odoo Server Error", "data": data}}),
                );
            }
            sale["state"] = json!("sale");
            json!(true)
        }
        "sale.order.line.search_read" => {
            json!([{"id": 1, "name": "10: Barley tea", "product_uom_qty": 3.0, "product_uom": [1, "Units"], "price_unit": 1250.0}])
        }
        "stock.picking.search_read" => {
            json!([{"id": 5, "name": "WH/OUT/00005", "date_done": "2026-11-24 05:00:00", "sale_id": [1, "S00001"],
                "write_date": "2026-11-24 05:00:01"}])
        }
        "stock.move.search_read" => {
            json!([{"id": 1, "quantity": 2.0, "product_uom": [1, "Units"], "sale_line_id": [1, "S00001 - 10: Barley tea"]}])
        }
        other => panic!("{other}"),
    };
    (200, json!({"jsonrpc": "2.0", "id": 1, "result": result}))
}

#[tokio::test]
async fn odoo_as_it_is_documented() {
    let setting =
        Setting::new("odoo", &[("database", "hanbat"), ("user", "dure")], &[("password", "api-key-1")], odoo).await;
    assert_eq!(receipt(setting.send(1, &part("PO-1", "08801234560016")).await), "sale S00001, sale");
    let asked = [
        "login",
        "sale.order.search_read",
        "res.partner.search_read",
        "product.product.search_read",
        "sale.order.create",
        "sale.order.read",
        "sale.order.action_confirm",
        "sale.order.read",
    ];
    assert_eq!(setting.asked(), asked);
    let sale = setting.erp.lock().unwrap().sales[0].clone();
    assert_eq!(
        sale["order_line"],
        json!([[0, 0, {"sequence": 1, "product_id": 11, "name": "10: Barley tea", "product_uom_qty": 3,
        "price_unit": 1250}]])
    );
    // The same order by another delivery: it is found, and not confirmed twice.
    assert_eq!(receipt(setting.send(2, &part("PO-1", "08801234560016")).await), "sale S00001, sale");
    assert!(!setting.asked().iter().any(|asked| asked.ends_with("create") || asked.ends_with("confirm")));
    // Created and confirmed without an answer: looked at before each is done again. The clock stands, so that it settles later.
    setting.erp.lock().unwrap().cut = vec!["sale.order.create", "sale.order.action_confirm"];
    let other = part("PO-2", "08801234560016");
    assert!(matches!(setting.send(3, &other).await, Sent::Unreachable { .. }));
    let waiting = setting.send(3, &other).await;
    assert!(matches!(waiting, Sent::Temporary { retry_after_ms: Some(5000), .. }), "{waiting:?}");
    setting.harness.hub.clock.advance_ms(5000);
    assert!(matches!(setting.send(3, &other).await, Sent::Unreachable { .. }));
    assert_eq!(receipt(setting.send(3, &other).await), "sale S00002, sale");
    assert_eq!(setting.erp.lock().unwrap().sales.len(), 2);
    // What it does not know.
    let sent = setting.send(4, &part("PO-3", "08801234560023")).await;
    assert!(
        matches!(&sent, Sent::Rejected { reason, .. } if reason == "lines[1].item: Odoo does not know the item 08801234560023"),
        "{sent:?}"
    );
    // What comes back.
    setting.erp.lock().unwrap().sales.truncate(1);
    let told = setting.told(2).await;
    assert_eq!(told[0]["order_references"][0]["id"]["value"], "PO-1");
    assert_eq!(
        told[0]["lines"][0],
        json!({"id": 1, "order_line_references": [{"line_id": "10"}], "delivered_quantity": {"value": "2", "unit": "EA"}})
    );
    assert_eq!(
        told[1],
        json!({"type": "OrderResponse", "id": "S00001", "sales_order_id": "S00001", "issue_date": "2026-11-24",
        "document_currency_code": "KRW", "response_code": "accepted", "order_reference": {"id": {"value": "PO-1"}}, "lines": [
            {"id": "10", "order_line_id": "10", "status": "accepted", "quantity": {"value": "3", "unit": "EA"},
            "price": {"amount": {"value": "1250", "currency": "KRW"}}}]})
    );
}

#[tokio::test]
async fn a_wrong_password_is_no_fault_of_the_document() {
    let setting =
        Setting::new("odoo", &[("database", "hanbat"), ("user", "dure")], &[("password", "wrong")], odoo).await;
    let sent = setting.send(1, &part("PO-1", "08801234560016")).await;
    assert!(matches!(&sent, Sent::Unreachable { reason } if reason.starts_with("signing in is refused")), "{sent:?}");
}

/// ERPNext: lists by filters, documents by name, a token in `Authorization`.
fn erpnext(erp: &mut Erp, call: &Call) -> (u16, Value) {
    if call.authorization != "token key-1:secret-1" {
        return (401, json!({"exc_type": "AuthenticationError"}));
    }
    let filters: Value =
        call.query.get("filters").map_or(Value::Null, |filters| serde_json::from_str(filters).unwrap());
    let filters = filters.to_string();
    erp.asked.push(format!("{} {}", call.method, call.path));
    let path = call.path.replace("%20", " ");
    let (kind, name) = path
        .strip_prefix("/api/resource/")
        .unwrap()
        .split_once('/')
        .unwrap_or((path.trim_start_matches("/api/resource/"), ""));
    let data = match (call.method.as_str(), kind, name) {
        ("GET", "Sales Order", "") if filters.contains("modified") => {
            let list = erp.sales.iter().filter(|sale| sale["docstatus"] == 1);
            list.map(|sale| json!({"name": sale["name"], "modified": "2026-11-24 12:00:00.000001"})).collect()
        }
        ("GET", "Sales Order", "") => {
            erp.sales.iter().filter(|sale| filters.contains(&sale["po_no"].to_string())).cloned().collect()
        }
        ("GET", "Customer", "") if filters.contains("8801234500012") => json!([{"name": "Mirae Mart"}]),
        ("GET", "Item", "") if filters.contains("Item Barcode") && filters.contains("\"8801234560016\"") => {
            json!([{"name": "TEA-500", "stock_uom": "Nos"}])
        }
        ("GET", "Item" | "Customer", "") => json!([]),
        ("POST", "Sales Order", "") => {
            let mut sale = call.body.clone();
            sale["name"] = json!(format!("SAL-ORD-2026-0000{}", erp.sales.len() + 1));
            sale["docstatus"] = json!(0);
            erp.sales.push(sale.clone());
            sale
        }
        ("GET", "Sales Order", name) => erp.sales.iter().find(|sale| sale["name"] == name).unwrap().clone(),
        ("PUT", "Sales Order", name) => {
            let sale = erp.sales.iter_mut().find(|sale| sale["name"] == name).unwrap();
            if sale["docstatus"] == 1 {
                return (
                    417,
                    json!({"exc_type": "UpdateAfterSubmitError", "exception": "frappe.exceptions.UpdateAfterSubmitError: no"}),
                );
            }
            sale["docstatus"] = json!(1);
            sale.clone()
        }
        ("GET", "Delivery Note", "") => json!([{"name": "MAT-DN-1", "modified": "2026-11-24 13:00:00.000001"}]),
        ("GET", "Delivery Note", _) => {
            json!({"name": "MAT-DN-1", "posting_date": "2026-11-24", "po_no": "PO-1", "items": [
            {"description": "10: Barley tea", "qty": 3.0, "uom": "Nos", "item_name": "Barley tea"}]})
        }
        other => panic!("{other:?}"),
    };
    (200, json!({"data": data}))
}

#[tokio::test]
async fn erpnext_as_it_is_documented() {
    let secrets = [("key", "key-1"), ("secret", "secret-1")];
    let setting = Setting::new("erpnext", &[("company", "Hanbat")], &secrets, erpnext).await;
    setting.erp.lock().unwrap().cut = vec!["PUT /api/resource/Sales%20Order/SAL-ORD-2026-00001"];
    let order = part("PO-1", "08801234560016");
    assert!(matches!(setting.send(1, &order).await, Sent::Unreachable { .. }));
    assert_eq!(receipt(setting.send(1, &order).await), "sale SAL-ORD-2026-00001");
    let sale = setting.erp.lock().unwrap().sales[0].clone();
    assert_eq!(
        (&sale["customer"], &sale["po_no"], &sale["docstatus"]),
        (&json!("Mirae Mart"), &json!("PO-1"), &json!(1))
    );
    assert_eq!(
        sale["items"],
        json!([{"item_code": "TEA-500", "qty": 3, "uom": "Nos", "rate": 1250, "description": "10: Barley tea"}])
    );
    assert_eq!(receipt(setting.send(2, &order).await), "sale SAL-ORD-2026-00001");
    assert_eq!(setting.erp.lock().unwrap().sales.len(), 1);
    let told = setting.told(2).await;
    assert_eq!(told[0]["lines"][0]["order_line_references"][0]["line_id"], "10");
    assert_eq!(told[1]["lines"][0]["quantity"], json!({"value": "3", "unit": "EA"}));
    // A quote in a number does not leave its text.
    let odd = setting.send(3, &part("PO-\"],[\"", "08801234560016")).await;
    assert!(receipt(odd).starts_with("sale SAL-ORD-2026-00002"));
}
