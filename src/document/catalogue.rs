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
