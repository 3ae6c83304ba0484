//! Bodies of requests, read under a cap and against the clock, and what their headers say about them (RFC 9110).
//!
//! A body that is too large by its `Content-Length` is refused before it is read. A sender may pause for as long as the
//! configuration says, and on the whole must send faster than [`SLOWEST_BYTES_PER_MS`]. Content codings are left out.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

/// Slower than this a body may not be on the whole, bytes per millisecond, after the first pause that is allowed.
const SLOWEST_BYTES_PER_MS: u64 = 1;
/// Longest media type, character set or file name that is kept, bytes.
const LONGEST_WORD: usize = 200;

/// Why a body was not read to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unread {
    /// It has more bytes than allowed.
    TooLarge,
    /// The sender was too slow.
    TooSlow,
    /// The connection ended before it.
    BrokenOff,
    /// It has a content coding.
    Coded,
}

/// Reads a body piece by piece.
pub struct BodyReader {
    pieces: BodyDataStream,
    limit_bytes: u64,
    read_bytes: u64,
    pause: Duration,
    start: Instant,
}

impl BodyReader {
    /// Begins to read, unless the headers say that it cannot be taken.
    pub fn begin(headers: &HeaderMap, body: Body, limit_bytes: u64, pause_ms: u64) -> Result<BodyReader, Unread> {
        let coded =
            headers.get_all(CONTENT_ENCODING).iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
        if coded {
            return Err(Unread::Coded);
        }
        let stated = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if stated.is_some_and(|stated| stated > limit_bytes) {
            return Err(Unread::TooLarge);
        }
        let pause = Duration::from_millis(pause_ms);
        Ok(BodyReader { pieces: body.into_data_stream(), limit_bytes, read_bytes: 0, pause, start: Instant::now() })
    }

    /// The next piece, none at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Unread> {
        let by_rate = self.start + self.pause + Duration::from_millis(self.read_bytes / SLOWEST_BYTES_PER_MS);
        let until = by_rate.min(Instant::now() + self.pause);
        match timeout_at(until, self.pieces.next()).await {
            Err(_) => Err(Unread::TooSlow),
            Ok(None) => Ok(None),
            Ok(Some(Err(_))) => Err(Unread::BrokenOff),
            Ok(Some(Ok(piece))) => {
                self.read_bytes = self.read_bytes.saturating_add(piece.len() as u64);
                if self.read_bytes > self.limit_bytes { Err(Unread::TooLarge) } else { Ok(Some(piece)) }
            }
        }
    }

    /// The rest up to `most_bytes`, and whether that was all. A body of one piece is not copied.
    pub async fn up_to(&mut self, most_bytes: usize) -> Result<(Bytes, bool), Unread> {
        let Some(first) = self.next().await? else { return Ok((Bytes::new(), true)) };
        if first.len() > most_bytes {
            return Ok((first, false));
        }
        let Some(second) = self.next().await? else { return Ok((first, true)) };
        let mut all = Vec::with_capacity(first.len() + second.len());
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        while all.len() <= most_bytes {
            match self.next().await? {
                Some(piece) => all.extend_from_slice(&piece),
                None => return Ok((Bytes::from(all), true)),
            }
        }
        Ok((Bytes::from(all), false))
    }
}

/// A whole body, bounded.
pub async fn whole(headers: &HeaderMap, body: Body, limit_bytes: u64, pause_ms: u64) -> Result<Bytes, Unread> {
    let mut reader = BodyReader::begin(headers, body, limit_bytes, pause_ms)?;
    let most = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
    match reader.up_to(most).await? {
        (bytes, true) => Ok(bytes),
        (_, false) => Err(Unread::TooLarge),
    }
}

/// What the headers say about a body; empty where they say nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Described {
    /// Media type, lower case, without parameters.
    pub content_type: String,
    /// `charset` of the media type.
    pub charset: String,
    /// File name of `Content-Disposition`, without folders.
    pub file_name: String,
}

