//! The machine that runs a compiled mapping one way. It fills the slots of a scope from the tree it comes from, works out
//! the functions, then walks the trie of the other side in the order things are written. What is only there for the sake
//! of something else (elements around values, qualifiers, defaults) waits until a value comes, and is dropped if none does.
//! What no slot took, and what no rule took out of a slot, is left over: the caller keeps it or reports it.

use std::borrow::Cow;

use super::Mapping;
use super::function::{self, Found, Function, Outcome};
use super::rule::{Constant, End, Entry, Kind, Level, Port, Program, Rule, Scope, Test, Trie, Wanted};
use super::unmapped::{self, Graft};
use crate::model::finding::{Code, Finding, Place};
use crate::model::name::Name;
use crate::model::party_id::PartyId;
use crate::model::tree::{At, NodeId, Shape, Tree};

const NONE: u32 = u32::MAX;

/// Findings of one run; more say nothing new.
const MOST_FINDINGS: usize = 2000;

/// Records in records; readers bound the depth of trees before this does.
const DEEPEST: usize = 60;

#[derive(Clone, Copy)]
struct Slot {
    head: u32,
    tail: u32,
}

#[derive(Clone, Copy)]
struct Link {
    node: NodeId,
    next: u32,
    /// Whether the node is one of `extra`.
    extra: bool,
}

/// Where the slots and outcomes of a scope start.
#[derive(Clone, Copy)]
struct Frame {
    slots: usize,
    outcomes: usize,
}

enum Pending<'m> {
    Open { name: Name, origin: NodeId },
    Leaf { name: Name, text: Cow<'m, str>, origin: NodeId },
    Close,
}

/// An opened node: its number among all opened, and where it waits.
#[derive(Clone, Copy)]
struct Mark {
    number: u32,
    pending: usize,
}

/// Something that was not taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Left {
    pub(super) node: NodeId,
    /// Only its own text, not what is below it.
    pub(super) text_only: bool,
}

pub(super) struct Machine<'m> {
    mapping: &'m Mapping,
    reading: bool,
    pub(super) to: Tree,
    /// For each node written the one it came from.
    pub(super) origin: Vec<NodeId>,
    pub(super) findings: Vec<Finding>,
    pub(super) left: Vec<Left>,
    pub(super) grafts: Vec<Graft>,
    /// Nodes written whatever the document says, which give way to a graft.
    pub(super) fixed: Vec<NodeId>,
    /// Writing: identifiers that a party's own one says as well.
    said: Vec<NodeId>,
    /// Reading: constants that were met and passed over.
    constants: Vec<NodeId>,
    pending: Vec<Pending<'m>>,
    opened: u32,
    flushed: u32,
    /// The nodes that are open in `to`.
    open: Vec<NodeId>,
    slots: Vec<Slot>,
    links: Vec<Link>,
    outcomes: Vec<Outcome>,
    registers: Vec<Option<(String, NodeId)>>,
    extra: Tree,
    depth: usize,
    /// The message, and for each node of what it was turned into the node it was.
    pub(super) turned: Option<(&'m Tree, &'m [NodeId])>,
}

