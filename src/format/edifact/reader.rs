//! Reads an interchange: UNA, UNB, functional groups, messages one by one, UNZ.
//!
//! A message comes whole: its segments cut into groups by the triggers of its table, its values under the names of the
//! directory, every node with its place. Numbers are given with a point, whatever decimal mark was written; all other
//! text is as received. What breaks the syntax is a finding with its place, and reading goes on with the next segment or
//! message; messages that were complete are given whatever comes after them.

use std::sync::Arc;

use super::headers::{self, Identifier};
use super::message::{Message, at_of};
use super::opening::{dialect_of, lexer_of, place_of, start, tag_of};
use super::table::Table;
use super::text::Text;
use crate::error::Result;
use crate::format::outbox::Outbox;
use crate::format::segment::dialect::{Dialect, Service};
use crate::format::segment::lexer::{Lexer, Segment, Spot};
use crate::format::{Hint, Limits, MessageStart, Part, Reader, Source};
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::model::message::MessageType;
use crate::model::tree::{Shape, Tree};

/// Reads an EDIFACT interchange.
pub struct EdifactReader {
    lexer: Lexer,
    state: State,
    started: bool,
}

/// Everything but the lexer, which lends the segments.
struct State {
    limits: Limits,
    text: Text,
    queue: Outbox,
    interchange: Option<Opened>,
    group: Option<Opened>,
    message: Option<Message>,
    /// Messages, or groups where there are groups.
    count: u64,
    group_messages: u64,
    una: bool,
    seen_unb: bool,
    seen_unz: bool,
    /// A segment outside of messages was already complained of since the last good one.
    stray: bool,
    known: Option<Known>,
    done: bool,
    /// What the last message took, as room for the next.
    nodes: usize,
    text_bytes: usize,
}

/// A header that waits for its trailer.
struct Opened {
    reference: String,
}

/// What an identifier led to. The messages of an interchange are mostly of one type.
struct Known {
    identifier: Identifier,
    message_type: MessageType,
    table: Option<Arc<Table>>,
    finding: Option<Finding>,
}

impl Known {
    fn of(identifier: Identifier) -> Known {
        let (message_type, table, finding) = match identifier.table(&Place::default()) {
            Ok((message_type, warning)) => {
                let table = Table::of(&message_type);
                let unknown = || Finding::error(Code::UnknownMessage, Place::default()).found(identifier.to_string());
                let finding = if table.is_none() { Some(unknown()) } else { warning };
                (message_type, table, finding)
            }
            Err(finding) => (identifier.as_said(), None, Some(*finding)),
        };
        Known { identifier, message_type, table, finding }
    }
}

impl EdifactReader {
    /// Over a source. `hint.charset` helps where the header names a repertoire we do not have.
    pub fn new(source: Source, hint: &Hint, limits: &Limits) -> Result<EdifactReader> {
        let (lexer, text) = lexer_of(source, hint, limits)?;
        Ok(EdifactReader {
            lexer,
            state: State {
                limits: *limits,
                text,
                queue: Outbox::default(),
                interchange: None,
                group: None,
                message: None,
                count: 0,
                group_messages: 0,
                una: false,
                seen_unb: false,
                seen_unz: false,
                stray: false,
                known: None,
                done: false,
                nodes: 0,
                text_bytes: 0,
            },
            started: false,
        })
    }
}

impl Reader for EdifactReader {
    fn next(&mut self, findings: &mut Findings) -> Result<Option<Part>> {
        if !self.started {
            self.started = true;
            match start(&mut self.lexer, findings)? {
                Some(una) => self.state.una = una,
                None => self.state.done = true,
            }
        }
        loop {
            if let Some(part) = self.state.queue.pop(findings) {
                return Ok(Some(part));
            }
            if self.state.done {
                return Ok(None);
            }
            let service = self.lexer.dialect().service();
            let Some(segment) = self.lexer.next()? else {
                let spot = self.lexer.spot();
                self.state.end(spot, findings);
                continue;
            };
            let cut = segment.overflow && !segment.terminated;
            let dialect = self.state.take(&segment, service, findings);
            if let Some(dialect) = dialect {
                self.lexer.set_dialect(dialect);
            }
            if cut {
                self.lexer.skip_segment()?;
            }
        }
    }
}

