//! What is wrong with a document, where, and what was expected: one sentence a clerk understands, in Korean and English.

use serde::{Deserialize, Serialize};

use super::phrases;
use super::tree::At;

/// How bad it is. Warnings and notes never reject.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Accepted, but something was lost, guessed or is unusual.
    Warning,
    /// The document (or this line of it) cannot be accepted.
    Error,
}

/// The language people are answered in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Korean.
    #[default]
    Ko,
    /// English.
    En,
}

impl Language {
    /// `ko` or `en`, as in `lang=` and `Content-Language`.
    pub fn as_str(self) -> &'static str {
        match self {
            Language::Ko => "ko",
            Language::En => "en",
        }
    }

    /// From a language tag, an `Accept-Language` header or a setting; the first of the two that is named.
    pub fn from_header(text: &str) -> Option<Language> {
        text.split(',').find_map(|part| {
            let tag = part.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
            match tag.split('-').next() {
                Some("ko") => Some(Language::Ko),
                Some("en") => Some(Language::En),
                _ => None,
            }
        })
    }
}

/// Where in what was received. Only what applies is there; numbers count from 1.
#[derive(Clone, PartialEq, Eq, Debug, Default, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// Line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column in the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// Path of the element or field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Position of the segment in its message, UNH being 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<u32>,
    /// Position of the data element in its segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element: Option<u16>,
    /// Position of the component in its composite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<u16>,
    /// Name of the sheet of a workbook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// Cell of the sheet, `B7`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell: Option<String>,
    /// Field of a form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Place {
    /// The numbers of a tree's place; zeros are left out.
    pub fn from_at(at: At) -> Place {
        let some = |n: u32| (n > 0).then_some(n);
        Place {
            line: some(at.line),
            column: some(at.column),
            segment: some(at.segment),
            element: (at.element > 0).then_some(at.element),
            component: (at.component > 0).then_some(at.component),
            ..Place::default()
        }
    }

    /// A place in a table: the cell of a sheet, or its row where no cell is meant; without a sheet line and column.
    pub fn in_table(sheet: Option<&str>, at: At) -> Place {
        let Some(sheet) = sheet else { return Place::from_at(at) };
        let cell = (at.column > 0 && at.line > 0).then(|| cell(at.column, at.line));
        let line = (cell.is_none() && at.line > 0).then_some(at.line);
        Place { line, sheet: Some(sheet.to_owned()), cell, ..Place::default() }
    }

    /// A place that is only a path.
    pub fn path(path: impl Into<String>) -> Place {
        Place { path: Some(path.into()), ..Place::default() }
    }

    /// Where it is, as people say it: `시트 발주, 칸 B7`, `line 3, column 12`; without the path.
    pub fn words(&self, language: Language) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut put = |ko: (&str, &str), en: &str, value: Option<String>| {
            parts.extend(value.map(|value| match language {
                Language::Ko => format!("{}{value}{}", ko.0, ko.1),
                Language::En => format!("{en} {value}"),
            }));
        };
        let text = |number: Option<u32>| number.map(|number| number.to_string());
        put(("시트 ", ""), "sheet", self.sheet.clone());
        put(("칸 ", ""), "cell", self.cell.clone());
        if self.segment.is_some() {
            put(("", "번째 세그먼트"), "segment", text(self.segment));
            put(("요소 ", ""), "element", text(self.element.map(u32::from)));
            put(("구성요소 ", ""), "component", text(self.component.map(u32::from)));
        } else {
            put(("", "번째 줄"), "line", text(self.line));
            put(("", "번째 글자"), "column", text(self.column));
        }
        put(("입력란 ", ""), "field", self.field.clone());
        parts.join(", ")
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Place::default()
    }
}

impl std::fmt::Display for Place {
    /// `line 3 column 7 /Order/cbc:ID`, `segment 7 element 2`, `cell B7`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut first = true;
        let mut put = |f: &mut std::fmt::Formatter<'_>, label: &str, value: &dyn std::fmt::Display| {
            let space = if first { "" } else { " " };
            first = false;
            if label.is_empty() { write!(f, "{space}{value}") } else { write!(f, "{space}{label} {value}") }
        };
        if let Some(segment) = self.segment {
            put(f, "segment", &segment)?;
            if let Some(element) = self.element {
                put(f, "element", &element)?;
            }
            if let Some(component) = self.component {
                put(f, "component", &component)?;
            }
        } else if let Some(line) = self.line {
            put(f, "line", &line)?;
            if let Some(column) = self.column {
                put(f, "column", &column)?;
            }
        }
        if let Some(sheet) = &self.sheet {
            put(f, "sheet", sheet)?;
        }
        if let Some(cell) = &self.cell {
            put(f, "cell", cell)?;
        }
        if let Some(field) = &self.field {
            put(f, "field", field)?;
        }
        if let Some(path) = self.path.as_deref().filter(|path| !path.is_empty()) {
            put(f, "", &path)?;
        }
        Ok(())
    }
}

