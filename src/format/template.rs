//! Texts and JSON with places to be filled in: requests rendered from a document, documents rendered from an answer.
//!
//! A place is `{…}`; `{{` is a brace. Inside stands where its value comes from, several with `??` between them if the first
//! may be missing, then filters behind `|`:
//!
//! | written | is |
//! | --- | --- |
//! | `/buyer/id` | a place in the document (JSON pointer, RFC 6901) |
//! | `item`, `item/quantity/value` | the member of the list that is gone through, and a place in it |
//! | `number` | which member it is, from 1 |
//! | `name`, `name/0/id` | a value with a name, and a place in it |
//! | `'text'`, `null`, `[]` | itself |
//!
//! In JSON a text that is one place and nothing else becomes the value itself, a number or a list. An object with `$each` (a
//! place) and `$item` becomes the list of what `$item` is for each member. Values never bring in places of their own.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Members of a list that are gone through.
pub const MOST_MEMBERS: usize = 10_000;

/// Where a value comes from.
#[derive(Clone, PartialEq, Debug)]
enum Source {
    /// A JSON pointer into the document.
    Document(String),
    /// A name, and a JSON pointer below it.
    Name(String, String),
    /// Itself.
    Fixed(Value),
}

/// What is done to a value.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Filter {
    /// As text.
    Text,
    /// A text as a JSON number.
    Number,
    /// A number as the text of a decimal without zeros at its end: `3.0` is `3`.
    Decimal,
    /// In base64.
    Base64,
    /// Year, month and day of a date as numbers.
    Year,
    Month,
    Day,
    /// A date as ISO 8601, of a text that begins with one or of an object with `year`, `month` and `day`.
    Date,
    /// A GTIN of 14 digits that is one of 13 without its zero.
    Gtin13,
    /// What stands behind the last comma, or the first colon: `sale.line,12` is `12`, `gln:880` is `880`.
    AfterComma,
    AfterColon,
    /// What stands before the first colon, or behind the first dash between spaces: `10: x` is `10`, `S1 - 10` is `10`.
    BeforeColon,
    AfterDash,
    /// As it stands between the quotes of a JSON text.
    Json,
    /// In capitals and small letters.
    Upper,
    Lower,
    /// The counterpart in a table of the file; what is not in it stays.
    Table(String),
}

/// One place to be filled in.
#[derive(Clone, PartialEq, Debug)]
pub struct Place {
    sources: Vec<Source>,
    filters: Vec<Filter>,
}

/// A text with places.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, PartialEq, Debug)]
enum Piece {
    Text(String),
    Place(Place),
}

/// JSON with places.
#[derive(Clone, PartialEq, Debug)]
pub enum Shape {
    /// Nothing to be filled in.
    Fixed(Value),
    /// A text.
    Text(Template),
    /// A list.
    List(Vec<Shape>),
    /// An object.
    Object(Vec<(String, Shape)>),
    /// For each member of a list.
    Each(Place, Box<Shape>),
}

/// Tables of counterparts, by name.
pub type Tables = BTreeMap<String, BTreeMap<String, String>>;

/// What places are filled in from.
#[derive(Clone)]
pub struct Scope<'s> {
    /// The document.
    pub document: &'s Value,
    /// Values with names; the second is the member of the list that is gone through, from 1.
    pub names: &'s (dyn Fn(&str, Option<usize>) -> Option<Value> + Sync),
    /// Tables of counterparts.
    pub tables: &'s Tables,
    /// The member of the list that is gone through, and which it is, from 1.
    pub item: Option<(&'s Value, usize)>,
    /// Where that list stands in the document, as findings say it; empty if it is not of the document.
    pub list: String,
}

/// A value that is needed and is not there: its place in the document as findings name it, or its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Missing(pub String);

