//! Server functions of the keys tab, one file per verb.

mod change_key;
mod check_key;
mod copy_key;
mod delete_key;
mod deleted_keys;
mod deletion_facts;
mod generate_key;
mod list_keys;
mod one_key;
mod reveal_key;
mod test_key;

pub use change_key::{ChangeKeyCall, change_key};
pub use check_key::{CheckKeyCall, check_key};
pub use copy_key::{CopyKeyCall, copy_key};
pub use delete_key::{DeleteKeyCall, delete_key};
pub use deleted_keys::{DeletedKeysCall, deleted_keys};
pub use deletion_facts::{DeletionFactsCall, deletion_facts};
pub use generate_key::{GenerateKeyCall, generate_key};
pub use list_keys::{ListKeysCall, list_keys};
pub use one_key::{OneKeyCall, one_key};
pub use reveal_key::{RevealKeyCall, reveal_key};
pub use test_key::{TestKeyCall, test_key};