/// The name of a cell of a sheet by column and row, from 1: 28 and 7 are `AB7`.
pub fn cell(mut column: u32, row: u32) -> String {
    let mut letters = Vec::new();
    while column > 0 {
        let digit = u8::try_from((column - 1) % 26).unwrap_or(0);
        letters.push(char::from(b'A' + digit));
        column = (column - 1) / 26;
    }
    let mut name: String = letters.iter().rev().collect();
    name.push_str(&row.to_string());
    name
}

macro_rules! codes {
    ($( $variant:ident $code:literal $en:literal $ko:literal )*) => {
        /// Every kind of finding there is. The text is a sentence with `{found}` and `{expected}` in it.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
        pub enum Code { $( #[doc = $en] $variant, )* }

        impl Code {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Code] = &[ $( Code::$variant, )* ];

            /// The stable code that users and partners see.
            pub fn as_str(self) -> &'static str { match self { $( Code::$variant => $code, )* } }

            fn template(self, language: Language) -> &'static str {
                match (self, language) { $( (Code::$variant, Language::En) => $en, (Code::$variant, Language::Ko) => $ko, )* }
            }

            /// The code behind its stable text.
            pub fn from_code(text: &str) -> Option<Code> { match text { $( $code => Some(Code::$variant), )* _ => None } }
        }
    };
}

