//! Our documents: one file per type with its struct, who may submit it, its business rules and its effect on the store.

pub mod account;
pub mod agreement;
pub mod application_response;
pub mod catalogue;
pub mod despatch_advice;
pub mod notice;
pub mod order;
pub mod order_response;
pub mod party;
pub mod statement;
pub mod transportation_status;

use crate::model::document_type::DocumentType;
use crate::model::record::Record;

/// The table of fields of a document type.
pub fn record(document_type: DocumentType) -> &'static Record {
    match document_type {
        DocumentType::Account => account::Account::record(),
        DocumentType::Agreement => agreement::Agreement::record(),
        DocumentType::ApplicationResponse => application_response::ApplicationResponse::record(),
        DocumentType::Catalogue => catalogue::Catalogue::record(),
        DocumentType::DespatchAdvice => despatch_advice::DespatchAdvice::record(),
        DocumentType::Notice => notice::Notice::record(),
        DocumentType::Order => order::Order::record(),
        DocumentType::OrderResponse => order_response::OrderResponse::record(),
        DocumentType::Party => party::PartyProfile::record(),
        DocumentType::Statement => statement::Statement::record(),
        DocumentType::TransportationStatus => transportation_status::TransportationStatus::record(),
    }
}
