//! The characters of one interchange: which repertoire its header names, what the bytes are really in, and what was
//! already said about it.

use std::borrow::Cow;
use std::io::Read;

use bytes::Bytes;
use encoding_rs::{Decoder, UTF_16BE, UTF_16LE};

use super::repertoire::{Repertoire, Trouble};
use crate::error::{Context, Result};
use crate::format::Source;
use crate::format::segment::lexer::{Segment, Value};
use crate::model::finding::{Code, Finding, Findings, Place};

/// What the first bytes say of the encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// Nothing; the header does.
    Header,
    /// A byte order mark: it is UTF-8, or now is.
    Utf8,
}

/// Takes a byte order mark away; UTF-16 becomes UTF-8.
pub(super) fn open(source: Source) -> Result<(Source, Origin)> {
    match source {
        Source::Bytes(bytes) => Ok(match bytes.as_ref() {
            [0xef, 0xbb, 0xbf, ..] => (Source::Bytes(bytes.slice(3..)), Origin::Utf8),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                let big = bytes.first() == Some(&0xfe);
                let (text, _, _) = if big { UTF_16BE.decode(&bytes) } else { UTF_16LE.decode(&bytes) };
                (Source::Bytes(Bytes::from(text.into_owned())), Origin::Utf8)
            }
            _ => (Source::Bytes(bytes), Origin::Header),
        }),
        Source::Stream(mut read) => {
            let mut mark = Vec::with_capacity(3);
            read.by_ref().take(3).read_to_end(&mut mark).context(|| "read the interchange")?;
            let stream = |taken: usize, read| -> Source {
                let rest = mark.get(taken..).unwrap_or(&[]).to_vec();
                Source::Stream(Box::new(std::io::Cursor::new(rest).chain(read)))
            };
            Ok(match mark.as_slice() {
                [0xef, 0xbb, 0xbf] => (stream(3, read), Origin::Utf8),
                [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                    let encoding = if mark.first() == Some(&0xfe) { UTF_16BE } else { UTF_16LE };
                    let decoder = encoding.new_decoder_without_bom_handling();
                    let Source::Stream(read) = stream(2, read) else {
                        return Ok((Source::Bytes(Bytes::new()), Origin::Utf8));
                    };
                    let wide = Wide { read, decoder, raw: Vec::new(), ready: String::new(), given: 0, ended: false };
                    (Source::Stream(Box::new(wide)), Origin::Utf8)
                }
                _ => (stream(0, read), Origin::Header),
            })
        }
    }
}

/// UTF-16 read as UTF-8.
struct Wide {
    read: Box<dyn Read + Send>,
    decoder: Decoder,
    raw: Vec<u8>,
    ready: String,
    given: usize,
    ended: bool,
}

impl Read for Wide {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        while self.given == self.ready.len() && !self.ended {
            self.raw.clear();
            self.ended = self.read.by_ref().take(16 << 10).read_to_end(&mut self.raw)? == 0;
            self.ready.clear();
            self.given = 0;
            self.ready.reserve(self.decoder.max_utf8_buffer_length(self.raw.len()).unwrap_or(64 << 10));
            let (_, read, _) = self.decoder.decode_to_string(&self.raw, &mut self.ready, self.ended);
            debug_assert_eq!(read, self.raw.len(), "the buffer was large enough");
        }
        let rest = self.ready.as_bytes().get(self.given..).unwrap_or(&[]);
        let count = rest.len().min(to.len());
        if let (Some(to), Some(from)) = (to.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        Ok(count)
    }
}

/// The characters of one interchange.
pub(super) struct Text {
    /// What the header names.
    declared: Repertoire,
    /// What the bytes are in.
    actual: Repertoire,
    /// What high bytes are in where the header's repertoire has none.
    foreign: Option<Repertoire>,
    origin: Origin,
    /// ASCII characters outside of the repertoire that were complained of.
    odd: u128,
    /// Whether a line break inside of a segment was.
    broken: bool,
    /// Other characters outside of the repertoire that were; bounded by `MOST_ODD`.
    strange: Vec<char>,
}

const MOST_ODD: usize = 32;

/// Before UNB is read, and where its repertoire is none of ours.
const FALLBACK: &str = "UNOW";

/// All lower case letters, which are complained of together.
const LOWER: u128 = ((1 << 26) - 1) << b'a';

