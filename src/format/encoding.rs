//! From the bytes received to UTF-8: the character set is found once (byte order mark, XML declaration, transport or
//! agreement) and the bytes are decoded once, whole or piece by piece, borrowing what is UTF-8 already. What is not valid
//! in its character set is an [`Stop`] with the byte offset, never a replacement character.
//! Left out: EBCDIC, UTF-7, UTF-32, stateful ISO 2022 sets other than Japanese.

use std::borrow::Cow;
use std::io::Read;

use encoding_rs::{DecoderResult, EncoderResult, Encoding};

/// A character set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Charset {
    /// UTF-8.
    Utf8,
    /// US-ASCII; a byte above 127 is malformed.
    Ascii,
    /// ISO 8859-1, where bytes are code points.
    Latin1,
    /// Any other that `encoding_rs` knows. Its EUC-KR is CP949.
    Other(&'static Encoding),
}

/// Names that the Encoding Standard lacks or reads differently.
const ALIASES: &[(&str, Charset)] = &[
    ("utf-8", Charset::Utf8),
    ("utf8", Charset::Utf8),
    ("us-ascii", Charset::Ascii),
    ("ascii", Charset::Ascii),
    ("iso-8859-1", Charset::Latin1),
    ("iso8859-1", Charset::Latin1),
    ("iso_8859-1", Charset::Latin1),
    ("latin1", Charset::Latin1),
    ("cp949", Charset::Other(encoding_rs::EUC_KR)),
    ("ms949", Charset::Other(encoding_rs::EUC_KR)),
    ("uhc", Charset::Other(encoding_rs::EUC_KR)),
    ("keca", Charset::Other(encoding_rs::EUC_KR)),
    ("x-windows-949", Charset::Other(encoding_rs::EUC_KR)),
];

impl Charset {
    /// By any of its names, in any case.
    pub fn by_name(name: &str) -> Option<Charset> {
        let name = name.trim();
        if let Some((_, charset)) = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name)) {
            return Some(*charset);
        }
        match Encoding::for_label_no_replacement(name.as_bytes()) {
            Some(encoding) if encoding == encoding_rs::UTF_8 => Some(Charset::Utf8),
            Some(encoding) if encoding == encoding_rs::X_USER_DEFINED => None,
            found => found.map(Charset::Other),
        }
    }

    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Charset::Utf8 => "UTF-8",
            Charset::Ascii => "US-ASCII",
            Charset::Latin1 => "ISO-8859-1",
            Charset::Other(encoding) => encoding.name(),
        }
    }

    fn is_utf16(self) -> bool {
        matches!(self, Charset::Other(e) if e == encoding_rs::UTF_16LE || e == encoding_rs::UTF_16BE)
    }

    /// Writes a text in this set; the first character it lacks, if there is one.
    pub fn encode(self, text: &str) -> Result<Vec<u8>, char> {
        match self {
            Charset::Utf8 => Ok(text.as_bytes().to_vec()),
            Charset::Ascii => text.chars().map(|c| u8::try_from(c).ok().filter(u8::is_ascii).ok_or(c)).collect(),
            Charset::Latin1 => text.chars().map(|c| u8::try_from(c).map_err(|_| c)).collect(),
            Charset::Other(encoding) if self.is_utf16() => {
                let big = encoding == encoding_rs::UTF_16BE;
                let bytes = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
                Ok(text.encode_utf16().flat_map(bytes).collect())
            }
            Charset::Other(encoding) => {
                let mut encoder = encoding.new_encoder();
                let room =
                    encoder.max_buffer_length_from_utf8_without_replacement(text.len()).unwrap_or(usize::MAX / 2);
                let mut out = Vec::with_capacity(room);
                match encoder.encode_from_utf8_to_vec_without_replacement(text, &mut out, true).0 {
                    EncoderResult::Unmappable(c) => Err(c),
                    EncoderResult::InputEmpty | EncoderResult::OutputFull => Ok(out),
                }
            }
        }
    }
}

/// What a text starts with says about its character set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// This set, after so many bytes of byte order mark.
    Charset(Charset, usize),
    /// A name that means nothing to us.
    Unknown(String),
}

/// Finds the character set: byte order mark, then what the XML declaration says, then `hint` (HTTP charset or agreement),
/// then UTF-8. `start` is the first bytes, 256 are plenty.
pub fn find(start: &[u8], hint: Option<&str>) -> Found {
    let utf16 = |encoding, mark| Found::Charset(Charset::Other(encoding), mark);
    match start {
        [0xEF, 0xBB, 0xBF, ..] => return Found::Charset(Charset::Utf8, 3),
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] | [0, 0, 0, b'<', ..] | [b'<', 0, 0, 0, ..] => {
            return Found::Unknown("UTF-32".to_owned());
        }
        [0xFF, 0xFE, ..] => return utf16(encoding_rs::UTF_16LE, 2),
        [0xFE, 0xFF, ..] => return utf16(encoding_rs::UTF_16BE, 2),
        [b'<', 0, ..] => return utf16(encoding_rs::UTF_16LE, 0),
        [0, b'<', ..] => return utf16(encoding_rs::UTF_16BE, 0),
        [0x4C, 0x6F, 0xA7, 0x94, ..] => return Found::Unknown("EBCDIC".to_owned()),
        _ => {}
    }
    let declared = declared(start);
    let Some(name) = declared.as_deref().or(hint).map(str::trim).filter(|name| !name.is_empty()) else {
        return Found::Charset(Charset::Utf8, 0);
    };
    match Charset::by_name(name) {
        // The declaration could be read byte by byte, so these are not sixteen bits wide.
        Some(charset) if charset.is_utf16() && (declared.is_some() || start.iter().all(u8::is_ascii)) => {
            Found::Unknown(format!("{name} without its byte order mark"))
        }
        Some(charset) => Found::Charset(charset, 0),
        None => Found::Unknown(name.to_owned()),
    }
}

