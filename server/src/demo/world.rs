//! Creates the demo's company: its brands, people, older and newer keys, webhooks, and request history.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use accounts::{Company, Email, Password};
use clock::{Clock, ManualClock};
use keys::{Keys, KeysOptions, KeysParts, RateLimit};
use logs::{KeyTrace, Place};
use model::{
    Actor, ActorKind, ClientId, CompanyId, Environment, EventType, KeyId, Role, Timestamp, WebhookDraft,
    WebhookEvents,
};
use vault::{AccessSecret, SealPlace, SealPurpose};

use super::state::{DeletedKey, State};
use super::{PASSWORD, history, receiver, traffic};
use crate::config::Demo as Kind;
use crate::demo_people::DemoPeople;
use crate::error::StartError;
use crate::services::Services;

const COMPANY: &str = "Northwind Lending";
const BRANDS: [&str; 3] = ["Northwind Auto", "Northwind Cards", "Northwind Homes"];
/// The owner's e-mail address.
pub const OWNER: &str = "ana@demo.example";
const VIEWER: &str = "vic@demo.example";

pub(super) fn people() -> Result<DemoPeople, StartError> {
    let email = |text: &str| {
        text.parse::<Email>()
            .map_err(StartError::failed("naming the demo's people"))
    };
    Ok(DemoPeople::new(vec![
        (Role::Owner, email(OWNER)?),
        (Role::Viewer, email(VIEWER)?),
    ]))
}

/// The person the audit trail names as the author of the sample data.
pub(super) fn ana() -> Actor {
    Actor {
        kind: ActorKind::Member,
        name: OWNER.to_owned(),
        address: Some("127.0.0.1".to_owned()),
    }
}

/// Creates all the sample data. With `Empty`, creates only the company and its people.
pub(super) async fn make(kind: Kind, services: &Services, port: u16) -> Result<State, StartError> {
    let failed = || StartError::failed("making the demo's company");
    let accounts = &services.core.accounts;
    let company = accounts
        .create_company(COMPANY, None, &Actor::system())
        .await
        .map_err(failed())?
        .client_id;
    let people = people()?;
    for (role, email) in people.all() {
        let password = Password::new(PASSWORD.to_owned()).map_err(failed())?;
        accounts
            .create_member(company, email.clone(), *role, password, &Actor::system())
            .await
            .map_err(failed())?;
    }
    if kind == Kind::Empty {
        reload(services).await?;
        return Ok(State {
            port,
            company,
            real_since: None,
            deleted: None,
        });
    }
    for brand in BRANDS {
        accounts
            .create_company(brand, Some(company), &Actor::system())
            .await
            .map_err(failed())?;
    }
    let now = services.core.clock.now();
    let parent = accounts
        .company(company)
        .await
        .map_err(failed())?
        .ok_or_else(missing)?;
    let brands = accounts.brands(parent.id).await.map_err(failed())?;
    let past = past(services, now, &parent, &brands).await?;
    reload(services).await?;
    webhooks(services, parent.id, port).await?;
    let last_used = history::write(services, now, &past).await;
    touch(services, &past, &last_used);
    // The first page already shows one webhook that has delivered, one that waits for its next attempt, and one that is
    // disabled.
    for event_type in [
        EventType::from_static("order-status-updated"),
        EventType::from_static("link-disconnected"),
    ] {
        traffic::publish(services, parent.id, &event_type).await;
    }
    Ok(State {
        port,
        company,
        real_since: Some(services.core.clock.now()),
        deleted: Some(past.deleted),
    })
}

fn missing() -> StartError {
    StartError::Refused("The demo's company is missing right after it was created.".to_owned())
}

async fn reload(services: &Services) -> Result<(), StartError> {
    services
        .core
        .keys
        .reload()
        .await
        .map_err(StartError::failed("loading the demo's keys"))
}

/// How often the history uses which key.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) place: Place,
    pub(super) key: KeyTrace,
    pub(super) environment: Environment,
    /// The percentage of requests.
    pub(super) share: u32,
    pub(super) address: &'static str,
    pub(super) agent: &'static str,
    /// When the key was created, and when its program stopped calling.
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// The keys and their history.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) lines: Vec<Line>,
    pub(super) deleted: DeletedKey,
    pub(super) deleted_trace: KeyTrace,
    pub(super) deleted_at: Timestamp,
    pub(super) own_place: Place,
}

