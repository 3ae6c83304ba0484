//! From bytes to typed documents: decode, validate, map. Looks at nothing but the bytes and what is agreed with their
//! sender; what is wrong comes back as findings at the sender's own places.

mod message;
mod places;
mod sink;

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use ring::digest::{SHA256, digest};

use self::message::Open;
use self::places::Places;
use self::sink::{Each, Keep, Sink, Stage};
use super::courier;
use super::hub::Hub;
use super::receive::PayloadReader;
use crate::document::Body;
use crate::document::catalogue::CatalogueLine;
use crate::document::directory::{Direction, Directory, message_of};
use crate::document::transportation_status::TransportationStatus;
use crate::error::{Context, Result};
use crate::format::{self, Hint, Learned, Limits, Part};
use crate::model::disposition::Transport;
use crate::model::document_type::DocumentType;
use crate::model::envelope::Envelope;
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::model::message::MessageType;
use crate::store::interchanges::Interchange;

/// Most messages of one interchange.
const MOST_MESSAGES: usize = 10_000;

/// An interchange that was read.
#[derive(Debug, Default)]
pub struct ReadInterchange {
    /// The format's name, `ubl-2.1`; of several messages that of the first.
    pub format: String,
    /// What the outermost headers say.
    pub envelope: Envelope,
    /// Its messages in order.
    pub messages: Vec<ReadMessage>,
    /// Findings that belong to no message.
    pub findings: Vec<Finding>,
    /// Carrier and waybill of what the sender is to be asked about: it called only to say that there is news.
    pub asks: Vec<(String, String)>,
}

/// One message that was read.
#[derive(Debug)]
pub struct ReadMessage {
    /// Which one of its interchange, from 1.
    pub ordinal: u32,
    /// What it says it is.
    pub message_type: String,
    /// UNH 0062.
    pub reference: String,
    /// What it is to us.
    pub document_type: Option<DocumentType>,
    /// The mapping that read it.
    pub mapping: String,
    /// The typed document; none when it could not be read that far.
    pub body: Option<Body>,
    /// Its canonical JSON; empty for a document applied line by line.
    pub content: String,
    /// SHA-256 of the canonical content.
    pub digest: [u8; 32],
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// What its own content says of sender and receiver.
    pub envelope: Envelope,
    /// Where the sender is named.
    pub sender_place: Place,
    /// Where its number stands.
    pub number_place: Place,
    /// The id its rows were written under already.
    pub document_id: Option<i64>,
    /// Where canonical places stood in what was received.
    places: Option<Places>,
}

impl ReadMessage {
    fn new(ordinal: u32, message_type: &MessageType, reference: String) -> ReadMessage {
        ReadMessage {
            ordinal,
            message_type: message_type.to_string(),
            reference,
            document_type: None,
            mapping: String::new(),
            body: None,
            content: String::new(),
            digest: [0; 32],
            findings: Vec::new(),
            envelope: Envelope::default(),
            sender_place: Place::default(),
            number_place: Place::default(),
            document_id: None,
            places: None,
        }
    }

    /// A finding at a canonical path, told at the sender's own place. The path stays where there is none.
    pub fn located(&self, mut finding: Finding) -> Finding {
        let path = finding.place.path.clone().unwrap_or_default();
        if let Some(place) = self.places.as_ref().and_then(|places| places.find(&path)) {
            finding.place = place;
        }
        finding
    }

    /// The canonical path and place of every value that was read, for `dure explain`: path, value, place.
    pub fn lineage(&self) -> Vec<(String, String, Place)> {
        let Some(places) = &self.places else { return Vec::new() };
        let tree = &places.canonical;
        let leaves = tree.ids().filter(|&id| !tree.has_children(id) && !tree.value(id).is_empty());
        leaves.map(|id| (tree.path(id), tree.value(id).to_owned(), places.of(id).unwrap_or_default())).collect()
    }
}

