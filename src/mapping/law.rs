//! The law of mappings on generated documents: what is written and read again is what the mapping carries, and what is
//! carried once stays as it is. Documents are made from the tables of fields, every optional field in and out.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::*;
use crate::document;
use crate::model::finding::Code;
use crate::model::record::{Field, Kind, Record};
use crate::model::tree::{At, Shape};

/// Documents for each mapping.
const DOCUMENTS: u64 = 60;

/// A row of numbers that is the same every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[self.below(words.len() as u64) as usize]
    }
}

struct Maker<'m> {
    random: Random,
    tree: Tree,
    standard: &'m str,
    document: &'static str,
    names: Vec<&'static str>,
    serial: u64,
}

impl Maker<'_> {
    /// A record with some of its fields.
    fn record(&mut self, record: &'static Record, name: &str) {
        self.tree.open(Name::intern(name), At::default());
        let depth = self.names.len() as u64;
        let mut word = String::new();
        for field in record.fields {
            let always = ["id", "function", "document_currency_code", "currency", "value"].contains(&field.name)
                || (record.name == "DespatchLine" && field.name == "delivered_quantity");
            if self.left_out(record, field) || !(always || self.random.below(depth + 2) == 0) {
                continue;
            }
            let kept = ["source_response_code", "status_code"].contains(&field.name) && self.standard != "dure";
            if kept {
                // A code that has to fit its word, and is not the one written for it.
                if let Some(code) = code_of(self.standard, record.name, &word) {
                    self.tree.leaf(Name::intern(field.name), code, At::default());
                }
                continue;
            }
            self.names.push(field.name);
            for _ in 0..if field.list { 1 + self.random.below(2) } else { 1 } {
                match field.kind {
                    Kind::Record(below) if depth < 6 => self.record(below(), field.name),
                    Kind::Record(_) => {}
                    _ => {
                        let text = self.text(record, field);
                        if ["response_code", "status"].contains(&field.name) {
                            word.clone_from(&text);
                        }
                        self.tree.leaf(Name::intern(field.name), &text, At::default());
                    }
                }
            }
            self.names.pop();
        }
        self.tree.close();
    }

    fn left_out(&self, record: &Record, field: &Field) -> bool {
        if self.standard == "dure" {
            return false;
        }
        let derived = record.name == "Party" && field.name == "id" && self.standard == "ubl";
        // EDIFACT's parcels are made to fit their lines.
        let parcels = self.standard == "edifact" && field.name == "packages";
        derived || parcels || field.name == "unmapped"
    }

    fn text(&mut self, record: &Record, field: &Field) -> String {
        self.serial += 1;
        let serial = self.serial;
        let random = &mut self.random;
        let within = self.names.iter().rev().nth(1).copied().unwrap_or("");
        match (record.name, field.name) {
            (_, "function") if self.standard == "edifact" => {
                return random.one(&["original", "change", "cancel"]).into();
            }
            (_, "function") => return "original".into(),
            (_, "currency" | "document_currency_code") => return "KRW".into(),
            ("DespatchLine", "id") if self.standard == "edifact" => return serial.to_string(),
            ("OrderResponse", "response_code") => {
                return random.one(&["accepted", "changed", "rejected", "received"]).into();
            }
            ("OrderResponseLine", "status") => return random.one(&["accepted", "changed", "rejected", "added"]).into(),
            ("DocumentResponse" | "LineResponse", "response_code") => {
                return random.one(&["accepted", "acknowledged", "rejected"]).into();
            }
            ("Party", "role") => return random.one(&["carrier", "forwarder", "UD"]).into(),
            ("Contact", "role") => return "OC".into(),
            ("DocumentReference", "role") => {
                return random.one(&["contract", "quotation", "additional", "originator", "catalogue", "ZZR"]).into();
            }
            ("RoleDate", "role") => return random.one(&["cancel-if-not-delivered", "ABC"]).into(),
            ("RoleAmount", "role") => return random.one(&["original", "ZZ9"]).into(),
            ("RoleQuantity", "role") => return random.one(&["consumer-units", "per-pack"]).into(),
            ("RoleText", "role") => return random.one(&["purchasing", "general", "XYZ"]).into(),
            ("Price", "price_type_code") if within == "prices" => return random.one(&["AAC", "INF"]).into(),
            ("Price", "price_type_code") => return random.one(&["CAL", "AAB"]).into(),
            ("Communication", "channel_code") => return "AL".into(),
            ("Identifier", "scheme") => match within {
                "standard_item_id" => return "GTIN".into(),
                "additional_item_ids" => return random.one(&["VN", "MP"]).into(),
                _ => {}
            },
            _ => {}
        }
        match field.kind {
            Kind::Decimal => Decimal::new(random.below(100_000) as i64, random.below(4) as u32).normalize().to_string(),
            Kind::Integer => random.below(1000).to_string(),
            Kind::Indicator => random.one(&["true", "false"]).to_owned(),
            Kind::Date => format!("2026-{:02}-{:02}", 1 + random.below(12), 1 + random.below(28)),
            Kind::Time => format!("{:02}:{:02}:{:02}", random.below(24), random.below(60), random.below(60)),
            Kind::PartyId => format!("{}:{}", random.one(&["gln", "brn", "duns"]), 1_000_000 + serial),
            // Of any length that a value may have, and longer.
            Kind::Text | Kind::Record(_) => {
                let stem = random.one(&["x", "품목", "a b", "Straße", "&<>'"]);
                let longer = random.one(&["", "", "", "", "-a-name-that-is-longer-than-thirty-five-characters"]);
                format!("{stem}{serial}{longer}")
            }
        }
    }
}

