//! The directory: organisations, who they are, what is agreed with them, their credentials. Read as a whole from the
//! store, kept as a snapshot, read again when its version was raised.

use std::collections::HashMap;

use rustc_hash::FxHashMap;

use super::agreement::Agreement;
use crate::error::{Context, Result};
use crate::model::document_type::DocumentType;
use crate::model::finding::Language;
use crate::model::mail::{self, Proof};
use crate::model::message::MessageType;
use crate::model::parts::Party;
use crate::model::party_id::PartyId;
use crate::store::{Tx, parties};

/// Which way a document goes, seen from the hub.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// The partner sends it.
    In,
    /// We send it.
    Out,
}

/// An organisation.
#[derive(Clone, Debug)]
pub struct Organisation {
    /// Its id.
    pub id: i64,
    /// The centre it belongs to.
    pub centre_id: i64,
    /// Short name.
    pub short: String,
    /// Name people read.
    pub name: String,
    /// Its roles.
    pub roles: Vec<String>,
    /// The language it is answered in.
    pub language: Language,
    /// Where notices go.
    pub mail: String,
    /// Addresses its mails come from, lower case; `@host` for a whole host.
    pub addresses: Vec<String>,
    /// Whether it takes part.
    pub active: bool,
    /// Its identifiers, the most telling first.
    pub identifiers: Vec<PartyId>,
    /// Its profile, canonical JSON.
    pub profile: String,
}

/// One version of an agreement.
#[derive(Clone, Debug)]
pub struct Agreed {
    /// Its id.
    pub id: i64,
    /// The partner.
    pub organisation_id: i64,
    /// Its version.
    pub version: i64,
    /// Which way.
    pub direction: Direction,
    /// What.
    pub document_type: DocumentType,
    /// Whether it was neither ended nor superseded.
    pub active: bool,
    /// Its terms.
    pub terms: Agreement,
}

/// A credential that holds.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Its id.
    pub id: i64,
    /// Whose.
    pub organisation_id: i64,
    /// `key` or `certificate`.
    pub kind: String,
    /// Name of the sealed secret of signed requests.
    pub secret_name: String,
}

/// The snapshot.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// The version it was read at.
    pub version: i64,
    organisations: FxHashMap<i64, Organisation>,
    by_short: HashMap<String, i64>,
    by_identifier: HashMap<PartyId, i64>,
    by_address: HashMap<String, i64>,
    agreements: HashMap<(i64, Direction, DocumentType), Vec<Agreed>>,
    by_agreement: FxHashMap<i64, (i64, Direction, DocumentType)>,
    credentials: HashMap<Vec<u8>, Credential>,
    credential_by_id: FxHashMap<i64, Vec<u8>>,
    secrets: HashMap<String, Vec<u8>>,
}

