//! Folders: files that come and go while others write them, notes beside what was refused, deliveries that are written whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dure::model::id::DeliveryId;
use dure::model::role::Role;
use dure::pipeline::outbound::{Outbound, Outgoing, Sent};
use dure::store::{channels, documents, interchanges};
use dure::transport::folder::{self, FolderChannel, FolderOut, Settings};
use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::{Harness, catalogue, item, order};

struct Setting {
    harness: Harness,
    settings: Settings,
    folder: tempfile::TempDir,
}

impl Setting {
    /// A hub with catalogues and a folder of the buyer's.
    async fn new(marker: &str) -> Setting {
        let mut harness = Harness::new().await;
        for (maker, id, line) in [
            ("maker-a", "CAT-A", item("LM-40", "08801234500011", "레이저 거리계 LM-40", "540000")),
            ("maker-b", "CAT-B", item("T-2", "08801234500028", "교정용 타깃 T-2", "25000")),
        ] {
            harness.accepted(harness.org(maker), catalogue(id, line)).await;
        }
        harness.work();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        let settings = Settings {
            partner: "buyer".to_owned(),
            inward: folder.path().join("in"),
            outward: folder.path().join("out"),
            marker: marker.to_owned(),
            stable_s: 0,
            poll_s: 1,
            ..Settings::default()
        };
        Setting { harness, settings, folder }
    }

