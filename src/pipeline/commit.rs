//! The decision: identity verdict, business rules, effect, outbox and disposition of the documents of an interchange in
//! one transaction, under the claim's epoch.

use std::sync::Arc;

use super::hub::Hub;
use super::mail::revision::{self, Earlier};
use super::read::{ReadInterchange, ReadMessage};
use crate::document::Body;
use crate::document::agreement::Agreement;
use crate::document::application_response::{ApplicationResponse, DocumentResponse, LineResponse};
use crate::document::directory::{Agreed, Direction, Directory};
use crate::document::effect::{Around, Cx, Header, Verdict};
use crate::error::{Error, Result};
use crate::format::{self, Learned};
use crate::model::disposition::{Cause, Disposition, Identity, InterchangeState, Transport};
use crate::model::document_type::DocumentType;
use crate::model::finding::{Code, Finding, Findings, Place, Severity};
use crate::model::id::DocumentId;
use crate::model::parts::{DocumentReference, Identifier};
use crate::model::record::Date;
use crate::model::secret::Secret;
use crate::store::courier_asks::{self, NewAsk};
use crate::store::documents::NewDocument;
use crate::store::interchanges::{self, Decision, Interchange};
use crate::store::mails::{self, Mail};
use crate::store::{Tx, audit, documents};

/// Documents decided in one transaction; an interchange with more goes in several.
const DOCUMENTS_AT_ONCE: usize = 50;
/// How long a document waits for its counterpart when the agreement does not say: a day.
const PATIENCE_MS: i64 = 86_400_000;
/// In which an equal document without a number is asked about when the agreement does not say: a day.
const WINDOW_MS: i64 = 86_400_000;

/// Who may send a document: parts an organisation may have; the centre may send whatever is its own.
pub fn senders(document_type: DocumentType) -> &'static [&'static str] {
    match document_type {
        DocumentType::Account | DocumentType::Agreement | DocumentType::Party | DocumentType::Statement => &["centre"],
        DocumentType::ApplicationResponse => &["buyer", "centre", "courier", "producer", "reviewer", "seller"],
        DocumentType::Catalogue | DocumentType::DespatchAdvice | DocumentType::OrderResponse => &["producer"],
        DocumentType::Notice => &[],
        DocumentType::Order => &["buyer"],
        DocumentType::TransportationStatus => &["courier"],
    }
}

/// An interchange that was read, ready to be decided.
pub struct Work {
    /// The hub.
    pub hub: Arc<Hub>,
    /// Who is who.
    pub directory: Arc<Directory>,
    /// Its row.
    pub interchange: Interchange,
    /// What was read.
    pub read: ReadInterchange,
    /// Today in the hub's zone.
    pub today: String,
    /// What releases its mail, if it is in one that turns out to be unproven.
    pub link: Option<Secret>,
}

/// What was decided.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    /// Dispositions of its documents.
    pub dispositions: Vec<Disposition>,
    /// Whether deliveries were put into the outbox.
    pub deliveries: usize,
    /// Whether others were woken.
    pub woken: bool,
    /// Whether the directory changed.
    pub directory_changed: bool,
    /// Whether couriers are to be asked.
    pub asked: bool,
    /// Whether parcels are to be booked.
    pub booked: bool,
    /// Whether our lease was lost: nothing was written.
    pub lost: bool,
}

impl Work {
    /// Decides all documents, then the interchange.
    pub async fn decide(self: Arc<Self>) -> Result<Decided> {
        let count = self.read.messages.len();
        let mut decided = Decided::default();
        let mut from = 0;
        loop {
            let to = (from + DOCUMENTS_AT_ONCE).min(count);
            let last = to == count;
            let work = Arc::clone(&self);
            let step = self.hub.store.write(move |tx| work.step(tx, from, to, last)).await?;
            decided.lost |= step.lost;
            decided.asked |= step.asked;
            decided.booked |= step.booked;
            decided.dispositions.extend(step.dispositions);
            decided.deliveries += step.deliveries;
            decided.woken |= step.woken;
            decided.directory_changed |= step.directory_changed;
            if last || decided.lost {
                return Ok(decided);
            }
            from = to;
        }
    }

