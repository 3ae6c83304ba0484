//! The pivot of tables: what belongs to the whole document stands in every row of the table. Reading, it is taken out of
//! the rows into a `head` of its own, as the first row says it; a row that says otherwise keeps what it says. Writing, the
//! head is put into every row.

use rustc_hash::FxHashSet;

use crate::model::name::Name;
use crate::model::tree::{At, NodeId, Tree};

/// What the head is called in paths of mappings: `head/order_id`.
pub(super) const HEAD: &str = "head";

/// A table with its head apart, and for each node the one it was.
pub(super) fn read(tree: &Tree, columns: &FxHashSet<Name>) -> (Tree, Vec<NodeId>) {
    let mut out = empty(tree);
    let mut back = Vec::with_capacity(tree.len() + 1);
    let Some(root) = tree.root() else { return (out, back) };
    let mut rows = tree.children(root).peekable();
    let first: Vec<NodeId> = rows
        .peek()
        .map(|&row| tree.children(row).filter(|&field| columns.contains(&tree.name(field))).collect())
        .unwrap_or_default();
    out.open(tree.name(root), tree.node(root).at);
    back.push(root);
    if let Some(&row) = rows.peek() {
        out.open(Name::intern(HEAD), tree.node(row).at);
        back.push(row);
        for &field in &first {
            graft(&mut out, &mut back, tree, field);
        }
        out.close();
    }
    for row in rows {
        out.open(tree.name(row), tree.node(row).at);
        back.push(row);
        for field in tree.children(row) {
            let said = first.iter().any(|&known| {
                tree.name(known) == tree.name(field) && tree.value(known).trim() == tree.value(field).trim()
            });
            if !said {
                graft(&mut out, &mut back, tree, field);
            }
        }
        out.close();
    }
    out.close();
    (out, back)
}

/// What the first row of a large table says of the whole document, without any row.
pub(super) fn head(tree: &Tree, columns: &FxHashSet<Name>) -> (Tree, Vec<NodeId>) {
    let mut out = empty(tree);
    let mut back = Vec::new();
    let Some(root) = tree.root() else { return (out, back) };
    out.open(tree.name(root), tree.node(root).at);
    back.push(root);
    if let Some(row) = tree.children(root).next() {
        out.open(Name::intern(HEAD), tree.node(row).at);
        back.push(row);
        for field in tree.children(row).filter(|&field| columns.contains(&tree.name(field))) {
            graft(&mut out, &mut back, tree, field);
        }
        out.close();
    }
    out.close();
    (out, back)
}

/// A row of a large table without what its first row, in `head`, says as well.
pub(super) fn row(tree: &Tree, head: &Tree, columns: &FxHashSet<Name>) -> (Tree, Vec<NodeId>) {
    let mut out = empty(tree);
    let mut back = Vec::with_capacity(tree.len());
    let Some(row) = tree.root() else { return (out, back) };
    let first = head.root().and_then(|root| head.children(root).next());
    out.open(tree.name(row), tree.node(row).at);
    back.push(row);
    for field in tree.children(row) {
        let name = tree.name(field);
        let said = first.and_then(|first| head.child(first, name)).map(|known| head.value(known).trim());
        if !(columns.contains(&name) && said == Some(tree.value(field).trim())) {
            graft(&mut out, &mut back, tree, field);
        }
    }
    out.close();
    (out, back)
}

/// A table with its head in every row, and the origins of its nodes.
pub(super) fn write(tree: &Tree, origin: &[NodeId], row: Name) -> (Tree, Vec<NodeId>) {
    let mut out = empty(tree);
    let mut back = Vec::with_capacity(tree.len());
    let Some(root) = tree.root() else { return (out, origin.to_vec()) };
    let head_name = Name::intern(HEAD);
    let head = tree.child(root, head_name);
    let fields: Vec<NodeId> = head.into_iter().flat_map(|head| tree.children(head)).collect();
    let mut rows: Vec<Option<NodeId>> = tree.children(root).filter(|&id| Some(id) != head).map(Some).collect();
    if rows.is_empty() && !fields.is_empty() {
        // A document without lines is a row of its head.
        rows.push(None);
    }
    out.open(tree.name(root), At::default());
    back.push(root);
    for id in rows {
        out.open(row, At::default());
        back.push(id.unwrap_or(root));
        let own: Vec<NodeId> = id.into_iter().flat_map(|id| tree.children(id)).collect();
        for &field in &fields {
            if own.iter().all(|&known| tree.name(known) != tree.name(field)) {
                graft(&mut out, &mut back, tree, field);
            }
        }
        for field in own {
            graft(&mut out, &mut back, tree, field);
        }
        out.close();
    }
    out.close();
    let back = back.iter().map(|id| origin.get(id.0 as usize).copied().unwrap_or(NodeId(0))).collect();
    (out, back)
}

fn empty(tree: &Tree) -> Tree {
    let mut out = Tree::new(tree.shape);
    out.ordinal = tree.ordinal;
    out.prefix.clone_from(&tree.prefix);
    out.sheet.clone_from(&tree.sheet);
    out
}

fn graft(out: &mut Tree, back: &mut Vec<NodeId>, from: &Tree, id: NodeId) {
    let before = out.len();
    out.graft(from, id);
    back.extend((0..out.len() - before).map(|offset| NodeId(id.0 + u32::try_from(offset).unwrap_or(0))));
}
