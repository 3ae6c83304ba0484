//! What the decision of a document has to do with booking: parcels of a shipping notice that wait to be booked, and the producer
//! that is told, on the channel it used, that a courier does not take one.

use crate::document::Body;
use crate::document::application_response::{ApplicationResponse, DocumentResponse, LineResponse};
use crate::document::directory::{Direction, Organisation};
use crate::document::effect::{Cx, Header};
use crate::document::notice::Notice;
use crate::document::transportation_status::ParcelEvent;
use crate::document::transportation_status::booked::REFUSED;
use crate::error::{Error, Result};
use crate::model::document_type::DocumentType;
use crate::model::finding::{Code, Finding, Findings, Language, Place};
use crate::model::id::{DeliveryId, DocumentId, ParcelId, TradeId};
use crate::model::parts::{DocumentReference, Identifier};
use crate::model::record::Date;
use crate::pipeline::commit::Work;
use crate::pipeline::courier::Per;
use crate::store::bookings::{self, NewBooking};
use crate::store::deliveries::{self, NewDelivery};
use crate::store::parcels::{self, DespatchRow};
use crate::store::{Tx, documents, interchanges, mails, orders};

/// How long the buyer's shipping notice waits for waybill numbers, milliseconds; then it goes without them.
const HOLD_MS: i64 = 15 * 60_000;

impl Work {
    /// Has parcels of a shipping notice booked that name a courier and no waybill number, where its profile says how; whether
    /// there are any. The buyer's notice waits for the numbers, for a while.
    pub(in crate::pipeline) fn book(
        &self,
        tx: &mut Tx<'_>,
        body: &Body,
        header: &Header,
        trade_id: Option<i64>,
        now_ms: i64,
    ) -> Result<bool> {
        let (Body::DespatchAdvice(_), Some(trade_id)) = (body, trade_id) else { return Ok(false) };
        let Some(despatch) = parcels::despatch_by_document(tx, trade_id, header.document_id)? else { return Ok(false) };
        let mut any = false;
        for parcel in parcels::of_despatch(tx, despatch.id)? {
            let courier = self.directory.organisation(parcel.courier_id).filter(|courier| courier.active);
            let profile = courier.and_then(|courier| self.hub.couriers.get(&courier.short));
            let booking = profile.and_then(|profile| profile.booking.as_ref());
            let Some(booking) = booking.filter(|_| parcel.tracking_id.is_empty()) else { continue };
            let new = NewBooking {
                id: self.hub.ids.next(now_ms),
                courier_id: parcel.courier_id,
                centre_id: parcel.centre_id,
                despatch_id: despatch.id,
                parcel_id: if booking.per == Per::Shipment { 0 } else { parcel.id },
            };
            bookings::insert(tx, &new, now_ms)?;
            any = true;
        }
        if any && let Some(order) = orders::get(tx, despatch.order_id)? {
            deliveries::hold(tx, order.buyer_id, header.document_id, now_ms + HOLD_MS)?;
        }
        Ok(any)
    }

    /// Tells the producer of parcels that the courier does not take: by the document that is agreed, in the thread of the
    /// mail that the shipping notice came in, by an answer, or at last by mail to its contact. Gives how many deliveries that makes.
    pub(in crate::pipeline) fn tell_refused(
        &self,
        tx: &mut Tx<'_>,
        body: &Body,
        header: &Header,
        trade_id: Option<i64>,
        now_ms: i64,
    ) -> Result<usize> {
        let Body::TransportationStatus(report) = body else { return Ok(0) };
        let mut count = 0;
        for event in report.events.iter().filter(|event| event.status == REFUSED) {
            let Ok(id) = event.reference.parse::<ParcelId>() else { continue };
            let Some(parcel) = parcels::get(tx, id.0)? else { continue };
            let Some(despatch) = parcels::despatch(tx, parcel.despatch_id)? else { continue };
            let Some(producer) = self.directory.organisation(despatch.producer_id) else { continue };
            let telling =
                Telling { work: self, event, header, despatch, producer, trade_id, position: parcel.position };
            count += telling.tell(tx, now_ms)?;
        }
        Ok(count)
    }
}

struct Telling<'a> {
    work: &'a Work,
    event: &'a ParcelEvent,
    header: &'a Header,
    despatch: DespatchRow,
    producer: &'a Organisation,
    trade_id: Option<i64>,
    position: i64,
}

