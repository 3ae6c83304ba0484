//! `dure verify`: proof that what is kept is sound: payload digests, a decision or a reason for every interchange,
//! business keys and documents, deliveries and their bytes, quantities, statements to the minor unit.

use clap::Args;
use ring::digest::{Context as Digest, SHA256};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::administer::{Progress, Teller, Wish};
use super::call::Call;
use super::out::{Outcome, Unit};
use super::reach::Reach;
use crate::error::Result;
use crate::model::finding::Language;
use crate::model::id::{DeliveryId, DocumentId, InterchangeId, MailId, TradeId};
use crate::store::proof::{self, Kept, Quantities};
use crate::store::{Store, Tx, interchanges, mails};

/// Rows looked at in one transaction.
const AT_ONCE: i64 = 200;
/// Problems told of one kind; the rest is counted only as "more".
const MOST_PROBLEMS: i64 = 100;

/// Prove that the store is sound: digests, decisions, keys, deliveries, quantities, statements
#[derive(Args, Debug)]
#[command(
    after_help = "Runs beside a running hub. Exit code 1 if something is wrong; each problem is a line with its id.\n\n\
    --rebuild proves that every change is a document: all of them are folded again into a scratch database in the data \
    folder, and every table is compared. It takes about as long as the documents took, and as much disk as the store."
)]
pub struct Verify {
    /// Fold all documents again into a scratch database and compare every table
    #[arg(long)]
    rebuild: bool,
}

/// What was looked at and what is wrong.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// How many interchanges there are.
    pub interchanges: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// How many order lines there are.
    pub order_lines: u64,
    /// What was folded again; absent if that was not asked for.
    #[serde(default)]
    pub rebuilt: Option<Rebuilt>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// What was folded again and compared.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Rebuilt {
    /// Documents in effect.
    pub documents: u64,
    /// Rows of the tables.
    pub rows: u64,
}

/// Something that is wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// What was proved.
    pub what: String,
    /// The id or number of what it is about.
    pub object: String,
    /// What is wrong with it.
    pub wrong: String,
}

impl Report {
    pub(super) fn add(&mut self, what: &str, object: impl ToString, wrong: impl Into<String>) {
        let same = self.problems.iter().filter(|problem| problem.what == what).count();
        if (same as i64) < MOST_PROBLEMS {
            self.problems.push(Problem { what: what.to_owned(), object: object.to_string(), wrong: wrong.into() });
        }
    }
}

impl Verify {
    /// Runs it.
    pub async fn run(self, call: &Call) -> Result<Outcome> {
        let out = &call.out;
        let reach = Reach::local(call).await?;
        let bar = out.progress(1, Unit::Pieces);
        let told = |progress: Progress| {
            bar.set_length(progress.of);
            bar.set_position(progress.done);
        };
        let mut report: Report = reach.ask(Wish::Verify, told).await?;
        if self.rebuild {
            super::rebuild::prove(&reach, &mut report, told).await?;
        }
        bar.finish_and_clear();
        if out.json {
            out.json(&report)?;
        } else {
            for Problem { what, object, wrong } in &report.problems {
                out.line(format!("{what}: {object}: {wrong}"))?;
            }
            let Report { interchanges, payload_bytes, order_lines, rebuilt, problems } = &report;
            let count = problems.len();
            if let Some(Rebuilt { documents, rows }) = rebuilt {
                out.line(match out.language {
                    Language::Ko => format!("문서 {documents}건을 다시 적용하여 표의 줄 {rows}개와 견주었습니다"),
                    Language::En => format!("{documents} documents folded again, {rows} rows compared"),
                })?;
            }
            out.line(match out.language {
                Language::Ko => {
                    format!("교환 {interchanges}건({payload_bytes}바이트), 주문 줄 {order_lines}개: 문제 {count}건")
                }
                Language::En => {
                    format!("{interchanges} interchanges ({payload_bytes} bytes), {order_lines} order lines: {count} problems")
                }
            })?;
        }
        Ok(Outcome::good_if(report.problems.is_empty()))
    }
}

/// Looks at everything. Blocks; reads in steps, so that a running hub is not held up.
pub fn look(store: &Store, tell: &Teller) -> Result<Report> {
    let mut report = Report::default();
    for sentence in store.integrity_check()? {
        report.add("database", "file", sentence);
    }
    let of = store.read_blocking(proof::interchange_count)?.unsigned_abs();
    let mut after = 0;
    loop {
        let from = after;
        let rows = store.read_blocking(move |tx| proof::interchanges_after(tx, from, AT_ONCE))?;
        let Some(last) = rows.last() else { break };
        after = last.id;
        for row in &rows {
            decision(row, &mut report);
            payload(store, row, &mut report)?;
        }
        report.interchanges += rows.len() as u64;
        tell.so_far(report.interchanges, of);
    }
    for question in proof::QUESTIONS {
        for id in store.read_blocking(move |tx| proof::ask(tx, question, MOST_PROBLEMS))? {
            let object = match question.prefix {
                "doc" => DocumentId(id).to_string(),
                "dlv" => DeliveryId(id).to_string(),
                "ix" => InterchangeId(id).to_string(),
                "trd" => TradeId(id).to_string(),
                _ => id.to_string(),
            };
            report.add(question.name, object, question.wrong);
        }
    }
    mails(store, &mut report)?;
    quantities(store, &mut report)?;
    Ok(report)
}

