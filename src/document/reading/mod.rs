//! Our documents as people read them, in Korean and English: what fields and codes are called, and a document as cards,
//! pairs, tables and totals. The portal's pages and the printed page are made of it.

pub(crate) mod content;
pub(crate) mod figures;
mod names;
pub(crate) mod page;
pub(crate) mod words;
