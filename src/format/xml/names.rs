//! From qualified names to ours: namespaces in scope (Namespaces in XML 1.0), and the spelling that schemas use:
//! `cbc:ID` by the prefixes of the message's table, the local name in the namespace of the document element, `{uri}local`
//! for the rest. Every name is resolved once and remembered while the same declarations are in scope.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::name::Name;
use crate::schema::grammar::Grammar;
use crate::schema::names::{is_ncname, is_qname};

/// The namespace that the prefix `xml` always has.
const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace of `xmlns` itself.
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
/// Where `xsi:type`, `xsi:nil` and `xsi:schemaLocation` live.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Most names remembered; a document with more different ones is only slower.
const MOST_CACHED: usize = 2048;

/// A name as our trees spell it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Spelled {
    pub(super) name: Name,
    /// Its text where no schema knows it, else empty.
    pub(super) text: Box<str>,
}

#[derive(Clone, PartialEq, Eq)]
struct Binding {
    prefix: Box<str>,
    uri: Box<str>,
    /// The outer declaration of the same prefix.
    hides: Option<u32>,
}

/// Names met, by how the document writes them.
#[derive(Default)]
struct Cache {
    index: FxHashMap<Box<str>, u32>,
    list: Vec<Spelled>,
}

impl Cache {
    fn clear(&mut self) {
        self.index.clear();
        self.list.clear();
    }

    fn put(&mut self, qname: &str, text: String) -> u32 {
        if self.list.len() >= MOST_CACHED {
            self.clear();
        }
        let index = self.list.len() as u32;
        self.list.push(spelled(text));
        self.index.insert(qname.into(), index);
        index
    }
}

/// Namespaces in scope and the spelling of names.
pub(super) struct Names {
    /// The name of `xsi:type`, whose value is a name as well.
    pub(super) xsi_type: Name,
    bindings: Vec<Binding>,
    /// The innermost declaration of each prefix.
    innermost: FxHashMap<Box<str>, u32>,
    root_uri: String,
    grammar: Option<Arc<Grammar>>,
    elements: Cache,
    attributes: Cache,
    /// The declarations under which all of the caches was filled, while that is so.
    cached_under: Option<Vec<Binding>>,
    /// Whether the document element has been met.
    speaking: bool,
}

impl Names {
    pub(super) fn new() -> Names {
        Names {
            xsi_type: Name::intern("@xsi:type"),
            bindings: Vec::new(),
            innermost: FxHashMap::default(),
            root_uri: String::new(),
            grammar: None,
            elements: Cache::default(),
            attributes: Cache::default(),
            cached_under: None,
            speaking: false,
        }
    }

    /// Forgets the last document, but not how it wrote its names: the next one may be of the same kind.
    pub(super) fn begin(&mut self) {
        self.bindings.clear();
        self.innermost.clear();
        self.speaking = false;
    }

    fn forget(&mut self) {
        if self.speaking {
            self.elements.clear();
            self.attributes.clear();
            self.cached_under = None;
        }
    }

