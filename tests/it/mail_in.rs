//! Mail in: the listener over real connections, what proves a sender, drafts and their release, unknown senders, repeats,
//! and the answers.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use dure::model::id::InterchangeId;
use dure::pipeline::mail::TakenMail;
use dure::pipeline::worker;
use dure::store::interchanges::{self, Interchange};
use dure::store::mails;
use dure::transport::mail::intake::{Intake, Protocol, Settings};
use dure::transport::mail::listener;
use dure::transport::smtp::Envelope;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

#[cfg(feature = "peers")]
use crate::harness::SentMail;
use crate::harness::{Harness, catalogue, item, order};

/// A mail with one attachment.
pub(crate) fn mail(from: &str, message_id: &str, head: &str, file: &str, body: impl AsRef<[u8]>) -> String {
    let body = STANDARD.encode(body);
    format!(
        "From: {from}\r\nTo: orders@hub.example\r\nSubject: =?EUC-KR?B?ud/B1ryt?=\r\nMessage-ID: <{message_id}>\r\n{head}\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n안녕하세요\r\n\
         --b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"{file}\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{body}\r\n--b--\r\n"
    )
}

/// The head that a mail server of ours would put on top.
pub(crate) const PROVED: &str = "Authentication-Results: mx.hub.example; dmarc=pass header.from=sample.example\r\n";

pub(crate) struct Setting {
    pub(crate) harness: Harness,
    intake: Intake,
}

impl Setting {
    /// A hub with catalogues, where `proofs` prove that a mail is the buyer's.
    pub(crate) async fn new(proofs: &[&str]) -> Setting {
        let harness = Harness::new().await;
        for (maker, id, line) in [
            ("maker-a", "CAT-A", item("LM-40", "08801234500011", "레이저 거리계 LM-40", "540000")),
            ("maker-b", "CAT-B", item("T-2", "08801234500028", "교정용 타깃 T-2", "25000")),
        ] {
            harness.accepted(harness.org(maker), catalogue(id, line)).await;
        }
        let intake = Intake::new(&harness.hub, &offline()).unwrap();
        let setting = Setting { harness, intake };
        setting.agree(proofs).await;
        setting
    }

    async fn agree(&self, proofs: &[&str]) {
        let agreement = json!({"type": "Agreement", "id": "buyer-in-Order", "party": "buyer", "direction": "in",
            "document_type": "Order", "format": "dure-json", "mail_proof": proofs});
        self.harness.accepted(self.harness.org("centre"), agreement).await;
    }

    pub(crate) async fn take(&self, raw: &str) -> TakenMail {
        let taken =
            self.intake.take("listener", Envelope::default(), false, Bytes::from(raw.to_owned())).await.unwrap();
        worker::run_once(&self.harness.hub).await.unwrap();
        taken
    }

    pub(crate) async fn only(&self, taken: &TakenMail) -> Interchange {
        assert_eq!(taken.interchanges.len(), 1);
        let id = taken.interchanges[0];
        self.harness.hub.store.read(move |tx| interchanges::get(tx, id)).await.unwrap().unwrap()
    }

    pub(crate) async fn check(&self, taken: &TakenMail, state: &str, disposition: &str, word: &str) {
        let id = self.only(taken).await.id;
        let (found_state, found, findings) = self.harness.state(id).await;
        assert_eq!((found_state.as_str(), found.as_str()), (state, disposition), "{findings}");
        assert!(findings.contains(word), "{findings}");
    }

    /// The one answer to the buyer since the last look.
    #[cfg(feature = "peers")]
    pub(crate) async fn answer(&self) -> SentMail {
        let mut answers = self.harness.sent_mails().await;
        answers.retain(|answer| answer.to == "mailto:buyer@sample.example");
        assert_eq!(answers.len(), 1, "{:?}", answers.iter().map(|answer| &answer.text).collect::<Vec<_>>());
        answers.remove(0)
    }

    /// The documents of an interchange.
    #[cfg(feature = "peers")]
    pub(crate) async fn documents(&self, id: i64) -> Vec<dure::store::documents::Document> {
        self.harness.hub.store.read(move |tx| dure::store::documents::of_interchange(tx, id)).await.unwrap()
    }

