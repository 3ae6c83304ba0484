//! The documents of the hub. Names are UBL's where UBL has one.

use std::fmt;
use std::str::FromStr;

macro_rules! document_types {
    ($( $(#[$doc:meta])* $variant:ident $ko:literal $en:literal )*) => {
        /// What a document is.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        pub enum DocumentType { $( $(#[$doc])* $variant, )* }

        impl DocumentType {
            /// All of them, sorted by name.
            pub const ALL: &'static [DocumentType] = &[ $( DocumentType::$variant, )* ];

            /// The name that users see and type.
            pub fn as_str(self) -> &'static str { match self { $( DocumentType::$variant => stringify!($variant), )* } }

            /// What people call it.
            pub fn title(self, language: super::finding::Language) -> &'static str {
                match (self, language) { $(
                    (DocumentType::$variant, super::finding::Language::Ko) => $ko,
                    (DocumentType::$variant, super::finding::Language::En) => $en,
                )* }
            }
        }
    };
}

document_types! {
    /// A person who may sign in, with role and organisation. Ours.
    Account "사용자" "Account"
    /// What is agreed with a partner for one document type in one direction. Ours.
    Agreement "약정" "Agreement"
    /// An answer to a document: received, well formed, accepted, rejected (UBL ApplicationResponse, EDIFACT CONTRL).
    ApplicationResponse "수신 응답" "Application response"
    /// Products with prices.
    Catalogue "제품 목록" "Catalogue"
    /// What was sent, in which parcels.
    DespatchAdvice "출하 통지" "Despatch advice"
    /// A message to a person by mail. Ours.
    Notice "알림" "Notice"
    /// A purchase order.
    Order "주문" "Order"
    /// What the seller or producer says to an order, line by line.
    OrderResponse "주문 응답" "Order response"
    /// A company and who it is. Ours.
    Party "거래처" "Party"
    /// What is owed for a period, line by line.
    Statement "정산서" "Statement"
    /// What happened to a parcel (UBL TransportationStatus).
    TransportationStatus "배송 소식" "Transportation status"
}

impl fmt::Display for DocumentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DocumentType {
    type Err = String;

    fn from_str(text: &str) -> Result<DocumentType, String> {
        let plain =
            |text: &str| text.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>().to_ascii_lowercase();
        let wanted = plain(text);
        DocumentType::ALL.iter().copied().find(|kind| plain(kind.as_str()) == wanted).ok_or_else(|| {
            let names: Vec<_> = DocumentType::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("no document is called {text}; there are {}", names.join(", "))
        })
    }
}
