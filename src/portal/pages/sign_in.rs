//! Signing in and out, and choosing the language. Failed attempts are counted by name and by address; past a bound
//! nothing is looked at until enough of them are old, and the page says how long that takes.

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use ring::rand::SystemRandom;

use crate::error::Result;
use crate::model::finding::Language;
use crate::model::id::AccountId;
use crate::model::secret::Secret;
use crate::portal::form::{Posted, outside_token, safe_path};
use crate::portal::frame::{Answer, Failure, Frame, redirect};
use crate::portal::language::{Words, fill};
use crate::portal::session::{FORM_COOKIE, SESSION_COOKIE, Seat, Visitor, language_cookie};
use crate::portal::{Shared, password};
use crate::store::{accounts, audit};

/// How long a failed attempt counts, milliseconds.
pub(super) const WINDOW_MS: i64 = 15 * 60 * 1000;

/// Failed attempts on one name within the window.
pub(super) const MOST_BY_NAME: i64 = 8;

/// Failed attempts from one address within the window.
const MOST_BY_ADDRESS: i64 = 40;

/// How long a sign-in waits for its turn.
const QUEUE: std::time::Duration = std::time::Duration::from_secs(10);

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    f: Frame,
    next: &'a str,
    login: &'a str,
    wrong: String,
}

/// Where to go afterwards.
#[derive(serde::Deserialize)]
pub(in crate::portal) struct Next {
    #[serde(default)]
    next: String,
}

/// Shows the form.
pub(in crate::portal) async fn show(visitor: Visitor, Query(query): Query<Next>) -> Response {
    answer(form(&visitor, safe_path(&query.next), "", StatusCode::OK, String::new()), &visitor)
}

fn answer(page: Result<Response>, visitor: &Visitor) -> Response {
    page.unwrap_or_else(|error| {
        tracing::error!(%error, "signing in failed");
        let w = Words::of(visitor.language);
        (StatusCode::INTERNAL_SERVER_ERROR, w.trouble_more).into_response()
    })
}

fn form(visitor: &Visitor, next: &str, login: &str, status: StatusCode, wrong: String) -> Result<Response> {
    let cookie = match &visitor.form_token {
        Some(token) if token.len() == 43 => Secret::new(token.as_str()),
        _ => Secret::generate("", &SystemRandom::new())?,
    };
    let w = Words::of(visitor.language);
    let mut f = Frame::outside(&visitor.portal, visitor.language, outside_token(cookie.expose()), w.sign_in);
    f.here = "/sign-in".to_owned();
    let text = SignIn { f, next, login, wrong }
        .render()
        .map_err(|error| crate::error::Error::bug("writing the sign-in page").caused_by(error))?;
    let cookie = visitor.portal.cookie(FORM_COOKIE, cookie.expose());
    Ok((status, [(header::SET_COOKIE, cookie)], Html(text)).into_response())
}

/// Takes name and password.
pub(in crate::portal) async fn enter(visitor: Visitor, posted: Result<Posted, Failure>) -> Response {
    let w = Words::of(visitor.language);
    let again = |posted: &Posted, status, wrong: String| {
        answer(form(&visitor, safe_path(posted.get("next")), posted.get("login"), status, wrong), &visitor)
    };
    let posted = match posted {
        Ok(posted) => posted,
        Err(_) => {
            return answer(form(&visitor, "/", "", StatusCode::FORBIDDEN, w.form_stale.to_owned()), &visitor);
        }
    };
    match judge(&visitor, &posted).await {
        Ok(Verdict::In { session }) => {
            let to = safe_path(posted.get("next")).to_owned();
            (StatusCode::SEE_OTHER, [(header::LOCATION, to), (header::SET_COOKIE, session)]).into_response()
        }
        Ok(Verdict::Wrong) => again(&posted, StatusCode::UNAUTHORIZED, w.sign_in_wrong.to_owned()),
        Ok(Verdict::Slow { minutes }) => {
            let text = fill(w.sign_in_slow, &[&minutes.to_string()]);
            let mut response = again(&posted, StatusCode::TOO_MANY_REQUESTS, text);
            response.headers_mut().insert(header::RETRY_AFTER, (minutes * 60).into());
            response
        }
        Ok(Verdict::Busy) => again(&posted, StatusCode::SERVICE_UNAVAILABLE, w.sign_in_busy.to_owned()),
        Err(error) => answer(Err(error), &visitor),
    }
}

