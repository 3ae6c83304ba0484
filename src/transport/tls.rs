//! TLS in: our certificate from PEM files, taken up again when they change, and the certificates of clients.
//!
//! TLS 1.2 and 1.3 by rustls on ring. Open connections keep what they were opened with; new ones get the new files. Files
//! that do not fit together yet (a certificate without its key) are passed over until they do. A client may show a
//! certificate of the configured authorities; which partner it belongs to is decided by its fingerprint, elsewhere.
//! Left out: revocation lists, several certificates by name.

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use super::trust::{self, read_pem};
use crate::error::{Error, Kind, Result};

/// Its part of the configuration, `[tls]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// PEM file with our certificate and those between it and the root; empty: plain HTTP.
    pub certificate: PathBuf,
    /// PEM file with its key.
    pub key: PathBuf,
    /// PEM file with the authorities whose client certificates are taken; empty: none are asked for.
    pub client_roots: PathBuf,
    /// How often the files are looked at, milliseconds.
    pub reload_ms: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { certificate: PathBuf::new(), key: PathBuf::new(), client_roots: PathBuf::new(), reload_ms: 5_000 }
    }
}

/// The certificate that a client showed and proved to have; an extension of its requests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientCertificate {
    /// SHA-256 of the certificate (DER) in lower-case hexadecimal.
    pub fingerprint_hex: Arc<str>,
}

impl ClientCertificate {
    /// Of a certificate in DER.
    pub fn of(certificate: &CertificateDer<'_>) -> ClientCertificate {
        let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
        let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        ClientCertificate { fingerprint_hex: hex.into() }
    }
}

/// The server side of TLS, as the files are now.
pub struct TlsFiles {
    settings: Settings,
    current: ArcSwap<ServerConfig>,
    /// Digest of the files that were looked at last, whether they were good or not.
    seen: Mutex<[u8; 32]>,
}

/// The bytes of the files, read together.
struct Pem {
    certificate: Vec<u8>,
    key: zeroize::Zeroizing<Vec<u8>>,
    client_roots: Vec<u8>,
}

impl TlsFiles {
    /// Reads the files; none when the configuration names no certificate.
    pub fn open(settings: &Settings) -> Result<Option<TlsFiles>> {
        if settings.certificate.as_os_str().is_empty() {
            return Ok(None);
        }
        let pem = read(settings)?;
        let current = ArcSwap::from_pointee(server_config(&pem, settings)?);
        Ok(Some(TlsFiles { settings: settings.clone(), current, seen: Mutex::new(pem.digest()) }))
    }

    /// What new connections are to be opened with.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Takes up changed files; true if there were any. An error leaves what was in effect, and comes once for each change.
    pub fn reload(&self) -> Result<bool> {
        let pem = read(&self.settings)?;
        let digest = pem.digest();
        {
            let mut seen = self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if *seen == digest {
                return Ok(false);
            }
            *seen = digest;
        }
        self.current.store(Arc::new(server_config(&pem, &self.settings)?));
        Ok(true)
    }

    /// Looks at the files every few seconds and on SIGHUP, for as long as it is polled. From the call on, SIGHUP no longer
    /// ends the process.
    pub fn watch(self: Arc<Self>) -> impl Future<Output = ()> + Send + 'static {
        let hangup = signal(SignalKind::hangup());
        async move {
            let mut hangup = match hangup {
                Ok(hangup) => Some(hangup),
                Err(error) => {
                    tracing::warn!("certificates are reloaded by time only, not on SIGHUP: {error}");
                    None
                }
            };
            let every = Duration::from_millis(self.settings.reload_ms.max(100));
            loop {
                // A hangup within the time ends the wait; so does its end.
                let waited = match &mut hangup {
                    Some(hangup) => timeout(every, hangup.recv()).await.is_ok(),
                    None => timeout(every, std::future::pending::<()>()).await.is_ok(),
                };
                tracing::trace!("looking at the TLS files, asked by SIGHUP: {waited}");
                let files = self.clone();
                match tokio::task::spawn_blocking(move || files.reload()).await {
                    Ok(Ok(false)) => {}
                    Ok(Ok(true)) => tracing::info!("new TLS certificate in effect"),
                    Ok(Err(error)) => tracing::warn!("the TLS files changed, the old ones stay in effect: {error}"),
                    Err(error) => tracing::error!("looking at the TLS files failed: {error}"),
                }
            }
        }
    }
}

impl Pem {
    fn digest(&self) -> [u8; 32] {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        for part in [&self.certificate, &*self.key, &self.client_roots] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        digest
    }
}

fn read(settings: &Settings) -> Result<Pem> {
    let roots = &settings.client_roots;
    Ok(Pem {
        certificate: read_pem(&settings.certificate)?,
        key: read_pem(&settings.key)?.into(),
        client_roots: if roots.as_os_str().is_empty() { Vec::new() } else { read_pem(roots)? },
    })
}

fn server_config(pem: &Pem, settings: &Settings) -> Result<ServerConfig> {
    let wrong = |what: &str, file: &PathBuf| Error::new(Kind::Config, format!("{what} {}", file.display()));
    let chain = trust::parse_certificates(&pem.certificate, &settings.certificate)?;
    let key = PrivateKeyDer::from_pem_slice(&pem.key)
        .map_err(|error| wrong("read a private key from", &settings.key).caused_by(error))?;
    let builder = ServerConfig::builder_with_provider(trust::provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(Kind::Crypto, "set up TLS").caused_by(error))?;
    let builder = if settings.client_roots.as_os_str().is_empty() {
        builder.with_no_client_auth()
    } else {
        let mut roots = RootCertStore::empty();
        for root in trust::parse_certificates(&pem.client_roots, &settings.client_roots)? {
            roots
                .add(root)
                .map_err(|error| wrong("take in an authority of", &settings.client_roots).caused_by(error))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), trust::provider())
            .allow_unauthenticated()
            .build()
            .map_err(|error| wrong("use the authorities of", &settings.client_roots).caused_by(error))?;
        builder.with_client_cert_verifier(verifier)
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| wrong("use the certificate and key", &settings.certificate).caused_by(error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
