//! A connector's script: the TOML file, checked when it is loaded. Notation: docs/channels/connectors.md.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::format::template::{Place, Shape, Tables, Template};
use crate::model::document_type::DocumentType;
use crate::model::finding::Code;
use crate::pipeline::courier::Signing;

/// The scripts that are compiled in.
const BUILT_IN: &[(&str, &str)] = &[
    ("erpnext", include_str!("../../../mappings/connectors/erpnext.toml")),
    ("odoo", include_str!("../../../mappings/connectors/odoo.toml")),
    ("sample-sms", include_str!("../../../mappings/connectors/sample-sms.toml")),
    ("tryton", include_str!("../../../mappings/connectors/tryton.toml")),
];

/// The largest script that is read, bytes.
const LARGEST_FILE: u64 = 1 << 20;
/// Steps of one conversation.
const MOST_STEPS: usize = 50;

/// How one kind of system is talked to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Its name: small letters, digits and hyphens.
    pub name: String,
    /// What people call the system.
    pub title: String,
    /// Whether it was never tried against a running system.
    #[serde(default)]
    pub untried: bool,
    /// Schemes of addresses that it serves besides `connector:NAME`.
    #[serde(default)]
    pub schemes: Vec<String>,
    /// Values that the configuration may set, with their defaults; one that is empty here must be set.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// Secrets that it needs: `password` is the hub's secret `connector:NAME:password`.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// What every request but those of the session has.
    #[serde(default)]
    pub request: Defaults,
    /// How to sign in.
    #[serde(default)]
    pub session: Vec<Step>,
    /// What answers mean that are no plain success.
    #[serde(default)]
    pub errors: Vec<ErrorRule>,
    /// Words of ours and theirs.
    #[serde(default)]
    pub tables: Tables,
    /// The conversation for each type of document.
    #[serde(default)]
    pub deliver: BTreeMap<String, Vec<Step>>,
    /// What is asked for again and again.
    #[serde(default)]
    pub poll: Vec<Poll>,
    /// What the system calls us with, to say what became of a delivery.
    pub callback: Option<Callback>,
    /// A request that changes nothing, to try the way; without one signing in is tried.
    pub probe: Option<Step>,
}

/// What every request has that does not say otherwise.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    /// Method; empty: `POST` with a body, else `GET`.
    pub method: String,
    /// Path below the base address.
    pub path: Template,
    /// Headers.
    pub headers: BTreeMap<String, Template>,
}

/// One request and what is kept of its answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// Its name.
    pub step: String,
    /// The list it is gone through for.
    pub each: Option<Place>,
    /// It is left out unless all of these hold.
    pub when: Vec<Condition>,
    /// Steps that have to be asked again if this one was not done in the same attempt.
    pub fresh: Vec<String>,
    /// It looks for what a later step creates: the name of the kept value, which may be missing in the answer.
    pub looks_up: Option<String>,
    /// It creates what an earlier step has looked up and not found: the name of the kept value.
    pub creates: Option<String>,
    /// Seconds after which one that was sent and not answered has happened or not.
    pub settle_s: Option<u32>,
    /// Method.
    pub method: String,
    /// Path below the base address.
    pub path: Option<Template>,
    /// Query of the address; values are escaped.
    pub query: BTreeMap<String, Template>,
    /// Headers besides the usual ones.
    pub headers: BTreeMap<String, Template>,
    /// JSON that is sent.
    pub body: Option<Shape>,
    /// A form that is sent.
    pub form: BTreeMap<String, Template>,
    /// What is kept of the answer, by JSON pointers.
    pub keep: BTreeMap<String, Pointer>,
    /// Which of it the answer may lack.
    pub optional: Vec<String>,
    /// What is made of values that are kept.
    pub make: BTreeMap<String, Template>,
    /// What it means if the answer lacks something that is to be kept.
    pub missing: Option<Complaint>,
    /// What has to be so then.
    pub check: Vec<Check>,
    /// What stands as the receipt of the delivery when all is done.
    pub receipt: Option<Template>,
}

