//! How parcels are booked with a courier: the part `[booking]` of its profile, and the requests it makes of a consignment.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::body::BodyFormat;
use super::pointer::Pointer;
use super::template::{self, Say};
use crate::document::consignment::{Consignment, Piece, Side};
use crate::format::template::{fill, percent};
use crate::model::id::ParcelId;
use crate::model::secret::Secret;
use crate::pipeline::outbound::Question;

/// Names of the whole consignment in a request.
pub(super) const NAMES: &[&str] = &[
    "reference",
    "key",
    "callback",
    "despatch",
    "order",
    "date",
    "goods",
    "count",
    "cod.amount",
    "cod.currency",
    "sender.name",
    "sender.contact",
    "sender.phone",
    "sender.mail",
    "sender.address",
    "sender.city",
    "sender.street",
    "sender.postcode",
    "sender.country",
    "receiver.name",
    "receiver.contact",
    "receiver.phone",
    "receiver.mail",
    "receiver.address",
    "receiver.city",
    "receiver.street",
    "receiver.postcode",
    "receiver.country",
];
/// Names of a parcel.
pub(super) const PARCEL_NAMES: &[&str] = &[
    "parcel.reference",
    "parcel.number",
    "parcel.sscc",
    "parcel.goods",
    "parcel.quantity",
    "parcel.weight_kg",
    "parcel.weight_g",
    "parcel.length_cm",
    "parcel.width_cm",
    "parcel.height_cm",
];

/// How parcels are booked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Booking {
    /// The URL, with names.
    pub address: String,
    /// `POST` (usual) or `PUT`.
    #[serde(default)]
    pub method: Method,
    /// The `Authorization` header, with `{secret}` or, in base64, `{secret64}`: the hub's secret `courier:NAME:booking`.
    #[serde(default)]
    pub authorization: String,
    /// The header that carries `{key}`, by which the courier knows a request again.
    #[serde(default)]
    pub key_header: String,
    /// Whether the courier takes the same reference once only, so that a request may be made again without a look.
    #[serde(default)]
    pub repeatable: bool,
    /// Whether a request is for one parcel or for all of a despatch.
    #[serde(default)]
    pub per: Per,
    /// What it is written in.
    #[serde(default)]
    pub body: BodyFormat,
    /// The request.
    #[serde(deserialize_with = "request")]
    pub request: Value,
    /// HTTP statuses with which a parcel is refused; others that are no success are tried again.
    #[serde(default = "refusing")]
    pub refused: Vec<u16>,
    /// Where things stand in the answer.
    pub answer: Answer,
    /// How a booking is looked up by our reference.
    pub find: Option<Find>,
}

/// How a request is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub enum Method {
    /// POST.
    #[default]
    #[serde(rename = "POST")]
    Post,
    /// PUT.
    #[serde(rename = "PUT")]
    Put,
}

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// One parcel.
    #[default]
    Parcel,
    /// All parcels of a despatch.
    Shipment,
}

/// Where things stand in an answer, from the parcel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// What it is written in, if not as the request; that of a form is JSON.
    pub body: Option<BodyFormat>,
    /// The list of parcels; a step `*` is each member of a list. Without it the answer is about one parcel.
    pub parcels: Option<Pointer>,
    /// Our reference of the parcel; needed in a list.
    pub reference: Option<Pointer>,
    /// The waybill number.
    pub waybill: Pointer,
    /// What sorting reads.
    pub routing: Option<Pointer>,
    /// Address of the courier's own label.
    pub label: Option<Pointer>,
    /// What it charges.
    pub price: Option<Pointer>,
    /// The currency of that.
    pub currency: Option<Pointer>,
    /// A code that says what became of the request.
    pub code: Option<Pointer>,
    /// Codes with which the parcel is booked; empty: an answer with a waybill number is good.
    #[serde(default)]
    pub good: Vec<String>,
    /// Codes with which it is to be tried again.
    #[serde(default)]
    pub again: Vec<String>,
    /// Why a parcel is refused.
    pub error: Option<Pointer>,
}

/// How a booking is looked up.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Find {
    /// The URL, with `{reference}` or `{key}`.
    pub address: String,
    /// What is posted, with names; without it the request is a GET.
    #[serde(default, deserialize_with = "maybe_request")]
    pub request: Option<Value>,
    /// Where things stand in the answer, if not as when it is booked.
    pub answer: Option<Answer>,
}

fn refusing() -> Vec<u16> {
    vec![400, 404, 409, 410, 413, 415, 422]
}

