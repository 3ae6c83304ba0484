//! How many receipts a second the hub keeps over HTTP, durable, beside SQLite alone doing what a receipt needs.

use std::sync::Arc;

use super::load::{self, Load, Loaded};
use super::setting::{self, Setting};
use super::{Figure, Options, fresh_folder, median, per_second, runtime};
use crate::config::Database;
use crate::error::{Error, Result};
use crate::serve::Parts;
use crate::store::yardstick::{self, Keys};

/// Receipts of one round.
const REQUESTS: u64 = 60_000;
/// Connections at a time.
const CONNECTIONS: usize = 64;
/// Rows a commit of the yardstick.
const BATCH: u64 = 64;
/// Rows that a grown store holds before it is measured.
const GROWN: u64 = 600_000;

fn rising(number: u64) -> String {
    format!("key-{number:012}")
}

fn scattered(number: u64) -> String {
    format!(
        "key-{:016x}",
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    )
}

fn load_of(setting: &Setting, requests: u64, from: u64, idempotency_key: fn(u64) -> String) -> Load {
    Load {
        address: setting.running.address(),
        connections: CONNECTIONS,
        requests,
        key: setting.key.clone(),
        body: Arc::new(move |number, out| setting::order(from + number, out)),
        idempotency_key,
        content_type: "application/xml",
    }
}

/// Runs a load on a thread of its own while the runtime serves.
pub(super) fn post(load: Load) -> Result<Loaded> {
    let thread = std::thread::spawn(move || load::run(&load));
    let loaded = thread.join().map_err(|_| Error::bug("the load ended with a panic"))??;
    if loaded.other > 0 {
        return Err(Error::bug(format!("{} of {} answers were not 202", loaded.other, loaded.accepted + loaded.other)));
    }
    Ok(loaded)
}

fn receive(options: &Options, parts: Parts, key: fn(u64) -> String) -> Result<f64> {
    let folder = fresh_folder(options)?;
    let runtime = runtime()?;
    let setting =
        runtime.block_on(setting::start(folder.path(), Database::Sqlite, parts, "http://127.0.0.1:9/", "ubl-2.1"))?;
    let loaded = post(load_of(&setting, REQUESTS, 0, key))?;
    runtime.block_on(setting.running.stop())?;
    Ok(per_second(loaded.accepted, loaded.elapsed_us))
}

/// A fresh store, nothing worked on.
pub(super) fn fresh(options: &Options) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, order) in [("receipts", Keys::Rising), ("receipts_random_keys", Keys::Scattered)] {
        let key = if order == Keys::Rising { rising } else { scattered };
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            bare.push(alone(options, order, 0)?);
            ours.push(receive(options, Parts::ReceiveOnly, key)?);
        }
        let against = "SQLite alone, 4 KB rows with one unique key of the same kind, 64 a commit";
        figures.push(Figure::beside(name, median(ours), "1/s", against, median(bare)));
    }
    Ok(figures)
}

/// SQLite alone on a store of that many rows.
fn alone(options: &Options, keys: Keys, already: u64) -> Result<f64> {
    let folder = fresh_folder(options)?;
    Ok(per_second_of(yardstick::bare_sqlite(folder.path(), keys, already, BATCH, 2_000)?))
}

fn per_second_of(rate: yardstick::Rate) -> f64 {
    per_second(rate.rows, rate.took_us)
}

/// With workers and deliveries running on the same processors.
pub(super) fn with_workers(options: &Options) -> Result<Vec<Figure>> {
    let mut ours = Vec::new();
    for _ in 0..options.rounds {
        ours.push(receive(options, Parts::All, rising)?);
    }
    Ok(vec![Figure::alone("receipts_workers", median(ours), "1/s")])
}

/// A store that holds 600,000 interchanges already, beside SQLite with as many rows.
pub(super) fn grown(options: &Options) -> Result<Vec<Figure>> {
    let folder = fresh_folder(options)?;
    let runtime = runtime()?;
    let (database, parts) = (Database::Sqlite, Parts::ReceiveOnly);
    let setting = runtime.block_on(setting::start(folder.path(), database, parts, "http://127.0.0.1:9/", "ubl-2.1"))?;
    post(load_of(&setting, GROWN, 0, rising))?;
    let mut ours = Vec::new();
    let mut from = GROWN;
    for _ in 0..options.rounds {
        let mut load = load_of(&setting, REQUESTS, from, rising);
        let base = from;
        load.body = Arc::new(move |number, out| setting::order(base + number, out));
        // Keys go on rising from round to round.
        let loaded = post(Load { idempotency_key: GROWN_KEYS[ours.len() % GROWN_KEYS.len()], ..load })?;
        ours.push(per_second(loaded.accepted, loaded.elapsed_us));
        from += REQUESTS;
    }
    runtime.block_on(setting.running.stop())?;
    let bare = alone(options, Keys::Rising, GROWN)?;
    let against = "SQLite alone on 600,000 rows, 4 KB rows with one unique key, 64 a commit";
    Ok(vec![Figure::beside("receipts_600k", median(ours), "1/s", against, bare)])
}

/// Keys of later rounds rise above those of earlier ones.
const GROWN_KEYS: &[fn(u64) -> String] = &[
    |number| format!("key-a{number:011}"),
    |number| format!("key-b{number:011}"),
    |number| format!("key-c{number:011}"),
    |number| format!("key-d{number:011}"),
    |number| format!("key-e{number:011}"),
];
