//! Every decision that depends on what the database holds, as a pure function: facts in, decision out. There is no SQL, no
//! clock and no randomness in here. `store` reads the facts inside the transaction, on PostgreSQL with the rows locked where
//! two could decide at once, calls the function, and writes what it says.
//!
//! | question | decided by |
//! | --- | --- |
//! | Who receives an event, and how does each delivery begin? | [`recipients`] |
//! | Is this request a repetition of an earlier one? | [`repetition`] |
//! | May a test event be sent? | [`may_test`] |
//! | May a delivery be replayed, and what does it go back to? | [`may_replay`] |
//! | What does a change of a webhook do to it and to what waits? | [`changed`], [`Waiting`], [`ends_as`] |
//! | May a waiting delivery be claimed now? | [`crate::Standing::waiting`] |
//! | Is a failing webhook warned about, or disabled? | [`health_after`] |
//! | What follows an attempt for its delivery? | [`then`], [`settled`] |
//! | What does a page say about the next attempt? | [`outlook`] |

mod attempt;
mod change;
mod health;
mod publication;
mod replay;

pub use attempt::{Before, Settled, attempts_at_most, settled, then};
pub use change::{Changed, Outlook, Waiting, changed, ends_as, outlook};
pub use health::{Consequence, HealthRecord, Report, health_after};
pub use publication::{Begins, Earlier, Subscriber, may_test, recipients, repetition};
pub use replay::{ReplayFacts, ReplayRefused, may_replay};
