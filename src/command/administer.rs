//! What verbs ask of a hub, and how it is done: the same wishes by the control socket of a running hub and in the process
//! of the verb when none runs. Partners, agreements and accounts are changed by documents of the centre, which go
//! through the pipeline and are decided by it; keys, secrets and passwords are no documents (rules.md 8).

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use ring::rand::SystemRandom;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::document::directory::Directory;
use crate::error::{Error, Result};
use crate::model::disposition::Transport;
use crate::model::finding::Finding;
use crate::model::id::{AgreementId, DeliveryId, DocumentId, InterchangeId, KeyId, OrganisationId};
use crate::model::secret::Secret;
use crate::pipeline::again::Again;
use crate::pipeline::hub::Hub;
use crate::pipeline::receive::Receipt;
use crate::pipeline::worker;
use crate::store::parties::CredentialRow;
use crate::store::{accounts, deliveries, documents, interchanges, parties};
use crate::transport::{keys, webhook};

/// How long a document of ours may take until the verb is told that it is still being decided, milliseconds.
const PATIENCE_MS: u64 = 30_000;
/// Held interchanges and dead deliveries that are listed.
const MOST_LISTED: i64 = 1000;

/// What a verb asks of a hub.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "wish", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Wish {
    /// Where the hub listens: a URL.
    Where,
    /// Hands in a document of the centre and waits until it is decided: [`Decided`].
    Submit {
        /// As dure-json, with its type.
        document: Value,
    },
    /// Every organisation: a list of [`Partner`].
    Partners,
    /// Every agreement in force, and those that ended: a list of [`AgreementWords`].
    Agreements,
    /// Every account: a list of [`AccountWords`].
    Accounts,
    /// Every credential: a list of [`CredentialWords`].
    Credentials,
    /// Names of the sealed secrets: a list of texts.
    Secrets,
    /// Makes an API key: [`NewKey`].
    NewKey {
        /// Short name of the organisation.
        party: String,
        /// What it is called.
        label: String,
        /// Whether it gets a secret for signed requests.
        signed: bool,
    },
    /// Takes a client certificate for a partner: the credential's id.
    NewCertificate {
        /// Short name of the organisation.
        party: String,
        /// What it is called.
        label: String,
        /// SHA-256 of the certificate.
        digest: Vec<u8>,
    },
    /// Ends a key or certificate: nothing.
    EndCredential {
        /// Which.
        id: KeyId,
    },
    /// Seals a secret under a name, instead of the one that was there: nothing.
    PutSecret {
        /// Its name.
        name: String,
        /// The secret itself.
        value: String,
    },
    /// Sets the password of an account: nothing.
    SetPassword {
        /// Sign-in name.
        login: String,
        /// The hash, so that the password itself does not travel.
        hash: String,
    },
    /// What waits for a person: a list of ids of interchanges.
    Held,
    /// What could not be delivered: a list of ids of deliveries.
    Dead,
    /// Processes an interchange again: [`Decided`].
    Replay {
        /// Which.
        id: InterchangeId,
        /// A person's word that it is a new document and not the same again.
        confirmed: bool,
    },
    /// Sends a delivery again: nothing.
    Resend {
        /// Which.
        id: DeliveryId,
    },
    /// Copies the database into a new file: nothing.
    Backup {
        /// The file.
        path: PathBuf,
    },
    /// Says what a document would meet: [`super::explain::Explanation`].
    Explain {
        /// Its bytes, base64.
        bytes: String,
        /// Name of its file; empty if it has none.
        file_name: String,
        /// Its character set; empty if it says its own.
        charset: String,
        /// What it is; empty if it says so itself.
        message_type: String,
        /// Short name of who would hand it in; empty: whom it names.
        from: String,
    },
    /// Looks whether what is kept is sound: [`super::verify::Report`].
    Verify,
}

/// How far something is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Progress {
    /// Done.
    pub done: u64,
    /// In all; 0 if it is not known.
    pub of: u64,
}

/// Tells somebody how far something is.
#[derive(Clone, Debug)]
pub struct Teller(mpsc::Sender<Progress>);

impl Teller {
    /// One end to tell, one to hear.
    pub fn new() -> (Teller, mpsc::Receiver<Progress>) {
        let (tell, told) = mpsc::channel(16);
        (Teller(tell), told)
    }

    /// Tells. Whoever listens may be slow or gone: then this word is lost, and the next may not be.
    pub fn so_far(&self, done: u64, of: u64) {
        self.0.try_send(Progress { done, of }).unwrap_or_default();
    }
}

/// Who decides what was handed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deciding {
    /// The workers of the running hub.
    ByWorkers,
    /// This process, at once.
    Here,
}

