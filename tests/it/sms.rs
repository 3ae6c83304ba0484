//! Text messages: sent through a connector to the simulated service, with their results by callback.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dure::clock::Clock;
use dure::command::simulate::sms::Service;
use dure::config::Config;
use dure::model::secret::Secret;
use dure::serve::{self, Running};
use dure::store::deliveries::Delivery;
use dure::store::{deliveries, parties, view};
use dure::transport::connector::Settings;
use dure::transport::{keys, webhook};
use ring::rand::SystemRandom;
use serde_json::{Value, json};

use crate::harness::{catalogue, item, order};

struct Setting {
    running: Running,
    service: Service,
    _folder: tempfile::TempDir,
}

impl Setting {
    async fn new(phone: &str) -> Setting {
        let folder = tempfile::tempdir().unwrap();
        let mut config =
            Config { data: folder.path().join("data"), listen: "127.0.0.1:0".parse().unwrap(), ..Config::default() };
        std::fs::create_dir(&config.data).unwrap();
        keys::create_sealing_key(&config.sealing_key_file(), &SystemRandom::new()).unwrap();
        config.http_out.allow_private = vec!["127.0.0.1".parse().unwrap()];
        // Both have to know where the other is: the service gets its address first, on a port that is free.
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (hub_address, service_address) = (free(), free());
        config.listen = hub_address;
        let settings = Settings {
            script: "sample-sms".to_owned(),
            address: format!("http://{service_address}/"),
            partner: "sms".to_owned(),
            values: BTreeMap::from([("from".to_owned(), "0212345678".to_owned())]),
            timeout_ms: 2000,
            ..Settings::default()
        };
        config.connector.insert("sms".to_owned(), settings);
        let secret = webhook::new_secret(&SystemRandom::new()).unwrap();
        let running = serve::start(config, Clock::System).await.unwrap();
        for (name, value) in [("key", Secret::new("sample-key")), ("callback", secret.clone())] {
            let hub = running.hub();
            let name = format!("connector:sms:{name}");
            let sealed = hub.sealer.seal(&name, &value).unwrap();
            let put = move |tx: &mut dure::store::Tx<'_>| {
                parties::put_secret(tx, &name, &sealed, 0)?;
                parties::raise_version(tx)
            };
            hub.store.write(put).await.unwrap();
        }
        let told = Some((format!("http://{hub_address}/callbacks/sms"), secret));
        let service = Service::start(service_address, Secret::new("sample-key"), told, Clock::System).await.unwrap();
        let setting = Setting { running, service, _folder: folder };
        let party = |id: &str, role: &str, gln: &str| {
            let mut party = json!({"type": "Party", "id": id, "name": id, "roles": [role]});
            if !gln.is_empty() {
                party["identifiers"] = json!([format!("gln:{gln}")]);
            }
            party
        };
        let agreed = |party: &str, direction: &str, kind: &str, address: &str| {
            json!({"type": "Agreement", "id": format!("{party}-{direction}-{kind}"), "party": party, "direction": direction,
                "document_type": kind, "format": "dure-json", "address": address, "retry_s": [1, 1, 1, 1, 1, 1]})
        };
        for (sender, document) in [
            ("", party("centre", "centre", "")),
            ("centre", party("buyer", "buyer", "8801234500012")),
            ("centre", party("maker-a", "producer", "8801234500029")),
            ("centre", party("maker-b", "producer", "8801234500036")),
            ("centre", party("shop", "seller", "8801234500043")),
            ("centre", party("sms", "courier", "")),
            ("centre", agreed("buyer", "in", "Order", "")),
            ("centre", agreed("maker-a", "in", "Catalogue", "")),
            ("centre", agreed("maker-b", "in", "Catalogue", "")),
            ("centre", agreed("maker-a", "in", "OrderResponse", "")),
            ("centre", agreed("sms", "in", "ApplicationResponse", "")),
            ("centre", agreed("buyer", "out", "OrderResponse", &format!("sms:{phone}"))),
            ("maker-a", catalogue("CAT-A", item("LM-40", "08801234500011", "LM-40", "540000"))),
            ("maker-b", catalogue("CAT-B", item("T-2", "08801234500028", "T-2", "25000"))),
            ("buyer", order("PO-1")),
            ("maker-a", crate::harness::response("R-1", "PO-1/1", "1", "8")),
        ] {
            setting.hand_in(sender, &document).await;
        }
        setting
    }

    async fn hand_in(&self, sender: &str, document: &Value) {
        use dure::model::disposition::Transport;
        use dure::pipeline::receive::Receipt;
        let hub = self.running.hub();
        hub.refresh_directory().await.unwrap();
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
        let row = hub.wait_decided(id, 10_000).await.unwrap().unwrap();
        assert_eq!(row.disposition.as_deref(), Some("accepted"), "{document} {:?}", row.findings);
    }

    /// The delivery to the phone, once it is as wanted.
    async fn told(&self, wanted: impl Fn(&Delivery) -> bool) -> Delivery {
        let hub = Arc::clone(self.running.hub());
        let centre = hub.directory().centre().unwrap().id;
        let read = move |tx: &mut dure::store::Tx<'_>| deliveries::list(tx, centre, None, i64::MAX, view::MOST_ROWS);
        let mut last = None;
        for _ in 0..400 {
            let rows = hub.store.read(read).await.unwrap();
            last = rows.into_iter().find(|row| row.address.starts_with("sms:"));
            if let Some(found) = last.as_ref().filter(|row| wanted(row)) {
                return found.clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{last:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_and_its_result() {
    let setting = Setting::new("+821012345678").await;
    let row = setting.told(|row| row.state == "delivered" && row.acknowledged == "received").await;
    assert_eq!(row.receipt, "message m1");
    let messages = setting.service.messages();
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!((message.to.as_str(), message.from.as_str()), ("+821012345678", "0212345678"));
    assert!(message.text.contains("주문 PO-1 답변이 도착했습니다"), "{}", message.text);
    assert_eq!((message.template.as_str(), message.result.as_str()), ("ORDER_CONFIRMED_01", "delivered"));
    setting.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_fails_and_one_that_is_refused() {
    let setting = Setting::new("+821000000000").await;
    setting.told(|row| row.state == "delivered" && row.acknowledged == "rejected").await;
    setting.running.stop().await.unwrap();
    let setting = Setting::new("+821000005555").await;
    let row = setting.told(|row| row.state == "dead").await;
    assert!(row.reason.contains("Sample SMS refused it: the number cannot be written to"), "{}", row.reason);
    setting.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_comes_too_late_sends_no_second_message() {
    let setting = Setting::new("+821000004444").await;
    let row = setting.told(|row| row.state == "delivered" && row.acknowledged == "received").await;
    assert!(row.attempts > 1, "{row:?}");
    assert_eq!(setting.service.messages().len(), 1);
    setting.running.stop().await.unwrap();
}
