//! What is in which parcel of a despatch: told for the shipment as a whole, or line by line.

use std::collections::HashMap;

use rust_decimal::Decimal;

use super::{DespatchAdvice, DespatchLine, Package, PackageContent, Shipment};
use crate::model::parts::{Identifier, Quantity};

/// Some of an order line in one parcel.
pub(super) struct Packed {
    pub(super) order_line_id: i64,
    pub(super) quantity: Decimal,
    pub(super) serial_ids: Vec<String>,
}

impl DespatchAdvice {
    /// The same despatch with the parcels that its lines tell among those of the shipment, each with what it holds. `unsaid`
    /// is told where a parcel does not say so.
    pub(in crate::document) fn gathered(&self, unsaid: &mut dyn FnMut(String)) -> DespatchAdvice {
        let mut advice = self.clone();
        let mut parcels =
            advice.shipment.as_mut().map_or_else(Vec::new, |shipment| std::mem::take(&mut shipment.packages));
        for (index, line) in advice.lines.iter_mut().enumerate() {
            let told = std::mem::take(&mut line.packages);
            let alone = told.len() == 1;
            for (number, mut package) in told.into_iter().enumerate() {
                if package.contents.is_empty() {
                    if number == 1 {
                        let path = format!("lines[{}].packages[2].contents", index + 1);
                        unsaid(path);
                    }
                    package.contents.push(content(line, number, alone));
                }
                for content in package.contents.iter_mut().filter(|content| content.line_id.is_empty()) {
                    content.line_id.clone_from(&line.id);
                }
                put(&mut parcels, package);
            }
        }
        if !parcels.is_empty() {
            advice.shipment.get_or_insert_with(Shipment::default).packages = parcels;
        }
        advice
    }

    /// The parcels with what is in each. Without packages the whole despatch is one.
    pub(super) fn packed(&self, by_line: &HashMap<String, i64>) -> Vec<(String, String, Vec<Packed>)> {
        let shipment = self.shipment.as_ref();
        let packages = shipment.map_or(&[][..], |shipment| &shipment.packages);
        let value = |id: &Option<Identifier>| id.as_ref().map_or(String::new(), |id| id.value.clone());
        let whole = |line: &DespatchLine| Packed {
            order_line_id: by_line.get(&line.id).copied().unwrap_or(0),
            quantity: line.delivered_quantity.as_ref().map_or(Decimal::ZERO, |quantity| quantity.value),
            serial_ids: serials(line),
        };
        let one = |sscc: String, tracking: String| vec![(sscc, tracking, self.lines.iter().map(whole).collect())];
        match packages {
            [] => {
                let tracking = shipment.map_or(String::new(), |shipment| {
                    if shipment.tracking_id.is_empty() {
                        value(&shipment.consignment_id)
                    } else {
                        shipment.tracking_id.clone()
                    }
                });
                one(String::new(), tracking)
            }
            [only] if only.contents.is_empty() => one(value(&only.id), only.tracking_id.clone()),
            many => many
                .iter()
                .map(|package| {
                    let mut inside: Vec<Packed> = Vec::new();
                    for content in &package.contents {
                        let line = self.lines.iter().find(|line| line.id == content.line_id);
                        let (Some(line), Some(&order_line_id)) = (line, by_line.get(&content.line_id)) else {
                            continue;
                        };
                        let quantity = content.quantity.as_ref().or(line.delivered_quantity.as_ref());
                        let quantity = quantity.map_or(Decimal::ZERO, |quantity| quantity.value);
                        let serial_ids = if content.serial_ids.is_empty() && many.len() == 1 {
                            serials(line)
                        } else {
                            content.serial_ids.clone()
                        };
                        match inside.iter_mut().find(|packed| packed.order_line_id == order_line_id) {
                            Some(packed) => {
                                packed.quantity += quantity;
                                packed.serial_ids.extend(serial_ids);
                            }
                            None => inside.push(Packed { order_line_id, quantity, serial_ids }),
                        }
                    }
                    (value(&package.id), package.tracking_id.clone(), inside)
                })
                .collect(),
        }
    }
}

/// What a parcel of a line holds that does not say so: all of the line, if it is the first.
fn content(line: &DespatchLine, number: usize, alone: bool) -> PackageContent {
    let all = line.delivered_quantity.clone().unwrap_or_default();
    PackageContent {
        line_id: line.id.clone(),
        quantity: Some(if number == 0 { all } else { Quantity { value: Decimal::ZERO, ..all } }),
        serial_ids: if alone { serials(line) } else { Vec::new() },
        ..PackageContent::default()
    }
}

/// Puts a parcel among others; one that is there already holds more.
fn put(parcels: &mut Vec<Package>, package: Package) {
    let value = |id: &Option<Identifier>| id.as_ref().map_or("", |id| id.value.as_str()).to_owned();
    let same = |known: &&mut Package| match (value(&known.id).as_str(), value(&package.id).as_str()) {
        ("", "") => !package.tracking_id.is_empty() && known.tracking_id == package.tracking_id,
        (one, other) => one == other,
    };
    let Some(known) = parcels.iter_mut().find(same) else { return parcels.push(package) };
    for content in package.contents {
        if !known.contents.iter().any(|held| held.line_id == content.line_id) {
            known.contents.push(content);
        }
    }
    if known.tracking_id.is_empty() {
        known.tracking_id = package.tracking_id;
    }
}

fn serials(line: &DespatchLine) -> Vec<String> {
    let instances = line.item.as_ref().map_or(&[][..], |item| &item.instances);
    instances.iter().map(|instance| instance.serial_id.clone()).filter(|serial| !serial.is_empty()).collect()
}