impl State {
    /// One segment. Gives the dialect for what follows, after UNB.
    fn take(&mut self, segment: &Segment<'_>, service: Service, findings: &mut Findings) -> Option<Dialect> {
        let (tag, before) = tag_of(segment);
        if self.seen_unz {
            self.after_unz(segment, tag, findings);
            return None;
        }
        if before {
            self.garbage(segment, tag.is_none(), findings);
        }
        let tag = tag?;
        if !segment.terminated && !segment.overflow {
            self.truncated(segment, &tag, findings);
            return None;
        }
        match &tag {
            b"UNH" => self.unh(segment, findings),
            b"UNT" if self.message.is_some() => self.unt(segment, findings),
            b"UNB" => return self.unb(segment, service, findings),
            b"UNZ" => self.unz(segment, findings),
            b"UNG" => self.ung(segment, findings),
            b"UNE" => self.une(segment, findings),
            _ => match &mut self.message {
                Some(message) => message.take(segment, tag, &mut self.text, &self.limits, findings),
                None => {
                    if !std::mem::replace(&mut self.stray, true) {
                        let place = self.place(segment, 0, 0, "");
                        findings.push(
                            Finding::error(Code::Unexpected, place)
                                .found(String::from_utf8_lossy(&tag))
                                .expected("UNH"),
                        );
                    }
                }
            },
        }
        None
    }

    fn place(&self, segment: &Segment<'_>, element: u16, component: u16, path: &str) -> Place {
        let value = segment.component(element, component.saturating_sub(1));
        let spot = value.map_or(segment.spot, |value| segment.spot_of(value));
        let number = self.message.as_ref().map_or(0, |message| message.segments);
        let mut place = Place::from_at(at_of(spot, number, element, component));
        place.path = (!path.is_empty()).then(|| path.to_owned());
        place
    }

    /// The text of a component of a service segment, where findings about its characters are of no use.
    fn said(&self, segment: &Segment<'_>, element: u16, component: u16) -> String {
        segment.component(element, component).map(|value| self.text.plain(&segment.bytes_of(value))).unwrap_or_default()
    }

    /// Text that is no segment, alone or in front of one.
    fn garbage(&mut self, segment: &Segment<'_>, alone: bool, findings: &mut Findings) {
        let mut place = self.place(segment, 0, 0, "");
        if let Some(message) = &mut self.message {
            place.segment = Some(message.segments.saturating_add(1));
            message.segments = message.segments.saturating_add(u32::from(alone));
        }
        let start = String::from_utf8_lossy(segment.bytes.get(..40).unwrap_or(segment.bytes)).into_owned();
        let start = start.lines().next().unwrap_or("");
        findings.push(Finding::error(Code::Syntax, place).found(format!("{start:?} is no segment")));
    }

    /// A second interchange must not be lost in silence; a signature of the mail it came by may.
    fn after_unz(&mut self, segment: &Segment<'_>, tag: Option<[u8; 3]>, findings: &mut Findings) {
        let place = self.place(segment, 0, 0, "");
        let start = String::from_utf8_lossy(segment.bytes.get(..40).unwrap_or(segment.bytes)).into_owned();
        let finding = match tag {
            Some(_) => Finding::error(Code::Unexpected, place),
            None => Finding::warning(Code::Unexpected, place),
        };
        findings.push(finding.found(start.lines().next().unwrap_or("").trim()).expected("the end after UNZ"));
        self.done = true;
    }

    fn truncated(&mut self, segment: &Segment<'_>, tag: &[u8; 3], findings: &mut Findings) {
        let mut place = self.place(segment, 0, 0, "");
        place.segment = place.segment.map(|number| number.saturating_add(1));
        let tag = String::from_utf8_lossy(tag);
        findings.push(Finding::error(Code::Truncated, place).expected(format!("the end of {tag}")));
        self.break_off();
        self.done = true;
    }