    /// What a document of this interchange is applied under.
    pub(super) fn around<'a>(&'a self, header: &'a Header, now_ms: i64) -> Around<'a> {
        Around {
            now_ms,
            today: &self.today,
            zone: self.hub.config.zone,
            ids: &self.hub.ids,
            directory: &self.directory,
            header,
        }
    }

    fn step(&self, tx: &mut Tx<'_>, from: usize, to: usize, last: bool) -> Result<Decided> {
        let id = self.interchange.id;
        if !interchanges::holds_lease(tx, id, self.interchange.epoch)? {
            return Ok(Decided { lost: true, ..Decided::default() });
        }
        let now_ms = self.hub.clock.now_ms();
        let mail = match self.interchange.mail_id {
            Some(mail_id) => mails::get(tx, mail_id)?,
            None => None,
        };
        let earlier = match mail.as_ref().filter(|mail| self.unproven(mail, None).is_none()) {
            Some(mail) => revision::earlier(tx, mail, &self.interchange)?,
            None => None,
        };
        if let Some(earlier) = &earlier {
            interchanges::revises(tx, id, earlier.interchange_id)?;
        }
        let mut decided = Decided::default();
        let mut waits: Vec<(String, String)> = Vec::new();
        let mut patience_ms = 0;
        for message in self.read.messages.get(from..to).unwrap_or_default() {
            let one = self.document(tx, message, mail.as_ref(), earlier.as_ref(), now_ms)?;
            decided.dispositions.push(one.disposition);
            decided.deliveries += one.deliveries;
            decided.directory_changed |= one.directory_changed;
            decided.booked |= one.booked;
            for (kind, value) in one.woken {
                decided.woken |= interchanges::wake(tx, &kind, &value, now_ms)? > 0;
            }
            if one.disposition == Disposition::Waiting {
                patience_ms = patience_ms.max(one.patience_ms);
                waits.extend(one.waits);
            }
        }
        if !waits.is_empty() {
            let until = interchanges::waiting_until(tx, id)?.unwrap_or(now_ms + patience_ms);
            for (kind, value) in &waits {
                interchanges::wait_for(tx, id, kind, value, until)?;
            }
        }
        if last {
            // What was decided in earlier steps, or by an earlier try, is in the store alone.
            let dispositions = if from == 0 { decided.dispositions.clone() } else { documents::dispositions(tx, id)? };
            decided.deliveries += self.finish(tx, mail.as_ref(), dispositions, now_ms)?;
            decided.asked = self.ask_couriers(tx, now_ms)?;
            if let Some(mail) = &mail {
                decided.deliveries += self.settle_mail(tx, mail, now_ms)?;
            }
        }
        Ok(decided)
    }

    fn finish(
        &self,
        tx: &mut Tx<'_>,
        mail: Option<&Mail>,
        mut dispositions: Vec<Disposition>,
        now_ms: i64,
    ) -> Result<usize> {
        let id = self.interchange.id;
        let count = dispositions.len();
        let mut own = self.read.findings.clone();
        let mut worst = dispositions.iter().copied().max();
        if let Some(finding) = mail.filter(|_| count == 0).and_then(|mail| self.unproven(mail, None)) {
            // Nobody is told what is wrong with it before it is known whose it is.
            own.push(finding);
            dispositions.push(Disposition::Held);
            worst = Some(Disposition::Held);
        } else if count == 0 && !self.read.asks.is_empty() {
            worst = Some(Disposition::Accepted);
        } else if count == 0 || own.iter().any(|finding| finding.severity == Severity::Error) {
            worst = worst.max(Some(Disposition::Rejected));
        }
        let has = |wanted| dispositions.contains(&wanted);
        let state = if has(Disposition::Held) {
            InterchangeState::Held
        } else if has(Disposition::Waiting) {
            InterchangeState::Waiting
        } else {
            InterchangeState::Decided
        };
        let cause = match state {
            InterchangeState::Held if self.not_yet() => Some(Cause::NotYet),
            InterchangeState::Held => Some(Cause::Unsure),
            InterchangeState::Waiting => Some(Cause::NotYet),
            _ if worst == Some(Disposition::Rejected) => Some(Cause::Sender),
            _ => None,
        };
        if state != InterchangeState::Waiting && self.interchange.attempts > 1 {
            interchanges::stop_waiting(tx, id)?;
        }
        let due_ms = match state {
            InterchangeState::Waiting => Some(interchanges::waiting_until(tx, id)?.unwrap_or(now_ms + PATIENCE_MS)),
            _ => None,
        };
        let text =
            |id: &Option<crate::model::party_id::PartyId>| id.as_ref().map_or(String::new(), ToString::to_string);
        let envelope = &self.read.envelope;
        let findings = if own.is_empty() { String::new() } else { to_json(&own)? };
        let decision = Decision {
            state,
            disposition: worst,
            cause,
            format: &self.read.format,
            control_reference: envelope.control_reference.as_deref().unwrap_or(""),
            sender: &text(&envelope.sender),
            receiver: &text(&envelope.receiver),
            documents: count as i64,
            findings: &findings,
            due_ms,
        };
        interchanges::decide(tx, id, self.interchange.epoch, &decision, now_ms)?;
        if state == InterchangeState::Decided && self.is_edifact() { self.control(tx, worst, now_ms) } else { Ok(0) }
    }

