//! From schema files to a [`Grammar`]: names resolved, content models compiled, only what the root (or a wildcard) can
//! reach. A name that leads nowhere is an error with its place.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::automaton::Automaton;
use super::codes::CodeList;
use super::file::{File, SimpleDef, TypeDef};
use super::grammar::{Attribute, Content, Grammar, Kind, Particle, Type, TypeId, UNBOUNDED};
use super::notation::{AttributeItem, Item, What};
use super::simple::{Base, Simple};
use crate::error::{Error, Result};
use crate::model::message::MessageType;
use crate::model::name::Name;

/// Longest chain of simple types, each the base of the next.
const LONGEST_CHAIN: usize = 16;

/// Compiles a message: its own file first, then all it includes.
pub(super) fn compile(
    message_type: &MessageType,
    files: &[Arc<File>],
    codes: &dyn Fn(&str) -> Result<Option<Arc<CodeList>>>,
) -> Result<Grammar> {
    let own = files.first().ok_or_else(|| Error::bug("a grammar without a file"))?;
    let mut compiler = Compiler {
        edifact: message_type.standard == "edifact",
        codes,
        definitions: FxHashMap::default(),
        elements: FxHashMap::default(),
        ids: FxHashMap::default(),
        types: Vec::new(),
        queue: Vec::new(),
        wildcards: false,
    };
    compiler.gather(files)?;
    let (root, root_at) = own.root.clone().unwrap_or_else(|| (message_type.name.clone(), 0));
    let root_id = compiler.type_of(own, root_at, &root, None)?;
    compiler.drain()?;
    let mut globals = FxHashMap::default();
    if compiler.wildcards {
        let all: Vec<(&str, (&File, usize))> =
            compiler.elements.iter().map(|(name, (_, file, at))| (*name, (*file, *at))).collect();
        for (name, (file, at)) in all {
            let id = compiler.type_of(file, at, name, None)?;
            globals.insert(Name::intern(name), id);
        }
        compiler.drain()?;
        globals.insert(Name::intern(&root), root_id);
    }
    let type_names =
        compiler.ids.iter().map(|(name, id)| (Box::<str>::from(name.as_str()), *id)).collect::<FxHashMap<_, _>>();
    let cut = own.cut.as_ref().map(|(name, at)| (Name::intern(name), *at));
    compiler.types.shrink_to_fit();
    let grammar = Grammar {
        message_type: message_type.clone(),
        root_name: Name::intern(&root),
        root: root_id,
        namespace: own.namespace.clone(),
        prefixes: files.iter().flat_map(|file| file.prefixes.iter().cloned()).collect(),
        cut: cut.map(|(name, _)| name),
        types: compiler.types,
        globals,
        type_names,
    };
    match cut {
        Some((name, at)) if grammar.root_type().child(name).is_none() => {
            Err(own.wrong(at, format!("{root} has no child {name} to be cut at")))
        }
        _ => Ok(grammar),
    }
}

/// A definition and the file it stands in.
#[derive(Clone, Copy)]
enum Definition<'f> {
    Type(&'f TypeDef, &'f File),
    Simple(&'f SimpleDef, &'f File),
}

struct Compiler<'f> {
    edifact: bool,
    codes: &'f dyn Fn(&str) -> Result<Option<Arc<CodeList>>>,
    definitions: FxHashMap<&'f str, Definition<'f>>,
    elements: FxHashMap<&'f str, (&'f str, &'f File, usize)>,
    ids: FxHashMap<String, TypeId>,
    types: Vec<Type>,
    queue: Vec<(TypeId, &'f TypeDef, &'f File)>,
    wildcards: bool,
}

impl<'f> Compiler<'f> {
    fn gather(&mut self, files: &'f [Arc<File>]) -> Result<()> {
        for file in files {
            let types = file.types.iter().map(|(name, def)| (name, def.at, Definition::Type(def, file)));
            let simple = file.simple.iter().map(|(name, def)| (name, def.at, Definition::Simple(def, file)));
            for (name, at, definition) in types.chain(simple) {
                if self.definitions.insert(name, definition).is_some() {
                    return Err(file.wrong(at, format!("the type {name} is defined twice")));
                }
            }
            for (name, (type_name, at)) in &file.elements {
                if self.elements.insert(name, (type_name, file, *at)).is_some() {
                    return Err(file.wrong(*at, format!("the element {name} is defined twice")));
                }
            }
        }
        Ok(())
    }

