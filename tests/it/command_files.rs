//! `check`, `convert`, `explain --mapping`, `mapping` and the help, by the real binary: what needs no hub.

use std::path::PathBuf;

use crate::program::{Said, dure};

/// A folder with files and without a hub.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Desk {
        let desk = Desk(tempfile::tempdir().unwrap());
        for name in ["order.xml", "catalogue-precision.xml", "catalogue-electronics.csv"] {
            std::fs::copy(sample(name), desk.0.path().join(name)).unwrap();
        }
        desk
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.0.path().join(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join(name)).unwrap()
    }

    fn run(&self, words: &[&str]) -> Said {
        Said::of(dure(self.0.path()).args(words).output().unwrap())
    }
}

fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("samples/demo").join(name)
}

#[test]
fn check_says_what_is_wrong_and_where() {
    let desk = Desk::new();
    let said = desk.run(&["check", "order.xml"]).code(0);
    assert_eq!(said.out, "order.xml: ubl/2.1/Order PO-2026-1124: accepted\n");
    let good = desk.read("order.xml");
    desk.file("wrong.xml", good.replacen("2026-11-24", "24.11.2026", 1).replacen("<cbc:ID>30</cbc:ID>", "", 1));
    let said = desk.run(&["check", "wrong.xml"]).code(1);
    assert!(
        said.out.contains("wrong.xml: line 8 column 3 /Order/cbc:IssueDate: error: 24.11.2026 is not a date"),
        "{said:?}"
    );
    assert!(said.out.contains("/Order/cac:OrderLine[3]/cac:LineItem"), "{said:?}");
    assert!(said.out.contains("cbc:ID is missing [missing]"), "{said:?}");
    assert!(said.out.ends_with("wrong.xml: ubl/2.1/Order PO-2026-1124: rejected\n"), "{said:?}");
    let korean = desk.run(&["--lang", "ko", "check", "wrong.xml"]).code(1);
    assert!(korean.out.contains("오류: ") && korean.out.contains("거절"), "{korean:?}");

    // Several: what is wrong with one does not hide the others; a file that is not there neither.
    let said = desk.run(&["check", "wrong.xml", "nowhere.xml", "catalogue-electronics.csv", "order.xml"]).code(2);
    for expected in
        ["wrong.xml: ubl/2.1/Order PO-2026-1124: rejected", "csv/1/Catalogue JJ-2026-11: accepted", "PO-2026-1124: acc"]
    {
        assert!(said.out.contains(expected), "{said:?}");
    }
    assert!(said.err.contains("read nowhere.xml: No such file"), "{said:?}");
    assert!(said.err.contains("1 of 4 files could not be read"), "{said:?}");
    assert!(desk.run(&["check", "."]).code(2).out.is_empty());

    let said = desk.run(&["check", "--json", "order.xml", "wrong.xml", "nowhere.xml"]).code(2);
    let list = said.json();
    assert_eq!(list.as_array().unwrap().len(), 2, "{said:?}");
    assert_eq!((&list[0]["file"], &list[0]["disposition"]), (&"order.xml".into(), &"accepted".into()));
    let finding = &list[1]["messages"][0]["findings"][0];
    assert_eq!((&finding["code"], &finding["severity"]), (&"bad-value".into(), &"error".into()));
    assert_eq!((&finding["place"]["line"], &finding["place"]["path"]), (&8.into(), &"/Order/cbc:IssueDate".into()));
    assert!(finding["text"]["ko"].as_str().unwrap().contains("24.11.2026"));
}