    /// Writes down what the sender is to be asked; whether there is anything.
    fn ask_couriers(&self, tx: &mut Tx<'_>, now_ms: i64) -> Result<bool> {
        for (carrier, tracking_id) in &self.read.asks {
            let new = NewAsk {
                id: self.hub.ids.next(now_ms),
                courier_id: self.interchange.organisation_id,
                centre_id: self.interchange.centre_id,
                carrier,
                tracking_id,
            };
            courier_asks::ask(tx, &new, now_ms)?;
        }
        Ok(!self.read.asks.is_empty())
    }

    fn is_edifact(&self) -> bool {
        self.read.format.starts_with("edifact")
    }

    /// A CONTRL for the whole interchange, where one is agreed; it is written from the bytes when it is sent.
    fn control(&self, tx: &mut Tx<'_>, worst: Option<Disposition>, now_ms: i64) -> Result<usize> {
        let answered = self.read.messages.iter().find(|message| {
            let kind = message.document_type.unwrap_or(DocumentType::ApplicationResponse);
            self.acknowledges(self.agreed(message), kind, Disposition::Accepted)
        });
        let Some(message) = answered else { return Ok(0) };
        let header = self.header(message, message.body.as_ref().map_or("", |body| body.number()), 0);
        self.acknowledge(tx, message, &header, worst.unwrap_or(Disposition::Rejected), &[], None, now_ms)
    }

    fn header(&self, message: &ReadMessage, number: &str, document_id: i64) -> Header {
        let agreed = self.agreed(message);
        let patience_s = agreed.and_then(|agreed| agreed.terms.patience_s);
        Header {
            document_id,
            interchange_id: self.interchange.id,
            centre_id: self.interchange.centre_id,
            issuer_id: self.interchange.organisation_id,
            document_type: message.document_type.unwrap_or(DocumentType::ApplicationResponse),
            number: number.to_owned(),
            agreement_id: agreed.map(|agreed| agreed.id),
            patience_ms: patience_s.map_or(PATIENCE_MS, |seconds| i64::from(seconds) * 1000),
        }
    }

    /// Whether what holds it is only that no agreement is there yet.
    fn not_yet(&self) -> bool {
        self.read.messages.iter().any(|message| self.agreed(message).is_none() && !self.is_own(message))
    }

    /// Whether the centre itself sends it, which needs no agreement.
    fn is_own(&self, _: &ReadMessage) -> bool {
        self.interchange.organisation_id == self.interchange.centre_id
    }

    fn agreed(&self, message: &ReadMessage) -> Option<&Agreed> {
        let document_type = message.document_type?;
        self.directory.agreement(self.interchange.organisation_id, Direction::In, document_type, &self.today)
    }

