//! The values of an XLS file or of a table of text as an XLSX, every text where it stood.

use bytes::Bytes;

use super::super::book::{Book, Row};
use super::super::compound;
use super::super::write::{PlainSheet, plain_book, too_large};
use super::super::xls::Xls;
use super::{Remark, Spot, remark};
use crate::format::csv;
use crate::format::{Hint, Limits};
use crate::model::finding::{Finding, Language};

/// A workbook of values.
pub(super) struct Values {
    pub(super) bytes: Bytes,
    /// Of a table of text: the lines on which its rows begin.
    lines: Option<Vec<u32>>,
}

/// The values of some bytes as a workbook.
pub(super) fn values(bytes: Bytes, hint: &Hint, limits: &Limits, language: Language) -> Result<Values, Finding> {
    let mut sheets: Vec<PlainSheet> = Vec::new();
    let mut lines = None;
    if compound::is_compound(&bytes) {
        let mut book = Xls::open(&bytes)?;
        for (index, name) in book.sheets().into_iter().enumerate() {
            let mut rows = Vec::new();
            book.open(index)?;
            let mut row = Row::new(limits.attributes);
            while book.row(&mut row)? {
                let used = row.fields.iter().rposition(|field| !field.is_empty()).map_or(0, |last| last + 1);
                rows.push((row.number, row.fields.get(..used).unwrap_or(&[]).to_vec()));
            }
            sheets.push((name, rows));
        }
    } else {
        let records = csv::records(bytes, hint, limits)?;
        lines = Some(records.iter().map(|(line, _)| *line).collect());
        let rows = (1..).zip(records).map(|(number, (_, fields))| (number, fields)).collect();
        let name = match language {
            Language::Ko => "표",
            Language::En => "Table",
        };
        sheets.push((name.to_owned(), rows));
    }
    Ok(Values { bytes: plain_book(&sheets).map_err(|_| too_large())?.into(), lines })
}

impl Values {
    /// Where a finding points to.
    pub(super) fn remark<'f>(&self, finding: &'f Finding) -> Remark<'f> {
        let (Some(lines), Some(line)) = (&self.lines, finding.place.line) else { return remark(finding) };
        // A record may go over several lines.
        let row = u32::try_from(lines.partition_point(|first| *first <= line)).unwrap_or(u32::MAX).max(1);
        let spot = finding.place.column.map_or(Spot::Row(row), |column| Spot::Cell((row, column)));
        Remark { sheet: None, spot, finding }
    }
}
