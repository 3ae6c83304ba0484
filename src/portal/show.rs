//! How values are shown: times in the hub's zone, figures with grouped digits, states as chips of three colours.

use chrono_tz::Tz;
use rust_decimal::Decimal;

use crate::model::disposition::{DeliveryState, Disposition, Identity, InterchangeState};
use crate::model::finding::{Language, Severity};
use crate::model::money::Minor;
use crate::model::parcel_status::ParcelStatus;

/// An instant in the zone of the hub.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Moment {
    /// For machines: RFC 3339.
    pub iso: String,
    /// Day and time to the second.
    pub full: String,
    /// `11-23`, with the year if it is another one.
    pub day: String,
    /// `16:05`.
    pub clock: String,
    /// The clock today, day and clock otherwise.
    pub short: String,
}

impl Moment {
    /// An instant, UTC milliseconds, as seen at another.
    pub fn new(zone: Tz, now_ms: i64, at_ms: i64) -> Moment {
        let at = |ms| chrono::DateTime::from_timestamp_millis(ms).map(|at| at.with_timezone(&zone));
        let Some(then) = at(at_ms) else { return Moment::default() };
        let format = |pattern: &str| then.format(pattern).to_string();
        let same = |pattern: &str| at(now_ms).is_some_and(|now| now.format(pattern).to_string() == format(pattern));
        let day = if same("%Y") { format("%m-%d") } else { format("%Y-%m-%d") };
        let clock = format("%H:%M");
        Moment {
            iso: format("%Y-%m-%dT%H:%M:%S%:z"),
            full: format("%Y-%m-%d %H:%M:%S"),
            short: if same("%Y-%m-%d") { clock.clone() } else { format!("{day} {clock}") },
            day,
            clock,
        }
    }
}

/// What a colour says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// Done as it should.
    Good,
    /// On its way, or somebody has to look.
    Waiting,
    /// Wrong.
    Bad,
    /// Nothing to say by colour.
    Plain,
}

/// A word with a colour.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chip {
    /// The word.
    pub text: String,
    /// Class of the style sheet.
    pub tone: &'static str,
}

impl Chip {
    /// A word with a colour.
    pub fn new(text: impl Into<String>, tone: Tone) -> Chip {
        let tone = match tone {
            Tone::Good => "ok",
            Tone::Waiting => "wait",
            Tone::Bad => "bad",
            Tone::Plain => "plain",
        };
        Chip { text: text.into(), tone }
    }

    /// Where an interchange stands: its disposition once it is decided, else its state.
    pub fn interchange(state: &str, disposition: Option<&str>, language: Language) -> Chip {
        match (InterchangeState::from_word(state), disposition.and_then(Disposition::from_word)) {
            (Some(InterchangeState::Received) | None, _) => {
                Chip::new(InterchangeState::Received.title(language), Tone::Waiting)
            }
            (Some(_), Some(disposition)) => Chip::disposition(disposition, language),
            (Some(state), None) => Chip::new(state.title(language), Tone::Waiting),
        }
    }

    /// What became of a document.
    pub fn disposition(disposition: Disposition, language: Language) -> Chip {
        let tone = match disposition {
            Disposition::Accepted => Tone::Good,
            Disposition::AcceptedWithErrors | Disposition::Waiting | Disposition::Held => Tone::Waiting,
            Disposition::Duplicate => Tone::Plain,
            Disposition::Rejected => Tone::Bad,
        };
        Chip::new(disposition.title(language), tone)
    }

    /// Whether a document was seen before.
    pub fn identity(identity: Identity, language: Language) -> Chip {
        let tone = if identity == Identity::Conflict { Tone::Bad } else { Tone::Plain };
        Chip::new(identity.title(language), tone)
    }

    /// Where a delivery stands.
    pub fn delivery(state: &str, language: Language) -> Chip {
        match DeliveryState::from_word(state) {
            Some(known) => {
                let tone = match known {
                    DeliveryState::Delivered => Tone::Good,
                    DeliveryState::Dead => Tone::Bad,
                    DeliveryState::Scheduled | DeliveryState::InTransit => Tone::Waiting,
                };
                Chip::new(known.title(language), tone)
            }
            None => Chip::new(state, Tone::Plain),
        }
    }

    /// Where a parcel stands.
    pub fn parcel(status: ParcelStatus, language: Language) -> Chip {
        use ParcelStatus::*;
        let tone = match status {
            Delivered => Tone::Good,
            Registered | PickedUp | InTransit | OutForDelivery => Tone::Waiting,
            AttemptFailed | WrongDelivery | Returning | Returned | Lost => Tone::Bad,
            Unknown => Tone::Plain,
        };
        Chip::new(status.title(language), tone)
    }
}

/// The class of a finding.
pub fn severity_class(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "bad",
        Severity::Warning => "wait",
        Severity::Note => "plain",
    }
}

/// An exact decimal with its digits in groups of three and without zeros that say nothing: `1,234.5`. What is no decimal
/// stays as it is.
pub fn figure(text: &str) -> String {
    match text.parse::<Decimal>() {
        Ok(number) => grouped(&number.normalize().to_string()),
        Err(_) => text.to_owned(),
    }
}

/// An amount of the ledger with all decimals of its currency: `4,820,000`, `1,234.50`.
pub fn money(minor: i64, currency: &str) -> String {
    grouped(&Minor(minor).to_decimal(currency).to_string())
}

/// An amount as received, with at least the decimals of its currency.
pub fn amount(value: Decimal, currency: &str) -> String {
    let digits = crate::model::money::minor_digits(currency);
    let mut value = value.normalize();
    if value.scale() < digits {
        value.rescale(digits);
    }
    grouped(&value.to_string())
}

/// Puts commas between groups of three digits of the whole part.
pub fn grouped(number: &str) -> String {
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
pub fn size(bytes: i64) -> String {
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
