//! A file per page.

pub(super) mod accounts;
pub(super) mod bookings;
pub(super) mod channels;
pub(super) mod columns;
pub(super) mod deliveries;
pub(super) mod delivery;
pub(super) mod document;
pub(super) mod edit;
pub(super) mod interchange;
pub(super) mod interchanges;
pub(super) mod label;
pub(super) mod own_account;
pub(super) mod partners;
pub(super) mod sign_in;
pub(super) mod start;
pub(super) mod trade;
pub(super) mod trades;

use super::chip::{Chip, Tone};
use super::language::Words;

/// What was just done, as the address after a form says it: a word of ours, never text.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(super) struct Said {
    said: String,
}

impl Said {
    /// The sentence and its colour.
    fn sentence(&self, w: &Words) -> Option<(String, &'static str)> {
        let (text, tone) = match self.said.as_str() {
            "password" => (w.said_password, "ok"),
            "released" => (w.said_released, "ok"),
            "learned" => (w.learned, "ok"),
            "replayed" => (w.said_replayed, "ok"),
            "resent" => (w.said_resent, "ok"),
            "added" => (w.said_added, "ok"),
            "saved" => (w.said_saved, "ok"),
            "key-ended" => (w.said_key_ended, "ok"),
            "channel-works" => (w.said_channel_works, "ok"),
            "channel-fails" => (w.said_channel_fails, "bad"),
            "booked-again" => (w.said_booked_again, "ok"),
            "asked-again" => (w.said_asked_again, "ok"),
            "in-effect" => (w.said_in_effect, "wait"),
            _ => return None,
        };
        Some((text.to_owned(), tone))
    }
}

/// What a partner's functional acknowledgement said, in words, and its colour.
pub(super) fn acknowledged(w: &Words, word: &str) -> Chip {
    match word {
        "accepted" => Chip::new(w.ack_accepted, Tone::Good),
        "rejected" => Chip::new(w.ack_rejected, Tone::Bad),
        "partly" => Chip::new(w.ack_partly, Tone::Waiting),
        // All that is known is that it arrived and could be read.
        _ => Chip::new(w.ack_received, Tone::Good),
    }
}

/// The ending of a file of that format.
fn ending(format: &str, content_type: &str) -> &'static str {
    let standard = format.split('-').next().unwrap_or("");
    match (standard, content_type) {
        ("edifact", _) | (_, "application/edifact") => "edi",
        ("ubl" | "cxml", _) => "xml",
        ("dure", _) => "json",
        ("csv", _) => "csv",
        ("xlsx", _) => "xlsx",
        ("html", _) => "html",
        (_, kind) if kind.ends_with("xml") => "xml",
        (_, kind) if kind.ends_with("json") => "json",
        (_, kind) if kind.starts_with("text/") => "txt",
        _ => "bin",
    }
}

/// The address of a list, narrowed and from where on.
fn address(path: &str, filter: &[(&str, &String)], before: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in filter.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    if let Some(before) = before {
        query.append_pair("before", before);
    }
    format!("{path}?{}", query.finish()).trim_end_matches('?').to_owned()
}
