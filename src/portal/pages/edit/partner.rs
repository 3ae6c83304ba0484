//! The form of a partner.

use axum::extract::Path;

use super::{Back, Subject, form, take, values, words_field};
use crate::document::party::ROLES;
use crate::document::reading::figures::capital;
use crate::portal::form::Posted;
use crate::portal::frame::{Answer, Failure};
use crate::portal::pages::partners::role;
use crate::portal::session::Seat;
use crate::portal::submit::{Field, Option_, Pairs, fields_of, get};
use crate::store::view;

/// What the form shows.
const SHOWS: &[&str] = &[
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
    "mail_addresses",
    "status",
];

fn fields(seat: &Seat, values: &Pairs, known: bool) -> Vec<Field> {
    let w = seat.w;
    let name = Field::text("id", w.short_name, values).required().hint(w.short_name_hint);
    let mut fields =
        vec![Field { fixed: known, ..name }.section(w.part_who), Field::text("name", w.full_name, values).required()];
    let has = |word: &str| values.iter().any(|(name, value)| name.starts_with("roles") && value == word);
    let options = ROLES
        .iter()
        .map(|word| Option_ { value: (*word).to_owned(), text: capital(&role(seat, word)), on: has(word) })
        .collect();
    fields.push(Field { options, ..Field::text("roles", w.roles, values).kind("checks") });
    let count = values.iter().filter(|(name, _)| name.starts_with("identifiers.")).count();
    for index in 1..=count + 2 {
        let label = format!("{} {index}", w.identifier);
        let field = Field::text(&format!("identifiers.{index}"), &label, values);
        fields.push(if index == 1 { field.hint(w.identifier_hint) } else { field });
    }
    let mut place: Vec<Field> = [
        ("address.street_name", w.street),
        ("address.city_name", w.city),
        ("address.postal_zone", w.postal_zone),
        ("address.country", w.country),
        ("contact.name", w.contact),
        ("contact.telephone", w.telephone),
    ]
    .into_iter()
    .map(|(name, label)| Field::text(name, label, values))
    .collect();
    if let Some(first) = place.first_mut() {
        first.section = w.part_address;
    }
    fields.append(&mut place);
    fields.push(Field::text("contact.electronic_mail", w.mail, values).kind("email"));
    fields.push(words_field("mail_addresses", w.mail_addresses, values).hint(w.mail_addresses_hint));
    fields.push(Field::select("language", w.language, values, &[("ko", "한국어"), ("en", "English")]));
    fields.push(Field::select("status", w.state, values, &[("active", w.active), ("ended", w.ended)]));
    fields
}

fn done(values: &Pairs) -> String {
    format!("/partners/{}?said=saved", get(values, "id"))
}

fn new(seat: &Seat) -> Subject {
    Subject {
        document_type: "Party",
        heading: seat.w.new_partner.to_owned(),
        action: "/new/partner".to_owned(),
        back: "/partners".to_owned(),
        now: String::new(),
        shows: SHOWS,
        fields,
        done,
    }
}

async fn known(seat: &Seat, short: String) -> Result<Subject, Failure> {
    let (viewer, wanted) = (seat.viewer.clone(), short.clone());
    let found = seat.portal.hub.store.read(move |tx| view::partner(tx, &viewer, &wanted)).await?;
    let found = found.ok_or(Failure::NotFound)?;
    Ok(Subject {
        heading: found.organisation.name,
        action: format!("/partners/{short}/edit"),
        back: format!("/partners/{short}"),
        now: found.organisation.profile,
        ..new(seat)
    })
}

/// The form of a new partner.
pub(in crate::portal) async fn add(seat: Seat) -> Answer {
    let values = vec![("language".to_owned(), "ko".to_owned()), ("status".to_owned(), "active".to_owned())];
    form(&seat, &new(&seat), &values, Back::default()).await
}

/// Takes a new partner. One that is there already is not overwritten.
pub(in crate::portal) async fn added(seat: Seat, posted: Posted) -> Answer {
    let subject = new(&seat);
    let values = values(&subject, &posted);
    if seat.portal.hub.directory().by_short(get(&values, "id")).is_some() {
        return form(&seat, &subject, &values, Back::because(seat.w.name_taken)).await;
    }
    take(&seat, subject, values, &posted).await
}

/// The form of a partner.
pub(in crate::portal) async fn edit(seat: Seat, Path(short): Path<String>) -> Answer {
    let subject = known(&seat, short).await?;
    form(&seat, &subject, &fields_of(&subject.now), Back::default()).await
}

/// Takes a changed partner.
pub(in crate::portal) async fn edited(seat: Seat, Path(short): Path<String>, posted: Posted) -> Answer {
    let subject = known(&seat, short).await?;
    let values = values(&subject, &posted);
    take(&seat, subject, values, &posted).await
}
