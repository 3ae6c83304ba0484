//! One connection to PostgreSQL, used from the thread that owns it, with statements sent ahead of their answers.
//!
//! A statement whose answer nobody needs is kept until one is sent whose answer somebody does need, or COMMIT; all of them
//! then travel together and cost one wait. Statements are prepared once per connection; the server says the types of
//! their parameters.

use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls, Socket, Statement};

use crate::clock::Stopwatch;
use crate::error::Result;

use super::fault::{Class, Fault};
use super::flight::{Answer, Trouble, land, send};
use super::placeholder;
use super::tls::MakeTls;
use super::value::{Param, Row, Value};
use super::wire::is_narrow;

/// Statements that may be on their way without an answer, and bytes of their parameters.
const MOST_AHEAD: usize = 64;
const MOST_AHEAD_BYTES: usize = 1 << 20;
/// After so long without use a connection is asked whether it still lives.
const IDLE_US: u64 = 2_000_000;
/// How often a connection is tried before the callers are told; the wait doubles from 50 ms.
const CONNECTS: u32 = 5;

/// What every session needs: durable commits, and an end to everything that hangs.
const SETTINGS: &str = "SET synchronous_commit = on; SET statement_timeout = '60s'; SET lock_timeout = '10s'; \
    SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = warning; SET jit = off";

/// Where a server is and how it is spoken to.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) config: Config,
    pub(super) tls: Option<MakeTls>,
}

impl Server {
    async fn connect(&self, runtime: &Runtime) -> Result<Client, tokio_postgres::Error> {
        match &self.tls {
            Some(tls) => connect(&self.config, tls.clone(), runtime).await,
            None => connect(&self.config, NoTls, runtime).await,
        }
    }
}

async fn connect<T>(config: &Config, tls: T, runtime: &Runtime) -> Result<Client, tokio_postgres::Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await?;
    runtime.spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!("a connection to the database ended: {}", Fault::postgres(&error));
        }
    });
    Ok(client)
}

/// A connection, or the wish for one.
pub(super) struct Session {
    runtime: Runtime,
    server: Server,
    client: Option<Arc<Client>>,
    /// By address and length of the text.
    statements: FxHashMap<(usize, usize), Statement>,
    ahead: Vec<Ahead>,
    ahead_bytes: usize,
    /// Whether BEGIN has left.
    begun: bool,
    used: Stopwatch,
    random: u64,
}

/// A statement that has not been sent yet.
struct Ahead {
    sql: &'static str,
    /// None for what needs no parameters and is sent as plain text.
    statement: Option<Statement>,
    params: Vec<Owned>,
}

enum Owned {
    Null,
    Int(i64),
    Text(Box<str>),
    Bytes(Box<[u8]>),
}

impl Owned {
    fn new(param: &Param<'_>) -> Owned {
        match *param {
            Param::Null => Owned::Null,
            Param::Int(number) => Owned::Int(number),
            Param::Text(text) => Owned::Text(text.into()),
            Param::Bytes(bytes) => Owned::Bytes(bytes.into()),
        }
    }

    fn param(&self) -> Param<'_> {
        match self {
            Owned::Null => Param::Null,
            Owned::Int(number) => Param::Int(*number),
            Owned::Text(text) => Param::Text(text),
            Owned::Bytes(bytes) => Param::Bytes(bytes),
        }
    }
}

/// A statement whose answer is waited for.
struct Last<'a> {
    sql: &'static str,
    statement: Option<Statement>,
    params: &'a [Param<'a>],
    rows: bool,
}

impl Session {
    /// A session that is not connected yet.
    pub(super) fn new(server: Server, number: usize) -> Result<Session> {
        Ok(Session {
            runtime: Builder::new_current_thread().enable_all().build()?,
            server,
            client: None,
            statements: FxHashMap::default(),
            ahead: Vec::new(),
            ahead_bytes: 0,
            begun: false,
            used: Stopwatch::start(),
            random: number as u64 + 1,
        })
    }

