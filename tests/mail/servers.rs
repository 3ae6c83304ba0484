//! Dovecot and Postfix as `tests/peers/mail.sh` starts them: mails put in by SMTP, mailboxes read by IMAP, and a wire between
//! them and the hub that can be cut.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const PASSWORD: &str = "mail-pass-1";
pub(crate) const IMAP: u16 = 15143;
pub(crate) const IMAPS: u16 = 15993;
pub(crate) const SMTP: u16 = 15025;
pub(crate) const SUBMISSION: u16 = 15587;
pub(crate) const LMTP_TO_HUB: u16 = 15026;

/// The servers' certificate.
pub(crate) fn certificate() -> PathBuf {
    let file = std::env::var_os("DURE_TEST_MAIL");
    PathBuf::from(file.expect("tests/peers/mail.sh start prints the file for DURE_TEST_MAIL"))
}

/// A name that no other test and no other run has.
pub(crate) fn fresh(name: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let run = dure::clock::Clock::System.now_ms() % 100_000_000;
    format!("{name}-{run}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Sends a mail by SMTP.
pub(crate) fn post(port: u16, from: &str, to: &str, mail: &str) {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut stream = BufReader::new(stream);
    let mut say = |line: &str, expected: &str| {
        if !line.is_empty() {
            stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
        }
        loop {
            let mut answer = String::new();
            stream.read_line(&mut answer).unwrap();
            assert!(answer.starts_with(expected), "{line:.60}: {answer}");
            if answer.as_bytes().get(3) != Some(&b'-') {
                return;
            }
        }
    };
    say("", "220");
    say("EHLO test", "250");
    say(&format!("MAIL FROM:<{from}>"), "250");
    say(&format!("RCPT TO:<{to}>"), "250");
    say("DATA", "354");
    say(&format!("{}\r\n.", mail.trim_end().replace("\r\n.", "\r\n..")), "250");
    say("QUIT", "221");
}

/// A reader of a mailbox that speaks just enough IMAP.
struct Reader(BufReader<TcpStream>);

impl Reader {
    fn open(account: &str) -> Reader {
        let stream = TcpStream::connect(("127.0.0.1", IMAP)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut reader = Reader(BufReader::new(stream));
        reader.0.read_line(&mut String::new()).unwrap();
        reader.ask(&format!("LOGIN {account}@test.example {PASSWORD}")).unwrap();
        reader
    }

    /// The literals in the answer; none if it is not OK.
    fn ask(&mut self, command: &str) -> Option<Vec<String>> {
        self.0.get_mut().write_all(format!("t {command}\r\n").as_bytes()).unwrap();
        let mut found = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "{command}: the server hung up");
            if let Some(rest) = line.strip_prefix("t ") {
                return rest.starts_with("OK").then_some(found);
            }
            if let Some((_, length)) = line.trim_end().strip_suffix('}').and_then(|line| line.rsplit_once('{')) {
                let mut literal = vec![0; length.parse().unwrap()];
                self.0.read_exact(&mut literal).unwrap();
                found.push(String::from_utf8_lossy(&literal).into_owned());
            }
        }
    }
}

/// All mails in a folder of an account.
pub(crate) fn mails(account: &str, folder: &str) -> Vec<String> {
    let mut reader = Reader::open(account);
    match reader.ask(&format!("SELECT {folder}")) {
        Some(_) => reader.ask("FETCH 1:* (BODY.PEEK[])").unwrap_or_default(),
        None => Vec::new(),
    }
}

/// Marks all mails of an account as seen, as somebody would who reads them.
pub(crate) fn mark_seen(account: &str) {
    let mut reader = Reader::open(account);
    reader.ask("SELECT INBOX").unwrap();
    reader.ask("STORE 1:* +FLAGS (\\Seen)").unwrap();
}

/// What a wire does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wire {
    /// Everything passes.
    Whole,
    /// Connections are closed as soon as they are open.
    Dead,
    /// So many bytes come back, then the connection is cut.
    CutAfter(usize),
}

/// A wire to a port of the servers.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    wire: Arc<Mutex<Wire>>,
}

impl Proxy {
    pub(crate) fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let wire = Arc::new(Mutex::new(Wire::Whole));
        let state = Arc::clone(&wire);
        // It lives as long as the test's process.
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                std::thread::spawn(move || pass(near, port, &state));
            }
        });
        Proxy { address, wire }
    }

    pub(crate) fn set(&self, wire: Wire) {
        *self.wire.lock().unwrap() = wire;
    }
}

fn pass(mut near: TcpStream, port: u16, state: &Arc<Mutex<Wire>>) {
    if *state.lock().unwrap() == Wire::Dead {
        return;
    }
    let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)) else { return };
    let (mut from_near, mut to_far) = (near.try_clone().unwrap(), far.try_clone().unwrap());
    std::thread::spawn(move || {
        drop(std::io::copy(&mut from_near, &mut to_far));
        drop(to_far.shutdown(std::net::Shutdown::Both));
    });
    let (mut piece, mut passed) = ([0; 1024], 0);
    far.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    loop {
        let wire = *state.lock().unwrap();
        match far.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => {
                let count = match wire {
                    Wire::CutAfter(most) => count.min(most.saturating_sub(passed)),
                    _ => count,
                };
                passed += count;
                let cut = matches!(wire, Wire::CutAfter(most) if passed >= most);
                if near.write_all(&piece[..count]).is_err() || cut {
                    break;
                }
            }
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
        if wire == Wire::Dead {
            break;
        }
    }
    drop(near.shutdown(std::net::Shutdown::Both));
    drop(far.shutdown(std::net::Shutdown::Both));
}
