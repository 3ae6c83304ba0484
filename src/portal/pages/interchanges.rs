//! What came in, newest first, as it happens.

use askama::Template;
use axum::extract::Query;

use crate::model::disposition::{Disposition, InterchangeState, Transport};
use crate::model::id::InterchangeId;
use crate::portal::chip::Chip;
use crate::portal::frame::{Answer, Frame, page};
use crate::portal::names::{interchange_path, transport_title};
use crate::portal::session::Seat;
use crate::portal::show::{Link, Moment, format, size};
use crate::store::view::{self, InterchangeNarrow, Listed};

/// Rows of one page.
const ROWS: i64 = 50;

/// What the list is narrowed by, as it stands in the address. All of it may be missing or nonsense.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(in crate::portal) struct Asked {
    standing: String,
    transport: String,
    partner: String,
    before: String,
}

/// A choice of a filter.
pub(in crate::portal) struct Choice {
    pub(in crate::portal) value: String,
    pub(in crate::portal) text: String,
    pub(in crate::portal) on: bool,
}

/// An interchange in a list.
pub(in crate::portal) struct Row {
    pub(in crate::portal) at: Moment,
    pub(in crate::portal) what: Link,
    pub(in crate::portal) more: String,
    pub(in crate::portal) sender: Link,
    pub(in crate::portal) way: String,
    pub(in crate::portal) format: String,
    pub(in crate::portal) size: String,
    pub(in crate::portal) state: Chip,
}

#[derive(Template)]
#[template(path = "interchanges.html")]
struct List {
    f: Frame,
    rows: Vec<Row>,
    standings: Vec<Choice>,
    transports: Vec<Choice>,
    partners: Vec<Choice>,
    senders: bool,
    narrowed: bool,
    first: bool,
    older: String,
    newest: String,
}

/// An interchange as a row.
pub(in crate::portal) fn row(seat: &Seat, f: &Frame, listed: Listed) -> Row {
    let language = seat.viewer.language;
    let interchange = listed.interchange;
    let path = interchange_path(interchange.id);
    let names = |text: &str| Link::to(path.clone(), text);
    let what = match listed.heads.first() {
        Some(head) if !head.document_type.is_empty() => names(&seat.document_name(&head.document_type, &head.number)),
        _ if !interchange.file_name.is_empty() => names(&interchange.file_name),
        _ if interchange.state == "received" => names(seat.w.interchange),
        _ => names(seat.w.unreadable),
    };
    let more = interchange.documents - 1;
    Row {
        at: f.moment(interchange.received_ms),
        what,
        more: if more > 0 { f.fill(seat.w.and_n_more, more) } else { String::new() },
        sender: seat.organisation(interchange.organisation_id),
        way: transport_title(&interchange.transport, language),
        format: match interchange.format.as_deref() {
            Some(name) => format(name),
            None => interchange.content_type,
        },
        size: size(interchange.size_bytes),
        state: Chip::interchange(&interchange.state, interchange.disposition.as_deref(), language),
    }
}

/// Shows the list.
pub(in crate::portal) async fn show(seat: Seat, Query(asked): Query<Asked>) -> Answer {
    let f = seat.frame(seat.title("/interchanges")).await?;
    let (language, centre) = (seat.viewer.language, seat.viewer.sees_the_centre());
    let partner = seat.portal.hub.directory().by_short(&asked.partner).map_or(0, |found| found.id);
    let before = asked.before.parse::<InterchangeId>().map_or(0, |id| id.0);
    let narrow = InterchangeNarrow {
        organisation_id: partner,
        standing: asked.standing.clone(),
        transport: asked.transport.clone(),
        before,
        limit: ROWS,
    };
    let viewer = seat.viewer.clone();
    let (listed, next) = seat.portal.hub.store.read(move |tx| view::interchange_list(tx, &viewer, &narrow)).await?;
    let choice = |value: &str, text: &str, chosen: &str| Choice {
        value: value.to_owned(),
        text: text.to_owned(),
        on: value == chosen,
    };
    let open = [InterchangeState::Received, InterchangeState::Held, InterchangeState::Waiting];
    let decided =
        [Disposition::Accepted, Disposition::AcceptedWithErrors, Disposition::Duplicate, Disposition::Rejected];
    let standings = std::iter::once(choice("", seat.w.all, &asked.standing))
        .chain(open.iter().map(|state| choice(state.as_str(), state.title(language), &asked.standing)))
        .chain(decided.iter().map(|word| choice(word.as_str(), word.title(language), &asked.standing)));
    let transports = std::iter::once(choice("", seat.w.all, &asked.transport))
        .chain(Transport::ALL.iter().map(|word| choice(word.as_str(), word.title(language), &asked.transport)));
    let partners = if centre { seat.partner_choices() } else { Vec::new() };
    let partners = std::iter::once(choice("", seat.w.all, &asked.partner))
        .chain(partners.iter().map(|(short, name)| choice(short, name, &asked.partner)));
    let filter = [("standing", &asked.standing), ("transport", &asked.transport), ("partner", &asked.partner)];
    let address = |before: Option<i64>| {
        let before = before.map(|id| InterchangeId(id).to_string());
        super::address("/interchanges", &filter, before.as_deref())
    };
    let older = next.map_or(String::new(), |id| address(Some(id)));
    page(&List {
        rows: listed.into_iter().map(|listed| row(&seat, &f, listed)).collect(),
        standings: standings.collect(),
        transports: transports.collect(),
        partners: if centre { partners.collect() } else { Vec::new() },
        senders: centre,
        narrowed: filter.iter().any(|(_, value)| !value.is_empty()),
        first: before == 0,
        older,
        newest: address(None),
        f,
    })
}
