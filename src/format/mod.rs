//! Bytes to messages and back. Pure: no store, no network, no clock.
//!
//! A format reads an interchange as a row of [`Part`]s. Types that may be large (catalogues, statements) come as head,
//! repeating groups one by one, and tail; every other message comes whole and bounded. What is wrong with the bytes is a
//! finding; only trouble with reading them from the store is an error.

pub mod code128;
pub mod csv;
pub mod edifact;
pub mod encoding;
pub mod form;
pub mod json;
pub mod mask;
mod outbox;
pub mod recognise;
pub mod segment;
pub mod sheet;
mod table;
pub mod template;
pub mod xml;

pub use recognise::{open, recognise};

use std::io::Read;

use bytes::Bytes;

use crate::error::Result;
use crate::model::envelope::Envelope;
use crate::model::finding::{Code, Finding, Findings, Language, Place};
use crate::model::message::MessageType;
use crate::model::tree::Tree;
use crate::schema::library;

/// A format: how its bytes are known, and its reader.
#[derive(Debug)]
pub struct Format {
    /// `csv`, `edifact`, …
    pub name: &'static str,
    /// Media types it comes as, the usual one first; lower case, without parameters.
    pub media_types: &'static [&'static str],
    /// Endings of file names, the usual one first.
    pub endings: &'static [&'static str],
    /// For formats that are no text: whether these bytes are in it. They may be the beginning only.
    pub magic: Option<fn(&[u8]) -> bool>,
    /// Whether a text that begins so can be nothing else. White space in front was taken off.
    pub begins: fn(&str) -> bool,
    /// Whether a text that begins so looks like it, where nobody says what it is.
    pub looks: fn(&str) -> bool,
    /// Starts to read.
    pub open: fn(Source, &Hint, &Limits) -> Result<Box<dyn Reader>>,
}

/// All formats, sorted by name.
pub const FORMATS: &[Format] = &[csv::FORMAT, edifact::FORMAT, form::FORMAT, json::FORMAT, sheet::FORMAT, xml::FORMAT];

/// Writes a message in the format of its type, alone in its interchange.
pub fn write(message_type: &MessageType, tree: &Tree, options: &WriteOptions) -> Written {
    match message_type.standard.as_str() {
        "csv" => csv::write(message_type, tree),
        "dure" => json::write(message_type, tree),
        "edifact" => {
            let reference = options.message_reference.as_str();
            edifact::write(&[edifact::Outgoing { message_type, reference, tree }], options)
        }
        "sheet" => sheet::write(message_type, tree, options.language),
        _ => match library().message(message_type) {
            Some(grammar) => xml::write(tree, &grammar, options),
            None => {
                let finding = Finding::error(Code::UnknownMessage, Place::default());
                (Vec::new(), vec![finding.found(message_type.to_string())])
            }
        },
    }
}

/// Where the bytes come from.
pub enum Source {
    /// All there.
    Bytes(Bytes),
    /// Read piece by piece, for large payloads.
    Stream(Box<dyn Read + Send>),
}

/// What is known about the bytes from outside of them.
#[derive(Clone, Debug, Default)]
pub struct Hint {
    /// Media type without parameters, lower case.
    pub content_type: Option<String>,
    /// Character set from the transport or the agreement.
    pub charset: Option<String>,
    /// Name of the file.
    pub file_name: Option<String>,
    /// For CSV and other formats that do not say what they carry: the document the agreement expects.
    pub message_type: Option<MessageType>,
    /// The sender's own words for the columns of its tables.
    pub learned: Vec<Learned>,
}

/// A word of a partner for a column of its tables.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Learned {
    /// The message of the table: `Order`, `Catalogue`.
    pub message: String,
    /// The word.
    pub word: String,
    /// Our field.
    pub field: String,
}

impl Learned {
    /// `우리코드=item_id`, as an agreement says it.
    pub fn parse(message: &str, text: &str) -> Option<Learned> {
        let (word, field) = text.rsplit_once('=')?;
        let (word, field) = (word.trim(), field.trim());
        let full = !word.is_empty() && table_fields(message).iter().any(|(known, _)| known == field);
        full.then(|| Learned { message: message.to_owned(), word: word.to_owned(), field: field.to_owned() })
    }
}

/// The fields that a table of a message may have, and what people call them in Korean; none if there is no such table.
pub fn table_fields(message: &str) -> Vec<(String, String)> {
    table::fields(message)
}

/// One step of reading an interchange.
#[derive(Debug)]
pub enum Part {
    /// The outermost headers (UNB, SBDH); at most one, first. Formats without an envelope give none.
    Envelope(Envelope),
    /// A message starts.
    Start(MessageStart),
    /// The whole message.
    Whole(Tree),
    /// What stands before the repeating groups. Its root is the message itself.
    Head(Tree),
    /// One repeating group; `Tree::ordinal` counts from 1.
    Group(Tree),
    /// What stands behind the repeating groups. Its root is the message itself.
    Tail(Tree),
    /// The message ends.
    End,
}

/// What is known of a message when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageStart {
    /// Its type as the bytes say it, or by a declared fallback.
    pub message_type: MessageType,
    /// UNH 0062, else empty.
    pub reference: String,
}

/// Reads one interchange.
pub trait Reader: Send {
    /// The next part, none at the end. After a syntax error that cannot be passed over it gives none as well, with
    /// the finding saying so. Never panics, never loops without progress.
    fn next(&mut self, findings: &mut Findings) -> Result<Option<Part>>;
}

/// Bounds for readers. All are findings when exceeded.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Levels of elements or objects.
    pub depth: usize,
    /// Attributes on one element, members of one object.
    pub attributes: usize,
    /// Bytes of a message that is not read in groups.
    pub whole_bytes: u64,
    /// Nodes of one tree.
    pub nodes: usize,
    /// Bytes of one name or one text value.
    pub token_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { depth: 100, attributes: 256, whole_bytes: 20 << 20, nodes: 2_000_000, token_bytes: 20 << 20 }
    }
}

/// How an outgoing interchange is addressed and written.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Sender and receiver, control reference, test flag, EDIFACT syntax.
    pub envelope: Envelope,
    /// When it is written, UTC milliseconds: UNB S004.
    pub prepared_at_ms: i64,
    /// EDIFACT: UNH 0062.
    pub message_reference: String,
    /// EDIFACT: a line break behind every segment.
    pub break_lines: bool,
    /// Sheets: the language of the header row.
    pub language: Language,
    /// XML: whether a Standard Business Document Header goes around the message.
    pub header: bool,
}

/// What a format gives back when it cannot or can only partly write.
pub type Written = (Vec<u8>, Vec<Finding>);
