//! Tables, whether as text or as sheets: how a header row and the rows below it become messages.
//!
//! A row becomes a node `row` with a field per column; empty fields are absent. Rows of one order are one message. A
//! large catalogue comes row by row. Totals rows are passed over.

mod form;
mod grid;
mod header;
mod value;

pub(super) use form::{Filled, read as read_form};
pub(super) use grid::Grid;
pub(super) use header::{Column, Kind};

use std::sync::Arc;

use self::header::{ROW, plain_word};
use self::value::plain;
use super::outbox::Outbox;
use super::{Limits, MessageStart, Part};
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::model::message::MessageType;
use crate::model::name::Name;
use crate::model::tree::{At, Shape, Tree};

/// The field whose value starts another message.
const SPLIT: &[(&str, &str)] = &[("Order", "order_id")];

/// The field that every row of goods has.
const ITEM: &str = "item_id";

/// The field that numbers the rows of a document; rows without it are numbered as they stand.
const NUMBER: &str = "line_id";

/// The field whose values are in hundredths.
const PERCENT: &str = "tax_rate";

/// Words that a totals row begins with, plain.
const TOTALS: &[&str] = &["계", "소계", "총계", "합계", "총합계", "합계금액", "grandtotal", "subtotal", "sum", "total"];

/// A table whose header was read.
pub(super) struct Table {
    /// What it is.
    pub(super) kind: Kind,
    /// What its messages are called.
    pub(super) message_type: MessageType,
    /// The field of each column.
    pub(super) columns: Vec<Option<Column>>,
    /// The sheet it stands on, if it does.
    sheet: Option<Arc<str>>,
    row: Name,
    /// The column that starts another message, and its value in the present one.
    split: Option<(usize, String)>,
    item: Option<usize>,
    /// What the form above it says.
    form: Vec<Filled>,
    /// The field that numbers rows, where no column does.
    number: Option<Name>,
    /// Rows of the present message.
    rows: u32,
    /// In groups, or the tree of the present message.
    tree: Option<Tree>,
    grouped: bool,
    ordinal: u32,
    too_large: bool,
}

/// A place in a table.
pub(super) fn at(line: u32, column: usize) -> At {
    At { line, column: u32::try_from(column).unwrap_or(u32::MAX), ..At::default() }
}

fn closed(mut tree: Tree) -> Tree {
    while tree.depth() > 0 {
        tree.close();
    }
    tree
}

/// The fields of a table of that message with their Korean titles.
pub(super) fn fields(message: &str) -> Vec<(String, String)> {
    let kind = Kind::of(&MessageType::new("csv", "1", message));
    kind.map(|kind| kind.titled().collect()).unwrap_or_default()
}

/// The message that is expected, as the table of it is called.
pub(super) fn expected(known: &MessageType) -> Option<MessageType> {
    match known.standard.as_str() {
        "csv" | "dure" | "sheet" => Some(MessageType::new("csv", "1", &known.name)),
        _ => None,
    }
}

impl Table {
    /// Below a header row. `standard` is what its messages are called after.
    pub(super) fn new(
        kind: Kind,
        standard: &str,
        (line, words): (u32, &[String]),
        form: Vec<Filled>,
        sheet: Option<Arc<str>>,
        large: bool,
        findings: &mut Findings,
    ) -> Table {
        let message_type = MessageType { standard: standard.to_owned(), ..kind.message_type.clone() };
        let mut columns: Vec<Option<Column>> = Vec::new();
        let mut unknown: Vec<&str> = Vec::new();
        for (index, word) in words.iter().enumerate() {
            let word = word.trim();
            let place = Place { path: Some(word.to_owned()), ..Place::in_table(sheet.as_deref(), at(line, index + 1)) };
            let column = kind.column(word);
            let twice = column.is_some_and(|column| columns.iter().flatten().any(|known| known.name == column.name));
            if twice {
                findings.push(Finding::error(Code::Syntax, place).found(format!("a second column for {word}")));
            } else if column.is_none() && !word.is_empty() {
                let expected = message_type.to_string();
                findings.push(Finding::warning(Code::NotCarried, place).found(word).expected(expected));
                unknown.push(word);
            }
            columns.push(column.filter(|_| !twice));
        }
        for (column, title) in kind.required() {
            let known = |name: Name| name == column.name;
            let there =
                columns.iter().flatten().any(|one| known(one.name)) || form.iter().any(|one| known(one.column.name));
            if !there {
                // Said once, of the header, and not of every row.
                let finding = Finding::error(Code::NoColumn, Place::in_table(sheet.as_deref(), at(line, 0)));
                let expected = format!("{title} ({})", column.name.as_str());
                findings.push(finding.found(unknown.join(", ")).expected(expected));
            }
        }
        let position =
            |field: &str| columns.iter().position(|column| column.is_some_and(|column| column.name.as_str() == field));
        let split = SPLIT.iter().find(|(name, _)| *name == kind.message_type.name);
        let split = split.and_then(|(_, field)| Some((position(field)?, String::new())));
        let item = position(ITEM);
        let numbers = kind.columns.iter().find(|column| column.name.as_str() == NUMBER).map(|column| column.name);
        let number = numbers.filter(|_| position(NUMBER).is_none());
        let grouped = large && kind.grammar.cut.is_some();
        Table {
            kind,
            message_type,
            columns,
            sheet,
            row: Name::intern(ROW),
            split,
            item,
            form,
            number,
            rows: 0,
            tree: None,
            grouped,
            ordinal: 0,
            too_large: false,
        }
    }

