//! The rules: who can be created, who can sign in, and how long a session lasts. Called by the binary's command line,
//! sign-in routes, pages and operator API.

use std::sync::Arc;

use clock::Clock;
use live::Bus;
use model::{
    Actor, AuditAction, AuditEntry, AuditId, ClientId, CompanyId, MemberId, OperatorTokenId, PersonId, Role,
    Timestamp,
};
use vault::Token;

use crate::together::Together;
use crate::{
    AccountStore, AccountsError, Company, Email, Install, Member, OperatorToken, Password, Passwords, Person,
    Queue, Scopes, SessionLimits, Throttle,
};

/// The accounts of one installation. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    pub(crate) store: Arc<dyn AccountStore>,
    pub(crate) passwords: Passwords,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) clock: Clock,
    pub(crate) limits: SessionLimits,
    pub(crate) bus: Bus,
    pub(crate) operators: Arc<Together<[u8; 32], Option<OperatorToken>>>,
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The result of create-company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatedCompany {
    pub id: CompanyId,
    pub client_id: ClientId,
}

/// A signed-in person, for the duration of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    pub person: PersonId,
    pub email: Email,
    /// Identifies the session. This is not the token.
    pub session: [u8; 32],
    /// When the password was last entered.
    pub proof_at: Timestamp,
}

/// A person's role in a company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub company: Company,
    /// Sorted by name.
    pub brands: Vec<Company>,
    pub role: Role,
}

impl Accounts {
    pub fn new(
        store: Arc<dyn AccountStore>,
        passwords: Passwords,
        clock: Clock,
        limits: SessionLimits,
        bus: Bus,
    ) -> Self {
        Self {
            store,
            passwords,
            throttle: Arc::default(),
            clock,
            limits,
            bus,
            operators: Arc::default(),
        }
    }

    /// The installation's row, if the database has one.
    pub async fn install(&self) -> Result<Option<Install>, AccountsError> {
        self.store.install().await.map_err(AccountsError::Storage)
    }

    /// Writes the installation's row if there is none yet, and returns the row that is there.
    pub async fn create_install(
        &self,
        master_key_check: &[u8],
        pepper_check: &[u8],
    ) -> Result<Install, AccountsError> {
        let install = Install {
            id: CompanyId::from_random(vault::random()).to_string(),
            master_key_check: master_key_check.to_vec(),
            pepper_check: pepper_check.to_vec(),
            created_at: self.clock.now(),
        };
        self.store
            .create_install(install)
            .await
            .map_err(AccountsError::Storage)
    }

    /// Creates a company or, with `parent`, a brand of that company.
    pub async fn create_company(
        &self,
        name: &str,
        parent: Option<ClientId>,
        actor: &Actor,
    ) -> Result<CreatedCompany, AccountsError> {
        let name = checked_name(name)?;
        let parent = match parent {
            Some(client_id) => Some(
                self.company(client_id)
                    .await?
                    .ok_or(AccountsError::UnknownCompany)?,
            ),
            None => None,
        };
        if parent.as_ref().is_some_and(|parent| parent.parent.is_some()) {
            return Err(AccountsError::ParentIsABrand);
        }
        let now = self.clock.now();
        let company = Company {
            id: CompanyId::time_ordered(now, vault::random()),
            client_id: ClientId::from_random(vault::random()),
            name: name.clone(),
            log_days: parent.as_ref().and_then(|parent| parent.log_days),
            parent: parent.map(|parent| parent.id),
            created_at: now,
        };
        let created = CreatedCompany {
            id: company.id,
            client_id: company.client_id,
        };
        let subject = company.id.to_string();
        let audit = self.audit(
            Some(company.id),
            actor,
            AuditAction::CompanyCreated,
            subject,
            name,
        );
        self.store
            .create_company(company, audit)
            .await
            .map_err(AccountsError::Storage)?;
        Ok(created)
    }

    /// Deletes a company from which everything else was deleted before. Its history stays, and its Client ID is never given
    /// out again. Returns whether it had nothing any more.
    pub async fn delete_company(&self, company: &Company, actor: &Actor) -> Result<bool, AccountsError> {
        let audit = self.audit(
            Some(company.id),
            actor,
            AuditAction::CompanyDeleted,
            company.id.to_string(),
            company.name.clone(),
        );
        let now = self.clock.now();
        self.store
            .delete_company(company.id, now, audit)
            .await
            .map_err(AccountsError::Storage)
    }

