//! Writes messages as an interchange: UNA where needed, UNB, the messages with their counts, UNZ.
//!
//! Segments come in the order of the table, whatever their order in the tree; trailing empty elements and components are
//! left out (ISO 9735-1, 8.5); service characters in data are released. A node that knows its position (it was read)
//! keeps it where a name has several. A character the repertoire lacks is a finding and is not written.

use super::headers::{self, Identifier};
use super::repertoire::Repertoire;
use super::table::{Element, Table};
use crate::format::segment::dialect::Service;
use crate::format::{WriteOptions, Written};
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::model::message::MessageType;
use crate::model::name::Name;
use crate::model::tree::{NodeId, Tree};

/// A message to be written.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'t> {
    /// Which table it follows.
    pub message_type: &'t MessageType,
    /// UNH 0062; when empty that of the tree, else its number in the interchange.
    pub reference: &'t str,
    /// Its tree.
    pub tree: &'t Tree,
}

/// Groups in groups; the directories have five.
const DEEPEST: usize = 32;

/// Writes an interchange. Something is missing from the bytes when a finding is an error.
pub fn write(messages: &[Outgoing<'_>], options: &WriteOptions) -> Written {
    let mut findings = Findings::default();
    let syntax = options.envelope.syntax.clone().unwrap_or_default();
    let Some(service) = Service::from_syntax(&syntax) else {
        let una: String =
            [syntax.component, syntax.element, syntax.decimal, syntax.release, syntax.repetition, syntax.terminator]
                .iter()
                .collect();
        findings.push(Finding::error(Code::Syntax, Place::path("/UNA")).found(una));
        return (Vec::new(), findings.into_vec());
    };
    let Some(repertoire) = Repertoire::of(&syntax.repertoire) else {
        let known = Repertoire::identifiers().collect::<Vec<_>>().join(", ");
        let place = Place::path("/UNB/S001/0001");
        findings.push(Finding::error(Code::UnknownVersion, place).found(&syntax.repertoire).expected(known));
        return (Vec::new(), findings.into_vec());
    };
    // UNA 5 is reserved before version 4.
    let service = if syntax.version < 4 { Service { repetition: None, ..service } } else { service };
    let mut writer = Writer {
        out: Vec::new(),
        service,
        repertoire,
        version: syntax.version,
        break_lines: options.break_lines,
        segments: 0,
        findings,
    };
    let without_una = if syntax.version < 4 { *b":+.? '" } else { *b":+.?*'" };
    let default = service.una() == without_una || (service == Service::LEVEL_B && repertoire.identifier == "UNOB");
    if !default {
        writer.out.extend_from_slice(b"UNA");
        writer.out.extend_from_slice(&service.una());
        writer.line();
    }
    let reference = writer.unb(options);
    for (index, message) in messages.iter().enumerate() {
        writer.message(message, index + 1);
    }
    writer.segment(&[&["UNZ"], &[&messages.len().to_string()], &[&reference]]);
    (writer.out, writer.findings.into_vec())
}

struct Writer {
    out: Vec<u8>,
    service: Service,
    repertoire: Repertoire,
    version: u8,
    break_lines: bool,
    /// Segments of the message so far.
    segments: u32,
    findings: Findings,
}

impl Writer {
    fn line(&mut self) {
        if self.break_lines {
            self.out.extend_from_slice(b"\r\n");
        }
    }

    fn unb(&mut self, options: &WriteOptions) -> String {
        let envelope = &options.envelope;
        let empty = Default::default();
        let sender = envelope.sender.as_ref().unwrap_or(&empty);
        let receiver = envelope.receiver.as_ref().unwrap_or(&empty);
        let reference = envelope.control_reference.clone().unwrap_or_default();
        for (value, path, most) in [
            (&sender.value, "/UNB/S002/0004", 35),
            (&receiver.value, "/UNB/S003/0010", 35),
            (&reference, "/UNB/0020", 14),
        ] {
            if value.is_empty() {
                self.findings.push(Finding::error(Code::Missing, Place::path(path)).expected(path));
            } else if value.chars().count() > most {
                let finding = Finding::error(Code::TooLong, Place::path(path));
                self.findings.push(finding.found(value).expected(format!("an..{most}")));
            }
        }
        let prepared = chrono::DateTime::from_timestamp_millis(options.prepared_at_ms).unwrap_or_default();
        let date = prepared.format(if self.version >= 4 { "%Y%m%d" } else { "%y%m%d" }).to_string();
        let time = prepared.format("%H%M").to_string();
        let (repertoire, version) = (self.repertoire.identifier, self.version.to_string());
        let acknowledge = if envelope.acknowledgement_requested { "1" } else { "" };
        let test = if envelope.test { "1" } else { "" };
        self.segment(&[
            &["UNB"],
            &[repertoire, &version],
            &[&sender.value, headers::qualifier(sender)],
            &[&receiver.value, headers::qualifier(receiver)],
            &[&date, &time],
            &[&reference],
            &[],
            &[],
            &[],
            &[acknowledge],
            &[],
            &[test],
        ]);
        reference
    }

    /// A service segment of our own making.
    fn segment(&mut self, elements: &[&[&str]]) {
        let mut line = Line::default();
        for (index, element) in elements.iter().enumerate() {
            for (component, text) in element.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
                line.reach(self, index as u16, 0, component as u16);
                self.text(text, false, || Place::path(format!("/{}", elements[0][0])));
            }
        }
        self.end();
    }

    fn end(&mut self) {
        self.out.push(self.service.terminator);
        self.segments = self.segments.saturating_add(1);
        self.line();
    }

    fn message(&mut self, message: &Outgoing<'_>, number: usize) {
        let tree = message.tree;
        let (Some(table), Some(root)) = (Table::of(message.message_type), tree.root()) else {
            let finding = Finding::error(Code::UnknownMessage, Place::default());
            self.findings.push(finding.found(message.message_type.to_string()));
            return;
        };
        self.segments = 0;
        let named = |parent, name: &str| Name::find(name).and_then(|name| tree.child(parent, name));
        let unh = named(root, "UNH");
        let said = unh.and_then(|unh| named(unh, "0062")).map_or("", |id| tree.value(id));
        let counted = number.to_string();
        let reference = [message.reference, said].into_iter().find(|text| !text.is_empty()).unwrap_or(&counted);
        if reference.chars().count() > 14 {
            let finding = Finding::error(Code::TooLong, Place::path("/UNH/0062"));
            self.findings.push(finding.found(reference).expected("an..14"));
        }
        // The rest of UNH as the tree has it; what it leaves open is said by the message type.
        let mut line = Line::default();
        self.out.extend_from_slice(b"UNH");
        line.reach(self, 1, 0, 0);
        self.text(reference, false, || Place::path("/UNH/0062"));
        let definition = table.segment(*b"UNH").and_then(|index| table.segments.get(usize::from(index)));
        let own = unh.is_some_and(|unh| named(unh, "S009").is_some());
        if !own {
            let identifier = Identifier::of(message.message_type);
            let parts = [&identifier.message, &identifier.version, &identifier.release, &identifier.agency];
            for (component, part) in (0..).zip(parts) {
                line.reach(self, 2, 0, component);
                self.text(part, false, || Place::path("/UNH/S009"));
            }
        }
        if let (Some(unh), Some(definition)) = (unh, definition) {
            let skip = Name::find("0062");
            self.elements(tree, unh, &definition.elements, &mut line, |name| Some(name) == skip);
        }
        self.end();
        self.level(tree, root, &table, 0, 0);
        let count = (self.segments + 1).to_string();
        self.segment(&[&["UNT"], &[&count], &[reference]]);
    }

    /// The children of the message or of a group, in the order of the table.
    fn level(&mut self, tree: &Tree, parent: NodeId, table: &Table, group: u16, depth: usize) {
        if depth > DEEPEST {
            let finding = Finding::error(Code::TooDeep, tree.place(parent));
            self.findings.push(finding.expected(DEEPEST.to_string()));
            return;
        }
        let mut children: Vec<(usize, NodeId)> = Vec::new();
        let mut order = 0;
        for child in tree.children(parent) {
            // What the table does not have here stays behind what it followed.
            order = table.order(group, tree.name(child)).unwrap_or(order);
            children.push((order, child));
        }
        if !children.is_sorted_by_key(|(order, _)| *order) {
            children.sort_by_key(|(order, _)| *order);
        }
        for (_, child) in children {
            let name = tree.name(child);
            let text = tree.name_text(child);
            if matches!(text, "UNH" | "UNT") {
                continue;
            }
            match table.group_named(group, name) {
                Some(inner) => self.level(tree, child, table, inner, depth + 1),
                None => self.node(tree, child, table, text),
            }
        }
    }

    fn node(&mut self, tree: &Tree, id: NodeId, table: &Table, tag: &str) {
        let known = <[u8; 3]>::try_from(tag.as_bytes()).ok();
        let Some(tag) = known.filter(|tag| tag.iter().all(u8::is_ascii_alphanumeric)) else {
            let finding = Finding::error(Code::Unexpected, tree.place(id));
            self.findings.push(finding.found(tag).expected("a segment"));
            return;
        };
        self.out.extend_from_slice(&tag);
        let mut line = Line::default();
        match table.segment(tag).and_then(|index| table.segments.get(usize::from(index))) {
            Some(definition) => self.elements(tree, id, &definition.elements, &mut line, |_| false),
            None => self.numbered(tree, id, &mut line),
        }
        self.end();
    }

    /// Elements by the names of their positions.
    fn elements(
        &mut self,
        tree: &Tree,
        segment: NodeId,
        elements: &[Element],
        line: &mut Line,
        skip: impl Fn(Name) -> bool,
    ) {
        // The position that is written, and the place its node was read from.
        let (mut at, mut read_at, mut repetition) = (0, 0, 0);
        for child in tree.children(segment) {
            let node = *tree.node(child);
            if skip(node.name) || (tree.value(child).is_empty() && !tree.has_children(child)) {
                continue;
            }
            let said = usize::from(node.at.element);
            let again =
                said != 0 && said == read_at && elements.get(at.max(1) - 1).is_some_and(|e| e.name == node.name);
            if again && self.service.repetition.is_some() {
                repetition += 1;
            } else {
                let names = elements.iter().map(|element| element.name);
                match position(names, node.name, at, said) {
                    Some(index) => {
                        at = index + 1;
                        repetition = 0;
                    }
                    None if self.service.repetition.is_some()
                        && elements.get(at.max(1) - 1).is_some_and(|e| e.name == node.name) =>
                    {
                        repetition += 1;
                    }
                    None => {
                        self.misplaced(tree, child);
                        continue;
                    }
                }
            }
            read_at = said;
            let Some(element) = elements.get(at - 1) else { continue };
            let here = at as u16;
            if element.components.is_empty() {
                line.reach(self, here, repetition, 0);
                self.text(tree.value(child), element.numeric, || tree.place(child));
                continue;
            }
            let mut inside = 0;
            for part in tree.children(child) {
                let value = tree.value(part);
                if value.is_empty() {
                    continue;
                }
                let names = element.components.iter().map(|component| component.name);
                let said = usize::from(tree.node(part).at.component);
                match position(names, tree.name(part), inside, said) {
                    Some(index) => {
                        inside = index + 1;
                        line.reach(self, here, repetition, index as u16);
                        let numeric = element.components.get(index).is_some_and(|component| component.numeric);
                        self.text(value, numeric, || tree.place(part));
                    }
                    None => self.misplaced(tree, part),
                }
            }
        }
    }

    fn misplaced(&mut self, tree: &Tree, id: NodeId) {
        let finding = Finding::error(Code::NotCarried, tree.place(id));
        self.findings.push(finding.found(tree.name_text(id)).expected("EDIFACT"));
    }

    /// Elements of a segment without a table, by their numbers, as the reader gives them.
    fn numbered(&mut self, tree: &Tree, segment: NodeId, line: &mut Line) {
        let number = |id| tree.name_text(id).parse::<u16>().ok().filter(|n| (1..=999).contains(n));
        let (mut last, mut repetition) = (0, 0);
        for child in tree.children(segment) {
            let Some(element) = number(child).filter(|&element| element >= last) else {
                self.misplaced(tree, child);
                continue;
            };
            repetition = if element == last { repetition + 1 } else { 0 };
            last = element;
            if repetition > 0 && self.service.repetition.is_none() {
                self.misplaced(tree, child);
                continue;
            }
            if !tree.value(child).is_empty() {
                line.reach(self, element, repetition, 0);
                self.text(tree.value(child), false, || tree.place(child));
            }
            let mut inside = 0;
            for part in tree.children(child) {
                let Some(component) = number(part).filter(|&component| component > inside) else {
                    self.misplaced(tree, part);
                    continue;
                };
                inside = component;
                line.reach(self, element, repetition, component - 1);
                self.text(tree.value(part), false, || tree.place(part));
            }
        }
    }

    /// A value: encoded, released.
    fn text(&mut self, text: &str, numeric: bool, place: impl Fn() -> Place) {
        for c in text.chars() {
            let c = if numeric && c == '.' { char::from(self.service.decimal) } else { c };
            let byte = u8::try_from(c).unwrap_or(0x80);
            if byte.is_ascii() && self.service.is_service(byte) {
                match self.service.release {
                    Some(release) => self.out.extend_from_slice(&[release, byte]),
                    None => self.lacks(c, &place),
                }
                continue;
            }
            if matches!(c, '\n' | '\r' | '\t') {
                self.out.push(b' ');
                let finding = Finding::warning(Code::CharacterNotInRepertoire, place());
                self.findings.push(finding.found("line break").expected(self.repertoire.identifier));
            } else if !self.repertoire.encode(c, self.version, &mut self.out) {
                self.lacks(c, &place);
            }
        }
    }

    fn lacks(&mut self, c: char, place: &impl Fn() -> Place) {
        let finding = Finding::error(Code::CharacterNotInRepertoire, place());
        self.findings.push(finding.found(c.to_string()).expected(self.repertoire.identifier));
    }
}

/// The index of a name at or behind `from`: where it was read if that is such a position, else the first.
fn position(mut names: impl Iterator<Item = Name> + Clone, name: Name, from: usize, said: usize) -> Option<usize> {
    if said > from && names.clone().nth(said - 1) == Some(name) {
        return Some(said - 1);
    }
    names.by_ref().skip(from).position(|known| known == name).map(|index| index + from)
}

/// Separators up to a position of a segment. Nothing is written for what stays empty at the end.
#[derive(Default)]
struct Line {
    element: u16,
    repetition: u16,
    component: u16,
}

impl Line {
    fn reach(&mut self, writer: &mut Writer, element: u16, repetition: u16, component: u16) {
        while self.element < element {
            writer.out.push(writer.service.element);
            self.element += 1;
            self.repetition = 0;
            self.component = 0;
        }
        while self.repetition < repetition {
            writer.out.push(writer.service.repetition.unwrap_or(writer.service.element));
            self.repetition += 1;
            self.component = 0;
        }
        while self.component < component {
            writer.out.push(writer.service.component);
            self.component += 1;
        }
    }
}
