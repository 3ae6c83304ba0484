//! Findings in the reader's language, with their place.

use askama::Template;

use crate::document::reading::words;
use crate::model::finding::{Finding, Language, Severity};

/// A finding as it is read.
#[derive(Clone, PartialEq, Eq, Debug, Template)]
#[template(
    source = r#"<p class="finding {{ tone }}">{{ text }}{% if !place.is_empty() || !path.is_empty() %} <span class="at">{{ place }}{% if !path.is_empty() %}{% if !place.is_empty() %} · {% endif %}{% if ours %}{{ path }}{% else %}<code>{{ path }}</code>{% endif %}{% endif %}</span>{% endif %}</p>"#,
    ext = "html"
)]
pub(crate) struct FindingView {
    /// Class of the style sheet.
    pub(crate) tone: &'static str,
    /// The sentence.
    pub(crate) text: String,
    /// Where, in words.
    pub(crate) place: String,
    /// Path of the element; in words where it is one of ours.
    pub(crate) path: String,
    /// Whether the path is in words.
    pub(crate) ours: bool,
}

impl askama::filters::HtmlSafe for FindingView {}

impl FindingView {
    /// A finding in the words of a language.
    pub(crate) fn new(finding: &Finding, language: Language) -> FindingView {
        let path = finding.place.path.as_deref().unwrap_or("");
        // Paths of XML and segments stand as their senders know them.
        let ours = !path.contains('/') && finding.place.segment.is_none();
        FindingView {
            tone: match finding.severity {
                Severity::Error => "bad",
                Severity::Warning => "wait",
                Severity::Note => "plain",
            },
            text: finding.text(language),
            place: finding.place.words(language),
            path: if ours && !path.is_empty() { words::path(path, language) } else { path.to_owned() },
            ours,
        }
    }
}

/// Findings as stored: a JSON list, or nothing.
pub(crate) fn stored(json: &str) -> Vec<Finding> {
    if json.is_empty() { Vec::new() } else { serde_json::from_str(json).unwrap_or_default() }
}

/// All of them as they are read.
pub(crate) fn shown(findings: &[Finding], language: Language) -> Vec<FindingView> {
    findings.iter().map(|finding| FindingView::new(finding, language)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::{Code, Place};

    #[test]
    fn a_finding_is_escaped_and_placed() {
        let place = Place { segment: Some(7), path: Some("LIN[2]/QTY".to_owned()), ..Place::default() };
        let finding = Finding::error(Code::BadValue, place).found("<script>").expected("a number");
        let view = FindingView::new(&finding, Language::En).to_string();
        assert_eq!(
            view,
            "<p class=\"finding bad\">&#60;script&#62; is not a number <span class=\"at\">segment 7 · <code>LIN[2]/QTY</code></span></p>"
        );
        let ours = Finding::error(Code::Missing, Place::path("lines[2].item")).expected("item");
        let view = FindingView::new(&ours, Language::Ko).to_string();
        assert!(view.contains("<span class=\"at\">줄 2 · 품목</span>"), "{view}");
        assert_eq!(stored(&serde_json::to_string(std::slice::from_ref(&finding)).unwrap()), [finding]);
        assert!(stored("").is_empty() && stored("no json").is_empty());
    }
}