/// What reading needs besides the bytes.
pub struct Source {
    /// The hub.
    pub hub: Arc<Hub>,
    /// Who is who.
    pub directory: Arc<Directory>,
    /// The interchange.
    pub interchange: Interchange,
    /// Today in the hub's zone.
    pub today: String,
}

impl Source {
    /// What is known of the bytes from outside of them.
    pub(in crate::pipeline) fn hint(&self) -> Hint {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut hint = Hint {
            content_type: some(&self.interchange.content_type),
            charset: some(&self.interchange.charset),
            file_name: some(&self.interchange.file_name),
            message_type: None,
            learned: self.learned(),
        };
        // A format that does not say what it carries is read as what is agreed with its sender, if that is one thing.
        let tables: Vec<_> = DocumentType::ALL
            .iter()
            .filter_map(|&kind| {
                self.directory.agreement(self.interchange.organisation_id, Direction::In, kind, &self.today)
            })
            .filter(|agreed| matches!(agreed.terms.format.as_str(), "csv" | "xlsx"))
            .collect();
        if let [only] = tables.as_slice() {
            hint.message_type = message_of("csv", only.document_type);
            if hint.charset.is_none() {
                hint.charset = some(&only.terms.charset);
            }
        }
        hint
    }

    /// What the sender calls the columns of its tables, by its agreements.
    fn learned(&self) -> Vec<Learned> {
        let of = |kind: &DocumentType| {
            let agreed =
                self.directory.agreement(self.interchange.organisation_id, Direction::In, *kind, &self.today)?;
            let words = agreed.terms.columns.iter();
            Some(words.filter_map(|text| Learned::parse(kind.as_str(), text)).collect::<Vec<_>>())
        };
        DocumentType::ALL.iter().filter_map(of).flatten().collect()
    }

    /// The profile of the courier that called back, if its words are not ours.
    fn courier(&self) -> Option<&courier::Profile> {
        let booking = self.interchange.transport == Transport::CourierBooking.as_str();
        if self.interchange.transport != Transport::Courier.as_str() && !self.is_answer() && !booking {
            return None;
        }
        let sender = self.directory.organisation(self.interchange.organisation_id)?;
        self.hub.couriers.get(&sender.short)
    }

    /// Whether a courier said it when it was asked.
    fn is_answer(&self) -> bool {
        self.interchange.transport == Transport::CourierAnswer.as_str()
    }

    /// What a courier said of it.
    fn reported(&self, profile: &courier::Profile, bytes: &[u8]) -> ReadInterchange {
        if self.interchange.transport == Transport::CourierBooking.as_str() {
            booked(profile, &self.interchange, bytes)
        } else {
            reported(profile, self.is_answer(), bytes)
        }
    }

    /// The bounds that reading keeps.
    pub(in crate::pipeline) fn limits(&self) -> Limits {
        Limits { whole_bytes: self.hub.config.limits.whole_document_bytes, ..Limits::default() }
    }
}

/// Reads an interchange of one chunk.
pub fn whole(source: &Source, bytes: Bytes) -> Result<ReadInterchange> {
    if let Some(profile) = source.courier() {
        return Ok(source.reported(profile, &bytes));
    }
    read(format::Source::Bytes(bytes), &source.hint(), source.limits(), Extent::Full, &mut Keep)
}

/// Reads a large interchange from the store; blocks. Catalogue lines are written to the store as they come.
pub fn large(source: &Source) -> Result<ReadInterchange> {
    let mut payload =
        PayloadReader::new(source.hub.store.clone(), source.interchange.id, source.interchange.size_bytes);
    if let Some(profile) = source.courier() {
        // Callbacks are bounded by the transport.
        let mut bytes = Vec::new();
        payload.read_to_end(&mut bytes).context(|| "reading a courier's report")?;
        return Ok(source.reported(profile, &bytes));
    }
    let mut sink = Stage::new(source);
    read(format::Source::Stream(Box::new(payload)), &source.hint(), source.limits(), Extent::Full, &mut sink)
}

