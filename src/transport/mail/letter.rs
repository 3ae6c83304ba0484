//! What a mail says of itself: who it is from, which thread it belongs to, whether a machine wrote it, and the documents in it.
//! Nothing of it is believed here; what proves the sender is looked at by `proof`.

use mail_parser::{HeaderValue, Message};
use ring::digest::{Context as Digest, SHA256, digest};

use super::parts::{self, Attached, Found, Limits};
use super::words;
use crate::model::mail::{LeftOut, Why};

/// Message ids of a thread that are kept, the latest ones.
const MOST_REFERENCES: usize = 20;
/// Longest message id that is kept, bytes.
const LONGEST_ID: usize = 250;

/// Why a mail is not answered (RFC 3834 section 2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Automatic {
    /// An answer or message of a machine.
    Answer,
    /// A report that a mail could not be delivered, or was.
    Bounce,
    /// It went through a mailing list.
    List,
}

impl Automatic {
    /// The word in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Automatic::Answer => "answer",
            Automatic::Bounce => "bounce",
            Automatic::List => "list",
        }
    }
}

/// A mail, read.
#[derive(Debug, Default)]
pub struct Letter {
    /// Its Message-ID without brackets. A mail without one is named by its content.
    pub message_id: String,
    /// The one address in From, lower case; empty if there is none or several.
    pub from: String,
    /// From as people see it.
    pub from_shown: String,
    /// Subject as people see it.
    pub subject: String,
    /// Message ids it answers, and those of its thread, the latest last.
    pub references: Vec<String>,
    /// Why it must not be answered.
    pub automatic: Option<Automatic>,
    /// Documents in it, each once.
    pub documents: Vec<Attached>,
    /// Files in it that are none, decoration included.
    pub left_out: Vec<LeftOut>,
    /// SHA-256 over the digests of its documents: with the message id it says whether it is the same mail.
    pub digest: [u8; 32],
}

/// Reads a mail. `null_return` says that it came with an empty return path.
pub fn read(raw: &[u8], null_return: bool, limits: &Limits) -> Letter {
    let Some(message) = parts::parse(raw) else { return unreadable(raw, Why::TooDeep) };
    let Found { documents, left_out, .. } = parts::find(&message, limits);
    let mut letter = Letter {
        from: address(&message),
        from_shown: shown(&message, "From"),
        subject: shown(&message, "Subject"),
        references: references(&message),
        automatic: automatic(&message, null_return),
        left_out,
        ..Letter::default()
    };
    let mut seen = Vec::new();
    let mut all = Digest::new(&SHA256);
    for document in documents {
        let digest = sha256(&document.body);
        if !seen.contains(&digest) {
            all.update(&digest);
            seen.push(digest);
            letter.documents.push(document);
        }
    }
    letter.digest = <[u8; 32]>::try_from(all.finish().as_ref()).unwrap_or_default();
    let id = message.message_id().map(words::clean).filter(|id| !id.is_empty() && id.len() <= LONGEST_ID);
    letter.message_id = id.unwrap_or_else(|| {
        let mut digest = Digest::new(&SHA256);
        for name in ["From", "Date", "Subject"] {
            digest.update(parts::header(&message, message.root_part(), name).unwrap_or_default());
            digest.update(&[0]);
        }
        digest.update(&letter.digest);
        named_by(digest.finish().as_ref())
    });
    letter
}

/// A mail of which nothing can be told, by name of its bytes.
pub(super) fn unreadable(raw: &[u8], why: Why) -> Letter {
    let left_out = vec![LeftOut { name: String::new(), size_bytes: raw.len(), why }];
    let digest = sha256(raw);
    Letter { message_id: named_by(&digest), left_out, digest, ..Letter::default() }
}

/// A message id for a mail that has none, or one that nothing can be told by.
fn named_by(digest: &[u8]) -> String {
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}@unnamed.invalid")
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    <[u8; 32]>::try_from(digest(&SHA256, bytes).as_ref()).unwrap_or_default()
}

fn shown(message: &Message<'_>, name: &str) -> String {
    parts::header(message, message.root_part(), name).map(words::text).unwrap_or_default()
}

/// The address of the only mailbox in the only From header. Two of either would let a reader see one and a check another.
fn address(message: &Message<'_>) -> String {
    let count = message.headers().iter().filter(|header| header.name.as_str().eq_ignore_ascii_case("From")).count();
    let list = message.from().and_then(|from| from.as_list()).unwrap_or(&[]);
    match (count, list) {
        (1, [only]) => only.address.as_deref().and_then(plain_address).unwrap_or_default(),
        _ => String::new(),
    }
}

/// An address as it is compared: lower case, if it is one.
pub fn plain_address(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, host) = text.rsplit_once('@')?;
    let fits = !local.is_empty() && !host.is_empty() && text.len() <= 254;
    let plain =
        text.chars().all(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '<' | '>' | ',' | ';' | '"'));
    (fits && plain).then(|| text.to_lowercase())
}

