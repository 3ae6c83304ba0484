//! Reading and writing together: the workbooks of `samples/sheets/`, which other programs wrote, and small ones made here.

use std::io::{Cursor, Write};

use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::model::finding::Language;
use crate::model::tree::Tree;

const ORDER: &[u8] = include_bytes!("../../../samples/sheets/order.xlsx");
const CATALOGUE: &[u8] = include_bytes!("../../../samples/sheets/catalogue.xlsx");
const ORDERS_XLS: &[u8] = include_bytes!("../../../samples/sheets/orders.xls");

fn read_with(source: Source, hint: &Hint, limits: &Limits) -> (String, Vec<Tree>) {
    let mut reader = SheetReader::new(source, hint, limits).unwrap();
    let mut findings = Findings::default();
    let (mut out, mut trees) = (String::new(), Vec::new());
    while let Some(part) = reader.next(&mut findings).unwrap() {
        let (word, tree) = match part {
            Part::Start(start) => {
                out.push_str(&format!("start {}\n", start.message_type));
                continue;
            }
            Part::End => {
                out.push_str("end\n");
                continue;
            }
            Part::Whole(tree) => ("whole", tree),
            Part::Head(tree) => ("head", tree),
            Part::Group(tree) => ("group", tree),
            Part::Tail(tree) => ("tail", tree),
            Part::Envelope(_) => panic!("a workbook has no envelope"),
        };
        out.push_str(word);
        for id in tree.ids().filter(|&id| !tree.has_children(id) && id.0 > 0) {
            let cell = tree.place(id).cell.unwrap_or_default();
            out.push_str(&format!(" {}={}@{cell}", tree.path(id), tree.value(id)));
        }
        out.push('\n');
        trees.push(tree);
    }
    for f in findings.as_slice() {
        let line = format!("{:?} {} {} {} / {}", f.severity, f.code.as_str(), f.place, f.found, f.expected);
        out.push_str(line.trim_end());
        out.push('\n');
    }
    (out, trees)
}

fn read(bytes: &[u8]) -> String {
    read_with(Source::Bytes(Bytes::copy_from_slice(bytes)), &Hint::default(), &Limits::default()).0
}

fn check(bytes: &[u8], expected: &str) {
    assert_eq!(read(bytes), expected.lines().map(|line| format!("{}\n", line.trim())).collect::<String>());
}

