//! The lexical spaces of XML Schema part 2 and of ISO 9735 numbers, on values whose white space has been treated.
//! Where the recommendation leaves room (leap seconds, the year 0000, which URIs there are), the choice is libxml2's.

use std::borrow::Cow;

const fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r')
}

/// Tabs and line ends become spaces.
pub(super) fn replace(value: &str) -> Cow<'_, str> {
    if value.bytes().any(|b| matches!(b, b'\t' | b'\n' | b'\r')) {
        Cow::Owned(value.replace(['\t', '\n', '\r'], " "))
    } else {
        Cow::Borrowed(value)
    }
}

/// Runs of white space become one space, none at the ends.
pub(super) fn collapse(value: &str) -> Cow<'_, str> {
    let value = value.trim_matches([' ', '\t', '\n', '\r']);
    let mut before = b'x';
    let runs = value.bytes().any(|b| {
        let run = b != b' ' && is_space(b) || is_space(b) && is_space(before);
        before = b;
        run
    });
    if !runs {
        return Cow::Borrowed(value);
    }
    let words = value.split([' ', '\t', '\n', '\r']).filter(|word| !word.is_empty());
    Cow::Owned(words.collect::<Vec<_>>().join(" "))
}

/// Letters, then letters and digits, eight at most in each part.
pub(super) fn language(value: &str) -> bool {
    value.split('-').enumerate().all(|(index, part)| {
        matches!(part.len(), 1..=8)
            && part.bytes().all(|b| b.is_ascii_alphabetic() || (index > 0 && b.is_ascii_digit()))
    })
}

/// Sign, digits, point, digits; at least one digit.
pub(super) fn decimal(value: &str) -> bool {
    let value = value.strip_prefix(['+', '-']).unwrap_or(value);
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}

/// Sign and digits.
pub(super) fn integer(value: &str) -> bool {
    let value = value.strip_prefix(['+', '-']).unwrap_or(value);
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit())
}

/// Digits.
pub(super) fn unsigned(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit())
}

/// The digits before the point as a number; what does not fit is the greatest or least there is.
pub(super) fn whole_part(value: &str) -> i128 {
    let whole = value.split('.').next().unwrap_or("");
    let least = if value.starts_with('-') { i128::MIN } else { i128::MAX };
    whole.strip_prefix('+').unwrap_or(whole).parse().unwrap_or(least)
}

/// Significant digits before and behind the point.
pub(super) fn digits(value: &str) -> (u32, u32) {
    let value = value.trim_start_matches(['+', '-']);
    let (whole, fraction) = value.split_once(['.', ',']).unwrap_or((value, ""));
    let count = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX);
    (count(whole.trim_start_matches('0')), count(fraction.trim_end_matches('0')))
}

