//! The link to one system: its session, requests filled in from a script, and what answers mean.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::Settings;
use super::script::{Complaint, Condition, ErrorRule, Means, Script, Step};
use crate::error::{Error, Result};
use crate::format::template::{Missing, Scope, is_there, percent, text_of};
use crate::model::finding::{Code, Finding, Language, Place};
use crate::model::secret::{MASK, Secret};
use crate::pipeline::hub::Hub;
use crate::transport::http_client::HttpClient;
use crate::transport::http_client::exchange::{Reply, Request, Unanswered};

/// Characters of an answer that are told.
const LONGEST_EXCERPT: usize = 300;
/// Secrets shorter than this are not looked for in what is told.
const SHORTEST_SECRET: usize = 4;

/// Values with names.
pub(super) type Kept = BTreeMap<String, Value>;

/// Why a step did not succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Later perhaps.
    Again { reason: String, after_ms: Option<i64> },
    /// The way does not work: no connection, no answer, no session.
    Unreachable(String),
    /// The document cannot be taken.
    Findings(Vec<Finding>),
    /// A person has to look.
    Refused(String),
}

/// The link to one system.
pub(super) struct Link {
    /// Its name in the configuration.
    pub(super) bound: String,
    /// Its name among channels and leases, and its address: `connector:NAME`.
    pub(super) channel: String,
    pub(super) settings: Settings,
    pub(super) script: Script,
    client: HttpClient,
    hub: OnceLock<Weak<Hub>>,
    session: Mutex<Option<Arc<Kept>>>,
}

impl Link {
    pub(super) fn new(name: &str, settings: Settings, script: Script, client: HttpClient) -> Link {
        Link {
            bound: name.to_owned(),
            channel: format!("connector:{name}"),
            settings,
            script,
            client,
            hub: OnceLock::new(),
            session: Mutex::new(None),
        }
    }

    /// Tells it its hub, once.
    pub(super) fn join(&self, hub: &Arc<Hub>) {
        drop(self.hub.set(Arc::downgrade(hub)));
    }

    /// Its hub, while that runs.
    pub(super) fn hub(&self) -> Result<Arc<Hub>> {
        self.hub.get().and_then(Weak::upgrade).ok_or_else(|| Error::bug("a connector without a hub"))
    }

    /// A value of the configuration or a secret.
    pub(super) fn named(&self, name: &str, secrets: &Secrets) -> Option<Value> {
        if let Some(name) = name.strip_prefix("setting.") {
            let set = self.settings.values.get(name).or_else(|| self.script.settings.get(name));
            return set.map(|value| Value::from(value.as_str()));
        }
        let secret = secrets.0.get(name.strip_prefix("secret.")?)?;
        Some(Value::from(secret.expose()))
    }

    /// The secrets that the script names.
    pub(super) fn secrets(&self) -> Result<Secrets, Failure> {
        let hub = self.hub().map_err(|error| Failure::Unreachable(error.to_string()))?;
        let mut secrets = BTreeMap::new();
        for name in &self.script.secrets {
            let full = format!("{}:{name}", self.channel);
            match hub.secret(&full) {
                Ok(Some(secret)) => drop(secrets.insert(name.clone(), secret)),
                Ok(None) => {}
                Err(error) => return Err(Failure::Unreachable(error.to_string())),
            }
        }
        Ok(Secrets(secrets))
    }

    /// The session, made if there is none or it is still the one that is over.
    pub(super) async fn session(&self, secrets: &Secrets, over: Option<&Arc<Kept>>) -> Result<Arc<Kept>, Failure> {
        let mut session = self.session.lock().await;
        if let Some(known) = session.as_ref()
            && over.is_none_or(|over| !Arc::ptr_eq(over, known))
        {
            return Ok(Arc::clone(known));
        }
        *session = None;
        let mut made = Kept::new();
        for step in &self.script.session {
            let document = Value::Null;
            let kept = {
                let names =
                    |name: &str, _: Option<usize>| self.named(name, secrets).or_else(|| made.get(name).cloned());
                let scope = self.scope(&document, &names);
                let answer =
                    self.send(step, &scope, false).await.and_then(|reply| self.meaning(&reply, secrets, &made));
                let kept = answer.and_then(|answer| self.keep(step, &scope, &answer));
                kept.map_err(|failure| self.not_signed_in(failure))?
            };
            made.extend(kept);
        }
        let made = Arc::new(made);
        *session = Some(Arc::clone(&made));
        Ok(made)
    }

