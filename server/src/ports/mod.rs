//! The app's ports on the real services: each request gets a [`Visitor`] that knows who is asking, and each company a
//! [`CompanyAccess`] that holds no more than that person may do there.

pub(crate) mod keys;
pub(crate) mod logs;
pub(crate) mod webhooks;

pub(crate) use keys::KeysThatSign;

use std::sync::Arc;

use accounts::{AccountsError, Membership, Visit};
use app::AppError;
use app::ports::{CompanyAccess, ManageKeys, ManageWebhooks, Visitor};
use async_trait::async_trait;
use model::{Actor, ActorKind, Brand, ClientId, CompanyContext, DemoContext, Environment, Role};

use crate::dashboard::Caller;
use crate::services::Services;

/// What the ports stand on. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Backend(Arc<BackendParts>);

/// The parts of [`Backend`].
#[derive(Debug)]
pub struct BackendParts {
    pub services: Services,
    /// Without a trailing slash.
    pub gateway_url: String,
    pub upstreams: Vec<Environment>,
    pub demo: Option<DemoContext>,
}

impl Backend {
    pub fn new(parts: BackendParts) -> Self {
        Self(Arc::new(parts))
    }

    /// The port of whoever sent this request.
    pub fn visitor(&self, caller: Caller) -> Arc<dyn Visitor> {
        Arc::new(PageVisitor {
            backend: self.clone(),
            caller,
        })
    }
}

struct PageVisitor {
    backend: Backend,
    caller: Caller,
}

#[async_trait]
impl Visitor for PageVisitor {
    async fn companies(&self) -> Result<Vec<Brand>, AppError> {
        let Some(visit) = &self.caller.visit else {
            return Ok(Vec::new());
        };
        let memberships = self
            .backend
            .accounts()
            .memberships(visit.person)
            .await
            .map_err(internal)?;
        let as_brand = |(company, _): (accounts::Company, Role)| Brand {
            client_id: company.client_id,
            name: company.name,
        };
        Ok(memberships.into_iter().map(as_brand).collect())
    }

    async fn enter(&self, company: ClientId) -> Result<CompanyAccess, AppError> {
        let visit = self.caller.visit.as_ref().ok_or(AppError::SignedOut)?;
        let membership = self
            .backend
            .accounts()
            .membership(visit.person, company)
            .await
            .map_err(internal)?;
        let membership = membership.ok_or(AppError::NotFound)?;
        Ok(self.backend.access(visit, &membership, &self.caller))
    }

    fn is_demo(&self) -> bool {
        self.backend.0.demo.is_some()
    }
}

impl Backend {
    fn accounts(&self) -> &accounts::Accounts {
        &self.0.services.core.accounts
    }

    fn access(&self, visit: &Visit, membership: &Membership, caller: &Caller) -> CompanyAccess {
        let services = &self.0.services;
        let (company, role) = (membership.company.id, membership.role);
        let actor = Actor {
            kind: ActorKind::Member,
            name: visit.email.to_string(),
            address: Some(caller.address.to_string()),
        };
        let seen_keys = keys::SeenKeys {
            keys: services.core.keys.clone(),
            logs: Arc::clone(&services.log_store),
            webhooks: services.webhooks.clone(),
            clock: services.clock(),
            company,
        };
        let seen_logs = logs::SeenLogs {
            store: Arc::clone(&services.log_store),
            webhooks: services.webhooks.clone(),
            clock: services.clock(),
            scope: logs::scope_of(&membership.company),
        };
        let key_manager = || -> Arc<dyn ManageKeys> {
            Arc::new(keys::ManagedKeys {
                keys: services.core.keys.clone(),
                company,
                actor: actor.clone(),
            })
        };
        let seen_webhooks = webhooks::SeenWebhooks {
            webhooks: services.webhooks.clone(),
            company,
        };
        let webhook_manager = || -> Arc<dyn ManageWebhooks> {
            Arc::new(webhooks::ManagedWebhooks {
                webhooks: services.webhooks.clone(),
                company,
                actor: actor.clone(),
            })
        };
        CompanyAccess {
            context: self.context(visit, membership),
            keys: Arc::new(seen_keys),
            logs: Arc::new(seen_logs),
            webhooks: Arc::new(seen_webhooks),
            key_manager: role.manages_keys().then(key_manager),
            webhook_manager: role.manages_webhooks().then(webhook_manager),
        }
    }

    fn context(&self, visit: &Visit, membership: &Membership) -> CompanyContext {
        let as_brand = |brand: &accounts::Company| Brand {
            client_id: brand.client_id,
            name: brand.name.clone(),
        };
        CompanyContext {
            client_id: membership.company.client_id,
            name: membership.company.name.clone(),
            brands: membership.brands.iter().map(as_brand).collect(),
            member_email: visit.email.to_string(),
            role: membership.role,
            gateway_url: self.0.gateway_url.clone(),
            upstreams: self.0.upstreams.clone(),
            demo: self.0.demo.clone(),
        }
    }
}

/// An accounts fault on the way to a page: the cause goes to the log under an id, the id to the page.
fn internal(error: AccountsError) -> AppError {
    let incident = incident();
    tracing::error!(
        incident,
        error = crate::error::chain(&error),
        "a page could not be answered"
    );
    AppError::Internal { incident }
}

/// An id that a person can quote and an operator can search for.
pub(crate) fn incident() -> String {
    wire::panics::new_incident()
}
