//! A canonical document as it is read: parties as cards, head fields as pairs, lines as tables with figures on the right,
//! totals below them, everything else in one line of words. Bounded: of very many lines the first are shown.

use serde_json::{Map, Value};

use super::figures::{amount, capital, figure, party_number};
use super::words::{label, path, value as word};
use crate::document::record;
use crate::model::document_type::DocumentType;
use crate::model::finding::Language;
use crate::model::record::{Kind, Record};

/// Lines of a table that are shown on a page.
const MOST_LINES: usize = 500;

/// Values that a comparison looks at.
const MOST_VALUES: usize = 5_000;

/// Levels of a value written in one line.
const DEEPEST: usize = 8;

/// Columns a line may have of its own, in order; what else it says stands below its item. The second says figure.
const COLUMNS: &[(&str, bool)] = &[
    ("item", false),
    ("tracking_id", false),
    ("status", false),
    ("response_code", false),
    ("reference_id", false),
    ("occurred_at", false),
    ("location", false),
    ("received_by", false),
    ("quantity", true),
    ("delivered_quantity", true),
    ("backorder_quantity", true),
    ("lead_time", true),
    ("price", true),
    ("line_extension_amount", true),
    ("debit_amount", true),
    ("credit_amount", true),
    ("balance_amount", true),
];

/// A field and what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pair {
    /// The field in words.
    pub(crate) label: String,
    /// Its value in words, a line each.
    pub(crate) lines: Vec<String>,
}

/// A cell of a table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Cell {
    /// What is read first.
    pub(crate) text: String,
    /// What is read below it.
    pub(crate) small: Vec<String>,
}

/// Lines of a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Table {
    /// What they are.
    pub(crate) title: String,
    /// How many there are.
    pub(crate) count: usize,
    /// Heads of the columns; whether they are figures.
    pub(crate) heads: Vec<(String, bool)>,
    /// The rows; each starts with the line's number.
    pub(crate) rows: Vec<(String, Vec<Cell>)>,
}

/// Who takes part in a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Card {
    /// As what.
    pub(crate) label: String,
    /// Its name, or the number it is known by.
    pub(crate) name: String,
    /// Numbers, address, contact.
    pub(crate) lines: Vec<String>,
}

/// A document as it is read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Content {
    /// Parties.
    pub(crate) cards: Vec<Card>,
    /// Head fields.
    pub(crate) pairs: Vec<Pair>,
    /// Lines.
    pub(crate) tables: Vec<Table>,
    /// Taxes and sums.
    pub(crate) totals: Vec<Pair>,
}

/// The order of fields: that of the table of the record, where it is known.
type Known = Option<&'static Record>;

/// The fields of an object in the order of its record, each with the record below it.
fn ordered(inner: &Map<String, Value>, known: Known) -> Vec<(&str, &Value, Known)> {
    let place = |name: &str| {
        let fields = known.map_or(&[][..], |record| record.fields);
        fields.iter().position(|field| field.name == name).unwrap_or(fields.len())
    };
    let below = |name: &str| match known.and_then(|record| record.field(name)).map(|field| field.kind) {
        Some(Kind::Record(record)) => Some(record()),
        _ => None,
    };
    let mut fields: Vec<_> = inner.iter().map(|(name, value)| (name.as_str(), value, below(name))).collect();
    fields.sort_by_key(|(name, _, _)| place(name));
    fields
}

/// A canonical document from its JSON; empty if that is none.
pub(crate) fn content(document_type: &str, json: &str, language: Language) -> Content {
    let Ok(Value::Object(document)) = serde_json::from_str(json) else { return Content::default() };
    content_of(&document, document_type.parse::<DocumentType>().ok().map(record), language, MOST_LINES)
}

/// The same with so many lines of a table at most.
pub(super) fn content_of(inner: &Map<String, Value>, known: Known, language: Language, most_lines: usize) -> Content {
    let mut content = Content::default();
    put(inner, known, Words { language, most_lines }, &mut content);
    content
}