    /// The bytes end.
    fn end(&mut self, spot: Spot, findings: &mut Findings) {
        self.done = true;
        let missing = if self.message.is_some() {
            "UNT"
        } else if self.group.is_some() {
            "UNE"
        } else if self.interchange.is_some() {
            "UNZ"
        } else if self.seen_unz || self.count > 0 {
            return;
        } else {
            "UNB"
        };
        findings.push(Finding::error(Code::Truncated, place_of(spot)).expected(missing));
        self.break_off();
    }

    /// Ends a message that has no UNT, without giving it.
    fn break_off(&mut self) {
        if self.message.take().is_some() {
            self.queue.push(Part::End);
        }
    }

    /// A header or trailer came while a message was open.
    fn end_message_before(&mut self, segment: &Segment<'_>, findings: &mut Findings) {
        if self.message.is_some() {
            let place = self.place(segment, 0, 0, "");
            findings.push(Finding::error(Code::Truncated, place).expected("UNT"));
            self.break_off();
        }
    }

    fn need_unb(&mut self, segment: &Segment<'_>, findings: &mut Findings) {
        if !std::mem::replace(&mut self.seen_unb, true) {
            findings.push(Finding::error(Code::Missing, self.place(segment, 0, 0, "")).expected("UNB"));
        }
    }

    fn unb(&mut self, segment: &Segment<'_>, service: Service, findings: &mut Findings) -> Option<Dialect> {
        self.end_message_before(segment, findings);
        if std::mem::replace(&mut self.seen_unb, true) {
            let place = self.place(segment, 0, 0, "");
            findings.push(Finding::error(Code::Unexpected, place).found("UNB").expected("UNZ and the end"));
            self.done = true;
            return None;
        }
        let (repertoire, version) = (self.said(segment, 1, 0), self.said(segment, 1, 1));
        let version = match version.as_bytes() {
            [digit @ b'1'..=b'4'] => digit - b'0',
            _ => {
                let place = self.place(segment, 1, 2, "/UNB/S001/0002");
                findings.push(Finding::error(Code::UnknownVersion, place).found(version).expected("1, 2, 3, 4"));
                3
            }
        };
        // Data element 0133 of version 4: 7 is UTF-8.
        let coded_utf8 = version == 4 && self.said(segment, 1, 3) == "7";
        if let Some(read_as) = self.text.declare(&repertoire, coded_utf8, segment.ahead) {
            let place = self.place(segment, 1, 1, "/UNB/S001/0001");
            findings.push(Finding::warning(Code::FallbackVersion, place).found(&repertoire).expected(read_as));
        }
        let dialect = dialect_of(service, self.una, self.text.repertoire(), version);
        let mut envelope = headers::envelope(|element, component| self.said(segment, element, component));
        envelope.syntax = Some(dialect.service().to_syntax(&repertoire, version));
        envelope.sender_place = self.place(segment, 2, 1, "/UNB/S002/0004");
        let reference = envelope.control_reference.clone().unwrap_or_default();
        for (element, path, missing) in [
            (2, "/UNB/S002/0004", envelope.sender.is_none()),
            (3, "/UNB/S003/0010", envelope.receiver.is_none()),
            (5, "/UNB/0020", envelope.control_reference.is_none()),
        ] {
            if missing {
                let place = self.place(segment, element, 0, path);
                findings.push(Finding::error(Code::Missing, place).expected(path.trim_start_matches('/')));
            }
        }
        self.interchange = Some(Opened { reference });
        self.queue.push(Part::Envelope(envelope));
        Some(dialect)
    }

    fn unz(&mut self, segment: &Segment<'_>, findings: &mut Findings) {
        self.end_message_before(segment, findings);
        if self.group.take().is_some() {
            findings.push(Finding::error(Code::Truncated, self.place(segment, 0, 0, "")).expected("UNE"));
        }
        self.need_unb(segment, findings);
        if let Some(opened) = self.interchange.take() {
            self.check_trailer(segment, self.count, &opened.reference, ["/UNZ/0036", "/UNZ/0020"], findings);
        }
        self.seen_unz = true;
    }

    fn ung(&mut self, segment: &Segment<'_>, findings: &mut Findings) {
        self.end_message_before(segment, findings);
        self.need_unb(segment, findings);
        if self.group.is_some() {
            findings.push(Finding::error(Code::Truncated, self.place(segment, 0, 0, "")).expected("UNE"));
        }
        self.stray = false;
        self.count += 1;
        self.group_messages = 0;
        self.group = Some(Opened { reference: self.said(segment, 5, 0) });
    }

