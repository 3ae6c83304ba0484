//! One interchange: what was made of it, what it says in its sender's own words with findings beside their places, what it
//! caused to be sent, and the bytes as they came.

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, Query};
use axum::http::header;
use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::TryStreamExt;
use ring::rand::SystemRandom;

use super::Said;
use crate::document::reading::content::{Compared, differences};
use crate::document::reading::figures::{grouped, party_number};
use crate::error::{Error, Result};
use crate::format::Hint;
use crate::model::disposition::{Cause, Disposition, Identity};
use crate::model::finding::{Code, Finding};
use crate::model::id::{AccountId, InterchangeId};
use crate::model::secret::Secret;
use crate::pipeline::again::Again;
use crate::pipeline::hex;
use crate::portal::bytes::{self as text, MOST_BYTES, Text};
use crate::portal::chip::Chip;
use crate::portal::findings::{self, FindingView};
use crate::portal::form::Posted;
use crate::portal::frame::{Answer, Failure, Frame, page, redirect};
use crate::portal::names::{delivery_path, document_path, interchange_path, trade_path, transport_title};
use crate::portal::session::Seat;
use crate::portal::show::{Link, Moment, format, message, size};
use crate::portal::structure::{self, Step, Structure};
use crate::portal::submit::Field;
use crate::store::interchanges::Interchange;
use crate::store::mails::{self, Mail};
use crate::store::view::{self, DeliveryView, DocumentKey, DocumentView, InterchangeView};

/// A document of the interchange.
struct Card {
    link: Link,
    written: String,
    state: Chip,
    identity: Option<Chip>,
    findings: Vec<FindingView>,
    trade: Option<Link>,
    against: Option<Against>,
}

/// The document that another repeats, revises or conflicts with.
struct Against {
    link: Link,
    at: Moment,
    differences: Vec<Compared>,
}

/// A delivery in short.
pub(super) struct Sent {
    pub(super) link: Link,
    pub(super) to: Link,
    pub(super) written: String,
    pub(super) state: Chip,
    pub(super) at: Moment,
    pub(super) note: String,
    pub(super) may_resend: bool,
}

