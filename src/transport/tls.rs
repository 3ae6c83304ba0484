//! TLS in.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Its part of the configuration, `[tls]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// PEM file with our certificate and those between it and the root; empty: plain HTTP.
    pub certificate: PathBuf,
    /// PEM file with its key.
    pub key: PathBuf,
    /// PEM file with the authorities whose client certificates are taken; empty: none are asked for.
    pub client_roots: PathBuf,
    /// How often the files are looked at, milliseconds.
    pub reload_ms: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { certificate: PathBuf::new(), key: PathBuf::new(), client_roots: PathBuf::new(), reload_ms: 5_000 }
    }
}
