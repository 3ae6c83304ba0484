//! From parser events to the parts of an interchange: namespaces, trees, the message found in it, the cut into head,
//! groups and tail, and every rule of well-formedness that the parser leaves to us.

mod parts;

use std::collections::VecDeque;
use std::sync::Arc;

use quick_xml::events::BytesStart;

use self::parts::{Phase, Stage};
use super::attributes::{self, RawAttribute, Wrong};
use super::names::Names;
use super::position::{Places, START, advance};
use crate::format::{Limits, Part};
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::model::name::Name;
use crate::model::tree::{At, Shape, Tree};
use crate::schema::grammar::Grammar;

/// What ends the reading: the finding that says why.
pub(super) type Halt = Box<Finding>;

/// An element that is open.
struct Open {
    has_children: bool,
    /// Declarations in scope around it.
    scope: usize,
}

/// What is known of a text so that pieces of it need not be looked at again. All true is always right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traits {
    /// It has carriage returns.
    pub(super) returns: bool,
    /// It has `]]>`.
    pub(super) section_ends: bool,
}

/// Builds the parts.
pub(super) struct Builder {
    limits: Limits,
    pub(super) traits: Traits,
    /// Whether messages whose table says where are cut.
    cutting: bool,
    names: Names,
    pub(super) tree: Tree,
    /// Offset at which the present tree started.
    tree_offset: u64,
    open: Vec<Open>,
    /// How many elements are open around the message.
    outside: usize,
    stage: Stage,
    wrapped: bool,
    cut: Option<Name>,
    root: Option<(Name, Box<str>)>,
    groups: u32,
    prefix: String,
    raw: Vec<RawAttribute>,
    buffer: String,
    /// Bytes of text that had to be moved because elements stood between its pieces.
    moved_bytes: u64,
    /// White space at the beginning of an element, which is content unless an element follows.
    pending: String,
    seen: Vec<(Name, Box<str>)>,
    pub(super) parts: VecDeque<Part>,
    /// The grammar of the message, once it is known.
    pub(super) grammar: Option<Arc<Grammar>>,
}

impl Builder {
    pub(super) fn new(limits: Limits, cutting: bool) -> Builder {
        Builder {
            limits,
            traits: Traits { returns: true, section_ends: true },
            cutting,
            names: Names::new(),
            tree: Tree::new(Shape::Xml),
            tree_offset: 0,
            open: Vec::new(),
            outside: 0,
            stage: Stage::Before,
            wrapped: false,
            cut: None,
            root: None,
            groups: 0,
            prefix: String::new(),
            raw: Vec::new(),
            buffer: String::new(),
            moved_bytes: 0,
            pending: String::new(),
            seen: Vec::new(),
            parts: VecDeque::new(),
            grammar: None,
        }
    }

    /// Starts over for another document, keeping the memory.
    pub(super) fn begin(&mut self) {
        self.names.begin();
        self.tree.clear();
        self.tree_offset = 0;
        self.open.clear();
        self.outside = 0;
        self.stage = Stage::Before;
        self.wrapped = false;
        self.cut = None;
        self.root = None;
        self.groups = 0;
        self.prefix.clear();
        self.moved_bytes = 0;
        self.pending.clear();
        self.parts.clear();
        self.grammar = None;
    }

    fn halt(&self, code: Code, at: At) -> Finding {
        Finding::error(code, self.place(at))
    }

    /// A place inside the element that is open.
    pub(super) fn place(&self, at: At) -> Place {
        let path = self.tree.innermost().map(|open| self.tree.path(open));
        Place { path, ..Place::from_at(at) }
    }

    fn syntax(&self, at: At, message: impl AsRef<str>) -> Halt {
        Box::new(self.halt(Code::Syntax, at).found(message))
    }

    /// What is wrong inside a piece of text that starts at `at`.
    fn inside(&self, at: At, text: &str, wrong: &Wrong) -> Halt {
        let at = advance(at, text.get(..wrong.offset).unwrap_or(""));
        if wrong.entity {
            return Box::new(self.halt(Code::EntityRefused, at).found(format!("&{};", wrong.message)));
        }
        self.syntax(at, &wrong.message)
    }

    fn too_large(&self, at: At, bytes: u64) -> Halt {
        self.larger_than(at, bytes, self.limits.whole_bytes)
    }

    /// One tag, text or comment is longer than allowed.
    pub(super) fn token_too_large(&self, at: At, bytes: u64) -> Halt {
        self.larger_than(at, bytes, self.limits.token_bytes as u64)
    }

