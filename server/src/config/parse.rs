//! What each setting's text means.

use std::net::SocketAddr;

use ipnet::IpNet;
use model::Environment;
use url::Url;

use super::settings::{Settings, Value};
use super::{ConfigError, Database, Demo, ListenAddress, RateLimit};

/// A network webhooks may reach though it is not public; no ports means every port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedNetwork {
    pub network: IpNet,
    pub ports: Vec<u16>,
}

pub(super) fn listen(settings: &Settings, name: &'static str, default: &str) -> Result<ListenAddress, ConfigError> {
    let (value, is_default) = match settings.text(name) {
        Some(value) => (value, false),
        None => (Value { text: default.to_owned(), place: format!("--{name}") }, true),
    };
    let text = value.text.replace("localhost:", "127.0.0.1:");
    let address: SocketAddr = text.parse().map_err(|_| value.must_be("an address with a port, such as 127.0.0.1:3000"))?;
    Ok(ListenAddress { address, is_default })
}

/// An `http` or `https` address without a path.
pub(super) fn origin(settings: &Settings, name: &str) -> Result<Option<Url>, ConfigError> {
    let Some(value) = settings.text(name) else { return Ok(None) };
    let wants = "an address without a path, such as https://gatehouse.example.com";
    let url: Url = value.text.parse().map_err(|_| value.must_be(wants))?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let known = matches!(url.scheme(), "http" | "https") && url.host().is_some();
    if bare && known { Ok(Some(url)) } else { Err(value.must_be(wants)) }
}

pub(super) fn upstreams(settings: &Settings) -> Result<Vec<(Environment, Url)>, ConfigError> {
    let mut upstreams: Vec<(Environment, Url)> = Vec::new();
    for value in settings.list("upstream") {
        let wants = "an environment and an address, such as sandbox=http://127.0.0.1:4000";
        let (environment, url) = value.text.split_once('=').ok_or_else(|| value.must_be(wants))?;
        let environment: Environment = environment.parse().map_err(|_| value.must_be(wants))?;
        let url: Url = url.parse().map_err(|_| value.must_be(wants))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(value.must_be(wants));
        }
        if upstreams.iter().any(|(other, _)| *other == environment) {
            return Err(ConfigError::new(format!("{} names an upstream for {environment} twice.", value.place)));
        }
        upstreams.push((environment, url));
    }
    Ok(upstreams)
}

pub(super) fn networks(settings: &Settings, name: &str) -> Result<Vec<IpNet>, ConfigError> {
    settings.list(name).iter().map(|value| network(&value.text).ok_or_else(|| value.must_be(NETWORK))).collect()
}

const NETWORK: &str = "a network such as 10.0.0.0/8";

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse().map(|address: std::net::IpAddr| address.into()).ok())
}

pub(super) fn allow_networks(settings: &Settings) -> Result<Vec<AllowedNetwork>, ConfigError> {
    settings.list("allow-network").iter().map(|value| allow_network(&value.text).ok_or_else(|| {
        value.must_be("a network, if need be with ports, such as 10.0.0.0/8 or 10.0.0.0/8:443,8443")
    })).collect()
}

fn allow_network(text: &str) -> Option<AllowedNetwork> {
    if let Some(network) = network(text) {
        return Some(AllowedNetwork { network, ports: Vec::new() });
    }
    // The last colon: an IPv6 network has others.
    let (net, ports) = text.rsplit_once(':')?;
    let ports = ports.split(',').map(|port| port.trim().parse().ok()).collect::<Option<Vec<u16>>>()?;
    Some(AllowedNetwork { network: network(net)?, ports })
}

pub(super) fn rate_limit(settings: &Settings) -> Result<RateLimit, ConfigError> {
    let Some(value) = settings.text("rate-limit") else { return Ok(RateLimit::Requests(300)) };
    match value.text.as_str() {
        "off" => Ok(RateLimit::Off),
        number => match number.parse() {
            Ok(requests) if requests > 0 => Ok(RateLimit::Requests(requests)),
            _ => Err(value.must_be("a number of requests, such as 300, or off")),
        },
    }
}

pub(super) fn demo(settings: &Settings) -> Result<Option<Demo>, ConfigError> {
    let Some(value) = settings.text("demo") else { return Ok(None) };
    match value.text.as_str() {
        "full" | "1" | "true" => Ok(Some(Demo::Full)),
        "empty" => Ok(Some(Demo::Empty)),
        "0" | "false" | "off" => Ok(None),
        _ => Err(value.must_be("left without a value, or \"empty\"")),
    }
}

pub(super) fn database(settings: &Settings) -> Result<Database, ConfigError> {
    let Some(value) = settings.text("database-url") else { return Ok(Database::Embedded) };
    if value.text.starts_with("postgres://") || value.text.starts_with("postgresql://") {
        return Ok(Database::Postgres(value.text));
    }
    // The address is not repeated: it may hold a password.
    Err(ConfigError::new(format!("{} must begin with postgres:// (leave it out for the embedded database).", value.place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_may_carry_ports() {
        let allowed = allow_network("10.0.0.0/8:443,8443").expect("a network");
        assert_eq!(allowed, AllowedNetwork { network: "10.0.0.0/8".parse().expect("a network"), ports: vec![443, 8443] });
        assert_eq!(allow_network("::1/128").expect("a network").ports, Vec::<u16>::new());
        assert_eq!(allow_network("::1/128:80").expect("a network").ports, [80]);
        assert_eq!(allow_network("127.0.0.1").expect("an address").ports, Vec::<u16>::new());
        assert_eq!(allow_network("10.0.0.0/8:http"), None);
    }
}