// One line per code: variant, stable code, English, Korean. Keep the groups and add to the end of a group.
codes! {
    // bytes and syntax
    Empty "empty" "the document is empty" "문서가 비어 있습니다"
    UnknownFormat "unknown-format" "no known format was recognised; it starts with {found}" "알 수 없는 형식입니다. 시작 부분: {found}"
    Encoding "encoding" "the text is not valid {expected} at {found}" "글자 부호가 {expected}에 맞지 않습니다: {found}"
    UnknownEncoding "unknown-encoding" "the encoding {found} is not known; known are {expected}" "{found} 글자 부호는 모릅니다. 아는 것: {expected}"
    CharacterNotInRepertoire "character-repertoire" "the character {found} cannot be written in {expected}" "{found} 글자는 {expected}(으)로 쓸 수 없습니다"
    Syntax "syntax" "the text breaks the rules of its format: {found}" "형식의 문법에 맞지 않습니다: {found}"
    Truncated "truncated" "the document ends too early; {expected} is missing" "문서가 도중에 끝났습니다. {expected} 부분이 없습니다"
    DoctypeRefused "doctype-refused" "document type declarations are not accepted" "문서 형식 선언(DOCTYPE)은 받지 않습니다"
    EntityRefused "entity-refused" "the entity {found} is not known; only the five built-in ones are" "{found} 엔티티는 쓸 수 없습니다. 기본 다섯 가지만 됩니다"
    TooDeep "too-deep" "nested deeper than {expected} levels" "{expected}단계보다 깊이 포개져 있습니다"
    TooManyAttributes "too-many-attributes" "more than {expected} attributes on one element" "한 요소의 속성이 {expected}개를 넘습니다"
    TooLarge "too-large" "larger than the {expected} allowed ({found})" "허용 크기 {expected}을(를) 넘습니다 ({found})"
    TooManyLines "too-many-lines" "more than {expected} lines" "줄이 {expected}개를 넘습니다"
    TooManyFindings "too-many-findings" "more than {expected} findings; the rest is not listed" "오류가 {expected}개를 넘어 나머지는 적지 않습니다"
    // structure
    UnknownMessage "unknown-message" "there is no table for the message {found}" "{found} 문서의 규격표가 없습니다"
    UnknownVersion "unknown-version" "version {found} is not known; known are {expected}" "{found} 판은 모릅니다. 아는 판: {expected}"
    FallbackVersion "fallback-version" "version {found} was read by the tables of {expected}" "{found} 판을 {expected} 규격표로 읽었습니다"
    Unexpected "unexpected" "{found} is not expected here; expected is {expected}" "여기에 {found}이(가) 올 수 없습니다. 올 수 있는 것: {expected}"
    Missing "missing" "{expected} is missing" "{expected}이(가) 없습니다"
    TooMany "too-many" "{found} occurs more than {expected} times" "{found}이(가) {expected}번보다 많습니다"
    UnexpectedText "unexpected-text" "text is not allowed here: {found}" "여기에는 글이 올 수 없습니다: {found}"
    UnknownAttribute "unknown-attribute" "the attribute {found} is not allowed here" "{found} 속성은 여기에 쓸 수 없습니다"
    MissingAttribute "missing-attribute" "the attribute {expected} is missing" "{expected} 속성이 없습니다"
    NoColumn "no-column" "there is no column {expected}, nor a field of that name above the table; words that are not known here: {found}" "{expected} 열이 없고 표 위의 양식에도 없습니다. 모르는 제목: {found}"
    // values
    BadValue "bad-value" "{found} is not {expected}" "{found}은(는) 올바른 값이 아닙니다. 필요한 값: {expected}"
    TooLong "too-long" "{found} is longer than {expected}" "{found}은(는) {expected}보다 깁니다"
    TooShort "too-short" "{found} is shorter than {expected}" "{found}은(는) {expected}보다 짧습니다"
    NotInCodeList "not-in-code-list" "{found} is not in the code list {expected}" "{found}은(는) 코드 목록 {expected}에 없습니다"
    // envelopes and counts
    WrongCount "wrong-count" "the count says {found}, but there are {expected}" "개수는 {found}(이)라고 적혀 있지만 실제는 {expected}입니다"
    WrongReference "wrong-reference" "the reference {found} differs from {expected} at the beginning" "참조 번호 {found}이(가) 앞의 {expected}와(과) 다릅니다"
    InterchangeRejected "interchange-rejected" "what it came in is rejected as a whole, and this with it" "이 문서가 들어 있던 교환 전체가 거절되어 함께 거절되었습니다"
    SenderMismatch "sender-mismatch" "the document names the sender {found}, but it was handed in by {expected}" "문서의 보낸 이는 {found}인데 {expected}이(가) 냈습니다"
    ReceiverUnknown "receiver-unknown" "the receiver {found} is not known here" "받는 이 {found}을(를) 모릅니다"
    NoAgreement "no-agreement" "there is no agreement with {expected} for {found}" "{expected}와(과) {found} 문서를 주고받기로 한 약정이 없습니다"
    // mapping
    NotCarried "not-carried" "{found} cannot be carried by {expected}" "{found}은(는) {expected}(으)로 옮길 수 없습니다"
    UnknownCode "unknown-code" "the code {found} has no counterpart in {expected}" "{found} 코드에 맞는 {expected} 값이 없습니다"
    // business
    UnknownItem "unknown-item" "the item {found} is not in the catalogue" "{found} 품목이 목록에 없습니다"
    UnknownOrder "unknown-order" "the order {found} is not known" "{found} 주문을 찾을 수 없습니다"
    UnknownLine "unknown-line" "the order has no line {found}" "주문에 {found}번 줄이 없습니다"
    UnknownParcel "unknown-parcel" "the waybill {found} is not known" "{found} 송장을 찾을 수 없습니다"
    CourierRefused "courier-refused" "{expected} does not take the parcel: {found}" "{expected}에서 소포를 받지 않았습니다: {found}"
    UnknownParty "unknown-party" "the party {found} is not known" "{found} 거래처를 모릅니다"
    QuantityExceeds "quantity-exceeds" "quantity {found} exceeds the {expected} still open" "수량 {found}이(가) 남은 {expected}보다 많습니다"
    PriceDiffers "price-differs" "the price {found} differs from the one in the catalogue" "단가 {found}이(가) 제품 목록의 단가와 다릅니다"
    TotalDiffers "total-differs" "the total {found} differs from the sum {expected}" "합계 {found}이(가) 계산한 값 {expected}와(과) 다릅니다"
    DatesOutOfOrder "dates-out-of-order" "the date {found} lies before {expected}" "날짜 {found}이(가) {expected}보다 앞섭니다"
    CheckDigit "check-digit" "the check digit of {found} should be {expected}" "{found}의 검증 숫자는 {expected}이어야 합니다"
    DuplicateLine "duplicate-line" "line {found} occurs twice" "{found}번 줄이 두 번 있습니다"
    WrongState "wrong-state" "this is not possible in the state {found}; needed is {expected}" "{found} 상태에서는 할 수 없습니다. 필요한 상태: {expected}"
    NotAllowed "not-allowed" "{found} may not send this; only {expected} may" "{found}은(는) 이 문서를 낼 수 없습니다. 낼 수 있는 이: {expected}"
    Conflict "conflict" "number {found} was received before with other content" "{found} 번호로 내용이 다른 문서를 이미 받았습니다"
    InEffect "in-effect" "number {found} was accepted already and is in effect; what came in answer differs and waits for a person" "{found} 번호는 이미 접수되어 효력이 있습니다. 답장으로 보내신 것은 내용이 달라 담당자가 확인합니다"
    AgainOrSame "again-or-same" "an equal document came on {expected}; is this a new one, or the same again?" "{expected}에 같은 내용의 문서를 받았습니다. 새 문서입니까, 같은 문서입니까?"
    Repeat "repeat" "this was received before on {expected}" "{expected}에 이미 받은 문서입니다"
    Waiting "waiting" "waits for {expected}" "{expected}을(를) 기다립니다"
    UnknownSender "unknown-sender" "nobody here has the mail address {found}; give it to a partner, or leave the mail where it is" "{found} 메일 주소를 쓰는 거래처가 없습니다. 거래처에 등록하거나 그대로 두십시오"
    SenderUnproven "sender-unproven" "nothing proves that {found} sent this; agreed is {expected}" "{found}에서 보낸 것이 확인되지 않았습니다. 약정된 확인 방법: {expected}"
    Required "required" "{expected} is needed for this" "{expected} 값이 필요합니다"
    ItemUnknownThere "item-unknown-there" "{expected} does not know the item {found}" "{expected}에 {found} 품목이 없습니다"
    PartyUnknownThere "party-unknown-there" "{expected} does not know the party {found}" "{expected}에 {found} 거래처가 없습니다"
    UnitDiffersThere "unit-differs-there" "the unit {found} is not the {expected} of the item there" "단위 {found}이(가) 그 품목의 단위 {expected}와(과) 다릅니다"
    RefusedThere "refused-there" "{expected} refused it: {found}" "{expected}에서 받지 않았습니다: {found}"
    // the machine
    HubTrouble "hub-trouble" "the hub met a fault of its own; the document is kept and held for a person" "허브 내부 오류입니다. 문서는 보관되었고 담당자가 확인합니다"
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Code::from_code(&text).ok_or_else(|| serde::de::Error::custom(format!("no finding has the code {text}")))
    }
}

