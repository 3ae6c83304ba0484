//! One schema file: TOML with the keys of `docs/schemas.md`, unknown ones refused, every complaint with file, line and
//! column. Reads the words only; `compile` gives them meaning.

use rustc_hash::FxHashMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::codes::CodeList;
use super::notation::{self, AttributeItem, Item};
use crate::error::{Error, Result};

/// A byte offset in the file it was read from.
pub(super) type Offset = usize;

/// A schema file as written.
#[derive(Debug, Default)]
pub(super) struct File {
    /// Below `schemas/`, with its ending.
    pub(super) path: String,
    text: String,
    pub(super) root: Option<(String, Offset)>,
    pub(super) namespace: String,
    pub(super) include: Vec<(String, Offset)>,
    pub(super) cut: Option<(String, Offset)>,
    /// Prefix and namespace.
    pub(super) prefixes: Vec<(String, String)>,
    pub(super) types: FxHashMap<String, TypeDef>,
    /// Element to type.
    pub(super) elements: FxHashMap<String, (String, Offset)>,
    pub(super) simple: FxHashMap<String, SimpleDef>,
}

/// A type with children.
#[derive(Debug, Default)]
pub(super) struct TypeDef {
    pub(super) at: Offset,
    pub(super) content: Vec<Item>,
    /// Where the content text starts in the file.
    pub(super) content_at: Offset,
    pub(super) attributes: Vec<AttributeItem>,
    pub(super) attributes_at: Offset,
    pub(super) any_attributes: bool,
    pub(super) mixed: bool,
    pub(super) unordered: bool,
    pub(super) doc: String,
}

/// A type that is a value.
#[derive(Debug, Default)]
pub(super) struct SimpleDef {
    pub(super) at: Offset,
    pub(super) base: String,
    pub(super) attributes: Vec<AttributeItem>,
    pub(super) attributes_at: Offset,
    pub(super) any_attributes: bool,
    pub(super) length: Option<u32>,
    pub(super) min_length: Option<u32>,
    pub(super) max_length: Option<u32>,
    pub(super) min_value: Option<i64>,
    pub(super) max_value: Option<i64>,
    pub(super) total_digits: Option<u32>,
    pub(super) fraction_digits: Option<u32>,
    pub(super) enumeration: Vec<String>,
    pub(super) codes: Option<(String, Offset)>,
    pub(super) doc: String,
}

type Key<'t> = &'t Spanned<std::borrow::Cow<'t, str>>;
type Value<'t> = &'t Spanned<DeValue<'t>>;

impl File {
    /// Reads a schema file.
    pub(super) fn read(path: &str, text: &str) -> Result<File> {
        let mut file = File { path: path.to_owned(), text: text.to_owned(), ..File::default() };
        let table = parse(path, text)?;
        for (key, value) in table.get_ref() {
            match key.get_ref().as_ref() {
                "root" => file.root = Some((file.string(value)?, value.span().start)),
                "namespace" => file.namespace = file.string(value)?,
                "cut" => file.cut = Some((file.string(value)?, value.span().start)),
                "include" => file.include = file.strings(value)?,
                "prefixes" => {
                    for (prefix, uri) in file.table(value)? {
                        file.prefixes.push((prefix.get_ref().to_string(), file.string(uri)?));
                    }
                }
                "types" => {
                    for (name, value) in file.table(value)? {
                        let def = file.type_def(name.span().start, value)?;
                        file.types.insert(name.get_ref().to_string(), def);
                    }
                }
                "elements" => {
                    for (name, value) in file.table(value)? {
                        let type_name = (file.string(value)?, value.span().start);
                        file.elements.insert(name.get_ref().to_string(), type_name);
                    }
                }
                "simple" => {
                    for (name, value) in file.table(value)? {
                        let def = file.simple_def(name.span().start, value)?;
                        file.simple.insert(name.get_ref().to_string(), def);
                    }
                }
                _ => return Err(file.unknown(key)),
            }
        }
        Ok(file)
    }

    /// An error at a place in this file.
    pub(super) fn wrong(&self, at: Offset, message: impl std::fmt::Display) -> Error {
        located(&self.path, &self.text, at, message)
    }

    fn unknown(&self, key: Key<'_>) -> Error {
        self.wrong(key.span().start, format!("the key {} is not known", key.get_ref()))
    }