impl<'m> Machine<'m> {
    pub(super) fn new(mapping: &'m Mapping, reading: bool, shape: Shape, size: usize) -> Machine<'m> {
        Machine {
            mapping,
            reading,
            to: Tree::new(shape),
            origin: Vec::with_capacity(size),
            findings: Vec::new(),
            left: Vec::new(),
            grafts: Vec::new(),
            fixed: Vec::new(),
            said: Vec::new(),
            constants: Vec::new(),
            pending: Vec::new(),
            opened: 0,
            flushed: 0,
            open: Vec::new(),
            slots: Vec::with_capacity(64),
            links: Vec::with_capacity(size / 2),
            outcomes: Vec::new(),
            registers: vec![None; mapping.registers.len()],
            extra: Tree::new(Shape::Canonical),
            depth: 0,
            turned: None,
        }
    }

    /// Runs a scope on a node into a root of that name, which is there whatever is in it.
    pub(super) fn whole(&mut self, scope: &'m Scope, root: Name, from: &Tree, node: NodeId) {
        let mark = self.open(root, node);
        self.flush();
        self.run(scope, from, node, mark);
        self.close(mark, false);
    }

    /// Where a node stood in the message.
    fn place(&self, from: &Tree, node: NodeId) -> Place {
        let own = self.turned.and_then(|(message, back)| Some(message.place(*back.get(node.0 as usize)?)));
        own.unwrap_or_else(|| from.place(node))
    }

    pub(super) fn finding(&mut self, finding: Finding) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding);
        }
    }

    fn program(&self, scope: &'m Scope) -> &'m Program {
        if self.reading { &scope.read } else { &scope.write }
    }

    fn run(&mut self, scope: &'m Scope, from: &Tree, node: NodeId, mark: Mark) {
        if self.depth >= DEEPEST {
            self.leave(node);
            return;
        }
        self.depth += 1;
        let program = self.program(scope);
        let frame = Frame { slots: self.slots.len(), outcomes: self.outcomes.len() };
        let (links, left, constants) = (self.links.len(), self.left.len(), self.constants.len());
        self.slots.resize(frame.slots + program.slots, Slot { head: NONE, tail: NONE });
        self.fill(&program.from, 0, from, node, frame);
        let same = if self.reading { Vec::new() } else { self.party_before(scope, program, from, node, frame) };
        self.registers_before(program, from, node, frame);
        for &index in &program.several {
            self.work_out(program, index, from, frame);
        }
        self.emit(program, 0, from, node, frame);
        for rule in program.several.iter().filter_map(|&index| program.rules.get(usize::from(index))) {
            // What the function did not take is said by its outcome.
            for &port in &rule.inputs {
                while self.take(frame.slots + usize::from(port)).is_some() {}
            }
        }
        for &(port, name) in &program.counts {
            self.check_count(from, frame.slots + usize::from(port), name);
        }
        for &(port, register) in &program.inherited {
            self.drop_inherited(from, frame.slots + usize::from(port), register);
        }
        for slot in frame.slots..frame.slots + program.gates_from {
            if Some(slot - frame.slots) == program.unmapped.map(usize::from) {
                continue;
            }
            while let Some(link) = self.take(slot) {
                if !link.extra {
                    self.leave(link.node);
                }
            }
        }
        self.said.extend(same);
        if self.reading {
            self.party_after(scope, mark);
            if mark.number > self.flushed {
                // Nothing was written: what stood there as a matter of course is left as well.
                let lone = self.constants.split_off(constants.min(self.constants.len()));
                self.left.extend(lone.into_iter().map(|node| Left { node, text_only: true }));
            }
        }
        if scope.keeps_unmapped {
            if self.reading {
                self.keep_unmapped(from, node, left, constants);
            } else {
                self.put_unmapped(program, from, frame);
            }
        }
        self.outcomes.truncate(frame.outcomes);
        self.slots.truncate(frame.slots);
        self.links.truncate(links);
        self.depth -= 1;
    }

    // ---- coming from ----

    fn leave(&mut self, node: NodeId) {
        self.left.push(Left { node, text_only: false });
    }

    fn push(&mut self, frame: Frame, port: Port, node: NodeId, extra: bool) {
        let link = u32::try_from(self.links.len()).unwrap_or(NONE);
        self.links.push(Link { node, next: NONE, extra });
        let Some(slot) = self.slots.get_mut(frame.slots + usize::from(port)) else { return };
        let tail = slot.tail;
        slot.tail = link;
        if slot.head == NONE {
            slot.head = link;
        } else if let Some(last) = self.links.get_mut(tail as usize) {
            last.next = link;
        }
    }

    /// The next node of a slot, taken out of it.
    fn take(&mut self, slot: usize) -> Option<Link> {
        let slot = self.slots.get_mut(slot)?;
        let link = *self.links.get(slot.head as usize)?;
        slot.head = link.next;
        Some(link)
    }

    fn filled(&self, frame: Frame, port: Port) -> bool {
        self.slots.get(frame.slots + usize::from(port)).is_some_and(|slot| slot.head != NONE)
    }

    fn fill(&mut self, trie: &'m Trie, level: u16, from: &Tree, node: NodeId, frame: Frame) {
        let Some(level) = trie.levels.get(usize::from(level)) else { return };
        if !from.value(node).trim().is_empty() {
            match level.value {
                Some(end) => self.push(frame, end.index, node, false),
                None => self.left.push(Left { node, text_only: true }),
            }
        }
        let mut hint = 0;
        for child in from.children(node) {
            match find(level, from, child, &mut hint) {
                Some(entry) => self.enter(trie, entry, from, child, frame),
                None => self.leave(child),
            }
        }
    }

    fn enter(&mut self, trie: &'m Trie, entry: &'m Entry, from: &Tree, child: NodeId, frame: Frame) {
        if let Some(gate) = entry.gate {
            match self.slots.get_mut(frame.slots + usize::from(gate)) {
                Some(slot) if slot.head == NONE => slot.head = 0,
                _ => return self.leave(child),
            }
        }
        if let Some(constant) = &entry.constant {
            let text = from.value(child).trim();
            if constant.texts.is_empty() {
                return;
            }
            if !constant.texts.iter().any(|known| **known == *text) {
                self.leave(child);
                return;
            }
            if self.reading && !constant.quiet {
                self.constants.push(child);
            }
            for below in from.children(child) {
                self.leave(below);
            }
            return;
        }
        if let Some(level) = entry.level {
            return self.fill(trie, level, from, child, frame);
        }
        let Some(end) = entry.end else { return };
        if end.record {
            return self.push(frame, end.index, child, false);
        }
        if !from.value(child).trim().is_empty() {
            self.push(frame, end.index, child, false);
        }
        for below in from.children(child) {
            self.leave(below);
        }
    }

    fn work_out(&mut self, program: &'m Program, index: u16, from: &Tree, frame: Frame) {
        let Some(rule) = program.rules.get(usize::from(index)) else { return };
        let Kind::Several { function, outputs, .. } = &rule.kind else { return };
        if !rule.inputs.iter().any(|&port| self.filled(frame, port)) {
            self.outcomes.push(Outcome::default());
            return;
        }
        let exact = matches!(function, Function::Wrap { .. });
        let mut inputs = Vec::with_capacity(rule.inputs.len());
        for &port in &rule.inputs {
            let mut list = Vec::new();
            let mut next = self.slots.get(frame.slots + usize::from(port)).map_or(NONE, |slot| slot.head);
            while let Some(link) = self.links.get(next as usize) {
                let text = from.value(link.node);
                let text = if exact { text } else { text.trim() };
                list.push(Found { node: link.node, text, component: from.node(link.node).at.component });
                next = link.next;
            }
            inputs.push(list);
        }
        let outputs = usize::from(*outputs);
        let outcome = if self.reading { function.read(&inputs, outputs) } else { function.write(&inputs, outputs) };
        for &node in &outcome.lost {
            self.leave(node);
        }
        for &(node, expected) in &outcome.bad {
            let finding = Finding::error(Code::BadValue, self.place(from, node));
            self.finding(finding.found(from.value(node).trim()).expected(expected));
        }
        for (node, table) in &outcome.unknown {
            let finding = Finding::warning(Code::UnknownCode, self.place(from, *node));
            self.finding(finding.found(from.value(*node).trim()).expected(table));
        }
        self.outcomes.push(outcome);
    }

    // ---- going to ----

    fn open(&mut self, name: Name, origin: NodeId) -> Mark {
        self.opened = self.opened.saturating_add(1);
        let mark = Mark { number: self.opened, pending: self.pending.len() };
        self.pending.push(Pending::Open { name, origin });
        mark
    }

    /// Closes a node; says whether it was written.
    fn close(&mut self, mark: Mark, keep: bool) -> bool {
        let written = mark.number <= self.flushed;
        if written {
            self.flush();
            self.to.close();
            self.open.pop();
        } else if keep {
            self.pending.push(Pending::Close);
        } else {
            self.pending.truncate(mark.pending);
        }
        written
    }

    /// Writes what waits.
    fn flush(&mut self) {
        if self.pending.is_empty() {
            self.flushed = self.opened;
            return;
        }
        let mut pending = std::mem::take(&mut self.pending);
        for waiting in pending.drain(..) {
            match waiting {
                Pending::Open { name, origin } => {
                    let node = self.to.open(name, At::default());
                    self.open.push(node);
                    self.origin.push(origin);
                }
                Pending::Leaf { name, text, origin } => {
                    self.to.leaf(name, &text, At::default());
                    self.origin.push(origin);
                    self.fix_last();
                }
                Pending::Close => {
                    self.to.close();
                    self.open.pop();
                }
            }
        }
        self.pending = pending;
        self.flushed = self.opened;
    }

    fn leaf(&mut self, name: Name, text: &str, origin: NodeId, component: u16) {
        self.flush();
        self.to.leaf(name, text, At { component, ..At::default() });
        self.origin.push(origin);
    }

    /// A value that is written only together with a real one.
    fn aside(&mut self, name: Name, text: Cow<'m, str>, origin: NodeId) {
        if self.pending.is_empty() {
            self.leaf(name, &text, origin, 0);
            self.fix_last();
        } else {
            self.pending.push(Pending::Leaf { name, text, origin });
        }
    }

    /// The node just written says nothing of the document's own.
    fn fix_last(&mut self) {
        self.fixed.push(NodeId(u32::try_from(self.to.len().saturating_sub(1)).unwrap_or(0)));
    }

    fn fed(&self, entry: &Entry, frame: Frame) -> bool {
        entry.feeds.iter().any(|&port| self.filled(frame, port))
    }

    fn emit(&mut self, program: &'m Program, level: u16, from: &Tree, node: NodeId, frame: Frame) {
        let Some(level) = program.to.levels.get(usize::from(level)) else { return };
        if let Some(end) = level.value {
            self.end(program, None, end, from, node, frame, &mut 0);
        }
        let (mut name, mut count) = (Name::UNKNOWN, 0);
        for entry in &level.entries {
            if entry.name != name {
                (name, count) = (entry.name, 0);
            }
            if let Some(constant) = &entry.constant {
                self.constant(entry.name, constant, node);
                count += 1;
                continue;
            }
            if !entry.always && !entry.keep && !self.fed(entry, frame) {
                continue;
            }
            if let Some(end) = entry.end {
                self.end(program, Some(entry), end, from, node, frame, &mut count);
                continue;
            }
            let Some(below) = entry.level else { continue };
            while count < entry.most {
                let mark = self.open(entry.name, node);
                self.emit(program, below, from, node, frame);
                if !self.close(mark, entry.keep) {
                    break;
                }
                count += 1;
                if !entry.repeat || !self.fed(entry, frame) {
                    break;
                }
            }
        }
    }

    fn constant(&mut self, name: Name, constant: &'m Constant, node: NodeId) {
        let Some(text) = constant.texts.first() else { return };
        if constant.always {
            self.leaf(name, text, node, 0);
            self.fix_last();
        } else {
            self.aside(name, Cow::Borrowed(text), node);
        }
    }

    /// Writes what a rule gives at a place: children of a name, or (no entry) the text of the open node.
    #[expect(clippy::too_many_arguments, reason = "the place, the rule and the two trees")]
    fn end(
        &mut self,
        program: &'m Program,
        entry: Option<&'m Entry>,
        end: End,
        from: &Tree,
        node: NodeId,
        frame: Frame,
        count: &mut u32,
    ) {
        let Some(rule) = program.rules.get(usize::from(end.index)) else { return };
        let most = entry.map_or(1, |entry| entry.most);
        let before = *count;
        match &rule.kind {
            Kind::Several { position, .. } => {
                let outcome = self.outcomes.get_mut(frame.outcomes + usize::from(*position));
                let made = outcome.and_then(|outcome| outcome.made.get_mut(usize::from(end.output)));
                for made in made.map(std::mem::take).unwrap_or_default() {
                    if *count >= most || self.too_long(&made.text, end) {
                        self.leave(made.node);
                    } else {
                        self.value(entry, &made.text, made.node, made.component);
                        *count += 1;
                    }
                }
            }
            Kind::Count(name) => {
                let counted = self.to.ids().filter(|&id| self.to.name(id) == *name).count();
                if counted > 0 && !self.reading {
                    self.value(entry, &counted.to_string(), node, 0);
                    *count += 1;
                }
            }
            Kind::Record(scope) => {
                let Some(entry) = entry else { return };
                let Some(scope) = self.mapping.scopes.get(*scope as usize) else { return };
                for &port in &rule.inputs {
                    while *count < most
                        && let Some(link) = self.take(frame.slots + usize::from(port))
                    {
                        if self.reading
                            && rule.fill.as_deref().is_some_and(|fill| fill == from.value(link.node).trim())
                            && !from.has_children(link.node)
                        {
                            continue;
                        }
                        let mark = self.open(entry.name, link.node);
                        if link.extra {
                            self.run_extra(scope, link.node, from, node, mark);
                        } else {
                            self.run(scope, from, link.node, mark);
                        }
                        *count += u32::from(self.close(mark, false));
                    }
                }
            }
            Kind::Text | Kind::Percent | Kind::Codes(_) => {
                for &port in &rule.inputs {
                    while *count < most
                        && let Some(link) = self.take(frame.slots + usize::from(port))
                    {
                        *count += u32::from(self.simple(rule, entry, end, from, link.node));
                    }
                }
            }
        }
        if *count == before {
            self.nothing(rule, entry, node, count);
        }
    }

    /// What stands where no value came.
    fn nothing(&mut self, rule: &'m Rule, entry: Option<&'m Entry>, node: NodeId, count: &mut u32) {
        let Some(entry) = entry.filter(|entry| *count < entry.most) else { return };
        let register = |machine: &Machine<'m>, index: Option<u8>| {
            index.and_then(|index| machine.registers.get(usize::from(index)).cloned().flatten())
        };
        if self.reading {
            if let Some((text, origin)) = register(self, rule.inherit) {
                self.aside(entry.name, Cow::Owned(text), origin);
                return;
            }
        } else if let Some((text, origin)) = register(self, rule.hoist) {
            self.leaf(entry.name, &text, origin, 0);
            *count += 1;
            return;
        }
        let given =
            if self.reading { &rule.default } else { rule.default.as_ref().map_or(&rule.fill, |_| &rule.default) };
        if let Some(text) = given {
            self.aside(entry.name, Cow::Borrowed(text), node);
        }
    }

    fn too_long(&self, text: &str, end: End) -> bool {
        end.longest != u32::MAX && text.len() > end.longest as usize && text.chars().count() > end.longest as usize
    }

    fn value(&mut self, entry: Option<&'m Entry>, text: &str, origin: NodeId, component: u16) {
        match entry {
            Some(entry) => self.leaf(entry.name, text, origin, component),
            None => {
                self.flush();
                self.to.push_text(text);
                if let (Some(&open), false) = (self.open.last(), text.is_empty())
                    && let Some(known) = self.origin.get_mut(open.0 as usize)
                {
                    *known = origin;
                }
            }
        }
    }

    /// One value to one value; says whether it was written.
    fn simple(&mut self, rule: &'m Rule, entry: Option<&'m Entry>, end: End, from: &Tree, node: NodeId) -> bool {
        let text = from.value(node).trim();
        if self.reading {
            if rule.fill.as_deref() == Some(text) {
                return false;
            }
        } else if let Some(index) = rule.inherit
            && let Some(Some((inherited, _))) = self.registers.get(usize::from(index))
            && inherited == text
        {
            return false;
        }
        let scaled;
        let text = match &rule.kind {
            Kind::Percent => match function::percent(text, self.reading) {
                Some(text) => {
                    scaled = text;
                    &scaled
                }
                None => {
                    self.leave(node);
                    return false;
                }
            },
            Kind::Codes(table) => {
                let found = if self.reading { table.read(text) } else { table.write(text) };
                match found {
                    Some(found) => found,
                    None => {
                        if self.reading {
                            let finding = Finding::warning(Code::UnknownCode, self.place(from, node));
                            self.finding(finding.found(text).expected(&table.name));
                        }
                        self.leave(node);
                        return false;
                    }
                }
            }
            _ => text,
        };
        if self.too_long(text, end) {
            self.leave(node);
            return false;
        }
        self.value(entry, text, node, 0);
        true
    }

    /// Reading: a count that the sender gives.
    fn check_count(&mut self, from: &Tree, slot: usize, name: Name) {
        let Some(link) = self.take(slot) else { return };
        let counted = from.ids().filter(|&id| from.name(id) == name).count();
        let said = from.value(link.node).trim();
        if said.parse() != Ok(counted) {
            let finding = Finding::warning(Code::WrongCount, self.place(from, link.node));
            self.finding(finding.found(said).expected(counted.to_string()));
        }
    }

    // ---- registers ----

    /// Values of the head that flow to lines: taken before anything is written.
    fn registers_before(&mut self, program: &'m Program, from: &Tree, node: NodeId, frame: Frame) {
        if self.mapping.registers.is_empty() {
            return;
        }
        for rule in &program.rules {
            let Some(index) = rule.hoist else { continue };
            let said = rule.inputs.iter().find_map(|&port| {
                let slot = self.slots.get(frame.slots + usize::from(port))?;
                self.links.get(slot.head as usize).map(|link| link.node)
            });
            let found = said.or_else(|| {
                let name = self.mapping.registers.get(usize::from(index))?;
                // Hoisted: the first that is met.
                if self.reading { None } else { first_below(from, node, *name) }
            });
            if let (Some(id), Some(register)) = (found, self.registers.get_mut(usize::from(index))) {
                *register = Some((from.value(id).trim().to_owned(), id));
            }
        }
    }

    /// Writing: what a line says as the head does, where it has no place of its own.
    fn drop_inherited(&mut self, from: &Tree, slot: usize, register: u8) {
        let head = self.slots.get(slot).and_then(|slot| self.links.get(slot.head as usize));
        let same = match (head, self.registers.get(usize::from(register))) {
            (Some(link), Some(Some((text, _)))) => from.value(link.node).trim() == text,
            _ => false,
        };
        if same {
            self.take(slot);
        }
    }

    // ---- parties ----

    /// Writing: whether another identifier of the party says what its own does; if none does, it becomes one of them.
    /// Gives the identifiers that are said by its own.
    fn party_before(
        &mut self,
        scope: &'m Scope,
        program: &'m Program,
        from: &Tree,
        node: NodeId,
        frame: Frame,
    ) -> Vec<NodeId> {
        let Some(party) = &scope.party else { return Vec::new() };
        let Some(own) = from.child(node, party.field) else { return Vec::new() };
        let Ok(id) = from.value(own).trim().parse::<PartyId>() else { return Vec::new() };
        let mut same = Vec::new();
        for path in &party.from {
            each_at(from, node, path, &mut |found| {
                if identifier(self.mapping, from, found).is_some_and(|(other, _)| other == id) {
                    same.push(found);
                }
            });
        }
        if let Some(port) = program.party_id {
            if same.is_empty()
                && let Some(into) = party.into
            {
                let names = &self.mapping.identifier;
                let extra = self.extra.open(names.0, At::default());
                self.extra.leaf(names.1, &id.value, At::default());
                self.extra.leaf(names.2, &spelled(&id.scheme), At::default());
                self.extra.close();
                self.push(frame, into, extra, true);
            }
            if !same.is_empty() || party.into.is_some() {
                while self.take(frame.slots + usize::from(port)).is_some() {}
            }
        }
        same
    }

    /// An identifier of our own making; when it cannot be written, the party's identifier was not carried.
    fn run_extra(&mut self, scope: &'m Scope, extra: NodeId, from: &Tree, party: NodeId, mark: Mark) {
        let tree = std::mem::take(&mut self.extra);
        let left = self.left.len();
        let origins = self.origin.len();
        self.run(scope, &tree, extra, mark);
        self.extra = tree;
        if self.left.len() > left {
            self.left.truncate(left);
            if let Some(id) = from.children(party).find(|&id| from.name(id) == self.mapping.party_id) {
                self.leave(id);
            }
        }
        for origin in self.origin.iter_mut().skip(origins) {
            *origin = party;
        }
    }

    /// Reading: the first identifier with a scheme is the party's own.
    fn party_after(&mut self, scope: &'m Scope, mark: Mark) {
        // Where a row of its own gives it, it is not derived.
        let Some(party) = scope.party.as_ref().filter(|party| party.into.is_some()) else { return };
        let Some(&node) = self.open.last().filter(|_| mark.number <= self.flushed) else { return };
        let mut found = None;
        if self.to.children_so_far(node).any(|child| self.to.name(child) == party.field) {
            return;
        }
        for path in &party.from {
            each_at_open(&self.to, node, path, &mut |id| {
                if found.is_none()
                    && let Some((party_id, value)) = identifier(self.mapping, &self.to, id)
                    && !party_id.scheme.is_empty()
                {
                    // One that its own text would not give back is none to know a party by.
                    let text = party_id.to_string();
                    found = (text.parse() == Ok(party_id)).then_some((text, value));
                }
            });
        }
        if let Some((text, value)) = found {
            let origin = self.origin.get(value.0 as usize).copied().unwrap_or(NodeId(0));
            self.leaf(party.field, &text, origin, 0);
        }
    }

    // ---- what is not carried ----

    fn keep_unmapped(&mut self, from: &Tree, node: NodeId, since: usize, constants: usize) {
        let constants = self.constants.split_off(constants.min(self.constants.len()));
        if self.left.len() == since {
            return;
        }
        let left = self.left.split_off(since.min(self.left.len()));
        let start = self.open.last().map_or(0, |open| open.0 as usize);
        let carried: Vec<NodeId> = self.origin.iter().skip(start).copied().collect();
        let names = &self.mapping.unmapped;
        let places = unmapped::places(from, node, left, &constants, &carried, &self.mapping.qualifiers);
        for (place, leaf) in places {
            self.flush();
            let open = |machine: &mut Machine<'m>, name, text: &str| {
                machine.to.leaf(name, text, At::default());
                machine.origin.push(leaf);
            };
            self.to.open(names.0, At::default());
            self.origin.push(leaf);
            open(self, names.1, &self.mapping.message);
            open(self, names.2, &place);
            open(self, names.3, from.value(leaf).trim());
            self.to.close();
        }
    }

    fn put_unmapped(&mut self, program: &'m Program, from: &Tree, frame: Frame) {
        let Some(port) = program.unmapped else { return };
        let names = &self.mapping.unmapped;
        while let Some(link) = self.take(frame.slots + usize::from(port)) {
            let value = |name| from.child(link.node, name).map_or("", |id| from.value(id).trim());
            let steps = unmapped::parse(value(names.2));
            if value(names.1) != self.mapping.message || steps.is_empty() {
                self.leave(link.node);
                continue;
            }
            self.flush();
            let Some(&base) = self.open.last() else { continue };
            self.grafts.push(Graft { base, steps, value: value(names.3).to_owned(), origin: link.node });
        }
    }

    /// Writing: says what was not carried, each value once.
    pub(super) fn report_left(&mut self, from: &Tree, path: &dyn Fn(NodeId) -> String) {
        let mut left = std::mem::take(&mut self.left);
        left.sort_unstable();
        left.dedup();
        let mapping = self.mapping;
        let mut last = None;
        for Left { node, text_only } in left {
            let end = if text_only { NodeId(node.0 + 1) } else { from.after(node) };
            let mut next = node;
            while next < end {
                let id = next;
                next = NodeId(id.0 + 1);
                let (mut at, mut text) = (id, from.value(id).trim());
                if self.said.contains(&id) {
                    next = from.after(id);
                    continue;
                }
                if from.name(id) == mapping.unmapped.0 {
                    next = from.after(id);
                    text = from.child(id, mapping.unmapped.3).map_or("", |value| from.value(value).trim());
                    at = id;
                }
                if !text.is_empty() && last < Some(at) {
                    last = Some(at);
                    let finding = Finding::warning(Code::NotCarried, Place::path(path(at)));
                    self.finding(finding.found(text).expected(&mapping.message));
                }
            }
        }
    }
}

