//! `send`, `status`, `trade`, `explain`, `replay`, `simulate`, `verify`, `backup`, `restore`: the real binary against a hub
//! that runs, with the companies of the demo made by hand.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use dure::clock::Stopwatch;
use serde_json::Value;

use crate::program::{Place, Said, dure};

/// Longest wait for something that should happen.
const PATIENCE_US: u64 = 30_000_000;
const ORDER: &str = "PO-2026-1124";

/// A simulator that runs until this is dropped.
struct Simulator {
    child: Child,
    /// The first line that it printed.
    said: String,
    /// What it prints goes on to somebody.
    _out: BufReader<ChildStdout>,
}

impl Simulator {
    fn start(place: &Place, words: &[&str], settings: &[(&str, &str)]) -> Simulator {
        let mut command = dure(place.path());
        command.arg("simulate").args(words).envs(settings.iter().copied()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut said = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut said).unwrap();
        Simulator { child, said: said.trim().to_owned(), _out: out }
    }

    /// A partner's system, with its key and the secret by which it knows the hub; gives it and its address.
    fn partner(place: &Place, url: &str, key: &str, secret: &str, waybill: &str) -> (Simulator, String) {
        let words = ["partner", "--listen", "127.0.0.1:0", "--url", url, "--pause", "0", "--waybill", waybill];
        let simulator = Simulator::start(place, &words, &[("DURE_KEY", key), ("DURE_PARTNER_SECRET", secret)]);
        let address = simulator.said.clone();
        assert!(address.starts_with("http://127.0.0.1:"), "{address}");
        (simulator, address)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        drop(Command::new("kill").args(["-TERM", &pid]).status());
        drop(self.child.wait());
    }
}

/// A hub that runs, and its companies: who they are, what is agreed with them, their keys.
pub(crate) struct Market {
    pub(crate) place: Place,
    pub(crate) url: String,
    pub(crate) buyer: String,
    pub(crate) precision: String,
    pub(crate) electronics: String,
    pub(crate) seller: String,
}

impl Market {
    pub(crate) fn new() -> Market {
        Market::with(&[])
    }

