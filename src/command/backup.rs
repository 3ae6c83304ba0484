//! `dure backup` and `dure restore`: a copy of the database in one file, while the hub runs or not; and a data folder made
//! of such a copy. The sealing key is not in it: it is kept apart, or the copy would open by itself.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::administer::Wish;
use super::call::Call;
use super::out::{Outcome, Unit};
use super::reach::Reach;
use crate::config::Database;
use crate::error::{Context, Error, Result};
use crate::serve;
use crate::store::{Store, StoreConfig};

/// Copy the database into a new file, while the hub runs or not
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  dure backup /backup/dure-$(date +%F).sqlite\n\n\
    The file is the whole store at one moment. Keep sealing.key as well, in another place. On PostgreSQL the file is what \
    pg_dump writes in its custom format.")]
pub struct Backup {
    /// The file; it must not be there
    file: PathBuf,
}

/// Put a backup in place of a database that is gone or broken
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  dure restore /backup/dure-2026-11-24.sqlite --config shop/dure.toml\n\n\
    The hub must be stopped. A database that is there is kept beside it with its time in its name. What was delivered or \
    received after the backup is not in it: partners are asked to send again, repeats are noticed. For PostgreSQL use \
    pg_restore.")]
pub struct Restore {
    /// The backup
    file: PathBuf,
}

impl Backup {
    /// Runs it.
    pub async fn run(self, call: &Call) -> Result<Outcome> {
        let out = &call.out;
        // The hub may run elsewhere than this verb.
        let path = std::path::absolute(&self.file).context(|| format!("find {}", self.file.display()))?;
        let reach = Reach::local(call).await?;
        let bar = out.progress(1, Unit::Bytes);
        let told = |progress: super::administer::Progress| {
            bar.set_length(progress.of);
            bar.set_position(progress.done);
        };
        let () = reach.ask(Wish::Backup { path: path.clone() }, told).await?;
        bar.finish_and_clear();
        let size = std::fs::metadata(&path).context(|| format!("look at {}", path.display()))?.len();
        if out.json {
            out.json(&serde_json::json!({ "file": path, "bytes": size }))?;
        } else {
            out.line(format!("{} ({size} bytes)", path.display()))?;
        }
        Ok(Outcome::Good)
    }
}

impl Restore {
    /// Runs it.
    pub fn run(self, call: &Call) -> Result<Outcome> {
        let config = call.config()?;
        if config.database != Database::Sqlite {
            return Err(Error::config("the configuration names PostgreSQL: use pg_restore on the backup"));
        }
        let data = config.data.display();
        let running = || Error::config(format!("a hub runs on {data}; stop it first"));
        let _lock = serve::try_lock_folder(&config.data)?.ok_or_else(running)?;
        let target = config.sqlite_file();
        let part = target.with_extension("restoring");
        copy(&self.file, &part)?;
        let sound = sound(&part);
        if let Err(error) = sound {
            drop(std::fs::remove_file(&part));
            return Err(error.context(format!("{} is no sound backup", self.file.display())));
        }
        let kept = put_aside(&target)?;
        std::fs::rename(&part, &target).context(|| format!("put {} in place", target.display()))?;
        std::fs::File::open(&config.data).and_then(|folder| folder.sync_all()).context(|| format!("sync {data}"))?;
        if call.out.json {
            call.out.json(&serde_json::json!({ "file": target, "kept": kept }))?;
        } else {
            call.out.line(target.display())?;
        }
        if let Some(kept) = kept {
            let words = call.out.say("전에 있던 것은 옮겨 두었습니다", "what was there before is kept as");
            call.out.remark(format!("{words}: {}", kept.display()));
        }
        if config.keys.sealing_key.is_empty() && !config.sealing_key_file().exists() {
            call.out.remark(format!("{} is missing: bring back its safe copy", config.sealing_key_file().display()));
        }
        Ok(Outcome::Good)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).context(|| "make the data folder")?;
    // What an interrupted restore left.
    if to.exists() {
        std::fs::remove_file(to).context(|| format!("remove {}", to.display()))?;
    }
    std::fs::copy(from, to).context(|| format!("copy {}", from.display()))?;
    std::fs::File::open(to).and_then(|file| file.sync_all()).context(|| format!("sync {}", to.display()))
}

/// Opens a copy as a store: its tables are brought up to date and its pages looked at.
fn sound(file: &Path) -> Result<()> {
    let mut settings = StoreConfig::sqlite(file);
    settings.readers = 1;
    let problems = {
        let store = Store::open(&settings)?;
        store.integrity_check()?
    };
    for ending in ["-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(ending);
        let left = PathBuf::from(name);
        if left.exists() {
            std::fs::remove_file(&left).context(|| format!("remove {}", left.display()))?;
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::store(problems.join("; "))) }
}

/// Renames a database with what belongs to it; gives its new name if there was one.
fn put_aside(target: &Path) -> Result<Option<PathBuf>> {
    let named = |base: &Path, ending: &str| {
        let mut name = base.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let kept = named(target, &format!(".{}", crate::clock::Clock::System.now_ms()));
    for ending in ["", "-wal", "-shm"] {
        let from = named(target, ending);
        if from.exists() {
            std::fs::rename(&from, named(&kept, ending)).context(|| format!("keep {}", from.display()))?;
        }
    }
    Ok(kept.exists().then_some(kept))
}
