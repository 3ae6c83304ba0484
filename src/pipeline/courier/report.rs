//! A courier's report: from its body to our document by its profile, and back for the simulated courier and the tests.

use serde_json::{Map, Value};

use super::pointer::{From, Pointer};
use super::profile::{Event, Hint, Profile, Report};
use crate::document::transportation_status::{ParcelEvent, TransportationStatus};
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::model::parcel_status::ParcelStatus;
use crate::model::parts::Unmapped;

/// Events of one report.
const MOST_EVENTS: usize = 1000;
/// Longest waybill number or name of a carrier in a hint, bytes.
const LONGEST_NAME: usize = 100;
/// Values kept that the profile does not name.
const MOST_UNMAPPED: usize = 500;

/// What a callback says, or everything that is wrong with it.
pub fn read(profile: &Profile, body: &[u8]) -> Result<TransportationStatus, Vec<Finding>> {
    read_by(profile, (&profile.report, &profile.event), body)
}

/// What the courier's answer to a question says, or everything that is wrong with it.
pub fn read_answer(profile: &Profile, body: &[u8]) -> Result<TransportationStatus, Vec<Finding>> {
    read_by(profile, profile.answer(), body)
}

/// Whether an answer names any event at all: a courier that has not seen the parcel yet answers with none.
pub fn says_something(profile: &Profile, body: &[u8]) -> bool {
    let Ok(body) = profile.body.read(body) else { return true };
    let mut reading = Reading::new(&body);
    let none = reading.events(profile.answer().0).is_empty();
    !none || reading.findings.as_slice().iter().any(|finding| finding.code != Code::Missing)
}

/// Carrier and waybill of a callback that is only a hint.
pub fn read_hint(profile: &Profile, hint: &Hint, body: &[u8]) -> Result<(String, String), Vec<Finding>> {
    let body = profile.body.read(body).map_err(|finding| vec![finding])?;
    let mut reading = Reading::new(&body);
    let waybill = reading.required(&hint.waybill, &Base::default(), "waybill");
    let carrier = hint.carrier.as_ref().and_then(|at| reading.required(at, &Base::default(), "carrier"));
    let long = [&waybill, &carrier].into_iter().flatten().find(|text| text.len() > LONGEST_NAME);
    if let Some(long) = long {
        let finding = Finding::error(Code::TooLong, Place::default()).found(long);
        reading.findings.push(finding.expected(LONGEST_NAME.to_string()));
    }
    match waybill {
        Some(waybill) if !reading.findings.has_errors() => Ok((carrier.unwrap_or_default(), waybill)),
        _ => Err(reading.findings.into_vec()),
    }
}

type Layout<'p> = (&'p Report, &'p Event);

fn read_by(profile: &Profile, layout: Layout<'_>, body: &[u8]) -> Result<TransportationStatus, Vec<Finding>> {
    let body = profile.body.read(body).map_err(|finding| vec![finding])?;
    let mut reading = Reading::new(&body);
    let places = reading.events(layout.0);
    let mut events = Vec::new();
    for base in places {
        if let Some(event) = reading.event(profile, layout.1, &base) {
            events.push(event);
        }
    }
    let id = layout.0.id.as_ref().and_then(|pointer| reading.text(pointer, &Base::default())).unwrap_or_default();
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

/// Where an event stands: itself, and what its list stands in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Base {
    event: String,
    outer: String,
}

pub(super) struct Reading<'a> {
    body: &'a Value,
    /// Pointers from the body of everything that was taken.
    carried: Vec<String>,
    findings: Findings,
}

impl<'a> Reading<'a> {
    /// Of a body of which nothing was read yet.
    pub(super) fn new(body: &'a Value) -> Reading<'a> {
        Reading { body, carried: Vec::new(), findings: Findings::default() }
    }
}

impl Reading<'_> {
    /// Pointers from the body to the events.
    pub(super) fn events(&mut self, report: &Report) -> Vec<Base> {
        let Some(list) = &report.events else { return vec![Base::default()] };
        let mut lists = vec![String::new()];
        let parts: Vec<&str> = list.path.split("/*").collect();
        for (index, part) in parts.iter().enumerate() {
            // What a * stands for, and at the end the events themselves, are the members of the list here.
            let last = index + 1 == parts.len();
            if last {
                let bases = lists.iter().map(|outer| (outer.clone(), format!("{outer}{part}"))).collect::<Vec<_>>();
                let mut found = Vec::new();
                for (outer, path) in bases {
                    found.extend(self.members(&path).into_iter().map(|event| Base { event, outer: outer.clone() }));
                }
                return self.bounded(found, &list.path);
            }
            let paths: Vec<String> = lists.iter().map(|outer| format!("{outer}{part}")).collect();
            lists = paths.iter().flat_map(|path| self.members(path)).take(MOST_EVENTS + 1).collect();
        }
        Vec::new()
    }

    /// A list that is too long is none.
    fn bounded(&mut self, found: Vec<Base>, path: &str) -> Vec<Base> {
        if found.len() <= MOST_EVENTS {
            return found;
        }
        let finding = Finding::error(Code::TooManyLines, place(path)).found(found.len().to_string());
        self.findings.push(finding.expected(MOST_EVENTS.to_string()));
        Vec::new()
    }

