//! The tree of one message, of its head or tail, or of one repeating group: a flat vector of nodes in document
//! order over one text arena. Every node knows where it stood in what was received.
//!
//! XML: elements and attributes (names `@…`, before the child elements). EDIFACT: groups (`SG25`), segments,
//! composites and elements, named by the message table; empty positions are absent. JSON, CSV and forms: fields,
//! a list being siblings of one name. Canonical documents use the same tree, see `document`.

use std::sync::Arc;

use super::finding::Place;
use super::name::Name;

/// Index of a node in its tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct NodeId(pub u32);

/// Where a node stood in the bytes received. Numbers count from 1, 0 means "does not apply".
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct At {
    /// Line, counted in LF. In a form: which one in its list.
    pub line: u32,
    /// Column in characters (XML, JSON) or bytes (EDIFACT).
    pub column: u32,
    /// Byte offset of the node in the decoded text, from 0.
    pub offset: u64,
    /// Segment position in its message, UNH being 1 (ISO 9735).
    pub segment: u32,
    /// Element position in its segment.
    pub element: u16,
    /// Component position in its composite.
    pub component: u16,
}

/// One node.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// Its name.
    pub name: Name,
    /// Where it stood.
    pub at: At,
    parent: u32,
    /// One past its last descendant.
    end: u32,
    value_start: u32,
    value_len: u32,
}

/// Which words describe a place in this tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Shape {
    /// XML: line, column and path.
    #[default]
    Xml,
    /// EDIFACT and X12: segment and element.
    Segments,
    /// Records of a table: line and column name.
    Records,
    /// Rows of a sheet: its name and the cell, which `At` has as line and column.
    Sheet,
    /// JSON: line, column and path.
    Json,
    /// A web form: field names.
    Form,
    /// Our own document.
    Canonical,
}

/// A flat tree over its own text.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Which kind of place its nodes have.
    pub shape: Shape,
    /// For a group cut out of its message: which one of its name it is, from 1; 0 for a head, tail or whole message.
    pub ordinal: u32,
    /// For a group cut out of its message: the path of its parent (`/Catalogue`), else empty.
    pub prefix: String,
    /// The sheet of a workbook that it stands on.
    pub sheet: Option<Arc<str>>,
    text: String,
    nodes: Vec<Node>,
    unknown: Vec<(u32, String)>,
    open: Vec<u32>,
}

const NONE: u32 = u32::MAX;

impl Tree {
    /// An empty tree of that shape.
    pub fn new(shape: Shape) -> Tree {
        Tree { shape, ..Tree::default() }
    }

    /// An empty tree with room for so many nodes and bytes of text.
    pub fn with_capacity(shape: Shape, nodes: usize, text_bytes: usize) -> Tree {
        Tree { shape, text: String::with_capacity(text_bytes), nodes: Vec::with_capacity(nodes), ..Tree::default() }
    }

    /// Empties the tree, keeping its memory.
    pub fn clear(&mut self) {
        self.ordinal = 0;
        self.prefix.clear();
        self.sheet = None;
        self.text.clear();
        self.nodes.clear();
        self.unknown.clear();
        self.open.clear();
    }

    // ---- building, in document order ----

    /// Opens a node below the one that is open.
    pub fn open(&mut self, name: Name, at: At) -> NodeId {
        let id = self.nodes.len() as u32;
        let parent = self.open.last().copied().unwrap_or(NONE);
        let value_start = self.text.len() as u32;
        self.nodes.push(Node { name, at, parent, end: id + 1, value_start, value_len: 0 });
        self.open.push(id);
        NodeId(id)
    }

    /// Opens a node by its text: the interned name, or an unknown one whose text is kept.
    pub fn open_text(&mut self, name: &str, at: At) -> NodeId {
        match Name::find(name) {
            Some(known) => self.open(known, at),
            None => {
                let id = self.open(Name::UNKNOWN, at);
                self.unknown.push((id.0, name.to_owned()));
                id
            }
        }
    }

    /// Appends to the value of the open node. Nothing is open: nothing happens.
    pub fn push_text(&mut self, text: &str) {
        let Some(&id) = self.open.last() else { return };
        let (start, len) = {
            let node = &self.nodes[id as usize];
            (node.value_start as usize, node.value_len as usize)
        };
        if len == 0 {
            self.nodes[id as usize].value_start = self.text.len() as u32;
        } else if start + len != self.text.len() {
            // Mixed content: values of children were written in between, so the piece so far moves to the end.
            let moved = self.text.len() as u32;
            self.text.extend_from_within(start..start + len);
            self.nodes[id as usize].value_start = moved;
        }
        self.text.push_str(text);
        self.nodes[id as usize].value_len += text.len() as u32;
    }

