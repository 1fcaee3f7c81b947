//! One bus for "something changed". Keys, logs, webhooks and accounts publish here after they have committed. Open pages,
//! and the background work that follows the database, listen.
//!
//! A message only says *that* something changed. Whoever hears it then asks for it as usual, so nothing here has to be
//! authorised or redacted a second time, and nothing secret travels.
//!
//! By itself a [`Bus`] reaches its own process. Where several nodes share a database, `store` takes a [`Relay`] of it and
//! carries the [`News`] between them. Nothing depends on that for its safety: what must not be missed is also found by
//! looking at the database, and the bus only makes it sooner.

mod bus;
mod relay;

pub use bus::{Bus, EndedSessions};
pub use relay::{News, Relay};

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
