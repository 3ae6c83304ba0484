//! Writes a canonical tree as dure-json: `type` first, then the fields in the order of the tree.
//!
//! The table of the message says which fields are lists and which are indicators or whole numbers; decimals are strings,
//! so that no reader makes binary fractions of them. Without a table only what occurs several times is a list.

use rustc_hash::FxHashMap;

use crate::format::Written;
use crate::model::finding::{Code, Finding, Findings};
use crate::model::message::MessageType;
use crate::model::tree::{NodeId, Tree};
use crate::schema::grammar::{Grammar, TypeId};
use crate::schema::library;
use crate::schema::simple::Base;

/// Records in records; our documents have eight.
const DEEPEST: usize = 100;

/// Writes a document.
pub fn write(message_type: &MessageType, tree: &Tree) -> Written {
    let grammar = library().message(message_type);
    let mut writer = Writer { tree, grammar: grammar.as_deref(), out: String::new(), findings: Findings::default() };
    if let Some(root) = tree.root() {
        let ty = writer.grammar.map(|grammar| grammar.root);
        writer.object(root, ty, Some(&message_type.name), 0);
    }
    writer.out.push('\n');
    (writer.out.into_bytes(), writer.findings.into_vec())
}

struct Writer<'t> {
    tree: &'t Tree,
    grammar: Option<&'t Grammar>,
    out: String,
    findings: Findings,
}

impl Writer<'_> {
    fn object(&mut self, id: NodeId, ty: Option<TypeId>, type_name: Option<&str>, depth: usize) {
        let tree = self.tree;
        if depth > DEEPEST {
            let finding = Finding::error(Code::TooDeep, tree.place(id));
            self.findings.push(finding.expected(DEEPEST.to_string()));
            self.out.push_str("null");
            return;
        }
        self.out.push('{');
        let mut first = true;
        if let Some(name) = type_name {
            self.out.push_str("\"type\":");
            self.string(name);
            first = false;
        }
        // Fields in the order in which they first occur, each with all its values.
        let mut order: Vec<(&str, Vec<NodeId>)> = Vec::new();
        let mut index: FxHashMap<&str, usize> = FxHashMap::default();
        for child in tree.children(id) {
            let name = tree.name_text(child);
            let slot = *index.entry(name).or_insert(order.len());
            match order.get_mut(slot) {
                Some((_, values)) => values.push(child),
                None => order.push((name, vec![child])),
            }
        }
        for (name, values) in order {
            if !std::mem::replace(&mut first, false) {
                self.out.push(',');
            }
            self.string(name);
            self.out.push(':');
            let particle = values.first().and_then(|&value| {
                let grammar = self.grammar?;
                grammar.child(ty?, tree.name(value))
            });
            let value_type = particle.map(|particle| particle.type_id);
            let list = values.len() > 1 || particle.is_some_and(|particle| particle.max > 1);
            if list {
                self.out.push('[');
            }
            for (index, value) in values.into_iter().enumerate() {
                if index > 0 {
                    self.out.push(',');
                }
                self.value(value, value_type, depth + 1);
            }
            if list {
                self.out.push(']');
            }
        }
        self.out.push('}');
    }

    fn value(&mut self, id: NodeId, ty: Option<TypeId>, depth: usize) {
        let tree = self.tree;
        let known = ty.and_then(|id| self.grammar.map(|grammar| grammar.ty(id)));
        if tree.has_children(id) || known.is_some_and(|known| !known.is_simple()) {
            return self.object(id, ty, None, depth);
        }
        let text = tree.value(id);
        let plain = match known.and_then(|known| known.value.as_ref()).map(|value| value.base) {
            Some(Base::Boolean) => matches!(text, "true" | "false"),
            Some(Base::Integer | Base::Unsigned) => text.parse::<i64>().is_ok_and(|number| number.to_string() == text),
            _ => false,
        };
        if plain {
            self.out.push_str(text);
        } else {
            self.string(text);
        }
    }

    fn string(&mut self, text: &str) {
        // A string always serialises.
        self.out.push_str(&serde_json::to_string(text).unwrap_or_default());
    }
}
