//! Mail out against the mailbox of `dure simulate`, over real connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dure::clock::Clock;
use dure::command::simulate::mailbox::{Mail, Mailbox, Tls};
use dure::model::id::DeliveryId;
use dure::model::secret::Secret;
use dure::pipeline::outbound::{Outbound, Outgoing, Sent};
use dure::transport::mail_client::{MailClient, Protection, Settings};
use dure::transport::trust;

const NOW_MS: i64 = 1_767_225_600_000;

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn mailbox(tls: Tls) -> Mailbox {
    Mailbox::start(any_port(), Some(any_port()), tls, Clock::fixed(NOW_MS)).await.unwrap()
}

fn settings(mailbox: &Mailbox, protection: Protection) -> Settings {
    Settings {
        relay: "localhost".to_owned(),
        port: mailbox.smtp.port(),
        protection,
        from: "두레 <hub@dure.example>".to_owned(),
        ..Settings::default()
    }
}

fn outgoing(address: &str) -> Outgoing {
    Outgoing {
        partner: String::new(),
        delivery: DeliveryId(7),
        interchange: None,
        document: None,
        address: address.to_owned(),
        content_type: "text/plain; charset=utf-8".to_owned(),
        file_name: String::new(),
        subject: "주문이 왔습니다".to_owned(),
        thread: Vec::new(),
        automatic_answer: false,
        attachments: Vec::new(),
        body: Bytes::from("안녕하세요.\n주문 4711\n.점으로 시작\n".to_owned()),
        signing_secret: None,
        credential: None,
    }
}

async fn send(settings: &Settings, out: &Outgoing) -> Sent {
    MailClient::new(settings, Clock::fixed(NOW_MS)).unwrap().send(out).await
}

async fn only_mail(mailbox: &Mailbox) -> Arc<Mail> {
    let mails = mailbox.wait_for(1, Duration::from_secs(10)).await;
    assert_eq!(mails.len(), 1);
    mails[0].clone()
}

#[tokio::test]
async fn a_notice_is_text() {
    let mailbox = mailbox(Tls::None).await;
    let sent = send(&settings(&mailbox, Protection::None), &outgoing("mailto:lee@seller.example,kim@x.example")).await;
    assert!(
        matches!(&sent, Sent::Delivered { receipt, answer: None } if receipt == "SMTP 250 2.0.0 kept as 1"),
        "{sent:?}"
    );
    let mail = only_mail(&mailbox).await;
    assert_eq!(mail.from, "hub@dure.example");
    assert_eq!(mail.to, ["lee@seller.example", "kim@x.example"]);
    assert_eq!(mail.subject(), "주문이 왔습니다");
    assert_eq!(mail.text().replace("\r\n", "\n").trim_end(), "안녕하세요.\n주문 4711\n.점으로 시작");
    assert_eq!(mail.header("Message-ID"), format!("<{}@dure.example>", DeliveryId(7)));
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert_eq!(mail.header("Date"), "Thu, 01 Jan 2026 00:00:00 +0000");
    assert!(mail.header("From").contains("=?utf-8?") && mail.header("From").contains("<hub@dure.example>"));
    assert_eq!(mail.attachments(), []);
}

#[tokio::test]
async fn a_document_is_an_attachment_byte_for_byte() {
    let mailbox = mailbox(Tls::None).await;
    let mut out = outgoing("mailto:lee@seller.example");
    out.content_type = "application/xml".to_owned();
    out.file_name = "주문 \"4711\".xml".to_owned();
    out.body = Bytes::from_static(b"<Order>\n.\n\xEC\x9D\xB4\r\n\0\xFF</Order>");
    send(&settings(&mailbox, Protection::None), &out).await;
    let mail = only_mail(&mailbox).await;
    let files = mail.attachments();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].body, out.body);
    assert_eq!((files[0].name.as_str(), files[0].content_type.as_str()), (out.file_name.as_str(), "application/xml"));
    assert!(mail.text().contains("Attached document"), "{}", mail.text());
}

#[tokio::test]
async fn every_attempt_is_the_same_mail() {
    let mailbox = mailbox(Tls::None).await;
    for _ in 0..2 {
        send(&settings(&mailbox, Protection::None), &outgoing("mailto:lee@seller.example")).await;
    }
    let mails = mailbox.wait_for(2, Duration::from_secs(10)).await;
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    assert_eq!(mails.len(), 2);
}

#[tokio::test]
async fn headers_cannot_be_smuggled_in() {
    let mailbox = mailbox(Tls::None).await;
    let mut out = outgoing("mailto:lee@seller.example");
    out.subject = "a\r\nBcc: eve@x.example\r\n\r\nbody".to_owned();
    out.file_name = "a\"\r\nX-Evil: 1.xml".to_owned();
    out.content_type = "application/xml".to_owned();
    send(&settings(&mailbox, Protection::None), &out).await;
    let mail = only_mail(&mailbox).await;
    let raw = String::from_utf8_lossy(&mail.raw).into_owned();
    assert!(!raw.lines().any(|line| line.starts_with("Bcc:") || line.starts_with("X-Evil:")), "{raw}");
    assert_eq!(mail.to, ["lee@seller.example"]);
}

