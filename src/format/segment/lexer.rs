//! Cuts bytes into segments, elements and components.
//!
//! One pass, no recursion, no allocation per segment: a segment is a slice of the input with a list of its values, and
//! values are decoded by whoever reads them. Line breaks between segments are passed over; one inside of a segment (text
//! wrapped at 80 columns) does not belong to its value. Places are exact: line, column in bytes, offset.
//!
//! It does not know what a segment means, nor that an interchange has headers: see `format::edifact`.

use std::borrow::Cow;
use std::io::Read;

use bytes::Bytes;

use super::dialect::{Dialect, class};
use crate::error::{Context, Result};
use crate::format::Source;

/// Values of one segment; ISO 9735 knows no segment with a tenth of it.
const MOST_VALUES: usize = 16_384;

/// Bytes read from a stream at once.
const STEP: usize = 64 << 10;

/// A value of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Value {
    start: u32,
    end: u32,
    /// Its element: 0 is the tag, 1 the first element.
    pub element: u16,
    /// Which repetition of its element, from 0.
    pub repetition: u16,
    /// Its component, from 0.
    pub component: u16,
    flags: u8,
}

const RELEASED: u8 = 1;
const BROKEN: u8 = 2;
const HIGH: u8 = 4;
const ODD: u8 = 8;

impl Value {
    /// Whether nothing stands there.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether its bytes are its text: nothing released, no line break in it.
    #[inline]
    pub fn is_verbatim(&self) -> bool {
        self.flags & (RELEASED | BROKEN) == 0
    }

    /// Whether a byte is 0x80 or above.
    #[inline]
    pub fn has_high(&self) -> bool {
        self.flags & HIGH != 0
    }

    /// Whether a byte below 0x80 is not in the repertoire.
    #[inline]
    pub fn has_odd(&self) -> bool {
        self.flags & ODD != 0
    }

    /// Whether a line break stands in it.
    #[inline]
    pub fn has_break(&self) -> bool {
        self.flags & BROKEN != 0
    }

    /// Whether nothing about it needs a second look.
    #[inline]
    pub fn is_clean(&self) -> bool {
        self.flags == 0
    }
}

/// A place in the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Spot {
    /// Line, from 1, counted in LF.
    pub line: u32,
    /// Column, from 1, in bytes.
    pub column: u32,
    /// Offset in bytes, from 0.
    pub offset: u64,
}

/// A segment.
pub struct Segment<'l> {
    /// Its bytes without the terminator.
    pub bytes: &'l [u8],
    /// Its values in order; the first is the tag. Never empty.
    pub values: &'l [Value],
    /// Where it starts.
    pub spot: Spot,
    /// Whether it had its terminator.
    pub terminated: bool,
    /// Whether values were left out because there were too many, or it was cut because it was too long.
    pub overflow: bool,
    /// What follows, as far as it is in memory.
    pub ahead: &'l [u8],
    breaks: &'l [u32],
    release: Option<u8>,
}

impl<'l> Segment<'l> {
    /// The bytes of a value as they stand.
    #[inline]
    pub fn raw(&self, value: &Value) -> &'l [u8] {
        self.bytes.get(value.start as usize..value.end as usize).unwrap_or(&[])
    }

    /// The bytes of a value, released, without line breaks.
    pub fn bytes_of(&self, value: &Value) -> Cow<'l, [u8]> {
        let raw = self.raw(value);
        if value.is_verbatim() {
            return Cow::Borrowed(raw);
        }
        let mut out = Vec::with_capacity(raw.len());
        let mut released = false;
        for &byte in raw {
            if matches!(byte, b'\r' | b'\n') {
                continue;
            }
            if !released && Some(byte) == self.release {
                released = true;
                continue;
            }
            released = false;
            out.push(byte);
        }
        Cow::Owned(out)
    }

    /// The range of a value in [`Segment::bytes`].
    #[inline]
    pub fn range(&self, value: &Value) -> std::ops::Range<usize> {
        value.start as usize..value.end as usize
    }

    /// Where a value starts.
    #[inline]
    pub fn spot_of(&self, value: &Value) -> Spot {
        self.spot_at(value.start)
    }

    /// Where a byte of the segment stands.
    #[inline]
    pub fn spot_at(&self, start: u32) -> Spot {
        let offset = self.spot.offset + u64::from(start);
        if self.breaks.is_empty() {
            return Spot { line: self.spot.line, column: self.spot.column.saturating_add(start), offset };
        }
        let before = self.breaks.partition_point(|&lf| lf < start);
        match before.checked_sub(1).and_then(|index| self.breaks.get(index)) {
            Some(&lf) => Spot { line: self.spot.line.saturating_add(before as u32), column: start - lf, offset },
            None => Spot { line: self.spot.line, column: self.spot.column.saturating_add(start), offset },
        }
    }

    /// The values of one element, all repetitions and components, in order.
    pub fn element(&self, element: u16) -> impl Iterator<Item = &'l Value> + use<'l> {
        let values = self.values;
        let from = values.partition_point(|value| value.element < element);
        values.get(from..).unwrap_or(&[]).iter().take_while(move |value| value.element == element)
    }

    /// One component of the first repetition of an element; both count as in [`Value`].
    pub fn component(&self, element: u16, component: u16) -> Option<&'l Value> {
        self.element(element).find(|value| value.repetition == 0 && value.component == component)
    }
}

