//! The pages for the six roles, in Korean and English, written by the server and usable without script.
//!
//! The portal reads through `store` with the viewer's scope and changes things only through the pipeline: a form is an
//! interchange like any other. Exempt by name are signing in and out, passwords, the language and asking for a delivery
//! or an interchange again. Left out: self-registration, second factors, resetting a password by mail.

mod assets;
mod bytes;
mod chip;
mod content;
mod fields;
mod findings;
mod form;
mod frame;
pub mod language;
mod pages;
pub mod password;
pub mod rights;
mod session;
mod show;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::pipeline::hub::Hub;
use frame::{Failure, problem_page, redirect};
use rights::{Method, Page, Rights};

/// What all pages share.
pub(crate) struct Portal {
    hub: Arc<Hub>,
    /// The table of pages, [`PAGES`].
    pages: &'static [Page],
    /// Whether people reach us by TLS, ours or a proxy's.
    secure: bool,
    /// Passwords checked at a time: each takes 19 MiB and a processor.
    sign_ins: tokio::sync::Semaphore,
}

/// Shared by all requests.
pub(crate) type Shared = Arc<Portal>;

/// Bytes of a form.
const LARGEST_FORM: usize = 1 << 20;

/// Every page that needs a session: path, rights, title. The tenancy test walks them.
pub const PAGES: &[Page] = &[
    Page {
        path: "/",
        method: Method::Get,
        rights: Rights::EVERYBODY,
        title: |w| w.start,
        route: || get(pages::start::show),
    },
    Page {
        path: "/sign-out",
        method: Method::Post,
        rights: Rights::EVERYBODY,
        title: |w| w.sign_out,
        route: || post(pages::sign_in::leave),
    },
];

/// The pages, `/` and below, with what they need. Whoever serves them puts `ConnectInfo<SocketAddr>` into the requests,
/// so that failed sign-ins are counted by address. Has the fallback for unknown paths.
pub fn router(hub: Arc<Hub>) -> Router {
    let secure = hub.config.url().starts_with("https://");
    let portal = Arc::new(Portal { hub, pages: PAGES, secure, sign_ins: tokio::sync::Semaphore::new(2) });
    let mut router: Router<Shared> = Router::new()
        .route("/sign-in", get(pages::sign_in::show).post(pages::sign_in::enter))
        .route("/language", post(pages::sign_in::language).layer(from_fn_with_state(portal.clone(), session::look)))
        .route("/assets/{name}", get(assets::asset));
    for page in PAGES {
        let guarded = (page.route)().layer(from_fn_with_state((portal.clone(), page), session::guard));
        router = router.route(page.path, guarded);
    }
    router
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(from_fn_with_state(portal.clone(), assets::headers))
        .with_state(portal)
}

/// A path that is no page: told to those signed in in the same words as a page that is not theirs.
async fn unknown(State(portal): State<Shared>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    match session::seat(&portal, &parts).await {
        Ok(Some(seat)) => problem_page(&seat, &Failure::NotFound).await,
        Ok(None) => redirect("/sign-in"),
        Err(error) => Failure::Trouble(error).into_response(),
    }
}
