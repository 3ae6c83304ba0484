//! The pivot between parcels with their contents, as our despatch advice has them, and the hierarchy of EDIFACT's CPS:
//! levels that name their parent and hold packages and lines.
//!
//! Reading: the first level without a parent is the shipment; every package becomes a parcel with the lines of its level
//! as its contents, and a line that is spread over several levels becomes one again. Writing: the other way round; what
//! no parcel holds stands in the level of the shipment. Left out: contents of a level with several packages, of which
//! nobody says where what is; their lines are lines of the shipment.

use std::sync::OnceLock;

use rust_decimal::Decimal;

use crate::model::name::Name;
use crate::model::record::{Field, Kind, Record};
use crate::model::tree::{At, NodeId, Tree};

/// Longest number of a level (element 7164, an..12). What is longer cannot name one, or the level would fall out of the
/// hierarchy; the level gets another number.
const LONGEST_NUMBER: usize = 12;

fn fits(number: &str) -> bool {
    !number.is_empty() && number.chars().count() <= LONGEST_NUMBER
}

/// Parcels of one shipment; the hierarchy is walked once for each.
const MOST_PACKAGES: usize = 50_000;

/// The record of the document with `levels` in it, which only mappings see.
pub(super) fn record(document: &'static Record) -> &'static Record {
    static WIDENED: OnceLock<Record> = OnceLock::new();
    static LEVEL: OnceLock<Record> = OnceLock::new();
    fn level() -> &'static Record {
        LEVEL.get_or_init(|| Record { name: "PackingLevel", doc: "", fields: &[] })
    }
    let text = |name| Field { name, kind: Kind::Text, list: false, doc: "" };
    let packages = document.field("shipment").and_then(|shipment| match shipment.kind {
        Kind::Record(shipment) => shipment().field("packages"),
        _ => None,
    });
    let below: Vec<Field> = packages.into_iter().chain(document.field("lines")).copied().collect();
    LEVEL.get_or_init(|| {
        let fields: Vec<Field> = [text("id"), text("parent_id")].into_iter().chain(below).collect();
        Record { name: "PackingLevel", doc: "A level of the packing (EDIFACT CPS).", fields: fields.leak() }
    });
    WIDENED.get_or_init(|| {
        let levels =
            Field { name: "levels", kind: Kind::Record(level), list: true, doc: "The packing, level by level." };
        let fields: Vec<Field> = document.fields.iter().copied().chain([levels]).collect();
        Record { name: document.name, doc: document.doc, fields: fields.leak() }
    })
}

/// Names that the pivot speaks of.
struct Names {
    levels: Name,
    id: Name,
    value: Name,
    parent_id: Name,
    packages: Name,
    lines: Name,
    shipment: Name,
    total_packages: Name,
    quantity: Name,
    number: Name,
    within: Name,
    contents: Name,
    line_id: Name,
    serial_ids: Name,
    delivered_quantity: Name,
    item: Name,
    instances: Name,
    serial_id: Name,
    unmapped: Name,
}

fn names() -> &'static Names {
    static NAMES: OnceLock<Names> = OnceLock::new();
    let name = Name::intern;
    NAMES.get_or_init(|| Names {
        levels: name("levels"),
        id: name("id"),
        value: name("value"),
        parent_id: name("parent_id"),
        packages: name("packages"),
        lines: name("lines"),
        shipment: name("shipment"),
        total_packages: name("total_packages"),
        quantity: name("quantity"),
        number: name("number"),
        within: name("within"),
        contents: name("contents"),
        line_id: name("line_id"),
        serial_ids: name("serial_ids"),
        delivered_quantity: name("delivered_quantity"),
        item: name("item"),
        instances: name("instances"),
        serial_id: name("serial_id"),
        unmapped: name("unmapped"),
    })
}

/// A tree being made from another, with the node each node came from.
struct Copy<'t> {
    from: &'t Tree,
    out: Tree,
    back: Vec<NodeId>,
}