#[derive(Template)]
#[template(path = "interchange.html")]
struct Shown {
    f: Frame,
    heading: String,
    state: Chip,
    sender: Link,
    way: String,
    at: Moment,
    open: bool,
    hint: &'static str,
    may_replay: bool,
    may_confirm: bool,
    may_release: bool,
    path: String,
    cards: Vec<Card>,
    structure: Structure,
    most_rows: usize,
    text: Text,
    original: &'static str,
    left_bytes: String,
    masked: bool,
    pairs: Vec<(&'static str, String)>,
    sent: Vec<Sent>,
    columns: Vec<Field>,
    nonce: String,
    answers: Vec<(Link, Moment, Chip)>,
    revises: Vec<(Link, Moment, Chip)>,
    revised_by: Vec<(Link, Moment, Chip)>,
}

/// A delivery as it stands in lists beside other things.
pub(super) fn sent(seat: &Seat, f: &Frame, view: &DeliveryView) -> Sent {
    let delivery = &view.delivery;
    let name = seat.document_name(&delivery.document_type, &delivery.number);
    let attempts = || f.fill(seat.w.attempts_n, delivery.attempts);
    let note = match (delivery.state.as_str(), delivery.acknowledged.as_str()) {
        ("delivered", "") => String::new(),
        ("delivered", word) => super::acknowledged(seat.w, word).text,
        _ if delivery.reason.is_empty() => attempts(),
        _ => format!("{} · {}", attempts(), delivery.reason),
    };
    Sent {
        link: Link::to(delivery_path(delivery.id), name),
        to: seat.organisation(delivery.organisation_id),
        written: message(&delivery.message_type),
        state: Chip::delivery(&delivery.state, seat.viewer.language),
        at: f.moment(delivery.created_ms),
        note,
        may_resend: delivery.state == "dead" && seat.viewer.sees_the_centre(),
    }
}

fn card(seat: &Seat, f: &Frame, view: &DocumentView, other: Option<DocumentView>) -> Card {
    let language = seat.viewer.language;
    let row = &view.row;
    let disposition = Disposition::from_word(&row.disposition).unwrap_or(Disposition::Held);
    let identity = Identity::from_word(&row.identity).filter(|identity| *identity != Identity::New);
    let name = if row.document_type.is_empty() {
        message(&row.message_type)
    } else {
        seat.document_name(&row.document_type, &row.number)
    };
    Card {
        link: Link::to(document_path(row.key), name),
        written: message(&row.message_type),
        state: Chip::disposition(disposition, language),
        identity: identity.map(|identity| Chip::identity(identity, language)),
        findings: findings::shown(&findings::stored(&view.findings), language),
        trade: row.trade_id.map(|id| Link::to(trade_path(id), seat.w.to_the_trade)),
        against: other.map(|other| Against {
            link: Link::to(
                document_path(other.row.key),
                seat.document_name(&other.row.document_type, &other.row.number),
            ),
            at: f.moment(other.row.at_ms),
            differences: differences(&row.document_type, &view.content, &other.content, language),
        }),
    }
}

/// The first bytes of the payload, as far as they are looked at, and whether they are exactly those received.
async fn first_bytes(seat: &Seat, id: i64) -> Result<(Bytes, bool)> {
    let Some(mut payload) = seat.portal.hub.payload(&seat.viewer, id).await? else { return Ok((Bytes::new(), true)) };
    let mut bytes = Vec::new();
    while bytes.len() < structure::MOST_BYTES {
        match payload.pieces.try_next().await? {
            Some(piece) => bytes.extend_from_slice(&piece),
            None => break,
        }
    }
    bytes.truncate(structure::MOST_BYTES);
    Ok((bytes.into(), payload.exact))
}

/// What is known of the bytes from outside of them.
fn hint(interchange: &Interchange, documents: &[DocumentView]) -> Hint {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let media = interchange.content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    Hint {
        content_type: some(&media),
        charset: some(&interchange.charset),
        file_name: some(&interchange.file_name),
        message_type: documents.first().and_then(|view| view.row.message_type.parse().ok()),
        learned: Vec::new(),
    }
}

fn pairs(seat: &Seat, interchange: &Interchange, mail: Option<&Mail>, f: &Frame) -> Vec<(&'static str, String)> {
    let (w, language) = (seat.w, seat.viewer.language);
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let party = |named: &Option<String>| {
        let named = named.as_deref().unwrap_or("");
        named.split_once(':').map_or_else(|| named.to_owned(), |(scheme, value)| party_number(scheme, value, language))
    };
    let cause = interchange.cause.as_deref().and_then(Cause::from_word);
    let pairs = [
        (w.id, InterchangeId(interchange.id).to_string()),
        (w.received, f.moment(interchange.received_ms).full),
        (w.decided, interchange.decided_ms.map_or(String::new(), |at| f.moment(at).full)),
        (w.mail_from, mail.map_or(String::new(), |mail| mail.sender_shown.clone())),
        (w.mail_subject, mail.map_or(String::new(), |mail| mail.subject.clone())),
        (w.cause, cause.map_or(String::new(), |cause| cause.title(language).to_owned())),
        (w.format, interchange.format.as_deref().map_or(String::new(), format)),
        (w.envelope_sender, party(&interchange.sender)),
        (w.envelope_receiver, party(&interchange.receiver)),
        (w.control_reference, text(&interchange.control_reference)),
        (w.file_name, interchange.file_name.clone()),
        (w.content_type, interchange.content_type.clone()),
        (w.size, f.fill(w.bytes_n, grouped(&interchange.size_bytes.to_string()))),
        (w.digest, hex(&interchange.digest)),
    ];
    pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// Shows the page.
pub(in crate::portal) async fn show(seat: Seat, Path(id): Path<String>, Query(said): Query<Said>) -> Answer {
    let id = id.parse::<InterchangeId>().map_err(|()| Failure::NotFound)?.0;
    let viewer = seat.viewer.clone();
    let found = seat
        .portal
        .hub
        .store
        .read(move |tx| {
            let Some(found) = view::interchange(tx, &viewer, id)? else { return Ok(None) };
            let mut others = Vec::new();
            for document in &found.documents {
                others.push(match document.row.same_as {
                    Some(other) => view::document(tx, &viewer, DocumentKey::Document(other))?,
                    None => None,
                });
            }
            // Who may see the interchange may know how it came.
            let mail = match found.interchange.mail_id {
                Some(id) => mails::get(tx, id)?,
                None => None,
            };
            Ok(Some((found, others, mail)))
        })
        .await?;
    let (found, others, mail) = found.ok_or(Failure::NotFound)?;
    let (bytes, exact) = first_bytes(&seat, id).await?;
    let (w, language) = (seat.w, seat.viewer.language);
    let interchange = &found.interchange;

    let all = all_findings(&found);
    let documents = found.documents.len();
    let asks =
        |code| found.documents.iter().any(|view| findings::stored(&view.findings).iter().any(|f| f.code == code));
    let again_or_same = asks(Code::AgainOrSame);
    let more = interchange.size_bytes > bytes.len() as i64;
    let of_documents: Vec<Vec<Finding>> = found.documents.iter().map(|view| findings::stored(&view.findings)).collect();
    let (whole, known) = (bytes.clone(), hint(interchange, &found.documents));
    let structure =
        tokio::task::spawn_blocking(move || structure::structure(whole, &known, more, &of_documents, language))
            .await
            .map_err(|error| Error::bug("showing the contents of an interchange").caused_by(error))??;
    let first = bytes.get(..MOST_BYTES).unwrap_or(&bytes);
    let more = interchange.size_bytes > first.len() as i64;
    let mut text = text::text(first, &interchange.charset, more, &all, language);
    // What belongs to a document and to no line stands with the document already.
    text.elsewhere = findings::shown(&findings::stored(interchange.findings.as_deref().unwrap_or("")), language)
        .into_iter()
        .filter(|finding| text.elsewhere.contains(finding))
        .collect();

    let heading = match found.documents.first() {
        Some(view) if !view.row.document_type.is_empty() => {
            let name = seat.document_name(&view.row.document_type, &view.row.number);
            if documents > 1 { format!("{name} {}", f_and(w, documents - 1)) } else { name }
        }
        _ if !interchange.file_name.is_empty() => interchange.file_name.clone(),
        _ if interchange.state == "received" => w.interchange.to_owned(),
        _ => w.unreadable.to_owned(),
    };
    let mut f = seat.frame(heading.clone()).await?;
    f.said = said.sentence(w);
    let keeper = seat.viewer.sees_the_centre();
    let done = matches!(
        interchange.disposition.as_deref().and_then(Disposition::from_word),
        Some(Disposition::Accepted | Disposition::AcceptedWithErrors | Disposition::Duplicate)
    );
    let hint = match (interchange.state.as_str(), interchange.cause.as_deref()) {
        ("held", _) if again_or_same => w.held_again_or_same,
        ("held", Some("not-yet")) => w.held_not_yet,
        ("held", Some("hub")) => w.held_hub,
        ("held", _) if asks(Code::Conflict) || asks(Code::InEffect) => w.held_conflict,
        ("held", _) if asks(Code::SenderUnproven) || asks(Code::UnknownSender) => w.held_sender,
        ("held", _) => w.held_unsure,
        ("waiting", _) => w.waiting_hint,
        ("received", _) => w.received_hint,
        _ => "",
    };
    let cards = found.documents.iter().zip(others).map(|(view, other)| card(&seat, &f, view, other)).collect();
    let answer = |row: &Interchange| {
        let name = row.file_name.clone();
        let name = if name.is_empty() { InterchangeId(row.id).to_string() } else { name };
        let state = Chip::interchange(&row.state, row.disposition.as_deref(), language);
        (Link::to(interchange_path(row.id), name), f.moment(row.received_ms), state)
    };
    page(&Shown {
        columns: if done { Vec::new() } else { super::columns::fields(&seat, interchange, &found.documents, &all) },
        nonce: Secret::generate("", &SystemRandom::new())?.expose().to_owned(),
        revises: found.revises.iter().map(answer).collect(),
        revised_by: found.revised_by.iter().map(answer).collect(),
        heading,
        state: Chip::interchange(&interchange.state, interchange.disposition.as_deref(), language),
        sender: seat.organisation(interchange.organisation_id),
        way: transport_title(&interchange.transport, language),
        at: f.moment(interchange.received_ms),
        open: interchange.state != "decided" || found.deliveries.iter().any(|view| view.delivery.due_ms.is_some()),
        hint,
        may_replay: keeper && !done && interchange.state != "received",
        may_confirm: keeper && again_or_same && interchange.state == "held",
        may_release: keeper
            && interchange.state == "held"
            && asks(Code::SenderUnproven)
            && mail.as_ref().is_some_and(|mail| mail.known),
        path: interchange_path(id),
        cards,
        left_bytes: if more { size(interchange.size_bytes - first.len() as i64) } else { String::new() },
        structure,
        most_rows: structure::MOST_ROWS,
        text,
        original: if interchange.organisation_id == seat.viewer.organisation_id { w.as_we_sent } else { w.as_received },
        masked: !exact,
        pairs: pairs(&seat, interchange, mail.as_ref(), &f),
        sent: found.deliveries.iter().map(|view| sent(&seat, &f, view)).collect(),
        answers: found.answers.iter().map(answer).collect(),
        f,
    })
}

fn f_and(w: &crate::portal::language::Words, more: usize) -> String {
    crate::portal::language::fill(w.and_n_more, &[&more.to_string()])
}

/// Gives the bytes: as received to their sender, with secrets masked to others who may see them.
pub(in crate::portal) async fn payload(seat: Seat, Path(id): Path<String>) -> Answer {
    let id = id.parse::<InterchangeId>().map_err(|()| Failure::NotFound)?;
    let payload = seat.portal.hub.payload(&seat.viewer, id.0).await?.ok_or(Failure::NotFound)?;
    let ending = super::ending(payload.interchange.format.as_deref().unwrap_or(""), &payload.interchange.content_type);
    // Never a name or a type from outside: a browser must not be made to run what a partner sent.
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.{ending}\"")),
    ];
    Ok((headers, Body::from_stream(payload.pieces)).into_response())
}

