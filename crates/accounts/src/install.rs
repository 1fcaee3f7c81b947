//! The installation's own row: its id, and how to tell whether master key and pepper are the ones that its rows were
//! written with.

use model::Timestamp;
use thiserror::Error;

/// The one row of the table `install`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    /// 32 hex digits; part of what each sealed secret is bound to.
    pub id: String,
    pub master_key_check: Vec<u8>,
    pub pepper_check: Vec<u8>,
    pub created_at: Timestamp,
}

/// A secret is not the one this database was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecretMismatch {
    #[error("the master key is not the one this database was written with")]
    MasterKey,
    #[error("the pepper is not the one this database was written with")]
    Pepper,
}

impl Install {
    /// Whether the given check values are the stored ones.
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
