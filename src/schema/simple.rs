//! Simple types: what the text of an element, attribute, data element or field may be. The built-in types of XML Schema
//! part 2 with their exact lexical space, the classes of ISO 9735 (`an..35`, `n..15`, `a3`), and facets on both.
//! Left out: patterns, lists and unions, ordered facets on anything but numbers.

use std::sync::Arc;

use super::codes::CodeList;
use super::lexical;
use super::names;

/// What the characters have to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    /// Any characters.
    String,
    /// A language tag (`en`, `ko-KR`).
    Language,
    /// NMTOKEN.
    NmToken,
    /// Name.
    Name,
    /// NCName, ID, IDREF, ENTITY.
    NcName,
    /// QName; the prefix is not resolved.
    QName,
    /// A URI reference.
    AnyUri,
    /// `true`, `false`, `1`, `0`.
    Boolean,
    /// Sign, digits, point.
    Decimal,
    /// Sign and digits.
    Integer,
    /// Digits.
    Unsigned,
    /// `2026-01-31`, with or without time zone.
    Date,
    /// `23:59:59.9`, with or without time zone.
    Time,
    /// Date `T` time.
    DateTime,
    /// `2026`, with or without time zone.
    Year,
    /// Base 64.
    Base64,
    /// Pairs of hexadecimal digits.
    Hex,
    /// ISO 9735 `a`: no digits.
    Alpha,
    /// ISO 9735 `n`: minus, digits, decimal mark; mark and minus do not count towards the length.
    Numeric,
    /// ISO 9735 `an`.
    Alphanumeric,
}

/// What white space means (XML Schema part 2, 4.3.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Space {
    /// Kept.
    Preserve,
    /// Tabs and line ends are spaces.
    Replace,
    /// Runs are one space, none at the ends.
    Collapse,
}

/// A simple type.
#[derive(Clone, Debug)]
pub struct Simple {
    /// Its characters.
    pub base: Base,
    /// Its white space.
    pub space: Space,
    /// Least length, in the unit of the [`Lengths`] asked for; bytes for binary types.
    pub min_length: u32,
    /// Greatest length, `u32::MAX` for none.
    pub max_length: u32,
    /// Least value of a number.
    pub min_value: Option<i64>,
    /// Greatest value of a number.
    pub max_value: Option<i64>,
    /// Most digits of a number, 0 for any.
    pub total_digits: u32,
    /// Most digits behind the point, `u32::MAX` for any.
    pub fraction_digits: u32,
    /// The only values there are, sorted; empty for any.
    pub enumeration: Box<[Box<str>]>,
    /// The code list its values are from.
    pub codes: Option<Arc<CodeList>>,
}

/// How lengths are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Lengths {
    /// Unicode characters.
    #[default]
    Characters,
    /// Bytes of a double-byte repertoire such as KECA (EUC-KR): two for everything outside ASCII.
    DoubleBytes,
}

/// How values are to be read; the defaults are those of XML and of EDIFACT in any single-byte repertoire.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reading {
    /// How lengths are counted.
    pub lengths: Lengths,
    /// The decimal mark of EDIFACT numbers (UNA position 3); both `.` and `,` when not given.
    pub decimal_mark: Option<char>,
}

/// What is wrong with a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Its characters, its value range or its digits; what was expected in words.
    Lexical(String),
    /// More than so many.
    TooLong(u32),
    /// Fewer than so many.
    TooShort(u32),
    /// Not one of an enumeration, which is given shortened.
    NotEnumerated(String),
    /// Not in the code list; its name and whether it is open.
    NotInList(String, bool),
}