    fn document(
        &self,
        tx: &mut Tx<'_>,
        message: &ReadMessage,
        mail: Option<&Mail>,
        earlier: Option<&Earlier>,
        now_ms: i64,
    ) -> Result<One> {
        let id = self.interchange.id;
        let ordinal = i64::from(message.ordinal);
        if let Some((_, disposition)) = documents::clear_place(tx, id, ordinal)? {
            // A crash between two documents, or a replay: this one is in effect already.
            return Ok(One::of(disposition));
        }
        let agreed = self.agreed(message);
        let document_type = message.document_type.unwrap_or(DocumentType::ApplicationResponse);
        let mut number = message.body.as_ref().map_or("", |body| body.number()).to_owned();
        if document_type == DocumentType::ApplicationResponse && self.is_edifact() {
            // Every CONTRL numbers its one message 1; its interchange is what has a number (UNB 0020).
            number = self.read.envelope.control_reference.clone().unwrap_or_default();
        }
        let unnumbered = number.is_empty();
        let document_id = message.document_id.unwrap_or_else(|| self.hub.ids.next(now_ms));
        let mut content = message.content.clone();
        let mut numbered = None;
        if unnumbered && let Some(body) = &message.body {
            let mut body = body.clone();
            number = format!("D{}", DocumentId(document_id)).replace("doc_", "").to_uppercase();
            body.set_number(number.clone());
            if !content.is_empty() {
                content = body.to_json();
            }
            numbered = Some(body);
        }
        let body = numbered.as_ref().or(message.body.as_ref());
        let header = self.header(message, &number, document_id);
        let window_s = agreed.and_then(|agreed| agreed.terms.window_s);
        let window_ms = window_s.map_or(WINDOW_MS, |seconds| i64::from(seconds) * 1000);

        let mut findings = Findings::from(message.findings.clone());
        if let Some(Body::Agreement(agreement)) = body {
            check_columns(agreement, message, &mut findings);
        }
        let draft = mail.and_then(|mail| self.unproven(mail, agreed));
        if draft.is_none() {
            self.check_sender(message, document_type, &mut findings);
        }
        let mut identity = self.identify(tx, message, &header, unnumbered, window_ms, now_ms)?;
        if let (Some(earlier), Some(_)) = (earlier, &message.body) {
            identity.correct(earlier, &header, message);
        }
        let mut one = One { patience_ms: header.patience_ms, ..One::of(Disposition::Rejected) };
        let mut trade_id = None;
        let disposition = if let Some(finding) = draft {
            findings.push(finding);
            Disposition::Held
        } else if findings.has_errors() || body.is_none() {
            Disposition::Rejected
        } else if let Some(finding) = &identity.held {
            findings.push(finding.clone());
            Disposition::Held
        } else if agreed.is_none() && !self.is_own(message) {
            findings.push(self.no_agreement(document_type));
            Disposition::Held
        } else if identity.identity == Identity::Repeat {
            findings.push(Finding::note(Code::Repeat, Place::default()).expected(&identity.since));
            Disposition::Duplicate
        } else if let Some(body) = body {
            let mut own = Findings::default();
            let mut cx = Cx::new(tx, self.around(&header, now_ms), &mut own);
            let verdict = body.apply(&mut cx)?;
            trade_id = cx.trade_id;
            one.woken = std::mem::take(&mut cx.woken);
            one.directory_changed = cx.directory_changed;
            one.deliveries = cx.deliveries;
            let disposition = match verdict {
                Verdict::Apply => Disposition::Accepted,
                Verdict::Reject => Disposition::Rejected,
                Verdict::Wait(keys) => self.wait(tx, keys, &header, now_ms, &mut own, &mut one)?,
            };
            findings.extend(own.into_vec().into_iter().map(|finding| message.located(finding)));
            disposition
        } else {
            Disposition::Rejected
        };
        one.disposition = disposition;

        documents::insert(
            tx,
            &NewDocument {
                id: document_id,
                centre_id: header.centre_id,
                interchange_id: id,
                ordinal,
                document_type: message.document_type.map_or("", |kind| kind.as_str()),
                number: &number,
                issuer_id: header.issuer_id,
                message_type: &message.message_type,
                message_reference: &message.reference,
                mapping: &message.mapping,
                agreement_id: header.agreement_id,
                identity: identity.identity,
                same_as: identity.same_as,
                disposition,
                findings: &if findings.is_empty() { String::new() } else { to_json(findings.as_slice())? },
                content: &content,
                content_digest: &message.digest,
                trade_id,
                received_ms: self.interchange.received_ms,
                decided_ms: now_ms,
            },
        )?;
        documents::add_party(tx, document_id, header.issuer_id, "sender")?;
        if disposition == Disposition::Accepted {
            if let Some(body) = body {
                one.booked = self.book(tx, body, &header, trade_id, now_ms)?;
                one.deliveries += self.tell_refused(tx, body, &header, trade_id, now_ms)?;
            }
            if unnumbered {
                documents::note_seen(
                    tx,
                    header.issuer_id,
                    document_type.as_str(),
                    &message.digest,
                    document_id,
                    now_ms,
                )?;
            }
            documents::occupy_key(tx, document_type.as_str(), header.issuer_id, &number, document_id)?;
            let actor = match self.interchange.account_id {
                Some(account) => crate::model::id::AccountId(account).to_string(),
                None => crate::model::id::OrganisationId(header.issuer_id).to_string(),
            };
            let object = DocumentId(document_id).to_string();
            let audit_id = self.hub.ids.next(now_ms);
            audit::note(tx, audit_id, now_ms, &actor, document_type.as_str(), &object, Some(&message.digest))?;
        }
        // EDIFACT answers an interchange as a whole, when all of it is decided.
        if !self.is_edifact() && self.acknowledges(agreed, document_type, disposition) {
            one.deliveries +=
                self.acknowledge(tx, message, &header, disposition, findings.as_slice(), trade_id, now_ms)?;
        }
        Ok(one)
    }

