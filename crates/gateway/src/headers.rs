//! Decides which headers reach the upstream and which return to the caller. It removes hop-by-hop headers, framing,
//! credentials and Gatehouse's own cookies. `identity.rs` adds the caller's identity.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};
use keys::{BRAND_HEADER, CredentialForm};
use model::RequestId;

use crate::address::Peer;
use crate::reached::{Reached, X_FORWARDED_HOST, X_FORWARDED_PROTO};
use crate::telling::is_telling;

/// Set on every response.
pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The upstream's own request id, which would otherwise be lost behind ours.
static UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");

/// Headers with this prefix identify the caller, so only Gatehouse may set them.
const IDENTITY: &str = "x-gatehouse-";

/// Headers that belong to one connection or to the framing, which is set anew from the decoded body.
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

/// Never forwarded as the caller sent them, in any spelling. The same goes for the credential headers that an
/// installation chose instead.
const OURS: [&str; 3] = ["x-access-client-id", "x-access-secret", "x-request-id"];

/// Stands in for a value that does not exist. If the header were missing instead, a value set by someone else could be
/// believed.
pub(crate) const NONE: HeaderValue = HeaderValue::from_static("-");

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Headers that most requests have and that always pass, so that the rules need not be applied to them.
const ALWAYS_PASS: [HeaderName; 8] = [
    header::USER_AGENT,
    header::ACCEPT,
    header::CONTENT_TYPE,
    header::ACCEPT_ENCODING,
    header::AUTHORIZATION,
    header::ACCEPT_LANGUAGE,
    header::COOKIE,
    header::CACHE_CONTROL,
];

/// What says how to read a message, or where it belongs, must come before its body.
const BEFORE_THE_BODY: [HeaderName; 9] = [
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::LOCATION,
    header::SET_COOKIE,
    header::VARY,
];

/// The request's headers without those that must not reach the upstream.
pub(crate) fn to_upstream(
    incoming: HeaderMap,
    peer: &Peer,
    reached: &Reached,
    form: &CredentialForm,
) -> HeaderMap {
    let named_by_connection = connection_options(&incoming);
    // With room for our own.
    let mut outgoing = HeaderMap::with_capacity(incoming.len() + 10);
    let mut passing = None;
    for (name, value) in incoming {
        // Further values of a name come without it.
        if let Some(name) = name {
            let passes = passes_to_upstream(&name, peer.is_trusted(), form)
                && !named_by_connection.iter().any(|one| one == name.as_str());
            passing = passes.then_some(name);
        }
        if let Some(name) = &passing {
            outgoing.append(name, value);
        }
    }
    set_forwarded(&mut outgoing, peer, reached);
    drop_own_cookies(&mut outgoing, &header::COOKIE, own_pairs_removed);
    outgoing
}

/// Removes credentials and Gatehouse's own cookies, for the public API.
pub(crate) fn clean_for_local(headers: &mut HeaderMap, form: &CredentialForm) {
    remove_identity(headers);
    let own = [form.client_id.header().as_str(), form.secret.header().as_str()];
    OURS.into_iter().chain(own).for_each(|name| {
        headers.remove(name);
    });
    drop_own_cookies(headers, &header::COOKIE, own_pairs_removed);
}

/// The response's headers without those that must not reach the caller.
pub(crate) fn to_caller(headers: &mut HeaderMap) {
    for name in connection_options(headers) {
        headers.remove(name.as_str());
    }
    // A response has few headers, and mostly none of these.
    let of_connection = |name: &&HeaderName| is_hop_by_hop(name.as_str());
    let of_connection: Vec<HeaderName> = headers.keys().filter(of_connection).cloned().collect();
    for name in of_connection {
        headers.remove(name);
    }
    if let Some(theirs) = headers.remove(&REQUEST_ID) {
        headers.insert(&UPSTREAM_REQUEST_ID, theirs);
    }
    drop_own_cookies(headers, &header::SET_COOKIE, |value| {
        if is_own_pair(value) {
            None
        } else {
            Some(value.to_vec())
        }
    });
}

