//! Booking parcels at a hub: numbers, keys and notices of what is booked; refusals; doubtful attempts, after which a parcel is looked
//! up or asked for under the same key, and never booked twice.

use std::sync::Arc;

use dure::command::simulate::courier_desk::{Desk, Manner};
use dure::command::simulate::courier_script::{Answering, Answers};
use dure::config::Config;
use dure::model::role::Role;
use dure::model::secret::Secret;
use dure::pipeline::courier::book;
use dure::pipeline::{fold, worker};
use dure::store::bookings::{self, Booking};
use dure::store::parcels::ParcelRow;
use dure::store::{StoreConfig, documents, parcels};
use dure::transport::courier::Profile;
use dure::transport::courier::{Couriers, sign};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Harness, NOON, catalogue, item, order, response};

/// The secret of the sample courier's callbacks.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Between attempts, milliseconds.
const FIRST_PAUSE: i64 = 10_000;

/// A hub, a courier's desk, and an order of which maker-a's part was answered.
pub(crate) struct World {
    pub(crate) harness: Harness,
    pub(crate) desk: Desk,
    _folder: tempfile::TempDir,
    _answering: Answering,
}

/// The sample courier's profile at a local address, changed.
fn profile_at(change: impl Fn(String) -> String, address: &str) -> String {
    let file = format!("{}/mappings/couriers/sample-courier.toml", env!("CARGO_MANIFEST_DIR"));
    change(std::fs::read_to_string(file).unwrap()).replace("127.0.0.1:2590", address)
}

impl World {
    pub(crate) async fn new(manner: Manner, change: impl Fn(String) -> String) -> World {
        let folder = tempfile::tempdir().unwrap();
        // The desk is told its profile before its port is known; only paths count there.
        let profile = Profile::parse(&profile_at(&change, "127.0.0.1:1")).unwrap();
        let desk = Desk::new(profile.clone(), manner, 68_223_456_001);
        let answering = Answers::new(profile).with_desk(desk.clone());
        let answering = answering.start("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let file = folder.path().join("sample-courier.toml");
        std::fs::write(&file, profile_at(&change, &answering.address.to_string())).unwrap();
        let mut config = Config { couriers: vec![file], ..Config::default() };
        config.http_out.allow_private = vec!["127.0.0.1".parse().unwrap()];
        let harness = Harness::with(config).await;
        let centre = harness.org("centre");
        let party = json!({"type": "Party", "id": "sample-courier", "name": "샘플택배", "roles": ["courier"]});
        harness.accepted(centre, party).await;
        let agreed = json!({"type": "Agreement", "id": "sample-courier-in", "party": "sample-courier", "direction": "in",
            "document_type": "TransportationStatus", "format": "dure-json"});
        harness.accepted(centre, agreed).await;
        harness.put_secret("courier:sample-courier", &Secret::new(SECRET)).await;
        let line = item("LM-40", "08801234500011", "레이저 거리계 LM-40", "513700");
        harness.accepted(harness.org("maker-a"), catalogue("CAT-A", line)).await;
        let line = item("T-2", "08801234500028", "교정용 타깃 T-2", "24000");
        harness.accepted(harness.org("maker-b"), catalogue("CAT-B", line)).await;
        let mut ordered = order("PO-1107");
        ordered["deliveries"] = json!([{"address": {"street_name": "한빛로", "building_number": "12", "city_name": "천안시",
            "postal_zone": "31100", "country": "KR"}, "party": {"names": ["표본상사 천안창고"],
            "contact": {"name": "박누리", "telephone": "041-555-0100"}}}]);
        harness.accepted(harness.org("buyer"), ordered).await;
        harness.accepted(harness.org("maker-a"), response("R-1", "PO-1107/1", "1", "8")).await;
        harness.sent().await;
        World { harness, desk, _folder: folder, _answering: answering }
    }

    /// maker-a ships two parcels without numbers.
    pub(crate) async fn despatch(&self) {
        let package = |sscc: &str, pieces: &str| {
            json!({"id": {"value": sscc}, "gross_weight": {"value": "2400", "unit": "GRM"}, "contents": [
                {"line_id": "1", "quantity": {"value": pieces, "unit": "EA"}}]})
        };
        let advice = json!({"type": "DespatchAdvice", "id": "DA-1", "issue_date": "2026-11-24",
            "order_references": [{"id": {"value": "PO-1107/1"}}], "despatch_party": {"id": "gln:8801234500029"},
            "shipment": {"carrier": {"id": "dure:sample-courier"},
                "cash_on_delivery": {"value": "54000", "currency": "KRW"},
                "packages": [package("388012345000000017", "5"), package("388012345000000024", "3")]},
            "lines": [{"id": "1", "delivered_quantity": {"value": "8", "unit": "EA"},
                "order_line_references": [{"line_id": "1"}]}]});
        self.harness.accepted(self.harness.org("maker-a"), advice).await;
    }

    /// Books what is due and takes the answers in; gives how many attempts there were.
    pub(crate) async fn book(&self) -> usize {
        let attempts = book::run_once(&self.harness.hub).await.unwrap();
        worker::run_once(&self.harness.hub).await.unwrap();
        attempts
    }

    pub(crate) async fn parcels(&self) -> Vec<ParcelRow> {
        let read = |tx: &mut dure::store::Tx<'_>| {
            let all = tx.query("SELECT id FROM parcel ORDER BY id", dure::params![])?;
            all.iter().map(|row| Ok(parcels::get(tx, row.int(0)?)?.unwrap())).collect()
        };
        self.harness.hub.store.read(read).await.unwrap()
    }

