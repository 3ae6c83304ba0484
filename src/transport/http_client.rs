//! HTTP out: a document posted to a partner's address (contract.md, HTTP out).
//!
//! Signed by Standard Webhooks where the agreement has a secret. Redirects are not followed, no proxy is used, no cookie is
//! kept, nothing is decompressed. What was resolved is checked, and only what was checked is connected to.

use std::error::Error as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::NaiveDateTime;
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::address::{self, AddressRange};
use super::keys::Credential;
use super::trust;
use super::webhook::SigningKey;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::pipeline::outbound::{Answer, Answered, Outbound, Outgoing, Question, Sent};

/// Bodies from this size on are signed off the async threads, bytes.
const LARGE_BODY: usize = 1 << 20;

/// Bytes of a refusal that go into the reason.
const EXCERPT_BYTES: usize = 2 << 10;

/// Idle connections kept for each partner, as many as deliveries are usually under way, and for how long.
const IDLE_CONNECTIONS: usize = 128;
const IDLE_TIME: Duration = Duration::from_secs(60);

/// Its part of the configuration, `[http_out]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// From connecting to the last byte of the answer, milliseconds.
    pub timeout_ms: u64,
    /// For resolving and connecting, milliseconds.
    pub connect_timeout_ms: u64,
    /// Bytes of an answer that are taken in; a longer one is not.
    pub answer_bytes: u64,
    /// The longest wait a partner can ask for with Retry-After, milliseconds.
    pub retry_after_most_ms: i64,
    /// PEM file with certificate authorities trusted besides the system's; empty for none.
    pub roots: PathBuf,
    /// Addresses that are not public and may be connected to all the same.
    pub allow_private: Vec<AddressRange>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            timeout_ms: 30_000,
            connect_timeout_ms: 5_000,
            answer_bytes: 1 << 20,
            retry_after_most_ms: 3_600_000,
            roots: PathBuf::new(),
            allow_private: Vec::new(),
        }
    }
}

/// Posts documents. Keeps its connections.
pub struct HttpClient {
    client: reqwest::Client,
    settings: Settings,
    clock: Clock,
}

impl HttpClient {
    /// A client by the configuration.
    pub fn new(settings: Settings, clock: Clock) -> Result<HttpClient> {
        let mut tls = trust::client_config(&settings.roots)?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(CheckedResolver { allowed: settings.allow_private.clone().into() })
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .timeout(Duration::from_millis(settings.timeout_ms))
            .connect_timeout(Duration::from_millis(settings.connect_timeout_ms))
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_TIME)
            .user_agent(concat!("dure/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::new(Kind::Config, "set up HTTP out").caused_by(error))?;
        Ok(HttpClient { client, settings, clock })
    }

    async fn attempt(&self, out: &Outgoing) -> Sent {
        let url = match checked_url(&out.address, &self.settings.allow_private) {
            Ok(url) => url,
            Err(reason) => return Sent::Dead { reason },
        };
        let headers = match headers(out, self.clock.now_ms()).await {
            Ok(headers) => headers,
            Err(reason) => return Sent::Dead { reason },
        };
        match self.client.post(url).headers(headers).body(out.body.clone()).send().await {
            Ok(response) => self.outcome(response).await,
            Err(error) => not_sent(&error),
        }
    }

    async fn outcome(&self, response: Response) -> Sent {
        let status = response.status();
        let line = format!("HTTP {status}");
        if status.is_success() {
            return self.delivered(line, response).await;
        }
        if status == StatusCode::CONFLICT {
            return Sent::Delivered { receipt: format!("{line}: the partner had it before"), answer: None };
        }
        if status.is_redirection() {
            let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("nowhere");
            return Sent::Dead { reason: shorten(&format!("{line}: redirects are not followed ({target})")) };
        }
        let again = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
        let retry_after_ms = self.asked_to_wait_ms(&response);
        let reason = match excerpt(response).await {
            said if said.is_empty() => line,
            said => format!("{line}: {said}"),
        };
        if again { Sent::Temporary { reason, retry_after_ms } } else { Sent::Dead { reason } }
    }

    /// How long the partner asks us to wait, capped.
    fn asked_to_wait_ms(&self, response: &Response) -> Option<i64> {
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok())?;
        let wait_ms = retry_after_ms(asked, self.clock.now_ms())?;
        Some(wait_ms.clamp(0, self.settings.retry_after_most_ms))
    }

