//! What this crate needs from a database, as a trait, with the rows it exchanges.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{
    Actor, AuditEntry, AuditId, ClientId, CompanyId, DeletedKeySummary, Environment, KeyId, KeySummary,
    Timestamp,
};
use vault::{LookupHash, Sealed};

use crate::{KeyChange, KeysError, Limits};

/// A process that serves requests from a database it shares with others.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(u128);

impl NodeId {
    /// A new process is a new node and starts without a lease.
    pub fn generate() -> Self {
        Self(u128::from_be_bytes(vault::random()))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What recognising keys needs to know about a company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanyRow {
    pub id: CompanyId,
    pub client_id: ClientId,
    pub name: String,
    /// Set for a brand.
    pub parent: Option<CompanyId>,
}

/// An active key or a tombstone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRow {
    pub id: KeyId,
    pub company: CompanyId,
    pub environment: Environment,
    pub lookup: LookupHash,
    pub last_four: String,
    pub state: CredentialState,
    /// Of an active key.
    pub limits: Option<Arc<Limits>>,
    /// The change version in which the row was last written; 0 if that was before there were numbers.
    pub changed_in: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialState {
    Active,
    Deleted { at: Timestamp, by: String },
}

/// What is needed to judge requests: all of it, or what changed after a version. Contains every change up to `version`, and
/// perhaps later ones. Every key's company is here or was before.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub version: u64,
    pub companies: Vec<CompanyRow>,
    pub credentials: Vec<CredentialRow>,
}

/// A key to be stored.
#[derive(Clone, Debug)]
pub struct NewKey {
    pub id: KeyId,
    pub company: CompanyId,
    pub environment: Environment,
    pub lookup: LookupHash,
    pub sealed: Sealed,
    pub last_four: String,
    pub created_at: Timestamp,
    pub created_by: String,
    /// Tidy, and may be empty.
    pub name: String,
}

/// An active key with its sealed secret.
#[derive(Clone, Debug)]
pub struct SealedKey {
    pub id: KeyId,
    pub environment: Environment,
    pub last_four: String,
    pub created_at: Timestamp,
    pub sealed: Sealed,
    pub expires_at: Option<Timestamp>,
    pub delete_at: Option<Timestamp>,
}

impl SealedKey {
    pub(crate) fn has_ended(&self, now: Timestamp) -> bool {
        [self.expires_at, self.delete_at]
            .into_iter()
            .flatten()
            .any(|at| at <= now)
    }
}

/// What became of a key to be stored.
#[derive(Clone, Debug)]
pub struct Inserted {
    /// The change version of the new key.
    pub version: u64,
    /// A key of the environment that had ended and was deleted, because its slot was needed.
    pub freed: Option<DeletedRow>,
}

/// A change of a key's terms that was checked.
#[derive(Clone, Debug)]
pub struct Changing {
    pub company: CompanyId,
    pub key: KeyId,
    pub change: KeyChange,
    pub at: Timestamp,
    pub actor: Actor,
    pub audit: AuditId,
}

/// A key after a change of its terms.
#[derive(Clone, Debug)]
pub struct ChangedRow {
    pub lookup: LookupHash,
    pub key: KeySummary,
    /// The change version.
    pub version: u64,
}

/// An active key whose scheduled deletion has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueKey {
    pub company: CompanyId,
    pub key: KeyId,
}

/// Which key to delete, and what its tombstone and audit row say.
#[derive(Clone, Debug)]
pub struct Deletion {
    pub company: CompanyId,
    pub key: KeyId,
    pub at: Timestamp,
    pub actor: Actor,
    pub audit: AuditId,
}

/// What remains after a deletion.
#[derive(Clone, Debug)]
pub struct DeletedRow {
    pub key: KeyId,
    /// From this moment on, it is refused as deleted.
    pub at: Timestamp,
    /// Who deleted it, or said when it should be.
    pub by: String,
    pub environment: Environment,
    pub lookup: LookupHash,
    pub last_four: String,
    /// The change version of this deletion.
    pub version: u64,
}

/// Records that a request used a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    pub key: KeyId,
    pub at: Timestamp,
    pub address: IpAddr,
}

/// The answer to a node that wants to renew its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    Renewed,
    /// There are changes that the node has not applied. It must load them first.
    Behind,
}

impl Renewal {
    /// The store calls this while it holds the lock on the change version, so `latest` cannot change before the lease is
    /// granted. A node with a higher number than `latest` must load everything again too: the database was restored from a
    /// backup.
    pub const fn of(applied: u64, latest: u64) -> Self {
        if applied == latest {
            Self::Renewed
        } else {
            Self::Behind
        }
    }
}