enum Input {
    Bytes(Bytes),
    Stream { read: Box<dyn Read + Send>, buffer: Vec<u8>, ended: bool },
}

/// Reads segments one after the other.
pub struct Lexer {
    input: Input,
    at: usize,
    dialect: Dialect,
    spot: Spot,
    values: Vec<Value>,
    breaks: Vec<u32>,
    longest: usize,
}

/// What a scan over the bytes that are there came to.
enum Scan {
    /// The segment ends before this index, its terminator included.
    Whole { end: usize, overflow: bool },
    /// The bytes end first.
    Open { overflow: bool },
}

impl Lexer {
    /// Over a source. `longest` bounds one segment, in bytes.
    pub fn new(source: Source, dialect: Dialect, longest: usize) -> Lexer {
        let input = match source {
            Source::Bytes(bytes) => Input::Bytes(bytes),
            Source::Stream(read) => Input::Stream { read, buffer: Vec::new(), ended: false },
        };
        Lexer {
            input,
            at: 0,
            dialect,
            spot: Spot { line: 1, column: 1, offset: 0 },
            values: Vec::new(),
            breaks: Vec::new(),
            longest: longest.clamp(1_024, u32::MAX as usize / 2),
        }
    }

    /// Takes other service characters from the next segment on.
    pub fn set_dialect(&mut self, dialect: Dialect) {
        self.dialect = dialect;
    }

    /// The present ones.
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// Where it stands.
    pub fn spot(&self) -> Spot {
        self.spot
    }

    fn window(&self) -> &[u8] {
        let all: &[u8] = match &self.input {
            Input::Bytes(bytes) => bytes,
            Input::Stream { buffer, .. } => buffer,
        };
        all.get(self.at..).unwrap_or(&[])
    }

    /// Reads more of a stream. False when there is no more.
    fn more(&mut self) -> Result<bool> {
        let Input::Stream { read, buffer, ended } = &mut self.input else { return Ok(false) };
        if *ended {
            return Ok(false);
        }
        buffer.drain(..self.at.min(buffer.len()));
        self.at = 0;
        let before = buffer.len();
        // At least doubles what is there, so that scanning a long segment again each time stays linear.
        let step = STEP.max(before);
        let got = read.by_ref().take(step as u64).read_to_end(buffer).context(|| "read the interchange")?;
        *ended = got < step;
        Ok(got > 0)
    }

    /// The next bytes without taking them, at most `count`.
    pub fn peek(&mut self, count: usize) -> Result<&[u8]> {
        while self.window().len() < count && self.more()? {}
        let window = self.window();
        Ok(window.get(..count).unwrap_or(window))
    }

    /// Passes over bytes.
    pub fn skip(&mut self, count: usize) {
        let Lexer { input, at, spot, .. } = self;
        let all: &[u8] = match input {
            Input::Bytes(bytes) => bytes,
            Input::Stream { buffer, .. } => buffer,
        };
        let window = all.get(*at..).unwrap_or(&[]);
        let taken = window.get(..count).unwrap_or(window);
        advance(spot, taken);
        *at += taken.len();
    }

