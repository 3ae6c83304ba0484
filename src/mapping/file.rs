//! A mapping file as written: TOML with the keys of `docs/mappings.md`, unknown ones refused, every complaint with file,
//! line and column. Reads the words only; `compile` gives them meaning.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Error, Result};

/// A byte offset in the file it was read from.
pub(super) type Offset = usize;

/// Text with where it stands.
pub(super) type Word = (String, Offset);

/// Name and text of a file, for messages.
#[derive(Debug)]
pub(super) struct Source {
    /// `mappings/ubl/2.1/Order.toml`.
    pub(super) name: String,
    text: String,
}

impl Source {
    pub(super) fn new(name: &str, text: &str) -> Source {
        Source { name: name.to_owned(), text: text.to_owned() }
    }

    /// An error at a place in this file.
    pub(super) fn wrong(&self, at: Offset, message: impl std::fmt::Display) -> Error {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Error::config(format!("{}:{line}:{column}: {message}", self.name))
    }
}

/// Which way a row goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Way {
    #[default]
    Both,
    Read,
    Write,
}

/// One way in which a field of ours stands on the partner's side.
#[derive(Clone, Debug, Default)]
pub(super) struct Alternative {
    pub(super) at: Offset,
    /// Paths; the first that has something counts, and is the one that is written.
    pub(super) paths: Vec<Word>,
    /// `=text|other`: no place on the partner's side; reading gives the first, writing accepts them all.
    pub(super) constant: Vec<String>,
    pub(super) way: Way,
    pub(super) uses: Option<Word>,
    pub(super) with: Vec<Row>,
    pub(super) function: Option<Word>,
    pub(super) codes: Option<Word>,
    pub(super) wrap: Option<u32>,
    pub(super) then: Vec<Word>,
    pub(super) default: Option<String>,
    pub(super) fill: Option<String>,
    /// The same, and what is around it is there for its sake.
    pub(super) must: bool,
    /// Of several places this one, where the field is there.
    pub(super) when: Option<Word>,
    /// The field that keeps a code which is not the one that is written for its word.
    pub(super) keep: Option<Word>,
    pub(super) inherit: Option<String>,
    pub(super) hoist: Option<String>,
}

/// A field of ours and where it stands; none for one that a dialect takes away.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) source: Arc<Source>,
    pub(super) ours: String,
    pub(super) at: Offset,
    pub(super) alternatives: Vec<Alternative>,
}

/// Rows for one record of ours.
#[derive(Clone, Debug)]
pub(super) struct Fragment {
    pub(super) source: Arc<Source>,
    pub(super) at: Offset,
    /// The record, where the fragment is not named after it.
    pub(super) record: Option<Word>,
    /// Rows of other fragments of the same record: path below, fragment.
    pub(super) include: Vec<(Word, Word)>,
    /// Paths that are always written with a value.
    pub(super) constants: Vec<(Word, String)>,
    /// Paths that are written with a value beside anything else.
    pub(super) beside: Vec<(Word, String)>,
    /// Paths that are not carried, and why.
    pub(super) ignored: Vec<(Word, String)>,
    /// Where a party's own identifier is found, and into which list it is written.
    pub(super) party_id: Option<(Vec<Word>, Option<Word>)>,
    pub(super) rows: Vec<Row>,
}

impl Fragment {
    /// One without rows.
    pub(super) fn empty(source: &Arc<Source>, at: Offset) -> Fragment {
        Fragment {
            source: Arc::clone(source),
            at,
            record: None,
            include: Vec::new(),
            constants: Vec::new(),
            beside: Vec::new(),
            ignored: Vec::new(),
            party_id: None,
            rows: Vec::new(),
        }
    }
}

/// A whole file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) source: Arc<Source>,
    pub(super) message: Option<Word>,
    pub(super) document: Option<Word>,
    pub(super) extends: Option<Word>,
    pub(super) include: Vec<Word>,
    pub(super) sender: Vec<Word>,
    pub(super) receiver: Vec<Word>,
    pub(super) pivot: Option<Word>,
    /// Path and what it counts.
    pub(super) checks: Vec<(Word, Word)>,
    /// Segment and the path of its qualifier.
    pub(super) qualifiers: Vec<(Word, Word)>,
    pub(super) fields: Option<Fragment>,
    pub(super) fragments: Vec<(String, Fragment)>,
}

type Value<'t> = &'t Spanned<DeValue<'t>>;

