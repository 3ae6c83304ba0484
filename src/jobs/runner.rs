//! Runs the jobs: each by its schedule, on one hub at a time, under a lease that is renewed while it runs.
//!
//! A run that was missed is caught up once. One that fails is logged, recorded and tried again at its next time; one that
//! panics is a failure like any other. Jobs may be run twice (a hub that loses its lease stops, but may have done part),
//! so what they do is handed in with ids that make a repeat known.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;

use super::schedule::Schedule;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::pipeline::hub::Hub;
use crate::store::{jobs, leases};

/// For how long a hub has a job without renewing.
const LEASE_MS: i64 = 60_000;
/// How often it renews.
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// The longest sleep: a clock that is set is noticed by then.
const LOOK_EVERY_MS: i64 = 30_000;
/// What a running job gets to end by itself when the hub stops.
const GRACE: Duration = Duration::from_secs(8);

/// Something that the clock starts.
#[derive(Clone, Copy)]
pub struct Job {
    /// Its name, also below `[jobs]` in the configuration.
    pub name: &'static str,
    /// When it runs unless the configuration says otherwise: cron with seconds, in the hub's zone.
    pub schedule: &'static str,
    /// Runs it for a scheduled time (UTC milliseconds); gives a line for people. Looks at `Hub::is_stopping` between steps.
    pub run: fn(Arc<Hub>, i64) -> BoxFuture<'static, Result<String>>,
}

/// A job with its schedule in effect.
#[derive(Clone)]
pub struct Planned {
    /// The job.
    pub job: Job,
    /// When it runs.
    pub schedule: Schedule,
}

/// What came of one look at a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Looked {
    /// It is not due.
    NotDue,
    /// It is due, but another hub has it or has just done it.
    Elsewhere,
    /// It ran: the line for people, and whether it failed.
    Ran {
        /// What came of it.
        outcome: String,
        /// Whether that is a failure.
        failed: bool,
    },
    /// Its run was given up: the lease was lost, or the hub stopped and it did not end.
    GivenUp,
}

/// The jobs with their schedules; an error names what is wrong in `[jobs]`.
pub fn plan(jobs: &[Job], config: &Config) -> Result<Vec<Planned>> {
    if let Some(name) = config.jobs.keys().find(|name| !jobs.iter().any(|job| job.name == name.as_str())) {
        let names: Vec<_> = jobs.iter().map(|job| job.name).collect();
        return Err(Error::config(format!("jobs.{name}: there is no such job; there are {}", names.join(", "))));
    }
    let planned = |job: &Job| {
        let expression = config.jobs.get(job.name).map_or(job.schedule, String::as_str);
        let schedule = Schedule::parse(expression, config.zone);
        Ok(Planned { job: *job, schedule: schedule.map_err(|error| error.context(format!("jobs.{}", job.name)))? })
    };
    jobs.iter().map(planned).collect()
}

/// Runs all jobs when they are due, until the hub stops.
pub async fn run(hub: Arc<Hub>, plan: Vec<Planned>) {
    let mut running = JoinSet::new();
    for planned in plan {
        running.spawn(keep_running(Arc::clone(&hub), planned));
    }
    while let Some(ended) = running.join_next().await {
        if let Err(error) = ended {
            tracing::error!("a job's loop ended: {error}");
        }
    }
}

async fn keep_running(hub: Arc<Hub>, planned: Planned) {
    let name = planned.job.name;
    while !hub.is_stopping() {
        match look(&hub, &planned).await {
            Ok(Looked::Ran { outcome, failed: false }) => tracing::info!(job = name, "job {name}: {outcome}"),
            Ok(Looked::Ran { outcome, failed: true }) => tracing::error!(job = name, "job {name} failed: {outcome}"),
            Ok(Looked::GivenUp) => tracing::warn!(job = name, "job {name} was given up before its end"),
            Ok(Looked::NotDue | Looked::Elsewhere) => {}
            Err(error) => tracing::error!(job = name, %error, "job {name} could not be looked at"),
        }
        let now_ms = hub.clock.now_ms();
        let next_ms = planned.schedule.next_after(now_ms).unwrap_or(i64::MAX);
        let wait_ms = next_ms.saturating_sub(now_ms).clamp(1, LOOK_EVERY_MS);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait_ms.unsigned_abs())) => {}
            () = hub.stopping() => return,
        }
    }
}

