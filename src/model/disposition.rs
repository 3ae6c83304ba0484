//! The vocabularies of the identity rule: what a document is, what became of it, and whose fault a failure is.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($( #[$doc:meta] $name:ident { $( #[$vdoc:meta] $variant:ident $text:literal $ko:literal $en:literal )* } )*) => { $(
        #[$doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub enum $name { $( #[$vdoc] #[serde(rename = $text)] $variant, )* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[ $( $name::$variant, )* ];

            /// The word in the store, in JSON and in logs.
            pub fn as_str(self) -> &'static str { match self { $( $name::$variant => $text, )* } }

            /// The word people see.
            pub fn title(self, language: super::finding::Language) -> &'static str {
                match (self, language) { $(
                    (Self::$variant, super::finding::Language::Ko) => $ko,
                    (Self::$variant, super::finding::Language::En) => $en,
                )* }
            }

            /// Back from the word.
            pub fn from_word(text: &str) -> Option<$name> { match text { $( $text => Some($name::$variant), )* _ => None } }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
    )* };
}
pub(crate) use words;

words! {
    /// Whether we have seen it before.
    Identity {
        /// Never seen.
        New "new" "새 문서" "new"
        /// The same again.
        Repeat "repeat" "같은 문서" "repeat"
        /// A later state of one we have, and it says so.
        Revision "revision" "정정" "revision"
        /// The same number with other content.
        Conflict "conflict" "충돌" "conflict"
    }

    /// What became of a document, from best to worst; of an interchange, the worst of its documents.
    Disposition {
        /// In effect.
        Accepted "accepted" "수락" "accepted"
        /// In effect, with warnings or with lines left out.
        AcceptedWithErrors "accepted-with-errors" "조건부 수락" "accepted with errors"
        /// Seen before; nothing was done again.
        Duplicate "duplicate" "중복" "duplicate"
        /// Its counterpart is not there yet.
        Waiting "waiting" "대기" "waiting"
        /// A person has to decide.
        Held "held" "보류" "held"
        /// Not in effect; the sender was told why.
        Rejected "rejected" "거절" "rejected"
    }

    /// Where an interchange is on its way.
    InterchangeState {
        /// Durable, not looked at yet.
        Received "received" "수신" "received"
        /// Every document of it has its disposition.
        Decided "decided" "처리 완료" "decided"
        /// At least one document waits.
        Waiting "waiting" "대기" "waiting"
        /// A person has to decide.
        Held "held" "보류" "held"
    }

    /// Where a delivery is on its way.
    DeliveryState {
        /// Due at a time.
        Scheduled "scheduled" "예정" "scheduled"
        /// With a sender that holds a lease.
        InTransit "in-transit" "보내는 중" "in transit"
        /// The partner has it.
        Delivered "delivered" "전달됨" "delivered"
        /// Not again by itself; a person may send it again.
        Dead "dead" "실패" "dead"
    }

    /// Whose a failure is; only the sender's may be final.
    Cause {
        /// The document is wrong.
        Sender "sender" "보낸 이" "sender"
        /// We failed.
        Hub "hub" "허브" "hub"
        /// Something it needs is not there yet.
        NotYet "not-yet" "아직" "not yet"
        /// Nobody knows.
        Unsure "unsure" "불분명" "unsure"
    }

    /// How an interchange came in or a delivery goes out.
    Transport {
        /// A partner's system that is asked for changes.
        Connector "connector" "시스템 연결" "connector"
        /// A courier's callback.
        Courier "courier" "택배사 콜백" "courier callback"
        /// What a courier answered when it was asked.
        CourierAnswer "courier-answer" "택배사 조회" "courier's answer"
        /// What a courier answered when a parcel was booked.
        CourierBooking "courier-booking" "택배 예약" "courier booking"
        /// A folder on the hub's machine.
        Folder "folder" "폴더" "folder"
        /// HTTP POST.
        Http "http" "HTTP" "HTTP"
        /// A job or the command line of the hub itself.
        Internal "internal" "허브" "hub"
        /// Mail.
        Mail "mail" "메일" "mail"
        /// A form of the portal.
        Portal "portal" "포털" "portal"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worst_of_an_interchange() {
        let worst = [Disposition::Accepted, Disposition::Rejected, Disposition::Duplicate].into_iter().max();
        assert_eq!(worst, Some(Disposition::Rejected));
        assert_eq!(Disposition::from_word("accepted-with-errors"), Some(Disposition::AcceptedWithErrors));
    }
}
