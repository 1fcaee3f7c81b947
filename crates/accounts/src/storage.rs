//! What this crate needs from a database, as a trait, with the rows it exchanges.

use async_trait::async_trait;
use model::{
    AuditEntry, ClientId, CompanyId, MemberId, OperatorTokenId, PersonId, Role, SavedView, SessionId,
    Timestamp, ViewId,
};

use crate::{
    Email, Install, OperatorToken, PasswordHash, Session, StorageFailure, ViewRenamed, ViewSaved, ViewsOf,
};

/// A customer account. It is a brand if it has a parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Company {
    pub id: CompanyId,
    pub client_id: ClientId,
    pub name: String,
    pub parent: Option<CompanyId>,
    pub created_at: Timestamp,
    /// How many days its log is kept, if that is fewer than for the installation. A brand has its parent's number.
    pub log_days: Option<u16>,
}

/// Someone who can sign in.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: PersonId,
    pub email: Email,
    pub password_hash: PasswordHash,
    pub created_at: Timestamp,
}

/// A person's membership in a company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: MemberId,
    pub company: CompanyId,
    pub person: PersonId,
    pub role: Role,
    pub created_at: Timestamp,
}

/// A member with their account name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRow {
    pub member: Member,
    pub email: Email,
}

/// A session to be started.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub session: Session,
    /// The password hash that was verified. The session starts only if the person still has it. `None` if no password
    /// was required.
    pub proven: Option<PasswordHash>,
    pub audit: Vec<AuditEntry>,
    /// The browser's previous session, which ends in the same transaction.
    pub former: Option<EndedSession>,
}

impl NewSession {
    /// Whether the session may start for a person whose hash is `current`. The store calls this while it holds the lock on
    /// the person's row, because the password may have been changed since it was verified.
    pub fn may_start(&self, current: &PasswordHash) -> bool {
        self.proven
            .as_ref()
            .is_none_or(|proven| proven.as_stored() == current.as_stored())
    }
}

/// A session to be ended. The audit rows are written only if it still existed.
#[derive(Clone, Debug)]
pub struct EndedSession {
    pub token_hash: [u8; 32],
    pub audit: Vec<AuditEntry>,
}

/// Whose sessions to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionsOf {
    Everybody,
    /// The sessions of its members.
    Company(CompanyId),
    Person(PersonId),
}

/// The tables `install`, `companies`, `people`, `members`, `saved_views`, `sessions`, `operator_tokens`. Every method that changes
/// something writes the given audit rows in the same transaction.
#[async_trait]
pub trait AccountStore: Send + Sync {
    async fn install(&self) -> Result<Option<Install>, StorageFailure>;

    /// Stores the row if there is none, and returns the row that is there.
    async fn create_install(&self, install: Install) -> Result<Install, StorageFailure>;

    async fn create_company(&self, company: Company, audit: AuditEntry) -> Result<(), StorageFailure>;

    /// Likewise, for a company whose programs send another Client ID, which no other company has.
    async fn import_company(
        &self,
        company: Company,
        imported_client_id: String,
        audit: AuditEntry,
    ) -> Result<(), StorageFailure>;

    /// Whether a company has this Client ID, or had it before it was deleted.
    async fn is_given_out(&self, client_id: ClientId) -> Result<bool, StorageFailure>;

    /// Hides a company that has no members, keys, webhooks and brands any more. Returns whether it was there and had none.
    async fn delete_company(
        &self,
        company: CompanyId,
        at: Timestamp,
        audit: AuditEntry,
    ) -> Result<bool, StorageFailure>;

    async fn company(&self, client_id: ClientId) -> Result<Option<Company>, StorageFailure>;

    /// All companies, including brands, sorted by name.
    async fn companies(&self) -> Result<Vec<Company>, StorageFailure>;

    /// The brands of a company, sorted by name.
    async fn brands(&self, parent: CompanyId) -> Result<Vec<Company>, StorageFailure>;

    async fn set_log_days(
        &self,
        company: CompanyId,
        days: Option<u16>,
        audit: AuditEntry,
    ) -> Result<(), StorageFailure>;

    /// Only writes the audit row, of something that another database does.
    async fn audit(&self, entry: AuditEntry) -> Result<(), StorageFailure>;

    async fn person(&self, email: &Email) -> Result<Option<Person>, StorageFailure>;

    /// Adds the member, and the person if the address is new. Returns false and changes nothing if the person is
    /// already a member of the company.
    async fn create_member(
        &self,
        person: Person,
        member: Member,
        audit: AuditEntry,
    ) -> Result<bool, StorageFailure>;

    /// A person's companies, sorted by name.
    async fn memberships(&self, person: PersonId) -> Result<Vec<(Company, Role)>, StorageFailure>;

