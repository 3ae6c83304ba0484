//! The HTTP interface for partners' systems (`docs/api.md`): bytes come in, and what became of them is read. What may be
//! seen is decided by `store::view`; bytes change something only by being received.
//!
//! Left out: the portal, which has its own router, and AS2.

mod call;
mod callbacks;
mod check;
mod confirm;
mod documents;
mod interchanges;
mod object;
mod openapi;
mod operate;
mod prefer;
pub mod problem;
mod shape;
mod trades;

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, any, get, post};

use crate::pipeline::hub::Hub;

pub use openapi::DESCRIPTION;

/// A path as in the description, its methods, and what answers.
type Route = (&'static str, &'static [&'static str], MethodRouter<Arc<Hub>>);

/// Every route.
fn routes() -> Vec<Route> {
    vec![
        ("/v1/interchanges", &["post"], post(interchanges::post)),
        ("/v1/interchanges/{id}", &["get"], get(interchanges::get)),
        ("/v1/interchanges/{id}/payload", &["get"], get(interchanges::payload)),
        ("/v1/documents", &["get"], get(documents::list)),
        ("/v1/documents/{id}", &["get"], get(documents::get)),
        ("/v1/trades", &["get"], get(trades::list)),
        ("/v1/trades/{id}", &["get"], get(trades::get)),
        ("/v1/check", &["post"], post(check::check)),
        ("/v1/convert", &["post"], post(check::convert)),
        ("/callbacks/{courier}", &["post"], post(callbacks::post)),
        ("/callbacks/{courier}/{secret}", &["post"], post(callbacks::post_to_secret)),
        ("/healthz", &["get"], get(operate::healthz)),
        ("/readyz", &["get"], get(operate::readyz)),
        ("/metrics", &["get"], get(operate::metrics)),
        ("/openapi.json", &["get"], get(openapi::get)),
    ]
}

/// Paths with their methods, for tests and documentation.
pub fn paths() -> Vec<(&'static str, &'static [&'static str])> {
    routes().into_iter().map(|(path, methods, _)| (path, methods)).collect()
}

/// The router. Its paths are `/v1/…`, `/callbacks/…`, `/mail/…`, `/as2` and the operators'; anything else is the portal's.
pub fn router(hub: Arc<Hub>) -> Router {
    let mut router = Router::new();
    for (path, _, handler) in routes() {
        router = router.route(path, handler.fallback(problem::method_not_allowed));
    }
    // A page for people without an account, so no part of the description.
    let confirm = get(confirm::show).post(confirm::take).fallback(problem::method_not_allowed);
    router = router.route("/mail/{link}", confirm);
    // Not built yet, and no page either.
    for nothing in ["/v1", "/v1/", "/v1/{*rest}", "/callbacks", "/callbacks/", "/as2"] {
        router = router.route(nothing, any(problem::not_found));
    }
    router.with_state(hub)
}
