//! Fair shares of what all share (invariant 13). Every bound in Gatehouse that tenants have in common is divided by the
//! same rule: a holder may take another place while it holds fewer than are free.
//!
//! With the rule, a lone holder gets half of the places, two get a third each, and `n` get one part in `n + 1` each. The
//! rest stays free, so a newcomer finds a place at once, whatever the others do with theirs. Nothing is taken away from
//! a holder, and nothing is remembered of a holder that has none.
//!
//! * [`Ledger`] is the rule alone, for code that schedules by itself.
//! * [`FairShare`] is a semaphore with the rule.
//! * [`Connections`] applies it to the connections of a listener, by address.

mod connections;
mod fair_share;
mod ledger;
mod network;

pub use connections::{Activity, Connection, Connections};
pub use fair_share::{FairShare, Share};
pub use ledger::Ledger;
pub use network::Network;
