//! What no row carries: where it stood, and how it is put back when the target is the same message type.
//!
//! A place is a path below the message or the group it stood in: `cac:Delivery[2]/cbc:Note`, `SG2[=BY]/NAD/C082/1131`.
//! `[2]` counts among the nodes of that name that are carried (the second to be written again), `[+2]` among those that
//! are not (a second one to be added); no number is the first. `[=BY]` is the qualifier of a segment or group, and then
//! numbers count among those of that qualifier.

use rustc_hash::FxHashMap;

use super::machine::Left;
use crate::model::name::Name;
use crate::model::tree::{NodeId, Tree};
use crate::schema::grammar::{Grammar, TypeId};

/// Segments and groups with the path of their qualifier below them.
pub(super) type Qualifiers = FxHashMap<Name, Box<[Name]>>;

/// A value to be put back.
#[derive(Debug)]
pub(super) struct Graft {
    /// The written node the place starts from.
    pub(super) base: NodeId,
    pub(super) steps: Vec<PlaceStep>,
    pub(super) value: String,
    /// The node of our document that has it.
    pub(super) origin: NodeId,
}

/// A step of a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct PlaceStep {
    name: String,
    qualifier: Option<String>,
    position: u32,
    /// Not one of those that are written.
    added: bool,
}

/// Steps of one place; trees are no deeper.
const MOST_STEPS: usize = 100;

/// The places of what is left below a node, with the nodes.
pub(super) fn places(
    tree: &Tree,
    base: NodeId,
    mut left: Vec<Left>,
    constants: &[NodeId],
    carried: &[NodeId],
    qualifiers: &Qualifiers,
) -> Vec<(String, NodeId)> {
    let end = tree.after(base);
    let mut marked = vec![false; (end.0 - base.0) as usize];
    let index = |id: NodeId| (id.0.wrapping_sub(base.0)) as usize;
    let mark = |marked: &mut Vec<bool>, id: NodeId| {
        let mut at = Some(id);
        while let Some(id) = at.filter(|id| base <= *id && *id < end) {
            match marked.get_mut(index(id)) {
                Some(known) if !*known => *known = true,
                _ => break,
            }
            at = tree.parent(id);
        }
    };
    for &id in carried {
        mark(&mut marked, id);
    }
    let is_marked = |id: NodeId| marked.get(index(id)).copied().unwrap_or(false);
    // A qualifier of something that is not written again has to be kept with it.
    let lone = constants.iter().filter(|&&id| tree.parent(id).is_some_and(|parent| !is_marked(parent)));
    left.extend(lone.map(|&node| Left { node, text_only: true }));
    left.sort_unstable();
    let mut found = Vec::new();
    for Left { node, text_only } in left {
        let last = if text_only { NodeId(node.0 + 1) } else { tree.after(node) };
        for id in (node.0..last.0).map(NodeId) {
            if !tree.value(id).trim().is_empty() {
                found.push((place(tree, base, id, &is_marked, qualifiers), id));
            }
        }
    }
    found
}

fn place(
    tree: &Tree,
    base: NodeId,
    id: NodeId,
    is_marked: &impl Fn(NodeId) -> bool,
    qualifiers: &Qualifiers,
) -> String {
    let mut chain = Vec::new();
    let mut at = id;
    while at != base {
        chain.push(at);
        match tree.parent(at) {
            Some(parent) => at = parent,
            None => break,
        }
    }
    if chain.is_empty() {
        return ".".to_owned();
    }
    let mut place = String::new();
    for &node in chain.iter().rev() {
        if !place.is_empty() {
            place.push('/');
        }
        let name = tree.name_text(node);
        place.push_str(name);
        let qualifier = qualifier_of(tree, node, qualifiers);
        if let Some(qualifier) = qualifier {
            place.push_str("[=");
            place.push_str(qualifier);
            place.push(']');
        }
        let mine = is_marked(node);
        let (mut position, mut others) = (0, false);
        let siblings = tree.parent(node).into_iter().flat_map(|parent| tree.children(parent));
        for sibling in siblings {
            if tree.name_text(sibling) != name || qualifier_of(tree, sibling, qualifiers) != qualifier {
                continue;
            }
            if is_marked(sibling) != mine {
                others = true;
            } else if sibling <= node {
                position += 1;
            }
        }
        if !mine && others {
            place.push_str(&format!("[+{position}]"));
        } else if position > 1 {
            place.push_str(&format!("[{position}]"));
        }
    }
    place
}

fn qualifier_of<'t>(tree: &'t Tree, node: NodeId, qualifiers: &Qualifiers) -> Option<&'t str> {
    let path = qualifiers.get(&tree.name(node))?;
    let mut at = node;
    for &name in path {
        at = tree.child(at, name)?;
    }
    let value = tree.value(at).trim();
    // One that would end the brackets is left to the numbers.
    (!value.is_empty() && !value.contains([']', '/'])).then_some(value)
}

