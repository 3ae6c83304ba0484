//! `dure verify --rebuild`: all documents folded again into a scratch database beside the store, every table compared.
//!
//! What is compared stands still: a copy of a running hub's database, or the store itself when no hub runs. A hub on
//! PostgreSQL must be stopped.

use std::path::Path;

use super::administer::{Progress, Wish};
use super::reach::Reach;
use super::verify::{Rebuilt, Report};
use crate::config::Database;
use crate::error::{Context, Error, Result};
use crate::model::id::{DeliveryId, DocumentId, TradeId};
use crate::pipeline::fold::{self, Wrong};
use crate::store::{Durability, Store, StoreConfig};

/// What is proved, in reports.
const WHAT: &str = "rebuild";

/// Folds, compares, and adds what is wrong to a report.
pub(super) async fn prove(reach: &Reach, report: &mut Report, mut told: impl FnMut(Progress) + Send) -> Result<()> {
    let data = match reach {
        Reach::Running(config) => &config.data,
        Reach::Own(hub, _) => &hub.config.data,
        Reach::Remote(_) => return Err(Error::config("this needs the hub's own machine")),
    };
    // On the disk of the store, which has room for stores.
    let folder = tempfile::Builder::new().prefix("rebuild-").tempdir_in(data);
    let folder = folder.context(|| format!("make a folder in {}", data.display()))?;
    let (there, zone) = match reach {
        Reach::Own(hub, _) => (hub.store.clone(), hub.config.zone),
        Reach::Running(config) if config.database == Database::Sqlite => {
            let path = folder.path().join("copy.sqlite");
            let () = reach.ask(Wish::Backup { path: path.clone() }, &mut told).await?;
            (open(&path, Durability::Full).await?, config.zone)
        }
        _ => {
            return Err(Error::config(
                "on PostgreSQL the hubs must be stopped for --rebuild, so that the tables stand still",
            ));
        }
    };
    // What is lost with it is nothing that anybody was promised.
    let scratch = open(&folder.path().join("scratch.sqlite"), Durability::LosesOnPowerCut).await?;
    let (tell, mut so_far) = tokio::sync::mpsc::channel(16);
    let proving = tokio::task::spawn_blocking(move || {
        let mut wrong = Vec::new();
        let mut found = |one: Wrong| {
            // The rest is only more of the same.
            if wrong.len() < MOST_WRONG {
                wrong.push(said(one));
            }
        };
        // A word that nobody takes is followed by others.
        let mut told = |done, of| tell.try_send(Progress { done, of }).unwrap_or_default();
        let (documents, rows) = fold::prove(&there, &scratch, zone, &mut found, &mut told)?;
        Ok::<_, Error>((Rebuilt { documents, rows }, wrong))
    });
    while let Some(progress) = so_far.recv().await {
        told(progress);
    }
    let proved = proving.await.map_err(|panic| Error::bug(format!("folding the documents again: {panic}")))?;
    let (rebuilt, wrong) = proved?;
    report.rebuilt = Some(rebuilt);
    wrong.into_iter().for_each(|(object, wrong)| report.add(WHAT, object, wrong));
    Ok(())
}

/// Problems that are kept.
const MOST_WRONG: usize = 1000;

/// Object and words of a problem.
fn said(wrong: Wrong) -> (String, String) {
    match wrong {
        Wrong::Document(one) => (DocumentId(one.document_id).to_string(), one.wrong),
        Wrong::Row(row) => {
            let id = match row.table {
                "delivery" => DeliveryId(row.owner).to_string(),
                "document_party" => DocumentId(row.owner).to_string(),
                "trade" | "trade_key" | "trade_party" => TradeId(row.owner).to_string(),
                _ => row.owner.to_string(),
            };
            (format!("{} {id}", row.table), row.wrong)
        }
    }
}

async fn open(path: &Path, durability: Durability) -> Result<Store> {
    let settings = StoreConfig { durability, readers: 1, ..StoreConfig::sqlite(path) };
    let opening = tokio::task::spawn_blocking(move || Store::open(&settings));
    opening.await.map_err(|panic| Error::bug(format!("opening a store: {panic}")))?
}