/// A JSON pointer (RFC 6901).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pointer(pub String);

/// A value is one of these, or none of those, or there at all.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The value; nothing counts as empty.
    pub value: Place,
    /// It is one of these.
    #[serde(default)]
    pub is: Vec<String>,
    /// It is none of these.
    #[serde(default)]
    pub is_not: Vec<String>,
}

/// What is told about the document.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Complaint {
    /// The finding.
    pub code: Code,
    /// Where in the document, or in the line that is gone through.
    #[serde(default)]
    pub at: String,
    /// What is wrong.
    #[serde(default)]
    pub found: Template,
    /// What was expected; without it the system's title.
    pub expected: Option<Template>,
}

/// A condition that has to hold, and what is told if it does not.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The value.
    pub value: Template,
    /// It has to be one of these.
    pub is: Vec<Template>,
    /// What is told.
    pub complaint: Complaint,
}

/// Which answers mean what. The first rule that fits counts; without one, 2xx is good, 401 asks to sign in again, 408, 425, 429
/// and 5xx mean later, and everything else is a refusal.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRule {
    /// One of these statuses; empty: any.
    #[serde(default)]
    pub status: Vec<u16>,
    /// The value there is looked at; it has to be there.
    pub at: Option<Pointer>,
    /// It is one of these.
    #[serde(default)]
    pub is: Vec<String>,
    /// It contains one of these.
    #[serde(default)]
    pub contains: Vec<String>,
    /// What it means.
    pub means: Means,
    /// Where the answer says it in words.
    pub say: Option<Pointer>,
}

/// What an answer means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// All is well.
    Good,
    /// Later perhaps.
    Again,
    /// The session is over.
    SignIn,
    /// The document cannot be taken, and the answer says why.
    Finding,
    /// The request is refused; a person has to look.
    Refused,
}

/// What is asked for again and again: changes since a position, each made into a document of ours.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// Its name.
    pub name: String,
    /// The type of the documents that come of it.
    pub document: String,
    /// Asks for one page, from `{position}` on, `{offset}` left out, `{page}` at most.
    pub list: Step,
    /// Where the changes stand in the answer.
    pub items: Pointer,
    /// Members of a page.
    pub page: usize,
    /// Where the position stands in a change.
    pub position: Pointer,
    /// The position before the first change, JSON.
    pub start: Shape,
    /// Changes that are looked at.
    #[serde(default)]
    pub when: Vec<Condition>,
    /// What is asked for each change.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// The document.
    pub content: Shape,
}

/// A call that says what became of something.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Callback {
    /// How it is signed, as couriers' calls are.
    pub signing: Signing,
    /// The document it becomes.
    pub content: Shape,
}

/// All scripts, by name.
#[derive(Clone, Debug, Default)]
pub struct Scripts(BTreeMap<String, Script>);

impl Scripts {
    /// The built-in ones and those of these files; a file takes the place of a built-in one of its name.
    pub fn load(files: &[PathBuf]) -> Result<Scripts> {
        let mut scripts = Scripts::default();
        for (name, text) in BUILT_IN {
            scripts.add(Script::parse(text).map_err(|error| error.context(name))?);
        }
        for file in files {
            let wrong = |error: std::io::Error| Error::config(format!("read {}", file.display())).caused_by(error);
            let mut text = String::new();
            let open = std::fs::File::open(file).map_err(wrong)?;
            open.take(LARGEST_FILE).read_to_string(&mut text).map_err(wrong)?;
            scripts.add(Script::parse(&text).map_err(|error| error.context(file.display()))?);
        }
        Ok(scripts)
    }

    fn add(&mut self, script: Script) {
        self.0.insert(script.name.clone(), script);
    }

    /// The script of that name.
    pub fn get(&self, name: &str) -> Option<&Script> {
        self.0.get(name)
    }

