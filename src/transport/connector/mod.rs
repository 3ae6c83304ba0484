//! Connectors: conversations of several HTTP steps with a partner's system (an ERP, a service for text messages), by a script
//! that stands in a file. Requests and documents are rendered by `format::template`.
//!
//! `connector:NAME` in an agreement sends a delivery through `[connector.NAME]` of the configuration, which binds a script to
//! an address, a partner and its settings; secrets are sealed in the store. Sessions are in memory only.

mod conversation;
mod link;
mod poll;
mod script;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::link::{Around, Failure, Kept, Link, sentence};
use self::poll::Poller;
use super::http_client::{self, HttpClient};
use super::keeper;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::format::template::{Scope, without_nothing};
use crate::pipeline::channel::Channel;
use crate::pipeline::courier::Signing;
use crate::pipeline::hub::Hub;
use crate::pipeline::outbound::{Outbound, Outgoing, Sent};

pub use self::script::{Script, Scripts};

/// A connector, `[connector.NAME]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The script's name.
    pub script: String,
    /// Base address of the system.
    pub address: String,
    /// Short name of the partner whose system it is.
    pub partner: String,
    /// What the script wants to know: user, language, …
    pub values: BTreeMap<String, String>,
    /// Seconds between questions for changes.
    pub poll_s: u64,
    /// For one request, milliseconds.
    pub timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            script: String::new(),
            address: String::new(),
            partner: String::new(),
            values: BTreeMap::new(),
            poll_s: 30,
            timeout_ms: 30_000,
        }
    }
}

impl Settings {
    /// What is wrong with it, if anything is.
    pub fn wrong(&self) -> Option<&'static str> {
        if self.script.is_empty() || self.address.is_empty() || self.partner.is_empty() {
            Some("needs script, address and partner")
        } else if !["http://", "https://"].iter().any(|scheme| self.address.starts_with(scheme)) {
            Some("address starts with neither http:// nor https://")
        } else if self.poll_s == 0 || self.timeout_ms == 0 {
            Some("poll_s and timeout_ms must be more than 0")
        } else {
            None
        }
    }
}

/// All connectors of the configuration.
pub struct Connectors {
    links: Vec<Arc<Link>>,
}

impl Connectors {
    /// By the configuration: the built-in scripts and those of `files`, and what binds them.
    pub fn load(
        files: &[PathBuf],
        bound: &BTreeMap<String, Settings>,
        http_out: &http_client::Settings,
        clock: &Clock,
    ) -> Result<Connectors> {
        let scripts = Scripts::load(files)?;
        let mut links = Vec::new();
        for (name, settings) in bound {
            let wrong = |what: String| Error::config(format!("connector.{name}: {what}"));
            let script = scripts.get(&settings.script).ok_or_else(|| {
                wrong(format!("there is no script {}; there are {}", settings.script, scripts.names().join(", ")))
            })?;
            if let Some(unknown) = settings.values.keys().find(|name| !script.settings.contains_key(*name)) {
                return Err(wrong(format!("{} knows no value {unknown}", script.name)));
            }
            let unset = script
                .settings
                .iter()
                .find(|(name, default)| default.is_empty() && settings.values.get(*name).is_none_or(String::is_empty));
            if let Some((unset, _)) = unset {
                return Err(wrong(format!("{} needs the value {unset}", script.name)));
            }
            let client = HttpClient::new(http_out.clone(), clock.clone())?;
            links.push(Arc::new(Link::new(name, settings.clone(), script.clone(), client)));
        }
        Ok(Connectors { links })
    }

    /// Tells them their hub, once it is there.
    pub fn join(&self, hub: &Arc<Hub>) {
        self.links.iter().for_each(|link| link.join(hub));
    }

    /// They as channels that can be tried.
    pub fn channels(&self) -> Vec<Box<dyn Channel>> {
        let boxed = |link: &Arc<Link>| Box::new(ConnectorChannel(Arc::clone(link))) as Box<dyn Channel>;
        self.links.iter().map(boxed).collect()
    }

    /// What asks for changes until the hub stops, for each that does.
    pub fn polls(&self, hub: &Arc<Hub>) -> Vec<impl Future<Output = ()> + Send + 'static> {
        let asking = self.links.iter().filter(|link| !link.script.poll.is_empty());
        asking.map(|link| ask_for_changes(Arc::clone(hub), Arc::clone(link))).collect()
    }

    fn find(&self, address: &str) -> Option<&Arc<Link>> {
        let (scheme, name) = address.split_once(':')?;
        if scheme == "connector" {
            return self.links.iter().find(|link| link.bound == name);
        }
        self.links.iter().find(|link| link.script.schemes.iter().any(|served| served == scheme))
    }
}

