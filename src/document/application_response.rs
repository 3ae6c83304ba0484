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
