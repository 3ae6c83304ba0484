//! Lines and columns: of a text that is all there, and of one that passes by.

use crate::model::tree::At;

/// The place behind `text` when it starts at `at`. Lines end with LF; columns are characters.
pub(super) fn advance(mut at: At, text: &str) -> At {
    at.offset += text.len() as u64;
    match memchr::memrchr(b'\n', text.as_bytes()) {
        None => at.column += characters(text.as_bytes()),
        Some(last) => {
            at.line += u32::try_from(memchr::memchr_iter(b'\n', text.as_bytes()).count()).unwrap_or(u32::MAX);
            at.column = 1 + characters(text.as_bytes().get(last + 1..).unwrap_or(&[]));
        }
    }
    at
}

/// The place at the beginning of a text.
pub(super) const START: At = At { line: 1, column: 1, offset: 0, segment: 0, element: 0, component: 0 };

/// Characters in UTF-8: bytes that do not continue one.
fn characters(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.iter().filter(|b| **b & 0xC0 != 0x80).count()).unwrap_or(u32::MAX)
}

/// Whoever reads the events tells where the present one starts.
pub(super) trait Places {
    /// The place of the present event.
    fn here(&mut self) -> At;
    /// Its offset in the decoded text.
    fn offset(&self) -> u64;
}

/// Places in a text that is all there, asked for in ascending order.
#[derive(Default)]
pub(super) struct Lines {
    /// Offset of the first character of each line.
    starts: Vec<u32>,
    ascii: bool,
    line: usize,
    /// Offset up to which the characters of the line have been counted, and their number.
    counted: (usize, u32),
    /// Offset of the present event.
    pub(super) offset: usize,
}

impl Lines {
    /// Prepares for a text, keeping the memory of the last one.
    pub(super) fn begin(&mut self, text: &str) {
        self.starts.clear();
        self.starts.push(0);
        self.starts.extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at as u32 + 1));
        self.ascii = text.is_ascii();
        self.line = 0;
        self.counted = (0, 0);
        self.offset = 0;
    }

    /// The place of an offset not before the last one asked for.
    pub(super) fn at(&mut self, text: &str, offset: usize) -> At {
        while self.starts.get(self.line + 1).is_some_and(|start| *start as usize <= offset) {
            self.line += 1;
            self.counted = (self.starts.get(self.line).copied().unwrap_or(0) as usize, 0);
        }
        let start = self.starts.get(self.line).copied().unwrap_or(0) as usize;
        let column = if self.ascii {
            u32::try_from(offset.saturating_sub(start)).unwrap_or(u32::MAX)
        } else {
            let (from, before) = self.counted;
            let count = before + text.as_bytes().get(from..offset).map_or(0, characters);
            self.counted = (offset, count);
            count
        };
        At { line: self.line as u32 + 1, column: column + 1, offset: offset as u64, ..START }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree() {
        let text = "<a>\n  <b>주문</b>\r\n<c/>\n\n x";
        let mut lines = Lines::default();
        lines.begin(text);
        for (offset, _) in text.char_indices() {
            let (before, _) = text.split_at(offset);
            assert_eq!(lines.at(text, offset), advance(START, before), "{offset}");
        }
        assert_eq!(advance(START, "<a>\n  <b>주문").column, 8);
    }
}
