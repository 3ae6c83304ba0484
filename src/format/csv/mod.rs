//! Tables as text (RFC 4180): catalogues and orders, one row an item or an order line.
//!
//! The delimiter is found in the header row, the character set by mark, hint or contents (UTF-8, else CP949). A row
//! becomes a node `row` with a field per column; empty fields are absent. Thousands separators and the usual spellings of
//! dates are made plain, as no other reading of them is possible. Rows of one order are one message. A large catalogue
//! comes row by row. Left out: tables without a header row, several tables in one file.

mod header;
mod records;
mod write;

pub use write::write;

use std::borrow::Cow;
use std::io::Read;

use bytes::Buf;

use self::header::{Column, Kind, ROW};
use self::records::{Fault, Record, Records};
use super::encoding::TextStream;
use super::outbox::Outbox;
use super::{Format, Hint, Limits, MessageStart, Part, Reader, Source};
use crate::error::{Context, Result};
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::model::message::MessageType;
use crate::model::name::Name;
use crate::model::tree::{At, Shape, Tree};
use crate::schema::simple::Base;

/// How tables are known: only by what is said of them, or by a header row.
pub(super) const FORMAT: Format = Format {
    name: "csv",
    media_types: &["text/csv", "text/tab-separated-values", "application/csv"],
    endings: &["csv", "tsv"],
    begins: |_| false,
    looks: |text| Kind::recognise(text.lines().next().unwrap_or("").split([',', ';', '\t'])).is_some(),
    open: |source, hint, limits| Ok(Box::new(CsvReader::new(source, hint, limits)?)),
};

/// Tables larger than this come in groups where their table says so, as XML ones do.
const LARGE_BYTES: usize = 1 << 20;

/// Bytes looked at to tell UTF-8 from CP949 in a stream.
const LOOK_BYTES: u64 = 64 << 10;

/// The field whose value starts another message.
const SPLIT: &[(&str, &str)] = &[("Order", "order_id")];

/// Reads a table.
pub struct CsvReader {
    /// None when the character set is not known.
    records: Option<Records>,
    waiting: Option<Finding>,
    expected: Option<MessageType>,
    limits: Limits,
    large: bool,
    queue: Outbox,
    record: Record,
    table: Option<Table>,
    /// What is wrong with the header row, until its message starts.
    header: Findings,
    done: bool,
}

/// A table whose header was read.
struct Table {
    kind: Kind,
    columns: Vec<Option<Column>>,
    row: Name,
    /// The column that starts another message, and its value in the present one.
    split: Option<(usize, String)>,
    /// In groups, or the tree of the present message.
    tree: Option<Tree>,
    grouped: bool,
    ordinal: u32,
    too_large: bool,
}

impl CsvReader {
    /// Over a source.
    pub fn new(source: Source, hint: &Hint, limits: &Limits) -> Result<CsvReader> {
        let (large, head, rest): (bool, Vec<u8>, Box<dyn Read + Send>) = match source {
            Source::Bytes(bytes) => {
                let valid = std::str::from_utf8(&bytes).is_ok();
                // What the look decides is all that is needed of the head here.
                let head = if valid { Vec::new() } else { vec![0xff] };
                (bytes.len() > LARGE_BYTES, head, Box::new(bytes.reader()))
            }
            Source::Stream(mut read) => {
                let mut head = Vec::new();
                read.by_ref().take(LOOK_BYTES).read_to_end(&mut head).context(|| "read the table")?;
                let rest = Read::chain(std::io::Cursor::new(head.clone()), read);
                (true, head, Box::new(rest))
            }
        };
        let charset = hint.charset.as_deref().unwrap_or(if is_utf8(&head) { "utf-8" } else { "cp949" });
        let (records, waiting) = match TextStream::open(rest, Some(charset)).context(|| "read the table")? {
            Ok(stream) => (Some(Records::new(stream, limits.token_bytes, limits.attributes)), None),
            Err(name) => {
                let finding = Finding::error(Code::Encoding, Place::default());
                (None, Some(finding.found("the beginning").expected(name)))
            }
        };
        let expected = hint.message_type.as_ref().and_then(|known| match known.standard.as_str() {
            "csv" => Some(known.clone()),
            "dure" => Some(MessageType::new("csv", "1", &known.name)),
            _ => None,
        });
        Ok(CsvReader {
            records,
            waiting,
            expected,
            limits: *limits,
            large,
            queue: Outbox::default(),
            record: Record::default(),
            table: None,
            header: Findings::default(),
            done: false,
        })
    }

