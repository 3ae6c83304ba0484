//! Mappings as a whole, on small messages of our own making and on the built-in files.

use std::sync::Arc;

use super::*;
use crate::document;

/// A tree from `/a/b[2]/c = value` lines.
fn xml(text: &str) -> Tree {
    use std::io::Cursor;
    let _ = Cursor::new(text);
    let source = crate::format::Source::Bytes(bytes::Bytes::copy_from_slice(text.as_bytes()));
    let hint = crate::format::Hint::default();
    let mut reader = crate::format::xml::open(source, &hint, crate::format::Limits::default()).unwrap();
    let mut findings = crate::model::finding::Findings::default();
    while let Some(part) = reader.next(&mut findings).unwrap() {
        if let crate::format::Part::Whole(tree) = part {
            assert!(findings.is_empty(), "{findings:?}");
            return tree;
        }
    }
    panic!("no tree: {findings:?}");
}

/// Every value of a tree with its path.
pub(super) fn spell(tree: &Tree) -> Vec<String> {
    tree.ids()
        .filter(|&id| !tree.value(id).trim().is_empty())
        .map(|id| format!("{} {}", tree.path(id), tree.value(id).trim()))
        .collect()
}

pub(super) fn built_in(message: &str) -> Arc<Mapping> {
    let found = library(document::record).compile(&message.parse().unwrap());
    found.unwrap_or_else(|error| panic!("{error}")).unwrap()
}

#[test]
fn every_built_in_mapping_compiles() {
    let library = library(document::record);
    for message in library.messages() {
        let found = library.compile(&message);
        assert!(found.unwrap_or_else(|error| panic!("{error}")).is_some(), "{message}");
    }
}

const ORDER: &str = r#"<Order xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2" xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2" xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
  <cbc:UBLVersionID>2.1</cbc:UBLVersionID>
  <cbc:ID>4711</cbc:ID>
  <cbc:CopyIndicator>false</cbc:CopyIndicator>
  <cbc:IssueDate>2026-01-31</cbc:IssueDate>
  <cbc:Note languageID="en">first</cbc:Note>
  <cbc:Note>second</cbc:Note>
  <cac:Contract><cbc:ID>C1</cbc:ID><cbc:ContractType>Frame</cbc:ContractType></cac:Contract>
  <cac:BuyerCustomerParty>
    <cac:Party>
      <cac:PartyIdentification><cbc:ID schemeID="GLN">8801234500012</cbc:ID></cac:PartyIdentification>
      <cac:PartyIdentification><cbc:ID>77</cbc:ID></cac:PartyIdentification>
      <cac:PartyName><cbc:Name>Buyer</cbc:Name></cac:PartyName>
      <cac:Language><cbc:ID>ko</cbc:ID></cac:Language>
    </cac:Party>
  </cac:BuyerCustomerParty>
  <cac:SellerSupplierParty><cac:Party><cac:PartyName><cbc:Name>Seller</cbc:Name></cac:PartyName></cac:Party></cac:SellerSupplierParty>
  <cac:Delivery><cac:DeliveryAddress><cac:LocationCoordinate><cbc:AltitudeMeasure unitCode="M">3</cbc:AltitudeMeasure></cac:LocationCoordinate></cac:DeliveryAddress></cac:Delivery>
  <cac:Delivery><cbc:ID>D2</cbc:ID></cac:Delivery>
  <cac:OrderLine>
    <cac:LineItem>
      <cbc:ID>1</cbc:ID>
      <cbc:Quantity unitCode="EA">10</cbc:Quantity>
      <cbc:InspectionMethodCode>7</cbc:InspectionMethodCode>
      <cac:Price><cbc:PriceAmount currencyID="KRW">1500</cbc:PriceAmount></cac:Price>
      <cac:Item><cbc:Name>Cup</cbc:Name></cac:Item>
    </cac:LineItem>
  </cac:OrderLine>
</Order>"#;

