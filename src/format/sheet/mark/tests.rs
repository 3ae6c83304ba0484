//! Workbooks of other programs and of our own, marked, read again, corrected and marked again.

use super::*;
use crate::model::finding::{Code, Place};

const ORDER: &[u8] = include_bytes!("../../../../samples/sheets/order.xlsx");
const ORDERS_XLS: &[u8] = include_bytes!("../../../../samples/sheets/orders.xls");

fn at(sheet: &str, cell: &str, severity: Severity, found: &str) -> Finding {
    let place = Place { sheet: Some(sheet.to_owned()), cell: Some(cell.to_owned()), ..Place::default() };
    Finding { severity, ..Finding::error(Code::UnknownItem, place).found(found) }
}

fn marked_of(bytes: &[u8], findings: &[Finding]) -> Vec<u8> {
    let bytes = Bytes::copy_from_slice(bytes);
    mark(bytes, &Hint::default(), &Limits::default(), findings, Language::Ko).unwrap()
}

/// What a reader of ours says of bytes.
fn read(bytes: &[u8]) -> String {
    let source = crate::format::Source::Bytes(Bytes::copy_from_slice(bytes));
    let mut reader = crate::format::open(source, &Hint::default(), Limits::default()).unwrap();
    let mut findings = crate::model::finding::Findings::default();
    let mut out = String::new();
    while let Some(part) = reader.next(&mut findings).unwrap() {
        if let crate::format::Part::Whole(tree) = part {
            for id in tree.ids().filter(|&id| !tree.has_children(id)) {
                let cell = tree.place(id).cell.unwrap_or_default();
                out.push_str(&format!("{}={}@{cell}\n", tree.path(id), tree.value(id)));
            }
        }
    }
    out
}

fn parts(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut out = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut content).unwrap();
        out.insert(file.name().unwrap().into_owned(), content);
    }
    out
}

fn text(parts: &BTreeMap<String, Vec<u8>>, name: &str) -> String {
    String::from_utf8(parts.get(name).unwrap_or_else(|| panic!("{name} in {:?}", parts.keys())).clone()).unwrap()
}

#[test]
fn only_what_must_change_does() {
    let findings = [
        at("발주서", "L6", Severity::Error, "LM-40"),
        at("발주서", "L6", Severity::Warning, "other"),
        at("발주서", "Z40", Severity::Warning, "far"),
        Finding::error(Code::Missing, Place { line: Some(7), sheet: Some("발주서".to_owned()), ..Place::default() }),
        Finding::note(Code::Repeat, Place::default()),
    ];
    let (before, after) = (parts(ORDER), marked_of(ORDER, &findings));
    assert_eq!(read(ORDER), read(&after));
    let after = parts(&after);
    let changed: Vec<&str> = after
        .iter()
        .filter(|(name, content)| before.get(*name) != Some(content))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(
        changed,
        [
            "[Content_Types].xml",
            "xl/comments1.xml",
            "xl/drawings/vmlDrawing1.vml",
            "xl/styles.xml",
            "xl/worksheets/_rels/sheet1.xml.rels",
            "xl/worksheets/sheet1.xml"
        ]
    );
    assert!(before.keys().all(|name| after.contains_key(name)));
    let comments = text(&after, "xl/comments1.xml");
    assert!(comments.contains("ref=\"L6\"") && comments.contains("LM-40 품목이 목록에 없습니다\nother"), "{comments}");
    assert!(comments.contains("ref=\"K7\"") && comments.contains("ref=\"Z40\""), "{comments}");
    assert_eq!(comments.matches("<comment ").count(), 3);
}

#[test]
fn the_next_mark_takes_the_place_of_the_first() {
    let first = marked_of(ORDER, &[at("발주서", "L6", Severity::Error, "x"), at("발주서", "A6", Severity::Error, "y")]);
    let second = marked_of(&first, &[at("발주서", "A6", Severity::Warning, "z")]);
    let after = parts(&second);
    let comments = text(&after, "xl/comments1.xml");
    assert!(comments.matches("<comment ").count() == 1 && comments.contains("z 품목"), "{comments}");
    assert_eq!(text(&after, "xl/drawings/vmlDrawing1.vml").matches("<v:shape ").count(), 1);
    let third = parts(&marked_of(&second, &[]));
    assert_eq!(text(&third, "xl/comments1.xml").matches("<comment ").count(), 0);
    assert_eq!(read(&second), read(ORDER));
}

#[test]
fn the_old_format_and_text_come_back_as_workbooks() {
    let marked = marked_of(ORDERS_XLS, &[at("발주", "F5", Severity::Error, "0100")]);
    assert!(is_workbook(&marked));
    assert_eq!(read(&marked), read(ORDERS_XLS));
    let table = "order_id,item_id,quantity,note\n1,007,5,\"two\nlines\"\n\n1,008,x,\n";
    let place = Place { line: Some(5), column: Some(3), ..Place::default() };
    let marked = marked_of(table.as_bytes(), &[Finding::error(Code::BadValue, place).found("x").expected("a number")]);
    let found = read(&marked);
    assert!(found.contains("row[1].item_id=007@B2") && found.contains("row[2].item_id=008@B4"), "{found}");
    let comments = text(&parts(&marked), "xl/comments1.xml");
    assert!(comments.contains("ref=\"C4\""), "{comments}");
}

proptest::proptest! {
    #[test]
    fn broken_workbooks_never_panic(index in 0usize..7000, byte in proptest::prelude::any::<u8>()) {
        let mut bytes = ORDER.to_vec();
        let length = bytes.len();
        bytes[index % length] = byte;
        let finding = [at("발주서", "L6", Severity::Error, "x")];
        if let Ok(marked) = mark(bytes.into(), &Hint::default(), &Limits::default(), &finding, Language::En) {
            proptest::prop_assert!(is_workbook(&marked));
        }
    }
}

#[test]
fn paths_of_parts() {
    assert_eq!(path_from("xl/worksheets/sheet1.xml", "../comments1.xml"), "xl/comments1.xml");
    assert_eq!(path_from("xl/worksheets/sheet1.xml", "/xl/a.xml"), "xl/a.xml");
    assert_eq!(relations_of("xl/workbook.xml"), "xl/_rels/workbook.xml.rels");
}
