//! What a key's terms mean for a request. Most keys have none, and a request with such a key pays one comparison.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;
use model::{KeyTerms, Timestamp, Verdict};

/// The part of a key's terms that requests are judged by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    expires_at: Option<Timestamp>,
    delete_at: Option<Timestamp>,
    read_only: bool,
    /// `None`: from anywhere.
    networks: Option<Box<[IpNet]>>,
    requests_a_minute: Option<u32>,
}

/// Why a key is no longer accepted although its row is that of an active key, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The moment of its deletion has come.
    Deleted(Timestamp),
    Expired(Timestamp),
}

impl Ended {
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Deleted(_) => Verdict::DeletedKey,
            Self::Expired(_) => Verdict::ExpiredKey,
        }
    }
}

impl Limits {
    /// `None` if the terms limit nothing. A network that cannot be read allows no address.
    pub fn of(terms: &KeyTerms) -> Option<Arc<Self>> {
        let networks = terms.networks.iter().filter_map(|text| text.parse().ok());
        let limits = Self {
            expires_at: terms.expires_at,
            delete_at: terms.delete_at,
            read_only: terms.read_only,
            networks: (!terms.networks.is_empty()).then(|| networks.collect()),
            requests_a_minute: terms.requests_a_minute,
        };
        (limits != Self::default()).then(|| Arc::new(limits))
    }

    /// Whether the key had ended by this moment. A deletion is final, so it outranks an expiry.
    pub fn ended(&self, now: Timestamp) -> Option<Ended> {
        let has_come = |at: &Timestamp| *at <= now;
        let deleted = self.delete_at.filter(has_come).map(Ended::Deleted);
        deleted.or_else(|| self.expires_at.filter(has_come).map(Ended::Expired))
    }

    /// The earliest moment at which the key ends.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.expires_at.into_iter().chain(self.delete_at).min()
    }

    pub const fn requests_a_minute(&self) -> Option<u32> {
        self.requests_a_minute
    }

    /// Why a request may not be made with the key, with the end of a sentence that begins with the key. The address is
    /// judged first.
    pub fn refuse(&self, method: &str, headers: &HeaderMap, address: IpAddr) -> Option<(Verdict, String)> {
        if !self.allows(address) {
            let detail = format!("may not be used from {}", address.to_canonical());
            return Some((Verdict::AddressNotAllowed, detail));
        }
        if !self.read_only {
            return None;
        }
        let detail = writes(method, headers)?;
        Some((Verdict::ReadOnlyKey, format!("may only read, and {detail}")))
    }

    /// Whether requests may come from there. An IPv4-mapped IPv6 address counts as IPv4.
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks
            .as_deref()
            .is_none_or(|networks| networks.iter().any(|network| network.contains(&address)))
    }
}

/// What makes this request more than reading, or what could make it so behind the gateway.
fn writes(method: &str, headers: &HeaderMap) -> Option<String> {
    if !matches!(method, "GET" | "HEAD" | "OPTIONS") {
        return Some("the method was not GET, HEAD or OPTIONS".to_owned());
    }
    if headers.contains_key(header::UPGRADE) {
        return Some("the request asked to change to another protocol".to_owned());
    }
    let name = override_in(headers)?;
    Some(format!("the request had the header {name}"))
}

fn override_in(headers: &HeaderMap) -> Option<&HeaderName> {
    headers.keys().find(|name| is_override(name.as_str()))
}

/// Whether a header is there that some servers take for the method.
pub fn overrides_method(headers: &HeaderMap) -> bool {
    override_in(headers).is_some()
}

/// Frameworks take the method from `X-HTTP-Method-Override`, and from this name without one or both of its first words, with *Verb* in
/// place of *Method*, or without *Override* where *HTTP* is in it.
fn is_override(name: &str) -> bool {
    let (_, name) = without("x-", name);
    let (has_http, name) = without("http-", name);
    let rest = ["method", "verb"].iter().find_map(|word| name.strip_prefix(word));
    rest.is_some_and(|rest| {
        let is_override = rest.len() == "-override".len() && without("-override", rest).0;
        is_override || (has_http && rest.is_empty())
    })
}

/// Whether the name begins with this word, and what follows it. Some servers read every mark of a name as a hyphen, or as an
/// underscore.
fn without<'name>(word: &str, name: &'name str) -> (bool, &'name str) {
    let same = |(wanted, sent): (u8, u8)| wanted == sent || (wanted == b'-' && !sent.is_ascii_alphanumeric());
    let begins = name.len() >= word.len() && word.bytes().zip(name.bytes()).all(same);
    match name.get(word.len()..) {
        Some(rest) if begins => (true, rest),
        _ => (false, name),
    }
}
