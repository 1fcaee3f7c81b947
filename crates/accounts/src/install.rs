//! The installation's own row: its id, and check values that show whether the master key and pepper are those its data
//! was written with.

use model::Timestamp;
use thiserror::Error;

/// The only row of the table `install`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    /// 32 hex digits. Every sealed secret is bound to it.
    pub id: String,
    pub master_key_check: Vec<u8>,
    pub pepper_check: Vec<u8>,
    pub created_at: Timestamp,
}

/// A key that this database was not written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecretMismatch {
    #[error("the master key is not the one this database was written with")]
    MasterKey,
    #[error("the pepper is not the one this database was written with")]
    Pepper,
}

impl Install {
    /// Checks that the given values match the stored ones.
    pub fn verify(&self, master_key_check: &[u8], pepper_check: &[u8]) -> Result<(), SecretMismatch> {
        if self.master_key_check != master_key_check {
            return Err(SecretMismatch::MasterKey);
        }
        if self.pepper_check != pepper_check {
            return Err(SecretMismatch::Pepper);
        }
        Ok(())
    }
}
