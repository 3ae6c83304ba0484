//! Couriers' callbacks: who signs them. What they say is read by [`crate::pipeline::courier`].

use axum::http::HeaderMap;

pub use crate::pipeline::courier::{Couriers, Profile, Signing, read, write};

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
        Signing::StandardWebhooks => by_webhook(headers, body, secrets, now_ms),
    }
}

/// Whether the call was signed by Standard Webhooks with one of the secrets; its `webhook-id`.
pub fn by_webhook(headers: &HeaderMap, body: &[u8], secrets: &[Secret], now_ms: i64) -> Result<String, Refused> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let id = text("webhook-id");
    let signed = webhook::Headers { id, timestamp: text("webhook-timestamp"), signature: text("webhook-signature") };
    webhook::verify(secrets, signed, body, now_ms).map(|()| id.to_owned())
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