    /// The names of all.
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

impl Script {
    /// From the text of its file; what is wrong is named with line and column, or with the step.
    pub fn parse(text: &str) -> Result<Script> {
        let script: Script = toml::from_str(text).map_err(|error| Error::config(error.to_string()))?;
        script.check().map_err(Error::config)?;
        Ok(script)
    }

    fn check(&self) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return Err(format!("name {:?}: use small letters, digits and hyphens", self.name));
        }
        let mut known: BTreeSet<String> = ["item", "number"].map(str::to_owned).into();
        if let Some(callback) = &self.callback {
            self.needs("callback", callback.content.needs(), &known)?;
        }
        known.extend(["delivery", "to"].map(str::to_owned));
        known.extend(self.settings.keys().map(|name| format!("setting.{name}")));
        known.extend(self.secrets.iter().map(|name| format!("secret.{name}")));
        self.steps("session", &self.session, &mut known)?;
        let defaults = self.request.headers.values().chain([&self.request.path]);
        for template in defaults {
            self.needs("[request]", template.needs(), &known)?;
        }
        for (document, steps) in &self.deliver {
            if document.parse::<DocumentType>().is_err() {
                return Err(format!("[[deliver.{document}]]: there is no document type {document}"));
            }
            self.steps(&format!("deliver.{document}"), steps, &mut known.clone())?;
        }
        for poll in &self.poll {
            let place = format!("poll {:?}", poll.name);
            if poll.document.parse::<DocumentType>().is_err() {
                return Err(format!("{place}: there is no document type {}", poll.document));
            }
            if poll.page == 0 || poll.page > 1000 {
                return Err(format!("{place}: page is 1 to 1000"));
            }
            let mut known = known.clone();
            self.needs(&place, poll.start.needs(), &known)?;
            known.extend(["position", "offset", "page"].map(str::to_owned));
            self.steps(&place, std::slice::from_ref(&poll.list), &mut known)?;
            self.steps(&place, &poll.steps, &mut known)?;
            self.needs(&place, poll.content.needs(), &known)?;
        }
        if let Some(probe) = &self.probe {
            self.steps("probe", std::slice::from_ref(probe), &mut known)?;
        }
        Ok(())
    }

    fn needs(&self, place: &str, needs: (Vec<&str>, Vec<&str>), known: &BTreeSet<String>) -> Result<(), String> {
        let (names, tables) = needs;
        if let Some(name) = names.iter().find(|name| !known.contains(**name)) {
            return Err(format!("{place}: nothing before it is called {name}"));
        }
        match tables.iter().find(|name| !self.tables.contains_key(**name)) {
            Some(table) => Err(format!("{place}: there is no table {table}")),
            None => Ok(()),
        }
    }

    /// Whether a name is kept of the session.
    fn of_session(&self, name: &str) -> bool {
        self.session.iter().any(|step| step.keep.contains_key(name) || step.make.contains_key(name))
    }

    /// Checks steps in their order: what each needs is known by then, and is known to those behind it.
    fn steps(&self, place: &str, steps: &[Step], known: &mut BTreeSet<String>) -> Result<(), String> {
        if steps.len() > MOST_STEPS {
            return Err(format!("[[{place}]]: more than {MOST_STEPS} steps"));
        }
        let mut before: Vec<&Step> = Vec::new();
        let signs_in = place == "session";
        for step in steps {
            let place = format!("{place}, step {:?}", step.step);
            if step.step.is_empty() || before.iter().any(|other| other.step == step.step) {
                return Err(format!("{place}: every step needs a name of its own"));
            }
            let texts =
                step.path.iter().chain(step.headers.values()).chain(step.form.values()).chain(step.query.values());
            for template in texts {
                self.needs(&place, template.needs(), known)?;
            }
            if let Some(body) = &step.body {
                self.needs(&place, body.needs(), known)?;
            }
            if step.body.is_some() && !step.form.is_empty() {
                return Err(format!("{place}: body or form, not both"));
            }
            if let Some(name) = &step.looks_up
                && !step.keep.contains_key(name)
            {
                return Err(format!("{place}: it looks up {name} and does not keep it"));
            }
            if let Some(name) = &step.creates {
                let looked = before.iter().any(|other| other.looks_up.as_ref() == Some(name));
                if !looked || !step.keep.contains_key(name) {
                    return Err(format!(
                        "{place}: it creates {name}, which a step before it has to look up and it to keep"
                    ));
                }
            }
            if step.each.is_some() && (step.creates.is_some() || step.looks_up.is_some() || !step.fresh.is_empty()) {
                return Err(format!("{place}: one with each neither looks up nor creates, and needs nothing fresh"));
            }
            if let Some(name) = step.fresh.iter().find(|name| !before.iter().any(|other| other.step == **name)) {
                return Err(format!("{place}: there is no step {name} before it"));
            }
            known.extend(step.keep.keys().cloned());
            for template in step.make.values() {
                self.needs(&place, template.needs(), known)?;
            }
            let hidden = |name: &&str| name.starts_with("secret.") || self.of_session(name);
            if let Some(name) = step.make.values().flat_map(|made| made.needs().0).find(hidden).filter(|_| !signs_in) {
                return Err(format!("{place}: what is made is recorded, and {name} must not be"));
            }
            known.extend(step.make.keys().cloned());
            let checks = step.check.iter().flat_map(|check| check.is.iter().chain([&check.value]));
            for template in checks.chain(&step.receipt) {
                self.needs(&place, template.needs(), known)?;
            }
            before.push(step);
        }
        Ok(())
    }
}

