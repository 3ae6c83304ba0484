//! dure-json: our own documents as JSON, `{"type": "Order", "id": "4711", …}` with the canonical field names.
//!
//! Lists become siblings of one name, null is absent, numbers stay as written. An array of documents is several messages.
//! A large one whose table says where it is cut comes as head, groups and tail, whatever the order of its members when the
//! bytes are in memory, in their order when they come as a stream. Left out: JSON Schema, JSON Lines.

mod build;
mod pull;
mod write;

pub use write::write;

use std::io::Read;

use bytes::Bytes;

use build::{Build, Stop};
use pull::{Event, Pull, Rest};

use super::outbox::Outbox;
use super::{Format, Hint, Limits, MessageStart, Part, Reader, Source};
use crate::error::{Context, Result};
use crate::model::document_type::DocumentType;
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::model::message::MessageType;
use crate::model::name::Name;
use crate::model::tree::Tree;
use crate::schema::library;

/// How JSON is known.
pub(super) const FORMAT: Format = Format {
    name: "json",
    media_types: &["application/json"],
    endings: &["json"],
    magic: None,
    begins: |text| text.starts_with(['{', '[']),
    looks: |_| false,
    open: |source, hint, limits| Ok(Box::new(JsonReader::new(source, hint, limits)?)),
};

/// Documents larger than this come in groups where their table says so, as XML ones do.
const LARGE_BYTES: usize = 1 << 20;

/// The member that names the document.
const TYPE: &str = "type";

/// Reads dure-json.
pub struct JsonReader {
    pull: Pull<Rest>,
    expected: Option<MessageType>,
    build: Build,
    queue: Outbox,
    stage: Stage,
    /// Where a type is cut.
    cut_of: fn(&MessageType) -> Option<Name>,
    large_bytes: usize,
    /// The list that is being read element by element.
    cut: String,
    root: String,
    ordinal: u32,
    /// Whether the head was already read ahead, so that other members are passed over.
    ahead: bool,
    /// Whether the list has come.
    listed: bool,
    /// Members that stood before it.
    keys: Vec<String>,
}

/// Where the reading is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Before anything.
    Start,
    /// Between the documents of an array.
    Between,
    /// Among the members of a document that is cut.
    Members,
    /// Among the elements of the list it is cut at.
    Groups,
    /// Over.
    Done,
}

/// A document in an array of documents, or alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Document,
    Over,
}

impl JsonReader {
    /// Over a source.
    pub fn new(source: Source, hint: &Hint, limits: &Limits) -> Result<JsonReader> {
        Ok(JsonReader {
            pull: pull::open(gather(source, limits)?, limits),
            expected: hint.message_type.clone().filter(|known| known.standard == "dure"),
            build: Build::new(limits),
            queue: Outbox::default(),
            stage: Stage::Start,
            cut_of: |message_type| library().message(message_type)?.cut,
            large_bytes: LARGE_BYTES,
            cut: String::new(),
            root: String::new(),
            ordinal: 0,
            ahead: false,
            listed: false,
            keys: Vec::new(),
        })
    }

    fn event(&mut self, findings: &mut Findings) -> Result<Option<Event>> {
        Ok(match self.pull.next()? {
            Ok(event) => Some(event),
            Err(finding) => {
                findings.push(*finding);
                None
            }
        })
    }

    fn step(&mut self, findings: &mut Findings) -> Result<()> {
        match self.stage {
            Stage::Done => {}
            Stage::Start => match self.event(findings)? {
                Some(Event::BeginObject) => self.document(findings)?,
                Some(Event::BeginArray) => self.stage = Stage::Between,
                Some(Event::End) | None => self.stage = Stage::Done,
                Some(_) => {
                    let place = Place::from_at(self.pull.place);
                    let finding = Finding::error(Code::Unexpected, place);
                    findings.push(finding.found("a single value").expected("an object with a type"));
                    self.stage = Stage::Done;
                }
            },
            Stage::Between => match self.next_in_array(findings)? {
                Next::Document => self.document(findings)?,
                // Nothing may stand behind the array.
                Next::Over if self.stage != Stage::Done => self.stage = Stage::Start,
                Next::Over => {}
            },
            Stage::Members => self.members(findings)?,
            Stage::Groups => match self.next_in_array(findings)? {
                Next::Document => self.group(findings)?,
                Next::Over if self.stage == Stage::Done => self.queue.push(Part::End),
                Next::Over => {
                    self.stage = Stage::Members;
                    let keys = std::mem::take(&mut self.keys);
                    self.build.resume(&self.root, self.pull.place, keys);
                }
            },
        }
        Ok(())
    }

