//! Counterparts that speak the real protocols. They talk to a hub only over its real channels.

pub mod mailbox;
mod mailbox_pages;