    /// Waybill numbers of the parcels.
    async fn numbers(&self) -> Vec<String> {
        self.parcels().await.into_iter().map(|parcel| parcel.tracking_id).collect()
    }

    pub(crate) async fn rows(&self) -> Vec<Booking> {
        let despatch = self.parcels().await[0].despatch_id;
        self.harness.hub.store.read(move |tx| bookings::of_despatch(tx, despatch)).await.unwrap()
    }

    async fn states(&self) -> Vec<(String, String)> {
        self.rows().await.into_iter().map(|row| (row.state, row.outcome)).collect()
    }

    /// Documents that came of bookings: disposition.
    async fn documents(&self) -> Vec<String> {
        let courier = self.harness.org("sample-courier");
        let read = move |tx: &mut dure::store::Tx<'_>| {
            let rows = tx.query("SELECT id FROM document WHERE issuer_id = ?1 ORDER BY id", dure::params![courier])?;
            rows.iter().map(|row| Ok(documents::get(tx, row.int(0)?)?.unwrap().disposition)).collect()
        };
        self.harness.hub.store.read(read).await.unwrap()
    }

    fn prove(&self) {
        let folder = tempfile::tempdir().unwrap();
        let scratch = dure::store::Store::open(&StoreConfig::sqlite(folder.path().join("scratch.sqlite"))).unwrap();
        let mut wrong = Vec::new();
        let zone = self.harness.hub.config.zone;
        fold::prove(&self.harness.hub.store, &scratch, zone, &mut |one| wrong.push(one), &mut |_, _| {}).unwrap();
        assert_eq!(wrong, []);
    }
}

fn same(text: String) -> String {
    text
}

/// What was sent to that address.
fn to<'s>(sent: &'s [(String, Value)], address: &str) -> Vec<&'s Value> {
    sent.iter().filter(|(to, _)| to == address).map(|(_, body)| body).collect()
}

