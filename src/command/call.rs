//! What every verb has of its call: how to print, which configuration, a runtime.

use std::future::Future;
use std::path::{Path, PathBuf};

use super::out::{Out, Outcome};
use crate::config::Config;
use crate::error::{Error, Kind, Result};

/// The configuration file that is used when it is there.
const USUAL_FILE: &str = "dure.toml";

/// A call of the command line.
#[derive(Debug)]
pub struct Call {
    /// How it prints.
    pub out: Out,
    /// The configuration file it names.
    pub config_file: Option<PathBuf>,
}

impl Call {
    /// The file of the configuration: the one named, or the usual one if it is there.
    pub fn config_path(&self) -> Option<PathBuf> {
        let usual = || Path::new(USUAL_FILE).is_file().then(|| PathBuf::from(USUAL_FILE));
        self.config_file.clone().or_else(usual)
    }

    /// The configuration in effect: file and environment.
    pub fn config(&self) -> Result<Config> {
        Config::load(self.config_path().as_deref(), environment())
    }

    /// Runs a verb that waits for the network or the store.
    pub fn wait_for(&self, verb: impl Future<Output = Result<Outcome>>) -> Result<Outcome> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("dure")
            .build()
            .map_err(|error| Error::new(Kind::Io, "start the runtime").caused_by(error))?;
        runtime.block_on(verb)
    }
}

/// The environment, without what is no text.
pub(super) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