fn zipped(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A workbook of sheets given as the XML of their rows and what stands behind those.
fn workbook(properties: &str, strings: &str, sheets: &[(&str, &str)]) -> Vec<u8> {
    let kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let (mut list, mut related) = (String::new(), String::new());
    let mut parts: Vec<(String, String)> = Vec::new();
    for (index, (name, rows)) in sheets.iter().enumerate() {
        list.push_str(&format!("<x:sheet name=\"{name}\" sheetId=\"{index}\" r:id=\"s{index}\"/>"));
        related.push_str(&format!(
            "<Relationship Id=\"s{index}\" Type=\"{kind}/worksheet\" Target=\"/xl/worksheets/{index}.xml\"/>"
        ));
        parts.push((format!("xl/worksheets/{index}.xml"), format!("<worksheet>{rows}</worksheet>")));
    }
    related.push_str(&format!("<Relationship Id=\"a\" Type=\"{kind}/sharedStrings\" Target=\"strings.xml\"/>"));
    related.push_str(&format!("<Relationship Id=\"b\" Type=\"{kind}/styles\" Target=\"styles.xml\"/>"));
    parts.push(("xl/strings.xml".to_owned(), format!("<sst>{strings}</sst>")));
    let styles = "<styleSheet><numFmts><numFmt numFmtId=\"170\" formatCode=\"yyyy&quot;년&quot; m&quot;월&quot;\"/></numFmts>\
         <cellStyleXfs><xf numFmtId=\"9\"/></cellStyleXfs><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"170\"/></cellXfs>\
         </styleSheet>";
    parts.push(("xl/styles.xml".to_owned(), styles.to_owned()));
    parts.push((
        "xl/workbook.xml".to_owned(),
        format!("<x:workbook><x:workbookPr {properties}/><x:sheets>{list}</x:sheets></x:workbook>"),
    ));
    parts.push(("xl/_rels/workbook.xml.rels".to_owned(), format!("<Relationships>{related}</Relationships>")));
    let parts: Vec<(&str, &str)> = parts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    zipped(&parts)
}

/// Rows of text cells.
fn rows(rows: &[&[&str]]) -> String {
    let mut out = "<sheetData>".to_owned();
    for row in rows {
        out.push_str("<row>");
        for cell in *row {
            out.push_str(&format!("<c t=\"inlineStr\"><is><t>{cell}</t></is></c>"));
        }
        out.push_str("</row>");
    }
    out + "</sheetData>"
}

#[test]
fn an_order_form_with_title_merged_cells_total_and_remark() {
    check(
        ORDER,
        "start sheet/1/Order
         whole row[1].order_id=PO-2026-1130@A6 row[1].issue_date=2026-11-24@B6 row[1].buyer_id=gln:8801234500012@C6 row[1].buyer_name=표본상사(주)@D6 row[1].seller_id=gln:8801234500043@E6 row[1].delivery_name=천안 2공장@F6 row[1].delivery_postal_zone=04524@G6 row[1].delivery_street=번영로 00@H6 row[1].currency=KRW@I6 row[1].requested_date=2026-12-04@J6 row[1].line_id=1@K6 row[1].item_id=LM-40@L6 row[1].name=레이저 거리계 LM-40@M6 row[1].gtin=08801234500011@N6 row[1].quantity=8@O6 row[1].unit=EA@P6 row[1].price=540000@Q6 row[1].amount=4320000@R6 row[2].order_id=PO-2026-1130@A7 row[2].issue_date=2026-11-24@B7 row[2].buyer_id=gln:8801234500012@C7 row[2].buyer_name=표본상사(주)@D7 row[2].seller_id=gln:8801234500043@E7 row[2].delivery_name=천안 2공장@F7 row[2].delivery_postal_zone=04524@G7 row[2].delivery_street=번영로 00@H7 row[2].currency=KRW@I7 row[2].requested_date=2026-12-04@J7 row[2].line_id=2@K7 row[2].item_id=T-2@L7 row[2].name=교정용 타깃 T-2@M7 row[2].gtin=08801234500028@N7 row[2].quantity=20@O7 row[2].unit=EA@P7 row[2].price=25000@Q7 row[2].amount=500000@R7
         end
         Warning not-carried sheet 발주서 cell S5 담당 담당 / sheet/1/Order
         Warning not-carried sheet 발주서 cell A10 ※ 납품 전 하루 먼저 연락 바랍니다. / sheet/1/Order",
    );
}

#[test]
fn a_catalogue_on_two_sheets_in_two_languages() {
    check(
        CATALOGUE,
        "start sheet/1/Catalogue
         whole row[1].catalogue_id=JM-2026-12@A4 row[1].issue_date=2026-11-24@B4 row[1].supplier_id=gln:8801234500029@C4 row[1].supplier_name=표본정밀(주)@D4 row[1].item_id=00123@E4 row[1].name=디지털 버니어캘리퍼스 150 mm@F4 row[1].description=최소 눈금 0.01 mm@G4 row[1].gtin=8801234560634@H4 row[1].price=38500.00@I4 row[1].currency=KRW@J4 row[1].unit=EA@K4 row[1].minimum_quantity=1@L4 row[1].lead_time_days=3@M4 row[1].tax_rate=10@N4 row[1].origin_country=KR@O4 row[2].catalogue_id=JM-2026-12@A5 row[2].issue_date=2026-11-24@B5 row[2].supplier_id=gln:8801234500029@C5 row[2].supplier_name=표본정밀(주)@D5 row[2].item_id=00124@E5 row[2].name=외측 마이크로미터 0~25 mm@F5 row[2].description=최소 눈금 0.001 mm@G5 row[2].gtin=8801234560641@H5 row[2].price=62000.50@I5 row[2].currency=KRW@J5 row[2].unit=EA@K5 row[2].minimum_quantity=2@L5 row[2].lead_time_days=5@M5 row[2].tax_rate=10@N5 row[2].origin_country=KR@O5
         end
         start sheet/1/Catalogue
         whole row.catalogue_id=JM-2026-12-E@A2 row.supplier_id=gln:8801234500029@B2 row.item_id=J-7@C2 row.name=V-block 75 mm@D2 row.price=27000@E2 row.currency=KRW@F2 row.unit=EA@G2 row.tax_rate=10@H2
         end",
    );
    let source = Source::Stream(Box::new(Cursor::new(CATALOGUE)));
    let (streamed, _) = read_with(source, &Hint::default(), &Limits::default());
    let words: Vec<&str> = streamed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(words, ["start", "head", "group", "group", "tail", "end", "start", "head", "group", "tail", "end"]);
}

#[test]
fn two_orders_in_the_old_format() {
    check(
        ORDERS_XLS,
        "start sheet/1/Order
         whole row[1].order_id=PO-2026-1131@A3 row[1].issue_date=2026-11-24@B3 row[1].buyer_id=gln:8801234500012@C3 row[1].seller_id=gln:8801234500043@D3 row[1].currency=KRW@E3 row[1].item_id=0070@F3 row[1].name=육각 볼트 M8×30@G3 row[1].quantity=1000@H3 row[1].unit=EA@I3 row[1].price=90.5@J3 row[1].note=급함@K3 row[1].line_id=1@ row[2].order_id=PO-2026-1131@A4 row[2].issue_date=2026-11-24@B4 row[2].buyer_id=gln:8801234500012@C4 row[2].seller_id=gln:8801234500043@D4 row[2].currency=KRW@E4 row[2].item_id=0071@F4 row[2].name=육각 너트 M8@G4 row[2].quantity=2500@H4 row[2].unit=EA@I4 row[2].price=45@J4 row[2].line_id=2@
         end
         start sheet/1/Order
         whole row.order_id=PO-2026-1132@A5 row.issue_date=2026-11-24@B5 row.buyer_id=gln:8801234500012@C5 row.seller_id=gln:8801234500043@D5 row.currency=KRW@E5 row.item_id=0100@F5 row.name=스프링 와셔 M8@G5 row.quantity=0.5@H5 row.unit=EA@I5 row.price=12000@J5 row.note=TRUE@K5 row.line_id=1@
         end",
    );
}

#[test]
fn cells_are_what_people_see() {
    let strings = "<si><t>품목코드</t></si><si><r><t>품</t></r><r><t xml:space=\"preserve\">명 </t></r><rPh><t>ignored</t></rPh></si><si/>\
         <si><t>A &amp; B&#10;_x0043_</t></si><si><t>단가</t></si><si><t>작성일</t></si>";
    let sheet = "<sheetData><row r=\"3\"><c r=\"B3\" t=\"s\"><v>0</v></c><c r=\"C3\" t=\"s\"><v>1</v></c><c r=\"D3\" t=\"s\"><v>4</v></c>\
         <c r=\"E3\" t=\"s\"><v>5</v></c></row><row r=\"7\"><c r=\"B7\"><f>1+1</f><v>8.80123456E+12</v></c><c r=\"C7\" t=\"s\"><v>3</v></c>\
         <c r=\"D7\"><f>A1*0.1</f><v>0.30000000000000004</v></c><c r=\"E7\" s=\"1\"><v>44591</v></c></row>\
         <row r=\"9\"><c r=\"B9\" t=\"str\"><f>\"x\"</f><v>007</v></c><c r=\"C9\" t=\"e\"><v>#REF!</v></c><c r=\"D9\" t=\"e\"><v>#N/A</v></c>\
         <c r=\"E9\" s=\"2\"><v>44591.25</v></c><c r=\"H9\" t=\"b\"><v>1</v></c></row><row r=\"10\"/></sheetData>";
    check(
        &workbook("date1904=\"1\"", strings, &[("가격", sheet)]),
        "start sheet/1/Catalogue
         whole row[1].item_id=8801234560000@B7 row[1].name=A & B
         C@C7 row[1].price=0.3@D7 row[1].issue_date=2026-01-31@E7 row[2].item_id=007@B9 row[2].name=#REF!@C9 row[2].price=#N/A@D9 row[2].issue_date=2026-01-31@E9
         end
         Error bad-value sheet 가격 cell C9 name #REF! / a value
         Warning not-carried sheet 가격 cell H9 TRUE / sheet/1/Catalogue",
    );
}

#[test]
fn what_is_wrong_is_found() {
    check(b"", "Error empty   /");
    check(b"PK\x03\x04 cut", "Error syntax  the workbook is damaged /");
    check(b"no workbook", "Error syntax  the workbook is damaged /");
    check(&zipped(&[("word/document.xml", "<w/>")]), "Error unknown-format  PK /");
    check(&workbook("", "", &[("a", "<sheetData/>")]), "Error empty   /");
    check(
        &workbook("", "", &[("빈 시트", "<sheetData/>"), ("안내", &rows(&[&["아무", "말"]]))]),
        "Error unknown-message line 1 sheet 안내 아무, 말 / sheet/1/Catalogue, sheet/1/Order",
    );
    let header: &[&str] = &["item_id", "price"];
    check(&workbook("", "", &[("a", &rows(&[header]))]), "start sheet/1/Catalogue\nwhole\nend");
    let cut = workbook("", "", &[("a", "<sheetData><row><c t=\"inlineStr\"><is><t>item_id</t></is></c>")]);
    check(&cut, "Error syntax sheet a the workbook is damaged /");
    let doctype = workbook("", "<!DOCTYPE sst [<!ENTITY a \"b\">]>", &[("a", &rows(&[header]))]);
    check(&doctype, "Error doctype-refused   /");
    let limits = Limits { whole_bytes: 100_000, attributes: 3, ..Limits::default() };
    let wide = workbook("", "", &[("a", &rows(&[header, &["A", "1", "", "", "x"]]))]);
    let (found, _) = read_with(Source::Bytes(wide.into()), &Hint::default(), &limits);
    assert!(found.contains("Error too-many-attributes sheet a cell E2  / 3"), "{found}");
    let bomb = workbook("", &"<si><t>aaaa</t></si>".repeat(50_000), &[("a", &rows(&[header]))]);
    assert!(bomb.len() < 100_000);
    let (found, _) = read_with(Source::Bytes(bomb.into()), &Hint::default(), &limits);
    assert_eq!(found, "Error too-large  the unpacked workbook / 500000 bytes\n");
    let (found, _) = read_with(Source::Bytes(vec![b'a'; 100_001].into()), &Hint::default(), &limits);
    assert_eq!(found, "Error too-large  the unpacked workbook / 100000 bytes\n");
}

#[test]
fn a_header_is_found_below_words_of_the_head_and_again_on_the_next_page() {
    let table = rows(&[
        &["주문일", "구매자", "비고"],
        &["2026-01-31", "표본상사(주)"],
        &["po no", "ITEM CODE", "Qty"],
        &["1", "A", "2"],
        &["PO No.", "Item Code", "QTY"],
        &["1", "B", "3"],
        &["Total", "", "5"],
    ]);
    check(
        &workbook("", "", &[("Orders", &table)]),
        "start sheet/1/Order
         whole row[1].issue_date=2026-01-31@A2 row[1].buyer_name=표본상사(주)@B2 row[1].order_id=1@A4 row[1].item_id=A@B4 row[1].quantity=2@C4 row[1].line_id=1@ row[2].order_id=1@A6 row[2].item_id=B@B6 row[2].quantity=3@C6 row[2].line_id=2@
         end",
    );
    let hint = Hint { message_type: Some(MessageType::new("sheet", "1", "Order")), ..Hint::default() };
    let source = Source::Bytes(workbook("", "", &[("a", &rows(&[&["item_id", "quantity"], &["A", "1"]]))]).into());
    let (found, _) = read_with(source, &hint, &Limits::default());
    assert_eq!(
        found,
        "start sheet/1/Order\nwhole row.item_id=A@A2 row.quantity=1@B2 row.line_id=1@\nend\nError no-column line 1 sheet a  / 주문번호 (order_id)\n"
    );
}

#[test]
fn a_form_above_the_table_says_what_belongs_to_the_whole_order() {
    let table = rows(&[
        &["발 주 서"],
        &["발주번호", "PO-5", "발주일자", "2026. 1. 3."],
        &["납품처", "천안 2공장", "통화", "KRW"],
        &[],
        &["품목코드", "수량", "단가"],
        &["A", "2", "100"],
        &["B", "3", "200"],
        &["합계", "5"],
    ]);
    check(
        &workbook("", "", &[("발주", &table)]),
        "start sheet/1/Order
         whole row[1].order_id=PO-5@B2 row[1].issue_date=2026-01-03@D2 row[1].delivery_name=천안 2공장@B3 row[1].currency=KRW@D3 row[1].item_id=A@A6 row[1].quantity=2@B6 row[1].price=100@C6 row[1].line_id=1@ row[2].order_id=PO-5@B2 row[2].item_id=B@A7 row[2].quantity=3@B7 row[2].price=200@C7 row[2].line_id=2@
         end",
    );
}

/// Values of a tree with their paths.
fn values(tree: &Tree) -> Vec<(String, String)> {
    let leaves = tree.ids().filter(|&id| !tree.has_children(id));
    let mut values: Vec<_> = leaves.map(|id| (tree.path(id), tree.value(id).to_owned())).collect();
    // Columns are written in the order of the schema.
    values.sort();
    values
}

#[test]
fn what_is_written_is_read_again() {
    let bytes = |bytes: &'static [u8]| Source::Bytes(Bytes::from_static(bytes));
    for (sample, name) in [(ORDER, "Order"), (CATALOGUE, "Catalogue"), (ORDERS_XLS, "Order")] {
        let (_, trees) = read_with(bytes(sample), &Hint::default(), &Limits::default());
        for tree in &trees {
            for language in [Language::Ko, Language::En] {
                let (written, findings) = write(&MessageType::new("sheet", "1", name), tree, language);
                assert_eq!(findings, []);
                assert!(is_workbook(&written));
                let (found, again) = read_with(Source::Bytes(written.into()), &Hint::default(), &Limits::default());
                assert_eq!(values(tree), values(&again[0]), "{found}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_written_and_read_again(
        items in proptest::collection::vec("[0-9a-zA-Z가-힣_&<>\"'#%.,=-]{1,12}", 1..5),
        price in "[0-9]{1,18}(\\.[0-9]{1,10})?",
        day in "20[0-9]{2}-[01][0-9]-[0-3][0-9]",
    ) {
        let mut text = "item_id,name,price,issue_date\n".to_owned();
        for item in &items {
            let quoted = item.replace('"', "\"\"");
            text.push_str(&format!("\"i{quoted}\",\"{quoted}\",{price},{day}\n"));
        }
        let mut reader =
            crate::format::csv::CsvReader::new(Source::Bytes(text.into()), &Hint::default(), &Limits::default()).unwrap();
        let mut trees = Vec::new();
        while let Some(part) = reader.next(&mut Findings::default()).unwrap() {
            if let Part::Whole(tree) = part {
                trees.push(tree);
            }
        }
        let (written, findings) = write(&MessageType::new("sheet", "1", "Catalogue"), &trees[0], Language::Ko);
        prop_assert_eq!(findings, []);
        let (found, again) = read_with(Source::Bytes(written.into()), &Hint::default(), &Limits::default());
        prop_assert_eq!(values(&trees[0]), values(&again[0]), "{}", found);
    }

    #[test]
    fn broken_workbooks_never_panic(at in 0usize..7000, byte in any::<u8>(), cut in 0usize..7000, old in any::<bool>()) {
        let mut bytes = if old { ORDERS_XLS } else { ORDER }.to_vec();
        let length = bytes.len();
        bytes[at % length] = byte;
        read(&bytes);
        bytes.truncate(cut % length);
        read(&bytes);
    }
}
