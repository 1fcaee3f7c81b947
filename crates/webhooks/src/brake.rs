//! The operator's brake: counts, holds, resumes and cancels deliveries of any company. A million deliveries are changed
//! in many short transactions, so no publication waits for them. If that is interrupted, what is done stays done, and the
//! same action again does the rest.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use live::{Bus, Topic};
use model::{Actor, AuditEntry, AuditId, CompanyId, EventType, Timestamp, WebhookId};
use tokio::time::Instant;

use crate::decide::BrakeAction;
use crate::storage::{BrakeCount, BrakeSelection, BrakeStep, BrakeStore};
use crate::{StorageFailure, Webhooks};

/// How many deliveries one transaction changes.
const AT_ONCE: u32 = 500;
/// How often to look again for deliveries that another transaction was writing, or that came to another shelf.
const MOST_PASSES: u32 = 10;
/// How long to wait before looking again for those that were left alone.
const BETWEEN_PASSES: Duration = Duration::from_millis(50);

/// Which deliveries the operator asks for. What is `None` may be anything.
#[derive(Clone, Debug, Default)]
pub struct BrakeWanted {
    pub company: Option<CompanyId>,
    pub webhook: Option<WebhookId>,
    pub event_type: Option<EventType>,
    /// When their events were accepted, both moments included. Without `until`: up to now.
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// How many deliveries an action finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BrakeTotals {
    pub deliveries: u64,
    pub webhooks: usize,
    pub companies: usize,
    /// How many of the deliveries have an attempt under way, which runs to its end.
    pub under_way: u64,
    /// When the first and the last of their events were accepted.
    pub accepted: Option<(Timestamp, Timestamp)>,
}

/// What an action did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrakeDone {
    /// What it found when it began.
    pub found: BrakeTotals,
    /// How many deliveries it changed.
    pub deliveries: u64,
    /// Whether nothing is left to do. Otherwise its time was over.
    pub finished: bool,
}

/// The brake of one installation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Brake {
    store: Arc<dyn BrakeStore>,
    bus: Bus,
    clock: Clock,
    /// Whose worker is told. `None` in a process that delivers nothing.
    webhooks: Option<Webhooks>,
}

impl std::fmt::Debug for dyn BrakeStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BrakeStore")
    }
}

impl Webhooks {
    /// The brake, for the process that delivers.
    pub fn brake(&self) -> Brake {
        let parts = self.parts();
        Brake {
            store: Arc::clone(&parts.store.brake),
            bus: parts.bus.clone(),
            clock: parts.clock.clone(),
            webhooks: Some(self.clone()),
        }
    }
}

impl Brake {
    /// For a process that delivers nothing.
    pub fn without_worker(store: Arc<dyn BrakeStore>, bus: Bus, clock: Clock) -> Self {
        Self {
            store,
            bus,
            clock,
            webhooks: None,
        }
    }

    /// The company of a webhook, even of a deleted one. `None` if there is no such webhook.
    pub async fn company_of(&self, webhook: WebhookId) -> Result<Option<CompanyId>, StorageFailure> {
        self.store.company_of(webhook).await
    }

    /// What the action would change. Changes nothing.
    pub async fn count(
        &self,
        action: BrakeAction,
        wanted: &BrakeWanted,
    ) -> Result<BrakeTotals, StorageFailure> {
        let counts = self.store.count(action, &self.selection(wanted)).await?;
        Ok(BrakeTotals::of(&counts))
    }

    /// Writes one audit row and does it, for at most as long as `patience`. Deliveries of events that are published
    /// after it began are not changed.
    pub async fn act(
        &self,
        action: BrakeAction,
        wanted: &BrakeWanted,
        actor: &Actor,
        patience: Option<Duration>,
    ) -> Result<BrakeDone, StorageFailure> {
        let ends_at = patience.map(|patience| Instant::now() + patience);
        let selection = self.selection(wanted);
        let mut counts = self.store.count(action, &selection).await?;
        let found = BrakeTotals::of(&counts);
        let audit = self.audit(action, &selection, &found, actor);
        self.store.record(audit).await?;
        let mut deliveries = 0;
        for _ in 0..MOST_PASSES {
            for place in &counts {
                let job = Job {
                    action,
                    selection: &selection,
                    place,
                    ends_at,
                };
                let (changed, in_time) = self.one_place(&job).await?;
                deliveries += changed;
                if !in_time {
                    return Ok(done(action, found, deliveries, false));
                }
            }
            counts = self.store.count(action, &selection).await?;
            if counts.is_empty() {
                break;
            }
            tokio::time::sleep(BETWEEN_PASSES).await;
        }
        Ok(done(action, found, deliveries, counts.is_empty()))
    }

    /// Changes the selected deliveries of one webhook on one shelf. Returns how many it changed, and whether its time
    /// was enough.
    async fn one_place(&self, job: &Job<'_>) -> Result<(u64, bool), StorageFailure> {
        let (mut changed, mut after) = (0, None);
        let in_time = loop {
            let started = Instant::now();
            if job.ends_at.is_some_and(|ends_at| ends_at <= started) {
                break false;
            }
            let step = BrakeStep {
                action: job.action,
                selection: job.selection.clone(),
                shelf: job.place.shelf,
                webhook: job.place.webhook,
                after,
                at_most: AT_ONCE,
            };
            let done = self.store.step(step).await?;
            changed += done.changed;
            self.tell_worker(job, done.changed, done.claimed);
            match done.next {
                Some(next) => after = Some(next),
                None => break true,
            }
            // Half of the time is for others.
            tokio::time::sleep(started.elapsed().max(Duration::from_millis(1))).await;
        };
        if changed > 0 {
            self.bus.publish(job.place.company, Topic::Webhooks);
        }
        Ok((changed, in_time))
    }

