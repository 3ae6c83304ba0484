//! `dure doctor`: what is wrong with this machine and what to do about it. Looks, and changes nothing.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use clap::Args;
use ring::rand::SystemRandom;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::call::Call;
use super::control::Connection;
use super::expiry;
use super::out::{Out, Outcome};
use crate::clock::Clock;
use crate::config::{Config, Database};
use crate::error::{Error, Result};
use crate::model::finding::Language;
use crate::serve;
use crate::store::{Store, parties, proof};
use crate::transport::mail_client::Protection;
use crate::transport::{keys, trust};

/// Free space below which something is said, bytes.
const LITTLE_SPACE: u64 = 1 << 30;
/// Days before the end of a certificate from which on something is said.
const SOON_DAYS: i64 = 30;
/// Files that the hub has open besides connections.
const OWN_FILES: u64 = 200;
/// For the relay's greeting.
const PATIENCE: Duration = Duration::from_secs(10);

/// Say what is wrong with configuration, database, keys, certificates, mail, clock and disk, and what to do
#[derive(Args, Debug)]
#[command(
    after_help = "Exit code 1 if something is wrong. Run it where `dure serve` runs, with the same configuration."
)]
pub struct Doctor {}

/// How something stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Good,
    Warning,
    Bad,
}

/// One thing looked at.
#[derive(Debug, Serialize)]
struct Check {
    what: &'static str,
    state: State,
    found: String,
    /// What to do; empty if nothing.
    todo: String,
}

/// What was looked at so far.
#[derive(Debug, Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, what: &'static str, state: State, found: impl Into<String>, todo: impl Into<String>) {
        self.0.push(Check { what, state, found: found.into(), todo: todo.into() });
    }

    fn good(&mut self, what: &'static str, found: impl Into<String>) {
        self.add(what, State::Good, found, "");
    }
}

impl Doctor {
    /// Runs it.
    pub async fn run(self, call: &Call) -> Result<Outcome> {
        let mut checks = Checks::default();
        match call.config() {
            Ok(config) => {
                let file = call.config_path().map_or("defaults".to_owned(), |path| path.display().to_string());
                checks.good("configuration", file);
                look(&config, &mut checks).await;
            }
            Err(error) => {
                let todo = "mend the file or the variable; `dure serve --print-config` shows what is in effect";
                checks.add("configuration", State::Bad, error.to_string(), todo);
            }
        }
        let bad = checks.0.iter().any(|check| check.state == State::Bad);
        if call.out.json {
            call.out.json(&checks.0)?;
        } else {
            checks.0.iter().try_for_each(|check| print(&call.out, check))?;
        }
        Ok(Outcome::good_if(!bad))
    }
}

fn print(out: &Out, check: &Check) -> Result<()> {
    let mark = match (check.state, out.language) {
        (State::Good, Language::Ko) => "좋음",
        (State::Good, Language::En) => "good",
        (State::Warning, Language::Ko) => "주의",
        (State::Warning, Language::En) => "look",
        (State::Bad, Language::Ko) => "나쁨",
        (State::Bad, Language::En) => "BAD ",
    };
    out.line(format!("{mark}  {:<13} {}", check.what, check.found))?;
    if !check.todo.is_empty() {
        out.line(format!("{:<20} {} {}", "", "→", check.todo))?;
    }
    Ok(())
}

async fn look(config: &Config, checks: &mut Checks) {
    data_folder(config, checks);
    sealing_key(config, checks);
    database(config, checks).await;
    certificates(config, checks);
    mail(config, checks).await;
    disk(&config.data, checks);
    open_files(config, checks);
    address(config, checks);
}

fn data_folder(config: &Config, checks: &mut Checks) {
    let name = config.data.display().to_string();
    match std::fs::metadata(&config.data) {
        Err(error) => {
            let todo = "`dure init DIR` makes one, or name the configuration with --config";
            checks.add("data folder", State::Bad, format!("{name}: {error}"), todo);
        }
        Ok(found) if found.mode() & 0o077 != 0 => {
            checks.add(
                "data folder",
                State::Warning,
                format!("{name}: others may look into it"),
                format!("chmod 700 {name}"),
            );
        }
        Ok(_) => checks.good("data folder", name),
    }
}

