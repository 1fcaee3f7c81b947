//! What an operator can revoke: members, passwords, sessions and operator tokens. Every request looks up its session or
//! token in the database, so every node refuses it as soon as the revocation is committed.

use model::{Actor, AuditAction, ClientId, MemberId, OperatorTokenId, Role, SessionId, Timestamp};

use crate::storage::{EndedSession, MemberRow, SessionsOf};
use crate::{Accounts, AccountsError, Company, Email, OperatorToken, Password, Queue, Session};

/// A member as shown to the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedMember {
    pub id: MemberId,
    pub email: Email,
    pub role: Role,
    pub created_at: Timestamp,
}

/// A session as shown to the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSession {
    pub id: SessionId,
    pub email: Email,
    pub session: Session,
}

/// Whose sessions to list.
#[derive(Clone, Debug)]
pub enum Whose {
    Everybody,
    Company(ClientId),
    Person(Email),
}

/// What removing a member or setting a password did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    pub email: Email,
    pub sessions_ended: usize,
}

impl Accounts {
    /// The members of a company, sorted by address.
    pub async fn members(&self, company: ClientId) -> Result<Vec<ListedMember>, AccountsError> {
        let company = self
            .company(company)
            .await?
            .ok_or(AccountsError::UnknownCompany)?;
        let rows = self
            .store
            .members(company.id)
            .await
            .map_err(AccountsError::Storage)?;
        let listed = |row: MemberRow| ListedMember {
            id: row.member.id,
            email: row.email,
            role: row.member.role,
            created_at: row.member.created_at,
        };
        Ok(rows.into_iter().map(listed).collect())
    }

    /// Removes the person from the company and ends all their sessions. If this was their last company, their account
    /// is removed too.
    pub async fn remove_member(&self, member: MemberId, actor: &Actor) -> Result<Revoked, AccountsError> {
        let row = self.member(member).await?.ok_or(AccountsError::UnknownMember)?;
        let detail = format!("{} as {}", row.email, row.member.role);
        let removed = self.audit(
            Some(row.member.company),
            actor,
            AuditAction::MemberRemoved,
            member.to_string(),
            detail,
        );
        let ended = self
            .audit_each_company(
                row.member.person,
                actor,
                AuditAction::SessionRevoked,
                "all: the member was removed",
            )
            .await?;
        let sessions = self
            .store
            .remove_member(row.member, removed, ended)
            .await
            .map_err(AccountsError::Storage)?
            .ok_or(AccountsError::UnknownMember)?;
        Ok(self.revoked(row.email, sessions))
    }

    /// One member, with the company.
    pub async fn find_member(&self, member: MemberId) -> Result<(ListedMember, Company), AccountsError> {
        let row = self.member(member).await?.ok_or(AccountsError::UnknownMember)?;
        let companies = self.companies().await?;
        let company = companies
            .into_iter()
            .find(|company| company.id == row.member.company)
            .ok_or(AccountsError::UnknownMember)?;
        let listed = ListedMember {
            id: row.member.id,
            email: row.email,
            role: row.member.role,
            created_at: row.member.created_at,
        };
        Ok((listed, company))
    }

    /// The account name of a member.
    pub async fn member_email(&self, member: MemberId) -> Result<Email, AccountsError> {
        let row = self.member(member).await?;
        Ok(row.ok_or(AccountsError::UnknownMember)?.email)
    }

    async fn member(&self, member: MemberId) -> Result<Option<MemberRow>, AccountsError> {
        self.store.member(member).await.map_err(AccountsError::Storage)
    }

    /// Sets a person's password, ends all their sessions, and resets the throttle so that they can sign in at once.
    pub async fn set_password(
        &self,
        email: &Email,
        password: Password,
        actor: &Actor,
    ) -> Result<Revoked, AccountsError> {
        let person = self.store.person(email).await.map_err(AccountsError::Storage)?;
        let person = person.ok_or(AccountsError::UnknownPerson)?;
        let hash = self.passwords.hash(password, Queue::Operator).await?;
        let set = self
            .audit_each_company(person.id, actor, AuditAction::PasswordSet, email.as_str())
            .await?;
        let ended = self
            .audit_each_company(
                person.id,
                actor,
                AuditAction::SessionRevoked,
                "all: the password was set",
            )
            .await?;
        let sessions = self
            .store
            .set_password(person.id, hash, set, ended)
            .await
            .map_err(AccountsError::Storage)?
            .ok_or(AccountsError::UnknownPerson)?;
        self.throttle.forget(email);
        Ok(self.revoked(email.clone(), sessions))
    }