impl Simple {
    /// A built-in type by its XML Schema name or its EDIFACT class.
    pub fn builtin(name: &str) -> Option<Simple> {
        use Base::*;
        use Space::*;
        let simple = |base, space| Simple {
            base,
            space,
            min_length: 0,
            max_length: u32::MAX,
            min_value: None,
            max_value: None,
            total_digits: 0,
            fraction_digits: u32::MAX,
            enumeration: Box::default(),
            codes: None,
        };
        let integer = |min, max| Simple { min_value: min, max_value: max, ..simple(Integer, Collapse) };
        Some(match name {
            "string" => simple(String, Preserve),
            "normalizedString" => simple(String, Replace),
            "token" => simple(String, Collapse),
            "language" => simple(Language, Collapse),
            "NMTOKEN" => simple(NmToken, Collapse),
            "Name" => simple(Name, Collapse),
            "NCName" | "ID" | "IDREF" | "ENTITY" => simple(NcName, Collapse),
            "QName" => simple(QName, Collapse),
            "anyURI" => simple(AnyUri, Collapse),
            "boolean" => simple(Boolean, Collapse),
            "decimal" => simple(Decimal, Collapse),
            "integer" => integer(None, None),
            "nonNegativeInteger" => integer(Some(0), None),
            "positiveInteger" => integer(Some(1), None),
            "nonPositiveInteger" => integer(None, Some(0)),
            "negativeInteger" => integer(None, Some(-1)),
            "long" => integer(Some(i64::MIN), Some(i64::MAX)),
            "int" => integer(Some(i64::from(i32::MIN)), Some(i64::from(i32::MAX))),
            "short" => integer(Some(i64::from(i16::MIN)), Some(i64::from(i16::MAX))),
            "unsignedInt" => Simple { max_value: Some(i64::from(u32::MAX)), ..simple(Unsigned, Collapse) },
            "unsignedShort" => Simple { max_value: Some(i64::from(u16::MAX)), ..simple(Unsigned, Collapse) },
            "unsignedByte" => Simple { max_value: Some(255), ..simple(Unsigned, Collapse) },
            "date" => simple(Date, Collapse),
            "time" => simple(Time, Collapse),
            "dateTime" => simple(DateTime, Collapse),
            "gYear" => simple(Year, Collapse),
            "base64Binary" => simple(Base64, Collapse),
            "hexBinary" => simple(Hex, Collapse),
            class => return edifact_class(class, simple),
        })
    }

