//! The socket in the data folder, by which verbs reach the hub that runs on it.
//!
//! A request is a line of JSON ([`Wish`]), the answers are lines: any number of `{"progress": …}`, then `{"ok": …}` or
//! `{"error": …}`. Who may connect is decided by the permissions of the file and by the user at the other end: the owner
//! of the socket and root, nobody else. Left out: anything that a partner does; partners have HTTP.

use std::fs::File;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::administer::{Deciding, Progress, Teller, Wish, grant};
use crate::error::{Context, Error, Kind, Result};
use crate::pipeline::hub::Hub;

/// Name of the socket in the data folder.
const SOCKET: &str = "dure.sock";
/// Bytes of a request.
const LARGEST_REQUEST: u64 = 4 << 20;
/// Bytes of one line of an answer.
const LARGEST_ANSWER: u64 = 256 << 20;
/// Conversations at a time.
const MOST_CONVERSATIONS: usize = 16;
/// For a request to come in whole.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a path that a socket address can carry on every system.
const LONGEST_ADDRESS: usize = 100;

/// Listens for verbs until it is dropped; then the socket is gone.
pub struct Control {
    path: PathBuf,
    _tasks: JoinSet<()>,
}

impl Control {
    /// Listens in the data folder, whose lock this process holds. `url` is where the hub listens for partners.
    pub fn listen(hub: Arc<Hub>, data: &Path, url: String) -> Result<Control> {
        let path = data.join(SOCKET);
        let wrong = || format!("listen on {}", path.display());
        // The lock is ours, so a socket that is there belongs to nobody any more.
        if path.exists() {
            std::fs::remove_file(&path).context(wrong)?;
        }
        let folder = File::open(data).context(wrong)?;
        let listener = UnixListener::bind(address(&path, &folder)).context(wrong)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).context(wrong)?;
        let owner = std::fs::metadata(&path).context(wrong)?.uid();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, hub, owner, Arc::from(url)));
        Ok(Control { path, _tasks: tasks })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // A socket that stays is taken away by the next hub.
        drop(std::fs::remove_file(&self.path));
    }
}

/// The path by which a socket is bound or reached: paths longer than a socket address go by the open folder.
fn address(path: &Path, folder: &File) -> PathBuf {
    use std::os::fd::AsRawFd;
    if path.as_os_str().len() <= LONGEST_ADDRESS {
        return path.to_owned();
    }
    PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(SOCKET)
}

async fn accept(listener: UnixListener, hub: Arc<Hub>, owner: u32, url: Arc<str>) {
    let room = Arc::new(Semaphore::new(MOST_CONVERSATIONS));
    let mut conversations = JoinSet::new();
    loop {
        while conversations.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the control socket cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let trusted = stream.peer_cred().is_ok_and(|peer| peer.uid() == owner || peer.uid() == 0);
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let (hub, url) = (Arc::clone(&hub), Arc::clone(&url));
        conversations.spawn(async move {
            let ended = if trusted { converse(stream, &hub, &url).await } else { Err(stranger()) };
            if let Err(error) = ended {
                tracing::warn!(%error, "a conversation of the control socket failed");
            }
            drop(permit);
        });
    }
}

fn stranger() -> Error {
    Error::new(Kind::Config, "another user may not command this hub")
}

/// A line of an answer.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Progress(Progress),
    Ok(Value),
    Error(String),
}

async fn converse(stream: UnixStream, hub: &Arc<Hub>, url: &str) -> Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(LARGEST_REQUEST));
    if timeout(PATIENCE, reader.read_line(&mut line)).await.map_err(|_| slow())?? == 0 {
        // A verb that only looked whether a hub is here.
        return Ok(());
    }
    let answered = match serde_json::from_str::<Wish>(&line) {
        Err(error) => Err(Error::config("the request is not understood").caused_by(error)),
        Ok(Wish::Where) => Ok(Value::from(url)),
        Ok(wish) => {
            let (tell, mut told) = Teller::new();
            let granting = grant(hub, wish, Deciding::ByWorkers, tell);
            tokio::pin!(granting);
            loop {
                tokio::select! {
                    granted = &mut granting => break granted,
                    Some(progress) = told.recv() => write(&mut writer, &Answer::Progress(progress)).await?,
                }
            }
        }
    };
    let last = answered.map_or_else(|error| Answer::Error(error.to_string()), Answer::Ok);
    write(&mut writer, &last).await?;
    Ok(writer.shutdown().await?)
}

fn slow() -> Error {
    Error::new(Kind::Io, "the request did not come in time")
}

async fn write(writer: &mut (impl tokio::io::AsyncWrite + Unpin), answer: &Answer) -> Result<()> {
    let mut line = serde_json::to_vec(answer).map_err(|error| Error::bug("writing an answer").caused_by(error))?;
    line.push(b'\n');
    Ok(writer.write_all(&line).await?)
}

/// The way to a hub that runs on a data folder.
pub struct Connection(UnixStream);

impl Connection {
    /// Connects; none if no hub listens there.
    pub async fn open(data: &Path) -> Result<Option<Connection>> {
        let path = data.join(SOCKET);
        let Ok(folder) = File::open(data) else { return Ok(None) };
        if !path.exists() {
            return Ok(None);
        }
        match UnixStream::connect(address(&path, &folder)).await {
            Ok(stream) => Ok(Some(Connection(stream))),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Ok(None),
            Err(error) => Err(error).context(|| format!("reach the running hub by {}", path.display())),
        }
    }

    /// Asks, and waits for the answer.
    pub async fn ask<T: DeserializeOwned>(self, wish: &Wish, mut progress: impl FnMut(Progress)) -> Result<T> {
        let Connection(stream) = self;
        let (reader, mut writer) = stream.into_split();
        let mut line = serde_json::to_vec(wish).map_err(|error| Error::bug("writing a request").caused_by(error))?;
        line.push(b'\n');
        writer.write_all(&line).await?;
        let mut reader = BufReader::new(reader.take(LARGEST_ANSWER));
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).await? == 0 {
                return Err(Error::new(Kind::Io, "the hub ended before it answered; ask again"));
            }
            match serde_json::from_str(&line) {
                Ok(Answer::Progress(told)) => progress(told),
                Ok(Answer::Ok(value)) => return read(value),
                Ok(Answer::Error(text)) => return Err(Error::config(text)),
                Err(error) => return Err(Error::bug("the hub's answer is not understood").caused_by(error)),
            }
        }
    }
}

/// An answer as what is expected of it.
pub(super) fn read<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| Error::bug("the hub's answer is not understood").caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_go_by_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let open = File::open(&deep).unwrap();
        let path = deep.join(SOCKET);
        let short = address(&path, &open);
        assert!(short.as_os_str().len() <= LONGEST_ADDRESS, "{}", short.display());
        let listener = std::os::unix::net::UnixListener::bind(&short).unwrap();
        assert!(path.exists());
        drop(listener);
    }
}
