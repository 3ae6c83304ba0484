//! What the clock starts: due, missed, failed, and on one hub at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use dure::clock::Clock;
use dure::config::Config;
use dure::error::Error;
use dure::jobs::runner::{self, Job, Looked, Planned};
use dure::model::seal::Sealer;
use dure::pipeline::hub::Hub;
use dure::store::{Store, StoreConfig, jobs};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// 2026-11-24 00:00 in Seoul.
const MIDNIGHT: i64 = 1_795_446_000_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

struct Bench {
    clock: Clock,
    store: Store,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(MIDNIGHT);
        let store = Store::open(&StoreConfig::sqlite(folder.path().join("dure.db")).with_clock(clock.clone())).unwrap();
        Bench { clock, store, folder }
    }

    async fn hub(&self, number: u8) -> Arc<Hub> {
        let sealer = Sealer::new(&[zeroize::Zeroizing::new([7; 32])], ring::rand::SystemRandom::new()).unwrap();
        let config = Config { hub: number, data: self.folder.path().to_owned(), ..Config::default() };
        Hub::new(config, self.store.clone(), self.clock.clone(), sealer, Vec::new()).await.unwrap()
    }

    fn row(&self, name: &'static str) -> jobs::JobRow {
        self.store.read_blocking(move |tx| jobs::get(tx, name)).unwrap().unwrap()
    }
}

fn planned(job: Job) -> Planned {
    runner::plan(&[job], &Config::default()).unwrap().remove(0)
}

fn ran(outcome: &str, failed: bool) -> Looked {
    Looked::Ran { outcome: outcome.to_owned(), failed }
}

/// Says when it was scheduled for, in hours after midnight of the first day.
const NIGHTLY: Job = Job {
    name: "nightly",
    schedule: "0 0 3 * * *",
    run: |_, scheduled_ms| Box::pin(async move { Ok(format!("hour {}", (scheduled_ms - MIDNIGHT) / HOUR)) }),
};

#[tokio::test]
async fn due_once_and_missed_ones_once() {
    let bench = Bench::new();
    let (hub, nightly) = (bench.hub(1).await, planned(NIGHTLY));
    // First seen: what was due before is not caught up.
    assert_eq!(runner::look(&hub, &nightly).await.unwrap(), Looked::NotDue);
    bench.clock.advance_ms(3 * HOUR - 1);
    assert_eq!(runner::look(&hub, &nightly).await.unwrap(), Looked::NotDue);
    bench.clock.advance_ms(1);
    assert_eq!(runner::look(&hub, &nightly).await.unwrap(), ran("hour 3", false));
    assert_eq!(runner::look(&hub, &nightly).await.unwrap(), Looked::NotDue);
    let row = bench.row("nightly");
    assert_eq!((row.scheduled_ms, row.outcome.as_str()), (MIDNIGHT + 3 * HOUR, "hour 3"));
    assert_eq!((row.started_ms, row.ended_ms), (Some(MIDNIGHT + 3 * HOUR), Some(MIDNIGHT + 3 * HOUR)));
    bench.clock.advance_ms(5 * DAY + HOUR);
    assert_eq!(runner::look(&hub, &nightly).await.unwrap(), ran("hour 123", false));
    assert_eq!(runner::look(&hub, &nightly).await.unwrap(), Looked::NotDue);
}

#[tokio::test]
async fn a_failure_waits_for_the_next_time() {
    static TRIES: AtomicUsize = AtomicUsize::new(0);
    let bench = Bench::new();
    let hub = bench.hub(1).await;
    let job = planned(Job {
        name: "failing",
        schedule: "0 0 3 * * *",
        run: |_, _| {
            Box::pin(async {
                match TRIES.fetch_add(1, Ordering::SeqCst) {
                    0 => Err(Error::store("closing the day: disk full")),
                    1 => panic!("a bug"),
                    _ => Ok("done".to_owned()),
                }
            })
        },
    });
    runner::look(&hub, &job).await.unwrap();
    bench.clock.advance_ms(DAY);
    assert_eq!(runner::look(&hub, &job).await.unwrap(), ran("closing the day: disk full", true));
    assert_eq!(runner::look(&hub, &job).await.unwrap(), Looked::NotDue);
    assert_eq!(
        (bench.row("failing").failures, bench.row("failing").outcome),
        (1, "closing the day: disk full".to_owned())
    );
    bench.clock.advance_ms(DAY);
    let Looked::Ran { outcome, failed: true } = runner::look(&hub, &job).await.unwrap() else { panic!("not run") };
    assert!(outcome.contains("panicked") && bench.row("failing").failures == 2, "{outcome}");
    bench.clock.advance_ms(DAY);
    assert_eq!(runner::look(&hub, &job).await.unwrap(), ran("done", false));
    assert_eq!(bench.row("failing").failures, 0);
}

