//! Questions over HTTP: a request whose answer is what counts. The same checks as for deliveries: the address that was
//! resolved is checked, redirects are not followed, the answer is bounded.

use bytes::Bytes;
use reqwest::Method;

use super::{
    Answer, Answered, Body, CONTENT_TYPE, HeaderValue, HttpClient, Question, Sent, checked_url, excerpt, is_text,
    not_sent, read, shorten,
};
use reqwest::header::{ACCEPT, AUTHORIZATION};

impl HttpClient {
    pub(super) async fn question(&self, question: &Question) -> Answered {
        let refused = |reason: String| Answered::Refused { reason, said: None };
        let url = match checked_url(&question.address, &self.settings.allow_private) {
            Ok(url) => url,
            Err(reason) => return refused(reason),
        };
        let method = match (question.method, &question.body) {
            ("PUT", _) => Method::PUT,
            ("POST", _) | ("", Some(_)) => Method::POST,
            _ => Method::GET,
        };
        let mut request = self.client.request(method, url);
        if let Some(body) = &question.body {
            request = request.header(CONTENT_TYPE, &question.content_type).body(body.clone());
        }
        request = request.header(ACCEPT, "application/json, application/xml;q=0.9, */*;q=0.1");
        for (name, value) in &question.headers {
            request = request.header(name, value);
        }
        if let Some(text) = &question.authorization {
            let Ok(mut shown) = HeaderValue::from_str(text.expose()) else {
                return refused("the secret has characters that no header can carry".to_owned());
            };
            shown.set_sensitive(true);
            request = request.header(AUTHORIZATION, shown);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                let heard = !error.is_connect();
                return match not_sent(&error) {
                    Sent::Temporary { reason, retry_after_ms } => Answered::Temporary { reason, retry_after_ms, heard },
                    Sent::Dead { reason } | Sent::Unreachable { reason } | Sent::Rejected { reason, .. } => {
                        refused(reason)
                    }
                    Sent::Delivered { receipt, .. } => refused(receipt),
                };
            }
        };
        let status = response.status();
        let retry_after_ms = self.asked_to_wait_ms(&response);
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let content_type = content_type.to_owned();
        let again = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
        if again {
            let reason = match excerpt(response).await {
                said if said.is_empty() => format!("HTTP {status}"),
                said => format!("HTTP {status}: {said}"),
            };
            return Answered::Temporary { reason, retry_after_ms, heard: status.is_server_error() };
        }
        let body = read(response, usize::try_from(self.settings.answer_bytes).unwrap_or(usize::MAX)).await;
        if !status.is_success() {
            // The status decides; what is said with it is for people and for who knows how to read it.
            let body = match body {
                Ok(Body::Whole(body) | Body::Cut(body)) => body,
                Err(_) => Bytes::new(),
            };
            let words = if is_text(&content_type) { shorten(&String::from_utf8_lossy(&body)) } else { String::new() };
            let reason = if words.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status}: {words}") };
            return Answered::Refused { reason, said: Some((status.as_u16(), Answer { content_type, body })) };
        }
        match body {
            Ok(Body::Whole(body)) => Answered::Body(Answer { content_type, body }),
            Ok(Body::Cut(_)) => refused(format!("the answer is larger than {} bytes", self.settings.answer_bytes)),
            Err(error) => {
                let reason = format!("the answer broke off: {}", super::innermost(&error));
                Answered::Temporary { reason, retry_after_ms: None, heard: true }
            }
        }
    }
}