/// The id as the value of a header.
pub(crate) fn request_id_value(request_id: RequestId) -> HeaderValue {
    // An id is hex digits and dashes, which every header may have.
    HeaderValue::from_maybe_shared(Bytes::from(request_id.to_string())).unwrap_or(NONE)
}

/// The name as seen by programs that turn headers into variables. They replace every character except letters and
/// digits with `_`, so for them `X.Gatehouse.Company` is `X-Gatehouse-Company`.
pub(crate) fn folded(name: &str) -> Cow<'_, str> {
    let is_other = |letter: char| !letter.is_ascii_alphanumeric() && letter != '-';
    if name.contains(is_other) {
        Cow::Owned(name.replace(is_other, "-"))
    } else {
        Cow::Borrowed(name)
    }
}

/// Whether the name is an identity header, in any spelling.
fn is_identity(folded: &str) -> bool {
    folded.starts_with(IDENTITY)
}

/// Removes the headers that only Gatehouse may set.
pub(crate) fn remove_identity(headers: &mut HeaderMap) {
    let is_forged = |name: &HeaderName| is_identity(&folded(name.as_str()));
    let forged: Vec<HeaderName> = headers.keys().filter(|name| is_forged(name)).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
}

/// Whether the header carries credentials or the request id.
fn is_ours(folded: &str, form: &CredentialForm) -> bool {
    OURS.contains(&folded)
        || [&form.client_id, &form.secret]
            .iter()
            .any(|own| own.header().as_str() == folded)
}

/// The value of `Vary` on our own responses.
pub(crate) fn vary(form: &CredentialForm) -> HeaderValue {
    let names = [form.client_id.header(), form.secret.header(), &BRAND_HEADER].map(HeaderName::as_str);
    HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static("*"))
}

/// Whether a trailer with this name may reach the upstream. `Host` and everything about framing must come before the body.
pub(crate) fn trailer_passes_to_upstream(
    name: &HeaderName,
    peer_is_trusted: bool,
    form: &CredentialForm,
) -> bool {
    passes_to_upstream(name, peer_is_trusted, form) && !BEFORE_THE_BODY.contains(name)
}

/// Whether a trailer with this name may reach the caller.
pub(crate) fn trailer_passes_to_caller(name: &HeaderName) -> bool {
    let spelt = folded(name.as_str());
    !HOP_BY_HOP.contains(&&*spelt) && !BEFORE_THE_BODY.contains(name) && *spelt != *REQUEST_ID.as_str()
}

/// Set on each of our own responses. A cache must not give it to another caller, and a browser must not guess its type.
pub(crate) fn set_for_this_caller(headers: &mut HeaderMap, vary: &HeaderValue) {
    headers.insert(header::VARY, vary.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
}

fn passes_to_upstream(name: &HeaderName, peer_is_trusted: bool, form: &CredentialForm) -> bool {
    if ALWAYS_PASS.contains(name) {
        return form.client_id.header() != name && form.secret.header() != name;
    }
    let name = name.as_str();
    if name == "host" || is_hop_by_hop(name) {
        return false;
    }
    let spelt = folded(name);
    let sets_apart = spelt != name;
    let spelt: &str = &spelt;
    if is_identity(spelt) || is_ours(spelt, form) {
        return false;
    }
    if is_telling(spelt) {
        return peer_is_trusted && !sets_apart;
    }
    !(sets_apart && (spelt == "x-brand-id" || spelt == "host" || HOP_BY_HOP.contains(&spelt)))
}

/// Whether the header belongs to one connection. Most names do not begin like one that does.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(name.as_bytes(), [b'c' | b'e' | b'k' | b'p' | b't' | b'u', ..]) && HOP_BY_HOP.contains(&name)
}

