//! UBL Catalogues of 1, 10 and 100 MB from the first byte posted to the decision: seconds for each MB, which should not
//! rise, and the memory it takes above that of the idle hub, which should not either.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::{Figure, Options, fresh_folder, runtime, setting};
use crate::clock::Stopwatch;
use crate::config::Database;
use crate::error::{Context, Error, Kind, Result};
use crate::model::disposition::InterchangeState;
use crate::serve::Parts;
use crate::store::interchanges;

/// Sizes, MB.
const SIZES: [u64; 3] = [1, 10, 100];
/// Longest one.
const MOST_US: u64 = 600_000_000;

/// Measures it.
pub(super) fn run(options: &Options) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for size_mb in SIZES {
        let folder = fresh_folder(options)?;
        let runtime = runtime()?;
        let setting = runtime.block_on(setting::start(
            folder.path(),
            Database::Sqlite,
            Parts::All,
            "http://127.0.0.1:9/",
            "ubl-2.1",
        ))?;
        let key = runtime.block_on(setting.producer_key())?;
        let hub = setting.running.hub().clone();
        let centre_id = hub.directory().centre().map_or(0, |centre| centre.id);
        let idle = memory_kib("VmRSS")?;
        // Forgets the peak so far (proc(5), clear_refs).
        std::fs::write("/proc/self/clear_refs", "5")?;
        let watch = Stopwatch::start();
        post(setting.running.address(), &key, size_mb)?;
        let disposition = loop {
            let newest =
                runtime.block_on(hub.store.read(move |tx| interchanges::list(tx, centre_id, None, i64::MAX, 1)))?.pop();
            if let Some(found) = newest
                && found.state == InterchangeState::Decided.as_str()
            {
                break found.disposition.unwrap_or_default();
            }
            if watch.elapsed_us() > MOST_US {
                return Err(Error::bug(format!("{size_mb} MB were not decided in time")));
            }
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        };
        let elapsed_us = watch.elapsed_us();
        let peak = memory_kib("VmHWM")?;
        runtime.block_on(setting.running.stop())?;
        if disposition != "accepted" {
            return Err(Error::bug(format!("the catalogue of {size_mb} MB was {disposition}")));
        }
        #[expect(clippy::float_arithmetic, reason = "a measurement, not a quantity")]
        let (seconds, mebibytes) =
            (elapsed_us as f64 / 1e6 / size_mb as f64, peak.saturating_sub(idle) as f64 / 1024.0);
        figures.push(Figure::alone(&format!("catalogue_{size_mb}mb"), seconds, "s/MB"));
        figures.push(Figure::alone(&format!("catalogue_{size_mb}mb_memory"), mebibytes, "MiB above idle"));
    }
    Ok(figures)
}

/// A figure of this process's memory, KiB (proc(5), status).
fn memory_kib(name: &str) -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| Error::new(Kind::Io, format!("this system does not tell {name}")))
}

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Catalogue xmlns="urn:oasis:names:specification:ubl:schema:xsd:Catalogue-2" xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2" xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
  <cbc:ID>CAT-2</cbc:ID>
  <cbc:IssueDate>2026-11-24</cbc:IssueDate>
  <cac:ProviderParty><cbc:EndpointID schemeID="GLN">8801234500029</cbc:EndpointID></cac:ProviderParty>
  <cac:ReceiverParty><cac:PartyName><cbc:Name>표본센터</cbc:Name></cac:PartyName></cac:ReceiverParty>
"#;
const TAIL: &str = "</Catalogue>\n";

/// One line, always of the same length.
fn line(number: u64) -> String {
    format!(
        r#"  <cac:CatalogueLine>
    <cbc:ID>{number:07}</cbc:ID>
    <cbc:OrderableUnit>EA</cbc:OrderableUnit>
    <cac:RequiredItemLocationQuantity>
      <cac:Price><cbc:PriceAmount currencyID="KRW">{price}</cbc:PriceAmount></cac:Price>
    </cac:RequiredItemLocationQuantity>
    <cac:Item>
      <cbc:Description>표본 품목 {number:07}, 스테인리스강, 정밀 가공</cbc:Description>
      <cbc:Name>표본 품목 {number:07}</cbc:Name>
      <cac:SellersItemIdentification><cbc:ID>SKU-{number:07}</cbc:ID></cac:SellersItemIdentification>
    </cac:Item>
  </cac:CatalogueLine>
"#,
        price = 10_000 + number % 80_000
    )
}

/// Posts a catalogue of that size as it is written, so that it never stands in memory.
fn post(address: SocketAddr, key: &str, size_mb: u64) -> Result<()> {
    let length = line(0).len() as u64;
    let lines = (size_mb * 1_000_000).saturating_sub((HEAD.len() + TAIL.len()) as u64).div_ceil(length);
    let size = HEAD.len() as u64 + lines * length + TAIL.len() as u64;
    let stream = TcpStream::connect(address).context(|| "connecting to the hub")?;
    let mut out = std::io::BufWriter::with_capacity(64 * 1024, &stream);
    write!(
        out,
        "POST /v1/interchanges HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/xml\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n{HEAD}"
    )?;
    for number in 0..lines {
        out.write_all(line(number).as_bytes())?;
    }
    out.write_all(TAIL.as_bytes())?;
    out.flush()?;
    let mut answer = String::new();
    BufReader::new(&stream).take(16 * 1024).read_to_string(&mut answer)?;
    let status = answer.lines().next().unwrap_or("");
    if status.contains(" 202 ") {
        Ok(())
    } else {
        Err(Error::new(Kind::Transport, format!("the catalogue was answered {status}")))
    }
}
