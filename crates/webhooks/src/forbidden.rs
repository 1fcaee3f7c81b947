//! The addresses that deliveries may not reach: one row per reserved range, plus the rules for IPv6 forms that contain
//! an IPv4 address. Used by [`crate::Policy`]. Allowed networks are not considered here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One reserved range.
#[derive(Clone, Copy, Debug)]
struct Range<A> {
    first: A,
    prefix: u32,
    /// The words that explain the refusal.
    what: &'static str,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u32, what: &'static str) -> Range<Ipv4Addr> {
    Range {
        first: Ipv4Addr::new(a, b, c, d),
        prefix,
        what,
    }
}

const fn v6(segments: [u16; 8], prefix: u32, what: &'static str) -> Range<Ipv6Addr> {
    let [a, b, c, d, e, f, g, h] = segments;
    Range {
        first: Ipv6Addr::new(a, b, c, d, e, f, g, h),
        prefix,
        what,
    }
}

/// IANA's special-purpose registry for IPv4, plus multicast and the reserved addresses above it.
const V4: &[Range<Ipv4Addr>] = &[
    v4(0, 0, 0, 0, 8, "this network (RFC 791)"),
    v4(10, 0, 0, 0, 8, "private (RFC 1918)"),
    v4(100, 64, 0, 0, 10, "shared by carriers (RFC 6598)"),
    v4(127, 0, 0, 0, 8, "loopback (RFC 1122)"),
    v4(
        169,
        254,
        0,
        0,
        16,
        "link-local, used for cloud metadata (RFC 3927)",
    ),
    v4(172, 16, 0, 0, 12, "private (RFC 1918)"),
    v4(192, 0, 0, 0, 24, "protocol assignments (RFC 6890)"),
    v4(192, 0, 2, 0, 24, "documentation (RFC 5737)"),
    v4(192, 88, 99, 0, 24, "6to4 relays (RFC 7526)"),
    v4(192, 168, 0, 0, 16, "private (RFC 1918)"),
    v4(198, 18, 0, 0, 15, "benchmarking (RFC 2544)"),
    v4(198, 51, 100, 0, 24, "documentation (RFC 5737)"),
    v4(203, 0, 113, 0, 24, "documentation (RFC 5737)"),
    v4(224, 0, 0, 0, 4, "multicast (RFC 5771)"),
    v4(240, 0, 0, 0, 4, "reserved, with broadcast (RFC 1112)"),
];

/// The same for IPv6. It covers all of `::/8`: loopback, unspecified, IPv4-compatible, IPv4-mapped and IPv4-translated.
/// NAT64 addresses are judged by their IPv4 address before this table is used.
const V6: &[Range<Ipv6Addr>] = &[
    v6(
        [0, 0, 0, 0, 0, 0, 0, 0],
        8,
        "reserved: loopback, unspecified, forms of IPv4 (RFC 4291)",
    ),
    v6(
        [0x64, 0xff9b, 0, 0, 0, 0, 0, 0],
        32,
        "translation prefixes (RFC 6052, RFC 8215)",
    ),
    v6(
        [0x100, 0, 0, 0, 0, 0, 0, 0],
        8,
        "discard-only and reserved (RFC 6666, RFC 4291)",
    ),
    v6([0x200, 0, 0, 0, 0, 0, 0, 0], 7, "reserved (RFC 4048)"),
    v6([0x400, 0, 0, 0, 0, 0, 0, 0], 6, "reserved (RFC 4291)"),
    v6([0x800, 0, 0, 0, 0, 0, 0, 0], 5, "reserved (RFC 4291)"),
    v6([0x1000, 0, 0, 0, 0, 0, 0, 0], 4, "reserved (RFC 4291)"),
    v6(
        [0x2001, 0, 0, 0, 0, 0, 0, 0],
        23,
        "protocol assignments, with Teredo (RFC 2928, RFC 4380)",
    ),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation (RFC 3849)"),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4 (RFC 3056)"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation (RFC 9637)"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "segment routing (RFC 9602)"),
    v6([0x4000, 0, 0, 0, 0, 0, 0, 0], 3, "not assigned (RFC 4291)"),
    v6([0x6000, 0, 0, 0, 0, 0, 0, 0], 3, "not assigned (RFC 4291)"),
    v6([0x8000, 0, 0, 0, 0, 0, 0, 0], 3, "not assigned (RFC 4291)"),
    v6([0xa000, 0, 0, 0, 0, 0, 0, 0], 3, "not assigned (RFC 4291)"),
    v6([0xc000, 0, 0, 0, 0, 0, 0, 0], 3, "not assigned (RFC 4291)"),
    v6([0xe000, 0, 0, 0, 0, 0, 0, 0], 4, "not assigned (RFC 4291)"),
    v6([0xf000, 0, 0, 0, 0, 0, 0, 0], 5, "not assigned (RFC 4291)"),
    v6([0xf800, 0, 0, 0, 0, 0, 0, 0], 6, "not assigned (RFC 4291)"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique local (RFC 4193)"),
    v6([0xfe00, 0, 0, 0, 0, 0, 0, 0], 9, "not assigned (RFC 4291)"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local (RFC 4291)"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local (RFC 3879)"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast (RFC 4291)"),
];

/// The parts of `2001::/23` that are globally reachable.
const V6_REACHABLE: &[Range<Ipv6Addr>] = &[
    v6(
        [0x2001, 1, 0, 0, 0, 0, 0, 1],
        128,
        "port control anycast (RFC 7723)",
    ),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 2], 128, "TURN anycast (RFC 8155)"),
    v6([0x2001, 3, 0, 0, 0, 0, 0, 0], 32, "multicast tunnels (RFC 7450)"),
    v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48, "AS112 (RFC 7535)"),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, "ORCHIDv2 (RFC 7343)"),
];

