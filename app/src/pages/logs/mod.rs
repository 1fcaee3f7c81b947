//! The Logs tab: the list of requests with its filters, and the page of one request.
//!
//! The address is authoritative: the list shows what the query says, the controls follow it, and changing one of them
//! changes the address. So Back restores the previous filter, and a link to a list shows that list.

pub(crate) mod address;
pub(crate) mod chart;
mod chips;
mod custom_range;
#[cfg(feature = "ssr")]
mod draw;
mod drawn;
pub(crate) mod entry;
mod facets;
mod filters;
mod hold;
pub(super) mod json_text;
pub(crate) mod line;
mod list;
mod listing;
mod live_bar;
#[cfg(feature = "ssr")]
mod menus;
mod names;
mod nothing;
mod older;
pub(crate) mod opened;
mod pace;
mod span;
mod summary;
mod table;
pub(super) mod words;
mod zone_switch;

#[cfg(feature = "ssr")]
pub(crate) use draw::draw;
pub use drawn::Drawn;
pub use entry::LogEntryPage;
pub use list::{LogsPage, LogsTools};
