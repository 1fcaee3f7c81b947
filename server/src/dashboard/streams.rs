//! Limits how many live streams may be open: a fair share for each company, and a fixed number per session. Each stream
//! holds one of the dashboard's connections for as long as its tab is visible.

use model::CompanyId;
use shares::{FairShare, Ledger, Share};

/// The most visible tabs of one browser that receive live updates.
const PER_SESSION: usize = 16;

/// The slots for all streams. Cheap to clone; all clones share the same slots.
#[derive(Clone, Debug)]
pub struct Streams {
    companies: FairShare<CompanyId>,
    sessions: FairShare<[u8; 32]>,
}

/// The slots one stream holds.
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

    /// Takes a slot for another stream of this session in this company, if one is free. For a brand, `company` is its
    /// parent.
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
    fn a_session_or_company_cannot_use_up_the_streams_of_another() {
        let streams = Streams::new(100);
        let one = open(&streams, 1, 1);
        assert_eq!(one.len(), PER_SESSION);
        let colleagues: Vec<_> = (2..20).map(|session| open(&streams, 1, session)).collect();
        let held = one.len() + colleagues.iter().map(Vec::len).sum::<usize>();
        assert_eq!(held, 50, "a company that is alone gets half");
        assert_eq!(
            open(&streams, 2, 99).len(),
            PER_SESSION,
            "another company is not affected"
        );
        drop((one, colleagues));
        assert_eq!(streams.companies.free(), 100);
    }
}
