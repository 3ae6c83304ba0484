//! Against real servers on the loopback address that say exactly what a test wants.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;
use crate::model::id::{DeliveryId, DocumentId, InterchangeId};
use crate::model::secret::Secret;
use crate::transport::webhook;

const NOW_MS: i64 = 1_614_265_330_000;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What a server does once it has answered.
#[derive(Clone, Copy)]
enum Then {
    Close,
    Hold,
    NextRequest,
}

/// A server that gives every request the same answer and passes on what it read; each connection first sends an empty one.
async fn serve(answer: impl Into<Vec<u8>>, then: Then) -> (SocketAddr, UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = unbounded_channel();
    let answer: Arc<[u8]> = answer.into().into();
    spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            sender.send(String::new()).unwrap();
            spawn(converse(stream, answer.clone(), then, sender.clone()));
        }
    });
    (address, receiver)
}

#[expect(clippy::disallowed_methods, reason = "a test's server ends with its runtime")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: Arc<[u8]>,
    then: Then,
    seen: UnboundedSender<String>,
) {
    let mut held = Vec::new();
    loop {
        let mut request = Vec::new();
        while !complete(&request) {
            match stream.read_buf(&mut request).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        if seen.send(String::from_utf8_lossy(&request).into_owned()).is_err() {
            return;
        }
        if stream.write_all(&answer).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        match then {
            Then::Close => return,
            Then::Hold => held.push(stream.read_u8().await),
            Then::NextRequest => {}
        }
    }
}

fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).into_owned();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    body.len() >= length
}

fn settings() -> Settings {
    Settings { allow_private: vec!["127.0.0.1".parse().unwrap()], answer_bytes: 1000, ..Settings::default() }
}

fn client(settings: Settings) -> HttpClient {
    HttpClient::new(settings, Clock::fixed(NOW_MS)).unwrap()
}

fn outgoing(address: impl Into<String>) -> Outgoing {
    Outgoing {
        partner: String::new(),
        delivery: DeliveryId(7),
        interchange: None,
        document: None,
        address: address.into(),
        content_type: "application/xml".to_owned(),
        file_name: String::new(),
        subject: String::new(),
        thread: Vec::new(),
        automatic_answer: false,
        attachments: Vec::new(),
        body: Bytes::from_static(b"<Order/>"),
        signing_secret: None,
        credential: None,
    }
}

/// One word for what came of it, then the receipt or the reason.
fn told(sent: &Sent) -> String {
    match sent {
        Sent::Delivered { receipt, answer: None } => format!("delivered: {receipt}"),
        Sent::Delivered { receipt, answer: Some(answer) } => {
            let body = String::from_utf8_lossy(&answer.body);
            format!("delivered: {receipt} -> {} {body}", answer.content_type)
        }
        Sent::Temporary { reason, retry_after_ms: None } => format!("temporary: {reason}"),
        Sent::Temporary { reason, retry_after_ms: Some(ms) } => format!("temporary, {ms} ms: {reason}"),
        Sent::Dead { reason } | Sent::Rejected { reason, .. } => format!("dead: {reason}"),
        Sent::Unreachable { reason } => format!("unreachable: {reason}"),
    }
}

/// A server that answers so makes a delivery end so.
async fn check(answer: &str, expected: &str) {
    let (address, _seen) = serve(answer.replace('\n', "\r\n"), Then::Close).await;
    let sent = client(settings()).send(&outgoing(format!("http://{address}/in"))).await;
    assert_eq!(told(&sent), expected, "{answer}");
}

async fn refused(settings: Settings, address: &str, expected: &str) {
    let told = told(&client(settings).send(&outgoing(address)).await);
    assert!(told.starts_with("dead: ") && told.contains(expected), "{address}: {told}");
}

#[tokio::test]
async fn everything_the_contract_names_is_sent() {
    let (address, mut seen) = serve("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n", Then::Close).await;
    let mut out = outgoing(format!("http://{address}/in?key=1"));
    out.interchange = Some(InterchangeId(8));
    out.document = Some(DocumentId(9));
    out.signing_secret = Some(Secret::new(SECRET));
    out.credential = Some(Secret::new("basic:hub:pass"));
    let sent = client(settings()).send(&out).await;
    assert_eq!(told(&sent), "delivered: HTTP 202 Accepted");
    assert_eq!(seen.recv().await.unwrap(), "");
    let request = seen.recv().await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "<Order/>");
    assert!(head.starts_with("POST /in?key=1 HTTP/1.1\r\n"), "{head}");
    let header = |name: &str| {
        let found = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.unwrap_or_else(|| panic!("no {name} in {head}"))
    };
    assert_eq!(header("content-type"), "application/xml");
    assert_eq!(header("idempotency-key"), DeliveryId(7).to_string());
    assert_eq!(header("dure-interchange"), InterchangeId(8).to_string());
    assert_eq!(header("dure-document"), DocumentId(9).to_string());
    assert_eq!(header("authorization"), "Basic aHViOnBhc3M=");
    let signed = webhook::Headers {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
    };
    assert_eq!(signed.id, DeliveryId(7).to_string());
    assert_eq!(webhook::verify(&[Secret::new(SECRET)], signed, body.as_bytes(), NOW_MS), Ok(()));
}

