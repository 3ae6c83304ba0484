//! Who takes part in the demo, and what is agreed with them. Everybody is plainly a sample; numbers have right check digits.

use serde_json::{Value, json};

/// An organisation of the demo.
#[derive(Clone, Copy, Debug)]
pub(super) struct Company {
    /// Short name.
    pub(super) short: &'static str,
    /// Name people read.
    pub(super) name: &'static str,
    /// What it does.
    pub(super) role: &'static str,
    /// GLN.
    pub(super) gln: &'static str,
    /// Business registration number.
    pub(super) brn: &'static str,
    /// Where notices go.
    pub(super) mail: &'static str,
    /// City, for its address.
    pub(super) city: &'static str,
}

/// The centre that runs the hub.
pub(super) const CENTRE: Company = Company {
    short: "chungcheong",
    name: "충청 표본센터",
    role: "centre",
    gln: "8801234500067",
    brn: "9998200064",
    mail: "centre@chungcheong.example",
    city: "대전광역시 중구",
};

/// Orders.
pub(super) const BUYER: Company = Company {
    short: "sangsa",
    name: "표본상사(주)",
    role: "buyer",
    gln: "8801234500012",
    brn: "9998100034",
    mail: "buy@sangsa.example",
    city: "천안시 서북구",
};

/// Makes measuring tools; speaks UBL for its catalogue and EDIFACT for orders.
pub(super) const PRECISION: Company = Company {
    short: "jeongmil",
    name: "표본정밀(주)",
    role: "producer",
    gln: "8801234500029",
    brn: "9998100015",
    mail: "edi@jeongmil.example",
    city: "대전광역시 유성구",
};

/// Makes instruments; sends its catalogue as a table and speaks UBL for orders.
pub(super) const ELECTRONICS: Company = Company {
    short: "jeonja",
    name: "표본전자(주)",
    role: "producer",
    gln: "8801234500036",
    brn: "9998100029",
    mail: "edi@jeonja.example",
    city: "청주시 청원구",
};

/// Sells what the two make.
pub(super) const SELLER: Company = Company {
    short: "yutong",
    name: "표본유통",
    role: "seller",
    gln: "8801234500043",
    brn: "9998100048",
    mail: "books@yutong.example",
    city: "대전광역시 서구",
};

/// Carries. Its short name is that of its profile and the last part of the path it calls.
pub(super) const COURIER: Company = Company {
    short: "sample-courier",
    name: "표본택배",
    role: "courier",
    gln: "8801234500050",
    brn: "9998100053",
    mail: "hub@taekbae.example",
    city: "청주시 흥덕구",
};

/// The centre's mail server, whose word on who sent a mail counts.
pub(super) const MAIL_SERVER: &str = "mx.chungcheong.example";

/// Where orders are mailed to.
pub(super) const ORDERS_BY_MAIL: &str = "orders@chungcheong.example";

/// The share of a delivered line that is the seller's, in percent.
pub(super) const SELLER_SHARE: &str = "12.5";

impl Company {
    /// Its profile.
    pub(super) fn profile(&self, language: &str) -> Value {
        json!({
            "type": "Party",
            "id": self.short,
            "name": self.name,
            "roles": [self.role],
            "identifiers": [format!("gln:{}", self.gln), format!("brn:{}", self.brn)],
            "language": language,
            "address": { "city_name": self.city, "country": "KR" },
            "contact": { "electronic_mail": self.mail },
        })
    }

    /// Name of the secret with which what it is sent is signed.
    pub(super) fn signing_secret(&self) -> String {
        format!("out:{}", self.short)
    }
}

/// An account of the demo: sign-in name, role, organisation, name.
pub(super) const ACCOUNTS: &[(&str, &str, Company, &str)] = &[
    ("admin", "administrator", CENTRE, "나관리"),
    ("operator", "operator", CENTRE, "노운영"),
    ("buyer", "buyer", BUYER, "한가람"),
    ("producer", "producer", PRECISION, "정나래"),
    ("seller", "seller", SELLER, "윤슬기"),
    ("reviewer", "reviewer", CENTRE, "심바른"),
];

/// Where the partners' systems listen.
pub(super) struct Addresses<'a> {
    /// The buyer's.
    pub(super) buyer: &'a str,
    /// The measuring tools'.
    pub(super) precision: &'a str,
    /// The instruments'.
    pub(super) electronics: &'a str,
    /// The seller's.
    pub(super) seller: &'a str,
}

/// What is agreed with everybody.
pub(super) fn agreements(at: &Addresses<'_>) -> Vec<Value> {
    let inward = |company: Company, kind: &str, format: &str| {
        json!({ "type": "Agreement", "id": format!("{}-in-{kind}", company.short), "party": company.short,
            "direction": "in", "document_type": kind, "format": format })
    };
    let outward = |company: Company, kind: &str, format: &str, address: &str| {
        json!({ "type": "Agreement", "id": format!("{}-out-{kind}", company.short), "party": company.short,
            "direction": "out", "document_type": kind, "format": format, "address": address,
            "signing_secret": company.signing_secret() })
    };
    let mut by_mail = inward(BUYER, "Order", "ubl-2.1");
    by_mail["mail_proof"] = json!([format!("server:{MAIL_SERVER}")]);
    let mut statement = outward(SELLER, "Statement", "ubl-2.1", at.seller);
    statement["seller_share_percent"] = SELLER_SHARE.into();
    statement["rounding"] = "half-up".into();
    vec![
        by_mail,
        outward(BUYER, "OrderResponse", "ubl-2.1", at.buyer),
        outward(BUYER, "DespatchAdvice", "ubl-2.1", at.buyer),
        inward(PRECISION, "Catalogue", "ubl-2.1"),
        outward(PRECISION, "Order", "edifact-d96a", at.precision),
        inward(PRECISION, "ApplicationResponse", "edifact-d96a"),
        inward(PRECISION, "OrderResponse", "edifact-d96a"),
        inward(PRECISION, "DespatchAdvice", "edifact-d96a"),
        inward(ELECTRONICS, "Catalogue", "csv"),
        outward(ELECTRONICS, "Order", "ubl-2.1", at.electronics),
        inward(ELECTRONICS, "OrderResponse", "ubl-2.1"),
        inward(ELECTRONICS, "DespatchAdvice", "ubl-2.1"),
        inward(COURIER, "TransportationStatus", "dure-json"),
        statement,
    ]
}
