//! Serde between our typed documents and their trees: the canonical tree is what mappings read into and write from.
//!
//! A struct is a node with a child per field, a list is several children of one name, a scalar is a node's value.
//! Absent fields have no node. A value that does not fit its field is a finding at the node's path.

use std::cell::Cell;

use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::Serialize;

use super::finding::{Code, Finding};
use super::name::Name;
use super::tree::{At, NodeId, Shape, Tree};

/// A typed document from its tree. The finding's place is that of the node in this tree.
pub fn from_tree<T: DeserializeOwned>(tree: &Tree, id: NodeId) -> Result<T, (Finding, NodeId)> {
    T::deserialize(Node { tree, id }).map_err(|error| {
        let id = error.at.unwrap_or(id);
        let finding =
            Finding::error(Code::BadValue, tree.place(id)).found(tree.value(id).trim()).expected(error.message);
        (finding, id)
    })
}

/// The tree of a typed document; `root` names its root node.
pub fn to_tree<T: Serialize>(value: &T, root: &str) -> Tree {
    // Our own types always serialise: they have string keys and no exotic values.
    let json = serde_json::to_string(value).unwrap_or_default();
    let tree = tree_of_json(&json, root);
    debug_assert!(tree.is_ok(), "our own types serialise");
    tree.unwrap_or_else(|_| Tree::new(Shape::Canonical))
}

/// The tree of a document from the canonical JSON that we wrote of it, without its type in between; `root` names its root
/// node.
pub fn tree_of_json(json: &str, root: &str) -> Result<Tree, serde_json::Error> {
    let mut tree = Tree::with_capacity(Shape::Canonical, json.len() / 24, json.len());
    let mut reader = serde_json::Deserializer::from_str(json);
    Value { tree: &mut tree, name: Name::intern(root) }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(tree)
}

/// Reads one JSON value into nodes of that name.
struct Value<'t> {
    tree: &'t mut Tree,
    name: Name,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a canonical document")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        self.visit_str(if value { "true" } else { "false" })
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.tree.leaf(self.name, &value.to_string(), At::default());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.tree.leaf(self.name, &value.to_string(), At::default());
        Ok(())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.tree.leaf(self.name, value, At::default());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        while values.next_element_seed(Value { tree: &mut *self.tree, name: self.name })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        self.tree.open(self.name, At::default());
        while let Some(name) = fields.next_key_seed(FieldName)? {
            fields.next_value_seed(Value { tree: &mut *self.tree, name })?;
        }
        self.tree.close();
        Ok(())
    }
}

/// A field's name. What is read was written from our own types, so it is one of theirs.
struct FieldName;

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Name;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Name, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName {
    type Value = Name;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, text: &str) -> Result<Name, E> {
        Ok(Name::intern(text))
    }
}

/// Why a tree is not such a document.
#[derive(Debug)]
pub struct Unfit {
    message: String,
    at: Option<NodeId>,
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Unfit {}

impl de::Error for Unfit {
    fn custom<T: std::fmt::Display>(message: T) -> Unfit {
        Unfit { message: message.to_string(), at: None }
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Unfit {
        // What was found stands in the tree; the number's own words are a programmer's.
        let words = expected.to_string();
        let words = if words.contains("Decimal") { "a decimal number such as 12.50".to_owned() } else { words };
        Unfit { message: words, at: None }
    }
}

impl Unfit {
    fn at(mut self, id: NodeId) -> Unfit {
        self.at.get_or_insert(id);
        self
    }
}

#[derive(Clone, Copy)]
struct Node<'t> {
    tree: &'t Tree,
    id: NodeId,
}

impl<'t> Node<'t> {
    fn text(self) -> &'t str {
        self.tree.value(self.id).trim()
    }

    fn parse<T: std::str::FromStr>(self, what: &str) -> Result<T, Unfit> {
        self.text().parse().map_err(|_| Unfit { message: what.to_owned(), at: Some(self.id) })
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty),*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
            visitor.$visit(self.parse::<$type>("a whole number")?).map_err(|error: Unfit| error.at(self.id))
        }
    )* };
}

impl<'de> de::Deserializer<'de> for Node<'_> {
    type Error = Unfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        if self.tree.has_children(self.id) { self.deserialize_map(visitor) } else { self.deserialize_str(visitor) }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        match self.text() {
            "true" | "1" => visitor.visit_bool(true),
            "false" | "0" => visitor.visit_bool(false),
            _ => Err(Unfit { message: "true or false".to_owned(), at: Some(self.id) }),
        }
    }

    numbers!(deserialize_i64 visit_i64 i64, deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64, deserialize_i32 visit_i32 i32);

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_str(self.text()).map_err(|error: Unfit| error.at(self.id))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        // Reached only for a list that is not a field, which our documents do not have.
        visitor.visit_seq(Siblings { tree: self.tree, nodes: std::iter::once(self.id) })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_map(Fields::new(self.tree, self.id)).map_err(|error| error.at(self.id))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        visitor.visit_enum(self.text().into_deserializer()).map_err(|error: Unfit| error.at(self.id))
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// The fields of a node: its children, those of one name together.
struct Fields<'t> {
    tree: &'t Tree,
    parent: NodeId,
    next: Option<NodeId>,
    current: Option<NodeId>,
    /// The fields so far, and whether there may be no more of the name.
    given: Vec<(NodeId, bool)>,
}