fn put(inner: &Map<String, Value>, known: Known, words: Words, content: &mut Content) {
    for (name, value, below) in ordered(inner, known) {
        let party = below.is_some_and(|record| record.name == "Party");
        match value {
            Value::Array(list) if matches!(name, "lines" | "events" | "packages" | "responses") => {
                content.tables.push(words.table(name, list, below));
            }
            Value::Object(inner) if name == "shipment" => put(inner, below, words, content),
            Value::Object(inner) if name.ends_with("monetary_total") => {
                let sums = ordered(inner, below).into_iter();
                content.totals.extend(sums.map(|(name, value, below)| words.pair(name, value, below)));
            }
            Value::Object(inner) if party => content.cards.push(words.card(name, inner, below)),
            Value::Array(list) if party => {
                let parties = list.iter().filter_map(Value::as_object);
                content.cards.extend(parties.map(|inner| words.card(name, inner, below)));
            }
            Value::Array(list) if name == "tax_totals" => {
                // A tax total is its amount; what it is made of stands behind it.
                let taxes = list.iter().filter_map(Value::as_object).flat_map(|tax| ordered(tax, below));
                content.totals.extend(taxes.map(|(name, value, below)| words.pair(name, value, below)));
            }
            value if name.starts_with("total_") && name.ends_with("_amount") => {
                content.totals.push(words.pair(name, value, below));
            }
            value => content.pairs.push(words.pair(name, value, below)),
        }
    }
}

/// Writes values in one language.
#[derive(Clone, Copy)]
struct Words {
    language: Language,
    most_lines: usize,
}

impl Words {
    fn label(self, name: &str) -> String {
        label(name, self.language).into_owned()
    }

    fn pair(self, name: &str, value: &Value, known: Known) -> Pair {
        let lines = match value {
            Value::Array(list) => list.iter().map(|value| self.inline(name, value, known, 0)).collect(),
            value => vec![self.inline(name, value, known, 0)],
        };
        Pair { label: self.label(name), lines }
    }

    /// A party: its name, the numbers it is known by once each, where it is and who answers there, and what else is said.
    fn card(self, name: &str, party: &Map<String, Value>, known: Known) -> Card {
        let role = party.get("role").and_then(Value::as_str).filter(|role| !role.is_empty());
        let label = match role {
            Some(role) => capital(&word("role", role, self.language)),
            None => self.label(name),
        };
        let mut numbers = party_numbers(party, self.language);
        let mut name = party_name(party).to_owned();
        if name.is_empty() && !numbers.is_empty() {
            name = numbers.remove(0);
        }
        let mut lines = numbers;
        for (field, value, below) in ordered(party, known) {
            let told = matches!(field, "id" | "endpoint" | "identifiers" | "names" | "role" | "tax_schemes");
            if told || field == "legal_entities" {
                continue;
            }
            let text = self.inline(field, value, below, 1);
            let evident = SELF_EVIDENT.contains(&field);
            lines.extend(
                (!text.is_empty()).then(|| if evident { text } else { format!("{}: {text}", self.label(field)) }),
            );
        }
        Card { label, name, lines }
    }

    fn table(self, name: &str, list: &[Value], known: Known) -> Table {
        let has = |column: &str| list.iter().take(self.most_lines).any(|line| line.get(column).is_some());
        let columns: Vec<&(&str, bool)> = COLUMNS.iter().filter(|(column, _)| has(column)).collect();
        let rows =
            list.iter().take(self.most_lines).enumerate().map(|(index, line)| self.row(index, line, &columns, known));
        let mut heads: Vec<_> = columns.iter().map(|(column, figure)| (self.label(column), *figure)).collect();
        if heads.is_empty() {
            heads.push((String::new(), false));
        }
        Table { title: self.label(name), count: list.len(), heads, rows: rows.collect() }
    }

