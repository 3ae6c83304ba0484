//! From bytes to typed documents: decode, validate, map. Looks at nothing but the bytes and what is agreed with their
//! sender; what is wrong comes back as findings at the sender's own places.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use ring::digest::{Context as Digest, SHA256, digest};

use super::courier;
use super::hub::Hub;
use super::receive::PayloadReader;
use crate::document::catalogue::{self, CatalogueLine, Target};
use crate::document::directory::{Direction, Directory, message_of};
use crate::document::transportation_status::TransportationStatus;
use crate::document::{self, Body};
use crate::error::{Context, Error, Result};
use crate::format::{self, Hint, Limits, Part};
use crate::mapping::{self, Mapping};
use crate::model::canonical;
use crate::model::disposition::Transport;
use crate::model::document_type::DocumentType;
use crate::model::envelope::Envelope;
use crate::model::finding::{Code, Finding, Findings, Place, Severity};
use crate::model::message::MessageType;
use crate::model::tree::{NodeId, Tree};
use crate::schema;
use crate::schema::check::{Checker, Options};
use crate::store::interchanges::{self, Interchange};
use crate::store::items::ItemRow;

/// Most messages of one interchange.
const MOST_MESSAGES: usize = 10_000;
/// Lines of a large catalogue written in one transaction.
const LINES_AT_ONCE: usize = 500;

/// An interchange that was read.
#[derive(Debug, Default)]
pub struct ReadInterchange {
    /// The format's name, `ubl-2.1`; of several messages that of the first.
    pub format: String,
    /// What the outermost headers say.
    pub envelope: Envelope,
    /// Its messages in order.
    pub messages: Vec<ReadMessage>,
    /// Findings that belong to no message.
    pub findings: Vec<Finding>,
}

/// One message that was read.
#[derive(Debug)]
pub struct ReadMessage {
    /// Which one of its interchange, from 1.
    pub ordinal: u32,
    /// What it says it is.
    pub message_type: String,
    /// UNH 0062.
    pub reference: String,
    /// What it is to us.
    pub document_type: Option<DocumentType>,
    /// The mapping that read it.
    pub mapping: String,
    /// The typed document; none when it could not be read that far.
    pub body: Option<Body>,
    /// Its canonical JSON; empty for a document applied line by line.
    pub content: String,
    /// SHA-256 of the canonical content.
    pub digest: [u8; 32],
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// What its own content says of sender and receiver.
    pub envelope: Envelope,
    /// Where the sender is named.
    pub sender_place: Place,
    /// Where its number stands.
    pub number_place: Place,
    /// The id its rows were written under already.
    pub document_id: Option<i64>,
    /// Where canonical places stood in what was received.
    places: Option<Places>,
}

/// Canonical nodes and where they came from.
#[derive(Debug)]
struct Places {
    canonical: Tree,
    origin: Vec<NodeId>,
    source: Tree,
}

