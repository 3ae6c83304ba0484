//! A courier's profile: the TOML file, checked when it is loaded.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use chrono_tz::Tz;
use serde::{Deserialize, Deserializer};

use super::body::BodyFormat;
use super::booking::Booking;
use super::fetch::Fetch;
use super::pointer::{Pointer, TimeFormat};
use super::signing::Signing;
use super::words::{Wording, Words};
use crate::error::{Error, Result};
use crate::model::parcel_status::ParcelStatus;

/// The profiles that are compiled in.
const BUILT_IN: &[(&str, &str)] = &[
    ("easypost", include_str!("../../../mappings/couriers/easypost.toml")),
    ("korea", include_str!("../../../mappings/couriers/korea.toml")),
    ("sample-courier", include_str!("../../../mappings/couriers/sample-courier.toml")),
    ("tracker-delivery", include_str!("../../../mappings/couriers/tracker-delivery.toml")),
];

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
    /// What its bodies are written in.
    #[serde(default)]
    pub body: BodyFormat,
    /// How it proves that it is itself.
    pub signing: Signing,
    /// Where the number stands in a callback that says nothing else: the courier is then asked what happened.
    pub hint: Option<Hint>,
    /// Where things stand in the body.
    #[serde(default)]
    pub report: Report,
    /// Where things stand in one event.
    pub event: Event,
    /// How the courier is asked.
    pub fetch: Option<Fetch>,
    /// How parcels are booked with it.
    pub booking: Option<Booking>,
    /// Where people follow a parcel: a URL with `{waybill}`.
    #[serde(default)]
    pub tracking_link: String,
    /// Its codes in our words.
    #[serde(default)]
    pub codes: BTreeMap<String, ParcelStatus>,
    /// Its wordings in our words.
    #[serde(default)]
    pub wordings: Vec<Wording>,
    /// Codes and wordings of the carriers that it speaks for, by the name in `event.carrier`. One that is named here is read
    /// by its own tables alone: the same code means different things to different carriers.
    #[serde(default)]
    pub carriers: BTreeMap<String, Words>,
    /// Words of doubt: a wording that is known by a part of it is unknown if one of these stands in the rest.
    #[serde(default)]
    pub doubt: Vec<String>,
    /// `codes` and `wordings` together.
    #[serde(skip)]
    own: Words,
}

/// What a callback says that is only a hint.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    /// Waybill number.
    pub waybill: Pointer,
    /// The carrier, for a courier that speaks for several.
    pub carrier: Option<Pointer>,
}

/// Where things stand in the body.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Report {
    /// The courier's number of the report.
    pub id: Option<Pointer>,
    /// The list of events; none: the body is one event. A step `*` means each of a list: `/parcels/*/events`.
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
    /// What happened in words; where it is named, the code may be missing.
    pub wording: Option<Pointer>,
    /// The carrier, for a courier that speaks for several.
    pub carrier: Option<Pointer>,
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
        let mut profile: Profile = toml::from_str(text).map_err(|error| Error::config(error.to_string()))?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if profile.name.is_empty() || !profile.name.chars().all(plain) {
            return Err(Error::config(format!("name {:?}: use small letters, digits and hyphens", profile.name)));
        }
        profile.own = Words { codes: profile.codes.clone(), wordings: profile.wordings.clone() };
        let empty = |words: &Words| words.codes.is_empty() && words.wordings.is_empty();
        if empty(&profile.own) && profile.carriers.values().all(empty) {
            return Err(Error::config("[codes] is empty"));
        }
        match &profile.fetch {
            Some(fetch) => fetch.check().map_err(|wrong| Error::config(format!("[fetch] {wrong}")))?,
            None if profile.hint.is_some() => {
                return Err(Error::config("[hint] needs [fetch]: a hint says nothing by itself"));
            }
            None => {}
        }
        if let Some(booking) = &profile.booking {
            booking.check().map_err(|wrong| Error::config(format!("[booking] {wrong}")))?;
        }
        let link = &profile.tracking_link;
        let follows = link.starts_with("https://") && link.contains("{waybill}");
        if !link.is_empty() && !follows {
            return Err(Error::config("tracking_link begins with https:// and names {waybill}"));
        }
        Ok(profile)
    }

    /// Where people follow that parcel; none if the profile does not say.
    pub fn tracking_link(&self, waybill: &str) -> Option<String> {
        (!self.tracking_link.is_empty() && !waybill.is_empty())
            .then(|| self.tracking_link.replace("{waybill}", &crate::format::template::percent(waybill)))
    }

    /// What the courier's code means; `Unknown` if the table does not say.
    pub fn status(&self, code: &str) -> ParcelStatus {
        self.meaning("", code, "")
    }

    /// What a carrier's code or wording means.
    pub fn meaning(&self, carrier: &str, code: &str, wording: &str) -> ParcelStatus {
        self.carriers.get(carrier).unwrap_or(&self.own).meaning(code, wording, &self.doubt)
    }

    /// The courier's first code of that meaning; of one without codes of its own, that of its first carrier, with its name.
    pub fn code(&self, status: ParcelStatus) -> Option<(&str, &str)> {
        let tables =
            std::iter::once(("", &self.own)).chain(self.carriers.iter().map(|(name, words)| (name.as_str(), words)));
        let mut found = tables.filter_map(|(carrier, words)| {
            let code = words.codes.iter().find(|(_, word)| **word == status)?.0;
            Some((carrier, code.as_str()))
        });
        found.next()
    }

    /// Where things stand in what the courier answers when it is asked.
    pub fn answer(&self) -> (&Report, &Event) {
        let own = self.fetch.as_ref();
        let report = own.and_then(|fetch| fetch.report.as_ref()).unwrap_or(&self.report);
        (report, own.and_then(|fetch| fetch.event.as_ref()).unwrap_or(&self.event))
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
    use super::super::pointer::From;
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
        assert_eq!((profile.code(ParcelStatus::Delivered), profile.code(ParcelStatus::Lost)), (Some(("", "A")), None));
        assert_eq!(profile.event.waybill, Pointer { from: From::Body, path: "/w".to_owned() });
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
        refused("[event]", "[hint]\nwaybill = \"/w\"\n[event]", "[hint] needs [fetch]");
        refused("[event]", "[fetch]\naddress = \"https://courier.example/\"\n[event]", "{waybill}");
        refused("[event]", "[fetch]\naddress = \"ftp://courier.example/{waybill}\"\n[event]", "https://");
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
