//! Reading and writing together.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::format::{Hint, Limits, Part, Reader, Source, WriteOptions};
use crate::model::envelope::{Envelope, Syntax};
use crate::model::finding::{Code, Finding, Findings, Place, Severity};
use crate::model::message::MessageType;
use crate::model::party_id::PartyId;
use crate::model::tree::{At, NodeId, Shape, Tree};
use crate::schema::check::Checker;
use crate::schema::grammar::{Grammar, Kind, Particle, TypeId};
use crate::schema::library;
use crate::schema::simple::Base;

/// Everything an interchange gives, one line each: nodes as `depth name=value @segment.element.component`.
fn read(source: Source) -> (Vec<String>, Vec<Tree>) {
    let mut reader = EdifactReader::new(source, &Hint::default(), &Limits::default()).unwrap();
    let mut findings = Findings::default();
    let (mut lines, mut trees) = (Vec::new(), Vec::new());
    while let Some(part) = reader.next(&mut findings).unwrap() {
        lines.push(match part {
            Part::Envelope(envelope) => format!(
                "envelope {} {} {} test={} ack={} {}:{}",
                envelope.sender.map_or("-".to_owned(), |id| id.to_string()),
                envelope.receiver.map_or("-".to_owned(), |id| id.to_string()),
                envelope.control_reference.unwrap_or_default(),
                envelope.test,
                envelope.acknowledgement_requested,
                envelope.syntax.as_ref().map_or("", |syntax| &syntax.repertoire),
                envelope.syntax.as_ref().map_or(0, |syntax| syntax.version),
            ),
            Part::Start(start) => format!("start {} {}", start.message_type, start.reference),
            Part::Whole(tree) => {
                trees.push(tree);
                "whole".to_owned()
            }
            Part::End => "end".to_owned(),
            other => format!("{other:?}"),
        });
    }
    for finding in findings.as_slice() {
        lines.push(format!(
            "{:?} {} {} [{}] [{}]",
            finding.severity,
            finding.code.as_str(),
            finding.place,
            finding.found,
            finding.expected
        ));
    }
    (lines, trees)
}

fn from_text(text: &str) -> (Vec<String>, Vec<Tree>) {
    read(Source::Bytes(Bytes::copy_from_slice(text.as_bytes())))
}

fn check(text: &str, expected: &str) {
    let (lines, _) = from_text(text);
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, expected);
    let (streamed, _) = read(Source::Stream(Box::new(std::io::Cursor::new(text.as_bytes().to_vec()))));
    assert_eq!(streamed, expected, "as a stream");
}

fn spell(tree: &Tree) -> String {
    fn node(tree: &Tree, id: NodeId, depth: usize, out: &mut String) {
        let at = tree.node(id).at;
        out.push_str(&format!(
            "{}{}={} @{}.{}.{}\n",
            " ".repeat(depth),
            tree.name_text(id),
            tree.value(id),
            at.segment,
            at.element,
            at.component
        ));
        for child in tree.children(id) {
            node(tree, child, depth + 1, out);
        }
    }
    let mut out = String::new();
    if let Some(root) = tree.root() {
        node(tree, root, 0, &mut out);
    }
    out
}

const HEAD: &str = "UNB+UNOC:3+4012345000009:14+8801234500012:14+260102:1530+77'\r\n";
const ORDER: &str = "UNH+1+ORDERS:D:96A:UN:EAN008'BGM+220+4711+9'DTM+137:20260102:102'NAD+BY+4012345000009::9'\
    CUX+2:EUR:9'LIN+1++4000862141404:EN'PIA+1+A-1:SA++B 2:IN'QTY+21:12:PCE'PRI+AAA:9.50'LIN+2++4000862141405:EN'\
    QTY+21:3'UNS+S'CNT+2:2'UNT+14+1'";

