//! Who is signed in. A session is 256 random bits in a cookie (`HttpOnly`, `SameSite=Lax`, behind TLS `Secure` with the
//! `__Host-` prefix of RFC 6265bis), kept as its SHA-256 with a CSRF token; account and rights are read anew at every
//! request. The guard here stands before every page of the table in `mod.rs`.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ring::rand::SystemRandom;

use super::frame::{Failure, problem_page, redirect};
use super::language::Words;
use super::rights::{Method, Page, Scope};
use super::{Portal, Shared};
use crate::error::Result;
use crate::model::finding::Language;
use crate::model::role::Role;
use crate::model::secret::Secret;
use crate::model::viewer::Viewer;
use crate::store::accounts::{self, AccountRow};

/// How long a session lasts, milliseconds: a working day.
const SESSION_MS: i64 = 12 * 60 * 60 * 1000;

/// The cookie that holds the chosen language before and without an account.
const LANGUAGE_COOKIE: &str = "dure-language";

/// A person at a page that is theirs.
#[derive(Clone)]
pub(crate) struct Seat {
    /// What all pages share.
    pub(crate) portal: Shared,
    /// Who looks, for the store.
    pub(crate) viewer: Viewer,
    /// The person.
    pub(crate) account: AccountRow,
    /// What the person may do.
    pub(crate) role: Role,
    /// The words in the person's language.
    pub(crate) w: &'static Words,
    /// The token of every form of the session.
    pub(crate) csrf: String,
    /// Path and query of the request.
    pub(crate) here: String,
    /// Under which the session is kept.
    pub(crate) token_digest: [u8; 32],
}

/// Somebody who is not signed in.
#[derive(Clone)]
pub(crate) struct Visitor {
    /// What all pages share.
    pub(crate) portal: Shared,
    /// The language by cookie or browser.
    pub(crate) language: Language,
    /// The visitor's token for forms before signing in, from its cookie.
    pub(crate) form_token: Option<String>,
    /// Where the visitor is.
    pub(crate) address: Option<IpAddr>,
}

impl Portal {
    fn cookie_name(&self, plain: &'static str) -> String {
        if self.secure { format!("__Host-{plain}") } else { plain.to_owned() }
    }

    /// A `Set-Cookie` of the session kind; an empty value takes it away.
    pub(crate) fn cookie(&self, name: &'static str, value: &str) -> String {
        let name = self.cookie_name(name);
        let secure = if self.secure { "; Secure" } else { "" };
        let end = if value.is_empty() { "; Max-Age=0" } else { "" };
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{end}")
    }

    /// Opens a session for an account; gives the `Set-Cookie`.
    pub(crate) async fn open_session(&self, account_id: i64) -> Result<String> {
        let random = SystemRandom::new();
        let (token, csrf) = (Secret::generate("", &random)?, Secret::generate("", &random)?);
        let (digest, now_ms) = (token.digest(), self.hub.clock.now_ms());
        self.hub
            .store
            .write(move |tx| {
                let expires_ms = now_ms + SESSION_MS;
                accounts::open_session(tx, &digest, account_id, csrf.expose(), now_ms, expires_ms)
            })
            .await?;
        Ok(self.cookie(SESSION_COOKIE, token.expose()))
    }
}

/// The cookie of a session.
pub(crate) const SESSION_COOKIE: &str = "dure";

/// The cookie that ties the forms before signing in to one browser.
pub(crate) const FORM_COOKIE: &str = "dure-form";

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The language of somebody who is not signed in: chosen before, else as the browser asks, else Korean.
pub(crate) fn language_of(headers: &HeaderMap) -> Language {
    let asked = || headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    cookie(headers, LANGUAGE_COOKIE)
        .and_then(Language::from_header)
        .or_else(|| asked().and_then(Language::from_header))
        .unwrap_or_default()
}

/// The `Set-Cookie` that keeps a chosen language for a year.
pub(crate) fn language_cookie(language: Language) -> String {
    format!("{LANGUAGE_COOKIE}={}; Path=/; Max-Age=31536000; SameSite=Lax", language.as_str())
}

/// The address of the other end. Behind a proxy on this machine it is what the proxy wrote last into `X-Forwarded-For`;
/// from anywhere else that header is not believed.
fn address(parts: &Parts) -> Option<IpAddr> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip().to_canonical();
    let told = parts.headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
    let told = told.and_then(|value| value.rsplit(',').next()?.trim().parse().ok());
    Some(if peer.is_loopback() { told.unwrap_or(peer) } else { peer })
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, portal: &Shared) -> Result<Visitor, Self::Rejection> {
        let form_token = cookie(&parts.headers, &portal.cookie_name(FORM_COOKIE)).map(str::to_owned);
        let language = language_of(&parts.headers);
        Ok(Visitor { portal: portal.clone(), language, form_token, address: address(parts) })
    }
}

