//! A courier's body as one tree of JSON values, whatever it is written in, so that a profile's pointers reach all of it.
//!
//! JSON is itself. In XML an element is an object named by its local name, an attribute is `@name`, an element that occurs
//! several times is a list, one with nothing but text is that text (`#text` beside attributes or elements). A form
//! (`application/x-www-form-urlencoded`) is an object of texts, a field that occurs several times a list. Everything is
//! bounded; a document type declaration is refused and no entity but the built-in five is known (rules.md 9).

use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::{BytesStart, Event};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::format::encoding::{self, Found};
use crate::model::finding::{Code, Finding, Place};

/// Levels of XML elements.
const MOST_LEVELS: usize = 64;
/// XML elements and attributes, or form fields.
const MOST_NODES: usize = 50_000;

/// What a body is written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BodyFormat {
    /// JSON (RFC 8259).
    #[default]
    Json,
    /// XML 1.0.
    Xml,
    /// `application/x-www-form-urlencoded`.
    Form,
}

impl BodyFormat {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            BodyFormat::Json => "application/json",
            BodyFormat::Xml => "application/xml",
            BodyFormat::Form => "application/x-www-form-urlencoded",
        }
    }

    /// The tree of a body, or what is wrong with it.
    pub fn read(self, body: &[u8]) -> Result<Value, Finding> {
        match self {
            BodyFormat::Json => serde_json::from_slice(body).map_err(|error| json_error(&error)),
            BodyFormat::Xml => xml(&text(body)?),
            BodyFormat::Form => form(body),
        }
    }

    /// The way back.
    pub fn write(self, tree: &Value) -> String {
        match self {
            BodyFormat::Json => tree.to_string(),
            BodyFormat::Xml => {
                let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
                if let Value::Object(fields) = tree {
                    fields.iter().for_each(|(name, value)| element(&mut out, name, value));
                }
                out
            }
            BodyFormat::Form => {
                let mut out = url::form_urlencoded::Serializer::new(String::new());
                for (name, value) in tree.as_object().into_iter().flatten() {
                    let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                    for one in values {
                        out.append_pair(name, &plain(one));
                    }
                }
                out.finish()
            }
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn syntax(found: impl AsRef<str>) -> Finding {
    Finding::error(Code::Syntax, Place::default()).found(found)
}

fn json_error(error: &serde_json::Error) -> Finding {
    let number = |n: usize| u32::try_from(n).ok().filter(|n| *n > 0);
    let place = Place { line: number(error.line()), column: number(error.column()), ..Place::default() };
    if error.is_eof() {
        Finding::error(Code::Truncated, place).expected("}")
    } else {
        Finding::error(Code::Syntax, place).found(error.to_string())
    }
}

fn text(body: &[u8]) -> Result<String, Finding> {
    match encoding::find(body.get(..256).unwrap_or(body), None) {
        Found::Unknown(name) => {
            Err(Finding::error(Code::UnknownEncoding, Place::default()).found(name).expected("UTF-8, EUC-KR"))
        }
        Found::Charset(charset, mark) => match encoding::decode(body, charset, mark) {
            (text, None) => Ok(text.into_owned()),
            (_, Some(stop)) => {
                let finding = Finding::error(Code::Encoding, Place::default()).expected(charset.name());
                Err(finding.found(format!("byte {}", stop.offset_bytes)))
            }
        },
    }
}

/// An element that is still open.
struct Open {
    name: String,
    fields: Map<String, Value>,
    text: String,
}

impl Open {
    fn value(self) -> Value {
        let text = self.text.trim();
        if self.fields.is_empty() {
            return Value::from(text);
        }
        let mut fields = self.fields;
        if !text.is_empty() {
            fields.insert("#text".to_owned(), Value::from(text));
        }
        Value::Object(fields)
    }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

fn too_many() -> Finding {
    Finding::error(Code::TooManyLines, Place::default()).expected(MOST_NODES.to_string())
}

fn open(tag: &BytesStart<'_>, nodes: &mut usize) -> Result<Open, Finding> {
    let mut fields = Map::new();
    *nodes += 1;
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| syntax(error.to_string()))?;
        let name = attribute.key.0;
        if name == "xmlns" || name.starts_with("xmlns:") {
            continue;
        }
        *nodes += 1;
        if *nodes > MOST_NODES {
            return Err(too_many());
        }
        let value = unescape(&attribute.value).map_err(|error| syntax(error.to_string()))?;
        fields.insert(format!("@{}", local(name)), Value::from(value.into_owned()));
    }
    Ok(Open { name: local(tag.name().0).to_owned(), fields, text: String::new() })
}

/// Puts a value beside those of its name.
fn put(fields: &mut Map<String, Value>, name: String, value: Value) {
    match fields.get_mut(&name) {
        None => drop(fields.insert(name, value)),
        Some(Value::Array(items)) => items.push(value),
        Some(first) => {
            let before = first.take();
            *first = Value::Array(vec![before, value]);
        }
    }
}

fn xml(text: &str) -> Result<Value, Finding> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut root = Map::new();
    let mut path: Vec<Open> = Vec::new();
    let mut nodes = 0;
    loop {
        let event = reader.read_event().map_err(|error| syntax(error.to_string()))?;
        let mut closed = None;
        match event {
            Event::Start(tag) => path.push(open(&tag, &mut nodes)?),
            Event::Empty(tag) => closed = Some(open(&tag, &mut nodes)?),
            Event::End(_) => closed = path.pop(),
            Event::Text(piece) => match path.last_mut() {
                Some(here) => here.text.push_str(&piece),
                None if piece.trim().is_empty() => {}
                None => return Err(syntax("text outside of the root element")),
            },
            Event::CData(piece) => {
                if let Some(here) = path.last_mut() {
                    here.text.push_str(&piece);
                }
            }
            Event::GeneralRef(name) => {
                let said = unescape(&format!("&{};", &*name)).map(std::borrow::Cow::into_owned);
                let said = said.map_err(|_| Finding::error(Code::EntityRefused, Place::default()).found(&*name))?;
                if let Some(here) = path.last_mut() {
                    here.text.push_str(&said);
                }
            }
            Event::DocType(_) => return Err(Finding::error(Code::DoctypeRefused, Place::default())),
            Event::Eof => break,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
        if path.len() > MOST_LEVELS {
            return Err(Finding::error(Code::TooDeep, Place::default()).expected(MOST_LEVELS.to_string()));
        }
        if nodes > MOST_NODES {
            return Err(too_many());
        }
        if let Some(closed) = closed {
            let name = closed.name.clone();
            let fields = path.last_mut().map_or(&mut root, |outer| &mut outer.fields);
            put(fields, name, closed.value());
        }
    }
    if let Some(open) = path.pop() {
        return Err(Finding::error(Code::Truncated, Place::default()).expected(format!("</{}>", open.name)));
    }
    if root.is_empty() {
        return Err(Finding::error(Code::Empty, Place::default()));
    }
    Ok(Value::Object(root))
}

fn element(out: &mut String, name: &str, value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(|one| element(out, name, one)),
        Value::Object(fields) => {
            out.push_str(&format!("<{name}"));
            for (name, value) in fields.iter().filter_map(|(name, value)| Some((name.strip_prefix('@')?, value))) {
                out.push_str(&format!(" {name}=\"{}\"", escape(plain(value))));
            }
            out.push('>');
            for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with('@')) {
                if name == "#text" {
                    out.push_str(&escape(plain(value)));
                } else {
                    element(out, name, value);
                }
            }
            out.push_str(&format!("</{name}>"));
        }
        Value::Null => {}
        scalar => out.push_str(&format!("<{name}>{}</{name}>", escape(plain(scalar)))),
    }
}