    /// Passes over line breaks, blanks, NUL and Ctrl-Z.
    pub fn skip_blank(&mut self) -> Result<()> {
        loop {
            let Lexer { input, at, spot, .. } = &mut *self;
            let all: &[u8] = match input {
                Input::Bytes(bytes) => bytes,
                Input::Stream { buffer, .. } => buffer,
            };
            let start = *at;
            while let Some(&byte) = all.get(*at) {
                match byte {
                    b'\n' => {
                        spot.line = spot.line.saturating_add(1);
                        spot.column = 1;
                    }
                    b'\r' | b' ' | b'\t' | 0 | 0x1a => spot.column = spot.column.saturating_add(1),
                    _ => break,
                }
                *at += 1;
            }
            spot.offset += (*at - start) as u64;
            if *at < all.len() || !self.more()? {
                return Ok(());
            }
        }
    }

    /// The next segment, none at the end.
    #[expect(clippy::should_implement_trait, reason = "it lends what it holds and can fail")]
    pub fn next(&mut self) -> Result<Option<Segment<'_>>> {
        self.skip_blank()?;
        let (length, terminated, overflow) = loop {
            let Lexer { input, at, dialect, values, breaks, longest, .. } = &mut *self;
            let all: &[u8] = match input {
                Input::Bytes(bytes) => bytes,
                Input::Stream { buffer, .. } => buffer,
            };
            let rest = all.get(*at..).unwrap_or(&[]);
            let window = rest.get(..*longest).unwrap_or(rest);
            if window.is_empty() {
                return Ok(None);
            }
            match scan(window, &dialect.classes, values, breaks) {
                Scan::Whole { end, overflow } => break (end, true, overflow),
                Scan::Open { overflow } => {
                    if window.len() >= *longest {
                        break (window.len(), false, true);
                    }
                    if !self.more()? {
                        break (self.window().len(), false, overflow);
                    }
                }
            }
        };
        let spot = self.spot;
        self.spot.offset += length as u64;
        match self.breaks.last() {
            Some(&lf) => {
                self.spot.line = self.spot.line.saturating_add(self.breaks.len() as u32);
                self.spot.column = length as u32 - lf;
            }
            None => self.spot.column = self.spot.column.saturating_add(length as u32),
        }
        let start = self.at;
        self.at += length;
        let all: &[u8] = match &self.input {
            Input::Bytes(bytes) => bytes,
            Input::Stream { buffer, .. } => buffer,
        };
        let end = if terminated { self.at - 1 } else { self.at };
        // A terminator that is itself a line break was counted with the breaks; it lies behind every value.
        Ok(Some(Segment {
            bytes: all.get(start..end).unwrap_or(&[]),
            values: &self.values,
            spot,
            terminated,
            overflow,
            ahead: all.get(self.at..).unwrap_or(&[]),
            breaks: &self.breaks,
            release: self.dialect.service().release,
        }))
    }

    /// Passes over the rest of a segment that was cut because it was too long.
    pub fn skip_segment(&mut self) -> Result<()> {
        loop {
            match self.next()? {
                Some(segment) if segment.overflow && !segment.terminated => {}
                _ => return Ok(()),
            }
        }
    }
}

fn advance(spot: &mut Spot, bytes: &[u8]) {
    spot.offset += bytes.len() as u64;
    match memchr::memrchr(b'\n', bytes) {
        Some(last) => {
            spot.line = spot.line.saturating_add(memchr::memchr_iter(b'\n', bytes).count() as u32);
            spot.column = (bytes.len() - last) as u32;
        }
        None => spot.column = spot.column.saturating_add(bytes.len() as u32),
    }
}