    /// The type of a child: the one it names itself, that of the element, or the one of the same name.
    fn type_of(&mut self, file: &File, at: usize, name: &str, explicit: Option<&str>) -> Result<TypeId> {
        let type_name = match explicit {
            Some(type_name) => type_name,
            None => self.elements.get(name).map_or(name, |(type_name, _, _)| *type_name),
        };
        if let Some(id) = self.ids.get(type_name) {
            return Ok(*id);
        }
        let id = TypeId(self.types.len() as u32);
        match self.definitions.get_key_value(type_name) {
            Some((key, Definition::Type(def, def_file))) => {
                let kind = if self.edifact { edifact_kind(key) } else { Kind::Complex };
                self.types.push(empty(key, kind));
                self.queue.push((id, def, def_file));
            }
            Some((key, Definition::Simple(def, def_file))) => {
                let ty = self.simple(key, def, def_file)?;
                // Attribute types were made on the way, so this one's number is the next now.
                let id = TypeId(self.types.len() as u32);
                self.types.push(ty);
                self.ids.insert(type_name.to_owned(), id);
                return Ok(id);
            }
            None => {
                let Some(simple) = Simple::builtin(type_name) else {
                    return Err(file.wrong(at, format!("there is no type {type_name}")));
                };
                self.types.push(Type { value: Some(simple), ..empty(type_name, Kind::Simple) });
            }
        }
        self.ids.insert(type_name.to_owned(), id);
        Ok(id)
    }

    fn drain(&mut self) -> Result<()> {
        while let Some((id, def, file)) = self.queue.pop() {
            let ty = self.complex(id, def, file)?;
            if let Some(slot) = self.types.get_mut(id.0 as usize) {
                *slot = ty;
            }
        }
        Ok(())
    }

    fn complex(&mut self, id: TypeId, def: &'f TypeDef, file: &'f File) -> Result<Type> {
        let (name, kind) =
            self.types.get(id.0 as usize).map_or((Box::default(), Kind::Complex), |ty| (ty.name.clone(), ty.kind));
        let mut ty = empty(&name, kind);
        ty.mixed = def.mixed;
        ty.any_attributes = def.any_attributes;
        ty.doc = def.doc.as_str().into();
        ty.attributes = self.attributes(file, def.attributes_at, &def.attributes)?;
        let plain = def.content.iter().all(|item| matches!(item.what, What::Name { .. }));
        if def.unordered && !plain {
            return Err(file.wrong(def.content_at, "an unordered type has names only"));
        }
        if plain {
            for item in &def.content {
                let particle = self.particle(file, def.content_at, item)?;
                ty.particles.push(particle);
            }
            ty.content = if def.unordered { Content::Unordered } else { Content::Sequence };
            if def.unordered && has_doubles(&ty.particles) {
                return Err(file.wrong(def.content_at, "a name stands twice in an unordered type"));
            }
        } else {
            self.once_each(file, def.content_at, &def.content, (1, 1), &mut ty.particles)?;
            let particles = &ty.particles;
            let mut index = |item: &Item| match &item.what {
                What::Name { name, .. } => {
                    particles.iter().position(|particle| particle.name.as_str() == name).unwrap_or(0) as u16
                }
                _ => 0,
            };
            let automaton =
                Automaton::build(&def.content, &mut index).map_err(|message| file.wrong(def.content_at, message))?;
            ty.content = Content::Model(Box::new(automaton));
        }
        if ty.particles.len() > usize::from(u16::MAX) {
            return Err(file.wrong(def.content_at, "a type has too many children"));
        }
        // Kept as long as the hub runs.
        ty.particles.shrink_to_fit();
        index_particles(&mut ty);
        Ok(ty)
    }

    fn particle(&mut self, file: &File, content_at: usize, item: &Item) -> Result<Particle> {
        let What::Name { name, type_name, doc } = &item.what else {
            return Err(file.wrong(content_at + item.offset, "a name was expected"));
        };
        let type_id = self.type_of(file, content_at + item.offset, name, type_name.as_deref())?;
        let kind = self.types.get(type_id.0 as usize).map_or(Kind::Complex, |ty| ty.kind);
        Ok(Particle { name: Name::intern(name), type_id, min: item.min, max: item.max, kind, doc: doc.as_str().into() })
    }

    /// Lists each name of a model once, with how often it may occur in all.
    fn once_each(
        &mut self,
        file: &File,
        content_at: usize,
        items: &[Item],
        outer: (u32, u32),
        particles: &mut Vec<Particle>,
    ) -> Result<()> {
        let times = |a: u32, b: u32| if a == UNBOUNDED || b == UNBOUNDED { UNBOUNDED } else { a.saturating_mul(b) };
        for item in items {
            let (min, max) = (item.min.saturating_mul(outer.0), times(item.max, outer.1));
            match &item.what {
                What::Wildcard { .. } => self.wildcards = true,
                What::Choice(branches) => {
                    let min = if branches.len() > 1 { 0 } else { min };
                    for branch in branches {
                        self.once_each(file, content_at, branch, (min, max), particles)?;
                    }
                }
                What::Name { name, .. } => {
                    let particle = self.particle(file, content_at, item)?;
                    match particles.iter_mut().find(|known| known.name == particle.name) {
                        Some(known) if known.type_id != particle.type_id => {
                            return Err(file.wrong(content_at + item.offset, format!("{name} has two types here")));
                        }
                        Some(known) => {
                            known.min = known.min.saturating_add(min);
                            known.max = known.max.saturating_add(max);
                        }
                        None => particles.push(Particle { min, max, ..particle }),
                    }
                }
            }
        }
        Ok(())
    }