    /// Starts the message of a table that comes in groups.
    pub(super) fn begin(&self, queue: &mut Outbox) {
        if self.grouped {
            queue.push(Part::Start(self.starts("")));
        }
    }

    /// Whether no row was taken yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.ordinal == 0
    }

    /// The sheet it stands on, if it does.
    pub(super) fn sheet(&self) -> &str {
        self.sheet.as_deref().unwrap_or("")
    }

    /// The column that names the item.
    pub(super) fn item(&self) -> Option<usize> {
        self.item
    }

    fn starts(&self, reference: &str) -> MessageStart {
        MessageStart { message_type: self.message_type.clone(), reference: reference.to_owned() }
    }

    fn empty(&self) -> Tree {
        let shape = if self.sheet.is_some() { Shape::Sheet } else { Shape::Records };
        let mut tree = Tree::new(shape);
        tree.sheet.clone_from(&self.sheet);
        tree
    }

    fn root(&self, line: u32) -> Tree {
        let mut tree = self.empty();
        tree.open(self.kind.grammar.root_name, at(line, 0));
        tree
    }

    /// Where something stands.
    pub(super) fn place(&self, line: u32, column: usize) -> Place {
        Place::in_table(self.sheet.as_deref(), at(line, column))
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
    pub(super) fn end(&mut self, line: u32, queue: &mut Outbox) {
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

    /// Whether a row only sums up others: it names no item, and begins with a word for that.
    fn is_total(&self, fields: &[String]) -> bool {
        let total = |text: &str| TOTALS.contains(&plain_word(text).as_str());
        let item = self.item.and_then(|index| fields.get(index)).map_or("", |text| text.trim());
        let first = fields.iter().find(|field| !field.trim().is_empty());
        (item.is_empty() || total(item)) && first.is_some_and(|text| total(text))
    }

    /// One row. `comma` says that numbers have a comma for their point.
    pub(super) fn take(
        &mut self,
        (line, fields): (u32, &[String]),
        comma: bool,
        limits: &Limits,
        queue: &mut Outbox,
        findings: &mut Findings,
    ) {
        if self.is_total(fields) {
            return;
        }
        self.ordinal = self.ordinal.saturating_add(1);
        if !self.grouped {
            let key = self.split.as_ref().and_then(|(index, _)| fields.get(*index)).map_or("", |key| key.trim());
            let another = self.split.as_ref().is_some_and(|(_, known)| !key.is_empty() && known != key);
            if another {
                self.finish(queue);
            }
            if self.tree.is_none() {
                queue.push(Part::Start(self.starts("")));
                self.tree = Some(self.root(line));
                self.rows = 0;
                if let Some((_, known)) = &mut self.split {
                    key.clone_into(known);
                }
            }
        }
        if self.grouped && self.ordinal == 1 {
            // What belongs to the whole document stands in every row; the first says it.
            let mut head = self.root(line);
            self.fields(&mut head, line, fields, comma, true, &mut Findings::default());
            queue.push(Part::Head(closed(head)));
        }
        let mut tree = self.tree.take().unwrap_or_else(|| self.empty());
        let first = !self.grouped && tree.len() <= 1;
        self.rows = self.rows.saturating_add(1);
        if tree.len() > limits.nodes || tree.text_bytes() as u64 > limits.whole_bytes {
            if !std::mem::replace(&mut self.too_large, true) {
                let finding = Finding::error(Code::TooLarge, self.place(line, 0));
                let (found, allowed) = (tree.text_bytes(), limits.whole_bytes);
                findings.push(finding.found(format!("{found} bytes")).expected(format!("{allowed} bytes")));
            }
            self.tree = Some(tree);
            return;
        }
        self.fields(&mut tree, line, fields, comma, first, findings);
        if self.grouped {
            tree.ordinal = self.ordinal;
            queue.push(Part::Group(tree));
        } else {
            self.tree = Some(tree);
        }
    }

    /// A row with its fields, put into a tree. What the form says belongs to the `first` row of a message, and to every row
    /// that needs it, unless the row says it itself.
    fn fields(&self, tree: &mut Tree, line: u32, fields: &[String], comma: bool, first: bool, findings: &mut Findings) {
        tree.open(self.row, at(line, 0));
        for filled in self.form.iter().filter(|filled| first || filled.required) {
            let own = self
                .columns
                .iter()
                .zip(fields)
                .find(|(column, _)| column.is_some_and(|column| column.name == filled.column.name));
            if own.is_none_or(|(_, text)| text.trim().is_empty()) {
                let value = plain(&filled.value, filled.column.base, comma);
                tree.leaf(filled.column.name, &value, at(filled.at.0, filled.at.1));
            }
        }
        for (index, field) in fields.iter().enumerate() {
            match self.columns.get(index) {
                Some(Some(column)) => {
                    let percent = field.trim().strip_suffix('%').filter(|_| column.name.as_str() == PERCENT);
                    let value = plain(percent.unwrap_or(field), column.base, comma);
                    if !value.is_empty() {
                        tree.leaf(column.name, &value, at(line, index + 1));
                    }
                }
                Some(None) => {}
                None if field.trim().is_empty() => {}
                // People write beside the tables of sheets.
                None if self.sheet.is_some() => findings.push(
                    Finding::warning(Code::NotCarried, self.place(line, index + 1))
                        .found(field)
                        .expected(self.message_type.to_string()),
                ),
                None => findings.push(
                    Finding::error(Code::Unexpected, self.place(line, index + 1))
                        .found(field)
                        .expected("the end of the row"),
                ),
            }
        }
        if let Some(number) = self.number {
            tree.leaf(number, &self.rows.to_string(), at(line, 0));
        }
        tree.close();
    }
}
