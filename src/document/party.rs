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
        /// Contact; notices go to its mail address, and mails from there are its own
        contact: Option<Contact>,
        /// Other addresses it sends mails from: `name@host`, or `@host` for a whole host
        mail_addresses: Vec<String>,
        /// `active` or `ended`
        status: String,
    }
}

use super::effect::{Cx, Made, Verdict};
use crate::error::{Error, Result};
use crate::model::finding::Code;
use crate::store::mails;
use crate::store::parties::{self, Organisation};

/// Mails of an address that was nobody's until now that are looked at again at once.
const MOST_ADOPTED: i64 = 2_000;

/// Parts an organisation may have.
pub const ROLES: &[&str] = &["buyer", "centre", "courier", "producer", "reviewer", "seller"];

impl PartyProfile {
    /// Makes or changes the organisation. An identifier that another one has is refused.
    pub fn apply(&self, cx: &mut Cx<'_, '_>) -> Result<Verdict> {
        let named = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.id.is_empty() || self.id.len() > 64 || !self.id.chars().all(named) {
            cx.error(Code::BadValue, "id", &self.id, "a-z 0-9 -");
        }
        if self.name.is_empty() {
            cx.error(Code::Required, "name", "", "name");
        }
        for (index, role) in self.roles.iter().enumerate() {
            if !ROLES.contains(&role.as_str()) {
                cx.error(Code::NotInCodeList, format!("roles[{}]", index + 1), role, ROLES.join(", "));
            }
        }
        let known = cx.own_organisation(&self.id).map(|organisation| organisation.id);
        if known.is_none() && cx.directory.by_short(&self.id).is_some() {
            cx.error(Code::Conflict, "id", &self.id, "");
        }
        let mut identifiers = Vec::new();
        for (index, identifier) in self.identifiers.iter().enumerate() {
            let path = format!("identifiers[{}]", index + 1);
            if let Some(expected) = wrong_check_digit(identifier) {
                cx.error(Code::CheckDigit, &path, identifier.to_string(), expected.to_string());
            }
            let owner = parties::by_identifier(cx.tx, &identifier.scheme, &identifier.value)?;
            if owner.is_some() && owner != known {
                cx.error(Code::Conflict, path, identifier.to_string(), "");
            }
            identifiers.push((identifier.scheme.clone(), identifier.value.clone()));
        }
        self.check_addresses(known, cx);
        if cx.findings.has_errors() {
            return Ok(Verdict::Reject);
        }
        identifiers.sort();
        identifiers.dedup();
        let id = known.unwrap_or_else(|| cx.id(Made::Organisation));
        let centre = self.roles.iter().any(|role| role == "centre");
        let row = Organisation {
            id,
            centre_id: if centre || cx.header.centre_id == 0 { id } else { cx.header.centre_id },
            short: self.id.clone(),
            name: self.name.clone(),
            roles: self.roles.join(" "),
            language: if self.language == "en" { "en" } else { "ko" }.to_owned(),
            mail: self.contact.as_ref().map_or(String::new(), |contact| contact.electronic_mail.clone()),
            status: if self.status.is_empty() { "active".to_owned() } else { self.status.clone() },
            profile: serde_json::to_string(self).map_err(|error| Error::bug("writing a profile").caused_by(error))?,
        };
        let id = parties::put_organisation(cx.tx, &row, cx.now_ms)?;
        parties::set_identifiers(cx.tx, id, &identifiers)?;
        parties::raise_version(cx.tx)?;
        cx.directory_changed = true;
        if row.status == "active" && id != row.centre_id {
            self.adopt(id, cx)?;
        }
        Ok(Verdict::Apply)
    }

    /// The addresses that mails of this company come from, lower case.
    pub fn senders(&self) -> impl Iterator<Item = String> {
        let contact = self.contact.as_ref().map(|contact| contact.electronic_mail.as_str());
        let all = contact.into_iter().chain(self.mail_addresses.iter().map(String::as_str));
        all.map(|address| address.trim().to_lowercase()).filter(|address| !address.is_empty())
    }

    fn check_addresses(&self, known: Option<i64>, cx: &mut Cx<'_, '_>) {
        for (index, address) in self.mail_addresses.iter().enumerate() {
            let path = format!("mail_addresses[{}]", index + 1);
            let plain = address.trim().to_lowercase();
            let (name, host) = plain.rsplit_once('@').unwrap_or(("", ""));
            // A whole host must not be a whole country.
            let host_is_one =
                host.len() > 2 && host.trim_matches('.') == host && (host.contains('.') || !name.is_empty());
            let shape = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"' | '@');
            if !host_is_one || plain.len() > 254 || name.contains(shape) || host.contains(shape) {
                cx.error(Code::BadValue, &path, address, "name@host, @host");
            }
            let owner = cx.directory.by_address(&plain).map(|owner| (owner.id, owner.short.clone()));
            if let Some((owner, short)) = owner.filter(|(owner, _)| Some(*owner) != known) {
                // The owner of a host may leave one address of it to somebody else.
                let exact = cx.directory.organisation(owner).is_some_and(|owner| owner.addresses.contains(&plain));
                if exact {
                    cx.error(Code::Conflict, path, address, short);
                }
            }
        }
    }

    /// Mails that came from its addresses while they were nobody's are its own from now on, and looked at again.
    fn adopt(&self, id: i64, cx: &mut Cx<'_, '_>) -> Result<()> {
        let own: Vec<String> = self.senders().collect();
        for (mail_id, sender) in mails::unknown(cx.tx, MOST_ADOPTED)? {
            let host = sender.rsplit_once('@').map_or(String::new(), |(_, host)| format!("@{host}"));
            if !sender.is_empty() && (own.contains(&sender) || own.contains(&host)) {
                mails::adopt(cx.tx, mail_id, id, cx.now_ms)?;
            }
        }
        Ok(())
    }
}

/// The digit that should stand at the end of a GLN (GS1 modulo 10) or a Korean business registration number, if another does.
fn wrong_check_digit(id: &PartyId) -> Option<u32> {
    let digits: Vec<u32> = id.value.chars().filter_map(|c| c.to_digit(10)).collect();
    let (&last, body) = digits.split_last()?;
    let expected = match (id.scheme.as_str(), digits.len()) {
        ("gln", 13) => {
            let sum: u32 =
                body.iter().rev().enumerate().map(|(place, digit)| digit * if place % 2 == 0 { 3 } else { 1 }).sum();
            (10 - sum % 10) % 10
        }
        ("brn", 10) => {
            let weights = [1, 3, 7, 1, 3, 7, 1, 3, 5];
            let sum: u32 = body.iter().zip(weights).map(|(digit, weight)| digit * weight).sum();
            let carry = body.last().map_or(0, |digit| digit * 5 / 10);
            (10 - (sum + carry) % 10) % 10
        }
        _ => return None,
    };
    (expected != last).then_some(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits() {
        let check = |text: &str, expected| assert_eq!(wrong_check_digit(&text.parse().unwrap()), expected, "{text}");
        check("gln:8801234500012", None);
        check("gln:8801234500013", Some(2));
        check("brn:1248100998", None);
        check("brn:1248100997", Some(8));
        check("dure:anything", None);
    }
}
