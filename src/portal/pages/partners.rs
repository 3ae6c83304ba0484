//! Partners of the centre, and one of them: who it is, what is agreed with it, its keys without their secrets.

use askama::Template;
use axum::extract::{Path, Query};

use super::Said;
use crate::document::party::PartyProfile;
use crate::document::reading::figures::party_number;
use crate::model::id::{AccountId, AgreementId, KeyId};
use crate::model::role::Role;
use crate::portal::chip::{Chip, Tone};
use crate::portal::form::Posted;
use crate::portal::frame::{Answer, Failure, Frame, page, redirect};
use crate::portal::names::document_type_title;
use crate::portal::session::Seat;
use crate::portal::show::{Link, Moment, format};
use crate::store::view;
use crate::store::{audit, parties};

/// A partner in the list.
struct Row {
    link: Link,
    short: String,
    roles: String,
    identifiers: Vec<String>,
    state: Chip,
}

#[derive(Template)]
#[template(path = "partners.html")]
struct List {
    f: Frame,
    rows: Vec<Row>,
}

/// A role of an organisation in words.
pub(in crate::portal) fn role(seat: &Seat, word: &str) -> String {
    let w = seat.w;
    match Role::from_word(word) {
        Some(role) => role.title(seat.viewer.language).to_owned(),
        None if word == "centre" => w.part_centre.to_owned(),
        None if word == "courier" => w.part_courier.to_owned(),
        None => word.to_owned(),
    }
}

fn roles(seat: &Seat, words: &str) -> String {
    words.split_whitespace().map(|word| role(seat, word)).collect::<Vec<_>>().join(", ")
}

fn standing(seat: &Seat, status: &str) -> Chip {
    match status {
        "active" => Chip::new(seat.w.active, Tone::Good),
        "superseded" => Chip::new(seat.w.superseded, Tone::Plain),
        _ => Chip::new(seat.w.ended, Tone::Plain),
    }
}

/// Shows the list.
pub(in crate::portal) async fn list(seat: Seat) -> Answer {
    let f = seat.frame(seat.w.partners).await?;
    let viewer = seat.viewer.clone();
    let rows = seat.portal.hub.store.read(move |tx| view::partners(tx, &viewer)).await?;
    let directory = seat.portal.hub.directory();
    let row = |found: parties::Organisation| Row {
        link: Link::to(format!("/partners/{}", found.short), &found.name),
        roles: roles(&seat, &found.roles),
        identifiers: directory.organisation(found.id).map_or(Vec::new(), |known| {
            let first = known.identifiers.iter().take(2);
            first.map(|id| party_number(&id.scheme, &id.value, seat.viewer.language)).collect()
        }),
        state: standing(&seat, &found.status),
        short: found.short,
    };
    page(&List { rows: rows.into_iter().map(row).collect(), f })
}

/// An agreement on the page of its partner.
struct Agreed {
    href: String,
    name: String,
    version: i64,
    direction: &'static str,
    kind: String,
    format: String,
    address: String,
    valid: String,
    state: Chip,
}

/// A key without its secret.
struct Key {
    id: String,
    label: String,
    kind: String,
    created: Moment,
    state: Chip,
    may_end: bool,
}

