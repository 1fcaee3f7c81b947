//! Places among the requests in flight. Companies share them fairly. Requests without a key have places of their own, which
//! the networks that they come from share: neither can take the others'.

use std::net::IpAddr;

use model::CompanyId;
use shares::{FairShare, Network, Share};

/// For this many places of companies there is one more for requests without a key.
const WITHOUT_KEY: usize = 4;

pub(crate) struct Places {
    companies: FairShare<CompanyId>,
    networks: FairShare<Network>,
}

/// Who holds a place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holder {
    Company(CompanyId),
    /// Of a request without a key.
    Network(Network),
}

/// A place. Dropping it gives it back.
#[expect(dead_code, reason = "it is held, and never read")]
pub(crate) enum Place {
    Company(Share<CompanyId>),
    Network(Share<Network>),
}

impl Holder {
    pub(crate) fn network(address: IpAddr) -> Self {
        Self::Network(Network::of(address))
    }
}

impl Places {
    pub(crate) fn new(places: usize) -> Self {
        Self {
            companies: FairShare::new(places),
            networks: FairShare::new(places.div_ceil(WITHOUT_KEY)),
        }
    }

    pub(crate) fn try_take(&self, holder: Holder) -> Option<Place> {
        match holder {
            Holder::Company(company) => self.companies.try_take(&company).map(Place::Company),
            Holder::Network(network) => self.networks.try_take(&network).map(Place::Network),
        }
    }

    /// Waits for a place. Callers with limited patience wrap this in a timeout.
    pub(crate) async fn take(&self, holder: Holder) -> Place {
        match holder {
            Holder::Company(company) => Place::Company(self.companies.take(company).await),
            Holder::Network(network) => Place::Network(self.networks.take(network).await),
        }
    }
}
