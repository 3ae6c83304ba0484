//! XLSX (ECMA-376 part 1, SpreadsheetML, transitional and strict): the texts of cells as people see them. A sheet is
//! unpacked whole and read row by row. Formulas count by the value that was kept with them. Left out: XLSB, charts,
//! comments, what conditional formats and data bars show.

use bytes::Bytes;
use quick_xml::events::{BytesStart, Event};

use super::book::{Book, MOST_MERGED, MOST_SHEETS, Merged, Row, damaged};
use super::number::{Seen, from_text};
use super::package::{Package, WORKBOOK, attribute, events, push_text, unescaped};
use crate::model::finding::{Code, Finding, Place};

/// A workbook.
pub(super) struct Xlsx {
    package: Package,
    sheets: Vec<Sheet>,
    from_1904: bool,
    strings: Strings,
    /// What each style makes of numbers.
    styles: Vec<Seen>,
    /// The sheet that is read, and where in it.
    text: String,
    at: Option<usize>,
    number: u32,
}

/// A sheet that people see.
pub(super) struct Sheet {
    pub(super) name: String,
    /// Its part in the package.
    pub(super) path: String,
}

/// Which parts of a package are what.
pub(super) struct Parts {
    pub(super) sheets: Vec<Sheet>,
    pub(super) styles: Option<String>,
    strings: Option<String>,
    from_1904: bool,
}

/// Finds the parts of a workbook.
pub(super) fn parts(package: &mut Package) -> Result<Parts, Finding> {
    let Some(workbook) = package.part(WORKBOOK)? else {
        return Err(Finding::error(Code::UnknownFormat, Place::default()).found("PK"));
    };
    let related = package.part("xl/_rels/workbook.xml.rels")?.unwrap_or_default();
    let mut parts: Vec<(String, String, String)> = Vec::new();
    events(&related, 0, |event| {
        if let Some(tag) = starts(event, "Relationship") {
            let said = |name| attribute(tag, name).unwrap_or_default();
            parts.push((said("Id"), said("Type"), path(&said("Target"))));
        }
        Ok(true)
    })?;
    let (mut sheets, mut from_1904) = (Vec::new(), false);
    events(&workbook, 0, |event| {
        if let Some(tag) = starts(event, "workbookPr") {
            from_1904 = attribute(tag, "date1904").is_some_and(|value| matches!(value.as_str(), "1" | "true"));
        }
        if let Some(tag) = starts(event, "sheet") {
            let seen = attribute(tag, "state").is_none_or(|state| state == "visible");
            let id = attribute(tag, "id").unwrap_or_default();
            let part = parts.iter().find(|(known, kind, _)| *known == id && kind.ends_with("/worksheet"));
            if let (true, Some((_, _, path)), true) = (seen, part, sheets.len() < MOST_SHEETS) {
                sheets.push(Sheet { name: attribute(tag, "name").unwrap_or_default(), path: path.clone() });
            }
        }
        Ok(true)
    })?;
    let part = |kind: &str| parts.iter().find(|(_, known, _)| known.ends_with(kind)).map(|(_, _, path)| path.clone());
    Ok(Parts { sheets, styles: part("/styles"), strings: part("/sharedStrings"), from_1904 })
}

/// The shared strings, one behind the other.
#[derive(Default)]
struct Strings {
    text: String,
    ends: Vec<usize>,
}

impl Strings {
    fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.text.get(start..end)
    }
}

/// Whether an event starts an element of that name.
fn starts<'e>(event: &'e Event<'_>, name: &str) -> Option<&'e BytesStart<'e>> {
    match event {
        Event::Start(tag) | Event::Empty(tag) if tag.local_name().as_ref() == name => Some(tag),
        _ => None,
    }
}

/// The path of a part that another in `xl/` names.
fn path(target: &str) -> String {
    match target.strip_prefix('/') {
        Some(whole) => whole.to_owned(),
        None => format!("xl/{}", target.trim_start_matches("./")),
    }
}

