//! What a mail shows for itself: DKIM signatures (RFC 6376) of the domain in From, and what a mail server of ours wrote into
//! Authentication-Results (RFC 8601). Both are only noted here; which of them counts is agreed with each partner.
//!
//! A signature counts if its domain is that of the From address or one above it, which is stricter than DMARC's relaxed
//! alignment: a mailing service that signs for a subdomain does not speak for its owner. Signatures over a part of the body
//! (`l=`) do not count. Left out: ARC, SPF of our own (we rarely see the address that it is about).

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use mail_auth::common::verify::VerifySignature;
use mail_auth::hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use mail_auth::{AuthenticatedMessage, DkimResult, MessageAuthenticator};
use tokio::time::timeout;

use super::parts;
use crate::error::{Error, Result};
use crate::model::mail::Evidence;

/// For all questions about one mail.
const PATIENCE: Duration = Duration::from_secs(15);
/// Signatures looked at; more are no better.
const MOST_SIGNATURES: usize = 10;

/// Asks the name system for the keys of signatures.
#[derive(Clone)]
pub struct Prover(Arc<MessageAuthenticator>);

impl Prover {
    /// Asks this name server, or the system's.
    pub fn new(server: Option<SocketAddr>) -> Result<Prover> {
        let wrong = |error: String| Error::config("set up the name server for mail_in").caused_by(error);
        let authenticator = match server {
            None => MessageAuthenticator::new_system_conf().map_err(|error| wrong(error.to_string()))?,
            Some(server) => {
                let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                    connection.port = server.port();
                    connection
                });
                let server = NameServerConfig::new(server.ip(), true, connections.to_vec());
                let config = ResolverConfig::from_name_servers(vec![server]);
                MessageAuthenticator::new(config, ResolverOpts::default()).map_err(|error| wrong(error.to_string()))?
            }
        };
        Ok(Prover(Arc::new(authenticator)))
    }

    /// What proves that the mail is from that address. A name system that does not answer proves nothing: the mail is then
    /// a draft, and not one that blocks its mailbox until somebody else's servers are mended.
    pub async fn look(&self, raw: &[u8], from: &str) -> Evidence {
        let mut evidence = Evidence { server: server_says(raw, from), ..Evidence::default() };
        let Some(domain) = from.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase()) else {
            return evidence;
        };
        let looked = AssertUnwindSafe(timeout(PATIENCE, self.signatures(raw, &domain, &mut evidence))).catch_unwind();
        match looked.await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => evidence.remarks.push("dkim: the name server did not answer in time".to_owned()),
            Err(_) => {
                tracing::error!("a bug: looking at the signatures of a mail panicked; they do not count");
                evidence.dkim.clear();
            }
        }
        evidence
    }

    async fn signatures(&self, raw: &[u8], domain: &str, evidence: &mut Evidence) {
        let Some(message) = AuthenticatedMessage::parse(raw) else { return };
        if message.dkim_headers.len() > MOST_SIGNATURES {
            evidence.remarks.push("dkim: too many signatures".to_owned());
            return;
        }
        for output in self.0.verify_dkim(&message).await {
            let Some(signature) = output.signature() else { continue };
            let signer = signature.domain().to_ascii_lowercase();
            let remark = match output.result() {
                DkimResult::Pass if is_above(&signer, domain) => {
                    evidence.dkim.push(signer);
                    continue;
                }
                DkimResult::Pass => format!("dkim: good, but of {signer}"),
                DkimResult::None => continue,
                DkimResult::Neutral(error)
                | DkimResult::Fail(error)
                | DkimResult::PermError(error)
                | DkimResult::TempError(error) => format!("dkim of {signer}: {error}"),
            };
            evidence.remarks.push(super::words::clean(&remark));
        }
    }
}

/// Whether a domain is another or one above it. A name without a dot is nobody's domain.
fn is_above(upper: &str, lower: &str) -> bool {
    upper.contains('.') && (lower == upper || lower.strip_suffix(upper).is_some_and(|rest| rest.ends_with('.')))
}

