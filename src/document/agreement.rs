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
        /// Message or format name: `ubl-2.1`, `edifact-d96a`, `dure-json`, `csv`, `xlsx`; out only: `html`
        format: String,
        /// Mapping file when it is not the standard one of the message
        mapping: String,
        /// Character set of formats that do not say theirs; EDIFACT repertoire on the way out
        charset: String,
        /// Where to: `http://…`, `https://…`, `mailto:…`, `folder:NAME`, `connector:NAME`, `sms:+8210…`
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
        /// The partner's own words for the columns of its tables, each with our field: `우리코드=item_id`
        columns: Vec<String>,
        /// What proves that a mail is the partner's, one of them is enough: `dkim`, `server:NAME`, `link`; without any the link
        mail_proof: Vec<String>,
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

use super::directory::message_of;
use super::effect::{Cx, Made, Verdict};
use crate::error::{Error, Result};
use crate::model::document_type::DocumentType;
use crate::model::finding::Code;
use crate::model::mail::Proof;
use crate::store::interchanges;
use crate::store::parties::{self, AgreementRow};

impl Agreement {
    /// Makes the next version of an agreement. What was held for want of it is looked at again.
    pub fn apply(&self, cx: &mut Cx<'_, '_>) -> Result<Verdict> {
        if self.id.is_empty() {
            cx.error(Code::Required, "id", "", "id");
        }
        let partner = cx.own_organisation(&self.party).map(|organisation| organisation.id);
        if partner.is_none() {
            cx.error(Code::UnknownParty, "party", &self.party, "");
        }
        let taken = cx.directory.agreements().iter().any(|agreed| {
            let owner = cx.directory.organisation(agreed.organisation_id);
            agreed.terms.id == self.id && owner.is_some_and(|owner| !cx.is_own(owner.centre_id))
        });
        if taken {
            cx.error(Code::Conflict, "id", &self.id, "");
        }
        if !matches!(self.direction.as_str(), "in" | "out") {
            cx.error(Code::NotInCodeList, "direction", &self.direction, "in, out");
        }
        let document_type = self.document_type.parse::<DocumentType>();
        if document_type.is_err() {
            let known: Vec<_> = DocumentType::ALL.iter().map(|kind| kind.as_str()).collect();
            cx.error(Code::NotInCodeList, "document_type", &self.document_type, known.join(", "));
        }
        if let Ok(kind) = document_type
            && !self.format.is_empty()
            // A printed page is written only.
            && (message_of(&self.format, kind).is_none() || (self.format == "html" && self.direction == "in"))
        {
            let known = "ubl-2.1, edifact-d96a, dure-json, csv, xlsx";
            let known = if self.direction == "out" { format!("{known}, html") } else { known.to_owned() };
            cx.error(Code::NotInCodeList, "format", &self.format, known);
        }
        let schemes = ["http://", "https://", "mailto:", "folder:", "connector:", "sms:"];
        if !self.address.is_empty() && !schemes.iter().any(|scheme| self.address.starts_with(scheme)) {
            cx.error(Code::BadValue, "address", &self.address, "http://, https://, mailto:, folder:, connector:, sms:");
        }
        if self.direction == "out" && self.address.is_empty() {
            cx.error(Code::Required, "address", "", "address");
        }
        if !matches!(self.rounding.as_str(), "" | "half-up" | "half-even" | "down") {
            cx.error(Code::NotInCodeList, "rounding", &self.rounding, "half-up, half-even, down");
        }
        for (index, proof) in self.mail_proof.iter().enumerate() {
            if proof.parse::<Proof>().is_err() {
                cx.error(Code::BadValue, format!("mail_proof[{}]", index + 1), proof, "dkim, server:NAME, link");
            }
        }
        if let Some(share) = self.seller_share_percent
            && (share < Decimal::ZERO || share > Decimal::ONE_HUNDRED)
        {
            cx.error(Code::BadValue, "seller_share_percent", share.to_string(), "0..100");
        }
        let (Some(organisation_id), Ok(document_type)) = (partner, document_type) else { return Ok(Verdict::Reject) };
        if cx.findings.has_errors() {
            return Ok(Verdict::Reject);
        }
        let row = AgreementRow {
            id: cx.id(Made::Agreement),
            centre_id: cx.header.centre_id,
            organisation_id,
            name: self.id.clone(),
            version: 0,
            direction: self.direction.clone(),
            document_type: document_type.as_str().to_owned(),
            valid_from: self.valid_from.0.clone(),
            valid_to: self.valid_to.0.clone(),
            status: if self.status.is_empty() { "active".to_owned() } else { self.status.clone() },
            body: serde_json::to_string(self).map_err(|error| Error::bug("writing an agreement").caused_by(error))?,
        };
        parties::put_agreement(cx.tx, &row, cx.now_ms)?;
        parties::raise_version(cx.tx)?;
        cx.directory_changed = true;
        // Bounded: a partner with more waiting is woken again by the next agreement or by hand.
        for held in interchanges::held_of(cx.tx, organisation_id, 10_000)? {
            interchanges::make_due(cx.tx, held, cx.now_ms)?;
        }
        Ok(Verdict::Apply)
    }
}