    fn larger_than(&self, at: At, found: u64, allowed: u64) -> Halt {
        let kilobytes = |bytes: u64| format!("{} KB", bytes.div_ceil(1 << 10));
        Box::new(self.halt(Code::TooLarge, at).found(kilobytes(found)).expected(kilobytes(allowed)))
    }

    /// `<tag …>` or `<tag …/>`.
    pub(super) fn start(
        &mut self,
        tag: &BytesStart<'_>,
        empty: bool,
        places: &mut impl Places,
        findings: &mut Findings,
    ) -> Result<(), Halt> {
        let at = places.here();
        self.pending.clear();
        if self.stage == Stage::After {
            return Err(self.syntax(at, "a document has one root element"));
        }
        if self.open.len() >= self.limits.depth {
            return Err(Box::new(self.halt(Code::TooDeep, at).expected(self.limits.depth.to_string())));
        }
        if self.tree.len() >= self.limits.nodes {
            let found = format!("more than {} nodes", self.limits.nodes);
            return Err(Box::new(
                self.halt(Code::TooLarge, at).found(found).expected(format!("{} nodes", self.limits.nodes)),
            ));
        }
        let qname = tag.name();
        let qname = qname.as_ref();
        let scope = self.names.scope();
        if !tag.attributes_raw().is_empty() {
            self.attributes(tag, qname.len(), at)?;
        } else {
            self.raw.clear();
        }
        if let Some(parent) = self.open.last_mut() {
            parent.has_children = true;
        }
        let depth = self.open.len();
        if depth == self.outside && matches!(self.stage, Stage::Before | Stage::Between) {
            self.root_element(qname, at, places.offset(), findings)?;
        }
        let spelled = match self.names.element(qname) {
            Ok(spelled) => spelled,
            Err(message) => return Err(self.syntax(advance(at, "<"), message)),
        };
        if depth == self.outside && self.root.is_none() && matches!(self.stage, Stage::Message(_)) {
            // The document element is called by its local name, whatever its prefix is.
            let local: Box<str> = qname.rsplit(':').next().unwrap_or(qname).into();
            let name = Name::find(&local).unwrap_or(Name::UNKNOWN);
            self.prefix = format!("/{local}");
            open(&mut self.tree, name, &local, at);
            self.root = Some((name, local));
        } else if depth == self.outside && self.stage == Stage::Header {
            self.tree.open_text("StandardBusinessDocument", at);
        } else {
            let (name, text) = (spelled.name, &spelled.text);
            if depth == self.outside + 1 && self.stage != Stage::Message(Phase::Whole) {
                let text = text.clone();
                self.child_of_root(name, at, places.offset());
                open(&mut self.tree, name, &text, at);
            } else {
                open(&mut self.tree, name, text, at);
            }
        }
        if places.offset().saturating_sub(self.tree_offset) > self.limits.whole_bytes {
            return Err(self.too_large(at, places.offset().saturating_sub(self.tree_offset)));
        }
        if !self.raw.is_empty() {
            self.put_attributes(tag, at)?;
        }
        self.open.push(Open { has_children: false, scope });
        if empty { self.end(places.offset(), findings) } else { Ok(()) }
    }

    /// Cuts the attributes and takes in the declarations among them.
    fn attributes(&mut self, tag: &BytesStart<'_>, name_length: usize, at: At) -> Result<(), Halt> {
        self.raw.clear();
        let inside = advance(at, "<");
        match attributes::cut(tag, name_length, self.limits.attributes, &mut self.raw) {
            Ok(true) => {}
            Ok(false) => {
                let most = self.limits.attributes.to_string();
                return Err(Box::new(self.halt(Code::TooManyAttributes, at).expected(most)));
            }
            Err(wrong) => return Err(self.inside(inside, tag, &wrong)),
        }
        let before = self.names.scope();
        for index in 0..self.raw.len() {
            let Some(attribute) = self.raw.get(index) else { break };
            let name = tag.get(attribute.name.clone()).unwrap_or("");
            let Some(rest) = name.strip_prefix("xmlns") else { continue };
            let prefix = match rest.strip_prefix(':') {
                Some("") => {
                    let start = attribute.name.start;
                    return Err(self.syntax(advance(inside, tag.get(..start).unwrap_or("")), "xmlns: without a prefix"));
                }
                Some(prefix) => prefix,
                None if rest.is_empty() => "",
                None => continue,
            };
            let raw = tag.get(attribute.value.clone()).unwrap_or("");
            let value_start = attribute.value.start;
            let mut buffer = std::mem::take(&mut self.buffer);
            let declared = match attributes::value(raw, &mut buffer) {
                Ok(_) if self.names.declared_since(before, prefix) => Err(format!("the attribute {name} stands twice")),
                Ok(uri) => self.names.declare(prefix, uri),
                Err(wrong) => return Err(self.inside(inside, tag, &wrong.behind(value_start))),
            };
            self.buffer = buffer;
            if let Err(message) = declared {
                return Err(self.syntax(advance(inside, tag.get(..value_start).unwrap_or("")), message));
            }
        }
        Ok(())
    }

