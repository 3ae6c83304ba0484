//! Code lists: which values a coded element may have. A list is a file `schemas/codes/<name>.toml` with `open` and a table
//! `[codes]` of code = what it means. An open list only warns: partners agree on codes of their own.

use rustc_hash::FxHashMap;

/// One list.
#[derive(Clone, Debug, Default)]
pub struct CodeList {
    /// Its path below `schemas/codes/` without the ending: `edifact/d96a/1001`.
    pub name: String,
    /// Whether other codes are possible.
    pub open: bool,
    codes: FxHashMap<Box<str>, Box<str>>,
}

impl CodeList {
    pub(super) fn new(name: &str, open: bool, codes: impl Iterator<Item = (String, String)>) -> CodeList {
        let codes = codes.map(|(code, means)| (code.into_boxed_str(), means.into_boxed_str())).collect();
        CodeList { name: name.to_owned(), open, codes }
    }

    /// Whether a code is in it.
    pub fn contains(&self, code: &str) -> bool {
        self.codes.contains_key(code)
    }

    /// What a code means, in our words.
    pub fn meaning(&self, code: &str) -> Option<&str> {
        self.codes.get(code).map(|means| &**means)
    }

    /// How many codes there are.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }
}
