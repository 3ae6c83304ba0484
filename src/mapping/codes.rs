//! Code tables of mappings, `mappings/codes/*.toml`: a word of ours and the codes of each standard that mean it. Many
//! codes may become one word; the first one is written. A table that is open for a standard passes what it does not
//! know as it is, a closed one makes a finding of it.

use rustc_hash::FxHashMap;
use toml::de::DeTable;

use super::file::Source;
use crate::error::Result;

/// One table for one standard.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// `order-response`.
    pub(super) name: String,
    /// Whether unknown codes pass.
    pub(super) open: bool,
    inward: FxHashMap<String, String>,
    outward: FxHashMap<String, String>,
    /// Other spellings of our words.
    also: FxHashMap<String, String>,
}

impl Table {
    /// Our word for a code of theirs.
    pub(super) fn read<'t>(&'t self, code: &'t str) -> Option<&'t str> {
        self.inward.get(code).map(String::as_str).or(self.open.then_some(code))
    }

    /// Their code for a word of ours.
    pub(super) fn write<'t>(&'t self, word: &'t str) -> Option<&'t str> {
        // Passed as it is only if it would not be read as something else.
        let word = self.also.get(word).map_or(word, String::as_str);
        let passes = self.open && !self.inward.contains_key(word);
        self.outward.get(word).map(String::as_str).or(passes.then_some(word))
    }

    /// The section of a standard in a file; the section `any` where it has none of its own.
    pub(super) fn load(file: &str, name: &str, text: &str, standard: &str) -> Result<Option<Table>> {
        let source = Source::new(file, text);
        let document = DeTable::parse(text)
            .map_err(|error| source.wrong(error.span().map_or(0, |span| span.start), error.message()))?;
        let mut open = Vec::new();
        let mut also = FxHashMap::default();
        let mut section = None;
        for (key, value) in document.get_ref() {
            let at = value.span().start;
            match key.get_ref().as_ref() {
                "open" => {
                    let list = value.get_ref().as_array().ok_or_else(|| source.wrong(at, "a list was expected"))?;
                    open = list.iter().filter_map(|item| item.get_ref().as_str()).collect();
                }
                "also" => {
                    for (word, spellings) in value.get_ref().as_table().into_iter().flatten() {
                        for spelling in spellings.get_ref().as_array().into_iter().flatten() {
                            if let Some(spelling) = spelling.get_ref().as_str() {
                                also.insert(spelling.to_owned(), word.get_ref().to_string());
                            }
                        }
                    }
                }
                own if own == standard => section = Some((own, value)),
                "any" if section.is_none() => section = Some(("any", value)),
                _ => {}
            }
        }
        let Some((section, value)) = section else { return Ok(None) };
        let mut table = Table { name: name.to_owned(), open: open.contains(&section), also, ..Table::default() };
        let words =
            value.get_ref().as_table().ok_or_else(|| source.wrong(value.span().start, "a table was expected"))?;
        for (word, codes) in words {
            let at = codes.span().start;
            let codes = codes.get_ref().as_array().ok_or_else(|| source.wrong(at, "a list of codes was expected"))?;
            for code in codes {
                let at = code.span().start;
                let code = code.get_ref().as_str().ok_or_else(|| source.wrong(at, "a string was expected"))?;
                if table.inward.insert(code.to_owned(), word.get_ref().to_string()).is_some() {
                    return Err(source.wrong(at, format!("the code {code} stands for two words")));
                }
                table.outward.entry(word.get_ref().to_string()).or_insert_with(|| code.to_owned());
            }
        }
        Ok(Some(table))
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    const TEXT: &str = "open = [\"edifact\"]\n[ubl]\naccepted = [\"AP\"]\n[edifact]\naccepted = [\"29\", \"28\"]\n";

    #[test]
    fn many_codes_are_one_word_and_the_first_is_written() {
        let table = Table::load("c.toml", "c", TEXT, "edifact").unwrap().unwrap();
        assert_eq!(table.read("28"), Some("accepted"));
        assert_eq!(table.write("accepted"), Some("29"));
        assert_eq!(table.read("77"), Some("77"));
        // Written as it is, 28 would come back as something else.
        assert_eq!(table.write("28"), None);
    }

    #[test]
    fn a_closed_table_knows_only_its_own() {
        let table = Table::load("c.toml", "c", TEXT, "ubl").unwrap().unwrap();
        assert_eq!(table.read("AB"), None);
        assert_eq!(table.write("received"), None);
        assert!(Table::load("c.toml", "c", TEXT, "x12").unwrap().is_none());
    }

    #[test]
    fn other_spellings_are_written_alike() {
        let text = "[also]\nGTIN = [\"0160\"]\n[edifact]\nGTIN = [\"EN\"]\n";
        let table = Table::load("c.toml", "c", text, "edifact").unwrap().unwrap();
        assert_eq!(table.write("0160"), Some("EN"));
        assert_eq!(table.read("EN"), Some("GTIN"));
    }

    #[test]
    fn a_code_has_one_meaning() {
        let error = Table::load("c.toml", "c", "[any]\na = [\"1\"]\nb = [\"1\"]\n", "ubl").unwrap_err();
        assert_eq!(error.to_string(), "c.toml:3:6: the code 1 stands for two words");
    }
}
