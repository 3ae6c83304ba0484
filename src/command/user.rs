//! `dure user`: people who sign in at the portal. A change is an Account document of the centre; a password is none.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::administer::{AccountWords, Decided, Wish};
use super::call::Call;
use super::out::{Out, Outcome};
use super::reach::{self, Reach, Target};
use super::secret::read_secret;
use crate::error::{Error, Result};
use crate::model::role::Role;
use crate::model::secret::Secret;
use crate::portal::password;

/// People who sign in at the portal: add, show, list, password, end
#[derive(Subcommand, Debug)]
pub(super) enum Verb {
    Add(Add),
    End(End),
    List(List),
    Password(Password),
    Show(Show),
}

/// Make an account and print its password, this once; or change one: what is not said stays as it is
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  dure user add kim@example.com --role producer --party acme --name '김하나'")]
pub(super) struct Add {
    /// Sign-in name
    login: String,
    /// What the person may do
    #[arg(long, value_parser = role)]
    role: Option<Role>,
    /// The organisation's short name
    #[arg(long)]
    party: Option<String>,
    /// Name people read
    #[arg(long)]
    name: Option<String>,
    /// Language of the pages
    #[arg(long, value_parser = ["ko", "en"])]
    language: Option<String>,
    #[command(flatten)]
    target: Target,
}

/// End an account, at once
#[derive(Args, Debug)]
pub(super) struct End {
    /// Sign-in name
    login: String,
    #[command(flatten)]
    target: Target,
}

/// List accounts
#[derive(Args, Debug)]
pub(super) struct List {}

/// Show an account
#[derive(Args, Debug)]
pub(super) struct Show {
    /// Sign-in name
    login: String,
}

/// Set a new password: a made one, printed this once, or one from standard input
#[derive(Args, Debug)]
pub(super) struct Password {
    /// Sign-in name
    login: String,
    /// Read it from standard input, or ask for it
    #[arg(long)]
    stdin: bool,
}

fn role(text: &str) -> Result<Role, String> {
    let words: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
    Role::from_word(text).ok_or_else(|| format!("there are {}", words.join(", ")))
}

impl Verb {
    /// Runs it.
    pub(super) async fn run(self, call: &Call) -> Result<Outcome> {
        match self {
            Verb::Add(verb) => verb.run(call).await,
            Verb::End(verb) => {
                let reach = Reach::find(call, &verb.target).await?;
                let known = find(&reach, &verb.login).await?;
                let mut document = document(&known);
                document["status"] = "ended".into();
                reach.submit(&call.out, document).await
            }
            Verb::List(_) => list(call).await,
            Verb::Password(verb) => {
                let given = if verb.stdin { Some(read_secret(&call.out, &verb.login)?) } else { None };
                let reach = Reach::local(call).await?;
                let made = match given {
                    Some(text) => {
                        set(&reach, &verb.login, &Secret::new(text.as_str())).await?;
                        return Ok(Outcome::Good);
                    }
                    None => password::new()?,
                };
                set(&reach, &verb.login, &made).await?;
                show(&call.out, &verb.login, &made)
            }
            Verb::Show(verb) => {
                call.out.json(&find(&Reach::local(call).await?, &verb.login).await?)?;
                Ok(Outcome::Good)
            }
        }
    }
}

impl Add {
    async fn run(self, call: &Call) -> Result<Outcome> {
        let reach = Reach::find(call, &self.target).await?;
        let known = match &reach {
            // A hub elsewhere is told the whole account, and its password is set there.
            Reach::Remote(_) => None,
            _ => all(&reach).await?.into_iter().find(|account| account.login == self.login),
        };
        let mut fields = match known.as_ref().map(document) {
            Some(Value::Object(fields)) => fields,
            _ => Map::from_iter([("type".to_owned(), "Account".into()), ("id".to_owned(), self.login.clone().into())]),
        };
        fields.insert("status".to_owned(), "active".into());
        let said = [
            ("role", self.role.map(|role| role.as_str().to_owned())),
            ("party", self.party),
            ("name", self.name),
            ("language", self.language),
        ];
        for (field, value) in said {
            if let Some(value) = value {
                fields.insert(field.to_owned(), value.into());
            }
        }
        let document = Value::Object(fields);
        let decided: Decided = reach.ask(Wish::Submit { document }, |_| {}).await?;
        let lacks_password = known.is_none_or(|account| !account.password);
        if !decided.is_good() || !lacks_password || matches!(reach, Reach::Remote(_)) {
            return reach::print(&call.out, &decided);
        }
        let made = password::new()?;
        set(&reach, &self.login, &made).await?;
        show(&call.out, &self.login, &made)
    }
}

async fn list(call: &Call) -> Result<Outcome> {
    let out = &call.out;
    let accounts = all(&Reach::local(call).await?).await?;
    if out.json {
        out.json(&accounts)?;
        return Ok(Outcome::Good);
    }
    let row = |account: &AccountWords| {
        let AccountWords { login, name, role, party, language, status, password } = account.clone();
        let state = if password || status != "active" { status } else { "no password".to_owned() };
        [login, name, role, party, language, state]
    };
    let rows: Vec<_> = accounts.iter().map(row).collect();
    out.table(["LOGIN", "NAME", "ROLE", "PARTNER", "LANGUAGE", "STATE"], &rows)?;
    Ok(Outcome::Good)
}

async fn all(reach: &Reach) -> Result<Vec<AccountWords>> {
    reach.ask(Wish::Accounts, |_| {}).await
}

async fn find(reach: &Reach, login: &str) -> Result<AccountWords> {
    let found = all(reach).await?.into_iter().find(|account| account.login == login);
    found.ok_or_else(|| Error::config(format!("no account is called {login}; see `dure user list`")))
}

fn document(account: &AccountWords) -> Value {
    json!({
        "type": "Account",
        "id": account.login,
        "name": account.name,
        "role": account.role,
        "party": account.party,
        "language": account.language,
        "status": account.status,
    })
}

/// Sets a password of an account.
async fn set(reach: &Reach, login: &str, password: &Secret) -> Result<()> {
    if password.expose().chars().count() < password::SHORTEST {
        return Err(Error::config(format!("a password needs at least {} characters", password::SHORTEST)));
    }
    let hash = password::hash(password)?;
    reach.ask(Wish::SetPassword { login: login.to_owned(), hash }, |_| {}).await
}

fn show(out: &Out, login: &str, password: &Secret) -> Result<Outcome> {
    if out.json {
        out.json(&json!({ "login": login, "password": password.expose() }))?;
    } else {
        out.line(password.expose())?;
        let once = out.say("비밀번호는 지금 한 번만 보입니다", "the password is shown this once");
        out.remark(format!("{login}: {once}"));
    }
    Ok(Outcome::Good)
}
