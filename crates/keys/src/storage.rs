//! What this crate needs of a database, as a trait, and the rows it exchanges with it.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use model::{Actor, AuditEntry, AuditId, ClientId, CompanyId, Environment, KeyId, KeySummary, Timestamp};
use vault::{LookupHash, Sealed};

use crate::KeysError;

/// One process that serves requests from a database it shares with others.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(u128);

impl NodeId {
    /// A new process is a new node: it starts without a lease.
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

/// A company, as far as recognising its keys needs it.
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
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialState {
    Active,
    Deleted { at: Timestamp, by: String },
}

/// Everything that requests are judged by. The rows hold every change up to `version`, and perhaps later ones.
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
}

/// An active key with its sealed secret.
#[derive(Clone, Debug)]
pub struct SealedKey {
    pub id: KeyId,
    pub environment: Environment,
    pub last_four: String,
    pub created_at: Timestamp,
    pub sealed: Sealed,
}

/// Which key to delete, and what its tombstone and its audit row say.
#[derive(Clone, Debug)]
pub struct Deletion {
    pub company: CompanyId,
    pub key: KeyId,
    pub at: Timestamp,
    pub actor: Actor,
    pub audit: AuditId,
}

/// What a deletion left behind.
#[derive(Clone, Debug)]
pub struct DeletedRow {
    pub environment: Environment,
    pub lookup: LookupHash,
    pub last_four: String,
    /// The change version that this deletion made.
    pub version: u64,
}

/// A request used a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    pub key: KeyId,
    pub at: Timestamp,
    pub address: IpAddr,
}

/// The answer to a node that wants to go on serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    Renewed,
    /// There are changes it has not applied: it must load them first.
    Behind,
}

/// The tables `api_keys`, `change_version` and `nodes`, and `companies` for reading. Every method that changes who may
/// pass writes its audit row and moves the change version in the same transaction.
#[async_trait]
pub trait KeyStore: fmt::Debug + Send + Sync {
    async fn load(&self) -> Result<Loaded, KeysError>;

    /// The number of the latest change.
    async fn change_version(&self) -> Result<u64, KeysError>;

    /// Makes a new change version for a change made elsewhere, such as a new company.
    async fn announce_change(&self) -> Result<u64, KeysError>;

    /// A company's active keys in all environments, oldest first.
    async fn list(&self, company: CompanyId) -> Result<Vec<KeySummary>, KeysError>;

    /// Stores the key in a free slot and returns the change version. [`KeysError::TwoActive`] when there is none,
    /// [`KeysError::NotFound`] when there is no such company.
    async fn insert(&self, key: NewKey, audit: AuditEntry) -> Result<u64, KeysError>;

    /// One active key of this company. [`KeysError::NotFound`] also for another company's.
    async fn sealed(&self, company: CompanyId, key: KeyId) -> Result<SealedKey, KeysError>;

    /// The active keys of one environment, oldest first.
    async fn sealed_of(
        &self,
        company: CompanyId,
        environment: Environment,
    ) -> Result<Vec<SealedKey>, KeysError>;

    /// Writes the audit row of a look at a secret, if the key is still active at this moment; else
    /// [`KeysError::NotFound`] and no row.
    async fn record_access(&self, company: CompanyId, key: KeyId, audit: AuditEntry)
    -> Result<(), KeysError>;

    /// Erases the sealed secret and leaves a tombstone. [`KeysError::NotFound`] also for a key deleted before.
    async fn delete(&self, deletion: Deletion) -> Result<DeletedRow, KeysError>;

    /// Moves *last used* forward, never back. One entry per key.
    async fn touch(&self, touches: Vec<Touch>) -> Result<(), KeysError>;

    /// Removes tombstones of keys deleted before this moment, and returns how many.
    async fn purge(&self, deleted_before: Timestamp) -> Result<u64, KeysError>;

    /// Removes what deletions may have left of the sealed secrets in the database's own files, as far as it can.
    async fn scrub(&self) -> Result<(), KeysError>;

    /// Whether other processes may serve from this database. Then a node serves only under a lease.
    fn is_shared(&self) -> bool;

    /// Gives `node` a lease from now on, if `applied` is the latest change version at this moment, and notes that it has
    /// applied that version.
    async fn renew_lease(&self, node: NodeId, applied: u64, lease: Duration) -> Result<Renewal, KeysError>;

    /// How many nodes other than `asking` hold a lease without having applied `version`.
    async fn nodes_behind(&self, version: u64, asking: NodeId) -> Result<u64, KeysError>;

    /// The node has stopped serving.
    async fn leave(&self, node: NodeId) -> Result<(), KeysError>;
}
