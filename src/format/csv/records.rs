//! Records of a table in text (RFC 4180): fields apart by a delimiter, quotes around what holds one, doubled inside.
//!
//! Tolerated: CR or LF alone as line end, blanks around quotes, a missing line end at the end. One record at a time; a
//! field and the number of fields are bounded, so that a quote that never ends takes no more memory than that.

use crate::error::{Context, Result};
use crate::format::encoding::TextStream;

/// A record.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// Its fields; a field keeps its memory from record to record.
    fields: Vec<String>,
    count: usize,
    /// Line of its first field, from 1.
    pub(super) line: u32,
    /// What was wrong with it.
    pub(super) fault: Option<Fault>,
}

/// What is wrong with a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// The text ended inside of quotes.
    OpenQuote,
    /// Text stood behind a closing quote, in this field (from 1).
    BehindQuote(usize),
    /// A field is larger than allowed.
    FieldTooLarge(usize),
    /// More fields than allowed.
    TooManyFields,
}

impl Record {
    /// Its fields in order.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().take(self.count).map(String::as_str)
    }

    /// The same at once.
    pub(super) fn as_slice(&self) -> &[String] {
        self.fields.get(..self.count).unwrap_or(&self.fields)
    }

    /// Whether there is nothing in it.
    pub(super) fn is_blank(&self) -> bool {
        self.fields().all(|field| field.trim().is_empty())
    }

    fn begin(&mut self, line: u32) {
        self.count = 0;
        self.line = line;
        self.fault = None;
        self.field();
    }

    fn field(&mut self) {
        match self.fields.get_mut(self.count) {
            Some(field) => field.clear(),
            None => self.fields.push(String::new()),
        }
        self.count += 1;
    }

    fn push(&mut self, text: &str, longest: usize) {
        let number = self.count;
        if let Some(field) = self.fields.get_mut(number.saturating_sub(1)) {
            if field.len() + text.len() > longest {
                self.fault.get_or_insert(Fault::FieldTooLarge(number));
            } else {
                field.push_str(text);
            }
        }
    }
}

/// Where in a field the reading is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    /// Nothing but blanks yet.
    Start,
    /// In text without quotes.
    Plain,
    /// Between quotes.
    Quoted,
    /// Behind a quote inside of quotes: it was the last, or is doubled.
    Quote,
    /// Behind the last quote.
    Behind,
}

/// Reads records from text.
pub(super) struct Records {
    stream: TextStream,
    text: String,
    at: usize,
    line: u32,
    delimiter: char,
    longest: usize,
    most: usize,
}

impl Records {
    pub(super) fn new(stream: TextStream, longest: usize, most: usize) -> Records {
        Records { stream, text: String::new(), at: 0, line: 1, delimiter: ',', longest, most }
    }

    /// Finds the delimiter in the first line: the one of comma, semicolon and tab that stands there most often.
    pub(super) fn find_delimiter(&mut self) -> Result<()> {
        while !self.rest().trim_start().contains('\n') && self.rest().len() < self.longest && self.more()? {}
        let line = self.rest().trim_start().lines().next().unwrap_or("");
        let (mut quoted, mut counts) = (false, [0usize; 3]);
        let delimiters = [',', ';', '\t'];
        for c in line.chars() {
            if c == '"' {
                quoted = !quoted;
            }
            for (count, delimiter) in counts.iter_mut().zip(delimiters) {
                *count += usize::from(!quoted && c == delimiter);
            }
        }
        // A header word may well hold a comma, hardly a tab: the last of equals is taken.
        let best = counts.into_iter().zip(delimiters).max_by_key(|(count, _)| *count);
        self.delimiter = best.filter(|(count, _)| *count > 0).map_or(',', |(_, delimiter)| delimiter);
        Ok(())
    }

    /// The delimiter.
    pub(super) fn delimiter(&self) -> char {
        self.delimiter
    }

    /// Why the text ended early: bytes that are malformed in their character set.
    pub(super) fn stop(&self) -> Option<crate::format::encoding::Stop> {
        self.stream.stop
    }

