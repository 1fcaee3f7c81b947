//! Limits how many exports may be in progress, and lets a server that stops wait for their audit rows. An export holds one
//! of the dashboard's connections until it is downloaded.

use std::future::Future;

use model::CompanyId;
use shares::{FairShare, Ledger, Share};
use tokio_util::task::TaskTracker;

/// Of all companies together.
const AT_ONCE: usize = 16;
/// Of one company with its brands.
const PER_COMPANY: usize = 2;

/// The slots for all exports. Cheap to clone; all clones share the same slots.
#[derive(Clone, Debug)]
pub struct Exports {
    places: FairShare<CompanyId>,
    tasks: TaskTracker,
}

/// The slot of one export.
pub type ExportPlace = Share<CompanyId>;

impl Exports {
    /// The server waits for `tasks` when it stops.
    pub fn new(tasks: TaskTracker) -> Self {
        Self {
            places: FairShare::with(Ledger::new(AT_ONCE).at_most_each(PER_COMPANY)),
            tasks,
        }
    }

    /// Takes a slot if one is free. For a brand, `company` is its parent.
    pub fn begin(&self, company: CompanyId) -> Option<ExportPlace> {
        self.places.try_take(&company)
    }

    pub(super) fn spawn(&self, export: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(export);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_company_has_two_exports_at_once_and_another_is_not_kept_waiting() {
        let exports = Exports::new(TaskTracker::new());
        let [one, other] = [1, 2].map(|number| CompanyId::from_random([number; 16]));
        let held: Vec<_> = std::iter::from_fn(|| exports.begin(one)).collect();
        assert_eq!(held.len(), PER_COMPANY);
        assert!(exports.begin(other).is_some());
        drop(held);
        assert!(exports.begin(one).is_some());
    }
}