#[test]
fn an_order_becomes_a_tree_of_groups() {
    let (lines, trees) = from_text(&format!("{HEAD}{ORDER}UNZ+1+77'"));
    assert_eq!(
        lines,
        [
            "envelope gln:4012345000009 gln:8801234500012 77 test=false ack=false UNOC:3",
            "start edifact/d96a/ORDERS 1",
            "whole",
            "end"
        ]
    );
    let spelled = spell(&trees[0]);
    let expected = [
        "ORDERS= @1.0.0",
        " UNH= @1.0.0",
        "  0062=1 @1.1.0",
        "  S009= @1.2.0",
        "   0065=ORDERS @1.2.1",
        "   0052=D @1.2.2",
        "   0054=96A @1.2.3",
        "   0051=UN @1.2.4",
        "   0057=EAN008 @1.2.5",
        " BGM= @2.0.0",
        "  C002= @2.1.0",
        "   1001=220 @2.1.1",
        "  1004=4711 @2.2.0",
        "  1225=9 @2.3.0",
        " DTM= @3.0.0",
        "  C507= @3.1.0",
        "   2005=137 @3.1.1",
        "   2380=20260102 @3.1.2",
        "   2379=102 @3.1.3",
        " SG2= @4.0.0",
        "  NAD= @4.0.0",
        "   3035=BY @4.1.0",
        "   C082= @4.2.0",
        "    3039=4012345000009 @4.2.1",
        "    3055=9 @4.2.3",
        " SG7= @5.0.0",
        "  CUX= @5.0.0",
        "   C504= @5.1.0",
        "    6347=2 @5.1.1",
        "    6345=EUR @5.1.2",
        "    6343=9 @5.1.3",
        " SG25= @6.0.0",
        "  LIN= @6.0.0",
        "   1082=1 @6.1.0",
        "   C212= @6.3.0",
        "    7140=4000862141404 @6.3.1",
        "    7143=EN @6.3.2",
        "  PIA= @7.0.0",
        "   4347=1 @7.1.0",
        "   C212= @7.2.0",
        "    7140=A-1 @7.2.1",
        "    7143=SA @7.2.2",
        "   C212= @7.4.0",
        "    7140=B 2 @7.4.1",
        "    7143=IN @7.4.2",
        "  QTY= @8.0.0",
        "   C186= @8.1.0",
        "    6063=21 @8.1.1",
        "    6060=12 @8.1.2",
        "    6411=PCE @8.1.3",
        "  SG28= @9.0.0",
        "   PRI= @9.0.0",
        "    C509= @9.1.0",
        "     5125=AAA @9.1.1",
        "     5118=9.50 @9.1.2",
        " SG25= @10.0.0",
    ];
    assert_eq!(spelled.lines().take(expected.len()).collect::<Vec<_>>(), expected);
    let price = trees[0].ids().find(|&id| trees[0].name_text(id) == "5118").unwrap();
    let place = trees[0].place(price);
    assert_eq!(place.path.as_deref(), Some("/ORDERS/SG25[1]/SG28/PRI/C509/5118"));
    assert_eq!((place.line, place.column), (Some(2), Some(169)));
}

#[test]
fn counts_and_references_are_checked() {
    check(
        &format!("{HEAD}UNH+5+ORDERS:D:96A:UN'BGM+220+1'UNT+4+6'UNZ+2+78'"),
        "envelope gln:4012345000009 gln:8801234500012 77 test=false ack=false UNOC:3
         start edifact/d96a/ORDERS 5
         whole
         end
         Error wrong-count segment 3 element 1 /ORDERS/UNT/0074 [4] [3]
         Error wrong-reference segment 3 element 2 /ORDERS/UNT/0062 [6] [5]
         Error wrong-count line 2 column 45 /UNZ/0036 [2] [1]
         Error wrong-reference line 2 column 47 /UNZ/0020 [78] [77]",
    );
}