#[test]
fn an_order_comes_back() {
    let mapping = built_in("ubl/2.1/Order");
    let message = xml(ORDER);
    let read = mapping.read(&message);
    assert_eq!(read.findings, []);
    assert_eq!(
        spell(&read.tree),
        [
            "id 4711",
            "function original",
            "issue_date 2026-01-31",
            "notes[1] first",
            "notes[2] second",
            "references.id.value C1",
            "references.role contract",
            "references.document_type Frame",
            "buyer.identifiers[1].value 8801234500012",
            "buyer.identifiers[1].scheme GLN",
            "buyer.identifiers[2].value 77",
            "buyer.names Buyer",
            "buyer.id gln:8801234500012",
            "seller.names Seller",
            "deliveries.id.value D2",
            "lines.id 1",
            "lines.quantity.value 10",
            "lines.quantity.unit EA",
            "lines.price.amount.value 1500",
            "lines.price.amount.currency KRW",
            "lines.item.name Cup",
            "lines.unmapped.message ubl/2.1/Order",
            "lines.unmapped.place cac:LineItem/cbc:InspectionMethodCode",
            "lines.unmapped.value 7",
            "unmapped[1].message ubl/2.1/Order",
            "unmapped[1].place cbc:CopyIndicator",
            "unmapped[1].value false",
            "unmapped[2].message ubl/2.1/Order",
            "unmapped[2].place cbc:Note/@languageID",
            "unmapped[2].value en",
            "unmapped[3].message ubl/2.1/Order",
            "unmapped[3].place cac:BuyerCustomerParty/cac:Party/cac:Language/cbc:ID",
            "unmapped[3].value ko",
            "unmapped[4].message ubl/2.1/Order",
            "unmapped[4].place cac:Delivery[+1]/cac:DeliveryAddress/cac:LocationCoordinate/cbc:AltitudeMeasure",
            "unmapped[4].value 3",
            "unmapped[5].message ubl/2.1/Order",
            "unmapped[5].place cac:Delivery[+1]/cac:DeliveryAddress/cac:LocationCoordinate/cbc:AltitudeMeasure/@unitCode",
            "unmapped[5].value M",
        ]
    );
    let order: document::order::Order = crate::model::canonical::from_tree(&read.tree, read.tree.root().unwrap())
        .map_err(|(finding, _)| finding)
        .unwrap();
    assert_eq!(order.buyer.as_ref().unwrap().id.to_string(), "gln:8801234500012");
    let again = crate::model::canonical::to_tree(&order, "Order");
    let wrote = mapping.write(&again);
    assert_eq!(wrote.findings, []);
    let sorted = |tree: &Tree| {
        let mut lines = spell(tree);
        lines.sort_unstable();
        lines
    };
    let mut expected = sorted(&message);
    // The delivery that has nothing of ours comes behind the one that has.
    for line in &mut expected {
        *line = if line.contains("Delivery[1]") {
            line.replace("Delivery[1]", "Delivery[2]")
        } else {
            line.replace("Delivery[2]", "Delivery[1]")
        };
    }
    expected.sort_unstable();
    assert_eq!(sorted(&wrote.tree), expected);
}

fn edifact(text: &str) -> Tree {
    let source = crate::format::Source::Bytes(bytes::Bytes::copy_from_slice(text.as_bytes()));
    let hint = crate::format::Hint::default();
    let mut reader = crate::format::open(source, &hint, crate::format::Limits::default()).unwrap();
    let mut findings = crate::model::finding::Findings::default();
    while let Some(part) = reader.next(&mut findings).unwrap() {
        if let crate::format::Part::Whole(tree) = part {
            return tree;
        }
    }
    panic!("no tree: {findings:?}");
}

const DESADV: &str = "UNB+UNOC:3+8801234500012:14+8801234500029:14+260131:0800+1'UNH+1+DESADV:D:96A:UN'\
    BGM+351+D1+9'DTM+137:20260131:102'RFF+ON:4711'\
    NAD+BY+8801234500029::9'NAD+SU+8801234500012::9'\
    CPS+1'PAC+2'\
    CPS+2+1'PAC+1++CT'PCI+30'GIN+BJ+00388012345000000017'LIN+1++8801234500036:EN'QTY+12:3:EA'GIN+BN+S1+S2+S3'RFF+LI:1'\
    CPS+3+1'PAC+1++CT'PCI+30'GIN+BJ+00388012345000000024'LIN+1++8801234500036:EN'QTY+12:2:EA'GIN+BN+S4+S5'RFF+LI:1'\
    CPS+4+3'LIN+2++8801234500043:EN'QTY+12:1:EA'\
    CNT+2:3'UNT+29+1'UNZ+1+1'";

