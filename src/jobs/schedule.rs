//! When jobs run: cron expressions with seconds, in the hub's zone, safe around changes of the clock.
//!
//! Expressions are those of the crate `cron`: second, minute, hour, day of month, month, day of week, optionally year.
//! Where the clock is put forward, what falls into the missing hour runs right after it; where it is put back, a fixed hour
//! runs the first time only. An expression for every hour simply goes on: it follows the time that really passes.

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use crate::error::{Error, Result};

/// Candidates that are looked at for one answer; an hour that comes twice has at most 3,600 that are past already.
const MOST_CANDIDATES: usize = 100_000;

/// How far back the last missed run is looked for, from near to far, milliseconds.
const BACK_MS: [i64; 6] = [60_000, 3_600_000, 86_400_000, 31 * 86_400_000, 366 * 86_400_000, 5 * 366 * 86_400_000];

/// When a job runs.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: cron::Schedule,
    zone: Tz,
    /// Whether it names no hour, so that it is about time passing rather than time of day.
    every_hour: bool,
}

impl Schedule {
    /// From an expression such as `0 30 3 * * *` (half past three every night).
    pub fn parse(expression: &str, zone: Tz) -> Result<Schedule> {
        use cron::TimeUnitSpec;
        let cron: cron::Schedule = expression.parse().map_err(|error: cron::error::Error| {
            Error::config(format!("the schedule {expression:?} (second minute hour day month weekday)"))
                .caused_by(error)
        })?;
        let every_hour = cron.hours().is_all();
        Ok(Schedule { cron, zone, every_hour })
    }

    /// The first run after a time, both UTC milliseconds; none if there is none any more.
    pub fn next_after(&self, after_ms: i64) -> Option<i64> {
        let after = DateTime::from_timestamp_millis(after_ms)?;
        let next = if self.every_hour { self.next_by_offset(after) } else { self.next_by_clock(after) };
        next.map(|at| at.timestamp_millis())
    }

    /// The latest run that was due by now and has not been: missed ones are caught up once, not each.
    pub fn due(&self, last_ms: i64, now_ms: i64) -> Option<i64> {
        if self.next_after(last_ms)? > now_ms {
            return None;
        }
        // The smallest step back that meets a run, so that there are few to go through.
        let start = BACK_MS
            .iter()
            .map(|back_ms| now_ms.saturating_sub(*back_ms).max(last_ms))
            .find(|start_ms| self.next_after(*start_ms).is_some_and(|at_ms| at_ms <= now_ms))
            .unwrap_or(last_ms);
        let mut due = None;
        let mut at_ms = start;
        for _ in 0..MOST_CANDIDATES {
            match self.next_after(at_ms) {
                Some(next_ms) if next_ms <= now_ms => {
                    due = Some(next_ms);
                    at_ms = next_ms;
                }
                _ => break,
            }
        }
        due
    }

    /// Times of day as the clock on the wall shows them; each is found once and put to an instant.
    fn next_by_clock(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let wall = after.with_timezone(&self.zone).naive_local();
        // Just put back: times up to the change are shown again, and those that were due have run.
        self.cron
            .after(&wall.and_utc())
            .take(MOST_CANDIDATES)
            .map_while(|candidate| instant(self.zone, candidate.naive_utc()))
            .find(|at| *at > after)
    }

    /// Minutes and seconds of every hour: the offset of the moment holds until it changes, then the next one.
    fn next_by_offset(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut from = after;
        for _ in 0..MOST_CANDIDATES {
            let offset = self.zone.offset_from_utc_datetime(&from.naive_utc()).fix();
            let next = self.cron.after(&from.with_timezone(&offset)).next()?.to_utc();
            if self.zone.offset_from_utc_datetime(&next.naive_utc()).fix() == offset {
                return Some(next);
            }
            // The change lies between; what stands right at it is looked at from a second before.
            from = first_of_offset(self.zone, from, next)?.checked_sub_signed(TimeDelta::seconds(1))?;
            let offset = self.zone.offset_from_utc_datetime(&next.naive_utc()).fix();
            let at_change = self.cron.after(&from.with_timezone(&offset)).next()?.to_utc();
            if self.zone.offset_from_utc_datetime(&at_change.naive_utc()).fix() == offset {
                return Some(at_change);
            }
            from = at_change;
        }
        None
    }
}

/// The instant at which the clock shows that; after a gap, the first instant behind it; of two, the first.
fn instant(zone: Tz, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(at) => Some(at.to_utc()),
        LocalResult::Ambiguous(first, _) => Some(first.to_utc()),
        LocalResult::None => {
            // No zone leaves out more than a day (some crossed the date line).
            let before = zone.from_local_datetime(&wall.checked_sub_signed(TimeDelta::hours(25))?).earliest()?;
            let after = zone.from_local_datetime(&wall.checked_add_signed(TimeDelta::hours(25))?).latest()?;
            first_of_offset(zone, before.to_utc(), after.to_utc())
        }
    }
}

