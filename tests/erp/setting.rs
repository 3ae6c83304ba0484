//! A hub with a centre, a buyer, a seller, and a producer whose ERP is Tryton behind a wire.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dure::clock::Clock;
use dure::config::Config;
use dure::model::disposition::Transport;
use dure::model::secret::Secret;
use dure::pipeline::hub::Hub;
use dure::pipeline::receive::Receipt;
use dure::pipeline::worker;
use dure::serve::{self, Running};
use dure::store::channels::Channel;
use dure::store::deliveries::Delivery;
use dure::store::parties::CredentialRow;
use dure::store::{channels, deliveries, parties, view};
use dure::transport::keys;
use ring::rand::SystemRandom;
use serde_json::{Value, json};

use super::tryton::{PASSWORD, Proxy, unknown_gtin};

/// How long something may take to happen.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Setting {
    pub(crate) config: Config,
    pub(crate) proxy: Proxy,
    folder: tempfile::TempDir,
}

impl Setting {
    pub(crate) async fn new(timeout_ms: u64) -> Setting {
        let setting = Setting::down(timeout_ms).await;
        setting.proxy.up().await;
        setting
    }

    /// With nobody at the other end of the wire.
    pub(crate) async fn down(timeout_ms: u64) -> Setting {
        let folder = tempfile::tempdir().unwrap();
        let proxy = Proxy::new();
        let file = folder.path().join("dure.toml");
        let text = format!(
            "listen = \"127.0.0.1:0\"\n[log]\nlevel = \"error\"\n[http_out]\nallow_private = [\"127.0.0.1\"]\n\
             [connector.erp]\nscript = \"tryton\"\naddress = \"http://{}/erp/\"\npartner = \"maker\"\npoll_s = 1\n\
             timeout_ms = {timeout_ms}\nvalues = {{ user = \"gateway\" }}\n\
             [folder.buyer]\npartner = \"buyer\"\nout = \"buyer\"\n",
            proxy.address
        );
        std::fs::write(&file, text).unwrap();
        std::fs::create_dir(folder.path().join("buyer")).unwrap();
        let config = Config::load(Some(&file), []).unwrap();
        std::fs::create_dir(&config.data).unwrap();
        keys::create_sealing_key(&config.sealing_key_file(), &SystemRandom::new()).unwrap();
        let setting = Setting { config, proxy, folder };
        setting.seed().await;
        setting
    }

    async fn seed(&self) {
        let hub = serve::open_hub(self.config.clone(), Clock::System).await.unwrap();
        put_secret(&hub, "connector:erp:password", PASSWORD).await;
        let items = [
            ("SKU-1", "08801234560016", "Barley tea 500 ml", "1250"),
            ("SKU-2", "08801234560023", "Roasted seaweed 5 g", "800"),
            ("SKU-9", unknown_gtin(), "Something Tryton does not know", "100"),
        ];
        let line = |(number, gtin, name, price): &(&str, &str, &str, &str)| {
            json!({"id": number, "orderable_unit": "EA", "item": {"name": name, "sellers_item_id": {"value": number},
                "standard_item_id": {"value": gtin, "scheme": "0160"}}, "price": {"amount": {"value": price, "currency": "KRW"}}})
        };
        let lines: Vec<Value> = items.iter().map(line).collect();
        let party = |id: &str, role: &str, gln: &str| {
            let mut party = json!({"type": "Party", "id": id, "name": id, "roles": [role]});
            if !gln.is_empty() {
                party["identifiers"] = json!([format!("gln:{gln}")]);
            }
            party
        };
        let agreed = |party: &str, direction: &str, kind: &str, format: &str, address: &str| {
            json!({"type": "Agreement", "id": format!("{party}-{direction}-{kind}"), "party": party, "direction": direction,
                "document_type": kind, "format": format, "address": address, "retry_s": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]})
        };
        for (sender, document) in [
            ("", party("centre", "centre", "")),
            ("centre", party("buyer", "buyer", "8801234500012")),
            ("centre", party("maker", "producer", "8801234500036")),
            ("centre", party("shop", "seller", "8801234500043")),
            ("centre", agreed("buyer", "in", "Order", "ubl-2.1", "")),
            ("centre", agreed("buyer", "out", "OrderResponse", "dure-json", "folder:buyer")),
            ("centre", agreed("buyer", "out", "DespatchAdvice", "dure-json", "folder:buyer")),
            ("centre", agreed("maker", "in", "Catalogue", "dure-json", "")),
            ("centre", agreed("maker", "in", "OrderResponse", "dure-json", "")),
            ("centre", agreed("maker", "in", "DespatchAdvice", "dure-json", "")),
            ("centre", agreed("maker", "out", "Order", "dure-json", "connector:erp")),
            ("maker", json!({"type": "Catalogue", "id": "CAT-1", "lines": lines})),
        ] {
            hand_in(&hub, sender, document.to_string()).await;
        }
    }

    /// A hub without workers, at a time.
    pub(crate) async fn open(&self, clock: Clock) -> Arc<Hub> {
        serve::open_hub(self.config.clone(), clock).await.unwrap()
    }

    /// Starts the hub.
    pub(crate) async fn start(&self) -> Running {
        serve::start(self.config.clone(), Clock::System).await.unwrap()
    }

    /// What the buyer was sent, by the beginning of its file's name.
    pub(crate) async fn sent(&self, kind: &str, number: &str) -> Value {
        let folder: PathBuf = self.folder.path().join("buyer");
        let begin = format!("{kind}-{number}");
        until(&begin, async || {
            let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap());
            let mut found = files.filter(|file| file.file_name().to_string_lossy().starts_with(&begin));
            let file = found.next()?;
            assert!(found.next().is_none(), "one {begin}");
            Some(serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap())
        })
        .await
    }

    /// How many documents the buyer was sent.
    pub(crate) fn sent_count(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("buyer")).unwrap().count()
    }
}

