//! One message while its parts come: held against its table, mapped, and made a typed document.

use std::sync::Arc;

use ring::digest::{Context as Digest, SHA256};

use super::places::Places;
use super::sink::Sink;
use super::{Extent, ReadMessage, sha256};
use crate::document::Body;
use crate::document::catalogue::CatalogueLine;
use crate::error::{Context, Result};
use crate::format::MessageStart;
use crate::mapping::{self, Mapping};
use crate::model::canonical;
use crate::model::document_type::DocumentType;
use crate::model::envelope::Envelope;
use crate::model::finding::{Code, Finding, Findings, Place, Severity};
use crate::model::message::MessageType;
use crate::model::tree::Tree;
use crate::schema;
use crate::schema::check::{Checker, Options};
use crate::schema::simple::{Lengths, Reading};

/// Versions that the UBL tables are those of: 2.1 takes in 2.0.
const UBL_VERSIONS: &[&str] = &["", "2.0", "2.1"];

/// Whether a message is a document of ours, and the mapping that makes it one; our own JSON and forms need none.
pub(super) fn meaning(message_type: &MessageType) -> (Option<DocumentType>, Option<Arc<Mapping>>) {
    match mapping::library(crate::document::record).reading(message_type) {
        Some(mapping) => (Some(mapping.document_type()), Some(mapping)),
        None if message_type.standard == "dure" => (message_type.name.parse().ok(), None),
        None => (None, None),
    }
}

/// Everything known of a message while its parts come.
pub(super) struct Open {
    message: ReadMessage,
    checker: Option<Checker>,
    mapping: Option<Arc<Mapping>>,
    digest: Digest,
    lines: u32,
    /// Canonical head, to which lines and tail are added.
    head: Option<Tree>,
    /// The head as it came, where the groups need it.
    first: Option<Tree>,
    pieces: Vec<Tree>,
    /// Where the lexer puts what it finds in this message, too.
    pub(super) findings: Findings,
    extent: Extent,
}

impl Open {
    pub(super) fn new(ordinal: u32, start: MessageStart, extent: Extent, envelope: &Envelope) -> Result<Open> {
        let MessageStart { message_type, reference } = start;
        let grammar = schema::library().compile(&message_type)?;
        let (document_type, mapping) = if extent == Extent::Full { meaning(&message_type) } else { (None, None) };
        let mut message = ReadMessage::new(ordinal, &message_type, reference);
        message.document_type = document_type;
        message.mapping = message.message_type.clone();
        let mut findings = Findings::default();
        let known = if extent == Extent::Full { document_type.is_some() } else { grammar.is_some() };
        if !known {
            findings.push(Finding::error(Code::UnknownMessage, Place::default()).found(message_type.to_string()));
        }
        let double = envelope.syntax.as_ref().is_some_and(|syntax| syntax.repertoire.eq_ignore_ascii_case("KECA"));
        let lengths = if double { Lengths::DoubleBytes } else { Lengths::Characters };
        let options = Options { codes: extent == Extent::Full, reading: Reading { lengths, ..Reading::default() } };
        Ok(Open {
            message,
            checker: grammar.map(|grammar| Checker::with(grammar, options)),
            mapping,
            digest: Digest::new(&SHA256),
            lines: 0,
            head: None,
            first: None,
            pieces: Vec::new(),
            findings,
            extent,
        })
    }

