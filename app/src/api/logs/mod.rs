//! Server functions of the logs tab, one file per verb.

mod draw;
mod list_requests;
mod log_entry;
mod panels;

pub use draw::{DrawCall, draw};
pub use list_requests::{ListRequestsCall, list_requests};
pub use log_entry::{LogEntryCall, log_entry};
pub use panels::{PanelsCall, panels};
