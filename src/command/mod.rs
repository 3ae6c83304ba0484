//! What a user types: one verb per file. Exit code 0 is good, 1 says that the document or the state is bad, 2 that the
//! call or the machine is.

pub mod administer;
pub mod agreement;
pub mod backup;
pub mod bench;
pub mod call;
pub mod check;
pub mod client;
pub mod completions;
pub mod control;
pub mod convert;
mod demo;
pub mod doctor;
mod expiry;
mod explain;
pub mod init;
pub mod key;
mod log;
mod mapping;
pub mod out;
pub mod partner;
pub mod reach;
mod rebuild;
pub mod replay;
pub mod secret;
pub mod send;
pub mod serve;
pub mod simulate;
pub mod user;
pub mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::error::Result;
use crate::model::finding::Language;
use call::Call;
use out::{Out, Outcome};

/// Over the options that every verb has.
const EVERYWHERE: &str = "Options of every verb";

/// A gateway for business documents between companies: UBL, EDIFACT, CSV and JSON, over HTTP, mail and a web portal.
#[derive(Parser, Debug)]
#[command(name = "dure", version, propagate_version = true, subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = "First steps:\n  dure demo                     a whole trade on this machine, to look at\n  \
    dure check order.xml          what is wrong with a document\n  dure init shop                a hub of your own\n\n\
    Exit code: 0 good, 1 the document or the state is bad, 2 the call or the machine is.")]
pub struct Cli {
    /// Configuration file [default: ./dure.toml if it is there]
    #[arg(long, global = true, value_name = "FILE", env = "DURE_CONFIG", hide_env_values = true, help_heading = EVERYWHERE)]
    pub config: Option<PathBuf>,
    /// Print data as JSON
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub json: bool,
    /// Language of what people read [default: by LC_ALL, LC_MESSAGES, LANG]
    #[arg(long, global = true, value_name = "ko|en", hide_possible_values = true, help_heading = EVERYWHERE)]
    pub lang: Option<LanguageWord>,
    #[command(subcommand)]
    verb: Verb,
}

/// A language on the command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LanguageWord {
    /// Korean.
    Ko,
    /// English.
    En,
}

impl From<LanguageWord> for Language {
    fn from(word: LanguageWord) -> Language {
        match word {
            LanguageWord::Ko => Language::Ko,
            LanguageWord::En => Language::En,
        }
    }
}

#[derive(Subcommand, Debug)]
enum Verb {
    #[command(subcommand)]
    Agreement(agreement::Verb),
    Backup(backup::Backup),
    Bench(bench::Bench),
    Check(check::Check),
    Completions(completions::Completions),
    Convert(convert::Convert),
    Demo(demo::Demo),
    Doctor(doctor::Doctor),
    Explain(explain::Explain),
    Init(init::Init),
    #[command(subcommand)]
    Key(key::Verb),
    Man(completions::Man),
    #[command(subcommand)]
    Mapping(mapping::Verb),
    #[command(subcommand)]
    Partner(partner::Verb),
    Replay(replay::Replay),
    Restore(backup::Restore),
    #[command(subcommand)]
    Secret(secret::Verb),
    Send(send::Send),
    Serve(serve::Serve),
    #[command(subcommand)]
    Simulate(simulate::Simulate),
    Status(send::Status),
    Trade(send::Trade),
    #[command(subcommand)]
    User(user::Verb),
    Verify(verify::Verify),
}

impl Verb {
    /// Runs it. Those that only compute do without a runtime.
    fn run(self, call: &Call) -> Result<Outcome> {
        match self {
            Verb::Agreement(verb) => call.wait_for(verb.run(call)),
            Verb::Backup(verb) => call.wait_for(verb.run(call)),
            Verb::Bench(verb) => verb.run(call),
            Verb::Check(verb) => verb.run(call),
            Verb::Completions(verb) => verb.run(call),
            Verb::Convert(verb) => verb.run(call),
            Verb::Demo(verb) => call.wait_for(verb.run(call)),
            Verb::Doctor(verb) => call.wait_for(verb.run(call)),
            Verb::Explain(verb) => call.wait_for(Box::pin(verb.run(call))),
            Verb::Init(verb) => call.wait_for(verb.run(call)),
            Verb::Key(verb) => call.wait_for(verb.run(call)),
            Verb::Man(verb) => verb.run(call),
            Verb::Mapping(verb) => verb.run(call),
            Verb::Partner(verb) => call.wait_for(verb.run(call)),
            Verb::Replay(verb) => call.wait_for(verb.run(call)),
            Verb::Restore(verb) => verb.run(call),
            Verb::Secret(verb) => call.wait_for(verb.run(call)),
            Verb::Send(verb) => call.wait_for(verb.run(call)),
            Verb::Serve(verb) => call.wait_for(verb.run(call)),
            Verb::Simulate(verb) => call.wait_for(verb.run(call)),
            Verb::Status(verb) => call.wait_for(verb.run(call)),
            Verb::Trade(verb) => call.wait_for(verb.run(call)),
            Verb::User(verb) => call.wait_for(verb.run(call)),
            Verb::Verify(verb) => call.wait_for(verb.run(call)),
        }
    }
}

/// The whole program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let language = cli.lang.map_or_else(|| language_of(|name| std::env::var(name).ok()), Language::from);
    let out = Out { json: cli.json, language };
    let call = Call { out, config_file: cli.config };
    match cli.verb.run(&call) {
        Ok(Outcome::Good) => ExitCode::SUCCESS,
        Ok(Outcome::Bad) => ExitCode::from(1),
        Err(error) => {
            out.remark(format!("dure: {error}"));
            ExitCode::from(2)
        }
    }
}

/// The language that the environment asks for, as POSIX orders the variables; English where it says nothing of use.
fn language_of(variable: impl Fn(&str) -> Option<String>) -> Language {
    let named =
        ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
    match named {
        Some(value) if value.to_ascii_lowercase().starts_with("ko") => Language::Ko,
        _ => Language::En,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_tree_of_verbs_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_language_of_the_environment() {
        let check = |pairs: &[(&str, &str)], expected| {
            let found = language_of(|name| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.to_owned()));
            assert_eq!(found, expected, "{pairs:?}");
        };
        check(&[], Language::En);
        check(&[("LANG", "ko_KR.UTF-8")], Language::Ko);
        check(&[("LANG", "ko_KR.UTF-8"), ("LC_ALL", "C.UTF-8")], Language::En);
        check(&[("LANG", "en_US.UTF-8"), ("LC_ALL", "")], Language::En);
    }
}
