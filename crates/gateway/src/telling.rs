//! The headers by which an upstream may learn for which host, prefix, scheme, URL or address a request was meant. Only a
//! trusted proxy may send them.

/// Names that begin so say where a request came from, or for which host, prefix, scheme or address it was meant. Servers
/// and frameworks believe one or the other of them, so that whoever may send them chooses links, routes and addresses.
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

/// The rest of them.
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

/// Values that an address, host or scheme can travel in besides, whatever they are called.
const TELLING_ENDINGS: [&str; 6] = [
    "-client-ip",
    "-clientip",
    "-connecting-ip",
    "-forwarded-for",
    "-forwarded-host",
    "-real-ip",
];

/// Whether an upstream may learn host, prefix, scheme, URL or address from it.
pub(crate) fn is_telling(folded: &str) -> bool {
    TELLING_PREFIXES.iter().any(|prefix| folded.starts_with(prefix))
        || TELLING_ENDINGS.iter().any(|ending| folded.ends_with(ending))
        || TELLING.binary_search(&folded).is_ok()
}
