//! What a sender is told of what it sent, in its language: what was understood, with a link, or what is wrong, in a clerk's
//! words. Channels that carry text say it so: the answer to a mail, the note beside a file.

use super::hub::Hub;
use crate::document;
use crate::error::Result;
use crate::model::disposition::Disposition;
use crate::model::document_type::DocumentType;
use crate::model::finding::{Finding, Language, Severity};
use crate::model::id::DocumentId;
use crate::model::parts::Amount;
use crate::store::interchanges::Interchange;
use crate::store::{Tx, documents};

/// Findings of one document that are told.
const MOST_FINDINGS: usize = 30;
/// Documents of one file that are told.
const MOST_TOLD: usize = 50;

/// A document, as it is told.
pub(in crate::pipeline) struct Told {
    /// Its type in words.
    pub(in crate::pipeline) title: String,
    /// Its number.
    pub(in crate::pipeline) number: String,
    /// How many lines it has.
    pub(in crate::pipeline) lines: Option<usize>,
    /// What it comes to.
    pub(in crate::pipeline) total: Option<Amount>,
    /// What became of it.
    pub(in crate::pipeline) disposition: Disposition,
    /// What is wrong with it.
    pub(in crate::pipeline) findings: Vec<Finding>,
    /// Its page.
    pub(in crate::pipeline) path: String,
}

/// A file of the mail, as it is told.
pub(in crate::pipeline) struct File {
    /// Its name.
    pub(in crate::pipeline) name: String,
    /// The worst of its documents.
    pub(in crate::pipeline) disposition: Disposition,
    /// Its documents.
    pub(in crate::pipeline) documents: Vec<Told>,
    /// How many documents more it has.
    pub(in crate::pipeline) more: usize,
    /// What is wrong with the file as a whole.
    pub(in crate::pipeline) findings: Vec<Finding>,
}

/// One of two texts.
pub(in crate::pipeline) fn say(language: Language, ko: &'static str, en: &'static str) -> &'static str {
    match language {
        Language::Ko => ko,
        Language::En => en,
    }
}

impl File {
    /// What became of an interchange. Its own row says the disposition and the findings, which belong to no document.
    pub(in crate::pipeline) fn read(
        tx: &mut Tx<'_>,
        interchange_id: i64,
        name: &str,
        disposition: Option<&str>,
        findings: Option<&str>,
        language: Language,
    ) -> Result<File> {
        let all = documents::of_interchange(tx, interchange_id)?;
        let told = all.iter().take(MOST_TOLD).map(|row| {
            let kind: Option<DocumentType> = row.document_type.parse().ok();
            let summary = kind.map(|kind| document::summary(kind, &row.content)).unwrap_or_default();
            Told {
                title: kind.map_or(row.message_type.clone(), |kind| kind.title(language).to_owned()),
                number: row.number.clone(),
                lines: summary.lines,
                total: summary.total,
                disposition: Disposition::from_word(&row.disposition).unwrap_or(Disposition::Held),
                findings: stored(&row.findings),
                path: format!("/documents/{}", DocumentId(row.id)),
            }
        });
        Ok(File {
            name: name.to_owned(),
            disposition: disposition.and_then(Disposition::from_word).unwrap_or(Disposition::Held),
            documents: told.collect(),
            more: all.len().saturating_sub(MOST_TOLD),
            findings: stored(findings.unwrap_or("")),
        })
    }

