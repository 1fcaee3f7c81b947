//! The address a request came from.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;

/// The peer's own address. If the peer is a trusted proxy, the nearest address in `X-Forwarded-For` that is not a
/// trusted proxy. An IPv4-mapped IPv6 address counts as IPv4.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let mut nearest = peer;
    let values = headers.get_all("x-forwarded-for").iter().rev();
    for hop in values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.rsplit(','))
    {
        let Some(hop) = parse(hop.trim()) else { break };
        nearest = hop;
        if !is_trusted(hop, trusted) {
            break;
        }
    }
    nearest
}

/// Whether a peer may ask `/verify`: the named ones, or this machine if none is named.
pub(crate) fn is_verify_peer(named: &[IpNet], peer: IpAddr) -> bool {
    match named {
        [] => peer.is_loopback(),
        peers => peers.iter().any(|network| network.contains(&peer)),
    }
}

/// The other end of a connection. What follows from its address is worked out once.
#[derive(Clone, Debug)]
pub struct Peer {
    address: IpAddr,
    text: HeaderValue,
    is_trusted: bool,
    scheme: &'static str,
}

impl Peer {
    pub(crate) fn new(address: IpAddr, trusted: &[IpNet]) -> Self {
        let address = address.to_canonical();
        Self {
            // Every address can be the value of a header.
            text: HeaderValue::from_str(&address.to_string()).unwrap_or(HeaderValue::from_static("unknown")),
            is_trusted: is_trusted(address, trusted),
            scheme: "http",
            address,
        }
    }

    /// Its connection is encrypted.
    pub(crate) fn over_tls(mut self) -> Self {
        self.scheme = "https";
        self
    }

    /// The scheme of the URLs that it calls.
    pub(crate) const fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// An IPv4-mapped IPv6 address counts as IPv4.
    pub(crate) const fn address(&self) -> IpAddr {
        self.address
    }

    /// The address as the value of a header.
    pub(crate) const fn text(&self) -> &HeaderValue {
        &self.text
    }

    /// The text of an address, which is mostly the peer's own.
    pub(crate) fn text_of(&self, address: IpAddr) -> String {
        match self.text.to_str() {
            Ok(text) if address == self.address => text.to_owned(),
            _ => address.to_string(),
        }
    }

    /// Whether this peer may name the client it forwards for.
    pub(crate) const fn is_trusted(&self) -> bool {
        self.is_trusted
    }
}

fn is_trusted(peer: IpAddr, trusted: &[IpNet]) -> bool {
    let peer = peer.to_canonical();
    trusted.iter().any(|network| network.contains(&peer))
}

/// An address, with or without a port and brackets.
fn parse(text: &str) -> Option<IpAddr> {
    let address = text
        .parse()
        .or_else(|_| text.parse().map(|socket: std::net::SocketAddr| socket.ip()))
        .ok();
    let address = address.or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, forwarded: &[&'static str]) -> String {
        let trusted = ["10.0.0.0/8".parse().expect("a network")];
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        client_address(peer.parse().expect("an address"), &headers, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_peer_may_name_its_client() {
        assert_eq!(from("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(from("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(from("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn addresses_that_a_caller_put_before_its_own_are_ignored() {
        assert_eq!(
            from("10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.0.0.2"]),
            "198.51.100.7"
        );
        assert_eq!(from("10.0.0.1", &["1.1.1.1", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(from("10.0.0.1", &["1.1.1.1, nonsense"]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &["[2001:db8::7]:443"]), "2001:db8::7");
    }
}
