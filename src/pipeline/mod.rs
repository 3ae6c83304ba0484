//! The order of things: what happens to bytes from their receipt to the last delivery they cause.

pub mod again;
pub mod channel;
pub mod check;
mod claims;
pub mod commit;
pub mod conversation;
pub mod courier;
pub mod dispatch;
pub mod encode;
pub mod fold;
pub mod hub;
pub mod mail;
pub mod metrics;
pub mod outbound;
pub mod payload;
pub mod prepare;
pub mod read;
pub mod receive;
pub mod told;
pub mod wait;
pub mod worker;

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
