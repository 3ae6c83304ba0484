//! Statements that travel together: all are sent before the first answer is taken.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use futures_util::TryStreamExt;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::fault::Fault;
use super::sqlite::too_many;
use super::tx::MOST_ROWS;
use super::value::Param;

/// What came back.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) changed: u64,
    pub(super) rows: Vec<tokio_postgres::Row>,
}

/// Why there is no answer.
pub(super) enum Trouble {
    Database(tokio_postgres::Error),
    TooManyRows,
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Trouble {
        Trouble::Database(error)
    }
}

impl Trouble {
    pub(super) fn fault(&self, sql: &'static str) -> Fault {
        match self {
            Trouble::Database(error) => Fault::postgres(error).in_statement(sql),
            Trouble::TooManyRows => too_many(sql),
        }
    }
}

/// Sends one statement when it is first polled, and takes its answer.
pub(super) async fn send(
    client: &Client,
    sql: &str,
    statement: Option<&Statement>,
    params: &[Param<'_>],
    rows: bool,
) -> Result<Answer, Trouble> {
    let Some(statement) = statement else {
        client.batch_execute(sql).await?;
        return Ok(Answer::default());
    };
    let params = params.iter().map(|param| param as &(dyn ToSql + Sync));
    if !rows {
        return Ok(Answer { changed: client.execute_raw(statement, params).await?, rows: Vec::new() });
    }
    let mut stream = std::pin::pin!(client.query_raw(statement, params).await?);
    let mut rows = Vec::new();
    while let Some(row) = stream.try_next().await? {
        if rows.len() == MOST_ROWS {
            return Err(Trouble::TooManyRows);
        }
        rows.push(row);
    }
    Ok(Answer { changed: 0, rows })
}

pub(super) type Flight<F> = (&'static str, Pin<Box<F>>);
type Landed = Option<Result<Answer, Trouble>>;

/// Sends all, then takes the answers in order: the last one, and the first trouble with whether it was the last's.
pub(super) async fn land<F>(flights: Vec<Flight<F>>) -> (Answer, Option<(&'static str, bool, Trouble)>)
where
    F: Future<Output = Result<Answer, Trouble>>,
{
    let count = flights.len();
    let mut waiting: Vec<(Flight<F>, Landed)> = flights.into_iter().map(|flight| (flight, None)).collect();
    std::future::poll_fn(|context| {
        for ((_, flight), answer) in &mut waiting {
            if let Poll::Ready(ready) = flight.as_mut().poll(context) {
                *answer = Some(ready);
            }
        }
        Poll::Ready(())
    })
    .await;
    let mut last = Answer::default();
    let mut trouble = None;
    for (place, ((sql, flight), answer)) in waiting.into_iter().enumerate() {
        let answer = match answer {
            Some(answer) => answer,
            None => flight.await,
        };
        match answer {
            Ok(answer) => last = answer,
            // Those behind it only say that the transaction has failed.
            Err(error) => {
                trouble.get_or_insert((sql, place + 1 == count, error));
            }
        }
    }
    (last, trouble)
}
