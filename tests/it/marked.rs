//! Workbooks that come back marked, looked at by openpyxl, and corrected with it: the answer to an answer.

use std::path::{Path, PathBuf};
use std::process::Command;

use dure::model::finding::Language;
use dure::model::id::InterchangeId;
use dure::pipeline::worker;
use dure::store::interchanges;
use serde_json::{Value, json};

use crate::mail_in::{PROVED, Setting, mail};

/// The python with openpyxl in it, from `DURE_TEST_OPENPYXL` or from the script that installs it.
fn python() -> PathBuf {
    static PYTHON: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    let find = || match std::env::var("DURE_TEST_OPENPYXL") {
        Ok(path) if !path.is_empty() => path.into(),
        _ => {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/openpyxl.sh");
            let out = Command::new(script).arg("start").output().unwrap();
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            String::from_utf8(out.stdout).unwrap().trim().into()
        }
    };
    PYTHON.get_or_init(find).clone()
}

fn run(arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/workbook.py");
    let out = Command::new(python()).arg(script).args(arguments).env("PYTHONUTF8", "1").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// What openpyxl sees in a workbook, a line a cell: `sheet cell colour comment`.
    fn seen(&self, bytes: &[u8]) -> Vec<String> {
        std::fs::write(self.path("seen.xlsx"), bytes).unwrap();
        let lines = run(&[&self.path("seen.xlsx")]);
        let line = |line: &str| {
            let cell: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| cell[name].as_str().unwrap_or("-").to_owned();
            format!("{} {} {} {}", text("sheet"), text("cell"), text("colour"), text("comment"))
        };
        lines.lines().map(line).collect()
    }

    fn corrected(&self, bytes: &[u8], changes: &[&str]) -> Vec<u8> {
        std::fs::write(self.path("in.xlsx"), bytes).unwrap();
        let (from, to) = (self.path("in.xlsx"), self.path("out.xlsx"));
        run(&[&[from.as_str(), to.as_str()], changes].concat());
        std::fs::read(to).unwrap()
    }
}

fn new_workbook() -> (Folder, Vec<u8>) {
    let folder = Folder(tempfile::tempdir().unwrap());
    run(&["--new", &folder.path("new.xlsx")]);
    let bytes = std::fs::read(folder.path("new.xlsx")).unwrap();
    (folder, bytes)
}

async fn setting() -> Setting {
    let setting = Setting::new(&["server:mx.hub.example"]).await;
    let agreement = json!({"type": "Agreement", "id": "buyer-in-Order", "party": "buyer", "direction": "in",
        "document_type": "Order", "format": "xlsx", "mail_proof": ["server:mx.hub.example"]});
    setting.harness.accepted(setting.harness.org("centre"), agreement).await;
    setting
}

#[test]
fn another_reader_sees_the_old_format_and_text_marked() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let bytes: &'static [u8] = include_bytes!("../../samples/sheets/orders.xls");
    let place = dure::model::finding::Place {
        sheet: Some("주문".to_owned()),
        cell: Some("F5".to_owned()),
        ..Default::default()
    };
    let finding = dure::model::finding::Finding::error(dure::model::finding::Code::UnknownItem, place).found("0100");
    let hint = dure::format::Hint::default();
    let limits = dure::format::Limits::default();
    let marked = dure::format::sheet::mark(bytes.into(), &hint, &limits, &[finding], Language::En).unwrap();
    let seen = folder.seen(&marked);
    assert!(seen.len() == 1 && seen[0].ends_with("F5 FFFFC6CF the item 0100 is not in the catalogue"), "{seen:?}");
}

