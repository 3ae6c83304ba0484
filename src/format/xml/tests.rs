//! What the reader makes of documents, at once and as a stream.

use std::fmt::Write;

use super::*;
use crate::model::tree::Tree;

/// A tree in one line: `Order@1:1(cbc:ID@2:3=5)`.
fn spell(tree: &Tree) -> String {
    fn node(tree: &Tree, id: crate::model::tree::NodeId, out: &mut String) {
        let at = tree.node(id).at;
        write!(out, "{}@{}:{}", tree.name_text(id), at.line, at.column).unwrap();
        if !tree.value(id).is_empty() {
            write!(out, "={}", tree.value(id)).unwrap();
        }
        if tree.has_children(id) {
            out.push('(');
            for (index, child) in tree.children(id).enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                node(tree, child, out);
            }
            out.push(')');
        }
    }
    let mut out = String::new();
    if let Some(root) = tree.root() {
        node(tree, root, &mut out);
    }
    out
}

fn spell_all(mut reader: Box<dyn Reader>) -> Vec<String> {
    let mut findings = Findings::default();
    let mut out = Vec::new();
    while let Some(part) = reader.next(&mut findings).unwrap() {
        out.push(match part {
            Part::Envelope(envelope) => {
                let party =
                    |id: Option<crate::model::party_id::PartyId>| id.map_or("-".to_owned(), |id| id.to_string());
                let reference = envelope.control_reference.unwrap_or_default();
                format!("envelope {} {} {reference}", party(envelope.sender), party(envelope.receiver))
            }
            Part::Start(start) => start.message_type.to_string(),
            Part::Whole(tree) => spell(&tree),
            Part::Head(tree) => format!("head {}", spell(&tree)),
            Part::Group(tree) => format!("group {} {}", tree.ordinal, spell(&tree)),
            Part::Tail(tree) => format!("tail {}", spell(&tree)),
            Part::End => "end".to_owned(),
        });
    }
    for finding in findings.as_slice() {
        let text = finding.text(crate::model::finding::Language::En);
        let place = finding.place.to_string();
        out.push(format!("! {place}{}{text}", if place.is_empty() { "" } else { " " }));
    }
    out
}

fn limits() -> Limits {
    Limits { depth: 6, attributes: 4, ..Limits::default() }
}

/// What comes of a document, which is the same whichever way it is read.
fn check(bytes: impl AsRef<[u8]>, expected: &[&str]) {
    let bytes = Bytes::copy_from_slice(bytes.as_ref());
    let whole = spell_all(open(Source::Bytes(bytes.clone()), &Hint::default(), limits()).unwrap());
    assert_eq!(whole, expected, "at once");
    let stream = Source::Stream(Box::new(bytes.reader()));
    let streamed = spell_all(open(stream, &Hint::default(), limits()).unwrap());
    assert_eq!(streamed, expected, "as a stream");
}

