//! Couriers' callbacks: who signs them, and what they say in our words. A courier is a data file
//! (`mappings/couriers/NAME.toml`, described in the built-in one), so that a new one needs no code.
//!
//! The body is JSON. What comes of it is a `TransportationStatus` document; what the profile does not name is kept as
//! `unmapped`. Left out: XML and form bodies, and couriers that must be asked (they call back with a number only).

mod profile;
mod report;

use axum::http::HeaderMap;

pub use profile::{Couriers, Profile, Signing};
pub use report::{read, write};

use super::webhook::{self, Refused};
use crate::model::secret::Secret;

/// Whether the courier itself called, by one of its secrets (a new and an old one while they change). Gives the id of the
/// call, the same when it is repeated.
pub fn verify(
    profile: &Profile,
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[Secret],
    now_ms: i64,
) -> Result<String, Refused> {
    match profile.signing {
        Signing::StandardWebhooks => {
            let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
            let id = text("webhook-id");
            let signed =
                webhook::Headers { id, timestamp: text("webhook-timestamp"), signature: text("webhook-signature") };
            webhook::verify(secrets, signed, body, now_ms).map(|()| id.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::super::webhook::SigningKey;
    use super::*;

    const NOW_MS: i64 = 1_767_225_600_000;
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn a_call_is_believed_by_its_signature() {
        let couriers = Couriers::load(&[]).unwrap();
        let profile = couriers.get("sample-courier").unwrap();
        let secrets = [Secret::new(SECRET)];
        let signature = SigningKey::parse(&secrets[0]).unwrap().sign("call-1", NOW_MS, b"{}");
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", HeaderValue::from_static("call-1"));
        headers.insert("webhook-timestamp", (NOW_MS / 1000).into());
        assert_eq!(verify(profile, &headers, b"{}", &secrets, NOW_MS), Err(Refused::Malformed));
        headers.insert("webhook-signature", signature.parse().unwrap());
        assert_eq!(verify(profile, &headers, b"{}", &secrets, NOW_MS), Ok("call-1".to_owned()));
        assert_eq!(verify(profile, &headers, b"{ }", &secrets, NOW_MS), Err(Refused::WrongSignature));
        assert_eq!(verify(profile, &headers, b"{}", &secrets, NOW_MS + 600_000), Err(Refused::OutOfTime));
        assert_eq!(verify(profile, &headers, b"{}", &[], NOW_MS), Err(Refused::WrongSignature));
    }
}
