//! Reading and writing together.

use super::*;
use crate::model::name::Name;

/// Parts, findings and the trees in one spelling.
fn read(source: Source, limits: &Limits) -> String {
    read_with(JsonReader::new(source, &Hint::default(), limits).unwrap())
}

fn read_with(mut reader: JsonReader) -> String {
    let mut findings = Findings::default();
    let mut out = String::new();
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
            Part::Envelope(_) => panic!("JSON has no envelope"),
        };
        out.push_str(word);
        for id in tree.ids() {
            let at = tree.node(id).at;
            let path = if id.0 == 0 && tree.ordinal == 0 { tree.name_text(id).to_owned() } else { tree.path(id) };
            out.push_str(&format!(" {path}={}@{}:{}", tree.value(id), at.line, at.column));
        }
        out.push('\n');
    }
    for f in findings.as_slice() {
        out.push_str(
            format!("{:?} {} {} {} / {}\n", f.severity, f.code.as_str(), f.place, f.found, f.expected).trim_end(),
        );
        out.push('\n');
    }
    out
}

fn check(text: &str, expected: &str) {
    for word in ["id", "notes", "lines", "quantity", "value", "parts", "partial"] {
        Name::intern(word);
    }
    let expected: String = expected.lines().map(|line| format!("{}\n", line.trim())).collect();
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    assert_eq!(read(Source::Bytes(bytes.clone()), &Limits::default()), expected);
    assert_eq!(read(Source::Stream(Box::new(std::io::Cursor::new(bytes))), &Limits::default()), expected, "stream");
}

#[test]
fn a_document_becomes_a_tree() {
    check(
        "{\"id\": \"4711\", \"type\": \"Order\", \"notes\": [\"a\", \"b\", null],\n \"lines\": [{\"quantity\": {\"value\": 12.50}}, {\"partial\": true}], \"x\": null}",
        "start dure/1/Order
         whole Order=@1:1 id=4711@1:8 notes[1]=a@1:43 notes[2]=b@1:48 lines[1]=@2:12 lines[1].quantity=@2:25 lines[1].quantity.value=12.50@2:35 lines[2]=@2:44 lines[2].partial=true@2:56
         end",
    );
}

#[test]
fn an_array_is_several_messages() {
    check(
        "[{\"type\":\"order\",\"id\":1}, 5, {\"type\":\"Nothing\"}, {\"id\":2}, {\"type\":\"Party\"}]",
        "start dure/1/Order
         whole Order=@1:2 id=1@1:23
         end
         start dure/1/Nothing
         end
         start dure/1/Party
         whole Party=@1:60
         end
         Error unexpected line 1 column 27 a value / an object
         Error unknown-message line 1 column 30 type Nothing / Account, Agreement, ApplicationResponse, Catalogue, DespatchAdvice, Notice, Order, OrderResponse, Party, Statement, TransportationStatus
         Error missing line 1 column 50 type  / type",
    );
}

#[test]
fn what_is_wrong_is_found_once_and_placed() {
    check(
        "{\"type\":\"Order\",\"id\":1,\"id\":2,\"parts\":[[1],2]}",
        "start dure/1/Order
         whole Order=@1:1 id=1@1:22 parts=2@1:44
         end
         Error syntax line 1 column 24 id id stands twice in one object /
         Error unexpected line 1 column 40 parts a list in a list / a value",
    );
    check("{\"type\":\"Order\",\"id\":", "start dure/1/Order\nend\nError truncated line 1 column 22  / a value");
    check("7", "Error unexpected line 1 column 1 a single value / an object with a type");
    check(
        "{\"type\":\"Order\"} x",
        "start dure/1/Order\nwhole Order=@1:1\nend\nError syntax line 1 column 18 x instead of the end /",
    );
    check("", "Error empty   /");
}

