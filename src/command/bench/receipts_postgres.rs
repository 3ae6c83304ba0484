//! Receipts on PostgreSQL beside pgbench inserting one row of 4 KB a transaction, 16 clients each.

use std::io::Write;
use std::process::Command;
use std::sync::Arc;

use super::load::Load;
use super::receipts::post;
use super::{Figure, Options, fresh_folder, median, per_second, runtime, setting};
use crate::config::Database;
use crate::error::{Context, Error, Kind, Result};
use crate::model::secret::Secret;
use crate::serve::Parts;

/// Clients of both sides.
const CLIENTS: usize = 16;
/// Receipts of one round.
const REQUESTS: u64 = 30_000;
/// Seconds of one round of pgbench.
const SECONDS: &str = "3";

/// Measures it.
pub(super) fn run(options: &Options) -> Result<Vec<Figure>> {
    let Some(server) = &options.postgres else {
        return Err(Error::config("--postgres names no server on which databases may be made"));
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        theirs.push(pgbench(server)?);
        let name = format!("dure_bench_{}_{round}", std::process::id());
        let database = fresh_database(server, &name)?;
        ours.push(receive(options, &database)?);
        drop_database(server, &name)?;
    }
    let against = "pgbench, one 4 KB row with one unique key a transaction, 16 clients";
    Ok(vec![Figure::beside("receipts_postgres", median(ours), "1/s", against, median(theirs))])
}

fn receive(options: &Options, database: &str) -> Result<f64> {
    let folder = fresh_folder(options)?;
    let runtime = runtime()?;
    let database = Database::Postgres(Secret::new(database));
    let to = "http://127.0.0.1:9/";
    let setting = runtime.block_on(setting::start(folder.path(), database, Parts::ReceiveOnly, to, "ubl-2.1"))?;
    let loaded = post(Load {
        address: setting.running.address(),
        connections: CLIENTS,
        requests: REQUESTS,
        key: setting.key.clone(),
        body: Arc::new(setting::order),
        idempotency_key: |number| format!("key-{number:012}"),
        content_type: "application/xml",
    })?;
    runtime.block_on(setting.running.stop())?;
    Ok(per_second(loaded.accepted, loaded.elapsed_us))
}

fn psql(server: &str, sql: &str) -> Result<()> {
    let status = Command::new("psql")
        .args(["-q", "-v", "ON_ERROR_STOP=1", "-c", sql, server])
        .status()
        .context(|| "starting psql (package postgresql-client)")?;
    if status.success() { Ok(()) } else { Err(Error::new(Kind::Store, "psql failed")) }
}

fn fresh_database(server: &str, name: &str) -> Result<String> {
    psql(server, &format!("CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"))?;
    let mut url = url::Url::parse(server).map_err(|error| Error::config("--postgres is no URL").caused_by(error))?;
    url.set_path(name);
    Ok(url.to_string())
}

fn drop_database(server: &str, name: &str) -> Result<()> {
    psql(server, &format!("DROP DATABASE {name} WITH (FORCE)"))
}

/// Transactions a second.
fn pgbench(server: &str) -> Result<f64> {
    psql(
        server,
        "DROP TABLE IF EXISTS bench_inbox; CREATE TABLE bench_inbox (id BIGSERIAL PRIMARY KEY, key TEXT NOT NULL UNIQUE, \
         at BIGINT NOT NULL, body BYTEA NOT NULL); ALTER TABLE bench_inbox ALTER COLUMN body SET STORAGE EXTERNAL",
    )?;
    let mut script = tempfile::NamedTempFile::new()?;
    let body: String = (0..4096_u32).map(|at| format!("{:02x}", at.wrapping_mul(2_654_435_761) >> 24)).collect();
    writeln!(
        script,
        "INSERT INTO bench_inbox (key, at, body) VALUES (gen_random_uuid()::text, 1, '\\x{body}'::bytea);"
    )?;
    let output = Command::new("pgbench")
        .args(["-n", "-M", "prepared", "-T", SECONDS, "-j", "2", "-c"])
        .arg(CLIENTS.to_string())
        .arg("-f")
        .arg(script.path())
        .arg(server)
        .output()
        .context(|| "starting pgbench (package postgresql)")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let tps = text.lines().find_map(|line| line.strip_prefix("tps = ")).and_then(|rest| rest.split(' ').next());
    let tps = tps.and_then(|tps| tps.parse().ok()).ok_or_else(|| {
        Error::new(Kind::Io, format!("pgbench gave no figure: {}", String::from_utf8_lossy(&output.stderr)))
    })?;
    psql(server, "DROP TABLE bench_inbox")?;
    Ok(tps)
}