impl Places {
    /// The sender's own place of a canonical path such as `lines[2].item.name`; where the field is absent, that of the
    /// deepest part that is there.
    fn find(&self, path: &str) -> Option<Place> {
        let mut at = self.canonical.root()?;
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
                None => break,
            }
        }
        self.of(at)
    }

    fn of(&self, mut at: NodeId) -> Option<Place> {
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

impl ReadMessage {
    fn new(ordinal: u32, message_type: &MessageType, reference: String) -> ReadMessage {
        ReadMessage {
            ordinal,
            message_type: message_type.to_string(),
            reference,
            document_type: None,
            mapping: String::new(),
            body: None,
            content: String::new(),
            digest: [0; 32],
            findings: Vec::new(),
            envelope: Envelope::default(),
            sender_place: Place::default(),
            number_place: Place::default(),
            document_id: None,
            places: None,
        }
    }

    /// A finding at a canonical path, told at the sender's own place. The path stays where there is none.
    pub fn located(&self, mut finding: Finding) -> Finding {
        let path = finding.place.path.clone().unwrap_or_default();
        if let Some(place) = self.places.as_ref().and_then(|places| places.find(&path)) {
            finding.place = place;
        }
        finding
    }

    /// The canonical path and place of every value that was read, for `dure explain`: path, value, place.
    pub fn lineage(&self) -> Vec<(String, String, Place)> {
        let Some(places) = &self.places else { return Vec::new() };
        let tree = &places.canonical;
        let leaves = tree.ids().filter(|&id| !tree.has_children(id) && !tree.value(id).is_empty());
        leaves.map(|id| (tree.path(id), tree.value(id).to_owned(), places.of(id).unwrap_or_default())).collect()
    }
}

/// What reading needs besides the bytes.
pub struct Source {
    /// The hub.
    pub hub: Arc<Hub>,
    /// Who is who.
    pub directory: Arc<Directory>,
    /// The interchange.
    pub interchange: Interchange,
    /// Today in the hub's zone.
    pub today: String,
}

impl Source {
    fn hint(&self) -> Hint {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut hint = Hint {
            content_type: some(&self.interchange.content_type),
            charset: some(&self.interchange.charset),
            file_name: some(&self.interchange.file_name),
            message_type: None,
        };
        // A format that does not say what it carries is read as what is agreed with its sender, if that is one thing.
        let csv: Vec<_> = DocumentType::ALL
            .iter()
            .filter_map(|&kind| {
                self.directory.agreement(self.interchange.organisation_id, Direction::In, kind, &self.today)
            })
            .filter(|agreed| agreed.terms.format == "csv")
            .collect();
        if let [only] = csv.as_slice() {
            hint.message_type = message_of("csv", only.document_type);
            if hint.charset.is_none() {
                hint.charset = some(&only.terms.charset);
            }
        }
        hint
    }

    /// The profile of the courier that called back, if its words are not ours.
    fn courier(&self) -> Option<&courier::Profile> {
        if self.interchange.transport != Transport::Courier.as_str() {
            return None;
        }
        let sender = self.directory.organisation(self.interchange.organisation_id)?;
        self.hub.couriers.get(&sender.short)
    }

    fn limits(&self) -> Limits {
        Limits { whole_bytes: self.hub.config.limits.whole_document_bytes, ..Limits::default() }
    }
}

/// Reads an interchange of one chunk.
pub fn whole(source: &Source, bytes: Bytes) -> Result<ReadInterchange> {
    if let Some(profile) = source.courier() {
        return Ok(reported(profile, &bytes));
    }
    let mut sink = Keep;
    read(format::Source::Bytes(bytes), &source.hint(), source.limits(), Extent::Full, &mut sink)
}

/// Reads a large interchange from the store; blocks. Catalogue lines are written to the store as they come.
pub fn large(source: &Source) -> Result<ReadInterchange> {
    let mut payload =
        PayloadReader::new(source.hub.store.clone(), source.interchange.id, source.interchange.size_bytes);
    if let Some(profile) = source.courier() {
        // Callbacks are bounded by the transport.
        let mut bytes = Vec::new();
        payload.read_to_end(&mut bytes).context(|| "reading a courier's report")?;
        return Ok(reported(profile, &bytes));
    }
    let mut sink = Stage { source, waiting: Vec::new(), target: None, staged: 0 };
    read(format::Source::Stream(Box::new(payload)), &source.hint(), source.limits(), Extent::Full, &mut sink)
}

/// A courier's report as messages, one for each waybill: one that is not known yet waits alone. A report without a number
/// is named by its content, so that the same events again are a repeat.
fn reported(profile: &courier::Profile, bytes: &[u8]) -> ReadInterchange {
    let message_type = MessageType::new("courier", "1", &profile.name);
    let begin = |ordinal| {
        let mut message = ReadMessage::new(ordinal, &message_type, String::new());
        message.document_type = Some(DocumentType::TransportationStatus);
        message.mapping = format!("couriers/{}", profile.name);
        message
    };
    let messages = match courier::read(profile, bytes) {
        Ok(report) => (1..)
            .zip(courier::by_waybill(report))
            .map(|(ordinal, mut report)| {
                let content = |report: &TransportationStatus| serde_json::to_string(report).unwrap_or_default();
                if report.id.is_empty() {
                    report.id = super::hex(sha256(content(&report).as_bytes()).get(..8).unwrap_or(&[]));
                }
                let mut message = begin(ordinal);
                message.content = content(&report);
                message.digest = sha256(message.content.as_bytes());
                message.body = Some(Body::TransportationStatus(Box::new(report)));
                message
            })
            .collect(),
        Err(findings) => vec![ReadMessage { findings, ..begin(1) }],
    };
    ReadInterchange { format: message_type.format_name(), messages, ..ReadInterchange::default() }
}

/// What is done with a line of a large catalogue.
pub type TakeLine<'t> = dyn FnMut(&CatalogueLine, u32, &mut Findings) -> Result<()> + 't;

/// Reads a large catalogue line by line without a hub; its document is what is left without the lines. Blocks.
pub fn line_by_line(source: format::Source, hint: &Hint, take: &mut TakeLine<'_>) -> Result<ReadInterchange> {
    read(source, hint, Limits::default(), Extent::Full, &mut Each { take })
}

/// Reads bytes without a hub: for `check`, `convert` and `explain`.
pub fn stateless(bytes: Bytes, hint: &Hint) -> Result<ReadInterchange> {
    read(format::Source::Bytes(bytes), hint, Limits::default(), Extent::Full, &mut Keep)
}

/// Reads bytes and says only what the schema of their message says.
pub fn schema_only(bytes: Bytes, hint: &Hint) -> Result<ReadInterchange> {
    read(format::Source::Bytes(bytes), hint, Limits::default(), Extent::Schema, &mut Keep)
}

/// How far a message is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Extent {
    /// Parsed and held against its schema, without code lists that the schema itself does not enumerate.
    Schema,
    /// Mapped to a typed document as well.
    Full,
}

