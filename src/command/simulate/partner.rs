//! `dure simulate partner`: a partner's system. It takes what a hub posts, proves the signature, keeps it, and answers an
//! order as its rule says: EDIFACT with CONTRL, ORDRSP and DESADV, UBL with OrderResponse and DespatchAdvice. It knows
//! nothing of the hub but its address and a key, and speaks only HTTP with it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body as HttpBody, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use clap::{Args, ValueEnum};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::answer::{self, Answer, Rule};
use super::until_stopped;
use crate::clock::Clock;
use crate::command::call::Call;
use crate::command::client::{Client, Handing, HubArgs, decided};
use crate::command::out::{Out, Outcome};
use crate::document::Body;
use crate::document::directory::message_of;
use crate::error::{Context, Error, Result};
use crate::format::{Hint, Limits, Source, WriteOptions, edifact};
use crate::model::document_type::DocumentType;
use crate::model::envelope::Envelope;
use crate::model::finding::Severity;
use crate::model::party_id::PartyId;
use crate::model::secret::Secret;
use crate::pipeline::encode::encode;
use crate::pipeline::read::{self, ReadInterchange};
use crate::transport::webhook;

/// Bytes of one delivery.
const LARGEST_BODY: usize = 64 << 20;
/// Deliveries kept; when there are more, the oldest go.
const MOST_KEPT: usize = 1000;
/// Deliveries known again; when there are more, all are forgotten.
const MOST_ANSWERED: usize = 100_000;

/// Answer orders as a producer's system would: a server that a hub posts to
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  dure simulate partner --listen 127.0.0.1:8901 --url http://127.0.0.1:7373 --key dk_… --secret whsec_…\n\n\
    The hub's agreement names http://127.0.0.1:8901/ as its address; the hub allows it with \
    DURE_HTTP_OUT__ALLOW_PRIVATE=127.0.0.1. What came is shown at that address."
)]
pub struct Partner {
    /// Where it listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8901")]
    listen: SocketAddr,
    #[command(flatten)]
    hub: HubArgs,
    /// Secret with which the hub signs what it posts (whsec_…); without one nothing is proved
    #[arg(long, value_name = "SECRET", env = "DURE_PARTNER_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// What it says to orders
    #[arg(long, value_enum, default_value = "accept")]
    answer: Answer,
    /// How an EDIFACT interchange is acknowledged
    #[arg(long, value_enum, default_value = "response")]
    contrl: Contrl,
    /// Days to the promised day
    #[arg(long, value_name = "DAYS", default_value_t = 3)]
    lead: u32,
    /// Answer, but ship nothing
    #[arg(long)]
    no_despatch: bool,
    /// Everything in one parcel; else one parcel a line
    #[arg(long)]
    one_parcel: bool,
    /// The courier's identifier, gln:8801234500050
    #[arg(long, value_name = "SCHEME:VALUE")]
    courier: Option<PartyId>,
    /// The first waybill number, eleven digits
    #[arg(long, value_name = "NUMBER", default_value_t = 68_123_456_001)]
    waybill: u64,
    /// Leave waybill numbers to the courier: the hub books the parcels
    #[arg(long, conflicts_with = "waybill")]
    unbooked: bool,
    /// Milliseconds between order, answer and shipment
    #[arg(long, value_name = "MS", default_value_t = 200)]
    pause: u64,
    /// Write what comes and what is answered into this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// How an EDIFACT interchange is acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Contrl {
    /// In the body of the HTTP response.
    Response,
    /// In a call of its own.
    Post,
    /// Not at all.
    None,
}

/// How a simulated partner is set up.
#[derive(Clone)]
pub struct Settings {
    /// The hub, with this partner's key.
    pub hub: Client,
    /// The secret with which the hub signs.
    pub secret: Option<Secret>,
    /// What it says and ships.
    pub rule: Rule,
    /// How it acknowledges EDIFACT.
    pub contrl: Contrl,
    /// Whether it ships.
    pub despatches: bool,
    /// Between order, answer and shipment.
    pub pause: Duration,
    /// Where it writes what comes and goes.
    pub keep: Option<PathBuf>,
    /// The time.
    pub clock: Clock,
    /// The zone of its days.
    pub zone: chrono_tz::Tz,
}

