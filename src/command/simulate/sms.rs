//! A service for text messages: takes them, shows them on a page, and reports what became of each by a signed callback.
//!
//! `POST /messages` takes `{"to", "from", "text", "reference", "template"}`, `GET /messages?reference=` finds them again. The last
//! digits of a number make it misbehave: …0000 fails, …4444 is answered late, …5555 is refused, …9999 has its result late.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Html;
use axum::routing::get;
use axum::{Json, Router};
use chrono::{DateTime, SecondsFormat};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::mailbox_pages::{escape, page};
use crate::clock::Clock;
use crate::command::call::Call;
use crate::command::out::Outcome;
use crate::error::{Context, Error, Kind, Result};
use crate::model::secret::Secret;
use crate::transport::trust;
use crate::transport::webhook::SigningKey;

/// Messages kept; older ones are dropped.
const MOST_MESSAGES: usize = 1000;
/// How often a result is told until it is taken, and the pause between.
const MOST_CALLS: usize = 5;
const PAUSE: Duration = Duration::from_secs(1);
/// How late late is.
const LATE: Duration = Duration::from_secs(5);

/// Take text messages and show them, reporting what became of each
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  dure simulate sms --callback http://127.0.0.1:7373/callbacks/sms --secret whsec_…\n\n\
    The hub knows the secret as connector:NAME:callback. Numbers that end with 0000 fail, with 4444 are answered late, with 5555 \
    are refused, with 9999 have their result late."
)]
pub struct Sms {
    /// Where it listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:2595")]
    listen: SocketAddr,
    /// The API key that the hub has to show (connector:NAME:key)
    #[arg(long, default_value = "sample-key")]
    key: String,
    /// Where results are told; without it they are not
    #[arg(long, value_name = "URL")]
    callback: Option<String>,
    /// The secret with which they are signed: whsec_…
    #[arg(long, value_name = "SECRET", env = "DURE_SMS_SECRET", hide_env_values = true)]
    secret: Option<String>,
}

impl Sms {
    pub(super) async fn run(self, call: &Call) -> Result<Outcome> {
        let told = match (self.callback, self.secret) {
            (Some(callback), Some(secret)) => Some((callback, Secret::new(secret))),
            (None, _) => None,
            (Some(_), None) => return Err(Error::config("--callback needs --secret")),
        };
        let service = Service::start(self.listen, Secret::new(self.key), told, Clock::System).await?;
        call.out.line(format!("http://{}", service.address))?;
        super::until_stopped().await?;
        Ok(Outcome::Good)
    }
}

/// A message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Message {
    /// Its number here.
    pub id: String,
    /// To whom.
    pub to: String,
    /// From whom.
    pub from: String,
    /// What it says.
    pub text: String,
    /// The sender's own number of it.
    pub reference: String,
    /// Code of its template; empty for a plain message.
    pub template: String,
    /// What became of it: empty at first, `delivered` or `failed`.
    pub result: String,
}

#[derive(Deserialize)]
struct Asked {
    to: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    reference: String,
    #[serde(default)]
    template: String,
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    reference: String,
}

struct Kept {
    messages: Mutex<VecDeque<Message>>,
    key: Secret,
    told: Option<(String, SigningKey)>,
    reports: Mutex<JoinSet<()>>,
    client: reqwest::Client,
    clock: Clock,
}

