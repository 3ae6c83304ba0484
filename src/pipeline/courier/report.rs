//! A courier's report: from its JSON to our document by its profile, and back for the simulated courier and the tests.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, TimeZone};
use serde_json::{Map, Value};

use super::profile::{Pointer, Profile, TimeFormat};
use crate::document::transportation_status::{ParcelEvent, TransportationStatus};
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::model::parcel_status::ParcelStatus;
use crate::model::parts::Unmapped;

/// Events of one report.
const MOST_EVENTS: usize = 1000;
/// Values kept that the profile does not name.
const MOST_UNMAPPED: usize = 500;

/// What the body says, or everything that is wrong with it.
pub fn read(profile: &Profile, body: &[u8]) -> Result<TransportationStatus, Vec<Finding>> {
    let body: Value = serde_json::from_slice(body).map_err(|error| vec![syntax(&error)])?;
    let mut reading = Reading { body: &body, carried: Vec::new(), findings: Findings::default() };
    let places = reading.events(profile);
    let mut events = Vec::new();
    for base in places {
        if let Some(event) = reading.event(profile, &base) {
            events.push(event);
        }
    }
    let id = profile.report.id.as_ref().and_then(|pointer| reading.text(pointer, "")).unwrap_or_default();
    let unmapped = reading.unmapped(&format!("courier/1/{}", profile.name));
    if reading.findings.has_errors() {
        return Err(reading.findings.into_vec());
    }
    Ok(TransportationStatus { id, courier: profile.name.clone(), events, unmapped, ..TransportationStatus::default() })
}

/// A report as one for each waybill in it, numbered `A/1`, `A/2` where it has a number.
pub fn by_waybill(report: TransportationStatus) -> Vec<TransportationStatus> {
    let mut reports: Vec<TransportationStatus> = Vec::new();
    let TransportationStatus { id, courier, events, mut unmapped, .. } = report;
    for event in events {
        let same = |one: &&mut TransportationStatus| {
            one.events.first().is_some_and(|first| first.tracking_id == event.tracking_id)
        };
        match reports.iter_mut().find(same) {
            Some(report) => report.events.push(event),
            None => reports.push(TransportationStatus {
                courier: courier.clone(),
                events: vec![event],
                unmapped: std::mem::take(&mut unmapped),
                ..TransportationStatus::default()
            }),
        }
    }
    let several = reports.len() > 1;
    for (number, report) in (1..).zip(&mut reports).filter(|_| !id.is_empty()) {
        report.id = if several { format!("{id}/{number}") } else { id.clone() };
    }
    reports
}

struct Reading<'a> {
    body: &'a Value,
    /// Pointers from the body of everything that was taken.
    carried: Vec<String>,
    findings: Findings,
}

