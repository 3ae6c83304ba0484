//! Tests of several rooms together, without any peer.

mod engines;
mod store;