    /// The next record that is not blank.
    fn record(&mut self, findings: &mut Findings) -> Result<bool> {
        let Some(records) = &mut self.records else { return Ok(false) };
        while records.next(&mut self.record)? {
            let place = |column: usize| Place::from_at(at(self.record.line, column));
            if let Some(fault) = self.record.fault {
                findings.push(match fault {
                    Fault::OpenQuote => Finding::error(Code::Truncated, place(0)).expected("\""),
                    Fault::BehindQuote(column) => {
                        Finding::error(Code::Syntax, place(column)).found("text behind a closing quote")
                    }
                    Fault::FieldTooLarge(column) => {
                        let allowed = format!("{} bytes", self.limits.token_bytes);
                        Finding::error(Code::TooLarge, place(column)).found("a field").expected(allowed)
                    }
                    Fault::TooManyFields => {
                        Finding::error(Code::TooManyAttributes, place(0)).expected(self.limits.attributes.to_string())
                    }
                });
            }
            if !self.record.is_blank() {
                return Ok(true);
            }
        }
        if let Some(stop) = records.stop() {
            let place = Place { line: Some(records.line()), ..Place::default() };
            let finding = Finding::error(Code::Encoding, place);
            findings.push(finding.found(format!("byte {}", stop.offset_bytes)).expected(stop.charset.name()));
        }
        Ok(false)
    }

    /// The header row.
    fn start(&mut self, findings: &mut Findings) -> Result<()> {
        findings.extend(self.waiting.take());
        if let Some(records) = &mut self.records {
            records.find_delimiter()?;
        }
        if !self.record(findings)? {
            if !findings.has_errors() {
                findings.push(Finding::error(Code::Empty, Place::default()));
            }
            self.done = true;
            return Ok(());
        }
        let line = self.record.line;
        let words: Vec<String> = self.record.fields().map(|word| word.trim().to_owned()).collect();
        let kind = match &self.expected {
            Some(message_type) => Kind::of(message_type),
            None => Kind::recognise(words.iter().map(String::as_str)),
        };
        let known = kind.filter(|kind| words.iter().any(|word| kind.column(word).is_some()));
        let Some(kind) = known else {
            let place = Place::from_at(at(line, 0));
            let expected =
                self.expected.as_ref().map_or("csv/1/Catalogue, csv/1/Order".to_owned(), ToString::to_string);
            findings.push(Finding::error(Code::UnknownMessage, place).found(words.join(", ")).expected(expected));
            self.done = true;
            return Ok(());
        };
        let mut columns: Vec<Option<Column>> = Vec::new();
        for (index, word) in words.iter().enumerate() {
            let place = Place { path: Some(word.clone()), ..Place::from_at(at(line, index + 1)) };
            let column = kind.column(word);
            let twice = column.is_some_and(|column| columns.iter().flatten().any(|known| known.name == column.name));
            if twice {
                findings.push(Finding::error(Code::Syntax, place).found(format!("a second column for {word}")));
            } else if column.is_none() && !word.is_empty() {
                let expected = kind.message_type.to_string();
                findings.push(Finding::warning(Code::NotCarried, place).found(word).expected(expected));
            }
            columns.push(column.filter(|_| !twice));
        }
        let split = SPLIT.iter().find(|(name, _)| *name == kind.message_type.name).and_then(|(_, field)| {
            let index = columns.iter().position(|column| column.is_some_and(|c| c.name.as_str() == *field))?;
            Some((index, String::new()))
        });
        let grouped = self.large && kind.grammar.cut.is_some();
        let table =
            Table { kind, columns, row: Name::intern(ROW), split, tree: None, grouped, ordinal: 0, too_large: false };
        if grouped {
            self.queue.push(Part::Start(table.starts("")));
        }
        self.table = Some(table);
        Ok(())
    }

