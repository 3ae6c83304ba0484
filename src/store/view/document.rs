//! Documents as their viewer may see them: as they came, for who sent them or is named by them; as they were told to it,
//! for who received them; and the items of catalogues.

use super::{bounded, may_see};
use crate::error::Result;
use crate::model::viewer::Viewer;
use crate::params;
use crate::store::deliveries::{self, Delivery};
use crate::store::documents::{self, Document, Filter};
use crate::store::items::{self, ItemRow};
use crate::store::{Tx, interchanges};

/// What a document is asked for by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DocumentKey {
    /// The document itself. Who received something made from it gets what it received.
    Document(i64),
    /// What a delivery carried.
    Delivery(i64),
}

impl DocumentKey {
    /// The number behind it; rising over both kinds.
    pub fn number(self) -> i64 {
        match self {
            DocumentKey::Document(id) | DocumentKey::Delivery(id) => id,
        }
    }
}

/// Which side of the document the viewer is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// It sent it.
    Sent,
    /// It was sent this by us.
    Received,
    /// It is named by it, or sees the centre.
    Named,
}

impl Side {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Sent => "sent",
            Side::Received => "received",
            Side::Named => "named",
        }
    }
}

/// A document in a list.
#[derive(Clone, Debug)]
pub struct DocumentRow {
    /// By what it is asked for.
    pub key: DocumentKey,
    /// Which side the viewer is on.
    pub side: Side,
    /// What it is.
    pub document_type: String,
    /// Its number.
    pub number: String,
    /// Who issued it; none where that is another leg's party.
    pub issuer_id: Option<i64>,
    /// The interchange it came in, for who may see that.
    pub interchange_id: Option<i64>,
    /// The message it was or is written as, `ubl/2.1/Order`.
    pub message_type: String,
    /// `new`, `repeat`, `revision`, `conflict`; empty for what was received.
    pub identity: String,
    /// The document it repeats, revises or conflicts with.
    pub same_as: Option<i64>,
    /// What became of it; for what was received the state of its delivery.
    pub disposition: String,
    /// The trade it belongs to.
    pub trade_id: Option<i64>,
    /// When it came, or was caused; UTC milliseconds.
    pub at_ms: i64,
}

/// A document with its content.
#[derive(Clone, Debug)]
pub struct DocumentView {
    /// What stands in lists.
    pub row: DocumentRow,
    /// Findings, a JSON list or empty; only for its sender and the centre (of a delivery: what could not be carried).
    pub findings: String,
    /// Canonical JSON; empty for a document applied line by line.
    pub content: String,
}

fn from_document(viewer: &Viewer, document: Document, sender_id: i64) -> DocumentView {
    let own = sender_id == viewer.organisation_id;
    let inside = own || viewer.sees_the_centre();
    DocumentView {
        row: DocumentRow {
            key: DocumentKey::Document(document.id),
            side: if own { Side::Sent } else { Side::Named },
            document_type: document.document_type,
            number: document.number,
            issuer_id: Some(document.issuer_id),
            interchange_id: inside.then_some(document.interchange_id),
            message_type: document.message_type,
            identity: document.identity,
            same_as: if inside { document.same_as } else { None },
            disposition: document.disposition,
            trade_id: document.trade_id,
            at_ms: document.received_ms,
        },
        findings: if inside { document.findings } else { String::new() },
        content: document.content,
    }
}

fn from_delivery(delivery: Delivery) -> DocumentView {
    DocumentView {
        row: DocumentRow {
            key: DocumentKey::Delivery(delivery.id),
            side: Side::Received,
            document_type: delivery.document_type,
            number: delivery.number,
            issuer_id: None,
            interchange_id: None,
            message_type: delivery.message_type,
            identity: String::new(),
            same_as: None,
            disposition: delivery.state,
            trade_id: delivery.trade_id,
            at_ms: delivery.created_ms,
        },
        findings: delivery.findings,
        content: delivery.content,
    }
}

/// Who handed in the interchange of a document.
fn sender_of(tx: &mut Tx<'_>, document: &Document) -> Result<i64> {
    Ok(interchanges::get(tx, document.interchange_id)?.map_or(0, |row| row.organisation_id))
}

/// One document.
pub fn document(tx: &mut Tx<'_>, viewer: &Viewer, key: DocumentKey) -> Result<Option<DocumentView>> {
    let own = viewer.organisation_id;
    match key {
        DocumentKey::Document(id) => {
            let named = viewer.sees_the_centre() || documents::is_party(tx, id, own)?;
            if !named {
                return Ok(deliveries::carrying(tx, own, id)?.map(from_delivery));
            }
            let found = documents::get(tx, id)?.filter(|row| row.centre_id == viewer.centre_id);
            let Some(document) = found else { return Ok(None) };
            let sender_id = sender_of(tx, &document)?;
            Ok(Some(from_document(viewer, document, sender_id)))
        }
        DocumentKey::Delivery(id) => {
            let found = deliveries::get(tx, id)?.filter(|row| may_see(viewer, row.centre_id, row.organisation_id));
            Ok(found.map(from_delivery))
        }
    }
}

