//! The mappings against every public sample: what is carried, what is kept beside, and that both are written again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bytes::Bytes;
use dure::document;
use dure::format::{self, Hint, Limits, Part, Source, WriteOptions};
use dure::mapping::{Mapping, library};
use dure::model::canonical;
use dure::model::finding::Findings;
use dure::model::message::MessageType;
use dure::model::tree::{NodeId, Tree};
use dure::schema::{self, check::Checker};

use crate::{files_below, standards, xmllint};

/// A message of a sample file.
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) message_type: MessageType,
    pub(crate) tree: Tree,
}

/// The whole messages of all files below a folder that there is a mapping for.
pub(crate) fn samples(folders: &[&str]) -> Vec<Sample> {
    let mut found = Vec::new();
    for folder in folders {
        for path in files_below(&standards().join(folder)) {
            let name = path.strip_prefix(standards()).unwrap().display().to_string();
            let bytes = std::fs::read(&path).unwrap();
            let hint = Hint { file_name: Some(name.clone()), ..Hint::default() };
            let mut findings = Findings::default();
            let Ok(mut reader) = format::open(Source::Bytes(Bytes::from(bytes)), &hint, Limits::default()) else {
                continue;
            };
            let mut message_type = None;
            while let Ok(Some(part)) = reader.next(&mut findings) {
                match part {
                    Part::Start(start) => message_type = Some(start.message_type),
                    Part::Whole(tree) => {
                        let message_type = message_type.clone().unwrap();
                        if library(document::record).compile(&message_type).unwrap().is_some() {
                            found.push(Sample { name: name.clone(), message_type, tree });
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    found
}

pub(crate) fn mapping(message_type: &MessageType) -> std::sync::Arc<Mapping> {
    library(document::record).compile(message_type).unwrap().unwrap()
}

/// Nodes with a text.
pub(crate) fn leaves(tree: &Tree) -> Vec<NodeId> {
    tree.ids().filter(|&id| !tree.value(id).trim().is_empty()).collect()
}

/// A node with what is below it, whatever the order.
pub(crate) fn unordered(tree: &Tree, id: NodeId) -> String {
    // Written by us, whatever came.
    if matches!(tree.name_text(id), "cbc:UBLVersionID" | "@xsi:schemaLocation") {
        return String::new();
    }
    let mut below: Vec<String> =
        tree.children(id).map(|child| unordered(tree, child)).filter(|text| !text.is_empty()).collect();
    below.sort_unstable();
    let value = tree.value(id).trim();
    if below.is_empty() && value.is_empty() {
        return String::new();
    }
    format!("{}={value}[{}]", tree.name_text(id), below.join(" "))
}

/// The document as a typed one and back, which drops the places and shows that every value fits its field.
pub(crate) fn through_types(mapping: &Mapping, tree: &Tree) -> Result<Tree, String> {
    use dure::model::document_type::DocumentType as Type;
    macro_rules! through {
        ($($variant:ident $path:path),*) => {
            match mapping.document_type() {
                $( Type::$variant => canonical::from_tree::<$path>(tree, tree.root().unwrap())
                    .map(|document| canonical::to_tree(&document, stringify!($variant)))
                    .map_err(|(finding, _)| format!("{} {} {}", finding.place, finding.found, finding.expected)), )*
                other => panic!("{other}"),
            }
        };
    }
    through!(
        ApplicationResponse document::application_response::ApplicationResponse,
        Catalogue document::catalogue::Catalogue,
        DespatchAdvice document::despatch_advice::DespatchAdvice,
        Order document::order::Order,
        OrderResponse document::order_response::OrderResponse,
        Statement document::statement::Statement
    )
}

/// A sample, read and written again.
struct Outcome {
    name: String,
    before: Vec<u8>,
    after: Vec<u8>,
    /// Its values, and the places of those that are kept beside.
    all: usize,
    kept: Vec<String>,
    /// Whether something in it is empty; that is not written again, also where it has to stand.
    blank: bool,
}

#[test]
fn every_element_of_the_ubl_samples_is_carried_or_kept_and_written_again() {
    let mut outcomes: BTreeMap<String, Vec<Outcome>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for sample in samples(&["ubl/samples", "peppol/samples"]) {
        let Sample { name, message_type, tree } = &sample;
        if message_type.standard != "ubl" {
            continue;
        }
        let mapping = mapping(message_type);
        let read = mapping.read(tree);
        let all = leaves(tree);
        let taken: BTreeSet<NodeId> = read.origin.iter().copied().collect();
        for &id in &all {
            let known = ["cbc:UBLVersionID", "@xsi:schemaLocation"].contains(&tree.name_text(id));
            let fixed = ["NA", "AAB"].contains(&tree.value(id).trim());
            if !taken.contains(&id) && !known && !fixed {
                wrong.push(format!("{name}: {} is lost", tree.path(id)));
            }
        }
        let document = &read.tree;
        let places = document.ids().filter(|&id| document.name_text(id) == "place");
        let kept = places.map(|id| document.value(id).replace(|c: char| c.is_ascii_digit(), "")).collect();
        let typed = through_types(&mapping, document).unwrap_or_else(|error| {
            // Values that are none of their kind: documents that are meant to be wrong.
            println!("{name}: {error}");
            document.clone()
        });
        let wrote = mapping.write(&typed);
        wrong.extend(wrote.findings.iter().map(|finding| format!("{name}: {finding:?}")));
        let root = |tree: &Tree| unordered(tree, tree.root().unwrap());
        let (before, after) = (root(tree), root(&wrote.tree));
        if before != after {
            let common = before.chars().zip(after.chars()).take_while(|(a, b)| a == b).count();
            let near = |text: &str| text.chars().skip(common.saturating_sub(60)).take(240).collect::<String>();
            wrong.push(format!("{name} differs:\n   {}\n   {}", near(&before), near(&after)));
        }
        let grammar = schema::library().message(message_type).unwrap();
        let bytes = |tree: &Tree| format::xml::write(tree, &grammar, &WriteOptions::default()).0;
        outcomes.entry(message_type.name.clone()).or_default().push(Outcome {
            name: name.clone(),
            before: bytes(tree),
            after: bytes(&wrote.tree),
            all: all.len(),
            kept,
            blank: tree.ids().any(|id| !tree.has_children(id) && tree.value(id).trim().is_empty()),
        });
    }
    for (kind, list) in &outcomes {
        let schema: PathBuf = standards().join(format!("ubl/schemas/ubl-2.1-os/maindoc/UBL-{kind}-2.1.xsd"));
        let before: Vec<&[u8]> = list.iter().map(|outcome| outcome.before.as_slice()).collect();
        let after: Vec<&[u8]> = list.iter().map(|outcome| outcome.after.as_slice()).collect();
        let (before, after) = (xmllint::valid_by(&schema, &before), xmllint::valid_by(&schema, &after));
        let (mut all, mut places) = (0, BTreeMap::<&str, usize>::new());
        for (index, outcome) in list.iter().enumerate().filter(|(index, _)| before.contains(index)) {
            if !after.contains(&index) && !outcome.blank {
                wrong.push(format!("{}: written again it is no longer valid", outcome.name));
            }
            all += outcome.all;
            for place in &outcome.kept {
                *places.entry(place).or_default() += 1;
            }
        }
        let kept: usize = places.values().sum();
        println!(
            "{kind}: {} valid files, {all} values, {kept} kept beside ({} in 1000)",
            before.len(),
            kept * 1000 / all
        );
        for (place, number) in &places {
            println!("    {number} {place}");
        }
        if ["Order", "OrderResponse", "OrderResponseSimple", "DespatchAdvice"].contains(&kind.as_str())
            && kept * 20 > all
        {
            wrong.push(format!("{kind}: {kept} of {all} values are kept beside"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(outcomes.len(), 7, "all seven types");
}

/// What is written again in another way, though it says the same: the value with its segment and qualifier, grouping and
/// order aside.
fn said(tree: &Tree) -> Vec<String> {
    let mut all: Vec<String> = leaves(tree)
        .into_iter()
        .map(|id| {
            let mut at = id;
            while let Some(parent) = tree.parent(at)
                && tree.name_text(at).len() != 3
            {
                at = parent;
            }
            let first = tree.ids().skip(at.0 as usize).find(|&id| !tree.value(id).is_empty());
            let qualifier = first.map_or("", |id| tree.value(id));
            let (segment, element) = (tree.name_text(at), tree.name_text(id));
            let (segment, qualifier) = match segment {
                // The numbers of an item stand here or there.
                "LIN" | "PIA" if element != "1082" => ("item", ""),
                // Order date and discrete quantity are read and not written.
                "DTM" if qualifier == "4" => (segment, "137"),
                "QTY" if qualifier == "1" => (segment, "21"),
                _ => (segment, qualifier),
            };
            let value = if ["2005", "6063"].contains(&element) { qualifier } else { tree.value(id).trim() };
            format!("{segment}+{qualifier} {element}={value}")
        })
        .filter(|line| {
            !["UNH", "UNT", "UNS", "CNT+2", "item+ 4347", "BGM+220 1225=9"].iter().any(|own| line.starts_with(own))
        })
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn edifact_samples_are_read_and_written_again() {
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for sample in samples(&["edifact/samples"]) {
        let Sample { name, message_type, tree } = &sample;
        if message_type.standard != "edifact" {
            continue;
        }
        *seen.entry(message_type.to_string()).or_default() += 1;
        let mut complaints = Findings::default();
        Checker::new(schema::library().message(message_type).unwrap()).whole(tree, &mut complaints);
        let mapping = mapping(message_type);
        let read = mapping.read(tree);
        let kept = read.tree.ids().filter(|&id| read.tree.name_text(id) == "place").map(|id| read.tree.value(id));
        println!("{name} {message_type}: {} values, kept beside: {:?}", leaves(tree).len(), kept.collect::<Vec<_>>());
        for finding in &read.findings {
            println!("    {} {} {} {}", finding.code.as_str(), finding.place, finding.found, finding.expected);
        }
        let typed = match through_types(&mapping, &read.tree) {
            Ok(typed) => typed,
            Err(error) => {
                assert!(complaints.has_errors(), "{name}: {error}");
                continue;
            }
        };
        let wrote = mapping.write(&typed);
        if complaints.has_errors() && !wrote.findings.is_empty() {
            // What is no such message is read and written as far as it goes.
            println!("    {} errors, {} not written", complaints.as_slice().len(), wrote.findings.len());
            continue;
        }
        wrong.extend(wrote.findings.iter().map(|finding| format!("{name}: {finding:?}")));
        let (before, after) = (said(tree), said(&wrote.tree));
        let lacking: Vec<&String> = before.iter().filter(|line| !after.contains(line)).collect();
        let added: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
        if !lacking.is_empty() || !added.is_empty() {
            wrong.push(format!("{name}:\n    lacking {lacking:?}\n    added {added:?}"));
        }
        let again = mapping.read(&wrote.tree);
        let typed_again = through_types(&mapping, &again.tree).unwrap();
        let root = |tree: &Tree| unordered(tree, tree.root().unwrap());
        if root(&typed) != root(&typed_again) {
            wrong.push(format!("{name}: read again it is\n  {}\n  {}", root(&typed), root(&typed_again)));
        }
    }
    println!("{seen:?}");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
