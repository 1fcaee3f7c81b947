//! Tells open pages that something they show has changed. Keys, logs and webhooks publish a topic of a company here
//! after they have committed. The server-sent-events stream of each visible tab listens.
//!
//! A message only says *that* something changed. The page then fetches it through its own server function, so nothing
//! here has to be authorised or redacted a second time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::CompanyId;
use tokio::sync::broadcast;

/// What changed. There is one topic per tab of the Development page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    Keys,
    Logs,
    Webhooks,
}

impl Topic {
    pub const ALL: [Self; 3] = [Self::Keys, Self::Logs, Self::Webhooks];

    /// The topic's name in stream URLs and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Logs => "logs",
            Self::Webhooks => "webhooks",
        }
    }

    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == text)
    }
}

/// How many changes may queue for a slow page. Beyond that, the page is told once that it missed some, and it
/// refetches.
const BACKLOG: usize = 16;

/// Where changes are published. Cheap to clone; all clones are the same hub.
#[derive(Clone, Debug, Default)]
pub struct Hub {
    listeners: Arc<Mutex<HashMap<CompanyId, broadcast::Sender<Topic>>>>,
}

impl Hub {
    /// Notifies every open page of `company`. Costs nothing if there are none.
    pub fn publish(&self, company: CompanyId, topic: Topic) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = listeners.get(&company)
            && sender.send(topic).is_err()
        {
            listeners.remove(&company);
        }
    }

    /// Listens for changes of `company` from now on.
    pub fn subscribe(&self, company: CompanyId) -> broadcast::Receiver<Topic> {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners
            .entry(company)
            .or_insert_with(|| broadcast::channel(BACKLOG).0)
            .subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_companys_pages_are_notified() {
        let hub = Hub::default();
        let (ours, theirs) = (CompanyId::from_random([1; 16]), CompanyId::from_random([2; 16]));
        let mut page = hub.subscribe(ours);
        hub.publish(theirs, Topic::Keys);
        hub.publish(ours, Topic::Logs);
        assert_eq!(page.try_recv(), Ok(Topic::Logs));
        assert!(page.try_recv().is_err());
    }

    #[test]
    fn a_company_without_pages_is_forgotten() {
        let hub = Hub::default();
        let company = CompanyId::from_random([1; 16]);
        drop(hub.subscribe(company));
        hub.publish(company, Topic::Keys);
        assert!(hub.listeners.lock().expect("nobody panicked").is_empty());
    }
}
