//! Every way to sign: good, changed, stale, and by nobody.

use axum::http::{HeaderName, HeaderValue};

use super::*;

const NOW_MS: i64 = 1_767_225_600_000;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn profile(signing: &str) -> Profile {
    let text = format!(
        "name = \"a\"\n{signing}\n[event]\nwaybill = \"/w\"\ncode = \"/c\"\ntime = \"/t\"\n[codes]\nA = \"delivered\""
    );
    Profile::parse(&text).unwrap()
}

/// What verify says to a call signed by `sign`, with another body or at another time.
fn call(profile: &Profile, secret: &str, body: &[u8], later_ms: i64) -> std::result::Result<Option<String>, Refused> {
    let (path, headers) = sign(profile, &Secret::new(SECRET), "call-1", b"{}", NOW_MS).unwrap();
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect();
    let path_secret = path.strip_prefix("/callbacks/a/").map(Secret::new);
    let path_secret = path_secret.as_ref();
    let call = Call { method: "POST", path: &path, headers: &headers, body, path_secret, certified: false };
    verify(&profile.signing, &call, &[Secret::new("none-of-these"), Secret::new(secret)], NOW_MS + later_ms)
}

#[test]
fn standard_webhooks() {
    let profile = profile("signing = \"standard-webhooks\"");
    let own = |body: &[u8], later_ms| {
        let secrets = [Secret::new(SECRET)];
        let (path, headers) = sign(&profile, &secrets[0], "call-1", b"{}", NOW_MS).unwrap();
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect();
        let call = Call { method: "POST", path: &path, headers: &headers, body, path_secret: None, certified: false };
        let no_secrets = verify(&profile.signing, &call, &[], NOW_MS);
        assert_eq!(no_secrets, Err(Refused::WrongSignature));
        verify(&profile.signing, &call, &secrets, NOW_MS + later_ms)
    };
    assert_eq!(own(b"{}", 0), Ok(Some("call-1".to_owned())));
    assert_eq!(own(b"{ }", 0), Err(Refused::WrongSignature));
    assert_eq!(own(b"{}", 600_000), Err(Refused::OutOfTime));
}

#[test]
fn hmac_with_and_without_a_time_stamp() {
    let plain = "signing = { kind = \"hmac-sha256\", header = \"X-Hmac-Signature\", prefix = \"hmac-sha256-hex=\" }";
    let plain = profile(plain);
    assert_eq!(call(&plain, SECRET, b"{}", 600_000), Ok(None));
    assert_eq!(call(&plain, SECRET, b"{ }", 0), Err(Refused::WrongSignature));
    assert_eq!(call(&plain, "another", b"{}", 0), Err(Refused::WrongSignature));
    let stamped = profile(
        "signing = { kind = \"hmac-sha256\", header = \"X-Sig\", encoding = \"base64\", timestamp_header = \"X-Time\", \
         timestamp_unit = \"ms\", tolerance_s = 60, id_header = \"X-Id\", signed = \"{id}:{timestamp}:{method}{path}:{body}\" }",
    );
    assert_eq!(call(&stamped, SECRET, b"{}", 60_000), Ok(Some("call-1".to_owned())));
    assert_eq!(call(&stamped, SECRET, b"{}", 60_001), Err(Refused::OutOfTime));
    assert_eq!(call(&stamped, SECRET, b"{}", -60_001), Err(Refused::OutOfTime));
    assert_eq!(call(&stamped, SECRET, b"x", 0), Err(Refused::WrongSignature));
}

#[test]
fn what_easypost_documents() {
    // RFC 4231 test case 2, as the header would carry it.
    let profile =
        profile("signing = { kind = \"hmac-sha256\", header = \"X-Hmac-Signature\", prefix = \"hmac-sha256-hex=\" }");
    let mut headers = HeaderMap::new();
    let tag = "hmac-sha256-hex=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    headers.insert("x-hmac-signature", HeaderValue::from_static(tag));
    let body = b"what do ya want for nothing?";
    let call = Call { method: "POST", path: "/", headers: &headers, body, path_secret: None, certified: false };
    assert_eq!(verify(&profile.signing, &call, &[Secret::new("Jefe")], NOW_MS), Ok(None));
    assert_eq!(verify(&profile.signing, &call, &[Secret::new("")], NOW_MS), Err(Refused::WrongSignature));
    for wrong in ["", "hmac-sha256-hex=", "hmac-sha256-hex=5b", "hmac-sha256-hex=zz", "5bdcc146"] {
        headers.insert("x-hmac-signature", HeaderValue::from_static(wrong));
        let call = Call { method: "POST", path: "/", headers: &headers, body, path_secret: None, certified: false };
        assert_eq!(verify(&profile.signing, &call, &[Secret::new("Jefe")], NOW_MS), Err(Refused::Malformed), "{wrong}");
    }
}

#[test]
fn basic_path_and_certificate() {
    let basic = profile("signing = \"basic\"");
    assert_eq!(
        call(&basic, "user:other", b"{}", 0),
        Err(Refused::Malformed),
        "a secret without a colon is no credential"
    );
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static("Basic dXNlcjpwYXNzOndvcmQ="));
    let shown = Call { method: "POST", path: "/", headers: &headers, body: b"", path_secret: None, certified: false };
    assert_eq!(verify(&basic.signing, &shown, &[Secret::new("user:pass:word")], NOW_MS), Ok(None));
    assert_eq!(verify(&basic.signing, &shown, &[Secret::new("user:pass")], NOW_MS), Err(Refused::WrongSignature));

    let path = profile("signing = \"path\"");
    assert_eq!(call(&path, SECRET, b"{}", 0), Ok(None));
    assert_eq!(call(&path, "another", b"{}", 0), Err(Refused::WrongSignature));
    assert_eq!(verify(&path.signing, &shown, &[Secret::new(SECRET)], NOW_MS), Err(Refused::Malformed));
    let secret = Secret::new("user:pass:word");
    let stray = Call { path_secret: Some(&secret), ..shown };
    let secrets = [Secret::new("user:pass:word")];
    assert_eq!(
        verify(&basic.signing, &stray, &secrets, NOW_MS),
        Err(Refused::WrongSignature),
        "no secret in this path"
    );

    let certificate = profile("signing = \"certificate\"");
    assert_eq!(verify(&certificate.signing, &shown, &[], NOW_MS), Err(Refused::WrongSignature));
    assert_eq!(verify(&certificate.signing, &Call { certified: true, ..shown }, &[], NOW_MS), Ok(None));
    assert!(sign(&certificate, &Secret::new("x"), "", b"", NOW_MS).is_err());
}
