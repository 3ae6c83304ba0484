//! `dure mapping`: which messages are mapped to which documents. The files are in the top-level folder `mappings/` and are
//! compiled into the binary.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::call::Call;
use super::out::Outcome;
use crate::document::record;
use crate::error::{Error, Result};
use crate::mapping::library;
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
            Verb::Show(verb) => out.json(&words(&verb.name)?)?,
        }
        Ok(Outcome::Good)
    }
}
