//! Catalogue: products with prices (UBL Catalogue).

use rust_decimal::Decimal;

use crate::model::parts::{DocumentReference, Item, Party, Period, Price, Quantity, Unmapped};
use crate::model::record::{Date, Time};

crate::record! {
    /// Products with prices. May be large: applied line by line.
    Catalogue {
        /// cbc:ID
        id: String,
        /// cbc:UUID
        uuid: String,
        /// cbc:CustomizationID
        customization_id: String,
        /// cbc:ProfileID
        profile_id: String,
        /// cbc:ActionCode: `Add`, `Update`, `Delete` for the catalogue as a whole; absent means that it replaces
        action_code: String,
        /// cbc:Name
        name: String,
        /// cbc:IssueDate
        issue_date: Date,
        /// cbc:IssueTime
        issue_time: Time,
        /// cbc:RevisionDate
        revision_date: Date,
        /// cbc:Note
        notes: Vec<String>,
        /// cbc:Description
        descriptions: Vec<String>,
        /// cbc:VersionID
        version_id: String,
        /// cac:ValidityPeriod
        validity_periods: Vec<Period>,
        /// cac:ReferencedContract and cac:DocumentReference by role
        references: Vec<DocumentReference>,
        /// cac:ProviderParty: who sends it
        provider: Option<Party>,
        /// cac:ReceiverParty
        receiver: Option<Party>,
        /// cac:SellerSupplierParty
        seller: Option<Party>,
        /// cac:ContractorCustomerParty
        contractor: Option<Party>,
        /// cac:CatalogueLine
        lines: Vec<CatalogueLine>,
        /// What no field carries
        unmapped: Vec<Unmapped>,
    }

    /// One product (cac:CatalogueLine).
    CatalogueLine {
        /// cbc:ID
        id: String,
        /// cbc:ActionCode: `Add`, `Update`, `Delete`
        action_code: String,
        /// cbc:LifeCycleStatusCode
        life_cycle_status_code: String,
        /// cbc:ContractSubdivision
        contract_subdivision: String,
        /// cbc:Note
        notes: Vec<String>,
        /// cbc:OrderableIndicator
        orderable: Option<bool>,
        /// cbc:OrderableUnit
        orderable_unit: String,
        /// cbc:ContentUnitQuantity
        content_unit_quantity: Option<Quantity>,
        /// cbc:OrderQuantityIncrementNumeric
        order_quantity_increment: Option<Decimal>,
        /// cbc:MinimumOrderQuantity
        minimum_order_quantity: Option<Quantity>,
        /// cbc:MaximumOrderQuantity
        maximum_order_quantity: Option<Quantity>,
        /// cbc:WarrantyInformation
        warranty_information: Vec<String>,
        /// cbc:PackLevelCode
        pack_level_code: String,
        /// cac:LineValidityPeriod
        validity_period: Option<Period>,
        /// cac:RequiredItemLocationQuantity/cbc:LeadTimeMeasure: longest time from order to despatch
        lead_time: Option<Quantity>,
        /// cac:RequiredItemLocationQuantity/cbc:MinimumQuantity
        minimum_quantity: Option<Quantity>,
        /// cac:RequiredItemLocationQuantity/cac:Price
        price: Option<Price>,
        /// cac:Item
        item: Option<Item>,
        /// cac:DocumentReference and manuals
        references: Vec<DocumentReference>,
        /// What no field carries
        unmapped: Vec<Unmapped>,
    }
}

use super::effect::{Cx, Made, Verdict};
use crate::error::{Error, Result};
use crate::model::document_type::DocumentType;
use crate::model::finding::{Code, Finding, Findings, Place};
use crate::store::items::{self, ItemRow};
use crate::store::{Tx, documents};

/// Whose catalogue it is and which document it is, known before its lines are read.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The centre.
    pub centre_id: i64,
    /// Whose products.
    pub producer_id: i64,
    /// The catalogue document.
    pub document_id: i64,
}

