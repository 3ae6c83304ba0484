//! Claims and named leases: nothing is handed out twice, what runs out is taken again, an old epoch is refused.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dure::error::Result;
use dure::model::disposition::Transport;
use dure::params;
use dure::store::{Store, Tx, interchanges, leases};

use crate::engines::{NOW_MS, block_on, each};

const ROWS: i64 = 4_000;

/// Interchanges 1 to `rows`, all due.
fn fill(store: &Store, rows: i64) {
    store
        .write_blocking(move |tx| {
            for id in 1..=rows {
                let new = interchanges::NewInterchange {
                    id,
                    centre_id: 1,
                    organisation_id: 1,
                    transport: Transport::Http,
                    transport_id: None,
                    content_type: String::new(),
                    charset: String::new(),
                    file_name: String::new(),
                    digest: [0; 32],
                    size_bytes: 1,
                    received_ms: NOW_MS - 1,
                    account_id: None,
                    answers_delivery_id: None,
                    mail_id: None,
                };
                interchanges::insert(tx, &new, None)?;
            }
            Ok(())
        })
        .unwrap();
}

async fn claim(store: &Store, owner: &str, lease_ms: i64, most: i64) -> Result<Vec<(i64, i64)>> {
    let owner = owner.to_owned();
    let take = move |tx: &mut Tx<'_>| {
        let now_ms = tx.now_ms()?;
        interchanges::claim(tx, &owner, now_ms, now_ms + lease_ms, most)
    };
    store.compare_and_set(take).await
}

/// Eight claimers until every row was handed out, and how often each was.
async fn hammer(store: &Store) -> BTreeMap<i64, u32> {
    let given = Arc::new(AtomicU64::new(0));
    let claimers = (0..8).map(|number| {
        let (store, given) = (store.clone(), Arc::clone(&given));
        async move {
            let owner = format!("hub-{number}");
            let mut mine = Vec::new();
            // An empty answer does not mean that there is no work.
            while given.load(Ordering::SeqCst) < ROWS as u64 {
                let claims = claim(&store, &owner, 60_000, 64).await.unwrap();
                given.fetch_add(claims.len() as u64, Ordering::SeqCst);
                mine.extend(claims);
            }
            mine
        }
    });
    let mut times = BTreeMap::new();
    for (id, _) in futures_util::future::join_all(claimers).await.concat() {
        *times.entry(id).or_default() += 1;
    }
    times
}

#[test]
fn eight_claimers_never_get_the_same_row() {
    each(|fresh| {
        let store = fresh.open();
        fill(&store, ROWS);
        let times = block_on(hammer(&store));
        assert_eq!(times.len() as i64, ROWS);
        assert!(times.values().all(|&times| times == 1));
        let epochs =
            store.read_blocking(|tx| tx.query_one("SELECT MIN(epoch), MAX(epoch) FROM interchange", params![]));
        let epochs = epochs.unwrap();
        assert_eq!((epochs.int(0).unwrap(), epochs.int(1).unwrap()), (1, 1));
    });
}

#[test]
fn a_lease_that_ran_out_is_taken_again_and_the_old_epoch_is_refused() {
    each(|fresh| {
        let store = fresh.open();
        fill(&store, 3);
        block_on(async {
            let first = claim(&store, "a", 1_000, 2).await.unwrap();
            assert_eq!(first, [(1, 1), (2, 1)]);
            assert_eq!(claim(&store, "b", 1_000, 9).await.unwrap(), [(3, 1)]);
            assert_eq!(claim(&store, "b", 1_000, 9).await.unwrap(), []);

            let renew = |id, epoch| store.write(move |tx| interchanges::renew(tx, id, epoch, NOW_MS + 5_000));
            assert!(renew(2, 1).await.unwrap());
            fresh.config.clock.advance_ms(1_000);
            let again = claim(&store, "b", 1_000, 9).await.unwrap();
            assert_eq!(again, [(1, 2), (3, 2)]);

            assert!(!renew(1, 1).await.unwrap());
            let holds = |id, epoch| store.write(move |tx| interchanges::holds_lease(tx, id, epoch));
            assert!(!holds(1, 1).await.unwrap());
            assert!(holds(2, 1).await.unwrap());
            assert!(holds(1, 2).await.unwrap());
        });
        fresh.config.clock.advance_ms(-1_000);
    });
}

#[test]
fn eight_claimers_take_expired_leases_once() {
    each(|fresh| {
        let store = fresh.open();
        fill(&store, ROWS);
        for round in 1..=2 {
            let times = block_on(hammer(&store));
            assert!(times.len() as i64 == ROWS && times.values().all(|&times| times == 1), "round {round}");
            fresh.config.clock.advance_ms(60_000);
        }
    });
}

#[test]
fn a_named_lease_has_one_owner() {
    each(|fresh| {
        let store = fresh.open();
        let acquire =
            |owner: &'static str| store.write_blocking(move |tx| leases::acquire(tx, "cron", owner, 1_000)).unwrap();
        let held = |epoch| store.write_blocking(move |tx| leases::held(tx, "cron", epoch)).unwrap();
        assert_eq!(acquire("a"), Some(1));
        assert_eq!(acquire("b"), None);
        fresh.config.clock.advance_ms(500);
        assert_eq!(acquire("a"), Some(1));
        fresh.config.clock.advance_ms(999);
        assert!(held(1));
        fresh.config.clock.advance_ms(1);
        assert!(!held(1));
        assert_eq!(acquire("b"), Some(2));
        // The old owner's release changes nothing.
        store.write_blocking(|tx| leases::release(tx, "cron", 1)).unwrap();
        assert!(held(2));
        store.write_blocking(|tx| leases::release(tx, "cron", 2)).unwrap();
        assert!(!held(2));
        assert_eq!(acquire("a"), Some(3));
    });
}

