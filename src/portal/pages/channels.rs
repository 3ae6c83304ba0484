//! The channels that the hub keeps open by itself: whether each works, when it last did, why not, and trying one.

use askama::Template;
use axum::extract::{Path, Query};

use super::Said;
use crate::portal::chip::{Chip, Tone};
use crate::portal::form::Posted;
use crate::portal::frame::{Answer, Failure, Frame, page, redirect};
use crate::portal::session::Seat;
use crate::portal::show::{Link, Moment};
use crate::store::channels;

/// A channel in the list.
struct Row {
    name: String,
    what: &'static str,
    place: String,
    partner: Link,
    state: Chip,
    succeeded: Option<Moment>,
    failed: Option<Moment>,
    cause: String,
}

#[derive(Template)]
#[template(path = "channels.html")]
struct List {
    f: Frame,
    rows: Vec<Row>,
}

impl Seat {
    /// Whether the channel is one of the viewer's centre: the hub's own are everybody's, a partner's are its centre's.
    fn sees_channel(&self, partner: Option<&str>) -> bool {
        let directory = self.portal.hub.directory();
        partner.is_none_or(|short| {
            directory.by_short(short).is_some_and(|partner| partner.centre_id == self.viewer.centre_id)
        })
    }
}

/// Shows the list.
pub(in crate::portal) async fn list(seat: Seat, Query(said): Query<Said>) -> Answer {
    let mut f = seat.frame(seat.title("/channels")).await?;
    f.said = said.sentence(seat.w);
    let known = seat.portal.hub.store.read(channels::list).await?;
    let w = seat.w;
    let shown = seat.portal.hub.channels().iter().filter(|channel| seat.sees_channel(channel.partner()));
    let rows = shown.map(|channel| {
        let noted = known.iter().find(|noted| noted.name == channel.name());
        let tried = noted.filter(|noted| noted.succeeded_ms.is_some() || noted.failed_ms.is_some());
        Row {
            name: channel.name().to_owned(),
            what: match channel.name().split(':').next() {
                Some("folder") => w.channel_folder,
                Some("mailbox") => w.channel_mailbox,
                _ => w.channel_relay,
            },
            place: channel.place(),
            partner: channel.partner().map_or_else(Link::default, |short| {
                seat.portal
                    .hub
                    .directory()
                    .by_short(short)
                    .map_or_else(Link::default, |found| seat.organisation(found.id))
            }),
            state: match tried {
                None => Chip::new(w.channel_untried, Tone::Waiting),
                Some(noted) if noted.state == "down" => Chip::new(w.channel_down, Tone::Bad),
                Some(_) => Chip::new(w.channel_up, Tone::Good),
            },
            succeeded: noted.and_then(|noted| noted.succeeded_ms).map(|at| f.moment(at)),
            failed: noted.and_then(|noted| noted.failed_ms).map(|at| f.moment(at)),
            cause: noted.map_or(String::new(), |noted| noted.cause.clone()),
        }
    });
    page(&List { rows: rows.collect(), f })
}

/// Tries a channel.
pub(in crate::portal) async fn attempt(seat: Seat, Path(name): Path<String>, _posted: Posted) -> Answer {
    let hub = &seat.portal.hub;
    let channel = hub.channels().iter().find(|channel| channel.name() == name);
    if channel.is_none_or(|channel| !seat.sees_channel(channel.partner())) {
        return Err(Failure::NotFound);
    }
    let works = hub.try_channel(&name).await?.ok_or(Failure::NotFound)?;
    Ok(redirect(if works { "/channels?said=channel-works" } else { "/channels?said=channel-fails" }))
}