/// Runs a job if it is due now.
pub async fn look(hub: &Arc<Hub>, planned: &Planned) -> Result<Looked> {
    let (name, now_ms) = (planned.job.name, hub.clock.now_ms());
    let Some(row) = hub.store.read(move |tx| jobs::get(tx, name)).await? else {
        hub.store.write(move |tx| jobs::first_seen(tx, name, now_ms)).await?;
        return Ok(Looked::NotDue);
    };
    let Some(due_ms) = planned.schedule.due(row.scheduled_ms, now_ms) else { return Ok(Looked::NotDue) };
    let Some(epoch) = take(hub, name, due_ms, now_ms).await? else { return Ok(Looked::Elsewhere) };

    let work = AssertUnwindSafe((planned.job.run)(Arc::clone(hub), due_ms)).catch_unwind();
    let ended = tokio::select! {
        ended = work => Some(ended),
        () = lease_lost(hub, name, epoch) => None,
        () = stopped_for_long(hub) => None,
    };
    let lease = lease_of(name);
    let Some(ended) = ended else {
        hub.store.write(move |tx| leases::release(tx, &lease, epoch)).await?;
        return Ok(Looked::GivenUp);
    };
    let (outcome, failed) = match ended {
        Ok(Ok(line)) => (line, false),
        Ok(Err(error)) => (error.to_string(), true),
        Err(_) => ("a bug: it panicked, the log says where".to_owned(), true),
    };
    let (now_ms, line) = (hub.clock.now_ms(), outcome.clone());
    let recorded = hub.store.write(move |tx| {
        if !leases::held(tx, &lease, epoch)? {
            return Ok(false);
        }
        jobs::ended(tx, name, due_ms, now_ms, failed, &line)?;
        leases::release(tx, &lease, epoch)?;
        Ok(true)
    });
    Ok(if recorded.await? { Looked::Ran { outcome, failed } } else { Looked::GivenUp })
}

fn lease_of(name: &str) -> String {
    format!("job:{name}")
}

/// The lease for a run that nobody has done yet; none if another hub has it or was faster.
async fn take(hub: &Hub, name: &'static str, due_ms: i64, now_ms: i64) -> Result<Option<i64>> {
    let owner = hub.owner.clone();
    let taken = hub.store.write(move |tx| {
        let lease = lease_of(name);
        let Some(epoch) = leases::acquire(tx, &lease, &owner, LEASE_MS)? else { return Ok(None) };
        if jobs::get(tx, name)?.is_some_and(|row| row.scheduled_ms >= due_ms) {
            leases::release(tx, &lease, epoch)?;
            return Ok(None);
        }
        jobs::started(tx, name, now_ms)?;
        Ok(Some(epoch))
    });
    taken.await
}

/// Renews the lease for as long as it is ours.
async fn lease_lost(hub: &Hub, name: &'static str, epoch: i64) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let owner = hub.owner.clone();
        match hub.store.write(move |tx| leases::acquire(tx, &lease_of(name), &owner, LEASE_MS)).await {
            Ok(Some(renewed)) if renewed == epoch => {}
            Ok(_) => return,
            // It may still be ours; recording asks again.
            Err(error) => tracing::warn!(job = name, %error, "the lease of job {name} could not be renewed"),
        }
    }
}

async fn stopped_for_long(hub: &Hub) {
    hub.stopping().await;
    tokio::time::sleep(GRACE).await;
}