#[test]
fn check_reads_standard_input_and_tables_that_do_not_say_what_they_are() {
    let desk = Desk::new();
    let with = |words: &[&str], input: &[u8]| {
        use std::io::Write;
        let mut command = dure(desk.0.path());
        command.args(words).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        Said::of(child.wait_with_output().unwrap())
    };
    assert!(with(&["check", "-"], desk.read("order.xml").as_bytes()).code(0).out.starts_with("-: ubl/2.1/Order "));
    let table = "code,how many\nLM-40,3\n";
    assert!(with(&["check", "-"], table.as_bytes()).code(1).out.contains("unknown-format"));
    let (korean, _, _) = encoding_rs::EUC_KR.encode("주문번호,품목코드,수량\nPO-1,LM-40,3\n");
    for charset in [&["--charset", "euc-kr"][..], &[]] {
        let words = [&["check", "-", "--type", "csv/1/Order"][..], charset].concat();
        assert!(with(&words, &korean).code(0).out.contains("csv/1/Order PO-1: accepted"));
    }
    with(&["check", "-", "--type", "csv"], b"x").code(2);
}

#[test]
fn only_what_the_schema_says() {
    let desk = Desk::new();
    // A country that is none, a version that is not there, a wrong GTIN: the XSD knows nothing of them.
    let good = desk.read("order.xml");
    let odd = good.replacen(">KR<", ">XQ<", 1).replacen("<cbc:UBLVersionID>2.1", "<cbc:UBLVersionID>7", 1);
    desk.file("odd.xml", odd.replacen("8801234560078", "8801234560079", 1));
    assert!(desk.run(&["check", "--schema-only", "odd.xml"]).code(0).out.contains("accepted"));
    desk.file("bare.xml", good.replacen("<cbc:IssueDate>2026-11-24</cbc:IssueDate>", "", 1));
    let said = desk.run(&["check", "--schema-only", "bare.xml"]).code(1);
    assert!(said.out.contains("cbc:IssueDate is missing"), "{said:?}");
    // A later UBL 2 is judged by the same tables.
    desk.file("later.xml", good.replacen("<cbc:UBLVersionID>2.1", "<cbc:UBLVersionID>2.3", 1));
    desk.run(&["check", "--schema-only", "later.xml"]).code(0);
}