    /// The value as the type sees it: with its white space treated. Borrowed when nothing changes.
    pub fn normalised<'v>(&self, value: &'v str) -> std::borrow::Cow<'v, str> {
        match self.space {
            Space::Preserve => value.into(),
            Space::Replace => lexical::replace(value),
            Space::Collapse => lexical::collapse(value),
        }
    }

    /// Whether a value is one of this type. Code lists are looked at when `codes` is set.
    pub fn check(&self, value: &str, reading: Reading, codes: bool) -> Result<(), Fault> {
        if self.takes_anything(codes) {
            return Ok(());
        }
        let value = self.normalised(value);
        let value = value.as_ref();
        let good = match self.base {
            Base::String | Base::Alphanumeric => true,
            Base::Language => lexical::language(value),
            Base::NmToken => names::is_nmtoken(value),
            Base::Name => names::is_name(value),
            Base::NcName => names::is_ncname(value),
            Base::QName => names::is_qname(value),
            Base::AnyUri => lexical::any_uri(value),
            Base::Boolean => matches!(value, "true" | "false" | "1" | "0"),
            Base::Decimal => lexical::decimal(value),
            Base::Integer => lexical::integer(value),
            Base::Unsigned => lexical::unsigned(value),
            Base::Date => lexical::date(value),
            Base::Time => lexical::time(value),
            Base::DateTime => lexical::date_time(value),
            Base::Year => lexical::year(value),
            Base::Base64 => lexical::base64_len(value).is_some(),
            Base::Hex => lexical::hex_len(value).is_some(),
            Base::Alpha => !value.bytes().any(|b| b.is_ascii_digit()),
            Base::Numeric => lexical::edifact_number(value, reading.decimal_mark),
        };
        if !good {
            return Err(Fault::Lexical(self.words().to_owned()));
        }
        if self.min_length > 0 || self.max_length < u32::MAX {
            let length = self.length(value, reading);
            if length > self.max_length {
                return Err(Fault::TooLong(self.max_length));
            }
            if length < self.min_length {
                return Err(Fault::TooShort(self.min_length));
            }
        }
        self.check_number(value)?;
        if !self.enumeration.is_empty() && self.enumeration.binary_search_by(|known| (**known).cmp(value)).is_err() {
            return Err(Fault::NotEnumerated(shortened(&self.enumeration)));
        }
        match &self.codes {
            Some(list) if codes && !list.contains(value) => Err(Fault::NotInList(list.name.clone(), list.open)),
            _ => Ok(()),
        }
    }

    /// Whether there is nothing to look at, which is the rule for texts.
    fn takes_anything(&self, codes: bool) -> bool {
        matches!(self.base, Base::String | Base::Alphanumeric)
            && self.min_length == 0
            && self.max_length == u32::MAX
            && self.enumeration.is_empty()
            && !(codes && self.codes.is_some())
    }

    fn check_number(&self, value: &str) -> Result<(), Fault> {
        if self.min_value.is_some() || self.max_value.is_some() {
            let (low, high) =
                (self.min_value.map_or(i128::MIN, i128::from), self.max_value.map_or(i128::MAX, i128::from));
            // Digits that do not fit into 128 bits are beyond every bound there is on their side.
            let whole = lexical::whole_part(value);
            if whole < low || whole > high {
                let words = match (self.min_value, self.max_value) {
                    (Some(min), None) => format!("a whole number from {min}"),
                    (None, Some(max)) => format!("a whole number up to {max}"),
                    _ => format!("a whole number from {low} to {high}"),
                };
                return Err(Fault::Lexical(words));
            }
        }
        if self.total_digits > 0 || self.fraction_digits < u32::MAX {
            let (whole, fraction) = lexical::digits(value);
            if self.total_digits > 0 && whole + fraction > self.total_digits {
                return Err(Fault::Lexical(format!("a number of at most {} digits", self.total_digits)));
            }
            if fraction > self.fraction_digits {
                return Err(Fault::Lexical(format!(
                    "a number with at most {} digits behind the point",
                    self.fraction_digits
                )));
            }
        }
        Ok(())
    }

    /// Its length in the unit asked for.
    pub fn length(&self, value: &str, reading: Reading) -> u32 {
        let length = match self.base {
            Base::Base64 => lexical::base64_len(value).unwrap_or(0),
            Base::Hex => lexical::hex_len(value).unwrap_or(0),
            Base::Numeric => value.bytes().filter(u8::is_ascii_digit).count(),
            _ => match reading.lengths {
                Lengths::Characters => value.chars().count(),
                Lengths::DoubleBytes => value.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum(),
            },
        };
        u32::try_from(length).unwrap_or(u32::MAX)
    }

    /// What a good value is, in words.
    fn words(&self) -> &'static str {
        match self.base {
            Base::String => "a text",
            Base::Language => "a language tag such as en or ko-KR",
            Base::NmToken => "a name token",
            Base::Name | Base::NcName | Base::QName => "a name",
            Base::AnyUri => "a URI",
            Base::Boolean => "true or false",
            Base::Decimal => "a decimal number such as 12.50",
            Base::Integer => "a whole number",
            Base::Unsigned => "a whole number without sign",
            Base::Date => "a date such as 2026-01-31",
            Base::Time => "a time such as 09:30:00",
            Base::DateTime => "a date and time such as 2026-01-31T09:30:00",
            Base::Year => "a year such as 2026",
            Base::Base64 => "base 64",
            Base::Hex => "pairs of hexadecimal digits",
            Base::Alpha => "a text without digits",
            Base::Numeric => "a number such as 12.5 or -3",
            Base::Alphanumeric => "a text",
        }
    }
}

/// `an..35`, `n..15`, `a3`.
fn edifact_class(text: &str, simple: impl Fn(Base, Space) -> Simple) -> Option<Simple> {
    let letters = text.find(|c: char| !c.is_ascii_lowercase())?;
    let (class, rest) = text.split_at_checked(letters)?;
    let base = match class {
        "a" => Base::Alpha,
        "n" => Base::Numeric,
        "an" => Base::Alphanumeric,
        _ => return None,
    };
    let (variable, digits) = match rest.strip_prefix("..") {
        Some(digits) => (true, digits),
        None => (false, rest),
    };
    let max_length: u32 = digits.parse().ok().filter(|n| *n > 0)?;
    let min_length = if variable { 0 } else { max_length };
    Some(Simple { min_length, max_length, ..simple(base, Space::Preserve) })
}

/// The first eight of a list.
fn shortened(list: &[Box<str>]) -> String {
    let mut words = list.iter().take(8).map(|word| &**word).collect::<Vec<_>>().join(", ");
    if list.len() > 8 {
        words.push_str(", …");
    }
    words
}
