//! Transportation status: what happened to parcels (UBL TransportationStatus; couriers' callbacks).

use crate::model::parts::{Address, Amount, Unmapped};
use crate::model::record::{Date, Time};

crate::record! {
    /// What happened to parcels.
    TransportationStatus {
        /// The courier's number of the report, or ours: cbc:ID
        id: String,
        /// cbc:IssueDate
        issue_date: Date,
        /// cbc:IssueTime
        issue_time: Time,
        /// The courier, by its name in our courier files
        courier: String,
        /// What happened, parcel by parcel
        events: Vec<ParcelEvent>,
        /// What no field carries
        unmapped: Vec<Unmapped>,
    }

    /// One event of one parcel (cac:TransportEvent).
    ParcelEvent {
        /// Waybill number: cac:Consignment/cbc:ID
        tracking_id: String,
        /// The parcel by our number (`pcl_…`), where the courier answers to its booking
        reference: String,
        /// One of our words, or `refused` where the courier does not take a parcel: `registered`, `picked-up`, `in-transit`, `out-for-delivery`, `delivered`, `attempt-failed`, `wrong-delivery`, `returning`, `returned`, `lost`, `unknown`
        status: String,
        /// The courier's own code
        courier_code: String,
        /// When it happened: RFC 3339 with zone
        occurred_at: String,
        /// The courier's sequence number, where it has one
        sequence: Option<u32>,
        /// Where
        location: String,
        /// Where, as an address
        address: Option<Address>,
        /// Who took it
        received_by: String,
        /// Remarks of the courier; why it refuses
        notes: Vec<String>,
        /// What the courier's sorting reads, printed large on the label
        routing: String,
        /// Address of the courier's own label
        label: String,
        /// What the courier charges
        price: Option<Amount>,
    }
}

pub mod booked;

use rust_decimal::Decimal;

use super::directory::Direction;
use super::effect::{Cx, Made, Verdict};
use crate::error::Result;
use crate::model::document_type::DocumentType;
use crate::model::finding::Code;
use crate::model::money::Rounding;
use crate::model::parcel_status::{self, ParcelStatus};
use crate::store::parcels::{self, EventRow, ParcelRow};
use crate::store::statements::{self, StatementLineRow};
use crate::store::{orders, trades};

impl TransportationStatus {
    /// Takes a courier's report: each event is kept once, and the parcel's status is computed anew from all of them, so
    /// that late, repeated and backward reports never take it back. A parcel that arrived makes statement lines.
    pub fn apply(&self, cx: &mut Cx<'_, '_>) -> Result<Verdict> {
        let courier_id = cx.header.issuer_id;
        if self.events.is_empty() {
            cx.error(Code::Missing, "events", "", "events");
            return Ok(Verdict::Reject);
        }
        for (index, event) in self.events.iter().enumerate() {
            if instant(&event.occurred_at).is_none() {
                let path = format!("events[{}].occurred_at", index + 1);
                cx.error(Code::BadValue, path, &event.occurred_at, "2026-11-24T09:00:00+09:00");
            }
        }
        if cx.findings.has_errors() {
            return Ok(Verdict::Reject);
        }
        // All of it or nothing: what waits has no effect yet.
        let mut waits = Vec::new();
        for (index, event) in self.events.iter().enumerate() {
            if !event.reference.is_empty() {
                booked::check(event, index, cx)?;
                continue;
            }
            if find(event, courier_id, cx)?.is_none() {
                waits.push(("waybill".to_owned(), event.tracking_id.clone()));
            }
        }
        if cx.findings.has_errors() {
            return Ok(Verdict::Reject);
        }
        if !waits.is_empty() {
            waits.dedup();
            return Ok(Verdict::Wait(waits));
        }
        for (index, event) in self.events.iter().enumerate() {
            let path = format!("events[{}]", index + 1);
            let Some(at_ms) = instant(&event.occurred_at) else { continue };
            if !event.reference.is_empty() && !self.answer_to_booking(event, &path, cx)? {
                continue;
            }
            // As it is after the events before.
            let Some(parcel) = find(event, courier_id, cx)? else { continue };
            if event.status == "unknown" {
                cx.warning(Code::UnknownCode, format!("{path}.courier_code"), &event.courier_code, "status");
            }
            self.take(event, at_ms, &parcel, cx)?;
        }
        Ok(Verdict::Apply)
    }

    fn take(&self, event: &ParcelEvent, at_ms: i64, parcel: &ParcelRow, cx: &mut Cx<'_, '_>) -> Result<()> {
        let courier_id = cx.header.issuer_id;
        cx.trade_id = Some(parcel.trade_id);
        let row = EventRow {
            document_id: cx.header.document_id,
            at_ms,
            sequence: event.sequence.map_or(0, i64::from),
            status: event.status.clone(),
            courier_code: event.courier_code.clone(),
            location: event.location.clone(),
            received_by: event.received_by.clone(),
            note: event.notes.join("\n"),
        };
        if parcels::has_event(cx.tx, parcel.id, &row)? {
            return Ok(());
        }
        let id = cx.id(Made::Event);
        parcels::insert_event(cx.tx, id, parcel.id, &row)?;
        trades::add_party(cx.tx, parcel.trade_id, courier_id, "courier")?;
        cx.key("waybill", &parcel.tracking_id, &[courier_id])?;
        let events: Vec<parcel_status::Event> = parcels::events(cx.tx, parcel.id)?
            .iter()
            .map(|row| parcel_status::Event {
                at_ms: row.at_ms,
                sequence: row.sequence,
                status: ParcelStatus::from_word(&row.status).unwrap_or(ParcelStatus::Unknown),
            })
            .collect();
        let before = ParcelStatus::from_word(&parcel.state).unwrap_or(ParcelStatus::Registered);
        let now = match parcel_status::state(&events).status() {
            ParcelStatus::Unknown => before,
            known => known,
        };
        if now == before && parcel.courier_id == courier_id {
            return Ok(());
        }
        parcels::set_state(cx.tx, parcel.id, now.as_str(), courier_id, cx.now_ms)?;
        if now != before {
            cx.milestone(now.as_str(), courier_id, at_ms, parcel.position.to_string())?;
            if now == ParcelStatus::Delivered {
                arrived(parcel, at_ms, cx)?;
            } else if before == ParcelStatus::Delivered {
                did_not_arrive(parcel, cx)?;
            }
        }
        Ok(())
    }
}

