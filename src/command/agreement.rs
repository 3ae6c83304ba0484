//! `dure agreement`: what is done with a partner for one document type in one direction. A change is an Agreement
//! document of the centre and makes the next version.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::administer::{AgreementWords, Wish};
use super::call::Call;
use super::out::{Outcome, read_file};
use super::partner::{document_of, ended};
use super::reach::{Reach, Target};
use crate::error::{Error, Result};
use crate::model::document_type::DocumentType;

/// What is agreed with partners: add, show, list, end
#[derive(Subcommand, Debug)]
pub(super) enum Verb {
    Add(Box<Add>),
    End(End),
    List(List),
    Show(Show),
}

/// Make an agreement, or its next version: what is not said stays as it is
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    dure agreement add acme-catalogue --party acme --in Catalogue --format csv\n  \
    dure agreement add acme-catalogue --column 우리코드=item_id --column '우리 단가=price'\n  \
    dure agreement add acme-orders --party acme --out Order --format edifact-d96a --address https://acme.example/edi --sign acme-out\n  \
    dure agreement add shop-statement --party shop --out Statement --format ubl-2.1 --address mailto:books@shop.example --seller-share 12.5\n\n\
    Formats: ubl-2.1, edifact-d96a, dure-json, csv. `--sign` and `--credential` name secrets set with `dure secret set`.")]
pub(super) struct Add {
    /// Name of the agreement
    #[arg(required_unless_present = "file")]
    name: Option<String>,
    /// The partner's short name
    #[arg(long)]
    party: Option<String>,
    /// The partner sends us this: Order, Catalogue, OrderResponse, …
    #[arg(long = "in", value_name = "TYPE", conflicts_with = "outward")]
    inward: Option<DocumentType>,
    /// We send the partner this
    #[arg(long = "out", value_name = "TYPE")]
    outward: Option<DocumentType>,
    /// Format, or a whole message name such as edifact/d96a/ORDERS
    #[arg(long)]
    format: Option<String>,
    /// Where to: https://…, http://…, mailto:…, folder:NAME, connector:NAME
    #[arg(long, value_name = "URL")]
    address: Option<String>,
    /// Secret with which what we post is signed (Standard Webhooks)
    #[arg(long, value_name = "SECRET")]
    sign: Option<String>,
    /// Secret that is the partner's own credential: bearer:TOKEN or basic:USER:PASSWORD
    #[arg(long, value_name = "SECRET")]
    credential: Option<String>,
    /// What is answered: functional is CONTRL or ApplicationResponse
    #[arg(long, value_parser = ["none", "functional", "receipt"])]
    acknowledgement: Option<String>,
    /// Character set, where the format does not say its own; EDIFACT repertoire on the way out
    #[arg(long)]
    charset: Option<String>,
    /// The partner's own word for a column of its tables, and our field: 우리코드=item_id; may be given several times
    #[arg(long = "column", value_name = "WORD=FIELD")]
    columns: Vec<String>,
    /// The seller's share of a delivered line in percent
    #[arg(long, value_name = "PERCENT")]
    seller_share: Option<Decimal>,
    /// How amounts become whole minor units
    #[arg(long, value_parser = ["half-up", "half-even", "down"])]
    rounding: Option<String>,
    /// Seconds until each retry, 5,30,120
    #[arg(long, value_name = "SECONDS", value_delimiter = ',')]
    retry: Vec<u32>,
    /// Seconds that a document may wait for its counterpart
    #[arg(long, value_name = "SECONDS")]
    patience: Option<u32>,
    /// First day it holds, 2026-01-31
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// Last day it holds
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    /// A whole Agreement document in JSON, `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "party", "inward", "outward", "format", "address"])]
    file: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

/// End an agreement
#[derive(Args, Debug)]
pub(super) struct End {
    /// Its name
    name: String,
    #[command(flatten)]
    target: Target,
}

/// List agreements
#[derive(Args, Debug)]
pub(super) struct List {
    /// Only those with this partner
    #[arg(long)]
    party: Option<String>,
}

/// Show an agreement
#[derive(Args, Debug)]
pub(super) struct Show {
    /// Its name
    name: String,
}

impl Verb {
    /// Runs it.
    pub(super) async fn run(self, call: &Call) -> Result<Outcome> {
        match self {
            Verb::Add(verb) => verb.run(call).await,
            Verb::End(verb) => {
                let reach = Reach::find(call, &verb.target).await?;
                let agreement = find(&reach, &verb.name).await?;
                reach.submit(&call.out, ended(agreement.terms, "Agreement")).await
            }
            Verb::List(verb) => verb.run(call).await,
            Verb::Show(verb) => {
                call.out.json(&find(&Reach::local(call).await?, &verb.name).await?)?;
                Ok(Outcome::Good)
            }
        }
    }
}

impl Add {
    async fn run(self, call: &Call) -> Result<Outcome> {
        let reach = Reach::find(call, &self.target).await?;
        let document = match &self.file {
            Some(file) => document_of(&read_file(file, 1 << 20)?, "Agreement")?,
            None => self.terms(&reach).await?,
        };
        reach.submit(&call.out, document).await
    }