const DAY: i64 = 24 * 3600;

/// Creates and deletes keys in the past. They go through the usual rules, with a clock that is set back.
async fn past(
    services: &Services,
    now: Timestamp,
    parent: &Company,
    brands: &[Company],
) -> Result<Past, StartError> {
    let clock = ManualClock::at(now.minus_seconds(80 * DAY));
    let keys = keys_of_the_past(services, Clock::from(&clock)).await?;
    let failed = || StartError::failed("making the demo's keys");
    let (sandbox, dev) = (Environment::Sandbox, Environment::Dev);
    let actor = ana();

    let old = keys
        .generate_named(parent.id, sandbox, "Backend, first key", &actor)
        .await
        .map_err(failed())?;
    clock.set(now.minus_seconds(62 * DAY));
    let current = keys
        .generate_named(parent.id, sandbox, "Backend", &actor)
        .await
        .map_err(failed())?;
    let mut lines = Vec::new();
    for ((brand, share), address) in
        brands
            .iter()
            .zip([31, 24, 13])
            .zip(["203.0.113.24", "203.0.113.61", "198.51.100.7"])
    {
        clock.advance(Duration::from_secs(3600));
        let key = keys.generate(brand.id, sandbox, &actor).await.map_err(failed())?;
        let key = KeyTrace {
            id: key.key.id,
            last_four: key.key.last_four,
        };
        let agent = if share > 20 {
            "northwind-api/4.2 (python-requests/2.32)"
        } else {
            "okhttp/4.12.0"
        };
        lines.push(Line {
            place: place(parent, Some(brand)),
            key,
            environment: sandbox,
            share,
            address,
            agent,
            from: now.minus_seconds(61 * DAY),
            until: now,
        });
    }
    clock.set(now.minus_seconds(40 * DAY));
    let dev_older = keys
        .generate_named(parent.id, dev, "Staging", &actor)
        .await
        .map_err(failed())?;
    clock.set(now.minus_seconds(2 * DAY));
    let dev_newer = keys
        .generate_named(parent.id, dev, "Staging, new key", &actor)
        .await
        .map_err(failed())?;
    let deleted_at = now.minus_seconds(26 * 3600);
    clock.set(deleted_at);
    keys.delete(parent.id, old.key.id, &actor)
        .await
        .map_err(failed())?;

    let own = |generated: &model::GeneratedKey, environment, share, address, quiet_for| Line {
        place: place(parent, None),
        key: KeyTrace {
            id: generated.key.id,
            last_four: generated.key.last_four.clone(),
        },
        environment,
        share,
        address,
        agent: "node-fetch/3.3.2",
        from: generated.key.created_at,
        until: now.minus_seconds(quiet_for),
    };
    lines.push(own(&current, sandbox, 20, "192.0.2.18", 190));
    // A rotation in its third step: the older key has not been used for hours.
    lines.push(own(&dev_older, dev, 8, "192.0.2.44", 5 * 3600));
    lines.push(own(&dev_newer, dev, 4, "192.0.2.45", 640));
    Ok(Past {
        lines,
        deleted: seal(services, parent.id, old.key.id, old.secret.expose()),
        deleted_trace: KeyTrace {
            id: old.key.id,
            last_four: old.key.last_four,
        },
        deleted_at,
        own_place: place(parent, None),
    })
}

async fn keys_of_the_past(services: &Services, clock: Clock) -> Result<Keys, StartError> {
    let core = &services.core;
    let parts = KeysParts {
        store: Arc::new(store::keys::StoredKeys::new(core.db.clone())),
        pepper: Arc::clone(&core.secrets.pepper),
        master_key: Arc::clone(&core.secrets.master_key),
        install: core.install,
        bus: core.bus.clone(),
        clock,
        options: KeysOptions::new(RateLimit::off(), false),
    };
    Keys::open(parts)
        .await
        .map_err(StartError::failed("loading the demo's keys"))
}

