//! Taking files from a folder.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ring::digest::{Context as Digest, SHA256};
use tokio::time::Instant;

use super::{Settings, on_disk, write_whole};
use crate::error::{Error, Result};
use crate::model::disposition::{Disposition, Transport};
use crate::model::finding::{Code, Finding, Place};
use crate::model::id::InterchangeId;
use crate::pipeline::hex;
use crate::pipeline::hub::Hub;
use crate::pipeline::receive::{LargeReceipt, Receipt, Received};
use crate::transport::keeper::{self, Ended};

/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 10_000;
/// Files taken at one look.
const MOST_AT_ONCE: usize = 500;
/// Up to so many bytes a file is kept in one step.
const SMALL: u64 = 1 << 20;
/// Bytes read at a time.
const PIECE: usize = 256 << 10;
/// Ends of names under which programs write what is not complete yet.
const TEMPORARY: &[&str] = &[".tmp", ".part", ".partial", ".filepart", ".crdownload", ".swp", "~"];

/// What a file is known by from one look to the next.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    size: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

impl Shape {
    fn of(about: &Metadata) -> Shape {
        Shape { size: about.len(), modified: about.modified().ok(), inode: about.ino() }
    }
}

struct Seen {
    shape: Shape,
    since: Instant,
    /// The interchange it became.
    kept: Option<i64>,
}

/// Looks at a folder again and again.
pub(super) struct Picker<'p> {
    hub: &'p Hub,
    channel: &'p str,
    settings: &'p Settings,
    seen: HashMap<OsString, Seen>,
    read: bool,
}

/// The bytes of a file on their way.
struct Incoming {
    digest: Digest,
    /// All of a small one.
    body: Vec<u8>,
    /// A large one, in pieces.
    large: Option<LargeReceipt>,
}

/// What reading a file came to.
enum Taken {
    Kept(i64),
    /// It changed while it was read, or is gone.
    NotNow,
    /// It cannot be taken, and why.
    Refused(Finding),
}

impl keeper::Session for Picker<'_> {
    async fn run(&mut self) -> Ended {
        loop {
            if let Err(ended) = self.look().await {
                return ended;
            }
            self.read = true;
            if let Err(error) = self.hub.channel_works(self.channel).await {
                return Ended::broken(error.to_string());
            }
            tokio::time::sleep(Duration::from_secs(self.settings.poll_s)).await;
        }
    }

    fn was_read(&self) -> bool {
        self.read
    }
}