/// ISO 9735 10: an optional minus, digits, and a decimal mark with digits on both sides of it.
pub(super) fn edifact_number(value: &str, mark: Option<char>) -> bool {
    let value = value.strip_prefix('-').unwrap_or(value);
    let parts = match mark {
        Some(mark) => value.split_once(mark),
        None => value.split_once(['.', ',']),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match parts {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(value),
    }
}

/// Takes so many digits from the front, as a number.
fn number(value: &[u8], width: usize) -> Option<(u32, &[u8])> {
    let (digits, rest) = value.split_at_checked(width)?;
    let mut number = 0;
    for b in digits {
        if !b.is_ascii_digit() {
            return None;
        }
        number = number * 10 + u32::from(b - b'0');
    }
    Some((number, rest))
}

/// `Z`, `+09:00` or nothing, up to fourteen hours.
fn zone(value: &[u8]) -> bool {
    match value {
        [] | b"Z" => true,
        [b'+' | b'-', rest @ ..] => {
            let Some((hours, [b':', rest @ ..])) = number(rest, 2) else { return false };
            matches!(number(rest, 2), Some((minutes, [])) if minutes < 60 && hours * 60 + minutes <= 14 * 60)
        }
        _ => false,
    }
}

/// The year of a date: four digits or more, no zero in front of more, not 0000; whether it is a leap year.
fn year_part(value: &[u8]) -> Option<(bool, &[u8])> {
    let value = value.strip_prefix(b"-").unwrap_or(value);
    let width = value.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = value.split_at_checked(width)?;
    if width < 4 || (width > 4 && digits.first() == Some(&b'0')) || digits.iter().all(|b| *b == b'0') {
        return None;
    }
    // Leap years repeat every 400, so the last four digits tell.
    let (last, _) = number(digits.get(width - 4..)?, 4)?;
    let leap = last % 4 == 0 && (last % 100 != 0 || last % 400 == 0);
    Some((leap, rest))
}

fn date_part(value: &[u8]) -> Option<&[u8]> {
    let (leap, rest) = year_part(value)?;
    let (month, rest) = number(rest.strip_prefix(b"-")?, 2)?;
    let (day, rest) = number(rest.strip_prefix(b"-")?, 2)?;
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    (1..=days).contains(&day).then_some(rest)
}

fn time_part(value: &[u8]) -> Option<&[u8]> {
    let (hours, rest) = number(value, 2)?;
    let (minutes, rest) = number(rest.strip_prefix(b":")?, 2)?;
    let (seconds, mut rest) = number(rest.strip_prefix(b":")?, 2)?;
    let mut fraction: &[u8] = &[];
    if let Some(behind) = rest.strip_prefix(b".") {
        let width = behind.iter().take_while(|b| b.is_ascii_digit()).count();
        (fraction, rest) = behind.split_at_checked(width).filter(|_| width > 0)?;
    }
    let end_of_day = hours == 24 && minutes == 0 && seconds == 0 && fraction.iter().all(|b| *b == b'0');
    ((hours < 24 && minutes < 60 && seconds < 60) || end_of_day).then_some(rest)
}

/// A date (XML Schema part 2, 3.2.9).
pub(super) fn date(value: &str) -> bool {
    date_part(value.as_bytes()).is_some_and(zone)
}

/// A time (3.2.8).
pub(super) fn time(value: &str) -> bool {
    time_part(value.as_bytes()).is_some_and(zone)
}

/// A date and time (3.2.7).
pub(super) fn date_time(value: &str) -> bool {
    let behind = date_part(value.as_bytes()).and_then(|rest| rest.strip_prefix(b"T"));
    behind.and_then(time_part).is_some_and(zone)
}

/// A year (3.2.11).
pub(super) fn year(value: &str) -> bool {
    year_part(value.as_bytes()).is_some_and(|(_, rest)| zone(rest))
}

/// The number of bytes that base 64 stands for (3.2.16; white space anywhere), if it is base 64.
pub(super) fn base64_len(value: &str) -> Option<usize> {
    let (mut count, mut last, mut padding) = (0usize, 0u8, 0usize);
    for b in value.bytes() {
        let six = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                continue;
            }
            _ if is_space(b) => continue,
            _ => return None,
        };
        if padding > 0 {
            return None;
        }
        count += 1;
        last = six;
    }
    // The bits of the last character that stand for nothing are zero.
    match (count % 4, padding) {
        (0, 0) => Some(count / 4 * 3),
        (2, 2) if last & 0b1111 == 0 => Some(count / 4 * 3 + 1),
        (3, 1) if last & 0b11 == 0 => Some(count / 4 * 3 + 2),
        _ => None,
    }
}

/// The number of bytes that hexadecimal digits stand for (3.2.15), if they are pairs.
pub(super) fn hex_len(value: &str) -> Option<usize> {
    (value.len().is_multiple_of(2) && value.bytes().all(|b| b.is_ascii_hexdigit())).then_some(value.len() / 2)
}

/// A URI reference (RFC 3986 4.1), after what XML Schema part 2, 3.2.17 escapes first.
pub(super) fn any_uri(value: &str) -> bool {
    let scheme =
        value.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.')).unwrap_or(value.len());
    let (before, behind) = value.split_at_checked(scheme).unwrap_or((value, ""));
    let absolute = behind.strip_prefix(':').filter(|_| before.starts_with(|c: char| c.is_ascii_alphabetic()));
    let mut rest = absolute.unwrap_or(value);
    let mut path_may_have_colon = absolute.is_some();
    if let Some(behind) = rest.strip_prefix("//") {
        let Some(path) = behind_authority(behind) else { return false };
        rest = path;
        path_may_have_colon = true;
    }
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let first = path.split('/').next().unwrap_or("");
    uri_chars(path, b"/:@")
        && (path_may_have_colon || !first.contains(':'))
        && uri_chars(query, b"/?:@")
        && uri_chars(fragment, b"/?:@[]")
}

