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
        /// Which list the status is from, where the sender says so
        status_list: Option<CodeList>,
        /// cac:LineItem/cbc:Note
        notes: Vec<String>,
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
