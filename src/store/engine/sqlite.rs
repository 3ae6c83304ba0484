//! SQLite: one writer that commits what waits in groups, several readers.
//!
//! Settings as measured in the design notes: write-ahead log, full sync, 4 KiB pages, 16 MB cache. The writer runs the
//! closures that wait in one transaction and answers all of them after its COMMIT, so that one sync serves many receipts. It
//! also checkpoints the log itself, between groups: SQLite's own checkpoint throws away the error of a failed sync.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql};

use crate::clock::{Clock, Stopwatch};
use crate::error::{Error, Result};

use super::fault::{Class, Fault};
use super::placeholder;
use super::queue::{Job, Lane, Lanes, Ran, SLOW_US, Watch};
use super::tx::{MOST_ROWS, Tx};
use super::value::{Param, Row, Value};
use super::{Durability, StoreConfig};

/// Statements each connection keeps prepared.
const STATEMENTS: usize = 256;
/// How long the writes of one group may take before the waiting receipts join it and it is committed.
const WRITES_US: u64 = 4_000;

/// How often the setting up of a file that others hold is tried.
const SETUP_TRIES: u32 = 200;
/// And how long after each time.
const SETUP_PAUSE: Duration = Duration::from_millis(25);

/// Opens a connection that may write.
pub(super) fn open(path: &Path, config: &StoreConfig) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let at = |error: rusqlite::Error| {
        Error::from(Fault::sqlite(&error)).context(format!("opening the database {}", path.display()))
    };
    let connection = Connection::open_with_flags(path, flags).map_err(at)?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(at)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let synchronous = match config.durability {
        Durability::Full => "FULL",
        Durability::LosesOnPowerCut => "NORMAL",
    };
    // The page size counts only before the first page is written.
    // What a savepoint may have to take back stays in memory (temp_store), or it goes through a file.
    let settings = format!(
        "PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; PRAGMA foreign_keys=ON; \
         PRAGMA cache_size=-16384; PRAGMA mmap_size=0; PRAGMA wal_autocheckpoint=0; PRAGMA trusted_schema=OFF; \
         PRAGMA temp_store=MEMORY; \
         PRAGMA journal_size_limit={};",
        // A log that grew because of a long reader gives its space back when it starts again.
        u64::from(config.checkpoint_pages) * 4096 * 4
    );
    // Two who set up a new file at once may block each other, and SQLite says so at once instead of waiting.
    let mut tries = 0;
    while let Err(error) = connection.execute_batch(&settings) {
        tries += 1;
        if tries >= SETUP_TRIES || Fault::sqlite(&error).class != Class::Busy {
            return Err(at(error));
        }
        std::thread::park_timeout(SETUP_PAUSE);
    }
    // Else a statement whose parameters may decide about a partial index is prepared anew at each use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(at)?;
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).map_err(at)?;
    if mode != "wal" {
        return Err(Error::config(format!(
            "the database {} cannot keep a write-ahead log here (journal mode {mode}); use a local file system",
            path.display()
        )));
    }
    Ok(connection)
}

/// Opens a connection that may only read.
pub(super) fn open_reader(path: &Path, config: &StoreConfig) -> Result<Connection> {
    let connection = open(path, config)?;
    // What the writer commits empties a reader's cache, so a large one would be of no use.
    connection.execute_batch("PRAGMA query_only=ON; PRAGMA cache_size=-2048").map_err(|error| Fault::sqlite(&error))?;
    Ok(connection)
}

