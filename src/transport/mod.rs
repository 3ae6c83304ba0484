//! How bytes travel. Never looks inside them.

pub mod address;
pub mod authenticate;
pub mod connector;
pub mod courier;
pub mod folder;
pub mod http;
pub mod http_client;
mod keeper;
pub mod keys;
mod linger;
pub mod listen;
pub mod mail;
pub mod mail_client;
pub mod mailbox;
pub mod smtp;
mod stall;
pub mod tls;
pub mod trust;
pub mod webhook;