    /// A document that waits, until the patience with it ends; then its counterpart is unknown.
    fn wait(
        &self,
        tx: &mut Tx<'_>,
        keys: Vec<(String, String)>,
        header: &Header,
        now_ms: i64,
        findings: &mut Findings,
        one: &mut One,
    ) -> Result<Disposition> {
        let words: Vec<String> = keys.iter().map(|(kind, value)| words_of(kind, value)).collect();
        let until = interchanges::waiting_until(tx, header.interchange_id)?.unwrap_or(now_ms + header.patience_ms);
        if now_ms >= until {
            let code = match keys.first().map(|(kind, _)| kind.as_str()) {
                Some("waybill") => Code::UnknownParcel,
                _ => Code::UnknownOrder,
            };
            let unknown: Vec<&str> = keys.iter().map(|(kind, value)| number_of(kind, value)).collect();
            findings.push(Finding::error(code, Place::default()).found(unknown.join(", ")));
            return Ok(Disposition::Rejected);
        }
        findings.push(Finding::warning(Code::Waiting, Place::default()).expected(words.join(", ")));
        one.waits = keys;
        Ok(Disposition::Waiting)
    }

    /// The sender that the document or its envelope names must be the one that handed it in, and may send this type.
    fn check_sender(&self, message: &ReadMessage, document_type: DocumentType, findings: &mut Findings) {
        let source = self.directory.organisation(self.interchange.organisation_id);
        let mine = source.map_or("", |source| source.short.as_str());
        let headers = (&self.read.envelope.sender, &self.read.envelope.sender_place);
        for (named, place) in [headers, (&message.envelope.sender, &message.sender_place)] {
            let Some(named) = named else { continue };
            let found = self.directory.by_identifier(named);
            if found.is_none_or(|found| found.id != self.interchange.organisation_id) {
                let finding = Finding::error(Code::SenderMismatch, place.clone());
                findings.push(finding.found(named.to_string()).expected(mine));
                break;
            }
        }
        // Our own names of parcels are answered to, never told by others.
        if let Some(Body::TransportationStatus(report)) = &message.body
            && self.interchange.transport != Transport::CourierBooking.as_str()
            && let Some(event) = report.events.iter().find(|event| !event.reference.is_empty())
        {
            let place = Place::path("events.reference");
            findings.push(Finding::error(Code::UnknownParcel, place).found(&event.reference));
        }
        let allowed = senders(document_type);
        // The machine itself signs the first document: the centre.
        if self.interchange.organisation_id == 0 && self.interchange.transport == Transport::Internal.as_str() {
            return;
        }
        if message.document_type.is_some() && !source.is_some_and(|source| allowed.iter().any(|role| source.is(role))) {
            findings.push(Finding::error(Code::NotAllowed, Place::default()).found(mine).expected(allowed.join(", ")));
        }
    }

