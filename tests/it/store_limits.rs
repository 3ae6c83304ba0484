//! What the store does when things go wrong: conflicts, full disks, lost connections, races between hubs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use dure::clock::Stopwatch;
use dure::error::{Error, Result};
use dure::params;
use dure::store::{Address, Class, Engine, Isolation, Store, StoreConfig, Tx, fault_of, is_unique_violation};

use crate::engines::{Fresh, block_on, each, on_server};

fn with_table(fresh: &Fresh) -> Store {
    let store = fresh.open();
    store
        .write_blocking(|tx| {
            tx.run("CREATE TABLE thing (id BIGINT PRIMARY KEY, key TEXT, body BYTEA)", params![])?;
            tx.run("CREATE UNIQUE INDEX thing_key ON thing (key)", params![])
        })
        .unwrap();
    store
}

fn count(store: &Store) -> i64 {
    store.read_blocking(|tx| tx.query_one("SELECT COUNT(*) FROM thing", params![])?.int(0)).unwrap()
}

/// Holds the writer until the sender is dropped, so that what is sent meanwhile waits together.
fn hold(store: &Store) -> (mpsc::Sender<()>, JoinHandle<Result<()>>) {
    let (gate, closed) = mpsc::channel::<()>();
    let (entered, inside) = mpsc::channel();
    let held = store.clone();
    let hold = std::thread::spawn(move || {
        held.write_blocking(move |_| {
            // It may be run again, with nobody at the other end.
            entered.send(()).ok();
            closed.recv().ok();
            Ok(())
        })
    });
    inside.recv().unwrap();
    (gate, hold)
}

/// How a receipt looks at its key: only when it is alone, else the unique key speaks.
fn receive(tx: &mut Tx<'_>, id: i64, key: &str) -> Result<i64> {
    if !tx.grouped()
        && let Some(row) = tx.query_opt("SELECT id FROM thing WHERE key = ?1", params![key])?
    {
        return row.int(0);
    }
    tx.run("INSERT INTO thing (id, key) VALUES (?1, ?2)", params![id, key])?;
    Ok(id)
}

#[test]
fn receipts_with_duplicates_are_each_kept_once() {
    each(|fresh| {
        let store = with_table(fresh);
        // 600 receipts, every third a repeat of an earlier one, 64 in flight.
        let answers = block_on(async {
            let next = Arc::new(AtomicU32::new(0));
            let lanes = (0..64).map(|_| {
                let (store, next) = (store.clone(), Arc::clone(&next));
                async move {
                    let mut answers = Vec::new();
                    loop {
                        let id = i64::from(next.fetch_add(1, Ordering::SeqCst));
                        if id >= 600 {
                            return answers;
                        }
                        let key = if id % 3 == 2 { id - 2 } else { id };
                        let answer = store.receive(move |tx| receive(tx, id, &format!("key {key}"))).await.unwrap();
                        answers.push((key, answer));
                    }
                }
            });
            futures_util::future::join_all(lanes).await.concat()
        });
        assert_eq!(answers.len(), 600);
        assert_eq!(count(&store), 400);
        // Everybody with one key got one answer, and it is the row that is there.
        let rows = store.read_blocking(|tx| tx.query("SELECT key, id FROM thing", params![])).unwrap();
        for row in rows {
            let (key, id) = (row.text(0).unwrap(), row.int(1).unwrap());
            let told: Vec<i64> =
                answers.iter().filter(|(of, _)| format!("key {of}") == key).map(|&(_, id)| id).collect();
            assert!(told.iter().all(|&told| told == id), "{key}: {told:?}, kept {id}");
        }
    });
}