    /// The next object of an array. What is no object is a finding and passed over.
    fn next_in_array(&mut self, findings: &mut Findings) -> Result<Next> {
        loop {
            match self.event(findings)? {
                Some(Event::BeginObject) => return Ok(Next::Document),
                Some(Event::EndArray) => return Ok(Next::Over),
                Some(Event::Null) => {}
                None | Some(Event::End) => {
                    self.stage = Stage::Done;
                    return Ok(Next::Over);
                }
                Some(event) => {
                    let place = Place::from_at(self.pull.place);
                    findings.push(Finding::error(Code::Unexpected, place).found("a value").expected("an object"));
                    if let Err(finding) = self.pull.skip(event)? {
                        findings.push(*finding);
                    }
                }
            }
        }
    }

    /// What comes after a document.
    fn after(&self) -> Stage {
        if self.pull.is_in_array() { Stage::Between } else { Stage::Start }
    }

    /// A document whose `{` was read.
    fn document(&mut self, findings: &mut Findings) -> Result<()> {
        let at = self.pull.place;
        let Some(message_type) = self.message_type(findings)? else {
            self.pass_over(findings)?;
            return Ok(());
        };
        // Its table knows the names that the trees are made of.
        let table = library().message(&message_type);
        let known = table.is_some() || message_type.name.parse::<DocumentType>().is_ok();
        self.queue.push(Part::Start(MessageStart { message_type: message_type.clone(), reference: String::new() }));
        if !known {
            let place = Place { path: Some(TYPE.to_owned()), ..Place::from_at(at) };
            let names: Vec<&str> = DocumentType::ALL.iter().map(|kind| kind.as_str()).collect();
            let finding = Finding::error(Code::UnknownMessage, place);
            findings.push(finding.found(&message_type.name).expected(names.join(", ")));
            self.pass_over(findings)?;
            self.queue.push(Part::End);
            return Ok(());
        }
        self.root.clone_from(&message_type.name);
        self.build.begin(&self.root, at);
        self.ordinal = 0;
        let small = self.pull.is_all_here() && self.pull.bytes_here() <= self.large_bytes;
        let Some(cut) = (self.cut_of)(&message_type).filter(|_| !small) else {
            match self.build.members(&mut self.pull, None, &[TYPE], findings)? {
                Stop::End if self.build.is_too_large() => self.stage = self.after(),
                Stop::End => {
                    let tree = self.build.take();
                    self.queue.push(Part::Whole(tree));
                    self.stage = self.after();
                }
                Stop::Cut | Stop::Broken => self.stage = Stage::Done,
            }
            self.queue.push(Part::End);
            return Ok(());
        };
        self.cut = cut.as_str().to_owned();
        (self.ahead, self.listed) = (false, false);
        if self.pull.is_all_here() {
            // Everything but the list first, so that the head has all of it.
            let mut ahead = self.pull.ahead();
            let mut heard = Findings::default();
            if self.build.members(&mut ahead, None, &[TYPE, &self.cut], &mut heard)? == Stop::End {
                findings.extend(heard.into_vec());
                self.ahead = true;
                let head = self.build.take();
                self.queue.push(Part::Head(head));
            }
            self.build.begin(&self.root, at);
        }
        self.stage = Stage::Members;
        Ok(())
    }

