//! Decides which addresses a delivery may reach (invariant 7). The same [`Policy`] explains a refusal when a webhook is
//! saved ([`crate::Webhooks`]) and enforces it when a delivery connects ([`crate::Sender`]). The connector dials
//! exactly the addresses that were checked, so a name cannot change its address in between.

use std::fmt;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::IpNet;

use crate::forbidden;
use crate::target::{Host, Target};

/// A network that the operator allows although it is private, or over plain HTTP: `10.1.0.0/16`,
/// `127.0.0.0/8:8000-8999,9443`, `fd00::/8:443`. Without ports, all ports are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedNetwork {
    network: IpNet,
    ports: Vec<RangeInclusive<u16>>,
}

/// The text does not have the form `CIDR[:ports]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidNetwork;

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an allowed network is written CIDR or CIDR:ports, as in 10.1.0.0/16 or 127.0.0.0/8:8000-8999,9443")
    }
}

impl std::error::Error for InvalidNetwork {}

impl FromStr for AllowedNetwork {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The colon before the ports comes after the slash. Colons before the slash belong to an IPv6 address.
        let (address, rest) = text.trim().split_once('/').ok_or(InvalidNetwork)?;
        let (prefix, ports) = match rest.split_once(':') {
            Some((prefix, ports)) => (
                prefix,
                ports.split(',').map(port_range).collect::<Result<_, _>>()?,
            ),
            None => (rest, Vec::new()),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let prefix = prefix.parse().map_err(|_| InvalidNetwork)?;
        let network = IpNet::new(address, prefix).map_err(|_| InvalidNetwork)?.trunc();
        Ok(Self { network, ports })
    }
}

fn port_range(text: &str) -> Result<RangeInclusive<u16>, InvalidNetwork> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let first: u16 = first.trim().parse().map_err(|_| InvalidNetwork)?;
    let last: u16 = last.trim().parse().map_err(|_| InvalidNetwork)?;
    if first == 0 || first > last {
        Err(InvalidNetwork)
    } else {
        Ok(first..=last)
    }
}

