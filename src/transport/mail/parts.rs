//! The documents in a mail: its attachments, those of mails forwarded in it, and files in ZIP archives, each byte for byte as
//! it was attached. Bodies, pictures, signatures and calendars are passed over; what looks like a file but is no document of
//! a format we read is named, so that its sender can be told. Everything is bounded: depth, parts, bytes unpacked.
//!
//! MIME is read by a library (RFC 2045 to 2049, 5322); only its offsets are used for text, because text that was decoded is
//! not what was sent. Left out: TNEF (`winmail.dat`), uuencode in bodies, encrypted mails and archives.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use bytes::Bytes;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Encoding, Message, MessageParser, MessagePart, PartType};
use memchr::{memchr_iter, memmem};
use zip::ZipArchive;

use super::words::{self, parameter};
use crate::format::{Hint, recognise};
use crate::model::mail::{LeftOut, Why};

/// Bytes of a file by which its format is recognised.
const LOOK_BYTES: usize = 4 << 10;

/// Bounds on what is looked at in one mail.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Mails in mails and archives in archives.
    pub depth: usize,
    /// Parts and archive entries.
    pub parts: usize,
    /// Bytes of all documents and unpacked archives together.
    pub unpacked_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { depth: 5, parts: 1_000, unpacked_bytes: 128 << 20 }
    }
}

/// A document that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attached {
    /// Its name, behind those of the mails and archives it is in: `orders.zip/4711.csv`. Empty if it has none.
    pub name: String,
    /// Media type as stated, lower case.
    pub content_type: String,
    /// Character set as stated.
    pub charset: String,
    /// Its bytes.
    pub body: Bytes,
}

/// What was found in a mail.
#[derive(Debug, Default)]
pub struct Found {
    /// Documents in order.
    pub documents: Vec<Attached>,
    /// Files that are none, or could not be looked at.
    pub left_out: Vec<LeftOut>,
    parts: usize,
    bytes: usize,
}

/// Parses a mail, unless it is built to exhaust the parser: nesting and parts are counted before.
pub(super) fn parse(raw: &[u8]) -> Option<Message<'_>> {
    let lower = raw.to_ascii_lowercase();
    let containers = memmem::find_iter(&lower, b"message/").chain(memmem::find_iter(&lower, b"multipart/")).count();
    let dashes = memchr_iter(b'\n', raw).filter(|at| raw.get(at + 1..at + 3) == Some(b"--")).count();
    if containers > 400 || dashes > 100_000 {
        return None;
    }
    MessageParser::default().parse(raw)
}

/// Parses the head of a mail only.
pub(super) fn parse_head(raw: &[u8]) -> Option<Message<'_>> {
    MessageParser::default().parse_headers(raw)
}

/// The documents in a mail.
pub(super) fn find(message: &Message<'_>, limits: &Limits) -> Found {
    let mut found = Found::default();
    found.mail(message, "", limits, 0);
    found
}

/// The raw value of a header of a part.
pub(super) fn header<'m>(message: &'m Message<'_>, part: &MessagePart<'_>, name: &str) -> Option<&'m [u8]> {
    let header = part.headers.iter().find(|header| header.name.as_str().eq_ignore_ascii_case(name))?;
    message.raw_message.get(header.offset_start as usize..header.offset_end as usize)
}

/// Media type and the sub type, lower case; `text/plain` where there is none.
pub(super) fn media_type(message: &Message<'_>, part: &MessagePart<'_>) -> String {
    let raw = header(message, part, "Content-Type").unwrap_or(b"text/plain");
    let value = raw.split(|byte| *byte == b';').next().unwrap_or(raw);
    String::from_utf8_lossy(value).trim().to_ascii_lowercase()
}

/// The content of a leaf with its transfer encoding undone, but in its own character set.
fn content<'m>(message: &'m Message<'_>, part: &'m MessagePart<'_>) -> Cow<'m, [u8]> {
    if let PartType::Binary(bytes) | PartType::InlineBinary(bytes) = &part.body {
        return Cow::Borrowed(bytes.as_ref());
    }
    let raw = message.raw_message.get(part.offset_body as usize..part.offset_end as usize).unwrap_or(&[]);
    let decoded = match part.encoding {
        Encoding::Base64 => base64_decode(raw),
        Encoding::QuotedPrintable => quoted_printable_decode(raw),
        Encoding::None => None,
    };
    decoded.map_or(Cow::Borrowed(raw), Cow::Owned)
}

