//! Order response (UBL OrderResponse and OrderResponseSimple, EDIFACT ORDRSP).

use crate::model::parts::{
    AllowanceCharge, Amount, CodeList, Delivery, DeliveryTerms, DocumentReference, Item, LineReference, MonetaryTotal,
    Party, PaymentTerms, Period, Price, Quantity, RoleAmount, RoleDate, RoleQuantity, RoleText, TaxTotal, Unmapped,
};
use crate::model::record::{Date, Time};

crate::record! {
    /// What the seller or producer says to an order.
    OrderResponse {
        /// cbc:ID
        id: String,
        /// cbc:UUID
        uuid: String,
        /// cbc:CustomizationID
        customization_id: String,
        /// cbc:ProfileID
        profile_id: String,
        /// cbc:SalesOrderID
        sales_order_id: String,
        /// The answer as a whole: `accepted`, `changed`, `rejected`, `received`: cbc:OrderResponseCode (AP, CA, RE, AB), EDIFACT BGM 1225 (29, 4, 27, 12), OrderResponseSimple cbc:AcceptedIndicator
        response_code: String,
        /// cbc:IssueDate
        issue_date: Date,
        /// cbc:IssueTime
        issue_time: Time,
        /// The sender's own code, where it is not the usual one for the answer
        source_response_code: String,
        /// Which list the response code is from, where the sender says so
        response_code_list: Option<CodeList>,
        /// cbc:Note
        notes: Vec<String>,
        /// cbc:RejectionNote of OrderResponseSimple
        rejection_notes: Vec<String>,
        /// cbc:DocumentCurrencyCode
        document_currency_code: String,
        /// cbc:CustomerReference
        customer_reference: String,
        /// cbc:AccountingCostCode
        accounting_cost_code: String,
        /// cbc:AccountingCost
        accounting_cost: String,
        /// cac:ValidityPeriod
        validity_periods: Vec<Period>,
        /// The order answered: cac:OrderReference; EDIFACT RFF+ON
        order_reference: Option<DocumentReference>,
        /// Other references by role: cac:OrderDocumentReference, cac:OriginatorDocumentReference, cac:AdditionalDocumentReference, cac:Contract
        references: Vec<DocumentReference>,
        /// cac:SellerSupplierParty
        seller: Option<Party>,
        /// cac:BuyerCustomerParty
        buyer: Option<Party>,
        /// cac:OriginatorCustomerParty
        originator: Option<Party>,
        /// cac:AccountingCustomerParty
        accounting_customer: Option<Party>,
        /// cac:AccountingSupplierParty
        accounting_supplier: Option<Party>,
        /// cac:Delivery
        deliveries: Vec<Delivery>,
        /// cac:DeliveryTerms
        delivery_terms: Vec<DeliveryTerms>,
        /// cac:PaymentTerms
        payment_terms: Vec<PaymentTerms>,
        /// cac:AllowanceCharge
        allowance_charges: Vec<AllowanceCharge>,
        /// cac:TaxTotal
        tax_totals: Vec<TaxTotal>,
        /// cac:LegalMonetaryTotal
        legal_monetary_total: Option<MonetaryTotal>,
        /// Other parties by role: EDIFACT NAD
        parties: Vec<Party>,
        /// Other dates by role: EDIFACT DTM
        dates: Vec<RoleDate>,
        /// Other texts by role: EDIFACT FTX
        texts: Vec<RoleText>,
        /// Other amounts by role: EDIFACT MOA
        amounts: Vec<RoleAmount>,
        /// cac:OrderLine
        lines: Vec<OrderResponseLine>,
        /// What no field carries
        unmapped: Vec<Unmapped>,
    }

    /// The answer to one line (cac:OrderLine and the cac:LineItem in it).
    OrderResponseLine {
        /// cac:LineItem/cbc:ID
        id: String,
        /// The line answered: cac:OrderLineReference/cbc:LineID; EDIFACT LIN 1082 or RFF+LI
        order_line_id: String,
        /// `accepted`, `changed`, `rejected`, `back-ordered`, `added`: cac:LineItem/cbc:LineStatusCode, EDIFACT LIN 1229
        status: String,
        /// The sender's own code, where it is not the usual one for the status
        status_code: String,
        /// Which list the status is from, where the sender says so
        status_list: Option<CodeList>,
        /// cac:LineItem/cbc:Note
        notes: Vec<String>,
        /// cbc:Note of the order line
        order_line_notes: Vec<String>,
        /// cac:LineItem/cbc:SalesOrderID
        sales_order_id: String,
        /// cac:LineItem/cbc:Quantity
        quantity: Option<Quantity>,
        /// cac:LineItem/cbc:LineExtensionAmount
        line_extension_amount: Option<Amount>,
        /// cac:LineItem/cbc:TotalTaxAmount
        total_tax_amount: Option<Amount>,
        /// cac:LineItem/cbc:MaximumBackorderQuantity
        backorder_quantity: Option<Quantity>,
        /// cac:LineItem/cac:Delivery
        deliveries: Vec<Delivery>,
        /// cac:LineItem/cac:AllowanceCharge
        allowance_charges: Vec<AllowanceCharge>,
        /// cac:LineItem/cac:Price
        price: Option<Price>,
        /// cac:LineItem/cac:Item
        item: Option<Item>,
        /// cac:LineItem/cac:TaxTotal
        tax_totals: Vec<TaxTotal>,
        /// Other line references
        line_references: Vec<LineReference>,
        /// cac:DocumentReference of the order line; EDIFACT RFF of the line
        references: Vec<DocumentReference>,
        /// What is offered instead: cac:SellerSubstitutedLineItem
        substitutes: Vec<SubstituteLine>,
        /// Other quantities by role: EDIFACT QTY
        quantities: Vec<RoleQuantity>,
        /// Other prices: EDIFACT PRI
        prices: Vec<Price>,
        /// Other parties by role: EDIFACT NAD
        parties: Vec<Party>,
        /// Other dates by role: EDIFACT DTM
        dates: Vec<RoleDate>,
        /// Other texts by role: EDIFACT FTX
        texts: Vec<RoleText>,
        /// Other amounts by role: EDIFACT MOA
        amounts: Vec<RoleAmount>,
        /// What no field carries
        unmapped: Vec<Unmapped>,
    }
    /// A line offered instead of the one ordered (cac:SellerSubstitutedLineItem).
    SubstituteLine {
        /// cbc:ID
        id: String,
        /// cbc:Note
        notes: Vec<String>,
        /// cbc:Quantity
        quantity: Option<Quantity>,
        /// cac:Price
        price: Option<Price>,
        /// cac:Item
        item: Option<Item>,
    }
}