#[tokio::test]
async fn delivered() {
    check("HTTP/1.1 204 No Content\n\n", "delivered: HTTP 204 No Content").await;
    check("HTTP/1.1 200 OK\ncontent-type: text/html\n\nthanks", "delivered: HTTP 200 OK").await;
    check("HTTP/1.1 200 OK\ncontent-type: text/xml\ncontent-length: 0\n\n", "delivered: HTTP 200 OK").await;
    check(
        "HTTP/1.1 200 OK\ncontent-type: text/xml; charset=UTF-8\ncontent-length: 7\n\n<cXML/>",
        "delivered: HTTP 200 OK -> text/xml; charset=UTF-8 <cXML/>",
    )
    .await;
    let conflict = "delivered: HTTP 409 Conflict: the partner had it before";
    check("HTTP/1.1 409 Conflict\ncontent-length: 0\n\n", conflict).await;
}

#[tokio::test]
async fn again_later() {
    for status in [
        "408 Request Timeout",
        "425 Too Early",
        "429 Too Many Requests",
        "500 Internal Server Error",
        "503 Service Unavailable",
    ] {
        let answer = format!("HTTP/1.1 {status}\ncontent-length: 0\n\n");
        check(&answer, &format!("temporary: HTTP {status}")).await;
    }
    check(
        "HTTP/1.1 429 Too Many Requests\nretry-after: 120\ncontent-type: text/plain\n\nslow\ndown",
        "temporary, 120000 ms: HTTP 429 Too Many Requests: slow down",
    )
    .await;
    check(
        "HTTP/1.1 503 Service Unavailable\nretry-after: 999999999\ncontent-length: 0\n\n",
        "temporary, 3600000 ms: HTTP 503 Service Unavailable",
    )
    .await;
}

#[tokio::test]
async fn dead_at_once() {
    check("HTTP/1.1 404 Not Found\ncontent-length: 0\n\n", "dead: HTTP 404 Not Found").await;
    check(
        "HTTP/1.1 422 Unprocessable Entity\ncontent-type: application/problem+json\n\n{\"title\":\"no such item\"}",
        "dead: HTTP 422 Unprocessable Entity: {\"title\":\"no such item\"}",
    )
    .await;
    check(
        "HTTP/1.1 302 Found\nlocation: http://169.254.169.254/\ncontent-length: 0\n\n",
        "dead: HTTP 302 Found: redirects are not followed (http://169.254.169.254/)",
    )
    .await;
}

#[tokio::test]
async fn a_huge_answer_is_not_taken_in() {
    let answer = format!("HTTP/1.1 200 OK\ncontent-type: text/xml\n\n<a>{}</a>", "x".repeat(100_000));
    check(&answer, "delivered: HTTP 200 OK; its answer is larger than 1000 bytes and was not taken in").await;
    let refusal = format!("HTTP/1.1 400 Bad Request\ncontent-type: text/plain\n\n{}", "x".repeat(100_000));
    check(&refusal, &format!("dead: HTTP 400 Bad Request: {}…", "x".repeat(300))).await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 100\r\n\r\n<cXML>";
    let (address, _seen) = serve(cut, Then::Close).await;
    let told = told(&client(settings()).send(&outgoing(format!("http://{address}/"))).await);
    assert!(told.starts_with("temporary: HTTP 200 OK, but its answer broke off: "), "{told}");
}

#[tokio::test]
async fn no_answer() {
    let short = Settings { timeout_ms: 150, ..settings() };
    let (silent, _seen) = serve("", Then::Hold).await;
    let sent = told(&client(short.clone()).send(&outgoing(format!("http://{silent}/"))).await);
    assert!(sent.starts_with("temporary: no answer in time"), "{sent}");
    let (halting, _seen) =
        serve("HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 100\r\n\r\n<cXML>", Then::Hold).await;
    let sent = told(&client(short).send(&outgoing(format!("http://{halting}/"))).await);
    assert!(sent.starts_with("temporary: HTTP 200 OK, but its answer broke off"), "{sent}");
    let (dropping, _seen) = serve("", Then::Close).await;
    let sent = told(&client(settings()).send(&outgoing(format!("http://{dropping}/"))).await);
    assert!(sent.starts_with("temporary: the connection broke off before an answer came"), "{sent}");
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let sent = told(&client(settings()).send(&outgoing(format!("http://{closed}/"))).await);
    assert!(sent.starts_with("temporary: no connection: "), "{sent}");
    let (garbled, _seen) = serve("SSH-2.0-x\r\n", Then::Close).await;
    let sent = told(&client(settings()).send(&outgoing(format!("http://{garbled}/"))).await);
    assert!(sent.starts_with("temporary: "), "{sent}");
}

