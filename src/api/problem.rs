//! What went wrong with a call: `application/problem+json` (RFC 9457), with a stable `type`, in Korean or English.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::object::Object;
use crate::error::Error;
use crate::model::finding::Language;
use crate::model::id::InterchangeId;
use crate::pipeline::hub::Hub;
use crate::transport::authenticate::Unknown;
use crate::transport::http::Unread;

macro_rules! kinds {
    ($( $variant:ident $slug:literal $status:literal $ko:literal $en:literal )*) => {
        /// Every kind of problem there is.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Kind { $( #[doc = $en] $variant, )* }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Kind] = &[ $( Kind::$variant, )* ];

            /// The stable `type`, without `urn:dure:problem:`.
            pub fn slug(self) -> &'static str { match self { $( Kind::$variant => $slug, )* } }

            /// HTTP status.
            pub fn status(self) -> u16 { match self { $( Kind::$variant => $status, )* } }

            /// The title.
            pub fn title(self, language: Language) -> &'static str {
                match (self, language) { $( (Kind::$variant, Language::Ko) => $ko, (Kind::$variant, Language::En) => $en, )* }
            }
        }
    };
}

kinds! {
    BadRequest "bad-request" 400 "요청이 올바르지 않습니다" "the request is not valid"
    Incomplete "incomplete-body" 400 "본문이 도중에 끊겼습니다" "the body broke off before its end"
    Unauthenticated "unauthenticated" 401 "유효한 자격 증명이 필요합니다" "a valid credential is needed"
    Forbidden "forbidden" 403 "허용되지 않은 요청입니다" "this is not allowed"
    NotFound "not-found" 404 "찾을 수 없습니다" "there is nothing here"
    MethodNotAllowed "method-not-allowed" 405 "이 주소에 쓸 수 없는 메서드입니다" "this method is not possible here"
    BodyTimeout "body-timeout" 408 "본문이 너무 느리게 왔습니다" "the body came too slowly"
    TooLarge "too-large" 413 "본문이 너무 큽니다" "the body is too large"
    ContentCoding "content-coding" 415 "압축된 본문은 받지 않습니다" "a body with a content coding is not taken"
    TransportIdConflict "transport-id-conflict" 422 "같은 요청 번호로 내용이 다른 본문을 이미 받았습니다" "other bytes came before under the same transport id"
    Rejected "rejected" 422 "문서가 거절되었습니다" "no document was accepted"
    NotConvertible "not-convertible" 422 "변환할 수 없습니다" "this cannot be converted"
    Internal "internal" 500 "허브 내부 오류입니다" "the hub met a fault of its own"
    Unavailable "unavailable" 503 "지금은 처리할 수 없습니다. 잠시 뒤 다시 보내 주십시오" "not possible right now; please try again"
}

/// What went wrong.
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    detail: Option<[String; 2]>,
    interchange_id: Option<i64>,
    /// Name and JSON of further members.
    members: Vec<(&'static str, String)>,
    language: Option<Language>,
}

impl Problem {
    /// Of a kind, with nothing more to say.
    pub fn new(kind: Kind) -> Problem {
        Problem { kind, detail: None, interchange_id: None, members: Vec::new(), language: None }
    }

    /// What exactly, in Korean and English.
    pub fn detail(mut self, ko: impl Into<String>, en: impl Into<String>) -> Problem {
        self.detail = Some([ko.into(), en.into()]);
        self
    }

    /// The interchange it is about.
    pub fn about(mut self, interchange_id: i64) -> Problem {
        self.interchange_id = Some(interchange_id);
        self
    }

    /// A further member, JSON.
    pub fn member(mut self, name: &'static str, json: String) -> Problem {
        self.members.push((name, json));
        self
    }

    /// The language of the caller, where its headers name none.
    pub fn speaking(mut self, language: Language) -> Problem {
        self.language = Some(language);
        self
    }

