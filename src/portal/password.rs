//! Passwords of people: Argon2id (RFC 9106) in PHC form. Passwords are no documents (rules.md 8); the command line and
//! the account page set them.

use std::sync::LazyLock;

use argon2::password_hash::{Output, ParamsString, PasswordHash, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use ring::rand::SystemRandom;

use crate::error::{Error, Kind, Result};
use crate::model::secret::{Secret, random_bytes};

/// Fewest characters of a password that is set.
pub const SHORTEST: usize = 10;

/// Longest password that is looked at, bytes.
pub const LONGEST_BYTES: usize = 1024;

/// Memory in KiB, passes and lanes of a new hash; stored ones say their own.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Blocks of 1 KiB that are reserved for a hash, of which only those needed are touched: what is larger than 32 MiB the
/// C library gives back to the system when it is freed, while smaller pieces of this size stay with the process.
const RESERVED_BLOCKS: usize = 33 * 1024;

/// Bytes of a hash.
const OUTPUT_BYTES: usize = 32;

fn params() -> Params {
    let (memory, passes, lanes) = COST;
    Params::new(memory, passes, lanes, None).unwrap_or_default()
}

/// The hash itself. Takes tens of milliseconds.
fn derive(password: &Secret, salt: &[u8], params: Params, out: &mut [u8]) -> argon2::Result<()> {
    let blocks = params.block_count();
    let mut memory = Vec::with_capacity(blocks.max(RESERVED_BLOCKS));
    memory.resize(blocks, Block::default());
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into_with_memory(password.expose().as_bytes(), salt, out, &mut memory)
}

/// Letters and digits that are not taken for each other.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A password of 80 random bits, written in fours.
pub fn new() -> Result<Secret> {
    let bytes = random_bytes::<16>(&SystemRandom::new())?;
    let mut text = String::with_capacity(20);
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 && index % 4 == 0 {
            text.push('-');
        }
        text.push(char::from(LETTERS.get(usize::from(byte & 31)).copied().unwrap_or(b'a')));
    }
    Ok(Secret::new(text))
}

/// The hash under which a password is kept. Takes tens of milliseconds: not for async threads.
pub fn hash(password: &Secret) -> Result<String> {
    let failed = |error: &dyn std::fmt::Display| Error::new(Kind::Crypto, format!("hash a password: {error}"));
    let raw = random_bytes::<16>(&SystemRandom::new())?;
    let salt = SaltString::encode_b64(raw.as_slice()).map_err(|error| failed(&error))?;
    let mut out = [0; OUTPUT_BYTES];
    derive(password, raw.as_slice(), params(), &mut out).map_err(|error| failed(&error))?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params()).map_err(|error| failed(&error))?,
        salt: Some(salt.as_salt()),
        hash: Some(Output::new(&out).map_err(|error| failed(&error))?),
    };
    Ok(hash.to_string())
}

/// Whether a password fits a hash. An empty or unreadable hash fits none and takes as long, so that the time does not
/// tell which names exist. Takes tens of milliseconds: not for async threads.
pub fn fits(password: &Secret, hash: &str) -> bool {
    static NOBODY: LazyLock<String> = LazyLock::new(|| self::hash(&Secret::new("nobody")).unwrap_or_default());
    let parsed = PasswordHash::new(hash);
    let known = parsed.is_ok();
    let Some(hash) = parsed.ok().or_else(|| PasswordHash::new(&NOBODY).ok()) else { return false };
    again(password, &hash).is_some_and(|same| same) && known
}

/// Whether hashing again gives the same, by the hash's own parameters; none if it is of another kind.
fn again(password: &Secret, hash: &PasswordHash<'_>) -> Option<bool> {
    let (salt, expected) = (hash.salt?, hash.hash?);
    if hash.algorithm != Algorithm::Argon2id.ident() || hash.version != Some(Version::V0x13.into()) {
        return None;
    }
    let mut raw = [0; 64];
    let salt = salt.decode_b64(&mut raw).ok()?;
    let mut out = vec![0; expected.len()];
    derive(password, salt, Params::try_from(hash).ok()?, &mut out).ok()?;
    // Compared in constant time.
    Some(Output::new(&out).ok()? == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_passwords_are_long_and_differ() {
        let made = new().unwrap();
        assert_eq!(made.expose().len(), 19);
        assert!(made.expose().chars().count() >= SHORTEST && made != new().unwrap());
    }

    #[test]
    fn only_the_password_fits() {
        let kept = hash(&Secret::new("두레 함께 일하기")).unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(fits(&Secret::new("두레 함께 일하기"), &kept));
        assert!(!fits(&Secret::new("두레 함께 일하"), &kept));
        // An account without a password: not even the one that stands in for it.
        assert!(!fits(&Secret::new("nobody"), ""));
        assert!(!fits(&Secret::new(""), ""));
    }
}
