//! What a user types: one file per verb.

pub mod simulate;