    /// Creates a company that comes from another system with this Client ID. One that has the form of those that are made here
    /// becomes the company's own; with any other, its programs are recognised as well.
    pub async fn import_company(
        &self,
        name: &str,
        client_id: &str,
        actor: &Actor,
    ) -> Result<CreatedCompany, AccountsError> {
        let name = checked_name(name)?;
        let now = self.clock.now();
        let own = client_id.parse().ok();
        let company = Company {
            id: CompanyId::time_ordered(now, vault::random()),
            client_id: own.unwrap_or_else(|| ClientId::from_random(vault::random())),
            name: name.clone(),
            log_days: None,
            parent: None,
            created_at: now,
        };
        let created = CreatedCompany {
            id: company.id,
            client_id: company.client_id,
        };
        let audit = self.audit(
            Some(company.id),
            actor,
            AuditAction::CompanyCreated,
            company.id.to_string(),
            format!("{name}; imported"),
        );
        let written = match own {
            Some(_) => self.store.create_company(company, audit).await,
            None => {
                self.store
                    .import_company(company, client_id.to_owned(), audit)
                    .await
            }
        };
        written.map_err(AccountsError::Storage)?;
        Ok(created)
    }

    /// Creates a member of a company. A person who already has an account keeps their password.
    pub async fn create_member(
        &self,
        client_id: ClientId,
        email: Email,
        role: Role,
        password: Password,
        actor: &Actor,
    ) -> Result<MemberId, AccountsError> {
        let company = self
            .company(client_id)
            .await?
            .ok_or(AccountsError::UnknownCompany)?;
        let now = self.clock.now();
        let existing = self.store.person(&email).await.map_err(AccountsError::Storage)?;
        let password_hash = match &existing {
            Some(person) => person.password_hash.clone(),
            None => self.passwords.hash(password, Queue::Operator).await?,
        };
        let id = existing.map_or_else(
            || PersonId::time_ordered(now, vault::random()),
            |person| person.id,
        );
        let detail = format!("{email} as {role}");
        let person = Person {
            id,
            email,
            password_hash,
            created_at: now,
        };
        let id = MemberId::time_ordered(now, vault::random());
        let member = Member {
            id,
            company: company.id,
            person: person.id,
            role,
            created_at: now,
        };
        let audit = self.audit(
            Some(company.id),
            actor,
            AuditAction::MemberCreated,
            id.to_string(),
            detail,
        );
        let created = self
            .store
            .create_member(person, member, audit)
            .await
            .map_err(AccountsError::Storage)?;
        if created {
            Ok(id)
        } else {
            Err(AccountsError::AlreadyMember)
        }
    }

    /// Whether there is an account with this address.
    pub async fn person_exists(&self, email: &Email) -> Result<bool, AccountsError> {
        Ok(self
            .store
            .person(email)
            .await
            .map_err(AccountsError::Storage)?
            .is_some())
    }

    /// The person with this session token, or `None` if the session is no longer valid.
    pub async fn visit(&self, token: &Token) -> Result<Option<Visit>, AccountsError> {
        let now = self.clock.now();
        let found = self
            .store
            .session(token.hash())
            .await
            .map_err(AccountsError::Storage)?;
        let Some((session, email)) = found.filter(|(session, _)| session.is_alive(now, self.limits)) else {
            return Ok(None);
        };
        if session.wants_touch(now) {
            let (store, token_hash) = (Arc::clone(&self.store), session.token_hash);
            // In the background, because a page must not wait for an fsync.
            tokio::spawn(async move {
                if let Err(error) = store.touch_session(token_hash, now).await {
                    tracing::warn!(%error, "could not update when a session was last seen");
                }
            });
        }
        Ok(Some(Visit {
            person: session.person,
            email,
            session: session.token_hash,
            proof_at: session.proof_at,
        }))
    }

    /// Removes sessions that are no longer valid.
    pub async fn remove_dead_sessions(&self) -> Result<(), AccountsError> {
        let now = self.clock.now();
        let idle_since = now.minus_seconds(self.limits.idle_seconds);
        self.store
            .remove_dead_sessions(now, idle_since)
            .await
            .map_err(AccountsError::Storage)
    }

    /// A person's companies, sorted by name.
    pub async fn memberships(&self, person: PersonId) -> Result<Vec<(Company, Role)>, AccountsError> {
        self.store
            .memberships(person)
            .await
            .map_err(AccountsError::Storage)
    }

