//! Application response: an answer to a document (UBL ApplicationResponse, EDIFACT CONTRL).

use crate::model::parts::{DocumentReference, Party, Unmapped};
use crate::model::record::{Date, Time};

crate::record! {
    /// An answer to a document.
    ApplicationResponse {
        /// cbc:ID
        id: String,
        /// cbc:UUID
        uuid: String,
        /// cbc:CustomizationID
        customization_id: String,
        /// cbc:ProfileID
        profile_id: String,
        /// cbc:IssueDate
        issue_date: Date,
        /// cbc:IssueTime
        issue_time: Time,
        /// cbc:Note
        notes: Vec<String>,
        /// cac:SenderParty
        sender: Option<Party>,
        /// cac:ReceiverParty
        receiver: Option<Party>,
        /// cac:DocumentResponse; EDIFACT UCI and UCM
        responses: Vec<DocumentResponse>,
        /// What no field carries
        unmapped: Vec<Unmapped>,
    }

    /// The answer to one document or interchange (cac:DocumentResponse).
    DocumentResponse {
        /// cac:Response/cbc:ReferenceID
        reference_id: String,
        /// `received`, `acknowledged`, `accepted`, `rejected`, `partly`: cac:Response/cbc:ResponseCode (AB, AP, RE, CA), EDIFACT 0083 (7, 8, 4)
        response_code: String,
        /// cac:Response/cbc:Description
        descriptions: Vec<String>,
        /// cac:DocumentReference: the document or, with role `interchange`, the interchange answered
        documents: Vec<DocumentReference>,
        /// cac:LineResponse; EDIFACT UCS and UCD
        lines: Vec<LineResponse>,
    }

    /// A remark about one place (cac:LineResponse).
    LineResponse {
        /// cac:LineReference/cbc:LineID: the line, or the place in the words of the format
        line_id: String,
        /// cac:Response/cbc:ReferenceID
        reference_id: String,
        /// cac:Response/cbc:ResponseCode
        response_code: String,
        /// cac:Response/cbc:Description
        descriptions: Vec<String>,
        /// cac:Response/cac:Status/cbc:StatusReasonCode; EDIFACT 0085
        reason_codes: Vec<String>,
    }
}

use super::effect::{Cx, Verdict};
use crate::error::Result;
use crate::model::id::DeliveryId;
use crate::store::deliveries;

impl ApplicationResponse {
    /// Matches a partner's acknowledgement to the deliveries it answers. One that answers nothing of ours waits: the
    /// send may not be recorded yet.
    pub fn apply(&self, cx: &mut Cx<'_, '_>) -> Result<Verdict> {
        let partner = cx.header.issuer_id;
        let mut unknown = Vec::new();
        let mut answered: Option<i64> = None;
        for response in &self.responses {
            let references =
                response.documents.iter().filter_map(|document| document.id.as_ref()).map(|id| id.value.as_str());
            let mut found = None;
            let mut missing = Vec::new();
            for reference in
                std::iter::once(response.reference_id.as_str()).chain(references).filter(|text| !text.is_empty())
            {
                found = deliveries::by_reference(cx.tx, partner, reference)?;
                if found.is_none() {
                    found = message_of(reference, cx)?;
                }
                if found.is_some() {
                    break;
                }
                missing.push(("control".to_owned(), format!("{partner}/{reference}")));
            }
            let word = if response.response_code.is_empty() { "received" } else { &response.response_code };
            match (found, answered) {
                (Some(delivery), _) => {
                    deliveries::acknowledge(cx.tx, delivery, word, cx.now_ms)?;
                    cx.trade_id = deliveries::get(cx.tx, delivery)?.and_then(|delivery| delivery.trade_id);
                    answered = Some(delivery);
                }
                // An answer to a message of the interchange that was answered just before: a refusal counts for it.
                (None, Some(delivery)) if word == "rejected" => {
                    deliveries::acknowledge(cx.tx, delivery, word, cx.now_ms)?;
                }
                (None, Some(_)) => {}
                (None, None) => unknown.extend(missing),
            }
        }
        if !unknown.is_empty() {
            return Ok(Verdict::Wait(unknown));
        }
        Ok(Verdict::Apply)
    }
}

/// A message to somebody's phone, by our id of the delivery. Who brings messages says what became of those of the centre.
fn message_of(reference: &str, cx: &mut Cx<'_, '_>) -> Result<Option<i64>> {
    let brings = cx.directory.organisation(cx.header.issuer_id).is_some_and(|issuer| issuer.is("courier"));
    let Some(id) = reference.parse::<DeliveryId>().ok().filter(|_| brings) else { return Ok(None) };
    let found = deliveries::get(cx.tx, id.0)?;
    let found = found.filter(|found| found.address.starts_with("sms:") && found.centre_id == cx.header.centre_id);
    Ok(found.map(|found| found.id))
}