#[tokio::test]
async fn parcels_without_numbers_are_booked() {
    let booking = World::new(Manner::Take, same).await;
    let harness = &booking.harness;
    // The producer is told by the document, in its own channel.
    let agreed = json!({"type": "Agreement", "id": "maker-a-out-status", "party": "maker-a", "direction": "out",
        "document_type": "TransportationStatus", "format": "dure-json", "address": "http://maker-a.example/status"});
    harness.accepted(harness.org("centre"), agreed).await;
    booking.despatch().await;
    assert_eq!(to(&harness.sent().await, "http://buyer.example/in"), Vec::<&Value>::new(), "it waits for the numbers");
    assert_eq!(booking.book().await, 2);
    let numbers = booking.numbers().await;
    assert_eq!(numbers, booking.desk.booked().iter().map(|one| one.waybill.clone()).collect::<Vec<_>>());
    assert_eq!(numbers.len(), 2);
    let ready: Vec<_> = numbers.iter().map(|number| ("booked".to_owned(), number.clone())).collect();
    assert_eq!(booking.states().await, ready);

    // What the courier was told.
    let told: Vec<Value> = booking.desk.requests().iter().map(|one| serde_json::from_str(one).unwrap()).collect();
    let parcel = dure::model::id::ParcelId(booking.parcels().await[0].id).to_string();
    assert_eq!(told[0]["reference"], parcel);
    assert_eq!(told[0]["callback"], format!("{}/callbacks/sample-courier", harness.hub.config.url()));
    assert_eq!(
        told[0]["to"],
        json!({"name": "표본상사 천안창고", "contact": "박누리", "phone": "041-555-0100", "postcode": "31100",
            "address": "천안시 한빛로 12"})
    );
    assert_eq!(told[0]["from"]["name"], "maker-a");
    assert_eq!(told[0]["parcel"]["goods"], "레이저 거리계 LM-40");
    assert_eq!((&told[0]["parcel"]["weight_kg"], &told[0]["parcel"]["number"]), (&json!(2.4), &json!(1)));
    assert_eq!((&told[0]["cash_on_delivery"], &told[1]["cash_on_delivery"]), (&json!(54000), &Value::Null), "once");

    // The buyer's notice has the numbers, the producer hears of each with what sorting reads.
    let sent = harness.sent().await;
    let notices = to(&sent, "http://buyer.example/in");
    assert_eq!(notices.len(), 1);
    let packages = notices[0]["shipment"]["packages"].as_array().unwrap();
    assert_eq!(packages.iter().map(|one| one["tracking_id"].as_str().unwrap()).collect::<Vec<_>>(), numbers);
    let heard = to(&sent, "http://maker-a.example/status");
    assert_eq!(heard.iter().map(|one| one["events"][0]["tracking_id"].as_str().unwrap()).collect::<Vec<_>>(), numbers);
    assert_eq!(heard[0]["events"][0]["reference"], parcel);
    assert!(!heard[0]["events"][0]["routing"].as_str().unwrap().is_empty());

    // It is a key of the trade, and what the courier reports finds the parcel.
    for who in ["buyer", "maker-a", "sample-courier"] {
        let (_, key) = harness.key(who).await;
        let found = harness.get(&format!("/v1/trades?key={}", numbers[0]), &key).await.json();
        assert_eq!(found["trades"].as_array().unwrap().len(), 1, "{who} {found}");
    }
    let body = json!({"report_id": "r1", "events": [{"waybill": numbers[0], "status": {"code": "50"},
        "at": "2026-11-24T12:00:00+09:00"}]})
    .to_string();
    let couriers = Couriers::load(&harness.hub.config.couriers).unwrap();
    let profile = couriers.get("sample-courier").unwrap();
    let (path, headers) = sign(profile, &Secret::new(SECRET), "call-1", body.as_bytes(), NOON).unwrap();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(harness.call("POST", &path, &headers, body).await.status, 202);
    worker::run_once(&harness.hub).await.unwrap();
    assert_eq!(booking.parcels().await[0].state, "delivered");
    assert_eq!(booking.book().await, 0);
    booking.prove();
}

#[tokio::test]
async fn the_notice_does_not_wait_for_ever() {
    let booking = World::new(Manner::Refuse, same).await;
    booking.despatch().await;
    booking.book().await;
    booking.harness.hub.clock.advance_ms(14 * 60_000);
    assert!(to(&booking.harness.sent().await, "http://buyer.example/in").is_empty());
    booking.harness.hub.clock.advance_ms(60_000);
    assert_eq!(to(&booking.harness.sent().await, "http://buyer.example/in").len(), 1);
    booking.desk.set_manner(Manner::Take);
    for row in booking.rows().await {
        assert!(booking.harness.hub.book_again(row.id, row.centre_id, "test").await.unwrap());
    }
    assert_eq!(booking.book().await, 2);
    assert!(booking.numbers().await.iter().all(|number| !number.is_empty()));
    assert!(to(&booking.harness.sent().await, "http://buyer.example/in").is_empty(), "it is not sent twice");
    booking.prove();
}