    fn string(&self, value: Value<'_>) -> Result<String> {
        match value.get_ref().as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(self.wrong(value.span().start, "a string was expected")),
        }
    }

    fn boolean(&self, value: Value<'_>) -> Result<bool> {
        value.get_ref().as_bool().ok_or_else(|| self.wrong(value.span().start, "true or false was expected"))
    }

    fn number<N: std::str::FromStr>(&self, value: Value<'_>) -> Result<N> {
        let number = value.get_ref().as_integer().and_then(|integer| integer.as_str().parse().ok());
        number.ok_or_else(|| self.wrong(value.span().start, "a whole number was expected"))
    }

    fn strings(&self, value: Value<'_>) -> Result<Vec<(String, Offset)>> {
        let Some(list) = value.get_ref().as_array() else {
            return Err(self.wrong(value.span().start, "a list of strings was expected"));
        };
        list.iter().map(|item| Ok((self.string(item)?, item.span().start))).collect()
    }

    fn table<'t>(&self, value: Value<'t>) -> Result<&'t DeTable<'t>> {
        value.get_ref().as_table().ok_or_else(|| self.wrong(value.span().start, "a table was expected"))
    }

    /// Where the characters of a string value start: behind its quotes.
    fn inside(&self, value: Value<'_>) -> Offset {
        let start = value.span().start;
        let raw = self.text.get(start..).unwrap_or("");
        if raw.starts_with("'''") || raw.starts_with("\"\"\"") {
            let after = raw.get(3..).unwrap_or("");
            // TOML leaves out a line end right behind the quotes.
            start + 3 + if after.starts_with("\r\n") { 2 } else { usize::from(after.starts_with('\n')) }
        } else {
            start + 1
        }
    }

    fn content(&self, value: Value<'_>) -> Result<(Vec<Item>, Offset)> {
        let start = self.inside(value);
        let items =
            notation::content(&self.string(value)?).map_err(|wrong| self.wrong(start + wrong.offset, wrong.message))?;
        Ok((items, start))
    }

    fn attributes(&self, value: Value<'_>) -> Result<(Vec<AttributeItem>, Offset)> {
        let start = self.inside(value);
        let items = notation::attributes(&self.string(value)?)
            .map_err(|wrong| self.wrong(start + wrong.offset, wrong.message))?;
        Ok((items, start))
    }

    fn type_def(&self, at: Offset, value: Value<'_>) -> Result<TypeDef> {
        let mut def = TypeDef { at, ..TypeDef::default() };
        if value.get_ref().is_str() {
            (def.content, def.content_at) = self.content(value)?;
            return Ok(def);
        }
        for (key, value) in self.table(value)? {
            match key.get_ref().as_ref() {
                "content" => (def.content, def.content_at) = self.content(value)?,
                "attributes" => (def.attributes, def.attributes_at) = self.attributes(value)?,
                "any_attributes" => def.any_attributes = self.boolean(value)?,
                "mixed" => def.mixed = self.boolean(value)?,
                "unordered" => def.unordered = self.boolean(value)?,
                "doc" => def.doc = self.string(value)?,
                _ => return Err(self.unknown(key)),
            }
        }
        Ok(def)
    }

    fn simple_def(&self, at: Offset, value: Value<'_>) -> Result<SimpleDef> {
        let mut def = SimpleDef { at, ..SimpleDef::default() };
        if value.get_ref().is_str() {
            def.base = self.string(value)?;
            return Ok(def);
        }
        for (key, value) in self.table(value)? {
            match key.get_ref().as_ref() {
                "base" => def.base = self.string(value)?,
                "attributes" => (def.attributes, def.attributes_at) = self.attributes(value)?,
                "any_attributes" => def.any_attributes = self.boolean(value)?,
                "length" => def.length = Some(self.number(value)?),
                "min_length" => def.min_length = Some(self.number(value)?),
                "max_length" => def.max_length = Some(self.number(value)?),
                "min_value" => def.min_value = Some(self.number(value)?),
                "max_value" => def.max_value = Some(self.number(value)?),
                "total_digits" => def.total_digits = Some(self.number(value)?),
                "fraction_digits" => def.fraction_digits = Some(self.number(value)?),
                "enumeration" => def.enumeration = self.strings(value)?.into_iter().map(|(word, _)| word).collect(),
                "codes" => def.codes = Some((self.string(value)?, value.span().start)),
                "doc" => def.doc = self.string(value)?,
                _ => return Err(self.unknown(key)),
            }
        }
        Ok(def)
    }
}

/// Reads a code list file.
pub(super) fn read_codes(path: &str, name: &str, text: &str) -> Result<CodeList> {
    let file = File { path: path.to_owned(), text: text.to_owned(), ..File::default() };
    let (mut open, mut codes) = (false, Vec::new());
    for (key, value) in parse(path, text)?.get_ref() {
        match key.get_ref().as_ref() {
            "open" => open = file.boolean(value)?,
            // Only the values.
            "codes" if value.get_ref().is_str() => {
                let words = file.string(value)?;
                codes.extend(words.split_whitespace().map(|code| (code.to_owned(), String::new())));
            }
            "codes" => {
                for (code, means) in file.table(value)? {
                    codes.push((code.get_ref().to_string(), file.string(means)?));
                }
            }
            _ => return Err(file.unknown(key)),
        }
    }
    Ok(CodeList::new(name, open, codes.into_iter()))
}

fn parse<'t>(path: &str, text: &'t str) -> Result<Spanned<DeTable<'t>>> {
    DeTable::parse(text)
        .map_err(|error| located(path, text, error.span().map_or(0, |span| span.start), error.message()))
}

fn located(path: &str, text: &str, at: Offset, message: impl std::fmt::Display) -> Error {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    Error::config(format!("schemas/{path}:{line}:{column}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = File::read("t/1/T.toml", text).map_or_else(|error| error.to_string(), |_| "good".to_owned());
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn says_file_line_and_column() {
        check("root = \"A\"\n[types]\nA = \"b? c\"\n", "good");
        check("root = \"A\"\ncolour = 1\n", "schemas/t/1/T.toml:2:1: the key colour is not known");
        check("[types]\nA = \"b? )\"\n", "schemas/t/1/T.toml:2:9: ) has no beginning");
        check(
            "[types]\nA = { content = '''\n  b\n  c{x}\n''' }\n",
            "schemas/t/1/T.toml:4:4: write how often as {3}, {1,} or {0,9}",
        );
        check("[types]\nA = { kontent = \"\" }\n", "schemas/t/1/T.toml:2:7: the key kontent is not known");
        check(
            "[simple]\n1001 = { base = \"an..3\", max_length = \"3\" }\n",
            "schemas/t/1/T.toml:2:39: a whole number was expected",
        );
        check("[types]\nA = \"b\"\nA = \"c\"\n", "schemas/t/1/T.toml:3:1: duplicate key");
    }
}
