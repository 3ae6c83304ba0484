//! The only room that knows SQL: an engine for SQLite and PostgreSQL, and a file per table group on it.

mod engine;
pub mod migrate;

pub use engine::{
    Address, Class, Durability, Engine, Fault, MOST_ROWS, Param, Row, Store, StoreConfig, Tx, Value, fault_of,
    is_unique_violation,
};
