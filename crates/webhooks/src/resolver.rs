//! From a name to its addresses. A trait, so that tests control what a name means.

use std::io;
use std::net::IpAddr;

use async_trait::async_trait;

/// Resolves names. All addresses are returned; [`crate::Policy`] judges them.
#[async_trait]
pub trait Resolver: Send + Sync + std::fmt::Debug {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The machine's own resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut addresses: Vec<IpAddr> = tokio::net::lookup_host((name, 0))
            .await?
            .map(|found| found.ip())
            .collect();
        addresses.dedup();
        Ok(addresses)
    }
}