static RUNS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static BEGUN: Notify = Notify::const_new();
static RELEASE: Notify = Notify::const_new();

/// Waits to be let go on the hub it begins on first; the other one goes through.
const SLOW: Job = Job {
    name: "slow",
    schedule: "0 0 3 * * *",
    run: |hub, _| {
        Box::pin(async move {
            let first = {
                let mut runs = RUNS.lock().unwrap();
                runs.push(hub.owner.clone());
                runs.len() == 1
            };
            if first {
                BEGUN.notify_one();
                RELEASE.notified().await;
            }
            Ok("done".to_owned())
        })
    },
};

#[tokio::test]
async fn one_hub_at_a_time() {
    let bench = Bench::new();
    let (one, two, slow) = (bench.hub(1).await, bench.hub(2).await, planned(SLOW));
    runner::look(&one, &slow).await.unwrap();
    bench.clock.advance_ms(DAY);
    let mut tasks = JoinSet::new();
    let (hub, job) = (one.clone(), slow.clone());
    tasks.spawn(async move { runner::look(&hub, &job).await.unwrap() });
    BEGUN.notified().await;
    assert_eq!(runner::look(&two, &slow).await.unwrap(), Looked::Elsewhere);
    assert_eq!(bench.row("slow").ended_ms, None);
    // The first one hangs past its lease: the second takes over, and what the first says no longer counts.
    bench.clock.advance_ms(61_000);
    assert_eq!(runner::look(&two, &slow).await.unwrap(), ran("done", false));
    RELEASE.notify_one();
    assert_eq!(tasks.join_next().await.unwrap().unwrap(), Looked::GivenUp);
    assert_eq!(*RUNS.lock().unwrap(), [one.owner.clone(), two.owner.clone()]);
    assert_eq!(runner::look(&one, &slow).await.unwrap(), Looked::NotDue);
}

#[tokio::test]
async fn the_runner_runs_what_is_due_and_ends_with_the_hub() {
    static DONE: Notify = Notify::const_new();
    let bench = Bench::new();
    let hub = bench.hub(1).await;
    let job = Job {
        name: "told",
        schedule: "0 0 3 * * *",
        run: |_, _| {
            Box::pin(async {
                DONE.notify_one();
                Ok("done".to_owned())
            })
        },
    };
    runner::look(&hub, &planned(job)).await.unwrap();
    bench.clock.advance_ms(DAY);
    let mut tasks = JoinSet::new();
    tasks.spawn(runner::run(hub.clone(), vec![planned(job), planned(NIGHTLY)]));
    DONE.notified().await;
    hub.stop();
    tasks.join_next().await.unwrap().unwrap();
}

#[test]
fn schedules_of_the_configuration() {
    let config = |name: &str, expression: &str| Config {
        jobs: [(name.to_owned(), expression.to_owned())].into(),
        ..Config::default()
    };
    let plan = runner::plan(&[NIGHTLY], &config("nightly", "0 0 5 * * *")).unwrap();
    assert_eq!(plan[0].schedule.next_after(MIDNIGHT), Some(MIDNIGHT + 5 * HOUR));
    for (name, expression) in [("nightly", "0 0 25 * * *"), ("weekly", "0 0 3 * * *")] {
        let error = runner::plan(&[NIGHTLY], &config(name, expression)).err().unwrap().to_string();
        assert!(error.contains(&format!("jobs.{name}")), "{error}");
    }
}