/// The last part of a path, whichever way its slashes lean.
fn base_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

fn ends_with(name: &str, endings: &[&str]) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    endings.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

fn inside(outer: &str, name: &str) -> String {
    if outer.is_empty() { name.to_owned() } else { format!("{outer}/{name}") }
}

/// What is never a document, whatever it is called.
fn is_decoration(media: &str, name: &str) -> bool {
    let (kind, sub) = media.split_once('/').unwrap_or((media, ""));
    matches!(kind, "audio" | "font" | "image" | "video")
        || matches!(
            sub,
            "calendar"
                | "delivery-status"
                | "directory"
                | "disposition-notification"
                | "ics"
                | "pgp-keys"
                | "pgp-signature"
                | "pkcs7-signature"
                | "rfc822-headers"
                | "vcard"
                | "x-pkcs7-signature"
                | "x-vcard"
        )
        || ends_with(name, &["asc", "bmp", "gif", "ics", "jpeg", "jpg", "p7s", "png", "sig", "svg", "vcf"])
}

impl Found {
    fn leave(&mut self, name: &str, size_bytes: usize, why: Why) {
        self.left_out.push(LeftOut { name: name.to_owned(), size_bytes, why });
    }

    /// Whether another part may be looked at.
    fn may(&mut self, name: &str, limits: &Limits) -> bool {
        self.parts += 1;
        if self.parts == limits.parts + 1 {
            self.leave(name, 0, Why::TooMany);
        }
        self.parts <= limits.parts
    }

    fn mail(&mut self, message: &Message<'_>, outer: &str, limits: &Limits, depth: usize) {
        // A bounce or a receipt: the mail in it is one of ours that comes back.
        let report = media_type(message, message.root_part()) == "multipart/report";
        for (index, part) in message.parts.iter().enumerate() {
            if matches!(part.body, PartType::Multipart(_)) {
                continue;
            }
            let media = media_type(message, part);
            let named = self::header(message, part, "Content-Disposition").and_then(|raw| parameter(raw, "filename"));
            let named =
                named.or_else(|| self::header(message, part, "Content-Type").and_then(|raw| parameter(raw, "name")));
            let name = named.map_or(String::new(), |name| inside(outer, base_name(&name)));
            if !self.may(&name, limits) {
                return;
            }
            if let PartType::Message(inner) = &part.body {
                if report {
                    self.leave(&name, part.offset_end.saturating_sub(part.offset_body) as usize, Why::PassedOver);
                } else if depth < limits.depth {
                    self.mail(inner, &name, limits, depth + 1);
                } else {
                    self.leave(&name, 0, Why::TooDeep);
                }
                continue;
            }
            let attached = self::header(message, part, "Content-Disposition")
                .is_some_and(|raw| raw.trim_ascii_start().to_ascii_lowercase().starts_with(b"attachment"));
            let is_body = name.is_empty() && !attached && matches!(media.as_str(), "text/plain" | "text/html");
            let charset = self::header(message, part, "Content-Type").and_then(|raw| parameter(raw, "charset"));
            let file = Attached {
                name,
                content_type: media,
                charset: charset.unwrap_or_default(),
                body: Bytes::copy_from_slice(&content(message, part)),
            };
            if report && !is_body {
                self.leave(&file.name, file.body.len(), Why::PassedOver);
            } else if is_body {
                self.body(file, index);
            } else {
                self.file(file, limits, depth);
            }
        }
    }

    /// A text between the files is a document only if it is EDIFACT and nothing else, as some systems send it.
    fn body(&mut self, text: Attached, index: usize) {
        let hint = Hint::default();
        let head = text.body.get(..LOOK_BYTES).unwrap_or(&text.body);
        if text.content_type == "text/plain" && recognise(head, &hint).is_some_and(|format| format.name == "edifact") {
            self.documents.push(Attached { name: format!("{index}.edi"), ..text });
        }
    }

