//! A data folder with a configuration, a centre, a buyer, a producer, a seller, their agreements, a catalogue and a key.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dure::clock::Clock;
use dure::config::Config;
use dure::model::disposition::Transport;
use dure::pipeline::receive::Receipt;
use dure::pipeline::worker;
use dure::serve;
use dure::store::parties::{self, CredentialRow};
use dure::transport::keys;
use ring::rand::SystemRandom;
use serde_json::{Value, json};

pub(crate) struct Setting {
    /// `dure.toml`.
    pub(crate) config: PathBuf,
    address: SocketAddr,
    key: String,
    _folder: tempfile::TempDir,
}

impl Setting {
    pub(crate) fn new(database: &str, deliver_to: &str) -> Setting {
        let folder = tempfile::tempdir().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let config = folder.path().join("dure.toml");
        let text = format!(
            "listen = \"{address}\"\ndatabase = \"{database}\"\ndata = \"data\"\n[http_out]\nallow_private = [\"127.0.0.0/8\"]\n\
             [log]\nlevel = \"error\"\n"
        );
        std::fs::write(&config, text).unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let loaded = Config::load(Some(&config), []).unwrap();
        let random = SystemRandom::new();
        keys::create_sealing_key(&loaded.sealing_key_file(), &random).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let key = runtime.block_on(seed(loaded, deliver_to));
        Setting { config, address, key, _folder: folder }
    }

    /// Starts the hub and waits until it answers.
    pub(crate) fn start(&self) -> Child {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dure"))
            .arg("serve")
            .arg("--config")
            .arg(&self.config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        for _ in 0..600 {
            if TcpStream::connect_timeout(&self.address, Duration::from_millis(100)).is_ok() {
                return child;
            }
            assert!(child.try_wait().unwrap().is_none(), "the hub ended by itself");
            super::pause(10);
        }
        child.kill().unwrap();
        panic!("the hub did not listen in time");
    }

    /// Posts a body; status and answer, none if the connection broke.
    pub(crate) fn post(&self, body: &str, key: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect_timeout(&self.address, Duration::from_millis(500)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        let request = format!(
            "POST /v1/interchanges HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/xml\r\n\
             Idempotency-Key: {key}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.key,
            body.len()
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        // The whole body must have come: a cut answer is no answer.
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned))?;
        (body.len() >= length.trim().parse::<usize>().ok()?).then(|| (status, body.to_owned()))
    }
}

async fn seed(config: Config, deliver_to: &str) -> String {
    let hub = serve::open_hub(config, Clock::System).await.unwrap();
    let mut documents = vec![("", json!({"type": "Party", "id": "centre", "name": "centre", "roles": ["centre"]}))];
    for (id, gln) in [("buyer", "8801234500012"), ("producer", "8801234500029"), ("seller", "8801234500043")] {
        let party =
            json!({"type": "Party", "id": id, "name": id, "roles": [id], "identifiers": [format!("gln:{gln}")]});
        documents.push(("centre", party));
    }
    for (party, direction, kind, format) in [
        ("buyer", "in", "Order", "ubl-2.1"),
        ("producer", "in", "Catalogue", "dure-json"),
        ("producer", "out", "Order", "edifact-d96a"),
    ] {
        let agreement = json!({"type": "Agreement", "id": format!("{party}-{direction}-{kind}"), "party": party,
            "direction": direction, "document_type": kind, "format": format, "address": deliver_to,
            "retry_s": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]});
        documents.push(("centre", agreement));
    }
    let lines: Vec<Value> = (1..=5)
        .map(|number| {
            json!({"id": number.to_string(), "orderable_unit": "EA",
                "item": {"name": format!("item {number}"), "sellers_item_id": {"value": format!("SKU-{number:05}")}},
                "price": {"amount": {"value": "12500", "currency": "KRW"}}})
        })
        .collect();
    documents.push(("producer", json!({"type": "Catalogue", "id": "CAT-1", "lines": lines})));
    for (from, document) in documents {
        let directory = hub.directory();
        let id = |short: &str| directory.by_short(short).map_or(0, |organisation| organisation.id);
        let receipt = Receipt {
            organisation_id: id(from),
            centre_id: id("centre"),
            transport: Transport::Internal,
            transport_id: None,
            content_type: "application/json".into(),
            charset: String::new(),
            file_name: String::new(),
            account_id: None,
            answers_delivery_id: None,
            mail_id: None,
        };
        let received = hub.receive(receipt, document.to_string().into()).await.unwrap();
        worker::run_once(&hub).await.unwrap();
        let found = hub.wait_decided(received.id(), 5_000).await.unwrap().unwrap();
        assert_eq!(found.disposition.as_deref(), Some("accepted"), "{document} {:?}", found.findings);
    }
    let (key, digest) = keys::new_api_key(&SystemRandom::new()).unwrap();
    let buyer = hub.directory().by_short("buyer").unwrap().id;
    let row = CredentialRow {
        id: hub.next_id(),
        organisation_id: buyer,
        kind: "key".into(),
        digest: digest.to_vec(),
        label: "crash".into(),
        secret_name: String::new(),
        created_ms: 0,
        ended_ms: None,
    };
    hub.store.write(move |tx| parties::put_credential(tx, &row)).await.unwrap();
    key.expose().to_owned()
}

/// A UBL Order of five lines.
pub(crate) fn order(number: u64) -> String {
    let lines: String = (1..=5)
        .map(|line| {
            format!(
                "<cac:OrderLine><cac:LineItem><cbc:ID>{line}</cbc:ID><cbc:Quantity unitCode=\"EA\">{line}</cbc:Quantity>\
                 <cac:Price><cbc:PriceAmount currencyID=\"KRW\">12500</cbc:PriceAmount></cac:Price><cac:Item>\
                 <cbc:Name>표본 {line}</cbc:Name><cac:SellersItemIdentification><cbc:ID>SKU-{line:05}</cbc:ID>\
                 </cac:SellersItemIdentification></cac:Item></cac:LineItem></cac:OrderLine>"
            )
        })
        .collect();
    let party = |gln: &str| format!("<cac:Party><cbc:EndpointID schemeID=\"GLN\">{gln}</cbc:EndpointID></cac:Party>");
    format!(
        "<Order xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Order-2\" \
         xmlns:cac=\"urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2\" \
         xmlns:cbc=\"urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2\"><cbc:ID>PO-{number:09}</cbc:ID>\
         <cbc:IssueDate>2026-11-24</cbc:IssueDate><cbc:DocumentCurrencyCode>KRW</cbc:DocumentCurrencyCode>\
         <cac:BuyerCustomerParty>{}</cac:BuyerCustomerParty><cac:SellerSupplierParty>{}</cac:SellerSupplierParty>{lines}</Order>",
        party("8801234500012"),
        party("8801234500043")
    )
}

/// A new database on the server; its URL.
pub(crate) fn fresh_database(server: &str) -> String {
    let name = format!("dure_crash_{}", std::process::id());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls).await.unwrap();
        let connection = tokio::task::spawn(connection);
        client.batch_execute(&format!("CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")).await.unwrap();
        drop(client);
        drop(connection.await);
    });
    let mut url = url::Url::parse(server).unwrap();
    url.set_path(&name);
    url.to_string()
}
