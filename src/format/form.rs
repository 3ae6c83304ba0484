//! Web forms (application/x-www-form-urlencoded) as documents: field names are canonical paths, `lines.2.quantity`, list
//! positions counting from 1.
//!
//! Places are the field names, so that findings land beside their fields. Empty fields are absent, and with them the rows
//! of a form that nobody filled in; what people leave around a value is taken off. Fields whose name starts with `_`
//! (tokens of the portal) are no part of the document. Left out: multipart/form-data, whose files are payload parts.

use std::io::Read;

use rustc_hash::FxHashMap;

use super::outbox::Outbox;
use super::{Format, Hint, Limits, MessageStart, Part, Reader, Source};
use crate::error::{Context, Result};
use crate::model::document_type::DocumentType;
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::model::message::MessageType;
use crate::model::tree::{At, Shape, Tree};
use crate::schema::library;

/// How forms are known: by their media type only.
pub(super) const FORMAT: Format = Format {
    name: "form",
    media_types: &["application/x-www-form-urlencoded"],
    endings: &[],
    magic: None,
    begins: |_| false,
    looks: |_| false,
    open: |source, hint, limits| Ok(Box::new(FormReader::new(source, hint, limits))),
};

/// Highest position in a list.
const HIGHEST: u32 = 100_000;

/// Reads a form as one document.
pub struct FormReader {
    source: Option<Source>,
    expected: Option<MessageType>,
    limits: Limits,
    queue: Outbox,
}

impl FormReader {
    /// Over a source. The document is `hint.message_type`, else what the field `type` says.
    pub fn new(source: Source, hint: &Hint, limits: &Limits) -> FormReader {
        let expected = hint.message_type.clone().filter(|known| known.standard == "dure");
        FormReader { source: Some(source), expected, limits: *limits, queue: Outbox::default() }
    }

    fn read(&mut self, source: Source, findings: &mut Findings) -> Result<()> {
        let bytes = match source {
            Source::Bytes(bytes) => bytes,
            Source::Stream(read) => {
                let mut bytes = Vec::new();
                let most = self.limits.whole_bytes.saturating_add(1);
                read.take(most).read_to_end(&mut bytes).context(|| "read the form")?;
                bytes.into()
            }
        };
        if bytes.len() as u64 > self.limits.whole_bytes {
            let allowed = format!("{} bytes", self.limits.whole_bytes);
            findings.push(Finding::error(Code::TooLarge, Place::default()).found("the form").expected(allowed));
            return Ok(());
        }
        let mut fields = Fields::default();
        let mut said = None;
        for (name, value) in url::form_urlencoded::parse(&bytes) {
            let value = value.trim().replace("\r\n", "\n");
            if name == "type" {
                said = Some(value);
            } else if !name.starts_with('_') && !value.is_empty() {
                fields.put(&name, value, &self.limits, findings);
            }
        }
        let named = |name: &str| {
            let name = name.parse::<DocumentType>().map_or(name.to_owned(), |known| known.as_str().to_owned());
            MessageType::new("dure", "1", &name)
        };
        let Some(message_type) = self.expected.take().or_else(|| said.map(|name| named(&name))) else {
            findings.push(Finding::error(Code::Missing, field("type")).expected("type"));
            return Ok(());
        };
        // Read first, so that the names that the tree is made of are known.
        let _table = library().message(&message_type);
        let tree = fields.tree(&message_type.name);
        self.queue.push(Part::Start(MessageStart { message_type, reference: String::new() }));
        self.queue.push(Part::Whole(tree));
        self.queue.push(Part::End);
        Ok(())
    }
}

impl Reader for FormReader {
    fn next(&mut self, findings: &mut Findings) -> Result<Option<Part>> {
        if let Some(source) = self.source.take() {
            let mut own = Findings::default();
            self.read(source, &mut own)?;
            self.queue.tell(own, findings);
        }
        Ok(self.queue.pop(findings))
    }
}

fn field(name: &str) -> Place {
    Place { field: Some(name.to_owned()), ..Place::default() }
}

/// The names of a path with their positions, 0 for none. None when it is no path of a field.
fn steps(path: &str, depth: usize) -> Option<Vec<(&str, u32)>> {
    let number = |step: &str| step.bytes().all(|b| b.is_ascii_digit());
    let mut steps: Vec<(&str, u32)> = Vec::new();
    for step in path.split('.') {
        if step.is_empty() || steps.len() >= depth {
            return None;
        }
        if number(step) {
            let (_, position) = steps.last_mut().filter(|(_, position)| *position == 0)?;
            *position = step.parse().ok().filter(|n| (1..=HIGHEST).contains(n))?;
        } else {
            steps.push((step, 0));
        }
    }
    Some(steps)
}

/// Fields by their paths. The first is the document.
struct Fields {
    list: Vec<Field>,
    /// Parent, name and position: the field.
    known: FxHashMap<(usize, String, u32), usize>,
    full: bool,
}

impl Default for Fields {
    fn default() -> Fields {
        let root = Field { name: String::new(), position: 0, value: String::new(), children: Vec::new() };
        Fields { list: vec![root], known: FxHashMap::default(), full: false }
    }
}

struct Field {
    name: String,
    /// In a list, from 1; 0 outside of one.
    position: u32,
    value: String,
    children: Vec<usize>,
}

