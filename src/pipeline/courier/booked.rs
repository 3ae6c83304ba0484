//! What a courier answers when a parcel is booked, or when it is asked whether it was: waybill numbers, a refusal, or that it
//! is to be tried again. An answer that was taken in is read the same way again, whenever it is replayed.

use rust_decimal::Decimal;
use serde_json::Value;

use super::booking::{Answer, Booking};
use super::profile::{Profile, Report};
use super::report::{Base, Reading, whole};
use crate::document::transportation_status::{ParcelEvent, TransportationStatus};
use crate::model::id::ParcelId;
use crate::model::parts::Amount;

/// Longest waybill number, bytes.
const LONGEST_WAYBILL: usize = 100;
/// Characters of a refusal.
const LONGEST_REASON: usize = 500;

/// What an answer is about; written into the name of its interchange.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// Our name for what was booked.
    pub reference: String,
    /// How often it was begun anew.
    pub round: i64,
    /// The HTTP status.
    pub status: u16,
    /// Whether it answers to a look.
    pub found: bool,
}

impl Reply {
    /// As a file name.
    pub fn name(&self) -> String {
        let what = if self.found { "found" } else { "booking" };
        format!("{what}-{}-{}-{}", self.reference, self.round, self.status)
    }

    /// The way back.
    pub fn from_name(name: &str) -> Option<Reply> {
        let mut parts = name.split('-');
        let found = match parts.next()? {
            "found" => true,
            "booking" => false,
            _ => return None,
        };
        let (reference, round, status) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        Some(Reply { reference: reference.to_owned(), round: round.parse().ok()?, status: status.parse().ok()?, found })
    }
}

/// What is said of a parcel.
#[derive(Clone, PartialEq, Debug)]
pub enum Said {
    /// It is booked.
    Booked(Waybill),
    /// It is not taken: code and reason.
    Refused(String, String),
    /// Nothing that counts; to be tried again, because.
    Again(String),
    /// It is not known to the courier.
    Nothing,
}

/// A booked parcel.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Waybill {
    /// The number.
    pub number: String,
    /// What sorting reads.
    pub routing: String,
    /// Address of the courier's own label.
    pub label: String,
    /// What is charged.
    pub price: Option<Amount>,
}

/// What an answer says, parcel by parcel, by our references.
pub fn read(booking: &Booking, reply: &Reply, body: &[u8]) -> Vec<(String, Said)> {
    let refuses = booking.refused.contains(&reply.status);
    let (answer, format) = booking.layout(reply.found);
    let alone = |said: Said| vec![(reply.reference.clone(), said)];
    let tree = match format.read(body) {
        Ok(tree) => tree,
        Err(_) if refuses && reply.found => return alone(Said::Nothing),
        Err(_) if refuses => return alone(Said::Refused(String::new(), plain_reason(reply.status, body))),
        Err(finding) => {
            let why = finding.text(crate::model::finding::Language::En);
            return alone(Said::Again(format!("the answer cannot be read: {why}")));
        }
    };
    let mut reading = Reading::new(&tree);
    let list = Report { id: None, events: answer.parcels.clone() };
    let mut bases = if answer.parcels.is_some() { reading.events(&list) } else { Vec::new() };
    if bases.is_empty() {
        // A refusal of the whole names no parcels.
        bases.push(Base::default());
    }
    let several = bases.len() > 1 || answer.parcels.is_some();
    let one = |base: Base| {
        let own = answer.reference.as_ref().filter(|_| several).and_then(|at| reading.text(at, &base));
        let said = one(answer, reply, refuses, &mut reading, &tree, &base);
        (own.unwrap_or_else(|| reply.reference.clone()), said)
    };
    bases.into_iter().map(one).collect()
}

fn one(answer: &Answer, reply: &Reply, refuses: bool, reading: &mut Reading<'_>, tree: &Value, base: &Base) -> Said {
    let mut text = |at: &Option<super::pointer::Pointer>| {
        at.as_ref().and_then(|pointer| reading.text(pointer, base)).unwrap_or_default()
    };
    let (code, error) = (text(&answer.code), text(&answer.error));
    let (routing, label, currency) = (text(&answer.routing), text(&answer.label), text(&answer.currency));
    let number = text(&Some(answer.waybill.clone()));
    let reason = || {
        let said = [error.as_str(), code.as_str()].into_iter().find(|text| !text.is_empty());
        shorten(said.map_or_else(|| format!("HTTP {}", reply.status), str::to_owned))
    };
    if answer.again.contains(&code) {
        return Said::Again(reason());
    }
    let good = if answer.good.is_empty() { !number.is_empty() } else { answer.good.contains(&code) };
    if good && !number.is_empty() {
        if number.len() > LONGEST_WAYBILL || number.chars().any(char::is_control) {
            return Said::Again("the waybill number cannot be one".to_owned());
        }
        let price = answer.price.as_ref().and_then(|at| match tree.pointer(&whole(at, base))? {
            Value::Number(number) => number.to_string().parse::<Decimal>().ok(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        });
        let price = price.map(|value| Amount { value, currency });
        let label = if label.starts_with("https://") || label.starts_with("http://") { label } else { String::new() };
        return Said::Booked(Waybill { number, routing, label, price });
    }
    match (reply.found, refuses || !good) {
        (true, _) => Said::Nothing,
        (false, _) if good => Said::Again("the answer names no waybill number".to_owned()),
        (false, true) if refuses || !code.is_empty() || !error.is_empty() => Said::Refused(code.clone(), reason()),
        (false, _) => Said::Again("the answer names no waybill number".to_owned()),
    }
}

fn plain_reason(status: u16, body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect();
    // A page for people is no reason.
    if text.trim().is_empty() || text.contains('<') { format!("HTTP {status}") } else { text.trim().to_owned() }
}

fn shorten(text: String) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect()
}

