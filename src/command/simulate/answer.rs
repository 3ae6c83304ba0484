//! What a simulated producer says to an order: an OrderResponse line by line, then a DespatchAdvice with parcels, waybills,
//! SSCCs and serial numbers. Typed documents of ours; the formats make EDIFACT or UBL of them.

use chrono::{Days, NaiveDate};
use clap::ValueEnum;
use rust_decimal::Decimal;

use crate::document::despatch_advice::{DespatchAdvice, DespatchLine, Package, PackageContent, Shipment};
use crate::document::order::{Order, OrderLine};
use crate::document::order_response::{OrderResponse, OrderResponseLine};
use crate::model::parts::{
    Delivery, DocumentReference, Identifier, Item, ItemInstance, LineReference, Party, Period, Quantity,
};
use crate::model::party_id::PartyId;
use crate::model::record::Date;

/// What is said to every order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Answer {
    /// Every line as ordered.
    Accept,
    /// One piece less of the first line that has several.
    Change,
    /// No line.
    Refuse,
}

/// How a simulated producer works.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it says.
    pub answer: Answer,
    /// Days from today to the promised day.
    pub lead_days: u32,
    /// Whether everything goes into one parcel; else one parcel a line.
    pub one_parcel: bool,
    /// Serial numbers given at most to the pieces of one line.
    pub most_serials: u32,
    /// The courier.
    pub courier: PartyId,
    /// Its name.
    pub courier_name: String,
    /// The first waybill number of eleven digits; a check digit follows.
    pub first_waybill: u64,
    /// Whether waybill numbers are left to the courier: the hub books the parcels.
    pub unbooked: bool,
}

impl Default for Rule {
    fn default() -> Rule {
        Rule {
            answer: Answer::Accept,
            lead_days: 3,
            one_parcel: false,
            most_serials: 50,
            courier: PartyId::default(),
            courier_name: String::new(),
            first_waybill: 68_123_456_001,
            unbooked: false,
        }
    }
}

fn identifier(value: impl Into<String>) -> Option<Identifier> {
    Some(Identifier { value: value.into(), ..Identifier::default() })
}

fn reference(order: &Order) -> DocumentReference {
    DocumentReference {
        id: identifier(&order.id),
        role: "order".to_owned(),
        issue_date: order.issue_date.clone(),
        ..DocumentReference::default()
    }
}

/// A number of ours for an order's number: `OR-4711-2` for `4711/2`.
fn number(prefix: &str, order: &Order) -> String {
    format!("{prefix}-{}", order.id.replace('/', "-"))
}

/// The quantity that is promised of a line; none if it is refused.
fn promised(rule: &Rule, order: &Order, index: usize, ordered: &Quantity) -> Option<Quantity> {
    let shortened =
        || order.lines.iter().position(|line| line.quantity.as_ref().is_some_and(|q| q.value > Decimal::ONE));
    match rule.answer {
        Answer::Accept => Some(ordered.clone()),
        Answer::Refuse => None,
        Answer::Change if shortened() == Some(index) => {
            Some(Quantity { value: ordered.value - Decimal::ONE, ..ordered.clone() })
        }
        Answer::Change => Some(ordered.clone()),
    }
}

/// The answer to an order.
pub fn order_response(rule: &Rule, order: &Order, today: NaiveDate) -> OrderResponse {
    let day = today.checked_add_days(Days::new(u64::from(rule.lead_days))).unwrap_or(today);
    let lines: Vec<_> = order
        .lines
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let ordered = line.quantity.clone().unwrap_or_default();
            let promised = promised(rule, order, index, &ordered);
            let status = match &promised {
                None => "rejected",
                Some(quantity) if quantity.value < ordered.value => "changed",
                Some(_) => "accepted",
            };
            let period = Period { end_date: Date(day.to_string()), ..Period::default() };
            let delivery = Delivery { promised_period: Some(period), ..Delivery::default() };
            OrderResponseLine {
                id: line.id.clone(),
                order_line_id: line.id.clone(),
                status: status.to_owned(),
                deliveries: if promised.is_some() { vec![delivery] } else { Vec::new() },
                quantity: promised.or(Some(Quantity { value: Decimal::ZERO, ..ordered })),
                price: line.price.clone(),
                item: line.item.clone(),
                ..OrderResponseLine::default()
            }
        })
        .collect();
    let all = |status: &str| lines.iter().all(|line| line.status == status);
    let response_code = if all("accepted") {
        "accepted"
    } else if all("rejected") {
        "rejected"
    } else {
        "changed"
    };
    OrderResponse {
        id: number("OR", order),
        issue_date: Date(today.to_string()),
        response_code: response_code.to_owned(),
        document_currency_code: order.document_currency_code.clone(),
        order_reference: Some(reference(order)),
        seller: order.seller.clone(),
        buyer: order.buyer.clone(),
        lines,
        ..OrderResponse::default()
    }
}