/// What became of an interchange.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Decided {
    /// Its id.
    pub interchange: InterchangeId,
    /// Where it is.
    pub state: String,
    /// What became of it; absent while it is being decided.
    pub disposition: Option<String>,
    /// What is wrong with it and its documents.
    pub findings: Vec<Finding>,
    /// Its documents.
    pub documents: Vec<DecidedDocument>,
}

/// A document of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DecidedDocument {
    /// Its id.
    pub document: DocumentId,
    /// What it is.
    pub document_type: String,
    /// Its number.
    pub number: String,
    /// What became of it.
    pub disposition: String,
}

impl Decided {
    /// Whether it is in effect.
    pub fn is_good(&self) -> bool {
        matches!(self.disposition.as_deref(), Some("accepted" | "accepted-with-errors" | "duplicate"))
    }
}

/// An organisation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Partner {
    /// Its id.
    pub id: OrganisationId,
    /// Short name.
    pub short: String,
    /// Whether it takes part.
    pub active: bool,
    /// Its profile: a Party document.
    pub profile: Value,
}

/// A version of an agreement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AgreementWords {
    /// Its id.
    pub id: AgreementId,
    /// Which version, from 1.
    pub version: i64,
    /// Its terms: an Agreement document.
    pub terms: Value,
}

/// An account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountWords {
    /// Sign-in name.
    pub login: String,
    /// Name people read.
    pub name: String,
    /// Its role.
    pub role: String,
    /// Short name of its organisation.
    pub party: String,
    /// `ko` or `en`.
    pub language: String,
    /// `active` or `ended`.
    pub status: String,
    /// Whether it has a password, so that somebody can sign in.
    pub password: bool,
}

/// A credential.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CredentialWords {
    /// Its id.
    pub id: KeyId,
    /// Short name of its organisation.
    pub party: String,
    /// `key` or `certificate`.
    pub kind: String,
    /// What it is called.
    pub label: String,
    /// Whether it can sign requests.
    pub signed: bool,
    /// When it was made, UTC milliseconds.
    pub created_ms: i64,
    /// When it ended.
    pub ended_ms: Option<i64>,
}

/// A key that was made; shown once.
#[derive(Clone, Serialize, Deserialize)]
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// The key itself.
    pub key: String,
    /// The secret for signed requests.
    pub signing_secret: Option<String>,
}

/// Does what is asked. `tell` hears how far it is.
pub async fn grant(hub: &Arc<Hub>, wish: Wish, deciding: Deciding, tell: Teller) -> Result<Value> {
    match wish {
        Wish::Where => json(&hub.config.url()),
        Wish::Submit { document } => json(&submit(hub, &document, deciding).await?),
        Wish::Partners => json(&partners(&hub.directory())),
        Wish::Agreements => json(&agreements(hub).await?),
        Wish::Accounts => json(&account_list(hub).await?),
        Wish::Credentials => json(&credential_list(hub).await?),
        Wish::Secrets => {
            let mut names: Vec<_> = hub.store.read(parties::secrets).await?.into_iter().map(|(name, _)| name).collect();
            names.sort();
            json(&names)
        }
        Wish::NewKey { party, label, signed } => json(&new_key(hub, &party, &label, signed).await?),
        Wish::NewCertificate { party, label, digest } => {
            json(&new_credential(hub, &party, "certificate", label, digest, None).await?)
        }
        Wish::EndCredential { id } => {
            let now_ms = hub.clock.now_ms();
            let ended = hub
                .store
                .write(move |tx| {
                    let ended = parties::end_credential(tx, id.0, now_ms)?;
                    parties::raise_version(tx)?;
                    Ok(ended)
                })
                .await?;
            hub.refresh_directory().await?;
            if ended { json(&()) } else { Err(Error::config(format!("no credential that holds has the id {id}"))) }
        }
        Wish::PutSecret { name, value } => {
            put_secret(hub, &name, &Secret::new(value)).await?;
            json(&())
        }
        Wish::SetPassword { login, hash } => {
            let name = login.clone();
            let known = hub.store.write(move |tx| accounts::set_password(tx, &name, &hash)).await?;
            if known { json(&()) } else { Err(Error::config(format!("no account is called {login}"))) }
        }
        Wish::Held => {
            let centre_id = centre(hub)?;
            let held = hub.store.read(move |tx| interchanges::list_held(tx, centre_id, None, MOST_LISTED)).await?;
            json(&held.iter().map(|row| InterchangeId(row.id)).collect::<Vec<_>>())
        }
        Wish::Dead => {
            let centre_id = centre(hub)?;
            let dead = hub.store.read(move |tx| deliveries::dead(tx, centre_id, MOST_LISTED)).await?;
            json(&dead.iter().map(|row| DeliveryId(row.id)).collect::<Vec<_>>())
        }
        Wish::Replay { id, confirmed } => match hub.replay(id, confirmed, ACTOR).await? {
            Again::Yes => json(&decided(hub, id.0, deciding).await?),
            Again::Unknown => Err(Error::config(format!("there is no interchange {id}"))),
            Again::InEffect => Err(Error::config(format!(
                "{id} is in effect already and is never applied twice; send its deliveries again by their ids (dlv_…)"
            ))),
        },
        Wish::Resend { id } => match hub.resend(id, ACTOR).await? {
            Again::Yes | Again::InEffect => json(&()),
            Again::Unknown => Err(Error::config(format!("there is no delivery {id}"))),
        },
        Wish::Backup { path } => {
            let store = hub.store.clone();
            let copy = move || store.backup_to(&path, |progress| tell.so_far(progress.done_bytes, progress.all_bytes));
            tokio::task::spawn_blocking(copy).await.map_err(|panic| Error::bug(format!("the backup: {panic}")))??;
            json(&())
        }
        Wish::Explain { bytes, file_name, charset, message_type, from } => {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(bytes)
                .map_err(|error| Error::config("the bytes are no base64").caused_by(error))?;
            let hint = super::explain::hint_of(file_name, charset, &message_type)?;
            json(&Box::pin(super::explain::explain(hub, bytes, hint, &from)).await?)
        }
        Wish::Verify => {
            let store = hub.store.clone();
            let look = move || super::verify::look(&store, &tell);
            let report = tokio::task::spawn_blocking(look).await;
            json(&report.map_err(|panic| Error::bug(format!("verifying: {panic}")))??)
        }
    }
}