    fn not_signed_in(&self, failure: Refusal) -> Failure {
        match failure {
            Refusal::SignIn(reason) => Failure::Unreachable(format!("signing in is refused: {reason}")),
            Refusal::Failed(Failure::Refused(reason)) => {
                Failure::Unreachable(format!("signing in is refused: {reason}"))
            }
            Refusal::Failed(Failure::Findings(findings)) => {
                Failure::Unreachable(format!("signing in is refused: {}", sentence(&findings)))
            }
            Refusal::Failed(failure) => failure,
        }
    }

    fn scope<'s>(
        &'s self,
        document: &'s Value,
        names: &'s (dyn Fn(&str, Option<usize>) -> Option<Value> + Sync),
    ) -> Scope<'s> {
        Scope { document, names, tables: &self.script.tables, item: None, list: String::new() }
    }

    /// Runs a step, signing in before it if need be and once more if the session is over. Gives what is kept.
    pub(super) async fn ask(&self, step: &Step, around: &Around<'_>) -> Result<Kept, Failure> {
        let secrets = self.secrets()?;
        let mut session = self.session(&secrets, None).await?;
        let mut renewed = self.script.session.is_empty();
        loop {
            let names = |name: &str, line: Option<usize>| {
                let known = around.name(name, line).or_else(|| session.get(name).cloned());
                known.or_else(|| self.named(name, &secrets))
            };
            let scope = Scope { item: around.item, list: around.list.clone(), ..self.scope(around.document, &names) };
            let reply = self.send(step, &scope, true).await;
            let answer = reply.and_then(|reply| self.meaning(&reply, &secrets, &session));
            match answer.and_then(|answer| self.keep(step, &scope, &answer)) {
                Ok(kept) => return Ok(kept),
                Err(Refusal::Failed(failure)) => return Err(failure),
                Err(Refusal::SignIn(reason)) if renewed => {
                    return Err(Failure::Unreachable(format!("the session is refused: {reason}")));
                }
                Err(Refusal::SignIn(_)) => {
                    renewed = true;
                    session = self.session(&secrets, Some(&session)).await?;
                }
            }
        }
    }

    /// A text filled in with everything that is known.
    pub(super) async fn value(
        &self,
        around: &Around<'_>,
        fill: impl Fn(&Scope<'_>) -> Result<Value, Missing>,
    ) -> Result<Value, Failure> {
        let names = |name: &str, line: Option<usize>| {
            around.name(name, line).or_else(|| self.named(name, &Secrets(BTreeMap::new())))
        };
        let scope = Scope { item: around.item, list: around.list.clone(), ..self.scope(around.document, &names) };
        fill(&scope).map_err(lacking)
    }

    /// Whether all conditions hold.
    pub(super) async fn holds(&self, conditions: &[Condition], around: &Around<'_>) -> bool {
        for condition in conditions {
            let value = self.value(around, |scope| condition.value.value(scope)).await.unwrap_or(Value::Null);
            let text = text_of(&value);
            let good = match (condition.is.as_slice(), condition.is_not.as_slice()) {
                ([], []) => is_there(&value) && value != Value::Bool(false),
                (is, is_not) => (is.is_empty() || is.contains(&text)) && !is_not.contains(&text),
            };
            if !good {
                return false;
            }
        }
        true
    }

    async fn send(&self, step: &Step, scope: &Scope<'_>, defaults: bool) -> Result<Reply, Refusal> {
        let request = self.request(step, scope, defaults).map_err(|failure| Refusal::Failed(*failure))?;
        let answered =
            tokio::time::timeout(Duration::from_millis(self.settings.timeout_ms), self.client.exchange(request));
        match answered.await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(Unanswered::Refused(reason))) => Err(Failure::Refused(reason).into()),
            Ok(Err(Unanswered::NoConnection(reason) | Unanswered::Doubtful(reason))) => {
                Err(Failure::Unreachable(format!("{}: {reason}", step.step)).into())
            }
            Err(_) => {
                let reason = format!("{}: no answer within {} ms", step.step, self.settings.timeout_ms);
                Err(Failure::Unreachable(reason).into())
            }
        }
    }

    fn request(&self, step: &Step, scope: &Scope<'_>, defaults: bool) -> Result<Request, Box<Failure>> {
        let lacking = |missing: Missing| Box::new(lacking(missing));
        let general = defaults.then_some(&self.script.request);
        let path = step.path.as_ref().or(general.map(|general| &general.path));
        let path = path.map(|path| path.text(scope, percent)).transpose().map_err(lacking)?.unwrap_or_default();
        let base = self.settings.address.trim_end_matches('/');
        let path = path.trim_start_matches('/');
        let mut address = if path.is_empty() { self.settings.address.clone() } else { format!("{base}/{path}") };
        for (index, (name, value)) in step.query.iter().enumerate() {
            address.push(if index == 0 { '?' } else { '&' });
            let value = value.text(scope, str::to_owned).map_err(lacking)?;
            address.push_str(&format!("{}={}", percent(name), percent(&value)));
        }
        // A path of the script cannot lead to another host.
        let same = |one: &Url, two: &Url| one.origin() == two.origin();
        let lies_there =
            Url::parse(&address).ok().zip(Url::parse(base).ok()).is_some_and(|(one, two)| same(&one, &two));
        if !lies_there {
            return Err(Box::new(Failure::Refused(format!("step {} leads away from the system", step.step))));
        }
        let mut headers = Vec::new();
        for (name, value) in general.map(|general| &general.headers).into_iter().flatten().chain(&step.headers) {
            headers.push((name.clone(), Secret::new(value.text(scope, str::to_owned).map_err(lacking)?)));
        }
        let (content_type, body) = match &step.body {
            Some(shape) => {
                let body = shape.value(scope).map_err(lacking)?;
                ("application/json", Some(Bytes::from(body.to_string())))
            }
            None if step.form.is_empty() => ("", None),
            None => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                for (name, value) in &step.form {
                    form.append_pair(name, &value.text(scope, str::to_owned).map_err(lacking)?);
                }
                ("application/x-www-form-urlencoded", Some(Bytes::from(form.finish())))
            }
        };
        let general = general.map_or("", |general| general.method.as_str());
        let method = match (step.method.as_str(), general) {
            ("", "") if body.is_some() => "POST",
            ("", "") => "GET",
            ("", general) => general,
            (own, _) => own,
        };
        Ok(Request { method: method.to_owned(), address, headers, content_type: content_type.to_owned(), body })
    }

    /// What an answer means: its JSON if it is a good one.
    fn meaning(&self, reply: &Reply, secrets: &Secrets, session: &Kept) -> Result<Value, Refusal> {
        let good = (200..300).contains(&reply.status);
        let body = if reply.body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&reply.body) };
        let nothing = Value::Null;
        let rule = self.script.errors.iter().find(|rule| fits(rule, reply.status, body.as_ref().unwrap_or(&nothing)));
        let said =
            rule.and_then(|rule| rule.say.as_ref()).and_then(|say| body.as_ref().ok().and_then(|body| say.of(body)));
        let said = said.map(text_of).filter(|said| !said.is_empty());
        let known = said.is_some();
        let said = said.unwrap_or_else(|| {
            let excerpt = String::from_utf8_lossy(reply.body.get(..2048).unwrap_or(&reply.body)).into_owned();
            if excerpt.trim_start().starts_with('<') { String::new() } else { excerpt }
        });
        let said = shorten(&secrets.masked(&said, session));
        let reason = match (known, said.is_empty()) {
            (true, _) => said.clone(),
            (false, true) => format!("HTTP {}", reply.status),
            (false, false) => format!("HTTP {}: {said}", reply.status),
        };
        let means = match (rule, reply.status) {
            (Some(rule), _) => rule.means,
            (None, _) if good && body.is_ok() => Means::Good,
            // A page of a proxy in front of it, or half an answer: nobody is there.
            (None, 502..=504) => return Err(Failure::Unreachable(reason).into()),
            (None, _) if good => return Err(Failure::Unreachable(format!("the answer is no JSON: {reason}")).into()),
            (None, 401) => Means::SignIn,
            (None, 408 | 425 | 429 | 500..=599) => Means::Again,
            (None, _) => Means::Refused,
        };
        match means {
            Means::Good => Ok(body.unwrap_or(Value::Null)),
            Means::Again => Err(Failure::Again { reason, after_ms: reply.retry_after_ms }.into()),
            Means::SignIn => Err(Refusal::SignIn(reason)),
            Means::Finding => {
                let finding = Finding::error(Code::RefusedThere, Place::default()).found(reason);
                Err(Failure::Findings(vec![finding.expected(&self.script.title)]).into())
            }
            Means::Refused => Err(Failure::Refused(reason).into()),
        }
    }

    /// What a step keeps of its answer, after its checks.
    fn keep(&self, step: &Step, scope: &Scope<'_>, answer: &Value) -> Result<Kept, Refusal> {
        let mut kept = Kept::new();
        for (name, pointer) in &step.keep {
            let found = pointer.of(answer).filter(|found| is_there(found) && **found != Value::Bool(false)).cloned();
            let may_lack = step.looks_up.as_ref() == Some(name) || step.optional.contains(name);
            match found {
                Some(found) => drop(kept.insert(name.clone(), found)),
                None if may_lack => drop(kept.insert(name.clone(), Value::Null)),
                None => {
                    return Err(match &step.missing {
                        Some(complaint) => Failure::Findings(vec![self.finding(complaint, scope)]),
                        None => Failure::Refused(format!("the answer to {} has nothing at {}", step.step, pointer.0)),
                    }
                    .into());
                }
            }
        }
        for (name, template) in &step.make {
            let names = |name: &str, line: Option<usize>| kept.get(name).cloned().or_else(|| (scope.names)(name, line));
            let made = template.value(&Scope { names: &names, ..scope.clone() }).map_err(lacking)?;
            kept.insert(name.clone(), made);
        }
        let names = |name: &str, line: Option<usize>| kept.get(name).cloned().or_else(|| (scope.names)(name, line));
        let scope = Scope { names: &names, ..scope.clone() };
        for check in &step.check {
            let value = check.value.text(&scope, str::to_owned).map_err(lacking)?;
            let good = check.is.iter().any(|is| is.text(&scope, str::to_owned).is_ok_and(|is| is == value));
            if !good {
                return Err(Failure::Findings(vec![self.finding(&check.complaint, &scope)]).into());
            }
        }
        Ok(kept)
    }

    fn finding(&self, complaint: &Complaint, scope: &Scope<'_>) -> Finding {
        let text =
            |template: &crate::format::template::Template| template.text(scope, str::to_owned).unwrap_or_default();
        let expected = complaint.expected.as_ref().map_or_else(|| self.script.title.clone(), text);
        let place = Place::path(scope.path(&complaint.at));
        Finding::error(complaint.code, place).found(text(&complaint.found)).expected(expected)
    }
}

