//! A message table made ready for cutting: every segment of the message as a slot, and for every slot and tag the slot
//! that comes next, so that a segment finds its group in one step.
//!
//! Groups are found by their trigger, the first segment of a group (ISO 9735-1, 8.2). From where it stands, a tag is
//! looked for: again at the same slot, then further on in the same group, then as a new occurrence of the group, then
//! further on in the group around it. UNS is not passed over on the way. What is only found further back in a group
//! around it goes there, for the checker to flag; what is found nowhere stays where it is.

use std::ops::Range;
use std::sync::{Arc, OnceLock, RwLock};

use rustc_hash::FxHashMap;

use crate::model::message::MessageType;
use crate::model::name::Name;
use crate::schema::grammar::{Grammar, Kind, TypeId};
use crate::schema::library;
use crate::schema::simple::Base;

/// Slots, groups and positions of one table; the largest message of the directories has some 600 segments.
const MOST: usize = 4_096;

/// A tag.
pub(super) type Tag = [u8; 3];

/// A segment at its place in the message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// Index into [`Table::segments`].
    pub(super) segment: u16,
    /// The group it stands in, 0 for the message itself.
    pub(super) group: u16,
    /// The outermost group that starts with it; `group` may be deeper. `None` when it starts none.
    pub(super) starts: Option<u16>,
    most: u32,
    /// UNS: nothing is looked for behind it.
    barrier: bool,
}

/// A group, or (index 0) the message.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// `SG25`.
    pub(super) name: Name,
    /// The group around it.
    pub(super) parent: u16,
    slots: Range<usize>,
}

/// A position in a segment.
#[derive(Clone, Debug)]
pub(super) struct Element {
    /// `C507`, `1004`.
    pub(super) name: Name,
    /// Whether it is a number (class `n`).
    pub(super) numeric: bool,
    /// The components of a composite; empty for a simple element.
    pub(super) components: Box<[Component]>,
}

/// A position in a composite.
#[derive(Clone, Copy, Debug)]
pub(super) struct Component {
    /// `2380`.
    pub(super) name: Name,
    /// Whether it is a number.
    pub(super) numeric: bool,
}

/// A segment.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// Its tag as a name.
    pub(super) name: Name,
    /// Its positions.
    pub(super) elements: Box<[Element]>,
}

/// A message table.
#[derive(Debug)]
pub(super) struct Table {
    /// The message, `ORDERS`.
    pub(super) root: Name,
    pub(super) segments: Vec<Segment>,
    pub(super) slots: Vec<Slot>,
    pub(super) groups: Vec<Group>,
    tags: FxHashMap<Tag, u16>,
    /// `slot * segments + segment`: the next slot, `u16::MAX` for none.
    next: Vec<u16>,
}

const NONE: u16 = u16::MAX;

impl Table {
    /// The table of a message there is a schema for.
    pub(super) fn of(message_type: &MessageType) -> Option<Arc<Table>> {
        static TABLES: OnceLock<RwLock<FxHashMap<MessageType, Arc<Table>>>> = OnceLock::new();
        let tables = TABLES.get_or_init(RwLock::default);
        if let Some(table) = tables.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(message_type) {
            return Some(Arc::clone(table));
        }
        let grammar = library().message(message_type)?;
        let table = Arc::new(Table::compile(&grammar)?);
        let mut tables = tables.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        tables.insert(message_type.clone(), Arc::clone(&table));
        Some(table)
    }

    fn compile(grammar: &Grammar) -> Option<Table> {
        let mut table = Table {
            root: grammar.root_name,
            segments: Vec::new(),
            slots: Vec::new(),
            groups: Vec::new(),
            tags: FxHashMap::default(),
            next: Vec::new(),
        };
        table.add_group(grammar, grammar.root_name, grammar.root, 0, 0)?;
        let (slots, segments) = (table.slots.len(), table.segments.len());
        table.next.reserve(slots * segments);
        for slot in 0..slots {
            for segment in 0..segments {
                let next = table.search(slot, segment as u16).map_or(NONE, |slot| slot as u16);
                table.next.push(next);
            }
        }
        Some(table)
    }

    fn add_group(&mut self, grammar: &Grammar, name: Name, id: TypeId, parent: u16, depth: usize) -> Option<()> {
        if self.groups.len() >= MOST || self.slots.len() >= MOST || depth > 20 {
            return None;
        }
        let index = self.groups.len() as u16;
        let start = self.slots.len();
        self.groups.push(Group { name, parent, slots: start..start });
        for particle in grammar.particles(id) {
            match particle.kind {
                Kind::Segment => {
                    let segment = self.add_segment(grammar, particle.name, particle.type_id)?;
                    let starts = (self.slots.len() == start && index != 0).then_some(index);
                    let barrier = particle.name.as_str() == "UNS" && particle.min > 0;
                    self.slots.push(Slot { segment, group: index, starts, most: particle.max, barrier });
                }
                Kind::Group => {
                    let first = self.slots.len();
                    self.add_group(grammar, particle.name, particle.type_id, index, depth + 1)?;
                    if first == start
                        && index != 0
                        && let Some(slot) = self.slots.get_mut(first)
                    {
                        slot.starts = Some(index);
                    }
                }
                Kind::Complex | Kind::Composite | Kind::Simple => return None,
            }
        }
        let end = self.slots.len();
        if let Some(group) = self.groups.get_mut(usize::from(index)) {
            group.slots = start..end;
        }
        (end > start).then_some(())
    }