/// What stands behind user, host and port.
fn behind_authority(value: &str) -> Option<&str> {
    let end = value.find(['/', '?', '#', '[']).unwrap_or(value.len());
    let (before, behind) = value.split_at_checked(end)?;
    if let Some(literal) = behind.strip_prefix('[') {
        let user = before.is_empty() || before.strip_suffix('@').is_some_and(|user| uri_chars(user, b":"));
        let (_, rest) = literal.split_once(']')?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (port, path) = rest.split_at_checked(end)?;
        return (user && is_port(port)).then_some(path);
    }
    let (user, host) = before.rsplit_once('@').unwrap_or(("", before));
    let (name, port) = host.find(':').and_then(|at| host.split_at_checked(at)).unwrap_or((host, ""));
    (uri_chars(user, b":") && uri_chars(name, b"") && is_port(port)).then_some(behind)
}

/// Nothing, or a colon and digits.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()))
}

/// Unreserved characters, sub-delimiters, percent escapes, the extra ones, and what is escaped before it is looked at.
fn uri_chars(value: &str, extra: &[u8]) -> bool {
    let mut bytes = value.bytes();
    while let Some(b) = bytes.next() {
        let good = match b {
            b'%' => {
                let mut hex = || bytes.next().is_some_and(|b| b.is_ascii_hexdigit());
                hex() && hex()
            }
            b if b.is_ascii_alphanumeric() => true,
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => {
                true
            }
            b'<' | b'>' | b'"' | b'{' | b'}' | b'|' | b'\\' | b'^' | b'`' => true,
            b if !(33..127).contains(&b) => true,
            b => extra.contains(&b),
        };
        if !good {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accepts: impl Fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        for value in good {
            assert!(accepts(value), "{value:?} is good");
        }
        for value in bad {
            assert!(!accepts(value), "{value:?} is bad");
        }
    }

    #[test]
    fn white_space() {
        assert_eq!(collapse(" a \t b\n"), "a b");
        assert!(matches!(collapse("  a b "), Cow::Borrowed("a b")));
        assert_eq!(replace("a\tb\r\n"), "a b  ");
    }

    #[test]
    fn numbers() {
        check(decimal, &["1", "-1.50", "+.5", "5.", "007"], &["", ".", "-", "1e3", "1,5", "1 0", "INF"]);
        check(integer, &["1", "-0", "+12"], &["", "1.0", "-"]);
        check(|v| edifact_number(v, None), &["12", "-3", "1.5", "1,5"], &["", "+1", ".5", "5.", "1.5.2", "1E3"]);
        check(|v| edifact_number(v, Some(',')), &["1,5"], &["1.5"]);
        assert_eq!(digits("-0012.3400"), (2, 2));
        assert_eq!(whole_part("-12"), -12);
    }

    #[test]
    fn dates_and_times() {
        check(
            date,
            &["2026-01-31", "2024-02-29", "-0044-03-15", "12026-01-01", "2026-01-31Z", "2026-01-31+14:00"],
            &[
                "2026-1-31",
                "2026-02-29",
                "0000-01-01",
                "02026-01-01",
                "2026-01-31+14:01",
                "2026-01-31 ",
                "20260131",
                "2026-13-01",
            ],
        );
        check(
            time,
            &["00:00:00", "23:59:59.999", "24:00:00", "12:00:00Z", "12:00:00-05:30"],
            &["24:00:01", "12:60:00", "12:00:60", "12:00", "12:00:00.", "1:00:00"],
        );
        check(
            date_time,
            &["2026-01-31T09:30:00", "2026-01-31T09:30:00.5+09:00"],
            &["2026-01-31 09:30:00", "2026-01-31T"],
        );
    }

    #[test]
    fn binaries() {
        check(
            |v| base64_len(v).is_some(),
            &["", "QUJD", "QUI=", "QQ==", "QU JD\n"],
            &["QUJ", "QQ=", "QR==", "Q===", "=QUJ", "Q*=="],
        );
        check(|v| hex_len(v).is_some(), &["", "0aFF"], &["0", "0g"]);
    }

    #[test]
    fn tags_and_uris() {
        check(language, &["en", "ko-KR", "x-12345678"], &["", "e1", "en_US", "en-", "abcdefghi"]);
        check(
            any_uri,
            &[
                "",
                "http://a.b/c?d#e",
                "urn:x:y",
                "a/b:c",
                "../x",
                "주문",
                "http://[::1]:80/",
                "mailto:a@b",
                "%41",
                "a b",
            ],
            &["1:b", "%4", "a#b#c", "http://a:b/"],
        );
    }
}