fn place(parent: &Company, brand: Option<&Company>) -> Place {
    let company = brand.unwrap_or(parent);
    Place {
        root: parent.id,
        company: company.id,
        client_id: company.client_id,
        brand: brand.map(|brand| brand.name.clone()),
    }
}

fn seal_place(services: &Services, company: CompanyId, key: KeyId) -> SealPlace {
    SealPlace {
        purpose: SealPurpose::AccessSecret,
        install: services.core.install,
        company,
        environment: Environment::Sandbox,
        id: key.to_bytes(),
    }
}

fn seal(services: &Services, company: CompanyId, key: KeyId, secret: &str) -> DeletedKey {
    let place = seal_place(services, company, key);
    let sealed = services
        .core
        .secrets
        .master_key
        .seal(&place, secret.as_bytes())
        .into_bytes();
    DeletedKey { id: key, sealed }
}

/// The deleted key's secret, which its program still sends. `None` if it cannot be unsealed.
pub(super) fn open(services: &Services, company: CompanyId, deleted: &DeletedKey) -> Option<AccessSecret> {
    let place = seal_place(services, company, deleted.id);
    let plain = services
        .core
        .secrets
        .master_key
        .open(&place, &vault::Sealed::from_bytes(deleted.sealed.clone()))
        .ok()?;
    AccessSecret::unsealed(&plain, Environment::Sandbox).ok()
}

/// One webhook works, one fails, and one gets a 410 and is disabled. None of them uses the URL that the page suggests.
async fn webhooks(services: &Services, company: CompanyId, port: u16) -> Result<(), StartError> {
    let draft = |name: &str, path: &str, events| WebhookDraft {
        name: name.to_owned(),
        url: format!("http://127.0.0.1:{port}{}{path}", receiver::PATH),
        environment: Environment::Sandbox,
        events,
        enabled: true,
    };
    let orders = vec![
        EventType::from_static("order-created"),
        EventType::from_static("order-status-updated"),
        EventType::from_static("order-finalized"),
    ];
    let failing = vec![
        EventType::from_static("link-disconnected"),
        EventType::from_static("task-status-updated"),
    ];
    let drafts = [
        draft("Order book", "/orders", WebhookEvents::Only(orders)),
        draft("Risk service", "/broken", WebhookEvents::Only(failing)),
        draft("Old data warehouse", "/warehouse", WebhookEvents::All),
    ];
    for draft in drafts {
        let made = services.webhooks.create(company, &draft, &ana()).await;
        made.map_err(StartError::failed("making the demo's webhooks"))?;
    }
    Ok(())
}

/// Points the webhooks at the built-in receiver's new port if it differs from last time.
pub(super) async fn move_webhooks(services: &Services, state: &State, port: u16) -> Result<(), StartError> {
    let failed = || StartError::failed("moving the demo's webhooks");
    let Some(company) = company_id(services, state.company).await else {
        return Ok(());
    };
    let (before, after) = (
        format!("http://127.0.0.1:{}/", state.port),
        format!("http://127.0.0.1:{port}/"),
    );
    for row in services.webhooks.list(company).await.map_err(failed())? {
        if let Some(path) = row.webhook.url.strip_prefix(&before) {
            let url = Some(format!("{after}{path}"));
            let patch = webhooks::WebhookPatch {
                url,
                ..webhooks::WebhookPatch::default()
            };
            services
                .webhooks
                .patch(company, None, row.webhook.id, patch, &ana())
                .await
                .map_err(failed())?;
        }
    }
    Ok(())
}

pub(super) async fn company_id(services: &Services, client_id: ClientId) -> Option<CompanyId> {
    services
        .core
        .accounts
        .company(client_id)
        .await
        .ok()?
        .map(|company| company.id)
}

/// Sets each key's last use to what the log shows.
fn touch(services: &Services, past: &Past, last_used: &HashMap<KeyId, Timestamp>) {
    let snapshot = services.core.keys.snapshot();
    for line in &past.lines {
        if let (Some(key), Some(at), Ok(address)) = (
            snapshot.active_key(line.key.id),
            last_used.get(&line.key.id),
            line.address.parse(),
        ) {
            services.core.keys.touched(key, *at, address);
        }
    }
}