    /// Sees to it that the connection lives; tries again for a second or two.
    pub(super) fn ready(&mut self) -> Result<(), Fault> {
        if let Some(client) = &self.client {
            if !client.is_closed() && self.used.elapsed_us() < IDLE_US {
                return Ok(());
            }
            let client = Arc::clone(client);
            if self.runtime.block_on(client.batch_execute("")).is_ok() {
                self.used = Stopwatch::start();
                return Ok(());
            }
            self.disconnect();
        }
        let mut tried = 1;
        loop {
            match self.connect() {
                Err(fault) if fault.is_temporary() && tried < CONNECTS => {
                    self.wait_ms(25 << tried);
                    tried += 1;
                }
                outcome => return outcome,
            }
        }
    }

    fn connect(&mut self) -> Result<(), Fault> {
        let runtime = &self.runtime;
        let server = &self.server;
        let client = runtime.block_on(async {
            let client = server.connect(runtime).await?;
            client.batch_execute(SETTINGS).await?;
            Ok(client)
        });
        let client = client.map_err(|error: tokio_postgres::Error| Fault::postgres(&error))?;
        self.client = Some(Arc::new(client));
        self.used = Stopwatch::start();
        Ok(())
    }

    fn disconnect(&mut self) {
        self.client = None;
        self.statements.clear();
        self.ahead.clear();
        self.ahead_bytes = 0;
        self.begun = false;
    }