    /// Mails that were sent since the last look: to whom and the text.
    async fn mails(&self) -> Vec<(String, String)> {
        let sent = self.harness.sent().await.into_iter().filter(|(to, _)| to.starts_with("mailto:"));
        sent.map(|(to, body)| (to, body.as_str().unwrap_or_default().to_owned())).collect()
    }
}

/// Asks nobody for keys.
fn offline() -> Settings {
    Settings { name_server: Some(SocketAddr::from(([127, 0, 0, 1], 9))), ..Settings::default() }
}

fn order_mail(message_id: &str, head: &str, number: &str) -> String {
    mail("Buyer <buyer@sample.example>", message_id, head, "order.json", order(number).to_string())
}

#[tokio::test]
async fn a_proved_mail_is_an_order_and_is_answered() {
    let setting = Setting::new(&["server:mx.hub.example"]).await;
    let taken = setting.take(&order_mail("1@sample.example", PROVED, "PO-1")).await;
    setting.check(&taken, "decided", "accepted", "").await;
    let row = setting.only(&taken).await;
    assert_eq!((row.transport.as_str(), row.file_name.as_str()), ("mail", "order.json"));
    assert_eq!(row.organisation_id, setting.harness.org("buyer"));
    let mails = setting.mails().await;
    let [(to, text)] = mails.as_slice() else { panic!("{mails:?}") };
    assert_eq!(to, "mailto:buyer@sample.example");
    assert!(text.contains("주문 PO-1: 접수되었습니다") && text.contains("2줄, 합계 4,820,000 KRW"), "{text}");
    assert!(text.contains("http://127.0.0.1:7373/documents/doc_"), "{text}");
}

#[tokio::test]
async fn findings_are_told_in_a_clerks_words_and_the_corrected_one_is_taken() {
    let setting = Setting::new(&["server:mx.hub.example"]).await;
    let mut wrong = order("PO-2");
    wrong["lines"][1]["item"]["standard_item_id"]["value"] = json!("00000000000000");
    let raw = mail("buyer@sample.example", "2@sample.example", PROVED, "order.json", wrong.to_string());
    let taken = setting.take(&raw).await;
    setting.check(&taken, "decided", "rejected", "unknown-item").await;
    let (_, text) = setting.mails().await.remove(0);
    assert!(
        text.contains("주문 PO-2: 접수되지 않았습니다") && text.contains("00000000000000 품목이 목록에 없습니다"),
        "{text}"
    );
    assert!(text.contains("답장으로"), "{text}");
    let taken = setting.take(&order_mail("3@sample.example", PROVED, "PO-2")).await;
    setting.check(&taken, "decided", "accepted", "").await;
}

#[tokio::test]
async fn an_unproved_mail_waits_for_its_link() {
    let setting = Setting::new(&[]).await;
    let taken = setting.take(&order_mail("4@sample.example", "", "PO-3")).await;
    setting.check(&taken, "held", "held", "sender-unproven").await;
    // Seen again by anybody it stays a draft.
    let id = InterchangeId(taken.interchanges[0]);
    setting.harness.hub.replay(id, true, "test").await.unwrap();
    worker::run_once(&setting.harness.hub).await.unwrap();
    setting.check(&taken, "held", "held", "sender-unproven").await;
    let mails = setting.mails().await;
    let [(to, text)] = mails.as_slice() else { panic!("one link is sent, once: {mails:?}") };
    assert_eq!(to, "mailto:buyer@sample.example");
    assert!(!text.contains("발주서"), "nothing of the mail is repeated: {text}");
    let link = text.split_whitespace().find_map(|word| word.strip_prefix("http://127.0.0.1:7373")).unwrap();
    let shown = setting.harness.call("GET", link, &[], "").await;
    assert!(shown.status.is_success() && shown.text().contains("<form"), "{}", shown.text());
    setting.check(&taken, "held", "held", "sender-unproven").await;
    assert_eq!(setting.harness.call("POST", "/mail/wrong", &[], "").await.status.as_u16(), 404);
    let done = setting.harness.call("POST", link, &[], "").await;
    assert!(done.status.is_success() && !done.text().contains("<form"), "{}", done.text());
    worker::run_once(&setting.harness.hub).await.unwrap();
    setting.check(&taken, "decided", "accepted", "").await;
    let mails = setting.mails().await;
    assert!(mails.len() == 1 && mails[0].1.contains("주문 PO-3: 접수되었습니다"), "{mails:?}");
}

