//! A pull parser for JSON (RFC 8259): one event after the other, with exact places, from bytes or from a stream.
//!
//! No recursion; what it holds is one token and one bit per level. Strict: no comments, no trailing commas, one value. A
//! byte order mark in front is passed over.

use std::io::Read;

use bytes::Bytes;

use crate::error::{Context, Result};
use crate::format::{Limits, Source};
use crate::model::finding::{Code, Finding, Place};
use crate::model::tree::At;

/// What comes next. The text of keys, strings and numbers is [`Pull::text`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Event {
    BeginObject,
    EndObject,
    BeginArray,
    EndArray,
    Key,
    String,
    Number,
    True,
    False,
    Null,
    /// The value is over, and nothing stands behind it.
    End,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expect {
    /// A value.
    Value,
    /// A value or `]`.
    ValueOrEnd,
    /// A key or `}`.
    KeyOrEnd,
    /// A key.
    Key,
    /// `,` or the closing bracket; the end at the top.
    Behind,
    /// Nothing: it is over, or broken.
    Nothing,
}

/// Bytes read from a stream at once.
const STEP: usize = 64 << 10;

/// The parser.
pub(super) struct Pull<S> {
    source: S,
    window: Bytes,
    at: usize,
    line: u32,
    column: u32,
    offset: u64,
    /// The token's place.
    pub(super) place: At,
    /// The token's text.
    pub(super) text: String,
    /// For each open bracket whether it is that of an object.
    open: Vec<bool>,
    expect: Expect,
    depth: usize,
    longest: usize,
}

/// Bytes after those that are there.
pub(super) trait More {
    fn more(&mut self) -> Result<Bytes>;
}

/// All is there.
#[derive(Clone, Copy)]
pub(super) struct Done;

impl More for Done {
    fn more(&mut self) -> Result<Bytes> {
        Ok(Bytes::new())
    }
}

/// The rest of a stream.
pub(super) struct Rest(pub(super) Option<Box<dyn Read + Send>>);

impl More for Rest {
    fn more(&mut self) -> Result<Bytes> {
        let Some(read) = &mut self.0 else { return Ok(Bytes::new()) };
        let mut piece = Vec::with_capacity(STEP);
        read.by_ref().take(STEP as u64).read_to_end(&mut piece).context(|| "read the document")?;
        if piece.is_empty() {
            self.0 = None;
        }
        Ok(Bytes::from(piece))
    }
}

/// Over a source.
pub(super) fn open(source: Source, limits: &Limits) -> Pull<Rest> {
    let (rest, window) = match source {
        Source::Bytes(bytes) => (Rest(None), bytes),
        Source::Stream(read) => (Rest(Some(read)), Bytes::new()),
    };
    Pull {
        source: rest,
        window,
        at: 0,
        line: 1,
        column: 1,
        offset: 0,
        place: At::default(),
        text: String::new(),
        open: Vec::new(),
        expect: Expect::Value,
        depth: limits.depth,
        longest: limits.token_bytes,
    }
}

/// The next event, or what is wrong with the text; after that there is only [`Event::End`].
type Pulled = Result<Result<Event, Box<Finding>>>;

impl<S: More> Pull<S> {
    fn byte(&mut self) -> Result<Option<u8>> {
        while self.at >= self.window.len() {
            let more = self.source.more()?;
            if more.is_empty() {
                return Ok(None);
            }
            self.window = more;
            self.at = 0;
        }
        Ok(self.window.get(self.at).copied())
    }

    fn bump(&mut self, byte: u8) {
        self.at += 1;
        self.offset += 1;
        if byte == b'\n' {
            self.line = self.line.saturating_add(1);
            self.column = 1;
        } else if byte & 0xc0 != 0x80 {
            self.column = self.column.saturating_add(1);
        }
    }

    fn here(&self) -> At {
        At { line: self.line, column: self.column, offset: self.offset, ..At::default() }
    }

