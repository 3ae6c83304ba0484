//! One checker for every format: compares a tree with the grammar of its message and reports every difference with its
//! place, what was found and what was expected. A message comes whole, or as head, groups and tail.
//!
//! Behaves as XML Schema part 1 says where the grammar is an XML one: lax wildcards check what they know, `xsi:type` may
//! only name the type that is declared (nothing here is derived), `xsi:nil` is refused as nothing here is nillable.
//! Left out: identity constraints, defaults.

use std::sync::Arc;

use super::automaton::Symbol;
use super::grammar::{Attribute, Content, Grammar, Kind, Type, TypeId, UNBOUNDED};
use super::notation::Process;
use super::simple::{Fault, Reading, Simple};
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::model::name::Name;
use crate::model::tree::{NodeId, Tree};

/// Most names listed as expected.
const MOST_EXPECTED: usize = 8;

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

    fn in_sequence(
        &mut self,
        tree: &Tree,
        id: NodeId,
        name: Name,
        ty: &Type,
        findings: &mut Findings,
    ) -> Option<Against> {
        let frame = self.frames.last_mut()?;
        let (cursor, count) = (frame.cursor, frame.count);
        let present = ty.particles.get(cursor);
        let ahead = |from: usize| {
            let behind = ty.names.get(from..).unwrap_or(&[]);
            behind.iter().position(|known| *known == name).map(|found| from + found)
        };
        if let Some(particle) = present.filter(|particle| particle.name == name) {
            if count < particle.max {
                frame.count += 1;
                return Some(Against::Type(particle.type_id));
            }
            let Some(again) = ahead(cursor + 1) else {
                frame.count = frame.count.saturating_add(1);
                // Once for a whole row of them.
                if count == particle.max {
                    let place = tree.place(id);
                    findings.push(
                        Finding::error(Code::TooMany, place).found(name.as_str()).expected(particle.max.to_string()),
                    );
                }
                return Some(Against::Type(particle.type_id));
            };
            return self.jump(tree, id, ty, again, findings);
        }
        let from = if present.is_some() && count > 0 { cursor + 1 } else { cursor };
        if let Some(found) = ahead(from) {
            return self.jump(tree, id, ty, found, findings);
        }
        let expected = expected_in_sequence(ty, cursor, count);
        self.unexpected(tree, id, expected, findings);
        ty.child(name).map(|particle| Against::Type(particle.type_id))
    }

    /// Goes on to a later particle; what lies between and must be there is missing.
    fn jump(&mut self, tree: &Tree, id: NodeId, ty: &Type, to: usize, findings: &mut Findings) -> Option<Against> {
        let frame = self.frames.last_mut()?;
        let before = *frame;
        frame.cursor = to;
        frame.count = 1;
        self.missing_between(&before, tree, ty, to, Some(id), findings);
        ty.particles.get(to).map(|particle| Against::Type(particle.type_id))
    }

    /// Reports the mandatory particles from the frame's cursor up to `to`, that one left out.
    fn missing_between(
        &self,
        frame: &Frame,
        tree: &Tree,
        ty: &Type,
        to: usize,
        found: Option<NodeId>,
        findings: &mut Findings,
    ) {
        let mut index = frame.cursor;
        if let Some(particle) = ty.particles.get(index) {
            if index < to && frame.count < particle.min {
                self.missing(frame, tree, particle.name.as_str(), found, findings);
            }
            index += 1;
        }
        while let Some(required) = ty.next_required.get(index).map(|next| usize::from(*next)).filter(|next| *next < to)
        {
            let Some(particle) = ty.particles.get(required) else { break };
            self.missing(frame, tree, particle.name.as_str(), found, findings);
            index = required + 1;
        }
    }

    fn missing(
        &self,
        frame: &Frame,
        tree: &Tree,
        expected: impl AsRef<str>,
        found: Option<NodeId>,
        findings: &mut Findings,
    ) {
        let place = match frame.node {
            Some(node) => tree.place(node),
            None => Place::path(tree.prefix.clone()),
        };
        let found = found.map_or("", |found| tree.name_text(found));
        findings.push(Finding::error(Code::Missing, place).found(found).expected(expected));
    }

    fn unexpected(&self, tree: &Tree, id: NodeId, expected: String, findings: &mut Findings) {
        findings.push(Finding::error(Code::Unexpected, tree.place(id)).found(tree.name_text(id)).expected(expected));
    }

    fn in_any_order(
        &mut self,
        tree: &Tree,
        id: NodeId,
        name: Name,
        ty: &Type,
        findings: &mut Findings,
    ) -> Option<Against> {
        let memory = self.frames.last()?.memory;
        let order = ty.order(name);
        let particle = order.and_then(|order| ty.particles.get(order));
        let slot = order.and_then(|order| self.counts.get_mut(memory + order));
        let (Some(particle), Some(count)) = (particle, slot) else {
            let missing =
                ty.particles.iter().enumerate().filter(|(order, particle)| {
                    self.counts.get(memory + order).is_none_or(|count| *count < particle.max)
                });
            let expected = listed(missing.map(|(_, particle)| particle.name.as_str()));
            self.unexpected(tree, id, expected, findings);
            return None;
        };
        *count = count.saturating_add(1);
        if particle.max != UNBOUNDED && *count == particle.max + 1 {
            let place = tree.place(id);
            findings.push(Finding::error(Code::TooMany, place).found(name.as_str()).expected(particle.max.to_string()));
        }
        Some(Against::Type(particle.type_id))
    }

    fn in_model(
        &mut self,
        tree: &Tree,
        id: NodeId,
        name: Name,
        ty: &Type,
        grammar: &Grammar,
        findings: &mut Findings,
    ) -> Option<Against> {
        let Content::Model(automaton) = &ty.content else { return None };
        let frame = self.frames.last_mut()?;
        let reached = frame.started.then(|| self.positions.get(frame.memory..).unwrap_or(&[]));
        self.next.clear();
        let mut against = None;
        for position in automaton.next(reached) {
            let matched = match automaton.symbols.get(usize::from(position)) {
                Some(Symbol::Child(child)) => {
                    let particle = ty.particles.get(usize::from(*child)).filter(|particle| particle.name == name);
                    particle.map(|particle| Some(Against::Type(particle.type_id)))
                }
                Some(Symbol::Any(wildcard)) => {
                    let allowed = wildcard.not.is_none_or(|prefix| is_other(tree.name_text(id), prefix, grammar));
                    allowed.then_some(match wildcard.process {
                        Process::Skip => None,
                        Process::Lax => Some(grammar.global(name).map_or(Against::Anything, Against::Type)),
                        Process::Strict => Some(grammar.global(name).map_or(Against::Nothing, Against::Type)),
                    })
                }
                None => None,
            };
            if let Some(matched) = matched
                && !self.next.contains(&position)
            {
                self.next.push(position);
                against = against.or(Some(matched));
            }
        }
        let Some(against) = against else {
            let possible =
                automaton.next(reached).filter_map(|position| match automaton.symbols.get(usize::from(position))? {
                    Symbol::Child(child) => {
                        ty.particles.get(usize::from(*child)).map(|particle| particle.name.as_str())
                    }
                    Symbol::Any(_) => Some("an element of another namespace"),
                });
            let expected = listed(possible);
            self.unexpected(tree, id, expected, findings);
            return ty.child(name).map(|particle| Against::Type(particle.type_id));
        };
        frame.started = true;
        self.positions.truncate(frame.memory);
        self.positions.extend_from_slice(&self.next);
        against
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
                    let possible = automaton.next(reached).filter_map(|position| {
                        match automaton.symbols.get(usize::from(position))? {
                            Symbol::Child(child) => ty.particles.get(usize::from(*child)).map(|p| p.name.as_str()),
                            Symbol::Any(_) => Some("an element of another namespace"),
                        }
                    });
                    let expected = listed(possible);
                    self.missing(&frame, tree, expected, None, findings);
                }
                self.positions.truncate(frame.memory);
            }
        }
    }

    /// The type that `xsi:type` says, which has to be the declared one.
    fn other_type(
        &self,
        tree: &Tree,
        id: NodeId,
        attribute: NodeId,
        against: Against,
        findings: &mut Findings,
    ) -> Against {
        let said = tree.value(attribute);
        let wrong = |findings: &mut Findings, expected: String| {
            findings.push(Finding::error(Code::BadValue, tree.place(attribute)).found(said).expected(expected));
        };
        // Types of XML Schemas of the trade are called like their element or our type, with Type behind.
        let bare = said.strip_suffix("Type").unwrap_or(said);
        match against {
            Against::Type(type_id) => {
                let own = tree.name_text(id);
                let prefix = own.split_once(':').map_or("", |(prefix, _)| prefix);
                let ty = self.grammar.ty(type_id);
                let by_type = bare == &*ty.name
                    || bare.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(':')) == Some(&*ty.name);
                if !said.ends_with("Type") || !(bare == own || (by_type && ty.kind != Kind::Simple)) {
                    wrong(findings, format!("the type of {own}"));
                }
                against
            }
            Against::Anything | Against::Nothing => {
                let local = bare.rsplit([':', '}']).next().unwrap_or(bare);
                let known = self.grammar.global(Name::find(bare).unwrap_or(Name::UNKNOWN));
                match known.or_else(|| self.grammar.type_named(local)) {
                    Some(type_id) => Against::Type(type_id),
                    None => {
                        let builtin = said.strip_prefix("{http://www.w3.org/2001/XMLSchema}");
                        match builtin.map(|name| (name, Simple::builtin(name))) {
                            Some((_, Some(simple))) => self.value(tree, id, &simple, findings),
                            Some(("anyType" | "anySimpleType", None)) => {}
                            _ => wrong(findings, "a known type".to_owned()),
                        }
                        against
                    }
                }
            }
        }
    }

    /// Checks the attributes, which are the nodes between the element and `end`.
    fn attributes(&self, tree: &Tree, id: NodeId, end: u32, ty: &Type, findings: &mut Findings) {
        let mut seen = 0u64;
        for attribute in (id.0 + 1..end).map(NodeId) {
            let name = tree.name(attribute);
            let known = ty.attributes.iter().position(|known| known.name == name);
            if let Some((index, declared)) = known.and_then(|index| Some((index, ty.attributes.get(index)?))) {
                seen |= 1u64.checked_shl(index as u32).unwrap_or(0);
                if let Some(simple) = &self.grammar.ty(declared.type_id).value {
                    self.value(tree, attribute, simple, findings);
                }
            } else if name == self.xsi.nil {
                findings.push(Finding::error(Code::UnknownAttribute, tree.place(attribute)).found("xsi:nil"));
            } else if name != self.xsi.kind
                && name != self.xsi.location
                && name != self.xsi.no_namespace
                && !ty.any_attributes
            {
                let found = tree.name_text(attribute).trim_start_matches('@');
                findings.push(Finding::error(Code::UnknownAttribute, tree.place(attribute)).found(found));
            }
        }
        let missing = |(index, attribute): &(usize, &Attribute)| {
            attribute.required && seen & 1u64.checked_shl(*index as u32).unwrap_or(u64::MAX) == 0
        };
        for (_, attribute) in ty.attributes.iter().enumerate().filter(missing) {
            let expected = attribute.name.as_str().trim_start_matches('@');
            findings.push(Finding::error(Code::MissingAttribute, tree.place(id)).expected(expected));
        }
    }

    /// Checks the text of an element.
    fn text(&self, tree: &Tree, id: NodeId, ty: &Type, findings: &mut Findings) {
        match &ty.value {
            Some(simple) => self.value(tree, id, simple, findings),
            None if ty.mixed => {}
            None => {
                let text = tree.value(id).trim_matches([' ', '\t', '\n', '\r']);
                if !text.is_empty() {
                    findings.push(Finding::error(Code::UnexpectedText, tree.place(id)).found(text));
                }
            }
        }
    }

    fn value(&self, tree: &Tree, id: NodeId, simple: &Simple, findings: &mut Findings) {
        let value = tree.value(id);
        let Err(fault) = simple.check(value, self.options.reading, self.options.codes) else { return };
        let finding = |code| Finding::error(code, tree.place(id)).found(value);
        let characters = |count: u32| format!("{count} characters");
        findings.push(match fault {
            Fault::Lexical(words) => finding(Code::BadValue).expected(words),
            Fault::TooLong(most) => finding(Code::TooLong).expected(characters(most)),
            Fault::TooShort(least) => finding(Code::TooShort).expected(characters(least)),
            Fault::NotEnumerated(words) => finding(Code::NotInCodeList).expected(words),
            Fault::NotInList(name, false) => finding(Code::NotInCodeList).expected(name),
            Fault::NotInList(name, true) => {
                Finding::warning(Code::NotInCodeList, tree.place(id)).found(value).expected(name)
            }
        });
    }
}

