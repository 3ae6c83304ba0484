//! Who looks: every listing demands one.

use super::finding::Language;
use super::role::Role;

/// A person of the portal or a partner's system.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Viewer {
    /// The centre.
    pub centre_id: i64,
    /// The organisation it belongs to.
    pub organisation_id: i64,
    /// The person's role; none for a partner's system.
    pub role: Option<Role>,
    /// The person's account.
    pub account_id: Option<i64>,
    /// The language it is answered in.
    pub language: Language,
}

impl Viewer {
    /// The organisation whose rows it may see; none for who sees the whole centre.
    pub fn scope(&self) -> Option<i64> {
        if self.role.is_some_and(Role::sees_the_centre) { None } else { Some(self.organisation_id) }
    }

    /// Whether it sees everything of its centre.
    pub fn sees_the_centre(&self) -> bool {
        self.scope().is_none()
    }
}