/// Documents of an interchange that the viewer may see, in order; the interchange was checked.
pub(super) fn of_interchange(tx: &mut Tx<'_>, viewer: &Viewer, interchange_id: i64) -> Result<Vec<DocumentView>> {
    let sender_id = interchanges::get(tx, interchange_id)?.map_or(0, |row| row.organisation_id);
    let all = documents::of_interchange(tx, interchange_id)?;
    Ok(all.into_iter().map(|document| from_document(viewer, document, sender_id)).collect())
}

/// Documents of a trade that the viewer may see as documents; what it received is among the deliveries.
pub(super) fn of_trade(tx: &mut Tx<'_>, viewer: &Viewer, trade_id: i64) -> Result<Vec<DocumentView>> {
    let mine: Option<std::collections::HashSet<i64>> = match viewer.scope() {
        None => None,
        Some(own) => {
            let rows = tx.query(
                "SELECT DISTINCT p.document_id FROM document_party p JOIN document d ON d.id = p.document_id \
                 WHERE d.trade_id = ?1 AND p.organisation_id = ?2 LIMIT 1000",
                params![trade_id, own],
            )?;
            Some(rows.iter().map(|row| row.int(0)).collect::<Result<_>>()?)
        }
    };
    let mut shown = Vec::new();
    for document in documents::of_trade(tx, trade_id)? {
        if mine.as_ref().is_none_or(|mine| mine.contains(&document.id)) {
            let sender_id = sender_of(tx, &document)?;
            shown.push(from_document(viewer, document, sender_id));
        }
    }
    Ok(shown)
}

/// Whether what a viewer received is listed beside what it sent or is named by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Carried {
    /// It is.
    #[default]
    Listed,
    /// Only documents as they came.
    LeftOut,
}

/// What a list of documents is narrowed by. Empty text means any.
#[derive(Clone, Debug, Default)]
pub struct DocumentFilter {
    /// Document type.
    pub document_type: String,
    /// Number.
    pub number: String,
    /// Who issued it; 0 for any.
    pub issuer_id: i64,
    /// Came at or after, UTC milliseconds.
    pub since_ms: i64,
    /// Only ids below this one; 0 for the newest.
    pub before: i64,
    /// At most so many.
    pub limit: i64,
    /// Whether what was received is listed as well; for who sees the centre it never is.
    pub carried: Carried,
}

/// Documents that the viewer sent, received or is named by, newest first.
pub fn documents(tx: &mut Tx<'_>, viewer: &Viewer, filter: &DocumentFilter) -> Result<Vec<DocumentView>> {
    let limit = bounded(filter.limit);
    let before = if filter.before > 0 { filter.before } else { i64::MAX };
    let narrowed = Filter {
        organisation_id: viewer.scope(),
        centre_id: viewer.centre_id,
        document_type: filter.document_type.clone(),
        number: filter.number.clone(),
        issuer_id: filter.issuer_id,
        since_ms: filter.since_ms,
        before,
        limit,
    };
    let mut shown = Vec::new();
    for document in documents::list(tx, &narrowed)? {
        let sender_id = sender_of(tx, &document)?;
        shown.push(from_document(viewer, document, sender_id));
    }
    if let Some(own) = viewer.scope()
        && filter.carried == Carried::Listed
        && filter.issuer_id == 0
    {
        let received = deliveries::documents_to(tx, own, &narrowed)?;
        shown.extend(received.into_iter().map(from_delivery));
        shown.sort_by_key(|view| std::cmp::Reverse(view.row.key.number()));
        shown.truncate(usize::try_from(limit).unwrap_or(0));
    }
    Ok(shown)
}

/// An item with its price only for who may know the producer's: the producer, the centre, and who was sent the catalogue.
fn shown_item(tx: &mut Tx<'_>, viewer: &Viewer, mut item: ItemRow) -> Result<ItemRow> {
    let own = viewer.sees_the_centre() || item.producer_id == viewer.organisation_id;
    if !own && !documents::is_party(tx, item.document_id, viewer.organisation_id)? {
        item.price = String::new();
        item.content = String::new();
    }
    Ok(item)
}

/// Items in force of the viewer's centre by producer and key; a producer sees its own. Price and content are empty where
/// the viewer may not know them.
pub fn items(tx: &mut Tx<'_>, viewer: &Viewer, limit: i64) -> Result<Vec<ItemRow>> {
    let producer = (viewer.role == Some(crate::model::role::Role::Producer)).then_some(viewer.organisation_id);
    let rows = items::list(tx, viewer.centre_id, producer, bounded(limit))?;
    rows.into_iter().map(|item| shown_item(tx, viewer, item)).collect()
}

/// One item of the viewer's centre.
pub fn item(tx: &mut Tx<'_>, viewer: &Viewer, id: i64) -> Result<Option<ItemRow>> {
    let found = items::get(tx, id)?.filter(|item| item.centre_id == viewer.centre_id);
    found.map(|item| shown_item(tx, viewer, item)).transpose()
}
