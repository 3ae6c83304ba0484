//! One request and its answer, whatever its status, for conversations of several steps. The same checks as for deliveries: the
//! address that was resolved is checked, redirects are not followed, the answer is bounded.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::{Body, HttpClient, checked_url, innermost, not_sent, read};
use crate::model::secret::Secret;
use crate::pipeline::outbound::Sent;

/// A request.
#[derive(Debug)]
pub struct Request {
    /// `GET`, `POST`, `PUT`, …
    pub method: String,
    /// The URL.
    pub address: String,
    /// Headers; any may hold a secret.
    pub headers: Vec<(String, Secret)>,
    /// Media type of the body.
    pub content_type: String,
    /// The body, if there is one.
    pub body: Option<Bytes>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// How long we are asked to wait, milliseconds from now, already capped.
    pub retry_after_ms: Option<i64>,
    /// The body.
    pub body: Bytes,
}

/// No whole answer came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unanswered {
    /// The request itself cannot be sent: another attempt cannot help.
    Refused(String),
    /// There was no connection; the request did not get there.
    NoConnection(String),
    /// It may have got there.
    Doubtful(String),
}

impl HttpClient {
    /// Sends a request and reads the answer.
    pub async fn exchange(&self, request: Request) -> Result<Reply, Unanswered> {
        let url = checked_url(&request.address, &self.settings.allow_private).map_err(Unanswered::Refused)?;
        let wrong = |what: &str| Unanswered::Refused(format!("{what} has characters that it cannot have"));
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| wrong("the method"))?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("the name of a header"))?;
            let mut value = HeaderValue::from_str(value.expose()).map_err(|_| wrong("a header"))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let mut sending = self.client.request(method, url).headers(headers);
        if let Some(body) = request.body {
            sending = sending.header(CONTENT_TYPE, &request.content_type).body(body);
        }
        let response = sending.send().await.map_err(|error| {
            let connected = !error.is_connect();
            match not_sent(&error) {
                Sent::Temporary { reason, .. } if connected => Unanswered::Doubtful(reason),
                Sent::Temporary { reason, .. } | Sent::Unreachable { reason } => Unanswered::NoConnection(reason),
                Sent::Dead { reason } | Sent::Rejected { reason, .. } => Unanswered::Refused(reason),
                Sent::Delivered { receipt, .. } => Unanswered::Refused(receipt),
            }
        })?;
        let (status, retry_after_ms) = (response.status().as_u16(), self.asked_to_wait_ms(&response));
        match read(response, usize::try_from(self.settings.answer_bytes).unwrap_or(usize::MAX)).await {
            Ok(Body::Whole(body)) => Ok(Reply { status, retry_after_ms, body }),
            Ok(Body::Cut(_)) => {
                let most = self.settings.answer_bytes;
                Err(Unanswered::Refused(format!("HTTP {status}: the answer is larger than {most} bytes")))
            }
            Err(error) => {
                Err(Unanswered::Doubtful(format!("HTTP {status}, but the answer broke off: {}", innermost(&error))))
            }
        }
    }
}
