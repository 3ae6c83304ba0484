//! The program that is killed: commits through the store, sixteen at a time, and says which are kept.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use dure::error::Result;
use dure::params;
use dure::store::{Durability, Store, StoreConfig, Tx};

/// The database to write to; set in the process that is killed.
pub(crate) const DATABASE: &str = "POWER_DATABASE";
/// `full` or `normal`.
pub(crate) const DURABILITY: &str = "POWER_DURABILITY";

fn body(id: i64) -> Vec<u8> {
    let length = 50 + id * 7919 % 6_000;
    (0..length).map(|at| (id + at) as u8).collect()
}

fn keep(tx: &mut Tx<'_>, id: i64) -> Result<()> {
    tx.run(
        "INSERT INTO kept (id, key, body) VALUES (?1, ?2, ?3)",
        params![id, &format!("{:08x}", id * 77_003), &body(id)],
    )
}

/// Every eighth is no receipt but a change that also counts itself.
fn counted(id: i64) -> bool {
    id % 8 == 0
}

/// The ids that are there, after checking that each is whole and that the count is right.
pub(crate) fn look(tx: &mut Tx<'_>) -> Result<BTreeSet<i64>> {
    let rows = tx.query("SELECT id, body FROM kept", params![])?;
    let mut found = BTreeSet::new();
    for row in rows {
        let id = row.int(0)?;
        assert_eq!(row.bytes_ref(1)?, body(id), "{id}");
        found.insert(id);
    }
    let count = tx.query_one("SELECT SUM(count) FROM total", params![])?.int(0)?;
    assert_eq!(count, found.iter().filter(|&&id| counted(id)).count() as i64);
    Ok(found)
}

/// Writes `most` rows and says each that is kept.
async fn write(store: Store, most: i64, say: impl Fn(i64) + Clone + Send + 'static) {
    let first = store
        .write(|tx| {
            tx.run("CREATE TABLE IF NOT EXISTS kept (id BIGINT PRIMARY KEY, key TEXT UNIQUE, body BYTEA)", params![])?;
            tx.run("CREATE TABLE IF NOT EXISTS total (count BIGINT NOT NULL)", params![])?;
            tx.run("INSERT INTO total (count) VALUES (0)", params![])?;
            tx.query_one("SELECT COALESCE(MAX(id), 0) + 1 FROM kept", params![])?.int(0)
        })
        .await
        .unwrap();
    let next = Arc::new(AtomicI64::new(first));
    let lanes = (0..16).map(|_| {
        let (store, next, say) = (store.clone(), Arc::clone(&next), say.clone());
        async move {
            loop {
                let id = next.fetch_add(1, Ordering::SeqCst);
                if id >= first + most {
                    return;
                }
                let done = if counted(id) {
                    store
                        .write(move |tx| {
                            keep(tx, id)?;
                            tx.run("UPDATE total SET count = count + 1 WHERE rowid = 1", params![])
                        })
                        .await
                } else {
                    store.receive(move |tx| keep(tx, id)).await
                };
                done.unwrap();
                say(id);
            }
        }
    });
    futures_util::future::join_all(lanes).await;
}

fn run(config: &StoreConfig, most: i64, say: impl Fn(i64) + Clone + Send + 'static) {
    let store = Store::open(config).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(write(store, most, say));
}

#[test]
fn acknowledges_what_it_has_committed() {
    if let Some(database) = std::env::var_os(DATABASE) {
        // The process that is killed.
        let full = std::env::var(DURABILITY).unwrap() == "full";
        let config = StoreConfig {
            checkpoint_pages: 100,
            durability: if full { Durability::Full } else { Durability::LosesOnPowerCut },
            ..StoreConfig::sqlite(PathBuf::from(database))
        };
        println!();
        run(&config, i64::MAX / 2, |id| {
            let mut out = std::io::stdout().lock();
            out.write_all(format!("kept {id}\n").as_bytes()).unwrap();
            out.flush().unwrap();
        });
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig::sqlite(folder.path().join("dure.db"));
    let (say, said) = std::sync::mpsc::channel();
    run(&config, 100, move |id| say.send(id).unwrap());
    let found = Store::open(&config).unwrap().read_blocking(look).unwrap();
    assert_eq!(found, (1..=100).collect());
    assert_eq!(said.into_iter().collect::<BTreeSet<_>>(), found);
}
