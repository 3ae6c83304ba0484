//! What was received as a tree in the sender's own words: elements with their attributes, segments with their elements,
//! members of JSON, columns; each with its place, and findings beside the node they are about. Bounded in bytes, rows and
//! length of a value; what is left out stands in the original.

use std::collections::HashMap;

use askama::Template;
use bytes::Bytes;

use super::findings::FindingView;
use super::language::{Words, fill};
use super::show::message;
use crate::document::reading::words;
use crate::error::Result;
use crate::format::{self, Hint, Limits, Part as Piece};
use crate::model::finding::{Finding, Findings, Language, Place};
use crate::model::tree::{NodeId, Shape, Tree};

/// Bytes of a payload that are read for its tree; a whole message larger than this is shown as bytes only.
pub(crate) const MOST_BYTES: usize = 1 << 20;

/// Rows of all messages together.
pub(crate) const MOST_ROWS: usize = 1_500;

/// Messages that are shown.
const MOST_MESSAGES: usize = 50;

/// Characters of a value that are shown.
const LONGEST_VALUE: usize = 300;

/// Rows up to which a message is shown unfolded.
const SHORT: usize = 60;

/// An attribute of an element, or an element of a segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    /// Its name.
    pub(crate) label: String,
    /// Its value.
    pub(crate) value: String,
    /// Whether a finding is about it.
    pub(crate) marked: bool,
}

/// One row of the tree.
#[derive(Clone, PartialEq, Eq, Debug, Default, Template)]
#[template(
    source = r#"<b>{{ name }}</b>{% if !meaning.is_empty() %} <i>{{ meaning }}</i>{% endif %}{% if !value.is_empty() %} <span class="value">{{ value }}</span>{% endif %}{% for part in parts %} <span class="part{% if part.marked %} marked{% endif %}"><small>{{ part.label }}</small> {{ part.value }}</span>{% endfor %}{% if !place.is_empty() %} <span class="where" title="{{ at }}">{{ place }}</span>{% endif %}{% for finding in findings %}{{ finding }}{% endfor %}"#,
    ext = "html"
)]
pub(crate) struct Row {
    /// Name of the element, segment, group or member.
    pub(crate) name: String,
    /// What it is, where that can be told.
    pub(crate) meaning: String,
    /// Its value.
    pub(crate) value: String,
    /// Its attributes or elements.
    pub(crate) parts: Vec<Part>,
    /// Its place in short: `102:7`, or the position of a segment.
    pub(crate) place: String,
    /// Its place in words.
    pub(crate) at: String,
    /// What is wrong with it.
    pub(crate) findings: Vec<FindingView>,
}

impl askama::filters::HtmlSafe for Row {}

/// A step of writing the tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// A row with rows below it, and whether they are shown at once.
    Open(Row, bool),
    /// A row.
    Leaf(Row),
    /// The end of the rows below the last open one.
    Close,
}

/// A message as a tree.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct MessageView {
    /// What it says it is.
    pub(crate) title: String,
    /// The rows.
    pub(crate) steps: Vec<Step>,
}

/// All messages of an interchange.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Structure {
    /// In order.
    pub(crate) messages: Vec<MessageView>,
    /// Whether there is more than what is shown.
    pub(crate) cut: bool,
}

