//! Records: how our own documents are described, once, in Rust.
//!
//! `record!` makes a struct, its serde form (absent fields left out, unknown fields refused) and a table of its fields,
//! so that mappings, forms, `docs/model.md` and generated test documents know every field with its type and UBL path.

use rust_decimal::Decimal;

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Free text, identifiers, codes.
    Text,
    /// An exact decimal, written `12.50`.
    Decimal,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Indicator,
    /// `YYYY-MM-DD`.
    Date,
    /// `HH:MM:SS`, with fraction and zone as received.
    Time,
    /// A party identifier in our spelling.
    PartyId,
    /// A record below it.
    Record(fn() -> &'static Record),
}

/// One field of a record.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its snake_case name, also in JSON, forms and finding paths.
    pub name: &'static str,
    /// What one value is.
    pub kind: Kind,
    /// Whether there may be several.
    pub list: bool,
    /// What it is and its full UBL path.
    pub doc: &'static str,
}

/// A record type.
#[derive(Debug)]
pub struct Record {
    /// The name of the struct.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Its fields in order.
    pub fields: &'static [Field],
}

impl Record {
    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// A type that can be a field.
pub trait FieldType {
    /// What one value is.
    const KIND: Kind;
    /// Whether there may be several.
    const LIST: bool = false;
    /// Whether there is nothing to write.
    fn is_absent(&self) -> bool;
}

impl FieldType for String {
    const KIND: Kind = Kind::Text;
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl FieldType for Decimal {
    const KIND: Kind = Kind::Decimal;
    fn is_absent(&self) -> bool {
        false
    }
}

impl FieldType for u32 {
    const KIND: Kind = Kind::Integer;
    fn is_absent(&self) -> bool {
        false
    }
}

impl FieldType for bool {
    const KIND: Kind = Kind::Indicator;
    fn is_absent(&self) -> bool {
        false
    }
}

impl FieldType for super::party_id::PartyId {
    const KIND: Kind = Kind::PartyId;
    fn is_absent(&self) -> bool {
        self.value.is_empty()
    }
}

impl<T: FieldType> FieldType for Option<T> {
    const KIND: Kind = T::KIND;
    fn is_absent(&self) -> bool {
        self.as_ref().is_none_or(T::is_absent)
    }
}

impl<T: FieldType> FieldType for Box<T> {
    const KIND: Kind = T::KIND;
    fn is_absent(&self) -> bool {
        self.as_ref().is_absent()
    }
}

impl<T: FieldType> FieldType for Vec<T> {
    const KIND: Kind = T::KIND;
    const LIST: bool = true;
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

/// A calendar day as text, `YYYY-MM-DD`; the order of text is the order of days.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Date(pub String);

impl FieldType for Date {
    const KIND: Kind = Kind::Date;
    fn is_absent(&self) -> bool {
        self.0.is_empty()
    }
}

/// A time of day as text, `HH:MM:SS` with what followed it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Time(pub String);

impl FieldType for Time {
    const KIND: Kind = Kind::Time;
    fn is_absent(&self) -> bool {
        self.0.is_empty()
    }
}

/// Makes a record: the struct with serde, `Default`, `PartialEq`, and its [`Record`] table as `NAME::record()`.
/// Every struct and field has a doc comment; a field's says what it is and gives its UBL path.
#[macro_export]
macro_rules! record {
    ($( $(#[doc = $doc:literal])+ $name:ident { $( $(#[doc = $fdoc:literal])+ $field:ident: $type:ty, )* } )*) => { $(
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Debug, Default, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $(
                $(#[doc = $fdoc])+
                #[serde(skip_serializing_if = "crate::model::record::FieldType::is_absent")]
                pub $field: $type,
            )*
        }

        impl $name {
            /// Its table of fields.
            pub fn record() -> &'static $crate::model::record::Record {
                static RECORD: $crate::model::record::Record = $crate::model::record::Record {
                    name: stringify!($name),
                    doc: concat!($($doc),+),
                    fields: &[ $( $crate::model::record::Field {
                        name: stringify!($field),
                        kind: <$type as $crate::model::record::FieldType>::KIND,
                        list: <$type as $crate::model::record::FieldType>::LIST,
                        doc: concat!($($fdoc),+),
                    }, )* ],
                };
                &RECORD
            }
        }

        impl $crate::model::record::FieldType for $name {
            const KIND: $crate::model::record::Kind = $crate::model::record::Kind::Record($name::record);
            fn is_absent(&self) -> bool {
                $( $crate::model::record::FieldType::is_absent(&self.$field) && )* true
            }
        }
    )* };
}
