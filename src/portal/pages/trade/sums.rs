//! The figures of a trade: its lines from ordered to delivered, its parcels with what is in them, and who gets what.

use rust_decimal::Decimal;

use super::owed::number;
use super::story::parcel_numbers;
use crate::document::directory::Direction;
use crate::document::reading::figures::{amount, capital, figure, money};
use crate::document::reading::words::value;
use crate::model::document_type::DocumentType;
use crate::model::id::ParcelId;
use crate::model::money::Rounding;
use crate::model::parcel_status::ParcelStatus;
use crate::portal::chip::Chip;
use crate::portal::frame::Frame;
use crate::portal::language::fill;
use crate::portal::pages::bookings;
use crate::portal::session::Seat;
use crate::portal::show::{Link, Moment};
use crate::store::view::{LineView, StatementLineView, TradeView};

/// A line of the order.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) small: Vec<String>,
    pub(super) ordered: String,
    pub(super) promised: String,
    pub(super) despatched: String,
    pub(super) delivered: String,
    pub(super) price: String,
    pub(super) amount: String,
    /// Whether something else was promised than ordered.
    pub(super) differs: bool,
    pub(super) maker: Link,
}

/// All lines with their sum.
pub(super) struct Lines {
    pub(super) rows: Vec<Line>,
    pub(super) currency: String,
    pub(super) total: String,
    pub(super) priced: bool,
}

