//! The header row: which document a table is, and which field each column holds.
//!
//! The field names and the words people use for them, Korean or English, stand in `schemas/csv/1/`. Words are compared
//! without case, blanks and punctuation, and without what stands in parentheses (`단가(원)` is `단가`).

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::format::Learned;
use crate::model::finding::Language;
use crate::model::message::MessageType;
use crate::model::name::Name;
use crate::schema::grammar::{Grammar, TypeId};
use crate::schema::library;
use crate::schema::simple::Base;

/// What a row is called.
pub(super) const ROW: &str = "row";

/// The first columns that belong to a row and not to the whole document, in the order of the schemas.
const LINE: &[&str] = &["line_id", "item_id"];

/// A column that a table may have.
#[derive(Clone, Copy, Debug)]
pub(in crate::format) struct Column {
    /// Its field.
    pub(in crate::format) name: Name,
    /// What its values are.
    pub(in crate::format) base: Base,
}

/// A kind of table.
pub(in crate::format) struct Kind {
    pub(in crate::format) message_type: MessageType,
    pub(in crate::format) grammar: Arc<Grammar>,
    pub(in crate::format) columns: Vec<Column>,
    required: Vec<Name>,
    /// The first Korean word for each column.
    titles: Vec<String>,
    /// Columns that are for the whole document; they stand first.
    head: usize,
    words: FxHashMap<String, usize>,
}

/// A header word without what does not matter.
pub(super) fn plain_word(word: &str) -> String {
    let word = word.split(['(', '[', '（']).next().filter(|word| !word.trim().is_empty()).unwrap_or(word);
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl Kind {
    pub(in crate::format) fn of(message_type: &MessageType) -> Option<Kind> {
        let grammar = library().message(message_type)?;
        let row: TypeId = grammar.root_type().child(Name::find(ROW)?)?.type_id;
        let (mut columns, mut required, mut titles) = (Vec::new(), Vec::new(), Vec::new());
        let mut words = FxHashMap::default();
        for particle in grammar.particles(row) {
            let base = grammar.ty(particle.type_id).value.as_ref().map_or(Base::String, |value| value.base);
            if particle.min > 0 {
                required.push(particle.name);
            }
            let mut korean = None;
            for word in particle.doc.split('|').chain([particle.name.as_str()]) {
                words.entry(plain_word(word)).or_insert(columns.len());
                if korean.is_none() && !word.trim().is_ascii() {
                    korean = Some(word.trim().to_owned());
                }
            }
            columns.push(Column { name: particle.name, base });
            titles.push(korean.unwrap_or_else(|| particle.name.as_str().to_owned()));
        }
        let head = columns.iter().position(|column: &Column| LINE.contains(&column.name.as_str())).unwrap_or(0);
        Some(Kind { message_type: message_type.clone(), grammar, columns, required, titles, head, words })
    }

    /// Its fields and their Korean titles.
    pub(super) fn titled(&self) -> impl Iterator<Item = (String, String)> {
        self.columns.iter().zip(&self.titles).map(|(column, title)| (column.name.as_str().to_owned(), title.clone()))
    }

    /// Takes in what a partner calls its columns; its words come before everybody's.
    pub(in crate::format) fn learn(mut self, learned: &[Learned]) -> Kind {
        for one in learned.iter().filter(|one| one.message == self.message_type.name) {
            if let Some(index) = self.columns.iter().position(|column| column.name.as_str() == one.field) {
                self.words.insert(plain_word(&one.word), index);
            }
        }
        self
    }

    /// The column of a header word.
    pub(in crate::format) fn column(&self, word: &str) -> Option<Column> {
        self.columns.get(*self.words.get(&plain_word(word))?).copied()
    }

    /// The column of a word for something of the whole document, and whether every row needs it.
    pub(in crate::format) fn head_column(&self, word: &str) -> Option<(Column, bool)> {
        let index = *self.words.get(&plain_word(word)).filter(|index| **index < self.head)?;
        let column = *self.columns.get(index)?;
        Some((column, self.required.contains(&column.name)))
    }

    /// The columns that every row needs, and what people call them.
    pub(in crate::format) fn required(&self) -> impl Iterator<Item = (Column, &str)> {
        let titled = self.columns.iter().zip(&self.titles);
        titled
            .filter(|(column, _)| self.required.contains(&column.name))
            .map(|(column, title)| (*column, title.as_str()))
    }

    /// How many columns these words name, and how many that are needed they do not.
    pub(in crate::format) fn score<'w>(&self, words: impl Iterator<Item = &'w str>) -> (usize, usize) {
        let mut found: Vec<Name> = words.filter_map(|word| self.column(word)).map(|column| column.name).collect();
        found.sort_unstable();
        found.dedup();
        (found.len(), self.required.iter().filter(|name| !found.contains(name)).count())
    }

    /// What a column is called in a header row for people: a word that is read again as that column.
    pub(in crate::format) fn title(&self, index: usize, language: Language) -> String {
        let name = self.columns.get(index).map_or("", |column| column.name.as_str());
        match (language, self.titles.get(index)) {
            (Language::Ko, Some(title)) => title.clone(),
            _ => {
                let mut text = name.replace('_', " ");
                if let Some(first) = text.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
                text
            }
        }
    }

    /// The kind whose words these are: the one that knows most of them, then the one that lacks fewest it needs.
    pub(in crate::format) fn recognise<'w>(
        words: impl Iterator<Item = &'w str> + Clone,
        learned: &[Learned],
    ) -> Option<Kind> {
        let kinds = library().messages().into_iter().filter(|known| known.standard == "csv");
        let scored = kinds.filter_map(|message_type| {
            let kind = Kind::of(&message_type)?.learn(learned);
            let (found, lacking) = kind.score(words.clone());
            (found > 0).then_some((found, std::cmp::Reverse(lacking), kind))
        });
        scored.max_by_key(|(known, lacking, _)| (*known, *lacking)).map(|(_, _, kind)| kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognised(header: &str) -> String {
        Kind::recognise(header.split(','), &[]).map_or("-".to_owned(), |kind| kind.message_type.to_string())
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
    fn a_partner_teaches_its_words() {
        let learned =
            |texts: &[&str]| texts.iter().filter_map(|text| Learned::parse("Order", text)).collect::<Vec<_>>();
        let words = learned(&["우리 코드=item_id", "개수=quantity", "단가=amount", "x=nothing", "=item_id", "word"]);
        assert_eq!(words.len(), 3);
        let kind = Kind::recognise(["우리코드", "개 수"].into_iter(), &words).unwrap();
        assert_eq!(kind.message_type.name, "Order");
        assert_eq!(kind.column("우리코드").unwrap().name.as_str(), "item_id");
        // Its own meaning of a word that everybody knows comes first.
        assert_eq!(kind.column("단가").unwrap().name.as_str(), "amount");
    }

    #[test]
    fn titles_are_read_again() {
        for name in ["Catalogue", "Order"] {
            let kind = Kind::of(&MessageType::new("csv", "1", name)).unwrap();
            for (index, column) in kind.columns.iter().enumerate() {
                for language in [Language::Ko, Language::En] {
                    let title = kind.title(index, language);
                    assert_eq!(kind.column(&title).unwrap().name, column.name, "{title}");
                }
            }
        }
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
                    if let Some(other) = seen.insert(plain_word(word), particle.name) {
                        assert_eq!(other, particle.name, "{word} in {name}");
                    }
                }
            }
        }
    }
}
