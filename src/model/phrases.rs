//! What was expected, and what is wrong with a text, as formats and schemas say it in English, said in Korean. `{}` stands
//! for anything and is put where the Korean has its own. A phrase that is not here stays as it is: names, codes, numbers.

/// English and Korean.
const PHRASES: &[(&str, &str)] = &[
    // values
    ("a text", "글"),
    ("a language tag such as en or ko-KR", "en, ko-KR 같은 언어 표시"),
    ("a name token", "이름 표시"),
    ("a name", "이름"),
    ("a URI", "URI"),
    ("true or false", "true 또는 false"),
    ("a decimal number such as 12.50", "12.50 같은 수"),
    ("a whole number", "정수"),
    ("a whole number without sign", "부호 없는 정수"),
    ("a whole number from {} to {}", "{}부터 {}까지의 정수"),
    ("a whole number from {}", "{} 이상의 정수"),
    ("a whole number up to {}", "{} 이하의 정수"),
    ("a number of at most {} digits", "{}자리를 넘지 않는 수"),
    ("a number with at most {} digits behind the point", "소수점 아래 {}자리를 넘지 않는 수"),
    ("a number such as 12.5 or -3", "12.5, -3 같은 수"),
    ("a date", "날짜"),
    ("a date such as 2026-01-31", "2026-01-31 같은 날짜"),
    ("a time such as 09:30:00", "09:30:00 같은 시각"),
    ("a date and time such as 2026-01-31T09:30:00", "2026-01-31T09:30:00 같은 날짜와 시각"),
    ("a year such as 2026", "2026 같은 해"),
    ("base 64", "base 64"),
    ("pairs of hexadecimal digits", "짝수 개의 16진 숫자"),
    ("a text without digits", "숫자가 없는 글"),
    ("a text or a whole number", "글 또는 정수"),
    ("a known type", "아는 형"),
    ("a known element", "아는 요소"),
    ("an element of another namespace", "다른 이름공간의 요소"),
    ("a value", "값"),
    ("a single value", "값 하나"),
    ("one value", "값 하나"),
    ("a list", "목록"),
    ("a list in a list", "목록 안의 목록"),
    ("a list of events", "사건 목록"),
    ("an object", "객체"),
    ("an object with a type", "type이 있는 객체"),
    ("a field", "칸"),
    ("a field name", "칸 이름"),
    ("a name in quotes", "따옴표로 싼 이름"),
    ("a digit", "숫자"),
    ("a number without leading zeros", "0으로 시작하지 않는 수"),
    ("a character or its escape", "글자 또는 그 확장 표기"),
    ("a segment", "세그먼트"),
    ("{} only once", "{} 한 번만"),
    ("the end", "끝"),
    ("the form", "양식"),
    ("the end after UNZ", "UNZ 다음의 끝"),
    ("the end of {}", "{}의 끝"),
    ("the document behind the header", "머리 뒤의 문서"),
    // what is wrong with a text
    ("text outside of the root element", "맨 바깥 요소 밖에 글이 있습니다"),
    ("a document has one root element", "맨 바깥 요소가 하나가 아닙니다"),
    ("an XML declaration stands at the very beginning only", "XML 선언은 맨 앞에만 올 수 있습니다"),
    ("the attribute {} stands twice", "{} 속성이 두 번 있습니다"),
    ("an attribute needs = and a value in quotes", "속성에는 =와 따옴표로 싼 값이 있어야 합니다"),
    ("the value of an attribute stands in quotes", "속성 값은 따옴표로 싸야 합니다"),
    ("the value of an attribute does not end", "속성 값이 끝나지 않습니다"),
    ("the name of an attribute was expected", "속성 이름이 와야 합니다"),
    ("white space is missing before an attribute", "속성 앞에 빈칸이 없습니다"),
    ("< is not allowed in the value of an attribute", "속성 값에는 <를 쓸 수 없습니다"),
    ("-- is not allowed in a comment", "주석에는 --를 쓸 수 없습니다"),
    ("& without its ;", "&에 ;이 없습니다"),
    ("&{}; is no reference", "&{};은 참조가 아닙니다"),
    ("</{}> does not close <{}>", "</{}>는 <{}>를 닫지 않습니다"),
    ("</{}> closes nothing", "</{}>가 닫을 것이 없습니다"),
    ("the character {} is not allowed", "{} 글자는 쓸 수 없습니다"),
    ("the workbook is damaged", "통합 문서가 손상되었습니다"),
    ("the workbook is of Excel 95 or before", "엑셀 95 이전의 통합 문서입니다. 새 형식으로 저장해 주십시오"),
    ("the workbook is protected by a password", "암호가 걸린 통합 문서입니다"),
    ("text behind a closing quote", "닫는 따옴표 뒤에 글이 있습니다"),
    ("a second column for {}", "{} 열이 두 번 있습니다"),
    ("{} stands twice in one object", "한 객체에 {}이(가) 두 번 있습니다"),
    ("{} is no segment", "{}은(는) 세그먼트가 아닙니다"),
    ("{} cannot be a service character", "{}은(는) 구분 문자로 쓸 수 없습니다"),
    ("{} instead of {}", "{}이(가) 있습니다. 와야 하는 것: {}"),
    // what is waited for
    ("order {}", "주문 {}"),
    ("waybill {}", "송장 {}"),
    ("control {}", "봉투 번호 {}"),
];

/// The values of a pattern in a text, if it fits.
fn values<'t>(pattern: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut pieces = pattern.split("{}");
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut values = Vec::new();
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        let (value, after) = match (piece.is_empty(), pieces.peek()) {
            (true, _) => (rest, ""),
            // The last piece ends the text, whatever stands before it.
            (false, None) => (rest.strip_suffix(piece)?, ""),
            (false, Some(_)) => rest.split_once(piece)?,
        };
        values.push(value);
        rest = after;
    }
    (rest.is_empty() && values.iter().all(|value| !value.is_empty())).then_some(values)
}

/// The phrase in Korean; none where there is nothing to translate.
pub(super) fn korean(text: &str) -> Option<String> {
    PHRASES.iter().find_map(|(english, korean)| {
        let values = values(english, text)?;
        let mut out = String::new();
        let mut pieces = korean.split("{}");
        out.push_str(pieces.next()?);
        for (piece, value) in pieces.zip(values) {
            out.push_str(&self::korean(value).unwrap_or_else(|| value.to_owned()));
            out.push_str(piece);
        }
        Some(out)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_in_korean() {
        let check = |text: &str, expected: &str| assert_eq!(korean(text).as_deref(), Some(expected), "{text}");
        check("a date such as 2026-01-31", "2026-01-31 같은 날짜");
        check("a whole number from 1", "1 이상의 정수");
        check("a whole number from 1 to 9", "1부터 9까지의 정수");
        check("a number of at most 5 digits", "5자리를 넘지 않는 수");
        check("</b> does not close <a>", "</b>는 <a>를 닫지 않습니다");
        check("} instead of a value", "}이(가) 있습니다. 와야 하는 것: 값");
        check("order PO-1", "주문 PO-1");
        for stays in ["edifact/d96a/1131", "10 EA", "", "a", "ubl-2.1, edifact-d96a", "the buyer"] {
            assert_eq!(korean(stays), None, "{stays}");
        }
    }

    #[test]
    fn both_sides_have_the_same_values() {
        for (english, korean) in PHRASES {
            assert_eq!(english.matches("{}").count(), korean.matches("{}").count(), "{english}");
        }
    }
}
