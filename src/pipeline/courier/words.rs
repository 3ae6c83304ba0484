//! A courier's codes and wordings in our words. What is not in the tables is `unknown`: better a question to a person than
//! a delivery that did not happen.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::parcel_status::ParcelStatus;

/// What one carrier says and what it means; a courier that speaks for several has one for each.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Words {
    /// Its codes in our words.
    pub codes: BTreeMap<String, ParcelStatus>,
    /// Its wordings in our words, where it has no code or none that is listed.
    pub wordings: Vec<Wording>,
}

/// A wording and what it means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wording {
    /// The whole text.
    #[serde(default)]
    pub equals: String,
    /// A part of it.
    #[serde(default)]
    pub contains: String,
    /// What it means.
    pub is: ParcelStatus,
}

impl Words {
    /// What a code, or else a wording, means; `Unknown` if neither is known.
    ///
    /// A text that is listed as a whole counts first, then the longest part that is listed. If what is left of the text
    /// holds another listed part of another meaning, or a word of doubt (not, cancelled, expected), it is `Unknown`.
    pub fn meaning(&self, code: &str, wording: &str, doubt: &[String]) -> ParcelStatus {
        if let Some(status) = self.codes.get(code.trim()) {
            return *status;
        }
        let text = wording.trim();
        if text.is_empty() {
            return ParcelStatus::Unknown;
        }
        if let Some(whole) = self.wordings.iter().find(|one| one.equals == text) {
            return whole.is;
        }
        let parts = || self.wordings.iter().filter(|one| !one.contains.is_empty());
        let found = parts().filter(|one| text.contains(&one.contains)).max_by_key(|one| one.contains.len());
        let Some(found) = found else { return ParcelStatus::Unknown };
        let rest = text.replace(&found.contains, "\n");
        let doubtful = doubt.iter().any(|word| !word.is_empty() && rest.contains(word));
        let differs = parts().any(|one| one.is != found.is && rest.contains(&one.contains));
        if doubtful || differs { ParcelStatus::Unknown } else { found.is }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, wording: &str, expected: ParcelStatus) {
        let words: Words = toml::from_str(
            "codes = { 41 = \"delivered\" }\n\
             wordings = [ { equals = \"도착\", is = \"in-transit\" }, { contains = \"배송완료\", is = \"delivered\" }, \
             { contains = \"완료\", is = \"picked-up\" }, { contains = \"배송출발\", is = \"out-for-delivery\" } ]",
        )
        .unwrap();
        let doubt = ["취소", "예정", "않"].map(str::to_owned);
        assert_eq!(words.meaning(code, wording, &doubt), expected, "{code} {wording}");
    }

    #[test]
    fn a_code_a_text_or_a_part_of_it() {
        check("41", "", ParcelStatus::Delivered);
        check(" 41 ", "배송출발", ParcelStatus::Delivered);
        check("99", "배송출발", ParcelStatus::OutForDelivery);
        check("", "고객님의 상품이 배송완료 되었습니다", ParcelStatus::Delivered);
        check("", "집하완료", ParcelStatus::PickedUp);
        check("", "도착", ParcelStatus::InTransit);
    }

    #[test]
    fn what_nobody_has_seen_is_unknown() {
        check("99", "", ParcelStatus::Unknown);
        check("", "", ParcelStatus::Unknown);
        check("", "도착함", ParcelStatus::Unknown);
        check("", "배송완료 예정", ParcelStatus::Unknown);
        check("", "배송완료되지 않았습니다", ParcelStatus::Unknown);
        check("", "배송출발 후 배송완료", ParcelStatus::Unknown);
    }
}