/// Seals a secret.
pub(crate) async fn put_secret(hub: &Arc<Hub>, name: &str, value: &str) {
    let sealed = hub.sealer.seal(name, &Secret::new(value)).unwrap();
    let name = name.to_owned();
    let put = move |tx: &mut dure::store::Tx<'_>| {
        parties::put_secret(tx, &name, &sealed, 0)?;
        parties::raise_version(tx)
    };
    hub.store.write(put).await.unwrap();
    hub.refresh_directory().await.unwrap();
}

/// Hands a document in and has it accepted.
pub(crate) async fn hand_in(hub: &Arc<Hub>, sender: &str, document: String) {
    let directory = hub.directory();
    let receipt = Receipt {
        organisation_id: directory.by_short(sender).map_or(0, |found| found.id),
        centre_id: directory.centre().map_or(0, |centre| centre.id),
        transport: if sender.is_empty() { Transport::Internal } else { Transport::Http },
        transport_id: None,
        content_type: if document.starts_with('<') { "application/xml" } else { "application/json" }.to_owned(),
        charset: String::new(),
        file_name: String::new(),
        account_id: None,
        answers_delivery_id: None,
        mail_id: None,
    };
    let id = hub.receive(receipt, document.clone().into()).await.unwrap().id();
    worker::run_once(hub).await.unwrap();
    let row = hub.wait_decided(id, 10_000).await.unwrap().unwrap();
    assert_eq!(row.disposition.as_deref(), Some("accepted"), "{document} {:?}", row.findings);
    hub.refresh_directory().await.unwrap();
}

/// An order of the buyer in UBL: GTIN, quantity and price of each line.
pub(crate) fn order(number: &str, lines: &[(&str, &str, &str)]) -> String {
    let lines: String = lines
        .iter()
        .enumerate()
        .map(|(index, (gtin, quantity, price))| {
            format!(
                "<cac:OrderLine><cac:LineItem><cbc:ID>{}</cbc:ID><cbc:Quantity unitCode=\"EA\">{quantity}</cbc:Quantity>\
                 <cac:Price><cbc:PriceAmount currencyID=\"KRW\">{price}</cbc:PriceAmount></cac:Price><cac:Item>\
                 <cbc:Name>x</cbc:Name><cac:StandardItemIdentification><cbc:ID schemeID=\"0160\">{gtin}</cbc:ID>\
                 </cac:StandardItemIdentification></cac:Item></cac:LineItem></cac:OrderLine>",
                (index + 1) * 10
            )
        })
        .collect();
    let party = |gln: &str| {
        format!(
            "<cac:Party><cac:PartyIdentification><cbc:ID schemeID=\"0088\">{gln}</cbc:ID></cac:PartyIdentification></cac:Party>"
        )
    };
    format!(
        "<Order xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Order-2\" \
         xmlns:cac=\"urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2\" \
         xmlns:cbc=\"urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2\"><cbc:ID>{number}</cbc:ID>\
         <cbc:IssueDate>2026-11-24</cbc:IssueDate><cbc:DocumentCurrencyCode>KRW</cbc:DocumentCurrencyCode>\
         <cac:BuyerCustomerParty>{}</cac:BuyerCustomerParty><cac:SellerSupplierParty>{}</cac:SellerSupplierParty>{lines}</Order>",
        party("8801234500012"),
        party("8801234500043")
    )
}

/// The usual two lines: 3 of the one, 20 of the other.
pub(crate) fn usual(number: &str) -> String {
    order(number, &[("08801234560016", "3", "1250"), ("08801234560023", "20", "800")])
}

/// A new key of the buyer.
pub(crate) async fn key(hub: &Arc<Hub>) -> String {
    let (key, digest) = keys::new_api_key(&SystemRandom::new()).unwrap();
    let row = CredentialRow {
        id: hub.next_id(),
        organisation_id: hub.directory().by_short("buyer").unwrap().id,
        kind: "key".to_owned(),
        digest: digest.to_vec(),
        label: "test".to_owned(),
        secret_name: String::new(),
        created_ms: 0,
        ended_ms: None,
    };
    let put = move |tx: &mut dure::store::Tx<'_>| {
        parties::put_credential(tx, &row)?;
        parties::raise_version(tx)
    };
    hub.store.write(put).await.unwrap();
    hub.refresh_directory().await.unwrap();
    key.expose().to_owned()
}

/// The delivery of an order to the producer.
pub(crate) async fn delivery(hub: &Arc<Hub>, number: &str) -> Option<Delivery> {
    let centre = hub.directory().centre().unwrap().id;
    let rows = hub.store.read(move |tx| deliveries::list(tx, centre, None, i64::MAX, view::MOST_ROWS)).await.unwrap();
    rows.into_iter().find(|row| row.document_type == "Order" && row.number == number)
}

/// Waits until the delivery of an order is in a state.
pub(crate) async fn delivered(hub: &Arc<Hub>, number: &str, state: &str) -> Delivery {
    until(&format!("{number} {state}"), async || delivery(hub, number).await.filter(|row| row.state == state)).await
}

/// Waits for a state of the channel.
pub(crate) async fn channel(hub: &Arc<Hub>, state: &str) -> Channel {
    until(&format!("the channel {state}"), async || {
        let found = hub.store.read(|tx| channels::get(tx, "connector:erp")).await.unwrap();
        found.filter(|channel| channel.state == state)
    })
    .await
}

/// Waits until something is so.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let look = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("{what} did not happen in time"))
}
