//! Who may see which page, and how far it shows: the one table of rights (role by page), enforced by the one guard
//! that stands before every page. A page that is not somebody's is answered like one that does not exist.

use axum::routing::MethodRouter;

use super::Shared;
use super::language::Words;
use crate::model::role::Role;

/// How far a page shows to a role.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Not at all.
    Nothing,
    /// What its own organisation sent, received or is named by.
    Own,
    /// Everything of its centre.
    Centre,
}

/// A scope for each role, in the order of [`Role::ALL`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rights(pub [Scope; 6]);

impl Rights {
    /// Everybody who signs in.
    pub const EVERYBODY: Rights =
        Rights([Scope::Centre, Scope::Own, Scope::Centre, Scope::Own, Scope::Own, Scope::Own]);
    /// Everybody with a part in trades. A reviewer has none: its organisation is the centre, whose documents hold
    /// everybody's agreements and shares.
    pub const TRADERS: Rights =
        Rights([Scope::Centre, Scope::Own, Scope::Centre, Scope::Own, Scope::Nothing, Scope::Own]);
    /// Who keeps the centre running.
    pub const KEEPERS: Rights =
        Rights([Scope::Centre, Scope::Nothing, Scope::Centre, Scope::Nothing, Scope::Nothing, Scope::Nothing]);
    /// Who decides who may sign in.
    pub const ADMINISTRATORS: Rights =
        Rights([Scope::Centre, Scope::Nothing, Scope::Nothing, Scope::Nothing, Scope::Nothing, Scope::Nothing]);

    /// How far the page shows to a role.
    pub fn of(self, role: Role) -> Scope {
        let place = Role::ALL.iter().position(|other| *other == role);
        place.and_then(|place| self.0.get(place)).copied().unwrap_or(Scope::Nothing)
    }
}

/// What a request to a page does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Shows.
    Get,
    /// Changes something; carries the session's CSRF token.
    Post,
}

/// A page of the portal.
pub struct Page {
    /// Its path, with `{id}` and its like where something is named.
    pub path: &'static str,
    /// Shows or changes.
    pub method: Method,
    /// Who may.
    pub rights: Rights,
    /// What it is called, by how far it shows: what came in for the centre is what a partner sent.
    pub title: fn(&'static Words, Scope) -> &'static str,
    pub(super) route: fn() -> MethodRouter<Shared>,
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}", self.method, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::super::PAGES;
    use super::*;

    #[test]
    fn scopes_agree_with_what_a_viewer_sees() {
        // The store narrows by the role of the viewer; the table must not promise anything else.
        for page in PAGES {
            for &role in Role::ALL {
                let scope = page.rights.of(role);
                let expected = if role.sees_the_centre() { Scope::Centre } else { Scope::Own };
                assert!(scope == Scope::Nothing || scope == expected, "{page:?} {role:?}");
            }
        }
    }

    #[test]
    fn only_those_who_keep_the_centre_change_what_others_see() {
        for page in PAGES.iter().filter(|page| page.method == Method::Post) {
            let personal = ["/sign-out", "/account"].contains(&page.path);
            for role in [Role::Buyer, Role::Producer, Role::Seller, Role::Reviewer] {
                assert_eq!(page.rights.of(role) != Scope::Nothing, personal, "{page:?} {role:?}");
            }
        }
    }

    #[test]
    fn every_page_stands_once() {
        for (index, page) in PAGES.iter().enumerate() {
            let twice = PAGES.iter().skip(index + 1).any(|o| o.path == page.path && o.method == page.method);
            assert!(!twice, "{page:?} stands twice");
        }
    }
}
