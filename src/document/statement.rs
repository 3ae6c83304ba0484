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

use super::effect::{Cx, Made, Verdict};
use super::notice::Notice;
use crate::error::Result;
use crate::model::document_type::DocumentType;
use crate::model::finding::{Code, Language};
use crate::model::money::Rounding;
use crate::store::statements::{self, StatementRow};
use crate::store::trades;

/// The role of a line's reference to the statement line of the store it settles.
pub const LINE_ROLE: &str = "statement-line";

impl Statement {
    /// Closes the lines it names for its party, and tells the party: the statement itself under its agreement, and a
    /// notice to its mail address.
    pub fn apply(&self, cx: &mut Cx<'_, '_>) -> Result<Verdict> {
        let Some(party_id) = self.customer.as_ref().and_then(|party| cx.directory.find(party)).map(|party| party.id)
        else {
            cx.error(Code::UnknownParty, "customer", self.customer.as_ref().map_or("", |party| party.name()), "");
            return Ok(Verdict::Reject);
        };
        let statement_id = cx.id(Made::Statement);
        let currency = &self.document_currency_code;
        let mut total = 0_i64;
        let (mut touched, mut settled) = (Vec::new(), Vec::new());
        for (index, line) in self.lines.iter().enumerate() {
            let path = format!("lines[{}]", index + 1);
            let named = line.references.iter().find(|reference| reference.role == LINE_ROLE);
            let id = named.and_then(|reference| reference.id.as_ref()).and_then(|id| id.value.parse::<i64>().ok());
            let stored = match id {
                Some(id) => statements::line(cx.tx, id)?,
                None => None,
            };
            let Some(stored) = stored.filter(|stored| stored.seller_id == party_id && stored.currency == *currency)
            else {
                cx.error(Code::UnknownLine, path, id.map_or(String::new(), |id| id.to_string()), "");
                continue;
            };
            let stated = line
                .credit_amount
                .as_ref()
                .and_then(|amount| Rounding::HalfUp.to_minor(amount.value, &amount.currency));
            if stated.map(|minor| minor.0) != Some(stored.seller_minor) {
                let found = line.credit_amount.as_ref().map_or(String::new(), |amount| amount.value.to_string());
                cx.error(Code::TotalDiffers, format!("{path}.credit_amount"), found, stored.seller_minor.to_string());
                continue;
            }
            if stored.statement_id.is_some() || settled.contains(&stored.id) {
                cx.error(Code::WrongState, path, "settled", "open");
                continue;
            }
            total += stored.seller_minor;
            settled.push(stored.id);
            touched.push(stored.trade_id);
        }
        if cx.findings.has_errors() {
            return Ok(Verdict::Reject);
        }
        for &line in &settled {
            statements::settle(cx.tx, line, statement_id)?;
        }
        let period = self.period.as_ref().map_or(String::new(), |period| period.end_date.0.clone());
        let before = statements::count_of_day(cx.tx, party_id, &period, currency)?;
        statements::insert(
            cx.tx,
            &StatementRow {
                id: statement_id,
                centre_id: cx.header.centre_id,
                organisation_id: party_id,
                document_id: cx.header.document_id,
                number: cx.header.number.clone(),
                period: if before == 0 { period.clone() } else { format!("{period}/{}", before + 1) },
                currency: currency.clone(),
                total_minor: total,
            },
        )?;
        crate::store::documents::add_party(cx.tx, cx.header.document_id, party_id, "customer")?;
        touched.sort_unstable();
        touched.dedup();
        for &trade_id in &touched {
            cx.trade_id = Some(trade_id);
            cx.key("statement", &cx.header.number.clone(), &[party_id])?;
            cx.milestone("settled", cx.header.issuer_id, cx.now_ms, String::new())?;
            if trades::get(cx.tx, trade_id)?.is_some_and(|trade| trade.state == "delivered") {
                trades::set_state(cx.tx, trade_id, "settled", cx.now_ms)?;
            }
        }
        if touched.len() > 1 {
            cx.trade_id = None;
        }
        let mut told = self.clone();
        for line in &mut told.lines {
            line.references.retain(|reference| reference.role != LINE_ROLE);
        }
        cx.deliver(party_id, DocumentType::Statement, &self.id, &told)?;
        let notice = self.notice(party_id, &period, cx);
        cx.notify(party_id, &notice)?;
        Ok(Verdict::Apply)
    }

    fn notice(&self, party_id: i64, period: &str, cx: &Cx<'_, '_>) -> Notice {
        let party = cx.directory.organisation(party_id);
        let language = party.map_or(Language::Ko, |party| party.language);
        let amount = self
            .total_balance_amount
            .as_ref()
            .map_or(String::new(), |amount| format!("{} {}", amount.value, amount.currency));
        let lines = self.lines.len();
        let (subject, text) = match language {
            Language::Ko => (
                format!("[정산] {period} 정산서 {}", self.id),
                format!(
                    "{period} 정산이 마감되었습니다.\n\n정산서 번호: {}\n줄 수: {lines}\n받으실 금액: {amount}\n",
                    self.id
                ),
            ),
            Language::En => (
                format!("[Settlement] statement {} for {period}", self.id),
                format!(
                    "The settlement of {period} is closed.\n\nStatement: {}\nLines: {lines}\nOwed to you: {amount}\n",
                    self.id
                ),
            ),
        };
        Notice {
            id: format!("{}-N", self.id),
            party: party.map_or(String::new(), |party| party.short.clone()),
            to: party.map_or(String::new(), |party| party.mail.clone()),
            subject,
            text,
            language: language.as_str().to_owned(),
            ..Notice::default()
        }
    }
}