impl<'t> Copy<'t> {
    fn new(from: &'t Tree) -> Copy<'t> {
        let mut out = Tree::new(from.shape);
        out.ordinal = from.ordinal;
        out.prefix.clone_from(&from.prefix);
        Copy { from, out, back: Vec::with_capacity(from.len()) }
    }

    fn open(&mut self, name: Name, from: NodeId) {
        self.out.open(name, At::default());
        self.back.push(from);
    }

    fn close(&mut self) {
        self.out.close();
    }

    fn leaf(&mut self, name: Name, text: &str, from: NodeId) {
        self.out.leaf(name, text, At::default());
        self.back.push(from);
    }

    /// A node with all that is below it.
    fn all(&mut self, id: NodeId) {
        self.but(id, &|_| false);
    }

    /// A node without some of what is below it.
    fn but(&mut self, id: NodeId, leave_out: &dyn Fn(NodeId) -> bool) {
        self.out.open_text(self.from.name_text(id), self.from.node(id).at);
        self.back.push(id);
        let value = self.from.value(id);
        if !value.is_empty() {
            self.out.push_text(value);
        }
        // Depth is bounded by whoever built the tree.
        for child in self.from.children(id).filter(|&child| !leave_out(child)) {
            self.but(child, leave_out);
        }
        self.out.close();
    }
}

fn text(tree: &Tree, id: NodeId, path: &[Name]) -> String {
    let mut at = id;
    for &name in path {
        match tree.child(at, name) {
            Some(child) => at = child,
            None => return String::new(),
        }
    }
    tree.value(at).trim().to_owned()
}

fn number(tree: &Tree, id: NodeId, path: &[Name]) -> Option<Decimal> {
    text(tree, id, path).parse().ok()
}

/// Serial numbers of a line's item.
fn serials(tree: &Tree, line: NodeId) -> Vec<(String, NodeId)> {
    let n = names();
    let Some(item) = tree.child(line, n.item) else { return Vec::new() };
    let instances = tree.children_named(item, n.instances);
    instances
        .filter_map(|instance| tree.child(instance, n.serial_id))
        .map(|id| (tree.value(id).to_owned(), id))
        .collect()
}

/// A line without what differs from package to package, to know it again.
fn likeness(tree: &Tree, id: NodeId, out: &mut String) {
    let n = names();
    for child in tree.children(id) {
        let name = tree.name(child);
        if name == n.delivered_quantity || name == n.instances || name == n.unmapped {
            continue;
        }
        out.push_str(tree.name_text(child));
        out.push('=');
        out.push_str(tree.value(child).trim());
        likeness(tree, child, out);
        out.push(';');
    }
}

/// Levels to parcels and lines.
pub(super) fn read(tree: &Tree, origin: &[NodeId]) -> (Tree, Vec<NodeId>) {
    let n = names();
    let Some(root) = tree.root() else { return (tree.clone(), origin.to_vec()) };
    let levels: Vec<NodeId> = tree.children_named(root, n.levels).collect();
    let shipment_level = levels.iter().copied().find(|&level| tree.child(level, n.parent_id).is_none());
    let shipment_id = shipment_level.map(|level| text(tree, level, &[n.id])).unwrap_or_default();
    // Lines: the first of each, and the others of the same.
    let mut lines: Vec<(NodeId, String, Vec<NodeId>)> = Vec::new();
    let mut known: rustc_hash::FxHashMap<String, usize> = rustc_hash::FxHashMap::default();
    for line in levels.iter().flat_map(|&level| tree.children_named(level, n.lines)) {
        let mut like = String::new();
        likeness(tree, line, &mut like);
        let named = tree.child(line, n.id).is_some();
        match known.get(&like).and_then(|&index| lines.get_mut(index)).filter(|_| named) {
            Some((_, _, others)) => others.push(line),
            None => {
                known.insert(like.clone(), lines.len());
                lines.push((line, like, Vec::new()));
            }
        }
    }
    let mut copy = Copy::new(tree);
    copy.open(tree.name(root), root);
    let shipment = tree.child(root, n.shipment);
    for child in tree.children(root) {
        let name = tree.name(child);
        if name != n.levels && name != n.shipment && name != n.unmapped {
            copy.all(child);
        }
    }
    let total = shipment_level.and_then(|level| total(tree, level));
    let packages: Vec<(NodeId, NodeId)> = levels
        .iter()
        .flat_map(|&level| tree.children_named(level, n.packages).map(move |package| (level, package)))
        .filter(|(_, package)| Some(*package) != total)
        .collect();
    let named = !shipment_id.is_empty() && shipment_id != "1";
    if shipment.is_some() || total.is_some() || named || !packages.is_empty() {
        copy.open(n.shipment, shipment.or(shipment_level).unwrap_or(root));
        if let (true, Some(level)) = (named, shipment_level) {
            copy.open(n.id, level);
            copy.leaf(n.value, &shipment_id, tree.child(level, n.id).unwrap_or(level));
            copy.close();
        }
        for child in shipment.into_iter().flat_map(|shipment| tree.children(shipment)) {
            copy.all(child);
        }
        if let Some(quantity) = total.and_then(|package| tree.child(package, n.quantity)) {
            copy.open(n.total_packages, quantity);
            for child in tree.children(quantity) {
                copy.all(child);
            }
            copy.close();
        }
        for &(level, package) in &packages {
            let alone = tree.children_named(level, n.packages).count() == 1;
            copy.open(n.packages, package);
            for child in tree.children(package) {
                copy.all(child);
            }
            copy.leaf(n.number, &text(tree, level, &[n.id]), tree.child(level, n.id).unwrap_or(level));
            if let Some(parent) = tree.child(level, n.parent_id)
                && tree.value(parent).trim() != shipment_id
            {
                copy.leaf(n.within, tree.value(parent).trim(), parent);
            }
            if alone {
                for line in tree.children_named(level, n.lines) {
                    copy.open(n.contents, line);
                    copy.leaf(n.line_id, &text(tree, line, &[n.id]), tree.child(line, n.id).unwrap_or(line));
                    if let Some(quantity) = tree.child(line, n.delivered_quantity) {
                        copy.open(n.quantity, quantity);
                        for child in tree.children(quantity) {
                            copy.all(child);
                        }
                        copy.close();
                    }
                    for (serial, id) in serials(tree, line) {
                        copy.leaf(n.serial_ids, &serial, id);
                    }
                    copy.close();
                }
            }
            copy.close();
        }
        copy.close();
    }
    for (line, _, others) in &lines {
        joined(&mut copy, *line, others);
    }
    for child in tree.children_named(root, n.unmapped) {
        copy.all(child);
    }
    copy.close();
    let back = copy.back.iter().map(|id| origin.get(id.0 as usize).copied().unwrap_or(NodeId(0))).collect();
    (copy.out, back)
}

/// The package of the shipment's own level that says nothing but how many there are.
fn total(tree: &Tree, level: NodeId) -> Option<NodeId> {
    let n = names();
    let mut packages = tree.children_named(level, n.packages);
    let (only, more) = (packages.next()?, packages.next());
    let counts = tree.children(only).all(|child| tree.name(child) == n.quantity) && tree.has_children(only);
    (more.is_none() && counts).then_some(only)
}

/// A line that stands in several levels, with its quantities added and its pieces together.
fn joined(copy: &mut Copy<'_>, line: NodeId, others: &[NodeId]) {
    let n = names();
    let tree = copy.from;
    if others.is_empty() {
        return copy.all(line);
    }
    let quantity = |id| number(tree, id, &[n.delivered_quantity, n.value]);
    let sum = others.iter().try_fold(quantity(line), |sum, &other| {
        // What cannot be added stays as the first says it.
        Some(Some(sum?.checked_add(quantity(other)?)?))
    });
    copy.open(n.lines, line);
    for child in tree.children(line) {
        let name = tree.name(child);
        if name == n.delivered_quantity
            && let Some(Some(sum)) = sum
        {
            copy.open(name, child);
            for below in tree.children(child) {
                if tree.name(below) == n.value {
                    copy.leaf(n.value, &sum.to_string(), below);
                } else {
                    copy.all(below);
                }
            }
            copy.close();
        } else if name == n.item {
            copy.open(name, child);
            for below in tree.children(child) {
                copy.all(below);
            }
            for instance in others.iter().filter_map(|&other| tree.child(other, n.item)) {
                for below in tree.children_named(instance, n.instances) {
                    copy.all(below);
                }
            }
            copy.close();
        } else {
            copy.all(child);
        }
    }
    for below in others.iter().flat_map(|&other| tree.children_named(other, n.unmapped)) {
        copy.all(below);
    }
    copy.close();
}

/// Parcels and lines to levels. The second value says for each node which node of the document it is.
pub(super) fn write(tree: &Tree) -> (Tree, Vec<NodeId>) {
    let n = names();
    let mut copy = Copy::new(tree);
    let Some(root) = tree.root() else { return (copy.out, copy.back) };
    let shipment = tree.child(root, n.shipment);
    let packages: Vec<NodeId> = shipment
        .into_iter()
        .flat_map(|shipment| tree.children_named(shipment, n.packages))
        .take(MOST_PACKAGES)
        .collect();
    let lines: Vec<NodeId> = tree.children_named(root, n.lines).collect();
    let said = shipment.map(|shipment| text(tree, shipment, &[n.id, n.value])).unwrap_or_default();
    let shipment_id = if fits(&said) { said } else { "1".to_owned() };
    let numbers = numbered(tree, &packages, &shipment_id);
    // How much of each line no parcel holds, and whether any of it was written.
    let mut rest: Vec<(Option<Decimal>, bool)> =
        lines.iter().map(|&line| (number(tree, line, &[n.delivered_quantity, n.value]), false)).collect();
    let mut packed: Vec<(String, Vec<NodeId>)> = vec![(shipment_id.clone(), Vec::new())];
    for (&package, number) in packages.iter().zip(&numbers) {
        match packed.iter_mut().find(|(known, _)| known == number) {
            Some((_, list)) => list.push(package),
            None => packed.push((number.clone(), vec![package])),
        }
        for content in tree.children_named(package, n.contents) {
            if let Some(index) = line_of(tree, &lines, content)
                && let Some((left, _)) = rest.get_mut(index)
            {
                let held = number_of(tree, content).or(*left);
                *left = left.zip(held).and_then(|(left, held)| left.checked_sub(held));
            }
        }
    }
    // The number of parcels stands in the shipment's level, unless parcels do.
    let counted = packed.first().is_some_and(|(_, list)| list.is_empty());
    copy.open(tree.name(root), root);
    for child in tree.children(root) {
        let name = tree.name(child);
        if name == n.shipment {
            let gone = |id: NodeId| {
                let (own, name) = (tree.parent(id), tree.name(id));
                let number = own.is_some_and(|own| tree.name(own) == n.id && tree.parent(own) == Some(child));
                // What is too long stays, and is told to be lost.
                (number && name == n.value && fits(tree.value(id).trim()))
                    || (own == Some(child) && (name == n.packages || (counted && name == n.total_packages)))
            };
            copy.but(child, &gone);
        } else if name != n.lines {
            copy.all(child);
        }
    }
    for (index, (number, list)) in packed.iter().enumerate() {
        let first = list.first().copied().or(shipment).unwrap_or(root);
        copy.open(n.levels, first);
        copy.leaf(n.id, number, shipment.and_then(|id| tree.child(id, n.id)).unwrap_or(first));
        if index > 0 {
            let within = list.iter().find_map(|&package| tree.child(package, n.within));
            let parent = within.and_then(|id| level_of(tree, &packages, &numbers, tree.value(id).trim()));
            copy.leaf(n.parent_id, parent.unwrap_or(&shipment_id), within.unwrap_or(first));
        } else if let Some(total) = shipment.and_then(|id| tree.child(id, n.total_packages))
            && list.is_empty()
        {
            copy.open(n.packages, total);
            copy.open(n.quantity, total);
            for child in tree.children(total) {
                copy.all(child);
            }
            copy.close();
            copy.close();
        }
        for &package in list {
            let gone = |id: NodeId| {
                let own = tree.parent(id) == Some(package);
                let known = tree.name(id) == n.contents && line_of(tree, &lines, id).is_some();
                let told = [n.number, n.within].contains(&tree.name(id)) && fits(tree.value(id).trim());
                own && (known || told)
            };
            copy.but(package, &gone);
        }
        for content in list.iter().flat_map(|&package| tree.children_named(package, n.contents)) {
            if let Some(position) = line_of(tree, &lines, content)
                && let (Some(&line), Some((_, written))) = (lines.get(position), rest.get_mut(position))
            {
                part(&mut copy, line, Some(content), None, std::mem::replace(written, true));
            }
        }
        if index == 0 {
            for (&line, (left, written)) in lines.iter().zip(&mut rest) {
                let held = packages.iter().any(|&package| {
                    tree.children_named(package, n.contents)
                        .any(|content| line_of(tree, &lines, content).and_then(|at| lines.get(at)) == Some(&line))
                });
                if !held {
                    part(&mut copy, line, None, None, std::mem::replace(written, true));
                } else if let Some(left) = left.filter(|left| *left > Decimal::ZERO) {
                    part(&mut copy, line, None, Some(left), true);
                }
            }
        }
        copy.close();
    }
    copy.close();
    (copy.out, copy.back)
}

/// Numbers of the levels of packages: their own, else the next that is free.
fn numbered(tree: &Tree, packages: &[NodeId], shipment_id: &str) -> Vec<String> {
    let n = names();
    let own: Vec<String> = packages.iter().map(|&package| text(tree, package, &[n.number])).collect();
    let mut next = 1_u32;
    own.iter()
        .map(|number| {
            if fits(number) {
                return number.clone();
            }
            loop {
                next = next.saturating_add(1);
                let free = next.to_string();
                if free != shipment_id && !own.contains(&free) {
                    return free;
                }
            }
        })
        .collect()
}

/// The number of the level that a parcel is said to be in: that of a parcel that was numbered anew, else as it is said.
fn level_of<'n>(tree: &'n Tree, packages: &[NodeId], numbers: &'n [String], said: &'n str) -> Option<&'n str> {
    let n = names();
    let named = packages.iter().position(|&package| text(tree, package, &[n.number]) == said);
    named.and_then(|index| numbers.get(index)).map(String::as_str).or_else(|| fits(said).then_some(said))
}

