//! `dure explain`: what a document would meet in this hub and why: format, sender, agreement, mapping, findings,
//! recipients; and where each value of it came from. Nothing is kept: the effect is tried in a transaction that is
//! taken back.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde::{Deserialize, Serialize};

use super::administer::Wish;
use super::call::Call;
use super::check::Reading;
use super::out::{Out, Outcome, read_file};
use super::reach::Reach;
use crate::document::directory::{Agreed, Direction, Directory};
use crate::document::effect::{Around, Cx, Header, Verdict};
use crate::error::{Error, Result};
use crate::format::Hint;
use crate::model::disposition::Disposition;
use crate::model::finding::{Finding, Findings, Severity};
use crate::model::message::MessageType;
use crate::pipeline::hub::Hub;
use crate::pipeline::read::{self, ReadMessage};
use crate::store::deliveries;

/// Bytes of a file that is explained.
const LARGEST: u64 = 2 << 20;
/// Values of one document whose origin is told.
const MOST_VALUES: usize = 10_000;
/// What takes the transaction back.
const TAKEN_BACK: &str = "explained, and taken back";

/// Say what a document would meet: format, agreement, mapping, recipients, and why
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  dure explain order.xml\n  dure explain --from acme items.csv\n  dure explain --lineage order.edi\n  dure explain --mapping ubl/2.1/Order\n\n\
    Nothing is kept and nothing is sent. Exit code 1 if the document would not be accepted."
)]
pub(super) struct Explain {
    /// The file, `-` for standard input
    #[arg(required_unless_present = "mapping")]
    file: Option<PathBuf>,
    /// Print what a mapping carries instead, `ubl/2.1/Order`
    #[arg(long, value_name = "NAME", conflicts_with_all = ["file", "from", "lineage"])]
    mapping: Option<MessageType>,
    /// Who would hand it in, by short name [default: the sender it names]
    #[arg(long, value_name = "PARTNER")]
    from: Option<String>,
    /// Tell of every value where it came from
    #[arg(long)]
    lineage: bool,
    #[command(flatten)]
    reading: Reading,
}

/// What a file would meet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Explanation {
    /// `ubl-2.1`.
    pub(super) format: String,
    /// What the envelope says of the sender.
    pub(super) sender: Option<String>,
    /// Findings that belong to no message.
    pub(super) findings: Vec<Finding>,
    /// Its messages.
    pub(super) messages: Vec<Explained>,
}

/// What a message would meet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Explained {
    /// `ubl/2.1/Order`.
    pub(super) message_type: String,
    /// What it is to us.
    pub(super) document_type: Option<String>,
    /// Its number.
    pub(super) number: String,
    /// The mapping file.
    pub(super) mapping: String,
    /// Who hands it in, and why that is thought.
    pub(super) from: Option<(String, String)>,
    /// The agreement with its version.
    pub(super) agreement: Option<(String, i64)>,
    /// What would become of it.
    pub(super) disposition: String,
    /// What is wrong with it.
    pub(super) findings: Vec<Finding>,
    /// Who would be sent what.
    pub(super) recipients: Vec<Recipient>,
    /// Canonical path, value, place in what was received.
    pub(super) lineage: Vec<(String, String, String)>,
}

/// Somebody who would be sent something.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Recipient {
    /// Short name.
    pub(super) party: String,
    /// `document`, `acknowledgement`, `notice`.
    pub(super) kind: String,
    /// What.
    pub(super) document_type: String,
    /// Its number.
    pub(super) number: String,
    /// As which message.
    pub(super) message_type: String,
    /// Where to.
    pub(super) address: String,
    /// Under which agreement.
    pub(super) agreement: String,
}

impl Explain {
    pub(super) async fn run(self, call: &Call) -> Result<Outcome> {
        let out = &call.out;
        if let Some(message_type) = &self.mapping {
            return super::mapping::show(message_type, call);
        }
        let file = self.file.unwrap_or_default();
        let bytes = read_file(&file, LARGEST)?;
        let hint = self.reading.hint(&file);
        let reach = Reach::local(call).await?;
        let wish = Wish::Explain {
            bytes: STANDARD.encode(&bytes),
            file_name: hint.file_name.unwrap_or_default(),
            charset: hint.charset.unwrap_or_default(),
            message_type: hint.message_type.map_or(String::new(), |message_type| message_type.to_string()),
            from: self.from.unwrap_or_default(),
        };
        let explanation: Explanation = reach.ask(wish, |_| {}).await?;
        let good = |message: &Explained| {
            message.disposition != Disposition::Rejected.as_str() && message.disposition != "held"
        };
        let good = !explanation.messages.is_empty() && explanation.messages.iter().all(good);
        if out.json {
            out.json(&explanation)?;
        } else {
            print(out, &file, &explanation, self.lineage)?;
        }
        Ok(Outcome::good_if(good))
    }
}

