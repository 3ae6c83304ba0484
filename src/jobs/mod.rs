//! What the clock starts. A new job is a file here and a line in [`JOBS`].

pub mod ask_couriers;
pub mod close_day;
pub mod runner;
pub mod schedule;
pub mod sweep;

use runner::Job;
use schedule::Schedule;

/// When the day is closed unless the configuration says otherwise.
const CLOSE_DAY: &str = "0 10 0 * * *";

/// All jobs, by name. `src/dure.toml` lists them as well.
pub const JOBS: &[Job] = &[
    Job {
        name: "ask_couriers",
        schedule: "0 20 * * * *",
        run: |hub, _| Box::pin(async move { Ok(format!("{} silent parcels", ask_couriers::run(&hub).await?)) }),
    },
    Job {
        name: "close_day",
        schedule: CLOSE_DAY,
        run: |hub, scheduled_ms| {
            Box::pin(async move {
                let expression = hub.config.jobs.get("close_day").map_or(CLOSE_DAY, String::as_str);
                let day = closed_day(&Schedule::parse(expression, hub.config.zone)?, hub.config.zone, scheduled_ms);
                let count = close_day::run(&hub, &day).await?;
                Ok(format!("{count} statements for {day}"))
            })
        },
    },
    Job {
        name: "sweep",
        schedule: "0 40 3 * * *",
        run: |hub, _| Box::pin(async move { Ok(format!("{} rows taken away", sweep::run(&hub).await?)) }),
    },
];

/// The day that a closing at that time closes: the one that is over; where it closes again on the same day, that day so far.
fn closed_day(schedule: &Schedule, zone: chrono_tz::Tz, at_ms: i64) -> String {
    let today = crate::document::effect::day_of(zone, at_ms);
    let next = schedule.next_after(at_ms).map(|next_ms| crate::document::effect::day_of(zone, next_ms));
    if next.as_deref() == Some(today.as_str()) { today } else { day_before(zone, at_ms) }
}

/// The day before that of an instant in a zone, `YYYY-MM-DD`; not 24 hours before, because days differ in length.
fn day_before(zone: chrono_tz::Tz, at_ms: i64) -> String {
    let day = chrono::DateTime::from_timestamp_millis(at_ms).map(|at| at.with_timezone(&zone).date_naive());
    day.and_then(|day| day.pred_opt()).map_or(String::new(), |day| day.format("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn built_in_jobs_have_good_schedules_and_are_sorted() {
        assert_eq!(runner::plan(JOBS, &Config::default()).unwrap().len(), JOBS.len());
        assert!(JOBS.is_sorted_by_key(|job| job.name));
        for job in JOBS {
            let line = format!("# {} = \"{}\"", job.name, job.schedule);
            assert!(crate::config::TEMPLATE.contains(&line), "{line}");
        }
    }

    #[test]
    fn a_closing_that_comes_again_closes_the_day_so_far() {
        let check = |expression: &str, text: &str, expected: &str| {
            let zone = chrono_tz::Asia::Seoul;
            let at_ms = chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
            let schedule = Schedule::parse(expression, zone).unwrap();
            assert_eq!(closed_day(&schedule, zone, at_ms), expected, "{expression} {text}");
        };
        check(CLOSE_DAY, "2026-11-25T00:10:00+09:00", "2026-11-24");
        check("0 50 23 * * *", "2026-11-25T23:50:00+09:00", "2026-11-24");
        check("*/5 * * * * *", "2026-11-25T09:00:05+09:00", "2026-11-25");
        check("*/5 * * * * *", "2026-11-25T23:59:55+09:00", "2026-11-24");
        check("0 0 0,12 * * *", "2026-11-25T12:00:00+09:00", "2026-11-24");
        check("0 0 0,12 * * *", "2026-11-25T00:00:00+09:00", "2026-11-25");
    }

    #[test]
    fn the_day_before_a_short_day() {
        let check = |text: &str, expected: &str| {
            let at_ms = chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
            assert_eq!(day_before(chrono_tz::Europe::Berlin, at_ms), expected);
        };
        check("2026-03-30T00:10:00+02:00", "2026-03-29");
        check("2026-10-26T00:10:00+01:00", "2026-10-25");
        check("2026-03-01T00:10:00+01:00", "2026-02-28");
    }
}
