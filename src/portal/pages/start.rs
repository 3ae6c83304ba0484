//! My day: what waits for the person, and what happened last.

use askama::Template;

use super::interchange::{Sent, sent};
use super::{interchanges, trades};
use crate::error::Result;
use crate::model::viewer::Viewer;
use crate::portal::frame::{Answer, Frame, page};
use crate::portal::session::Seat;
use crate::store::Tx;
use crate::store::view::{self, DeliveryView, InterchangeNarrow, Open};

/// Rows of each list.
const ROWS: i64 = 8;

#[derive(Template)]
#[template(path = "start.html")]
struct Start {
    f: Frame,
    open: Open,
    held: Vec<interchanges::Row>,
    waiting: Vec<interchanges::Row>,
    dead: Vec<Sent>,
    trades: Vec<trades::Row>,
    has_trades: bool,
    has_documents: bool,
    /// Whether lists say who sent and who is sent to.
    senders: bool,
    latest: Vec<interchanges::Row>,
}

fn standing(tx: &mut Tx<'_>, viewer: &Viewer, standing: &str) -> Result<Vec<view::Listed>> {
    let narrow = InterchangeNarrow { standing: standing.to_owned(), limit: ROWS, ..InterchangeNarrow::default() };
    view::interchange_list(tx, viewer, &narrow).map(|(rows, _)| rows)
}

/// Shows the page.
pub(in crate::portal) async fn show(seat: Seat) -> Answer {
    let f = seat.frame(seat.title("/")).await?;
    let viewer = seat.viewer.clone();
    let (has_trades, has_documents) = (seat.may("/trades"), seat.may("/interchanges"));
    let (open, held, waiting, dead, trades, latest) = seat
        .portal
        .hub
        .store
        .read(move |tx| {
            let open = if has_documents { view::open(tx, &viewer)? } else { Open::default() };
            let held = if open.held > 0 { standing(tx, &viewer, "held")? } else { Vec::new() };
            let waiting = if open.waiting > 0 { standing(tx, &viewer, "waiting")? } else { Vec::new() };
            let dead = if open.dead > 0 { view::dead_deliveries(tx, &viewer, ROWS)? } else { Vec::new() };
            let trades = if has_trades { view::trades(tx, &viewer, None, ROWS)? } else { Vec::new() };
            let latest = if has_documents { standing(tx, &viewer, "")? } else { Vec::new() };
            Ok((open, held, waiting, dead, trades, latest))
        })
        .await?;
    let rows = |listed: Vec<view::Listed>| -> Vec<interchanges::Row> {
        listed.into_iter().map(|listed| interchanges::row(&seat, &f, listed)).collect()
    };
    page(&Start {
        open,
        held: rows(held),
        waiting: rows(waiting),
        dead: dead
            .into_iter()
            .map(|delivery| sent(&seat, &f, &DeliveryView { delivery, attempts: Vec::new() }))
            .collect(),
        trades: trades.into_iter().map(|trade| trades::row(&seat, &f, trade)).collect(),
        has_trades,
        has_documents,
        senders: seat.viewer.sees_the_centre(),
        latest: rows(latest),
        f,
    })
}
