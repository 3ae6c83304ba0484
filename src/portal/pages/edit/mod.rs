//! Forms that add and change partners and agreements.

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use ring::rand::SystemRandom;

use super::partners::role;
use crate::document::party::ROLES;
use crate::model::document_type::DocumentType;
use crate::model::finding::Finding;
use crate::model::id::AgreementId;
use crate::model::secret::Secret;
use crate::portal::form::Posted;
use crate::portal::frame::{Answer, Failure, Frame, page, redirect};
use crate::portal::names::{document_type_title, interchange_path};
use crate::portal::session::Seat;
use crate::portal::submit::{self, Field, Option_, Outcome, Pairs, changed, fields_of, get, merged, version};
use crate::store::view;

/// What the form of a partner shows.
const PARTNER: &[&str] = &[
    "id",
    "name",
    "roles",
    "identifiers",
    "language",
    "address.street_name",
    "address.postal_zone",
    "address.city_name",
    "address.country",
    "contact.name",
    "contact.telephone",
    "contact.electronic_mail",
    "status",
];

/// What the form of an agreement shows.
const AGREEMENT: &[&str] = &[
    "id",
    "party",
    "direction",
    "document_type",
    "format",
    "address",
    "acknowledgement",
    "charset",
    "mapping",
    "signing_secret",
    "credential",
    "all_or_nothing",
    "retry_s",
    "patience_s",
    "window_s",
    "seller_share_percent",
    "rounding",
    "valid_from",
    "valid_to",
    "status",
];

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
}

fn party_fields(seat: &Seat, values: &Pairs, known: bool) -> Vec<Field> {
    let w = seat.w;
    let mut fields =
        vec![Field { fixed: known, ..Field::text("id", w.short_name, values).required().hint(w.short_name_hint) }];
    fields.push(Field::text("name", w.full_name, values).required());
    let has = |word: &str| values.iter().any(|(name, value)| name.starts_with("roles") && value == word);
    let options =
        ROLES.iter().map(|word| Option_ { value: (*word).to_owned(), text: role(seat, word), on: has(word) }).collect();
    fields.push(Field { options, ..Field::text("roles", w.roles, values).kind("checks") });
    let count = values.iter().filter(|(name, _)| name.starts_with("identifiers.")).count();
    for index in 1..=count + 2 {
        let field = Field::text(&format!("identifiers.{index}"), w.identifier, values);
        fields.push(if index == 1 { field.hint(w.identifier_hint) } else { field });
    }
    fields.push(Field::select("language", w.language, values, &[("ko", "한국어"), ("en", "English")]));
    for (name, label) in [
        ("address.street_name", w.street),
        ("address.postal_zone", w.postal_zone),
        ("address.city_name", w.city),
        ("address.country", w.country),
        ("contact.name", w.contact),
        ("contact.telephone", w.telephone),
    ] {
        fields.push(Field::text(name, label, values));
    }
    fields.push(Field::text("contact.electronic_mail", w.mail, values).kind("email"));
    fields.push(Field::select("status", w.state, values, &[("active", w.active), ("ended", w.ended)]));
    fields
}

fn agreement_fields(seat: &Seat, values: &Pairs, known: bool) -> Vec<Field> {
    let (w, language) = (seat.w, seat.viewer.language);
    let partners = seat.partner_choices();
    let partners: Vec<(&str, &str)> = partners.iter().map(|(short, name)| (short.as_str(), name.as_str())).collect();
    let kinds: Vec<(&str, String)> =
        DocumentType::ALL.iter().map(|kind| (kind.as_str(), kind.title(language).to_owned())).collect();
    let kinds: Vec<(&str, &str)> = kinds.iter().map(|(value, text)| (*value, text.as_str())).collect();
    let formats =
        [("ubl-2.1", "UBL 2.1"), ("edifact-d96a", "EDIFACT D.96A"), ("dure-json", "dure JSON"), ("csv", "CSV")];
    let direction = [("in", w.direction_in), ("out", w.direction_out)];
    let acks = [("", w.none), ("functional", w.functional), ("receipt", w.receipt_only)];
    let rounding = [("", "–"), ("half-up", w.half_up), ("half-even", w.half_even), ("down", w.down)];
    let retries: Vec<&str> =
        values.iter().filter(|(name, _)| name.starts_with("retry_s.")).map(|(_, value)| value.as_str()).collect();
    let retries = Field { value: retries.join(" "), ..Field::text("retry_s", w.retries, values).hint(w.retries_hint) };
    vec![
        Field { fixed: known, ..Field::text("id", w.agreement_name, values).required().hint(w.agreement_hint) },
        Field::select("party", w.partner, values, &partners),
        Field::select("direction", w.direction, values, &direction),
        Field::select("document_type", w.document, values, &kinds),
        Field::select("format", w.format, values, &formats),
        Field::text("address", w.address, values).hint(w.address_hint),
        Field::select("acknowledgement", w.acknowledgement, values, &acks),
        Field::text("charset", w.charset, values),
        Field::text("mapping", w.mapping, values).hint(w.mapping_hint),
        Field::text("signing_secret", w.signing_secret, values).hint(w.secret_hint),
        Field::text("credential", w.credential, values).hint(w.secret_hint),
        Field::select("all_or_nothing", w.all_or_nothing, values, &[("", "–"), ("true", w.yes), ("false", w.no)]),
        retries,
        Field::text("patience_s", w.patience, values).kind("number"),
        Field::text("window_s", w.window, values).kind("number"),
        Field::text("seller_share_percent", w.share_percent, values),
        Field::select("rounding", w.rounding, values, &rounding),
        Field::text("valid_from", w.valid_from, values).kind("date"),
        Field::text("valid_to", w.valid_to, values).kind("date"),
        Field::select("status", w.state, values, &[("active", w.active), ("ended", w.ended)]),
    ]
}

