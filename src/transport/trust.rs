//! Whom we believe when we connect: TLS 1.2 and 1.3 by rustls on ring, with the system's certificate authorities and
//! those that the configuration names. Certificates are always checked; there is no switch that turns it off.

use std::io::Read;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::error::{Error, Kind, Result};

/// The largest PEM file that is read, bytes.
const LARGEST_PEM: u64 = 4 << 20;

/// The cryptography of all our TLS.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The client side of TLS; `roots` is a PEM file, empty for none. A machine without certificate authorities gets one
/// that believes nobody, so that everything but TLS works.
pub fn client_config(roots: &Path) -> Result<ClientConfig> {
    let own = certificates(roots)?;
    let store = if own.is_empty() { system_roots() } else { with_own(own, roots)? };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(Kind::Crypto, "set up TLS").caused_by(error))?;
    Ok(builder.with_root_certificates(store).with_no_client_auth())
}

/// The system's authorities, read once. Unreadable ones are left out: each is one that we do not believe.
fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let load = || {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(store)
    };
    Arc::clone(ROOTS.get_or_init(load))
}

fn with_own(own: Vec<CertificateDer<'static>>, file: &Path) -> Result<Arc<RootCertStore>> {
    let mut store = RootCertStore::clone(&system_roots());
    for certificate in own {
        let failed = || Error::new(Kind::Config, format!("take in an authority of {}", file.display()));
        store.add(certificate).map_err(|error| failed().caused_by(error))?;
    }
    Ok(Arc::new(store))
}

/// The certificates of a PEM file, at least one; an empty path is an empty list.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    if file.as_os_str().is_empty() { Ok(Vec::new()) } else { parse_certificates(&read_pem(file)?, file) }
}

/// The certificates in the bytes of a PEM file, at least one.
pub(super) fn parse_certificates(pem: &[u8], file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let wrong = || Error::new(Kind::Config, format!("read certificates from {}", file.display()));
    let list: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| wrong().caused_by(error))?;
    if list.is_empty() { Err(wrong().caused_by("there is none")) } else { Ok(list) }
}

/// The bytes of a PEM file, bounded.
pub(super) fn read_pem(file: &Path) -> Result<Vec<u8>> {
    let wrong = |error: std::io::Error| Error::new(Kind::Config, format!("read {}", file.display())).caused_by(error);
    let mut pem = Vec::new();
    std::fs::File::open(file).and_then(|open| open.take(LARGEST_PEM).read_to_end(&mut pem)).map_err(wrong)?;
    Ok(pem)
}