fn references(message: &Message<'_>) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    for value in [message.references(), message.in_reply_to()] {
        let ids: Vec<&str> = match value {
            HeaderValue::Text(id) => vec![id.as_ref()],
            HeaderValue::TextList(ids) => ids.iter().map(AsRef::as_ref).collect(),
            _ => Vec::new(),
        };
        for id in ids {
            let id = words::clean(id);
            if !id.is_empty() && id.len() <= LONGEST_ID && !list.contains(&id) && list.len() < 1_000 {
                list.push(id);
            }
        }
    }
    let over = list.len().saturating_sub(MOST_REFERENCES);
    list.split_off(over)
}

/// Whether an answer could go to a machine or to many.
fn automatic(message: &Message<'_>, null_return: bool) -> Option<Automatic> {
    let has = |name: &str| parts::header(message, message.root_part(), name).is_some();
    let says = |name: &str| shown(message, name).to_ascii_lowercase();
    let local = address(message).split('@').next().unwrap_or("").to_owned();
    let report = parts::media_type(message, message.root_part()) == "multipart/report";
    if report || null_return || says("Return-Path") == "<>" || matches!(local.as_str(), "mailer-daemon" | "postmaster")
    {
        return Some(Automatic::Bounce);
    }
    let listed = ["List-Id", "List-Post", "List-Unsubscribe"].into_iter().any(has);
    if listed || matches!(says("Precedence").as_str(), "bulk" | "junk" | "list") {
        return Some(Automatic::List);
    }
    let submitted = says("Auto-Submitted");
    let by_machine = !submitted.is_empty() && submitted.split([';', ' ']).next() != Some("no");
    let answer = by_machine
        || ["X-Autoreply", "X-Autorespond"].into_iter().any(has)
        || matches!(local.as_str(), "no-reply" | "noreply" | "donotreply");
    answer.then_some(Automatic::Answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(head: &str) -> Letter {
        read(format!("{head}\r\n\r\ntext\r\n").as_bytes(), false, &Limits::default())
    }

    #[test]
    fn the_one_sender() {
        let check = |head: &str, expected: &str| assert_eq!(letter(head).from, expected, "{head}");
        check("From: =?EUC-KR?B?ud/B1ryt?= <Lee@Buyer.Example>", "lee@buyer.example");
        check("From: lee@buyer.example", "lee@buyer.example");
        check("From: lee@buyer.example, eve@x.example", "");
        check("From: lee@buyer.example\r\nFrom: eve@x.example", "");
        check("From: nobody", "");
        check("From: \"lee@buyer.example\" <eve@x.example>", "eve@x.example");
        check("Subject: x", "");
    }

    #[test]
    fn threads_and_names() {
        let one = letter(
            "Message-ID: <1@x>\r\nReferences: <a@x> <b@x>\r\nIn-Reply-To: <c@x>\r\nSubject: =?utf-8?B?7KO866y4?=",
        );
        assert_eq!((one.message_id.as_str(), one.subject.as_str()), ("1@x", "주문"));
        assert_eq!(one.references, ["a@x", "b@x", "c@x"]);
        let (one, two) = (letter("Subject: a"), letter("Subject: b"));
        assert!(one.message_id.ends_with("@unnamed.invalid") && one.message_id != two.message_id);
        assert_eq!(one.message_id, letter("Received: from y\r\nSubject: a").message_id);
        let many =
            format!("Message-ID: <1@x>\r\nReferences:{}", (0..50).map(|n| format!(" <{n}@x>")).collect::<String>());
        assert_eq!(letter(&many).references.first().map(String::as_str), Some("30@x"));
    }

    #[test]
    fn machines_are_known() {
        let check = |head: &str, expected| assert_eq!(letter(head).automatic, expected, "{head}");
        check("From: lee@buyer.example", None);
        check("From: lee@buyer.example\r\nAuto-Submitted: no", None);
        check("From: lee@buyer.example\r\nAuto-Submitted: auto-replied (vacation)", Some(Automatic::Answer));
        check("From: noreply@buyer.example", Some(Automatic::Answer));
        check("From: lee@buyer.example\r\nList-Id: <l.x>", Some(Automatic::List));
        check("From: lee@buyer.example\r\nPrecedence: bulk", Some(Automatic::List));
        check("From: MAILER-DAEMON@x.example", Some(Automatic::Bounce));
        check("Return-Path: <>\r\nFrom: lee@buyer.example", Some(Automatic::Bounce));
        check("From: a@x\r\nContent-Type: multipart/report; boundary=b", Some(Automatic::Bounce));
        assert_eq!(read(b"From: a@x\r\n\r\n", true, &Limits::default()).automatic, Some(Automatic::Bounce));
    }

    #[test]
    fn the_same_file_twice_is_one_document() {
        let part = "--b\r\nContent-Type: application/xml; name=a.xml\r\n\r\n<Order/>\r\n";
        let raw = format!("From: a@x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{part}{part}--b--\r\n");
        assert_eq!(read(raw.as_bytes(), false, &Limits::default()).documents.len(), 1);
    }
}