/// What becomes of the groups of a message that is read in pieces.
trait Sink {
    /// A message's head was read.
    fn head(&mut self, message: &mut ReadMessage) -> Result<()>;
    /// A group was read as a canonical line. True if it was taken; else it is put into the document.
    fn line(
        &mut self,
        message: &mut ReadMessage,
        line: &CatalogueLine,
        number: u32,
        findings: &mut Findings,
    ) -> Result<bool>;
    /// The message ended.
    fn end(&mut self, message: &mut ReadMessage) -> Result<()>;
}

/// Keeps every line in the document: small interchanges and stateless calls.
struct Keep;

impl Sink for Keep {
    fn head(&mut self, _: &mut ReadMessage) -> Result<()> {
        Ok(())
    }

    fn line(&mut self, _: &mut ReadMessage, _: &CatalogueLine, _: u32, _: &mut Findings) -> Result<bool> {
        Ok(false)
    }

    fn end(&mut self, _: &mut ReadMessage) -> Result<()> {
        Ok(())
    }
}

/// Gives each line of a catalogue away.
struct Each<'e, 't> {
    take: &'e mut TakeLine<'t>,
}

impl Sink for Each<'_, '_> {
    fn head(&mut self, _: &mut ReadMessage) -> Result<()> {
        Ok(())
    }

    fn line(
        &mut self,
        _: &mut ReadMessage,
        line: &CatalogueLine,
        number: u32,
        findings: &mut Findings,
    ) -> Result<bool> {
        (self.take)(line, number, findings).map(|()| true)
    }

    fn end(&mut self, _: &mut ReadMessage) -> Result<()> {
        Ok(())
    }
}

/// A row, the item's identifiers, which line it was.
type Staged = (ItemRow, Vec<(&'static str, String)>, u32);

/// Writes catalogue lines to the store, out of view, in steps.
struct Stage<'s> {
    source: &'s Source,
    waiting: Vec<Staged>,
    target: Option<Target>,
    staged: u64,
}

impl Stage<'_> {
    fn flush(&mut self, findings: &mut Findings) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.waiting);
        let (id, epoch) = (self.source.interchange.id, self.source.interchange.epoch);
        let until_ms = self.source.hub.clock.now_ms() + super::worker::LEASE_MS;
        let doubled = self.source.hub.store.write_blocking(move |tx| {
            if !interchanges::renew(tx, id, epoch, until_ms)? {
                return Err(Error::store("the lease of a large interchange was lost"));
            }
            let mut doubled = Vec::new();
            for (row, identifiers, number) in &rows {
                if !catalogue::stage(tx, row, identifiers)? {
                    doubled.push((*number, row.item_key.clone()));
                }
            }
            Ok(doubled)
        })?;
        for (number, key) in doubled {
            let place = Place::path(format!("lines[{number}].item"));
            findings.push(Finding::error(Code::DuplicateLine, place).found(key));
        }
        Ok(())
    }
}

