//! The headers that can tell an upstream the host, prefix, scheme, URL or address a request was meant for. Only a
//! trusted proxy may send them.

/// Headers with these prefixes say where a request came from, or which host, prefix, scheme or address it was meant
/// for. Each is believed by some server or framework, so a caller that could send them could choose links, routes and
/// addresses.
const TELLING_PREFIXES: [&str; 14] = [
    "x-forward",
    "x-original-",
    "x-originating-",
    "x-envoy-",
    "x-real-",
    "x-appengine-",
    "x-azure-",
    "x-arr-",
    "x-vercel-",
    "x-middleware-",
    "cf-",
    "cdn-",
    "cloudfront-",
    "x-proxyuser-",
];

/// The full names of the other headers.
pub(crate) const TELLING: [&str; 57] = [
    "ali-cdn-real-ip",
    "base-url",
    "client-ip",
    "fastly-client-ip",
    "fastly-ssl",
    "fly-client-ip",
    "forwarded",
    "forwarded-for",
    "forwarded-for-ip",
    "forwarded-host",
    "forwarded-proto",
    "front-end-https",
    "host-override",
    "http-client-ip",
    "http-forwarded",
    "http-x-forwarded-for",
    "http-x-real-ip",
    "incap-client-ip",
    "path-info",
    "proxy",
    "proxy-client-ip",
    "proxy-host",
    "proxy-url",
    "real-ip",
    "remote-addr",
    "remote-host",
    "request-uri",
    "script-name",
    "true-client-ip",
    "via",
    "wl-proxy-client-ip",
    "wl-proxy-ssl",
    "x-backend-host",
    "x-base-url",
    "x-client-host",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwared-host",
    "x-host",
    "x-host-override",
    "x-http-host-override",
    "x-ms-original-url",
    "x-nf-client-connection-ip",
    "x-path",
    "x-path-info",
    "x-proxy-url",
    "x-remote-addr",
    "x-remote-ip",
    "x-request-path",
    "x-request-uri",
    "x-rewrite-url",
    "x-scheme",
    "x-script-name",
    "x-target-url",
    "x-uri",
    "x-url",
    "x-url-scheme",
];

/// Any header whose name ends like this can also carry an address, host or scheme.
const TELLING_ENDINGS: [&str; 6] = [
    "-client-ip",
    "-clientip",
    "-connecting-ip",
    "-forwarded-for",
    "-forwarded-host",
    "-real-ip",
];

/// Whether this header can tell an upstream a host, prefix, scheme, URL or address.
pub(crate) fn is_telling(folded: &str) -> bool {
    TELLING_PREFIXES.iter().any(|prefix| folded.starts_with(prefix))
        || TELLING_ENDINGS.iter().any(|ending| folded.ends_with(ending))
        || TELLING.binary_search(&folded).is_ok()
}
