//! Which webhooks may have something due, what is claimed for each, and how many attempts each has in progress. There
//! are no sockets and no database here: [`crate::worker`] asks what to claim and what to start.
//!
//! Each webhook has a lane with a limited number of attempts in progress. What is claimed beyond that waits in the lane,
//! so that a receiver that responds quickly never waits for the database. How much may wait follows from the time that
//! the lane's attempts take: what it sends in [`CLAIMED_AHEAD_MS`]. A receiver that hangs gets nothing ahead.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::{CompanyId, Timestamp, WebhookId};
use shares::Ledger;

use crate::WorkerOptions;
use crate::storage::{Claimed, Room, Taken};

/// How far ahead of its attempts a lane may claim.
const CLAIMED_AHEAD_MS: u32 = 100;
/// The most deliveries that may wait in a lane, as a multiple of the attempts it may have in progress.
const MOST_AHEAD: u32 = 7;

/// Attempts that take less than this are short.
const QUICK_MS: u32 = 250;

/// The lanes of all webhooks that have something to do.
#[derive(Debug)]
pub(crate) struct Lanes {
    options: WorkerOptions,
    lanes: HashMap<WebhookId, Lane>,
    /// All deliveries that are claimed here, by company.
    places: Ledger<CompanyId>,
    /// In order, so that the same inputs always lead to the same claims.
    ready: BTreeMap<WebhookId, CompanyId>,
    later: BTreeSet<(Timestamp, WebhookId, CompanyId)>,
    /// The webhooks whose rate limit held back the latest claim. What waits for them waits for the limit.
    paced: HashMap<WebhookId, Pause>,
    /// While a claim is on its way, the webhooks that became ready since it began. It may not have seen what made them
    /// ready.
    ready_again: Option<HashSet<WebhookId>>,
}

/// A rate limit that is used up.
#[derive(Clone, Copy, Debug)]
enum Pause {
    Until(Timestamp),
    /// It allows more again.
    Over,
}

#[derive(Debug)]
struct Lane {
    company: CompanyId,
    running: u32,
    /// Claimed and not started.
    waiting: VecDeque<Claimed>,
    /// How long attempts take, in milliseconds, as a moving average. `None` until one has ended.
    took: Option<u32>,
}

impl Lane {
    fn of(company: CompanyId) -> Self {
        Self {
            company,
            running: 0,
            waiting: VecDeque::new(),
            took: None,
        }
    }

    /// Whether its attempts are so short that a full lane soon has a place.
    fn is_quick(&self) -> bool {
        self.took.is_some_and(|took| took < QUICK_MS)
    }

    fn claimed(&self) -> u32 {
        self.running + u32::try_from(self.waiting.len()).unwrap_or(u32::MAX)
    }

    /// How many more deliveries may be claimed.
    fn room(&self, per_webhook: u32) -> u32 {
        let ahead = self.took.map_or(0, |took| {
            (per_webhook * CLAIMED_AHEAD_MS / took.max(1)).min(per_webhook * MOST_AHEAD)
        });
        (per_webhook + ahead).saturating_sub(self.claimed())
    }

    fn note(&mut self, took: Duration) {
        let took = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        self.took = Some(match self.took {
            None => took,
            Some(before) => before - before / 8 + took / 8,
        });
    }
}

/// A webhook that may have something due.
struct Asking {
    webhook: WebhookId,
    company: CompanyId,
    room: u32,
    places: u32,
}

impl Lanes {
    pub(crate) fn new(options: WorkerOptions) -> Self {
        Self {
            options,
            lanes: HashMap::new(),
            places: Ledger::new(usize::try_from(options.at_once).unwrap_or(usize::MAX)),
            ready: BTreeMap::new(),
            paced: HashMap::new(),
            later: BTreeSet::new(),
            ready_again: None,
        }
    }

    /// These webhooks may have something due.
    pub(crate) fn ready(&mut self, webhooks: impl IntoIterator<Item = (WebhookId, CompanyId)>) {
        for (webhook, company) in webhooks {
            self.ready.insert(webhook, company);
            if let Some(again) = &mut self.ready_again {
                again.insert(webhook);
            }
        }
    }

