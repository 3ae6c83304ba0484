//! Text that must not be seen: passwords, keys, tokens. Wiped from memory when dropped, masked wherever it is printed
//! or written. Only [`Secret::expose`] shows it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, Kind, Result};

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

    /// A new one of 256 random bits: the prefix and 43 characters of base64url.
    pub fn generate(prefix: &str, random: &SystemRandom) -> Result<Secret> {
        let bits = random_bytes::<32>(random)?;
        let mut text = String::with_capacity(prefix.len() + 43);
        text.push_str(prefix);
        URL_SAFE_NO_PAD.encode_string(bits.as_slice(), &mut text);
        Ok(Secret(text))
    }

    /// Its SHA-256, under which a random secret of ours is kept and looked up. Not for passwords of people.
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, self.0.as_bytes()).as_ref());
        digest
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

/// Random bytes that are wiped when dropped.
pub fn random_bytes<const N: usize>(random: &SystemRandom) -> Result<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    let failed = |_| Error::new(Kind::Crypto, "draw random bytes from the system");
    random.fill(bytes.as_mut_slice()).map_err(failed)?;
    Ok(bytes)
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
    use super::{Secret, SystemRandom};

    #[test]
    fn never_shown_by_accident() {
        let secret = Secret::new("open sesame");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
        assert_eq!(format!("{:?}", Secret::default()), "");
        assert_eq!(secret.expose(), "open sesame");
    }

    #[test]
    fn generated_ones_differ_and_have_a_digest() {
        let random = SystemRandom::new();
        let one = Secret::generate("dk_", &random).unwrap();
        assert!(one.expose().starts_with("dk_") && one.expose().len() == 46);
        assert_ne!(one, Secret::generate("dk_", &random).unwrap());
        let hex: String = Secret::new("abc").digest().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn equal_only_when_the_same() {
        assert_eq!(Secret::new("abc"), Secret::new("abc"));
        for other in ["", "ab", "abd", "abcd"] {
            assert_ne!(Secret::new("abc"), Secret::new(other));
        }
    }
}