/// Lines of a tree that hold one of the words.
fn lines_with(tree: &Tree, words: &[&str]) -> Vec<String> {
    spell(tree).into_iter().filter(|line| words.iter().any(|word| line.contains(word))).collect()
}

#[test]
fn parcels_are_levels_of_the_packing() {
    let mapping = built_in("edifact/d96a/DESADV");
    let message = edifact(DESADV);
    let read = mapping.read(&message);
    assert_eq!(read.findings, []);
    assert_eq!(
        lines_with(&read.tree, &["shipment", "lines", "unmapped"]),
        [
            "shipment.total_packages.value 2",
            "shipment.packages[1].id.value 00388012345000000017",
            "shipment.packages[1].id.scheme SSCC",
            "shipment.packages[1].type_code CT",
            "shipment.packages[1].number 2",
            "shipment.packages[1].contents.line_id 1",
            "shipment.packages[1].contents.quantity.value 3",
            "shipment.packages[1].contents.quantity.unit EA",
            "shipment.packages[1].contents.serial_ids[1] S1",
            "shipment.packages[1].contents.serial_ids[2] S2",
            "shipment.packages[1].contents.serial_ids[3] S3",
            "shipment.packages[2].id.value 00388012345000000024",
            "shipment.packages[2].id.scheme SSCC",
            "shipment.packages[2].type_code CT",
            "shipment.packages[2].number 3",
            "shipment.packages[2].contents.line_id 1",
            "shipment.packages[2].contents.quantity.value 2",
            "shipment.packages[2].contents.quantity.unit EA",
            "shipment.packages[2].contents.serial_ids[1] S4",
            "shipment.packages[2].contents.serial_ids[2] S5",
            "lines[1].id 1",
            "lines[1].delivered_quantity.value 5",
            "lines[1].delivered_quantity.unit EA",
            "lines[1].order_line_references.line_id 1",
            "lines[1].item.standard_item_id.value 8801234500036",
            "lines[1].item.standard_item_id.scheme GTIN",
            "lines[1].item.instances[1].serial_id S1",
            "lines[1].item.instances[2].serial_id S2",
            "lines[1].item.instances[3].serial_id S3",
            "lines[1].item.instances[4].serial_id S4",
            "lines[1].item.instances[5].serial_id S5",
            "lines[2].id 2",
            "lines[2].delivered_quantity.value 1",
            "lines[2].delivered_quantity.unit EA",
            "lines[2].item.standard_item_id.value 8801234500043",
            "lines[2].item.standard_item_id.scheme GTIN",
        ]
    );
    let wrote = mapping.write(&read.tree);
    assert_eq!(wrote.findings, []);
    // The level without a parcel is the shipment's when it is written.
    assert_eq!(
        lines_with(&wrote.tree, &["CPS", "QTY", "GIN", "CNT"]),
        [
            "/DESADV/SG10[1]/CPS/7164 1",
            "/DESADV/SG10[1]/SG15/QTY/C186/6063 12",
            "/DESADV/SG10[1]/SG15/QTY/C186/6060 1",
            "/DESADV/SG10[1]/SG15/QTY/C186/6411 EA",
            "/DESADV/SG10[2]/CPS/7164 2",
            "/DESADV/SG10[2]/CPS/7166 1",
            "/DESADV/SG10[2]/SG11/SG13/SG14/GIN/7405 BJ",
            "/DESADV/SG10[2]/SG11/SG13/SG14/GIN/C208/7402 00388012345000000017",
            "/DESADV/SG10[2]/SG15/QTY/C186/6063 12",
            "/DESADV/SG10[2]/SG15/QTY/C186/6060 3",
            "/DESADV/SG10[2]/SG15/QTY/C186/6411 EA",
            "/DESADV/SG10[2]/SG15/GIN/7405 BN",
            "/DESADV/SG10[2]/SG15/GIN/C208[1]/7402 S1",
            "/DESADV/SG10[2]/SG15/GIN/C208[2]/7402 S2",
            "/DESADV/SG10[2]/SG15/GIN/C208[3]/7402 S3",
            "/DESADV/SG10[3]/CPS/7164 3",
            "/DESADV/SG10[3]/CPS/7166 1",
            "/DESADV/SG10[3]/SG11/SG13/SG14/GIN/7405 BJ",
            "/DESADV/SG10[3]/SG11/SG13/SG14/GIN/C208/7402 00388012345000000024",
            "/DESADV/SG10[3]/SG15/QTY/C186/6063 12",
            "/DESADV/SG10[3]/SG15/QTY/C186/6060 2",
            "/DESADV/SG10[3]/SG15/QTY/C186/6411 EA",
            "/DESADV/SG10[3]/SG15/GIN/7405 BN",
            "/DESADV/SG10[3]/SG15/GIN/C208[1]/7402 S4",
            "/DESADV/SG10[3]/SG15/GIN/C208[2]/7402 S5",
            "/DESADV/CNT/C270/6069 2",
            "/DESADV/CNT/C270/6066 3",
        ]
    );
}

