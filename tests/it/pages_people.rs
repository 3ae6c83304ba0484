//! People at the portal: an account, a session, and what a browser would send.

use axum::body::Body;
use dure::model::finding::Language;
use dure::model::id::DeliveryId;
use dure::model::role::Role;
use dure::model::secret::Secret;
use dure::model::viewer::Viewer;
use dure::store::accounts::{self, AccountRow};
use dure::store::view;

use crate::harness::{Answer, Harness, NOON};

/// Somebody who is signed in.
#[derive(Clone)]
pub(crate) struct Person {
    /// What the person may do.
    pub(crate) role: Role,
    /// The organisation's short name.
    pub(crate) party: &'static str,
    /// The session's cookie.
    pub(crate) cookie: String,
    /// The token of every form.
    pub(crate) csrf: String,
    /// The account's id.
    pub(crate) id: i64,
}

impl Harness {
    /// An account of an organisation, signed in.
    pub(crate) async fn person(&self, login: &str, role: Role, party: &'static str, language: &str) -> Person {
        let organisation_id = self.org(party);
        let row = AccountRow {
            id: self.hub.next_id(),
            centre_id: self.hub.directory().organisation(organisation_id).unwrap().centre_id,
            organisation_id,
            login: login.to_owned(),
            name: format!("{login} of {party}"),
            role: role.as_str().to_owned(),
            language: language.to_owned(),
            password: String::new(),
            status: "active".to_owned(),
        };
        let token = format!("session-of-{login}");
        let csrf = format!("csrf-of-{login}");
        let (digest, told) = (Secret::new(token.as_str()).digest(), csrf.clone());
        let id = self
            .hub
            .store
            .write(move |tx| {
                let id = accounts::put(tx, &row, NOON)?;
                accounts::open_session(tx, &digest, id, &told, NOON, NOON + 3_600_000)?;
                Ok(id)
            })
            .await
            .unwrap();
        Person { role, party, cookie: format!("dure={token}"), csrf, id }
    }
}

/// The delivery of the seller's statement.
pub(crate) async fn statement(harness: &Harness) -> DeliveryId {
    let shop = harness.org("shop");
    let centre_id = harness.hub.directory().organisation(shop).unwrap().centre_id;
    let viewer = Viewer { centre_id, organisation_id: shop, role: None, account_id: None, language: Language::Ko };
    let sent = harness.hub.store.read(move |tx| view::deliveries(tx, &viewer, i64::MAX, 200)).await.unwrap();
    DeliveryId(sent.iter().find(|row| row.document_type == "Statement").unwrap().id)
}

/// Fields as a browser posts them.
pub(crate) fn fields(pairs: &[(&str, &str)]) -> String {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    pairs.iter().for_each(|(name, value)| {
        body.append_pair(name, value);
    });
    body.finish()
}

impl Person {
    /// Asks for a page.
    pub(crate) async fn get(&self, harness: &Harness, path: &str) -> Answer {
        harness.call("GET", path, &[("cookie", &self.cookie)], Body::empty()).await
    }

    /// Posts a form with the session's token.
    pub(crate) async fn post(&self, harness: &Harness, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let mut all = vec![("csrf", self.csrf.as_str())];
        all.extend(pairs);
        self.post_as_it_is(harness, path, &all).await
    }

    /// Posts a form without adding anything.
    pub(crate) async fn post_as_it_is(&self, harness: &Harness, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let headers = [("cookie", self.cookie.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        harness.call("POST", path, &headers, fields(pairs)).await
    }
}

/// A page as a test looks at it.
pub(crate) struct Page(pub(crate) String);

impl Page {
    pub(crate) fn of(answer: &Answer) -> Page {
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        Page(answer.text())
    }

    /// What stands between two pieces of text, wherever it does.
    pub(crate) fn between(&self, start: &str, end: &str) -> Vec<&str> {
        let pieces = self.0.split(start).skip(1);
        pieces.filter_map(|piece| piece.split_once(end)).map(|(inner, _)| inner).collect()
    }

    /// The start tags of elements of that name.
    pub(crate) fn tags(&self, name: &str) -> Vec<&str> {
        self.between(&format!("<{name}"), ">")
            .into_iter()
            .filter(|tag| tag.starts_with([' ', '\n']) || tag.is_empty())
            .collect()
    }

    /// The text that is read: without tags, and attributes people hear or see.
    pub(crate) fn words(&self) -> String {
        let mut out = String::new();
        let mut rest = self.0.as_str();
        while let Some((text, more)) = rest.split_once('<') {
            out.push_str(text);
            out.push(' ');
            let Some((tag, after)) = more.split_once('>') else { break };
            for name in ["aria-label=\"", "placeholder=\"", "title=\"", "data-label=\""] {
                if let Some((_, value)) = tag.split_once(name) {
                    out.push_str(value.split('"').next().unwrap());
                    out.push(' ');
                }
            }
            rest = after;
        }
        out
    }

    /// The value of a hidden field, the first of that name.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        self.between(&start, "\"").first().map_or(String::new(), |value| (*value).to_owned())
    }

    /// What is wrong with a field, as its form says.
    pub(crate) fn wrong(&self, field: &str) -> Vec<String> {
        let more = self.between(&format!("<div id=\"{field}-more\">"), "</div>");
        let inside = Page(more.first().copied().unwrap_or("").to_owned());
        inside.between("<p class=\"wrong\">", "</p>").into_iter().map(str::to_owned).collect()
    }
}

/// What holds of every page: its language, its title, headers, tokens in its forms, a label at every field, nothing
/// unfilled.
pub(crate) fn check_page(answer: &Answer, language: &str, person: Option<&Person>) -> Page {
    let page = Page::of(answer);
    let text = &page.0;
    assert!(text.starts_with("<!doctype html>"), "{text}");
    assert!(text.contains(&format!("<html lang=\"{language}\">")), "{text}");
    let [title] = page.between("<title>", "</title>")[..] else { panic!("one title: {text}") };
    assert!(title.ends_with(" · dure") && title.len() > " · dure".len(), "{title}");
    assert!(answer.header("content-security-policy").contains("default-src 'none'"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!page.words().contains("{}"), "something is not filled in: {}", page.words());
    assert_eq!(page.tags("h1").len(), usize::from(person.is_some()), "{text}");
    for form in page.between("<form", "</form>") {
        if form.contains("method=\"post\"") {
            let token = Page(form.to_owned()).hidden("csrf");
            assert!(!token.is_empty() && person.is_none_or(|person| person.csrf == token), "{form}");
        }
    }
    for name in ["input", "select"] {
        for tag in page.tags(name) {
            let id = tag.split("id=\"").nth(1).and_then(|rest| rest.split('"').next());
            let labelled = id.is_some_and(|id| text.contains(&format!("<label for=\"{id}\">")));
            let fine = labelled
                || ["type=\"hidden\"", "type=\"checkbox\"", "aria-label="].iter().any(|part| tag.contains(part));
            assert!(fine, "a field without a label: {tag}");
        }
    }
    page
}
