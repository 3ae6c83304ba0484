//! The demo's world: folder, hub, companies, keys, accounts, and the partners' systems around the hub.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ring::rand::SystemRandom;
use serde_json::{Value, json};

use super::parties::{
    ACCOUNTS, Addresses, BUYER, CENTRE, COURIER, Company, ELECTRONICS, ORDERS_BY_MAIL, PRECISION, SELLER, agreements,
};
use crate::clock::Clock;
use crate::command::administer::{Deciding, NewKey, Teller, Wish, grant, submit};
use crate::command::client::Client;
use crate::command::control;
use crate::command::out::Out;
use crate::command::simulate::answer::{Answer, Rule};
use crate::command::simulate::courier::Caller;
use crate::command::simulate::courier_desk::{Desk, Manner};
use crate::command::simulate::courier_script::{Answering, Answers};
use crate::command::simulate::mailbox::{Mailbox, Tls};
use crate::command::simulate::partner::{Contrl, Settings, Simulated};
use crate::config::Config;
use crate::error::{Context, Error, Kind, Result};
use crate::model::finding::Language;
use crate::model::party_id::PartyId;
use crate::model::secret::Secret;
use crate::pipeline::hub::Hub;
use crate::portal::password;
use crate::serve::{self, Running};
use crate::transport::courier::Profile;
use crate::transport::mail_client::Protection;
use crate::transport::{keys, webhook};

/// When the day is closed in the demo: every five seconds.
const CLOSE_DAY: &str = "*/5 * * * * *";
/// The first port tried, and how many after it.
const FIRST_PORT: u16 = 7373;
const PORTS: u16 = 200;

/// The files that the companies send, kept in the folder so that commands can name them.
pub(super) const FILES: &[(&str, &[u8])] = &[
    ("catalogue-precision.xml", include_bytes!("../../../samples/demo/catalogue-precision.xml")),
    ("catalogue-electronics.csv", include_bytes!("../../../samples/demo/catalogue-electronics.csv")),
    ("order.xml", include_bytes!("../../../samples/demo/order.xml")),
    ("order.xlsx", include_bytes!("../../../samples/demo/order.xlsx")),
];

/// A company with its key and its system.
pub(super) struct Actor {
    /// Who it is.
    pub(super) company: Company,
    /// Its key, to be shown in commands.
    pub(super) key: String,
    /// A client with its key.
    pub(super) client: Client,
    /// Its system.
    pub(super) system: Simulated,
}

/// Everything that runs.
pub(super) struct World {
    /// The folder.
    pub(super) folder: PathBuf,
    /// The hub's address.
    pub(super) url: String,
    /// The mailbox' pages.
    pub(super) mails: String,
    /// Passwords in the order of [`ACCOUNTS`].
    pub(super) passwords: Vec<Secret>,
    /// The buyer.
    pub(super) buyer: Actor,
    /// The producer of measuring tools.
    pub(super) precision: Actor,
    /// The producer of instruments.
    pub(super) electronics: Actor,
    /// The seller.
    pub(super) seller: Actor,
    /// The courier.
    pub(super) courier: Caller,
    /// Where the courier takes bookings.
    pub(super) desk: Desk,
    _answering: Answering,
    /// The mailbox.
    pub(super) mailbox: Mailbox,
    /// The hub.
    pub(super) running: Running,
}

impl World {
    /// Makes it.
    pub(super) async fn set_up(out: &Out, folder: &Path, listen: Option<SocketAddr>) -> Result<World> {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mailbox = Mailbox::start(local(0), Some(local(0)), Tls::None, Clock::System).await?;
        let mails = format!("http://{}", mailbox.pages.unwrap_or(local(0)));
        let (desk, answering) = desk(folder).await?;
        let config = configuration(folder, listen.unwrap_or_else(free_address), &mailbox)?;
        let language = out.language;
        let running = serve::start(config, Clock::System).await?;
        let hub = running.hub();
        let url = format!("http://{}", running.address());

        accepted(hub, CENTRE.profile(language.as_str())).await?;
        for company in [BUYER, PRECISION, ELECTRONICS, SELLER, COURIER] {
            accepted(hub, company.profile(language.as_str())).await?;
        }
        let secret = webhook::new_secret(&SystemRandom::new())?;
        put_secret(hub, &format!("courier:{}", COURIER.short), &secret).await?;
        let courier = Caller::new(url.clone(), secret, Clock::System)?;
        let buyer = actor(hub, &url, BUYER, 0).await?;
        let precision = actor(hub, &url, PRECISION, 68_123_456_001).await?;
        let electronics = actor(hub, &url, ELECTRONICS, 68_123_460_101).await?;
        let seller = actor(hub, &url, SELLER, 0).await?;
        let address = |actor: &Actor| format!("http://{}/", actor.system.address);
        let (at_buyer, at_precision) = (address(&buyer), address(&precision));
        let (at_electronics, at_seller) = (address(&electronics), address(&seller));
        let addresses =
            Addresses { buyer: &at_buyer, precision: &at_precision, electronics: &at_electronics, seller: &at_seller };
        for agreement in agreements(&addresses) {
            accepted(hub, agreement).await?;
        }
        let passwords = accounts(hub, language).await?;
        let folder = folder.to_owned();
        Ok(World {
            folder,
            url,
            mails,
            passwords,
            buyer,
            precision,
            electronics,
            seller,
            courier,
            desk,
            _answering: answering,
            mailbox,
            running,
        })
    }

