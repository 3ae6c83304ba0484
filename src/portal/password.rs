//! Passwords of people: Argon2id (RFC 9106) in PHC form. Passwords are no documents (rules.md 8); the command line and
//! the account page set them.

use std::sync::LazyLock;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use ring::rand::SystemRandom;

use crate::error::{Error, Kind, Result};
use crate::model::secret::{Secret, random_bytes};

/// Fewest characters of a password that is set.
pub const SHORTEST: usize = 10;

/// Longest password that is looked at, bytes.
pub const LONGEST_BYTES: usize = 1024;

/// Memory in KiB, passes and lanes of a new hash; stored ones say their own.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

fn argon() -> Argon2<'static> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash under which a password is kept. Takes tens of milliseconds: not for async threads.
pub fn hash(password: &Secret) -> Result<String> {
    let failed = |error| Error::new(Kind::Crypto, format!("hash a password: {error}"));
    let salt = random_bytes::<16>(&SystemRandom::new())?;
    let salt = SaltString::encode_b64(salt.as_slice()).map_err(failed)?;
    let hash = argon().hash_password(password.expose().as_bytes(), &salt).map_err(failed)?;
    Ok(hash.to_string())
}

/// Whether a password fits a hash. An empty or unreadable hash fits none and takes as long, so that the time does not
/// tell which names exist. Takes tens of milliseconds: not for async threads.
pub fn fits(password: &Secret, hash: &str) -> bool {
    static NOBODY: LazyLock<String> = LazyLock::new(|| self::hash(&Secret::new("nobody")).unwrap_or_default());
    let parsed = PasswordHash::new(hash);
    let known = parsed.is_ok();
    let Some(hash) = parsed.ok().or_else(|| PasswordHash::new(&NOBODY).ok()) else { return false };
    let password = password.expose().as_bytes();
    argon().verify_password(password, &hash).is_ok() && known
}

#[cfg(test)]
mod tests {
    use super::*;

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
