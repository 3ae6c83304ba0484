//! Server-sent events (WHATWG HTML section 9.2): a hint that something of the viewer's changed, without saying what. The
//! script asks for the page again; without script the page is as it is.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::session::Seat;
use crate::pipeline::hub::Happened;

/// Pages that listen at a time; more are told to come back.
pub(super) const MOST: usize = 200;

/// Shortest time between two hints.
const PAUSE: Duration = Duration::from_millis(500);

/// After this the browser connects anew and its session is looked at again.
const LONGEST: Duration = Duration::from_secs(600);

struct Listener {
    seat: Seat,
    until: tokio::time::Instant,
    happened: Receiver<Happened>,
    _place: OwnedSemaphorePermit,
}

/// Listens for as long as the page is open and the hub runs.
pub(super) async fn listen(seat: Seat) -> Response {
    let Ok(place) = seat.portal.listeners.clone().try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let happened = seat.portal.hub.listen();
    let listener = Listener { seat, until: tokio::time::Instant::now() + LONGEST, happened, _place: place };
    Sse::new(stream::unfold(listener, step))
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
        .into_response()
}

async fn step(mut listener: Listener) -> Option<(Result<Event, Infallible>, Listener)> {
    let hub = listener.seat.portal.hub.clone();
    tokio::select! {
        () = hub.stopping() => None,
        () = tokio::time::sleep_until(listener.until) => None,
        heard = hear(&mut listener) => {
            if !heard {
                return None;
            }
            // What comes meanwhile is in the page that is asked for after it.
            tokio::time::sleep(PAUSE).await;
            while listener.happened.try_recv().is_ok() {}
            // An event without data is none to a browser.
            Some((Ok(Event::default().event("changed").data("1")), listener))
        }
    }
}

/// Waits until something of the viewer's happened; false when nothing will any more.
async fn hear(listener: &mut Listener) -> bool {
    loop {
        match listener.happened.recv().await {
            Ok(happened) if concerns(&listener.seat, &happened) => return true,
            Ok(_) => {}
            // Hints were missed: one of them may have been ours.
            Err(RecvError::Lagged(_)) => return true,
            Err(RecvError::Closed) => return false,
        }
    }
}

fn concerns(seat: &Seat, happened: &Happened) -> bool {
    match seat.viewer.scope() {
        None => happened.centre_id == seat.viewer.centre_id,
        Some(own) => happened.organisation_id == own,
    }
}
