//! Which format bytes are in, and a reader for them.
//!
//! What is no text is known by its bytes. Of text the first characters decide where a format has a beginning of its own (`<`,
//! `{`, `UNA`); then what the transport says (media type, file name; but text that claims to be a spreadsheet is none); then
//! whether the first line is a header row whose words are known. What nothing recognises is one finding.

use std::borrow::Cow;
use std::io::Read;

use bytes::Bytes;

use super::encoding::{self, Found};
use super::{FORMATS, Format, Hint, Limits, Part, Reader, Source};
use crate::error::{Context, Result};
use crate::model::finding::{Code, Finding, Findings, Place};

/// Bytes looked at.
const LOOK_BYTES: usize = 4 << 10;

/// The format of bytes. Of text only the first 4 KiB are looked at; whether an archive is a workbook can only be guessed
/// where not all of it is there.
pub fn recognise(bytes: &[u8], hint: &Hint) -> Option<&'static Format> {
    if let Some(format) = FORMATS.iter().find(|format| format.magic.is_some_and(|magic| magic(bytes))) {
        return Some(format);
    }
    let head = bytes.get(..LOOK_BYTES).unwrap_or(bytes);
    let text = text(head, hint);
    let start = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    if start.is_empty() && head.len() < LOOK_BYTES {
        // Nothing to be told; the hint names who says that it is empty.
        return said(hint);
    }
    let by_start = FORMATS.iter().find(|format| (format.begins)(start));
    let said = by_start.or_else(|| said(hint));
    // Tables of text are often called .xls; what is really none can only be said by the reader of what it claims to be.
    let text = said.filter(|format| format.magic.is_none());
    text.or_else(|| FORMATS.iter().find(|format| (format.looks)(start))).or(said)
}

/// By media type, then by the ending of the file's name.
fn said(hint: &Hint) -> Option<&'static Format> {
    let media = hint.content_type.as_deref().map(|media| media.split(';').next().unwrap_or(media).trim());
    let by_media = media.and_then(|media| FORMATS.iter().find(|format| format.media_types.contains(&media)));
    let ending = hint.file_name.as_deref().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending);
    by_media.or_else(|| {
        let ending = ending?.to_ascii_lowercase();
        FORMATS.iter().find(|format| format.endings.contains(&ending.as_str()))
    })
}

/// The head as text, as far as it goes.
fn text<'h>(head: &'h [u8], hint: &Hint) -> Cow<'h, str> {
    match encoding::find(head, hint.charset.as_deref()) {
        Found::Charset(charset, mark) => {
            let (text, stop) = encoding::decode(head, charset, mark);
            // Most legacy tables that say nothing are CP949.
            if stop.is_some() && hint.charset.is_none() && mark == 0 {
                return encoding_rs::EUC_KR.decode_without_bom_handling(head).0;
            }
            text
        }
        Found::Unknown(_) => String::from_utf8_lossy(head),
    }
}

/// A reader for bytes in any format.
pub fn open(source: Source, hint: &Hint, limits: Limits) -> Result<Box<dyn Reader>> {
    let (head, source): (Bytes, Source) = match source {
        Source::Bytes(bytes) => (bytes.clone(), Source::Bytes(bytes)),
        Source::Stream(mut read) => {
            let mut head = Vec::new();
            read.by_ref().take(LOOK_BYTES as u64).read_to_end(&mut head).context(|| "read the interchange")?;
            let rest = std::io::Cursor::new(head.clone()).chain(read);
            (head.into(), Source::Stream(Box::new(rest)))
        }
    };
    match recognise(&head, hint) {
        Some(format) => (format.open)(source, hint, &limits),
        None => Ok(Box::new(Unknown { finding: Some(unknown(&head, hint)) })),
    }
}

fn unknown(head: &[u8], hint: &Hint) -> Finding {
    let head = head.get(..LOOK_BYTES).unwrap_or(head);
    let text = text(head, hint);
    let start: String = text.trim().chars().take(30).collect();
    match start.is_empty() {
        true => Finding::error(Code::Empty, Place::default()),
        false => Finding::error(Code::UnknownFormat, Place::default()).found(start),
    }
}

/// Says that the format is not known.
struct Unknown {
    finding: Option<Finding>,
}

impl Reader for Unknown {
    fn next(&mut self, findings: &mut Findings) -> Result<Option<Part>> {
        findings.extend(self.finding.take());
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(head: &[u8], content_type: Option<&str>, file_name: Option<&str>) -> &'static str {
        let hint = Hint {
            content_type: content_type.map(str::to_owned),
            file_name: file_name.map(str::to_owned),
            ..Hint::default()
        };
        recognise(head, &hint).map_or("-", |format| format.name)
    }