/// Reads `Content-Type` and `Content-Disposition`.
pub fn described(headers: &HeaderMap) -> Described {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let stated = text(CONTENT_TYPE);
    let media = stated.split(';').next().unwrap_or("").trim();
    let name = parameter(text(CONTENT_DISPOSITION), "filename");
    let name = name.rsplit(['/', '\\']).next().unwrap_or("");
    Described {
        content_type: bounded(media).to_ascii_lowercase(),
        charset: bounded(parameter(stated, "charset")).to_owned(),
        file_name: bounded(name).to_owned(),
    }
}

/// The value of a parameter behind the first `;`, without quotes (RFC 9110 section 5.6.6; escapes are left out).
fn parameter<'a>(header: &'a str, name: &str) -> &'a str {
    let parameters = header.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut mine = parameters.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    mine.next().map_or("", |(_, value)| value.trim().trim_matches('"'))
}

fn bounded(text: &str) -> &str {
    if text.len() <= LONGEST_WORD { text } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn check(content_type: &'static str, disposition: &'static str, expected: (&str, &str, &str)) {
        let found = described(&headers(&[("content-type", content_type), ("content-disposition", disposition)]));
        assert_eq!((found.content_type.as_str(), found.charset.as_str(), found.file_name.as_str()), expected);
    }

    #[test]
    fn what_headers_say() {
        check(
            "Application/XML; charset=\"EUC-KR\"",
            "attachment; filename=\"a b.xml\"",
            ("application/xml", "EUC-KR", "a b.xml"),
        );
        check("text/csv", "attachment; filename=../../x.csv", ("text/csv", "", "x.csv"));
        check("", "inline", ("", "", ""));
        check("a/b;;charset;CHARSET = cp949 ", "", ("a/b", "cp949", ""));
    }

    fn body(pieces: &[&'static str]) -> Body {
        let pieces: Vec<Result<Bytes, std::io::Error>> = pieces.iter().map(|piece| Ok(Bytes::from(*piece))).collect();
        Body::from_stream(futures_util::stream::iter(pieces))
    }

    async fn read(pieces: &[&'static str], limit: u64) -> Result<Bytes, Unread> {
        whole(&HeaderMap::new(), body(pieces), limit, 1000).await
    }

    #[tokio::test]
    async fn under_a_cap() {
        assert_eq!(read(&[], 3).await.unwrap(), "");
        assert_eq!(read(&["abc"], 3).await.unwrap(), "abc");
        assert_eq!(read(&["a", "b", "c"], 3).await.unwrap(), "abc");
        assert_eq!(read(&["abcd"], 3).await, Err(Unread::TooLarge));
        assert_eq!(read(&["a", "b", "cd"], 3).await, Err(Unread::TooLarge));
        let stated = headers(&[("content-length", "4")]);
        assert_eq!(whole(&stated, body(&[]), 3, 1000).await, Err(Unread::TooLarge));
        let coded = headers(&[("content-encoding", "gzip")]);
        assert_eq!(whole(&coded, body(&[]), 3, 1000).await, Err(Unread::Coded));
    }

    #[tokio::test]
    async fn in_parts() {
        let mut reader = BodyReader::begin(&HeaderMap::new(), body(&["ab", "cd", "ef"]), 100, 1000).unwrap();
        assert_eq!(reader.up_to(3).await.unwrap(), (Bytes::from("abcd"), false));
        assert_eq!(reader.next().await.unwrap().unwrap(), "ef");
        assert_eq!(reader.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn against_the_clock() {
        let never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(whole(&HeaderMap::new(), never, 3, 5).await, Err(Unread::TooSlow));
        // Each pause is allowed, but on the whole it is too slow; on a slow machine all the more.
        let trickle = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(2)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from("a")), ()))
        });
        assert_eq!(whole(&HeaderMap::new(), Body::from_stream(trickle), 9999, 20).await, Err(Unread::TooSlow));
    }

    #[tokio::test]
    async fn broken_off() {
        let broken = futures_util::stream::iter([Ok(Bytes::from("a")), Err(std::io::Error::other("gone"))]);
        assert_eq!(whole(&HeaderMap::new(), Body::from_stream(broken), 9, 1000).await, Err(Unread::BrokenOff));
    }
}
