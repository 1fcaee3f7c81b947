//! The secrets that sign deliveries. They are asked for at every attempt, so the sealed bytes of an environment are kept
//! until any key changes; they are opened each time and never kept open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::{CompanyId, Environment, KeyId, Timestamp};
use vault::AccessSecret;

use crate::SealedKey;

/// One active key with its secret, to sign with.
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

/// What was read, and the count of changes from before it was.
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

    /// `changes` is the count from before the database was read: a change during the reading then outdates it at once.
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
