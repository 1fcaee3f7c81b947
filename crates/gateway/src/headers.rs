//! What goes on to the upstream and back to the caller: hop-by-hop headers, framing, credentials and Gatehouse's own
//! cookies stay behind; who the caller is goes along.

use std::net::IpAddr;

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};
use keys::{ActiveKey, CompanyRef};
use model::RequestId;

/// On every answer.
pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Whatever begins like this says who the caller is, and only Gatehouse may say it.
const IDENTITY: &str = "x-gatehouse-";

/// Belong to one connection, or to the framing, which is set anew from the decoded body.
const HOP_BY_HOP: [&str; 11] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "expect",
];

/// Never forwarded as the caller sent them, however the name is spelt.
const OURS: [&str; 3] = ["x-access-client-id", "x-access-secret", "x-request-id"];

/// Say where a request came from; they count only from a trusted proxy.
const FORWARDED: [&str; 6] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-real-ip",
];

/// Who asks, for the upstream.
#[derive(Debug)]
pub(crate) struct Identity<'a> {
    pub(crate) key: &'a ActiveKey,
    pub(crate) brand: Option<&'a CompanyRef>,
    pub(crate) request_id: RequestId,
}

impl Identity<'_> {
    /// Sets the identity headers. Every value is made of what Gatehouse itself gave out.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let mut set = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        set("x-gatehouse-company", self.key.company.id.to_string());
        set("x-gatehouse-client-id", self.key.company.client_id.to_string());
        set(
            "x-gatehouse-environment",
            self.key.environment.as_str().to_owned(),
        );
        set("x-gatehouse-key-id", self.key.key_id.to_string());
        if let Some(brand) = self.brand {
            set("x-gatehouse-brand", brand.client_id.to_string());
        }
        set("x-request-id", self.request_id.to_string());
    }
}

/// The request's headers without what must not pass.
pub(crate) fn to_upstream(incoming: &HeaderMap, peer: IpAddr, peer_is_trusted: bool) -> HeaderMap {
    let named_by_connection = connection_options(incoming);
    let mut outgoing = HeaderMap::with_capacity(incoming.len() + 8);
    for (name, value) in incoming {
        if passes_to_upstream(name, peer_is_trusted)
            && !named_by_connection.iter().any(|one| one == name.as_str())
        {
            outgoing.append(name, value.clone());
        }
    }
    set_forwarded(incoming, &mut outgoing, peer);
    drop_own_cookies(&mut outgoing, &header::COOKIE, own_pairs_removed);
    outgoing
}

/// The request's headers for the public API: without credentials and Gatehouse's own cookies.
pub(crate) fn to_local(incoming: &HeaderMap) -> HeaderMap {
    let mut headers = incoming.clone();
    OURS.iter().for_each(|name| {
        headers.remove(*name);
    });
    drop_own_cookies(&mut headers, &header::COOKIE, own_pairs_removed);
    headers
}

/// The answer's headers without what must not pass.
pub(crate) fn to_caller(headers: &mut HeaderMap) {
    for name in connection_options(headers) {
        headers.remove(name.as_str());
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers.remove(&REQUEST_ID);
    drop_own_cookies(headers, &header::SET_COOKIE, |value| {
        if is_own_pair(value) {
            None
        } else {
            Some(value.to_vec())
        }
    });
}

/// `X-Request-Id` on an answer.
pub(crate) fn set_request_id(headers: &mut HeaderMap, request_id: RequestId) {
    if let Ok(value) = HeaderValue::from_str(&request_id.to_string()) {
        headers.insert(REQUEST_ID.clone(), value);
    }
}

fn passes_to_upstream(name: &HeaderName, peer_is_trusted: bool) -> bool {
    let name = name.as_str();
    if name == "host" || HOP_BY_HOP.contains(&name) {
        return false;
    }
    // Servers that put headers into variables read `_` and `-` as the same.
    let spelt = name.replace('_', "-");
    let sets_apart = spelt != name;
    if spelt.starts_with(IDENTITY) || OURS.contains(&spelt.as_str()) {
        return false;
    }
    if FORWARDED.contains(&spelt.as_str()) {
        return peer_is_trusted && !sets_apart;
    }
    !(sets_apart && (spelt == "x-brand-id" || spelt == "host" || HOP_BY_HOP.contains(&spelt.as_str())))
}

/// The header names that `Connection` lists.
fn connection_options(headers: &HeaderMap) -> Vec<String> {
    let values = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let names = values
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase());
    names
        .filter(|name| !name.is_empty() && HeaderName::from_bytes(name.as_bytes()).is_ok())
        .collect()
}

