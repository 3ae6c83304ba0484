//! What is wrong with the machine or the call, never with a document (that is a [`crate::model::finding::Finding`]).

use std::fmt;

/// What kind of trouble, which decides who is told and whether it is tried again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Configuration, schema or mapping files, or a call of the command line.
    Config,
    /// The database.
    Store,
    /// Files and sockets.
    Io,
    /// A partner's system did not take or give bytes.
    Transport,
    /// Keys, certificates, seals.
    Crypto,
    /// Ours.
    Bug,
}

/// Trouble with context.
#[derive(Debug)]
pub struct Error {
    /// Its kind.
    pub kind: Kind,
    /// Whether the same call may succeed later.
    pub temporary: bool,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What most functions of ours give back.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A lasting error: what was attempted, on what, in lower case.
    pub fn new(kind: Kind, message: impl Into<String>) -> Error {
        Error { kind, temporary: false, message: message.into(), source: None }
    }

    /// A configuration error.
    pub fn config(message: impl Into<String>) -> Error {
        Error::new(Kind::Config, message)
    }

    /// A store error.
    pub fn store(message: impl Into<String>) -> Error {
        Error::new(Kind::Store, message)
    }

    /// A bug of ours.
    pub fn bug(message: impl Into<String>) -> Error {
        Error::new(Kind::Bug, message)
    }

    /// The same error, worth another try.
    pub fn temporary(mut self) -> Error {
        self.temporary = true;
        self
    }

    /// With what caused it.
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        self.source = Some(source.into());
        self
    }

    /// With a line of context in front.
    pub fn context(mut self, line: impl fmt::Display) -> Error {
        self.message = format!("{line}: {}", self.message);
        self
    }

    /// Whether the same call may succeed later.
    pub fn is_temporary(&self) -> bool {
        self.temporary
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut cause = self.source.as_deref().map(|source| source as &dyn std::error::Error);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        let temporary = matches!(
            error.kind(),
            std::io::ErrorKind::Interrupted | std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock
        );
        Error { kind: Kind::Io, temporary, message: error.to_string(), source: None }
    }
}

/// Puts context in front of an error.
pub trait Context<T> {
    /// Adds a line that says what was attempted.
    fn context<C: fmt::Display>(self, line: impl FnOnce() -> C) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for Result<T, E> {
    fn context<C: fmt::Display>(self, line: impl FnOnce() -> C) -> Result<T> {
        self.map_err(|error| error.into().context(line()))
    }
}
