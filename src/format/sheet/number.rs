//! Numbers of cells as people see them: decimal text without exponent, serials of days as dates, percents, numbers with
//! leading zeros. A number is never rounded to what its format shows, only given the zeros behind the point that it asks
//! for. Left out: fractions, elapsed times, eras.

use chrono::{Days, NaiveDate};

/// What a number format makes of a number.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) enum Seen {
    /// As it is.
    #[default]
    General,
    /// With at least so many digits behind the point.
    Decimals(usize),
    /// In hundredths, with at least so many digits behind the point.
    Percent(usize),
    /// With leading zeros: `000-00-00000`.
    Padded(String),
    /// As a date.
    Date,
    /// As a time of the day.
    Time,
    /// As both.
    DateTime,
}

/// A number as decimal text, with the 15 digits that a spreadsheet keeps.
pub(super) fn decimal(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    let text = format!("{value:.14e}");
    let (mantissa, exponent) = text.split_once('e')?;
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    Some(pointed(mantissa.starts_with('-'), &digits, exponent.parse::<i32>().ok()? + 1))
}

/// A number as XLSX writes it. Whole ones are kept digit by digit: some systems write more than a spreadsheet would keep.
pub(super) fn from_text(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.len() <= 28 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(pointed(text.starts_with('-'), digits, i32::try_from(digits.len()).ok()?));
    }
    decimal(text.parse().ok()?)
}

/// Decimal text times ten to that power.
pub(super) fn shifted(text: &str, by: i32) -> String {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let point = i32::try_from(whole.len()).unwrap_or(i32::MAX / 2);
    pointed(text.starts_with('-'), &format!("{whole}{fraction}"), point + by)
}

/// Digits with the point behind so many of them, without zeros that say nothing.
fn pointed(negative: bool, digits: &str, point: i32) -> String {
    let leading = digits.len() - digits.trim_start_matches('0').len();
    let digits = digits.trim_matches('0');
    if digits.is_empty() {
        return "0".to_owned();
    }
    let point = point - i32::try_from(leading).unwrap_or(0);
    let sign = if negative { "-" } else { "" };
    match usize::try_from(point) {
        Ok(point) if point >= digits.len() => format!("{sign}{digits}{}", "0".repeat(point - digits.len())),
        Ok(point) if point > 0 => {
            let (whole, fraction) = digits.split_at(point);
            format!("{sign}{whole}.{fraction}")
        }
        _ => format!("{sign}0.{}{digits}", "0".repeat(usize::try_from(-point).unwrap_or(0))),
    }
}

/// With at least so many digits behind the point.
fn with_decimals(mut text: String, least: usize) -> String {
    if least == 0 {
        return text;
    }
    let known = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    if known == 0 {
        text.push('.');
    }
    text.push_str(&"0".repeat(least.saturating_sub(known)));
    text
}

/// What stands for the numbers in a format code, in lower case: its first section without literals and brackets.
fn bare(code: &str) -> String {
    let mut out = String::new();
    let mut chars = code.chars();
    while let Some(c) = chars.next() {
        match c {
            ';' => break,
            '"' => {
                chars.by_ref().find(|&c| c == '"');
            }
            // A colour, a currency, a condition; or hours that go on counting after 24.
            '[' => {
                let inside: String = chars.by_ref().take_while(|&c| c != ']').flat_map(char::to_lowercase).collect();
                out.extend(Some(inside).filter(|inside| inside.chars().all(|c| matches!(c, 'h' | 'm' | 's'))));
            }
            '\\' => out.extend(chars.next().filter(|&c| c == '-')),
            '_' | '*' => {
                chars.next();
            }
            c => out.extend(c.to_lowercase()),
        }
    }
    out
}

