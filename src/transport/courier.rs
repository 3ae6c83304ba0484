//! Couriers' callbacks: who signs them, by the ways of [`Signing`]. What they say is read by [`crate::pipeline::courier`].
//!
//! The same file signs, for the simulated courier and the tests.

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

pub use crate::pipeline::courier::{
    BodyFormat, Booking, Couriers, Encoding, Fetch, Hmac, Part, Profile, Signing, booked, desk, read, read_answer,
    write, write_answer,
};

use super::keys::Credential;
use super::webhook::{self, Refused, SigningKey};
use crate::error::{Error, Result};
use crate::model::secret::Secret;

/// Longest id of a call that is taken as its transport id, bytes.
const LONGEST_ID: usize = 256;

/// A call as far as signatures look at it.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// `POST`.
    pub method: &'a str,
    /// The path that was called.
    pub path: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body as received.
    pub body: &'a [u8],
    /// What stands behind the courier's name in the path.
    pub path_secret: Option<&'a Secret>,
    /// Whether it came with a client certificate that is registered for this courier.
    pub certified: bool,
}

impl Call<'_> {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("").trim()
    }
}

/// Whether the courier itself called, by one of its secrets (a new and an old one while they change). Gives the id of the
/// call, the same when it is repeated, where couriers of that kind have one.
pub fn verify(
    signing: &Signing,
    call: &Call<'_>,
    secrets: &[Secret],
    now_ms: i64,
) -> std::result::Result<Option<String>, Refused> {
    // A secret in the path of a courier that signs otherwise is nobody's.
    if call.path_secret.is_some() && *signing != Signing::Path {
        return Err(Refused::WrongSignature);
    }
    // Digests are compared, so that the time it takes says nothing of the secret.
    let one_of = |shown: &Secret| {
        let known = secrets.iter().any(|secret| !secret.is_empty() && secret.digest() == shown.digest());
        if known { Ok(None) } else { Err(Refused::WrongSignature) }
    };
    match signing {
        Signing::StandardWebhooks => {
            let id = call.header("webhook-id");
            let (timestamp, signature) = (call.header("webhook-timestamp"), call.header("webhook-signature"));
            let signed = webhook::Headers { id, timestamp, signature };
            webhook::verify(secrets, signed, call.body, now_ms).map(|()| Some(id.to_owned()))
        }
        Signing::Hmac(hmac) => by_hmac(hmac, call, secrets, now_ms),
        Signing::Basic => match Credential::from_header(call.header("authorization")) {
            Some(Credential::Basic { user, password }) => one_of(&Secret::new(format!("{user}:{}", password.expose()))),
            Some(Credential::Bearer(_)) | None => Err(Refused::Malformed),
        },
        Signing::Path => one_of(call.path_secret.ok_or(Refused::Malformed)?),
        Signing::Certificate if call.certified => Ok(None),
        Signing::Certificate => Err(Refused::WrongSignature),
    }
}

fn by_hmac(
    how: &Hmac,
    call: &Call<'_>,
    secrets: &[Secret],
    now_ms: i64,
) -> std::result::Result<Option<String>, Refused> {
    let shown = call.header(&how.header).strip_prefix(&how.prefix).ok_or(Refused::Malformed)?;
    let shown = match how.encoding {
        Encoding::Hex => from_hex(shown),
        Encoding::Base64 => STANDARD.decode(shown).ok(),
    };
    let shown = shown.filter(|bytes| bytes.len() == 32).ok_or(Refused::Malformed)?;
    let (mut timestamp, mut id) = ("", "");
    if let Some(stamp) = &how.timestamp {
        timestamp = call.header(&stamp.header);
        let digits = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let at: i64 = timestamp.parse().ok().filter(|_| digits).ok_or(Refused::Malformed)?;
        let away_ms = at.saturating_mul(stamp.unit_ms).saturating_sub(now_ms).saturating_abs();
        if away_ms > stamp.tolerance_ms {
            return Err(Refused::OutOfTime);
        }
    }
    if !how.id_header.is_empty() {
        id = call.header(&how.id_header);
        if id.is_empty() || id.len() > LONGEST_ID || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refused::Malformed);
        }
    }
    let text = signed(how, timestamp, id, call.method, call.path, call.body);
    let fits = |secret: &Secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        !secret.is_empty() && hmac::verify(&key, &text, &shown).is_ok()
    };
    if secrets.iter().any(fits) {
        // An id that is not signed could be put on another call.
        let proven = !id.is_empty() && how.signed.contains(&Part::Id);
        Ok(proven.then(|| id.to_owned()))
    } else {
        Err(Refused::WrongSignature)
    }
}

/// What is signed.
fn signed(how: &Hmac, timestamp: &str, id: &str, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(body.len() + 64);
    for part in &how.signed {
        text.extend_from_slice(match part {
            Part::Text(text) => text.as_bytes(),
            Part::Timestamp => timestamp.as_bytes(),
            Part::Id => id.as_bytes(),
            Part::Method => method.as_bytes(),
            Part::Path => path.as_bytes(),
            Part::Body => body,
        });
    }
    text
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits.chunks_exact(2).map(|pair| u8::try_from(pair.iter().fold(0, |sum, digit| sum * 16 + digit)).ok()).collect()
}

/// The headers of a call as the profile wants it signed, and the path it goes to.
pub fn sign(
    profile: &Profile,
    secret: &Secret,
    id: &str,
    body: &[u8],
    now_ms: i64,
) -> Result<(String, Vec<(String, String)>)> {
    let path = format!("/callbacks/{}", profile.name);
    let now_s = now_ms.div_euclid(1000).to_string();
    match &profile.signing {
        Signing::StandardWebhooks => {
            let key = SigningKey::parse(secret)
                .ok_or_else(|| Error::config("the secret is not whsec_ and 24 to 64 bytes in base64"))?;
            let signature = key.sign(id, now_ms, body);
            let headers = [("webhook-id", id), ("webhook-timestamp", &now_s), ("webhook-signature", &signature)];
            Ok((path, headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()))
        }
        Signing::Hmac(how) => {
            let stamp = how.timestamp.as_ref().map(|stamp| now_ms.div_euclid(stamp.unit_ms).to_string());
            let timestamp = stamp.as_deref().unwrap_or("");
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
            let tag = hmac::sign(&key, &signed(how, timestamp, id, "POST", &path, body));
            let signature = match how.encoding {
                Encoding::Hex => tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
                Encoding::Base64 => STANDARD.encode(tag.as_ref()),
            };
            let mut headers = vec![(how.header.clone(), format!("{}{signature}", how.prefix))];
            headers.extend(how.timestamp.as_ref().map(|stamp| (stamp.header.clone(), timestamp.to_owned())));
            if !how.id_header.is_empty() {
                headers.push((how.id_header.clone(), id.to_owned()));
            }
            Ok((path, headers))
        }
        Signing::Basic => {
            let shown = format!("Basic {}", STANDARD.encode(secret.expose()));
            Ok((path, vec![("authorization".to_owned(), shown)]))
        }
        Signing::Path => Ok((format!("{path}/{}", secret.expose()), Vec::new())),
        Signing::Certificate => {
            Err(Error::config(format!("{} calls with a client certificate, which is not played", profile.name)))
        }
    }
}

#[cfg(test)]
#[path = "courier_tests.rs"]
mod tests;
