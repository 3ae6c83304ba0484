//! Couriers' words in ours. A courier is a data file (`mappings/couriers/NAME.toml`, described in the built-in one), so that
//! a new one needs no code.
//!
//! The body is JSON. What comes of it is a `TransportationStatus` document for each waybill in it; what the profile does not name is kept as
//! `unmapped`. Left out: XML and form bodies, and couriers that must be asked (they call back with a number only).

mod profile;
mod report;

pub use profile::{Couriers, Profile, Signing};
pub use report::{by_waybill, read, write};