/// Who did it, in the audit.
const ACTOR: &str = "command-line";

fn json<T: Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| Error::bug("writing an answer").caused_by(error))
}

/// The centre, or what to do about its absence.
fn centre(hub: &Hub) -> Result<i64> {
    let directory = hub.directory();
    directory.centre().map(|centre| centre.id).ok_or_else(|| {
        Error::config("this store has no centre yet; `dure init DIR` makes one with an administrator account")
    })
}

fn known(hub: &Hub, party: &str) -> Result<i64> {
    let directory = hub.directory();
    directory.by_short(party).map(|organisation| organisation.id).ok_or_else(|| {
        let names: Vec<_> = directory.organisations().iter().map(|organisation| organisation.short.clone()).collect();
        Error::config(format!("no partner is called {party}; there are {}", names.join(", ")))
    })
}

/// Hands in a document of the centre; the first one of a store, which makes the centre, comes from the machine itself.
pub async fn submit(hub: &Arc<Hub>, document: &Value, deciding: Deciding) -> Result<Decided> {
    let centre_id = hub.directory().centre().map_or(0, |centre| centre.id);
    let receipt = Receipt {
        organisation_id: centre_id,
        centre_id,
        transport: Transport::Internal,
        transport_id: None,
        content_type: "application/json".to_owned(),
        charset: String::new(),
        file_name: String::new(),
        account_id: None,
        answers_delivery_id: None,
        mail_id: None,
    };
    let received = hub.receive(receipt, document.to_string().into()).await?;
    decided(hub, received.id(), deciding).await
}

/// Waits until an interchange is decided, at most [`PATIENCE_MS`]; gives what became of it so far.
async fn decided(hub: &Arc<Hub>, id: i64, deciding: Deciding) -> Result<Decided> {
    if deciding == Deciding::Here {
        worker::run_once(hub).await?;
    }
    // What is not decided by then is told as it is.
    hub.wait_decided(id, if deciding == Deciding::Here { 0 } else { PATIENCE_MS }).await?;
    let found = hub
        .store
        .read(move |tx| {
            let Some(interchange) = interchanges::get(tx, id)? else { return Ok(None) };
            Ok(Some((interchange, documents::of_interchange(tx, id)?)))
        })
        .await?;
    let (interchange, documents) = found.ok_or_else(|| Error::store("an interchange is gone"))?;
    outcome(&interchange, &documents)
}

fn outcome(interchange: &interchanges::Interchange, list: &[documents::Document]) -> Result<Decided> {
    let read = |text: &str| -> Result<Vec<Finding>> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        serde_json::from_str(text).map_err(|error| Error::store("the stored findings cannot be read").caused_by(error))
    };
    let mut findings = read(interchange.findings.as_deref().unwrap_or(""))?;
    let mut decided = Vec::new();
    for document in list {
        findings.extend(read(&document.findings)?);
        decided.push(DecidedDocument {
            document: DocumentId(document.id),
            document_type: document.document_type.clone(),
            number: document.number.clone(),
            disposition: document.disposition.clone(),
        });
    }
    Ok(Decided {
        interchange: InterchangeId(interchange.id),
        state: interchange.state.clone(),
        disposition: interchange.disposition.clone(),
        findings,
        documents: decided,
    })
}

