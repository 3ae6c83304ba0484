//! One message while it is read: its segments put into their groups, its values under the names of the table.
//!
//! The hot path: per value one node and a copy of its text, nothing else. Values with released, high or odd characters
//! take the longer way.

use std::sync::Arc;

use super::table::{Element, Table};
use super::text::Text;
use crate::format::Limits;
use crate::format::segment::lexer::{Segment, Spot, Value};
use crate::model::finding::{Code, Finding, Findings, Place, Severity};
use crate::model::name::Name;
use crate::model::tree::{At, Tree};

/// The message that is being read.
pub(super) struct Message {
    pub(super) reference: String,
    pub(super) segments: u32,
    pub(super) starts_at: u64,
    /// What its table has no room for is only a warning, because the table is that of another version.
    pub(super) lenient: bool,
    pub(super) table: Option<Arc<Table>>,
    /// None once it cannot be given: unknown, or too large.
    pub(super) tree: Option<Tree>,
    pub(super) slot: u16,
}

pub(super) fn at_of(spot: Spot, segment: u32, element: u16, component: u16) -> At {
    At { line: spot.line, column: spot.column, offset: spot.offset, segment, element, component }
}

impl Message {
    /// A segment of the message, headers included.
    pub(super) fn take(
        &mut self,
        segment: &Segment<'_>,
        tag: [u8; 3],
        text: &mut Text,
        limits: &Limits,
        findings: &mut Findings,
    ) {
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
    elements: &[Element],
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
    name: Name,
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
