//! The sender of a request to the dashboard. The session identifies them, and the ports ask who they are.

use std::net::IpAddr;

use accounts::Visit;

/// The sender, signed in or not.
#[derive(Clone, Debug)]
pub struct Caller {
    pub visit: Option<Visit>,
    pub address: IpAddr,
}
