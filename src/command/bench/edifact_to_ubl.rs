//! EDIFACT ORDERS to UBL Orders, in megabytes of EDIFACT a second of processor time: lexed, cut, checked, mapped inward to
//! typed documents, mapped outward, written.

use super::{Figure, Options, median, own_cpu_us};
use crate::error::{Error, Result};
use crate::format::{Hint, WriteOptions, edifact};
use crate::model::message::MessageType;
use crate::pipeline::{encode, read};

/// Messages of the interchange, and lines of each.
const MESSAGES: u32 = 1_000;
const LINES: u32 = 8;

/// Measures it.
pub(super) fn run(options: &Options) -> Result<Vec<Figure>> {
    let bytes = bytes::Bytes::from(edifact::sample::orders(MESSAGES, LINES));
    let target = MessageType::new("ubl", "2.1", "Order");
    let mut rates = Vec::new();
    for _ in 0..options.rounds {
        let cpu = own_cpu_us();
        let read = read::stateless(bytes.clone(), &Hint::default())?;
        if read.messages.len() != MESSAGES as usize {
            return Err(Error::bug(format!("{} of {MESSAGES} messages were read", read.messages.len())));
        }
        for message in &read.messages {
            let (Some(document_type), Some(_)) = (message.document_type, &message.body) else {
                return Err(Error::bug(format!("a sample message could not be read: {:?}", message.findings.first())));
            };
            encode::encode(document_type, &message.content, &target, &WriteOptions::default())?;
        }
        rates.push(megabytes_per_second(bytes.len(), own_cpu_us().saturating_sub(cpu)));
    }
    Ok(vec![Figure::alone("edifact_to_ubl", median(rates), "MB/s")])
}

/// Bytes a microsecond are megabytes a second.
#[expect(clippy::float_arithmetic, reason = "a measurement, not a quantity")]
fn megabytes_per_second(bytes: usize, us: u64) -> f64 {
    bytes as f64 / us.max(1) as f64
}