fn sealing_key(config: &Config, checks: &mut Checks) {
    let file = config.sealing_key_file();
    match keys::open_sealer(&file, &config.keys.sealing_key, SystemRandom::new()) {
        Ok(_) => checks.good(
            "sealing key",
            if config.keys.sealing_key.is_empty() {
                file.display().to_string()
            } else {
                "from the environment".to_owned()
            },
        ),
        Err(error) => checks.add(
            "sealing key",
            State::Bad,
            error.to_string(),
            "bring back the file from its safe copy; without it sealed secrets are lost and must be set again",
        ),
    }
}

/// The database, by the running hub if there is one; else it is opened here.
async fn database(config: &Config, checks: &mut Checks) {
    let wrong =
        |error: &Error| (error.to_string(), "start the server, correct `database`, or restore a backup".to_owned());
    match Connection::open(&config.data).await {
        Ok(Some(connection)) => match connection.ask::<String>(&super::administer::Wish::Where, |_| {}).await {
            Ok(url) => return checks.good("hub", format!("runs, {url}; `dure verify` looks into its database")),
            Err(error) => return checks.add("hub", State::Bad, error.to_string(), "restart `dure serve`"),
        },
        Ok(None) => checks.add("hub", State::Warning, "does not run", "dure serve"),
        Err(error) => checks.add("hub", State::Bad, error.to_string(), "run doctor as the user who runs the hub"),
    }
    if config.database == Database::Sqlite && !config.sqlite_file().is_file() {
        let found = format!("{} is not there", config.sqlite_file().display());
        return checks.add("database", State::Bad, found, "`dure init DIR` makes one");
    }
    let _lock = match serve::try_lock_folder(&config.data) {
        Ok(Some(lock)) => lock,
        Ok(None) => {
            return checks.add("database", State::Warning, "another process works on it", "ask again when it is done");
        }
        Err(error) => {
            return checks.add("database", State::Bad, error.to_string(), "mend the permissions of the folder");
        }
    };
    let clock = Clock::System;
    let settings = serve::store_config(config, &clock);
    let sealer = keys::open_sealer(&config.sealing_key_file(), &config.keys.sealing_key, SystemRandom::new());
    let looking = tokio::task::spawn_blocking(move || -> Result<_> {
        let store = Store::open(&settings)?;
        let problems = store.integrity_check()?;
        let (secrets, newest) = store.read_blocking(|tx| Ok((parties::secrets(tx)?, proof::newest_ms(tx)?)))?;
        let shut = secrets
            .iter()
            .filter(|(name, sealed)| sealer.as_ref().is_ok_and(|sealer| sealer.open(name, sealed).is_err()))
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>();
        Ok((problems, secrets.len(), shut, newest))
    });
    let (problems, secrets, shut, newest) = match looking.await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            let (found, todo) = wrong(&error);
            return checks.add("database", State::Bad, found, todo);
        }
        Err(panic) => return checks.add("database", State::Bad, panic.to_string(), "report this"),
    };
    if problems.is_empty() {
        checks.good("database", "opens and is sound");
    } else {
        checks.add("database", State::Bad, problems.join("; "), "stop the hub, keep the file, restore the last backup");
    }
    if shut.is_empty() {
        checks.good("secrets", format!("{secrets} open with the sealing key"));
    } else {
        let todo = "bring back the key that sealed them, or `dure secret set` them again";
        checks.add("secrets", State::Bad, format!("do not open: {}", shut.join(", ")), todo);
    }
    // A minute of difference between hubs on one database is harmless.
    if newest.is_some_and(|newest_ms| newest_ms > clock.now_ms() + 60_000) {
        checks.add("clock", State::Bad, "is behind what was received already", "set the clock (timedatectl, chrony)");
    } else {
        checks.good("clock", format!("{} ({})", clock_words(&clock, config.zone), config.zone.name()));
    }
}

fn clock_words(clock: &Clock, zone: chrono_tz::Tz) -> String {
    chrono::DateTime::from_timestamp_millis(clock.now_ms())
        .map_or(String::new(), |now| now.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string())
}

fn certificates(config: &Config, checks: &mut Checks) {
    let tls = &config.tls;
    if tls.certificate.as_os_str().is_empty() {
        let local = config.listen.ip().is_loopback();
        let (state, todo) = if local {
            (State::Good, "")
        } else {
            (State::Warning, "set tls.certificate and tls.key, or put a proxy with TLS in front")
        };
        checks.add("certificates", state, "the hub speaks plain HTTP", todo);
    }
    for (name, file) in [
        ("tls.certificate", &tls.certificate),
        ("tls.client_roots", &tls.client_roots),
        ("http_out.roots", &config.http_out.roots),
        ("mail_out.roots", &config.mail_out.roots),
    ] {
        if file.as_os_str().is_empty() {
            continue;
        }
        match trust::certificates(file) {
            Err(error) => {
                checks.add("certificates", State::Bad, format!("{name}: {error}"), "give a PEM file with certificates")
            }
            Ok(list) => {
                let end = list.iter().filter_map(|certificate| expiry::ends_ms(certificate)).min();
                certificate(name, end, checks);
            }
        }
    }
}

