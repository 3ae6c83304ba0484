//! The way of a verb to its hub: the one that runs on the data folder, by the control socket; or a remote one, by HTTP
//! with a key of its centre, for documents only; or, when none runs, the folder's lock and the same pipeline in this
//! process.

use std::sync::Arc;

use clap::Args;
use serde::de::DeserializeOwned;

use super::administer::{Decided, Deciding, Progress, Teller, Wish, grant};
use super::call::Call;
use super::client::{Client, HubArgs};
use super::control::{self, Connection};
use super::out::{Out, Outcome};
use crate::clock::Clock;
use crate::config::{Config, Database};
use crate::error::{Error, Result};
use crate::pipeline::hub::Hub;
use crate::serve::{self, FolderLock};

/// How a verb reaches its hub.
pub enum Reach {
    /// A hub runs on the data folder.
    Running(Box<Config>),
    /// None runs; this process has the folder.
    Own(Arc<Hub>, FolderLock),
    /// One is named by its URL.
    Remote(Client),
}

/// Where to, for verbs that change something.
#[derive(Args, Clone, Debug)]
pub struct Target {
    /// Send the change to a hub elsewhere, as a document, with a key of its centre
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The key for it
    #[arg(long, value_name = "KEY", env = "DURE_KEY", hide_env_values = true, requires = "url")]
    pub key: Option<String>,
}

impl Reach {
    /// Finds the way.
    pub async fn find(call: &Call, target: &Target) -> Result<Reach> {
        if target.url.is_some() {
            let hub = HubArgs { url: target.url.clone(), key: target.key.clone(), roots: None };
            return Ok(Reach::Remote(hub.client(call).await?));
        }
        Reach::local(call).await
    }

    /// The way to the hub of this machine.
    pub async fn local(call: &Call) -> Result<Reach> {
        let config = call.config()?;
        // A hub may be starting or stopping: then it has the lock, and its socket is not there.
        for _ in 0..20 {
            if Connection::open(&config.data).await?.is_some() {
                return Ok(Reach::Running(Box::new(config)));
            }
            if !is_there(&config) {
                let data = config.data.display();
                return Err(Error::config(format!(
                    "there is no hub in {data}; make one with `dure init DIR`, or name its configuration with --config"
                )));
            }
            if let Some(lock) = serve::try_lock_folder(&config.data)? {
                return Ok(Reach::Own(serve::open_hub(config, Clock::System).await?, lock));
            }
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        }
        let data = config.data.display();
        Err(Error::config(format!("another process works on {data} and does not answer; try again when it is done")))
    }

    /// Asks, and waits for the answer.
    pub async fn ask<T: DeserializeOwned>(&self, wish: Wish, progress: impl FnMut(Progress)) -> Result<T> {
        match self {
            Reach::Running(config) => match Connection::open(&config.data).await? {
                Some(connection) => connection.ask(&wish, progress).await,
                None => Err(Error::config("the hub stopped meanwhile; ask again")),
            },
            Reach::Own(hub, _) => own(hub, wish, progress).await,
            Reach::Remote(client) => match wish {
                Wish::Submit { document } => {
                    let decided = client.submit(&document).await?;
                    control::read(serde_json::to_value(decided).map_err(|error| Error::bug(error.to_string()))?)
                }
                _ => Err(Error::config("this needs the hub's own machine; over --url only documents can be sent")),
            },
        }
    }

    /// Hands in a document of the centre and prints what became of it.
    pub async fn submit(&self, out: &Out, document: serde_json::Value) -> Result<Outcome> {
        let decided: Decided = self.ask(Wish::Submit { document }, |_| {}).await?;
        print(out, &decided)
    }
}

/// Prints what became of an interchange: as JSON, or its documents with what is wrong.
pub fn print(out: &Out, decided: &Decided) -> Result<Outcome> {
    if out.json {
        out.json(decided)?;
    } else {
        let word = |word: &str| {
            crate::model::disposition::Disposition::from_word(word)
                .map_or_else(|| word.to_owned(), |disposition| disposition.title(out.language).to_owned())
        };
        for document in &decided.documents {
            let said = word(&document.disposition);
            out.line(format!("{} {}: {said} ({})", document.document_type, document.number, document.document))?;
        }
        for finding in &decided.findings {
            out.line(out.finding(finding))?;
        }
        let said = decided.disposition.as_deref().map_or_else(|| decided.state.clone(), word);
        out.remark(format!("{}: {said}", decided.interchange));
    }
    Ok(Outcome::good_if(decided.is_good()))
}

async fn own<T: DeserializeOwned>(hub: &Arc<Hub>, wish: Wish, mut progress: impl FnMut(Progress)) -> Result<T> {
    let (tell, mut told) = Teller::new();
    let granting = grant(hub, wish, Deciding::Here, tell);
    tokio::pin!(granting);
    loop {
        tokio::select! {
            granted = &mut granting => return control::read(granted?),
            Some(so_far) = told.recv() => progress(so_far),
        }
    }
}

/// Whether there is a store by this configuration.
fn is_there(config: &Config) -> bool {
    match config.database {
        Database::Sqlite => config.sqlite_file().is_file(),
        Database::Postgres(_) => true,
    }
}
