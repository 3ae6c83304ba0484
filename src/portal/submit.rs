//! A form becomes a document: what was typed, and what the form does not show of the version it is based on, goes through
//! the pipeline as one interchange of the person's organisation, and what is wrong comes back to the fields.

use serde_json::Value;

use super::findings;
use super::form::Posted;
use super::language::Words;
use super::session::Seat;
use crate::document::reading::words;
use crate::error::Result;
use crate::model::disposition::{Disposition, Transport};
use crate::model::finding::{Code, Finding};
use crate::pipeline::receive::{Receipt, Received};
use crate::store::view;

/// How long a form waits for the decision, milliseconds.
const PATIENCE_MS: u64 = 5_000;

/// Fields by name, in order.
pub(crate) type Pairs = Vec<(String, String)>;

/// What became of a form.
pub(crate) enum Outcome {
    /// The document is in effect.
    Done,
    /// It is not; this is why.
    Wrong(Vec<Finding>),
    /// The same form was sent before with other values.
    SentBefore,
    /// Not decided yet, or held: this interchange.
    Open(i64),
}

/// A document as the fields of a form: `address.city_name`, `identifiers.1`.
pub(crate) fn fields_of(json: &str) -> Pairs {
    let mut pairs = Vec::new();
    if let Ok(value) = serde_json::from_str::<Value>(json) {
        flatten(&value, "", 0, &mut pairs);
    }
    pairs
}

fn flatten(value: &Value, path: &str, depth: usize, out: &mut Pairs) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        _ if depth > 20 => {}
        Value::Object(inner) => inner.iter().for_each(|(name, value)| flatten(value, &below(name), depth + 1, out)),
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                flatten(value, &below(&(index + 1).to_string()), depth + 1, out);
            }
        }
        Value::Null => {}
        Value::String(text) => out.push((path.to_owned(), text.clone())),
        other => out.push((path.to_owned(), other.to_string())),
    }
}

fn encoded(document_type: &str, pairs: &Pairs) -> String {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.append_pair("type", document_type);
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        body.append_pair(name, value);
    }
    body.finish()
}

/// Hands the fields in as a document of that type and waits for the decision. `nonce` makes a second click the same call.
pub(crate) async fn submit(seat: &Seat, document_type: &str, pairs: &Pairs, nonce: &str) -> Result<Outcome> {
    let body = encoded(document_type, pairs);
    let receipt = Receipt {
        organisation_id: seat.viewer.organisation_id,
        centre_id: seat.viewer.centre_id,
        transport: Transport::Portal,
        transport_id: (!nonce.is_empty()).then(|| format!("form {} {nonce}", seat.account.id)),
        content_type: "application/x-www-form-urlencoded".to_owned(),
        charset: "utf-8".to_owned(),
        file_name: String::new(),
        account_id: Some(seat.account.id),
        answers_delivery_id: None,
        mail_id: None,
    };
    let hub = &seat.portal.hub;
    let received = hub.receive(receipt, body.into()).await?;
    if matches!(received, Received::Conflict(_)) {
        return Ok(Outcome::SentBefore);
    }
    let id = received.id();
    hub.wait_decided(id, PATIENCE_MS).await?;
    let viewer = seat.viewer.clone();
    let Some(found) = hub.store.read(move |tx| view::interchange(tx, &viewer, id)).await? else {
        return Ok(Outcome::Open(id));
    };
    let word = found.interchange.disposition.as_deref().and_then(Disposition::from_word);
    if found.interchange.state != "decided" {
        return Ok(Outcome::Open(id));
    }
    Ok(match word {
        Some(Disposition::Rejected) => {
            let mut all = findings::stored(found.interchange.findings.as_deref().unwrap_or(""));
            all.extend(found.documents.iter().flat_map(|view| findings::stored(&view.findings)));
            Outcome::Wrong(all)
        }
        Some(_) => Outcome::Done,
        None => Outcome::Open(id),
    })
}

/// The field a finding is about: its own place, or where a field is missing the one that was expected.
pub(crate) fn field_of(finding: &Finding) -> String {
    let place = finding.place.field.as_deref().or(finding.place.path.as_deref()).unwrap_or("");
    let named = matches!(finding.code, Code::Required | Code::Missing) && !finding.expected.is_empty();
    let field = if place.is_empty() && named { &finding.expected } else { place };
    field.replace('[', ".").replace(']', "")
}

/// A version of something, so that a form knows what it is based on.
pub(crate) fn version(json: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, json.as_bytes());
    crate::pipeline::hex(digest.as_ref()).chars().take(16).collect()
}

/// One choice of a field.
pub(crate) struct Option_ {
    pub(crate) value: String,
    pub(crate) text: String,
    pub(crate) on: bool,
}

/// A field of a form as it is shown.
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) hint: String,
    /// The heading of the fields that begin with this one; empty within a section.
    pub(crate) section: &'static str,
    /// `text`, `date`, `email`; `select` and `checks` have options.
    pub(crate) kind: &'static str,
    pub(crate) value: String,
    pub(crate) options: Vec<Option_>,
    pub(crate) required: bool,
    pub(crate) fixed: bool,
    pub(crate) wrong: Vec<String>,
}

