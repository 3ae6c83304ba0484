//! Who a party is: a scheme and a value, one spelling for all formats.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An identifier of a party, such as `gln:8801234500012`, `brn:1234567891`, `duns:123456789` or `dure:buyer-a`.
///
/// The scheme is lower case; values of `brn` (Korean business registration number) and `gln` are digits only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct PartyId {
    /// `gln`, `brn`, `duns`, `vat`, `dure`, or another one in lower case; empty when the document does not say.
    pub scheme: String,
    /// The identifier.
    pub value: String,
}

/// Schemes and what formats call them: UBL `schemeID` (names, ISO 6523 ICD codes) and EDIFACT 0007 / 3055 / X12 I05.
const SCHEMES: &[(&str, &[&str])] = &[
    ("brn", &["kr:brn", "brn", "bizno", "kr:brno"]),
    ("dure", &["dure"]),
    ("duns", &["duns", "0060", "edifact:1", "x12:01"]),
    ("gln", &["gln", "0088", "edifact:14", "edifact:9", "x12:ul", "ean"]),
    ("vat", &["vat", "kr:vat"]),
];

impl PartyId {
    /// From a scheme in any of its spellings (`0088`, `GLN`, `edifact:14`) and a value.
    pub fn new(scheme: &str, value: &str) -> PartyId {
        let lower = scheme.trim().to_ascii_lowercase();
        let scheme = SCHEMES
            .iter()
            .find(|(_, spellings)| spellings.contains(&lower.as_str()))
            .map_or(lower, |(ours, _)| (*ours).to_owned());
        let value = value.trim();
        let value = if matches!(scheme.as_str(), "brn" | "gln" | "duns") {
            value.chars().filter(|c| !matches!(c, '-' | ' ')).collect()
        } else {
            value.to_owned()
        };
        PartyId { scheme, value }
    }

    /// The EDIFACT partner identification code qualifier (0007) of its scheme.
    pub fn edifact_qualifier(&self) -> Option<&'static str> {
        match self.scheme.as_str() {
            "gln" => Some("14"),
            "duns" => Some("1"),
            "brn" | "dure" => Some("ZZ"),
            _ => None,
        }
    }
}

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme.is_empty() { f.write_str(&self.value) } else { write!(f, "{}:{}", self.scheme, self.value) }
    }
}

impl FromStr for PartyId {
    type Err = String;

    fn from_str(text: &str) -> Result<PartyId, String> {
        let (scheme, value) = text
            .rsplit_once(':')
            .ok_or_else(|| format!("write {text} as scheme:value, for example gln:8801234500012"))?;
        if value.trim().is_empty() || scheme.trim().is_empty() {
            return Err(format!("write {text} as scheme:value, for example gln:8801234500012"));
        }
        Ok(PartyId::new(scheme, value))
    }
}

impl Serialize for PartyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PartyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PartyId, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::PartyId;

    #[test]
    fn one_spelling_for_all_formats() {
        let gln = PartyId::new("gln", "8801234500012");
        assert_eq!(PartyId::new("0088", "8801234500012"), gln);
        assert_eq!(PartyId::new("edifact:14", " 8801234500012"), gln);
        assert_eq!("GLN:8801234500012".parse(), Ok(gln));
        assert_eq!(PartyId::new("KR:BRN", "123-45-67891").to_string(), "brn:1234567891");
        assert!("8801234500012".parse::<PartyId>().is_err());
    }
}