/// What is shipped of an order; none if it was refused.
pub fn despatch_advice(rule: &Rule, order: &Order, today: NaiveDate) -> Option<DespatchAdvice> {
    let mut lines = Vec::new();
    let mut packages: Vec<Package> = Vec::new();
    for (index, line) in order.lines.iter().enumerate() {
        let ordered = line.quantity.clone().unwrap_or_default();
        let Some(quantity) = promised(rule, order, index, &ordered) else { continue };
        let serial_ids = serials(rule, line, &quantity, today);
        let content = PackageContent {
            line_id: line.id.clone(),
            quantity: Some(quantity.clone()),
            serial_ids: serial_ids.clone(),
            ..PackageContent::default()
        };
        match packages.first_mut() {
            Some(first) if rule.one_parcel => first.contents.push(content),
            _ => packages.push(package(rule, order, packages.len(), content)),
        }
        lines.push(despatch_line(order, line, quantity, serial_ids));
    }
    if lines.is_empty() {
        return None;
    }
    let carrier = (!rule.courier.value.is_empty()).then(|| Party {
        id: rule.courier.clone(),
        identifiers: vec![Identifier {
            value: rule.courier.value.clone(),
            scheme: rule.courier.scheme.to_ascii_uppercase(),
            ..Identifier::default()
        }],
        names: if rule.courier_name.is_empty() { Vec::new() } else { vec![rule.courier_name.clone()] },
        ..Party::default()
    });
    let count = Quantity { value: Decimal::from(packages.len()), ..Quantity::default() };
    Some(DespatchAdvice {
        id: number("DA", order),
        issue_date: Date(today.to_string()),
        order_references: vec![reference(order)],
        despatch_party: order.seller.clone(),
        delivery_party: order.deliveries.iter().find_map(|delivery| delivery.party.clone()).or(order.buyer.clone()),
        buyer: order.buyer.clone(),
        seller: order.seller.clone(),
        shipment: Some(Shipment {
            // The level of the whole shipment in an EDIFACT message; UBL wants one as well.
            id: identifier("1"),
            carrier,
            total_packages: Some(count),
            delivery_address: order.deliveries.iter().find_map(|delivery| delivery.address.clone()),
            actual_despatch_date: Date(today.to_string()),
            packages,
            ..Shipment::default()
        }),
        lines,
        ..DespatchAdvice::default()
    })
}

fn despatch_line(order: &Order, line: &OrderLine, quantity: Quantity, serial_ids: Vec<String>) -> DespatchLine {
    let instances =
        serial_ids.into_iter().map(|serial_id| ItemInstance { serial_id, ..ItemInstance::default() }).collect();
    let item = line.item.as_ref().map(|item| Item { instances, ..item.clone() });
    DespatchLine {
        id: line.id.clone(),
        delivered_quantity: Some(quantity),
        order_line_references: vec![LineReference {
            line_id: line.id.clone(),
            document: Some(reference(order)),
            ..LineReference::default()
        }],
        item,
        ..DespatchLine::default()
    }
}

fn package(rule: &Rule, order: &Order, index: usize, content: PackageContent) -> Package {
    let sender = order.seller.as_ref().map_or("", |seller| seller.id.value.as_str());
    let serial = rule.first_waybill.wrapping_add(index as u64);
    Package {
        id: identifier(sscc(sender, serial)),
        tracking_id: if rule.unbooked { String::new() } else { waybill(serial) },
        type_code: "CT".to_owned(),
        contents: vec![content],
        ..Package::default()
    }
}

/// A serial shipping container code (GS1 General Specifications 2.2.1): the extension digit 0, the company's prefix as its
/// GLN begins, a number, a check digit.
fn sscc(gln: &str, serial: u64) -> String {
    let prefix: String = gln.chars().filter(char::is_ascii_digit).take(8).collect();
    let width = 16_usize.saturating_sub(prefix.len());
    let modulus = 10_u64.checked_pow(u32::try_from(width).unwrap_or(0)).unwrap_or(u64::MAX);
    let body = format!("0{prefix}{:0width$}", serial % modulus);
    format!("{body}{}", check_digit(&body))
}

