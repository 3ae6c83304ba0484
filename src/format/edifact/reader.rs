//! Reads an interchange: UNA, UNB, functional groups, messages one by one, UNZ.
//!
//! A message comes whole: its segments cut into groups by the triggers of its table, its values under the names of the
//! directory, every node with its place. Numbers are given with a point, whatever decimal mark was written; all other
//! text is as received. What breaks the syntax is a finding with its place, and reading goes on with the next segment or
//! message; messages that were complete are given whatever comes after them.

use std::sync::Arc;

use super::headers::{self, Identifier};
use super::repertoire::Repertoire;
use super::table::Table;
use super::text::Text;
use crate::error::Result;
use crate::format::outbox::Outbox;
use crate::format::segment::dialect::{Dialect, Service};
use crate::format::segment::lexer::{Lexer, Segment, Spot, Value};
use crate::format::{Hint, Limits, MessageStart, Part, Reader, Source};
use crate::model::finding::{Code, Finding, Findings, Place, Severity};
use crate::model::message::MessageType;
use crate::model::tree::{At, Shape, Tree};

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

/// The message that is being read.
struct Message {
    reference: String,
    segments: u32,
    starts_at: u64,
    /// What its table has no room for is only a warning, because the table is that of another version.
    lenient: bool,
    table: Option<Arc<Table>>,
    /// None once it cannot be given: unknown, or too large.
    tree: Option<Tree>,
    slot: u16,
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

/// A lexer over a source, and what is known of its characters before UNB.
pub(super) fn lexer_of(source: Source, hint: &Hint, limits: &Limits) -> Result<(Lexer, Text)> {
    let (source, origin) = super::text::open(source)?;
    let longest = limits.token_bytes.min(16 << 20);
    let lexer = Lexer::new(source, Dialect::new(Service::default()), longest);
    Ok((lexer, Text::new(origin, hint.charset.as_deref())))
}

/// Takes UNA, or the defaults of what UNB looks like. Says whether there was a UNA; none when nothing can be read.
pub(super) fn start(lexer: &mut Lexer, findings: &mut Findings) -> Result<Option<bool>> {
    lexer.skip_blank()?;
    let spot = lexer.spot();
    let head = lexer.peek(9)?;
    if head.is_empty() {
        findings.push(Finding::error(Code::Empty, Place::default()));
        return Ok(None);
    }
    let una = head.starts_with(b"UNA");
    let service = match head {
        [b'U', b'N', b'A', advice @ ..] => {
            let Ok(advice) = <[u8; 6]>::try_from(advice) else {
                findings.push(Finding::error(Code::Truncated, place_of(spot)).expected("UNA, UNB"));
                return Ok(None);
            };
            lexer.skip(9);
            Service::from_una(advice)
        }
        [b'U', b'N', b'B', 0x1d, ..] => Service::LEVEL_B,
        _ => Service::default(),
    };
    if let Some(fault) = service.fault() {
        let mut place = place_of(spot);
        place.path = Some("/UNA".to_owned());
        findings.push(Finding::error(Code::Syntax, place).found(format!("{fault:?} cannot be a service character")));
        return Ok(None);
    }
    lexer.set_dialect(Dialect::new(service));
    Ok(Some(una))
}

/// The dialect behind UNB. The repetition separator is one from version 4 on, `*` without UNA; before it UNA 5 is
/// reserved.
pub(super) fn dialect_of(service: Service, una: bool, repertoire: Repertoire, version: u8) -> Dialect {
    let repetition = match (version, service.repetition) {
        (4, Some(byte)) => Some(byte),
        (4, None) if !una && service == Service::default() => Some(b'*'),
        _ => None,
    };
    Dialect::with_repertoire(Service { repetition, ..service }, |byte| repertoire.has_ascii(byte, version))
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

fn place_of(spot: Spot) -> Place {
    Place { line: Some(spot.line), column: Some(spot.column), ..Place::default() }
}

fn at_of(spot: Spot, segment: u32, element: u16, component: u16) -> At {
    At { line: spot.line, column: spot.column, offset: spot.offset, segment, element, component }
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

/// The tag of a segment, and whether something stands there that is none: all of it, or lines in front of the tag.
pub(super) fn tag_of(segment: &Segment<'_>) -> (Option<[u8; 3]>, bool) {
    let is_tag = |tag: &[u8]| {
        let tag = <[u8; 3]>::try_from(tag).ok()?;
        let [first, rest @ ..] = &tag;
        let good = first.is_ascii_uppercase() && rest.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        good.then_some(tag)
    };
    let Some(value) = segment.values.first() else { return (None, true) };
    let raw = segment.raw(value);
    if let Some(tag) = is_tag(raw).or_else(|| is_tag(&segment.bytes_of(value))) {
        return (Some(tag), false);
    }
    let last = raw.rsplit(|&byte| byte == b'\n').next().unwrap_or(raw);
    (is_tag(last), true)
}

impl Message {
    /// A segment of the message, headers included.
    fn take(&mut self, segment: &Segment<'_>, tag: [u8; 3], text: &mut Text, limits: &Limits, findings: &mut Findings) {
        self.segments = self.segments.saturating_add(1);
        let (Some(table), Some(tree)) = (&self.table, &mut self.tree) else { return };
        let at = at_of(segment.spot, self.segments, 0, 0);
        let size = segment.spot.offset - self.starts_at;
        if size > limits.whole_bytes || tree.len() > limits.nodes || segment.overflow {
            let allowed =
                if segment.overflow { "one segment".to_owned() } else { format!("{} bytes", limits.whole_bytes) };
            findings.push(
                Finding::error(Code::TooLarge, Place::from_at(at)).found(format!("{size} bytes")).expected(allowed),
            );
            self.tree = None;
            return;
        }
        let known = table.segment(tag);
        let mut definition = None;
        if let Some(index) = known {
            let slot = if self.segments == 1 { Some(0) } else { table.next(self.slot, index) };
            if let Some(slot) = slot {
                move_to(tree, table, self.slot, slot, at);
                self.slot = slot;
            }
            definition = table.segments.get(usize::from(index));
        }
        match definition {
            Some(definition) => {
                tree.open(definition.name, at);
                fill(tree, segment, &definition.elements, (self.segments, self.lenient), text, findings);
            }
            None => {
                tree.open_text(&String::from_utf8_lossy(&tag), at);
                fill_unknown(tree, segment, self.segments, text, findings);
            }
        }
        tree.close();
    }
}

/// Closes and opens groups so that the segment of `to` can be added.
fn move_to(tree: &mut Tree, table: &Table, from: u16, to: u16, at: At) {
    let (Some(here), Some(there)) = (table.slots.get(usize::from(from)), table.slots.get(usize::from(to))) else {
        return;
    };
    let parent = |group: u16| table.groups.get(usize::from(group)).map_or(0, |known| known.parent);
    let outer = match there.starts {
        Some(group) => parent(group),
        None => there.group,
    };
    let mut group = here.group;
    while group != outer && group != 0 {
        tree.close();
        group = parent(group);
    }
    if there.starts.is_none() {
        return;
    }
    // Mostly one; deeper where a group starts with a group.
    let mut chain = [0; 21];
    let mut length = 0;
    let mut group = there.group;
    while group != outer && length < chain.len() {
        chain[length] = group;
        length += 1;
        group = parent(group);
    }
    for &group in chain.iter().take(length).rev() {
        if let Some(group) = table.groups.get(usize::from(group)) {
            tree.open(group.name, at);
        }
    }
}

/// The elements of a segment by its definition.
fn fill(
    tree: &mut Tree,
    segment: &Segment<'_>,
    elements: &[super::table::Element],
    (number, lenient): (u32, bool),
    text: &mut Text,
    findings: &mut Findings,
) {
    let whole = text.whole(segment);
    let mut values = segment.values.iter().peekable();
    while let Some(value) = values.next() {
        if value.is_empty() || value.element == 0 {
            continue;
        }
        let Some(element) = elements.get(usize::from(value.element - 1)) else {
            too_many(segment, value, number, text, lenient, findings);
            continue;
        };
        let at = at_of(segment.spot_of(value), number, value.element, 0);
        if element.components.is_empty() {
            if value.component > 0 {
                too_many(segment, value, number, text, lenient, findings);
                continue;
            }
            put(tree, segment, value, whole, element.name, element.numeric, at, text, findings);
            continue;
        }
        tree.open(element.name, at);
        let mut next = Some(value);
        while let Some(part) = next {
            match element.components.get(usize::from(part.component)) {
                _ if part.is_empty() => {}
                Some(component) => {
                    let at = at_of(segment.spot_of(part), number, part.element, part.component + 1);
                    put(tree, segment, part, whole, component.name, component.numeric, at, text, findings);
                }
                None => too_many(segment, part, number, text, lenient, findings),
            }
            next = values.next_if(|other| other.element == value.element && other.repetition == value.repetition);
        }
        tree.close();
    }
}

#[expect(clippy::too_many_arguments, reason = "the hot path; what it needs lies in as many places")]
#[inline]
fn put(
    tree: &mut Tree,
    segment: &Segment<'_>,
    value: &Value,
    whole: Option<&str>,
    name: crate::model::name::Name,
    numeric: bool,
    at: At,
    text: &mut Text,
    findings: &mut Findings,
) {
    if value.is_clean()
        && let Some(written) = whole.and_then(|whole| whole.get(segment.range(value)))
    {
        // Values are short, so a plain loop is faster than a search.
        if numeric && written.bytes().any(|byte| byte == b',') {
            tree.leaf(name, &written.replacen(',', ".", 1), at);
        } else {
            tree.leaf(name, written, at);
        }
        return;
    }
    let raw = segment.bytes_of(value);
    let (written, trouble) = text.decode(&raw);
    let id = match numeric && written.contains(',') {
        true => tree.leaf(name, &written.replacen(',', ".", 1), at),
        false => tree.leaf(name, &written, at),
    };
    if value.has_odd() || value.has_break() || trouble.is_some() {
        text.complain(value, &written, trouble, || tree.place(id), findings);
    }
}

/// The elements of a segment its message does not have, by their numbers: `1`, and `2` with `1`, `2` below it.
fn fill_unknown(tree: &mut Tree, segment: &Segment<'_>, number: u32, text: &mut Text, findings: &mut Findings) {
    let mut values = segment.values.iter().peekable();
    while let Some(value) = values.next() {
        if value.is_empty() || value.element == 0 {
            continue;
        }
        let same = |other: &&Value| other.element == value.element && other.repetition == value.repetition;
        let composite = value.component > 0 || values.peek().is_some_and(same);
        let at = at_of(segment.spot_of(value), number, value.element, 0);
        tree.open_text(&value.element.to_string(), at);
        let mut next = Some(value);
        while let Some(part) = next {
            if !part.is_empty() {
                let raw = segment.bytes_of(part);
                let (written, trouble) = text.decode(&raw);
                let at = at_of(segment.spot_of(part), number, part.element, part.component + 1);
                if composite {
                    tree.leaf_text(&(part.component + 1).to_string(), &written, at);
                } else {
                    tree.push_text(&written);
                }
                if part.has_odd() || part.has_break() || trouble.is_some() {
                    text.complain(part, &written, trouble, || Place::from_at(at), findings);
                }
            }
            next = values.next_if(same);
        }
        tree.close();
    }
}

/// A value behind the last position its segment or composite has.
fn too_many(segment: &Segment<'_>, value: &Value, number: u32, text: &Text, lenient: bool, findings: &mut Findings) {
    let at = at_of(segment.spot_of(value), number, value.element, value.component + 1);
    let tag = segment.values.first().map(|tag| text.plain(segment.raw(tag))).unwrap_or_default();
    let finding = Finding::error(Code::Unexpected, Place::from_at(at));
    let finding = if lenient { Finding { severity: Severity::Warning, ..finding } } else { finding };
    findings.push(finding.found(text.plain(&segment.bytes_of(value))).expected(format!("the end of {tag}")));
}
