//! Checking UBL orders against the official structure, beside libxml2's xmllint with the official XSD: processor time, many
//! files in one process, start-up and schema loading taken out.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{Figure, Options, fresh_folder, median, own_cpu_us, per_second, setting};
use crate::error::{Context, Error, Kind, Result};
use crate::format::Limits;
use crate::format::xml::{Scratch, schema_only};

/// Files of one round.
const FILES: u64 = 3_000;
/// Lines of a file make it about this long.
const KIND: &str = "4 KB orders";

/// Measures it.
pub(super) fn run(options: &Options) -> Result<Vec<Figure>> {
    let Some(standards) = &options.standards else {
        return Err(Error::config("DURE_STANDARDS does not name the folder of official schemas"));
    };
    let schema = standards.join("ubl/schemas/ubl-2.1-os/maindoc/UBL-Order-2.1.xsd");
    let folder = fresh_folder(options)?;
    let documents: Vec<Vec<u8>> = (0..FILES)
        .map(|number| {
            let mut out = Vec::new();
            setting::order(number, &mut out);
            out
        })
        .collect();
    for (number, document) in documents.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{number}.xml")), document)?;
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        theirs.push(xmllint(&schema, folder.path())?);
        ours.push(check(&documents)?);
    }
    let against = format!("xmllint --schema on {FILES} {KIND}, per second of processor time");
    Ok(vec![Figure::beside("check_ubl", median(ours), "documents/s", &against, median(theirs))])
}

fn check(documents: &[Vec<u8>]) -> Result<f64> {
    let mut scratch = Scratch::new(Limits::default());
    let cpu = own_cpu_us();
    // Several times over: processor time is counted in ticks of 10 ms.
    let rounds = 5;
    for _ in 0..rounds {
        for document in documents {
            if schema_only(document, &mut scratch).has_errors() {
                return Err(Error::bug("a sample order of the bench is not valid"));
            }
        }
    }
    Ok(per_second(documents.len() as u64 * rounds, own_cpu_us().saturating_sub(cpu)))
}

/// Documents a second of processor time: all files in one process, less one process with one file.
fn xmllint(schema: &Path, folder: &Path) -> Result<f64> {
    let run = |files: u64| -> Result<u64> {
        let before = children_cpu_us();
        let status = Command::new("xmllint")
            .args(["--noout", "--nonet", "--schema"])
            .arg(schema)
            .args((0..files).map(|number| folder.join(format!("{number}.xml"))))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .context(|| "starting xmllint (package libxml2-utils)")?;
        if !status.success() {
            return Err(Error::new(Kind::Bug, "xmllint finds a sample order of the bench invalid"));
        }
        Ok(children_cpu_us().saturating_sub(before))
    };
    let start_up = (run(1)? + run(1)?) / 2;
    let all = run(FILES)?;
    Ok(per_second(FILES - 1, all.saturating_sub(start_up)))
}

/// Processor time of ended children (proc(5), /proc/self/stat fields 16 and 17; 100 ticks a second).
fn children_cpu_us() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit(") ").next().unwrap_or("");
    let fields: Vec<&str> = after.split(' ').collect();
    let tick = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    (tick(13) + tick(14)) * 10_000
}