impl Seen {
    /// By a format code, ECMA-376 part 1, 18.8.31.
    pub(super) fn of_code(code: &str) -> Seen {
        let bare = bare(code);
        let has = |letters: &[char]| bare.contains(letters);
        if bare.contains("general") || bare.contains('@') || bare.contains("e+") || bare.contains("e-") {
            return Seen::General;
        }
        let (day, month, time) = (has(&['y', 'd']), has(&['m']), has(&['h', 's']));
        if !has(&['0', '#', '?']) || bare.contains("s.0") {
            return match (day || (month && !time), time) {
                (true, true) => Seen::DateTime,
                (true, false) => Seen::Date,
                (false, true) => Seen::Time,
                (false, false) => Seen::General,
            };
        }
        let zeros = bare.matches('0').count();
        if zeros > 1 && bare.chars().all(|c| matches!(c, '0' | '-')) {
            return Seen::Padded(bare);
        }
        let decimals = bare.split_once('.').map_or(0, |(_, behind)| behind.chars().take_while(|&c| c == '0').count());
        if has(&['%']) { Seen::Percent(decimals) } else { Seen::Decimals(decimals) }
    }

    /// By the number of a format that has no code in the file, ECMA-376 part 1, 18.8.30; 27 to 36 and 50 to 58 are dates
    /// in Korean, Chinese and Japanese.
    pub(super) fn of_builtin(id: u32) -> Seen {
        match id {
            2 | 4 | 7 | 8 | 39 | 40 | 43 | 44 => Seen::Decimals(2),
            9 => Seen::Percent(0),
            10 => Seen::Percent(2),
            14..=17 | 27..=31 | 34..=36 | 50..=54 | 57..=58 => Seen::Date,
            18..=21 | 32..=33 | 45 | 47 | 55..=56 => Seen::Time,
            22 => Seen::DateTime,
            _ => Seen::General,
        }
    }

    /// Decimal text as people see it. `from_1904` says from when days are counted.
    pub(super) fn show(&self, number: String, from_1904: bool) -> String {
        match self {
            Seen::General => number,
            Seen::Decimals(least) => with_decimals(number, *least),
            Seen::Percent(least) => format!("{}%", with_decimals(shifted(&number, 2), *least)),
            Seen::Padded(pattern) => padded(&number, pattern).unwrap_or(number),
            Seen::Date | Seen::Time | Seen::DateTime => self.moment(&number, from_1904).unwrap_or(number),
        }
    }

    /// A serial of days as ISO 8601.
    fn moment(&self, number: &str, from_1904: bool) -> Option<String> {
        let (days, fraction) = number.split_once('.').unwrap_or((number, ""));
        let mut days: u64 = days.parse().ok()?;
        // Twelve digits of the day are less than a microsecond.
        let part: u64 = format!("{fraction:0<12.12}").parse().ok()?;
        let mut seconds = part.checked_mul(86_400)?.checked_add(500_000_000_000)? / 1_000_000_000_000;
        if seconds >= 86_400 {
            (days, seconds) = (days.saturating_add(1), 0);
        }
        let time = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        if *self == Seen::Time {
            return (days == 0).then_some(time);
        }
        let first = if from_1904 {
            NaiveDate::from_ymd_opt(1904, 1, 1)
        } else {
            // Serial 60 is the 29th of February 1900, which never was; days before it are one less.
            days += u64::from(days < 60);
            NaiveDate::from_ymd_opt(1899, 12, 30)
        };
        let date = first?.checked_add_days(Days::new(days))?;
        if date > NaiveDate::from_ymd_opt(9999, 12, 31)? {
            return None;
        }
        Some(if seconds == 0 || *self == Seen::Date { date.to_string() } else { format!("{date}T{time}") })
    }
}

/// The digits of a whole number put into `000-00-00000` from behind.
fn padded(number: &str, pattern: &str) -> Option<String> {
    let mut digits = number.bytes().rev().peekable();
    let mut out = Vec::new();
    for c in pattern.bytes().rev() {
        match c {
            b'0' => out.push(digits.next().unwrap_or(b'0')),
            c => out.push(c),
        }
    }
    out.extend(digits);
    out.reverse();
    let whole = number.bytes().all(|byte| byte.is_ascii_digit());
    String::from_utf8(out).ok().filter(|_| whole)
}