    /// The present line, from 1.
    pub(super) fn line(&self) -> u32 {
        self.line
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn more(&mut self) -> Result<bool> {
        self.text.drain(..self.at);
        self.at = 0;
        self.stream.fill(&mut self.text).context(|| "read the table")
    }

    /// The next record; false at the end.
    pub(super) fn next(&mut self, record: &mut Record) -> Result<bool> {
        record.begin(self.line);
        if self.rest().is_empty() && !self.more()? {
            return Ok(false);
        }
        let mut at = At::Start;
        loop {
            let Some(c) = self.rest().chars().next() else {
                if self.more()? {
                    continue;
                }
                if at == At::Quoted {
                    record.fault = Some(Fault::OpenQuote);
                }
                return Ok(true);
            };
            let start = self.at;
            self.at += c.len_utf8();
            if c == '\n' {
                self.line = self.line.saturating_add(1);
            }
            let mut text = [0; 4];
            match (at, c) {
                (At::Quoted, '"') => at = At::Quote,
                (At::Quoted, _) => {
                    // As much as there is up to the next quote at once.
                    let rest = self.text.get(start..).unwrap_or("");
                    let plain = rest.get(..rest.find('"').unwrap_or(rest.len())).unwrap_or("");
                    let breaks = plain.bytes().skip(c.len_utf8()).filter(|&b| b == b'\n').count();
                    self.line = self.line.saturating_add(breaks as u32);
                    record.push(plain, self.longest);
                    self.at = start + plain.len();
                }
                (At::Quote, '"') => {
                    record.push("\"", self.longest);
                    at = At::Quoted;
                }
                (_, '\n') => return Ok(true),
                (_, '\r') => {
                    if self.rest().is_empty() {
                        self.more()?;
                    }
                    if self.rest().starts_with('\n') {
                        self.at += 1;
                    }
                    self.line = self.line.saturating_add(1);
                    return Ok(true);
                }
                (_, c) if c == self.delimiter => {
                    at = At::Start;
                    if record.count >= self.most {
                        record.fault.get_or_insert(Fault::TooManyFields);
                        // The rest of the line falls into the last field's place and is dropped with it.
                        record.count -= 1;
                    }
                    record.field();
                }
                (At::Start, '"') => {
                    at = At::Quoted;
                    if let Some(field) = record.fields.get_mut(record.count.saturating_sub(1)) {
                        field.clear();
                    }
                }
                (At::Start, ' ') => record.push(" ", self.longest),
                (At::Quote | At::Behind, ' ' | '\t') => at = At::Behind,
                (At::Quote | At::Behind, c) => {
                    record.fault.get_or_insert(Fault::BehindQuote(record.count));
                    record.push(c.encode_utf8(&mut text), self.longest);
                    at = At::Behind;
                }
                (At::Start | At::Plain, _) => {
                    let rest = self.text.get(start..).unwrap_or("");
                    let delimiter = self.delimiter;
                    let plain = rest.find([delimiter, '\n', '\r']).unwrap_or(rest.len());
                    record.push(rest.get(..plain).unwrap_or(""), self.longest);
                    self.at = start + plain;
                    at = At::Plain;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records(text: &str, longest: usize, most: usize) -> Vec<String> {
        let read = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
        let stream = TextStream::open(read, Some("utf-8")).unwrap().unwrap();
        let mut records = Records::new(stream, longest, most);
        records.find_delimiter().unwrap();
        let (mut record, mut out) = (Record::default(), Vec::new());
        while records.next(&mut record).unwrap() {
            let fields: Vec<String> = record.fields().map(|field| format!("{field:?}")).collect();
            let fault = record.fault.map_or(String::new(), |fault| format!(" {fault:?}"));
            out.push(format!("{}: {}{fault}", record.line, fields.join(" ")));
        }
        out
    }

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(records(text, 20, 4), expected, "{text:?}");
    }

    #[test]
    fn reads_fields_quotes_and_line_ends() {
        check("a,b\r\n1,2\n3,\r4", &["1: \"a\" \"b\"", "2: \"1\" \"2\"", "3: \"3\" \"\"", "4: \"4\""]);
        check("a;\"b;\"\"c\"\"\nd\" ;e\nf", &["1: \"a\" \"b;\\\"c\\\"\\nd\" \"e\"", "3: \"f\""]);
        check("a\tb,c\n", &["1: \"a\" \"b,c\""]);
        check("\n\na,b\n", &["1: \"\"", "2: \"\"", "3: \"a\" \"b\""]);
        check("", &[]);
    }

    #[test]
    fn what_is_wrong_is_bounded_and_named() {
        check("\"a\nb", &["1: \"a\\nb\" OpenQuote"]);
        check("\"a\"b,c\n", &["1: \"ab\" \"c\" BehindQuote(1)"]);
        check("a,aaaaaaaaaaaaaaaaaaaaaaaaaaa\n", &["1: \"a\" \"\" FieldTooLarge(2)"]);
        check("a,b,c,d,e,f\n", &["1: \"a\" \"b\" \"c\" \"f\" TooManyFields"]);
    }

    proptest! {
        #[test]
        fn anything_ends(text in "[a\",;\t\r\n 가]{0,60}") {
            prop_assert!(records(&text, 1_000, 100).len() <= text.len() + 1);
        }

        #[test]
        fn reads_what_the_csv_crate_writes(
            table in proptest::collection::vec(proptest::collection::vec("[ab가,\"\n\r ]{0,4}", 2..5), 1..6),
            always in any::<bool>(),
        ) {
            let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
            let mut writer = csv::WriterBuilder::new().flexible(true).quote_style(style).from_writer(Vec::new());
            for record in std::iter::once(&vec!["x".to_owned(), "y".to_owned()]).chain(&table) {
                writer.write_record(record).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let ours: Vec<String> =
                records(&text, 1_000, 100).iter().map(|line| line.split_once(": ").unwrap().1.to_owned()).collect();
            let expected: Vec<String> = table
                .iter()
                .map(|record| record.iter().map(|field| format!("{field:?}")).collect::<Vec<_>>().join(" "))
                .collect();
            prop_assert_eq!(ours.get(1..), Some(expected.as_slice()));
        }
    }
}
