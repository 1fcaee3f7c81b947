//! Who is calling: the peer's address, or what a trusted proxy says it is.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// The caller's address. `X-Forwarded-For` counts only from `trusted` networks, read from the right: the first address
/// that is not a trusted proxy's own is the caller.
pub fn client_address(peer: SocketAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let peer = peer.ip().to_canonical();
    if !is_trusted(peer) {
        return peer;
    }
    let mut caller = peer;
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    for part in lines.iter().flat_map(|line| line.split(',')).rev() {
        let Ok(address) = part.trim().parse::<IpAddr>() else { break };
        caller = address.to_canonical();
        if !is_trusted(caller) {
            break;
        }
    }
    caller
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(peer: &str, forwarded: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", forwarded.parse().expect("a header"));
        let trusted = ["10.0.0.0/8".parse().expect("a network")];
        client_address(peer.parse().expect("an address"), &headers, &trusted).to_string()
    }

    #[test]
    fn a_stranger_cannot_say_who_they_are() {
        assert_eq!(caller("192.0.2.1:1000", "198.51.100.7"), "192.0.2.1");
    }

    #[test]
    fn a_trusted_proxy_can_and_only_the_last_stranger_counts() {
        assert_eq!(caller("10.0.0.1:1000", "1.2.3.4, 198.51.100.7, 10.0.0.9"), "198.51.100.7");
        assert_eq!(caller("[::ffff:10.0.0.1]:1000", "198.51.100.7"), "198.51.100.7");
        assert_eq!(caller("10.0.0.1:1000", "nonsense"), "10.0.0.1");
    }
}
