//! The inside of a start tag, the XML declaration, references and line ends (XML 1.0, 2.8, 2.11, 3.1, 3.3.3, 4.1).

use std::ops::Range;

use crate::schema::names::{is_name, is_name_char};

/// What is wrong, and at which byte of the piece looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wrong {
    pub(super) offset: usize,
    pub(super) message: String,
    /// The entity that is not known, when that is what is wrong.
    pub(super) entity: bool,
}

impl Wrong {
    /// The same, seen from a piece that starts so many bytes earlier.
    pub(super) fn behind(mut self, bytes: usize) -> Wrong {
        self.offset += bytes;
        self
    }
}

fn wrong<T>(offset: usize, message: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { offset, message: message.into(), entity: false })
}

const fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r')
}

/// Where an attribute stands in its tag.
#[derive(Clone, Debug)]
pub(super) struct RawAttribute {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
}

/// Cuts the attributes of a tag; `tag` is what stands between `<` and `>`, its name ends at `from`.
/// False when there are more than `most`.
pub(super) fn cut(tag: &str, from: usize, most: usize, out: &mut Vec<RawAttribute>) -> Result<bool, Wrong> {
    let bytes = tag.as_bytes();
    let at = |index: usize| bytes.get(index).copied();
    let skip = |mut index: usize| {
        while at(index).is_some_and(is_space) {
            index += 1;
        }
        index
    };
    let mut index = from;
    loop {
        let start = skip(index);
        if start >= bytes.len() {
            return Ok(true);
        }
        if start == index {
            return wrong(start, "white space is missing before an attribute");
        }
        if out.len() >= most {
            return Ok(false);
        }
        let mut end = start;
        while at(end).is_some_and(|b| !is_space(b) && !matches!(b, b'=' | b'"' | b'\'' | b'<' | b'/')) {
            end += 1;
        }
        if end == start {
            return wrong(start, "the name of an attribute was expected");
        }
        let equals = skip(end);
        if at(equals) != Some(b'=') {
            return wrong(equals, "an attribute needs = and a value in quotes");
        }
        let open = skip(equals + 1);
        let Some(quote) = at(open).filter(|b| matches!(b, b'"' | b'\'')) else {
            return wrong(open, "the value of an attribute stands in quotes");
        };
        let rest = bytes.get(open + 1..).unwrap_or(&[]);
        let Some(length) = memchr::memchr(quote, rest) else {
            return wrong(open, "the value of an attribute does not end");
        };
        let value = open + 1..open + 1 + length;
        if let Some(less) = memchr::memchr(b'<', rest.get(..length).unwrap_or(&[])) {
            return wrong(value.start + less, "< is not allowed in the value of an attribute");
        }
        index = value.end + 1;
        out.push(RawAttribute { name: start..end, value });
    }
}

/// The value of an attribute: references replaced, white space made spaces (XML 1.0, 3.3.3).
pub(super) fn value<'v>(raw: &'v str, buffer: &'v mut String) -> Result<&'v str, Wrong> {
    if !raw.bytes().any(|b| matches!(b, b'&' | b'\t' | b'\n' | b'\r')) {
        return Ok(raw);
    }
    buffer.clear();
    let mut at = 0;
    let mut rest = raw;
    while let Some(next) = rest.find(['&', '\t', '\n', '\r']) {
        let (plain, from) = rest.split_at(next);
        buffer.push_str(plain);
        at += next;
        if let Some(inside) = from.strip_prefix('&') {
            let Some((name, behind)) = inside.split_once(';') else {
                return wrong(at, "& without its ;");
            };
            buffer.push(reference(name).map_err(|problem| Wrong { offset: at, ..problem })?);
            at += name.len() + 2;
            rest = behind;
        } else {
            let width = if from.starts_with("\r\n") { 2 } else { 1 };
            buffer.push(' ');
            at += width;
            rest = from.get(width..).unwrap_or("");
        }
    }
    buffer.push_str(rest);
    Ok(buffer)
}

/// Whether a character may stand in a document (XML 1.0, 2.2).
pub(super) fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// The first character of a text that may not stand in a document.
pub(super) fn illegal(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let control = |b: &u8| *b < 0x20 && !matches!(*b, b'\t' | b'\n' | b'\r');
    // Without branches the scan runs many bytes at a time.
    let suspicious = bytes.iter().fold(false, |found, b| found | control(b) | (*b == 0xEF));
    if !suspicious {
        return None;
    }
    text.char_indices().find(|(_, c)| !is_char(*c)).map(|(at, _)| at)
}

/// What stands between `&` and `;`: one of the five entities, or a character by number.
pub(super) fn reference(name: &str) -> Result<char, Wrong> {
    let number = match name.strip_prefix('#') {
        None => {
            return match name {
                "lt" => Ok('<'),
                "gt" => Ok('>'),
                "amp" => Ok('&'),
                "apos" => Ok('\''),
                "quot" => Ok('"'),
                _ if is_name(name) => Err(Wrong { offset: 0, message: name.to_owned(), entity: true }),
                _ => wrong(0, format!("&{name}; is no reference")),
            };
        }
        Some(number) => number,
    };
    let digits = |text: &str, radix| {
        let good = !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
        good.then(|| u32::from_str_radix(text, radix).unwrap_or(u32::MAX))
    };
    let code = match number.strip_prefix('x') {
        Some(hexadecimal) => digits(hexadecimal, 16),
        None => digits(number, 10),
    };
    match code {
        None => wrong(0, format!("&{name}; is no reference")),
        Some(code) => match char::from_u32(code).filter(|c| is_char(*c)) {
            Some(c) => Ok(c),
            None => wrong(0, format!("&{name}; is a character that may not stand in a document")),
        },
    }
}