impl Fields {
    fn put(&mut self, path: &str, value: String, limits: &Limits, findings: &mut Findings) {
        if value.contains('\u{fffd}') {
            findings.push(Finding::error(Code::Encoding, field(path)).found(&value).expected("UTF-8"));
        }
        let Some(steps) = steps(path, limits.depth) else {
            findings.push(Finding::error(Code::Unexpected, field(path)).found(path).expected("a field name"));
            return;
        };
        let mut parent = 0;
        for (index, &(step, position)) in steps.iter().enumerate() {
            let last = index + 1 == steps.len();
            let key = (parent, step.to_owned(), position);
            let known = self.known.get(&key).copied();
            // A name that is posted several times is a list, too.
            parent = match known.filter(|_| !last) {
                Some(known) => known,
                None => {
                    if self.list.len() >= limits.nodes {
                        if !std::mem::replace(&mut self.full, true) {
                            let allowed = format!("{} fields", limits.nodes);
                            findings
                                .push(Finding::error(Code::TooLarge, field(path)).found("the form").expected(allowed));
                        }
                        return;
                    }
                    let index = self.list.len();
                    self.list.push(Field {
                        name: step.to_owned(),
                        position,
                        value: String::new(),
                        children: Vec::new(),
                    });
                    if let Some(parent) = self.list.get_mut(parent) {
                        parent.children.push(index);
                    }
                    self.known.entry(key).or_insert(index);
                    index
                }
            };
        }
        if let Some(field) = self.list.get_mut(parent) {
            field.value = value;
        }
    }

    /// The tree: fields in the order in which their names first came, lists in the order of their positions.
    fn tree(&self, root: &str) -> Tree {
        let mut tree = Tree::new(Shape::Form);
        tree.open_text(root, At::default());
        // What is still to be written, the next last; none closes a node.
        let mut stack: Vec<Option<usize>> = Vec::new();
        self.push_children(0, &mut stack);
        while let Some(step) = stack.pop() {
            let Some(field) = step.and_then(|index| self.list.get(index)) else {
                tree.close();
                continue;
            };
            tree.open_text(&field.name, At { line: field.position, ..At::default() });
            tree.push_text(&field.value);
            stack.push(None);
            if let Some(index) = step {
                self.push_children(index, &mut stack);
            }
        }
        tree.close();
        tree
    }

    fn push_children(&self, index: usize, stack: &mut Vec<Option<usize>>) {
        let Some(field) = self.list.get(index) else { return };
        let mut first: FxHashMap<&str, usize> = FxHashMap::default();
        let mut children: Vec<(usize, u32, usize)> = Vec::with_capacity(field.children.len());
        for (order, &child) in field.children.iter().enumerate() {
            if let Some(known) = self.list.get(child) {
                let group = *first.entry(known.name.as_str()).or_insert(order);
                children.push((group, known.position, child));
            }
        }
        children.sort_unstable();
        stack.extend(children.into_iter().rev().map(|(_, _, child)| Some(child)));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn read(body: &[u8]) -> String {
        let source = Source::Bytes(Bytes::copy_from_slice(body));
        let mut reader = FormReader::new(source, &Hint::default(), &Limits { depth: 6, ..Limits::default() });
        let mut findings = Findings::default();
        let mut out = String::new();
        while let Some(part) = reader.next(&mut findings).unwrap() {
            match part {
                Part::Start(start) => out.push_str(&format!("{}:", start.message_type)),
                Part::Whole(tree) => {
                    for id in tree.ids().skip(1).filter(|&id| !tree.has_children(id)) {
                        let place = tree.place(id).field.unwrap_or_default();
                        out.push_str(&format!(" {place}={:?}", tree.value(id)));
                    }
                }
                _ => {}
            }
        }
        for f in findings.as_slice() {
            out.push_str(&format!(" [{} {} {}]", f.code.as_str(), f.place, f.found));
        }
        out
    }

    fn check(body: &str, expected: &str) {
        assert_eq!(read(body.as_bytes()), expected);
    }

    #[test]
    fn field_names_are_paths_and_places() {
        check(
            "type=order&id=+4711+&_token=x&lines.3.quantity.value=2&note=a%0D%0Ab&lines.1.quantity.value=5&lines.2.quantity.value=&lines.1.id=1",
            "dure/1/Order: id=\"4711\" lines.1.quantity.value=\"5\" lines.1.id=\"1\" lines.3.quantity.value=\"2\" note=\"a\\nb\"",
        );
        check("type=Order&notes=a&notes=b", "dure/1/Order: notes=\"a\" notes=\"b\"");
        check("type=Order&buyer.name=%ED%95%9C%EB%B9%9B", "dure/1/Order: buyer.name=\"한빛\"");
    }

    #[test]
    fn what_is_no_field_name_is_found() {
        check("id=1", " [missing field type ]");
        check("type=Order&lines.0.id=1", "dure/1/Order: [unexpected field lines.0.id lines.0.id]");
        check("type=Order&1.id=1", "dure/1/Order: [unexpected field 1.id 1.id]");
        check("type=Order&a..b=1", "dure/1/Order: [unexpected field a..b a..b]");
        check("type=Order&a.b.c.d.e.f.g=1", "dure/1/Order: [unexpected field a.b.c.d.e.f.g a.b.c.d.e.f.g]");
        check("type=Order&id=%FF", "dure/1/Order: id=\"\u{fffd}\" [encoding field id \u{fffd}]");
    }

    proptest! {
        #[test]
        fn anything_is_read(body in proptest::collection::vec(any::<u8>(), 0..200), text in "([a-c.1-3]{1,8}=[x ]{0,2}&){0,12}") {
            read(&body);
            read(format!("type=Order&{text}").as_bytes());
        }
    }
}