/// A code of theirs for a word of ours besides the one that is written for it.
fn code_of(standard: &str, record: &str, word: &str) -> Option<&'static str> {
    Some(match (standard, record, word) {
        ("ubl", "OrderResponse", "accepted") => "29",
        ("ubl", "OrderResponse", "changed") => "30",
        ("ubl", "OrderResponse", "rejected") => "27",
        ("ubl", "OrderResponse", "received") => "12",
        ("edifact", "OrderResponse", "accepted") => "6",
        ("edifact", "OrderResponse", "changed") => "28",
        ("ubl", "OrderResponseLine", "accepted") => "42",
        ("ubl", "OrderResponseLine", "changed") => "Revised",
        ("ubl" | "edifact", "OrderResponseLine", "rejected") => "2",
        ("edifact", "OrderResponseLine", "changed") => "6",
        _ => return None,
    })
}

/// A despatch with parcels that hold its lines, some of them in others; what no parcel holds is left over.
fn with_parcels(document: &Tree, random: &mut Random) -> Tree {
    let name = Name::intern;
    let text = |id: NodeId, path: &[&str]| {
        let found = path.iter().try_fold(id, |at, step| document.child(at, name(step)));
        found.map_or("", |id| document.value(id)).to_owned()
    };
    let root = document.root().unwrap();
    let lines: Vec<NodeId> = document.children_named(root, name("lines")).collect();
    let mut left: Vec<Decimal> =
        lines.iter().map(|&line| text(line, &["delivered_quantity", "value"]).parse().unwrap()).collect();
    let mut serials: Vec<Vec<String>> = lines
        .iter()
        .map(|&line| {
            let item = document.child(line, name("item"));
            let instances = item.into_iter().flat_map(|item| document.children_named(item, name("instances")));
            instances
                .filter_map(|one| document.child(one, name("serial_id")))
                .map(|id| document.value(id).to_owned())
                .collect()
        })
        .collect();
    let had: Vec<bool> = serials.iter().map(|list| !list.is_empty()).collect();
    let mut out = Tree::new(Shape::Canonical);
    let leaf = |out: &mut Tree, field: &str, value: &str| out.leaf(name(field), value, At::default());
    out.open(document.name(root), At::default());
    let shipment = document.child(root, name("shipment"));
    let count = random.below(4);
    let mut parcels = |out: &mut Tree| {
        for number in 2..2 + count {
            out.open(name("packages"), At::default());
            out.open(name("id"), At::default());
            leaf(out, "value", &format!("38801{number}"));
            leaf(out, "scheme", "SSCC");
            out.close();
            leaf(out, "tracking_id", &format!("W-{number}"));
            leaf(out, "number", &number.to_string());
            if number > 2 && random.below(2) == 0 {
                leaf(out, "within", &(number - 1).to_string());
            }
            for (index, &line) in lines.iter().enumerate() {
                // A line whose pieces are named is in as many parcels as it has pieces.
                // A unit that is too long is lost once and told once, though line and parcel both say it: left out.
                if text(line, &["delivered_quantity", "unit"]).chars().count() > 3 {
                    continue;
                }
                if left[index] <= Decimal::ZERO || random.below(2) == 0 || (had[index] && serials[index].is_empty()) {
                    continue;
                }
                let last = had[index] && serials[index].len() == 1;
                let quantity = if last || random.below(2) == 0 { left[index] } else { left[index] / Decimal::TWO };
                left[index] -= quantity;
                out.open(name("contents"), At::default());
                leaf(out, "line_id", &text(line, &["id"]));
                out.open(name("quantity"), At::default());
                leaf(out, "value", &quantity.normalize().to_string());
                let unit = text(line, &["delivered_quantity", "unit"]);
                if !unit.is_empty() {
                    leaf(out, "unit", &unit);
                }
                out.close();
                let all = left[index] <= Decimal::ZERO;
                let pieces = serials[index].len();
                for piece in serials[index].drain(..if all { pieces } else { pieces.min(1) }) {
                    leaf(out, "serial_ids", &piece);
                }
                out.close();
            }
            out.close();
        }
    };
    for child in document.children(root) {
        if Some(child) != shipment {
            out.graft(document, child);
            continue;
        }
        out.open(name("shipment"), At::default());
        document.children(child).for_each(|below| {
            out.graft(document, below);
        });
        parcels(&mut out);
        out.close();
    }
    if shipment.is_none() && count > 0 {
        out.open(name("shipment"), At::default());
        parcels(&mut out);
        out.close();
    }
    out.close();
    out
}