#[tokio::test]
async fn what_is_not_agreed_proves_nothing() {
    let setting = Setting::new(&["dkim"]).await;
    let forged = "Authentication-Results: mx.hub.example; dkim=pass header.d=sample.example\r\n";
    let taken = setting.take(&order_mail("5@sample.example", forged, "PO-4")).await;
    setting.check(&taken, "held", "held", "sender-unproven").await;
    assert_eq!(setting.mails().await, [], "no link is agreed, so none is sent");
    assert!(setting.harness.hub.release_mail(taken.id, "operator").await.unwrap());
    worker::run_once(&setting.harness.hub).await.unwrap();
    setting.check(&taken, "decided", "accepted", "").await;
}

#[tokio::test]
async fn an_old_link_releases_nothing() {
    let setting = Setting::new(&["link"]).await;
    let taken = setting.take(&order_mail("6@sample.example", "", "PO-5")).await;
    let (_, text) = setting.mails().await.remove(0);
    let link = text.split_whitespace().find_map(|word| word.strip_prefix("http://127.0.0.1:7373")).unwrap();
    setting.harness.hub.clock.advance_ms(8 * 86_400_000);
    assert_eq!(setting.harness.call("POST", link, &[], "").await.status.as_u16(), 404);
    setting.check(&taken, "held", "held", "sender-unproven").await;
}

#[tokio::test]
async fn an_unknown_sender_is_held_and_adopted_by_giving_the_address_to_a_partner() {
    let setting = Setting::new(&["server:mx.hub.example"]).await;
    let proved = "Authentication-Results: mx.hub.example; dmarc=pass header.from=mail.sample.example\r\n";
    let from = "정 대리 <jung@mail.sample.example>";
    let taken = setting.take(&mail(from, "7@x.example", proved, "order.json", order("PO-6").to_string())).await;
    setting.check(&taken, "held", "held", "unknown-sender").await;
    assert_eq!(setting.only(&taken).await.organisation_id, setting.harness.org("centre"));
    assert!(!setting.harness.hub.release_mail(taken.id, "operator").await.unwrap(), "whose should it be?");
    assert_eq!(setting.mails().await, []);
    let party = |addresses: Value| {
        json!({"type": "Party", "id": "buyer", "name": "buyer", "roles": ["buyer"], "identifiers": ["gln:8801234500012"],
            "contact": {"electronic_mail": "buyer@sample.example"}, "mail_addresses": addresses})
    };
    setting.harness.accepted(setting.harness.org("centre"), party(json!(["@mail.sample.example"]))).await;
    worker::run_once(&setting.harness.hub).await.unwrap();
    setting.check(&taken, "decided", "accepted", "").await;
    assert_eq!(setting.only(&taken).await.organisation_id, setting.harness.org("buyer"));
    let mails = setting.mails().await;
    assert!(mails.len() == 1 && mails[0].0 == "mailto:jung@mail.sample.example", "{mails:?}");
    // The same address for somebody else is refused, and so is a whole country.
    let other = json!({"type": "Party", "id": "buyer-2", "name": "b", "roles": ["buyer"], "identifiers": ["gln:8801234500067"],
        "mail_addresses": ["buyer@sample.example", "@kr", "x"]});
    let id = setting.harness.hand_in(setting.harness.org("centre"), &other).await;
    let (_, disposition, findings) = setting.harness.state(id).await;
    assert_eq!(disposition, "rejected");
    assert_eq!(findings.matches("conflict").count() + findings.matches("bad-value").count(), 3, "{findings}");
}

#[tokio::test]
async fn the_same_mail_twice_is_one_document() {
    let setting = Setting::new(&["server:mx.hub.example"]).await;
    let first = setting.take(&order_mail("8@sample.example", PROVED, "PO-7")).await;
    let mut second = order_mail("8@sample.example", PROVED, "PO-7");
    second.insert_str(0, "Received: from elsewhere by here\r\nX-Mailbox: two\r\n");
    second = second.replacen(PROVED, "", 1);
    second.insert_str(0, PROVED);
    let again = setting.take(&second).await;
    assert!(again.repeat && again.id == first.id && again.interchanges.is_empty(), "{again:?}");
    assert_eq!(setting.mails().await.len(), 1);
    // The same file in another mail is another matter: a repeat of the document.
    let other = setting.take(&order_mail("9@sample.example", PROVED, "PO-7")).await;
    setting.check(&other, "decided", "duplicate", "repeat").await;
}