#[test]
fn receipts_that_only_insert_learn_of_their_duplicates() {
    each(|fresh| {
        let store = with_table(fresh);
        let (kept, refused) = block_on(async {
            let all = (0..200_i64).map(|id| {
                store.receive(move |tx| {
                    tx.run("INSERT INTO thing (id, key) VALUES (?1, ?2)", params![id, &format!("{}", id % 150)])
                })
            });
            let answers = futures_util::future::join_all(all).await;
            let refused = answers.iter().filter(|answer| answer.as_ref().is_err_and(is_unique_violation)).count();
            (answers.iter().filter(|answer| answer.is_ok()).count(), refused)
        });
        assert_eq!((kept, refused, count(&store)), (150, 50, 150));
    });
}

/// Sellers may list three items. Everybody counts, then inserts.
async fn fill_cap(store: &Store) -> i64 {
    let all = (0..24_i64).map(|id| {
        store.write(move |tx| {
            let listed = tx.query_one("SELECT COUNT(*) FROM thing WHERE key LIKE 'seller%'", params![])?.int(0)?;
            if listed < 3 {
                tx.run("INSERT INTO thing (id, key) VALUES (?1, ?2)", params![id, &format!("seller {id}")])?;
            }
            Ok(())
        })
    });
    for answer in futures_util::future::join_all(all).await {
        answer.unwrap();
    }
    count(store)
}

#[test]
fn a_cap_holds_when_everybody_counts_at_once() {
    each(|fresh| {
        let store = with_table(fresh);
        assert_eq!(block_on(fill_cap(&store)), 3);
    });
}

#[test]
fn the_same_cap_breaks_without_serializable_transactions() {
    each(|fresh| {
        if with_table(fresh).engine() == Engine::Sqlite {
            return;
        }
        let config = StoreConfig { isolation: Isolation::AllowsWriteSkew, ..fresh.config.clone() };
        let store = Store::open(&config).unwrap();
        // Two closures that both have counted before either commits.
        let counted = Arc::new(std::sync::Barrier::new(2));
        let add = |id: i64| {
            let counted = Arc::clone(&counted);
            let mut first = true;
            store.write(move |tx| {
                let listed = tx.query_one("SELECT COUNT(*) FROM thing", params![])?.int(0)?;
                if std::mem::take(&mut first) {
                    counted.wait();
                }
                if listed < 1 {
                    tx.run("INSERT INTO thing (id, key) VALUES (?1, ?2)", params![id, &id.to_string()])?;
                }
                Ok(())
            })
        };
        block_on(async {
            let (one, two) = tokio::join!(add(1), add(2));
            one.unwrap();
            two.unwrap();
        });
        assert_eq!(count(&store), 2, "the cap of one was expected to break");
    });
}

#[test]
fn two_that_have_both_counted_do_not_both_insert() {
    each(|fresh| {
        let store = with_table(fresh);
        if store.engine() == Engine::Sqlite {
            return; // Closures run one after the other; the second would wait for ever.
        }
        let counted = Arc::new(std::sync::Barrier::new(2));
        let runs = Arc::new(AtomicU32::new(0));
        let add = |id: i64| {
            let (counted, runs) = (Arc::clone(&counted), Arc::clone(&runs));
            let mut first = true;
            store.write(move |tx| {
                runs.fetch_add(1, Ordering::SeqCst);
                let listed = tx.query_one("SELECT COUNT(*) FROM thing", params![])?.int(0)?;
                if std::mem::take(&mut first) {
                    counted.wait();
                }
                if listed < 1 {
                    tx.run("INSERT INTO thing (id, key) VALUES (?1, ?2)", params![id, &id.to_string()])?;
                }
                Ok(())
            })
        };
        block_on(async {
            let (one, two) = tokio::join!(add(1), add(2));
            one.unwrap();
            two.unwrap();
        });
        assert_eq!(count(&store), 1);
        assert!(runs.load(Ordering::SeqCst) >= 3, "nobody had to run again");
    });
}