/// What a step is filled in from, besides settings, secrets and the session.
pub(super) struct Around<'a> {
    pub(super) document: &'a Value,
    /// Kept values of the whole document.
    pub(super) kept: &'a Kept,
    /// Kept values of each line, from 1.
    pub(super) lines: &'a BTreeMap<usize, Kept>,
    pub(super) item: Option<(&'a Value, usize)>,
    pub(super) list: String,
}

impl Around<'_> {
    fn name(&self, name: &str, line: Option<usize>) -> Option<Value> {
        let of_line = line.and_then(|line| self.lines.get(&line)).and_then(|kept| kept.get(name));
        of_line.or_else(|| self.kept.get(name)).cloned()
    }
}

/// A failure, or that the session is over.
pub(super) enum Refusal {
    SignIn(String),
    Failed(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        Refusal::Failed(failure)
    }
}

impl From<Missing> for Failure {
    fn from(missing: Missing) -> Failure {
        lacking(missing)
    }
}

impl From<Missing> for Refusal {
    fn from(missing: Missing) -> Refusal {
        Refusal::Failed(lacking(missing))
    }
}

/// The document does not say something that the system needs.
fn lacking(missing: Missing) -> Failure {
    let place = Place::path(missing.0.clone());
    Failure::Findings(vec![Finding::error(Code::Required, place).expected(missing.0)])
}

