//! The house test: which room may call which. A new arrow is a choice somebody makes here, not an accident.
//!
//! Reads the `use crate::` lines (and `crate::` paths) of every file below `src/`; tests inside the files count as well.

#![allow(clippy::unwrap_used, clippy::string_slice, reason = "a test that panics says so")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Room, and the rooms it may call. `clock` and `error` may be called by all; top-level files wire everything.
const ARROWS: &[(&str, &[&str])] = &[
    ("api", &["document", "format", "mapping", "model", "pipeline", "schema", "store", "transport"]),
    ("clock", &[]),
    (
        "command",
        &[
            "api",
            "config",
            "document",
            "format",
            "jobs",
            "mapping",
            "model",
            "pipeline",
            "portal",
            "schema",
            "serve",
            "store",
            "transport",
        ],
    ),
    ("config", &["format", "model", "transport"]),
    ("document", &["model", "store"]),
    ("error", &[]),
    ("format", &["model", "schema"]),
    ("jobs", &["config", "document", "model", "pipeline", "store"]),
    ("lib", &[]),
    ("main", &["command"]),
    ("mapping", &["document", "format", "model", "schema"]),
    ("model", &[]),
    ("pipeline", &["config", "document", "format", "mapping", "model", "schema", "store"]),
    ("portal", &["config", "document", "format", "mapping", "model", "pipeline", "schema", "store", "transport"]),
    ("schema", &["format", "model"]),
    ("serve", &["api", "config", "document", "jobs", "model", "pipeline", "portal", "store", "transport"]),
    ("store", &["model"]),
    ("transport", &["document", "format", "model", "pipeline"]),
];

/// Names at the crate's root that are macros, not rooms.
const MACROS: &[&str] = &["params", "record", "words"];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

fn room_of(path: &Path) -> String {
    let below = path.strip_prefix(source()).unwrap();
    below.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The rooms that a file names: `crate::room`, and the list in `use crate::{…}`.
fn named(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            let word: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if !word.is_empty() && !line[..at].ends_with('$') {
                rooms.insert(word);
            }
            if let Some(list) = rest.strip_prefix('{') {
                let mut depth = 0;
                for part in list.split_inclusive([',', '{', '}']) {
                    let word: String =
                        part.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                    if depth == 0 && !word.is_empty() && word != "self" {
                        rooms.insert(word);
                    }
                    depth += i32::from(part.ends_with('{')) - i32::from(part.ends_with('}'));
                }
            }
        }
    }
    rooms.into_iter().filter(|room| !MACROS.contains(&room.as_str())).collect()
}

#[test]
fn rooms_call_only_whom_they_may() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut found = Vec::new();
    files(&source(), &mut found);
    assert!(found.len() > 50, "the house is read, not an empty folder");
    let mut wrong = Vec::new();
    for path in &found {
        let room = room_of(path);
        let Some(may) = allowed.get(room.as_str()) else {
            wrong.push(format!("{room} is a new room: give it a line in ARROWS"));
            continue;
        };
        for called in named(&std::fs::read_to_string(path).unwrap()) {
            let free = called == room || called == "clock" || called == "error";
            if !free && !may.contains(&called.as_str()) {
                wrong.push(format!("{}: {room} -> {called}", path.strip_prefix(source()).unwrap().display()));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "arrows that nobody chose:\n{}", wrong.join("\n"));
}

#[test]
fn only_the_store_knows_sql() {
    let mut found = Vec::new();
    files(&source(), &mut found);
    let sql = ["SELECT ", "INSERT INTO", "DELETE FROM", "UPDATE "];
    let elsewhere: Vec<String> = found
        .iter()
        .filter(|path| room_of(path) != "store" && !path.components().any(|part| part.as_os_str() == "bench"))
        .filter(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            text.lines().any(|line| {
                !line.trim_start().starts_with("//") && sql.iter().any(|word| line.contains(&format!("\"{word}")))
            })
        })
        .map(|path| path.display().to_string())
        .collect();
    assert!(elsewhere.is_empty(), "SQL outside of the store: {elsewhere:?}");
}

#[test]
fn no_room_is_called_after_nothing() {
    let mut found = Vec::new();
    files(&source(), &mut found);
    let empty = ["util", "utils", "common", "helper", "helpers", "core", "misc"];
    for path in found {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(!empty.contains(&stem.as_str()), "{} says nothing of what it is", path.display());
    }
}