/// How a scheme of ours is spelled in an identifier that has none of its own.
fn spelled(scheme: &str) -> String {
    match scheme {
        "brn" => "KR:BRN".to_owned(),
        "gln" | "duns" | "vat" | "dure" => scheme.to_ascii_uppercase(),
        _ => scheme.to_owned(),
    }
}

/// An identifier record as a party identifier, with the node of its value.
fn identifier(mapping: &Mapping, tree: &Tree, id: NodeId) -> Option<(PartyId, NodeId)> {
    let (_, value, scheme) = &mapping.identifier;
    let value = tree.child(id, *value)?;
    let scheme = tree.child(id, *scheme).map_or("", |scheme| tree.value(scheme));
    Some((PartyId::new(scheme, tree.value(value)), value))
}

fn each_at(tree: &Tree, node: NodeId, path: &[Name], found: &mut impl FnMut(NodeId)) {
    match path.split_first() {
        None => found(node),
        Some((first, rest)) => {
            for child in tree.children(node).filter(|&child| tree.name(child) == *first) {
                each_at(tree, child, rest, found);
            }
        }
    }
}

/// The same below a node that is still open.
fn each_at_open(tree: &Tree, node: NodeId, path: &[Name], found: &mut impl FnMut(NodeId)) {
    if let Some((first, rest)) = path.split_first() {
        for child in tree.children_so_far(node).filter(|&child| tree.name(child) == *first) {
            each_at(tree, child, rest, found);
        }
    }
}