#[tokio::test]
async fn a_refusal_is_told_and_can_be_booked_again() {
    let booking = World::new(Manner::Refuse, same).await;
    booking.despatch().await;
    assert_eq!(booking.book().await, 2);
    assert_eq!(booking.numbers().await, ["", ""]);
    let states = booking.states().await;
    assert!(states.iter().all(|(state, why)| state == "refused" && why.contains("주소")), "{states:?}");
    let sent = booking.harness.sent().await;
    let mails = to(&sent, "mailto:maker-a@sample.example");
    assert_eq!(mails.len(), 2, "{sent:?}");
    let text = mails[0].as_str().unwrap();
    assert!(text.contains("샘플택배에서 소포를 받지 않았습니다") && text.contains("unknown address"), "{text}");
    assert!(text.contains("/trades/trd_"), "{text}");
    // Nothing is tried by itself.
    booking.harness.hub.clock.advance_ms(86_400_000);
    assert_eq!(booking.book().await, 0);
    booking.desk.set_manner(Manner::Take);
    let rows = booking.rows().await;
    assert!(
        !booking.harness.hub.book_again(rows[0].id, rows[0].centre_id + 1, "test").await.unwrap(),
        "another centre"
    );
    assert!(booking.harness.hub.book_again(rows[0].id, rows[0].centre_id, "test").await.unwrap());
    assert!(!booking.harness.hub.book_again(rows[0].id, rows[0].centre_id, "test").await.unwrap(), "it is open now");
    assert_eq!(booking.book().await, 1);
    let numbers = booking.numbers().await;
    assert!(!numbers[0].is_empty() && numbers[1].is_empty(), "{numbers:?}");
    assert_eq!(booking.documents().await, ["accepted", "accepted", "accepted"]);
    booking.prove();
}

/// After an attempt that ended badly the parcel is booked once, with that number.
async fn booked_once(booking: &World) {
    booking.harness.hub.clock.advance_ms(FIRST_PAUSE);
    assert_eq!(booking.book().await, 2);
    let booked = booking.desk.booked();
    assert_eq!(booked.len(), 2, "{booked:?}");
    let mut numbers: Vec<_> = booked.into_iter().map(|one| one.waybill).collect();
    numbers.sort();
    let mut known = booking.numbers().await;
    known.sort();
    assert_eq!(known, numbers);
    assert!(booking.states().await.iter().all(|(state, _)| state == "booked"));
    booking.prove();
}

#[tokio::test]
async fn a_cut_line_books_nothing_twice() {
    let booking = World::new(Manner::Cut, same).await;
    booking.despatch().await;
    assert_eq!(booking.book().await, 2);
    let states = booking.states().await;
    assert!(states.iter().all(|(state, _)| state == "open"), "{states:?}");
    assert!(booking.rows().await.iter().all(|row| row.sent_ms == Some(NOON)));
    assert_eq!(booking.desk.booked().len(), 2, "the courier has them");
    booked_once(&booking).await;
    assert_eq!(booking.desk.requests().len(), 2, "they were looked up");
}

#[tokio::test]
async fn without_a_look_the_key_is_the_same() {
    let change =
        |text: String| text.split("[booking.find]").next().unwrap().to_owned() + "[codes]\n50 = \"delivered\"\n";
    let booking = World::new(Manner::Cut, change).await;
    booking.despatch().await;
    assert_eq!(booking.book().await, 2);
    booked_once(&booking).await;
    assert_eq!(booking.desk.requests().len(), 4, "they were asked for again");
}

#[tokio::test]
async fn a_courier_that_cannot_be_asked_is_not_asked_twice() {
    let change = |text: String| {
        let text = text.replace("key_header = \"Idempotency-Key\"\n", "");
        text.split("[booking.find]").next().unwrap().to_owned() + "[codes]\n50 = \"delivered\"\n"
    };
    let booking = World::new(Manner::Cut, change).await;
    booking.despatch().await;
    assert_eq!(booking.book().await, 2);
    booking.harness.hub.clock.advance_ms(FIRST_PAUSE);
    assert_eq!(booking.book().await, 2);
    assert!(booking.states().await.iter().all(|(state, _)| state == "unsure"), "{:?}", booking.states().await);
    booking.harness.hub.clock.advance_ms(86_400_000);
    assert_eq!((booking.book().await, booking.desk.requests().len()), (0, 2));
}

