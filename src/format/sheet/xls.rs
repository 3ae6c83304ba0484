//! XLS of Excel 97 to 2003 ([MS-XLS], BIFF8): the texts of cells as people see them. Formulas count by the value that was
//! kept with them. Left out: older versions, charts, comments, pictures.

use super::book::{Book, MOST_MERGED, MOST_SHEETS, Merged, Row, damaged, locked};
use super::compound::{Compound, u16_at, u32_at};
use super::number::{Seen, decimal, shifted};
use super::records::{Pieces, Records, string, string_of};
use crate::model::finding::{Code, Finding, Place};

/// Kinds of records, [MS-XLS] 2.3.
mod kind {
    pub(super) const FORMULA: u16 = 0x0006;
    pub(super) const EOF: u16 = 0x000A;
    pub(super) const DATE_MODE: u16 = 0x0022;
    pub(super) const FILE_PASS: u16 = 0x002F;
    pub(super) const BOUND_SHEET: u16 = 0x0085;
    pub(super) const MUL_RK: u16 = 0x00BD;
    pub(super) const RICH_STRING: u16 = 0x00D6;
    pub(super) const XF: u16 = 0x00E0;
    pub(super) const MERGED_CELLS: u16 = 0x00E5;
    pub(super) const SHARED_STRINGS: u16 = 0x00FC;
    pub(super) const LABEL_SHARED: u16 = 0x00FD;
    pub(super) const NUMBER: u16 = 0x0203;
    pub(super) const LABEL: u16 = 0x0204;
    pub(super) const BOOL_OR_ERROR: u16 = 0x0205;
    pub(super) const STRING: u16 = 0x0207;
    pub(super) const RK: u16 = 0x027E;
    pub(super) const FORMAT: u16 = 0x041E;
    pub(super) const BOF: u16 = 0x0809;
}

/// The version of BIFF that BOF says.
const BIFF8: u16 = 0x0600;

/// A workbook.
pub(super) struct Xls {
    stream: Vec<u8>,
    sheets: Vec<(String, usize)>,
    from_1904: bool,
    strings: Vec<Box<str>>,
    /// What each extended format makes of numbers.
    styles: Vec<Seen>,
    at: usize,
    /// Charts and the like inside of the sheet.
    depth: usize,
}

impl Xls {
    /// Opens a compound file.
    pub(super) fn open(bytes: &[u8]) -> Result<Xls, Finding> {
        let file = Compound::open(bytes).ok_or_else(damaged)?;
        if file.has("EncryptedPackage") {
            return Err(locked());
        }
        let Some(stream) = ["Workbook", "Book"].iter().find(|name| file.has(name)) else {
            return Err(Finding::error(Code::UnknownFormat, Place::default()).found("OLE"));
        };
        let stream = file.stream(stream).ok_or_else(damaged)?;
        drop(file);
        let mut book = Xls {
            stream,
            sheets: Vec::new(),
            from_1904: false,
            strings: Vec::new(),
            styles: Vec::new(),
            at: 0,
            depth: 0,
        };
        book.globals()?;
        Ok(book)
    }

