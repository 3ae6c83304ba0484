//! Mails that came in: what was seen that may prove who sent one, and the files in it that were not taken.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a file of a mail was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// An archive that cannot be unpacked.
    Damaged,
    /// It needs a password.
    Encrypted,
    /// Not in a format that is read here.
    NoDocument,
    /// A picture, a signature and the like, or part of a report about a mail.
    PassedOver,
    /// Deeper inside other mails and archives than is looked.
    TooDeep,
    /// More bytes than are unpacked.
    TooLarge,
    /// More parts than are looked at.
    TooMany,
}

/// A file that was not taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its name; empty if it has none.
    pub name: String,
    /// Its size in bytes; 0 where it was not unpacked.
    pub size_bytes: usize,
    /// Why.
    pub why: Why,
}

/// What proves the sender of a mail, by agreement (`mail_proof`). A From address alone proves nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Proof {
    /// `dkim`: a good DKIM signature of the domain in From, or of one above it.
    Dkim,
    /// `link`: somebody who reads that mailbox opened the link that we sent there.
    Link,
    /// `server:NAME`: that mail server of ours says in Authentication-Results (RFC 8601) that it checked the sender.
    Server(String),
}

impl FromStr for Proof {
    type Err = ();

    fn from_str(text: &str) -> Result<Proof, ()> {
        match text {
            "dkim" => Ok(Proof::Dkim),
            "link" => Ok(Proof::Link),
            _ => {
                let name = text.strip_prefix("server:").ok_or(())?;
                let named = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == ';');
                if named { Ok(Proof::Server(name.to_ascii_lowercase())) } else { Err(()) }
            }
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Proof::Dkim => f.write_str("dkim"),
            Proof::Link => f.write_str("link"),
            Proof::Server(name) => write!(f, "server:{name}"),
        }
    }
}

/// What was seen when a mail came in; whether it proves something is for the agreement to say.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// Domains with a good DKIM signature to which the address in From belongs, lower case.
    pub dkim: Vec<String>,
    /// The server whose Authentication-Results stand topmost, lower case, if they say that the domain in From is proved.
    pub server: Option<String>,
    /// In words, for people: what was found and what was not.
    pub remarks: Vec<String>,
}

/// Who let a mail in that did not prove its sender by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Released {
    /// Nobody.
    #[default]
    No,
    /// Whoever reads the sender's mailbox opened our link.
    ByLink,
    /// A person of the centre.
    ByOperator,
}

impl Released {
    /// The word in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Released::No => "",
            Released::ByLink => "link",
            Released::ByOperator => "operator",
        }
    }

    /// Back from the word.
    pub fn from_word(text: &str) -> Released {
        match text {
            "link" => Released::ByLink,
            "operator" => Released::ByOperator,
            _ => Released::No,
        }
    }
}

/// What proves a sender where an agreement does not say: the link, which always can.
pub fn default_proofs() -> Vec<Proof> {
    vec![Proof::Link]
}

impl Evidence {
    /// Whether it, or who released the mail, is one of the agreed proofs.
    pub fn proves(&self, released: Released, agreed: &[Proof]) -> bool {
        released == Released::ByOperator
            || agreed.iter().any(|proof| match proof {
                Proof::Dkim => !self.dkim.is_empty(),
                Proof::Link => released == Released::ByLink,
                Proof::Server(name) => self.server.as_ref() == Some(name),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_as_agreed() {
        for text in ["dkim", "link", "server:mx.centre.example"] {
            assert_eq!(text.parse::<Proof>().unwrap().to_string(), text);
        }
        for text in ["", "spf", "server:", "server:a b", "DKIM"] {
            assert!(text.parse::<Proof>().is_err(), "{text}");
        }
        let evidence = Evidence {
            dkim: vec!["buyer.example".to_owned()],
            server: Some("mx.centre.example".to_owned()),
            remarks: Vec::new(),
        };
        let check = |evidence: &Evidence, released, agreed: &[&str], expected: bool| {
            let agreed: Vec<Proof> = agreed.iter().map(|text| text.parse().unwrap()).collect();
            assert_eq!(evidence.proves(released, &agreed), expected, "{agreed:?} {released:?}");
        };
        check(&evidence, Released::No, &["dkim"], true);
        check(&evidence, Released::No, &["server:MX.centre.example"], true);
        check(&evidence, Released::No, &["server:other.example", "link"], false);
        check(&evidence, Released::No, &[], false);
        check(&Evidence::default(), Released::No, &["dkim", "link", "server:mx.centre.example"], false);
        check(&Evidence::default(), Released::ByLink, &["link"], true);
        check(&Evidence::default(), Released::ByLink, &["dkim"], false);
        check(&Evidence::default(), Released::ByOperator, &[], true);
    }
}
