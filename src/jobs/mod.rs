//! What the clock starts.

pub mod close_day;
pub mod sweep;
