//! Companies, people, members, sessions and operator tokens on both databases.

use accounts::{
    AccountStore, Company, Email, EndedSession, Install, Member, MemberRow, NewSession, OperatorToken,
    PasswordHash, Person, Scopes, Session, SessionsOf, StorageFailure, ViewRenamed, ViewSaved, ViewsOf,
};
use async_trait::async_trait;
use model::{
    AuditEntry, ClientId, CompanyId, MemberId, OperatorTokenId, PersonId, Role, SavedView, SessionId,
    Timestamp, ViewId,
};
use sqlx::any::AnyRow;

use crate::keys::feed::{self, Changed};
use crate::{Columns, Db, DbConnection, Migration, StoreError, Urgency, audit};

mod revocation;
mod sessions;
mod views;

pub use views::MIGRATION as VIEWS_MIGRATION;

/// The tables.
pub const MIGRATION: Migration = Migration {
    name: "0002_accounts",
    sql: include_str!("../migrations/0002_accounts.sql"),
};

/// What listing and revoking sessions, members and tokens needs.
pub const REVOCATION_MIGRATION: Migration = Migration {
    name: "0006_revocation",
    sql: include_str!("../migrations/0006_revocation.sql"),
};

/// How long a company's log is kept.
pub const LOG_DAYS_MIGRATION: Migration = Migration {
    name: "0011_company_log_days",
    sql: include_str!("../migrations/0011_company_log_days.sql"),
};

/// Companies that were deleted.
pub const DELETED_COMPANIES_MIGRATION: Migration = Migration {
    name: "0018_deleted_companies",
    sql: include_str!("../migrations/0018_deleted_companies.sql"),
};

/// Companies, in the columns of [`read_company`]. A brand has its parent's `log_days`.
macro_rules! companies {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.client_id, c.name, c.parent_id, c.created_at, COALESCE(p.log_days, c.log_days) AS log_days \
             FROM companies c LEFT JOIN companies p ON p.id = c.parent_id ",
            $rest
        )
    };
}

/// [`AccountStore`] on a [`Db`].
#[derive(Clone, Debug)]
pub struct Accounts {
    db: Db,
}

impl Accounts {
    pub const fn new(db: Db) -> Self {
        Self { db }
    }
}

impl Accounts {
    async fn insert_company(
        &self,
        company: Company,
        imported_client_id: Option<String>,
        entry: AuditEntry,
    ) -> Result<(), StorageFailure> {
        let written = self
            .db
            .write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
                Box::pin(async move {
                    sqlx::query(
                    "INSERT INTO companies (id, client_id, name, parent_id, created_at, imported_client_id) \
                     VALUES ($1, $2, $3, $4, $5, $6)",
                )
                .bind(company.id.to_string())
                .bind(company.client_id.to_string())
                .bind(company.name)
                .bind(company.parent.map(|parent| parent.to_string()))
                .bind(company.created_at.as_millis())
                .bind(imported_client_id)
                .execute(&mut *connection)
                .await?;
                    audit::record(connection, &entry).await?;
                    // Every node's gateway has to learn about the new Client ID.
                    feed::record(connection, Changed::Company(company.id))
                        .await
                        .map(drop)
                })
            });
        Ok(written.await?)
    }
}

#[async_trait]
impl AccountStore for Accounts {
    async fn install(&self) -> Result<Option<Install>, StorageFailure> {
        let row =
            sqlx::query("SELECT id, master_key_check, pepper_check, created_at FROM install WHERE one = 1")
                .fetch_optional(self.db.reader())
                .await
                .map_err(StoreError::from)?;
        Ok(row.as_ref().map(read_install).transpose()?)
    }

    async fn create_install(&self, install: Install) -> Result<Install, StorageFailure> {
        let written = self
            .db
            .write::<Install, StoreError, _>(Urgency::Interactive, move |connection| {
                Box::pin(async move {
                    sqlx::query(
                        "INSERT INTO install (one, id, master_key_check, pepper_check, created_at) \
                     VALUES (1, $1, $2, $3, $4) ON CONFLICT (one) DO NOTHING",
                    )
                    .bind(install.id)
                    .bind(install.master_key_check)
                    .bind(install.pepper_check)
                    .bind(install.created_at.as_millis())
                    .execute(&mut *connection)
                    .await?;
                    let standing =
                        "SELECT id, master_key_check, pepper_check, created_at FROM install WHERE one = 1";
                    read_install(&sqlx::query(standing).fetch_one(connection).await?)
                })
            });
        Ok(written.await?)
    }

    async fn create_company(&self, company: Company, entry: AuditEntry) -> Result<(), StorageFailure> {
        self.insert_company(company, None, entry).await
    }

