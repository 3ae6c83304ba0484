//! The form of an account: who may sign in, as what and for whom. A password is no part of it.

use axum::extract::Path;
use serde_json::json;

use super::{Back, Subject, form, take, values};
use crate::model::id::AccountId;
use crate::model::role::Role;
use crate::portal::form::Posted;
use crate::portal::frame::{Answer, Failure};
use crate::portal::session::Seat;
use crate::portal::submit::{Field, Pairs, fields_of, get};
use crate::store::accounts::AccountRow;
use crate::store::view;

/// What the form shows.
const SHOWS: &[&str] = &["id", "name", "role", "party", "language", "status"];

fn fields(seat: &Seat, values: &Pairs, known: bool) -> Vec<Field> {
    let w = seat.w;
    let partners = seat.partner_choices();
    let partners: Vec<(&str, &str)> = partners.iter().map(|(short, name)| (short.as_str(), name.as_str())).collect();
    let roles: Vec<(&str, &str)> =
        Role::ALL.iter().map(|role| (role.as_str(), role.title(seat.viewer.language))).collect();
    let login = Field::text("id", w.login, values).required().hint(w.login_hint);
    vec![
        Field { fixed: known, ..login },
        Field::text("name", w.full_name, values),
        Field::select("role", w.role, values, &roles),
        Field::select("party", w.organisation, values, &partners),
        Field::select("language", w.language, values, &[("ko", "한국어"), ("en", "English")]),
        Field::select("status", w.state, values, &[("active", w.active), ("ended", w.ended)]),
    ]
}

fn saved(_: &Pairs) -> String {
    "/accounts?said=saved".to_owned()
}

fn new(seat: &Seat) -> Subject {
    Subject {
        document_type: "Account",
        heading: seat.w.new_account.to_owned(),
        action: "/new/account".to_owned(),
        back: "/accounts".to_owned(),
        now: String::new(),
        shows: SHOWS,
        fields,
        done: |_| "/accounts?said=added".to_owned(),
    }
}

/// One account of the centre.
pub(in crate::portal::pages) async fn find(seat: &Seat, id: &str) -> Result<AccountRow, Failure> {
    let id = id.parse::<AccountId>().map_err(|()| Failure::NotFound)?;
    let viewer = seat.viewer.clone();
    let found = seat.portal.hub.store.read(move |tx| view::account(tx, &viewer, id.0)).await?;
    Ok(found.ok_or(Failure::NotFound)?.account)
}

/// An account as the document that would make it.
fn document(seat: &Seat, account: &AccountRow) -> String {
    let party = seat.portal.hub.directory().organisation(account.organisation_id).map(|found| found.short.clone());
    json!({
        "id": account.login, "name": account.name, "role": account.role, "party": party.unwrap_or_default(),
        "language": account.language, "status": account.status,
    })
    .to_string()
}

async fn known(seat: &Seat, id: &str) -> Result<Subject, Failure> {
    let account = find(seat, id).await?;
    Ok(Subject {
        heading: account.name.clone(),
        action: format!("/accounts/{}", AccountId(account.id)),
        now: document(seat, &account),
        done: saved,
        ..new(seat)
    })
}

/// The form of a new account.
pub(in crate::portal) async fn add(seat: Seat) -> Answer {
    let values = [("role", "operator"), ("language", seat.viewer.language.as_str()), ("status", "active")];
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    form(&seat, &new(&seat), &values, Back::default()).await
}

/// Takes a new account. One of that name is not overwritten.
pub(in crate::portal) async fn added(seat: Seat, posted: Posted) -> Answer {
    let subject = new(&seat);
    let values = values(&subject, &posted);
    let login = get(&values, "id").to_owned();
    let taken = seat.portal.hub.store.read(move |tx| crate::store::accounts::by_login(tx, &login)).await?;
    if taken.is_some() {
        return form(&seat, &subject, &values, Back::because(seat.w.name_taken)).await;
    }
    take(&seat, subject, values, &posted).await
}

/// The form of an account.
pub(in crate::portal) async fn edit(seat: Seat, Path(id): Path<String>) -> Answer {
    let subject = known(&seat, &id).await?;
    form(&seat, &subject, &fields_of(&subject.now), Back::default()).await
}

/// Takes a changed account. Nobody locks out themselves: there would be nobody to undo it.
pub(in crate::portal) async fn edited(seat: Seat, Path(id): Path<String>, posted: Posted) -> Answer {
    let subject = known(&seat, &id).await?;
    let values = values(&subject, &posted);
    let own = get(&values, "id") == seat.account.login;
    let stays = get(&values, "role") == seat.role.as_str() && get(&values, "status") == "active";
    if own && !stays {
        return form(&seat, &subject, &values, Back::because(seat.w.not_yourself)).await;
    }
    take(&seat, subject, values, &posted).await
}