    /// Everything of it, in lines. `url` is the hub's.
    pub(in crate::pipeline) fn write(&self, text: &mut String, language: Language, url: &str) {
        text.push('\n');
        if !self.name.is_empty() {
            text.push_str(&format!("[{}]\n", self.name));
        }
        if self.documents.is_empty() {
            text.push_str(&format!("{}\n", outcome(self.disposition, language)));
        }
        write_findings(text, &self.findings, language);
        for told in &self.documents {
            let name = format!("{} {}", told.title, told.number);
            text.push_str(&format!("{}: {}\n", name.trim(), outcome(told.disposition, language)));
            let mut known = Vec::new();
            if let Some(lines) = told.lines {
                known.push(match language {
                    Language::Ko => format!("{lines}줄"),
                    Language::En => format!("lines: {lines}"),
                });
            }
            if let Some(total) = &told.total {
                let total = format!("{} {}", grouped(&total.value.to_string()), total.currency);
                known.push(format!("{} {}", say(language, "합계", "total"), total.trim()));
            }
            if !known.is_empty() {
                text.push_str(&format!("  {}\n", known.join(", ")));
            }
            write_findings(text, &told.findings, language);
            text.push_str(&format!("  {}{}\n", url, told.path));
        }
        if self.more > 0 {
            match language {
                Language::Ko => text.push_str(&format!("그 밖에 문서 {}건\n", self.more)),
                Language::En => text.push_str(&format!("and {} documents more\n", self.more)),
            }
        }
    }
}

/// Findings as stored.
pub(in crate::pipeline) fn stored(json: &str) -> Vec<Finding> {
    if json.is_empty() { Vec::new() } else { serde_json::from_str(json).unwrap_or_default() }
}

fn write_findings(text: &mut String, findings: &[Finding], language: Language) {
    let mut list: Vec<&Finding> = findings.iter().filter(|finding| finding.severity != Severity::Note).collect();
    list.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in list.iter().take(MOST_FINDINGS) {
        let mut place = finding.place.words(language);
        if let Some(path) = finding.place.path.as_deref().filter(|path| !path.is_empty()) {
            place.push_str(if place.is_empty() { "" } else { ", " });
            place.push_str(path);
        }
        place.push_str(if place.is_empty() { "" } else { ": " });
        text.push_str(&format!("  - {place}{}\n", finding.text(language)));
    }
    if list.len() > MOST_FINDINGS {
        text.push_str("  - …\n");
    }
}

/// What became of it, in a sentence.
fn outcome(disposition: Disposition, language: Language) -> &'static str {
    match disposition {
        Disposition::Accepted => say(language, "접수되었습니다", "accepted"),
        Disposition::AcceptedWithErrors => {
            say(language, "일부 지적 사항과 함께 접수되었습니다", "accepted, with remarks")
        }
        Disposition::Duplicate => {
            say(language, "이미 받은 문서여서 다시 처리하지 않았습니다", "received before; nothing was done again")
        }
        Disposition::Waiting => say(language, "관련 문서를 기다리고 있습니다", "waits for the document it belongs to"),
        Disposition::Held => say(language, "담당자가 확인하고 있습니다", "a person is looking at it"),
        Disposition::Rejected => say(language, "접수되지 않았습니다", "not accepted"),
    }
}

/// Commas between groups of three digits of the whole part.
fn grouped(number: &str) -> String {
    let (whole, rest) =
        number.split_once('.').map_or((number, String::new()), |(whole, rest)| (whole, format!(".{rest}")));
    let digits = whole.trim_start_matches('-');
    let mut out = if digits.len() < whole.len() { "-".to_owned() } else { String::new() };
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + &rest
}

impl Hub {
    /// What became of a settled interchange, in the words of its sender's language.
    pub async fn told(&self, interchange: &Interchange) -> Result<String> {
        let language =
            self.directory().organisation(interchange.organisation_id).map_or(Language::En, |sender| sender.language);
        let (id, name) = (interchange.id, interchange.file_name.clone());
        let (disposition, findings) = (interchange.disposition.clone(), interchange.findings.clone());
        let read =
            move |tx: &mut Tx<'_>| File::read(tx, id, &name, disposition.as_deref(), findings.as_deref(), language);
        let file = self.store.read(read).await?;
        let mut text = String::new();
        file.write(&mut text, language, &self.config.url());
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in [("1", "1"), ("1234", "1,234"), ("-123456.7", "-123,456.7"), ("100", "100")] {
            assert_eq!(grouped(number), expected);
        }
    }
}