#[test]
fn broken_interchanges_give_what_was_complete() {
    let envelope = "envelope gln:4012345000009 gln:8801234500012 77 test=false ack=false UNOC:3";
    check(
        &format!("{HEAD}UNH+1+ORDERS:D:96A:UN'BGM+220'UNT+3+1'UNH+2+ORDERS:D:96A:UN'BGM+22"),
        &format!(
            "{envelope}\nstart edifact/d96a/ORDERS 1\nwhole\nend\nstart edifact/d96a/ORDERS 2\nend
             Error truncated segment 2 [] [the end of BGM]"
        ),
    );
    check(
        &format!("{HEAD}UNH+1+ORDERS:D:96A:UN'BGM+220'UNT+3+1'"),
        &format!("{envelope}\nstart edifact/d96a/ORDERS 1\nwhole\nend\nError truncated line 2 column 39 [] [UNZ]"),
    );
    check(
        &format!("{HEAD}UNH+1+ORDERS:D:96A:UN'BGM+220'UNH+2+ORDERS:D:96A:UN'BGM+220'UNT+3+2'UNZ+2+77'"),
        &format!(
            "{envelope}\nstart edifact/d96a/ORDERS 1\nend\nstart edifact/d96a/ORDERS 2\nwhole\nend
             Error truncated segment 2 [] [UNT]"
        ),
    );
    check(
        &format!("{HEAD}oops\r\nUNH+1+ORDERS:D:96A:UN'BGM+220'xx+1'UNT+4+1'UNZ+1+77'\r\n-- \r\nmailed'\r\n"),
        &format!(
            "{envelope}\nstart edifact/d96a/ORDERS 1\nwhole\nend
             Error syntax line 2 column 1 [\"oops\" is no segment] []
             Error syntax segment 3 [\"xx+1\" is no segment] []
             Warning unexpected line 4 column 1 [--] [the end after UNZ]"
        ),
    );
    check("", "Error empty  [] []");
    check("UNA:+", "Error truncated line 1 column 1 [] [UNA, UNB]");
    check("UNA++.? '", "Error syntax line 1 column 1 /UNA ['+' cannot be a service character] []");
}

#[test]
fn versions_repertoires_groups_and_decimal_marks() {
    check(
        "UNA:+,? '\nUNB+UNOA:3+A+B:ZZ+260102:1530+1++++1++1'UNG+ORDERS+A+B+260102:1530+9+UN+D:96A'\
         UNH+1+ORDERS:D:01B:UN'MOA+79:1.200,5'unt+1'UNT+4+1'UNE+1+9'UNE+1+9'UNZ+1+1'",
        "envelope A edifact:zz:B 1 test=true ack=true UNOA:3
         start edifact/d96a/ORDERS 1
         whole
         end
         Warning fallback-version segment 1 element 2 /UNH/S009 [ORDERS:D:01B:UN] [ORDERS:D:96A:UN]
         Error syntax segment 3 [\"unt+1\" is no segment] []
         Error unexpected line 2 column 138 [UNE] [UNH or UNZ]",
    );
    check(
        "UNB+IATB:1+6XPPC+LHPPC+940101:0950+1'UNH+1+PAORES:93:1:IA'MSG+1:45'UNT+3+1'UNZ+1+1'",
        "envelope 6XPPC LHPPC 1 test=false ack=false IATB:1
         start edifact/931/PAORES 1
         end
         Warning fallback-version line 1 column 5 /UNB/S001/0001 [IATB] [UNOW]
         Error unknown-message segment 1 element 2 /UNH/S009 [PAORES:93:1:IA] []",
    );
    let (lines, trees) = from_text(
        "UNB+UNOB:4+A+B+20260102:1530+1'UNH+1+ORDERS:D:96A:UN'BGM+220+a@b'FTX+AAI+++x*y'\r\nMOA+79:1,5'\
         FTX+AAI+++TEXT IN TWO\r\n LINES'UNT+6+1'UNZ+1+1'",
    );
    assert_eq!(
        lines.get(4..),
        Some(
            [
                "Warning character-repertoire segment 2 element 2 /ORDERS/BGM/1004 [@] [UNOB]".to_owned(),
                "Warning character-repertoire segment 5 element 4 component 1 /ORDERS/FTX[2]/C108/4440 [line break] [UNOB]"
                    .to_owned()
            ]
            .as_slice()
        )
    );
    let spelled = spell(&trees[0]);
    assert!(spelled.contains("5004=1.5 @4.1.2\n"), "{spelled}");
    assert!(spelled.contains("4440=TEXT IN TWO LINES @"), "{spelled}");
    assert!(spelled.contains("  C108= @3.4.0\n   4440=x @3.4.1\n  C108= @3.4.0\n   4440=y @3.4.1\n"), "{spelled}");
}

/// A stream of choices from one number, so that a failure shrinks to a small one.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % sides
    }
}

/// Fills a type of the grammar: each child now and then, repeated now and then, in the order of the table.
fn grow(grammar: &Grammar, id: TypeId, tree: &mut Tree, dice: &mut Dice, alphabet: &[char], depth: usize) {
    for particle in grammar.particles(id) {
        let name = particle.name;
        let must = particle.min > 0 && depth == 0;
        if !must && dice.roll(3) > 0 || matches!(name.as_str(), "UNH" | "UNT") {
            continue;
        }
        for _ in 0..=(dice.roll(3).min(u64::from(particle.max.min(9)) - 1)) {
            if grammar.ty(particle.type_id).is_simple() {
                let numeric = grammar.ty(particle.type_id).value.as_ref().is_some_and(|v| v.base == Base::Numeric);
                let value: String = match numeric {
                    true => format!("{}.{}", dice.roll(999), dice.roll(99)),
                    false => (0..=dice.roll(6)).map(|_| alphabet[dice.roll(alphabet.len() as u64) as usize]).collect(),
                };
                tree.leaf(name, &value, At::default());
            } else {
                let before = tree.len();
                tree.open(name, At::default());
                if let Some(trigger) = grammar.trigger(particle.type_id).filter(|_| particle.kind == Kind::Group) {
                    let ty = grammar.child(particle.type_id, trigger).unwrap().type_id;
                    tree.open(trigger, At::default());
                    grow(grammar, ty, tree, dice, alphabet, depth + 1);
                    tree.close();
                }
                grow_rest(grammar, particle, tree, dice, alphabet, depth + 1);
                if tree.len() == before + 1 && particle.kind == Kind::Composite {
                    // A composite without content is absent.
                    let first = &grammar.particles(particle.type_id)[0];
                    tree.leaf(first.name, "1", At::default());
                }
                tree.close();
            }
        }
    }
}

fn grow_rest(
    grammar: &Grammar,
    particle: &Particle,
    tree: &mut Tree,
    dice: &mut Dice,
    alphabet: &[char],
    depth: usize,
) {
    if particle.kind != Kind::Group {
        return grow(grammar, particle.type_id, tree, dice, alphabet, depth);
    }
    for inner in grammar.particles(particle.type_id).iter().skip(1) {
        if dice.roll(4) == 0 && depth < 4 {
            tree.open(inner.name, At::default());
            if let Some(trigger) = grammar.trigger(inner.type_id).filter(|_| inner.kind == Kind::Group) {
                let ty = grammar.child(inner.type_id, trigger).unwrap().type_id;
                tree.open(trigger, At::default());
                grow(grammar, ty, tree, dice, alphabet, depth + 1);
                tree.close();
            }
            grow_rest(grammar, inner, tree, dice, alphabet, depth + 1);
            tree.close();
        }
    }
}

/// Names and values without places.
fn content(tree: &Tree) -> String {
    spell(tree).lines().filter_map(|line| line.rsplit_once(" @")).map(|(node, _)| format!("{node}\n")).collect()
}

fn syntax(una: &str, repertoire: &str, version: u8) -> Syntax {
    let c: Vec<char> = una.chars().collect();
    Syntax {
        repertoire: repertoire.to_owned(),
        version,
        component: c[0],
        element: c[1],
        decimal: c[2],
        release: c[3],
        repetition: c[4],
        terminator: c[5],
    }
}

fn options(syntax: Syntax, break_lines: bool) -> WriteOptions {
    WriteOptions {
        envelope: Envelope {
            sender: Some(PartyId::new("gln", "4012345000009")),
            receiver: Some(PartyId::new("brn", "123-45-67891")),
            control_reference: Some("77".to_owned()),
            syntax: Some(syntax),
            ..Envelope::default()
        },
        prepared_at_ms: 1_767_367_800_000,
        break_lines,
        ..WriteOptions::default()
    }
}

#[test]
fn an_order_is_written_as_it_was_read() {
    let text = format!("{HEAD}{ORDER}UNZ+1+77'");
    let (_, trees) = from_text(&text);
    let message_type = MessageType::new("edifact", "d96a", "ORDERS");
    let outgoing = Outgoing { message_type: &message_type, reference: "", tree: &trees[0] };
    let mut options = options(Syntax::default(), false);
    options.envelope.receiver = Some(PartyId::new("gln", "8801234500012"));
    let (bytes, findings) = write(&[outgoing], &options);
    assert_eq!(findings, []);
    assert_eq!(String::from_utf8(bytes).unwrap(), text.replace("\r\n", ""));
}

#[test]
fn what_cannot_be_written_is_a_finding() {
    let message_type = MessageType::new("edifact", "d96a", "ORDERS");
    let check = |syntax: Syntax, text: &str, expected: &[&str]| {
        let mut tree = Tree::new(Shape::Segments);
        tree.open_text("ORDERS", At::default());
        tree.open_text("BGM", At::default());
        tree.leaf_text("1004", text, At::default());
        tree.leaf_text("9999", "x", At::default());
        tree.close();
        tree.close();
        let outgoing = Outgoing { message_type: &message_type, reference: "1", tree: &tree };
        let (_, findings) = write(&[outgoing], &options(syntax, false));
        let found: Vec<String> =
            findings.iter().map(|f| format!("{} {} {}", f.code.as_str(), f.place, f.found)).collect();
        assert_eq!(found, expected);
    };
    let lost = "not-carried /ORDERS/BGM/9999 9999";
    check(syntax(":+.? '", "UNOC", 3), "Äpfel?", &[lost]);
    check(syntax(":+.? '", "UNOC", 3), "부", &["character-repertoire /ORDERS/BGM/1004 부", lost]);
    check(syntax(":+.? '", "UNOA", 3), "a", &["character-repertoire /ORDERS/BGM/1004 a", lost]);
    check(syntax(":+.  '", "UNOB", 3), "a+b", &["character-repertoire /ORDERS/BGM/1004 +", lost]);
    check(syntax(":+.? '", "KECA", 3), "부품", &[lost]);
    check(syntax("::.? '", "UNOC", 3), "", &["syntax /UNA ::.? '"]);
    check(syntax(":+.? '", "ANSI", 3), "", &["unknown-version /UNB/S001/0001 ANSI"]);
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        seed in any::<u64>(),
        name in proptest::sample::select(vec!["ORDERS", "ORDRSP", "DESADV", "CONTRL"]),
        una in proptest::sample::select(vec![":+.? '", ":+,? '", "\u{1f}\u{1d}.  \u{1c}", ">*,^ ~", ":+.?*'", "|;,\\ !"]),
        repertoire in proptest::sample::select(vec!["UNOC", "UNOW", "KECA", "UNOE"]),
        version in 1u8..=4,
        break_lines in any::<bool>(),
    ) {
        let directory = if name == "CONTRL" { "3" } else { "d96a" };
        let message_type = MessageType::new("edifact", directory, name);
        let grammar = library().message(&message_type).unwrap();
        let alphabet: Vec<char> = match repertoire {
            "UNOC" => "AZaz09 +:?'*.,~^ÄÖÿ".chars(),
            "UNOE" => "AZaz09 +:?'*.,~^ЖЯ".chars(),
            _ => "AZaz09 +:?'*.,~^부품똠".chars(),
        }.collect();
        let mut tree = Tree::new(Shape::Segments);
        tree.open(grammar.root_name, At::default());
        grow(&grammar, grammar.root, &mut tree, &mut Dice(seed), &alphabet, 0);
        tree.close();
        let outgoing = Outgoing { message_type: &message_type, reference: "R1", tree: &tree };
        let (bytes, findings) = write(&[outgoing, outgoing], &options(syntax(una, repertoire, version), break_lines));
        prop_assert_eq!(findings, vec![]);
        let (lines, trees) = read(Source::Bytes(Bytes::from(bytes.clone())));
        prop_assert_eq!(lines.len(), 7, "{:?}", lines);
        for read in &trees {
            // UNH and UNT are the writer's.
            let (head, _) = content(&tree).split_once('\n').map(|(h, b)| (h.to_owned(), b.to_owned())).unwrap();
            let inner: String = drop_service(&content(read));
            prop_assert_eq!(format!("{head}\n{inner}"), content(&tree), "{}", String::from_utf8_lossy(&bytes));
        }
        let outgoing: Vec<Outgoing<'_>> =
            trees.iter().map(|tree| Outgoing { message_type: &message_type, reference: "", tree }).collect();
        let (again, _) = write(&outgoing, &options(syntax(una, repertoire, version), break_lines));
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn anything_is_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), head in 0usize..4) {
        let mut all = [b"".as_slice(), b"UNB+UNOC:3+A+B+260102:1530+1'", b"UNA:+.?*'UNB+UNOW:4+A+B+260102:1530+1'UNH+1+ORDERS:D:96A:UN'",
            b"UNB+KECA:3+A+B+260102:1530+1'UNH+1+DESADV:D:96A:UN'BGM+"][head].to_vec();
        all.extend(bytes);
        let (bytes, _) = read(Source::Bytes(Bytes::from(all.clone())));
        let (stream, _) = read(Source::Stream(Box::new(std::io::Cursor::new(all))));
        prop_assert_eq!(bytes, stream);
    }

    #[test]
    fn segments_in_any_order_end(tags in "(BGM|LIN|QTY|DTM|NAD|UNS|MOA|UNH|UNT|RFF|XYZ|TAX){0,40}") {
        let body: String = tags.as_bytes().chunks(3).map(|tag| format!("{}+1:2+3'", String::from_utf8_lossy(tag))).collect();
        let (lines, _) = from_text(&format!("{HEAD}UNH+1+ORDERS:D:96A:UN'{body}UNT+1+1'UNZ+1+77'"));
        prop_assert!(lines.len() >= 3);
    }
}

