//! Log lines: on standard error, as text or as an object a line, by the configuration's level.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{self, LogFormat};
use crate::error::{Error, Result};

/// Starts logging; once in the life of a process.
pub(super) fn start(settings: &config::Log) -> Result<()> {
    let wrong = |reason: String| Error::config(format!("log.level {:?}: {reason}", settings.level));
    let filter = EnvFilter::try_new(&settings.level).map_err(|error| wrong(error.to_string()))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match settings.format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
    };
    started.map_err(|error| wrong(error.to_string()))
}