use super::effect::{Cx, Verdict};
use crate::error::Result;
use crate::model::document_type::DocumentType;
use crate::model::finding::Code;
use crate::store::orders::{self, LineRow, OrderRow, PartRow};
use crate::store::trades;

impl OrderResponse {
    /// Takes the producer's answer to its part, line by line, and tells the buyer where the whole order stands.
    pub fn apply(&self, cx: &mut Cx<'_, '_>) -> Result<Verdict> {
        let producer_id = cx.header.issuer_id;
        let Some(number) =
            self.order_reference.as_ref().and_then(|order| order.id.as_ref()).map(|id| id.value.as_str())
        else {
            cx.error(Code::Required, "order_reference.id", "", "order_reference.id");
            return Ok(Verdict::Reject);
        };
        let Some(part) = orders::part_by_number(cx.tx, producer_id, number)? else {
            return Ok(Verdict::Wait(vec![("order-part".to_owned(), format!("{producer_id}/{number}"))]));
        };
        let Some(order) = orders::get(cx.tx, part.order_id)? else {
            cx.error(Code::UnknownOrder, "order_reference.id", number, "");
            return Ok(Verdict::Reject);
        };
        let mut lines = orders::lines(cx.tx, order.id)?;
        let answered = self.answer(&part, &mut lines, cx);
        if cx.findings.has_errors() {
            return Ok(Verdict::Reject);
        }
        for line in lines.iter().filter(|line| answered.contains(&line.id)) {
            orders::update_line(cx.tx, line)?;
        }
        let of_part: Vec<&LineRow> = lines.iter().filter(|line| line.part_id == part.id).collect();
        orders::set_part_state(cx.tx, part.id, word_of(&of_part))?;

        cx.trade_id = Some(order.trade_id);
        let all: Vec<&LineRow> = lines.iter().collect();
        let state = word_of(&all);
        let responses = orders::answered(cx.tx, order.id, state, cx.now_ms)?;
        trades::set_state(
            cx.tx,
            order.trade_id,
            if state == "rejected" { "rejected" } else { "confirmed" },
            cx.now_ms,
        )?;
        cx.milestone("confirmed", producer_id, cx.now_ms, answered.len().to_string())?;
        cx.key("response", &cx.header.number.clone(), &[producer_id])?;
        let view = self.for_buyer(&order, &lines, state, responses, cx);
        cx.deliver(order.buyer_id, DocumentType::OrderResponse, &view.id, &view)?;
        Ok(Verdict::Apply)
    }

