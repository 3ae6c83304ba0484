//! Words of the trade as plain values. No I/O, knows no other room.

pub mod canonical;
pub mod disposition;
pub mod document_type;
pub mod envelope;
pub mod finding;
pub mod id;
pub mod mail;
pub mod message;
pub mod money;
pub mod name;
pub mod parcel_status;
pub mod parts;
pub mod party_id;
mod phrases;
pub mod record;
pub mod role;
pub mod seal;
pub mod secret;
pub mod tree;
pub mod viewer;
