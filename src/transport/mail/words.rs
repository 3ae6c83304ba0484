//! Text in the headers of mails as people see it: encoded words (RFC 2047), parameters with a character set and in pieces
//! (RFC 2231), and what is not allowed but common: encoded words in quotes, characters cut in two by the end of a word, raw
//! bytes in UTF-8 or CP949. ISO-2022-KR (RFC 1557) is decoded here, as no library in the tree does.

use std::borrow::Cow;

use encoding_rs::EUC_KR;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

use crate::format::encoding::Charset;

/// Characters of a header's text that are kept.
const LONGEST_TEXT: usize = 500;
/// Sections of one parameter.
const MOST_SECTIONS: usize = 100;

/// Bytes in a character set that is named, as text; what is malformed becomes U+FFFD.
pub(super) fn decode(bytes: &[u8], charset: &str) -> String {
    if charset.eq_ignore_ascii_case("iso-2022-kr") {
        return iso_2022_kr(bytes);
    }
    match Charset::by_name(charset) {
        Some(Charset::Latin1) => bytes.iter().map(|&byte| char::from(byte)).collect(),
        Some(Charset::Other(encoding)) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
        Some(Charset::Utf8 | Charset::Ascii) | None => unnamed(bytes).into_owned(),
    }
}

/// Bytes in no character set that is named: UTF-8, else CP949.
pub(super) fn unnamed(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => EUC_KR.decode_without_bom_handling(bytes).0,
    }
}

/// ISO-2022-KR: behind SO the bytes are KS X 1001 without their high bits, behind SI they are ASCII.
fn iso_2022_kr(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut rest = bytes;
    let mut shifted = false;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| matches!(byte, 0x0e | 0x0f | 0x1b)).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(end);
        if shifted {
            let high: Vec<u8> =
                run.iter().map(|byte| if byte.is_ascii_graphic() { byte | 0x80 } else { *byte }).collect();
            out.push_str(&EUC_KR.decode_without_bom_handling(&high).0);
        } else {
            out.push_str(&unnamed(run));
        }
        rest = match behind {
            [0x0e, rest @ ..] => {
                shifted = true;
                rest
            }
            [0x0f, rest @ ..] => {
                shifted = false;
                rest
            }
            // The designator ESC $ ) C says nothing that the shifts do not.
            [0x1b, b'$', b')', b'C', rest @ ..] | [_, rest @ ..] => rest,
            [] => &[],
        };
    }
    out
}

/// An encoded word: character set, whether in base64, and its text.
fn encoded_word(text: &str) -> Option<((&str, bool, &str), &str)> {
    let rest = text.strip_prefix("=?")?;
    let (charset, rest) = rest.split_once('?')?;
    let (way, rest) = rest.split_once('?')?;
    let base64 = match way {
        "B" | "b" => true,
        "Q" | "q" => false,
        _ => return None,
    };
    let (payload, rest) = rest.split_once("?=")?;
    // RFC 2231 section 5: a language may stand behind the character set.
    let charset = charset.split('*').next().unwrap_or(charset);
    let named = !charset.is_empty() && charset.bytes().all(|byte| byte.is_ascii_graphic());
    (named && payload.len() <= 10_000).then_some(((charset, base64, payload), rest))
}

fn word_bytes(base64: bool, payload: &str) -> Vec<u8> {
    let decoded = if base64 {
        let clean: Vec<u8> = payload.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        base64_decode(&clean)
    } else {
        quoted_printable_decode(payload.replace('_', "=20").as_bytes())
    };
    decoded.unwrap_or_else(|| payload.as_bytes().to_vec())
}

