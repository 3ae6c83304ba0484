//! CONTRL, the syntax and service report (ISO 9735-4): what became of an interchange, as a tree to be written.
//!
//! UCI answers for the interchange, one UCM for each message, UCS and UCD for the segments and elements with faults. Only
//! errors are reported, with the code of data element 0085 that is nearest to the finding. Left out: functional groups
//! (their messages are answered directly), packages and security.

use super::headers::Identifier;
use super::opening::{dialect_of, lexer_of, start, tag_of};
use super::text::Text;
use crate::error::Result;
use crate::format::segment::lexer::Segment;
use crate::format::{Hint, Limits, Source};
use crate::model::envelope::Envelope;
use crate::model::finding::{Code, Finding, Findings, Place, Severity};
use crate::model::message::MessageType;
use crate::model::tree::{At, Shape, Tree};
use crate::schema::library;

/// What was decided of one message.
#[derive(Clone, Copy, Debug)]
pub struct Verdict<'f> {
    /// Whether it was taken.
    pub accepted: bool,
    /// What was found in it.
    pub findings: &'f [Finding],
}

/// How much is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    /// That it came, nothing else (0083 = 8).
    Receipt,
    /// What became of it.
    Full,
}

/// Messages answered one by one; ISO 9735-4 has room for 999,999.
const MOST_MESSAGES: usize = 999_999;
/// UCS of one UCM, and UCD of one UCS.
const MOST_SEGMENTS: usize = 999;
const MOST_ELEMENTS: usize = 99;

/// The answer to an interchange: `received` are its bytes, `interchange` the findings outside of messages, `messages` the
/// verdicts in the order of its UNHs. `None` when it has no UNB that can be answered, and when it holds only CONTRLs,
/// which are never answered.
pub fn control(
    received: Source,
    hint: &Hint,
    limits: &Limits,
    interchange: &[Finding],
    messages: &[Verdict<'_>],
    extent: Extent,
) -> Result<Option<(MessageType, Tree)>> {
    let Some(survey) = survey(received, hint, limits)? else { return Ok(None) };
    if !survey.headings.is_empty() && survey.headings.iter().all(|heading| heading.identifier.message == "CONTRL") {
        return Ok(None);
    }
    let message_type = MessageType::new("edifact", if survey.version >= 4 { "4" } else { "3" }, "CONTRL");
    if library().message(&message_type).is_none() {
        return Ok(None);
    }
    let mut report = Report { tree: Tree::new(Shape::Segments), version: survey.version };
    report.open("CONTRL");
    report.open("UNH");
    report.identifier(&Identifier::of(&message_type));
    report.close();
    let faults: Vec<&Finding> = errors(interchange).collect();
    let rejected = extent == Extent::Full && !faults.is_empty();
    report.open("UCI");
    report.leaf("0020", &survey.reference);
    report.party("S002", ["0004", "0007", "0008"], &survey.sender);
    report.party("S003", ["0010", "0007", "0014"], &survey.receiver);
    report.leaf(
        "0083",
        match (extent, rejected) {
            (Extent::Receipt, _) => "8",
            (Extent::Full, true) => "4",
            (Extent::Full, false) => "7",
        },
    );
    if rejected && let Some(fault) = faults.first() {
        report.service_fault(fault);
    }
    report.close();
    if extent == Extent::Full && !rejected {
        for (heading, verdict) in survey.headings.iter().zip(messages).take(MOST_MESSAGES) {
            report.message(heading, verdict);
        }
    }
    report.close();
    Ok(Some((message_type, report.tree)))
}

/// The envelope of an answer: back to the sender, written alike.
pub fn answer(received: &Envelope, control_reference: String) -> Envelope {
    Envelope {
        sender: received.receiver.clone(),
        receiver: received.sender.clone(),
        control_reference: Some(control_reference),
        test: received.test,
        acknowledgement_requested: false,
        syntax: received.syntax.clone(),
        ..Envelope::default()
    }
}

/// A message as its UNH announces it.
struct Heading {
    reference: String,
    identifier: Identifier,
}

/// What an answer has to repeat of an interchange.
struct Survey {
    version: u8,
    reference: String,
    sender: [String; 3],
    receiver: [String; 3],
    headings: Vec<Heading>,
}

/// Reads the headers only.
fn survey(received: Source, hint: &Hint, limits: &Limits) -> Result<Option<Survey>> {
    let (mut lexer, mut text) = lexer_of(received, hint, limits)?;
    let Some(una) = start(&mut lexer, &mut Findings::default())? else { return Ok(None) };
    let mut survey: Option<Survey> = None;
    loop {
        let service = lexer.dialect().service();
        let Some(segment) = lexer.next()? else { return Ok(survey) };
        let said = |text: &Text, segment: &Segment<'_>, element, component| {
            let value = segment.component(element, component);
            value.map(|value| text.plain(&segment.bytes_of(value))).unwrap_or_default()
        };
        let dialect = match (tag_of(&segment).0, &mut survey) {
            (Some(tag), None) if &tag == b"UNB" => {
                let version = match said(&text, &segment, 1, 1).as_str() {
                    "4" => 4,
                    "1" => 1,
                    "2" => 2,
                    _ => 3,
                };
                let utf8 = version == 4 && said(&text, &segment, 1, 3) == "7";
                text.declare(&said(&text, &segment, 1, 0), utf8, segment.ahead);
                let three = |element| [0, 1, 2].map(|component| said(&text, &segment, element, component));
                survey = Some(Survey {
                    version,
                    reference: said(&text, &segment, 5, 0),
                    sender: three(2),
                    receiver: three(3),
                    headings: Vec::new(),
                });
                Some(dialect_of(service, una, text.repertoire(), version))
            }
            (Some(tag), Some(survey)) if &tag == b"UNH" && survey.headings.len() < MOST_MESSAGES => {
                let part = |component| said(&text, &segment, 2, component);
                survey.headings.push(Heading {
                    reference: said(&text, &segment, 1, 0),
                    identifier: Identifier {
                        message: part(0),
                        version: part(1),
                        release: part(2),
                        agency: part(3),
                        association: part(4),
                    },
                });
                None
            }
            (Some(tag), Some(_)) if &tag == b"UNZ" => return Ok(survey),
            _ => None,
        };
        let cut = segment.overflow && !segment.terminated;
        if let Some(dialect) = dialect {
            lexer.set_dialect(dialect);
        }
        if cut {
            lexer.skip_segment()?;
        }
    }
}

