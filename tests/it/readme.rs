//! README.md, "Your first partner in five commands", word for word with the real binary.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::program::{DURE, dure};

/// The `sh` blocks of the chapter, in order.
fn blocks() -> Vec<String> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, chapter) = readme.split_once("## Your first partner in five commands").unwrap();
    let (chapter, _) = chapter.split_once("\n## ").unwrap();
    chapter.split("```sh\n").skip(1).map(|block| block.split_once("```").unwrap().0.to_owned()).collect()
}

/// A shell in which `dure` is the binary under test and the hub takes a free port.
fn shell(folder: &Path, home: &Path, script: &str) -> Command {
    let binaries = Path::new(DURE).parent().unwrap();
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap());
    let mut command = dure(folder);
    let variables: Vec<_> =
        command.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    command = Command::new("bash");
    for (name, value) in variables {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.args(["-euo", "pipefail", "-c", script]).current_dir(folder);
    command.env("PATH", path).env("DURE_LISTEN", "127.0.0.1:0").env("CURL_HOME", home);
    command
}

/// Ends what the first terminal runs, whatever comes of the test.
struct Terminal(Child);

impl Drop for Terminal {
    fn drop(&mut self) {
        // The last line of the block is the hub itself, so the shell has become it or waits for it.
        let group = format!("-{}", self.0.id());
        drop(Command::new("kill").args(["-TERM", "--", &group]).status());
        drop(self.0.wait());
    }
}

#[test]
fn the_first_partner_in_five_commands() {
    use std::os::unix::process::CommandExt;
    let place = tempfile::tempdir().unwrap();
    let blocks = blocks();
    let [first, second, third, curl] = blocks.as_slice() else { panic!("{} blocks", blocks.len()) };

    let mut terminal = shell(place.path(), place.path(), first);
    terminal.stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut terminal = Terminal(terminal.spawn().unwrap());
    let lines = BufReader::new(terminal.0.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    let address = lines.find_map(|line| line.split_once("http://").map(|(_, address)| address.to_owned())).unwrap();

    // The address that the text names is the usual one; the hub under test has another port.
    std::fs::write(place.path().join(".curlrc"), format!("connect-to = \"127.0.0.1:7373:{address}\"\n")).unwrap();
    let with_curl = Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok();
    let script = format!("{second}\n{third}\n{}", if with_curl { curl.as_str() } else { "dure send items.json" });
    let said = shell(&place.path().join("shop"), place.path(), &script).output().unwrap();
    let out = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{said:?}");
    for expected in ["Party acme: accepted", "Agreement acme-catalogue: accepted", "Catalogue CAT-1: accepted"] {
        assert!(out.contains(expected), "{expected}: {said:?}");
    }
    assert!(out.contains("duplicate"), "{said:?}");
}
