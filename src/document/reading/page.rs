//! A document as one HTML page to be read and printed by somebody who has nothing but a browser: whole in itself, without
//! scripts, pictures or anything fetched. It is written only, never read.

use askama::Template;
use serde_json::{Map, Value};

use super::content::{Content, content_of};
use crate::document::record;
use crate::model::document_type::DocumentType;
use crate::model::finding::Language;

/// Lines of a table; more would not open in a browser.
const MOST_LINES: usize = 20_000;

/// A page, and how many lines had no room on it.
pub(crate) struct Page {
    /// HTML (WHATWG), UTF-8.
    pub(crate) html: String,
    /// Lines that were left out.
    pub(crate) left_out: usize,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!doctype html>
<html lang="{{ lang }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }} {{ number }}</title>
<style>
@page { size: A4; margin: 14mm }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 24px; max-width: 210mm; font: 13px/1.5 "Noto Sans KR", "Noto Sans CJK KR", "Malgun Gothic", "Apple SD Gothic Neo", sans-serif; color: #1c1c1a; word-break: keep-all; overflow-wrap: anywhere }
h1 { margin: 0 0 20px; padding-bottom: 10px; border-bottom: 2px solid #1c1c1a; font-size: 24px; line-height: 1.3 }
h1 span { float: right; font-weight: 400; font-variant-numeric: tabular-nums }
h2 { margin: 20px 0 6px; font-size: 13px }
.parties { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 12px 24px }
.parties p { margin: 0 }
small { display: block; color: #5b5b55; font-size: 12px }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 20px; margin: 18px 0 }
dt { color: #5b5b55 }
dd { margin: 0 }
dd p { margin: 0 }
table { width: 100%; border-collapse: collapse }
th, td { padding: 6px 8px; border-bottom: 1px solid #d8d8d2; text-align: left; vertical-align: top; font-weight: 400 }
th { border-bottom: 1px solid #1c1c1a; color: #5b5b55; white-space: nowrap }
th:first-child, td:first-child { padding-left: 0 }
th:last-child, td:last-child { padding-right: 0 }
.figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.totals { justify-content: end; grid-template-columns: max-content max-content; text-align: right }
.totals dd { font-weight: 600; font-variant-numeric: tabular-nums }
thead { display: table-header-group }
tr, .parties section { break-inside: avoid }
@media print { body { padding: 0; max-width: none } }
@media (max-width: 560px) { body { padding: 16px } h1 span { float: none; display: block } .wide { overflow-x: auto } .wide table { min-width: 520px } }
</style>
</head>
<body>
<h1>{{ title }}<span>{{ number }}</span></h1>
{% if !content.cards.is_empty() %}<div class="parties">{% for card in content.cards %}<section><h2>{{ card.label }}</h2><p><b>{{ card.name }}</b>{% for line in card.lines %}<small>{{ line }}</small>{% endfor %}</p></section>{% endfor %}</div>
{% endif %}{% if !content.pairs.is_empty() %}<dl>{% for pair in content.pairs %}<dt>{{ pair.label }}</dt><dd>{% for line in pair.lines %}<p>{{ line }}</p>{% endfor %}</dd>{% endfor %}</dl>
{% endif %}{% for table in content.tables %}<h2>{{ table.title }} ({{ table.count }})</h2>
<div class="wide"><table><thead><tr><th>{{ line_number }}</th>{% for (head, figure) in table.heads %}<th{% if *figure %} class="figure"{% endif %}>{{ head }}</th>{% endfor %}</tr></thead>
<tbody>{% for (number, cells) in table.rows %}<tr><td>{{ number }}</td>{% for (cell, head) in cells.iter().zip(table.heads.iter()) %}<td{% if head.1 %} class="figure"{% endif %}>{{ cell.text }}{% for small in cell.small %}<small>{{ small }}</small>{% endfor %}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% endfor %}{% if !content.totals.is_empty() %}<dl class="totals">{% for pair in content.totals %}<dt>{{ pair.label }}</dt><dd>{% for line in pair.lines %}<p>{{ line }}</p>{% endfor %}</dd>{% endfor %}</dl>
{% endif %}</body>
</html>
"#
)]
struct Sheet {
    lang: &'static str,
    title: &'static str,
    number: String,
    line_number: &'static str,
    content: Content,
}

/// The page of a canonical document; none if this is no JSON object.
pub(crate) fn page(document_type: DocumentType, json: &str, language: Language) -> Option<Page> {
    let mut document: Map<String, Value> = serde_json::from_str(json).ok()?;
    let number = match document.remove("id") {
        Some(Value::String(number)) => number,
        _ => String::new(),
    };
    // Words of another format that none of our fields is for: the sender's machine knows them, nobody who reads a page.
    document.remove("unmapped");
    let content = content_of(&document, Some(record(document_type)), language, MOST_LINES);
    let left_out = content.tables.iter().map(|table| table.count - table.rows.len()).sum();
    let (lang, line_number) = match language {
        Language::Ko => ("ko", "번호"),
        Language::En => ("en", "No."),
    };
    let sheet = Sheet { lang, title: document_type.title(language), number, line_number, content };
    Some(Page { html: sheet.render().ok()?, left_out })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_as_a_page() {
        let json = r#"{"id":"PO-<1>","issue_date":"2026-11-18","buyer":{"names":["표본상사 & 아들"]},
            "lines":[{"id":"1","quantity":{"value":"8","unit":"EA"},"item":{"name":"볼트"},
            "price":{"amount":{"value":"540000","currency":"KRW"}}}],
            "anticipated_monetary_total":{"payable_amount":{"value":"4320000","currency":"KRW"}},
            "unmapped":[{"message":"ubl/2.1/Order","place":"cbc:UUID","value":"f81d4fae"}]}"#;
        let page = page(DocumentType::Order, json, Language::Ko).unwrap();
        assert_eq!(page.left_out, 0);
        for part in [
            "<html lang=\"ko\">",
            "PO-&#60;1&#62;",
            "표본상사 &#38; 아들",
            "<td>볼트</td>",
            "540,000 KRW",
            "4,320,000 KRW",
        ] {
            assert!(page.html.contains(part), "{part} in {}", page.html);
        }
        assert!(!page.html.contains("f81d4fae") && !page.html.contains("<script"));
        assert!(super::page(DocumentType::Order, "[]", Language::Ko).is_none());
    }

    #[test]
    fn lines_without_room_are_counted() {
        let lines = vec![r#"{"id":"1"}"#; MOST_LINES + 3].join(",");
        let page = page(DocumentType::Order, &format!("{{\"lines\":[{lines}]}}"), Language::En).unwrap();
        assert_eq!(page.left_out, 3);
    }
}
