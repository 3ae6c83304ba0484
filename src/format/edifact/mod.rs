//! UN/EDIFACT: ISO 9735 syntax versions 1 to 4, read and written by the message tables below `schemas/edifact/`.
//!
//! The tree of a message has its segment groups (`SG25`), segments, composites and elements under the names of the
//! directory; what is absent is absent. `docs/formats/edifact.md` says what is carried. Left out: interactive EDIFACT,
//! packages and security segments.

mod control;
mod headers;
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
