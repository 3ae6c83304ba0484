//! `/mail/{link}`: the page behind the link that asks whether a mail is really its sender's. Who has the link reads that
//! mailbox; nobody signs in. Opening it changes nothing, because mail scanners open links: the button does.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode, header};
use axum::response::{Html, IntoResponse};

use super::problem::SharedHub;
use crate::error::Result;
use crate::pipeline::hub::Hub;

/// Longest link that is looked at, bytes.
const LONGEST_LINK: usize = 100;

/// What the page says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Ask,
    Done,
    Unknown,
    Trouble,
}

fn page(said: Said, count: i64) -> Response<Body> {
    let (status, ko, en) = match said {
        Said::Ask => (
            StatusCode::OK,
            format!("메일로 받은 문서 {count}건이 확인을 기다립니다. 직접 보내셨으면 눌러 주십시오."),
            format!("Documents that came by mail and wait for you: {count}. If you sent them, press the button."),
        ),
        Said::Done => (
            StatusCode::OK,
            "확인되었습니다. 문서를 처리하고 결과를 메일로 알려 드립니다.".to_owned(),
            "Thank you. The documents are worked on; you are told by mail what came of them.".to_owned(),
        ),
        Said::Unknown => (
            StatusCode::NOT_FOUND,
            "이 주소는 쓸 수 없거나 기한이 지났습니다.".to_owned(),
            "This address is not valid, or it is too old.".to_owned(),
        ),
        Said::Trouble => (
            StatusCode::SERVICE_UNAVAILABLE,
            "지금은 확인할 수 없습니다. 잠시 뒤에 다시 열어 주십시오.".to_owned(),
            "This is not possible at the moment. Please open the address again later.".to_owned(),
        ),
    };
    let form = "<form method=\"post\"><button>확인 · Confirm</button></form>";
    let form = if said == Said::Ask { form } else { "" };
    // Everything in it is ours: numbers and sentences, nothing of the mail.
    let html = format!(
        "<!doctype html><html lang=\"ko\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"robots\" content=\"noindex\"><title>dure</title><p>{ko}</p><p lang=\"en\">{en}</p>{form}</html>"
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; form-action 'self'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, Html(html)).into_response()
}

async fn answer(said: impl Future<Output = Result<(Said, i64)>>) -> Response<Body> {
    match said.await {
        Ok((said, count)) => page(said, count),
        Err(error) => {
            tracing::error!(%error, "the page that confirms a mail failed");
            page(Said::Trouble, 0)
        }
    }
}

async fn look(hub: &Arc<Hub>, link: &str) -> Result<(Said, i64)> {
    let found = if link.len() > LONGEST_LINK { None } else { hub.mail_of_link(link).await? };
    Ok(match found {
        None => (Said::Unknown, 0),
        Some(mail) if !mail.released.is_empty() => (Said::Done, 0),
        Some(mail) => (Said::Ask, mail.documents),
    })
}

pub(super) async fn show(State(hub): SharedHub, Path(link): Path<String>) -> Response<Body> {
    answer(look(&hub, &link)).await
}

pub(super) async fn take(State(hub): SharedHub, Path(link): Path<String>) -> Response<Body> {
    answer(async {
        let there = link.len() <= LONGEST_LINK && hub.confirm_mail(&link).await?;
        Ok((if there { Said::Done } else { Said::Unknown }, 0))
    })
    .await
}
