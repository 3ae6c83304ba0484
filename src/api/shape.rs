//! What the views look like as JSON. Names are the store's and the documents'; instants are RFC 3339, decimals and ids
//! text, organisations their short names.

use super::object::{Object, findings, instant};
use crate::document::directory::Directory;
use crate::model::id::{AccountId, DeliveryId, DocumentId, InterchangeId, ParcelId, TradeId};
use crate::pipeline::hex;
use crate::store::deliveries::Delivery;
use crate::store::interchanges::Interchange;
use crate::store::view::{
    DeliveryView, DocumentKey, DocumentRow, DocumentView, Entry, InterchangeView, LineView, ParcelView,
    StatementLineView, TradeRow, TradeView, What,
};

fn short(directory: &Directory, id: Option<i64>) -> Option<&str> {
    id.and_then(|id| directory.organisation(id)).map(|organisation| organisation.short.as_str())
}

fn interchange_row(row: &Interchange, directory: &Directory) -> Object {
    let id = InterchangeId(row.id);
    let mut out = Object::default();
    out.put("interchange", &id);
    out.put("status", &format!("/v1/interchanges/{id}"));
    out.put("from", &short(directory, Some(row.organisation_id)));
    out.put("state", &row.state);
    out.put("disposition", &row.disposition);
    out.put("cause", &row.cause);
    out.put("transport", &row.transport);
    out.put("format", &row.format);
    out.put("content_type", &row.content_type);
    out.put("charset", &row.charset);
    out.put("file_name", &row.file_name);
    out.put("size_bytes", &row.size_bytes);
    out.put("sha256", &hex(&row.digest));
    out.put("received_at", &instant(row.received_ms));
    out.put("decided_at", &row.decided_ms.and_then(instant));
    out.put("control_reference", &row.control_reference);
    out.put("sender", &row.sender);
    out.put("receiver", &row.receiver);
    if let Some(account) = row.account_id {
        out.put("account", &AccountId(account));
    }
    if let Some(delivery) = row.answers_delivery_id {
        out.put("answers_delivery", &DeliveryId(delivery));
    }
    out
}

/// An interchange and what came of it.
pub(super) fn interchange(view: &InterchangeView, directory: &Directory) -> Object {
    let mut out = interchange_row(&view.interchange, directory);
    out.raw("findings", findings(view.interchange.findings.as_deref().unwrap_or("")));
    out.list("documents", view.documents.iter().map(|document| document_of(document, directory, false)));
    let (answers, others): (Vec<_>, Vec<_>) =
        view.deliveries.iter().partition(|view| view.delivery.kind == "acknowledgement");
    out.list("acknowledgements", answers.iter().map(|view| delivery(view, directory)));
    out.list("deliveries", others.iter().map(|view| delivery(view, directory)));
    if let Some(earlier) = &view.revises {
        out.raw("revises", &interchange_row(earlier, directory).end());
    }
    if !view.revised_by.is_empty() {
        out.list("revised_by", view.revised_by.iter().map(|row| interchange_row(row, directory).end()));
    }
    out.list("answers", view.answers.iter().map(|row| interchange_row(row, directory).end()));
    out
}

fn delivery_row(row: &Delivery, directory: &Directory) -> Object {
    let mut out = Object::default();
    out.put("delivery", &DeliveryId(row.id));
    out.put("kind", &row.kind);
    out.put("to", &short(directory, Some(row.organisation_id)));
    out.put("type", &row.document_type);
    out.put("number", &row.number);
    out.put("message_type", &row.message_type);
    out.put("state", &row.state);
    out.put("created_at", &instant(row.created_ms));
    out.put("changed_at", &instant(row.changed_ms));
    out.put("due_at", &row.due_ms.and_then(instant));
    out.put("control_reference", &row.control_reference);
    out.put("acknowledged", &row.acknowledged);
    out.put("reason", &row.reason);
    out.put("receipt", &row.receipt);
    out
}

fn delivery(view: &DeliveryView, directory: &Directory) -> String {
    let mut out = delivery_row(&view.delivery, directory);
    out.raw("findings", findings(&view.delivery.findings));
    let attempts = view.attempts.iter().map(|attempt| {
        let mut out = Object::default();
        out.put("number", &attempt.number);
        out.put("at", &instant(attempt.at_ms));
        out.put("outcome", &attempt.outcome);
        out.put("reason", &attempt.reason);
        out.put("duration_ms", &attempt.duration_ms);
        out.end()
    });
    out.list("attempts", attempts);
    out.end()
}

/// The text of what a document is asked for by.
pub(super) fn key(key: DocumentKey) -> String {
    match key {
        DocumentKey::Document(id) => DocumentId(id).to_string(),
        DocumentKey::Delivery(id) => DeliveryId(id).to_string(),
    }
}

fn document_row(row: &DocumentRow, directory: &Directory) -> Object {
    let mut out = Object::default();
    out.put("document", &key(row.key));
    out.put("side", row.side.as_str());
    out.put("type", &row.document_type);
    out.put("number", &row.number);
    out.put("issuer", &short(directory, row.issuer_id));
    out.put("message_type", &row.message_type);
    out.put("identity", &row.identity);
    out.put("same_as", &row.same_as.map(DocumentId));
    out.put("disposition", &row.disposition);
    out.put("interchange", &row.interchange_id.map(InterchangeId));
    out.put("trade", &row.trade_id.map(TradeId));
    out.put("at", &instant(row.at_ms));
    out
}