/// The header names listed in `Connection`.
fn connection_options(headers: &HeaderMap) -> Vec<String> {
    // Mostly it names none: these two are no headers.
    let names_none = |value: &&HeaderValue| [b"keep-alive".as_slice(), b"close"].contains(&value.as_bytes());
    let values = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter(|value| !names_none(value))
        .filter_map(|value| value.to_str().ok());
    let names = values
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase());
    names
        .filter(|name| !name.is_empty() && HeaderName::from_bytes(name.as_bytes()).is_ok())
        .collect()
}

fn set_forwarded(outgoing: &mut HeaderMap, peer: &Peer, reached: &Reached) {
    let before: Vec<&str> = outgoing
        .get_all(&X_FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let chain = if before.is_empty() {
        Some(peer.text().clone())
    } else {
        HeaderValue::from_str(&format!("{}, {}", before.join(", "), peer.address())).ok()
    };
    if let Some(chain) = chain {
        outgoing.insert(&X_FORWARDED_FOR, chain);
    }
    outgoing
        .entry(X_FORWARDED_PROTO)
        .or_insert(HeaderValue::from_static(reached.scheme()));
    outgoing
        .entry(X_FORWARDED_HOST)
        .or_insert_with(|| reached.host().clone());
}

/// Replaces each value with `clean` of it, and removes values of which nothing is left.
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

/// Matches `__Host-gatehouse=…`, `gatehouse-loopback=…` and any other name that Gatehouse may use for its cookies.
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
    use std::net::IpAddr;

    use super::*;

    fn headers(pairs: &[(&str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn passed(sent: &HeaderMap, peer_is_trusted: bool) -> HeaderMap {
        let ip: IpAddr = "192.0.2.9".parse().expect("an address");
        let trusted = if peer_is_trusted {
            vec![ip.into()]
        } else {
            Vec::new()
        };
        let peer = Peer::new(ip, &trusted);
        let reached = Reached::find(sent, &peer, None);
        to_upstream(sent.clone(), &peer, &reached, &CredentialForm::default())
    }

    #[test]
    fn nothing_of_ours_or_of_the_connection_is_forwarded() {
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
        let out = passed(&sent, false);
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

    fn without_identity(sent: &HeaderMap) -> HeaderMap {
        let mut headers = sent.clone();
        remove_identity(&mut headers);
        headers
    }

    /// The name in every spelling that some program folds into it.
    fn spellings(name: &str) -> Vec<String> {
        let others = [
            "_", ".", "!", "#", "$", "%", "&", "'", "*", "+", "^", "`", "|", "~",
        ];
        let mut spellings: Vec<String> = others.iter().map(|sign| name.replace('-', sign)).collect();
        spellings.push(name.replacen('-', "_", 1));
        spellings.push(name.to_uppercase());
        spellings.push(name.to_owned());
        spellings
    }

    #[test]
    fn no_spelling_of_an_identity_or_a_credential_passes() {
        for name in [
            "x-gatehouse-company",
            "x-gatehouse-client-id",
            "x-gatehouse-environment",
            "x-gatehouse-key-id",
            "x-gatehouse-brand",
            "x-gatehouse-anything",
            "x-access-secret",
            "x-access-client-id",
            "x-request-id",
        ] {
            for spelling in spellings(name) {
                let sent = headers(&[(spelling.as_str(), "evil")]);
                for trusted in [false, true] {
                    assert!(
                        passed(&sent, trusted).values().all(|value| value != "evil"),
                        "{spelling}"
                    );
                }
                assert!(
                    is_identity(&folded(&spelling.to_lowercase()))
                        != without_identity(&sent).contains_key(&spelling)
                );
            }
        }
    }

    #[test]
    fn an_untrusted_peer_cannot_set_host_prefix_scheme_url_or_address() {
        for name in [
            "forwarded",
            "via",
            "x-forwarded",
            "x-forwarded-for",
            "x-forwarded-by",
            "x-forwarded-host",
            "x-forwarded-server",
            "x-forwarded-port",
            "x-forwarded-proto",
            "x-forwarded-protocol",
            "x-forwarded-scheme",
            "x-forwarded-ssl",
            "x-forwarded-prefix",
            "x-forwarded-path",
            "x-forwarded-uri",
            "x-forwarded-url",
            "x-forwarded-method",
            "x-forwarded-client-cert",
            "x-forward-for",
            "x-forwarder-for",
            "x-original-host",
            "x-original-url",
            "x-original-uri",
            "x-original-method",
            "x-original-forwarded-for",
            "x-originating-ip",
            "x-rewrite-url",
            "x-url",
            "x-url-scheme",
            "x-scheme",
            "x-host",
            "x-http-host-override",
            "x-script-name",
            "script-name",
            "front-end-https",
            "x-real-ip",
            "x-client-ip",
            "client-ip",
            "x-cluster-client-ip",
            "true-client-ip",
            "x-true-client-ip",
            "x-remote-ip",
            "x-remote-addr",
            "remote-addr",
            "cf-connecting-ip",
            "cf-connecting-ipv6",
            "cf-visitor",
            "fastly-client-ip",
            "fly-client-ip",
            "x-envoy-external-address",
            "x-envoy-original-path",
            "x-envoy-original-host",
            "x-appengine-user-ip",
            "x-azure-clientip",
            "x-azure-socketip",
            "x-arr-ssl",
            "x-nf-client-connection-ip",
            "x-vercel-forwarded-for",
            "cloudfront-forwarded-proto",
            "wl-proxy-client-ip",
        ] {
            for spelling in spellings(name) {
                let sent = headers(&[("host", "called.example"), (spelling.as_str(), "evil")]);
                let out = passed(&sent, false);
                assert!(out.values().all(|value| value != "evil"), "{spelling}");
                assert_eq!(out["x-forwarded-for"], "192.0.2.9");
                assert_eq!(out["x-forwarded-host"], "called.example");
                let is_exact = spelling.eq_ignore_ascii_case(name);
                let of_proxy = passed(&sent, true);
                let believed = of_proxy
                    .values()
                    .any(|value| value.as_bytes().starts_with(b"evil"));
                assert_eq!(believed, is_exact, "{spelling} from a trusted proxy");
            }
        }
    }

    #[test]
    fn the_lists_are_sorted_and_ordinary_names_pass() {
        assert!(crate::telling::TELLING.is_sorted());
        assert!(HOP_BY_HOP.into_iter().all(is_hop_by_hop) && !is_hop_by_hop("etag"));
        for name in [
            "accept",
            "authorization",
            "content-type",
            "idempotency-key",
            "if-match",
            "origin",
            "referer",
            "traceparent",
            "user-agent",
            "x-amz-date",
            "x-api-version",
            "x-brand-id",
            "x-csrf-token",
            "x-custom_name",
            "x-http-method-override",
        ] {
            let sent = headers(&[(name, "mine")]);
            assert!(
                passed(&sent, false).values().any(|value| value == "mine"),
                "{name}"
            );
        }
    }

    #[test]
    fn a_trusted_proxy_is_added_to_the_chain() {
        let sent = headers(&[
            ("x-forwarded-for", "198.51.100.7"),
            ("x-forwarded-proto", "https"),
            ("x_forwarded_for", "x"),
        ]);
        let out = passed(&sent, true);
        assert_eq!(out["x-forwarded-for"], "198.51.100.7, 192.0.2.9");
        assert_eq!(out["x-forwarded-proto"], "https");
        assert!(!out.contains_key("x_forwarded_for"));
    }

    #[test]
    fn our_cookies_are_removed_in_both_directions() {
        let sent = headers(&[
            ("cookie", "a=1; __Host-gatehouse=secret; b=2"),
            ("cookie", "gatehouse-loopback=secret"),
            ("cookie", "c=gatehouse"),
        ]);
        let out = passed(&sent, false);
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
        assert_eq!(answer.len(), 2);
        assert_eq!(answer["x-upstream-request-id"], "theirs");
    }
}