/// A courier's report as messages, one for each waybill: one that is not known yet waits alone. A report without a number
/// is named by its content, so that the same events again are a repeat.
fn reported(profile: &courier::Profile, is_answer: bool, bytes: &[u8]) -> ReadInterchange {
    let message_type = MessageType::new("courier", "1", &profile.name);
    let format = message_type.format_name();
    if let Some(hint) = profile.hint.as_ref().filter(|_| !is_answer) {
        return match courier::read_hint(profile, hint, bytes) {
            Ok(ask) => ReadInterchange { format, asks: vec![ask], ..ReadInterchange::default() },
            Err(findings) => ReadInterchange { format, findings, ..ReadInterchange::default() },
        };
    }
    let begin = |ordinal| {
        let mut message = ReadMessage::new(ordinal, &message_type, String::new());
        message.document_type = Some(DocumentType::TransportationStatus);
        message.mapping = format!("couriers/{}", profile.name);
        message
    };
    let said = if is_answer { courier::read_answer(profile, bytes) } else { courier::read(profile, bytes) };
    let messages = match said {
        Ok(report) => (1..)
            .zip(courier::by_waybill(report))
            .map(|(ordinal, mut report)| {
                let content = |report: &TransportationStatus| serde_json::to_string(report).unwrap_or_default();
                if report.id.is_empty() {
                    report.id = super::hex(sha256(content(&report).as_bytes()).get(..8).unwrap_or(&[]));
                }
                let mut message = begin(ordinal);
                message.content = content(&report);
                message.digest = sha256(message.content.as_bytes());
                message.body = Some(Body::TransportationStatus(Box::new(report)));
                message
            })
            .collect(),
        Err(findings) => vec![ReadMessage { findings, ..begin(1) }],
    };
    ReadInterchange { format, messages, ..ReadInterchange::default() }
}

/// What a courier answered when parcels were booked, one message for each that is booked or refused. Its number says all
/// that matters, so that the same answer again is a repeat whatever else stands in it.
fn booked(profile: &courier::Profile, interchange: &Interchange, bytes: &[u8]) -> ReadInterchange {
    let message_type = MessageType::new("courier", "1", &profile.name);
    let format = message_type.format_name();
    let known = profile.booking.as_ref().zip(courier::booked::Reply::from_name(&interchange.file_name));
    let Some((booking, reply)) = known else {
        let finding = Finding::error(Code::UnknownFormat, Place::default()).found("booking");
        return ReadInterchange { format, findings: vec![finding], ..ReadInterchange::default() };
    };
    let reports = courier::booked::reports(profile, booking, &reply, interchange.received_ms, bytes);
    let messages = (1..).zip(reports).map(|(ordinal, report)| {
        let mut message = ReadMessage::new(ordinal, &message_type, String::new());
        message.document_type = Some(DocumentType::TransportationStatus);
        message.mapping = format!("couriers/{}", profile.name);
        message.digest = sha256(report.id.as_bytes());
        message.content = serde_json::to_string(&report).unwrap_or_default();
        message.body = Some(Body::TransportationStatus(Box::new(report)));
        message
    });
    ReadInterchange { format, messages: messages.collect(), ..ReadInterchange::default() }
}

impl ReadInterchange {
    /// A courier's words of events that no table has.
    pub fn unknown_wordings(&self) -> Vec<String> {
        let mut found = Vec::new();
        for message in &self.messages {
            let Some(Body::TransportationStatus(report)) = &message.body else { continue };
            let unknown = report.events.iter().filter(|event| event.status == "unknown");
            found.extend(unknown.map(|event| event.courier_code.clone()));
        }
        found
    }
}

/// What is done with a line of a large catalogue.
pub type TakeLine<'t> = dyn FnMut(&CatalogueLine, u32, &mut Findings) -> Result<()> + 't;

