//! Closures on their way to the threads that own connections.
//!
//! Three lanes, each bounded; a full lane answers with a temporary error at once. Receipts have a lane of their own, so
//! that nothing else stands before them.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::Thread;

use tokio::sync::oneshot;

use crate::clock::Stopwatch;
use crate::error::{Error, Result};

use super::tx::Tx;

/// Closures one lane holds before it refuses more.
const MOST_WAITING: usize = 8192;
/// Rows one closure may touch; asserted in debug builds. Larger work goes in steps.
const MOST_ROWS: u64 = 50_000;
/// Microseconds one closure may take; asserted in debug builds.
const MOST_US: u64 = 5_000_000;
/// From here a closure or a commit is worth a log line.
pub(super) const SLOW_US: u64 = 500_000;

/// Who waits for whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lane {
    /// Receipts, which only insert.
    Receipt,
    /// Everything else that writes.
    Write,
    /// What only reads.
    Read,
}

impl Lane {
    /// For names of threads.
    pub(super) fn name(self) -> &'static str {
        match self {
            Lane::Receipt => "receive",
            Lane::Write => "write",
            Lane::Read => "read",
        }
    }
}

/// How a closure ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ran {
    /// Its changes are to be kept.
    Kept,
    /// It gave back an error; its changes are to be dropped.
    Refused,
    /// It panicked; it must not run again.
    Panicked,
}

/// A closure and who waits for its answer.
pub(super) trait Job: Send {
    /// Runs the closure, again if need be, and keeps its answer.
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran;
    /// Replaces the answer.
    fn fail(&mut self, error: Error);
    /// Whether it compares and sets in one statement, so that it needs no serializable transaction.
    fn compares_and_sets(&self) -> bool;
    /// Gives the answer to who waits for it.
    fn answer(self: Box<Self>);
}

/// A job of one closure.
pub(super) struct Work<T, F> {
    closure: F,
    result: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
    lane: Lane,
    compares_and_sets: bool,
}

impl<T, F> Work<T, F>
where
    T: Send + 'static,
    F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
{
    pub(super) fn boxed(
        lane: Lane,
        compares_and_sets: bool,
        closure: F,
        answer: oneshot::Sender<Result<T>>,
    ) -> Box<dyn Job> {
        Box::new(Work { closure, result: None, answer, lane, compares_and_sets })
    }
}

impl<T, F> Job for Work<T, F>
where
    T: Send + 'static,
    F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran {
        let watch = Stopwatch::start();
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.closure)(tx)));
        let took_us = watch.elapsed_us();
        let result = match outcome {
            Err(panic) => {
                let text = panic_text(panic.as_ref());
                tracing::error!(lane = ?self.lane, "a store closure panicked: {text}");
                self.result = Some(Err(Error::bug(format!("a store closure panicked: {text}"))));
                return Ran::Panicked;
            }
            // An error that the closure swallowed counts all the same.
            Ok(Ok(value)) => match tx.fault() {
                Some(fault) => Err(fault.clone().into()),
                None => bounded(tx.rows(), took_us).map(|()| value),
            },
            Ok(Err(error)) => Err(error),
        };
        if took_us > SLOW_US {
            tracing::warn!(lane = ?self.lane, duration_ms = took_us / 1000, rows = tx.rows(), "a store closure was slow");
        }
        let ran = if result.is_ok() { Ran::Kept } else { Ran::Refused };
        self.result = Some(result);
        ran
    }

    fn fail(&mut self, error: Error) {
        self.result = Some(Err(error));
    }

    fn compares_and_sets(&self) -> bool {
        self.compares_and_sets
    }

    fn answer(self: Box<Self>) {
        let result = self.result.unwrap_or_else(|| Err(stopped()));
        // Who asked may have gone; the work is done all the same.
        drop(self.answer.send(result));
    }
}

