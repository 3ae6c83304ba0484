//! What the outermost headers say. Not yet believed: `identify` compares it with the source.

use super::finding::Place;
use super::party_id::PartyId;

/// Sender, receiver and references of an interchange as its own headers state them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Envelope {
    /// UNB S002, SBDH Sender, or what the mapping's `[envelope]` reads.
    pub sender: Option<PartyId>,
    /// Where the headers name the sender; empty where the content does.
    pub sender_place: Place,
    /// UNB S003, SBDH Receiver, or what the mapping's `[envelope]` reads.
    pub receiver: Option<PartyId>,
    /// UNB 0020, SBDH InstanceIdentifier.
    pub control_reference: Option<String>,
    /// UNB 0035 = 1.
    pub test: bool,
    /// EDIFACT: whether the sender asks for a CONTRL (UNB 0031 = 1).
    pub acknowledgement_requested: bool,
    /// EDIFACT: how the sender writes, so that an answer can be written alike.
    pub syntax: Option<Syntax>,
}

/// How an EDIFACT interchange is written (ISO 9735 UNA and UNB S001).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Syntax {
    /// `UNOA` to `UNOK`, `UNOW`, `UNOY`, `KECA`.
    pub repertoire: String,
    /// Syntax version, 1 to 4.
    pub version: u8,
    /// UNA position 1, component separator.
    pub component: char,
    /// UNA position 2, data element separator.
    pub element: char,
    /// UNA position 3, decimal mark.
    pub decimal: char,
    /// UNA position 4, release character; a space means none.
    pub release: char,
    /// UNA position 5, repetition separator (version 4); a space means none.
    pub repetition: char,
    /// UNA position 6, segment terminator.
    pub terminator: char,
}

impl Default for Syntax {
    fn default() -> Syntax {
        Syntax {
            repertoire: "UNOC".to_owned(),
            version: 3,
            component: ':',
            element: '+',
            decimal: '.',
            release: '?',
            repetition: ' ',
            terminator: '\'',
        }
    }
}
