//! Server functions of the keys tab, one file per verb.

mod copy_key;
mod delete_key;
mod deletion_facts;
mod generate_key;
mod list_keys;
mod reveal_key;
mod rotation;

pub use copy_key::{CopyKeyCall, copy_key};
pub use delete_key::{DeleteKeyCall, delete_key};
pub use deletion_facts::{DeletionFactsCall, deletion_facts};
pub use generate_key::{GenerateKeyCall, generate_key};
pub use list_keys::{ListKeysCall, list_keys};
pub use reveal_key::{RevealKeyCall, reveal_key};
pub use rotation::{RotationCall, rotation};