impl Pointer {
    /// What stands there, if anything does.
    pub fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        value.pointer(&self.0)
    }
}

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Pointer, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() || text.starts_with('/') {
            Ok(Pointer(text))
        } else {
            Err(serde::de::Error::custom(format!("{text} is no JSON pointer, such as /result/0/id")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
name = "a-1"
title = "A"
secrets = ["key"]
settings = { user = "" }
[request]
headers = { Authorization = "Bearer {token}" }
[[session]]
step = "log-in"
body = '{"u": "{setting.user}", "k": "{secret.key}"}'
keep = { token = "/token" }
[[deliver.Order]]
step = "look"
path = "sales/{/id}"
looks_up = "sale"
keep = { sale = "/0/id" }
[[deliver.Order]]
step = "create"
creates = "sale"
body = '{"no": "{/id}"}'
keep = { sale = "/id" }
receipt = "sale {sale}"
"#;

    fn refused(from: &str, to: &str, expected: &str) {
        let text = GOOD.replace(from, to);
        assert_ne!(text, GOOD, "{from}");
        let error = Script::parse(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        Script::parse(GOOD).unwrap();
        refused("name = \"a-1\"", "name = \"A\"", "small letters");
        refused("title", "titel", "line 3");
        refused("{setting.user}", "{setting.usr}", "step \"log-in\": nothing before it is called setting.usr");
        refused("Bearer {token}", "Bearer {tokn}", "[request]: nothing before it is called tokn");
        refused("'{\"no\": \"{/id}\"}'", "'{\"no\": {/id}}'", "line 20");
        refused("looks_up = \"sale\"", "", "which a step before it has to look up");
        refused("step = \"create\"", "step = \"look\"", "a name of its own");
        refused("deliver.Order", "deliver.Ordr", "no document type");
        refused("\"/0/id\"", "\"0/id\"", "line 16");
        refused("{sale}", "{sale|table:x}", "no table x");
    }

    #[test]
    fn built_in_ones_are_good() {
        let scripts = Scripts::load(&[]).unwrap();
        assert_eq!(scripts.names().len(), BUILT_IN.len());
        for (name, _) in BUILT_IN {
            assert_eq!(scripts.get(name).unwrap().name, *name);
        }
    }
}
