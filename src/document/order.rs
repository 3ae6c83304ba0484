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
