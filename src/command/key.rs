//! `dure key`: how partners' systems prove who they are: API keys, secrets for signed requests, client certificates.
//! Keys are no documents; they are shown once and kept as their SHA-256.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ring::digest::{SHA256, digest};

use super::administer::{CredentialWords, NewKey, Wish};
use super::call::Call;
use super::out::Outcome;
use super::reach::Reach;
use crate::error::{Error, Result};
use crate::model::id::KeyId;
use crate::transport::trust;

/// API keys and client certificates of partners: add, list, end
#[derive(Subcommand, Debug)]
pub(super) enum Verb {
    Add(Add),
    End(End),
    List(List),
}

/// Make an API key and print it, this once; or take a client certificate
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  export DURE_KEY=$(dure key add acme)\n  dure key add acme --webhook --json\n  \
    dure key add acme --certificate acme.pem\n\n\
    The key alone is printed on standard output, what belongs to it on standard error.")]
pub(super) struct Add {
    /// The partner's short name
    party: String,
    /// What it is called in lists
    #[arg(long, default_value = "")]
    label: String,
    /// Make a secret for signed requests as well (Standard Webhooks, whsec_…)
    #[arg(long)]
    webhook: bool,
    /// Take this client certificate (PEM) instead of making a key
    #[arg(long, value_name = "FILE", conflicts_with = "webhook")]
    certificate: Option<PathBuf>,
}

/// End a key or certificate, at once
#[derive(Args, Debug)]
pub(super) struct End {
    /// Its id, key_…
    #[arg(value_parser = key_id)]
    id: KeyId,
}

/// List keys and certificates
#[derive(Args, Debug)]
pub(super) struct List {
    /// Only those of this partner
    #[arg(long)]
    party: Option<String>,
}

fn key_id(text: &str) -> Result<KeyId, String> {
    text.parse().map_err(|()| "an id begins with key_, see `dure key list`".to_owned())
}

impl Verb {
    /// Runs it.
    pub(super) async fn run(self, call: &Call) -> Result<Outcome> {
        let reach = Reach::local(call).await?;
        match self {
            Verb::Add(verb) => verb.run(call, &reach).await,
            Verb::End(verb) => {
                let () = reach.ask(Wish::EndCredential { id: verb.id }, |_| {}).await?;
                call.out.remark(format!("{} {}", verb.id, call.out.say("종료했습니다", "ended")));
                Ok(Outcome::Good)
            }
            Verb::List(verb) => verb.run(call, &reach).await,
        }
    }
}

impl Add {
    async fn run(self, call: &Call, reach: &Reach) -> Result<Outcome> {
        let out = &call.out;
        let (party, label) = (self.party, self.label);
        if let Some(file) = &self.certificate {
            let certificates = trust::certificates(file)?;
            let first = certificates.first().ok_or_else(|| Error::config("the file holds no certificate"))?;
            let digest = digest(&SHA256, first).as_ref().to_vec();
            let id: KeyId = reach.ask(Wish::NewCertificate { party, label, digest }, |_| {}).await?;
            out.line(id)?;
            return Ok(Outcome::Good);
        }
        let signed = self.webhook;
        let made: NewKey = reach.ask(Wish::NewKey { party, label, signed }, |_| {}).await?;
        if out.json {
            out.json(&made)?;
            return Ok(Outcome::Good);
        }
        out.line(&made.key)?;
        if let Some(secret) = &made.signing_secret {
            out.line(secret)?;
        }
        let once = out.say("키는 지금 한 번만 보입니다", "the key is shown this once");
        out.remark(format!("{}: {once}", made.id));
        Ok(Outcome::Good)
    }
}

impl List {
    async fn run(self, call: &Call, reach: &Reach) -> Result<Outcome> {
        let out = &call.out;
        let mut list: Vec<CredentialWords> = reach.ask(Wish::Credentials, |_| {}).await?;
        list.retain(|one| self.party.as_deref().is_none_or(|party| one.party == party));
        if out.json {
            out.json(&list)?;
            return Ok(Outcome::Good);
        }
        let row = |one: &CredentialWords| {
            let kind = if one.signed { format!("{}, signing", one.kind) } else { one.kind.clone() };
            let state = if one.ended_ms.is_some() { "ended" } else { "active" };
            [one.id.to_string(), one.party.clone(), kind, one.label.clone(), state.to_owned()]
        };
        let rows: Vec<_> = list.iter().map(row).collect();
        out.table(["ID", "PARTNER", "KIND", "LABEL", "STATE"], &rows)?;
        Ok(Outcome::Good)
    }
}
