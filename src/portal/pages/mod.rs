//! A file per page.

pub(super) mod sign_in;
pub(super) mod start;
