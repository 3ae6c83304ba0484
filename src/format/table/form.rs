//! The form above a table: words for what belongs to the whole document, each with its value beside or below it.
//!
//! ```text
//! 발주번호 | PO-1        | 발주일자 | 2026-11-24
//! 납품처   | 천안 2공장   | 주소     | 번영로 00
//! ```
//!
//! A value stands to the right of its word (behind merged cells, or up to three cells further if nothing else could be meant),
//! in the same cell behind a colon, or, where the words stand side by side, below. What is not understood is passed over.

use std::collections::BTreeMap;

use super::header::{Column, Kind, plain_word};

/// Cells that may be between a word and its value.
const FURTHEST: usize = 3;

/// Words that anybody's lines of a form have; they are the delivery's only beside or below another word of it.
const ANYBODYS: &[&str] = &[
    "address",
    "city",
    "country",
    "phone",
    "phonenumber",
    "street",
    "telephone",
    "국가",
    "도시",
    "시도",
    "연락처",
    "우편번호",
    "전화",
    "전화번호",
    "주소",
    "postalcode",
    "postcode",
    "zip",
    "zipcode",
];

/// What fields of the delivery begin with.
const DELIVERY: &str = "delivery_";

/// A field of the form.
#[derive(Clone, Debug)]
pub(in crate::format) struct Filled {
    /// Its field.
    pub(in crate::format) column: Column,
    /// Whether every row needs it.
    pub(in crate::format) required: bool,
    /// Its value.
    pub(in crate::format) value: String,
    /// Row and column of the value, from 1.
    pub(in crate::format) at: (u32, usize),
}

type Cells<'c> = BTreeMap<(u32, usize), &'c str>;

/// The fields of the form in some rows. `last` gives the last row and column of the merged cells that begin at a cell.
pub(in crate::format) fn read<'c>(
    kind: &Kind,
    rows: impl Iterator<Item = (u32, &'c [String])>,
    last: impl Fn(u32, usize) -> (u32, usize),
) -> Vec<Filled> {
    let mut cells: Cells<'_> = BTreeMap::new();
    for (row, fields) in rows {
        let said = (1..).zip(fields).map(|(column, text)| (column, text.trim())).filter(|(_, text)| !text.is_empty());
        cells.extend(said.map(|(column, text)| ((row, column), text)));
    }
    let form = Form { kind, cells, last };
    let mut filled: Vec<Filled> = Vec::new();
    for (&(row, column), &text) in &form.cells {
        let taken = filled.iter().any(|known| known.at == (row, column));
        let (word, inline) = split(text);
        let Some((field, required)) = kind.head_column(word).filter(|_| !taken) else { continue };
        if filled.iter().any(|known| known.column.name == field.name) || !form.is_sure(row, word) {
            continue;
        }
        let found = match inline {
            Some(value) => Some((value, (row, column))),
            None => form.beside(row, column),
        };
        if let Some((value, at)) = found {
            filled.push(Filled { column: field, required, value: value.to_owned(), at });
        }
    }
    filled
}

/// A word, and what stands behind its colon.
fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once([':', '：']) {
        Some((word, value)) if !value.trim().is_empty() => (word.trim(), Some(value.trim())),
        Some((word, _)) => (word.trim(), None),
        None => (text, None),
    }
}

struct Form<'k, 'c, L> {
    kind: &'k Kind,
    cells: Cells<'c>,
    last: L,
}

