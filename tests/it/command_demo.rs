//! `dure demo --exit` with the real binary: every step, its log, and the store that it leaves.

use crate::program::{Said, dure};

/// Plays the demo in a folder.
fn play(folder: &std::path::Path, words: &[&str]) -> Said {
    let mut command = dure(folder);
    command.args(["demo", "--exit", "--listen", "127.0.0.1:0", "--dir", "demo", "--log", "warn"]).args(words);
    Said::of(command.output().unwrap())
}

#[test]
fn a_whole_trade_and_what_it_leaves() {
    let place = tempfile::tempdir().unwrap();
    let said = play(place.path(), &[]).code(0);
    let steps: Vec<&str> = said.out.lines().filter(|line| line.starts_with(['✓', '✗'])).collect();
    assert_eq!(steps.len(), 9, "{said:?}");
    for (number, step) in (1..).zip(&steps) {
        assert!(step.starts_with(&format!("✓ {number}. ")), "{said:?}");
    }
    assert!(said.out.contains("\n9/9 steps ended as they should"), "{said:?}");
    assert_eq!(said.err, "", "nothing is logged that anybody has to look at");
    for role in ["administrator", "operator", "buyer", "producer", "seller", "reviewer"] {
        let account = format!("  {role}, ");
        assert_eq!(said.out.matches(&account).count(), 1, "{role}: {said:?}");
    }
    // Every step can be looked at and done by hand.
    for step in said.out.split("\n\n").filter(|part| part.starts_with('✓')) {
        assert!(step.contains("    look  http://"), "{step}");
    }
    let commands = said.out.lines().filter(|line| line.starts_with("    $ curl ") || line.starts_with("    $ dure "));
    assert!(commands.count() >= 8, "{said:?}");

    // The store goes on by itself.
    let dure = |words: &[&str]| {
        let mut command = dure(place.path());
        Said::of(command.args(["--config", "demo/dure.toml"]).args(words).output().unwrap())
    };
    let verified = dure(&["verify", "--json"]).code(0).json();
    assert_eq!(verified["problems"].as_array().unwrap().len(), 0, "{verified}");
    assert!(verified["order_lines"].as_u64().unwrap() >= 4, "{verified}");
    dure(&["replay", "--held", "--dead"]).code(0);

    // Every table is what the documents make of it, whatever the order of things was.
    let rebuilt = dure(&["verify", "--rebuild", "--json"]).code(0).json();
    assert_eq!(rebuilt["problems"], serde_json::json!([]), "{rebuilt:#}");
    let (documents, rows) = (rebuilt["rebuilt"]["documents"].as_u64(), rebuilt["rebuilt"]["rows"].as_u64());
    assert!(documents.unwrap() > 30 && rows.unwrap() > 150, "{rebuilt:#}");
    let left = std::fs::read_dir(place.path().join("demo/data")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with("rebuild-")));
    // A row that no document made so.
    let tampered = [
        (
            "UPDATE order_line SET delivered = '4' WHERE line = '10'",
            "order_line",
            r#"delivered is "4", by the documents "5""#,
        ),
        ("UPDATE statement_line SET seller_minor = seller_minor + 1", "statement_line", "seller_minor is 118126, by"),
        ("DELETE FROM trade_key WHERE kind = 'sscc'", "trade_key", "a document made this row and it is gone: value"),
        ("UPDATE item SET price = '1' WHERE item_key = 'LM-60P'", "item", r#"price is "1", by the documents "2"#),
        ("UPDATE organisation SET roles = 'centre' WHERE short = 'sangsa'", "organisation", r#"roles is "centre", by"#),
        ("UPDATE delivery SET address = 'http://x/' WHERE document_type = 'Statement'", "delivery dlv_", "address is"),
        ("DELETE FROM milestone WHERE kind = 'ordered'", "milestone", "a document made this row and it is gone"),
    ];
    let database = place.path().join("demo/data/dure.sqlite");
    #[allow(clippy::disallowed_methods, reason = "the test damages what the engine keeps")]
    let connection = rusqlite::Connection::open(database).unwrap();
    for (damage, table, wrong) in tampered {
        assert!(connection.execute(damage, []).unwrap() > 0, "{damage}");
        let said = dure(&["verify", "--rebuild"]).code(1);
        let line = said.out.lines().find(|line| line.starts_with(&format!("rebuild: {table}")) && line.contains(wrong));
        assert!(line.is_some(), "{damage}: {said:?}");
    }
    let partners = dure(&["partner", "list", "--json"]).code(0).json();
    assert_eq!(partners.as_array().unwrap().len(), 6);
}

#[test]
fn in_korean_as_json() {
    let place = tempfile::tempdir().unwrap();
    let said = play(place.path(), &["--json", "--lang", "ko"]).code(0);
    let values: Vec<serde_json::Value> =
        serde_json::Deserializer::from_str(&said.out).into_iter().collect::<Result<_, _>>().unwrap();
    let steps: Vec<_> = values.iter().filter(|value| value["step"].is_u64()).collect();
    assert_eq!(steps.len(), 9, "{said:?}");
    for step in steps {
        assert_eq!((&step["good"], &step["wrong"]), (&true.into(), &serde_json::json!([])), "{step}");
        assert!(step["title"].as_str().unwrap().chars().any(|c| ('가'..='힣').contains(&c)), "{step}");
    }
    let last = values.last().unwrap();
    assert_eq!((&last["steps"], &last["good"]), (&9.into(), &9.into()));
    assert_eq!(values[0]["accounts"].as_array().unwrap().len(), 6);
    assert_eq!(said.err, "");
}
