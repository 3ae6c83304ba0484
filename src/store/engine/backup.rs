//! A copy of the database while the hub runs, and a look whether the file is sound.
//!
//! SQLite: the online backup interface from a connection of its own that holds one snapshot, so the copy is of one moment
//! and never starts again because of the writer; meanwhile the write-ahead log grows. PostgreSQL: `pg_dump` in its custom
//! format, for `pg_restore`. Both write beside the target and rename at the end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use tokio_postgres::config::Host;

use crate::error::{Context, Error, Result};

use super::fault::Fault;
use super::{Address, Store, postgres, sqlite};

/// Pages copied at a time: 4 MiB.
const STEP_PAGES: i32 = 1024;
/// Problems reported at most.
const MOST_PROBLEMS: usize = 100;

/// How far a backup is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BackupProgress {
    /// Bytes copied.
    pub done_bytes: u64,
    /// Bytes in all.
    pub all_bytes: u64,
}

impl Store {
    /// Copies the database into a new file, while others read and write. Blocks; `progress` is called after each step
    /// (SQLite only: `pg_dump` does not say how far it is).
    pub fn backup_to(&self, path: &Path, progress: impl FnMut(BackupProgress)) -> Result<()> {
        if path.exists() {
            return Err(Error::config(format!("{} is there already; a backup overwrites nothing", path.display())));
        }
        let part = part_of(path);
        let made = match &self.shared.config.address {
            Address::Sqlite(_) => self.copy(&part, progress),
            Address::Postgres(url) => dump(url, &part),
        };
        made.and_then(|()| publish(&part, path)).inspect_err(|_| {
            // What is half done is of no use; that it could not be removed either changes nothing about the error.
            drop(fs::remove_file(&part));
        })
    }

    fn copy(&self, part: &Path, mut progress: impl FnMut(BackupProgress)) -> Result<()> {
        let Address::Sqlite(path) = &self.shared.config.address else { return Ok(()) };
        let wrong = |error: rusqlite::Error| Error::from(Fault::sqlite(&error)).context("backup");
        let source = sqlite::open_reader(path, &self.shared.config)?;
        // The snapshot is taken by the first read.
        source.execute_batch("BEGIN; SELECT COUNT(*) FROM sqlite_schema;").map_err(wrong)?;
        if part.exists() {
            fs::remove_file(part).context(|| format!("removing {}", part.display()))?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut target = Connection::open_with_flags(part, flags).map_err(wrong)?;
        let backup = Backup::new(&source, &mut target).map_err(wrong)?;
        loop {
            let step = backup.step(STEP_PAGES).map_err(wrong)?;
            let pages = backup.progress();
            let bytes = |pages: i32| u64::try_from(pages).unwrap_or(0) * 4096;
            progress(BackupProgress {
                done_bytes: bytes(pages.pagecount - pages.remaining),
                all_bytes: bytes(pages.pagecount),
            });
            match step {
                StepResult::Done => return Ok(()),
                StepResult::More => {}
                // Nobody else knows the target, and the snapshot needs no lock.
                _ => return Err(Error::store("backup: the database is locked").temporary()),
            }
        }
    }

    /// What is wrong with the database file, at most 100 sentences; empty if it is sound. Blocks. On PostgreSQL always
    /// empty: `pg_amcheck` is its own.
    pub fn integrity_check(&self) -> Result<Vec<String>> {
        let Address::Sqlite(path) = &self.shared.config.address else { return Ok(Vec::new()) };
        let connection = sqlite::open_reader(path, &self.shared.config)?;
        let mut problems = Vec::new();
        let mut look = |sql: &str, say: fn(&rusqlite::Row<'_>) -> rusqlite::Result<String>| {
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([], say)?;
            for row in rows.take(MOST_PROBLEMS) {
                problems.push(row?);
            }
            Ok(())
        };
        look("PRAGMA integrity_check(100)", |row| row.get(0))
            .and_then(|()| {
                look("PRAGMA foreign_key_check", |row| {
                    let (table, parent) = (row.get::<_, String>(0)?, row.get::<_, String>(2)?);
                    Ok(format!("a row of {table} names a row of {parent} that is not there"))
                })
            })
            .map_err(|error: rusqlite::Error| Error::from(Fault::sqlite(&error)).context("integrity check"))?;
        problems.retain(|problem| problem != "ok");
        problems.truncate(MOST_PROBLEMS);
        Ok(problems)
    }
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

/// Makes the bytes durable, then the name.
fn publish(part: &Path, path: &Path) -> Result<()> {
    let sync = || -> std::io::Result<()> {
        File::open(part)?.sync_all()?;
        fs::rename(part, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    };
    sync().context(|| format!("keeping the backup {}", path.display()))
}

fn dump(url: &str, part: &Path) -> Result<()> {
    let config = postgres::config(url)?;
    let mut command = Command::new("pg_dump");
    command.arg("--format=custom").arg("--no-password").arg("--file").arg(part);
    // By the environment, because everybody may read the arguments of a program.
    match config.get_hosts().first() {
        Some(Host::Tcp(host)) => drop(command.env("PGHOST", host)),
        Some(Host::Unix(folder)) => drop(command.env("PGHOST", folder)),
        None => {}
    }
    if let Some(port) = config.get_ports().first() {
        command.env("PGPORT", port.to_string());
    }
    if let Some(user) = config.get_user() {
        command.env("PGUSER", user);
    }
    if let Some(password) = config.get_password() {
        command.env("PGPASSWORD", String::from_utf8_lossy(password).as_ref());
    }
    if let Some(name) = config.get_dbname() {
        command.env("PGDATABASE", name);
    }
    let output = command.output().map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            Error::config(
                "pg_dump is not installed here: install PostgreSQL's client programs, or run pg_dump on the server",
            )
        } else {
            Error::from(error).context("running pg_dump")
        }
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::store(format!("pg_dump failed: {}", said.lines().next().unwrap_or("without a word"))));
    }
    Ok(())
}
