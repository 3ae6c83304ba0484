//! Tests that read the folder of official schemas and samples named by DURE_STANDARDS, with the official tools as judges.

#![allow(clippy::unwrap_used, clippy::string_slice, reason = "a test that panics says so")]

mod edifact;
mod hostile;
mod mail;
mod mapping;
mod random;
mod ubl;
mod values;
mod xmllint;

use std::path::{Path, PathBuf};

/// The folder named by DURE_STANDARDS.
fn standards() -> PathBuf {
    let folder =
        std::env::var_os("DURE_STANDARDS").expect("DURE_STANDARDS names the folder of official schemas and samples");
    PathBuf::from(folder)
}

/// All files below a folder, sorted.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}
