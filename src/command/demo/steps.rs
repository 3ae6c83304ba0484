//! The trade of the demo, step by step. What happened is asked of the hub over HTTP, as the partners would ask.

use std::time::Duration;

use lettre::address::Envelope;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, MultiPart, SinglePart};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use rust_decimal::Decimal;
use serde_json::Value;

use super::parties::{BUYER, COURIER, MAIL_SERVER, ORDERS_BY_MAIL, SELLER_SHARE};
use super::set_up::{Actor, FILES, World};
use super::show::Step;
use crate::command::client::{Handing, decided};
use crate::command::out::Out;
use crate::command::simulate::courier::Happened;
use crate::command::simulate::partner::Passed;
use crate::document::Body;
use crate::error::{Error, Result};
use crate::format::Hint;
use crate::model::parcel_status::ParcelStatus;
use crate::pipeline::read;
use crate::transport::courier::Couriers;

/// Longest wait for something that should happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// The order's number, as the sample says it.
const ORDER: &str = "PO-2026-1124";
/// The number of the order by mail, as the workbook says it, and its total.
const MAILED: (&str, &str) = ("PO-2026-1125", "735,000 KRW");
/// Steps there are.
const STEPS: usize = 9;
/// Its lines.
const LINES: [&str; 4] = ["10", "20", "30", "40"];
/// Items of the two catalogues.
const ITEMS: (usize, usize) = (6, 5);
/// What is delivered: line 10, five pieces at 189,000.
const DELIVERED: i64 = 5 * 189_000;

/// Plays all steps, printing each as soon as it is done.
pub(super) async fn play(out: &Out, world: &World) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut done = |step: Step| -> Result<bool> {
        step.print(out)?;
        let good = step.is_good();
        steps.push(step);
        Ok(good)
    };
    let say = |ko: &'static str, en: &'static str| out.say(ko, en);

    let title = say("표본정밀이 제품 목록을 보냅니다 (UBL Catalogue)", "표본정밀 sends its catalogue (UBL Catalogue)");
    let step = catalogue(out, world, &world.precision, Step::new(1, title), "catalogue-precision.xml", ITEMS.0).await?;
    let mut good = done(step)?;
    let title = say("표본전자가 제품 목록을 보냅니다 (CSV)", "표본전자 sends its catalogue (CSV)");
    let step =
        catalogue(out, world, &world.electronics, Step::new(2, title), "catalogue-electronics.csv", ITEMS.1).await?;
    good &= done(step)?;

    let title = say("표본상사가 주문을 보냅니다 (UBL Order 2.1)", "표본상사 sends an order (UBL Order 2.1)");
    let (step, interchange) = order(out, world, Step::new(3, title)).await?;
    good &= done(step)?;
    if good {
        let title =
            say("허브가 주문을 나누어 두 생산자에게 보냅니다", "the hub splits the order and forwards both parts");
        good &= done(split(world, Step::new(4, title), &interchange).await?)?;
        let title =
            say("생산자가 답하고, 구매자는 하나의 응답을 봅니다", "the producers answer, the buyer gets one view");
        good &= done(answers(out, world, Step::new(5, title)).await?)?;
        let title = say(
            "생산자가 출하합니다: 택배 예약, 송장 번호, 일련번호",
            "the producers ship: parcels booked with the courier, waybills, serial numbers",
        );
        let (step, waybill) = despatch(out, world, Step::new(6, title)).await?;
        good &= done(step)?;
        if let Some(waybill) = waybill.filter(|_| good) {
            let title =
                say("표본택배가 알립니다: 소포 하나가 도착했습니다", "표본택배 calls back: one parcel has arrived");
            done(deliver(out, world, Step::new(7, title), &waybill).await?)?;
            let title =
                say("시계가 하루를 마감합니다: 정산서와 메일", "the clock closes the day: a statement and a mail");
            let good = done(close(world, Step::new(8, title)).await?)?;
            if good {
                let title = say(
                    "표본상사가 엑셀 발주서를 메일로 보내고 메일로 답을 받습니다",
                    "표본상사 mails an order form in Excel and is answered by mail",
                );
                done(by_mail(world, Step::new(9, title)).await?)?;
            }
        }
    }
    if steps.len() < STEPS {
        let mut step = Step::new(steps.len() + 1, say("나머지 단계", "the other steps"));
        step.must(false, || {
            say("앞 단계가 끝나지 않아 하지 못했습니다", "not played, because a step before did not end well")
                .to_owned()
        });
        step.print(out)?;
        steps.push(step);
    }
    Ok(steps)
}

