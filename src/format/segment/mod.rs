//! What EDIFACT, X12 and their relatives share: text cut into segments, elements and components by service characters.

pub mod dialect;
pub mod lexer;
