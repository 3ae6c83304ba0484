//! Documents a second from receipt to delivered: a UBL Order in by HTTP, checked, mapped, applied, its part out by HTTP.

use std::sync::Arc;

use super::load::{Load, Sink};
use super::receipts::post;
use super::{Figure, Options, fresh_folder, median, own_cpu_us, per_second, runtime, setting};
use crate::clock::Stopwatch;
use crate::config::Database;
use crate::error::{Error, Result};
use crate::serve::Parts;
use crate::store::{deliveries, interchanges};

/// Orders of one round.
const ORDERS: u64 = 10_000;
/// Connections at a time.
const CONNECTIONS: usize = 64;
/// Longest round.
const MOST_US: u64 = 120_000_000;

/// Measures it for each outward format.
pub(super) fn run(options: &Options) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, format) in [("whole_way", "ubl-2.1"), ("whole_way_edifact", "edifact-d96a")] {
        let (mut rates, mut cpu) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            let (rate, us) = round(options, format)?;
            rates.push(rate);
            cpu.push(us);
        }
        figures.push(Figure::alone(name, median(rates), "documents/s"));
        figures.push(Figure::alone(&format!("{name}_cpu"), median(cpu), "us/document, load and sink included"));
    }
    Ok(figures)
}

fn round(options: &Options, format: &str) -> Result<(f64, f64)> {
    let folder = fresh_folder(options)?;
    let sink = Sink::start()?;
    let runtime = runtime()?;
    let to = format!("http://{}/in", sink.address);
    let setting = runtime.block_on(setting::start(folder.path(), Database::Sqlite, Parts::All, &to, format))?;
    let (cpu, watch) = (own_cpu_us(), Stopwatch::start());
    post(Load {
        address: setting.running.address(),
        connections: CONNECTIONS,
        requests: ORDERS,
        key: setting.key.clone(),
        body: Arc::new(setting::order),
        idempotency_key: |number| format!("key-{number:012}"),
        content_type: "application/xml",
    })?;
    let hub = setting.running.hub().clone();
    loop {
        let (open, due) =
            runtime.block_on(hub.store.read(|tx| Ok((interchanges::counts(tx)?, deliveries::counts(tx)?))))?;
        let left: i64 = open.iter().chain(&due).map(|(_, count)| count).sum();
        if left == 0 {
            break;
        }
        if watch.elapsed_us() > MOST_US {
            return Err(Error::bug(format!("{left} documents were not done in time: {open:?} {due:?}")));
        }
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
    let elapsed_us = watch.elapsed_us();
    let used_us = own_cpu_us().saturating_sub(cpu);
    let taken = sink.taken.load(std::sync::atomic::Ordering::Relaxed);
    if taken < ORDERS {
        return Err(Error::bug(format!("{taken} of {ORDERS} parts were delivered")));
    }
    runtime.block_on(setting.running.stop())?;
    #[expect(clippy::float_arithmetic, reason = "a measurement, not a quantity")]
    let us = used_us as f64 / ORDERS as f64;
    Ok((per_second(ORDERS, elapsed_us), us))
}
