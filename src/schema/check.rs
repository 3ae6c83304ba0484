//! One checker for every format: compares a tree with the grammar of its message and reports every difference with its
//! place, what was found and what was expected. A message comes whole, or as head, groups and tail.
//!
//! Behaves as XML Schema part 1 says where the grammar is an XML one: lax wildcards check what they know, `xsi:type` may
//! only name the type that is declared (nothing here is derived), `xsi:nil` is refused as nothing here is nillable.
//! Left out: identity constraints, defaults.

mod order;
mod value;

use std::sync::Arc;

use super::grammar::{Content, Grammar, Kind, Type, TypeId};
use super::simple::Reading;
use crate::model::finding::{Code, Finding, Findings};
use crate::model::name::Name;
use crate::model::tree::{NodeId, Tree};

/// How a message is checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// How lengths and decimal marks are read.
    pub reading: Reading,
    /// Whether code lists are looked at; those a standard's own schema enumerates always are.
    pub codes: bool,
}

/// What the children of an element are compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Against {
    /// Its type.
    Type(TypeId),
    /// Nothing is known of it (in a lax wildcard); children that are known are checked.
    Anything,
    /// Nothing is known of it and that is wrong (in a strict wildcard).
    Nothing,
}

/// An element whose children are being looked at.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// Not there for the root of a message that comes in groups.
    node: Option<NodeId>,
    end: u32,
    against: Against,
    /// The particle of a sequence that was matched last, and how often.
    cursor: usize,
    count: u32,
    /// For a model, where its positions start in `Checker::positions`; for an unordered type, its counts.
    memory: usize,
    /// For a model, whether something has matched.
    started: bool,
}

/// Checks messages of one grammar, one after the other.
#[derive(Clone, Debug)]
pub struct Checker {
    grammar: Arc<Grammar>,
    options: Options,
    xsi: Xsi,
    frames: Vec<Frame>,
    positions: Vec<u16>,
    next: Vec<u16>,
    counts: Vec<u32>,
    /// The root between head and tail.
    root: Option<Frame>,
}

/// Names of XML Schema's own attributes.
#[derive(Clone, Copy, Debug)]
struct Xsi {
    kind: Name,
    nil: Name,
    location: Name,
    no_namespace: Name,
}

impl Checker {
    /// A checker that looks at structure and values, not at code lists.
    pub fn new(grammar: Arc<Grammar>) -> Checker {
        Checker::with(grammar, Options::default())
    }

    /// A checker with options.
    pub fn with(grammar: Arc<Grammar>, options: Options) -> Checker {
        let xsi = Xsi {
            kind: Name::intern("@xsi:type"),
            nil: Name::intern("@xsi:nil"),
            location: Name::intern("@xsi:schemaLocation"),
            no_namespace: Name::intern("@xsi:noNamespaceSchemaLocation"),
        };
        Checker {
            grammar,
            options,
            xsi,
            frames: Vec::new(),
            positions: Vec::new(),
            next: Vec::new(),
            counts: Vec::new(),
            root: None,
        }
    }

    /// The grammar it checks by.
    pub fn grammar(&self) -> &Arc<Grammar> {
        &self.grammar
    }

    /// Checks a whole message.
    pub fn whole(&mut self, tree: &Tree, findings: &mut Findings) {
        let grammar = Arc::clone(&self.grammar);
        self.start(&grammar, tree, findings);
        self.finish_down_to(0, &grammar, tree, findings);
    }

    /// Checks what stands before the groups.
    pub fn head(&mut self, tree: &Tree, findings: &mut Findings) {
        let grammar = Arc::clone(&self.grammar);
        self.start(&grammar, tree, findings);
        self.finish_down_to(1, &grammar, tree, findings);
        self.root = self.frames.pop().map(|frame| Frame { node: None, ..frame });
    }

    /// Checks one group, behind head and former groups.
    pub fn group(&mut self, tree: &Tree, findings: &mut Findings) {
        let (Some(frame), Some(id)) = (self.root, tree.root()) else { return };
        self.frames.clear();
        self.frames.push(Frame { end: u32::MAX, ..frame });
        let grammar = Arc::clone(&self.grammar);
        let from = self.element(&grammar, tree, id, findings);
        self.walk(&grammar, tree, from, findings);
        self.finish_down_to(1, &grammar, tree, findings);
        self.root = self.frames.pop();
    }

    /// Checks what stands behind the groups, and that nothing is missing.
    pub fn tail(&mut self, tree: &Tree, findings: &mut Findings) {
        let (Some(frame), Some(id)) = (self.root.take(), tree.root()) else { return };
        self.frames.clear();
        self.frames.push(Frame { node: Some(id), end: tree.after(id).0, ..frame });
        let grammar = Arc::clone(&self.grammar);
        self.text(tree, id, grammar.root_type(), findings);
        self.walk(&grammar, tree, id.0 + 1, findings);
        self.finish_down_to(0, &grammar, tree, findings);
    }

    fn start(&mut self, grammar: &Grammar, tree: &Tree, findings: &mut Findings) {
        self.frames.clear();
        self.positions.clear();
        self.counts.clear();
        self.root = None;
        let Some(root) = tree.root() else { return };
        if tree.name(root) != grammar.root_name {
            let expected = grammar.root_name.as_str();
            findings.push(
                Finding::error(Code::Unexpected, tree.place(root)).found(tree.name_text(root)).expected(expected),
            );
            return;
        }
        let from = self.open(grammar, tree, root, Against::Type(grammar.root), true, findings);
        self.walk(grammar, tree, from, findings);
    }