    /// The terms as they are, with what the call says.
    async fn terms(self, reach: &Reach) -> Result<Value> {
        let name = self.name.unwrap_or_default();
        let known = match reach {
            // A hub elsewhere is told the whole agreement.
            Reach::Remote(_) => None,
            _ => all(reach).await?.into_iter().find(|agreement| agreement.terms["id"] == name.as_str()),
        };
        let mut fields = match known.map(|agreement| agreement.terms) {
            Some(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let mut set = |field: &str, value: Option<Value>| {
            if let Some(value) = value {
                fields.insert(field.to_owned(), value);
            }
        };
        let kind = |kind: DocumentType| Some(Value::from(kind.as_str()));
        set("type", Some("Agreement".into()));
        set("id", Some(name.into()));
        set("status", Some("active".into()));
        set("party", self.party.map(Value::from));
        if let Some((direction, document_type)) =
            self.inward.map(|kind| ("in", kind)).or(self.outward.map(|kind| ("out", kind)))
        {
            set("direction", Some(direction.into()));
            set("document_type", kind(document_type));
        }
        set("format", self.format.map(Value::from));
        set("address", self.address.map(Value::from));
        set("signing_secret", self.sign.map(Value::from));
        set("credential", self.credential.map(Value::from));
        set("acknowledgement", self.acknowledgement.map(Value::from));
        set("charset", self.charset.map(Value::from));
        let word = |text: &str| text.rsplit_once('=').map_or(text.to_owned(), |(word, _)| word.trim().to_owned());
        if !self.columns.is_empty() {
            // Words are added; a word that is there gets its new field.
            let had = fields.get("columns").and_then(Value::as_array).cloned().unwrap_or_default();
            let had = had
                .iter()
                .filter_map(Value::as_str)
                .filter(|text| !self.columns.iter().any(|new| word(new) == word(text)));
            let all: Vec<Value> =
                had.map(Value::from).chain(self.columns.iter().map(|text| Value::from(text.as_str()))).collect();
            fields.insert("columns".to_owned(), Value::Array(all));
        }
        let mut set = |field: &str, value: Option<Value>| {
            if let Some(value) = value {
                fields.insert(field.to_owned(), value);
            }
        };
        set("seller_share_percent", self.seller_share.map(|share| Value::from(share.to_string())));
        set("rounding", self.rounding.map(Value::from));
        set("retry_s", (!self.retry.is_empty()).then(|| Value::from(self.retry)));
        set("patience_s", self.patience.map(Value::from));
        set("valid_from", self.from.map(Value::from));
        set("valid_to", self.to.map(Value::from));
        Ok(Value::Object(fields))
    }
}

impl List {
    async fn run(self, call: &Call) -> Result<Outcome> {
        let out = &call.out;
        let mut agreements = all(&Reach::local(call).await?).await?;
        agreements.retain(|agreement| self.party.as_deref().is_none_or(|party| agreement.terms["party"] == party));
        if out.json {
            out.json(&agreements)?;
            return Ok(Outcome::Good);
        }
        let row = |agreement: &AgreementWords| {
            let text = |field: &str| agreement.terms[field].as_str().unwrap_or("").to_owned();
            let state = if text("status") == "ended" { "ended" } else { "active" };
            let version = agreement.version.to_string();
            [
                text("id"),
                version,
                text("party"),
                text("direction"),
                text("document_type"),
                text("format"),
                text("address"),
                state.to_owned(),
            ]
        };
        let rows: Vec<_> = agreements.iter().map(row).collect();
        out.table(["NAME", "VERSION", "PARTNER", "WAY", "TYPE", "FORMAT", "ADDRESS", "STATE"], &rows)?;
        Ok(Outcome::Good)
    }
}

async fn all(reach: &Reach) -> Result<Vec<AgreementWords>> {
    reach.ask(Wish::Agreements, |_| {}).await
}

async fn find(reach: &Reach, name: &str) -> Result<AgreementWords> {
    let agreements = all(reach).await?;
    agreements
        .into_iter()
        .find(|agreement| agreement.terms["id"] == name)
        .ok_or_else(|| Error::config(format!("no agreement is called {name}; see `dure agreement list`")))
}
