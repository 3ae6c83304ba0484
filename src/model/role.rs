//! The six roles of the paper.

use serde::{Deserialize, Serialize};

use super::finding::Language;

/// What a person may do in the portal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Runs the hub: partners, agreements, accounts.
    Administrator,
    /// Buys.
    Buyer,
    /// Runs a regional centre: orders to settlement.
    Operator,
    /// Makes and ships.
    Producer,
    /// Judges products and sellers.
    Reviewer,
    /// Sells the producers' products.
    Seller,
}

impl Role {
    /// All of them, sorted by name.
    pub const ALL: &'static [Role] =
        &[Role::Administrator, Role::Buyer, Role::Operator, Role::Producer, Role::Reviewer, Role::Seller];

    /// The word in the store and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
            Role::Buyer => "buyer",
            Role::Operator => "operator",
            Role::Producer => "producer",
            Role::Reviewer => "reviewer",
            Role::Seller => "seller",
        }
    }

    /// Back from the word.
    pub fn from_word(text: &str) -> Option<Role> {
        Role::ALL.iter().copied().find(|role| role.as_str() == text)
    }

    /// The word people see.
    pub fn title(self, language: Language) -> &'static str {
        match (self, language) {
            (Role::Administrator, Language::Ko) => "관리자",
            (Role::Administrator, Language::En) => "Administrator",
            (Role::Buyer, Language::Ko) => "구매자",
            (Role::Buyer, Language::En) => "Buyer",
            (Role::Operator, Language::Ko) => "운영자",
            (Role::Operator, Language::En) => "Operator",
            (Role::Producer, Language::Ko) => "생산자",
            (Role::Producer, Language::En) => "Producer",
            (Role::Reviewer, Language::Ko) => "심의자",
            (Role::Reviewer, Language::En) => "Reviewer",
            (Role::Seller, Language::Ko) => "판매인",
            (Role::Seller, Language::En) => "Seller",
        }
    }

    /// Whether the role sees everything of its centre, not only its own organisation's.
    pub fn sees_the_centre(self) -> bool {
        matches!(self, Role::Administrator | Role::Operator)
    }
}
