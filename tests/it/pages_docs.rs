//! The table of rights in `docs/portal.md` is made from the table of pages; DURE_BLESS=1 writes it anew.

use std::fmt::Write;

use dure::model::finding::Language;
use dure::model::role::Role;
use dure::portal::PAGES;
use dure::portal::language::Words;
use dure::portal::rights::{Method, Scope};

const START: &str = "<!-- rights: made by tests/it/pages_docs.rs -->\n";
const END: &str = "<!-- end of rights -->\n";

fn made() -> String {
    let w = Words::of(Language::En);
    let mut text = "| page | | title |".to_owned();
    Role::ALL.iter().for_each(|role| write!(text, " {} |", role.as_str()).unwrap());
    writeln!(text, "\n|---|---|---{}|", "|---".repeat(Role::ALL.len())).unwrap();
    for page in PAGES {
        let method = if page.method == Method::Get { "GET" } else { "POST" };
        let (centre, own) = ((page.title)(w, Scope::Centre), (page.title)(w, Scope::Own));
        let title = if centre == own { centre.to_owned() } else { format!("{centre}; own: {own}") };
        write!(text, "| `{}` | {method} | {title} |", page.path).unwrap();
        for &role in Role::ALL {
            let scope = match page.rights.of(role) {
                Scope::Nothing => "–",
                Scope::Own => "own",
                Scope::Centre => "centre",
            };
            write!(text, " {scope} |").unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_table_of_rights_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/portal.md");
    let there = std::fs::read_to_string(path).unwrap();
    let (before, rest) = there.split_once(START).expect("docs/portal.md has a place for the table");
    let (_, after) = rest.split_once(END).expect("the table ends");
    let made = format!("{before}{START}{}{END}{after}", made());
    if std::env::var_os("DURE_BLESS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap();
    assert!(there == made, "docs/portal.md is not what the table of pages says: DURE_BLESS=1 writes it anew");
}
