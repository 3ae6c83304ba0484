//! `dure convert`: a document in another format that carries the same type. The result goes to standard output or a file,
//! what could not be carried to standard error.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::call::Call;
use super::check::{LARGEST_FILE, Reading, remarks};
use super::out::{Outcome, read_file};
use crate::clock::Clock;
use crate::error::{Context, Error, Result};
use crate::pipeline::check::{Converted, FORMATS, convert_bytes};

/// Convert a document to another format
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  dure convert --to ubl-2.1 orders.edi > order.xml\n  \
    dure convert --to edifact-d96a order.xml -o orders.edi\n  dure convert --to dure-json order.xml\n\n\
    Formats: ubl-2.1, edifact-d96a, dure-json, csv, xlsx. Exit code 1 if the document is rejected or the format does not carry \
    it. With --json what could not be carried is printed as JSON, if the document goes to a file.")]
pub struct Convert {
    /// The target format
    #[arg(long, value_name = "FORMAT")]
    to: String,
    /// The file, `-` for standard input
    file: PathBuf,
    /// Write here instead of to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

impl Convert {
    /// Runs it.
    pub fn run(self, call: &Call) -> Result<Outcome> {
        let out = &call.out;
        if !FORMATS.contains(&self.to.as_str()) && !self.to.contains('/') {
            return Err(Error::config(format!("there is no format {}; there are {}", self.to, FORMATS.join(", "))));
        }
        let bytes = read_file(&self.file, LARGEST_FILE)?;
        let now_ms = Clock::System.now_ms();
        let converted = convert_bytes(bytes.into(), &self.reading.hint(&self.file), &self.to, now_ms)?;
        let converted = match converted {
            Ok(converted) => converted,
            Err(findings) => {
                if out.json {
                    out.json(&findings)?;
                } else {
                    remarks(out, &findings);
                }
                return Ok(Outcome::Bad);
            }
        };
        match &self.output {
            Some(file) => {
                std::fs::write(file, &converted.bytes).context(|| format!("write {}", file.display()))?;
                if out.json {
                    let Converted { content_type, findings, .. } = &converted;
                    out.json(&json!({ "file": file, "content_type": content_type, "findings": findings }))?;
                } else {
                    remarks(out, &converted.findings);
                }
            }
            // The document is what is printed; what could not be carried must not get into it.
            None => {
                remarks(out, &converted.findings);
                out.bytes(&converted.bytes)?;
            }
        }
        Ok(Outcome::Good)
    }
}
