//! From a name to its addresses. A trait, so that tests control what a name means.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};

use async_trait::async_trait;
use model::CompanyId;
use shares::FairShare;

/// Resolves names. All addresses are returned; [`crate::Policy`] judges them.
#[async_trait]
pub trait Resolver: Send + Sync + std::fmt::Debug {
    /// `asking` is the company whose webhook has this name in its URL.
    async fn resolve(&self, name: &str, asking: CompanyId) -> io::Result<Vec<IpAddr>>;
}

/// The machine's own resolver. A look-up holds a thread for as long as the system likes, also when nobody waits for it any
/// more: so many at a time, of which each company has a fair share, and threads stay for everything else. Clones share
/// their places.
#[derive(Clone, Debug)]
pub struct SystemResolver {
    lookups: FairShare<CompanyId>,
    look_up: fn(&str) -> io::Result<Vec<IpAddr>>,
}

impl SystemResolver {
    /// So many look-ups at a time.
    pub fn new(at_once: usize) -> Self {
        Self {
            lookups: FairShare::new(at_once),
            look_up: |name| Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect()),
        }
    }
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self::new(64)
    }
}

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str, asking: CompanyId) -> io::Result<Vec<IpAddr>> {
        let place = self.lookups.take(asking).await;
        let (name, look_up) = (name.to_owned(), self.look_up);
        let look_up = move || {
            let found = look_up(&name);
            drop(place);
            found
        };
        let mut addresses = tokio::task::spawn_blocking(look_up)
            .await
            .map_err(io::Error::other)??;
        addresses.dedup();
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::sync::{LazyLock, Mutex};

    use super::*;

    type Gate = (mpsc::Sender<()>, Mutex<mpsc::Receiver<()>>);

    /// A look-up of `slow` hangs until somebody sends.
    static GATE: LazyLock<Gate> = LazyLock::new(|| {
        let (open, closed) = mpsc::channel();
        (open, Mutex::new(closed))
    });

    #[tokio::test]
    async fn a_company_whose_names_hang_keeps_no_other_from_looking_up_its_own() {
        let resolver = SystemResolver {
            lookups: FairShare::new(4),
            look_up: |name| {
                if name == "slow" {
                    let gate = GATE.1.lock().map_err(|_| io::ErrorKind::Other)?;
                    gate.recv().map_err(io::Error::other)?;
                }
                Ok(vec![IpAddr::from([192, 0, 2, 1])])
            },
        };
        let company = |byte| CompanyId::from_random([byte; 16]);
        let hanging: Vec<_> = (0..20)
            .map(|_| {
                let resolver = resolver.clone();
                tokio::spawn(async move { resolver.resolve("slow", company(1)).await })
            })
            .collect();
        while resolver.lookups.held(&company(1)) < 2 {
            tokio::task::yield_now().await;
        }
        let found = resolver
            .resolve("quick", company(2))
            .await
            .expect("it is not kept waiting");
        assert_eq!(found, [IpAddr::from([192, 0, 2, 1])]);
        for _ in &hanging {
            GATE.0.send(()).expect("somebody looks up");
        }
        for one in hanging {
            one.await.expect("no panic").expect("found in the end");
        }
        assert_eq!(resolver.lookups.free(), 4);
    }
}
