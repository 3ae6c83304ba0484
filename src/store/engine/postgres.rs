//! PostgreSQL: threads with a connection each.
//!
//! Receipts, which only insert, are grouped optimistically: many in one transaction without savepoints, and when anything
//! in the group fails each runs again alone. Everything else that writes has a SERIALIZABLE transaction of its own and
//! runs again after a conflict, bounded. Readers see one snapshot.

use std::collections::VecDeque;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio_postgres::Config;

use crate::clock::Clock;
use crate::error::{Context, Error, Result};

use super::Isolation;
use super::fault::{Class, Fault};
use super::queue::{Job, Lane, Lanes, Ran, Watch};
use super::session::{Server, Session};
use super::tls;
use super::tx::Tx;

/// Receipts that share one transaction at most.
const GROUP: usize = 32;
/// How often a closure runs before its caller is told of the conflict.
const ATTEMPTS: u32 = 20;

/// What a transaction is for, which says how much it must be kept apart from others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begin {
    Receipt,
    CompareAndSet,
    Write(Isolation),
    Read,
}

impl Begin {
    fn sql(self) -> &'static str {
        match self {
            Begin::Write(Isolation::Serializable) => "BEGIN ISOLATION LEVEL SERIALIZABLE",
            Begin::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Begin::Receipt | Begin::CompareAndSet | Begin::Write(Isolation::AllowsWriteSkew) => {
                "BEGIN ISOLATION LEVEL READ COMMITTED"
            }
        }
    }
}

/// Reads a URL and adds what finds dead connections.
pub(super) fn config(url: &str) -> Result<Config> {
    let mut config = Config::from_str(url)
        .map_err(|error| Error::config("the database URL cannot be read").caused_by(Fault::postgres(&error)))?;
    config
        .connect_timeout(Duration::from_secs(5))
        .keepalives_idle(Duration::from_secs(30))
        .keepalives_interval(Duration::from_secs(10))
        .keepalives_retries(3)
        .tcp_user_timeout(Duration::from_secs(30));
    if config.get_application_name().is_none() {
        config.application_name("dure");
    }
    Ok(config)
}

/// The same, with how it is spoken to.
pub(super) fn server(url: &str, tls: Option<&Arc<ClientConfig>>) -> Result<Server> {
    let mut config = config(url)?;
    let tls = tls::choose(&mut config, tls)?;
    Ok(Server { config, tls })
}

/// Refuses a server whose commits cannot be trusted or whose text is not UTF-8.
pub(super) fn refuse_unfit(session: &mut Session) -> Result<()> {
    session.ready()?;
    let mut show = |sql| -> Result<String> {
        let rows = session.query(sql, &[])?;
        rows.first().ok_or_else(|| Error::bug("a setting without a value"))?.text(0)
    };
    check_settings(
        &show("SELECT current_setting('fsync')")?,
        &show("SELECT current_setting('full_page_writes')")?,
        &show("SELECT current_setting('server_encoding')")?,
    )
}

fn check_settings(fsync: &str, full_page_writes: &str, encoding: &str) -> Result<()> {
    if fsync != "on" || full_page_writes != "on" {
        return Err(Error::config(format!(
            "the database server runs with fsync = {fsync} and full_page_writes = {full_page_writes}: a power cut would \
             lose what was acknowledged; switch both on in postgresql.conf and reload it"
        )));
    }
    if encoding != "UTF8" {
        return Err(Error::config(format!(
            "the database has the encoding {encoding}; make one with ENCODING 'UTF8' TEMPLATE template0"
        )));
    }
    Ok(())
}