impl Scope<'_> {
    /// The same around another member of a list.
    pub fn around<'t>(&'t self, item: &'t Value, number: usize, list: &str) -> Scope<'t> {
        Scope { item: Some((item, number)), list: list.to_owned(), ..self.clone() }
    }

    /// How findings name a place relative to the member of the list, or to the document.
    pub fn path(&self, below: &str) -> String {
        match self.item {
            Some((_, number)) if !self.list.is_empty() => format!("{}[{number}]{}{below}", self.list, dot(below)),
            _ => below.to_owned(),
        }
    }

    fn value(&self, source: &Source) -> Option<Value> {
        let found = match source {
            Source::Fixed(value) => return Some(value.clone()),
            Source::Document(pointer) => self.document.pointer(pointer).cloned(),
            Source::Name(name, pointer) => match (name.as_str(), self.item) {
                ("item", Some((item, _))) => item.pointer(pointer).cloned(),
                ("number", Some((_, number))) => Some(Value::from(number)),
                _ => {
                    let value = (self.names)(name, self.item.map(|(_, number)| number))?;
                    if pointer.is_empty() { Some(value) } else { value.pointer(pointer).cloned() }
                }
            },
        };
        found.filter(is_there)
    }

    fn named(&self, source: &Source) -> String {
        match source {
            Source::Document(pointer) => path(pointer),
            Source::Name(name, pointer) if name == "item" => self.path(&path(pointer)),
            Source::Name(name, _) => name.clone(),
            Source::Fixed(value) => value.to_string(),
        }
    }
}

fn dot(below: &str) -> &'static str {
    if below.is_empty() { "" } else { "." }
}

/// A JSON pointer as findings name places: `/lines/0/id` is `lines[1].id`.
fn path(pointer: &str) -> String {
    pointer.split('/').filter(|part| !part.is_empty()).fold(String::new(), |mut out, part| {
        match part.parse::<usize>() {
            Ok(index) => out.push_str(&format!("[{}]", index + 1)),
            Err(_) => {
                out.push_str(dot(&out));
                out.push_str(&part.replace("~1", "/").replace("~0", "~"));
            }
        }
        out
    })
}

/// Whether a value says anything.
pub fn is_there(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    }
}

/// A value as text.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Filter {
    fn parse(text: &str) -> Result<Filter, String> {
        Ok(match text {
            "text" => Filter::Text,
            "number" => Filter::Number,
            "decimal" => Filter::Decimal,
            "base64" => Filter::Base64,
            "year" => Filter::Year,
            "month" => Filter::Month,
            "day" => Filter::Day,
            "date" => Filter::Date,
            "gtin13" => Filter::Gtin13,
            "after-colon" => Filter::AfterColon,
            "after-comma" => Filter::AfterComma,
            "after-dash" => Filter::AfterDash,
            "before-colon" => Filter::BeforeColon,
            "json" => Filter::Json,
            "upper" => Filter::Upper,
            "lower" => Filter::Lower,
            _ => match text.strip_prefix("table:") {
                Some(name) if !name.is_empty() => Filter::Table(name.to_owned()),
                _ => {
                    return Err(format!(
                        "{text} is no filter; there are text, number, decimal, base64, year, month, day, date, gtin13, \
                         after-colon, after-comma, after-dash, before-colon, json, upper, lower and table:NAME"
                    ));
                }
            },
        })
    }

    /// The value behind it; none if it is not of the kind that is needed.
    fn apply(&self, value: Value, tables: &Tables) -> Option<Value> {
        let text = text_of(&value);
        let number = |n: &str| n.parse::<u32>().ok().map(Value::from);
        Some(match self {
            Filter::Text => Value::from(text),
            Filter::Number => match value {
                Value::Number(_) => value,
                _ => Value::Number(text.trim().parse::<Decimal>().ok()?.normalize().to_string().parse().ok()?),
            },
            Filter::Decimal => {
                let decimal = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(&text)).ok()?;
                Value::from(decimal.normalize().to_string())
            }
            Filter::Base64 => Value::from(STANDARD.encode(text)),
            Filter::Year => number(date(&value)?.get(0..4)?)?,
            Filter::Month => number(date(&value)?.get(5..7)?)?,
            Filter::Day => number(date(&value)?.get(8..10)?)?,
            Filter::Date => Value::from(date(&value)?),
            Filter::Gtin13 => {
                let short = text.strip_prefix('0').filter(|rest| rest.len() == 13);
                Value::from(short.filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit())).unwrap_or(&text))
            }
            Filter::AfterComma => Value::from(text.rsplit(',').next().unwrap_or("")),
            Filter::AfterColon => Value::from(text.split_once(':').map_or(text.as_str(), |(_, rest)| rest)),
            Filter::BeforeColon => Value::from(text.split_once(':').map_or(text.as_str(), |(first, _)| first)),
            Filter::AfterDash => Value::from(text.split_once(" - ").map_or(text.as_str(), |(_, rest)| rest)),
            Filter::Json => Value::from(inside_json(&text)),
            Filter::Upper => Value::from(text.to_uppercase()),
            Filter::Lower => Value::from(text.to_lowercase()),
            Filter::Table(name) => {
                let found = tables.get(name).and_then(|table| table.get(&text));
                Value::from(found.cloned().unwrap_or(text))
            }
        })
    }
}

