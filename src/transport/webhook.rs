//! Signed requests by Standard Webhooks 1.0, both ways: `webhook-id`, `webhook-timestamp` (seconds), `webhook-signature`.
//!
//! Signed is `id.timestamp.body` with HMAC-SHA256, written `v1,BASE64`; several signatures are separated by spaces, so that
//! a secret can be changed. A secret is `whsec_` and 24 to 64 bytes in base64. The asymmetric kind (`v1a`) is left out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::rand::SystemRandom;
use zeroize::Zeroizing;

use crate::error::Result;
use crate::model::secret::{Secret, random_bytes};

/// How far the time stamp may be from now, either way, milliseconds.
pub const TOLERANCE_MS: i64 = 5 * 60 * 1000;

/// What a secret starts with.
pub const SECRET_PREFIX: &str = "whsec_";

/// The signatures of one request that are looked at.
const MOST_SIGNATURES: usize = 16;

/// The longest id, bytes.
const LONGEST_ID: usize = 256;

/// A signing secret ready for use.
pub struct SigningKey(hmac::Key);

impl SigningKey {
    /// From `whsec_…`; the prefix may be missing. None if it is not 24 to 64 bytes in base64.
    pub fn parse(secret: &Secret) -> Option<SigningKey> {
        let text = secret.expose();
        let bytes = Zeroizing::new(STANDARD.decode(text.strip_prefix(SECRET_PREFIX).unwrap_or(text)).ok()?);
        (24..=64).contains(&bytes.len()).then(|| SigningKey(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The value of `webhook-signature` for what is sent at that time.
    pub fn sign(&self, id: &str, now_ms: i64, body: &[u8]) -> String {
        let tag = signed(&self.0, id, &now_ms.div_euclid(1000).to_string(), body).sign();
        format!("v1,{}", STANDARD.encode(tag.as_ref()))
    }
}

/// A new signing secret of 32 bytes.
pub fn new_secret(random: &SystemRandom) -> Result<Secret> {
    let bytes = random_bytes::<32>(random)?;
    Ok(Secret::new(format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes.as_slice()))))
}

/// The three headers of a signed request.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    /// `webhook-id`: the sender's id of the message, the same at every attempt.
    pub id: &'a str,
    /// `webhook-timestamp`: seconds since 1970.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
}

/// Why a signed request is not believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// A header is missing or malformed.
    Malformed,
    /// The secret that we keep is none.
    BadSecret,
    /// The time stamp is too far from now: an old request, or a wrong clock.
    OutOfTime,
    /// No signature fits.
    WrongSignature,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Refused::Malformed => "a header of the signature is missing or malformed",
            Refused::BadSecret => "the signing secret is not whsec_ and 24 to 64 bytes in base64",
            Refused::OutOfTime => "the time stamp is too far from now",
            Refused::WrongSignature => "no signature fits",
        })
    }
}

impl std::error::Error for Refused {}

/// Whether the request was signed with one of the secrets (a new and an old one while they change), lately.
pub fn verify(secrets: &[Secret], headers: Headers<'_>, body: &[u8], now_ms: i64) -> std::result::Result<(), Refused> {
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    // An id that ends like a time stamp could be another cut of `id.timestamp.body`.
    let ends_in_number = |id: &str| {
        id.rsplit_once('.').is_some_and(|(_, end)| !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let timestamp: i64 = headers.timestamp.parse().map_err(|_| Refused::Malformed)?;
    let digits = headers.timestamp.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || !plain(headers.id) || headers.id.len() > LONGEST_ID || ends_in_number(headers.id) {
        return Err(Refused::Malformed);
    }
    if timestamp.saturating_mul(1000).saturating_sub(now_ms).saturating_abs() > TOLERANCE_MS {
        return Err(Refused::OutOfTime);
    }
    let signatures: Vec<Vec<u8>> = headers
        .signature
        .split(' ')
        .take(MOST_SIGNATURES)
        .filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok())
        .collect();
    if signatures.is_empty() {
        return Err(Refused::Malformed);
    }
    for secret in secrets {
        let key = SigningKey::parse(secret).ok_or(Refused::BadSecret)?;
        // ring compares in constant time; the message is hashed once and compared as a tag with each signature.
        let tag = signed(&key.0, headers.id, headers.timestamp, body).sign();
        let comparing = hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref());
        let ours = hmac::sign(&comparing, tag.as_ref());
        if signatures.iter().any(|theirs| hmac::verify(&comparing, theirs, ours.as_ref()).is_ok()) {
            return Ok(());
        }
    }
    Err(Refused::WrongSignature)
}