/// The serial of a date as `2026-01-31`, where spreadsheets agree about it.
pub(super) fn serial(date: &str) -> Option<i64> {
    let date: NaiveDate = date.parse().ok()?;
    let days = date.signed_duration_since(NaiveDate::from_ymd_opt(1899, 12, 30)?).num_days();
    (61..=2_958_465).contains(&days).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_exponent_and_no_noise() {
        let number = |text: &str| from_text(text).unwrap_or_else(|| "-".to_owned());
        assert_eq!(number("0.30000000000000004"), "0.3");
        assert_eq!(number("8.80123456E+12"), "8801234560000");
        assert_eq!(number("8801234560634"), "8801234560634");
        assert_eq!(number("12345678901234567890"), "12345678901234567890");
        assert_eq!(number("007"), "7");
        assert_eq!(number("-0"), "0");
        assert_eq!(number("-12.50"), "-12.5");
        assert_eq!(number("1E-7"), "0.0000001");
        assert_eq!(number("1200.0"), "1200");
        assert_eq!(number("1e999"), "-");
        assert_eq!(number("NaN"), "-");
        assert_eq!(number(""), "-");
        assert_eq!(decimal(-0.5).unwrap(), "-0.5");
        assert_eq!(shifted("0.075", 2), "7.5");
        assert_eq!(shifted("123", -2), "1.23");
        assert_eq!(shifted("5", -2), "0.05");
    }

    #[test]
    fn formats_say_how_a_number_is_seen() {
        let see = |code: &str, number: &str| Seen::of_code(code).show(number.to_owned(), false);
        assert_eq!(see("General", "12.5"), "12.5");
        assert_eq!(see("#,##0", "1234.5"), "1234.5");
        assert_eq!(see("#,##0.00_);[Red](#,##0.00)", "1234.5"), "1234.50");
        assert_eq!(see("_-\"₩\"* #,##0_-", "540000"), "540000");
        assert_eq!(see("0%", "0.1"), "10%");
        assert_eq!(see("0.0%", "0.1"), "10.0%");
        assert_eq!(see("000-00-00000", "123456789"), "012-34-56789");
        assert_eq!(see("00000", "4524"), "04524");
        assert_eq!(see("0.00E+00", "12345"), "12345");
        assert_eq!(see("yyyy-mm-dd", "46053"), "2026-01-31");
        assert_eq!(see("yyyy\"년\" m\"월\" d\"일\"", "46053"), "2026-01-31");
        assert_eq!(see("[$-412]yyyy/m/d", "46053"), "2026-01-31");
        assert_eq!(see("yyyy-mm-dd hh:mm", "46053.395833333336"), "2026-01-31T09:30:00");
        assert_eq!(see("m/d/yy", "46053.999999999"), "2026-02-01");
        assert_eq!(see("h:mm", "0.75"), "18:00:00");
        assert_eq!(see("mm:ss.0", "0.5"), "12:00:00");
        assert_eq!(see("yyyy-mm-dd", "-1"), "-1");
        assert_eq!(see("yyyy-mm-dd", "99999999999999"), "99999999999999");
        assert_eq!(see("[h]:mm", "0"), "00:00:00");
        assert_eq!(see("\"unclosed", "1"), "1");
    }

    #[test]
    fn days_are_counted_from_1900_or_1904() {
        let date = |number: &str, from_1904| Seen::Date.show(number.to_owned(), from_1904);
        assert_eq!(date("1", false), "1900-01-01");
        assert_eq!(date("59", false), "1900-02-28");
        assert_eq!(date("61", false), "1900-03-01");
        assert_eq!(date("44591", true), "2026-01-31");
        assert_eq!(serial("2026-01-31"), Some(46053));
        assert_eq!(serial("1899-12-31"), None);
        assert_eq!(serial("2026-02-30"), None);
    }
}
