//! How values are shown: times in the hub's zone, figures with grouped digits, links, names of messages.

use askama::Template;
use chrono_tz::Tz;

/// An instant in the zone of the hub; written it is short, with the whole beside it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Template)]
#[template(source = r#"<time datetime="{{ iso }}" title="{{ full }}">{{ short }}</time>"#, ext = "html")]
pub(crate) struct Moment {
    /// For machines: RFC 3339.
    pub(crate) iso: String,
    /// Day and time to the second.
    pub(crate) full: String,
    /// Day and time to the minute.
    pub(crate) minute: String,
    /// `11-23`, with the year if it is another one.
    pub(crate) day: String,
    /// `16:05`.
    pub(crate) clock: String,
    /// The clock today, day and clock otherwise.
    pub(crate) short: String,
}

impl askama::filters::HtmlSafe for Moment {}

/// Text that leads somewhere, or only text where there is nowhere to go.
#[derive(Clone, PartialEq, Eq, Debug, Default, Template)]
#[template(
    source = r#"{% if href.is_empty() %}{{ text }}{% else %}<a href="{{ href }}">{{ text }}</a>{% endif %}"#,
    ext = "html"
)]
pub(crate) struct Link {
    /// Where to, or empty.
    pub(crate) href: String,
    /// What is read.
    pub(crate) text: String,
}

impl askama::filters::HtmlSafe for Link {}

impl Link {
    /// Text that leads somewhere.
    pub(crate) fn to(href: impl Into<String>, text: impl Into<String>) -> Link {
        Link { href: href.into(), text: text.into() }
    }

    /// Only text.
    pub(crate) fn plain(text: impl Into<String>) -> Link {
        Link { href: String::new(), text: text.into() }
    }
}

impl Moment {
    /// An instant, UTC milliseconds, as seen at another.
    pub(crate) fn new(zone: Tz, now_ms: i64, at_ms: i64) -> Moment {
        let at = |ms| chrono::DateTime::from_timestamp_millis(ms).map(|at| at.with_timezone(&zone));
        let Some(then) = at(at_ms) else { return Moment::default() };
        let format = |pattern: &str| then.format(pattern).to_string();
        let same = |pattern: &str| at(now_ms).is_some_and(|now| now.format(pattern).to_string() == format(pattern));
        let day = if same("%Y") { format("%m-%d") } else { format("%Y-%m-%d") };
        let clock = format("%H:%M");
        Moment {
            iso: format("%Y-%m-%dT%H:%M:%S%:z"),
            full: format("%Y-%m-%d %H:%M:%S"),
            minute: format("%Y-%m-%d %H:%M"),
            short: if same("%Y-%m-%d") { clock.clone() } else { format!("{day} {clock}") },
            day,
            clock,
        }
    }
}

/// A size in bytes for people: `812 B`, `4.1 kB`, `12.3 MB`.
pub(crate) fn size(bytes: i64) -> String {
    let tenths = |unit: i64| {
        let tenths = bytes / (unit / 10);
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match bytes {
        ..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", tenths(1_000)),
        _ => format!("{} MB", tenths(1_000_000)),
    }
}

/// A message in words: `ubl/2.1/Order` is `UBL Order 2.1`, `edifact/d96a/ORDERS` is `EDIFACT ORDERS D.96A`.
pub(crate) fn message(message_type: &str) -> String {
    let mut parts = message_type.splitn(3, '/');
    let (Some(standard), Some(version), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
        return format(message_type);
    };
    match standard {
        "ubl" => format!("UBL {name} {version}"),
        "edifact" => format!("EDIFACT {name} {}", directory(version)),
        "dure" => "dure JSON".to_owned(),
        "courier" => "JSON".to_owned(),
        "csv" => "CSV".to_owned(),
        "sheet" => "Excel".to_owned(),
        "html" => "HTML".to_owned(),
        other => format!("{other} {name} {version}"),
    }
}

/// A format in words: `edifact-d96a` is `EDIFACT D.96A`.
pub(crate) fn format(name: &str) -> String {
    match name.split_once('-') {
        Some(("ubl", version)) => format!("UBL {version}"),
        Some(("edifact", version)) => format!("EDIFACT {}", directory(version)),
        Some(("dure", "json")) => "dure JSON".to_owned(),
        Some(("courier", _)) => "JSON".to_owned(),
        None if name == "csv" => "CSV".to_owned(),
        None if name == "xlsx" => "Excel".to_owned(),
        None if name == "html" => "HTML".to_owned(),
        _ => name.to_owned(),
    }
}

/// A directory of EDIFACT as people write it; a syntax version (of CONTRL) stays a number.
fn directory(version: &str) -> String {
    match version.strip_prefix('d') {
        Some(rest) => format!("D.{}", rest.to_ascii_uppercase()),
        None => version.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_in_words() {
        assert_eq!(message("edifact/d96a/ORDERS"), "EDIFACT ORDERS D.96A");
        assert_eq!(message("edifact/3/CONTRL"), "EDIFACT CONTRL 3");
        assert_eq!(message("ubl/2.1/Order"), "UBL Order 2.1");
        assert_eq!((message("dure/1/Order"), message("csv/1/Order")), ("dure JSON".to_owned(), "CSV".to_owned()));
        assert_eq!((format("edifact-d96a"), format("ubl-2.1")), ("EDIFACT D.96A".to_owned(), "UBL 2.1".to_owned()));
    }

    #[test]
    fn components_escape() {
        let link = Link::to("/x?a=1&b=\"2\"", "<b>");
        assert_eq!(link.to_string(), "<a href=\"/x?a=1&#38;b=&#34;2&#34;\">&#60;b&#62;</a>");
        assert_eq!(Link::plain("a & b").to_string(), "a &#38; b");
    }

    #[test]
    fn sizes() {
        assert_eq!((size(0), size(999), size(4_123)), ("0 B".to_owned(), "999 B".to_owned(), "4.1 kB".to_owned()));
        assert_eq!(size(12_345_678), "12.3 MB");
    }

    #[test]
    fn times_in_the_zone() {
        let at = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
        let now = at("2026-11-24T15:30:00Z");
        let show = |text: &str| Moment::new(Tz::Asia__Seoul, now, at(text));
        assert_eq!(show("2026-11-24T15:05:00Z").short, "00:05");
        assert_eq!(show("2026-11-24T14:59:00Z").short, "11-24 23:59");
        assert_eq!(show("2025-01-01T00:00:00Z").short, "2025-01-01 09:00");
        assert_eq!(show("2026-11-24T15:05:00Z").iso, "2026-11-25T00:05:00+09:00");
    }
}