/// Runs one closure in a transaction of its own, on the calling thread.
pub(super) fn transact<T>(
    connection: &Connection,
    clock: &Clock,
    closure: impl FnOnce(&mut Tx<'_>) -> Result<T>,
) -> Result<T> {
    plain(connection, "BEGIN IMMEDIATE")?;
    let result = closure(&mut Tx::sqlite(connection, clock));
    match result {
        Ok(value) => commit(connection).map(|()| value).map_err(Error::from),
        Err(error) => {
            roll_back(connection);
            Err(error)
        }
    }
}

/// What ran in the transaction that is open.
struct Group {
    ran: Vec<(Box<dyn Job>, Ran)>,
    /// Whether each closure has a savepoint.
    careful: bool,
}

/// The writer's thread.
pub(super) struct Writer {
    connection: Connection,
    lanes: Arc<Lanes>,
    clock: Clock,
    /// Pages in the log after the last commit.
    log_pages: Arc<AtomicU32>,
    /// Pages in the log that cause a checkpoint.
    checkpoint_pages: u32,
    /// Pages in the log that make a checkpoint wait for the readers, so that the log starts again.
    restart_pages: u32,
    /// Writes that were taken and did not fit into the last group.
    backlog: VecDeque<Box<dyn Job>>,
}

impl Writer {
    pub(super) fn new(mut connection: Connection, lanes: Arc<Lanes>, config: &StoreConfig) -> Result<Writer> {
        let log_pages = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&log_pages);
        connection
            .wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
                seen.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
                Ok(())
            }))
            .map_err(|error| Fault::sqlite(&error))?;
        let checkpoint_pages = config.checkpoint_pages.max(1);
        Ok(Writer {
            connection,
            lanes,
            clock: config.clock.clone(),
            log_pages,
            checkpoint_pages,
            restart_pages: checkpoint_pages.saturating_mul(4),
            backlog: VecDeque::new(),
        })
    }

    /// Commits groups until the store is closed.
    pub(super) fn run(mut self) {
        let lanes = Arc::clone(&self.lanes);
        let _watch = Watch(&lanes);
        while !self.backlog.is_empty() || lanes.wait_for_writer() {
            self.group();
            self.checkpoint();
        }
    }

    /// One transaction: writes for a few milliseconds, then every receipt that waits by now, then COMMIT, then the answers.
    ///
    /// Closures are trusted first: savepoints cost a copy of every page that is touched. When one fails that has written
    /// something, the whole group is taken back and what it did until then is done again, each in a savepoint.
    fn group(&mut self) {
        self.backlog.append(&mut self.lanes.swap(Lane::Write));
        if let Err(fault) = plain(&self.connection, "BEGIN IMMEDIATE") {
            let waiting = self.backlog.drain(..).chain(self.lanes.swap(Lane::Receipt));
            answer_all(waiting, Some(&fault));
            return;
        }
        let mut group = Group { ran: Vec::new(), careful: false };
        let watch = Stopwatch::start();
        while let Some(job) = self.backlog.pop_front() {
            if let Err(lost) = self.one(job, &mut group) {
                return self.each_alone(Some(lost), group.ran, VecDeque::new());
            }
            if watch.elapsed_us() >= WRITES_US {
                break;
            }
        }
        let mut receipts = self.lanes.swap(Lane::Receipt);
        while let Some(job) = receipts.pop_front() {
            if let Err(lost) = self.one(job, &mut group) {
                return self.each_alone(Some(lost), group.ran, receipts);
            }
        }
        let ran = group.ran;
        let watch = Stopwatch::start();
        let outcome = commit(&self.connection);
        if watch.elapsed_us() > SLOW_US {
            let (duration_ms, closures) = (watch.elapsed_us() / 1000, ran.len());
            tracing::warn!(duration_ms, closures, "the disk was slow to commit");
        }
        match outcome {
            // A foreign key that is checked at the commit: it is one closure's, and the others need not suffer.
            Err(fault) if fault.class == Class::Constraint && ran.len() > 1 => {
                self.each_alone(None, ran, VecDeque::new())
            }
            outcome => answer_all(ran.into_iter().map(|(job, _)| job), outcome.err().as_ref()),
        }
    }

    /// Runs a job. Gives it back as an error when it cost everybody the whole transaction, which SQLite rolls back by itself
    /// when the disk is full or fails.
    fn one(&self, mut job: Box<dyn Job>, group: &mut Group) -> Result<(), Box<dyn Job>> {
        if group.careful {
            return self.carefully(job, group);
        }
        let before = self.connection.total_changes();
        let how = job.run(&mut Tx::sqlite(&self.connection, &self.clock));
        if self.connection.is_autocommit() {
            return Err(job);
        }
        let clean = how == Ran::Kept || self.connection.total_changes() == before;
        group.ran.push((job, how));
        if clean { Ok(()) } else { self.again(group) }
    }

    /// Takes a group back and does it again with care.
    fn again(&self, group: &mut Group) -> Result<(), Box<dyn Job>> {
        group.careful = true;
        roll_back(&self.connection);
        let begun = plain(&self.connection, "BEGIN IMMEDIATE");
        let mut before = std::mem::take(&mut group.ran).into_iter();
        while let Some((mut job, how)) = before.next() {
            let done = match &begun {
                Err(fault) => {
                    job.fail(fault.clone().into());
                    group.ran.push((job, Ran::Refused));
                    Ok(())
                }
                Ok(()) if how == Ran::Panicked => {
                    group.ran.push((job, how));
                    Ok(())
                }
                Ok(()) => self.carefully(job, group),
            };
            if done.is_err() {
                group.ran.extend(before);
                return done;
            }
        }
        Ok(())
    }

    fn carefully(&self, mut job: Box<dyn Job>, group: &mut Group) -> Result<(), Box<dyn Job>> {
        let how = self.in_savepoint(job.as_mut());
        if self.connection.is_autocommit() {
            return Err(job);
        }
        group.ran.push((job, how));
        Ok(())
    }

    fn in_savepoint(&self, job: &mut dyn Job) -> Ran {
        if let Err(fault) = plain(&self.connection, "SAVEPOINT closure") {
            job.fail(fault.into());
            return Ran::Refused;
        }
        let how = job.run(&mut Tx::sqlite(&self.connection, &self.clock));
        if how == Ran::Kept {
            if let Err(fault) = plain(&self.connection, "RELEASE closure") {
                job.fail(fault.into());
                return Ran::Refused;
            }
        } else if !self.connection.is_autocommit() {
            let undone = plain(&self.connection, "ROLLBACK TO closure")
                .and_then(|()| plain(&self.connection, "RELEASE closure"));
            if let Err(fault) = undone {
                // What this closure did cannot be taken back alone, so nobody's is kept.
                roll_back(&self.connection);
                job.fail(fault.into());
            }
        }
        how
    }

    /// After a lost transaction: the one that lost it fails, the others run again, each in a transaction of its own.
    /// Errors are run again too, because they may rest on what was lost; panics are not.
    fn each_alone(&self, lost: Option<Box<dyn Job>>, ran: Vec<(Box<dyn Job>, Ran)>, rest: VecDeque<Box<dyn Job>>) {
        if let Some(lost) = lost {
            lost.answer();
        }
        for (job, how) in ran.into_iter().chain(rest.into_iter().map(|job| (job, Ran::Kept))) {
            if how == Ran::Panicked {
                job.answer();
            } else {
                self.alone(job);
            }
        }
    }

    fn alone(&self, mut job: Box<dyn Job>) {
        let outcome = plain(&self.connection, "BEGIN IMMEDIATE").and_then(|()| {
            match job.run(&mut Tx::sqlite(&self.connection, &self.clock)) {
                Ran::Kept => commit(&self.connection),
                Ran::Refused | Ran::Panicked => {
                    roll_back(&self.connection);
                    Ok(())
                }
            }
        });
        if let Err(fault) = outcome {
            job.fail(fault.into());
        }
        job.answer();
    }

    /// Moves the log into the database when it has grown enough. When readers keep it from starting again, waits for them
    /// a moment.
    fn checkpoint(&mut self) {
        let pages = self.log_pages.load(Ordering::Relaxed);
        if pages < self.checkpoint_pages {
            return;
        }
        let checkpoint = |sql| self.connection.query_row(sql, [], |_| Ok(()));
        let restart = pages >= self.restart_pages;
        let done = if restart {
            // A reader that takes longer (a backup) is waited for again only after the log has doubled.
            self.restart_pages = pages.saturating_mul(2);
            let wait = |ms| self.connection.busy_timeout(Duration::from_millis(ms));
            wait(100)
                .and_then(|()| checkpoint("PRAGMA wal_checkpoint(RESTART)"))
                .and_then(|done| wait(10_000).map(|()| done))
        } else {
            self.restart_pages = self.checkpoint_pages.saturating_mul(4);
            checkpoint("PRAGMA wal_checkpoint(PASSIVE)")
        };
        match done.map_err(|error| Fault::sqlite(&error)) {
            Ok(_) => self.log_pages.store(0, Ordering::Relaxed),
            Err(fault) => {
                end_if_sync_failed(&fault);
                tracing::warn!("the write-ahead log was not moved into the database: {fault}");
                drop(self.connection.busy_timeout(Duration::from_secs(10)));
            }
        }
    }
}