/// `YYYY-MM-DD` of a date that is written so, or has its parts in an object.
fn date(value: &Value) -> Option<String> {
    if let Value::Object(parts) = value {
        let part = |name: &str| parts.get(name).and_then(Value::as_u64);
        return Some(format!("{:04}-{:02}-{:02}", part("year")?, part("month")?, part("day")?));
    }
    let text = value.as_str()?.get(..10)?;
    chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|_| text.to_owned())
}

impl Place {
    /// From what stands between the braces.
    fn parse(text: &str) -> Result<Place, String> {
        let mut parts = text.split('|');
        let sources = parts.next().unwrap_or("").split("??").map(|one| source(one.trim())).collect::<Result<_, _>>()?;
        let filters = parts.map(|one| Filter::parse(one.trim())).collect::<Result<_, _>>()?;
        Ok(Place { sources, filters })
    }

    /// Its value; null only where that stands among its sources.
    pub fn value(&self, scope: &Scope<'_>) -> Result<Value, Missing> {
        let found = self.sources.iter().find_map(|source| scope.value(source));
        let missing = || Missing(self.sources.first().map_or(String::new(), |source| scope.named(source)));
        let found = found.ok_or_else(missing)?;
        if found.is_null() {
            return Ok(found);
        }
        let filtered = self.filters.iter().try_fold(found, |value, filter| filter.apply(value, scope.tables));
        filtered.ok_or_else(missing)
    }

    /// The list it is, and where that stands as findings say it.
    pub fn list(&self, scope: &Scope<'_>) -> (Vec<Value>, String) {
        let mut list = match self.value(scope) {
            Ok(Value::Array(list)) => list,
            _ => Vec::new(),
        };
        list.truncate(MOST_MEMBERS);
        let name = match self.sources.first() {
            Some(Source::Document(pointer)) => path(pointer),
            _ => String::new(),
        };
        (list, name)
    }

    /// The tables that its filters name.
    fn tables(&self) -> impl Iterator<Item = &str> {
        self.filters.iter().filter_map(|filter| match filter {
            Filter::Table(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The names that it needs.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().filter_map(|source| match source {
            Source::Name(name, _) => Some(name.as_str()),
            _ => None,
        })
    }
}

fn source(text: &str) -> Result<Source, String> {
    match text {
        "null" => return Ok(Source::Fixed(Value::Null)),
        "[]" => return Ok(Source::Fixed(Value::Array(Vec::new()))),
        _ => {}
    }
    if let Some(inside) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return Ok(Source::Fixed(Value::from(inside)));
    }
    if text.starts_with('/') {
        return Ok(Source::Document(text.to_owned()));
    }
    let cut = text.find('/').unwrap_or(text.len());
    let (name, pointer) = text.split_at(cut);
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
    if name.is_empty() || !name.chars().all(plain) {
        return Err(format!("{text:?} is neither a name, a JSON pointer, 'text', null nor []"));
    }
    Ok(Source::Name(name.to_owned(), pointer.to_owned()))
}

impl Template {
    /// From its text.
    pub fn parse(text: &str) -> Result<Template, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            let (before, behind) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = behind.strip_prefix("{{") {
                plain.push('{');
                rest = after;
                continue;
            }
            let (inside, after) =
                behind.get(1..).and_then(|inside| inside.split_once('}')).ok_or("a { has no } behind it")?;
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Place(Place::parse(inside)?));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Template { pieces })
    }

    /// The only place of it, if it is nothing else.
    pub fn place(&self) -> Option<&Place> {
        match self.pieces.as_slice() {
            [Piece::Place(place)] => Some(place),
            _ => None,
        }
    }

    /// Filled in; `write` says how values are written.
    pub fn text(&self, scope: &Scope<'_>, write: fn(&str) -> String) -> Result<String, Missing> {
        self.pieces.iter().try_fold(String::new(), |mut out, piece| {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Place(place) => out.push_str(&write(&text_of(&place.value(scope)?))),
            }
            Ok(out)
        })
    }

    /// Filled in; the value itself where it is one place.
    pub fn value(&self, scope: &Scope<'_>) -> Result<Value, Missing> {
        match self.place() {
            Some(place) => place.value(scope),
            None => self.text(scope, str::to_owned).map(Value::from),
        }
    }

    fn places(&self) -> impl Iterator<Item = &Place> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Place(place) => Some(place),
            Piece::Text(_) => None,
        })
    }

    /// The names and the tables that it needs.
    pub fn needs(&self) -> (Vec<&str>, Vec<&str>) {
        (self.places().flat_map(Place::names).collect(), self.places().flat_map(Place::tables).collect())
    }
}

