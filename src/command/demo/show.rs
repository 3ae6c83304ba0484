//! How the demo prints: a step with what happened, ids, links into the portal, and a command that can be copied.

use serde_json::json;

use crate::command::out::Out;
use crate::error::Result;

/// One step.
#[derive(Debug, Default)]
pub(super) struct Step {
    number: usize,
    title: String,
    /// What happened: a few words and what belongs to them.
    facts: Vec<(String, String)>,
    /// Pages, with the account that may see them.
    links: Vec<(String, &'static str)>,
    /// Commands that can be copied.
    commands: Vec<String>,
    /// What did not end as it should.
    wrong: Vec<String>,
}

impl Step {
    /// A step with its title.
    pub(super) fn new(number: usize, title: impl Into<String>) -> Step {
        Step { number, title: title.into(), ..Step::default() }
    }

    /// Something that happened.
    pub(super) fn fact(&mut self, what: impl Into<String>, value: impl Into<String>) {
        self.facts.push((what.into(), value.into()));
    }

    /// A page.
    pub(super) fn link(&mut self, url: impl Into<String>, account: &'static str) {
        self.links.push((url.into(), account));
    }

    /// A command.
    pub(super) fn command(&mut self, line: impl Into<String>) {
        self.commands.push(line.into());
    }

    /// Something that must hold; what is said if it does not.
    pub(super) fn must(&mut self, holds: bool, wrong: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(wrong());
        }
    }

    /// Whether it ended as it should.
    pub(super) fn is_good(&self) -> bool {
        self.wrong.is_empty()
    }

    /// What did not.
    pub(super) fn wrong(&self) -> &[String] {
        &self.wrong
    }

    /// Prints it; in JSON an object.
    pub(super) fn print(&self, out: &Out) -> Result<()> {
        if out.json {
            let pairs = |list: &[(String, String)]| -> Vec<_> {
                list.iter().map(|(what, value)| json!({ "what": what, "value": value })).collect()
            };
            let links: Vec<_> =
                self.links.iter().map(|(url, account)| json!({ "url": url, "account": account })).collect();
            return out.json(&json!({ "step": self.number, "title": self.title, "good": self.is_good(),
                "facts": pairs(&self.facts), "links": links, "commands": self.commands, "wrong": self.wrong }));
        }
        let mark = if self.is_good() { "✓" } else { "✗" };
        out.line(format!("\n{mark} {}. {}", self.number, self.title))?;
        for (what, value) in &self.facts {
            out.line(format!("    {what}  {value}"))?;
        }
        for (url, account) in &self.links {
            out.line(format!("    {}  {url}  ({account})", out.say("보기", "look")))?;
        }
        for command in &self.commands {
            out.line(format!("    $ {command}"))?;
        }
        self.wrong.iter().try_for_each(|wrong| out.line(format!("    !! {wrong}")))
    }
}
