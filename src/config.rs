//! The configuration of the machine: `dure.toml`, its documented defaults and the environment variables that override it.
//! Partners, agreements, dialects and rules are documents in the store, never here.
//!
//! Unknown keys are refused with line and column. `src/dure.toml` is the commented template and says the same defaults.

mod environment;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::Table;

use crate::error::{Error, Result};
use crate::format;
use crate::model::secret::{MASK, Secret};
use crate::transport::mail::intake;
use crate::transport::{connector, folder, http_client, mail_client, mailbox, tls};

/// The commented configuration that `dure init` writes.
pub const TEMPLATE: &str = include_str!("dure.toml");

/// The largest configuration file that is read, bytes.
const LARGEST_FILE: u64 = 1 << 20;

/// Everything in `dure.toml`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the hub listens.
    pub listen: SocketAddr,
    /// How others reach it; empty: built from `listen`, see [`Config::url`].
    pub public_url: String,
    /// Folder of database, keys and control socket.
    pub data: PathBuf,
    /// Where the store is.
    pub database: Database,
    /// Time zone of closings, schedules and pages.
    #[serde(with = "zone")]
    pub zone: Tz,
    /// Number of this hub, 0 to 63.
    pub hub: u8,
    /// Courier profiles besides the built-in ones.
    pub couriers: Vec<PathBuf>,
    /// Scripts of connectors besides the built-in ones.
    pub connectors: Vec<PathBuf>,
    /// Keys.
    pub keys: Keys,
    /// Bounds on what is taken in.
    pub limits: Limits,
    /// How much is done at a time.
    pub workers: Workers,
    /// TLS in.
    pub tls: tls::Settings,
    /// HTTP out.
    pub http_out: http_client::Settings,
    /// Mail in.
    pub mail_in: intake::Settings,
    /// Systems that are talked to by a script, by name.
    pub connector: std::collections::BTreeMap<String, connector::Settings>,
    /// Folders that files are taken from and written to, by name.
    pub folder: std::collections::BTreeMap<String, folder::Settings>,
    /// Mailboxes that are read, by name.
    pub mailbox: std::collections::BTreeMap<String, mailbox::Settings>,
    /// Mail out.
    pub mail_out: mail_client::Settings,
    /// Log lines.
    pub log: Log,
    /// Schedules of jobs that differ from the built-in ones: cron expressions with seconds, by name of the job.
    pub jobs: std::collections::BTreeMap<String, String>,
}

/// `[keys]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// File of the sealing key, below the data folder.
    pub sealing_key_file: PathBuf,
    /// The sealing key itself, 32 bytes in base64, instead of the file.
    pub sealing_key: Secret,
}

/// `[limits]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of one interchange.
    pub receive_bytes: u64,
    /// Bytes of one document that is not read in groups.
    pub whole_document_bytes: u64,
    /// Lines of one document that is not read in groups.
    pub whole_document_lines: u32,
    /// Connections open at a time.
    pub connections: usize,
    /// For the head of a request, milliseconds.
    pub header_timeout_ms: u64,
    /// For a pause inside the body of a request, milliseconds.
    pub body_timeout_ms: u64,
    /// For `Prefer: wait`, milliseconds.
    pub wait_most_ms: u64,
}

/// `[workers]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workers {
    /// Interchanges worked on at a time. Many, so that their decisions are committed together; how many are in memory
    /// depends on their size.
    pub interchanges: usize,
    /// Deliveries under way at a time.
    pub deliveries: usize,
    /// Connections that read the SQLite file.
    pub readers: usize,
    /// Connections to PostgreSQL.
    pub connections: usize,
}

/// `[log]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// Level, or levels by module, as `tracing` filters are written.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// An object a line.
    Json,
    /// For people.
    #[default]
    Text,
}

/// Where the store is.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Database {
    /// A file in the data folder.
    #[default]
    Sqlite,
    /// A server: `postgres://user:password@host:5432/database`.
    Postgres(Secret),
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7373)),
            public_url: String::new(),
            data: PathBuf::from("./dure-data"),
            database: Database::Sqlite,
            zone: Tz::Asia__Seoul,
            hub: 0,
            couriers: Vec::new(),
            connectors: Vec::new(),
            keys: Keys::default(),
            limits: Limits::default(),
            workers: Workers::default(),
            tls: tls::Settings::default(),
            http_out: http_client::Settings::default(),
            mail_in: intake::Settings::default(),
            connector: std::collections::BTreeMap::new(),
            folder: std::collections::BTreeMap::new(),
            mailbox: std::collections::BTreeMap::new(),
            mail_out: mail_client::Settings::default(),
            log: Log::default(),
            jobs: std::collections::BTreeMap::new(),
        }
    }
}

