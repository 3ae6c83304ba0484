//! Every verb, by the real binary.

use std::process::Command;

use crate::program::{Place, dure};

/// The same administration with a hub that runs and without one.
fn administer(place: &Place) {
    let add = ["partner", "add", "acme", "--name", "표본정밀(주)", "--role", "producer", "--id", "gln:8801234500012"];
    let said = place.run(&add).code(0);
    assert!(said.out.starts_with("Party acme: accepted (doc_"), "{said:?}");
    // What is not said stays.
    place.run(&["partner", "add", "acme", "--mail", "edi@acme.example"]).code(0);
    let shown = place.run(&["partner", "show", "acme"]).code(0).json();
    assert_eq!(shown["profile"]["identifiers"][0], "gln:8801234500012");
    assert_eq!(shown["profile"]["contact"]["electronic_mail"], "edi@acme.example");

    let said = place.run(&["partner", "add", "wrong", "--name", "W", "--id", "gln:8801234500013"]).code(1);
    assert!(said.out.contains("should be 2 [check-digit]"), "{said:?}");
    let said =
        place.run(&["--lang", "ko", "partner", "add", "wrong", "--name", "W", "--id", "gln:8801234500013"]).code(1);
    assert!(said.out.contains("검증 숫자"), "{said:?}");

    place.run(&["agreement", "add", "a", "--party", "acme", "--in", "Catalogue", "--format", "csv"]).code(0);
    place.run(&["agreement", "add", "a", "--charset", "euc-kr"]).code(0);
    let listed = place.run(&["agreement", "list", "--party", "acme", "--json"]).code(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!((&listed[0]["version"], &listed[0]["terms"]["charset"]), (&2.into(), &"euc-kr".into()));
    assert_eq!(listed[0]["terms"]["document_type"], "Catalogue");
    place.run(&["agreement", "add", "b", "--party", "nobody", "--in", "Order", "--format", "ubl-2.1"]).code(1);
    place.run(&["agreement", "add", "b", "--in", "Ordner"]).code(2);

    let said = place.run(&["key", "add", "acme"]).code(0);
    assert!(said.out.starts_with("dk_") && said.out.lines().count() == 1, "{said:?}");
    let made = place.run(&["key", "add", "acme", "--webhook", "--json"]).code(0).json();
    assert!(made["signing_secret"].as_str().unwrap().starts_with("whsec_"));
    let id = made["id"].as_str().unwrap().to_owned();
    place.run(&["key", "end", &id]).code(0);
    place.run(&["key", "end", &id]).code(2);
    let keys = place.run(&["key", "list", "--json"]).code(0).json();
    let ended = keys.as_array().unwrap().iter().filter(|key| key["ended_ms"].is_i64()).count();
    assert_eq!((keys.as_array().unwrap().len(), ended), (2, 1));
    place.run(&["key", "add", "nobody"]).code(2);

    place.run_with(&["secret", "set", "acme-out"], b"bearer:TOKEN\n").code(0);
    place.run_with(&["secret", "set", "empty"], b"\n").code(2);
    assert!(place.run(&["secret", "list"]).code(0).out.lines().any(|line| line == "acme-out"));

    let said = place.run(&["user", "add", "kim", "--role", "producer", "--party", "acme"]).code(0);
    assert_eq!(said.out.trim().len(), 19, "{said:?}");
    let other = place.run(&["user", "password", "kim"]).code(0);
    assert_ne!(said.out, other.out);
    place.run_with(&["user", "password", "kim", "--stdin"], "함께 일하는 두레 마을".as_bytes()).code(0);
    place.run_with(&["user", "password", "kim", "--stdin"], b"short").code(2);
    place.run(&["user", "end", "kim"]).code(0);
    let users = place.run(&["user", "list", "--json"]).code(0).json();
    let kim = users.as_array().unwrap().iter().find(|user| user["login"] == "kim").unwrap();
    assert_eq!((&kim["status"], &kim["password"]), (&"ended".into(), &true.into()));

    place.run(&["partner", "end", "acme"]).code(0);
    assert_eq!(place.run(&["partner", "show", "acme"]).code(0).json()["active"], false);
    assert_eq!(place.run(&["verify", "--json"]).code(0).json()["problems"].as_array().unwrap().len(), 0);
}

#[test]
fn administration_without_a_hub_that_runs() {
    administer(&Place::new());
}

#[test]
fn administration_by_the_socket_of_a_hub_that_runs() {
    use std::os::unix::fs::PermissionsExt;
    let mut place = Place::new();
    let url = place.serve(&[]);
    let socket = std::fs::metadata(place.path().join("dure-data/dure.sock")).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    administer(&place);
    let said = place.run(&["doctor"]).code(0);
    assert!(said.out.contains(&url), "{said:?}");
    // A second hub on the same folder is refused.
    let said = place.run(&["serve"]).code(2);
    assert!(said.err.contains("is using the data folder"), "{said:?}");
    assert_eq!(place.stop(), Some(0));
    place.run(&["partner", "list"]).code(0);
}

#[test]
fn a_hub_is_made_once() {
    let place = Place::new();
    let said = place.run(&["init", "."]).code(2);
    assert!(said.err.contains("is there already"), "{said:?}");
    let said = place.run(&["serve", "--print-config"]).code(0);
    assert!(said.out.contains("listen = \"127.0.0.1:7373\""), "{said:?}");
    let elsewhere = tempfile::tempdir().unwrap();
    let said = dure(elsewhere.path()).args(["partner", "list"]).output().unwrap();
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&said.stderr).contains("dure init"));
}

