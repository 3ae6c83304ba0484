//! A client of a hub's HTTP interface, as a partner's system would be: one key, JSON answers, no redirects.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reqwest::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::administer::{Decided, Wish};
use super::call::Call;
use super::control::Connection;
use crate::error::{Error, Kind, Result};
use crate::model::disposition::{Disposition, InterchangeState};
use crate::model::finding::{Finding, Language};
use crate::transport::trust;

/// Bytes of an answer that are read.
const LARGEST_ANSWER: usize = 64 << 20;
/// Longest that the hub is asked to wait with an answer, seconds.
const LONGEST_WAIT_S: u32 = 30;

/// Which hub, and who asks.
#[derive(Args, Clone, Debug)]
pub struct HubArgs {
    /// The hub's address [default: the hub that runs on the data folder, or the one the configuration says]
    #[arg(long, value_name = "URL", env = "DURE_URL", hide_env_values = true)]
    pub url: Option<String>,
    /// API key, from `dure key add`
    #[arg(long, value_name = "KEY", env = "DURE_KEY", hide_env_values = true)]
    pub key: Option<String>,
    /// PEM file with certificate authorities trusted besides the system's
    #[arg(long, value_name = "FILE")]
    pub roots: Option<PathBuf>,
}

impl HubArgs {
    /// A client with that key.
    pub async fn client(&self, call: &Call) -> Result<Client> {
        let url = match &self.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => usual_url(call).await?,
        };
        let key =
            self.key.clone().filter(|key| !key.is_empty()).ok_or_else(|| {
                Error::config("a key is needed: --key KEY or DURE_KEY, made with `dure key add PARTNER`")
            })?;
        Ok(Client::new(url, &key, self.roots.as_deref())?.speaking(call.out.language))
    }
}

/// The hub that runs on the data folder, else the one that the configuration names.
pub(super) async fn usual_url(call: &Call) -> Result<String> {
    let config = call.config()?;
    if let Some(connection) = Connection::open(&config.data).await? {
        return connection.ask(&Wish::Where, |_| {}).await;
    }
    Ok(config.url())
}

/// A client of one hub with one key.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    key: HeaderValue,
    language: Option<Language>,
}

/// An answer: status and body.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Media type without parameters.
    pub content_type: String,
    /// The body.
    pub body: bytes::Bytes,
}

impl Answer {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body, if the call was good; else what the hub says against it.
    pub fn good(self) -> Result<Answer> {
        if self.status.is_success() { Ok(self) } else { Err(self.refusal()) }
    }

    /// What the hub says against the call (RFC 9457).
    fn refusal(&self) -> Error {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Problem {
            title: String,
            detail: String,
        }
        let problem: Problem = serde_json::from_slice(&self.body).unwrap_or_default();
        let words = [problem.title, problem.detail];
        let said: Vec<_> = words.iter().filter(|text| !text.is_empty()).map(String::as_str).collect();
        let said = if said.is_empty() { String::new() } else { format!(": {}", said.join(": ")) };
        Error::new(Kind::Transport, format!("the hub answers {}{said}", self.status))
    }
}

impl Client {
    /// A client of the hub at that address.
    pub fn new(url: String, key: &str, roots: Option<&std::path::Path>) -> Result<Client> {
        let tls = trust::client_config(roots.unwrap_or(std::path::Path::new("")))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(600))
            .user_agent(concat!("dure/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::new(Kind::Config, "set up HTTP").caused_by(error))?;
        let mut header = HeaderValue::from_str(&format!("Bearer {key}"))
            .map_err(|_| Error::config("the key has characters that no key of ours has"))?;
        header.set_sensitive(true);
        Ok(Client { http, url, key: header, language: None })
    }

    /// The same client of a person who reads that language, whatever the partner's own is.
    pub fn speaking(self, language: Language) -> Client {
        Client { language: Some(language), ..self }
    }

    /// The hub's address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks for a path, with its query.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(self.http.get(format!("{}{path}", self.url))).await
    }