/// Why an address is not public, in the words of its range. `None` for a public address.
pub(crate) fn reason(address: IpAddr) -> Option<&'static str> {
    match canonical(address) {
        IpAddr::V4(address) => reason_v4(address),
        IpAddr::V6(address) => reason_v6(address),
    }
}

/// Converts IPv4-mapped IPv6 (`::ffff:a.b.c.d`) to the IPv4 address that a socket would dial. All other addresses stay
/// unchanged.
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn reason_v4(address: Ipv4Addr) -> Option<&'static str> {
    V4.iter()
        .find(|range| {
            within(
                u32::from(address).into(),
                u32::from(range.first).into(),
                range.prefix + 96,
            )
        })
        .map(|range| range.what)
}

fn reason_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(carried) = nat64(address) {
        return reason_v4(carried);
    }
    let inside = |range: &&Range<Ipv6Addr>| within(address.into(), range.first.into(), range.prefix);
    if V6_REACHABLE.iter().any(|range| inside(&range)) {
        return None;
    }
    V6.iter().find(inside).map(|range| range.what)
}

/// The IPv4 address inside the well-known prefix `64:ff9b::/96` (RFC 6052).
fn nat64(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
        }
        _ => None,
    }
}

fn within(address: u128, first: u128, prefix: u32) -> bool {
    (address ^ first) >> (128 - prefix) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forbidden(text: &str) -> bool {
        reason(text.parse().expect(text)).is_some()
    }

    /// Checks the bounds of every range, computed from the table. The neighbours are listed by hand in the next test.
    #[test]
    fn every_range_is_refused_from_its_first_to_its_last_address() {
        for range in V4 {
            let first = u32::from(range.first);
            let last = first | (u32::MAX.checked_shr(range.prefix).unwrap_or(0));
            for address in [first, last, first + (last - first) / 2] {
                assert!(
                    reason(IpAddr::V4(address.into())).is_some(),
                    "{}",
                    Ipv4Addr::from(address)
                );
            }
        }
        for range in V6 {
            let first = u128::from(range.first);
            let last = first | (u128::MAX >> range.prefix);
            let middle = Ipv6Addr::from(first + (last - first) / 2);
            for address in [Ipv6Addr::from(first), Ipv6Addr::from(last), middle] {
                assert!(reason(IpAddr::V6(address)).is_some(), "{address}");
            }
        }
    }

    /// Written out from IANA's registries, because a row that is missing above would be missing from a test over the rows.
    #[test]
    fn every_block_of_the_special_purpose_registries_is_refused() {
        for block in [
            "0.0.0.0",
            "10.0.0.0",
            "100.64.0.0",
            "127.0.0.0",
            "169.254.0.0",
            "172.16.0.0",
            "192.0.0.0",
            "192.0.2.0",
            "192.88.99.0",
            "192.168.0.0",
            "198.18.0.0",
            "198.51.100.0",
            "203.0.113.0",
            "224.0.0.0",
            "240.0.0.0",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:0:0",
            "64:ff9b:1::",
            "100::",
            "100:0:0:1::",
            "2001::",
            "2001:2::",
            "2001:10::",
            "2001:db8::",
            "2002::",
            "3fff::",
            "5f00::",
            "fc00::",
            "fe80::",
            "ff00::",
        ] {
            assert!(forbidden(block), "{block}");
        }
    }

    #[test]
    fn public_addresses_next_to_the_ranges_are_allowed() {
        for text in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "8.8.8.8",
            "2001:200::1",
            "2001:db7::",
            "2001:db9::",
            "2003::1",
            "2606:4700::1111",
            "2a00::1",
            "3ffe:ffff::",
            "3fff:1000::",
        ] {
            assert!(!forbidden(text), "{text}");
        }
    }

    #[test]
    fn all_forms_of_a_private_ipv4_address_are_refused() {
        for text in [
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::10.0.0.1",
            "2002:7f00:1::",
            "2001:0:7f00:1::1",
            "::1",
            "::",
        ] {
            assert!(forbidden(text), "{text}");
        }
    }

    #[test]
    fn nat64_and_mapped_addresses_inherit_the_verdict_of_the_ipv4_address_they_carry() {
        let mut seed: u32 = 2_463_534_242;
        for _ in 0..20_000 {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            let four = Ipv4Addr::from(seed);
            let [a, b, c, d] = four.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let expected = reason(IpAddr::V4(four)).is_some();
            for six in [
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                four.to_ipv6_mapped(),
            ] {
                assert_eq!(reason(IpAddr::V6(six)).is_some(), expected, "{six}");
            }
            let six_to_four = Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1);
            assert!(
                reason(IpAddr::V6(six_to_four)).is_some(),
                "every 6to4 address is refused"
            );
        }
    }

    #[test]
    fn only_the_reachable_parts_of_the_protocol_block_are_allowed() {
        for text in [
            "2001:1::1",
            "2001:1::2",
            "2001:3::1",
            "2001:4:112::1",
            "2001:20::1",
            "2001:2f:ffff::",
        ] {
            assert!(!forbidden(text), "{text}");
        }
        for text in [
            "2001:1::",
            "2001:1::3",
            "2001:2::1",
            "2001:4:111::1",
            "2001:10::1",
            "2001:30::1",
            "2001:1ff::1",
        ] {
            assert!(forbidden(text), "{text}");
        }
    }
}
