//! What stands around every page: menu, search, who is signed in; and how a page becomes an answer.

use std::sync::Arc;

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::Shared;
use super::assets;
use super::language::{Words, fill};
use super::rights::{Method, Page, Scope};
use super::session::Seat;
use super::show::Moment;
use crate::error::{Error, Result};
use crate::model::finding::Language;
use crate::store::view;

/// What a handler gives.
pub(crate) type Answer = Result<Response, Failure>;

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It does not exist, or is not the viewer's; nobody can tell which.
    NotFound,
    /// The form's token is not that of the session.
    Stale,
    /// The machine.
    Trouble(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Trouble(error)
    }
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Failure::NotFound => StatusCode::NOT_FOUND,
            Failure::Stale => StatusCode::FORBIDDEN,
            Failure::Trouble(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Failure {
    /// Only a marker: the guard makes the page, in the viewer's language.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// One entry of the menu.
#[derive(Clone, Debug)]
pub(crate) struct MenuItem {
    /// Where to.
    pub(crate) href: &'static str,
    /// Its word.
    pub(crate) label: &'static str,
    /// Whether the page stands there.
    pub(crate) on: bool,
    /// How many things wait there; empty for none.
    pub(crate) count: String,
    /// Whether one of them is wrong.
    pub(crate) hot: bool,
}

/// Who is signed in, for the corner.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    /// The person's name.
    pub(crate) name: String,
    /// The role in words.
    pub(crate) role: &'static str,
    /// The organisation.
    pub(crate) organisation: String,
}

/// What stands around a page.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// The words.
    pub(crate) w: &'static Words,
    /// The language.
    pub(crate) language: Language,
    /// Title of the page.
    pub(crate) title: String,
    /// The centre's name.
    pub(crate) centre: String,
    /// Who is signed in; none before signing in.
    pub(crate) who: Option<Who>,
    /// The menu.
    pub(crate) menu: Vec<MenuItem>,
    /// The token of every form.
    pub(crate) csrf: String,
    /// Path and query of this page.
    pub(crate) here: String,
    /// What stands in the search box.
    pub(crate) sought: String,
    /// A sentence about what was just done, and its colour.
    pub(crate) said: Option<(String, &'static str)>,
    /// Whether there is something to search.
    pub(crate) searches: bool,
    /// Name of the zone of all times.
    pub(crate) zone: &'static str,
    zone_of: chrono_tz::Tz,
    now_ms: i64,
}

impl Frame {
    /// The frame of somebody who is not signed in.
    pub(crate) fn outside(portal: &Shared, language: Language, csrf: String, title: &str) -> Frame {
        let hub = &portal.hub;
        Frame {
            w: Words::of(language),
            language,
            title: title.to_owned(),
            centre: hub.directory().centre().map_or(String::new(), |centre| centre.name.clone()),
            who: None,
            menu: Vec::new(),
            csrf,
            here: "/".to_owned(),
            sought: String::new(),
            said: None,
            searches: false,
            zone: hub.config.zone.name(),
            zone_of: hub.config.zone,
            now_ms: hub.clock.now_ms(),
        }
    }

    /// An instant as this page shows it.
    pub(crate) fn moment(&self, at_ms: i64) -> Moment {
        Moment::new(self.zone_of, self.now_ms, at_ms)
    }

    /// The path of the style sheet, with its version.
    pub(crate) fn style(&self) -> &'static str {
        assets::style_path()
    }

    /// The path of the script, with its version.
    pub(crate) fn script(&self) -> &'static str {
        assets::script_path()
    }

    /// `lang` of the document.
    pub(crate) fn lang(&self) -> &'static str {
        self.language.as_str()
    }

    /// The other language's tag.
    pub(crate) fn other_lang(&self) -> &'static str {
        match self.language {
            Language::Ko => "en",
            Language::En => "ko",
        }
    }

    /// A sentence with one value in it.
    pub(crate) fn fill(&self, sentence: &str, value: impl std::fmt::Display) -> String {
        fill(sentence, &[&value.to_string()])
    }
}

/// The menu: pages without a name in their path, in this order, as far as they are the role's.
const MENU: &[&str] =
    &["/", "/trades", "/interchanges", "/deliveries", "/partners", "/bookings", "/channels", "/accounts"];

