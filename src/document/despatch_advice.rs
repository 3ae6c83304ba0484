//! Despatch advice, the shipping notice (UBL DespatchAdvice, EDIFACT DESADV).

use crate::model::parts::{
    Address, Dimension, DocumentReference, Identifier, Item, LineReference, Party, Period, Quantity, RoleDate,
    RoleQuantity, RoleText, Unmapped,
};
use crate::model::record::{Date, Time};

crate::record! {
    /// What was sent, in which parcels.
    DespatchAdvice {
        /// cbc:ID
        id: String,
        /// cbc:UUID
        uuid: String,
        /// cbc:CustomizationID
        customization_id: String,
        /// cbc:ProfileID
        profile_id: String,
        /// cbc:DocumentStatusCode
        document_status_code: String,
        /// cbc:DespatchAdviceTypeCode
        despatch_advice_type_code: String,
        /// cbc:IssueDate
        issue_date: Date,
        /// cbc:IssueTime
        issue_time: Time,
        /// cbc:Note
        notes: Vec<String>,
        /// cac:OrderReference; EDIFACT RFF+ON
        order_references: Vec<DocumentReference>,
        /// cac:AdditionalDocumentReference and other references by role
        references: Vec<DocumentReference>,
        /// cac:DespatchSupplierParty: who ships
        despatch_party: Option<Party>,
        /// cac:DeliveryCustomerParty: who receives
        delivery_party: Option<Party>,
        /// cac:BuyerCustomerParty
        buyer: Option<Party>,
        /// cac:SellerSupplierParty
        seller: Option<Party>,
        /// cac:OriginatorCustomerParty
        originator: Option<Party>,
        /// Other parties by role: EDIFACT NAD
        parties: Vec<Party>,
        /// Other dates by role: EDIFACT DTM
        dates: Vec<RoleDate>,
        /// cac:Shipment
        shipment: Option<Shipment>,
        /// cac:DespatchLine
        lines: Vec<DespatchLine>,
        /// What no field carries
        unmapped: Vec<Unmapped>,
    }

    /// How it travels (cac:Shipment).
    Shipment {
        /// cbc:ID
        id: Option<Identifier>,
        /// cbc:HandlingCode
        handling_code: String,
        /// cbc:Information
        information: Vec<String>,
        /// cbc:GrossWeightMeasure
        gross_weight: Option<Quantity>,
        /// cbc:NetWeightMeasure
        net_weight: Option<Quantity>,
        /// cbc:GrossVolumeMeasure
        gross_volume: Option<Quantity>,
        /// cbc:TotalGoodsItemQuantity
        total_goods_item_quantity: Option<Quantity>,
        /// cbc:TotalTransportHandlingUnitQuantity: number of parcels
        total_packages: Option<Quantity>,
        /// cac:Consignment/cbc:ID: the carrier's consignment number
        consignment_id: Option<Identifier>,
        /// cac:Consignment/cac:CarrierParty
        carrier: Option<Party>,
        /// cac:Delivery/cbc:TrackingID: waybill number of a shipment that is one parcel
        tracking_id: String,
        /// cac:Delivery/cac:DeliveryAddress
        delivery_address: Option<Address>,
        /// cac:OriginAddress
        origin_address: Option<Address>,
        /// cac:Delivery/cac:EstimatedDeliveryPeriod
        estimated_delivery_period: Option<Period>,
        /// cac:Delivery/cac:RequestedDeliveryPeriod
        requested_delivery_period: Option<Period>,
        /// cac:Delivery/cbc:ActualDeliveryDate
        actual_delivery_date: Date,
        /// cac:Delivery/cac:Despatch/cbc:ActualDespatchDate
        actual_despatch_date: Date,
        /// cac:Delivery/cac:Despatch/cbc:ActualDespatchTime
        actual_despatch_time: Time,
        /// cac:TransportHandlingUnit: the parcels; EDIFACT CPS and PAC groups
        packages: Vec<Package>,
    }

    /// A parcel (cac:TransportHandlingUnit).
    Package {
        /// The SSCC or number on the parcel: cbc:ID; EDIFACT GIN+BJ
        id: Option<Identifier>,
        /// The courier's waybill number: cbc:TraceID; EDIFACT RFF+CN or PCI group
        tracking_id: String,
        /// cbc:TransportHandlingUnitTypeCode
        type_code: String,
        /// cbc:ShippingMarks; EDIFACT PCI
        shipping_marks: Vec<String>,
        /// cac:MeasurementDimension whose cbc:AttributeID is AAB, the gross weight
        gross_weight: Option<Quantity>,
        /// Other measures: cac:MeasurementDimension
        dimensions: Vec<Dimension>,
        /// What is in it: cac:HandlingUnitDespatchLine
        contents: Vec<PackageContent>,
    }

    /// Some of a despatch line in a parcel (cac:HandlingUnitDespatchLine).
    PackageContent {
        /// cbc:ID: the despatch line
        line_id: String,
        /// cbc:DeliveredQuantity
        quantity: Option<Quantity>,
        /// cac:Item/cac:ItemInstance/cbc:SerialID
        serial_ids: Vec<String>,
    }

    /// A line of a despatch advice (cac:DespatchLine).
    DespatchLine {
        /// cbc:ID
        id: String,
        /// cbc:Note
        notes: Vec<String>,
        /// cbc:LineStatusCode
        line_status_code: String,
        /// cbc:DeliveredQuantity
        delivered_quantity: Option<Quantity>,
        /// cbc:BackorderQuantity
        backorder_quantity: Option<Quantity>,
        /// cbc:BackorderReason
        backorder_reasons: Vec<String>,
        /// cbc:OutstandingQuantity
        outstanding_quantity: Option<Quantity>,
        /// cbc:OutstandingReason
        outstanding_reasons: Vec<String>,
        /// cac:OrderLineReference
        order_line_references: Vec<LineReference>,
        /// cac:DocumentReference
        references: Vec<DocumentReference>,
        /// The parcels of the line, where the sender tells them line by line: cac:Shipment/cac:TransportHandlingUnit
        packages: Vec<Package>,
        /// Other quantities by role: EDIFACT QTY
        quantities: Vec<RoleQuantity>,
        /// Other dates by role: EDIFACT DTM
        dates: Vec<RoleDate>,
        /// Other texts by role: EDIFACT FTX
        texts: Vec<RoleText>,
        /// cac:Item; serial numbers and lots are its instances; EDIFACT GIN
        item: Option<Item>,
        /// What no field carries
        unmapped: Vec<Unmapped>,
    }
}