/// Longest `found` or `expected` kept, in characters; the rest is cut with an ellipsis.
const LONGEST_TEXT: usize = 200;

/// One thing that is wrong with a document.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Deserialize)]
pub struct Finding {
    /// What kind.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// Where.
    #[serde(default)]
    pub place: Place,
    /// What was found, in the sender's own words.
    #[serde(default)]
    pub found: String,
    /// What was expected.
    #[serde(default)]
    pub expected: String,
}

impl Finding {
    /// An error at a place.
    pub fn error(code: Code, place: Place) -> Finding {
        Finding { code, severity: Severity::Error, place, found: String::new(), expected: String::new() }
    }

    /// A warning at a place.
    pub fn warning(code: Code, place: Place) -> Finding {
        Finding { severity: Severity::Warning, ..Finding::error(code, place) }
    }

    /// A note at a place.
    pub fn note(code: Code, place: Place) -> Finding {
        Finding { severity: Severity::Note, ..Finding::error(code, place) }
    }

    /// Says what was found.
    pub fn found(mut self, found: impl AsRef<str>) -> Finding {
        self.found = shorten(found.as_ref());
        self
    }

    /// Says what was expected.
    pub fn expected(mut self, expected: impl AsRef<str>) -> Finding {
        self.expected = shorten(expected.as_ref());
        self
    }

    /// The sentence.
    pub fn text(&self, language: Language) -> String {
        let template = self.code.template(language);
        // What was found is the sender's own, except where it is ours to say what is wrong with the text.
        let said = |text: &str| phrases::korean(text).filter(|_| language == Language::Ko);
        let found = if self.code == Code::Syntax { said(&self.found) } else { None };
        let found = found.as_deref().unwrap_or(&self.found);
        let expected = said(&self.expected);
        let expected = expected.as_deref().unwrap_or(&self.expected);
        let mut out = String::with_capacity(template.len() + self.found.len() + self.expected.len());
        let mut rest = template;
        while let Some(start) = rest.find('{') {
            let (before, from) = rest.split_at(start);
            out.push_str(before);
            if let Some(after) = from.strip_prefix("{found}") {
                out.push_str(found);
                rest = after;
            } else if let Some(after) = from.strip_prefix("{expected}") {
                out.push_str(expected);
                rest = after;
            } else {
                out.push('{');
                rest = from.strip_prefix('{').unwrap_or("");
            }
        }
        out.push_str(rest);
        out
    }
}

