//! The page of one key: what is known of it, where its requests come from, and what may be set. And the page on which a
//! Production key gets its name before it is made.

mod deleted;
#[cfg(feature = "ssr")]
mod deleted_drawn;
#[cfg(feature = "ssr")]
mod drawn;
mod fields;
mod forms;
mod new;
mod page;
mod secret;
mod test;

use model::KeySummary;
use serde::{Deserialize, Serialize};

pub(crate) use deleted::deleted_keys_part;
#[cfg(feature = "ssr")]
pub(crate) use deleted_drawn::deleted_keys;
#[cfg(feature = "ssr")]
pub(crate) use drawn::{one_key, rows_of};
pub use fields::{DELETIONS, KeyFault, KeyFields, KeyPart, KeySaved, input_text};
pub use new::NewKeyPage;
pub use page::KeyPage;
pub(crate) use secret::SecretCard;

use crate::browser::html::Markup;

/// A key with what the server draws of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneKey {
    pub key: KeySummary,
    pub has_expired: bool,
    /// The facts.
    pub(crate) facts: Markup,
    /// Its requests and their addresses.
    pub(crate) used: Markup,
}
