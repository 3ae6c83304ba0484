//! Spreadsheets, XLSX and XLS: the same documents as CSV, one row an item or an order line, in the same words. How they are
//! read is told in `docs/formats/xlsx.md`.
//!
//! The header is looked for in the first rows of every sheet; what stands above it is passed over. Both kinds of files are
//! read by code of ours (see `docs/decisions/0008`).

mod book;
mod compound;
mod mark;
mod number;
mod package;
mod records;
mod write;
mod xls;
mod xlsx;

pub use mark::mark;
pub use write::write;

use std::collections::VecDeque;
use std::io::Read;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use self::book::{Book, MOST_ROWS, Merged, Row, too_large};
use self::compound::Compound;
use super::outbox::Outbox;
use super::table::{self, Kind, Table};
use super::{Format, Hint, Learned, Limits, Part, Reader, Source};
use crate::error::{Context, Result};
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::model::message::MessageType;
use crate::schema::simple::Base;

/// How spreadsheets are known: by what is in their container.
pub(super) const FORMAT: Format = Format {
    name: "sheet",
    media_types: &[
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.ms-excel",
        "application/vnd.ms-excel.sheet.macroenabled.12",
    ],
    endings: &["xlsx", "xls", "xlsm"],
    magic: Some(is_workbook),
    begins: |_| false,
    looks: |_| false,
    open: |source, hint, limits| Ok(Box::new(SheetReader::new(source, hint, limits)?)),
};

/// Files larger than this come in groups where their table says so. Packed, they are a fraction of the same table as text.
const LARGE_BYTES: usize = 256 << 10;

/// Rows among which the header is looked for.
const HEADER_ROWS: usize = 30;

/// Columns that a header row has at least.
const LEAST_WORDS: usize = 2;

/// How many times the size of a message that is read whole a workbook may have when it is unpacked.
const UNPACKED: u64 = 5;

/// Whether bytes are a workbook; of their beginning alone this can only be guessed.
fn is_workbook(bytes: &[u8]) -> bool {
    if !compound::is_compound(bytes) {
        return package::is_workbook(bytes);
    }
    // Word and Hangul documents are such files, too.
    let names = ["Workbook", "Book", "EncryptedPackage"];
    Compound::open(bytes).is_some_and(|file| names.iter().any(|name| file.has(name)))
}

/// Reads a workbook.
pub struct SheetReader {
    /// None when it cannot be read, or not any more.
    book: Option<Box<dyn Book>>,
    waiting: Option<Finding>,
    sheets: VecDeque<(usize, String)>,
    expected: Option<MessageType>,
    learned: Vec<Learned>,
    limits: Limits,
    large: bool,
    queue: Outbox,
    /// Rows that were read on the search for the header and stand behind it.
    ahead: VecDeque<Row>,
    row: Row,
    rows: usize,
    merged: Merged,
    /// What merged cells say for the rows below their first, by column: up to which row, and what.
    carried: FxHashMap<usize, (u32, String)>,
    table: Option<Table>,
    /// What is wrong with the header row, until its message starts.
    header: Findings,
    /// Whether a table was found on any sheet, else what was seen first.
    known: bool,
    seen: Option<(Place, String)>,
}

impl SheetReader {
    /// Over a source.
    pub fn new(source: Source, hint: &Hint, limits: &Limits) -> Result<SheetReader> {
        let (streamed, bytes) = match source {
            Source::Bytes(bytes) => (false, bytes),
            Source::Stream(read) => {
                let mut bytes = Vec::new();
                read.take(limits.whole_bytes.saturating_add(1))
                    .read_to_end(&mut bytes)
                    .context(|| "read the workbook")?;
                (true, Bytes::from(bytes))
            }
        };
        let large = streamed || bytes.len() > LARGE_BYTES;
        let (book, waiting) = match open(bytes, limits) {
            Ok(book) => (Some(book), None),
            Err(finding) => (None, Some(finding)),
        };
        let sheets = book.as_ref().map(|book| book.sheets()).unwrap_or_default();
        Ok(SheetReader {
            book,
            waiting,
            sheets: sheets.into_iter().enumerate().collect(),
            expected: hint.message_type.as_ref().and_then(table::expected),
            learned: hint.learned.clone(),
            limits: *limits,
            large,
            queue: Outbox::default(),
            ahead: VecDeque::new(),
            row: Row::new(limits.attributes),
            rows: 0,
            merged: Merged::default(),
            carried: FxHashMap::default(),
            table: None,
            header: Findings::default(),
            known: false,
            seen: None,
        })
    }

