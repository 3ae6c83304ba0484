//! Every word and sentence of the pages, in Korean and English, in one table: a word without its twin does not compile.
//! `{}` stands for a value, filled by [`fill`]. Words of the trade itself (roles, document types, dispositions) stand
//! with their types in `model`.

use crate::model::finding::Language;

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
    search_label "주문번호, 송장번호, 거래처로 찾기" "Find an order, a waybill or a partner"
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
    when "시각" "Time"
    from "보낸 곳" "From"
    to "받는 곳" "To"
    way "통로" "Channel"
    size "크기" "Size"
    state "상태" "State"
    live "실시간" "live"
    narrow "거르기" "Narrow"
    and_n_more "외 {}건" "and {} more"
    the_hub "허브" "the hub"
    // menu
    start "할 일" "My day"
    trades "거래" "Trades"
    trade "거래" "Trade"
    interchange "원문" "Original"
    incoming "들어온 문서" "Incoming"
    outgoing "나간 문서" "Outgoing"
    sent_by_us "보낸 문서" "Sent"
    sent_to_us "받은 문서" "Received"
    accounts "사용자" "Accounts"
    delivery "나간 문서" "Delivery"
    document "문서" "Document"
    partners "거래처" "Partners"
    partner "거래처" "Partner"
    account "사용자" "Account"
    found "찾은 것" "Found"
    // interchanges and deliveries
    id "식별 번호" "Id"
    received "받은 때" "Received"
    decided "처리한 때" "Decided"
    cause "원인" "Cause"
    format "형식" "Format"
    envelope_sender "봉투의 보낸 이" "Sender on the envelope"
    envelope_receiver "봉투의 받는 이" "Receiver on the envelope"
    control_reference "봉투 번호" "Control reference"
    file_name "파일 이름" "File name"
    content_type "매체 종류" "Media type"
    digest "SHA-256" "SHA-256"
    facts "자세히" "Details"
    as_received "받은 그대로" "As it came"
    as_we_sent "보낸 그대로" "As you sent it"
    unreadable "읽지 못한 문서" "Unreadable document"
    no_document "읽은 문서가 없습니다. 까닭은 아래에 있습니다." "No document could be read; the reason is below."
    structure "문서 내용" "Contents"
    structure_cut "처음 {}줄만 보입니다. 나머지는 원문에 있습니다." "Only the first {} are shown; the rest is in the original."
    in_the_senders_words "보낸 이의 말 그대로" "in the sender's own words"
    message_n "{}번째 문서" "message {}"
    group_n "묶음" "group"
    show_the_bytes "원문 펼치기" "Show the original"
    secrets_masked "비밀 자리는 가림" "secrets are masked"
    text_cut "여기까지만 보입니다. 전체는 내려받아 보십시오." "Only the beginning is shown; download it for the rest."
    replay "다시 처리" "Process again"
    release "보낸 이가 맞습니다" "The sender is right"
    said_released "보낸 이를 확인했습니다. 메일의 문서를 다시 처리했습니다." "You vouched for the sender; the documents of the mail were processed again."
    mail_from "메일 보낸 이" "From"
    mail_subject "메일 제목" "Subject"
    it_is_new "새 문서가 맞습니다" "It is a new one"
    held_again_or_same "같은 내용의 문서가 얼마 전에 왔습니다. 새 문서인지 같은 문서인지 정해 주십시오." "An equal document came a short while ago. Is this a new one, or the same again?"
    held_not_yet "약정이 없어 기다립니다. 약정을 넣으면 저절로 다시 처리됩니다." "There is no agreement for this yet. It is processed again by itself as soon as there is one."
    held_hub "허브의 탓으로 멈추었습니다. 원인을 고친 뒤 다시 처리하십시오." "The hub failed here. Process it again when the cause is gone."
    held_conflict "담당자가 보고 정해야 합니다. 같은 번호의 앞선 문서와 다른 점이 아래에 있습니다." "Somebody has to decide. What differs from the earlier document of the same number is shown below."
    held_sender "메일을 보낸 이가 아직 확인되지 않았습니다. 확인 링크를 누르면 저절로 처리됩니다." "Nothing proves yet who sent this mail. It is processed by itself as soon as the sender opens the link we sent."
    held_unsure "담당자가 보고 정해야 합니다. 까닭은 아래에 있습니다." "Somebody has to decide; the reason is below."
    waiting_hint "짝이 되는 문서를 기다립니다. 오면 저절로 다시 처리됩니다." "Its counterpart is not here yet. It is processed again by itself when it comes."
    received_hint "처리하는 중입니다." "It is being processed."
    this_one "이 문서" "This document"
    the_one_before "앞선 문서" "The one before"
    same_as_before "앞선 문서와 내용이 같습니다." "Says the same as the one before."
    place "자리" "Place"
    sent_because "이 문서로 나간 것" "Sent because of it"
    nothing_sent "나간 것이 없습니다." "Nothing was sent."
    answers "돌아온 답" "Answers that came back"
    attempts_n "{}번 시도" "attempts: {}"
    to_the_trade "거래 보기" "To the trade"
    said_replayed "다시 처리했습니다." "It was processed again."
    said_resent "다시 보냅니다." "It is on its way again."
    said_in_effect "이미 수락된 문서라 다시 처리하지 않았습니다." "It is in effect already and was not processed again."
    ack_accepted "상대가 수락함" "accepted by the partner"
    ack_rejected "상대가 거절함" "rejected by the partner"
    ack_partly "상대가 일부만 수락함" "partly accepted by the partner"
    ack_received "상대가 받음" "received by the partner"
    acknowledgement "수신 응답" "Acknowledgement"
    notice "알림" "Notice"
    kind "종류" "Kind"
    written_as "형식" "Written as"
    attempts "시도" "Attempts"
    no_attempt "아직 시도하지 않았습니다." "Not tried yet."
    next_attempt "다음 시도" "Next attempt"
    outcome_delivered "전달됨" "delivered"
    outcome_temporary "나중에 다시" "later again"
    outcome_dead "실패" "failed"
    resend "다시 보내기" "Send again"
    as_sent "보낸 그대로" "As it went"
    not_prepared "아직 만들지 않았습니다. 처음 보낼 때 한 번 만들어 그대로 둡니다." "Not written yet. It is written once, when it is first sent."
    not_carried "이 형식으로 옮기지 못한 것" "What this format could not carry"
    not_carried_more "상대가 받은 문서에는 아래 값이 없습니다." "The partner did not get these values."
    content "내용" "Content"
    caused_by "바탕 문서" "Caused by"
    address "주소" "Address"
    receipt "상대의 답" "Answer"
    created "생긴 때" "Created"
    changed "바뀐 때" "Changed"
    came_in "받은 그대로" "As it came"
    went_out "보낸 그대로" "As it went"
    no_content "줄마다 적용한 문서라 따로 보이는 내용이 없습니다. 받은 그대로를 보십시오." "It was applied line by line, so there is no content to show here; see it as received."
    number "번호" "No."
    // trades
    parties "거래 상대" "Parties"
    and_n_items "외 {}종" "and {} more"
    trade_ordered "주문됨" "ordered"
    trade_confirmed "납기 약속됨" "confirmed"
    trade_despatched "배송 중" "on its way"
    trade_delivered "도착함" "delivered"
    trade_settled "정산함" "settled"
    trade_rejected "거절됨" "rejected"
    part_buyer "구매자" "buyer"
    part_seller "판매인" "seller"
    part_producer "생산자" "producer"
    courier "택배사" "Courier"
    part_courier "택배사" "courier"
    part_centre "센터" "centre"
    step_ordered "주문" "Ordered"
    step_confirmed "납기 약속" "Confirmed"
    step_despatched "출하" "Despatched"
    step_delivered "도착" "Delivered"
    step_settled "정산" "Settled"
    forwarded "생산자에게 전달" "Passed on to the producer"
    n_of_n "{}/{}" "{} of {}"
    lines_of "{}/{}줄" "{} of {} lines"
    parcels_of "상자 {}/{}" "{} of {} parcels"
    settled_what_arrived "도착분 정산함" "what arrived"
    happened_n "{}건" "{} entries"
    by_part "{} 기록" "by the {}"
    story "지나온 길" "What happened"
    next "다음 차례" "What is owed next"
    nothing_owed "남은 일이 없습니다." "Nothing is owed any more."
    owed_response "주문 응답 ({}줄)" "answer to the order (lines: {})"
    owed_despatch "{} {} 출하" "despatch of {} {}"
    owed_delivery "{} 배송 결과" "delivery of {}"
    owed_settlement "{} 정산" "settlement of {}"
    owed_resend "{} 보내지 못함" "{} was not delivered"
    until "{}까지" "until {}"
    at_closing "마감 때" "at the closing of the day"
    settlement "이익 분배" "Shares"
    share_n "판매인 {}%" "seller {}%"
    invoiced "도착한 금액" "Worth of what arrived"
    sellers_share "판매인 몫" "Seller's share"
    rest "나머지" "The rest"
    settled_so_far "정산한 판매인 몫" "Seller's share settled"
    nothing_arrived "아직 도착한 것이 없습니다." "Nothing has arrived yet."
    when_all_arrived "다 도착하면 판매인 몫 {}" "Seller's share when all has arrived: {}"
    keys "관련 번호" "Numbers"
    key_order "주문번호" "Order"
    key_despatch "출하 통지" "Despatch advice"
    key_waybill "송장" "Waybill"
    key_response "주문 응답" "Order response"
    key_sscc "SSCC" "SSCC"
    key_statement "정산서" "Statement"
    key_other "기타" "Other"
    lines "줄" "Lines"
    item "품목" "Item"
    ordered "주문" "Ordered"
    promised "약속" "Promised"
    despatched "출하" "Despatched"
    delivered "도착" "Delivered"
    price "단가" "Price"
    amount "금액" "Amount"
    total "합계" "Total"
    parcels "상자" "Parcels"
    parcel "상자" "Parcel"
    contents "내용물" "Contents"
    parcel_n "상자 {}" "parcel {}"
    serials_n "일련번호 {}개" "serial numbers: {}"
    lines_n "{}줄" "lines: {}"
    parcels_n "상자 {}개" "parcels: {}"
    total_n "합계 {}" "total {}"
    to_pay_n "지불할 금액 {}" "to pay {}"
    wished_for "희망일 {}" "wished for {}"
    promised_for "{} 약속" "promised for {}"
    line_n "{}번 줄" "line {}"
    waybill_n "송장 {}" "waybill {}"
    received_by "받은 사람: {}" "received by {}"
    // the start page
    tile_held "정해 줄 것" "To be decided"
    tile_dead "보내지 못한 것" "Not delivered"
    tile_waiting "상대 문서를 기다리는 것" "Waiting for their counterpart"
    all_done "모두 처리했습니다. 기다리는 일이 없습니다." "All done: nothing waits for you."
    nothing_for_you "지금 맡은 일이 없습니다." "There is nothing for you right now."
    no_trades "아직 거래가 없습니다. 첫 주문이 오면 여기에 보입니다." "No trades yet. The first order will show up here."
    no_interchanges "아직 문서가 없습니다. 첫 문서가 오면 여기에 보입니다." "No documents yet. The first one will show up here."
    no_deliveries "아직 나간 문서가 없습니다." "Nothing has gone out yet."
    latest_trades "최근 거래" "Latest trades"
    latest_documents "최근 문서" "Latest documents"
    // partners and agreements
    roles "역할" "Roles"
    identifier "식별자" "Identifier"
    active "유효" "active"
    ended "종료" "ended"
    superseded "새 판 있음" "superseded"
    contact "담당자" "Contact"
    telephone "전화" "Telephone"
    mail "메일" "Mail"
    language "언어" "Language"
    direction "방향" "Direction"
    direction_in "받음" "comes in"
    direction_out "보냄" "goes out"
    version_n "{}판" "version {}"
    agreements "약정" "Agreements"
    no_agreements "약정이 없습니다. 약정이 없으면 이 거래처의 문서는 보류됩니다." "No agreements yet: documents of this partner are held until there is one."
    no_keys "키가 없습니다. 키는 명령줄 dure key add 로 만듭니다." "No keys yet; make one with dure key add."
    earlier_agreements "지난 약정" "Earlier agreements"
    new_partner "거래처 추가" "Add a partner"
    new_agreement "약정 추가" "Add an agreement"
    edit "고치기" "Edit"
    save "저장" "Save"
    back "돌아가기" "Back"
    credentials "접속 키와 인증서" "Keys and certificates"
    key "접속 키" "key"
    certificate "인증서" "certificate"
    end_key "이 키 끝내기" "End this key"
    said_saved "저장했습니다." "Saved."
    said_key_ended "키를 끝냈습니다. 이제 이 키로는 아무것도 들어올 수 없습니다." "The key has ended. Nothing comes in with it any more."
    short_name "짧은 이름" "Short name"
    short_name_hint "영문자, 숫자, -, _" "Letters, digits, - and _"
    full_name "이름" "Name"
    mail_addresses "보낼 때 쓰는 메일 주소" "Mail addresses it writes from"
    mail_addresses_hint "빈칸으로 나누어 적습니다. @도메인 전체도 됩니다." "With spaces between; @domain.example for all of a domain."
    mail_proof "메일 보낸 이 확인 방법" "What proves a mail"
    mail_proof_hint "link, dkim, server:이름. 비워 두면 link." "link, dkim, server:NAME; left empty it is link."
    identifier_hint "gln:8801234500012, brn:1248100998, duns:…, vat:…" "gln:8801234500012, brn:1248100998, duns:…, vat:…"
    street "도로명 주소" "Street"
    postal_zone "우편번호" "Postal code"
    city "도시" "City"
    country "나라 (KR)" "Country (KR)"
    agreement_name "약정 이름" "Name of the agreement"
    agreement_hint "비워 두면 거래처-방향-문서로 짓습니다." "Left empty, it is made of partner, direction and document."
    part_what "무엇을 어디로" "What goes where"
    part_answers "응답과 재시도" "Answers and retries"
    part_settlement "정산" "Settlement"
    part_technical "기술 설정" "Technical"
    part_validity "기간과 상태" "Validity"
    part_who "누구인가" "Who it is"
    part_address "주소와 연락처" "Address and contact"
    needed "꼭 적을 것" "needed"
    identifiers "식별자" "Identifiers"
    address_hint "https://…, mailto:…" "https://…, mailto:…"
    functional "문서마다 (CONTRL, ApplicationResponse)" "for each document (CONTRL, ApplicationResponse)"
    receipt_only "받았다는 답만" "receipt only"
    none "없음" "none"
    charset "문자 집합" "Character set"
    mapping "대응표" "Mapping"
    mapping_hint "표준 대응표가 아닐 때만" "Only where it is not the standard one"
    signing_secret "서명 비밀의 이름" "Name of the signing secret"
    credential "상대 인증 정보의 이름" "Name of the partner's credential"
    secret_hint "봉인해 둔 비밀의 이름. 비밀 자체는 여기에 적지 않습니다." "Name of a sealed secret; never the secret itself."
    all_or_nothing "한 봉투의 문서를 모두 받거나 모두 거절" "All documents of an interchange or none"
    retries "재시도 간격 (초)" "Retries after, seconds"
    retries_hint "예: 60 300 1800" "For example 60 300 1800"
    patience "짝을 기다리는 시간 (초)" "Patience with what waits, seconds"
    window "번호 없는 같은 문서를 묻는 기간 (초)" "Window for equal documents without a number, seconds"
    share_percent "판매인 몫 (%)" "Seller's share, percent"
    rounding "끝수 처리" "Rounding"
    half_up "반올림" "half up"
    half_even "짝수로 반올림" "half to even"
    down "버림" "down"
    valid_from "시작일" "First day"
    valid_to "종료일" "Last day"
    yes "예" "yes"
    no "아니요" "no"
    nothing "–" "–"
    yours "적은 값" "Yours"
    now_there "지금 값" "What is there now"
    changed_meanwhile "이 양식을 연 뒤에 다른 사람이 고쳤습니다. 다른 점을 보고 다시 저장하십시오." "Somebody changed this after you opened the form. See what differs, then save again."
    sent_before "이 양식은 다른 값으로 이미 보냈습니다. 확인하고 다시 저장하십시오." "This form was sent before with other values. Check them and save again."
    name_taken "같은 이름이 이미 있습니다. 고치려면 그 쪽에서 고치십시오." "There is one of that name already; change it on its own page."
    no_accounts "아직 사용자가 없습니다." "No accounts yet."
    new_account "사용자 추가" "Add an account"
    new_password "새 비밀번호 만들기" "Make a new password"
    new_password_more "지금 쓰는 비밀번호와 열린 화면은 곧바로 끝납니다." "The present password and all open sessions end at once."
    password_once "새 비밀번호입니다. 지금 한 번만 보이니 본인에게 전하십시오." "The new password. It is shown this once; hand it to the person."
    no_password "비밀번호 없음" "no password"
    login_hint "들어올 때 쓰는 이름. 메일 주소도 됩니다." "The name to sign in with; a mail address will do."
    role "역할" "Role"
    organisation "소속" "Organisation"
    not_yourself "자신의 역할을 바꾸거나 자신의 계정을 끝낼 수는 없습니다. 다른 관리자에게 부탁하십시오." "You cannot change your own role or end your own account; ask another administrator."
    said_added "추가했습니다. 이제 비밀번호를 만들어 전하십시오." "Added. Now make a password and hand it over."
    // signing in
    sign_in "들어가기" "Sign in"
    login "이름" "Name"
    password "비밀번호" "Password"
    sign_in_lead "문서가 오가는 길을 한눈에 봅니다." "See every document on its way."
    sign_in_wrong "이름이나 비밀번호가 맞지 않습니다." "The name or the password is not right."
    sign_in_slow "실패가 잦아 잠시 막았습니다. {}분 뒤 다시 해 보십시오." "Too many failed attempts. Try again in {} minutes."
    sign_in_busy "지금 들어오는 사람이 많습니다. 잠시 뒤 다시 해 보십시오." "Too many people are signing in right now. Try again in a moment."
}

impl Words {
    /// The words of a language.
    pub fn of(language: Language) -> &'static Words {
        match language {
            Language::Ko => &KO,
            Language::En => &EN,
        }
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
}