impl Shape {
    /// From JSON as text.
    pub fn parse(text: &str) -> Result<Shape, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
        Shape::of(&value)
    }

    fn of(value: &Value) -> Result<Shape, String> {
        Ok(match value {
            Value::String(text) => {
                let template = Template::parse(text)?;
                let fixed = template.places().next().is_none();
                if fixed { Shape::Fixed(Value::from(template.plain())) } else { Shape::Text(template) }
            }
            Value::Array(list) => Shape::List(list.iter().map(Shape::of).collect::<Result<_, _>>()?),
            Value::Object(fields) => match (fields.get("$each"), fields.get("$item")) {
                (Some(each), Some(item)) if fields.len() == 2 => {
                    let place = Template::parse(each.as_str().unwrap_or(""))?;
                    let place = place.place().cloned().ok_or("$each is not one place, such as {/lines}")?;
                    Shape::Each(place, Box::new(Shape::of(item)?))
                }
                (None, None) => {
                    let fields = fields.iter().map(|(name, value)| Ok((name.clone(), Shape::of(value)?)));
                    Shape::Object(fields.collect::<Result<_, String>>()?)
                }
                _ => return Err("$each and $item stand together and alone".to_owned()),
            },
            other => Shape::Fixed(other.clone()),
        })
    }

    /// Filled in.
    pub fn value(&self, scope: &Scope<'_>) -> Result<Value, Missing> {
        Ok(match self {
            Shape::Fixed(value) => value.clone(),
            Shape::Text(template) => template.value(scope)?,
            Shape::List(list) => Value::Array(list.iter().map(|one| one.value(scope)).collect::<Result<_, _>>()?),
            Shape::Object(fields) => {
                let fields = fields.iter().map(|(name, shape)| Ok((name.clone(), shape.value(scope)?)));
                Value::Object(fields.collect::<Result<Map<_, _>, Missing>>()?)
            }
            Shape::Each(place, shape) => {
                let (list, name) = place.list(scope);
                let members = list.iter().enumerate();
                let members = members.map(|(index, item)| shape.value(&scope.around(item, index + 1, &name)));
                Value::Array(members.collect::<Result<_, _>>()?)
            }
        })
    }

    /// The names and the tables that it needs.
    pub fn needs(&self) -> (Vec<&str>, Vec<&str>) {
        fn all<'s>(shapes: impl Iterator<Item = &'s Shape>) -> (Vec<&'s str>, Vec<&'s str>) {
            shapes.map(Shape::needs).fold((Vec::new(), Vec::new()), |mut all, (names, tables)| {
                all.0.extend(names);
                all.1.extend(tables);
                all
            })
        }
        match self {
            Shape::Fixed(_) => (Vec::new(), Vec::new()),
            Shape::Text(template) => template.needs(),
            Shape::List(list) => all(list.iter()),
            Shape::Object(fields) => all(fields.iter().map(|(_, shape)| shape)),
            Shape::Each(place, shape) => {
                let (mut names, tables) = shape.needs();
                names.extend(place.names());
                (names, tables)
            }
        }
    }
}

impl Template {
    fn plain(&self) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Place(_) => String::new(),
        };
        self.pieces.iter().map(text).collect()
    }
}

