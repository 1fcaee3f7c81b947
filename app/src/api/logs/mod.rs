//! Server functions of the logs tab, one file per verb.

mod histogram;
mod list_requests;
mod log_entry;

pub use histogram::{HistogramCall, histogram};
pub use list_requests::{ListRequestsCall, list_requests};
pub use log_entry::{LogEntryCall, log_entry};
