//! Writes a table: the columns that occur, in the order of the schema, under their field names; UTF-8 with its mark, so
//! that spreadsheets know it, commas, CRLF, quotes where needed.

use rustc_hash::FxHashMap;

use super::header::Kind;
use crate::format::Written;
use crate::model::finding::{Code, Finding, Place};
use crate::model::message::MessageType;
use crate::model::tree::{NodeId, Tree};

/// Writes the rows below the root of a tree.
pub fn write(message_type: &MessageType, tree: &Tree) -> Written {
    let (Some(kind), Some(root)) = (Kind::of(message_type), tree.root()) else {
        let finding = Finding::error(Code::UnknownMessage, Place::default()).found(message_type.to_string());
        return (Vec::new(), vec![finding]);
    };
    let mut findings = Vec::new();
    // Position of each column that occurs: those of the schema first, others behind.
    let mut places: FxHashMap<&str, usize> = FxHashMap::default();
    let mut others = kind.columns.len();
    let rows: Vec<NodeId> = tree.children(root).collect();
    for &row in &rows {
        for field in tree.children(row) {
            let name = tree.name_text(field);
            places.entry(name).or_insert_with(|| {
                kind.columns.iter().position(|column| column.name.as_str() == name).unwrap_or_else(|| {
                    others += 1;
                    others
                })
            });
        }
    }
    let mut names: Vec<(&str, usize)> = places.iter().map(|(name, place)| (*name, *place)).collect();
    names.sort_by_key(|(_, place)| *place);
    let index: FxHashMap<&str, usize> = names.iter().enumerate().map(|(index, (name, _))| (*name, index)).collect();
    let mut out = "\u{feff}".to_owned();
    line(&mut out, names.iter().map(|(name, _)| *name));
    let mut fields: Vec<&str> = vec![""; names.len()];
    for &row in &rows {
        fields.fill("");
        for field in tree.children(row) {
            let slot = index.get(tree.name_text(field)).and_then(|&slot| fields.get_mut(slot));
            match slot {
                Some(slot) if slot.is_empty() && !tree.has_children(field) => *slot = tree.value(field),
                _ => {
                    let finding = Finding::error(Code::NotCarried, tree.place(field));
                    findings.push(finding.found(tree.name_text(field)).expected("CSV"));
                }
            }
        }
        line(&mut out, fields.iter().copied());
    }
    (out.into_bytes(), findings)
}

fn line<'f>(out: &mut String, fields: impl Iterator<Item = &'f str>) {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            out.push(',');
        }
        let quoted = field.contains([',', ';', '\t', '"', '\r', '\n']) || field.trim() != field;
        if quoted {
            out.push('"');
            out.push_str(&field.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(field);
        }
    }
    out.push_str("\r\n");
}
