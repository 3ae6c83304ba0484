//! Asking a system for changes, again and again: what changed since a kept position becomes documents of ours, handed in as the
//! partner's like all others. The position moves when they are durable.
//!
//! Changes are asked for from the position on, with the one it was taken from, and every round begins at the position of the
//! round before: a change that became visible a little late is still seen. What is seen again is the same document, known by
//! its digest.

use std::collections::BTreeMap;
use std::time::Duration;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::link::{Around, Failure, Kept, Link, sentence};
use super::script::Poll;
use crate::error::Error;
use crate::format::template::{is_there, without_nothing};
use crate::model::disposition::Transport;
use crate::pipeline::hex;
use crate::pipeline::hub::Hub;
use crate::pipeline::receive::{Receipt, Received};
use crate::transport::keeper::{self, Ended};

/// Pages of one round; what is left comes in the next.
const MOST_PAGES: usize = 100;

/// How far one poll has come.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
struct Position {
    /// Where the round before began: where the next one begins.
    from: Option<Value>,
    /// The last change seen.
    to: Option<Value>,
}

/// Looks again and again.
pub(super) struct Poller<'p> {
    hub: &'p Hub,
    link: &'p Link,
    read: bool,
}

impl keeper::Session for Poller<'_> {
    async fn run(&mut self) -> Ended {
        loop {
            for poll in &self.link.script.poll {
                match self.round(poll).await {
                    Ok(()) => {}
                    Err(Failure::Unreachable(reason)) => return Ended::certain(reason),
                    Err(Failure::Again { reason, .. }) => return Ended::broken(format!("{}: {reason}", poll.name)),
                    Err(Failure::Refused(reason)) => return Ended::certain(format!("{}: {reason}", poll.name)),
                    Err(Failure::Findings(findings)) => {
                        return Ended::certain(format!("{}: {}", poll.name, sentence(&findings)));
                    }
                }
            }
            self.read = true;
            if let Err(error) = self.hub.channel_works(&self.link.channel).await {
                return Ended::broken(error.to_string());
            }
            tokio::time::sleep(Duration::from_secs(self.link.settings.poll_s)).await;
        }
    }

    fn was_read(&self) -> bool {
        self.read
    }
}

