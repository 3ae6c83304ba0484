//! Credentials at the edge: API keys, the `Authorization` header, and the file of the sealing key.
//!
//! An API key is `dk_` and 256 random bits, shown once and kept as its SHA-256. HTTP Basic is RFC 7617 (user name: the key
//! id), Bearer is RFC 6750. Signed requests are in `webhook`.

use std::io::{Read, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::model::seal::Sealer;
use crate::model::secret::{Secret, random_bytes};

/// What an API key starts with.
pub const API_KEY_PREFIX: &str = "dk_";

/// The longest `Authorization` value that is looked at, bytes.
const LONGEST_HEADER: usize = 8 << 10;

/// The longest file of sealing keys, bytes.
const LONGEST_KEY_FILE: u64 = 4 << 10;

/// A new API key: the text to show once, and the digest to keep.
pub fn new_api_key(random: &SystemRandom) -> Result<(Secret, [u8; 32])> {
    let key = Secret::generate(API_KEY_PREFIX, random)?;
    let digest = key.digest();
    Ok((key, digest))
}

/// What a caller shows in `Authorization`.
#[derive(Debug, PartialEq, Eq)]
pub enum Credential {
    /// `Bearer KEY`.
    Bearer(Secret),
    /// `Basic base64(user:password)`; for partners the key id and the key.
    Basic {
        /// The part before the first colon.
        user: String,
        /// The part after it.
        password: Secret,
    },
}

impl Credential {
    /// From the value of the header; none if it is of another kind or malformed.
    pub fn from_header(value: &str) -> Option<Credential> {
        if value.len() > LONGEST_HEADER {
            return None;
        }
        let (scheme, rest) = value.trim().split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") && !rest.is_empty() && !rest.contains(' ') {
            Some(Credential::Bearer(Secret::new(rest)))
        } else if scheme.eq_ignore_ascii_case("basic") {
            let plain = Zeroizing::new(STANDARD.decode(rest).ok()?);
            let (user, password) = std::str::from_utf8(&plain).ok()?.split_once(':')?;
            Some(Credential::Basic { user: user.to_owned(), password: Secret::new(password) })
        } else {
            None
        }
    }

    /// The value of the header that shows it.
    pub fn to_header(&self) -> Secret {
        match self {
            Credential::Bearer(token) => Secret::new(format!("Bearer {}", token.expose())),
            Credential::Basic { user, password } => {
                let plain = Zeroizing::new(format!("{user}:{}", password.expose()));
                Secret::new(format!("Basic {}", STANDARD.encode(plain.as_bytes())))
            }
        }
    }

    /// From how agreements write it: `bearer:TOKEN` or `basic:USER:PASSWORD`.
    pub fn from_agreement(text: &Secret) -> Option<Credential> {
        match text.expose().split_once(':')? {
            ("bearer", token) if !token.is_empty() => Some(Credential::Bearer(Secret::new(token))),
            ("basic", rest) => {
                let (user, password) = rest.split_once(':')?;
                Some(Credential::Basic { user: user.to_owned(), password: Secret::new(password) })
            }
            _ => None,
        }
    }
}

/// Writes a new sealing key to a file that only its owner can read. Never writes over one: what it sealed would be lost.
pub fn create_sealing_key(file: &Path, random: &SystemRandom) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let wrong = |error: std::io::Error| Error::from(error).context(format!("write the sealing key {}", file.display()));
    let bytes = random_bytes::<32>(random)?;
    let line = Zeroizing::new(format!("{}\n", STANDARD.encode(bytes.as_slice())));
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(wrong)?;
    out.write_all(line.as_bytes()).and_then(|()| out.sync_all()).map_err(wrong)
}

/// The sealer of this hub: the key given by the configuration, or else the file, one key in base64 a line, newest first.
pub fn open_sealer(file: &Path, given: &Secret, random: SystemRandom) -> Result<Sealer> {
    let (text, origin) = if given.is_empty() {
        (read_key_file(file)?, file.display().to_string())
    } else {
        (Zeroizing::new(given.expose().to_owned()), "keys.sealing_key".to_owned())
    };
    let keys: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| decode_key(line).ok_or_else(|| wrong_key(&origin)))
        .collect::<Result<_>>()?;
    Sealer::new(&keys, random).map_err(|error| error.context(origin))
}

