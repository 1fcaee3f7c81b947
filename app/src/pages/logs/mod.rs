//! The Logs tab: the list of requests with its filters, and the page of one request.
//!
//! The address is authoritative: the list shows what the query says, the controls follow it, and changing one of them
//! changes the address. So Back restores the previous filter, and a link to a list shows that list.

mod address;
pub(crate) mod chart;
mod chips;
mod curl;
mod custom_range;
mod entry;
mod filters;
mod hold;
pub(super) mod json_text;
mod list;
mod listing;
mod live_bar;
mod message;
mod names;
mod nothing;
mod older;
mod pace;
mod summary;
mod table;
mod trail;
mod verdict;
pub(super) mod words;

pub use chart::DrawnChart;
pub use entry::LogEntryPage;
pub use list::LogsPage;
