//! Statement: what is owed for a period, line by line (UBL Statement).

use crate::model::parts::{Amount, DocumentReference, Identifier, Party, PaymentTerms, Period, TaxTotal, Unmapped};
use crate::model::record::{Date, Time};

crate::record! {
    /// What is owed for a period.
    Statement {
        /// cbc:ID
        id: String,
        /// cbc:UUID
        uuid: String,
        /// cbc:CustomizationID
        customization_id: String,
        /// cbc:ProfileID
        profile_id: String,
        /// cbc:IssueDate
        issue_date: Date,
        /// cbc:IssueTime
        issue_time: Time,
        /// cbc:Note
        notes: Vec<String>,
        /// cbc:DocumentCurrencyCode
        document_currency_code: String,
        /// cbc:TotalDebitAmount
        total_debit_amount: Option<Amount>,
        /// cbc:TotalCreditAmount
        total_credit_amount: Option<Amount>,
        /// cbc:TotalBalanceAmount
        total_balance_amount: Option<Amount>,
        /// cbc:StatementTypeCode
        statement_type_code: String,
        /// cac:StatementPeriod
        period: Option<Period>,
        /// cac:AdditionalDocumentReference
        references: Vec<DocumentReference>,
        /// cac:AccountingSupplierParty: who makes the statement
        supplier: Option<Party>,
        /// cac:AccountingCustomerParty: whom it is for
        customer: Option<Party>,
        /// cac:PayeeParty
        payee: Option<Party>,
        /// cac:PaymentTerms
        payment_terms: Vec<PaymentTerms>,
        /// cac:TaxTotal
        tax_totals: Vec<TaxTotal>,
        /// cac:StatementLine
        lines: Vec<StatementLine>,
        /// What no field carries
        unmapped: Vec<Unmapped>,
    }

    /// One thing owed (cac:StatementLine).
    StatementLine {
        /// cbc:ID
        id: Option<Identifier>,
        /// cbc:Note
        notes: Vec<String>,
        /// cbc:BalanceBroughtForwardIndicator
        balance_brought_forward: Option<bool>,
        /// cbc:DebitLineAmount
        debit_amount: Option<Amount>,
        /// cbc:CreditLineAmount
        credit_amount: Option<Amount>,
        /// cbc:BalanceAmount
        balance_amount: Option<Amount>,
        /// cac:OriginatorCustomerParty
        originator: Option<Party>,
        /// cac:InvoicePeriod
        periods: Vec<Period>,
        /// cac:BillingReference/cac:InvoiceDocumentReference and other references by role; of ours: `order`, `despatch`, `parcel`
        references: Vec<DocumentReference>,
        /// What no field carries
        unmapped: Vec<Unmapped>,
    }
}