impl Serialize for Finding {
    /// As in the contract: code, severity, place, text in both languages, found, expected.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        #[derive(Serialize)]
        struct Text {
            ko: String,
            en: String,
        }
        let mut out = serializer.serialize_struct("Finding", 6)?;
        out.serialize_field("code", &self.code)?;
        out.serialize_field("severity", &self.severity)?;
        out.serialize_field("place", &self.place)?;
        out.serialize_field("text", &Text { ko: self.text(Language::Ko), en: self.text(Language::En) })?;
        out.serialize_field("found", &self.found)?;
        out.serialize_field("expected", &self.expected)?;
        out.end()
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        None => text.to_owned(),
        Some((cut, _)) => {
            let mut short = text.get(..cut).unwrap_or("").to_owned();
            short.push('…');
            short
        }
    }
}

/// A bounded list of findings: all of a document at once, up to a cap, then one that says so.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    list: Vec<Finding>,
    errors: usize,
    left_out: usize,
}

/// Findings kept per document.
pub const MOST_FINDINGS: usize = 200;

impl Findings {
    /// Adds one; over the cap only its severity counts.
    pub fn push(&mut self, finding: Finding) {
        if finding.severity == Severity::Error {
            self.errors += 1;
        }
        if self.list.len() < MOST_FINDINGS {
            self.list.push(finding);
        } else {
            self.left_out += 1;
            if self.left_out == 1 {
                self.list.push(
                    Finding::warning(Code::TooManyFindings, Place::default()).expected(MOST_FINDINGS.to_string()),
                );
            }
        }
    }

    /// Adds all of another list.
    pub fn extend(&mut self, others: impl IntoIterator<Item = Finding>) {
        for finding in others {
            self.push(finding);
        }
    }

    /// Whether something rejects.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Whether the list is full, so that looking further for more of the same is of no use.
    pub fn is_full(&self) -> bool {
        self.list.len() >= MOST_FINDINGS
    }

    /// Those that were kept.
    pub fn as_slice(&self) -> &[Finding] {
        &self.list
    }

    /// Gives them up.
    pub fn into_vec(self) -> Vec<Finding> {
        self.list
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl From<Vec<Finding>> for Findings {
    fn from(list: Vec<Finding>) -> Findings {
        let mut findings = Findings::default();
        findings.extend(list);
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentence_in_both_languages() {
        let finding =
            Finding::error(Code::QuantityExceeds, Place::path("lines[3].quantity")).found("12 EA").expected("10 EA");
        assert_eq!(finding.text(Language::En), "quantity 12 EA exceeds the 10 EA still open");
        assert_eq!(finding.text(Language::Ko), "수량 12 EA이(가) 남은 10 EA보다 많습니다");
        let finding = Finding::error(Code::BadValue, Place::default()).found("a text").expected("a whole number");
        assert_eq!(finding.text(Language::Ko), "a text은(는) 올바른 값이 아닙니다. 필요한 값: 정수");
        assert_eq!(finding.text(Language::En), "a text is not a whole number");
    }

    #[test]
    fn places_in_words() {
        let place = Place { segment: Some(7), element: Some(2), path: Some("LIN".to_owned()), ..Place::default() };
        assert_eq!(place.words(Language::Ko), "7번째 세그먼트, 요소 2");
        assert_eq!(place.words(Language::En), "segment 7, element 2");
        let place = Place { line: Some(3), column: Some(12), ..Place::default() };
        assert_eq!(place.words(Language::En), "line 3, column 12");
        let place = Place { sheet: Some("발주".to_owned()), cell: Some("B7".to_owned()), ..Place::default() };
        assert_eq!(place.words(Language::Ko), "시트 발주, 칸 B7");
    }

    #[test]
    fn json_comes_back() {
        let finding =
            Finding::warning(Code::BadValue, Place { line: Some(3), ..Place::default() }).found("x").expected("a date");
        let json = serde_json::to_string(&finding).unwrap();
        assert!(json.contains("\"ko\""));
        assert_eq!(serde_json::from_str::<Finding>(&json).unwrap(), finding);
    }

    #[test]
    fn the_list_is_bounded_and_still_knows_errors() {
        let mut findings = Findings::default();
        for _ in 0..MOST_FINDINGS {
            findings.push(Finding::warning(Code::Repeat, Place::default()));
        }
        findings.push(Finding::error(Code::Missing, Place::default()));
        assert!(findings.has_errors());
        assert_eq!(findings.as_slice().len(), MOST_FINDINGS + 1);
    }

    #[test]
    fn codes_are_unique() {
        let mut all: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        all.sort_unstable();
        let before = all.len();
        all.dedup();
        assert_eq!(all.len(), before);
    }
}
