//! `dure init DIR`: a hub of one's own: commented configuration, folders, sealing key, database, and the first documents,
//! which come from the machine itself: the centre and its administrator.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use ring::rand::SystemRandom;
use serde_json::{Value, json};

use super::administer::{Deciding, Teller, Wish, grant, submit};
use super::call::{Call, environment};
use super::out::{Out, Outcome};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::error::{Context, Error, Result};
use crate::model::secret::Secret;
use crate::pipeline::hub::Hub;
use crate::portal::password;
use crate::serve;
use crate::transport::keys;

/// Make a hub: dure.toml, folders, keys, an administrator account
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  dure init shop --name '충청 표본센터'\n  cd shop\n  dure serve\n\n\
    DURE_… environment variables hold here as they do for `serve`: DURE_DATABASE=postgres://… makes the tables there.")]
pub struct Init {
    /// The folder, made if it is not there
    dir: PathBuf,
    /// Name of the centre that runs the hub
    #[arg(long, default_value = "Centre")]
    name: String,
    /// Its short name
    #[arg(long, default_value = "centre")]
    short: String,
    /// Its identifiers, gln:…, brn:…
    #[arg(long = "id", value_name = "SCHEME:VALUE")]
    identifiers: Vec<crate::model::party_id::PartyId>,
    /// Sign-in name of its administrator
    #[arg(long, default_value = "admin")]
    admin: String,
    /// Language of both
    #[arg(long, value_parser = ["ko", "en"])]
    language: Option<String>,
}

impl Init {
    /// Runs it.
    pub async fn run(self, call: &Call) -> Result<Outcome> {
        let out = &call.out;
        let file = self.dir.join("dure.toml");
        let config = prepare(&self.dir, &file)?;
        let lock = serve::try_lock_folder(&config.data)?;
        let _lock = lock.ok_or_else(|| Error::config(format!("a hub runs on {}", config.data.display())))?;
        let data = config.data.clone();
        let hub = serve::open_hub(config, Clock::System).await?;
        let language = self.language.as_deref().unwrap_or(out.language.as_str());
        let centre = json!({ "id": self.short, "name": self.name, "roles": ["centre"], "language": language,
            "identifiers": self.identifiers.iter().map(ToString::to_string).collect::<Vec<_>>() });
        let made = first_documents(&hub, centre, &self.admin, language).await?;
        hub.stop();
        if out.json {
            out.json(&json!({ "config": file, "data": data, "centre": self.short, "login": self.admin,
                "password": made.expose() }))?;
            return Ok(Outcome::Good);
        }
        told(out, &self.dir, &file, &data, &self.admin, &made)?;
        Ok(Outcome::Good)
    }
}

fn told(out: &Out, dir: &Path, file: &Path, data: &Path, admin: &str, password: &Secret) -> Result<()> {
    let once = out.say("지금 한 번만 보입니다", "shown this once");
    out.line(format!("{:<14} {}", out.say("설정", "configuration"), file.display()))?;
    out.line(format!("{:<14} {}", out.say("자료", "data"), data.display()))?;
    out.line(format!("{:<14} {admin}", out.say("관리자", "administrator")))?;
    out.line(format!("{:<14} {}  ({once})", out.say("비밀번호", "password"), password.expose()))?;
    out.remark(out.say(
        "sealing.key 없이는 봉인한 비밀을 열 수 없습니다. 백업과 따로, 안전한 곳에 사본을 두십시오.",
        "Without sealing.key no sealed secret opens again: keep a copy of it, apart from the backups.",
    ));
    out.remark(format!("{}: cd {} && dure serve", out.say("다음", "next"), dir.display()));
    Ok(())
}

/// Writes what is not there yet and gives the configuration in effect. An existing dure.toml is not touched.
fn prepare(dir: &Path, file: &Path) -> Result<Config> {
    let exists = || Error::config(format!("{} is there already; init changes nothing that exists", file.display()));
    std::fs::create_dir_all(dir).context(|| format!("make the folder {}", dir.display()))?;
    // Before anything is written: what is wrong with the environment is told first.
    Config::parse(config::TEMPLATE, environment())?;
    match std::fs::File::create_new(file) {
        Ok(mut new) => {
            use std::io::Write;
            new.write_all(config::TEMPLATE.as_bytes()).context(|| format!("write {}", file.display()))?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(exists()),
        Err(error) => return Err(error).context(|| format!("write {}", file.display())),
    }
    let config = Config::load(Some(file), environment())?;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data)
        .context(|| format!("make the folder {}", config.data.display()))?;
    if config.keys.sealing_key.is_empty() && !config.sealing_key_file().exists() {
        keys::create_sealing_key(&config.sealing_key_file(), &SystemRandom::new())?;
    }
    Ok(config)
}

/// The centre and its administrator; gives the administrator's password. For a store that has neither.
pub(super) async fn first_documents(hub: &Arc<Hub>, centre: Value, admin: &str, language: &str) -> Result<Secret> {
    if let Some(centre) = hub.directory().centre() {
        return Err(Error::config(format!("this store has a centre already: {}", centre.name)));
    }
    let short = centre["id"].as_str().unwrap_or("").to_owned();
    accepted(hub, typed(centre, "Party")).await?;
    let account = json!({ "type": "Account", "id": admin, "name": admin, "role": "administrator", "party": short,
        "language": language });
    accepted(hub, account).await?;
    let password = password::new()?;
    let hash = password::hash(&password)?;
    let (tell, _told) = Teller::new();
    grant(hub, Wish::SetPassword { login: admin.to_owned(), hash }, Deciding::Here, tell).await?;
    Ok(password)
}

/// Hands in a document of ours that must be in effect afterwards.
async fn accepted(hub: &Arc<Hub>, document: Value) -> Result<()> {
    let decided = submit(hub, &document, Deciding::Here).await?;
    if decided.is_good() {
        return Ok(());
    }
    let said: Vec<_> = decided
        .findings
        .iter()
        .map(|finding| format!("{}: {}", finding.place, finding.text(crate::model::finding::Language::En)))
        .collect();
    Err(Error::config(format!(
        "the {} was not accepted: {}",
        document["type"].as_str().unwrap_or("document"),
        said.join("; ")
    )))
}

fn typed(mut document: Value, document_type: &str) -> Value {
    if let Some(fields) = document.as_object_mut() {
        fields.insert("type".to_owned(), document_type.into());
    }
    document
}
