//! Where commands print: results on standard output, remarks on standard error, progress only on a terminal.
//! People read findings in Korean or English; data is printed as JSON when `--json` asks for it.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::error::{Context, Error, Result};
use crate::model::finding::{Finding, Language, Severity};

/// How a verb ended, where the machine and the call were good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Exit code 0.
    Good,
    /// The document or the state is bad: exit code 1.
    Bad,
}

impl Outcome {
    /// Good if that holds.
    pub fn good_if(good: bool) -> Outcome {
        if good { Outcome::Good } else { Outcome::Bad }
    }
}

/// How a command prints.
#[derive(Clone, Copy, Debug)]
pub struct Out {
    /// Whether data is printed as JSON.
    pub json: bool,
    /// The language of what people read.
    pub language: Language,
}

impl Out {
    /// A line on standard output.
    pub fn line(&self, text: impl Display) -> Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}").and_then(|()| out.flush()).map_err(closed)
    }

    /// Bytes on standard output, as they are.
    pub fn bytes(&self, bytes: &[u8]) -> Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(closed)
    }

    /// A remark on standard error. That it cannot be written must not change what a command does.
    pub fn remark(&self, text: impl Display) {
        drop(writeln!(io::stderr().lock(), "{text}"));
    }

    /// A value as JSON, a line.
    pub fn json<T: Serialize>(&self, value: &T) -> Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(|error| Error::bug("writing JSON").caused_by(error))?;
        self.line(text)
    }

    /// The one of two texts that is in the language of this call.
    pub fn say<'t>(&self, ko: &'t str, en: &'t str) -> &'t str {
        match self.language {
            Language::Ko => ko,
            Language::En => en,
        }
    }

    /// Rows in columns under a head. Nothing but the head's absence tells that there are none.
    pub fn table<const N: usize>(&self, head: [&str; N], rows: &[[String; N]]) -> Result<()> {
        if rows.is_empty() {
            return self.line(self.say("(없음)", "(none)"));
        }
        let mut widths = head.map(width);
        for row in rows {
            for (most, cell) in widths.iter_mut().zip(row) {
                *most = (*most).max(width(cell));
            }
        }
        let print = |cells: [&str; N]| {
            let mut line = String::new();
            for (cell, most) in cells.iter().zip(widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', most.saturating_sub(width(cell)) + 2));
            }
            self.line(line.trim_end())
        };
        print(head)?;
        rows.iter().try_for_each(|row| print(row.each_ref().map(String::as_str)))
    }

    /// A finding, as people read it: place, severity, sentence, code.
    pub fn finding(&self, finding: &Finding) -> String {
        let severity = match (finding.severity, self.language) {
            (Severity::Error, Language::Ko) => "오류",
            (Severity::Error, Language::En) => "error",
            (Severity::Warning, Language::Ko) => "주의",
            (Severity::Warning, Language::En) => "warning",
            (Severity::Note, Language::Ko) => "참고",
            (Severity::Note, Language::En) => "note",
        };
        let place = finding.place.to_string();
        let colon = if place.is_empty() { "" } else { ": " };
        visible(&format!("{place}{colon}{severity}: {} [{}]", finding.text(self.language), finding.code.as_str()))
    }

    /// A bar for something that may take longer than a second; hidden where nobody looks. `of` is 0 where it is not known.
    pub fn progress(&self, of: u64, unit: Unit) -> ProgressBar {
        if !io::stderr().is_terminal() || self.json {
            return ProgressBar::hidden();
        }
        let template = match (unit, of) {
            (_, 0) => "{spinner} {elapsed} {msg}",
            (Unit::Bytes, _) => "{wide_bar} {bytes}/{total_bytes} {eta} {msg}",
            (Unit::Pieces, _) => "{wide_bar} {pos}/{len} {eta} {msg}",
        };
        let bar = if of == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(of) };
        if of == 0 {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
    }
}

/// What a bar counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Anything else.
    Pieces,
}

/// Whoever read our output went away (`dure … | head`): the rest is not wanted, and that is no failure of ours.
fn closed(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    Error::from(error).context("write to standard output")
}

/// Reads a whole file, `-` being standard input, up to a number of bytes.
pub fn read_file(path: &std::path::Path, most_bytes: u64) -> Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let name = || format!("read {}", path.display());
    let size = if path.as_os_str() == "-" {
        io::stdin().lock().take(most_bytes + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most_bytes + 1).read_to_end(&mut bytes))
    };
    let size = size.context(name)?;
    if size as u64 > most_bytes {
        return Err(Error::config(format!("{}: longer than {most_bytes} bytes", name())));
    }
    Ok(bytes)
}

/// A text of somebody else as a terminal may be given it, in one line: what would steer the terminal is shown instead.
pub fn visible(text: &str) -> String {
    let one = |c: char| match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(one).collect()
}

/// Columns of a terminal that a text takes: Korean and other East Asian characters take two.
fn width(text: &str) -> usize {
    let wide = |c: char| {
        matches!(u32::from(c), 0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F
            | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x1F300..=0x1FAFF | 0x20000..=0x3FFFD)
    };
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::{Code, Place};

    #[test]
    fn korean_takes_two_columns() {
        assert_eq!(width("abc"), 3);
        assert_eq!(width("표본정밀(주)"), 12);
    }

    #[test]
    fn what_would_steer_a_terminal_is_shown() {
        assert_eq!(visible("a\u{1b}[2J\r\nb\u{7f}\u{9b}\u{202e}c 한글"), "a␛[2J␍␊b␡\u{fffd}\u{fffd}c 한글");
        let finding = Finding::error(Code::UnknownFormat, Place::default()).found("\u{1b}]0;x\u{7}");
        assert!(!Out { json: false, language: Language::En }.finding(&finding).contains(char::is_control));
    }

    #[test]
    fn findings_in_the_language_of_the_call() {
        let place = Place { line: Some(3), column: Some(9), ..Place::default() };
        let finding = Finding::error(Code::UnknownItem, place).found("LM-40");
        let text = |language| Out { json: false, language }.finding(&finding);
        assert!(text(Language::En).ends_with("error: the item LM-40 is not in the catalogue [unknown-item]"));
        assert!(text(Language::Ko).contains("오류: LM-40 품목이 목록에 없습니다"));
    }
}