impl Telling<'_> {
    fn tell(&self, tx: &mut Tx<'_>, now_ms: i64) -> Result<usize> {
        let work = self.work;
        let shown = documents::get(tx, self.despatch.document_id)?;
        let came = match &shown {
            Some(document) => interchanges::get(tx, document.interchange_id)?,
            None => None,
        };
        let mail = match came.and_then(|came| came.mail_id) {
            Some(id) => mails::get(tx, id)?,
            None => None,
        };
        if let Some(mail) = mail {
            let mut thread: Vec<String> = mail.thread.lines().map(str::to_owned).collect();
            thread.push(mail.message_id.clone());
            thread.retain(|id| !id.ends_with(".invalid") && id.chars().all(|c| c.is_ascii_graphic()));
            return self.write(tx, &mail.sender, thread, now_ms);
        }
        let agreed = |kind| work.directory.agreement(self.producer.id, Direction::Out, kind, &work.today);
        if agreed(DocumentType::TransportationStatus).is_some() {
            // The document itself goes there.
            return Ok(0);
        }
        let answers = agreed(DocumentType::ApplicationResponse).and_then(|agreed| agreed.message_type());
        // A CONTRL answers to the bytes of an interchange, which were good.
        if answers.is_some_and(|message| message.standard != "edifact") {
            return self.answer(tx, now_ms);
        }
        self.write(tx, &self.producer.mail, Vec::new(), now_ms)
    }

    fn finding(&self) -> Finding {
        let courier = self.work.directory.organisation(self.header.issuer_id);
        let place = Place::path(format!("shipment.packages[{}]", self.position));
        let finding = Finding::error(Code::CourierRefused, place).found(self.event.notes.join(" "));
        finding.expected(courier.map_or("", |courier| courier.name.as_str()))
    }

    fn answer(&self, tx: &mut Tx<'_>, now_ms: i64) -> Result<usize> {
        let work = self.work;
        let finding = self.finding();
        let reference = DocumentReference {
            id: Some(Identifier { value: self.despatch.number.clone(), ..Identifier::default() }),
            role: "message".to_owned(),
            ..DocumentReference::default()
        };
        let party = |id: i64| work.directory.organisation(id).map(Organisation::as_party);
        let body = ApplicationResponse {
            id: DocumentId(work.hub.ids.next(now_ms)).to_string(),
            issue_date: Date(work.today.clone()),
            sender: party(self.header.centre_id),
            receiver: party(self.producer.id),
            responses: vec![DocumentResponse {
                reference_id: self.despatch.number.clone(),
                response_code: "partly".to_owned(),
                documents: vec![reference],
                lines: vec![LineResponse {
                    line_id: finding.place.to_string(),
                    response_code: "rejected".to_owned(),
                    descriptions: vec![finding.text(self.producer.language)],
                    reason_codes: vec![finding.code.as_str().to_owned()],
                    ..LineResponse::default()
                }],
                ..DocumentResponse::default()
            }],
            ..ApplicationResponse::default()
        };
        let mut own = Findings::default();
        let mut cx = Cx::new(tx, work.around(self.header, now_ms), &mut own);
        cx.trade_id = self.trade_id;
        cx.deliver(self.producer.id, DocumentType::ApplicationResponse, &self.despatch.number, &body)?;
        Ok(cx.deliveries)
    }

    /// A mail; it belongs to no document, because it says nothing that is not in one.
    fn write(&self, tx: &mut Tx<'_>, to: &str, thread: Vec<String>, now_ms: i64) -> Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        let work = self.work;
        let url = work.hub.config.url();
        let page = self.trade_id.map_or(url.clone(), |id| format!("{url}/trades/{}", TradeId(id)));
        let language = self.producer.language;
        let (number, position, why) = (&self.despatch.number, self.position, self.finding().text(language));
        let (subject, text) = match language {
            Language::Ko => (
                format!("출하 통지 {number}: 택배 예약이 거절되었습니다"),
                format!(
                    "출하 통지 {number}의 소포 {position}번에 송장 번호를 받지 못했습니다.\n\n{why}\n\n\
                     주소와 연락처를 확인해 주십시오. 고친 뒤에는 운영자가 다시 예약할 수 있습니다.\n\n{page}\n"
                ),
            ),
            Language::En => (
                format!("Despatch advice {number}: the courier refuses a parcel"),
                format!(
                    "Parcel {position} of despatch advice {number} has no waybill number.\n\n{why}\n\n\
                     Please check address and telephone number. The operator can then book it again.\n\n{page}\n"
                ),
            ),
        };
        let id = work.hub.ids.next(now_ms);
        let notice = Notice {
            id: DeliveryId(id).to_string().replace("dlv_", "B").to_uppercase(),
            party: self.producer.short.clone(),
            to: to.to_owned(),
            subject,
            text,
            language: language.as_str().to_owned(),
            automatic_answer: (!thread.is_empty()).then_some(true),
            thread,
            ..Notice::default()
        };
        let content =
            serde_json::to_string(&notice).map_err(|error| Error::bug("writing a notice as JSON").caused_by(error))?;
        deliveries::insert(
            tx,
            &NewDelivery {
                id,
                centre_id: self.header.centre_id,
                organisation_id: self.producer.id,
                agreement_id: 0,
                document_id: None,
                interchange_id: self.header.interchange_id,
                trade_id: self.trade_id,
                kind: "notice",
                document_type: DocumentType::Notice.as_str().to_owned(),
                number: notice.id.clone(),
                message_type: String::new(),
                address: format!("mailto:{to}"),
                content,
                due_ms: now_ms,
                created_ms: now_ms,
            },
        )?;
        Ok(1)
    }
}
