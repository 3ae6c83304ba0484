//! Bytes as received, shown as text: numbered lines, segments each on their own, and findings beside the line they are
//! about. Bounded: the rest of a large payload is there for downloading.

use encoding_rs::{EUC_KR, Encoding, UTF_8, WINDOWS_1252};

use super::findings::FindingView;
use crate::format::{Hint, recognise};
use crate::model::finding::{Finding, Language};

/// Bytes of a payload that are shown.
pub(crate) const MOST_BYTES: usize = 256 * 1024;

/// Rows that are shown.
const MOST_ROWS: usize = 4_000;

/// Characters of one row; a longer line goes on in the next row.
const LONGEST_ROW: usize = 2_000;

/// A row of text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Row {
    /// Line number, or for segments the position in the message; empty where neither applies.
    pub(crate) number: String,
    /// The text; control characters as their symbols.
    pub(crate) text: String,
    /// What is wrong here.
    pub(crate) findings: Vec<FindingView>,
    line: u32,
    column: u32,
    segment: u32,
}

/// A payload as text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Text {
    /// The rows.
    pub(crate) rows: Vec<Row>,
    /// The character set it was read by.
    pub(crate) charset: &'static str,
    /// Whether there is more than what is shown.
    pub(crate) cut: bool,
    /// Whether the rows are segments.
    pub(crate) segments: bool,
    /// Findings that have no row.
    pub(crate) elsewhere: Vec<FindingView>,
}

/// The text of a payload's first bytes, with findings beside their lines. `charset` is what the transport or the
/// agreement said, or empty; `more` whether bytes were left out.
pub(crate) fn text(bytes: &[u8], charset: &str, more: bool, findings: &[Finding], language: Language) -> Text {
    // What is no text is shown as a tree only.
    let is_text = recognise(bytes, &Hint::default()).is_none_or(|format| format.magic.is_none());
    let (decoded, charset) = if is_text { decode(bytes, charset) } else { (String::new(), "") };
    let dialect = Dialect::of(&decoded);
    let (mut rows, cut) = rows(&decoded, dialect);
    let mut elsewhere = Vec::new();
    for finding in findings {
        let view = FindingView::new(finding, language);
        match place(&rows, finding).and_then(|index| rows.get_mut(index)) {
            // The place is where it stands.
            Some(row) => row.findings.push(FindingView { place: String::new(), path: String::new(), ..view }),
            None => elsewhere.push(view),
        }
    }
    Text { rows, charset, cut: cut || more, segments: dialect.is_some(), elsewhere }
}

/// The row a finding is about: by line and column where it has them, else by its segment if there is one message.
fn place(rows: &[Row], finding: &Finding) -> Option<usize> {
    if let Some(line) = finding.place.line {
        let column = finding.place.column.unwrap_or(1);
        return rows
            .iter()
            .rposition(|row| (row.line, row.column) <= (line, column))
            .filter(|index| rows.get(*index).is_some_and(|row| row.line == line));
    }
    let segment = finding.place.segment?;
    let mut fitting = rows.iter().enumerate().filter(|(_, row)| row.segment == segment);
    let first = fitting.next()?.0;
    fitting.next().is_none().then_some(first)
}

/// How segments end, for EDIFACT (ISO 9735 UNA) and X12 (ISA, whose 106th byte is the terminator).
#[derive(Clone, Copy)]
struct Dialect {
    release: Option<char>,
    terminator: char,
}

impl Dialect {
    fn of(text: &str) -> Option<Dialect> {
        let text = text.trim_start();
        if let Some(una) = text.strip_prefix("UNA") {
            let mut service = una.chars();
            let release = service.nth(3).filter(|c| *c != ' ');
            return Some(Dialect { release, terminator: service.nth(1)? });
        }
        if text.starts_with("UNB") {
            let level_b = text.chars().nth(3) == Some('\u{1d}');
            return Some(if level_b {
                Dialect { release: None, terminator: '\u{1c}' }
            } else {
                Dialect { release: Some('?'), terminator: '\'' }
            });
        }
        if text.starts_with("ISA") {
            return text.chars().nth(105).map(|terminator| Dialect { release: None, terminator });
        }
        None
    }
}

