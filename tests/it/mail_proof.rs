//! DKIM signatures judged with keys from a name server of our own.

use std::collections::HashMap;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dure::model::mail::Evidence;
use dure::transport::mail::proof::Prover;
use mail_auth::common::crypto::Ed25519Key;
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::{DkimSigner, Done};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// Answers questions for TXT records until it is dropped; names it does not know do not exist.
struct NameServer {
    address: SocketAddr,
    _running: JoinSet<()>,
}

impl NameServer {
    async fn start(records: HashMap<String, String>) -> NameServer {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut question = [0; 512];
            while let Ok((length, peer)) = socket.recv_from(&mut question).await {
                socket.send_to(&answer(&question[..length], &records), peer).await.unwrap();
            }
        });
        NameServer { address, _running: running }
    }
}

/// RFC 1035 section 4, as far as one TXT question needs it.
fn answer(question: &[u8], records: &HashMap<String, String>) -> Vec<u8> {
    let (mut at, mut labels) = (12, Vec::new());
    while question[at] != 0 {
        let length = usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..=at + length]).to_lowercase());
        at += length + 1;
    }
    let end = at + 5;
    let text = records.get(&labels.join("."));
    let mut out = question[..2].to_vec();
    out.extend([0x84, if text.is_some() { 0 } else { 3 }, 0, 1, 0, u8::from(text.is_some()), 0, 0, 0, 0]);
    out.extend(&question[12..end]);
    if let Some(text) = text {
        let length = u8::try_from(text.len()).unwrap();
        out.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, length + 1, length]);
        out.extend(text.as_bytes());
    }
    out
}

struct Signer(DkimSigner<Ed25519Key, Done>);

/// A signer of a domain, and the record of its key.
fn signer(domain: &str, whole: bool) -> (Signer, (String, String)) {
    let key = Ed25519Key::from_pkcs8_der(&Ed25519Key::generate_pkcs8().unwrap()).unwrap();
    let record = format!("v=DKIM1; k=ed25519; p={}", STANDARD.encode(key.public_key()));
    let signer = DkimSigner::from_key(key).domain(domain).selector("s").headers(["From", "Subject", "Message-ID"]);
    (Signer(signer.body_length(!whole)), (format!("s._domainkey.{domain}"), record))
}

impl Signer {
    fn sign(&self, mail: &str) -> String {
        format!("{}{mail}", self.0.sign(mail.as_bytes()).unwrap().to_header())
    }
}

const MAIL: &str = "From: lee@buyer.example\r\nSubject: x\r\nMessage-ID: <1@buyer.example>\r\n\r\nbody\r\n";

#[tokio::test]
async fn signatures_of_the_senders_domain_count() {
    let (ours, key) = signer("buyer.example", true);
    let (above, _) = signer("nokey.example", true);
    let (other, other_key) = signer("evil.example", true);
    let (partly, part_key) = signer("part.example", false);
    let server = NameServer::start(HashMap::from([key, other_key, part_key])).await;
    let prover = Prover::new(Some(server.address)).unwrap();
    let look = async |mail: String, from: &str| -> Evidence { prover.look(mail.as_bytes(), from).await };

    let good = look(ours.sign(MAIL), "lee@buyer.example").await;
    assert_eq!((good.dkim, good.remarks), (vec!["buyer.example".to_owned()], Vec::<String>::new()));
    let below = look(ours.sign(&MAIL.replace("lee@", "lee@mail.")), "lee@mail.buyer.example").await;
    assert_eq!(below.dkim, ["buyer.example"]);

    let changed = look(ours.sign(MAIL).replace("body", "Body"), "lee@buyer.example").await;
    assert!(changed.dkim.is_empty() && changed.remarks.len() == 1, "{changed:?}");
    let renamed = look(ours.sign(MAIL).replace("From: lee@", "From: kim@"), "kim@buyer.example").await;
    assert!(renamed.dkim.is_empty() && renamed.remarks.len() == 1, "{renamed:?}");
    let foreign = look(other.sign(MAIL), "lee@buyer.example").await;
    assert_eq!((foreign.dkim.len(), foreign.remarks), (0, vec!["dkim: good, but of evil.example".to_owned()]));
    let unknown = look(above.sign(&MAIL.replace("buyer", "nokey")), "lee@nokey.example").await;
    assert!(unknown.dkim.is_empty() && unknown.remarks.len() == 1, "{unknown:?}");
    let appended = partly.sign(&MAIL.replace("buyer", "part")) + "more";
    assert_eq!(look(appended, "lee@part.example").await.dkim, Vec::<String>::new());
    assert_eq!(look(MAIL.to_owned(), "lee@buyer.example").await, Evidence::default());
}