fn signed(key: &hmac::Key, id: &str, timestamp: &str, body: &[u8]) -> hmac::Context {
    let mut context = hmac::Context::with_key(key);
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        context.update(part);
    }
    context
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example that the Standard Webhooks libraries share.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIME: &str = "1614265330";
    const NOW_MS: i64 = 1_614_265_330_000;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn check(headers: Headers<'_>, now_ms: i64, expected: std::result::Result<(), Refused>) {
        let found = verify(&[Secret::new(SECRET)], headers, BODY, now_ms);
        assert_eq!(found, expected, "{headers:?} at {now_ms}");
    }

    fn good() -> Headers<'static> {
        Headers { id: ID, timestamp: TIME, signature: SIGNATURE }
    }

    #[test]
    fn the_published_vector() {
        let key = SigningKey::parse(&Secret::new(SECRET)).unwrap();
        assert_eq!(key.sign(ID, NOW_MS + 999, BODY), SIGNATURE);
        check(good(), NOW_MS, Ok(()));
        let bare = Secret::new(SECRET.strip_prefix(SECRET_PREFIX).unwrap());
        assert_eq!(verify(&[bare], good(), BODY, NOW_MS), Ok(()));
    }

    #[test]
    fn several_signatures_and_secrets() {
        let wrong = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
        let both = format!("v1a,abc {wrong} {SIGNATURE}");
        check(Headers { signature: &both, ..good() }, NOW_MS, Ok(()));
        check(Headers { signature: wrong, ..good() }, NOW_MS, Err(Refused::WrongSignature));
        let other = new_secret(&SystemRandom::new()).unwrap();
        assert_eq!(verify(&[other.clone(), Secret::new(SECRET)], good(), BODY, NOW_MS), Ok(()));
        assert_eq!(verify(&[other], good(), BODY, NOW_MS), Err(Refused::WrongSignature));
        assert_eq!(verify(&[], good(), BODY, NOW_MS), Err(Refused::WrongSignature));
        let flood = format!("{}{SIGNATURE}", format!("{wrong} ").repeat(MOST_SIGNATURES));
        check(Headers { signature: &flood, ..good() }, NOW_MS, Err(Refused::WrongSignature));
    }

    #[test]
    fn five_minutes_either_way() {
        check(good(), NOW_MS + TOLERANCE_MS, Ok(()));
        check(good(), NOW_MS - TOLERANCE_MS, Ok(()));
        check(good(), NOW_MS + TOLERANCE_MS + 1, Err(Refused::OutOfTime));
        check(good(), NOW_MS - TOLERANCE_MS - 1, Err(Refused::OutOfTime));
        check(Headers { timestamp: "9223372036854775807", ..good() }, NOW_MS, Err(Refused::OutOfTime));
    }

    #[test]
    fn malformed_headers() {
        for headers in [
            Headers { id: "", ..good() },
            Headers { id: "a b", ..good() },
            Headers { id: "msg.1614265330", ..good() },
            Headers { timestamp: "", ..good() },
            Headers { timestamp: "+1614265330", ..good() },
            Headers { timestamp: "1614265330.0", ..good() },
            Headers { signature: "", ..good() },
            Headers { signature: "v1,???", ..good() },
            Headers { signature: "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", ..good() },
        ] {
            check(headers, NOW_MS, Err(Refused::Malformed));
        }
    }

    #[test]
    fn everything_is_signed() {
        check(Headers { id: "msg_other", ..good() }, NOW_MS, Err(Refused::WrongSignature));
        check(Headers { timestamp: "1614265331", ..good() }, NOW_MS, Err(Refused::WrongSignature));
        let found = verify(&[Secret::new(SECRET)], good(), br#"{"test": 2432232315}"#, NOW_MS);
        assert_eq!(found, Err(Refused::WrongSignature));
        let found = verify(&[Secret::new("whsec_c2hvcnQ=")], good(), BODY, NOW_MS);
        assert_eq!(found, Err(Refused::BadSecret));
    }
}
