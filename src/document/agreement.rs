//! Agreement: what is done with a partner for one document type in one direction. Our own document.

use rust_decimal::Decimal;

use crate::model::record::Date;

crate::record! {
    /// What is agreed with a partner for one document type in one direction.
    Agreement {
        /// Name of the agreement; the same name again is a new version
        id: String,
        /// The partner, by the short name of its profile
        party: String,
        /// `in`: the partner sends it to us; `out`: we send it to the partner
        direction: String,
        /// One of our document types
        document_type: String,
        /// Message or format name: `ubl-2.1`, `edifact-d96a`, `dure-json`, `csv`
        format: String,
        /// Mapping file when it is not the standard one of the message
        mapping: String,
        /// Character set of formats that do not say theirs; EDIFACT repertoire on the way out
        charset: String,
        /// Where to: `http://…`, `https://…`, `mailto:…`
        address: String,
        /// Name of a sealed secret with which what we post is signed (Standard Webhooks)
        signing_secret: String,
        /// Name of a sealed secret sent as the partner's own credential
        credential: String,
        /// `none`, `functional` (CONTRL, ApplicationResponse) or `receipt`
        acknowledgement: String,
        /// All documents of an interchange or none
        all_or_nothing: Option<bool>,
        /// Seconds until each retry
        retry_s: Vec<u32>,
        /// Seconds a document may wait for its counterpart
        patience_s: Option<u32>,
        /// Seconds in which an equal document without a number is asked about
        window_s: Option<u32>,
        /// The seller's share of a delivered line in percent
        seller_share_percent: Option<Decimal>,
        /// `half-up`, `half-even` or `down`
        rounding: String,
        /// First day it holds
        valid_from: Date,
        /// Last day it holds
        valid_to: Date,
        /// `active` or `ended`
        status: String,
    }
}