#[tokio::test]
async fn killed_while_the_courier_answers() {
    let booking = World::new(Manner::Lose, same).await;
    booking.despatch().await;
    let hub = Arc::clone(&booking.harness.hub);
    let mut going = JoinSet::new();
    going.spawn(async move { book::run_once(&hub).await });
    booking.desk.news().await;
    // The courier has booked it and its answer is on the way: the hub is gone.
    going.abort_all();
    assert!(going.join_next().await.unwrap().unwrap_err().is_cancelled());
    assert_eq!(booking.desk.booked().len(), 1);
    booking.desk.set_manner(Manner::Take);
    assert_eq!(booking.book().await, 0, "the lease of the killed hub");
    booking.harness.hub.clock.advance_ms(300_000);
    booked_once(&booking).await;
}

#[tokio::test]
async fn killed_between_the_answer_and_the_record() {
    let booking = World::new(Manner::Take, same).await;
    booking.despatch().await;
    assert_eq!(booking.book().await, 2);
    // The rows as they were before the answers were recorded, with leases that ran out.
    let back = "UPDATE courier_booking SET state = 'open', due_ms = ?1, outcome = ''";
    booking.harness.hub.store.write(move |tx| tx.execute(back, dure::params![NOON])).await.unwrap();
    // Their numbers are known by now; without that they would be looked up.
    booked_once_with_numbers(&booking).await;
    let take_back = "UPDATE parcel SET tracking_id = ''";
    booking.harness.hub.store.write(move |tx| tx.execute(take_back, dure::params![])).await.unwrap();
    booking.harness.hub.store.write(move |tx| tx.execute(back, dure::params![NOON])).await.unwrap();
    assert_eq!(booking.book().await, 2);
    assert_eq!(booking.desk.booked().len(), 2);
    let known = booking.documents().await;
    assert_eq!(known, ["accepted", "accepted", "duplicate", "duplicate"], "the same number is the same document");
}

async fn booked_once_with_numbers(booking: &World) {
    assert_eq!(booking.book().await, 2);
    assert_eq!((booking.desk.booked().len(), booking.desk.requests().len()), (2, 2));
}

#[tokio::test]
async fn a_busy_courier_is_asked_again_and_then_given_up() {
    let booking = World::new(Manner::Busy, same).await;
    booking.despatch().await;
    assert_eq!(booking.book().await, 2);
    assert!(booking.states().await.iter().all(|(state, why)| state == "open" && why.contains("503")));
    booked_once(&booking).await;

    // A secret that is not there: tried for hours, then a person is asked.
    let change = |text: String| text.replace("key_header", "authorization = \"Bearer {secret}\"\nkey_header");
    let booking = World::new(Manner::Take, change).await;
    booking.despatch().await;
    for _ in 0..6 {
        assert_eq!(booking.book().await, 2);
        booking.harness.hub.clock.advance_ms(14_400_000);
    }
    assert_eq!(booking.book().await, 0);
    let states = booking.states().await;
    assert!(
        states.iter().all(|(state, why)| state == "given-up" && why.contains("courier:sample-courier:booking")),
        "{states:?}"
    );
    booking.harness.put_secret("courier:sample-courier:booking", &Secret::new("key-1")).await;
    for row in booking.rows().await {
        assert!(booking.harness.hub.book_again(row.id, row.centre_id, "test").await.unwrap());
    }
    assert_eq!(booking.book().await, 2);
    assert!(booking.numbers().await.iter().all(|number| !number.is_empty()));
}