    /// The person's membership in one company.
    async fn membership(
        &self,
        person: PersonId,
        client_id: ClientId,
    ) -> Result<Option<(Company, Role)>, StorageFailure>;

    /// The members of a company, sorted by address.
    async fn members(&self, company: CompanyId) -> Result<Vec<MemberRow>, StorageFailure>;

    async fn member(&self, member: MemberId) -> Result<Option<MemberRow>, StorageFailure>;

    /// In no order.
    async fn views(&self, of: ViewsOf) -> Result<Vec<SavedView>, StorageFailure>;

    /// Saves the view in place of one with the same name. `most` is how many there may be.
    async fn save_view(
        &self,
        of: ViewsOf,
        view: SavedView,
        most: usize,
        at: Timestamp,
        audit: AuditEntry,
    ) -> Result<ViewSaved, StorageFailure>;

    /// Gives the view another name, and puts both into the audit row.
    async fn rename_view(
        &self,
        of: ViewsOf,
        view: ViewId,
        name: &str,
        audit: AuditEntry,
    ) -> Result<ViewRenamed, StorageFailure>;

    /// Puts the view's name into the audit row. Returns whether there was one.
    async fn delete_view(&self, of: ViewsOf, view: ViewId, audit: AuditEntry)
    -> Result<bool, StorageFailure>;

    /// Removes the member with their views, all sessions of the person, and the person if this was their last company. Returns the token
    /// hashes of the sessions, or `None` if there is no such member. Writes `ended` if there were sessions.
    async fn remove_member(
        &self,
        member: Member,
        removed: AuditEntry,
        ended: Vec<AuditEntry>,
    ) -> Result<Option<Vec<[u8; 32]>>, StorageFailure>;

    /// Sets the hash and removes all sessions of the person. Otherwise like [`Self::remove_member`].
    async fn set_password(
        &self,
        person: PersonId,
        hash: PasswordHash,
        set: Vec<AuditEntry>,
        ended: Vec<AuditEntry>,
    ) -> Result<Option<Vec<[u8; 32]>>, StorageFailure>;

    /// Returns false and changes nothing if `proven` is no longer the person's hash, or the person does not exist.
    async fn start_session(&self, new: NewSession) -> Result<bool, StorageFailure>;

    /// Sessions with their people, latest first, whether still valid or not.
    async fn sessions(&self, of: SessionsOf) -> Result<Vec<(Session, Email)>, StorageFailure>;

    async fn session_by_id(&self, id: SessionId) -> Result<Option<(Session, Email)>, StorageFailure>;

    /// Removes all sessions of the person and returns their token hashes. Writes the audit rows if there were any.
    async fn end_sessions_of(
        &self,
        person: PersonId,
        audit: Vec<AuditEntry>,
    ) -> Result<Vec<[u8; 32]>, StorageFailure>;

    /// Changes in every transaction that ends a session early.
    async fn sessions_version(&self) -> Result<i64, StorageFailure>;

    /// The session with this token hash, and its person, whether it is still valid or not.
    async fn session(&self, token_hash: [u8; 32]) -> Result<Option<(Session, Email)>, StorageFailure>;

    /// Updates `seen_at`, after the request.
    async fn touch_session(&self, token_hash: [u8; 32], seen_at: Timestamp) -> Result<(), StorageFailure>;

    /// Returns whether there was one.
    async fn end_session(&self, ended: EndedSession) -> Result<bool, StorageFailure>;

    /// Removes sessions that ended before `now` or were last seen before `idle_since`.
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

    /// Returns whether there was one.
    async fn revoke_operator_token(
        &self,
        id: OperatorTokenId,
        audit: AuditEntry,
    ) -> Result<bool, StorageFailure>;
}

#[cfg(test)]
mod tests {
    use model::{PersonId, Timestamp};

    use super::*;

    #[test]
    fn a_session_starts_only_if_the_verified_password_is_still_the_persons() {
        let hash = |text: &str| PasswordHash::from_stored(text.to_owned());
        let proven_by = |proven| NewSession {
            session: Session {
                token_hash: [0; 32],
                person: PersonId::from_random([1; 16]),
                created_at: Timestamp::default(),
                seen_at: Timestamp::default(),
                expires_at: Timestamp::default(),
                proof_at: Timestamp::default(),
                address: None,
            },
            proven,
            audit: Vec::new(),
            former: None,
        };
        for (proven, current, starts) in [
            (Some(hash("a")), hash("a"), true),
            (Some(hash("a")), hash("b"), false),
            (None, hash("b"), true),
        ] {
            assert_eq!(proven_by(proven).may_start(&current), starts);
        }
    }
}