#[test]
fn sizes_are_bounded() {
    let small = Limits { whole_bytes: 100, nodes: 10, attributes: 3, depth: 5, token_bytes: 1_000 };
    let found = |text: &str| {
        let text = read(Source::Bytes(Bytes::copy_from_slice(text.as_bytes())), &small);
        text.lines().last().unwrap_or("").to_owned()
    };
    let long = format!("{{\"type\":\"Order\",\"a\":\"{}\",\"b\":1}}", "x".repeat(200));
    assert_eq!(found(&long), "Error too-large line 1 column 224 223 bytes / 100 bytes");
    assert_eq!(
        found("{\"type\":\"Order\",\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1}"),
        "Error too-many-attributes line 1 column 29 c  / 3"
    );
    assert_eq!(
        found("{\"type\":\"Order\",\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}"),
        "Error too-deep line 1 column 41  / 5"
    );
}

#[test]
fn a_tree_is_written_and_read_again() {
    check("{\"type\":\"Order\"}", "start dure/1/Order\nwhole Order=@1:1\nend");
    let text = "{\"type\":\"Order\",\"id\":\"47\\\"11\",\"notes\":[\"a\",\"b\\n\"],\"lines\":[{\"quantity\":{\"value\":\"12.50\"}},{\"id\":\"2\"}]}\n";
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    let mut reader = JsonReader::new(Source::Bytes(bytes), &Hint::default(), &Limits::default()).unwrap();
    let mut trees = Vec::new();
    while let Some(part) = reader.next(&mut Findings::default()).unwrap() {
        if let Part::Whole(tree) = part {
            trees.push(tree);
        }
    }
    let (written, findings) = write(&MessageType::new("dure", "1", "Order"), &trees[0]);
    assert_eq!(findings, []);
    assert_eq!(String::from_utf8(written).unwrap(), text);
}

/// As a catalogue so large that it is cut at its lines.
fn check_cut(text: &str, from_memory: &str, from_stream: &str) {
    for (stream, expected) in [(false, from_memory), (true, from_stream)] {
        let limits = Limits { whole_bytes: if stream { 40 } else { 10_000 }, ..Limits::default() };
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let source = if stream { Source::Stream(Box::new(std::io::Cursor::new(bytes))) } else { Source::Bytes(bytes) };
        let mut reader = JsonReader::new(source, &Hint::default(), &limits).unwrap();
        reader.large_bytes = 0;
        reader.cut_of = |_| Some(Name::intern("lines"));
        let found = read_with(reader);
        let found: Vec<&str> = found.lines().collect();
        let expected: Vec<&str> = expected.lines().map(str::trim).collect();
        assert_eq!(found, expected, "stream: {stream}");
    }
}

#[test]
fn a_large_document_comes_in_groups() {
    check_cut(
        "{\"type\":\"Catalogue\",\"lines\":[{\"id\":1},null,{\"id\":2},7],\"id\":\"K\"}",
        "start dure/1/Catalogue
         head Catalogue=@1:1 id=K@1:61
         group lines[1]=@1:30 lines[1].id=1@1:36
         group lines[2]=@1:44 lines[2].id=2@1:50
         tail Catalogue=@1:64
         end
         Error unexpected line 1 column 53 a value / an object",
        "start dure/1/Catalogue
         head Catalogue=@1:1
         group lines[1]=@1:30 lines[1].id=1@1:36
         group lines[2]=@1:44 lines[2].id=2@1:50
         tail Catalogue=@1:54 id=K@1:61
         end
         Error unexpected line 1 column 53 a value / an object",
    );
    let bare = "start dure/1/Catalogue
         head Catalogue=@1:1
         tail Catalogue=@1:20
         end";
    check_cut("{\"type\":\"Catalogue\"}", bare, bare);
    let twice = "start dure/1/Catalogue
         head Catalogue=@1:1 id=1@1:56
         tail Catalogue=@1:57
         end
         Error syntax line 1 column 32 lines lines stands twice in one object /";
    check_cut(
        "{\"type\":\"Catalogue\",\"lines\":[],\"lines\":[{\"id\":1}],\"id\":1}",
        twice,
        &twice.replace(" id=1@1:56", "").replace("tail Catalogue=@1:57", "tail Catalogue=@1:30 id=1@1:56"),
    );
    let broken = "start dure/1/Catalogue
         head Catalogue=@1:1
         group lines[1]=@1:30 lines[1].id=1@1:36
         end
         Error truncated line 1 column 40  / a name in quotes";
    check_cut("{\"type\":\"Catalogue\",\"lines\":[{\"id\":1},{", broken, broken);
}
