//! How many live streams may be open: a fair share for each company, and only so many for a session. Each holds one of the
//! dashboard's connections for as long as its tab is visible.

use model::CompanyId;
use shares::{FairShare, Ledger, Share};

/// Visible tabs of one browser that hear of changes at once.
const PER_SESSION: usize = 16;

/// The places of all streams. Cheap to clone; clones are the same places.
#[derive(Clone, Debug)]
pub struct Streams {
    companies: FairShare<CompanyId>,
    sessions: FairShare<[u8; 32]>,
}

/// One stream's places.
#[derive(Debug)]
pub struct StreamPlace {
    _company: Share<CompanyId>,
    _session: Share<[u8; 32]>,
}

impl Streams {
    pub fn new(at_once: usize) -> Self {
        Self {
            companies: FairShare::new(at_once),
            sessions: FairShare::with(Ledger::new(at_once).at_most_each(PER_SESSION)),
        }
    }

    /// A place for another stream of this session in this company, or none. `company` is the parent where it is a brand.
    pub fn open(&self, company: CompanyId, session: [u8; 32]) -> Option<StreamPlace> {
        Some(StreamPlace {
            _session: self.sessions.try_take(&session)?,
            _company: self.companies.try_take(&company)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(streams: &Streams, company: u8, session: u8) -> Vec<StreamPlace> {
        let company = CompanyId::from_random([company; 16]);
        std::iter::from_fn(|| streams.open(company, [session; 32])).collect()
    }

    #[test]
    fn neither_a_session_nor_a_company_takes_the_streams_of_another() {
        let streams = Streams::new(100);
        let one = open(&streams, 1, 1);
        assert_eq!(one.len(), PER_SESSION);
        let colleagues: Vec<_> = (2..20).map(|session| open(&streams, 1, session)).collect();
        let held = one.len() + colleagues.iter().map(Vec::len).sum::<usize>();
        assert_eq!(held, 50, "half for a company that is alone");
        assert_eq!(
            open(&streams, 2, 99).len(),
            PER_SESSION,
            "another company does not notice"
        );
        drop((one, colleagues));
        assert_eq!(streams.companies.free(), 100);
    }
}
