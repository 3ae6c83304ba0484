//! When a certificate ends: the one field of X.509 (RFC 5280 section 4.1.2.5) that `doctor` needs. Everything else about
//! certificates is rustls' business.

use chrono::NaiveDateTime;

/// The end of a DER certificate's validity, UTC milliseconds; none if it is not understood.
pub(super) fn ends_ms(certificate: &[u8]) -> Option<i64> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut fields, _) = element(certificate)?;
    let (tag, _, rest) = element(fields)?;
    // The version is there from version 2 on, under an explicit tag.
    if tag == 0xA0 {
        fields = rest;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        (_, _, fields) = element(fields)?;
    }
    let (_, validity, _) = element(fields)?;
    let (_, _, rest) = element(validity)?;
    let (tag, text, _) = element(rest)?;
    let text = std::str::from_utf8(text).ok()?;
    let text = match tag {
        // UTCTime: years from 50 on are of the last century.
        0x17 => format!("{}{text}", if text.get(..2)?.parse::<u8>().ok()? >= 50 { "19" } else { "20" }),
        0x18 => text.to_owned(),
        _ => return None,
    };
    Some(NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%SZ").ok()?.and_utc().timestamp_millis())
}

/// The first DER element: tag, contents, what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        length = 0;
        let count = usize::from(first & 0x7F);
        if count == 0 || count > 4 {
            return None;
        }
        for _ in 0..count {
            let (&byte, after) = rest.split_first()?;
            length = (length << 8) | usize::from(byte);
            rest = after;
        }
    }
    let (contents, after) = rest.split_at_checked(length)?;
    Some((tag, contents, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate() {
        let check = |year, expected_ms| {
            let mut params = rcgen::CertificateParams::new(vec!["hub.example".to_owned()]).unwrap();
            params.not_after = rcgen::date_time_ymd(year, 11, 24);
            let key = rcgen::KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap();
            assert_eq!(ends_ms(certificate.der()), Some(expected_ms), "{year}");
        };
        check(2027, 1_827_014_400_000);
        // From 2050 on the time is written another way.
        check(2060, 2_868_480_000_000);
    }

    #[test]
    fn anything_else_is_not_understood() {
        for bytes in
            [&[][..], &[0x30], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], b"hello", &[0x30, 0x03, 0x30, 0x01, 0x02]]
        {
            assert_eq!(ends_ms(bytes), None);
        }
    }
}
