//! What a courier and a label need to know of a despatch: who sends it, who receives it and where, and what is in each parcel.
//! Gathered from the shipping notice; where it is silent, from the order, then from the profiles of the two organisations.

use rust_decimal::Decimal;

use super::Body;
use super::despatch_advice::{DespatchAdvice, Package};
use super::directory::{Directory, Organisation};
use super::order::Order;
use super::party::PartyProfile;
use crate::error::Result;
use crate::model::document_type::DocumentType;
use crate::model::parts::{Address, Amount, Contact, Party, Quantity};
use crate::store::orders;
use crate::store::parcels::{self, DespatchRow, ParcelRow};
use crate::store::{Tx, documents};

/// A despatch as its courier sees it.
#[derive(Clone, PartialEq, Debug)]
pub struct Consignment {
    /// The despatch.
    pub despatch_id: i64,
    /// Number of the shipping notice.
    pub number: String,
    /// The buyer's number of the order.
    pub order: String,
    /// Day of the shipping notice, else of the despatch: `YYYY-MM-DD`.
    pub date: String,
    /// Who sends it.
    pub sender: Side,
    /// Who receives it.
    pub receiver: Side,
    /// What the receiver pays the courier for the goods.
    pub cash_on_delivery: Option<Amount>,
    /// All of its parcels in their order.
    pub parcels: Vec<Piece>,
}

/// One end of the way.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Side {
    /// Its name.
    pub name: String,
    /// The person.
    pub contact: String,
    /// Telephone.
    pub phone: String,
    /// Mail address.
    pub mail: String,
    /// The whole address in one line, without postcode.
    pub address: String,
    /// City.
    pub city: String,
    /// Street, and what stands behind it.
    pub street: String,
    /// Postcode.
    pub postcode: String,
    /// ISO 3166 code.
    pub country: String,
}

/// A parcel.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Piece {
    /// Its id.
    pub id: i64,
    /// Which one of its despatch, from 1.
    pub position: i64,
    /// SSCC or number on it.
    pub sscc: String,
    /// Waybill number; empty until it is booked.
    pub tracking_id: String,
    /// The courier; 0 for none.
    pub courier_id: i64,
    /// What is in it, in short: the first item, and how many more.
    pub goods: Goods,
    /// Gross weight, kilograms.
    pub weight_kg: Option<Decimal>,
    /// Length, width and height, centimetres.
    pub size_cm: [Option<Decimal>; 3],
}

/// What is in a parcel, in short.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Goods {
    /// Name of the first item.
    pub first: String,
    /// How many items more.
    pub more: usize,
    /// How many pieces.
    pub quantity: Decimal,
    /// Their unit, if all have the same.
    pub unit: String,
}

impl Consignment {
    /// Of a despatch; none if it or its shipping notice is gone.
    pub fn load(tx: &mut Tx<'_>, directory: &Directory, despatch_id: i64) -> Result<Option<Consignment>> {
        let Some(despatch) = parcels::despatch(tx, despatch_id)? else { return Ok(None) };
        let Some(advice) = advice(tx, &despatch)? else { return Ok(None) };
        let order = orders::get(tx, despatch.order_id)?;
        let mut wish = Order::default();
        if let Some(row) = &order
            && let Some(document) = documents::get(tx, row.document_id)?
            && let Ok(Body::Order(order)) = Body::from_json(DocumentType::Order, &document.content)
        {
            wish = *order;
        }
        let producer = directory.organisation(despatch.producer_id);
        let buyer = order.as_ref().and_then(|order| directory.organisation(order.buyer_id));
        let shipment = advice.shipment.as_ref();
        let lines = match &order {
            Some(order) => orders::lines(tx, order.id)?,
            None => Vec::new(),
        };
        let packages = shipment.map_or(&[][..], |shipment| &shipment.packages);
        let mut pieces = Vec::new();
        for row in parcels::of_despatch(tx, despatch_id)? {
            let mut goods = Goods::default();
            for (index, (line_id, quantity, _)) in parcels::lines(tx, row.id)?.into_iter().enumerate() {
                let line = lines.iter().find(|line| line.id == line_id);
                goods.quantity += quantity.parse::<Decimal>().unwrap_or_default();
                let (name, unit) = line.map_or(("", ""), |line| (&line.name, &line.unit));
                if index == 0 {
                    (goods.first, goods.unit) = (name.to_owned(), unit.to_owned());
                } else {
                    goods.more += 1;
                    goods.unit = if goods.unit == unit { goods.unit } else { String::new() };
                }
            }
            let package = usize::try_from(row.position - 1).ok().and_then(|place| packages.get(place));
            pieces.push(piece(row, package, shipment.and_then(|shipment| shipment.gross_weight.as_ref()), goods));
        }
        // The weight of the shipment is that of its only parcel.
        if pieces.len() > 1 {
            for (piece, package) in pieces.iter_mut().zip(packages) {
                piece.weight_kg = package.gross_weight.as_ref().and_then(kilograms);
            }
        }
        let delivery = |wanted: &dyn Fn(&crate::model::parts::Delivery) -> Option<Address>| {
            wish.deliveries.iter().find_map(wanted)
        };
        let address = shipment
            .and_then(|shipment| shipment.delivery_address.clone())
            .or_else(|| advice.delivery_party.as_ref().and_then(address_of))
            .or_else(|| delivery(&|delivery| delivery.address.clone()))
            .or_else(|| delivery(&|delivery| delivery.party.as_ref().and_then(address_of)));
        let ordered = wish.deliveries.iter().find_map(|delivery| delivery.party.as_ref());
        let receivers: Vec<&Party> =
            [advice.delivery_party.as_ref(), ordered, wish.buyer.as_ref()].into_iter().flatten().collect();
        let origin = shipment.and_then(|shipment| shipment.origin_address.clone());
        let senders: Vec<&Party> = advice.despatch_party.iter().collect();
        let date = if advice.issue_date.0.is_empty() {
            super::effect::day_of(chrono_tz::Tz::UTC, despatch.despatched_ms)
        } else {
            advice.issue_date.0.clone()
        };
        Ok(Some(Consignment {
            despatch_id,
            number: despatch.number,
            order: order.map_or(String::new(), |order| order.number),
            date,
            sender: side(&senders, origin, producer),
            receiver: side(&receivers, address, buyer),
            cash_on_delivery: shipment.and_then(|shipment| shipment.cash_on_delivery.clone()),
            parcels: pieces,
        }))
    }
}

