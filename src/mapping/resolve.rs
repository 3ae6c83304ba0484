//! Paths of both sides, checked step by step against the record of ours and the grammar of theirs.

use rustc_hash::FxHashMap;

use super::file::{Offset, Source};
use super::path::{self, Test};
use super::unmapped::Qualifiers;
use crate::error::Result;
use crate::model::name::Name;
use crate::model::record::{self, Field, Record};
use crate::schema::grammar::{self, Grammar, TypeId, UNBOUNDED};
use crate::schema::simple::Base;

/// A step with what the grammar or the record says of it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) name: Name,
    pub(super) test: Option<StepTest>,
    /// What is below may be spread over several of them.
    pub(super) spread: bool,
    /// Of a list of ours, the first.
    pub(super) first_only: bool,
    /// Where it stands among its siblings when written.
    pub(super) order: u32,
    pub(super) most: u32,
    /// Longest text, in characters.
    pub(super) longest: u32,
}

impl Step {
    /// A step that is only a name.
    pub(super) fn named(name: Name) -> Step {
        Step { name, test: None, spread: false, first_only: false, order: 0, most: 1, longest: u32::MAX }
    }
}

/// What chooses a node.
#[derive(Clone, Debug)]
pub(super) struct StepTest {
    pub(super) path: Vec<Step>,
    pub(super) want: Want,
}

impl PartialEq for StepTest {
    fn eq(&self, other: &StepTest) -> bool {
        self.want == other.want && self.path.iter().map(|step| step.name).eq(other.path.iter().map(|step| step.name))
    }
}

/// What a test wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Want {
    OneOf(Vec<String>),
    Something,
    Nothing,
}

/// A path of theirs.
#[derive(Clone, Debug)]
pub(super) struct Theirs {
    pub(super) steps: Vec<Step>,
    /// The type it leads to.
    pub(super) type_id: TypeId,
    /// The type its last step stands in.
    pub(super) parent: TypeId,
}

/// A path of ours.
#[derive(Clone, Debug)]
pub(super) struct Ours {
    pub(super) steps: Vec<Step>,
    /// The field it leads to; none for the value itself.
    pub(super) field: Option<&'static Field>,
    /// Whether there may be several.
    pub(super) list: bool,
}

impl Ours {
    /// The record the field is.
    pub(super) fn record(&self) -> Option<&'static Record> {
        match self.field?.kind {
            record::Kind::Record(below) => Some(below()),
            _ => None,
        }
    }
}

/// Finds paths in a grammar.
pub(super) struct Resolver<'g> {
    pub(super) grammar: &'g Grammar,
    /// Segments and the path of their qualifier.
    pub(super) qualifiers: FxHashMap<Name, Vec<Name>>,
    /// Whether the root has a `head` with the columns of its rows.
    pub(super) table: bool,
}

