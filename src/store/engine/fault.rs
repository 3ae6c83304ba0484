//! What went wrong in the database, the same words for both engines.
//!
//! Classes from SQLite's result codes and PostgreSQL's SQLSTATE (appendix A). The details that carry row contents are
//! left out, so that an error can be logged.

use std::fmt;

use crate::error::{Error, Kind};

/// What kind of database trouble.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// A row with this unique key is there already.
    Unique,
    /// A foreign key, a check or a NOT NULL says no.
    Constraint,
    /// Two transactions met; the same closure may succeed when it runs again.
    Conflict,
    /// The database is held by somebody else for too long, or starting or stopping.
    Busy,
    /// No space, no memory, a read or write failed.
    Machine,
    /// The disk did not confirm a sync: nothing that is in memory can be trusted any more.
    Sync,
    /// The connection is gone before anything was decided.
    Connection,
    /// The connection went away during COMMIT: the closure may or may not have taken effect.
    Unknown,
    /// The statement is wrong.
    Statement,
}

/// What went wrong, with the statement.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The kind.
    pub class: Class,
    text: String,
    sql: Option<&'static str>,
}

impl Fault {
    pub(super) fn new(class: Class, text: impl Into<String>) -> Fault {
        Fault { class, text: text.into(), sql: None }
    }

    pub(super) fn in_statement(mut self, sql: &'static str) -> Fault {
        self.sql.get_or_insert(sql);
        self
    }

    pub(super) fn sqlite(error: &rusqlite::Error) -> Fault {
        use rusqlite::ffi;
        let class = match error.sqlite_error() {
            None => Class::Statement,
            Some(code) => match code.extended_code {
                ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
                    Class::Unique
                }
                ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC => Class::Sync,
                extended => match extended & 0xff {
                    ffi::SQLITE_CONSTRAINT => Class::Constraint,
                    ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_INTERRUPT => Class::Busy,
                    ffi::SQLITE_FULL | ffi::SQLITE_IOERR | ffi::SQLITE_NOMEM | ffi::SQLITE_CANTOPEN => Class::Machine,
                    _ => Class::Statement,
                },
            },
        };
        Fault::new(class, error.to_string())
    }

    pub(super) fn postgres(error: &tokio_postgres::Error) -> Fault {
        let Some(database) = error.as_db_error() else {
            // A lost line; else a parameter or a column that does not fit its type.
            let lost = error.is_closed()
                || error.to_string().starts_with("timeout")
                || std::error::Error::source(error).is_some_and(|cause| cause.is::<std::io::Error>());
            let class = if lost { Class::Connection } else { Class::Statement };
            return Fault::new(class, chain(error));
        };
        let code = database.code().code();
        let class = match code {
            "23505" => Class::Unique,
            "40001" | "40P01" => Class::Conflict,
            // Lock and statement timeouts, cannot connect now.
            "55P03" | "57014" | "57P03" => Class::Busy,
            // Shut down, crashed, idle too long: the server closes the connection after these.
            "57P01" | "57P02" | "57P05" | "25P03" => Class::Connection,
            // The server's own I/O error; its PANIC restarts it.
            "58030" => Class::Machine,
            _ => match code.get(..2) {
                Some("23") => Class::Constraint,
                Some("08") => Class::Connection,
                Some("53") => Class::Machine,
                _ => Class::Statement,
            },
        };
        Fault::new(class, format!("{} ({code})", database.message()))
    }

    /// Whether the same closure may succeed later.
    pub fn is_temporary(&self) -> bool {
        !matches!(self.class, Class::Unique | Class::Constraint | Class::Statement)
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// A statement on one line, cut for a message.
pub(super) fn shorten(sql: &str) -> String {
    const MOST: usize = 160;
    let mut line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() > MOST {
        let cut = (0..=MOST).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
        line.truncate(cut);
        line.push('…');
    }
    line
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match self.sql {
            Some(sql) => write!(f, " in `{}`", shorten(sql)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        let what = match fault.class {
            Class::Unknown => "the database went away during commit, so it is not known whether this took effect",
            Class::Connection => "the database cannot be reached",
            _ => "the database refused",
        };
        let error = Error::new(Kind::Store, what);
        let error = if fault.is_temporary() { error.temporary() } else { error };
        error.caused_by(fault)
    }
}

/// The database trouble behind an error, if that is what it is.
pub fn fault_of(error: &Error) -> Option<&Fault> {
    std::error::Error::source(error).and_then(|source| source.downcast_ref())
}

/// Whether a row with this unique key is there already.
pub fn is_unique_violation(error: &Error) -> bool {
    fault_of(error).is_some_and(|fault| fault.class == Class::Unique)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_found_behind_an_error_with_context() {
        let fault = Fault::new(Class::Unique, "taken").in_statement("INSERT  INTO t\n VALUES (1)");
        let error = Error::from(fault).context("storing x");
        assert!(is_unique_violation(&error));
        assert!(!error.is_temporary());
        assert_eq!(error.to_string(), "storing x: the database refused: taken in `INSERT INTO t VALUES (1)`");
        assert!(!is_unique_violation(&Error::store("x")));
        assert!(Error::from(Fault::new(Class::Conflict, "x")).is_temporary());
    }

    #[test]
    fn long_statements_are_cut_between_characters() {
        assert!(shorten(&"가".repeat(100)).len() < 170);
    }
}
