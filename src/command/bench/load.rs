//! A load of our own: connections that post bodies as fast as they are answered, on a thread of their own, and a sink that
//! takes deliveries. Loopback only, bounded in count.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::clock::Stopwatch;
use crate::error::{Context, Error, Kind, Result};

/// Writes the body of a request by its number.
pub(super) type Body = Arc<dyn Fn(u64, &mut Vec<u8>) + Send + Sync>;

/// What a load is.
#[derive(Clone)]
pub(super) struct Load {
    /// Where to.
    pub(super) address: SocketAddr,
    /// Connections at a time.
    pub(super) connections: usize,
    /// Requests in all.
    pub(super) requests: u64,
    /// The partner's key.
    pub(super) key: String,
    /// The body of request number n, written into the buffer.
    pub(super) body: Body,
    /// The Idempotency-Key of request number n.
    pub(super) idempotency_key: fn(u64) -> String,
    /// Media type.
    pub(super) content_type: &'static str,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loaded {
    /// Answers 202.
    pub(super) accepted: u64,
    /// Other answers.
    pub(super) other: u64,
    /// From the first request to the last answer.
    pub(super) elapsed_us: u64,
}

/// Runs a load to its end, on this thread.
pub(super) fn run(load: &Load) -> Result<Loaded> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let next = Arc::new(AtomicU64::new(0));
        let (accepted, other) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let watch = Stopwatch::start();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..load.connections {
            let (load, next) = (load.clone(), Arc::clone(&next));
            let (accepted, other) = (Arc::clone(&accepted), Arc::clone(&other));
            tasks.spawn(async move { connection(&load, &next, &accepted, &other).await });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(|panic| Error::bug(format!("a load connection: {panic}")))??;
        }
        Ok(Loaded {
            accepted: accepted.load(Ordering::Relaxed),
            other: other.load(Ordering::Relaxed),
            elapsed_us: watch.elapsed_us(),
        })
    })
}

async fn connection(load: &Load, next: &AtomicU64, accepted: &AtomicU64, other: &AtomicU64) -> Result<()> {
    let mut stream = TcpStream::connect(load.address).await.context(|| "connecting to the hub")?;
    stream.set_nodelay(true)?;
    let (mut request, mut body, mut answer) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= load.requests {
            return Ok(());
        }
        body.clear();
        (load.body)(number, &mut body);
        request.clear();
        request.extend_from_slice(
            format!(
                "POST /v1/interchanges HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: {}\r\n\
                 Idempotency-Key: {}\r\nContent-Length: {}\r\n\r\n",
                load.address,
                load.key,
                load.content_type,
                (load.idempotency_key)(number),
                body.len()
            )
            .as_bytes(),
        );
        request.extend_from_slice(&body);
        stream.write_all(&request).await?;
        let status = read_answer(&mut stream, &mut answer).await?;
        if status == 202 {
            accepted.fetch_add(1, Ordering::Relaxed);
        } else {
            other.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Reads one answer with a Content-Length; gives its status.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<u16> {
    let wrong = |what: &str| Error::new(Kind::Transport, format!("the answer {what}"));
    buffer.clear();
    let head_end = loop {
        if let Some(at) = memchr::memmem::find(buffer, b"\r\n\r\n") {
            break at + 4;
        }
        if buffer.len() > 64 * 1024 || stream.read_buf(buffer).await? == 0 {
            return Err(wrong("ended early"));
        }
    };
    let head = String::from_utf8_lossy(buffer.get(..head_end).unwrap_or_default()).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| wrong("has no status"))?;
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|length| length.trim().parse().ok())
        .unwrap_or(0);
    while buffer.len() < head_end + length {
        if stream.read_buf(buffer).await? == 0 {
            return Err(wrong("ended early"));
        }
    }
    Ok(status)
}

/// A partner that takes everything: answers 200 and counts. Stops with the thread's runtime.
pub(super) struct Sink {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// Requests taken.
    pub(super) taken: Arc<AtomicU64>,
    stop: tokio::sync::watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Sink {
    /// Starts it.
    pub(super) fn start() -> Result<Sink> {
        let taken = Arc::new(AtomicU64::new(0));
        let (stop, mut stopped) = tokio::sync::watch::channel(false);
        let (tell, told) = std::sync::mpsc::channel();
        let counted = Arc::clone(&taken);
        let thread = std::thread::Builder::new().name("bench-sink".to_owned()).spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async move {
                let Ok(listener) = TcpListener::bind("127.0.0.1:0").await else { return };
                let Ok(address) = listener.local_addr() else { return };
                if tell.send(address).is_err() {
                    return;
                }
                let mut open = tokio::task::JoinSet::new();
                loop {
                    tokio::select! {
                        accepted = listener.accept() => {
                            if let Ok((stream, _)) = accepted {
                                let counted = Arc::clone(&counted);
                                open.spawn(async move { take(stream, &counted).await });
                            }
                        }
                        _ = stopped.changed() => break,
                    }
                }
            });
        })?;
        let address = told.recv().map_err(|_| Error::new(Kind::Io, "the sink could not listen"))?;
        Ok(Sink { address, taken, stop, thread: Some(thread) })
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

async fn take(mut stream: TcpStream, counted: &AtomicU64) {
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        let Some(at) = memchr::memmem::find(&buffer, b"\r\n\r\n") else {
            match stream.read_buf(&mut buffer).await {
                Ok(count) if count > 0 && buffer.len() < 1 << 20 => continue,
                _ => return,
            }
        };
        let head = String::from_utf8_lossy(buffer.get(..at).unwrap_or_default()).to_ascii_lowercase();
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .and_then(|length| length.trim().parse().ok())
            .unwrap_or(0);
        let end = at + 4 + length;
        while buffer.len() < end {
            match stream.read_buf(&mut buffer).await {
                Ok(count) if count > 0 && buffer.len() < 4 << 20 => {}
                _ => return,
            }
        }
        buffer.drain(..end);
        counted.fetch_add(1, Ordering::Relaxed);
        if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.is_err() {
            return;
        }
    }
}
