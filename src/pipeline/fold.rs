//! All documents in effect folded again into an empty store, in the order in which they took effect: the proof that every
//! change is a document (rules.md 8). Each is applied as it was, at its time, with the ids that it gave, so that the tables
//! must come out the same. What is no document (keys, secrets, passwords, what was sent and tried) is left out.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::read;
use super::receive::PayloadReader;
use crate::document::catalogue::{self, Target};
use crate::document::directory::Directory;
use crate::document::effect::{Around, Cx, Header, Ids, Made, Verdict, day_of};
use crate::document::{Body, catalogue::CatalogueLine};
use crate::error::{Context, Error, Result};
use crate::format::{self, Hint};
use crate::model::disposition::{Disposition, Identity};
use crate::model::document_type::DocumentType;
use crate::model::finding::{Findings, Language};
use crate::model::id::IdSource;
use crate::store::documents::{self, Document, NewDocument};
use crate::store::items::ItemRow;
use crate::store::tables::{self, InEffect};
use crate::store::{Store, Tx};

/// Ids read at once.
const IDS_AT_ONCE: i64 = 10_000;
/// Lines of a large catalogue written in one transaction.
const LINES_AT_ONCE: usize = 500;
/// How far behind its decision a document may have given ids: a clock that was set back makes them run ahead.
const SPREAD_MS: i64 = 60_000;

/// The hub number of ids that no document gave; the last there is.
const FRESH_HUB: u8 = 63;

/// A document that could not be folded again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unfolded {
    /// Its id.
    pub document_id: i64,
    /// Why not.
    pub wrong: String,
}

/// The ids that a document gave, by what they were for.
struct Given {
    ids: RefCell<HashMap<&'static str, VecDeque<i64>>>,
    /// For what it did not give then.
    fresh: Arc<IdSource>,
}

impl Ids for Given {
    fn make(&self, what: Made, now_ms: i64) -> i64 {
        let given = self.ids.borrow_mut().get_mut(what.table()).and_then(VecDeque::pop_front);
        given.unwrap_or_else(|| self.fresh.next(now_ms))
    }
}

/// Folds everything in effect in `there` into `scratch`, which is empty. Blocks. Gives how many documents there were;
/// `told` hears how far it is.
pub fn fold(
    there: &Store,
    scratch: &Store,
    zone: chrono_tz::Tz,
    unfolded: &mut dyn FnMut(Unfolded),
    told: &mut dyn FnMut(u64, u64),
) -> Result<u64> {
    let order = in_order(there)?;
    let fresh = Arc::new(IdSource::new(FRESH_HUB));
    let mut folding = Folding { there, scratch, zone, fresh, directory: Directory::default() };
    let all = order.len() as u64;
    for (number, (_, id)) in (1..).zip(&order) {
        if let Some(wrong) = folding.one(*id)? {
            unfolded(Unfolded { document_id: *id, wrong });
        }
        told(number, all);
    }
    Ok(all)
}

/// Decision times and ids of the documents in effect, in the order of their decisions.
fn in_order(there: &Store) -> Result<Vec<(i64, i64)>> {
    let mut order: Vec<(i64, i64)> = Vec::new();
    let mut after = i64::MIN;
    loop {
        let from = after;
        let page = there.read_blocking(move |tx| tables::in_effect_after(tx, from, IDS_AT_ONCE))?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        order.extend(page.into_iter().map(|(id, decided_ms)| (decided_ms, id)));
    }
    order.sort_unstable();
    Ok(order)
}

struct Folding<'s> {
    there: &'s Store,
    scratch: &'s Store,
    zone: chrono_tz::Tz,
    fresh: Arc<IdSource>,
    directory: Directory,
}