async fn form(
    seat: &Seat,
    subject: &Subject,
    values: &Pairs,
    findings: &[Finding],
    mut wrong: Vec<String>,
    changed: Vec<(String, String, String)>,
) -> Answer {
    let known = !subject.now.is_empty();
    let mut fields = match subject.document_type {
        "Party" => party_fields(seat, values, known),
        _ => agreement_fields(seat, values, known),
    };
    wrong.extend(submit::place(findings, &mut fields, seat));
    let good = wrong.is_empty() && findings.is_empty();
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
        changed,
        fields,
        f,
    })?;
    Ok(if good { shown } else { (StatusCode::UNPROCESSABLE_ENTITY, shown).into_response() })
}

async fn take(seat: &Seat, subject: Subject, posted: Posted, shown: &[&str]) -> Answer {
    let mut values = merged(fields_of(&subject.now), &posted, shown);
    // Positions of lists count anew, so that a finding's position is that of the field shown.
    for list in ["identifiers", "roles"] {
        let prefix = format!("{list}.");
        let mut position = 0;
        for (name, _) in values.iter_mut().filter(|(name, _)| name == list || name.starts_with(&prefix)) {
            position += 1;
            *name = format!("{list}.{position}");
        }
    }
    if let Some(place) = values.iter().position(|(name, _)| name == "retry_s") {
        let (_, text) = values.remove(place);
        let words = text.split([' ', ',', ';']).filter(|word| !word.is_empty());
        values.extend(words.enumerate().map(|(index, word)| (format!("retry_s.{}", index + 1), word.to_owned())));
    }
    if !subject.now.is_empty() {
        // The name of what is changed is not up to the form.
        let name = get(&fields_of(&subject.now), "id").to_owned();
        values.retain(|(field, _)| field != "id");
        values.insert(0, ("id".to_owned(), name));
    }
    if posted.get("_based_on") != version(&subject.now) {
        let differing = changed(&values, &fields_of(&subject.now), seat.w, seat);
        return form(seat, &subject, &values, &[], vec![seat.w.changed_meanwhile.to_owned()], differing).await;
    }
    match submit::submit(seat, subject.document_type, &values, posted.get("_nonce")).await? {
        Outcome::Done => {
            let owner = if subject.document_type == "Party" { get(&values, "id") } else { get(&values, "party") };
            Ok(redirect(&format!("/partners/{owner}?said=saved")))
        }
        Outcome::Wrong(findings) => form(seat, &subject, &values, &findings, Vec::new(), Vec::new()).await,
        Outcome::SentBefore => {
            form(seat, &subject, &values, &[], vec![seat.w.sent_before.to_owned()], Vec::new()).await
        }
        Outcome::Open(id) => Ok(redirect(&interchange_path(id))),
    }
}

fn new_partner(seat: &Seat) -> Subject {
    Subject {
        document_type: "Party",
        heading: seat.w.new_partner.to_owned(),
        action: "/new/partner".to_owned(),
        back: "/partners".to_owned(),
        now: String::new(),
    }
}

async fn partner(seat: &Seat, short: String) -> Result<Subject, Failure> {
    let (viewer, wanted) = (seat.viewer.clone(), short.clone());
    let found = seat.portal.hub.store.read(move |tx| view::partner(tx, &viewer, &wanted)).await?;
    let found = found.ok_or(Failure::NotFound)?;
    Ok(Subject {
        document_type: "Party",
        heading: found.organisation.name,
        action: format!("/partners/{short}/edit"),
        back: format!("/partners/{short}"),
        now: found.organisation.profile,
    })
}

