//! Which message a document element starts.

use std::sync::Arc;

use crate::model::message::MessageType;
use crate::schema::grammar::Grammar;
use crate::schema::library;

/// Before and behind the name in the namespaces of UBL 2 document elements.
const UBL: (&str, &str) = ("urn:oasis:names:specification:ubl:schema:xsd:", "-2");

/// The message of a document element: UBL by its namespace (every 2.x has the same, and is read by the tables of 2.1),
/// else `xml/-/{uri}local`, which there is no table for.
pub(super) fn message_type(uri: &str, local: &str) -> MessageType {
    match uri.strip_prefix(UBL.0).and_then(|rest| rest.strip_suffix(UBL.1)) {
        Some(name) => MessageType::new("ubl", "2.1", name),
        None if uri.is_empty() => MessageType::new("xml", "-", local),
        None => MessageType::new("xml", "-", &format!("{{{uri}}}{local}")),
    }
}

/// Its table.
pub(super) fn grammar(message_type: &MessageType) -> Option<Arc<Grammar>> {
    if message_type.standard == "xml" { None } else { library().message(message_type) }
}
