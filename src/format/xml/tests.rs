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