fn print(out: &Out, file: &Path, explanation: &Explanation, lineage: bool) -> Result<()> {
    let row = |name: &str, value: &str| out.line(format!("  {name:<12} {value}"));
    out.line(format!("{}: {}", file.display(), explanation.format))?;
    explanation.findings.iter().try_for_each(|finding| out.line(format!("  {}", out.finding(finding))))?;
    for message in &explanation.messages {
        let document_type = message.document_type.as_deref().unwrap_or("?");
        out.line(format!("{} → {document_type} {}", message.message_type, message.number))?;
        row("mapping", &message.mapping)?;
        match &message.from {
            Some((party, why)) => row("from", &format!("{party} ({why})"))?,
            None => {
                row("from", out.say("모름: 보낸 이를 찾지 못함", "unknown: no partner has the identifier it names"))?
            }
        }
        match &message.agreement {
            Some((name, version)) => row("agreement", &format!("{name}, version {version}"))?,
            None => row("agreement", out.say("없음", "none"))?,
        }
        message.findings.iter().try_for_each(|finding| row("finding", &out.finding(finding)))?;
        row("would be", &message.disposition)?;
        for to in &message.recipients {
            let Recipient { party, document_type, number, message_type, address, agreement, .. } = to;
            row(
                "recipient",
                &format!("{party}: {document_type} {number} as {message_type} to {address} ({agreement})"),
            )?;
        }
        if lineage {
            for (path, value, place) in &message.lineage {
                row("value", &format!("{path} = {value}  ← {place}"))?;
            }
        }
    }
    Ok(())
}

/// Explains bytes in the light of a hub.
pub(super) async fn explain(hub: &Arc<Hub>, bytes: Vec<u8>, mut hint: Hint, from: &str) -> Result<Explanation> {
    let directory = hub.directory();
    if hint.message_type.is_none() {
        // A table does not say what it is; what is agreed with its sender does.
        let table = |agreed: &&Agreed| {
            let is_table = matches!(agreed.terms.format.as_str(), "csv" | "xlsx");
            agreed.direction == Direction::In && is_table && agreed.terms.party == from
        };
        let agreed: Vec<_> = directory.agreements().into_iter().filter(table).collect();
        if let [only] = agreed.as_slice() {
            hint.message_type = only.message_type();
            hint.charset =
                hint.charset.or_else(|| Some(only.terms.charset.clone()).filter(|charset| !charset.is_empty()));
        }
    }
    let reading = tokio::task::spawn_blocking(move || read::stateless(bytes.into(), &hint));
    let read = reading.await.map_err(|panic| Error::bug(format!("reading: {panic}")))??;
    let mut messages = Vec::new();
    for message in read.messages {
        let named = [&message.envelope.sender, &read.envelope.sender].into_iter().flatten().next();
        let found = if from.is_empty() {
            named.and_then(|id| Some((directory.by_identifier(id)?, format!("{id}"))))
        } else {
            directory.by_short(from).map(|party| (party, "--from".to_owned()))
        };
        let from = found.as_ref().map(|(party, why)| (party.short.clone(), why.clone()));
        let source = found.map(|(party, _)| (party.id, party.centre_id));
        messages.push(one(hub, &directory, message, source, from).await?);
    }
    Ok(Explanation {
        format: read.format,
        sender: read.envelope.sender.map(|id| id.to_string()),
        findings: read.findings,
        messages,
    })
}

