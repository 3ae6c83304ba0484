//! From a typed document to bytes: outward mapping, then the format.

use crate::document::reading::page::page;
use crate::error::{Error, Result};
use crate::format::{self, WriteOptions};
use crate::mapping;
use crate::model::canonical::tree_of_json;
use crate::model::document_type::DocumentType;
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::model::message::MessageType;

/// A document as bytes of a message.
#[derive(Debug)]
pub struct Encoded {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Media type with character set.
    pub content_type: &'static str,
    /// What the message cannot carry or the bytes cannot say.
    pub findings: Vec<Finding>,
}

/// Writes a document, given as its canonical JSON, as that message.
pub fn encode(
    document_type: DocumentType,
    content: &str,
    message_type: &MessageType,
    options: &WriteOptions,
) -> Result<Encoded> {
    let mut findings = Findings::default();
    let bytes = match mapping::library(crate::document::record).writing(message_type) {
        Some(mapping) if mapping.document_type() == document_type => {
            let canonical = tree_of_json(content, document_type.as_str())
                .map_err(|error| Error::store("the stored document cannot be read").caused_by(error))?;
            let wrote = mapping.write(&canonical);
            findings.extend(wrote.findings);
            let (bytes, more) = format::write(message_type, &wrote.tree, options);
            findings.extend(more);
            bytes
        }
        None if message_type.standard == "dure" => json(document_type, content),
        None if message_type.standard == "html" => {
            let page = page(document_type, content, options.language)
                .ok_or_else(|| Error::store("the stored document cannot be read"))?;
            if page.left_out > 0 {
                let finding = Finding::warning(Code::TooMany, Place::default());
                findings.push(finding.found(format!("{} lines", page.left_out)));
            }
            page.html.into_bytes()
        }
        _ => return Err(Error::config(format!("{document_type} cannot be written as {message_type}"))),
    };
    Ok(Encoded { bytes, content_type: content_type(message_type), findings: findings.into_vec() })
}

/// Our own JSON: the canonical fields behind the document's type.
fn json(document_type: DocumentType, content: &str) -> Vec<u8> {
    let rest = content.strip_prefix('{').unwrap_or("}");
    let comma = if rest == "}" { "" } else { "," };
    format!("{{\"type\":\"{document_type}\"{comma}{rest}\n").into_bytes()
}

/// The media type of a message (RFC 7303, RFC 1767, RFC 4180, RFC 8259, ECMA-376).
pub fn content_type(message_type: &MessageType) -> &'static str {
    match message_type.standard.as_str() {
        "edifact" => "application/EDIFACT",
        "dure" => "application/json",
        "html" => "text/html; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "sheet" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => "application/xml; charset=utf-8",
    }
}

/// The ending of a file of a message.
pub fn file_ending(message_type: &MessageType) -> &'static str {
    match message_type.standard.as_str() {
        "edifact" => "edi",
        "dure" => "json",
        "html" => "html",
        "csv" => "csv",
        "sheet" => "xlsx",
        _ => "xml",
    }
}
