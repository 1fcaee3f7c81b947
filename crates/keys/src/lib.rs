//! API keys: which keys a company has, whether a request may pass, and how keys are generated, shown and deleted. The
//! gateway calls [`Keys::recognise`] on every request; pages and the command line use the rest; `store` implements
//! [`KeyStore`].
//!
//! All active keys and tombstones are in memory as one immutable [`Snapshot`]. A deletion is committed, then applied to
//! the snapshot, and only then answered. Everything else that changes arrives as rows: each row has the number of its
//! latest change, and a node reads those beyond the number it has ([`Keys::catch_up`]). With several nodes on one
//! database, [`lease`] explains how a deletion waits for the other nodes.

mod change;
mod credential_form;
mod credentials;
mod current;
mod error;
mod last_used;
pub mod lease;
mod limits;
mod parts;
mod rate_limit;
mod recognise;
mod rotation;
mod running;
mod service;
mod sharded;
mod signing;
mod snapshot;
mod storage;

pub use change::{KeyChange, Setting, TermsFault};
pub use credential_form::{CredentialForm, UnusableHeader, WrittenName};
pub use credentials::{ActiveKey, Company, CompanyRef, KeyTrace, TOMBSTONE_DAYS, Tombstone};
pub use error::KeysError;
pub use limits::{Ended, Limits, overrides_method};
pub use rate_limit::RateLimit;
pub use recognise::{BRAND_HEADER, Recognition};
pub use rotation::{
    Beginning, Begun, ChangingRotation, DueRotation, Rotating, RotationChange, StoredRotation, words_of,
};
pub use running::Running;
pub use service::{ImportedSecret, Importing, KeyFacts, Keys, KeysOptions, KeysParts, NotAdmitted};
pub use signing::SigningSecret;
pub use snapshot::Snapshot;
pub use storage::{
    ChangedRow, Changing, CompanyRow, CredentialRow, CredentialState, DeletedRow, Deletion, DueKey,
    ImportedKey, Inserted, KeyStore, Loaded, NewKey, NodeId, Renewal, SealedKey, Touch,
};
