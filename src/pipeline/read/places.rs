//! Where canonical places stood in what was received.

use crate::model::finding::Place;
use crate::model::tree::{NodeId, Shape, Tree};

/// Canonical nodes and where they came from.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) canonical: Tree,
    pub(super) origin: Vec<NodeId>,
    pub(super) source: Tree,
}

impl Places {
    /// The sender's own place of a canonical path such as `lines[2].item.name`; where the field is absent, that of the
    /// deepest part that is there.
    pub(super) fn find(&self, path: &str) -> Option<Place> {
        let mut at = self.canonical.root()?;
        let mut whole = !path.is_empty() && matches!(self.source.shape, Shape::Records | Shape::Sheet);
        for step in path.split('.') {
            let (name, position) = match step.split_once('[') {
                Some((name, rest)) => (name, rest.trim_end_matches(']').parse::<usize>().unwrap_or(1)),
                None => (step, 1),
            };
            let found = self
                .canonical
                .children(at)
                .filter(|&child| self.canonical.name_text(child) == name)
                .nth(position.saturating_sub(1));
            match found {
                Some(child) => at = child,
                None => {
                    whole = false;
                    break;
                }
            }
        }
        if whole && !path.ends_with(']') {
            // Of what has no field of its own in a table, such as an item, the first field that is there.
            let mut below = at;
            while let Some(first) = self.canonical.children(below).next() {
                below = first;
            }
            at = below;
        }
        self.of(at)
    }

    /// The place of a node, or of the nearest one above it that has one.
    pub(super) fn of(&self, mut at: NodeId) -> Option<Place> {
        loop {
            if let Some(&source) = self.origin.get(at.0 as usize)
                && (source.0 as usize) < self.source.len()
            {
                return Some(self.source.place(source));
            }
            at = self.canonical.parent(at)?;
        }
    }
}