    /// With more settings of the hub.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Market {
        let mut place = Place::new();
        for name in ["order.xml", "catalogue-precision.xml", "catalogue-electronics.csv"] {
            let sample = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("samples/demo").join(name);
            std::fs::copy(sample, place.path().join(name)).unwrap();
        }
        let usual = [("DURE_HTTP_OUT__ALLOW_PRIVATE", "127.0.0.1"), ("DURE_JOBS__CLOSE_DAY", "0 0 0 1 1 *")];
        let url = place.serve(&[&usual[..], settings].concat());
        let mut keys = Vec::new();
        for (short, role, gln) in [
            ("sangsa", "buyer", "8801234500012"),
            ("jeongmil", "producer", "8801234500029"),
            ("jeonja", "producer", "8801234500036"),
            ("yutong", "seller", "8801234500043"),
            ("sample-courier", "courier", "8801234500050"),
        ] {
            let id = format!("gln:{gln}");
            place.run(&["partner", "add", short, "--name", short, "--role", role, "--id", &id]).code(0);
            keys.push(place.run(&["key", "add", short]).code(0).out.trim().to_owned());
        }
        let [buyer, precision, electronics, seller, _] = keys.try_into().unwrap();
        let market = Market { place, url, buyer, precision, electronics, seller };
        market.agree("sangsa", "--in", "Order", "ubl-2.1", &[]);
        market.agree("jeongmil", "--in", "Catalogue", "ubl-2.1", &[]);
        market
    }

    /// An agreement, `PARTY-TYPE--in`.
    pub(crate) fn agree(&self, party: &str, way: &str, kind: &str, format: &str, more: &[&str]) {
        let name = format!("{party}-{kind}{way}");
        let words = ["agreement", "add", &name, "--party", party, way, kind, "--format", format];
        self.place.run(&[&words[..], more].concat()).code(0);
    }

    /// Runs a verb with somebody's key.
    pub(crate) fn by(&self, key: &str, words: &[&str]) -> Said {
        Said::of(dure(self.place.path()).args(words).env("DURE_KEY", key).output().unwrap())
    }

    /// Both catalogues are in force.
    pub(crate) fn stocked(self) -> Market {
        self.agree("jeonja", "--in", "Catalogue", "csv", &[]);
        self.by(&self.precision, &["send", "catalogue-precision.xml"]).code(0);
        self.by(&self.electronics, &["send", "catalogue-electronics.csv"]).code(0);
        self
    }

    /// The trade of the order as somebody sees it, as soon as something holds of it.
    fn trade(&self, key: &str, number: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let watch = Stopwatch::start();
        loop {
            let said = self.by(key, &["trade", number, "--json"]);
            let found = if said.code == 0 { said.json()[0].clone() } else { Value::Null };
            if holds(&found) {
                return found;
            }
            assert!(watch.elapsed_us() < PATIENCE_US, "{found:#} {}", self.place.log());
        }
    }
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn from_the_catalogue_to_the_delivered_parcel() {
    let market = Market::new().stocked();
    let place = &market.place;
    let secret = |name: &str| place.run(&["secret", "set", name, "--generate"]).code(0).out.trim().to_owned();
    let (to_buyer, to_precision, to_electronics) =
        (secret("to-buyer"), secret("to-precision"), secret("to-electronics"));
    let partner = |key: &str, secret: &str, waybill| Simulator::partner(place, &market.url, key, secret, waybill);
    let (_buyer, at_buyer) = partner(&market.buyer, &to_buyer, "1");
    let (_precision, at_precision) = partner(&market.precision, &to_precision, "68123456001");
    let (_electronics, at_electronics) = partner(&market.electronics, &to_electronics, "68123460101");
    for kind in ["OrderResponse", "DespatchAdvice"] {
        market.agree("sangsa", "--out", kind, "ubl-2.1", &["--address", &at_buyer, "--sign", "to-buyer"]);
        market.agree("jeongmil", "--in", kind, "edifact-d96a", &[]);
        market.agree("jeonja", "--in", kind, "ubl-2.1", &[]);
    }
    market.agree("jeongmil", "--in", "ApplicationResponse", "edifact-d96a", &[]);
    let signed = ["--address", &at_precision, "--sign", "to-precision"];
    market.agree("jeongmil", "--out", "Order", "edifact-d96a", &signed);
    let signed = ["--address", &at_electronics, "--sign", "to-electronics"];
    market.agree("jeonja", "--out", "Order", "ubl-2.1", &signed);
    market.agree("sample-courier", "--in", "TransportationStatus", "dure-json", &[]);
    let courier = secret("courier:sample-courier");

    // What it would meet, without doing it.
    let said = market.by("", &["explain", "order.xml"]).code(0);
    for expected in [
        "order.xml: ubl-2.1",
        "ubl/2.1/Order → Order PO-2026-1124",
        "from         sangsa (gln:8801234500012)",
        "agreement    sangsa-Order--in, version 1",
        "would be     accepted",
        "recipient    jeongmil: Order PO-2026-1124/1 as edifact/d96a/ORDERS",
        "recipient    jeonja: Order PO-2026-1124/2 as ubl/2.1/Order",
    ] {
        assert!(said.out.contains(expected), "{expected}: {said:?}");
    }
    assert_eq!(market.by(&market.buyer, &["trade", ORDER]).code(1).out, "", "nothing was kept");

    let said = market.by(&market.buyer, &["send", "order.xml", "--no-wait", "--id", "k-1"]).code(0);
    let id = said.out.trim().to_owned();
    assert!(id.starts_with("ix_") && said.err.contains("dure status"), "{said:?}");
    let again = market.by(&market.buyer, &["send", "order.xml", "--no-wait", "--id", "k-1", "--json"]).code(0).json();
    assert_eq!(again["interchange"], id.as_str());
    // The same call for something else is refused, not taken for the first.
    let said = market.by(&market.buyer, &["send", "catalogue-electronics.csv", "--id", "k-1"]).code(2);
    assert!(said.err.contains("the hub answers 422"), "{said:?}");

    let both = |found: &Value| list(found, "parcels").len() == 4;
    let trade = market.trade(&market.buyer, ORDER, both);
    assert_eq!(list(&trade, "lines").len(), 4);
    assert!(list(&trade, "lines").iter().all(|line| line["confirmed"] == line["quantity"]), "{trade:#}");
    let said = market.by(&market.buyer, &["status", &id]).code(0);
    assert!(said.out.contains("disposition: accepted\n") && said.out.contains("state: decided\n"), "{said:?}");
    let status = market.by(&market.buyer, &["status", &id, "--json"]).code(0).json();
    let document = status["documents"][0]["document"].as_str().unwrap();
    let shown = market.by(&market.buyer, &["status", document, "--json"]).code(0).json();
    assert_eq!((&shown["number"], &shown["type"]), (&ORDER.into(), &"Order".into()));
    let by_id = market.by(&market.buyer, &["status", trade["trade"].as_str().unwrap(), "--json"]).code(0).json();
    assert_eq!(by_id["lines"], trade["lines"]);
    // Each sees its own leg, and not that there is another.
    let part = market.trade(&market.precision, "PO-2026-1124/1", |found| !found.is_null());
    assert_eq!(list(&part, "lines").len(), 2);
    market.by(&market.precision, &["trade", ORDER]).code(1);
    market.by(&market.precision, &["status", &id]).code(2);

    // The courier reports one parcel, each call twice.
    let waybill = list(&trade, "parcels")[0]["tracking_id"].as_str().unwrap();
    let call = ["simulate", "courier", "--secret", &courier, "--twice", "--received-by", "박누리", waybill];
    let said = place.run(&call).code(0);
    let reported: Vec<_> = said.out.lines().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(reported, ["picked-up", "in-transit", "out-for-delivery", "delivered"], "{said:?}");
    let arrived = |found: &Value| list(found, "parcels").iter().any(|parcel| parcel["state"] == "delivered");
    let trade = market.trade(&market.buyer, waybill, arrived);
    let parcel = list(&trade, "parcels").iter().find(|parcel| parcel["tracking_id"] == waybill).unwrap();
    assert_eq!(list(parcel, "events").len(), 4, "told twice, known once: {parcel:#}");
    let said = market.by(&market.buyer, &["trade", waybill]).code(0);
    assert!(said.out.contains(&format!("tracking_id: {waybill}\n")), "{said:?}");
    // A secret that is not the courier's is refused.
    let wrong = ["simulate", "courier", "--secret", &to_buyer, "--status", "delivered", waybill];
    assert!(place.run(&wrong).code(1).out.contains(" 401 "));
    place.run(&["simulate", "courier", "--secret", &courier, "--name", "nobody", waybill]).code(2);
    place.run(&["simulate", "courier", "--secret", &courier, "--status", "lost-in-space", waybill]).code(2);

    // What has taken effect is not applied again.
    let said = place.run(&["replay", &id]).code(2);
    assert!(said.err.contains("in effect already"), "{said:?}");
    let report = place.run(&["verify", "--json"]).code(0).json();
    assert_eq!(list(&report, "problems").len(), 0, "{report:#}");
    assert!(report["order_lines"].as_u64().unwrap() >= 4);
}

