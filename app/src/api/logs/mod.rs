//! Server functions of the logs tab, one file per verb.

mod delete_view;
mod draw;
mod list_requests;
mod log_entry;
mod new_requests;
mod rename_view;
mod save_view;
mod vocabulary;

pub use delete_view::{DeleteViewCall, delete_view};
pub use draw::{DrawCall, draw};
pub use list_requests::{ListRequestsCall, list_requests};
pub use log_entry::{LogEntryCall, log_entry};
pub use new_requests::{NewRequestsCall, new_requests};
pub use rename_view::{RenameViewCall, rename_view};
pub use save_view::{SaveViewCall, save_view};
pub use vocabulary::{VocabularyCall, vocabulary};