impl Folding<'_> {
    /// Folds one; says why it did not take effect.
    fn one(&mut self, id: i64) -> Result<Option<String>> {
        let bounds = IdSource::new(0);
        let found = self.there.read_blocking(move |tx| {
            let (Some(document), Some(about)) = (documents::get(tx, id)?, tables::in_effect(tx, id)?) else {
                return Ok(None);
            };
            // What a document makes has ids behind its own.
            let from = bounds.floor(document.decided_ms).max(document.id);
            let to = bounds.floor(document.decided_ms + SPREAD_MS);
            let mut made = tables::made_by(tx, id, from, to)?;
            if let Some(table) = table_by_name(&document.document_type) {
                let named = tables::named(tx, table, &document.number, from, to)?;
                made.extend(named.into_iter().map(|id| (table, id)));
            }
            let references = tables::control_references(tx, id)?;
            Ok(Some((document, about, made, references)))
        })?;
        let Some((document, about, made, references)) = found else {
            return Ok(Some("it is gone".to_owned()));
        };
        let Ok(document_type) = document.document_type.parse::<DocumentType>() else {
            return Ok(Some(format!("there is no type {}", document.document_type)));
        };
        let body = if document.content.is_empty() {
            self.lines(&document, &about)?
        } else {
            Body::from_json(document_type, &document.content).map_err(|error| error.to_string())
        };
        let body = match body {
            Ok(body) => body,
            Err(wrong) => return Ok(Some(wrong)),
        };
        let mut ids: HashMap<&'static str, VecDeque<i64>> = HashMap::new();
        for (table, id) in made {
            ids.entry(table).or_default().push_back(id);
        }
        self.apply(document, about, document_type, body, ids, references)
    }

    fn apply(
        &mut self,
        document: Document,
        about: InEffect,
        document_type: DocumentType,
        body: Body,
        ids: HashMap<&'static str, VecDeque<i64>>,
        references: Vec<(i64, String)>,
    ) -> Result<Option<String>> {
        let (zone, directory, fresh) = (self.zone, std::mem::take(&mut self.directory), Arc::clone(&self.fresh));
        let done = self.scratch.write_blocking(move |tx| {
            let header = header(&document, &about, document_type);
            let given = Given { ids: RefCell::new(ids.clone()), fresh: Arc::clone(&fresh) };
            let today = day_of(zone, document.decided_ms);
            let mut findings = Findings::default();
            documents::insert(tx, &row(&document))?;
            documents::add_party(tx, document.id, document.issuer_id, "sender")?;
            let around = Around {
                now_ms: document.decided_ms,
                today: &today,
                zone,
                ids: &given,
                directory: &directory,
                header: &header,
            };
            let mut cx = Cx::new(tx, around, &mut findings);
            let verdict = body.apply(&mut cx)?;
            let changed = cx.directory_changed;
            for (id, reference) in &references {
                tables::set_control_reference(tx, *id, reference)?;
            }
            let directory = if changed { Directory::load(tx)? } else { directory.clone() };
            Ok((words(&verdict, &findings), directory))
        });
        let (wrong, directory) = done?;
        self.directory = directory;
        Ok(wrong)
    }

    /// A document that was applied line by line, read again from its bytes; its lines are written out of view.
    fn lines(&self, document: &Document, about: &InEffect) -> Result<Result<Body, String>> {
        let payload = PayloadReader::new(self.there.clone(), document.interchange_id, about.size_bytes);
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let agreed = about.agreement_id.and_then(|id| self.directory.agreement_by_id(id));
        let charset = some(&about.charset).or_else(|| agreed.and_then(|agreed| some(&agreed.terms.charset)));
        let hint = Hint { charset, message_type: document.message_type.parse().ok(), ..Hint::default() };
        let target =
            Target { centre_id: document.centre_id, producer_id: document.issuer_id, document_id: document.id };
        let mut waiting: Vec<(ItemRow, Vec<(&'static str, String)>)> = Vec::new();
        let mut take = |line: &CatalogueLine, number: u32, findings: &mut Findings| -> Result<()> {
            if let Some(row) = line.row(number, target, self.fresh.next(document.decided_ms), findings)? {
                waiting.push((row, line.identifiers()));
            }
            if waiting.len() >= LINES_AT_ONCE { self.stage(std::mem::take(&mut waiting)) } else { Ok(()) }
        };
        let read = read::line_by_line(format::Source::Stream(Box::new(payload)), &hint, &mut take)
            .context(|| "reading a large document again")?;
        self.stage(waiting)?;
        let ordinal = u32::try_from(document.ordinal).unwrap_or(0);
        let message = read.messages.into_iter().find(|message| message.ordinal == ordinal);
        let Some(message) = message else { return Ok(Err("its bytes no longer hold it".to_owned())) };
        let Some(mut body) = message.body else {
            let said: Vec<_> = message.findings.iter().map(|finding| finding.text(Language::En)).collect();
            return Ok(Err(format!("its bytes can no longer be read: {}", said.join("; "))));
        };
        body.set_number(document.number.clone());
        Ok(Ok(body))
    }

    fn stage(&self, rows: Vec<(ItemRow, Vec<(&'static str, String)>)>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.scratch.write_blocking(move |tx: &mut Tx<'_>| {
            rows.iter().try_for_each(|(row, identifiers)| catalogue::stage(tx, row, identifiers).map(|_| ()))
        })
    }
}

/// The table in which a document of that type is known by its number.
fn table_by_name(document_type: &str) -> Option<&'static str> {
    match document_type.parse() {
        Ok(DocumentType::Party) => Some("organisation"),
        Ok(DocumentType::Account) => Some("account"),
        Ok(DocumentType::Agreement) => Some("agreement"),
        _ => None,
    }
}

fn header(document: &Document, about: &InEffect, document_type: DocumentType) -> Header {
    Header {
        document_id: document.id,
        interchange_id: document.interchange_id,
        centre_id: document.centre_id,
        issuer_id: document.issuer_id,
        document_type,
        number: document.number.clone(),
        agreement_id: about.agreement_id,
        patience_ms: 0,
    }
}

/// The document as it is named in the scratch store; nothing looks at what it says.
fn row(document: &Document) -> NewDocument<'_> {
    NewDocument {
        id: document.id,
        centre_id: document.centre_id,
        interchange_id: document.interchange_id,
        ordinal: document.ordinal,
        document_type: &document.document_type,
        number: &document.number,
        issuer_id: document.issuer_id,
        message_type: &document.message_type,
        message_reference: &document.message_reference,
        mapping: &document.mapping,
        agreement_id: None,
        identity: Identity::New,
        same_as: None,
        disposition: Disposition::Accepted,
        findings: "",
        content: "",
        content_digest: &document.content_digest,
        trade_id: document.trade_id,
        received_ms: document.received_ms,
        decided_ms: document.decided_ms,
    }
}