    fn row(&mut self, findings: &mut Findings) -> Result<()> {
        if !self.record(findings)? {
            self.done = true;
            if let Some(table) = &mut self.table {
                table.end(self.record.line, &mut self.queue);
            }
            return Ok(());
        }
        let comma = self.records.as_ref().is_some_and(|records| records.delimiter() == ';');
        if let Some(table) = &mut self.table {
            table.take(&self.record, comma, &self.limits, &mut self.queue, findings);
        }
        Ok(())
    }
}

fn is_utf8(head: &[u8]) -> bool {
    match std::str::from_utf8(head) {
        Ok(_) => true,
        // Cut in the middle of a character.
        Err(error) => error.error_len().is_none(),
    }
}

fn at(line: u32, column: usize) -> At {
    At { line, column: u32::try_from(column).unwrap_or(u32::MAX), ..At::default() }
}

fn closed(mut tree: Tree) -> Tree {
    while tree.depth() > 0 {
        tree.close();
    }
    tree
}

impl Table {
    fn starts(&self, reference: &str) -> MessageStart {
        MessageStart { message_type: self.kind.message_type.clone(), reference: reference.to_owned() }
    }

    fn root(&self, line: u32) -> Tree {
        let mut tree = Tree::new(Shape::Records);
        tree.open(self.kind.grammar.root_name, at(line, 0));
        tree
    }

    /// The end of the present message.
    fn finish(&mut self, queue: &mut Outbox) {
        if let Some(tree) = self.tree.take() {
            if !self.too_large {
                queue.push(Part::Whole(closed(tree)));
            }
            queue.push(Part::End);
            self.too_large = false;
        }
    }

    /// The end of the table.
    fn end(&mut self, line: u32, queue: &mut Outbox) {
        if self.grouped {
            if self.ordinal == 0 {
                queue.push(Part::Head(closed(self.root(line))));
            }
            let tail = self.root(line);
            queue.push(Part::Tail(closed(tail)));
            queue.push(Part::End);
            return;
        }
        if self.tree.is_none() && self.ordinal == 0 {
            // A header without rows is a message without lines.
            queue.push(Part::Start(self.starts("")));
            self.tree = Some(self.root(line));
        }
        self.finish(queue);
    }

    /// One row.
    fn take(&mut self, record: &Record, comma: bool, limits: &Limits, queue: &mut Outbox, findings: &mut Findings) {
        self.ordinal = self.ordinal.saturating_add(1);
        if !self.grouped {
            let key = self.split.as_ref().and_then(|(index, _)| record.fields().nth(*index)).map_or("", str::trim);
            let another = self.split.as_ref().is_some_and(|(_, known)| !key.is_empty() && known != key);
            if another {
                self.finish(queue);
            }
            if self.tree.is_none() {
                queue.push(Part::Start(self.starts("")));
                self.tree = Some(self.root(record.line));
                if let Some((_, known)) = &mut self.split {
                    key.clone_into(known);
                }
            }
        }
        if self.grouped && self.ordinal == 1 {
            // What belongs to the whole document stands in every row; the first says it.
            let mut head = self.root(record.line);
            self.fields(&mut head, record, comma, &mut Findings::default());
            queue.push(Part::Head(closed(head)));
        }
        let mut tree = self.tree.take().unwrap_or_else(|| Tree::new(Shape::Records));
        if tree.len() > limits.nodes || tree.text_bytes() as u64 > limits.whole_bytes {
            if !std::mem::replace(&mut self.too_large, true) {
                let finding = Finding::error(Code::TooLarge, Place::from_at(at(record.line, 0)));
                let (found, allowed) = (tree.text_bytes(), limits.whole_bytes);
                findings.push(finding.found(format!("{found} bytes")).expected(format!("{allowed} bytes")));
            }
            self.tree = Some(tree);
            return;
        }
        self.fields(&mut tree, record, comma, findings);
        if self.grouped {
            tree.ordinal = self.ordinal;
            queue.push(Part::Group(tree));
        } else {
            self.tree = Some(tree);
        }
    }

