//! The secrets that sign deliveries. Every attempt needs them, so the sealed bytes of an environment are cached until
//! any key changes. They are unsealed for each use and never cached unsealed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::{CompanyId, Environment, KeyId, Timestamp};
use vault::AccessSecret;

use crate::SealedKey;

/// An active key with its secret, to sign with.
#[derive(Clone, Debug)]
pub struct SigningSecret {
    pub key_id: KeyId,
    pub last_four: String,
    pub created_at: Timestamp,
    pub secret: AccessSecret,
}

/// Sealed keys by company and environment.
#[derive(Debug, Default)]
pub(crate) struct SealedKeys(Mutex<HashMap<(CompanyId, Environment), Read>>);

/// What was read, and the count of changes before the read.
type Read = (u64, Arc<[SealedKey]>);

impl SealedKeys {
    /// What was read since the last change.
    pub(crate) fn get(
        &self,
        company: CompanyId,
        environment: Environment,
        changes: u64,
    ) -> Option<Arc<[SealedKey]>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, keys) = known.get(&(company, environment))?;
        (*read_at == changes).then(|| Arc::clone(keys))
    }

    /// `changes` is the count from before the database was read, so that a change during the read makes the entry
    /// outdated at once.
    pub(crate) fn keep(
        &self,
        company: CompanyId,
        environment: Environment,
        changes: u64,
        keys: &Arc<[SealedKey]>,
    ) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (read_at, _)| *read_at == changes);
        known.insert((company, environment), (changes, Arc::clone(keys)));
    }
}
