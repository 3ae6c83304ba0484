//! What UNB, UNG, UNH and their trailers say, and which of our tables a message is read by.
//!
//! ISO 9735-1, 7 and 8: service segments of syntax versions 1 to 4. Left out: interactive interchanges (UIB), packages
//! (UNO, UNP) and the security segments (USA to USX).

use crate::model::envelope::Envelope;
use crate::model::finding::{Code, Finding, Place};
use crate::model::message::MessageType;
use crate::model::party_id::PartyId;
use crate::schema::library;

/// The message identifier S009 of UNH, as written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Identifier {
    /// 0065, `ORDERS`.
    pub message: String,
    /// 0052, `D`.
    pub version: String,
    /// 0054, `96A`.
    pub release: String,
    /// 0051, `UN`.
    pub agency: String,
    /// 0057, `EAN008`.
    pub association: String,
}

impl Identifier {
    /// Of one of our message types: `edifact/d96a/ORDERS` is `ORDERS:D:96A:UN`, `edifact/3/CONTRL` is `CONTRL:D:3:UN`.
    pub fn of(message_type: &MessageType) -> Identifier {
        let (version, release) = match message_type.version.as_str() {
            "3" => ("D".to_owned(), "3".to_owned()),
            "4" => ("4".to_owned(), "1".to_owned()),
            directory => match directory.split_at_checked(1) {
                Some((version, release)) => (version.to_ascii_uppercase(), release.to_ascii_uppercase()),
                None => (String::new(), String::new()),
            },
        };
        Identifier {
            message: message_type.name.clone(),
            version,
            release,
            agency: "UN".to_owned(),
            association: String::new(),
        }
    }

    /// The type as the bytes say it, whether or not there is a table: `edifact/d93a/INVOIC`.
    pub fn as_said(&self) -> MessageType {
        let version = format!("{}{}", self.version, self.release).to_ascii_lowercase();
        MessageType::new("edifact", &version, &self.message)
    }

    /// The type whose table reads it, with a warning if that is of another version; a finding if there is none.
    pub fn table(&self, place: &Place) -> Result<(MessageType, Option<Finding>), Box<Finding>> {
        let known = library().versions("edifact", &self.message);
        if known.is_empty() {
            return Err(Box::new(Finding::error(Code::UnknownMessage, place.clone()).found(self.to_string())));
        }
        let typed = |version: &str| MessageType::new("edifact", version, &self.message);
        if self.message == "CONTRL" {
            // Service messages have the version of the syntax: `2:2` and `D:3` are read by the table of version 3.
            return Ok((typed(if self.version == "4" { "4" } else { "3" }), None));
        }
        let said = self.as_said();
        let ours = self.agency.is_empty() || self.agency == "UN";
        if ours && known.contains(&said.version) {
            return Ok((said, None));
        }
        let nearest = age(&self.release).filter(|_| ours).and_then(|mine| {
            known.iter().min_by_key(|version| {
                let release = version.get(1..).unwrap_or("").to_ascii_uppercase();
                age(&release).map_or(u32::MAX, |theirs| theirs.abs_diff(mine))
            })
        });
        match nearest {
            Some(version) => {
                let message_type = typed(version);
                let warning = Finding::warning(Code::FallbackVersion, place.clone())
                    .found(self.to_string())
                    .expected(Identifier::of(&message_type).to_string());
                Ok((message_type, Some(warning)))
            }
            None => {
                let ours: Vec<String> =
                    known.iter().map(|version| Identifier::of(&typed(version)).to_string()).collect();
                Err(Box::new(
                    Finding::error(Code::UnknownVersion, place.clone())
                        .found(self.to_string())
                        .expected(ours.join(", ")),
                ))
            }
        }
    }
}

impl std::fmt::Display for Identifier {
    /// `ORDERS:D:96A:UN:EAN008`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}:{}", self.message, self.version, self.release, self.agency)?;
        if !self.association.is_empty() {
            write!(f, ":{}", self.association)?;
        }
        Ok(())
    }
}

/// A release of a directory in half years: `96A` before `96B` before `01A`. `None` for anything else, such as the trial
/// releases `912` and `921`.
fn age(release: &str) -> Option<u32> {
    let (year, letter) = release.split_at_checked(2)?;
    let year: u32 = year.parse().ok()?;
    let [letter] = letter.as_bytes() else { return None };
    let year = if year >= 88 { 1900 + year } else { 2000 + year };
    letter.is_ascii_uppercase().then(|| year * 2 + u32::from(letter - b'A'))
}

/// What UNB says, element by element (position in UNB, component, text).
pub(super) fn envelope(mut at: impl FnMut(u16, u16) -> String) -> Envelope {
    let mut party = |element| {
        let (value, qualifier) = (at(element, 0), at(element, 1));
        let scheme = if qualifier.is_empty() { String::new() } else { format!("edifact:{qualifier}") };
        (!value.is_empty()).then(|| PartyId::new(&scheme, &value))
    };
    let (sender, receiver) = (party(2), party(3));
    let reference = at(5, 0);
    Envelope {
        sender,
        sender_place: Place::default(),
        receiver,
        control_reference: (!reference.is_empty()).then_some(reference),
        test: at(11, 0) == "1",
        acknowledgement_requested: at(9, 0) == "1",
        syntax: None,
    }
}

/// The partner identification code qualifier 0007 of a party: that of its scheme, or the one it was read with.
pub(super) fn qualifier(party: &PartyId) -> &str {
    match party.scheme.strip_prefix("edifact:") {
        Some(qualifier) => qualifier,
        None => party.edifact_qualifier().unwrap_or(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identifier(text: &str) -> Identifier {
        let mut parts = text.split(':').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        Identifier { message: next(), version: next(), release: next(), agency: next(), association: next() }
    }

    fn check(text: &str, expected: &str) {
        let found = match identifier(text).table(&Place::default()) {
            Ok((message_type, None)) => message_type.to_string(),
            Ok((message_type, Some(warning))) => format!("{message_type}, {}", warning.code.as_str()),
            Err(finding) => format!("{}: {}", finding.code.as_str(), finding.expected),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn messages_find_their_tables() {
        check("ORDERS:D:96A:UN", "edifact/d96a/ORDERS");
        check("ORDERS:D:96A:UN:EAN008", "edifact/d96a/ORDERS");
        check("ORDERS:D:01B:UN", "edifact/d96a/ORDERS, fallback-version");
        check("ORDERS:S:93A:UN", "edifact/d96a/ORDERS, fallback-version");
        check("DESADV:0:96A:UN", "edifact/d96a/DESADV, fallback-version");
        check("ORDERS:2:912:UN", "unknown-version: ORDERS:D:96A:UN");
        check("ORDERS:D:96A:XX", "unknown-version: ORDERS:D:96A:UN");
        check("PAORES:93:1:IA", "unknown-message: ");
        check("CONTRL:2:2:UN", "edifact/3/CONTRL");
        check("CONTRL:D:3:UN", "edifact/3/CONTRL");
        check("CONTRL:4:1:UN", "edifact/4/CONTRL");
    }

    #[test]
    fn directories_have_an_age() {
        assert!(age("96A") < age("96B") && age("96B") < age("01A") && age("99B") < age("24A"));
        assert_eq!(age("912"), None);
        assert_eq!(age("96"), None);
    }
}
