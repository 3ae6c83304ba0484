//! A tree as a table to be written: the columns that occur, in the order of the schema, and a row of texts for each row.

use rustc_hash::FxHashMap;

use super::header::Kind;
use crate::model::finding::{Code, Finding, Place};
use crate::model::message::MessageType;
use crate::model::tree::{NodeId, Tree};

/// A table to be written.
pub(in crate::format) struct Grid<'t> {
    /// What it is.
    pub(in crate::format) kind: Kind,
    /// Names of its columns, and the position of each among those of its kind; one that is not known is behind them.
    pub(in crate::format) columns: Vec<(&'t str, usize)>,
    /// The texts below them.
    pub(in crate::format) rows: Vec<Vec<&'t str>>,
    /// What has no place in it.
    pub(in crate::format) findings: Vec<Finding>,
}

impl<'t> Grid<'t> {
    /// The rows below the root of a tree. `format` is what people call the format.
    pub(in crate::format) fn of(message_type: &MessageType, tree: &'t Tree, format: &str) -> Result<Grid<'t>, Finding> {
        let (Some(kind), Some(root)) = (Kind::of(message_type), tree.root()) else {
            return Err(Finding::error(Code::UnknownMessage, Place::default()).found(message_type.to_string()));
        };
        let mut findings = Vec::new();
        // Position of each column that occurs: those of the schema first, others behind.
        let mut places: FxHashMap<&str, usize> = FxHashMap::default();
        let mut others = kind.columns.len();
        let nodes: Vec<NodeId> = tree.children(root).collect();
        for &row in &nodes {
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
        let mut columns: Vec<(&str, usize)> = places.iter().map(|(name, place)| (*name, *place)).collect();
        columns.sort_by_key(|(_, place)| *place);
        let index: FxHashMap<&str, usize> =
            columns.iter().enumerate().map(|(index, (name, _))| (*name, index)).collect();
        let mut rows = Vec::with_capacity(nodes.len());
        for &row in &nodes {
            let mut fields: Vec<&str> = vec![""; columns.len()];
            for field in tree.children(row) {
                let slot = index.get(tree.name_text(field)).and_then(|&slot| fields.get_mut(slot));
                match slot {
                    Some(slot) if slot.is_empty() && !tree.has_children(field) => *slot = tree.value(field),
                    _ => {
                        let finding = Finding::error(Code::NotCarried, tree.place(field));
                        findings.push(finding.found(tree.name_text(field)).expected(format));
                    }
                }
            }
            rows.push(fields);
        }
        Ok(Grid { kind, columns, rows, findings })
    }
}