impl Sink for Stage<'_> {
    fn head(&mut self, message: &mut ReadMessage) -> Result<()> {
        if message.document_type == Some(DocumentType::Catalogue) {
            let document_id = self.source.hub.next_id();
            message.document_id = Some(document_id);
            self.target = Some(Target {
                centre_id: self.source.interchange.centre_id,
                producer_id: self.source.interchange.organisation_id,
                document_id,
            });
        }
        Ok(())
    }

    fn line(
        &mut self,
        _: &mut ReadMessage,
        line: &CatalogueLine,
        number: u32,
        findings: &mut Findings,
    ) -> Result<bool> {
        let Some(target) = self.target else { return Ok(false) };
        let id = self.source.hub.next_id();
        if let Some(row) = line.row(number, target, id, findings)? {
            self.waiting.push((row, line.identifiers(), number));
            self.staged += 1;
        }
        if self.waiting.len() >= LINES_AT_ONCE {
            self.flush(findings)?;
        }
        Ok(true)
    }

    fn end(&mut self, message: &mut ReadMessage) -> Result<()> {
        let mut findings = Findings::default();
        self.flush(&mut findings)?;
        message.findings.extend(findings.into_vec());
        self.target = None;
        Ok(())
    }
}

/// Everything known of a message while its parts come.
struct Open {
    message: ReadMessage,
    checker: Option<Checker>,
    mapping: Option<Arc<Mapping>>,
    digest: Digest,
    lines: u32,
    /// Canonical head, to which lines and tail are added.
    head: Option<Tree>,
    pieces: Vec<Tree>,
    findings: Findings,
}

fn read(
    source: format::Source,
    hint: &Hint,
    limits: Limits,
    extent: Extent,
    sink: &mut dyn Sink,
) -> Result<ReadInterchange> {
    let mut read = ReadInterchange::default();
    let mut outer = Findings::default();
    let mut reader = format::recognise::open(source, hint, limits)?;
    let mut open: Option<Open> = None;
    loop {
        let findings = open.as_mut().map_or(&mut outer, |open| &mut open.findings);
        let Some(part) = reader.next(findings)? else { break };
        match part {
            Part::Envelope(envelope) => read.envelope = envelope,
            Part::Start(start) => {
                close(open.take(), &mut read, sink)?;
                if read.messages.len() >= MOST_MESSAGES {
                    outer.push(
                        Finding::error(Code::TooMany, Place::default())
                            .found("messages")
                            .expected(MOST_MESSAGES.to_string()),
                    );
                    break;
                }
                if read.format.is_empty() {
                    read.format = start.message_type.format_name();
                }
                let ordinal = u32::try_from(read.messages.len()).unwrap_or(u32::MAX).saturating_add(1);
                open = Some(begin(ordinal, &start.message_type, start.reference, extent)?);
            }
            Part::Whole(tree) => {
                if let Some(open) = &mut open {
                    take_whole(open, tree)?;
                }
            }
            Part::Head(tree) => {
                if let Some(open) = &mut open {
                    take_piece(open, &tree, Piece::Head)?;
                    sink.head(&mut open.message)?;
                }
            }
            Part::Group(tree) => {
                if let Some(open) = &mut open {
                    take_group(open, &tree, sink)?;
                }
            }
            Part::Tail(tree) => {
                if let Some(open) = &mut open {
                    take_piece(open, &tree, Piece::Tail)?;
                }
            }
            Part::End => close(open.take(), &mut read, sink)?,
        }
    }
    close(open.take(), &mut read, sink)?;
    if outer.has_errors() {
        // A count that is wrong, an end that is missing: nobody knows what else was in it, so nothing of it takes effect.
        for message in &mut read.messages {
            message.findings.push(Finding::error(Code::InterchangeRejected, Place::default()));
        }
    }
    read.findings.extend(outer.into_vec());
    Ok(read)
}