fn errors(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|finding| finding.severity == Severity::Error)
}

struct Report {
    tree: Tree,
    version: u8,
}

impl Report {
    fn open(&mut self, name: &str) {
        self.tree.open_text(name, At::default());
    }

    fn close(&mut self) {
        self.tree.close();
    }

    fn leaf(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.tree.leaf_text(name, value, At::default());
        }
    }

    fn party(&mut self, name: &str, parts: [&str; 3], values: &[String; 3]) {
        if values.iter().any(|value| !value.is_empty()) {
            self.open(name);
            for (part, value) in parts.iter().zip(values) {
                self.leaf(part, value);
            }
            self.close();
        }
    }

    fn identifier(&mut self, identifier: &Identifier) {
        self.open("S009");
        for (name, value) in [
            ("0065", &identifier.message),
            ("0052", &identifier.version),
            ("0054", &identifier.release),
            ("0051", &identifier.agency),
            ("0057", &identifier.association),
        ] {
            self.leaf(name, value);
        }
        self.close();
    }

    fn message(&mut self, heading: &Heading, verdict: &Verdict<'_>) {
        self.open("SG1");
        self.open("UCM");
        self.leaf("0062", &heading.reference);
        if !heading.identifier.message.is_empty() {
            self.identifier(&heading.identifier);
        }
        self.leaf("0083", if verdict.accepted { "7" } else { "4" });
        let (service, mut data): (Vec<&Finding>, Vec<&Finding>) =
            errors(verdict.findings).partition(|finding| service_tag(&finding.place).is_some() || no_place(finding));
        if let Some(fault) = service.first().filter(|_| !verdict.accepted) {
            self.service_fault(fault);
        }
        self.close();
        if !verdict.accepted {
            data.sort_by_key(|finding| finding.place.segment);
            for faults in data.chunk_by(|one, other| one.place.segment == other.place.segment).take(MOST_SEGMENTS) {
                self.segment(faults);
            }
        }
        self.close();
    }

    fn segment(&mut self, faults: &[&Finding]) {
        self.open("SG2");
        self.open("UCS");
        let segment = faults.first().and_then(|fault| fault.place.segment).unwrap_or(1);
        self.leaf("0096", &segment.to_string());
        if let Some(fault) = faults.iter().find(|fault| fault.place.element.is_none()) {
            self.leaf("0085", error_code(fault));
        }
        self.close();
        for fault in faults.iter().filter(|fault| fault.place.element.is_some()).take(MOST_ELEMENTS) {
            self.open("UCD");
            self.leaf("0085", error_code(fault));
            self.position(&fault.place);
            self.close();
        }
        self.close();
    }

    /// Error, service segment and element of UCI and UCM.
    fn service_fault(&mut self, fault: &Finding) {
        self.leaf("0085", error_code(fault));
        if let Some(tag) = service_tag(&fault.place) {
            self.leaf(if self.version >= 4 { "0135" } else { "0013" }, tag);
            if fault.place.element.is_some() {
                self.position(&fault.place);
            }
        }
    }

    /// S011 counts the tag as position 1.
    fn position(&mut self, place: &Place) {
        self.open("S011");
        self.leaf("0098", &(u32::from(place.element.unwrap_or(0)) + 1).to_string());
        if let Some(component) = place.component {
            self.leaf("0104", &component.to_string());
        }
        self.close();
    }
}

/// The service segment a place is in.
fn service_tag(place: &Place) -> Option<&'static str> {
    let path = place.path.as_deref()?;
    let known = ["UNA", "UNB", "UNZ", "UNG", "UNE", "UNH", "UNT"];
    known.into_iter().find(|tag| path.split('/').any(|step| step == *tag))
}

/// Whether a finding is about the message as a whole.
fn no_place(finding: &Finding) -> bool {
    finding.place.segment.is_none()
}

/// Data element 0085 for a finding.
fn error_code(finding: &Finding) -> &'static str {
    let in_element = finding.place.element.is_some();
    match finding.code {
        Code::Encoding | Code::CharacterNotInRepertoire => "21",
        Code::Missing | Code::Truncated => "13",
        Code::UnknownVersion if service_tag(&finding.place) == Some("UNB") => "2",
        Code::UnknownMessage | Code::UnknownVersion => "3",
        Code::Unexpected if in_element => "16",
        Code::Unexpected => "15",
        Code::TooMany if finding.found.starts_with("SG") => "36",
        Code::TooMany => "35",
        Code::TooLong => "39",
        Code::TooShort => "40",
        Code::BadValue | Code::NotInCodeList => "12",
        Code::WrongCount => "29",
        Code::WrongReference => "28",
        Code::SenderMismatch => "23",
        Code::ReceiverUnknown => "7",
        Code::NoAgreement => "17",
        Code::Conflict | Code::Repeat => "26",
        Code::Syntax if service_tag(&finding.place) == Some("UNA") => "20",
        _ => "18",
    }
}
