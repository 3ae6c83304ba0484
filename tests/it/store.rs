//! The store's promises, the same on every engine.

use dure::error::{Error, Result};
use dure::params;
use dure::store::{Store, Tx, is_unique_violation};

use crate::engines::{block_on, each};

fn with_table(store: Store) -> Store {
    store
        .write_blocking(|tx| {
            tx.run("CREATE TABLE thing (id BIGINT PRIMARY KEY, key TEXT UNIQUE, body BYTEA)", params![])
        })
        .unwrap();
    store
}

fn add(tx: &mut Tx<'_>, id: i64, key: &str) -> Result<()> {
    tx.run("INSERT INTO thing (id, key, body) VALUES (?1, ?2, ?3)", params![id, key, None::<&[u8]>])
}

fn count(store: &Store) -> i64 {
    store.read_blocking(|tx| tx.query_one("SELECT COUNT(*) FROM thing", params![])?.int(0)).unwrap()
}

#[test]
fn a_closure_that_fails_takes_only_its_own_back() {
    each(|fresh| {
        let store = with_table(fresh.open());
        block_on(async {
            let all = (0..40).map(|id| {
                store.write(move |tx| {
                    add(tx, id, &format!("k{id}"))?;
                    if id % 4 == 0 { Err(Error::store("no")) } else { Ok(id) }
                })
            });
            let answers = futures_util::future::join_all(all).await;
            for (id, answer) in answers.into_iter().enumerate() {
                match answer {
                    Ok(given) => assert_eq!(given, id as i64),
                    Err(error) => assert_eq!((error.to_string().as_str(), id % 4), ("no", 0)),
                }
            }
        });
        assert_eq!(count(&store), 30);
    });
}

#[test]
fn a_panic_fails_alone() {
    each(|fresh| {
        let store = with_table(fresh.open());
        block_on(async {
            let good = store.receive(|tx| add(tx, 1, "a"));
            let bad = store.receive(|tx| -> Result<()> {
                add(tx, 2, "b")?;
                panic!("on purpose")
            });
            let other = store.receive(|tx| add(tx, 3, "c"));
            let (good, bad, other) = tokio::join!(good, bad, other);
            good.unwrap();
            other.unwrap();
            assert_eq!(bad.unwrap_err().to_string(), "a store closure panicked: on purpose");
        });
        assert_eq!(count(&store), 2);
    });
}

#[test]
fn a_taken_key_is_recognised() {
    each(|fresh| {
        let store = with_table(fresh.open());
        store.write_blocking(|tx| add(tx, 1, "a")).unwrap();
        assert!(is_unique_violation(&store.write_blocking(|tx| add(tx, 2, "a")).unwrap_err()));
        assert!(is_unique_violation(&store.write_blocking(|tx| add(tx, 1, "b")).unwrap_err()));
        // An error that the closure swallows counts all the same.
        let swallowed = store.write_blocking(|tx| {
            drop(add(tx, 3, "a"));
            add(tx, 4, "d").or(Ok(()))
        });
        assert!(is_unique_violation(&swallowed.unwrap_err()));
        assert_eq!(count(&store), 1);
    });
}

#[test]
fn what_goes_in_comes_back() {
    each(|fresh| {
        let store = fresh.open();
        let row = store
            .write_blocking(|tx| {
                tx.run("CREATE TABLE kept (a BIGINT, b TEXT, c BYTEA, d BIGINT, e TEXT, f BYTEA)", params![])?;
                tx.execute(
                    "INSERT INTO kept VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![i64::MIN, "주문 ?1", &[0_u8, 255], None::<i64>, None::<&str>, None::<&[u8]>],
                )?;
                tx.query_one("SELECT a, b, c, d, e, f, '?1' FROM kept WHERE b = ?1", params!["주문 ?1"])
            })
            .unwrap();
        assert_eq!(row.int(0).unwrap(), i64::MIN);
        assert_eq!(row.text_ref(1).unwrap(), "주문 ?1");
        assert_eq!(row.bytes_ref(2).unwrap(), [0, 255]);
        assert_eq!((row.opt_int(3).unwrap(), row.opt_text(4).unwrap(), row.opt_bytes(5).unwrap()), (None, None, None));
        assert_eq!(row.text_ref(6).unwrap(), "?1");
    });
}

#[test]
fn readers_cannot_write() {
    each(|fresh| {
        let store = with_table(fresh.open());
        store.read_blocking(|tx| add(tx, 1, "a")).unwrap_err();
        assert_eq!(count(&store), 0);
    });
}

#[test]
fn a_store_that_is_dropped_finishes_what_waits() {
    each(|fresh| {
        let store = with_table(fresh.open());
        block_on(async {
            let all: Vec<_> = (0..100).map(|id| store.receive(move |tx| add(tx, id, &id.to_string()))).collect();
            for answer in futures_util::future::join_all(all).await {
                answer.unwrap();
            }
        });
        drop(store);
        assert_eq!(count(&fresh.open()), 100);
    });
}