/// Checks an XML declaration, the text between `<?` and `?>` (XML 1.0, 2.8).
pub(super) fn declaration(text: &str) -> Result<(), Wrong> {
    let mut list = Vec::new();
    if !cut(text, "xml".len(), 3, &mut list)? {
        return wrong(0, "the XML declaration says version, encoding and standalone, nothing else");
    }
    let part = |range: &Range<usize>| text.get(range.clone()).unwrap_or("");
    let mut expected: &[&str] = &["version", "encoding", "standalone"];
    for (index, attribute) in list.iter().enumerate() {
        let name = part(&attribute.name);
        let Some(at) = expected.iter().position(|known| *known == name).filter(|at| index > 0 || *at == 0) else {
            return wrong(attribute.name.start, format!("{name} is not expected in the XML declaration"));
        };
        expected = expected.get(at + 1..).unwrap_or(&[]);
        let value = part(&attribute.value);
        let good = match name {
            "version" => value
                .strip_prefix("1.")
                .is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit())),
            "encoding" => {
                value.starts_with(|c: char| c.is_ascii_alphabetic())
                    && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
            }
            _ => matches!(value, "yes" | "no"),
        };
        if !good {
            return wrong(attribute.value.start, format!("{value:?} is not a {name}"));
        }
    }
    if list.is_empty() { wrong(0, "the XML declaration has no version") } else { Ok(()) }
}

/// Checks a processing instruction, the text between `<?` and `?>` (XML 1.0, 2.6).
pub(super) fn instruction(text: &str) -> Result<(), Wrong> {
    let end = text.find(|c: char| !is_name_char(c)).unwrap_or(text.len());
    let (target, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    if !is_name(target) || target.contains(':') {
        return wrong(0, "a processing instruction starts with a name");
    }
    if target.eq_ignore_ascii_case("xml") {
        return wrong(0, "an XML declaration stands at the very beginning only");
    }
    if rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']) {
        Ok(())
    } else {
        wrong(end, "white space is missing behind the name of a processing instruction")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tag: &str, expected: &str) {
        let mut list = Vec::new();
        let from = tag.find(is_space_char).unwrap_or(tag.len());
        let found = match cut(tag, from, 4, &mut list) {
            Err(wrong) => format!("{}: {}", wrong.offset, wrong.message),
            Ok(false) => "too many".to_owned(),
            Ok(true) => {
                let pairs = list.iter().map(|a| {
                    let mut buffer = String::new();
                    let value = value(tag.get(a.value.clone()).unwrap(), &mut buffer);
                    format!("{}={}", tag.get(a.name.clone()).unwrap(), value.unwrap_or("?"))
                });
                pairs.collect::<Vec<_>>().join("|")
            }
        };
        assert_eq!(found, expected, "{tag}");
    }

    fn is_space_char(c: char) -> bool {
        c == ' '
    }

    #[test]
    fn cuts_attributes() {
        check("a", "");
        check("a  b='1'\n c = \"x&lt;&#65;\r\ny\" ", "b=1|c=x<A y");
        check("a b='1'c='2'", "7: white space is missing before an attribute");
        check("a b", "3: an attribute needs = and a value in quotes");
        check("a b=1", "4: the value of an attribute stands in quotes");
        check("a b='<'", "5: < is not allowed in the value of an attribute");
        check("a b='&'", "b=?");
        check("a b='1' c='1' d='1' e='1' f='1'", "too many");
        check("a b='1' /", "8: the name of an attribute was expected");
    }

    #[test]
    fn references() {
        assert_eq!(reference("#x10FFFF"), Ok('\u{10FFFF}'));
        assert_eq!(reference("quot"), Ok('"'));
        for bad in ["#0", "#xD800", "#xFFFE", "#", "#x", "#-1", "#99999999999", "a b", ""] {
            assert!(reference(bad).is_err_and(|wrong| !wrong.entity), "{bad}");
        }
        assert!(reference("nbsp").is_err_and(|wrong| wrong.entity));
    }

    #[test]
    fn declarations_and_instructions() {
        for good in ["xml version='1.0'", "xml version=\"1.0\" encoding='UTF-8' standalone='yes' ", "xml version='1.1'"]
        {
            assert_eq!(declaration(good), Ok(()), "{good}");
        }
        for bad in [
            "xml",
            "xml encoding='UTF-8'",
            "xml version='1.0' standalone='yes' encoding='a'",
            "xml version='2.0'",
            "xml version='1.0' encoding=''",
            "xml version='1.0' standalone='maybe'",
            "xml version='1.0' x='1'",
        ] {
            assert!(declaration(bad).is_err(), "{bad}");
        }
        assert_eq!(instruction("a b"), Ok(()));
        for bad in ["", " a", "XML", "xml x", "a+b", "1"] {
            assert!(instruction(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn illegal_characters() {
        assert_eq!(illegal("a\tb\r\n주\u{FFFD}"), None);
        assert_eq!(illegal("a\u{1}"), Some(1));
        assert_eq!(illegal("주\u{FFFE}"), Some(3));
    }
}