/// Reads the messages of a payload. `findings` are those of its documents in order.
pub(crate) fn structure(
    bytes: Bytes,
    hint: &Hint,
    more: bool,
    findings: &[Vec<Finding>],
    language: Language,
) -> Result<Structure> {
    let limits = Limits { whole_bytes: MOST_BYTES as u64, nodes: 200_000, ..Limits::default() };
    let mut reader = format::open(format::Source::Bytes(bytes), hint, limits)?;
    // What is wrong with the bytes was found when they came.
    let mut ignored = Findings::default();
    let mut writer = Writer {
        language,
        findings: &[],
        rows: 0,
        done: Structure { messages: Vec::new(), cut: more },
        unfolded: true,
    };
    while let Some(piece) = reader.next(&mut ignored)? {
        match piece {
            Piece::Envelope(_) => {}
            Piece::Start(start) => {
                if writer.done.messages.len() >= MOST_MESSAGES {
                    writer.done.cut = true;
                    break;
                }
                writer.findings = findings.get(writer.done.messages.len()).map_or(&[], Vec::as_slice);
                let title = message(&start.message_type.to_string());
                writer.done.messages.push(MessageView { title, steps: Vec::new() });
            }
            Piece::Whole(tree) => {
                writer.unfolded = tree.len() <= SHORT;
                writer.tree(&tree);
            }
            Piece::Head(tree) | Piece::Group(tree) | Piece::Tail(tree) => {
                writer.unfolded = false;
                writer.tree(&tree);
            }
            Piece::End => {}
        }
        if writer.rows >= MOST_ROWS {
            writer.done.cut = true;
            break;
        }
    }
    writer.done.messages.retain(|message| !message.steps.is_empty());
    Ok(writer.done)
}

struct Writer<'f> {
    language: Language,
    findings: &'f [Finding],
    rows: usize,
    done: Structure,
    unfolded: bool,
}

fn shorten(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
        None => text.to_owned(),
    }
}

/// The children of a node that stand in its own row: attributes of XML, everything below a segment.
fn inline(tree: &Tree, id: NodeId) -> bool {
    match tree.shape {
        Shape::Segments => tree.node(id).at.element > 0,
        _ => tree.name_text(id).starts_with('@'),
    }
}

