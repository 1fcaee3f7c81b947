//! Resolves a name to its addresses. A trait, so that tests can control what a name resolves to.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};

use async_trait::async_trait;
use model::CompanyId;
use shares::FairShare;

/// Resolves names. Returns all addresses; [`crate::Policy`] decides about them.
#[async_trait]
pub trait Resolver: Send + Sync + std::fmt::Debug {
    /// `asking` is the company whose webhook URL contains this name.
    async fn resolve(&self, name: &str, asking: CompanyId) -> io::Result<Vec<IpAddr>>;
}

/// The machine's own resolver. The system may take any time for a look-up, and the look-up holds a thread even after
/// its caller has given up. So the number of look-ups is limited, which leaves threads for everything else, and each
/// company has a fair share. Clones share the same limit.
#[derive(Clone, Debug)]
pub struct SystemResolver {
    lookups: FairShare<CompanyId>,
    look_up: fn(&str) -> io::Result<Vec<IpAddr>>,
}

impl SystemResolver {
    /// Allows this many look-ups at a time.
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

    /// A look-up of `slow` hangs until a test sends here.
    static GATE: LazyLock<Gate> = LazyLock::new(|| {
        let (open, closed) = mpsc::channel();
        (open, Mutex::new(closed))
    });

    #[tokio::test]
    async fn a_company_whose_names_hang_does_not_block_the_look_ups_of_others() {
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
            GATE.0.send(()).expect("a look-up is waiting");
        }
        for one in hanging {
            one.await.expect("no panic").expect("found in the end");
        }
        assert_eq!(resolver.lookups.free(), 4);
    }
}