    #[test]
    fn the_first_characters_decide() {
        assert_eq!(name(b"\xef\xbb\xbf \n<?xml version='1.0'?><Order/>", None, None), "xml");
        assert_eq!(name(b"\xff\xfe<\0a\0/\0>\0", None, None), "xml");
        assert_eq!(name(b"<Order/>", Some("text/csv"), None), "xml");
        assert_eq!(name(b"UNA:+.? 'UNB+", None, None), "edifact");
        assert_eq!(name(b"\r\nUNB+UNOC:3+", Some("application/json"), None), "edifact");
        assert_eq!(name(b"UNB\x1dUNOB\x1f3", None, None), "edifact");
        assert_eq!(name(b"UNBELIEVABLE,item_id", None, None), "csv");
        assert_eq!(name(b" {\"type\":\"Order\"}", None, None), "json");
        assert_eq!(name(b"[{}]", None, None), "json");
    }

    #[test]
    fn then_what_the_transport_says_and_then_the_header_row() {
        assert_eq!(name(b"type=Order&id=1", Some("application/x-www-form-urlencoded"), None), "form");
        assert_eq!(name(b"x;y\n1;2", Some("text/csv"), None), "csv");
        assert_eq!(name(b"x;y\n1;2", None, Some("list.CSV")), "csv");
        assert_eq!(name(b"item_id;price\n1;2", Some("application/vnd.ms-excel"), Some("list.xls")), "csv");
        assert_eq!(name(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", None, None), "-");
        assert_eq!(name(b"PK\x03\x04", None, Some("cut.xlsx")), "sheet");
        assert_eq!(name(b"PK\x03\x04", None, None), "-");
        assert_eq!(name(b"oops", Some("application/xml"), None), "xml");
        assert_eq!(name("품목코드,단가\n".as_bytes(), None, None), "csv");
        assert_eq!(name(b"\xc7\xb0\xb8\xf1\xc4\xda\xb5\xe5,\xb4\xdc\xb0\xa1\n", None, None), "csv");
        assert_eq!(name(b"hello world", None, None), "-");
        assert_eq!(name(b"", None, None), "-");
        assert_eq!(name(b"%PDF-1.7", None, Some("order.pdf")), "-");
    }

    #[test]
    fn what_is_wrong_with_a_message_is_told_while_it_is_open() {
        for (text, content_type) in [
            ("UNB+UNOC:3+A+B+260102:1530+1'UNH+1+ORDERS:D:01B:UN'BGM+a+b+c+d+e'UNT+3+1'UNZ+1+1'", ""),
            ("{\"type\":\"Order\",\"id\":1,\"id\":2}", ""),
            ("<Order xmlns='urn:oasis:names:specification:ubl:schema:xsd:Order-2'>&x;</Order>", ""),
            ("<Order xmlns='urn:oasis:names:specification:ubl:schema:xsd:Order-2'/>behind", ""),
            ("item_id,what\nA,1,2\n", ""),
            ("type=Order&a..b=1", "application/x-www-form-urlencoded"),
        ] {
            let hint = Hint { content_type: Some(content_type.to_owned()), ..Hint::default() };
            let mut reader = open(Source::Bytes(Bytes::from(text)), &hint, Limits::default()).unwrap();
            let (mut outer, mut inner, mut is_open) = (Findings::default(), Findings::default(), false);
            while let Some(part) = reader.next(if is_open { &mut inner } else { &mut outer }).unwrap() {
                match part {
                    Part::Start(_) => is_open = true,
                    Part::End => is_open = false,
                    _ => {}
                }
            }
            assert_eq!(outer.as_slice(), [], "{text}");
            assert!(!inner.is_empty(), "{text}");
        }
    }

    #[test]
    fn a_workbook_is_known_by_its_beginning_in_a_stream() {
        let workbook: &[u8] = include_bytes!("../../samples/sheets/catalogue.xlsx");
        for source in [Source::Stream(Box::new(workbook)), Source::Bytes(Bytes::from_static(workbook))] {
            let mut reader = open(source, &Hint::default(), Limits::default()).unwrap();
            let part = reader.next(&mut Findings::default()).unwrap();
            assert!(matches!(part, Some(Part::Start(start)) if start.message_type.to_string() == "sheet/1/Catalogue"));
        }
        assert_eq!(name(include_bytes!("../../samples/sheets/orders.xls"), None, Some("a.csv")), "sheet");
    }

    #[test]
    fn what_is_not_known_is_one_finding() {
        let mut findings = Findings::default();
        for (bytes, stream) in [(&b"%PDF-1.7"[..], false), (b"%PDF-1.7", true), (b"", false)] {
            let source = match stream {
                true => Source::Stream(Box::new(bytes)),
                false => Source::Bytes(Bytes::from_static(bytes)),
            };
            let mut reader = open(source, &Hint::default(), Limits::default()).unwrap();
            assert!(reader.next(&mut findings).unwrap().is_none());
        }
        let codes: Vec<_> = findings.as_slice().iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [Code::UnknownFormat, Code::UnknownFormat, Code::Empty]);
    }
}