#[test]
fn questions_to_couriers() {
    use dure::store::courier_asks::{self, Asked, NewAsk, Silent};
    each(|fresh| {
        let store = fresh.open();
        let ask = |id| {
            let new = NewAsk { id, courier_id: 7, centre_id: 1, carrier: "kr.lotte", tracking_id: "W1" };
            store.write_blocking(move |tx| courier_asks::ask(tx, &new, NOW_MS)).unwrap();
        };
        let claim = || {
            let take = |tx: &mut Tx<'_>| courier_asks::claim(tx, "one", NOW_MS, NOW_MS + 1000, 9);
            block_on(store.compare_and_set(take)).unwrap()
        };
        let record = |epoch, due_ms| {
            let asked = Asked { due_ms, given_up: false, outcome: "said" };
            store.write_blocking(move |tx| courier_asks::record(tx, 1, epoch, &asked, NOW_MS)).unwrap()
        };
        ask(1);
        assert_eq!((claim(), claim()), (vec![(1, 1)], vec![]));
        // A hint that comes while it is being asked: what is on its way may be older than it.
        ask(2);
        assert!(!record(1, None), "an old epoch is refused");
        assert_eq!(claim(), [(1, 3)]);
        assert!(record(3, Some(NOW_MS + 5)));
        let row = || store.read_blocking(|tx| courier_asks::get(tx, 1)).unwrap().unwrap();
        assert_eq!((row().due_ms, row().attempts, row().asked_ms), (Some(NOW_MS + 5), 1, None));
        assert!(record(3, None));
        assert_eq!((row().due_ms, row().attempts, row().asked_ms), (None, 0, Some(NOW_MS)));
        let which = Silent { courier_id: 7, since_ms: NOW_MS, since_id: 0, not_before_ms: 0 };
        assert!(store.read_blocking(move |tx| courier_asks::silent(tx, &which, 9)).unwrap().is_empty());
        assert_eq!(store.write_blocking(|tx| courier_asks::forget(tx, NOW_MS + 1, 9)).unwrap(), 1);
    });
}

#[test]
fn bookings_are_begun_again_by_a_person_alone() {
    use dure::store::bookings::{self, Attempted, NewBooking};
    each(|fresh| {
        let store = fresh.open();
        let new = |id, parcel_id| NewBooking { id, courier_id: 7, centre_id: 1, despatch_id: 3, parcel_id };
        store
            .write_blocking(move |tx| {
                tx.run(
                    "INSERT INTO despatch (id, centre_id, trade_id, order_id, part_id, document_id, number, producer_id, \
                     despatched_ms) VALUES (3, 1, 1, 1, 1, 1, 'DA-1', 9, 0)",
                    params![],
                )?;
                bookings::insert(tx, &new(1, 11), NOW_MS)?;
                // The same parcel again is the same booking.
                bookings::insert(tx, &new(2, 11), NOW_MS)
            })
            .unwrap();
        let claim = || {
            let take = |tx: &mut Tx<'_>| bookings::claim(tx, "one", NOW_MS, NOW_MS + 1000, 9);
            block_on(store.compare_and_set(take)).unwrap()
        };
        let record = |epoch, state, due_ms, not_booked| {
            let attempted = Attempted { state, due_ms, not_booked, outcome: "said" };
            store.write_blocking(move |tx| bookings::record(tx, 1, epoch, &attempted, NOW_MS)).unwrap()
        };
        let row = || store.read_blocking(|tx| bookings::get(tx, 1)).unwrap().unwrap();
        let again = |centre| store.write_blocking(move |tx| bookings::again(tx, 1, centre, NOW_MS)).unwrap();
        assert_eq!((claim(), claim()), (vec![(1, 1)], vec![]));
        assert!(!store.write_blocking(|tx| bookings::sending(tx, 1, 0, NOW_MS)).unwrap(), "an old epoch is refused");
        assert!(store.write_blocking(|tx| bookings::sending(tx, 1, 1, NOW_MS)).unwrap());
        assert!(!record(0, "booked", None, false));
        assert!(record(1, "open", Some(NOW_MS), false));
        assert_eq!((row().sent_ms, row().key(), again(1)), (Some(NOW_MS), row().reference(), false));
        assert_eq!(claim(), [(1, 2)]);
        assert!(record(2, "refused", None, true));
        assert_eq!(store.read_blocking(|tx| bookings::wrong(tx, 1, 9)).unwrap(), [row()]);
        assert!(!again(2), "another centre");
        assert!(again(1) && !again(1));
        // After a refusal it is another request; one that may have arrived stays the same.
        assert_eq!((row().round, row().sent_ms, row().state.as_str()), (1, None, "open"));
        assert_eq!(row().key(), format!("{}-2", row().reference()));
        assert_eq!(claim(), [(1, 4)]);
        assert!(store.write_blocking(|tx| bookings::sending(tx, 1, 4, NOW_MS + 5)).unwrap());
        assert!(record(4, "unsure", None, false));
        assert!(again(1));
        assert_eq!((row().round, row().sent_ms), (1, Some(NOW_MS + 5)));
        assert_eq!(store.read_blocking(|tx| bookings::wrong(tx, 1, 9)).unwrap(), []);
    });
}