/// The entries of a table in the order of the file.
fn entries<'t>(table: &'t DeTable<'t>) -> Vec<(Word, Value<'t>)> {
    let mut list: Vec<(Word, Value<'t>)> =
        table.iter().map(|(key, value)| ((key.get_ref().to_string(), key.span().start), value)).collect();
    list.sort_by_key(|((_, at), _)| *at);
    list
}

struct Reader {
    source: Arc<Source>,
}

impl File {
    /// Reads a file; `name` is what messages call it.
    pub(super) fn read(name: &str, text: &str) -> Result<File> {
        let source = Arc::new(Source::new(name, text));
        let table = DeTable::parse(text)
            .map_err(|error| source.wrong(error.span().map_or(0, |span| span.start), error.message()))?;
        let reader = Reader { source: Arc::clone(&source) };
        let mut file = File {
            source,
            message: None,
            document: None,
            extends: None,
            include: Vec::new(),
            sender: Vec::new(),
            receiver: Vec::new(),
            pivot: None,
            checks: Vec::new(),
            qualifiers: Vec::new(),
            fields: None,
            fragments: Vec::new(),
        };
        for (key, value) in entries(table.get_ref()) {
            match key.0.as_str() {
                "message" => file.message = Some(reader.word(value)?),
                "document" => file.document = Some(reader.word(value)?),
                "extends" => file.extends = Some(reader.word(value)?),
                "include" => file.include = reader.words(value)?,
                "pivot" => file.pivot = Some(reader.word(value)?),
                "envelope" => {
                    for (key, value) in entries(reader.table(value)?) {
                        match key.0.as_str() {
                            "sender" => file.sender = reader.one_or_more(value)?,
                            "receiver" => file.receiver = reader.one_or_more(value)?,
                            _ => return Err(reader.unknown(&key)),
                        }
                    }
                }
                "checks" => file.checks = reader.pairs(value)?,
                "qualifiers" => file.qualifiers = reader.pairs(value)?,
                "fields" => file.fields = Some(reader.fragment(key.1, value)?),
                "fragments" => {
                    for (key, value) in entries(reader.table(value)?) {
                        file.fragments.push((key.0, reader.fragment(key.1, value)?));
                    }
                }
                _ => return Err(reader.unknown(&key)),
            }
        }
        Ok(file)
    }
}

impl Reader {
    fn wrong(&self, at: Offset, message: impl std::fmt::Display) -> Error {
        self.source.wrong(at, message)
    }

    fn unknown(&self, key: &Word) -> Error {
        self.wrong(key.1, format!("the key {} is not known", key.0))
    }

    fn word(&self, value: Value<'_>) -> Result<Word> {
        let at = value.span().start;
        match value.get_ref().as_str() {
            // Behind the quote.
            Some(text) => Ok((text.to_owned(), at + 1)),
            None => Err(self.wrong(at, "a string was expected")),
        }
    }

    fn text(&self, value: Value<'_>) -> Result<String> {
        Ok(self.word(value)?.0)
    }

    fn words(&self, value: Value<'_>) -> Result<Vec<Word>> {
        let Some(list) = value.get_ref().as_array() else {
            return Err(self.wrong(value.span().start, "a list of strings was expected"));
        };
        list.iter().map(|item| self.word(item)).collect()
    }

    fn one_or_more(&self, value: Value<'_>) -> Result<Vec<Word>> {
        if value.get_ref().is_str() { Ok(vec![self.word(value)?]) } else { self.words(value) }
    }

    fn table<'t>(&self, value: Value<'t>) -> Result<&'t DeTable<'t>> {
        value.get_ref().as_table().ok_or_else(|| self.wrong(value.span().start, "a table was expected"))
    }

    fn pairs(&self, value: Value<'_>) -> Result<Vec<(Word, Word)>> {
        entries(self.table(value)?).into_iter().map(|(key, value)| Ok((key, self.word(value)?))).collect()
    }

    fn fragment(&self, at: Offset, value: Value<'_>) -> Result<Fragment> {
        let mut fragment = Fragment::empty(&self.source, at);
        let texts = |value| -> Result<Vec<(Word, String)>> {
            Ok(self.pairs(value)?.into_iter().map(|(key, (text, _))| (key, text)).collect())
        };
        for (key, value) in entries(self.table(value)?) {
            match key.0.as_str() {
                "RECORD" => fragment.record = Some(self.word(value)?),
                "INCLUDE" => fragment.include = self.pairs(value)?,
                "CONSTANTS" => fragment.constants = texts(value)?,
                "BESIDE" => fragment.beside = texts(value)?,
                "IGNORED" => fragment.ignored = texts(value)?,
                "PARTY_ID" => fragment.party_id = Some(self.party_id(value)?),
                _ => fragment.rows.push(self.row(key, value)?),
            }
        }
        Ok(fragment)
    }

    fn party_id(&self, value: Value<'_>) -> Result<(Vec<Word>, Option<Word>)> {
        let (mut from, mut into) = (Vec::new(), None);
        for (key, value) in entries(self.table(value)?) {
            match key.0.as_str() {
                "from" => from = self.words(value)?,
                "into" => into = Some(self.word(value)?),
                _ => return Err(self.unknown(&key)),
            }
        }
        Ok((from, into))
    }

    fn row(&self, key: Word, value: Value<'_>) -> Result<Row> {
        let alternatives = match value.get_ref() {
            DeValue::Boolean(false) => Vec::new(),
            DeValue::Array(list) => list.iter().map(|item| self.alternative(item)).collect::<Result<_>>()?,
            _ => vec![self.alternative(value)?],
        };
        Ok(Row { source: Arc::clone(&self.source), ours: key.0, at: key.1, alternatives })
    }

    fn alternative(&self, value: Value<'_>) -> Result<Alternative> {
        let mut found = Alternative { at: value.span().start, ..Alternative::default() };
        if value.get_ref().is_str() {
            self.place(&mut found, self.word(value)?);
            return Ok(found);
        }
        for (key, value) in entries(self.table(value)?) {
            match key.0.as_str() {
                "at" => {
                    let word = self.word(value)?;
                    self.place(&mut found, word);
                }
                "first" => found.paths = self.words(value)?,
                "read" => (found.paths, found.way) = (self.one_or_more(value)?, Way::Read),
                "write" => (found.paths, found.way) = (vec![self.word(value)?], Way::Write),
                "use" => found.uses = Some(self.word(value)?),
                "with" => {
                    for (key, value) in entries(self.table(value)?) {
                        found.with.push(self.row(key, value)?);
                    }
                }
                "as" => found.function = Some(self.word(value)?),
                "codes" => found.codes = Some(self.word(value)?),
                "wrap" => found.wrap = Some(self.number(value)?),
                "then" => found.then = self.words(value)?,
                "default" => found.default = Some(self.text(value)?),
                "fill" => found.fill = Some(self.text(value)?),
                "must" => (found.fill, found.must) = (Some(self.text(value)?), true),
                "when" => found.when = Some(self.word(value)?),
                "keep" => found.keep = Some(self.word(value)?),
                "inherit" => found.inherit = Some(self.text(value)?),
                "hoist" => found.hoist = Some(self.text(value)?),
                _ => return Err(self.unknown(&key)),
            }
        }
        Ok(found)
    }

    fn place(&self, found: &mut Alternative, word: Word) {
        match word.0.strip_prefix('=') {
            Some(texts) => found.constant = texts.split('|').map(str::to_owned).collect(),
            None => found.paths = vec![word],
        }
    }

    fn number(&self, value: Value<'_>) -> Result<u32> {
        let number = value.get_ref().as_integer().and_then(|integer| integer.as_str().parse().ok());
        number.ok_or_else(|| self.wrong(value.span().start, "a whole number was expected"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = File::read("m.toml", text).map_or_else(|error| error.to_string(), |_| "good".to_owned());
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn says_file_line_and_column() {
        check("message = \"a/1/B\"\n[fields]\nid = \"x\"\n", "good");
        check("[fields]\nid = { at = \"x\", kodes = \"y\" }\n", "m.toml:2:18: the key kodes is not known");
        check("[fields]\nid = 7\n", "m.toml:2:6: a table was expected");
        check("colour = 1\n", "m.toml:1:1: the key colour is not known");
        check("[fields]\nid = { wrap = \"x\" }\n", "m.toml:2:15: a whole number was expected");
        check("[fields]\nid = \"x\"\nid = \"y\"\n", "m.toml:3:1: duplicate key");
    }

    #[test]
    fn rows_keep_their_order_and_forms() {
        let text =
            "[fields]\nz = \"=one|two\"\na = [{ at = \"x\", with = { role = \"=r\" } }, { read = \"y\" }]\nn = false\n";
        let file = File::read("m.toml", text).unwrap();
        let rows = file.fields.unwrap().rows;
        assert_eq!(rows[0].alternatives[0].constant, ["one", "two"]);
        assert_eq!(rows[1].ours, "a");
        assert_eq!(rows[1].alternatives[0].with[0].ours, "role");
        assert_eq!(rows[1].alternatives[1].way, Way::Read);
        assert!(rows[2].alternatives.is_empty());
    }
}