async fn ask_for_changes(hub: Arc<Hub>, link: Arc<Link>) {
    let longest = Duration::from_secs(link.settings.poll_s.max(1));
    keeper::keep(&hub, &link.channel, longest, || Poller::new(&hub, &link)).await;
}

/// Takes deliveries to `connector:NAME`.
pub struct ConnectorOut(Arc<Connectors>);

impl ConnectorOut {
    /// Through these.
    pub fn new(connectors: Arc<Connectors>) -> ConnectorOut {
        ConnectorOut(connectors)
    }

    async fn attempt(&self, out: &Outgoing) -> Sent {
        let Some(link) = self.0.find(&out.address) else {
            return Sent::Dead { reason: format!("the configuration has no connector for {}", out.address) };
        };
        let shared = !out.address.starts_with("connector:");
        // Whose system it is stands in the configuration; an agreement does not open it to others.
        if !shared && link.settings.partner != out.partner {
            return Sent::Dead { reason: format!("{} is not the system of {}", link.channel, out.partner) };
        }
        let document = match document(out) {
            Ok(document) => document,
            Err(reason) => return Sent::Dead { reason },
        };
        let kind = document.get("type").and_then(Value::as_str).unwrap_or("");
        match link.script.deliver.get(kind) {
            Some(steps) => conversation::deliver(link, out, document.clone(), steps).await,
            None => {
                let known = link.script.deliver.keys().cloned().collect::<Vec<_>>().join(", ");
                Sent::Dead { reason: format!("{} takes {known} and no {kind}", link.script.title) }
            }
        }
    }
}

/// What the script reads: our own JSON, or a notice.
fn document(out: &Outgoing) -> std::result::Result<Value, String> {
    if out.content_type.starts_with("text/plain") {
        let text = String::from_utf8_lossy(&out.body).into_owned();
        return Ok(json!({"type": "Notice", "subject": out.subject, "text": text}));
    }
    serde_json::from_slice(&out.body)
        .map_err(|_| "a connector reads our own JSON: the agreement's format has to be dure-json".to_owned())
}

impl Outbound for ConnectorOut {
    fn scheme(&self) -> &'static [&'static str] {
        &["connector", "sms"]
    }

    fn channel<'a>(&'a self, out: &'a Outgoing) -> Option<&'a str> {
        self.0.find(&out.address).map(|link| link.channel.as_str())
    }

    fn send<'a>(&'a self, out: &'a Outgoing) -> BoxFuture<'a, Sent> {
        Box::pin(self.attempt(out))
    }
}

/// A connector as a channel that can be tried.
struct ConnectorChannel(Arc<Link>);

impl Channel for ConnectorChannel {
    fn name(&self) -> &str {
        &self.0.channel
    }

    fn place(&self) -> String {
        format!("{}, {}", self.0.script.title, self.0.settings.address)
    }

    fn partner(&self) -> Option<&str> {
        Some(&self.0.settings.partner)
    }

    fn signing(&self) -> Option<&Signing> {
        self.0.script.callback.as_ref().map(|callback| &callback.signing)
    }

    fn reported(&self, body: &[u8]) -> std::result::Result<String, String> {
        let callback = self.0.script.callback.as_ref().ok_or("this system does not call")?;
        let said: Value = serde_json::from_slice(body).map_err(|error| format!("no JSON: {error}"))?;
        let content = callback.content.value(&Scope {
            document: &said,
            names: &|_, _| None,
            tables: &self.0.script.tables,
            item: None,
            list: String::new(),
        });
        content
            .map(|content| without_nothing(content).to_string())
            .map_err(|missing| format!("{} is missing", missing.0))
    }

    fn probe<'a>(&'a self, _hub: &'a Hub) -> BoxFuture<'a, std::result::Result<(), String>> {
        Box::pin(async move {
            let tried = match &self.0.script.probe {
                Some(step) => {
                    let (document, kept, lines) = (Value::Null, Kept::new(), BTreeMap::new());
                    let around =
                        Around { document: &document, kept: &kept, lines: &lines, item: None, list: String::new() };
                    self.0.ask(step, &around).await.map(drop)
                }
                None => match self.0.secrets() {
                    Ok(secrets) => self.0.session(&secrets, None).await.map(drop),
                    Err(failure) => Err(failure),
                },
            };
            tried.map_err(|failure| match failure {
                Failure::Again { reason, .. } | Failure::Unreachable(reason) | Failure::Refused(reason) => reason,
                Failure::Findings(findings) => sentence(&findings),
            })
        })
    }
}
