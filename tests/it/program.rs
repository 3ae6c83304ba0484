//! The real binary: how tests of several verbs run it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// The binary under test.
pub(crate) const DURE: &str = env!("CARGO_BIN_EXE_dure");

/// A command without what the machine's environment says about hubs and languages.
pub(crate) fn dure(folder: &Path) -> Command {
    let mut command = Command::new(DURE);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DURE_") {
            command.env_remove(name);
        }
    }
    command.env_remove("LC_ALL").env_remove("LC_MESSAGES").env("LANG", "en_US.UTF-8").current_dir(folder);
    command
}

/// What a call printed and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(output: Output) -> Said {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// It ended with that code.
    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Said {
        assert_eq!(self.code, expected, "{self:?}");
        self
    }

    /// What it printed as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A hub in a folder of its own; it is stopped and the folder removed with it.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    hub: Option<Child>,
}

impl Place {
    /// A folder with a hub that was made and does not run.
    pub(crate) fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap(), hub: None };
        Said::of(dure(place.path()).args(["init", ".", "--name", "충청 표본센터"]).output().unwrap()).code(0);
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Runs a verb here.
    pub(crate) fn run(&self, words: &[&str]) -> Said {
        Said::of(dure(self.path()).args(words).output().unwrap())
    }

    /// Runs a verb with something on its standard input.
    pub(crate) fn run_with(&self, words: &[&str], input: &[u8]) -> Said {
        let mut child = dure(self.path())
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        Said::of(child.wait_with_output().unwrap())
    }

    /// Starts the hub at any free port, with more settings; gives its address.
    pub(crate) fn serve(&mut self, settings: &[(&str, &str)]) -> String {
        let mut command = dure(self.path());
        command.arg("serve").env("DURE_LISTEN", "127.0.0.1:0").envs(settings.iter().copied());
        let log = std::fs::File::create(self.path().join("hub.log")).unwrap();
        let mut hub = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(hub.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.hub = Some(hub);
        line.split_whitespace().find(|word| word.starts_with("http")).unwrap().to_owned()
    }

    /// What the hub logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("hub.log")).unwrap_or_default()
    }

    /// Asks the hub to stop and waits for it; gives its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let mut hub = self.hub.take()?;
        let pid = hub.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        hub.wait().unwrap().code()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(hub) = &mut self.hub {
            // Already gone is as good.
            drop(hub.kill());
            drop(hub.wait());
        }
    }
}
