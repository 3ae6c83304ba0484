//! A stream of text for the parser, in pieces: characters checked, and bounded between two events so that one endless
//! token cannot fill the memory.

use std::io::{BufRead, Read, Result};

use super::attributes::illegal;
use super::position::{START, advance};
use crate::format::encoding::{Stop, TextStream};
use crate::model::tree::At;

/// Why the text ends before the bytes do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// Bytes that are malformed in their character set.
    Malformed(Stop),
    /// A character that XML does not have.
    Character(char),
}

/// What the parser reads from.
pub(super) struct Feed {
    stream: TextStream,
    text: String,
    at: usize,
    /// Bytes the parser may still take before its next event.
    left: usize,
    most: usize,
    /// Whether the parser wanted more than that.
    pub(super) overrun: bool,
    /// Why the text ended early.
    pub(super) cut: Option<Cut>,
    /// The place behind everything the parser has taken.
    pub(super) place: At,
    ended: bool,
}

impl Feed {
    /// At most `most` bytes between two events.
    pub(super) fn new(stream: TextStream, most: usize) -> Feed {
        Feed {
            stream,
            text: String::new(),
            at: 0,
            left: most,
            most,
            overrun: false,
            cut: None,
            place: START,
            ended: false,
        }
    }

    /// An event was read; the next one may be as long again.
    pub(super) fn event(&mut self) {
        self.left = self.most;
    }

    fn refill(&mut self) -> Result<()> {
        self.text.clear();
        self.at = 0;
        if self.ended {
            return Ok(());
        }
        self.ended = !self.stream.fill(&mut self.text)?;
        if let Some(bad) = illegal(&self.text) {
            let c = self.text.get(bad..).and_then(|rest| rest.chars().next()).unwrap_or('\u{FFFD}');
            self.text.truncate(bad);
            self.cut = Some(Cut::Character(c));
            self.ended = true;
        } else if let Some(stop) = self.stream.stop {
            self.cut = Some(Cut::Malformed(stop));
        }
        Ok(())
    }
}

impl Read for Feed {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let from = self.fill_buf()?;
        let count = from.len().min(out.len());
        if let (Some(out), Some(from)) = (out.get_mut(..count), from.get(..count)) {
            out.copy_from_slice(from);
        }
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Feed {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        if self.left == 0 {
            self.overrun = true;
            return Err(std::io::Error::other("a token is too long"));
        }
        if self.at >= self.text.len() {
            self.refill()?;
        }
        Ok(self.text.as_bytes().get(self.at..).unwrap_or(&[]))
    }

    fn consume(&mut self, count: usize) {
        self.place = advance(self.place, self.text.get(self.at..self.at + count).unwrap_or(""));
        self.at += count;
        self.left = self.left.saturating_sub(count);
    }
}