fn request<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let text = String::deserialize(deserializer)?;
    serde_json::from_str(&text).map_err(|error| serde::de::Error::custom(format!("the request is no JSON: {error}")))
}

fn maybe_request<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    request(deserializer).map(Some)
}

impl Booking {
    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), String> {
        for address in std::iter::once(&self.address).chain(self.find.iter().map(|find| &find.address)) {
            if !address.starts_with("https://") && !address.starts_with("http://") {
                return Err(format!("address {address:?} begins with neither https:// nor http://"));
            }
            for name in template::in_braces(address) {
                known(name, self.per == Per::Parcel)?;
            }
        }
        let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
        if !self.key_header.bytes().all(plain) {
            return Err(format!("key_header = {:?} is no name of a header", self.key_header));
        }
        let names = template::names(&self.request).map_err(|wrong| format!("request: {wrong}"))?;
        for (name, inside) in &names {
            known(name, *inside || self.per == Per::Parcel)?;
        }
        let named = |wanted: &str| names.iter().any(|(name, _)| name == wanted);
        if self.per == Per::Shipment {
            let list = self.answer.parcels.is_some() && self.answer.reference.is_some();
            if !list || !named("parcel.reference") {
                return Err("per = \"shipment\" needs {parcel.reference} in the request, and answer.parcels and \
                     answer.reference to tell them apart"
                    .to_owned());
            }
        }
        let named = ["reference", "key", "parcel.reference"].into_iter().any(named);
        if !named && self.key_header.is_empty() {
            return Err(
                "neither the request nor key_header carries {reference}: a parcel could be booked twice".to_owned()
            );
        }
        if self.body == BodyFormat::Form && !self.request.as_object().is_some_and(|fields| fields.values().all(flat)) {
            return Err("a form is an object of texts".to_owned());
        }
        if let Some(find) = &self.find {
            let asked = find.request.as_ref().map(template::names).transpose()?.unwrap_or_default();
            let in_address = template::in_braces(&find.address).map(str::to_owned);
            let all: Vec<String> = in_address.chain(asked.into_iter().map(|(name, _)| name)).collect();
            all.iter().try_for_each(|name| known(name, self.per == Per::Parcel))?;
            if !all.iter().any(|name| ["reference", "key", "parcel.reference"].contains(&name.as_str())) {
                return Err("[booking.find] names no {reference}".to_owned());
            }
        }
        Ok(())
    }

    /// Whether a request whose fate is not known may be made again without a look.
    pub fn may_repeat(&self) -> bool {
        self.repeatable || !self.key_header.is_empty()
    }

    /// Whether the secret is needed.
    pub fn needs_secret(&self) -> bool {
        self.authorization.contains("{secret}") || self.authorization.contains("{secret64}")
    }

    /// Where things stand in an answer: to a look, or to a booking.
    pub fn layout(&self, found: bool) -> (&Answer, BodyFormat) {
        let own = self.find.as_ref().filter(|_| found).and_then(|find| find.answer.as_ref());
        let answer = own.unwrap_or(&self.answer);
        let usual = if self.body == BodyFormat::Form { BodyFormat::Json } else { self.body };
        (answer, answer.body.unwrap_or(usual))
    }

    /// The request that books.
    pub fn create(&self, about: &About<'_>) -> Question {
        let said = about.fill(&self.request);
        let method = match self.method {
            Method::Post => "POST",
            Method::Put => "PUT",
        };
        let headers = if self.key_header.is_empty() {
            Vec::new()
        } else {
            vec![(self.key_header.to_ascii_lowercase(), about.key.clone())]
        };
        Question {
            address: about.address(&self.address),
            method,
            headers,
            authorization: self.authorization(about.secret),
            content_type: self.body.media_type().to_owned(),
            body: Some(Bytes::from(self.body.write(&said))),
        }
    }

    /// The request that looks whether it is booked.
    pub fn look(&self, find: &Find, about: &About<'_>) -> Question {
        let body = find.request.as_ref().map(|request| Bytes::from(self.body.write(&about.fill(request))));
        Question {
            address: about.address(&find.address),
            authorization: self.authorization(about.secret),
            content_type: self.body.media_type().to_owned(),
            body,
            ..Question::default()
        }
    }

    fn authorization(&self, secret: Option<&Secret>) -> Option<Secret> {
        let secret = secret.map_or("", Secret::expose);
        let said = fill(&self.authorization, |name| match name {
            "secret" => Some(secret.to_owned()),
            "secret64" => Some(STANDARD.encode(secret)),
            _ => None,
        });
        (!said.is_empty()).then(|| Secret::new(said))
    }
}