/// Encoded words replaced by what they mean; white space between two of them falls away.
fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Words of one character set side by side are one run of bytes: some mailers cut characters in two.
    let mut run: Option<(&str, Vec<u8>)> = None;
    let mut rest = text;
    while !rest.is_empty() {
        let start = rest.find("=?").unwrap_or(rest.len());
        let (between, at) = rest.split_at(start);
        let word = encoded_word(at);
        if word.is_none() || !between.trim().is_empty() || run.is_none() {
            if let Some((charset, bytes)) = run.take() {
                out.push_str(&decode(&bytes, charset));
            }
            out.push_str(between);
        }
        let Some(((charset, base64, payload), behind)) = word else {
            let (plain, behind) = at.split_at(at.len().min(2));
            out.push_str(plain);
            rest = behind;
            continue;
        };
        rest = behind;
        let bytes = word_bytes(base64, payload);
        match &mut run {
            // Each word of a shifting character set starts anew.
            Some((known, all)) if known.eq_ignore_ascii_case(charset) && !charset.starts_with("iso-2022") => {
                all.extend_from_slice(&bytes);
            }
            _ => {
                if let Some((charset, bytes)) = run.replace((charset, bytes)) {
                    out.push_str(&decode(&bytes, charset));
                }
            }
        }
    }
    if let Some((charset, bytes)) = run {
        out.push_str(&decode(&bytes, charset));
    }
    out
}

/// The text of a header as people see it, in one line and bounded.
pub(super) fn text(raw: &[u8]) -> String {
    clean(&words(&unnamed(raw)))
}

/// In one line, without controls, bounded.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST_TEXT));
    for c in text.chars().take(LONGEST_TEXT * 4) {
        // Formatting marks can turn the ending of a name round before people's eyes.
        let hidden =
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if hidden {
            continue;
        }
        if c.is_control() || c.is_whitespace() {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        } else {
            out.push(c);
        }
    }
    out.trim_end().chars().take(LONGEST_TEXT).collect()
}

/// A parameter of a structured header such as Content-Type, as people see it; none if it is not there.
pub(super) fn parameter(raw: &[u8], wanted: &str) -> Option<String> {
    let mut plain: Option<Vec<u8>> = None;
    // Number of the section, whether it is percent-encoded, its bytes.
    let mut sections: Vec<(u32, bool, Vec<u8>)> = Vec::new();
    for (name, value) in parameters(raw) {
        let Some(rest) = strip_prefix_ignoring_case(&name, wanted) else { continue };
        if rest.is_empty() {
            plain.get_or_insert(value);
        } else if let Some(rest) = rest.strip_prefix('*') {
            let (number, encoded) = match rest.strip_suffix('*') {
                Some(number) => (number, true),
                None if rest.is_empty() => ("", true),
                None => (rest, false),
            };
            let number = if number.is_empty() { Some(0) } else { number.parse().ok() };
            if let Some(number) = number
                && sections.len() < MOST_SECTIONS
            {
                sections.push((number, encoded, value));
            }
        }
    }
    if sections.is_empty() {
        return plain.map(|value| text(&value)).filter(|text| !text.is_empty());
    }
    sections.sort_by_key(|(number, _, _)| *number);
    let mut charset = String::new();
    let mut bytes = Vec::new();
    for (index, (_, encoded, value)) in sections.into_iter().enumerate() {
        let mut value = value.as_slice();
        if encoded && index == 0 {
            let mut parts = value.splitn(3, |byte| *byte == b'\'');
            if let (Some(named), Some(_), Some(rest)) = (parts.next(), parts.next(), parts.next()) {
                charset = String::from_utf8_lossy(named).into_owned();
                value = rest;
            }
        }
        if encoded { bytes.extend(percent_decoded(value)) } else { bytes.extend_from_slice(value) }
    }
    let decoded = if charset.is_empty() { words(&unnamed(&bytes)) } else { decode(&bytes, &charset) };
    Some(clean(&decoded)).filter(|text| !text.is_empty())
}

fn strip_prefix_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn percent_decoded(value: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [first, behind @ ..] = rest {
        match (first, behind) {
            (b'%', [high, low, behind @ ..]) if digit(*high).is_some() && digit(*low).is_some() => {
                out.push((digit(*high).unwrap_or(0) * 16 + digit(*low).unwrap_or(0)) as u8);
                rest = behind;
            }
            _ => {
                out.push(*first);
                rest = behind;
            }
        }
    }
    out
}

/// Names and values of all parameters behind the first semicolon, quotes undone.
fn parameters(raw: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut list = Vec::new();
    let mut rest = raw.iter().position(|byte| *byte == b';').and_then(|at| raw.get(at + 1..)).unwrap_or(&[]);
    while !rest.is_empty() && list.len() < 2 * MOST_SECTIONS {
        let end = rest.iter().position(|byte| matches!(byte, b'=' | b';')).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        let name = String::from_utf8_lossy(name).trim().to_owned();
        match behind {
            [b'=', behind @ ..] => {
                let (value, behind) = parameter_value(behind.trim_ascii_start());
                list.push((name, value));
                rest = behind;
            }
            [_, behind @ ..] => rest = behind,
            [] => break,
        }
    }
    list
}