/// An answer as reports, one for each parcel that is booked or refused.
pub fn reports(
    profile: &Profile,
    booking: &Booking,
    reply: &Reply,
    at_ms: i64,
    body: &[u8],
) -> Vec<TransportationStatus> {
    let at = chrono::DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
    let occurred_at = at.with_timezone(&profile.event.zone).to_rfc3339();
    let report = |(reference, said): (String, Said)| {
        let event =
            ParcelEvent { reference: reference.clone(), occurred_at: occurred_at.clone(), ..ParcelEvent::default() };
        let (id, event) = match said {
            Said::Booked(waybill) => (
                format!("{reference}/{}", waybill.number),
                ParcelEvent {
                    tracking_id: waybill.number,
                    status: "registered".to_owned(),
                    routing: waybill.routing,
                    label: waybill.label,
                    price: waybill.price,
                    ..event
                },
            ),
            Said::Refused(code, reason) => (
                format!("{reference}/refused/{}", reply.round + 1),
                ParcelEvent { status: "refused".to_owned(), courier_code: code, notes: vec![reason], ..event },
            ),
            Said::Again(_) | Said::Nothing => return None,
        };
        Some(TransportationStatus {
            id,
            courier: profile.name.clone(),
            events: vec![event],
            ..TransportationStatus::default()
        })
    };
    read(booking, reply, body).into_iter().filter_map(report).collect()
}

/// Whether that is said of all of these parcels.
pub fn of<'s>(said: &'s [(String, Said)], reference: &str, parcel_id: i64) -> Option<&'s Said> {
    let own = ParcelId(parcel_id).to_string();
    let found = said.iter().find(|(name, _)| *name == own).or_else(|| said.iter().find(|(name, _)| name == reference));
    found.map(|(_, said)| said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn booking(more: &str) -> Booking {
        let text = format!(
            "address = \"https://courier.example/\"\nrequest = '{{\"r\": \"{{reference}}\"}}'\n[answer]\nwaybill = \"/no\"\n\
             error = \"/error/text\"\ncode = \"/code\"\nagain = [\"BUSY\"]\n{more}"
        );
        let booking: Booking = toml::from_str(&text).unwrap();
        assert_eq!(booking.check(), Ok(()));
        booking
    }

    fn check(more: &str, found: bool, status: u16, body: &str, expected: Said) {
        let reply = Reply { reference: "pcl_1".to_owned(), round: 0, status, found };
        let said = read(&booking(more), &reply, body.as_bytes());
        assert_eq!(said, [("pcl_1".to_owned(), expected)], "{body}");
    }

    fn booked(number: &str) -> Said {
        Said::Booked(Waybill { number: number.to_owned(), ..Waybill::default() })
    }

    #[test]
    fn what_answers_say() {
        check("", false, 201, r#"{"no": "681"}"#, booked("681"));
        check("", false, 200, r#"{"no": 681}"#, booked("681"));
        check("", false, 409, r#"{"no": "681", "error": {"text": "booked before"}}"#, booked("681"));
        let refused = |code: &str, why: &str| Said::Refused(code.to_owned(), why.to_owned());
        check(
            "",
            false,
            422,
            r#"{"code": "A1", "error": {"text": "unknown address"}}"#,
            refused("A1", "unknown address"),
        );
        check("", false, 422, "no such street", refused("", "no such street"));
        check("", false, 404, "<html>gone</html>", refused("", "HTTP 404"));
        check("", false, 200, r#"{"error": {"text": "unknown address"}}"#, refused("", "unknown address"));
        check("", false, 200, r#"{"code": "BUSY"}"#, Said::Again("BUSY".to_owned()));
        check("", false, 200, "{}", Said::Again("the answer names no waybill number".to_owned()));
        check("good = [\"0\"]", false, 200, r#"{"no": "681", "code": "0"}"#, booked("681"));
        check("good = [\"0\"]", false, 200, r#"{"no": "681", "code": "7"}"#, refused("7", "7"));
        check("", true, 404, "", Said::Nothing);
        check("", true, 200, r#"{"error": {"text": "unknown"}}"#, Said::Nothing);
        check("", true, 200, r#"{"no": "681"}"#, booked("681"));
    }

    #[test]
    fn names_come_back() {
        let reply = Reply { reference: "pcl_0abc".to_owned(), round: 2, status: 422, found: true };
        assert_eq!(Reply::from_name(&reply.name()), Some(reply));
        assert_eq!(Reply::from_name("booking-pcl_1-0"), None);
        assert_eq!(Reply::from_name("catalogue.csv"), None);
    }
}