/// Something that came or went.
#[derive(Clone, Debug)]
pub struct Passed {
    /// Counted from 1.
    pub number: usize,
    /// Whether it came from the hub.
    pub came: bool,
    /// The message, `edifact/d96a/ORDERS`; empty if it was not recognised.
    pub message_type: String,
    /// Number of the document.
    pub document: String,
    /// Media type.
    pub content_type: String,
    /// The hub's id: of the delivery that came, of the interchange that went.
    pub id: String,
    /// What became of it: whether the signature holds, or the hub's disposition.
    pub said: String,
    /// The bytes.
    pub bytes: Bytes,
}

/// A running partner; it ends when this is dropped.
pub struct Simulated {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Works>,
    _tasks: JoinSet<()>,
}

struct Works {
    settings: Settings,
    passed: Mutex<Vec<Passed>>,
    /// Answers by `webhook-id`, so that a repeat is answered as the first was.
    answered: Mutex<HashMap<String, Option<Bytes>>>,
    count: watch::Sender<usize>,
    tasks: Mutex<JoinSet<()>>,
}

impl Partner {
    pub(super) async fn run(self, call: &Call) -> Result<Outcome> {
        let hub = self.hub.client(call).await?;
        let rule = Rule {
            answer: self.answer,
            lead_days: self.lead,
            one_parcel: self.one_parcel,
            courier: self.courier.unwrap_or_default(),
            first_waybill: self.waybill,
            unbooked: self.unbooked,
            ..Rule::default()
        };
        let settings = Settings {
            hub,
            secret: self.secret.map(Secret::new),
            rule,
            contrl: self.contrl,
            despatches: !self.no_despatch,
            pause: Duration::from_millis(self.pause),
            keep: self.keep,
            clock: Clock::System,
            zone: call.config()?.zone,
        };
        let partner = Simulated::start(self.listen, settings).await?;
        call.out.line(format!("http://{}/", partner.address))?;
        let mut shown = 0;
        let mut count = partner.state.count.subscribe();
        loop {
            for passed in partner.passed() {
                if passed.number > shown {
                    print(&call.out, &passed)?;
                    shown = passed.number;
                }
            }
            tokio::select! {
                changed = count.changed() => if changed.is_err() { return Ok(Outcome::Good) },
                stopped = until_stopped() => { stopped?; return Ok(Outcome::Good) }
            }
        }
    }
}

fn print(out: &Out, passed: &Passed) -> Result<()> {
    let Passed { came, message_type, document, id, said, bytes, .. } = passed;
    if out.json {
        return out
            .json(&json!({ "came": came, "message_type": message_type, "number": document, "id": id, "said": said,
            "bytes": bytes.len() }));
    }
    out.line(format!("{} {message_type} {document} {id} {said}", if *came { "<-" } else { "->" }))
}