impl Default for Keys {
    fn default() -> Keys {
        Keys { sealing_key_file: PathBuf::from("sealing.key"), sealing_key: Secret::default() }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            receive_bytes: 128 << 20,
            whole_document_bytes: format::Limits::default().whole_bytes,
            whole_document_lines: 50_000,
            connections: 800,
            header_timeout_ms: 10_000,
            body_timeout_ms: 30_000,
            wait_most_ms: 30_000,
        }
    }
}

impl Default for Workers {
    fn default() -> Workers {
        Workers { interchanges: 128, deliveries: 128, readers: 4, connections: 8 }
    }
}

impl Default for Log {
    fn default() -> Log {
        Log { level: "info".to_owned(), format: LogFormat::Text }
    }
}

impl Config {
    /// The configuration of this machine: the file if one is named (else the defaults), then the environment.
    /// Paths in it become relative to where the process runs.
    pub fn load(file: Option<&Path>, environment: impl IntoIterator<Item = (String, String)>) -> Result<Config> {
        let (text, folder) = match file {
            None => (String::new(), Path::new("")),
            Some(path) => (read(path)?, path.parent().unwrap_or(Path::new(""))),
        };
        let name = file.map_or_else(|| "the defaults".to_owned(), |path| path.display().to_string());
        let mut config = Config::parse(&text, environment).map_err(|error| error.context(name))?;
        config.resolve(folder);
        Ok(config)
    }

    /// From the text of a file and the environment.
    pub fn parse(text: &str, environment: impl IntoIterator<Item = (String, String)>) -> Result<Config> {
        // Once by itself, so that what is wrong with the file has its line and column.
        let mut config: Config = toml::from_str(text).map_err(|error| placed(text, &error))?;
        let known = Table::try_from(Config::default()).map_err(|error| Error::bug(error.to_string()))?;
        let overrides = environment::overrides(&known, environment);
        if !overrides.is_empty() {
            let mut table: Table = toml::from_str(text).map_err(|error| placed(text, &error))?;
            for (name, value) in overrides {
                let wrong = |reason: String| Error::config(format!("{}{name}: {reason}", environment::PREFIX));
                environment::set(&mut table, &known, &name.to_ascii_lowercase(), &value).map_err(wrong)?;
                // Read again after each, so that an error names the variable that caused it.
                config =
                    table.clone().try_into().map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
            }
        }
        config.check().map_err(Error::config)?;
        Ok(config)
    }

    /// What is in effect, as TOML with secrets masked.
    pub fn effective(&self) -> String {
        toml::to_string_pretty(self).unwrap_or_else(|error| format!("# cannot be shown: {error}\n"))
    }

    /// The SQLite file.
    pub fn sqlite_file(&self) -> PathBuf {
        self.data.join("dure.sqlite")
    }

    /// The file of the sealing key.
    pub fn sealing_key_file(&self) -> PathBuf {
        self.data.join(&self.keys.sealing_key_file)
    }

    /// How others reach the hub, without a slash at the end.
    pub fn url(&self) -> String {
        if self.public_url.is_empty() {
            let scheme = if self.tls.certificate.as_os_str().is_empty() { "http" } else { "https" };
            format!("{scheme}://{}", self.listen)
        } else {
            self.public_url.trim_end_matches('/').to_owned()
        }
    }

    fn resolve(&mut self, folder: &Path) {
        let files =
            [&mut self.tls.certificate, &mut self.tls.key, &mut self.tls.client_roots, &mut self.http_out.roots];
        let mailboxes = self.mailbox.values_mut().map(|mailbox| &mut mailbox.roots);
        let files = files.into_iter().chain([&mut self.mail_out.roots]).chain(mailboxes);
        let folders = self.folder.values_mut().flat_map(folder::Settings::paths);
        let files = files.chain(folders);
        for path in files.chain(&mut self.couriers).chain(&mut self.connectors).chain([&mut self.data]) {
            // An empty path means that there is no such file.
            if !path.as_os_str().is_empty() {
                *path = folder.join(&path);
            }
        }
    }

