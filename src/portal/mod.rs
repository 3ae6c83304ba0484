//! The pages for the six roles, in Korean and English, written by the server and usable without script.
//!
//! The portal reads through `store` with the viewer's scope and changes things only through the pipeline: a form is an
//! interchange like any other. Exempt by name are signing in and out, passwords, the language and asking for a delivery
//! or an interchange again. Left out: self-registration, second factors, resetting a password by mail.

mod assets;
mod bytes;
mod chip;
mod findings;
mod form;
mod frame;
pub mod language;
mod live;
mod names;
mod pages;
pub mod password;
pub mod rights;
mod session;
mod show;
mod structure;
mod submit;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use tokio::sync::Semaphore;

use crate::pipeline::hub::Hub;
use frame::{Failure, problem_page, redirect};
use rights::{Method, Page, Rights, Scope};

/// What all pages share.
pub(crate) struct Portal {
    hub: Arc<Hub>,
    /// The table of pages, [`PAGES`].
    pages: &'static [Page],
    /// Whether people reach us by TLS, ours or a proxy's.
    secure: bool,
    /// Passwords checked at a time: each takes 19 MiB and a processor.
    sign_ins: Semaphore,
    /// Pages that listen for what happens.
    listeners: Arc<Semaphore>,
}

/// Shared by all requests.
pub(crate) type Shared = Arc<Portal>;

/// Bytes of a form.
const LARGEST_FORM: usize = 1 << 20;

