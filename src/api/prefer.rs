//! `Prefer: wait=N` (RFC 7240 section 4.3): how long the caller is willing to wait, seconds.

use axum::http::HeaderMap;

/// The wait that the caller prefers, seconds; the first one stated counts (RFC 7240 section 2). 0 is no wait.
pub(super) fn wait_s(headers: &HeaderMap) -> Option<u64> {
    let stated = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut waits = stated.flat_map(|value| value.split(',')).filter_map(|preference| {
        // Parameters of a preference stand behind a semicolon; wait has none.
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"').parse::<u64>().ok())
    });
    waits.next().flatten().filter(|seconds| *seconds > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&'static str], expected: Option<u64>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("prefer", value.parse().unwrap());
        }
        assert_eq!(wait_s(&headers), expected, "{values:?}");
    }

    #[test]
    fn waits() {
        check(&["wait=5"], Some(5));
        check(&["respond-async, WAIT = \"10\" ; foo=bar"], Some(10));
        check(&["return=minimal", "wait=3", "wait=4"], Some(3));
        for none in ["", "wait", "wait=", "wait=x", "wait=-1", "wait=0", "waiting=5", "foo; wait=5"] {
            check(&[none], None);
        }
    }
}
