//! Mail in: what a mail is and holds, what proves its sender, and the listener that takes mails.

pub mod intake;
pub mod letter;
pub mod listener;
pub mod parts;
pub mod proof;
mod words;
