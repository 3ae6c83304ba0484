//! What the pipeline knows of the network: one attempt at a delivery, and what came of it. Transports implement it;
//! they neither look inside the bytes nor decide when to try again.

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::model::finding::Finding;
use crate::model::id::{DeliveryId, DocumentId, InterchangeId};
use crate::model::secret::Secret;

/// One attempt at a delivery: everything the network needs, nothing else.
pub struct Outgoing {
    /// The delivery; the same at every attempt, so that the receiver can tell a repeat.
    pub delivery: DeliveryId,
    /// The interchange that caused it.
    pub interchange: Option<InterchangeId>,
    /// The document it carries.
    pub document: Option<DocumentId>,
    /// Short name of the partner it is for.
    pub partner: String,
    /// Where to, as a URL: `https://…`, `mailto:…`, `folder:NAME`, `connector:NAME`.
    pub address: String,
    /// Media type of the body, with parameters.
    pub content_type: String,
    /// Name for the body where it is kept as a file or attached; empty if it is no file.
    pub file_name: String,
    /// Subject of a mail; empty where nobody reads one.
    pub subject: String,
    /// Message ids of the mails that a mail belongs to, that of the one it answers last.
    pub thread: Vec<String>,
    /// Whether a mail answers another by itself: then it goes with an empty return path.
    pub automatic_answer: bool,
    /// The bytes.
    pub body: Bytes,
    /// Files that go with a body that is a text.
    pub attachments: Vec<Attachment>,
    /// `whsec_…`: signs the request by Standard Webhooks.
    pub signing_secret: Option<Secret>,
    /// The partner's own credential: `bearer:TOKEN` or `basic:USER:PASSWORD`.
    pub credential: Option<Secret>,
}

/// A file that goes with a text.
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Its bytes.
    pub body: Bytes,
}

/// What came of an attempt.
#[derive(Debug)]
pub enum Sent {
    /// The partner has it.
    Delivered {
        /// What it said, in a line: status, message id, reply.
        receipt: String,
        /// A body in a format of ours that came with it.
        answer: Option<Answer>,
    },
    /// Not now; the same attempt may succeed later.
    Temporary {
        /// Why, in a line.
        reason: String,
        /// How long the partner asks us to wait, milliseconds from now, already capped.
        retry_after_ms: Option<i64>,
    },
    /// The way itself does not work, for whatever goes by it: no connection, no sign-in.
    Unreachable {
        /// Why, in a line.
        reason: String,
    },
    /// Not by itself; a person decides.
    Dead {
        /// Why, in a line.
        reason: String,
    },
    /// The partner's system says what is wrong with the document; a person decides.
    Rejected {
        /// It in a line.
        reason: String,
        /// What is wrong; paths are canonical.
        findings: Vec<Finding>,
    },
}

/// A question to somebody who knows what we want to know, such as a courier, or a request whose answer is what counts, such
/// as booking a parcel.
#[derive(Debug, Default)]
pub struct Question {
    /// The URL.
    pub address: String,
    /// `GET`, `POST`, `PUT`; empty: by whether there is a body.
    pub method: &'static str,
    /// More headers.
    pub headers: Vec<(String, String)>,
    /// The `Authorization` header, if one is needed.
    pub authorization: Option<Secret>,
    /// Media type of the body.
    pub content_type: String,
    /// What is posted; none: a GET request.
    pub body: Option<Bytes>,
}

/// What came of a question.
#[derive(Debug)]
pub enum Answered {
    /// This.
    Body(Answer),
    /// Nothing now; later perhaps.
    Temporary {
        /// Why, in a line.
        reason: String,
        /// How long we are asked to wait, milliseconds from now, already capped.
        retry_after_ms: Option<i64>,
        /// Whether it may have been heard all the same: its answer got lost, or the other side failed on it.
        heard: bool,
    },
    /// The question itself is refused.
    Refused {
        /// Why, in a line.
        reason: String,
        /// The HTTP status with which it was refused, and what was said; none if it was not even asked.
        said: Option<(u16, Answer)>,
    },
}

/// A body that came back with a receipt; taken in as an interchange of that partner.
pub struct Answer {
    /// Its media type, as received.
    pub content_type: String,
    /// The bytes.
    pub body: Bytes,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.content_type, self.body.len())
    }
}

/// A transport that takes deliveries out.
pub trait Outbound: Send + Sync {
    /// The URL schemes it serves, lower case.
    fn scheme(&self) -> &'static [&'static str];

    /// The channel whose state tells whether the way of a delivery works; none where every address is a way of its own.
    fn channel<'a>(&'a self, _out: &'a Outgoing) -> Option<&'a str> {
        None
    }

    /// One attempt. Bounded in time by the transport; never panics.
    fn send<'a>(&'a self, out: &'a Outgoing) -> BoxFuture<'a, Sent>;

    /// Asks once. Most transports only deliver.
    fn ask<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Answered> {
        let reason = format!("nobody can be asked at {}", question.address);
        Box::pin(async { Answered::Refused { reason, said: None } })
    }
}