/// The encoding in an XML declaration.
fn declared(start: &[u8]) -> Option<String> {
    let inside = start.strip_prefix(b"<?xml")?;
    let end = inside.windows(2).position(|pair| pair == b"?>").unwrap_or(inside.len());
    let inside = std::str::from_utf8(inside.get(..end)?).ok()?;
    let (_, rest) = inside.split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (name, _) = rest.strip_prefix(quote)?.split_once(quote)?;
    Some(name.to_owned())
}

/// Bytes that are malformed in their character set; the text ends before them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stop {
    /// In which set.
    pub charset: Charset,
    /// Offset of the first malformed byte in what was received, from 0.
    pub offset_bytes: u64,
}

/// Decodes a whole text up to its end or to the first malformed byte. `mark` bytes in front are left out.
pub fn decode(bytes: &[u8], charset: Charset, mark: usize) -> (Cow<'_, str>, Option<Stop>) {
    let bytes = bytes.get(mark..).unwrap_or(&[]);
    let stop = |offset: usize| Some(Stop { charset, offset_bytes: (mark + offset) as u64 });
    let valid = match charset {
        Charset::Utf8 | Charset::Ascii => {
            let text = match std::str::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => bytes.get(..error.valid_up_to()).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or(""),
            };
            match text.bytes().position(|b| !b.is_ascii()).filter(|_| charset == Charset::Ascii) {
                Some(high) => text.get(..high).unwrap_or(""),
                None => text,
            }
        }
        Charset::Latin1 | Charset::Other(_) => {
            let mut decoder = Decoder::new(charset, mark);
            let mut text = String::new();
            let stop = decoder.push(bytes, true, &mut text);
            return (Cow::Owned(text), stop);
        }
    };
    let all = valid.len() == bytes.len();
    (Cow::Borrowed(valid), if all { None } else { stop(valid.len()) })
}

/// Decodes piece by piece.
struct Decoder {
    charset: Charset,
    inner: Option<encoding_rs::Decoder>,
    /// Bytes pushed so far, byte order mark included.
    offset_bytes: u64,
}

impl Decoder {
    fn new(charset: Charset, mark: usize) -> Decoder {
        let inner = match charset {
            Charset::Utf8 => Some(encoding_rs::UTF_8.new_decoder_without_bom_handling()),
            Charset::Other(encoding) => Some(encoding.new_decoder_without_bom_handling()),
            Charset::Ascii | Charset::Latin1 => None,
        };
        Decoder { charset, inner, offset_bytes: mark as u64 }
    }

    /// Appends what `bytes` say to `text`.
    fn push(&mut self, bytes: &[u8], last: bool, text: &mut String) -> Option<Stop> {
        let Some(inner) = &mut self.inner else {
            for (index, b) in bytes.iter().enumerate() {
                if self.charset == Charset::Ascii && !b.is_ascii() {
                    return Some(Stop { charset: self.charset, offset_bytes: self.offset_bytes + index as u64 });
                }
                text.push(char::from(*b));
            }
            self.offset_bytes += bytes.len() as u64;
            return None;
        };
        let mut rest = bytes;
        loop {
            let room = inner.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(rest.len());
            text.reserve(room.max(16));
            let (result, read) = inner.decode_to_string_without_replacement(rest, text, last);
            self.offset_bytes += read as u64;
            rest = rest.get(read..).unwrap_or(&[]);
            match result {
                DecoderResult::InputEmpty => return None,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(length, behind) => {
                    let back = u64::from(length) + u64::from(behind);
                    let offset_bytes = self.offset_bytes.saturating_sub(back);
                    return Some(Stop { charset: self.charset, offset_bytes });
                }
            }
        }
    }
}

/// Bytes read at once from a stream.
const PIECE_BYTES: usize = 64 << 10;

/// A stream of bytes as a stream of text.
pub struct TextStream {
    source: Box<dyn Read + Send>,
    decoder: Decoder,
    raw: Vec<u8>,
    /// Bytes of `raw` read while looking for the character set and not decoded yet.
    waiting: std::ops::Range<usize>,
    ended: bool,
    /// Why the text ended early.
    pub stop: Option<Stop>,
}