/// Runs one closure in a transaction of its own, on the calling thread; for migrations, which take turns by a lock.
pub(super) fn transact<T>(
    session: &mut Session,
    clock: &Clock,
    closure: impl FnOnce(&mut Tx<'_>) -> Result<T>,
) -> Result<T> {
    session.ready()?;
    session.begin(Begin::Receipt.sql());
    session.batch("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")?;
    let result = closure(&mut Tx::postgres(session, clock, false));
    match result {
        Ok(value) => session.commit().map(|()| value).context(|| "commit"),
        Err(error) => {
            session.roll_back();
            Err(error)
        }
    }
}

/// A thread that serves receipts.
pub(super) fn receipts(session: &mut Session, lanes: &Lanes, clock: &Clock) {
    let _watch = Watch(lanes);
    while let Some(mut jobs) = lanes.take(Lane::Receipt, GROUP) {
        let settled = match session.ready() {
            Ok(()) => jobs.len() > 1 && group(session, clock, &mut jobs),
            Err(fault) => {
                jobs.iter_mut().for_each(|job| job.fail(fault.clone().into()));
                true
            }
        };
        for mut job in jobs {
            if !settled {
                alone(session, clock, job.as_mut(), Begin::Receipt);
            }
            job.answer();
        }
    }
}

/// Runs receipts in one transaction. False if nothing of it was kept and each should run alone.
fn group(session: &mut Session, clock: &Clock, jobs: &mut VecDeque<Box<dyn Job>>) -> bool {
    session.begin(Begin::Receipt.sql());
    for job in jobs.iter_mut() {
        if job.run(&mut Tx::postgres(session, clock, true)) != Ran::Kept {
            session.roll_back();
            return false;
        }
    }
    match session.commit() {
        Ok(()) => true,
        // To run them again might do it twice.
        Err(fault) if fault.class == Class::Unknown => {
            jobs.iter_mut().for_each(|job| job.fail(fault.clone().into()));
            true
        }
        Err(_) => false,
    }
}

/// A thread that serves everything else that writes.
pub(super) fn writes(session: &mut Session, lanes: &Lanes, clock: &Clock, isolation: Isolation) {
    let _watch = Watch(lanes);
    while let Some(jobs) = lanes.take(Lane::Write, 1) {
        for mut job in jobs {
            let begin = if job.compares_and_sets() { Begin::CompareAndSet } else { Begin::Write(isolation) };
            alone(session, clock, job.as_mut(), begin);
            job.answer();
        }
    }
}

/// Runs a job in a transaction of its own until it is decided.
fn alone(session: &mut Session, clock: &Clock, job: &mut dyn Job, begin: Begin) {
    let mut taken_once = false;
    for attempt in 1..=ATTEMPTS {
        let Err(miss) = once(session, clock, job, begin) else { return };
        let again = match miss.fault.class {
            Class::Conflict => {
                let wait_ms = session.jitter(1 << attempt.min(7));
                session.wait_ms(wait_ms);
                true
            }
            // Nothing was committed, and the session connects again by itself.
            Class::Connection => attempt < 3,
            // A receipt that looks its key up sees the row the second time.
            Class::Unique => begin == Begin::Receipt && !std::mem::replace(&mut taken_once, true),
            _ => false,
        };
        if !again || attempt == ATTEMPTS {
            if !miss.answered {
                job.fail(miss.fault.into());
            }
            return;
        }
    }
}

/// Why a job's answer does not stand.
struct Miss {
    fault: Fault,
    /// Whether the job's own answer says it.
    answered: bool,
}

/// Runs a job once. Ok when its answer stands, whatever it is.
fn once(session: &mut Session, clock: &Clock, job: &mut dyn Job, begin: Begin) -> Result<(), Miss> {
    let unanswered = |fault| Miss { fault, answered: false };
    session.ready().map_err(unanswered)?;
    session.begin(begin.sql());
    let mut tx = Tx::postgres(session, clock, false);
    let ran = job.run(&mut tx);
    let fault = tx.fault().cloned();
    if ran == Ran::Kept {
        return session.commit().map_err(unanswered);
    }
    session.roll_back();
    match fault {
        Some(fault) if ran == Ran::Refused => Err(Miss { fault, answered: true }),
        _ => Ok(()),
    }
}

/// A thread that serves readers.
pub(super) fn reads(session: &mut Session, lanes: &Lanes, clock: &Clock) {
    let _watch = Watch(lanes);
    while let Some(jobs) = lanes.take(Lane::Read, 1) {
        for mut job in jobs {
            alone(session, clock, job.as_mut(), Begin::Read);
            job.answer();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfit_servers_are_refused() {
        check_settings("on", "on", "UTF8").unwrap();
        let check = |fsync, pages, encoding, word: &str| {
            let error = check_settings(fsync, pages, encoding).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        };
        check("off", "on", "UTF8", "fsync = off");
        check("on", "off", "UTF8", "full_page_writes = off");
        check("on", "on", "SQL_ASCII", "SQL_ASCII");
    }

    #[test]
    fn a_bad_url_is_a_configuration_error() {
        assert_eq!(config("postgresql://[").unwrap_err().kind, crate::error::Kind::Config);
        config("postgresql://dure@%2Frun%2Fpostgresql/dure").unwrap();
    }
}