#[tokio::test]
async fn a_mail_that_was_kept_halfway_is_completed() {
    let setting = Setting::new(&["server:mx.hub.example"]).await;
    let hub = &setting.harness.hub;
    let two = |first: &str, second: &str| {
        format!(
            "From: buyer@sample.example\r\nMessage-ID: <10@sample.example>\r\n{PROVED}Content-Type: multipart/mixed; boundary=b\r\n\r\n\
             --b\r\nContent-Type: application/json; name=a.json\r\n\r\n{first}\r\n--b\r\nContent-Type: application/json; name=b.json\r\n\r\n\
             {second}\r\n--b--\r\n"
        )
    };
    let raw = two(&order("PO-8").to_string(), &order("PO-9").to_string());
    let taken = setting.intake.take("listener", Envelope::default(), false, Bytes::from(raw.clone())).await.unwrap();
    assert_eq!(taken.interchanges.len(), 2);
    // As if we had fallen before the second was kept.
    let lost = taken.interchanges[1];
    hub.store
        .write(move |tx| {
            tx.run("DELETE FROM payload WHERE interchange_id = ?1", dure::params![lost])?;
            tx.run("DELETE FROM interchange WHERE id = ?1", dure::params![lost])
        })
        .await
        .unwrap();
    worker::run_once(hub).await.unwrap();
    assert_eq!(setting.mails().await, [], "half a mail is not answered");
    let again = setting.take(&raw).await;
    assert!(again.repeat && again.id == taken.id && again.interchanges.len() == 1, "{again:?}");
    let mails = setting.mails().await;
    assert!(mails.len() == 1 && mails[0].1.contains("PO-8") && mails[0].1.contains("PO-9"), "{mails:?}");
}

#[tokio::test]
async fn machines_lists_and_bounces_are_not_answered() {
    let setting = Setting::new(&["server:mx.hub.example"]).await;
    for (number, head) in
        ["Auto-Submitted: auto-generated\r\n", "List-Id: <l.sample.example>\r\n", "Precedence: bulk\r\n"]
            .into_iter()
            .enumerate()
    {
        let raw =
            order_mail(&format!("a{number}@sample.example"), &format!("{PROVED}{head}"), &format!("PO-A{number}"));
        let taken = setting.take(&raw).await;
        setting.check(&taken, "decided", "accepted", "").await;
    }
    let raw = order_mail("a9@sample.example", PROVED, "PO-A9");
    setting.intake.take("listener", Envelope::default(), true, Bytes::from(raw)).await.unwrap();
    worker::run_once(&setting.harness.hub).await.unwrap();
    assert_eq!(setting.mails().await, []);
}

#[tokio::test]
async fn a_mail_without_a_document_is_kept_and_its_sender_told_once() {
    let setting = Setting::new(&["server:mx.hub.example"]).await;
    let pdf = mail("buyer@sample.example", "11@sample.example", PROVED, "order.pdf", "%PDF-1.7");
    let taken = setting.take(&pdf).await;
    assert!(taken.interchanges.is_empty());
    let mails = setting.mails().await;
    assert!(mails.len() == 1 && mails[0].1.contains("order.pdf: 읽을 수 있는 문서 형식이 아닙니다"), "{mails:?}");
    let thanks = format!(
        "From: buyer@sample.example\r\nMessage-ID: <12@sample.example>\r\nIn-Reply-To: <x@y>\r\n{PROVED}\r\nthanks\r\n"
    );
    setting.take(&thanks).await;
    setting.take(&mail("buyer@sample.example", "13@sample.example", "", "order.pdf", "%PDF-1.7")).await;
    assert_eq!(setting.mails().await, [], "neither a word in a thread nor an unproved mail is answered");
    let kept = setting.harness.hub.store.read(|tx| mails::list(tx, 0, None, i64::MAX, 100)).await.unwrap();
    assert!(kept.is_empty(), "of no centre");
    let centre = setting.harness.org("centre");
    let kept = setting.harness.hub.store.read(move |tx| mails::list(tx, centre, None, i64::MAX, 100)).await.unwrap();
    assert_eq!(kept.len(), 3);
    let id = taken.id;
    let bytes = setting.harness.hub.store.read(move |tx| mails::chunk(tx, id, 0)).await.unwrap().unwrap();
    assert_eq!(bytes, pdf.as_bytes(), "the mail is kept as it came");
}