fn rows(text: &str, dialect: Option<Dialect>) -> (Vec<Row>, bool) {
    let mut rows: Vec<Row> = Vec::new();
    let mut row = Row { line: 1, column: 1, ..Row::default() };
    let (mut line, mut column, mut length, mut released) = (1_u32, 1_u32, 0_usize, false);
    let mut segment = 0_u32;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let ends_segment = dialect.is_some_and(|dialect| c == dialect.terminator && !released);
        released = dialect.is_some_and(|dialect| dialect.release == Some(c)) && !released;
        match c {
            '\n' => {}
            '\r' if characters.peek() == Some(&'\n') => {}
            '\t' => row.text.push('\t'),
            c if c.is_control() => row.text.push(symbol(c)),
            c => row.text.push(c),
        }
        length += 1;
        if c == '\n' {
            (line, column) = (line + 1, 1);
        } else {
            column += 1;
        }
        let before_line_end = matches!(characters.peek(), Some('\n' | '\r'));
        if c == '\n' || (ends_segment && !before_line_end) || length >= LONGEST_ROW {
            number(&mut row, dialect.is_some(), &mut segment, rows.last());
            rows.push(std::mem::replace(&mut row, Row { line, column, ..Row::default() }));
            length = 0;
            if rows.len() >= MOST_ROWS {
                return (rows, characters.peek().is_some());
            }
        }
    }
    if !row.text.is_empty() {
        number(&mut row, dialect.is_some(), &mut segment, rows.last());
        rows.push(row);
    }
    (rows, false)
}

/// Numbers a row: a line by its line, a segment by its place in its message (UNH or ST is 1).
fn number(row: &mut Row, segments: bool, segment: &mut u32, before: Option<&Row>) {
    if !segments {
        if before.is_none_or(|before| before.line != row.line) {
            row.number = row.line.to_string();
        }
        return;
    }
    let starts = |tags: &[&str]| tags.iter().any(|tag| row.text.starts_with(tag));
    if starts(&["UNH", "ST*"]) {
        *segment = 1;
    } else if starts(&["UNA", "UNB", "UNG", "UNE", "UNZ", "ISA", "GS*", "GE*", "IEA"]) {
        *segment = 0;
    } else if *segment > 0 && !row.text.trim().is_empty() {
        *segment += 1;
    }
    if *segment > 0 {
        row.segment = *segment;
        row.number = segment.to_string();
    }
}

/// The symbol of a control character (Unicode block 2400), so that separators of level B can be seen.
fn symbol(c: char) -> char {
    match c as u32 {
        code @ 0..=0x1f => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
        0x7f => '\u{2421}',
        _ => '\u{fffd}',
    }
}