/// Values that mappings say of themselves, and fields that say what another one does.
fn derived(mapping: &Mapping, tree: &Tree, id: NodeId) -> bool {
    let value = tree.value(id).trim();
    let constants = ["VAT", "SSCC", "GTIN", "DAY", "interchange", "manufacturer", "original"];
    let path = tree.path(id).replace(|c: char| "[]".contains(c) || c.is_ascii_digit(), "");
    let same = match mapping.message.as_str() {
        "csv/1/Catalogue" => ["lines.id", "lines.item.sellers_item_id.value"].as_slice(),
        "csv/1/Order" => &["deliveries.requested_period.start_date", "deliveries.requested_period.end_date"],
        "edifact/3/CONTRL" | "edifact/4/CONTRL" => &["responses.reference_id", "responses.documents.id.value"],
        _ => &[],
    };
    constants.contains(&value)
        || same.contains(&path.as_str())
        || (path.ends_with(".id") && mapping.message_type.standard == "ubl" && value.parse::<PartyId>().is_ok())
}

/// A node with what is below it, whatever the order, without what `but` names.
fn spell_unordered(mapping: &Mapping, tree: &Tree, id: NodeId, but: &BTreeSet<NodeId>) -> String {
    if but.contains(&id) || (!tree.has_children(id) && derived(mapping, tree, id)) {
        return String::new();
    }
    let mut below: Vec<String> = tree
        .children(id)
        .map(|child| spell_unordered(mapping, tree, child, but))
        .filter(|text| !text.is_empty())
        .collect();
    below.sort_unstable();
    let value = tree.value(id).trim();
    let value = value.parse::<Decimal>().map_or(value.to_owned(), |number| number.normalize().to_string());
    if below.is_empty() && value.is_empty() {
        return String::new();
    }
    format!("{}={value}[{}]", tree.name_text(id), below.join(" "))
}

fn check(message: &str) {
    let mapping = super::tests::built_in(message);
    let record = document::record(mapping.document_type());
    for seed in 1..=DOCUMENTS {
        let mut maker = Maker {
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            tree: Tree::new(Shape::Canonical),
            standard: &mapping.message_type.standard,
            document: record.name,
            names: Vec::new(),
            serial: 0,
        };
        maker.record(record, record.name);
        assert_eq!(maker.document, record.name);
        let document = match message {
            "edifact/d96a/DESADV" => with_parcels(&maker.tree, &mut maker.random),
            _ => maker.tree,
        };
        let root = document.root().unwrap();
        let wrote = mapping.write(&document);
        let mut lost = BTreeSet::new();
        let by_path: std::collections::BTreeMap<String, NodeId> =
            document.ids().filter(|_| !wrote.findings.is_empty()).map(|id| (document.path(id), id)).collect();
        for finding in &wrote.findings {
            assert_eq!(finding.code, Code::NotCarried);
            let path = finding.place.path.clone().unwrap();
            lost.insert(*by_path.get(&path).unwrap_or_else(|| panic!("{path}")));
        }
        let read = mapping.read(&wrote.tree);
        assert_eq!(read.findings, [], "{message} {seed}");
        let expected = spell_unordered(&mapping, &document, root, &lost);
        // Of a text that is too long for all pieces there are, the first are written.
        let cut = lost.iter().map(|&id| document.value(id)).collect::<Vec<_>>();
        let pieces = read.tree.ids().filter(|&id| {
            let value = read.tree.value(id);
            value.chars().count() >= 10 && cut.iter().any(|text| text.len() > value.len() && text.starts_with(value))
        });
        let found = spell_unordered(&mapping, &read.tree, read.tree.root().unwrap(), &pieces.collect());
        if expected != found {
            let common = expected.chars().zip(found.chars()).take_while(|(a, b)| a == b).count();
            let near = |text: &str| text.chars().skip(common.saturating_sub(160)).take(420).collect::<String>();
            panic!("{message}, document {seed}, differs:\n  {}\n  {}", near(&expected), near(&found));
        }
        // What was carried once is carried as it is.
        let again = mapping.write(&read.tree);
        assert_eq!(again.findings, [], "{message} {seed}");
        let once_more = mapping.read(&again.tree);
        let whole = |tree: &Tree| super::tests::spell(tree);
        let (before, after) = (whole(&read.tree), whole(&once_more.tree));
        let only = |these: &[String], those: &[String]| {
            these.iter().filter(|line| !those.contains(line)).cloned().collect::<Vec<_>>()
        };
        assert_eq!((only(&before, &after), only(&after, &before)), (vec![], vec![]), "{message} {seed}");
        assert_eq!(before, after, "{message} {seed}");
    }
}