fn first_below(tree: &Tree, node: NodeId, name: Name) -> Option<NodeId> {
    let end = tree.after(node);
    (node.0..end.0).map(NodeId).find(|&id| tree.name(id) == name && !tree.value(id).trim().is_empty())
}

/// The entry of a child. Children mostly come in the order of the entries, so the search starts where the last one was.
fn find<'m>(level: &'m Level, from: &Tree, child: NodeId, hint: &mut usize) -> Option<&'m Entry> {
    let name = from.name(child);
    if name == Name::UNKNOWN {
        return None;
    }
    let ahead = level.names.get(*hint..).unwrap_or(&[]);
    let at = match ahead.iter().position(|&known| known == name) {
        Some(offset) => *hint + offset,
        None => level.names.get(..*hint).unwrap_or(&[]).iter().position(|&known| known == name)?,
    };
    // The first of its name: tested ones stand before the one that takes the rest.
    let mut first = at;
    while first > 0 && level.names.get(first - 1) == Some(&name) {
        first -= 1;
    }
    *hint = first;
    level
        .entries
        .get(first..)?
        .iter()
        .take_while(|entry| entry.name == name)
        .find(|entry| entry.test.as_ref().is_none_or(|test| holds(test, from, child)))
}

/// Whether a node passes a test.
pub(super) fn holds(test: &Test, tree: &Tree, node: NodeId) -> bool {
    fn any(tree: &Tree, node: NodeId, path: &[Name], good: &impl Fn(&str) -> bool) -> bool {
        match path.split_first() {
            None => good(tree.value(node).trim()),
            Some((first, rest)) => {
                tree.children(node).any(|child| tree.name(child) == *first && any(tree, child, rest, good))
            }
        }
    }
    match &test.wanted {
        Wanted::OneOf(values) => any(tree, node, &test.path, &|text| values.iter().any(|value| **value == *text)),
        Wanted::Something => any(tree, node, &test.path, &|text| !text.is_empty()),
        Wanted::Nothing => !any(tree, node, &test.path, &|text| !text.is_empty()),
    }
}
