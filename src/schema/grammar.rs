//! The compiled grammar of one message type: types by index, children by interned name, in the order they are written.
//! The checker, the XML reader and writer, the EDIFACT reader and the mapper all read this one.

use rustc_hash::FxHashMap;

use super::automaton::Automaton;
use super::simple::Simple;
use crate::model::message::MessageType;
use crate::model::name::Name;

/// Occurrences that nothing bounds.
pub const UNBOUNDED: u32 = u32::MAX;

/// A type of its grammar. Meaningless in another one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TypeId(pub(super) u32);

/// What kind of thing has a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// An XML element with children, a record of ours, an EDIFACT message as a whole.
    Complex,
    /// An EDIFACT segment group (`SG25`).
    Group,
    /// An EDIFACT segment.
    Segment,
    /// An EDIFACT composite data element.
    Composite,
    /// A value: an EDIFACT data element or component, an XML element with text only, a field.
    Simple,
}

/// A child in its parent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Particle {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub type_id: TypeId,
    /// Least occurrences.
    pub min: u32,
    /// Most occurrences, [`UNBOUNDED`] for any number.
    pub max: u32,
    /// The kind of its type.
    pub kind: Kind,
    /// What it is, in our words; may be empty.
    pub doc: Box<str>,
}

/// An attribute of an element.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attribute {
    /// Its name with the `@`.
    pub name: Name,
    /// Its (simple) type.
    pub type_id: TypeId,
    /// Whether it must be there.
    pub required: bool,
}

/// How the children of a type are arranged.
#[derive(Clone, Debug)]
pub enum Content {
    /// The particles in their order.
    Sequence,
    /// The particles in any order.
    Unordered,
    /// Choices, groups in parentheses or wildcards; the particles list each name once.
    Model(Box<Automaton>),
}

/// A type.
#[derive(Clone, Debug)]
pub struct Type {
    /// As the schema file calls it.
    pub name: Box<str>,
    /// Its kind.
    pub kind: Kind,
    /// Its children in order.
    pub particles: Vec<Particle>,
    /// How they are arranged.
    pub content: Content,
    /// What its text may be; `None` where only children may stand.
    pub value: Option<Simple>,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// Whether any other attribute is allowed.
    pub any_attributes: bool,
    /// Whether any text may stand between the children.
    pub mixed: bool,
    /// What it is, in our words; may be empty.
    pub doc: Box<str>,
    /// Names of the particles, for scanning.
    pub(super) names: Vec<Name>,
    /// Name and first particle, sorted by name.
    pub(super) by_name: Vec<(Name, u16)>,
    /// For each particle the first mandatory one at or behind it.
    pub(super) next_required: Vec<u16>,
}

impl Type {
    /// The order index of a child in this type, where the name occurs first.
    pub fn order(&self, name: Name) -> Option<usize> {
        let found = self.by_name.binary_search_by_key(&name, |(known, _)| *known).ok()?;
        self.by_name.get(found).map(|(_, order)| usize::from(*order))
    }

    /// The child of that name, where it occurs first.
    pub fn child(&self, name: Name) -> Option<&Particle> {
        self.particles.get(self.order(name)?)
    }

    /// The attribute of that name (with the `@`).
    pub fn attribute(&self, name: Name) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// Whether it is a value and has no children.
    pub fn is_simple(&self) -> bool {
        self.kind == Kind::Simple
    }
}

/// The compiled grammar of one message type.
#[derive(Clone, Debug)]
pub struct Grammar {
    /// Which message.
    pub message_type: MessageType,
    /// The name of its document element, or of the message (`ORDERS`).
    pub root_name: Name,
    /// Its type.
    pub root: TypeId,
    /// The XML namespace of the document element; empty for none and for other formats.
    pub namespace: String,
    /// XML prefixes in names, and their namespaces.
    pub prefixes: Vec<(String, String)>,
    /// The child of the root that is read one by one when the message is large.
    pub cut: Option<Name>,
    pub(super) types: Vec<Type>,
    pub(super) globals: FxHashMap<Name, TypeId>,
    pub(super) type_names: FxHashMap<Box<str>, TypeId>,
}

impl Grammar {
    /// A type.
    pub fn ty(&self, id: TypeId) -> &Type {
        // Ids are only made by the compiler, which fills every one; the first type stands in for a stranger's.
        self.types.get(id.0 as usize).unwrap_or(&self.types[0])
    }

    /// The type of the root.
    pub fn root_type(&self) -> &Type {
        self.ty(self.root)
    }

    /// The children of a type in their order.
    pub fn particles(&self, id: TypeId) -> &[Particle] {
        &self.ty(id).particles
    }

    /// The child of a type by name.
    pub fn child(&self, id: TypeId, name: Name) -> Option<&Particle> {
        self.ty(id).child(name)
    }

    /// The segment that starts a group: the first of its first.
    pub fn trigger(&self, id: TypeId) -> Option<Name> {
        let mut ty = self.ty(id);
        // Groups nest a few levels; the bound is for a table that names itself first.
        for _ in 0..32 {
            let first = ty.particles.first()?;
            if first.kind != Kind::Group {
                return Some(first.name);
            }
            ty = self.ty(first.type_id);
        }
        None
    }

    /// The type of an element wherever it stands, as wildcards see it.
    pub fn global(&self, name: Name) -> Option<TypeId> {
        self.globals.get(&name).copied()
    }

    /// A type by the name the schema file gives it.
    pub fn type_named(&self, name: &str) -> Option<TypeId> {
        self.type_names.get(name).copied()
    }

    /// Follows names down from the root (which is not named): `["cac:OrderLine", "cac:LineItem", "cbc:ID"]`, an
    /// attribute last as `@schemeID`. `None` where there is no such path.
    pub fn resolve<'n>(&self, path: impl IntoIterator<Item = &'n str>) -> Option<Target<'_>> {
        let mut target = Target { type_id: self.root, ty: self.root_type(), particle: None, most: 1 };
        for step in path {
            let name = Name::find(step)?;
            if step.starts_with('@') {
                let attribute = target.ty.attribute(name)?;
                target = Target { type_id: attribute.type_id, ty: self.ty(attribute.type_id), particle: None, most: 1 };
            } else {
                let particle = target.ty.child(name)?;
                target = Target {
                    type_id: particle.type_id,
                    ty: self.ty(particle.type_id),
                    particle: Some(particle),
                    most: particle.max,
                };
            }
        }
        Some(target)
    }

    /// How many types there are.
    pub fn type_count(&self) -> usize {
        self.types.len()
    }
}

/// Where a path leads.
#[derive(Clone, Copy, Debug)]
pub struct Target<'g> {
    /// The type there.
    pub type_id: TypeId,
    /// The type there.
    pub ty: &'g Type,
    /// How it stands in its parent; `None` for the root and for attributes.
    pub particle: Option<&'g Particle>,
    /// Most occurrences in its parent.
    pub most: u32,
}
