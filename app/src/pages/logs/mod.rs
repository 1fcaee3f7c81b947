//! The Logs tab: the list of requests with its filters, and the page of one request.
//!
//! The address is authoritative: the list shows what the query says, the controls follow it, and changing one of them
//! changes the address. So Back restores the previous filter, and a link to a list shows that list.

pub(crate) mod address;
pub(crate) mod chart;
#[cfg(feature = "ssr")]
mod draw;
mod drawn;
pub(crate) mod entry;
pub(crate) mod export_run;
mod facets;
pub(crate) mod filters;
mod following;
mod groups;
mod hold;
pub(super) mod json_text;
mod list;
pub(crate) mod listed;
mod listing;
mod live_bar;
mod more;
#[cfg(feature = "ssr")]
mod notices;
mod older;
pub(crate) mod opened;
pub(super) mod pace;
pub(crate) mod panels;
#[cfg(feature = "ssr")]
mod panels_drawn;
mod span;
mod summary;
mod table;
mod views;
pub(crate) mod views_run;
pub(super) mod words;
pub(super) mod zone_switch;

#[cfg(feature = "ssr")]
pub(crate) use draw::draw;
pub use drawn::{Drawn, Part};
pub use entry::LogEntryPage;
pub use list::{LogsPage, LogsTools};
#[cfg(feature = "ssr")]
pub(crate) use listed::drawing::{draw as draw_list, draw_new};
pub use listed::{Listed, NewListed};
pub use panels::VIEWS_OPEN;
