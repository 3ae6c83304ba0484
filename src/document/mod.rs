//! Our documents: one file per type with its struct, who may submit it, its business rules and its effect on the store.

pub mod account;
pub mod agreement;
pub mod application_response;
pub mod catalogue;
pub mod consignment;
pub mod despatch_advice;
pub mod directory;
pub mod effect;
pub mod notice;
pub mod order;
pub mod order_response;
pub mod party;
pub mod reading;
pub mod statement;
pub mod transportation_status;

use crate::model::canonical::{from_tree, to_tree, tree_of_json};
use crate::model::document_type::DocumentType;
use crate::model::finding::{Code, Finding, Language, Place};
use crate::model::record::Record;
use crate::model::tree::{NodeId, Tree};

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

/// A typed document of any type.
#[derive(Clone, Debug)]
pub enum Body {
    /// An account.
    Account(Box<account::Account>),
    /// An agreement.
    Agreement(Box<agreement::Agreement>),
    /// An acknowledgement.
    ApplicationResponse(Box<application_response::ApplicationResponse>),
    /// A catalogue; of a large one only its head and tail.
    Catalogue(Box<catalogue::Catalogue>),
    /// A shipping notice.
    DespatchAdvice(Box<despatch_advice::DespatchAdvice>),
    /// An order.
    Order(Box<order::Order>),
    /// An answer to an order.
    OrderResponse(Box<order_response::OrderResponse>),
    /// An organisation.
    Party(Box<party::PartyProfile>),
    /// A statement.
    Statement(Box<statement::Statement>),
    /// A courier's report.
    TransportationStatus(Box<transportation_status::TransportationStatus>),
}

/// What a document holds, in short.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Summary {
    /// How many lines it has, where it has lines.
    pub lines: Option<usize>,
    /// What it comes to by its own words; none if it does not say.
    pub total: Option<crate::model::parts::Amount>,
}

/// What a document holds, in short, from its canonical JSON; nothing where that cannot be told.
pub fn summary(document_type: DocumentType, json: &str) -> Summary {
    #[derive(serde::Deserialize)]
    struct Lines {
        lines: Vec<serde::de::IgnoredAny>,
    }
    let lines = serde_json::from_str::<Lines>(json).ok().map(|found| found.lines.len());
    let total = match document_type {
        DocumentType::Order => match Body::from_json(document_type, json) {
            Ok(Body::Order(order)) => order.total(),
            _ => None,
        },
        _ => None,
    };
    Summary { lines, total }
}

/// Runs an expression on whatever a body holds.
macro_rules! each_body {
    ($body:expr, $inner:ident => $do:expr) => {
        match $body {
            Body::Account($inner) => $do,
            Body::Agreement($inner) => $do,
            Body::ApplicationResponse($inner) => $do,
            Body::Catalogue($inner) => $do,
            Body::DespatchAdvice($inner) => $do,
            Body::Order($inner) => $do,
            Body::OrderResponse($inner) => $do,
            Body::Party($inner) => $do,
            Body::Statement($inner) => $do,
            Body::TransportationStatus($inner) => $do,
        }
    };
}

impl Body {
    /// A typed document from its canonical tree. The finding's node is that of the tree.
    pub fn from_tree(document_type: DocumentType, tree: &Tree) -> Result<Body, (Finding, NodeId)> {
        let Some(root) = tree.root() else {
            return Err((Finding::error(Code::Empty, Place::default()), NodeId(0)));
        };
        Ok(match document_type {
            DocumentType::Account => Body::Account(Box::new(from_tree(tree, root)?)),
            DocumentType::Agreement => Body::Agreement(Box::new(from_tree(tree, root)?)),
            DocumentType::ApplicationResponse => Body::ApplicationResponse(Box::new(from_tree(tree, root)?)),
            DocumentType::Catalogue => Body::Catalogue(Box::new(from_tree(tree, root)?)),
            DocumentType::DespatchAdvice => Body::DespatchAdvice(Box::new(from_tree(tree, root)?)),
            DocumentType::Order => Body::Order(Box::new(from_tree(tree, root)?)),
            DocumentType::OrderResponse => Body::OrderResponse(Box::new(from_tree(tree, root)?)),
            DocumentType::Party => Body::Party(Box::new(from_tree(tree, root)?)),
            DocumentType::Statement => Body::Statement(Box::new(from_tree(tree, root)?)),
            DocumentType::TransportationStatus => Body::TransportationStatus(Box::new(from_tree(tree, root)?)),
            DocumentType::Notice => {
                let finding = Finding::error(Code::NotAllowed, Place::default()).found("Notice");
                return Err((finding, root));
            }
        })
    }

    /// A typed document from its stored canonical JSON.
    pub fn from_json(document_type: DocumentType, json: &str) -> crate::error::Result<Body> {
        let unreadable = || crate::error::Error::store("the stored document cannot be read");
        let tree = tree_of_json(json, document_type.as_str()).map_err(|error| unreadable().caused_by(error))?;
        Body::from_tree(document_type, &tree).map_err(|(finding, _)| unreadable().caused_by(finding.text(Language::En)))
    }

    /// Its canonical tree.
    pub fn to_tree(&self, document_type: DocumentType) -> Tree {
        each_body!(self, body => to_tree(body, document_type.as_str()))
    }

    /// Its canonical JSON, the form that is stored, compared and sent by the API.
    pub fn to_json(&self) -> String {
        each_body!(self, body => serde_json::to_string(body)).unwrap_or_default()
    }

    /// Its number; empty if it has none.
    pub fn number(&self) -> &str {
        each_body!(self, body => &body.id)
    }

    /// Gives it a number.
    pub fn set_number(&mut self, number: String) {
        each_body!(self, body => body.id = number);
    }

    /// Puts it in effect, or says why not.
    pub fn apply(&self, cx: &mut effect::Cx<'_, '_>) -> crate::error::Result<effect::Verdict> {
        each_body!(self, body => body.apply(cx))
    }

    /// Whether it says itself that it is a later state of one sent before (rules.md 1).
    pub fn says_revision(&self) -> bool {
        match self {
            // What the hub keeps of these is a state: the same name again is its next version.
            Body::Account(_) | Body::Agreement(_) | Body::Party(_) => true,
            Body::Catalogue(catalogue) => {
                !catalogue.action_code.is_empty()
                    || !catalogue.version_id.is_empty()
                    || !catalogue.revision_date.0.is_empty()
            }
            Body::Order(order) => matches!(order.function.as_str(), "change" | "replace"),
            _ => false,
        }
    }
}