/// A parcel.
pub(super) struct Parcel {
    pub(super) name: String,
    pub(super) numbers: Vec<(&'static str, String)>,
    pub(super) contents: Vec<(String, Vec<String>)>,
    pub(super) courier: Link,
    pub(super) at: Moment,
    pub(super) state: Chip,
    pub(super) label: String,
    pub(super) booking: Option<(Chip, String)>,
}

/// Who gets what.
pub(super) struct Settlement {
    pub(super) share: String,
    pub(super) rows: Vec<Shared>,
    pub(super) expected: String,
}

/// The shares of what arrived, of one currency.
pub(super) struct Shared {
    pub(super) currency: String,
    pub(super) invoiced: String,
    pub(super) seller: String,
    pub(super) rest: Option<String>,
    pub(super) settled: String,
}

fn line(seat: &Seat, line: &LineView) -> Line {
    let language = seat.viewer.language;
    let price = line.price.as_deref().map(number);
    let total = price.and_then(|price| price.checked_mul(number(&line.quantity)));
    let mut small = vec![fill(seat.w.line_n, &[&line.line])];
    if !matches!(line.state.as_str(), "ordered" | "accepted") {
        small.push(value("status", &line.state, language).into_owned());
    }
    if !line.promised_date.is_empty() {
        small.push(fill(seat.w.promised_for, &[&line.promised_date]));
    }
    if !line.note.is_empty() {
        small.push(line.note.clone());
    }
    let unanswered = line.state == "ordered";
    Line {
        name: line.name.clone(),
        small,
        ordered: format!("{} {}", figure(&line.quantity), line.unit),
        promised: if unanswered { "–".to_owned() } else { figure(&line.confirmed) },
        despatched: figure(&line.despatched),
        delivered: figure(&line.delivered),
        price: price.map_or(String::new(), |price| amount(price, &line.currency)),
        amount: total.map_or(String::new(), |total| amount(total, &line.currency)),
        differs: !unanswered && number(&line.confirmed) != number(&line.quantity),
        maker: line
            .producer_id
            .filter(|_| seat.viewer.sees_the_centre())
            .map_or(Link::default(), |id| seat.organisation(id)),
    }
}

/// The lines that the viewer may see.
pub(super) fn lines(seat: &Seat, trade: &TradeView) -> Lines {
    let currency = trade.lines.first().map_or(String::new(), |line| line.currency.clone());
    let one = trade.lines.iter().all(|line| line.currency == currency);
    let total = trade.lines.iter().try_fold(Decimal::ZERO, |sum, line| {
        sum.checked_add(number(line.price.as_deref()?).checked_mul(number(&line.quantity))?)
    });
    Lines {
        rows: trade.lines.iter().map(|row| line(seat, row)).collect(),
        total: total.filter(|_| one).map_or(String::new(), |total| amount(total, &currency)),
        priced: trade.lines.iter().any(|line| line.price.is_some()),
        currency,
    }
}

/// The parcels that the viewer may see.
pub(super) fn parcels(seat: &Seat, f: &Frame, trade: &TradeView) -> Vec<Parcel> {
    let w = seat.w;
    let shown = trade.parcels.iter().zip(parcel_numbers(trade)).map(|(parcel, number)| {
        let contents = parcel.contents.iter().map(|content| {
            let line = trade.lines.iter().find(|line| line.id == content.order_line_id);
            let unit = line.map_or("", |line| line.unit.as_str());
            let name = line.map_or("", |line| line.name.as_str());
            (format!("{name} {} {unit}", figure(&content.quantity)).trim().to_owned(), content.serial_ids.clone())
        });
        let numbers = [(w.key_waybill, &parcel.tracking_id), (w.key_sscc, &parcel.sscc)];
        let numbers = numbers.into_iter().filter(|(_, number)| !number.is_empty());
        Parcel {
            name: capital(&fill(w.parcel_n, &[&number])),
            numbers: numbers.map(|(label, number)| (label, number.clone())).collect(),
            contents: contents.collect(),
            courier: parcel.courier_id.map_or(Link::default(), |id| seat.organisation(id)),
            at: f.moment(parcel.changed_ms),
            label: if parcel.label { format!("/parcels/{}/label", ParcelId(parcel.id)) } else { String::new() },
            booking: parcel
                .booking
                .as_ref()
                .filter(|booking| booking.state != "booked")
                .map(|booking| (bookings::state(w, &booking.state), booking.cause.clone())),
            state: Chip::parcel(
                ParcelStatus::from_word(&parcel.state).unwrap_or(ParcelStatus::Unknown),
                seat.viewer.language,
            ),
        }
    });
    shown.collect()
}

/// The shares, for the seller and the centre; nobody else has lines of them.
pub(super) fn settlement(seat: &Seat, trade: &TradeView) -> Option<Settlement> {
    let centre = seat.viewer.sees_the_centre();
    let seller = trade.row.seller_id.filter(|id| centre || *id == seat.viewer.organisation_id)?;
    let directory = seat.portal.hub.directory();
    let today = seat.portal.hub.today();
    let agreed = directory.agreement(seller, Direction::Out, DocumentType::Statement, &today);
    let percent = agreed.and_then(|agreed| agreed.terms.seller_share_percent);
    if trade.statement_lines.is_empty() && percent.is_none() {
        return None;
    }
    let rounding = match agreed.map_or("", |agreed| agreed.terms.rounding.as_str()) {
        "down" => Rounding::Down,
        "half-even" => Rounding::HalfEven,
        _ => Rounding::HalfUp,
    };
    let mut currencies: Vec<&str> = Vec::new();
    for line in &trade.statement_lines {
        if !currencies.contains(&line.currency.as_str()) {
            currencies.push(&line.currency);
        }
    }
    let rows = currencies.iter().map(|currency| {
        let mine = || trade.statement_lines.iter().filter(|line| line.currency == *currency);
        let sum =
            |field: &dyn Fn(&StatementLineView) -> i64| money(mine().map(field).fold(0, i64::saturating_add), currency);
        let rest: Option<i64> = mine().map(|line| line.rest_minor).try_fold(0_i64, |sum, rest| sum.checked_add(rest?));
        Shared {
            currency: (*currency).to_owned(),
            invoiced: sum(&|line| line.invoiced_minor),
            seller: sum(&|line| line.seller_minor),
            rest: rest.map(|rest| money(rest, currency)),
            settled: sum(&|line| if line.statement_id.is_some() { line.seller_minor } else { 0 }),
        }
    });
    let expected = percent.and_then(|percent| expected(trade, percent, rounding));
    let stated = trade.statement_lines.first().map(|line| line.share_percent.clone());
    Some(Settlement {
        share: stated.or(percent.map(|percent| percent.to_string())).map_or(String::new(), |percent| figure(&percent)),
        rows: rows.collect(),
        expected: expected.unwrap_or_default(),
    })
}

/// The seller's share when everything promised has arrived; none where lines differ in currency.
fn expected(trade: &TradeView, percent: Decimal, rounding: Rounding) -> Option<String> {
    let currency = &trade.lines.first()?.currency;
    let mut sum = 0_i64;
    for line in trade.lines.iter().filter(|line| line.state != "rejected") {
        let quantity = number(if line.state == "ordered" { &line.quantity } else { &line.confirmed });
        let worth = quantity.checked_mul(number(line.price.as_deref()?))?;
        let share = worth.checked_mul(percent)?.checked_div(Decimal::ONE_HUNDRED)?;
        sum = sum.checked_add(rounding.to_minor(share, currency)?.0)?;
        if line.currency != *currency {
            return None;
        }
    }
    Some(format!("{} {currency}", money(sum, currency)))
}