impl Resolver<'_> {
    /// A path below a type.
    pub(super) fn theirs(&self, source: &Source, at: Offset, text: &str, from: TypeId) -> Result<Theirs> {
        let steps = path::parse(text).map_err(|(offset, message)| source.wrong(at + offset, message))?;
        let mut found = Theirs { steps: Vec::with_capacity(steps.len()), type_id: from, parent: from };
        for step in steps {
            let wrong = |message: String| source.wrong(at + step.offset, message);
            let (mut known, type_id) = self
                .child(found.type_id, &step.name)
                .ok_or_else(|| wrong(format!("{} has no {}", self.grammar.ty(found.type_id).name, step.name)))?;
            known.spread = step.spread;
            let names: Option<Vec<Name>> = match &step.test {
                None | Some(Test::Other) => None,
                Some(Test::Qualifier(_)) => {
                    let path = self.qualifier(known.name, type_id);
                    Some(path.ok_or_else(|| wrong(format!("no qualifier is known for {}", step.name)))?)
                }
                Some(Test::Is(path, _) | Test::Present(path) | Test::Absent(path)) => {
                    Some(path.iter().map(|name| Name::intern(name)).collect())
                }
            };
            if let (Some(names), Some(test)) = (names, &step.test) {
                let mut path = Vec::with_capacity(names.len());
                let mut inside = type_id;
                for name in names {
                    let (below, next) = self
                        .child(inside, name.as_str())
                        .ok_or_else(|| wrong(format!("{} has no {name}", self.grammar.ty(inside).name)))?;
                    path.push(below);
                    inside = next;
                }
                let want = match test {
                    Test::Qualifier(values) | Test::Is(_, values) => Want::OneOf(values.clone()),
                    Test::Present(_) | Test::Other => Want::Something,
                    Test::Absent(_) => Want::Nothing,
                };
                known.test = Some(StepTest { path, want });
            }
            found.steps.push(known);
            found.parent = found.type_id;
            found.type_id = type_id;
        }
        Ok(found)
    }

    /// A child or attribute of a type.
    pub(super) fn child(&self, ty: TypeId, text: &str) -> Option<(Step, TypeId)> {
        let name = Name::intern(text);
        if self.table && ty == self.grammar.root && text == super::table::HEAD {
            return Some((Step::named(name), self.grammar.particles(ty).first()?.type_id));
        }
        let parent = self.grammar.ty(ty);
        let (type_id, order, most) = if text.starts_with('@') {
            let index = parent.attributes.iter().position(|attribute| attribute.name == name);
            // Those of XML Schema itself may stand anywhere.
            let anywhere = index.is_none() && text.starts_with("@xsi:");
            if anywhere { (ty, 0, 1) } else { (parent.attributes.get(index?)?.type_id, index?, 1) }
        } else {
            let order = parent.order(name)?;
            // A name may stand at several positions of one type; then it may be there that often.
            let all = parent.particles.iter().filter(|other| other.name == name);
            let most = all.fold(0_u32, |sum, other| sum.saturating_add(other.max));
            // Behind all attributes.
            (parent.particles.get(order)?.type_id, order + 1000, most)
        };
        let longest = match &self.grammar.ty(type_id).value {
            Some(simple) if !matches!(simple.base, Base::Numeric) => simple.max_length,
            _ => u32::MAX,
        };
        let order = u32::try_from(order).unwrap_or(u32::MAX);
        Some((Step { name, test: None, spread: false, first_only: false, order, most, longest }, type_id))
    }

    /// Position of the first of that name in a composite, and how many there are; 0 where positions do not count.
    pub(super) fn positions(&self, parent: TypeId, name: Name) -> (u32, u32) {
        let ty = self.grammar.ty(parent);
        let mut base = 1_u32;
        for particle in &ty.particles {
            if particle.name == name {
                let counts = ty.kind == grammar::Kind::Composite;
                return (if counts { base } else { 0 }, particle.max);
            }
            base = base.saturating_add(particle.max);
        }
        (0, 0)
    }

    fn qualifier(&self, name: Name, type_id: TypeId) -> Option<Vec<Name>> {
        if self.grammar.ty(type_id).kind != grammar::Kind::Group {
            return self.qualifiers.get(&name).cloned();
        }
        let trigger = self.grammar.trigger(type_id)?;
        let mut path = vec![trigger];
        path.extend(self.qualifiers.get(&trigger)?);
        Some(path)
    }

    /// Qualifiers of all segments and groups of the message.
    pub(super) fn all_qualifiers(&self) -> Qualifiers {
        let mut all = Qualifiers::default();
        if self.qualifiers.is_empty() {
            return all;
        }
        let mut work = vec![self.grammar.root];
        let mut seen = rustc_hash::FxHashSet::default();
        while let Some(type_id) = work.pop() {
            if !seen.insert(type_id) {
                continue;
            }
            for particle in self.grammar.particles(type_id) {
                if let Some(path) = self.qualifier(particle.name, particle.type_id) {
                    all.insert(particle.name, path.into());
                }
                work.push(particle.type_id);
            }
        }
        all
    }

    /// Whether anything in the message has that name.
    pub(super) fn names(&self, name: Name) -> bool {
        let mut work = vec![self.grammar.root];
        let mut seen = rustc_hash::FxHashSet::default();
        while let Some(type_id) = work.pop() {
            if !seen.insert(type_id) {
                continue;
            }
            for particle in self.grammar.particles(type_id) {
                if particle.name == name {
                    return true;
                }
                work.push(particle.type_id);
            }
        }
        false
    }
}

/// A path below a record. A `1` behind a list is its first.
pub(super) fn ours(source: &Source, at: Offset, text: &str, from: Option<&'static Record>) -> Result<Ours> {
    let names = path::ours(text).map_err(|(offset, message)| source.wrong(at + offset, message))?;
    let mut record = from;
    let mut found = Ours { steps: Vec::new(), field: None, list: false };
    let mut names = names.into_iter().peekable();
    while let Some(name) = names.next() {
        let Some(known) = record else {
            return Err(source.wrong(at, format!("{text} goes below a value")));
        };
        let index = known.fields.iter().position(|field| field.name == name);
        let Some((index, field)) = index.and_then(|index| Some((index, known.fields.get(index)?))) else {
            return Err(source.wrong(at, format!("{} has no field {name}", known.name)));
        };
        let first_only = names.next_if(|next| *next == "1").is_some();
        if first_only && !field.list {
            return Err(source.wrong(at, format!("{name} is no list")));
        }
        if field.list && !first_only && names.peek().is_some() {
            return Err(source.wrong(at, format!("{name} is a list; {name}.1 is its first")));
        }
        record = match field.kind {
            record::Kind::Record(below) => Some(below()),
            _ => None,
        };
        let list = field.list && !first_only;
        found.steps.push(Step {
            name: Name::intern(name),
            test: None,
            spread: false,
            first_only,
            order: u32::try_from(index).unwrap_or(u32::MAX),
            most: if list { UNBOUNDED } else { 1 },
            longest: u32::MAX,
        });
        found.field = Some(field);
        found.list = list;
    }
    Ok(found)
}
