//! What a viewer may see (rules.md 6): every page and every call of the API reads through here and nowhere else.
//!
//! Not yours is `None`, exactly as if it were unknown. An interchange is its sender's, a delivery its receiver's, a document
//! of who sent, received or is named by it, a trade of who has a part in it; who sees the centre sees all of it. Of other
//! legs of a trade only milestones are shown: never their prices, shares or parties. Payload bytes of others than the
//! viewer are masked by the caller, see [`Payload::exact`].

mod document;
mod interchange;
mod lists;
mod money;
mod parcel;
mod partner;
mod trade;

pub use document::{
    Carried, DocumentFilter, DocumentKey, DocumentRow, DocumentView, Side, document, documents, item, items,
};
pub use interchange::{
    Attempt, DeliveryView, InterchangeView, Payload, dead_deliveries, deliveries, delivery, delivery_body, held,
    interchange, interchanges, payload, payload_part,
};
pub use lists::{DeliveryNarrow, InterchangeNarrow, Listed, Open, delivery_list, interchange_list, open};
pub use money::{StatementLineView, open_statement_lines, statement, statements};
pub use parcel::labelled;
pub use partner::{AccountView, PartnerView, account, accounts, partner, partners};
pub use trade::{
    BookingView, Entry, LineView, MilestoneView, ParcelContent, ParcelView, TradeRow, TradeView, What, find_trades,
    trade, trades,
};

use crate::model::viewer::Viewer;

/// Most rows of one page, whatever was asked for.
pub const MOST_ROWS: i64 = 200;

/// Whether a row that belongs to one organisation may be seen.
fn may_see(viewer: &Viewer, centre_id: i64, organisation_id: i64) -> bool {
    match viewer.scope() {
        None => viewer.centre_id == centre_id,
        Some(own) => own == organisation_id,
    }
}

/// A page's size within its bounds.
fn bounded(limit: i64) -> i64 {
    limit.clamp(1, MOST_ROWS)
}