async fn one(
    hub: &Arc<Hub>,
    directory: &Arc<Directory>,
    message: ReadMessage,
    source: Option<(i64, i64)>,
    from: Option<(String, String)>,
) -> Result<Explained> {
    let lineage = message.lineage().into_iter().take(MOST_VALUES);
    let lineage = lineage.map(|(path, value, place)| (path, value, place.to_string())).collect();
    let today = hub.today();
    let agreed = source
        .zip(message.document_type)
        .and_then(|((id, _), document_type)| directory.agreement(id, Direction::In, document_type, &today).cloned());
    let mut explained = Explained {
        message_type: message.message_type.clone(),
        document_type: message.document_type.map(|kind| kind.as_str().to_owned()),
        number: message.body.as_ref().map_or("", |body| body.number()).to_owned(),
        mapping: message.mapping.clone(),
        from,
        agreement: agreed.as_ref().map(|agreed| (agreed.terms.id.clone(), agreed.version)),
        disposition: Disposition::Rejected.as_str().to_owned(),
        findings: message.findings.clone(),
        recipients: Vec::new(),
        lineage,
    };
    let wrong = explained.findings.iter().any(|finding| finding.severity == Severity::Error);
    let (Some(document_type), Some((id, centre_id)), false) = (message.document_type, source, wrong) else {
        return Ok(explained);
    };
    if agreed.is_none() && id != centre_id {
        explained.disposition = Disposition::Held.as_str().to_owned();
        return Ok(explained);
    }
    let header = Header {
        document_id: hub.next_id(),
        interchange_id: hub.next_id(),
        centre_id,
        issuer_id: id,
        document_type,
        number: explained.number.clone(),
        agreement_id: agreed.map(|agreed| agreed.id),
        patience_ms: 0,
    };
    let tried = rehearse(hub, directory, message, header, today).await?;
    explained.disposition = tried.disposition.as_str().to_owned();
    explained.findings.extend(tried.findings);
    explained.recipients = tried.recipients;
    Ok(explained)
}

/// What came of the effect before it was taken back.
struct Tried {
    disposition: Disposition,
    findings: Vec<Finding>,
    recipients: Vec<Recipient>,
}

async fn rehearse(
    hub: &Arc<Hub>,
    directory: &Arc<Directory>,
    message: ReadMessage,
    header: Header,
    today: String,
) -> Result<Tried> {
    let noted: Arc<Mutex<Option<Tried>>> = Arc::default();
    let (note, working, known) = (Arc::clone(&noted), Arc::clone(hub), Arc::clone(directory));
    let done = hub.store.write(move |tx| -> Result<()> {
        let mut findings = Findings::default();
        let verdict = match &message.body {
            None => Verdict::Reject,
            Some(body) => {
                let around = Around {
                    now_ms: working.clock.now_ms(),
                    today: &today,
                    zone: working.config.zone,
                    ids: &working.ids,
                    directory: &known,
                    header: &header,
                };
                body.apply(&mut Cx::new(tx, around, &mut findings))?
            }
        };
        let disposition = match verdict {
            Verdict::Apply => Disposition::Accepted,
            Verdict::Reject => Disposition::Rejected,
            Verdict::Wait(_) => Disposition::Waiting,
        };
        let recipients = deliveries::of_interchange(tx, header.interchange_id)?
            .into_iter()
            .map(|delivery| Recipient {
                party: known.organisation(delivery.organisation_id).map_or(String::new(), |party| party.short.clone()),
                kind: delivery.kind,
                document_type: delivery.document_type,
                number: delivery.number,
                message_type: delivery.message_type,
                address: delivery.address,
                agreement: known
                    .agreement_by_id(delivery.agreement_id)
                    .map_or(String::new(), |agreed| agreed.terms.id.clone()),
            })
            .collect();
        let findings = findings.into_vec().into_iter().map(|finding| message.located(finding)).collect();
        *note.lock().unwrap_or_else(PoisonError::into_inner) = Some(Tried { disposition, findings, recipients });
        Err(Error::config(TAKEN_BACK))
    });
    match done.await {
        Err(error) if error.to_string() == TAKEN_BACK => {}
        Err(error) => return Err(error),
        Ok(()) => return Err(Error::bug("the rehearsal was not taken back")),
    }
    let tried = noted.lock().unwrap_or_else(PoisonError::into_inner).take();
    tried.ok_or_else(|| Error::bug("the rehearsal left no note"))
}

/// A message type that a wish names; none if it is empty.
pub(super) fn hint_of(file_name: String, charset: String, message_type: &str) -> Result<Hint> {
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(Hint {
        content_type: None,
        charset: some(charset),
        file_name: some(file_name),
        message_type: match message_type {
            "" => None,
            text => Some(text.parse().map_err(Error::config)?),
        },
        learned: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::document_type::DocumentType;

    #[test]
    fn hints_of_a_wish() {
        let hint = hint_of("a.csv".to_owned(), String::new(), "csv/1/Catalogue").unwrap();
        assert_eq!(hint.message_type.unwrap().name, DocumentType::Catalogue.as_str());
        assert!(hint.charset.is_none());
        assert!(hint_of(String::new(), String::new(), "csv").is_err());
    }
}
