//! `schemas/dure/1/` is made from the tables of fields of our own documents; DURE_BLESS=1 writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use dure::document;
use dure::model::document_type::DocumentType;
use dure::model::record::{Kind, Record};

const HEAD: &str = "# Made by tests/it/dure_schemas.rs from the records of our documents; change those, not this.\n";

/// Documents that may be large, and the list they are cut at.
const CUT: &[(DocumentType, &str)] = &[(DocumentType::Catalogue, "lines"), (DocumentType::Statement, "lines")];

fn below(record: &'static Record, all: &mut BTreeMap<&'static str, &'static Record>) {
    for field in record.fields {
        if let Kind::Record(record) = field.kind
            && all.insert(record().name, record()).is_none()
        {
            below(record(), all);
        }
    }
}

/// A record as a type: its fields in any order.
fn type_of(record: &Record) -> String {
    let mut text = format!("\n[types.{}]\nunordered = true\ncontent = '''\n", record.name);
    for field in record.fields {
        let kind = match field.kind {
            Kind::Text | Kind::PartyId => "string",
            Kind::Decimal => "decimal",
            Kind::Integer => "unsignedInt",
            Kind::Indicator => "boolean",
            Kind::Date => "date",
            Kind::Time => "time",
            Kind::Record(record) => record().name,
        };
        let many = if field.list { '*' } else { '?' };
        let doc = field.doc.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        writeln!(text, "  {}={kind}{many}  # {}", field.name, doc.trim()).unwrap();
    }
    text.push_str("'''\n");
    text
}

fn made() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut all = BTreeMap::new();
    // A notice is written by us and read by nobody.
    let types = DocumentType::ALL.iter().filter(|kind| **kind != DocumentType::Notice);
    for &kind in types {
        let record = document::record(kind);
        below(record, &mut all);
        let mut text = format!("{HEAD}root = \"{kind}\"\n");
        if let Some((_, list)) = CUT.iter().find(|(cut, _)| *cut == kind) {
            writeln!(text, "cut = \"{list}\"").unwrap();
        }
        text.push_str("include = [\"dure/1/common\"]\n");
        if record.name != kind.as_str() {
            writeln!(text, "\n[elements]\n{kind} = \"{}\"", record.name).unwrap();
        }
        text.push_str(&type_of(record));
        files.insert(format!("{kind}.toml"), text);
    }
    files.insert("common.toml".to_owned(), all.values().fold(HEAD.to_owned(), |text, record| text + &type_of(record)));
    files
}

#[test]
fn the_tables_of_our_documents_are_up_to_date() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas/dure/1");
    let made = made();
    if std::env::var_os("DURE_BLESS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        made.iter().for_each(|(name, text)| std::fs::write(folder.join(name), text).unwrap());
    }
    let mut there = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        there.insert(name, std::fs::read_to_string(path).unwrap());
    }
    assert!(there.keys().eq(made.keys()), "{:?}", there.keys());
    for (name, text) in &made {
        assert!(there[name] == *text, "schemas/dure/1/{name} is not what the records say: DURE_BLESS=1 writes it anew");
    }
}
