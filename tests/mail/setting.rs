//! A hub with a centre, a buyer whose mails are proved by its mail server, a maker with a catalogue, and its mailboxes.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dure::clock::Clock;
use dure::config::Config;
use dure::model::disposition::Transport;
use dure::model::secret::Secret;
use dure::pipeline::hub::Hub;
use dure::pipeline::receive::Receipt;
use dure::pipeline::worker;
use dure::serve::{self, Running};
use dure::store::channels::Channel;
use dure::store::{channels, deliveries, parties, view};
use dure::transport::keys;
use ring::rand::SystemRandom;
use serde_json::{Value, json};
use std::sync::Arc;

use super::servers::{IMAPS, PASSWORD, SUBMISSION, certificate};

/// How long something may take to happen.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Setting {
    /// `dure.toml`.
    pub(crate) file: PathBuf,
    pub(crate) config: Config,
    pub(crate) buyer: String,
    folder: tempfile::TempDir,
}

/// A mailbox of an account over TLS.
pub(crate) fn mailbox(name: &str, account: &str, port: u16, more: &str) -> String {
    format!(
        "[mailbox.{name}]\nhost = \"localhost\"\nport = {port}\nuser = \"{account}@test.example\"\nroots = \"{}\"\npoll_s = 1\n\
         timeout_ms = 5000\n{more}\n",
        certificate().display()
    )
}

impl Setting {
    /// With these settings besides; `buyer` is the account of the buyer, whose orders come by mail.
    pub(crate) async fn new(buyer: &str, more: &str) -> Setting {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dure.toml");
        let relay = format!(
            "[mail_out]\nrelay = \"localhost\"\nport = {SUBMISSION}\nprotection = \"starttls\"\nuser = \"hub@test.example\"\n\
             password = \"{PASSWORD}\"\nroots = \"{}\"\nfrom = \"hub-{buyer}@test.example\"\ntimeout_ms = 5000\n",
            certificate().display()
        );
        let relay = if more.contains("[mail_out]") { String::new() } else { relay };
        let text = format!("listen = \"127.0.0.1:0\"\n[log]\nlevel = \"error\"\n{relay}{more}");
        std::fs::write(&file, text).unwrap();
        let config = Config::load(Some(&file), []).unwrap();
        std::fs::create_dir(&config.data).unwrap();
        keys::create_sealing_key(&config.sealing_key_file(), &SystemRandom::new()).unwrap();
        let setting = Setting { file, config, buyer: buyer.to_owned(), folder };
        setting.seed().await;
        setting
    }

    async fn seed(&self) {
        let hub = serve::open_hub(self.config.clone(), Clock::System).await.unwrap();
        for name in self.config.mailbox.keys() {
            put_password(&hub, name, PASSWORD).await;
        }
        let mail = format!("{}@test.example", self.buyer);
        let lines: Vec<Value> = (1..=3)
            .map(|number| {
                json!({"id": number.to_string(), "orderable_unit": "EA",
                    "item": {"name": format!("item {number}"), "sellers_item_id": {"value": format!("SKU-{number}")}},
                    "price": {"amount": {"value": "12500", "currency": "KRW"}}})
            })
            .collect();
        let documents = [
            ("", json!({"type": "Party", "id": "centre", "name": "centre", "roles": ["centre"]})),
            (
                "centre",
                json!({"type": "Party", "id": "buyer", "name": "buyer", "roles": ["buyer"],
                "identifiers": ["gln:8801234500012"], "contact": {"electronic_mail": mail}}),
            ),
            (
                "centre",
                json!({"type": "Party", "id": "maker", "name": "maker", "roles": ["producer"],
                "identifiers": ["gln:8801234500029"]}),
            ),
            (
                "centre",
                json!({"type": "Party", "id": "shop", "name": "shop", "roles": ["seller"],
                "identifiers": ["gln:8801234500043"]}),
            ),
            (
                "centre",
                json!({"type": "Agreement", "id": "buyer-in", "party": "buyer", "direction": "in",
                "document_type": "Order", "format": "csv", "mail_proof": ["server:mx.test.example"]}),
            ),
            (
                "centre",
                json!({"type": "Agreement", "id": "maker-in", "party": "maker", "direction": "in",
                "document_type": "Catalogue", "format": "dure-json"}),
            ),
            ("maker", json!({"type": "Catalogue", "id": "CAT-1", "lines": lines})),
        ];
        for (sender, document) in documents {
            hand_in(&hub, sender, &document).await;
        }
    }