    /// What the types cannot say. The message names the key.
    fn check(&self) -> Result<(), String> {
        let set = |path: &Path| !path.as_os_str().is_empty();
        let tls = &self.tls;
        let positive = [
            ("limits.receive_bytes", self.limits.receive_bytes),
            ("limits.whole_document_bytes", self.limits.whole_document_bytes),
            ("limits.whole_document_lines", u64::from(self.limits.whole_document_lines)),
            ("limits.connections", self.limits.connections as u64),
            ("limits.header_timeout_ms", self.limits.header_timeout_ms),
            ("limits.body_timeout_ms", self.limits.body_timeout_ms),
            ("workers.interchanges", self.workers.interchanges as u64),
            ("workers.deliveries", self.workers.deliveries as u64),
            ("workers.readers", self.workers.readers as u64),
            ("workers.connections", self.workers.connections as u64),
            ("tls.reload_ms", tls.reload_ms),
            ("http_out.timeout_ms", self.http_out.timeout_ms),
            ("http_out.connect_timeout_ms", self.http_out.connect_timeout_ms),
            ("mail_in.mail_bytes", self.mail_in.mail_bytes),
            ("mail_in.unpacked_bytes", self.mail_in.unpacked_bytes),
            ("mail_in.connections", self.mail_in.connections as u64),
            ("mail_in.timeout_ms", self.mail_in.timeout_ms),
            ("mail_out.timeout_ms", self.mail_out.timeout_ms),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("{key} must be more than 0"));
        }
        if self.hub > 63 {
            return Err(format!("hub is {}; it must be 0 to 63", self.hub));
        }
        if set(&tls.certificate) != set(&tls.key) {
            return Err("tls.certificate and tls.key are needed both, or none of them".to_owned());
        }
        if set(&tls.client_roots) && !set(&tls.certificate) {
            return Err("tls.client_roots needs tls.certificate and tls.key as well".to_owned());
        }
        if self.mail_in.listen.is_some() && self.mail_in.recipients.is_empty() {
            return Err("mail_in.listen needs mail_in.recipients: the addresses that mail is taken for".to_owned());
        }
        if let Some(wrong) = self.mail_in.recipients.iter().find(|known| !known.contains('@')) {
            return Err(format!("mail_in.recipients: {wrong} is neither name@host nor @host"));
        }
        for (name, connector) in &self.connector {
            if let Some(wrong) = connector.wrong() {
                return Err(format!("connector.{name}: {wrong}"));
            }
        }
        for (name, folder) in &self.folder {
            if let Some(wrong) = folder.wrong() {
                return Err(format!("folder.{name}: {wrong}"));
            }
        }
        for (name, mailbox) in &self.mailbox {
            if mailbox.host.is_empty() || mailbox.user.is_empty() || mailbox.folder.is_empty() {
                return Err(format!("mailbox.{name} needs host, user and folder"));
            }
            if mailbox.poll_s == 0 || mailbox.timeout_ms == 0 {
                return Err(format!("mailbox.{name}: poll_s and timeout_ms must be more than 0"));
            }
        }
        if self.mail_out.user.is_empty() != self.mail_out.password.is_empty() {
            return Err("mail_out.user and mail_out.password are needed both, or none of them".to_owned());
        }
        if !self.public_url.is_empty() && !["http://", "https://"].iter().any(|s| self.public_url.starts_with(s)) {
            return Err(format!("public_url is {}; it must start with http:// or https://", self.public_url));
        }
        Ok(())
    }
}

/// An error with its line and column, without the line itself: it may hold a password.
fn placed(text: &str, error: &toml::de::Error) -> Error {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    Error::config(format!("line {line}, column {column}: {}", error.message()))
}

fn read(path: &Path) -> Result<String> {
    use std::io::Read;
    let wrong = |error: std::io::Error| Error::config(format!("read {}", path.display())).caused_by(error);
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(wrong)?;
    let size = file.take(LARGEST_FILE + 1).read_to_string(&mut text).map_err(wrong)?;
    if size as u64 > LARGEST_FILE {
        return Err(Error::config(format!("read {}: longer than {LARGEST_FILE} bytes", path.display())));
    }
    Ok(text)
}

