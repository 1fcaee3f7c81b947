//! Every decision that depends on the contents of the database, as a pure function from facts to a decision. There is
//! no SQL, no clock and no randomness here. `store` reads the facts inside the transaction, calls the function and
//! writes the result. On PostgreSQL it locks the rows if two transactions could decide at once.
//!
//! | question | decided by |
//! | --- | --- |
//! | Who receives an event, and how does each delivery begin? | [`recipients`] |
//! | Does this request repeat an earlier one? | [`repetition`] |
//! | May a test event be sent? | [`may_test`] |
//! | May a delivery be replayed, and which state does it return to? | [`may_replay`] |
//! | What does a change do to a webhook and to its waiting deliveries? | [`changed`], [`Waiting`], [`ends_as`] |
//! | May a waiting delivery be claimed now? | [`crate::Standing::waiting`] |
//! | How many attempts may a webhook with a rate limit begin now? | [`Pace`] |
//! | What does a change of a webhook's options leave? | [`options_after`] |
//! | Does a failing webhook get a warning, or is it disabled? | [`health_after`] |
//! | What happens to a delivery after an attempt? | [`then`], [`settled`] |
//! | What does a page say about the next attempt? | [`outlook`] |
//! | What does the operator's brake do to a delivery? | [`braked`], [`keeps_hold`] |

mod attempt;
mod brake;
mod change;
mod health;
mod options;
mod pace;
mod publication;
mod replay;

pub use attempt::{Before, Settled, attempts_at_most, settled, then};
pub use brake::{BrakeAction, BrakeFacts, Braked, Shelf, braked, keeps_hold};
pub use change::{Changed, Outlook, Waiting, changed, ends_as, outlook};
pub use health::{Consequence, HealthRecord, Report, health_after};
pub use options::{StoredOptions, options_after};
pub use pace::Pace;
pub use publication::{Begins, Claims, Earlier, Subscriber, may_test, recipients, repetition};
pub use replay::{ReplayFacts, ReplayRefused, may_replay};
