//! Couriers' words in ours. A courier is a data file (`mappings/couriers/NAME.toml`, described in docs/channels/couriers.md), so
//! that a new one needs no code.
//!
//! What comes of a callback is a `TransportationStatus` document for each waybill in it; what the profile does not name is
//! kept as `unmapped`. A courier that calls back with a number only, or that was silent for too long, is asked ([`ask`]). Parcels without a waybill number are
//! booked with a courier that says how ([`book`]).

pub mod ask;
mod body;
pub mod book;
pub mod booked;
mod booking;
pub mod desk;
mod fetch;
mod pointer;
mod profile;
mod refused;
mod report;
mod signing;
mod template;
mod words;

pub use body::BodyFormat;
pub use booking::{Booking, Per};
pub use fetch::Fetch;
pub use profile::{Couriers, Hint, Profile};
pub use report::{by_waybill, read, read_answer, read_hint, says_something, write, write_answer};
pub use signing::{Encoding, Hmac, Part, Signing, Timestamp};
