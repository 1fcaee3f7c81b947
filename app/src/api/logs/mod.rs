//! Server functions of the logs tab, one file per verb.

mod delete_view;
mod draw;
mod list_requests;
mod log_entry;
mod panels;
mod save_view;

pub use delete_view::{DeleteViewCall, delete_view};
pub use draw::{DrawCall, draw};
pub use list_requests::{ListRequestsCall, list_requests};
pub use log_entry::{LogEntryCall, log_entry};
pub use panels::{PanelsCall, panels};
pub use save_view::{SaveViewCall, save_view};