    /// Holds what came against the table of its message. What another version's table says of it is only a note: the
    /// sender may well be right.
    fn check(&mut self, run: impl FnOnce(&mut Checker, &mut Findings)) {
        let Some(checker) = &mut self.checker else { return };
        let fallback = |finding: &Finding| finding.code == Code::FallbackVersion;
        let absent: Vec<String> = self
            .findings
            .as_slice()
            .iter()
            .filter(|finding| finding.code == Code::NoColumn)
            .map(|finding| finding.expected.clone())
            .collect();
        if !absent.is_empty() {
            // Said of the header already, and not again of every row.
            let mut own = Findings::default();
            run(checker, &mut own);
            let said = |finding: &Finding| {
                finding.code == Code::Missing
                    && absent.iter().any(|known| known.ends_with(&format!("({})", finding.expected)))
            };
            self.findings.extend(own.into_vec().into_iter().filter(|finding| !said(finding)));
            return;
        }
        if self.extent == Extent::Schema || !self.findings.as_slice().iter().any(fallback) {
            return run(checker, &mut self.findings);
        }
        let mut own = Findings::default();
        run(checker, &mut own);
        let notes = own.into_vec().into_iter().map(|finding| Finding { severity: Severity::Note, ..finding });
        self.findings.extend(notes);
    }

    /// Says so when a UBL document names a version that there is no table for.
    fn note_version(&mut self, tree: &Tree) {
        let ubl = self.mapping.is_some() && self.message.message_type.starts_with("ubl/");
        let Some(root) = tree.root().filter(|_| ubl) else { return };
        let version = tree.children(root).find(|&child| tree.name_text(child) == "cbc:UBLVersionID");
        let Some(version) = version.filter(|&id| !UBL_VERSIONS.contains(&tree.value(id).trim())) else { return };
        let finding = Finding::warning(Code::FallbackVersion, tree.place(version));
        self.findings.push(finding.found(tree.value(version).trim()).expected("2.1"));
    }

    /// The whole message as one tree.
    pub(super) fn whole(&mut self, tree: Tree) {
        self.note_version(&tree);
        self.check(|checker, findings| checker.whole(&tree, findings));
        let Some(document_type) = self.message.document_type else { return };
        let (canonical, origin) = match &self.mapping {
            Some(mapping) => {
                let read = mapping.read(&tree);
                self.findings.extend(read.findings);
                self.message.envelope = mapping.envelope(&read.tree);
                (read.tree, read.origin)
            }
            // Our own JSON and forms are canonical already.
            None => (tree.clone(), tree.ids().collect()),
        };
        let places = Places { canonical, origin, source: tree };
        match Body::from_tree(document_type, &places.canonical) {
            Ok(body) => {
                self.message.content = body.to_json();
                self.message.digest = sha256(self.message.content.as_bytes());
                self.message.body = Some(body);
            }
            // What the table says of it already is not said twice.
            Err(_) if self.mapping.is_none() && self.findings.has_errors() => {}
            Err((mut finding, at)) => {
                if let Some(place) = places.of(at) {
                    finding.place = place;
                }
                // The schema may have said so already, at the same place.
                let told = |known: &Finding| known.severity == Severity::Error && known.place == finding.place;
                if !self.findings.as_slice().iter().any(told) {
                    self.findings.push(finding);
                }
            }
        }
        self.locate(document_type, &places);
        self.message.places = Some(places);
    }

    /// Remembers where the document says its number and its sender.
    fn locate(&mut self, document_type: DocumentType, places: &Places) {
        self.message.number_place = places.find("id").unwrap_or_default();
        self.message.sender_place = sender_path(document_type).and_then(|path| places.find(path)).unwrap_or_default();
    }

    /// What stands before the groups of a large message.
    pub(super) fn head(&mut self, tree: Tree, sink: &mut dyn Sink) -> Result<()> {
        let needed = self.mapping.as_ref().is_some_and(|mapping| mapping.needs_head());
        if needed {
            // The row that says it comes again as a group.
            self.check(|checker, findings| checker.head(&bare(&tree), findings));
        } else {
            self.note_version(&tree);
            self.check(|checker, findings| checker.head(&tree, findings));
        }
        if let Some(document_type) = self.message.document_type {
            let canonical = match &self.mapping {
                Some(mapping) => {
                    let read = mapping.read_head(&tree);
                    self.findings.extend(read.findings);
                    self.message.envelope = mapping.envelope(&read.tree);
                    let places = Places { canonical: read.tree, origin: read.origin, source: tree };
                    self.locate(document_type, &places);
                    self.first = needed.then_some(places.source);
                    places.canonical
                }
                None => tree,
            };
            hash_tree(&mut self.digest, &canonical);
            self.head = Some(canonical);
        }
        sink.head(&mut self.message)
    }