/// Releases the mail that the interchange came in, by the word of a person: what of it is held is decided again.
pub(in crate::portal) async fn release(seat: Seat, Path(id): Path<String>, _posted: Posted) -> Answer {
    let id = id.parse::<InterchangeId>().map_err(|()| Failure::NotFound)?;
    let viewer = seat.viewer.clone();
    let seen = seat.portal.hub.store.read(move |tx| view::payload(tx, &viewer, id.0)).await?;
    let mail = seen.and_then(|seen| seen.interchange.mail_id).ok_or(Failure::NotFound)?;
    if !seat.portal.hub.release_mail(mail, &AccountId(seat.account.id).to_string()).await? {
        return Err(Failure::NotFound);
    }
    seat.portal.hub.wait_decided(id.0, 2_000).await?;
    Ok(redirect(&format!("{}?said=released", interchange_path(id.0))))
}

/// Processes the interchange again.
pub(in crate::portal) async fn replay(seat: Seat, Path(id): Path<String>, posted: Posted) -> Answer {
    let id = id.parse::<InterchangeId>().map_err(|()| Failure::NotFound)?;
    let viewer = seat.viewer.clone();
    let seen = seat.portal.hub.store.read(move |tx| view::payload(tx, &viewer, id.0)).await?;
    if seen.is_none() {
        return Err(Failure::NotFound);
    }
    let confirmed = posted.get("confirmed") == "yes";
    again(&seat, id, confirmed, "replayed").await
}

/// Processes it again and leads back to its page, which says so by that word.
pub(super) async fn again(seat: &Seat, id: InterchangeId, confirmed: bool, word: &str) -> Answer {
    let actor = AccountId(seat.account.id).to_string();
    let said = match seat.portal.hub.replay(id, confirmed, &actor).await? {
        Again::Yes => word,
        Again::InEffect => "in-effect",
        Again::Unknown => return Err(Failure::NotFound),
    };
    // Decided within the moment as a rule; else the page says that it is under way.
    seat.portal.hub.wait_decided(id.0, 2_000).await?;
    Ok(redirect(&format!("{}?said={said}", interchange_path(id.0))))
}

/// Everything that is wrong with an interchange and its documents.
pub(super) fn all_findings(found: &InterchangeView) -> Vec<Finding> {
    let mut all = findings::stored(found.interchange.findings.as_deref().unwrap_or(""));
    all.extend(found.documents.iter().flat_map(|view| findings::stored(&view.findings)));
    all
}