/// A reader's thread: one closure after the other, each on its own snapshot.
pub(super) fn read(connection: &Connection, lanes: &Lanes, clock: &Clock) {
    let _watch = Watch(lanes);
    while let Some(jobs) = lanes.take(Lane::Read, 1) {
        for mut job in jobs {
            match plain(connection, "BEGIN") {
                Ok(()) => {
                    job.run(&mut Tx::sqlite(connection, clock));
                    roll_back(connection);
                }
                Err(fault) => job.fail(fault.into()),
            }
            job.answer();
        }
    }
}

fn answer_all(jobs: impl Iterator<Item = Box<dyn Job>>, fault: Option<&Fault>) {
    for mut job in jobs {
        if let Some(fault) = fault {
            job.fail(fault.clone().into());
        }
        job.answer();
    }
}

fn plain(connection: &Connection, sql: &'static str) -> Result<(), Fault> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]))
        .map(|_| ())
        .map_err(|error| Fault::sqlite(&error).in_statement(sql))
}

fn commit(connection: &Connection) -> Result<(), Fault> {
    plain(connection, "COMMIT").inspect_err(|fault| {
        end_if_sync_failed(fault);
        roll_back(connection);
    })
}

fn roll_back(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(fault) = plain(connection, "ROLLBACK")
    {
        tracing::error!("a transaction could not be rolled back: {fault}");
    }
}