impl fmt::Display for AllowedNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.network)?;
        for (at, range) in self.ports.iter().enumerate() {
            let separator = if at == 0 { ':' } else { ',' };
            match (range.start(), range.end()) {
                (first, last) if first == last => write!(f, "{separator}{first}")?,
                (first, last) => write!(f, "{separator}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl AllowedNetwork {
    fn allows(&self, address: SocketAddr) -> bool {
        let port = self.ports.is_empty() || self.ports.iter().any(|range| range.contains(&address.port()));
        port && self.network.contains(&address.ip())
    }
}

/// Why a target may not be reached. The text is for people, and it names the address only if the reader typed that
/// address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    #[error("{address} is not a public address: {what}")]
    NotPublic { address: IpAddr, what: &'static str },
    #[error("{0} belongs to this Gatehouse server")]
    Own(SocketAddr),
    #[error("use https:// instead of http://")]
    PlainHttp,
    #[error("the name {0} is not public")]
    NotAPublicName(String),
    #[error("the name does not resolve to an address")]
    NoAddress,
}

/// What deliveries may reach: public addresses over https, plus the networks the operator allows.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    allowed: Vec<AllowedNetwork>,
    own: Vec<SocketAddr>,
}

impl Policy {
    /// `own` lists this installation's listeners and database. They are refused even inside an allowed network. An
    /// unspecified address (`0.0.0.0`, `::`) stands for every address of this machine.
    pub fn new(allowed: Vec<AllowedNetwork>, own: Vec<SocketAddr>) -> Self {
        Self { allowed, own }
    }

    /// Checks all addresses of the target's name. One forbidden address is enough to refuse the target, so a DNS
    /// response cannot smuggle in a private address among public ones. Returns the addresses in the form to dial.
    pub(crate) fn vet(&self, target: &Target, addresses: &[IpAddr]) -> Result<Vec<SocketAddr>, Blocked> {
        if addresses.is_empty() {
            return Err(Blocked::NoAddress);
        }
        addresses
            .iter()
            .map(|address| self.vet_one(target, *address))
            .collect()
    }

    /// Checks what can be checked before the name is resolved: the scheme, and names that only mean something inside
    /// one machine or network.
    pub(crate) fn vet_name(&self, target: &Target) -> Result<(), Blocked> {
        if !target.is_https() && self.allowed.is_empty() {
            return Err(Blocked::PlainHttp);
        }
        match target.host() {
            Host::Name(name) if !self.is_public_name(name) => Err(Blocked::NotAPublicName(name.clone())),
            _ => Ok(()),
        }
    }

    /// Names of a single label depend on the machine's search domains. A trailing dot is a second spelling of the same
    /// name, which certificates and the uniqueness check do not recognise. `localhost` is accepted if loopback is
    /// allowed.
    fn is_public_name(&self, name: &str) -> bool {
        let loopback = |network: &AllowedNetwork| forbidden_loopback(network.network);
        (name == "localhost" && self.allowed.iter().any(loopback))
            || (name.contains('.') && !name.ends_with('.'))
    }

    fn vet_one(&self, target: &Target, address: IpAddr) -> Result<SocketAddr, Blocked> {
        let address = SocketAddr::new(forbidden::canonical(address), target.port());
        if self.is_own(address) {
            return Err(Blocked::Own(address));
        }
        if self.allowed.iter().any(|network| network.allows(address)) {
            return Ok(address);
        }
        if let Some(what) = forbidden::reason(address.ip()) {
            return Err(Blocked::NotPublic {
                address: address.ip(),
                what,
            });
        }
        if target.is_https() {
            Ok(address)
        } else {
            Err(Blocked::PlainHttp)
        }
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        self.own
            .iter()
            .filter(|own| own.port() == address.port())
            .any(|own| {
                let own = forbidden::canonical(own.ip());
                own == address.ip()
                    || address.ip().is_unspecified()
                    || (own.is_unspecified() && is_of_this_machine(address.ip()))
            })
    }
}

fn forbidden_loopback(network: IpNet) -> bool {
    let loopback: [IpAddr; 2] = [[127, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()];
    loopback.iter().any(|address| network.contains(address))
}

/// The system only lets us bind an address of this machine, so a successful bind answers the question. It sends nothing
/// and needs no list of interfaces.
fn is_of_this_machine(address: IpAddr) -> bool {
    address.is_loopback() || UdpSocket::bind(SocketAddr::new(address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        Target::parse(url).expect(url)
    }

    fn policy(allowed: &[&str], own: &[&str]) -> Policy {
        let networks = allowed.iter().map(|text| text.parse().expect(text)).collect();
        Policy::new(
            networks,
            own.iter().map(|text| text.parse().expect(text)).collect(),
        )
    }

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().expect(text)).collect()
    }

    #[test]
    fn one_forbidden_address_among_public_ones_forbids_the_target() {
        let found = policy(&[], &[]).vet(
            &target("https://mixed.example.com/"),
            &addresses(&["93.184.215.14", "10.0.0.7"]),
        );
        assert!(matches!(found, Err(Blocked::NotPublic { .. })), "{found:?}");
    }

    #[test]
    fn vetted_addresses_are_the_ones_to_dial() {
        let found = policy(&[], &[]).vet(
            &target("https://example.com:8443/"),
            &addresses(&["::ffff:93.184.215.14"]),
        );
        assert_eq!(found, Ok(vec!["93.184.215.14:8443".parse().expect("an address")]));
    }

    #[test]
    fn plain_http_needs_an_allowed_network_even_for_a_public_address() {
        let public = addresses(&["93.184.215.14"]);
        let http = target("http://example.com/");
        assert_eq!(policy(&[], &[]).vet_name(&http), Err(Blocked::PlainHttp));
        assert_eq!(
            policy(&["10.0.0.0/8"], &[]).vet(&http, &public),
            Err(Blocked::PlainHttp)
        );
        assert!(policy(&["93.184.215.0/24"], &[]).vet(&http, &public).is_ok());
    }

    #[test]
    fn an_allowed_network_opens_only_its_own_addresses_and_ports() {
        let policy = policy(&["10.1.0.0/16:8000-8100,9443"], &[]);
        for (url, address, allowed) in [
            ("http://a.example.com:8000/", "10.1.2.3", true),
            ("http://a.example.com:8100/", "10.1.2.3", true),
            ("https://a.example.com:9443/", "::ffff:10.1.2.3", true),
            ("http://a.example.com:8101/", "10.1.2.3", false),
            ("http://a.example.com:8000/", "10.2.0.1", false),
        ] {
            assert_eq!(
                policy.vet(&target(url), &addresses(&[address])).is_ok(),
                allowed,
                "{url} {address}"
            );
        }
    }

    #[test]
    fn own_listeners_and_database_are_refused_even_in_an_allowed_network() {
        let policy = policy(
            &["127.0.0.0/8", "::1/128"],
            &["127.0.0.1:9090", "0.0.0.0:8080", "[::]:3000"],
        );
        for (url, address) in [
            ("http://127.0.0.1:9090/", "127.0.0.1"),
            ("http://127.0.0.1:8080/", "127.0.0.1"),
            ("http://127.0.0.99:8080/", "127.0.0.99"),
            ("http://[::1]:3000/", "::1"),
            ("http://127.0.0.1:3000/", "::ffff:127.0.0.1"),
        ] {
            let found = policy.vet(&target(url), &addresses(&[address]));
            assert!(matches!(found, Err(Blocked::Own(_))), "{url}: {found:?}");
        }
        assert!(
            policy
                .vet(&target("http://127.0.0.1:9999/"), &addresses(&["127.0.0.1"]))
                .is_ok()
        );
    }

    #[test]
    fn names_that_only_mean_something_locally_are_refused() {
        let strict = policy(&[], &[]);
        for url in [
            "https://localhost/",
            "https://backend/",
            "https://example.com./",
            "https://metadata./",
        ] {
            assert!(
                matches!(strict.vet_name(&target(url)), Err(Blocked::NotAPublicName(_))),
                "{url}"
            );
        }
        assert_eq!(
            policy(&["127.0.0.0/8"], &[]).vet_name(&target("http://localhost:4000/")),
            Ok(())
        );
        assert!(
            policy(&["10.0.0.0/8"], &[])
                .vet_name(&target("http://localhost:4000/"))
                .is_err()
        );
    }

    #[test]
    fn a_name_without_addresses_is_refused() {
        assert_eq!(
            policy(&[], &[]).vet(&target("https://example.com/"), &[]),
            Err(Blocked::NoAddress)
        );
    }

    #[test]
    fn networks_round_trip_through_text_and_nonsense_is_refused() {
        for text in ["127.0.0.0/8", "10.0.0.0/8:443", "fd00::/8:8000-8999,9443"] {
            assert_eq!(text.parse::<AllowedNetwork>().expect(text).to_string(), text);
        }
        for text in [
            "",
            "10.0.0.1",
            "10.0.0.0/33",
            "10.0.0.0/8:",
            "10.0.0.0/8:0",
            "10.0.0.0/8:9-8",
            "ten/8",
            "10.0.0.0/8:70000",
        ] {
            assert_eq!(text.parse::<AllowedNetwork>(), Err(InvalidNetwork), "{text}");
        }
    }
}
