//! Money: the exact decimal of a document, and the ledger's integers in minor units.

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// The step from a document's decimal to the ledger's integer, named in the agreement.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// Towards zero.
    Down,
    /// Half to even.
    HalfEven,
    /// Half away from zero.
    #[default]
    HalfUp,
}

/// Decimal places of a currency (ISO 4217), 2 for those not listed.
pub fn minor_digits(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// An amount of the ledger in ISO 4217 minor units.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Minor(pub i64);

impl Rounding {
    /// A document's amount as minor units; none if it does not fit.
    pub fn to_minor(self, amount: Decimal, currency: &str) -> Option<Minor> {
        let scaled = amount.checked_mul(Decimal::from(10_i64.checked_pow(minor_digits(currency))?))?;
        let strategy = match self {
            Rounding::Down => RoundingStrategy::ToZero,
            Rounding::HalfEven => RoundingStrategy::MidpointNearestEven,
            Rounding::HalfUp => RoundingStrategy::MidpointAwayFromZero,
        };
        scaled.round_dp_with_strategy(0, strategy).to_i64().map(Minor)
    }
}

impl Minor {
    /// As a decimal of the currency: 12345 minor units of USD are 123.45.
    pub fn to_decimal(self, currency: &str) -> Decimal {
        Decimal::new(self.0, minor_digits(currency))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_as_agreed() {
        let amount: Decimal = "1234.5".parse().unwrap();
        assert_eq!(Rounding::HalfUp.to_minor(amount, "KRW"), Some(Minor(1235)));
        assert_eq!(Rounding::HalfEven.to_minor(amount, "KRW"), Some(Minor(1234)));
        assert_eq!(Rounding::Down.to_minor(amount, "KRW"), Some(Minor(1234)));
        assert_eq!(Rounding::HalfUp.to_minor(amount, "USD"), Some(Minor(123_450)));
        assert_eq!(Minor(123_450).to_decimal("USD").to_string(), "1234.50");
        assert_eq!(Rounding::HalfUp.to_minor(Decimal::MAX, "USD"), None);
    }
}