    /// Puts the attributes that are no declarations below the element that was opened.
    fn put_attributes(&mut self, tag: &BytesStart<'_>, at: At) -> Result<(), Halt> {
        let inside = advance(at, "<");
        let (mut here, mut from) = (inside, 0);
        self.seen.clear();
        for index in 0..self.raw.len() {
            let Some(attribute) = self.raw.get(index).cloned() else { break };
            let qname = tag.get(attribute.name.clone()).unwrap_or("");
            if qname == "xmlns" || qname.starts_with("xmlns:") {
                continue;
            }
            here = advance(here, tag.get(from..attribute.name.start).unwrap_or(""));
            from = attribute.name.start;
            let spelled = match self.names.attribute(qname) {
                Ok(spelled) => spelled.clone(),
                Err(message) => return Err(self.syntax(here, message)),
            };
            let raw = tag.get(attribute.value.clone()).unwrap_or("");
            let mut buffer = std::mem::take(&mut self.buffer);
            match attributes::value(raw, &mut buffer) {
                Err(wrong) => return Err(self.inside(inside, tag, &wrong.behind(attribute.value.start))),
                Ok(value) if spelled.name == self.names.xsi_type => {
                    let value = self.names.value(value);
                    self.tree.leaf(spelled.name, &value, here);
                }
                Ok(value) if spelled.name == Name::UNKNOWN => {
                    self.tree.leaf_text(&spelled.text, value, here);
                }
                Ok(value) => {
                    self.tree.leaf(spelled.name, value, here);
                }
            }
            self.buffer = buffer;
            self.seen.push((spelled.name, spelled.text));
        }
        self.seen.sort_unstable();
        match self.seen.windows(2).find(|pair| pair.first() == pair.last()) {
            None => Ok(()),
            Some(pair) => {
                let name = pair.first().map_or("", |(name, text)| if text.is_empty() { name.as_str() } else { text });
                Err(self.syntax(at, format!("the attribute {} stands twice", name.trim_start_matches('@'))))
            }
        }
    }

    /// The end of the innermost element. That it is the right one, the parser knows.
    pub(super) fn end(&mut self, offset: u64, findings: &mut Findings) -> Result<(), Halt> {
        self.flush_pending();
        let Some(closed) = self.open.pop() else { return Ok(()) };
        self.names.leave(closed.scope, self.open.is_empty());
        let depth = self.open.len();
        match self.stage {
            Stage::Message(Phase::Group) if depth == self.outside + 1 => {
                self.tree.close();
                let group = self.take_tree(offset);
                self.parts.push_back(Part::Group(group));
                self.stage = Stage::Message(Phase::Groups);
            }
            Stage::Message(phase) if depth == self.outside => self.end_message(phase, offset),
            Stage::Header if depth <= 1 => {
                self.tree.close();
                self.end_header(findings);
                (self.outside, self.wrapped, self.stage) = (1, true, Stage::Between);
            }
            Stage::Between => {}
            _ => self.tree.close(),
        }
        if depth == 0 {
            if self.wrapped && self.root.is_none() {
                findings.push(self.halt(Code::Missing, START).expected("the document behind the header"));
            }
            self.stage = Stage::After;
        }
        Ok(())
    }

    /// Character data between markup; references come by [`Builder::reference`].
    pub(super) fn text(&mut self, text: &str, places: &mut impl Places) -> Result<(), Halt> {
        let blank = text.bytes().all(|b| matches!(b, b' ' | b'\n' | b'\t' | b'\r'));
        let Some(open) = self.open.last() else {
            return if blank { Ok(()) } else { Err(self.outside_root(text, places.here())) };
        };
        if blank {
            // White space between elements is nothing; before the first one it may still become content.
            if !open.has_children {
                self.pending.push_str(text);
            }
            return Ok(());
        }
        if self.traits.section_ends
            && let Some(end) = memchr::memmem::find(text.as_bytes(), b"]]>")
        {
            return Err(
                self.syntax(advance(places.here(), text.get(..end).unwrap_or("")), "]]> is not allowed in text")
            );
        }
        self.push(text, places)
    }

