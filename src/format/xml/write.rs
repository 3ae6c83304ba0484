//! Trees to XML: namespaces declared at the root, children in the grammar's order, UTF-8, two spaces a level.
//!
//! Prefixes are those of the grammar; the document element's own namespace is the default one. Text is escaped so that
//! reading gives back the same tree (line ends included). A character that XML does not have is a finding.

use super::attributes::is_char;
use super::sbdh;
use crate::format::{WriteOptions, Written};
use crate::model::finding::{Code, Finding};
use crate::model::name::Name;
use crate::model::tree::{NodeId, Tree};
use crate::schema::grammar::{Content, Grammar, TypeId};

/// Deepest tree written; readers and mappings make none deeper.
const DEEPEST: usize = 200;
/// The namespace of `xsi:type`.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Writes a whole message, inside an SBDH when the options ask for it.
pub fn write(tree: &Tree, grammar: &Grammar, options: &WriteOptions) -> Written {
    let mut writer = Writer::new(grammar);
    if options.header {
        sbdh::write_header(&mut writer.out, tree, grammar, options);
        writer.outside = 1;
    }
    if let Some(root) = tree.root() {
        writer.declare_used(tree);
        writer.element(tree, root, Some(grammar.root), 0);
    }
    if options.header {
        writer.out.extend_from_slice(b"</StandardBusinessDocument>\n");
    }
    writer.finish()
}

/// Writes one message, whole or in parts.
pub struct Writer<'g> {
    grammar: &'g Grammar,
    out: Vec<u8>,
    findings: Vec<Finding>,
    /// Prefix and namespace declared at the root.
    declared: Vec<(String, String)>,
    /// How many elements stand around the message.
    outside: usize,
    /// Inside how many elements of mixed content, where white space would be content.
    mixed: usize,
}

