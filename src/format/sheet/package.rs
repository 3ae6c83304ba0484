//! The parts of an XLSX file: XML files in a ZIP archive. What is unpacked is bounded by what comes out, not by the sizes
//! that the archive claims.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};

use bytes::Bytes;
use quick_xml::Reader as Parser;
use quick_xml::events::{BytesStart, Event};
use zip::result::{ZipError, ZipResult};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::book::{damaged, locked, too_large};
use crate::model::finding::{Code, Finding, Place};

/// The part that makes a package a workbook.
pub(super) const WORKBOOK: &str = "xl/workbook.xml";

/// Names that the first file of such an archive begins with.
const FIRST_NAMES: &[&str] = &["[Content_Types].xml", "_rels/", "docProps/", "xl/"];

/// Whether bytes are a ZIP archive with a workbook in it; where only its beginning is there, whether it begins like one.
pub(super) fn is_workbook(bytes: &[u8]) -> bool {
    if !bytes.starts_with(b"PK\x03\x04") {
        return false;
    }
    match ZipArchive::new(Cursor::new(bytes)) {
        Ok(archive) => archive.index_for_name(WORKBOOK).is_some(),
        Err(_) => {
            // APPNOTE 4.3.7: the length of the name at 26, the name at 30.
            let length = super::compound::u16_at(bytes, 26).unwrap_or(0);
            let name = bytes.get(30..30 + usize::from(length)).unwrap_or(&[]);
            FIRST_NAMES.iter().any(|first| name.starts_with(first.as_bytes()))
        }
    }
}

/// An XLSX file.
pub(super) struct Package {
    archive: ZipArchive<Cursor<Bytes>>,
    /// Bytes that may still be unpacked.
    left: u64,
    most: u64,
}

impl Package {
    /// Opens it; at most so many bytes are unpacked.
    pub(super) fn open(bytes: Bytes, most: u64) -> Result<Package, Finding> {
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| damaged())?;
        Ok(Package { archive, left: most, most })
    }

    /// A part as text; none where there is no such part.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<String>, Finding> {
        let name = name.trim_start_matches('/');
        let mut file = match self.archive.by_name(name) {
            Ok(file) => file,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => return Err(locked()),
            Err(_) => return Err(damaged()),
        };
        let mut bytes = Vec::new();
        let read = file.by_ref().take(self.left.saturating_add(1)).read_to_end(&mut bytes);
        let unpacked = bytes.len() as u64;
        if unpacked > self.left {
            return Err(too_large(self.most));
        }
        read.map_err(|_| damaged())?;
        self.left -= unpacked;
        let mut text = String::from_utf8(bytes).map_err(|_| damaged())?;
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        Ok(Some(text))
    }
}

impl Package {
    /// Whether there is such a part.
    pub(super) fn has(&self, name: &str) -> bool {
        self.archive.index_for_name(name.trim_start_matches('/')).is_some()
    }

    /// The package with parts replaced and added; all others are copied as they are packed.
    pub(super) fn with(mut self, mut parts: BTreeMap<String, String>) -> ZipResult<Vec<u8>> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for index in 0..self.archive.len() {
            let file = self.archive.by_index_raw(index)?;
            let name = file.name()?.into_owned();
            match parts.remove(&name) {
                Some(text) => {
                    zip.start_file(name, SimpleFileOptions::default())?;
                    zip.write_all(text.as_bytes())?;
                }
                None => zip.raw_copy_file(file)?,
            }
        }
        for (name, text) in parts {
            zip.start_file(name, SimpleFileOptions::default())?;
            zip.write_all(text.as_bytes())?;
        }
        Ok(zip.finish()?.into_inner())
    }
}

/// An attribute by its name, without prefix.
pub(super) fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.attributes().flatten().find(|attribute| attribute.key.local_name().as_ref() == name)?;
    quick_xml::escape::unescape(&found.value).ok().map(|value| value.into_owned())
}

/// Calls `each` with every event of a text from an offset on, until it says that it has enough; the offset behind that.
pub(super) fn events(
    text: &str,
    from: usize,
    mut each: impl FnMut(&Event<'_>) -> Result<bool, Finding>,
) -> Result<Option<usize>, Finding> {
    let rest = text.get(from..).ok_or_else(damaged)?;
    let mut parser = Parser::from_str(rest);
    // A sheet is read row by row, so the parser has not seen what it is in.
    let config = parser.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    loop {
        match parser.read_event() {
            Ok(Event::Eof) => return Ok(None),
            Ok(Event::DocType(_)) => return Err(Finding::error(Code::DoctypeRefused, Place::default())),
            Ok(event) => {
                if !each(&event)? {
                    let behind = usize::try_from(parser.buffer_position()).unwrap_or(usize::MAX);
                    return Ok(Some(from.saturating_add(behind)));
                }
            }
            Err(_) => return Err(damaged()),
        }
    }
}

/// Adds what an event says as text: characters, sections, references.
pub(super) fn push_text(out: &mut String, event: &Event<'_>) {
    match event {
        Event::Text(text) => out.push_str(text),
        Event::CData(text) => out.push_str(text),
        Event::GeneralRef(name) => {
            if let Ok(text) = quick_xml::escape::unescape(&format!("&{};", &**name)) {
                out.push_str(&text);
            }
        }
        _ => {}
    }
}

/// A text with its `_x000D_` (ECMA-376 part 1, 22.9.2.19) as characters; line ends are LF.
pub(super) fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("_x") {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let code = from.get(2..6).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let c = code.filter(|_| from.get(6..7) == Some("_")).and_then(|code| u32::from_str_radix(code, 16).ok());
        match c.and_then(char::from_u32) {
            Some(c) => {
                out.push(c);
                rest = from.get(7..).unwrap_or("");
            }
            None => {
                out.push_str("_x");
                rest = from.get(2..).unwrap_or("");
            }
        }
    }
    out.push_str(rest);
    if out.contains('\r') { out.replace("\r\n", "\n").replace('\r', "\n") } else { out }
}
