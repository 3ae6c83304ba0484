//! Records of BIFF8 ([MS-XLS] 2.1.4), and strings that go on in the records behind their own.

use super::compound::{u16_at, u32_at};

/// A record goes on in records of this kind.
const CONTINUE: u16 = 0x003C;

/// A record.
#[derive(Clone, Copy)]
pub(super) struct Record<'s> {
    /// Its kind.
    pub(super) kind: u16,
    /// What is in it.
    pub(super) data: &'s [u8],
}

/// Records of a stream, one after the other.
#[derive(Clone, Copy)]
pub(super) struct Records<'s> {
    stream: &'s [u8],
    at: usize,
}

impl<'s> Records<'s> {
    /// From an offset on.
    pub(super) fn new(stream: &'s [u8], at: usize) -> Records<'s> {
        Records { stream, at }
    }

    /// The offset of the next record.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The data of a record and of those that go on with it.
    pub(super) fn pieces(&self, data: &'s [u8]) -> Pieces<'s> {
        let more = self.take_while(|record| record.kind == CONTINUE).map(|record| record.data);
        Pieces { pieces: std::iter::once(data).chain(more).collect(), piece: 0, at: 0 }
    }
}

impl<'s> Iterator for Records<'s> {
    type Item = Record<'s>;

    fn next(&mut self) -> Option<Record<'s>> {
        let start = self.at.checked_add(4)?;
        let (kind, length) = (u16_at(self.stream, self.at)?, u16_at(self.stream, self.at + 2)?);
        let data = self.stream.get(start..start.checked_add(usize::from(length))?)?;
        self.at = start + data.len();
        Some(Record { kind, data })
    }
}

/// The data of a record that goes on in others.
pub(super) struct Pieces<'s> {
    pieces: Vec<&'s [u8]>,
    piece: usize,
    at: usize,
}

impl<'s> Pieces<'s> {
    fn rest(&self) -> &'s [u8] {
        self.pieces.get(self.piece).and_then(|piece| piece.get(self.at..)).unwrap_or(&[])
    }

    /// Goes to the next piece when this one is at its end; false when it was the last.
    fn turn(&mut self) -> bool {
        if self.rest().is_empty() {
            (self.piece, self.at) = (self.piece.saturating_add(1), 0);
        }
        self.piece < self.pieces.len()
    }

    /// So many bytes, which stand in one piece.
    fn take(&mut self, count: usize) -> Option<&'s [u8]> {
        while self.rest().is_empty() {
            if !self.turn() {
                return None;
            }
        }
        let bytes = self.rest().get(..count)?;
        self.at += count;
        Some(bytes)
    }

    /// Passes over so many bytes, in however many pieces.
    pub(super) fn skip(&mut self, mut count: usize) -> Option<()> {
        while count > 0 {
            let here = self.rest().len().min(count);
            self.at += here;
            count -= here;
            if count > 0 && !self.turn() {
                return None;
            }
        }
        Some(())
    }

    /// A string with its length before it, [MS-XLS] 2.5.293.
    pub(super) fn string(&mut self) -> Option<String> {
        let head = self.take(3)?;
        let (count, flags) = (usize::from(u16_at(head, 0)?), *head.get(2)?);
        // Fonts of runs and how it is pronounced stand behind the characters.
        let runs = if flags & 8 == 0 { 0 } else { usize::from(u16_at(self.take(2)?, 0)?) };
        let extra = if flags & 4 == 0 { 0 } else { u32_at(self.take(4)?, 0)? as usize };
        let text = self.characters(count, flags & 1 == 1)?;
        self.skip(runs.saturating_mul(4).saturating_add(extra))?;
        Some(text)
    }

    /// Characters of one or two bytes; each piece that they go on in says anew which.
    fn characters(&mut self, count: usize, mut wide: bool) -> Option<String> {
        let mut units: Vec<u16> = Vec::new();
        while units.len() < count {
            if self.rest().is_empty() {
                if !self.turn() {
                    return None;
                }
                wide = *self.take(1)?.first()? & 1 == 1;
            }
            let rest = self.rest();
            let left = count - units.len();
            let before = units.len();
            if wide {
                units.extend(rest.chunks_exact(2).take(left).filter_map(|two| u16_at(two, 0)));
            } else {
                units.extend(rest.iter().take(left).map(|&byte| u16::from(byte)));
            }
            let taken = units.len() - before;
            if taken == 0 {
                return None;
            }
            self.at += if wide { taken * 2 } else { taken };
        }
        Some(String::from_utf16_lossy(&units))
    }
}

/// A string in one record, with its length before it.
pub(super) fn string(data: &[u8]) -> Option<String> {
    Pieces { pieces: vec![data], piece: 0, at: 0 }.string()
}

/// A string in one record whose length is known.
pub(super) fn string_of(data: &[u8], count: usize) -> Option<String> {
    let mut pieces = Pieces { pieces: vec![data], piece: 0, at: 0 };
    let wide = *pieces.take(1)?.first()? & 1 == 1;
    pieces.characters(count, wide)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_goes_on_in_the_next_record() {
        // 한글 in two bytes each, then "ab" in one byte each.
        let stream = [
            0xFC, 0, 7, 0, 4, 0, 1, 0x5C, 0xD5, 0x00, 0xAE, // SST
            0x3C, 0, 3, 0, 0, b'a', b'b', // CONTINUE
            0x0A, 0, 0, 0,
        ];
        let mut records = Records::new(&stream, 0);
        let first = records.next().unwrap();
        assert_eq!(records.pieces(first.data).string().unwrap(), "한글ab");
        assert_eq!(records.next().unwrap().kind, 0x3C);
        assert_eq!(records.next().unwrap().kind, 0x0A);
        assert!(records.next().is_none());
    }

    #[test]
    fn what_is_cut_is_none() {
        assert_eq!(string(&[5, 0, 0, b'a']), None);
        assert_eq!(string(&[5]), None);
        assert_eq!(string(&[1, 0, 1, b'a']), None);
        assert_eq!(string(&[1, 0, 8, 1, 0, b'a', 0, 0, 0, 0]), Some("a".to_owned()));
        assert_eq!(string_of(&[0, b'a', b'b'], 2), Some("ab".to_owned()));
    }
}
