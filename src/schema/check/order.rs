//! Whether a child may stand where it stands: in a sequence, in any order, or in a model of choices and wildcards. After an
//! error a sequence goes on at the next child it knows.

use super::{Against, Checker, Frame};
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::model::name::Name;
use crate::model::tree::{NodeId, Tree};
use crate::schema::automaton::{Automaton, Symbol};
use crate::schema::grammar::{Content, Grammar, Type, UNBOUNDED};
use crate::schema::notation::Process;

/// Most names listed as expected.
const MOST_EXPECTED: usize = 8;

impl Checker {
    pub(super) fn in_sequence(
        &mut self,
        tree: &Tree,
        id: NodeId,
        name: Name,
        ty: &Type,
        findings: &mut Findings,
    ) -> Option<Against> {
        let frame = self.frames.last_mut()?;
        let (cursor, count) = (frame.cursor, frame.count);
        let present = ty.particles.get(cursor);
        let ahead = |from: usize| {
            let behind = ty.names.get(from..).unwrap_or(&[]);
            behind.iter().position(|known| *known == name).map(|found| from + found)
        };
        if let Some(particle) = present.filter(|particle| particle.name == name) {
            if count < particle.max {
                frame.count += 1;
                return Some(Against::Type(particle.type_id));
            }
            let Some(again) = ahead(cursor + 1) else {
                frame.count = frame.count.saturating_add(1);
                // Once for a whole row of them.
                if count == particle.max {
                    let place = tree.place(id);
                    findings.push(
                        Finding::error(Code::TooMany, place).found(name.as_str()).expected(particle.max.to_string()),
                    );
                }
                return Some(Against::Type(particle.type_id));
            };
            return self.jump(tree, id, ty, again, findings);
        }
        let from = if present.is_some() && count > 0 { cursor + 1 } else { cursor };
        if let Some(found) = ahead(from) {
            return self.jump(tree, id, ty, found, findings);
        }
        let expected = expected_in_sequence(ty, cursor, count);
        self.unexpected(tree, id, expected, findings);
        ty.child(name).map(|particle| Against::Type(particle.type_id))
    }

    /// Goes on to a later particle; what lies between and must be there is missing.
    fn jump(&mut self, tree: &Tree, id: NodeId, ty: &Type, to: usize, findings: &mut Findings) -> Option<Against> {
        let frame = self.frames.last_mut()?;
        let before = *frame;
        frame.cursor = to;
        frame.count = 1;
        self.missing_between(&before, tree, ty, to, Some(id), findings);
        ty.particles.get(to).map(|particle| Against::Type(particle.type_id))
    }

    /// Reports the mandatory particles from the frame's cursor up to `to`, that one left out.
    pub(super) fn missing_between(
        &self,
        frame: &Frame,
        tree: &Tree,
        ty: &Type,
        to: usize,
        found: Option<NodeId>,
        findings: &mut Findings,
    ) {
        let mut index = frame.cursor;
        if let Some(particle) = ty.particles.get(index) {
            if index < to && frame.count < particle.min {
                self.missing(frame, tree, particle.name.as_str(), found, findings);
            }
            index += 1;
        }
        while let Some(required) = ty.next_required.get(index).map(|next| usize::from(*next)).filter(|next| *next < to)
        {
            let Some(particle) = ty.particles.get(required) else { break };
            self.missing(frame, tree, particle.name.as_str(), found, findings);
            index = required + 1;
        }
    }

    pub(super) fn missing(
        &self,
        frame: &Frame,
        tree: &Tree,
        expected: impl AsRef<str>,
        found: Option<NodeId>,
        findings: &mut Findings,
    ) {
        let place = match frame.node {
            Some(node) => tree.place(node),
            None => Place::path(tree.prefix.clone()),
        };
        let found = found.map_or("", |found| tree.name_text(found));
        findings.push(Finding::error(Code::Missing, place).found(found).expected(expected));
    }

    pub(super) fn unexpected(&self, tree: &Tree, id: NodeId, expected: String, findings: &mut Findings) {
        findings.push(Finding::error(Code::Unexpected, tree.place(id)).found(tree.name_text(id)).expected(expected));
    }

