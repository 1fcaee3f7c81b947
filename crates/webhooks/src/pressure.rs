//! Back-pressure. When deliveries of a company could start and do not, because publishing is faster than delivering, its
//! publishers wait. Deliveries that wait for their receiver, for a retry, for a key or for a person do not count, so a
//! receiver that hangs makes no publication fail. Other companies notice nothing.

use std::collections::HashMap;
use std::time::Duration;

use model::CompanyId;
use tokio::sync::watch;
use tokio::time::timeout;

/// How many deliveries of a company may be overdue before its publishers wait.
pub(crate) const MOST_OVERDUE: u64 = 1_000;
/// A delivery that could start is overdue after this time.
pub(crate) const OVERDUE_AFTER_MILLIS: i64 = 1_000;
/// How often the worker counts, while there is anything to count.
pub(crate) const COUNT_EVERY: Duration = Duration::from_millis(250);
/// How long a publisher waits before it is refused.
const PATIENCE: Duration = Duration::from_secs(3);
/// How soon a publisher that was refused should try again.
pub const RETRY_AFTER_SECONDS: u32 = 2;

/// Too many deliveries of this company could have started and have not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Behind;

/// How many deliveries of each company are overdue, by the latest count.
#[derive(Debug)]
pub(crate) struct Pressure {
    overdue: watch::Sender<HashMap<CompanyId, u64>>,
}

impl Default for Pressure {
    fn default() -> Self {
        Self {
            overdue: watch::Sender::new(HashMap::new()),
        }
    }
}

impl Pressure {
    pub(crate) fn count(&self, overdue: HashMap<CompanyId, u64>) {
        self.overdue.send_if_modified(|before| {
            let changed = *before != overdue;
            *before = overdue;
            changed
        });
    }

    /// Returns at once, unless too many deliveries of this company are overdue. Then it waits for a while.
    pub(crate) async fn admit(&self, company: CompanyId) -> Result<(), Behind> {
        let is_current = |overdue: &HashMap<CompanyId, u64>| {
            overdue.get(&company).is_none_or(|count| *count <= MOST_OVERDUE)
        };
        if is_current(&self.overdue.borrow()) {
            return Ok(());
        }
        let mut overdue = self.overdue.subscribe();
        match timeout(PATIENCE, overdue.wait_for(is_current)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Behind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_company_that_is_behind_waits_and_is_then_refused_and_others_are_not() {
        let [behind, other] = [1, 2].map(|byte| CompanyId::from_random([byte; 16]));
        let pressure = Pressure::default();
        assert_eq!(pressure.admit(behind).await, Ok(()));
        pressure.count(HashMap::from([(behind, MOST_OVERDUE + 1), (other, MOST_OVERDUE)]));
        let started = tokio::time::Instant::now();
        assert_eq!(pressure.admit(other).await, Ok(()));
        assert_eq!(started.elapsed(), Duration::ZERO);
        assert_eq!(pressure.admit(behind).await, Err(Behind));
        assert_eq!(started.elapsed(), PATIENCE);
        let (admitted, ()) = tokio::join!(pressure.admit(behind), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            pressure.count(HashMap::new());
        });
        assert_eq!(admitted, Ok(()));
        assert_eq!(started.elapsed(), PATIENCE + Duration::from_secs(1));
    }
}
