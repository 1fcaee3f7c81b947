//! Publishes and subscribes within one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::CompanyId;
use tokio::sync::{broadcast, watch};

use crate::marks::{Changes, Mark};
use crate::relay::Outgoing;
use crate::{News, Relay, Topic};

/// How many changes may queue for a slow page. Beyond that, the page is told once that it missed some, and refetches.
const BACKLOG: usize = 16;

/// How many ended sessions may queue for a slow stream. Beyond that, it checks whether its own session has ended.
const ENDED_BACKLOG: usize = 64;

/// What open streams receive when sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedSessions {
    /// The session with this token hash ended on this node.
    One([u8; 32]),
    /// Some sessions ended on another node. Each stream checks whether its own did.
    Elsewhere,
}

/// Where changes are published. Cheap to clone; all clones are the same bus.
#[derive(Clone, Debug)]
pub struct Bus(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pages: Mutex<Pages>,
    ended: broadcast::Sender<EndedSessions>,
    keys_elsewhere: watch::Sender<()>,
    sessions_elsewhere: watch::Sender<()>,
    event_types_elsewhere: watch::Sender<()>,
    outgoing: Outgoing,
}

/// The open pages, and what was published to them.
#[derive(Debug, Default)]
struct Pages {
    open: HashMap<CompanyId, broadcast::Sender<Topic>>,
    changes: Changes,
}

impl Pages {
    fn publish(&mut self, company: CompanyId, topic: Topic) {
        self.changes.add(company, topic);
        if let Some(sender) = self.open.get(&company)
            && sender.send(topic).is_err()
        {
            self.open.remove(&company);
        }
    }
}

impl Default for Bus {
    fn default() -> Self {
        Self(Arc::new(Inner {
            pages: Mutex::default(),
            ended: broadcast::Sender::new(ENDED_BACKLOG),
            keys_elsewhere: watch::Sender::new(()),
            sessions_elsewhere: watch::Sender::new(()),
            event_types_elsewhere: watch::Sender::new(()),
            outgoing: Outgoing::default(),
        }))
    }
}

/// Publishing. Never waits. Call it after the commit, so that pages do not refetch the old state.
impl Bus {
    /// Notifies every open page of `company`, on every node.
    pub fn publish(&self, company: CompanyId, topic: Topic) {
        self.publish_here(company, topic);
        self.0.outgoing.add(News::Changed(company, topic));
    }

    /// Notifies the open pages of `company` on this node only. For changes that each node notices on its own.
    pub fn publish_here(&self, company: CompanyId, topic: Topic) {
        self.pages().publish(company, topic);
    }

    /// A key was generated or deleted, or a company created. Other nodes read the change now instead of at their next
    /// poll.
    pub fn keys_changed(&self) {
        self.0.outgoing.add(News::Keys);
    }

    /// An event type was added, changed or removed. Other nodes read the catalogue now instead of at their next look.
    pub fn event_types_changed(&self) {
        self.0.outgoing.add(News::EventTypes);
    }

    /// The session with this token hash has ended.
    pub fn session_ended(&self, session: [u8; 32]) {
        // There may be no open stream.
        let _ = self.0.ended.send(EndedSessions::One(session));
        self.0.outgoing.add(News::Sessions);
    }

    /// Sessions ended on another node, so open streams check whether their own still exists.
    pub fn sessions_ended_elsewhere(&self) {
        // There may be no open stream.
        let _ = self.0.ended.send(EndedSessions::Elsewhere);
    }
}

/// Subscribing. A subscriber receives what is published after the call.
impl Bus {
    /// Changes to `company`.
    pub fn subscribe(&self, company: CompanyId) -> broadcast::Receiver<Topic> {
        self.pages()
            .open
            .entry(company)
            .or_insert_with(|| broadcast::channel(BACKLOG).0)
            .subscribe()
    }

    /// Where this node is among its changes now. What is read after the call has all of them up to there.
    pub fn mark(&self) -> Mark {
        self.pages().changes.mark()
    }

    /// What may have changed of the company after `mark`. Subscribe before the call, so that nothing is missed.
    pub fn changed_since(&self, mark: Mark, company: CompanyId) -> Vec<Topic> {
        self.pages().changes.since(mark, company)
    }

    /// Sessions that end.
    pub fn ended_sessions(&self) -> broadcast::Receiver<EndedSessions> {
        self.0.ended.subscribe()
    }

    /// Changes whenever another node reports that it changed keys.
    pub fn keys_elsewhere(&self) -> watch::Receiver<()> {
        self.0.keys_elsewhere.subscribe()
    }

    /// Changes whenever another node reports that it changed the event types.
    pub fn event_types_elsewhere(&self) -> watch::Receiver<()> {
        self.0.event_types_elsewhere.subscribe()
    }

    /// Changes whenever another node reports that it ended sessions.
    pub fn sessions_elsewhere(&self) -> watch::Receiver<()> {
        self.0.sessions_elsewhere.subscribe()
    }
}

/// For the relay.
impl Bus {
    /// From now on, news is also kept for other nodes, until the relay takes it.
    pub fn relay(&self) -> Relay {
        self.0.outgoing.open();
        Relay::new(self.clone())
    }

    pub(crate) fn outgoing(&self) -> &Outgoing {
        &self.0.outgoing
    }

    pub(crate) fn wake_keys(&self) {
        self.0.keys_elsewhere.send_replace(());
    }

    pub(crate) fn wake_event_types(&self) {
        self.0.event_types_elsewhere.send_replace(());
    }

    pub(crate) fn wake_sessions(&self) {
        self.0.sessions_elsewhere.send_replace(());
    }

    /// Tells every open page to refetch everything.
    pub(crate) fn publish_everything_here(&self) {
        let mut pages = self.pages();
        pages.changes.add_anything();
        let companies: Vec<CompanyId> = pages.open.keys().copied().collect();
        for company in companies {
            for topic in Topic::ALL {
                pages.publish(company, topic);
            }
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_companys_pages_are_notified() {
        let bus = Bus::default();
        let (ours, theirs) = (CompanyId::from_random([1; 16]), CompanyId::from_random([2; 16]));
        let mut page = bus.subscribe(ours);
        bus.publish(theirs, Topic::Keys);
        bus.publish(ours, Topic::Logs);
        assert_eq!(page.try_recv(), Ok(Topic::Logs));
        assert!(page.try_recv().is_err());
    }

    #[test]
    fn a_company_without_pages_is_forgotten() {
        let bus = Bus::default();
        let company = CompanyId::from_random([1; 16]);
        drop(bus.subscribe(company));
        bus.publish(company, Topic::Keys);
        assert!(bus.pages().open.is_empty());
    }
}