    fn no_agreement(&self, document_type: DocumentType) -> Finding {
        let source = self.directory.organisation(self.interchange.organisation_id);
        Finding::error(Code::NoAgreement, Place::default())
            .found(document_type.as_str())
            .expected(source.map_or("", |source| source.short.as_str()))
    }

    /// The identity rule (rules.md 1).
    fn identify(
        &self,
        tx: &mut Tx<'_>,
        message: &ReadMessage,
        header: &Header,
        unnumbered: bool,
        window_ms: i64,
        now_ms: i64,
    ) -> Result<Identified> {
        let new = Identified { identity: Identity::New, same_as: None, since: String::new(), held: None };
        let Some(body) = &message.body else { return Ok(new) };
        let kind = header.document_type.as_str();
        if unnumbered {
            let seen = documents::seen_since(tx, header.issuer_id, kind, &message.digest, now_ms - window_ms)?;
            return Ok(match seen {
                // An acknowledgement that comes again is the same one.
                Some((same_as, at_ms)) if header.document_type == DocumentType::ApplicationResponse => Identified {
                    identity: Identity::Repeat,
                    same_as: Some(same_as),
                    since: self.time_words(at_ms),
                    held: None,
                },
                Some((same_as, at_ms)) if !self.interchange.confirmed => {
                    let finding =
                        Finding::warning(Code::AgainOrSame, Place::default()).expected(self.time_words(at_ms));
                    Identified { same_as: Some(same_as), held: Some(finding), ..new }
                }
                _ => new,
            });
        }
        let Some((same_as, digest, at_ms)) = documents::by_business_key(tx, kind, header.issuer_id, &header.number)?
        else {
            return Ok(new);
        };
        let since = self.time_words(at_ms);
        let same_as = Some(same_as);
        Ok(if digest == message.digest {
            Identified { identity: Identity::Repeat, same_as, since, held: None }
        } else if body.says_revision() {
            Identified { identity: Identity::Revision, same_as, since, held: None }
        } else {
            let finding = Finding::error(Code::Conflict, message.number_place.clone()).found(&header.number);
            Identified { identity: Identity::Conflict, same_as, since, held: Some(finding) }
        })
    }

    /// An instant in the hub's zone, for people.
    pub(super) fn time_words(&self, at_ms: i64) -> String {
        chrono::DateTime::from_timestamp_millis(at_ms)
            .map_or(String::new(), |at| at.with_timezone(&self.hub.config.zone).format("%Y-%m-%d %H:%M").to_string())
    }

    /// Acknowledgements are never acknowledged; what waits or is held is answered when it is decided.
    fn acknowledges(&self, agreed: Option<&Agreed>, document_type: DocumentType, disposition: Disposition) -> bool {
        document_type != DocumentType::ApplicationResponse
            && !matches!(disposition, Disposition::Held | Disposition::Waiting)
            && agreed.is_some_and(|agreed| agreed.terms.acknowledgement == "functional")
    }