impl<'p> Picker<'p> {
    pub(super) fn new(hub: &'p Hub, channel: &'p str, settings: &'p Settings) -> Picker<'p> {
        Picker { hub, channel, settings, seen: HashMap::new(), read: false }
    }

    async fn look(&mut self) -> std::result::Result<(), Ended> {
        let directory = self.hub.directory();
        let Some(partner) = directory.by_short(&self.settings.partner).filter(|partner| partner.active) else {
            return Err(Ended::certain(format!("there is no active partner {}", self.settings.partner)));
        };
        let settings = self.settings.clone();
        let inward = settings.inward.display().to_string();
        let listed = on_disk(move || {
            // A folder that is gone may be a disk that is not there: it is not made anew.
            std::fs::metadata(&settings.inward)?;
            std::fs::create_dir_all(settings.done())?;
            std::fs::create_dir_all(settings.error())?;
            list(&settings.inward, &settings.marker)
        });
        let listed = listed.await.map_err(|error| Ended::certain(format!("looking into {inward}: {error}")))?;
        let now = Instant::now();
        self.seen.retain(|name, _| listed.iter().any(|(known, _, _)| known == name));
        for (name, shape, marked) in listed {
            let seen = self.seen.entry(name.clone()).or_insert(Seen { shape, since: now, kept: None });
            if seen.shape != shape {
                *seen = Seen { shape, since: now, kept: None };
            }
            let still = now.duration_since(seen.since) >= Duration::from_secs(self.settings.stable_s);
            let complete = if self.settings.marker.is_empty() { still } else { marked };
            if seen.kept.is_some() || !complete {
                continue;
            }
            let about = |transport_id: String| Receipt {
                organisation_id: partner.id,
                centre_id: partner.centre_id,
                transport: Transport::Folder,
                transport_id: Some(transport_id),
                content_type: String::new(),
                charset: String::new(),
                file_name: name.to_string_lossy().chars().take(200).collect(),
                account_id: None,
                answers_delivery_id: None,
                mail_id: None,
            };
            match self.take(&name, shape, about).await? {
                Taken::Kept(id) => {
                    if let Some(seen) = self.seen.get_mut(&name) {
                        seen.kept = Some(id);
                    }
                }
                Taken::NotNow => {}
                Taken::Refused(finding) => {
                    let text = format!("{}\n", finding.text(partner.language));
                    self.put_away(&name, None, Some(text), true).await?;
                }
            }
        }
        self.settle().await
    }

    /// Reads a file and has it kept.
    async fn take(
        &self,
        name: &OsStr,
        shape: Shape,
        about: impl Fn(String) -> Receipt,
    ) -> std::result::Result<Taken, Ended> {
        let most = self.hub.config.limits.receive_bytes;
        let place = Place::default();
        if shape.size == 0 {
            return Ok(Taken::Refused(Finding::error(Code::Empty, place)));
        }
        if shape.size > most {
            let finding = Finding::error(Code::TooLarge, place).found(format!("{} bytes", shape.size));
            return Ok(Taken::Refused(finding.expected(format!("{most} bytes"))));
        }
        let path = self.settings.inward.join(name);
        let opened = on_disk({
            let path = path.clone();
            move || open(&path, shape)
        });
        let file = match opened.await {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Taken::NotNow),
            Err(error) => return Err(Ended::certain(format!("reading {}: {error}", path.display()))),
        };
        let mut receipt = Incoming { digest: Digest::new(&SHA256), body: Vec::new(), large: None };
        let read = self.read_on(file, shape, &mut receipt).await;
        if !matches!(read, Ok(true)) {
            if let Some(large) = receipt.large {
                large.abandon(self.hub).await;
            }
            return match read {
                Ok(_) => Ok(Taken::NotNow),
                Err(error) => Err(Ended::certain(format!("reading {}: {error}", path.display()))),
            };
        }
        // The same name with the same bytes is the same call: after a fall it comes again.
        let digest = receipt.digest.finish();
        let shown: String = name.to_string_lossy().chars().take(40).collect();
        let about = about(format!("{}:{shown}:{}", self.channel, hex(digest.as_ref())));
        let received = match receipt.large {
            Some(large) => large.finish(self.hub, about).await,
            None => self.hub.receive(about, Bytes::from(receipt.body)).await,
        };
        let received = received.map_err(|error| Ended::broken(error.to_string()))?;
        Ok(match received {
            Received::New(id) | Received::Repeat(id) => Taken::Kept(id),
            Received::Conflict(id) => {
                Taken::Refused(Finding::error(Code::Conflict, Place::default()).found(InterchangeId(id).to_string()))
            }
        })
    }

    /// Reads a file to its end; false if it is not what was listed any more.
    async fn read_on(&self, mut file: File, shape: Shape, receipt: &mut Incoming) -> Result<bool> {
        loop {
            let read = on_disk(move || {
                let mut piece = vec![0; PIECE];
                let count = file.read(&mut piece)?;
                piece.truncate(count);
                let size = file.metadata()?.len();
                Ok((file, piece, size))
            });
            let (again, piece, size) = read.await?;
            file = again;
            // One that grows would be read for ever.
            if size != shape.size {
                return Ok(false);
            }
            if piece.is_empty() {
                return on_disk(move || Ok(Shape::of(&file.metadata()?) == shape)).await.map_err(Error::from);
            }
            receipt.digest.update(&piece);
            match &mut receipt.large {
                Some(large) => large.push(self.hub, &piece).await?,
                None if shape.size <= SMALL => receipt.body.extend_from_slice(&piece),
                None => receipt.large.insert(self.hub.begin_large()).push(self.hub, &piece).await?,
            }
        }
    }

