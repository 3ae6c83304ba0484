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
fn spell(tree: &Tree) -> Vec<String> {
    tree.ids()
        .filter(|&id| !tree.value(id).trim().is_empty())
        .map(|id| format!("{} {}", tree.path(id), tree.value(id).trim()))
        .collect()
}

fn built_in(message: &str) -> Arc<Mapping> {
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