#[tokio::test]
async fn a_shipment_in_one_request() {
    let change = |text: String| {
        let head = text.split("[booking]").next().unwrap().to_owned();
        head + "[booking]\naddress = \"http://127.0.0.1:2590/orders\"\nper = \"shipment\"\nbody = \"xml\"\n\
            key_header = \"Order-Key\"\nrequest = '{\"order\": {\"@no\": \"{reference}\", \"to\": \"{receiver.address}\", \
            \"box\": [\"*\", {\"ref\": \"{parcel.reference}\", \"kg\": \"{#parcel.weight_kg}\"}]}}'\n\
            [booking.answer]\nparcels = \"/done/box\"\nreference = \"/ref\"\nwaybill = \"/no\"\nerror = \"/why\"\n\
            [codes]\n50 = \"delivered\"\n"
    };
    let booking = World::new(Manner::Cut, change).await;
    booking.despatch().await;
    assert_eq!(booking.book().await, 1);
    let request = booking.desk.requests().remove(0);
    let name = booking.rows().await[0].reference();
    assert!(request.contains(&format!("<order no=\"{name}\">")) && request.contains("<kg>2.4</kg>"), "{request}");
    booking.harness.hub.clock.advance_ms(FIRST_PAUSE);
    assert_eq!(booking.book().await, 1);
    assert_eq!(booking.numbers().await, booking.desk.booked().into_iter().map(|one| one.waybill).collect::<Vec<_>>());
    assert_eq!(booking.documents().await, ["accepted", "accepted"]);
    booking.prove();
}

#[tokio::test]
async fn nobody_else_gives_numbers() {
    let booking = World::new(Manner::Busy, same).await;
    booking.despatch().await;
    let parcel = dure::model::id::ParcelId(booking.parcels().await[0].id).to_string();
    let says = json!({"type": "TransportationStatus", "id": "T-1", "courier": "sample", "events": [{"tracking_id": "1",
        "reference": parcel, "status": "registered", "occurred_at": "2026-11-24T12:00:00+09:00"}]});
    for who in ["courier", "sample-courier"] {
        let id = booking.harness.hand_in(booking.harness.org(who), &says).await;
        let (_, disposition, findings) = booking.harness.state(id).await;
        assert_eq!(disposition, "rejected", "{who}");
        assert!(findings.contains("unknown-parcel"), "{findings}");
    }
    assert_eq!(booking.numbers().await, ["", ""]);
}

#[tokio::test]
async fn what_people_see() {
    let booking = World::new(Manner::Refuse, same).await;
    let harness = &booking.harness;
    let operator = harness.person("op", Role::Operator, "centre", "ko").await;
    let producer = harness.person("maker", Role::Producer, "maker-a", "en").await;
    let buyer = harness.person("buy", Role::Buyer, "buyer", "ko").await;
    assert!(operator.get(harness, "/bookings").await.text().contains("거절되거나 포기한 예약이 없습니다."));
    booking.despatch().await;
    booking.book().await;
    let row = booking.rows().await.remove(0);
    let parcel = &booking.parcels().await[0];
    let trade = format!("/trades/{}", dure::model::id::TradeId(parcel.trade_id));
    let label = format!("/parcels/{}/label", dure::model::id::ParcelId(parcel.id));
    let page = operator.get(harness, "/bookings").await.text();
    assert!(page.contains("DA-1 · 상자 1") && page.contains("받는 곳 주소를 찾을 수 없습니다"), "{page}");
    let page = producer.get(harness, &trade).await.text();
    assert!(page.contains("Booking refused") && page.contains("unknown address"), "{page}");
    let page = buyer.get(harness, &trade).await.text();
    assert!(!page.contains("unknown address") && !page.contains("/label"), "{page}");
    let again = format!("/bookings/{}/again", dure::model::id::BookingId(row.id));
    booking.desk.set_manner(Manner::Take);
    let answer = operator.post(harness, &again, &[]).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/bookings?said=booked-again"));
    booking.book().await;
    let number = booking.numbers().await.remove(0);
    assert!(buyer.get(harness, &trade).await.text().contains(&number));
    assert!(producer.get(harness, &trade).await.text().contains(&label));
    let page = producer.get(harness, &label).await.text();
    for word in [
        number.as_str(),
        "표본상사 천안창고",
        "천안시 한빛로 12",
        "박누리",
        "388012345000000017",
        "레이저 거리계",
        "2.4 kg",
    ] {
        assert!(page.contains(word), "{word} {page}");
    }
    let bars = dure::format::code128::Bars::of(&number).unwrap();
    assert!(page.contains(&bars.path(60)) && page.matches("<svg viewBox").count() >= 2, "{page}");
    assert!(page.contains("class=\"routing\""), "{page}");
    assert_eq!(buyer.get(harness, &label).await.status, 404);
}