/// Reads a place; empty when it is none.
pub(super) fn parse(text: &str) -> Vec<PlaceStep> {
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        // A name of another namespace, `{uri}local`, has slashes in its braces.
        let braces = if rest.starts_with('{') { rest.find('}').unwrap_or(0) } else { 0 };
        let behind = rest.get(braces..).unwrap_or("");
        let end = behind.find(['/', '[']).map_or(rest.len(), |at| at + braces);
        let (name, mut after) = rest.split_at(end);
        if name.is_empty() || name == "." || steps.len() == MOST_STEPS {
            return Vec::new();
        }
        let mut step = PlaceStep { name: name.to_owned(), qualifier: None, position: 1, added: false };
        while let Some((inside, behind)) = after.strip_prefix('[').and_then(|text| text.split_once(']')) {
            after = behind;
            if let Some(qualifier) = inside.strip_prefix('=') {
                step.qualifier = Some(qualifier.to_owned());
            } else {
                step.added = inside.starts_with('+');
                match inside.trim_start_matches('+').parse() {
                    Ok(position) => step.position = position,
                    Err(_) => return Vec::new(),
                }
            }
        }
        steps.push(step);
        match after.strip_prefix('/') {
            Some(more) => rest = more,
            None if after.is_empty() => return steps,
            None => return Vec::new(),
        }
    }
}

/// A node to be added.
struct Fresh {
    step: PlaceStep,
    value: String,
    origin: NodeId,
    children: Vec<usize>,
}

#[derive(Clone, Copy)]
enum Parent {
    Old(NodeId),
    New(usize),
}

struct Grafting<'g> {
    tree: &'g Tree,
    origin: &'g [NodeId],
    qualifiers: &'g Qualifiers,
    fresh: Vec<Fresh>,
    below: FxHashMap<NodeId, Vec<usize>>,
    replaced: FxHashMap<NodeId, String>,
}

/// A tree with its grafts, the origins of its nodes, and the origins of the grafts for which there was no room.
pub(super) fn graft(
    tree: &Tree,
    origin: &[NodeId],
    grafts: Vec<Graft>,
    fixed: &[NodeId],
    grammar: &Grammar,
    root: TypeId,
    qualifiers: &Qualifiers,
) -> (Tree, Vec<NodeId>, Vec<NodeId>) {
    let mut work = Grafting {
        tree,
        origin,
        qualifiers,
        fresh: Vec::new(),
        below: FxHashMap::default(),
        replaced: FxHashMap::default(),
    };
    let mut lost = Vec::new();
    for graft in grafts {
        let mut at = Parent::Old(graft.base);
        for step in &graft.steps {
            at = work.step(at, step, graft.origin);
        }
        match at {
            Parent::New(index) => {
                if let Some(fresh) = work.fresh.get_mut(index) {
                    fresh.value = graft.value;
                    fresh.origin = graft.origin;
                }
            }
            // Only what was written for its own sake gives way.
            Parent::Old(id) if fixed.contains(&id) || tree.value(id).is_empty() => {
                work.replaced.insert(id, graft.value);
            }
            Parent::Old(id) if tree.value(id) == graft.value => {}
            Parent::Old(_) => lost.push(graft.origin),
        }
    }
    let mut out = Tree::new(tree.shape);
    out.ordinal = tree.ordinal;
    out.prefix.clone_from(&tree.prefix);
    let mut origins = Vec::with_capacity(origin.len() + work.fresh.len());
    if let Some(id) = tree.root() {
        work.copy(id, grammar, Some(root), &mut out, &mut origins);
    }
    (out, origins, lost)
}