    /// One statement decides: whatever was added since the caller looked keeps the company.
    async fn delete_company(
        &self,
        company: CompanyId,
        at: Timestamp,
        entry: AuditEntry,
    ) -> Result<bool, StorageFailure> {
        let written = self.db.write::<bool, StoreError, _>(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                let deleted = sqlx::query(
                    "UPDATE companies SET deleted_at = $2, imported_client_id = NULL WHERE id = $1 AND deleted_at IS NULL \
                     AND NOT EXISTS (SELECT 1 FROM api_keys WHERE company_id = $1 AND deleted_at IS NULL) \
                     AND NOT EXISTS (SELECT 1 FROM webhooks WHERE company_id = $1 AND deleted_at IS NULL) \
                     AND NOT EXISTS (SELECT 1 FROM members WHERE company_id = $1) \
                     AND NOT EXISTS (SELECT 1 FROM companies b WHERE b.parent_id = $1 AND b.deleted_at IS NULL)",
                )
                .bind(company.to_string())
                .bind(at.as_millis())
                .execute(&mut *connection)
                .await?;
                if deleted.rows_affected() == 0 {
                    return Ok(false);
                }
                audit::record(connection, &entry).await?;
                feed::record(connection, Changed::Company(company)).await?;
                Ok(true)
            })
        });
        Ok(written.await?)
    }

    async fn import_company(
        &self,
        company: Company,
        imported_client_id: String,
        entry: AuditEntry,
    ) -> Result<(), StorageFailure> {
        self.insert_company(company, Some(imported_client_id), entry)
            .await
    }

    async fn is_given_out(&self, client_id: ClientId) -> Result<bool, StorageFailure> {
        let found = sqlx::query("SELECT 1 FROM companies WHERE client_id = $1")
            .bind(client_id.to_string())
            .fetch_optional(self.db.reader())
            .await;
        Ok(found.map_err(StoreError::from)?.is_some())
    }

    async fn company(&self, client_id: ClientId) -> Result<Option<Company>, StorageFailure> {
        let sql = companies!("WHERE c.client_id = $1 AND c.deleted_at IS NULL");
        let row = sqlx::query(sql)
            .bind(client_id.to_string())
            .fetch_optional(self.db.reader())
            .await;
        Ok(row
            .map_err(StoreError::from)?
            .as_ref()
            .map(read_company)
            .transpose()?)
    }

    async fn companies(&self) -> Result<Vec<Company>, StorageFailure> {
        let sql = companies!("WHERE c.deleted_at IS NULL ORDER BY c.name, c.id");
        let rows = sqlx::query(sql)
            .fetch_all(self.db.reader())
            .await
            .map_err(StoreError::from)?;
        Ok(rows.iter().map(read_company).collect::<Result<_, _>>()?)
    }

    /// Uses the index `companies_by_parent`.
    async fn brands(&self, parent: CompanyId) -> Result<Vec<Company>, StorageFailure> {
        let sql = companies!("WHERE c.parent_id = $1 AND c.deleted_at IS NULL ORDER BY c.name, c.id");
        let rows = sqlx::query(sql)
            .bind(parent.to_string())
            .fetch_all(self.db.reader())
            .await;
        Ok(rows
            .map_err(StoreError::from)?
            .iter()
            .map(read_company)
            .collect::<Result<_, _>>()?)
    }

    async fn set_log_days(
        &self,
        company: CompanyId,
        days: Option<u16>,
        entry: AuditEntry,
    ) -> Result<(), StorageFailure> {
        let written = self
            .db
            .write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
                Box::pin(async move {
                    sqlx::query("UPDATE companies SET log_days = $2 WHERE id = $1")
                        .bind(company.to_string())
                        .bind(days.map(i64::from))
                        .execute(&mut *connection)
                        .await?;
                    audit::record(connection, &entry).await
                })
            });
        Ok(written.await?)
    }

    async fn audit(&self, entry: AuditEntry) -> Result<(), StorageFailure> {
        let written = self
            .db
            .write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
                Box::pin(async move { audit::record(connection, &entry).await })
            });
        Ok(written.await?)
    }

    async fn person(&self, email: &Email) -> Result<Option<Person>, StorageFailure> {
        let sql = "SELECT id, email, password_hash, created_at FROM people WHERE email = $1";
        let row = sqlx::query(sql)
            .bind(email.to_string())
            .fetch_optional(self.db.reader())
            .await;
        Ok(row
            .map_err(StoreError::from)?
            .as_ref()
            .map(read_person)
            .transpose()?)
    }

    async fn create_member(
        &self,
        person: Person,
        member: Member,
        entry: AuditEntry,
    ) -> Result<bool, StorageFailure> {
        let written = self
            .db
            .write::<bool, StoreError, _>(Urgency::Interactive, move |connection| {
                Box::pin(async move { insert_member(connection, person, member, &entry).await })
            });
        Ok(written.await?)
    }

    async fn memberships(&self, person: PersonId) -> Result<Vec<(Company, Role)>, StorageFailure> {
        let rows = sqlx::query(
            "SELECT c.id, c.client_id, c.name, c.parent_id, c.created_at, COALESCE(p.log_days, c.log_days) AS log_days, \
             m.role FROM members m JOIN companies c ON c.id = m.company_id LEFT JOIN companies p ON p.id = c.parent_id \
             WHERE m.person_id = $1 ORDER BY c.name, c.id",
        )
        .bind(person.to_string())
        .fetch_all(self.db.reader())
        .await;
        Ok(rows
            .map_err(StoreError::from)?
            .iter()
            .map(read_membership)
            .collect::<Result<_, _>>()?)
    }

    async fn membership(
        &self,
        person: PersonId,
        client_id: ClientId,
    ) -> Result<Option<(Company, Role)>, StorageFailure> {
        let row = sqlx::query(
            "SELECT c.id, c.client_id, c.name, c.parent_id, c.created_at, COALESCE(p.log_days, c.log_days) AS log_days, \
             m.role FROM companies c JOIN members m ON m.company_id = c.id LEFT JOIN companies p ON p.id = c.parent_id \
             WHERE c.client_id = $1 AND m.person_id = $2",
        )
        .bind(client_id.to_string())
        .bind(person.to_string())
        .fetch_optional(self.db.reader())
        .await;
        Ok(row
            .map_err(StoreError::from)?
            .as_ref()
            .map(read_membership)
            .transpose()?)
    }

    async fn members(&self, company: CompanyId) -> Result<Vec<MemberRow>, StorageFailure> {
        Ok(revocation::members(&self.db, company).await?)
    }

    async fn member(&self, member: MemberId) -> Result<Option<MemberRow>, StorageFailure> {
        Ok(revocation::member(&self.db, member).await?)
    }

    async fn views(&self, of: ViewsOf) -> Result<Vec<SavedView>, StorageFailure> {
        Ok(views::list(&self.db, of).await?)
    }

    async fn save_view(
        &self,
        of: ViewsOf,
        view: SavedView,
        most: usize,
        at: Timestamp,
        entry: AuditEntry,
    ) -> Result<ViewSaved, StorageFailure> {
        Ok(views::save(&self.db, of, view, most, at, entry).await?)
    }

    async fn rename_view(
        &self,
        of: ViewsOf,
        view: ViewId,
        name: &str,
        entry: AuditEntry,
    ) -> Result<ViewRenamed, StorageFailure> {
        Ok(views::rename(&self.db, of, view, name.to_owned(), entry).await?)
    }

    async fn delete_view(
        &self,
        of: ViewsOf,
        view: ViewId,
        entry: AuditEntry,
    ) -> Result<bool, StorageFailure> {
        Ok(views::delete(&self.db, of, view, entry).await?)
    }

    async fn remove_member(
        &self,
        member: Member,
        removed: AuditEntry,
        ended: Vec<AuditEntry>,
    ) -> Result<Option<Vec<[u8; 32]>>, StorageFailure> {
        Ok(revocation::remove_member(&self.db, member, removed, ended).await?)
    }

    async fn set_password(
        &self,
        person: PersonId,
        hash: PasswordHash,
        set: Vec<AuditEntry>,
        ended: Vec<AuditEntry>,
    ) -> Result<Option<Vec<[u8; 32]>>, StorageFailure> {
        Ok(revocation::set_password(&self.db, person, hash, set, ended).await?)
    }

    async fn start_session(&self, new: NewSession) -> Result<bool, StorageFailure> {
        Ok(sessions::start(&self.db, new).await?)
    }

    async fn session(&self, token_hash: [u8; 32]) -> Result<Option<(Session, Email)>, StorageFailure> {
        Ok(sessions::by_hash(&self.db, token_hash).await?)
    }

    async fn sessions(&self, of: SessionsOf) -> Result<Vec<(Session, Email)>, StorageFailure> {
        Ok(sessions::list(&self.db, of).await?)
    }

    async fn session_by_id(&self, id: SessionId) -> Result<Option<(Session, Email)>, StorageFailure> {
        Ok(sessions::by_id(&self.db, id).await?)
    }

    async fn end_sessions_of(
        &self,
        person: PersonId,
        audit: Vec<AuditEntry>,
    ) -> Result<Vec<[u8; 32]>, StorageFailure> {
        Ok(revocation::end_sessions_of(&self.db, person, audit).await?)
    }

    async fn sessions_version(&self) -> Result<i64, StorageFailure> {
        Ok(sessions::version(&self.db).await?)
    }

    async fn touch_session(&self, token_hash: [u8; 32], seen_at: Timestamp) -> Result<(), StorageFailure> {
        Ok(sessions::touch(&self.db, token_hash, seen_at).await?)
    }

    async fn end_session(&self, ended: EndedSession) -> Result<bool, StorageFailure> {
        Ok(sessions::end(&self.db, ended).await?)
    }

    async fn remove_dead_sessions(
        &self,
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<(), StorageFailure> {
        Ok(sessions::remove_dead(&self.db, now, idle_since).await?)
    }

    async fn create_operator_token(
        &self,
        token: OperatorToken,
        token_hash: [u8; 32],
        entry: AuditEntry,
    ) -> Result<(), StorageFailure> {
        let written = self.db.write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO operator_tokens (id, token_hash, name, scopes, created_at) VALUES ($1, $2, $3, $4, $5)",
                )
                .bind(token.id.to_string())
                .bind(token_hash.to_vec())
                .bind(token.name)
                .bind(token.scopes.to_string())
                .bind(token.created_at.as_millis())
                .execute(&mut *connection)
                .await?;
                audit::record(connection, &entry).await
            })
        });
        Ok(written.await?)
    }

    async fn operator_token(&self, token_hash: [u8; 32]) -> Result<Option<OperatorToken>, StorageFailure> {
        let sql = "SELECT id, name, scopes, created_at FROM operator_tokens WHERE token_hash = $1";
        let row = sqlx::query(sql)
            .bind(token_hash.to_vec())
            .fetch_optional(self.db.reader())
            .await;
        Ok(row
            .map_err(StoreError::from)?
            .as_ref()
            .map(read_operator_token)
            .transpose()?)
    }

    async fn operator_tokens(&self) -> Result<Vec<OperatorToken>, StorageFailure> {
        let sql = "SELECT id, name, scopes, created_at FROM operator_tokens ORDER BY created_at, id";
        let rows = sqlx::query(sql)
            .fetch_all(self.db.reader())
            .await
            .map_err(StoreError::from)?;
        Ok(rows.iter().map(read_operator_token).collect::<Result<_, _>>()?)
    }

    async fn revoke_operator_token(
        &self,
        id: OperatorTokenId,
        entry: AuditEntry,
    ) -> Result<bool, StorageFailure> {
        Ok(revocation::revoke_operator_token(&self.db, id, entry).await?)
    }
}