/// After a failed sync the kernel may have dropped pages it still says are clean; only a fresh start from the disk knows
/// what is there.
fn end_if_sync_failed(fault: &Fault) {
    if fault.class == Class::Sync {
        tracing::error!("the disk did not confirm a sync ({fault}): dure ends, and starts again from what is on disk");
        std::process::abort();
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Param::Null => ValueRef::Null,
            Param::Int(number) => ValueRef::Integer(number),
            Param::Text(text) => ValueRef::Text(text.as_bytes()),
            Param::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

pub(super) fn execute(connection: &Connection, sql: &'static str, params: &[Param<'_>]) -> Result<u64, Fault> {
    connection
        .prepare_cached(&placeholder::for_sqlite(sql))
        .and_then(|mut statement| statement.execute(rusqlite::params_from_iter(params)))
        .map(|changed| changed as u64)
        .map_err(|error| Fault::sqlite(&error).in_statement(sql))
}

pub(super) fn query(connection: &Connection, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, Fault> {
    let at = |error: rusqlite::Error| Fault::sqlite(&error).in_statement(sql);
    let mut statement = connection.prepare_cached(&placeholder::for_sqlite(sql)).map_err(at)?;
    let width = statement.column_count();
    let mut answer = statement.query(rusqlite::params_from_iter(params)).map_err(at)?;
    let mut rows = Vec::new();
    while let Some(row) = answer.next().map_err(at)? {
        if rows.len() == MOST_ROWS {
            return Err(too_many(sql));
        }
        let values = (0..width).map(|column| value(row.get_ref(column).map_err(at)?, column, sql));
        rows.push(Row::new(values.collect::<Result<_, Fault>>()?, sql));
    }
    Ok(rows)
}

pub(super) fn too_many(sql: &'static str) -> Fault {
    Fault::new(Class::Statement, format!("more than {MOST_ROWS} rows: read in pages")).in_statement(sql)
}

fn value(found: ValueRef<'_>, column: usize, sql: &'static str) -> Result<Value, Fault> {
    let refused = |what: &str| Fault::new(Class::Statement, format!("column {column} is {what}")).in_statement(sql);
    Ok(match found {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => {
            Value::Text(String::from_utf8(text.to_vec()).map_err(|_| refused("text that is not UTF-8"))?)
        }
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Real(_) => return Err(refused("a float")),
    })
}
