//! Asks couriers about parcels that nothing was heard of for too long: a callback that got lost is not told twice. Only for
//! couriers whose profile says how they are asked (`[fetch]`), and which parcels are theirs by the despatch advice.

use std::sync::Arc;

use crate::error::Result;
use crate::pipeline::hub::Hub;
use crate::store::courier_asks::{self, NewAsk, Silent};

/// Waybills put on the list in one transaction.
const AT_ONCE: i64 = 100;
/// Transactions of one run for one courier; what is left comes in the next.
const MOST_STEPS: usize = 20;
/// How long what was asked is remembered: 90 days.
const REMEMBERED_MS: i64 = 90 * 86_400_000;
/// Rows forgotten in one run.
const FORGET_AT_ONCE: i64 = 1000;

/// Puts every silent parcel on the list of what is asked; gives how many.
pub async fn run(hub: &Arc<Hub>) -> Result<usize> {
    let now_ms = hub.clock.now_ms();
    let directory = hub.directory();
    let mut count = 0;
    for profile in hub.couriers.iter() {
        let Some(fetch) = &profile.fetch else { continue };
        let courier = directory.by_short(&profile.name).filter(|courier| courier.active && courier.is("courier"));
        let Some(courier) = courier else { continue };
        let since_ms = now_ms - i64::from(fetch.silent_h) * 3_600_000;
        let which = Silent {
            courier_id: courier.id,
            since_ms,
            since_id: hub.ids.floor(since_ms),
            not_before_ms: now_ms - i64::from(fetch.give_up_d) * 86_400_000,
        };
        let centre_id = courier.centre_id;
        for _ in 0..MOST_STEPS {
            let ids = Arc::clone(hub);
            let step = hub.store.write(move |tx| {
                let silent = courier_asks::silent(tx, &which, AT_ONCE)?;
                for (tracking_id, carrier) in &silent {
                    let (id, courier_id) = (ids.ids.next(now_ms), which.courier_id);
                    courier_asks::ask(tx, &NewAsk { id, courier_id, centre_id, carrier, tracking_id }, now_ms)?;
                }
                Ok(silent.len())
            });
            let step = step.await?;
            count += step;
            if step == 0 || hub.is_stopping() {
                break;
            }
        }
    }
    hub.store.write(move |tx| courier_asks::forget(tx, now_ms - REMEMBERED_MS, FORGET_AT_ONCE)).await?;
    if count > 0 {
        hub.asked.notify_one();
    }
    Ok(count)
}