impl<'g> Writer<'g> {
    /// A writer for a message of that grammar.
    pub fn new(grammar: &'g Grammar) -> Writer<'g> {
        let out = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_vec();
        Writer { grammar, out, findings: Vec::new(), declared: Vec::new(), outside: 0, mixed: 0 }
    }

    /// Writes what stands before the groups, the start of the root included.
    pub fn head(&mut self, tree: &Tree) {
        self.declare_used(tree);
        // What the groups will need is not known yet, so the prefixes of their children are declared as well.
        let group = self.grammar.cut.and_then(|cut| self.grammar.root_type().child(cut));
        if let Some(group) = group {
            self.declare(group.name.as_str(), false);
            for particle in self.grammar.particles(group.type_id) {
                self.declare(particle.name.as_str(), false);
            }
        }
        if let Some(root) = tree.root() {
            self.start_tag(tree, root, 0, 0);
            self.out.extend_from_slice(b">\n");
            self.children(tree, root, Some(self.grammar.root), 0);
        }
    }

    /// Writes one group.
    pub fn group(&mut self, tree: &Tree) {
        if let Some(id) = tree.root() {
            let type_id = self.grammar.root_type().child(tree.name(id)).map(|particle| particle.type_id);
            self.element(tree, id, type_id, 1);
        }
    }

    /// Writes what stands behind the groups and the end of the root.
    pub fn tail(&mut self, tree: &Tree) {
        if let Some(root) = tree.root() {
            self.children(tree, root, Some(self.grammar.root), 0);
            self.end_tag(tree, root);
        }
    }

    /// What was written so far and not taken yet.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// All that was written, and what could not be.
    pub fn finish(self) -> Written {
        (self.out, self.findings)
    }

    /// Declares every namespace that a tree uses.
    fn declare_used(&mut self, tree: &Tree) {
        let mut last = Name::UNKNOWN;
        for id in tree.ids() {
            // Repeated names are the rule.
            if tree.name(id) != last || last == Name::UNKNOWN {
                last = tree.name(id);
                self.declare_name(tree, id);
            }
        }
    }

    fn declare_name(&mut self, tree: &Tree, id: NodeId) {
        match tree.name_text(id).strip_prefix('@') {
            Some("xsi:type") => {
                self.declare("xsi:type", true);
                self.declare(tree.value(id), false);
            }
            Some(attribute) => self.declare(attribute, true),
            None => self.declare(tree.name_text(id), false),
        }
    }

    fn declare(&mut self, name: &str, attribute: bool) {
        let (prefix, uri) = if let Some(rest) = name.strip_prefix('{') {
            let uri = rest.split_once('}').map_or("", |(uri, _)| uri);
            let default = uri.is_empty() || (uri == self.grammar.namespace && !attribute);
            if default || self.declared.iter().any(|(_, known)| known == uri) {
                return;
            }
            (format!("ns{}", self.declared.len() + 1), uri.to_owned())
        } else {
            let Some((prefix, _)) = name.split_once(':') else { return };
            if prefix == "xml" || self.declared.iter().any(|(known, _)| known == prefix) {
                return;
            }
            let known = self.grammar.prefixes.iter().find(|(known, _)| known == prefix);
            let Some(uri) = known.map(|(_, uri)| uri.as_str()).or((prefix == "xsi").then_some(XSI)) else { return };
            (prefix.to_owned(), uri.to_owned())
        };
        self.declared.push((prefix, uri));
    }

    /// A name as it is written; `None` where its namespace has no declaration.
    fn qualified(&self, name: &str, attribute: bool) -> Option<String> {
        if let Some(rest) = name.strip_prefix('{') {
            let (uri, local) = rest.split_once('}')?;
            if uri.is_empty() || (uri == self.grammar.namespace && !attribute) {
                return Some(local.to_owned());
            }
            let (prefix, _) = self.declared.iter().find(|(_, known)| known == uri)?;
            return Some(format!("{prefix}:{local}"));
        }
        match name.split_once(':') {
            Some((prefix, _)) if prefix != "xml" && !self.declared.iter().any(|(known, _)| known == prefix) => None,
            _ => Some(name.to_owned()),
        }
    }

    fn element(&mut self, tree: &Tree, id: NodeId, type_id: Option<TypeId>, depth: usize) {
        if depth >= DEEPEST {
            self.findings.push(Finding::error(Code::TooDeep, tree.place(id)).expected(DEEPEST.to_string()));
            return;
        }
        let before = if depth == 0 { 0 } else { self.declared.len() };
        self.declare_name(tree, id);
        for attribute in tree.children(id).take_while(|child| is_attribute(tree, *child)) {
            self.declare_name(tree, attribute);
        }
        if self.qualified(tree.name_text(id), false).is_none() {
            let finding = Finding::error(Code::NotCarried, tree.place(id));
            self.findings.push(finding.found(tree.name_text(id)).expected(self.grammar.message_type.to_string()));
            return;
        }
        self.start_tag(tree, id, depth, before);
        let value = tree.value(id);
        let has_elements = tree.children(id).any(|child| !is_attribute(tree, child));
        if !has_elements && value.is_empty() {
            self.out.extend_from_slice(b"/>");
            self.new_line();
        } else {
            self.out.push(b'>');
            if !has_elements {
                self.escape(tree, id, value, false);
            } else if value.trim_matches([' ', '\t', '\n', '\r']).is_empty() {
                self.new_line();
                self.children(tree, id, type_id, depth);
                self.indent(depth);
            } else {
                self.mixed += 1;
                self.escape(tree, id, value, false);
                self.children(tree, id, type_id, depth);
                self.mixed -= 1;
            }
            self.end_tag(tree, id);
        }
        self.declared.truncate(before.max(usize::from(depth == 0) * self.declared.len()));
    }

    fn children(&mut self, tree: &Tree, id: NodeId, type_id: Option<TypeId>, depth: usize) {
        let ty = type_id.map(|type_id| self.grammar.ty(type_id));
        let mut children: Vec<(usize, NodeId)> = tree
            .children(id)
            .filter(|child| !is_attribute(tree, *child))
            .map(|child| {
                let order =
                    ty.filter(|ty| matches!(ty.content, Content::Sequence)).and_then(|ty| ty.order(tree.name(child)));
                (order.unwrap_or(usize::MAX), child)
            })
            .collect();
        if ty.is_some_and(|ty| matches!(ty.content, Content::Sequence)) {
            children.sort_by_key(|(order, _)| *order);
        }
        for (_, child) in children {
            let child_type = ty.and_then(|ty| ty.child(tree.name(child))).map(|particle| particle.type_id);
            self.element(tree, child, child_type, depth + 1);
        }
    }

    fn new_line(&mut self) {
        if self.mixed == 0 {
            self.out.push(b'\n');
        }
    }

    fn indent(&mut self, depth: usize) {
        if self.mixed > 0 {
            return;
        }
        for _ in 0..depth + self.outside {
            self.out.extend_from_slice(b"  ");
        }
    }

    /// `<name attributes`, without its end; declares what was not declared before.
    fn start_tag(&mut self, tree: &Tree, id: NodeId, depth: usize, before: usize) {
        self.indent(depth);
        let text = tree.name_text(id);
        let name = self.qualified(text, false).unwrap_or_default();
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        let default = if text.starts_with("{}") { "" } else { self.grammar.namespace.as_str() };
        let in_scope = if depth == 0 { "" } else { default_in_scope(tree, id, &self.grammar.namespace) };
        if !name.contains(':') && default != in_scope {
            attribute_text(&mut self.out, "xmlns", default);
        }
        for (prefix, uri) in self.declared.iter().skip(before) {
            attribute_text(&mut self.out, &format!("xmlns:{prefix}"), uri);
        }
        for child in tree.children(id).take_while(|child| is_attribute(tree, *child)) {
            let text = tree.name_text(child).trim_start_matches('@');
            let Some(name) = self.qualified(text, true) else { continue };
            self.out.push(b' ');
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b"=\"");
            let value = tree.value(child);
            match (text, self.qualified(value, false)) {
                ("xsi:type", Some(value)) => self.escape(tree, child, &value, true),
                _ => self.escape(tree, child, value, true),
            }
            self.out.push(b'"');
        }
    }

