//! Forms that add and change partners, agreements and accounts. Each is a document: what it shows replaces what there is,
//! what it does not show stays, and what is wrong comes back to its fields.

pub(in crate::portal) mod account;
pub(in crate::portal) mod agreement;
pub(in crate::portal) mod partner;

use askama::Template;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use ring::rand::SystemRandom;

use crate::model::finding::Finding;
use crate::model::secret::Secret;
use crate::portal::form::Posted;
use crate::portal::frame::{Answer, Frame, page, redirect};
use crate::portal::names::interchange_path;
use crate::portal::session::Seat;
use crate::portal::submit::{self, Field, Outcome, Pairs, changed, fields_of, get, merged, version};

#[derive(Template)]
#[template(path = "edit.html")]
struct Form {
    f: Frame,
    heading: String,
    action: String,
    back: String,
    based_on: String,
    nonce: String,
    wrong: Vec<String>,
    changed: Vec<(String, String, String)>,
    fields: Vec<Field>,
}

/// What is edited.
struct Subject {
    document_type: &'static str,
    heading: String,
    action: String,
    back: String,
    /// The version there is, canonical JSON; empty for a new one.
    now: String,
    /// Names of the fields that the form shows.
    shows: &'static [&'static str],
    /// The fields with these values; whether it is there already.
    fields: fn(&Seat, &Pairs, bool) -> Vec<Field>,
    /// Where the reader goes when these values are in effect.
    done: fn(&Pairs) -> String,
}

/// What stands around a form that comes back.
#[derive(Default)]
struct Back<'a> {
    findings: &'a [Finding],
    wrong: Vec<String>,
    changed: Vec<(String, String, String)>,
}

impl Back<'_> {
    fn because(sentence: &str) -> Back<'static> {
        Back { wrong: vec![sentence.to_owned()], ..Back::default() }
    }
}

async fn form(seat: &Seat, subject: &Subject, values: &Pairs, back: Back<'_>) -> Answer {
    let known = !subject.now.is_empty();
    let mut fields = (subject.fields)(seat, values, known);
    let mut wrong = back.wrong;
    wrong.extend(submit::place(back.findings, &mut fields, seat));
    let good = wrong.is_empty() && back.findings.is_empty();
    let nonce = Secret::generate("", &SystemRandom::new())?.expose().to_owned();
    let mut f = seat.frame(subject.heading.clone()).await?;
    // A form that came back is at the address of its page as well.
    f.here = subject.action.clone();
    let shown = page(&Form {
        heading: subject.heading.clone(),
        action: subject.action.clone(),
        back: subject.back.clone(),
        based_on: version(&subject.now),
        nonce,
        wrong,
        changed: back.changed,
        fields,
        f,
    })?;
    Ok(if good { shown } else { (StatusCode::UNPROCESSABLE_ENTITY, shown).into_response() })
}

/// Lists that stand in one field, a word each.
const WORDS: &[&str] = &["columns", "mail_addresses", "mail_proof", "retry_s"];

/// Lists whose words may have blanks in them, so that only commas and semicolons part them.
const SPACED: &[&str] = &["columns"];

/// A field with the words of a list in it.
fn words_field(name: &str, label: &str, values: &Pairs) -> Field {
    let below = format!("{name}.");
    let words: Vec<&str> =
        values.iter().filter(|(field, _)| field.starts_with(&below)).map(|(_, value)| value.as_str()).collect();
    let between = if SPACED.contains(&name) { "; " } else { " " };
    Field { value: words.join(between), ..Field::text(name, label, values) }
}

/// The values a form asks for: what was posted over what there is. Positions of lists count anew, so that a finding's
/// position is that of the field shown.
fn values(subject: &Subject, posted: &Posted) -> Pairs {
    let mut values = merged(fields_of(&subject.now), posted, subject.shows);
    for list in ["identifiers", "roles"] {
        let prefix = format!("{list}.");
        let mut position = 0;
        for (name, _) in values.iter_mut().filter(|(name, _)| name == list || name.starts_with(&prefix)) {
            position += 1;
            *name = format!("{list}.{position}");
        }
    }
    for list in WORDS {
        let Some(place) = values.iter().position(|(name, _)| name == list) else { continue };
        let (_, text) = values.remove(place);
        let spaced = SPACED.contains(list);
        let words = text.split(|c| matches!(c, ',' | ';') || (c == ' ' && !spaced)).map(str::trim);
        let words = words.filter(|word| !word.is_empty());
        values.extend(words.enumerate().map(|(index, word)| (format!("{list}.{}", index + 1), word.to_owned())));
    }
    if !subject.now.is_empty() {
        // The name of what is changed is not up to the form.
        let name = get(&fields_of(&subject.now), "id").to_owned();
        values.retain(|(field, _)| field != "id");
        values.insert(0, ("id".to_owned(), name));
    }
    values
}

/// Hands the values in as a document and leads on.
async fn take(seat: &Seat, subject: Subject, values: Pairs, posted: &Posted) -> Answer {
    if posted.get("_based_on") != version(&subject.now) {
        let changed = changed(&values, &fields_of(&subject.now), seat.w, seat);
        let back = Back { changed, ..Back::because(seat.w.changed_meanwhile) };
        return form(seat, &subject, &values, back).await;
    }
    match submit::submit(seat, subject.document_type, &values, posted.get("_nonce")).await? {
        Outcome::Done => Ok(redirect(&(subject.done)(&values))),
        Outcome::Wrong(findings) => {
            form(seat, &subject, &values, Back { findings: &findings, ..Back::default() }).await
        }
        Outcome::SentBefore => form(seat, &subject, &values, Back::because(seat.w.sent_before)).await,
        Outcome::Open(id) => Ok(redirect(&interchange_path(id))),
    }
}