/// Text for the eye: a byte order mark, what the XML declaration or the transport says, else UTF-8, else CP949 where it
/// fits, else with marks where it does not.
fn decode(bytes: &[u8], charset: &str) -> (String, &'static str) {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let rest = bytes.get(mark..).unwrap_or(&[]);
        return (encoding.decode_without_bom_handling(rest).0.into_owned(), encoding.name());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (text.to_owned(), UTF_8.name());
    }
    let start = String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes)).into_owned();
    let declared = start.strip_prefix("<?xml").and_then(|rest| {
        let (_, rest) = rest.split_once("encoding=")?;
        rest.get(1..)?.split(['"', '\'']).next().map(str::to_owned)
    });
    let named = declared.as_deref().or((!charset.is_empty()).then_some(charset));
    let named = named.and_then(|name| match name.to_ascii_lowercase().as_str() {
        "cp949" | "ms949" | "uhc" | "keca" | "ks_c_5601-1987" => Some(EUC_KR),
        other => Encoding::for_label(other.as_bytes()),
    });
    let edifact = start.contains("UNOC").then_some(WINDOWS_1252);
    let (encoding, text) = [named, edifact, Some(EUC_KR)]
        .into_iter()
        .flatten()
        .find_map(|encoding| {
            encoding
                .decode_without_bom_handling_and_without_replacement(bytes)
                .map(|text| (encoding, text.into_owned()))
        })
        .unwrap_or_else(|| (UTF_8, String::from_utf8_lossy(bytes).into_owned()));
    (text, encoding.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::{Code, Place};

    fn check(bytes: &[u8], finding: Place, expected: &[(&str, &str, usize)]) {
        let findings = [Finding::error(Code::Missing, finding)];
        let text = text(bytes, "", false, &findings, Language::En);
        let rows: Vec<_> =
            text.rows.iter().map(|row| (row.number.as_str(), row.text.as_str(), row.findings.len())).collect();
        assert_eq!(rows, expected);
    }

    fn at(line: u32, column: u32) -> Place {
        Place { line: Some(line), column: Some(column), ..Place::default() }
    }

    #[test]
    fn a_workbook_is_not_shown_as_text() {
        let workbook = include_bytes!("../../samples/sheets/order.xlsx");
        let place = Place { sheet: Some("발주서".to_owned()), cell: Some("O7".to_owned()), ..Place::default() };
        let finding = Finding::error(Code::BadValue, place);
        let shown = text(workbook, "", false, &[finding], Language::Ko);
        assert!(shown.rows.iter().all(|row| row.text.is_empty()));
        assert_eq!(shown.elsewhere.len(), 1);
        assert!(shown.elsewhere[0].place.contains("발주서"), "{}", shown.elsewhere[0].place);
    }

    #[test]
    fn lines() {
        check(b"<a>\r\n  <b/>\r\n</a>", at(2, 3), &[("1", "<a>", 0), ("2", "  <b/>", 1), ("3", "</a>", 0)]);
        check(b"", at(1, 1), &[]);
        check("주문\u{1}".as_bytes(), at(1, 1), &[("1", "주문\u{2401}", 1)]);
    }

    #[test]
    fn segments_on_one_line() {
        check(
            b"UNB+UNOC:3+A+B'UNH+1+ORDERS'BGM+220+it?'s'UNT+3+1'UNZ+1+1'",
            at(1, 33),
            &[
                ("", "UNB+UNOC:3+A+B'", 0),
                ("1", "UNH+1+ORDERS'", 0),
                ("2", "BGM+220+it?'s'", 1),
                ("3", "UNT+3+1'", 0),
                ("", "UNZ+1+1'", 0),
            ],
        );
    }

    #[test]
    fn segments_on_lines_of_their_own() {
        let bytes = b"UNA:+.? '\r\nUNB+UNOC:3+A+B'\r\nUNH+1+ORDERS'\r\nBGM+220'\r\n";
        let rows = [("", "UNA:+.? '", 0), ("", "UNB+UNOC:3+A+B'", 0), ("1", "UNH+1+ORDERS'", 0), ("2", "BGM+220'", 1)];
        check(bytes, at(4, 5), &rows);
        check(bytes, Place { segment: Some(2), ..Place::default() }, &rows);
    }

    #[test]
    fn other_terminators() {
        check(b"UNA:+.  ~UNB+1~UNH+1~", at(9, 9), &[("", "UNA:+.  ~", 0), ("", "UNB+1~", 0), ("1", "UNH+1~", 0)]);
        check(
            b"UNB\x1dUNOB\x1cUNH\x1d1\x1c",
            at(9, 9),
            &[("", "UNB\u{241d}UNOB\u{241c}", 0), ("1", "UNH\u{241d}1\u{241c}", 0)],
        );
    }

    #[test]
    fn long_lines_go_on_without_a_number() {
        let long = "x".repeat(LONGEST_ROW + 5);
        let text = text(long.as_bytes(), "", false, &[], Language::En);
        let numbers: Vec<_> = text.rows.iter().map(|row| (row.number.as_str(), row.text.len())).collect();
        assert_eq!(numbers, [("1", LONGEST_ROW), ("", 5)]);
    }

    #[test]
    fn character_sets() {
        let check = |bytes: &[u8], charset: &str, expected: (&str, &str)| {
            let (text, name) = decode(bytes, charset);
            assert_eq!((text.as_str(), name), expected);
        };
        check(b"\xEF\xBB\xBFa", "", ("a", "UTF-8"));
        check(b"\xC1\xD6\xB9\xAE", "", ("주문", "EUC-KR"));
        check(b"\xC1\xD6\xB9\xAE", "ks_c_5601-1987", ("주문", "EUC-KR"));
        check(b"UNB+UNOC:3+M\xFCller'", "", ("UNB+UNOC:3+Müller'", "windows-1252"));
        check(
            b"<?xml version='1.0' encoding='iso-8859-2'?><a>\xB3</a>",
            "utf-8",
            ("<?xml version='1.0' encoding='iso-8859-2'?><a>ł</a>", "ISO-8859-2"),
        );
        check(b"\xFF\x00", "", ("\u{fffd}\0", "UTF-8"));
    }
}