    /// This webhook has something due at that time.
    pub(crate) fn later(&mut self, at: Timestamp, webhook: WebhookId, company: CompanyId) {
        self.later.insert((at, webhook, company));
    }

    /// Marks the webhooks whose retries have become due, or whose rate limit allows more.
    pub(crate) fn due_by(&mut self, now: Timestamp) {
        for pause in self.paced.values_mut() {
            if matches!(pause, Pause::Until(at) if *at <= now) {
                *pause = Pause::Over;
            }
        }
        while let Some((at, webhook, company)) = self.later.first().copied()
            && at <= now
        {
            self.later.pop_first();
            self.ready([(webhook, company)]);
        }
    }

    /// The webhook was changed, and with it perhaps its rate limit.
    pub(crate) fn changed(&mut self, webhook: WebhookId) {
        self.paced.remove(&webhook);
    }

    /// When the next retry is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.later.first().map(|(at, ..)| *at)
    }

    fn room(&self, webhook: &WebhookId) -> u32 {
        let per_webhook = self.options.per_webhook;
        self.lanes
            .get(webhook)
            .map_or(per_webhook, |lane| lane.room(per_webhook))
    }

    /// How many deliveries to claim, for each webhook that may have some and has room. Places are given out one by one
    /// in turn, while the webhook's lane and its company's share have room.
    pub(crate) fn wanted(&self) -> Vec<(WebhookId, u32)> {
        let mut asking: Vec<Asking> = self
            .ready
            .iter()
            .filter(|(webhook, _)| !matches!(self.paced.get(*webhook), Some(Pause::Until(_))))
            .map(|(webhook, company)| Asking {
                webhook: *webhook,
                company: *company,
                room: self.room(webhook),
                places: 0,
            })
            .filter(|one| one.room > 0)
            .collect();
        // The company with the fewest comes first. Hanging receivers would otherwise ask again with every place they free.
        let claimed = |webhook: &WebhookId| self.lanes.get(webhook).map_or(0, Lane::claimed);
        asking.sort_by_cached_key(|one| (self.places.held(&one.company), claimed(&one.webhook)));
        let mut places = self.places.clone();
        loop {
            let before = places.free();
            for one in &mut asking {
                if one.places < one.room && places.take(&one.company, 1) {
                    one.places += 1;
                }
            }
            if places.free() == before {
                break;
            }
        }
        let asking = asking.into_iter().filter(|one| one.places > 0);
        asking.map(|one| (one.webhook, one.places)).collect()
    }

    /// The webhooks with a backlog whose deliveries could start: no rate limit holds them back, and their lane has a place or
    /// its attempts are short.
    /// A company whose share is taken by slow receivers has none, because it waits for those.
    pub(crate) fn startable(&self) -> HashMap<WebhookId, CompanyId> {
        let per_webhook = self.options.per_webhook;
        let moves = |webhook: &WebhookId| {
            self.lanes
                .get(webhook)
                .is_none_or(|lane| lane.running < per_webhook || lane.is_quick())
        };
        let mut slow: HashMap<CompanyId, usize> = HashMap::new();
        for lane in self.lanes.values().filter(|lane| !lane.is_quick()) {
            *slow.entry(lane.company).or_insert(0) += lane.running as usize;
        }
        let waits_for_itself = |company: &CompanyId| {
            let slow = slow.get(company).copied().unwrap_or(0);
            self.places.room(company) == 0 && slow * 2 >= self.places.held(company)
        };
        let startable = self.ready.iter().filter(|(webhook, company)| {
            !self.paced.contains_key(*webhook) && moves(webhook) && !waits_for_itself(company)
        });
        startable.map(|(webhook, company)| (*webhook, *company)).collect()
    }

    /// A claim begins. Until it ends, publications must not claim: they would claim for the same places.
    pub(crate) fn begin_claim(&mut self) {
        self.ready_again = Some(HashSet::new());
    }

    /// The claim has ended. A webhook that got as many as it asked for may have more, and so may one whose rate limit allowed no
    /// more. `None` if it failed: then all may.
    pub(crate) fn end_claim(&mut self, wanted: &[(WebhookId, u32)], taken: Option<&Taken>) {
        let again = self.ready_again.take().unwrap_or_default();
        let Some(taken) = taken else { return };
        let mut counts: HashMap<WebhookId, u32> = HashMap::new();
        for one in &taken.claimed {
            *counts.entry(one.webhook).or_insert(0) += 1;
        }
        for (webhook, asked) in wanted {
            self.paced.remove(webhook);
            let got = counts.get(webhook).copied().unwrap_or(0);
            if got < *asked && !again.contains(webhook) {
                self.ready.remove(webhook);
            }
        }
        for one in &taken.paced {
            self.paced.insert(one.webhook, Pause::Until(one.again_at));
            self.later(one.again_at, one.webhook, one.company);
        }
    }

    /// Puts a claimed delivery into its lane. Returns it if there is no place at all.
    #[expect(clippy::result_large_err, reason = "the delivery comes back as it went in")]
    pub(crate) fn add(&mut self, claimed: Claimed) -> Result<(), Claimed> {
        if !self.places.take_beyond_share(&claimed.company, 1) {
            return Err(claimed);
        }
        self.lanes
            .entry(claimed.webhook)
            .or_insert_with(|| Lane::of(claimed.company))
            .waiting
            .push_back(claimed);
        Ok(())
    }

    /// The next delivery that may start now. It counts as in progress until [`Lanes::end`].
    pub(crate) fn start(&mut self, webhook: WebhookId) -> Option<Claimed> {
        let lane = self.lanes.get_mut(&webhook)?;
        if lane.running >= self.options.per_webhook {
            return None;
        }
        let claimed = lane.waiting.pop_front()?;
        lane.running += 1;
        Some(claimed)
    }

    /// An attempt has ended. `took` is `None` if nothing was sent.
    pub(crate) fn end(&mut self, webhook: WebhookId, company: CompanyId, took: Option<Duration>) {
        self.places.give_back(&company, 1);
        if let Some(lane) = self.lanes.get_mut(&webhook) {
            lane.running = lane.running.saturating_sub(1);
            if let Some(took) = took {
                lane.note(took);
            }
            if lane.claimed() == 0 {
                self.lanes.remove(&webhook);
            }
        }
    }

    /// Takes out what is claimed for this webhook and not started.
    pub(crate) fn take_waiting(&mut self, webhook: WebhookId) -> Vec<Claimed> {
        let Some(lane) = self.lanes.get_mut(&webhook) else {
            return Vec::new();
        };
        let waiting: Vec<Claimed> = lane.waiting.drain(..).collect();
        if lane.running == 0 {
            self.lanes.remove(&webhook);
        }
        for one in &waiting {
            self.places.give_back(&one.company, 1);
        }
        waiting
    }

    /// Takes out everything that is claimed and not started.
    pub(crate) fn take_all_waiting(&mut self) -> Vec<Claimed> {
        let mut webhooks: Vec<WebhookId> = self.lanes.keys().copied().collect();
        webhooks.sort_unstable();
        webhooks
            .into_iter()
            .flat_map(|webhook| self.take_waiting(webhook))
            .collect()
    }

    /// How many deliveries publications may claim. A webhook that has a backlog gets none: its deliveries wait in order.
    pub(crate) fn admission(&self) -> Room {
        let count = |room: u32| usize::try_from(room).unwrap_or(usize::MAX);
        let per_webhook = self.options.per_webhook;
        let rooms = self
            .lanes
            .iter()
            .map(|(webhook, lane)| (*webhook, count(lane.room(per_webhook))));
        let ready = self.ready.keys().map(|webhook| (*webhook, 0));
        let companies = self.places.holders();
        Room {
            in_all: self.places.free(),
            each_webhook: count(per_webhook),
            webhooks: Arc::new(rooms.chain(ready).collect()),
            each_company: self.places.free().div_ceil(2),
            companies: Arc::new(
                companies
                    .map(|(company, _)| (*company, self.places.room(company)))
                    .collect(),
            ),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