    /// Pointers to the members of a list; an object in its place is the only one (XML does not tell the two apart).
    fn members(&mut self, path: &str) -> Vec<String> {
        let missing = |code| Finding::error(code, place(path)).expected("events");
        match self.body.pointer(path) {
            Some(Value::Array(items)) if !items.is_empty() => {
                (0..items.len().min(MOST_EVENTS + 1)).map(|index| format!("{path}/{index}")).collect()
            }
            Some(Value::Object(_)) => vec![path.to_owned()],
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

    fn event(&mut self, profile: &Profile, at: &Event, base: &Base) -> Option<ParcelEvent> {
        let tracking_id = self.required(&at.waybill, base, "waybill");
        let wording = at.wording.as_ref().and_then(|pointer| self.text(pointer, base)).unwrap_or_default();
        let carrier = at.carrier.as_ref().and_then(|pointer| self.text(pointer, base)).unwrap_or_default();
        let code = if wording.is_empty() {
            self.required(&at.code, base, "code")
        } else {
            Some(self.text(&at.code, base).unwrap_or_default())
        };
        let time = self.required(&at.time, base, "time");
        let occurred_at = time.and_then(|text| {
            let found = at.time_format.read(at.zone, &text);
            if found.is_none() {
                let finding = Finding::error(Code::BadValue, place(&whole(&at.time, base)));
                self.findings.push(finding.found(&text).expected(at.time_format.example()));
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
        let code = code?;
        let status = profile.meaning(&carrier, &code, &wording);
        // Where no code was sent, the wording is what a person has to see.
        let courier_code = if code.is_empty() { wording.clone() } else { code };
        let note = note.or_else(|| Some(wording).filter(|text| !text.is_empty()));
        Some(ParcelEvent {
            tracking_id: tracking_id?,
            status: status.as_str().to_owned(),
            courier_code,
            occurred_at: occurred_at?,
            sequence,
            location,
            received_by,
            notes: note.into_iter().collect(),
            ..ParcelEvent::default()
        })
    }

    fn required(&mut self, pointer: &Pointer, base: &Base, what: &str) -> Option<String> {
        let errors = self.findings.as_slice().len();
        let found = self.text(pointer, base);
        if found.is_none() && self.findings.as_slice().len() == errors {
            self.findings.push(Finding::error(Code::Missing, place(&whole(pointer, base))).expected(what));
        }
        found
    }

    /// A text, a whole number or a truth value as text; none if it is not there or empty.
    pub(super) fn text(&mut self, pointer: &Pointer, base: &Base) -> Option<String> {
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

/// The callback that says this, without what is `unmapped`; the way back of [`read`]. An event that carries no code of the
/// courier gets its first code of that status. Of a courier whose callbacks are hints it is the hint.
pub fn write(profile: &Profile, report: &TransportationStatus) -> Value {
    let Some(hint) = &profile.hint else { return write_by(profile, (&profile.report, &profile.event), report) };
    let mut body = Value::Object(Map::new());
    if let Some(event) = report.events.first() {
        set(&mut body, &hint.waybill.path, event.tracking_id.as_str().into());
        let carrier = profile.fetch.as_ref().map_or("", |fetch| fetch.carrier.as_str());
        if let Some(pointer) = &hint.carrier {
            set(&mut body, &pointer.path, carrier.into());
        }
    }
    body
}

/// What the courier answers that says this; the way back of [`read_answer`].
pub fn write_answer(profile: &Profile, report: &TransportationStatus) -> Value {
    write_by(profile, profile.answer(), report)
}

fn write_by(profile: &Profile, layout: Layout<'_>, report: &TransportationStatus) -> Value {
    let mut body = Value::Object(Map::new());
    if let (Some(pointer), false) = (&layout.0.id, report.id.is_empty()) {
        set(&mut body, &pointer.path, Value::from(report.id.as_str()));
    }
    for (index, event) in report.events.iter().enumerate() {
        let base = base_of(layout.0, index);
        let at = layout.1;
        let word = ParcelStatus::from_word(&event.status).and_then(|status| profile.code(status));
        let (carrier, usual) = word.unwrap_or(("", ""));
        let code = if event.courier_code.is_empty() { usual } else { &event.courier_code };
        let mut put = |pointer: Option<&Pointer>, value: Value| {
            if let Some(pointer) = pointer
                && value != ""
            {
                set(&mut body, &whole(pointer, &base), value);
            }
        };
        put(Some(&at.waybill), event.tracking_id.as_str().into());
        put(Some(&at.code), code.into());
        put(at.carrier.as_ref(), carrier.into());
        put(Some(&at.time), at.time_format.write(at.zone, &event.occurred_at).into());
        put(at.sequence.as_ref(), event.sequence.map_or(Value::from(""), Value::from));
        put(at.place.as_ref(), event.location.as_str().into());
        put(at.receiver.as_ref(), event.received_by.as_str().into());
        put(at.note.as_ref(), event.notes.join(" ").into());
    }
    body
}

/// Where the event of that number is written: in the list, or where lists are nested in one of its own.
pub(super) fn base_of(report: &Report, index: usize) -> Base {
    let Some(list) = &report.events else { return Base::default() };
    match list.path.rsplit_once("/*") {
        Some((outer, inner)) => {
            let outer = format!("{}/{index}", outer.replace("/*", "/0"));
            Base { event: format!("{outer}{inner}/0"), outer }
        }
        None => Base { event: format!("{}/{index}", list.path), outer: String::new() },
    }
}

/// Puts a value at a pointer; steps that are numbers are places of lists.
pub(super) fn set(body: &mut Value, path: &str, value: Value) {
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

/// The pointer from the body.
pub(super) fn whole(pointer: &Pointer, base: &Base) -> String {
    match pointer.from {
        From::Body => pointer.path.clone(),
        From::Outer => format!("{}{}", base.outer, pointer.path),
        From::Event => format!("{}{}", base.event, pointer.path),
    }
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

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
