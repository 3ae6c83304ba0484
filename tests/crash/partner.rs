//! The producer's side: takes every delivery, and remembers the bytes of each id.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Bytes by delivery id, and how often it came.
type Taken = Arc<Mutex<HashMap<String, (Vec<u8>, usize)>>>;

pub(crate) struct Partner {
    address: SocketAddr,
    taken: Taken,
}

impl Partner {
    /// Listens on loopback until the test process ends.
    pub(crate) fn start() -> Partner {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let taken: Taken = Arc::default();
        let all = Arc::clone(&taken);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taken = Arc::clone(&all);
                std::thread::spawn(move || serve(stream, &taken));
            }
        });
        Partner { address, taken }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/in", self.address)
    }

    /// Every order reached us; `serve` has compared the bytes of repeats.
    pub(crate) fn check(&self, orders: usize) {
        let taken = self.taken.lock().unwrap();
        let again = taken.values().filter(|(_, count)| *count > 1).count();
        println!("{} deliveries taken, {again} of them more than once", taken.len());
        assert_eq!(taken.len(), orders, "one delivery id for each order");
        assert!(taken.values().all(|(bytes, _)| !bytes.is_empty() && bytes[0] != 0), "a repeat had other bytes");
    }
}

fn serve(mut stream: TcpStream, taken: &Taken) {
    let mut buffer = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let head = loop {
            if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            match stream.read(&mut piece) {
                Ok(count) if count > 0 && buffer.len() < 1 << 20 => buffer.extend_from_slice(&piece[..count]),
                _ => return,
            }
        };
        let text = String::from_utf8_lossy(&buffer[..head]).into_owned();
        let header = |name: &str| {
            text.lines()
                .find_map(|line| line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case(name)))
                .map(|(_, value)| value.trim().to_owned())
        };
        let length: usize = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while buffer.len() < head + length {
            match stream.read(&mut piece) {
                Ok(count) if count > 0 && buffer.len() < 4 << 20 => buffer.extend_from_slice(&piece[..count]),
                _ => return,
            }
        }
        let body: Vec<u8> = buffer.drain(..head + length).skip(head).collect();
        let id = header("webhook-id").unwrap_or_default();
        {
            let mut taken = taken.lock().unwrap();
            let entry = taken.entry(id).or_insert_with(|| (body.clone(), 0));
            entry.1 += 1;
            if entry.0 != body {
                // Marked here, told by the test's own thread.
                entry.0 = vec![0];
            }
        }
        if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}
