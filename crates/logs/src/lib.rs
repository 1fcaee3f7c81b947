//! The request log. Entries from the gateway, `verify` and the public API are redacted and written in batches after the
//! request, and counted if they are lost (invariants 8 and 9).

mod entry;
mod in_turn;
mod lanes;
mod recorder;
mod redact;
mod store;
mod suppression;
mod writer;

pub use self::redact::{redact, redact_counted};
pub use ::redact::{BODY_LIMIT, InvalidNames, Names, REDACTED};
pub use entry::{Capture, CapturedBody, Entry, KeyTrace, Message, Place};
pub use in_turn::InTurn;
pub use recorder::{Recorder, RecorderOptions, Totals};
pub use store::{Batch, LogStore, LogStoreError, Loss, LossOf, Run, RunReport, Scope, StoredEntry};
