//! `dure send`, `dure status`, `dure trade`: a client of a running hub, as a partner's system would be one.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::administer::Decided;
use super::call::Call;
use super::check::LARGEST_FILE;
use super::client::{self, Handing, HubArgs};
use super::out::{Out, Outcome, read_file, visible};
use super::reach;
use crate::error::{Error, Result};
use crate::model::disposition::{Disposition, InterchangeState};

/// Hand in a document at a hub
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  dure send order.xml\n  dure send --no-wait --id order-4711 order.xml\n  \
    dure send --url https://hub.example --key dk_… items.csv\n\n\
    Without --no-wait the decision is awaited and printed with its findings. Exit code 1 if the document is rejected or \
    held for a person.")]
pub struct Send {
    /// The file, `-` for standard input
    file: PathBuf,
    /// Do not wait for the decision
    #[arg(long)]
    no_wait: bool,
    /// Seconds to wait for it
    #[arg(long, value_name = "SECONDS", default_value_t = 10, conflicts_with = "no_wait")]
    wait: u32,
    /// Media type, where the hub shall not find out by itself
    #[arg(long, value_name = "TYPE", default_value = "")]
    content_type: String,
    /// Idempotency-Key: the same call made again is answered as the first was
    #[arg(long = "id", value_name = "KEY", default_value = "")]
    idempotency_key: String,
    #[command(flatten)]
    hub: HubArgs,
}

/// Ask what became of an interchange, or for a document or a trade
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  dure status ix_0k3…\n\nExit code 1 if it was rejected or is held for a person.")]
pub struct Status {
    /// Its id: ix_…, doc_… or trd_…
    id: String,
    #[command(flatten)]
    hub: HubArgs,
}

/// Show a trade, by any number that belongs to it
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  dure trade PO-2026-1124\n  dure trade 6812-3456-7890     a waybill\n\nExit code 1 if there is none."
)]
pub struct Trade {
    /// Order number, waybill, despatch number, SSCC, or trd_…
    #[arg(value_name = "KEY")]
    number: String,
    #[command(flatten)]
    hub: HubArgs,
}

impl Send {
    /// Runs it.
    pub async fn run(self, call: &Call) -> Result<Outcome> {
        let out = &call.out;
        let bytes = read_file(&self.file, LARGEST_FILE)?;
        let client = self.hub.client(call).await?;
        let name = self.file.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
        let handing = Handing {
            content_type: &self.content_type,
            file_name: if name == "-" { "" } else { &name },
            idempotency_key: &self.idempotency_key,
            wait_s: if self.no_wait { 0 } else { self.wait },
        };
        let answer = client.post(bytes, &handing).await?;
        let body = answer.json();
        let Some(decided) = client::decided(&body) else {
            let answer = answer.good()?;
            // A format with an answer of its own: its bytes are the answer.
            out.bytes(&answer.body)?;
            return Ok(Outcome::Good);
        };
        if decided.disposition.is_some() {
            return print_decided(out, &body, &decided);
        }
        if handing.wait_s > 0 {
            // Held and waiting documents are not waited for; what holds them is worth a look.
            let body = client.get(&format!("/v1/interchanges/{}", decided.interchange)).await?.good()?.json();
            if let Some(decided) =
                client::decided(&body).filter(|decided| decided.state != InterchangeState::Received.as_str())
            {
                return print_decided(out, &body, &decided);
            }
        }
        if out.json {
            out.json(&body)?;
        } else {
            out.line(decided.interchange)?;
            out.remark(format!("{}: dure status {}", out.say("받았습니다", "received"), decided.interchange));
        }
        Ok(Outcome::Good)
    }
}

/// Prints a decision. Held is not good: a person has to look at it.
fn print_decided(out: &Out, body: &Value, decided: &Decided) -> Result<Outcome> {
    if out.json {
        out.json(body)?;
    } else {
        reach::print(out, decided)?;
    }
    let rejected = decided.disposition.as_deref() == Some(Disposition::Rejected.as_str());
    Ok(Outcome::good_if(!rejected && decided.state != InterchangeState::Held.as_str()))
}

