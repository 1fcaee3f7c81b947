//! From a name to its addresses. A trait, so that tests control what a name means.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use tokio::sync::Semaphore;

/// Resolves names. All addresses are returned; [`crate::Policy`] judges them.
#[async_trait]
pub trait Resolver: Send + Sync + std::fmt::Debug {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// A look-up holds a thread for as long as the system likes, also when nobody waits for it any more: so many at a time,
/// and threads stay for everything else.
static LOOKUPS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(64)));

/// The machine's own resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let place = Arc::clone(&LOOKUPS)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        let name = name.to_owned();
        let look_up = move || {
            let found = (name.as_str(), 0).to_socket_addrs();
            drop(place);
            found.map(|found| found.map(|address| address.ip()).collect::<Vec<_>>())
        };
        let mut addresses = tokio::task::spawn_blocking(look_up)
            .await
            .map_err(io::Error::other)??;
        addresses.dedup();
        Ok(addresses)
    }
}