    /// Looks at the nodes from `next` on, below the frames that are open.
    fn walk(&mut self, grammar: &Grammar, tree: &Tree, mut next: u32, findings: &mut Findings) {
        let end = tree.len() as u32;
        while next < end && !findings.is_full() {
            while self.frames.last().is_some_and(|frame| next >= frame.end) {
                self.finish(grammar, tree, findings);
            }
            next = self.element(grammar, tree, NodeId(next), findings);
        }
    }

    fn finish_down_to(&mut self, depth: usize, grammar: &Grammar, tree: &Tree, findings: &mut Findings) {
        while self.frames.len() > depth {
            self.finish(grammar, tree, findings);
        }
    }

    /// Looks at a child of the innermost frame; gives back the node to look at next.
    fn element(&mut self, grammar: &Grammar, tree: &Tree, id: NodeId, findings: &mut Findings) -> u32 {
        let Some(frame) = self.frames.last() else { return tree.after(id).0 };
        let name = tree.name(id);
        let against = match frame.against {
            Against::Anything | Against::Nothing => Some(grammar.global(name).map_or(Against::Anything, Against::Type)),
            Against::Type(type_id) => {
                let ty = grammar.ty(type_id);
                match &ty.content {
                    Content::Sequence => self.in_sequence(tree, id, name, ty, findings),
                    Content::Unordered => self.in_any_order(tree, id, name, ty, findings),
                    Content::Model(_) => self.in_model(tree, id, name, ty, grammar, findings),
                }
            }
        };
        match against {
            Some(Against::Nothing) => {
                self.unexpected(tree, id, "a known element".to_owned(), findings);
                tree.after(id).0
            }
            Some(against) => self.open(grammar, tree, id, against, false, findings),
            None => tree.after(id).0,
        }
    }

    /// Checks an element's own attributes and text and opens its frame; gives back the node to look at next.
    fn open(
        &mut self,
        grammar: &Grammar,
        tree: &Tree,
        id: NodeId,
        against: Against,
        is_root: bool,
        findings: &mut Findings,
    ) -> u32 {
        let end = tree.after(id).0;
        let mut next = id.0 + 1;
        let mut against = against;
        if next < end {
            while next < end && is_attribute(tree, NodeId(next)) {
                let attribute = NodeId(next);
                if tree.name(attribute) == self.xsi.kind {
                    against = self.other_type(tree, id, attribute, against, findings);
                }
                next = tree.after(attribute).0;
            }
        }
        match against {
            Against::Type(type_id) => {
                let ty = grammar.ty(type_id);
                if next > id.0 + 1 || !ty.attributes.is_empty() {
                    self.attributes(tree, id, next, ty, findings);
                }
                self.text(tree, id, ty, findings);
                if next == end && !is_root {
                    // Without children there is nothing to wait for.
                    if ty.kind != Kind::Simple {
                        self.push(id, end, against, ty);
                        self.finish(grammar, tree, findings);
                    }
                    return end;
                }
                self.push(id, end, against, ty);
            }
            Against::Anything | Against::Nothing if next == end => return end,
            Against::Anything | Against::Nothing => self.frames.push(Frame {
                node: Some(id),
                end,
                against,
                cursor: 0,
                count: 0,
                memory: self.positions.len(),
                started: false,
            }),
        }
        next
    }

    fn push(&mut self, id: NodeId, end: u32, against: Against, ty: &Type) {
        let memory = match ty.content {
            Content::Unordered => {
                let memory = self.counts.len();
                self.counts.resize(memory + ty.particles.len(), 0);
                memory
            }
            _ => self.positions.len(),
        };
        self.frames.push(Frame { node: Some(id), end, against, cursor: 0, count: 0, memory, started: false });
    }

    /// Closes the innermost frame: what must still come is missing.
    fn finish(&mut self, grammar: &Grammar, tree: &Tree, findings: &mut Findings) {
        let Some(frame) = self.frames.pop() else { return };
        let Against::Type(type_id) = frame.against else { return };
        let ty = grammar.ty(type_id);
        match &ty.content {
            Content::Sequence => self.missing_between(&frame, tree, ty, ty.particles.len(), None, findings),
            Content::Unordered => {
                for (order, particle) in ty.particles.iter().enumerate() {
                    if self.counts.get(frame.memory + order).is_some_and(|count| *count < particle.min) {
                        self.missing(&frame, tree, particle.name.as_str(), None, findings);
                    }
                }
                self.counts.truncate(frame.memory);
            }
            Content::Model(automaton) => {
                let reached = frame.started.then(|| self.positions.get(frame.memory..).unwrap_or(&[]));
                if !automaton.may_end(reached) {
                    let expected = order::expected_in_model(automaton, reached, ty);
                    self.missing(&frame, tree, expected, None, findings);
                }
                self.positions.truncate(frame.memory);
            }
        }
    }
}

fn is_attribute(tree: &Tree, id: NodeId) -> bool {
    let name = tree.name(id);
    name.is_attribute() || (name == Name::UNKNOWN && tree.name_text(id).starts_with('@'))
}

#[cfg(test)]
mod tests;