    fn globals(&mut self) -> Result<(), Finding> {
        let mut records = Records::new(&self.stream, 0);
        let first = records.next().ok_or_else(damaged)?;
        if first.kind != kind::BOF || u16_at(first.data, 0) != Some(BIFF8) {
            let finding = Finding::error(Code::Syntax, Place::default());
            return Err(finding.found("the workbook is of Excel 95 or before"));
        }
        let (mut codes, mut formats) = (Vec::new(), Vec::new());
        while let Some(record) = records.next() {
            let data = record.data;
            match record.kind {
                kind::EOF => break,
                kind::FILE_PASS => return Err(locked()),
                kind::DATE_MODE => self.from_1904 = u16_at(data, 0) == Some(1),
                kind::FORMAT => {
                    let code = string(data.get(2..).unwrap_or(&[])).unwrap_or_default();
                    codes.push((u16_at(data, 0).unwrap_or(0), Seen::of_code(&code)));
                }
                kind::XF => formats.push(u16_at(data, 2).unwrap_or(0)),
                kind::BOUND_SHEET => {
                    // Visible worksheets only.
                    let seen = data.get(4).is_some_and(|state| state & 3 == 0) && data.get(5) == Some(&0);
                    let count = data.get(6).copied().map_or(0, usize::from);
                    let name = string_of(data.get(7..).unwrap_or(&[]), count).unwrap_or_default();
                    if let (true, Some(at), true) = (seen, u32_at(data, 0), self.sheets.len() < MOST_SHEETS) {
                        self.sheets.push((name, at as usize));
                    }
                }
                kind::SHARED_STRINGS => self.strings = shared(records.pieces(data)),
                _ => {}
            }
        }
        let seen = |format: u16| codes.iter().find(|(known, _)| *known == format).map(|(_, seen)| seen.clone());
        self.styles =
            formats.into_iter().map(|format| seen(format).unwrap_or_else(|| Seen::of_builtin(format.into()))).collect();
        Ok(())
    }

    fn number(&self, style: Option<u16>, number: String) -> String {
        match style.and_then(|style| self.styles.get(usize::from(style))) {
            Some(seen) => seen.show(number, self.from_1904),
            None => number,
        }
    }

    /// What a cell record says: column from 1, text, whether it is an error. `records` stand behind it.
    fn cells(&self, kind: u16, data: &[u8], records: &mut Records<'_>, mut put: impl FnMut(u32, &str, bool)) {
        let column = u32::from(u16_at(data, 2).unwrap_or(0)) + 1;
        let style = u16_at(data, 4);
        let rest = data.get(6..).unwrap_or(&[]);
        match kind {
            kind::LABEL_SHARED => {
                let text = u32_at(rest, 0).and_then(|index| self.strings.get(index as usize));
                put(column, text.map_or("", |text| text), false);
            }
            kind::LABEL | kind::RICH_STRING => put(column, &string(rest).unwrap_or_default(), false),
            kind::NUMBER => {
                if let Some(number) = float(rest).and_then(decimal) {
                    put(column, &self.number(style, number), false);
                }
            }
            kind::RK => {
                if let Some(number) = u32_at(rest, 0).and_then(packed) {
                    put(column, &self.number(style, number), false);
                }
            }
            kind::MUL_RK => {
                // Pairs of style and number; the last two bytes are the last column.
                let pairs = data.get(4..data.len().saturating_sub(2)).unwrap_or(&[]);
                for (column, pair) in (column..).zip(pairs.chunks_exact(6)) {
                    if let Some(number) = u32_at(pair, 2).and_then(packed) {
                        put(column, &self.number(u16_at(pair, 0), number), false);
                    }
                }
            }
            kind::BOOL_OR_ERROR => match (rest.first(), rest.get(1)) {
                (Some(value), Some(0)) => put(column, boolean(*value), false),
                (Some(value), Some(_)) => put(column, error(*value), true),
                _ => {}
            },
            kind::FORMULA => match (rest.first(), rest.get(2), u16_at(rest, 6)) {
                (Some(0), _, Some(0xFFFF)) => {
                    // Its text comes behind it, a shared formula or an array perhaps before that.
                    let mut ahead = *records;
                    let text = ahead.by_ref().take(3).find(|record| record.kind == kind::STRING);
                    if let Some(text) = text {
                        put(column, &ahead.pieces(text.data).string().unwrap_or_default(), false);
                        *records = ahead;
                    }
                }
                (Some(1), Some(value), Some(0xFFFF)) => put(column, boolean(*value), false),
                (Some(2), Some(value), Some(0xFFFF)) => put(column, error(*value), true),
                (_, _, Some(0xFFFF)) => {}
                _ => {
                    if let Some(number) = float(rest).and_then(decimal) {
                        put(column, &self.number(style, number), false);
                    }
                }
            },
            _ => {}
        }
    }
}

