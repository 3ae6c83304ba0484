//! Party profile: a company and who it is. Our own document; UBL has no message for it.

use crate::model::parts::{Address, Contact};
use crate::model::party_id::PartyId;

crate::record! {
    /// A company as the hub knows it.
    PartyProfile {
        /// Short name for the command line and in addresses, `buyer-a`
        id: String,
        /// Name people read
        name: String,
        /// `buyer`, `producer`, `seller`, `centre`, `courier`; several are possible
        roles: Vec<String>,
        /// Every identifier by which documents name it
        identifiers: Vec<PartyId>,
        /// `ko` or `en`
        language: String,
        /// Address
        address: Option<Address>,
        /// Contact; notices go to its mail address
        contact: Option<Contact>,
        /// `active` or `ended`
        status: String,
    }
}
