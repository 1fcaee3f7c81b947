//! One bus for "something changed". Keys, logs, webhooks and accounts publish to it after they commit. Open pages,
//! and background tasks that follow the database, subscribe to it.
//!
//! A message only says *that* something changed. The receiver then fetches the new state as usual. So messages need
//! no authorisation or redaction of their own, and contain nothing secret.
//!
//! A [`Bus`] alone only reaches its own process. When several nodes share a database, `store` uses a [`Relay`] to
//! carry the [`News`] between them. Safety never depends on the bus: whatever must not be missed is also found by
//! reading the database. The bus only makes that faster.

mod bus;
mod marks;
mod relay;

pub use bus::{Bus, EndedSessions};
pub use marks::{Mark, NoMark};
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
