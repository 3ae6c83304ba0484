//! One transaction, synchronous, on either engine.
//!
//! A failed statement poisons its transaction: whatever the closure makes of the error, it is not committed, because
//! PostgreSQL would not and SQLite must not differ.

use crate::clock::Clock;
use crate::error::{Error, Result};

use super::Engine;
use super::fault::{Class, Fault};
use super::session::Session;
use super::sqlite;
use super::value::{Param, Row};

/// Most rows one query may give back; more is a bug, pages are cut with LIMIT.
pub const MOST_ROWS: usize = 200_000;

/// A transaction. It is committed when the closure that got it gives back `Ok`.
pub struct Tx<'c> {
    inner: Inner<'c>,
    clock: &'c Clock,
    fault: Option<Fault>,
    rows: u64,
}

enum Inner<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres { session: &'c mut Session, grouped: bool },
}

impl<'c> Tx<'c> {
    pub(super) fn sqlite(connection: &'c rusqlite::Connection, clock: &'c Clock) -> Tx<'c> {
        Tx { inner: Inner::Sqlite(connection), clock, fault: None, rows: 0 }
    }

    pub(super) fn postgres(session: &'c mut Session, clock: &'c Clock, grouped: bool) -> Tx<'c> {
        Tx { inner: Inner::Postgres { session, grouped }, clock, fault: None, rows: 0 }
    }

    /// Which engine this is, for the few who must know.
    pub fn engine(&self) -> Engine {
        match self.inner {
            Inner::Sqlite(_) => Engine::Sqlite,
            Inner::Postgres { .. } => Engine::Postgres,
        }
    }

    /// Whether this receipt shares an optimistic transaction with others: then it only inserts, and an answer may still
    /// be on its way. When false, a receipt looks its keys up before it inserts.
    pub fn grouped(&self) -> bool {
        match self.inner {
            Inner::Sqlite(_) => false,
            Inner::Postgres { grouped, .. } => grouped,
        }
    }

    /// Executes a statement; how many rows it changed.
    pub fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64> {
        self.check(sql, params)?;
        let answer = match &mut self.inner {
            Inner::Sqlite(connection) => sqlite::execute(connection, sql, params),
            Inner::Postgres { session, .. } => session.execute(sql, params),
        };
        let changed = self.keep(answer)?;
        self.rows += changed;
        Ok(changed)
    }

    /// Executes a statement whose count nobody needs; its failure may show only at the next answer or at the commit.
    pub fn run(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<()> {
        self.check(sql, params)?;
        let answer = match &mut self.inner {
            Inner::Sqlite(connection) => sqlite::execute(connection, sql, params).map(|_| ()),
            Inner::Postgres { session, .. } => session.run(sql, params),
        };
        self.rows += 1;
        self.keep(answer)
    }

    /// All rows of an answer, at most [`MOST_ROWS`].
    pub fn query(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>> {
        self.check(sql, params)?;
        let answer = match &mut self.inner {
            Inner::Sqlite(connection) => sqlite::query(connection, sql, params),
            Inner::Postgres { session, .. } => session.query(sql, params),
        };
        let rows = self.keep(answer)?;
        self.rows += rows.len() as u64;
        Ok(rows)
    }

    /// The one row of an answer, if there is one; several are a bug.
    pub fn query_opt(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<Option<Row>> {
        let mut rows = self.query(sql, params)?;
        if rows.len() > 1 {
            return Err(Error::bug(format!(
                "`{}` gave {} rows, at most one was expected",
                super::fault::shorten(sql),
                rows.len()
            )));
        }
        Ok(rows.pop())
    }

    /// The one row of an answer.
    pub fn query_one(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<Row> {
        self.query_opt(sql, params)?
            .ok_or_else(|| Error::bug(format!("`{}` gave no row, one was expected", super::fault::shorten(sql))))
    }

    /// Now, UTC milliseconds: the hub's clock on SQLite, the database's on PostgreSQL, so that the leases of several hubs
    /// agree. A clock that is fixed for a test holds on both.
    pub fn now_ms(&mut self) -> Result<i64> {
        match (&self.inner, self.clock) {
            (Inner::Postgres { .. }, Clock::System) => self
                .query_one("SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)", &[])?
                .int(0),
            (_, clock) => Ok(clock.now_ms()),
        }
    }

    /// Several statements without parameters, as they are; for migrations.
    pub(in crate::store) fn batch(&mut self, sql: &str) -> Result<()> {
        let answer = match &mut self.inner {
            Inner::Sqlite(connection) => connection.execute_batch(sql).map_err(|error| Fault::sqlite(&error)),
            Inner::Postgres { session, .. } => session.batch(sql),
        };
        self.keep(answer)
    }

    /// How many rows were changed or read.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The first failure of a statement.
    pub(super) fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    fn check(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<()> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone().into());
        }
        let nul = params.iter().any(|param| matches!(param, Param::Text(text) if text.as_bytes().contains(&0)));
        let answer = if nul {
            Err(Fault::new(Class::Statement, "text with U+0000 cannot be kept").in_statement(sql))
        } else {
            Ok(())
        };
        self.keep(answer)
    }

    fn keep<T>(&mut self, answer: Result<T, Fault>) -> Result<T> {
        answer.map_err(|fault| {
            self.fault.get_or_insert_with(|| fault.clone());
            fault.into()
        })
    }
}
