//! One's own account: who one is here, and changing one's password. Wrong guesses of the present one count like failed
//! sign-ins; a change ends all sessions but the one it was made in.

use askama::Template;
use axum::extract::Query;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::Said;
use super::sign_in::{MOST_BY_NAME, WINDOW_MS, name_key};
use crate::error::{Error, Result};
use crate::model::id::AccountId;
use crate::model::secret::Secret;
use crate::portal::form::Posted;
use crate::portal::frame::{Answer, Frame, page};
use crate::portal::language::fill;
use crate::portal::password::{self, LONGEST_BYTES, SHORTEST};
use crate::portal::session::Seat;
use crate::store::{accounts, audit};

#[derive(Template)]
#[template(path = "own_account.html")]
struct Shown {
    f: Frame,
    pairs: Vec<(&'static str, String)>,
    shortest: usize,
    wrong_present: String,
    wrong_next: String,
}

async fn shown(seat: &Seat, said: Said, wrong_present: String, wrong_next: String) -> Answer {
    let w = seat.w;
    let mut f = seat.frame(seat.title("/account")).await?;
    f.said = said.sentence(w);
    f.here = "/account".to_owned();
    let organisation = seat.organisation(seat.viewer.organisation_id).text;
    let pairs = vec![
        (w.full_name, seat.account.name.clone()),
        (w.login, seat.account.login.clone()),
        (w.role, seat.role.title(seat.viewer.language).to_owned()),
        (w.organisation, organisation),
    ];
    page(&Shown { f, pairs, shortest: SHORTEST, wrong_present, wrong_next })
}

/// Shows the page.
pub(in crate::portal) async fn show(seat: Seat, Query(said): Query<Said>) -> Answer {
    shown(&seat, said, String::new(), String::new()).await
}

/// What is wrong with a new password; empty if nothing is.
fn unfit(seat: &Seat, present: &str, next: &str, again: &str) -> String {
    let w = seat.w;
    match next {
        _ if next.chars().count() < SHORTEST => fill(w.password_too_short, &[&SHORTEST.to_string()]),
        _ if next.len() > LONGEST_BYTES => w.password_too_long.to_owned(),
        _ if next != again => w.password_not_same.to_owned(),
        _ if next == present => w.password_as_before.to_owned(),
        _ => String::new(),
    }
}

/// Takes a new password.
pub(in crate::portal) async fn change(seat: Seat, posted: Posted) -> Answer {
    let (present, next, again) = (posted.get("present"), posted.get("next_password"), posted.get("again"));
    let unfit = unfit(&seat, present, next, again);
    if !unfit.is_empty() {
        let back = shown(&seat, Said::default(), String::new(), unfit).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, back).into_response());
    }
    if let Err(wrong) = judge(&seat, present).await? {
        let back = shown(&seat, Said::default(), wrong, String::new()).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, back).into_response());
    }
    let next = Secret::new(next);
    let hash = tokio::task::spawn_blocking(move || password::hash(&next))
        .await
        .map_err(|error| Error::bug("hashing a password").caused_by(error))??;
    let hub = &seat.portal.hub;
    let (now_ms, audit_id, id) = (hub.clock.now_ms(), hub.next_id(), AccountId(seat.account.id).to_string());
    let login = seat.account.login.clone();
    hub.store
        .write(move |tx| {
            audit::note(tx, audit_id, now_ms, &id, "password", &id, None)?;
            accounts::set_password(tx, &login, &hash)
        })
        .await?;
    let session = seat.portal.open_session(seat.account.id).await?;
    let headers = [(header::LOCATION, "/account?said=password".to_owned()), (header::SET_COOKIE, session)];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

/// Whether the present password is right; a sentence where it is not.
async fn judge(seat: &Seat, present: &str) -> Result<std::result::Result<(), String>> {
    let hub = &seat.portal.hub;
    let Ok(_turn) = seat.portal.sign_ins.acquire().await else { return Ok(Err(seat.w.sign_in_busy.to_owned())) };
    let (key, now_ms) = (name_key(&seat.account.login), hub.clock.now_ms());
    let counted = key.clone();
    let oldest =
        hub.store.read(move |tx| accounts::nth_failure(tx, &counted, MOST_BY_NAME, now_ms - WINDOW_MS)).await?;
    if let Some(oldest) = oldest {
        let minutes = ((oldest + WINDOW_MS - now_ms).max(1) + 59_999) / 60_000;
        return Ok(Err(fill(seat.w.sign_in_slow, &[&minutes.to_string()])));
    }
    let (given, hash) = (Secret::new(present), seat.account.password.clone());
    let short = present.len() <= LONGEST_BYTES;
    let fits = short && tokio::task::spawn_blocking(move || password::fits(&given, &hash)).await.unwrap_or(false);
    if !fits {
        hub.store.write(move |tx| accounts::note_failure(tx, &key, now_ms, now_ms - WINDOW_MS)).await?;
        return Ok(Err(seat.w.password_not_right.to_owned()));
    }
    Ok(Ok(()))
}