    fn row(self, index: usize, line: &Value, columns: &[&(&str, bool)], known: Known) -> (String, Vec<Cell>) {
        let fields = line.as_object().map(|inner| ordered(inner, known)).unwrap_or_default();
        let find = |column: &str| fields.iter().find(|(name, _, _)| *name == column);
        let number = match find("id") {
            Some((name, value, below)) => self.inline(name, value, *below, 0),
            None => (index + 1).to_string(),
        };
        let cells = columns.iter().map(|(column, _)| match find(column) {
            Some((name, value, below)) => self.cell(name, value, *below),
            None => Cell::default(),
        });
        let mut cells: Vec<Cell> = cells.collect();
        let shown = |name: &str| name == "id" || columns.iter().any(|(column, _)| *column == name);
        let rest = fields.iter().filter(|(name, _, _)| !shown(name));
        let rest =
            rest.map(|(name, value, below)| format!("{}: {}", self.label(name), self.inline(name, value, *below, 0)));
        match cells.first_mut() {
            Some(first) => first.small.extend(rest),
            None => cells.push(Cell { text: String::new(), small: rest.collect() }),
        }
        (number, cells)
    }

    fn cell(self, column: &str, value: &Value, known: Known) -> Cell {
        let Some(item) = value.as_object().filter(|_| column == "item") else {
            return match value.as_object().filter(|_| column == "price") {
                Some(price) => self.price(price, known),
                None => Cell { text: self.inline(column, value, known, 0), small: Vec::new() },
            };
        };
        let mut cell = Cell::default();
        for (name, value, below) in ordered(item, known) {
            let text = self.inline(name, value, below, 1);
            if name == "name" {
                cell.text = text;
            } else {
                cell.small.push(format!("{} {text}", self.label(name)));
            }
        }
        if cell.text.is_empty() && !cell.small.is_empty() {
            cell.text = cell.small.remove(0);
        }
        cell
    }

    /// A price: the amount, and below it what it is for unless that is one.
    fn price(self, price: &Map<String, Value>, known: Known) -> Cell {
        let mut cell = Cell::default();
        for (name, value, below) in ordered(price, known) {
            let text = self.inline(name, value, below, 1);
            let one = name == "base_quantity" && value.get("value").and_then(Value::as_str).is_some_and(is_one);
            match name {
                "amount" => cell.text = text,
                _ if one || text.is_empty() => {}
                _ => cell.small.push(format!("{} {text}", self.label(name))),
            }
        }
        cell
    }

    /// A value in one line of words.
    fn inline(self, name: &str, value: &Value, known: Known, depth: usize) -> String {
        if depth > DEEPEST {
            return "…".to_owned();
        }
        match value {
            Value::Null => String::new(),
            Value::Bool(yes) => if *yes { "✓" } else { "—" }.to_owned(),
            Value::Number(number) => figure(&number.to_string()),
            Value::String(text) => word(name, text, self.language).into_owned(),
            Value::Array(list) => {
                let words = list.iter().take(50).map(|value| self.inline(name, value, known, depth + 1));
                words.collect::<Vec<_>>().join(", ") + if list.len() > 50 { ", …" } else { "" }
            }
            Value::Object(inner) => self.object(inner, known, depth),
        }
    }

    /// A part in words, as people write it: an amount with its currency, a party by its name, a period from and to.
    fn object(self, inner: &Map<String, Value>, known: Known, depth: usize) -> String {
        if let Some(short) = short(inner) {
            return short;
        }
        if known.is_some_and(|record| record.name == "Party") {
            let numbers = party_numbers(inner, self.language);
            let number = numbers.first().map_or("", String::as_str);
            return match party_name(inner) {
                "" => number.to_owned(),
                name if number.is_empty() => name.to_owned(),
                name => format!("{name} ({number})"),
            };
        }
        // A price is its amount, a role comes first, and what has a name is read by it before anything else.
        let leading = ["role", "amount", "names", "name", "id"];
        let mut fields = ordered(inner, known);
        fields.sort_by_key(|(name, _, _)| leading.iter().position(|other| other == name).unwrap_or(leading.len()));
        let words = fields.into_iter().map(|(name, value, below)| {
            let text = self.inline(name, value, below, depth + 1);
            if leading.contains(&name) || SELF_EVIDENT.contains(&name) || text.is_empty() {
                text
            } else {
                format!("{} {text}", self.label(name))
            }
        });
        words.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · ")
    }
}

/// The name of a party.
fn party_name(party: &Map<String, Value>) -> &str {
    let named = party.get("names").and_then(|names| names.get(0)?.as_str());
    let registered = || party.get("legal_entities")?.get(0)?.get("registration_name")?.as_str();
    named.or_else(registered).unwrap_or("")
}

