//! What the handlers share: who calls, the query, pages.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response};

use super::problem::{Answer, Problem};
use crate::model::viewer::Viewer;
use crate::pipeline::hub::Hub;
use crate::transport::authenticate::{authenticate, known};

/// Rows of a page when the caller does not say.
const USUAL_ROWS: i64 = 50;
/// Longest value of a parameter that is looked at, bytes.
const LONGEST_VALUE: usize = 300;
/// Parameters of one call that are looked at.
const MOST_PARAMETERS: usize = 32;

/// Reads something for who calls, and answers in its language.
pub(super) async fn reading<F, W>(hub: &Arc<Hub>, parts: &Parts, read: F) -> Response<Body>
where
    F: FnOnce(Viewer) -> W,
    W: Future<Output = Answer>,
{
    let viewer = authenticate(hub, parts, None).and_then(|caller| known(hub, caller));
    let answer = match viewer {
        Err(unknown) => Err(Problem::from(unknown)),
        Ok(viewer) => {
            let language = viewer.language;
            read(viewer).await.map_err(|problem| problem.speaking(language))
        }
    };
    answer.unwrap_or_else(|problem| problem.answer(&parts.headers))
}

/// The parameters of a call.
pub(super) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Of a request.
    pub(super) fn of(parts: &'a Parts) -> Query<'a> {
        let query = parts.uri.query().unwrap_or("");
        Query(url::form_urlencoded::parse(query.as_bytes()).take(MOST_PARAMETERS).collect())
    }

    /// A parameter's first value, empty if there is none. Text that the store cannot hold is refused.
    pub(super) fn text(&self, name: &str) -> Result<&str, Problem> {
        let found = self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_ref());
        if found.len() > LONGEST_VALUE || found.contains('\0') {
            return Err(Problem::parameter(name, &format!("1..{LONGEST_VALUE} bytes")));
        }
        Ok(found)
    }

    /// Whether a parameter is set: `true`, `1`, or there without a value.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.0.iter().any(|(key, value)| key == name && matches!(value.as_ref(), "" | "1" | "true"))
    }

    /// `limit`: rows of a page.
    pub(super) fn limit(&self) -> Result<i64, Problem> {
        let most = crate::store::view::MOST_ROWS;
        match self.text("limit")? {
            "" => Ok(USUAL_ROWS),
            text => {
                let good = text.parse().ok().filter(|limit| (1..=most).contains(limit));
                good.ok_or_else(|| Problem::parameter("limit", &format!("1..{most}")))
            }
        }
    }

    /// The address of the next page: the same parameters, from another place on.
    pub(super) fn next(&self, path: &str, before: &str) -> String {
        let start = path.len() + 1;
        let mut query = url::form_urlencoded::Serializer::for_suffix(format!("{path}?"), start);
        query.append_pair("before", before);
        for (key, value) in self.0.iter().filter(|(key, _)| key != "before") {
            query.append_pair(key, value);
        }
        query.finish()
    }
}

/// 200 with JSON.
pub(super) fn json(body: String) -> Response<Body> {
    let mut answer = Response::new(Body::from(body));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