    /// Members of a document that is cut, up to its list or its end. What was read ahead is not told again.
    fn members(&mut self, findings: &mut Findings) -> Result<()> {
        let mut heard = Findings::default();
        let stop = self.build.members(&mut self.pull, Some(&self.cut), &[TYPE], &mut heard)?;
        if !self.ahead || stop == Stop::Broken {
            findings.extend(heard.into_vec());
        }
        let keys = self.build.pause();
        let built = self.build.take();
        let tree = if self.ahead { self.bare() } else { built };
        match stop {
            Stop::Cut => {
                if !self.ahead {
                    self.queue.push(Part::Head(tree));
                }
                (self.listed, self.keys, self.stage) = (true, keys, Stage::Groups);
            }
            Stop::End => {
                if self.listed || self.ahead {
                    self.queue.push(Part::Tail(tree));
                } else {
                    self.queue.push(Part::Head(tree));
                    let bare = self.bare();
                    self.queue.push(Part::Tail(bare));
                }
                self.queue.push(Part::End);
                self.stage = self.after();
            }
            Stop::Broken => {
                self.queue.push(Part::End);
                self.stage = Stage::Done;
            }
        }
        Ok(())
    }

    /// A tree that is only the root.
    fn bare(&mut self) -> Tree {
        self.build.begin(&self.root, self.pull.place);
        self.build.take()
    }

    fn group(&mut self, findings: &mut Findings) -> Result<()> {
        self.build.begin(&self.cut, self.pull.place);
        self.ordinal = self.ordinal.saturating_add(1);
        match self.build.members(&mut self.pull, None, &[], findings)? {
            Stop::End => {
                let mut tree = self.build.take();
                tree.ordinal = self.ordinal;
                self.queue.push(Part::Group(tree));
            }
            Stop::Cut | Stop::Broken => {
                self.queue.push(Part::End);
                self.stage = Stage::Done;
            }
        }
        Ok(())
    }

    fn pass_over(&mut self, findings: &mut Findings) -> Result<()> {
        self.stage = match self.pull.skip(Event::BeginObject)? {
            Ok(()) => self.after(),
            Err(finding) => {
                findings.push(*finding);
                Stage::Done
            }
        };
        Ok(())
    }

    /// The type of the document that has begun: its member `type`, else what the agreement expects. From a stream it must
    /// be among the first members.
    fn message_type(&mut self, findings: &mut Findings) -> Result<Option<MessageType>> {
        let said = find_type(&mut self.pull.ahead())?;
        let named = |name: &str| {
            let name = name.parse::<DocumentType>().map_or(name.to_owned(), |known| known.as_str().to_owned());
            MessageType::new("dure", "1", &name)
        };
        let found = said.map(|name| named(&name)).or_else(|| self.expected.clone());
        if found.is_none() {
            let place = Place { path: Some(TYPE.to_owned()), ..Place::from_at(self.pull.place) };
            findings.push(Finding::error(Code::Missing, place).expected(TYPE));
        }
        Ok(found)
    }
}

/// The value of the member `type` of an object that has begun, as far as the bytes go.
fn find_type<S: pull::More>(pull: &mut Pull<S>) -> Result<Option<String>> {
    loop {
        let Ok(Event::Key) = pull.next()? else { return Ok(None) };
        let wanted = pull.text == TYPE;
        let Ok(event) = pull.next()? else { return Ok(None) };
        if wanted {
            return Ok((event == Event::String).then(|| std::mem::take(&mut pull.text)));
        }
        if pull.skip(event)?.is_err() {
            return Ok(None);
        }
    }
}

/// A stream that is no longer than a whole message may be is taken into memory.
fn gather(source: Source, limits: &Limits) -> Result<Source> {
    let Source::Stream(mut read) = source else { return Ok(source) };
    let mut head = Vec::new();
    read.by_ref().take(limits.whole_bytes.saturating_add(1)).read_to_end(&mut head).context(|| "read the document")?;
    if head.len() as u64 <= limits.whole_bytes {
        return Ok(Source::Bytes(Bytes::from(head)));
    }
    Ok(Source::Stream(Box::new(std::io::Cursor::new(head).chain(read))))
}

impl Reader for JsonReader {
    fn next(&mut self, findings: &mut Findings) -> Result<Option<Part>> {
        loop {
            if let Some(part) = self.queue.pop(findings) {
                return Ok(Some(part));
            }
            if self.stage == Stage::Done {
                return Ok(None);
            }
            let mut own = Findings::default();
            self.step(&mut own)?;
            self.queue.tell(own, findings);
        }
    }
}

#[cfg(test)]
mod tests;