impl Status {
    /// Runs it.
    pub async fn run(self, call: &Call) -> Result<Outcome> {
        let path = match self.id.split('_').next() {
            Some("ix") => format!("/v1/interchanges/{}", self.id),
            Some("doc") => format!("/v1/documents/{}", self.id),
            Some("trd") => format!("/v1/trades/{}", self.id),
            _ => {
                return Err(Error::config(format!(
                    "{} is no id of an interchange (ix_…), a document (doc_…) or a trade (trd_…)",
                    self.id
                )));
            }
        };
        let body = self.hub.client(call).await?.get(&path).await?.good()?.json();
        if call.out.json {
            call.out.json(&body)?;
        } else {
            print(&call.out, &body, 0)?;
        }
        let is = |name: &str, word: &str| body.get(name).and_then(Value::as_str) == Some(word);
        let rejected = is("disposition", Disposition::Rejected.as_str());
        Ok(Outcome::good_if(!rejected && !is("state", InterchangeState::Held.as_str())))
    }
}

impl Trade {
    /// Runs it.
    pub async fn run(self, call: &Call) -> Result<Outcome> {
        let client = self.hub.client(call).await?;
        let mut found = Vec::new();
        if self.number.starts_with("trd_") {
            found.push(client.get(&format!("/v1/trades/{}", self.number)).await?.good()?.json());
        } else {
            let key: String = url::form_urlencoded::byte_serialize(self.number.as_bytes()).collect();
            let list = client.get(&format!("/v1/trades?key={key}")).await?.good()?.json();
            let rows = list.get("trades").and_then(Value::as_array).cloned().unwrap_or_default();
            for row in rows {
                match row.get("trade").and_then(Value::as_str) {
                    Some(id) => found.push(client.get(&format!("/v1/trades/{id}")).await?.good()?.json()),
                    None => found.push(row),
                }
            }
        }
        if call.out.json {
            call.out.json(&found)?;
        } else {
            found.iter().try_for_each(|trade| print(&call.out, trade, 0))?;
            if found.is_empty() {
                call.out.remark(format!(
                    "{}: {}",
                    self.number,
                    call.out.say("거래가 없습니다", "no trade is known by that")
                ));
            }
        }
        Ok(Outcome::good_if(!found.is_empty()))
    }
}

/// Levels of an answer that are printed.
const DEEPEST: usize = 8;

/// An answer as indented lines: a name and a value each; lists with a dash.
fn print(out: &Out, value: &Value, depth: usize) -> Result<()> {
    let Value::Object(fields) = value else { return out.line(scalar(out, value)) };
    let indent = "  ".repeat(depth);
    for (name, value) in fields {
        match value {
            Value::Null => {}
            Value::Array(list) if list.is_empty() => {}
            Value::Object(inner) if name == "text" && inner.contains_key("ko") => {
                out.line(format!("{indent}{name}: {}", scalar(out, value)))?;
            }
            Value::Object(_) if depth < DEEPEST => {
                out.line(format!("{indent}{name}:"))?;
                print(out, value, depth + 1)?;
            }
            Value::Array(list) if depth < DEEPEST => {
                out.line(format!("{indent}{name}:"))?;
                for one in list {
                    match one {
                        Value::Object(_) => {
                            out.line(format!("{indent}  -"))?;
                            print(out, one, depth + 2)?;
                        }
                        _ => out.line(format!("{indent}  - {}", scalar(out, one)))?,
                    }
                }
            }
            _ => out.line(format!("{indent}{name}: {}", scalar(out, value)))?,
        }
    }
    Ok(())
}

fn scalar(out: &Out, value: &Value) -> String {
    match value {
        Value::String(text) => visible(text),
        // Sentences come in both languages.
        Value::Object(fields) => visible(fields.get(out.language.as_str()).and_then(Value::as_str).unwrap_or_default()),
        other => other.to_string(),
    }
}
