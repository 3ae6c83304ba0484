//! Prepares a delivery once: the bytes that are sent at every attempt, with their control reference.

use std::sync::Arc;

use super::encode::{content_type, encode, file_ending};
use super::hub::Hub;
use super::mail;
use super::receive::PayloadReader;
use crate::error::{Error, Result};
use crate::format::edifact;
use crate::format::{Hint, Limits, Source, WriteOptions};
use crate::model::disposition::Disposition;
use crate::model::document_type::DocumentType;
use crate::model::envelope::{Envelope, Syntax};
use crate::model::finding::Finding;
use crate::model::id::DeliveryId;
use crate::model::message::MessageType;
use crate::store::deliveries::{self, Attachment, Delivery};
use crate::store::{documents, interchanges};

/// Bytes, media type, control reference, findings.
struct Prepared {
    bytes: Vec<u8>,
    content_type: String,
    control_reference: String,
    findings: Vec<Finding>,
    /// Files that go with a text.
    attachments: Vec<Attachment>,
}

/// Writes the body of a delivery and keeps it; none if the lease was lost.
pub async fn prepare(hub: &Arc<Hub>, delivery: &mut Delivery) -> Result<Option<Vec<u8>>> {
    let prepared = write(hub, delivery).await?;
    let findings = if prepared.findings.is_empty() {
        String::new()
    } else {
        serde_json::to_string(&prepared.findings)
            .map_err(|error| Error::bug("writing findings as JSON").caused_by(error))?
    };
    delivery.content_type = prepared.content_type.clone();
    delivery.control_reference = prepared.control_reference.clone();
    let (id, epoch) = (delivery.id, delivery.epoch);
    let waiting = format!("{}/{}", delivery.organisation_id, prepared.control_reference);
    let (bytes, kept) = (prepared.bytes.clone(), prepared);
    let now_ms = hub.clock.now_ms();
    let ours = hub
        .store
        .write(move |tx| {
            let reference = &kept.control_reference;
            let ours = deliveries::prepared(tx, id, epoch, &kept.bytes, &kept.content_type, reference, &findings)?;
            if ours {
                deliveries::attach(tx, id, &kept.attachments)?;
                interchanges::wake(tx, "control", &waiting, now_ms)?;
            }
            Ok(ours)
        })
        .await?;
    Ok(ours.then_some(bytes))
}

/// The control reference of a delivery (UNB 0020, an..14): its own id, so that no counter has to be kept.
fn control_reference(delivery: &Delivery) -> String {
    DeliveryId(delivery.id).to_string().trim_start_matches("dlv_").to_uppercase()
}

async fn write(hub: &Arc<Hub>, delivery: &Delivery) -> Result<Prepared> {
    if delivery.kind == "notice" {
        let notice: crate::document::notice::Notice = serde_json::from_str(&delivery.content)
            .map_err(|error| Error::store("the stored notice cannot be read").caused_by(error))?;
        let attachments = mail::marked(hub, &notice).await?;
        return Ok(Prepared {
            bytes: notice.text.into_bytes(),
            content_type: "text/plain; charset=utf-8".to_owned(),
            control_reference: String::new(),
            findings: Vec::new(),
            attachments,
        });
    }
    let message_type: MessageType = delivery.message_type.parse().map_err(Error::bug)?;
    let options = options(hub, delivery, &message_type);
    if message_type.standard == "edifact" && message_type.name == "CONTRL" {
        return control(hub, delivery, options).await;
    }
    let document_type: DocumentType = delivery.document_type.parse().map_err(Error::bug)?;
    let encoded = encode(document_type, &delivery.content, &message_type, &options)?;
    let lost: Vec<String> = encoded
        .findings
        .iter()
        .filter(|finding| finding.severity == crate::model::finding::Severity::Error)
        .map(|finding| finding.text(crate::model::finding::Language::En))
        .collect();
    if !lost.is_empty() {
        return Err(Error::config(format!(
            "{document_type} {} cannot be written: {}",
            delivery.number,
            lost.join("; ")
        )));
    }
    let control_reference = match message_type.standard.as_str() {
        "edifact" => control_reference(delivery),
        // Formats without a control reference are answered by their document number.
        _ => delivery.number.clone(),
    };
    Ok(Prepared {
        bytes: encoded.bytes,
        content_type: encoded.content_type.to_owned(),
        control_reference,
        findings: encoded.findings,
        attachments: Vec::new(),
    })
}