impl TextStream {
    /// Reads the beginning and finds the character set. The error is its unknown name.
    pub fn open(mut source: Box<dyn Read + Send>, hint: Option<&str>) -> std::io::Result<Result<TextStream, String>> {
        let mut raw = vec![0; PIECE_BYTES];
        let mut filled = 0;
        // A short first read could hide the declaration.
        while filled < 1024 {
            let read = source.read(raw.get_mut(filled..).unwrap_or(&mut []))?;
            if read == 0 {
                break;
            }
            filled += read;
        }
        Ok(match find(raw.get(..filled).unwrap_or(&[]), hint) {
            Found::Unknown(name) => Err(name),
            Found::Charset(charset, mark) => {
                let decoder = Decoder::new(charset, mark);
                Ok(TextStream { source, decoder, raw, waiting: mark..filled, ended: false, stop: None })
            }
        })
    }

    /// Appends the next piece of text; false at the end.
    pub fn fill(&mut self, text: &mut String) -> std::io::Result<bool> {
        let before = text.len();
        while !self.ended && text.len() == before {
            if self.waiting.is_empty() {
                let read = self.source.read(&mut self.raw)?;
                self.waiting = 0..read;
            }
            let bytes = self.raw.get(self.waiting.clone()).unwrap_or(&[]);
            let last = bytes.is_empty();
            self.stop = self.decoder.push(bytes, last, text);
            self.waiting = 0..0;
            self.ended = last || self.stop.is_some();
        }
        Ok(text.len() > before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], hint: Option<&str>, expected: &str) {
        let spell = |text: &str, stop: Option<Stop>| match stop {
            None => text.to_owned(),
            Some(stop) => format!("{text}|{} at {}", stop.charset.name(), stop.offset_bytes),
        };
        let whole = match find(bytes, hint) {
            Found::Unknown(name) => format!("unknown {name}"),
            Found::Charset(charset, mark) => {
                let (text, stop) = decode(bytes, charset, mark);
                spell(&text, stop)
            }
        };
        assert_eq!(whole, expected, "whole");
        // And one byte at a time.
        struct Slow(std::collections::VecDeque<u8>);
        impl Read for Slow {
            fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
                Ok(match (self.0.pop_front(), out.first_mut()) {
                    (Some(b), Some(slot)) => {
                        *slot = b;
                        1
                    }
                    _ => 0,
                })
            }
        }
        let pieces = match TextStream::open(Box::new(Slow(bytes.iter().copied().collect())), hint).unwrap() {
            Err(name) => format!("unknown {name}"),
            Ok(mut stream) => {
                let mut text = String::new();
                while stream.fill(&mut text).unwrap() {}
                spell(&text, stream.stop)
            }
        };
        assert_eq!(pieces, expected, "in pieces");
    }

    #[test]
    fn finds_and_decodes() {
        check("<a>주문</a>".as_bytes(), None, "<a>주문</a>");
        check(b"\xEF\xBB\xBF<a/>", Some("EUC-KR"), "<a/>");
        check(b"\xFF\xFE<\0a\0/\0>\0", None, "<a/>");
        check(b"\xFE\xFF\0<\0a\0/\0>", None, "<a/>");
        check(b"\0<\0a\0/\0>", None, "<a/>");
        check(
            b"<?xml version='1.0' encoding='ks_c_5601-1987'?><a>\xC1\xD6\xB9\xAE</a>",
            Some("utf-8"),
            "<?xml version='1.0' encoding='ks_c_5601-1987'?><a>주문</a>",
        );
        for name in ["CP949", "ms949", "UHC", "euc-kr", "KECA"] {
            check(b"\xC1\xD6\xB9\xAE\x8Cc", Some(name), "주문똠");
        }
        check(
            b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xE9\x80</a>",
            None,
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>é\u{80}</a>",
        );
    }

    #[test]
    fn malformed_bytes_have_an_offset() {
        check(b"ab\xFFcd", None, "ab|UTF-8 at 2");
        check(b"\xEF\xBB\xBFab\xE2\x82", None, "ab|UTF-8 at 5");
        check(
            b"<?xml version='1.0' encoding='us-ascii'?>\xE9",
            None,
            "<?xml version='1.0' encoding='us-ascii'?>|US-ASCII at 41",
        );
        check(b"a\xC1\xD6\xFF", Some("euc-kr"), "a주|EUC-KR at 3");
        check(b"\xFF\xFEa\0\x00\xD8b\0", None, "a|UTF-16LE at 4");
    }

    #[test]
    fn unknown_names() {
        check(b"<?xml version='1.0' encoding='utf-7'?><a/>", None, "unknown utf-7");
        check(b"<?xml version='1.0' encoding='utf-16'?><a/>", None, "unknown utf-16 without its byte order mark");
        check(b"\0\0\0<", None, "unknown UTF-32");
    }

    #[test]
    fn encodes_or_names_the_character() {
        assert_eq!(Charset::by_name("KECA").unwrap().encode("주문"), Ok(b"\xC1\xD6\xB9\xAE".to_vec()));
        assert_eq!(Charset::by_name("KECA").unwrap().encode("a😀"), Err('😀'));
        assert_eq!(Charset::Latin1.encode("é한"), Err('한'));
        assert_eq!(Charset::Ascii.encode("aé"), Err('é'));
    }
}
