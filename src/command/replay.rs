//! `dure replay`: interchanges that are held, wait, were rejected or failed are processed again from their stored bytes;
//! deliveries that are dead are sent again.

use clap::Args;
use serde_json::json;

use super::administer::{Decided, Wish};
use super::call::Call;
use super::out::{Outcome, Unit};
use super::reach::{self, Reach};
use crate::error::{Error, Result};
use crate::model::id::{DeliveryId, InterchangeId};

/// Process interchanges again, or send deliveries again
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  dure replay ix_0k3…            an interchange that was held or rejected\n  \
    dure replay ix_0k3… --new      it is a new document, not the same again\n  \
    dure replay dlv_0k3…           a delivery, to the address as it is agreed now\n  \
    dure replay --held             everything that waits for a person\n  dure replay --dead             everything that could not be delivered\n\n\
    What is in effect is never applied twice. Exit code 1 if something is still not accepted.")]
pub struct Replay {
    /// Ids of interchanges (ix_…) and deliveries (dlv_…)
    #[arg(required_unless_present_any = ["held", "dead"])]
    ids: Vec<String>,
    /// Every interchange that is held or waits
    #[arg(long)]
    held: bool,
    /// Every delivery that is dead
    #[arg(long)]
    dead: bool,
    /// A document without a number that equals an earlier one is a new one
    #[arg(long)]
    new: bool,
}

enum What {
    Interchange(InterchangeId),
    Delivery(DeliveryId),
}

impl Replay {
    /// Runs it.
    pub async fn run(self, call: &Call) -> Result<Outcome> {
        let out = &call.out;
        let mut list: Vec<What> = self.ids.iter().map(|id| what(id)).collect::<Result<_>>()?;
        let reach = Reach::local(call).await?;
        if self.held {
            let held: Vec<InterchangeId> = reach.ask(Wish::Held, |_| {}).await?;
            list.extend(held.into_iter().map(What::Interchange));
        }
        if self.dead {
            let dead: Vec<DeliveryId> = reach.ask(Wish::Dead, |_| {}).await?;
            list.extend(dead.into_iter().map(What::Delivery));
        }
        let bar = out.progress(list.len() as u64, Unit::Pieces);
        let mut good = true;
        let (mut interchanges, mut deliveries) = (Vec::new(), Vec::new());
        for one in list {
            match one {
                What::Interchange(id) => {
                    let wish = Wish::Replay { id, confirmed: self.new };
                    let decided: Decided = reach.ask(wish, |_| {}).await?;
                    good &= decided.is_good();
                    if !out.json {
                        bar.suspend(|| reach::print(out, &decided))?;
                    }
                    interchanges.push(decided);
                }
                What::Delivery(id) => {
                    let () = reach.ask(Wish::Resend { id }, |_| {}).await?;
                    if !out.json {
                        bar.suspend(|| out.line(format!("{id}: {}", out.say("다시 보냅니다", "is sent again"))))?;
                    }
                    deliveries.push(id);
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        if out.json {
            out.json(&json!({ "interchanges": interchanges, "deliveries": deliveries }))?;
        }
        if !deliveries.is_empty() && matches!(reach, Reach::Own(..)) {
            out.remark(out.say("허브가 돌 때 보내집니다", "they leave when the hub runs"));
        }
        Ok(Outcome::good_if(good))
    }
}

fn what(text: &str) -> Result<What> {
    if let Ok(id) = text.parse() {
        return Ok(What::Interchange(id));
    }
    let wrong = || Error::config(format!("{text} is no id of an interchange (ix_…) or a delivery (dlv_…)"));
    text.parse().map(What::Delivery).map_err(|()| wrong())
}
