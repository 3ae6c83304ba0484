//! Attributes, texts and values, and what `xsi:type` makes of an element.

use super::{Against, Checker};
use crate::model::finding::{Code, Finding, Findings};
use crate::model::name::Name;
use crate::model::tree::{NodeId, Tree};
use crate::schema::grammar::{Attribute, Kind, Type};
use crate::schema::simple::{Fault, Simple};

impl Checker {
    /// The type that `xsi:type` says, which has to be the declared one.
    pub(super) fn other_type(
        &self,
        tree: &Tree,
        id: NodeId,
        attribute: NodeId,
        against: Against,
        findings: &mut Findings,
    ) -> Against {
        let said = tree.value(attribute);
        let wrong = |findings: &mut Findings, expected: String| {
            findings.push(Finding::error(Code::BadValue, tree.place(attribute)).found(said).expected(expected));
        };
        // Types of XML Schemas of the trade are called like their element or our type, with Type behind.
        let bare = said.strip_suffix("Type").unwrap_or(said);
        match against {
            Against::Type(type_id) => {
                let own = tree.name_text(id);
                let prefix = own.split_once(':').map_or("", |(prefix, _)| prefix);
                let ty = self.grammar.ty(type_id);
                let by_type = bare == &*ty.name
                    || bare.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(':')) == Some(&*ty.name);
                if !said.ends_with("Type") || !(bare == own || (by_type && ty.kind != Kind::Simple)) {
                    wrong(findings, format!("the type of {own}"));
                }
                against
            }
            Against::Anything | Against::Nothing => {
                let local = bare.rsplit([':', '}']).next().unwrap_or(bare);
                let known = self.grammar.global(Name::find(bare).unwrap_or(Name::UNKNOWN));
                match known.or_else(|| self.grammar.type_named(local)) {
                    Some(type_id) => Against::Type(type_id),
                    None => {
                        let builtin = said.strip_prefix("{http://www.w3.org/2001/XMLSchema}");
                        match builtin.map(|name| (name, Simple::builtin(name))) {
                            Some((_, Some(simple))) => self.value(tree, id, &simple, findings),
                            Some(("anyType" | "anySimpleType", None)) => {}
                            _ => wrong(findings, "a known type".to_owned()),
                        }
                        against
                    }
                }
            }
        }
    }

    /// Checks the attributes, which are the nodes between the element and `end`.
    pub(super) fn attributes(&self, tree: &Tree, id: NodeId, end: u32, ty: &Type, findings: &mut Findings) {
        let mut seen = 0u64;
        for attribute in (id.0 + 1..end).map(NodeId) {
            let name = tree.name(attribute);
            let known = ty.attributes.iter().position(|known| known.name == name);
            if let Some((index, declared)) = known.and_then(|index| Some((index, ty.attributes.get(index)?))) {
                seen |= 1u64.checked_shl(index as u32).unwrap_or(0);
                if let Some(simple) = &self.grammar.ty(declared.type_id).value {
                    self.value(tree, attribute, simple, findings);
                }
            } else if name == self.xsi.nil {
                findings.push(Finding::error(Code::UnknownAttribute, tree.place(attribute)).found("xsi:nil"));
            } else if name != self.xsi.kind
                && name != self.xsi.location
                && name != self.xsi.no_namespace
                && !ty.any_attributes
            {
                let found = tree.name_text(attribute).trim_start_matches('@');
                findings.push(Finding::error(Code::UnknownAttribute, tree.place(attribute)).found(found));
            }
        }
        let missing = |(index, attribute): &(usize, &Attribute)| {
            attribute.required && seen & 1u64.checked_shl(*index as u32).unwrap_or(u64::MAX) == 0
        };
        for (_, attribute) in ty.attributes.iter().enumerate().filter(missing) {
            let expected = attribute.name.as_str().trim_start_matches('@');
            findings.push(Finding::error(Code::MissingAttribute, tree.place(id)).expected(expected));
        }
    }

    /// Checks the text of an element.
    pub(super) fn text(&self, tree: &Tree, id: NodeId, ty: &Type, findings: &mut Findings) {
        match &ty.value {
            Some(simple) => self.value(tree, id, simple, findings),
            None if ty.mixed => {}
            None => {
                let text = tree.value(id).trim_matches([' ', '\t', '\n', '\r']);
                if !text.is_empty() {
                    findings.push(Finding::error(Code::UnexpectedText, tree.place(id)).found(text));
                }
            }
        }
    }

    pub(super) fn value(&self, tree: &Tree, id: NodeId, simple: &Simple, findings: &mut Findings) {
        let value = tree.value(id);
        let Err(fault) = simple.check(value, self.options.reading, self.options.codes) else { return };
        let finding = |code| Finding::error(code, tree.place(id)).found(value);
        let characters = |count: u32| format!("{count} characters");
        findings.push(match fault {
            Fault::Lexical(words) => finding(Code::BadValue).expected(words),
            Fault::TooLong(most) => finding(Code::TooLong).expected(characters(most)),
            Fault::TooShort(least) => finding(Code::TooShort).expected(characters(least)),
            Fault::NotEnumerated(words) => finding(Code::NotInCodeList).expected(words),
            Fault::NotInList(name, false) => finding(Code::NotInCodeList).expected(name),
            Fault::NotInList(name, true) => {
                Finding::warning(Code::NotInCodeList, tree.place(id)).found(value).expected(name)
            }
        });
    }
}