fn flat(value: &Value) -> bool {
    match value {
        Value::String(_) => true,
        Value::Array(items) => items.iter().all(Value::is_string),
        _ => false,
    }
}

fn known(name: &str, parcel: bool) -> Result<(), String> {
    if NAMES.contains(&name) || (parcel && PARCEL_NAMES.contains(&name)) {
        return Ok(());
    }
    if PARCEL_NAMES.contains(&name) {
        return Err(format!("{{{name}}} stands outside of the list of parcels"));
    }
    Err(format!("{{{name}}} is not known; there are {}, {}", NAMES.join(", "), PARCEL_NAMES.join(", ")))
}

/// What a request is about.
#[derive(Debug)]
pub struct About<'a> {
    /// Our name for it.
    pub reference: String,
    /// What makes it the same request when it is made again.
    pub key: String,
    /// Where the courier reports to.
    pub callback: String,
    /// The consignment.
    pub consignment: &'a Consignment,
    /// The parcels that are to be booked.
    pub parcels: Vec<&'a Piece>,
    /// The hub's secret for it.
    pub secret: Option<&'a Secret>,
}

impl About<'_> {
    fn fill(&self, request: &Value) -> Value {
        let whole = |name: &str| self.say(name);
        let each = self.parcels.iter().map(|piece| -> Box<Say<'_>> { Box::new(|name: &str| of_parcel(piece, name)) });
        template::write(request, &whole, &each.collect::<Vec<_>>())
    }

    fn address(&self, template: &str) -> String {
        fill(template, |name| {
            let said = match (name.starts_with("parcel."), self.parcels.first()) {
                (true, Some(piece)) => of_parcel(piece, name),
                _ => self.say(name),
            };
            Some(percent(&said))
        })
    }

    fn say(&self, name: &str) -> String {
        let consignment = self.consignment;
        match name {
            "reference" => self.reference.clone(),
            "key" => self.key.clone(),
            "callback" => self.callback.clone(),
            "despatch" => consignment.number.clone(),
            "order" => consignment.order.clone(),
            "date" => consignment.date.clone(),
            "goods" => self.parcels.first().map_or(String::new(), |piece| goods(piece)),
            "count" => self.parcels.len().to_string(),
            "cod.amount" => self.cash(|amount| amount.value.normalize().to_string()),
            "cod.currency" => self.cash(|amount| amount.currency.clone()),
            _ => match name.split_once('.') {
                Some(("sender", field)) => of_side(&consignment.sender, field),
                Some(("receiver", field)) => of_side(&consignment.receiver, field),
                _ => String::new(),
            },
        }
    }

    fn cash(&self, field: impl Fn(&crate::model::parts::Amount) -> String) -> String {
        // It is collected once, with the first parcel.
        let with = self.parcels.iter().any(|piece| piece.position == 1);
        self.consignment.cash_on_delivery.as_ref().filter(|_| with).map_or(String::new(), field)
    }
}

fn of_side(side: &Side, field: &str) -> String {
    match field {
        "name" => &side.name,
        "contact" if side.contact.is_empty() => &side.name,
        "contact" => &side.contact,
        "phone" => &side.phone,
        "mail" => &side.mail,
        "address" => &side.address,
        "city" => &side.city,
        "street" => &side.street,
        "postcode" => &side.postcode,
        "country" => &side.country,
        _ => return String::new(),
    }
    .clone()
}

fn goods(piece: &Piece) -> String {
    match piece.goods.more {
        0 => piece.goods.first.clone(),
        more => format!("{} +{more}", piece.goods.first),
    }
}

fn of_parcel(piece: &Piece, name: &str) -> String {
    let number = |value: Option<Decimal>| value.map_or(String::new(), |value| value.normalize().to_string());
    let [length, width, height] = piece.size_cm;
    match name {
        "parcel.reference" => ParcelId(piece.id).to_string(),
        "parcel.number" => piece.position.to_string(),
        "parcel.sscc" => piece.sscc.clone(),
        "parcel.goods" => goods(piece),
        "parcel.quantity" => number(Some(piece.goods.quantity)),
        "parcel.weight_kg" => number(piece.weight_kg),
        "parcel.weight_g" => number(piece.weight_kg.and_then(|kg| kg.checked_mul(Decimal::ONE_THOUSAND))),
        "parcel.length_cm" => number(length),
        "parcel.width_cm" => number(width),
        "parcel.height_cm" => number(height),
        _ => String::new(),
    }
}
