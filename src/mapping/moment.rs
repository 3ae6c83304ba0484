//! Dates and times of EDIFACT: the value 2380 in the format 2379 (UN/EDIFACT D.96A), to and from ISO dates and times.
//! Read are the formats that name a day or a span of days; weeks, months and counts of days are left to `unmapped`.
//! Written are 102, 203, 204 and 718. Left out: the zones of 301 to 304, which have no agreed meaning.

use crate::model::record::{Date, Time};

/// A day with or without a time of day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Moment {
    pub(super) date: Date,
    pub(super) time: Time,
}

/// Formats of one moment: code and picture (C century and year, Y year, M month, D day, h, m, s).
const PICTURES: &[(&str, &str)] = &[
    ("2", "DDMMYY"),
    ("3", "MMDDYY"),
    ("4", "DDMMCCCC"),
    ("101", "YYMMDD"),
    ("102", "CCCCMMDD"),
    ("201", "YYMMDDhhmm"),
    ("202", "YYMMDDhhmmss"),
    ("203", "CCCCMMDDhhmm"),
    ("204", "CCCCMMDDhhmmss"),
];

/// Formats of two moments: code, picture of each, whether a hyphen stands between.
const SPANS: &[(&str, &str, bool)] =
    &[("711", "CCCCMMDD", false), ("713", "YYMMDDhhmm", false), ("717", "YYMMDD", true), ("718", "CCCCMMDD", true)];

/// Whether values of that format can be read at all.
pub(super) fn knows(format: &str) -> bool {
    format.is_empty()
        || PICTURES.iter().any(|(code, _)| *code == format)
        || SPANS.iter().any(|(code, ..)| *code == format)
}

/// Reads a moment; without a format by its length.
pub(super) fn read(value: &str, format: &str) -> Option<Moment> {
    let format = match (format, value.len()) {
        ("", 6) => "101",
        ("", 8) => "102",
        ("", 12) => "203",
        ("", 14) => "204",
        _ => format,
    };
    let (_, picture) = PICTURES.iter().find(|(code, _)| *code == format)?;
    one(value, picture)
}

/// Reads two moments.
pub(super) fn read_span(value: &str, format: &str) -> Option<(Moment, Moment)> {
    let (_, picture, hyphen) = SPANS.iter().find(|(code, _, _)| *code == format)?;
    let (start, end) = if *hyphen { value.split_once('-')? } else { value.split_at_checked(value.len() / 2)? };
    Some((one(start, picture)?, one(end, picture)?))
}

fn one(value: &str, picture: &str) -> Option<Moment> {
    if value.len() != picture.len() || !value.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (mut year, mut short, mut month, mut day) = (0_i32, None, 0_u32, 0_u32);
    let (mut clock, mut timed) = ([0_u32; 3], false);
    for (digit, place) in value.bytes().zip(picture.bytes()) {
        let digit = u32::from(digit - b'0');
        match place {
            b'C' => year = year * 10 + i32::try_from(digit).ok()?,
            b'Y' => short = Some(short.unwrap_or(0) * 10 + i32::try_from(digit).ok()?),
            b'M' => month = month * 10 + digit,
            b'D' => day = day * 10 + digit,
            other => {
                let part = clock.get_mut(b"hms".iter().position(|&p| p == other)?)?;
                *part = *part * 10 + digit;
                timed = true;
            }
        }
    }
    if let Some(short) = short {
        // ISO 9735 has no rule; the usual window.
        year = if short < 50 { 2000 + short } else { 1900 + short };
    }
    let date = chrono::NaiveDate::from_ymd_opt(year, month, day)?;
    let [h, m, s] = clock;
    if h > 23 || m > 59 || s > 59 {
        return None;
    }
    let time = if timed { format!("{h:02}:{m:02}:{s:02}") } else { String::new() };
    Some(Moment { date: Date(date.format("%Y-%m-%d").to_string()), time: Time(time) })
}

/// A moment as it is written.
pub(super) struct Written {
    pub(super) value: String,
    pub(super) format: &'static str,
    /// Whether the time had more to say than was written: fractions, a zone.
    pub(super) shortened: bool,
}

