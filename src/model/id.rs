//! Ids made by us: rising 63-bit numbers in the store, `ix_0k3…` outside.
//!
//! Layout: milliseconds since 2024-01-01 UTC (41 bits), hub number (6 bits), counter (16 bits). Rising ids keep
//! new rows together in the database. Outside they are thirteen characters of Crockford's base 32, most significant
//! first, so text order is age order. They are names, not secrets: access is decided by who asks.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const EPOCH_MS: i64 = 1_704_067_200_000;
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Makes rising ids for one hub.
#[derive(Debug)]
pub struct IdSource {
    hub: i64,
    last: AtomicI64,
}

impl IdSource {
    /// A source for hub number `hub` (0 to 63).
    pub fn new(hub: u8) -> IdSource {
        IdSource { hub: i64::from(hub & 63) << 16, last: AtomicI64::new(0) }
    }

    /// The lowest id of that time, of any hub.
    pub fn floor(&self, at_ms: i64) -> i64 {
        (at_ms - EPOCH_MS).max(0) << 22
    }

    /// The next id at that time; always larger than the last one.
    pub fn next(&self, now_ms: i64) -> i64 {
        let floor = ((now_ms - EPOCH_MS).max(0) << 22) | self.hub;
        let mut last = self.last.load(Ordering::Relaxed);
        loop {
            // A full counter runs on into the next millisecond, past the hub bits.
            let next = if last < floor {
                floor
            } else if (last + 1) & 0xffff == 0 {
                ((last >> 22) + 1) << 22 | self.hub
            } else {
                last + 1
            };
            match self.last.compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return next,
                Err(seen) => last = seen,
            }
        }
    }
}

fn encode(number: i64) -> String {
    (0..13).rev().map(|place| char::from(ALPHABET[((number >> (place * 5)) & 31) as usize])).collect()
}

fn decode(text: &str) -> Option<i64> {
    if text.len() != 13 {
        return None;
    }
    let mut number: i64 = 0;
    for byte in text.bytes() {
        let digit = ALPHABET.iter().position(|&c| c == byte)?;
        number = number.checked_mul(32)?.checked_add(digit as i64)?;
    }
    Some(number)
}

macro_rules! ids {
    ($( $(#[$doc:meta])* $name:ident $prefix:literal )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub i64);

        impl $name {
            /// What its text starts with.
            pub const PREFIX: &'static str = $prefix;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = ();

            fn from_str(text: &str) -> Result<$name, ()> {
                text.strip_prefix($prefix)
                    .and_then(|rest| rest.strip_prefix('_'))
                    .and_then(decode)
                    .map($name)
                    .ok_or(())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(|()| serde::de::Error::custom(concat!("expected an id that starts with ", $prefix, "_")))
            }
        }
    )* };
}

ids! {
    /// Bytes as received.
    InterchangeId "ix"
    /// One of our documents.
    DocumentId "doc"
    /// Bytes on their way out.
    DeliveryId "dlv"
    /// Everything about one order, from catalogue to settlement.
    TradeId "trd"
    /// A company, a centre, a courier.
    OrganisationId "org"
    /// What we do with a partner for one document type in one direction.
    AgreementId "agr"
    /// A credential of a partner.
    KeyId "key"
    /// A person who signs in.
    AccountId "acc"
    /// A mail as it came in.
    MailId "mail"
    /// A parcel.
    ParcelId "pcl"
    /// Parcels that were sent together.
    DespatchId "dsp"
    /// The booking of a parcel, or of all of a despatch.
    BookingId "bkg"
    /// A question to a courier.
    AskId "ask"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_and_come_back() {
        let source = IdSource::new(3);
        let mut last = 0;
        for _ in 0..200_000 {
            let next = source.next(EPOCH_MS + 5);
            assert!(next > last);
            assert_eq!((next >> 16) & 63, 3);
            last = next;
        }
        let id = InterchangeId(last);
        assert_eq!(id.to_string().parse::<InterchangeId>(), Ok(id));
        assert!("doc_0000000000000".parse::<InterchangeId>().is_err());
        assert!("ix_zzzzzzzzzzzzz".parse::<InterchangeId>().is_err());
    }
}