    /// Waits; a conflict waits before it is tried again.
    pub(super) fn wait_ms(&self, ms: u64) {
        self.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(ms)).await });
    }

    /// A number below `below`, for spreading waits; not a secret.
    pub(super) fn jitter(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % below.max(1)
    }

    /// Begins a transaction with that statement; it leaves with the first that follows.
    pub(super) fn begin(&mut self, sql: &'static str) {
        self.ahead.clear();
        self.ahead_bytes = 0;
        self.begun = false;
        self.ahead.push(Ahead { sql, statement: None, params: Vec::new() });
    }

    /// Commits. A connection that is lost meanwhile leaves the outcome unknown.
    pub(super) fn commit(&mut self) -> Result<(), Fault> {
        if !self.begun && self.ahead.len() <= 1 {
            // Nothing was done.
            self.ahead.clear();
            return Ok(());
        }
        let lost_before = self.client.as_ref().is_none_or(|client| client.is_closed());
        let last = Last { sql: "COMMIT", statement: None, params: &[], rows: false };
        let outcome = self.flush(Some(last)).map(|_| ()).map_err(|(mut fault, told)| {
            if fault.class == Class::Connection && !told && !lost_before {
                fault.class = Class::Unknown;
            }
            fault
        });
        if outcome.is_err() {
            self.roll_back();
        }
        self.begun = false;
        outcome
    }

    /// Takes everything back.
    pub(super) fn roll_back(&mut self) {
        self.ahead.clear();
        self.ahead_bytes = 0;
        if !std::mem::take(&mut self.begun) {
            return;
        }
        let Some(client) = self.client.clone() else { return };
        if self.runtime.block_on(client.batch_execute("ROLLBACK")).is_err() {
            // The server rolls back when the connection ends.
            self.disconnect();
        }
    }

    /// Keeps a statement for the next flight.
    pub(super) fn run(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<(), Fault> {
        let statement = self.statement(sql)?;
        self.ahead_bytes += params.iter().map(bytes_of).sum::<usize>();
        self.ahead.push(Ahead { sql, statement: Some(statement), params: params.iter().map(Owned::new).collect() });
        if self.ahead.len() >= MOST_AHEAD || self.ahead_bytes >= MOST_AHEAD_BYTES {
            self.flush(None).map_err(|(fault, _)| fault)?;
        }
        Ok(())
    }

    /// How many rows a statement changed.
    pub(super) fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, Fault> {
        let statement = Some(self.statement(sql)?);
        let answer = self.flush(Some(Last { sql, statement, params, rows: false })).map_err(|(fault, _)| fault)?;
        Ok(answer.changed)
    }

    /// The rows of a statement.
    pub(super) fn query(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, Fault> {
        let statement = Some(self.statement(sql)?);
        let answer = self.flush(Some(Last { sql, statement, params, rows: true })).map_err(|(fault, _)| fault)?;
        let row = |row: tokio_postgres::Row| {
            let values = (0..row.len()).map(|column| row.try_get::<_, Value>(column));
            Ok(Row::new(values.collect::<Result<_, tokio_postgres::Error>>()?, sql))
        };
        let rows: Result<Vec<Row>, tokio_postgres::Error> = answer.rows.into_iter().map(row).collect();
        rows.map_err(|error| Fault::postgres(&error).in_statement(sql))
    }

    /// Several statements as plain text.
    pub(super) fn batch(&mut self, sql: &str) -> Result<(), Fault> {
        self.flush(None).map_err(|(fault, _)| fault)?;
        let client = self.client()?;
        self.runtime.block_on(client.batch_execute(sql)).map_err(|error| Fault::postgres(&error))
    }

    fn client(&self) -> Result<Arc<Client>, Fault> {
        self.client.clone().ok_or_else(|| Fault::new(Class::Connection, "not connected"))
    }

    fn statement(&mut self, sql: &'static str) -> Result<Statement, Fault> {
        let key = (sql.as_ptr().addr(), sql.len());
        if let Some(statement) = self.statements.get(&key) {
            return Ok(statement.clone());
        }
        // What is ahead may make the table that this one names.
        self.flush(None).map_err(|(fault, _)| fault)?;
        let client = self.client()?;
        let text = placeholder::for_postgres(sql);
        let prepared = self.runtime.block_on(async {
            let statement = client.prepare(&text).await?;
            // A number has one width here: `?1 * 1000` would else be counted in 32 bits.
            if !statement.params().iter().any(is_narrow) {
                return Ok(statement);
            }
            let wide = |ty: &Type| if is_narrow(ty) { Type::INT8 } else { ty.clone() };
            let types: Vec<Type> = statement.params().iter().map(wide).collect();
            client.prepare_typed(&text, &types).await
        });
        let statement = prepared.map_err(|error: tokio_postgres::Error| self.seen(&error, sql))?;
        self.statements.insert(key, statement.clone());
        Ok(statement)
    }

    fn seen(&mut self, error: &tokio_postgres::Error, sql: &'static str) -> Fault {
        let mut fault = Fault::postgres(error).in_statement(sql);
        // A table changed under a prepared statement, or the statement is gone: prepared anew, it works.
        if error.code().is_some_and(|code| matches!(code.code(), "0A000" | "26000")) {
            self.statements.clear();
            fault.class = Class::Conflict;
        }
        fault
    }

    /// Sends what is ahead, and `last` behind it; waits for all answers and gives that of `last`. The error says whether
    /// the server itself told it, before `last` was its turn.
    fn flush(&mut self, last: Option<Last<'_>>) -> Result<Answer, (Fault, bool)> {
        let ahead = std::mem::take(&mut self.ahead);
        self.ahead_bytes = 0;
        if ahead.is_empty() && last.is_none() {
            return Ok(Answer::default());
        }
        let client = self.client().map_err(|fault| (fault, true))?;
        self.begun = true;
        let params: Vec<Vec<Param<'_>>> =
            ahead.iter().map(|one| one.params.iter().map(Owned::param).collect()).collect();
        let mut flights = Vec::with_capacity(ahead.len() + 1);
        for (one, params) in ahead.iter().zip(&params) {
            flights.push((one.sql, Box::pin(send(&client, one.sql, one.statement.as_ref(), params, false))));
        }
        if let Some(last) = &last {
            let flight = send(&client, last.sql, last.statement.as_ref(), last.params, last.rows);
            flights.push((last.sql, Box::pin(flight)));
        }
        let (answer, trouble) = self.runtime.block_on(land(flights));
        self.used = Stopwatch::start();
        match trouble {
            None => Ok(answer),
            Some((sql, at_last, Trouble::Database(error))) => {
                let told = error.as_db_error().is_some() && !(at_last && last.is_some());
                Err((self.seen(&error, sql), told))
            }
            Some((sql, _, trouble)) => Err((trouble.fault(sql), true)),
        }
    }
}

fn bytes_of(param: &Param<'_>) -> usize {
    match param {
        Param::Null => 0,
        Param::Int(_) => 8,
        Param::Text(text) => text.len(),
        Param::Bytes(bytes) => bytes.len(),
    }
}
