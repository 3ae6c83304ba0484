//! The order of things: what happens to bytes from their receipt to the last delivery they cause.

pub mod outbound;