impl Field {
    /// A line of text.
    pub(crate) fn text(name: &str, label: &str, values: &Pairs) -> Field {
        Field {
            name: name.to_owned(),
            label: label.to_owned(),
            hint: String::new(),
            section: "",
            kind: "text",
            value: get(values, name).to_owned(),
            options: Vec::new(),
            required: false,
            fixed: false,
            wrong: Vec::new(),
        }
    }

    /// One of several.
    pub(crate) fn select(name: &str, label: &str, values: &Pairs, options: &[(&str, &str)]) -> Field {
        let chosen = get(values, name).to_owned();
        let mut options: Vec<Option_> = options
            .iter()
            .map(|(value, text)| Option_ { value: (*value).to_owned(), text: (*text).to_owned(), on: *value == chosen })
            .collect();
        // What is not in the list is not lost by opening the form.
        if !chosen.is_empty() && !options.iter().any(|option| option.on) {
            options.push(Option_ { value: chosen.clone(), text: chosen, on: true });
        }
        Field { kind: "select", options, ..Field::text(name, label, values) }
    }

    /// Must be filled in.
    pub(crate) fn required(self) -> Field {
        Field { required: true, ..self }
    }

    /// With a word of help.
    pub(crate) fn hint(self, hint: &str) -> Field {
        Field { hint: hint.to_owned(), ..self }
    }

    /// Begins a section.
    pub(crate) fn section(self, section: &'static str) -> Field {
        Field { section, ..self }
    }

    /// Whether something below it says more.
    pub(crate) fn is_described(&self) -> bool {
        !self.hint.is_empty() || !self.wrong.is_empty()
    }

    /// Of another kind of input.
    pub(crate) fn kind(self, kind: &'static str) -> Field {
        Field { kind, ..self }
    }
}

/// The first value of a field.
pub(crate) fn get<'p>(pairs: &'p Pairs, name: &str) -> &'p str {
    pairs.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str())
}

/// Puts findings to their fields; gives those that have none. `below` names the field that stands for a whole list.
pub(crate) fn place(findings: &[Finding], fields: &mut [Field], seat: &Seat) -> Vec<String> {
    let mut elsewhere = Vec::new();
    for finding in findings {
        let (name, text) = (field_of(finding), finding.text(seat.viewer.language));
        let stands_for = |field: &Field| {
            field.name == name || name.strip_prefix(field.name.as_str()).is_some_and(|rest| rest.starts_with('.'))
        };
        match fields.iter_mut().find(|field| stands_for(field)) {
            Some(field) => field.wrong.push(text),
            None => elsewhere.push(text),
        }
    }
    elsewhere
}

/// What a form does to the version it is based on: fields it shows are replaced, all others stay.
pub(crate) fn merged(base: Pairs, posted: &Posted, shown: &[&str]) -> Pairs {
    let covered = |name: &str| {
        shown.iter().any(|field| name == *field || name.strip_prefix(field).is_some_and(|rest| rest.starts_with('.')))
    };
    let mut pairs: Pairs = base.into_iter().filter(|(name, _)| !covered(name)).collect();
    for (name, value) in posted.pairs() {
        if !name.starts_with('_') && covered(name) && !value.trim().is_empty() {
            pairs.push((name.clone(), value.trim().to_owned()));
        }
    }
    pairs
}

/// Where what was posted and what is there now differ: field, posted, now.
pub(crate) fn changed(posted: &Pairs, now: &Pairs, w: &'static Words, seat: &Seat) -> Vec<(String, String, String)> {
    let names = posted.iter().chain(now).map(|(name, _)| name.as_str());
    let mut seen: Vec<&str> = Vec::new();
    let mut differing = Vec::new();
    for name in names {
        if seen.contains(&name) {
            continue;
        }
        seen.push(name);
        let (mine, theirs) = (get(posted, name), get(now, name));
        if mine != theirs {
            let empty = |text: &str| if text.is_empty() { w.nothing.to_owned() } else { text.to_owned() };
            differing.push((words::path(name, seat.viewer.language), empty(mine), empty(theirs)));
        }
    }
    differing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Place;

    #[test]
    fn documents_as_fields() {
        let json = r#"{"id":"a","roles":["buyer","seller"],"address":{"city_name":"대전"},"all_or_nothing":true,"retry_s":[60,300]}"#;
        let pairs = fields_of(json);
        assert_eq!(get(&pairs, "roles.2"), "seller");
        assert_eq!(get(&pairs, "address.city_name"), "대전");
        assert_eq!((get(&pairs, "all_or_nothing"), get(&pairs, "retry_s.2")), ("true", "300"));
        assert!(fields_of("no json").is_empty());
    }

    #[test]
    fn findings_go_to_their_fields() {
        let at = |field: &str| Place { field: Some(field.to_owned()), ..Place::default() };
        let check = |finding: Finding, expected: &str| assert_eq!(field_of(&finding), expected);
        check(Finding::error(Code::CheckDigit, at("identifiers[2]")), "identifiers.2");
        check(Finding::error(Code::Required, at("")).expected("name"), "name");
        check(Finding::error(Code::Required, Place::path("address")).expected("address"), "address");
        check(Finding::error(Code::NotAllowed, Place::default()).expected("centre"), "");
    }
}
