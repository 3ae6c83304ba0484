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
use dure::schema;

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

#[derive(Default)]
struct Count {
    files: usize,
    all: usize,
    kept: usize,
    places: BTreeMap<String, usize>,
}

#[test]
fn every_element_of_the_ubl_samples_is_carried_or_kept_and_written_again() {
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut written: BTreeMap<String, Vec<(String, Vec<u8>, Vec<u8>)>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for sample in samples(&["ubl/samples", "peppol/samples"]) {
        let Sample { name, message_type, tree } = &sample;
        if message_type.standard != "ubl" {
            continue;
        }
        let mapping = mapping(message_type);
        let read = mapping.read(tree);
        let count = counts.entry(message_type.name.clone()).or_default();
        let all = leaves(tree);
        count.files += 1;
        count.all += all.len();
        let taken: BTreeSet<NodeId> = read.origin.iter().copied().collect();
        for &id in &all {
            let constant = tree.name_text(id) == "cbc:UBLVersionID" && tree.value(id).trim() == "2.1";
            let dropped = tree.value(id).trim() == "NA";
            if !taken.contains(&id) && !constant && !dropped {
                wrong.push(format!("{name}: {} is lost", tree.path(id)));
            }
        }
        let documents = &read.tree;
        for id in documents.ids().filter(|&id| documents.name_text(id) == "place") {
            count.kept += 1;
            *count.places.entry(documents.value(id).replace(|c: char| c.is_ascii_digit(), "")).or_default() += 1;
        }
        let typed = match through_types(&mapping, documents) {
            Ok(typed) => typed,
            Err(error) => {
                // Values that are none of their kind: documents that are meant to be wrong.
                eprintln!("{name}: {error}");
                documents.clone()
            }
        };
        let wrote = mapping.write(&typed);
        for finding in &wrote.findings {
            wrong.push(format!("{name}: {finding:?}"));
        }
        let (before, after) =
            (unordered(tree, tree.root().unwrap()), unordered(&wrote.tree, wrote.tree.root().unwrap()));
        let after =
            if before.contains("cbc:UBLVersionID") { after } else { after.replace("cbc:UBLVersionID=2.1[] ", "") };
        if before != after {
            let common = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
            let near = |text: &str| text.chars().skip(common.saturating_sub(60)).take(240).collect::<String>();
            wrong.push(format!("{name} differs:\n   {}\n   {}", near(&before), near(&after)));
        }
        let grammar = schema::library().message(message_type).unwrap();
        let (bytes, findings) = format::xml::write(&wrote.tree, &grammar, &WriteOptions::default());
        assert!(findings.is_empty(), "{name}: {findings:?}");
        let (again, _) = format::xml::write(tree, &grammar, &WriteOptions::default());
        written.entry(message_type.name.clone()).or_default().push((name.clone(), again, bytes));
    }
    for (kind, list) in &written {
        let schema: PathBuf = standards().join(format!("ubl/schemas/ubl-2.1-os/maindoc/UBL-{kind}-2.1.xsd"));
        let before: Vec<&[u8]> = list.iter().map(|(_, before, _)| before.as_slice()).collect();
        let after: Vec<&[u8]> = list.iter().map(|(_, _, after)| after.as_slice()).collect();
        let (before, after) = (xmllint::valid_by(&schema, &before), xmllint::valid_by(&schema, &after));
        for (index, (name, ..)) in list.iter().enumerate() {
            if before.contains(&index) && !after.contains(&index) {
                wrong.push(format!("{name}: written again it is no longer valid"));
            }
        }
    }
    for (kind, count) in &counts {
        let carried = 100.0 * (count.all - count.kept) as f64 / count.all as f64;
        println!(
            "{kind}: {} files, {} values, {} kept beside, {carried:.1} % carried",
            count.files, count.all, count.kept
        );
        for (place, number) in &count.places {
            println!("    {number} {place}");
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(counts.len(), 7, "all seven types");
    for kind in ["Order", "OrderResponse", "OrderResponseSimple", "DespatchAdvice"] {
        let count = &counts[kind];
        assert!(count.kept * 20 <= count.all, "{kind}: {} of {} are kept beside", count.kept, count.all);
    }
}