    fn end_tag(&mut self, tree: &Tree, id: NodeId) {
        let name = self.qualified(tree.name_text(id), false).unwrap_or_default();
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
        self.new_line();
    }

    fn escape(&mut self, tree: &Tree, id: NodeId, text: &str, attribute: bool) {
        for c in text.chars() {
            match c {
                '&' => self.out.extend_from_slice(b"&amp;"),
                '<' => self.out.extend_from_slice(b"&lt;"),
                '>' => self.out.extend_from_slice(b"&gt;"),
                '\r' => self.out.extend_from_slice(b"&#13;"),
                '"' if attribute => self.out.extend_from_slice(b"&quot;"),
                '\n' if attribute => self.out.extend_from_slice(b"&#10;"),
                '\t' if attribute => self.out.extend_from_slice(b"&#9;"),
                c if is_char(c) => self.out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                c => {
                    let finding = Finding::error(Code::CharacterNotInRepertoire, tree.place(id));
                    self.findings.push(finding.found(format!("U+{:04X}", u32::from(c))).expected("XML"));
                }
            }
        }
    }
}

fn is_attribute(tree: &Tree, id: NodeId) -> bool {
    let name = tree.name(id);
    name.is_attribute() || (name == Name::UNKNOWN && tree.name_text(id).starts_with('@'))
}

/// The default namespace around an element: that of the nearest ancestor without a prefix.
fn default_in_scope<'g>(tree: &Tree, id: NodeId, namespace: &'g str) -> &'g str {
    let mut around = tree.parent(id);
    while let Some(parent) = around {
        let name = tree.name_text(parent);
        if name.starts_with("{}") {
            return "";
        }
        if !name.contains(':') {
            break;
        }
        around = tree.parent(parent);
    }
    namespace
}

/// An attribute whose value is a namespace or a name.
pub(super) fn attribute_text(out: &mut Vec<u8>, name: &str, value: &str) {
    let value = value.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    out.extend_from_slice(format!(" {name}=\"{value}\"").as_bytes());
}
