//! What a form posts. Every form carries the CSRF token of its session, or before signing in one that is tied to the
//! browser by a cookie; the token never reaches the pipeline.

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;

use super::Shared;
use super::frame::Failure;
use super::session::{Seat, Visitor};
use crate::model::secret::Secret;

/// The field of the token.
pub(crate) const TOKEN_FIELD: &str = "csrf";

/// The fields of a form whose token was right, in order, without the token.
#[derive(Debug)]
pub(crate) struct Posted {
    pairs: Vec<(String, String)>,
}

impl Posted {
    /// The first value of a field; empty if it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str())
    }

    /// All fields in order.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }
}

impl FromRequest<Shared> for Posted {
    type Rejection = Failure;

    async fn from_request(request: Request, portal: &Shared) -> Result<Posted, Failure> {
        let (mut parts, body) = request.into_parts();
        let expected = match parts.extensions.get::<Seat>() {
            Some(seat) => Some(seat.csrf.clone()),
            None => {
                let Ok(visitor) = Visitor::from_request_parts(&mut parts, portal).await;
                visitor.form_token.as_deref().map(outside_token)
            }
        };
        let (expected, from_here) = (expected.map(Secret::new), from_here(&parts.headers));
        let request = Request::from_parts(parts, body);
        let Form(mut pairs) =
            Form::<Vec<(String, String)>>::from_request(request, portal).await.map_err(|_| Failure::Stale)?;
        // No store keeps U+0000, and no keyboard has it.
        pairs.iter_mut().for_each(|(_, value)| value.retain(|c| c != '\0'));
        let place = pairs.iter().position(|(name, _)| name == TOKEN_FIELD);
        let given = place.map(|place| Secret::new(pairs.remove(place).1));
        match (given, expected) {
            (Some(given), Some(expected)) if from_here && given == expected => Ok(Posted { pairs }),
            _ => Err(Failure::Stale),
        }
    }
}

/// Whether the browser says that the form is one of ours; one that says nothing has the token alone.
fn from_here(headers: &HeaderMap) -> bool {
    match headers.get("sec-fetch-site").and_then(|value| value.to_str().ok()) {
        Some(site) => matches!(site, "same-origin" | "none"),
        None => true,
    }
}

/// The form token that goes with the cookie of a browser that is not signed in. It differs from the cookie, so that
/// reading the one does not give the other.
pub(crate) fn outside_token(cookie: &str) -> String {
    crate::pipeline::hex(&Secret::new(format!("form {cookie}")).digest())
}

/// Where a form may send the reader afterwards: a path of this site, nothing else.
pub(crate) fn safe_path(wanted: &str) -> &str {
    let inside = wanted.starts_with('/')
        && !wanted.starts_with("//")
        && !wanted.contains('\\')
        && wanted.bytes().all(|byte| byte.is_ascii_graphic());
    if inside { wanted } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_site() {
        let check = |wanted: &str, expected: &str| assert_eq!(safe_path(wanted), expected, "{wanted}");
        check("/trades?before=3", "/trades?before=3");
        check("", "/");
        check("https://evil.example/", "/");
        check("//evil.example/", "/");
        check("/\\evil.example", "/");
        check("/a\r\nSet-Cookie: b", "/");
        check("trades", "/");
    }

    #[test]
    fn other_sites_are_refused() {
        let check = |site: &str, expected| {
            let mut headers = HeaderMap::new();
            headers.insert("sec-fetch-site", site.parse().unwrap());
            assert_eq!(from_here(&headers), expected, "{site}");
        };
        check("same-origin", true);
        check("none", true);
        check("cross-site", false);
        check("same-site", false);
        assert!(from_here(&HeaderMap::new()));
    }
}
