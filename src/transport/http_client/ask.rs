//! Questions over HTTP: a GET or POST whose answer is what counts. The same checks as for deliveries: the address that was
//! resolved is checked, redirects are not followed, the answer is bounded.

use super::{
    Answer, Answered, Body, CONTENT_TYPE, HeaderValue, HttpClient, Question, Sent, checked_url, excerpt, not_sent, read,
};
use reqwest::header::{ACCEPT, AUTHORIZATION};

impl HttpClient {
    pub(super) async fn question(&self, question: &Question) -> Answered {
        let refused = |reason: String| Answered::Refused { reason };
        let url = match checked_url(&question.address, &self.settings.allow_private) {
            Ok(url) => url,
            Err(reason) => return refused(reason),
        };
        let mut request = match &question.body {
            Some(body) => self.client.post(url).header(CONTENT_TYPE, &question.content_type).body(body.clone()),
            None => self.client.get(url),
        };
        request = request.header(ACCEPT, "application/json, application/xml;q=0.9, */*;q=0.1");
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
                return match not_sent(&error) {
                    Sent::Temporary { reason, retry_after_ms } => Answered::Temporary { reason, retry_after_ms },
                    Sent::Dead { reason } | Sent::Unreachable { reason } | Sent::Rejected { reason, .. } => {
                        refused(reason)
                    }
                    Sent::Delivered { receipt, .. } => refused(receipt),
                };
            }
        };
        let status = response.status();
        if !status.is_success() {
            let retry_after_ms = self.asked_to_wait_ms(&response);
            let again = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
            let reason = match excerpt(response).await {
                said if said.is_empty() => format!("HTTP {status}"),
                said => format!("HTTP {status}: {said}"),
            };
            return if again { Answered::Temporary { reason, retry_after_ms } } else { refused(reason) };
        }
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let content_type = content_type.to_owned();
        match read(response, usize::try_from(self.settings.answer_bytes).unwrap_or(usize::MAX)).await {
            Ok(Body::Whole(body)) => Answered::Body(Answer { content_type, body }),
            Ok(Body::Cut(_)) => refused(format!("the answer is larger than {} bytes", self.settings.answer_bytes)),
            Err(error) => {
                let reason = format!("the answer broke off: {}", super::innermost(&error));
                Answered::Temporary { reason, retry_after_ms: None }
            }
        }
    }
}
