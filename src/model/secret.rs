//! Text that must not be seen: passwords, keys, tokens. Wiped from memory when dropped, masked wherever it is printed
//! or written. Only [`Secret::expose`] shows it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize;

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// A secret text. Empty means that there is none.
#[derive(Clone, Default)]
pub struct Secret(String);

impl Secret {
    /// Takes a text in.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What may be printed: `***`, or nothing where there is none.
    pub fn masked(&self) -> &'static str {
        if self.0.is_empty() { "" } else { MASK }
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Compares in a time that depends on the lengths only.
impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        let (one, two) = (self.0.as_bytes(), other.0.as_bytes());
        let differ = one.iter().zip(two).fold(0u8, |differ, (a, b)| std::hint::black_box(differ | (a ^ b)));
        one.len() == two.len() && differ == 0
    }
}

impl Eq for Secret {}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.masked())
    }
}

/// Writes the mask, so that no JSON, TOML or log can carry it by accident.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.masked())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret)
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn never_shown_by_accident() {
        let secret = Secret::new("open sesame");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
        assert_eq!(format!("{:?}", Secret::default()), "");
        assert_eq!(secret.expose(), "open sesame");
    }

    #[test]
    fn equal_only_when_the_same() {
        assert_eq!(Secret::new("abc"), Secret::new("abc"));
        for other in ["", "ab", "abd", "abcd"] {
            assert_ne!(Secret::new("abc"), Secret::new(other));
        }
    }
}
