//! A compiled mapping. Every record of ours met at a type of theirs is a [`Scope`]; a scope has a program for reading and
//! one for writing. A program is two tries, one of the side it comes from and one of the side it goes to: the first
//! fills slots with the nodes it finds, the second is walked in the order things are written and takes from them.
//! Between the two stand the rules. Reading and writing are the same machine with the sides exchanged.

use std::sync::Arc;

use super::codes::Table;
use super::file::Way;
use super::function::Function;
use crate::model::name::Name;

/// Index of a slot of a program.
pub(super) type Port = u16;

/// A record of ours at a type of theirs.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) read: Program,
    pub(super) write: Program,
    /// Whether the record keeps what is not carried.
    pub(super) keeps_unmapped: bool,
    pub(super) party: Option<PartyId>,
    /// What it was made from, for people.
    pub(super) rows: Vec<Carries>,
}

/// A row as people read it.
#[derive(Clone, Debug)]
pub(super) struct Carries {
    /// Path of ours in its record.
    pub(super) ours: String,
    /// Path of theirs, or the fixed value with `=` before it.
    pub(super) theirs: String,
    pub(super) way: Way,
    /// The scope of what is below.
    pub(super) scope: Option<u32>,
    /// What is done to the value; empty when it is taken as it is.
    pub(super) note: String,
    /// Whether it may be there several times.
    pub(super) list: bool,
}

/// One direction of a scope.
#[derive(Debug, Default)]
pub(super) struct Program {
    pub(super) from: Trie,
    pub(super) to: Trie,
    pub(super) rules: Vec<Rule>,
    /// Rules with a function of several values, which are worked out before anything is written.
    pub(super) several: Vec<u16>,
    /// Slots of the from side.
    pub(super) slots: usize,
    /// Those that are not gates stand first.
    pub(super) gates_from: usize,
    /// Slots with a count and the name that is counted.
    pub(super) counts: Vec<(Port, Name)>,
    /// Writing: slots whose value is dropped when it is that of a register.
    pub(super) inherited: Vec<(Port, u8)>,
    /// Writing: the slot of what was not carried.
    pub(super) unmapped: Option<Port>,
    /// Writing: the slot of a party's own identifier that no rule takes.
    pub(super) party_id: Option<Port>,
}

/// Paths of one side with their common beginnings shared. Level 0 is the node of the scope itself.
#[derive(Debug, Default)]
pub(super) struct Trie {
    pub(super) levels: Vec<Level>,
}

/// What is known below one node.
#[derive(Debug, Default)]
pub(super) struct Level {
    /// Names of the entries, for scanning.
    pub(super) names: Vec<Name>,
    pub(super) entries: Vec<Entry>,
    /// The text of the node itself.
    pub(super) value: Option<End>,
}

/// The end of a path: a slot when it is the side come from, a rule's output when it is the side gone to.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// From: the slot. To: the rule.
    pub(super) index: u16,
    /// To: which of the outputs of the rule.
    pub(super) output: u16,
    /// Longest value, in characters; `u32::MAX` for any.
    pub(super) longest: u32,
    /// Whether it is a record, so that the node and not its text is taken.
    pub(super) record: bool,
}

/// A child.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Name,
    pub(super) test: Option<Box<Test>>,
    pub(super) end: Option<End>,
    pub(super) level: Option<u16>,
    pub(super) constant: Option<Box<Constant>>,
    /// To: written again as long as there is something for it.
    pub(super) repeat: bool,
    /// To: most of this name.
    pub(super) most: u32,
    /// To: holds a constant of what is around it, so that it is written even if nothing else is in it.
    pub(super) keep: bool,
    /// To: written whether or not there is something for it.
    pub(super) always: bool,
    /// From: a slot that is taken once the first such node was entered; later ones are left over.
    pub(super) gate: Option<Port>,
    /// To: the slots that feed what is at and below it.
    pub(super) feeds: Box<[Port]>,
}

/// A fixed value.
#[derive(Debug)]
pub(super) struct Constant {
    /// Accepted when met; the first is written. None at all: whatever stands there is passed over, and nothing written.
    pub(super) texts: Box<[Box<str>]>,
    /// Written in any case; else only with something beside it.
    pub(super) always: bool,
    /// Not kept when nothing beside it is carried.
    pub(super) quiet: bool,
}

/// A test of a node.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) path: Box<[Name]>,
    pub(super) wanted: Wanted,
}

/// What a test wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// One of these values.
    OneOf(Box<[Box<str>]>),
    Something,
    Nothing,
}

/// What happens between slots and outputs.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) kind: Kind,
    /// Slots it takes from. For one output they are tried in order; a function takes them all.
    pub(super) inputs: Box<[Port]>,
    /// Given when there is nothing, in the words of the side it goes to.
    pub(super) default: Option<Box<str>>,
    /// A value of theirs that means nothing, written where something has to stand.
    pub(super) fill: Option<Box<str>>,
    /// Taken when there is nothing, left out when equal.
    pub(super) inherit: Option<u8>,
    /// The register this value is for.
    pub(super) hoist: Option<u8>,
}

/// What one value becomes.
#[derive(Debug)]
pub(super) enum Kind {
    /// Its text.
    Text,
    /// A factor of ours, a percentage of theirs.
    Percent,
    /// The counterpart of its code.
    Codes(Arc<Table>),
    /// A record, by scope.
    Record(u32),
    /// One of the outcomes of a function.
    Several {
        function: Function,
        /// How many there are.
        outputs: u16,
        /// Its place in `several`.
        position: u16,
    },
    /// How many nodes of that name there are on their side.
    Count(Name),
}

/// How a party's own identifier is found among the others (field paths), and into which list it goes when none has it.
#[derive(Debug)]
pub(super) struct PartyId {
    pub(super) field: Name,
    pub(super) from: Vec<Box<[Name]>>,
    /// The slot of the writing program that takes one more identifier.
    pub(super) into: Option<Port>,
}