    /// From here on names are spelled as this table does, below a document element of that namespace.
    pub(super) fn speak(&mut self, root_uri: &str, grammar: Option<&Arc<Grammar>>) {
        let same_grammar = match (&self.grammar, grammar) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (None, None) => true,
            _ => false,
        };
        self.speaking = true;
        if !same_grammar || self.root_uri != root_uri || self.cached_under.as_deref() != Some(&self.bindings) {
            self.forget();
            root_uri.clone_into(&mut self.root_uri);
            self.grammar = grammar.cloned();
            self.cached_under = Some(self.bindings.clone());
        }
    }

    /// How many declarations are in scope.
    pub(super) fn scope(&self) -> usize {
        self.bindings.len()
    }

    /// Takes back the declarations of an element that ends. With the root the names need not be forgotten: the next
    /// document may have the same.
    pub(super) fn leave(&mut self, scope: usize, is_root: bool) {
        if self.bindings.len() == scope {
            return;
        }
        while self.bindings.len() > scope {
            if let Some(Binding { prefix, hides, .. }) = self.bindings.pop() {
                match hides {
                    Some(outer) => drop(self.innermost.insert(prefix, outer)),
                    None => drop(self.innermost.remove(&prefix)),
                }
            }
        }
        if !is_root {
            self.forget();
        }
    }

    /// Whether a prefix was declared behind the first `scope` declarations.
    pub(super) fn declared_since(&self, scope: usize, prefix: &str) -> bool {
        self.innermost.get(prefix).is_some_and(|index| *index as usize >= scope)
    }

    /// Declares a namespace; what is wrong with it otherwise. `prefix` is empty for the default one.
    pub(super) fn declare(&mut self, prefix: &str, uri: &str) -> Result<(), String> {
        match (prefix, uri) {
            ("xml", XML) => return Ok(()),
            ("xml", _) | (_, XML) => return Err(format!("only the prefix xml has the namespace {XML}")),
            ("xmlns", _) | (_, XMLNS) => return Err("xmlns cannot be declared".to_owned()),
            ("", _) => {}
            (_, "") => return Err(format!("the prefix {prefix} needs a namespace")),
            _ if !is_ncname(prefix) => return Err(format!("{prefix} is not a prefix")),
            _ => {}
        }
        let hides = self.innermost.insert(prefix.into(), self.bindings.len() as u32);
        self.bindings.push(Binding { prefix: prefix.into(), uri: uri.into(), hides });
        self.forget();
        Ok(())
    }

    /// The namespace of a prefix: the innermost declaration.
    fn uri(&self, prefix: &str) -> Option<&str> {
        if prefix == "xml" {
            return Some(XML);
        }
        let innermost = *self.innermost.get(prefix)?;
        self.bindings.get(innermost as usize).map(|binding| &*binding.uri)
    }

    /// Namespace and local name of an element.
    pub(super) fn expand<'n>(&self, qname: &'n str) -> Result<(&str, &'n str), String> {
        if !is_qname(qname) {
            return Err(format!("{qname:?} is not a name"));
        }
        match qname.split_once(':') {
            None => Ok((self.uri("").unwrap_or(""), qname)),
            Some((prefix, local)) => match self.uri(prefix) {
                Some(uri) => Ok((uri, local)),
                None => Err(format!("the prefix {prefix} is not declared")),
            },
        }
    }

    fn prefix(&self, uri: &str) -> Option<&str> {
        let prefixes = &self.grammar.as_ref()?.prefixes;
        prefixes.iter().find(|(_, known)| known == uri).map(|(prefix, _)| prefix.as_str())
    }

    fn spell(&self, uri: &str, local: &str) -> String {
        if let Some(prefix) = self.prefix(uri) {
            format!("{prefix}:{local}")
        } else if uri == self.root_uri {
            local.to_owned()
        } else {
            format!("{{{uri}}}{local}")
        }
    }

    /// An element's name.
    pub(super) fn element(&mut self, qname: &str) -> Result<&Spelled, String> {
        let index = match self.elements.index.get(qname) {
            Some(index) => *index,
            None => {
                let (uri, local) = self.expand(qname)?;
                let text = self.spell(uri, local);
                self.elements.put(qname, text)
            }
        };
        self.elements.list.get(index as usize).ok_or_else(String::new)
    }

    /// An attribute's name, with its `@`. Without a prefix it is in no namespace.
    pub(super) fn attribute(&mut self, qname: &str) -> Result<&Spelled, String> {
        let index = match self.attributes.index.get(qname) {
            Some(index) => *index,
            None => {
                let text = self.spell_attribute(qname)?;
                self.attributes.put(qname, text)
            }
        };
        self.attributes.list.get(index as usize).ok_or_else(String::new)
    }

    fn spell_attribute(&self, qname: &str) -> Result<String, String> {
        if !qname.contains(':') {
            return if is_ncname(qname) { Ok(format!("@{qname}")) } else { Err(format!("{qname:?} is not a name")) };
        }
        let (uri, local) = self.expand(qname)?;
        Ok(match (uri, self.prefix(uri)) {
            (XML, _) => format!("@xml:{local}"),
            (XSI, _) => format!("@xsi:{local}"),
            (_, Some(prefix)) => format!("@{prefix}:{local}"),
            (_, None) => format!("@{{{uri}}}{local}"),
        })
    }

    /// A QName in a value (`xsi:type`), spelled as elements are; as it is when its prefix is not declared.
    pub(super) fn value(&self, qname: &str) -> String {
        let qname = qname.trim();
        match self.expand(qname) {
            Ok((uri, local)) => self.spell(uri, local),
            Err(_) => qname.to_owned(),
        }
    }
}

fn spelled(text: String) -> Spelled {
    match Name::find(&text) {
        Some(name) => Spelled { name, text: Box::default() },
        None => Spelled { name: Name::UNKNOWN, text: text.into_boxed_str() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_by_namespace_not_by_prefix() {
        let mut names = Names::new();
        names.declare("", "urn:root").unwrap();
        names.declare("x", "urn:other").unwrap();
        names.speak("urn:root", None);
        let text = |spelled: &Spelled| {
            if spelled.text.is_empty() { spelled.name.to_string() } else { spelled.text.to_string() }
        };
        assert_eq!(names.element("Order").map(text), Ok("Order".to_owned()));
        assert_eq!(names.element("x:ID").map(text), Ok("{urn:other}ID".to_owned()));
        assert_eq!(names.attribute("a").map(text), Ok("@a".to_owned()));
        assert_eq!(names.attribute("x:a").map(text), Ok("@{urn:other}a".to_owned()));
        assert_eq!(names.attribute("xml:lang").map(text), Ok("@xml:lang".to_owned()));
        assert!(names.element("y:ID").is_err());
        assert!(names.element("a:b:c").is_err());
        let scope = names.scope();
        names.declare("", "").unwrap();
        assert_eq!(names.element("Order").map(text), Ok("{}Order".to_owned()));
        names.leave(scope, false);
        assert_eq!(names.element("Order").map(text), Ok("Order".to_owned()));
    }

    #[test]
    fn refuses_declarations_that_cannot_be() {
        let mut names = Names::new();
        for (prefix, uri) in [("xml", "urn:x"), ("x", XML), ("xmlns", "urn:x"), ("x", ""), ("1", "urn:x"), ("x", XMLNS)]
        {
            assert!(names.declare(prefix, uri).is_err(), "{prefix} {uri}");
        }
        assert!(names.declare("xml", XML).is_ok());
    }
}