fn advice(tx: &mut Tx<'_>, despatch: &DespatchRow) -> Result<Option<DespatchAdvice>> {
    let Some(document) = documents::get(tx, despatch.document_id)? else { return Ok(None) };
    match Body::from_json(DocumentType::DespatchAdvice, &document.content)? {
        Body::DespatchAdvice(advice) => Ok(Some(advice.gathered(&mut |_| {}))),
        _ => Ok(None),
    }
}

fn piece(row: ParcelRow, package: Option<&Package>, whole: Option<&Quantity>, goods: Goods) -> Piece {
    let measure = |names: &[&str]| {
        let dimensions = package.map_or(&[][..], |package| &package.dimensions);
        let found = dimensions.iter().find(|dimension| {
            let name = dimension.attribute_id.as_ref().map_or("", |id| id.value.as_str());
            names.iter().any(|known| known.eq_ignore_ascii_case(name))
        });
        centimetres(found?.measure.as_ref()?)
    };
    Piece {
        id: row.id,
        position: row.position,
        sscc: row.sscc,
        tracking_id: row.tracking_id,
        courier_id: row.courier_id,
        goods,
        weight_kg: package.and_then(|package| package.gross_weight.as_ref()).or(whole).and_then(kilograms),
        // EDIFACT 6313.
        size_cm: [measure(&["LN", "length"]), measure(&["WD", "width"]), measure(&["HT", "height"])],
    }
}

/// UN/ECE Recommendation 20.
fn kilograms(quantity: &Quantity) -> Option<Decimal> {
    match quantity.unit.as_str() {
        "KGM" | "KG" | "kg" | "" => Some(quantity.value),
        "GRM" | "G" | "g" => quantity.value.checked_div(Decimal::ONE_THOUSAND),
        "TNE" => quantity.value.checked_mul(Decimal::ONE_THOUSAND),
        _ => None,
    }
    .map(|value| value.normalize())
}

fn centimetres(quantity: &Quantity) -> Option<Decimal> {
    match quantity.unit.as_str() {
        "CMT" | "cm" | "" => Some(quantity.value),
        "MMT" | "mm" => quantity.value.checked_div(Decimal::TEN),
        "MTR" | "m" => quantity.value.checked_mul(Decimal::ONE_HUNDRED),
        _ => None,
    }
    .map(|value| value.normalize())
}

fn address_of(party: &Party) -> Option<Address> {
    party.physical_address.clone().or_else(|| party.address.clone())
}

/// One end: what the first party that says so says, then what its profile says.
fn side(parties: &[&Party], address: Option<Address>, organisation: Option<&Organisation>) -> Side {
    let profile: PartyProfile =
        organisation.and_then(|found| serde_json::from_str(&found.profile).ok()).unwrap_or_default();
    let contacts: Vec<&Contact> = parties
        .iter()
        .flat_map(|party| [&party.delivery_contact, &party.despatch_contact, &party.contact])
        .flatten()
        .chain(&profile.contact)
        .collect();
    let first = |field: fn(&Contact) -> &String| {
        contacts.iter().map(|contact| field(contact)).find(|text| !text.is_empty()).cloned().unwrap_or_default()
    };
    let known = parties.iter().find_map(|party| party.names.first()).cloned();
    let name = known.or_else(|| organisation.map(|found| found.name.clone())).unwrap_or_default();
    let address = address.or_else(|| parties.iter().find_map(|party| address_of(party))).or(profile.address);
    let address = address.unwrap_or_default();
    let joined = |parts: &[&String]| {
        let parts: Vec<&str> = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect();
        parts.join(" ")
    };
    let lines = address.lines.join(" ");
    let street = joined(&[
        &address.street_name,
        &address.building_number,
        &address.building_name,
        &address.additional_street_name,
        &address.floor,
        &address.room,
        &lines,
    ]);
    Side {
        name,
        contact: first(|contact| &contact.name),
        phone: first(|contact| &contact.telephone),
        mail: first(|contact| &contact.electronic_mail),
        address: joined(&[&address.country_subentity, &address.city_name, &address.city_subdivision_name, &street]),
        city: address.city_name,
        street,
        postcode: address.postal_zone,
        country: address.country,
    }
}
