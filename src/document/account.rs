//! Account: a person who may sign in, with role and organisation. Our own document; passwords are not part of it.

crate::record! {
    /// A person who may sign in.
    Account {
        /// Sign-in name
        id: String,
        /// Name people read
        name: String,
        /// One of the six roles
        role: String,
        /// The organisation, by the short name of its profile
        party: String,
        /// `ko` or `en`
        language: String,
        /// `active` or `ended`
        status: String,
    }
}

use super::effect::{Cx, Made, Verdict};
use crate::error::Result;
use crate::model::finding::Code;
use crate::model::role::Role;
use crate::store::accounts::{self, AccountRow};

impl Account {
    /// Makes or changes an account. Its password is set apart from it and is no document.
    pub fn apply(&self, cx: &mut Cx<'_, '_>) -> Result<Verdict> {
        if self.id.is_empty() || self.id.len() > 128 {
            cx.error(Code::Required, "id", &self.id, "id");
        }
        let role = Role::from_word(&self.role);
        if role.is_none() {
            let words: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
            cx.error(Code::NotInCodeList, "role", &self.role, words.join(", "));
        }
        let organisation =
            cx.own_organisation(&self.party).map(|organisation| (organisation.id, organisation.centre_id));
        let Some((organisation_id, centre_id)) = organisation else {
            cx.error(Code::UnknownParty, "party", &self.party, "");
            return Ok(Verdict::Reject);
        };
        // Who sees the whole centre belongs to it.
        if role.is_some_and(Role::sees_the_centre) && organisation_id != centre_id {
            let centre = cx.directory.organisation(centre_id).map_or(String::new(), |centre| centre.short.clone());
            cx.error(Code::BadValue, "party", &self.party, centre);
        }
        if accounts::by_login(cx.tx, &self.id)?.is_some_and(|known| !cx.is_own(known.centre_id)) {
            cx.error(Code::Conflict, "id", &self.id, "");
        }
        if cx.findings.has_errors() {
            return Ok(Verdict::Reject);
        }
        let row = AccountRow {
            id: cx.id(Made::Account),
            centre_id,
            organisation_id,
            login: self.id.clone(),
            name: if self.name.is_empty() { self.id.clone() } else { self.name.clone() },
            role: self.role.clone(),
            language: if self.language == "en" { "en" } else { "ko" }.to_owned(),
            password: String::new(),
            status: if self.status.is_empty() { "active".to_owned() } else { self.status.clone() },
        };
        accounts::put(cx.tx, &row, cx.now_ms)?;
        Ok(Verdict::Apply)
    }
}
