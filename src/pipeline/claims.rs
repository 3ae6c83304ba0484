//! The loop of the queues (interchanges that were received, deliveries, questions to couriers and bookings that are due): claim
//! what is due, work on it, some at a time. Wake-ups are hints; the rows are the truth.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use super::hub::Hub;
use crate::error::Result;
use crate::store::Tx;

/// Longest pause between looks at the queue.
const IDLE: Duration = Duration::from_millis(500);

/// A queue.
pub(super) struct Queue {
    /// What is claimed, for the log.
    pub(super) what: &'static str,
    /// Worked on at a time.
    pub(super) at_a_time: usize,
    /// What wakes it.
    pub(super) wake: fn(&Hub) -> &Notify,
}

type Take = fn(&mut Tx<'_>, &str, i64, i64, i64) -> Result<Vec<(i64, i64)>>;

/// How the rows of a queue are claimed.
pub(super) struct Lease<T> {
    /// Takes rows that are due, by owner, now, until when and how many; gives each with its epoch.
    pub(super) take: Take,
    /// Reads one.
    pub(super) get: fn(&mut Tx<'_>, i64) -> Result<Option<T>>,
    /// Its epoch.
    pub(super) epoch: fn(&T) -> i64,
    /// Claimed at once.
    pub(super) most: i64,
    /// How long a claim holds, milliseconds.
    pub(super) lease_ms: i64,
}

/// Claims what is due and reads it.
pub(super) async fn claim<T: Send + 'static>(hub: Arc<Hub>, lease: Lease<T>) -> Result<Vec<T>> {
    let Lease { take, get, epoch, most, lease_ms } = lease;
    let owner = hub.owner.clone();
    let ids = hub
        .store
        .compare_and_set(move |tx| {
            let now_ms = tx.now_ms()?;
            take(tx, &owner, now_ms, now_ms + lease_ms, most)
        })
        .await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    hub.store
        .read(move |tx| {
            let mut claimed = Vec::with_capacity(ids.len());
            for (id, taken) in &ids {
                // A newer epoch means that it was claimed again already; then it is not ours.
                claimed.extend(get(tx, *id)?.filter(|row| epoch(row) == *taken));
            }
            Ok(claimed)
        })
        .await
}

/// Works until the hub stops, then lets what was claimed finish. Two take turns: while one hands out what it claimed, the
/// other's next claim is on its way, so that nobody waits for work that is there.
pub(super) async fn run<T, Claimed, Worked>(
    hub: Arc<Hub>,
    queue: Queue,
    claim: impl Fn(Arc<Hub>) -> Claimed,
    work: impl Fn(Arc<Hub>, T) -> Worked,
) where
    Claimed: Future<Output = Result<Vec<T>>>,
    Worked: Future<Output = ()> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(queue.at_a_time.max(1)));
    let turn = || take_turns(&hub, &queue, &room, &claim, &work);
    tokio::join!(turn(), turn());
}

async fn take_turns<T, Claimed, Worked>(
    hub: &Arc<Hub>,
    queue: &Queue,
    room: &Arc<Semaphore>,
    claim: &impl Fn(Arc<Hub>) -> Claimed,
    work: &impl Fn(Arc<Hub>, T) -> Worked,
) where
    Claimed: Future<Output = Result<Vec<T>>>,
    Worked: Future<Output = ()> + Send + 'static,
{
    let mut running = JoinSet::new();
    while !hub.is_stopping() {
        while running.try_join_next().is_some() {}
        let claimed = match claim(Arc::clone(hub)).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(%error, "claiming {} failed; trying again", queue.what);
                Vec::new()
            }
        };
        if claimed.is_empty() {
            tokio::select! {
                () = (queue.wake)(hub).notified() => {}
                () = hub.stopping() => {}
                () = tokio::time::sleep(IDLE) => {}
            }
            continue;
        }
        for one in claimed {
            // The room is never closed.
            let Ok(permit) = Arc::clone(room).acquire_owned().await else { return };
            let worked = work(Arc::clone(hub), one);
            running.spawn(async move {
                worked.await;
                drop(permit);
            });
        }
    }
    while running.join_next().await.is_some() {}
}

/// Works through everything that is due once, one after the other; gives how many there were.
pub(super) async fn run_once<T, Claimed, Worked>(
    hub: &Arc<Hub>,
    claim: impl Fn(Arc<Hub>) -> Claimed,
    work: impl Fn(Arc<Hub>, T) -> Worked,
) -> Result<usize>
where
    Claimed: Future<Output = Result<Vec<T>>>,
    Worked: Future<Output = ()>,
{
    let mut count = 0;
    loop {
        let claimed = claim(Arc::clone(hub)).await?;
        if claimed.is_empty() {
            return Ok(count);
        }
        for one in claimed {
            work(Arc::clone(hub), one).await;
            count += 1;
        }
    }
}