/// The parcel of an event. A courier reuses its numbers after months: the latest parcel is meant.
fn find(event: &ParcelEvent, courier_id: i64, cx: &mut Cx<'_, '_>) -> Result<Option<ParcelRow>> {
    let found = parcels::by_tracking(cx.tx, &event.tracking_id)?;
    Ok(found.into_iter().find(|parcel| parcel.courier_id == 0 || parcel.courier_id == courier_id))
}

/// A time as couriers write it: RFC 3339.
fn instant(text: &str) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(text.trim()).ok().map(|at| at.timestamp_millis())
}

/// Raises what arrived and writes the statement lines: quantity times the buyer's price, shared as the seller's agreement
/// of that day says.
fn arrived(parcel: &ParcelRow, at_ms: i64, cx: &mut Cx<'_, '_>) -> Result<()> {
    let day = cx.day_of(at_ms);
    for (order_line_id, quantity, _) in parcels::lines(cx.tx, parcel.id)? {
        let Some(mut line) = orders::line(cx.tx, order_line_id)? else { continue };
        let Some(order) = orders::get(cx.tx, line.order_id)? else { continue };
        let number = |text: &str| text.parse::<Decimal>().unwrap_or_default();
        line.delivered = (number(&line.delivered) + number(&quantity)).to_string();
        orders::update_line(cx.tx, &line)?;

        let agreed = cx.directory.agreement(line.seller_id, Direction::Out, DocumentType::Statement, &day);
        let share = agreed.and_then(|agreed| agreed.terms.seller_share_percent).unwrap_or_default();
        let rounding = agreed.map_or("", |agreed| agreed.terms.rounding.as_str());
        let rule = match rounding {
            "down" => Rounding::Down,
            "half-even" => Rounding::HalfEven,
            _ => Rounding::HalfUp,
        };
        let invoiced = number(&quantity).checked_mul(number(&line.price));
        let seller =
            invoiced.and_then(|amount| amount.checked_mul(share)).and_then(|sum| sum.checked_div(Decimal::ONE_HUNDRED));
        let minor = |amount: Option<Decimal>| amount.and_then(|amount| rule.to_minor(amount, &line.currency));
        let (Some(invoiced), Some(seller)) = (minor(invoiced), minor(seller)) else {
            cx.warning(Code::BadValue, "events", format!("{quantity} × {}", line.price), "an amount");
            continue;
        };
        let row = StatementLineRow {
            id: cx.id(Made::StatementLine),
            centre_id: parcel.centre_id,
            seller_id: line.seller_id,
            producer_id: line.producer_id,
            buyer_id: order.buyer_id,
            trade_id: parcel.trade_id,
            order_line_id,
            parcel_id: parcel.id,
            quantity,
            price: line.price.clone(),
            currency: line.currency.clone(),
            invoiced_minor: invoiced.0,
            seller_minor: seller.0,
            rest_minor: invoiced.0 - seller.0,
            share_percent: share.to_string(),
            rounding: rounding.to_owned(),
            agreement_id: agreed.map_or(0, |agreed| agreed.id),
            delivered_on: day.clone(),
            document_id: cx.header.document_id,
            statement_id: None,
        };
        statements::insert_line(cx.tx, &row)?;
    }
    let all = orders::of_trade(cx.tx, parcel.trade_id)?;
    if let Some(order) = all {
        let lines = orders::lines(cx.tx, order.id)?;
        let number = |text: &str| text.parse::<Decimal>().unwrap_or_default();
        if lines.iter().all(|line| line.state == "rejected" || number(&line.delivered) >= number(&line.confirmed)) {
            trades::set_state(cx.tx, parcel.trade_id, "delivered", cx.now_ms)?;
        }
    }
    Ok(())
}

/// A parcel that was thought to have arrived did not: its open statement lines go, its quantities are taken back.
fn did_not_arrive(parcel: &ParcelRow, cx: &mut Cx<'_, '_>) -> Result<()> {
    for (order_line_id, quantity, _) in parcels::lines(cx.tx, parcel.id)? {
        let Some(mut line) = orders::line(cx.tx, order_line_id)? else { continue };
        let number = |text: &str| text.parse::<Decimal>().unwrap_or_default();
        line.delivered = (number(&line.delivered) - number(&quantity)).max(Decimal::ZERO).to_string();
        orders::update_line(cx.tx, &line)?;
    }
    statements::take_back(cx.tx, parcel.id)?;
    trades::set_state(cx.tx, parcel.trade_id, "despatched", cx.now_ms)
}
