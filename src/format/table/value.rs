//! Fields as their types are written. What could be read in two ways is left as it is, for the checker to flag.

use std::borrow::Cow;

use crate::schema::simple::Base;

/// A field as its type is written: without blanks around it, numbers without thousands separators, dates as
/// `2026-01-31`.
pub(super) fn plain(field: &str, base: Base, semicolons: bool) -> Cow<'_, str> {
    let field = field.trim();
    match base {
        Base::Decimal | Base::Integer => number(field, semicolons).map_or(field.into(), Cow::Owned),
        Base::Date => date(field).map_or(field.into(), Cow::Owned),
        _ => field.into(),
    }
}

/// `1,200` and `1,200,000.50` without commas; `12,5` and `12,50` with a point in a table whose delimiter is a semicolon.
fn number(text: &str, semicolons: bool) -> Option<String> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut groups = whole.trim_start_matches('-').split(',');
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let first = groups.next().filter(|group| digits(group))?;
    let rest: Vec<&str> = groups.collect();
    if rest.is_empty() || fraction.is_some_and(|fraction| !digits(fraction)) {
        return None;
    }
    let thousands = first.len() <= 3 && rest.iter().all(|group| group.len() == 3 && digits(group));
    match (thousands, semicolons, rest.as_slice()) {
        (true, false, _) | (true, true, [_, _, ..]) => Some(text.replace(',', "")),
        (false, true, [cents]) if fraction.is_none() && digits(cents) => Some(text.replace(',', ".")),
        _ => None,
    }
}

/// `20260131`, `2026/1/31`, `2026. 1. 31.`, `2026년 1월 31일`, `2026-01-31T09:30:00` as `2026-01-31`.
fn date(text: &str) -> Option<String> {
    let day = text.split_once('T').map_or(text, |(day, _)| day);
    let parts: Vec<&str> = day.split(['-', '/', '.', ' ', '년', '월', '일']).filter(|part| !part.is_empty()).collect();
    let (year, month, day) = match parts.as_slice() {
        [year, month, day] => (*year, *month, *day),
        [whole] if whole.len() == 8 => (whole.get(..4)?, whole.get(4..6)?, whole.get(6..)?),
        _ => return None,
    };
    let digits = |text: &str, most: usize| text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
    (year.len() == 4 && digits(year, 4) && digits(month, 2) && digits(day, 2))
        .then(|| format!("{year}-{month:0>2}-{day:0>2}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_dates_are_made_plain_where_there_is_one_reading() {
        let number = |text, semicolons| plain(text, Base::Decimal, semicolons).into_owned();
        assert_eq!(number("1,200", false), "1200");
        assert_eq!(number("-1,200,000.50", false), "-1200000.50");
        assert_eq!(number("12,50", false), "12,50");
        assert_eq!(number("12,50", true), "12.50");
        assert_eq!(number("1,200", true), "1,200");
        assert_eq!(number("1,20,000", false), "1,20,000");
        assert_eq!(number(" 7 ", false), "7");
        let date = |text| plain(text, Base::Date, false).into_owned();
        assert_eq!(date("2026. 1. 31."), "2026-01-31");
        assert_eq!(date("2026-01-31"), "2026-01-31");
        assert_eq!(date("31.01.2026"), "31.01.2026");
        assert_eq!(date("2026년 1월 31일"), "2026-01-31");
        assert_eq!(date("2026-01-31T09:30:00"), "2026-01-31");
    }
}
