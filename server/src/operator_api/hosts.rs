//! Which host names the operator listener accepts. Another site can point its own name at this machine (DNS rebinding)
//! and then reach this listener from a browser. Those requests carry the other site's name as `Host`, so we refuse
//! names we do not know.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;
use http::header::HOST;
use http::uri::Authority;

use super::refused;
use super::verify::COMPLETIONS;

/// The names set with `--operator-host`. IP addresses and `localhost` are always accepted, because no other site can
/// own them.
#[derive(Clone, Debug, Default)]
pub struct OperatorHosts(Arc<[String]>);

impl OperatorHosts {
    /// Takes the names in lower case, as the configuration has them.
    pub fn new(names: &[String]) -> Self {
        Self(names.into())
    }

    fn is_ours(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else {
            return false;
        };
        if authority.as_str().contains('@') {
            return false;
        }
        let name = authority.host().to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        let address = name.trim_start_matches('[').trim_end_matches(']');
        address.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.0.iter().any(|ours| ours == name)
    }
}

/// Responds 421 to a name that is not ours. An earlier check ensures that there is exactly one readable `Host`.
/// `/verify` is exempt: proxies forward the `Host` of the request they ask about, and without an API key the response
/// reveals nothing. What tells how a request ended needs that request's id.
pub async fn only_our_hosts(State(hosts): State<OperatorHosts>, request: Request, next: Next) -> Response {
    let mut headers = request.headers().get_all(HOST).iter();
    let is_ours = match request.uri().authority() {
        // The name in the request line. If the request also has a `Host` header, both must name this listener.
        Some(name) => hosts.is_ours(name.as_str()),
        None => request.headers().contains_key(HOST),
    };
    let is_ours = is_ours && headers.all(|host| host.to_str().is_ok_and(|host| hosts.is_ours(host)));
    if is_ours || matches!(request.uri().path(), "/verify" | COMPLETIONS) {
        return next.run(request).await;
    }
    refused(
        StatusCode::MISDIRECTED_REQUEST,
        "misdirected_request",
        "The operator listener does not accept this host name. Use its IP address, or start Gatehouse with \
         --operator-host and the name.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_localhost_and_given_names_are_ours() {
        let hosts = OperatorHosts::new(&["gatehouse.internal".to_owned()]);
        for ours in [
            "127.0.0.1:9090",
            "10.1.2.3",
            "[::1]:9090",
            "[2001:db8::1]",
            "localhost:9090",
            "LOCALHOST",
            "a.localhost:1",
            "gatehouse.internal",
            "Gatehouse.Internal:9090",
            "gatehouse.internal.:9090",
        ] {
            assert!(hosts.is_ours(ours), "{ours}");
        }
        for other in [
            "evil.example",
            "evil.example:9090",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1@evil.example",
            "evil.example@127.0.0.1",
            "evillocalhost",
            "x.gatehouse.internal",
            "internal",
            "",
            " ",
        ] {
            assert!(!hosts.is_ours(other), "{other}");
        }
    }
}