/// Under what failures on a name are counted.
pub(super) fn name_key(login: &str) -> String {
    format!("name {}", login.to_lowercase())
}

enum Verdict {
    In { session: String },
    Wrong,
    Slow { minutes: i64 },
    Busy,
}

async fn judge(visitor: &Visitor, posted: &Posted) -> Result<Verdict> {
    let hub = &visitor.portal.hub;
    let login: String = posted.get("login").trim().chars().take(128).collect();
    let secret = Secret::new(posted.get("password"));
    let by_name = name_key(&login);
    let by_address = visitor.address.map(|address| format!("address {address}"));
    let Ok(Ok(_turn)) = tokio::time::timeout(QUEUE, visitor.portal.sign_ins.acquire()).await else {
        return Ok(Verdict::Busy);
    };
    // Looked at inside the turn, so that many attempts at once are counted one after the other.
    let now_ms = hub.clock.now_ms();
    let keys = [(Some(by_name.clone()), MOST_BY_NAME), (by_address.clone(), MOST_BY_ADDRESS)];
    let name = login.clone();
    let (oldest, account) = hub
        .store
        .read(move |tx| {
            let mut oldest = None;
            for (key, most) in &keys {
                let Some(key) = key else { continue };
                oldest = oldest.max(accounts::nth_failure(tx, key, *most, now_ms - WINDOW_MS)?);
            }
            Ok((oldest, accounts::by_login(tx, &name)?))
        })
        .await?;
    if let Some(oldest) = oldest {
        let left_ms = (oldest + WINDOW_MS - now_ms).max(1);
        return Ok(Verdict::Slow { minutes: (left_ms + 59_999) / 60_000 });
    }
    let account = account.filter(|account| account.status == "active");
    let hash = account.as_ref().map_or(String::new(), |account| account.password.clone());
    let fits = secret.expose().len() <= password::LONGEST_BYTES
        && tokio::task::spawn_blocking(move || password::fits(&secret, &hash)).await.unwrap_or(false);
    match account {
        Some(account) if fits => {
            let (audit_id, actor) = (hub.next_id(), AccountId(account.id).to_string());
            hub.store
                .write(move |tx| {
                    accounts::forget_failures(tx, &by_name)?;
                    audit::note(tx, audit_id, now_ms, &actor, "sign-in", "", None)
                })
                .await?;
            Ok(Verdict::In { session: visitor.portal.open_session(account.id).await? })
        }
        _ => {
            hub.store
                .write(move |tx| {
                    for key in [Some(by_name.as_str()), by_address.as_deref()].into_iter().flatten() {
                        accounts::note_failure(tx, key, now_ms, now_ms - WINDOW_MS)?;
                    }
                    Ok(())
                })
                .await?;
            tracing::info!(address = ?visitor.address, "a sign-in failed");
            Ok(Verdict::Wrong)
        }
    }
}

/// Ends the session.
pub(in crate::portal) async fn leave(seat: Seat, _posted: Posted) -> Answer {
    let (digest, now_ms) = (seat.token_digest, seat.portal.hub.clock.now_ms());
    let (audit_id, actor) = (seat.portal.hub.next_id(), AccountId(seat.account.id).to_string());
    seat.portal
        .hub
        .store
        .write(move |tx| {
            accounts::close_session(tx, &digest)?;
            audit::note(tx, audit_id, now_ms, &actor, "sign-out", "", None)
        })
        .await?;
    let cookie = seat.portal.cookie(SESSION_COOKIE, "");
    // What a browser keeps of the pages goes with the session.
    let headers =
        [(header::LOCATION, "/sign-in".to_owned()), (header::SET_COOKIE, cookie), (clear(), "\"cache\"".to_owned())];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

fn clear() -> header::HeaderName {
    header::HeaderName::from_static("clear-site-data")
}

/// Chooses the language: of the account, and of this browser.
pub(in crate::portal) async fn language(
    State(portal): State<Shared>,
    seat: Option<Extension<Seat>>,
    posted: Result<Posted, Failure>,
) -> Answer {
    let Ok(posted) = posted else { return Ok(redirect("/")) };
    let language = if posted.get("language") == "en" { Language::En } else { Language::Ko };
    if let Some(Extension(seat)) = seat {
        let id = seat.account.id;
        portal.hub.store.write(move |tx| accounts::set_language(tx, id, language.as_str())).await?;
    }
    let to = safe_path(posted.get("next")).to_owned();
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, to), (header::SET_COOKIE, language_cookie(language))])
        .into_response())
}