/// The form of a new partner.
pub(in crate::portal) async fn add_partner(seat: Seat) -> Answer {
    let values = vec![("language".to_owned(), "ko".to_owned()), ("status".to_owned(), "active".to_owned())];
    form(&seat, &new_partner(&seat), &values, &[], Vec::new(), Vec::new()).await
}

/// Takes a new partner. One that is there already is not overwritten.
pub(in crate::portal) async fn added_partner(seat: Seat, posted: Posted) -> Answer {
    let subject = new_partner(&seat);
    if seat.portal.hub.directory().by_short(posted.get("id").trim()).is_some() {
        let values = merged(Vec::new(), &posted, PARTNER);
        return form(&seat, &subject, &values, &[], vec![seat.w.name_taken.to_owned()], Vec::new()).await;
    }
    take(&seat, subject, posted, PARTNER).await
}

/// The form of a partner.
pub(in crate::portal) async fn edit_partner(seat: Seat, Path(short): Path<String>) -> Answer {
    let subject = partner(&seat, short).await?;
    let values = fields_of(&subject.now);
    form(&seat, &subject, &values, &[], Vec::new(), Vec::new()).await
}

/// Takes a changed partner.
pub(in crate::portal) async fn edited_partner(seat: Seat, Path(short): Path<String>, posted: Posted) -> Answer {
    let subject = partner(&seat, short).await?;
    take(&seat, subject, posted, PARTNER).await
}

/// Whom a new agreement is with.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(in crate::portal) struct With {
    party: String,
}

fn new_agreement(seat: &Seat) -> Subject {
    Subject {
        document_type: "Agreement",
        heading: seat.w.new_agreement.to_owned(),
        action: "/new/agreement".to_owned(),
        back: "/partners".to_owned(),
        now: String::new(),
    }
}

async fn agreement(seat: &Seat, id: &str) -> Result<Subject, Failure> {
    let id = id.parse::<AgreementId>().map_err(|()| Failure::NotFound)?;
    let directory = seat.portal.hub.directory();
    let agreed = directory.agreement_by_id(id.0).ok_or(Failure::NotFound)?;
    let owner = directory.organisation(agreed.organisation_id).ok_or(Failure::NotFound)?;
    if owner.centre_id != seat.viewer.centre_id {
        return Err(Failure::NotFound);
    }
    let (viewer, wanted) = (seat.viewer.clone(), owner.short.clone());
    let found = seat.portal.hub.store.read(move |tx| view::partner(tx, &viewer, &wanted)).await?;
    // The latest version of its name is what is changed, whichever was opened.
    let name = &agreed.terms.id;
    let found = found.ok_or(Failure::NotFound)?;
    let latest = found.agreements.into_iter().rfind(|row| row.name == *name).ok_or(Failure::NotFound)?;
    let kind = document_type_title(&latest.document_type, seat.viewer.language);
    Ok(Subject {
        document_type: "Agreement",
        heading: format!("{} · {kind}", owner.name),
        action: format!("/agreements/{id}"),
        back: format!("/partners/{}", owner.short),
        now: latest.body,
    })
}

/// The form of a new agreement.
pub(in crate::portal) async fn add_agreement(seat: Seat, Query(with): Query<With>) -> Answer {
    let values = vec![("party".to_owned(), with.party), ("status".to_owned(), "active".to_owned())];
    form(&seat, &new_agreement(&seat), &values, &[], Vec::new(), Vec::new()).await
}

/// Takes a new agreement. The next version of one that is there is made from its own page.
pub(in crate::portal) async fn added_agreement(seat: Seat, posted: Posted) -> Answer {
    let subject = new_agreement(&seat);
    let wanted = posted.get("id").trim();
    if seat.portal.hub.directory().agreements().iter().any(|agreed| agreed.terms.id == wanted) {
        let values = merged(Vec::new(), &posted, AGREEMENT);
        return form(&seat, &subject, &values, &[], vec![seat.w.name_taken.to_owned()], Vec::new()).await;
    }
    take(&seat, subject, posted, AGREEMENT).await
}

/// The form of an agreement.
pub(in crate::portal) async fn edit_agreement(seat: Seat, Path(id): Path<String>) -> Answer {
    let subject = agreement(&seat, &id).await?;
    let values = fields_of(&subject.now);
    form(&seat, &subject, &values, &[], Vec::new(), Vec::new()).await
}

/// Takes the next version of an agreement.
pub(in crate::portal) async fn edited_agreement(seat: Seat, Path(id): Path<String>, posted: Posted) -> Answer {
    let subject = agreement(&seat, &id).await?;
    take(&seat, subject, posted, AGREEMENT).await
}