/// The server whose Authentication-Results stand topmost, if they say that the domain in From is proved. Ones further down
/// may have come with the mail.
fn server_says(raw: &[u8], from: &str) -> Option<String> {
    let message = parts::parse_head(raw)?;
    let value = parts::header(&message, message.root_part(), "Authentication-Results")?;
    let (_, domain) = from.rsplit_once('@')?;
    let text = without_comments(&String::from_utf8_lossy(value));
    let mut parts = text.split(';').map(str::trim);
    let server = parts.next()?.split_whitespace().next()?.to_ascii_lowercase();
    let proved = parts.any(|result| proves(result, domain));
    (proved && !server.is_empty()).then_some(server)
}

/// Whether a result such as `dkim=pass header.d=buyer.example` is a pass of the domain.
fn proves(result: &str, domain: &str) -> bool {
    let mut words = result.split_whitespace();
    let method = words.next().unwrap_or("").to_ascii_lowercase();
    let properties: Vec<(String, String)> = words
        .filter_map(|word| word.split_once('='))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim_matches('"').to_ascii_lowercase()))
        .collect();
    let has =
        |name: &str, fits: &dyn Fn(&str) -> bool| properties.iter().any(|(known, value)| known == name && fits(value));
    let domain = domain.to_ascii_lowercase();
    let host = |value: &str| value.rsplit_once('@').map_or(value, |(_, host)| host).to_owned();
    match method.as_str() {
        "dmarc=pass" => has("header.from", &|value| host(value) == domain),
        "dkim=pass" => {
            has("header.d", &|value| is_above(value, &domain))
                || has("header.i", &|value| is_above(&host(value), &domain))
        }
        "spf=pass" => has("smtp.mailfrom", &|value| host(value) == domain),
        _ => false,
    }
}

/// Comments in brackets, which may stand anywhere, as blanks.
fn without_comments(text: &str) -> String {
    let mut depth = 0_u32;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' if depth > 0 => {
                depth -= 1;
                out.push(' ');
            }
            _ if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_speak_for_what_is_below_them() {
        let check =
            |upper: &str, lower: &str, expected| assert_eq!(is_above(upper, lower), expected, "{upper} {lower}");
        check("buyer.example", "buyer.example", true);
        check("buyer.example", "mail.buyer.example", true);
        check("mail.buyer.example", "buyer.example", false);
        check("uyer.example", "buyer.example", false);
        check("example", "buyer.example", false);
        check("", "buyer.example", false);
    }

    #[test]
    fn only_the_topmost_results_count() {
        let check = |head: &str, expected: Option<&str>| {
            let raw = format!("{head}\r\nFrom: lee@buyer.example\r\n\r\n");
            assert_eq!(server_says(raw.as_bytes(), "lee@buyer.example").as_deref(), expected, "{head}");
        };
        let ours = "Authentication-Results: MX.centre.example 1;\r\n";
        check(&format!("{ours} dmarc=pass (p=reject) header.from=buyer.example"), Some("mx.centre.example"));
        check(&format!("{ours} spf=fail; dkim=pass header.i=@buyer.example"), Some("mx.centre.example"));
        check(&format!("{ours} dkim=pass header.d=buyer.example header.s=x"), Some("mx.centre.example"));
        check(&format!("{ours} spf=pass smtp.mailfrom=bounce@buyer.example"), Some("mx.centre.example"));
        check(&format!("{ours} dkim=pass header.d=evil.example"), None);
        check(&format!("{ours} dkim=fail (dmarc=pass header.from=buyer.example)"), None);
        check(&format!("{ours} dmarc=fail header.from=buyer.example"), None);
        check(&format!("{ours} none"), None);
        check(
            &format!("Authentication-Results: other.example; none\r\n{ours} dmarc=pass header.from=buyer.example"),
            None,
        );
        check("Subject: x", None);
    }
}
