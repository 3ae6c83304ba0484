//! How values are shown: times in the hub's zone, figures with grouped digits, links, names of messages.

use askama::Template;
use chrono_tz::Tz;
use rust_decimal::Decimal;

use crate::model::finding::Language;
use crate::model::money::Minor;

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

/// An exact decimal with its digits in groups of three and without zeros that say nothing: `1,234.5`. What is no decimal
/// stays as it is.
pub(crate) fn figure(text: &str) -> String {
    match text.parse::<Decimal>() {
        Ok(number) => grouped(&number.normalize().to_string()),
        Err(_) => text.to_owned(),
    }
}

/// An amount of the ledger with all decimals of its currency: `4,820,000`, `1,234.50`.
pub(crate) fn money(minor: i64, currency: &str) -> String {
    grouped(&Minor(minor).to_decimal(currency).to_string())
}

/// An amount as received, with at least the decimals of its currency.
pub(crate) fn amount(value: Decimal, currency: &str) -> String {
    let digits = crate::model::money::minor_digits(currency);
    let mut value = value.normalize();
    if value.scale() < digits {
        value.rescale(digits);
    }
    grouped(&value.to_string())
}

/// Puts commas between groups of three digits of the whole part.
pub(crate) fn grouped(number: &str) -> String {
    let (whole, rest) = number.split_at(number.find('.').unwrap_or(number.len()));
    let (sign, digits) = whole.split_at(usize::from(whole.starts_with('-')));
    let mut out = String::with_capacity(number.len() + digits.len() / 3);
    out.push_str(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out.push_str(rest);
    out
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
        _ => name.to_owned(),
    }
}

/// An identifier of a party as people write it, whatever its scheme is called by the standard (ISO 6523 numbers among
/// them): `GLN 8801234500012`, `사업자등록번호 999-81-00034`.
pub(crate) fn party_number(scheme: &str, value: &str, language: Language) -> String {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    match (scheme.to_ascii_lowercase().as_str(), language) {
        ("gln" | "0088" | "14" | "9", _) => format!("GLN {value}"),
        ("brn" | "kr:brn", language) if digits.len() == 10 => {
            let label = if language == Language::Ko { "사업자등록번호" } else { "Business no." };
            let (office, rest) = digits.split_at(3);
            let (kind, number) = rest.split_at(2);
            format!("{label} {office}-{kind}-{number}")
        }
        ("duns" | "0060", _) => format!("DUNS {value}"),
        ("vat", Language::Ko) => format!("부가세 번호 {value}"),
        ("vat", Language::En) => format!("VAT {value}"),
        ("", _) => value.to_owned(),
        (_, _) => format!("{scheme} {value}"),
    }
}

/// With a capital letter in front, where the script has them: words stand alone and in sentences.
pub(crate) fn capital(text: &str) -> String {
    let mut rest = text.chars();
    match rest.next() {
        Some(first) => first.to_uppercase().chain(rest).collect(),
        None => String::new(),
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
    fn figures() {
        let check = |text: &str, expected: &str| assert_eq!(figure(text), expected);
        check("4820000", "4,820,000");
        check("1234.500", "1,234.5");
        check("-999", "-999");
        check("-1000", "-1,000");
        check("0", "0");
        check("120", "120");
        check("16 + 4", "16 + 4");
        assert_eq!(money(4_820_000, "KRW"), "4,820,000");
        assert_eq!(money(123_450, "USD"), "1,234.50");
        assert_eq!(amount("1234.5".parse().unwrap(), "EUR"), "1,234.50");
        assert_eq!(amount("0.0125".parse().unwrap(), "EUR"), "0.0125");
        assert_eq!(amount("25000".parse().unwrap(), "KRW"), "25,000");
    }

    #[test]
    fn messages_in_words() {
        assert_eq!(message("edifact/d96a/ORDERS"), "EDIFACT ORDERS D.96A");
        assert_eq!(message("edifact/3/CONTRL"), "EDIFACT CONTRL 3");
        assert_eq!(message("ubl/2.1/Order"), "UBL Order 2.1");
        assert_eq!((message("dure/1/Order"), message("csv/1/Order")), ("dure JSON".to_owned(), "CSV".to_owned()));
        assert_eq!((format("edifact-d96a"), format("ubl-2.1")), ("EDIFACT D.96A".to_owned(), "UBL 2.1".to_owned()));
    }

    #[test]
    fn numbers_of_parties() {
        let check = |scheme: &str, value: &str, expected: &str| {
            assert_eq!(party_number(scheme, value, Language::Ko), expected);
        };
        check("gln", "8801234500012", "GLN 8801234500012");
        check("0088", "8801234500012", "GLN 8801234500012");
        check("brn", "9998100034", "사업자등록번호 999-81-00034");
        check("KR:BRN", "999-81-00034", "사업자등록번호 999-81-00034");
        check("brn", "주문", "brn 주문");
        check("", "X", "X");
        assert_eq!(
            (capital("in transit"), capital("배송 중"), capital("")),
            ("In transit".into(), "배송 중".into(), "".into())
        );
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
