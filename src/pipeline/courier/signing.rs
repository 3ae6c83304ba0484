//! How a courier proves that it is itself: what the profile says of it. The proof itself is the transport's.

use serde::{Deserialize, Deserializer};

/// How a courier signs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Signing {
    /// The three headers of Standard Webhooks.
    StandardWebhooks,
    /// HMAC-SHA-256 in a header.
    Hmac(Hmac),
    /// `Authorization: Basic` (RFC 7617); the secret is `USER:PASSWORD`.
    Basic,
    /// The secret is the last step of the path it calls, for couriers that only take an address.
    Path,
    /// A client certificate that is registered for it, as for partners.
    Certificate,
}

/// HMAC-SHA-256 in a header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hmac {
    /// The header that carries the signature.
    pub header: String,
    /// What stands before the signature in it: `sha256=`.
    pub prefix: String,
    /// How the signature is written.
    pub encoding: Encoding,
    /// What is signed, in order.
    pub signed: Vec<Part>,
    /// The header with the time of the call, if there is one.
    pub timestamp: Option<Timestamp>,
    /// The header with the call's id, the same when it is repeated; empty for none.
    pub id_header: String,
}

/// The time stamp of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timestamp {
    /// Its header.
    pub header: String,
    /// Milliseconds in one of its units: 1 or 1000.
    pub unit_ms: i64,
    /// How far it may be from now, either way, milliseconds.
    pub tolerance_ms: i64,
}

/// How a signature is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Hexadecimal, small or capital letters.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}

/// A part of what is signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// This text.
    Text(String),
    /// The time stamp as in its header.
    Timestamp,
    /// The call's id as in its header.
    Id,
    /// `POST`.
    Method,
    /// The path that was called.
    Path,
    /// The body.
    Body,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Word(String),
    Table(Table),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    kind: String,
    #[serde(default)]
    header: String,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    encoding: Encoding,
    #[serde(default)]
    signed: String,
    #[serde(default)]
    timestamp_header: String,
    #[serde(default)]
    timestamp_unit: String,
    #[serde(default)]
    tolerance_s: Option<u32>,
    #[serde(default)]
    id_header: String,
}

const KINDS: &str = "standard-webhooks, basic, path, certificate, or a table with kind = \"hmac-sha256\"";

impl<'de> Deserialize<'de> for Signing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Signing, D::Error> {
        let wrong = |text: String| serde::de::Error::custom(text);
        match Written::deserialize(deserializer).map_err(|_| wrong(format!("signing is one of {KINDS}")))? {
            Written::Word(word) => match word.as_str() {
                "standard-webhooks" => Ok(Signing::StandardWebhooks),
                "basic" => Ok(Signing::Basic),
                "path" => Ok(Signing::Path),
                "certificate" => Ok(Signing::Certificate),
                _ => Err(wrong(format!("signing = {word:?}: there are {KINDS}"))),
            },
            Written::Table(table) => table.hmac().map(Signing::Hmac).map_err(|text| wrong(format!("signing: {text}"))),
        }
    }
}

impl Table {
    fn hmac(self) -> Result<Hmac, String> {
        if self.kind != "hmac-sha256" {
            return Err(format!("kind = {:?}: there is hmac-sha256", self.kind));
        }
        let name = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        for header in [&self.header, &self.timestamp_header, &self.id_header] {
            if !header.is_empty() && !name(header) {
                return Err(format!("{header:?} is no name of a header"));
            }
        }
        if self.header.is_empty() {
            return Err("header is missing: the one that carries the signature".to_owned());
        }
        let stamped = !self.timestamp_header.is_empty();
        let usual = if stamped { "{timestamp}.{body}" } else { "{body}" };
        let signed = parts(if self.signed.is_empty() { usual } else { &self.signed })?;
        let has = |part: &Part| signed.contains(part);
        if !has(&Part::Body) {
            return Err("signed does not name {body}: anybody could change it".to_owned());
        }
        // A time stamp that is not signed proves nothing, and one that is signed must be read from somewhere.
        if has(&Part::Timestamp) != stamped {
            return Err("{timestamp} in signed and timestamp_header go together".to_owned());
        }
        if has(&Part::Id) && self.id_header.is_empty() {
            return Err("{id} in signed needs id_header".to_owned());
        }
        let unit_ms = match self.timestamp_unit.as_str() {
            "" | "s" => 1000,
            "ms" => 1,
            other => return Err(format!("timestamp_unit = {other:?}: there are s and ms")),
        };
        let tolerance_s = self.tolerance_s.unwrap_or(300);
        if !(1..=86_400).contains(&tolerance_s) {
            return Err(format!("tolerance_s = {tolerance_s} is not from 1 to 86400"));
        }
        let header = self.timestamp_header;
        let timestamp = stamped.then(|| Timestamp { header, unit_ms, tolerance_ms: i64::from(tolerance_s) * 1000 });
        Ok(Hmac {
            header: self.header,
            prefix: self.prefix,
            encoding: self.encoding,
            signed,
            timestamp,
            id_header: self.id_header,
        })
    }
}