    /// A row with its fields, put into a tree.
    fn fields(&self, tree: &mut Tree, record: &Record, comma: bool, findings: &mut Findings) {
        tree.open(self.row, at(record.line, 0));
        for (index, field) in record.fields().enumerate() {
            let here = at(record.line, index + 1);
            match self.columns.get(index) {
                Some(Some(column)) => {
                    let value = plain(field, column.base, comma);
                    if !value.is_empty() {
                        tree.leaf(column.name, &value, here);
                    }
                }
                Some(None) => {}
                None if field.trim().is_empty() => {}
                None => findings.push(
                    Finding::error(Code::Unexpected, Place::from_at(here)).found(field).expected("the end of the row"),
                ),
            }
        }
        tree.close();
    }
}

/// A field as its type is written: without blanks around it, numbers without thousands separators, dates as
/// `2026-01-31`. What could be read in two ways is left as it is.
fn plain(field: &str, base: Base, semicolons: bool) -> Cow<'_, str> {
    let field = field.trim();
    match base {
        Base::Decimal | Base::Integer => number(field, semicolons).map_or(field.into(), Cow::Owned),
        Base::Date => date(field).map_or(field.into(), Cow::Owned),
        _ => field.into(),
    }
}

/// `1,200` and `1,200,000.50` without commas; `12,5` and `12,50` with a point in a table whose delimiter is a semicolon.
fn number(text: &str, semicolons: bool) -> Option<String> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut groups = whole.trim_start_matches('-').split(',');
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let first = groups.next().filter(|group| digits(group))?;
    let rest: Vec<&str> = groups.collect();
    if rest.is_empty() || fraction.is_some_and(|fraction| !digits(fraction)) {
        return None;
    }
    let thousands = first.len() <= 3 && rest.iter().all(|group| group.len() == 3 && digits(group));
    match (thousands, semicolons, rest.as_slice()) {
        (true, false, _) | (true, true, [_, _, ..]) => Some(text.replace(',', "")),
        (false, true, [cents]) if fraction.is_none() && digits(cents) => Some(text.replace(',', ".")),
        _ => None,
    }
}

/// `20260131`, `2026/1/31`, `2026. 1. 31.` as `2026-01-31`.
fn date(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(['-', '/', '.', ' ']).filter(|part| !part.is_empty()).collect();
    let (year, month, day) = match parts.as_slice() {
        [year, month, day] => (*year, *month, *day),
        [whole] if whole.len() == 8 => (whole.get(..4)?, whole.get(4..6)?, whole.get(6..)?),
        _ => return None,
    };
    let digits = |text: &str, most: usize| text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
    (year.len() == 4 && digits(year, 4) && digits(month, 2) && digits(day, 2))
        .then(|| format!("{year}-{month:0>2}-{day:0>2}"))
}

impl Reader for CsvReader {
    fn next(&mut self, findings: &mut Findings) -> Result<Option<Part>> {
        loop {
            if let Some(part) = self.queue.pop(findings) {
                return Ok(Some(part));
            }
            if self.done {
                return Ok(None);
            }
            let mut own = std::mem::take(&mut self.header);
            match self.table {
                None => self.start(&mut own)?,
                Some(_) => self.row(&mut own)?,
            }
            let waits = self.table.as_ref().is_some_and(|table| table.ordinal == 0 && !self.done);
            if waits && !self.queue.has_started() {
                // About the columns of a table whose first row is yet to come.
                self.header = own;
            } else {
                self.queue.tell(own, findings);
            }
        }
    }
}

#[cfg(test)]
mod tests;