fn begin(ordinal: u32, message_type: &MessageType, reference: String, extent: Extent) -> Result<Open> {
    let grammar = schema::library().compile(message_type)?;
    let mapping =
        if extent == Extent::Full { mapping::library(crate::document::record).mapping(message_type) } else { None };
    let mut message = ReadMessage::new(ordinal, message_type, reference);
    message.document_type = match &mapping {
        Some(mapping) => Some(mapping.document_type()),
        None if extent == Extent::Full && message_type.standard == "dure" => message_type.name.parse().ok(),
        None => None,
    };
    message.mapping = message.message_type.clone();
    let mut findings = Findings::default();
    let known = if extent == Extent::Full { message.document_type.is_some() } else { grammar.is_some() };
    if !known {
        findings.push(Finding::error(Code::UnknownMessage, Place::default()).found(message_type.to_string()));
    }
    Ok(Open {
        message,
        checker: grammar
            .map(|grammar| Checker::with(grammar, Options { codes: extent == Extent::Full, ..Options::default() })),
        mapping,
        digest: Digest::new(&SHA256),
        lines: 0,
        head: None,
        pieces: Vec::new(),
        findings,
    })
}

fn take_whole(open: &mut Open, tree: Tree) -> Result<()> {
    if let Some(checker) = &mut open.checker {
        checker.whole(&tree, &mut open.findings);
    }
    let Some(document_type) = open.message.document_type else { return Ok(()) };
    let (canonical, origin, source) = match &open.mapping {
        Some(mapping) => {
            let read = mapping.read(&tree);
            open.findings.extend(read.findings);
            (read.tree, read.origin, tree)
        }
        // Our own JSON and forms are canonical already.
        None => {
            let origin = tree.ids().collect();
            (tree.clone(), origin, tree)
        }
    };
    if let Some(mapping) = &open.mapping {
        open.message.envelope = mapping.envelope(&canonical);
    }
    let places = Places { canonical, origin, source };
    match Body::from_tree(document_type, &places.canonical) {
        Ok(body) => {
            open.message.content = body.to_json();
            open.message.digest = sha256(open.message.content.as_bytes());
            open.message.body = Some(body);
        }
        Err((mut finding, at)) => {
            if let Some(place) = places.of(at) {
                finding.place = place;
            }
            // The schema may have said so already, at the same place.
            let told = |known: &Finding| known.severity == Severity::Error && known.place == finding.place;
            if !open.findings.as_slice().iter().any(told) {
                open.findings.push(finding);
            }
        }
    }
    open.message.number_place = places.find("id").unwrap_or_default();
    open.message.sender_place = sender_path(document_type).and_then(|path| places.find(path)).unwrap_or_default();
    open.message.places = Some(places);
    Ok(())
}

/// Where a document names who sends it.
fn sender_path(document_type: DocumentType) -> Option<&'static str> {
    match document_type {
        DocumentType::Order => Some("buyer"),
        DocumentType::OrderResponse => Some("seller"),
        DocumentType::DespatchAdvice => Some("despatch_party"),
        DocumentType::Catalogue => Some("provider"),
        DocumentType::Statement => Some("supplier"),
        DocumentType::ApplicationResponse => Some("sender"),
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Head,
    Tail,
}

fn take_piece(open: &mut Open, tree: &Tree, piece: Piece) -> Result<()> {
    if let Some(checker) = &mut open.checker {
        match piece {
            Piece::Head => checker.head(tree, &mut open.findings),
            Piece::Tail => checker.tail(tree, &mut open.findings),
        }
    }
    let Some(document_type) = open.message.document_type else { return Ok(()) };
    let canonical = match (&open.mapping, piece) {
        (Some(mapping), Piece::Head) => {
            let read = mapping.read_head(tree);
            open.findings.extend(read.findings);
            open.message.envelope = mapping.envelope(&read.tree);
            read.tree
        }
        (Some(mapping), Piece::Tail) => {
            let read = mapping.read_tail(tree);
            open.findings.extend(read.findings);
            read.tree
        }
        (None, _) => tree.clone(),
    };
    hash_tree(&mut open.digest, &canonical);
    if piece == Piece::Head {
        open.head = Some(canonical);
    } else {
        open.pieces.push(canonical);
    }
    debug_assert!(document::record(document_type).field("id").is_some());
    Ok(())
}

