//! The listening side of HTTP over real connections, plain and TLS.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;
use dure::transport::listen::Serving;
use dure::transport::tls::{ClientCertificate, Settings, TlsFiles};
use dure::transport::trust;
use futures_util::stream;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(20);

/// A running server; dropped, it ends at once.
struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    tasks: JoinSet<()>,
}

struct Options {
    connections: usize,
    header_timeout_ms: u64,
    stall_timeout_ms: u64,
    grace_ms: u64,
    tls: Option<Arc<TlsFiles>>,
}

impl Default for Options {
    fn default() -> Options {
        Options { connections: 100, header_timeout_ms: 20_000, stall_timeout_ms: 20_000, grace_ms: 20_000, tls: None }
    }
}

async fn serve(router: Router, options: Options) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = Serving {
        listener,
        tls: options.tls,
        connections: options.connections,
        header_timeout_ms: options.header_timeout_ms,
        stall_timeout_ms: options.stall_timeout_ms,
        grace_ms: options.grace_ms,
    };
    let (stop, stopped) = oneshot::channel();
    let mut tasks = JoinSet::new();
    tasks.spawn(serving.run(router, async move { stopped.await.unwrap_or(()) }));
    Server { address, stop: Some(stop), tasks }
}

impl Server {
    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    async fn ended(mut self) {
        timeout(LONG, self.tasks.join_next()).await.unwrap().unwrap().unwrap();
    }
}

/// Says who asks.
async fn who(ConnectInfo(peer): ConnectInfo<SocketAddr>, shown: Option<Extension<ClientCertificate>>) -> String {
    let shown = shown.map_or("nobody".to_owned(), |Extension(shown)| shown.fingerprint_hex.to_string());
    format!("{} {shown}", peer.ip())
}

fn router() -> Router {
    Router::new().route("/", get(who))
}

/// Asks on an open connection and gives the body of the answer.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), path: &str) -> String {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.unwrap().parse().unwrap() {
                return body.to_owned();
            }
        }
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "closed after {text}");
    }
}

async fn closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    match timeout(LONG, stream.read_to_end(&mut rest)).await.expect("closed in time") {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
}

#[tokio::test]
async fn plain() {
    let server = serve(router(), Options::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..3 {
        assert_eq!(ask(&mut stream, "/").await, "127.0.0.1 nobody");
    }
    let http2 = reqwest::Client::builder()
        .tls_backend_preconfigured(trust::client_config(Path::new("")).unwrap())
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let answer = http2.get(format!("http://{}/", server.address)).send().await.unwrap();
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    assert_eq!(answer.text().await.unwrap(), "127.0.0.1 nobody");
}

#[tokio::test]
async fn slow_and_silent_clients_are_sent_away() {
    let server = serve(router(), Options { header_timeout_ms: 100, ..Options::default() }).await;
    for start in ["", "G", "PR", "GET / HTTP/1.1\r\nhost: x\r\n"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        closed(&mut stream).await;
    }
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    ask(&mut idle, "/").await;
    closed(&mut idle).await;
}

#[tokio::test]
async fn no_more_than_so_many_connections() {
    let server = serve(router(), Options { connections: 1, ..Options::default() }).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    ask(&mut first, "/").await;
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    ask(&mut first, "/").await;
    assert!(timeout(Duration::from_millis(50), second.read_u8()).await.is_err(), "the second one waits");
    drop(first);
    assert_eq!(timeout(LONG, second.read_u8()).await.unwrap().unwrap(), b'H');
}

#[tokio::test]
async fn what_is_under_way_is_finished_when_stopping() {
    let (started, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begun, go) = (started.clone(), release.clone());
    let slow = get(move || async move {
        begun.notify_one();
        go.notified().await;
        "done"
    });
    let mut server = serve(router().route("/slow", slow), Options::default()).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    ask(&mut idle, "/").await;
    let address = server.address;
    let mut asking = JoinSet::new();
    asking.spawn(async move { ask(&mut TcpStream::connect(address).await.unwrap(), "/slow").await });
    started.notified().await;
    server.stop();
    closed(&mut idle).await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody is let in any more");
    release.notify_one();
    assert_eq!(asking.join_next().await.unwrap().unwrap(), "done");
    server.ended().await;
}

#[tokio::test]
async fn stopping_does_not_wait_forever() {
    let started = Arc::new(Notify::new());
    let begun = started.clone();
    let never = get(move || async move {
        begun.notify_one();
        std::future::pending::<()>().await;
    });
    let mut server = serve(Router::new().route("/never", never), Options { grace_ms: 100, ..Options::default() }).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    started.notified().await;
    server.stop();
    server.ended().await;
    closed(&mut stream).await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off() {
    let (dropped, mut seen) = mpsc::channel::<()>(1);
    let endless = get(move || {
        let kept = dropped.clone();
        async move {
            let pieces = stream::repeat_with(move || {
                // Dropped together with the stream.
                let _kept = &kept;
                Ok::<_, std::io::Error>(Bytes::from_static(&[0; 65536]))
            });
            Body::from_stream(pieces)
        }
    });
    let mut server =
        serve(Router::new().route("/", endless), Options { stall_timeout_ms: 100, ..Options::default() }).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'H');
    // Stopping drops the router; then the stream's sender is the last one, and it goes with the connection.
    server.stop();
    assert_eq!(timeout(LONG, seen.recv()).await.expect("cut off"), None);
    server.ended().await;
}

// ---- TLS ----

struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pem: String,
}