    fn read(&self) -> JoinSet<()> {
        let mut reading = JoinSet::new();
        reading.spawn(folder::run(Arc::clone(&self.harness.hub), "erp".to_owned(), self.settings.clone()));
        reading
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// The names in a folder without the ids in front, once there are as many.
    async fn names(&self, below: &str, count: usize) -> Vec<String> {
        for _ in 0..200 {
            let found = names(&self.path(below));
            if found.len() >= count {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{below} has {:?}, in has {:?}", names(&self.path(below)), names(&self.path("in")));
    }

    async fn taken(&self) -> Vec<(String, String)> {
        let centre_id = self.harness.org("centre");
        let read = move |tx: &mut dure::store::Tx<'_>| {
            let mut taken = Vec::new();
            for row in interchanges::list(tx, centre_id, None, i64::MAX, 100)? {
                if row.transport == "folder" {
                    let number =
                        documents::of_interchange(tx, row.id)?.first().map_or(String::new(), |one| one.number.clone());
                    taken.push((number, row.disposition.unwrap_or_default()));
                }
            }
            taken.sort();
            Ok(taken)
        };
        self.harness.hub.store.read(read).await.unwrap()
    }
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !["done", "error"].contains(&name.as_str()))
        .map(|name| match name.split_once('-') {
            Some((id, rest)) if id.starts_with("ix_") => rest.to_owned(),
            _ => name,
        })
        .collect();
    names.sort();
    names
}

fn wrong(number: &str) -> String {
    let mut wrong = order(number);
    wrong["lines"][1]["item"]["standard_item_id"]["value"] = json!("00000000000000");
    wrong.to_string()
}

#[tokio::test]
async fn files_are_taken_once_and_told_of() {
    let setting = Setting::new("").await;
    let put = |name: &str, text: &str| std::fs::write(setting.path("in").join(name), text).unwrap();
    put("주문 1.json", &order("PO-1").to_string());
    put("wrong.json", &wrong("PO-2"));
    put("empty.json", "");
    for name in ["later.json.part", ".hidden.json", "~lock.json", "x.TMP"] {
        put(name, "{");
    }
    std::os::unix::fs::symlink("/etc/hostname", setting.path("in/link.json")).unwrap();
    let reading = setting.read();
    assert_eq!(setting.names("in/done", 1).await, ["주문 1.json"]);
    let refused = setting.names("in/error", 4).await;
    assert!(
        refused.iter().any(|name| name == "wrong.json") && refused.iter().any(|name| name == "wrong.json.txt"),
        "{refused:?}"
    );
    assert_eq!(names(&setting.path("in")), [".hidden.json", "later.json.part", "link.json", "x.TMP", "~lock.json"]);
    assert_eq!(
        setting.taken().await,
        [("PO-1".to_owned(), "accepted".to_owned()), ("PO-2".to_owned(), "rejected".to_owned())]
    );
    let note = std::fs::read_dir(setting.path("in/error")).unwrap().map(|entry| entry.unwrap().path());
    let note = note.filter(|path| path.to_string_lossy().ends_with("wrong.json.txt")).map(std::fs::read_to_string);
    let note = note.last().unwrap().unwrap();
    assert!(
        note.contains("주문 PO-2: 접수되지 않았습니다") && note.contains("00000000000000 품목이 목록에 없습니다"),
        "{note}"
    );

    // As after a fall between keeping and moving: the same file again, read by a hub that knows nothing of it.
    drop(reading);
    put("주문 1.json", &order("PO-1").to_string());
    let reading = setting.read();
    while setting.path("in/주문 1.json").exists() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(setting.names("in/done", 1).await, ["주문 1.json"]);
    assert_eq!(setting.taken().await.len(), 2);
    // One that grows is left alone until it stands still.
    std::fs::rename(setting.path("in/later.json.part"), setting.path("in/later.json")).unwrap();
    put("later.json", &order("PO-3").to_string());
    setting.names("in/done", 2).await;
    assert_eq!(setting.taken().await.len(), 3);
    drop(reading);
}

#[tokio::test]
async fn a_marker_says_that_a_file_is_complete() {
    let setting = Setting::new(".ok").await;
    let put = |name: &str, text: &str| std::fs::write(setting.path("in").join(name), text).unwrap();
    put("a.json", &order("PO-1").to_string());
    put("b.json", &order("PO-2").to_string());
    put("b.json.ok", "");
    let reading = setting.read();
    assert_eq!(setting.names("in/done", 1).await, ["b.json"]);
    assert_eq!(names(&setting.path("in")), ["a.json"]);
    put("a.json.ok", "");
    assert_eq!(setting.names("in/done", 2).await, ["a.json", "b.json"]);
    assert_eq!(names(&setting.path("in")), Vec::<String>::new());
    drop(reading);
}

#[tokio::test]
async fn a_folder_that_is_gone_is_told_once_and_not_made_anew() {
    let setting = Setting::new("").await;
    std::fs::rename(setting.path("in"), setting.path("away")).unwrap();
    let reading = setting.read();
    let channel = async |state: &str| {
        for _ in 0..200 {
            let found = setting.harness.hub.store.read(|tx| channels::get(tx, "folder:erp")).await.unwrap();
            if let Some(found) = found.filter(|found| found.state == state) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never {state}");
    };
    let down = channel("down").await;
    assert!(down.cause.contains("looking into") && down.cause.contains("No such file"), "{}", down.cause);
    assert!(!setting.path("in").exists());
    std::fs::write(setting.path("away/a.json"), order("PO-1").to_string()).unwrap();
    std::fs::rename(setting.path("away"), setting.path("in")).unwrap();
    channel("up").await;
    assert_eq!(setting.names("in/done", 1).await, ["a.json"]);
    drop(reading);
}

#[tokio::test]
async fn the_page_of_the_channels_says_how_each_is_and_tries_it() {
    let setting = Setting::new("").await;
    let harness = &setting.harness;
    harness.hub.set_channels(vec![Box::new(FolderChannel::new("erp", &setting.settings))]);
    let operator = harness.person("operator", Role::Operator, "centre", "en").await;
    let words = async || operator.get(harness, "/channels").await.text();
    let before = words().await;
    assert!(before.contains("folder:erp") && before.contains("Not tried yet") && before.contains("buyer"), "{before}");
    let test = async || operator.post(harness, "/channels/folder:erp/test", &[]).await.header("location").to_owned();
    // There is no out yet.
    assert_eq!(test().await, "/channels?said=channel-fails");
    let down = words().await;
    assert!(down.contains("Down") && down.contains("No such file"), "{down}");
    std::fs::create_dir(setting.path("out")).unwrap();
    assert_eq!(test().await, "/channels?said=channel-works");
    assert!(words().await.contains("Works"), "{}", words().await);
    assert!(names(&setting.path("out")).is_empty() && names(&setting.path("in")).is_empty());
    assert_eq!(operator.post(harness, "/channels/mailbox:x/test", &[]).await.status, 404);
    let buyer = harness.person("kim", Role::Buyer, "buyer", "en").await;
    assert_eq!(buyer.get(harness, "/channels").await.status, 404);
    assert_eq!(buyer.post(harness, "/channels/folder:erp/test", &[]).await.status, 404);
}

fn outgoing(partner: &str, address: &str) -> Outgoing {
    Outgoing {
        delivery: DeliveryId(7),
        interchange: None,
        document: None,
        partner: partner.to_owned(),
        address: address.to_owned(),
        content_type: "application/xml".to_owned(),
        file_name: "Order-PO/1.xml".to_owned(),
        subject: String::new(),
        thread: Vec::new(),
        automatic_answer: false,
        attachments: Vec::new(),
        body: Bytes::from_static(b"<Order/>"),
        signing_secret: None,
        credential: None,
    }
}

#[tokio::test]
async fn deliveries_are_written_whole_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let outward = folder.path().join("out");
    let settings = Settings { partner: "maker-a".to_owned(), outward: outward.clone(), ..Settings::default() };
    let out = FolderOut::new(BTreeMap::from([("erp".to_owned(), settings)]));
    let told = async |partner: &str, address: &str| match out.send(&outgoing(partner, address)).await {
        Sent::Delivered { receipt, .. } => receipt,
        Sent::Unreachable { reason } => format!("unreachable: {reason}"),
        Sent::Dead { reason } | Sent::Rejected { reason, .. } => format!("dead: {reason}"),
        Sent::Temporary { reason, .. } => format!("temporary: {reason}"),
    };
    let missing = told("maker-a", "folder:erp").await;
    assert!(missing.starts_with("unreachable: writing into") && missing.contains("No such file"), "{missing}");
    assert!(told("maker-b", "folder:erp").await.starts_with("dead: folder.erp is not the folder of maker-b"));
    assert!(told("maker-a", "folder:other").await.starts_with("dead: the configuration has no folder.other"));
    std::fs::create_dir(&outward).unwrap();
    for _ in 0..2 {
        let receipt = told("maker-a", "folder:erp").await;
        let name = receipt.strip_prefix("wrote ").unwrap();
        assert!(name.ends_with(".xml") && name.contains("dlv_"), "{name}");
        assert_eq!(names(&outward), [name]);
        assert_eq!(std::fs::read(outward.join(name)).unwrap(), b"<Order/>");
    }
}
