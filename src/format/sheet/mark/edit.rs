//! Changes to a text of XML that leave everything else in it as it is, byte for byte.

use std::ops::Range;

use quick_xml::Reader as Parser;
use quick_xml::escape::escape;
use quick_xml::events::{BytesStart, Event};

use super::super::book::damaged;
use crate::model::finding::{Code, Finding, Place};

/// An event and where it stands.
pub(super) struct Step<'e, 't> {
    pub(super) event: &'e Event<'t>,
    pub(super) span: Range<usize>,
    /// Elements around it, the one that it starts or ends not counted.
    pub(super) depth: usize,
}

impl<'e> Step<'e, '_> {
    /// The tag, if it starts an element of that name.
    pub(super) fn starts(&self, name: &str) -> Option<&'e BytesStart<'e>> {
        self.tag().filter(|tag| tag.local_name().as_ref() == name)
    }

    /// The tag, if it starts an element.
    pub(super) fn tag(&self) -> Option<&'e BytesStart<'e>> {
        match self.event {
            Event::Start(tag) | Event::Empty(tag) => Some(tag),
            _ => None,
        }
    }

    /// Whether it is an element without contents.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.event, Event::Empty(_))
    }

    /// Whether it ends an element of that name: its end tag, or an element without contents.
    pub(super) fn ends(&self, name: &str) -> bool {
        match self.event {
            Event::End(tag) => tag.local_name().as_ref() == name,
            Event::Empty(tag) => tag.local_name().as_ref() == name,
            _ => false,
        }
    }
}

/// Calls `each` with every event of a text until it says that it has enough.
pub(super) fn steps(text: &str, mut each: impl FnMut(&Step<'_, '_>) -> Result<bool, Finding>) -> Result<(), Finding> {
    let mut parser = Parser::from_str(text);
    let config = parser.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    let (mut depth, mut start) = (0usize, 0usize);
    loop {
        let event = parser.read_event().map_err(|_| damaged())?;
        let end = usize::try_from(parser.buffer_position()).map_err(|_| damaged())?;
        match &event {
            Event::Eof => return Ok(()),
            Event::DocType(_) => return Err(Finding::error(Code::DoctypeRefused, Place::default())),
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if !each(&Step { event: &event, span: start..end, depth })? {
            return Ok(());
        }
        depth += usize::from(matches!(event, Event::Start(_)));
        start = end;
    }
}

/// The prefix of an element's name with its colon, for others beside it.
pub(super) fn prefix(tag: &BytesStart<'_>) -> String {
    let name = tag.name();
    let name: &str = name.as_ref();
    name.split_once(':').map_or(String::new(), |(prefix, _)| format!("{prefix}:"))
}

/// A tag with an attribute set, everything else of it as it was.
pub(super) fn with(tag: &BytesStart<'_>, empty: bool, set: &[(&str, &str)]) -> String {
    let name = tag.name();
    let name: &str = name.as_ref();
    let mut out = format!("<{name}");
    let mut left: Vec<&(&str, &str)> = set.iter().collect();
    for attribute in tag.attributes().flatten() {
        let key: &str = attribute.key.as_ref();
        let value: &str = &attribute.value;
        let wanted = left.iter().position(|(name, _)| *name == key);
        let value = match wanted {
            Some(index) => escape(left.remove(index).1).into_owned(),
            None => value.replace('"', "&quot;"),
        };
        out.push_str(&format!(" {key}=\"{value}\""));
    }
    for (key, value) in left {
        out.push_str(&format!(" {key}=\"{}\"", escape(*value)));
    }
    out.push_str(if empty { "/>" } else { ">" });
    out
}

/// Pieces of a text to be replaced.
pub(super) struct Edits<'t> {
    text: &'t str,
    list: Vec<(Range<usize>, String)>,
}

impl<'t> Edits<'t> {
    pub(super) fn of(text: &'t str) -> Edits<'t> {
        Edits { text, list: Vec::new() }
    }

    pub(super) fn replace(&mut self, span: Range<usize>, with: String) {
        self.list.push((span, with));
    }

    pub(super) fn insert(&mut self, at: usize, text: String) {
        self.replace(at..at, text);
    }

    /// The text with all of them; those at one place stay in the order in which they came.
    pub(super) fn done(mut self) -> Result<String, Finding> {
        self.list.sort_by_key(|(span, _)| (span.start, span.end));
        let mut out =
            String::with_capacity(self.text.len() + self.list.iter().map(|(_, text)| text.len()).sum::<usize>());
        let mut at = 0;
        for (span, text) in &self.list {
            out.push_str(self.text.get(at..span.start).ok_or_else(damaged)?);
            out.push_str(text);
            at = span.end;
        }
        out.push_str(self.text.get(at..).ok_or_else(damaged)?);
        Ok(out)
    }
}

/// A text as it stands in XML of a workbook: without characters that XML has no place for, what looks like an escape escaped.
pub(super) fn xml_text(text: &str) -> String {
    let plain: String = text
        .chars()
        .filter(|&c| (c >= ' ' || matches!(c, '\t' | '\n')) && !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .collect();
    escape(plain.replace("_x", "_x005F_x").as_str()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_keeps_what_it_had() {
        let text = "<x:c r='B7' t=\"s\" s=\"3\"><x:v>a &amp; b</x:v></x:c>";
        let mut edits = Edits::of(text);
        steps(text, |step| {
            if let Some(tag) = step.starts("c") {
                assert_eq!((prefix(tag).as_str(), step.depth), ("x:", 0));
                edits.replace(step.span.clone(), with(tag, step.is_empty(), &[("s", "9"), ("z", "<")]));
            }
            if step.ends("c") {
                assert_eq!(step.depth, 0);
                edits.insert(step.span.end, "<!-- end -->".to_owned());
            }
            Ok(true)
        })
        .unwrap();
        let expected = "<x:c r=\"B7\" t=\"s\" s=\"9\" z=\"&lt;\"><x:v>a &amp; b</x:v></x:c><!-- end -->";
        assert_eq!(edits.done().unwrap(), expected);
        assert_eq!(xml_text("a\u{1}_x0041_<\n"), "a_x005F_x0041_&lt;\n");
    }
}