    /// Moves away what is decided, with a note beside it that says what became of it. The rest stays until the next look.
    async fn settle(&mut self) -> std::result::Result<(), Ended> {
        let end = Instant::now() + Duration::from_secs(self.settings.poll_s);
        let kept: Vec<(OsString, i64)> =
            self.seen.iter().filter_map(|(name, seen)| Some((name.clone(), seen.kept?))).collect();
        for (name, id) in kept {
            let left = end.saturating_duration_since(Instant::now());
            let wait_ms = u64::try_from(left.as_millis()).unwrap_or(0);
            let broken = |error: crate::error::Error| Ended::broken(error.to_string());
            let Some(row) = self.hub.wait_decided(id, wait_ms).await.map_err(broken)? else { continue };
            let disposition = row.disposition.as_deref().and_then(Disposition::from_word);
            let note = match disposition {
                Some(Disposition::Accepted) => None,
                _ => Some(self.hub.told(&row).await.map_err(broken)?.trim_start().to_owned()),
            };
            self.put_away(&name, Some(id), note, disposition == Some(Disposition::Rejected)).await?;
        }
        Ok(())
    }

    /// Moves a file away. Its note is written before, so that it is there however far we come.
    async fn put_away(
        &mut self,
        name: &OsStr,
        id: Option<i64>,
        note: Option<String>,
        error: bool,
    ) -> std::result::Result<(), Ended> {
        let settings = self.settings.clone();
        let folder = if error { settings.error() } else { settings.done() };
        let (name, own) = (name.to_owned(), name.to_owned());
        // The id in its name says which interchange it became, and makes it another name than that of an earlier file.
        let mark = id.map_or_else(|| format!("refused-{}", self.hub.next_id()), |id| InterchangeId(id).to_string());
        let shown = folder.display().to_string();
        let moved = on_disk(move || {
            let mut target = OsString::from(format!("{mark}-"));
            target.push(&name);
            if let Some(note) = note {
                let name: String = target.to_string_lossy().chars().take(80).collect();
                write_whole(&folder, &format!("{name}.txt"), note.as_bytes())?;
            }
            match std::fs::rename(settings.inward.join(&name), folder.join(&target)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            if !settings.marker.is_empty() {
                let mut marker = name;
                marker.push(&settings.marker);
                drop(std::fs::remove_file(settings.inward.join(marker)));
            }
            Ok(())
        });
        moved.await.map_err(|error| Ended::certain(format!("moving a file to {shown}: {error}")))?;
        self.seen.remove(&own);
        Ok(())
    }
}

/// The files of a folder that may be taken, the oldest first, and whether each has its marker. Links, folders, hidden and
/// temporary names are left alone.
fn list(folder: &Path, marker: &str) -> std::io::Result<Vec<(OsString, Shape, bool)>> {
    let mut files = Vec::new();
    let mut markers: Vec<OsString> = Vec::new();
    for entry in std::fs::read_dir(folder)?.take(MOST_ENTRIES) {
        let entry = entry?;
        let name = entry.file_name();
        // It may be gone meanwhile.
        let Ok(about) = entry.metadata() else { continue };
        let text = name.to_string_lossy().to_lowercase();
        if !about.is_file() || text.starts_with(['.', '~']) || TEMPORARY.iter().any(|end| text.ends_with(end)) {
            continue;
        }
        if !marker.is_empty() && text.ends_with(&marker.to_lowercase()) {
            markers.push(name);
        } else {
            files.push((name, Shape::of(&about)));
        }
    }
    files.sort_by(|(one, a), (other, b)| (a.modified, one).cmp(&(b.modified, other)));
    files.truncate(MOST_AT_ONCE);
    let marked = |name: &OsStr| {
        let mut wanted = name.to_owned();
        wanted.push(marker);
        markers.contains(&wanted)
    };
    let all = files.into_iter().map(|(name, shape)| {
        let marked = marked(&name);
        (name, shape, marked)
    });
    Ok(all.collect())
}

/// Opens the very file that was listed; none if it is another by now, or a link.
fn open(path: &Path, shape: Shape) -> std::io::Result<Option<File>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    Ok((Shape::of(&file.metadata()?) == shape).then_some(file))
}
