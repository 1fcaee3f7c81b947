//! What this crate needs of a database, as a trait, and the rows it exchanges with it.

use async_trait::async_trait;
use model::{AuditEntry, ClientId, CompanyId, MemberId, PersonId, Role, Timestamp};

use crate::{Email, Install, OperatorToken, PasswordHash, Session, StorageFailure};

/// A customer account; a brand when it has a parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Company {
    pub id: CompanyId,
    pub client_id: ClientId,
    pub name: String,
    pub parent: Option<CompanyId>,
    pub created_at: Timestamp,
}

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: PersonId,
    pub email: Email,
    pub password_hash: PasswordHash,
    pub created_at: Timestamp,
}

/// A person in a company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: MemberId,
    pub company: CompanyId,
    pub person: PersonId,
    pub role: Role,
    pub created_at: Timestamp,
}

/// The tables `install`, `companies`, `people`, `members`, `sessions`, `operator_tokens`. Every method that changes
/// something writes the audit rows it is given in the same transaction.
#[async_trait]
pub trait AccountStore: Send + Sync {
    async fn install(&self) -> Result<Option<Install>, StorageFailure>;

    /// Stores the row when there is none, and returns the one that stands.
    async fn create_install(&self, install: Install) -> Result<Install, StorageFailure>;

    async fn create_company(&self, company: Company, audit: AuditEntry) -> Result<(), StorageFailure>;

    async fn company(&self, client_id: ClientId) -> Result<Option<Company>, StorageFailure>;

    /// Every company, parents and brands, by name.
    async fn companies(&self) -> Result<Vec<Company>, StorageFailure>;

    /// The brands of a company, by name.
    async fn brands(&self, parent: CompanyId) -> Result<Vec<Company>, StorageFailure>;

    async fn person(&self, email: &Email) -> Result<Option<Person>, StorageFailure>;

    /// Adds the member, and the person where there is no such address yet. False when the person is a member of the
    /// company already; nothing is changed then.
    async fn create_member(
        &self,
        person: Person,
        member: Member,
        audit: AuditEntry,
    ) -> Result<bool, StorageFailure>;

    /// The companies a person is a member of, by name.
    async fn memberships(&self, person: PersonId) -> Result<Vec<(Company, Role)>, StorageFailure>;

    /// The person's place in one company.
    async fn membership(
        &self,
        person: PersonId,
        client_id: ClientId,
    ) -> Result<Option<(Company, Role)>, StorageFailure>;

    async fn start_session(&self, session: Session, audit: Vec<AuditEntry>) -> Result<(), StorageFailure>;

    /// The session of this token hash with its person, whether it is still alive or not.
    async fn session(&self, token_hash: [u8; 32]) -> Result<Option<(Session, Email)>, StorageFailure>;

    /// Moves `seen_at`; written behind the request.
    async fn touch_session(&self, token_hash: [u8; 32], seen_at: Timestamp) -> Result<(), StorageFailure>;

    /// Whether there was one.
    async fn end_session(&self, token_hash: [u8; 32], audit: Vec<AuditEntry>)
    -> Result<bool, StorageFailure>;

    /// Removes sessions that ended before `now`, or were last seen before `idle_since`.
    async fn remove_dead_sessions(&self, now: Timestamp, idle_since: Timestamp)
    -> Result<(), StorageFailure>;

    async fn create_operator_token(
        &self,
        token: OperatorToken,
        token_hash: [u8; 32],
        audit: AuditEntry,
    ) -> Result<(), StorageFailure>;

    async fn operator_token(&self, token_hash: [u8; 32]) -> Result<Option<OperatorToken>, StorageFailure>;
}
