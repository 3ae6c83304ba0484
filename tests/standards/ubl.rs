//! Our UBL tables and checker against the official XSDs, libxml2 being the judge.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dure::format::Limits;
use dure::format::xml::{Scratch, schema_only};
use dure::model::finding::{Code, Finding, Findings, Language};
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::random::Random;
use crate::{files_below, standards, xmllint};

/// The document types there are tables for.
const TYPES: [&str; 7] = [
    "ApplicationResponse",
    "Catalogue",
    "DespatchAdvice",
    "Order",
    "OrderResponse",
    "OrderResponseSimple",
    "Statement",
];
/// Mutations judged, and what they start from; DURE_MUTATIONS and DURE_SEED judge others.
const MUTATIONS: usize = 2000;
const SEED: usize = 20_261_124;

/// A document and what it is.
struct Sample {
    name: String,
    kind: &'static str,
    bytes: Vec<u8>,
}

fn schema(kind: &str) -> PathBuf {
    standards().join(format!("ubl/schemas/ubl-2.1-os/maindoc/UBL-{kind}-2.1.xsd"))
}

/// The document type that the namespace of an element says.
fn kind_of(tag: &str) -> Option<&'static str> {
    let prefix = tag.split([' ', '\n', '\r', '\t', '>', '/']).next()?.rsplit_once(':').map(|(prefix, _)| prefix);
    let name = prefix.map_or("xmlns".to_owned(), |prefix| format!("xmlns:{prefix}"));
    let (_, rest) = tag.split_once(&format!("{name}="))?;
    let uri = rest.get(1..)?.split(['"', '\'']).next()?;
    let found = uri.strip_prefix("urn:oasis:names:specification:ubl:schema:xsd:")?.strip_suffix("-2")?;
    TYPES.into_iter().find(|kind| *kind == found)
}

/// An element in a text.
#[derive(Clone, Debug)]
struct Span {
    start: usize,
    /// Behind `<name …>`.
    inside: usize,
    /// Before `</name>`.
    close: usize,
    end: usize,
    depth: usize,
    leaf: bool,
}

/// All elements of a text in order, if its tags match.
fn spans(text: &str) -> Option<Vec<Span>> {
    let mut reader = Reader::from_str(text);
    let (mut spans, mut open): (Vec<Span>, Vec<usize>) = (Vec::new(), Vec::new());
    loop {
        let start = reader.buffer_position() as usize;
        let event = reader.read_event().ok()?;
        let end = reader.buffer_position() as usize;
        match event {
            Event::Start(_) | Event::Empty(_) => {
                if let Some(parent) = open.last() {
                    spans[*parent].leaf = false;
                }
                spans.push(Span { start, inside: end, close: end, end, depth: open.len(), leaf: true });
                if matches!(event, Event::Start(_)) {
                    open.push(spans.len() - 1);
                }
            }
            Event::End(_) => {
                let index = open.pop()?;
                (spans[index].close, spans[index].end) = (start, end);
            }
            Event::Eof => return open.is_empty().then_some(spans),
            _ => {}
        }
    }
}

/// Every file of our document types; of an SBDH-wrapped one the document inside.
fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    for folder in ["ubl", "peppol"] {
        for path in files_below(&standards().join(folder)) {
            if path.extension().is_none_or(|extension| extension != "xml") {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let Ok(text) = std::str::from_utf8(&bytes) else { continue };
            let text = text.trim_start_matches('\u{FEFF}');
            let Some(spans) = spans(text) else { continue };
            let name = path.strip_prefix(standards()).unwrap().display().to_string();
            let Some(root) = spans.first() else { continue };
            if let Some(kind) = kind_of(&text[root.start + 1..root.inside]) {
                samples.push(Sample { name, kind, bytes });
            } else if text[root.start..root.inside].contains("StandardBusinessDocument") {
                for inner in spans.iter().filter(|span| span.depth == 1) {
                    if let Some(kind) = kind_of(&text[inner.start + 1..inner.inside]) {
                        let bytes = text.as_bytes()[inner.start..inner.end].to_vec();
                        samples.push(Sample { name: format!("{name} (inside)"), kind, bytes });
                    }
                }
            }
        }
    }
    samples
}

