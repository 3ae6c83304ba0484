//! `dure secret`: what must be used again and is sealed at rest: signing secrets, partners' own credentials, couriers'
//! secrets. Agreements name them. A value comes from standard input, never from the command line, where others see it.

use std::io::{BufRead, IsTerminal, Read};

use clap::{Args, Subcommand};
use ring::rand::SystemRandom;
use zeroize::Zeroizing;

use super::administer::Wish;
use super::call::Call;
use super::out::{Out, Outcome};
use super::reach::Reach;
use crate::error::{Context, Error, Result};
use crate::transport::webhook;

/// The longest secret, bytes.
const LONGEST: u64 = 64 << 10;

/// Secrets that agreements and couriers use: set, list
#[derive(Subcommand, Debug)]
pub(super) enum Verb {
    List(List),
    Set(Set),
}

/// Keep a secret under a name; the value is read from standard input or asked for
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  dure secret set acme-out --generate\n  \
    echo -n bearer:TOKEN | dure secret set acme-credential\n  dure secret set courier:pyobon < secret.txt\n\n\
    A partner's credential is written bearer:TOKEN or basic:USER:PASSWORD. A courier's secret is called courier:NAME, by \
    the courier's short name; while it is changed, courier:NAME:old holds as well.")]
pub(super) struct Set {
    /// Its name
    name: String,
    /// Make a signing secret (whsec_…) and print it, this once
    #[arg(long)]
    generate: bool,
}

/// List the names
#[derive(Args, Debug)]
pub(super) struct List {}

impl Verb {
    /// Runs it.
    pub(super) async fn run(self, call: &Call) -> Result<Outcome> {
        let out = &call.out;
        match self {
            Verb::List(_) => {
                let names: Vec<String> = Reach::local(call).await?.ask(Wish::Secrets, |_| {}).await?;
                if out.json {
                    out.json(&names)?;
                } else {
                    names.iter().try_for_each(|name| out.line(name))?;
                }
            }
            Verb::Set(verb) => {
                let value = if verb.generate {
                    Zeroizing::new(webhook::new_secret(&SystemRandom::new())?.expose().to_owned())
                } else {
                    read_secret(out, &verb.name)?
                };
                let reach = Reach::local(call).await?;
                let name = verb.name;
                let wish = Wish::PutSecret { name: name.clone(), value: value.to_string() };
                let () = reach.ask(wish, |_| {}).await?;
                if verb.generate && out.json {
                    out.json(&serde_json::json!({ "name": name, "secret": value.as_str() }))?;
                } else if verb.generate {
                    out.line(value.as_str())?;
                }
            }
        }
        Ok(Outcome::Good)
    }
}

/// A secret from standard input, without the line end; at a terminal it is asked for and not shown.
pub(super) fn read_secret(out: &Out, what: &str) -> Result<Zeroizing<String>> {
    let mut value = Zeroizing::new(String::new());
    let input = std::io::stdin();
    if input.is_terminal() {
        out.remark(format!("{what}: "));
        let hidden = show(false);
        let read = input.lock().take(LONGEST).read_line(&mut value);
        if hidden {
            show(true);
        }
        read.context(|| "read the secret")?;
    } else {
        input.lock().take(LONGEST).read_to_string(&mut value).context(|| "read the secret from standard input")?;
    }
    let value = Zeroizing::new(value.trim_end_matches(['\r', '\n']).to_owned());
    if value.is_empty() {
        return Err(Error::config("the secret is empty"));
    }
    Ok(value)
}

/// Whether what is typed is shown; the terminal is asked by stty, whether it could be is given back.
fn show(visible: bool) -> bool {
    let word = if visible { "echo" } else { "-echo" };
    std::process::Command::new("stty").arg(word).status().is_ok_and(|status| status.success())
}