/// What the hub says of an interchange once it is decided or held.
async fn settled(actor: &Actor, interchange: &str) -> Result<Value> {
    let asking = async {
        loop {
            let body = actor.client.get(&format!("/v1/interchanges/{interchange}")).await?.good()?.json();
            if matches!(body["state"].as_str(), Some("decided" | "held")) {
                return Ok::<_, Error>(body);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| Ok(Value::Null))
}

/// The trade as an actor may see it, as soon as something holds of it; as it is when patience ends.
async fn trade(actor: &Actor, holds: impl Fn(&Value) -> bool) -> Result<Value> {
    trade_by(actor, ORDER, holds).await
}

/// The same by another number: a producer knows only that of its part.
async fn trade_by(actor: &Actor, key: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
    let key: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let list = actor.client.get(&format!("/v1/trades?key={key}")).await?.good()?.json();
        let mut found = Value::Null;
        if let Some(id) = list["trades"][0]["trade"].as_str() {
            found = actor.client.get(&format!("/v1/trades/{id}")).await?.good()?.json();
        }
        if holds(&found) || tokio::time::Instant::now() >= deadline {
            return Ok(found);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or("")
}

/// The findings of an interchange and its documents, as sentences.
fn findings(out: &Out, body: &Value) -> String {
    let Some(decided) = decided(body) else { return String::new() };
    decided.findings.iter().map(|finding| out.finding(finding)).collect::<Vec<_>>().join("; ")
}

fn curl(world: &World, actor: &Actor, file: &str, content_type: &str) -> String {
    format!(
        "curl -H 'Authorization: Bearer {}' -H 'Content-Type: {content_type}' --data-binary @{} {}/v1/interchanges",
        actor.key,
        world.file(file).display(),
        world.url
    )
}

fn asking(world: &World, actor: &Actor, verb: &str, what: &str) -> String {
    format!("dure {verb} {what} --url {} --key {}", world.url, actor.key)
}

fn bytes_of(file: &str) -> Vec<u8> {
    FILES.iter().find(|(name, _)| *name == file).map_or(Vec::new(), |(_, bytes)| bytes.to_vec())
}

async fn catalogue(out: &Out, world: &World, actor: &Actor, mut step: Step, file: &str, count: usize) -> Result<Step> {
    let content_type = if file.ends_with(".csv") { "text/csv" } else { "application/xml" };
    let handing = Handing { content_type, file_name: file, wait_s: 20, ..Handing::default() };
    let answer = actor.client.post(bytes_of(file), &handing).await?;
    let body = answer.json();
    let document = &body["documents"][0];
    step.must(text(&body, "disposition") == "accepted", || {
        format!("{} {}: {}", answer.status, text(&body, "disposition"), findings(out, &body))
    });
    step.fact(text(&body, "interchange"), format!("{} {}", text(document, "type"), text(document, "number")));
    let name = text(document, "document");
    if step.is_good() {
        let shown = actor.client.get(&format!("/v1/documents/{name}")).await?.good()?.json();
        let lines = items(&shown["content"]["lines"]);
        let names: Vec<_> = lines.iter().take(3).map(|line| text(&line["item"], "name")).collect();
        let kept = format!("{} {}: {} …", lines.len(), out.say("품목", "items"), names.join(", "));
        step.fact(name, kept);
        step.must(lines.len() == count, || format!("{} items are there instead of {count}", lines.len()));
    }
    step.link(format!("{}/documents/{name}", world.url), "operator");
    step.command(curl(world, actor, file, content_type));
    Ok(step)
}

/// Hands in the order; gives the interchange.
async fn order(out: &Out, world: &World, mut step: Step) -> Result<(Step, String)> {
    let actor = &world.buyer;
    let bytes = bytes_of("order.xml");
    let handing = Handing {
        content_type: "application/xml",
        file_name: "order.xml",
        idempotency_key: ORDER,
        ..Handing::default()
    };
    let answer = actor.client.post(bytes.clone(), &handing).await?;
    let interchange = text(&answer.json(), "interchange").to_owned();
    step.must(answer.status.as_u16() == 202, || format!("the hub answers {}", answer.status));
    step.fact(format!("HTTP {}", answer.status.as_u16()), interchange.clone());
    if step.is_good() {
        let kept = actor.client.get(&format!("/v1/interchanges/{interchange}/payload")).await?.good()?;
        step.must(kept.body == bytes, || "the bytes kept are not those sent".to_owned());
        let body = settled(actor, &interchange).await?;
        step.must(text(&body, "disposition") == "accepted", || {
            format!("{} {}", text(&body, "disposition"), findings(out, &body))
        });
        let words = out.say("바이트를 그대로 보관", "bytes kept as they came");
        step.fact(words, format!("{} bytes, sha256 {}", kept.body.len(), text(&body, "sha256")));
        let document = &body["documents"][0];
        let said = format!("Order {}: {}", text(document, "number"), text(document, "disposition"));
        step.fact(text(document, "document"), said);
    }
    step.link(format!("{}/interchanges/{interchange}", world.url), "buyer");
    step.command(curl(world, actor, "order.xml", "application/xml"));
    step.command(asking(world, actor, "status", &interchange));
    Ok((step, interchange))
}

/// What a partner's system was sent.
async fn came(actor: &Actor, message_type: &str) -> Option<Passed> {
    actor.system.wait_for(PATIENCE, |passed| passed.came && passed.message_type == message_type).await
}

/// What a partner's system sent and what became of it.
async fn went(actor: &Actor, message_type: &str) -> Option<Passed> {
    actor.system.wait_for(PATIENCE, |passed| !passed.came && passed.message_type == message_type).await
}

fn kept_at(actor: &Actor, passed: &Passed) -> String {
    format!("http://{}/kept/{}", actor.system.address, passed.number)
}

async fn split(world: &World, mut step: Step, interchange: &str) -> Result<Step> {
    for (actor, message_type) in [(&world.precision, "edifact/d96a/ORDERS"), (&world.electronics, "ubl/2.1/Order")] {
        let name = actor.company.name;
        match came(actor, message_type).await {
            None => step.must(false, || format!("{name} was not sent {message_type}")),
            Some(passed) => {
                let lines = order_lines(&passed);
                step.fact(&passed.id, format!("{name}  {message_type} {}: {lines}", passed.document));
                step.must(passed.document.starts_with(ORDER), || format!("{message_type} {}", passed.document));
                step.link(kept_at(actor, &passed), "-");
            }
        }
    }
    let found = trade(&world.buyer, |found| items(&found["lines"]).len() == LINES.len()).await?;
    let id = text(&found, "trade");
    step.fact(id, format!("{}: {}", text(&found, "title"), text(&found, "state")));
    step.must(!id.is_empty(), || format!("no trade is known by {ORDER}"));
    step.link(format!("{}/trades/{id}", world.url), "operator");
    step.link(format!("{}/interchanges/{interchange}", world.url), "operator");
    step.command(asking(world, &world.buyer, "trade", ORDER));
    step.command(asking(world, &world.precision, "trade", &format!("{ORDER}/1")));
    Ok(step)
}

fn order_lines(passed: &Passed) -> String {
    let Some(Body::Order(order)) = body_of(passed) else { return String::new() };
    let lines = order.lines.iter().map(|line| {
        let quantity = line.quantity.as_ref().map_or(String::new(), |quantity| quantity.value.normalize().to_string());
        let name = line.item.as_ref().map_or("", |item| item.name.as_str());
        format!("{} {name} x {quantity}", line.id)
    });
    lines.collect::<Vec<_>>().join(", ")
}

/// The document of what was sent, read as any receiver would.
fn body_of(passed: &Passed) -> Option<Body> {
    let media = passed.content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let hint = Hint { content_type: Some(media), ..Hint::default() };
    read::stateless(passed.bytes.clone(), &hint).ok()?.messages.into_iter().next()?.body
}

async fn answers(out: &Out, world: &World, mut step: Step) -> Result<Step> {
    for (actor, message_type) in
        [(&world.precision, "edifact/d96a/ORDRSP"), (&world.electronics, "ubl/2.1/OrderResponse")]
    {
        let name = actor.company.name;
        match went(actor, message_type).await {
            None => step.must(false, || format!("{name} did not send {message_type}")),
            Some(passed) => {
                step.fact(&passed.id, format!("{name}  {message_type} {}: {}", passed.document, passed.said));
                step.must(passed.said == "accepted", || format!("{message_type} {}: {}", passed.document, passed.said));
            }
        }
    }
    let acknowledged = |found: &Value| {
        let order = items(&found["timeline"]).iter().find(|entry| {
            text(entry, "what") == "delivery"
                && text(entry, "type") == "Order"
                && !text(entry, "acknowledged").is_empty()
        });
        order.map(|entry| (text(entry, "delivery").to_owned(), text(entry, "acknowledged").to_owned()))
    };
    let seen = trade_by(&world.precision, &format!("{ORDER}/1"), |found| acknowledged(found).is_some()).await?;
    match acknowledged(&seen) {
        Some((id, word)) => {
            step.must(word == "acknowledged", || format!("the CONTRL says {word} to the ORDERS"));
            step.fact(id, format!("CONTRL {}: {word}", world.precision.company.name));
        }
        None => step.must(false, || "the CONTRL did not acknowledge the ORDERS".to_owned()),
    }
    // Each answer tells the buyer where the whole order stands; the last one has every line.
    let whole = world.buyer.system.wait_for(PATIENCE, |passed| {
        passed.came && passed.message_type == "ubl/2.1/OrderResponse" && answered(passed).len() == LINES.len()
    });
    match whole.await {
        None => step.must(false, || "the buyer was not told of all lines".to_owned()),
        Some(passed) => {
            let lines = answered(&passed);
            let words = out.say("구매자에게", "to the buyer");
            step.fact(&passed.id, format!("{words}  OrderResponse {}: {}", passed.document, lines.join(", ")));
            let ids: Vec<_> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
            step.must(ids == LINES && lines.iter().all(|line| line.ends_with("accepted")), || lines.join(", "));
            step.link(kept_at(&world.buyer, &passed), "-");
        }
    }
    let found = trade(&world.buyer, |found| text(found, "state") != "ordered").await?;
    step.link(format!("{}/trades/{}", world.url, text(&found, "trade")), "buyer");
    step.command(asking(world, &world.buyer, "trade", ORDER));
    Ok(step)
}

/// The lines of an order response: number and word.
fn answered(passed: &Passed) -> Vec<String> {
    let Some(Body::OrderResponse(response)) = body_of(passed) else { return Vec::new() };
    let word = |line: &crate::document::order_response::OrderResponseLine| {
        let number = if line.order_line_id.is_empty() { &line.id } else { &line.order_line_id };
        format!("{number} {}", line.status)
    };
    response.lines.iter().map(word).collect()
}

/// Both shipments; gives the waybill of the parcel with line 10.
async fn despatch(out: &Out, world: &World, mut step: Step) -> Result<(Step, Option<String>)> {
    for (actor, message_type) in
        [(&world.precision, "edifact/d96a/DESADV"), (&world.electronics, "ubl/2.1/DespatchAdvice")]
    {
        let name = actor.company.name;
        match went(actor, message_type).await {
            None => step.must(false, || format!("{name} did not send {message_type}")),
            Some(passed) => {
                step.fact(&passed.id, format!("{name}  {message_type} {}: {}", passed.document, passed.said));
                step.must(passed.said == "accepted", || format!("{message_type} {}: {}", passed.document, passed.said));
            }
        }
    }
    let both = || {
        let passed = world.buyer.system.passed();
        passed.iter().filter(|passed| passed.came && passed.message_type == "ubl/2.1/DespatchAdvice").count()
    };
    let told = world.buyer.system.wait_for(PATIENCE, |_| both() == 2).await;
    step.must(told.is_some(), || format!("the buyer was told of {} shipments instead of 2", both()));
    let numbered =
        |found: &Value| items(&found["parcels"]).iter().all(|parcel| !text(parcel, "tracking_id").is_empty());
    let found = trade(&world.buyer, |found| items(&found["parcels"]).len() == LINES.len() && numbered(found)).await?;
    let parcels = items(&found["parcels"]);
    step.must(parcels.len() == LINES.len(), || format!("{} parcels instead of {}", parcels.len(), LINES.len()));
    let mut waybill = None;
    for parcel in parcels {
        let contents = items(&parcel["contents"]);
        let serials: Vec<_> =
            contents.iter().flat_map(|content| items(&content["serial_ids"])).filter_map(Value::as_str).collect();
        let words = out.say("송장", "waybill");
        let first = serials.first().copied().unwrap_or("");
        let number = text(parcel, "tracking_id").to_owned();
        let sscc = text(parcel, "sscc");
        step.fact(
            format!("{words} {number}"),
            format!("SSCC {sscc}, {} {} ({first} …)", serials.len(), out.say("일련번호", "serial numbers")),
        );
        step.must(!serials.is_empty(), || format!("the parcel {number} has no serial numbers"));
        if contents.iter().any(|content| content["position"] == 1) {
            waybill = Some(number);
        }
    }
    step.must(waybill.is_some(), || "no parcel holds the first line".to_owned());
    // What the courier booked, and the labels of it, as the producer sees them.
    let booked = world.desk.booked();
    step.must(!booked.is_empty(), || "nothing was booked with the courier".to_owned());
    let mine = trade_by(&world.precision, &format!("{ORDER}/1"), numbered).await?;
    for parcel in items(&mine["parcels"]) {
        let number = text(parcel, "tracking_id");
        step.must(booked.iter().any(|one| one.waybill == number), || format!("the waybill {number} was not booked"));
        let words = out.say("택배사에 예약", "booked with the courier");
        step.fact(format!("{words} {number}"), format!("{} {}", world.precision.company.name, text(parcel, "booking")));
        step.link(format!("{}{}", world.url, text(parcel, "label")), "producer");
    }
    step.link(format!("{}/trades/{}", world.url, text(&found, "trade")), "buyer");
    if let Some(number) = &waybill {
        step.command(asking(world, &world.buyer, "trade", number));
    }
    Ok((step, waybill))
}

async fn deliver(out: &Out, world: &World, mut step: Step, waybill: &str) -> Result<Step> {
    let couriers = Couriers::load(&[])?;
    let profile = couriers.get(COURIER.short).ok_or_else(|| Error::bug("the built-in courier is missing"))?;
    let way = [
        (ParcelStatus::PickedUp, "대전 유성"),
        (ParcelStatus::InTransit, "청주 허브"),
        (ParcelStatus::OutForDelivery, "천안 서북"),
        (ParcelStatus::Delivered, "천안 서북"),
    ];
    for (sequence, (status, place)) in (1..).zip(way) {
        let received_by = if status == ParcelStatus::Delivered { "자재창고 박누리" } else { "" };
        let happened = Happened { waybill, status, sequence, place, received_by, minutes_ago: 0 };
        let report = world.courier.report(profile, &happened);
        let mut said = world.courier.call(profile, &report).await?;
        if status == ParcelStatus::Delivered {
            // Couriers call again when an answer got lost: nothing must happen twice.
            said = world.courier.call(profile, &report).await?;
        }
        step.must(said.status.is_success(), || format!("{status}: the hub answers {}", said.status));
        step.fact(&said.interchange, format!("{waybill} {}, {place}", status.title(out.language)));
    }
    let arrived = |found: &Value| {
        let parcels = items(&found["parcels"]);
        parcels
            .iter()
            .filter(|parcel| text(parcel, "state") == "delivered")
            .map(|parcel| text(parcel, "tracking_id").to_owned())
            .collect::<Vec<_>>()
    };
    let found = trade(&world.buyer, |found| !arrived(found).is_empty()).await?;
    let delivered = arrived(&found);
    step.must(delivered == [waybill], || format!("delivered are {delivered:?} instead of {waybill}"));
    step.link(format!("{}/trades/{}", world.url, text(&found, "trade")), "buyer");
    step.command(asking(world, &world.buyer, "trade", waybill));
    Ok(step)
}

async fn close(world: &World, mut step: Step) -> Result<Step> {
    let share: Decimal = SELLER_SHARE.parse().unwrap_or_default();
    let expected = Decimal::from(DELIVERED) * share / Decimal::ONE_HUNDRED;
    match came(&world.seller, "ubl/2.1/Statement").await {
        None => step.must(false, || "the seller was not sent a statement".to_owned()),
        Some(passed) => {
            step.fact(&passed.id, format!("{}  UBL Statement {}", world.seller.company.name, passed.document));
            step.link(kept_at(&world.seller, &passed), "-");
            let Some(Body::Statement(statement)) = body_of(&passed) else {
                step.must(false, || "the statement cannot be read".to_owned());
                return Ok(step);
            };
            for line in &statement.lines {
                step.fact("  ", line.notes.join(" "));
            }
            let amounts: Vec<_> = statement.lines.iter().filter_map(|line| line.credit_amount.as_ref()).collect();
            let right =
                amounts.len() == 1 && statement.lines.len() == 1 && amounts.iter().all(|one| one.value == expected);
            step.must(right, || {
                format!("the statement has {} lines, expected is one of {expected} KRW", statement.lines.len())
            });
        }
    }
    let mails = world.mailbox.wait_for(1, PATIENCE).await;
    match mails.first() {
        None => step.must(false, || "no mail came".to_owned()),
        Some(mail) => {
            step.fact(mail.to.join(", "), mail.subject());
            step.link(format!("{}/{}", world.mails, mail.number), "-");
        }
    }
    step.must(mails.len() <= 1, || format!("{} mails came instead of one", mails.len()));
    let seen =
        trade(&world.seller, |found| items(&found["statement_lines"]).iter().any(|line| line["settled"] == true));
    let seen = seen.await?;
    let settled = items(&seen["statement_lines"]).iter().filter(|line| line["settled"] == true).count();
    step.must(settled == 1, || format!("{settled} lines are settled instead of one"));
    step.link(format!("{}/trades/{}", world.url, text(&seen, "trade")), "seller");
    step.command(asking(world, &world.seller, "trade", ORDER));
    Ok(step)
}

/// A mail with the workbook, as it leaves the mail server that proved its sender (RFC 8601).
fn mail_with_order() -> Result<Vec<u8>> {
    let wrong = |error: &dyn std::fmt::Display| Error::bug(format!("the mail of the demo: {error}"));
    let mailbox = |text: String| text.parse().map_err(|error: lettre::address::AddressError| wrong(&error));
    let kind = ContentType::parse("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
    let workbook =
        Attachment::new("발주서.xlsx".to_owned()).body(bytes_of("order.xlsx"), kind.map_err(|error| wrong(&error))?);
    let text = "안녕하세요. 발주서를 보내드립니다.\r\n한가람 드림\r\n".to_owned();
    let mail = Message::builder()
        .from(mailbox(format!("{} <{}>", "\"표본상사 구매팀\"", BUYER.mail))?)
        .to(mailbox(ORDERS_BY_MAIL.to_owned())?)
        .subject("발주서 송부")
        .message_id(None)
        .multipart(MultiPart::mixed().singlepart(SinglePart::plain(text)).singlepart(workbook))
        .map_err(|error| wrong(&error))?;
    let host = BUYER.mail.split('@').next_back().unwrap_or("");
    let mut bytes = format!("Authentication-Results: {MAIL_SERVER}; dmarc=pass header.from={host}\r\n").into_bytes();
    bytes.extend(mail.formatted());
    Ok(bytes)
}

/// An order as a workbook by mail, its answer in the thread, and what the producer and the buyer were sent.
async fn by_mail(world: &World, mut step: Step) -> Result<Step> {
    let (number, total) = MAILED;
    let Some(listener) = world.running.mail_address() else {
        step.must(false, || "the hub takes no mail".to_owned());
        return Ok(step);
    };
    let before = world.mailbox.mails().len();
    let address = |text: &str| text.parse::<Address>().map_err(|error| Error::bug(format!("{text}: {error}")));
    let envelope = Envelope::new(Some(address(BUYER.mail)?), vec![address(ORDERS_BY_MAIL)?])
        .map_err(|error| Error::bug(format!("the envelope of the demo's mail: {error}")))?;
    let relay = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(listener.ip().to_string());
    let relay = relay.port(listener.port()).timeout(Some(PATIENCE)).build();
    match relay.send_raw(&envelope, &mail_with_order()?).await {
        Ok(said) => step.fact(format!("SMTP {}", said.code()), said.first_line().unwrap_or("").to_owned()),
        Err(error) => step.must(false, || format!("the hub does not take the mail: {error}")),
    }
    let mails = world.mailbox.wait_for(before + 1, PATIENCE).await;
    let answer = mails.iter().find(|mail| mail.number > before && mail.to.iter().any(|to| to == BUYER.mail));
    match answer {
        None => step.must(false, || "the mail was not answered".to_owned()),
        Some(mail) => {
            let text = mail.text();
            let line = text.lines().find(|line| line.contains(number)).unwrap_or("");
            step.fact(mail.subject(), line.trim().to_owned());
            step.must(text.contains(number) && text.contains(total), || format!("the answer says: {text}"));
            step.link(format!("{}/{}", world.mails, mail.number), "-");
        }
    }
    let forwarded = world.electronics.system.wait_for(PATIENCE, |passed| {
        passed.came && passed.message_type == "ubl/2.1/Order" && passed.document.starts_with(number)
    });
    match forwarded.await {
        None => step.must(false, || format!("{} was not sent {number}", world.electronics.company.name)),
        Some(passed) => {
            step.fact(&passed.id, format!("{}  {}", world.electronics.company.name, order_lines(&passed)));
        }
    }
    // The producer's system answers and ships as before.
    let shipped = trade_by(&world.buyer, number, |found| {
        !items(&found["parcels"]).is_empty()
            && items(&found["timeline"]).iter().any(|entry| {
                text(entry, "what") == "delivery"
                    && text(entry, "type") == "DespatchAdvice"
                    && text(entry, "state") == "delivered"
            })
    });
    let found = shipped.await?;
    step.must(!items(&found["parcels"]).is_empty(), || format!("{number} was not shipped"));
    step.fact(text(&found, "trade"), format!("{}: {}", text(&found, "title"), text(&found, "state")));
    step.link(format!("{}/trades/{}", world.url, text(&found, "trade")), "buyer");
    step.command(asking(world, &world.buyer, "trade", number));
    Ok(step)
}
