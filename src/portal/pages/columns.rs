//! Words of a partner for the columns of its tables: a person of the centre says what they mean, on the page of the
//! interchange in which they were not known. What was said is the next version of the agreement, and the interchange is
//! processed again.

use axum::extract::Path;

use crate::document::directory::{Agreed, Direction};
use crate::format::table_fields;
use crate::model::document_type::DocumentType;
use crate::model::finding::{Code, Finding, Language};
use crate::model::id::InterchangeId;
use crate::portal::form::Posted;
use crate::portal::frame::{Answer, Failure, redirect};
use crate::portal::names::interchange_path;
use crate::portal::session::Seat;
use crate::portal::submit::{self, Field, Outcome, Pairs, fields_of};
use crate::store::interchanges::Interchange;
use crate::store::view::{self, DocumentView};

/// Words that are asked about at once.
const MOST_WORDS: usize = 40;

/// The agreement under which tables of that interchange come.
fn agreed(seat: &Seat, organisation_id: i64, document_type: &str) -> Option<Agreed> {
    let hub = &seat.portal.hub;
    let kind = document_type.parse::<DocumentType>().ok().filter(|kind| !table_fields(kind.as_str()).is_empty())?;
    hub.directory().agreement(organisation_id, Direction::In, kind, &hub.today()).cloned()
}

/// Header words of its tables that were not known, each once.
fn unknown(findings: &[Finding]) -> Vec<&str> {
    let mut words: Vec<&str> = Vec::new();
    for finding in findings {
        // A column is named by its word; what stands in a row is not.
        let header = finding.code == Code::NotCarried && finding.place.path.as_deref() == Some(finding.found.as_str());
        if header && words.len() < MOST_WORDS && !words.contains(&finding.found.as_str()) {
            words.push(&finding.found);
        }
    }
    words
}

/// The fields of the form on the page of an interchange: a word each. None where there is nothing to learn.
pub(super) fn fields(
    seat: &Seat,
    interchange: &Interchange,
    documents: &[DocumentView],
    findings: &[Finding],
) -> Vec<Field> {
    let table = matches!(interchange.format.as_deref(), Some("csv" | "xlsx"));
    let Some(document) = documents.first().filter(|_| table && seat.viewer.sees_the_centre()) else {
        return Vec::new();
    };
    if agreed(seat, interchange.organisation_id, &document.row.document_type).is_none() {
        return Vec::new();
    }
    let known = table_fields(&document.row.document_type);
    let titled: Vec<(String, String)> = known
        .into_iter()
        .map(|(field, title)| match seat.viewer.language {
            Language::Ko => (field.clone(), format!("{title} ({field})")),
            Language::En => (field.clone(), field),
        })
        .collect();
    let mut options: Vec<(&str, &str)> = vec![("", seat.w.not_a_column)];
    options.extend(titled.iter().map(|(field, title)| (field.as_str(), title.as_str())));
    let words = unknown(findings).into_iter().enumerate();
    words.map(|(index, word)| Field::select(&format!("field.{}", index + 1), word, &Pairs::new(), &options)).collect()
}

/// Takes what the words mean.
pub(in crate::portal) async fn learn(seat: Seat, Path(id): Path<String>, posted: Posted) -> Answer {
    let id = id.parse::<InterchangeId>().map_err(|()| Failure::NotFound)?;
    let viewer = seat.viewer.clone();
    let found = seat.portal.hub.store.read(move |tx| view::interchange(tx, &viewer, id.0)).await?;
    let found = found.ok_or(Failure::NotFound)?;
    let kind = found.documents.first().map_or("", |view| view.row.document_type.as_str());
    let agreed = agreed(&seat, found.interchange.organisation_id, kind).ok_or(Failure::NotFound)?;
    let all = super::interchange::all_findings(&found);
    let mut columns: Vec<String> = agreed.terms.columns.clone();
    for (index, word) in unknown(&all).into_iter().enumerate() {
        let field = posted.get(&format!("field.{}", index + 1));
        if !field.is_empty() {
            columns.push(format!("{word}={field}"));
        }
    }
    if columns.len() == agreed.terms.columns.len() {
        return Ok(redirect(&interchange_path(id.0)));
    }
    let json = serde_json::to_string(&agreed.terms).unwrap_or_default();
    let mut values: Pairs = fields_of(&json).into_iter().filter(|(name, _)| !name.starts_with("columns.")).collect();
    values.extend((1..).zip(columns).map(|(index, text)| (format!("columns.{index}"), text)));
    match submit::submit(&seat, "Agreement", &values, posted.get("_nonce")).await? {
        Outcome::Done => {}
        Outcome::Wrong(_) | Outcome::SentBefore => return Ok(redirect(&interchange_path(id.0))),
        Outcome::Open(open) => return Ok(redirect(&interchange_path(open))),
    }
    seat.portal.hub.refresh_directory().await?;
    super::interchange::again(&seat, id, false, "learned").await
}