    /// The next row with something in it; none at the end of the sheet, and when the workbook cannot be read on.
    fn read(&mut self, sheet: &str, findings: &mut Findings) -> bool {
        let Some(book) = &mut self.book else { return false };
        loop {
            match book.row(&mut self.row) {
                Ok(true) if self.row.is_blank() => {}
                Ok(true) if self.rows >= MOST_ROWS => {
                    let place = Place::in_table(Some(sheet), table::at(self.row.number, 0));
                    findings.push(Finding::error(Code::TooManyLines, place).expected(MOST_ROWS.to_string()));
                    self.book = None;
                    return false;
                }
                Ok(true) => {
                    self.rows += 1;
                    return true;
                }
                Ok(false) => return false,
                Err(mut finding) => {
                    finding.place.sheet = Some(sheet.to_owned());
                    findings.push(finding);
                    self.book = None;
                    return false;
                }
            }
        }
    }

    /// The table of the next sheet that has one.
    fn start(&mut self, findings: &mut Findings) {
        findings.extend(self.waiting.take());
        let Some((number, name)) = self.sheets.pop_front() else { return };
        (self.rows, self.merged) = (0, Merged::default());
        self.ahead.clear();
        self.carried.clear();
        let opened = self.book.as_mut().map(|book| book.open(number));
        match opened {
            Some(Ok(merged)) => self.merged = merged,
            Some(Err(mut finding)) => {
                finding.place.sheet = Some(name);
                findings.push(finding);
                self.book = None;
                return;
            }
            None => return,
        }
        let mut best: Option<((usize, usize), usize, Kind)> = None;
        while self.ahead.len() < HEADER_ROWS && self.read(&name, findings) {
            if self.row.number as usize > HEADER_ROWS && best.is_some() {
                self.ahead.push_back(self.row.clone());
                break;
            }
            let words = || self.row.fields.iter().map(String::as_str);
            let kind = match &self.expected {
                Some(message_type) => Kind::of(message_type).map(|kind| kind.learn(&self.learned)),
                None => Kind::recognise(words(), &self.learned),
            };
            if let Some(kind) = kind {
                let (found, lacking) = kind.score(words());
                // A row above may have words of the head in it; the one with those of the lines is the header.
                let score = (usize::MAX - lacking, found);
                if found >= LEAST_WORDS && best.as_ref().is_none_or(|(known, _, _)| score > *known) {
                    best = Some((score, self.ahead.len(), kind));
                }
            }
            self.ahead.push_back(self.row.clone());
        }
        let Some((_, index, kind)) = best else {
            let first = self.ahead.front();
            let said = first.map(|row| row.fields.iter().filter(|field| !field.trim().is_empty()));
            if let (Some(row), Some(said)) = (first, said) {
                let place = Place::in_table(Some(&name), table::at(row.number, 0));
                let words = said.map(|field| field.trim()).collect::<Vec<_>>().join(", ");
                self.seen.get_or_insert((place, words));
            }
            return;
        };
        let mut above: Vec<Row> = self.ahead.drain(..=index).collect();
        let Some(header) = above.pop() else { return };
        let form =
            table::read_form(&kind, above.iter().map(|row| (row.number, row.fields.as_slice())), |row, column| {
                let first = u32::try_from(column).ok().and_then(|column| self.merged.get(&(row, column)));
                first.map_or((row, column), |(last_row, last)| (*last_row, usize::try_from(*last).unwrap_or(column)))
            });
        self.known = true;
        let words: Vec<String> = header.fields.iter().map(|word| word.trim().to_owned()).collect();
        let row = (header.number, words.as_slice());
        let table = Table::new(kind, "sheet", row, form, Some(name.as_str().into()), self.large, findings);
        self.wide(&table, &header, findings);
        table.begin(&mut self.queue);
        self.table = Some(table);
    }

    /// Whether the workbook ends here; then what is to be said of it as a whole.
    fn ends(&mut self, findings: &mut Findings) -> bool {
        if self.table.is_some() || (self.book.is_some() && !self.sheets.is_empty()) {
            return false;
        }
        if !std::mem::replace(&mut self.known, true) && !findings.has_errors() && self.book.is_some() {
            findings.push(match self.seen.take() {
                Some((place, words)) => {
                    let expected = self.expected.as_ref().map(|known| format!("sheet/1/{}", known.name));
                    let expected = expected.unwrap_or_else(|| "sheet/1/Catalogue, sheet/1/Order".to_owned());
                    Finding::error(Code::UnknownMessage, place).found(words).expected(expected)
                }
                None => Finding::error(Code::Empty, Place::default()),
            });
        }
        true
    }

    /// Text so far to the right that it is not read.
    fn wide(&self, table: &Table, row: &Row, findings: &mut Findings) {
        if let Some(column) = row.wide {
            let finding = Finding::error(Code::TooManyAttributes, table.place(row.number, column as usize));
            findings.push(finding.expected(self.limits.attributes.to_string()));
        }
    }