#[tokio::test]
async fn addresses_that_are_not_public() {
    let (address, mut seen) = serve("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Then::Close).await;
    let port = address.port();
    for host in ["127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "[::ffff:127.0.0.1]", "localhost"] {
        refused(Settings::default(), &format!("http://{host}:{port}/"), "does not allow").await;
    }
    for host in ["169.254.169.254", "10.0.0.1", "[::1]", "[fe80::1]", "[::]", "0.0.0.0", "127.0.0.2"] {
        refused(settings(), &format!("http://{host}:{port}/"), "does not allow").await;
    }
    assert!(seen.try_recv().is_err(), "nothing may be connected to");
    // The same name with its address allowed: only that one of its addresses is connected to.
    let sent = client(settings()).send(&outgoing(format!("http://localhost:{port}/"))).await;
    assert_eq!(told(&sent), "delivered: HTTP 200 OK");
}

#[tokio::test]
async fn addresses_that_are_wrong() {
    for (address, expected) in [
        ("", "no URL"),
        ("partner.example/in", "no URL"),
        ("ftp://partner.example/", "begins with ftp:"),
        ("file:///etc/passwd", "begins with file:"),
        ("mailto:a@b.example", "begins with mailto:"),
        ("http://user@partner.example/", "user or password"),
        ("http://:pass@partner.example/", "user or password"),
        ("http:///", "no URL"),
    ] {
        refused(settings(), address, expected).await;
    }
    let mut out = outgoing("http://partner.example/");
    out.content_type = "text/xml\r\nx-other: 1".to_owned();
    assert!(told(&client(settings()).send(&out).await).starts_with("dead: Content-Type cannot be"));
    let mut out = outgoing("http://partner.example/");
    out.credential = Some(Secret::new("hidden"));
    let sent = told(&client(settings()).send(&out).await);
    assert!(sent.contains("bearer:TOKEN") && !sent.contains("hidden"), "{sent}");
    let mut out = outgoing("http://partner.example/");
    out.signing_secret = Some(Secret::new("whsec_hidden"));
    let sent = told(&client(settings()).send(&out).await);
    assert!(sent.contains("signing secret") && !sent.contains("hidden"), "{sent}");
}

#[tokio::test]
async fn connections_are_used_again() {
    let (address, mut seen) = serve("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Then::NextRequest).await;
    let client = client(settings());
    for _ in 0..3 {
        assert_eq!(told(&client.send(&outgoing(format!("http://{address}/"))).await), "delivered: HTTP 200 OK");
    }
    let mut all = Vec::new();
    while let Ok(one) = seen.try_recv() {
        all.push(one);
    }
    assert_eq!(all.iter().filter(|one| one.is_empty()).count(), 1, "one connection");
    assert_eq!(all.len(), 4);
}

#[tokio::test]
async fn certificates_are_checked() {
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, signed.cert.pem()).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(trust::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![signed.cert.der().clone()],
            rustls::pki_types::PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, _seen) = unbounded_channel();
    spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                let answer: Arc<[u8]> = Arc::from(*b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                converse(stream, answer, Then::Close, sender.clone()).await;
            }
        }
    });
    let out = outgoing(format!("https://localhost:{port}/"));
    let trusting = client(Settings { roots, ..settings() });
    assert_eq!(told(&trusting.send(&out).await), "delivered: HTTP 200 OK");
    let sent = told(&client(settings()).send(&out).await);
    assert!(sent.starts_with("temporary: no connection: ") && sent.contains("certificate"), "{sent}");
    let by_number = outgoing(format!("https://127.0.0.1:{port}/"));
    let sent = told(&trusting.send(&by_number).await);
    assert!(sent.starts_with("temporary: no connection: ") && sent.contains("certificate"), "{sent}");
}

#[test]
fn retry_after_in_seconds_and_dates() {
    let day = 784_111_777_000;
    for (text, now_ms, expected) in [
        ("0", 0, Some(0)),
        (" 120 ", 0, Some(120_000)),
        ("99999999999999999999", 0, Some(i64::MAX)),
        // RFC 9110 section 5.6.7: three forms of one time.
        ("Sun, 06 Nov 1994 08:49:37 GMT", day - 5000, Some(5000)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", day - 5000, Some(5000)),
        ("Sun Nov  6 08:49:37 1994", day - 5000, Some(5000)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", day + 5000, Some(0)),
        ("", 0, None),
        ("-1", 0, None),
        ("soon", 0, None),
    ] {
        assert_eq!(retry_after_ms(text, now_ms), expected, "{text}");
    }
}

#[test]
fn bad_roots_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in
        [("none.pem", None), ("empty.pem", Some("")), ("wrong.pem", Some("-----BEGIN CERTIFICATE-----\nAA\n"))]
    {
        let roots = folder.path().join(name);
        if let Some(text) = text {
            std::fs::write(&roots, text).unwrap();
        }
        let error = HttpClient::new(Settings { roots, ..settings() }, Clock::System).err().unwrap();
        assert!(error.to_string().contains(name), "{error}");
    }
}
