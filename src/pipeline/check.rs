//! Checks and converts bytes without a hub: recognised, parsed, validated, mapped, and their own sums and dates looked at.

use bytes::Bytes;
use serde::Serialize;

use super::encode::encode;
use super::read::{self, ReadInterchange};
use crate::document::directory::message_of;
use crate::document::{Body, record};
use crate::error::Result;
use crate::format::{Hint, WriteOptions};
use crate::mapping;
use crate::model::disposition::Disposition;
use crate::model::document_type::DocumentType;
use crate::model::envelope::{Envelope, Syntax};
use crate::model::finding::{Code, Finding, Place, Severity};
use crate::model::message::MessageType;

/// What a check says of one message.
#[derive(Debug, Serialize)]
pub struct MessageReport {
    /// `ubl/2.1/Order`.
    pub message_type: String,
    /// What it is to us, if it is something.
    pub document_type: Option<&'static str>,
    /// Its number.
    pub number: String,
    /// Accepted or rejected.
    pub disposition: &'static str,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

/// What a check says of an interchange.
#[derive(Debug, Serialize)]
pub struct CheckReport {
    /// `ubl-2.1`; empty if nothing was recognised.
    pub format: String,
    /// Accepted, or rejected if one of its messages is or it has none.
    pub disposition: &'static str,
    /// Its messages.
    pub messages: Vec<MessageReport>,
    /// Findings that belong to no message.
    pub findings: Vec<Finding>,
}

impl CheckReport {
    /// Whether it would be rejected.
    pub fn is_rejected(&self) -> bool {
        self.disposition == Disposition::Rejected.as_str()
    }
}

fn verdict(rejected: bool) -> &'static str {
    if rejected { Disposition::Rejected.as_str() } else { Disposition::Accepted.as_str() }
}

fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// Checks bytes. With `schema_only` it says what the official schema says and nothing more.
pub fn check_bytes(bytes: Bytes, hint: &Hint, schema_only: bool) -> Result<CheckReport> {
    let read = if schema_only { read::schema_only(bytes, hint)? } else { read::stateless(bytes, hint)? };
    Ok(report(read))
}

fn report(read: ReadInterchange) -> CheckReport {
    let messages: Vec<MessageReport> = read
        .messages
        .into_iter()
        .map(|message| MessageReport {
            number: message.body.as_ref().map_or(String::new(), |body| body.number().to_owned()),
            message_type: message.message_type,
            document_type: message.document_type.map(|kind| kind.as_str()),
            disposition: verdict(has_errors(&message.findings)),
            findings: message.findings,
        })
        .collect();
    let rejected = messages.is_empty()
        || has_errors(&read.findings)
        || messages.iter().any(|message| message.disposition == Disposition::Rejected.as_str());
    let mut findings = read.findings;
    if messages.is_empty() && !has_errors(&findings) {
        findings.push(Finding::error(Code::Empty, Place::default()));
    }
    CheckReport { format: read.format, disposition: verdict(rejected), messages, findings }
}

/// A document in another format.
#[derive(Debug)]
pub struct Converted {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Media type.
    pub content_type: &'static str,
    /// What could not be carried, and the warnings of reading.
    pub findings: Vec<Finding>,
}

/// Formats that documents are written in; a whole message name, `edifact/d96a/ORDERS`, stands for itself.
pub const FORMATS: &[&str] = &["ubl-2.1", "edifact-d96a", "dure-json", "csv", "xlsx", "html"];

/// The message of a format that carries a document, if there is one.
fn target(format: &str, document_type: DocumentType) -> Option<MessageType> {
    let message_type = message_of(format, document_type)?;
    let mapping = mapping::library(record).writing(&message_type);
    let ours = matches!(message_type.standard.as_str(), "dure" | "html") && message_type.name == document_type.as_str();
    (ours || mapping.is_some_and(|mapping| mapping.document_type() == document_type)).then_some(message_type)
}

/// Sender and receiver as the document itself names them, by any message that says where.
fn parties(document_type: DocumentType, body: &Body) -> Envelope {
    let mapped = FORMATS.iter().filter_map(|format| mapping::library(record).writing(&target(format, document_type)?));
    let tree = body.to_tree(document_type);
    mapped.map(|mapping| mapping.envelope(&tree)).find(|envelope| envelope.sender.is_some()).unwrap_or_default()
}

/// Where a document as it was written is not what its schema asks for: it may lack what its source did not have.
fn shortcomings(bytes: &[u8], message_type: &MessageType) -> Result<Vec<Finding>> {
    let hint = Hint { message_type: Some(message_type.clone()), ..Hint::default() };
    let read = read::schema_only(Bytes::copy_from_slice(bytes), &hint)?;
    let all = read.findings.into_iter().chain(read.messages.into_iter().flat_map(|message| message.findings));
    let wrong = all.filter(|finding| finding.severity == Severity::Error && finding.code != Code::UnknownMessage);
    Ok(wrong.map(|finding| Finding { severity: Severity::Warning, ..finding }).collect())
}

/// Converts bytes to another format that carries the same document type. One document at a time. `now_ms` is when it is
/// written, for formats that say so.
pub fn convert_bytes(
    bytes: Bytes,
    hint: &Hint,
    to: &str,
    now_ms: i64,
) -> Result<std::result::Result<Converted, Vec<Finding>>> {
    let read = read::stateless(bytes, hint)?;
    let mut findings = read.findings;
    let mut messages = read.messages.into_iter();
    let Some(message) = messages.next() else {
        if findings.is_empty() {
            findings.push(Finding::error(Code::Empty, Place::default()));
        }
        return Ok(Err(findings));
    };
    findings.extend(message.findings);
    if messages.next().is_some() {
        findings.push(Finding::error(Code::TooMany, Place::default()).found("messages").expected("1"));
    }
    let (Some(document_type), Some(body), false) = (message.document_type, message.body, has_errors(&findings)) else {
        return Ok(Err(findings));
    };
    let Some(target) = target(to, document_type) else {
        let known: Vec<_> = FORMATS.iter().copied().filter(|format| target(format, document_type).is_some()).collect();
        let finding = Finding::error(Code::Unexpected, Place::default());
        findings.push(finding.found(format!("{to} ({document_type})")).expected(known.join(", ")));
        return Ok(Err(findings));
    };
    // Without an agreement there is nobody to address: sender and receiver are those of the document.
    let named = [read.envelope, message.envelope].into_iter().find(|envelope| envelope.sender.is_some());
    let envelope = named.unwrap_or_else(|| parties(document_type, &body));
    let syntax = Syntax { repertoire: "UNOW".to_owned(), version: 4, repetition: '*', ..Syntax::default() };
    let options = WriteOptions {
        envelope: Envelope {
            control_reference: Some(envelope.control_reference.clone().unwrap_or_else(|| "1".to_owned())),
            syntax: (target.standard == "edifact").then_some(syntax),
            ..envelope
        },
        prepared_at_ms: now_ms,
        message_reference: "1".to_owned(),
        ..WriteOptions::default()
    };
    let encoded = encode(document_type, &message.content, &target, &options)?;
    findings.extend(encoded.findings);
    if has_errors(&findings) {
        return Ok(Err(findings));
    }
    if target.standard != "html" {
        findings.extend(shortcomings(&encoded.bytes, &target)?);
    }
    Ok(Ok(Converted { bytes: encoded.bytes, content_type: encoded.content_type, findings }))
}