    fn file(&mut self, file: Attached, limits: &Limits, depth: usize) {
        if is_decoration(&file.content_type, &file.name) || file.body.trim_ascii().is_empty() {
            self.leave(&file.name, file.body.len(), Why::PassedOver);
            return;
        }
        self.bytes = self.bytes.saturating_add(file.body.len());
        if self.bytes > limits.unpacked_bytes {
            self.leave(&file.name, file.body.len(), Why::TooLarge);
            return;
        }
        let bare = Hint::default();
        if file.body.starts_with(b"PK\x03\x04")
            && !ends_with(&file.name, &["docx", "ods", "odt", "pptx", "xlsm", "xlsx"])
            && recognise(&file.body, &bare).is_none()
        {
            if depth < limits.depth {
                self.archive(&file, limits, depth + 1);
            } else {
                self.leave(&file.name, file.body.len(), Why::TooDeep);
            }
            return;
        }
        if ends_with(&file.name, &["eml"]) && file.content_type != "text/plain" {
            match parse(&file.body) {
                Some(_) if depth >= limits.depth => self.leave(&file.name, file.body.len(), Why::TooDeep),
                Some(inner) => self.mail(&inner, &file.name, limits, depth + 1),
                None => self.leave(&file.name, file.body.len(), Why::Damaged),
            }
            return;
        }
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let page = file.content_type == "text/html" || ends_with(&file.name, &["htm", "html"]);
        let hint = Hint {
            content_type: some(&file.content_type),
            charset: some(&file.charset),
            file_name: some(&file.name),
            message_type: None,
            learned: Vec::new(),
        };
        if !page && recognise(&file.body, &hint).is_some() {
            self.documents.push(file);
        } else {
            let why = if file.name.is_empty() { Why::PassedOver } else { Why::NoDocument };
            self.leave(&file.name, file.body.len(), why);
        }
    }

    fn archive(&mut self, file: &Attached, limits: &Limits, depth: usize) {
        let Ok(mut archive) = ZipArchive::new(Cursor::new(file.body.as_ref())) else {
            self.leave(&file.name, file.body.len(), Why::Damaged);
            return;
        };
        if archive.index_for_name("[Content_Types].xml").is_some() {
            // A text or slides by another name: a file, not an archive of files.
            self.leave(&file.name, file.body.len(), Why::NoDocument);
            return;
        }
        for index in 0..archive.len() {
            let Some((name, encrypted)) = entry(&mut archive, index) else { continue };
            let name = inside(&file.name, &name);
            if !self.may(&name, limits) {
                return;
            }
            if encrypted {
                self.leave(&name, 0, Why::Encrypted);
                continue;
            }
            let room = limits.unpacked_bytes.saturating_sub(self.bytes);
            let mut body = Vec::new();
            let read = match archive.by_index(index) {
                Ok(entry) => entry.take(room as u64 + 1).read_to_end(&mut body).is_ok(),
                Err(_) => false,
            };
            if body.len() > room {
                // Nothing more is unpacked, whatever the sizes in the archive claim.
                self.bytes = limits.unpacked_bytes;
                self.leave(&name, body.len(), Why::TooLarge);
                return;
            }
            if !read {
                self.leave(&name, 0, Why::Damaged);
                continue;
            }
            let inner = Attached { name, content_type: String::new(), charset: String::new(), body: body.into() };
            self.file(inner, limits, depth);
        }
    }
}

