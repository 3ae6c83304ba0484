//! A stream that hears the other side out for a moment before it is closed. A body that is refused for its size is still
//! being sent when our answer leaves; closed at once, the system answers what then arrives with a reset, and the client sees
//! a broken connection instead of the reason (RFC 9112 section 9.6).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Longest that what still comes is read.
pub(super) const LONGEST: Duration = Duration::from_secs(3);
/// Most bytes of it that are read.
const MOST_BYTES: usize = 64 << 20;

/// The stream, and how its end stands.
pub(super) struct Linger<S> {
    stream: S,
    longest: Duration,
    end: End,
}

enum End {
    /// Not closed by us.
    Open,
    /// Nothing is sent any more; what comes is read and forgotten.
    Hearing { until: Pin<Box<Sleep>>, left: usize },
    /// The other side is done, or we have heard enough.
    Over,
}

impl<S> Linger<S> {
    pub(super) fn new(stream: S, longest: Duration) -> Linger<S> {
        Linger { stream, longest, end: End::Open }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Linger<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Linger<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Linger { stream, longest, end } = &mut *self;
        loop {
            match end {
                End::Open => {
                    ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
                    *end = End::Hearing { until: Box::pin(sleep(*longest)), left: MOST_BYTES };
                }
                End::Hearing { until, left } => {
                    let mut room = [0; 8192];
                    let mut buf = ReadBuf::new(&mut room);
                    let heard = match Pin::new(&mut *stream).poll_read(cx, &mut buf) {
                        Poll::Ready(Ok(())) => buf.filled().len(),
                        // Gone is as good as done.
                        Poll::Ready(Err(_)) => 0,
                        Poll::Pending => {
                            ready!(until.as_mut().poll(cx));
                            0
                        }
                    };
                    *left = left.saturating_sub(heard);
                    if heard == 0 || *left == 0 {
                        *end = End::Over;
                    }
                }
                End::Over => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_still_comes_is_heard() {
        let (ours, mut theirs) = duplex(1000);
        let sending = async move {
            theirs.write_all(&[b'x'; 100_000]).await.unwrap();
            let mut answer = String::new();
            theirs.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let closing = async move {
            let mut ours = Linger::new(ours, LONGEST);
            ours.write_all(b"too large").await.unwrap();
            ours.shutdown().await.unwrap();
        };
        let (answer, ()) = tokio::join!(sending, closing);
        assert_eq!(answer, "too large");
    }

    #[tokio::test]
    async fn but_not_for_long() {
        let (ours, theirs) = duplex(1000);
        Linger::new(ours, Duration::from_millis(10)).shutdown().await.unwrap();
        drop(theirs);
    }
}