/// Without UNH, UNT and what is in them.
fn drop_service(content: &str) -> String {
    let mut skip = false;
    let mut out = String::new();
    for line in content.lines().skip(1) {
        let depth = line.len() - line.trim_start().len();
        if depth == 1 {
            skip = line.starts_with(" UNH=") || line.starts_with(" UNT=");
        }
        if !skip {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[test]
fn the_sample_has_no_findings() {
    let (lines, trees) = read(Source::Bytes(Bytes::from(sample::orders(3, 20))));
    assert_eq!(lines.len(), 1 + 3 * 3, "{lines:?}");
    assert_eq!(trees.iter().map(Tree::len).min(), trees.iter().map(Tree::len).max());
}

fn verdicts<'f>(findings: &'f [Vec<Finding>]) -> Vec<Verdict<'f>> {
    findings
        .iter()
        .map(|findings| Verdict { accepted: findings.iter().all(|f| f.severity != Severity::Error), findings })
        .collect()
}

/// The CONTRL for an interchange, written.
fn answered(text: &str, interchange: &[Finding], messages: &[Vec<Finding>], extent: Extent) -> String {
    let source = Source::Bytes(Bytes::copy_from_slice(text.as_bytes()));
    let (hint, limits) = (Hint::default(), Limits::default());
    let report = control(source, &hint, &limits, interchange, &verdicts(messages), extent).unwrap();
    let Some((message_type, tree)) = report else { return "none".to_owned() };
    let mut found = Findings::default();
    Checker::new(library().message(&message_type).unwrap()).whole(&with_unt(&tree), &mut found);
    assert_eq!(found.as_slice(), []);
    let mut options = options(Syntax::default(), false);
    options.envelope = answer(&options.envelope, "9".to_owned());
    let (bytes, findings) = write(&[Outgoing { message_type: &message_type, reference: "1", tree: &tree }], &options);
    assert_eq!(findings, []);
    let text = String::from_utf8(bytes).unwrap();
    text.split_once('\'').unwrap().1.rsplit_once("UNT").unwrap().0.to_owned()
}

/// What the writer adds, for the checker.
fn with_unt(tree: &Tree) -> Tree {
    let mut whole = Tree::new(Shape::Segments);
    whole.open_text("CONTRL", At::default());
    for (index, child) in tree.children(tree.root().unwrap()).enumerate() {
        if index == 0 {
            whole.open_text("UNH", At::default());
            whole.leaf_text("0062", "1", At::default());
            for part in tree.children(child) {
                whole.graft(tree, part);
            }
            whole.close();
        } else {
            whole.graft(tree, child);
        }
    }
    whole.open_text("UNT", At::default());
    whole.leaf_text("0074", "4", At::default());
    whole.leaf_text("0062", "1", At::default());
    whole.close();
    whole.close();
    whole
}

#[test]
fn an_interchange_is_answered_with_contrl() {
    let good = format!("{HEAD}{ORDER}UNZ+1+77'");
    let uci = "UCI+77+4012345000009:14+8801234500012:14";
    let unh = "UNH+1+CONTRL:D:3:UN'";
    assert_eq!(answered(&good, &[], &[vec![]], Extent::Full), format!("{unh}{uci}+7'UCM+1+ORDERS:D:96A:UN:EAN008+7'"));
    assert_eq!(answered(&good, &[], &[vec![]], Extent::Receipt), format!("{unh}{uci}+8'"));
    let count = Finding::error(Code::WrongCount, Place { line: Some(2), element: Some(1), ..Place::path("/UNZ/0036") });
    assert_eq!(answered(&good, &[count], &[vec![]], Extent::Full), format!("{unh}{uci}+4+29+UNZ+2'"));
    let at = |segment, element, component| Place { segment: Some(segment), element, component, ..Place::default() };
    let faults = vec![
        Finding::error(Code::TooLong, at(7, Some(2), Some(1))),
        Finding::error(Code::Missing, at(2, None, None)),
        Finding::error(Code::BadValue, at(7, Some(1), None)),
        Finding::warning(Code::NotInCodeList, at(3, Some(1), None)),
        Finding::error(
            Code::WrongReference,
            Place { segment: Some(14), element: Some(2), ..Place::path("/ORDERS/UNT/0062") },
        ),
    ];
    assert_eq!(
        answered(&good, &[], &[faults], Extent::Full),
        format!("{unh}{uci}+7'UCM+1+ORDERS:D:96A:UN:EAN008+4+28+UNT+3'UCS+2+13'UCS+7'UCD+39+3:1'UCD+12+2'")
    );
    let four = "UNB+UNOC:4+A+B+20260102:1530+1'UNH+1+ORDERS:D:96A:UN'UNT+2+1'UNZ+1+1'";
    assert_eq!(
        answered(four, &[], &[vec![]], Extent::Full),
        "UNH+1+CONTRL:4:1:UN'UCI+1+A+B+7'UCM+1+ORDERS:D:96A:UN+7'"
    );
    let control = "UNB+UNOC:3+A+B+260102:1530+1'UNH+1+CONTRL:D:3:UN'UCI+1+A+B+7'UNT+3+1'UNZ+1+1'";
    assert_eq!(answered(control, &[], &[vec![]], Extent::Full), "none");
    assert_eq!(answered("nothing", &[], &[], Extent::Full), "none");
}

#[test]
fn utf8_behind_a_header_of_8859_is_told_and_read() {
    let body = "UNH+1+ORDERS:D:96A:UN'FTX+AAI+++부품 é'UNT+3+1'UNZ+1+1'";
    let head = "UNB+UNOC:3+A+B+260102:1530+1'";
    let (lines, trees) = from_text(&format!("{head}{body}"));
    assert_eq!(
        lines.last().map(String::as_str),
        Some("Warning fallback-version line 1 column 5 /UNB/S001/0001 [UNOC] [UNOW]")
    );
    assert!(content(&trees[0]).contains("4440=부품 é\n"));
    let latin: Vec<u8> =
        format!("{head}UNH+1+ORDERS:D:96A:UN'FTX+AAI+++é'UNT+3+1'UNZ+1+1'").chars().map(|c| c as u8).collect();
    let (lines, trees) = read(Source::Bytes(Bytes::from(latin)));
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(content(&trees[0]).contains("4440=é\n"));
    let utf16: Vec<u8> =
        format!("\u{feff}UNB+UNOY:4+A+B+20260102:1530+1'{body}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for stream in [false, true] {
        let source = if stream {
            Source::Stream(Box::new(std::io::Cursor::new(utf16.clone())))
        } else {
            Source::Bytes(Bytes::from(utf16.clone()))
        };
        let (lines, trees) = read(source);
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert!(content(&trees[0]).contains("4440=부품 é\n"));
    }
    let (bytes, _, _) = encoding_rs::EUC_KR
        .encode("UNB+KECA:3+A+B+260102:1530+1'UNH+1+ORDERS:D:96A:UN'FTX+AAI+++똠방?'각하'UNT+3+1'UNZ+1+1'");
    let (lines, trees) = read(Source::Bytes(Bytes::from(bytes.into_owned())));
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(content(&trees[0]).contains("4440=똠방'각하\n"));
}