#[test]
fn send_and_status_tell_what_is_wrong() {
    let market = Market::new();
    // Nothing of it is known: rejected, with the place of every line.
    let said = market.by(&market.buyer, &["send", "order.xml"]).code(1);
    assert!(said.out.starts_with("Order PO-2026-1124: rejected (doc_"), "{said:?}");
    assert_eq!(said.out.matches("[unknown-item]").count(), 4, "{said:?}");
    assert!(said.out.contains("line 108 column 7 /Order/cac:OrderLine[1]"), "{said:?}");
    let id = said.err.split(':').next().unwrap().to_owned();
    assert!(id.starts_with("ix_"), "{said:?}");
    let said = market.by(&market.buyer, &["--lang", "ko", "status", &id]).code(1);
    assert!(said.out.contains("disposition: rejected\n") && said.out.contains("목록에 없습니다"), "{said:?}");
    let said = market.by(&market.buyer, &["send", "order.xml", "--json"]).code(1).json();
    assert_eq!(list(&said, "findings").len(), 4, "{said:#}");
    // What is no document of ours at all.
    market.place.file("noise.bin", [7; 3000]);
    let said = market.by(&market.buyer, &["send", "noise.bin"]).code(1);
    assert!(said.out.contains("[unknown-format]") && !said.out.contains('\u{7}'), "{said:?}");
    // Not agreed: held, and it says so.
    let said = market.by(&market.electronics, &["send", "catalogue-electronics.csv"]).code(1);
    assert!(said.out.contains("[no-agreement]") && said.err.contains(": held"), "{said:?}");
    let id = said.err.split(':').next().unwrap().to_owned();
    let said = market.by(&market.electronics, &["status", &id]).code(1);
    assert!(said.out.contains("state: held\n"), "{said:?}");
    // In somebody else's name.
    let said = market.by(&market.seller, &["send", "catalogue-electronics.csv"]).code(1);
    let place = "line 2 column 4 row[1].supplier_id: error: ";
    assert!(said.out.contains(&format!("{place}the document names the sender gln:8801234500036, but")), "{said:?}");

    for key in ["", "dk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert!(market.by(key, &["send", "order.xml"]).code(2).out.is_empty());
        market.by(key, &["status", &id]).code(2);
        market.by(key, &["trade", ORDER]).code(2);
    }
    let said = market.by("dk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &["status", &id]);
    assert!(said.err.contains("401 Unauthorized: a valid credential"), "in the caller's language: {said:?}");
    for nothing in ["ix_0000000000001", "doc_0000000000001", "trd_0000000000001", "4711", "dlv_0000000000001"] {
        market.by(&market.buyer, &["status", nothing]).code(2);
    }
    market.by(&market.buyer, &["send", "nowhere.xml"]).code(2);
    market.by(&market.buyer, &["send", "order.xml", "--url", "http://127.0.0.1:1"]).code(2);
    market.by(&market.buyer, &["send", "order.xml", "--wait", "1", "--no-wait"]).code(2);
}

#[test]
fn explain_names_what_is_missing() {
    let market = Market::new();
    let said = market.place.run(&["explain", "order.xml"]).code(1);
    assert!(said.out.contains("would be     rejected"), "{said:?}");
    assert_eq!(said.out.matches("[unknown-item]").count(), 4, "{said:?}");
    let said = market.place.run(&["explain", "catalogue-electronics.csv"]).code(1);
    assert!(said.out.contains("from         jeonja (gln:8801234500036)"), "{said:?}");
    assert!(said.out.contains("agreement    none") && said.out.contains("would be     held"), "{said:?}");
    market.agree("jeonja", "--in", "Catalogue", "csv", &[]);
    let said = market.place.run(&["explain", "catalogue-electronics.csv", "--from", "jeonja"]).code(0);
    assert!(said.out.contains("from         jeonja (--from)"), "{said:?}");
    assert!(said.out.contains("agreement    jeonja-Catalogue--in, version 1"), "{said:?}");
    let said = market.place.run(&["explain", "catalogue-electronics.csv", "--from", "nobody"]).code(1);
    assert!(said.out.contains("from         unknown"), "{said:?}");
    let said = market.place.run(&["explain", "catalogue-precision.xml", "--lineage"]).code(0);
    let value = "value        lines.item.name = 레이저 거리계 LM-40  ← line ";
    assert!(said.out.contains(value) || said.out.contains("lines[1].item.name = 레이저 거리계 LM-40  ← "), "{said:?}");
    let said = market.place.run(&["explain", "catalogue-precision.xml", "--json"]).code(0).json();
    let message = &said["messages"][0];
    assert_eq!((&message["disposition"], &message["document_type"]), (&"accepted".into(), &"Catalogue".into()));
    assert_eq!(message["from"][0], "jeongmil");
    assert!(list(message, "lineage").len() > 50);
    market.place.file("noise.bin", [7; 3000]);
    market.place.run(&["explain", "noise.bin"]).code(1);
    market.place.run(&["explain", "nowhere.xml"]).code(2);
}

#[test]
fn replay_of_what_is_held_and_what_is_dead() {
    let market = Market::new();
    let place = &market.place;
    // Held for want of an agreement: still held, until there is one; then it is released by itself.
    let held = market.by(&market.electronics, &["send", "catalogue-electronics.csv", "--json"]);
    let id = held.code(1).json()["interchange"].as_str().unwrap().to_owned();
    let said = place.run(&["replay", "--held"]).code(1);
    assert!(said.err.contains(&format!("{id}: held")), "{said:?}");
    let said = place.run(&["replay", &id, "--json"]).code(1).json();
    assert_eq!(said["interchanges"][0]["state"], "held", "{said:#}");
    market.agree("jeonja", "--in", "Catalogue", "csv", &[]);
    let watch = Stopwatch::start();
    while market.by(&market.electronics, &["status", &id]).code != 0 {
        assert!(watch.elapsed_us() < PATIENCE_US, "{}", place.log());
    }
    place.run(&["replay", "--held"]).code(0);
    market.by(&market.precision, &["send", "catalogue-precision.xml"]).code(0);

    let secret = place.run(&["secret", "set", "to-precision", "--generate"]).code(0).out.trim().to_owned();
    // The producer's system does not know the secret by which the hub signs: its refusal is final.
    let other = place.run(&["secret", "set", "other", "--generate"]).code(0).out.trim().to_owned();
    let (deaf, at_deaf) = Simulator::partner(place, &market.url, &market.precision, &other, "68123456001");
    market.agree("jeongmil", "--out", "Order", "ubl-2.1", &["--address", &at_deaf, "--sign", "to-precision"]);
    market.agree("jeonja", "--out", "Order", "ubl-2.1", &["--address", "http://127.0.0.1:1/", "--retry", "3600"]);
    let sent = market.by(&market.buyer, &["send", "order.xml", "--json"]).code(0).json();
    let id = sent["interchange"].as_str().unwrap();
    let centre = place.run(&["key", "add", "centre"]).code(0).out.trim().to_owned();
    let delivery = |state: &str| {
        let watch = Stopwatch::start();
        loop {
            let status = market.by(&centre, &["status", id, "--json"]).code(0).json();
            let found = list(&status, "deliveries").iter().find(|delivery| delivery["state"] == state);
            if let Some(found) = found {
                return found.clone();
            }
            assert!(watch.elapsed_us() < PATIENCE_US, "{status:#} {}", place.log());
        }
    };
    let dead = delivery("dead");
    assert_eq!(dead["to"], "jeongmil", "{dead:#}");
    drop(deaf);
    let (_hearing, at_hearing) = Simulator::partner(place, &market.url, &market.precision, &secret, "68123456001");
    let name = ["agreement", "add", "jeongmil-Order--out", "--address", &at_hearing];
    place.run(&name).code(0);
    let said = place.run(&["replay", "--dead"]).code(0);
    assert!(said.out.contains("is sent again"), "{said:?}");
    let delivered = delivery("delivered");
    assert_eq!((&delivered["delivery"], &delivered["to"]), (&dead["delivery"], &dead["to"]), "the same delivery");
    let said = place.run(&["replay", "--dead", "--json"]).code(0).json();
    assert_eq!(said, serde_json::json!({"interchanges": [], "deliveries": []}));
    // By its id, one that was delivered as well.
    let said = place.run(&["replay", dead["delivery"].as_str().unwrap()]).code(0);
    assert!(said.out.contains("is sent again"), "{said:?}");

    for unknown in ["ix_0000000000001", "dlv_0000000000001", "doc_0000000000001"] {
        place.run(&["replay", unknown]).code(2);
    }
}

#[test]
fn a_backup_of_a_running_hub_goes_on_elsewhere() {
    let market = Market::new().stocked();
    let said = market.place.run(&["backup", "copy.sqlite", "--json"]).code(0).json();
    assert_eq!(said["bytes"], std::fs::metadata(market.place.path().join("copy.sqlite")).unwrap().len());
    market.place.run(&["backup", "no/such/folder/copy.sqlite"]).code(2);
    // On another machine: a hub that is new, and the key that sealed its secrets.
    let other = Place::new();
    for file in ["copy.sqlite", "dure-data/sealing.key", "order.xml"] {
        std::fs::copy(market.place.path().join(file), other.path().join(file)).unwrap();
    }
    let said = other.run(&["restore", "copy.sqlite", "--json"]).code(0).json();
    assert!(said["file"].as_str().unwrap().ends_with("dure.sqlite") && said["kept"].is_string(), "{said}");
    let report = other.run(&["verify", "--json"]).code(0).json();
    assert_eq!((list(&report, "problems").len(), report["interchanges"].as_u64().unwrap() > 10), (0, true));
    assert!(other.run(&["doctor"]).code(0).out.contains("open with the sealing key"));
    // The items came with it.
    let said = other.run(&["explain", "order.xml"]).code(0);
    assert!(said.out.contains("would be     accepted"), "{said:?}");
    other.run(&["restore", "nowhere.sqlite"]).code(2);
}

#[test]
fn a_mailbox_takes_the_notices() {
    let mut place = Place::new();
    let words = ["mailbox", "--smtp", "127.0.0.1:0", "--pages", "127.0.0.1:0"];
    let mailbox = Simulator::start(&place, &words, &[]);
    let (smtp, pages) = mailbox.said.split_once("  ").unwrap();
    let relay = smtp.strip_prefix("smtp://127.0.0.1:").unwrap();
    assert!(pages.starts_with("http://127.0.0.1:"), "{}", mailbox.said);
    let settings = [
        ("DURE_MAIL_OUT__RELAY", "127.0.0.1"),
        ("DURE_MAIL_OUT__PORT", relay),
        ("DURE_MAIL_OUT__PROTECTION", "none"),
        ("DURE_MAIL_OUT__FROM", "hub@sample.example"),
    ];
    place.serve(&settings);
    let mut doctor = dure(place.path());
    let said = Said::of(doctor.arg("doctor").envs(settings).output().unwrap()).code(0);
    assert!(said.out.contains(&format!("127.0.0.1:{relay} answers")), "{said:?}");
    // A port that is taken is said.
    let taken = ["simulate", "mailbox", "--smtp", &format!("127.0.0.1:{relay}"), "--pages", "127.0.0.1:0"];
    assert!(place.run(&taken).code(2).err.contains("listen for mail on 127.0.0.1"));
}
