//! The page on which a key is replaced by a new one: how to begin, and then who still uses the old key.

#[cfg(feature = "ssr")]
mod drawn;
mod page;
mod plan;

use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
pub(crate) use drawn::rotation;
pub use page::RotatePage;
pub use plan::PlanChoice;

use crate::browser::html::Markup;

/// The page as the server draws it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawnRotation {
    pub(crate) title: String,
    pub(crate) body: Markup,
    /// Whether something may change while the page is open.
    pub(crate) is_open: bool,
}