fn take_group(open: &mut Open, tree: &Tree, sink: &mut dyn Sink) -> Result<()> {
    if let Some(checker) = &mut open.checker {
        checker.group(tree, &mut open.findings);
    }
    open.lines = open.lines.saturating_add(1);
    if open.message.document_type.is_none() {
        return Ok(());
    }
    let canonical = match &open.mapping {
        Some(mapping) => {
            let read = mapping.read_group(tree);
            open.findings.extend(read.findings);
            read.tree
        }
        None => tree.clone(),
    };
    hash_tree(&mut open.digest, &canonical);
    if open.message.document_type == Some(DocumentType::Catalogue)
        && let Some(root) = canonical.root()
    {
        let before = open.findings.as_slice().len();
        let line: Result<CatalogueLine, _> = canonical::from_tree(&canonical, root);
        match line {
            Ok(line) => {
                let number = open.lines;
                let mut own = Findings::default();
                let taken = sink.line(&mut open.message, &line, number, &mut own)?;
                for mut finding in own.into_vec() {
                    // The group is at hand: its own place says more than a canonical path.
                    if let Some(group) = tree.root() {
                        let path = finding.place.path.take();
                        finding.place = tree.place(group);
                        finding.place.path = finding.place.path.or(path);
                    }
                    open.findings.push(finding);
                }
                if taken {
                    return Ok(());
                }
            }
            Err((mut finding, _)) => {
                if let Some(group) = tree.root() {
                    finding.place = tree.place(group);
                }
                open.findings.push(finding);
            }
        }
        debug_assert!(open.findings.as_slice().len() >= before);
    }
    open.pieces.push(canonical);
    Ok(())
}

/// Ends a message: a document in pieces is put together, its content digest is that of all its pieces.
fn close(open: Option<Open>, read: &mut ReadInterchange, sink: &mut dyn Sink) -> Result<()> {
    let Some(mut open) = open else { return Ok(()) };
    if let (Some(document_type), Some(head)) = (open.message.document_type, open.head.take()) {
        let staged = open.message.document_id.is_some();
        let tree = put_together(&head, &open.pieces);
        match Body::from_tree(document_type, &tree) {
            Ok(body) => {
                if !staged {
                    open.message.content = body.to_json();
                }
                open.message.body = Some(body);
            }
            Err((finding, _)) => open.findings.push(finding),
        }
        let digest = open.digest.clone().finish();
        open.message.digest = if staged || open.message.content.is_empty() {
            <[u8; 32]>::try_from(digest.as_ref()).unwrap_or_default()
        } else {
            sha256(open.message.content.as_bytes())
        };
    }
    sink.end(&mut open.message).context(|| "writing the lines of a large catalogue")?;
    let own = std::mem::take(&mut open.message.findings);
    open.findings.extend(own);
    open.message.findings = std::mem::take(&mut open.findings).into_vec();
    let expected = open.message.document_type.is_some();
    if expected
        && open.message.body.is_none()
        && !open.message.findings.iter().any(|finding| finding.severity == Severity::Error)
    {
        open.message.findings.push(Finding::error(Code::Empty, Place::default()));
    }
    read.messages.push(open.message);
    Ok(())
}

/// Head, lines and tail as one canonical tree.
fn put_together(head: &Tree, pieces: &[Tree]) -> Tree {
    let mut tree = Tree::new(head.shape);
    let Some(root) = head.root() else { return tree };
    tree.open(head.name(root), head.node(root).at);
    for child in head.children(root) {
        tree.graft(head, child);
    }
    for piece in pieces {
        let Some(top) = piece.root() else { continue };
        if piece.ordinal > 0 || piece.name(top) != head.name(root) {
            tree.graft(piece, top);
        } else {
            for child in piece.children(top) {
                tree.graft(piece, child);
            }
        }
    }
    tree.close();
    tree
}

fn hash_tree(digest: &mut Digest, tree: &Tree) {
    for id in tree.ids() {
        digest.update(tree.name_text(id).as_bytes());
        digest.update(&[0]);
        digest.update(tree.value(id).as_bytes());
        digest.update(&[if tree.has_children(id) { 1 } else { 2 }]);
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    <[u8; 32]>::try_from(digest(&SHA256, bytes).as_ref()).unwrap_or_default()
}
