//! Closes the day: a statement per seller and currency with every line that arrived and is in no statement yet. The
//! statement is a document of the centre and goes through the pipeline like any other.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::document::directory::{Directory, Organisation};
use crate::document::statement::{LINE_ROLE, Statement, StatementLine};
use crate::error::{Error, Result};
use crate::model::disposition::Transport;
use crate::model::id::TradeId;
use crate::model::money::Minor;
use crate::model::parts::{Amount, DocumentReference, Identifier, Period};
use crate::model::record::Date;
use crate::pipeline::hub::Hub;
use crate::pipeline::receive::Receipt;
use crate::store::statements::{self, StatementLineRow};
use crate::store::{orders, parcels, trades};

/// Lines closed in one run; what is left goes into the next.
const MOST_LINES: i64 = 20_000;

/// A line with what it is about, in words.
struct Line {
    row: StatementLineRow,
    order: String,
    name: String,
    unit: String,
    tracking_id: String,
}

/// Closes everything that arrived until the end of `day` (`YYYY-MM-DD`); gives how many statements were handed in.
pub async fn run(hub: &Arc<Hub>, day: &str) -> Result<usize> {
    let until = day.to_owned();
    let lines = hub.store.read(move |tx| open_lines(tx, &until)).await?;
    let directory = hub.directory();
    let mut count = 0;
    for group in lines.chunk_by(|a, b| a.row.seller_id == b.row.seller_id && a.row.currency == b.row.currency) {
        let Some(first) = group.first() else { continue };
        let Some(seller) = directory.organisation(first.row.seller_id) else { continue };
        let (seller_id, currency, closed) = (first.row.seller_id, first.row.currency.clone(), day.to_owned());
        let before = hub.store.read(move |tx| statements::count_of_day(tx, seller_id, &closed, &currency)).await?;
        let statement = statement(&directory, seller, group, day, before, first.row.centre_id);
        let json = serde_json::to_value(&statement)
            .map_err(|error| Error::bug("writing a statement as JSON").caused_by(error))?;
        let mut json = json;
        if let Some(fields) = json.as_object_mut() {
            fields.insert("type".to_owned(), "Statement".into());
        }
        let receipt = Receipt {
            organisation_id: first.row.centre_id,
            centre_id: first.row.centre_id,
            transport: Transport::Internal,
            transport_id: Some(format!("close-day:{}", statement.id)),
            content_type: "application/json".to_owned(),
            charset: String::new(),
            file_name: String::new(),
            account_id: None,
            answers_delivery_id: None,
            mail_id: None,
        };
        hub.receive(receipt, json.to_string().into()).await?;
        tracing::info!(number = %statement.id, lines = group.len(), "statement {} handed in for {}", statement.id, seller.short);
        count += 1;
    }
    Ok(count)
}

fn open_lines(tx: &mut crate::store::Tx<'_>, day: &str) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for row in statements::open_until(tx, day, MOST_LINES)? {
        let order = trades::get(tx, row.trade_id)?.map_or(String::new(), |trade| trade.number);
        let line = orders::line(tx, row.order_line_id)?;
        let parcel = parcels::get(tx, row.parcel_id)?;
        lines.push(Line {
            order,
            name: line.as_ref().map_or(String::new(), |line| line.name.clone()),
            unit: line.map_or(String::new(), |line| line.unit),
            tracking_id: parcel.map_or(String::new(), |parcel| parcel.tracking_id),
            row,
        });
    }
    Ok(lines)
}

fn statement(
    directory: &Directory,
    seller: &Organisation,
    lines: &[Line],
    day: &str,
    before: i64,
    centre_id: i64,
) -> Statement {
    let currency = lines.first().map_or("", |line| line.row.currency.as_str());
    let amount = |minor: i64| Some(Amount { value: Minor(minor).to_decimal(currency), currency: currency.to_owned() });
    let total: i64 = lines.iter().map(|line| line.row.seller_minor).sum();
    let suffix = if before == 0 { String::new() } else { format!("-{}", before + 1) };
    let many = lines.iter().any(|line| line.row.currency != "KRW");
    let number =
        format!("ST-{}-{day}{}{suffix}", seller.short, if many { format!("-{currency}") } else { String::new() });
    Statement {
        id: number,
        issue_date: Date(day.to_owned()),
        document_currency_code: currency.to_owned(),
        total_debit_amount: amount(0),
        total_credit_amount: amount(total),
        total_balance_amount: amount(total),
        period: Some(Period { start_date: Date(day.to_owned()), end_date: Date(day.to_owned()), ..Period::default() }),
        supplier: directory.organisation(centre_id).map(Organisation::as_party),
        customer: Some(seller.as_party()),
        lines: lines.iter().zip(1_u32..).map(|(line, number)| statement_line(line, number, &amount)).collect(),
        ..Statement::default()
    }
}

fn statement_line(line: &Line, number: u32, amount: &dyn Fn(i64) -> Option<Amount>) -> StatementLine {
    let identifier = |value: &str| Some(Identifier { value: value.to_owned(), ..Identifier::default() });
    let reference = |role: &str, value: &str| DocumentReference {
        id: identifier(value),
        role: role.to_owned(),
        ..DocumentReference::default()
    };
    let row = &line.row;
    let share: Decimal = row.share_percent.parse().unwrap_or_default();
    let note = format!(
        "{}: {} {} x {} {} = {}, {}% = {}",
        line.name,
        row.quantity,
        line.unit,
        row.price,
        row.currency,
        Minor(row.invoiced_minor).to_decimal(&row.currency),
        share.normalize(),
        Minor(row.seller_minor).to_decimal(&row.currency),
    );
    StatementLine {
        id: identifier(&number.to_string()),
        notes: vec![note],
        credit_amount: amount(row.seller_minor),
        balance_amount: amount(row.seller_minor),
        references: vec![
            reference(LINE_ROLE, &row.id.to_string()),
            reference("order", &line.order),
            reference("parcel", &line.tracking_id),
            reference("trade", &TradeId(row.trade_id).to_string()),
        ],
        ..StatementLine::default()
    }
}
