//! The pages of the simulated mailbox: `/` lists what came, `/{n}` shows one mail, `/{n}/raw` its bytes and
//! `/{n}/{k}` the k-th file that came with it. For demonstrations on this machine; there is no sign-in.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use chrono::DateTime;

use super::mailbox::{Kept, Mail};

pub(super) fn router(kept: Arc<Kept>) -> Router {
    Router::new()
        .route("/", get(list))
        .route("/{number}", get(one))
        .route("/{number}/raw", get(raw))
        .route("/{number}/{file}", get(file))
        .with_state(kept)
}

async fn list(State(kept): State<Arc<Kept>>) -> Html<String> {
    let mut rows = String::new();
    for mail in kept.list().iter().rev() {
        let (number, to, subject) = (mail.number, escape(&mail.to.join(", ")), escape(&mail.subject()));
        write(&mut rows, format_args!("<tr><td>{}<td>{to}<td><a href=\"/{number}\">{subject}</a>\n", time(mail)));
    }
    page("메일함 · Mailbox", &format!("<table><tr><th>시각 · Time<th>받는 이 · To<th>제목 · Subject\n{rows}</table>"))
}

async fn one(State(kept): State<Arc<Kept>>, Path(number): Path<usize>) -> Response {
    let Some(mail) = find(&kept, number) else { return StatusCode::NOT_FOUND.into_response() };
    let mut files = String::new();
    for (index, file) in mail.attachments().iter().enumerate() {
        let (name, size) = (escape(&file.name), file.body.len());
        write(&mut files, format_args!("<li><a href=\"/{number}/{}\">{name}</a> ({size} bytes)\n", index + 1));
    }
    let body = format!(
        "<p><a href=\"/\">메일함 · Mailbox</a> · <a href=\"/{number}/raw\">원문 · Raw</a>\n\
         <p>{}<br>{} → {}\n<pre>{}</pre>\n<ul>{files}</ul>",
        time(&mail),
        escape(&mail.from),
        escape(&mail.to.join(", ")),
        escape(&mail.text()),
    );
    page(&mail.subject(), &body).into_response()
}

async fn raw(State(kept): State<Arc<Kept>>, Path(number): Path<usize>) -> Response {
    match find(&kept, number) {
        // Shown as text, so that nothing in it is run.
        Some(mail) => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], mail.raw.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn file(State(kept): State<Arc<Kept>>, Path((number, index)): Path<(usize, usize)>) -> Response {
    let files = find(&kept, number).map(|mail| mail.attachments()).unwrap_or_default();
    match files.into_iter().nth(index.wrapping_sub(1)) {
        Some(file) => {
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream"),
                (header::CONTENT_DISPOSITION, "attachment"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, file.body).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn find(kept: &Kept, number: usize) -> Option<Arc<Mail>> {
    kept.list().into_iter().find(|mail| mail.number == number)
}

fn time(mail: &Mail) -> String {
    DateTime::from_timestamp_millis(mail.received_ms).map_or(String::new(), |at| at.format("%F %T UTC").to_string())
}

pub(super) fn page(title: &str, body: &str) -> Html<String> {
    let title = escape(title);
    Html(format!(
        "<!doctype html>\n<html lang=\"ko\"><meta charset=\"utf-8\"><title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <style>body{{font-family:sans-serif;margin:2em}}td,th{{text-align:left;padding:.2em 1em}}\
         pre{{white-space:pre-wrap}}</style>\n<h1>{title}</h1>\n{body}\n</html>\n"
    ))
}

/// Text for an element or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// Appends; writing to a string cannot fail.
fn write(out: &mut String, what: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(what);
    debug_assert!(written.is_ok(), "writing to a string");
}