#[test]
fn conflicts_are_run_again_and_not_for_ever() {
    each(|fresh| {
        let store = with_table(fresh);
        if store.engine() == Engine::Sqlite {
            return;
        }
        let runs = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&runs);
        let error = store
            .write_blocking(move |tx| {
                seen.fetch_add(1, Ordering::SeqCst);
                tx.run("DO $$ BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '40001'; END $$", params![])
            })
            .unwrap_err();
        assert!(error.is_temporary());
        assert_eq!(fault_of(&error).unwrap().class, Class::Conflict);
        assert_eq!(runs.load(Ordering::SeqCst), 20);
        // The connection is as good as before.
        store.write_blocking(|tx| receive(tx, 1, "a")).unwrap();
        assert_eq!(count(&store), 1);
    });
}

#[test]
fn a_lost_connection_is_made_again() {
    each(|fresh| {
        let store = with_table(fresh);
        if store.engine() == Engine::Sqlite {
            return;
        }
        let url = crate::engines::server().unwrap();
        for id in 0..3 {
            let name = store.read_blocking(|tx| tx.query_one("SELECT current_database()", params![])?.text(0)).unwrap();
            on_server(
                &url,
                &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
            );
            // A closure that asks something first loses nothing; one that is under way with its commit is told so.
            store.write_blocking(move |tx| receive(tx, id, &id.to_string())).unwrap();
        }
        assert_eq!(count(&store), 3);
    });
}

#[test]
fn a_key_that_is_checked_at_the_commit_costs_only_its_own_closure() {
    each(|fresh| {
        let store = with_table(fresh);
        store
            .write_blocking(|tx| {
                tx.run(
                    "CREATE TABLE part (id BIGINT PRIMARY KEY, thing BIGINT NOT NULL REFERENCES thing (id) \
                     DEFERRABLE INITIALLY DEFERRED)",
                    params![],
                )
            })
            .unwrap();
        let (gate, held) = hold(&store);
        block_on(async {
            let all = (0..10_i64).map(|id| {
                store.write(move |tx| {
                    tx.run("INSERT INTO part (id, thing) VALUES (?1, ?2)", params![id, id])?;
                    if id == 5 {
                        return Ok(()); // Names a thing that never comes.
                    }
                    receive(tx, id, &id.to_string()).map(|_| ())
                })
            });
            // The first poll sends them all.
            let (answers, ()) = tokio::join!(futures_util::future::join_all(all), async { drop(gate) });
            for (id, answer) in answers.into_iter().enumerate() {
                assert_eq!(answer.is_err(), id == 5, "{id}: {answer:?}");
            }
        });
        held.join().unwrap().unwrap();
        assert_eq!(count(&store), 9);
    });
}

#[test]
fn the_log_starts_again_under_readers_that_never_pause() {
    let mut fresh = Fresh::sqlite();
    fresh.config.checkpoint_pages = 100;
    let store = with_table(&fresh);
    let reading = Arc::new(AtomicBool::new(true));
    let readers: Vec<_> = (0..6)
        .map(|_| {
            let (store, reading) = (store.clone(), Arc::clone(&reading));
            std::thread::spawn(move || {
                while reading.load(Ordering::SeqCst) {
                    let look = |tx: &mut Tx<'_>| {
                        let rows = tx.query_one("SELECT COUNT(*) FROM thing", params![])?.int(0);
                        // Holds its snapshot, so that there is always one that holds the log.
                        let watch = Stopwatch::start();
                        while watch.elapsed_us() < 5_000 {
                            std::thread::yield_now();
                        }
                        rows
                    };
                    store.read_blocking(look).unwrap();
                }
            })
        })
        .collect();
    for id in 0..1_000_i64 {
        let body = vec![1_u8; 8_000];
        store
            .write_blocking(move |tx| {
                tx.run("INSERT INTO thing (id, key, body) VALUES (?1, ?2, ?3)", params![id, &id.to_string(), &body])
            })
            .unwrap();
    }
    reading.store(false, Ordering::SeqCst);
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    let Address::Sqlite(path) = &fresh.config.address else { panic!("a file") };
    let log = std::fs::metadata(path.with_file_name("dure.db-wal")).unwrap().len();
    // 5 MB or more were written; a restart is due at 400 pages and gets its moment by 800.
    assert!(log < 800 * 4200, "{log}");
}