impl Writer<'_> {
    fn put(&mut self, step: Step) {
        if !matches!(step, Step::Close) {
            self.rows += 1;
        }
        if let Some(message) = self.done.messages.last_mut() {
            message.steps.push(step);
        }
    }

    fn tree(&mut self, tree: &Tree) {
        if let Some(root) = tree.root() {
            self.node(tree, root, "", 0);
        }
    }

    /// Writes a node and what is below it. Depth is bounded by the reader.
    fn node(&mut self, tree: &Tree, id: NodeId, position: &str, depth: usize) {
        if self.rows >= MOST_ROWS {
            self.done.cut = true;
            return;
        }
        let mut row = self.row(tree, id, position);
        let below: Vec<NodeId> = tree.children(id).filter(|&child| !inline(tree, child)).collect();
        if below.is_empty() {
            self.put(Step::Leaf(row));
            return;
        }
        if tree.shape == Shape::Segments && depth > 0 {
            self.name_group(tree, &below, &mut row);
        }
        let wrong = self.findings.iter().any(|finding| self.within(tree, id, finding));
        self.put(Step::Open(row, depth == 0 || self.unfolded || wrong));
        let mut counts: HashMap<&str, (usize, usize)> = HashMap::new();
        for &child in &below {
            counts.entry(tree.name_text(child)).or_default().0 += 1;
        }
        for &child in &below {
            let position = match counts.get_mut(tree.name_text(child)) {
                Some((all, seen)) if *all > 1 => {
                    *seen += 1;
                    seen.to_string()
                }
                _ => String::new(),
            };
            self.node(tree, child, &position, depth + 1);
        }
        self.put(Step::Close);
    }

    /// A group of segments is known by the first of them.
    fn name_group(&self, tree: &Tree, below: &[NodeId], row: &mut Row) {
        let Some(first) = below.iter().find(|&&child| tree.node(child).at.segment > 0) else { return };
        let trigger = self.row(tree, *first, "");
        row.meaning = format!("{} {}", trigger.name, trigger.meaning).trim().to_owned();
        row.value = trigger.parts.first().map_or(String::new(), |part| part.value.clone());
        (row.place, row.at) = (String::new(), String::new());
        row.findings.clear();
    }

    fn row(&self, tree: &Tree, id: NodeId, position: &str) -> Row {
        let at = tree.node(id).at;
        let name = tree.name_text(id);
        let shown = if tree.ordinal > 0 && tree.parent(id).is_none() {
            format!("{name} {}", tree.ordinal)
        } else if position.is_empty() {
            name.to_owned()
        } else {
            format!("{name} {position}")
        };
        let place = match tree.shape {
            Shape::Segments if at.segment > 0 => at.segment.to_string(),
            Shape::Segments | Shape::Form => String::new(),
            Shape::Sheet => tree.place(id).cell.unwrap_or_else(|| at.line.to_string()),
            _ if at.line > 0 && at.column > 0 => format!("{}:{}", at.line, at.column),
            _ if at.line > 0 => at.line.to_string(),
            _ => String::new(),
        };
        let meaning = match tree.shape {
            Shape::Segments => words::segment(name, self.language).to_owned(),
            Shape::Json | Shape::Form | Shape::Records | Shape::Sheet | Shape::Canonical
                if tree.parent(id).is_some() =>
            {
                words::known(name, self.language).unwrap_or("").to_owned()
            }
            _ => String::new(),
        };
        let mut parts = Vec::new();
        self.parts(tree, id, "", &mut parts);
        let about = |finding: &&Finding| {
            let of = self.place_of(tree, id, finding);
            of || tree.children(id).filter(|&child| inline(tree, child)).any(|child| self.within(tree, child, finding))
        };
        let view = |finding: &Finding| FindingView {
            place: String::new(),
            path: String::new(),
            ..FindingView::new(finding, self.language)
        };
        Row {
            name: shown,
            meaning,
            value: shorten(tree.value(id)),
            parts,
            at: match tree.shape {
                Shape::Sheet => tree.place(id).words(self.language),
                _ if place.is_empty() => String::new(),
                _ => Place::from_at(at).words(self.language),
            },
            place,
            findings: self.findings.iter().filter(about).map(view).collect(),
        }
    }

    /// Attributes, or the elements and components of a segment, each with its own name.
    fn parts(&self, tree: &Tree, id: NodeId, before: &str, parts: &mut Vec<Part>) {
        for child in tree.children(id).filter(|&child| inline(tree, child)) {
            let name = tree.name_text(child).trim_start_matches('@');
            let label = if before.is_empty() { name.to_owned() } else { format!("{before}.{name}") };
            let value = shorten(tree.value(child));
            if !value.is_empty() {
                let marked = self.findings.iter().any(|finding| self.place_of(tree, child, finding));
                parts.push(Part { label: label.clone(), value, marked });
            }
            self.parts(tree, child, &label, parts);
        }
    }

    /// Whether a finding is about this very node.
    fn place_of(&self, tree: &Tree, id: NodeId, finding: &Finding) -> bool {
        let (at, place) = (tree.node(id).at, &finding.place);
        let some = |number: u32| (number > 0).then_some(number);
        match tree.shape {
            Shape::Segments => {
                place.segment.is_some()
                    && place.segment == some(at.segment)
                    && place.element.unwrap_or(0) == at.element
                    && place.component.unwrap_or(0) == at.component
            }
            Shape::Form => place.field.as_deref().is_some_and(|field| field == tree.path(id)),
            Shape::Sheet => {
                let own = tree.place(id);
                (&own.sheet, &own.cell, own.line) == (&place.sheet, &place.cell, place.line)
            }
            _ => place.line.is_some() && place.line == some(at.line) && place.column == some(at.column),
        }
    }

    /// Whether a finding is about a node or something below it.
    fn within(&self, tree: &Tree, id: NodeId, finding: &Finding) -> bool {
        let after = tree.after(id);
        (id.0..after.0).any(|node| self.place_of(tree, NodeId(node), finding))
    }
}