impl Kept {
    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Message>> {
        self.messages.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn may(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or("");
        shown.strip_prefix("Bearer ").is_some_and(|shown| Secret::new(shown) == self.key)
    }

    fn later(&self, report: impl Future<Output = ()> + Send + 'static) {
        let mut reports = self.reports.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        while reports.try_join_next().is_some() {}
        reports.spawn(report);
    }

    /// Decides what became of a message and tells it until it is taken.
    async fn report(self: Arc<Self>, id: String) {
        let Some(message) = self.lock().iter().find(|message| message.id == id).cloned() else { return };
        if message.to.ends_with("9999") {
            tokio::time::sleep(LATE).await;
        }
        let (result, reason) =
            if message.to.ends_with("0000") { ("failed", "there is no such number") } else { ("delivered", "") };
        if let Some(message) = self.lock().iter_mut().find(|message| message.id == id) {
            message.result = result.to_owned();
        }
        let Some((url, key)) = &self.told else { return };
        let at = DateTime::from_timestamp_millis(self.clock.now_ms()).unwrap_or_default();
        let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let reference = &message.reference;
        let body =
            json!({"id": id, "reference": reference, "to": message.to, "result": result, "reason": reason, "at": at});
        let body = body.to_string();
        for _ in 0..MOST_CALLS {
            let now_ms = self.clock.now_ms();
            let call = self.client.post(url).header("content-type", "application/json").header("webhook-id", &id);
            let call = call.header("webhook-timestamp", now_ms.div_euclid(1000).to_string());
            let call = call.header("webhook-signature", key.sign(&id, now_ms, body.as_bytes()));
            match call.body(body.clone()).send().await {
                Ok(answer) if answer.status().is_success() => return,
                Ok(answer) => tracing::warn!("the result of {id} is answered with {}", answer.status()),
                Err(error) => tracing::warn!("the result of {id} is not told: {error}"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A running service; it ends when this is dropped.
pub struct Service {
    /// Where it listens.
    pub address: SocketAddr,
    kept: Arc<Kept>,
    _tasks: JoinSet<()>,
}

impl Service {
    /// Starts; port 0 is any free one. `told`: where results are told, and the secret that signs them.
    pub async fn start(
        listen: SocketAddr,
        key: Secret,
        told: Option<(String, Secret)>,
        clock: Clock,
    ) -> Result<Service> {
        let listener = TcpListener::bind(listen).await.context(|| format!("listen on {listen}"))?;
        let address = listener.local_addr()?;
        let told = match told {
            Some((url, secret)) => {
                let key = SigningKey::parse(&secret).ok_or_else(|| Error::config("the secret is no whsec_…"))?;
                Some((url, key))
            }
            None => None,
        };
        let tls = trust::client_config(std::path::Path::new(""))?;
        let client =
            reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().timeout(Duration::from_secs(30));
        let client = client.build().map_err(|error| Error::new(Kind::Config, "set up HTTP").caused_by(error))?;
        let kept = Arc::new(Kept { messages: Mutex::default(), key, told, reports: Mutex::default(), client, clock });
        let router = Router::new()
            .route("/", get(shown))
            .route("/messages", get(found).post(taken))
            .with_state(Arc::clone(&kept));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!("the service for text messages ended: {error}");
            }
        });
        Ok(Service { address, kept, _tasks: tasks })
    }

    /// What is kept, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.kept.lock().iter().cloned().collect()
    }
}

async fn taken(
    State(kept): State<Arc<Kept>>,
    headers: HeaderMap,
    Json(asked): Json<Asked>,
) -> (StatusCode, Json<Value>) {
    if !kept.may(&headers) {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "the key is not known"})));
    }
    if asked.to.ends_with("5555") || asked.text.is_empty() {
        return (
            StatusCode::BAD_REQUEST,
            Json(json!({"error": "the number cannot be written to, or the text is empty"})),
        );
    }
    let late = asked.to.ends_with("4444");
    let id = {
        let mut messages = kept.lock();
        let last = messages.back().and_then(|last| last.id.strip_prefix("m")).and_then(|last| last.parse::<u64>().ok());
        let id = format!("m{}", last.unwrap_or(0) + 1);
        let Asked { to, from, text, reference, template } = asked;
        messages.push_back(Message { id: id.clone(), to, from, text, reference, template, result: String::new() });
        while messages.len() > MOST_MESSAGES {
            messages.pop_front();
        }
        id
    };
    kept.later(Arc::clone(&kept).report(id.clone()));
    // It is taken, and that is said too late.
    if late {
        tokio::time::sleep(LATE).await;
    }
    (StatusCode::CREATED, Json(json!({"id": id})))
}

async fn found(
    State(kept): State<Arc<Kept>>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> (StatusCode, Json<Value>) {
    if !kept.may(&headers) {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "the key is not known"})));
    }
    let messages = kept.lock();
    let found: Vec<&Message> = messages.iter().filter(|message| message.reference == wanted.reference).collect();
    (StatusCode::OK, Json(json!({"messages": found})))
}

async fn shown(State(kept): State<Arc<Kept>>) -> Html<String> {
    let mut rows = String::new();
    for message in kept.lock().iter().rev() {
        let cells = [&message.id, &message.to, &message.text, &message.template, &message.result];
        rows.push_str("<tr>");
        for cell in cells {
            rows.push_str("<td>");
            rows.push_str(&escape(cell));
        }
        rows.push('\n');
    }
    page(
        "문자 메시지 · Text messages",
        &format!(
            "<table><tr><th>번호 · No<th>받는 이 · To<th>내용 · Text<th>템플릿 · Template<th>결과 · Result\n{rows}</table>"
        ),
    )
}