/// `AB12` as column and row, from 1.
pub(super) fn cell_of(name: &str) -> Option<(u32, u32)> {
    let name = name.trim();
    let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (letters, row) = name.split_at_checked(letters).filter(|(letters, _)| (1..=3).contains(&letters.len()))?;
    let column = letters.bytes().fold(0, |sum, byte| sum * 26 + u32::from(byte.to_ascii_uppercase() - b'A') + 1);
    Some((column, row.parse().ok()?))
}

impl Xlsx {
    /// Opens a file; at most so many bytes of it are unpacked.
    pub(super) fn open(bytes: Bytes, most: u64) -> Result<Xlsx, Finding> {
        let mut package = Package::open(bytes, most)?;
        let parts = parts(&mut package)?;
        let mut part = |path: Option<String>| path.map_or(Ok(None), |path| package.part(&path));
        let styles = part(parts.styles)?.map_or(Ok(Vec::new()), |text| styles(&text))?;
        let strings = part(parts.strings)?.map_or(Ok(Strings::default()), |text| strings(&text))?;
        let (sheets, from_1904) = (parts.sheets, parts.from_1904);
        Ok(Xlsx { package, sheets, from_1904, strings, styles, text: String::new(), at: None, number: 0 })
    }

    /// The text of a cell by its type and what stands in it, and whether it is an error.
    fn seen(&self, kind: &str, style: usize, value: String) -> (String, bool) {
        match kind {
            "s" => {
                let text = value.trim().parse().ok().and_then(|index| self.strings.get(index));
                (text.unwrap_or("").to_owned(), false)
            }
            "b" => (if value.trim() == "1" { "TRUE" } else { "FALSE" }.to_owned(), false),
            "e" => (value, true),
            "str" | "inlineStr" => (unescaped(&value), false),
            "d" => (value, false),
            _ => match from_text(&value) {
                Some(number) => {
                    let seen = self.styles.get(style);
                    (seen.map_or_else(|| number.clone(), |seen| seen.show(number.clone(), self.from_1904)), false)
                }
                None => (value, false),
            },
        }
    }
}

/// What the styles of cells make of numbers.
fn styles(text: &str) -> Result<Vec<Seen>, Finding> {
    let mut codes: Vec<(String, Seen)> = Vec::new();
    let (mut styles, mut inside) = (Vec::new(), false);
    events(text, 0, |event| {
        if let Some(tag) = starts(event, "numFmt") {
            let code = attribute(tag, "formatCode").unwrap_or_default();
            codes.push((attribute(tag, "numFmtId").unwrap_or_default(), Seen::of_code(&code)));
        } else if starts(event, "cellXfs").is_some() {
            inside = true;
        } else if let Some(tag) = starts(event, "xf").filter(|_| inside) {
            let id = attribute(tag, "numFmtId").unwrap_or_default();
            let known = codes.iter().find(|(known, _)| *known == id).map(|(_, seen)| seen.clone());
            styles.push(known.unwrap_or_else(|| Seen::of_builtin(id.parse().unwrap_or(0))));
        } else if matches!(event, Event::End(tag) if tag.local_name().as_ref() == "cellXfs") {
            inside = false;
        }
        Ok(true)
    })?;
    Ok(styles)
}

/// The shared strings: runs of one string are joined, how it is pronounced is left out.
fn strings(text: &str) -> Result<Strings, Finding> {
    let mut strings = Strings::default();
    let (mut one, mut in_text, mut phonetic) = (String::new(), false, false);
    events(text, 0, |event| {
        match event {
            Event::Empty(tag) if tag.local_name().as_ref() == "si" => strings.ends.push(strings.text.len()),
            Event::Start(tag) => match tag.local_name().as_ref() {
                "si" => one.clear(),
                "t" => in_text = !phonetic,
                "rPh" => phonetic = true,
                _ => {}
            },
            Event::End(tag) => match tag.local_name().as_ref() {
                "si" => {
                    strings.text.push_str(&unescaped(&one));
                    strings.ends.push(strings.text.len());
                }
                "t" => in_text = false,
                "rPh" => phonetic = false,
                _ => {}
            },
            other if in_text => push_text(&mut one, other),
            _ => {}
        }
        Ok(true)
    })?;
    Ok(strings)
}

impl Book for Xlsx {
    fn sheets(&self) -> Vec<String> {
        self.sheets.iter().map(|sheet| sheet.name.clone()).collect()
    }

