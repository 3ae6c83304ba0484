//! Who calls: an API key as Bearer (RFC 6750) or Basic (RFC 7617; user name is the key id), a client certificate, or a request
//! signed by Standard Webhooks. Gives the viewer that reads and sends, or says only that it is not known.
//!
//! A key is looked up by its SHA-256 in the directory in memory; one that ended is not there, so that wrong, ended and never
//! given cost and say the same. A key of the centre itself belongs to an operator's system and sees the centre.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::keys;
use super::tls::ClientCertificate;
use super::webhook;
use crate::document::directory::{Credential, Directory};
use crate::model::id::KeyId;
use crate::model::role::Role;
use crate::model::secret::Secret;
use crate::model::viewer::Viewer;
use crate::pipeline::hub::Hub;
use crate::pipeline::metrics::label;

/// Why nobody is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unknown {
    /// No credential was shown.
    None,
    /// The one shown does not hold.
    Wrong,
}

/// A caller.
pub enum Caller {
    /// It is known.
    Known(Viewer),
    /// It will be, if the body was signed.
    Signed(Signed),
}

/// A signed request whose body was not read yet.
pub struct Signed {
    viewer: Viewer,
    secret: Secret,
    id: String,
    timestamp: String,
    signature: String,
}

impl Signed {
    /// `webhook-id`: the transport id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The viewer, if the body is the one that was signed.
    pub fn verify(&self, hub: &Hub, body: &[u8]) -> Result<Viewer, Unknown> {
        let headers = webhook::Headers { id: &self.id, timestamp: &self.timestamp, signature: &self.signature };
        match webhook::verify(std::slice::from_ref(&self.secret), headers, body, hub.clock.now_ms()) {
            Ok(()) => Ok(self.viewer.clone()),
            Err(refused) => {
                count(hub, "signature");
                tracing::debug!(
                    "a signed request of organisation {} is refused: {refused}",
                    self.viewer.organisation_id
                );
                Err(Unknown::Wrong)
            }
        }
    }
}

/// Who calls. `named_key` is the key id of a signed request that names it in its address (`?key=`).
pub fn authenticate(hub: &Hub, parts: &Parts, named_key: Option<&str>) -> Result<Caller, Unknown> {
    let directory = hub.directory();
    let headers = &parts.headers;
    let found = if let Some(shown) = headers.get(AUTHORIZATION) {
        shown.to_str().ok().and_then(|shown| by_key(&directory, shown)).map(Caller::Known)
    } else if headers.contains_key("webhook-signature") {
        by_signature(hub, &directory, headers, named_key).map(Caller::Signed)
    } else if let Some(certificate) = parts.extensions.get::<ClientCertificate>() {
        by_certificate(&directory, certificate).map(Caller::Known)
    } else {
        return Err(Unknown::None);
    };
    if found.is_none() {
        count(hub, "credential");
    }
    found.ok_or(Unknown::Wrong)
}

/// A signed request without a body.
pub fn known(hub: &Hub, caller: Caller) -> Result<Viewer, Unknown> {
    match caller {
        Caller::Known(viewer) => Ok(viewer),
        Caller::Signed(signed) => signed.verify(hub, b""),
    }
}

fn count(hub: &Hub, outcome: &'static str) {
    hub.metrics.refused.get_or_create(&label("outcome", outcome)).inc();
}

fn by_key(directory: &Directory, shown: &str) -> Option<Viewer> {
    let (digest, named) = match keys::Credential::from_header(shown)? {
        keys::Credential::Bearer(key) => (key.digest(), None),
        keys::Credential::Basic { user, password } => (password.digest(), Some(user)),
    };
    let credential = directory.credential(&digest).filter(|credential| credential.kind == "key")?;
    match named {
        Some(named) if named.parse() != Ok(KeyId(credential.id)) => None,
        _ => viewer_of(directory, credential),
    }
}

/// The organisation whose client certificate it is.
pub fn organisation_of(hub: &Hub, certificate: &ClientCertificate) -> Option<i64> {
    by_certificate(&hub.directory(), certificate).map(|viewer| viewer.organisation_id)
}

fn by_certificate(directory: &Directory, certificate: &ClientCertificate) -> Option<Viewer> {
    let digest = from_hex(&certificate.fingerprint_hex)?;
    let credential = directory.credential(&digest).filter(|credential| credential.kind == "certificate")?;
    viewer_of(directory, credential)
}

fn by_signature(hub: &Hub, directory: &Directory, headers: &HeaderMap, named_key: Option<&str>) -> Option<Signed> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let key: KeyId = text("dure-key").or(named_key)?.parse().ok()?;
    let credential = directory.credential_by_id(key.0).filter(|credential| !credential.secret_name.is_empty())?;
    let secret = match hub.secret(&credential.secret_name) {
        Ok(secret) => secret?,
        Err(error) => {
            tracing::error!(%error, "the secret of {key} cannot be opened");
            return None;
        }
    };
    Some(Signed {
        viewer: viewer_of(directory, credential)?,
        secret,
        id: text("webhook-id")?.to_owned(),
        timestamp: text("webhook-timestamp")?.to_owned(),
        signature: text("webhook-signature")?.to_owned(),
    })
}

/// The viewer behind a credential, as long as its organisation takes part.
fn viewer_of(directory: &Directory, credential: &Credential) -> Option<Viewer> {
    let organisation = directory.organisation(credential.organisation_id).filter(|organisation| organisation.active)?;
    Some(Viewer {
        centre_id: organisation.centre_id,
        organisation_id: organisation.id,
        role: (organisation.id == organisation.centre_id).then_some(Role::Operator),
        account_id: None,
        language: organisation.language,
    })
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(place * 2..place * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints() {
        let text = "00ff".repeat(16);
        let bytes = from_hex(&text).unwrap();
        assert_eq!((bytes[0], bytes[1], bytes[31]), (0, 255, 255));
        for wrong in ["", "00", &"0g".repeat(32), &"가".repeat(32)] {
            assert_eq!(from_hex(wrong), None);
        }
    }
}