    /// Closes the open node.
    pub fn close(&mut self) {
        if let Some(id) = self.open.pop() {
            self.nodes[id as usize].end = self.nodes.len() as u32;
        }
    }

    /// A node with a value and no children.
    #[inline]
    pub fn leaf(&mut self, name: Name, value: &str, at: At) -> NodeId {
        let id = self.nodes.len() as u32;
        let parent = self.open.last().copied().unwrap_or(NONE);
        let (value_start, value_len) = (self.text.len() as u32, value.len() as u32);
        self.text.push_str(value);
        self.nodes.push(Node { name, at, parent, end: id + 1, value_start, value_len });
        NodeId(id)
    }

    /// A node with a value and no children, by the text of its name.
    pub fn leaf_text(&mut self, name: &str, value: &str, at: At) -> NodeId {
        let id = self.open_text(name, at);
        self.push_text(value);
        self.close();
        id
    }

    /// Copies a node with everything below it from another tree under the open node, places included.
    pub fn graft(&mut self, from: &Tree, id: NodeId) {
        let node = from.node(id);
        if node.name == Name::UNKNOWN {
            self.open_text(from.name_text(id), node.at);
        } else {
            self.open(node.name, node.at);
        }
        let value = from.value(id);
        if !value.is_empty() {
            self.push_text(value);
        }
        // Depth is bounded by the reader that built `from`.
        for child in from.children(id) {
            self.graft(from, child);
        }
        self.close();
    }

    /// The open node that what comes next is put below.
    pub fn innermost(&self) -> Option<NodeId> {
        self.open.last().copied().map(NodeId)
    }

    /// How many nodes are open.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    // ---- reading ----

    /// The first node, if there is one.
    pub fn root(&self) -> Option<NodeId> {
        (!self.nodes.is_empty()).then_some(NodeId(0))
    }

    /// Bytes of text its values take.
    pub fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Bytes of memory its parts hold.
    pub fn size_bytes(&self) -> usize {
        self.text.capacity() + self.nodes.capacity() * size_of::<Node>()
    }

    /// One past the last descendant, also while the node is open.
    #[inline]
    fn end(&self, id: u32) -> u32 {
        if self.open.is_empty() || !self.open.contains(&id) {
            return self.nodes[id as usize].end;
        }
        self.nodes.len() as u32
    }

    /// One node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// All nodes in document order.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// Its interned name.
    pub fn name(&self, id: NodeId) -> Name {
        self.node(id).name
    }

    /// The text of its name, also where no schema knows it.
    pub fn name_text(&self, id: NodeId) -> &str {
        let name = self.node(id).name;
        if name != Name::UNKNOWN {
            return name.as_str();
        }
        match self.unknown.binary_search_by_key(&id.0, |(node, _)| *node) {
            Ok(index) => &self.unknown[index].1,
            Err(_) => "?",
        }
    }

    /// Its own text, without that of its children. Not trimmed.
    pub fn value(&self, id: NodeId) -> &str {
        let node = self.node(id);
        let start = node.value_start as usize;
        self.text.get(start..start + node.value_len as usize).unwrap_or("")
    }

