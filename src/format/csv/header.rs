//! The header row: which document a table is, and which field each column holds.
//!
//! The field names and the words people use for them, Korean or English, stand in `schemas/csv/1/`. Words are compared
//! without case, blanks and punctuation, and without what stands in parentheses (`단가(원)` is `단가`).

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::message::MessageType;
use crate::model::name::Name;
use crate::schema::grammar::{Grammar, TypeId};
use crate::schema::library;
use crate::schema::simple::Base;

/// What a row is called.
pub(super) const ROW: &str = "row";

/// A column that a table may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// Its field.
    pub(super) name: Name,
    /// What its values are.
    pub(super) base: Base,
}

/// A kind of table.
pub(super) struct Kind {
    pub(super) message_type: MessageType,
    pub(super) grammar: Arc<Grammar>,
    pub(super) columns: Vec<Column>,
    required: Vec<Name>,
    words: FxHashMap<String, usize>,
}

/// A header word without what does not matter.
fn plain(word: &str) -> String {
    let word = word.split(['(', '[', '（']).next().filter(|word| !word.trim().is_empty()).unwrap_or(word);
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl Kind {
    pub(super) fn of(message_type: &MessageType) -> Option<Kind> {
        let grammar = library().message(message_type)?;
        let row: TypeId = grammar.root_type().child(Name::find(ROW)?)?.type_id;
        let (mut columns, mut required, mut words) = (Vec::new(), Vec::new(), FxHashMap::default());
        for particle in grammar.particles(row) {
            let base = grammar.ty(particle.type_id).value.as_ref().map_or(Base::String, |value| value.base);
            if particle.min > 0 {
                required.push(particle.name);
            }
            for word in particle.doc.split('|').chain([particle.name.as_str()]) {
                words.entry(plain(word)).or_insert(columns.len());
            }
            columns.push(Column { name: particle.name, base });
        }
        Some(Kind { message_type: message_type.clone(), grammar, columns, required, words })
    }

    /// The column of a header word.
    pub(super) fn column(&self, word: &str) -> Option<Column> {
        self.columns.get(*self.words.get(&plain(word))?).copied()
    }

    /// The kind whose words these are: the one that knows most of them, then the one that lacks fewest it needs.
    pub(super) fn recognise<'w>(words: impl Iterator<Item = &'w str> + Clone) -> Option<Kind> {
        let kinds = library().messages().into_iter().filter(|known| known.standard == "csv");
        let scored = kinds.filter_map(|message_type| {
            let kind = Kind::of(&message_type)?;
            let found: Vec<Name> =
                words.clone().filter_map(|word| kind.column(word)).map(|column| column.name).collect();
            let lacking = kind.required.iter().filter(|name| !found.contains(name)).count();
            (!found.is_empty()).then_some((found.len(), std::cmp::Reverse(lacking), kind))
        });
        scored.max_by_key(|(known, lacking, _)| (*known, *lacking)).map(|(_, _, kind)| kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognised(header: &str) -> String {
        Kind::recognise(header.split(',')).map_or("-".to_owned(), |kind| kind.message_type.to_string())
    }

    #[test]
    fn header_words_say_what_a_table_is() {
        assert_eq!(recognised("품목코드,품명,단가(원),통화,단위"), "csv/1/Catalogue");
        assert_eq!(recognised("주문번호,품목코드,수량,단가,납기일"), "csv/1/Order");
        assert_eq!(recognised("Item No.,Product Name,Unit Price,Lead Time (days)"), "csv/1/Catalogue");
        assert_eq!(recognised("PO Number,SKU,Qty"), "csv/1/Order");
        assert_eq!(recognised("item_id,name,price,currency"), "csv/1/Catalogue");
        assert_eq!(recognised("order_id,line_id,item_id,quantity"), "csv/1/Order");
        assert_eq!(recognised("a,b,c"), "-");
    }

    #[test]
    fn no_word_means_two_fields() {
        for name in ["Catalogue", "Order"] {
            let message_type = MessageType::new("csv", "1", name);
            let kind = Kind::of(&message_type).unwrap();
            let row = kind.grammar.root_type().child(Name::intern(ROW)).unwrap().type_id;
            let mut seen = FxHashMap::default();
            for particle in kind.grammar.particles(row) {
                for word in particle.doc.split('|').chain([particle.name.as_str()]) {
                    if let Some(other) = seen.insert(plain(word), particle.name) {
                        assert_eq!(other, particle.name, "{word} in {name}");
                    }
                }
            }
        }
    }
}