    fn attributes(&mut self, file: &File, at: usize, items: &[AttributeItem]) -> Result<Vec<Attribute>> {
        let mut attributes = Vec::with_capacity(items.len());
        for item in items {
            let place = at + item.offset;
            let type_id = self.type_of(file, place, "", Some(item.type_name.as_deref().unwrap_or("string")))?;
            if self.types.get(type_id.0 as usize).is_none_or(|ty| ty.value.is_none()) {
                return Err(file.wrong(place, format!("the type of the attribute {} is no value", item.name)));
            }
            let name = Name::intern(&format!("@{}", item.name));
            attributes.push(Attribute { name, type_id, required: item.required });
        }
        Ok(attributes)
    }

    fn simple(&mut self, name: &str, def: &SimpleDef, file: &File) -> Result<Type> {
        let (mut value, mut attributes, mut any_attributes) = (None, Vec::new(), def.any_attributes);
        // From the type itself down to the built-in one; nearer attributes win.
        let mut chain = vec![(def, file)];
        while let Some((def, file)) = chain.last().copied() {
            for attribute in self.attributes(file, def.attributes_at, &def.attributes)? {
                if !attributes.iter().any(|known: &Attribute| known.name == attribute.name) {
                    attributes.push(attribute);
                }
            }
            any_attributes |= def.any_attributes;
            match self.definitions.get(def.base.as_str()) {
                Some(Definition::Simple(base, base_file)) if chain.len() < LONGEST_CHAIN => {
                    chain.push((base, base_file))
                }
                Some(_) => return Err(file.wrong(def.at, format!("{} cannot be the base of a value", def.base))),
                None => {
                    value = Simple::builtin(&def.base);
                    if value.is_none() {
                        return Err(file.wrong(def.at, format!("there is no simple type {}", def.base)));
                    }
                    break;
                }
            }
        }
        let mut value = value.ok_or_else(|| file.wrong(def.at, "the chain of bases is too long"))?;
        for (def, file) in chain.into_iter().rev() {
            self.facets(&mut value, def, file)?;
        }
        let doc = def.doc.as_str().into();
        Ok(Type { value: Some(value), attributes, any_attributes, doc, ..empty(name, Kind::Simple) })
    }

    fn facets(&self, value: &mut Simple, def: &SimpleDef, file: &File) -> Result<()> {
        value.min_length = def.length.or(def.min_length).unwrap_or(value.min_length);
        value.max_length = def.length.or(def.max_length).unwrap_or(value.max_length);
        value.min_value = def.min_value.or(value.min_value);
        value.max_value = def.max_value.or(value.max_value);
        value.total_digits = def.total_digits.unwrap_or(value.total_digits);
        value.fraction_digits = def.fraction_digits.unwrap_or(value.fraction_digits);
        if (def.min_value.is_some() || def.max_value.is_some())
            && !matches!(value.base, Base::Integer | Base::Unsigned | Base::Decimal)
        {
            return Err(file.wrong(def.at, "only numbers have a least and a greatest value"));
        }
        if !def.enumeration.is_empty() {
            let mut words: Vec<Box<str>> = def.enumeration.iter().map(|word| word.as_str().into()).collect();
            words.sort_unstable();
            value.enumeration = words.into_boxed_slice();
        }
        if let Some((list, at)) = &def.codes {
            let found = (self.codes)(list)?;
            value.codes = Some(found.ok_or_else(|| file.wrong(*at, format!("there is no code list {list}")))?);
        }
        Ok(())
    }
}

fn empty(name: &str, kind: Kind) -> Type {
    Type {
        name: name.into(),
        kind,
        particles: Vec::new(),
        content: Content::Sequence,
        value: None,
        attributes: Vec::new(),
        any_attributes: false,
        mixed: false,
        doc: Box::default(),
        names: Vec::new(),
        by_name: Vec::new(),
        next_required: Vec::new(),
    }
}

fn has_doubles(particles: &[Particle]) -> bool {
    let mut names: Vec<Name> = particles.iter().map(|particle| particle.name).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair.first() == pair.last())
}

fn index_particles(ty: &mut Type) {
    ty.names = ty.particles.iter().map(|particle| particle.name).collect();
    ty.by_name = ty.names.iter().enumerate().map(|(order, name)| (*name, order as u16)).collect();
    ty.by_name.sort_unstable();
    ty.by_name.dedup_by_key(|(name, _)| *name);
    let mut next = ty.particles.len() as u16;
    ty.next_required = vec![next; ty.particles.len() + 1];
    for (index, particle) in ty.particles.iter().enumerate().rev() {
        if particle.min > 0 {
            next = index as u16;
        }
        if let Some(slot) = ty.next_required.get_mut(index) {
            *slot = next;
        }
    }
}

/// What an EDIFACT name is: `SG25`, `BGM`, `C002` or `S009`, `1001`.
fn edifact_kind(name: &str) -> Kind {
    let bytes = name.as_bytes();
    let digits = |from: usize| bytes.len() > from && bytes.iter().skip(from).all(u8::is_ascii_digit);
    match bytes {
        [b'S', b'G', ..] if digits(2) => Kind::Group,
        [b'C' | b'E' | b'S', _, _, _] if digits(1) => Kind::Composite,
        [_, _, _] if bytes.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) => Kind::Segment,
        _ => Kind::Complex,
    }
}