    /// The partner has it. What it answers with belongs to the outcome only where it is a document.
    async fn delivered(&self, line: String, response: Response) -> Sent {
        let Some(content_type) = document_type(response.headers()) else {
            return Sent::Delivered { receipt: line, answer: None };
        };
        match read(response, usize::try_from(self.settings.answer_bytes).unwrap_or(usize::MAX)).await {
            Ok(Body::Whole(body)) if body.is_empty() => Sent::Delivered { receipt: line, answer: None },
            Ok(Body::Whole(body)) => Sent::Delivered { receipt: line, answer: Some(Answer { content_type, body }) },
            Ok(Body::Cut(_)) => {
                let most = self.settings.answer_bytes;
                let receipt = format!("{line}; its answer is larger than {most} bytes and was not taken in");
                Sent::Delivered { receipt, answer: None }
            }
            // What the answer says is not known; a repeat carries the same ids and is answered again.
            Err(error) => Sent::Temporary {
                reason: format!("{line}, but its answer broke off: {}", innermost(&error)),
                retry_after_ms: None,
            },
        }
    }
}

impl Outbound for HttpClient {
    fn scheme(&self) -> &'static [&'static str] {
        &["http", "https"]
    }

    fn send<'a>(&'a self, out: &'a Outgoing) -> BoxFuture<'a, Sent> {
        Box::pin(self.attempt(out))
    }

    fn ask<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Answered> {
        Box::pin(self.question(question))
    }
}

/// The address, if it is one that we may post to. Names are looked up later, by the resolver.
pub fn checked_url(text: &str, allowed: &[AddressRange]) -> std::result::Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("the address is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("the address begins with {}:, only http: and https: are posted to", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the address carries a user or password; the credential belongs into the agreement".to_owned());
    }
    match url.host() {
        Some(Host::Ipv4(ip)) => address::check(ip.into(), allowed)?,
        Some(Host::Ipv6(ip)) => address::check(ip.into(), allowed)?,
        Some(Host::Domain(_)) => {}
        None => return Err("the address names no host".to_owned()),
    }
    Ok(url)
}

async fn headers(out: &Outgoing, now_ms: i64) -> std::result::Result<HeaderMap, String> {
    let value = |name: &str, text: &str| HeaderValue::from_str(text).map_err(|_| format!("{name} cannot be {text:?}"));
    let delivery = out.delivery.to_string();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, value("Content-Type", &out.content_type)?);
    headers.insert("idempotency-key", value("Idempotency-Key", &delivery)?);
    headers.insert("webhook-id", value("webhook-id", &delivery)?);
    headers.insert("webhook-timestamp", now_ms.div_euclid(1000).into());
    if let Some(secret) = &out.signing_secret {
        let key = SigningKey::parse(secret).ok_or("the signing secret is not whsec_ and 24 to 64 bytes in base64")?;
        let signature = if out.body.len() < LARGE_BODY {
            key.sign(&delivery, now_ms, &out.body)
        } else {
            let body = out.body.clone();
            tokio::task::spawn_blocking(move || key.sign(&delivery, now_ms, &body))
                .await
                .map_err(|_| "the signature was not made".to_owned())?
        };
        headers.insert("webhook-signature", value("webhook-signature", &signature)?);
    }
    if let Some(interchange) = out.interchange {
        headers.insert("dure-interchange", value("Dure-Interchange", &interchange.to_string())?);
    }
    if let Some(document) = out.document {
        headers.insert("dure-document", value("Dure-Document", &document.to_string())?);
    }
    if let Some(text) = &out.credential {
        let credential = Credential::from_agreement(text)
            .ok_or("the credential is written as neither bearer:TOKEN nor basic:USER:PASSWORD")?;
        let mut shown = HeaderValue::from_str(credential.to_header().expose())
            .map_err(|_| "the credential has characters that no header can carry")?;
        shown.set_sensitive(true);
        headers.insert(AUTHORIZATION, shown);
    }
    Ok(headers)
}

