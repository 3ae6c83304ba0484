//! `dure mapping`: which messages are mapped to which documents. The files are in the top-level folder `mappings/` and are
//! compiled into the binary.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::call::Call;
use super::out::Outcome;
use crate::document::record;
use crate::error::{Error, Result};
use crate::mapping::{Carried, Direction, library};
use crate::model::message::MessageType;

/// Mappings between messages and documents: list, show
#[derive(Subcommand, Debug)]
pub(super) enum Verb {
    List(List),
    Show(Show),
}

/// List the messages that are mapped
#[derive(Args, Debug)]
pub(super) struct List {}

/// Show one mapping
#[derive(Args, Debug)]
pub(super) struct Show {
    /// Its message, ubl/2.1/Order
    name: MessageType,
}

/// A value that a mapping carries.
#[derive(Serialize)]
struct Row {
    ours: String,
    theirs: String,
    way: &'static str,
    note: String,
}

/// All that a mapping carries.
fn rows(message_type: &MessageType) -> Result<Vec<Row>> {
    let mapping = library(record).compile(message_type)?;
    let carried = mapping.map(|mapping| mapping.carried()).unwrap_or_default();
    let row = |row: Carried| Row {
        ours: row.ours,
        theirs: row.theirs,
        way: match row.direction {
            Direction::Both => "both",
            Direction::Read => "read",
            Direction::Write => "write",
        },
        note: row.note,
    };
    Ok(carried.into_iter().map(row).collect())
}

/// Prints what a mapping carries.
pub(super) fn show(message_type: &MessageType, call: &Call) -> Result<Outcome> {
    let (words, rows) = (words(message_type)?, rows(message_type)?);
    if call.out.json {
        call.out.json(&serde_json::json!({ "mapping": words, "rows": rows }))?;
    } else {
        let line = |row: &Row| [row.ours.clone(), row.theirs.clone(), row.way.to_owned(), row.note.clone()];
        let lines: Vec<_> = rows.iter().map(line).collect();
        call.out.table(["OURS", "THEIRS", "WAY", "NOTE"], &lines)?;
    }
    Ok(Outcome::Good)
}

/// A mapping.
#[derive(Serialize)]
struct Words {
    message: String,
    format: String,
    document: &'static str,
    file: String,
}

fn words(message_type: &MessageType) -> Result<Words> {
    let mapping = library(record).compile(message_type)?.ok_or_else(|| {
        let names: Vec<_> = library(record).messages().iter().map(ToString::to_string).collect();
        Error::config(format!("there is no mapping of {message_type}; there are {}", names.join(", ")))
    })?;
    Ok(Words {
        message: message_type.to_string(),
        format: message_type.format_name(),
        document: mapping.document_type().as_str(),
        file: format!("mappings/{message_type}.toml"),
    })
}

impl Verb {
    /// Runs it.
    pub(super) fn run(self, call: &Call) -> Result<Outcome> {
        let out = &call.out;
        match self {
            Verb::List(_) => {
                let list: Vec<_> = library(record).messages().iter().map(words).collect::<Result<_>>()?;
                if out.json {
                    out.json(&list)?;
                } else {
                    let row = |one: &Words| {
                        [one.message.clone(), one.document.to_owned(), one.format.clone(), one.file.clone()]
                    };
                    let rows: Vec<_> = list.iter().map(row).collect();
                    out.table(["MESSAGE", "DOCUMENT", "FORMAT", "FILE"], &rows)?;
                }
            }
            Verb::Show(verb) => return show(&verb.name, call),
        }
        Ok(Outcome::Good)
    }
}