impl Reading<'_> {
    /// Pointers from the body to the events.
    fn events(&mut self, profile: &Profile) -> Vec<String> {
        let Some(list) = &profile.report.events else { return vec![String::new()] };
        let missing = |code| Finding::error(code, place(&list.path)).expected("events");
        match self.body.pointer(&list.path) {
            Some(Value::Array(items)) if items.len() > MOST_EVENTS => {
                let finding = missing(Code::TooManyLines).found(items.len().to_string());
                self.findings.push(finding.expected(MOST_EVENTS.to_string()));
                Vec::new()
            }
            Some(Value::Array(items)) if !items.is_empty() => {
                (0..items.len()).map(|index| format!("{}/{index}", list.path)).collect()
            }
            Some(Value::Array(_)) | None | Some(Value::Null) => {
                self.findings.push(missing(Code::Missing));
                Vec::new()
            }
            Some(other) => {
                self.findings.push(missing(Code::BadValue).found(other.to_string()).expected("a list of events"));
                Vec::new()
            }
        }
    }

    fn event(&mut self, profile: &Profile, base: &str) -> Option<ParcelEvent> {
        let at = &profile.event;
        let tracking_id = self.required(&at.waybill, base, "waybill");
        let courier_code = self.required(&at.code, base, "code");
        let time = self.required(&at.time, base, "time");
        let occurred_at = time.and_then(|text| {
            let found = instant(profile, &text);
            if found.is_none() {
                let finding = Finding::error(Code::BadValue, place(&whole(&at.time, base)));
                self.findings.push(finding.found(&text).expected(time_example(&at.time_format)));
            }
            found
        });
        let mut optional = |pointer: &Option<Pointer>| pointer.as_ref().and_then(|one| self.text(one, base));
        let (sequence, location) = (optional(&at.sequence), optional(&at.place).unwrap_or_default());
        let (received_by, note) = (optional(&at.receiver).unwrap_or_default(), optional(&at.note));
        let sequence = sequence.map(|text| text.parse::<u32>().map_err(|_| text)).transpose();
        let sequence = sequence.unwrap_or_else(|text| {
            // The order of events of one time is lost, nothing else.
            let at = at.sequence.as_ref().map_or_else(Place::default, |pointer| place(&whole(pointer, base)));
            self.findings.push(Finding::warning(Code::BadValue, at).found(text).expected("a whole number"));
            None
        });
        let courier_code = courier_code?;
        Some(ParcelEvent {
            tracking_id: tracking_id?,
            status: profile.status(&courier_code).as_str().to_owned(),
            courier_code,
            occurred_at: occurred_at?,
            sequence,
            location,
            address: None,
            received_by,
            notes: note.into_iter().collect(),
        })
    }

    fn required(&mut self, pointer: &Pointer, base: &str, what: &str) -> Option<String> {
        let errors = self.findings.as_slice().len();
        let found = self.text(pointer, base);
        if found.is_none() && self.findings.as_slice().len() == errors {
            self.findings.push(Finding::error(Code::Missing, place(&whole(pointer, base))).expected(what));
        }
        found
    }

    /// A text, a whole number or a truth value as text; none if it is not there or empty.
    fn text(&mut self, pointer: &Pointer, base: &str) -> Option<String> {
        let path = whole(pointer, base);
        let text = match self.body.pointer(&path)? {
            Value::Null => return None,
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) if !number.is_f64() => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            // A number with a fraction, or too long to be exact, is not what was sent any more.
            other => {
                let finding = Finding::error(Code::BadValue, place(&path));
                self.findings.push(finding.found(other.to_string()).expected("a text or a whole number"));
                return None;
            }
        };
        self.carried.push(path);
        (!text.is_empty()).then_some(text)
    }

    /// Every value that nothing above has taken, sorted by name.
    fn unmapped(&mut self, message: &str) -> Vec<Unmapped> {
        self.carried.sort_unstable();
        let mut kept = Vec::new();
        let mut waiting = vec![(String::new(), self.body)];
        while let Some((path, value)) = waiting.pop() {
            match value {
                Value::Object(fields) => {
                    let below = fields.iter().rev().map(|(name, value)| (format!("{path}/{}", escape(name)), value));
                    waiting.extend(below);
                }
                Value::Array(items) => {
                    let below = items.iter().enumerate().rev();
                    waiting.extend(below.map(|(index, value)| (format!("{path}/{index}"), value)));
                }
                Value::Null => {}
                scalar => {
                    let value = scalar.as_str().map_or_else(|| scalar.to_string(), str::to_owned);
                    if value.is_empty() || self.carried.binary_search(&path).is_ok() {
                        continue;
                    }
                    if kept.len() == MOST_UNMAPPED {
                        let most = MOST_UNMAPPED.to_string();
                        self.findings.push(Finding::error(Code::TooManyLines, place(&path)).expected(most));
                        break;
                    }
                    kept.push(Unmapped { message: message.to_owned(), place: path, value });
                }
            }
        }
        kept
    }
}

/// The body that says this, without what is `unmapped`; the way back of [`read`]. An event that carries no code of the
/// courier gets its first code of that status.
pub fn write(profile: &Profile, report: &TransportationStatus) -> Value {
    let mut body = Value::Object(Map::new());
    if let (Some(pointer), false) = (&profile.report.id, report.id.is_empty()) {
        set(&mut body, &pointer.path, Value::from(report.id.as_str()));
    }
    for (index, event) in report.events.iter().enumerate() {
        let base = profile.report.events.as_ref().map_or(String::new(), |list| format!("{}/{index}", list.path));
        let at = &profile.event;
        let mut put = |pointer: Option<&Pointer>, value: Value| {
            if let Some(pointer) = pointer
                && value != ""
            {
                set(&mut body, &whole(pointer, &base), value);
            }
        };
        let word = ParcelStatus::from_word(&event.status).and_then(|status| profile.code(status));
        let code = if event.courier_code.is_empty() { word.unwrap_or("") } else { &event.courier_code };
        put(Some(&at.waybill), event.tracking_id.as_str().into());
        put(Some(&at.code), code.into());
        put(Some(&at.time), written_time(profile, &event.occurred_at).into());
        put(at.sequence.as_ref(), event.sequence.map_or(Value::from(""), Value::from));
        put(at.place.as_ref(), event.location.as_str().into());
        put(at.receiver.as_ref(), event.received_by.as_str().into());
        put(at.note.as_ref(), event.notes.join(" ").into());
    }
    body
}

