//! The hub against Dovecot and Postfix: mailboxes over IMAP, LMTP, answers through a relay, and what breaks: servers down,
//! wires cut inside a mail, wrong passwords, the hub killed between fetch and commit.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test of its own process")]

mod servers;
mod setting;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_parser::MimeHeaders;
use serde_json::json;
use servers::{IMAP, LMTP_TO_HUB, PASSWORD, Proxy, SMTP, SUBMISSION, Wire, certificate, fresh, mails, post};
use setting::{Setting, TLS, channel, hand_in, mailbox, order_mail, orders, put_password, sent, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_by_mail_and_its_answer() {
    let (account, buyer) = (fresh("orders"), fresh("buyer"));
    let setting = Setting::new(&buyer, &mailbox("orders", &account, TLS, "done_folder = \"Done\"")).await;
    let running = setting.start().await;
    let hub = running.hub();
    channel(hub, "mailbox:orders", "up").await;
    // It is waiting now: the server tells of what comes.
    let mail = order_mail(&buyer, &format!("1@{buyer}"), "PO-1", 2);
    post(SMTP, &format!("{buyer}@test.example"), &format!("{account}@test.example"), &mail);
    until("the order", async || (orders(hub).await == ["PO-1"]).then_some(())).await;
    let answers = until("the answer", async || Some(mails(&buyer, "INBOX")).filter(|mails| !mails.is_empty())).await;
    let [answer] = answers.as_slice() else { panic!("{answers:?}") };
    for part in [
        "Return-Path: <>",
        "Auto-Submitted: auto-replied",
        &format!("In-Reply-To: <1@{buyer}>"),
        &format!("References: <1@{buyer}>"),
    ] {
        assert!(answer.contains(part), "{part}: {answer}");
    }
    let parsed = mail_parser::MessageParser::default().parse(answer.as_bytes()).unwrap();
    assert_eq!(parsed.subject(), Some("Re: 발주서 PO-1"));
    let text = parsed.body_text(0).unwrap();
    assert!(text.contains("[발주서.csv]") && text.contains("주문 PO-1: 접수되었습니다"), "{text}");
    assert!(text.contains("2줄, 합계 50,000 KRW"), "{text}");
    until("the mail was moved", async || {
        (mails(&account, "INBOX").is_empty() && mails(&account, "Done").len() == 1).then_some(())
    })
    .await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_go_out_as_pages_tables_and_messages() {
    let (buyer, maker) = (fresh("buyer"), fresh("maker"));
    let setting = Setting::new(&buyer, "").await;
    let running = setting.start().await;
    let hub = running.hub();
    let mut known = 0;
    for (format, ending, part) in [
        ("html", "html", "SKU-1<"),
        ("csv", "csv", "SKU-1"),
        ("edifact-d96a", "edi", "UNB+UNO"),
        ("ubl-2.1", "xml", "<Order "),
    ] {
        let agreement = json!({"type": "Agreement", "id": "maker-out", "party": "maker", "direction": "out",
            "document_type": "Order", "format": format, "address": format!("mailto:{maker}@test.example")});
        hand_in(hub, "centre", &agreement).await;
        let number = format!("PO-{format}");
        let order = json!({"type": "Order", "id": number, "buyer": {"id": "gln:8801234500012"},
            "seller": {"id": "gln:8801234500043"}, "lines": [{"id": "1", "quantity": {"value": "2", "unit": "EA"},
            "item": {"name": "item 1", "sellers_item_id": {"value": "SKU-1"}}}]});
        hand_in(hub, "buyer", &order).await;
        let all = until("the mail", async || Some(mails(&maker, "INBOX")).filter(|mails| mails.len() > known)).await;
        known = all.len();
        let parsed = mail_parser::MessageParser::default().parse(all.last().unwrap().as_bytes()).unwrap();
        assert_eq!(parsed.subject(), Some(format!("주문 {number}").as_str()));
        let attachment = parsed.attachments().next().unwrap();
        assert_eq!(attachment.attachment_name(), Some(format!("Order-{number}.{ending}").as_str()));
        let text = String::from_utf8_lossy(attachment.contents());
        assert!(text.contains(part) && text.contains(&number), "{format}: {text}");
    }
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postfix_hands_mails_over_by_lmtp() {
    let buyer = fresh("buyer");
    let listen = format!(
        "[mail_in]\nlisten = \"127.0.0.1:{LMTP_TO_HUB}\"\nprotocol = \"lmtp\"\nrecipients = [\"@hub.example\"]\n"
    );
    let setting = Setting::new(&buyer, &listen).await;
    // Postfix keeps the mail as long as nobody listens.
    let mail = order_mail(&buyer, &format!("2@{buyer}"), "PO-2", 1);
    post(SMTP, &format!("{buyer}@test.example"), "orders@hub.example", &mail);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let running = setting.start().await;
    let hub = running.hub();
    until("the order", async || (orders(hub).await == ["PO-2"]).then_some(())).await;
    let raw = until("the mail", async || {
        let centre = hub.directory().centre().unwrap().id;
        let all = hub.store.read(move |tx| dure::store::mails::list(tx, centre, None, i64::MAX, 10)).await.unwrap();
        all.into_iter().next()
    })
    .await;
    assert_eq!((raw.channel.as_str(), raw.recipients.as_str()), ("listener", "orders@hub.example"));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_mail_in_two_mailboxes_is_one_document() {
    let (one, two, buyer) = (fresh("orders"), fresh("sales"), fresh("buyer"));
    let plain = "protection = \"starttls\"";
    let both = format!("{}{}", mailbox("one", &one, TLS, ""), mailbox("two", &two, IMAP, plain));
    let setting = Setting::new(&buyer, &both).await;
    let mail = order_mail(&buyer, &format!("3@{buyer}"), "PO-3", 1);
    for account in [&one, &two] {
        post(SMTP, &format!("{buyer}@test.example"), &format!("{account}@test.example"), &mail);
    }
    let running = setting.start().await;
    let hub = running.hub();
    for name in ["mailbox:one", "mailbox:two"] {
        channel(hub, name, "up").await;
    }
    until("the order", async || (orders(hub).await == ["PO-3"]).then_some(())).await;
    until("the answer", async || (mails(&buyer, "INBOX").len() == 1).then_some(())).await;
    let rows = hub
        .store
        .read(|tx| tx.query_one("SELECT COUNT(*) FROM interchange WHERE transport = 'mail'", dure::params![])?.int(0))
        .await;
    assert_eq!(rows.unwrap(), 1);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_before_us_stays_where_it_is() {
    let (account, buyer) = (fresh("orders"), fresh("buyer"));
    let setting = Setting::new(&buyer, &mailbox("orders", &account, TLS, "")).await;
    let send = |number: usize| {
        let mail = order_mail(&buyer, &format!("r{number}@{buyer}"), &format!("PO-R{number}"), 1);
        post(SMTP, &format!("{buyer}@test.example"), &format!("{account}@test.example"), &mail);
    };
    send(1);
    until("the mail", async || (mails(&account, "INBOX").len() == 1).then_some(())).await;
    servers::mark_seen(&account);
    send(2);
    until("the mail", async || (mails(&account, "INBOX").len() == 2).then_some(())).await;
    let running = setting.start().await;
    let hub = running.hub();
    until("the unread one", async || (orders(hub).await == ["PO-R2"]).then_some(())).await;
    send(3);
    until("the new one", async || (orders(hub).await == ["PO-R2", "PO-R3"]).then_some(())).await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_every_mail_is_one_document() {
    const MAILS: usize = 12;
    const KILLS: u64 = 8;
    let (account, buyer) = (fresh("orders"), fresh("buyer"));
    let setting = Setting::new(&buyer, &mailbox("orders", &account, TLS, "")).await;
    for number in 0..MAILS {
        let mail = order_mail(&buyer, &format!("k{number}@{buyer}"), &format!("PO-K{number:02}"), 20);
        post(SMTP, &format!("{buyer}@test.example"), &format!("{account}@test.example"), &mail);
    }
    until("the mails", async || (mails(&account, "INBOX").len() == MAILS).then_some(())).await;
    for kill in 0..KILLS {
        let mut child = setting.spawn();
        tokio::time::sleep(Duration::from_millis(150 + 61 * kill)).await;
        assert!(child.try_wait().unwrap().is_none(), "the hub ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let running = setting.start().await;
    let hub = running.hub();
    // What the killed ones were working on is free again in a minute or three; here at once.
    let free = |tx: &mut dure::store::Tx<'_>| {
        tx.run("UPDATE interchange SET due_ms = 0 WHERE due_ms IS NOT NULL", dure::params![])?;
        tx.run("UPDATE delivery SET due_ms = 0 WHERE due_ms IS NOT NULL", dure::params![])
    };
    hub.store.write(free).await.unwrap();
    let expected: Vec<String> = (0..MAILS).map(|number| format!("PO-K{number:02}")).collect();
    until("all orders", async || (orders(hub).await == expected).then_some(())).await;
    let rows = hub
        .store
        .read(|tx| {
            let count = |tx: &mut dure::store::Tx<'_>, sql: &'static str| tx.query_one(sql, dure::params![])?.int(0);
            Ok((
                count(tx, "SELECT COUNT(*) FROM mail")?,
                count(tx, "SELECT COUNT(*) FROM interchange WHERE transport = 'mail'")?,
            ))
        })
        .await;
    assert_eq!(rows.unwrap(), (MAILS as i64, MAILS as i64));
    // One that was sent when the hub was killed may come again, as the same mail.
    until("an answer each", async || {
        let answered = |mail: &String| Some(mail.split_once("In-Reply-To: <k")?.1.split('@').next()?.to_owned());
        let told: std::collections::BTreeSet<String> = mails(&buyer, "INBOX").iter().filter_map(answered).collect();
        (told.len() == MAILS).then_some(())
    })
    .await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_mailbox_is_told_once_and_nothing_is_lost() {
    let (account, buyer) = (fresh("orders"), fresh("buyer"));
    let proxy = Proxy::to(TLS);
    let setting = Setting::new(&buyer, &mailbox("orders", &account, proxy.address.port(), "")).await;
    let send = |number: usize, rows: usize| {
        let mail = order_mail(&buyer, &format!("b{number}@{buyer}"), &format!("PO-B{number}"), rows);
        post(SMTP, &format!("{buyer}@test.example"), &format!("{account}@test.example"), &mail);
    };
    let running = setting.start().await;
    let hub = running.hub();
    channel(hub, "mailbox:orders", "up").await;

    // The server is gone: down, once, however often it is tried.
    proxy.set(Wire::Dead);
    let down = channel(hub, "mailbox:orders", "down").await;
    assert!(down.cause.contains("TLS") || down.cause.contains("connect"), "{}", down.cause);
    let more = until("more tries", async || {
        Some(channel(hub, "mailbox:orders", "down").await).filter(|now| now.failures > down.failures + 1)
    })
    .await;
    assert_eq!(more.since_ms, down.since_ms, "it is not news again");
    assert!(hub.metrics_text().await.unwrap().contains("dure_channel_up{channel=\"mailbox:orders\"} 0"));
    send(1, 1);
    proxy.set(Wire::Whole);
    channel(hub, "mailbox:orders", "up").await;
    until("the order", async || (orders(hub).await == ["PO-B1"]).then_some(())).await;
    assert!(hub.metrics_text().await.unwrap().contains("dure_channel_up{channel=\"mailbox:orders\"} 1"));

    // Cut in the middle of a mail, again and again: down, and the mail comes whole in the end.
    proxy.set(Wire::CutAfter(60_000));
    send(2, 200);
    channel(hub, "mailbox:orders", "down").await;
    assert_eq!(orders(hub).await, ["PO-B1"]);
    proxy.set(Wire::Whole);
    until("the order", async || (orders(hub).await == ["PO-B1", "PO-B2"]).then_some(())).await;
    channel(hub, "mailbox:orders", "up").await;

    // A password that is refused is certain at once.
    put_password(hub, "orders", "wrong").await;
    proxy.set(Wire::Dead);
    channel(hub, "mailbox:orders", "down").await;
    proxy.set(Wire::Whole);
    until("the refusal", async || {
        Some(channel(hub, "mailbox:orders", "down").await).filter(|now| now.cause.contains("sign in as"))
    })
    .await;
    put_password(hub, "orders", PASSWORD).await;
    channel(hub, "mailbox:orders", "up").await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_relay_is_told_once_and_answers_go_out_when_it_is_back() {
    let (account, buyer) = (fresh("orders"), fresh("buyer"));
    let proxy = Proxy::to(SUBMISSION);
    proxy.set(Wire::Dead);
    let relay = format!(
        "[mail_out]\nrelay = \"localhost\"\nport = {}\nprotection = \"starttls\"\nuser = \"hub@test.example\"\npassword = \"{PASSWORD}\"\n\
         roots = \"{}\"\nfrom = \"hub@test.example\"\ntimeout_ms = 5000\n",
        proxy.address.port(),
        certificate().display()
    );
    let setting = Setting::new(&buyer, &format!("{relay}{}", mailbox("orders", &account, TLS, ""))).await;
    let mail = order_mail(&buyer, &format!("o1@{buyer}"), "PO-O1", 1);
    post(SMTP, &format!("{buyer}@test.example"), &format!("{account}@test.example"), &mail);
    let running = setting.start().await;
    let hub = running.hub();
    let down = channel(hub, "mail-out", "down").await;
    assert!(!down.cause.is_empty());
    let waiting = sent(hub).await.into_iter().find(|delivery| delivery.kind == "notice").unwrap();
    assert_eq!(waiting.state, "scheduled");
    assert!(mails(&buyer, "INBOX").is_empty());
    proxy.set(Wire::Whole);
    hub.resend(dure::model::id::DeliveryId(waiting.id), "test").await.unwrap();
    until("the answer", async || (mails(&buyer, "INBOX").len() == 1).then_some(())).await;
    channel(hub, "mail-out", "up").await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_comes_back_marked_and_its_correction_in_the_thread_is_taken() {
    let (account, buyer) = (fresh("orders"), fresh("buyer"));
    let setting = Setting::new(&buyer, &mailbox("orders", &account, TLS, "")).await;
    let running = setting.start().await;
    let hub = running.hub();
    channel(hub, "mailbox:orders", "up").await;
    let from = format!("{buyer}@test.example");
    let to = format!("{account}@test.example");
    let mail = order_mail(&buyer, &format!("1@{buyer}"), "PO-M1", 1);
    post(SMTP, &from, &to, &with_table(&mail, |table| table.replace("SKU-1", "SKU-9")));
    let answer = until("the answer", async || mails(&buyer, "INBOX").into_iter().next()).await;
    let parsed = mail_parser::MessageParser::default().parse(answer.as_bytes()).unwrap();
    assert!(parsed.body_text(0).unwrap().contains("SKU-9 품목이 목록에 없습니다"), "{answer}");
    let file = parsed.attachment(0).unwrap();
    assert_eq!(mail_parser::MimeHeaders::attachment_name(file), Some("발주서.xlsx"));
    assert!(file.contents().starts_with(b"PK\x03\x04"));
    assert!(file.contents().windows(16).any(|name| name == b"xl/comments1.xml"));
    // Corrected and sent as a reply, as mail programs do it.
    let reply = order_mail(&buyer, &format!("2@{buyer}"), "PO-M1", 1);
    let reply = format!("In-Reply-To: <{}>\r\n{reply}", parsed.message_id().unwrap());
    post(SMTP, &from, &to, &reply);
    until("the order", async || (orders(hub).await == ["PO-M1"]).then_some(())).await;
    let identity = hub.store.read(|tx| {
        tx.query_one(
            "SELECT identity FROM document WHERE number = 'PO-M1' AND disposition = 'accepted'",
            dure::params![],
        )?
        .text(0)
    });
    assert_eq!(identity.await.unwrap(), "revision");
    running.stop().await.unwrap();
}

/// A mail of `order_mail` with another table.
fn with_table(mail: &str, change: impl Fn(&str) -> String) -> String {
    let (head, rest) = mail.split_once("base64\r\n\r\n").unwrap();
    let (body, tail) = rest.split_once("\r\n--b--").unwrap();
    let table = String::from_utf8(STANDARD.decode(body.replace("\r\n", "")).unwrap()).unwrap();
    let body: Vec<String> = STANDARD
        .encode(change(&table))
        .as_bytes()
        .chunks(76)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    format!("{head}base64\r\n\r\n{}\r\n--b--{tail}", body.join("\r\n"))
}
