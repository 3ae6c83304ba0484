//! Mail out: documents and notices sent through a relay by SMTP (RFC 5321).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::secret::Secret;

/// How the connection to the relay is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// Not at all; for a relay on the same machine.
    None,
    /// TLS after STARTTLS, required (RFC 3207).
    Starttls,
}

/// Its part of the configuration, `[mail_out]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Host name of the relay; empty: no mail leaves.
    pub relay: String,
    /// Its port; 0 for the usual one of the protection: 465, 25, 587.
    pub port: u16,
    /// `implicit`, `none` or `starttls`.
    pub protection: Protection,
    /// Who we are to the relay; empty: it does not ask.
    pub user: String,
    /// The password for it.
    pub password: Secret,
    /// PEM file with certificate authorities trusted besides the system's; empty for none.
    pub roots: PathBuf,
    /// The sender of our mails.
    pub from: String,
    /// For one mail, milliseconds.
    pub timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            relay: String::new(),
            port: 0,
            protection: Protection::Starttls,
            user: String::new(),
            password: Secret::default(),
            roots: PathBuf::new(),
            from: "dure@localhost".to_owned(),
            timeout_ms: 30_000,
        }
    }
}
