//! libxml2's xmllint as the judge, many documents in one process.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

/// Documents judged by one process.
const BATCH: usize = 200;

/// Numbers of the documents that are valid by a schema.
pub(crate) fn valid_by(schema: &Path, documents: &[&[u8]]) -> HashSet<usize> {
    let output = judge(&["--schema", schema.to_str().unwrap()], documents);
    output.lines().filter_map(|line| number(line.strip_suffix(" validates")?)).collect()
}

/// Numbers of the documents that are not well-formed, namespaces included.
pub(crate) fn malformed(documents: &[&[u8]]) -> HashSet<usize> {
    let output = judge(&[], documents);
    let complaint = |line: &&str| line.contains(" error : ") || line.contains("fatal error");
    output.lines().filter(complaint).filter_map(|line| number(line.split(':').next()?)).collect()
}

fn number(name: &str) -> Option<usize> {
    name.rsplit('/').next()?.strip_suffix(".xml")?.parse().ok()
}

/// What xmllint says of the documents, which are called by their numbers.
fn judge(options: &[&str], documents: &[&[u8]]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..documents.len()).map(|index| format!("{index}.xml")).collect();
    for (name, bytes) in names.iter().zip(documents) {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let mut said = String::new();
    for batch in names.chunks(BATCH) {
        let output = Command::new("xmllint")
            .args(["--nonet", "--noout"])
            .args(options)
            .args(batch)
            .current_dir(folder.path())
            .output()
            .expect("xmllint is installed (libxml2-utils)");
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        said.push('\n');
    }
    said
}