    #[expect(clippy::too_many_arguments, reason = "one call, from the one place that knows all of it")]
    fn acknowledge(
        &self,
        tx: &mut Tx<'_>,
        message: &ReadMessage,
        header: &Header,
        disposition: Disposition,
        findings: &[Finding],
        trade_id: Option<i64>,
        now_ms: i64,
    ) -> Result<usize> {
        let language = self.directory.organisation(header.issuer_id).map(|source| source.language).unwrap_or_default();
        let code = if disposition == Disposition::Rejected { "rejected" } else { "accepted" };
        let party = |id: i64| self.directory.organisation(id).map(crate::document::directory::Organisation::as_party);
        let identifier = |value: &str| Some(Identifier { value: value.to_owned(), ..Identifier::default() });
        let reference = self.read.envelope.control_reference.clone().unwrap_or_default();
        let documents = vec![DocumentReference {
            id: identifier(if message.reference.is_empty() { &header.number } else { &message.reference }),
            role: "message".to_owned(),
            document_type: message.message_type.clone(),
            ..DocumentReference::default()
        }];
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
        let body = ApplicationResponse {
            id: DocumentId(self.hub.ids.next(now_ms)).to_string(),
            issue_date: Date(self.today.clone()),
            sender: party(header.centre_id),
            receiver: party(header.issuer_id),
            responses: vec![DocumentResponse {
                reference_id: if reference.is_empty() { header.number.clone() } else { reference },
                response_code: code.to_owned(),
                documents,
                lines: errors
                    .map(|finding| LineResponse {
                        line_id: finding.place.to_string(),
                        response_code: "rejected".to_owned(),
                        descriptions: vec![finding.text(language)],
                        reason_codes: vec![finding.code.as_str().to_owned()],
                        ..LineResponse::default()
                    })
                    .collect(),
                ..DocumentResponse::default()
            }],
            ..ApplicationResponse::default()
        };
        let mut own = Findings::default();
        let mut cx = Cx::new(tx, self.around(header, now_ms), &mut own);
        cx.trade_id = trade_id;
        cx.deliver(header.issuer_id, DocumentType::ApplicationResponse, &header.number, &body)?;
        Ok(cx.deliveries)
    }
}

/// What the identity rule says of one document.
struct Identified {
    identity: Identity,
    same_as: Option<i64>,
    since: String,
    held: Option<Finding>,
}

impl Identified {
    /// In the thread of our findings: a correction of what was not accepted is its revision; what was accepted is in effect.
    fn correct(&mut self, earlier: &Earlier, header: &Header, message: &ReadMessage) {
        match (self.identity, self.same_as) {
            (Identity::New, None) => {
                if let Some(row) = earlier.document(header.document_type.as_str(), &header.number) {
                    (self.identity, self.same_as) = (Identity::Revision, Some(row.id));
                }
            }
            (Identity::Conflict, Some(same_as)) if earlier.has(same_as) => {
                let finding = Finding::error(Code::InEffect, message.number_place.clone());
                self.held = Some(finding.found(&header.number));
            }
            _ => {}
        }
    }
}

/// What became of one document.
struct One {
    disposition: Disposition,
    waits: Vec<(String, String)>,
    woken: Vec<(String, String)>,
    patience_ms: i64,
    directory_changed: bool,
    booked: bool,
    deliveries: usize,
}

impl One {
    fn of(disposition: Disposition) -> One {
        One {
            disposition,
            waits: Vec::new(),
            woken: Vec::new(),
            patience_ms: PATIENCE_MS,
            directory_changed: false,
            booked: false,
            deliveries: 0,
        }
    }
}

/// Whether the columns that an agreement names are fields of the tables it is about.
fn check_columns(agreement: &Agreement, message: &ReadMessage, findings: &mut Findings) {
    for (index, text) in agreement.columns.iter().enumerate() {
        if Learned::parse(&agreement.document_type, text).is_none() {
            let known: Vec<String> =
                format::table_fields(&agreement.document_type).into_iter().map(|(field, _)| field).collect();
            let finding = Finding::error(Code::BadValue, Place::path(format!("columns[{}]", index + 1)));
            findings.push(message.located(finding.found(text).expected(format!("…={}", known.join(", …=")))));
        }
    }
}

/// The number in a waiting key: the part after the partner's id.
fn number_of<'v>(kind: &str, value: &'v str) -> &'v str {
    if kind == "waybill" { value } else { value.split_once('/').map_or(value, |(_, number)| number) }
}

/// A waiting key in words.
fn words_of(kind: &str, value: &str) -> String {
    let value = number_of(kind, value);
    match kind {
        "waybill" => format!("waybill {value}"),
        "order-part" => format!("order {value}"),
        _ => format!("{kind} {value}"),
    }
}

fn to_json(findings: &[Finding]) -> Result<String> {
    serde_json::to_string(findings).map_err(|error| Error::bug("writing findings as JSON").caused_by(error))
}
