//! What a document does to the store, inside the one transaction that decides it.

use crate::error::Result;
use crate::model::document_type::DocumentType;
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::model::id::IdSource;
use crate::store::deliveries::{self, NewDelivery};
use crate::store::{Tx, trades};

use super::directory::{Agreed, Direction, Directory, Organisation};

/// What is known of a document before its body is looked at.
#[derive(Clone, Debug)]
pub struct Header {
    /// Its id.
    pub document_id: i64,
    /// The interchange it came in.
    pub interchange_id: i64,
    /// The centre.
    pub centre_id: i64,
    /// Who issued it.
    pub issuer_id: i64,
    /// What it is.
    pub document_type: DocumentType,
    /// Its number.
    pub number: String,
    /// The agreement it came under.
    pub agreement_id: Option<i64>,
    /// How long it may wait for its counterpart, milliseconds.
    pub patience_ms: i64,
}

/// What the document asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is in effect.
    Apply,
    /// The findings say why not.
    Reject,
    /// Its counterpart is not there yet: kinds and values of keys that would wake it.
    Wait(Vec<(String, String)>),
}

/// What a document makes, by the table that keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Made {
    /// An account.
    Account,
    /// A version of an agreement.
    Agreement,
    /// Something in the outbox.
    Delivery,
    /// A despatch.
    Despatch,
    /// An event of a parcel.
    Event,
    /// A row of a catalogue.
    Item,
    /// A line of an order.
    Line,
    /// A milestone of a trade.
    Milestone,
    /// An order.
    Order,
    /// An organisation.
    Organisation,
    /// A parcel.
    Parcel,
    /// A producer's part of an order.
    Part,
    /// A statement.
    Statement,
    /// A line that is owed.
    StatementLine,
    /// A trade.
    Trade,
}

impl Made {
    /// Its table.
    pub fn table(self) -> &'static str {
        match self {
            Made::Account => "account",
            Made::Agreement => "agreement",
            Made::Delivery => "delivery",
            Made::Despatch => "despatch",
            Made::Event => "parcel_event",
            Made::Item => "item",
            Made::Line => "order_line",
            Made::Milestone => "milestone",
            Made::Order => "purchase_order",
            Made::Organisation => "organisation",
            Made::Parcel => "parcel",
            Made::Part => "order_part",
            Made::Statement => "statement",
            Made::StatementLine => "statement_line",
            Made::Trade => "trade",
        }
    }
}

/// Where the ids of what documents make come from: new ones, or, when documents are folded again, those they had.
pub trait Ids {
    /// The id of the next one.
    fn make(&self, what: Made, now_ms: i64) -> i64;
}

impl Ids for IdSource {
    fn make(&self, _: Made, now_ms: i64) -> i64 {
        self.next(now_ms)
    }
}

/// The transaction a document acts in.
pub struct Cx<'a, 'c> {
    /// The transaction.
    pub tx: &'a mut Tx<'c>,
    /// Now, UTC milliseconds.
    pub now_ms: i64,
    /// Today in the hub's zone, `YYYY-MM-DD`.
    pub today: &'a str,
    /// The hub's zone.
    pub zone: chrono_tz::Tz,
    /// Makes ids.
    pub ids: &'a dyn Ids,
    /// Who is who.
    pub directory: &'a Directory,
    /// The document.
    pub header: &'a Header,
    /// What is wrong with it; paths are canonical.
    pub findings: &'a mut Findings,
    /// The trade it belongs to, once that is known.
    pub trade_id: Option<i64>,
    /// Keys that appeared, so that what waits for them is woken.
    pub woken: Vec<(String, String)>,
    /// Whether the directory changed.
    pub directory_changed: bool,
    /// Deliveries that were put into the outbox.
    pub deliveries: usize,
}

impl<'a, 'c> Cx<'a, 'c> {
    /// With nothing changed yet.
    pub fn new(tx: &'a mut Tx<'c>, around: Around<'a>, findings: &'a mut Findings) -> Cx<'a, 'c> {
        let Around { now_ms, today, zone, ids, directory, header } = around;
        Cx {
            tx,
            now_ms,
            today,
            zone,
            ids,
            directory,
            header,
            findings,
            trade_id: None,
            woken: Vec::new(),
            directory_changed: false,
            deliveries: 0,
        }
    }
}

/// The circumstances under which a document is applied, each as in [`Cx`].
pub struct Around<'a> {
    /// Now, UTC milliseconds.
    pub now_ms: i64,
    /// Today in the hub's zone.
    pub today: &'a str,
    /// The hub's zone.
    pub zone: chrono_tz::Tz,
    /// Makes ids.
    pub ids: &'a dyn Ids,
    /// Who is who.
    pub directory: &'a Directory,
    /// The document.
    pub header: &'a Header,
}

impl<'a> Cx<'a, '_> {
    /// An organisation of the document's own centre, by its short name: no centre reaches into another. The machine, which
    /// sets up centres, has none.
    pub fn own_organisation(&self, short: &str) -> Option<&'a Organisation> {
        self.directory.by_short(short).filter(|found| self.is_own(found.centre_id))
    }

    /// Whether something of a centre is of the document's own.
    pub fn is_own(&self, centre_id: i64) -> bool {
        self.header.centre_id == 0 || self.header.centre_id == centre_id
    }
}