impl Text {
    pub(super) fn new(origin: Origin, charset: Option<&str>) -> Text {
        Text {
            declared: Repertoire::utf8(FALLBACK),
            actual: Repertoire::utf8(FALLBACK),
            foreign: charset.and_then(|charset| Repertoire::of_charset(FALLBACK, charset)),
            origin,
            odd: 0,
            broken: false,
            strange: Vec::new(),
        }
    }

    /// What the header names, or what stands in for it.
    pub(super) fn repertoire(&self) -> Repertoire {
        self.declared
    }

    /// Takes what UNB says. `ahead` is what follows as far as it is in memory. Gives the identifier the bytes are read by
    /// where that is not the one in UNB: it is none of ours, or the bytes are UTF-8 and plainly nothing else.
    pub(super) fn declare(&mut self, identifier: &str, utf8: bool, ahead: &[u8]) -> Option<&'static str> {
        let known = Repertoire::of(identifier);
        self.declared = known.or(self.foreign).unwrap_or(Repertoire::utf8(FALLBACK));
        self.actual = self.declared;
        if self.origin == Origin::Utf8 || utf8 {
            self.actual = Repertoire::utf8(FALLBACK);
        } else if known.is_some_and(|known| known.is_single_byte()) && self.foreign.is_none() && is_plainly_utf8(ahead)
        {
            self.actual = Repertoire::utf8(FALLBACK);
            return Some(FALLBACK);
        }
        known.is_none().then_some(self.declared.identifier)
    }

    /// The segment as text, if it is ASCII or UTF-8; to be used for clean values only.
    #[inline]
    pub(super) fn whole<'s>(&self, segment: &Segment<'s>) -> Option<&'s str> {
        std::str::from_utf8(segment.bytes).ok()
    }

    /// Text of a value's bytes.
    pub(super) fn decode<'b>(&self, bytes: &'b [u8]) -> (Cow<'b, str>, Option<Trouble>) {
        if bytes.is_ascii()
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            return (Cow::Borrowed(text), None);
        }
        match (self.foreign, self.actual.is_ascii()) {
            (Some(foreign), true) => {
                let (text, trouble) = foreign.decode(bytes);
                let odd = text.chars().find(|c| !c.is_ascii()).map(Trouble::Odd);
                (text, trouble.or(odd))
            }
            _ => self.actual.decode(bytes),
        }
    }

    /// Text of bytes where nobody asks about the characters.
    pub(super) fn plain(&self, bytes: &[u8]) -> String {
        self.decode(bytes).0.into_owned()
    }

    /// Says what is wrong with the characters of a value, each character once.
    pub(super) fn complain(
        &mut self,
        value: &Value,
        text: &str,
        trouble: Option<Trouble>,
        place: impl Fn() -> Place,
        findings: &mut Findings,
    ) {
        let name = self.declared.identifier;
        let odd = |found: &str| Finding::warning(Code::CharacterNotInRepertoire, place()).found(found).expected(name);
        if trouble == Some(Trouble::Invalid) {
            findings.push(Finding::error(Code::Encoding, place()).found(text).expected(name));
        }
        if value.has_break() && !std::mem::replace(&mut self.broken, true) {
            findings.push(odd("line break"));
        }
        for c in text.chars() {
            if c.is_ascii() {
                let bit = 1u128 << u32::from(c);
                if value.has_odd() && self.odd & bit == 0 && !self.declared.has(c) {
                    self.odd |= if c.is_ascii_lowercase() { LOWER } else { bit };
                    findings.push(odd(&printable(c)));
                }
            } else if matches!(trouble, Some(Trouble::Odd(_)))
                && self.strange.len() < MOST_ODD
                && !self.strange.contains(&c)
                && !self.declared.has(c)
            {
                self.strange.push(c);
                findings.push(odd(&printable(c)));
            }
        }
    }
}

/// Whether bytes are UTF-8 that cannot be a part of ISO 8859: some stand where that has controls. The last character may
/// be cut.
fn is_plainly_utf8(bytes: &[u8]) -> bool {
    let valid = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    valid && !bytes.is_ascii() && bytes.iter().any(|byte| (0x80..0xa0).contains(byte))
}

fn printable(c: char) -> String {
    if c.is_control() { format!("U+{:04X}", u32::from(c)) } else { c.to_string() }
}
