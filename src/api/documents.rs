//! `GET /v1/documents`: what the caller sent, received or is named by, newest first; `GET /v1/documents/{id}`: one of them
//! as canonical JSON.

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::Response;

use super::call::{Query, json, reading};
use super::object::Object;
use super::problem::{Kind, Problem, SharedHub};
use super::shape;
use crate::document::directory::Directory;
use crate::model::document_type::DocumentType;
use crate::model::id::{DeliveryId, DocumentId, OrganisationId};
use crate::model::party_id::PartyId;
use crate::store::view::{self, DocumentFilter, DocumentKey};

/// Documents of a page that has contents.
const MOST_CONTENTS: i64 = 20;
/// Bytes of contents after which a page ends.
const CONTENT_BYTES: usize = 4 << 20;

fn key_of(text: &str) -> Option<DocumentKey> {
    let document = text.parse().map(|DocumentId(id)| DocumentKey::Document(id));
    document.or_else(|()| text.parse().map(|DeliveryId(id)| DocumentKey::Delivery(id))).ok()
}

pub(super) async fn get(State(hub): SharedHub, Path(id): Path<String>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    reading(&hub, &parts, async |viewer| {
        let key = key_of(&id).ok_or_else(|| Problem::new(Kind::NotFound))?;
        let found = hub.store.read(move |tx| view::document(tx, &viewer, key)).await?;
        let view = found.ok_or_else(|| Problem::new(Kind::NotFound))?;
        Ok(json(shape::document_of(&view, &hub.directory(), true)))
    })
    .await
}

pub(super) async fn list(State(hub): SharedHub, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    reading(&hub, &parts, async |viewer| {
        let query = Query::of(&parts);
        let contents = query.flag("content");
        let limit = if contents { query.limit()?.min(MOST_CONTENTS) } else { query.limit()? };
        let directory = hub.directory();
        let Some(issuer_id) = issuer(&directory, query.text("partner")?) else {
            // Who is not known here has issued nothing that the caller may see.
            return Ok(json(page(&[], &directory, contents, None)));
        };
        let filter = DocumentFilter {
            document_type: document_type(query.text("type")?)?.to_owned(),
            number: query.text("number")?.to_owned(),
            issuer_id,
            since_ms: since(query.text("since")?, hub.config.zone)?,
            before: before(query.text("before")?)?,
            limit,
            ..DocumentFilter::default()
        };
        let mut found = hub.store.read(move |tx| view::documents(tx, &viewer, &filter)).await?;
        let full = found.len() as i64 == limit;
        let cut = contents && shorten(&mut found);
        let last = found.last().filter(|_| full || cut).map(|last| shape::key(last.row.key));
        let next = last.map(|last| query.next("/v1/documents", &last));
        Ok(json(page(&found, &directory, contents, next)))
    })
    .await
}

fn page(found: &[view::DocumentView], directory: &Directory, contents: bool, next: Option<String>) -> String {
    let mut out = Object::default();
    out.list("documents", found.iter().map(|view| shape::document_of(view, directory, contents)));
    out.put("next", &next);
    out.end()
}

/// Drops what is too much for one page; whether something was. The first stays, whatever its size.
fn shorten(found: &mut Vec<view::DocumentView>) -> bool {
    let mut bytes = 0;
    let fitting = found.iter().take_while(|view| {
        let fits = bytes < CONTENT_BYTES;
        bytes += view.content.len();
        fits
    });
    let keep = fitting.count().max(1);
    let cut = keep < found.len();
    found.truncate(keep);
    cut
}

/// Who is meant by a short name, an id or an identifier (`gln:8801234500012`); 0 for nobody in particular.
fn issuer(directory: &Directory, text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let by_id = text.parse().ok().and_then(|OrganisationId(id)| directory.organisation(id));
    let by_identifier = || text.parse::<PartyId>().ok().and_then(|id| directory.by_identifier(&id));
    by_id.or_else(|| directory.by_short(text)).or_else(by_identifier).map(|organisation| organisation.id)
}

fn document_type(text: &str) -> Result<&'static str, Problem> {
    if text.is_empty() {
        return Ok("");
    }
    let known = DocumentType::ALL.iter().map(|kind| kind.as_str());
    let found = known.clone().find(|kind| kind.eq_ignore_ascii_case(text));
    found.ok_or_else(|| Problem::parameter("type", &known.collect::<Vec<_>>().join(", ")))
}

/// A day in the hub's zone, or an instant with its offset; milliseconds.
fn since(text: &str, zone: chrono_tz::Tz) -> Result<i64, Problem> {
    if text.is_empty() {
        return Ok(0);
    }
    let instant = chrono::DateTime::parse_from_rfc3339(text).map(|at| at.timestamp_millis()).ok();
    let day = || {
        let day: chrono::NaiveDate = text.parse().ok()?;
        Some(day.and_hms_opt(0, 0, 0)?.and_local_timezone(zone).earliest()?.timestamp_millis())
    };
    instant.or_else(day).ok_or_else(|| Problem::parameter("since", "2026-11-24, 2026-11-24T09:00:00+09:00"))
}

fn before(text: &str) -> Result<i64, Problem> {
    if text.is_empty() {
        return Ok(0);
    }
    key_of(text).map(DocumentKey::number).ok_or_else(|| Problem::parameter("before", "doc_…, dlv_…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_when() {
        let check = |text, expected| assert_eq!(since(text, chrono_tz::Asia::Seoul).ok(), expected, "{text}");
        check("", Some(0));
        check("2027-01-15", Some(1_799_938_800_000));
        check("2027-01-15T09:00:00+09:00", Some(1_799_971_200_000));
        check("2027-01-15T00:00:00.5Z", Some(1_799_971_200_500));
        for wrong in ["yesterday", "2027-02-30", "2027-01-15T09:00:00"] {
            check(wrong, None);
        }
    }

    #[test]
    fn types() {
        assert_eq!(document_type("order").unwrap(), "Order");
        assert_eq!(document_type("").unwrap(), "");
        assert!(document_type("Orders").is_err());
    }
}