#[test]
fn backup_and_restore() {
    let mut place = Place::new();
    place.run(&["partner", "add", "one", "--name", "One", "--role", "buyer"]).code(0);
    place.serve(&[]);
    place.run(&["backup", "copy.sqlite"]).code(0);
    place.run(&["backup", "copy.sqlite"]).code(2);
    place.run(&["partner", "add", "two", "--name", "Two", "--role", "buyer"]).code(0);
    let said = place.run(&["restore", "copy.sqlite"]).code(2);
    assert!(said.err.contains("stop it first"), "{said:?}");
    place.stop();
    let said = place.run(&["restore", "copy.sqlite"]).code(0);
    assert!(said.err.contains("is kept as"), "{said:?}");
    let partners = place.run(&["partner", "list", "--json"]).code(0).json();
    let names: Vec<_> = partners.as_array().unwrap().iter().map(|partner| partner["short"].as_str().unwrap()).collect();
    assert_eq!(names, ["centre", "one"]);
    let broken = place.file("broken.sqlite", b"this is no database");
    place.run(&["restore", broken.to_str().unwrap()]).code(2);
    place.run(&["verify"]).code(0);
}

#[test]
fn a_changed_payload_is_noticed() {
    let place = Place::new();
    let store = place.path().join("dure-data/dure.sqlite");
    let change = "UPDATE payload SET bytes = CAST(replace(CAST(bytes AS TEXT), 'centre', 'center') AS BLOB)";
    #[allow(clippy::disallowed_methods, reason = "the test damages what the engine keeps")]
    let connection = rusqlite::Connection::open(store).unwrap();
    assert!(connection.execute(change, []).unwrap() > 0);
    drop(connection);
    let said = place.run(&["verify"]).code(1);
    assert!(said.out.contains("payloads: ix_") && said.out.contains("digest differs"), "{said:?}");
}

#[test]
fn the_doctor_says_what_to_do() {
    let place = Place::new();
    let said = place.run(&["doctor"]).code(0);
    assert!(said.out.contains("dure serve") && said.out.contains("mail_out.relay"), "{said:?}");
    let key = place.path().join("dure-data/sealing.key");
    place.run_with(&["secret", "set", "one"], b"secret").code(0);
    std::fs::remove_file(&key).unwrap();
    let said = place.run(&["doctor", "--json"]).code(1);
    let checks = said.json();
    let found = checks.as_array().unwrap().iter().find(|check| check["what"] == "sealing key").unwrap().clone();
    assert_eq!(found["state"], "bad", "{said:?}");
    place.file("dure.toml", "listen = 7\n");
    let said = place.run(&["doctor"]).code(1);
    assert!(said.out.contains("line 1, column 10"), "{said:?}");
}

#[test]
fn calls_that_are_wrong_end_with_2() {
    let place = Place::new();
    for words in
        [&["nothing"][..], &["partner"], &["partner", "add"], &["replay"], &["replay", "x"], &["check", "nowhere.xml"]]
    {
        let said = place.run(words).code(2);
        assert!(said.out.is_empty() && !said.err.is_empty(), "{said:?}");
    }
    // Without a verb the help says what there is.
    assert!(place.run(&[]).code(2).err.contains("Commands:"));
    for words in [&["--help"][..], &["--version"], &["partner", "add", "--help"], &["man"], &["man", "key", "add"]] {
        assert!(!place.run(words).code(0).out.is_empty());
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.run(&["completions", shell]).code(0).out.contains("dure"));
    }
}

#[test]
fn nobody_listens_any_more() {
    // `dure man | head -1`: the reader goes away, and that is no failure.
    let place = Place::new();
    let script = format!("set -o pipefail; '{}' man | head -1", crate::program::DURE);
    let said = Command::new("bash").args(["-c", &script]).current_dir(place.path()).output().unwrap();
    assert!(said.status.success(), "{said:?}");
}
