//! Writing: the tree of one of our documents to the tree of a message.

use super::machine::Machine;
use super::{Mapping, Pivot, packing, table, unmapped};
use crate::model::finding::{Code, Finding, Place};
use crate::model::name::Name;
use crate::model::tree::{NodeId, Shape, Tree};

/// What was written.
#[derive(Debug)]
pub struct Wrote {
    /// The message, or its head, a group or its tail.
    pub tree: Tree,
    /// For each node of the message the node of the document it came from.
    pub origin: Vec<NodeId>,
    /// Values that the message cannot carry.
    pub findings: Vec<Finding>,
}

impl Mapping {
    /// Writes a whole document.
    pub fn write(&self, document: &Tree) -> Wrote {
        self.run_write(document, self.root, self.grammar.root_name)
    }

    /// Writes one line of a large document as a group. None for a message that has no such groups.
    pub fn write_group(&self, line: &Tree) -> Option<Wrote> {
        let (scope, _, theirs) = self.group?;
        let mut wrote = self.run_write(line, scope, theirs);
        wrote.tree.ordinal = line.ordinal.max(1);
        wrote.tree.prefix = format!("/{}", self.grammar.root_name);
        Some(wrote)
    }

    fn run_write(&self, document: &Tree, scope: u32, root: Name) -> Wrote {
        let shape = match self.message_type.standard.as_str() {
            "edifact" | "x12" => Shape::Segments,
            "csv" => Shape::Records,
            "dure" => Shape::Json,
            _ => Shape::Xml,
        };
        let turned = matches!(self.pivot, Pivot::Packing).then(|| packing::write(document));
        let (source, back) = turned.as_ref().map_or((document, None), |(tree, back)| (tree, Some(back)));
        // The node of the document behind a node of what it was turned into.
        let own = |id: NodeId| back.map_or(id, |back| back.get(id.0 as usize).copied().unwrap_or(NodeId(0)));
        let mut machine = Machine::new(self, false, shape, source.len());
        if let (Some(scope), Some(id)) = (self.scopes.get(scope as usize), source.root()) {
            machine.whole(scope, root, source, id);
            machine.report_left(source, &|id| document.path(own(id)));
        }
        let (mut tree, mut origin, mut findings) = (machine.to, machine.origin, machine.findings);
        if !machine.grafts.is_empty() {
            let type_id = match self.group {
                Some((group, _, name)) if group == scope => {
                    self.grammar.child(self.grammar.root, name).map_or(self.grammar.root, |child| child.type_id)
                }
                _ => self.grammar.root,
            };
            let (grafted, origins, lost) = unmapped::graft(
                &tree,
                &origin,
                machine.grafts,
                &machine.fixed,
                &self.grammar,
                type_id,
                &self.qualifiers,
            );
            (tree, origin) = (grafted, origins);
            findings.extend(lost.into_iter().map(own).map(|id| {
                let value = document.child(id, self.unmapped.3).map_or("", |value| document.value(value));
                Finding::warning(Code::NotCarried, Place::path(document.path(id))).found(value).expected(&self.message)
            }));
        }
        if let (Pivot::Table(_, row), true) = (&self.pivot, scope == self.root) {
            (tree, origin) = table::write(&tree, &origin, *row);
        }
        origin.iter_mut().for_each(|id| *id = own(*id));
        Wrote { tree, origin, findings }
    }
}