    fn wrong(&mut self, finding: Finding) -> Box<Finding> {
        self.expect = Expect::Nothing;
        Box::new(finding)
    }

    fn syntax(&mut self, found: impl AsRef<str>) -> Box<Finding> {
        let place = Place::from_at(self.here());
        self.wrong(Finding::error(Code::Syntax, place).found(found))
    }

    fn unexpected(&mut self, byte: Option<u8>, expected: &str) -> Box<Finding> {
        let place = Place::from_at(self.here());
        let finding = match byte {
            None if self.offset == 0 => Finding::error(Code::Empty, Place::default()),
            None => Finding::error(Code::Truncated, place).expected(expected),
            Some(byte) => {
                let found =
                    if byte.is_ascii_graphic() { char::from(byte).to_string() } else { format!("0x{byte:02X}") };
                Finding::error(Code::Syntax, place).found(format!("{found} instead of {expected}"))
            }
        };
        self.wrong(finding)
    }

    fn space(&mut self) -> Result<Option<u8>> {
        if self.offset == 0 {
            // The mark is three bytes that are there in the first piece of any stream worth reading.
            self.byte()?;
            if self.window.starts_with(b"\xef\xbb\xbf") {
                self.at = 3;
                self.offset = 3;
            }
        }
        while let Some(byte) = self.byte()? {
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Ok(Some(byte));
            }
            self.bump(byte);
        }
        Ok(None)
    }

    /// The next event.
    pub(super) fn next(&mut self) -> Pulled {
        self.text.clear();
        let mut byte = match self.expect {
            Expect::Nothing => return Ok(Ok(Event::End)),
            _ => self.space()?,
        };
        self.place = self.here();
        if self.expect == Expect::Behind {
            let Some(&object) = self.open.last() else {
                return Ok(match byte {
                    None => {
                        self.expect = Expect::Nothing;
                        Ok(Event::End)
                    }
                    Some(_) => Err(self.unexpected(byte, "the end")),
                });
            };
            match (byte, object) {
                (Some(b','), _) => {
                    self.bump(b',');
                    byte = self.space()?;
                    self.place = self.here();
                    self.expect = if object { Expect::Key } else { Expect::Value };
                }
                (Some(b'}'), true) | (Some(b']'), false) => return Ok(Ok(self.close(object))),
                _ => return Ok(Err(self.unexpected(byte, if object { ", or }" } else { ", or ]" }))),
            }
        }
        match (self.expect, byte) {
            (Expect::KeyOrEnd, Some(b'}')) => Ok(Ok(self.close(true))),
            (Expect::ValueOrEnd, Some(b']')) => Ok(Ok(self.close(false))),
            (Expect::KeyOrEnd | Expect::Key, Some(b'"')) => self.key(),
            (Expect::KeyOrEnd | Expect::Key, _) => Ok(Err(self.unexpected(byte, "a name in quotes"))),
            _ => self.value(byte),
        }
    }

    fn close(&mut self, object: bool) -> Event {
        self.bump(b']');
        self.open.pop();
        self.expect = Expect::Behind;
        if object { Event::EndObject } else { Event::EndArray }
    }

    fn key(&mut self) -> Pulled {
        if let Err(finding) = self.string()? {
            return Ok(Err(finding));
        }
        let place = self.place;
        match self.space()? {
            Some(b':') => self.bump(b':'),
            byte => return Ok(Err(self.unexpected(byte, ":"))),
        }
        self.place = place;
        self.expect = Expect::Value;
        Ok(Ok(Event::Key))
    }

    fn value(&mut self, byte: Option<u8>) -> Pulled {
        self.expect = Expect::Behind;
        match byte {
            Some(bracket @ (b'{' | b'[')) => {
                if self.open.len() >= self.depth {
                    let place = Place::from_at(self.here());
                    let finding = Finding::error(Code::TooDeep, place).expected(self.depth.to_string());
                    return Ok(Err(self.wrong(finding)));
                }
                self.bump(bracket);
                let object = bracket == b'{';
                self.open.push(object);
                self.expect = if object { Expect::KeyOrEnd } else { Expect::ValueOrEnd };
                Ok(Ok(if object { Event::BeginObject } else { Event::BeginArray }))
            }
            Some(b'"') => Ok(self.string()?.map(|()| Event::String)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Event::True),
            Some(b'f') => self.word("false", Event::False),
            Some(b'n') => self.word("null", Event::Null),
            other => Ok(Err(self.unexpected(other, "a value"))),
        }
    }

    fn word(&mut self, word: &str, event: Event) -> Pulled {
        for expected in word.bytes() {
            match self.byte()? {
                Some(byte) if byte == expected => self.bump(byte),
                byte => return Ok(Err(self.unexpected(byte, word))),
            }
        }
        Ok(Ok(event))
    }

    /// RFC 8259, 6. Kept as written.
    fn number(&mut self) -> Pulled {
        let digits = |pull: &mut Pull<S>| -> Result<usize> {
            let mut count = 0;
            while let Some(byte @ b'0'..=b'9') = pull.byte()? {
                if count < pull.longest {
                    pull.text.push(char::from(byte));
                }
                pull.bump(byte);
                count += 1;
            }
            Ok(count)
        };
        if let Some(b'-') = self.byte()? {
            self.take('-');
        }
        let zero = self.byte()? == Some(b'0');
        let count = digits(self)?;
        if count == 0 || (zero && count > 1) {
            let byte = self.byte()?;
            return Ok(Err(self.unexpected(byte, "a number without leading zeros")));
        }
        if let Some(b'.') = self.byte()? {
            self.take('.');
            if digits(self)? == 0 {
                let byte = self.byte()?;
                return Ok(Err(self.unexpected(byte, "a digit")));
            }
        }
        if let Some(e @ (b'e' | b'E')) = self.byte()? {
            self.take(char::from(e));
            if let Some(sign @ (b'+' | b'-')) = self.byte()? {
                self.take(char::from(sign));
            }
            if digits(self)? == 0 {
                let byte = self.byte()?;
                return Ok(Err(self.unexpected(byte, "a digit")));
            }
        }
        Ok(Ok(Event::Number))
    }

    fn take(&mut self, c: char) {
        self.text.push(c);
        self.bump(u8::try_from(c).unwrap_or(b'?'));
    }

    /// A string from its opening quote on, into `text`.
    fn string(&mut self) -> Result<Result<(), Box<Finding>>> {
        self.bump(b'"');
        let mut raw = Vec::new();
        loop {
            // Everything up to what is special at once.
            self.byte()?;
            let rest = self.window.get(self.at..).unwrap_or(&[]);
            let plain = rest.iter().position(|&b| matches!(b, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len());
            if raw.len() + plain > self.longest {
                let place = Place::from_at(self.place);
                let finding =
                    Finding::error(Code::TooLarge, place).found("a text").expected(format!("{} bytes", self.longest));
                return Ok(Err(self.wrong(finding)));
            }
            raw.extend_from_slice(rest.get(..plain).unwrap_or(&[]));
            let characters = rest.iter().take(plain).filter(|&&b| b & 0xc0 != 0x80).count();
            self.at += plain;
            self.offset += plain as u64;
            self.column = self.column.saturating_add(characters as u32);
            match self.byte()? {
                Some(b'"') => {
                    self.bump(b'"');
                    break;
                }
                Some(b'\\') => {
                    if let Err(finding) = self.escape(&mut raw)? {
                        return Ok(Err(finding));
                    }
                }
                Some(byte @ 0..0x20) => return Ok(Err(self.unexpected(Some(byte), "a character or its escape"))),
                None => return Ok(Err(self.unexpected(None, "\" at the end of a text"))),
                // The window ended.
                Some(_) => {}
            }
        }
        match String::from_utf8(raw) {
            Ok(text) => {
                self.text = text;
                Ok(Ok(()))
            }
            Err(error) => {
                let mut place = Place::from_at(self.place);
                place.column = Some(self.place.column);
                let found = String::from_utf8_lossy(error.as_bytes()).into_owned();
                Ok(Err(self.wrong(Finding::error(Code::Encoding, place).found(found).expected("UTF-8"))))
            }
        }
    }

    fn escape(&mut self, raw: &mut Vec<u8>) -> Result<Result<(), Box<Finding>>> {
        self.bump(b'\\');
        let byte = self.byte()?;
        let c = match byte {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.bump(b'u');
                return self.unicode(raw);
            }
            _ => return Ok(Err(self.unexpected(byte, "an escape such as \\n or \\u00E9"))),
        };
        self.bump(b'n');
        raw.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(Ok(()))
    }

    fn unicode(&mut self, raw: &mut Vec<u8>) -> Result<Result<(), Box<Finding>>> {
        let first = match self.four()? {
            Ok(unit) => unit,
            Err(finding) => return Ok(Err(finding)),
        };
        let mut code = first;
        if (0xd800..0xdc00).contains(&first) {
            for expected in [b'\\', b'u'] {
                match self.byte()? {
                    Some(byte) if byte == expected => self.bump(byte),
                    byte => return Ok(Err(self.unexpected(byte, "the second half of a pair"))),
                }
            }
            let second = match self.four()? {
                Ok(unit) => unit,
                Err(finding) => return Ok(Err(finding)),
            };
            code = 0x10000 + ((first - 0xd800) << 10) + second.wrapping_sub(0xdc00);
            if !(0xdc00..0xe000).contains(&second) {
                return Ok(Err(self.syntax("half of a surrogate pair")));
            }
        }
        match char::from_u32(code) {
            Some(c) => {
                raw.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                Ok(Ok(()))
            }
            None => Ok(Err(self.syntax("half of a surrogate pair"))),
        }
    }

    fn four(&mut self) -> Result<Result<u32, Box<Finding>>> {
        let mut code = 0;
        for _ in 0..4 {
            let byte = self.byte()?;
            let Some((digit, byte)) = byte.and_then(|b| Some((char::from(b).to_digit(16)?, b))) else {
                return Ok(Err(self.unexpected(byte, "four hexadecimal digits")));
            };
            code = code * 16 + digit;
            self.bump(byte);
        }
        Ok(Ok(code))
    }

    /// Passes over a value that has begun with `event`.
    pub(super) fn skip(&mut self, event: Event) -> Result<Result<(), Box<Finding>>> {
        let depth = match event {
            Event::BeginObject | Event::BeginArray => self.open.len() - 1,
            _ => return Ok(Ok(())),
        };
        while self.open.len() > depth {
            if let Err(finding) = self.next()? {
                return Ok(Err(finding));
            }
        }
        Ok(Ok(()))
    }
}

