//! Figures with grouped digits, numbers of parties, words that stand alone.

use rust_decimal::Decimal;

use crate::model::finding::Language;
use crate::model::money::Minor;

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
}
