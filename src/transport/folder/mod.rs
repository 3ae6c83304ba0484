//! Folders on the hub's machine, for systems that read and write files. What others push in by SFTP can land there through the
//! system's sshd.
//!
//! In: a file that is complete is kept by the hub, then waited for until it is decided, then moved away with a note beside it;
//! should we fall in between, it is read again and known by its name and digest. Out: a file is written under a temporary
//! name, synced and renamed, so that nobody reads half of it; its name holds the delivery id, so that a repeat is the same
//! file. One hub at a time reads a folder, under a lease.

mod pick;
mod put;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use self::pick::Picker;
use super::keeper;
use crate::pipeline::channel::Channel;
use crate::pipeline::hub::Hub;

pub use self::put::FolderOut;

/// A folder, `[folder.NAME]`. Deliveries to `folder:NAME` are written to it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Short name of the partner whose folder it is.
    pub partner: String,
    /// Files are taken from here; empty: none are.
    #[serde(rename = "in")]
    pub inward: PathBuf,
    /// Deliveries are written here; empty: none are.
    #[serde(rename = "out")]
    pub outward: PathBuf,
    /// Where files are moved to when they were taken; empty: `done` below `in`. On the same file system.
    pub done: PathBuf,
    /// Where files are moved to that were not accepted; empty: `error` below `in`.
    pub error: PathBuf,
    /// A file is complete when one of its name with this behind it is there, such as `.ok`; empty: when it stands still.
    pub marker: String,
    /// Seconds that a file has to stand still.
    pub stable_s: u64,
    /// Seconds between looks.
    pub poll_s: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            partner: String::new(),
            inward: PathBuf::new(),
            outward: PathBuf::new(),
            done: PathBuf::new(),
            error: PathBuf::new(),
            marker: String::new(),
            stable_s: 2,
            poll_s: 5,
        }
    }
}

impl Settings {
    /// What is wrong with it, if anything is.
    pub fn wrong(&self) -> Option<&'static str> {
        let none = |path: &Path| path.as_os_str().is_empty();
        if self.partner.is_empty() || (none(&self.inward) && none(&self.outward)) {
            Some("needs partner, and in or out or both")
        } else if self.poll_s == 0 {
            Some("poll_s must be more than 0")
        } else {
            None
        }
    }

    /// Its paths, for those that are relative.
    pub fn paths(&mut self) -> [&mut PathBuf; 4] {
        [&mut self.inward, &mut self.outward, &mut self.done, &mut self.error]
    }

    fn done(&self) -> PathBuf {
        if self.done.as_os_str().is_empty() { self.inward.join("done") } else { self.done.clone() }
    }

    fn error(&self) -> PathBuf {
        if self.error.as_os_str().is_empty() { self.inward.join("error") } else { self.error.clone() }
    }
}

/// A folder as a channel that can be tried.
pub struct FolderChannel {
    name: String,
    settings: Settings,
}

impl FolderChannel {
    /// Of a part of the configuration.
    pub fn new(name: &str, settings: &Settings) -> FolderChannel {
        FolderChannel { name: channel_name(name), settings: settings.clone() }
    }
}

impl Channel for FolderChannel {
    fn name(&self) -> &str {
        &self.name
    }

    fn place(&self) -> String {
        let sides = [("in", &self.settings.inward), ("out", &self.settings.outward)];
        let sides = sides.iter().filter(|(_, path)| !path.as_os_str().is_empty());
        sides.map(|(side, path)| format!("{side} {}", path.display())).collect::<Vec<_>>().join(", ")
    }

    fn partner(&self) -> Option<&str> {
        Some(&self.settings.partner)
    }

    fn probe<'a>(&'a self, hub: &'a Hub) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let directory = hub.directory();
            if directory.by_short(&self.settings.partner).is_none_or(|partner| !partner.active) {
                return Err(format!("there is no active partner {}", self.settings.partner));
            }
            let settings = self.settings.clone();
            let tried = on_disk(move || {
                for folder in [&settings.inward, &settings.outward] {
                    if !folder.as_os_str().is_empty() {
                        let at = |error: std::io::Error| {
                            std::io::Error::new(error.kind(), format!("{}: {error}", folder.display()))
                        };
                        std::fs::read_dir(folder).map_err(at)?;
                        // Files are moved out of the one and put into the other.
                        write_whole(folder, ".dure-probe", b"").map_err(at)?;
                        std::fs::remove_file(folder.join(".dure-probe")).map_err(at)?;
                    }
                }
                Ok(())
            });
            tried.await.map_err(|error| error.to_string())
        })
    }
}

/// The name of a folder among channels, and its address.
fn channel_name(name: &str) -> String {
    format!("folder:{name}")
}

/// Reads a folder until the hub stops.
pub async fn run(hub: Arc<Hub>, name: String, settings: Settings) {
    if settings.inward.as_os_str().is_empty() {
        return hub.stopping().await;
    }
    let channel = channel_name(&name);
    let longest = Duration::from_secs(settings.poll_s.max(1));
    keeper::keep(&hub, &channel, longest, || Picker::new(&hub, &channel, &settings)).await;
}

/// Runs what touches the disk on a thread that may stand still.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| Err(std::io::Error::other(panic)))
}

/// Writes a file so that it is there whole or not at all: under a temporary name, synced, renamed.
fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let temporary = folder.join(format!(".{name}.tmp"));
    let mut file = std::fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&temporary, folder.join(name))?;
    std::fs::File::open(folder)?.sync_all()
}