    /// Hands in bytes. `wait_s` asks for the decision, at most that many seconds.
    pub async fn post(&self, bytes: Vec<u8>, what: &Handing<'_>) -> Result<Answer> {
        let mut request = self.http.post(format!("{}/v1/interchanges", self.url));
        if !what.content_type.is_empty() {
            request = request.header(CONTENT_TYPE, what.content_type);
        }
        if !what.file_name.is_empty() {
            request = request.header("content-disposition", disposition(what.file_name));
        }
        if !what.idempotency_key.is_empty() {
            request = request.header("idempotency-key", what.idempotency_key);
        }
        if what.wait_s > 0 {
            request = request.header("prefer", format!("wait={}", what.wait_s.min(LONGEST_WAIT_S)));
        }
        self.send(request.body(bytes)).await
    }

    /// Hands in one of our own documents and waits for its decision.
    pub async fn submit(&self, document: &Value) -> Result<Decided> {
        let handing = Handing { content_type: "application/json", wait_s: LONGEST_WAIT_S, ..Handing::default() };
        let answer = self.post(document.to_string().into_bytes(), &handing).await?;
        // A rejected document is an answer like any other; only without an interchange the call itself was refused.
        decided(&answer.json()).ok_or_else(|| answer.refusal())
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        let failed = |error: reqwest::Error| {
            Error::new(Kind::Transport, format!("reach the hub at {}", self.url)).caused_by(error.without_url())
        };
        let mut request = request.header(AUTHORIZATION, self.key.clone());
        if let Some(language) = self.language {
            request = request.header(ACCEPT_LANGUAGE, language.as_str());
        }
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let content_type = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        let mut body = bytes::BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(Error::new(Kind::Transport, "the hub's answer is longer than this client reads"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, content_type, body: body.freeze() })
    }
}

/// How bytes are handed in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Handing<'a> {
    /// Media type; empty: the hub finds out.
    pub content_type: &'a str,
    /// Name of the file; empty: none.
    pub file_name: &'a str,
    /// What makes it the same call when it is made again; empty: none.
    pub idempotency_key: &'a str,
    /// Seconds to wait for the decision; 0: not at all.
    pub wait_s: u32,
}

/// `Content-Disposition` with a name in any script, and one in ASCII for who reads no more (RFC 6266, RFC 8187).
fn disposition(name: &str) -> String {
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

/// The hub's words about an interchange as verbs print them; none if they are about something else.
pub fn decided(body: &Value) -> Option<Decided> {
    // A refusal of all of it is a problem; one of the call itself is no decision.
    let problem = body.get("type").and_then(Value::as_str).and_then(|name| name.strip_prefix("urn:dure:problem:"));
    let rejected = Disposition::Rejected.as_str();
    if problem.is_some_and(|problem| problem != rejected) {
        return None;
    }
    let interchange = body.get("interchange")?.as_str()?.parse().ok()?;
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    let findings = |value: &Value| -> Vec<Finding> {
        value.get("findings").cloned().and_then(|list| serde_json::from_value(list).ok()).unwrap_or_default()
    };
    let mut all = findings(body);
    let mut documents = Vec::new();
    for document in body.get("documents").and_then(Value::as_array).map_or(&[][..], Vec::as_slice) {
        // A refusal lists them once for the whole and once at their documents.
        for finding in findings(document) {
            if !all.contains(&finding) {
                all.push(finding);
            }
        }
        if let Ok(id) = text(document, "document").parse() {
            documents.push(super::administer::DecidedDocument {
                document: id,
                document_type: text(document, "type"),
                number: text(document, "number"),
                disposition: text(document, "disposition"),
            });
        }
    }
    let (state, disposition) = match problem {
        Some(rejected) => (InterchangeState::Decided.as_str().to_owned(), Some(rejected.to_owned())),
        None => (text(body, "state"), Some(text(body, "disposition")).filter(|word| !word.is_empty())),
    };
    Some(Decided { interchange, state, disposition, findings: all, documents })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_in_any_script() {
        assert_eq!(disposition("a b.csv"), "attachment; filename=\"a b.csv\"; filename*=UTF-8''a%20b.csv");
        assert_eq!(disposition("표.csv"), "attachment; filename=\"_.csv\"; filename*=UTF-8''%ED%91%9C.csv");
    }
}