#[test]
fn a_control_message_is_an_answer() {
    let text = "UNB+UNOC:3+8801234500012:14+8801234500029:14+260131:0800+7'UNH+1+CONTRL:D:3:UN'\
        UCI+55+8801234500029:14+8801234500012:14+7'UCM+1+ORDERS:D:96A:UN+4'UCS+5'UCD+12+2:1'\
        UNT+6+1'UNZ+1+7'";
    let mapping = built_in("edifact/3/CONTRL");
    let read = mapping.read(&edifact(text));
    assert_eq!(
        spell(&read.tree),
        [
            "id 1",
            "sender.id gln:8801234500012",
            "receiver.id gln:8801234500029",
            "responses[1].reference_id 55",
            "responses[1].response_code acknowledged",
            "responses[1].documents.id.value 55",
            "responses[1].documents.role interchange",
            "responses[2].reference_id 1",
            "responses[2].response_code rejected",
            "responses[2].documents.id.value 1",
            "responses[2].documents.document_type ORDERS",
            "responses[2].lines.line_id 5",
            "responses[2].lines.reason_codes 12",
            "unmapped[1].message edifact/3/CONTRL",
            "unmapped[1].place SG1/SG2/UCD/S011/0098",
            "unmapped[1].value 2",
            "unmapped[2].message edifact/3/CONTRL",
            "unmapped[2].place SG1/SG2/UCD/S011/0104",
            "unmapped[2].value 1",
        ]
    );
    let wrote = mapping.write(&read.tree);
    assert_eq!(wrote.findings, []);
    let again = mapping.read(&wrote.tree);
    assert_eq!(spell(&again.tree)[..15], spell(&read.tree)[..15]);
}

/// A table with the columns of its first line.
fn csv(text: &str) -> Tree {
    let source = crate::format::Source::Bytes(bytes::Bytes::copy_from_slice(text.as_bytes()));
    let hint = crate::format::Hint { content_type: Some("text/csv".to_owned()), ..crate::format::Hint::default() };
    let mut reader = crate::format::open(source, &hint, crate::format::Limits::default()).unwrap();
    let mut findings = crate::model::finding::Findings::default();
    while let Some(part) = reader.next(&mut findings).unwrap() {
        if let crate::format::Part::Whole(tree) = part {
            return tree;
        }
    }
    panic!("no tree: {findings:?}");
}

#[test]
fn the_head_of_a_table_stands_in_its_rows() {
    let text = "order_id,buyer_id,currency,order_note,line_id,item_id,quantity,price\n\
        4711,brn:1234567891,KRW,soon,1,CUP,10,1500\n4711,brn:1234567891,KRW,later,2,POT,1,9000\n";
    let mapping = built_in("csv/1/Order");
    let message = csv(text);
    let read = mapping.read(&message);
    assert_eq!(
        spell(&read.tree),
        [
            "id 4711",
            "function original",
            "notes soon",
            "document_currency_code KRW",
            "buyer.id brn:1234567891",
            "lines[1].id 1",
            "lines[1].quantity.value 10",
            "lines[1].price.amount.value 1500",
            "lines[1].price.amount.currency KRW",
            "lines[1].item.sellers_item_id.value CUP",
            "lines[2].id 2",
            "lines[2].quantity.value 1",
            "lines[2].price.amount.value 9000",
            "lines[2].price.amount.currency KRW",
            "lines[2].item.sellers_item_id.value POT",
            "lines[2].unmapped.message csv/1/Order",
            "lines[2].unmapped.place order_note",
            "lines[2].unmapped.value later",
        ]
    );
    let quantity = read.tree.ids().find(|&id| read.tree.value(id) == "10").unwrap();
    assert_eq!(read.place(&message, quantity).line, Some(2));
    let wrote = mapping.write(&read.tree);
    assert_eq!(wrote.findings, []);
    let sorted = |tree: &Tree| {
        let mut lines = spell(tree);
        lines.sort_unstable();
        lines
    };
    assert_eq!(sorted(&wrote.tree), sorted(&message));
}