impl Directory {
    /// Reads it.
    pub fn load(tx: &mut Tx<'_>) -> Result<Directory> {
        let mut directory = Directory { version: parties::version(tx)?, ..Directory::default() };
        for row in parties::organisations(tx)? {
            directory.by_short.insert(row.short.clone(), row.id);
            let profile: super::party::PartyProfile = serde_json::from_str(&row.profile).unwrap_or_default();
            let addresses: Vec<String> = profile.senders().collect();
            for address in &addresses {
                // Two contacts may share an address from before that was asked: the older one keeps it.
                let owner = directory.by_address.entry(address.clone()).or_insert(row.id);
                *owner = row.id.min(*owner);
            }
            directory.organisations.insert(
                row.id,
                Organisation {
                    id: row.id,
                    centre_id: row.centre_id,
                    short: row.short,
                    name: row.name,
                    roles: row.roles.split_whitespace().map(str::to_owned).collect(),
                    language: if row.language == "en" { Language::En } else { Language::Ko },
                    mail: row.mail,
                    addresses,
                    active: row.status == "active",
                    identifiers: Vec::new(),
                    profile: row.profile,
                },
            );
        }
        for (scheme, value, id) in parties::identifiers(tx)? {
            let identifier = PartyId { scheme, value };
            if let Some(organisation) = directory.organisations.get_mut(&id) {
                organisation.identifiers.push(identifier.clone());
            }
            directory.by_identifier.insert(identifier, id);
        }
        for organisation in directory.organisations.values_mut() {
            let rank = |id: &PartyId| {
                ["gln", "brn", "duns", "vat"].iter().position(|scheme| id.scheme == *scheme).unwrap_or(9)
            };
            organisation.identifiers.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)));
        }
        for row in parties::agreements(tx)? {
            let terms: Agreement = serde_json::from_str(&row.body)
                .map_err(|error| crate::error::Error::store("the stored text is no agreement").caused_by(error))
                .context(|| format!("reading agreement {} version {}", row.name, row.version))?;
            let Ok(document_type) = row.document_type.parse() else { continue };
            let direction = if row.direction == "out" { Direction::Out } else { Direction::In };
            let place = (row.organisation_id, direction, document_type);
            directory.by_agreement.insert(row.id, place);
            directory.agreements.entry(place).or_default().push(Agreed {
                id: row.id,
                organisation_id: row.organisation_id,
                version: row.version,
                direction,
                document_type,
                active: row.status == "active",
                terms,
            });
        }
        for row in parties::credentials(tx)? {
            if row.ended_ms.is_none() {
                directory.credential_by_id.insert(row.id, row.digest.clone());
                directory.credentials.insert(
                    row.digest,
                    Credential {
                        id: row.id,
                        organisation_id: row.organisation_id,
                        kind: row.kind,
                        secret_name: row.secret_name,
                    },
                );
            }
        }
        directory.secrets = parties::secrets(tx)?.into_iter().collect();
        Ok(directory)
    }

    /// One organisation.
    pub fn organisation(&self, id: i64) -> Option<&Organisation> {
        self.organisations.get(&id)
    }

    /// All of them, by short name.
    pub fn organisations(&self) -> Vec<&Organisation> {
        let mut all: Vec<_> = self.organisations.values().collect();
        all.sort_by(|a, b| a.short.cmp(&b.short));
        all
    }

    /// The one with that short name.
    pub fn by_short(&self, short: &str) -> Option<&Organisation> {
        self.by_short.get(short).and_then(|id| self.organisations.get(id))
    }

    /// The one with that identifier. Without a scheme the value must be unambiguous.
    pub fn by_identifier(&self, id: &PartyId) -> Option<&Organisation> {
        if let Some(found) = self.by_identifier.get(id) {
            return self.organisations.get(found);
        }
        if id.scheme == "dure" {
            return self.by_short(&id.value);
        }
        if id.value.is_empty() || self.by_identifier.contains_key(id) {
            return None;
        }
        // Schemes that say nothing (edifact:zz, edifact:zzz, none at all): by value alone, if only one party has it.
        let vague = id.scheme.is_empty()
            || matches!(id.scheme.as_str(), "edifact:zz" | "edifact:zzz" | "zz" | "zzz" | "edifact:91" | "edifact:92");
        let mut found = None;
        if vague {
            for scheme in ["gln", "brn", "duns", "vat"] {
                let typed = PartyId::new(scheme, &id.value);
                if let Some(&organisation) = self.by_identifier.get(&typed)
                    && found.replace(organisation).is_some_and(|other| other != organisation)
                {
                    return None;
                }
            }
        }
        found.and_then(|id| self.organisations.get(&id)).or_else(|| if vague { self.by_short(&id.value) } else { None })
    }

    /// The one whose mails come from an address: the address itself before its whole host.
    pub fn by_address(&self, address: &str) -> Option<&Organisation> {
        let address = address.to_lowercase();
        let host = address.rsplit_once('@').map(|(_, host)| format!("@{host}"));
        let found = self.by_address.get(&address).or_else(|| self.by_address.get(&host?));
        found.and_then(|id| self.organisations.get(id))
    }

    /// What proves that a mail is a partner's where no one agreement says it: all that any of its agreements takes.
    pub fn mail_proofs(&self, organisation_id: i64, day: &str) -> Vec<Proof> {
        let mut proofs: Vec<Proof> = Vec::new();
        for &kind in DocumentType::ALL {
            if let Some(agreed) = self.agreement(organisation_id, Direction::In, kind, day) {
                proofs.extend(agreed.mail_proofs());
            }
        }
        if proofs.is_empty() { mail::default_proofs() } else { proofs }
    }

    /// The one that a party of a document is, by any of its identifiers.
    pub fn find(&self, party: &Party) -> Option<&Organisation> {
        party.party_ids().iter().find_map(|id| self.by_identifier(id))
    }

    /// What is agreed with a partner for a type on a day (`YYYY-MM-DD`), the latest that holds.
    pub fn agreement(
        &self,
        organisation_id: i64,
        direction: Direction,
        document_type: DocumentType,
        day: &str,
    ) -> Option<&Agreed> {
        self.agreements.get(&(organisation_id, direction, document_type))?.iter().rev().find(|agreed| agreed.holds(day))
    }

    /// The version of an agreement that holds on a day, by the id of any of its versions; that one where none holds.
    pub fn agreement_now(&self, id: i64, day: &str) -> Option<&Agreed> {
        let versions = self.agreements.get(self.by_agreement.get(&id)?)?;
        let known = versions.iter().find(|agreed| agreed.id == id)?;
        let same = |agreed: &&Agreed| agreed.terms.id == known.terms.id && agreed.holds(day);
        Some(versions.iter().rev().find(same).unwrap_or(known))
    }

    /// An agreement by its id, whatever its state.
    pub fn agreement_by_id(&self, id: i64) -> Option<&Agreed> {
        let place = self.by_agreement.get(&id)?;
        self.agreements.get(place)?.iter().find(|agreed| agreed.id == id)
    }

    /// All agreements, the active ones of every partner by name.
    pub fn agreements(&self) -> Vec<&Agreed> {
        let mut all: Vec<_> = self.agreements.values().flatten().filter(|agreed| agreed.active).collect();
        all.sort_by(|a, b| a.terms.id.cmp(&b.terms.id));
        all
    }

    /// The credential behind the SHA-256 of a key or certificate.
    pub fn credential(&self, digest: &[u8]) -> Option<&Credential> {
        self.credentials.get(digest)
    }

    /// The credential with that id, for signed requests.
    pub fn credential_by_id(&self, id: i64) -> Option<&Credential> {
        self.credentials.get(self.credential_by_id.get(&id)?)
    }

    /// A sealed secret.
    pub fn sealed_secret(&self, name: &str) -> Option<&[u8]> {
        self.secrets.get(name).map(Vec::as_slice)
    }

    /// The centre of the hub: the first organisation that is one.
    pub fn centre(&self) -> Option<&Organisation> {
        self.organisations
            .values()
            .filter(|organisation| organisation.id == organisation.centre_id)
            .min_by_key(|o| o.id)
    }
}