    /// What stands behind the groups.
    pub(super) fn tail(&mut self, tree: Tree) {
        self.check(|checker, findings| checker.tail(&tree, findings));
        if self.message.document_type.is_none() {
            return;
        }
        let canonical = match &self.mapping {
            Some(mapping) => {
                let read = mapping.read_tail(&tree);
                self.findings.extend(read.findings);
                read.tree
            }
            None => tree,
        };
        hash_tree(&mut self.digest, &canonical);
        self.pieces.push(canonical);
    }

    /// One group: a line of the document.
    pub(super) fn group(&mut self, tree: &Tree, sink: &mut dyn Sink) -> Result<()> {
        self.check(|checker, findings| checker.group(tree, findings));
        self.lines = self.lines.saturating_add(1);
        let Some(document_type) = self.message.document_type else { return Ok(()) };
        let canonical = match &self.mapping {
            Some(mapping) => {
                let read = mapping.read_group(tree, self.first.as_ref());
                self.findings.extend(read.findings);
                read.tree
            }
            None => tree.clone(),
        };
        hash_tree(&mut self.digest, &canonical);
        if document_type == DocumentType::Catalogue && self.catalogue_line(&canonical, tree, sink)? {
            return Ok(());
        }
        self.pieces.push(canonical);
        Ok(())
    }

    /// Hands a line of a catalogue on; whether it was taken.
    fn catalogue_line(&mut self, canonical: &Tree, group: &Tree, sink: &mut dyn Sink) -> Result<bool> {
        let (Some(root), Some(top)) = (canonical.root(), group.root()) else { return Ok(false) };
        let place = group.place(top);
        let line: CatalogueLine = match canonical::from_tree(canonical, root) {
            Ok(line) => line,
            Err((mut finding, _)) => {
                finding.place = place;
                self.findings.push(finding);
                return Ok(false);
            }
        };
        let mut own = Findings::default();
        let taken = sink.line(&line, self.lines, &mut own)?;
        for mut finding in own.into_vec() {
            // The group is at hand: its own place says more than a canonical path.
            let path = place.path.clone().or(finding.place.path);
            finding.place = Place { path, ..place.clone() };
            self.findings.push(finding);
        }
        Ok(taken)
    }

    /// The end: a document in pieces is put together, its digest is that of all its pieces.
    pub(super) fn close(mut self, sink: &mut dyn Sink) -> Result<ReadMessage> {
        if let (Some(document_type), Some(head)) = (self.message.document_type, self.head.take()) {
            let staged = self.message.document_id.is_some();
            match Body::from_tree(document_type, &put_together(&head, &self.pieces)) {
                Ok(body) => {
                    if !staged {
                        self.message.content = body.to_json();
                    }
                    self.message.body = Some(body);
                }
                Err((finding, _)) => self.findings.push(finding),
            }
            self.message.digest = if self.message.content.is_empty() {
                <[u8; 32]>::try_from(self.digest.finish().as_ref()).unwrap_or_default()
            } else {
                sha256(self.message.content.as_bytes())
            };
        }
        sink.end(&mut self.message).context(|| "writing the lines of a large catalogue")?;
        self.findings.extend(std::mem::take(&mut self.message.findings));
        if self.message.document_type.is_some() && self.message.body.is_none() && !self.findings.has_errors() {
            self.findings.push(Finding::error(Code::Empty, Place::default()));
        }
        self.message.findings = self.findings.into_vec();
        Ok(self.message)
    }
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

/// A tree that is only the root of another.
fn bare(tree: &Tree) -> Tree {
    let mut bare = Tree::new(tree.shape);
    bare.sheet.clone_from(&tree.sheet);
    if let Some(root) = tree.root() {
        bare.open(tree.name(root), tree.node(root).at);
        bare.close();
    }
    bare
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
