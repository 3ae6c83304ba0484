//! Hostile and malformed XML: no panic, bounded in time and memory, and what is well-formed is what libxml2 calls so.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

use dure::format::Limits;
use dure::format::xml::{Scratch, schema_only};
use dure::model::finding::{Code, Language};

use crate::{files_below, standards, xmllint};

/// Whether a finding says that the text is not well-formed.
fn is_malformed(code: Code) -> bool {
    matches!(
        code,
        Code::Empty | Code::Encoding | Code::UnknownEncoding | Code::Syntax | Code::Truncated | Code::EntityRefused
    )
}

/// Whether a bound of ours ended the reading, so that there is nothing to compare.
fn is_bound(code: Code) -> bool {
    matches!(code, Code::TooDeep | Code::TooLarge | Code::TooManyAttributes)
}

/// The most memory this process ever had, where the system tells.
fn most_memory_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0)
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the time limit is what is tested")]
fn hostile_xml_never_panics() {
    let files = files_below(&standards().join("hostile-xml/samples"));
    assert!(files.len() > 900, "only {} files were found", files.len());
    let mut scratch = Scratch::new(Limits::default());
    let (mut names, mut documents, mut ours) = (Vec::new(), Vec::new(), Vec::new());
    let mut refused = 0;
    let memory_before = most_memory_kilobytes();
    for path in &files {
        let bytes = std::fs::read(path).unwrap();
        let before = Instant::now();
        let findings = schema_only(&bytes, &mut scratch);
        assert!(before.elapsed().as_millis() < 1000, "{} took {:?}", path.display(), before.elapsed());
        let doctype = findings.as_slice().iter().any(|finding| finding.code == Code::DoctypeRefused);
        refused += usize::from(doctype);
        // With a document type declaration the rules are others.
        let has_doctype = doctype
            || memchr::memmem::find(&bytes, b"<!DOCTYPE").is_some()
            || memchr::memmem::find(&bytes, b"<\0!\0D\0").is_some();
        let bounded = findings.as_slice().iter().any(|finding| is_bound(finding.code));
        if !has_doctype && !bounded {
            names.push(path.strip_prefix(standards()).unwrap().display().to_string());
            documents.push(bytes);
            ours.push(findings.as_slice().iter().find(|finding| is_malformed(finding.code)).cloned());
        }
    }
    let grown = most_memory_kilobytes() - memory_before;
    assert!(grown < 128 << 10, "memory grew by {grown} KB");
    let slices: Vec<&[u8]> = documents.iter().map(Vec::as_slice).collect();
    let malformed = xmllint::malformed(&slices);
    let mut different = Vec::new();
    for (index, (name, finding)) in names.iter().zip(&ours).enumerate() {
        if finding.is_some() != malformed.contains(&index) {
            let text =
                finding.as_ref().map_or("well-formed".to_owned(), |f| format!("{} {}", f.place, f.text(Language::En)));
            different.push(format!(
                "{name}: xmllint says {}, we say {text}",
                if malformed.contains(&index) { "malformed" } else { "well-formed" }
            ));
        }
    }
    println!(
        "{} files, {refused} refused for their DOCTYPE, {} compared, {} malformed, {} judged differently",
        files.len(),
        names.len(),
        malformed.len(),
        different.len()
    );
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// Most kilobytes of memory, and most milliseconds of processor time, that `dure check` may take for one file.
const MOST_KILOBYTES: u64 = 64 << 10;
const MOST_MILLISECONDS: u64 = 1000;

#[test]
fn the_binary_checks_every_file_in_bounds() {
    let mut files = files_below(&standards().join("hostile-xml/samples"));
    files.extend(files_below(&standards().join("edifact/samples")));
    assert!(files.len() > 1000, "only {} files were found", files.len());
    let tool = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/measured.py");
    let mut measuring = Command::new("python3")
        .args([tool, env!("CARGO_BIN_EXE_dure"), "check"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 measures the runs");
    let names: String = files.iter().map(|file| format!("{}\n", file.display())).collect();
    measuring.stdin.take().unwrap().write_all(names.as_bytes()).unwrap();
    let told = String::from_utf8(measuring.wait_with_output().unwrap().stdout).unwrap();
    let (mut count, mut kilobytes, mut milliseconds, mut wrong) = (0, 0, 0, Vec::new());
    for line in told.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [code, took, memory, _] = fields.as_slice() else {
            wrong.push(format!("panicked: {line}"));
            continue;
        };
        let (took, memory): (u64, u64) = (took.parse().unwrap(), memory.parse().unwrap());
        if !matches!(*code, "0" | "1") || took >= MOST_MILLISECONDS || memory >= MOST_KILOBYTES {
            wrong.push(line.to_owned());
        }
        (count, kilobytes, milliseconds) = (count + 1, kilobytes.max(memory), milliseconds.max(took));
    }
    println!("{count} files, at most {milliseconds} ms and {kilobytes} KB");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(count, files.len());
}
