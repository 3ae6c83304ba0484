//! The real binary under posting clients, killed with SIGKILL at random moments, on SQLite and on PostgreSQL.
//!
//! Afterwards every document that was answered 202 is there exactly once, every effect exactly once, every delivery reached
//! the partner at least once with the same bytes under the same id, and nothing is undecided. The seed is printed;
//! `DURE_CRASH_SEED` repeats it, `DURE_CRASH_KILLS` (default 50) sets how often.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a test of its own process")]

mod partner;
mod setting;

use std::collections::{BTreeMap, HashMap};
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use dure::clock::Clock;
use dure::config::Config;
use dure::params;
use dure::pipeline::{dispatch, worker};
use dure::serve;
use partner::Partner;
use setting::Setting;

/// Clients that post at the same time.
const CLIENTS: usize = 8;
/// Orders that are enough for a round; kills come all the while.
const MOST_ORDERS: u64 = 4_000;

/// SplitMix64, so that a round can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// What the clients were told: order number → interchange.
type Answered = Arc<Mutex<BTreeMap<u64, String>>>;

/// Posts orders one after the other; what was not answered is posted again with the same key until it is.
fn client(setting: &Setting, next: &AtomicU64, stop: &AtomicBool, answered: &Answered) {
    loop {
        let number = next.fetch_add(1, Ordering::SeqCst);
        if number >= MOST_ORDERS || stop.load(Ordering::SeqCst) {
            return;
        }
        let body = setting::order(number);
        // Bounded by the kills, which are bounded; the hub is started again after the last one.
        loop {
            if let Some((202, answer)) = setting.post(&body, &format!("crash-{number}")) {
                let id = answer
                    .split("\"interchange\":\"")
                    .nth(1)
                    .and_then(|rest| rest.split('"').next())
                    .unwrap()
                    .to_owned();
                let before = answered.lock().unwrap().insert(number, id.clone());
                assert!(before.is_none_or(|before| before == id), "one key, two interchanges");
                break;
            }
            if stop.load(Ordering::SeqCst) {
                return;
            }
            // The hub is down: wait a little on something that nobody signals.
            let (lock, gate) = (Mutex::new(()), Condvar::new());
            drop(gate.wait_timeout(lock.lock().unwrap(), Duration::from_millis(20)).unwrap());
        }
    }
}

fn pause(ms: u64) {
    let (lock, gate) = (Mutex::new(()), Condvar::new());
    drop(gate.wait_timeout(lock.lock().unwrap(), Duration::from_millis(ms)).unwrap());
}

fn killed_again_and_again(database: &str) {
    let seed = std::env::var("DURE_CRASH_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| u64::from(std::process::id()));
    let kills = std::env::var("DURE_CRASH_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(50);
    println!("seed {seed}, {kills} kills");
    let mut random = Random(seed);
    let partner = Partner::start();
    let setting = Arc::new(Setting::new(database, &partner.url()));
    let (next, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let answered: Answered = Arc::default();
    let mut hub: Child = setting.start();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (setting, next) = (Arc::clone(&setting), Arc::clone(&next));
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            std::thread::spawn(move || client(&setting, &next, &stop, &answered))
        })
        .collect();
    for _ in 0..kills {
        pause(20 + random.below(300));
        hub.kill().unwrap();
        hub.wait().unwrap();
        hub = setting.start();
    }
    stop.store(true, Ordering::SeqCst);
    for client in clients {
        client.join().unwrap();
    }
    hub.kill().unwrap();
    hub.wait().unwrap();
    let answered = answered.lock().unwrap().clone();
    println!("{} orders answered 202", answered.len());
    assert!(answered.len() > kills as usize, "the hub was up between the kills");
    check(&setting, &partner, &answered);
}

/// Opens the database as the kills left it, works off what is open, and looks.
fn check(setting: &Setting, partner: &Partner, answered: &BTreeMap<u64, String>) {
    let config = Config::load(Some(&setting.config), []).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // Leases of the killed hub are not waited for: time is a parameter.
        let clock = Clock::fixed(Clock::System.now_ms() + 3_600_000);
        let hub = serve::open_hub(config, clock).await.unwrap();
        for _ in 0..20 {
            if worker::run_once(&hub).await.unwrap() + dispatch::run_once(&hub).await.unwrap() == 0 {
                break;
            }
        }
        let rows = hub
            .store
            .read(|tx| {
                let count = |tx: &mut dure::store::Tx<'_>, sql: &'static str| tx.query_one(sql, params![]).and_then(|row| row.int(0));
                let undecided = count(tx, "SELECT COUNT(*) FROM interchange WHERE state <> 'decided'")?;
                let lost = count(tx, "SELECT COUNT(*) FROM interchange i WHERE NOT EXISTS (SELECT 1 FROM payload p WHERE p.interchange_id = i.id)")?;
                let undelivered = count(tx, "SELECT COUNT(*) FROM delivery WHERE state <> 'delivered'")?;
                let doubled = count(tx, "SELECT COUNT(*) FROM (SELECT order_id FROM order_part GROUP BY order_id HAVING COUNT(*) <> 1) AS x")?;
                let orders = tx.query(
                    "SELECT o.number, d.interchange_id, (SELECT COUNT(*) FROM order_line l WHERE l.order_id = o.id), \
                     (SELECT COUNT(*) FROM delivery v WHERE v.document_id = d.id) \
                     FROM purchase_order o JOIN document d ON d.id = o.document_id",
                    params![],
                )?;
                let orders: Vec<(String, i64, i64, i64)> = orders
                    .iter()
                    .map(|row| Ok((row.text(0)?, row.int(1)?, row.int(2)?, row.int(3)?)))
                    .collect::<dure::error::Result<_>>()?;
                Ok((undecided, lost, undelivered, doubled, orders))
            })
            .await
            .unwrap();
        let (undecided, lost, undelivered, doubled, orders) = rows;
        assert_eq!((undecided, lost, undelivered, doubled), (0, 0, 0, 0), "undecided, without bytes, undelivered, split twice");
        let mut by_number: HashMap<&str, &(String, i64, i64, i64)> = HashMap::new();
        for order in &orders {
            assert!(by_number.insert(&order.0, order).is_none(), "order {} twice", order.0);
            assert_eq!((order.2, order.3), (5, 1), "lines and deliveries of {}", order.0);
        }
        for (number, id) in answered {
            let name = format!("PO-{number:09}");
            let order = by_number.get(name.as_str()).unwrap_or_else(|| panic!("{name} was answered 202 and is lost"));
            assert_eq!(dure::model::id::InterchangeId(order.1).to_string(), *id, "{name}");
        }
        partner.check(orders.len());
    });
}

#[test]
fn on_sqlite() {
    killed_again_and_again("sqlite");
}

#[test]
fn on_postgres() {
    let server = std::env::var("DURE_TEST_POSTGRES")
        .expect("tests/peers/postgres.sh start prints the URL for DURE_TEST_POSTGRES");
    let database = setting::fresh_database(&server);
    killed_again_and_again(&database);
}