/// Findings in a line.
pub(super) fn sentence(findings: &[Finding]) -> String {
    let said = findings.iter().map(|finding| {
        let path = finding.place.path.as_deref().unwrap_or("");
        let colon = if path.is_empty() { "" } else { ": " };
        format!("{path}{colon}{}", finding.text(Language::En))
    });
    said.collect::<Vec<_>>().join("; ")
}

/// Secrets by the names they have in the script.
pub(super) struct Secrets(BTreeMap<String, Secret>);

impl Secrets {
    /// A text of the system in which no secret and nothing of the session stands.
    fn masked(&self, text: &str, session: &Kept) -> String {
        let secrets = self.0.values().map(|secret| secret.expose().to_owned());
        let session = session.values().filter_map(Value::as_str).map(str::to_owned);
        let hidden = secrets.chain(session).filter(|hidden| hidden.len() >= SHORTEST_SECRET);
        hidden.fold(text.to_owned(), |text, hidden| text.replace(&hidden, MASK))
    }
}

fn fits(rule: &ErrorRule, status: u16, body: &Value) -> bool {
    if !rule.status.is_empty() && !rule.status.contains(&status) {
        return false;
    }
    let Some(pointer) = &rule.at else { return true };
    let Some(found) = pointer.of(body).filter(|found| !found.is_null()) else { return false };
    let text = text_of(found);
    let any = rule.is.is_empty() && rule.contains.is_empty();
    any || rule.is.contains(&text) || rule.contains.iter().any(|part| text.contains(part))
}

fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_EXCERPT) {
        Some((cut, _)) => format!("{}…", line.get(..cut).unwrap_or("")),
        None => line,
    }
}
