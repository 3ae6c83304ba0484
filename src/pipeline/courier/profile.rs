//! A courier's profile: the TOML file, checked when it is loaded.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use chrono_tz::Tz;
use serde::{Deserialize, Deserializer};

use crate::error::{Error, Result};
use crate::model::parcel_status::ParcelStatus;

/// The profiles that are compiled in.
const BUILT_IN: &[(&str, &str)] = &[("sample-courier", include_str!("../../../mappings/couriers/sample-courier.toml"))];

/// The largest profile that is read, bytes.
const LARGEST_FILE: u64 = 1 << 20;

/// What is known of a courier's callbacks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The last part of the path it calls: small letters, digits and hyphens.
    pub name: String,
    /// What people call it.
    #[serde(default)]
    pub title: String,
    /// How it proves that it is itself.
    pub signing: Signing,
    /// Where things stand in the body.
    #[serde(default)]
    pub report: Report,
    /// Where things stand in one event.
    pub event: Event,
    /// Its codes in our words.
    pub codes: BTreeMap<String, ParcelStatus>,
}

/// How a courier signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signing {
    /// The three headers of Standard Webhooks.
    StandardWebhooks,
}

/// Where things stand in the body.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Report {
    /// The courier's number of the report.
    pub id: Option<Pointer>,
    /// The list of events; none: the body is one event.
    pub events: Option<Pointer>,
}

/// Where things stand in one event.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Waybill number.
    pub waybill: Pointer,
    /// The courier's code of what happened.
    pub code: Pointer,
    /// When it happened.
    pub time: Pointer,
    /// The courier's sequence number.
    pub sequence: Option<Pointer>,
    /// Where it happened.
    pub place: Option<Pointer>,
    /// Who took the parcel.
    pub receiver: Option<Pointer>,
    /// Remark.
    pub note: Option<Pointer>,
    /// How times are written.
    #[serde(default)]
    pub time_format: TimeFormat,
    /// The zone of times that do not say theirs.
    #[serde(default = "seoul", deserialize_with = "zone")]
    pub zone: Tz,
}

/// How times are written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum TimeFormat {
    /// With offset: `2026-11-24T09:00:00+09:00`.
    #[default]
    Rfc3339,
    /// Seconds since 1970.
    EpochS,
    /// Milliseconds since 1970.
    EpochMs,
    /// A pattern of local time in the notation of strftime.
    Pattern(String),
}

/// A JSON pointer (RFC 6901), from the event, or from the body where it is written with `$` in front.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pointer {
    /// Whether it starts at the body.
    pub from_body: bool,
    /// `/a/b`, or empty for the whole.
    pub path: String,
}

/// All couriers of a hub, by name.
#[derive(Clone, Debug, Default)]
pub struct Couriers {
    profiles: BTreeMap<String, Profile>,
}

impl Couriers {
    /// The built-in ones and those of these files; a file takes the place of a built-in one of its name.
    pub fn load(files: &[PathBuf]) -> Result<Couriers> {
        let mut couriers = Couriers::default();
        for (name, text) in BUILT_IN {
            couriers.add(Profile::parse(text).map_err(|error| error.context(name))?);
        }
        for file in files {
            let wrong = |error: std::io::Error| Error::config(format!("read {}", file.display())).caused_by(error);
            let mut text = String::new();
            let open = std::fs::File::open(file).map_err(wrong)?;
            open.take(LARGEST_FILE).read_to_string(&mut text).map_err(wrong)?;
            couriers.add(Profile::parse(&text).map_err(|error| error.context(file.display()))?);
        }
        Ok(couriers)
    }

    fn add(&mut self, profile: Profile) {
        self.profiles.insert(profile.name.clone(), profile);
    }

    /// The courier of that name.
    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.profiles.values()
    }
}

impl Profile {
    /// From the text of its file; what is wrong is named with line and column.
    pub fn parse(text: &str) -> Result<Profile> {
        let profile: Profile = toml::from_str(text).map_err(|error| Error::config(error.to_string()))?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if profile.name.is_empty() || !profile.name.chars().all(plain) {
            return Err(Error::config(format!("name {:?}: use small letters, digits and hyphens", profile.name)));
        }
        if profile.codes.is_empty() {
            return Err(Error::config("[codes] is empty"));
        }
        Ok(profile)
    }