/// What says nothing is left out: nulls, and objects and lists of nothing else.
pub fn without_nothing(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, without_nothing(value)));
            let fields: Map<_, _> = fields.filter(|(_, value)| is_there(value)).collect();
            if fields.is_empty() { Value::Null } else { Value::Object(fields) }
        }
        Value::Array(list) => Value::Array(list.into_iter().map(without_nothing).filter(is_there).collect()),
        other => other,
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Template, D::Error> {
        Template::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Place, D::Error> {
        let template = Template::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom("this has to be one place and nothing else, such as {/lines}");
        template.place().cloned().ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Shape, D::Error> {
        Shape::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A template with its names filled in once, so that a value cannot bring in another name. Braces around anything else stay.
pub fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        out.push_str(before);
        let found = behind.split_once('}').and_then(|(name, after)| Some((value(name)?, after)));
        match found {
            Some((value, after)) => {
                out.push_str(&value);
                rest = after;
            }
            None => {
                out.push('{');
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    out
}

/// RFC 3986: everything but unreserved characters.
pub fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

/// What stands between the quotes of a JSON text.
pub fn inside_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted.strip_prefix('"').and_then(|inside| inside.strip_suffix('"')).unwrap_or("").to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(shape: &str, expected: Result<Value, &str>) {
        let document = json!({"id": "PO-1", "issue_date": "2026-11-24", "buyer": {"id": "{id}"}, "lines": [
            {"id": "1", "quantity": {"value": "3.00"}, "item": {"standard_item_id": {"value": "08801234560016"}}},
            {"id": "2", "quantity": {"value": "20"}, "item": {}}]});
        let tables: Tables = [("unit".to_owned(), [("EA".to_owned(), "u".to_owned())].into())].into();
        let names = |name: &str, line: Option<usize>| match (name, line) {
            ("product", Some(line)) => Some(json!(line * 10)),
            ("context", _) => Some(json!({"company": 1, "day": {"year": 2026, "month": 1, "day": 9}})),
            ("quantity", _) => Some(json!(3.0)),
            ("nothing", _) => Some(Value::Null),
            _ => None,
        };
        let scope = Scope { document: &document, names: &names, tables: &tables, item: None, list: String::new() };
        let value = Shape::parse(shape).unwrap().value(&scope);
        assert_eq!(value, expected.map_err(|missing| Missing(missing.to_owned())), "{shape}");
    }

    #[test]
    fn what_places_become() {
        check(r#"["{/id}", "no. {/id}", 1, null, "{{x}"]"#, Ok(json!(["PO-1", "no. PO-1", 1, null, "{x}"])));
        check(
            r#"{"a": "{context}", "b": "{context/company}"}"#,
            Ok(json!({"a":
            {"company": 1, "day": {"year": 2026, "month": 1, "day": 9}}, "b": 1})),
        );
        check(r#"["{/x ?? /id}", "{/x ?? null}", "{nothing ?? 'none'}"]"#, Ok(json!(["PO-1", null, "none"])));
        check(r#""{/buyer/id}""#, Ok(json!("{id}")));
        check(r#""{/buyer/name}""#, Err("buyer.name"));
        check(r#""{nobody}""#, Err("nobody"));
    }

    #[test]
    fn lists() {
        let each = r#"{"$each": "{/lines}", "$item": {"n": "{number}", "p": "{product}", "q": "{item/quantity/value|number}"}}"#;
        check(each, Ok(json!([{"n": 1, "p": 10, "q": 3}, {"n": 2, "p": 20, "q": 20}])));
        check(r#"{"$each": "{/none}", "$item": "{item}"}"#, Ok(json!([])));
        check(
            r#"{"$each": "{/lines}", "$item": "{item/item/standard_item_id/value}"}"#,
            Err("lines[2].item.standard_item_id.value"),
        );
    }

    #[test]
    fn filters() {
        check(
            r#"["{/issue_date|year}", "{/issue_date|day}", "{context/day|date}"]"#,
            Ok(json!([2026, 24, "2026-01-09"])),
        );
        check(
            r#"["{quantity|decimal}", "{/id|base64}", "{/lines/0/item/standard_item_id/value|gtin13}"]"#,
            Ok(json!(["3", "UE8tMQ==", "8801234560016"])),
        );
        check(
            r#"["{'EA'|table:unit}", "{'BX'|table:unit}", "{'sale.line,7'|after-comma|number}"]"#,
            Ok(json!(["u", "BX", 7])),
        );
        check(r#""{/id|number}""#, Err("id"));
        check(r#""{/x ?? null|number}""#, Ok(Value::Null));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (shape, expected) in [
            ("{", "no JSON"),
            (r#""{/id""#, "no }"),
            (r#""{/id|nice}""#, "no filter"),
            (r#""{A b}""#, "neither a name"),
            (r#"{"$each": "x", "$item": 1}"#, "$each is not one place"),
            (r#"{"$each": "{/lines}"}"#, "stand together"),
        ] {
            let error = Shape::parse(shape).unwrap_err();
            assert!(error.contains(expected), "{shape}: {error}");
        }
    }

    #[test]
    fn nothing_is_left_out() {
        let value = json!({"a": null, "b": {"c": null}, "d": [null, {"e": ""}, 1], "f": "x", "g": []});
        assert_eq!(without_nothing(value), json!({"d": [1], "f": "x"}));
    }
}