#[tokio::test]
async fn refusals() {
    let mailbox = mailbox(Tls::None).await;
    let plain = settings(&mailbox, Protection::None);
    let sent = send(&plain, &outgoing("mailto:full@seller.example")).await;
    assert!(matches!(&sent, Sent::Temporary { reason, .. } if reason.contains("452")), "{sent:?}");
    let sent = send(&plain, &outgoing("mailto:nobody@seller.example")).await;
    assert!(matches!(&sent, Sent::Dead { reason } if reason.contains("550")), "{sent:?}");
    let sent = send(&Settings::default(), &outgoing("mailto:lee@seller.example")).await;
    assert!(matches!(&sent, Sent::Temporary { reason, .. } if reason.contains("mail_out.relay")), "{sent:?}");
    let mut out = outgoing("mailto:lee@seller.example");
    out.content_type = "text".to_owned();
    assert!(matches!(send(&plain, &out).await, Sent::Dead { .. }));
    assert_eq!(mailbox.mails().len(), 0);
    let gone = mailbox.smtp;
    drop(mailbox);
    let none = Settings { relay: gone.ip().to_string(), port: gone.port(), ..plain };
    let sent = send(&none, &outgoing("mailto:lee@seller.example")).await;
    assert!(matches!(&sent, Sent::Unreachable { .. }), "{sent:?}");
}

/// A server configuration for `localhost`, and the file that makes it trusted.
fn certificate() -> (Arc<rustls::ServerConfig>, tempfile::TempDir) {
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("roots.pem"), signed.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(trust::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    (Arc::new(config), folder)
}

#[tokio::test]
async fn protected_and_signed_in() {
    let (config, folder) = certificate();
    let cases = [(Tls::Starttls(config.clone()), Protection::Starttls), (Tls::Implicit(config), Protection::Implicit)];
    for (tls, protection) in cases {
        let mailbox = mailbox(tls).await;
        let roots = folder.path().join("roots.pem");
        let mut trusting = Settings { roots, user: "hub".to_owned(), ..settings(&mailbox, protection) };
        trusting.password = Secret::new("pass");
        let sent = send(&trusting, &outgoing("mailto:lee@seller.example")).await;
        assert!(matches!(&sent, Sent::Delivered { .. }), "{sent:?}");
        assert_eq!(only_mail(&mailbox).await.user, "hub");
        // That the relay does not know us is our trouble, not the mail's.
        trusting.user = "locked".to_owned();
        let sent = send(&trusting, &outgoing("mailto:lee@seller.example")).await;
        assert!(matches!(&sent, Sent::Unreachable { reason } if reason.contains("535")), "{sent:?}");
        let sent = send(&settings(&mailbox, protection), &outgoing("mailto:lee@seller.example")).await;
        assert!(matches!(&sent, Sent::Unreachable { reason } if reason.contains("certificate")), "{sent:?}");
        assert_eq!(mailbox.mails().len(), 1);
    }
}

#[tokio::test]
async fn nothing_is_said_to_a_relay_without_tls() {
    let mailbox = mailbox(Tls::None).await;
    let sent = send(&settings(&mailbox, Protection::Starttls), &outgoing("mailto:lee@seller.example")).await;
    assert!(matches!(&sent, Sent::Unreachable { .. }), "{sent:?}");
    assert_eq!(mailbox.mails().len(), 0);
}

async fn get(mailbox: &Mailbox, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(mailbox.pages.unwrap()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn pages_show_what_came() {
    let mailbox = mailbox(Tls::None).await;
    let mut out = outgoing("mailto:lee@seller.example");
    out.subject = "<b>주문</b>".to_owned();
    out.file_name = "order.xml".to_owned();
    out.content_type = "application/xml".to_owned();
    send(&settings(&mailbox, Protection::None), &out).await;
    only_mail(&mailbox).await;
    let list = get(&mailbox, "/").await;
    assert!(list.contains("&lt;b&gt;주문&lt;/b&gt;") && list.contains("href=\"/1\""), "{list}");
    let one = get(&mailbox, "/1").await;
    assert!(one.contains("lee@seller.example") && one.contains("order.xml"), "{one}");
    assert!(get(&mailbox, "/1/raw").await.contains("Auto-Submitted: auto-generated"));
    assert!(get(&mailbox, "/1/1").await.contains("주문 4711"));
    for missing in ["/2", "/1/2", "/1/0", "/2/raw"] {
        assert!(get(&mailbox, missing).await.starts_with("HTTP/1.1 404"), "{missing}");
    }
}