fn number_of(tree: &Tree, content: NodeId) -> Option<Decimal> {
    let n = names();
    number(tree, content, &[n.quantity, n.value])
}

/// The line that a content is of.
fn line_of(tree: &Tree, lines: &[NodeId], content: NodeId) -> Option<usize> {
    let n = names();
    let wanted = text(tree, content, &[n.line_id]);
    lines.iter().position(|&line| !wanted.is_empty() && text(tree, line, &[n.id]) == wanted)
}

/// A line, or what of it a parcel holds, or what is left of it.
fn part(copy: &mut Copy<'_>, line: NodeId, content: Option<NodeId>, left: Option<Decimal>, again: bool) {
    let n = names();
    let tree = copy.from;
    let held = content.and_then(|content| tree.child(content, n.quantity));
    let pieces: Option<Vec<String>> = match content {
        Some(content) => {
            let list: Vec<String> =
                tree.children_named(content, n.serial_ids).map(|id| tree.value(id).trim().to_owned()).collect();
            // A parcel that names none holds those of the line, once.
            (!list.is_empty() || again).then_some(list)
        }
        None => left.map(|_| Vec::new()),
    };
    let gone = |id: NodeId| {
        let parent = tree.parent(id);
        if parent == Some(line) {
            let name = tree.name(id);
            return (name == n.unmapped && again)
                || (name == n.delivered_quantity && (held.is_some() || left.is_some()));
        }
        let Some(wanted) = &pieces else { return false };
        let of_item = parent.is_some_and(|item| tree.name(item) == n.item && tree.parent(item) == Some(line));
        of_item && tree.name(id) == n.instances && {
            let serial = text(tree, id, &[n.serial_id]);
            if serial.is_empty() { again } else { !wanted.contains(&serial) }
        }
    };
    copy.open(n.lines, line);
    for child in tree.children(line).filter(|&child| !gone(child)) {
        copy.but(child, &gone);
    }
    if let Some(held) = held {
        copy.open(n.delivered_quantity, held);
        for child in tree.children(held) {
            copy.all(child);
        }
        // What the parcel does not say of its quantity is as the line says it: the unit.
        let of_line = tree.child(line, n.delivered_quantity);
        for child in of_line.into_iter().flat_map(|quantity| tree.children(quantity)) {
            if tree.name(child) != n.value && tree.child(held, tree.name(child)).is_none() {
                copy.all(child);
            }
        }
        copy.close();
    } else if let (Some(left), Some(quantity)) = (left, tree.child(line, n.delivered_quantity)) {
        copy.open(n.delivered_quantity, quantity);
        for child in tree.children(quantity) {
            if tree.name(child) == n.value {
                copy.leaf(n.value, &left.to_string(), child);
            } else {
                copy.all(child);
            }
        }
        copy.close();
    }
    copy.close();
}
