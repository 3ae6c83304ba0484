//! The one style sheet and the small script, inside the binary, under a name that changes with their content; and the
//! headers that keep a page what it is (CSP level 3, RFC 6797).

use std::sync::LazyLock;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Shared;

struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

const ASSETS: &[Asset] = &[
    Asset { name: "dure.css", content_type: "text/css; charset=utf-8", bytes: include_bytes!("assets/dure.css") },
    Asset { name: "dure.js", content_type: "text/javascript; charset=utf-8", bytes: include_bytes!("assets/dure.js") },
    Asset { name: "dure.svg", content_type: "image/svg+xml", bytes: include_bytes!("assets/dure.svg") },
];

fn path_of(name: &str) -> String {
    let bytes = ASSETS.iter().find(|asset| asset.name == name).map_or(&[][..], |asset| asset.bytes);
    let digest = crate::pipeline::hex(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    format!("/assets/{name}?v={}", digest.get(..12).unwrap_or(""))
}

/// Where the style sheet is.
pub(super) fn style_path() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| path_of("dure.css"));
    &PATH
}

/// Where the script is.
pub(super) fn script_path() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| path_of("dure.js"));
    &PATH
}

/// Gives an asset.
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => {
            let headers = [
                (header::CONTENT_TYPE, asset.content_type),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            (headers, asset.bytes).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// No script and no style but our files, nothing from elsewhere, no frame around us.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Puts the headers of every page on.
pub(super) async fn headers(State(portal): State<Shared>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let all = response.headers_mut();
    let mut put = |name: &'static str, value: &'static str| {
        all.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    };
    put("content-security-policy", POLICY);
    put("x-content-type-options", "nosniff");
    put("x-frame-options", "DENY");
    put("referrer-policy", "same-origin");
    put("permissions-policy", "camera=(), geolocation=(), microphone=()");
    put("cross-origin-opener-policy", "same-origin");
    put("cross-origin-resource-policy", "same-origin");
    put("cache-control", "no-store");
    if portal.secure {
        put("strict-transport-security", "max-age=31536000");
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_of_the_content() {
        assert!(
            style_path().starts_with("/assets/dure.css?v=") && style_path().len() == "/assets/dure.css?v=".len() + 12
        );
        assert_ne!(style_path().split('=').next_back(), script_path().split('=').next_back());
    }

    /// What the policy forbids must not stand in a template: it would be dead, and a sign that something is built
    /// around the policy. Nor may anything be written unescaped.
    #[test]
    fn templates_keep_to_the_policy() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/portal/templates");
        let mut seen = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            for forbidden in
                [" style=", "<style", " onclick=", " onload=", "javascript:", "|safe", "escape(", "http://", "https://"]
            {
                assert!(!text.contains(forbidden), "{forbidden} stands in {}", path.display());
            }
            assert_eq!(text.matches("<form").count(), text.matches("</form>").count(), "{}", path.display());
            seen += 1;
        }
        assert!(seen > 3);
    }
}