/// Whether all that is wrong are strange characters in base 64, which libxml2 passes over ("ignore all stray characters")
/// and XML Schema part 2, 3.2.16 does not.
fn is_stray(findings: &Findings) -> bool {
    let base64 = |finding: &Finding| finding.code == Code::BadValue && finding.expected == "base 64";
    findings.has_errors() && findings.as_slice().iter().all(base64)
}

/// Compares our verdict with the judge's; gives back the disagreements.
fn judged(samples: &[Sample]) -> (usize, Vec<String>) {
    let mut by_kind: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        by_kind.entry(sample.kind).or_default().push(sample);
    }
    let mut scratch = Scratch::new(Limits::default());
    let (mut good, mut different) = (0, Vec::new());
    for (kind, samples) in by_kind {
        let documents: Vec<&[u8]> = samples.iter().map(|sample| sample.bytes.as_slice()).collect();
        let valid = xmllint::valid_by(&schema(kind), &documents);
        good += valid.len();
        for (index, sample) in samples.iter().enumerate() {
            let findings = schema_only(&sample.bytes, &mut scratch);
            if findings.has_errors() == valid.contains(&index) && !is_stray(&findings) {
                let verdict = if valid.contains(&index) { "valid" } else { "not valid" };
                let ours: Vec<String> = findings
                    .as_slice()
                    .iter()
                    .take(3)
                    .map(|finding| format!("{}: {}", finding.place, finding.text(Language::En)))
                    .collect();
                different.push(format!("{}: xmllint says {verdict}, we say {ours:?}", sample.name));
                if let Some(folder) = std::env::var_os("DURE_KEEP") {
                    std::fs::write(PathBuf::from(folder).join(format!("{}.xml", different.len())), &sample.bytes)
                        .unwrap();
                }
            }
        }
    }
    (good, different)
}

