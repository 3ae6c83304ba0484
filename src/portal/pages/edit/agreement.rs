//! The form of an agreement.

use axum::extract::{Path, Query};

use super::{Back, Subject, form, take, values, words_field};
use crate::model::document_type::DocumentType;
use crate::model::id::AgreementId;
use crate::portal::form::Posted;
use crate::portal::frame::{Answer, Failure};
use crate::portal::names::document_type_title;
use crate::portal::session::Seat;
use crate::portal::submit::{Field, Pairs, fields_of, get};
use crate::store::view;

/// What the form shows.
const SHOWS: &[&str] = &[
    "id",
    "party",
    "direction",
    "document_type",
    "format",
    "address",
    "acknowledgement",
    "charset",
    "columns",
    "mapping",
    "signing_secret",
    "credential",
    "all_or_nothing",
    "retry_s",
    "patience_s",
    "window_s",
    "mail_proof",
    "seller_share_percent",
    "rounding",
    "valid_from",
    "valid_to",
    "status",
];

/// Documents that partners exchange, the usual one first; those of the centre itself need no agreement.
fn kinds(seat: &Seat) -> Vec<(&'static str, &'static str)> {
    let ours = [DocumentType::Account, DocumentType::Agreement, DocumentType::Notice, DocumentType::Party];
    let mut kinds: Vec<DocumentType> = DocumentType::ALL.iter().copied().filter(|kind| !ours.contains(kind)).collect();
    kinds.sort_by_key(|kind| *kind != DocumentType::Order);
    kinds.into_iter().map(|kind| (kind.as_str(), kind.title(seat.viewer.language))).collect()
}

fn fields(seat: &Seat, values: &Pairs, known: bool) -> Vec<Field> {
    let w = seat.w;
    let partners = seat.partner_choices();
    let partners: Vec<(&str, &str)> = partners.iter().map(|(short, name)| (short.as_str(), name.as_str())).collect();
    let formats = [
        ("ubl-2.1", "UBL 2.1"),
        ("edifact-d96a", "EDIFACT D.96A"),
        ("dure-json", "dure JSON"),
        ("csv", "CSV"),
        ("xlsx", "Excel (XLSX)"),
        ("html", "HTML"),
    ];
    let direction = [("in", w.direction_in), ("out", w.direction_out)];
    let acks = [("", w.none), ("functional", w.functional), ("receipt", w.receipt_only)];
    let rounding = [("", w.nothing), ("half-up", w.half_up), ("half-even", w.half_even), ("down", w.down)];
    let name = Field::text("id", w.agreement_name, values);
    vec![
        Field::select("party", w.partner, values, &partners).section(w.part_what),
        Field::select("direction", w.direction, values, &direction),
        Field::select("document_type", w.document, values, &kinds(seat)),
        Field::select("format", w.format, values, &formats),
        Field::text("address", w.address, values).hint(w.address_hint),
        if known { Field { fixed: true, ..name } } else { name.hint(w.agreement_hint) },
        Field::select("acknowledgement", w.acknowledgement, values, &acks).section(w.part_answers),
        Field::select("all_or_nothing", w.all_or_nothing, values, &[("", w.nothing), ("true", w.yes), ("false", w.no)]),
        words_field("retry_s", w.retries, values).hint(w.retries_hint),
        Field::text("patience_s", w.patience, values).kind("number"),
        Field::text("window_s", w.window, values).kind("number"),
        words_field("mail_proof", w.mail_proof, values).hint(w.mail_proof_hint),
        Field::text("seller_share_percent", w.share_percent, values).section(w.part_settlement),
        Field::select("rounding", w.rounding, values, &rounding),
        Field::text("charset", w.charset, values).section(w.part_technical),
        words_field("columns", w.columns, values).hint(w.columns_hint),
        Field::text("mapping", w.mapping, values).hint(w.mapping_hint),
        Field::text("signing_secret", w.signing_secret, values).hint(w.secret_hint),
        Field::text("credential", w.credential, values).hint(w.secret_hint),
        Field::text("valid_from", w.valid_from, values).kind("date").section(w.part_validity),
        Field::text("valid_to", w.valid_to, values).kind("date"),
        Field::select("status", w.state, values, &[("active", w.active), ("ended", w.ended)]),
    ]
}

fn done(values: &Pairs) -> String {
    format!("/partners/{}?said=saved", get(values, "party"))
}

/// Whom a new agreement is with.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(in crate::portal) struct With {
    party: String,
}

fn new(seat: &Seat, party: &str) -> Subject {
    // Back to where it was begun, if that is a partner.
    let known = seat.portal.hub.directory().by_short(party).is_some();
    Subject {
        document_type: "Agreement",
        heading: seat.w.new_agreement.to_owned(),
        action: "/new/agreement".to_owned(),
        back: if known { format!("/partners/{party}") } else { "/partners".to_owned() },
        now: String::new(),
        shows: SHOWS,
        fields,
        done,
    }
}

async fn known(seat: &Seat, id: &str) -> Result<Subject, Failure> {
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
        heading: format!("{} · {kind}", owner.name),
        action: format!("/agreements/{id}"),
        now: latest.body,
        ..new(seat, &owner.short)
    })
}

/// The form of a new agreement.
pub(in crate::portal) async fn add(seat: Seat, Query(with): Query<With>) -> Answer {
    let subject = new(&seat, &with.party);
    let values = vec![("party".to_owned(), with.party), ("status".to_owned(), "active".to_owned())];
    form(&seat, &subject, &values, Back::default()).await
}

/// Takes a new agreement, named by what it is about if it has no name. The next version of one that is there is made
/// from its own page.
pub(in crate::portal) async fn added(seat: Seat, posted: Posted) -> Answer {
    let subject = new(&seat, posted.get("party"));
    let mut values = values(&subject, &posted);
    if get(&values, "id").is_empty() {
        let parts = ["party", "direction", "document_type"].map(|name| get(&values, name));
        let name = parts.join("-");
        values.insert(0, ("id".to_owned(), name));
    }
    let wanted = get(&values, "id");
    if seat.portal.hub.directory().agreements().iter().any(|agreed| agreed.terms.id == wanted) {
        return form(&seat, &subject, &values, Back::because(seat.w.name_taken)).await;
    }
    take(&seat, subject, values, &posted).await
}

/// The form of an agreement.
pub(in crate::portal) async fn edit(seat: Seat, Path(id): Path<String>) -> Answer {
    let subject = known(&seat, &id).await?;
    form(&seat, &subject, &fields_of(&subject.now), Back::default()).await
}

/// Takes the next version of an agreement.
pub(in crate::portal) async fn edited(seat: Seat, Path(id): Path<String>, posted: Posted) -> Answer {
    let subject = known(&seat, &id).await?;
    let values = values(&subject, &posted);
    take(&seat, subject, values, &posted).await
}
