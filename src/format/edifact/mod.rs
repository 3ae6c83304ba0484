//! UN/EDIFACT: ISO 9735 syntax versions 1 to 4, read and written by the message tables below `schemas/edifact/`.
//!
//! The tree of a message has its segment groups (`SG25`), segments, composites and elements under the names of the
//! directory; what is absent is absent. `docs/formats/edifact.md` says what is carried. Left out: interactive EDIFACT,
//! packages and security segments.

use super::Format;

/// How EDIFACT is known: by its first tag.
pub(super) const FORMAT: Format = Format {
    name: "edifact",
    media_types: &["application/edifact", "application/edi-consent"],
    endings: &["edi", "edifact"],
    magic: None,
    begins: |text| {
        let tag = ["UNA", "UNB", "UNG", "UNH"].into_iter().find_map(|tag| text.strip_prefix(tag));
        tag.and_then(|rest| rest.chars().next()).is_some_and(|c| c.is_ascii() && !c.is_ascii_alphanumeric())
    },
    looks: |_| false,
    open: |source, hint, limits| Ok(Box::new(EdifactReader::new(source, hint, limits)?)),
};

mod control;
mod headers;
mod message;
mod opening;
mod reader;
pub mod repertoire;
pub mod sample;
mod table;
mod text;
mod writer;

pub use control::{Extent, Verdict, answer, control};
pub use headers::Identifier;
pub use reader::EdifactReader;
pub use writer::{Outgoing, write};

#[cfg(test)]
mod tests;
