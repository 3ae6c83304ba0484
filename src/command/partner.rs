//! `dure partner`: organisations. A change is a Party document of the centre, decided by the pipeline.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::administer::{Partner, Wish};
use super::call::Call;
use super::out::{Outcome, read_file};
use super::reach::{Reach, Target};
use crate::document::party::ROLES;
use crate::error::{Error, Result};
use crate::model::party_id::PartyId;

/// Companies the hub knows: add, show, list, end
#[derive(Subcommand, Debug)]
pub(super) enum Verb {
    Add(Add),
    End(End),
    List(List),
    Show(Show),
}

/// Make a partner, or change one: what is not said stays as it is
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    dure partner add pyobon-precision --name '표본정밀(주)' --role producer --id gln:8801234500012 --mail edi@example.com\n  \
    dure partner add pyobon-precision --language en\n  \
    dure partner add --file profile.json\n\n\
    Identifiers are written scheme:value: gln, brn (Korean business registration number), duns, vat. A wrong check digit is refused.")]
pub(super) struct Add {
    /// Short name: letters, digits, - and _
    #[arg(required_unless_present = "file")]
    short: Option<String>,
    /// Name people read
    #[arg(long)]
    name: Option<String>,
    /// What it does; may be given several times
    #[arg(long = "role", value_name = "ROLE", value_parser = clap::builder::PossibleValuesParser::new(ROLES))]
    roles: Vec<String>,
    /// An identifier, gln:8801234500012; may be given several times
    #[arg(long = "id", value_name = "SCHEME:VALUE")]
    identifiers: Vec<PartyId>,
    /// Language it is answered in
    #[arg(long, value_parser = ["ko", "en"])]
    language: Option<String>,
    /// Where notices go
    #[arg(long, value_name = "ADDRESS")]
    mail: Option<String>,
    /// A whole profile as a Party document in JSON, `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["short", "name", "roles", "identifiers", "language", "mail"])]
    file: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

/// End a partner: it keeps its history and sends and receives no more
#[derive(Args, Debug)]
pub(super) struct End {
    /// Short name
    short: String,
    #[command(flatten)]
    target: Target,
}

/// List partners
#[derive(Args, Debug)]
pub(super) struct List {}

/// Show a partner's profile
#[derive(Args, Debug)]
pub(super) struct Show {
    /// Short name
    short: String,
}

impl Verb {
    /// Runs it.
    pub(super) async fn run(self, call: &Call) -> Result<Outcome> {
        match self {
            Verb::Add(verb) => verb.run(call).await,
            Verb::End(verb) => verb.run(call).await,
            Verb::List(_) => list(call).await,
            Verb::Show(verb) => {
                let partner = find(&Reach::local(call).await?, &verb.short).await?;
                call.out.json(&partner)?;
                Ok(Outcome::Good)
            }
        }
    }
}

impl Add {
    async fn run(self, call: &Call) -> Result<Outcome> {
        let reach = Reach::find(call, &self.target).await?;
        let document = match &self.file {
            Some(file) => document_of(&read_file(file, 1 << 20)?, "Party")?,
            None => self.profile(&reach).await?,
        };
        reach.submit(&call.out, document).await
    }

    /// The profile as it is, with what the call says.
    async fn profile(self, reach: &Reach) -> Result<Value> {
        let short = self.short.unwrap_or_default();
        let known = match reach {
            // A hub elsewhere is told the whole profile.
            Reach::Remote(_) => None,
            _ => all(reach).await?.into_iter().find(|partner| partner.short == short),
        };
        let mut profile = known.map_or_else(|| json!({ "id": short }), |partner| partner.profile);
        let Some(fields) = profile.as_object_mut() else { return Err(Error::bug("a profile that is no object")) };
        fields.insert("type".to_owned(), "Party".into());
        fields.insert("status".to_owned(), "active".into());
        if let Some(name) = self.name {
            fields.insert("name".to_owned(), name.into());
        }
        if !self.roles.is_empty() {
            fields.insert("roles".to_owned(), self.roles.into());
        }
        if !self.identifiers.is_empty() {
            let list: Vec<String> = self.identifiers.iter().map(ToString::to_string).collect();
            fields.insert("identifiers".to_owned(), list.into());
        }
        if let Some(language) = self.language {
            fields.insert("language".to_owned(), language.into());
        }
        if let Some(mail) = self.mail {
            let contact = fields.entry("contact").or_insert_with(|| Value::Object(Map::new()));
            if let Some(contact) = contact.as_object_mut() {
                contact.insert("electronic_mail".to_owned(), mail.into());
            }
        }
        Ok(profile)
    }
}

impl End {
    async fn run(self, call: &Call) -> Result<Outcome> {
        let reach = Reach::find(call, &self.target).await?;
        let partner = find(&reach, &self.short).await?;
        reach.submit(&call.out, ended(partner.profile, "Party")).await
    }
}

async fn list(call: &Call) -> Result<Outcome> {
    let out = &call.out;
    let partners = all(&Reach::local(call).await?).await?;
    if out.json {
        out.json(&partners)?;
        return Ok(Outcome::Good);
    }
    let words = |value: &Value| -> String {
        let list = value.as_array().map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
    };
    let row = |partner: &Partner| {
        let profile = &partner.profile;
        let state = if partner.active { "active" } else { "ended" };
        let name = profile["name"].as_str().unwrap_or("").to_owned();
        [partner.short.clone(), name, words(&profile["roles"]), words(&profile["identifiers"]), state.to_owned()]
    };
    let rows: Vec<_> = partners.iter().map(row).collect();
    out.table(["SHORT", "NAME", "ROLES", "IDENTIFIERS", "STATE"], &rows)?;
    Ok(Outcome::Good)
}

async fn all(reach: &Reach) -> Result<Vec<Partner>> {
    reach.ask(Wish::Partners, |_| {}).await
}

async fn find(reach: &Reach, short: &str) -> Result<Partner> {
    let partners = all(reach).await?;
    let names: Vec<_> = partners.iter().map(|partner| partner.short.clone()).collect();
    partners
        .into_iter()
        .find(|partner| partner.short == short)
        .ok_or_else(|| Error::config(format!("no partner is called {short}; there are {}", names.join(", "))))
}

/// A document of ours from a file: JSON with or without its type.
pub(super) fn document_of(bytes: &[u8], document_type: &str) -> Result<Value> {
    let wrong = |error| Error::config(format!("the file is no {document_type} document in JSON")).caused_by(error);
    let mut fields: Map<String, Value> = serde_json::from_slice(bytes).map_err(wrong)?;
    fields.entry("type").or_insert_with(|| document_type.into());
    Ok(Value::Object(fields))
}

/// The same document, ended.
pub(super) fn ended(mut document: Value, document_type: &str) -> Value {
    if let Some(fields) = document.as_object_mut() {
        fields.insert("type".to_owned(), document_type.into());
        fields.insert("status".to_owned(), "ended".into());
    }
    document
}