/// The one finding of a document that cannot be read.
fn refused(bytes: impl AsRef<[u8]>, expected: &str) {
    let bytes = Bytes::copy_from_slice(bytes.as_ref());
    for source in [Source::Bytes(bytes.clone()), Source::Stream(Box::new(bytes.clone().reader()))] {
        let all = spell_all(open(source, &Hint::default(), limits()).unwrap());
        assert_eq!(all.last().map(String::as_str), Some(expected), "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn elements_attributes_and_text() {
    check(
        "<a b='1'>\n  <c>x &amp; &#xC8FC;</c>\n  <주문 d=\"2\t3\"/><e> </e>\n</a>\n",
        &["xml/-/a", "a@1:1(@b@1:4=1 c@2:3=x & 주 주문@3:3(@d@3:7=2 3) e@3:16= )", "end"],
    );
    check(
        "\u{FEFF}<?xml version='1.0'?><!-- x --><a>1<!-- y -->2<![CDATA[<3>]]>\r\n<?z?></a><!-- -->",
        &["xml/-/a", "a@1:32=12<3>\n", "end"],
    );
}

#[test]
fn what_is_not_well_formed_has_its_place() {
    refused("", "! the document is empty");
    refused(" \n", "! the document is empty");
    refused("<a>", "! line 1 column 4 /a the document ends too early; </a> is missing");
    refused("<a>\n <b", "! line 2 column 4 /a the document ends too early; > is missing");
    refused("<a><b></a>", "! line 1 column 7 /a/b the text breaks the rules of its format: </a> does not close <b>");
    refused("<a/><b/>", "! line 1 column 5 the text breaks the rules of its format: a document has one root element");
    refused("<a/>x", "! line 1 column 5 the text breaks the rules of its format: text outside of the root element");
    refused("<a>]]></a>", "! line 1 column 4 /a the text breaks the rules of its format: ]]> is not allowed in text");
    refused(
        "<a>\n x\u{1}y</a>",
        "! line 2 column 3 /a the text breaks the rules of its format: the character U+0001 is not allowed",
    );
    refused(
        "<a b='1' b='2'/>",
        "! line 1 column 1 /a the text breaks the rules of its format: the attribute b stands twice",
    );
    refused(
        "<a><x:b/></a>",
        "! line 1 column 5 /a the text breaks the rules of its format: the prefix x is not declared",
    );
    refused("<a b='&nbsp;'/>", "! line 1 column 7 /a the entity &nbsp; is not known; only the five built-in ones are");
    refused("<a>&x;</a>", "! line 1 column 4 /a the entity &x; is not known; only the five built-in ones are");
    refused("<a>& b</a>", "! line 1 column 4 /a the text breaks the rules of its format: & without its ;");
    refused("<!DOCTYPE a [<!ENTITY x 'y'>]><a/>", "! line 1 column 1 document type declarations are not accepted");
    refused(
        "<a><!-- -- --></a>",
        "! line 1 column 4 /a the text breaks the rules of its format: -- is not allowed in a comment",
    );
    refused(b"<a>\xFF</a>", "! line 1 column 4 /a the text is not valid UTF-8 at byte 3");
    refused(
        "<?xml version='1.0' encoding='klingon'?><a/>",
        "! the encoding klingon is not known; known are UTF-8, UTF-16, EUC-KR (CP949), ISO-8859-1, windows-1252, …",
    );
}

#[test]
fn bounds() {
    refused(
        "<a><a><a><a><a><a><a/></a></a></a></a></a></a>",
        "! line 1 column 19 /a/a/a/a/a/a nested deeper than 6 levels",
    );
    refused("<a b='' c='' d='' e='' f=''/>", "! line 1 column 1 more than 4 attributes on one element");
    let limits = Limits { token_bytes: 1 << 16, whole_bytes: 1 << 17, nodes: 1000, ..Limits::default() };
    for text in [
        format!("<a>{}</a>", "x".repeat(1 << 18)),
        format!("<a>{}</a>", "<b>xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx</b>".repeat(1 << 13)),
        format!("<a>{}</a>", "<b/>".repeat(1 << 11)),
        format!("<a>{}{}</a>", "x".repeat(1 << 10), "<b>x</b>y".repeat(1 << 9)),
    ] {
        for source in
            [Source::Bytes(Bytes::from(text.clone())), Source::Stream(Box::new(Bytes::from(text.clone()).reader()))]
        {
            let all = spell_all(open(source, &Hint::default(), limits).unwrap());
            assert!(all.last().unwrap().contains("larger than"), "{all:?}");
        }
    }
}

#[test]
fn behind_a_header() {
    let text = "<StandardBusinessDocument xmlns='http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader'>\
        <StandardBusinessDocumentHeader><HeaderVersion>1.0</HeaderVersion>\
        <Sender><Identifier Authority='iso6523-actorid-upis'>0088:7300010000001</Identifier></Sender>\
        <Receiver><Identifier Authority='GLN'>7300010000002</Identifier></Receiver>\
        <DocumentIdentification><Standard>x</Standard><TypeVersion>2.1</TypeVersion>\
        <InstanceIdentifier>i-1</InstanceIdentifier><Type>a</Type>\
        <CreationDateAndTime>2026-01-31T09:30:00Z</CreationDateAndTime></DocumentIdentification>\
        </StandardBusinessDocumentHeader><a xmlns='urn:a'><b/></a></StandardBusinessDocument>";
    let all = spell_all(open(Source::Bytes(Bytes::from(text)), &Hint::default(), limits()).unwrap());
    assert_eq!(all.first().map(String::as_str), Some("envelope gln:7300010000001 gln:7300010000002 i-1"));
    assert_eq!(all.get(1).map(String::as_str), Some("xml/-/{urn:a}a"));
    assert_eq!(all.len(), 4, "{all:?}");
    let broken = text.replace("<HeaderVersion>1.0</HeaderVersion>", "").replace("<a xmlns='urn:a'><b/></a>", "");
    let all = spell_all(open(Source::Bytes(Bytes::from(broken)), &Hint::default(), limits()).unwrap());
    assert!(all.iter().any(|line| line.ends_with("sh:HeaderVersion is missing")), "{all:?}");
    assert!(all.iter().any(|line| line.ends_with("the document behind the header is missing")), "{all:?}");
}
#[test]
fn names_are_those_of_the_table() {
    let text = "<o:Order xmlns:o='urn:oasis:names:specification:ubl:schema:xsd:Order-2' \
        xmlns='urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2'><ID x='1'>5</ID>\
        <y xmlns='urn:y'/><o:z/></o:Order>";
    let parts = spell_all(open(Source::Bytes(Bytes::from(text)), &Hint::default(), limits()).unwrap());
    assert_eq!(parts.first().map(String::as_str), Some("ubl/2.1/Order"));
    let whole = parts.get(1).unwrap();
    assert!(whole.starts_with("Order@1:1("), "{whole}");
    assert!(whole.contains("cbc:ID@1:") && whole.contains("{urn:y}y@") && whole.contains(" z@"), "{whole}");
}

fn order_grammar() -> std::sync::Arc<crate::schema::grammar::Grammar> {
    crate::schema::library().message(&"ubl/2.1/Order".parse().unwrap()).unwrap()
}

fn read_tree(bytes: &[u8]) -> Tree {
    let mut findings = Findings::default();
    let mut reader = open(Source::Bytes(Bytes::copy_from_slice(bytes)), &Hint::default(), Limits::default()).unwrap();
    let mut tree = None;
    while let Some(part) = reader.next(&mut findings).unwrap() {
        if let Part::Whole(whole) = part {
            tree = Some(whole);
        }
    }
    assert!(findings.is_empty(), "{findings:?}\n{}", String::from_utf8_lossy(bytes));
    tree.unwrap()
}

/// Names and values without places.
fn shape(tree: &Tree) -> Vec<(usize, String, String)> {
    let depth = |id| std::iter::successors(tree.parent(id), |id| tree.parent(*id)).count();
    tree.ids().map(|id| (depth(id), tree.name_text(id).to_owned(), tree.value(id).to_owned())).collect()
}

#[test]
fn writes_in_the_order_of_the_table() {
    let mut tree = Tree::new(crate::model::tree::Shape::Xml);
    let at = Default::default();
    tree.open_text("Order", at);
    tree.open_text("cac:OrderLine", at);
    tree.open_text("cac:LineItem", at);
    tree.open_text("cbc:Quantity", at);
    tree.leaf_text("@unitCode", "EA\"<", at);
    tree.push_text("5");
    tree.close();
    tree.leaf_text("cbc:ID", "1 < 2 & \r\n", at);
    tree.close();
    tree.close();
    tree.leaf_text("cbc:ID", "4711", at);
    tree.leaf_text("cbc:Note", "", at);
    tree.close();
    let grammar = order_grammar();
    let (bytes, findings) = write(&tree, &grammar, &crate::format::WriteOptions::default());
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Order xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Order-2\" \
         xmlns:cac=\"urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2\" \
         xmlns:cbc=\"urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2\">\n  \
           <cbc:ID>4711</cbc:ID>\n  \
           <cbc:Note/>\n  \
           <cac:OrderLine>\n    \
             <cac:LineItem>\n      \
               <cbc:ID>1 &lt; 2 &amp; &#13;\n</cbc:ID>\n      \
               <cbc:Quantity unitCode=\"EA&quot;&lt;\">5</cbc:Quantity>\n    \
             </cac:LineItem>\n  \
           </cac:OrderLine>\n\
         </Order>\n"
    );
}

#[test]
fn a_written_header_is_read_again() {
    let mut tree = Tree::new(crate::model::tree::Shape::Xml);
    tree.open_text("Order", Default::default());
    tree.leaf_text("cbc:ID", "4711", Default::default());
    tree.close();
    let options = crate::format::WriteOptions {
        envelope: crate::model::envelope::Envelope {
            sender: "gln:8801234500012".parse().ok(),
            receiver: "brn:1234567891".parse().ok(),
            control_reference: Some("a&b".to_owned()),
            ..Default::default()
        },
        header: true,
        ..Default::default()
    };
    let (bytes, findings) = write(&tree, &order_grammar(), &options);
    assert!(findings.is_empty());
    let all = spell_all(open(Source::Bytes(Bytes::from(bytes)), &Hint::default(), Limits::default()).unwrap());
    assert_eq!(all.first().map(String::as_str), Some("envelope gln:8801234500012 brn:1234567891 a&b"));
    assert_eq!(all.len(), 4, "{all:?}");
}

#[test]
fn a_large_catalogue_comes_and_goes_in_groups() {
    let grammar = crate::schema::library().message(&"ubl/2.1/Catalogue".parse().unwrap()).unwrap();
    let text = "<Catalogue xmlns='urn:oasis:names:specification:ubl:schema:xsd:Catalogue-2' \
        xmlns:cbc='urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2' \
        xmlns:cac='urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2'><cbc:ID>7</cbc:ID> \
        <cac:CatalogueLine><cbc:ID>1</cbc:ID></cac:CatalogueLine>\n<cac:CatalogueLine><cbc:ID>2</cbc:ID>\
        <x y='1'/></cac:CatalogueLine></Catalogue>";
    let stream =
        || open(Source::Stream(Box::new(Bytes::from(text).reader())), &Hint::default(), Limits::default()).unwrap();
    let all = spell_all(stream());
    let kinds: Vec<&str> = all.iter().map(|line| line.split('@').next().unwrap_or("")).collect();
    assert_eq!(
        kinds,
        [
            "ubl/2.1/Catalogue",
            "head Catalogue",
            "group 1 cac:CatalogueLine",
            "group 2 cac:CatalogueLine",
            "tail Catalogue",
            "end"
        ]
    );
    // Written group by group and read whole, it is the same as read whole at once.
    let mut writer = Writer::new(&grammar);
    let mut reader = stream();
    let mut findings = Findings::default();
    while let Some(part) = reader.next(&mut findings).unwrap() {
        match part {
            Part::Head(tree) => writer.head(&tree),
            Part::Group(tree) => {
                assert_eq!(tree.path(tree.root().unwrap()), format!("/Catalogue/cac:CatalogueLine[{}]", tree.ordinal));
                writer.group(&tree);
            }
            Part::Tail(tree) => writer.tail(&tree),
            _ => {}
        }
    }
    let (bytes, wrong) = writer.finish();
    assert!(wrong.is_empty() && findings.is_empty(), "{wrong:?} {findings:?}");
    assert_eq!(shape(&read_tree(&bytes)), shape(&read_tree(text.as_bytes())), "{}", String::from_utf8_lossy(&bytes));
}

mod round_trip {
    use proptest::prelude::*;

    use super::*;
    use crate::model::tree::Shape;

    #[derive(Clone, Debug)]
    struct Element {
        name: String,
        attributes: Vec<(String, String)>,
        text: String,
        children: Vec<Element>,
    }

    fn text() -> impl Strategy<Value = String> + Clone {
        proptest::collection::vec(
            prop_oneof![
                Just(' '),
                Just('\n'),
                Just('\r'),
                Just('\t'),
                Just('&'),
                Just('<'),
                Just('>'),
                Just('"'),
                Just(']'),
                Just('주'),
                Just('\u{FFFD}'),
                Just('\u{10000}'),
                any::<char>().prop_filter("XML", |c| super::super::attributes::is_char(*c))
            ],
            0..12,
        )
        .prop_map(|letters| letters.into_iter().collect())
    }

    fn element() -> impl Strategy<Value = Element> {
        let name = prop_oneof![
            "[a-z주][a-z0-9.-]{0,3}",
            "(cbc|cac|ext):[A-Z][a-z]{0,3}",
            "\\{urn:[a-c]\\}[a-z]",
            "\\{\\}[a-z]"
        ];
        let attributes =
            proptest::collection::btree_map("@([a-z]|xml:lang|xsi:nil|\\{urn:[a-c]\\}[a-z])", text(), 0..3);
        let leaf = (name.clone(), attributes.clone(), text()).prop_map(|(name, attributes, text)| Element {
            name,
            attributes: attributes.into_iter().collect(),
            text,
            children: Vec::new(),
        });
        leaf.prop_recursive(4, 40, 5, move |inner| {
            (name.clone(), attributes.clone(), proptest::collection::vec(inner, 1..5)).prop_map(
                |(name, attributes, children)| Element {
                    name,
                    attributes: attributes.into_iter().collect(),
                    text: String::new(),
                    children,
                },
            )
        })
    }

    fn put(tree: &mut Tree, element: &Element) {
        tree.open_text(&element.name, Default::default());
        for (name, value) in &element.attributes {
            tree.leaf_text(name, value, Default::default());
        }
        tree.push_text(&element.text);
        for child in &element.children {
            put(tree, child);
        }
        tree.close();
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read_again(elements in proptest::collection::vec(element(), 0..4)) {
            let root = Element { name: "Order".to_owned(), attributes: Vec::new(), text: String::new(), children: elements };
            let mut tree = Tree::new(Shape::Xml);
            put(&mut tree, &root);
            let (bytes, findings) = write(&tree, &order_grammar(), &crate::format::WriteOptions::default());
            prop_assert!(findings.is_empty(), "{:?}", findings);
            let again = read_tree(&bytes);
            prop_assert_eq!(shape(&again), shape(&tree), "{}", String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn names_of_one_document_do_not_leak_into_the_next() {
    let mut scratch = Scratch::new(Limits::default());
    let said = |text: &str, scratch: &mut Scratch| {
        let findings = schema_only(text.as_bytes(), scratch);
        findings.as_slice().first().map_or(String::new(), |finding| finding.code.as_str().to_owned())
    };
    let order = "xmlns='urn:oasis:names:specification:ubl:schema:xsd:Order-2'";
    let known = "xmlns:c='urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2'";
    for _ in 0..2 {
        assert_eq!(said(&format!("<Order {order} {known}><c:ID>1</c:ID></Order>"), &mut scratch), "missing");
        assert_eq!(said(&format!("<Order {order} xmlns:c='urn:c'><c:ID>1</c:ID></Order>"), &mut scratch), "unexpected");
        assert_eq!(said(&format!("<Order {order}><c:ID {known}>1</c:ID></Order>"), &mut scratch), "missing");
        assert_eq!(said(&format!("<Order {order}><c:ID>1</c:ID></Order>"), &mut scratch), "syntax");
        assert_eq!(said("<a><b xmlns:x='urn:x'><x:c/></b></a>", &mut scratch), "unknown-message");
        assert_eq!(said("<a><x:c/></a>", &mut scratch), "syntax");
    }
}

#[test]
fn a_stream_is_read_as_its_groups_are_taken() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const GROUPS: usize = 3000;

    /// A catalogue that is made while it is read.
    struct Made(usize, Vec<u8>, Arc<AtomicUsize>);

    impl std::io::Read for Made {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            if self.1.is_empty() {
                self.1 = match self.0 {
                    0 => b"<Catalogue xmlns='urn:oasis:names:specification:ubl:schema:xsd:Catalogue-2' xmlns:c='urn:oasis:names:\
                        specification:ubl:schema:xsd:CommonAggregateComponents-2'><c:ProviderParty/>"
                        .to_vec(),
                    index @ 1..=GROUPS => format!("<c:CatalogueLine><x>{index:0100}</x></c:CatalogueLine>\n").into_bytes(),
                    index if index == GROUPS + 1 => b"</Catalogue>".to_vec(),
                    _ => Vec::new(),
                };
                self.0 += 1;
            }
            let count = out.len().min(self.1.len());
            out[..count].copy_from_slice(&self.1[..count]);
            self.1.drain(..count);
            self.2.fetch_add(count, Ordering::Relaxed);
            Ok(count)
        }
    }

    let taken = Arc::new(AtomicUsize::new(0));
    let source = Source::Stream(Box::new(Made(0, Vec::new(), Arc::clone(&taken))));
    let mut reader = open(source, &Hint::default(), Limits::default()).unwrap();
    let mut findings = Findings::default();
    let mut groups = 0;
    while let Some(part) = reader.next(&mut findings).unwrap() {
        if let Part::Group(tree) = part {
            groups += 1;
            assert!(tree.size_bytes() < 2000, "{}", tree.size_bytes());
            let ahead = taken.load(Ordering::Relaxed).saturating_sub(groups * 140);
            assert!(ahead < 100_000, "{ahead} bytes were read ahead of group {groups}");
            assert_eq!(tree.node(tree.root().unwrap()).at.line as usize, groups);
        }
    }
    assert_eq!((groups, findings.is_empty()), (GROUPS, true));
}