#[test]
fn a_full_disk_costs_only_those_that_need_space() {
    let fresh = Fresh::sqlite();
    let store = with_table(&fresh);
    store
        .write_blocking(|tx| {
            let pages = tx.query_one("PRAGMA page_count", params![])?.int(0)?;
            assert!(pages < 200);
            tx.query("PRAGMA max_page_count = 200", params![]).map(|_| ())
        })
        .unwrap();
    let (gate, held) = hold(&store);
    block_on(async {
        let all = (0..9_i64).map(|id| {
            store.receive(move |tx| {
                let body = vec![7_u8; if id == 4 { 2_000_000 } else { 10 }];
                tx.run("INSERT INTO thing (id, key, body) VALUES (?1, ?2, ?3)", params![id, &id.to_string(), &body])
            })
        });
        let (answers, ()) = tokio::join!(futures_util::future::join_all(all), async { drop(gate) });
        for (id, answer) in answers.into_iter().enumerate() {
            match answer {
                Ok(()) => assert_ne!(id, 4),
                Err(error) => {
                    assert_eq!((id, fault_of(&error).unwrap().class), (4, Class::Machine), "{error}");
                    assert!(error.is_temporary());
                }
            }
        }
    });
    held.join().unwrap().unwrap();
    assert_eq!(count(&store), 8);
    assert_eq!(store.integrity_check().unwrap(), Vec::<String>::new());
}

#[test]
fn receipts_pass_a_long_row_of_writes_and_do_not_starve_it() {
    let fresh = Fresh::sqlite();
    let store = with_table(&fresh);
    let (gate, held) = hold(&store);
    block_on(async {
        let done = AtomicU32::new(0);
        let writes = (0..1_000_i64).map(|number| {
            let write = store.write(move |tx| {
                for row in 0..20 {
                    receive(tx, number * 20 + row, &format!("{number} {row}"))?;
                }
                Ok(())
            });
            async {
                write.await.unwrap();
                done.fetch_add(1, Ordering::SeqCst);
            }
        });
        let receipt = async {
            store.receive(|tx| receive(tx, -1, "receipt")).await.unwrap();
            done.load(Ordering::SeqCst)
        };
        let (_, before, ()) = tokio::join!(futures_util::future::join_all(writes), receipt, async { drop(gate) });
        assert!(before < 1_000, "the receipt waited for every write");
    });
    held.join().unwrap().unwrap();
    assert_eq!(count(&store), 20_001);
}

#[test]
fn statements_mean_the_same_on_every_engine() {
    each(|fresh| {
        let store = fresh.open();
        let ask = |sql: &'static str, value: i64| {
            store.write_blocking(move |tx| tx.query_one(sql, params![value])?.int(0)).unwrap()
        };
        // Numbers are as wide as they are.
        assert_eq!(ask("SELECT ?1 * 1000", i64::from(i32::MAX)), i64::from(i32::MAX) * 1000);
        assert_eq!(ask("SELECT COALESCE(?1, 0)", 1 << 40), 1 << 40);
        assert_eq!(ask("SELECT COUNT(*) FROM lease WHERE until_ms = ?1 OR ?1 IS NULL", 3), 0);
        assert_eq!(ask("SELECT EXISTS (SELECT 1 FROM migration WHERE number = ?1)", 1), 1);
        assert_eq!(ask("SELECT COUNT(*) FROM (SELECT 1 FROM migration ORDER BY number LIMIT ?1) AS first", 1), 1);
        // Text of our tables is in the order of its bytes.
        let order = store
            .write_blocking(|tx| {
                for name in ["a", "B", "_", "b", "A", "가"] {
                    tx.run("INSERT INTO lease (name, owner, until_ms, epoch) VALUES (?1, '', 0, 0)", params![name])?;
                }
                let rows = tx.query("SELECT name FROM lease ORDER BY name", params![])?;
                rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>>>()
            })
            .unwrap();
        assert_eq!(order, ["A", "B", "_", "a", "b", "가"]);
        // Null goes anywhere; U+0000 nowhere.
        let refused = store.write_blocking(|tx| tx.run("UPDATE lease SET owner = ?1", params!["a\0b"])).unwrap_err();
        assert!(refused.to_string().contains("U+0000"), "{refused}");
        store.write_blocking(|tx| tx.run("DELETE FROM lease WHERE name = ?1", params![None::<i64>])).unwrap();
    });
}

