//! HTTP out: documents posted to a partner's address.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::address::AddressRange;

/// Its part of the configuration, `[http_out]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// From the first byte sent to the last one received, milliseconds.
    pub timeout_ms: u64,
    /// For resolving and connecting, milliseconds.
    pub connect_timeout_ms: u64,
    /// Bytes of an answer that are read; more is cut off and not taken in.
    pub answer_bytes: u64,
    /// The longest wait a partner can ask for with Retry-After, milliseconds.
    pub retry_after_most_ms: i64,
    /// PEM file with certificate authorities trusted besides the system's; empty for none.
    pub roots: PathBuf,
    /// Addresses that are not public and may be connected to all the same.
    pub allow_private: Vec<AddressRange>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            timeout_ms: 30_000,
            connect_timeout_ms: 5_000,
            answer_bytes: 1 << 20,
            retry_after_most_ms: 3_600_000,
            roots: PathBuf::new(),
            allow_private: Vec::new(),
        }
    }
}