fn bounded(rows: u64, took_us: u64) -> Result<()> {
    if cfg!(debug_assertions) && (rows > MOST_ROWS || took_us > MOST_US) {
        let ms = took_us / 1000;
        return Err(Error::bug(format!("a store closure touched {rows} rows in {ms} ms: such work goes in steps")));
    }
    Ok(())
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// The answer of a store that is closing.
pub(super) fn stopped() -> Error {
    Error::store("the store has stopped").temporary()
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Box<dyn Job>>,
    /// Threads that have nothing to do. The last to come is woken first: what it read is still in its cache, and a quiet hub
    /// keeps one cache and not one of each thread.
    idle: Vec<Thread>,
}

#[derive(Default)]
struct State {
    receipts: Waiting,
    writes: Waiting,
    reads: Waiting,
    closed: bool,
}

impl State {
    fn lane(&mut self, lane: Lane) -> &mut Waiting {
        match lane {
            Lane::Receipt => &mut self.receipts,
            Lane::Write => &mut self.writes,
            Lane::Read => &mut self.reads,
        }
    }
}

/// The three lanes.
#[derive(Default)]
pub(super) struct Lanes {
    state: Mutex<State>,
}

impl Lanes {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a job at the end of its lane. `waker` is the lane whose threads serve it.
    pub(super) fn push(&self, lane: Lane, waker: Lane, job: Box<dyn Job>) -> Result<()> {
        let mut state = self.lock();
        if state.closed {
            return Err(stopped());
        }
        let waiting = &mut state.lane(lane).jobs;
        if waiting.len() >= MOST_WAITING {
            return Err(Error::store("the store has too much waiting").temporary());
        }
        waiting.push_back(job);
        let woken = state.lane(waker).idle.pop();
        drop(state);
        if let Some(thread) = woken {
            thread.unpark();
        }
        Ok(())
    }

    /// Asks until there is an answer, and sleeps in between until something is put into a lane or the lanes are closed.
    fn until<T>(&self, lane: Lane, mut ask: impl FnMut(&mut State) -> Option<T>) -> T {
        let own = std::thread::current();
        loop {
            let mut state = self.lock();
            // Whoever woke us took us off; who woke up by itself is still on.
            state.lane(lane).idle.retain(|thread| thread.id() != own.id());
            if let Some(answer) = ask(&mut state) {
                return answer;
            }
            state.lane(lane).idle.push(own.clone());
            drop(state);
            std::thread::park();
        }
    }

    /// Up to `most` jobs of one lane; waits for the first. None when the lane is empty and closed.
    pub(super) fn take(&self, lane: Lane, most: usize) -> Option<VecDeque<Box<dyn Job>>> {
        self.until(lane, |state| {
            let closed = state.closed;
            let waiting = &mut state.lane(lane).jobs;
            if waiting.is_empty() {
                return closed.then_some(None);
            }
            let rest = waiting.split_off(most.min(waiting.len()));
            Some(Some(std::mem::replace(waiting, rest)))
        })
    }

    /// Waits until a receipt or a write is there. False when both are empty and closed.
    pub(super) fn wait_for_writer(&self) -> bool {
        self.until(Lane::Write, |state| {
            let some = !state.receipts.jobs.is_empty() || !state.writes.jobs.is_empty();
            (some || state.closed).then_some(some)
        })
    }

    /// The whole of one lane, without waiting.
    pub(super) fn swap(&self, lane: Lane) -> VecDeque<Box<dyn Job>> {
        std::mem::take(&mut self.lock().lane(lane).jobs)
    }

    /// No new jobs; the threads end when their lanes are empty.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        for lane in [Lane::Receipt, Lane::Write, Lane::Read] {
            state.lane(lane).idle.drain(..).for_each(|thread| thread.unpark());
        }
    }

    /// Closes and forgets what waits; who waits is told that the store has stopped.
    pub(super) fn abandon(&self) {
        self.close();
        for lane in [Lane::Receipt, Lane::Write, Lane::Read] {
            // Outside of the lock: a closure that is dropped may hold anything.
            drop(self.swap(lane));
        }
    }
}

/// Abandons the lanes if its thread panics, so that nobody waits for a thread that is gone.
pub(super) struct Watch<'a>(pub(super) &'a Lanes);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("a store thread panicked: the store stops");
            self.0.abandon();
        }
    }
}
