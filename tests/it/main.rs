//! Tests of several rooms together, without any peer.

#![allow(clippy::unwrap_used, reason = "a test that panics says so")]

mod api;
mod command;
mod command_bad_input;
mod command_demo;
mod command_files;
mod command_market;
mod command_rebuild;
mod connector;
mod courier_booking;
mod courier_callbacks;
mod courier_hub;
mod couriers;
mod dure_schemas;
mod engines;
mod folder;
mod harness;
mod jobs;
mod layouts;
mod leases;
mod listen;
mod mail;
mod mail_in;
mod mail_proof;
mod mail_store;
#[cfg(feature = "peers")]
mod marked;
mod model_docs;
mod pages;
mod pages_docs;
mod pages_people;
mod pipeline;
mod program;
mod readme;
mod sms;
mod store;
mod store_limits;
mod tenancy;
