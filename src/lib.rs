//! dure, a B2B document exchange gateway and collaborative-commerce hub.
//!
//! Bytes come in by a transport and are kept as an interchange before anybody is answered. A format reads them into a
//! tree, a schema checks it, a mapping turns it into one of our documents, and one transaction applies the document to the
//! store together with the deliveries and acknowledgements it causes. Deliveries leave by a transport again.
//! `docs/ARCHITECTURE.md` has the map, the invariants and the walk.

pub mod api;
pub mod clock;
pub mod command;
pub mod config;
pub mod document;
pub mod error;
pub mod format;
pub mod jobs;
pub mod mapping;
pub mod model;
pub mod pipeline;
pub mod portal;
pub mod schema;
pub mod serve;
pub mod store;
pub mod transport;