impl Cx<'_, '_> {
    /// The next id of something that is made.
    pub fn id(&self, what: Made) -> i64 {
        self.ids.make(what, self.now_ms)
    }

    /// The day of an instant in the hub's zone, `YYYY-MM-DD`.
    pub fn day_of(&self, at_ms: i64) -> String {
        day_of(self.zone, at_ms)
    }

    /// Adds an error at a canonical path.
    pub fn error(&mut self, code: Code, path: impl Into<String>, found: impl AsRef<str>, expected: impl AsRef<str>) {
        self.findings.push(Finding::error(code, Place::path(path)).found(found).expected(expected));
    }

    /// Adds a warning at a canonical path.
    pub fn warning(&mut self, code: Code, path: impl Into<String>, found: impl AsRef<str>, expected: impl AsRef<str>) {
        self.findings.push(Finding::warning(code, Place::path(path)).found(found).expected(expected));
    }

    /// What is agreed with a partner today for a type on its way out.
    pub fn agreed_out(&self, organisation_id: i64, document_type: DocumentType) -> Option<Agreed> {
        self.directory.agreement(organisation_id, Direction::Out, document_type, self.today).cloned()
    }

    /// Puts a document for a partner into the outbox, under its agreement; a partner without one sees it in the portal.
    pub fn deliver<T: serde::Serialize>(
        &mut self,
        organisation_id: i64,
        document_type: DocumentType,
        number: &str,
        body: &T,
    ) -> Result<bool> {
        let Some(agreed) = self.agreed_out(organisation_id, document_type) else { return Ok(false) };
        let Some(message_type) = agreed.message_type() else { return Ok(false) };
        let kind = if document_type == DocumentType::ApplicationResponse { "acknowledgement" } else { "document" };
        let content = serde_json::to_string(body)
            .map_err(|error| crate::error::Error::bug("writing a document as JSON").caused_by(error))?;
        let delivery = NewDelivery {
            id: self.id(Made::Delivery),
            centre_id: self.header.centre_id,
            organisation_id,
            agreement_id: agreed.id,
            document_id: (self.header.document_id != 0).then_some(self.header.document_id),
            interchange_id: self.header.interchange_id,
            trade_id: self.trade_id,
            kind,
            document_type: document_type.as_str().to_owned(),
            number: number.to_owned(),
            message_type: message_type.to_string(),
            address: agreed.terms.address.clone(),
            content,
            due_ms: self.now_ms,
            created_ms: self.now_ms,
        };
        deliveries::insert(self.tx, &delivery)?;
        self.deliveries += 1;
        Ok(true)
    }

    /// Puts a notice to a person into the outbox.
    pub fn notify(&mut self, organisation_id: i64, notice: &super::notice::Notice) -> Result<()> {
        if notice.to.is_empty() {
            return Ok(());
        }
        let content = serde_json::to_string(notice)
            .map_err(|error| crate::error::Error::bug("writing a notice as JSON").caused_by(error))?;
        let delivery = NewDelivery {
            id: self.id(Made::Delivery),
            centre_id: self.header.centre_id,
            organisation_id,
            agreement_id: 0,
            document_id: (self.header.document_id != 0).then_some(self.header.document_id),
            interchange_id: self.header.interchange_id,
            trade_id: self.trade_id,
            kind: "notice",
            document_type: DocumentType::Notice.as_str().to_owned(),
            number: notice.id.clone(),
            message_type: String::new(),
            address: if notice.to.starts_with("sms:") { notice.to.clone() } else { format!("mailto:{}", notice.to) },
            content,
            due_ms: self.now_ms,
            created_ms: self.now_ms,
        };
        deliveries::insert(self.tx, &delivery)?;
        self.deliveries += 1;
        Ok(())
    }

    /// Adds a milestone to the document's trade.
    pub fn milestone(&mut self, kind: &str, organisation_id: i64, at_ms: i64, detail: String) -> Result<()> {
        let Some(trade_id) = self.trade_id else { return Ok(()) };
        let milestone = trades::Milestone {
            at_ms,
            kind: kind.to_owned(),
            organisation_id,
            document_id: (self.header.document_id != 0).then_some(self.header.document_id),
            detail,
        };
        let id = self.id(Made::Milestone);
        trades::add_milestone(self.tx, id, trade_id, &milestone)
    }

    /// Makes a key of the document's trade, known to those organisations.
    pub fn key(&mut self, kind: &str, value: &str, known_to: &[i64]) -> Result<()> {
        let Some(trade_id) = self.trade_id else { return Ok(()) };
        for &organisation_id in known_to {
            trades::add_key(self.tx, trade_id, kind, value, organisation_id)?;
        }
        Ok(())
    }

    /// Wakes what waits for a key.
    pub fn wake(&mut self, kind: &str, value: impl Into<String>) {
        self.woken.push((kind.to_owned(), value.into()));
    }
}

/// The day of an instant in a zone, `YYYY-MM-DD`.
pub fn day_of(zone: chrono_tz::Tz, at_ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(at_ms)
        .map_or(String::new(), |at| at.with_timezone(&zone).format("%Y-%m-%d").to_string())
}
