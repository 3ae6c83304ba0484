//! The only room that knows SQL: an engine for SQLite and PostgreSQL, and a file per table group on it.

pub mod accounts;
pub mod audit;
pub mod bookings;
pub mod channels;
pub mod conversations;
pub mod courier_asks;
pub mod deliveries;
pub mod documents;
mod engine;
pub mod interchanges;
pub mod items;
pub mod jobs;
pub mod leases;
pub mod mails;
pub mod migrate;
pub mod orders;
pub mod parcels;
pub mod parties;
pub mod proof;
pub mod statements;
pub mod sweep;
pub mod tables;
pub mod trades;
pub mod view;
pub mod yardstick;

pub use engine::{
    Address, BackupProgress, Class, Durability, Engine, Fault, Isolation, MOST_ROWS, Param, Row, Store, StoreConfig,
    Tx, Value, fault_of, is_unique_violation,
};