fn is_attribute(tree: &Tree, id: NodeId) -> bool {
    let name = tree.name(id);
    name.is_attribute() || (name == Name::UNKNOWN && tree.name_text(id).starts_with('@'))
}

/// Whether a name is of some namespace, and not of that of the prefix.
fn is_other(name: &str, prefix: Name, grammar: &Grammar) -> bool {
    match name.strip_prefix('{') {
        Some(rest) => !rest.starts_with('}'),
        None => match name.split_once(':') {
            Some((own, _)) => own != prefix.as_str(),
            None => !grammar.namespace.is_empty(),
        },
    }
}

/// What may come next in a sequence.
fn expected_in_sequence(ty: &Type, cursor: usize, count: u32) -> String {
    let mut names = Vec::new();
    for (index, particle) in ty.particles.iter().enumerate().skip(cursor) {
        let here = index == cursor;
        if !here || count < particle.max {
            names.push(particle.name.as_str());
        }
        let needed = if here { particle.min > count } else { particle.min > 0 };
        if needed || names.len() > MOST_EXPECTED {
            break;
        }
    }
    listed(names.into_iter())
}

/// Names in a row, the first few; nothing more when there are none.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut out = String::new();
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if seen.contains(&name) {
            continue;
        }
        if seen.len() == MOST_EXPECTED {
            out.push_str(", …");
            break;
        }
        if !seen.is_empty() {
            out.push_str(", ");
        }
        out.push_str(name);
        seen.push(name);
    }
    if out.is_empty() { "nothing more".to_owned() } else { out }
}

#[cfg(test)]
mod tests;