fn set_forwarded(incoming: &HeaderMap, outgoing: &mut HeaderMap, peer: IpAddr) {
    let before: Vec<&str> = outgoing
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let chain = if before.is_empty() {
        peer.to_string()
    } else {
        format!("{}, {peer}", before.join(", "))
    };
    if let Ok(chain) = HeaderValue::from_str(&chain) {
        outgoing.insert("x-forwarded-for", chain);
    }
    if !outgoing.contains_key("x-forwarded-proto") {
        outgoing.insert("x-forwarded-proto", HeaderValue::from_static("http"));
    }
    if let Some(host) = incoming.get(header::HOST)
        && !outgoing.contains_key("x-forwarded-host")
    {
        outgoing.insert("x-forwarded-host", host.clone());
    }
}

/// Puts `clean` of each value in its place, and leaves out those of which nothing remains.
fn drop_own_cookies(headers: &mut HeaderMap, name: &HeaderName, clean: impl Fn(&[u8]) -> Option<Vec<u8>>) {
    let has_own = |value: &HeaderValue| value.as_bytes().windows(9).any(|part| part == b"gatehouse");
    if !headers.get_all(name).iter().any(has_own) {
        return;
    }
    let values: Vec<HeaderValue> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| clean(value.as_bytes()).and_then(|value| HeaderValue::from_bytes(&value).ok()))
        .collect();
    headers.remove(name);
    values.into_iter().for_each(|value| {
        headers.append(name, value);
    });
}

fn own_pairs_removed(value: &[u8]) -> Option<Vec<u8>> {
    let pairs: Vec<&[u8]> = value
        .split(|byte| *byte == b';')
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !is_own_pair(pair))
        .collect();
    let joined = pairs.join(&b"; "[..]);
    if joined.is_empty() { None } else { Some(joined) }
}

/// `__Host-gatehouse=…`, `gatehouse-loopback=…` and whatever else Gatehouse may name so.
fn is_own_pair(pair: &[u8]) -> bool {
    let name = pair
        .split(|byte| *byte == b'=')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    let name = name
        .strip_prefix(b"__Host-")
        .or_else(|| name.strip_prefix(b"__Secure-"))
        .unwrap_or(name);
    name == b"gatehouse" || name.starts_with(b"gatehouse-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn peer() -> IpAddr {
        "192.0.2.9".parse().expect("an address")
    }

    #[test]
    fn nothing_of_ours_or_of_the_connection_goes_on() {
        let sent = headers(&[
            ("x-gatehouse-company", "evil"),
            ("X_Gatehouse_Company", "evil"),
            ("x-gatehouse_key-id", "evil"),
            ("x-access-secret", "s"),
            ("x_access_secret", "s"),
            ("x-access-client-id", "c"),
            ("x-request-id", "mine"),
            ("x_request_id", "mine"),
            ("x_brand_id", "b"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("transfer_encoding", "chunked"),
            ("content-length", "5"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("expect", "100-continue"),
            ("x-forwarded-for", "1.1.1.1"),
            ("forwarded", "for=1.1.1.1"),
            ("host", "api.example"),
            ("accept", "*/*"),
            ("x-brand-id", "b"),
        ]);
        let out = to_upstream(&sent, peer(), false);
        let mut names: Vec<&str> = out.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let expected = [
            "accept",
            "x-brand-id",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
        ];
        assert_eq!(names, expected);
        assert_eq!(out["x-forwarded-for"], "192.0.2.9");
    }

    #[test]
    fn a_trusted_proxy_is_added_to_the_chain() {
        let sent = headers(&[
            ("x-forwarded-for", "198.51.100.7"),
            ("x-forwarded-proto", "https"),
            ("x_forwarded_for", "x"),
        ]);
        let out = to_upstream(&sent, peer(), true);
        assert_eq!(out["x-forwarded-for"], "198.51.100.7, 192.0.2.9");
        assert_eq!(out["x-forwarded-proto"], "https");
        assert!(!out.contains_key("x_forwarded_for"));
    }

    #[test]
    fn our_cookies_stay_behind_in_both_directions() {
        let sent = headers(&[
            ("cookie", "a=1; __Host-gatehouse=secret; b=2"),
            ("cookie", "gatehouse-loopback=secret"),
            ("cookie", "c=gatehouse"),
        ]);
        let out = to_upstream(&sent, peer(), false);
        let cookies: Vec<_> = out.get_all("cookie").iter().collect();
        assert_eq!(cookies, ["a=1; b=2", "c=gatehouse"]);

        let mut answer = headers(&[
            ("set-cookie", "__Host-gatehouse=x; Secure"),
            ("set-cookie", "a=1; Path=/gatehouse"),
            ("x-request-id", "theirs"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("content-length", "3"),
        ]);
        to_caller(&mut answer);
        let cookies: Vec<_> = answer.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1; Path=/gatehouse"]);
        assert_eq!(answer.len(), 1);
    }
}