    /// Notes the answer in the lines of the part; gives the ids of the lines answered.
    fn answer(&self, part: &PartRow, lines: &mut [LineRow], cx: &mut Cx<'_, '_>) -> Vec<i64> {
        let overall = match self.response_code.as_str() {
            "rejected" => "rejected",
            _ => "accepted",
        };
        let mut answered = Vec::new();
        if self.lines.is_empty() {
            if self.response_code == "received" {
                return answered;
            }
            for line in lines.iter_mut().filter(|line| line.part_id == part.id) {
                line.state = overall.to_owned();
                line.confirmed = if overall == "accepted" { line.quantity.clone() } else { "0".to_owned() };
                line.note = self.rejection_notes.join("\n");
                answered.push(line.id);
            }
        }
        for (index, said) in self.lines.iter().enumerate() {
            let path = format!("lines[{}]", index + 1);
            let wanted = if said.order_line_id.is_empty() { &said.id } else { &said.order_line_id };
            let Some(line) = lines.iter_mut().find(|line| line.part_id == part.id && line.line == *wanted) else {
                cx.error(Code::UnknownLine, format!("{path}.order_line_id"), wanted, "");
                continue;
            };
            let status = if said.status.is_empty() { overall } else { said.status.as_str() };
            let ordered: rust_decimal::Decimal = line.quantity.parse().unwrap_or_default();
            let confirmed = match (status, &said.quantity) {
                ("rejected", _) => rust_decimal::Decimal::ZERO,
                (_, Some(quantity)) => quantity.value,
                (_, None) => ordered,
            };
            if confirmed > ordered {
                let found = format!("{confirmed} {}", line.unit);
                cx.error(
                    Code::QuantityExceeds,
                    format!("{path}.quantity"),
                    found,
                    format!("{} {}", line.quantity, line.unit),
                );
                continue;
            }
            line.state = if status == "accepted" && confirmed < ordered { "changed" } else { status }.to_owned();
            line.confirmed = confirmed.to_string();
            line.note = said.notes.join("\n");
            if let Some(date) = said.deliveries.iter().find_map(promised) {
                line.promised_date = date;
            }
            answered.push(line.id);
        }
        answered
    }

    /// What the buyer is told: every line answered so far, in the numbers of its own order.
    fn for_buyer(
        &self,
        order: &OrderRow,
        lines: &[LineRow],
        state: &str,
        count: i64,
        cx: &Cx<'_, '_>,
    ) -> OrderResponse {
        let party = |id: i64| cx.directory.organisation(id).map(super::directory::Organisation::as_party);
        let identifier =
            |value: &str| Some(crate::model::parts::Identifier { value: value.to_owned(), ..Default::default() });
        let told = lines.iter().filter(|line| line.state != "ordered").map(|line| OrderResponseLine {
            id: line.line.clone(),
            order_line_id: line.line.clone(),
            status: line.state.clone(),
            notes: if line.note.is_empty() { Vec::new() } else { vec![line.note.clone()] },
            quantity: line.confirmed.parse().ok().map(|value| Quantity {
                value,
                unit: line.unit.clone(),
                ..Quantity::default()
            }),
            price: line.price.parse().ok().map(|value| Price {
                amount: Some(Amount { value, currency: line.currency.clone() }),
                ..Price::default()
            }),
            item: Some(Item { name: line.name.clone(), ..Item::default() }),
            deliveries: if line.promised_date.is_empty() {
                Vec::new()
            } else {
                vec![Delivery {
                    promised_period: Some(Period { end_date: Date(line.promised_date.clone()), ..Period::default() }),
                    ..Delivery::default()
                }]
            },
            ..OrderResponseLine::default()
        });
        OrderResponse {
            id: format!("{}-R{count}", order.number),
            issue_date: Date(cx.today.to_owned()),
            response_code: match state {
                "ordered" => "received",
                other => other,
            }
            .to_owned(),
            document_currency_code: order.currency.clone(),
            order_reference: Some(DocumentReference {
                id: identifier(&order.number),
                role: "order".to_owned(),
                issue_date: Date(order.issue_date.clone()),
                ..DocumentReference::default()
            }),
            seller: party(order.seller_id),
            buyer: party(order.buyer_id),
            lines: told.collect(),
            ..OrderResponse::default()
        }
    }
}

fn promised(delivery: &Delivery) -> Option<String> {
    [&delivery.promised_period, &delivery.estimated_period, &delivery.requested_period]
        .into_iter()
        .flatten()
        .map(|period| if period.end_date.0.is_empty() { &period.start_date.0 } else { &period.end_date.0 })
        .chain([&delivery.latest_delivery_date.0])
        .find(|date| !date.is_empty())
        .cloned()
}

/// One word for several lines: `ordered` while one is not answered, then `accepted`, `rejected` or `changed`.
fn word_of(lines: &[&LineRow]) -> &'static str {
    if lines.iter().any(|line| line.state == "ordered") {
        "ordered"
    } else if lines.iter().all(|line| line.state == "accepted") {
        "accepted"
    } else if lines.iter().all(|line| line.state == "rejected") {
        "rejected"
    } else {
        "changed"
    }
}
