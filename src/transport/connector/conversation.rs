//! A delivery as a conversation: the steps of the script in their order, each recorded before the next.
//!
//! A conversation that broke off goes on behind the last recorded step. What creates something is sent only right after a
//! look whether it is there, in the same attempt: one that was sent and not answered may have happened. As it may even happen
//! a little later, the look waits until that is over (`settle_s`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::link::{Around, Failure, Kept, Link, sentence};
use super::script::Step;
use crate::format::template::is_there;
use crate::model::finding::Finding;
use crate::pipeline::conversation;
use crate::pipeline::outbound::{Outgoing, Sent};

/// How long one attempt may take, well below the lease of a delivery. One that takes longer goes on in the next.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(120);

/// What is known of a step and a line of it.
struct Noted {
    done: bool,
    kept: Kept,
    at_ms: i64,
}

/// A delivery under way.
pub(super) struct Conversation<'c> {
    link: &'c Link,
    delivery_id: i64,
    document: Value,
    noted: HashMap<(String, usize), Noted>,
    kept: Kept,
    lines: BTreeMap<usize, Kept>,
    /// Steps that were asked in this attempt.
    asked: BTreeSet<String>,
    receipt: String,
    until: Instant,
}

/// Delivers by the script.
pub(super) async fn deliver(link: &Link, out: &Outgoing, document: Value, steps: &[Step]) -> Sent {
    let mut conversation = Conversation {
        link,
        delivery_id: out.delivery.0,
        document,
        noted: HashMap::new(),
        kept: Kept::from([
            ("delivery".to_owned(), Value::from(out.delivery.to_string())),
            ("to".to_owned(), Value::from(out.address.split_once(':').map_or("", |(_, to)| to))),
        ]),
        lines: BTreeMap::new(),
        asked: BTreeSet::new(),
        receipt: String::new(),
        until: Instant::now() + LONGEST_ATTEMPT,
    };
    match conversation.run(steps).await {
        Ok(()) => Sent::Delivered { receipt: conversation.receipt, answer: None },
        Err(Failure::Again { reason, after_ms }) => Sent::Temporary { reason, retry_after_ms: after_ms },
        Err(Failure::Unreachable(reason)) => Sent::Unreachable { reason },
        Err(Failure::Refused(reason)) => Sent::Dead { reason },
        Err(Failure::Findings(findings)) => Sent::Rejected { reason: sentence(&findings), findings },
    }
}