/// The caller looked the person up earlier, and they may have been added or removed since. The email address decides
/// who it is. If the person exists, the update is a no-op that locks their row until the commit.
async fn insert_member(
    connection: &mut DbConnection,
    person: Person,
    member: Member,
    entry: &AuditEntry,
) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "INSERT INTO people (id, email, password_hash, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (email) DO UPDATE SET email = excluded.email RETURNING id",
    )
    .bind(person.id.to_string())
    .bind(person.email.to_string())
    .bind(person.password_hash.as_stored().to_owned())
    .bind(person.created_at.as_millis())
    .fetch_one(&mut *connection)
    .await?;
    let inserted = sqlx::query(
        "INSERT INTO members (id, company_id, person_id, role, created_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (person_id, company_id) DO NOTHING",
    )
    .bind(member.id.to_string())
    .bind(member.company.to_string())
    .bind(row.text("id")?)
    .bind(member.role.as_str())
    .bind(member.created_at.as_millis())
    .execute(&mut *connection)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
    }
    audit::record(connection, entry).await?;
    Ok(true)
}

fn read_install(row: &AnyRow) -> Result<Install, StoreError> {
    Ok(Install {
        id: row.text("id")?,
        master_key_check: row.blob("master_key_check")?,
        pepper_check: row.blob("pepper_check")?,
        created_at: row.time("created_at")?,
    })
}

fn read_company(row: &AnyRow) -> Result<Company, StoreError> {
    Ok(Company {
        id: row.parsed("id")?,
        client_id: row.parsed("client_id")?,
        name: row.text("name")?,
        parent: row.maybe_parsed("parent_id")?,
        created_at: row.time("created_at")?,
        log_days: row
            .maybe_int("log_days")?
            .map(|days| u16::try_from(days).unwrap_or(u16::MAX)),
    })
}

fn read_membership(row: &AnyRow) -> Result<(Company, Role), StoreError> {
    Ok((read_company(row)?, row.parsed("role")?))
}

fn read_person(row: &AnyRow) -> Result<Person, StoreError> {
    Ok(Person {
        id: row.parsed("id")?,
        email: row.parsed("email")?,
        password_hash: PasswordHash::from_stored(row.text("password_hash")?),
        created_at: row.time("created_at")?,
    })
}

fn read_operator_token(row: &AnyRow) -> Result<OperatorToken, StoreError> {
    Ok(OperatorToken {
        id: row.parsed("id")?,
        name: row.text("name")?,
        scopes: row.parsed::<Scopes>("scopes")?,
        created_at: row.time("created_at")?,
    })
}
