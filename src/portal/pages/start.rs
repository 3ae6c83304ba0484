//! My day: what waits for the person, and what happened last.

use askama::Template;

use crate::portal::frame::{Answer, Frame, page};
use crate::portal::session::Seat;

#[derive(Template)]
#[template(path = "start.html")]
struct Start {
    f: Frame,
}

/// Shows the page.
pub(in crate::portal) async fn show(seat: Seat) -> Answer {
    let f = seat.frame(seat.w.start).await?;
    page(&Start { f })
}