/// Reads a large catalogue line by line without a hub; its document is what is left without the lines. Blocks.
pub fn line_by_line(source: format::Source, hint: &Hint, take: &mut TakeLine<'_>) -> Result<ReadInterchange> {
    read(source, hint, Limits::default(), Extent::Full, &mut Each { take })
}

/// Reads bytes without a hub: for `check`, `convert` and `explain`.
pub fn stateless(bytes: Bytes, hint: &Hint) -> Result<ReadInterchange> {
    read(format::Source::Bytes(bytes), hint, Limits::default(), Extent::Full, &mut Keep)
}

/// Whether the first message of some bytes is a document of ours, or EDIFACT however broken; what it says is not looked at.
pub fn is_document(bytes: Bytes, hint: &Hint) -> bool {
    if format::recognise(&bytes, hint).is_some_and(|format| format.name == "edifact") {
        return true;
    }
    let Ok(mut reader) = format::recognise::open(format::Source::Bytes(bytes), hint, Limits::default()) else {
        return false;
    };
    loop {
        match reader.next(&mut Findings::default()) {
            Ok(Some(Part::Start(start))) => return message::meaning(&start.message_type).0.is_some(),
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return false,
        }
    }
}

/// Reads bytes and says only what the schema of their message says.
pub fn schema_only(bytes: Bytes, hint: &Hint) -> Result<ReadInterchange> {
    read(format::Source::Bytes(bytes), hint, Limits::default(), Extent::Schema, &mut Keep)
}

/// How far a message is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Extent {
    /// Parsed and held against its schema, without code lists that the schema itself does not enumerate.
    Schema,
    /// Mapped to a typed document as well.
    Full,
}

fn read(
    source: format::Source,
    hint: &Hint,
    limits: Limits,
    extent: Extent,
    sink: &mut dyn Sink,
) -> Result<ReadInterchange> {
    let mut read = ReadInterchange::default();
    let mut outer = Findings::default();
    let mut reader = format::recognise::open(source, hint, limits)?;
    let mut open: Option<Open> = None;
    loop {
        let findings = open.as_mut().map_or(&mut outer, |open| &mut open.findings);
        let Some(part) = reader.next(findings)? else { break };
        match (part, &mut open) {
            (Part::Envelope(envelope), _) => read.envelope = envelope,
            (Part::Start(start), _) => {
                if let Some(open) = open.take() {
                    read.messages.push(open.close(sink)?);
                }
                if read.messages.len() >= MOST_MESSAGES {
                    let finding = Finding::error(Code::TooMany, Place::default());
                    outer.push(finding.found("messages").expected(MOST_MESSAGES.to_string()));
                    break;
                }
                if read.format.is_empty() {
                    read.format = start.message_type.format_name();
                }
                let ordinal = u32::try_from(read.messages.len()).unwrap_or(u32::MAX).saturating_add(1);
                open = Some(Open::new(ordinal, start, extent, &read.envelope)?);
            }
            (Part::Whole(tree), Some(open)) => open.whole(tree),
            (Part::Head(tree), Some(open)) => open.head(tree, sink)?,
            (Part::Group(tree), Some(open)) => open.group(&tree, sink)?,
            (Part::Tail(tree), Some(open)) => open.tail(tree),
            (Part::End, _) => {
                if let Some(open) = open.take() {
                    read.messages.push(open.close(sink)?);
                }
            }
            (Part::Whole(_) | Part::Head(_) | Part::Group(_) | Part::Tail(_), None) => {}
        }
    }
    if let Some(open) = open.take() {
        read.messages.push(open.close(sink)?);
    }
    if outer.has_errors() {
        // A count that is wrong, an end that is missing: nobody knows what else was in it, so nothing of it takes effect.
        for message in &mut read.messages {
            message.findings.push(Finding::error(Code::InterchangeRejected, Place::default()));
        }
    }
    read.findings.extend(outer.into_vec());
    Ok(read)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    <[u8; 32]>::try_from(digest(&SHA256, bytes).as_ref()).unwrap_or_default()
}
