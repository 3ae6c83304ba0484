//! States as a word in one of three colours, chosen in one place, so that the same thing looks the same everywhere.

use askama::Template;

use super::language::Words;
use crate::document::reading::figures::capital;
use crate::model::disposition::{DeliveryState, Disposition, Identity, InterchangeState};
use crate::model::finding::Language;
use crate::model::parcel_status::ParcelStatus;

/// What a colour says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tone {
    /// Done as it should.
    Good,
    /// On its way, or somebody has to look.
    Waiting,
    /// Wrong.
    Bad,
    /// Nothing to say by colour.
    Plain,
}

/// A word with a colour.
#[derive(Clone, PartialEq, Eq, Debug, Template)]
#[template(source = r#"<span class="chip {{ tone }}">{{ text }}</span>"#, ext = "html")]
pub(crate) struct Chip {
    /// The word.
    pub(crate) text: String,
    /// Class of the style sheet.
    pub(crate) tone: &'static str,
}

impl askama::filters::HtmlSafe for Chip {}

impl Chip {
    /// A word with a colour.
    pub(crate) fn new(text: impl Into<String>, tone: Tone) -> Chip {
        let tone = match tone {
            Tone::Good => "ok",
            Tone::Waiting => "wait",
            Tone::Bad => "bad",
            Tone::Plain => "plain",
        };
        Chip { text: capital(&text.into()), tone }
    }

    /// Where an interchange stands: its disposition once it is decided, else its state.
    pub(crate) fn interchange(state: &str, disposition: Option<&str>, language: Language) -> Chip {
        match (InterchangeState::from_word(state), disposition.and_then(Disposition::from_word)) {
            (Some(InterchangeState::Received) | None, _) => {
                Chip::new(InterchangeState::Received.title(language), Tone::Waiting)
            }
            (Some(_), Some(disposition)) => Chip::disposition(disposition, language),
            (Some(state), None) => Chip::new(state.title(language), Tone::Waiting),
        }
    }

    /// What became of a document.
    pub(crate) fn disposition(disposition: Disposition, language: Language) -> Chip {
        let tone = match disposition {
            Disposition::Accepted => Tone::Good,
            Disposition::AcceptedWithErrors | Disposition::Waiting | Disposition::Held => Tone::Waiting,
            Disposition::Duplicate => Tone::Plain,
            Disposition::Rejected => Tone::Bad,
        };
        Chip::new(disposition.title(language), tone)
    }

    /// Whether a document was seen before.
    pub(crate) fn identity(identity: Identity, language: Language) -> Chip {
        let tone = if identity == Identity::Conflict { Tone::Bad } else { Tone::Plain };
        Chip::new(identity.title(language), tone)
    }

    /// Where a delivery stands.
    pub(crate) fn delivery(state: &str, language: Language) -> Chip {
        match DeliveryState::from_word(state) {
            Some(known) => {
                let tone = match known {
                    DeliveryState::Delivered => Tone::Good,
                    DeliveryState::Dead => Tone::Bad,
                    DeliveryState::Scheduled | DeliveryState::InTransit => Tone::Waiting,
                };
                Chip::new(known.title(language), tone)
            }
            None => Chip::new(state, Tone::Plain),
        }
    }

    /// Where a trade stands.
    pub(crate) fn trade(state: &str, w: &Words) -> Chip {
        match state {
            "ordered" => Chip::new(w.trade_ordered, Tone::Waiting),
            "confirmed" => Chip::new(w.trade_confirmed, Tone::Waiting),
            "despatched" => Chip::new(w.trade_despatched, Tone::Waiting),
            "delivered" => Chip::new(w.trade_delivered, Tone::Good),
            "settled" => Chip::new(w.trade_settled, Tone::Good),
            "rejected" => Chip::new(w.trade_rejected, Tone::Bad),
            other => Chip::new(other, Tone::Plain),
        }
    }

    /// Where a parcel stands.
    pub(crate) fn parcel(status: ParcelStatus, language: Language) -> Chip {
        use ParcelStatus::*;
        let tone = match status {
            Delivered => Tone::Good,
            Registered | PickedUp | InTransit | OutForDelivery => Tone::Waiting,
            AttemptFailed | WrongDelivery | Returning | Returned | Lost => Tone::Bad,
            Unknown => Tone::Plain,
        };
        Chip::new(status.title(language), tone)
    }
}