mod zone {
    use super::{Deserialize, Deserializer, Serializer, Tz};

    pub(super) fn serialize<S: Serializer>(zone: &Tz, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(zone.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tz, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(|_| {
            serde::de::Error::custom(format!("{name} is no time zone; write an IANA name such as Asia/Seoul"))
        })
    }
}

impl Serialize for Database {
    /// With the password masked.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Database::Sqlite => serializer.serialize_str("sqlite"),
            Database::Postgres(url) => match url::Url::parse(url.expose()) {
                Ok(mut url) => {
                    if url.password().is_some() && url.set_password(Some(MASK)).is_err() {
                        return serializer.serialize_str(MASK);
                    }
                    // A password may also stand in the query.
                    url.set_query(None);
                    serializer.serialize_str(url.as_str())
                }
                Err(_) => serializer.serialize_str(MASK),
            },
        }
    }
}

impl<'de> Deserialize<'de> for Database {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Database, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_url = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        if text == "sqlite" {
            Ok(Database::Sqlite)
        } else if is_url && url::Url::parse(&text).is_ok() {
            Ok(Database::Postgres(Secret::new(text)))
        } else {
            // What was written is not repeated: it may hold a password.
            Err(serde::de::Error::custom("write \"sqlite\" or \"postgres://user:password@host:5432/database\""))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn refused(text: &str, environment: &[(&str, &str)], expected: &[&str]) {
        let error = Config::parse(text, env(environment)).unwrap_err().to_string();
        for part in expected {
            assert!(error.contains(part), "{part:?} is missing in {error}");
        }
    }

    #[test]
    fn template_says_the_defaults_and_every_key() {
        assert_eq!(Config::parse(TEMPLATE, []).unwrap(), Config::default());
        let written: Table = toml::from_str(TEMPLATE).unwrap();
        let known = Table::try_from(Config::default()).unwrap();
        assert_eq!(written, known);
    }

    #[test]
    fn unknown_keys_are_refused_with_their_place() {
        refused("hub = 1\n\n  lissen = \"x\"", &[], &["line 3, column 3", "lissen"]);
        refused("[limits]\nrecieve_bytes = 1", &[], &["line 2, column 1", "recieve_bytes"]);
        refused("[http_out]\nallow_private = [\"10.0.0.0/99\"]", &[], &["line 2", "10.0.0.0/99"]);
        refused("zone = \"Seoul\"", &[], &["line 1", "Asia/Seoul"]);
        refused("listen = 7373", &[], &["line 1"]);
    }

    #[test]
    fn the_environment_overrides() {
        let text = "listen = \"0.0.0.0:80\"\n[limits]\nreceive_bytes = 5\nconnections = 7";
        let environment = env(&[
            ("DURE_LISTEN", "127.0.0.1:9000"),
            ("DURE_LIMITS__RECEIVE_BYTES", "1000"),
            ("DURE_HTTP_OUT__ALLOW_PRIVATE", "127.0.0.0/8, ::1"),
            ("DURE_MAIL_OUT__USER", "hub"),
            ("DURE_MAIL_OUT__PASSWORD", "123"),
            ("DURE_LOG__FORMAT", "json"),
            ("DURE_JOBS__CLOSING", "0 0 4 1 * *"),
            ("DURE_STANDARDS", "/somewhere"),
            ("DURE_PORT", "tcp://10.0.0.1:7373"),
            ("DURE_SERVICE_HOST", "10.0.0.1"),
            ("DURE_URL", "http://hub.example"),
            ("DURE_KEY", "dk_x"),
            ("PATH", "/bin"),
        ]);
        let config = Config::parse(text, environment).unwrap();
        assert_eq!(config.listen.port(), 9000);
        assert_eq!((config.limits.receive_bytes, config.limits.connections), (1000, 7));
        assert_eq!(config.http_out.allow_private.len(), 2);
        assert_eq!(config.mail_out.password.expose(), "123");
        assert_eq!(config.log.format, LogFormat::Json);
        assert_eq!(config.jobs["closing"], "0 0 4 1 * *");
    }

    #[test]
    fn a_wrong_variable_is_named() {
        refused("", &[("DURE_LISTEM", "x")], &["DURE_LISTEM"]);
        refused("", &[("DURE_DATABSE", "x")], &["DURE_DATABSE"]);
        refused("", &[("DURE_LMITS__CONNECTIONS", "1")], &["DURE_LMITS__CONNECTIONS"]);
        refused("", &[("DURE_LIMITS__NONE", "1")], &["DURE_LIMITS__NONE"]);
        refused("", &[("DURE_LISTEN__PORT", "1")], &["DURE_LISTEN__PORT"]);
        refused("", &[("DURE_LIMITS", "1")], &["DURE_LIMITS", "table"]);
        refused("", &[("DURE_HUB", "one")], &["DURE_HUB", "whole number"]);
        refused("", &[("DURE_HUB", "3"), ("DURE_ZONE", "Mars")], &["DURE_ZONE", "Mars"]);
    }

    #[test]
    fn what_the_types_cannot_say() {
        refused("hub = 64", &[], &["hub"]);
        refused("[tls]\ncertificate = \"a.pem\"", &[], &["tls.key"]);
        refused("[tls]\nclient_roots = \"a.pem\"", &[], &["tls.certificate"]);
        refused("[mail_out]\nuser = \"a\"", &[], &["mail_out.password"]);
        refused("[mail_in]\nlisten = \"127.0.0.1:25\"", &[], &["mail_in.recipients"]);
        refused("[mailbox.orders]\nhost = \"x\"", &[], &["mailbox.orders", "user"]);
        refused("[folder.erp]\npartner = \"erp\"", &[], &["folder.erp", "in or out"]);
        refused("[mailbox.orders]\nhosst = \"x\"", &[], &["hosst"]);
        refused("[mail_in]\nlisten = \"25\"", &[], &["line 2", "127.0.0.1:2525"]);
        refused("[mail_in]\nrecipients = [\"orders\"]", &[], &["mail_in.recipients", "@host"]);
        refused("[workers]\ndeliveries = 0", &[], &["workers.deliveries"]);
        refused("public_url = \"hub.example\"", &[], &["public_url"]);
        refused("database = \"mysql://u:secret@h/d\"", &[], &["postgres://"]);
    }

    #[test]
    fn secrets_are_masked_and_the_rest_is_shown() {
        let text = "database = \"postgres://dure:hidden@db/dure?password=hidden\"\n[keys]\nsealing_key = \"hidden\"\n\
                    [mail_out]\nuser = \"hub\"\npassword = \"hidden\"";
        let config = Config::parse(text, []).unwrap();
        let shown = config.effective();
        assert!(!shown.contains("hidden"), "{shown}");
        assert!(shown.contains("postgres://dure:***@db/dure") && shown.contains("user = \"hub\""), "{shown}");
        assert!(!format!("{config:?}").contains("hidden"));
        assert_eq!(Config::parse(&Config::default().effective(), []).unwrap(), Config::default());
    }

    #[test]
    fn a_wrong_secret_is_not_repeated() {
        let error = Config::parse("", env(&[("DURE_DATABASE", "mysql://u:hidden@h/d")])).unwrap_err().to_string();
        assert!(!error.contains("hidden") && error.contains("DURE_DATABASE"), "{error}");
        let error = Config::parse("hub = 1\ndatabase = \"mysql://u:hidden@h/d\"", []).unwrap_err().to_string();
        assert!(!error.contains("hidden") && error.contains("line 2, column 12"), "{error}");
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dure.toml");
        std::fs::write(&file, "couriers = [\"a.toml\", \"/etc/b.toml\"]\n[tls]\ncertificate = \"c\"\nkey = \"k\"")
            .unwrap();
        let config = Config::load(Some(&file), []).unwrap();
        assert_eq!(config.data, folder.path().join("./dure-data"));
        assert_eq!(config.couriers, [folder.path().join("a.toml"), PathBuf::from("/etc/b.toml")]);
        assert_eq!(config.tls.certificate, folder.path().join("c"));
        assert_eq!(config.tls.client_roots, PathBuf::new());
        assert_eq!(config.sealing_key_file(), folder.path().join("./dure-data/sealing.key"));
        assert_eq!(config.url(), "https://127.0.0.1:7373");
        let missing = Config::load(Some(&folder.path().join("no.toml")), []).unwrap_err().to_string();
        assert!(missing.contains("no.toml"), "{missing}");
    }
}
