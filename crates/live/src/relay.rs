//! News that travels between the nodes of one database, and the queue that collects it so that publishing never
//! waits.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::CompanyId;
use tokio::sync::Notify;

use crate::{Bus, Topic};

/// How many changes may wait for the relay. Beyond that, the other nodes are told that anything may have changed.
const WAITING: usize = 4096;

/// A message from one node to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum News {
    /// Something in this topic of this company changed.
    Changed(CompanyId, Topic),
    /// The change version of the keys has increased.
    Keys,
    /// The version of the sessions has increased.
    Sessions,
    /// The version of the event types has increased.
    EventTypes,
    /// Anything may have changed: there was too much to list, or some news was lost.
    Anything,
}

/// News waiting for the relay. However often the same news is published, it waits only once.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// Without a relay, nothing is kept.
    is_open: AtomicBool,
    waiting: Mutex<Waiting>,
    urgent: Notify,
    patient: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Sent at once: other nodes need a deletion, and open streams a sign-out, as soon as possible.
    urgent: HashSet<News>,
    /// Frequent: these come with every batch of log rows and every delivery attempt, so they may be collected for a
    /// moment.
    patient: HashSet<News>,
}

impl Outgoing {
    pub(crate) fn open(&self) {
        self.is_open.store(true, Ordering::Release);
    }

    pub(crate) fn add(&self, news: News) {
        if !self.is_open.load(Ordering::Acquire) {
            return;
        }
        let mut waiting = self.lock();
        match news {
            News::Keys | News::Sessions | News::EventTypes => {
                waiting.urgent.insert(news);
                self.urgent.notify_one();
            }
            News::Changed(..) | News::Anything => {
                if waiting.patient.len() >= WAITING || news == News::Anything {
                    waiting.patient.clear();
                    waiting.patient.insert(News::Anything);
                } else if !waiting.patient.contains(&News::Anything) {
                    waiting.patient.insert(news);
                }
                self.patient.notify_one();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One node's connection to the bus of the others: takes the news it has to send, and passes on the news it receives.
#[derive(Debug)]
pub struct Relay(Bus);

impl Relay {
    pub(crate) fn new(bus: Bus) -> Self {
        Self(bus)
    }

    /// The news that must be sent at once. Waits until there is some. Cancelling the wait loses none.
    pub async fn urgent(&self) -> Vec<News> {
        let outgoing = self.0.outgoing();
        loop {
            let news = std::mem::take(&mut outgoing.lock().urgent);
            if !news.is_empty() {
                return news.into_iter().collect();
            }
            outgoing.urgent.notified().await;
        }
    }

    /// The news that may wait for a moment, so that repetitions become one message. Waits until there is some.
    pub async fn patient(&self) -> Vec<News> {
        let outgoing = self.0.outgoing();
        loop {
            let news = std::mem::take(&mut outgoing.lock().patient);
            if !news.is_empty() {
                return news.into_iter().collect();
            }
            outgoing.patient.notified().await;
        }
    }

    /// Everything that is waiting now.
    pub fn rest(&self) -> Vec<News> {
        let mut waiting = self.0.outgoing().lock();
        let urgent = std::mem::take(&mut waiting.urgent);
        let patient = std::mem::take(&mut waiting.patient);
        urgent.into_iter().chain(patient).collect()
    }

    /// Queues news again that could not be sent.
    pub fn put_back(&self, news: Vec<News>) {
        news.into_iter().for_each(|one| self.0.outgoing().add(one));
    }

    /// Publishes news from another node on this one. It is not relayed again.
    pub fn heard(&self, news: News) {
        match news {
            News::Changed(company, topic) => self.0.publish_here(company, topic),
            News::Keys => self.0.wake_keys(),
            News::Sessions => self.0.wake_sessions(),
            News::EventTypes => self.0.wake_event_types(),
            News::Anything => {
                self.0.wake_keys();
                self.0.wake_sessions();
                self.0.wake_event_types();
                self.0.publish_everything_here();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn company(number: u16) -> CompanyId {
        let [high, low] = number.to_be_bytes();
        let mut bytes = [0; 16];
        (bytes[0], bytes[1]) = (high, low);
        CompanyId::from_random(bytes)
    }

    fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn repeated_news_is_sent_once() {
        let bus = Bus::default();
        let relay = bus.relay();
        for _ in 0..1000 {
            bus.publish(company(1), Topic::Logs);
        }
        assert_eq!(
            at_once(relay.patient()),
            Some(vec![News::Changed(company(1), Topic::Logs)])
        );
        assert_eq!(at_once(relay.patient()), None);
    }

    #[test]
    fn sign_outs_and_keys_do_not_wait_behind_log_rows() {
        let bus = Bus::default();
        let relay = bus.relay();
        bus.publish(company(1), Topic::Logs);
        bus.session_ended([7; 32]);
        assert_eq!(at_once(relay.urgent()), Some(vec![News::Sessions]));
        bus.keys_changed();
        assert_eq!(at_once(relay.urgent()), Some(vec![News::Keys]));
        assert_eq!(at_once(relay.urgent()), None);
    }

    #[test]
    fn too_much_news_becomes_anything_and_stays_bounded() {
        let bus = Bus::default();
        let relay = bus.relay();
        for number in 0..=u16::try_from(WAITING).expect("fits") {
            bus.publish(company(number), Topic::Webhooks);
        }
        bus.publish(company(9), Topic::Keys);
        assert_eq!(at_once(relay.patient()), Some(vec![News::Anything]));
    }

    #[test]
    fn without_a_relay_nothing_is_kept() {
        let bus = Bus::default();
        bus.publish(company(1), Topic::Logs);
        bus.session_ended([7; 32]);
        assert!(bus.relay().rest().is_empty());
    }

    #[test]
    fn news_from_another_node_reaches_pages_and_is_not_relayed_again() {
        let bus = Bus::default();
        let relay = bus.relay();
        let mut page = bus.subscribe(company(1));
        relay.heard(News::Changed(company(1), Topic::Webhooks));
        assert_eq!(page.try_recv(), Ok(Topic::Webhooks));
        relay.heard(News::Anything);
        assert_eq!(Topic::ALL.map(|_| page.try_recv()), Topic::ALL.map(Ok));
        assert!(relay.rest().is_empty());
    }

    #[test]
    fn news_wakes_the_tasks_that_follow_the_database() {
        let bus = Bus::default();
        let (keys, sessions) = (bus.keys_elsewhere(), bus.sessions_elsewhere());
        let woken = || {
            (
                keys.has_changed().expect("the bus exists"),
                sessions.has_changed().expect("the bus exists"),
            )
        };
        assert_eq!(woken(), (false, false));
        bus.relay().heard(News::Keys);
        assert_eq!(woken(), (true, false));
        bus.relay().heard(News::Sessions);
        assert_eq!(woken(), (true, true));
        let event_types = bus.event_types_elsewhere();
        for news in [News::EventTypes, News::Anything] {
            let mut seen = event_types.clone();
            seen.mark_unchanged();
            bus.relay().heard(news);
            assert!(seen.has_changed().expect("the bus exists"), "{news:?}");
        }
    }
}