impl<'c, L: Fn(u32, usize) -> (u32, usize)> Form<'_, 'c, L> {
    fn is_word(&self, text: &str) -> bool {
        let (word, inline) = split(text);
        self.kind.column(word).is_some() && (inline.is_none() || self.kind.head_column(word).is_some())
    }

    /// Words of a row.
    fn words(&self, row: u32) -> impl Iterator<Item = (usize, &'c str)> + '_ {
        let row = self.cells.range((row, 0)..=(row, usize::MAX));
        row.map(|(at, text)| (at.1, *text)).filter(|(_, text)| self.is_word(text))
    }

    /// Whether a word means the delivery where it could mean anybody.
    fn is_sure(&self, row: u32, word: &str) -> bool {
        if !ANYBODYS.contains(&plain_word(word).as_str()) {
            return true;
        }
        let near = self.words(row.saturating_sub(1)).chain(self.words(row));
        let names: Vec<&str> = near
            .filter(|(_, text)| !ANYBODYS.contains(&plain_word(split(text).0).as_str()))
            .filter_map(|(_, text)| self.kind.head_column(split(text).0).map(|(column, _)| column.name.as_str()))
            .collect();
        let others = ["buyer_", "producer_", "seller_", "supplier_"];
        names.iter().any(|name| name.starts_with(DELIVERY))
            && !names.iter().any(|name| others.iter().any(|other| name.starts_with(other)))
    }

    /// The value of a word: to its right, else below it.
    fn beside(&self, row: u32, column: usize) -> Option<(&'c str, (u32, usize))> {
        let (last_row, last_column) = (self.last)(row, column);
        let side_by_side = self.words(row).any(|(other, text)| {
            let (_, end) = (self.last)(row, other);
            split(text).1.is_none() && (end + 1 == column || last_column + 1 == other)
        });
        let below = self.cells.range((last_row + 1, column)..=(last_row + 1, column)).next();
        let below = below.map(|(at, text)| (*text, *at)).filter(|(text, _)| !self.is_word(text));
        if side_by_side {
            return below;
        }
        let mut right = self.cells.range((row, last_column + 1)..=(row, usize::MAX));
        let (&at, &text) = right.next()?;
        let (_, end) = (self.last)(at.0, at.1);
        let next = right.find(|(next, _)| next.1 > end).map(|(_, text)| *text);
        let adjacent = at.1 == last_column + 1;
        let alone = at.1 <= last_column + 1 + FURTHEST && next.is_none_or(|next| self.is_word(next));
        (!self.is_word(text) && (adjacent || alone)).then_some((text, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::message::MessageType;

    /// Row and column.
    type At = (u32, usize);

    fn check(rows: &[&[&str]], merged: &[(At, At)], expected: &str) {
        let kind = Kind::of(&MessageType::new("csv", "1", "Order")).unwrap();
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|text| (*text).to_owned()).collect()).collect();
        let last =
            |row, column| merged.iter().find(|(at, _)| *at == (row, column)).map_or((row, column), |(_, last)| *last);
        let filled = read(&kind, (1..).zip(rows.iter().map(Vec::as_slice)), last);
        let words =
            filled.iter().map(|one| format!("{}={}@{}:{}", one.column.name.as_str(), one.value, one.at.0, one.at.1));
        assert_eq!(words.collect::<Vec<_>>().join(" "), expected);
    }

    #[test]
    fn values_beside_their_words() {
        check(
            &[
                &["발 주 서"],
                &["발주번호", "PO-1", "발주일자 :", "2026. 1. 3"],
                &["납품처", "", "천안 2공장", "담당자", "김"],
            ],
            &[((3, 1), (3, 2))],
            "order_id=PO-1@2:2 issue_date=2026. 1. 3@2:4 delivery_name=천안 2공장@3:3",
        );
        check(&[&["발주번호: PO-1", "", "", "통화：KRW"]], &[], "order_id=PO-1@1:1 currency=KRW@1:4");
        // Nothing is said of it, and who is behind it is somebody else.
        check(&[&["납품처", "", "담당자", "김"]], &[], "");
        check(&[&["발주번호", "", "PO-1"]], &[], "order_id=PO-1@1:3");
        check(&[&["PURCHASE ORDER"], &["ACME Ltd."]], &[], "");
        check(
            &[&["발주번호", "발주일자", "납품처"], &["PO-1", "2026-01-03", "천안"]],
            &[],
            "order_id=PO-1@2:1 issue_date=2026-01-03@2:2 delivery_name=천안@2:3",
        );
    }

    #[test]
    fn an_address_is_the_deliverys_only_beside_it() {
        check(
            &[&["공급자", "표본정밀", "주소", "대전"], &["발주번호", "1"]],
            &[],
            "seller_name=표본정밀@1:2 order_id=1@2:2",
        );
        check(
            &[&["납품처", "천안", "연락처", "041-000-0000"], &["주소", "번영로 00"]],
            &[],
            "delivery_name=천안@1:2 delivery_telephone=041-000-0000@1:4 delivery_street=번영로 00@2:2",
        );
    }
}