/// A document with its findings, and its canonical JSON if that is wanted.
pub(super) fn document_of(view: &DocumentView, directory: &Directory, content: bool) -> String {
    let mut out = document_row(&view.row, directory);
    out.raw("findings", findings(&view.findings));
    if content {
        out.raw("content", &view.content);
    }
    out.end()
}

/// A trade in a list.
pub(super) fn trade_row(row: &TradeRow, directory: &Directory) -> Object {
    let mut out = Object::default();
    out.put("trade", &TradeId(row.id));
    out.put("number", &row.number);
    out.put("title", &row.title);
    out.put("parts", &row.parts);
    out.put("buyer", &short(directory, row.buyer_id));
    out.put("seller", &short(directory, row.seller_id));
    out.put("state", &row.state);
    out.put("created_at", &instant(row.created_ms));
    out.put("changed_at", &instant(row.changed_ms));
    out
}

/// A trade with everything its viewer may know.
pub(super) fn trade(view: &TradeView, directory: &Directory) -> String {
    let mut out = trade_row(&view.row, directory);
    let keys = view.keys.iter().map(|(kind, value)| {
        let mut out = Object::default();
        out.put("kind", kind);
        out.put("value", value);
        out.end()
    });
    out.list("keys", keys);
    out.list("timeline", view.timeline.iter().map(|happened| entry(happened, directory)));
    out.list("lines", view.lines.iter().map(|row| line(row, directory)));
    out.list("parcels", view.parcels.iter().map(|row| parcel(row, directory)));
    out.list("statement_lines", view.statement_lines.iter().map(|row| statement_line(row, directory)));
    out.end()
}

fn entry(entry: &Entry, directory: &Directory) -> String {
    let (what, mut out) = match &entry.what {
        What::Document(row) => ("document", document_row(row, directory)),
        What::Delivery(row) => ("delivery", delivery_row(row, directory)),
        What::Milestone(milestone) => {
            let mut out = Object::default();
            out.put("kind", &milestone.kind);
            out.put("part", &milestone.part);
            out.put("by", &short(directory, milestone.organisation_id));
            out.put("document", &milestone.document_id.map(DocumentId));
            out.put("detail", &milestone.detail);
            ("milestone", out)
        }
    };
    out.put("what", what);
    out.put("happened_at", &instant(entry.at_ms));
    out.end()
}

fn line(row: &LineView, directory: &Directory) -> String {
    let mut out = Object::default();
    out.put("position", &row.position);
    out.put("line", &row.line);
    out.put("producer", &short(directory, row.producer_id));
    out.put("name", &row.name);
    out.put("quantity", &row.quantity);
    out.put("unit", &row.unit);
    out.put("price", &row.price);
    out.put("currency", &row.currency);
    out.put("confirmed", &row.confirmed);
    out.put("despatched", &row.despatched);
    out.put("delivered", &row.delivered);
    out.put("promised_date", &row.promised_date);
    out.put("state", &row.state);
    out.put("note", &row.note);
    out.end()
}

fn parcel(row: &ParcelView, directory: &Directory) -> String {
    let mut out = Object::default();
    out.put("position", &row.position);
    out.put("state", &row.state);
    out.put("changed_at", &instant(row.changed_ms));
    out.put("sscc", &row.sscc);
    out.put("tracking_id", &row.tracking_id);
    out.put("courier", &short(directory, row.courier_id));
    out.put("producer", &short(directory, row.producer_id));
    out.put("label", &row.label.then(|| format!("/parcels/{}/label", ParcelId(row.id))));
    out.put("booking", &row.booking.as_ref().map(|booking| booking.state.as_str()));
    let contents = row.contents.iter().map(|content| {
        let mut out = Object::default();
        out.put("position", &content.position);
        out.put("quantity", &content.quantity);
        out.put("serial_ids", &content.serial_ids);
        out.end()
    });
    out.list("contents", contents);
    let events = row.events.iter().map(|event| {
        let mut out = Object::default();
        out.put("at", &instant(event.at_ms));
        out.put("status", &event.status);
        out.put("courier_code", &event.courier_code);
        out.put("location", &event.location);
        out.put("received_by", &event.received_by);
        out.put("note", &event.note);
        out.end()
    });
    out.list("events", events);
    out.end()
}

fn statement_line(row: &StatementLineView, directory: &Directory) -> String {
    let mut out = Object::default();
    out.put("seller", &short(directory, Some(row.seller_id)));
    out.put("producer", &short(directory, row.producer_id));
    out.put("quantity", &row.quantity);
    out.put("price", &row.price);
    out.put("currency", &row.currency);
    out.put("invoiced_minor", &row.invoiced_minor);
    out.put("seller_minor", &row.seller_minor);
    out.put("rest_minor", &row.rest_minor);
    out.put("share_percent", &row.share_percent);
    out.put("rounding", &row.rounding);
    out.put("delivered_on", &row.delivered_on);
    out.put("settled", &row.statement_id.is_some());
    out.end()
}