impl<'t> Fields<'t> {
    fn new(tree: &'t Tree, parent: NodeId) -> Fields<'t> {
        Fields { tree, parent, next: tree.children(parent).next(), current: None, given: Vec::with_capacity(16) }
    }

    fn sibling(&self, id: NodeId) -> Option<NodeId> {
        let after = self.tree.after(id);
        (after < self.tree.after(self.parent)).then_some(after)
    }
}

fn same_name(tree: &Tree, one: NodeId, other: NodeId) -> bool {
    let name = tree.name(one);
    name == tree.name(other) && (name != Name::UNKNOWN || tree.name_text(one) == tree.name_text(other))
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Unfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unfit> {
        while let Some(id) = self.next {
            self.next = self.sibling(id);
            // Lists stand together almost always, so the last comes first.
            match self.given.iter().rev().find(|(given, _)| same_name(self.tree, *given, id)) {
                // The list was given already.
                Some((_, false)) => {}
                Some((_, true)) => {
                    let message = format!("{} only once", self.tree.name_text(id));
                    return Err(Unfit { message, at: Some(id) });
                }
                None => {
                    self.current = Some(id);
                    let key = de::value::StrDeserializer::<Unfit>::new(self.tree.name_text(id));
                    return seed.deserialize(key).map(Some).map_err(|error| error.at(id));
                }
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unfit> {
        let Some(id) = self.current else { return Err(de::Error::custom("a field")) };
        let single = Cell::new(false);
        let value =
            seed.deserialize(FieldValue { tree: self.tree, parent: self.parent, first: id, single: &single })?;
        self.given.push((id, single.get()));
        Ok(value)
    }
}

/// The value of a field: a list if a list is asked for, else its one node.
#[derive(Clone, Copy)]
struct FieldValue<'t> {
    tree: &'t Tree,
    parent: NodeId,
    first: NodeId,
    single: &'t Cell<bool>,
}

impl<'t> FieldValue<'t> {
    fn all(self) -> impl Iterator<Item = NodeId> + 't {
        let (tree, first) = (self.tree, self.first);
        tree.children_from(self.parent, first).filter(move |&id| same_name(tree, first, id))
    }

    fn one(self) -> Node<'t> {
        self.single.set(true);
        Node { tree: self.tree, id: self.first }
    }
}

macro_rules! single {
    ($($method:ident),*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> { self.one().$method(visitor) }
    )* };
}

impl<'de> de::Deserializer<'de> for FieldValue<'_> {
    type Error = Unfit;

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_seq(Siblings { tree: self.tree, nodes: self.all() })
    }

    single!(
        deserialize_any,
        deserialize_bool,
        deserialize_i32,
        deserialize_i64,
        deserialize_u32,
        deserialize_u64,
        deserialize_str,
        deserialize_string,
        deserialize_map
    );

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Unfit> {
        self.one().deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        self.one().deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        self.one().deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

struct Siblings<'t, I> {
    tree: &'t Tree,
    nodes: I,
}

impl<'de, I: Iterator<Item = NodeId>> SeqAccess<'de> for Siblings<'_, I> {
    type Error = Unfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unfit> {
        match self.nodes.next() {
            None => Ok(None),
            Some(id) => seed.deserialize(Node { tree: self.tree, id }).map(Some).map_err(|error| error.at(id)),
        }
    }
}

#[cfg(test)]
#[expect(unreachable_pub, reason = "record! makes public structs")]
mod tests {
    use super::*;

    crate::record! {
        /// A line.
        Line {
            /// Number.
            id: String,
            /// How many.
            quantity: Option<rust_decimal::Decimal>,
        }
        /// A sheet.
        Sheet {
            /// Number.
            id: String,
            /// Remarks.
            notes: Vec<String>,
            /// Lines.
            lines: Vec<Line>,
            /// Whether it is urgent.
            urgent: Option<bool>,
        }
    }

    #[test]
    fn there_and_back() {
        let sheet = Sheet {
            id: "4711".into(),
            notes: vec!["하나".into(), "둘".into()],
            lines: vec![Line { id: "1".into(), quantity: Some("10.50".parse().unwrap()) }, Line::default()],
            urgent: Some(false),
        };
        let tree = to_tree(&sheet, "Sheet");
        let back: Sheet = from_tree(&tree, tree.root().unwrap()).unwrap();
        assert_eq!(back, sheet);
        let leaves: Vec<String> = tree
            .ids()
            .filter(|&id| !tree.has_children(id))
            .map(|id| format!("{}={}", tree.path(id), tree.value(id)))
            .collect();
        assert_eq!(
            leaves,
            [
                "id=4711",
                "notes[1]=하나",
                "notes[2]=둘",
                "lines[1].id=1",
                "lines[1].quantity=10.50",
                "lines[2]=",
                "urgent=false"
            ]
        );
        assert!(Sheet::record().field("lines").unwrap().list);
    }

    #[test]
    fn a_bad_value_says_where() {
        let sheet = Sheet { lines: vec![Line::default(), Line::default()], ..Sheet::default() };
        let mut tree = Tree::new(Shape::Canonical);
        let at = At::default();
        tree.open(Name::intern("Sheet"), at);
        for (id, quantity) in [("1", "3"), ("2", "three")] {
            tree.open(Name::intern("lines"), at);
            tree.leaf(Name::intern("id"), id, at);
            tree.leaf(Name::intern("quantity"), quantity, at);
            tree.close();
        }
        tree.close();
        let (finding, _) = from_tree::<Sheet>(&tree, tree.root().unwrap()).unwrap_err();
        assert_eq!(finding.place.path.as_deref(), Some("lines[2].quantity"));
        assert_eq!(finding.found, "three");
        drop(sheet);
    }
}
