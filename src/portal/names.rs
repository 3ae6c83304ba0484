//! Names and links that many pages show the same way: organisations, documents, trades.

use super::rights::Scope;
use super::session::Seat;
use super::show::Link;
use crate::model::disposition::Transport;
use crate::model::document_type::DocumentType;
use crate::model::finding::Language;
use crate::model::id::{DeliveryId, DocumentId, InterchangeId, TradeId};
use crate::store::view::DocumentKey;

impl Seat {
    /// An organisation by name; a link for who may open it. 0 is the hub itself.
    pub(crate) fn organisation(&self, id: i64) -> Link {
        let directory = self.portal.hub.directory();
        match directory.organisation(id) {
            Some(found) if self.may_open(id) => Link::to(format!("/partners/{}", found.short), &found.name),
            Some(found) => Link::plain(&found.name),
            None => Link::plain(if id == 0 { self.w.the_hub } else { "" }),
        }
    }

    /// Whether the page of an organisation is the viewer's.
    fn may_open(&self, id: i64) -> bool {
        let page = self.portal.pages.iter().find(|page| page.path == "/partners/{short}");
        match page.map(|page| page.rights.of(self.role)) {
            Some(Scope::Centre) => true,
            Some(Scope::Own) => id == self.viewer.organisation_id,
            _ => false,
        }
    }

    /// What a document is called: its type and number.
    pub(crate) fn document_name(&self, document_type: &str, number: &str) -> String {
        let kind = document_type_title(document_type, self.viewer.language);
        if number.is_empty() { kind } else { format!("{kind} {number}") }
    }

    /// The other partners of the centre, for a list to choose from: short name and name.
    pub(crate) fn partner_choices(&self) -> Vec<(String, String)> {
        let directory = self.portal.hub.directory();
        let centre = self.viewer.centre_id;
        let mine = directory.organisations().into_iter().filter(|found| found.centre_id == centre);
        mine.map(|found| (found.short.clone(), found.name.clone())).collect()
    }
}

/// The page of a document.
pub(crate) fn document_path(key: DocumentKey) -> String {
    match key {
        DocumentKey::Document(id) => format!("/documents/{}", DocumentId(id)),
        DocumentKey::Delivery(id) => format!("/documents/{}", DeliveryId(id)),
    }
}

/// The page of an interchange.
pub(crate) fn interchange_path(id: i64) -> String {
    format!("/interchanges/{}", InterchangeId(id))
}

/// The page of a delivery.
pub(crate) fn delivery_path(id: i64) -> String {
    format!("/deliveries/{}", DeliveryId(id))
}

/// The page of a trade.
pub(crate) fn trade_path(id: i64) -> String {
    format!("/trades/{}", TradeId(id))
}

/// A document type in words.
pub(crate) fn document_type_title(document_type: &str, language: Language) -> String {
    match document_type.parse::<DocumentType>() {
        Ok(known) => known.title(language).to_owned(),
        Err(_) => document_type.to_owned(),
    }
}

/// How something travelled, in words.
pub(crate) fn transport_title(transport: &str, language: Language) -> String {
    Transport::from_word(transport).map_or_else(|| transport.to_owned(), |known| known.title(language).to_owned())
}
