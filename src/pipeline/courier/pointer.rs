//! Where something stands in a courier's body, and how its times are written.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer};

/// Where a pointer starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum From {
    /// At the event.
    Event,
    /// At what the event's list stands in (`^` in front): the parcel of a list of parcels with events.
    Outer,
    /// At the body (`$` in front).
    Body,
}

/// A JSON pointer (RFC 6901), from the event, from what is around its list, or from the body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pointer {
    /// Where it starts.
    pub from: From,
    /// `/a/b`, or empty for the whole.
    pub path: String,
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

impl TimeFormat {
    /// A time as RFC 3339 with its offset; none if it is not written so, or does not exist in its zone.
    pub fn read(&self, zone: Tz, text: &str) -> Option<String> {
        let utc = match self {
            TimeFormat::Rfc3339 => return DateTime::parse_from_rfc3339(text).ok().map(|_| text.to_owned()),
            TimeFormat::EpochS => DateTime::from_timestamp(text.parse().ok()?, 0)?,
            TimeFormat::EpochMs => DateTime::from_timestamp_millis(text.parse().ok()?)?,
            TimeFormat::Pattern(pattern) => {
                let local = NaiveDateTime::parse_from_str(text, pattern).ok()?;
                // Of an hour that comes twice the first is meant: couriers report at once.
                zone.from_local_datetime(&local).earliest()?.to_utc()
            }
        };
        Some(utc.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::AutoSi, false))
    }

    /// The way back; a time that is none stays as it is.
    pub fn write(&self, zone: Tz, text: &str) -> String {
        let Ok(at) = DateTime::parse_from_rfc3339(text) else { return text.to_owned() };
        match self {
            TimeFormat::Rfc3339 => text.to_owned(),
            TimeFormat::EpochS => at.timestamp().to_string(),
            TimeFormat::EpochMs => at.timestamp_millis().to_string(),
            TimeFormat::Pattern(pattern) => at.with_timezone(&zone).format(pattern).to_string(),
        }
    }

    /// What one looks like, for findings.
    pub fn example(&self) -> &str {
        match self {
            TimeFormat::Rfc3339 => "RFC 3339, such as 2026-11-24T09:00:00+09:00",
            TimeFormat::EpochS => "seconds since 1970",
            TimeFormat::EpochMs => "milliseconds since 1970",
            TimeFormat::Pattern(pattern) => pattern,
        }
    }
}

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pointer, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (from, path) = match (text.strip_prefix('$'), text.strip_prefix('^')) {
            (Some(path), _) => (From::Body, path),
            (None, Some(path)) => (From::Outer, path),
            (None, None) => (From::Event, text.as_str()),
        };
        // RFC 6901 section 3: ~ is followed by 0 or 1.
        let escapes = path.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if escapes && (path.is_empty() || path.starts_with('/')) {
            Ok(Pointer { from, path: path.to_owned() })
        } else {
            Err(serde::de::Error::custom(format!("{text} is no JSON pointer, such as /status/code or $/waybill")))
        }
    }
}

impl<'de> Deserialize<'de> for TimeFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TimeFormat, D::Error> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// One event of that time in that format is at that instant.
    fn check(format: &TimeFormat, zone: Tz, written: &str, expected: Option<&str>) {
        assert_eq!(format.read(zone, written).as_deref(), expected, "{format:?} {written}");
        if let Some(expected) = expected {
            assert_eq!(format.write(zone, expected), written, "{format:?} back");
        }
    }

    #[test]
    fn times() {
        let seoul = Tz::Asia__Seoul;
        check(&TimeFormat::Rfc3339, seoul, "2026-11-24T09:00:00+09:00", Some("2026-11-24T09:00:00+09:00"));
        check(&TimeFormat::Rfc3339, seoul, "2026-11-24 09:00", None);
        check(&TimeFormat::EpochS, seoul, "1767225600", Some("2026-01-01T09:00:00+09:00"));
        check(&TimeFormat::EpochMs, seoul, "1767225600250", Some("2026-01-01T09:00:00.250+09:00"));
        check(&TimeFormat::EpochS, seoul, "99999999999999999", None);
        let local = TimeFormat::Pattern("%Y%m%d%H%M%S".to_owned());
        check(&local, seoul, "20261124090000", Some("2026-11-24T09:00:00+09:00"));
        check(&local, seoul, "20261324090000", None);
        check(&local, Tz::Europe__Berlin, "20260329023000", None);
        check(&local, Tz::Europe__Berlin, "20261025023000", Some("2026-10-25T02:30:00+02:00"));
    }
}
