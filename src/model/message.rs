//! A message: its type, its reference and its tree, in the partner's own words.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::tree::Tree;

/// Standard, version and name of a message: `ubl/2.1/Order`, `edifact/d96a/ORDERS`, `dure/1/Order`, `csv/1/Catalogue`.
/// It is the path of its schema below `schemas/` and of its mapping below `mappings/`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MessageType {
    /// `ubl`, `edifact`, `dure`, `csv`, `sheet`, …
    pub standard: String,
    /// `2.1`, `d96a`, …
    pub version: String,
    /// `Order`, `ORDERS`, …
    pub name: String,
}

impl MessageType {
    /// From its three parts.
    pub fn new(standard: &str, version: &str, name: &str) -> MessageType {
        MessageType { standard: standard.to_owned(), version: version.to_owned(), name: name.to_owned() }
    }

    /// The message whose schema and mapping it has: sheets have those of the same tables as text.
    pub fn tables(&self) -> Cow<'_, MessageType> {
        match self.standard.as_str() {
            "sheet" => Cow::Owned(MessageType { standard: "csv".to_owned(), ..self.clone() }),
            _ => Cow::Borrowed(self),
        }
    }

    /// The format name of the contract: `ubl-2.1`, `edifact-d96a`, `dure-json`, `csv`, `xlsx`, `html`.
    pub fn format_name(&self) -> String {
        match self.standard.as_str() {
            "dure" => "dure-json".to_owned(),
            "csv" => "csv".to_owned(),
            "html" => "html".to_owned(),
            "sheet" => "xlsx".to_owned(),
            _ => format!("{}-{}", self.standard, self.version),
        }
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.standard, self.version, self.name)
    }
}

impl FromStr for MessageType {
    type Err = String;

    fn from_str(text: &str) -> Result<MessageType, String> {
        let mut parts = text.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(standard), Some(version), Some(name), None) => Ok(MessageType::new(standard, version, name)),
            _ => Err(format!("write {text} as standard/version/message, for example ubl/2.1/Order")),
        }
    }
}

/// One whole message that was read, or is to be written.
#[derive(Clone, Debug)]
pub struct Message {
    /// What it is.
    pub message_type: MessageType,
    /// UNH 0062; empty where the format has none.
    pub reference: String,
    /// Its tree.
    pub tree: Tree,
}