    /// The path of a file that a company sends.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Where the demo's profile of the courier is kept in its folder.
const PROFILE: &str = "sample-courier.toml";

/// The courier's desk at a free port, and its profile with that address written into the folder.
async fn desk(folder: &Path) -> Result<(Desk, Answering)> {
    let text = include_str!("../../../mappings/couriers/sample-courier.toml");
    let profile = Profile::parse(text)?;
    let desk = Desk::new(profile.clone(), Manner::Take, 68_123_456_001);
    let answers = Answers::new(profile).with_desk(desk.clone());
    let answering = answers.start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let text = text.replace("127.0.0.1:2590", &answering.address.to_string());
    std::fs::write(folder.join(PROFILE), text).context(|| format!("write {PROFILE}"))?;
    Ok((desk, answering))
}

/// The configuration of the demo, written into its folder, so that `dure serve --config` goes on with it.
fn configuration(folder: &Path, listen: SocketAddr, mailbox: &Mailbox) -> Result<Config> {
    let mut config = Config { listen, data: folder.join("data"), ..Config::default() };
    let here = Ipv4Addr::LOCALHOST.to_string();
    config.mail_out.relay = here.clone();
    config.mail_out.port = mailbox.smtp.port();
    config.mail_out.protection = Protection::None;
    config.mail_out.from = "hub@chungcheong.example".to_owned();
    config.mail_in.listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    config.mail_in.recipients = vec![ORDERS_BY_MAIL.to_owned()];
    config.couriers = vec![folder.join(PROFILE)];
    config.http_out.allow_private = vec![here.parse().map_err(|error: String| Error::bug(error))?];
    config.jobs.insert("close_day".to_owned(), CLOSE_DAY.to_owned());
    for (name, bytes) in FILES {
        std::fs::write(folder.join(name), bytes).context(|| format!("write {name}"))?;
    }
    std::fs::write(folder.join("dure.toml"), config.effective()).context(|| "write dure.toml")?;
    // The lock is the hub's; only the folder has to be there for the key.
    drop(serve::lock_folder(&config.data)?);
    if !config.sealing_key_file().exists() {
        keys::create_sealing_key(&config.sealing_key_file(), &SystemRandom::new())?;
    }
    Ok(config)
}

/// The first free port; another process may still be faster.
fn free_address() -> SocketAddr {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let free = |address: &SocketAddr| std::net::TcpListener::bind(address).is_ok();
    (FIRST_PORT..FIRST_PORT + PORTS).map(at).find(free).unwrap_or_else(|| at(0))
}

/// Hands in a document of the centre that must be in effect afterwards.
async fn accepted(hub: &Arc<Hub>, document: Value) -> Result<()> {
    let decided = submit(hub, &document, Deciding::ByWorkers).await?;
    if decided.is_good() {
        return Ok(());
    }
    let said: Vec<_> = decided.findings.iter().map(|finding| finding.text(Language::En)).collect();
    let what = format!("{} {}", document["type"].as_str().unwrap_or(""), document["id"].as_str().unwrap_or(""));
    Err(Error::new(Kind::Bug, format!("{what} of the demo is not accepted: {}", said.join("; "))))
}

async fn ask<T: serde::de::DeserializeOwned>(hub: &Arc<Hub>, wish: Wish) -> Result<T> {
    let (tell, _told) = Teller::new();
    control::read(grant(hub, wish, Deciding::ByWorkers, tell).await?)
}

async fn put_secret(hub: &Arc<Hub>, name: &str, secret: &Secret) -> Result<()> {
    ask(hub, Wish::PutSecret { name: name.to_owned(), value: secret.expose().to_owned() }).await
}

/// A company's key and system. A system that has no waybills ships nothing.
async fn actor(hub: &Arc<Hub>, url: &str, company: Company, first_waybill: u64) -> Result<Actor> {
    let wish = Wish::NewKey { party: company.short.to_owned(), label: "demo".to_owned(), signed: false };
    let made: NewKey = ask(hub, wish).await?;
    let client = Client::new(url.to_owned(), &made.key, None)?;
    let secret = webhook::new_secret(&SystemRandom::new())?;
    put_secret(hub, &company.signing_secret(), &secret).await?;
    let rule = Rule {
        answer: Answer::Accept,
        courier: PartyId::new("gln", COURIER.gln),
        courier_name: COURIER.name.to_owned(),
        first_waybill,
        // The one leaves its numbers to the courier, the other has numbers of its own.
        unbooked: company.short == PRECISION.short,
        ..Rule::default()
    };
    let settings = Settings {
        hub: client.clone(),
        secret: Some(secret),
        rule,
        contrl: Contrl::Response,
        despatches: first_waybill > 0,
        pause: Duration::from_millis(300),
        keep: None,
        clock: Clock::System,
        zone: hub.config.zone,
    };
    let system = Simulated::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), settings).await?;
    Ok(Actor { company, key: made.key, client, system })
}

/// One account per role; gives their passwords.
async fn accounts(hub: &Arc<Hub>, language: Language) -> Result<Vec<Secret>> {
    let mut passwords = Vec::new();
    for (login, role, company, name) in ACCOUNTS {
        let account = json!({ "type": "Account", "id": login, "name": name, "role": role, "party": company.short,
            "language": language.as_str() });
        accepted(hub, account).await?;
        let made = password::new()?;
        let text = made.expose().to_owned();
        let hashing = tokio::task::spawn_blocking(move || password::hash(&Secret::new(text)));
        let hash = hashing.await.map_err(|panic| Error::bug(format!("hashing: {panic}")))??;
        let () = ask(hub, Wish::SetPassword { login: (*login).to_owned(), hash }).await?;
        passwords.push(made);
    }
    Ok(passwords)
}