macro_rules! laws {
    ($($name:ident $message:literal)*) => { $(
        #[test]
        fn $name() {
            check($message);
        }
    )* };
}

laws! {
    csv_catalogue "csv/1/Catalogue"
    csv_order "csv/1/Order"
    edifact_contrl_3 "edifact/3/CONTRL"
    edifact_contrl_4 "edifact/4/CONTRL"
    edifact_desadv "edifact/d96a/DESADV"
    edifact_orders "edifact/d96a/ORDERS"
    edifact_ordrsp "edifact/d96a/ORDRSP"
    ubl_application_response "ubl/2.1/ApplicationResponse"
    ubl_catalogue "ubl/2.1/Catalogue"
    ubl_despatch_advice "ubl/2.1/DespatchAdvice"
    ubl_order "ubl/2.1/Order"
    ubl_order_response "ubl/2.1/OrderResponse"
    ubl_order_response_simple "ubl/2.1/OrderResponseSimple"
    ubl_statement "ubl/2.1/Statement"
}

/// A document of ours from its table of fields.
fn made(record: &'static Record, root: &str, seed: u64) -> Tree {
    let mut maker = Maker {
        random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        tree: Tree::new(Shape::Canonical),
        standard: "dure",
        document: record.name,
        names: Vec::new(),
        serial: 0,
    };
    maker.record(record, root);
    without_hollows(&maker.tree)
}

/// The same without records that say nothing: nobody writes those.
fn without_hollows(tree: &Tree) -> Tree {
    fn says(tree: &Tree, id: NodeId) -> bool {
        !tree.value(id).is_empty() || tree.children(id).any(|child| says(tree, child))
    }
    fn copy(tree: &Tree, id: NodeId, out: &mut Tree) {
        out.open(tree.name(id), At::default());
        out.push_text(tree.value(id));
        for child in tree.children(id).filter(|&child| says(tree, child)) {
            copy(tree, child, out);
        }
        out.close();
    }
    let mut out = Tree::new(tree.shape);
    copy(tree, tree.root().unwrap(), &mut out);
    out
}

#[test]
fn our_own_json_carries_everything() {
    use crate::document::Body;
    use crate::format::{Hint, Limits, Part, Source, WriteOptions, recognise, write};
    use crate::model::document_type::DocumentType;
    use crate::model::finding::Findings;
    use crate::schema::check::Checker;
    use crate::schema::library;

    for &kind in DocumentType::ALL.iter().filter(|kind| **kind != DocumentType::Notice) {
        let message_type = MessageType::new("dure", "1", kind.as_str());
        let grammar = library().message(&message_type).unwrap();
        for seed in 1..=DOCUMENTS {
            let tree = made(document::record(kind), kind.as_str(), seed);
            let (bytes, findings) = write(&message_type, &tree, &WriteOptions::default());
            assert_eq!(findings, []);
            // Lists of one are lists, truth values and whole numbers are what they are.
            let body = Body::from_tree(kind, &tree).unwrap();
            let mut told: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(told.as_object_mut().unwrap().remove("type"), Some(kind.as_str().into()));
            assert_eq!(told, serde_json::from_str::<serde_json::Value>(&body.to_json()).unwrap(), "{kind} {seed}");

            let mut findings = Findings::default();
            let mut reader = recognise::open(Source::Bytes(bytes.into()), &Hint::default(), Limits::default()).unwrap();
            let mut read = None;
            while let Some(part) = reader.next(&mut findings).unwrap() {
                match part {
                    Part::Whole(tree) => read = Some(tree),
                    Part::Start(start) => assert_eq!(start.message_type, message_type),
                    _ => {}
                }
            }
            let read = read.unwrap();
            Checker::new(grammar.clone()).whole(&read, &mut findings);
            assert_eq!(findings.as_slice(), [], "{kind} {seed}");
            let mapped = |tree: &Tree| super::tests::spell(tree);
            assert_eq!(mapped(&tree), mapped(&read), "{kind} {seed}");
        }
    }
}

#[test]
fn every_mapping_is_held_to_the_law() {
    let text = include_str!("law.rs");
    for message in library(document::record).messages() {
        assert!(text.contains(&format!(" \"{message}\"\n")), "{message} has no law");
    }
}