fn scan(window: &[u8], classes: &[u8; 256], values: &mut Vec<Value>, breaks: &mut Vec<u32>) -> Scan {
    values.clear();
    breaks.clear();
    let mut value = Value { start: 0, end: 0, element: 0, repetition: 0, component: 0, flags: 0 };
    let mut overflow = false;
    let mut index = 0;
    let mut put = |value: &mut Value, end: usize| {
        value.end = end as u32;
        if values.len() < MOST_VALUES {
            values.push(*value);
        } else {
            overflow = true;
        }
        value.start = end as u32 + 1;
        value.flags = 0;
    };
    loop {
        let rest = window.get(index..).unwrap_or(&[]);
        // Most bytes are plain, so they are passed over in a loop of their own.
        let Some(plain) = rest.iter().position(|&byte| classes[usize::from(byte)] != class::PLAIN) else { break };
        index += plain;
        let Some(&byte) = window.get(index) else { break };
        match classes[usize::from(byte)] {
            class::COMPONENT => {
                put(&mut value, index);
                value.component = value.component.saturating_add(1);
            }
            class::ELEMENT => {
                put(&mut value, index);
                value.element = value.element.saturating_add(1);
                value.repetition = 0;
                value.component = 0;
            }
            class::TERMINATOR => {
                put(&mut value, index);
                if byte == b'\n' {
                    breaks.push(index as u32);
                }
                return Scan::Whole { end: index + 1, overflow };
            }
            class::RELEASE => {
                value.flags |= RELEASED;
                index += 1;
                // The released character: breaks before it are passed over, whatever it is, it is data.
                while let Some(&next) = window.get(index) {
                    match classes[usize::from(next)] {
                        class::BREAK => {
                            value.flags |= BROKEN;
                            if next == b'\n' {
                                breaks.push(index as u32);
                            }
                            index += 1;
                            continue;
                        }
                        class::HIGH => value.flags |= HIGH,
                        class::ODD => value.flags |= ODD,
                        _ => {}
                    }
                    break;
                }
            }
            class::REPETITION => {
                put(&mut value, index);
                value.repetition = value.repetition.saturating_add(1);
                value.component = 0;
            }
            class::HIGH => value.flags |= HIGH,
            class::BREAK => {
                value.flags |= BROKEN;
                if byte == b'\n' {
                    breaks.push(index as u32);
                }
            }
            _ => value.flags |= ODD,
        }
        index += 1;
    }
    put(&mut value, window.len());
    Scan::Open { overflow }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::dialect::Service;
    use super::*;

    /// Gives one byte at a time, as the worst of sockets.
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

    fn lexer(bytes: &[u8], una: &[u8; 6], stream: bool) -> Lexer {
        let source = if stream {
            Source::Stream(Box::new(Dribble(bytes.iter().copied().collect())))
        } else {
            Source::Bytes(Bytes::copy_from_slice(bytes))
        };
        Lexer::new(source, Dialect::new(Service::from_una(*una)), 1 << 20)
    }

    /// One line per value: `line:column@offset element.repetition.component text`.
    fn dump(bytes: &[u8], una: &[u8; 6], stream: bool) -> String {
        let mut lexer = lexer(bytes, una, stream);
        let mut out = String::new();
        while let Some(segment) = lexer.next().unwrap() {
            for value in segment.values {
                let spot = segment.spot_of(value);
                out.push_str(&format!(
                    "{}:{}@{} {}.{}.{} {}\n",
                    spot.line,
                    spot.column,
                    spot.offset,
                    value.element,
                    value.repetition,
                    value.component,
                    String::from_utf8_lossy(&segment.bytes_of(value))
                ));
            }
            if !segment.terminated {
                out.push_str("open\n");
            }
        }
        out
    }

    fn check(bytes: &str, una: &[u8; 6], expected: &str) {
        let expected: String = expected.lines().map(|line| format!("{}\n", line.trim_start())).collect();
        for stream in [false, true] {
            assert_eq!(dump(bytes.as_bytes(), una, stream), expected, "stream: {stream}");
        }
    }

    #[test]
    fn cuts_segments_elements_and_components() {
        check(
            "BGM+220+4711'\r\nDTM+137:20260101:102'",
            b":+.? '",
            "1:1@0 0.0.0 BGM
             1:5@4 1.0.0 220
             1:9@8 2.0.0 4711
             2:1@15 0.0.0 DTM
             2:5@19 1.0.0 137
             2:9@23 1.0.1 20260101
             2:18@32 1.0.2 102",
        );
    }

    #[test]
    fn released_characters_are_data() {
        check(
            "FTX+it?'s 1?+1??'X+?:'",
            b":+.? '",
            "1:1@0 0.0.0 FTX\n1:5@4 1.0.0 it's 1+1?\n1:18@17 0.0.0 X\n1:20@19 1.0.0 :",
        );
    }

    #[test]
    fn text_wrapped_inside_of_segments_is_joined_and_counted() {
        check(
            "BG\r\nM+22\r\n0+x?\r\n'y'Z'",
            b":+.? '",
            "1:1@0 0.0.0 BGM\n2:3@6 1.0.0 220\n3:3@12 2.0.0 x'y\n4:4@19 0.0.0 Z",
        );
    }

    #[test]
    fn repetitions_and_other_separators() {
        check(
            "A|1^2>3^|~",
            b">|.\\^~",
            "1:1@0 0.0.0 A\n1:3@2 1.0.0 1\n1:5@4 1.1.0 2\n1:7@6 1.1.1 3\n1:9@8 1.2.0 \n1:10@9 2.0.0 ",
        );
        check("A+1\r\nB\n", b":+.? \n", "1:1@0 0.0.0 A\n1:3@2 1.0.0 1\n2:1@5 0.0.0 B");
    }

    #[test]
    fn what_ends_without_terminator_says_so() {
        check("A+1'B+?", b":+.? '", "1:1@0 0.0.0 A\n1:3@2 1.0.0 1\n1:5@4 0.0.0 B\n1:7@6 1.0.0 \nopen");
        check(" \r\n", b":+.? '", "");
    }

    #[test]
    fn segments_are_bounded() {
        let long = [b"A+".as_slice(), &[b'x'; 5_000], b"'B'"].concat();
        let mut lexer = Lexer::new(Source::Bytes(long.into()), Dialect::new(Service::default()), 1_024);
        let first = lexer.next().unwrap().map(|segment| (segment.overflow, segment.terminated, segment.bytes.len()));
        assert_eq!(first, Some((true, false, 1_024)));
        lexer.skip_segment().unwrap();
        assert_eq!(lexer.next().unwrap().map(|segment| segment.bytes.to_vec()), Some(b"B".to_vec()));
        let many = [b"A".as_slice(), &[b'+'; 20_000], b"'"].concat();
        let mut lexer = Lexer::new(Source::Bytes(many.into()), Dialect::new(Service::default()), 1 << 20);
        assert_eq!(
            lexer.next().unwrap().map(|segment| (segment.overflow, segment.values.len())),
            Some((true, MOST_VALUES))
        );
    }

    /// Gives the same segment again and again.
    struct Endless {
        left: usize,
        at: usize,
    }

    impl Read for Endless {
        fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
            let segment = b"LIN+1++4000862141404:EN'\n";
            let count = to.len().min(self.left);
            for slot in to.iter_mut().take(count) {
                *slot = segment[self.at % segment.len()];
                self.at += 1;
            }
            self.left -= count;
            Ok(count)
        }
    }

    #[test]
    fn a_stream_takes_no_more_memory_than_a_piece() {
        let source = Source::Stream(Box::new(Endless { left: 25 * 400_000, at: 0 }));
        let mut lexer = Lexer::new(source, Dialect::new(Service::default()), 1 << 20);
        let mut count = 0;
        while let Some(segment) = lexer.next().unwrap() {
            assert!(segment.terminated && segment.values.len() == 5);
            count += 1;
        }
        assert_eq!(count, 400_000);
        let Input::Stream { buffer, .. } = &lexer.input else { panic!("a stream") };
        assert!(buffer.capacity() <= 4 * STEP, "{}", buffer.capacity());
        assert_eq!(lexer.spot(), Spot { line: 400_001, column: 1, offset: 10_000_000 });
    }

    proptest! {
        #[test]
        fn anything_is_cut_without_panic_and_alike_from_a_stream(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            una in proptest::sample::select(vec![*b":+.? '", *b":+,?*'", *b"\x1f\x1d.  \x1c", *b":+.? \n"]),
        ) {
            prop_assert_eq!(dump(&bytes, &una, false), dump(&bytes, &una, true));
        }

        #[test]
        fn service_characters_between_text(text in "[A+:?'*\r\n ]{0,80}") {
            prop_assert_eq!(dump(text.as_bytes(), b":+.?*'", false), dump(text.as_bytes(), b":+.?*'", true));
        }
    }
}
