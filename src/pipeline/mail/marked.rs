//! The files that go back with an answer: a table as a workbook in which what is wrong with it is marked.

use std::io::Read;
use std::sync::Arc;

use super::super::hub::Hub;
use super::super::read::Source;
use super::super::receive::PayloadReader;
use super::super::told::{File, stored};
use crate::document::notice::Notice;
use crate::error::{Context, Error, Result};
use crate::format::sheet;
use crate::model::finding::{Finding, Language, Severity};
use crate::model::id::InterchangeId;
use crate::store::deliveries::Attachment;
use crate::store::mails::Part;
use crate::store::{documents, interchanges};

/// Files that go back with one answer.
const MOST_FILES: usize = 10;
/// A larger file stays where it is, bytes.
const LARGEST_FILE: i64 = 10 << 20;
/// Findings of one file that are marked.
const MOST_FINDINGS: usize = 5_000;

/// Whether a file goes back marked: a table that was read and in which something is wrong.
pub(super) fn goes_back(part: &Part, file: &File) -> bool {
    let table = matches!(part.format.as_deref(), Some("csv" | "xlsx"));
    let mut findings = file.findings.iter().chain(file.documents.iter().flat_map(|told| &told.findings));
    table && part.size_bytes <= LARGEST_FILE && findings.any(|finding| finding.severity != Severity::Note)
}

/// The interchanges of those files, as the notice names them.
pub(super) fn named<'f>(files: impl Iterator<Item = (&'f Part, &'f File)>) -> Vec<(String, String)> {
    let marked = files.filter(|(part, file)| goes_back(part, file)).take(MOST_FILES);
    marked.map(|(part, _)| (InterchangeId(part.interchange_id).to_string(), file_name(&part.file_name))).collect()
}

/// What the workbook is called: as its sender called it, with the ending of what it is now.
fn file_name(name: &str) -> String {
    let lower = name.to_lowercase();
    if lower.ends_with(".xlsx") || lower.ends_with(".xlsm") {
        return name.to_owned();
    }
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    format!("{}.xlsx", if stem.is_empty() { "dure" } else { stem })
}

/// The files that a notice names, marked. One that cannot be marked stays away; the text says what is wrong as well.
pub(in crate::pipeline) async fn marked(hub: &Arc<Hub>, notice: &Notice) -> Result<Vec<Attachment>> {
    let language = Language::from_header(&notice.language).unwrap_or_default();
    let mut files = Vec::new();
    for id in notice.marked.iter().filter_map(|id| id.parse::<InterchangeId>().ok()).take(MOST_FILES) {
        match one(hub, id, language).await? {
            Ok(file) => files.push(file),
            Err(finding) => {
                tracing::warn!(%id, reason = finding.text(Language::En), "what is wrong with a file could not be marked in it");
            }
        }
    }
    Ok(files)
}

async fn one(
    hub: &Arc<Hub>,
    id: InterchangeId,
    language: Language,
) -> Result<std::result::Result<Attachment, Finding>> {
    let found =
        hub.store.read(move |tx| Ok((interchanges::get(tx, id.0)?, documents::of_interchange(tx, id.0)?))).await?;
    let (Some(interchange), documents) = found else {
        return Err(Error::store(format!("the interchange {id} of an answer is missing")));
    };
    let mut findings = stored(interchange.findings.as_deref().unwrap_or(""));
    for document in &documents {
        findings.extend(stored(&document.findings).into_iter().take(MOST_FINDINGS.saturating_sub(findings.len())));
    }
    let (directory, today) = (hub.directory(), hub.today());
    let source = Source { hub: Arc::clone(hub), directory, interchange, today };
    let marking = move || {
        let interchange = &source.interchange;
        let mut bytes = Vec::new();
        PayloadReader::new(source.hub.store.clone(), interchange.id, interchange.size_bytes)
            .read_to_end(&mut bytes)
            .context(|| "reading a file that is to be marked")?;
        let marked = sheet::mark(bytes.into(), &source.hint(), &source.limits(), &findings, language);
        let name = file_name(&interchange.file_name);
        Ok(marked.map(|bytes| Attachment { content_type: content_type(&name).to_owned(), name, bytes }))
    };
    let marked = tokio::task::spawn_blocking(marking).await;
    marked.map_err(|panic| Error::bug(format!("marking a workbook: {panic}")))?
}

fn content_type(name: &str) -> &'static str {
    match name.to_lowercase().ends_with(".xlsm") {
        true => "application/vnd.ms-excel.sheet.macroEnabled.12",
        false => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn names_of_files_that_go_back() {
        for (name, expected) in [
            ("발주.XLSX", "발주.XLSX"),
            ("a.b.csv", "a.b.xlsx"),
            ("orders.xls", "orders.xlsx"),
            ("", "dure.xlsx"),
            ("x", "x.xlsx"),
        ] {
            assert_eq!(file_name(name), expected);
        }
    }
}