/// The first instant (to the second) after `from` with another offset than at `from`, which `to` has.
fn first_of_offset(zone: Tz, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let old = zone.offset_from_utc_datetime(&from.naive_utc()).fix();
    let (mut low, mut high) = (from.timestamp(), to.timestamp());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let there = DateTime::from_timestamp(middle, 0)?;
        if zone.offset_from_utc_datetime(&there.naive_utc()).fix() == old { low = middle } else { high = middle }
    }
    DateTime::from_timestamp(high, 0)
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America, Asia, Australia, Europe, Pacific};

    use super::*;

    fn at(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
    }

    fn told(zone: Tz, at_ms: i64) -> String {
        DateTime::from_timestamp_millis(at_ms).unwrap().with_timezone(&zone).to_rfc3339()
    }

    /// The runs after a time, one after the other.
    fn check(zone: Tz, expression: &str, after: &str, expected: &[&str]) {
        let schedule = Schedule::parse(expression, zone).unwrap();
        let mut last = at(after);
        for one in expected {
            last = schedule.next_after(last).unwrap();
            assert_eq!(told(zone, last), *one, "{expression} in {zone}");
        }
    }

    fn check_due(zone: Tz, expression: &str, last: &str, now: &str, expected: Option<&str>) {
        let due = Schedule::parse(expression, zone).unwrap().due(at(last), at(now));
        assert_eq!(due.map(|at_ms| told(zone, at_ms)).as_deref(), expected, "{expression} {last} {now}");
    }

    #[test]
    fn without_any_change_of_the_clock() {
        let nightly = "0 30 3 * * *";
        check(
            Asia::Seoul,
            nightly,
            "2026-11-24T03:29:59+09:00",
            &["2026-11-24T03:30:00+09:00", "2026-11-25T03:30:00+09:00"],
        );
        check(Asia::Seoul, nightly, "2026-11-24T03:30:00+09:00", &["2026-11-25T03:30:00+09:00"]);
        check(
            Asia::Seoul,
            "0 0 0 1 * *",
            "2026-11-24T00:00:00+09:00",
            &["2026-12-01T00:00:00+09:00", "2027-01-01T00:00:00+09:00"],
        );
        check(Asia::Seoul, "0 0 0 31 * *", "2026-01-31T00:00:00+09:00", &["2026-03-31T00:00:00+09:00"]);
        check(Asia::Seoul, "0 0 9 * * MON-FRI", "2026-11-27T09:00:00+09:00", &["2026-11-30T09:00:00+09:00"]);
        check(
            Asia::Seoul,
            "*/20 * * * * *",
            "2026-11-24T23:59:41+09:00",
            &["2026-11-25T00:00:00+09:00", "2026-11-25T00:00:20+09:00"],
        );
    }

    #[test]
    fn the_clock_is_put_forward() {
        // Berlin, 29 March 2026: 02:00 becomes 03:00.
        let berlin = Europe::Berlin;
        check(
            berlin,
            "0 30 2 * * *",
            "2026-03-28T12:00:00+01:00",
            &["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"],
        );
        check(
            berlin,
            "0 0,30 2,3 * * *",
            "2026-03-29T00:00:00+01:00",
            &["2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"],
        );
        check(
            berlin,
            "0 */30 * * * *",
            "2026-03-29T01:00:00+01:00",
            &["2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"],
        );
        check(berlin, "0 15 * * * *", "2026-03-29T01:15:00+01:00", &["2026-03-29T03:15:00+02:00"]);
    }

    #[test]
    fn the_clock_is_put_back() {
        // Berlin, 25 October 2026: 03:00 becomes 02:00.
        let berlin = Europe::Berlin;
        check(
            berlin,
            "0 30 2 * * *",
            "2026-10-25T00:00:00+02:00",
            &["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"],
        );
        check(berlin, "0 30 2 * * *", "2026-10-25T02:10:00+01:00", &["2026-10-26T02:30:00+01:00"]);
        check(
            berlin,
            "0 */30 * * * *",
            "2026-10-25T02:00:00+02:00",
            &[
                "2026-10-25T02:30:00+02:00",
                "2026-10-25T02:00:00+01:00",
                "2026-10-25T02:30:00+01:00",
                "2026-10-25T03:00:00+01:00",
            ],
        );
        check(
            berlin,
            "0 15 * * * *",
            "2026-10-25T02:15:00+02:00",
            &["2026-10-25T02:15:00+01:00", "2026-10-25T03:15:00+01:00"],
        );
        check(berlin, "0 0 3 * * *", "2026-10-25T01:00:00+02:00", &["2026-10-25T03:00:00+01:00"]);
    }

    #[test]
    fn odd_zones() {
        // Half an hour only.
        check(Australia::Lord_Howe, "0 15 2 * * *", "2026-10-03T12:00:00+10:30", &["2026-10-04T02:30:00+11:00"]);
        check(
            Australia::Lord_Howe,
            "0 15,45 * * * *",
            "2026-04-05T01:30:00+11:00",
            &["2026-04-05T01:45:00+11:00", "2026-04-05T01:45:00+10:30", "2026-04-05T02:15:00+10:30"],
        );
        // Samoa left out 30 December 2011.
        check(
            Pacific::Apia,
            "0 0 12 * * *",
            "2011-12-29T12:00:00-10:00",
            &["2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00"],
        );
        // Midnight itself is missing.
        check(
            America::Santiago,
            "0 0 0 * * *",
            "2026-09-05T12:00:00-04:00",
            &["2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"],
        );
    }

    #[test]
    fn missed_runs_are_caught_up_once() {
        let seoul = Asia::Seoul;
        let nightly = "0 30 3 * * *";
        check_due(seoul, nightly, "2026-11-24T03:30:00+09:00", "2026-11-25T03:29:59+09:00", None);
        check_due(
            seoul,
            nightly,
            "2026-11-24T03:30:00+09:00",
            "2026-11-25T03:30:00+09:00",
            Some("2026-11-25T03:30:00+09:00"),
        );
        check_due(
            seoul,
            nightly,
            "2026-11-01T03:30:00+09:00",
            "2026-11-25T12:00:00+09:00",
            Some("2026-11-25T03:30:00+09:00"),
        );
        check_due(
            seoul,
            "* * * * * *",
            "2020-11-01T00:00:00+09:00",
            "2026-11-25T12:00:00+09:00",
            Some("2026-11-25T12:00:00+09:00"),
        );
        check_due(
            seoul,
            "0 0 0 1 1 *",
            "2020-06-01T00:00:00+09:00",
            "2026-06-01T00:00:00+09:00",
            Some("2026-01-01T00:00:00+09:00"),
        );
        check_due(
            seoul,
            "0 0 0 29 2 *",
            "2020-06-01T00:00:00+09:00",
            "2031-06-01T00:00:00+09:00",
            Some("2028-02-29T00:00:00+09:00"),
        );
        check_due(
            Europe::Berlin,
            "0 30 2 * * *",
            "2026-03-28T02:30:00+01:00",
            "2026-03-29T12:00:00+02:00",
            Some("2026-03-29T03:00:00+02:00"),
        );
        check_due(Europe::Berlin, "0 30 2 * * *", "2026-10-25T02:30:00+02:00", "2026-10-25T12:00:00+01:00", None);
        // A clock that went back waits.
        check_due(seoul, nightly, "2026-11-24T03:30:00+09:00", "2026-11-20T12:00:00+09:00", None);
    }

    #[test]
    fn what_never_comes() {
        let schedule = Schedule::parse("0 0 0 30 2 *", Asia::Seoul).unwrap();
        assert_eq!(schedule.next_after(at("2026-11-24T00:00:00Z")), None);
        assert_eq!(schedule.due(0, at("2026-11-24T00:00:00Z")), None);
        for wrong in ["", "* * *", "61 * * * * *", "0 0 25 * * *", "tomorrow"] {
            assert!(Schedule::parse(wrong, Asia::Seoul).unwrap_err().to_string().contains("schedule"), "{wrong}");
        }
    }

    #[test]
    fn runs_always_rise() {
        // Around the changes of these zones.
        let weeks = [
            ("2026-03-28T00:00:00Z", "2026-04-06T00:00:00Z"),
            ("2026-09-05T00:00:00Z", "2026-09-07T00:00:00Z"),
            ("2026-10-03T00:00:00Z", "2026-10-05T00:00:00Z"),
            ("2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z"),
        ];
        for zone in [Europe::Berlin, Australia::Lord_Howe, America::Santiago, Asia::Seoul] {
            for expression in ["0 */7 * * * *", "0 13 */3 * * *", "5 0 2 * * *", "0 59 1,2 * * SUN"] {
                let schedule = Schedule::parse(expression, zone).unwrap();
                for (from, to) in weeks {
                    let (mut last, end) = (at(from), at(to));
                    while last < end {
                        let next = schedule.next_after(last).unwrap();
                        assert!(next > last, "{expression} in {zone} after {}", told(zone, last));
                        // From any time between the two the same run comes.
                        assert_eq!(schedule.next_after(last + (next - last) / 2), Some(next), "{expression} in {zone}");
                        assert_eq!(schedule.next_after(next - 1), Some(next), "{expression} in {zone}");
                        last = next;
                    }
                }
            }
        }
    }
}