    fn take_row(&mut self, mut table: Table, findings: &mut Findings) {
        let sheet = table.sheet().to_owned();
        let read = match self.ahead.pop_front() {
            Some(row) => {
                self.row = row;
                true
            }
            None => self.read(&sheet, findings),
        };
        if !read {
            table.end(self.row.number, &mut self.queue);
            return;
        }
        self.wide(&table, &self.row, findings);
        self.carry(&table);
        if !is_header(&table, &self.row) && !self.is_remark(&table, findings) {
            for &index in &self.row.errors {
                // Numbers and dates are flagged by the checker.
                if let (Some(Some(column)), Some(found)) = (table.columns.get(index), self.row.fields.get(index))
                    && !matches!(column.base, Base::Decimal | Base::Integer | Base::Date)
                {
                    let place = Place {
                        path: Some(column.name.as_str().to_owned()),
                        ..table.place(self.row.number, index + 1)
                    };
                    findings.push(Finding::error(Code::BadValue, place).found(found).expected("a value"));
                }
            }
            let row = (self.row.number, self.row.fields.as_slice());
            table.take(row, false, &self.limits, &mut self.queue, findings);
        }
        self.table = Some(table);
    }

    /// Gives the rows below what merged cells say; numbers are not said twice.
    fn carry(&mut self, table: &Table) {
        let number = self.row.number;
        for (index, column) in table.columns.iter().enumerate() {
            if column.is_none_or(|column| matches!(column.base, Base::Decimal | Base::Integer)) {
                continue;
            }
            let first = u32::try_from(index + 1).ok().and_then(|column| self.merged.get(&(number, column)));
            let said = self.row.fields.get(index).map_or("", |field| field.trim());
            if let Some((last, _)) = first {
                self.carried.insert(index, (*last, said.to_owned()));
            } else if said.is_empty()
                && let Some((last, text)) = self.carried.get(&index)
                && *last >= number
                && let Ok(column) = u32::try_from(index + 1)
            {
                self.row.put(column, text, false);
            }
        }
    }

    /// Whether a row is no row of the table but a remark below it: a single text that names no item.
    fn is_remark(&self, table: &Table, findings: &mut Findings) -> bool {
        let mut said = self.row.fields.iter().enumerate().filter(|(_, field)| !field.trim().is_empty());
        let (Some((index, text)), None) = (said.next(), said.next()) else { return false };
        // An item alone is a line that was not finished, a sentence in its column is not.
        let sentence = text.trim().contains(' ') && !text.is_ascii();
        if table.item() == Some(index) && !sentence {
            return false;
        }
        let place = table.place(self.row.number, index + 1);
        let finding = Finding::warning(Code::NotCarried, place);
        findings.push(finding.found(text.trim()).expected(table.message_type.to_string()));
        true
    }
}

/// Whether a row is the header again, as on the next page.
fn is_header(table: &Table, row: &Row) -> bool {
    let mut said = row.fields.iter().enumerate().filter(|(_, field)| !field.trim().is_empty()).peekable();
    let is_title = |(index, field): (usize, &String)| {
        let column = table.columns.get(index).copied().flatten();
        column.is_none_or(|column| table.kind.column(field).is_some_and(|word| word.name == column.name))
    };
    let known = |(index, _): &(usize, &String)| table.columns.get(*index).is_some_and(Option::is_some);
    said.clone().filter(known).count() >= LEAST_WORDS && said.peek().is_some() && said.all(is_title)
}

fn open(bytes: Bytes, limits: &Limits) -> std::result::Result<Box<dyn Book>, Finding> {
    if bytes.trim_ascii().is_empty() {
        return Err(Finding::error(Code::Empty, Place::default()));
    }
    if bytes.len() as u64 > limits.whole_bytes {
        return Err(too_large(limits.whole_bytes));
    }
    match compound::is_compound(&bytes) {
        true => Ok(Box::new(xls::Xls::open(&bytes)?)),
        false => Ok(Box::new(xlsx::Xlsx::open(bytes, limits.whole_bytes.saturating_mul(UNPACKED))?)),
    }
}

impl Reader for SheetReader {
    fn next(&mut self, findings: &mut Findings) -> Result<Option<Part>> {
        loop {
            if let Some(part) = self.queue.pop(findings) {
                return Ok(Some(part));
            }
            let mut own = std::mem::take(&mut self.header);
            match self.table.take() {
                None => {
                    self.start(&mut own);
                    if self.ends(&mut own) && !self.queue.has_started() {
                        findings.extend(own.into_vec());
                        return Ok(None);
                    }
                }
                Some(table) => self.take_row(table, &mut own),
            }
            if self.table.as_ref().is_some_and(Table::is_fresh) && !self.queue.has_started() {
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
