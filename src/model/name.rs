//! Names of elements, segments and fields, interned once for the whole process.
//!
//! Schemas and mappings intern the names they speak of when they are loaded; readers only look names up,
//! so a hostile document can never make the table grow. A name that no schema knows is [`Name::UNKNOWN`]
//! and the tree keeps its text beside the node.
//!
//! Spelling: XML elements of UBL are `cbc:ID`, `cac:Party`, the document element is its local name (`Order`),
//! any other namespace is `{uri}local`; attributes start with `@`; EDIFACT segments, composites and elements are
//! `BGM`, `C002`, `1001`, segment groups `SG25`; canonical fields are snake_case.

use std::sync::{OnceLock, RwLock};

use rustc_hash::FxHashMap;

/// A name known to the loaded schemas and mappings.
// Its number in the table, doubled; odd for the names of attributes, so that telling them apart costs nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Name(u32);

/// More names than any set of schemas has; past it everything is unknown.
const MOST_NAMES: usize = BLOCKS * BLOCK;
const BLOCKS: usize = 256;
const BLOCK: usize = 4096;

/// Names by their number, read without a lock: every look at a node's name in words comes here.
static LIST: [OnceLock<Box<[OnceLock<&'static str>]>>; BLOCKS] = [const { OnceLock::new() }; BLOCKS];

fn table() -> &'static RwLock<FxHashMap<&'static str, u32>> {
    static TABLE: OnceLock<RwLock<FxHashMap<&'static str, u32>>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = FxHashMap::default();
        table.insert("?", 0);
        RwLock::new(table)
    })
}

impl Name {
    /// A name that no loaded schema or mapping speaks of.
    pub const UNKNOWN: Name = Name(0);

    /// Makes a name known. Only for tables that are trusted: schemas, mappings, our own documents.
    pub fn intern(text: &str) -> Name {
        if let Some(name) = Name::find(text) {
            return name;
        }
        let mut table = table().write().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(&name) = table.get(text) {
            return Name(name);
        }
        let number = table.len();
        if number >= MOST_NAMES {
            return Name::UNKNOWN;
        }
        let kept: &'static str = Box::leak(text.to_owned().into_boxed_str());
        if let Some(block) = LIST.get(number / BLOCK) {
            let block = block.get_or_init(|| (0..BLOCK).map(|_| OnceLock::new()).collect());
            if let Some(place) = block.get(number % BLOCK) {
                place.get_or_init(|| kept);
            }
        }
        let name = u32::try_from(number).unwrap_or(0) * 2 + u32::from(text.starts_with('@'));
        table.insert(kept, name);
        Name(name)
    }

    /// The name if some schema or mapping knows it.
    pub fn find(text: &str) -> Option<Name> {
        let table = table().read().unwrap_or_else(|poisoned| poisoned.into_inner());
        table.get(text).map(|&name| Name(name))
    }

    /// Its text; `?` for the unknown one.
    pub fn as_str(self) -> &'static str {
        let block = LIST.get(self.index() / BLOCK).and_then(OnceLock::get);
        block.and_then(|block| block.get(self.index() % BLOCK)?.get()).copied().unwrap_or("?")
    }

    /// Its number in the table, for tables indexed by name.
    pub fn index(self) -> usize {
        (self.0 / 2) as usize
    }

    /// Whether it is the name of an attribute (`@…`). An unknown name never is: its text tells.
    pub fn is_attribute(self) -> bool {
        self.0 % 2 == 1
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn the_same_text_is_the_same_name() {
        let id = Name::intern("test:SameText");
        assert_eq!(Name::intern("test:SameText"), id);
        assert_eq!(Name::find("test:SameText"), Some(id));
        assert_eq!(id.as_str(), "test:SameText");
        assert_eq!(Name::find("test:NeverInterned"), None);
        let attribute = Name::intern("@test:attribute");
        assert!(attribute.is_attribute() && !id.is_attribute());
        assert_eq!(attribute.as_str(), "@test:attribute");
    }
}