fn authority(name: &str) -> Authority {
    let mut params = rcgen::CertificateParams::new([]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { issuer: rcgen::Issuer::new(params, key), pem }
}

impl Authority {
    fn issue(&self, name: &str) -> (rcgen::Certificate, rcgen::KeyPair) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

/// A folder with the files of a TLS server.
struct Files {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Files {
    fn new() -> Files {
        let files = Files { folder: tempfile::tempdir().unwrap(), authority: authority("ours") };
        std::fs::write(files.path("roots.pem"), &files.authority.pem).unwrap();
        files.renew();
        files
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a new certificate and key.
    fn renew(&self) -> CertificateDer<'static> {
        let (certificate, key) = self.authority.issue("localhost");
        std::fs::write(self.path("certificate.pem"), certificate.pem()).unwrap();
        std::fs::write(self.path("key.pem"), key.serialize_pem()).unwrap();
        certificate.der().clone()
    }

    fn settings(&self) -> Settings {
        Settings { certificate: self.path("certificate.pem"), key: self.path("key.pem"), ..Settings::default() }
    }

    fn open(&self) -> Arc<TlsFiles> {
        Arc::new(TlsFiles::open(&self.settings()).unwrap().unwrap())
    }
}

type TlsStream = tokio_rustls::client::TlsStream<TcpStream>;

async fn connect(address: SocketAddr, config: rustls::ClientConfig) -> std::io::Result<TlsStream> {
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(address).await?;
    connector.connect(ServerName::try_from("localhost").unwrap(), stream).await
}

fn presented(stream: &TlsStream) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

#[tokio::test]
async fn tls_speaks_both_versions() {
    let files = Files::new();
    let server = serve(router(), Options { tls: Some(files.open()), ..Options::default() }).await;
    let url = format!("https://localhost:{}/", server.address.port());
    for (protocols, version) in [
        (vec![b"h2".to_vec(), b"http/1.1".to_vec()], reqwest::Version::HTTP_2),
        (vec![b"http/1.1".to_vec()], reqwest::Version::HTTP_11),
        (vec![], reqwest::Version::HTTP_11),
    ] {
        let mut tls = trust::client_config(&files.path("roots.pem")).unwrap();
        tls.alpn_protocols = protocols;
        let client = reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap();
        let answer = client.get(&url).send().await.unwrap();
        assert_eq!(answer.version(), version);
        assert_eq!(answer.text().await.unwrap(), "127.0.0.1 nobody");
    }
}

#[tokio::test]
async fn a_client_certificate_is_told_by_its_fingerprint() {
    let (files, partners, strangers) = (Files::new(), authority("partners"), authority("strangers"));
    std::fs::write(files.path("clients.pem"), &partners.pem).unwrap();
    let settings = Settings { client_roots: files.path("clients.pem"), ..files.settings() };
    let tls = Arc::new(TlsFiles::open(&settings).unwrap().unwrap());
    let server = serve(router(), Options { tls: Some(tls), ..Options::default() }).await;
    let config = |(certificate, key): (rcgen::Certificate, rcgen::KeyPair)| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(trust::certificates(&files.path("roots.pem")).unwrap());
        let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        rustls::ClientConfig::builder_with_provider(trust::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![certificate.der().clone()], key)
            .unwrap()
    };
    let good = partners.issue("partner-a");
    let fingerprint = ClientCertificate::of(good.0.der()).fingerprint_hex;
    assert_eq!(fingerprint.len(), 64);
    let mut stream = connect(server.address, config(good)).await.unwrap();
    assert_eq!(ask(&mut stream, "/").await, format!("127.0.0.1 {fingerprint}"));
    let mut stream = connect(server.address, trust::client_config(&files.path("roots.pem")).unwrap()).await.unwrap();
    assert_eq!(ask(&mut stream, "/").await, "127.0.0.1 nobody");
    // TLS 1.3 tells the client of a refusal only when it reads.
    if let Ok(mut stream) = connect(server.address, config(strangers.issue("partner-a"))).await {
        assert!(stream.read_u8().await.is_err());
    }
}

#[tokio::test]
async fn a_new_certificate_is_taken_up_while_a_connection_is_open() {
    let files = Files::new();
    let tls = files.open();
    let server = serve(router(), Options { tls: Some(tls.clone()), ..Options::default() }).await;
    let client = || trust::client_config(&files.path("roots.pem")).unwrap();
    let mut old = connect(server.address, client()).await.unwrap();
    ask(&mut old, "/").await;
    assert!(!tls.reload().unwrap());
    let renewed = files.renew();
    assert!(tls.reload().unwrap());
    assert_eq!(ask(&mut old, "/").await, "127.0.0.1 nobody");
    assert_ne!(presented(&old), renewed);
    let mut new = connect(server.address, client()).await.unwrap();
    assert_eq!(presented(&new), renewed);
    ask(&mut new, "/").await;
    // A key that does not fit is passed over and told once; so is a file that is gone, until it is back.
    let (_, other) = files.authority.issue("localhost");
    std::fs::write(files.path("key.pem"), other.serialize_pem()).unwrap();
    assert!(tls.reload().unwrap_err().to_string().contains("certificate.pem"));
    assert!(!tls.reload().unwrap());
    std::fs::remove_file(files.path("key.pem")).unwrap();
    assert!(tls.reload().unwrap_err().to_string().contains("key.pem"));
    assert_eq!(presented(&connect(server.address, client()).await.unwrap()), renewed);
    let again = files.renew();
    assert!(tls.reload().unwrap());
    assert_eq!(presented(&connect(server.address, client()).await.unwrap()), again);
}

/// Waits until the files in effect are no longer these.
async fn changed(tls: &TlsFiles, before: &Arc<rustls::ServerConfig>) {
    let mut look = tokio::time::interval(Duration::from_millis(10));
    let waiting = async {
        while Arc::ptr_eq(&tls.current(), before) {
            look.tick().await;
        }
    };
    timeout(LONG, waiting).await.expect("taken up");
}

#[tokio::test]
async fn files_are_watched_and_sighup_is_heard() {
    let files = Files::new();
    let by_time = Settings { reload_ms: 100, ..files.settings() };
    let by_signal = Settings { reload_ms: 3_600_000, ..files.settings() };
    for (settings, hangup) in [(by_time, false), (by_signal, true)] {
        let tls = Arc::new(TlsFiles::open(&settings).unwrap().unwrap());
        let before = tls.current();
        let mut tasks = JoinSet::new();
        tasks.spawn(tls.clone().watch());
        files.renew();
        if hangup {
            let me = std::process::id().to_string();
            assert!(std::process::Command::new("kill").args(["-HUP", &me]).status().unwrap().success());
        }
        changed(&tls, &before).await;
    }
}

#[tokio::test]
async fn silent_and_plain_clients_of_tls_are_sent_away() {
    let files = Files::new();
    let options = Options { tls: Some(files.open()), header_timeout_ms: 100, ..Options::default() };
    let server = serve(router(), options).await;
    for start in ["", "GET / HTTP/1.1\r\nhost: x\r\n\r\n", "\u{16}\u{3}\u{1}"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        closed(&mut stream).await;
    }
}

#[test]
fn wrong_files_are_named() {
    let files = Files::new();
    assert!(TlsFiles::open(&Settings::default()).unwrap().is_none());
    for wrong in [
        Settings { certificate: files.path("none.pem"), ..files.settings() },
        Settings { key: files.path("none.pem"), ..files.settings() },
        Settings { client_roots: files.path("none.pem"), ..files.settings() },
    ] {
        assert!(TlsFiles::open(&wrong).err().unwrap().to_string().contains("none.pem"));
    }
    let swapped =
        Settings { certificate: files.path("key.pem"), key: files.path("certificate.pem"), ..files.settings() };
    assert!(TlsFiles::open(&swapped).err().unwrap().to_string().contains("key.pem"));
}