#[tokio::test]
async fn a_workbook_comes_back_marked_and_the_corrected_one_is_its_revision() {
    let setting = setting().await;
    let (folder, book) = new_workbook();
    let taken = setting.take(&mail("buyer@sample.example", "m1@sample.example", PROVED, "발주.xlsx", &book)).await;
    setting.check(&taken, "decided", "rejected", "unknown-item").await;
    let answer = setting.answer().await;
    assert!(answer.text.contains("지적한 칸을 표시한 파일을 붙였습니다"), "{}", answer.text);
    let [(name, marked)] = answer.files.as_slice() else { panic!("{:?}", answer.files.len()) };
    assert_eq!(name, "발주.xlsx");
    assert_eq!(
        folder.seen(marked),
        [
            "발주 I1 FFFFEC9B 우리 메모은(는) sheet/1/Order(으)로 옮길 수 없습니다",
            "발주 B3 FFFFC6CF 재고를 보고 넣었음\n\n[dure]\nT-9 품목이 목록에 없습니다",
            "참고 A1 - 이것도 그대로",
        ]
    );

    // Corrected with the marks still in it, and wrong once more: only what is wrong now is marked.
    let wrong = folder.corrected(marked, &["B3=T-2", "B2=LM-99", "I1=비고"]);
    let reply = format!("{PROVED}In-Reply-To: <{}@hub.example>\r\n", answer.delivery);
    let taken = setting.take(&mail("buyer@sample.example", "m2@sample.example", &reply, "발주 (1).xlsx", &wrong)).await;
    setting.check(&taken, "decided", "rejected", "LM-99").await;
    let second = setting.answer().await;
    let [(_, marked)] = second.files.as_slice() else { panic!("{:?}", second.files.len()) };
    assert_eq!(
        folder.seen(marked),
        [
            "발주 B2 FFFFC6CF LM-99 품목이 목록에 없습니다",
            "발주 B3 FF00FF00 재고를 보고 넣었음",
            "참고 A1 - 이것도 그대로"
        ]
    );

    let right = folder.corrected(marked, &["B2=LM-40"]);
    let reply = format!("{PROVED}In-Reply-To: <{}@hub.example>\r\n", second.delivery);
    let third = setting.take(&mail("buyer@sample.example", "m3@sample.example", &reply, "발주.xlsx", &right)).await;
    setting.check(&third, "decided", "accepted", "").await;
    let (first, last) = (InterchangeId(taken.interchanges[0]), InterchangeId(third.interchanges[0]));
    let row = setting.only(&third).await;
    assert_eq!(row.revises_id, Some(first.0));
    let shown = setting.harness.hub.store.read(move |tx| interchanges::revised_by(tx, first.0)).await.unwrap();
    assert_eq!(shown.iter().map(|row| row.id).collect::<Vec<_>>(), [last.0]);
    let documents = setting.documents(last.0).await;
    assert_eq!(
        (documents[0].identity.as_str(), documents[0].same_as),
        ("revision", Some(setting.documents(first.0).await[0].id))
    );

    // What is in effect is not changed by an answer; the sender is told so.
    let third = setting.answer().await;
    assert!(third.files.is_empty() && third.text.contains("PO-77: 접수되었습니다"), "{}", third.text);
    let other = folder.corrected(&right, &["C2=9"]);
    let reply = format!("{PROVED}References: <m3@sample.example> <{}@hub.example>\r\n", third.delivery);
    let late = setting.take(&mail("buyer@sample.example", "m4@sample.example", &reply, "발주.xlsx", &other)).await;
    setting.check(&late, "held", "held", "in-effect").await;
    let told = setting.answer().await;
    assert!(told.text.contains("PO-77 번호는 이미 접수되어 효력이 있습니다"), "{}", told.text);
}

#[tokio::test]
async fn somebody_elses_thread_makes_no_revision() {
    let setting = setting().await;
    let (_folder, book) = new_workbook();
    setting.take(&mail("buyer@sample.example", "n1@sample.example", PROVED, "a.xlsx", &book)).await;
    let answer = setting.answer().await;
    let agreement = json!({"type": "Agreement", "id": "buyer-2-in-Order", "party": "buyer-2", "direction": "in",
        "document_type": "Order", "format": "xlsx", "mail_proof": ["server:mx.hub.example"]});
    setting.harness.accepted(setting.harness.org("centre"), agreement).await;
    let reply = format!("{PROVED}In-Reply-To: <{}@hub.example>\r\n", answer.delivery);
    let taken = setting.take(&mail("buyer-2@sample.example", "n2@sample.example", &reply, "a.xlsx", &book)).await;
    worker::run_once(&setting.harness.hub).await.unwrap();
    assert_eq!(setting.only(&taken).await.revises_id, None);
}
