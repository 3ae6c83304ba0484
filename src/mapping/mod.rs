//! Their words to ours and back. (Interim: the mapping colleague's files replace this one; on a conflict take theirs.)

use std::sync::Arc;

use crate::model::document_type::DocumentType;
use crate::model::envelope::Envelope;
use crate::model::finding::Finding;
use crate::model::message::MessageType;
use crate::model::tree::{NodeId, Tree};

/// All mappings.
#[derive(Debug)]
pub struct Library;

/// All mappings.
pub fn library() -> &'static Library {
    &Library
}

impl Library {
    /// The mapping of a message.
    pub fn mapping(&self, _: &MessageType) -> Option<Arc<Mapping>> {
        None
    }
}

/// One mapping, both ways.
#[derive(Debug)]
pub enum Mapping {}

/// What was read.
#[derive(Debug)]
pub struct Read {
    /// Ours.
    pub tree: Tree,
    /// Where each node came from.
    pub origin: Vec<NodeId>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// What was written.
#[derive(Debug)]
pub struct Wrote {
    /// Theirs.
    pub tree: Tree,
    /// What was not carried.
    pub findings: Vec<Finding>,
}

impl Mapping {
    /// What it is to us.
    pub fn document_type(&self) -> DocumentType {
        match *self {}
    }

    /// Who sends it to whom.
    pub fn envelope(&self, _: &Tree) -> Envelope {
        match *self {}
    }

    /// Reads a whole message.
    pub fn read(&self, _: &Tree) -> Read {
        match *self {}
    }

    /// Reads a head.
    pub fn read_head(&self, _: &Tree) -> Read {
        match *self {}
    }

    /// Reads a tail.
    pub fn read_tail(&self, _: &Tree) -> Read {
        match *self {}
    }

    /// Reads a group.
    pub fn read_group(&self, _: &Tree) -> Read {
        match *self {}
    }

    /// Writes a whole message.
    pub fn write(&self, _: &Tree) -> Wrote {
        match *self {}
    }
}