    /// The node it stands in.
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        let parent = self.node(id).parent;
        (parent != NONE).then_some(NodeId(parent))
    }

    /// Its children in order, attributes first.
    pub fn children(&self, id: NodeId) -> Children<'_> {
        Children { tree: self, next: id.0 + 1, end: self.end(id.0) }
    }

    /// Its children from that one on.
    pub fn children_from(&self, id: NodeId, first: NodeId) -> Children<'_> {
        Children { tree: self, next: first.0, end: self.end(id.0) }
    }

    /// The children of a node that is still open, none of which is.
    pub fn children_so_far(&self, id: NodeId) -> Children<'_> {
        Children { tree: self, next: id.0 + 1, end: self.nodes.len() as u32 }
    }

    /// The node after it and everything below it, which is its next sibling if it is before the parent's end.
    pub fn after(&self, id: NodeId) -> NodeId {
        NodeId(self.end(id.0))
    }

    /// Whether it has children.
    pub fn has_children(&self, id: NodeId) -> bool {
        self.end(id.0) > id.0 + 1
    }

    /// Its first child of that name.
    pub fn child(&self, id: NodeId, name: Name) -> Option<NodeId> {
        self.children(id).find(|&child| self.name(child) == name)
    }

    /// Its children of that name.
    pub fn children_named(&self, id: NodeId, name: Name) -> impl Iterator<Item = NodeId> + '_ {
        self.children(id).filter(move |&child| self.name(child) == name)
    }

    /// Which one of its name it is among its siblings, from 1, and whether there are others.
    pub fn position(&self, id: NodeId) -> (u32, bool) {
        let Some(parent) = self.parent(id) else {
            return (self.ordinal.max(1), self.ordinal > 0);
        };
        let name = self.name_text(id);
        let (mut mine, mut count) = (0, 0);
        for sibling in self.children(parent) {
            if self.name_text(sibling) == name {
                count += 1;
                if sibling == id {
                    mine = count;
                }
            }
        }
        (mine, count > 1)
    }

    /// The path of a node: `/Order/cac:OrderLine[2]/cac:LineItem/cbc:Quantity`, or `lines[2].quantity` for our own
    /// documents, JSON and forms.
    pub fn path(&self, id: NodeId) -> String {
        let mut chain = vec![id];
        while let Some(parent) = self.parent(chain[chain.len() - 1]) {
            chain.push(parent);
        }
        let ours = matches!(self.shape, Shape::Canonical | Shape::Json | Shape::Form | Shape::Records | Shape::Sheet);
        let mut path = self.prefix.clone();
        for &node in chain.iter().rev() {
            if ours && self.parent(node).is_none() && self.ordinal == 0 {
                continue;
            }
            if ours {
                if !path.is_empty() {
                    path.push('.');
                }
            } else {
                path.push('/');
            }
            path.push_str(self.name_text(node));
            if self.shape == Shape::Form {
                // The field's name as it was posted.
                let position = self.node(node).at.line;
                if position > 0 {
                    path.push_str(&format!(".{position}"));
                }
                continue;
            }
            let (position, several) = self.position(node);
            if several {
                path.push_str(&format!("[{position}]"));
            }
        }
        path
    }

    /// The place of a node, in the words of its format.
    pub fn place(&self, id: NodeId) -> Place {
        let at = self.node(id).at;
        let mut place = Place::from_at(at);
        match self.shape {
            Shape::Segments => place.path = Some(self.path(id)),
            Shape::Sheet => {
                place = Place::in_table(self.sheet.as_deref(), at);
                place.path = Some(self.path(id));
            }
            Shape::Form => {
                place = Place { field: Some(self.path(id)), ..Place::default() };
            }
            Shape::Xml | Shape::Json | Shape::Records | Shape::Canonical => place.path = Some(self.path(id)),
        }
        place
    }
}

/// Children of a node, in order.
#[derive(Clone, Debug)]
pub struct Children<'t> {
    tree: &'t Tree,
    next: u32,
    end: u32,
}

impl Iterator for Children<'_> {
    type Item = NodeId;

    fn next(&mut self) -> Option<NodeId> {
        if self.next >= self.end {
            return None;
        }
        let id = NodeId(self.next);
        self.next = self.tree.end(id.0).max(self.next + 1);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::{At, Name, Shape, Tree};

    #[test]
    fn builds_and_walks() {
        let (order, line, quantity) =
            (Name::intern("Order"), Name::intern("cac:OrderLine"), Name::intern("cbc:Quantity"));
        let mut tree = Tree::new(Shape::Xml);
        tree.open(order, At::default());
        for value in ["1", "2"] {
            tree.open(line, At::default());
            tree.leaf(quantity, value, At::default());
            tree.close();
        }
        tree.leaf_text("zz:Nowhere", "x", At::default());
        tree.close();
        let root = tree.root().unwrap();
        let lines: Vec<_> = tree.children_named(root, line).collect();
        assert_eq!(lines.len(), 2);
        let second = tree.child(lines[1], quantity).unwrap();
        assert_eq!(tree.value(second), "2");
        assert_eq!(tree.path(second), "/Order/cac:OrderLine[2]/cbc:Quantity");
        let last = tree.children(root).last().unwrap();
        assert_eq!(tree.path(last), "/Order/zz:Nowhere");
    }

    #[test]
    fn mixed_content_keeps_its_text_together() {
        let (p, b) = (Name::intern("p"), Name::intern("b"));
        let mut tree = Tree::new(Shape::Xml);
        let root = tree.open(p, At::default());
        tree.push_text("one ");
        let bold = tree.leaf(b, "two", At::default());
        tree.push_text("three");
        tree.close();
        assert_eq!(tree.value(root), "one three");
        assert_eq!(tree.value(bold), "two");
    }
}
