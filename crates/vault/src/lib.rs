//! Secrets: their formats, how they are sealed at rest, how a database finds them by their hash, and what is signed with
//! them. Every other crate comes here for randomness, for a look-up hash or a signature, and none of them touches a
//! cipher itself.
//!
//! Two keys of the installation, independent of each other: the [`Pepper`] turns an access secret into its look-up hash,
//! the [`MasterKey`] seals what must be readable again. Neither is ever in the database; a check value of each is.

mod access_secret;
mod install_key;
mod known_browser;
mod random;
mod sealing;
mod signature;
mod token;

pub use access_secret::{AccessSecret, InvalidPrefix, LONGEST_PREFIX, MalformedSecret, SecretPrefixes};
pub use install_key::{InvalidKeyText, LookupHash, MasterKey, Pepper};
pub use known_browser::BrowserId;
pub use random::random;
pub use sealing::{InstallId, InvalidInstallId, SealPlace, SealPurpose, Sealed, Unsealable};
pub use signature::{sign_standard_webhook, sign_v1};
pub use token::{MalformedToken, Token};
pub use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use subtle::ConstantTimeEq;

/// Compares without telling by the time it takes where the first difference is. The lengths are not hidden.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}