    fn revoked(&self, email: Email, sessions: Vec<[u8; 32]>) -> Revoked {
        let sessions_ended = sessions.len();
        self.tell_ended(sessions);
        Revoked {
            email,
            sessions_ended,
        }
    }

    /// Sessions that are still valid, latest first.
    pub async fn sessions(&self, whose: &Whose) -> Result<Vec<ListedSession>, AccountsError> {
        let of = match whose {
            Whose::Everybody => SessionsOf::Everybody,
            Whose::Company(client_id) => {
                let company = self.company(*client_id).await?;
                SessionsOf::Company(company.ok_or(AccountsError::UnknownCompany)?.id)
            }
            Whose::Person(email) => {
                let person = self.store.person(email).await.map_err(AccountsError::Storage)?;
                SessionsOf::Person(person.ok_or(AccountsError::UnknownPerson)?.id)
            }
        };
        let now = self.clock.now();
        let rows = self.store.sessions(of).await.map_err(AccountsError::Storage)?;
        let listed = |(session, email): (Session, Email)| ListedSession {
            id: session.id(),
            email,
            session,
        };
        Ok(rows
            .into_iter()
            .filter(|(session, _)| session.is_alive(now, self.limits))
            .map(listed)
            .collect())
    }

    /// Ends one session.
    pub async fn revoke_session(&self, id: SessionId, actor: &Actor) -> Result<Email, AccountsError> {
        let found = self
            .store
            .session_by_id(id)
            .await
            .map_err(AccountsError::Storage)?;
        let (session, email) = found.ok_or(AccountsError::UnknownSession)?;
        let audit = self
            .audit_each_company(
                session.person,
                actor,
                AuditAction::SessionRevoked,
                &id.to_string(),
            )
            .await?;
        let ended = EndedSession {
            token_hash: session.token_hash,
            audit,
        };
        if !self
            .store
            .end_session(ended)
            .await
            .map_err(AccountsError::Storage)?
        {
            return Err(AccountsError::UnknownSession);
        }
        self.tell_ended([session.token_hash]);
        Ok(email)
    }

    /// Ends all sessions of a person, who may then sign in again.
    pub async fn revoke_sessions_of(&self, email: &Email, actor: &Actor) -> Result<Revoked, AccountsError> {
        let person = self.store.person(email).await.map_err(AccountsError::Storage)?;
        let person = person.ok_or(AccountsError::UnknownPerson)?;
        let ended = self
            .audit_each_company(person.id, actor, AuditAction::SessionRevoked, "all")
            .await?;
        let sessions = self
            .store
            .end_sessions_of(person.id, ended)
            .await
            .map_err(AccountsError::Storage)?;
        Ok(self.revoked(email.clone(), sessions))
    }

    /// All operator tokens, oldest first. The tokens themselves cannot be shown again.
    pub async fn operator_tokens(&self) -> Result<Vec<OperatorToken>, AccountsError> {
        self.store.operator_tokens().await.map_err(AccountsError::Storage)
    }

    /// Revokes a token. The next request with it is refused.
    pub async fn revoke_operator_token(
        &self,
        id: OperatorTokenId,
        actor: &Actor,
    ) -> Result<OperatorToken, AccountsError> {
        let tokens = self.operator_tokens().await?;
        let token = tokens.into_iter().find(|token| token.id == id);
        let token = token.ok_or(AccountsError::UnknownToken)?;
        let detail = format!("{}: {}", token.name, token.scopes);
        let audit = self.audit(
            None,
            actor,
            AuditAction::OperatorTokenRevoked,
            id.to_string(),
            detail,
        );
        let revoked = self
            .store
            .revoke_operator_token(id, audit)
            .await
            .map_err(AccountsError::Storage)?;
        if revoked {
            Ok(token)
        } else {
            Err(AccountsError::UnknownToken)
        }
    }
}
