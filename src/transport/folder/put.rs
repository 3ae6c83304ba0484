//! Deliveries to folders.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::future::BoxFuture;

use super::{Settings, on_disk, write_whole};
use crate::pipeline::outbound::{Outbound, Outgoing, Sent};

/// Writes deliveries to `folder:NAME` into the folders of the configuration.
pub struct FolderOut {
    folders: BTreeMap<String, Settings>,
}

impl FolderOut {
    /// By the configuration.
    pub fn new(folders: BTreeMap<String, Settings>) -> FolderOut {
        FolderOut { folders }
    }

    async fn attempt(&self, out: &Outgoing) -> Sent {
        let name = out.address.strip_prefix("folder:").unwrap_or("");
        let Some(settings) = self.folders.get(name).filter(|settings| !settings.outward.as_os_str().is_empty()) else {
            return Sent::Dead { reason: format!("the configuration has no folder.{name} with an out") };
        };
        // Whose folder it is stands in the configuration; an agreement does not open it to others.
        if settings.partner != out.partner {
            return Sent::Dead { reason: format!("folder.{name} is not the folder of {}", out.partner) };
        }
        let (folder, file, body) = (settings.outward.clone(), file_name(out), out.body.clone());
        let receipt = format!("wrote {file}");
        let done = on_disk(move || {
            // Written before we fell and could say so.
            if std::fs::read(folder.join(&file)).is_ok_and(|there| there == body) {
                return Ok(());
            }
            write_whole(&folder, &file, &body)
        });
        match done.await {
            Ok(()) => Sent::Delivered { receipt, answer: None },
            Err(error) => Sent::Unreachable { reason: format!("writing into {}: {error}", settings.outward.display()) },
        }
    }
}

/// The name of the document with the delivery's id in it.
fn file_name(out: &Outgoing) -> String {
    let path = Path::new(&out.file_name);
    let stem = path.file_stem().map_or("document".into(), |stem| stem.to_string_lossy());
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    // File names have 255 bytes at most.
    let stem: String = stem.trim_start_matches('.').chars().map(safe).take(60).collect();
    format!("{stem}-{}{ending}", out.delivery)
}

impl Outbound for FolderOut {
    fn scheme(&self) -> &'static [&'static str] {
        &["folder"]
    }

    fn channel<'a>(&'a self, out: &'a Outgoing) -> Option<&'a str> {
        let name = out.address.strip_prefix("folder:")?;
        self.folders.contains_key(name).then_some(out.address.as_str())
    }

    fn send<'a>(&'a self, out: &'a Outgoing) -> BoxFuture<'a, Sent> {
        Box::pin(self.attempt(out))
    }
}
