//! Secrets: their formats, how they are sealed at rest, how the database finds them by hash, and what they sign. All
//! other crates get randomness, look-up hashes and signatures here, so no cipher is used anywhere else.
//!
//! An installation has two independent keys: the [`Pepper`] turns an access secret into its look-up hash, and the
//! [`MasterKey`] seals what must be readable again. The database contains neither, only a check value of each.

mod access_secret;
mod install_key;
mod known_browser;
mod random;
mod sealing;
mod signature;
mod token;

pub use access_secret::{
    AccessSecret, IMPORTED_BYTES, InvalidPrefix, LONGEST_PREFIX, MalformedSecret, SecretPrefixes,
};
pub use install_key::{InvalidKeyText, LookupHash, MasterKey, Pepper};
pub use known_browser::BrowserId;
pub use random::random;
pub use sealing::{InstallId, InvalidInstallId, SealPlace, SealPurpose, Sealed, Unsealable};
pub use signature::{sign_standard_webhook, sign_v1};
pub use token::{MalformedToken, Token};
pub use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use subtle::ConstantTimeEq;

/// Compares in constant time, so that timing does not reveal where the first difference is. It does not hide the
/// lengths.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}