/// Compiles a file of somebody's.
fn check_file(text: &str, expected: &str) {
    let found = library(document::record).parse("acme/Order.toml", text);
    assert_eq!(found.map_or_else(|error| error.to_string(), |_| "good".to_owned()), expected, "{text}");
}

#[test]
fn what_does_not_exist_has_a_place() {
    let ubl = |rows: &str| {
        format!("message = \"ubl/2.1/Order\"\ndocument = \"Order\"\ninclude = [\"ubl/2.1/common\"]\n[fields]\n{rows}\n")
    };
    let file = "mappings/acme/Order.toml";
    check_file(&ubl("id = \"cbc:ID\""), "good");
    check_file(&ubl("idd = \"cbc:ID\""), &format!("{file}:5:1: Order has no field idd"));
    check_file(&ubl("id = \"cbc:Id\""), &format!("{file}:5:7: Order has no cbc:Id"));
    check_file(
        &ubl("id = \"cac:BuyerCustomerParty/cac:Party/cbc:Name\""),
        &format!("{file}:5:40: Party has no cbc:Name"),
    );
    check_file(&ubl("id = \"cbc:ID\"\nuuid = \"cbc:ID\""), &format!("{file}:6:8: another row takes what stands there"));
    check_file(
        &ubl("buyer = { at = \"cac:BuyerCustomerParty\", use = \"Nobody\" }"),
        &format!("{file}:5:49: there is no fragment Nobody"),
    );
    check_file(
        &ubl("id = { at = \"cbc:ID\", codes = \"none\" }"),
        &format!("{file}:5:32: there is no code table none for ubl"),
    );
    check_file(
        &ubl("id = { at = \"cbc:ID\", as = \"magic\" }"),
        &format!(
            "{file}:5:29: there is no function magic; there are date, partner, party, party-text, percent, period and same"
        ),
    );
    check_file(&ubl("id = {}"), &format!("{file}:5:6: it is not said where id stands"));
    check_file(&ubl("lines.id = \"cbc:ID\""), &format!("{file}:5:7: the key id is not known"));
    check_file(&ubl("\"lines.id\" = \"cbc:ID\""), &format!("{file}:5:1: lines is a list; lines.1 is its first"));
    check_file(&ubl("id = \"cbc:ID[BY]\""), &format!("{file}:5:7: no qualifier is known for cbc:ID"));
    check_file(
        "message = \"ubl/2.1/Nothing\"\ndocument = \"Order\"\n[fields]\n",
        &format!("{file}:1:12: there is no schema of ubl/2.1/Nothing"),
    );
    check_file(
        "message = \"ubl/2.1/Order\"\ndocument = \"Ordre\"\n[fields]\n",
        &format!("{file}:2:13: no document is called Ordre; there are {}", document_names()),
    );
    check_file(
        "extends = \"ubl/2.1/Ordre\"\n[fields]\n",
        &format!("{file}:1:12: there is no mapping file ubl/2.1/Ordre"),
    );
}