impl Simulated {
    /// Starts at an address; port 0 is any free one.
    pub async fn start(address: SocketAddr, settings: Settings) -> Result<Simulated> {
        let listener = TcpListener::bind(address).await.context(|| format!("listen on {address}"))?;
        let address = listener.local_addr()?;
        if let Some(folder) = &settings.keep {
            std::fs::create_dir_all(folder).context(|| format!("make the folder {}", folder.display()))?;
        }
        let state = Arc::new(Works {
            settings,
            passed: Mutex::default(),
            answered: Mutex::default(),
            count: watch::Sender::new(0),
            tasks: Mutex::new(JoinSet::new()),
        });
        let router = Router::new()
            .route("/", get(list).post(take))
            .route("/kept/{number}", get(one))
            .route("/{*path}", post(take))
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .with_state(Arc::clone(&state));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "a simulated partner ended");
            }
        });
        Ok(Simulated { address, state, _tasks: tasks })
    }

    /// What came and went, oldest first.
    pub fn passed(&self) -> Vec<Passed> {
        lock(&self.state.passed).clone()
    }

    /// The first that fits, as soon as there is one; none after that time.
    pub async fn wait_for(&self, within: Duration, fits: impl Fn(&Passed) -> bool) -> Option<Passed> {
        let mut count = self.state.count.subscribe();
        let waiting = async {
            loop {
                if let Some(found) = self.passed().into_iter().find(|passed| fits(passed)) {
                    return Some(found);
                }
                if count.changed().await.is_err() {
                    return None;
                }
            }
        };
        tokio::time::timeout(within, waiting).await.unwrap_or(None)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Works {
    fn note(&self, mut passed: Passed) {
        let mut list = lock(&self.passed);
        passed.number = list.last().map_or(0, |last| last.number) + 1;
        let number = passed.number;
        if let Some(folder) = &self.settings.keep {
            let way = if passed.came { "in" } else { "out" };
            let name: String = passed.message_type.chars().map(|c| if c == '/' { '-' } else { c }).collect();
            let file = folder.join(format!("{number:04}-{way}-{name}"));
            if let Err(error) = std::fs::write(&file, &passed.bytes) {
                tracing::warn!(%error, "{} cannot be written", file.display());
            }
        }
        list.push(passed);
        if list.len() > MOST_KEPT {
            list.remove(0);
        }
        drop(list);
        self.count.send_replace(number);
    }
}

/// A page for people: what came and went.
async fn list(State(works): State<Arc<Works>>) -> String {
    let mut text = String::from("dure simulate partner\n\n");
    for passed in lock(&works.passed).iter() {
        let Passed { number, came, message_type, document, id, said, .. } = passed;
        let way = if *came { "<-" } else { "->" };
        text.push_str(&format!("{way} {message_type} {document} {id} {said}  /kept/{number}\n"));
    }
    text
}

async fn one(State(works): State<Arc<Works>>, Path(number): Path<usize>) -> Response {
    match lock(&works.passed).iter().find(|passed| passed.number == number) {
        // As text, so that nothing in it is run.
        Some(passed) => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], passed.bytes.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Takes a delivery.
async fn take(State(works): State<Arc<Works>>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    let id = text("webhook-id");
    if let Some(secret) = &works.settings.secret {
        let (timestamp, signature) = (text("webhook-timestamp"), text("webhook-signature"));
        let signed = webhook::Headers { id: &id, timestamp: &timestamp, signature: &signature };
        let now_ms = works.settings.clock.now_ms();
        if let Err(refused) = webhook::verify(std::slice::from_ref(secret), signed, &body, now_ms) {
            return (StatusCode::UNAUTHORIZED, refused.to_string()).into_response();
        }
    }
    if let Some(before) = lock(&works.answered).get(&id).filter(|_| !id.is_empty()) {
        return answer_with(before.clone());
    }
    let content_type = text("content-type");
    let media = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let hint = Hint { content_type: Some(media), ..Hint::default() };
    let bytes = body.clone();
    let now_ms = works.settings.clock.now_ms();
    let read = tokio::task::spawn_blocking(move || {
        let read = read::stateless(bytes.clone(), &hint)?;
        let contrl = contrl(&bytes, &hint, &read, now_ms)?;
        Ok::<_, Error>((read, contrl))
    });
    let (read, contrl) = match read.await {
        Ok(Ok(done)) => done,
        Ok(Err(error)) => return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    let first = read.messages.first();
    let signed = if works.settings.secret.is_some() { "signature holds" } else { "" };
    works.note(Passed {
        number: 0,
        came: true,
        message_type: first.map_or(String::new(), |message| message.message_type.clone()),
        document: first.and_then(|message| message.body.as_ref()).map_or("", Body::number).to_owned(),
        content_type,
        id: id.clone(),
        said: signed.to_owned(),
        bytes: body,
    });
    let in_response = contrl.clone().filter(|_| works.settings.contrl == Contrl::Response);
    let mut answered = lock(&works.answered);
    if answered.len() >= MOST_ANSWERED {
        answered.clear();
    }
    answered.insert(id, in_response.clone());
    drop(answered);
    let posted = contrl.filter(|_| works.settings.contrl == Contrl::Post);
    let working = Arc::clone(&works);
    let mut tasks = lock(&works.tasks);
    while tasks.try_join_next().is_some() {}
    tasks.spawn(async move {
        // Boxed: it holds documents while it waits.
        if let Err(error) = Box::pin(work(&working, read, posted)).await {
            tracing::warn!(%error, "a simulated partner could not answer");
        }
    });
    drop(tasks);
    answer_with(in_response)
}

fn answer_with(body: Option<Bytes>) -> Response {
    match body {
        Some(bytes) => ([(header::CONTENT_TYPE, "application/EDIFACT")], HttpBody::from(bytes)).into_response(),
        None => StatusCode::OK.into_response(),
    }
}

/// The CONTRL that answers an EDIFACT interchange; none for another format, and for one that is a CONTRL itself.
fn contrl(bytes: &Bytes, hint: &Hint, read: &ReadInterchange, now_ms: i64) -> Result<Option<Bytes>> {
    if !read.format.starts_with("edifact") {
        return Ok(None);
    }
    let verdicts: Vec<_> = read
        .messages
        .iter()
        .map(|message| edifact::Verdict {
            accepted: !message.findings.iter().any(|finding| finding.severity == Severity::Error),
            findings: &message.findings,
        })
        .collect();
    let (source, limits) = (Source::Bytes(bytes.clone()), Limits::default());
    let answer = edifact::control(source, hint, &limits, &read.findings, &verdicts, edifact::Extent::Full)?;
    let Some((message_type, tree)) = answer else { return Ok(None) };
    let reference = read.envelope.control_reference.as_deref().unwrap_or("1");
    let options = WriteOptions {
        envelope: edifact::answer(&read.envelope, format!("C{}", tail(reference, 13))),
        prepared_at_ms: now_ms,
        message_reference: "1".to_owned(),
        ..WriteOptions::default()
    };
    let outgoing = edifact::Outgoing { message_type: &message_type, reference: "1", tree: &tree };
    let (bytes, _) = edifact::write(&[outgoing], &options);
    Ok(Some(bytes.into()))
}

/// The last characters of a text.
fn tail(text: &str, most: usize) -> &str {
    let skip = text.chars().count().saturating_sub(most);
    text.char_indices().nth(skip).and_then(|(at, _)| text.get(at..)).unwrap_or("")
}

/// Does what an order asks for.
async fn work(works: &Works, read: ReadInterchange, posted: Option<Bytes>) -> Result<()> {
    if let Some(bytes) = posted {
        post_bytes(works, "edifact/3/CONTRL", "", "application/EDIFACT", bytes).await?;
    }
    let settings = &works.settings;
    for message in &read.messages {
        let Some(Body::Order(order)) = &message.body else { continue };
        let now = chrono::DateTime::from_timestamp_millis(settings.clock.now_ms()).unwrap_or_default();
        let today = now.with_timezone(&settings.zone).date_naive();
        tokio::time::sleep(settings.pause).await;
        let response = Body::OrderResponse(Box::new(answer::order_response(&settings.rule, order, today)));
        hand_in(works, &read, DocumentType::OrderResponse, &response).await?;
        let advice = answer::despatch_advice(&settings.rule, order, today).filter(|_| settings.despatches);
        if let Some(advice) = advice {
            tokio::time::sleep(settings.pause).await;
            hand_in(works, &read, DocumentType::DespatchAdvice, &Body::DespatchAdvice(Box::new(advice))).await?;
        }
    }
    Ok(())
}

/// Writes a document in the format that its order came in, and hands it in.
async fn hand_in(works: &Works, read: &ReadInterchange, document_type: DocumentType, body: &Body) -> Result<()> {
    let message_type = message_of(&read.format, document_type)
        .ok_or_else(|| Error::config(format!("{} has no {document_type}", read.format)))?;
    let number = body.number().to_owned();
    let edifact = message_type.standard == "edifact";
    let envelope = &read.envelope;
    let options = WriteOptions {
        envelope: Envelope {
            sender: envelope.receiver.clone(),
            receiver: envelope.sender.clone(),
            control_reference: Some(tail(&number.replace('-', ""), 14).to_owned()),
            acknowledgement_requested: false,
            syntax: edifact.then(|| envelope.syntax.clone().unwrap_or_default()),
            ..Envelope::default()
        },
        prepared_at_ms: works.settings.clock.now_ms(),
        message_reference: "1".to_owned(),
        ..WriteOptions::default()
    };
    let encoded = encode(document_type, &body.to_json(), &message_type, &options)?;
    for finding in &encoded.findings {
        tracing::info!("{message_type} {number}: {}", finding.text(crate::model::finding::Language::En));
    }
    post_bytes(works, &message_type.to_string(), &number, encoded.content_type, encoded.bytes.into()).await
}

async fn post_bytes(works: &Works, message: &str, number: &str, content_type: &str, bytes: Bytes) -> Result<()> {
    let key = if number.is_empty() { String::new() } else { format!("{message}/{number}") };
    let handing = Handing { content_type, idempotency_key: &key, wait_s: 10, ..Handing::default() };
    let answer = works.settings.hub.post(bytes.to_vec(), &handing).await?;
    let (id, said) = match decided(&answer.json()) {
        Some(decided) => (decided.interchange.to_string(), decided.disposition.unwrap_or(decided.state)),
        None => (String::new(), answer.status.to_string()),
    };
    works.note(Passed {
        number: 0,
        came: false,
        message_type: message.to_owned(),
        document: number.to_owned(),
        content_type: content_type.to_owned(),
        id,
        said,
        bytes,
    });
    Ok(())
}
