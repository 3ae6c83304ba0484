//! Every word and sentence of the pages, in Korean and English, in one table: a word without its twin does not compile.
//! `{}` stands for a value, filled by [`fill`]. Words of the trade itself (roles, document types, dispositions) stand
//! with their types in `model`.

use crate::model::finding::{Language, Place};

macro_rules! words {
    ($( $name:ident $ko:literal $en:literal )*) => {
        /// The words of the pages in one language.
        #[derive(Debug)]
        #[expect(missing_docs, reason = "the text is the documentation")]
        pub struct Words { $( pub $name: &'static str, )* }

        const KO: Words = Words { $( $name: $ko, )* };
        const EN: Words = Words { $( $name: $en, )* };

        #[cfg(test)]
        const TABLE: &[(&str, &str, &str)] = &[ $( (stringify!($name), $ko, $en), )* ];
    };
}

// name, Korean, English; grouped by where they are read.
words! {
    // every page
    main_menu "주 메뉴" "Main menu"
    skip_to_content "본문으로 건너뛰기" "Skip to content"
    search_label "주문번호, 송장번호, 출하 통지 번호로 찾기" "Find by order, waybill or despatch number"
    search "찾기" "Find"
    sign_out "나가기" "Sign out"
    other_language "English" "한국어"
    not_found "찾을 수 없습니다" "Not found"
    not_found_more "이 주소에는 볼 수 있는 것이 없습니다. 주소가 잘못되었거나 볼 권한이 없는 것입니다." "There is nothing to see at this address: it is wrong, or what it names is not yours to see."
    trouble "처리하지 못했습니다" "Something went wrong"
    trouble_more "허브 내부 오류입니다. 기록되었으니 잠시 뒤 다시 해 보십시오." "The hub met a fault of its own. It has been noted; please try again in a while."
    form_stale "이 양식은 더 이상 유효하지 않습니다" "This form is no longer valid"
    form_stale_more "들어온 뒤 시간이 지났거나 다른 곳에서 나갔습니다. 앞 쪽으로 돌아가 새로 고친 뒤 다시 보내십시오." "You signed in again, or signed out elsewhere. Go back, reload the page and send it again."
    to_start "처음으로" "To the start page"
    times_in "시각은 {} 기준" "Times in {}"
    none_here "아직 없습니다." "Nothing here yet."
    nothing_matches "조건에 맞는 것이 없습니다." "Nothing matches."
    older "이전" "Older"
    newest "처음으로" "Newest"
    all "전체" "All"
    all_of_them "모두 보기" "See all"
    show "보기" "Show"
    download "내려받기" "Download"
    bytes_n "{}바이트" "{} bytes"
    // menu
    menu_trade "거래" "Trade"
    menu_connect "연결" "Connections"
    start "할 일" "My day"
    trades "거래" "Trades"
    trade "거래" "Trade"
    interchanges "주고받은 문서" "Interchanges"
    interchange "받은 문서" "Interchange"
    deliveries "보낸 문서" "Deliveries"
    delivery "보낸 문서" "Delivery"
    document "문서" "Document"
    partners "거래처" "Partners"
    partner "거래처" "Partner"
    account "내 계정" "My account"
    found "찾은 것" "Found"
    // signing in
    sign_in "들어가기" "Sign in"
    login "이름" "Name"
    password "비밀번호" "Password"
    sign_in_lead "문서가 오가는 길을 한눈에 봅니다." "See every document on its way."
    sign_in_wrong "이름이나 비밀번호가 맞지 않습니다." "The name or the password is not right."
    sign_in_slow "실패가 잦아 잠시 막았습니다. {}분 뒤 다시 해 보십시오." "Too many failed attempts. Try again in {} minutes."
    sign_in_busy "지금 들어오는 사람이 많습니다. 잠시 뒤 다시 해 보십시오." "Too many people are signing in right now. Try again in a moment."
    // places of findings
    place_line "{}번째 줄" "line {}"
    place_column "{}번째 글자" "column {}"
    place_segment "{}번째 세그먼트" "segment {}"
    place_element "요소 {}" "element {}"
    place_component "구성요소 {}" "component {}"
    place_sheet "시트 {}" "sheet {}"
    place_cell "칸 {}" "cell {}"
    place_field "입력란 {}" "field {}"
}

impl Words {
    /// The words of a language.
    pub fn of(language: Language) -> &'static Words {
        match language {
            Language::Ko => &KO,
            Language::En => &EN,
        }
    }

    /// Where a finding is, in the reader's words, without its path.
    pub fn place(&self, place: &Place) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut put = |words, number: Option<String>| parts.extend(number.map(|number| fill(words, &[&number])));
        let text = |number: Option<u32>| number.map(|number| number.to_string());
        put(self.place_sheet, place.sheet.clone());
        put(self.place_cell, place.cell.clone());
        if place.segment.is_some() {
            put(self.place_segment, text(place.segment));
            put(self.place_element, text(place.element.map(u32::from)));
            put(self.place_component, text(place.component.map(u32::from)));
        } else {
            put(self.place_line, text(place.line));
            put(self.place_column, text(place.column));
        }
        put(self.place_field, place.field.clone());
        parts.join(", ")
    }
}

/// Puts values where a sentence has `{}`, one after the other.
pub fn fill(sentence: &str, values: &[&str]) -> String {
    let mut out = String::with_capacity(sentence.len() + 16);
    let mut values = values.iter();
    let mut pieces = sentence.split("{}");
    out.push_str(pieces.next().unwrap_or(""));
    for piece in pieces {
        out.push_str(values.next().unwrap_or(&""));
        out.push_str(piece);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_everything() {
        for (name, ko, en) in TABLE {
            assert!(!ko.trim().is_empty() && !en.trim().is_empty(), "{name} is empty");
            assert_eq!(ko.matches("{}").count(), en.matches("{}").count(), "{name} has other values");
            let hangul = |text: &str| text.chars().any(|c| ('가'..='힣').contains(&c));
            if *name != "other_language" {
                assert!(!hangul(en), "{name} is Korean in English: {en}");
            }
        }
    }

    #[test]
    fn sentences_are_filled_in_order() {
        assert_eq!(fill("{} of {}", &["2", "5"]), "2 of 5");
        assert_eq!(fill("{}", &["{}"]), "{}");
        assert_eq!(fill("{} {}", &["a"]), "a ");
    }

    #[test]
    fn places_in_words() {
        let place = Place { segment: Some(7), element: Some(2), path: Some("LIN".to_owned()), ..Place::default() };
        assert_eq!(Words::of(Language::Ko).place(&place), "7번째 세그먼트, 요소 2");
        assert_eq!(Words::of(Language::En).place(&place), "segment 7, element 2");
        let place = Place { line: Some(3), column: Some(12), ..Place::default() };
        assert_eq!(Words::of(Language::En).place(&place), "line 3, column 12");
    }
}
