//! What was acknowledged survives a power cut.
//!
//! SIGKILL alone does not show it, because the page cache survives. So a preload (preload.c) keeps every file as of its last
//! sync; a writer (this binary again) commits and acknowledges until it is killed at some moment; then the folder is put
//! together from what had lasted, and everything acknowledged must be in it. With `synchronous=NORMAL` the same test must
//! lose something, else it would prove nothing.

#![allow(clippy::unwrap_used, reason = "a test that panics says so")]

mod writer;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use dure::clock::Stopwatch;
use dure::store::{Store, StoreConfig};

/// What of the unsynced writes the power cut leaves.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Cut {
    /// Nothing.
    Clean,
    /// Some sectors of 512 bytes, as a disk with a cache does.
    Torn,
}

/// Small random numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// A machine whose power can be cut.
struct Machine {
    root: tempfile::TempDir,
    preload: PathBuf,
    folder: PathBuf,
    boots: u32,
}

impl Machine {
    fn new() -> Machine {
        let root = tempfile::tempdir().unwrap();
        let preload = root.path().join("preload.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/power/preload.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&preload).arg(source).args(["-ldl", "-lpthread"]);
        assert!(compiler.status().unwrap().success());
        let folder = root.path().join("boot-0");
        fs::create_dir(&folder).unwrap();
        Machine { root, preload, folder, boots: 0 }
    }

    fn database(&self) -> PathBuf {
        self.folder.join("dure.db")
    }

    fn shadow(&self) -> PathBuf {
        self.root.path().join(format!("shadow-{}", self.boots))
    }

    /// Starts the writer.
    fn boot(&self, durability: &str, fail: Option<u64>) -> Child {
        fs::create_dir(self.shadow()).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["writer::acknowledges_what_it_has_committed", "--exact", "--nocapture"])
            .env(writer::DATABASE, self.database())
            .env(writer::DURABILITY, durability)
            .env("POWER_FOLDER", &self.folder)
            .env("POWER_SHADOW", self.shadow())
            .env("LD_PRELOAD", &self.preload)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(number) = fail {
            command.env("POWER_FAIL", number.to_string());
        }
        command.spawn().unwrap()
    }

    /// Puts a new folder together from what has lasted.
    fn cut(&mut self, how: Cut, dice: &mut Dice) {
        let next = self.root.path().join(format!("boot-{}", self.boots + 1));
        fs::create_dir(&next).unwrap();
        for line in fs::read_to_string(self.shadow().join("names")).unwrap().lines() {
            let (number, name) = line.split_once(' ').unwrap();
            let mut bytes = fs::read(self.shadow().join(number)).unwrap();
            if let (Cut::Torn, Ok(cached)) = (how, fs::read(self.folder.join(name))) {
                bytes.resize(bytes.len().max(cached.len()), 0);
                for (at, sector) in cached.chunks(512).enumerate() {
                    if dice.roll(2) == 0 {
                        bytes[at * 512..at * 512 + sector.len()].copy_from_slice(sector);
                    }
                }
            }
            fs::write(next.join(name), bytes).unwrap();
        }
        fs::remove_dir_all(&self.folder).unwrap();
        fs::remove_dir_all(self.shadow()).unwrap();
        self.folder = next;
        self.boots += 1;
    }

    /// Runs the writer until it has acknowledged so many and a moment has passed, or until it ends by itself.
    fn run(&self, durability: &str, fail: Option<u64>, most: u64, moment_us: u64) -> (BTreeSet<i64>, ExitStatus) {
        let mut child = self.boot(durability, fail);
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut told = BTreeSet::new();
        let mut line = String::new();
        while lines.read_line(&mut line).unwrap() > 0 {
            // A line that was cut off is no acknowledgement.
            if let Some(id) = line.strip_prefix("kept ").and_then(|rest| rest.strip_suffix('\n')) {
                told.insert(id.parse().unwrap());
            }
            line.clear();
            if told.len() as u64 == most {
                let watch = Stopwatch::start();
                while watch.elapsed_us() < moment_us {}
                child.kill().unwrap();
            }
        }
        (told, child.wait().unwrap())
    }

    /// Starts again and looks: what is there, after checking that it is whole.
    fn found(&self) -> BTreeSet<i64> {
        let store = Store::open(&StoreConfig::sqlite(self.database())).unwrap();
        assert_eq!(store.integrity_check().unwrap(), Vec::<String>::new());
        match store.read_blocking(writer::look) {
            Err(error) if error.to_string().contains("no such table") => BTreeSet::new(),
            found => found.unwrap(),
        }
    }
}

#[test]
fn everything_acknowledged_survives() {
    let mut machine = Machine::new();
    let mut dice = Dice(1);
    let mut acknowledged = BTreeSet::new();
    for round in 0..14 {
        let (told, status) = machine.run("full", None, 1 + dice.roll(300), dice.roll(3_000));
        assert_eq!(status.signal(), Some(9), "round {round}: the writer ended by itself");
        acknowledged.extend(told);
        machine.cut(if round % 2 == 0 { Cut::Clean } else { Cut::Torn }, &mut dice);
        let found = machine.found();
        let lost: Vec<_> = acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "round {round}: lost {lost:?} of {}", acknowledged.len());
    }
    assert!(acknowledged.len() > 500, "{}", acknowledged.len());
}

#[test]
fn the_same_with_less_sync_loses_something() {
    let mut machine = Machine::new();
    let mut dice = Dice(2);
    let mut acknowledged = BTreeSet::new();
    for _ in 0..10 {
        let (told, _) = machine.run("normal", None, 50 + dice.roll(100), dice.roll(3_000));
        acknowledged.extend(told);
        machine.cut(Cut::Clean, &mut dice);
        if !acknowledged.is_subset(&machine.found()) {
            return;
        }
    }
    panic!("ten power cuts lost nothing of {} without a sync at commit: the test is blind", acknowledged.len());
}

#[test]
fn a_sync_that_fails_ends_the_process() {
    for fail in [40, 41, 42, 43, 60, 61] {
        let mut machine = Machine::new();
        let (told, status) = machine.run("full", Some(fail), 100_000, 0);
        assert_eq!(status.signal(), Some(6), "sync {fail}: the process went on with {status}");
        machine.cut(Cut::Clean, &mut Dice(3));
        assert!(!told.is_empty() && told.is_subset(&machine.found()), "sync {fail}");
    }
}

#[test]
fn without_a_power_cut_less_sync_loses_nothing() {
    // So it is the cut that loses, not the kill.
    let machine = Machine::new();
    let (told, _) = machine.run("normal", None, 200, 0);
    assert!(told.is_subset(&machine.found()));
}
