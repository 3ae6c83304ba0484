//! Channels that a hub keeps open by itself: whether each works, since when, why not, and how far it was read.

use super::engine::{Row, Tx};
use crate::error::Result;
use crate::params;

/// A channel as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Channel {
    /// `mailbox:NAME`, `mail-out`.
    pub name: String,
    /// `up` or `down`.
    pub state: String,
    /// Since when, UTC milliseconds.
    pub since_ms: i64,
    /// When it worked last, to the minute.
    pub succeeded_ms: Option<i64>,
    /// When it failed last.
    pub failed_ms: Option<i64>,
    /// Failures in a row.
    pub failures: i64,
    /// Why it failed last.
    pub cause: String,
    /// How far it was read, in its own words.
    pub position: String,
}

macro_rules! columns {
    () => {
        "name, state, since_ms, succeeded_ms, failed_ms, failures, cause, position"
    };
}

fn from_row(row: &Row) -> Result<Channel> {
    Ok(Channel {
        name: row.text(0)?,
        state: row.text(1)?,
        since_ms: row.int(2)?,
        succeeded_ms: row.opt_int(3)?,
        failed_ms: row.opt_int(4)?,
        failures: row.int(5)?,
        cause: row.text(6)?,
        position: row.text(7)?,
    })
}

/// One channel, if anything was ever noted of it.
pub fn get(tx: &mut Tx<'_>, name: &str) -> Result<Option<Channel>> {
    let row = tx.query_opt(concat!("SELECT ", columns!(), " FROM channel WHERE name = ?1"), params![name])?;
    row.as_ref().map(from_row).transpose()
}

/// All of them, by name.
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Channel>> {
    let rows = tx.query(concat!("SELECT ", columns!(), " FROM channel ORDER BY name LIMIT 1000"), params![])?;
    rows.iter().map(from_row).collect()
}

fn ensure(tx: &mut Tx<'_>, name: &str, now_ms: i64) -> Result<()> {
    tx.run(
        "INSERT INTO channel (name, state, since_ms, failures, cause, position) VALUES (?1, 'up', ?2, 0, '', '') \
         ON CONFLICT (name) DO NOTHING",
        params![name, now_ms],
    )
}

/// Notes that it works; gives since when it had not, if it had not.
pub fn up(tx: &mut Tx<'_>, name: &str, now_ms: i64) -> Result<Option<i64>> {
    ensure(tx, name, now_ms)?;
    let before = get(tx, name)?.filter(|channel| channel.state == "down");
    tx.run(
        "UPDATE channel SET succeeded_ms = ?2, failures = 0, state = 'up', \
         since_ms = CASE WHEN state = 'up' THEN since_ms ELSE ?2 END WHERE name = ?1",
        params![name, now_ms],
    )?;
    Ok(before.map(|channel| channel.since_ms))
}

/// Notes that it failed, which makes it `down` only if `certain`; whether that is news.
pub fn failed(tx: &mut Tx<'_>, name: &str, cause: &str, certain: bool, now_ms: i64) -> Result<bool> {
    ensure(tx, name, now_ms)?;
    let news = certain && get(tx, name)?.is_some_and(|channel| channel.state != "down");
    tx.run(
        "UPDATE channel SET failed_ms = ?2, failures = failures + 1, cause = ?3, \
         state = CASE WHEN ?4 = 1 THEN 'down' ELSE state END, since_ms = CASE WHEN ?5 = 1 THEN ?2 ELSE since_ms END \
         WHERE name = ?1",
        params![name, now_ms, cause, certain, news],
    )?;
    Ok(news)
}

/// How far it was read.
pub fn position(tx: &mut Tx<'_>, name: &str) -> Result<String> {
    Ok(get(tx, name)?.map(|channel| channel.position).unwrap_or_default())
}

/// Notes how far it was read.
pub fn set_position(tx: &mut Tx<'_>, name: &str, position: &str, now_ms: i64) -> Result<()> {
    ensure(tx, name, now_ms)?;
    tx.run("UPDATE channel SET position = ?2 WHERE name = ?1", params![name, position])
}