#[test]
fn every_ubl_file_gets_the_verdict_of_xmllint() {
    let samples = samples();
    assert!(samples.len() > 60, "only {} files of our types were found", samples.len());
    let (valid, different) = judged(&samples);
    println!("{} files, {valid} of them valid, {} judged differently", samples.len(), different.len());
    assert!(different.is_empty(), "{}", different.join("\n"));
    let mutations = mutations(&samples);
    let (valid, different) = judged(&mutations);
    println!("{} mutations {valid} of them valid, {} judged differently", mutations.len(), different.len());
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// Values for leaves: every kind the tables know, just right and just wrong. None is a date with white space around it,
/// which XML Schema part 2, 4.3.6 allows and libxml2 2.9 does not.
const VALUES: &[&str] = &[
    "",
    " ",
    "x",
    "2005-01-31",
    "2005-02-29",
    "2004-02-29Z",
    "2005-1-31",
    "2005-01-31+14:00",
    "2005-01-31+14:01",
    "02005-01-01",
    "12005-01-01",
    "-2005-01-01",
    "0000-01-01",
    "2005-13-01",
    "12:30:00",
    "24:00:00",
    "24:00:01",
    "12:30",
    "12:30:60",
    "12:30:00.5Z",
    "12:30:00.",
    "12:30:00-05:30",
    "12:30:00+15:00",
    "1",
    "-1.50",
    "+.5",
    "5.",
    ".",
    "1e3",
    "1,5",
    "1 000",
    "INF",
    "NaN",
    "000012345678901234.5000",
    "true",
    "false",
    "0",
    "TRUE",
    " true ",
    "yes",
    "QUJD",
    "QUI=",
    "QQ==",
    "QR==",
    "QUJ",
    "Q U J D",
    "Q===",
    "en",
    "en-GB",
    "e",
    "en_GB",
    "&#xC8FC;&#xBB38;",
    "a&amp;b",
    "<![CDATA[12.5]]>",
    "1<!-- 2 -->2",
    "<?p i?>1",
    "<cbc:ID>1</cbc:ID>",
    "2005-01-31T12:30:00",
    "9999999999999999999999",
    "0xFF",
    "\u{A0}1",
    "&#32;1",
    "&#9;",
    "1&#10;2",
];

/// Attributes that some elements have, and some that none has.
const ATTRIBUTES: &[&str] = &[
    "schemeID=\"x\"",
    "currencyID=\"EUR\"",
    "unitCode=\"EA\"",
    "listID=''",
    "languageID=\"en\"",
    "languageID=\"e_n\"",
    "mimeCode=\"a/b\"",
    "foo=\"1\"",
    "xml:lang=\"en\"",
    "xml:space=\"preserve\"",
    "x:y=\"1\" xmlns:x=\"urn:x\"",
    "xmlns:unused=\"urn:u\"",
    "format=\"x\"",
    "schemeURI=\"http://a.b/c d\"",
    "schemeURI=\"http://a.b/c\"",
    "schemeURI=\"a:b:c#d#e\"",
    "schemeDataURI=\"%zz\"",
    "uri=\"1:2\"",
    "listURI=\"http://[::1/\"",
    "listSchemeURI=\"\u{C8FC}\"",
    "schemeURI=\"//a:b/\"",
    "schemeURI=\"  x  \"",
    "name=\"&lt;\"",
    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"a b\"",
    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"true\"",
    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"false\"",
    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"cbc:IDType\"",
    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"cac:PartyType\"",
    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"nowhere:Type\"",
    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:other=\"1\"",
];

/// What an extension may hold.
const EXTENSIONS: &[&str] = &[
    "<x:y xmlns:x='urn:x'>text<x:z a='1'/></x:y>",
    "<y xmlns=''/>",
    "<cbc:ID>5</cbc:ID>",
    "<cbc:IssueDate>tomorrow</cbc:IssueDate>",
    "<cac:Country><cbc:IdentificationCode>KR</cbc:IdentificationCode></cac:Country>",
    "<cac:Country><cbc:Nothing/></cac:Country>",
    "<cac:Declaration><cbc:Name>a</cbc:Name></cac:Declaration>",
    "<x:y xmlns:x='urn:x'><cbc:IssueDate>tomorrow</cbc:IssueDate></x:y>",
    "<x:y xmlns:x='urn:x'><x:w><cbc:IssueDate>2005-01-31</cbc:IssueDate></x:w></x:y>",
    "<x:y xmlns:x='urn:x' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xmlns:xs='http://www.w3.org/2001/XMLSchema' xsi:type='xs:date'>x</x:y>",
    "<x:y xmlns:x='urn:x' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xmlns:xs='http://www.w3.org/2001/XMLSchema' xsi:type='xs:date'>2005-01-31</x:y>",
    "<x:y xmlns:x='urn:x' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:type='cac:CountryType'><cbc:Name>a</cbc:Name></x:y>",
    "<x:y xmlns:x='urn:x' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:type='x:Unknown'/>",
    "<ext:UBLExtensions/>",
    "<x:a xmlns:x='urn:x'/><x:b xmlns:x='urn:x'/>",
    "",
    "text",
    "<sig:UBLDocumentSignatures xmlns:sig='urn:oasis:names:specification:ubl:schema:xsd:CommonSignatureComponents-2'/>",
    "<sig:UBLDocumentSignatures xmlns:sig='urn:oasis:names:specification:ubl:schema:xsd:CommonSignatureComponents-2' \
     xmlns:sac='urn:oasis:names:specification:ubl:schema:xsd:SignatureAggregateComponents-2'><sac:SignatureInformation><cbc:ID>1</cbc:ID>\
     <ds:Signature xmlns:ds='http://www.w3.org/2000/09/xmldsig#' Id='a1'><ds:SignedInfo><ds:CanonicalizationMethod Algorithm='urn:c'/>\
     <ds:SignatureMethod Algorithm='urn:s'/><ds:Reference URI=''><ds:Transforms><ds:Transform Algorithm='urn:t'><ds:XPath>a</ds:XPath>\
     </ds:Transform></ds:Transforms><ds:DigestMethod Algorithm='urn:d'/><ds:DigestValue>QUJD</ds:DigestValue></ds:Reference></ds:SignedInfo>\
     <ds:SignatureValue>QUJD</ds:SignatureValue><ds:KeyInfo><ds:KeyName>k</ds:KeyName><ds:X509Data><ds:X509SubjectName>s</ds:X509SubjectName>\
     <ds:X509IssuerSerial><ds:X509IssuerName>i</ds:X509IssuerName><ds:X509SerialNumber>7</ds:X509SerialNumber></ds:X509IssuerSerial>\
     </ds:X509Data></ds:KeyInfo><ds:Object><xades:QualifyingProperties xmlns:xades='http://uri.etsi.org/01903/v1.3.2#' Target='#a1'>\
     <xades:SignedProperties Id='a2'><xades:SignedSignatureProperties><xades:SigningTime>2005-01-31T12:00:00Z</xades:SigningTime>\
     <xades:SignaturePolicyIdentifier><xades:SignaturePolicyImplied/></xades:SignaturePolicyIdentifier>\
     </xades:SignedSignatureProperties></xades:SignedProperties></xades:QualifyingProperties></ds:Object></ds:Signature>\
     </sac:SignatureInformation></sig:UBLDocumentSignatures>",
];

/// Elements put where they may not be.
const ELEMENTS: &[&str] = &[
    "<x:y xmlns:x='urn:x'/>",
    "<y xmlns=''/>",
    "<cbc:Note>n</cbc:Note>",
    "<cbc:ID>1</cbc:ID>",
    "<cac:Party/>",
    "<cbc:IssueDate/>",
    "<cac:AdditionalDocumentReference><cbc:ID>1</cbc:ID></cac:AdditionalDocumentReference>",
    "<cbc:UUID>u</cbc:UUID>",
];

/// Documents that differ from the samples in one or two places.
fn mutations(samples: &[Sample]) -> Vec<Sample> {
    let number = |name, or| std::env::var(name).map_or(or, |text| text.parse().unwrap());
    let count = number("DURE_MUTATIONS", MUTATIONS);
    let mut random = Random(number("DURE_SEED", SEED) as u64);
    let mut mutations = Vec::with_capacity(count);
    while mutations.len() < count {
        let sample = &samples[mutations.len() % samples.len()];
        let text = std::str::from_utf8(&sample.bytes).unwrap().trim_start_matches('\u{FEFF}').to_owned();
        let (mut text, mut what) = (text, String::new());
        for _ in 0..1 + random.below(2) {
            let Some(spans) = spans(&text) else { break };
            let (next, did) = mutate(&text, &spans, &mut random);
            what.push_str(&did);
            what.push(' ');
            let Ok(next) = next else { continue };
            text = next;
        }
        mutations.push(Sample {
            name: format!("{} after {what}", sample.name),
            kind: sample.kind,
            bytes: text.into_bytes(),
        });
    }
    mutations
}

fn mutate(text: &str, spans: &[Span], random: &mut Random) -> (Result<String, ()>, String) {
    let span = random.one(&spans[1..]).clone();
    let leaves: Vec<&Span> = spans.iter().filter(|span| span.leaf && span.close > span.inside).collect();
    let mut out = text.to_owned();
    let element = text[span.start..span.end].to_owned();
    let tag_name_end =
        |span: &Span| span.start + text[span.start..].find([' ', '>', '/', '\n', '\r', '\t']).unwrap_or(1);
    let (line, which) = (text[..span.start].matches('\n').count() + 1, random.below(13));
    let what = match which {
        0 => {
            out.replace_range(span.start..span.end, "");
            "drop"
        }
        1 => {
            let target = random.one(spans).clone();
            if target.start >= span.start && target.start < span.end || target.depth == 0 {
                return (Err(()), "nothing".to_owned());
            }
            let (at, removed) = (target.start, span.end - span.start);
            out.replace_range(span.start..span.end, "");
            out.insert_str(if at > span.start { at - removed } else { at }, &element);
            "move"
        }
        2 => {
            let other = random.one(&spans[1..]);
            let name = if random.below(3) == 0 { "cbc:Nonsense" } else { &text[other.start + 1..tag_name_end(other)] };
            let old = &text[span.start + 1..tag_name_end(&span)];
            out.replace_range(
                span.start..span.end,
                &element.replacen(old, name, 1).replace(&format!("</{old}>"), &format!("</{name}>")),
            );
            "rename"
        }
        3 => {
            out.insert_str(span.end, &element);
            "double"
        }
        4..=6 => {
            let Some(leaf) = leaves.get(random.below(leaves.len())) else { return (Err(()), "nothing".to_owned()) };
            let value = random.one(VALUES);
            out.replace_range(leaf.inside..leaf.close, value);
            return (Ok(out), format!("value {value:?} at line {}", text[..leaf.start].matches('\n').count() + 1));
        }
        7 => {
            let attribute = random.one(ATTRIBUTES);
            let target = if random.below(2) == 0 { &span } else { random.one(&leaves) };
            out.insert_str(tag_name_end(target), &format!(" {attribute}"));
            return (
                Ok(out),
                format!("attribute {attribute} at line {}", text[..target.start].matches('\n').count() + 1),
            );
        }
        8 => {
            let inner: Vec<&Span> = spans.iter().filter(|span| !span.leaf).collect();
            let target = random.one(&inner);
            // Not a blank CDATA section: XML Schema part 1, 3.4.4 lets it pass between elements, libxml2 does not.
            out.insert_str(
                target.inside,
                random.one::<&str>(&["text", "&#32;", "&amp;", "<![CDATA[x]]>", "<!-- c -->", "<?p?>"]),
            );
            "text"
        }
        9 => {
            let start = text[span.start..span.inside].find(['"', '\'']);
            let Some(start) = start else { return (Err(()), "nothing".to_owned()) };
            let (open, quote) = (span.start + start, &text[span.start + start..span.start + start + 1]);
            let close = open + 1 + text[open + 1..].find(quote).unwrap();
            out.replace_range(
                open + 1..close,
                random.one::<&str>(&["", " ", "a b", "http://x y", "%", "en-", "::", "\u{C8FC}"]),
            );
            "attribute value"
        }
        10 => {
            let root = &spans[0];
            let extension = random.one(EXTENSIONS);
            let content = format!(
                "<ext:UBLExtensions xmlns:ext='urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2' \
                 xmlns:cbc='urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2' \
                 xmlns:cac='urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2'>\
                 <ext:UBLExtension><ext:ExtensionContent>{extension}</ext:ExtensionContent></ext:UBLExtension></ext:UBLExtensions>"
            );
            out.insert_str(root.inside, &content);
            return (Ok(out), format!("extension {extension}"));
        }
        11 => {
            let element = random.one(ELEMENTS);
            out.insert_str(span.start, element);
            return (Ok(out), format!("element {element} at line {line}"));
        }
        _ => {
            // A wanted attribute goes.
            let Some(space) = text[span.start..span.inside].find(' ') else { return (Err(()), "nothing".to_owned()) };
            let end = span.inside - if text[..span.inside].ends_with("/>") { 2 } else { 1 };
            out.replace_range(span.start + space..end, "");
            "no attributes"
        }
    };
    (Ok(out), format!("{what} at line {line}"))
}
