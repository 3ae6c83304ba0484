//! Mail in: what a mail is and holds.

pub mod letter;
pub mod parts;
mod words;
