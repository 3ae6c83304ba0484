//! Tables as text (RFC 4180): catalogues and orders, one row an item or an order line.
//!
//! The delimiter is found in the header row, the character set by mark, hint or contents (UTF-8, else CP949). A row
//! becomes a node `row` with a field per column, see `format::table`. Thousands separators and the usual spellings of
//! dates are made plain, as no other reading of them is possible. Left out: tables without a header row, several tables
//! in one file.

mod records;
mod write;

pub use write::write;

use std::io::Read;

use bytes::Buf;

use self::records::{Fault, Record, Records};
use super::encoding::TextStream;
use super::outbox::Outbox;
use super::table::{self, Kind, Table, at};
use super::{Format, Hint, Learned, Limits, Part, Reader, Source};
use crate::error::{Context, Result};
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::model::message::MessageType;

/// How tables are known: only by what is said of them, or by a header row.
pub(super) const FORMAT: Format = Format {
    name: "csv",
    media_types: &["text/csv", "text/tab-separated-values", "application/csv"],
    endings: &["csv", "tsv"],
    magic: None,
    begins: |_| false,
    looks: |text| Kind::recognise(text.lines().next().unwrap_or("").split([',', ';', '\t']), &[]).is_some(),
    open: |source, hint, limits| Ok(Box::new(CsvReader::new(source, hint, limits)?)),
};

/// Tables larger than this come in groups where their table says so, as XML ones do.
const LARGE_BYTES: usize = 1 << 20;

/// Records that are given at once.
const MOST_RECORDS: usize = 200_000;

/// Bytes looked at to tell UTF-8 from CP949 in a stream.
const LOOK_BYTES: u64 = 64 << 10;

/// Reads a table.
pub struct CsvReader {
    /// None when the character set is not known.
    records: Option<Records>,
    waiting: Option<Finding>,
    expected: Option<MessageType>,
    learned: Vec<Learned>,
    limits: Limits,
    large: bool,
    queue: Outbox,
    record: Record,
    table: Option<Table>,
    /// What is wrong with the header row, until its message starts.
    header: Findings,
    done: bool,
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
        let expected = hint.message_type.as_ref().and_then(table::expected);
        Ok(CsvReader {
            records,
            waiting,
            expected,
            learned: hint.learned.clone(),
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
            Some(message_type) => Kind::of(message_type).map(|kind| kind.learn(&self.learned)),
            None => Kind::recognise(words.iter().map(String::as_str), &self.learned),
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
        let table = Table::new(kind, "csv", (line, &words), Vec::new(), None, self.large, findings);
        table.begin(&mut self.queue);
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
            let row = (self.record.line, self.record.as_slice());
            table.take(row, comma, &self.limits, &mut self.queue, findings);
        }
        Ok(())
    }
}

/// The records of a table with the lines on which they begin, blank ones as well; at most as many as a sheet may have.
pub(super) fn records(
    bytes: bytes::Bytes,
    hint: &Hint,
    limits: &Limits,
) -> std::result::Result<Vec<(u32, Vec<String>)>, Finding> {
    let trouble = |_| Finding::error(Code::Syntax, Place::default()).found("the table");
    let mut reader = CsvReader::new(Source::Bytes(bytes), hint, limits).map_err(trouble)?;
    let Some(records) = &mut reader.records else {
        return Err(reader.waiting.unwrap_or_else(|| Finding::error(Code::Encoding, Place::default())));
    };
    records.find_delimiter().map_err(trouble)?;
    let mut rows = Vec::new();
    while rows.len() < MOST_RECORDS && records.next(&mut reader.record).map_err(trouble)? {
        rows.push((reader.record.line, reader.record.as_slice().to_vec()));
    }
    Ok(rows)
}

fn is_utf8(head: &[u8]) -> bool {
    match std::str::from_utf8(head) {
        Ok(_) => true,
        // Cut in the middle of a character.
        Err(error) => error.error_len().is_none(),
    }
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
            let waits = self.table.as_ref().is_some_and(Table::is_fresh) && !self.done;
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
