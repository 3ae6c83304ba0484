//! The content notation inside a schema file: `cbc:ID? (cac:Party | cac:Person)+ SG1{0,99} note=Text? <not p lax>`.
//! Names with an optional type of their own, sequence by juxtaposition, choice by `|` in parentheses, and the quantifiers
//! `? * + {n} {n,} {n,m}`. `# …` up to the end of the line describes the name before it.
//! Left out: interleaving other than a whole type marked `unordered`.

/// Most often a thing may occur when nothing bounds it.
pub(super) const UNBOUNDED: u32 = u32::MAX;

/// Deepest nesting of parentheses.
const DEEPEST: usize = 20;

/// One item of a sequence with how often it may occur.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Item {
    pub(super) what: What,
    pub(super) min: u32,
    pub(super) max: u32,
    /// Byte offset in the content text, for messages.
    pub(super) offset: usize,
}

/// What an item is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum What {
    /// A child by name, with a type that is not the one its name implies, and its description.
    Name { name: String, type_name: Option<String>, doc: String },
    /// Any element: `<any skip>`; any of a namespace, but not of that of a prefix: `<not ext lax>`.
    Wildcard { not: Option<String>, process: Process },
    /// Parentheses: one of these sequences.
    Choice(Vec<Vec<Item>>),
}

/// What is done with an element that a wildcard lets in (XML Schema part 1, 3.10).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Process {
    /// Nothing.
    Skip,
    /// Checked where it is known.
    Lax,
    /// It has to be known, and is checked.
    Strict,
}

/// What is wrong with a notation, and at which byte of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wrong {
    pub(super) offset: usize,
    pub(super) message: String,
}

fn wrong<T>(offset: usize, message: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { offset, message: message.into() })
}

/// Reads a content model.
pub(super) fn content(text: &str) -> Result<Vec<Item>, Wrong> {
    let mut parser = Parser { text, at: 0 };
    let items = parser.sequence(0)?;
    match parser.peek() {
        None => Ok(items),
        Some(c) => wrong(parser.at, format!("{c} has no beginning")),
    }
}

/// One attribute of an attribute list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct AttributeItem {
    pub(super) name: String,
    pub(super) type_name: Option<String>,
    pub(super) required: bool,
    pub(super) offset: usize,
}