/// The tables `api_keys`, `change_version` and `nodes`, and read access to `companies`. Every method that changes which
/// keys are accepted writes its audit row, increments the change version and marks the row with it in the same transaction.
#[async_trait]
pub trait KeyStore: fmt::Debug + Send + Sync {
    /// Everything.
    async fn load(&self) -> Result<Loaded, KeysError>;

    /// The companies and credentials whose latest change is later than `version`. `None` if [`Self::purge`] has removed
    /// such a row: then everything must be loaded.
    async fn changes_since(&self, version: u64) -> Result<Option<Loaded>, KeysError>;

    /// The number of the latest change.
    async fn change_version(&self) -> Result<u64, KeysError>;

    /// Whose active key this is. [`KeysError::NotFound`] also for a deleted key.
    async fn company_of(&self, key: KeyId) -> Result<CompanyId, KeysError>;

    /// A company's active keys in all environments, oldest first.
    async fn list(&self, company: CompanyId) -> Result<Vec<KeySummary>, KeysError>;

    /// A company's tombstones, the latest first, at most this number.
    async fn deleted(&self, company: CompanyId, most: usize) -> Result<Vec<DeletedKeySummary>, KeysError>;

    /// Stores the key in a free slot. If there is none, deletes a key of the environment that had ended by the moment of
    /// `audit`, the one that ended first, with an audit row of its own. [`KeysError::TwoActive`] if there is none either,
    /// [`KeysError::NotFound`] if the company does not exist.
    async fn insert(&self, key: NewKey, audit: AuditEntry) -> Result<Inserted, KeysError>;

    /// Changes the terms of an active key. [`KeysError::NotFound`] also for a key whose scheduled deletion has come.
    async fn change(&self, changing: Changing) -> Result<ChangedRow, KeysError>;

    /// Active keys whose scheduled deletion has come by this moment.
    async fn due(&self, now: Timestamp) -> Result<Vec<DueKey>, KeysError>;

    /// Deletes such a key, as of the scheduled moment. [`KeysError::NotFound`] if it was deleted already, or if its
    /// deletion was called off.
    async fn delete_due(&self, due: DueKey, now: Timestamp, audit: AuditId) -> Result<DeletedRow, KeysError>;

    /// One active key of this company. [`KeysError::NotFound`] also for another company's key.
    async fn sealed(&self, company: CompanyId, key: KeyId) -> Result<SealedKey, KeysError>;

    /// The active keys of one environment, oldest first.
    async fn sealed_of(
        &self,
        company: CompanyId,
        environment: Environment,
    ) -> Result<Vec<SealedKey>, KeysError>;

    /// Writes the audit row for reading a secret if the key is still active; otherwise [`KeysError::NotFound`] and no
    /// row.
    async fn record_access(&self, company: CompanyId, key: KeyId, audit: AuditEntry)
    -> Result<(), KeysError>;

    /// Erases the sealed secret and leaves a tombstone. [`KeysError::NotFound`] also for a key that is already deleted.
    async fn delete(&self, deletion: Deletion) -> Result<DeletedRow, KeysError>;

    /// Moves *last used* forward, never back. One entry per key.
    async fn touch(&self, touches: Vec<Touch>) -> Result<(), KeysError>;

    /// Removes tombstones of keys deleted before this moment, and returns how many.
    async fn purge(&self, deleted_before: Timestamp) -> Result<u64, KeysError>;

    /// Removes what deletions may have left of sealed secrets in the database's own files, as far as it can.
    async fn scrub(&self) -> Result<(), KeysError>;

    /// Whether other processes may serve from this database. If so, a node serves only under a lease.
    fn is_shared(&self) -> bool;

    /// Gives `node` a lease starting now if `applied` is the latest change version, and records that the node has
    /// applied it.
    async fn renew_lease(&self, node: NodeId, applied: u64, lease: Duration) -> Result<Renewal, KeysError>;

    /// How many nodes other than `asking` hold a lease without having applied `version`.
    async fn nodes_behind(&self, version: u64, asking: NodeId) -> Result<u64, KeysError>;

    /// The node has stopped serving.
    async fn leave(&self, node: NodeId) -> Result<(), KeysError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_node_that_has_applied_the_latest_change_gets_a_lease() {
        for (applied, latest, answer) in [
            (0, 0, Renewal::Renewed),
            (7, 7, Renewal::Renewed),
            (6, 7, Renewal::Behind),
            (8, 7, Renewal::Behind),
        ] {
            assert_eq!(Renewal::of(applied, latest), answer, "{applied} of {latest}");
        }
    }
}