    /// What the courier's code means; `Unknown` if the table does not say.
    pub fn status(&self, code: &str) -> ParcelStatus {
        self.codes.get(code.trim()).copied().unwrap_or(ParcelStatus::Unknown)
    }

    /// The courier's first code of that meaning.
    pub fn code(&self, status: ParcelStatus) -> Option<&str> {
        self.codes.iter().find(|(_, word)| **word == status).map(|(code, _)| code.as_str())
    }
}

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Pointer, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (from_body, path) = match text.strip_prefix('$') {
            Some(path) => (true, path),
            None => (false, text.as_str()),
        };
        // RFC 6901 section 3: ~ is followed by 0 or 1.
        let escapes = path.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if escapes && (path.is_empty() || path.starts_with('/')) {
            Ok(Pointer { from_body, path: path.to_owned() })
        } else {
            Err(serde::de::Error::custom(format!("{text} is no JSON pointer, such as /status/code or $/waybill")))
        }
    }
}

impl<'de> Deserialize<'de> for TimeFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<TimeFormat, D::Error> {
        use chrono::format::{Item, StrftimeItems};
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "rfc3339" => Ok(TimeFormat::Rfc3339),
            "epoch-s" => Ok(TimeFormat::EpochS),
            "epoch-ms" => Ok(TimeFormat::EpochMs),
            pattern if pattern.contains('%') && StrftimeItems::new(pattern).all(|item| item != Item::Error) => {
                Ok(TimeFormat::Pattern(text))
            }
            _ => Err(serde::de::Error::custom(format!(
                "{text} is no format of times: rfc3339, epoch-s, epoch-ms or a pattern such as %Y%m%d%H%M%S"
            ))),
        }
    }
}

fn seoul() -> Tz {
    Tz::Asia__Seoul
}

fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Tz, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map_err(|_| serde::de::Error::custom(format!("{name} is no time zone such as Asia/Seoul")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = \"a-1\"\nsigning = \"standard-webhooks\"\n\
        [event]\nwaybill = \"$/w\"\ncode = \"/c\"\ntime = \"/t\"\n[codes]\nA = \"delivered\"\nB = \"delivered\"\n";

    fn refused(from: &str, to: &str, expected: &str) {
        let text = GOOD.replace(from, to);
        assert_ne!(text, GOOD, "{from}");
        let error = Profile::parse(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_profile() {
        let profile = Profile::parse(GOOD).unwrap();
        assert_eq!((profile.status("A"), profile.status("Z")), (ParcelStatus::Delivered, ParcelStatus::Unknown));
        assert_eq!((profile.code(ParcelStatus::Delivered), profile.code(ParcelStatus::Lost)), (Some("A"), None));
        assert_eq!(profile.event.waybill, Pointer { from_body: true, path: "/w".to_owned() });
        assert_eq!(profile.event.time_format, TimeFormat::Rfc3339);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        refused("name", "nam", "line 1");
        refused("a-1", "A/1", "name");
        refused("standard-webhooks", "trust-me", "line 2");
        refused("\"/c\"", "\"c\"", "no JSON pointer");
        refused("\"/c\"", "\"/c~2\"", "no JSON pointer");
        refused("time =", "tyme =", "line 6");
        refused("A = \"delivered\"", "A = \"arrived\"", "arrived");
        refused("A = \"delivered\"\nB = \"delivered\"", "", "[codes]");
        refused("time = \"/t\"", "time = \"/t\"\ntime_format = \"%Q\"", "line 7");
        refused("time = \"/t\"", "time = \"/t\"\nzone = \"Mars\"", "line 7");
    }

    #[test]
    fn files_take_the_place_of_built_in_ones() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.toml");
        std::fs::write(&file, GOOD.replace("a-1", "sample-courier")).unwrap();
        let couriers = Couriers::load(&[file]).unwrap();
        assert_eq!(couriers.iter().count(), BUILT_IN.len());
        assert_eq!(couriers.get("sample-courier").unwrap().codes.len(), 2);
        for (name, _) in BUILT_IN {
            assert!(Couriers::load(&[]).unwrap().get(name).is_some());
        }
        let missing = Couriers::load(&[folder.path().join("none.toml")]).unwrap_err().to_string();
        assert!(missing.contains("none.toml"), "{missing}");
    }
}
