//! What this crate needs of a database, as a trait, and the rows it exchanges with it.

use async_trait::async_trait;
use model::{
    AuditEntry, ClientId, CompanyId, MemberId, OperatorTokenId, PersonId, Role, SessionId, Timestamp,
};

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

/// A member with their account's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRow {
    pub member: Member,
    pub email: Email,
}

/// A session about to begin.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub session: Session,
    /// The password that was verified: without it being the person's still, no session begins. None where none was asked
    /// for.
    pub proven: Option<PasswordHash>,
    pub audit: Vec<AuditEntry>,
    /// The browser's former session, which ends with this.
    pub former: Option<EndedSession>,
}

/// A session about to end. The rows are written if it was still there.
#[derive(Clone, Debug)]
pub struct EndedSession {
    pub token_hash: [u8; 32],
    pub audit: Vec<AuditEntry>,
}

/// Whose sessions are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionsOf {
    Everybody,
    /// Those of its members.
    Company(CompanyId),
    Person(PersonId),
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

    /// The members of a company, by address.
    async fn members(&self, company: CompanyId) -> Result<Vec<MemberRow>, StorageFailure>;

    async fn member(&self, member: MemberId) -> Result<Option<MemberRow>, StorageFailure>;

    /// Removes the member, every session of the person, and the person where this was their last company. Returns the
    /// token hashes of the sessions, `None` when there was no such member; `ended` is written if there were sessions.
    async fn remove_member(
        &self,
        member: Member,
        removed: AuditEntry,
        ended: Vec<AuditEntry>,
    ) -> Result<Option<Vec<[u8; 32]>>, StorageFailure>;

    /// Sets the hash and removes every session of the person; otherwise as [`Self::remove_member`].
    async fn set_password(
        &self,
        person: PersonId,
        hash: PasswordHash,
        set: Vec<AuditEntry>,
        ended: Vec<AuditEntry>,
    ) -> Result<Option<Vec<[u8; 32]>>, StorageFailure>;

    /// False when `proven` is no longer the person's, or there is no such person; nothing is changed then.
    async fn start_session(&self, new: NewSession) -> Result<bool, StorageFailure>;

    /// Sessions with their people, the latest first, alive or not.
    async fn sessions(&self, of: SessionsOf) -> Result<Vec<(Session, Email)>, StorageFailure>;

    async fn session_by_id(&self, id: SessionId) -> Result<Option<(Session, Email)>, StorageFailure>;

    /// Removes every session of the person and returns their token hashes; the rows are written if there were any.
    async fn end_sessions_of(
        &self,
        person: PersonId,
        audit: Vec<AuditEntry>,
    ) -> Result<Vec<[u8; 32]>, StorageFailure>;

    /// Moves in every transaction that ends a session before its time.
    async fn sessions_version(&self) -> Result<i64, StorageFailure>;

    /// The session of this token hash with its person, whether it is still alive or not.
    async fn session(&self, token_hash: [u8; 32]) -> Result<Option<(Session, Email)>, StorageFailure>;

    /// Moves `seen_at`; written behind the request.
    async fn touch_session(&self, token_hash: [u8; 32], seen_at: Timestamp) -> Result<(), StorageFailure>;

    /// Whether there was one.
    async fn end_session(&self, ended: EndedSession) -> Result<bool, StorageFailure>;

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

    /// Oldest first.
    async fn operator_tokens(&self) -> Result<Vec<OperatorToken>, StorageFailure>;

    /// Whether there was one.
    async fn revoke_operator_token(
        &self,
        id: OperatorTokenId,
        audit: AuditEntry,
    ) -> Result<bool, StorageFailure>;
}