/// The strings that cells share.
fn shared(mut pieces: Pieces<'_>) -> Vec<Box<str>> {
    let mut strings = Vec::new();
    // How many there are is found, not believed.
    if pieces.skip(8).is_none() {
        return strings;
    }
    while let Some(text) = pieces.string() {
        strings.push(text.into_boxed_str());
    }
    strings
}

fn float(bytes: &[u8]) -> Option<f64> {
    Some(f64::from_le_bytes(bytes.get(..8)?.try_into().ok()?))
}

/// A number in four bytes, [MS-XLS] 2.5.217.
fn packed(rk: u32) -> Option<String> {
    let number = match rk & 2 {
        0 => decimal(f64::from_bits(u64::from(rk & !3) << 32))?,
        _ => (rk.cast_signed() >> 2).to_string(),
    };
    Some(if rk & 1 == 0 { number } else { shifted(&number, -2) })
}

fn boolean(value: u8) -> &'static str {
    if value == 0 { "FALSE" } else { "TRUE" }
}

/// [MS-XLS] 2.5.10.
fn error(value: u8) -> &'static str {
    match value {
        0x00 => "#NULL!",
        0x07 => "#DIV/0!",
        0x0F => "#VALUE!",
        0x17 => "#REF!",
        0x1D => "#NAME?",
        0x24 => "#NUM!",
        _ => "#N/A",
    }
}

impl Book for Xls {
    fn sheets(&self) -> Vec<String> {
        self.sheets.iter().map(|(name, _)| name.clone()).collect()
    }

    fn open(&mut self, sheet: usize) -> Result<Merged, Finding> {
        let at = self.sheets.get(sheet).map_or(usize::MAX, |(_, at)| *at);
        let mut records = Records::new(&self.stream, at);
        records.next().filter(|record| record.kind == kind::BOF).ok_or_else(damaged)?;
        (self.at, self.depth) = (records.at(), 0);
        // Merged cells stand behind the rows.
        let (mut merged, mut depth) = (Merged::default(), 0usize);
        for record in records {
            match record.kind {
                kind::BOF => depth += 1,
                kind::EOF if depth == 0 => break,
                kind::EOF => depth -= 1,
                kind::MERGED_CELLS if depth == 0 => {
                    for range in record.data.get(2..).unwrap_or(&[]).chunks_exact(8) {
                        let number = |at| u16_at(range, at).map_or(0, |number| u32::from(number) + 1);
                        let (first, last, column, last_column) = (number(0), number(2), number(4), number(6));
                        if merged.len() < MOST_MERGED {
                            merged.insert((first, column), (last, last_column));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(merged)
    }

    fn row(&mut self, row: &mut Row) -> Result<bool, Finding> {
        let mut found = None;
        let mut records = Records::new(&self.stream, self.at);
        let (mut depth, mut at) = (self.depth, self.at);
        while let Some(record) = records.next() {
            match record.kind {
                kind::BOF => depth += 1,
                kind::EOF if depth == 0 => break,
                kind::EOF => depth -= 1,
                kind::FORMULA
                | kind::MUL_RK
                | kind::RICH_STRING
                | kind::LABEL_SHARED
                | kind::NUMBER
                | kind::LABEL
                | kind::BOOL_OR_ERROR
                | kind::RK
                    if depth == 0 =>
                {
                    let number = u32::from(u16_at(record.data, 0).ok_or_else(damaged)?) + 1;
                    match found {
                        None => row.begin(number),
                        Some(known) if known == number => {}
                        // The first cell of the next row.
                        Some(_) => break,
                    }
                    found = Some(number);
                    self.cells(record.kind, record.data, &mut records, |column, text, error| {
                        row.put(column, text, error);
                    });
                }
                _ => {}
            }
            at = records.at();
        }
        (self.at, self.depth) = (at, depth);
        Ok(found.is_some())
    }
}
