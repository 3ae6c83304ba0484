//! The courier's side of booking, for the simulated courier and the tests: what a request of a profile asks for, and the answer
//! that says what became of it.

use serde_json::{Map, Value};

use super::booked::Said;
use super::booking::{Booking, Per};
use super::pointer::Pointer;
use super::profile::Report;
use super::report::{Base, base_of, set, whole};
use super::template;

/// What a request asks for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Our names of the parcels.
    pub references: Vec<String>,
    /// What makes it the same request when it comes again, where it stands in the body.
    pub key: Option<String>,
    /// Where the courier is to report to; empty if it does not say.
    pub callback: String,
}

/// What stands in a request; none if it cannot be read.
pub fn wanted(booking: &Booking, body: &[u8]) -> Option<Wanted> {
    let request = booking.body.read(body).ok()?;
    let all = |name: &str| {
        let mut found = Vec::new();
        template::read(&booking.request, &request, name, &mut found);
        found
    };
    let mut references = all("parcel.reference");
    if references.is_empty() && booking.per == Per::Parcel {
        references = all("reference");
    }
    let first = |name: &str| all(name).into_iter().next();
    Some(Wanted { references, key: first("key"), callback: first("callback").unwrap_or_default() })
}

/// The body that says that of these parcels, to a look or to a booking; the way back of [`super::booked::read`].
pub fn answer(booking: &Booking, found: bool, said: &[(String, Said)]) -> String {
    let (answer, format) = booking.layout(found);
    let mut body = Value::Object(Map::new());
    let list = Report { id: None, events: answer.parcels.clone() };
    for (index, (reference, said)) in said.iter().enumerate() {
        let base = if list.events.is_some() { base_of(&list, index) } else { Base::default() };
        let mut put = |at: Option<&Pointer>, value: &str| {
            if let (Some(at), false) = (at, value.is_empty()) {
                set(&mut body, &whole(at, &base), Value::from(value));
            }
        };
        put(answer.reference.as_ref(), reference);
        match said {
            Said::Booked(waybill) => {
                put(answer.code.as_ref(), answer.good.first().map_or("", String::as_str));
                put(Some(&answer.waybill), &waybill.number);
                put(answer.routing.as_ref(), &waybill.routing);
                put(answer.label.as_ref(), &waybill.label);
                if let Some(price) = &waybill.price {
                    put(answer.price.as_ref(), &price.value.to_string());
                    put(answer.currency.as_ref(), &price.currency);
                }
            }
            Said::Refused(code, reason) => {
                put(answer.code.as_ref(), code);
                put(answer.error.as_ref(), reason);
            }
            Said::Again(code) => put(answer.code.as_ref(), code),
            Said::Nothing => {}
        }
    }
    format.write(&body)
}