fn form(body: &[u8]) -> Result<Value, Finding> {
    let mut fields = Map::new();
    for (count, (name, value)) in url::form_urlencoded::parse(body).enumerate() {
        if count >= MOST_NODES {
            return Err(too_many());
        }
        // Bytes that are no UTF-8 come out as this; a character of another meaning must not get in unseen.
        if name.contains('\u{FFFD}') || value.contains('\u{FFFD}') {
            return Err(Finding::error(Code::Encoding, Place::path(name)).expected("UTF-8").found("a field"));
        }
        put(&mut fields, name.into_owned(), Value::from(value.into_owned()));
    }
    if fields.is_empty() { Err(Finding::error(Code::Empty, Place::default())) } else { Ok(Value::Object(fields)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn check(format: BodyFormat, body: &[u8], expected: Value) {
        assert_eq!(format.read(body).unwrap(), expected);
        assert_eq!(format.read(format.write(&expected).as_bytes()).unwrap(), expected, "again");
    }

    fn refused(format: BodyFormat, body: &[u8], code: Code) {
        assert_eq!(format.read(body).unwrap_err().code, code, "{}", String::from_utf8_lossy(body));
    }

    #[test]
    fn xml_as_a_tree() {
        let body = "<?xml version=\"1.0\"?>\n<t:Track xmlns:t=\"urn:t\" id='A &amp; B'><Event code=\"41\">배달 &lt;완료&gt;</Event>\
            <Event><At>9</At><!-- x --><Note><![CDATA[<a>]]></Note></Event></t:Track>";
        let expected = json!({"Track": {"@id": "A & B", "Event": [{"@code": "41", "#text": "배달 <완료>"},
            {"At": "9", "Note": "<a>"}]}});
        check(BodyFormat::Xml, body.as_bytes(), expected);
        // "배달" in EUC-KR.
        let korean = b"<?xml version=\"1.0\" encoding=\"EUC-KR\"?><a>\xB9\xE8\xB4\xDE</a>";
        check(BodyFormat::Xml, korean, json!({"a": "배달"}));
    }

    #[test]
    fn a_form_as_a_tree() {
        check(
            BodyFormat::Form,
            b"invc_no=12&code=41&code=42&at=%EB%8F%84+%EC%B0%A9",
            json!({"invc_no": "12",
            "code": ["41", "42"], "at": "도 착"}),
        );
        refused(BodyFormat::Form, b"at=%B9%E8", Code::Encoding);
        refused(BodyFormat::Form, b"", Code::Empty);
    }

    #[test]
    fn what_xml_may_not_do() {
        refused(BodyFormat::Xml, b"", Code::Empty);
        refused(BodyFormat::Xml, b"<a><b></b>", Code::Truncated);
        refused(BodyFormat::Xml, b"<a></b>", Code::Syntax);
        refused(BodyFormat::Xml, b"x<a/>", Code::Syntax);
        refused(BodyFormat::Xml, b"<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>", Code::DoctypeRefused);
        refused(BodyFormat::Xml, b"<a>&e;</a>", Code::EntityRefused);
        refused(BodyFormat::Xml, b"<a>\xFF</a>", Code::Encoding);
        refused(BodyFormat::Xml, "<a>".repeat(100_000).as_bytes(), Code::TooDeep);
        refused(BodyFormat::Xml, format!("<a>{}</a>", "<b/>".repeat(60_000)).as_bytes(), Code::TooManyLines);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..200), soup in "[<>a/&;=\"! \\[\\]-]{0,40}") {
            for format in [BodyFormat::Json, BodyFormat::Xml, BodyFormat::Form] {
                drop((format.read(&body), format.read(soup.as_bytes())));
            }
        }
    }
}
