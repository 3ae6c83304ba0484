//! A hub for measuring: a fresh folder, one centre, one buyer, one producer, one seller, their agreements, one key.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use ring::rand::SystemRandom;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::config::{Config, Database};
use crate::error::{Error, Result};
use crate::model::disposition::Transport;
use crate::model::secret::Secret;
use crate::pipeline::hub::Hub;
use crate::pipeline::receive::Receipt;
use crate::pipeline::worker;
use crate::serve::{self, Parts, Running};
use crate::store::parties::{self, CredentialRow};
use crate::transport::keys;

/// A hub that runs, and what a partner needs to talk to it.
pub(super) struct Setting {
    /// The hub.
    pub(super) running: Running,
    /// The buyer's key.
    pub(super) key: String,
}

/// Starts it. `deliver_to` is where the producer takes its parts.
pub(super) async fn start(
    folder: &Path,
    database: Database,
    parts: Parts,
    deliver_to: &str,
    format: &str,
) -> Result<Setting> {
    let mut config = Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        data: folder.to_owned(),
        database,
        ..Config::default()
    };
    config.http_out.allow_private = vec!["127.0.0.0/8".parse().map_err(|_| Error::bug("the loopback range"))?];
    std::fs::create_dir_all(folder)?;
    let random = SystemRandom::new();
    if !config.sealing_key_file().exists() {
        keys::create_sealing_key(&config.sealing_key_file(), &random)?;
    }
    let running = serve::start_parts(config, Clock::System, parts).await?;
    let hub = running.hub();
    let mut documents = vec![json!({"type": "Party", "id": "centre", "name": "centre", "roles": ["centre"]})];
    for (id, gln) in [("buyer", "8801234500012"), ("producer", "8801234500029"), ("seller", "8801234500043")] {
        documents
            .push(json!({"type": "Party", "id": id, "name": id, "roles": [id], "identifiers": [format!("gln:{gln}")]}));
    }
    for (party, direction, kind, format) in [
        ("buyer", "in", "Order", "ubl-2.1"),
        ("producer", "in", "Catalogue", "dure-json"),
        ("producer", "out", "Order", format),
    ] {
        documents.push(json!({"type": "Agreement", "id": format!("{party}-{direction}-{kind}"), "party": party,
            "direction": direction, "document_type": kind, "format": format, "address": deliver_to}));
    }
    for document in &documents {
        let centre = hub.directory().centre().map_or(0, |centre| centre.id);
        submit(&running, centre, centre, document).await?;
    }
    let directory = hub.directory();
    let id = |short: &str| directory.by_short(short).map_or(0, |organisation| organisation.id);
    let (centre_id, buyer_id, producer_id) = (id("centre"), id("buyer"), id("producer"));
    let lines: Vec<Value> = (1..=20)
        .map(|number| {
            json!({"id": number.to_string(), "orderable_unit": "EA",
                "item": {"name": format!("item {number}"), "sellers_item_id": {"value": format!("SKU-{number:05}")},
                    "standard_item_id": {"value": gtin(number)}},
                "price": {"amount": {"value": "12500", "currency": "KRW"}}})
        })
        .collect();
    submit(&running, producer_id, centre_id, &json!({"type": "Catalogue", "id": "CAT-1", "lines": lines})).await?;
    let key = new_key(hub, buyer_id).await?;
    Ok(Setting { key, running })
}

impl Setting {
    /// A key of the producer, with which catalogues are sent.
    pub(super) async fn producer_key(&self) -> Result<String> {
        let hub = self.running.hub();
        let producer_id = hub.directory().by_short("producer").map_or(0, |organisation| organisation.id);
        new_key(hub, producer_id).await
    }
}

async fn new_key(hub: &Arc<Hub>, organisation_id: i64) -> Result<String> {
    let (key, digest) = keys::new_api_key(&SystemRandom::new())?;
    let credential = CredentialRow {
        id: hub.next_id(),
        organisation_id,
        kind: "key".to_owned(),
        digest: digest.to_vec(),
        label: "bench".to_owned(),
        secret_name: String::new(),
        created_ms: hub.clock.now_ms(),
        ended_ms: None,
    };
    hub.store
        .write(move |tx| {
            parties::put_credential(tx, &credential)?;
            parties::raise_version(tx)
        })
        .await?;
    hub.refresh_directory().await?;
    Ok(exposed(&key))
}

fn exposed(key: &Secret) -> String {
    key.expose().to_owned()
}

async fn submit(running: &Running, organisation_id: i64, centre_id: i64, document: &Value) -> Result<()> {
    let hub = running.hub();
    let receipt = Receipt {
        organisation_id,
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
    worker::run_once(hub).await?;
    let found = hub.wait_decided(received.id(), 10_000).await?;
    match found.and_then(|found| found.disposition) {
        Some(word) if word == "accepted" => Ok(()),
        other => Err(Error::bug(format!("setting up the bench: {document} was {other:?}"))),
    }
}

/// A GTIN-13 of the sample range with its check digit.
pub(super) fn gtin(number: u32) -> String {
    let body = format!("880123460{number:03}");
    let sum: u32 =
        body.chars().rev().zip([3, 1].into_iter().cycle()).filter_map(|(c, w)| Some(c.to_digit(10)? * w)).sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// A UBL 2.1 Order of about 4 KB with that number.
pub(super) fn order(number: u64, out: &mut Vec<u8>) {
    use std::io::Write;
    const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Order xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2" xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2" xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
  <cbc:UBLVersionID>2.1</cbc:UBLVersionID>
"#;
    const PARTIES: &str = r#"  <cac:BuyerCustomerParty><cac:Party><cbc:EndpointID schemeID="GLN">8801234500012</cbc:EndpointID><cac:PartyName><cbc:Name>표본상사</cbc:Name></cac:PartyName></cac:Party></cac:BuyerCustomerParty>
  <cac:SellerSupplierParty><cac:Party><cbc:EndpointID schemeID="GLN">8801234500043</cbc:EndpointID><cac:PartyName><cbc:Name>표본유통</cbc:Name></cac:PartyName></cac:Party></cac:SellerSupplierParty>
"#;
    // Writing to memory does not fail.
    let mut put = |text: std::fmt::Arguments<'_>| drop(out.write_fmt(text));
    put(format_args!(
        "{HEAD}  <cbc:ID>PO-{number:09}</cbc:ID>\n  <cbc:IssueDate>2026-11-24</cbc:IssueDate>\n  <cbc:DocumentCurrencyCode>KRW</cbc:DocumentCurrencyCode>\n{PARTIES}"
    ));
    for line in 1..=5_u32 {
        let item = (number % 4) as u32 * 5 + line;
        put(format_args!(
            r#"  <cac:OrderLine>
    <cac:LineItem>
      <cbc:ID>{line}</cbc:ID>
      <cbc:Quantity unitCode="EA">{line}</cbc:Quantity>
      <cbc:LineExtensionAmount currencyID="KRW">{amount}</cbc:LineExtensionAmount>
      <cac:Price><cbc:PriceAmount currencyID="KRW">12500</cbc:PriceAmount></cac:Price>
      <cac:Item><cbc:Name>item {item}</cbc:Name><cac:SellersItemIdentification><cbc:ID>SKU-{item:05}</cbc:ID></cac:SellersItemIdentification><cac:StandardItemIdentification><cbc:ID schemeID="0160">{gtin}</cbc:ID></cac:StandardItemIdentification></cac:Item>
    </cac:LineItem>
  </cac:OrderLine>
"#,
            amount = line * 12_500,
            gtin = gtin(item)
        ));
    }
    put(format_args!("</Order>\n"));
}