/// A running listener: where it is, and what stops it.
async fn listening(setting: &Setting, settings: Settings) -> (SocketAddr, oneshot::Sender<()>) {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let intake = setting.intake.clone();
    let name = "hub.example".to_owned();
    #[allow(clippy::disallowed_methods, reason = "a test")]
    tokio::spawn(listener::run(tcp, settings, name, None, intake, async { drop(stopped.await) }));
    (address, stop)
}

/// Says lines, each after the answer to the one before; gives the answers.
async fn talk(address: SocketAddr, lines: &[&str]) -> Vec<String> {
    let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
    let mut answers = Vec::new();
    for line in std::iter::once(&"").chain(lines) {
        if !line.is_empty() {
            stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        }
        let mut answer = String::new();
        loop {
            let mut text = String::new();
            let read =
                tokio::time::timeout(Duration::from_secs(10), stream.read_line(&mut text)).await.unwrap().unwrap();
            answer.push_str(&text);
            if read == 0 || text.as_bytes().get(3) != Some(&b'-') {
                break;
            }
        }
        answers.push(answer);
    }
    answers
}

#[tokio::test]
async fn the_listener_says_250_when_it_is_on_disk() {
    let setting = Setting::new(&["server:mx.hub.example"]).await;
    let settings = Settings { recipients: vec!["orders@hub.example".to_owned()], mail_bytes: 100_000, ..offline() };
    let (address, _stop) = listening(&setting, settings).await;
    let body = format!("{}\r\n.", order_mail("20@sample.example", PROVED, "PO-20").trim_end());
    let answers = talk(
        address,
        &[
            "MAIL FROM:<a@x.example>",
            "EHLO me",
            "MAIL FROM:<a@x.example> SIZE=200000",
            "MAIL FROM:<a@x.example>",
            "RCPT TO:<elsewhere@x.example>",
            "DATA",
            "RCPT TO:<orders+a@hub.example>",
            "DATA",
            &body,
            "NOOP",
            "QUIT",
        ],
    )
    .await;
    let codes: Vec<&str> = answers.iter().map(|answer| answer.get(..3).unwrap()).collect();
    assert_eq!(
        codes,
        ["220", "503", "250", "552", "250", "550", "503", "250", "354", "250", "250", "221"],
        "{answers:?}"
    );
    assert!(answers[2].contains("SIZE 100000") && !answers[2].contains("STARTTLS"), "{}", answers[2]);
    assert!(answers[9].contains("kept"), "{}", answers[9]);
    let centre = setting.harness.org("centre");
    let kept = setting.harness.hub.store.read(move |tx| mails::list(tx, centre, None, i64::MAX, 10)).await.unwrap();
    assert_eq!((kept.len(), kept[0].documents, kept[0].return_path.as_str()), (1, 1, "a@x.example"));
    assert_eq!((kept[0].subject.as_str(), kept[0].channel.as_str()), ("발주서", "listener"));
    let large = format!("{}\r\n.", "x".repeat(150_000));
    let answers =
        talk(address, &["EHLO me", "MAIL FROM:<>", "RCPT TO:<orders@hub.example>", "DATA", &large, "NOOP"]).await;
    assert!(answers[5].starts_with("552"), "{answers:?}");
    assert!(answers[6].starts_with("250"), "{answers:?}");
}

#[tokio::test]
async fn lmtp_answers_for_every_recipient() {
    let setting = Setting::new(&["server:mx.hub.example"]).await;
    let settings = Settings { recipients: vec!["@hub.example".to_owned()], protocol: Protocol::Lmtp, ..offline() };
    let (address, _stop) = listening(&setting, settings).await;
    let body = format!("{}\r\n.", order_mail("21@sample.example", PROVED, "PO-21").trim_end());
    let lines =
        ["EHLO me", "LHLO me", "MAIL FROM:<>", "RCPT TO:<a@hub.example>", "RCPT TO:<b@hub.example>", "DATA", &body];
    let answers = talk(address, &[&lines[..], &["NOOP"]].concat()).await;
    assert!(answers[1].starts_with("502"), "{answers:?}");
    // Two lines, the second of which is read as the answer to NOOP.
    assert!(answers[7].starts_with("250 2.0.0 kept") && answers[8].starts_with("250 2.0.0 kept"), "{answers:?}");
}

