//! `samples/courier-*`: what a courier reports and what must come of it. `DURE_BLESS=1` writes the expectations.

use std::path::{Path, PathBuf};

use dure::model::finding::{Language, Severity};
use dure::transport::courier::{Couriers, read};

/// The text that is expected beside a sample; no file means that nothing of the kind comes.
fn expect(file: PathBuf, found: Option<String>) {
    if std::env::var_os("DURE_BLESS").is_some() {
        match &found {
            Some(text) => std::fs::write(&file, text).unwrap(),
            None if file.exists() => std::fs::remove_file(&file).unwrap(),
            None => {}
        }
    }
    let expected = file.exists().then(|| std::fs::read_to_string(&file).unwrap());
    assert_eq!(found, expected, "{}", file.display());
}

fn run(case: &Path, couriers: &Couriers) {
    let settings: toml::Table = std::fs::read_to_string(case.join("case.toml")).unwrap().parse().unwrap();
    let profile = couriers.get(settings["courier"].as_str().unwrap()).unwrap();
    let (document, findings) = match read(profile, &std::fs::read(case.join("in.json")).unwrap()) {
        Ok(report) => (Some(format!("{}\n", serde_json::to_string_pretty(&report).unwrap())), Vec::new()),
        Err(findings) => (None, findings),
    };
    let lines = findings.iter().map(|finding| {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let (code, place, text) = (finding.code.as_str(), &finding.place, finding.text(Language::En));
        format!("{severity} {code} {place}: {text}\n")
    });
    expect(case.join("document.json"), document);
    expect(case.join("findings.txt"), (!findings.is_empty()).then(|| lines.collect()));
}

#[test]
fn samples() {
    let couriers = Couriers::load(&[]).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let mut cases: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("courier-"));
    assert!(cases.len() >= 3);
    for case in cases {
        run(&case, &couriers);
    }
}
