//! `dure demo`: a hub in a fresh folder, partners that speak only HTTP, a courier, a mailbox, and one whole trade from the
//! catalogue to the statement. What it shows is asked of the hub over HTTP, as the partners would ask.

mod parties;
mod set_up;
mod show;
mod steps;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::call::Call;
use super::control::Control;
use super::log;
use super::out::{Out, Outcome};
use super::simulate::until_stopped;
use crate::config::LogFormat;
use crate::error::{Context, Result};
use parties::ACCOUNTS;
use set_up::World;
use show::Step;

/// Play one whole trade on this machine and keep serving, to look at
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  dure demo\n  dure demo --exit         stop after the trade: exit code 0 only if every step ended as it should\n  \
    dure demo --lang ko\n\n\
    A hub is made in a fresh folder with sample companies; both producers send their catalogues, a buyer orders, the order \
    is split and forwarded as EDIFACT and as UBL, answered, shipped, delivered and settled. One account per role is printed."
)]
pub(super) struct Demo {
    /// Stop after the trade and print a summary
    #[arg(long)]
    exit: bool,
    /// Where the hub listens [default: the first free port from 7373 on]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The folder, made if it is not there [default: a new temporary one, which stays]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print log lines of this level as well
    #[arg(long, value_name = "LEVEL", default_value = "error")]
    log: String,
}

impl Demo {
    pub(super) async fn run(self, call: &Call) -> Result<Outcome> {
        let out = &call.out;
        if !out.json {
            let title = out.say("예시 거래 하나를 실제 통로로 보냅니다", "one sample trade through the real channels");
            out.line(format!("dure {} demo: {title}", env!("CARGO_PKG_VERSION")))?;
        }
        log::start(&crate::config::Log { level: self.log.clone(), format: LogFormat::Text })?;
        let folder = match &self.dir {
            Some(dir) => {
                std::fs::create_dir_all(dir).context(|| format!("make the folder {}", dir.display()))?;
                std::path::absolute(dir)?
            }
            None => {
                tempfile::Builder::new().prefix("dure-demo-").tempdir().context(|| "make a temporary folder")?.keep()
            }
        };
        let world = World::set_up(out, &folder, self.listen).await?;
        let data = world.running.hub().config.data.clone();
        let control = Control::listen(world.running.hub().clone(), &data, world.url.clone())?;
        introduce(out, &world)?;
        let steps = Box::pin(steps::play(out, &world)).await?;
        let good = steps.iter().all(Step::is_good);
        summarise(out, &world, &steps, self.exit)?;
        if !self.exit {
            until_stopped().await?;
        }
        drop(control);
        // Connections that browsers keep open must not hold up the end.
        let stopping = tokio::time::timeout(Duration::from_secs(15), world.running.stop());
        stopping.await.map_or(Ok(()), |stopped| stopped)?;
        Ok(Outcome::good_if(good || !self.exit))
    }
}

fn introduce(out: &Out, world: &World) -> Result<()> {
    if out.json {
        let account = |(account, password): (&(&str, &str, parties::Company, &str), &crate::model::secret::Secret)| {
            let (login, role, company, _) = account;
            serde_json::json!({ "login": login, "password": password.expose(), "role": role, "party": company.short })
        };
        let accounts: Vec<_> = ACCOUNTS.iter().zip(&world.passwords).map(account).collect();
        return out.json(&serde_json::json!({ "folder": world.folder, "portal": world.url, "mails": world.mails,
            "accounts": accounts }));
    }
    out.line(format!("  {}  {}", out.say("폴더  ", "folder"), world.folder.display()))?;
    out.line(format!("  {}  {}/", out.say("포털  ", "portal"), world.url))?;
    out.line(format!("  {}  {}/", out.say("메일함", "mails "), world.mails))?;
    out.line(format!(
        "  {}",
        out.say("계정 (역할마다 하나, 포털에 들어갈 때)", "accounts (one per role, for the portal)")
    ))?;
    for ((login, role, company, _), password) in ACCOUNTS.iter().zip(&world.passwords) {
        out.line(format!("    {login:<10} {}  {role}, {}", password.expose(), company.name))?;
    }
    Ok(())
}

fn summarise(out: &Out, world: &World, steps: &[Step], exit: bool) -> Result<()> {
    let good = steps.iter().filter(|step| step.is_good()).count();
    if out.json {
        return out.json(&serde_json::json!({ "steps": steps.len(), "good": good, "folder": world.folder,
            "portal": world.url, "mails": world.mails }));
    }
    let words = out.say("단계가 뜻대로 끝났습니다", "steps ended as they should");
    out.line(format!("\n{good}/{} {words}", steps.len()))?;
    for step in steps {
        step.wrong().iter().try_for_each(|wrong| out.line(format!("  ✗ {wrong}")))?;
    }
    if !exit {
        let words = out.say("계속 돌고 있습니다. 멈추려면 Ctrl-C", "Still serving; stop it with Ctrl-C.");
        out.line(format!("{words}  {}/", world.url))?;
    }
    Ok(())
}