/// `{timestamp}.{body}` in parts.
fn parts(template: &str) -> Result<Vec<Part>, String> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, after) = behind.split_once('}').ok_or_else(|| format!("signed = {template:?}: }} is missing"))?;
        if !before.is_empty() {
            found.push(Part::Text(before.to_owned()));
        }
        found.push(match name {
            "timestamp" => Part::Timestamp,
            "id" => Part::Id,
            "method" => Part::Method,
            "path" => Part::Path,
            "body" => Part::Body,
            _ => return Err(format!("signed = {template:?}: there are timestamp, id, method, path and body")),
        });
        rest = after;
    }
    if !rest.is_empty() {
        found.push(Part::Text(rest.to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Debug)]
    struct File {
        signing: Signing,
    }

    fn refused(text: &str, expected: &str) {
        let error = toml::from_str::<File>(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn ways_to_sign() {
        let read = |text: &str| toml::from_str::<File>(text).unwrap().signing;
        assert_eq!(read("signing = \"basic\""), Signing::Basic);
        assert_eq!(read("signing = \"path\""), Signing::Path);
        assert_eq!(read("signing = \"certificate\""), Signing::Certificate);
        let Signing::Hmac(plain) = read("[signing]\nkind = \"hmac-sha256\"\nheader = \"X-Sig\"") else { panic!() };
        assert_eq!((plain.signed.as_slice(), plain.timestamp), ([Part::Body].as_slice(), None));
        let text = "[signing]\nkind = \"hmac-sha256\"\nheader = \"X-Sig\"\nencoding = \"base64\"\n\
            timestamp_header = \"X-Time\"\ntimestamp_unit = \"ms\"\ntolerance_s = 60\nsigned = \"{timestamp}:{method}{path}{body}\"";
        let Signing::Hmac(stamped) = read(text) else { panic!() };
        let colon = Part::Text(":".to_owned());
        assert_eq!(stamped.signed, [Part::Timestamp, colon, Part::Method, Part::Path, Part::Body]);
        let expected = Timestamp { header: "X-Time".to_owned(), unit_ms: 1, tolerance_ms: 60_000 };
        assert_eq!((stamped.encoding, stamped.timestamp), (Encoding::Base64, Some(expected)));
    }

    #[test]
    fn what_would_prove_nothing_is_refused() {
        let hmac = |more: &str| format!("[signing]\nkind = \"hmac-sha256\"\n{more}");
        refused("signing = \"trust-me\"", "standard-webhooks");
        refused("signing = 7", "standard-webhooks");
        refused(&hmac(""), "header is missing");
        refused(&hmac("header = \"a b\""), "no name of a header");
        refused(&hmac("header = \"X\"\nsigned = \"{timestamp}\""), "{body}");
        refused(&hmac("header = \"X\"\nsigned = \"{timestamp}{body}\""), "go together");
        refused(&hmac("header = \"X\"\ntimestamp_header = \"T\"\nsigned = \"{body}\""), "go together");
        refused(&hmac("header = \"X\"\nsigned = \"{id}{body}\""), "id_header");
        refused(&hmac("header = \"X\"\nsigned = \"{who}{body}\""), "there are timestamp");
        refused(&hmac("header = \"X\"\nsigned = \"{body\""), "is missing");
        refused(&hmac("header = \"X\"\ntimestamp_header = \"T\"\ntolerance_s = 0"), "tolerance_s");
        refused(&hmac("header = \"X\"\ntimestamp_header = \"T\"\ntimestamp_unit = \"d\""), "timestamp_unit");
        refused("[signing]\nkind = \"md5\"", "hmac-sha256");
    }
}