impl CatalogueLine {
    /// The row of the store for this line; findings at canonical paths below `lines[number]`.
    pub fn row(&self, number: u32, target: Target, id: i64, findings: &mut Findings) -> Result<Option<ItemRow>> {
        let mut error = |code, field: &str, found: String, expected: &str| {
            let place = Place::path(format!("lines[{number}].{field}"));
            findings.push(Finding::error(code, place).found(found).expected(expected));
        };
        let Some(item) = &self.item else {
            error(Code::Required, "item", String::new(), "item");
            return Ok(None);
        };
        let key = ["seller", "gtin", "manufacturer", "buyer"]
            .iter()
            .find_map(|wanted| item.ids().find(|(kind, value)| kind == wanted && !value.trim().is_empty()));
        let Some((_, key)) = key else {
            error(Code::Required, "item.sellers_item_id", String::new(), "item.sellers_item_id");
            return Ok(None);
        };
        let deleted = self.action_code.eq_ignore_ascii_case("delete");
        let amount = self.price.as_ref().and_then(|price| price.amount.as_ref());
        if let Some(amount) = amount
            && amount.value < Decimal::ZERO
        {
            error(Code::BadValue, "price.amount", amount.value.to_string(), ">= 0");
            return Ok(None);
        }
        let unit = if self.orderable_unit.is_empty() {
            self.price
                .as_ref()
                .and_then(|price| price.base_quantity.as_ref())
                .map_or("", |quantity| quantity.unit.as_str())
        } else {
            self.orderable_unit.as_str()
        };
        Ok(Some(ItemRow {
            id,
            centre_id: target.centre_id,
            producer_id: target.producer_id,
            document_id: target.document_id,
            item_key: key.trim().to_owned(),
            name: if item.name.is_empty() {
                item.descriptions.first().cloned().unwrap_or_default()
            } else {
                item.name.clone()
            },
            currency: amount.map_or(String::new(), |amount| amount.currency.clone()),
            price: amount.map_or(String::new(), |amount| amount.value.to_string()),
            unit: unit.to_owned(),
            lead_days: self.lead_time.as_ref().and_then(|time| time.value.trunc().to_string().parse().ok()),
            deleted,
            content: serde_json::to_string(self)
                .map_err(|error| Error::bug("writing a catalogue line").caused_by(error))?,
        }))
    }

    /// The identifiers it is found by.
    pub fn identifiers(&self) -> Vec<(&'static str, String)> {
        let ids = self.item.iter().flat_map(|item| item.ids());
        ids.map(|(kind, value)| (kind, value.trim().to_owned())).filter(|(_, value)| !value.is_empty()).collect()
    }
}

/// Writes a row out of view; false if the catalogue has the item twice.
pub fn stage(tx: &mut Tx<'_>, row: &ItemRow, identifiers: &[(&str, String)]) -> Result<bool> {
    items::insert(tx, row, identifiers)
}

impl Catalogue {
    /// Puts the catalogue in force. The lines of a large one are in the store already, out of view; those of a small
    /// one are written here.
    pub fn apply(&self, cx: &mut Cx<'_, '_>) -> Result<Verdict> {
        let producer_id = cx.header.issuer_id;
        let target = Target { centre_id: cx.header.centre_id, producer_id, document_id: cx.header.document_id };
        let mut rows = Vec::with_capacity(self.lines.len());
        for (line, number) in self.lines.iter().zip(1..) {
            let id = cx.id(Made::Item);
            if let Some(row) = line.row(number, target, id, cx.findings)? {
                rows.push((row, line.identifiers(), number));
            }
        }
        if cx.findings.has_errors() {
            return Ok(Verdict::Reject);
        }
        for (row, identifiers, number) in &rows {
            if !stage(cx.tx, row, identifiers)? {
                cx.error(Code::DuplicateLine, format!("lines[{number}].item"), &row.item_key, "");
            }
        }
        if items::count_of(cx.tx, cx.header.document_id)? == 0 && self.action_code.is_empty() {
            cx.error(Code::Missing, "lines", "", "lines");
        }
        if cx.findings.has_errors() {
            return Ok(Verdict::Reject);
        }
        let replaces = !matches!(self.action_code.to_ascii_lowercase().as_str(), "add" | "update" | "delete");
        items::go_live(cx.tx, producer_id, cx.header.document_id, replaces)?;
        if let Some(receiver) = self.receiver.as_ref().and_then(|party| cx.directory.find(party)).map(|party| party.id)
        {
            documents::add_party(cx.tx, cx.header.document_id, receiver, "receiver")?;
        }
        cx.wake("catalogue", producer_id.to_string());
        debug_assert_eq!(cx.header.document_type, DocumentType::Catalogue);
        Ok(Verdict::Apply)
    }
}