    fn outside_root(&self, text: &str, at: At) -> Halt {
        let blank = text.len() - text.trim_start_matches([' ', '\t', '\n', '\r']).len();
        let at = advance(at, text.get(..blank).unwrap_or(""));
        self.syntax(at, "text outside of the root element")
    }

    /// A CDATA section.
    pub(super) fn section(&mut self, text: &str, places: &mut impl Places) -> Result<(), Halt> {
        if self.open.is_empty() {
            return Err(self.syntax(places.here(), "text outside of the root element"));
        }
        self.push(text, places)
    }

    /// A reference, the text between `&` and `;`.
    pub(super) fn reference(&mut self, name: &str, places: &mut impl Places) -> Result<(), Halt> {
        if self.open.is_empty() {
            return Err(self.syntax(places.here(), "text outside of the root element"));
        }
        let c = attributes::reference(name).map_err(|wrong| self.inside(places.here(), name, &wrong))?;
        self.flush_pending();
        self.between_groups(places);
        self.bound_moves(places)?;
        self.tree.push_text(c.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn push(&mut self, text: &str, places: &mut impl Places) -> Result<(), Halt> {
        if text.len() > self.limits.token_bytes {
            return Err(self.token_too_large(places.here(), text.len() as u64));
        }
        self.flush_pending();
        self.between_groups(places);
        self.bound_moves(places)?;
        if self.traits.returns && text.contains('\r') {
            // XML 1.0, 2.11: the three ways to end a line are one.
            for (index, piece) in text.split('\r').enumerate() {
                if index > 0 && !piece.starts_with('\n') {
                    self.tree.push_text("\n");
                }
                self.tree.push_text(piece);
            }
        } else {
            self.tree.push_text(text);
        }
        Ok(())
    }

    /// Text behind an element in mixed content is put together with the text before it, which costs a copy each time.
    fn bound_moves(&mut self, places: &mut impl Places) -> Result<(), Halt> {
        if self.open.last().is_some_and(|open| open.has_children) {
            self.moved_bytes += self.tree.innermost().map_or(0, |open| self.tree.value(open).len() as u64);
            if self.moved_bytes > self.limits.whole_bytes {
                return Err(self.too_large(places.here(), self.moved_bytes));
            }
        }
        Ok(())
    }

    fn flush_pending(&mut self) {
        if !self.pending.is_empty() {
            if self.traits.returns && self.pending.contains('\r') {
                let ended = self.pending.replace("\r\n", "\n").replace('\r', "\n");
                self.tree.push_text(&ended);
            } else {
                self.tree.push_text(&self.pending);
            }
            self.pending.clear();
        }
    }

    /// `<?xml …?>`.
    pub(super) fn declaration(&mut self, text: &str, places: &mut impl Places) -> Result<(), Halt> {
        if places.offset() > 0 {
            return Err(self.syntax(places.here(), "an XML declaration stands at the very beginning only"));
        }
        let at = advance(places.here(), "<?");
        attributes::declaration(text).map_err(|wrong| self.inside(at, text, &wrong))
    }

    /// `<?target …?>`.
    pub(super) fn instruction(&mut self, text: &str, places: &mut impl Places) -> Result<(), Halt> {
        let at = places.here();
        attributes::instruction(text).map_err(|wrong| self.inside(advance(at, "<?"), text, &wrong))
    }

    /// The end of the text: what is still open is missing.
    pub(super) fn finish(&self, at: At) -> Result<(), Halt> {
        match (self.tree.innermost(), self.stage) {
            (_, Stage::After) => Ok(()),
            (_, Stage::Before) => Err(Box::new(Finding::error(Code::Empty, Place::default()))),
            (open, _) => {
                let name =
                    open.map_or(self.root.as_ref().map_or("", |(_, text)| text), |open| self.tree.name_text(open));
                Err(Box::new(Finding::error(Code::Truncated, self.place(at)).expected(format!("</{name}>"))))
            }
        }
    }
}

fn open(tree: &mut Tree, name: Name, text: &str, at: At) {
    if name == Name::UNKNOWN {
        tree.open_text(text, at);
    } else {
        tree.open(name, at);
    }
}
