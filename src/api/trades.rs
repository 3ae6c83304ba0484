//! `GET /v1/trades?key=`: trades that an identifier names, or all of the caller's, last changed first;
//! `GET /v1/trades/{id}`: what the caller may see of one, in order.

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::Response;

use super::call::{Query, json, reading};
use super::object::Object;
use super::problem::{Kind, Problem, SharedHub};
use super::shape;
use crate::model::id::TradeId;
use crate::store::view;

pub(super) async fn get(State(hub): SharedHub, Path(id): Path<String>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    reading(&hub, &parts, async |viewer| {
        let TradeId(id) = id.parse().map_err(|()| Problem::new(Kind::NotFound))?;
        let found = hub.store.read(move |tx| view::trade(tx, &viewer, id)).await?;
        let view = found.ok_or_else(|| Problem::new(Kind::NotFound))?;
        Ok(json(shape::trade(&view, &hub.directory())))
    })
    .await
}

pub(super) async fn list(State(hub): SharedHub, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    reading(&hub, &parts, async |viewer| {
        let query = Query::of(&parts);
        let (key, limit) = (query.text("key")?.to_owned(), query.limit()?);
        let before = cursor(query.text("before")?)?;
        let by_key = !key.is_empty();
        let found = hub
            .store
            .read(move |tx| {
                if key.is_empty() {
                    view::trades(tx, &viewer, before, limit)
                } else {
                    view::find_trades(tx, &viewer, &key)
                }
            })
            .await?;
        let last = found.last().filter(|_| !by_key && found.len() as i64 == limit);
        let next = last.map(|row| query.next("/v1/trades", &format!("{}.{}", row.changed_ms, TradeId(row.id))));
        let directory = hub.directory();
        let mut out = Object::default();
        out.list("trades", found.iter().map(|row| shape::trade_row(row, &directory).end()));
        out.put("next", &next);
        Ok(json(out.end()))
    })
    .await
}

/// Change time and id of the last one before, `1800000000000.trd_…`.
fn cursor(text: &str) -> Result<Option<(i64, i64)>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = text.split_once('.').and_then(|(ms, id)| Some((ms.parse().ok()?, id.parse::<TradeId>().ok()?.0)));
    parsed.map(Some).ok_or_else(|| Problem::parameter("before", "next"))
}
