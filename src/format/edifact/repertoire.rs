//! Character repertoires of ISO 9735 data element 0001: UNOA to UNOK, UNOW, UNOY, and KECA of Korean EDI.
//!
//! Level A and B are checked by character; UNOC to UNOK are parts of ISO 8859, UNOW and UNOY are UTF-8 here (UTF-16 is
//! turned into it before the lexer), KECA is CP949, which holds KS X 1001. Left out: UNOX (ISO 2022).

use std::borrow::Cow;

use encoding_rs::{
    EUC_KR, Encoding, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5, ISO_8859_6, ISO_8859_7, ISO_8859_8, UTF_8,
    WINDOWS_1252, WINDOWS_1254,
};

/// A repertoire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Repertoire {
    /// Data element 0001.
    pub identifier: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// No lower case, no national positions.
    LevelA,
    /// As A, with lower case.
    LevelB,
    /// A part of ISO 8859. 0x80 to 0x9F are controls there, whatever the decoder makes of them.
    Latin(&'static Encoding),
    /// Many bytes a character.
    Wide(&'static Encoding),
}

/// 8859-1 and 8859-9 are read through their Windows relatives, which differ only in the controls.
const ALL: &[Repertoire] = &[
    Repertoire { identifier: "KECA", kind: Kind::Wide(EUC_KR) },
    Repertoire { identifier: "UNOA", kind: Kind::LevelA },
    Repertoire { identifier: "UNOB", kind: Kind::LevelB },
    Repertoire { identifier: "UNOC", kind: Kind::Latin(WINDOWS_1252) },
    Repertoire { identifier: "UNOD", kind: Kind::Latin(ISO_8859_2) },
    Repertoire { identifier: "UNOE", kind: Kind::Latin(ISO_8859_5) },
    Repertoire { identifier: "UNOF", kind: Kind::Latin(ISO_8859_7) },
    Repertoire { identifier: "UNOG", kind: Kind::Latin(ISO_8859_3) },
    Repertoire { identifier: "UNOH", kind: Kind::Latin(ISO_8859_4) },
    Repertoire { identifier: "UNOI", kind: Kind::Latin(ISO_8859_6) },
    Repertoire { identifier: "UNOJ", kind: Kind::Latin(ISO_8859_8) },
    Repertoire { identifier: "UNOK", kind: Kind::Latin(WINDOWS_1254) },
    Repertoire { identifier: "UNOW", kind: Kind::Wide(UTF_8) },
    Repertoire { identifier: "UNOY", kind: Kind::Wide(UTF_8) },
];

/// What is wrong with bytes that were decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// A character the repertoire does not have, though it could be told what it is.
    Odd(char),
    /// Bytes that are no character. They are U+FFFD in the text.
    Invalid,
}

impl Repertoire {
    /// By data element 0001.
    pub fn of(identifier: &str) -> Option<Repertoire> {
        ALL.iter().copied().find(|known| known.identifier == identifier)
    }

    /// UTF-8, whatever the header says: the bytes began with its mark.
    pub fn utf8(identifier: &'static str) -> Repertoire {
        Repertoire { identifier, kind: Kind::Wide(UTF_8) }
    }

    /// By its charset name, as a transport or an agreement gives it.
    pub fn of_charset(identifier: &'static str, charset: &str) -> Option<Repertoire> {
        let encoding = Encoding::for_label(charset.trim().as_bytes())?;
        let single = encoding.is_single_byte();
        Some(Repertoire { identifier, kind: if single { Kind::Latin(encoding) } else { Kind::Wide(encoding) } })
    }