    /// Starts the hub in this process.
    pub(crate) async fn start(&self) -> Running {
        serve::start(self.config.clone(), Clock::System).await.unwrap()
    }

    /// Starts the real binary.
    pub(crate) fn spawn(&self) -> Child {
        Command::new(env!("CARGO_BIN_EXE_dure"))
            .arg("serve")
            .arg("--config")
            .arg(&self.file)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap()
    }
}

/// Seals the password of a mailbox.
pub(crate) async fn put_password(hub: &Arc<Hub>, mailbox: &str, password: &str) {
    let name = format!("mailbox:{mailbox}");
    let sealed = hub.sealer.seal(&name, &Secret::new(password)).unwrap();
    let put = move |tx: &mut dure::store::Tx<'_>| {
        parties::put_secret(tx, &name, &sealed, 0)?;
        parties::raise_version(tx)
    };
    hub.store.write(put).await.unwrap();
    hub.refresh_directory().await.unwrap();
}

/// Hands a document in and has it accepted.
pub(crate) async fn hand_in(hub: &Arc<Hub>, sender: &str, document: &Value) {
    let directory = hub.directory();
    let receipt = Receipt {
        organisation_id: directory.by_short(sender).map_or(0, |found| found.id),
        centre_id: directory.centre().map_or(0, |centre| centre.id),
        transport: if sender.is_empty() { Transport::Internal } else { Transport::Http },
        transport_id: None,
        content_type: "application/json".to_owned(),
        charset: String::new(),
        file_name: String::new(),
        account_id: None,
        answers_delivery_id: None,
        mail_id: None,
    };
    let id = hub.receive(receipt, document.to_string().into()).await.unwrap().id();
    worker::run_once(hub).await.unwrap();
    let row = hub.wait_decided(id, 10_000).await.unwrap().unwrap();
    assert_eq!(row.disposition.as_deref(), Some("accepted"), "{document}");
    hub.refresh_directory().await.unwrap();
}

/// A mail of the buyer with an order as a table.
pub(crate) fn order_mail(buyer: &str, message_id: &str, number: &str, rows: usize) -> String {
    let mut table =
        "order_id,issue_date,currency,buyer_id,seller_id,line_id,item_id,quantity,unit,price,note\r\n".to_owned();
    for row in 1..=rows {
        let note = "x".repeat(if rows > 100 { 900 } else { 0 });
        table.push_str(&format!(
            "{number},2026-11-24,KRW,gln:8801234500012,gln:8801234500043,{row},SKU-1,2,EA,12500,{note}\r\n"
        ));
    }
    let body: Vec<String> =
        STANDARD.encode(table).as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!(
        "Authentication-Results: mx.test.example; dmarc=pass header.from=test.example\r\nFrom: <{buyer}@test.example>\r\n\
         To: orders\r\nSubject: =?ks_c_5601-1987?B?ud/B1ryt?= {number}\r\nMessage-ID: <{message_id}>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b\r\nContent-Type: text/csv; charset=utf-8\r\n\
         Content-Disposition: attachment; filename*=EUC-KR''%B9%DF%C1%D6%BC%AD.csv\r\nContent-Transfer-Encoding: base64\r\n\r\n\
         {}\r\n--b--\r\n",
        body.join("\r\n")
    )
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

/// The accepted orders of the buyer, by number.
pub(crate) async fn orders(hub: &Arc<Hub>) -> Vec<String> {
    let rows = hub
        .store
        .read(|tx| {
            tx.query(
                "SELECT number FROM document WHERE document_type = 'Order' AND disposition = 'accepted' ORDER BY number",
                dure::params![],
            )?
            .iter()
            .map(|row| row.text(0))
            .collect()
        })
        .await;
    rows.unwrap()
}

/// Waits for a state of a channel.
pub(crate) async fn channel(hub: &Arc<Hub>, name: &str, state: &str) -> Channel {
    let name = name.to_owned();
    until(&format!("{name} {state}"), async || {
        let name = name.clone();
        let found = hub.store.read(move |tx| channels::get(tx, &name)).await.unwrap();
        found.filter(|channel| channel.state == state)
    })
    .await
}

/// Deliveries of the centre, newest first.
pub(crate) async fn sent(hub: &Arc<Hub>) -> Vec<deliveries::Delivery> {
    let centre = hub.directory().centre().unwrap().id;
    hub.store.read(move |tx| deliveries::list(tx, centre, None, i64::MAX, view::MOST_ROWS)).await.unwrap()
}

/// The port of TLS.
pub(crate) const TLS: u16 = IMAPS;
