//! What people call the fields of our documents: the usual ones in both languages, and words of the trade that stand in
//! them as codes of ours. A field that is not here is read by its own name.

use std::borrow::Cow;

use crate::model::finding::Language;
use crate::model::parcel_status::ParcelStatus;

macro_rules! fields {
    ($( $name:literal $ko:literal $en:literal )*) => {
        const FIELDS: &[(&str, &str, &str)] = &[ $( ($name, $ko, $en), )* ];
    };
}

// Sorted by name.
fields! {
    "accepted" "수락" "accepted"
    "accounting_cost" "비용 항목" "Cost centre"
    "acknowledgement" "수신 응답" "Acknowledgement"
    "action_code" "동작" "Action"
    "actual_delivery_date" "도착일" "Delivered on"
    "actual_despatch_date" "출하일" "Despatched on"
    "added" "추가" "added"
    "address" "주소" "Address"
    "all_or_nothing" "모두 아니면 전무" "All or nothing"
    "allowance_charges" "할인·추가금" "Allowances and charges"
    "allowance_total_amount" "할인 합계" "Allowances"
    "anticipated_monetary_total" "예상 합계" "Expected total"
    "back-ordered" "나중에 출하" "back-ordered"
    "backorder_quantity" "나중에 보낼 수량" "Back-ordered"
    "balance_amount" "잔액" "Balance"
    "buyer" "구매자" "Buyer"
    "buyers_item_id" "구매자 품번" "Buyer's item number"
    "cancel" "취소" "cancellation"
    "carrier" "운송인" "Carrier"
    "change" "변경" "change"
    "changed" "변경" "changed"
    "charge_total_amount" "추가금 합계" "Charges"
    "charset" "문자 집합" "Character set"
    "confirmed" "확인" "confirmed"
    "consignment_id" "운송 번호" "Consignment"
    "contact" "연락처" "Contact"
    "contents" "내용물" "Contents"
    "copy" "사본" "copy"
    "courier" "택배사" "Courier"
    "courier_code" "택배사 코드" "Courier's code"
    "credential" "상대 인증 정보" "Partner's credential"
    "credit_amount" "받을 금액" "Credit"
    "customer" "받는 이" "For"
    "customer_reference" "고객 참조" "Customer reference"
    "customization_id" "세부 규격" "Customization"
    "dates" "날짜" "Dates"
    "debit_amount" "낼 금액" "Debit"
    "delivered" "도착" "delivered"
    "delivered_quantity" "출하 수량" "Despatched"
    "deliveries" "배송" "Delivery"
    "delivery_address" "배송지" "Delivery address"
    "delivery_party" "받는 곳" "Deliver to"
    "delivery_terms" "인도 조건" "Delivery terms"
    "descriptions" "설명" "Description"
    "despatch_party" "보내는 곳" "Despatched by"
    "despatched" "출하" "despatched"
    "direction" "방향" "Direction"
    "document_currency_code" "통화" "Currency"
    "document_type" "문서 종류" "Document type"
    "electronic_mail" "메일" "Mail"
    "estimated_delivery_period" "도착 예정" "Expected delivery"
    "events" "사건" "Events"
    "format" "형식" "Format"
    "function" "구분" "Function"
    "gross_weight" "총중량" "Gross weight"
    "id" "번호" "Number"
    "identifiers" "식별자" "Identifiers"
    "issue_date" "발행일" "Issued on"
    "issue_time" "발행 시각" "Issued at"
    "item" "품목" "Item"
    "language" "언어" "Language"
    "latest_delivery_date" "납기" "Latest delivery"
    "lead_time" "최대 납기" "Lead time"
    "legal_monetary_total" "합계" "Total"
    "line_extension_amount" "금액" "Amount"
    "line_id" "줄" "Line"
    "lines" "줄" "Lines"
    "location" "장소" "Place"
    "manufacturers" "제조사" "Manufacturers"
    "mapping" "대응표" "Mapping"
    "minimum_order_quantity" "최소 주문량" "Minimum order"
    "name" "이름" "Name"
    "names" "이름" "Name"
    "notes" "비고" "Notes"
    "occurred_at" "일어난 때" "When"
    "order_line_id" "주문 줄" "Order line"
    "order_line_references" "주문 줄" "Order line"
    "order_reference" "주문" "Order"
    "order_references" "주문" "Order"
    "order_type_code" "주문 종류" "Order type"
    "ordered" "주문" "ordered"
    "original" "원본" "original"
    "outstanding_quantity" "남은 수량" "Outstanding"
    "packages" "상자" "Parcels"
    "parties" "관련자" "Parties"
    "party" "거래처" "Partner"
    "patience_s" "기다리는 시간(초)" "Patience, seconds"
    "payable_amount" "지불 금액" "Payable"
    "payment_terms" "지불 조건" "Payment terms"
    "period" "기간" "Period"
    "price" "단가" "Price"
    "profile_id" "업무 규격" "Profile"
    "promised_date" "약속일" "Promised"
    "promised_period" "약속일" "Promised"
    "provider" "내는 이" "Provider"
    "quantity" "수량" "Quantity"
    "received" "수신" "received"
    "received_by" "받은 사람" "Received by"
    "receiver" "받는 이" "Receiver"
    "reference_id" "참조" "Refers to"
    "references" "참조" "References"
    "rejected" "거절" "rejected"
    "rejection_notes" "거절 이유" "Why rejected"
    "replace" "교체" "replacement"
    "requested_period" "희망일" "Wished for"
    "response_code" "응답" "Answer"
    "responses" "응답" "Answers"
    "retry_s" "재시도 간격(초)" "Retries after, seconds"
    "role" "역할" "Role"
    "roles" "역할" "Roles"
    "rounding" "끝수 처리" "Rounding"
    "sales_order_id" "수주 번호" "Sales order"
    "seller" "판매자" "Seller"
    "seller_share_percent" "판매인 몫(%)" "Seller's share, %"
    "sellers_item_id" "판매자 품번" "Seller's item number"
    "sender" "보낸 이" "Sender"
    "serial_ids" "일련번호" "Serial numbers"
    "settled" "정산" "settled"
    "shipment" "운송" "Shipment"
    "signing_secret" "서명 비밀" "Signing secret"
    "standard_item_id" "GTIN" "GTIN"
    "status" "상태" "Status"
    "supplier" "내는 이" "From"
    "tax_amount" "세액" "Tax"
    "tax_exclusive_amount" "공급가액" "Before tax"
    "tax_inclusive_amount" "세금 포함" "With tax"
    "tax_totals" "세금" "Tax"
    "telephone" "전화" "Telephone"
    "texts" "글" "Texts"
    "total_balance_amount" "잔액" "Balance"
    "total_credit_amount" "받을 금액 합계" "Total credit"
    "total_debit_amount" "낼 금액 합계" "Total debit"
    "total_packages" "상자 수" "Parcels"
    "tracking_id" "송장" "Waybill"
    "unmapped" "옮기지 못한 것" "Not carried"
    "uuid" "UUID" "UUID"
    "valid_from" "시작일" "From"
    "valid_to" "종료일" "Until"
    "validity_period" "유효 기간" "Valid"
    "validity_periods" "유효 기간" "Valid"
    "version_id" "판" "Version"
    "window_s" "같은 문서를 묻는 기간(초)" "Window of repeats, seconds"
}