fn wrong_key(origin: &str) -> Error {
    Error::new(Kind::Config, format!("{origin}: a sealing key is 32 bytes in base64"))
}

fn decode_key(line: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(STANDARD.decode(line).ok()?);
    Some(Zeroizing::new(bytes.as_slice().try_into().ok()?))
}

fn read_key_file(file: &Path) -> Result<Zeroizing<String>> {
    use std::os::unix::fs::MetadataExt;
    let wrong = |error: std::io::Error| {
        Error::config(format!("read the sealing key {} (written by `dure init`)", file.display())).caused_by(error)
    };
    let open = std::fs::File::open(file).map_err(wrong)?;
    if open.metadata().map_err(wrong)?.mode() & 0o077 != 0 {
        let name = file.display();
        return Err(Error::config(format!("others can read the sealing key {name}; run chmod 600 {name}")));
    }
    let mut text = Zeroizing::new(String::new());
    open.take(LONGEST_KEY_FILE).read_to_string(&mut text).map_err(wrong)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: Option<(&str, &str)>) {
        let found = Credential::from_header(header).map(|credential| match credential {
            Credential::Bearer(token) => (String::new(), token.expose().to_owned()),
            Credential::Basic { user, password } => (user, password.expose().to_owned()),
        });
        assert_eq!(found, expected.map(|(user, secret)| (user.to_owned(), secret.to_owned())), "{header}");
    }

    #[test]
    fn authorization_headers() {
        check("Bearer dk_abc", Some(("", "dk_abc")));
        check("bearer  dk_abc ", Some(("", "dk_abc")));
        // RFC 7617 section 2 and 2.1.
        check("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some(("Aladdin", "open sesame")));
        check("BASIC dGVzdDoxMjPCow==", Some(("test", "123£")));
        check("Basic a2V5OmE6Yg==", Some(("key", "a:b")));
        for wrong in
            ["", "Bearer", "Bearer ", "Bearer a b", "Basic ???", "Basic bm9jb2xvbg==", "Digest x", "Basic /w=="]
        {
            check(wrong, None);
        }
        check(&format!("Bearer {}", "x".repeat(LONGEST_HEADER)), None);
    }

    #[test]
    fn headers_come_back() {
        for text in ["bearer:abc:def", "basic:hub:pass:word", "basic:hub:"] {
            let credential = Credential::from_agreement(&Secret::new(text)).unwrap();
            assert_eq!(Credential::from_header(credential.to_header().expose()), Some(credential), "{text}");
        }
        for wrong in ["", "abc", "bearer:", "basic:hub", "digest:x:y"] {
            assert!(Credential::from_agreement(&Secret::new(wrong)).is_none(), "{wrong}");
        }
    }

    #[test]
    fn an_api_key_is_kept_as_its_digest() {
        let (key, digest) = new_api_key(&SystemRandom::new()).unwrap();
        assert_eq!(Secret::new(key.expose()).digest(), digest);
        assert!(key.expose().starts_with("dk_"));
    }

    #[test]
    fn the_sealing_key_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sealing.key");
        let random = SystemRandom::new();
        let none = Secret::default();
        assert!(open_sealer(&file, &none, random.clone()).err().unwrap().to_string().contains("dure init"));
        create_sealing_key(&file, &random).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let sealed = open_sealer(&file, &none, random.clone()).unwrap().seal("p", &Secret::new("x")).unwrap();
        assert!(create_sealing_key(&file, &random).is_err());
        let given = Secret::new(std::fs::read_to_string(&file).unwrap());
        let by_text = open_sealer(Path::new("/nowhere"), &given, random.clone()).unwrap();
        assert_eq!(by_text.open("p", &sealed).unwrap().expose(), "x");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(open_sealer(&file, &none, random.clone()).err().unwrap().to_string().contains("chmod 600"));
        for wrong in ["abc", "AAAA", "not base64 at all"] {
            assert!(open_sealer(&file, &Secret::new(wrong), random.clone()).is_err(), "{wrong}");
        }
    }
}