    /// The person's membership in one company, or `None` if there is no such company or they are not a member. Callers
    /// cannot tell which.
    pub async fn membership(
        &self,
        person: PersonId,
        client_id: ClientId,
    ) -> Result<Option<Membership>, AccountsError> {
        let found = self
            .store
            .membership(person, client_id)
            .await
            .map_err(AccountsError::Storage)?;
        let Some((company, role)) = found else {
            return Ok(None);
        };
        let brands = self
            .store
            .brands(company.id)
            .await
            .map_err(AccountsError::Storage)?;
        Ok(Some(Membership {
            company,
            brands,
            role,
        }))
    }

    pub async fn company(&self, client_id: ClientId) -> Result<Option<Company>, AccountsError> {
        self.store
            .company(client_id)
            .await
            .map_err(AccountsError::Storage)
    }

    /// Whether a company has this Client ID, or had it before it was deleted: no other company gets it.
    pub async fn is_given_out(&self, client_id: ClientId) -> Result<bool, AccountsError> {
        self.store
            .is_given_out(client_id)
            .await
            .map_err(AccountsError::Storage)
    }

    /// The brands of a company, sorted by name.
    pub async fn brands(&self, parent: CompanyId) -> Result<Vec<Company>, AccountsError> {
        self.store.brands(parent).await.map_err(AccountsError::Storage)
    }

    /// All companies, including brands, sorted by name.
    pub async fn companies(&self) -> Result<Vec<Company>, AccountsError> {
        self.store.companies().await.map_err(AccountsError::Storage)
    }

    /// Creates a bearer token for the operator API. This is the only time it can be shown.
    pub async fn create_operator_token(
        &self,
        name: &str,
        scopes: Scopes,
        actor: &Actor,
    ) -> Result<Token, AccountsError> {
        let name = checked_name(name)?;
        let now = self.clock.now();
        let token = Token::generate();
        let detail = format!("{name}: {scopes}");
        let id = OperatorTokenId::time_ordered(now, vault::random());
        let stored = OperatorToken {
            id,
            name,
            scopes,
            created_at: now,
        };
        let audit = self.audit(
            None,
            actor,
            AuditAction::OperatorTokenCreated,
            id.to_string(),
            detail,
        );
        self.store
            .create_operator_token(stored, token.hash(), audit)
            .await
            .map_err(AccountsError::Storage)?;
        Ok(token)
    }

    /// The stored token that this text belongs to. Looked up in the database every time, so that every node refuses a
    /// revoked token at once. Requests that come at the same time share a look-up that begins after them.
    pub async fn operator(&self, token: &Token) -> Result<Option<OperatorToken>, AccountsError> {
        let hash = token.hash();
        let store = Arc::clone(&self.store);
        let look_up = move || {
            let store = Arc::clone(&store);
            async move { store.operator_token(hash).await.ok() }
        };
        match self.operators.get(hash, look_up).await {
            Some(found) => Ok(found),
            // It failed. This look-up says why.
            None => self
                .store
                .operator_token(hash)
                .await
                .map_err(AccountsError::Storage),
        }
    }

    /// A person's action affects all their companies, so it goes into each company's audit trail.
    pub(crate) async fn audit_each_company(
        &self,
        person: PersonId,
        actor: &Actor,
        action: AuditAction,
        detail: &str,
    ) -> Result<Vec<AuditEntry>, AccountsError> {
        let companies = self.memberships(person).await?;
        let entry = |company| {
            self.audit(
                Some(company),
                actor,
                action,
                person.to_string(),
                detail.to_owned(),
            )
        };
        Ok(companies.iter().map(|(company, _)| entry(company.id)).collect())
    }

    pub(crate) fn audit(
        &self,
        company: Option<CompanyId>,
        actor: &Actor,
        action: AuditAction,
        subject: String,
        detail: String,
    ) -> AuditEntry {
        let at = self.clock.now();
        AuditEntry {
            id: AuditId::time_ordered(at, vault::random()),
            at,
            company,
            actor: actor.clone(),
            action,
            subject,
            detail,
        }
    }
}

fn checked_name(name: &str) -> Result<String, AccountsError> {
    let name = name.trim();
    let fits = (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits {
        Ok(name.to_owned())
    } else {
        Err(AccountsError::InvalidName)
    }
}
