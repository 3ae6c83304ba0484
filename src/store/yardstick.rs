//! What the machine itself can do, to measure the store against: SQLite alone, with nothing of ours around it.
//!
//! 4 KiB rows with one unique text key, a batch per commit, write-ahead log, full sync, SQLite's other settings as they
//! come; on one thread that does nothing else.

use std::path::Path;
use std::sync::LazyLock;

use rusqlite::{Connection, OpenFlags};

use crate::clock::Stopwatch;
use crate::error::{Error, Result};

/// Bytes of a row's body.
pub const BODY_BYTES: usize = 4096;

/// How much was done, and in which time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Rows that are durable.
    pub rows: u64,
    /// Microseconds it took.
    pub took_us: u64,
}

impl Rate {
    /// Rows a second.
    pub fn per_second(self) -> u64 {
        self.rows.saturating_mul(1_000_000) / self.took_us.max(1)
    }
}

/// Incompressible bytes that differ for every `number`; the first eight are scattered and serve as keys.
pub fn body(number: u64) -> Vec<u8> {
    static NOISE: LazyLock<Vec<u8>> =
        LazyLock::new(|| (1..=BODY_BYTES as u64 / 8).flat_map(|at| scatter(at).to_le_bytes()).collect());
    // Made once, because making it costs as much as storing it.
    let mut body = NOISE.clone();
    if let Some(first) = body.first_chunk_mut() {
        *first = scatter(number << 20).to_le_bytes();
    }
    body
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// In which order the unique keys come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keys {
    /// Each above the last, as counters and dates do.
    Rising,
    /// Anywhere, as random identifiers do.
    Scattered,
}

/// Commits rows `batch` at a time into a new database in `folder` for about `for_ms` milliseconds, after `already` rows that
/// are not counted. Blocks.
pub fn bare_sqlite(folder: &Path, keys: Keys, already: u64, batch: u64, for_ms: u64) -> Result<Rate> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let run = || -> rusqlite::Result<Rate> {
        let connection = Connection::open_with_flags(folder.join("bare.db"), flags)?;
        connection.execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE inbox (id INTEGER PRIMARY KEY, \
             key TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, body BLOB NOT NULL);",
        )?;
        let mut watch = Stopwatch::start();
        let mut rows = 0;
        loop {
            if rows < already {
                watch = Stopwatch::start();
            } else if watch.elapsed_us() >= for_ms.saturating_mul(1000) {
                break;
            }
            connection.execute_batch("BEGIN IMMEDIATE")?;
            for _ in 0..batch.max(1) {
                let body = body(rows);
                let first = body.first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
                let key = format!("key-{:016x}", if keys == Keys::Rising { rows } else { first });
                connection.prepare_cached("INSERT INTO inbox (key, at, body) VALUES (?1, ?2, ?3)")?.execute((
                    key,
                    1_800_000_000_000_i64,
                    body,
                ))?;
                rows += 1;
            }
            connection.execute_batch("COMMIT")?;
        }
        let counted = rows.saturating_sub(already.next_multiple_of(batch.max(1)));
        Ok(Rate { rows: counted, took_us: watch.elapsed_us() })
    };
    run().map_err(|error| Error::store("measuring SQLite alone").caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_and_bodies_differ() {
        let folder = tempfile::tempdir().unwrap();
        let rate = bare_sqlite(folder.path(), Keys::Scattered, 0, 64, 20).unwrap();
        assert!(rate.rows >= 64 && rate.rows.is_multiple_of(64), "{rate:?}");
        assert!(rate.took_us >= 20_000 && rate.per_second() > 0);
        assert_eq!(body(1).len(), BODY_BYTES);
        assert_ne!(body(1)[..8], body(2)[..8]);
    }
}
