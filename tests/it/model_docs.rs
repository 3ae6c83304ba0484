//! `docs/model.md` is made from the tables of fields and the mappings; DURE_BLESS=1 writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use dure::document;
use dure::mapping::library;
use dure::model::document_type::DocumentType;
use dure::model::record::{Kind, Record};

/// Record and field, and the formats that carry it.
type Formats = BTreeMap<(&'static str, &'static str), BTreeSet<String>>;

fn below(kind: Kind) -> Option<&'static Record> {
    match kind {
        Kind::Record(record) => Some(record()),
        _ => None,
    }
}

/// Marks every field on a path as carried.
fn mark(formats: &mut Formats, record: &'static Record, path: &str, format: &str) {
    let mut known = Some(record);
    for name in path.split('.').filter(|name| *name != "1" && !name.is_empty()) {
        let Some(record) = known else { return };
        let Some(field) = record.field(name) else { return };
        formats.entry((record.name, field.name)).or_default().insert(format.to_owned());
        known = below(field.kind);
    }
}

/// All records below one, once each, in the order they are met.
fn records(record: &'static Record, all: &mut Vec<&'static Record>) {
    if all.iter().any(|known| known.name == record.name) {
        return;
    }
    all.push(record);
    for field in record.fields {
        if let Some(below) = below(field.kind) {
            records(below, all);
        }
    }
}

fn table(text: &mut String, record: &Record, formats: &Formats) {
    let clean = |doc: &str| doc.trim().replace('|', "\\|").replace("\n", " ");
    writeln!(text, "{}\n\n| field | is | meaning | carried by |\n| --- | --- | --- | --- |", clean(record.doc))
        .unwrap();
    for field in record.fields {
        let kind = match field.kind {
            Kind::Text => "text".to_owned(),
            Kind::Decimal => "decimal".to_owned(),
            Kind::Integer => "number".to_owned(),
            Kind::Indicator => "true or false".to_owned(),
            Kind::Date => "date".to_owned(),
            Kind::Time => "time".to_owned(),
            Kind::PartyId => "party identifier".to_owned(),
            Kind::Record(record) => format!("[{0}](#{1})", record().name, record().name.to_lowercase()),
        };
        let kind = if field.list { format!("list of {kind}") } else { kind };
        let carried = formats.get(&(record.name, field.name)).into_iter().flatten();
        let carried: Vec<&str> = carried.map(String::as_str).collect();
        writeln!(text, "| `{}` | {kind} | {} | {} |", field.name, clean(field.doc), carried.join(", ")).unwrap();
    }
    text.push('\n');
}

fn made() -> String {
    let mut formats = Formats::new();
    let library = library(document::record);
    let mut text = "# The documents\n\nMade by `tests/it/model_docs.rs` from the records in `src/document/` and `src/model/parts.rs` and from the\n\
        mappings; `DURE_BLESS=1 cargo test --test it model_docs` writes it anew.\n\nField names are those of JSON, of forms and of \
        the places in findings. Absent fields are left out. `dure-json` carries\nevery field; for the others see the last column and \
        `dure explain --mapping NAME`.\n\n## Messages\n\n| message | document | values carried |\n| --- | --- | --- |\n"
        .to_owned();
    for message in library.messages() {
        let mapping = library.compile(&message).unwrap().unwrap();
        let record = document::record(mapping.document_type());
        let rows = mapping.carried();
        for row in &rows {
            mark(&mut formats, record, &row.ours, &message.format_name());
        }
        let values = rows.iter().filter(|row| !row.ours.is_empty()).count();
        writeln!(text, "| `{message}` | {} | {values} |", mapping.document_type()).unwrap();
    }
    text.push('\n');
    let mut all = Vec::new();
    for &kind in DocumentType::ALL {
        records(document::record(kind), &mut all);
    }
    let (documents, parts): (Vec<&Record>, Vec<&Record>) = all
        .into_iter()
        .partition(|record| DocumentType::ALL.iter().any(|&kind| document::record(kind).name == record.name));
    for (title, list) in [("Documents", documents), ("Parts", parts)] {
        writeln!(text, "## {title}\n").unwrap();
        for record in list {
            writeln!(text, "### {}\n", record.name).unwrap();
            table(&mut text, record, &formats);
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[test]
fn the_page_of_the_model_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/model.md");
    let made = made();
    if std::env::var_os("DURE_BLESS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(there == made, "docs/model.md is not what the records and mappings say: DURE_BLESS=1 writes it anew");
}