fn certificate(name: &str, end_ms: Option<i64>, checks: &mut Checks) {
    let Some(end_ms) = end_ms else {
        return checks.add(
            "certificates",
            State::Warning,
            format!("{name}: its end cannot be read"),
            "look with openssl x509 -enddate",
        );
    };
    let days = (end_ms - Clock::System.now_ms()).div_euclid(86_400_000);
    let day = crate::document::effect::day_of(chrono_tz::UTC, end_ms);
    let found = format!("{name}: until {day}, {days} days");
    match days {
        ..0 => checks.add("certificates", State::Bad, found, "renew it; the file is taken up without a restart"),
        0..SOON_DAYS => {
            checks.add("certificates", State::Warning, found, "renew it; the file is taken up without a restart")
        }
        _ => checks.good("certificates", found),
    }
}

async fn mail(config: &Config, checks: &mut Checks) {
    let settings = &config.mail_out;
    if settings.relay.is_empty() {
        return checks.add("mail", State::Warning, "no relay: notices stay in the outbox", "set mail_out.relay");
    }
    let usual = match settings.protection {
        Protection::Implicit => 465,
        Protection::None => 25,
        Protection::Starttls => 587,
    };
    let port = if settings.port == 0 { usual } else { settings.port };
    let name = format!("{}:{port}", settings.relay);
    let todo = "correct mail_out.relay and mail_out.port, or open the way to it";
    let greeting = timeout(PATIENCE, async {
        let stream = TcpStream::connect((settings.relay.as_str(), port)).await?;
        if settings.protection == Protection::Implicit {
            return Ok("220 connected".to_owned());
        }
        let mut line = String::new();
        BufReader::new(stream.take(1024)).read_line(&mut line).await?;
        Ok::<_, std::io::Error>(line)
    });
    match greeting.await {
        Ok(Ok(line)) if line.starts_with("220") => checks.good("mail", format!("{name} answers")),
        Ok(Ok(line)) => checks.add("mail", State::Bad, format!("{name} says {:?}", line.trim()), todo),
        Ok(Err(error)) => checks.add("mail", State::Bad, format!("{name}: {error}"), todo),
        Err(_) => checks.add("mail", State::Bad, format!("{name} does not answer"), todo),
    }
}

/// Free space, as `df` of POSIX tells it.
fn disk(data: &Path, checks: &mut Checks) {
    let told = Command::new("df").arg("-Pk").arg(data).output();
    let free = told.ok().filter(|told| told.status.success()).and_then(|told| {
        let text = String::from_utf8(told.stdout).ok()?;
        let kilobytes: u64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
        Some(kilobytes * 1024)
    });
    match free {
        None => checks.add("disk", State::Warning, "free space is not known", "look with df"),
        Some(bytes) => {
            let found = format!("{} MiB free", bytes >> 20);
            if bytes < LITTLE_SPACE {
                checks.add("disk", State::Bad, found, "make room: without any, nothing is taken in");
            } else {
                checks.good("disk", found);
            }
        }
    }
}

/// Whether as many files may be open as connections are allowed.
fn open_files(config: &Config, checks: &mut Checks) {
    let most = std::fs::read_to_string("/proc/self/limits").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("Max open files"))?;
        line.split_whitespace().nth(3)?.parse::<u64>().ok()
    });
    let needed = config.limits.connections as u64 + config.workers.deliveries as u64 + OWN_FILES;
    match most {
        Some(most) if most < needed => {
            let found = format!("{most} may be open, {needed} can be needed");
            checks.add(
                "open files",
                State::Warning,
                found,
                "raise the limit (ulimit -n, LimitNOFILE=), or lower limits.connections",
            );
        }
        Some(most) => checks.good("open files", format!("{most} may be open")),
        None => {}
    }
}

/// What partners see as our address.
fn address(config: &Config, checks: &mut Checks) {
    if config.public_url.is_empty() && !config.listen.ip().is_loopback() {
        let todo = "set public_url to the address by which partners reach the hub";
        checks.add("address", State::Warning, format!("links say {}", config.url()), todo);
    } else {
        checks.good("address", config.url());
    }
}
