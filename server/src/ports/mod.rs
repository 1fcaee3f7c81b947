//! Connects the app's ports to the real services. Each request gets one [`PageVisitor`] for its caller, and each
//! company a [`CompanyAccess`] that contains only what that person may do there.

mod key_change;
mod key_test;
pub(crate) mod keys;
pub(crate) mod logs;
mod memberships;
pub(crate) mod rotations;
mod views;
pub(crate) mod webhooks;

use std::sync::Arc;

use accounts::{AccountsError, Membership, Visit};
use app::AppError;
use app::ports::{Allowed, CompanyAccess, Visitor};
use async_trait::async_trait;
use model::{
    Actor, ActorKind, Brand, Catalogue, ClientId, CompanyContext, DemoContext, Environment, Permission, Role,
};

use self::memberships::Memberships;
use crate::caller::Caller;
use crate::incident;
use crate::services::Services;

/// The services behind the ports. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Backend {
    pub services: Services,
    pub installation: Arc<Installation>,
}

/// What every company page says about this installation.
#[derive(Debug)]
pub struct Installation {
    /// How programs reach the gateway, without a trailing slash.
    pub gateway_url: String,
    pub upstreams: Vec<Environment>,
    /// `None` outside the demo.
    pub demo: Option<DemoContext>,
}

/// The caller of one request. Everything in the request that needs a company asks here: its guard, its handler, and
/// every server function its page calls.
#[derive(Debug)]
pub struct PageVisitor {
    backend: Backend,
    caller: Caller,
    memberships: Memberships,
}

impl PageVisitor {
    pub fn new(backend: Backend, caller: Caller) -> Self {
        Self {
            backend,
            caller,
            memberships: Memberships::default(),
        }
    }

    /// The session, if the caller is signed in.
    pub fn visit(&self) -> Result<&Visit, AppError> {
        self.caller.visit.as_ref().ok_or(AppError::SignedOut)
    }

    /// The caller's membership, with the same errors as [`Visitor::enter`]. It is looked up once per request.
    pub async fn membership(&self, company: ClientId) -> Result<Arc<Membership>, AppError> {
        let person = self.visit()?.person;
        let accounts = self.backend.accounts();
        let found = self.memberships.of(company, || {
            tracing::debug!(%company, "looking a membership up");
            accounts.membership(person, company)
        });
        found.await.map_err(internal)?.ok_or(AppError::NotFound)
    }

    /// What this member may see and do.
    pub fn access(&self, membership: &Membership) -> Result<CompanyAccess, AppError> {
        let visit = self.visit()?;
        Ok(self.backend.access(visit, membership, &self.caller))
    }
}

#[async_trait]
impl Visitor for PageVisitor {
    async fn companies(&self) -> Result<Vec<Brand>, AppError> {
        let Ok(visit) = self.visit() else {
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
        let membership = self.membership(company).await?;
        self.access(&membership)
    }

    fn event_types(&self, brief: bool) -> Catalogue {
        let known = self.backend.services.webhooks.event_types();
        if brief {
            known.catalogue().brief()
        } else {
            Catalogue::new(known.catalogue().offered().cloned().collect())
        }
    }

    fn is_demo(&self) -> bool {
        self.backend.installation.demo.is_some()
    }
}

impl Backend {
    fn accounts(&self) -> &accounts::Accounts {
        &self.services.core.accounts
    }

    fn access(&self, visit: &Visit, membership: &Membership, caller: &Caller) -> CompanyAccess {
        let services = &self.services;
        let (company, role) = (membership.company.id, membership.role);
        let scope = logs::scope_of(&membership.company);
        let actor = Actor {
            kind: ActorKind::Member,
            name: visit.email.to_string(),
            address: Some(caller.address.to_string()),
        };
        let seen_keys = keys::SeenKeys {
            keys: services.core.keys.clone(),
            reading: services.reading.clone(),
            webhooks: services.webhooks.clone(),
            clock: services.clock(),
            company,
            scope,
        };
        let managed_keys = Arc::new(keys::ManagedKeys {
            keys: services.core.keys.clone(),
            reading: services.reading.clone(),
            clock: services.clock(),
            company,
            scope,
            actor: actor.clone(),
            gateway: services.gateway.clone(),
            gateway_url: self.installation.gateway_url.clone(),
            client_id: membership.company.client_id,
            address: caller.address,
        });
        let seen_logs = logs::SeenLogs {
            reading: services
                .reading
                .clone()
                .within(services.core.retention, membership.company.log_days),
            webhooks: services.webhooks.clone(),
            clock: services.clock(),
            scope,
        };
        let seen_rotations = Arc::new(rotations::SeenRotations {
            core: Arc::clone(&services.core),
            reading: services
                .reading
                .clone()
                .within(services.core.retention, membership.company.log_days),
            company: membership.company.clone(),
        });
        let rotator = rotations::ManagedRotations {
            seen: Arc::clone(&seen_rotations),
            actor: actor.clone(),
        };
        let own_views = views::OwnViews {
            accounts: services.core.accounts.clone(),
            of: accounts::ViewsOf {
                company,
                person: visit.person,
            },
            actor: actor.clone(),
        };
        let seen_webhooks = webhooks::SeenWebhooks {
            webhooks: services.webhooks.clone(),
            company,
        };
        let managed_webhooks = Arc::new(webhooks::ManagedWebhooks {
            webhooks: services.webhooks.clone(),
            company,
            actor,
        });
        CompanyAccess {
            context: self.context(visit, membership),
            keys: allowed(role, Permission::SeeKeys, Arc::new(seen_keys)),
            key_manager: allowed(role, Permission::ManageKeys, managed_keys.clone()),
            key_secrets: allowed(role, Permission::RevealKeys, managed_keys),
            rotations: allowed(role, Permission::SeeKeys, seen_rotations),
            rotator: allowed(role, Permission::ManageKeys, Arc::new(rotator)),
            logs: allowed(role, Permission::SeeLogs, Arc::new(seen_logs)),
            views: allowed(role, Permission::SeeLogs, Arc::new(own_views)),
            webhooks: allowed(role, Permission::SeeWebhooks, Arc::new(seen_webhooks)),
            webhook_manager: allowed(role, Permission::ManageWebhooks, managed_webhooks.clone()),
            webhook_secrets: allowed(role, Permission::RevealWebhookSecrets, managed_webhooks.clone()),
            replays: allowed(role, Permission::ReplayDeliveries, managed_webhooks),
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
            gateway_url: self.installation.gateway_url.clone(),
            upstreams: self.installation.upstreams.clone(),
            demo: self.installation.demo.clone(),
        }
    }
}

/// The port, if the role has its permission.
fn allowed<Port: ?Sized>(role: Role, permission: Permission, port: Arc<Port>) -> Allowed<Port> {
    AppError::unless_may(role, permission).map(|()| port)
}

/// An internal error of accounts, on the way to a page.
fn internal(error: AccountsError) -> AppError {
    AppError::Internal {
        incident: incident::logged("a page could not be answered", &error),
    }
}