    pub(super) fn in_any_order(
        &mut self,
        tree: &Tree,
        id: NodeId,
        name: Name,
        ty: &Type,
        findings: &mut Findings,
    ) -> Option<Against> {
        let memory = self.frames.last()?.memory;
        let order = ty.order(name);
        let particle = order.and_then(|order| ty.particles.get(order));
        let slot = order.and_then(|order| self.counts.get_mut(memory + order));
        let (Some(particle), Some(count)) = (particle, slot) else {
            let missing =
                ty.particles.iter().enumerate().filter(|(order, particle)| {
                    self.counts.get(memory + order).is_none_or(|count| *count < particle.max)
                });
            let expected = listed(missing.map(|(_, particle)| particle.name.as_str()));
            self.unexpected(tree, id, expected, findings);
            return None;
        };
        *count = count.saturating_add(1);
        if particle.max != UNBOUNDED && *count == particle.max + 1 {
            let place = tree.place(id);
            findings.push(Finding::error(Code::TooMany, place).found(name.as_str()).expected(particle.max.to_string()));
        }
        Some(Against::Type(particle.type_id))
    }

    pub(super) fn in_model(
        &mut self,
        tree: &Tree,
        id: NodeId,
        name: Name,
        ty: &Type,
        grammar: &Grammar,
        findings: &mut Findings,
    ) -> Option<Against> {
        let Content::Model(automaton) = &ty.content else { return None };
        let frame = self.frames.last_mut()?;
        let reached = frame.started.then(|| self.positions.get(frame.memory..).unwrap_or(&[]));
        self.next.clear();
        let mut against = None;
        for position in automaton.next(reached) {
            let matched = match automaton.symbols.get(usize::from(position)) {
                Some(Symbol::Child(child)) => {
                    let particle = ty.particles.get(usize::from(*child)).filter(|particle| particle.name == name);
                    particle.map(|particle| Some(Against::Type(particle.type_id)))
                }
                Some(Symbol::Any(wildcard)) => {
                    let allowed = wildcard.not.is_none_or(|prefix| is_other(tree.name_text(id), prefix, grammar));
                    allowed.then_some(match wildcard.process {
                        Process::Skip => None,
                        Process::Lax => Some(grammar.global(name).map_or(Against::Anything, Against::Type)),
                        Process::Strict => Some(grammar.global(name).map_or(Against::Nothing, Against::Type)),
                    })
                }
                None => None,
            };
            if let Some(matched) = matched
                && !self.next.contains(&position)
            {
                self.next.push(position);
                against = against.or(Some(matched));
            }
        }
        let Some(against) = against else {
            let expected = expected_in_model(automaton, reached, ty);
            self.unexpected(tree, id, expected, findings);
            return ty.child(name).map(|particle| Against::Type(particle.type_id));
        };
        frame.started = true;
        self.positions.truncate(frame.memory);
        self.positions.extend_from_slice(&self.next);
        against
    }
}

/// Whether a name is of some namespace, and not of that of the prefix.
fn is_other(name: &str, prefix: Name, grammar: &Grammar) -> bool {
    match name.strip_prefix('{') {
        Some(rest) => !rest.starts_with('}'),
        None => match name.split_once(':') {
            Some((own, _)) => own != prefix.as_str(),
            None => !grammar.namespace.is_empty(),
        },
    }
}

/// What may come next in a sequence.
fn expected_in_sequence(ty: &Type, cursor: usize, count: u32) -> String {
    let mut names = Vec::new();
    for (index, particle) in ty.particles.iter().enumerate().skip(cursor) {
        let here = index == cursor;
        if !here || count < particle.max {
            names.push(particle.name.as_str());
        }
        let needed = if here { particle.min > count } else { particle.min > 0 };
        if needed || names.len() > MOST_EXPECTED {
            break;
        }
    }
    listed(names.into_iter())
}

/// What may come next in a model.
pub(super) fn expected_in_model(automaton: &Automaton, reached: Option<&[u16]>, ty: &Type) -> String {
    let possible =
        automaton.next(reached).filter_map(|position| match automaton.symbols.get(usize::from(position))? {
            Symbol::Child(child) => ty.particles.get(usize::from(*child)).map(|particle| particle.name.as_str()),
            Symbol::Any(wildcard) if wildcard.not.is_some() => Some("an element of another namespace"),
            Symbol::Any(_) => Some("any element"),
        });
    listed(possible)
}

/// Names in a row, the first few; nothing more when there are none.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut out = String::new();
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if seen.contains(&name) {
            continue;
        }
        if seen.len() == MOST_EXPECTED {
            out.push_str(", …");
            break;
        }
        if !seen.is_empty() {
            out.push_str(", ");
        }
        out.push_str(name);
        seen.push(name);
    }
    if out.is_empty() { "nothing more".to_owned() } else { out }
}