    fn open(&mut self, sheet: usize) -> Result<Merged, Finding> {
        let path = self.sheets.get(sheet).map(|sheet| sheet.path.clone()).unwrap_or_default();
        // The last one is let go first.
        self.text = String::new();
        self.text = self.package.part(&path)?.ok_or_else(damaged)?;
        self.number = 0;
        let mut empty = false;
        self.at = events(&self.text, 0, |event| {
            empty = matches!(event, Event::Empty(_));
            Ok(starts(event, "sheetData").is_none())
        })?;
        if empty {
            self.at = None;
        }
        // Merged cells stand behind the rows.
        let mut merged = Merged::default();
        if let Some(start) = self.text.rfind("</sheetData").or_else(|| self.text.rfind(":sheetData>")) {
            events(&self.text, start, |event| {
                let range = starts(event, "mergeCell").and_then(|tag| attribute(tag, "ref"));
                if let Some((first, last)) = range.as_deref().and_then(|range| range.split_once(':'))
                    && let (Some((column, row)), Some((last_column, last))) = (cell_of(first), cell_of(last))
                    && merged.len() < MOST_MERGED
                {
                    merged.insert((row, column), (last, last_column));
                }
                Ok(true)
            })?;
        }
        Ok(merged)
    }

    fn row(&mut self, row: &mut Row) -> Result<bool, Finding> {
        let Some(from) = self.at else { return Ok(false) };
        let (mut found, mut ended) = (false, false);
        let mut number = self.number;
        let (mut column, mut kind, mut style) = (0, String::new(), 0);
        let (mut value, mut in_value, mut phonetic) = (String::new(), false, false);
        let behind = events(&self.text, from, |event| {
            match event {
                Event::Start(tag) | Event::Empty(tag) => match tag.local_name().as_ref() {
                    "row" => {
                        let said = attribute(tag, "r").and_then(|text| text.trim().parse().ok());
                        number = said.unwrap_or(number.saturating_add(1));
                        row.begin(number);
                        (found, column) = (true, 0);
                        return Ok(matches!(event, Event::Start(_)));
                    }
                    "c" => {
                        column = attribute(tag, "r").and_then(|name| cell_of(&name)).map_or(column + 1, |cell| cell.0);
                        kind = attribute(tag, "t").unwrap_or_default();
                        style = attribute(tag, "s").and_then(|text| text.parse().ok()).unwrap_or(0);
                        value.clear();
                    }
                    "v" | "t" => in_value = matches!(event, Event::Start(_)) && !phonetic,
                    "rPh" => phonetic = matches!(event, Event::Start(_)),
                    _ => {}
                },
                Event::End(tag) => match tag.local_name().as_ref() {
                    "row" => return Ok(false),
                    "sheetData" => {
                        ended = true;
                        return Ok(false);
                    }
                    "c" if !value.is_empty() => {
                        let (text, error) = self.seen(&kind, style, std::mem::take(&mut value));
                        row.put(column, &text, error);
                    }
                    "v" | "t" => in_value = false,
                    "rPh" => phonetic = false,
                    _ => {}
                },
                other if in_value => push_text(&mut value, other),
                _ => {}
            }
            Ok(true)
        })?;
        if behind.is_none() {
            // The text ended before the rows did.
            return Err(damaged());
        }
        self.at = behind.filter(|_| !ended);
        self.number = number;
        Ok(found && !ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_names() {
        assert_eq!(cell_of("A1"), Some((1, 1)));
        assert_eq!(cell_of("AB12"), Some((28, 12)));
        assert_eq!(cell_of("XFD1048576"), Some((16384, 1_048_576)));
        assert_eq!(cell_of("12"), None);
        assert_eq!(cell_of("ABCD1"), None);
        assert_eq!(cell_of("A"), None);
    }

    #[test]
    fn escapes_are_characters() {
        assert_eq!(unescaped("a_x000D__x000a_b"), "a\nb");
        assert_eq!(unescaped("_x0041_1"), "A1");
        assert_eq!(unescaped("box_x12"), "box_x12");
        assert_eq!(unescaped("_x한글자_"), "_x한글자_");
    }
}
