//! What the snapshot consists of: companies, active keys and tombstones.

use std::fmt::Display;
use std::ops::Deref;
use std::sync::Arc;

use http::HeaderValue;
use model::{ClientId, CompanyId, Environment, KeyId, Timestamp};
use vault::LookupHash;

use crate::{CompanyRow, CredentialRow, CredentialState, Ended, Limits};

/// For this many days the log can name a deleted key when someone tries it.
pub const TOMBSTONE_DAYS: i64 = 90;

/// What log entries and responses say about a company.
#[derive(Debug, PartialEq, Eq)]
pub struct Company {
    pub id: CompanyId,
    pub client_id: ClientId,
    pub name: Arc<str>,
    /// A brand's parent. For any other company, the company itself.
    pub root: CompanyId,
    /// The brand's own name, if this is a brand.
    pub brand_name: Option<Arc<str>>,
    /// What its programs may send instead of `client_id`.
    pub imported_client_id: Option<Arc<str>>,
    pub is_deleted: bool,
    /// `id` and `client_id` as the gateway sends them to upstreams, so that it formats nothing for each request.
    pub id_header: HeaderValue,
    pub client_id_header: HeaderValue,
}

/// A company that the snapshot, keys and requests in progress share. A clone is one more reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanyRef(Arc<Company>);

impl Deref for CompanyRef {
    type Target = Company;

    fn deref(&self) -> &Company {
        &self.0
    }
}

impl From<&CompanyRow> for CompanyRef {
    fn from(row: &CompanyRow) -> Self {
        let name: Arc<str> = row.name.as_str().into();
        Self(Arc::new(Company {
            id: row.id,
            client_id: row.client_id,
            name: Arc::clone(&name),
            root: row.parent.unwrap_or(row.id),
            brand_name: row.parent.map(|_| name),
            imported_client_id: row.imported_client_id.as_deref().map(Arc::from),
            is_deleted: row.is_deleted,
            id_header: header(row.id),
            client_id_header: header(row.client_id),
        }))
    }
}

/// An id as the value of a header.
fn header(id: impl Display) -> HeaderValue {
    // Ids are hex digits, which every header may have.
    HeaderValue::try_from(id.to_string()).unwrap_or(HeaderValue::from_static("-"))
}

/// A key that requests may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveKey {
    pub key_id: KeyId,
    pub company: CompanyRef,
    pub environment: Environment,
    pub last_four: Arc<str>,
    pub lookup: LookupHash,
    /// `key_id` as the gateway sends it to upstreams.
    pub id_header: HeaderValue,
    /// `None` for a key without an end and without a limit of its own.
    pub limits: Option<Arc<Limits>>,
    /// The change version in which its row was last written.
    pub changed_in: u64,
}

/// What remains of a deleted key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    pub key_id: KeyId,
    pub company: CompanyRef,
    pub environment: Environment,
    pub last_four: Arc<str>,
    pub deleted_at: Timestamp,
    /// The name of the person or program that deleted it.
    pub deleted_by: Arc<str>,
}

/// A key as named in a log entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTrace {
    pub key_id: KeyId,
    pub last_four: Arc<str>,
    pub environment: Environment,
}

impl ActiveKey {
    pub(crate) fn new(
        key_id: KeyId,
        company: CompanyRef,
        environment: Environment,
        last_four: &str,
        lookup: LookupHash,
    ) -> Self {
        Self {
            key_id,
            company,
            environment,
            last_four: last_four.into(),
            lookup,
            id_header: header(key_id),
            limits: None,
            changed_in: 0,
        }
    }

    /// The same key with what its row said in this version.
    pub(crate) fn with(self, limits: Option<Arc<Limits>>, changed_in: u64) -> Self {
        Self {
            limits,
            changed_in,
            ..self
        }
    }

    /// Whether the key had ended by this moment, although nothing has deleted it yet.
    pub fn ended(&self, now: Timestamp) -> Option<Ended> {
        self.limits.as_deref()?.ended(now)
    }

    pub fn trace(&self) -> KeyTrace {
        KeyTrace {
            key_id: self.key_id,
            last_four: Arc::clone(&self.last_four),
            environment: self.environment,
        }
    }
}

impl Tombstone {
    pub fn trace(&self) -> KeyTrace {
        KeyTrace {
            key_id: self.key_id,
            last_four: Arc::clone(&self.last_four),
            environment: self.environment,
        }
    }

    /// From this moment on, the key is treated like any unknown key.
    pub const fn forgotten_at(&self) -> Timestamp {
        self.deleted_at.plus_seconds(TOMBSTONE_DAYS * 86_400)
    }
}

/// What a look-up hash belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    Active(Arc<ActiveKey>),
    Deleted(Arc<Tombstone>),
}

impl Credential {
    pub(crate) fn company(&self) -> &CompanyRef {
        match self {
            Self::Active(key) => &key.company,
            Self::Deleted(tombstone) => &tombstone.company,
        }
    }

    /// The same credential after its company was changed.
    pub(crate) fn of(self, company: CompanyRef) -> Self {
        match self {
            Self::Active(key) => Self::Active(Arc::new(ActiveKey {
                company,
                ..Arc::unwrap_or_clone(key)
            })),
            Self::Deleted(tombstone) => Self::Deleted(Arc::new(Tombstone {
                company,
                ..Arc::unwrap_or_clone(tombstone)
            })),
        }
    }
}

impl CredentialRow {
    pub(crate) fn into_credential(self, company: CompanyRef) -> Credential {
        match self.state {
            CredentialState::Active => Credential::Active(Arc::new(
                ActiveKey::new(self.id, company, self.environment, &self.last_four, self.lookup)
                    .with(self.limits, self.changed_in),
            )),
            CredentialState::Deleted { at, by } => Credential::Deleted(Arc::new(Tombstone {
                key_id: self.id,
                company,
                environment: self.environment,
                last_four: self.last_four.into(),
                deleted_at: at,
                deleted_by: by.into(),
            })),
        }
    }
}
