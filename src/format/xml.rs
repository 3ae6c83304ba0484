//! XML messages (XML 1.0 fifth edition, Namespaces in XML 1.0): UBL 2.x documents, alone or behind an SBDH.
//!
//! The document element and its namespace say which message it is. Elements are spelled as the tables spell them
//! (`cbc:ID`), attributes are child nodes `@schemeID`; declarations of namespaces, comments and processing instructions
//! are not kept, nor is white space between elements. A document type declaration is refused, so that no entity but the
//! five built-in ones is ever expanded and nothing is ever fetched. Up to 1 MiB a document is read at once and borrowed;
//! beyond, and from a stream, in constant memory, catalogues and statements group by group.
//! Left out: DTDs, XML 1.1, `xml:space`, `xml:base`.

mod attributes;
mod build;
mod feed;
mod names;
mod position;
mod read;
mod recognise;
mod sbdh;
mod write;

use std::sync::Arc;

use bytes::{Buf, Bytes};

use self::build::Builder;
use self::feed::{Cut, Feed};
use self::position::Lines;
use self::read::Streaming;
use super::encoding::{self, Found, TextStream};
use super::outbox::Outbox;
use super::{Format, Hint, Limits, Part, Reader, Source};
use crate::error::{Context, Result};
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::schema::check::Checker;

pub use self::write::{Writer, write};

/// How XML is known.
pub(super) const FORMAT: Format = Format {
    name: "xml",
    media_types: &["application/xml", "text/xml"],
    endings: &["xml"],
    magic: None,
    begins: |text| text.starts_with('<'),
    looks: |_| false,
    open: |source, hint, limits| open(source, hint, *limits),
};

/// Documents larger than this are read as streams, and in groups where their table says so.
const LARGE_BYTES: usize = 1 << 20;

/// Starts to read an interchange.
pub fn open(source: Source, hint: &Hint, limits: Limits) -> Result<Box<dyn Reader>> {
    let charset = hint.charset.as_deref();
    let builder = Builder::new(limits, false);
    let mut reader = XmlReader { input: Input::Done, builder, queue: Outbox::default(), waiting: None };
    let stream = match source {
        Source::Bytes(bytes) if bytes.len() <= LARGE_BYTES => {
            reader.input = Input::Bytes(bytes, charset.map(str::to_owned));
            return Ok(Box::new(reader));
        }
        Source::Bytes(bytes) => Box::new(bytes.reader()),
        Source::Stream(stream) => stream,
    };
    reader.builder = Builder::new(limits, true);
    match TextStream::open(stream, charset).context(|| "reading an XML document")? {
        Ok(text) => reader.input = Input::Stream(Box::new(Streaming::new(Feed::new(text, limits.token_bytes)))),
        Err(name) => reader.waiting = Some(unknown_encoding(&name)),
    }
    Ok(Box::new(reader))
}

enum Input {
    Bytes(Bytes, Option<String>),
    Stream(Box<Streaming>),
    Done,
}

struct XmlReader {
    input: Input,
    builder: Builder,
    queue: Outbox,
    /// A finding made while opening.
    waiting: Option<Finding>,
}

impl Reader for XmlReader {
    fn next(&mut self, findings: &mut Findings) -> Result<Option<Part>> {
        findings.extend(self.waiting.take());
        loop {
            if let Some(part) = self.queue.pop(findings) {
                return Ok(Some(part));
            }
            let mut own = Findings::default();
            match &mut self.input {
                Input::Done => return Ok(None),
                Input::Bytes(bytes, charset) => {
                    read_bytes(bytes, charset.as_deref(), &mut self.builder, &mut Lines::default(), &mut own);
                    self.input = Input::Done;
                }
                Input::Stream(stream) => {
                    if !stream.step(&mut self.builder, &mut own)? {
                        self.input = Input::Done;
                    }
                }
            }
            self.builder.parts.drain(..).for_each(|part| self.queue.push(part));
            self.queue.tell(own, findings);
        }
    }
}

/// Reads what is all there.
fn read_bytes(bytes: &[u8], charset: Option<&str>, builder: &mut Builder, lines: &mut Lines, findings: &mut Findings) {
    match encoding::find(bytes.get(..1024).unwrap_or(bytes), charset) {
        Found::Unknown(name) => findings.push(unknown_encoding(&name)),
        Found::Charset(charset, mark) => {
            let (text, stop) = encoding::decode(bytes, charset, mark);
            read::whole(&text, stop.map(Cut::Malformed), builder, lines, findings);
        }
    }
}

fn unknown_encoding(name: &str) -> Finding {
    Finding::error(Code::UnknownEncoding, Place::default())
        .found(name)
        .expected("UTF-8, UTF-16, EUC-KR (CP949), ISO-8859-1, windows-1252, …")
}

/// Memory that [`schema_only`] uses again from document to document.
pub struct Scratch {
    builder: Builder,
    lines: Lines,
    checkers: Vec<Checker>,
}

impl Scratch {
    /// Nothing used yet.
    pub fn new(limits: Limits) -> Scratch {
        Scratch { builder: Builder::new(limits, false), lines: Lines::default(), checkers: Vec::new() }
    }
}

/// Reads a document and compares it with its table, as the official schema would and nothing more: no business rules, no
/// code list that the schema does not enumerate.
pub fn schema_only(bytes: &[u8], scratch: &mut Scratch) -> Findings {
    let mut findings = Findings::default();
    let Scratch { builder, lines, checkers } = scratch;
    builder.begin();
    read_bytes(bytes, None, builder, lines, &mut findings);
    while let Some(part) = builder.parts.pop_front() {
        match part {
            Part::Start(start) if builder.grammar.is_none() => {
                findings
                    .push(Finding::error(Code::UnknownMessage, Place::default()).found(start.message_type.to_string()));
            }
            Part::Whole(tree) => {
                if let Some(grammar) = &builder.grammar {
                    let known = checkers.iter().position(|checker| Arc::ptr_eq(checker.grammar(), grammar));
                    if known.is_none() {
                        checkers.push(Checker::new(Arc::clone(grammar)));
                    }
                    let checker = match known {
                        Some(index) => checkers.get_mut(index),
                        None => checkers.last_mut(),
                    };
                    if let Some(checker) = checker {
                        checker.whole(&tree, &mut findings);
                    }
                }
                // Its memory serves the next document.
                builder.tree = tree;
            }
            _ => {}
        }
    }
    findings
}

#[cfg(test)]
mod tests;
