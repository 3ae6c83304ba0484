//! `POST /v1/check` and `POST /v1/convert?to=`: the stateless twins of the command line. Nothing is kept.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Response};
use bytes::Bytes;
use tokio::sync::Semaphore;

use super::call::{Query, json};
use super::object::{Object, list};
use super::problem::{Answer, Kind, Problem, SharedHub};
use crate::error::{Error, Result};
use crate::format::Hint;
use crate::pipeline::check::{FORMATS, check_bytes, convert_bytes};
use crate::pipeline::hub::Hub;
use crate::transport::authenticate::{Caller, authenticate};
use crate::transport::http::{described, whole};

/// Documents that are checked or converted at a time; more wait with their bodies unread.
static ROOM: Semaphore = Semaphore::const_new(4);

pub(super) async fn check(State(hub): SharedHub, request: Request) -> Response<Body> {
    stateless(&hub, request, |query, bytes, hint| {
        let schema_only = query.flag("schema_only") || query.flag("schema-only");
        Ok(Box::new(move || {
            let report = check_bytes(bytes, &hint, schema_only)?;
            let text =
                serde_json::to_string(&report).map_err(|error| Error::bug("writing a report").caused_by(error))?;
            Ok(Ok(json(text)))
        }))
    })
    .await
}

pub(super) async fn convert(State(hub): SharedHub, request: Request) -> Response<Body> {
    stateless(&hub, request, |query, bytes, hint| {
        let to = query.text("to")?.to_owned();
        if to.is_empty() {
            return Err(Problem::parameter("to", &FORMATS.join(", ")));
        }
        let now_ms = hub.clock.now_ms();
        Ok(Box::new(move || {
            let converted = match convert_bytes(bytes, &hint, &to, now_ms)? {
                Ok(converted) => converted,
                Err(findings) => {
                    let problem = Problem::new(Kind::NotConvertible);
                    return Ok(Err(problem.member("findings", listed(&findings))));
                }
            };
            let mut answer = Response::new(Body::from(converted.bytes));
            let headers = answer.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(converted.content_type));
            headers.insert(HeaderName::from_static("dure-findings"), HeaderValue::from(converted.findings.len()));
            Ok(Ok(answer))
        }))
    })
    .await
}

fn listed(findings: &[crate::model::finding::Finding]) -> String {
    list(findings.iter().map(|finding| serde_json::to_string(finding).unwrap_or_else(|_| Object::default().end())))
}

/// What is done on a thread of its own.
type Task = Box<dyn FnOnce() -> Result<Answer> + Send>;

/// Reads who calls and the body, then does the work off the async threads.
async fn stateless(
    hub: &Arc<Hub>,
    request: Request,
    prepare: impl FnOnce(&Query<'_>, Bytes, Hint) -> Result<Task, Problem>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let work = async {
        let query = Query::of(&parts);
        let key = query.text("key")?;
        let caller = authenticate(hub, &parts, Some(key).filter(|key| !key.is_empty()))?;
        let limits = &hub.config.limits;
        let limit = limits.receive_bytes.min(limits.whole_document_bytes);
        let _room = ROOM.acquire().await.map_err(|_| Problem::new(Kind::Unavailable))?;
        let bytes = whole(&parts.headers, body, limit, limits.body_timeout_ms).await;
        let bytes = bytes.map_err(|unread| Problem::unread(unread, limit))?;
        let viewer = match caller {
            Caller::Known(viewer) => viewer,
            Caller::Signed(signed) => signed.verify(hub, &bytes)?,
        };
        let done = async {
            let task = prepare(&query, bytes, hint(&parts))?;
            let done = tokio::task::spawn_blocking(task).await;
            done.map_err(|error| Problem::from(Error::bug("checking a document panicked").caused_by(error)))??
        };
        done.await.map_err(|problem| problem.speaking(viewer.language))
    };
    work.await.unwrap_or_else(|problem: Problem| problem.answer(&parts.headers))
}

fn hint(parts: &Parts) -> Hint {
    let described = described(&parts.headers);
    let some = |text: String| (!text.is_empty()).then_some(text);
    Hint {
        content_type: some(described.content_type),
        charset: some(described.charset),
        file_name: some(described.file_name),
        ..Hint::default()
    }
}