    /// Identifiers of all of them.
    pub fn identifiers() -> impl Iterator<Item = &'static str> {
        ALL.iter().map(|repertoire| repertoire.identifier)
    }

    /// Whether lengths are counted in bytes, two for every character outside of ASCII.
    pub fn counts_bytes(self) -> bool {
        self.kind == Kind::Wide(EUC_KR)
    }

    /// Whether it has nothing outside of ASCII.
    pub fn is_ascii(self) -> bool {
        matches!(self.kind, Kind::LevelA | Kind::LevelB)
    }

    /// Whether every character is one byte.
    pub fn is_single_byte(self) -> bool {
        !matches!(self.kind, Kind::Wide(_))
    }

    /// Whether a byte below 0x80 is one of its characters. Controls never are. From version 4 on level A and B have the
    /// low line.
    pub fn has_ascii(self, byte: u8, version: u8) -> bool {
        let level_a = byte.is_ascii_uppercase()
            || byte.is_ascii_digit()
            || b" .,-()/='+:?!\"%&*;<>".contains(&byte)
            || (byte == b'_' && version >= 4);
        match self.kind {
            Kind::LevelA => level_a,
            Kind::LevelB => level_a || byte.is_ascii_lowercase(),
            Kind::Latin(_) | Kind::Wide(_) => (0x20..0x7f).contains(&byte),
        }
    }

    /// Text of bytes that are not all below 0x80.
    pub fn decode(self, bytes: &[u8]) -> (Cow<'_, str>, Option<Trouble>) {
        match self.kind {
            Kind::LevelA | Kind::LevelB => {
                // Neither has such characters. What the sender meant is UTF-8 if it can be, else Latin 1.
                let text = match std::str::from_utf8(bytes) {
                    Ok(text) => Cow::Borrowed(text),
                    Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
                };
                let odd = text.chars().find(|c| !c.is_ascii()).map(Trouble::Odd);
                (text, odd)
            }
            Kind::Latin(encoding) => {
                if bytes.iter().any(|byte| (0x80..0xa0).contains(byte)) {
                    let text = match std::str::from_utf8(bytes) {
                        Ok(text) => Cow::Borrowed(text),
                        Err(_) => encoding.decode_without_bom_handling(bytes).0,
                    };
                    let odd = text.chars().find(|c| !self.has(*c)).map(Trouble::Odd);
                    return (text, odd);
                }
                let (text, invalid) = encoding.decode_without_bom_handling(bytes);
                (text, invalid.then_some(Trouble::Invalid))
            }
            Kind::Wide(encoding) => {
                let (text, invalid) = encoding.decode_without_bom_handling(bytes);
                (text, invalid.then_some(Trouble::Invalid))
            }
        }
    }

    /// Appends a character in this repertoire. False, with nothing appended, if it has none such.
    pub fn encode(self, c: char, version: u8, out: &mut Vec<u8>) -> bool {
        if let Ok(byte) = u8::try_from(c)
            && byte.is_ascii()
        {
            let has = self.has_ascii(byte, version);
            if has {
                out.push(byte);
            }
            return has;
        }
        if c.is_control() {
            return false;
        }
        let (encoding, single) = match self.kind {
            Kind::LevelA | Kind::LevelB => return false,
            Kind::Latin(encoding) => (encoding, true),
            Kind::Wide(encoding) => (encoding, false),
        };
        let mut utf8 = [0; 4];
        let (bytes, _, missing) = encoding.encode(c.encode_utf8(&mut utf8));
        if missing || (single && bytes.iter().any(|byte| (0x80..0xa0).contains(byte))) {
            return false;
        }
        out.extend_from_slice(&bytes);
        true
    }

    /// Whether it has a character (controls aside).
    pub fn has(self, c: char) -> bool {
        self.encode(c, 4, &mut Vec::with_capacity(4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(identifier: &str, text: &str) -> Result<Vec<u8>, char> {
        let repertoire = Repertoire::of(identifier).unwrap();
        let mut out = Vec::new();
        match text.chars().find(|c| !repertoire.encode(*c, 3, &mut out)) {
            Some(missing) => Err(missing),
            None => Ok(out),
        }
    }

    fn decoded(identifier: &str, bytes: &[u8]) -> (String, Option<Trouble>) {
        let (text, trouble) = Repertoire::of(identifier).unwrap().decode(bytes);
        (text.into_owned(), trouble)
    }

    #[test]
    fn writes_what_it_has_and_nothing_else() {
        assert_eq!(encoded("UNOA", "ORDER 4711"), Ok(b"ORDER 4711".to_vec()));
        assert_eq!(encoded("UNOA", "Order"), Err('r'));
        assert_eq!(encoded("UNOB", "Order"), Ok(b"Order".to_vec()));
        assert_eq!(encoded("UNOB", "a@b"), Err('@'));
        assert_eq!(encoded("UNOC", "Käufer"), Ok(b"K\xe4ufer".to_vec()));
        assert_eq!(encoded("UNOC", "9 €"), Err('€'));
        assert_eq!(encoded("UNOC", "부품"), Err('부'));
        assert_eq!(encoded("UNOD", "Łódź"), Ok(b"\xa3\xf3d\xbc".to_vec()));
        assert_eq!(encoded("UNOE", "Завод"), Ok(b"\xb7\xd0\xd2\xde\xd4".to_vec()));
        assert_eq!(encoded("KECA", "부품 똠"), Ok(b"\xba\xce\xc7\xb0 \x8cc".to_vec()));
        assert_eq!(encoded("UNOW", "부"), Ok("부".as_bytes().to_vec()));
        assert_eq!(encoded("UNOW", "a\nb"), Err('\n'));
    }

    #[test]
    fn reads_what_it_has_and_says_what_it_has_not() {
        assert_eq!(decoded("UNOC", b"K\xe4ufer"), ("Käufer".to_owned(), None));
        assert_eq!(decoded("UNOC", b"9 \x80"), ("9 €".to_owned(), Some(Trouble::Odd('€'))));
        assert_eq!(decoded("UNOA", b"K\xe4"), ("Kä".to_owned(), Some(Trouble::Odd('ä'))));
        assert_eq!(decoded("UNOC", "부품".as_bytes()), ("부품".to_owned(), Some(Trouble::Odd('부'))));
        assert_eq!(decoded("KECA", b"\xba\xce\xc7\xb0"), ("부품".to_owned(), None));
        assert_eq!(decoded("KECA", b"\xba"), ("\u{fffd}".to_owned(), Some(Trouble::Invalid)));
        assert_eq!(decoded("UNOW", b"\xff"), ("\u{fffd}".to_owned(), Some(Trouble::Invalid)));
    }

    #[test]
    fn what_it_writes_it_reads() {
        for identifier in Repertoire::identifiers() {
            let repertoire = Repertoire::of(identifier).unwrap();
            for c in ('\u{20}'..'\u{3000}').chain('가'..='힣') {
                let mut bytes = Vec::new();
                if repertoire.encode(c, 4, &mut bytes) && !c.is_ascii() {
                    assert_eq!(repertoire.decode(&bytes), (Cow::from(c.to_string()), None), "{identifier} {c}");
                }
            }
        }
    }
}
