//! `dure completions` and `dure man`: what shells and manual pages know of the verbs, made from the verbs themselves.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::call::Call;
use super::out::Outcome;
use crate::error::{Context, Result};

/// Print a completion script for a shell
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  dure completions bash > ~/.local/share/bash-completion/completions/dure")]
pub struct Completions {
    /// bash, elvish, fish, powershell or zsh
    shell: Shell,
}

impl Completions {
    /// Prints it.
    pub fn run(self, call: &Call) -> Result<Outcome> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "dure", &mut script);
        call.out.bytes(&script)?;
        Ok(Outcome::Good)
    }
}

/// Print the manual page of dure, or of one verb
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  dure man | man -l -\n  dure man partner add | man -l -")]
pub struct Man {
    /// The verb, with its second word where it has one
    verb: Vec<String>,
}

impl Man {
    /// Prints it.
    pub fn run(self, call: &Call) -> Result<Outcome> {
        let mut command = Cli::command();
        command.build();
        let mut page = &command;
        for word in &self.verb {
            page = page.find_subcommand(word).ok_or_else(|| {
                let known: Vec<_> = page.get_subcommands().map(clap::Command::get_name).collect();
                crate::error::Error::config(format!("there is no verb {word}; there are {}", known.join(", ")))
            })?;
        }
        let mut text = Vec::new();
        clap_mangen::Man::new(page.clone()).render(&mut text).context(|| "write the manual page")?;
        call.out.bytes(&text)?;
        Ok(Outcome::Good)
    }
}