fn document_names() -> String {
    DocumentType::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_dialect_says_only_what_differs() {
    let text = "extends = \"ubl/2.1/Order\"\n[fields]\ncustomer_reference = \"cbc:AccountingCost\"\n\
        accounting_cost = false\nnotes = { read = \"cbc:Note\" }\n";
    let mapping = library(document::record).parse("acme/Order.toml", text).unwrap();
    let text = ORDER.replace(
        "<cbc:Note>second</cbc:Note>",
        "<cbc:Note>second</cbc:Note><cbc:AccountingCost>C7</cbc:AccountingCost>",
    );
    let read = mapping.read(&xml(&text));
    assert_eq!(
        lines_with(&read.tree, &["customer_reference", "accounting_cost", "notes"]),
        ["notes[1] first", "notes[2] second", "customer_reference C7",]
    );
    // The rest is as in what it extends.
    assert_eq!(lines_with(&read.tree, &["lines.item"]), ["lines.item.name Cup"]);
    // A row that is only read is not written, and says so.
    let wrote = mapping.write(&read.tree);
    let places: Vec<_> = wrote.findings.iter().map(|finding| finding.place.path.clone().unwrap()).collect();
    assert_eq!(places, ["notes[1]", "notes[2]"]);
    assert_eq!(
        mapping.carried().iter().filter(|row| row.ours == "notes").map(|row| row.direction).collect::<Vec<_>>(),
        [Direction::Read]
    );
}

#[test]
fn rows_of_one_way_are_counted() {
    // Built-in files have none but what is passed over; a new one needs a test of its own.
    for message in library(document::record).messages() {
        let mapping = built_in(&message.to_string());
        let one_way = mapping.carried().into_iter().filter(|row| row.direction != Direction::Both);
        let own: Vec<_> = one_way.filter(|row| !row.note.starts_with("not carried")).collect();
        assert_eq!(own, [], "{message}");
    }
}

#[test]
fn a_large_catalogue_goes_line_by_line() {
    let mapping = built_in("ubl/2.1/Catalogue");
    let mut line = Tree::new(crate::model::tree::Shape::Xml);
    line.ordinal = 7;
    line.prefix = "/Catalogue".to_owned();
    let at = crate::model::tree::At::default();
    line.open(Name::intern("cac:CatalogueLine"), at);
    line.leaf(Name::intern("cbc:ID"), "7", at);
    line.leaf(Name::intern("cbc:PackLevelCode"), "P", at);
    line.open_text("cac:RequiredRelatedItem", at);
    line.leaf_text("cbc:ID", "R", at);
    line.close();
    line.close();
    let read = mapping.read_group(&line, None);
    assert_eq!(
        spell(&read.tree),
        [
            "lines[7].id 7",
            "lines[7].pack_level_code P",
            "lines[7].unmapped.message ubl/2.1/Catalogue",
            "lines[7].unmapped.place cac:RequiredRelatedItem/cbc:ID",
            "lines[7].unmapped.value R",
        ]
    );
    let wrote = mapping.write_group(&read.tree).unwrap();
    let sorted = |tree: &Tree| spell(tree).into_iter().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(sorted(&wrote.tree), sorted(&line));
    assert!(built_in("ubl/2.1/Order").write_group(&read.tree).is_none());
}

#[test]
fn a_party_known_only_by_its_own_identifier_is_written() {
    let mut order = document::order::Order { id: "1".into(), ..Default::default() };
    order.buyer = Some(crate::model::parts::Party { id: PartyId::new("gln", "8801234500012"), ..Default::default() });
    let tree = crate::model::canonical::to_tree(&order, "Order");
    let wrote = built_in("ubl/2.1/Order").write(&tree);
    assert_eq!(
        lines_with(&wrote.tree, &["Party"]),
        [
            "/Order/cac:BuyerCustomerParty/cac:Party/cac:PartyIdentification/cbc:ID 8801234500012",
            "/Order/cac:BuyerCustomerParty/cac:Party/cac:PartyIdentification/cbc:ID/@schemeID GLN",
        ]
    );
    let back = built_in("ubl/2.1/Order").read(&wrote.tree);
    assert_eq!(built_in("ubl/2.1/Order").envelope(&back.tree).sender, Some(PartyId::new("gln", "8801234500012")));
    let edifact = built_in("edifact/d96a/ORDERS").write(&back.tree);
    assert_eq!(edifact.findings, [], "its other identifiers say the same");
    assert_eq!(
        lines_with(&edifact.tree, &["C082"]),
        ["/ORDERS/SG2/NAD/C082/3039 8801234500012", "/ORDERS/SG2/NAD/C082/3055 9",]
    );
}