/// The numbers a party is known by, as people write them, once each.
fn party_numbers(party: &Map<String, Value>, language: Language) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    let mut add = |scheme: &str, value: &str| {
        let plain: String = value.chars().filter(|c| c.is_alphanumeric()).collect();
        if !plain.is_empty() && !seen.contains(&plain) {
            all.push(party_number(scheme, value, language));
            seen.push(plain);
        }
    };
    if let Some((scheme, value)) = party.get("id").and_then(Value::as_str).and_then(|id| id.split_once(':')) {
        add(scheme, value);
    }
    let list = |name: &str| party.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let registered =
        list("tax_schemes").iter().chain(list("legal_entities")).filter_map(|entry| entry.get("company_id"));
    for identifier in party.get("endpoint").into_iter().chain(list("identifiers")).chain(registered) {
        let text = |name: &str| identifier.get(name).and_then(Value::as_str).unwrap_or("");
        add(text("scheme"), text("value"));
    }
    all
}

fn is_one(text: &str) -> bool {
    text.parse::<rust_decimal::Decimal>().is_ok_and(|number| number == rust_decimal::Decimal::ONE)
}

/// Schemes that say no more than the field they stand in.
const USUAL_SCHEMES: &[&str] = &["0160", "gtin", "sscc", "gln", "0088"];

/// Fields whose value says what it is.
const SELF_EVIDENT: &[&str] = &[
    "address",
    "block_name",
    "building_name",
    "building_number",
    "city_name",
    "contact",
    "country",
    "country_subentity",
    "date",
    "electronic_mail",
    "lines",
    "postal_zone",
    "scheme",
    "street_name",
    "telephone",
    "text",
    "value",
];

/// Amounts, quantities, identifiers and periods.
fn short(inner: &Map<String, Value>) -> Option<String> {
    let text = |name: &str| inner.get(name).and_then(Value::as_str);
    let only = |names: &[&str]| inner.keys().all(|key| names.contains(&key.as_str()));
    if only(&["start_date", "end_date"]) {
        let (start, end) = (text("start_date").unwrap_or(""), text("end_date").unwrap_or(""));
        return Some(if start == end || start.is_empty() { end.to_owned() } else { format!("{start} – {end}") });
    }
    let value = text("value")?;
    if let Some(currency) = text("currency") {
        let shown = value.parse().map_or_else(|_| value.to_owned(), |value| amount(value, currency));
        return Some(format!("{shown} {currency}"));
    }
    if only(&["value", "unit", "unit_list"]) && inner.contains_key("unit") {
        return Some(format!("{} {}", figure(value), text("unit").unwrap_or("")));
    }
    if only(&["value", "scheme", "agency", "agency_name"]) {
        let usual = |scheme: &&str| USUAL_SCHEMES.contains(&scheme.to_ascii_lowercase().as_str());
        return Some(match text("scheme").or(text("agency")).filter(|scheme| !usual(scheme)) {
            Some(scheme) => format!("{value} ({scheme})"),
            None => value.to_owned(),
        });
    }
    None
}

/// One place of two documents that are compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Compared {
    /// The place in words.
    pub(crate) label: String,
    /// What the one says.
    pub(crate) this: String,
    /// What the other says.
    pub(crate) other: String,
}

/// Where two canonical documents differ, in order; empty if nowhere.
pub(crate) fn differences(document_type: &str, this: &str, other: &str, language: Language) -> Vec<Compared> {
    let known = document_type.parse::<DocumentType>().ok().map(record);
    let flat = |json: &str| {
        let mut out = Vec::new();
        if let Ok(value) = serde_json::from_str::<Value>(json) {
            flatten(&value, known, String::new(), 0, &mut out);
        }
        out
    };
    let (this, mut other) = (flat(this), flat(other));
    let mut places = Vec::new();
    for (place, text) in this {
        let same = other.iter().position(|(theirs, _)| *theirs == place);
        places.push((place, text, same.map_or(String::new(), |index| other.remove(index).1)));
    }
    places.extend(other.into_iter().map(|(place, text)| (place, String::new(), text)));
    let differing = places.into_iter().filter(|(_, this, other)| this != other);
    differing.map(|(place, this, other)| Compared { label: path(&place, language), this, other }).collect()
}

