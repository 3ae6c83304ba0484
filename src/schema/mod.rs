//! Is the message what the standard says? Message types as tables of facts in one notation for XML, EDIFACT and our own
//! documents (`docs/schemas.md`), compiled, and one checker for all of them. Pure; knows only `model` (and, for feeding
//! whole interchanges through the checker, the parts of `format`).

pub mod automaton;
pub mod check;
pub mod codes;
mod compile;
mod file;
pub mod grammar;
mod lexical;
pub mod library;
pub mod names;
mod notation;
pub mod simple;

pub use library::library;