/// Bytes that nobody should send, and a word of what is said of them.
fn hostile() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let order = |inside: &str| {
        format!("<Order xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Order-2\">{inside}</Order>").into_bytes()
    };
    let attributes: String = (0..100_000).map(|n| format!(" a{n}=\"\"")).collect();
    vec![
        ("empty", Vec::new(), "empty"),
        ("zeros", vec![0; 100_000], "unknown-format"),
        ("noise", (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect(), ""),
        ("steers", b"\x1b]0;owned\x07\x1b[2Jhello".to_vec(), "unknown-format"),
        ("cut", order("<x>")[..78].to_vec(), "truncated"),
        ("deep", "<a>".repeat(50_000).into_bytes(), "too-deep"),
        ("attributes", format!("<a{attributes}/>").into_bytes(), "too-many-attributes"),
        ("laughs", b"<!DOCTYPE a [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]><a>&b;</a>".to_vec(), "doctype-refused"),
        ("entity", order("<x>&file;</x>"), "entity-refused"),
        ("encoding", b"<?xml version='1.0' encoding='UTF-8'?><a>\xff\xfe</a>".to_vec(), "encoding"),
        ("unknown encoding", b"<?xml version='1.0' encoding='x-none'?><a/>".to_vec(), "unknown-encoding"),
        ("json", b"[".repeat(100_000), "too-deep"),
        ("json cut", br#"{"type":"Order","id":"1"#.to_vec(), "truncated"),
        ("edifact", b"UNB+UNOC:3+A+B+261124:0900+1'UNH+1+ORDERS:D:96A:UN'BGM+220".to_vec(), "truncated"),
        ("quotes", b"item_id,price\n\"LM-40,1\n".to_vec(), "truncated"),
    ]
}

#[test]
fn hostile_files_are_findings() {
    let desk = Desk::new();
    for (name, bytes, code) in hostile() {
        desk.file(name, &bytes);
        for verb in [&["check"][..], &["check", "--schema-only"], &["convert", "--to", "dure-json"]] {
            let said = desk.run(&[verb, &[name]].concat()).code(1);
            let text = format!("{}{}", said.out, said.err);
            assert!(text.contains(code) && text.contains("error: "), "{verb:?} {name}: {said:?}");
            assert!(!text.contains("panicked"), "{said:?}");
            assert!(!text.contains(['\u{1b}', '\u{7}', '\0']), "nothing steers the terminal: {said:?}");
        }
        let report = desk.run(&["check", "--json", name]).code(1).json();
        assert_eq!(report[0]["disposition"], "rejected", "{name}");
    }
}

/// Converts the file and gives what could not be carried, a line each.
fn convert(desk: &Desk, to: &str, from: &str, into: &str) -> Vec<String> {
    let said = desk.run(&["convert", "--to", to, from, "-o", into]).code(0);
    assert_eq!(said.out, "");
    said.err.lines().map(str::to_owned).collect()
}

#[test]
fn convert_between_every_format_that_carries_the_type() {
    let desk = Desk::new();
    // Nothing is lost between formats that hold everything.
    for to in ["ubl-2.1", "dure-json"] {
        assert_eq!(convert(&desk, to, "order.xml", "o1"), Vec::<String>::new(), "{to}");
        assert_eq!(convert(&desk, "dure-json", "o1", "o2"), Vec::<String>::new(), "{to}");
        assert_eq!(convert(&desk, "ubl-2.1", "o2", "o3"), Vec::<String>::new(), "{to}");
        assert_eq!(convert(&desk, "dure-json", "o3", "o4"), Vec::<String>::new(), "{to}");
        assert_eq!(desk.read("o2"), desk.read("o4"), "{to}");
    }
    // What the others cannot hold is said, value by value; what they hold comes back.
    for (to, lost) in [("edifact-d96a", "customer_reference"), ("csv", "issue_time"), ("xlsx", "issue_time")] {
        let warnings = convert(&desk, to, "order.xml", "narrow");
        let expected = format!("{lost}: warning: ");
        assert!(warnings.iter().any(|line| line.starts_with(&expected)), "{to}: {warnings:?}");
        assert!(warnings.iter().all(|line| line.ends_with("[not-carried]")), "{to}: {warnings:?}");
        desk.run(&["check", "narrow"]).code(0);
        for back in ["ubl-2.1", "edifact-d96a", "dure-json", "csv", "xlsx"] {
            let warnings = convert(&desk, back, "narrow", "back");
            assert!(warnings.iter().all(|line| line.ends_with("[not-carried]")), "{to} {back}: {warnings:?}");
            let report = desk.run(&["check", "--json", "back"]).code(0).json();
            assert_eq!(report[0]["messages"][0]["number"], "PO-2026-1124", "{to} {back}");
            convert(&desk, "dure-json", "back", "ours");
            let ours: serde_json::Value = serde_json::from_str(&desk.read("ours")).unwrap();
            let lines: Vec<_> =
                ours["lines"].as_array().unwrap().iter().map(|line| &line["quantity"]["value"]).collect();
            assert_eq!(lines, ["5", "10", "4", "6"], "{to} {back}");
            assert_eq!(ours["lines"][3]["item"]["standard_item_id"]["value"], "8801234560634", "{to} {back}");
            assert_eq!(ours["buyer"]["id"], "gln:8801234500012", "{to} {back}");
        }
    }
    // A document without an envelope is addressed by its parties, and dated now.
    convert(&desk, "dure-json", "order.xml", "bare.json");
    convert(&desk, "edifact-d96a", "bare.json", "addressed.edi");
    let edifact = desk.read("addressed.edi");
    assert!(edifact.contains("+8801234500012:14+8801234500043:14+20"), "{edifact}");
    assert!(!edifact.contains("+1970"), "{edifact}");

    for from in ["catalogue-precision.xml", "catalogue-electronics.csv"] {
        for to in ["ubl-2.1", "dure-json", "csv", "xlsx"] {
            let warnings = convert(&desk, to, from, "catalogue");
            // A table does not say for whom it is, and UBL asks.
            let lacking = from.ends_with(".csv") && to == "ubl-2.1";
            let said = "line 2 column 1 /Catalogue: warning: cac:ReceiverParty is missing [missing]";
            assert_eq!(warnings.iter().any(|line| line == said), lacking, "{from} {to}: {warnings:?}");
            let report = desk.run(&["check", "--json", "catalogue"]).code(i32::from(lacking)).json();
            assert_eq!(report[0]["messages"][0]["document_type"], "Catalogue", "{from} {to}");
        }
    }
}

#[test]
fn convert_says_what_it_cannot() {
    let desk = Desk::new();
    let said = desk.run(&["convert", "--to", "edifact-d96a", "catalogue-precision.xml"]).code(1);
    assert!(said.out.is_empty() && said.err.contains("expected is ubl-2.1, dure-json, csv"), "{said:?}");
    let said = desk.run(&["convert", "--to", "word", "order.xml"]).code(2);
    assert!(said.err.contains("there are ubl-2.1, edifact-d96a, dure-json, csv"), "{said:?}");
    desk.run(&["convert", "--to", "csv", "nowhere.xml"]).code(2);
    desk.run(&["convert", "--to", "csv", "order.xml", "-o", "no/such/folder"]).code(2);
    desk.run(&["convert", "order.xml"]).code(2);
    desk.file("wrong.xml", desk.read("order.xml").replacen("2026-11-24", "gestern", 1));
    let said = desk.run(&["convert", "--to", "csv", "wrong.xml"]).code(1);
    assert!(said.out.is_empty() && said.err.contains("gestern is not"), "{said:?}");
    // As JSON: the findings, of a document that is written as of one that is not.
    let findings = desk.run(&["convert", "--json", "--to", "csv", "wrong.xml"]).code(1).json();
    assert_eq!(findings[0]["code"], "bad-value");
    let said = desk.run(&["convert", "--json", "--to", "csv", "order.xml", "-o", "order.csv"]).code(0).json();
    assert_eq!((&said["file"], &said["content_type"]), (&"order.csv".into(), &"text/csv; charset=utf-8".into()));
    assert!(said["findings"].as_array().unwrap().iter().all(|one| one["code"] == "not-carried"));
    let said = desk.run(&["convert", "--json", "--to", "xlsx", "order.xml", "-o", "order.xlsx"]).code(0).json();
    assert_eq!(said["content_type"], "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
    // To standard output comes the document and nothing else.
    let said = desk.run(&["convert", "--to", "csv", "order.xml"]).code(0);
    assert_eq!(said.out, desk.read("order.csv"));
    // Two in one file are two conversions.
    convert(&desk, "dure-json", "order.xml", "one.json");
    desk.file("two.json", format!("[{},{}]", desk.read("one.json"), desk.read("one.json")));
    assert!(desk.run(&["convert", "--to", "csv", "two.json"]).code(1).err.contains("too-many"));
}

#[test]
fn workbooks_are_checked_with_their_cells() {
    let desk = Desk::new();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("samples/sheets");
    for name in ["order.xlsx", "orders.xls", "catalogue.xlsx"] {
        desk.file(name, std::fs::read(folder.join(name)).unwrap());
    }
    let said = desk.run(&["check", "order.xlsx", "orders.xls", "catalogue.xlsx"]).code(0);
    for expected in [
        "order.xlsx: sheet/1/Order PO-2026-1130: accepted",
        "orders.xls: sheet/1/Order PO-2026-1131: accepted",
        "orders.xls: sheet/1/Order PO-2026-1132: accepted",
        "catalogue.xlsx: sheet/1/Catalogue JM-2026-12: accepted",
        "sheet 발주서 cell S5 담당: warning: ",
    ] {
        assert!(said.out.contains(expected), "{said:?}");
    }
    convert(&desk, "csv", "order.xlsx", "order.csv");
    convert(&desk, "dure-json", "order.csv", "a.json");
    convert(&desk, "xlsx", "a.json", "again.xlsx");
    convert(&desk, "dure-json", "again.xlsx", "b.json");
    assert_eq!(desk.read("a.json"), desk.read("b.json"));
    // By what it is, not by how it is called.
    std::fs::rename(desk.0.path().join("again.xlsx"), desk.0.path().join("again.zip")).unwrap();
    let said = desk.run(&["check", "--json", "again.zip"]).code(0).json();
    assert_eq!((&said[0]["format"], &said[0]["messages"][0]["number"]), (&"xlsx".into(), &"PO-2026-1130".into()));
}

#[test]
fn mappings_are_told() {
    let desk = Desk::new();
    let list = desk.run(&["mapping", "list", "--json"]).code(0).json();
    let names: Vec<_> = list.as_array().unwrap().iter().map(|one| one["message"].as_str().unwrap()).collect();
    assert!(names.contains(&"ubl/2.1/Order") && names.contains(&"csv/1/Catalogue"), "{names:?}");
    let table = desk.run(&["mapping", "list"]).code(0);
    assert_eq!(table.out.lines().count(), names.len() + 1, "{table:?}");
    for name in names {
        let explained = desk.run(&["explain", "--mapping", name, "--json"]).code(0).json();
        let rows = explained["rows"].as_array().unwrap();
        assert!(!rows.is_empty(), "{name}");
        for row in rows {
            assert!(["both", "read", "write"].contains(&row["way"].as_str().unwrap()), "{name} {row}");
        }
        assert_eq!(explained, desk.run(&["mapping", "show", name, "--json"]).code(0).json());
    }
    let said = desk.run(&["explain", "--mapping", "edifact/d96a/ORDERS"]).code(0);
    assert!(said.out.lines().any(|line| line.starts_with("buyer.id ") && line.contains("SG2[BY]")), "{said:?}");
    let said = desk.run(&["explain", "--mapping", "edifact/d96a/INVOIC"]).code(2);
    assert!(said.err.contains("there are ") && said.err.contains("ubl/2.1/Order"), "{said:?}");
    desk.run(&["explain", "--mapping", "nonsense"]).code(2);
    desk.run(&["explain", "--mapping", "ubl/2.1/Order", "order.xml"]).code(2);
    // There is no hub here, and a document is explained in the light of one.
    assert!(desk.run(&["explain", "order.xml"]).code(2).err.contains("dure init"));
}

/// The names behind `Commands:`, without `help`.
fn verbs(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let named = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).filter(|name| name != "help").collect()
}

#[test]
fn every_verb_has_a_help_that_says_what_it_does() {
    let desk = Desk::new();
    let mut waiting: Vec<Vec<String>> = vec![Vec::new()];
    let mut seen = 0;
    while let Some(path) = waiting.pop() {
        let mut words: Vec<&str> = path.iter().map(String::as_str).collect();
        words.push("--help");
        let said = desk.run(&words).code(0);
        assert_eq!(said.err, "", "{path:?}");
        assert!(said.out.contains("Usage: dure"), "{path:?}");
        for global in ["--json", "--lang", "--config"] {
            assert!(said.out.contains(global), "{path:?} {global}");
        }
        // A first sentence, and not a name that is repeated.
        assert!(said.out.lines().next().unwrap().split_whitespace().count() >= 2, "{path:?}: {}", said.out);
        let below = verbs(&said.out);
        if below.is_empty() {
            seen += 1;
            let short: Vec<&str> = path.iter().map(String::as_str).chain(["-h"]).collect();
            desk.run(&short).code(0);
            let unknown: Vec<&str> = path.iter().map(String::as_str).chain(["--no-such-option"]).collect();
            assert!(desk.run(&unknown).code(2).err.contains("--no-such-option"), "{path:?}");
        }
        waiting.extend(below.into_iter().map(|name| [path.clone(), vec![name]].concat()));
    }
    assert!(seen > 30, "{seen}");
    let secret = desk.run(&["secret", "set", "--help"]).code(0);
    assert!(secret.out.contains("secret set courier:"), "the name under which a courier's secret is looked for");
}