#[test]
fn a_closure_that_does_too_much_is_refused_where_we_test() {
    each(|fresh| {
        let store = fresh.open();
        let many = store.read_blocking(|tx| {
            tx.query(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) SELECT i FROM n",
                params![60_000],
            )
        });
        assert_eq!(many.is_err(), cfg!(debug_assertions));
        let more = store.read_blocking(|tx| {
            tx.query(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) SELECT i FROM n",
                params![dure::store::MOST_ROWS as i64 + 1],
            )
        });
        assert!(more.unwrap_err().to_string().contains("read in pages"));
    });
}

#[test]
fn hubs_that_start_together_take_turns_with_the_migrations() {
    each(|fresh| {
        let stores = std::thread::scope(|scope| {
            let opening: Vec<_> = (0..4).map(|_| scope.spawn(|| fresh.open())).collect();
            opening.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(stores.len(), 4);
    });
}

#[test]
fn a_database_of_another_build_is_refused_with_what_to_do() {
    each(|fresh| {
        let change = |sql: &'static str| fresh.open().write_blocking(move |tx| tx.run(sql, params![])).unwrap();
        let refused = || -> Error { Store::open(&fresh.config).map(drop).unwrap_err() };
        change("INSERT INTO migration (number, name, digest, applied_at) VALUES (9999, 'later', '', 0)");
        assert!(refused().to_string().contains("newer than this program: it has step 9999 (later)"), "{}", refused());
    });
    each(|fresh| {
        let change = |sql: &'static str| fresh.open().write_blocking(move |tx| tx.run(sql, params![])).unwrap();
        change("UPDATE migration SET digest = 'x' WHERE number = 1");
        let error = Store::open(&fresh.config).map(drop).unwrap_err();
        assert!(error.to_string().contains("made by another build"), "{error}");
    });
}

#[test]
fn a_backup_of_a_running_store_is_of_one_moment() {
    each(|fresh| {
        let store = with_table(fresh);
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("copy.db");
        // Pairs, so that a copy of two moments would show.
        let writer = {
            let store = store.clone();
            std::thread::spawn(move || {
                for pair in 0..300_i64 {
                    let body = vec![1_u8; 20_000];
                    let add = move |tx: &mut Tx<'_>| {
                        for id in [pair * 2, pair * 2 + 1] {
                            let key = id.to_string();
                            tx.run("INSERT INTO thing (id, key, body) VALUES (?1, ?2, ?3)", params![id, &key, &body])?;
                        }
                        Ok(())
                    };
                    store.write_blocking(add).unwrap();
                }
            })
        };
        while count(&store) < 100 {}
        let mut last = 0;
        store
            .backup_to(&target, |progress| {
                assert!(progress.done_bytes <= progress.all_bytes && progress.done_bytes >= last);
                last = progress.done_bytes;
            })
            .unwrap();
        writer.join().unwrap();
        assert!(store.backup_to(&target, |_| ()).unwrap_err().to_string().contains("there already"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        if store.engine() == Engine::Sqlite {
            assert!(last > 0);
            let copy = Store::open(&StoreConfig::sqlite(&target)).unwrap();
            let copied = count(&copy);
            assert!(copied >= 100 && copied % 2 == 0, "{copied}");
            assert_eq!(copy.integrity_check().unwrap(), Vec::<String>::new());
        } else {
            assert!(std::fs::read(&target).unwrap().starts_with(b"PGDMP"));
        }
        assert_eq!(count(&store), 600);
    });
}