impl Grafting<'_> {
    fn step(&mut self, parent: Parent, step: &PlaceStep, origin: NodeId) -> Parent {
        if let (Parent::Old(id), false) = (parent, step.added) {
            let mut known = self.tree.children(id).filter(|&child| {
                self.tree.name_text(child) == step.name
                    && (step.qualifier.is_none()
                        || qualifier_of(self.tree, child, self.qualifiers) == step.qualifier.as_deref())
            });
            if let Some(child) = known.nth(step.position.saturating_sub(1) as usize) {
                return Parent::Old(child);
            }
        }
        let siblings = match parent {
            Parent::Old(id) => self.below.get(&id),
            Parent::New(index) => self.fresh.get(index).map(|fresh| &fresh.children),
        };
        let same = siblings.into_iter().flatten().copied();
        if let Some(index) =
            same.into_iter().find(|&index| self.fresh.get(index).is_some_and(|fresh| fresh.step == *step))
        {
            return Parent::New(index);
        }
        let index = self.add(parent, step.clone(), String::new(), origin);
        // A new node of a qualifier says so.
        if let (Some(qualifier), Some(path)) =
            (&step.qualifier, Name::find(&step.name).and_then(|name| self.qualifiers.get(&name)))
        {
            let mut at = index;
            for (number, &name) in path.iter().enumerate() {
                let value = if number + 1 == path.len() { qualifier.clone() } else { String::new() };
                // The segment of a group has the same qualifier, and is named by it.
                let rest = path.get(number + 1..).unwrap_or_default();
                let same = self.qualifiers.get(&name).is_some_and(|own| **own == *rest);
                let qualifier = same.then(|| qualifier.clone());
                let plain = PlaceStep { name: name.as_str().to_owned(), qualifier, position: 1, added: false };
                at = self.add(Parent::New(at), plain, value, origin);
            }
        }
        Parent::New(index)
    }

    fn add(&mut self, parent: Parent, step: PlaceStep, value: String, origin: NodeId) -> usize {
        let index = self.fresh.len();
        self.fresh.push(Fresh { step, value, origin, children: Vec::new() });
        match parent {
            Parent::Old(id) => self.below.entry(id).or_default().push(index),
            Parent::New(parent) => {
                if let Some(fresh) = self.fresh.get_mut(parent) {
                    fresh.children.push(index);
                }
            }
        }
        index
    }

    /// Copies a node with what is added below it, in the order of the grammar.
    fn copy(&self, id: NodeId, grammar: &Grammar, ty: Option<TypeId>, out: &mut Tree, origins: &mut Vec<NodeId>) {
        out.open_text(self.tree.name_text(id), self.tree.node(id).at);
        origins.push(self.origin.get(id.0 as usize).copied().unwrap_or(NodeId(0)));
        let value = self.replaced.get(&id).map_or(self.tree.value(id), String::as_str);
        if !value.is_empty() {
            out.push_text(value);
        }
        let added = self.below.get(&id).map_or(&[][..], Vec::as_slice);
        if added.is_empty() {
            for child in self.tree.children(id) {
                self.copy(child, grammar, child_type(grammar, ty, self.tree.name(child)), out, origins);
            }
        } else {
            let old = self.tree.children(id).map(|child| (self.tree.name(child), Parent::Old(child)));
            let new = added.iter().filter_map(|&index| {
                let fresh = self.fresh.get(index)?;
                Some((Name::find(&fresh.step.name).unwrap_or(Name::UNKNOWN), Parent::New(index)))
            });
            let mut all: Vec<(Name, Parent)> = old.chain(new).collect();
            all.sort_by_key(|(name, _)| order(grammar, ty, *name));
            for (name, child) in all {
                let below = child_type(grammar, ty, name);
                match child {
                    Parent::Old(child) => self.copy(child, grammar, below, out, origins),
                    Parent::New(index) => self.create(index, grammar, below, out, origins),
                }
            }
        }
        out.close();
    }

    fn create(&self, index: usize, grammar: &Grammar, ty: Option<TypeId>, out: &mut Tree, origins: &mut Vec<NodeId>) {
        let Some(fresh) = self.fresh.get(index) else { return };
        out.open_text(&fresh.step.name, crate::model::tree::At::default());
        origins.push(fresh.origin);
        out.push_text(&fresh.value);
        let mut children: Vec<usize> = fresh.children.clone();
        let name = |index: &usize| {
            self.fresh.get(*index).and_then(|fresh| Name::find(&fresh.step.name)).unwrap_or(Name::UNKNOWN)
        };
        children.sort_by_key(|index| order(grammar, ty, name(index)));
        for child in children {
            self.create(child, grammar, child_type(grammar, ty, name(&child)), out, origins);
        }
        out.close();
    }
}

fn child_type(grammar: &Grammar, ty: Option<TypeId>, name: Name) -> Option<TypeId> {
    grammar.child(ty?, name).map(|particle| particle.type_id)
}

/// Attributes first, then the particles, then what the grammar does not know.
fn order(grammar: &Grammar, ty: Option<TypeId>, name: Name) -> usize {
    if name.as_str().starts_with('@') {
        return 0;
    }
    ty.and_then(|ty| grammar.ty(ty).order(name)).map_or(usize::MAX, |order| order + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_places() {
        let spell = |text: &str| {
            let words: Vec<String> = parse(text)
                .iter()
                .map(|step| {
                    format!(
                        "{}:{}:{}{}",
                        step.name,
                        step.qualifier.as_deref().unwrap_or(""),
                        if step.added { "+" } else { "" },
                        step.position
                    )
                })
                .collect();
            words.join(" ")
        };
        assert_eq!(spell("cac:Delivery[2]/cbc:Note/@languageID"), "cac:Delivery::2 cbc:Note::1 @languageID::1");
        assert_eq!(spell("SG2[=BY][+3]/NAD"), "SG2:BY:+3 NAD::1");
        assert_eq!(spell("{http://x/y}z[2]/a"), "{http://x/y}z::2 a::1");
        for wrong in ["", ".", "/a", "a[x]", "a[1", "a]b/"] {
            assert!(spell(wrong).is_empty() || wrong == "a]b/", "{wrong}");
        }
    }
}
