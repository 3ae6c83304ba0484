//! `dure check`: recognises, parses and validates documents without any configuration and prints every finding with its
//! place.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::call::Call;
use super::out::{Out, Outcome, Unit, read_file, visible};
use crate::error::{Error, Result};
use crate::format::Hint;
use crate::model::disposition::Disposition;
use crate::model::finding::{Finding, Severity};
use crate::model::message::MessageType;
use crate::pipeline::check::{CheckReport, check_bytes};

/// Bytes of a file that is checked or converted.
pub(super) const LARGEST_FILE: u64 = 512 << 20;

/// Check documents: what is wrong with them and where
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  dure check order.xml\n  dure check --json *.edi\n  cat order.xml | dure check -\n  \
    dure check --type csv/1/Catalogue items.csv\n\n\
    Exit code 1 if a document is rejected, 0 if there are only warnings or nothing; 2 if a file cannot be read, when the \
    others were checked."
)]
pub struct Check {
    /// Files, `-` for standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Say only what the official schema says: no business rules, no code lists that it does not enumerate
    #[arg(long)]
    schema_only: bool,
    #[command(flatten)]
    reading: Reading,
}

/// How files are read that do not say what they are.
#[derive(Args, Clone, Debug, Default)]
pub struct Reading {
    /// What a file is that does not say so, csv/1/Catalogue
    #[arg(long = "type", value_name = "MESSAGE")]
    message_type: Option<MessageType>,
    /// Character set of files that do not say theirs, euc-kr
    #[arg(long, value_name = "NAME")]
    charset: Option<String>,
}

impl Reading {
    /// What is known of a file besides its bytes.
    pub fn hint(&self, file: &Path) -> Hint {
        Hint {
            content_type: None,
            charset: self.charset.clone(),
            file_name: file.file_name().map(|name| name.to_string_lossy().into_owned()),
            message_type: self.message_type.clone(),
            learned: Vec::new(),
        }
    }
}

#[derive(Serialize)]
struct FileReport<'a> {
    file: String,
    #[serde(flatten)]
    report: &'a CheckReport,
}

impl Check {
    /// Runs it.
    pub fn run(self, call: &Call) -> Result<Outcome> {
        let out = &call.out;
        let bar = out.progress(if self.files.len() > 20 { self.files.len() as u64 } else { 0 }, Unit::Pieces);
        let mut good = true;
        let mut reports = Vec::new();
        let mut unread = 0;
        for file in &self.files {
            let bytes = match read_file(file, LARGEST_FILE) {
                Ok(bytes) => bytes,
                Err(error) => {
                    unread += 1;
                    bar.suspend(|| out.remark(format!("dure: {error}")));
                    continue;
                }
            };
            let report = check_bytes(bytes.into(), &self.reading.hint(file), self.schema_only)?;
            good &= !report.is_rejected();
            if out.json {
                reports.push((file.display().to_string(), report));
            } else {
                bar.suspend(|| print(out, file, &report))?;
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        if out.json {
            let list: Vec<_> = reports.iter().map(|(file, report)| FileReport { file: file.clone(), report }).collect();
            out.json(&list)?;
        }
        match unread {
            0 => Ok(Outcome::good_if(good)),
            _ => Err(Error::config(format!("{unread} of {} files could not be read", self.files.len()))),
        }
    }
}

fn print(out: &Out, file: &Path, report: &CheckReport) -> Result<()> {
    let name = visible(&file.display().to_string());
    let title = |word: &str| {
        Disposition::from_word(word).map_or_else(|| word.to_owned(), |word| word.title(out.language).to_owned())
    };
    findings(out, &name, &report.findings)?;
    for message in &report.messages {
        findings(out, &name, &message.findings)?;
        let number = if message.number.is_empty() { String::new() } else { format!(" {}", visible(&message.number)) };
        let message_type = visible(&message.message_type);
        out.line(format!("{name}: {message_type}{number}: {}", title(message.disposition)))?;
    }
    if report.messages.is_empty() {
        out.line(format!("{name}: {}", title(report.disposition)))?;
    }
    Ok(())
}

fn findings(out: &Out, name: &str, list: &[Finding]) -> Result<()> {
    list.iter().try_for_each(|finding| out.line(format!("{name}: {}", out.finding(finding))))
}

/// Prints findings as remarks; whether one of them is an error.
pub(super) fn remarks(out: &Out, list: &[Finding]) -> bool {
    list.iter().for_each(|finding| out.remark(out.finding(finding)));
    list.iter().any(|finding| finding.severity == Severity::Error)
}