/// What a field is called.
pub(crate) fn label(name: &str, language: Language) -> Cow<'_, str> {
    match FIELDS.binary_search_by_key(&name, |(name, _, _)| name).ok().and_then(|index| FIELDS.get(index)) {
        Some((_, ko, en)) => Cow::Borrowed(if language == Language::Ko { ko } else { en }),
        None => Cow::Owned(name.replace('_', " ")),
    }
}

/// What a code of ours is called where it stands in a field of that name; other values stay as they are.
pub(crate) fn value<'v>(field: &str, text: &'v str, language: Language) -> Cow<'v, str> {
    match field {
        "status" if ParcelStatus::from_word(text).is_some() => {
            ParcelStatus::from_word(text).map_or(Cow::Borrowed(text), |status| Cow::Borrowed(status.title(language)))
        }
        "status" | "response_code" | "function" => label(text, language),
        "document_type" => match text.parse::<crate::model::document_type::DocumentType>() {
            Ok(known) => Cow::Borrowed(known.title(language)),
            Err(_) => Cow::Borrowed(text),
        },
        _ => Cow::Borrowed(text),
    }
}

/// The path of a value in words: `lines[2].item.name` is `줄 2 · 품목 · 이름`.
pub(crate) fn path(path: &str, language: Language) -> String {
    // The value of an amount or a quantity is what its field says.
    let parts = path.strip_suffix(".value").unwrap_or(path).split('.').map(|part| match part.split_once('[') {
        Some((name, index)) => format!("{} {}", label(name, language), index.trim_end_matches(']')),
        None => label(part, language).into_owned(),
    });
    parts.collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete() {
        assert!(FIELDS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(FIELDS.iter().all(|(_, ko, en)| !ko.is_empty() && !en.is_empty()));
    }

    #[test]
    fn fields_in_words() {
        assert_eq!(label("issue_date", Language::Ko), "발행일");
        assert_eq!(label("some_other_field", Language::En), "some other field");
        assert_eq!(path("lines[2].item.name", Language::Ko), "줄 2 · 품목 · 이름");
        assert_eq!(value("status", "in-transit", Language::En), "in transit");
        assert_eq!(value("response_code", "rejected", Language::Ko), "거절");
        assert_eq!(value("name", "rejected", Language::Ko), "rejected");
    }
}