/// The check digit of GS1 keys (GS1 General Specifications 7.9.1).
fn check_digit(body: &str) -> u32 {
    let digits = body.chars().rev().filter_map(|c| c.to_digit(10)).enumerate();
    let sum: u32 = digits.map(|(place, digit)| if place % 2 == 0 { digit * 3 } else { digit }).sum();
    (10 - sum % 10) % 10
}

/// A waybill number as Korean couriers write them: eleven digits and their rest by seven.
pub(super) fn waybill(number: u64) -> String {
    let number = number % 100_000_000_000;
    format!("{number:011}{}", number % 7)
}

/// Serial numbers for the pieces of a line: `LM40-261124-0001`.
fn serials(rule: &Rule, line: &OrderLine, quantity: &Quantity, today: NaiveDate) -> Vec<String> {
    let key = line.item.as_ref().and_then(|item| item.ids().find(|(kind, _)| *kind != "gtin").map(|(_, id)| id));
    let key: String = key.unwrap_or("SN").chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    let pieces = quantity.value.trunc().to_string().parse::<u32>().unwrap_or(0).min(rule.most_serials);
    // Lines are told apart, so that the same item in two lines has no serial number twice.
    let position: String = line.id.chars().filter(char::is_ascii_alphanumeric).take(6).collect();
    (1..=pieces).map(|piece| format!("{key}-{}-{position}{piece:03}", today.format("%y%m%d"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(quantities: &[u32]) -> Order {
        let lines = quantities.iter().zip(1..).map(|(quantity, number)| OrderLine {
            id: format!("{number}0"),
            quantity: Some(Quantity { value: Decimal::from(*quantity), unit: "EA".to_owned(), ..Quantity::default() }),
            item: Some(Item { sellers_item_id: identifier(format!("LM-{number}0")), ..Item::default() }),
            ..OrderLine::default()
        });
        let seller = Party { id: PartyId::new("gln", "8801234500012"), ..Party::default() };
        Order { id: "4711/2".to_owned(), seller: Some(seller), lines: lines.collect(), ..Order::default() }
    }

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 24).unwrap()
    }

    fn check(answer: Answer, code: &str, statuses: &[&str], quantities: &[&str]) {
        let rule = Rule { answer, ..Rule::default() };
        let response = order_response(&rule, &order(&[1, 3]), today());
        assert_eq!(response.response_code, code);
        assert_eq!(response.lines.iter().map(|line| line.status.as_str()).collect::<Vec<_>>(), statuses);
        let said: Vec<_> =
            response.lines.iter().map(|line| line.quantity.as_ref().unwrap().value.to_string()).collect();
        assert_eq!(said, quantities);
    }

    #[test]
    fn answers_line_by_line() {
        check(Answer::Accept, "accepted", &["accepted", "accepted"], &["1", "3"]);
        check(Answer::Change, "changed", &["accepted", "changed"], &["1", "2"]);
        check(Answer::Refuse, "rejected", &["rejected", "rejected"], &["0", "0"]);
        let response = order_response(&Rule::default(), &order(&[1]), today());
        assert_eq!(response.id, "OR-4711-2");
        let delivery = &response.lines[0].deliveries[0];
        assert_eq!(delivery.promised_period.as_ref().unwrap().end_date.0, "2026-11-27");
    }

    #[test]
    fn ships_what_was_promised() {
        let refused = Rule { answer: Answer::Refuse, ..Rule::default() };
        assert!(despatch_advice(&refused, &order(&[1]), today()).is_none());
        let rule = Rule { answer: Answer::Change, ..Rule::default() };
        let advice = despatch_advice(&rule, &order(&[1, 3]), today()).unwrap();
        let shipment = advice.shipment.unwrap();
        assert_eq!(shipment.packages.len(), 2);
        assert_eq!(shipment.packages[1].contents[0].serial_ids, ["LM20-261124-20001", "LM20-261124-20002"]);
        assert_eq!(advice.lines[1].delivered_quantity.as_ref().unwrap().value, Decimal::from(2));
        let one = Rule { one_parcel: true, ..Rule::default() };
        let shipment = despatch_advice(&one, &order(&[1, 3]), today()).unwrap().shipment.unwrap();
        assert_eq!(shipment.packages.iter().map(|package| package.contents.len()).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn check_digits() {
        // The example of the GS1 General Specifications 7.9.1.
        assert_eq!(check_digit("37610425002123456"), 9);
        assert_eq!(sscc("8801234500012", 7), format!("0880123450000000{}{}", "7", check_digit("08801234500000007")));
        assert_eq!(sscc("", 1).len(), 18);
        assert_eq!(waybill(68_123_456_001), format!("68123456001{}", 68_123_456_001_u64 % 7));
    }
}