    /// A parameter that is not what it should be.
    pub fn parameter(name: &str, expected: &str) -> Problem {
        let (ko, en) = (format!("{name}: 필요한 값은 {expected}"), format!("{name}: expected {expected}"));
        Problem::new(Kind::BadRequest).detail(ko, en)
    }

    /// The answer.
    pub fn answer(self, headers: &HeaderMap) -> Response<Body> {
        let language = stated_language(headers).or(self.language).unwrap_or_default();
        let mut body = Object::default();
        body.put("type", &format!("urn:dure:problem:{}", self.kind.slug()));
        body.put("title", self.kind.title(language));
        body.put("status", &self.kind.status());
        if let Some([ko, en]) = &self.detail {
            body.put("detail", if language == Language::Ko { ko } else { en });
        }
        if let Some(id) = self.interchange_id {
            body.put("interchange", &InterchangeId(id));
        }
        for (name, json) in &self.members {
            body.raw(name, json);
        }
        let mut answer = Response::new(Body::from(body.end()));
        *answer.status_mut() = StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.as_str()));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self.kind {
            Kind::Unauthenticated => {
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"dure\""));
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"dure\", charset=\"UTF-8\""));
            }
            Kind::Unavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
            }
            _ => {}
        }
        answer
    }
}

/// The language that the caller asks for.
pub fn stated_language(headers: &HeaderMap) -> Option<Language> {
    headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).and_then(Language::from_header)
}

impl From<Unknown> for Problem {
    fn from(_: Unknown) -> Problem {
        Problem::new(Kind::Unauthenticated)
    }
}

impl Problem {
    /// A body that was not read.
    pub fn unread(unread: Unread, limit_bytes: u64) -> Problem {
        match unread {
            Unread::TooLarge => Problem::new(Kind::TooLarge)
                .detail(format!("최대 {limit_bytes}바이트"), format!("at most {limit_bytes} bytes")),
            Unread::TooSlow => Problem::new(Kind::BodyTimeout),
            Unread::BrokenOff => Problem::new(Kind::Incomplete),
            Unread::Coded => Problem::new(Kind::ContentCoding),
        }
    }
}

impl From<Error> for Problem {
    /// Nothing of the inside is told; the log has it.
    fn from(error: Error) -> Problem {
        if error.is_temporary() {
            tracing::warn!(%error, "a call is answered with 503");
            return Problem::new(Kind::Unavailable);
        }
        tracing::error!(%error, "a call is answered with 500");
        Problem::new(Kind::Internal)
    }
}

/// A route that is not there.
pub(super) async fn not_found(headers: HeaderMap) -> Response<Body> {
    Problem::new(Kind::NotFound).answer(&headers)
}

/// A method that a route does not have. `Allow` is added by the router.
pub(super) async fn method_not_allowed(headers: HeaderMap) -> Response<Body> {
    Problem::new(Kind::MethodNotAllowed).answer(&headers)
}

/// What every handler gives: an answer or a problem in the language of the call.
pub(super) type Answer = Result<Response<Body>, Problem>;

/// The hub as handlers get it.
pub(super) type SharedHub = axum::extract::State<Arc<Hub>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn types_are_unique_and_speak_both_languages() {
        let mut slugs: Vec<_> = Kind::ALL.iter().map(|kind| kind.slug()).collect();
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), Kind::ALL.len());
        let mut headers = HeaderMap::new();
        let text = async |headers: &HeaderMap| {
            let answer = Problem::parameter("limit", "1..200").about(1).answer(headers);
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            let body = answer.into_body();
            String::from_utf8(
                crate::transport::http::whole(&HeaderMap::new(), body, 9999, 1000).await.unwrap().to_vec(),
            )
            .unwrap()
        };
        let korean = text(&headers).await;
        assert!(
            korean.contains("요청이 올바르지 않습니다") && korean.contains("\"interchange\":\"ix_0000000000001\""),
            "{korean}"
        );
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("en-GB,en;q=0.9"));
        assert!(text(&headers).await.contains("\"detail\":\"limit: expected 1..200\""));
    }
}
