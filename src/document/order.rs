//! Purchase order (UBL Order, EDIFACT ORDERS).

use crate::model::parts::{
    AllowanceCharge, Amount, Delivery, DeliveryTerms, DocumentReference, Item, LineReference, MonetaryTotal, Party,
    PaymentTerms, Period, Price, Quantity, RoleAmount, RoleDate, RoleQuantity, RoleText, TaxTotal, Unmapped,
};
use crate::model::record::{Date, Time};

crate::record! {
    /// A purchase order.
    Order {
        /// The buyer's number: cbc:ID
        id: String,
        /// cbc:UUID
        uuid: String,
        /// cbc:CustomizationID
        customization_id: String,
        /// cbc:ProfileID
        profile_id: String,
        /// The seller's number: cbc:SalesOrderID
        sales_order_id: String,
        /// `original`, `change`, `replace`, `cancel`, `copy`: EDIFACT 1225; absent in UBL, where it is original
        function: String,
        /// cbc:OrderTypeCode
        order_type_code: String,
        /// cbc:IssueDate
        issue_date: Date,
        /// cbc:IssueTime
        issue_time: Time,
        /// cbc:Note
        notes: Vec<String>,
        /// cbc:RequestedInvoiceCurrencyCode
        requested_invoice_currency_code: String,
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
        /// References of every kind, told apart by their role: cac:QuotationDocumentReference, cac:OrderDocumentReference, cac:OriginatorDocumentReference, cac:AdditionalDocumentReference, cac:Contract; EDIFACT RFF
        references: Vec<DocumentReference>,
        /// cac:BuyerCustomerParty
        buyer: Option<Party>,
        /// cac:SellerSupplierParty
        seller: Option<Party>,
        /// cac:OriginatorCustomerParty
        originator: Option<Party>,
        /// cac:AccountingCustomerParty
        accounting_customer: Option<Party>,
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
        /// cac:AnticipatedMonetaryTotal
        anticipated_monetary_total: Option<MonetaryTotal>,
        /// Other parties by role: EDIFACT NAD
        parties: Vec<Party>,
        /// Other dates by role: EDIFACT DTM
        dates: Vec<RoleDate>,
        /// Other texts by role: EDIFACT FTX
        texts: Vec<RoleText>,
        /// Other amounts by role: EDIFACT MOA
        amounts: Vec<RoleAmount>,
        /// cac:OrderLine
        lines: Vec<OrderLine>,
        /// What no field carries
        unmapped: Vec<Unmapped>,
    }

    /// A line of an order (cac:OrderLine and the cac:LineItem in it).
    OrderLine {
        /// cac:LineItem/cbc:ID
        id: String,
        /// cbc:Note of the order line
        notes: Vec<String>,
        /// cac:LineItem/cbc:Note
        line_item_notes: Vec<String>,
        /// cac:LineItem/cbc:SalesOrderID
        sales_order_id: String,
        /// cac:LineItem/cbc:LineStatusCode
        line_status_code: String,
        /// cac:LineItem/cbc:Quantity
        quantity: Option<Quantity>,
        /// cac:LineItem/cbc:LineExtensionAmount
        line_extension_amount: Option<Amount>,
        /// cac:LineItem/cbc:TotalTaxAmount
        total_tax_amount: Option<Amount>,
        /// cac:LineItem/cbc:MinimumQuantity
        minimum_quantity: Option<Quantity>,
        /// cac:LineItem/cbc:MaximumQuantity
        maximum_quantity: Option<Quantity>,
        /// cac:LineItem/cbc:PartialDeliveryIndicator
        partial_delivery: Option<bool>,
        /// cac:LineItem/cbc:BackOrderAllowedIndicator
        back_order_allowed: Option<bool>,
        /// cac:LineItem/cbc:AccountingCostCode
        accounting_cost_code: String,
        /// cac:LineItem/cbc:AccountingCost
        accounting_cost: String,
        /// cac:LineItem/cac:Delivery
        deliveries: Vec<Delivery>,
        /// cac:LineItem/cac:DeliveryTerms
        delivery_terms: Option<DeliveryTerms>,
        /// cac:LineItem/cac:OriginatorParty
        originator: Option<Party>,
        /// cac:LineItem/cac:AllowanceCharge
        allowance_charges: Vec<AllowanceCharge>,
        /// cac:LineItem/cac:Price
        price: Option<Price>,
        /// cac:LineItem/cac:Item
        item: Option<Item>,
        /// cac:LineItem/cac:TaxTotal
        tax_totals: Vec<TaxTotal>,
        /// cac:LineItem/cac:LineReference and the references of the order line
        line_references: Vec<LineReference>,
        /// cac:DocumentReference of the order line; EDIFACT RFF of the line
        references: Vec<DocumentReference>,
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
}

use std::collections::HashSet;

use rust_decimal::Decimal;

use super::effect::{Cx, Made, Verdict};
use crate::error::Result;
use crate::model::document_type::DocumentType;
use crate::model::finding::Code;
use crate::store::items::ItemRow;
use crate::store::orders::{LineRow, OrderRow, PartRow};
use crate::store::{documents, items, orders, trades};

/// A line with the item it was resolved to.
struct Resolved {
    item: ItemRow,
    quantity: Quantity,
    price: Option<Amount>,
}

impl Order {
    /// Checks the order against the store and puts it in effect: a trade begins, the order is split by the producer of
    /// each item, and each producer is sent its part.
    pub fn apply(&self, cx: &mut Cx<'_, '_>) -> Result<Verdict> {
        if !matches!(self.function.as_str(), "" | "original") {
            cx.error(Code::NotAllowed, "function", &self.function, "original");
        }
        let buyer_id = cx.header.issuer_id;
        let seller = self.seller.as_ref().and_then(|party| cx.directory.find(party));
        let seller_id = seller.map_or(0, |seller| seller.id);
        if seller_id == 0 {
            let named = self.seller.as_ref().map_or(String::new(), party_words);
            cx.error(Code::UnknownParty, "seller", named, "");
        }
        if self.lines.is_empty() {
            cx.error(Code::Missing, "lines", "", "lines");
        }
        self.check_dates(cx);
        let mut seen = HashSet::new();
        let mut resolved = Vec::with_capacity(self.lines.len());
        for (index, line) in self.lines.iter().enumerate() {
            let path = format!("lines[{}]", index + 1);
            if line.id.is_empty() {
                cx.error(Code::Required, format!("{path}.id"), "", "id");
            } else if !seen.insert(line.id.as_str()) {
                cx.error(Code::DuplicateLine, format!("{path}.id"), &line.id, "");
            }
            resolved.push(self.resolve(line, &path, cx)?);
        }
        if cx.findings.has_errors() {
            return Ok(Verdict::Reject);
        }
        let resolved: Vec<Resolved> = resolved.into_iter().flatten().collect();
        self.begin(buyer_id, seller_id, &resolved, cx)?;
        Ok(Verdict::Apply)
    }

    fn check_dates(&self, cx: &mut Cx<'_, '_>) {
        let asked = |delivery: &Delivery| delivery.requested_period.as_ref().map(|period| period.end_date.0.clone());
        for (index, delivery) in self.deliveries.iter().enumerate() {
            if let Some(date) = asked(delivery)
                && !date.is_empty()
                && !self.issue_date.0.is_empty()
                && date < self.issue_date.0
            {
                let path = format!("deliveries[{}].requested_period.end_date", index + 1);
                cx.warning(Code::DatesOutOfOrder, path, date, &self.issue_date.0);
            }
        }
    }

    /// The item of a line, its quantity and price; findings where that is not clear.
    fn resolve(&self, line: &OrderLine, path: &str, cx: &mut Cx<'_, '_>) -> Result<Option<Resolved>> {
        let quantity = match &line.quantity {
            Some(quantity) if quantity.value > Decimal::ZERO => Some(quantity.clone()),
            Some(quantity) => {
                cx.error(Code::BadValue, format!("{path}.quantity"), quantity.value.to_string(), "> 0");
                None
            }
            None => {
                cx.error(Code::Required, format!("{path}.quantity"), "", "quantity");
                None
            }
        };
        let Some(item) = find_item(line.item.as_ref(), cx)? else {
            let named = line.item.as_ref().map_or(String::new(), item_words);
            cx.error(Code::UnknownItem, format!("{path}.item"), named, "");
            return Ok(None);
        };
        let price = line.price.as_ref().and_then(|price| price.amount.clone());
        if let (Some(price), Ok(agreed)) = (&price, item.price.parse::<Decimal>())
            && price.currency == item.currency
            && price.value != agreed
        {
            let path = format!("{path}.price.amount");
            // Not by how much: the catalogue's price is the producer's, and this is read by the buyer (rules.md 6).
            cx.warning(Code::PriceDiffers, path, price.value.to_string(), "");
        }
        if let (Some(quantity), Some(price), Some(total)) = (&quantity, &price, &line.line_extension_amount) {
            let base =
                line.price.as_ref().and_then(|price| price.base_quantity.as_ref()).map_or(Decimal::ONE, |q| q.value);
            let sum = quantity.value.checked_mul(price.value).and_then(|sum| sum.checked_div(base));
            if let Some(sum) = sum
                && line.allowance_charges.is_empty()
                && sum.round_dp(2) != total.value.round_dp(2)
            {
                let path = format!("{path}.line_extension_amount");
                cx.warning(Code::TotalDiffers, path, total.value.to_string(), sum.normalize().to_string());
            }
        }
        Ok(quantity.map(|quantity| Resolved { item, quantity, price }))
    }

    /// Writes trade, order, parts and lines, and the deliveries to the producers.
    fn begin(&self, buyer_id: i64, seller_id: i64, resolved: &[Resolved], cx: &mut Cx<'_, '_>) -> Result<()> {
        let trade_id = cx.id(Made::Trade);
        let document_id = cx.header.document_id;
        let (centre_id, now_ms) = (cx.header.centre_id, cx.now_ms);
        trades::insert(
            cx.tx,
            &trades::Trade {
                id: trade_id,
                centre_id,
                number: self.id.clone(),
                title: self.title(resolved),
                buyer_id,
                seller_id,
                state: "ordered".to_owned(),
                created_ms: now_ms,
                changed_ms: now_ms,
            },
        )?;
        cx.trade_id = Some(trade_id);
        cx.key("order", &cx.header.number.clone(), &[buyer_id, seller_id])?;
        for (organisation, part) in [(buyer_id, "buyer"), (seller_id, "seller")] {
            trades::add_party(cx.tx, trade_id, organisation, part)?;
            documents::add_party(cx.tx, document_id, organisation, part)?;
        }
        cx.milestone("ordered", buyer_id, now_ms, String::new())?;

        let mut producers: Vec<i64> = Vec::new();
        for line in resolved {
            if !producers.contains(&line.item.producer_id) {
                producers.push(line.item.producer_id);
            }
        }
        let order_id = cx.id(Made::Order);
        let several = producers.len() > 1;
        orders::insert(
            cx.tx,
            &OrderRow {
                id: order_id,
                centre_id,
                trade_id,
                document_id,
                number: cx.header.number.clone(),
                buyer_id,
                seller_id,
                currency: self.document_currency_code.clone(),
                issue_date: self.issue_date.0.clone(),
                parts: producers.len() as i64,
                responses: 0,
                state: "ordered".to_owned(),
            },
            now_ms,
        )?;
        for (index, &producer_id) in producers.iter().enumerate() {
            let part_number = index as i64 + 1;
            let part = self.insert_part(order_id, trade_id, part_number, producer_id, several, cx)?;
            for (position, (line, found)) in self.lines.iter().zip(resolved).enumerate() {
                if found.item.producer_id == producer_id {
                    self.insert_line(&part, position as i64 + 1, line, found, seller_id, cx)?;
                }
            }
            let forwarded = self.part_for(&part, resolved, cx);
            trades::add_party(cx.tx, trade_id, producer_id, "producer")?;
            cx.deliver(producer_id, DocumentType::Order, &part.number, &forwarded)?;
            cx.key("order", &part.number, &[producer_id])?;
            cx.milestone("forwarded", producer_id, now_ms, forwarded.lines.len().to_string())?;
            cx.wake("order-part", format!("{producer_id}/{}", part.number));
        }
        Ok(())
    }

    fn insert_part(
        &self,
        order_id: i64,
        trade_id: i64,
        part: i64,
        producer_id: i64,
        several: bool,
        cx: &mut Cx<'_, '_>,
    ) -> Result<PartRow> {
        let base = &cx.header.number;
        let mut number = if several { format!("{base}/{part}") } else { base.clone() };
        // Two buyers may use the same number: the producer must be able to tell them apart.
        for again in 2..100 {
            if orders::part_by_number(cx.tx, producer_id, &number)?.is_none() {
                break;
            }
            number = format!("{base}/{part}-{again}");
        }
        let row = PartRow {
            id: cx.id(Made::Part),
            centre_id: cx.header.centre_id,
            order_id,
            trade_id,
            part,
            number,
            producer_id,
            state: "sent".to_owned(),
        };
        orders::insert_part(cx.tx, &row)?;
        Ok(row)
    }

    fn insert_line(
        &self,
        part: &PartRow,
        position: i64,
        line: &OrderLine,
        found: &Resolved,
        seller_id: i64,
        cx: &mut Cx<'_, '_>,
    ) -> Result<()> {
        let (price, currency) = match &found.price {
            Some(price) => (price.value.to_string(), price.currency.clone()),
            None => (found.item.price.clone(), found.item.currency.clone()),
        };
        let row = LineRow {
            id: cx.id(Made::Line),
            centre_id: part.centre_id,
            order_id: part.order_id,
            part_id: part.id,
            position,
            line: line.id.clone(),
            item_id: found.item.id,
            producer_id: part.producer_id,
            seller_id,
            name: found.item.name.clone(),
            quantity: found.quantity.value.to_string(),
            unit: found.quantity.unit.clone(),
            price,
            currency,
            confirmed: "0".to_owned(),
            despatched: "0".to_owned(),
            delivered: "0".to_owned(),
            promised_date: String::new(),
            state: "ordered".to_owned(),
            note: String::new(),
        };
        orders::insert_line(cx.tx, &row)
    }

    /// The part of one producer: its lines at its own prices, the buyer's number with the part's, our trade as a reference.
    fn part_for(&self, part: &PartRow, resolved: &[Resolved], cx: &Cx<'_, '_>) -> Order {
        let mut order = self.clone();
        order.id = part.number.clone();
        order.sales_order_id = String::new();
        order.anticipated_monetary_total = None;
        order.tax_totals = Vec::new();
        order.allowance_charges = Vec::new();
        order.payment_terms = Vec::new();
        order.seller = cx.directory.organisation(part.producer_id).map(super::directory::Organisation::as_party);
        order.references.push(DocumentReference {
            id: Some(crate::model::parts::Identifier {
                value: crate::model::id::TradeId(part.trade_id).to_string(),
                ..crate::model::parts::Identifier::default()
            }),
            role: "trade".to_owned(),
            ..DocumentReference::default()
        });
        let mine = |found: &Resolved| found.item.producer_id == part.producer_id;
        order.lines = self
            .lines
            .iter()
            .zip(resolved)
            .filter(|(_, found)| mine(found))
            .map(|(line, found)| {
                let mut line = line.clone();
                let amount =
                    found.item.price.parse().ok().map(|value| Amount { value, currency: found.item.currency.clone() });
                line.line_extension_amount = amount.as_ref().and_then(|amount| {
                    found
                        .quantity
                        .value
                        .checked_mul(amount.value)
                        .map(|value| Amount { value, currency: amount.currency.clone() })
                });
                line.price = amount.map(|amount| Price { amount: Some(amount), ..Price::default() });
                line.total_tax_amount = None;
                line.tax_totals = Vec::new();
                line.allowance_charges = Vec::new();
                line
            })
            .collect();
        if let Some(currency) = resolved.iter().find(|found| mine(found)).map(|found| found.item.currency.clone())
            && !currency.is_empty()
        {
            order.document_currency_code = currency;
        }
        order
    }

    /// What the order comes to by its own words: its total, or the sum of its lines if all of them say theirs.
    pub fn total(&self) -> Option<Amount> {
        if let Some(stated) = &self.anticipated_monetary_total {
            let amounts = [&stated.payable_amount, &stated.tax_inclusive_amount, &stated.line_extension_amount];
            if let Some(amount) = amounts.into_iter().flatten().next() {
                return Some(amount.clone());
            }
        }
        let mut total: Option<Amount> = None;
        for line in &self.lines {
            let amount = line.line_extension_amount.clone().or_else(|| {
                let price = line.price.as_ref()?;
                let amount = price.amount.as_ref()?;
                let base = price.base_quantity.as_ref().map_or(Decimal::ONE, |quantity| quantity.value);
                let value = line.quantity.as_ref()?.value.checked_mul(amount.value)?.checked_div(base)?;
                Some(Amount { value: value.normalize(), currency: amount.currency.clone() })
            })?;
            total = match total {
                None => Some(amount),
                Some(sum) if sum.currency == amount.currency => {
                    Some(Amount { value: sum.value.checked_add(amount.value)?, ..sum })
                }
                Some(_) => return None,
            };
        }
        total
    }

    /// Name of the first item and how many more.
    fn title(&self, resolved: &[Resolved]) -> String {
        match resolved {
            [] => String::new(),
            [only] => only.item.name.clone(),
            [first, rest @ ..] => format!("{} +{}", first.item.name, rest.len()),
        }
    }
}

/// The item in force that a line names, by the number everybody shares first.
fn find_item(item: Option<&Item>, cx: &mut Cx<'_, '_>) -> Result<Option<ItemRow>> {
    let Some(item) = item else { return Ok(None) };
    let makers: Vec<i64> =
        item.manufacturers.iter().filter_map(|party| cx.directory.find(party)).map(|maker| maker.id).collect();
    let named: Vec<(&str, String)> = item.ids().map(|(kind, value)| (kind, value.to_owned())).collect();
    for (kind, value) in named {
        // What the buyer's and the seller's papers call the seller's number is the producer's in its catalogue.
        let mut found = items::find(cx.tx, kind, value.trim())?;
        found.retain(|row| {
            row.centre_id == cx.header.centre_id && (makers.is_empty() || makers.contains(&row.producer_id))
        });
        let producer = found.first().map(|row| row.producer_id);
        if let Some(producer) = producer
            && found.iter().all(|row| row.producer_id == producer)
        {
            return Ok(found.pop());
        }
    }
    Ok(None)
}

fn item_words(item: &Item) -> String {
    let ids: Vec<_> = item.ids().map(|(_, value)| value).collect();
    if ids.is_empty() { item.name.clone() } else { ids.join(", ") }
}

fn party_words(party: &Party) -> String {
    party.party_ids().first().map_or_else(|| party.name().to_owned(), ToString::to_string)
}
