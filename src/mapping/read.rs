//! Reading: the tree of a message to the tree of one of our documents.

use super::machine::Machine;
use super::{Mapping, Pivot, packing, table};
use crate::model::finding::{Finding, Place};
use crate::model::name::Name;
use crate::model::tree::{NodeId, Shape, Tree};

/// What was read.
#[derive(Debug)]
pub struct Read {
    /// The document, or its head, a line or its tail.
    pub tree: Tree,
    /// For each node of the document the node of the message it came from.
    pub origin: Vec<NodeId>,
    /// Unknown codes, values that are none of their kind, wrong counts.
    pub findings: Vec<Finding>,
}

impl Read {
    /// The sender's own place of a node of the document.
    pub fn place(&self, message: &Tree, id: NodeId) -> Place {
        let known = self.origin.get(id.0 as usize).copied().filter(|from| (from.0 as usize) < message.len());
        known.map_or_else(|| self.tree.place(id), |from| message.place(from))
    }
}

impl Mapping {
    /// Reads a whole message.
    pub fn read(&self, message: &Tree) -> Read {
        let turned = match &self.pivot {
            Pivot::Table(columns, _) => Some(table::read(message, columns)),
            _ => None,
        };
        self.run_read(message, self.root, self.root_name, turned)
    }

    /// Whether what the groups of a large message mean depends on its head.
    pub fn needs_head(&self) -> bool {
        matches!(self.pivot, Pivot::Table(..))
    }

    /// Reads what stands before the groups of a large message: the document without its lines.
    pub fn read_head(&self, head: &Tree) -> Read {
        match &self.pivot {
            Pivot::Table(columns, _) => {
                self.run_read(head, self.root, self.root_name, Some(table::head(head, columns)))
            }
            _ => self.read(head),
        }
    }

    /// Reads one group of a large message: one line. Nothing is read for a message that has no such groups. `head` is
    /// that of the message where [`Mapping::needs_head`].
    pub fn read_group(&self, group: &Tree, head: Option<&Tree>) -> Read {
        let Some((scope, ours, _)) = self.group else {
            return Read { tree: Tree::new(Shape::Canonical), origin: Vec::new(), findings: Vec::new() };
        };
        let turned = match (&self.pivot, head) {
            (Pivot::Table(columns, _), Some(head)) => Some(table::row(group, head, columns)),
            _ => None,
        };
        let mut read = self.run_read(group, scope, ours, turned);
        read.tree.ordinal = group.ordinal;
        read
    }

    /// Reads what stands behind the groups of a large message: further fields of the document.
    pub fn read_tail(&self, tail: &Tree) -> Read {
        self.read(tail)
    }

    /// `turned` is the message in the shape that the rows speak of, with the node of the message behind each of its nodes.
    fn run_read(&self, message: &Tree, scope: u32, root: Name, turned: Option<(Tree, Vec<NodeId>)>) -> Read {
        let source = turned.as_ref().map_or(message, |(tree, _)| tree);
        let mut machine = Machine::new(self, true, Shape::Canonical, source.len());
        // The node of the message behind a node of what it was turned into.
        machine.turned = turned.as_ref().map(|(_, back)| (message, back.as_slice()));
        if let (Some(scope), Some(id)) = (self.scopes.get(scope as usize), source.root()) {
            machine.whole(scope, root, source, id);
        }
        let (mut tree, mut origin) = (machine.to, machine.origin);
        if let Some((_, back)) = &turned {
            origin.iter_mut().for_each(|id| *id = back.get(id.0 as usize).copied().unwrap_or(NodeId(0)));
        }
        if matches!(self.pivot, Pivot::Packing) {
            (tree, origin) = packing::read(&tree, &origin);
        }
        Read { tree, origin, findings: machine.findings }
    }
}