/// No status came. Only an address that we refuse, or a request that cannot be written, is final.
fn not_sent(error: &reqwest::Error) -> Sent {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<RefusedAddress>() {
            return Sent::Dead { reason: refused.to_string() };
        }
        cause = inner.source();
    }
    let what = match error {
        error if error.is_builder() => return Sent::Dead { reason: format!("not sent: {}", innermost(error)) },
        error if error.is_connect() => "no connection",
        error if error.is_timeout() => "no answer in time",
        _ => "the connection broke off before an answer came",
    };
    Sent::Temporary { reason: format!("{what}: {}", innermost(error)), retry_after_ms: None }
}

/// The last cause, which says what happened; those before it repeat the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = match error.source() {
        Some(cause) => cause,
        None => return "no details".to_owned(),
    };
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    shorten(&cause.to_string())
}

/// Retry-After as milliseconds from now: seconds or a date in one of the three forms of RFC 9110 section 5.6.7.
fn retry_after_ms(text: &str, now_ms: i64) -> Option<i64> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse::<i64>().unwrap_or(i64::MAX).saturating_mul(1000));
    }
    let forms = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let date = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    Some(date.and_utc().timestamp_millis().saturating_sub(now_ms).max(0))
}

/// The media type, if something in one of our formats could be written in it.
fn document_type(headers: &HeaderMap) -> Option<String> {
    let full = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media = full.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let known = media.ends_with("+xml")
        || media.ends_with("+json")
        || matches!(
            media.as_str(),
            "application/edi-x12"
                | "application/edifact"
                | "application/json"
                | "application/xml"
                | "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
                | "text/csv"
                | "text/xml"
        );
    known.then(|| full.to_owned())
}

enum Body {
    Whole(Bytes),
    Cut(Bytes),
}

/// Reads at most so many bytes; the rest is never asked for.
async fn read(mut response: Response, most: usize) -> reqwest::Result<Body> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        let room = most.saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or(&[]));
        if chunk.len() > room {
            return Ok(Body::Cut(body.freeze()));
        }
    }
    Ok(Body::Whole(body.freeze()))
}

/// Whether a refusal of that media type says something that people can read.
fn is_text(media: &str) -> bool {
    ["text/plain", "application/json", "application/problem+json"].iter().any(|text| media.starts_with(text))
}

/// What a refusal says, in a line, where it says it in text.
async fn excerpt(response: Response) -> String {
    let media = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if !is_text(media) {
        return String::new();
    }
    match read(response, EXCERPT_BYTES).await {
        Ok(Body::Whole(bytes) | Body::Cut(bytes)) => shorten(&String::from_utf8_lossy(&bytes)),
        // The status is all that decides; its text is only for people.
        Err(_) => String::new(),
    }
}

/// One line of at most 300 characters.
fn shorten(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(301).collect();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(300) {
        Some((cut, _)) => format!("{}…", line.get(..cut).unwrap_or("")),
        None => line,
    }
}

/// Looks names up with the system's resolver and gives only the addresses that we may connect to.
struct CheckedResolver {
    allowed: Arc<[AddressRange]>,
}

#[derive(Debug)]
struct RefusedAddress(String);

impl std::fmt::Display for RefusedAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RefusedAddress {}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.allowed.clone();
        Box::pin(async move {
            let (mut good, mut refused) = (Vec::new(), None);
            for found in tokio::net::lookup_host((name.as_str(), 0)).await? {
                match address::check(found.ip(), &allowed) {
                    Ok(()) => good.push(found),
                    Err(reason) => refused = Some(reason),
                }
            }
            match refused {
                Some(reason) if good.is_empty() => Err(RefusedAddress(format!("{}: {reason}", name.as_str())).into()),
                _ => Ok(Box::new(good.into_iter()) as Addrs),
            }
        })
    }
}

mod ask;
pub mod exchange;

#[cfg(test)]
#[path = "http_client_tests.rs"]
mod tests;
