//! Transportation status: what happened to parcels (UBL TransportationStatus; couriers' callbacks).

use crate::model::parts::{Address, Unmapped};
use crate::model::record::{Date, Time};

crate::record! {
    /// What happened to parcels.
    TransportationStatus {
        /// The courier's number of the report, or ours: cbc:ID
        id: String,
        /// cbc:IssueDate
        issue_date: Date,
        /// cbc:IssueTime
        issue_time: Time,
        /// The courier, by its name in our courier files
        courier: String,
        /// What happened, parcel by parcel
        events: Vec<ParcelEvent>,
        /// What no field carries
        unmapped: Vec<Unmapped>,
    }

    /// One event of one parcel (cac:TransportEvent).
    ParcelEvent {
        /// Waybill number: cac:Consignment/cbc:ID
        tracking_id: String,
        /// One of our words: `registered`, `picked-up`, `in-transit`, `out-for-delivery`, `delivered`, `attempt-failed`, `wrong-delivery`, `returning`, `returned`, `lost`, `unknown`
        status: String,
        /// The courier's own code
        courier_code: String,
        /// When it happened: RFC 3339 with zone
        occurred_at: String,
        /// The courier's sequence number, where it has one
        sequence: Option<u32>,
        /// Where
        location: String,
        /// Where, as an address
        address: Option<Address>,
        /// Who took it
        received_by: String,
        /// Remarks of the courier
        notes: Vec<String>,
    }
}