    fn une(&mut self, segment: &Segment<'_>, findings: &mut Findings) {
        self.end_message_before(segment, findings);
        match self.group.take() {
            Some(opened) => {
                let count = self.group_messages;
                self.check_trailer(segment, count, &opened.reference, ["/UNE/0060", "/UNE/0048"], findings);
            }
            None => {
                let place = self.place(segment, 0, 0, "");
                findings.push(Finding::error(Code::Unexpected, place).found("UNE").expected("UNH or UNZ"));
            }
        }
    }

    /// Count and reference of UNZ, UNE and UNT.
    fn check_trailer(
        &self,
        segment: &Segment<'_>,
        count: u64,
        reference: &str,
        paths: [&str; 2],
        findings: &mut Findings,
    ) {
        let [count_path, reference_path] = paths;
        let said = self.said(segment, 1, 0);
        if said.parse::<u64>() != Ok(count) {
            let place = self.place(segment, 1, 0, count_path);
            findings.push(Finding::error(Code::WrongCount, place).found(said).expected(count.to_string()));
        }
        let said = self.said(segment, 2, 0);
        if said != reference {
            let place = self.place(segment, 2, 0, reference_path);
            findings.push(Finding::error(Code::WrongReference, place).found(said).expected(reference));
        }
    }

    fn unh(&mut self, segment: &Segment<'_>, findings: &mut Findings) {
        self.end_message_before(segment, findings);
        self.need_unb(segment, findings);
        self.stray = false;
        if self.group.is_some() {
            self.group_messages += 1;
        } else {
            self.count += 1;
        }
        let reference = self.said(segment, 1, 0);
        let part = |component| self.said(segment, 2, component);
        let identifier =
            Identifier { message: part(0), version: part(1), release: part(2), agency: part(3), association: part(4) };
        let mut place = self.place(segment, 2, 0, "/UNH/S009");
        place.segment = Some(1);
        let known = match self.known.take() {
            Some(known) if known.identifier == identifier => known,
            _ => Known::of(identifier),
        };
        let mut own = Findings::default();
        own.extend(known.finding.clone().map(|finding| Finding { place, ..finding }));
        let (message_type, table) = (known.message_type.clone(), known.table.clone());
        let lenient = known.finding.as_ref().is_some_and(|finding| finding.code == Code::FallbackVersion);
        self.known = Some(known);
        self.queue.push(Part::Start(MessageStart { message_type, reference: reference.clone() }));
        let mut message =
            Message { reference, segments: 0, starts_at: segment.spot.offset, lenient, table, tree: None, slot: 0 };
        if let Some(table) = &message.table {
            let mut tree = Tree::with_capacity(Shape::Segments, self.nodes + self.nodes / 8, self.text_bytes);
            tree.open(table.root, at_of(segment.spot, 1, 0, 0));
            message.tree = Some(tree);
        }
        message.take(segment, *b"UNH", &mut self.text, &self.limits, &mut own);
        self.queue.tell(own, findings);
        self.message = Some(message);
    }

    fn unt(&mut self, segment: &Segment<'_>, findings: &mut Findings) {
        if let Some(message) = &mut self.message {
            message.take(segment, *b"UNT", &mut self.text, &self.limits, findings);
        }
        if let Some(message) = &self.message {
            let root = message.table.as_ref().map_or(String::new(), |table| format!("/{}", table.root));
            let paths = [format!("{root}/UNT/0074"), format!("{root}/UNT/0062")];
            let count = u64::from(message.segments);
            self.check_trailer(segment, count, &message.reference, [&paths[0], &paths[1]], findings);
        }
        if let Some(message) = self.message.take() {
            if let Some(mut tree) = message.tree {
                while tree.depth() > 0 {
                    tree.close();
                }
                self.nodes = tree.len();
                self.text_bytes = tree.text_bytes();
                self.queue.push(Part::Whole(tree));
            }
            self.queue.push(Part::End);
        }
    }
}
