//! The listening side of HTTP: accepts connections, plain or TLS, and serves a router over HTTP/1.1 and HTTP/2.
//!
//! Beyond what `axum::serve` does: TLS with changing certificates, a bound on open connections, time-outs for the
//! handshake, for the head of a request and for a client that stops reading, the peer's address (`ConnectInfo`) and its
//! certificate as extensions of every request, and an end that waits for what is under way, but not forever.
//! HTTP/2 is chosen by ALPN, or on a plain connection by its preface.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::Service;

use super::linger::{self, Linger};
use super::stall::Stall;
use super::tls::{ClientCertificate, TlsFiles};

/// Bytes of a request's head, and of what is read ahead.
const HEAD_BYTES: usize = 128 << 10;
/// Requests at a time on one HTTP/2 connection.
const MOST_STREAMS: u32 = 100;
/// How often a silent HTTP/2 connection is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);
/// After that time an HTTP/2 connection is asked to open a new one, so that idle ones do not stay forever.
const OLDEST_HTTP2: Duration = Duration::from_secs(600);
/// Pause after the system refused to accept, usually because files have run out.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);

/// How connections are served.
pub struct Serving {
    /// Where they come in.
    pub listener: TcpListener,
    /// The certificate; none for plain HTTP.
    pub tls: Option<Arc<TlsFiles>>,
    /// Connections open at a time; more wait in the system's queue.
    pub connections: usize,
    /// For the TLS handshake, for the head of each request, and between requests, milliseconds.
    pub header_timeout_ms: u64,
    /// For a client that does not take our answer, milliseconds.
    pub stall_timeout_ms: u64,
    /// For what is under way when we stop, milliseconds.
    pub grace_ms: u64,
}

/// What a connection needs of [`Serving`].
#[derive(Clone)]
struct Common {
    router: Router,
    header_timeout: Duration,
    stall_timeout: Duration,
    stopping: watch::Receiver<bool>,
}

impl Serving {
    /// Serves until `stop` is ready, then until what is under way has ended or the grace is used up.
    pub async fn run(self, router: Router, stop: impl Future<Output = ()>) {
        let (stop_all, stopping) = watch::channel(false);
        let common = Common {
            router,
            header_timeout: Duration::from_millis(self.header_timeout_ms),
            stall_timeout: Duration::from_millis(self.stall_timeout_ms),
            stopping,
        };
        let room = Arc::new(Semaphore::new(self.connections.clamp(1, Semaphore::MAX_PERMITS)));
        let mut open = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            let (stream, peer, permit) = tokio::select! {
                accepted = accept(&self.listener, &room) => accepted,
                () = &mut stop => break,
            };
            while open.try_join_next().is_some() {}
            let (common, tls) = (common.clone(), self.tls.clone());
            open.spawn(async move {
                let _open = permit;
                connection(stream, peer, tls, common).await;
            });
        }
        drop(self.listener);
        stop_all.send_replace(true);
        let all = async { while open.join_next().await.is_some() {} };
        if timeout(Duration::from_millis(self.grace_ms), all).await.is_err() {
            tracing::warn!("{} connections were cut off while stopping", open.len());
            open.abort_all();
        }
    }
}

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else {
            // Never closed; should it be, nothing more is accepted.
            return std::future::pending().await;
        };
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, permit),
            Err(error) => {
                tracing::warn!("a connection cannot be accepted: {error}");
                tokio::time::sleep(REFUSED_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, tls: Option<Arc<TlsFiles>>, common: Common) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("{peer}: small answers may be late: {error}");
    }
    let Some(tls) = tls else {
        let mut start = [0; 3];
        match timeout(common.header_timeout, stream.peek(&mut start)).await {
            // RFC 9113 section 3.4: the preface begins with PRI, which no other method does.
            Ok(Ok(3)) if start == *b"PRI" => http2(stream, peer, None, common).await,
            Ok(Ok(1..)) => http1(stream, peer, None, common).await,
            Ok(Ok(0)) | Ok(Err(_)) | Err(_) => tracing::trace!("{peer}: nothing was asked"),
        }
        return;
    };
    let stream = match timeout(common.header_timeout, TlsAcceptor::from(tls.current()).accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!("{peer}: no TLS: {error}"),
        Err(_) => return tracing::debug!("{peer}: no TLS in time"),
    };
    let (_, session) = stream.get_ref();
    let certificate = session.peer_certificates().and_then(|chain| chain.first()).map(ClientCertificate::of);
    if session.alpn_protocol() == Some(b"h2") {
        http2(stream, peer, certificate, common).await;
    } else {
        http1(stream, peer, certificate, common).await;
    }
}

async fn http1(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    certificate: Option<ClientCertificate>,
    mut common: Common,
) {
    let io = TokioIo::new(Linger::new(Stall::new(stream, common.stall_timeout), linger::LONGEST));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(common.header_timeout)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(io, service(common.router, peer, certificate))
    );
    let ended = tokio::select! {
        // In this order it is measurably cheaper, and the end can wait for what is ready.
        biased;
        ended = connection.as_mut() => ended,
        () = stopped(&mut common.stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("{peer}: the connection broke off: {error}");
    }
}

async fn http2(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    certificate: Option<ClientCertificate>,
    mut common: Common,
) {
    let io = TokioIo::new(Stall::new(stream, common.stall_timeout));
    let mut connection = pin!(
        http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(MOST_STREAMS)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(common.header_timeout)
            .serve_connection(io, service(common.router, peer, certificate))
    );
    let ended = tokio::select! {
        // In this order it is measurably cheaper, and the end can wait for what is ready.
        biased;
        ended = connection.as_mut() => ended,
        () = stopped_or_old(&mut common.stopping) => {
            connection.as_mut().graceful_shutdown();
            match timeout(OLDEST_HTTP2, connection).await {
                Ok(ended) => ended,
                Err(_) => return tracing::debug!("{peer}: an old connection was cut off"),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!("{peer}: the connection broke off: {error}");
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is the end as well.
    if stopping.wait_for(|stop| *stop).await.is_err() {
        tracing::trace!("served by nobody any more");
    }
}

async fn stopped_or_old(stopping: &mut watch::Receiver<bool>) {
    if timeout(OLDEST_HTTP2, stopped(stopping)).await.is_err() {
        tracing::trace!("an old HTTP/2 connection is ended");
    }
}

/// The router for one connection, with what is known of the other side put into every request.
fn service(
    router: Router,
    peer: SocketAddr,
    certificate: Option<ClientCertificate>,
) -> impl hyper::service::Service<
    hyper::Request<Incoming>,
    Response = hyper::Response<Body>,
    Error = Infallible,
    Future = impl Future<Output = Result<hyper::Response<Body>, Infallible>> + Send + 'static,
> + Send
+ 'static {
    hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        if let Some(certificate) = &certificate {
            request.extensions_mut().insert(certificate.clone());
        }
        // A router is always ready.
        router.clone().call(request)
    })
}
