//! The page on which a key is replaced by a new one: how to begin, and then who still uses the old key.

#[cfg(feature = "ssr")]
mod drawn;
mod page;
mod plan;
#[cfg(feature = "ssr")]
mod use_words;

use model::{Environment, KeyId};
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
    /// What the rotation waits for.
    pub(crate) state: Markup,
    /// The key that takes over, for those who may see its secret.
    pub(crate) new_key: Option<NewKey>,
    /// How the two keys are used.
    pub(crate) keys: Markup,
    pub(crate) forms: Markup,
    /// Whether something may change while the page is open.
    pub(crate) is_open: bool,
}

/// The key that takes over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKey {
    pub(crate) id: KeyId,
    pub(crate) environment: Environment,
    pub(crate) last_four: String,
}
