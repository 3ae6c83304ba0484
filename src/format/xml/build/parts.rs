//! Which part of an interchange is being built: the header around a message, the message whole, or its head, groups and
//! tail.

use super::{Builder, Halt, open};
use crate::format::xml::position::{Places, START, advance};
use crate::format::xml::{recognise, sbdh};
use crate::format::{MessageStart, Part};
use crate::model::finding::{Code, Findings};
use crate::model::name::Name;
use crate::model::tree::{At, Shape, Tree};

/// Where in the document the reading is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// No document element yet.
    Before,
    /// Inside an SBDH, around its header.
    Header,
    /// Inside an SBDH, between header and message or behind the message.
    Between,
    /// Inside the message.
    Message(Phase),
    /// The document element has ended.
    After,
}

/// Which part of the message is being built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Whole,
    Head,
    Groups,
    Group,
    Tail,
}

impl Builder {
    /// The document element, or the one behind an SBDH's header.
    pub(super) fn root_element(
        &mut self,
        qname: &str,
        at: At,
        offset: u64,
        findings: &mut Findings,
    ) -> Result<(), Halt> {
        let (uri, local) = match self.names.expand(qname) {
            Ok((uri, local)) => (uri.to_owned(), local),
            Err(message) => return Err(self.syntax(advance(at, "<"), message)),
        };
        self.tree_offset = offset;
        if self.stage == Stage::Before && uri == sbdh::NAMESPACE && local == "StandardBusinessDocument" {
            self.grammar = sbdh::grammar();
            self.names.speak(&uri, self.grammar.as_ref());
            self.stage = Stage::Header;
            return Ok(());
        }
        if self.stage == Stage::Between && self.root.is_some() {
            findings
                .push(self.halt(Code::Unexpected, at).found(local).expected("the end of the StandardBusinessDocument"));
        }
        let message_type = recognise::message_type(&uri, local);
        self.grammar = recognise::grammar(&message_type);
        self.names.speak(&uri, self.grammar.as_ref());
        self.cut = self.grammar.as_ref().and_then(|grammar| grammar.cut).filter(|_| self.cutting);
        self.root = None;
        self.groups = 0;
        self.stage = Stage::Message(if self.cut.is_some() { Phase::Head } else { Phase::Whole });
        self.parts.push_back(Part::Start(MessageStart { message_type, reference: String::new() }));
        Ok(())
    }

    /// A child of a message that is cut: the head may end here, a group start, or the tail.
    pub(super) fn child_of_root(&mut self, name: Name, at: At, offset: u64) {
        let Stage::Message(phase) = self.stage else { return };
        let group = Some(name) == self.cut && phase != Phase::Tail;
        if group {
            if phase == Phase::Head {
                self.tree.close();
                let head = self.take_tree(offset);
                self.parts.push_back(Part::Head(head));
            }
            self.groups = self.groups.saturating_add(1);
            self.tree_offset = offset;
            self.tree.ordinal = self.groups;
            self.prefix.clone_into(&mut self.tree.prefix);
            self.stage = Stage::Message(Phase::Group);
        } else if phase == Phase::Groups {
            self.open_tail(at, offset);
        }
    }

    pub(super) fn open_tail(&mut self, at: At, offset: u64) {
        self.tree_offset = offset;
        self.stage = Stage::Message(Phase::Tail);
        if let Some((name, text)) = &self.root {
            open(&mut self.tree, *name, text, at);
        }
    }

    pub(super) fn take_tree(&mut self, offset: u64) -> Tree {
        self.tree_offset = offset;
        std::mem::replace(&mut self.tree, Tree::new(Shape::Xml))
    }

    pub(super) fn end_message(&mut self, phase: Phase, offset: u64) {
        if phase == Phase::Groups {
            // Nothing came behind the groups: a tail without children.
            self.open_tail(START, offset);
        }
        self.tree.close();
        let tree = self.take_tree(offset);
        self.parts.push_back(match phase {
            Phase::Whole => Part::Whole(tree),
            Phase::Head => Part::Head(tree),
            Phase::Groups | Phase::Group | Phase::Tail => Part::Tail(tree),
        });
        if phase == Phase::Head {
            self.open_tail(START, offset);
            self.tree.close();
            let tail = self.take_tree(offset);
            self.parts.push_back(Part::Tail(tail));
        }
        self.parts.push_back(Part::End);
        self.stage = Stage::Between;
    }

    pub(super) fn end_header(&mut self, findings: &mut Findings) {
        while self.tree.depth() > 0 {
            self.tree.close();
        }
        self.parts.push_back(Part::Envelope(sbdh::envelope(&self.tree)));
        sbdh::check(&self.tree, findings);
        self.tree.clear();
    }

    /// Text right below the root between two groups belongs to the tail, where it is found fault with.
    pub(super) fn between_groups(&mut self, places: &mut impl Places) {
        if self.stage == Stage::Message(Phase::Groups) && self.open.len() == self.outside + 1 {
            self.open_tail(places.here(), places.offset());
        }
    }
}
