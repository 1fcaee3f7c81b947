//! Back-pressure. When deliveries of a company could start and do not, because publishing is faster than delivering, its
//! publishers wait. Deliveries that wait for their receiver, for a retry, for a key, for a person or for the operator do not count, so a
//! receiver that hangs makes no publication fail. Other companies notice nothing.

use std::collections::HashMap;
use std::time::Duration;

use model::{CompanyId, Timestamp, WebhookId};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::storage::Overdue;

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

/// What could have started and has not, by one count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    companies: HashMap<CompanyId, u64>,
    /// Since when the first has been due.
    oldest: Option<Timestamp>,
}

impl Count {
    /// Adds up the webhooks of each company.
    pub(crate) fn of(counts: Vec<Overdue>, companies: &HashMap<WebhookId, CompanyId>) -> Self {
        let mut count = Self::default();
        for one in counts {
            if let Some(company) = companies.get(&one.webhook) {
                *count.companies.entry(*company).or_insert(0) += one.deliveries;
                count.oldest = count.oldest.into_iter().chain(one.oldest).min();
            }
        }
        count
    }
}

/// Too many deliveries of this company could have started and have not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Behind;

/// How many deliveries of each company are overdue, by the latest count.
#[derive(Debug, Default)]
pub(crate) struct Pressure {
    overdue: watch::Sender<Count>,
}

impl Pressure {
    /// Since when the first delivery that could start has been due. `None` if it has been for less than
    /// [`OVERDUE_AFTER_MILLIS`].
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.overdue.borrow().oldest
    }

    pub(crate) fn count(&self, overdue: Count) {
        self.overdue.send_if_modified(|before| {
            let changed = *before != overdue;
            *before = overdue;
            changed
        });
    }

    /// Returns at once, unless too many deliveries of this company are overdue. Then it waits for a while.
    pub(crate) async fn admit(&self, company: CompanyId) -> Result<(), Behind> {
        let is_current = |overdue: &Count| {
            let count = overdue.companies.get(&company);
            count.is_none_or(|count| *count <= MOST_OVERDUE)
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

    fn overdue(company: CompanyId, deliveries: u64) -> (HashMap<WebhookId, CompanyId>, Overdue) {
        let webhook = WebhookId::from_random(company.to_bytes());
        let overdue = Overdue {
            webhook,
            deliveries,
            oldest: Some(Timestamp::from_millis(i64::try_from(deliveries).expect("few"))),
        };
        (HashMap::from([(webhook, company)]), overdue)
    }

    #[test]
    fn a_count_adds_up_the_webhooks_of_a_company_and_has_the_oldest_delivery() {
        let [one, other] = [1, 2].map(|byte| CompanyId::from_random([byte; 16]));
        let webhooks = [1, 2, 3, 4].map(|byte| WebhookId::from_random([byte; 16]));
        let companies = HashMap::from([(webhooks[0], one), (webhooks[1], one), (webhooks[2], other)]);
        let at = Timestamp::from_millis;
        let rows = [
            (0, 3, Some(at(50))),
            (1, 4, Some(at(20))),
            (2, 0, None),
            (3, 9, Some(at(1))),
        ];
        let rows = rows.map(|(index, deliveries, oldest)| Overdue {
            webhook: webhooks[index],
            deliveries,
            oldest,
        });
        let expected = Count {
            companies: HashMap::from([(one, 7), (other, 0)]),
            oldest: Some(at(20)),
        };
        assert_eq!(
            Count::of(rows.to_vec(), &companies),
            expected,
            "the last webhook is not startable"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_company_that_is_behind_waits_and_is_then_refused_and_others_are_not() {
        let [behind, other] = [1, 2].map(|byte| CompanyId::from_random([byte; 16]));
        let pressure = Pressure::default();
        assert_eq!(pressure.admit(behind).await, Ok(()));
        let both = [overdue(behind, MOST_OVERDUE + 1), overdue(other, MOST_OVERDUE)];
        let companies = both.iter().flat_map(|(companies, _)| companies.clone()).collect();
        pressure.count(Count::of(both.iter().map(|(_, one)| *one).collect(), &companies));
        assert_eq!(pressure.oldest().map(Timestamp::as_millis), Some(1_000));
        let started = tokio::time::Instant::now();
        assert_eq!(pressure.admit(other).await, Ok(()));
        assert_eq!(started.elapsed(), Duration::ZERO);
        assert_eq!(pressure.admit(behind).await, Err(Behind));
        assert_eq!(started.elapsed(), PATIENCE);
        let (admitted, ()) = tokio::join!(pressure.admit(behind), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            pressure.count(Count::default());
        });
        assert_eq!(admitted, Ok(()));
        assert_eq!(started.elapsed(), PATIENCE + Duration::from_secs(1));
        assert_eq!(pressure.oldest(), None);
    }
}