#[derive(Template)]
#[template(path = "partner.html")]
struct Shown {
    f: Frame,
    name: String,
    short: String,
    roles: String,
    state: Chip,
    keeper: bool,
    pairs: Vec<(&'static str, String)>,
    agreements: Vec<Agreed>,
    earlier: Vec<Agreed>,
    keys: Vec<Key>,
}

/// Shows one partner.
pub(in crate::portal) async fn show(seat: Seat, Path(short): Path<String>, Query(said): Query<Said>) -> Answer {
    let viewer = seat.viewer.clone();
    let wanted = short.clone();
    let found = seat.portal.hub.store.read(move |tx| view::partner(tx, &viewer, &wanted)).await?;
    let found = found.ok_or(Failure::NotFound)?;
    let (w, language, keeper) = (seat.w, seat.viewer.language, seat.viewer.sees_the_centre());
    let organisation = found.organisation;
    let mut f = seat.frame(organisation.name.clone()).await?;
    f.said = said.sentence(w);
    let profile: PartyProfile = serde_json::from_str(&organisation.profile).unwrap_or_default();
    let address = profile.address.unwrap_or_default();
    let contact = profile.contact.unwrap_or_default();
    let mut street = address.lines.clone();
    street.extend([address.street_name, address.postal_zone, address.city_name, address.country]);
    street.retain(|part| !part.is_empty());
    let mut pairs: Vec<(&'static str, String)> =
        found.identifiers.iter().map(|(scheme, value)| (w.identifier, party_number(scheme, value, language))).collect();
    pairs.extend([
        (w.address, street.join(", ")),
        (w.contact, contact.name),
        (w.telephone, contact.telephone),
        (w.mail, contact.electronic_mail),
        (w.language, if organisation.language == "en" { "English" } else { "한국어" }.to_owned()),
    ]);
    pairs.retain(|(_, value)| !value.is_empty());
    let (mut agreements, mut earlier) = (Vec::new(), Vec::new());
    for row in found.agreements {
        let terms: crate::document::agreement::Agreement = serde_json::from_str(&row.body).unwrap_or_default();
        let agreed = Agreed {
            href: if keeper { format!("/agreements/{}", AgreementId(row.id)) } else { String::new() },
            name: row.name,
            version: row.version,
            direction: if row.direction == "out" { w.direction_out } else { w.direction_in },
            kind: document_type_title(&row.document_type, language),
            format: format(&terms.format),
            address: terms.address,
            valid: match (row.valid_from.as_str(), row.valid_to.as_str()) {
                ("", "") => String::new(),
                (from, to) => format!("{from} – {to}"),
            },
            state: standing(&seat, &row.status),
        };
        if row.status == "active" { agreements.push(agreed) } else { earlier.push(agreed) }
    }
    let keys = found.credentials.into_iter().map(|row| Key {
        id: KeyId(row.id).to_string(),
        label: row.label,
        kind: if row.kind == "certificate" { w.certificate } else { w.key }.to_owned(),
        created: f.moment(row.created_ms),
        state: match row.ended_ms {
            Some(_) => Chip::new(w.ended, Tone::Plain),
            None => Chip::new(w.active, Tone::Good),
        },
        may_end: keeper && row.ended_ms.is_none(),
    });
    page(&Shown {
        name: organisation.name,
        short: organisation.short,
        roles: roles(&seat, &organisation.roles),
        state: standing(&seat, &organisation.status),
        keeper,
        pairs,
        agreements,
        earlier,
        keys: keys.collect(),
        f,
    })
}

/// Ends a key at once; what is under way with it is not taken back.
pub(in crate::portal) async fn end_key(
    seat: Seat,
    Path((short, key)): Path<(String, String)>,
    _posted: Posted,
) -> Answer {
    let key = key.parse::<KeyId>().map_err(|()| Failure::NotFound)?;
    let hub = seat.portal.hub.clone();
    let (viewer, wanted) = (seat.viewer.clone(), short.clone());
    let (now_ms, audit_id, actor) = (hub.clock.now_ms(), hub.next_id(), AccountId(seat.account.id).to_string());
    let ended = hub
        .store
        .write(move |tx| {
            let theirs = view::partner(tx, &viewer, &wanted)?;
            if !theirs.is_some_and(|found| found.credentials.iter().any(|row| row.id == key.0)) {
                return Ok(false);
            }
            if parties::end_credential(tx, key.0, now_ms)? {
                parties::raise_version(tx)?;
                audit::note(tx, audit_id, now_ms, &actor, "end-key", &key.to_string(), None)?;
            }
            Ok(true)
        })
        .await?;
    if !ended {
        return Err(Failure::NotFound);
    }
    // Rights act at once, not when the directory is next looked at.
    hub.refresh_directory().await?;
    Ok(redirect(&format!("/partners/{short}?said=key-ended")))
}