    fn add_segment(&mut self, grammar: &Grammar, name: Name, id: TypeId) -> Option<u16> {
        let tag: Tag = name.as_str().as_bytes().try_into().ok()?;
        if let Some(&known) = self.tags.get(&tag) {
            return Some(known);
        }
        // In service directory 4 a repeated item is one position that repeats; before it, as many positions.
        let expand = |most: u32| if grammar.message_type.version == "4" { 1 } else { most.min(99) as usize };
        let numeric = |id: TypeId| grammar.ty(id).value.as_ref().is_some_and(|value| value.base == Base::Numeric);
        let mut elements = Vec::new();
        for particle in grammar.particles(id) {
            let mut components = Vec::new();
            if particle.kind == Kind::Composite {
                for part in grammar.particles(particle.type_id) {
                    let component = Component { name: part.name, numeric: numeric(part.type_id) };
                    components.extend(std::iter::repeat_n(component, expand(part.max)));
                }
            }
            let element = Element {
                name: particle.name,
                numeric: numeric(particle.type_id),
                components: components.into_boxed_slice(),
            };
            elements.extend(std::iter::repeat_n(element, expand(particle.max)));
        }
        let index = u16::try_from(self.segments.len()).ok()?;
        self.segments.push(Segment { name, elements: elements.into_boxed_slice() });
        self.tags.insert(tag, index);
        Some(index)
    }

    /// The segment of a tag.
    #[inline]
    pub(super) fn segment(&self, tag: Tag) -> Option<u16> {
        self.tags.get(&tag).copied()
    }

    /// Where a segment goes that comes after the one at `slot`.
    #[inline]
    pub(super) fn next(&self, slot: u16, segment: u16) -> Option<u16> {
        let index = usize::from(slot) * self.segments.len() + usize::from(segment);
        self.next.get(index).copied().filter(|&next| next != NONE)
    }

    /// The order of a child of a group: its first slot.
    pub(super) fn order(&self, group: u16, name: Name) -> Option<usize> {
        if let Some(inner) = self.group_named(group, name) {
            return self.groups.get(usize::from(inner)).map(|known| known.slots.start);
        }
        let around = self.groups.get(usize::from(group))?;
        let mut slots = self.slots.iter().enumerate().take(around.slots.end).skip(around.slots.start);
        let is = |slot: &Slot| self.segments.get(usize::from(slot.segment)).is_some_and(|known| known.name == name);
        slots.find(|(_, slot)| slot.group == group && is(slot)).map(|(index, _)| index)
    }

    /// The group of that name in a group.
    pub(super) fn group_named(&self, group: u16, name: Name) -> Option<u16> {
        let found = self.groups.iter().skip(1).position(|known| known.name == name && known.parent == group)?;
        u16::try_from(found + 1).ok()
    }

    /// Whether a slot can be reached inside of a group without entering anything in the middle: it stands in the group
    /// itself, or starts a group that does.
    fn stands_in(&self, slot: &Slot, group: u16) -> bool {
        let parent = |index: u16| self.groups.get(usize::from(index)).map(|known| known.parent);
        match slot.starts {
            Some(started) => started == group || parent(started) == Some(group),
            None => slot.group == group,
        }
    }

    fn search(&self, from: usize, segment: u16) -> Option<usize> {
        let here = self.slots.get(from)?;
        if here.segment == segment {
            let in_group = self.groups.get(usize::from(here.group))?;
            let later = self.slots.get(from + 1..in_group.slots.end).unwrap_or(&[]).iter();
            let again = later
                .take_while(|slot| !slot.barrier || slot.segment == segment)
                .position(|slot| slot.segment == segment && slot.starts.is_none() && slot.group == here.group);
            return match again {
                Some(distance) if here.most == 1 && here.starts.is_none() => Some(from + 1 + distance),
                _ => Some(from),
            };
        }
        let (mut group, mut at) = (here.group, from);
        loop {
            let around = self.groups.get(usize::from(group))?;
            for (index, slot) in self.slots.iter().enumerate().take(around.slots.end).skip(at + 1) {
                if slot.segment == segment && self.stands_in(slot, group) {
                    return Some(index);
                }
                if slot.barrier {
                    break;
                }
            }
            if group == 0 {
                break;
            }
            // A new occurrence of the group.
            let start = around.slots.start;
            if self.slots.get(start).is_some_and(|slot| slot.segment == segment) {
                return Some(start);
            }
            at = around.slots.end.saturating_sub(1);
            group = around.parent;
        }
        // Out of order: the nearest group around it that knows the tag.
        let mut group = here.group;
        loop {
            let around = self.groups.get(usize::from(group))?;
            let mut before = self.slots.iter().enumerate().take(from).skip(around.slots.start);
            if let Some((index, _)) = before.rfind(|(_, slot)| slot.segment == segment && self.stands_in(slot, group)) {
                return Some(index);
            }
            if group == 0 {
                return None;
            }
            group = around.parent;
        }
    }
}
