//! Who may sign in: accounts with role and organisation, and making a new password for one of them. Accounts themselves
//! are documents (`edit::account`); a password is none, is shown once and kept as its hash.

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::header;
use axum::response::IntoResponse;

use super::Said;
use super::edit::account::find;
use crate::error::Error;
use crate::model::id::AccountId;
use crate::model::role::Role;
use crate::portal::chip::{Chip, Tone};
use crate::portal::form::Posted;
use crate::portal::frame::{Answer, Failure, Frame, page};
use crate::portal::password;
use crate::portal::session::Seat;
use crate::portal::show::Link;
use crate::store::view::{self, AccountView};
use crate::store::{accounts, audit};

/// An account in the list.
struct Row {
    link: Link,
    login: String,
    role: String,
    organisation: Link,
    state: Chip,
    path: String,
    active: bool,
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct List {
    f: Frame,
    rows: Vec<Row>,
}

fn row(seat: &Seat, found: AccountView) -> Row {
    let (w, account) = (seat.w, found.account);
    let path = format!("/accounts/{}", AccountId(account.id));
    let active = account.status == "active";
    Row {
        link: Link::to(path.clone(), &account.name),
        role: Role::from_word(&account.role)
            .map_or(account.role.clone(), |role| role.title(seat.viewer.language).to_owned()),
        organisation: seat.organisation(account.organisation_id),
        state: match (active, found.has_password) {
            (false, _) => Chip::new(w.ended, Tone::Plain),
            (true, false) => Chip::new(w.no_password, Tone::Waiting),
            (true, true) => Chip::new(w.active, Tone::Good),
        },
        login: account.login,
        path,
        active,
    }
}

/// Shows the list.
pub(in crate::portal) async fn list(seat: Seat, Query(said): Query<Said>) -> Answer {
    let mut f = seat.frame(seat.title("/accounts")).await?;
    f.said = said.sentence(seat.w);
    let viewer = seat.viewer.clone();
    let rows = seat.portal.hub.store.read(move |tx| view::accounts(tx, &viewer)).await?;
    page(&List { rows: rows.into_iter().map(|found| row(&seat, found)).collect(), f })
}

#[derive(Template)]
#[template(path = "password.html")]
struct Shown {
    f: Frame,
    name: String,
    login: String,
    password: String,
}

/// Makes a new password for an account and shows it, this once. All its sessions end.
pub(in crate::portal) async fn new_password(seat: Seat, Path(id): Path<String>, _posted: Posted) -> Answer {
    let account = find(&seat, &id).await?;
    if account.status != "active" {
        return Err(Failure::NotFound);
    }
    let made = password::new()?;
    let text = made.expose().to_owned();
    let hash = tokio::task::spawn_blocking(move || password::hash(&made))
        .await
        .map_err(|error| Error::bug("hashing a password").caused_by(error))??;
    let hub = &seat.portal.hub;
    let (now_ms, audit_id, actor) = (hub.clock.now_ms(), hub.next_id(), AccountId(seat.account.id).to_string());
    let login = account.login.clone();
    let set = hub
        .store
        .write(move |tx| {
            audit::note(tx, audit_id, now_ms, &actor, "password", &AccountId(account.id).to_string(), None)?;
            accounts::set_password(tx, &login, &hash)
        })
        .await?;
    if !set {
        return Err(Failure::NotFound);
    }
    let f = seat.frame(seat.w.new_password).await?;
    let shown = page(&Shown { name: account.name, login: account.login, password: text, f })?;
    // Never kept anywhere: going back asks anew.
    Ok(([(header::CACHE_CONTROL, "no-store")], shown).into_response())
}
