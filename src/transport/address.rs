//! Which network addresses we connect to for a partner: by default the public ones only, so that an address in an
//! agreement cannot reach into the machine or the network it stands in (rules.md 6).
//!
//! After the IANA special-purpose registries (RFC 6890 and its updates). IPv6 is global unicast (2000::/3) without the
//! ranges that tunnel, translate or document. Names are not looked at here: what is checked is what was resolved, and
//! what was checked is what is connected to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A range of addresses: `10.1.0.0/16`, `127.0.0.1`, `fd00::/8`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressRange {
    base: IpAddr,
    prefix: u8,
}

impl AddressRange {
    /// Whether the address is in it. An IPv4-mapped one is taken as the IPv4 address it carries.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => within4(address, base, self.prefix),
            (IpAddr::V6(base), IpAddr::V6(address)) => within6(address, base, self.prefix),
            _ => false,
        }
    }
}

fn within4(address: Ipv4Addr, base: Ipv4Addr, prefix: u8) -> bool {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
    address.to_bits() & mask == base.to_bits() & mask
}

fn within6(address: Ipv6Addr, base: Ipv6Addr, prefix: u8) -> bool {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
    address.to_bits() & mask == base.to_bits() & mask
}

impl FromStr for AddressRange {
    type Err = String;

    fn from_str(text: &str) -> Result<AddressRange, String> {
        let wrong = || format!("write {text} as an address or a range, for example 10.1.0.0/16");
        let (base, prefix) = match text.split_once('/') {
            Some((base, prefix)) => (base, Some(prefix.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let base: IpAddr = base.trim().parse().map_err(|_| wrong())?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        if prefix > longest { Err(wrong()) } else { Ok(AddressRange { base, prefix }) }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = if self.base.is_ipv4() { 32 } else { 128 };
        if self.prefix == longest { self.base.fmt(f) } else { write!(f, "{}/{}", self.base, self.prefix) }
    }
}

impl Serialize for AddressRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AddressRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AddressRange, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What an address is, if it is no public one.
pub fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => not_public4(address),
        IpAddr::V6(address) => not_public6(address),
    }
}

/// Whether we may connect there: public, or allowed by the configuration.
pub fn check(address: IpAddr, allowed: &[AddressRange]) -> Result<(), String> {
    match not_public(address) {
        Some(what) if !allowed.iter().any(|range| range.contains(address)) => {
            Err(format!("{address} is {what}, which the configuration does not allow (http_out.allow_private)"))
        }
        _ => Ok(()),
    }
}

const RANGES_4: &[(Ipv4Addr, u8, &str)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, "unspecified"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "a private address"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "an address shared by a carrier"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "a loopback address"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "a link-local address"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "a private address"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "a protocol address"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "a documentation address"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a tunnel address"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "a private address"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "a benchmark address"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "a documentation address"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "a documentation address"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "a multicast address"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "a reserved address"),
];

const RANGES_6: &[(Ipv6Addr, u8, &str)] = &[
    (Ipv6Addr::UNSPECIFIED, 128, "unspecified"),
    (Ipv6Addr::LOCALHOST, 128, "a loopback address"),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, "an IPv4-mapped address"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "a link-local address"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "a private address"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "a multicast address"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "a tunnel or protocol address"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "a documentation address"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "a tunnel address"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "a documentation address"),
];

fn not_public4(address: Ipv4Addr) -> Option<&'static str> {
    RANGES_4.iter().find(|(base, prefix, _)| within4(address, *base, *prefix)).map(|(_, _, what)| *what)
}

fn not_public6(address: Ipv6Addr) -> Option<&'static str> {
    let listed = RANGES_6.iter().find(|(base, prefix, _)| within6(address, *base, *prefix)).map(|(_, _, what)| *what);
    listed.or_else(|| {
        let global = within6(address, Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
        (!global).then_some("not a global address")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(list: &[&str]) -> Vec<AddressRange> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn only_public_ones() {
        for refused in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "::ffff:127.0.0.1",
            "::8.8.8.8",
            "64:ff9b::a00:1",
            "fe80::1",
            "fec0::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "100::1",
        ] {
            assert!(check(refused.parse().unwrap(), &[]).is_err(), "{refused}");
        }
        for good in ["8.8.8.8", "172.32.0.1", "100.63.0.1", "100.128.0.1", "223.255.255.255", "2606:4700::1111"] {
            assert_eq!(check(good.parse().unwrap(), &[]), Ok(()), "{good}");
        }
    }

    #[test]
    fn the_configuration_allows_ranges() {
        let allowed = ranges(&["10.1.0.0/16", "127.0.0.1", "::1", "fd12:3456::/32"]);
        for good in ["10.1.255.1", "127.0.0.1", "::ffff:127.0.0.1", "::1", "fd12:3456:1::9"] {
            assert_eq!(check(good.parse().unwrap(), &allowed), Ok(()), "{good}");
        }
        for refused in ["10.2.0.1", "127.0.0.2", "::ffff:10.2.0.1", "fd12:3457::1", "169.254.169.254"] {
            assert!(check(refused.parse().unwrap(), &allowed).is_err(), "{refused}");
        }
        let all = ranges(&["0.0.0.0/0", "::/0"]);
        assert_eq!(check("169.254.169.254".parse().unwrap(), &all), Ok(()));
    }

    #[test]
    fn ranges_as_text() {
        for text in ["10.1.0.0/16", "127.0.0.1", "::/0", "fd00::/8"] {
            assert_eq!(text.parse::<AddressRange>().unwrap().to_string(), text);
        }
        for wrong in ["", "localhost", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/8/8"] {
            assert!(wrong.parse::<AddressRange>().is_err(), "{wrong}");
        }
    }
}
