//! Despatch advice, the shipping notice (UBL DespatchAdvice, EDIFACT DESADV).

use crate::model::parts::{
    Address, Amount, Dimension, DocumentReference, Identifier, Item, LineReference, Party, Period, Quantity, RoleDate,
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
        /// What the courier collects from the receiver for the goods; no standard has a place for it
        cash_on_delivery: Option<Amount>,
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
        /// How many alike it stands for, where it is not one: cbc:TotalPackageQuantity; EDIFACT PAC 7224
        quantity: Option<Quantity>,
        /// Its number in the packing: EDIFACT CPS 7164
        number: String,
        /// The number of the parcel it is in: EDIFACT CPS 7166
        within: String,
        /// What is in it: cac:HandlingUnitDespatchLine
        contents: Vec<PackageContent>,
    }

    /// Some of a despatch line in a parcel (cac:HandlingUnitDespatchLine).
    PackageContent {
        /// cbc:ID: the despatch line
        line_id: String,
        /// cbc:DeliveredQuantity
        quantity: Option<Quantity>,
        /// cac:OrderLineReference/cbc:LineID: the line of the order
        order_line_id: String,
        /// cac:Item/cbc:Name
        item_name: String,
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
        /// cac:Shipment/cbc:ID
        shipment_id: Option<Identifier>,
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

mod parcels_of;

use std::collections::HashMap;

use rust_decimal::Decimal;

use super::effect::{Cx, Made, Verdict};
use crate::error::Result;
use crate::model::document_type::DocumentType;
use crate::model::finding::Code;
use crate::store::orders::{self, LineRow, OrderRow, PartRow};
use crate::store::parcels::{self, NewDespatch, ParcelRow};
use crate::store::trades;

impl DespatchAdvice {
    /// Takes the producer's shipping notice: what was sent of each line, in which parcels, with which waybills; the buyer
    /// is told in the numbers of its own order.
    pub fn apply(&self, cx: &mut Cx<'_, '_>) -> Result<Verdict> {
        let producer_id = cx.header.issuer_id;
        let Some(number) = self.order_number() else {
            cx.error(Code::Required, "order_references[1].id", "", "order_references[1].id");
            return Ok(Verdict::Reject);
        };
        let Some(part) = orders::part_by_number(cx.tx, producer_id, &number)? else {
            return Ok(Verdict::Wait(vec![("order-part".to_owned(), format!("{producer_id}/{number}"))]));
        };
        let Some(order) = orders::get(cx.tx, part.order_id)? else {
            cx.error(Code::UnknownOrder, "order_references[1].id", &number, "");
            return Ok(Verdict::Reject);
        };
        let mut lines = orders::lines(cx.tx, order.id)?;
        let by_line = self.despatch(&part, &mut lines, cx);
        if cx.findings.has_errors() {
            return Ok(Verdict::Reject);
        }
        for line in &lines {
            orders::update_line(cx.tx, line)?;
        }
        cx.trade_id = Some(order.trade_id);
        let gathered = self.gathered(&mut |path| cx.warning(Code::Required, path, "", "contents"));
        gathered.write_parcels(&part, &order, &by_line, cx)?;
        trades::set_state(cx.tx, order.trade_id, "despatched", cx.now_ms)?;
        let view = gathered.for_buyer(&order, cx);
        cx.deliver(order.buyer_id, DocumentType::DespatchAdvice, &view.id, &view)?;
        Ok(Verdict::Apply)
    }

    /// The order named in the head, else the one its first line names.
    fn order_number(&self) -> Option<String> {
        let id = |reference: &DocumentReference| {
            reference.id.as_ref().map(|id| id.value.clone()).filter(|id| !id.is_empty())
        };
        self.order_references.iter().find_map(id).or_else(|| {
            let references = self.lines.iter().flat_map(|line| &line.order_line_references);
            references.filter_map(|reference| reference.document.as_ref()).find_map(id)
        })
    }

    /// Raises what was despatched; gives the order line of each despatch line.
    fn despatch(&self, part: &PartRow, lines: &mut [LineRow], cx: &mut Cx<'_, '_>) -> HashMap<String, i64> {
        let mut by_line = HashMap::new();
        if self.lines.is_empty() {
            cx.error(Code::Missing, "lines", "", "lines");
        }
        for (index, said) in self.lines.iter().enumerate() {
            let path = format!("lines[{}]", index + 1);
            let wanted = said.order_line_references.first().map_or(&said.id, |reference| &reference.line_id);
            let wanted = if wanted.is_empty() { &said.id } else { wanted };
            let Some(line) = lines.iter_mut().find(|line| line.part_id == part.id && line.line == *wanted) else {
                cx.error(Code::UnknownLine, format!("{path}.order_line_references[1].line_id"), wanted, "");
                continue;
            };
            let Some(sent) = said.delivered_quantity.as_ref().map(|quantity| quantity.value) else {
                cx.error(Code::Required, format!("{path}.delivered_quantity"), "", "delivered_quantity");
                continue;
            };
            let number = |text: &str| text.parse::<Decimal>().unwrap_or_default();
            let promised = if line.state == "ordered" { number(&line.quantity) } else { number(&line.confirmed) };
            let open = promised - number(&line.despatched);
            if sent > open || sent < Decimal::ZERO {
                let found = format!("{sent} {}", line.unit);
                cx.error(
                    Code::QuantityExceeds,
                    format!("{path}.delivered_quantity"),
                    found,
                    format!("{open} {}", line.unit),
                );
                continue;
            }
            line.despatched = (number(&line.despatched) + sent).to_string();
            by_line.insert(said.id.clone(), line.id);
        }
        by_line
    }

    fn write_parcels(
        &self,
        part: &PartRow,
        order: &OrderRow,
        by_line: &HashMap<String, i64>,
        cx: &mut Cx<'_, '_>,
    ) -> Result<()> {
        let number = cx.header.number.clone();
        let despatch_id = cx.id(Made::Despatch);
        parcels::insert_despatch(
            cx.tx,
            &NewDespatch {
                id: despatch_id,
                centre_id: order.centre_id,
                trade_id: order.trade_id,
                order_id: order.id,
                part_id: part.id,
                document_id: cx.header.document_id,
                number: &number,
                producer_id: part.producer_id,
                despatched_ms: cx.now_ms,
            },
        )?;
        let knowing = [part.producer_id, order.buyer_id];
        cx.key("despatch", &number, &knowing)?;
        let carrier = self.shipment.as_ref().and_then(|shipment| shipment.carrier.as_ref());
        let courier_id = carrier.and_then(|party| cx.directory.find(party)).map_or(0, |courier| courier.id);
        let packed = self.packed(by_line);
        let parcels = packed.len();
        for (index, (sscc, tracking_id, inside)) in packed.into_iter().enumerate() {
            let parcel_id = cx.id(Made::Parcel);
            parcels::insert(
                cx.tx,
                &ParcelRow {
                    id: parcel_id,
                    centre_id: order.centre_id,
                    trade_id: order.trade_id,
                    despatch_id,
                    position: index as i64 + 1,
                    sscc: sscc.clone(),
                    tracking_id: tracking_id.clone(),
                    courier_id,
                    state: "registered".to_owned(),
                    changed_ms: cx.now_ms,
                },
            )?;
            for packed in inside.iter().filter(|packed| packed.order_line_id != 0) {
                let serials = packed.serial_ids.join("\n");
                parcels::insert_line(cx.tx, parcel_id, packed.order_line_id, &packed.quantity.to_string(), &serials)?;
            }
            let mut known = knowing.to_vec();
            if courier_id != 0 {
                known.push(courier_id);
            }
            cx.key("waybill", &tracking_id, &known)?;
            cx.key("sscc", &sscc, &known)?;
            if !tracking_id.is_empty() {
                cx.wake("waybill", tracking_id);
            }
        }
        if courier_id != 0 {
            trades::add_party(cx.tx, order.trade_id, courier_id, "courier")?;
        }
        cx.milestone("despatched", part.producer_id, cx.now_ms, parcels.to_string())
    }

    /// What the buyer is told: the same despatch under the number of its own order.
    fn for_buyer(&self, order: &OrderRow, cx: &Cx<'_, '_>) -> DespatchAdvice {
        let mut view = self.clone();
        let reference = || DocumentReference {
            id: Some(Identifier { value: order.number.clone(), ..Identifier::default() }),
            role: "order".to_owned(),
            issue_date: Date(order.issue_date.clone()),
            ..DocumentReference::default()
        };
        view.order_references = vec![reference()];
        for line in &mut view.lines {
            for order_line in &mut line.order_line_references {
                if order_line.document.is_some() {
                    order_line.document = Some(reference());
                }
            }
        }
        let party = |id: i64| cx.directory.organisation(id).map(super::directory::Organisation::as_party);
        view.buyer = party(order.buyer_id);
        view.seller = party(order.seller_id);
        // Who ships is another leg's party (rules.md 6); to the buyer it is the seller's despatch.
        view.despatch_party = party(order.seller_id);
        view.unmapped = Vec::new();
        view
    }
}