impl Organisation {
    /// As a party of a document.
    pub fn as_party(&self) -> Party {
        let profile: super::party::PartyProfile = serde_json::from_str(&self.profile).unwrap_or_default();
        Party {
            id: self.identifiers.first().cloned().unwrap_or_else(|| PartyId::new("dure", &self.short)),
            names: vec![self.name.clone()],
            address: profile.address,
            contact: profile.contact,
            ..Party::default()
        }
    }

    /// How interchanges address it.
    pub fn party_id(&self) -> PartyId {
        self.identifiers.first().cloned().unwrap_or_else(|| PartyId::new("dure", &self.short))
    }

    /// Whether it has that role.
    pub fn is(&self, role: &str) -> bool {
        self.roles.iter().any(|mine| mine == role)
    }
}

impl Agreed {
    /// Whether it is in force on a day.
    fn holds(&self, day: &str) -> bool {
        let (from, to) = (self.terms.valid_from.0.as_str(), self.terms.valid_to.0.as_str());
        self.active && (from.is_empty() || from <= day) && (to.is_empty() || to >= day)
    }

    /// The message that is written or expected under it.
    pub fn message_type(&self) -> Option<MessageType> {
        message_of(&self.terms.format, self.document_type)
    }

    /// What proves that a mail with a document under it is the partner's.
    pub fn mail_proofs(&self) -> Vec<Proof> {
        let proofs: Vec<Proof> = self.terms.mail_proof.iter().filter_map(|text| text.parse().ok()).collect();
        if self.terms.mail_proof.is_empty() { mail::default_proofs() } else { proofs }
    }
}

/// The message a format carries a document in: `ubl-2.1` and Order make `ubl/2.1/Order`; a full message name stands for itself.
pub fn message_of(format: &str, document_type: DocumentType) -> Option<MessageType> {
    if format.contains('/') {
        return format.parse().ok();
    }
    let name = match (format, document_type) {
        ("dure-json", kind) => return Some(MessageType::new("dure", "1", kind.as_str())),
        ("html", kind) => return Some(MessageType::new("html", "1", kind.as_str())),
        ("csv", kind) => return Some(MessageType::new("csv", "1", kind.as_str())),
        ("xlsx", kind) => return Some(MessageType::new("sheet", "1", kind.as_str())),
        ("edifact-d96a", DocumentType::Order) => "ORDERS",
        ("edifact-d96a", DocumentType::OrderResponse) => "ORDRSP",
        ("edifact-d96a", DocumentType::DespatchAdvice) => "DESADV",
        ("edifact-d96a", DocumentType::ApplicationResponse) => return Some(MessageType::new("edifact", "3", "CONTRL")),
        ("ubl-2.1", kind) => kind.as_str(),
        _ => return None,
    };
    let (standard, version) = format.split_once('-')?;
    Some(MessageType::new(standard, version, name))
}
