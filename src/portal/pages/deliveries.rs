//! What goes out, newest first.

use askama::Template;
use axum::extract::Query;

use super::interchange::{Sent, sent};
use super::interchanges::Choice;
use crate::model::disposition::DeliveryState;
use crate::model::id::DeliveryId;
use crate::portal::frame::{Answer, Frame, page};
use crate::portal::session::Seat;
use crate::store::view::{self, DeliveryNarrow, DeliveryView};

/// Rows of one page.
const ROWS: i64 = 50;

/// What the list is narrowed by, as it stands in the address.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(in crate::portal) struct Asked {
    state: String,
    kind: String,
    partner: String,
    before: String,
}

#[derive(Template)]
#[template(path = "deliveries.html")]
struct List {
    f: Frame,
    rows: Vec<Sent>,
    states: Vec<Choice>,
    kinds: Vec<Choice>,
    partners: Vec<Choice>,
    senders: bool,
    narrowed: bool,
    first: bool,
    older: String,
    newest: String,
}

/// Shows the list.
pub(in crate::portal) async fn show(seat: Seat, Query(asked): Query<Asked>) -> Answer {
    let f = seat.frame(seat.title("/deliveries")).await?;
    let (w, language, centre) = (seat.w, seat.viewer.language, seat.viewer.sees_the_centre());
    let before = asked.before.parse::<DeliveryId>().map_or(0, |id| id.0);
    let narrow = DeliveryNarrow {
        organisation_id: seat.portal.hub.directory().by_short(&asked.partner).map_or(0, |found| found.id),
        state: asked.state.clone(),
        kind: asked.kind.clone(),
        before,
        limit: ROWS,
    };
    let viewer = seat.viewer.clone();
    let (rows, next) = seat.portal.hub.store.read(move |tx| view::delivery_list(tx, &viewer, &narrow)).await?;
    let choice = |value: &str, text: &str, chosen: &str| Choice {
        value: value.to_owned(),
        text: text.to_owned(),
        on: value == chosen,
    };
    let states = std::iter::once(choice("", w.all, &asked.state))
        .chain(DeliveryState::ALL.iter().map(|word| choice(word.as_str(), word.title(language), &asked.state)));
    let kinds = [("", w.all), ("document", w.document), ("acknowledgement", w.acknowledgement), ("notice", w.notice)];
    let kinds = kinds.iter().map(|(value, text)| choice(value, text, &asked.kind));
    let partners = if centre { seat.partner_choices() } else { Vec::new() };
    let partners = std::iter::once(choice("", w.all, &asked.partner))
        .chain(partners.iter().map(|(short, name)| choice(short, name, &asked.partner)));
    let filter = [("state", &asked.state), ("kind", &asked.kind), ("partner", &asked.partner)];
    let address = |before: Option<i64>| {
        let before = before.map(|id| DeliveryId(id).to_string());
        super::address("/deliveries", &filter, before.as_deref())
    };
    page(&List {
        rows: rows
            .into_iter()
            .map(|delivery| sent(&seat, &f, &DeliveryView { delivery, attempts: Vec::new() }))
            .collect(),
        states: states.collect(),
        kinds: kinds.collect(),
        partners: if centre { partners.collect() } else { Vec::new() },
        senders: centre,
        narrowed: filter.iter().any(|(_, value)| !value.is_empty()),
        first: before == 0,
        older: next.map_or(String::new(), |id| address(Some(id))),
        newest: address(None),
        f,
    })
}
