//! What both kinds of workbooks are read as: sheets of rows of texts, as people see them.

use rustc_hash::FxHashMap;

use crate::model::finding::{Code, Finding, Place};

/// Sheets of one workbook that are looked at.
pub(super) const MOST_SHEETS: usize = 100;

/// Rows with something in them on one sheet.
pub(super) const MOST_ROWS: usize = 200_000;

/// Ranges of merged cells on one sheet that are kept.
pub(super) const MOST_MERGED: usize = 50_000;

/// A row.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    /// Its number, from 1.
    pub(super) number: u32,
    /// What its cells say, from column A on.
    pub(super) fields: Vec<String>,
    /// Cells that hold an error (`#REF!`), as positions in `fields`.
    pub(super) errors: Vec<usize>,
    /// Columns that are kept.
    most: usize,
    /// The first column behind them with something in it, from 1.
    pub(super) wide: Option<u32>,
}

impl Row {
    /// A row of at most so many columns.
    pub(super) fn new(most: usize) -> Row {
        Row { most, ..Row::default() }
    }

    /// Empties it, keeping its memory.
    pub(super) fn begin(&mut self, number: u32) {
        self.number = number;
        self.fields.iter_mut().for_each(String::clear);
        self.errors.clear();
        self.wide = None;
    }

    /// What a cell says; columns count from 1.
    pub(super) fn put(&mut self, column: u32, text: &str, error: bool) {
        if text.is_empty() || column == 0 {
            return;
        }
        let index = column as usize - 1;
        if index >= self.most {
            self.wide = self.wide.or(Some(column));
            return;
        }
        if self.fields.len() <= index {
            self.fields.resize(index + 1, String::new());
        }
        if let Some(field) = self.fields.get_mut(index) {
            text.clone_into(field);
        }
        if error {
            self.errors.push(index);
        }
    }

    /// Whether nothing is in it.
    pub(super) fn is_blank(&self) -> bool {
        self.wide.is_none() && self.fields.iter().all(|field| field.trim().is_empty())
    }
}

/// Merged cells: the last row and column of each range by row and column of its first cell, from 1.
pub(super) type Merged = FxHashMap<(u32, u32), (u32, u32)>;

/// A workbook.
pub(super) trait Book: Send {
    /// The names of the sheets that people see, in order.
    fn sheets(&self) -> Vec<String>;

    /// Goes to the first row of a sheet; the merged cells of it.
    fn open(&mut self, sheet: usize) -> Result<Merged, Finding>;

    /// The next row that has cells; false at the end of the sheet.
    fn row(&mut self, row: &mut Row) -> Result<bool, Finding>;
}

/// A workbook that cannot be read on.
pub(super) fn damaged() -> Finding {
    Finding::error(Code::Syntax, Place::default()).found("the workbook is damaged")
}

/// A workbook that only opens with a password.
pub(super) fn locked() -> Finding {
    Finding::error(Code::Syntax, Place::default()).found("the workbook is protected by a password")
}

/// Something that is larger than allowed.
pub(super) fn too_large(allowed_bytes: u64) -> Finding {
    let finding = Finding::error(Code::TooLarge, Place::default());
    finding.found("the unpacked workbook").expected(format!("{allowed_bytes} bytes"))
}