impl FromRequestParts<Shared> for Seat {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Seat, Failure> {
        // The guard put it there; a route without a guard shows nothing.
        parts.extensions.get::<Seat>().cloned().ok_or(Failure::NotFound)
    }
}

/// The session of a request: the seat, or none for who is not signed in.
pub(crate) async fn seat(portal: &Shared, parts: &Parts) -> Result<Option<Seat>> {
    let Some(token) = cookie(&parts.headers, &portal.cookie_name(SESSION_COOKIE)) else { return Ok(None) };
    // A token of ours has 43 characters.
    if token.len() > 100 {
        return Ok(None);
    }
    let token_digest = Secret::new(token).digest();
    let now_ms = portal.hub.clock.now_ms();
    let found = portal.hub.store.read(move |tx| accounts::session(tx, &token_digest, now_ms)).await?;
    let Some((account, csrf)) = found else { return Ok(None) };
    let Some(role) = Role::from_word(&account.role) else { return Ok(None) };
    let language = if account.language == "en" { Language::En } else { Language::Ko };
    let viewer = Viewer {
        centre_id: account.centre_id,
        organisation_id: account.organisation_id,
        role: Some(role),
        account_id: Some(account.id),
        language,
    };
    let here = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let w = Words::of(language);
    Ok(Some(Seat { portal: portal.clone(), viewer, account, role, w, csrf, here, token_digest }))
}

/// Stands before every page: nobody gets past it without a session, nor to a page that is not their role's.
pub(crate) async fn guard(
    State((portal, page)): State<(Shared, &'static Page)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let seat = match seat(&portal, &parts).await {
        Ok(Some(seat)) => seat,
        Ok(None) => return to_sign_in(page, &parts),
        Err(error) => {
            tracing::error!(%error, page = page.path, "reading a session failed");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    // Nothing of ours has U+0000 in its name, and no store keeps it.
    let odd = parts.uri.path_and_query().is_some_and(|path| path.as_str().contains("%00"));
    if odd || page.rights.of(seat.role) == Scope::Nothing {
        return problem_page(&seat, &Failure::NotFound).await;
    }
    parts.extensions.insert(seat.clone());
    let mut response = next.run(Request::from_parts(parts, body)).await;
    match response.extensions_mut().remove::<std::sync::Arc<Failure>>() {
        Some(failure) => problem_page(&seat, &failure).await,
        None => response,
    }
}

/// Stands before what is for everybody but knows those who are signed in.
pub(crate) async fn look(State(portal): State<Shared>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    if let Ok(Some(seat)) = seat(&portal, &parts).await {
        parts.extensions.insert(seat);
    }
    next.run(Request::from_parts(parts, body)).await
}

/// To the sign-in page, and back to where the visitor wanted to go.
fn to_sign_in(page: &Page, parts: &Parts) -> Response {
    let wanted = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    if page.method == Method::Post || wanted == "/" {
        return redirect("/sign-in");
    }
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", wanted).finish();
    redirect(&format!("/sign-in?{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "dure-form=a; dure=b".parse().unwrap());
        headers.append(header::COOKIE, "x=1;dure-language=en".parse().unwrap());
        assert_eq!(cookie(&headers, "dure"), Some("b"));
        assert_eq!(cookie(&headers, "dure-form"), Some("a"));
        assert_eq!(cookie(&headers, "dur"), None);
        assert_eq!(language_of(&headers), Language::En);
    }

    #[test]
    fn language_of_the_browser() {
        let check = |asked: &str, expected| {
            let mut headers = HeaderMap::new();
            headers.append(header::ACCEPT_LANGUAGE, asked.parse().unwrap());
            assert_eq!(language_of(&headers), expected, "{asked}");
        };
        check("en-GB,en;q=0.9,ko;q=0.8", Language::En);
        check("de,ko;q=0.5", Language::Ko);
        check("de", Language::Ko);
        assert_eq!(language_of(&HeaderMap::new()), Language::Ko);
    }

    #[test]
    fn a_proxy_is_believed_only_on_this_machine() {
        let check = |peer: &str, told: &str, expected: &str| {
            let request = axum::http::Request::builder().header("x-forwarded-for", told).body(()).unwrap();
            let (mut parts, ()) = request.into_parts();
            parts.extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 9)));
            assert_eq!(address(&parts), Some(expected.parse().unwrap()));
        };
        check("127.0.0.1", "6.6.6.6, 192.0.2.7", "192.0.2.7");
        check("::ffff:127.0.0.1", "192.0.2.7", "192.0.2.7");
        check("127.0.0.1", "nonsense", "127.0.0.1");
        check("198.51.100.1", "192.0.2.7", "198.51.100.1");
    }
}