/// Reads an attribute list: `schemeID? schemeURI=anyURI? currencyID`.
pub(super) fn attributes(text: &str) -> Result<Vec<AttributeItem>, Wrong> {
    let mut list = Vec::new();
    for item in content(text)? {
        let offset = item.offset;
        let (What::Name { name, type_name, .. }, 0 | 1, 1) = (item.what, item.min, item.max) else {
            return wrong(offset, "an attribute is a name, with ? when it may be absent");
        };
        list.push(AttributeItem { name, type_name, required: item.min == 1, offset });
    }
    Ok(list)
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.bump();
        }
        found
    }

    /// Passes over white space; descriptions met on the way are given to the last name.
    fn space(&mut self, last: Option<&mut Item>) {
        let mut described = String::new();
        loop {
            match self.peek() {
                Some('#') => {
                    let line = self.rest().split('\n').next().unwrap_or("");
                    let length = line.len();
                    let words = line.trim_start_matches('#').trim();
                    if !described.is_empty() {
                        described.push(' ');
                    }
                    described.push_str(words);
                    self.at += length;
                }
                Some(c) if c.is_whitespace() => self.bump(),
                _ => break,
            }
        }
        if let Some(Item { what: What::Name { doc, .. }, .. }) = last
            && !described.is_empty()
        {
            *doc = described;
        }
    }

    fn sequence(&mut self, depth: usize) -> Result<Vec<Item>, Wrong> {
        let mut items: Vec<Item> = Vec::new();
        loop {
            self.space(items.last_mut());
            let offset = self.at;
            let what = match self.peek() {
                None | Some(')' | '|') => return Ok(items),
                Some('(') => {
                    if depth >= DEEPEST {
                        return wrong(offset, format!("parentheses deeper than {DEEPEST}"));
                    }
                    self.bump();
                    self.choice(depth + 1)?
                }
                Some('<') => self.wildcard()?,
                Some(_) => {
                    let name = self.name()?;
                    let type_name = if self.take('=') { Some(self.name()?) } else { None };
                    What::Name { name, type_name, doc: String::new() }
                }
            };
            let (min, max) = self.quantity()?;
            items.push(Item { what, min, max, offset });
        }
    }

    fn choice(&mut self, depth: usize) -> Result<What, Wrong> {
        let start = self.at;
        let mut branches = Vec::new();
        loop {
            branches.push(self.sequence(depth)?);
            match self.peek() {
                Some('|') => self.bump(),
                Some(')') => {
                    self.bump();
                    return Ok(What::Choice(branches));
                }
                _ => return wrong(start, "( without its )"),
            }
        }
    }

    fn wildcard(&mut self) -> Result<What, Wrong> {
        let start = self.at;
        let Some((inside, _)) = self.rest().strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
            return wrong(start, "< without its >");
        };
        let words: Vec<&str> = inside.split_whitespace().collect();
        let (not, how) = match words.as_slice() {
            ["any", how] => (None, *how),
            ["not", prefix, how] => (Some((*prefix).to_owned()), *how),
            _ => (None, ""),
        };
        let process = match how {
            "skip" => Process::Skip,
            "lax" => Process::Lax,
            "strict" => Process::Strict,
            _ => return wrong(start, "write a wildcard as <any skip>, <any lax>, <any strict> or <not cbc lax>"),
        };
        self.at += inside.len() + 2;
        Ok(What::Wildcard { not, process })
    }

    fn name(&mut self) -> Result<String, Wrong> {
        let start = self.at;
        if self.peek() == Some('{') {
            // {uri}local
            let Some((uri, _)) = self.rest().split_once('}') else { return wrong(start, "{ without its }") };
            self.at += uri.len() + 1;
        }
        while self.peek().is_some_and(|c| c.is_alphanumeric() || matches!(c, ':' | '_' | '-' | '.')) {
            self.bump();
        }
        match self.text.get(start..self.at) {
            Some(name) if !name.is_empty() => Ok(name.to_owned()),
            _ => wrong(start, "a name was expected"),
        }
    }

    fn quantity(&mut self) -> Result<(u32, u32), Wrong> {
        let start = self.at;
        match self.peek() {
            Some('?') => {
                self.bump();
                Ok((0, 1))
            }
            Some('*') => {
                self.bump();
                Ok((0, UNBOUNDED))
            }
            Some('+') => {
                self.bump();
                Ok((1, UNBOUNDED))
            }
            Some('{') => {
                let Some((inside, _)) = self.rest().strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
                    return wrong(start, "{ without its }");
                };
                let number = |text: &str| text.trim().parse::<u32>().ok();
                let bounds = match inside.split_once(',') {
                    None => number(inside).map(|n| (n, n)),
                    Some((min, "")) => number(min).map(|n| (n, UNBOUNDED)),
                    Some((min, max)) => number(min).zip(number(max)),
                };
                let Some((min, max)) = bounds.filter(|(min, max)| min <= max && *max > 0) else {
                    return wrong(start, "write how often as {3}, {1,} or {0,9}");
                };
                self.at += inside.len() + 2;
                Ok((min, max))
            }
            _ => Ok((1, 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a model back in one spelling.
    fn spell(items: &[Item]) -> String {
        let words: Vec<String> = items
            .iter()
            .map(|item| {
                let what = match &item.what {
                    What::Name { name, type_name: Some(t), .. } => format!("{name}={t}"),
                    What::Name { name, .. } => name.clone(),
                    What::Wildcard { not, process } => {
                        let which = not.as_ref().map_or("any".to_owned(), |prefix| format!("not {prefix}"));
                        format!("<{which} {process:?}>").to_lowercase()
                    }
                    What::Choice(branches) => {
                        format!("({})", branches.iter().map(|b| spell(b)).collect::<Vec<_>>().join(" | "))
                    }
                };
                match (item.min, item.max) {
                    (1, 1) => what,
                    (min, UNBOUNDED) => format!("{what}{{{min},}}"),
                    (min, max) => format!("{what}{{{min},{max}}}"),
                }
            })
            .collect();
        words.join(" ")
    }

    fn check(text: &str, expected: &str) {
        let found = match content(text) {
            Ok(items) => spell(&items),
            Err(wrong) => format!("{}: {}", wrong.offset, wrong.message),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn reads_sequences_choices_and_quantities() {
        check("", "");
        check(
            "UNH BGM DTM{1,35} PAI? SG1{0,10} LIN* X+ Y{3}",
            "UNH BGM DTM{1,35} PAI{0,1} SG1{0,10} LIN{0,} X{1,} Y{3,3}",
        );
        check("ext:UBLExtensions? cbc:ID", "ext:UBLExtensions{0,1} cbc:ID");
        check("(a | b c)+ (d|(e f)?)", "(a | b c){1,} (d | (e f){0,1})");
        check("id=text? {urn:x}local <not p lax>* <any skip>", "id=text{0,1} {urn:x}local <not p lax>{0,} <any skip>");
    }

    #[test]
    fn refuses_with_the_place() {
        check("a )", "2: ) has no beginning");
        check("a (b", "3: ( without its )");
        check("a{2,1}", "1: write how often as {3}, {1,} or {0,9}");
        check("a{0}", "1: write how often as {3}, {1,} or {0,9}");
        check("a &", "2: a name was expected");
        check("<some>", "0: write a wildcard as <any skip>, <any lax>, <any strict> or <not cbc lax>");
        check(&"(".repeat(30), "20: parentheses deeper than 20");
    }

    #[test]
    fn comments_describe_the_name_before_them() {
        let items = content("id=text  # Number of the order.\n # Given by the buyer.\n note?\n").unwrap();
        let docs: Vec<&str> = items
            .iter()
            .map(|item| match &item.what {
                What::Name { doc, .. } => doc.as_str(),
                _ => "",
            })
            .collect();
        assert_eq!(docs, ["Number of the order. Given by the buyer.", ""]);
    }

    #[test]
    fn attribute_lists_have_no_repetition() {
        assert_eq!(attributes("schemeID? uri=anyURI").unwrap().len(), 2);
        assert!(attributes("a*").is_err());
        assert!(attributes("(a|b)").is_err());
    }
}
