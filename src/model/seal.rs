//! Secrets that must be used again (signing secrets, partners' passwords) sealed for the store: AES-256-GCM.
//!
//! A sealed value is one byte 1, four bytes that name the key (the start of its SHA-256), a random nonce of twelve bytes,
//! then ciphertext and tag. What it belongs to is authenticated with it, so a value moved to another row does not open.
//! Several keys may be known: the first seals, all open; that is how a key is changed.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::SystemRandom;
use zeroize::Zeroizing;

use super::secret::{Secret, random_bytes};
use crate::error::{Error, Kind, Result};

const VERSION: u8 = 1;
const NAME_LEN: usize = 4;
const HEAD_LEN: usize = 1 + NAME_LEN + NONCE_LEN;

/// More old keys than anybody keeps.
const MOST_KEYS: usize = 16;

/// Seals and opens.
pub struct Sealer {
    keys: Vec<([u8; NAME_LEN], LessSafeKey)>,
    random: SystemRandom,
}

impl Sealer {
    /// With these keys, the newest first.
    pub fn new(keys: &[Zeroizing<[u8; 32]>], random: SystemRandom) -> Result<Sealer> {
        if keys.is_empty() || keys.len() > MOST_KEYS {
            return Err(Error::new(
                Kind::Crypto,
                format!("{} sealing keys; 1 to {MOST_KEYS} are possible", keys.len()),
            ));
        }
        let key = |bytes: &Zeroizing<[u8; 32]>| {
            let mut name = [0; NAME_LEN];
            let digest = ring::digest::digest(&ring::digest::SHA256, bytes.as_slice());
            name.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
            let unbound = UnboundKey::new(&AES_256_GCM, bytes.as_slice());
            Ok((name, LessSafeKey::new(unbound.map_err(|_| Error::new(Kind::Crypto, "take in a sealing key"))?)))
        };
        Ok(Sealer { keys: keys.iter().map(key).collect::<Result<_>>()?, random })
    }

    /// Seals a secret for one place, such as `agr_0123456789abc/signing`.
    pub fn seal(&self, place: &str, secret: &Secret) -> Result<Vec<u8>> {
        let failed = || Error::new(Kind::Crypto, format!("seal the secret of {place}"));
        let (name, key) = self.keys.first().ok_or_else(failed)?;
        let nonce = random_bytes::<NONCE_LEN>(&self.random)?;
        let mut sealed = Vec::with_capacity(HEAD_LEN + secret.expose().len() + AES_256_GCM.tag_len());
        sealed.push(VERSION);
        sealed.extend_from_slice(name);
        sealed.extend_from_slice(nonce.as_slice());
        let mut body = secret.expose().as_bytes().to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(*nonce), Aad::from(place), &mut body)
            .map_err(|_| failed())?;
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Opens what was sealed for that place.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Secret> {
        let failed = |why: &str| Error::new(Kind::Crypto, format!("open the secret of {place}: {why}"));
        let (head, body) = sealed.split_at_checked(HEAD_LEN).ok_or_else(|| failed("it is too short"))?;
        let (version, rest) = head.split_at(1);
        let (name, nonce) = rest.split_at(NAME_LEN);
        if version != [VERSION] {
            return Err(failed("it was sealed by a later version"));
        }
        let (_, key) = self
            .keys
            .iter()
            .find(|(known, _)| known == name)
            .ok_or_else(|| failed("it was sealed with a key that is not in the sealing key file"))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| failed("it has no nonce"))?;
        let mut body = Zeroizing::new(body.to_vec());
        let plain = key
            .open_in_place(nonce, Aad::from(place), &mut body)
            .map_err(|_| failed("it was changed, or belongs elsewhere"))?;
        let text = std::str::from_utf8(plain).map_err(|_| failed("it is no text"))?;
        Ok(Secret::new(text))
    }

    /// Whether it was sealed with the newest key; if not, it should be sealed again.
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        let name = sealed.get(1..1 + NAME_LEN);
        self.keys.first().is_some_and(|(current, _)| name == Some(current.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(keys: &[u8]) -> Sealer {
        let keys: Vec<_> = keys.iter().map(|&byte| Zeroizing::new([byte; 32])).collect();
        Sealer::new(&keys, SystemRandom::new()).unwrap()
    }

    #[test]
    fn comes_back_only_where_it_belongs() {
        let sealer = sealer(&[1]);
        for text in ["", "whsec_abc", "비밀번호"] {
            let sealed = sealer.seal("agr_1/signing", &Secret::new(text)).unwrap();
            assert_eq!(sealer.open("agr_1/signing", &sealed).unwrap().expose(), text);
            assert!(sealer.open("agr_2/signing", &sealed).is_err());
            assert_ne!(sealer.seal("agr_1/signing", &Secret::new(text)).unwrap(), sealed);
        }
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let sealer = sealer(&[1]);
        let sealed = sealer.seal("p", &Secret::new("secret")).unwrap();
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(sealer.open("p", &changed).is_err(), "byte {index}");
            assert!(sealer.open("p", &sealed[..index]).is_err(), "length {index}");
        }
    }

    #[test]
    fn keys_are_changed_by_putting_a_new_one_first() {
        let (old, new) = (sealer(&[1]), sealer(&[2, 1]));
        let sealed = old.seal("p", &Secret::new("secret")).unwrap();
        assert_eq!(new.open("p", &sealed).unwrap().expose(), "secret");
        assert!(!new.is_current(&sealed) && old.is_current(&sealed));
        let again = new.seal("p", &Secret::new("secret")).unwrap();
        assert!(new.is_current(&again));
        let refused = old.open("p", &again).unwrap_err().to_string();
        assert!(refused.contains("not in the sealing key file"), "{refused}");
    }
}
