//! What becomes of the lines of a catalogue that is read line by line.

use super::{ReadMessage, Source, TakeLine};
use crate::document::catalogue::{self, CatalogueLine, Target};
use crate::error::{Error, Result};
use crate::model::document_type::DocumentType;
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::pipeline::worker;
use crate::store::interchanges;
use crate::store::items::ItemRow;

/// Lines of a large catalogue written in one transaction.
const LINES_AT_ONCE: usize = 500;

/// What becomes of the groups of a message that is read in pieces.
pub(super) trait Sink {
    /// A message's head was read.
    fn head(&mut self, _message: &mut ReadMessage) -> Result<()> {
        Ok(())
    }

    /// A group was read as a canonical line. True if it was taken; else it is put into the document.
    fn line(&mut self, _line: &CatalogueLine, _number: u32, _findings: &mut Findings) -> Result<bool> {
        Ok(false)
    }

    /// The message ended.
    fn end(&mut self, _message: &mut ReadMessage) -> Result<()> {
        Ok(())
    }
}

/// Keeps every line in the document: small interchanges and stateless calls.
pub(super) struct Keep;

impl Sink for Keep {}

/// Gives each line of a catalogue away.
pub(super) struct Each<'e, 't> {
    pub(super) take: &'e mut TakeLine<'t>,
}

impl Sink for Each<'_, '_> {
    fn line(&mut self, line: &CatalogueLine, number: u32, findings: &mut Findings) -> Result<bool> {
        (self.take)(line, number, findings).map(|()| true)
    }
}

/// A row, the item's identifiers, which line it was.
type Staged = (ItemRow, Vec<(&'static str, String)>, u32);

/// Writes catalogue lines to the store, out of view, in steps.
pub(super) struct Stage<'s> {
    source: &'s Source,
    waiting: Vec<Staged>,
    target: Option<Target>,
}

impl<'s> Stage<'s> {
    pub(super) fn new(source: &'s Source) -> Stage<'s> {
        Stage { source, waiting: Vec::new(), target: None }
    }

    fn flush(&mut self, findings: &mut Findings) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.waiting);
        let (id, epoch) = (self.source.interchange.id, self.source.interchange.epoch);
        let until_ms = self.source.hub.clock.now_ms() + worker::LEASE_MS;
        let doubled = self.source.hub.store.write_blocking(move |tx| {
            if !interchanges::renew(tx, id, epoch, until_ms)? {
                return Err(Error::store("the lease of a large interchange was lost"));
            }
            let mut doubled = Vec::new();
            for (row, identifiers, number) in &rows {
                if !catalogue::stage(tx, row, identifiers)? {
                    doubled.push((*number, row.item_key.clone()));
                }
            }
            Ok(doubled)
        })?;
        for (number, key) in doubled {
            let place = Place::path(format!("lines[{number}].item"));
            findings.push(Finding::error(Code::DuplicateLine, place).found(key));
        }
        Ok(())
    }
}

impl Sink for Stage<'_> {
    fn head(&mut self, message: &mut ReadMessage) -> Result<()> {
        if message.document_type == Some(DocumentType::Catalogue) {
            let document_id = self.source.hub.next_id();
            message.document_id = Some(document_id);
            self.target = Some(Target {
                centre_id: self.source.interchange.centre_id,
                producer_id: self.source.interchange.organisation_id,
                document_id,
            });
        }
        Ok(())
    }

    fn line(&mut self, line: &CatalogueLine, number: u32, findings: &mut Findings) -> Result<bool> {
        let Some(target) = self.target else { return Ok(false) };
        let id = self.source.hub.next_id();
        if let Some(row) = line.row(number, target, id, findings)? {
            self.waiting.push((row, line.identifiers(), number));
        }
        if self.waiting.len() >= LINES_AT_ONCE {
            self.flush(findings)?;
        }
        Ok(true)
    }

    fn end(&mut self, message: &mut ReadMessage) -> Result<()> {
        let mut findings = Findings::default();
        self.flush(&mut findings)?;
        message.findings.extend(findings.into_vec());
        self.target = None;
        Ok(())
    }
}
