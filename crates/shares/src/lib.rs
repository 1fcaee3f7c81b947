//! Fair shares of limited resources (invariant 13). Every limit that Gatehouse's tenants share is divided by one rule:
//! a holder may take another place while it holds fewer than are free.
//!
//! Under this rule a lone holder gets half of the places, two get a third each, and `n` get one part in `n + 1` each.
//! The rest stays free, so a newcomer finds a place at once, however many the others hold. Places are never taken away
//! from a holder, and a holder without places takes no memory.
//!
//! * [`Ledger`] is the rule alone, for code that does its own scheduling.
//! * [`FairShare`] is a semaphore with the rule.
//! * [`Connections`] applies it to a listener's connections, by address.

mod connections;
mod fair_share;
mod ledger;
mod network;

pub use connections::{Activity, Connection, Connections};
pub use fair_share::{FairShare, Share};
pub use ledger::Ledger;
pub use network::Network;