/// Why a document that is in effect did not take effect again.
fn words(verdict: &Verdict, findings: &Findings) -> Option<String> {
    match verdict {
        Verdict::Apply => None,
        Verdict::Reject => {
            let said: Vec<_> = findings.as_slice().iter().map(|finding| finding.text(Language::En)).collect();
            Some(format!("is in effect, and would be rejected: {}", said.join("; ")))
        }
        Verdict::Wait(keys) => {
            let keys: Vec<_> = keys.iter().map(|(kind, value)| format!("{kind} {value}")).collect();
            Some(format!("is in effect, and would wait for {}", keys.join(", ")))
        }
    }
}

/// The whole proof: folds, then compares every table. Gives documents folded and rows compared.
pub fn prove(
    there: &Store,
    scratch: &Store,
    zone: chrono_tz::Tz,
    wrong: &mut dyn FnMut(Wrong),
    told: &mut dyn FnMut(u64, u64),
) -> Result<(u64, u64)> {
    let documents = fold(there, scratch, zone, &mut |one| wrong(Wrong::Document(one)), told)?;
    let mut rows = 0;
    for table in tables::TABLES {
        rows += tables::compare(there, scratch, table, &mut |one| wrong(Wrong::Row(one)))
            .map_err(|error: Error| error.context(format!("comparing the table {}", table.name)))?;
    }
    rows += tables::compare_items(there, scratch, &mut |one| wrong(Wrong::Row(one)))?;
    Ok((documents, rows))
}

/// What the proof found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// A document that could not be folded again.
    Document(Unfolded),
    /// A row that is not what the documents say.
    Row(tables::Difference),
}