/// Every page that needs a session: path, rights, title. The tenancy test walks them.
#[rustfmt::skip]
pub const PAGES: &[Page] = &[
    Page { path: "/", method: Method::Get, rights: Rights::EVERYBODY, title: |w, _| w.start, route: || get(pages::start::show) },
    Page { path: "/account", method: Method::Get, rights: Rights::EVERYBODY, title: |w, _| w.own_account, route: || get(pages::own_account::show) },
    Page { path: "/account", method: Method::Post, rights: Rights::EVERYBODY, title: |w, _| w.change_password, route: || post(pages::own_account::change) },
    Page { path: "/accounts", method: Method::Get, rights: Rights::ADMINISTRATORS, title: |w, _| w.accounts, route: || get(pages::accounts::list) },
    Page { path: "/accounts/{id}", method: Method::Get, rights: Rights::ADMINISTRATORS, title: |w, _| w.account, route: || get(pages::edit::account::edit) },
    Page { path: "/accounts/{id}", method: Method::Post, rights: Rights::ADMINISTRATORS, title: |w, _| w.account, route: || post(pages::edit::account::edited) },
    Page { path: "/accounts/{id}/password", method: Method::Post, rights: Rights::ADMINISTRATORS, title: |w, _| w.new_password, route: || post(pages::accounts::new_password) },
    Page { path: "/agreements/{id}", method: Method::Get, rights: Rights::KEEPERS, title: |w, _| w.edit, route: || get(pages::edit::agreement::edit) },
    Page { path: "/agreements/{id}", method: Method::Post, rights: Rights::KEEPERS, title: |w, _| w.edit, route: || post(pages::edit::agreement::edited) },
    Page { path: "/bookings", method: Method::Get, rights: Rights::KEEPERS, title: |w, _| w.bookings, route: || get(pages::bookings::list) },
    Page { path: "/bookings/{id}/again", method: Method::Post, rights: Rights::KEEPERS, title: |w, _| w.book_again, route: || post(pages::bookings::again) },
    Page { path: "/bookings/{id}/ask", method: Method::Post, rights: Rights::KEEPERS, title: |w, _| w.ask_again, route: || post(pages::bookings::ask) },
    Page { path: "/channels", method: Method::Get, rights: Rights::KEEPERS, title: |w, _| w.channels, route: || get(pages::channels::list) },
    Page { path: "/channels/{id}/test", method: Method::Post, rights: Rights::KEEPERS, title: |w, _| w.try_channel, route: || post(pages::channels::attempt) },
    Page { path: "/deliveries", method: Method::Get, rights: Rights::TRADERS, title: |w, scope| if scope == Scope::Centre { w.outgoing } else { w.sent_to_us }, route: || get(pages::deliveries::show) },
    Page { path: "/deliveries/{id}", method: Method::Get, rights: Rights::TRADERS, title: |w, _| w.delivery, route: || get(pages::delivery::show) },
    Page { path: "/deliveries/{id}/body", method: Method::Get, rights: Rights::TRADERS, title: |w, _| w.download, route: || get(pages::delivery::body) },
    Page { path: "/deliveries/{id}/resend", method: Method::Post, rights: Rights::KEEPERS, title: |w, _| w.resend, route: || post(pages::delivery::resend) },
    Page { path: "/documents/{id}", method: Method::Get, rights: Rights::TRADERS, title: |w, _| w.document, route: || get(pages::document::show) },
    Page { path: "/documents/{id}/json", method: Method::Get, rights: Rights::TRADERS, title: |w, _| w.download, route: || get(pages::document::json) },
    Page { path: "/find", method: Method::Get, rights: Rights::TRADERS, title: |w, _| w.found, route: || get(pages::trades::find) },
    Page { path: "/interchanges", method: Method::Get, rights: Rights::TRADERS, title: |w, scope| if scope == Scope::Centre { w.incoming } else { w.sent_by_us }, route: || get(pages::interchanges::show) },
    Page { path: "/interchanges/{id}", method: Method::Get, rights: Rights::TRADERS, title: |w, _| w.interchange, route: || get(pages::interchange::show) },
    Page { path: "/interchanges/{id}/columns", method: Method::Post, rights: Rights::KEEPERS, title: |w, _| w.learn_columns, route: || post(pages::columns::learn) },
    Page { path: "/interchanges/{id}/payload", method: Method::Get, rights: Rights::TRADERS, title: |w, _| w.download, route: || get(pages::interchange::payload) },
    Page { path: "/interchanges/{id}/release", method: Method::Post, rights: Rights::KEEPERS, title: |w, _| w.release, route: || post(pages::interchange::release) },
    Page { path: "/interchanges/{id}/replay", method: Method::Post, rights: Rights::KEEPERS, title: |w, _| w.replay, route: || post(pages::interchange::replay) },
    Page { path: "/live", method: Method::Get, rights: Rights::EVERYBODY, title: |w, _| w.live, route: || get(live::listen) },
    Page { path: "/new/account", method: Method::Get, rights: Rights::ADMINISTRATORS, title: |w, _| w.new_account, route: || get(pages::edit::account::add) },
    Page { path: "/new/account", method: Method::Post, rights: Rights::ADMINISTRATORS, title: |w, _| w.new_account, route: || post(pages::edit::account::added) },
    Page { path: "/new/agreement", method: Method::Get, rights: Rights::KEEPERS, title: |w, _| w.new_agreement, route: || get(pages::edit::agreement::add) },
    Page { path: "/new/agreement", method: Method::Post, rights: Rights::KEEPERS, title: |w, _| w.new_agreement, route: || post(pages::edit::agreement::added) },
    Page { path: "/new/partner", method: Method::Get, rights: Rights::KEEPERS, title: |w, _| w.new_partner, route: || get(pages::edit::partner::add) },
    Page { path: "/new/partner", method: Method::Post, rights: Rights::KEEPERS, title: |w, _| w.new_partner, route: || post(pages::edit::partner::added) },
    Page { path: "/parcels/{id}/label", method: Method::Get, rights: Rights::TRADERS, title: |w, _| w.label, route: || get(pages::label::show) },
    Page { path: "/partners", method: Method::Get, rights: Rights::KEEPERS, title: |w, _| w.partners, route: || get(pages::partners::list) },
    Page { path: "/partners/{short}", method: Method::Get, rights: Rights::EVERYBODY, title: |w, _| w.partner, route: || get(pages::partners::show) },
    Page { path: "/partners/{short}/edit", method: Method::Get, rights: Rights::KEEPERS, title: |w, _| w.edit, route: || get(pages::edit::partner::edit) },
    Page { path: "/partners/{short}/edit", method: Method::Post, rights: Rights::KEEPERS, title: |w, _| w.edit, route: || post(pages::edit::partner::edited) },
    Page { path: "/partners/{short}/keys/{key}/end", method: Method::Post, rights: Rights::KEEPERS, title: |w, _| w.end_key, route: || post(pages::partners::end_key) },
    Page { path: "/sign-out", method: Method::Post, rights: Rights::EVERYBODY, title: |w, _| w.sign_out, route: || post(pages::sign_in::leave) },
    Page { path: "/trades", method: Method::Get, rights: Rights::TRADERS, title: |w, _| w.trades, route: || get(pages::trades::show) },
    Page { path: "/trades/{id}", method: Method::Get, rights: Rights::TRADERS, title: |w, _| w.trade, route: || get(pages::trade::show) },
];

/// The pages, `/` and below, with what they need. Whoever serves them puts `ConnectInfo<SocketAddr>` into the requests,
/// so that failed sign-ins are counted by address. Has the fallback for unknown paths.
pub fn router(hub: Arc<Hub>) -> Router {
    let secure = hub.config.url().starts_with("https://");
    let portal = Arc::new(Portal {
        hub,
        pages: PAGES,
        secure,
        sign_ins: Semaphore::new(2),
        listeners: Arc::new(Semaphore::new(live::MOST)),
    });
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