/// Every interchange is decided, or open with a reason.
fn decision(row: &Kept, report: &mut Report) {
    let wrong = match row.state.as_str() {
        "decided" if row.disposition.is_none() => "is decided and has no disposition",
        "decided" if row.documents != row.documents_found => "does not have the documents that it was decided with",
        "received" if row.due_ms.is_none() => "is not decided and nobody will look at it",
        "waiting" if row.due_ms.is_none() => "waits without an end",
        "held" if row.cause.is_none() => "is held and nothing says why",
        "decided" | "received" | "waiting" | "held" => return,
        _ => "is in a state that there is not",
    };
    report.add("decisions", InterchangeId(row.id), wrong);
}

/// The bytes are those that were received.
fn mails(store: &Store, report: &mut Report) -> Result<()> {
    let mut after = 0;
    loop {
        let from = after;
        let rows = store.read_blocking(move |tx| proof::mails_after(tx, from, AT_ONCE))?;
        let Some((last, _, _)) = rows.last() else { return Ok(()) };
        after = *last;
        for (id, noted, size_bytes) in rows {
            let (mut digest, mut read) = (Digest::new(&SHA256), 0);
            for number in 0.. {
                let Some(piece) = store.read_blocking(move |tx| mails::chunk(tx, id, number))? else { break };
                read += piece.len() as i64;
                digest.update(&piece);
            }
            if read != size_bytes || digest.finish().as_ref() != noted.as_slice() {
                report.add("mail", MailId(id), "its bytes are not those that came");
            }
        }
    }
}

fn payload(store: &Store, row: &Kept, report: &mut Report) -> Result<()> {
    let mut digest = Digest::new(&SHA256);
    let mut size: i64 = 0;
    for number in 0.. {
        let id = row.id;
        let part = store.read_blocking(move |tx: &mut Tx<'_>| interchanges::payload_part(tx, id, number))?;
        let Some(part) = part.filter(|part| !part.is_empty()) else { break };
        digest.update(&part);
        size += part.len() as i64;
        if size >= row.size_bytes {
            break;
        }
    }
    report.payload_bytes += size.unsigned_abs();
    if size != row.size_bytes {
        let wrong = format!("{} bytes were received, {size} are kept", row.size_bytes);
        report.add("payloads", InterchangeId(row.id), wrong);
    } else if digest.finish().as_ref() != row.digest.as_slice() {
        report.add("payloads", InterchangeId(row.id), "the bytes kept are not those received: their digest differs");
    }
    Ok(())
}

/// No line was despatched or delivered beyond what was ordered, and its parcels say the same as the line.
fn quantities(store: &Store, report: &mut Report) -> Result<()> {
    let mut after = 0;
    loop {
        let from = after;
        let lines = store.read_blocking(move |tx| proof::quantities_after(tx, from, AT_ONCE))?;
        let Some(last) = lines.last() else { return Ok(()) };
        after = last.id;
        report.order_lines += lines.len() as u64;
        for line in &lines {
            if let Some(wrong) = wrong_quantity(line) {
                report.add("quantities", &line.name, wrong);
            }
        }
    }
}

fn wrong_quantity(line: &Quantities) -> Option<String> {
    let number = |text: &str| text.parse::<Decimal>().ok();
    let (Some(ordered), Some(confirmed), Some(despatched), Some(delivered)) =
        (number(&line.quantity), number(&line.confirmed), number(&line.despatched), number(&line.delivered))
    else {
        return Some("a quantity is no number".to_owned());
    };
    let sum = |delivered_only: bool| -> Option<Decimal> {
        let counted = line.parcels.iter().filter(|(_, state)| !delivered_only || state == "delivered");
        counted.map(|(quantity, _)| number(quantity)).try_fold(Decimal::ZERO, |sum, one| sum.checked_add(one?))
    };
    let (Some(packed), Some(arrived)) = (sum(false), sum(true)) else {
        return Some("a quantity of a parcel is no number".to_owned());
    };
    if confirmed > ordered || despatched > ordered || delivered > despatched {
        return Some(format!(
            "ordered {ordered}, confirmed {confirmed}, despatched {despatched}, delivered {delivered}"
        ));
    }
    if packed > despatched {
        return Some(format!("its parcels hold {packed}, despatched are {despatched}"));
    }
    (arrived != delivered).then(|| format!("its delivered parcels hold {arrived}, delivered are {delivered}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_that_cannot_be() {
        let check = |numbers: [&str; 4], parcels: &[(&str, &str)], good: bool| {
            let [quantity, confirmed, despatched, delivered] = numbers.map(str::to_owned);
            let parcels = parcels.iter().map(|(one, state)| ((*one).to_owned(), (*state).to_owned())).collect();
            let line = Quantities { id: 1, name: String::new(), quantity, confirmed, despatched, delivered, parcels };
            assert_eq!(wrong_quantity(&line).is_none(), good, "{line:?}");
        };
        check(["10", "10", "6", "2"], &[("4", "in-transit"), ("2", "delivered")], true);
        check(["10", "8", "0", "0"], &[], true);
        check(["10", "11", "0", "0"], &[], false);
        check(["10", "10", "6", "7"], &[("6", "delivered")], false);
        check(["10", "10", "6", "6"], &[("6", "in-transit")], false);
        check(["10", "10", "5", "0"], &[("6", "in-transit")], false);
        check(["10", "x", "5", "0"], &[], false);
    }
}
