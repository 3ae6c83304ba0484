//! Fields of our documents, and the codes of ours in them, in the reader's words. A field that is not in the tables is
//! read by its own name, a value that is no word of ours stays as it is.

use std::borrow::Cow;

use super::names::{CODES, FIELDS, ROLES, Row, SEGMENTS};
use crate::model::document_type::DocumentType;
use crate::model::finding::Language;
use crate::model::parcel_status::ParcelStatus;

fn find(table: &'static [Row], name: &str, language: Language) -> Option<&'static str> {
    let index = table.binary_search_by_key(&name, |(name, _, _)| name).ok()?;
    let (_, ko, en) = table.get(index)?;
    Some(if language == Language::Ko { ko } else { en })
}

/// What a field is called.
pub(crate) fn label(name: &str, language: Language) -> Cow<'_, str> {
    find(FIELDS, name, language).map_or_else(|| Cow::Owned(name.replace('_', " ")), Cow::Borrowed)
}

/// What a field is called, if it is one of ours.
pub(crate) fn known(name: &str, language: Language) -> Option<&'static str> {
    find(FIELDS, name, language)
}

/// What a segment of EDIFACT is about; empty for one that the table does not have.
pub(crate) fn segment(tag: &str, language: Language) -> &'static str {
    find(SEGMENTS, tag, language).unwrap_or("")
}

/// Fields whose words stand in the table of codes.
const CODED: &[&str] =
    &["acknowledgement", "action_code", "direction", "function", "language", "response_code", "rounding", "status"];

/// What a code of ours is called where it stands in a field of that name; other values stay as they are.
pub(crate) fn value<'v>(field: &str, text: &'v str, language: Language) -> Cow<'v, str> {
    let word = match field {
        "role" | "roles" => find(ROLES, text, language),
        "document_type" => text.parse::<DocumentType>().ok().map(|known| known.title(language)),
        "status" => {
            ParcelStatus::from_word(text).map(|status| status.title(language)).or_else(|| find(CODES, text, language))
        }
        _ if CODED.contains(&field) => find(CODES, text, language),
        _ => None,
    };
    Cow::Borrowed(word.unwrap_or(text))
}

/// The path of a value in words: `lines[2].item.name` is `줄 2 · 품목 · 이름`.
pub(crate) fn path(path: &str, language: Language) -> String {
    // The value of an amount or a quantity is what its field says.
    let mut words: Vec<String> = Vec::new();
    for part in path.strip_suffix(".value").unwrap_or(path).split('.') {
        match part.split_once('[') {
            Some((name, index)) => words.push(format!("{} {}", label(name, language), index.trim_end_matches(']'))),
            // `identifiers.2` of a form.
            None if part.bytes().all(|byte| byte.is_ascii_digit()) => match words.last_mut() {
                Some(last) => *last = format!("{last} {part}"),
                None => words.push(part.to_owned()),
            },
            None => words.push(label(part, language).into_owned()),
        }
    }
    words.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::record;
    use crate::model::record::{Kind, Record};

    #[test]
    fn the_tables_are_sorted_and_complete() {
        for table in [FIELDS, CODES, ROLES, SEGMENTS] {
            assert!(table.is_sorted_by(|a, b| a.0 < b.0));
            for (name, ko, en) in table {
                assert!(!ko.is_empty() && !en.is_empty(), "{name}");
                assert!(!en.chars().any(|c| ('가'..='힣').contains(&c)), "{name} is Korean in English");
            }
        }
    }

    fn records(record: &'static Record, all: &mut Vec<&'static Record>) {
        if all.iter().any(|known| known.name == record.name) {
            return;
        }
        all.push(record);
        for field in record.fields {
            if let Kind::Record(below) = field.kind {
                records(below(), all);
            }
        }
    }

    fn all_records() -> Vec<&'static Record> {
        let mut all = Vec::new();
        DocumentType::ALL.iter().for_each(|&kind| records(record(kind), &mut all));
        all
    }

    #[test]
    fn every_field_is_called_something() {
        let missing: Vec<_> = all_records()
            .iter()
            .flat_map(|record| record.fields.iter().map(|field| (record.name, field.name)))
            .filter(|(_, name)| find(FIELDS, name, Language::Ko).is_none())
            .collect();
        assert!(missing.is_empty(), "give these a line in field_names.rs: {missing:?}");
    }

    /// Words that the documentation of a field lists in backquotes are the codes it may hold.
    #[test]
    fn every_code_is_called_something() {
        let mut seen = 0;
        for record in all_records() {
            for field in
                record.fields.iter().filter(|field| CODED.contains(&field.name) || field.name.starts_with("role"))
            {
                for word in field.doc.split('`').skip(1).step_by(2) {
                    assert_ne!(value(field.name, word, Language::Ko), word, "{} {} {word}", record.name, field.name);
                    seen += 1;
                }
            }
        }
        assert!(seen > 30);
    }

    /// The mappings give parts of a document roles by words of ours.
    #[test]
    fn every_role_is_called_something() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/mappings/codes");
        let mut seen = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if !path.to_string_lossy().ends_with("-role.toml") {
                continue;
            }
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                let Some((word, _)) = line.split_once(" = [").filter(|(word, _)| *word != "open") else { continue };
                assert_ne!(value("role", word, Language::Ko), word, "{}: {word}", path.display());
                seen += 1;
            }
        }
        assert!(seen > 30);
    }

    #[test]
    fn fields_in_words() {
        assert_eq!(label("issue_date", Language::Ko), "발행일");
        assert_eq!(label("some_other_field", Language::En), "some other field");
        assert_eq!(path("lines[2].item.name", Language::Ko), "줄 2 · 품목 · 이름");
        assert_eq!(path("identifiers.2", Language::En), "Identifiers 2");
        assert_eq!(value("status", "in-transit", Language::En), "in transit");
        assert_eq!(value("response_code", "rejected", Language::Ko), "거절");
        assert_eq!(value("response_code", "acknowledged", Language::Ko), "상대가 받음");
        assert_eq!(value("name", "rejected", Language::Ko), "rejected");
    }
}