impl Conversation<'_> {
    async fn run(&mut self, steps: &[Step]) -> Result<(), Failure> {
        self.read().await?;
        for step in steps {
            match &step.each {
                None => self.step(step, steps).await?,
                Some(each) => {
                    let around = self.around(None, String::new());
                    let list = self.link.value(&around, |scope| {
                        let (list, name) = each.list(scope);
                        Ok(Value::from(vec![Value::Array(list), Value::from(name)]))
                    });
                    let list = list.await?;
                    let name = list.get(1).and_then(Value::as_str).unwrap_or("").to_owned();
                    let list = list.get(0).and_then(Value::as_array).cloned().unwrap_or_default();
                    let mut findings: Vec<Finding> = Vec::new();
                    for (index, item) in list.iter().enumerate() {
                        match self.line(step, item, index + 1, &name).await {
                            // All that is wrong is told, not the first.
                            Err(Failure::Findings(more)) => findings.extend(more),
                            other => other?,
                        }
                    }
                    if !findings.is_empty() {
                        return Err(Failure::Findings(findings));
                    }
                }
            }
        }
        Ok(())
    }

    /// What is recorded.
    async fn read(&mut self) -> Result<(), Failure> {
        let hub = self.link.hub().map_err(ours)?;
        let rows = hub.conversation(self.delivery_id).await.map_err(ours)?;
        for row in rows {
            let kept: Kept = serde_json::from_str(&row.kept).unwrap_or_default();
            let line = usize::try_from(row.line).unwrap_or(0);
            self.noted.insert((row.step, line), Noted { done: row.done, kept, at_ms: row.at_ms });
        }
        Ok(())
    }

    fn around<'a>(&'a self, item: Option<(&'a Value, usize)>, list: String) -> Around<'a> {
        Around { document: &self.document, kept: &self.kept, lines: &self.lines, item, list }
    }

    async fn line(&mut self, step: &Step, item: &Value, line: usize, list: &str) -> Result<(), Failure> {
        if let Some(noted) = self.noted.get(&(step.step.clone(), line)).filter(|noted| noted.done) {
            self.lines.entry(line).or_default().extend(noted.kept.clone());
            return Ok(());
        }
        let around = self.around(Some((item, line)), list.to_owned());
        if !self.link.holds(&step.when, &around).await {
            return Ok(());
        }
        self.in_time()?;
        let kept = self.link.ask(step, &around).await?;
        self.note(step, line, true, &kept).await?;
        self.lines.entry(line).or_default().extend(kept);
        Ok(())
    }

    async fn step(&mut self, step: &Step, all: &[Step]) -> Result<(), Failure> {
        if let Some(noted) = self.noted.get(&(step.step.clone(), 0)).filter(|noted| noted.done) {
            self.kept.extend(noted.kept.clone());
            return self.receipt(step).await;
        }
        // What it relies on has to be of this attempt: what was sent and not answered may have happened since.
        let looked = step.creates.as_ref().and_then(|name| all.iter().find(|one| one.looks_up.as_ref() == Some(name)));
        let begun = self.noted.get(&(step.step.clone(), 0)).map(|noted| noted.at_ms);
        if let (Some(_), Some(begun_ms)) = (looked, begun) {
            let settled_ms = begun_ms + i64::from(step.settle_s.unwrap_or(0)) * 1000;
            let left_ms = settled_ms - self.link.hub().map_err(ours)?.clock.now_ms();
            if left_ms > 0 {
                let reason = format!("{} was sent and not answered; waiting before looking for it", step.step);
                return Err(Failure::Again { reason, after_ms: Some(left_ms) });
            }
        }
        let fresh = all.iter().filter(|one| step.fresh.contains(&one.step)).chain(looked);
        for other in fresh {
            if !self.asked.contains(&other.step) {
                self.ask(other).await?;
            }
        }
        if !self.link.holds(&step.when, &self.around(None, String::new())).await {
            return Ok(());
        }
        if let Some(name) = &step.creates {
            let found = self.kept.get(name).filter(|found| is_there(found)).cloned();
            if let Some(found) = found {
                let kept = Kept::from([(name.clone(), found)]);
                self.note(step, 0, true, &kept).await?;
                return self.receipt(step).await;
            }
            self.note(step, 0, false, &Kept::new()).await?;
        }
        self.ask(step).await?;
        self.receipt(step).await
    }

    /// Asks, keeps and records.
    async fn ask(&mut self, step: &Step) -> Result<(), Failure> {
        self.in_time()?;
        let kept = self.link.ask(step, &self.around(None, String::new())).await?;
        self.note(step, 0, true, &kept).await?;
        self.asked.insert(step.step.clone());
        self.kept.extend(kept);
        Ok(())
    }

    async fn receipt(&mut self, step: &Step) -> Result<(), Failure> {
        if let Some(receipt) = &step.receipt {
            let around = self.around(None, String::new());
            let value = self.link.value(&around, |scope| receipt.text(scope, str::to_owned).map(Value::from)).await?;
            self.receipt = value.as_str().unwrap_or("").to_owned();
        }
        Ok(())
    }

    fn in_time(&self) -> Result<(), Failure> {
        if Instant::now() < self.until {
            return Ok(());
        }
        let reason = format!("not done within {} s; it goes on where it is", LONGEST_ATTEMPT.as_secs());
        Err(Failure::Again { reason, after_ms: None })
    }

    /// Records a step, before anything else is done.
    async fn note(&mut self, step: &Step, line: usize, done: bool, kept: &Kept) -> Result<(), Failure> {
        let hub = self.link.hub().map_err(ours)?;
        let at_ms = hub.clock.now_ms();
        let kept = serde_json::to_string(kept).map_err(|error| Failure::Refused(error.to_string()))?;
        let line = i64::try_from(line).unwrap_or(i64::MAX);
        let row = conversation::Step { step: step.step.clone(), line, done, kept, at_ms };
        hub.note_step(self.delivery_id, row).await.map_err(ours)
    }
}

/// A failure of the hub itself.
fn ours(error: crate::error::Error) -> Failure {
    Failure::Again { reason: error.to_string(), after_ms: None }
}
