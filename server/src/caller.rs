//! Whoever sent a request to the dashboard: found by its session, asked for by the ports.

use std::net::IpAddr;

use accounts::Visit;

/// Signed in or not.
#[derive(Clone, Debug)]
pub struct Caller {
    pub visit: Option<Visit>,
    pub address: IpAddr,
}