impl Pull<Rest> {
    /// Whether all bytes there are, are in memory.
    pub(super) fn is_all_here(&self) -> bool {
        self.source.0.is_none()
    }

    /// Bytes in memory that were not read yet.
    pub(super) fn bytes_here(&self) -> usize {
        self.window.len() - self.at.min(self.window.len())
    }

    /// Whether the innermost open bracket is that of a list.
    pub(super) fn is_in_array(&self) -> bool {
        self.open.last() == Some(&false)
    }

    /// A second parser from where this one stands over the bytes that are in memory now.
    pub(super) fn ahead(&self) -> Pull<Done> {
        Pull {
            source: Done,
            window: self.window.clone(),
            at: self.at,
            line: self.line,
            column: self.column,
            offset: self.offset,
            place: self.place,
            text: String::new(),
            open: self.open.clone(),
            expect: self.expect,
            depth: self.depth,
            longest: self.longest,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Dribble(std::collections::VecDeque<u8>);

    impl Read for Dribble {
        fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
            match (to.first_mut(), self.0.pop_front()) {
                (Some(slot), Some(byte)) => {
                    *slot = byte;
                    Ok(1)
                }
                _ => Ok(0),
            }
        }
    }

    fn events(source: Source) -> String {
        let mut pull = open(source, &Limits { depth: 4, token_bytes: 64, ..Limits::default() });
        let mut out = String::new();
        for _ in 0..10_000 {
            match pull.next().unwrap() {
                Ok(Event::End) => return out,
                Ok(event) => {
                    out.push_str(&format!("{}:{} {event:?} {}\n", pull.place.line, pull.place.column, pull.text))
                }
                Err(finding) => {
                    out.push_str(&format!(
                        "{} {} {} {}\n",
                        finding.place,
                        finding.code.as_str(),
                        finding.found,
                        finding.expected
                    ));
                }
            }
        }
        panic!("no end");
    }

    fn check(text: &str, expected: &str) {
        let expected: String = expected.lines().map(|line| format!("{}\n", line.trim_start())).collect();
        assert_eq!(events(Source::Bytes(Bytes::copy_from_slice(text.as_bytes()))).trim_start(), expected);
        assert_eq!(events(Source::Stream(Box::new(Dribble(text.bytes().collect())))).trim_start(), expected);
    }

    #[test]
    fn events_with_places() {
        check(
            "{\"수량\": [1, -2.50e3,\n true],\"b\":{},\"c\":null , \"d\" : \"x\\\"\\u00e9\\ud83d\\ude00\"}",
            "1:1 BeginObject 
             1:2 Key 수량
             1:8 BeginArray 
             1:9 Number 1
             1:12 Number -2.50e3
             2:2 True 
             2:6 EndArray 
             2:8 Key b
             2:12 BeginObject 
             2:13 EndObject 
             2:15 Key c
             2:19 Null 
             2:26 Key d
             2:32 String x\"é😀
             2:55 EndObject ",
        );
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        check("", "empty  ");
        check(" ", "line 1 column 2 truncated  a value");
        check("[1,]", "1:1 BeginArray \n1:2 Number 1\nline 1 column 4 syntax ] instead of a value ");
        check("{\"a\" 1}", "1:1 BeginObject \nline 1 column 6 syntax 1 instead of : ");
        check(
            "{\"a\":1,}",
            "1:1 BeginObject \n1:2 Key a\n1:6 Number 1\nline 1 column 8 syntax } instead of a name in quotes ",
        );
        check("[01]", "1:1 BeginArray \nline 1 column 4 syntax ] instead of a number without leading zeros ");
        check("tru", "line 1 column 4 truncated  true");
        check("\"a\nb\"", "line 1 column 3 syntax 0x0A instead of a character or its escape ");
        check("\"\\ud800x\"", "line 1 column 8 syntax x instead of the second half of a pair ");
        check("1 2", "1:1 Number 1\nline 1 column 3 syntax 2 instead of the end ");
        check(
            "[[[[[",
            "1:1 BeginArray \n1:2 BeginArray \n1:3 BeginArray \n1:4 BeginArray \nline 1 column 5 too-deep  4",
        );
        check(&format!("\"{}\"", "x".repeat(99)), "line 1 column 1 too-large a text 64 bytes");
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json_on_what_is_json(text in "[\\[\\]{}:,\"0-9a\\\\eE.+-]{0,24}") {
            let ours = events(Source::Bytes(Bytes::from(text.clone())));
            let good = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            let refused = [" syntax ", " truncated ", "empty"].iter().any(|word| ours.contains(word));
            prop_assert!(ours.contains("too-deep") || good != refused, "{} {}", text, ours);
        }

        #[test]
        fn anything_ends(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let whole = events(Source::Bytes(Bytes::from(bytes.clone())));
            prop_assert_eq!(whole, events(Source::Stream(Box::new(Dribble(bytes.into())))));
        }
    }
}