fn options(hub: &Hub, delivery: &Delivery, message_type: &MessageType) -> WriteOptions {
    let directory = hub.directory();
    let party = |id| directory.organisation(id).map(crate::document::directory::Organisation::party_id);
    let charset = directory.agreement_by_id(delivery.agreement_id).map_or("", |agreed| agreed.terms.charset.as_str());
    let syntax = (message_type.standard == "edifact").then(|| Syntax {
        // Korean names need a repertoire that has them.
        repertoire: if charset.is_empty() { "UNOW".to_owned() } else { charset.to_ascii_uppercase() },
        version: if matches!(charset.to_ascii_uppercase().as_str(), "" | "UNOW" | "UNOY") { 4 } else { 3 },
        repetition: if matches!(charset.to_ascii_uppercase().as_str(), "" | "UNOW" | "UNOY") { '*' } else { ' ' },
        ..Syntax::default()
    });
    WriteOptions {
        envelope: Envelope {
            sender: party(delivery.centre_id),
            receiver: party(delivery.organisation_id),
            control_reference: Some(control_reference(delivery)),
            test: false,
            acknowledgement_requested: message_type.name != "CONTRL",
            syntax,
            ..Envelope::default()
        },
        prepared_at_ms: delivery.created_ms,
        message_reference: "1".to_owned(),
        language: directory.organisation(delivery.organisation_id).map(|reader| reader.language).unwrap_or_default(),
        ..WriteOptions::default()
    }
}

/// A CONTRL is written from the bytes it answers.
async fn control(hub: &Arc<Hub>, delivery: &Delivery, mut options: WriteOptions) -> Result<Prepared> {
    let id = delivery.interchange_id;
    let (interchange, decided) =
        hub.store.read(move |tx| Ok((interchanges::get(tx, id)?, documents::of_interchange(tx, id)?))).await?;
    let Some(interchange) = interchange else { return Err(Error::store("the interchange to be answered is missing")) };
    let store = hub.store.clone();
    let reference = control_reference(delivery);
    let written = tokio::task::spawn_blocking(move || -> Result<Option<Prepared>> {
        let parse = |text: &str| serde_json::from_str::<Vec<Finding>>(text).unwrap_or_default();
        let outer = interchange.findings.as_deref().map(parse).unwrap_or_default();
        let findings: Vec<Vec<Finding>> = decided.iter().map(|document| parse(&document.findings)).collect();
        let verdicts: Vec<edifact::Verdict<'_>> = decided
            .iter()
            .zip(&findings)
            .map(|(document, findings)| edifact::Verdict {
                accepted: document.disposition != Disposition::Rejected.as_str(),
                findings,
            })
            .collect();
        let bytes =
            || Source::Stream(Box::new(PayloadReader::new(store.clone(), interchange.id, interchange.size_bytes)));
        let (hint, limits) = (Hint::default(), Limits::default());
        let answer = edifact::control(bytes(), &hint, &limits, &outer, &verdicts, edifact::Extent::Full)?;
        let Some((message_type, tree)) = answer else { return Ok(None) };
        options.envelope.control_reference = Some(reference.clone());
        let outgoing = edifact::Outgoing { message_type: &message_type, reference: "1", tree: &tree };
        let (bytes, findings) = edifact::write(&[outgoing], &options);
        Ok(Some(Prepared {
            bytes,
            content_type: content_type(&message_type).to_owned(),
            control_reference: reference,
            findings,
            attachments: Vec::new(),
        }))
    })
    .await
    .map_err(|panic| Error::bug(format!("writing a CONTRL: {panic}")))??;
    written.ok_or_else(|| Error::config("the interchange has no header that can be answered"))
}

/// The name a delivery has as a file.
pub fn file_name(delivery: &Delivery) -> String {
    let Ok(message_type) = delivery.message_type.parse::<MessageType>() else { return String::new() };
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let number: String = delivery.number.chars().take(80).map(safe).collect();
    format!("{}-{number}.{}", delivery.document_type, file_ending(&message_type))
}
