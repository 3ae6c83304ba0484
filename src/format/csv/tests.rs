//! Reading and writing together.

use bytes::Bytes;

use super::*;
use crate::model::tree::Tree;

fn read(source: Source, hint: &Hint, limits: &Limits) -> (String, Vec<Tree>) {
    let mut reader = CsvReader::new(source, hint, limits).unwrap();
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
            Part::Envelope(_) => panic!("CSV has no envelope"),
        };
        out.push_str(word);
        for id in tree.ids().filter(|&id| !tree.has_children(id) && id.0 > 0) {
            let at = tree.node(id).at;
            out.push_str(&format!(" {}={}@{}:{}", tree.path(id), tree.value(id), at.line, at.column));
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

fn check_bytes(bytes: &[u8], expected: &str) {
    let expected: String = expected.lines().map(|line| format!("{}\n", line.trim())).collect();
    let source = Source::Bytes(Bytes::copy_from_slice(bytes));
    assert_eq!(read(source, &Hint::default(), &Limits::default()).0, expected);
}

fn check(text: &str, expected: &str) {
    check_bytes(text.as_bytes(), expected);
}

#[test]
fn a_korean_catalogue_in_both_character_sets() {
    let text = "품목코드,품명,단가(원),통화,비밀\r\nA-1,\"볼트, M8\",\"1,200\",KRW,x\r\nA-2,너트,90.5,,\r\n";
    let expected = "start csv/1/Catalogue
         whole row[1].item_id=A-1@2:1 row[1].name=볼트, M8@2:2 row[1].price=1200@2:3 row[1].currency=KRW@2:4 row[2].item_id=A-2@3:1 row[2].name=너트@3:2 row[2].price=90.5@3:3
         end
         Warning not-carried line 1 column 5 비밀 비밀 / csv/1/Catalogue";
    check(text, expected);
    check(&format!("\u{feff}{text}"), expected);
    let (bytes, _, _) = encoding_rs::EUC_KR.encode(text);
    check_bytes(&bytes, expected);
    let source = Source::Stream(Box::new(std::io::Cursor::new(bytes.into_owned())));
    let (streamed, _) = read(source, &Hint::default(), &Limits::default());
    let expected = "start csv/1/Catalogue
         head row.item_id=A-1@2:1 row.name=볼트, M8@2:2 row.price=1200@2:3 row.currency=KRW@2:4
         group row[1].item_id=A-1@2:1 row[1].name=볼트, M8@2:2 row[1].price=1200@2:3 row[1].currency=KRW@2:4
         group row[2].item_id=A-2@3:1 row[2].name=너트@3:2 row[2].price=90.5@3:3
         tail
         end
         Warning not-carried line 1 column 5 비밀 비밀 / csv/1/Catalogue\n";
    assert_eq!(streamed, expected.lines().map(|line| format!("{}\n", line.trim())).collect::<String>());
}

#[test]
fn rows_of_one_order_are_one_message() {
    check(
        "주문번호;품목코드;수량;납기일\n1;A;5;2026/1/3\n1;B;2,5;20260104\n2;A;1;soon\n",
        "start csv/1/Order
         whole row[1].order_id=1@2:1 row[1].item_id=A@2:2 row[1].quantity=5@2:3 row[1].requested_date=2026-01-03@2:4 row[1].line_id=1@2:0 row[2].order_id=1@3:1 row[2].item_id=B@3:2 row[2].quantity=2.5@3:3 row[2].requested_date=2026-01-04@3:4 row[2].line_id=2@3:0
         end
         start csv/1/Order
         whole row.order_id=2@4:1 row.item_id=A@4:2 row.quantity=1@4:3 row.requested_date=soon@4:4 row.line_id=1@4:0
         end",
    );
}

#[test]
fn what_is_wrong_is_found() {
    check("", "Error empty   /");
    check("a,b\n1,2\n", "Error unknown-message line 1 a, b / csv/1/Catalogue, csv/1/Order");
    check(
        "item_id,sku,price\nA,B,1,2\n\"C",
        "start csv/1/Catalogue
         whole row[1].item_id=A@2:1 row[1].price=1@2:3 row[2].item_id=C@3:1
         end
         Error syntax line 1 column 2 sku a second column for sku /
         Error unexpected line 2 column 4 2 / the end of the row
         Error truncated line 3  / \"",
    );
    check(
        "item_id,price\nA,1\n합 계,1\n,2\n",
        "start csv/1/Catalogue
         whole row[1].item_id=A@2:1 row[1].price=1@2:2 row[2].price=2@4:2
         end",
    );
    check("item_id,price\n", "start csv/1/Catalogue\nwhole\nend");
    let hint = Hint { message_type: Some(MessageType::new("csv", "1", "Order")), ..Hint::default() };
    let source = Source::Bytes(Bytes::from_static(b"item_id,quantity\nA,1\n"));
    let (found, _) = read(source, &hint, &Limits::default());
    assert_eq!(
        found,
        "start csv/1/Order\nwhole row.item_id=A@2:1 row.quantity=1@2:2 row.line_id=1@2:0\nend\nError no-column line 1  / 주문번호 (order_id)\n"
    );
    let hint = Hint { charset: Some("utf-8".to_owned()), ..Hint::default() };
    let source = Source::Bytes(Bytes::from_static(b"item_id,name\nA,\xba\xce\n"));
    let (found, _) = read(source, &hint, &Limits::default());
    assert!(found.ends_with("Error encoding line 2 byte 15 / UTF-8\n"), "{found}");
}

#[test]
fn a_table_is_written_and_read_again() {
    let text = "name,item_id,price\nbolt,A,1\n\"say \"\"x\"\"\",B,\n";
    let (_, trees) = read(Source::Bytes(Bytes::from_static(text.as_bytes())), &Hint::default(), &Limits::default());
    let (written, findings) = write(&MessageType::new("csv", "1", "Catalogue"), &trees[0]);
    assert_eq!(findings, []);
    assert_eq!(
        String::from_utf8(written).unwrap(),
        "\u{feff}item_id,name,price\r\nA,bolt,1\r\nB,\"say \"\"x\"\"\",\r\n"
    );
}