/// Puts a value at a pointer; steps that are numbers are places of lists.
fn set(body: &mut Value, path: &str, value: Value) {
    let mut here = body;
    for step in path.split('/').skip(1) {
        let name = step.replace("~1", "/").replace("~0", "~");
        here = match name.parse::<usize>() {
            Ok(index) if index < MOST_EVENTS => {
                if !here.is_array() {
                    *here = Value::Array(Vec::new());
                }
                let Value::Array(items) = here else { return };
                while items.len() <= index {
                    items.push(Value::Null);
                }
                let Some(item) = items.get_mut(index) else { return };
                item
            }
            _ => {
                if !here.is_object() {
                    *here = Value::Object(Map::new());
                }
                let Value::Object(fields) = here else { return };
                fields.entry(name).or_insert(Value::Null)
            }
        };
    }
    *here = value;
}

/// A time as RFC 3339 with its offset; none if it is not written as the profile says, or does not exist in its zone.
fn instant(profile: &Profile, text: &str) -> Option<String> {
    let zone = profile.event.zone;
    let utc = match &profile.event.time_format {
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
fn written_time(profile: &Profile, text: &str) -> String {
    let Ok(at) = DateTime::parse_from_rfc3339(text) else { return text.to_owned() };
    match &profile.event.time_format {
        TimeFormat::Rfc3339 => text.to_owned(),
        TimeFormat::EpochS => at.timestamp().to_string(),
        TimeFormat::EpochMs => at.timestamp_millis().to_string(),
        TimeFormat::Pattern(pattern) => at.with_timezone(&profile.event.zone).format(pattern).to_string(),
    }
}

fn time_example(format: &TimeFormat) -> &str {
    match format {
        TimeFormat::Rfc3339 => "RFC 3339, such as 2026-11-24T09:00:00+09:00",
        TimeFormat::EpochS => "seconds since 1970",
        TimeFormat::EpochMs => "milliseconds since 1970",
        TimeFormat::Pattern(pattern) => pattern,
    }
}

/// The pointer from the body.
fn whole(pointer: &Pointer, base: &str) -> String {
    if pointer.from_body { pointer.path.clone() } else { format!("{base}{}", pointer.path) }
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A pointer as other findings write paths: `events[2].status.code`, counted from 1.
fn place(pointer: &str) -> Place {
    let mut path = String::new();
    for step in pointer.split('/').skip(1) {
        match step.parse::<u64>() {
            Ok(index) => path.push_str(&format!("[{}]", index.saturating_add(1))),
            Err(_) if path.is_empty() => path.push_str(&step.replace("~1", "/").replace("~0", "~")),
            Err(_) => path.push_str(&format!(".{}", step.replace("~1", "/").replace("~0", "~"))),
        }
    }
    if path.is_empty() { Place::default() } else { Place::path(path) }
}

fn syntax(error: &serde_json::Error) -> Finding {
    let number = |n: usize| u32::try_from(n).ok().filter(|n| *n > 0);
    let place = Place { line: number(error.line()), column: number(error.column()), ..Place::default() };
    if error.is_eof() {
        Finding::error(Code::Truncated, place).expected("}")
    } else {
        Finding::error(Code::Syntax, place).found(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::finding::Language;

    fn profile(more: &str) -> Profile {
        let text = format!(
            "name = \"a\"\nsigning = \"standard-webhooks\"\n[report]\nevents = \"/list\"\nid = \"/no\"\n\
             [event]\nwaybill = \"$/parcel\"\ncode = \"/code\"\ntime = \"/at\"\nsequence = \"/n\"\nnote = \"/say\"\n{more}\n\
             [codes]\nDLV = \"delivered\"\n7 = \"in-transit\""
        );
        Profile::parse(&text).unwrap()
    }

    fn refused(body: &str, expected: &[&str]) {
        let findings = read(&profile(""), body.as_bytes()).unwrap_err();
        let told: Vec<_> =
            findings.iter().map(|f| format!("{} {} {}", f.code.as_str(), f.place, f.text(Language::En))).collect();
        for part in expected {
            assert!(told.iter().any(|one| one.contains(part)), "{part} not in {told:?}");
        }
        assert_eq!(told.len(), expected.len(), "{told:?}");
    }

    /// One event of that time in that format is at that instant.
    fn check_time(format: &str, written: &str, expected: Option<&str>) {
        let profile = profile(format);
        assert_eq!(instant(&profile, written).as_deref(), expected, "{format} {written}");
        if let Some(expected) = expected {
            assert_eq!(written_time(&profile, expected), written, "{format} back");
        }
    }

    #[test]
    fn a_report_with_what_no_field_carries() {
        let body = r#"{"no": 12, "parcel": "W1", "x~/y": [1.5, "", null, {"deep": true}],
            "list": [{"code": 7, "at": "2026-11-24T09:00:00+09:00", "n": 3, "say": " 대전 "},
                     {"code": "X", "at": "2026-11-24T10:00:00+09:00"}]}"#;
        let report = read(&profile(""), body.as_bytes()).unwrap();
        assert_eq!((report.id.as_str(), report.courier.as_str()), ("12", "a"));
        let [first, second] = report.events.as_slice() else { panic!("{report:?}") };
        assert_eq!((first.tracking_id.as_str(), first.status.as_str(), first.sequence), ("W1", "in-transit", Some(3)));
        assert_eq!((first.courier_code.as_str(), first.notes.as_slice()), ("7", ["대전".to_owned()].as_slice()));
        assert_eq!((second.status.as_str(), second.courier_code.as_str()), ("unknown", "X"));
        let kept: Vec<_> = report.unmapped.iter().map(|u| format!("{} {}={}", u.message, u.place, u.value)).collect();
        assert_eq!(kept, ["courier/1/a /x~0~1y/0=1.5", "courier/1/a /x~0~1y/3/deep=true"]);
    }

    #[test]
    fn everything_that_is_wrong_is_told() {
        refused("", &["truncated"]);
        refused("{\"list\": [", &["truncated line 1 column 10"]);
        refused("{]", &["syntax line 1 column 2"]);
        refused("{}", &["missing list"]);
        refused("[]", &["missing list"]);
        refused("{\"list\": []}", &["missing list"]);
        refused("{\"list\": 7}", &["bad-value list 7 is not a list"]);
        refused(
            r#"{"list": [{"code": "DLV", "at": "gestern"}, {"parcel": "x", "code": 1.5, "at": ""}]}"#,
            &[
                "missing parcel waybill is missing",
                "bad-value list[1].at gestern is not RFC 3339",
                "missing parcel waybill is missing",
                "bad-value list[2].code 1.5 is not",
                "missing list[2].at time is missing",
            ],
        );
        let many = format!("{{\"list\": [{}]}}", vec!["{}"; 1001].join(","));
        refused(&many, &["too-many-lines list more than 1000 lines"]);
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        refused(&deep, &["syntax"]);
        let wide = format!(
            "{{\"parcel\":\"W\",\"list\":[{{\"code\":1,\"at\":\"2026-11-24T09:00:00Z\"}}],\"x\":[{}]}}",
            vec!["1"; 501].join(",")
        );
        refused(&wide, &["too-many-lines"]);
    }

    #[test]
    fn a_wrong_sequence_loses_only_the_order() {
        let body = r#"{"parcel": "W", "list": [{"code": 7, "at": "2026-11-24T09:00:00Z", "n": -1}]}"#;
        assert_eq!(read(&profile(""), body.as_bytes()).unwrap().events[0].sequence, None);
    }

    #[test]
    fn times() {
        check_time("", "2026-11-24T09:00:00+09:00", Some("2026-11-24T09:00:00+09:00"));
        check_time("", "2026-11-24 09:00", None);
        check_time("time_format = \"epoch-s\"", "1767225600", Some("2026-01-01T09:00:00+09:00"));
        check_time("time_format = \"epoch-ms\"", "1767225600250", Some("2026-01-01T09:00:00.250+09:00"));
        check_time("time_format = \"epoch-s\"", "99999999999999999", None);
        let local = "time_format = \"%Y%m%d%H%M%S\"";
        check_time(local, "20261124090000", Some("2026-11-24T09:00:00+09:00"));
        check_time(local, "20261324090000", None);
        let berlin = "time_format = \"%Y%m%d%H%M%S\"\nzone = \"Europe/Berlin\"";
        check_time(berlin, "20260329023000", None);
        check_time(berlin, "20261025023000", Some("2026-10-25T02:30:00+02:00"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_is_read_again(
            id in "[a-z0-9]{0,8}",
            events in prop::collection::vec(
                ("[0-9]{1,14}", "DLV|7|[A-Z]{1,3}", 0i64..4_000_000_000, prop::option::of(0u32..9), "[가-힣]{0,4}"),
                1..5,
            ),
        ) {
            let couriers = super::super::Couriers::load(&[]).unwrap();
            let profile = couriers.get("sample-courier").unwrap();
            let events = events.into_iter().map(|(tracking_id, code, at_s, sequence, note)| ParcelEvent {
                tracking_id,
                status: profile.status(&code).as_str().to_owned(),
                courier_code: code,
                occurred_at: DateTime::from_timestamp(at_s, 0).unwrap().to_rfc3339(),
                sequence,
                notes: if note.is_empty() { Vec::new() } else { vec![note] },
                ..ParcelEvent::default()
            });
            let report = TransportationStatus {
                id,
                courier: profile.name.clone(),
                events: events.collect(),
                ..TransportationStatus::default()
            };
            prop_assert_eq!(read(profile, write(profile, &report).to_string().as_bytes()), Ok(report));
        }

        #[test]
        fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let couriers = super::super::Couriers::load(&[]).unwrap();
            if let Err(findings) = read(couriers.get("sample-courier").unwrap(), &body) {
                prop_assert!(!findings.is_empty());
            }
        }
    }
}