fn flatten(value: &Value, known: Known, place: String, depth: usize, out: &mut Vec<(String, String)>) {
    if out.len() >= MOST_VALUES || depth > DEEPEST * 2 {
        return;
    }
    match value {
        Value::Object(inner) => {
            for (name, value, below) in ordered(inner, known) {
                let place = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
                flatten(value, below, place, depth + 1, out);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                flatten(value, known, format!("{place}[{}]", index + 1), depth + 1, out);
            }
        }
        Value::Null => {}
        Value::String(text) => out.push((place, text.clone())),
        other => out.push((place, other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = r#"{"id":"PO-1","issue_date":"2026-11-18","buyer":{"id":"gln:8801234500012","names":["표본상사"],
        "endpoint":{"value":"8801234500012","scheme":"0088"},"address":{"city_name":"대전"},"contact":{"name":"한가람","telephone":"010"}},
        "anticipated_monetary_total":{"payable_amount":{"value":"4820000","currency":"KRW"}},
        "lines":[{"id":"1","quantity":{"value":"8.000","unit":"EA"},"price":{"amount":{"value":"540000","currency":"KRW"}},
        "item":{"name":"LM-40","standard_item_id":{"value":"08801234500012"}},"notes":["급함"]},
        {"quantity":{"value":"20","unit":"EA"},"item":{"sellers_item_id":{"value":"T-2"}}}]}"#;

    #[test]
    fn an_order() {
        let content = content("Order", ORDER, Language::En);
        let pairs: Vec<_> = content.pairs.iter().map(|pair| (pair.label.as_str(), pair.lines.join("|"))).collect();
        assert_eq!(pairs, [("Number", "PO-1".to_owned()), ("Issued on", "2026-11-18".to_owned()),]);
        let [buyer] = content.cards.as_slice() else { panic!("one party") };
        assert_eq!((buyer.label.as_str(), buyer.name.as_str()), ("Buyer", "표본상사"));
        assert_eq!(buyer.lines, ["GLN 8801234500012", "대전", "한가람 · 010"]);
        assert_eq!(content.totals, [Pair { label: "Payable".to_owned(), lines: vec!["4,820,000 KRW".to_owned()] }]);
        let [table] = content.tables.as_slice() else { panic!("one table") };
        let heads: Vec<_> = table.heads.iter().map(|(head, figure)| (head.as_str(), *figure)).collect();
        assert_eq!(heads, [("Item", false), ("Quantity", true), ("Unit price", true)]);
        let (number, cells) = &table.rows[0];
        assert_eq!((number.as_str(), cells[0].text.as_str()), ("1", "LM-40"));
        assert_eq!(cells[0].small, ["GTIN 08801234500012", "Notes: 급함"]);
        assert_eq!((cells[1].text.as_str(), cells[2].text.as_str()), ("8 EA", "540,000 KRW"));
        let (number, cells) = &table.rows[1];
        assert_eq!(
            (number.as_str(), cells[0].text.as_str(), cells[2].text.as_str()),
            ("2", "Seller's item number T-2", "")
        );
    }

    #[test]
    fn what_differs() {
        let other = ORDER.replace("8.000", "9").replace(r#","notes":["급함"]"#, "");
        let found = differences("Order", ORDER, &other, Language::Ko);
        let found: Vec<_> = found.iter().map(|d| (d.label.as_str(), d.this.as_str(), d.other.as_str())).collect();
        assert_eq!(found, [("줄 1 · 비고 1", "급함", ""), ("줄 1 · 수량", "8.000", "9")]);
        assert!(differences("Order", ORDER, ORDER, Language::Ko).is_empty());
    }

    #[test]
    fn nothing_breaks_on_anything() {
        for json in ["", "[]", "3", "{\"lines\":3}", "{\"lines\":[1,null]}", "{\"a\":{\"value\":null}}"] {
            content("Order", json, Language::Ko);
            differences("Order", json, ORDER, Language::Ko);
        }
        let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
        assert!(content("Order", &deep, Language::Ko).pairs[0].lines[0].ends_with('…'));
    }
}