/// Under which entry of the menu a page stands, by how its path begins.
const BELOW: &[(&str, &str)] = &[
    ("/trades/", "/trades"),
    ("/interchanges/", "/interchanges"),
    ("/deliveries/", "/deliveries"),
    ("/partners/", "/partners"),
    ("/agreements/", "/partners"),
    ("/new/partner", "/partners"),
    ("/new/agreement", "/partners"),
    ("/bookings/", "/bookings"),
    ("/channels/", "/channels"),
    ("/parcels/", "/trades"),
    ("/accounts/", "/accounts"),
    ("/new/account", "/accounts"),
];

impl Seat {
    /// The page of that path that shows something, if it is the person's.
    fn page(&self, path: &str) -> Option<&'static Page> {
        let mut pages = self.portal.pages.iter().filter(|page| page.method == Method::Get);
        pages.find(|page| page.path == path && page.rights.of(self.role) != Scope::Nothing)
    }

    /// Whether the page of that path is the person's.
    pub(crate) fn may(&self, path: &str) -> bool {
        self.page(path).is_some()
    }

    /// What the page of that path is called for this person; empty for one that is not theirs.
    pub(crate) fn title(&self, path: &str) -> &'static str {
        self.page(path).map_or("", |page| (page.title)(self.w, page.rights.of(self.role)))
    }

    /// The frame of a page of somebody who is signed in.
    pub(crate) async fn frame(&self, title: impl Into<String>) -> Result<Frame> {
        let outside = Frame::outside(&self.portal, self.viewer.language, self.csrf.clone(), "");
        let path = self.here.split('?').next().unwrap_or("/");
        let open = if self.may("/interchanges") {
            let viewer = self.viewer.clone();
            self.portal.hub.store.read(move |tx| view::open(tx, &viewer)).await?
        } else {
            view::Open::default()
        };
        let menu = MENU.iter().filter_map(|href| self.page(href)).map(|page| {
            let (count, hot) = match page.path {
                "/" => (open.held + open.dead, open.dead > 0),
                _ => (0, false),
            };
            MenuItem {
                href: page.path,
                label: (page.title)(self.w, page.rights.of(self.role)),
                on: path == page.path
                    || BELOW.iter().any(|(start, href)| path.starts_with(start) && *href == page.path),
                count: if count > 0 { count.to_string() } else { String::new() },
                hot,
            }
        });
        let directory = self.portal.hub.directory();
        let name = |id| directory.organisation(id).map_or(String::new(), |found| found.name.clone());
        Ok(Frame {
            title: title.into(),
            centre: name(self.viewer.centre_id),
            who: Some(Who {
                name: self.account.name.clone(),
                role: self.role.title(self.viewer.language),
                organisation: name(self.viewer.organisation_id),
            }),
            menu: menu.collect(),
            here: self.here.clone(),
            searches: self.may("/find"),
            ..outside
        })
    }
}

/// A page as an answer.
pub(crate) fn page(template: &impl Template) -> Answer {
    let text = template.render().map_err(|error| Error::bug("writing a page").caused_by(error))?;
    Ok(Html(text).into_response())
}

/// To another page, by GET (post, redirect, get).
pub(crate) fn redirect(to: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Problem {
    f: Frame,
    text: &'static str,
}

/// The page that says why there is none.
pub(crate) async fn problem_page(seat: &Seat, failure: &Failure) -> Response {
    let w = seat.w;
    let (title, text) = match failure {
        Failure::NotFound => (w.not_found, w.not_found_more),
        Failure::Stale => (w.form_stale, w.form_stale_more),
        Failure::Trouble(error) => {
            tracing::error!(%error, page = seat.here, "a page failed");
            (w.trouble, w.trouble_more)
        }
    };
    let status = failure.status();
    let body = match seat.frame(title).await {
        // The same words for whatever does not exist: not even the path is repeated.
        Ok(f) => Problem { f: Frame { here: "/".to_owned(), ..f }, text }.render().unwrap_or_default(),
        Err(_) => String::new(),
    };
    (status, Html(body)).into_response()
}