impl<'p> Poller<'p> {
    pub(super) fn new(hub: &'p Hub, link: &'p Link) -> Poller<'p> {
        Poller { hub, link, read: false }
    }

    /// All pages there are now.
    async fn round(&self, poll: &Poll) -> Result<(), Failure> {
        let mut positions = self.positions().await?;
        let known = positions.get(&poll.name).cloned().unwrap_or_default();
        let (document, lines) = (Value::Null, BTreeMap::new());
        let nothing = Kept::new();
        let around = Around { document: &document, kept: &nothing, lines: &lines, item: None, list: String::new() };
        let start = self.link.value(&around, |scope| poll.start.value(scope)).await?;
        let begun = known.from.clone().unwrap_or(start);
        let (mut position, mut offset) = (begun, 0);
        let mut last = known.to.clone();
        for _ in 0..MOST_PAGES {
            let kept = Kept::from([
                ("position".to_owned(), position.clone()),
                ("offset".to_owned(), Value::from(offset)),
                ("page".to_owned(), Value::from(poll.page)),
            ]);
            let items = self.page(poll, &kept).await?;
            for item in &items {
                self.change(poll, item).await?;
            }
            let Some(newest) = items.last().and_then(|item| poll.position.of(item)).filter(|at| is_there(at)) else {
                break;
            };
            last = Some(newest.clone());
            let full = items.len() >= poll.page;
            // A page of one and the same position is gone on behind; else the next begins at its last change.
            offset = if *newest == position { offset + items.len() } else { 0 };
            position = newest.clone();
            if !full {
                break;
            }
            // Far along: what was taken need not be asked for again should we fall.
            self.keep(&mut positions, poll, Position { from: Some(position.clone()), to: last.clone() }).await?;
        }
        // Where this round ended is where the next but one begins, if there was anything new.
        if last != known.to {
            let from = known.to.clone().or(known.from);
            self.keep(&mut positions, poll, Position { from, to: last }).await?;
        } else if known.from != known.to {
            self.keep(&mut positions, poll, Position { from: known.to.clone(), to: known.to }).await?;
        }
        Ok(())
    }

    async fn page(&self, poll: &Poll, kept: &Kept) -> Result<Vec<Value>, Failure> {
        let (document, lines) = (Value::Null, BTreeMap::new());
        let mut list = poll.list.clone();
        list.keep = BTreeMap::from([("items".to_owned(), poll.items.clone())]);
        list.optional = vec!["items".to_owned()];
        let around = Around { document: &document, kept, lines: &lines, item: None, list: String::new() };
        let mut found = self.link.ask(&list, &around).await?;
        match found.remove("items") {
            Some(Value::Array(mut items)) => {
                items.truncate(poll.page);
                Ok(items)
            }
            Some(Value::Null) | None => Ok(Vec::new()),
            Some(_) => Err(Failure::Refused(format!("the answer has no list at {}", poll.items.0))),
        }
    }

    /// One change: asked about, made into a document, handed in.
    async fn change(&self, poll: &Poll, item: &Value) -> Result<(), Failure> {
        let (document, lines) = (Value::Null, BTreeMap::new());
        let mut kept = Kept::new();
        for step in &poll.steps {
            let around =
                Around { document: &document, kept: &kept, lines: &lines, item: Some((item, 1)), list: String::new() };
            if self.link.holds(&step.when, &around).await {
                let more = self.link.ask(step, &around).await?;
                kept.extend(more);
            }
        }
        let around =
            Around { document: &document, kept: &kept, lines: &lines, item: Some((item, 1)), list: String::new() };
        if !self.link.holds(&poll.when, &around).await {
            return Ok(());
        }
        let content = match self.link.value(&around, |scope| poll.content.value(scope)).await {
            Ok(content) => without_nothing(content),
            Err(Failure::Findings(findings)) => {
                // One change that cannot be told must not hold up those behind it.
                let what = sentence(&findings);
                tracing::warn!(channel = self.link.channel, poll = poll.name, "a change cannot be told: {what}");
                return Ok(());
            }
            Err(failure) => return Err(failure),
        };
        self.hand_in(poll, &content).await
    }

    async fn hand_in(&self, poll: &Poll, content: &Value) -> Result<(), Failure> {
        let directory = self.hub.directory();
        let partner = directory.by_short(&self.link.settings.partner).filter(|partner| partner.active);
        let Some(partner) = partner else {
            return Err(Failure::Refused(format!("there is no active partner {}", self.link.settings.partner)));
        };
        let body = content.to_string();
        let print = hex(digest(&SHA256, body.as_bytes()).as_ref());
        let receipt = Receipt {
            organisation_id: partner.id,
            centre_id: partner.centre_id,
            transport: Transport::Connector,
            transport_id: Some(format!("{}:{}:{print}", self.link.channel, poll.name)),
            content_type: "application/json".to_owned(),
            charset: String::new(),
            file_name: String::new(),
            account_id: None,
            answers_delivery_id: None,
            mail_id: None,
        };
        if let Received::New(id) = self.hub.receive(receipt, body.into()).await.map_err(ours)? {
            let id = crate::model::id::InterchangeId(id);
            tracing::info!(channel = self.link.channel, %id, "{} was told by {}", poll.document, self.link.channel);
        }
        Ok(())
    }

    async fn positions(&self) -> Result<BTreeMap<String, Position>, Failure> {
        let text = self.hub.channel_position(&self.link.channel).await.map_err(ours)?;
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    async fn keep(
        &self,
        positions: &mut BTreeMap<String, Position>,
        poll: &Poll,
        position: Position,
    ) -> Result<(), Failure> {
        positions.insert(poll.name.clone(), position);
        let text = serde_json::to_string(positions).unwrap_or_default();
        self.hub.set_channel_position(&self.link.channel, text).await.map_err(ours)
    }
}

/// A failure of the hub itself.
fn ours(error: Error) -> Failure {
    Failure::Again { reason: error.to_string(), after_ms: None }
}