    /// Deliveries that this process has claimed and not started go back, and those that are due again are sent. Other
    /// nodes find the latter when they next look.
    fn tell_worker(&self, job: &Job<'_>, changed: u64, claimed: bool) {
        let Some(webhooks) = &self.webhooks else { return };
        let BrakeCount { webhook, company, .. } = *job.place;
        if claimed {
            webhooks.bell().changed(webhook);
        }
        if changed > 0 && job.action == BrakeAction::Resume {
            webhooks.bell().ring(company, [webhook], Vec::new());
        }
    }

    fn selection(&self, wanted: &BrakeWanted) -> BrakeSelection {
        let now = self.clock.now();
        BrakeSelection {
            company: wanted.company,
            webhook: wanted.webhook,
            event_type: wanted.event_type.clone(),
            from: wanted.from,
            until: wanted.until.map_or(now, |until| until.min(now)),
        }
    }

    fn audit(
        &self,
        action: BrakeAction,
        selection: &BrakeSelection,
        found: &BrakeTotals,
        actor: &Actor,
    ) -> AuditEntry {
        let at = self.clock.now();
        AuditEntry {
            id: AuditId::time_ordered(at, vault::random()),
            at,
            company: selection.company,
            actor: actor.clone(),
            action: action.audited_as(),
            subject: match (selection.webhook, selection.company) {
                (Some(webhook), _) => webhook.to_string(),
                (None, Some(company)) => company.to_string(),
                (None, None) => "all".to_owned(),
            },
            detail: match found.deliveries {
                1 => format!("1 delivery: {}", in_words(selection)),
                more => format!("{more} deliveries: {}", in_words(selection)),
            },
        }
    }
}

/// What one run of steps works on.
struct Job<'a> {
    action: BrakeAction,
    selection: &'a BrakeSelection,
    place: &'a BrakeCount,
    ends_at: Option<Instant>,
}

fn done(action: BrakeAction, found: BrakeTotals, deliveries: u64, finished: bool) -> BrakeDone {
    tracing::info!(
        action = action.as_str(),
        found = found.deliveries,
        deliveries,
        finished,
        "the operator changed deliveries"
    );
    BrakeDone {
        found,
        deliveries,
        finished,
    }
}

impl BrakeTotals {
    fn of(counts: &[BrakeCount]) -> Self {
        let mut totals = Self::default();
        let (mut webhooks, mut companies) = (BTreeSet::new(), BTreeSet::new());
        for count in counts {
            totals.deliveries += count.deliveries;
            totals.under_way += count.under_way;
            webhooks.insert(count.webhook);
            companies.insert(count.company);
            totals.accepted = Some(match totals.accepted {
                None => (count.oldest, count.newest),
                Some((oldest, newest)) => (oldest.min(count.oldest), newest.max(count.newest)),
            });
        }
        (totals.webhooks, totals.companies) = (webhooks.len(), companies.len());
        totals
    }
}

/// For the audit trail.
fn in_words(selection: &BrakeSelection) -> String {
    let mut words = Vec::new();
    words.extend(selection.company.map(|company| format!("company {company}")));
    words.extend(selection.webhook.map(|webhook| format!("webhook {webhook}")));
    words.extend(
        selection
            .event_type
            .as_ref()
            .map(|one| format!("event type {one}")),
    );
    words.extend(
        selection
            .from
            .map(|from| format!("accepted from {}", from.to_rfc3339())),
    );
    words.push(format!("accepted until {}", selection.until.to_rfc3339()));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::Shelf;

    const AT: Timestamp = Timestamp::from_millis(1_767_607_200_000);

    #[test]
    fn totals_count_each_webhook_and_company_once() {
        let count = |shelf, webhook, company, deliveries: u64| BrakeCount {
            shelf,
            webhook: WebhookId::from_random([webhook; 16]),
            company: CompanyId::from_random([company; 16]),
            deliveries,
            under_way: deliveries / 2,
            oldest: AT.plus_seconds(i64::from(webhook)),
            newest: AT.plus_seconds(i64::from(webhook) + 100),
        };
        let counts = [
            count(Shelf::Due, 2, 1, 4),
            count(Shelf::OnHold, 2, 1, 10),
            count(Shelf::Due, 1, 1, 1),
            count(Shelf::NoKey, 3, 2, 100),
        ];
        let expected = BrakeTotals {
            deliveries: 115,
            webhooks: 3,
            companies: 2,
            under_way: 57,
            accepted: Some((AT.plus_seconds(1), AT.plus_seconds(103))),
        };
        assert_eq!(BrakeTotals::of(&counts), expected);
        assert_eq!(BrakeTotals::of(&[]), BrakeTotals::default());
    }

    #[test]
    fn the_audit_row_says_which_deliveries_were_meant() {
        let all = BrakeSelection {
            company: None,
            webhook: None,
            event_type: None,
            from: None,
            until: AT,
        };
        assert_eq!(in_words(&all), "accepted until 2026-01-05T10:00:00.000Z");
        let some = BrakeSelection {
            company: Some(CompanyId::from_random([1; 16])),
            webhook: Some(WebhookId::from_random([2; 16])),
            event_type: Some(EventType::from_static("order-created")),
            from: Some(AT.minus_seconds(60)),
            ..all
        };
        let words = in_words(&some);
        for part in [
            some.company.map(|id| format!("company {id}, ")),
            some.webhook.map(|id| format!("webhook {id}, ")),
            Some(
                "event type order-created, accepted from 2026-01-05T09:59:00.000Z, accepted until".to_owned(),
            ),
        ] {
            let part = part.expect("selected");
            assert!(words.contains(&part), "{part} in {words}");
        }
    }
}