/// Name of an entry, and whether it needs a password; none for folders and what systems add by themselves.
fn entry(archive: &mut ZipArchive<Cursor<&[u8]>>, index: usize) -> Option<(String, bool)> {
    let entry = archive.by_index_raw(index).ok()?;
    // Without its UTF-8 mark a name is in the code page of the machine that packed it, which here is CP949.
    let name = words::clean(&words::unnamed(entry.name_raw()));
    let added =
        name.starts_with("__MACOSX/") || matches!(base_name(&name), "" | ".DS_Store" | "Thumbs.db" | "desktop.ini");
    (entry.is_file() && !added).then(|| (base_name(&name).to_owned(), entry.encrypted()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use zip::write::SimpleFileOptions;

    use super::*;

    const ORDER: &str = "order_id,item_id,quantity\nPO-1,A,2\n";

    fn found(raw: &[u8], limits: &Limits) -> (Vec<String>, Vec<String>) {
        let message = parse(raw).unwrap();
        let found = find(&message, limits);
        let told = found.left_out.iter().filter(|left| left.why != Why::PassedOver);
        let left = told.map(|left| format!("{} {:?}", left.name, left.why)).collect();
        (found.documents.iter().map(|file| format!("{} {}", file.name, file.body.len())).collect(), left)
    }

    fn check(raw: &str, documents: &[&str], left_out: &[&str]) {
        let (found, left) = found(raw.replace('\n', "\r\n").as_bytes(), &Limits::default());
        assert_eq!((found, left), (to_vec(documents), to_vec(left_out)), "{raw}");
    }

    fn to_vec(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, body) in files {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(body).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    /// A mail with these files as attachments, in base64.
    fn mail(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut raw =
            "From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n".to_owned();
        for (name, body) in files {
            let body = STANDARD.encode(body);
            raw.push_str(&format!(
                "--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\
                 Content-Transfer-Encoding: base64\r\n\r\n{body}\r\n"
            ));
        }
        raw.push_str("--b--\r\n");
        raw.into_bytes()
    }

    #[test]
    fn attachments_and_what_is_not_one() {
        check(
            "From: a@x.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=c\n\n\
             --c\n\nhello\n--c\nContent-Type: text/html\n\n<p>hello</p>\n--c--\n--b\nContent-Type: text/csv; charset=utf-8; name=order.csv\n\n\
             order_id,item_id,quantity\nPO-1,A,2\n--b\nContent-Type: image/png; name=logo.png\n\nPNG\n\
             --b\nContent-Type: application/pkcs7-signature; name=smime.p7s\n\nx\n\
             --b\nContent-Type: application/pdf; name=letter.pdf\n\n%PDF-1.7\n\
             --b\nContent-Type: text/html; name=page.html\n\n<html/>\n\
             --b\nContent-Type: text/plain; name=footer.txt\n\nThis mail is confidential.\n\
             --b\nContent-Type: text/plain\n\n-- \nlist footer\n--b--\n",
            &["order.csv 35"],
            &["letter.pdf NoDocument", "page.html NoDocument", "footer.txt NoDocument"],
        );
        check("From: a@x.example\nContent-Type: application/edifact\n\nUNB+UNOC:3+A+B'\n", &[" 17"], &[]);
        check("From: a@x.example\n\nUNA:+.? 'UNB+UNOC:3+A+B'\n", &["0.edi 26"], &[]);
        check("From: a@x.example\n\n<Order/>\n", &[], &[]);
        check("From: a@x.example\n\norder_id,item_id\n1,2\n", &[], &[]);
    }

    #[test]
    fn forwarded_mails_but_not_returned_ones() {
        let inner = "Subject: s\nContent-Type: multipart/mixed; boundary=d\n\n--d\nContent-Type: application/xml; name=a.xml\n\n<Order/>\n--d--\n";
        let outer = |kind: &str| {
            format!(
                "From: a@x.example\nContent-Type: multipart/{kind}; boundary=b\n\n--b\n\nsee below\n--b\nContent-Type: message/rfc822; \
                 name=fwd.eml\n\n{inner}\n--b--\n"
            )
        };
        check(&outer("mixed"), &["fwd.eml/a.xml 8"], &[]);
        check(&outer("report; report-type=delivery-status"), &[], &[]);
        let file = format!("From: a@x.example\n{inner}").replace('\n', "\r\n");
        let (documents, _) = found(&mail(&[("fwd.eml", file.as_bytes())]), &Limits::default());
        assert_eq!(documents, ["fwd.eml/a.xml 8"]);
    }

    #[test]
    fn text_keeps_its_bytes() {
        let mut raw = b"From: a@x.example\r\nContent-Type: text/csv; charset=euc-kr; name=a.csv\r\n\r\n".to_vec();
        let body = b"\xc7\xb0\xb8\xf1\xc4\xda\xb5\xe5,\xb4\xdc\xb0\xa1\r\nA,1\r\n";
        raw.extend_from_slice(body);
        let message = parse(&raw).unwrap();
        let found = find(&message, &Limits::default());
        assert_eq!((found.documents[0].body.as_ref(), found.documents[0].charset.as_str()), (&body[..], "euc-kr"));
    }

    #[test]
    fn archives() {
        let inner = zipped(&[("b.csv", ORDER.as_bytes()), ("photo.jpg", b"JPEG")]);
        let archive = zipped(&[
            ("sub/a.xml", b"<Order/>"),
            ("inner.zip", &inner),
            ("__MACOSX/a.xml", b"<Order/>"),
            ("note.doc", b"?"),
        ]);
        let (documents, left) = found(&mail(&[("all.zip", &archive)]), &Limits::default());
        assert_eq!(documents, ["all.zip/a.xml 8", "all.zip/inner.zip/b.csv 35"]);
        assert_eq!(left, ["all.zip/note.doc NoDocument"]);
        let (documents, left) = found(&mail(&[("broken.zip", b"PK\x03\x04 broken")]), &Limits::default());
        assert_eq!((documents.len(), left), (0, to_vec(&["broken.zip Damaged"])));
    }

    #[test]
    fn a_workbook_is_a_file_and_other_archives_are_opened() {
        let order = include_bytes!("../../../samples/sheets/order.xlsx");
        let old = include_bytes!("../../../samples/sheets/orders.xls");
        let letter = zipped(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w/>")]);
        // Stored, so that the names of what is in the workbook stand in the archive as well.
        let mut outer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        outer.start_file("발주서.xlsx", stored).unwrap();
        outer.write_all(order).unwrap();
        let outer = outer.finish().unwrap().into_inner();
        let hangul = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and no directory";
        let raw = mail(&[
            ("order.xlsx", order),
            ("no-name", order),
            ("orders.xls", old),
            ("outer.zip", &outer),
            ("letter.docx", &letter),
            ("letter", &letter),
            ("letter.hwp", hangul),
        ]);
        let (documents, left) = found(&raw, &Limits::default());
        let (one, two) = (order.len(), old.len());
        let expected = [
            format!("order.xlsx {one}"),
            format!("no-name {one}"),
            format!("orders.xls {two}"),
            format!("outer.zip/발주서.xlsx {one}"),
        ];
        assert_eq!(documents, expected);
        assert_eq!(left, ["letter.docx NoDocument", "letter NoDocument", "letter.hwp NoDocument"]);
    }

    #[test]
    fn names_in_archives_from_korean_machines() {
        // The zip crate marks names that are not ASCII as UTF-8; other packers do not.
        let mut archive = zipped(&[("XXYYZZ.csv", ORDER.as_bytes())]);
        while let Some(at) = memmem::find(&archive, b"XXYYZZ") {
            archive[at..at + 6].copy_from_slice(b"\xb9\xdf\xc1\xd6\xbc\xad");
        }
        let (documents, _) = found(&mail(&[("a.zip", &archive)]), &Limits::default());
        assert_eq!(documents, ["a.zip/발주서.csv 35"]);
    }

    #[test]
    fn what_is_built_to_exhaust_us_is_bounded() {
        let limits = Limits { depth: 2, parts: 20, unpacked_bytes: 10_000 };
        let bomb = zipped(&[("a.csv", &vec![b'a'; 1_000_000])]);
        let (documents, left) = found(&mail(&[("bomb.zip", &bomb), ("b.csv", ORDER.as_bytes())]), &limits);
        assert_eq!((documents.len(), left), (0, to_vec(&["bomb.zip/a.csv TooLarge", "b.csv TooLarge"])));
        let mut deep = zipped(&[("a.csv", ORDER.as_bytes())]);
        for _ in 0..4 {
            deep = zipped(&[("next.zip", &deep)]);
        }
        let (_, left) = found(&mail(&[("deep.zip", &deep)]), &limits);
        assert_eq!(left, ["deep.zip/next.zip/next.zip TooDeep"]);
        let many: Vec<(&str, &[u8])> = vec![("a.csv", ORDER.as_bytes()); 40];
        let (documents, left) = found(&mail(&many), &limits);
        assert_eq!((documents.len(), left.len()), (19, 1));
        let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(10_000);
        assert!(parse(nested.as_bytes()).is_none());
    }
}