fn partners(directory: &Directory) -> Vec<Partner> {
    let partner = |organisation: &&crate::document::directory::Organisation| Partner {
        id: OrganisationId(organisation.id),
        short: organisation.short.clone(),
        active: organisation.active,
        profile: serde_json::from_str(&organisation.profile).unwrap_or_default(),
    };
    directory.organisations().iter().map(partner).collect()
}

async fn agreements(hub: &Arc<Hub>) -> Result<Vec<AgreementWords>> {
    let rows = hub.store.read(parties::agreements).await?;
    rows.into_iter()
        .filter(|row| row.status != "superseded")
        .map(|row| {
            let terms = serde_json::from_str(&row.body)
                .map_err(|error| Error::store("a stored agreement cannot be read").caused_by(error))?;
            Ok(AgreementWords { id: AgreementId(row.id), version: row.version, terms })
        })
        .collect()
}

async fn account_list(hub: &Arc<Hub>) -> Result<Vec<AccountWords>> {
    let rows = hub.store.read(accounts::list).await?;
    let directory = hub.directory();
    let words = |row: accounts::AccountRow| AccountWords {
        login: row.login,
        name: row.name,
        role: row.role,
        party: directory.organisation(row.organisation_id).map_or(String::new(), |party| party.short.clone()),
        language: row.language,
        status: row.status,
        password: !row.password.is_empty(),
    };
    Ok(rows.into_iter().map(words).collect())
}

async fn credential_list(hub: &Arc<Hub>) -> Result<Vec<CredentialWords>> {
    let rows = hub.store.read(parties::credentials).await?;
    let directory = hub.directory();
    let words = |row: CredentialRow| CredentialWords {
        id: KeyId(row.id),
        party: directory.organisation(row.organisation_id).map_or(String::new(), |party| party.short.clone()),
        kind: row.kind,
        label: row.label,
        signed: !row.secret_name.is_empty(),
        created_ms: row.created_ms,
        ended_ms: row.ended_ms,
    };
    Ok(rows.into_iter().map(words).collect())
}

async fn new_key(hub: &Arc<Hub>, party: &str, label: &str, signed: bool) -> Result<NewKey> {
    let random = SystemRandom::new();
    let (key, digest) = keys::new_api_key(&random)?;
    let secret = if signed { Some(webhook::new_secret(&random)?) } else { None };
    let id = new_credential(hub, party, "key", label.to_owned(), digest.to_vec(), secret.as_ref()).await?;
    let signing_secret = secret.map(|secret| secret.expose().to_owned());
    Ok(NewKey { id, key: key.expose().to_owned(), signing_secret })
}

async fn new_credential(
    hub: &Arc<Hub>,
    party: &str,
    kind: &str,
    label: String,
    digest: Vec<u8>,
    secret: Option<&Secret>,
) -> Result<KeyId> {
    let organisation_id = known(hub, party)?;
    let id = KeyId(hub.next_id());
    let secret_name = secret.map_or(String::new(), |_| format!("key/{id}"));
    let sealed = secret.map(|secret| hub.sealer.seal(&secret_name, secret)).transpose()?;
    let created_ms = hub.clock.now_ms();
    let row = CredentialRow {
        id: id.0,
        organisation_id,
        kind: kind.to_owned(),
        digest,
        label,
        secret_name,
        created_ms,
        ended_ms: None,
    };
    let written = hub
        .store
        .write(move |tx| {
            if let Some(sealed) = &sealed {
                parties::put_secret(tx, &row.secret_name, sealed, created_ms)?;
            }
            parties::put_credential(tx, &row)?;
            parties::raise_version(tx)
        })
        .await;
    match written {
        Err(error) if crate::store::is_unique_violation(&error) => {
            Err(Error::config("that certificate is taken for a partner already"))
        }
        other => {
            other?;
            hub.refresh_directory().await?;
            Ok(id)
        }
    }
}

async fn put_secret(hub: &Arc<Hub>, name: &str, value: &Secret) -> Result<()> {
    if name.is_empty() || name.len() > 128 || value.is_empty() {
        return Err(Error::config("a secret needs a name of at most 128 bytes and a value"));
    }
    let sealed = hub.sealer.seal(name, value)?;
    let (name, now_ms) = (name.to_owned(), hub.clock.now_ms());
    hub.store
        .write(move |tx| {
            parties::put_secret(tx, &name, &sealed, now_ms)?;
            parties::raise_version(tx)
        })
        .await?;
    hub.refresh_directory().await
}
