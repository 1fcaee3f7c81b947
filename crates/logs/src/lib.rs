//! The request log. Entries from the gateway, `verify` and the public API are redacted and written in batches after the
//! request, and counted if they are lost (invariants 8 and 9).

mod directory;
mod entry;
mod error_code;
mod facets;
mod found;
mod gatherer;
mod groups;
mod histogram;
mod lanes;
mod question;
mod reading;
mod recorder;
mod redact;
mod retention;
mod sent;
mod storage;
mod suppression;
mod tally;
mod waiting;
mod writer;

pub use self::redact::{redact, redact_counted};
pub use ::redact::{BODY_LIMIT, Headers, InvalidNames, Names, REDACTED};
pub use directory::{Directory, Known, NamedKey, Needs};
pub use entry::{Capture, CapturedBody, Entry, KeyTrace, Message, Place};
pub use found::{Count, Damaged, Distinct, ErrorKey, Facets, Found, FoundErrors, LookedBack};
pub use model::Choice;
pub use question::{Conditions, Groups, Question, Scope};
pub use reading::{PAGE, Reading, Walk};
pub use recorder::{Recorder, RecorderOptions};
pub use retention::Retention;
pub use sent::{Fate, Sought, Traced};
pub use storage::{
    Batch, Ledger, LogStoreError, Loss, LossOf, Origin, Reader, Run, RunReport, Sink, StoredEntry,
};
pub use tally::Totals;
