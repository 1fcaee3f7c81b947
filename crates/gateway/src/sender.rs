//! Who sent a request that is forwarded.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use keys::ActiveKey;
use model::Environment;

use crate::identity::{self, Identity};
use crate::local::Caller;
use crate::places::Holder;
use crate::reached::Reached;

/// The sender of a request that may pass.
pub(crate) enum Sender {
    /// A company, by one of its keys.
    Caller(Caller),
    /// Anyone: the request needs no key.
    Anyone {
        environment: Environment,
        /// See [`Caller::reached`].
        reached: Reached,
        address: IpAddr,
    },
}

impl Sender {
    pub(crate) const fn environment(&self) -> Environment {
        match self {
            Self::Caller(caller) => caller.environment,
            Self::Anyone { environment, .. } => *environment,
        }
    }

    pub(crate) const fn reached(&self) -> &Reached {
        match self {
            Self::Caller(caller) => &caller.reached,
            Self::Anyone { reached, .. } => reached,
        }
    }

    pub(crate) const fn key(&self) -> Option<&Arc<ActiveKey>> {
        match self {
            Self::Caller(caller) => Some(&caller.key),
            Self::Anyone { .. } => None,
        }
    }

    /// Whose share of the places in flight it takes.
    pub(crate) fn holder(&self) -> Holder {
        match self {
            Self::Caller(caller) => Holder::Company(caller.key.company.root),
            Self::Anyone { address, .. } => Holder::network(*address),
        }
    }

    /// Sets the identity headers.
    pub(crate) fn identify(&self, request_id: &HeaderValue, headers: &mut HeaderMap) {
        match self {
            Self::Caller(caller) => {
                let identity = Identity {
                    key: &caller.key,
                    brand: caller.brand.as_ref(),
                    request_id,
                };
                identity.write(headers);
            }
            Self::Anyone { environment, .. } => identity::write_none(*environment, request_id, headers),
        }
    }
}