#[tokio::test]
async fn an_order_in_a_workbook_is_accepted_and_answered_and_goes_on_as_workbooks() {
    let setting = Setting::new(&["server:mx.hub.example"]).await;
    let centre = setting.harness.org("centre");
    for agreement in [
        json!({"type": "Agreement", "id": "buyer-in-Order", "party": "buyer", "direction": "in", "document_type": "Order",
            "format": "xlsx", "mail_proof": ["server:mx.hub.example"]}),
        json!({"type": "Agreement", "id": "maker-a-out-Order", "party": "maker-a", "direction": "out", "document_type": "Order",
            "format": "xlsx", "address": "mailto:orders@maker-a.example"}),
    ] {
        setting.harness.accepted(centre, agreement).await;
    }
    let settings = Settings { recipients: vec!["@hub.example".to_owned()], protocol: Protocol::Lmtp, ..offline() };
    let (address, _stop) = listening(&setting, settings).await;
    let workbook = include_bytes!("../../samples/sheets/order.xlsx");
    let mut body = mail("buyer@sample.example", "30@sample.example", PROVED, "order.xlsx", workbook);
    body.truncate(body.trim_end().len());
    body.push_str("\r\n.");
    let lines = ["LHLO me", "MAIL FROM:<buyer@sample.example>", "RCPT TO:<orders@hub.example>", "DATA", &body];
    let answers = talk(address, &lines).await;
    assert!(answers.last().unwrap().starts_with("250 2.0.0 kept"), "{answers:?}");
    worker::run_once(&setting.harness.hub).await.unwrap();
    let mails = setting.mails().await;
    let text = mails.iter().find(|(to, _)| to == "mailto:buyer@sample.example").map(|(_, text)| text.as_str());
    let text = text.unwrap_or_else(|| panic!("{mails:?}"));
    assert!(text.contains("[order.xlsx]") && text.contains("주문 PO-2026-1130: "), "{text}");
    assert!(text.contains("접수되었습니다") && text.contains("2줄, 합계 4,820,000 KRW"), "{text}");
    assert!(text.contains("시트 발주서, 칸 S5"), "{text}");
    let forwarded = mails.iter().find(|(to, _)| to == "mailto:orders@maker-a.example");
    assert!(forwarded.is_some_and(|(_, body)| body.starts_with("PK\u{3}\u{4}")), "{mails:?}");
}

#[tokio::test]
async fn what_is_wrong_in_a_workbook_is_told_by_its_cell() {
    let setting = Setting::new(&["server:mx.hub.example"]).await;
    let broken = &include_bytes!("../../samples/sheets/order.xlsx")[..3000];
    let taken = setting.take(&mail("buyer@sample.example", "31@sample.example", PROVED, "order.xlsx", broken)).await;
    setting.check(&taken, "decided", "rejected", "damaged").await;
    let (_, text) = setting.mails().await.remove(0);
    assert!(text.contains("통합 문서가 손상되었습니다"), "{text}");
}

#[tokio::test]
async fn a_large_price_list_in_a_workbook_comes_row_by_row() {
    let harness = Harness::new().await;
    let mut table = "catalogue_id,item_id,name,description,price,currency,unit\n".to_owned();
    for number in 0..9_000u32 {
        // What differs from row to row does not pack well.
        let mark = number.wrapping_mul(2_654_435_761);
        table
            .push_str(&format!("CAT-L,B-{mark:08x},육각 볼트 {mark:x},{:x},{number}.50,KRW,EA\n", mark.rotate_left(9)));
    }
    let hint = dure::format::Hint::default();
    let workbook = dure::pipeline::check::convert_bytes(table.into(), &hint, "xlsx", 0).unwrap().unwrap().bytes;
    assert!(workbook.len() > 256 << 10, "{}", workbook.len());
    let answer = harness.call_as("maker-a", "application/octet-stream", workbook).await;
    assert_eq!(answer.status.as_u16(), 202, "{}", answer.text());
    worker::run_once(&harness.hub).await.unwrap();
    let id = answer.json()["interchange"].as_str().unwrap().parse::<InterchangeId>().unwrap();
    let (state, disposition, findings) = harness.state(id.0).await;
    assert_eq!((state.as_str(), disposition.as_str()), ("decided", "accepted"), "{findings}");
}