impl MessageView {
    /// Its title where there are several.
    pub(crate) fn heading(&self, w: &Words, index: usize) -> String {
        format!("{} · {}", fill(w.message_n, &[&(index + 1).to_string()]), self.title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Code;

    fn read(text: &str, findings: &[Vec<Finding>]) -> Structure {
        structure(Bytes::from(text.to_owned()), &Hint::default(), false, findings, Language::Ko).unwrap()
    }

    /// One line per row, a level per two spaces; `>` for one that is folded.
    fn drawn(structure: &Structure) -> Vec<String> {
        let mut lines = Vec::new();
        for message in &structure.messages {
            let mut depth = 0;
            for step in &message.steps {
                let (row, mark, deeper) = match step {
                    Step::Open(row, true) => (row, "", 1),
                    Step::Open(row, false) => (row, ">", 1),
                    Step::Leaf(row) => (row, "", 0),
                    Step::Close => {
                        depth -= 1;
                        continue;
                    }
                };
                let mut line = format!("{}{mark}{}", "  ".repeat(depth), row.name);
                for text in [&row.meaning, &row.value].into_iter().filter(|text| !text.is_empty()) {
                    line.push_str(&format!(" {text}"));
                }
                for part in &row.parts {
                    line.push_str(&format!(" {}={}{}", part.label, part.value, if part.marked { "!" } else { "" }));
                }
                if !row.place.is_empty() {
                    line.push_str(&format!(" @{}", row.place));
                }
                row.findings.iter().for_each(|finding| line.push_str(&format!(" !! {}", finding.text)));
                lines.push(line);
                depth += deeper;
            }
            assert_eq!(depth, 0, "every row that opens is closed");
        }
        lines
    }

    const ORDER: &str = "<Order xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Order-2\"\n \
        xmlns:c=\"urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2\">\n\
        <c:ID schemeID=\"X\">PO-1</c:ID>\n<c:IssueDate>2026-13-24</c:IssueDate>\n</Order>";

    #[test]
    fn elements_with_attributes() {
        let place = Place { line: Some(4), column: Some(1), ..Place::default() };
        let finding = Finding::error(Code::Missing, place).expected("x");
        let drawn = drawn(&read(ORDER, &[vec![finding]]));
        assert_eq!(
            drawn,
            ["Order @1:1", "  cbc:ID PO-1 schemeID=X @3:1", "  cbc:IssueDate 2026-13-24 @4:1 !! x이(가) 없습니다"]
        );
    }

    #[test]
    fn segments_with_elements() {
        let edi = "UNB+UNOC:3+8801234500029:14+8801234500067:14+261124:0900+77'UNH+1+ORDERS:D:96A:UN'BGM+220+PO-1+9'\
                   DTM+137:20261124:102'UNS+S'UNT+5+1'UNZ+1+77'";
        let place = Place { segment: Some(3), element: Some(1), component: Some(2), ..Place::default() };
        let finding = Finding::error(Code::Missing, place).expected("x");
        let drawn = drawn(&read(edi, &[vec![finding]]));
        let dtm = drawn.iter().find(|line| line.trim().starts_with("DTM")).unwrap();
        assert_eq!(dtm.trim(), "DTM 날짜 C507.2005=137 C507.2380=20261124! C507.2379=102 @3 !! x이(가) 없습니다");
        assert!(drawn.iter().any(|line| line.trim() == "BGM 문서 번호 C002.1001=220 1004=PO-1 1225=9 @2"), "{drawn:?}");
    }

    #[test]
    fn long_ones_are_folded_and_cut() {
        let line = "{\"id\":\"1\",\"notes\":[\"a\",\"b\"]}";
        let many = vec![line; MOST_ROWS].join(",");
        let json = format!("{{\"type\":\"Order\",\"id\":\"PO-1\",\"lines\":[{many}]}}");
        let structure = read(&json, &[]);
        assert!(structure.cut);
        let rows: usize =
            structure.messages.iter().map(|m| m.steps.iter().filter(|s| !matches!(s, Step::Close)).count()).sum();
        assert!(rows <= MOST_ROWS + 1, "{rows}");
        assert!(drawn(&structure).iter().any(|line| line.trim() == ">lines 2 줄 @1:60" || line.contains(">lines 2")));
    }

    #[test]
    fn nothing_breaks_on_anything() {
        for text in ["", "<", "no document", "UNB+", "ISA*", "{\"type\":", "{\"type\":\"Order\"", "a;b\n1;2", "\u{0}"] {
            read(text, &[vec![Finding::error(Code::Missing, Place::default())]]);
        }
    }
}
