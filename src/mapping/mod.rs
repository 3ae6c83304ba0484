//! Mapping: their words to ours and back, one file for both ways (`mappings/`, notation in `docs/mappings.md`). Pure.
//!
//! A file is compiled against the grammar of the message and the table of fields of our document; a row that names what
//! neither has is an error with file, line and column. Reading gives the tree of one of our documents with the origin of
//! every node of it; writing gives the tree of the partner's message. What no row carries is kept in `unmapped`.

mod carried;
mod codes;
mod compile;
mod file;
mod function;
mod library;
mod machine;
mod moment;
mod packing;
mod path;
mod program;
mod read;
mod resolve;
mod rule;
mod table;
mod trie;
mod unmapped;
mod write;

use std::sync::Arc;

pub use carried::{Carried, Direction};
pub use library::{Library, Records, library};
pub use read::Read;
pub use write::Wrote;

use crate::model::document_type::DocumentType;
use crate::model::envelope::Envelope;
use crate::model::message::MessageType;
use crate::model::name::Name;
use crate::model::party_id::PartyId;
use crate::model::tree::{NodeId, Tree};
use crate::schema::grammar::Grammar;

/// A compiled mapping of one message type.
#[derive(Debug)]
pub struct Mapping {
    /// The message.
    pub message_type: MessageType,
    /// The document it becomes.
    pub document_type: DocumentType,
    /// The name of the file, for people.
    pub name: String,
    message: String,
    pivot: Pivot,
    grammar: Arc<Grammar>,
    scopes: Vec<rule::Scope>,
    root: u32,
    /// The name of the root of the document's tree.
    root_name: Name,
    /// The scope of what is read one by one when the message is large: our field, their element.
    group: Option<(u32, Name, Name)>,
    sender: Vec<Vec<Name>>,
    receiver: Vec<Vec<Name>>,
    registers: Vec<Name>,
    qualifiers: unmapped::Qualifiers,
    /// `identifiers`, `value`, `scheme`.
    identifier: (Name, Name, Name),
    /// `id` of a party.
    party_id: Name,
    /// `unmapped`, `message`, `place`, `value`.
    unmapped: (Name, Name, Name, Name),
}

/// How the shape of a message is turned before it is mapped.
#[derive(Debug, Default)]
enum Pivot {
    #[default]
    None,
    /// Parcels are levels of the packing.
    Packing,
    /// The head of a table stands in all its rows: the columns, the name of a row.
    Table(rustc_hash::FxHashSet<Name>, Name),
}

impl Mapping {
    /// Lets go of what the other way needs, and of what is for people: it is kept as long as the hub runs.
    fn keep(&mut self, way: file::Way) {
        for scope in &mut self.scopes {
            match way {
                file::Way::Both => return,
                file::Way::Read => scope.write = rule::Program::default(),
                file::Way::Write => scope.read = rule::Program::default(),
            }
            scope.rows = Vec::new();
        }
    }

    /// The document it becomes.
    pub fn document_type(&self) -> DocumentType {
        self.document_type
    }

    /// Sender and receiver where the format has no envelope: the parties that the file's `[envelope]` names, in the
    /// document that was read.
    pub fn envelope(&self, tree: &Tree) -> Envelope {
        let find = |paths: &[Vec<Name>]| paths.iter().find_map(|path| self.party_at(tree, path));
        Envelope { sender: find(&self.sender), receiver: find(&self.receiver), ..Envelope::default() }
    }

    /// The identifier of a party: its own, else its first.
    fn party_at(&self, tree: &Tree, path: &[Name]) -> Option<PartyId> {
        let mut at = tree.root()?;
        for &name in path {
            at = tree.child(at, name)?;
        }
        let own = tree.child(at, self.party_id).and_then(|id| tree.value(id).trim().parse().ok());
        own.or_else(|| {
            let (list, value, _) = self.identifier;
            let named: Vec<NodeId> = tree.children(at).filter(|&child| tree.child(child, value).is_some()).collect();
            let best = named.iter().find(|&&child| tree.name(child) == list).or(named.first())?;
            let value = tree.value(tree.child(*best, value)?).trim();
            (!value.is_empty()).then(|| PartyId::new("", value))
        })
    }
}

#[cfg(test)]
mod law;
#[cfg(test)]
mod tests;