/// Writes a moment; none when the date is none.
pub(super) fn write(date: &str, time: &str) -> Option<Written> {
    let mut value = day(date)?;
    // A zone behind a date is as lost as one behind a time.
    let zoned = date.len() > 10;
    if time.is_empty() {
        return Some(Written { value, format: "102", shortened: zoned });
    }
    let Some((h, m, s, rest)) = clock(time) else { return Some(Written { value, format: "102", shortened: true }) };
    value.push_str(h);
    value.push_str(m);
    let format = if s == "00" {
        "203"
    } else {
        value.push_str(s);
        "204"
    };
    Some(Written { value, format, shortened: zoned || !rest.is_empty() })
}

/// Writes two days.
pub(super) fn write_span(start: &str, end: &str) -> Option<Written> {
    let value = format!("{}-{}", day(start)?, day(end)?);
    Some(Written { value, format: "718", shortened: start.len() > 10 || end.len() > 10 })
}

fn day(date: &str) -> Option<String> {
    let parsed = chrono::NaiveDate::parse_from_str(date.get(..10)?, "%Y-%m-%d").ok()?;
    let text = parsed.format("%Y%m%d").to_string();
    (text.len() == 8).then_some(text)
}

/// Hours, minutes, seconds and what follows them.
fn clock(time: &str) -> Option<(&str, &str, &str, &str)> {
    let (h, m) = (time.get(..2)?, time.get(3..5)?);
    let (s, rest) = match time.get(5..6) {
        Some(":") => (time.get(6..8)?, time.get(8..)?),
        _ => ("00", time.get(5..)?),
    };
    let two =
        |text: &str, most: u8| text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u8>().is_ok_and(|n| n <= most);
    (two(h, 23) && two(m, 59) && two(s, 59) && time.get(2..3) == Some(":")).then_some((h, m, s, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, format: &str, date: &str, time: &str) {
        let found = read(value, format).map(|moment| (moment.date.0, moment.time.0));
        let expected = (!date.is_empty()).then(|| (date.to_owned(), time.to_owned()));
        assert_eq!(found, expected, "{value}:{format}");
    }

    #[test]
    fn reads_the_formats_of_a_day() {
        check("20260131", "102", "2026-01-31", "");
        check("20260131", "", "2026-01-31", "");
        check("202601312359", "203", "2026-01-31", "23:59:00");
        check("20260131235907", "204", "2026-01-31", "23:59:07");
        check("260131", "101", "2026-01-31", "");
        check("991231", "101", "1999-12-31", "");
        check("310126", "2", "2026-01-31", "");
        check("20260230", "102", "", "");
        check("202605", "610", "", "");
        check("2026013124", "102", "", "");
        check("202601312460", "203", "", "");
    }

    #[test]
    fn reads_spans() {
        let (start, end) = read_span("20260101-20260131", "718").unwrap();
        assert_eq!((start.date.0.as_str(), end.date.0.as_str()), ("2026-01-01", "2026-01-31"));
        assert!(read_span("2026010120260131", "711").is_some());
        assert!(read_span("2026010120260131", "718").is_none());
        assert!(read_span("하나둘", "711").is_none());
    }

    #[test]
    fn writes_what_it_reads() {
        for (date, time, value, format) in [
            ("2026-01-31", "", "20260131", "102"),
            ("2026-01-31", "08:05:00", "202601310805", "203"),
            ("2026-01-31", "08:05:09", "20260131080509", "204"),
        ] {
            let written = write(date, time).unwrap();
            assert_eq!((written.value.as_str(), written.format, written.shortened), (value, format, false));
            let back = read(&written.value, written.format).unwrap();
            assert_eq!((back.date.0.as_str(), back.time.0.as_str()), (date, time));
        }
        assert!(write("2026-01-31", "08:05:09+09:00").unwrap().shortened);
        assert!(write("2026-01-31", "soon").unwrap().shortened);
        assert!(write("tomorrow", "").is_none());
    }
}