/// A value up to its semicolon, and what stands behind that.
fn parameter_value(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    let mut quoted = text.first() == Some(&b'"');
    let mut rest = if quoted { text.get(1..).unwrap_or(&[]) } else { text };
    while let [first, behind @ ..] = rest {
        match (first, behind) {
            // A path with backslashes is no escape: only quotes and backslashes are escaped.
            (b'\\', [next @ (b'"' | b'\\'), behind @ ..]) if quoted => {
                value.push(*next);
                rest = behind;
                continue;
            }
            (b'"', _) if quoted => quoted = false,
            (b';', _) if !quoted => return (value.trim_ascii_end().to_vec(), behind),
            _ => value.push(*first),
        }
        rest = behind;
    }
    (value.trim_ascii_end().to_vec(), &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words() {
        let check = |raw: &[u8], expected: &str| assert_eq!(text(raw), expected, "{}", raw.escape_ascii());
        check(b" =?EUC-KR?B?ud/B1ryt?= 1\r\n", "발주서 1");
        check("=?utf-8?B?7KO866y4?= =?utf-8?Q?_4711?= ok".as_bytes(), "주문 4711 ok");
        check(b"=?ks_c_5601-1987?Q?=B9=DF=C1=D6=BC=AD?=", "발주서");
        check(b"=?iso-2022-kr?B?GyQpQw45X0FWPC0P?= 3", "발주서 3");
        check(b"plain =? text ?= end", "plain =? text ?= end");
        check(b"\xb9\xdf\xc1\xd6\xbc\xad 7", "발주서 7");
        check("발주서\r\n 7".as_bytes(), "발주서 7");
        // One character in two words.
        check(b"=?utf-8?B?67Cc7KM=?=\r\n =?utf-8?B?vOyEnA==?=", "발주서");
        check(b"=?utf-8?B?!!?= =?x?Z?y?=", "!! =?x?Z?y?=");
        check("a\u{202e}lmx.exe\0".as_bytes(), "almx.exe");
    }

    #[test]
    fn parameters_in_every_usual_spelling() {
        let check = |raw: &[u8], expected: Option<&str>| {
            assert_eq!(parameter(raw, "filename").as_deref(), expected, "{}", raw.escape_ascii());
        };
        check(b"attachment; filename=order.xml", Some("order.xml"));
        check(b"attachment; FileName=\"a; \\\"b\\\".xml\" ; size=3", Some("a; \"b\".xml"));
        check(b"attachment; filename*=UTF-8''%EB%B0%9C%EC%A3%BC%EC%84%9C.xlsx", Some("발주서.xlsx"));
        check(b"attachment; filename*=EUC-KR''%B9%DF%C1%D6%BC%AD.xls; filename=x.xls", Some("발주서.xls"));
        check(
            b"attachment;\r\n filename*0*=ks_c_5601-1987''%B9%DF%C1;\r\n filename*1*=%D6%BC%AD;filename*2=\".csv\"",
            Some("발주서.csv"),
        );
        check(b"attachment; filename*1=\"b.csv\"; filename*0=\"a-\"", Some("a-b.csv"));
        check(b"attachment; filename=\"=?EUC-KR?B?ud/B1rytLmNzdg==?=\"", Some("발주서.csv"));
        check(b"attachment; filename*=iso-2022-kr''%1B%24%29C%0E9_AV%3C-%0F.csv", Some("발주서.csv"));
        check(b"attachment; filename=\"\xb9\xdf\xc1\xd6\xbc\xad.csv\"", Some("발주서.csv"));
        check(b"attachment; filename=\"C:\\new\\order.csv\"", Some("C:\\new\\order.csv"));
        check(b"attachment; filename=\"open", Some("open"));
        check(b"attachment; filename*=%", Some("%"));
        check(b"attachment", None);
        check(b"attachment; name=x; ;;", None);
    }
}
